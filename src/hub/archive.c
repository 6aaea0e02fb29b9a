/* archive.c - reading a zip with libzip (libzip.org), over a mapping of the whole file.
 *
 * The directory at the zip's end is walked once at opening; a name or a kind that no wheel needs refuses the archive:
 *
 *     ../x   a/../x   /x   C:x   a\b   ""      could be written outside a folder, or be read two ways
 *     links, devices                           could point outside
 *     encrypted                                cannot be read
 *     one name twice                           which one is meant?
 *
 * Nothing here writes files; the caller gives a sink and an upper limit of bytes.
 */
#include "hub/archive.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zip.h>
#include "base/mem.h"
#include "os/os.h"

struct entry { struct archive_member member; zip_uint64_t index; };

struct archive {
    char *path;
    struct mapping map;
    int mapped;
    zip_t *zip;
    struct entry *entries;                /* [n], sorted by name */
    size_t n;
};

static enum hearth_status refuse(const struct archive *a, const char *member, const char *why)
{
    return fail(HEARTH_EFORMAT, "%s: member %s: %s", a->path, member, why);
}

static enum hearth_status check_name(const struct archive *a, const char *name)
{
    if (!*name) return refuse(a, "\"\"", "an empty name");
    if (*name == '/') return refuse(a, name, "an absolute name, allowed: names relative to the archive");
    if (strchr(name, '\\')) return refuse(a, name, "a backslash in a name, allowed: / between folders");
    if (((*name | 32) >= 'a' && (*name | 32) <= 'z') && name[1] == ':')
        return refuse(a, name, "a drive letter, allowed: names relative to the archive");
    for (const char *p = name; *p; p++) {
        if ((p == name || p[-1] == '/') && p[0] == '.' && p[1] == '.' && (p[2] == '/' || !p[2]))
            return refuse(a, name, "a folder \"..\" in a name, allowed: names that stay inside the archive");
        if ((unsigned char)*p < 32 || *p == 127) return refuse(a, name, "a control character in a name");
    }
    return HEARTH_OK;
}

static enum hearth_status check_kind(const struct archive *a, zip_uint64_t i, const zip_stat_t *s)
{
    zip_uint8_t system = 0;
    zip_uint32_t attributes = 0;
    if (s->encryption_method != ZIP_EM_NONE)
        return fail(HEARTH_EUNSUPPORTED, "%s: member %s: encrypted, allowed: plain members", a->path, s->name);
    if (zip_file_get_external_attributes(a->zip, i, 0, &system, &attributes) || system != ZIP_OPSYS_UNIX) return HEARTH_OK;
    zip_uint32_t kind = attributes >> 16 & S_IFMT;       /* 0: the archiver did not say */
    if (kind != 0 && kind != S_IFREG && kind != S_IFDIR)
        return refuse(a, s->name, kind == S_IFLNK ? "a symbolic link, allowed: files and folders"
                                                  : "neither file nor folder, allowed: files and folders");
    return HEARTH_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->member.name, ((const struct entry *)b)->member.name);
}

static enum hearth_status list(struct archive *a)
{
    enum { NEEDED = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_CRC | ZIP_STAT_ENCRYPTION_METHOD };
    zip_int64_t n = zip_get_num_entries(a->zip, 0);
    a->entries = mem_array(n > 0 ? (size_t)n : 1, sizeof *a->entries);
    if (!a->entries) return HEARTH_ENOMEM;
    for (zip_int64_t i = 0; i < n; i++) {
        zip_stat_t s;
        if (zip_stat_index(a->zip, (zip_uint64_t)i, 0, &s) || (s.valid & NEEDED) != NEEDED)
            return fail(HEARTH_EFORMAT, "%s: member %" PRId64 " of %" PRId64 ": its description cannot be read (%s)",
                        a->path, (int64_t)i + 1, (int64_t)n, zip_strerror(a->zip));
        TRY(check_name(a, s.name));
        TRY(check_kind(a, (zip_uint64_t)i, &s));
        if (s.name[strlen(s.name) - 1] == '/') continue;
        a->entries[a->n++] = (struct entry){{s.name, s.size, s.comp_size, s.crc}, (zip_uint64_t)i};
    }
    qsort(a->entries, a->n, sizeof *a->entries, by_name);
    for (size_t i = 1; i < a->n; i++)
        if (!by_name(&a->entries[i - 1], &a->entries[i]))
            return refuse(a, a->entries[i].member.name, "found twice, allowed once");
    return HEARTH_OK;
}

static enum hearth_status open_zip(struct archive *a)
{
    if (a->map.size == 0)                 /* libzip takes it for an archive without members */
        return fail(HEARTH_EFORMAT, "%s: not a zip archive that can be read: an empty file", a->path);
    zip_error_t e;
    zip_error_init(&e);
    zip_source_t *source = zip_source_buffer_create(a->map.data, a->map.size, 0, &e);
    if (source && !(a->zip = zip_open_from_source(source, ZIP_RDONLY, &e))) zip_source_free(source);
    enum hearth_status st = HEARTH_OK;
    if (!a->zip) {
        st = zip_error_code_zip(&e) == ZIP_ER_MEMORY ? HEARTH_ENOMEM : HEARTH_EFORMAT;
        fail(st, "%s: not a zip archive that can be read: %s", a->path, zip_error_strerror(&e));
    }
    zip_error_fini(&e);
    return st;
}

