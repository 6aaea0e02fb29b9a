/* partial.c - the file a pull fills. */
#include "hub/partial.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "hub/digest.h"
#include "hub/ini.h"
#include "hub/store.h"
#include "os/os.h"

enum { READ = 1 << 20 };

struct partial {
    int fd, full, began;
    enum hub_stage stage;
    char *path, *state, *zip, *source; /* source: whose bytes these are, once it began */
    char sha256[65];
    uint64_t length, size, first;    /* first: what was there when this process began */
    struct sha256 *sum;
    double marked;
    const struct hub_callbacks *calls;
};

static int cancelled(const struct partial *p)
{
    return p->calls->cancel && *p->calls->cancel;
}

static void report(const struct partial *p, enum hub_stage stage, uint64_t done, uint64_t total)
{
    struct hub_progress g = {.stage = stage, .done = done, .total = total, .first = stage == HUB_DOWNLOADING ? p->first : 0};
    if (p->calls->on_progress) p->calls->on_progress(p->calls->user, &g);
}

/* The lock is on the file that has the name now: whoever held it before may have finished it (then it has another) or
 * removed it.  1: it is ours; 0: not yet; -1: errno. */
static int lock_once(struct partial *p)
{
    struct stat mine, named;
    p->fd = open(p->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (p->fd < 0) return -1;
    if (flock(p->fd, LOCK_EX | LOCK_NB) == 0) {
        if (fstat(p->fd, &mine) != 0) return -1;
        if (stat(p->path, &named) == 0 && mine.st_ino == named.st_ino && mine.st_dev == named.st_dev) return 1;
    } else if (errno != EWOULDBLOCK && errno != EINTR) return -1;
    close(p->fd);
    p->fd = -1;
    return 0;
}

static enum hearth_status take_lock(struct partial *p)
{
    for (int waited = 0;; waited++) {
        struct timespec tick = {0, 100 * 1000 * 1000};
        int got = lock_once(p);
        if (got > 0) return HEARTH_OK;
        if (got < 0) return fail_errno(p->path, "cannot open or lock");
        if (cancelled(p)) return fail(HEARTH_ECANCELLED, "cancelled");
        if (waited == 1) report(p, HUB_WAITING, 0, p->size);
        nanosleep(&tick, NULL);
    }
}

enum hearth_status partial_open(const char *sha256, uint64_t size, const struct hub_callbacks *c, struct partial **out)
{
    struct partial *p = mem_array(1, sizeof *p);
    struct stat s;
    enum hearth_status st;
    *out = NULL;
    if (!p) return HEARTH_ENOMEM;
    p->fd = -1;
    p->size = size;
    p->calls = c;
    TRY_GOTO(st, bad, store_part_path(sha256, ".part", &p->path));
    TRY_GOTO(st, bad, store_part_path(sha256, ".state", &p->state));
    TRY_GOTO(st, bad, store_part_path(sha256, ".zip", &p->zip));
    memcpy(p->sha256, sha256, sizeof p->sha256);
    TRY_GOTO(st, bad, take_lock(p));
    if (fstat(p->fd, &s) != 0 || !S_ISREG(s.st_mode)) {
        st = fail(HEARTH_EIO, "%s: not a regular file", p->path);
        goto bad;
    }
    p->length = (uint64_t)s.st_size;
    *out = p;
    return HEARTH_OK;
bad:
    partial_close(p, 0);
    return st;
}

void partial_close(struct partial *p, int remove)
{
    struct stat s;
    if (!p) return;
    if (p->fd >= 0) {
        if (fstat(p->fd, &s) == 0 && s.st_nlink > 0 && (remove || s.st_size == 0)) {
            unlink(p->path);
            unlink(p->state);
            if (remove) unlink(p->zip);
        }
        close(p->fd);
    }
    sha256_close(p->sum);
    free(p->path), free(p->state), free(p->zip), free(p->source);
    free(p);
}

int partial_clone(struct partial *p, int from)
{
    struct stat s;
    if (ioctl(p->fd, FICLONE, from) != 0 || fstat(p->fd, &s) != 0) return 0;
    p->length = (uint64_t)s.st_size;
    return 1;
}

void partial_reset(struct partial *p)
{
    unlink(p->state);
    unlink(p->zip);
    if (ftruncate(p->fd, 0) == 0) p->length = 0;
}

uint64_t partial_length(const struct partial *p)
{
    return p->length;
}

int partial_full(const struct partial *p)
{
    return p->full;
}

const char *partial_path(const struct partial *p)
{
    return p->path;
}

const char *partial_zip(const struct partial *p)
{
    return p->zip;
}

uint64_t partial_room(const struct partial *p)
{
    return p->size - p->length;
}

/* Of a source of several lines a message shows the first. */
static int shown(const char *source)
{
    size_t n = strcspn(source, "\n");
    return (int)(n < 300 ? n : 300);
}

/* ---- where it stands ---- */

static int read_place(const struct ini *f, struct partial_place *at)
{
    uint64_t bits, last, big = INT64_MAX;
    return ini_number(f, "partial", "piece", 1 << 16, &at->piece) == HEARTH_OK &&
           ini_number(f, "partial", "base", big, &at->base) == HEARTH_OK &&
           ini_number(f, "partial", "in", big, &at->here.in) == HEARTH_OK &&
           ini_number(f, "partial", "out", big, &at->here.out) == HEARTH_OK &&
           ini_number(f, "partial", "bits", 7, &bits) == HEARTH_OK &&
           ini_number(f, "partial", "last", 255, &last) == HEARTH_OK &&
           ini_number(f, "partial", "whole", big, &at->whole) == HEARTH_OK &&
           (at->here.bits = (unsigned)bits, at->here.last = (unsigned)last, 1);
}

void partial_look(const struct partial *p, const char *source, struct partial_place *out)
{
    struct ini f = {0};
    struct partial_place at = {0};
    *out = at;
    if (ini_read(p->state, &f) != HEARTH_OK) return;
    const char *whose = ini_get(&f, "partial", "source");
    int good = whose && !strcmp(whose, source) && read_place(&f, &at) && at.base <= p->length && at.here.out <= p->length - at.base;
    if (good) *out = at;
    ini_free(&f);
}

/* Hashes what is kept and reads the window. */
static enum hearth_status read_back(struct partial *p, const struct partial_place *at, void *window, size_t *n)
{
    uint64_t done = 0;
    enum hearth_status st = HEARTH_OK;
    char *piece = mem_array(READ, 1);
    if (!piece) return HEARTH_ENOMEM;
    while (done < p->length && st == HEARTH_OK) {
        size_t k = p->length - done < READ ? (size_t)(p->length - done) : READ;
        if (cancelled(p)) st = fail(HEARTH_ECANCELLED, "cancelled");
        if (st == HEARTH_OK) st = os_read_at(p->fd, p->path, piece, k, done);
        if (st == HEARTH_OK) st = sha256_add(p->sum, piece, k);
        done += k;
        report(p, HUB_CHECKING, done, p->length);
    }
    free(piece);
    TRY(st);
    *n = at->here.out < INFLATE_WINDOW ? (size_t)at->here.out : INFLATE_WINDOW;
    return os_read_at(p->fd, p->path, window, *n, p->length - *n);
}

enum hearth_status partial_begin(struct partial *p, const char *source, const struct partial_place *at, void *window, size_t *n)
{
    uint64_t keep = at->base + at->here.out;
    *n = 0;
    if (keep > p->length) return fail(HEARTH_EINTERNAL, "%s: shorter than the place to go on from", p->path);
    if (ftruncate(p->fd, (off_t)keep) != 0) return fail_errno(p->path, "cannot cut back");
    if (keep == 0) unlink(p->state);
    p->length = keep;
    if (!p->began) p->first = keep;
    p->began = 1;
    free(p->source);
    p->source = strdup(source);
    if (!p->source) return fail_memory(strlen(source) + 1);
    sha256_close(p->sum);
    p->sum = NULL;
    TRY(sha256_open(&p->sum));
    return read_back(p, at, window, n);
}

enum hearth_status partial_write_error(struct partial *p, const char *path, uint64_t done)
{
    if (errno != ENOSPC && errno != EDQUOT && errno != EFBIG) return fail_errno(path, "cannot write");
    p->full = 1;
    return fail(HEARTH_EIO, "%s: the disk is full after %llu bytes (the model has %llu); what had come is removed again.  Free some "
                "space, or set HEARTH_HOME to a folder on another disk", path, (unsigned long long)done, (unsigned long long)p->size);
}

enum hearth_status partial_put(struct partial *p, const void *data, size_t n)
{
    const char *at = data;
    if (n > p->size - p->length)
        return fail(HEARTH_ECHECKSUM, "%.*s gives more than the %llu bytes the model has, so it is not that model", shown(p->source),
                    p->source, (unsigned long long)p->size);
    if (cancelled(p)) return fail(HEARTH_ECANCELLED, "cancelled");
    TRY(sha256_add(p->sum, data, n));
    while (n > 0) {
        ssize_t done = pwrite(p->fd, at, n, (off_t)p->length);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return partial_write_error(p, p->path, p->length);
        at += done;
        n -= (size_t)done;
        p->length += (uint64_t)done;
    }
    report(p, p->stage, p->length, p->size);
    return HEARTH_OK;
}

void partial_say(struct partial *p, enum hub_stage stage)
{
    p->stage = stage;
}

enum hearth_status partial_mark(struct partial *p, const struct partial_place *at, int now)
{
    struct buf b = {0};
    double t = clock_seconds();
    enum hearth_status st;
    if (!p->began || (!now && t - p->marked < 2)) return HEARTH_OK;
    p->marked = t;
    TRY_GOTO(st, done, buf_puts(&b, "# written by hearth\n[partial]\n"));
    TRY_GOTO(st, done, ini_put(&b, "source", p->source));
    TRY_GOTO(st, done, ini_put_number(&b, "piece", at->piece));
    TRY_GOTO(st, done, ini_put_number(&b, "base", at->base));
    TRY_GOTO(st, done, ini_put_number(&b, "in", at->here.in));
    TRY_GOTO(st, done, ini_put_number(&b, "out", at->here.out));
    TRY_GOTO(st, done, ini_put_number(&b, "bits", at->here.bits));
    TRY_GOTO(st, done, ini_put_number(&b, "last", at->here.last));
    TRY_GOTO(st, done, ini_put_number(&b, "whole", at->whole));
    st = ini_write(p->state, &b);
done:
    buf_free(&b);
    return st;
}

enum hearth_status partial_finish(struct partial *p, const char *name, const char *blob)
{
    char hex[65];
    if (!p->began) return fail(HEARTH_EINTERNAL, "%s: nothing was ever written", p->path);
    if (p->length != p->size)
        return fail(HEARTH_ECHECKSUM, "%s: %.*s gives %llu bytes; the model has %llu.  They were thrown away and nothing was changed",
                    name, shown(p->source), p->source, (unsigned long long)p->length, (unsigned long long)p->size);
    TRY(sha256_end(p->sum, hex));
    if (strcmp(hex, p->sha256) != 0)
        return fail(HEARTH_ECHECKSUM, "%s: wrong checksum: the bytes from %.*s have the SHA-256 %s; the model's is %s.  They were thrown "
                    "away and nothing was changed; pull again, and when it happens again do not trust that source", name,
                    shown(p->source), p->source, hex, p->sha256);
    if (fchmod(p->fd, 0444) != 0 || fsync(p->fd) != 0) return fail_errno(p->path, "cannot be brought to the disk");
    if (rename(p->path, blob) != 0) return fail_errno(blob, "cannot be put in its place");
    unlink(p->state);
    unlink(p->zip);
    char *slash = strrchr(blob, '/');
    char *folder = slash ? strndup(blob, (size_t)(slash - blob)) : NULL;
    int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(folder);
    return HEARTH_OK;
}
