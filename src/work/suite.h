/* suite.h - what a model must say and must not: prompts with checks that people wrote, asked before and after every change of a model.
 *
 *     {"prompt": "May I return it?", "must": ["30 days"], "must_not": ["lawyer", {"regex": "(?i)no idea"}], "rubric": "It is polite."}
 *
 * one a line in a .jsonl, or in YAML as the list `checks` of a mapping (beside it `suite`, a name, and `system`).  must and must_not are texts
 * that the answer holds (whatever their case) or {"regex": ...}.  A rubric is a sentence about the answer; a judge, another model, says whether
 * it is true, and what it said is marked as judged. */
#ifndef HEARTH_WORK_SUITE_H
#define HEARTH_WORK_SUITE_H

#include "work/evaluate.h"

struct suite;

/* 1 when the file is one: by its keys. */
int suite_is(const char *path);
/* EFORMAT: names file, check and mistake. */
enum hearth_status suite_open(const char *path, struct suite **out);
void suite_close(struct suite *s);             /* NULL is allowed */
int suite_has_rubrics(const struct suite *s);

/* Adds an entry to "tasks": scores passed (checks all fulfilled) and judged, and each item with its checks.  judge: NULL refuses rubrics. */
enum hearth_status suite_run(const struct evaluate_params *p, const struct suite *s, struct hearth_model *judge, const char *judge_name,
                             json_t *result);

#endif
