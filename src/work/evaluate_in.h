/* evaluate_in.h - the inside of evaluate.h: what came of each item, and the scores of all. */
#ifndef HEARTH_WORK_EVALUATE_IN_H
#define HEARTH_WORK_EVALUATE_IN_H

#include "work/answers.h"
#include "work/evaluate.h"

struct outcome {                     /* of one item */
    double *logprob;                 /* [choices], or of the one text: [1] */
    unsigned char *greedy;           /* the same */
    struct answer answer;            /* of generate_until */
    int cut;
};

/* Multiple choice by the head of an adapter, or without one of the model's own file: of each item its text alone is read, and a choice is as likely as the class of that name.
 * EUSAGE: the task asks for something else, or a choice is no class. */
enum hearth_status evaluate_by_head(const struct evaluate_params *p, const struct eval_task *t, const struct eval_item *items, size_t n,
                                    struct outcome *came);

/* Adds "scores" and "samples" to the entry of a task. */
enum hearth_status evaluate_scores(const struct evaluate_params *p, struct eval_task *t, const struct eval_item *items,
                                   const struct outcome *came, size_t n, json_t *entry);

#endif
