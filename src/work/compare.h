/* compare.h - two evaluations of the same items: is one better, how much, and where do they differ.
 *
 *     share of items on which only one is right  ->  McNemar's exact test
 *     difference of the item's scores            ->  mean, and 95 % by 10,000 paired draws of as many items */
#ifndef HEARTH_WORK_COMPARE_H
#define HEARTH_WORK_COMPARE_H

#include "work/evaluate.h"

/* Two entries of "tasks".  {"task", "metric", "higher_is_better", "items", "a", "b", "difference" (b - a), "low", "high", "only_a", "only_b",
 * "p" (null where the scores are not 0 and 1), "agreement" (share of items with the same answer), "differ": [{"item", "prompt", "a", "b",
 * "score_a", "score_b"}]}.  EFORMAT: not of the same items. */
enum hearth_status compare_tasks(const json_t *a, const json_t *b, uint64_t seed, json_t **out);
/* Every task of b with that of a of the same name. */
enum hearth_status compare_results(const json_t *a, const json_t *b, uint64_t seed, json_t **out);

/* What a task (or suite) of a newer result changed: {"task", "better": [items], "worse": [items], "p", "regression"}.  A suite regresses with
 * any item that passed before and does not now; another task when McNemar's test gives p < 0.05 to the worse.  Items are matched by what was
 * asked; *out NULL when before has no such task. */
enum hearth_status compare_changes(const json_t *before, const json_t *task, json_t **out);

/* The text that came of an item: the choice taken, the answer. */
const char *compare_answer(const json_t *sample);

/* A page with the items side by side; blind: without scores and names, left and right by the seed. */
enum hearth_status compare_page(const json_t *comparison, const json_t *a, const json_t *b, int blind, uint64_t seed, char **text, size_t *n);
/* Blind votes: a CSV to be filled in (task, item, vote, model_a, model_b, seed), and what they come to when it is read back:
 * {"a", "b", "votes", "votes_a", "votes_b", "same", "p"}.  A vote is left, right or same; empty ones do not count. */
enum hearth_status compare_ballot(const json_t *comparison, const json_t *a, const json_t *b, uint64_t seed, char **text, size_t *n);
enum hearth_status compare_votes(const char *path, json_t **out);

#endif
