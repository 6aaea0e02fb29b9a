/* task_in.h - the inside of task.h. */
#ifndef HEARTH_WORK_TASK_IN_H
#define HEARTH_WORK_TASK_IN_H

#include "text/template.h"
#include "work/task.h"

/* A value of each row: a column, a template, or a constant of the task file. */
struct eval_field { const char *name, *column; const json_t *constant; struct template *template; };

/* ---- task_metrics.c ---- */
enum hearth_status task_metrics(struct eval_task *t);
enum hearth_status task_filters(struct eval_task *t);

/* ---- task_rows.c ---- */
/* The rows of the splits, and the digest of task and data. */
enum hearth_status task_rows(struct eval_task *t, const char *text, size_t n);
enum hearth_status task_field(struct eval_task *t, const char *key, int required, struct eval_field **out);
void task_field_free(struct eval_field *f);

/* ---- task_data.c: a file of examples without a task file ---- */
enum hearth_status task_data_open(struct eval_task *t, const struct eval_options *o);
enum hearth_status task_data_items(struct eval_task *t, size_t count, struct eval_item *items);

/* ---- task_literal.c ---- */
/* The value, or NULL when the text is none. */
json_t *task_literal(const char *s, size_t n);

/* ---- task_items.c ---- */
/* A text, or a number as a text, in the arena; NULL: another kind of value, or no memory. */
const char *task_text_of(struct eval_task *t, const json_t *v);

/* "x.yaml: key": in the arena, "" without memory. */
const char *task_where(struct eval_task *t, const char *key);
const char *task_strdup(struct eval_task *t, const char *s);   /* NULL with message set */
/* What JSON has there, in a few characters, for messages. */
const char *task_found(const json_t *v, char out[80]);

#endif
