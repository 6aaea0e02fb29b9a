/* kv.h - keys and values of many conversations, in blocks of 64 positions that conversations may share.
 *
 *     pool   [ block 0 | block 1 | block 2 | ... ]        each with a count of who holds it
 *     block  [layer][kv head] { keys, values }            64 positions (kernels.h has a page's layout)
 *     seq    positions 0..63 -> block 7, 64..127 -> block 2, ...
 *
 * A block that several hold is only read: writing goes to the last block of a sequence, and shared are full ones.  The pool's memory
 * is the system's, so a block that was never used takes none; the lowest numbers are given out first.  A pool and its sequences
 * belong to one thread at a time. */
#ifndef HEARTH_MODEL_KV_H
#define HEARTH_MODEL_KV_H

#include "base/mem.h"
#include "kernel/kernels.h"
#include "model/arch.h"

enum { KV_NONE = -1 };

struct kv_pool {
    enum hearth_kv type;
    const struct layer_shape *at;    /* [layers] */
    size_t page_bytes;               /* keys of one head; values take as much */
    size_t block_bytes;
    uint32_t blocks, free;           /* in all, and those that nobody holds */
    uint8_t *data;
    uint32_t *holders;               /* [blocks] */
    int32_t *stack;                  /* [free] */
};

size_t kv_block_bytes(const struct hparams *h, enum hearth_kv type);
enum hearth_status kv_pool_open(const struct hparams *h, enum hearth_kv type, uint32_t blocks, struct kv_pool **out);
void kv_pool_close(struct kv_pool *p);
int32_t kv_take(struct kv_pool *p);  /* a block with one holder, or KV_NONE */
void kv_hold(struct kv_pool *p, int32_t block);
void kv_drop(struct kv_pool *p, int32_t block);

struct kv_seq { struct kv_pool *pool; int32_t *block; uint32_t count, most; };

/* Room for the numbers of `positions` positions; no block yet. */
enum hearth_status kv_seq_init(struct kv_seq *s, struct kv_pool *pool, uint32_t positions);
void kv_seq_free(struct kv_seq *s);  /* lets go of all; harmless on a zeroed one */
/* Takes blocks until there are `positions` positions.  EINTERNAL: the pool has none left, or the sequence no room; whoever calls
 * has seen to both. */
enum hearth_status kv_seq_reach(struct kv_seq *s, uint32_t positions);
/* The next block is this one of another's; its holders become one more. */
void kv_seq_share(struct kv_seq *s, int32_t block);

static inline uint8_t *kv_page(const struct kv_seq *s, uint32_t layer, uint32_t head, uint32_t page, int value)
{
    const struct kv_pool *p = s->pool;
    size_t at = 2 * ((size_t)p->at[layer].kv_before + head) + (size_t)value;
    return p->data + (size_t)s->block[page] * p->block_bytes + at * p->page_bytes;
}

static inline uint32_t kv_blocks(uint64_t positions) { return (uint32_t)((positions + KV_PAGE - 1) / KV_PAGE); }

#endif
