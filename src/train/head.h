/* head.h - a class out of hidden states after the last norm: logits = W h, W [classes][width], h of a sequence's last token, or the mean of
 * all its tokens'.
 *
 * The mean is what a head learns from few examples: of 77 intents with 26 examples each SmolLM2-135M's own hidden states, nothing but the head
 * learnt, name 73 % rightly by the mean and 52 % by the last token, in which a model keeps what it would write next. */
#ifndef HEARTH_TRAIN_HEAD_H
#define HEARTH_TRAIN_HEAD_H

#include "base/pool.h"
#include "model/adapter.h"
#include "train/backward.h"

struct head { const struct hearth_model *m; const float *w; uint32_t classes; int mean; };
static inline struct head head_of(const struct hearth_adapter *a) { return (struct head){ a->m, a->head, a->classes, a->mean }; }

/* Probabilities of one sequence: h [width], out [classes], by the chains of sections 3 and 5.  *best: the likeliest, ties to the lower. */
enum hearth_status head_classify(const struct head *h, const float *hidden, float *out, uint32_t *best);

/* out [classes]: before the softmax. */
enum hearth_status head_logits(const struct head *h, const float *hidden, float *out);

struct head_result { double loss; uint32_t right; };

/* After tape_forward_many with these n lengths: the sum over the sequences of weight * -log p(label), how many are right.  With dw
 * [classes][width], gradients are added to it, a chain over the sequences, and go on through the tape (into its adapter's, weights).
 * d (may be NULL): a teacher of the same classes is followed, whose rows are the sequences. */
enum hearth_status head_run(struct tape *t, const struct head *h, const uint32_t *lengths, const uint32_t *label, uint32_t n, float weight,
                            struct distil *d, float *dw, struct grads *weights, struct head_result *out);

/* h of the n sequences of the last tape_forward_many: out [n][width]. */
enum hearth_status head_hidden(struct tape *t, const struct head *h, const uint32_t *lengths, uint32_t n, float *out);

/* Before anything else is learnt: a head of zeros fitted to hidden states that stay as they are, hidden [n][width], by AdamW, HEAD_FIT_EPOCHS
 * times through them.  Where the rest then begins it has somewhere to go, and need not unlearn what a head of zeros told it (Kumar and
 * others, "Fine-tuning can distort pretrained features and underperform out-of-distribution", 2022).  order [HEAD_FIT_EPOCHS][n]. */
enum { HEAD_FIT_EPOCHS = 10, HEAD_FIT_BATCH = 32 };
enum hearth_status head_fit(const struct head *h, float *w, const float *hidden, const uint32_t *label, const uint32_t *order, uint32_t n);

#endif
