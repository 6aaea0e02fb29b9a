/* prefix.c - a hash table over the blocks of a pool: what a block is remembered for stands at its own number, so nothing is
 * allocated after opening. */
#include "infer/prefix.h"

#include <stdlib.h>
#include <string.h>

struct link {
    uint64_t number;                 /* 0: this block is not remembered */
    uint64_t after, used;            /* the link before; when it was used last */
    int32_t before;                  /* that link's block, if it is still the same one; KV_NONE: an owner */
    int32_t next;                    /* of the same hash */
    struct prefix_owner *owner;
};

struct prefix {
    struct kv_pool *pool;
    struct link *link;               /* [blocks] */
    int32_t (*ids)[KV_PAGE];         /* [blocks] */
    int32_t *head;                   /* [mask + 1] the first block of a hash */
    uint32_t mask;
    uint64_t numbers, clock;         /* the last that were given */
};

enum hearth_status prefix_open(struct kv_pool *pool, struct prefix **out)
{
    struct prefix *p = mem_array(1, sizeof *p);
    if (!p) return HEARTH_ENOMEM;
    p->pool = pool, p->mask = 15;
    while (p->mask < pool->blocks) p->mask = p->mask * 2 + 1;
    p->link = mem_array(pool->blocks, sizeof *p->link);
    p->ids = p->link ? mem_array(pool->blocks, sizeof *p->ids) : NULL;
    p->head = p->ids ? mem_array((size_t)p->mask + 1, sizeof *p->head) : NULL;
    if (!p->head) {
        prefix_close(p);
        return HEARTH_ENOMEM;
    }
    for (size_t i = 0; i <= p->mask; i++) p->head[i] = KV_NONE;
    *out = p;
    return HEARTH_OK;
}

void prefix_close(struct prefix *p)
{
    if (!p) return;
    if (p->head) while (prefix_forget(p)) {}
    free(p->link);
    free(p->ids);
    free(p->head);
    free(p);
}

/* Links count from 1, owners from the middle of all numbers, with 32 bits for the adapter. */
void prefix_owner_init(struct prefix_owner *o, uint32_t number) { *o = (struct prefix_owner){ .link = 1ull << 63 | (uint64_t)number << 32 }; }

uint64_t prefix_start(const struct prefix_owner *o, uint32_t adapter) { return o->link | adapter; }

static int32_t *place(struct prefix *p, uint64_t link, const int32_t *ids)
{
    uint64_t h = link * 0x9e3779b97f4a7c15u;
    for (int i = 0; i < KV_PAGE; i++) h = (h ^ (uint32_t)ids[i]) * 0x100000001b3u;
    return &p->head[(h ^ h >> 32) & p->mask];
}

/* The link and all before it are used; one before another counts as used later. */
static void touch(struct prefix *p, int32_t block)
{
    while (block != KV_NONE) {
        struct link *l = &p->link[block];
        l->used = ++p->clock;
        block = l->before != KV_NONE && p->link[l->before].number == l->after ? l->before : KV_NONE;
    }
}

int32_t prefix_find(struct prefix *p, uint64_t link, const int32_t *ids, uint64_t *next)
{
    int32_t b = *place(p, link, ids);
    while (b != KV_NONE && (p->link[b].after != link || memcmp(p->ids[b], ids, sizeof *p->ids) != 0)) b = p->link[b].next;
    if (b == KV_NONE) return b;
    touch(p, b);
    *next = p->link[b].number;
    return b;
}

int32_t prefix_keep(struct prefix *p, struct prefix_owner *o, uint64_t link, int32_t before, const int32_t *ids, int32_t block,
                    uint64_t *next)
{
    int32_t there = prefix_find(p, link, ids, next), *head = place(p, link, ids);
    if (there != KV_NONE) return there;
    p->link[block] = (struct link){ ++p->numbers, link, 0, before, *head, o };
    memcpy(p->ids[block], ids, sizeof *p->ids);
    *head = block;
    *next = p->numbers;
    o->blocks++;
    kv_hold(p->pool, block);
    touch(p, block);
    return block;
}

uint32_t prefix_idle(const struct prefix *p)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->pool->blocks; i++) n += p->link[i].number && p->pool->holders[i] == 1;
    return n;
}

int prefix_forget(struct prefix *p)
{
    int32_t oldest = KV_NONE;
    for (uint32_t i = 0; i < p->pool->blocks; i++)
        if (p->link[i].number && p->pool->holders[i] == 1 && (oldest == KV_NONE || p->link[i].used < p->link[oldest].used))
            oldest = (int32_t)i;
    if (oldest == KV_NONE) return 0;
    struct link *l = &p->link[oldest];
    int32_t *at = place(p, l->after, p->ids[oldest]);
    while (*at != oldest) at = &p->link[*at].next;
    *at = l->next;
    l->number = 0;
    l->owner->blocks--;
    kv_drop(p->pool, oldest);
    return 1;
}
