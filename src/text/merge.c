/* merge.c - byte pair encoding (Sennrich, Haddow, Birch: "Neural machine translation of rare words with subword
 * units", ACL 2016), the applying of it: among all neighbouring pairs, join the one of lowest rank, the leftmost of
 * equals; repeat until no pair can be joined.
 *
 * Nearly all pieces are words of a few symbols: there the symbols stay packed, the best pair is found by looking at all
 * of them, and joining moves the rest down.  A long piece (a megabyte of one letter) gets a heap of (rank, place) and
 * a linked list:
 *
 *     heap    (3, 0) (3, 2) (7, 1) ...             an entry holds while its symbol still has that rank;
 *     list    t <-> h <-> e <-> y                  after a join the symbols beside it have new ranks and new entries
 *
 * An entry whose rank is no longer its symbol's is dropped when it comes up.  If the rank is equal, the pair there now
 * has the same place in the order as the one it was made for, so it may be joined whether or not it is the same pair.
 */
#include "text/merge.h"

#include <stdlib.h>
#include <string.h>

enum { PACKED = 40 };            /* symbols up to which looking at all is quicker than a heap */
#define NOBODY UINT32_MAX        /* no neighbour */

enum hearth_status merger_room(struct merger *m, size_t n) {
    return mem_grow(&m->sym, &m->sym_cap, n, sizeof *m->sym);
}

void merger_free(struct merger *m) {
    free(m->sym);
    free(m->heap);
    *m = (struct merger){ 0 };
}

/* ---- short pieces ---- */

static uint32_t run_packed(struct merger *m, uint32_t n, merge_rank_fn *rank, const void *ctx) {
    struct symbol *sym = m->sym;
    for (;;) {
        uint32_t best = 0, lowest = MERGE_NONE;
        for (uint32_t i = 0; i + 1 < n; i++)
            if (sym[i].rank < lowest) lowest = sym[i].rank, best = i;
        if (lowest == MERGE_NONE) return n;
        struct symbol *s = sym + best;
        s->n += s[1].n;
        s->id = s->joined;
        if (m->on_join) m->on_join(m->user, s->id);
        n--;
        memmove(s + 1, s + 2, (n - best - 1) * sizeof *s);
        s->rank = best + 1 < n ? rank(ctx, s, s + 1, &s->joined) : MERGE_NONE;
        if (best) s[-1].rank = rank(ctx, s - 1, s, &s[-1].joined);
    }
}

/* ---- long pieces: a heap of rank << 32 | place, four children a node, the least first ---- */

static void sift_down(uint64_t *heap, size_t n, size_t i) {
    uint64_t x = heap[i];
    for (size_t child; (child = 4 * i + 1) < n; i = child) {
        size_t end = child + 4 < n ? child + 4 : n;
        for (size_t k = child + 1; k < end; k++)
            if (heap[k] < heap[child]) child = k;
        if (heap[child] >= x) break;
        heap[i] = heap[child];
    }
    heap[i] = x;
}

static void heap_push(struct merger *m, uint32_t rank, uint32_t place) {
    if (rank == MERGE_NONE) return;
    uint64_t x = (uint64_t)rank << 32 | place;
    size_t i = m->heap_n++;
    for (size_t up; i && m->heap[up = (i - 1) / 4] > x; i = up) m->heap[i] = m->heap[up];
    m->heap[i] = x;
}

static uint64_t heap_pop(struct merger *m) {
    uint64_t least = m->heap[0];
    m->heap[0] = m->heap[--m->heap_n];
    if (m->heap_n) sift_down(m->heap, m->heap_n, 0);
    return least;
}

static enum hearth_status heap_fill(struct merger *m, uint32_t n) {
    TRY(mem_grow(&m->heap, &m->heap_cap, 2 * (size_t)n, sizeof *m->heap)); /* a join takes one out and puts two in */
    m->heap_n = 0;
    for (uint32_t i = 0; i < n; i++) {
        m->sym[i].left = i ? i - 1 : NOBODY;
        m->sym[i].right = i + 1 < n ? i + 1 : NOBODY;
        if (m->sym[i].rank != MERGE_NONE) m->heap[m->heap_n++] = (uint64_t)m->sym[i].rank << 32 | i;
    }
    for (size_t i = m->heap_n / 4 + 1; i-- > 0;)
        if (i < m->heap_n) sift_down(m->heap, m->heap_n, i);
    return HEARTH_OK;
}

static enum hearth_status run_heap(struct merger *m, uint32_t n, merge_rank_fn *rank, const void *ctx, uint32_t *out) {
    struct symbol *sym = m->sym;
    TRY(heap_fill(m, n));
    while (m->heap_n) {
        uint64_t top = heap_pop(m);
        struct symbol *s = sym + (uint32_t)top;
        if (s->rank != top >> 32) continue;
        struct symbol *gone = sym + s->right;
        s->n += gone->n;
        s->id = s->joined;
        if (m->on_join) m->on_join(m->user, s->id);
        s->right = gone->right;
        gone->rank = MERGE_NONE;
        s->rank = MERGE_NONE;
        if (s->right != NOBODY) {
            sym[s->right].left = (uint32_t)(s - sym);
            s->rank = rank(ctx, s, sym + s->right, &s->joined);
            heap_push(m, s->rank, (uint32_t)(s - sym));
        }
        if (s->left != NOBODY) {
            struct symbol *before = sym + s->left;
            before->rank = rank(ctx, before, s, &before->joined);
            heap_push(m, before->rank, s->left);
        }
    }
    uint32_t left = 0;
    for (uint32_t i = 0, next; i != NOBODY; i = next) { /* packs what is left: always to the left of where it was */
        next = sym[i].right;
        sym[left++] = sym[i];
    }
    *out = left;
    return HEARTH_OK;
}

enum hearth_status merger_run(struct merger *m, uint32_t n, merge_rank_fn *rank, const void *ctx, uint32_t *out) {
    *out = n;
    if (n == 0) return HEARTH_OK;
    for (uint32_t i = 0; i + 1 < n; i++) m->sym[i].rank = rank(ctx, m->sym + i, m->sym + i + 1, &m->sym[i].joined);
    m->sym[n - 1].rank = MERGE_NONE;
    if (n > PACKED) return run_heap(m, n, rank, ctx, out);
    *out = run_packed(m, n, rank, ctx);
    return HEARTH_OK;
}
