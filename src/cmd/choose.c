/* choose.c - `hearth choose DATA`: the smallest model of this computer that is good enough at a person's own examples. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "account/meter.h"
#include "cmd/evaluation.h"

enum { LEAST_ITEMS = 30 };

static int want_json, limit, threads, ctx, only, at_least_given;
static float at_least;
static uint64_t seed = 1234;
static const char *columns;
static struct opt_list models, adapters;

static const struct opt options[] = {
    {"models", 0, OPT_LIST, "MODEL", "try this one too: a name or a file (may be given again)", &models, 0, 0, 0, 0},
    {"adapter", 0, OPT_LIST, "MODEL=FOLDER", "try that model with this adapter too (may be given again)", &adapters, 0, 0, 0, 0},
    {"only", 0, OPT_FLAG, 0, "try those of --models and --adapter alone, not all that are installed", &only, 0, 0, 0, 0},
    {"at-least", 0, OPT_FLOAT, "SCORE", "what is good enough (default: within the interval of the best); for scores where less is better: at most",
     &at_least, -1e9, 1e9, 0, &at_least_given},
    {"limit", 'n', OPT_INT, "N", "only the first N examples, at least 30", &limit, LEAST_ITEMS, 1 << 30, 0, 0},
    {"columns", 0, OPT_TEXT, "LIST", "which columns of a data file are what, as for eval", &columns, 0, 0, 0, 0},
    {"json", 0, OPT_FLAG, 0, "print one JSON object", &want_json, 0, 0, 0, 0},
    {"ctx", 0, OPT_INT, "N", "tokens of the context (default: each model's own, at most 4096)", &ctx, 8, 1 << 20, 0, 0},
    {"seed", 0, OPT_U64, "N", "of draws and sampled answers (default 1234)", &seed, 0, 0, 0, 0},
    {"threads", 0, OPT_INT, "N", "threads (default: the cores this process may use); never changes a score", &threads, 1, 1024, 0, 0},
    {0},
};

struct candidate {
    const char *name, *model, *adapter; /* adapter NULL: the model as it is */
    char *shown;                     /* of a name that was made here */
    uint64_t bytes, memory;
    json_t *result;                  /* NULL: it could not be measured; why says so */
    char *why;
    double score, low, high, words, joules;   /* words a second; joules an item */
    int passes;
};

/* ---- measuring ---- */

