/* disk.c - see disk.h.
 *
 *     an upload     MHD's thread ─► x->body ──DISK_PIECE──► x->piece ─► a disk thread ─► models/partial/upload.XXXXXX
 *     a file        a disk thread ─► x->out ─► MHD's thread, which asks for the next piece when it has sent this one
 *
 * The file of an upload is gone when nobody took it.  It is locked while its server lives; what one that was killed left behind is swept
 * away by the next upload.  Time that the disk takes is not the client's: its deadline waits. */
#include "serve/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "hub/store.h"

enum { DISK_PIECE = 256 << 10 };

/* With x's lock: the connection rests until disk_over. */
static void rest(struct exchange *x)
{
    struct server *s = x->s;
    if (x->suspended || !x->wire) return;
    pthread_mutex_lock(&s->lock);
    x->rested = clock_seconds();
    if (x->conn) x->owed = x->conn->deadline - x->rested, x->conn->deadline = INFINITY;
    pthread_mutex_unlock(&s->lock);
    x->suspended = 1;
    wire_suspend(x->wire);
}

/* A disk thread has done its piece. */
static void over(struct exchange *x)
{
    struct server *s = x->s;
    pthread_mutex_lock(&x->lock);
    x->at_disk = 0;
    pthread_mutex_lock(&s->lock);
    x->waited += clock_seconds() - x->rested;
    if (x->conn && isinf(x->conn->deadline)) x->conn->deadline = clock_seconds() + x->owed;
    pthread_mutex_unlock(&s->lock);
    exchange_resume(x);
    pthread_mutex_unlock(&x->lock);
    exchange_unref(x);
}

/* x->at_disk is 1, and x has no lock. */
static int hand_over(struct exchange *x, void (*fn)(void *x))
{
    pthread_mutex_lock(&x->s->lock);
    exchange_ref(x);
    pthread_mutex_unlock(&x->s->lock);
    if (workers_add(x->s, WORK_DISK, NULL, fn, x)) return 1;
    over(x);
    return 0;
}

/* ---- uploads ---- */

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
    static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;    /* a file that is made and not yet locked would be swept away */
    TRY(store_make());
    TRY(hub_path(HUB_MODELS, "partial/upload.XXXXXX", &x->spool_path));
    pthread_mutex_lock(&one);
    sweep();
    x->spool = mkostemp(x->spool_path, O_CLOEXEC);
    int locked = x->spool >= 0 && flock(x->spool, LOCK_EX | LOCK_NB) == 0;
    pthread_mutex_unlock(&one);
    if (locked) return HEARTH_OK;
    enum hearth_status st = fail_errno(x->spool_path, "cannot make a file for the body");
    disk_close(x);
    return st;
}

static enum hearth_status put(struct exchange *x, int *full)
{
    *full = 0;
    if (x->spool < 0) TRY(open_file(x));
    for (size_t at = 0; at < x->piece.len;) {
        ssize_t k = write(x->spool, x->piece.data + at, x->piece.len - at);
        if (k < 0 && errno == EINTR) continue;
        *full = k < 0 && (errno == ENOSPC || errno == EDQUOT);
        if (k <= 0) return fail_errno(x->spool_path, "cannot keep the body");
        at += (size_t)k;
    }
    return HEARTH_OK;
}

/* On a disk thread. */
static void write_piece(void *user)
{
    struct exchange *x = user;
    int full = 0, n = (int)x->piece.len;
    enum hearth_status st = x->gone ? HEARTH_OK : put(x, &full);
    buf_free(&x->piece);
    pthread_mutex_lock(&x->s->lock);
    if (n > x->counted_body) n = x->counted_body;      /* refused meanwhile, and so forgotten already */
    x->counted_body -= n;
    x->s->bodies -= (size_t)n;
    pthread_mutex_unlock(&x->s->lock);
    if (st != HEARTH_OK) {
        disk_close(x);
        exchange_error(x, full ? 507 : 500, NULL, NULL, "the body could not be kept: %s", full ? "the disk is full" : "writing failed");
    }
    over(x);
}

/* What has come goes to the disk, when nothing of it is on its way there.  1: the connection rests. */
static int hand_piece(struct exchange *x)
{
    pthread_mutex_lock(&x->lock);
    int go = !x->at_disk && x->body.len, rests = go || x->at_disk;
    if (go) {
        x->piece = x->body;
        x->body = (struct buf){0};
        x->spooled += x->piece.len;
        x->at_disk = 1;
    }
    if (rests) rest(x);
    pthread_mutex_unlock(&x->lock);
    if (go && !hand_over(x, write_piece)) {
        buf_free(&x->piece);
        exchange_error(x, 500, NULL, NULL, "the server has no memory for this request");
    }
    return rests;
}

int disk_put(struct exchange *x)
{
    if (x->body.len >= DISK_PIECE) hand_piece(x);
    return 1;                                          /* when it failed the rest is read and forgotten, so that the client sees the answer */
}

int disk_flush(struct exchange *x)
{
    return x->route && (x->route->methods & HTTP_SPOOL) && !exchange_answered(x) && !x->gone && hand_piece(x);
}

void disk_close(struct exchange *x)
{
    if (x->spool >= 0) close(x->spool);
    if (x->spool_path) unlink(x->spool_path);
    free(x->spool_path);
    x->spool_path = NULL;
    x->spool = -1;
}

/* ---- files ---- */

/* On a disk thread; nobody looks at x->out meanwhile. */
static void read_piece(void *user)
{
    struct exchange *x = user;
    size_t n = x->file_left < DISK_PIECE ? (size_t)x->file_left : DISK_PIECE, got = 0;
    char *to = x->out.data ? x->out.data : malloc(DISK_PIECE);
    while (to && got < n && !x->gone) {
        ssize_t k = pread(x->file, to + got, n - got, (off_t)(x->file_at + got));
        if (k > 0) got += (size_t)k;
        else if (k == 0 || errno != EINTR) break;
    }
    x->out.data = to;
    x->out.cap = to ? DISK_PIECE : 0;
    x->out.len = got;
    x->out_at = 0;
    x->file_at += got;
    x->file_left -= got;
    x->file_bad = got < n;                             /* shorter than it was, or it cannot be read: the client sees an answer that breaks off */
    over(x);
}

long disk_take(struct exchange *x, char *to, size_t max)
{
    long n = 0;
    pthread_mutex_lock(&x->lock);
    size_t left = x->at_disk ? 0 : x->out.len - x->out_at;
    if (x->gone || (!x->at_disk && !left && x->file_bad)) n = -2;
    else if (left) {
        n = (long)(left < max ? left : max);
        memcpy(to, x->out.data + x->out_at, (size_t)n);
        x->out_at += (size_t)n;
        x->sent += (size_t)n;
    } else if (!x->at_disk && !x->file_left) n = -1;
    int go = n == 0 && !x->at_disk;
    if (go) x->at_disk = 1;
    if (n == 0) rest(x);
    pthread_mutex_unlock(&x->lock);
    if (go && !hand_over(x, read_piece)) return -2;
    return n;
}
