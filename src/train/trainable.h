/* trainable.h - a model's own tensors as F32 numbers that may change: what full fine-tuning works on.
 *
 * Each tensor for which there is a gradient is copied, dequantised, and the opened model computes with the copy from then on.  Such a
 * model belongs to whoever trains it: no session of others uses it meanwhile. */
#ifndef HEARTH_TRAIN_TRAINABLE_H
#define HEARTH_TRAIN_TRAINABLE_H

#include "train/backward.h"

struct trainable { float **data; size_t n; };                /* [n]: as g->list */
/* EUNSUPPORTED: a tensor's type is not read. */
enum hearth_status trainable_open(struct hearth_model *m, const struct grads *g, struct trainable *out);
/* Only after the model was closed, or is not computed with again. */
void trainable_free(struct trainable *t);
const float *trainable_find(const struct trainable *t, const struct grads *g, const char *name);   /* NULL: it is the file's */

#endif
