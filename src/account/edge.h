/* edge.h - the right edge of a tree in tiles: all that is needed to make it grow, and enough for its root.
 *
 *     level 1   [ r r r . . . ]            3 whole tiles below, whose roots these are
 *     level 0   [ h h h h h . ]            5 leaf hashes of the tile that is being filled
 *
 * A tile that gets its 256th hash is handed out, its root goes one level up, and the row is empty again. */
#ifndef HEARTH_ACCOUNT_EDGE_H
#define HEARTH_ACCOUNT_EDGE_H

#include "account/tile.h"

struct edge {
    uint64_t size;                   /* leaves so far */
    unsigned width[TILE_LEVELS];     /* follows from size: tile_width() of the last tile of each level */
    uint8_t hash[TILE_LEVELS][TILE_WIDTH][MERKLE_HASH];
};

/* Takes a whole tile; t->width is 256. */
typedef enum hearth_status edge_whole(void *user, const struct tile *t, const uint8_t (*hash)[MERKLE_HASH]);

/* Adds a leaf.  When whole fails the edge is of no use any more. */
enum hearth_status edge_push(struct edge *e, const uint8_t leaf[MERKLE_HASH], edge_whole *whole, void *user);
enum hearth_status edge_root(const struct edge *e, uint8_t out[MERKLE_HASH]);
/* The tile of that level that is being filled; its width may be 0. */
struct tile edge_tile(const struct edge *e, int level);

#endif
