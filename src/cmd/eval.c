/* eval.c - `hearth eval MODEL TASK...`: how good a model is at what a person needs. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/jsontext.h"
#include "cmd/evaluation.h"
#include "cmd/input.h"
#include "cmd/papers.h"
#include "cmd/places.h"
#include "work/compare.h"
#include "work/dataset.h"
#include "work/suite.h"

static int want_json, ctx, threads, arithmetic, limit, shots = -1, chat, raw, no_receipt, force;
static uint64_t seed = 1234, shot_seed = 1234;
static const char *html_file, *columns, *adapter, *before, *judge_name;

static const char *const arithmetic_names[] = {[HEARTH_QUANT] = "quant", [HEARTH_FLOAT] = "float", NULL};
static const struct opt options[] = {
    {"limit", 'n', OPT_INT, "N", "only the first N items of each task", &limit, 1, 1 << 30, 0, 0},
    {"fewshot", 0, OPT_INT, "N", "N examples before each item, whatever the task file says", &shots, 0, 64, 0, 0},
    {"columns", 0, OPT_TEXT, "LIST", "which columns of a data file are what: text=utterance,label=intent", &columns, 0, 0, 0, 0},
    {"adapter", 0, OPT_TEXT, "PATH", "measure the model with this adapter (a PEFT folder or a GGUF)", &adapter, 0, 0, 0, 0},
    {"chat", 0, OPT_FLAG, 0, "put every item into the model's chat template", &chat, 0, 0, 0, 0},
    {"raw", 0, OPT_FLAG, 0, "put none into it (default: task files not, one's own examples yes)", &raw, 0, 0, 0, 0},
    {"before", 0, OPT_TEXT, "FILE", "an earlier result of --json: list what changed, and fail when something became worse", &before, 0, 0, 0, 0},
    {"judge", 0, OPT_TEXT, "MODEL", "the model that says whether the rubrics of suites are fulfilled", &judge_name, 0, 0, 0, 0},
    {"html", 'o', OPT_TEXT, "FILE", "write a page with the scores and every item", &html_file, 0, 0, 0, 0},
    {"force", 0, OPT_FLAG, 0, "replace the page when it is there", &force, 0, 0, 0, 0},
    {"json", 0, OPT_FLAG, 0, "print one JSON object with the scores and every item", &want_json, 0, 0, 0, 0},
    {"ctx", 0, OPT_INT, "N", "tokens of the context (default: the model's own, at most 4096)", &ctx, 8, 1 << 20, 0, 0},
    {"seed", 0, OPT_U64, "N", "of answers that are sampled and intervals that are drawn (default 1234)", &seed, 0, 0, 0, 0},
    {"fewshot-seed", 0, OPT_U64, "N", "of few-shot examples (default 1234, as lm-evaluation-harness)", &shot_seed, 0, 0, 0, 0},
    {"threads", 0, OPT_INT, "N", "threads (default: the cores this process may use); never changes a number", &threads, 1, 1024, 0, 0},
    {"arithmetic", 0, OPT_CHOICE, "KIND", "quant or float, as in `hearth run` (default quant)", &arithmetic, 0, 0, arithmetic_names, 0},
    {"no-receipt", 0, OPT_FLAG, 0, "leave no entry in the ledger", &no_receipt, 0, 0, 0, 0},
    {0},
};

/* A failure is told and is no failure of the evaluation. */
static void record(json_t *result)
{
    uint64_t number = 0;
    if (no_receipt) return;
    enum hearth_status st = evaluate_record(result, &number);
    if (st == HEARTH_OK) {
        json_object_set_new(result, "receipt", json_integer((json_int_t)number));
        note("receipt %llu", (unsigned long long)number);
    } else complain("no entry in the ledger: %s", hearth_errmsg());
}

static void show_changes(const json_t *result);

