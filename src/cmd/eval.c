/* eval.c - `hearth eval MODEL TASK...`: how good a model is at what a person needs. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "account/meter.h"
#include "base/clock.h"
#include "cmd/evaluation.h"
#include "cmd/papers.h"

static int want_json, ctx, threads, arithmetic, limit, shots = -1, chat, raw, no_receipt;
static uint64_t seed = 1234, shot_seed = 1234;
static const char *html_file, *columns, *adapter;

static const char *const arithmetic_names[] = {[HEARTH_QUANT] = "quant", [HEARTH_FLOAT] = "float", NULL};
static const struct opt options[] = {
    {"limit", 'n', OPT_INT, "N", "only the first N items of each task", &limit, 1, 1 << 30, 0, 0},
    {"fewshot", 0, OPT_INT, "N", "N examples before each item, whatever the task file says", &shots, 0, 64, 0, 0},
    {"columns", 0, OPT_TEXT, "LIST", "which columns of a data file are what: text=utterance,label=intent", &columns, 0, 0, 0, 0},
    {"adapter", 0, OPT_TEXT, "PATH", "measure the model with this adapter (a PEFT folder or a GGUF)", &adapter, 0, 0, 0, 0},
    {"chat", 0, OPT_FLAG, 0, "put every item into the model's chat template", &chat, 0, 0, 0, 0},
    {"raw", 0, OPT_FLAG, 0, "put none into it (default: task files not, one's own prompts and conversations yes)", &raw, 0, 0, 0, 0},
    {"html", 'o', OPT_TEXT, "FILE", "write a page with the scores and every item", &html_file, 0, 0, 0, 0},
    {"json", 0, OPT_FLAG, 0, "print one JSON object with the scores and every item", &want_json, 0, 0, 0, 0},
    {"ctx", 0, OPT_INT, "N", "tokens of the context (default: the model's own, at most 4096)", &ctx, 8, 1 << 20, 0, 0},
    {"seed", 0, OPT_U64, "N", "of answers that are sampled and intervals that are drawn (default 1234)", &seed, 0, 0, 0, 0},
    {"fewshot-seed", 0, OPT_U64, "N", "of few-shot examples (default 1234, as lm-evaluation-harness)", &shot_seed, 0, 0, 0, 0},
    {"threads", 0, OPT_INT, "N", "threads (default: the cores this process may use); never changes a number", &threads, 1, 1024, 0, 0},
    {"arithmetic", 0, OPT_CHOICE, "KIND", "quant or float, as in `hearth run` (default quant)", &arithmetic, 0, 0, arithmetic_names, 0},
    {"no-receipt", 0, OPT_FLAG, 0, "leave no entry in the ledger", &no_receipt, 0, 0, 0, 0},
    {0},
};

/* ---- the command ---- */

static enum hearth_status open_tasks(char **path, size_t n, struct eval_task **task)
{
    struct eval_options o = {.columns = columns, .shots = shots, .seed = shot_seed};
    for (size_t i = 0; i < n; i++) TRY(eval_task_open(path[i], &o, &task[i]));
    return HEARTH_OK;
}

static enum hearth_status run_tasks(const struct evaluate_params *p, struct eval_task **task, size_t n, struct eval_progress *progress, json_t **result)
{
    struct meter m;
    struct footprint f;
    double begun = clock_seconds();
    TRY(evaluate_begin(p, result));
    TRY(meter_begin(&m));
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < n && st == HEARTH_OK; i++) st = evaluate_task(p, task[i], *result);
    meter_end(&m, &f);
    eval_step_end(progress);
    json_object_set_new(*result, "seconds", json_real(clock_seconds() - begun));
    json_object_set_new(*result, "footprint", footprint_json(&f));
    return st;
}

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
    return code;
}

static int run(int argc, char **argv)
{
    struct hearth_model_params params = {.threads = threads, .arithmetic = arithmetic};
    struct eval_progress progress = {.terminal = term_is(stderr)};
    size_t n = (size_t)argc - 1;
    struct eval_task **task = xrealloc(NULL, n, sizeof *task);
    struct eval_model model = {0};
    json_t *result = NULL;
    memset(task, 0, n * sizeof *task);
    if (chat && raw) return usage("--chat and --raw say the opposite of each other");
    enum hearth_status st = open_tasks(argv + 1, n, task);
    int code = st == HEARTH_OK ? eval_model_open(&model, argv[0], adapter, &params) : report(st);
    if (code == EXIT_DONE) {
        struct evaluate_params p = {.ctx = (uint32_t)ctx, .limit = (size_t)limit, .seed = seed,
                                    .chat = chat ? CHAT_ALWAYS : raw ? CHAT_NEVER : CHAT_AUTO, .shot_seed = shot_seed,
                                    .on_step = eval_step, .user = &progress, .cancel = interrupt_watch()};
        eval_model_params(&model, &p);
        st = run_tasks(&p, task, n, &progress, &result);
        code = report(st);
        if (code == EXIT_DONE) record(result);
        if (code == EXIT_DONE) code = show(result);
    }
    json_decref(result);
    eval_model_close(&model);
    for (size_t i = 0; i < n; i++) eval_task_close(task[i]);
    free(task);
    return code;
}

const struct command cmd_eval = {
    .name = "eval", .group = GROUP_MEASURE, .summary = "measure how good a model is at tasks", .args = "MODEL TASK...",
    .min_args = 2, .max_args = 64, .complete = COMPLETE_MODEL_THEN_FILE,
    .about = "TASK is a file. A .yaml (or .json with the same keys) is a task of lm-evaluation-harness for local data: multiple_choice, "
             "generate_until, loglikelihood or loglikelihood_rolling, with its items, few-shot examples and scores as there. Any other is a "
             "person's own examples: text and label (which label is likeliest), prompt and completion or messages (the answer against the one "
             "wanted), chosen and rejected, or plain text (bits a byte).\n\n"
             "The same model and task give the same numbers with any number of threads. An entry in the ledger keeps the scores with the "
             "digests of model and task, and `hearth card` shows them.",
    .examples = "hearth eval smollm2 intents.yaml\n"
                "hearth eval smollm2 tickets.csv --columns text=message,label=team --html report.html\n"
                "hearth eval smollm2 book.txt\tbits a byte\n",
    .options = options, .run = run,
};