static enum hearth_status open_mapping(struct mapping *m, int mapped, const char *label, struct archive **out)
{
    struct archive *a = mem_array(1, sizeof *a);
    char *path = a ? strdup(label) : NULL;
    if (!path) {
        if (mapped) os_unmap(m);
        free(a);
        return fail_memory(sizeof *a + strlen(label) + 1);
    }
    *a = (struct archive){.path = path, .map = *m, .mapped = mapped};
    enum hearth_status st = open_zip(a);
    if (!st) st = list(a);
    if (st) archive_close(a);
    else *out = a;
    return st;
}

enum hearth_status archive_open(const char *path, struct archive **out)
{
    struct mapping m;
    *out = NULL;
    TRY(os_map(path, &m));
    return open_mapping(&m, 1, path, out);
}

enum hearth_status archive_open_memory(const void *data, size_t n, const char *label, struct archive **out)
{
    struct mapping m = {.data = data, .size = n, .fd = -1};
    *out = NULL;
    return open_mapping(&m, 0, label, out);
}

void archive_close(struct archive *a)
{
    if (!a) return;
    if (a->zip) zip_discard(a->zip);
    if (a->mapped) os_unmap(&a->map);
    free(a->entries);
    free(a->path);
    free(a);
}

size_t archive_count(const struct archive *a)
{
    return a->n;
}

enum hearth_status archive_member(const struct archive *a, size_t i, struct archive_member *out)
{
    if (i >= a->n) return fail(HEARTH_ENOTFOUND, "%s: member %zu of %zu", a->path, i, a->n);
    *out = a->entries[i].member;
    return HEARTH_OK;
}

static enum hearth_status find(const struct archive *a, const char *name, const struct entry **out)
{
    struct entry wanted = {.member.name = name};
    *out = bsearch(&wanted, a->entries, a->n, sizeof *a->entries, by_name);
    return *out ? HEARTH_OK : fail(HEARTH_ENOTFOUND, "%s: no member %s among its %zu", a->path, name, a->n);
}

enum hearth_status archive_find(const struct archive *a, const char *name, struct archive_member *out)
{
    const struct entry *e;
    TRY(find(a, name, &e));
    *out = e->member;
    return HEARTH_OK;
}

static enum hearth_status zip_failure(const struct archive *a, const char *name, zip_error_t *e)
{
    int code = zip_error_code_zip(e);
    enum hearth_status st = code == ZIP_ER_CRC ? HEARTH_ECHECKSUM
                          : code == ZIP_ER_COMPNOTSUPP || code == ZIP_ER_ENCRNOTSUPP ? HEARTH_EUNSUPPORTED
                          : code == ZIP_ER_MEMORY ? HEARTH_ENOMEM : HEARTH_EFORMAT;
    return fail(st, "%s: member %s: %s", a->path, name, zip_error_strerror(e));
}

static enum hearth_status pour(const struct archive *a, const struct entry *e, uint64_t max, zip_file_t *f,
                               archive_sink *sink, void *user)
{
    static const char longer[] = "%s: member %s: unpacks to more than the %" PRIu64 " bytes allowed";
    char piece[32768];
    uint64_t done = 0;
    for (;;) {
        zip_int64_t n = zip_fread(f, piece, sizeof piece);
        if (n < 0) return zip_failure(a, e->member.name, zip_file_get_error(f));
        if (n == 0) break;
        done += (uint64_t)n;
        if (done > max) return fail(HEARTH_ELIMIT, longer, a->path, e->member.name, max);
        TRY(sink(user, piece, (size_t)n));
    }
    if (done == e->member.size) return HEARTH_OK;
    return fail(HEARTH_ECHECKSUM, "%s: member %s: unpacks to %" PRIu64 " bytes, but is said to have %" PRIu64, a->path,
                e->member.name, done, e->member.size);
}

enum hearth_status archive_read(struct archive *a, const char *name, uint64_t max, archive_sink *sink, void *user)
{
    const struct entry *e;
    TRY(find(a, name, &e));
    if (e->member.size > max)
        return fail(HEARTH_ELIMIT, "%s: member %s: %" PRIu64 " bytes, allowed: at most %" PRIu64, a->path, name,
                    e->member.size, max);
    zip_file_t *f = zip_fopen_index(a->zip, e->index, 0);
    if (!f) return zip_failure(a, name, zip_get_error(a->zip));
    enum hearth_status st = pour(a, e, max, f, sink, user);
    zip_fclose(f);
    return st;
}

int archive_available(void)
{
    return 1;
}
