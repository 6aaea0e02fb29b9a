/* vocabulary.h - trim.c and vocab.c: a model with another vocabulary, and what is said of it. */
#ifndef HEARTH_CMD_VOCABULARY_H
#define HEARTH_CMD_VOCABULARY_H

#include "cmd/models.h"

struct vocabulary_job {
    const char *command, *model, *text, *out;        /* text: a file; NULL where the option was not there */
    const char *what;                                /* said beside the progress */
    int force, json;
    int examples;                                    /* a file of examples is read as the model would, not as text */
    const char *columns;                             /* of such a file (work/dataset.h) */
    /* Calls the library's function. */
    enum hearth_status (*change)(const char *path, const char *text, size_t n, const char *out, int (*progress)(void *, uint64_t, uint64_t),
                                 void *user, struct hearth_vocabulary_result *r);
};
/* Exit code, with what is to be said printed. */
int vocabulary_change(const struct vocabulary_job *j);

#endif
