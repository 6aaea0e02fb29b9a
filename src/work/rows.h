/* rows.h - a data file of a task, every column of it: where dataset.h knows what columns mean, a task's templates name them.
 *
 *     x.jsonl, x.json (an array), x.csv, x.tsv   ->  a JSON array of objects
 *
 * A column of CSV whose every field is a whole number is numbers, as in the `datasets` package; all others are texts. */
#ifndef HEARTH_WORK_ROWS_H
#define HEARTH_WORK_ROWS_H

#include <jansson.h>
#include "base/mem.h"

/* EFORMAT: names file and line; a file without a row too.  sha256: of the file's bytes, "" when built without libcrypto. */
enum hearth_status rows_read(const char *path, json_t **out, char sha256[65]);

#endif
