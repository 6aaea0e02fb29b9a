/* zipdir.c - the few records of a zip that lead to one member.  Every offset and length comes from a stranger and is held
 * against the bytes that are there before it is used. */
#include "hub/zipdir.h"

#include <string.h>

enum { END = 0x06054b50, END64 = 0x06064b50, LOCATOR64 = 0x07064b50, ENTRY = 0x02014b50, LOCAL = 0x04034b50 };

static unsigned u16(const unsigned char *p)
{
    return (unsigned)p[0] | (unsigned)p[1] << 8;
}

static uint32_t u32(const unsigned char *p)
{
    return u16(p) | (uint32_t)u16(p + 2) << 16;
}

static uint64_t u64(const unsigned char *p)
{
    return u32(p) | (uint64_t)u32(p + 4) << 32;
}

/* The 64-bit end record: its locator stands right before the old one. */
static enum hearth_status directory64(const unsigned char *tail, size_t end, uint64_t base, const char *label,
                                      struct zip_directory *out)
{
    if (end < 20 || u32(tail + end - 20) != LOCATOR64)
        return fail(HEARTH_EFORMAT, "%s: a zip that needs the 64-bit end record has no locator for it", label);
    uint64_t at = u64(tail + end - 20 + 8);
    if (at < base || at - base > end || end - (at - base) < 56 || u32(tail + (at - base)) != END64)
        return fail(HEARTH_EFORMAT, "%s: the 64-bit end record should be at byte %llu and is not", label, (unsigned long long)at);
    const unsigned char *r = tail + (at - base);
    *out = (struct zip_directory){u64(r + 48), u64(r + 40), u64(r + 32)};
    return HEARTH_OK;
}

enum hearth_status zip_directory(const void *bytes, size_t n, uint64_t total, const char *label, struct zip_directory *out)
{
    const unsigned char *tail = bytes;
    size_t at = n;
    *out = (struct zip_directory){0};
    if (n > total || total > INT64_MAX)
        return fail(HEARTH_EFORMAT, "%s: %zu bytes are the tail of %llu, which cannot be", label, n, (unsigned long long)total);
    for (size_t back = 22; back <= n && back <= 22 + 65535 && at == n; back++)
        if (u32(tail + n - back) == END && u16(tail + n - back + 20) == back - 22) at = n - back;
    if (at == n) return fail(HEARTH_EFORMAT, "%s: no zip: its end record is missing", label);
    const unsigned char *r = tail + at;
    uint64_t end = total - n + at;                         /* of what the directory may fill */
    *out = (struct zip_directory){u32(r + 16), u32(r + 12), u16(r + 10)};
    if (out->first == UINT32_MAX || out->bytes == UINT32_MAX || out->entries == 0xffff)
        TRY(directory64(tail, at, total - n, label, out));
    if (out->first > end || out->bytes > end - out->first)
        return fail(HEARTH_EFORMAT, "%s: its directory claims the bytes %llu to %llu; allowed is up to %llu", label,
                    (unsigned long long)out->first, (unsigned long long)(out->first + out->bytes), (unsigned long long)end);
    if (out->bytes > ZIP_DIRECTORY_MAX)
        return fail(HEARTH_ELIMIT, "%s: a directory of %llu bytes; allowed are %d", label, (unsigned long long)out->bytes,
                    ZIP_DIRECTORY_MAX);
    return HEARTH_OK;
}

/* The extra field 1 holds, in this order, those of size, packed size and offset that did not fit into 32 bits. */
static enum hearth_status wide_sizes(const unsigned char *extra, size_t n, const char *label, struct zip_member *m)
{
    uint64_t *field[] = {&m->size, &m->packed, &m->header};
    for (size_t at = 0; n - at >= 4;) {
        unsigned id = u16(extra + at), len = u16(extra + at + 2);
        at += 4;
        if (len > n - at) break;
        for (size_t i = 0, used = 0; id == 1 && i < 3; i++) {
            if (*field[i] != UINT32_MAX) continue;
            if (len - used < 8) return fail(HEARTH_EFORMAT, "%s: a 64-bit size is cut short", label);
            *field[i] = u64(extra + at + used);
            used += 8;
        }
        at += len;
    }
    return HEARTH_OK;
}

enum hearth_status zip_find(const void *directory, const struct zip_directory *d, const char *member, const char *label,
                            struct zip_member *out)
{
    const unsigned char *p = directory, *end = p + d->bytes;
    size_t len = strlen(member);
    int found = 0;
    for (uint64_t i = 0; i < d->entries; i++) {
        if (end - p < 46 || u32(p) != ENTRY)
            return fail(HEARTH_EFORMAT, "%s: entry %llu of %llu is missing from its directory", label, (unsigned long long)i,
                        (unsigned long long)d->entries);
        size_t name = u16(p + 28), extra = u16(p + 30), comment = u16(p + 32);
        if ((size_t)(end - p) - 46 < name + extra + comment)
            return fail(HEARTH_EFORMAT, "%s: entry %llu reaches past the end of its directory", label, (unsigned long long)i);
        if (name == len && !memcmp(p + 46, member, len)) {
            if (found) return fail(HEARTH_EFORMAT, "%s: two members are called %.200s", label, member);
            found = 1;
            unsigned flags = u16(p + 8);
            *out = (struct zip_member){u32(p + 42), u32(p + 20), u32(p + 24), u16(p + 10)};
            if (flags & 0x2041) return fail(HEARTH_EUNSUPPORTED, "%s: %.200s is encrypted", label, member);
            if (out->method != 0 && out->method != 8)
                return fail(HEARTH_EUNSUPPORTED, "%s: %.200s is packed by method %u; allowed are 0 (stored) and 8 (deflate)", label,
                            member, out->method);
            TRY(wide_sizes(p + 46 + name, extra, label, out));
            if (out->header > d->first)
                return fail(HEARTH_EFORMAT, "%s: %.200s begins at byte %llu; allowed is up to %llu", label, member,
                            (unsigned long long)out->header, (unsigned long long)d->first);
            if (out->method == 0 && out->packed != out->size)
                return fail(HEARTH_EFORMAT, "%s: %.200s is stored as it is and has two sizes, %llu and %llu", label, member,
                            (unsigned long long)out->packed, (unsigned long long)out->size);
        }
        p += 46 + name + extra + comment;
    }
    return found ? HEARTH_OK : fail(HEARTH_ENOTFOUND, "%s: there is no %.200s in it", label, member);
}

enum hearth_status zip_data(const void *local, const struct zip_member *m, const struct zip_directory *d, const char *label,
                            uint64_t *first)
{
    const unsigned char *p = local;
    if (u32(p) != LOCAL)
        return fail(HEARTH_EFORMAT, "%s: no member begins at byte %llu, where the directory says so", label,
                    (unsigned long long)m->header);
    *first = m->header + ZIP_LOCAL + u16(p + 26) + u16(p + 28);
    if (*first > d->first || m->packed > d->first - *first)
        return fail(HEARTH_EFORMAT, "%s: a member of %llu packed bytes at byte %llu reaches into the directory at %llu", label,
                    (unsigned long long)m->packed, (unsigned long long)*first, (unsigned long long)d->first);
    return HEARTH_OK;
}
