/* dataset_in.h - which field of a record is what (dataset_columns.c), for its readers (dataset_read.c). */
#ifndef HEARTH_WORK_DATASET_IN_H
#define HEARTH_WORK_DATASET_IN_H

#include "work/dataset.h"

enum role { ROLE_TEXT, ROLE_LABEL, ROLE_PROMPT, ROLE_ANSWER, ROLE_CHOSEN, ROLE_REJECTED, ROLE_MESSAGES, ROLE_INPUT, ROLES };

struct columns {
    enum example_kind kind;
    int at[ROLES];                   /* index of the field; -1: none */
    const char *name[ROLES];         /* its name, the record's */
    int exact[ROLES];                /* which was asked for in these letters */
    char unused[128];                /* of EXAMPLE_TEXT: names of the others */
};

/* Decides by the names of the first record.  EUSAGE: `named` (may be NULL) is no list, or names what is not there; EFORMAT: nothing
 * fits. */
enum hearth_status columns_choose(const char *file, uint64_t line, const char *named, const char *const *field, size_t n,
                                  struct columns *out);

#endif
