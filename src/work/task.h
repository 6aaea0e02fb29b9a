/* task.h - what a model is measured by: a task file in the part of lm-evaluation-harness's YAML that local data needs (or JSON of the
 * same shape), or a person's own file of examples.
 *
 *     intents.yaml ──► eval_task ──► items: context, choices or wanted texts ──► evaluate.h
 *     intents.csv  ──┘               (templates rendered, few-shot examples put before)
 *
 * Of a task file every key means what it means there, and the items are the same, few-shot examples included:
 *
 *     task, description, output_type       multiple_choice, generate_until, loglikelihood, loglikelihood_rolling
 *     dataset_path: json or csv            with dataset_kwargs: {data_files: FILE or {split: FILE}}; or dataset_path: FILE
 *     test_split, validation_split, training_split, fewshot_split
 *     doc_to_text, doc_to_target, doc_to_choice    Jinja, or a column's name
 *     target_delimiter, fewshot_delimiter, num_fewshot, fewshot_config {sampler: default or first_n}
 *     generation_kwargs {until, max_gen_toks, do_sample, temperature}, filter_list, metric_list
 *
 * FILE is looked for beside the task file.  A key that is not known is refused, so that nothing is measured otherwise than it was written.
 * Without a task file: text and label -> multiple_choice among the labels; prompt and completion, messages -> generate_until; chosen
 * and rejected -> multiple_choice of two; plain text -> loglikelihood_rolling. */
#ifndef HEARTH_WORK_TASK_H
#define HEARTH_WORK_TASK_H

#include <jansson.h>
#include "base/mem.h"
#include "work/score.h"

enum eval_output { EVAL_CHOICE, EVAL_GENERATE, EVAL_LIKELIHOOD, EVAL_ROLLING };
const char *eval_output_name(enum eval_output o);      /* "multiple_choice" ... */

enum eval_measure {
    MEASURE_ACC, MEASURE_ACC_NORM, MEASURE_ACC_BYTES, MEASURE_EXACT, MEASURE_F1, MEASURE_MACRO_F1, MEASURE_ECE, MEASURE_BRIER, MEASURE_ROUGE1,
    MEASURE_ROUGE2, MEASURE_ROUGE_L, MEASURE_CHRF, MEASURE_PERPLEXITY, MEASURE_WORD_PERPLEXITY, MEASURE_BYTE_PERPLEXITY,
    MEASURE_BITS_PER_BYTE, MEASURES
};
/* outputs: a bit 1 << eval_output each it is for; aggregation: as lm-evaluation-harness names it. */
struct eval_measure_info { const char *name, *aggregation; unsigned outputs; int higher_is_better; };
extern const struct eval_measure_info eval_measures[MEASURES];

struct pattern;
struct eval_metric { enum eval_measure measure; struct score_exact exact; struct pattern *ignore[4]; size_t n_ignore; };

enum eval_filter_kind { FILTER_REGEX, FILTER_TAKE_FIRST, FILTER_STRIP, FILTER_LOWER, FILTER_UPPER };
struct eval_filter { enum eval_filter_kind kind; struct pattern *pattern; int group; const char *fallback; };
struct eval_pipeline { const char *name; struct eval_filter filter[8]; size_t n; };

struct eval_task {
    const char *name, *path;
    char sha256[65];                 /* of the task file and its data's digests; of a data file alone, that file's; "": no libcrypto */
    enum eval_output output;
    const char *target_delimiter, *fewshot_delimiter;
    const char *raw_end;             /* stands behind a context that no template is put around: "\nLabel:"; else "" */
    int shots, first_n;              /* few-shot examples before each item; 1: the first, not drawn */
    int shots_from_items;            /* drawn from the rows that are evaluated: an item is never its own example */
    const char **until;
    size_t n_until;
    int most_tokens;
    float temperature;
    struct eval_metric metric[MEASURES];
    size_t n_metrics;
    struct eval_pipeline pipeline[4]; /* of answers; without filter_list one, "none", that changes nothing */
    size_t n_pipelines;
    const char **label;              /* choices that are the same for every item (labels): for macro F1; NULL: they differ */
    size_t labels;
    size_t n;                        /* rows */
    const char *file[2];             /* [files]: where the rows of a task file lie, and its examples */
    size_t files;

    /* inside */
    json_t *config, *rows, *shot_rows;
    struct eval_field *description, *text, *target, *choice;
    struct dataset *data;
    struct arena arena;
};

struct eval_item {
    const char *system, *user;       /* the context: system, then user; told apart for a chat template */
    const char *messages;            /* of an example that is a conversation: its JSON, without the last answer; else NULL */
    size_t user_begins;              /* bytes of few-shot examples before the question in user */
    const char **choice;             /* [choices] */
    size_t choices;
    int *gold;                       /* [golds] indices of right choices */
    size_t golds;
    const char **wanted;             /* [wanteds] texts: of generate_until what is right, else the one whose likelihood is asked */
    size_t wanteds;
};

struct eval_options {
    const char *columns;             /* of a data file, as dataset.h reads them; may be NULL */
    int shots;                       /* -1: as the task says */
    uint64_t seed;                   /* of the few-shot examples: 1234 there */
};

/* EFORMAT: names file, line or row, field, what was found and what is allowed.  options may be NULL. */
enum hearth_status eval_task_open(const char *path, const struct eval_options *options, struct eval_task **out);
void eval_task_close(struct eval_task *t);             /* NULL is allowed */
/* Items 0 .. count-1 (count <= t->n) in order; they live in the task. */
enum hearth_status eval_task_items(struct eval_task *t, size_t count, uint64_t seed, struct eval_item **out);

/* An answer through a pipeline; free() *out. */
enum hearth_status eval_filtered(const struct eval_pipeline *p, const char *answer, char **out);

#endif
