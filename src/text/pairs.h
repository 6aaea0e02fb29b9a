/* pairs.h - the list of merges of BPE as a table: (left, right) -> (rank, joined), open addressing. */
#ifndef HEARTH_TEXT_PAIRS_H
#define HEARTH_TEXT_PAIRS_H

#include "text/merge.h"

struct pair;
struct pairs { struct pair *pair; int shift; /* 64 - log2(number of places) */ };

enum hearth_status pairs_init(struct pairs *p, uint64_t n);
void pairs_free(struct pairs *p);
/* 0: it would lie too far from where its hash puts it, which never happens by chance.  A pair that is there stays, or is replaced. */
int pairs_add(struct pairs *p, int32_t left, int32_t right, int32_t joined, uint32_t rank, int replace);
/* merge_rank_fn over the ids; ctx is a struct pairs. */
uint32_t pairs_rank(const void *ctx, const struct symbol *left, const struct symbol *right, int32_t *joined);

#endif
