/* compress.h - a model made as small as a task lets it be.
 *
 *     base     the model, with its adapter merged in, in halves: what bytes and score are shares of
 *     trim     the vocabulary to what the examples use
 *     types    from the larger ones to the smaller, weighed by an importance matrix of the examples; measured from the first that is small enough
 *              down to the first that no longer holds, or where not even that one holds, up to the first that does
 *     prune    when that is not small enough: fewer neurons, healed by distilling from the base, in the largest type that is small enough
 *
 * Every step is measured by the task, and the smallest file that holds its share of the score is kept.  All others go.
 *
 * A few hundred items cannot tell 98 % of a score from 96 %.  So the first file that is small enough makes way for a smaller one only where the
 * items leave no doubt: where the whole 95 % interval of what that one kept, item by item beside the base, is at least the share asked for. */
#ifndef HEARTH_WORK_COMPRESS_H
#define HEARTH_WORK_COMPRESS_H

#include <stddef.h>
#include <stdint.h>
#include "base/status.h"

struct compress_params {
    const char *model, *adapter;     /* paths; adapter NULL: none */
    const char *task;                /* what evaluate.h measures; with a head for labels: texts with labels */
    const char *data;                /* examples to trim, weigh and heal by; NULL: the task's own texts, and nothing is pruned */
    const char *columns, *data_columns;              /* of the task; of the data (NULL: as of the task), as dataset.h reads them */
    double keep, most;               /* shares: of the score, of the base's bytes */
    size_t limit;                    /* items of the task; 0: all */
    size_t heal;                     /* examples to heal with; 0: 2,000 */
    uint64_t seed;
    int threads;
    const char *folder;              /* for files that come and go; it is there and empty, and so again afterwards */
    /* what: which step it is at; done, total: bytes, or with items 1 what is counted, 0 where it is not known.  Non-zero: cancel. */
    int (*progress)(void *user, const char *what, uint64_t done, uint64_t total, int items);
    void (*told)(void *user, const char *sentence);   /* a step that was measured, or what was passed over, and why; may be NULL */
    void *user;
    const volatile int *cancel;      /* may be NULL */
};

struct compress_step {
    char name[64];
    uint64_t bytes;
    double score, seconds;
    double low, high;                /* 95 % of the share it kept; NaN: of the first, and where the score is none of single items */
    int measured, holds, surely;     /* the share is kept; by its lower bound too */
};
enum { COMPRESS_STEPS = 64 };
struct compress_result {
    struct compress_step step[COMPRESS_STEPS];   /* the first is the base */
    size_t n;
    int best;                        /* which of them was kept; -1: none */
    char metric[128];
    int higher_is_better;
    size_t items;
};

/* out appears when a file was found that holds; without one *r says so (best -1) and the status is HEARTH_OK. */
enum hearth_status compress_run(const struct compress_params *p, const char *out, struct compress_result *r);
/* How much of the base's score a step has; of its bytes. */
double compress_kept(const struct compress_result *r, size_t step);
double compress_share(const struct compress_result *r, size_t step);
/* "kept", "holds", "too few items to tell", "loses too much". */
const char *compress_verdict(const struct compress_result *r, size_t step);
/* A whole page; free() *text. */
enum hearth_status compress_page(const struct compress_params *p, const char *name, const char *out, const struct compress_result *r, char **text, size_t *n);

#endif
