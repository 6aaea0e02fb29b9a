/* tile.c - names of tiles and what is in them. */
#include "account/tile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tile_path(const struct tile *t, char out[TILE_PATH])
{
    uint64_t part[8];
    int parts = 0, at;
    at = t->level == TILE_ENTRIES ? snprintf(out, TILE_PATH, "tile/entries") : snprintf(out, TILE_PATH, "tile/%d", t->level);
    for (uint64_t n = t->index; parts == 0 || n; n /= 1000) part[parts++] = n % 1000;
    while (parts-- > 0) at += snprintf(out + at, (size_t)(TILE_PATH - at), "/%s%03d", parts ? "x" : "", (int)part[parts]);
    if (t->width < TILE_WIDTH) snprintf(out + at, (size_t)(TILE_PATH - at), ".p/%u", t->width);
}

static int digits(const char *s, int n)
{
    int value = 0;
    for (int i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') return -1;
        value = value * 10 + s[i] - '0';
    }
    return value;
}

/* Reads generously, then holds the text against what tile_path makes of it: one spelling only. */
enum hearth_status tile_parse(const char *path, struct tile *out)
{
    struct tile t = {.width = TILE_WIDTH};
    char again[TILE_PATH];
    const char *p = path;
    if (!strncmp(p, "tile/entries", 12)) t.level = TILE_ENTRIES, p += 12;
    else if (!strncmp(p, "tile/", 5)) t.level = atoi(p + 5), p += 5 + strspn(p + 5, "0123456789");
    else goto bad;
    if (t.level >= TILE_LEVELS) goto bad;
    for (int more = 1, parts = 0; more && parts < 7; parts++) {
        if (*p++ != '/') goto bad;
        more = *p == 'x';
        p += more;
        int value = digits(p, 3);     /* stops at the NUL, which is no digit */
        if (value < 0) goto bad;
        t.index = t.index * 1000 + (uint64_t)value;
        p += 3;
    }
    if (!strncmp(p, ".p/", 3) && digits(p + 3, 1) > 0 && strlen(p + 3) <= 3) t.width = (unsigned)atoi(p + 3);
    tile_path(&t, again);
    if (t.width > TILE_WIDTH || strcmp(again, path)) goto bad;
    *out = t;
    return HEARTH_OK;
bad:
    return fail(HEARTH_EFORMAT, "\"%.80s\" is no tile's name; one looks like tile/0/x001/067 or tile/entries/003.p/12", path);
}

unsigned tile_width(int level, uint64_t index, uint64_t size)
{
    unsigned shift = level == TILE_ENTRIES ? 0 : (unsigned)level * TILE_BITS;
    uint64_t hashes = size >> shift;  /* of that level */
    if (hashes >> TILE_BITS > index) return TILE_WIDTH;
    return hashes >> TILE_BITS == index ? (unsigned)(hashes % TILE_WIDTH) : 0;
}

struct tile_node tile_of_node(unsigned level, uint64_t index)
{
    unsigned up = level % TILE_BITS;
    uint64_t first = index << up;     /* the number of its first hash within the tile's level */
    return (struct tile_node){(int)(level / TILE_BITS), first / TILE_WIDTH, (unsigned)(first % TILE_WIDTH), 1u << up};
}

enum hearth_status bundle_next(const char *name, uint64_t number, const uint8_t *data, size_t n, size_t *at, const uint8_t **entry,
                               size_t *entry_n)
{
    size_t left = n - *at, length = left < 2 ? 0 : (size_t)data[*at] << 8 | data[*at + 1];
    if (left < 2 || left - 2 < length)
        return fail(HEARTH_EFORMAT, "%s: the file ends inside entry %llu (%zu bytes are left, %zu are needed)", name,
                    (unsigned long long)number, left, left < 2 ? (size_t)2 : length + 2);
    *entry = data + *at + 2;
    *entry_n = length;
    *at += 2 + length;
    return HEARTH_OK;
}
