/* classify.h - which label a text has, by an adapter that was tuned on texts with labels, or by a model into which one was merged.
 *
 *     a head            softmax(W h), h of the text's tokens                                  as it was trained: train/head.h
 *     labels as words   softmax over the labels of log p(label and its end | the text asked)  each is read behind the same prompt */
#ifndef HEARTH_WORK_CLASSIFY_H
#define HEARTH_WORK_CLASSIFY_H

#include <jansson.h>
#include "account/meter.h"
#include "base/status.h"

struct classifier;
struct hearth_adapter;
struct hearth_model;
/* model, adapter: paths; adapter NULL: the head that lies in the model's file.  EUSAGE: there is none, or the adapter knows no labels. */
enum hearth_status classify_open(const char *model, const char *adapter, const struct hearth_model_params *params, struct classifier **out);
/* The same with what is open already, and stays the caller's: an adapter that knows labels.  ctx 0: as above. */
enum hearth_status classify_begin(struct hearth_model *m, const struct hearth_adapter *a, uint32_t ctx, struct classifier **out);
void classify_close(struct classifier *c);
/* 1: the model's own file has a head for classes, so that it names those and does not answer in words. */
int classify_is_for(const struct hearth_model *m);
const char *const *classify_labels(const struct classifier *c, uint32_t *n);
/* share [n]: of each label; *best: the likeliest, ties to the lower.  A text that is longer than the context is cut at its end, and counted. */
enum hearth_status classify_text(struct classifier *c, const char *text, float *share, uint32_t *best);
/* Ask without the chat template, as `hearth tune --plain` teaches labels in words. */
void classify_plain(struct classifier *c);
size_t classify_cut(const struct classifier *c);        /* texts so far that were */

/* ---- classify_ledger.c ---- */

struct classify_said {
    const struct hearth_model *model;
    const struct hearth_adapter *adapter;
    const char *name;                /* of the model, as it was asked for */
    const json_t *texts;             /* [{"role": "user", "content"}] */
    const char *labels;              /* "LABEL<tab>SHARE" a line */
    uint32_t ctx;
    const struct footprint *footprint;
    int keep;                        /* a transcript, if the ini keeps any */
};
struct classify_noted { uint64_t number; unsigned days; int first; };  /* days that the transcript is kept, 0: none is; first: the folder is new */
/* Sets model, adapter and ctx. */
void classify_says(const struct classifier *c, struct classify_said *s);
enum hearth_status classify_record(const struct classify_said *s, struct classify_noted *out);

#endif