static int show(json_t *result)
{
    char *page = NULL;
    size_t n = 0;
    int code = EXIT_DONE;
    if (html_file) {
        enum hearth_status st = evaluate_page(result, &page, &n);
        code = st == HEARTH_OK ? papers_save(html_file, page, n) : report(st);
        free(page);
    }
    if (want_json) {
        int printed = json_print(json_incref(result));
        return code == EXIT_DONE ? printed : code;
    }
    eval_table(result);
    show_changes(result);
    return code;
}

/* ---- before and now ---- */

static void changes(const char *title, const json_t *items)
{
    json_t *one;
    size_t i;
    json_array_foreach(items, i, one) {
        term_printf(stdout, "%s: %s (%.4g, before %.4g)\n", title, json_string_value(json_object_get(one, "name")),
                    json_number_value(json_object_get(one, "now")), json_number_value(json_object_get(one, "before")));
        if (*json_string_value(json_object_get(one, "answer")))
            term_printf(stdout, "    before  %s\n    now     %s\n", json_string_value(json_object_get(one, "answer_before")),
                        json_string_value(json_object_get(one, "answer")));
    }
}

/* Lists what changed; EXIT_FAILED when something that counts became worse. */
static int compare_before(const char *file, json_t *result)
{
    json_t *before = NULL, *task, *one, *all = json_array();
    char *text = NULL;
    size_t i, n = 0;
    int code = input_file(file, &text, &n), worse = 0;
    if (code != EXIT_DONE) return code;
    enum hearth_status st = jsontext_read(file, text, n, &before);
    const char *schema = json_string_value(json_object_get(before, "schema"));
    if (st == HEARTH_OK && (!schema || strcmp(schema, EVALUATE_SCHEMA) != 0))
        code = usage("%s is no result of `hearth eval --json`", file);
    json_array_foreach(json_object_get(result, "tasks"), i, task) {
        if (st == HEARTH_OK && code == EXIT_DONE) st = compare_changes(before, task, &one);
        if (st != HEARTH_OK || code != EXIT_DONE) break;
        if (!one) {
            complain("%s is not in %s: nothing to compare", json_string_value(json_object_get(task, "task")), file);
            continue;
        }
        worse |= json_is_true(json_object_get(one, "regression"));
        json_array_append_new(all, one);
    }
    json_object_set_new(result, "changes", all);
    json_decref(before);
    free(text);
    return st != HEARTH_OK ? report(st) : code != EXIT_DONE ? code : worse ? EXIT_FAILED : EXIT_DONE;
}

static void show_changes(const json_t *result)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(result, "changes"), i, one) {
        size_t better = json_array_size(json_object_get(one, "better")), worse = json_array_size(json_object_get(one, "worse"));
        term_printf(stdout, "\n%s since then: %zu better, %zu worse%s\n", json_string_value(json_object_get(one, "task")), better, worse,
                    json_is_true(json_object_get(one, "regression")) ? "; A REGRESSION" : "");
        changes("worse", json_object_get(one, "worse"));
        changes("better", json_object_get(one, "better"));
    }
}

/* ---- the command ---- */

static int open_judge(const struct eval_work *w, size_t n, struct eval_model *e, struct eval_judge *judge)
{
    struct hearth_model_params params = {.threads = threads, .arithmetic = arithmetic};
    int rubrics = 0;
    for (size_t i = 0; i < n; i++) rubrics |= w[i].suite && suite_has_rubrics(w[i].suite);
    if (rubrics && !judge_name) return usage("a suite has rubrics, which a judge must answer: --judge MODEL");
    if (!rubrics || !judge_name) return EXIT_DONE;
    int code = eval_model_open(e, judge_name, NULL, &params);
    *judge = (struct eval_judge){e->m, judge_name};
    return code;
}

