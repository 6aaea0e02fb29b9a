/* prune_in.h - what a pruning decided, from prune.c to prune_write.c. */
#ifndef HEARTH_WORK_PRUNE_IN_H
#define HEARTH_WORK_PRUNE_IN_H

#include "model/model.h"
#include "work/prune.h"

struct pruning {
    struct hearth_model *m;
    const struct prune_params *p;
    double *influence;               /* [layers] */
    double **neuron;                 /* [layers][feed_forward]: sums of squares; NULL: not asked for */
    uint8_t *gone;                   /* [layers] */
    uint32_t **keep, *kept;          /* [layers][kept]: neurons that stay, ascending; NULL: all */
    uint64_t before, after, tokens;  /* elements of all tensors */
};

enum hearth_status pruning_write(struct pruning *k, const char *out);

#endif
