/* edge.c - the growing end of the tree. */
#include "account/edge.h"

#include <string.h>

struct tile edge_tile(const struct edge *e, int level)
{
    unsigned shift = (unsigned)(level + 1) * TILE_BITS;
    return (struct tile){level, shift < 64 ? e->size >> shift : 0, e->width[level]};
}

enum hearth_status edge_push(struct edge *e, const uint8_t leaf[MERKLE_HASH], edge_whole *whole, void *user)
{
    uint8_t up[MERKLE_HASH], row[TILE_WIDTH][MERKLE_HASH];
    memcpy(up, leaf, MERKLE_HASH);
    for (int level = 0; level < TILE_LEVELS; level++) {
        struct tile t = edge_tile(e, level);
        memcpy(e->hash[level][e->width[level]++], up, MERKLE_HASH);
        if (e->width[level] < TILE_WIDTH) break;
        t.width = TILE_WIDTH;
        TRY(whole(user, &t, (const uint8_t (*)[MERKLE_HASH])e->hash[level]));
        memcpy(row, e->hash[level], sizeof row);
        TRY(merkle_fold(row, TILE_WIDTH, up));
        e->width[level] = 0;
    }
    e->size++;
    return HEARTH_OK;
}

/* Every whole node that the root is made of ends where its row ends, so it lies in the edge. */
static enum hearth_status node(void *user, unsigned level, uint64_t index, uint8_t out[MERKLE_HASH])
{
    const struct edge *e = user;
    struct tile_node at = tile_of_node(level, index);
    uint8_t row[TILE_WIDTH][MERKLE_HASH];
    memcpy(row, e->hash[at.level][at.first], at.count * sizeof *row);
    return merkle_fold(row, at.count, out);
}

enum hearth_status edge_root(const struct edge *e, uint8_t out[MERKLE_HASH])
{
    return merkle_root(e->size, node, (void *)e, out);
}
