/* tile.h - how a log lies in files: C2SP's tlog-tiles.
 *
 *     tile/0/x001/067           256 leaf hashes: those of entries 1067 * 256 and the 255 after it
 *     tile/1/004                256 hashes, each the root of a whole tile of level 0
 *     tile/1/005.p/12           the last tile of a level as far as it goes: 12 hashes
 *     tile/entries/x001/067     the entries themselves, each behind its length (two bytes, the high one first)
 *
 * A tile is named by level, index and width; the last two count within the level. */
#ifndef HEARTH_ACCOUNT_TILE_H
#define HEARTH_ACCOUNT_TILE_H

#include "account/merkle.h"

enum {
    TILE_BITS = 8, TILE_WIDTH = 1 << TILE_BITS,
    TILE_LEVELS = 8,                 /* 8 * 8 bits are all the entries there can be */
    TILE_ENTRIES = -1,               /* as a level: the bundles of entries */
    TILE_PATH = 64,                  /* the longest name with its NUL */
    ENTRY_MAX = 0xffff               /* bytes of an entry */
};

struct tile { int level; uint64_t index; unsigned width; };   /* width 1..256; 256: whole */

/* "tile/0/x001/067.p/12" */
void tile_path(const struct tile *t, char out[TILE_PATH]);
/* ... and back; EFORMAT for anything that tile_path would not write. */
enum hearth_status tile_parse(const char *path, struct tile *out);

/* How wide a tile is in a log of `size` entries; 0: it has none yet. */
unsigned tile_width(int level, uint64_t index, uint64_t size);

/* Node (level, index) of the tree (merkle.h) lies in a tile or is the root of 2^k hashes in one. */
struct tile_node { int level; uint64_t index; unsigned first, count; };
struct tile_node tile_of_node(unsigned level, uint64_t index);

/* ---- bundles ---- */

/* Walks a bundle: *at is moved behind the entry.  EFORMAT: it ends inside an entry; name and number are for the message. */
enum hearth_status bundle_next(const char *name, uint64_t number, const uint8_t *data, size_t n, size_t *at,
                               const uint8_t **entry, size_t *entry_n);

#endif
