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

/* Adds "scores" and "samples" to the entry of a task. */
enum hearth_status evaluate_scores(const struct evaluate_params *p, struct eval_task *t, const struct eval_item *items,
                                   const struct outcome *came, size_t n, json_t *entry);

#endif
