/* lora.h - a tape that computes with an adapter, and the gradients of its matrices.
 *
 *     x~ = x, or with dropout  x mask / (1 - p)
 *     h  = scale * (A x~)        kept, a matrix and token
 *     y  = W x + B h
 *
 *     dB += dy h,   dh = scale * (B^T dy),   dA += dh x~,   dx = W^T dy + A^T dh, the latter masked
 *
 * The weights below stay as they are: no gradient of theirs is needed for these.  Chains: ARITHMETIC.md section 9. */
#ifndef HEARTH_TRAIN_LORA_H
#define HEARTH_TRAIN_LORA_H

#include "model/adapter.h"
#include "train/tape.h"

struct branch;

struct lora_grads { float **a, **b; uint64_t elements; };    /* [layers * ADAPTER_SLOTS], shaped as the adapter's; NULL where it has none */
enum hearth_status lora_grads_open(const struct hearth_adapter *a, struct lora_grads *out);
void lora_grads_free(const struct hearth_adapter *a, struct lora_grads *g);

struct lora_dropout { float p; uint64_t seed; uint32_t step, first_token; };   /* p 0: none; first_token: of the tape, in its step */

/* From now on the tape computes with the adapter, whose numbers may change between passes; NULL: without one.  grads (may be NULL) gets
 * gradients added by backward_run. */
enum hearth_status tape_adapt(struct tape *t, const struct hearth_adapter *a, const struct lora_grads *grads);
void tape_dropout(struct tape *t, const struct lora_dropout *d);
/* What tape_adapt takes for a tape of so many tokens. */
uint64_t lora_bytes(const struct hearth_adapter *a, uint32_t max_tokens);

/* ---- for tape.c and backward.c ---- */

/* What goes with the product of the matrix, forwards from x [n][inputs], backwards from dy [n][outputs]: *b filled and returned, NULL: it has
 * no part. */
const struct branch *lora_forward(struct tape *t, uint32_t layer, enum adapter_slot s, const float *x, struct branch *b);
const struct branch *lora_back(struct tape *t, uint32_t layer, enum adapter_slot s, const float *dy, struct branch *b);
/* Right after the product backwards: gradients of the part; with dropout, dx += what came through A. */
void lora_gradients(struct tape *t, uint32_t layer, enum adapter_slot s, const float *x, const float *dy, float *dx);
int lora_has(const struct tape *t, uint32_t layer, enum adapter_slot s);

#endif