static int measure(char **argv, const struct eval_work *w, size_t n)
{
    struct hearth_model_params params = {.threads = threads, .arithmetic = arithmetic};
    struct eval_progress progress = {.terminal = term_is(stderr)};
    struct eval_model model = {0}, second = {0};
    struct eval_judge judge = {0};
    struct evaluate_params p = {.ctx = (uint32_t)ctx, .limit = (size_t)limit, .seed = seed, .chat = chat ? CHAT_ALWAYS : raw ? CHAT_NEVER : CHAT_AUTO,
                                .shot_seed = shot_seed, .on_step = eval_step, .user = &progress, .cancel = interrupt_watch()};
    json_t *result = NULL;
    int worse = EXIT_DONE, code = eval_model_open(&model, argv[0], adapter, &params);
    if (code == EXIT_DONE) code = open_judge(w, n, &second, &judge);
    if (code == EXIT_DONE) {
        eval_model_params(&model, &p);
        code = report(eval_run(&p, w, n, &judge, &progress, &result));
        if (code == EXIT_DONE) record(result);
        if (code == EXIT_DONE && before) worse = compare_before(before, result);
        if (code == EXIT_DONE) code = show(result);
    }
    json_decref(result);
    eval_model_close(&second);
    eval_model_close(&model);
    return code == EXIT_DONE ? worse : code;
}

static int check_place(char **argv, const struct eval_work *w, size_t n)
{
    struct places p = {0};
    eval_work_places(w, n, &p);
    for (size_t i = 0; i < n; i++) place_in(&p, argv[i + 1]);
    place_in_model(&p, argv[0]), place_in_model(&p, judge_name), place_in(&p, adapter), place_in(&p, before);
    place_out(&p, html_file);
    return places_check(&p, force);
}

/* A file that is sorted by its labels: its beginning has one. */
static void mind_limit(const struct eval_work *w, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct dataset *d = w[i].task ? w[i].task->data : NULL;
        size_t k = 1;
        if (!d || d->source.kind != EXAMPLE_LABEL || !limit || (size_t)limit >= d->n) continue;
        while (k < (size_t)limit && d->example[k].label == d->example[0].label) k++;
        if (k == (size_t)limit) complain("%s: the first %d examples all have the label \"%s\", so a score of them says little; shuffle the file", w[i].task->path, limit,
                                         d->label[d->example[0].label]);
    }
}

static int run(int argc, char **argv)
{
    struct eval_options o = {.columns = columns, .shots = shots, .seed = shot_seed};
    size_t n = (size_t)argc - 1;
    if (chat && raw) return usage("--chat and --raw say the opposite of each other");
    struct eval_work *w = xrealloc(NULL, n, sizeof *w);
    memset(w, 0, n * sizeof *w);
    enum hearth_status st = eval_work_open(argv + 1, n, &o, w);
    int code = st == HEARTH_OK ? check_place(argv, w, n) : report(st);
    mind_limit(w, n);
    if (code == EXIT_DONE) code = measure(argv, w, n);
    eval_work_close(w, n);
    free(w);
    return code;
}

const struct command cmd_eval = {
    .name = "eval", .group = GROUP_MEASURE, .summary = "measure how good a model is at tasks", .args = "MODEL TASK...",
    .min_args = 2, .max_args = 64, .complete = COMPLETE_MODEL_THEN_FILE,
    .about = "TASK is a file. A .yaml (or .json with the same keys) is a task of lm-evaluation-harness for local data: multiple_choice, "
             "generate_until, loglikelihood or loglikelihood_rolling, with its items, few-shot examples and scores as there. Any other is a "
             "person's own examples: text and label (which label is likeliest), prompt and completion or messages (the answer against the one "
             "wanted), chosen and rejected, or plain text (bits a byte).\n\n"
             "Prompts with must, must_not or rubric (a .jsonl, or the list checks of a .yaml) are a suite: what the answer must hold and must "
             "not, and what a judge says of it. --before compares with an earlier result: an item of a suite that passed and fails now, or a "
             "task that became worse beyond chance, ends with 1.\n\n"
             "The same model and task give the same numbers with any number of threads. An entry in the ledger keeps the scores with the "
             "digests of model and task, and `hearth card` shows them.",
    .examples = "hearth eval smollm2 intents.yaml\n"
                "hearth eval smollm2 tickets.csv --columns text=message,label=team --html report.html\n"
                "hearth eval smollm2 book.txt\tbits a byte\n"
                "hearth eval tuned suite.yaml --before then.json\twhat tuning changed\n",
    .options = options, .run = run,
};
