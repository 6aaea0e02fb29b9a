/* pairs.c - see pairs.h. */
#include "text/pairs.h"

#include <stdlib.h>

struct pair { int32_t left, right, next_joined /* id + 1; 0: free */; uint32_t rank; };

enum { PROBES = 1000 };

enum hearth_status pairs_init(struct pairs *p, uint64_t n) {
    int bits = 4;
    while ((uint64_t)1 << bits < n + n / 2) bits++; /* at most two thirds full */
    p->shift = 64 - bits;
    p->pair = mem_array((size_t)1 << bits, sizeof *p->pair);
    return p->pair ? HEARTH_OK : HEARTH_ENOMEM;
}

void pairs_free(struct pairs *p) {
    free(p->pair);
    *p = (struct pairs){ 0 };
}

/* The place of a pair: its own, or the free one where it would go; NULL: too far away. */
static inline struct pair *place_of(const struct pairs *p, int32_t left, int32_t right) {
    uint64_t hash = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) * 0x9E3779B97F4A7C15u;
    hash = (hash ^ hash >> 32) * 0xD6E8FEB86659FD93u;
    size_t mask = SIZE_MAX >> p->shift, i = hash >> p->shift;
    for (int probe = 0; probe < PROBES; probe++, i = (i + 1) & mask) {
        struct pair *pair = p->pair + i;
        if (!pair->next_joined || (pair->left == left && pair->right == right)) return pair;
    }
    return NULL;
}

int pairs_add(struct pairs *p, int32_t left, int32_t right, int32_t joined, uint32_t rank, int replace) {
    struct pair *pair = place_of(p, left, right);
    if (pair && (replace || !pair->next_joined)) *pair = (struct pair){ left, right, joined + 1, rank };
    return pair != NULL;
}

uint32_t pairs_rank(const void *ctx, const struct symbol *left, const struct symbol *right, int32_t *joined) {
    const struct pair *pair = place_of(ctx, left->id, right->id);
    if (!pair || !pair->next_joined) return MERGE_NONE;
    *joined = pair->next_joined - 1;
    return pair->rank;
}
