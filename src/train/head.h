/* head.h - a class out of the last hidden state: logits = W h, W [classes][width], h of a sequence's last token after the last norm. */
#ifndef HEARTH_TRAIN_HEAD_H
#define HEARTH_TRAIN_HEAD_H

#include "train/backward.h"

struct head { const struct hearth_model *m; const float *w; uint32_t classes; };

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

#endif
