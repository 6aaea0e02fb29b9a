/* merge.h - the inner loop of both kinds of BPE: joining neighbours, the best pair first. */
#ifndef HEARTH_TEXT_MERGE_H
#define HEARTH_TEXT_MERGE_H

#include "base/mem.h"

struct symbol {
    uint32_t at, n;          /* its bytes in the piece */
    int32_t id;              /* its token; -1: no token */
    int32_t joined;          /* the token that it and its right neighbour become */
    uint32_t rank;           /* the place of that pair in the order of merging, lower first; MERGE_NONE: never */
    uint32_t left, right;    /* neighbours, while a long piece is merged */
};

#define MERGE_NONE UINT32_MAX

/* The rank of joining a and b, and the token *joined that comes out; MERGE_NONE when they do not join. */
typedef uint32_t merge_rank_fn(const void *ctx, const struct symbol *a, const struct symbol *b, int32_t *joined);

struct merger {              /* zero-initialise; merger_free() */
    struct symbol *sym;
    uint64_t *heap;
    size_t sym_cap, heap_cap, heap_n;
    void (*on_join)(void *user, int32_t id);     /* told of every token that is made, the last one too; NULL: nobody */
    void *user;
};

/* Room for n symbols in m->sym. */
enum hearth_status merger_room(struct merger *m, size_t n);
/* Joins the n symbols m->sym[0 .. n) until no pair is left to join; of equal ranks the leftmost first.
 * *out symbols remain at the front.  O(n log n). */
enum hearth_status merger_run(struct merger *m, uint32_t n, merge_rank_fn *rank, const void *ctx, uint32_t *out);
void merger_free(struct merger *m);

#endif
