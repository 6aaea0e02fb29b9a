/* spool.c - the body of an upload goes to models/partial/upload.XXXXXX as it comes, and is gone when nobody took it. */
#include "serve/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "hub/store.h"

static enum hearth_status open_file(struct exchange *x)
{
    TRY(store_make());
    TRY(hub_path(HUB_MODELS, "partial/upload.XXXXXX", &x->spool_path));
    x->spool = mkostemp(x->spool_path, O_CLOEXEC);
    if (x->spool >= 0) return HEARTH_OK;
    enum hearth_status st = fail_errno(x->spool_path, "cannot make a file for the body");
    free(x->spool_path);
    x->spool_path = NULL;
    return st;
}

static enum hearth_status put(struct exchange *x, const char *data, size_t n)
{
    if (x->spool < 0) TRY(open_file(x));
    while (n) {
        ssize_t k = write(x->spool, data, n);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return fail_errno(x->spool_path, "cannot keep the body");
        data += k, n -= (size_t)k;
        x->spooled += (uint64_t)k;
    }
    return HEARTH_OK;
}

int spool_put(struct exchange *x, const char *data, size_t n)
{
    enum hearth_status st = put(x, data, n);
    if (st == HEARTH_OK) {
        exchange_patience(x, x->began + BODY_SECONDS + (double)x->spooled / SLOWEST - clock_seconds());
        return 1;
    }
    spool_close(x);
    exchange_error(x, errno == ENOSPC ? 507 : 500, NULL, NULL, "the body could not be kept: %s", errno == ENOSPC ? "the disk is full" : "writing failed");
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
