/* forward.h - the one forward pass: pieces of one or many conversations in, logits out.
 *
 *     span 0 [tttttttt]  a piece of a prompt        \
 *     span 1 [t]         a running answer            }  one step: every matrix is passed once, over all rows together;
 *     span 2 [tttt]      an answer and guesses      /   attention looks into each span's own blocks (kv.h)
 *
 * What a row becomes depends on its own sequence only, never on the company or on the cutting. */
#ifndef HEARTH_MODEL_FORWARD_H
#define HEARTH_MODEL_FORWARD_H

#include "model/adapter.h"
#include "model/kv.h"

enum { FORWARD_CHUNK = 256 };        /* tokens computed together unless asked otherwise; never changes a bit */

struct forward;

struct forward_sizes { uint32_t ctx, chunk; enum hearth_kv kv; uint64_t kv_bytes /* of ctx positions */, slab_bytes; };

/* What a forward pass of ctx tokens (0: the model's, at most 4096) in chunks (0: FORWARD_CHUNK, at most ctx) takes; checks both. */
enum hearth_status forward_plan(const struct hearth_model *m, uint32_t ctx, enum hearth_kv kv, uint32_t chunk,
                                struct forward_sizes *out);
/* Steps of at most sizes->chunk rows over sequences of at most sizes->ctx positions. */
enum hearth_status forward_open(const struct hearth_model *m, const struct forward_sizes *sizes, struct forward **out);
void forward_close(struct forward *f);
/* From now on fn is called with the input of every matrix product, as it is before any rounding: x [n][w->cols], ldx from one row to the
 * next.  Products come in the order of the walk, rows in ascending order, so what is summed row by row depends on no chunk.  On the
 * thread of forward_step, outside the pool.  fn NULL: no longer. */
typedef void forward_watch_fn(void *user, const struct weight *w, const float *x, size_t ldx, uint32_t n);
void forward_watch(struct forward *f, forward_watch_fn *fn, void *user);

enum span_want {
    SPAN_NOTHING,
    SPAN_LAST,                       /* logits of the last token */
    SPAN_ALL,                        /* logits of every token */
    SPAN_HIDDEN                      /* the hidden state of every token after the last norm */
};

struct span {                        /* tokens ids[0..n) at positions position.. of a sequence that holds all before, and has blocks for these */
    const struct kv_seq *seq;
    uint32_t position, n;
    const int32_t *ids;
    enum span_want want;
    const float *out;                /* set by the step: [rows wanted][vocabulary], or [n][width] until the next step */
    const struct hearth_adapter *adapter; /* of this model; NULL: none.  It changes this span's rows only */
};

/* logits: [rows of logits wanted][vocabulary], in the order of the spans; not touched when none is wanted.
 * ENUMERIC when an activation or logit is not finite: one span's fault or several's, and then nothing of the step counts. */
enum hearth_status forward_step(struct forward *f, struct span *spans, uint32_t count, float *logits);

/* The embedding of a text of `total` tokens: out [embedding] is made of what model_pool made of their hidden states, which changes; out
 * may be sum where there are no dense layers.  ENUMERIC: it has no finite length above 0. */
enum hearth_status forward_embedding(struct forward *f, uint32_t total, float *sum, float *out);

#endif
