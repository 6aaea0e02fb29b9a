/* spool.c - the body of an upload goes to models/partial/upload.XXXXXX as it comes, and is gone when nobody took it.  The file is locked
 * while its server lives; what one that was killed left behind is swept away by the next upload. */
#include "serve/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "hub/store.h"

static void sweep(void)
{
    char *folder = NULL;
    DIR *d = hub_path(HUB_MODELS, "partial", &folder) == HEARTH_OK ? opendir(folder) : NULL;
    for (struct dirent *e; d && (e = readdir(d));) {
        if (strncmp(e->d_name, "upload.", 7) != 0) continue;
        int fd = openat(dirfd(d), e->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) unlinkat(dirfd(d), e->d_name, 0);
        if (fd >= 0) close(fd);
    }
    if (d) closedir(d);
    free(folder);
}

static enum hearth_status open_file(struct exchange *x)
{
    TRY(store_make());
    sweep();
    TRY(hub_path(HUB_MODELS, "partial/upload.XXXXXX", &x->spool_path));
    x->spool = mkostemp(x->spool_path, O_CLOEXEC);
    if (x->spool >= 0 && flock(x->spool, LOCK_EX | LOCK_NB) == 0) return HEARTH_OK;
    enum hearth_status st = fail_errno(x->spool_path, "cannot make a file for the body");
    spool_close(x);
    return st;
}

static enum hearth_status put(struct exchange *x, const char *data, size_t n, int *full)
{
    *full = 0;
    if (x->spool < 0) TRY(open_file(x));
    while (n) {
        ssize_t k = write(x->spool, data, n);
        if (k < 0 && errno == EINTR) continue;
        *full = k < 0 && (errno == ENOSPC || errno == EDQUOT);
        if (k <= 0) return fail_errno(x->spool_path, "cannot keep the body");
        data += k, n -= (size_t)k;
        x->spooled += (uint64_t)k;
    }
    return HEARTH_OK;
}

int spool_put(struct exchange *x, const char *data, size_t n)
{
    int full;
    enum hearth_status st = put(x, data, n, &full);
    if (st == HEARTH_OK) {
        exchange_patience(x, x->began + BODY_SECONDS + (double)x->spooled / SLOWEST - clock_seconds());
        return 1;
    }
    spool_close(x);
    exchange_error(x, full ? 507 : 500, NULL, NULL, "the body could not be kept: %s", full ? "the disk is full" : "writing failed");
    return 1;                                          /* the rest is read and forgotten, so that the client sees the answer */
}

void spool_close(struct exchange *x)
{
    if (x->spool >= 0) close(x->spool);
    if (x->spool_path) unlink(x->spool_path);
    free(x->spool_path);
    x->spool_path = NULL;
    x->spool = -1;
}
