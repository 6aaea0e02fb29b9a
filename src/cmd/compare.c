/* compare.c - `hearth compare A B TASK...`: which of two models is better at the same items, and whether that is more than chance. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/evaluation.h"
#include "cmd/papers.h"
#include "cmd/places.h"
#include "work/compare.h"
#include "work/suite.h"

static int want_json, force, limit, threads, ctx;
static uint64_t seed = 1234;
static const char *html_file, *blind_file, *ballot_file, *votes_file, *columns, *adapter_a, *adapter_b;

static const struct opt options[] = {
    {"limit", 'n', OPT_INT, "N", "only the first N items of each task", &limit, 1, 1 << 30, 0, 0},
    {"html", 'o', OPT_TEXT, "FILE", "write a page with the items on which they differ, side by side", &html_file, 0, 0, 0, 0},
    {"blind", 0, OPT_TEXT, "FILE", "write that page without names and scores, left and right drawn by chance", &blind_file, 0, 0, 0, 0},
    {"ballot", 0, OPT_TEXT, "FILE", "write a CSV beside it, in whose column vote people write left, right or same", &ballot_file, 0, 0, 0, 0},
    {"votes", 0, OPT_TEXT, "FILE", "count a ballot that was filled in; no models are named then", &votes_file, 0, 0, 0, 0},
    {"columns", 0, OPT_TEXT, "LIST", "which columns of a data file are what, as for eval", &columns, 0, 0, 0, 0},
    {"adapter-a", 0, OPT_TEXT, "PATH", "the first model with this adapter", &adapter_a, 0, 0, 0, 0},
    {"adapter-b", 0, OPT_TEXT, "PATH", "the second model with this adapter", &adapter_b, 0, 0, 0, 0},
    {"force", 0, OPT_FLAG, 0, "replace files that are there", &force, 0, 0, 0, 0},
    {"json", 0, OPT_FLAG, 0, "print one JSON object", &want_json, 0, 0, 0, 0},
    {"ctx", 0, OPT_INT, "N", "tokens of the context (default: each model's own, at most 4096)", &ctx, 8, 1 << 20, 0, 0},
    {"seed", 0, OPT_U64, "N", "of draws, sampled answers and sides (default 1234)", &seed, 0, 0, 0, 0},
    {"threads", 0, OPT_INT, "N", "threads (default: the cores this process may use); never changes a number", &threads, 1, 1024, 0, 0},
    {0},
};

static int count_votes(void)
{
    json_t *v = NULL;
    enum hearth_status st = compare_votes(votes_file, &v);
    if (st != HEARTH_OK) return report(st);
    if (want_json) return json_print(v);
    term_printf(stdout, "%s: %lld votes, %s: %lld, the same: %lld\n", json_string_value(json_object_get(v, "a")),
                (long long)json_integer_value(json_object_get(v, "votes_a")), json_string_value(json_object_get(v, "b")),
                (long long)json_integer_value(json_object_get(v, "votes_b")), (long long)json_integer_value(json_object_get(v, "same")));
    printf("were neither better, so uneven a split would have a probability of %.4g\n", json_number_value(json_object_get(v, "p")));
    json_decref(v);
    return EXIT_DONE;
}

static int measure(const char *name, const char *adapter, const struct eval_work *w, size_t n, json_t **result)
{
    struct hearth_model_params params = {.threads = threads};
    struct eval_progress progress = {.what = name, .terminal = term_is(stderr)};
    struct evaluate_params p = {.ctx = (uint32_t)ctx, .limit = (size_t)limit, .seed = seed, .shot_seed = 1234, .on_step = eval_step, .user = &progress,
                                .cancel = interrupt_watch()};
    struct eval_model model;
    int code = eval_model_open(&model, name, adapter, &params);
    eval_model_params(&model, &p);
    if (code == EXIT_DONE) code = report(eval_run(&p, w, n, NULL, &progress, result));
    eval_model_close(&model);
    return code;
}

static void print_comparison(const json_t *c, const char *a, const char *b)
{
    static const char *const heading[] = {"TASK", "SCORE", "ITEMS", "", "", "DIFFERENCE", "95 %", "P", "SAME ANSWER"};
    struct table t = {.columns = 9, .right = "001111111"};
    json_t *one;
    size_t i;
    for (size_t k = 0; k < 9; k++) table_cell(&t, "%s", k == 3 ? a : k == 4 ? b : heading[k]);
    json_array_foreach(json_object_get(c, "tasks"), i, one) {
        const json_t *p = json_object_get(one, "p");
        table_cell(&t, "%s", json_string_value(json_object_get(one, "task")));
        table_cell(&t, "%s", json_string_value(json_object_get(one, "metric")));
        table_cell(&t, "%d", (int)json_integer_value(json_object_get(one, "items")));
        table_cell(&t, "%.4f", json_number_value(json_object_get(one, "a")));
        table_cell(&t, "%.4f", json_number_value(json_object_get(one, "b")));
        const json_t *low = json_object_get(one, "low"), *high = json_object_get(one, "high"), *same = json_object_get(one, "agreement");
        table_cell(&t, "%+.4f", json_number_value(json_object_get(one, "difference")));
        if (json_is_number(low)) table_cell(&t, "%+.4f .. %+.4f", json_number_value(low), json_number_value(high));
        else table_cell(&t, "%s", "");
        if (json_is_number(p)) table_cell(&t, "%.4g", json_number_value(p));
        else table_cell(&t, "%s", "");
        if (json_is_number(same)) table_cell(&t, "%.0f %%", 100 * json_number_value(same));
        else table_cell(&t, "%s", "");
    }
    table_print(&t, stdout);
}

static int save_page(const char *file, const json_t *c, const json_t *a, const json_t *b, int blind)
{
    char *text = NULL;
    size_t n = 0;
    if (!file) return EXIT_DONE;
    enum hearth_status st = compare_page(c, a, b, blind, seed, &text, &n);
    int code = st == HEARTH_OK ? papers_save(file, text, n) : report(st);
    free(text);
    return code;
}

static int tell(json_t *a, json_t *b)
{
    char x[EVALUATE_NAME], y[EVALUATE_NAME];
    json_t *c = NULL;
    char *text = NULL;
    size_t n = 0;
    enum hearth_status st = compare_results(a, b, seed, &c);
    int code = report(st);
    if (code == EXIT_DONE) code = save_page(html_file, c, a, b, 0);
    if (code == EXIT_DONE) code = save_page(blind_file, c, a, b, 1);
    if (code == EXIT_DONE && ballot_file) {
        st = compare_ballot(c, a, b, seed, &text, &n);
        code = st == HEARTH_OK ? papers_save(ballot_file, text, n) : report(st);
        free(text);
    }
    if (code == EXIT_DONE && want_json) code = json_print(json_incref(c));
    else if (code == EXIT_DONE) evaluate_model_name(a, x), evaluate_model_name(b, y), print_comparison(c, x, y);
    json_decref(c);
    return code;
}

static int check_places(char **argv, const struct eval_work *w, size_t n)
{
    struct places p = {0};
    eval_work_places(w, n, &p);
    for (size_t i = 0; i < n; i++) place_in(&p, argv[i + 2]);
    place_in_model(&p, argv[0]), place_in_model(&p, argv[1]);
    place_in(&p, adapter_a), place_in(&p, adapter_b);
    place_out(&p, html_file), place_out(&p, blind_file), place_out(&p, ballot_file);
    return places_check(&p, force);
}

static int run(int argc, char **argv)
{
    struct eval_options o = {.columns = columns, .shots = -1, .seed = 1234};
    json_t *a = NULL, *b = NULL;
    if (votes_file) return argc || html_file || blind_file || ballot_file ? usage("--votes FILE stands alone: the ballot names the models") : count_votes();
    if (argc < 3) return usage("two models and at least one task are needed: hearth compare A B TASK...");
    size_t n = (size_t)argc - 2;
    struct eval_work *w = xrealloc(NULL, n, sizeof *w);
    memset(w, 0, n * sizeof *w);
    int code = report(eval_work_open(argv + 2, n, &o, w));
    if (code == EXIT_DONE) code = check_places(argv, w, n);
    for (size_t i = 0; i < n && code == EXIT_DONE; i++)
        if (w[i].suite && suite_has_rubrics(w[i].suite)) code = usage("%s has rubrics; a comparison has no judge", argv[2 + i]);
    if (code == EXIT_DONE) code = measure(argv[0], adapter_a, w, n, &a);
    if (code == EXIT_DONE) code = measure(argv[1], adapter_b, w, n, &b);
    if (code == EXIT_DONE) code = tell(a, b);
    json_decref(a);
    json_decref(b);
    eval_work_close(w, n);
    free(w);
    return code;
}

const struct command cmd_compare = {
    .name = "compare", .group = GROUP_MEASURE, .summary = "say which of two models is better at the same items", .args = "A B TASK...",
    .min_args = 0, .max_args = 64, .complete = COMPLETE_MODEL_THEN_FILE,
    .about = "Measures both as `hearth eval` does and compares item by item: the mean difference with the interval that 10,000 paired draws "
             "give, McNemar's exact test where items are right or wrong, the share of items with the same answer. --html shows where they "
             "differ.\n\n"
             "People can decide too: --blind writes the answers side by side without names, --ballot a table for the votes, and "
             "`hearth compare --votes FILE` counts it.",
    .examples = "hearth compare smollm2 tuned.gguf tickets.csv -o differ.html\n"
                "hearth compare a.gguf b.gguf questions.jsonl --blind page.html --ballot votes.csv\n"
                "hearth compare --votes votes.csv\n",
    .options = options, .run = run,
};
