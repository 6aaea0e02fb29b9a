/* evaluate.h - a model measured by tasks: what is asked, what came, and the scores of it.
 *
 *     evaluate_begin ──► {"schema", "model", "arithmetic", "settings", "tasks": []}
 *     evaluate_task  ──► one entry of "tasks"      for each task
 *     evaluate_end   ──► "seconds", "footprint"
 *     evaluate_record    an entry "eval" of the ledger: digests and scores, no text
 *
 * The result is one JSON value, in which everything is said once; the table, the page, the ledger, `hearth compare` and --before read it.
 * docs/evaluation.md says what is in it. */
#ifndef HEARTH_WORK_EVALUATE_H
#define HEARTH_WORK_EVALUATE_H

#include <jansson.h>
#include "work/task.h"

#define EVALUATE_SCHEMA "hearth-evaluation/1"

enum evaluate_chat { CHAT_AUTO /* a person's own examples where the model has a template */, CHAT_ALWAYS, CHAT_NEVER };

struct evaluate_params {
    struct hearth_model *model;
    const struct hearth_adapter *adapter; /* NULL: the model as it is */
    const char *adapter_name, *adapter_sha256;
    const char *name, *sha256;       /* of the model, as it was asked for; of its file ("": not known) */
    uint32_t ctx;                    /* 0: the model's own, at most 4096 */
    enum evaluate_chat chat;
    size_t limit;                    /* items of each task; 0: all */
    uint64_t seed;                   /* of sampling, where a task samples, and of intervals by chance */
    uint64_t shot_seed;              /* of few-shot examples: 1234 in lm-evaluation-harness */
    void (*on_step)(void *user, const char *task, size_t done, size_t total);   /* may be NULL */
    void *user;
    const volatile int *cancel;      /* may be NULL */
};

enum hearth_status evaluate_begin(const struct evaluate_params *p, json_t **result);
enum hearth_status evaluate_task(const struct evaluate_params *p, struct eval_task *t, json_t *result);
enum hearth_status evaluate_record(const json_t *result, uint64_t *number);

/* The score of a task that stands for it: the first of its metrics.  NULL: none. */
const json_t *evaluate_main_score(const json_t *task);
/* Words of a text as lm-evaluation-harness counts them: runs of white space and one. */
double evaluate_words(const char *s);
/* A log-likelihood as bits of each of so many bytes, or as a perplexity by what it is divided by. */
double evaluate_ratio(int bits, double logprob, double weight);
/* What was measured, for people: "smollm2", or with an adapter "smollm2 + tickets". */
enum { EVALUATE_NAME = 1024 };
void evaluate_model_name(const json_t *result, char out[EVALUATE_NAME]);
/* "acc", or "exact_match,word" where there is a filter. */
void evaluate_score_name(const json_t *score, char out[128]);

/* A whole page; free() *text. */
enum hearth_status evaluate_page(const json_t *result, char **text, size_t *n);

#endif
