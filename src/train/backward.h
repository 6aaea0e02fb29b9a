/* backward.h - gradients of a loss over the tape's logits, for the embeddings that entered and for the weights.
 *
 * A weight's gradient is one chain over tokens in example order that goes on across calls: the same examples cut into
 * calls in another way, on any number of threads, give the same bits (ARITHMETIC.md section 9). */
#ifndef HEARTH_TRAIN_BACKWARD_H
#define HEARTH_TRAIN_BACKWARD_H

#include "train/distil.h"
#include "train/tape.h"

/* The sum over tokens t of weight[t] * -log p(target[t] | tokens up to t), or explicit rows of d loss / d logits. */
struct loss_spec {
    const int32_t *target;           /* [n]: the id that should follow token t; not looked at where the weight is 0 */
    const float *weight;             /* [n]; 0: masked.  A weight of -1 gives the gradient of log p. */
    struct distil *distil;           /* a teacher is followed as well (distil.h, room for the vocabulary); NULL: the targets alone */
    /* with target NULL: */
    const uint32_t *row;             /* [rows]: tokens in ascending order */
    const float *dlogits;            /* [rows][vocabulary]; or NULL, and */
    const float *dfinal;             /* [rows][width]: of the hidden states after the last norm (tape_final) */
    uint32_t rows;
};

/* Gradients of the tensors that are wanted, in the order of the family's table, layers inside. */
struct grad { const char *name; float *data; uint64_t elements; }; /* "blk.0.attn_q.weight", shaped as the tensor */
struct grads {
    const struct hearth_model *m;
    struct grad *list;               /* [n] */
    size_t n;
    struct arena names;
    float **place;                   /* [tensors of the table][layers]: NULL where not wanted */
    float *tied;                     /* the output's part of a tied embedding's gradient */
};

/* want NULL: every tensor but rope_freqs, which is a constant; else those for which it returns non-zero.  All zero. */
enum hearth_status grads_open(const struct hearth_model *m, int (*want)(void *user, const char *name), void *user,
                              struct grads **out);
void grads_close(struct grads *g);
void grads_zero(struct grads *g);
/* Once, after the last backward_run of a step and before the list is read: a tied embedding's two chains become one sum.
 * ENUMERIC names a tensor whose gradient is not finite. */
enum hearth_status grads_finish(struct grads *g);
/* The name of a table's tensor in one layer; 0 when this file does not have it. */
int grads_name_of(const struct hearth_model *m, const struct tensor_spec *s, uint32_t layer, char *name, size_t size);
const struct grad *grads_find(const struct grads *g, const char *name);   /* NULL: not wanted, or no such tensor */
/* For the backward pass: where the gradient of the field at `offset` of struct layer (or, layer < 0, struct weights) goes. */
float *grads_at(const struct grads *g, int layer, size_t offset);

/* weights (may be NULL) are added to; d_embeddings (may be NULL) is [n][width], overwritten: the gradient for what enters
 * layer 0; loss (may be NULL) is overwritten (0 for explicit rows).  The tape keeps what it holds: several losses may
 * follow one tape_forward.  Tokens without a loss are passed over.  Where embeddings were given instead of ids, the
 * embedding tensor has the output's part only.
 * EUSAGE: a target outside the vocabulary, rows that do not ascend.  ENUMERIC: a gradient is not finite; then what was
 * added to weights is worth nothing. */
enum hearth_status backward_run(struct tape *t, const struct loss_spec *spec, double *loss, struct grads *weights,
                                float *d_embeddings);
/* The loss alone, of targets; each (may be NULL) is [n]: -log p(target[t]) of the tokens whose weight is not 0, without it. */
enum hearth_status loss_run(struct tape *t, const struct loss_spec *spec, double *loss, double *each);

#endif
