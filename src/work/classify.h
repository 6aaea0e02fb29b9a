/* classify.h - which label a text has, by an adapter that was tuned on texts with labels.
 *
 *     a head            softmax(W h), h of the text's tokens                                  as it was trained: train/head.h
 *     labels as words   softmax over the labels of log p(label and its end | the text asked)  each is read behind the same prompt */
#ifndef HEARTH_WORK_CLASSIFY_H
#define HEARTH_WORK_CLASSIFY_H

#include "base/status.h"

struct classifier;
/* model, adapter: paths.  EUSAGE: the adapter knows no labels. */
enum hearth_status classify_open(const char *model, const char *adapter, const struct hearth_model_params *params, struct classifier **out);
/* The same with what is open already, and stays the caller's: an adapter that knows labels.  ctx 0: as above. */
enum hearth_status classify_begin(struct hearth_model *m, const struct hearth_adapter *a, uint32_t ctx, struct classifier **out);
void classify_close(struct classifier *c);
const char *const *classify_labels(const struct classifier *c, uint32_t *n);
/* share [n]: of each label; *best: the likeliest, ties to the lower.  A text that is longer than the context is cut at its end. */
enum hearth_status classify_text(struct classifier *c, const char *text, float *share, uint32_t *best);

#endif