static double number_at(const json_t *j, const char *key)
{
    const json_t *v = json_object_get(j, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static size_t words_of(const char *s)
{
    size_t n = 0;
    for (int inside = 0; s && *s; s++) {
        int letter = !strchr(" \t\r\n", *s);
        n += letter && !inside, inside = letter;
    }
    return n;
}

/* Written where it answers, else read. */
static double words_in(const json_t *task)
{
    size_t i, n = 0;
    json_t *s;
    int writes = !strcmp(json_string_value(json_object_get(task, "output_type")), "generate_until");
    json_array_foreach(json_object_get(task, "samples"), i, s)
        n += writes ? words_of(json_string_value(json_object_get(s, "answer")))
                    : words_of(json_string_value(json_object_get(s, "prompt"))) + words_of(json_string_value(json_object_get(s, "text")));
    return (double)n;
}

static void take(struct candidate *c, struct hearth_model *m)
{
    const json_t *task = json_array_get(json_object_get(c->result, "tasks"), 0), *score = evaluate_main_score(task);
    struct hearth_memory memory;
    double items = number_at(task, "items");
    c->score = number_at(score, "value"), c->low = number_at(score, "low"), c->high = number_at(score, "high");
    if (isnan(c->low)) c->low = c->high = c->score;
    c->words = words_in(task) / number_at(task, "seconds");
    c->joules = number_at(json_object_get(c->result, "footprint"), "energy_uj") / 1e6 / items;
    if (hearth_model_memory(m, (uint32_t)ctx, HEARTH_KV_F16, &memory) == HEARTH_OK) c->memory = memory.total;
}

static uint64_t adapter_bytes(const char *path)
{
    struct stat s;
    char *weights = xprintf("%s/adapter_model.safetensors", path);
    int there = stat(weights, &s) == 0 || stat(path, &s) == 0;
    free(weights);
    return there ? (uint64_t)s.st_size : 0;
}

/* A model that cannot do the task is told of and no reason to end. */
static int try_one(struct candidate *c, const struct eval_work *w)
{
    struct hearth_model_params params = {.threads = threads};
    struct eval_progress progress = {.what = c->name, .terminal = term_is(stderr)};
    struct evaluate_params p = {.ctx = (uint32_t)ctx, .limit = (size_t)limit, .seed = seed, .shot_seed = 1234, .on_step = eval_step, .user = &progress,
                                .cancel = interrupt_watch()};
    struct eval_model model = {.name = c->model};
    struct stat s;
    struct hearth_model_info info;
    int code = eval_model_open(&model, c->model, c->adapter, &params);
    if (code != EXIT_DONE) {
        c->why = xstrdup(hearth_errmsg());
        eval_model_close(&model);
        return code == EXIT_INTERRUPTED ? code : EXIT_DONE;
    }
    hearth_model_describe(model.m, &info);
    c->bytes = stat(info.path, &s) == 0 && S_ISREG(s.st_mode) ? (uint64_t)s.st_size : info.file_bytes;
    if (c->adapter) c->bytes += adapter_bytes(c->adapter);
    eval_model_params(&model, &p);
    enum hearth_status st = eval_run(&p, w, 1, NULL, &progress, &c->result);
    if (st == HEARTH_OK) take(c, model.m);
    else {
        c->why = xstrdup(hearth_errmsg());
        json_decref(c->result);
        c->result = NULL;
    }
    eval_model_close(&model);
    return st == HEARTH_ECANCELLED ? report(st) : EXIT_DONE;
}

/* ---- choosing ---- */

static int by_size(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (!x->result != !y->result) return !x->result - !y->result;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

/* The index of the one to take, -1: none; *bar is what was asked of them. */
static int choose(struct candidate *c, size_t n, int more, double *bar, int *best)
{
    int chosen = -1;
    *best = -1;
    for (size_t i = 0; i < n; i++)
        if (c[i].result && (*best < 0 || (more ? c[i].score > c[*best].score : c[i].score < c[*best].score))) *best = (int)i;
    if (*best < 0) return -1;
    *bar = at_least_given ? (double)at_least : more ? c[*best].low : c[*best].high;
    for (size_t i = 0; i < n; i++) {
        c[i].passes = c[i].result && (more ? c[i].score >= *bar : c[i].score <= *bar);
        if (c[i].passes && chosen < 0) chosen = (int)i;
    }
    return chosen;
}

static void print_rows(const struct candidate *c, size_t n, const char *metric, int chosen)
{
    static const char *const heading[] = {"MODEL", "SIZE", "", "95 %", "WORDS/S", "MEMORY", "J/ITEM", ""};
    struct table t = {.columns = 8, .right = "01111110"};
    char a[24], b[24];
    for (size_t k = 0; k < 8; k++) table_cell(&t, "%s", k == 2 ? metric : heading[k]);
    for (size_t i = 0; i < n; i++) {
        table_cell(&t, "%s", c[i].name);
        if (!c[i].result) {
            for (int k = 0; k < 6; k++) table_cell(&t, "%s", "");
            table_cell(&t, "not tried: %s", c[i].why ? c[i].why : "");
            continue;
        }
        table_cell(&t, "%s", show_bytes(c[i].bytes, a));
        table_cell(&t, "%.4f", c[i].score);
        table_cell(&t, "%.4f .. %.4f", c[i].low, c[i].high);
        table_cell(&t, "%.1f", c[i].words);
        table_cell(&t, "%s", show_bytes(c[i].memory, b));
        table_cell(&t, "%.3g", c[i].joules);
        table_cell(&t, "%s", (int)i == chosen ? "take this one" : c[i].passes ? "good enough" : "");
    }
    table_print(&t, stdout);
}

static json_t *as_json(const struct candidate *c)
{
    if (!c->result) return json_pack("{s:s, s:s}", "model", c->name, "error", c->why ? c->why : "");
    return json_pack("{s:s, s:I, s:f, s:f, s:f, s:f, s:I, s:f, s:b}", "model", c->name, "bytes", (json_int_t)c->bytes, "score", c->score, "low", c->low,
                     "high", c->high, "words_per_second", c->words, "memory", (json_int_t)c->memory, "joules_per_item", c->joules, "passes", c->passes);
}

static int tell(struct candidate *c, size_t n)
{
    const json_t *score = NULL;
    char metric[128] = "";
    double bar = NAN;
    int best, code = EXIT_DONE;
    qsort(c, n, sizeof *c, by_size);
    for (size_t i = 0; i < n && !score; i++) score = evaluate_main_score(json_array_get(json_object_get(c[i].result, "tasks"), 0));
    if (score) evaluate_score_name(score, metric);
    int more = json_is_true(json_object_get(score, "higher_is_better")), chosen = choose(c, n, more, &bar, &best);
    int none_right = more && best >= 0 && !(c[best].score > 0);
    if (none_right) chosen = -1;
    if (want_json) {
        json_t *list = json_array();
        for (size_t i = 0; i < n; i++) json_array_append_new(list, as_json(&c[i]));
        code = json_print(json_pack("{s:s, s:o, s:b, s:o, s:o}", "metric", metric, "wanted", isnan(bar) ? json_null() : json_real(bar), "higher_is_better", more,
                                    "recommended", chosen >= 0 ? json_string(c[chosen].name) : json_null(), "models", list));
    } else {
        print_rows(c, n, metric, chosen);
        if (chosen >= 0) term_printf(stdout, "\n%s is the smallest with %s %s %.4f%s.\n", c[chosen].name, metric, more ? "of at least" : "of at most", bar,
                                     at_least_given ? "" : ", where the interval of the best begins");
        else if (none_right) printf("\nNone gets anything right: no model here can do this as it is. `hearth tune` teaches one from examples.\n");
        else if (best >= 0) term_printf(stdout, "\nNone is good enough: %s %s %.4f is wanted, and the best, %s, has %.4f.\n", metric,
                                        more ? "of at least" : "of at most", bar, c[best].name, c[best].score);
        else printf("\nNo model could be tried.\n");
    }
    return code != EXIT_DONE ? code : chosen >= 0 ? EXIT_DONE : EXIT_FAILED;
}

/* ---- the command ---- */

static size_t add_candidate(struct candidate *list, size_t n, const char *name)
{
    for (size_t k = 0; k < n; k++) if (!list[k].adapter && strcmp(list[k].model, name) == 0) return n;
    list[n] = (struct candidate){.name = name, .model = name};
    return n + 1;
}

/* "smollm2=tickets" -> "smollm2 + tickets". */
static int add_adapted(struct candidate *c, const char *word)
{
    const char *at = strchr(word, '=');
    if (!at || at == word || !at[1]) return usage("--adapter \"%s\" should be MODEL=FOLDER", word);
    c->shown = xprintf("%.*s + %s", (int)(at - word), word, at + 1);
    c->adapter = at + 1;
    c->name = c->shown;
    char *model = xstrdup(word);
    model[at - word] = 0;
    c->model = model;
    return EXIT_DONE;
}

static int list_candidates(struct hub_model *m, size_t installed, struct candidate **out, size_t *n)
{
    int code = EXIT_DONE;
    *out = xrealloc(NULL, installed + models.n + adapters.n + 1, sizeof **out);
    for (size_t i = 0; i < models.n; i++) *n = add_candidate(*out, *n, models.item[i]);
    for (size_t i = 0; i < adapters.n && code == EXIT_DONE; i++) {
        (*out)[*n] = (struct candidate){0};
        code = add_adapted(&(*out)[*n], adapters.item[i]);
        if (code == EXIT_DONE) ++*n;
    }
    for (size_t i = 0; i < installed && !only; i++)
        if (m[i].place != HUB_REMOTE && m[i].place != HUB_BROKEN) *n = add_candidate(*out, *n, m[i].name);
    return code;
}

static void free_candidate(struct candidate *c)
{
    json_decref(c->result);
    free(c->why);
    if (c->adapter) free((char *)c->model);
    free(c->shown);
}

static int check_items(const struct eval_work *w, const char *path)
{
    if (!w->task) return usage("%s is a suite; choose takes examples or a task", path);
    if (w->task->n < LEAST_ITEMS)
        return usage("%s has %zu examples; at least %d are needed, for with fewer the interval is too wide to choose by", path, w->task->n, LEAST_ITEMS);
    return EXIT_DONE;
}

static int run(int argc, char **argv)
{
    struct eval_options o = {.columns = columns, .shots = -1, .seed = 1234};
    struct hub_model *m = NULL;
    struct candidate *c = NULL;
    struct eval_work w = {0};
    size_t installed = 0, n = 0;
    (void)argc;
    if (only && !models.n && !adapters.n) return usage("--only needs --models or --adapter");
    int code = report(eval_work_open(argv, 1, &o, &w));
    if (code == EXIT_DONE) code = check_items(&w, argv[0]);
    if (code == EXIT_DONE) code = report(hub_list(0, &m, &installed));
    if (code == EXIT_DONE) code = list_candidates(m, installed, &c, &n);
    if (code == EXIT_DONE && n == 0) code = usage("no model is installed; `hearth pull NAME` fetches one, --models FILE names one");
    for (size_t i = 0; i < n && code == EXIT_DONE; i++) code = try_one(&c[i], &w);
    if (code == EXIT_DONE) code = tell(c, n);
    for (size_t i = 0; i < n; i++) free_candidate(&c[i]);
    free(c);
    hub_models_free(m, installed);
    eval_work_close(&w, 1);
    return code;
}

const struct command cmd_choose = {
    .name = "choose", .group = GROUP_MEASURE, .summary = "find the smallest model that is good enough at your examples", .args = "DATA",
    .min_args = 1, .max_args = 1, .complete = COMPLETE_FILE,
    .about = "Tries every model of this computer, those of --models, and models with adapters of --adapter, on a person's own examples (at least 30; a task file works too) and "
             "recommends the smallest whose score is good enough: --at-least, else within the 95 % interval of the best. The table has the score "
             "with its interval, words a second (written, or read where nothing is written), memory and energy. Ends with 1 and says so when none "
             "is good enough.",
    .examples = "hearth choose tickets.csv\nhearth choose tickets.csv --models small.gguf --models tiny.gguf --at-least 0.8\n"
                "hearth choose tickets.csv --adapter smollm2=tuned --adapter small.gguf=tuned\n",
    .options = options, .run = run,
};
