/* kv.c - blocks and who holds them. */
#include "model/kv.h"

#include <stdlib.h>

size_t kv_block_bytes(const struct hparams *h, enum hearth_kv type)
{
    return 2 * kv_page_bytes(type, (int)h->head_width) * h->kv_all;
}

enum hearth_status kv_pool_open(const struct hparams *h, enum hearth_kv type, uint32_t blocks, struct kv_pool **out)
{
    struct kv_pool *p = mem_array(1, sizeof *p);
    if (!p) return HEARTH_ENOMEM;
    p->type = type, p->at = h->at, p->blocks = p->free = blocks;
    p->page_bytes = kv_page_bytes(type, (int)h->head_width), p->block_bytes = kv_block_bytes(h, type);
    p->data = slab_alloc(blocks * p->block_bytes);
    p->holders = p->data ? mem_array(blocks, sizeof *p->holders) : NULL;
    p->stack = p->holders ? mem_array(blocks, sizeof *p->stack) : NULL;
    if (!p->stack) {
        kv_pool_close(p);
        return HEARTH_ENOMEM;
    }
    for (uint32_t i = 0; i < blocks; i++) p->stack[i] = (int32_t)(blocks - 1 - i);
    *out = p;
    return HEARTH_OK;
}

void kv_pool_close(struct kv_pool *p)
{
    if (!p) return;
    slab_free(p->data, p->blocks * p->block_bytes);
    free(p->holders);
    free(p->stack);
    free(p);
}

int32_t kv_take(struct kv_pool *p)
{
    if (p->free == 0) return KV_NONE;
    int32_t block = p->stack[--p->free];
    p->holders[block] = 1;
    return block;
}

void kv_hold(struct kv_pool *p, int32_t block) { p->holders[block]++; }

void kv_drop(struct kv_pool *p, int32_t block)
{
    if (--p->holders[block] == 0) p->stack[p->free++] = block;
}

enum hearth_status kv_seq_init(struct kv_seq *s, struct kv_pool *pool, uint32_t positions)
{
    *s = (struct kv_seq){ .pool = pool, .most = kv_blocks(positions) };
    s->block = mem_array(s->most, sizeof *s->block);
    return s->block ? HEARTH_OK : HEARTH_ENOMEM;
}

void kv_seq_free(struct kv_seq *s)
{
    while (s->count > 0) kv_drop(s->pool, s->block[--s->count]);
    free(s->block);
    *s = (struct kv_seq){ 0 };
}

enum hearth_status kv_seq_reach(struct kv_seq *s, uint32_t positions)
{
    while (s->count < kv_blocks(positions)) {
        int32_t block = s->count < s->most ? kv_take(s->pool) : KV_NONE;
        if (block == KV_NONE)
            return fail(HEARTH_EINTERNAL, "no block for position %u: %u of %u are free, %u of %u taken", positions - 1,
                        s->pool->free, s->pool->blocks, s->count, s->most);
        s->block[s->count++] = block;
    }
    return HEARTH_OK;
}

void kv_seq_share(struct kv_seq *s, int32_t block)
{
    kv_hold(s->pool, block);
    s->block[s->count++] = block;
}
