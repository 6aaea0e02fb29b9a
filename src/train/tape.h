/* tape.h - the forward pass in `float` arithmetic that keeps what the backward pass and explanations need.
 *
 *     residual(0) = embeddings                     what enters layer 0
 *     middle(l)   = residual(l) + attention_out(l)
 *     residual(l + 1) = middle(l) + ffn_out(l)
 *     logits = W norm(residual(layers))
 *
 * Its logits are those of a session under HEARTH_FLOAT, bit for bit.  Several short sequences may be computed together:
 * then n counts the tokens of all of them, one after the other, and none sees another; what is computed for one does not
 * depend on its company.  A tape uses the model's pool: one thread at a time works with it, and with no session meanwhile. */
#ifndef HEARTH_TRAIN_TAPE_H
#define HEARTH_TRAIN_TAPE_H

#include "model/model.h"

struct tape;

/* Room for max_tokens (all sequences together).  Where a model rotates long contexts in another way, a sequence's length says
 * which it is; a session's context does there, so that one that is longer than its text may differ.
 * EUSAGE: the model was not opened with HEARTH_FLOAT. */
enum hearth_status tape_open(struct hearth_model *m, uint32_t max_tokens, struct tape **out);
void tape_close(struct tape *t);
/* What tape_open would take. */
uint64_t tape_bytes(const struct hearth_model *m, uint32_t max_tokens);

/* Computes one sequence at positions 0 .. n-1.  embeddings: NULL for the ids' own; else [n][width], exactly what enters
 * layer 0 (the family's embedding scale is not applied to it), and ids may be NULL.
 * ENUMERIC when a value is not finite. */
enum hearth_status tape_forward(struct tape *t, const int32_t *ids, const float *embeddings, uint32_t n);
/* The same for several: sequence s has lengths[s] >= 1 tokens. */
enum hearth_status tape_forward_many(struct tape *t, const int32_t *ids, const float *embeddings, const uint32_t *lengths,
                                     uint32_t count);

/* What the last tape_forward computed; valid until the next. */
uint32_t tape_tokens(const struct tape *t);
const float *tape_embeddings(const struct tape *t);                       /* [n][width]: what enters layer 0 */
const float *tape_residual(const struct tape *t, uint32_t layer);         /* [n][width]; layer = layers: before the output norm */
const float *tape_middle(const struct tape *t, uint32_t layer);           /* [n][width] */
const float *tape_heads(const struct tape *t, uint32_t layer);            /* [n][heads * head_width]: before attn_out */
const float *tape_attention_out(const struct tape *t, uint32_t layer);    /* [n][width]: what is added, past a post norm */
const float *tape_ffn_out(const struct tape *t, uint32_t layer);          /* [n][width]: likewise */
/* [n][feed_forward of the layer]: what its last matrix is given, worked out again; valid until the next call of the tape. */
const float *tape_neurons(struct tape *t, uint32_t layer);

/* out [width]: the hidden state of token `at` after the last norm, from which the logits are made. */
void tape_final(struct tape *t, uint32_t at, float *out);

/* A norm is x -> x * r * w with r = 1 / sqrt(mean(x^2) + eps): r of each token, [n].  NULL: the family has no such norm.
 * The input is residual(l), W_out heads(l), middle(l), W_down (...), residual(layers). */
enum tape_norm { TAPE_ATTN_NORM, TAPE_ATTN_POST_NORM, TAPE_FFN_NORM, TAPE_FFN_POST_NORM, TAPE_OUTPUT_NORM /* any layer */ };
const float *tape_rms(const struct tape *t, uint32_t layer, enum tape_norm which);

/* out [vocabulary]: the logits at token `at` (0 .. n-1).  tape_lens: of residual(layer) there, as if the layers above
 * were not; with layer = layers the same. */
enum hearth_status tape_logits(struct tape *t, uint32_t at, float *out);
enum hearth_status tape_lens(struct tape *t, uint32_t layer, uint32_t at, float *out);
/* The same at the last layer, before the soft cap that some families have. */
enum hearth_status tape_logits_uncapped(struct tape *t, uint32_t at, float *out);

/* out [n][w->rows] = W x and its bias, and out [n][w->cols] = W^T y, over the model's pool: chains as in ARITHMETIC.md. */
enum hearth_status tape_multiply(struct tape *t, const struct weight *w, const float *x, uint32_t n, float *out);
enum hearth_status tape_multiply_back(struct tape *t, const struct weight *w, const float *y, uint32_t n, float *out);

/* The tensor's own row, dequantised: out [w->cols]. */
void tape_weight_row(const struct weight *w, uint64_t row, float *out);

#endif
