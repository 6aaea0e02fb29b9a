/* known.c - digests of whole files, remembered.
 *
 * Hashing a model takes as long as reading it, so what was found is kept in HUB_CACHE/digests, one line a file:
 *
 *     <64 hex> device inode size mtime-ns ctime-ns
 *
 * The five numbers are what the system says about a file (os_identify).  But two writes in the same tick of the file system's clock share a ctime, so a file that changed within the last two
 * seconds is hashed each time (git calls such an index entry "racily clean" and does the same).
 *
 * It is only a cache: a line that does not parse is dropped, and failing to write it is no failure. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hub/digest.h"
#include "hub/hub.h"
#include "hub/modeldir.h"
#include "hub/names.h"
#include "os/os.h"

enum { LINES = 500, LINE = 256, PIECE = 1 << 20 };
static const uint64_t fresh_ns = 2000000000u;

struct known { char hex[65]; uint64_t id[5]; };

static int read_line(const char *line, struct known *out)
{
    int end = 0;
    uint64_t *id = out->id;
    int got = sscanf(line, "%64[0-9a-f] %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 "%n", out->hex, &id[0],
                     &id[1], &id[2], &id[3], &id[4], &end);
    return got == 6 && line[end] == '\0' && name_is_digest(out->hex);
}

/* The lines of the cache, oldest first; *n 0 when there is none. */
static enum hearth_status read_all(const char *path, struct known **out, size_t *n)
{
    char *text = NULL, *save = NULL;
    size_t len = 0;
    *n = 0;
    *out = mem_array(LINES, sizeof **out);
    if (!*out) return HEARTH_ENOMEM;
    if (os_read_file(path, LINES * LINE, &text, &len) != HEARTH_OK) return HEARTH_OK;
    for (char *line = strtok_r(text, "\n", &save); line && *n < LINES; line = strtok_r(NULL, "\n", &save))
        if (read_line(line, &(*out)[*n])) ++*n;
    free(text);
    return HEARTH_OK;
}

static enum hearth_status write_all(const char *path, const struct known *k, size_t n)
{
    struct atomic_file f;
    char line[LINE];
    TRY(os_atomic_open(path, &f));
    for (size_t i = 0; i < n; i++) {
        const uint64_t *id = k[i].id;
        int len = snprintf(line, sizeof line, "%s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", k[i].hex,
                           id[0], id[1], id[2], id[3], id[4]);
        enum hearth_status st = os_atomic_write(&f, line, (size_t)len);
        if (st == HEARTH_OK) continue;
        os_atomic_abandon(&f);
        return st;
    }
    return os_atomic_commit(&f);
}

static int find(const struct known *k, size_t n, const uint64_t id[5])
{
    for (size_t i = 0; i < n; i++)
        if (!memcmp(k[i].id, id, sizeof k[i].id)) return (int)i;
    return -1;
}

/* Puts the newest last, in the place of what was known of the same file (device and inode). */
static void remember(const uint64_t id[5], const char *hex)
{
    char *folder = NULL, *path = NULL;
    struct known *k = NULL;
    size_t n = 0, kept = 0;
    if (hub_path(HUB_CACHE, NULL, &folder) != HEARTH_OK || os_mkdirs(folder) != HEARTH_OK ||
        hub_path(HUB_CACHE, "digests", &path) != HEARTH_OK || read_all(path, &k, &n) != HEARTH_OK)
        goto done;
    for (size_t i = n == LINES; i < n; i++)
        if (memcmp(k[i].id, id, 2 * sizeof id[0]) != 0) k[kept++] = k[i];
    memcpy(k[kept].id, id, sizeof k[kept].id);
    memcpy(k[kept].hex, hex, sizeof k[kept].hex);
    write_all(path, k, kept + 1);
done:
    free(k);
    free(folder);
    free(path);
}

static int recall(const uint64_t id[5], char hex[65])
{
    char *path = NULL;
    struct known *k = NULL;
    size_t n = 0;
    int at = -1;
    if (hub_path(HUB_CACHE, "digests", &path) == HEARTH_OK && read_all(path, &k, &n) == HEARTH_OK) at = find(k, n, id);
    if (at >= 0) memcpy(hex, k[at].hex, sizeof k[at].hex);
    free(k);
    free(path);
    return at >= 0;
}

static enum hearth_status hash_file(int fd, const char *path, uint64_t size, const struct hub_callbacks *c, char hex[65])
{
    struct sha256 *sum = NULL;
    struct hub_progress p = {.stage = HUB_CHECKING, .total = size};
    enum hearth_status st = HEARTH_OK;
    char *piece = mem_array(PIECE, 1);
    if (!piece) return HEARTH_ENOMEM;
    TRY_GOTO(st, done, sha256_open(&sum));
    for (uint64_t at = 0; at < size;) {
        size_t n = size - at < PIECE ? (size_t)(size - at) : PIECE;
        if (c && c->cancel && *c->cancel) {
            st = fail(HEARTH_ECANCELLED, "cancelled");
            goto done;
        }
        TRY_GOTO(st, done, os_read_at(fd, path, piece, n, at));
        TRY_GOTO(st, done, sha256_add(sum, piece, n));
        p.done = at += n;
        if (c && c->on_progress) c->on_progress(c->user, &p);
    }
    st = sha256_end(sum, hex);
done:
    sha256_close(sum);
    free(piece);
    return st;
}

static int is_fresh(const uint64_t id[5])
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t t = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    return id[4] > t || t - id[4] < fresh_ns;
}

enum hearth_status hub_digest(const char *path, const struct hub_callbacks *c, char hex[65], int *cached)
{
    return modeldir_is(path) ? modeldir_digest(path, c, hex, cached) : hub_digest_file(path, c, hex, cached);
}

enum hearth_status hub_digest_file(const char *path, const struct hub_callbacks *c, char hex[65], int *cached)
{
    uint64_t before[5], after[5];
    struct stat s;
    hex[0] = '\0';
    if (cached) *cached = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &s) != 0) {
        enum hearth_status st = fail_errno(path, "cannot open");
        if (fd >= 0) close(fd);
        return st;
    }
    if (!S_ISREG(s.st_mode)) {
        close(fd);
        return fail(HEARTH_EIO, "%s: not a regular file, so it has no digest", path);
    }
    os_identify(&s, before);
    if (!is_fresh(before) && recall(before, hex)) {
        close(fd);
        if (cached) *cached = 1;
        return HEARTH_OK;
    }
    enum hearth_status st = hash_file(fd, path, before[2], c, hex);
    if (st == HEARTH_OK && fstat(fd, &s) != 0) st = fail_errno(path, "cannot examine");
    close(fd);
    TRY(st);
    os_identify(&s, after);
    if (memcmp(before, after, sizeof before) != 0)
        return fail(HEARTH_EIO, "%s: changed while it was read; try again when nothing writes to it", path);
    if (!is_fresh(after)) remember(after, hex);
    return HEARTH_OK;
}
