/* compress_in.h - a compression under way: compress.c goes through the steps, compress_score.c measures one, compress_text.c says what the
 * examples are made of. */
#ifndef HEARTH_WORK_COMPRESS_IN_H
#define HEARTH_WORK_COMPRESS_IN_H

#include <jansson.h>
#include "base/mem.h"
#include "work/compress.h"
#include "work/task.h"

struct compressing {
    const struct compress_params *p;
    struct compress_result *r;
    const char *what;                /* the step under way */
    int head;                        /* the model names classes */
    char *base, *trimmed, *imatrix, *candidate, *best;   /* files; best: "" when there is none yet */
    struct buf text;                 /* what the examples say, as the model reads it */
    json_t *first;                   /* what evaluate.h said of the base, item by item */
};

/* The score of a file, and between what bounds it keeps the base's.  EUSAGE: the task is none for it. */
enum hearth_status compress_score(struct compressing *k, const char *file, struct compress_step *s);
/* Fills k->text, from the base. */
enum hearth_status compress_text(struct compressing *k);

static inline const char *compress_data_columns(const struct compress_params *p) { return p->data_columns ? p->data_columns : p->columns; }

static inline int compress_tell(struct compressing *k, uint64_t done, uint64_t total, int items)
{
    return k->p->progress ? k->p->progress(k->p->user, k->what, done, total, items) : 0;
}

#endif
