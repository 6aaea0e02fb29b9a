/* prefix.h - blocks of keys and values that are remembered, found again by the tokens that made them.
 *
 *     owner ──► "You are a helpful ..." (64 tokens) ──► 64 more ──► 64 more
 *                                                  └──► 64 others
 *
 * A chain begins with the number of its owner, so owners never share, and with that of the adapter it was read with (0: none), so what
 * one of them says is never taken for another's.  A link is a block of 64 tokens after a certain link: found by
 * a hash, believed only when the link before and all 64 tokens are the same.  Numbers of links are never used twice, so what came after
 * one that was forgotten is not found by what takes its place.
 *
 * Forgotten is what was used longest ago and nobody else holds; a link counts as used when one after it is, so a chain goes from its
 * end.  Belongs to one thread. */
#ifndef HEARTH_INFER_PREFIX_H
#define HEARTH_INFER_PREFIX_H

#include "model/kv.h"

struct prefix;

struct prefix_owner { uint64_t link; uint32_t blocks; };   /* its number; blocks remembered for it */

enum hearth_status prefix_open(struct kv_pool *pool, struct prefix **out);
void prefix_close(struct prefix *p); /* forgets all */
/* Each owner has a number of its own, from 1 to PREFIX_OWNERS. */
enum { PREFIX_OWNERS = INT32_MAX };
void prefix_owner_init(struct prefix_owner *o, uint32_t number);
/* Where a chain of its begins. */
uint64_t prefix_start(const struct prefix_owner *o, uint32_t adapter);

/* The block of ids[0..KV_PAGE) after `link`, and its own number; KV_NONE: not remembered. */
int32_t prefix_find(struct prefix *p, uint64_t link, const int32_t *ids, uint64_t *next);
/* Remembers block (and holds it) as that of ids after `link`, whose own block is `before` (KV_NONE for an owner's number); when these
 * tokens are remembered already, nothing changes.  Returns the block that is remembered for them. */
int32_t prefix_keep(struct prefix *p, struct prefix_owner *o, uint64_t link, int32_t before, const int32_t *ids, int32_t block,
                    uint64_t *next);
/* How many blocks nobody else holds; and lets one of them go: 0 when there is none. */
uint32_t prefix_idle(const struct prefix *p);
int prefix_forget(struct prefix *p);

#endif
