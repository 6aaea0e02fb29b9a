/* forward.h - the one forward pass, and the KV cache it fills.
 *
 * Keys and values are kept per layer and KV head in pages of 64 positions (kernels.h has a page's layout):
 *     data: [layer][page][kv head] { keys, values }
 * A page is found through kv_page alone, so that pages can later be shared or moved. */
#ifndef HEARTH_MODEL_FORWARD_H
#define HEARTH_MODEL_FORWARD_H

#include "model/model.h"

enum { FORWARD_CHUNK = 256 };        /* tokens computed together unless asked otherwise; never changes a bit */

struct forward;

struct forward_sizes { uint32_t ctx, chunk; enum hearth_kv kv; uint64_t kv_bytes, slab_bytes; };

/* What a forward pass of ctx tokens (0: the model's, at most 4096) in chunks (0: FORWARD_CHUNK) takes; checks both. */
enum hearth_status forward_plan(const struct hearth_model *m, uint32_t ctx, enum hearth_kv kv, uint32_t chunk,
                                struct forward_sizes *out);
enum hearth_status forward_open(const struct hearth_model *m, const struct forward_sizes *sizes, struct forward **out);
void forward_close(struct forward *f);

/* Computes tokens ids[0..n) at positions position.., n <= chunk.  Earlier positions are in the cache.
 * logits: [vocabulary] of the last token, or with all != 0 [n][vocabulary] of every token; NULL: none.
 * ENUMERIC when an activation or logit is not finite. */
enum hearth_status forward_run(struct forward *f, const int32_t *ids, uint32_t n, uint32_t position, float *logits, int all);

#endif
