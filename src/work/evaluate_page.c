/* evaluate_page.c - an evaluation as a page: scores with their intervals, then every item with what was asked and what came. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "account/html.h"
#include "work/evaluate.h"

enum { MOST_ITEMS = 500, MOST_TEXT = 4000 };

static const char *text_at(const json_t *j, const char *key)
{
    const char *s = json_string_value(json_object_get(j, key));
    return s ? s : "";
}

static double number_at(const json_t *j, const char *key)
{
    const json_t *v = json_object_get(j, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static void score_cell(struct html *h, double x)
{
    if (isnan(x)) html_cell(h, 0, "%s", "");
    else html_cell(h, 0, "%.4f", x);
}

static void scores_table(struct html *h, const json_t *task)
{
    static const char *const heads[] = { "Score", "Value", "Standard error", "95 % from", "to", "Better is", NULL };
    json_t *score;
    size_t i;
    char name[128];
    html_table(h, "Scores", "011110", heads);
    json_array_foreach(json_object_get(task, "scores"), i, score) {
        evaluate_score_name(score, name);
        html_cell(h, 0, "%s", name);
        score_cell(h, number_at(score, "value"));
        score_cell(h, number_at(score, "stderr"));
        score_cell(h, number_at(score, "low"));
        score_cell(h, number_at(score, "high"));
        html_cell(h, 0, "%s", json_is_true(json_object_get(score, "higher_is_better")) ? "more" : "less");
    }
    html_table_end(h);
}

static void score_bars(struct html *h, const json_t *task)
{
    struct html_bar bar[16];
    char name[16][128];
    json_t *score;
    size_t i, n = 0;
    json_array_foreach(json_object_get(task, "scores"), i, score) {
        double low = number_at(score, "low"), high = number_at(score, "high"), value = number_at(score, "value");
        if (n == 16 || isnan(value) || value < 0 || value > 1 || isnan(low)) continue;
        evaluate_score_name(score, name[n]);
        bar[n] = (struct html_bar){ .label = name[n], .value = value, .low = low, .high = high };
        n++;
    }
    if (n) html_bars(h, "Scores between 0 and 1, with 95 % intervals", bar, n);
}

/* What came of an item, in a line or a few. */
static void came(struct html *h, const json_t *s, struct buf *b)
{
    const json_t *choices = json_object_get(s, "choices"), *answer = json_object_get(s, "answer"), *gold = json_object_get(s, "gold");
    size_t right = (size_t)json_integer_value(json_array_get(gold, 0)), taken = (size_t)json_integer_value(answer);
    b->len = 0;
    if (choices) {
        h->st = h->st == HEARTH_OK ? buf_printf(b, "%s", json_string_value(json_array_get(choices, taken))) : h->st;
        if (taken != right && h->st == HEARTH_OK) h->st = buf_printf(b, "  (right: %s)", json_string_value(json_array_get(choices, right)));
    } else if (answer) {
        h->st = h->st == HEARTH_OK ? buf_printf(b, "%.*s", MOST_TEXT, json_string_value(answer)) : h->st;
        const char *wanted = json_string_value(json_array_get(json_object_get(s, "wanted"), 0));
        if (h->st == HEARTH_OK) h->st = buf_printf(b, "  (wanted: %.*s)", MOST_TEXT, wanted ? wanted : "");
    } else if (h->st == HEARTH_OK) {
        h->st = buf_printf(b, "log-likelihood %.2f", json_number_value(json_array_get(json_object_get(s, "logprobs"), 0)));
    }
    html_cell(h, 0, "%s", b->data ? b->data : "");
}

static void samples_table(struct html *h, const json_t *task)
{
    static const char *const heads[] = { "", "Asked", "Came", "Score", NULL };
    const json_t *samples = json_object_get(task, "samples"), *first = json_array_get(json_object_get(task, "scores"), 0);
    struct buf b = { 0 };
    json_t *s;
    size_t i;
    char name[128];
    int unit = !strncmp(text_at(first, "metric"), "acc", 3) || !strcmp(text_at(first, "metric"), "exact_match");
    evaluate_score_name(first, name);
    html_fold_begin(h, "Every item");
    html_table(h, NULL, "1001", heads);
    json_array_foreach(samples, i, s) {
        const char *asked = text_at(s, json_object_get(s, "prompt") ? "prompt" : "text");
        size_t n = strlen(asked);
        if (i == MOST_ITEMS) break;
        double x = number_at(json_object_get(s, "scores"), name);
        html_cell(h, 0, "%zu", i + 1);
        html_cell(h, 0, "%s%s", n > MOST_TEXT ? "... " : "", asked + (n > MOST_TEXT ? n - MOST_TEXT : 0));
        came(h, s, &b);
        if (isnan(x)) html_cell(h, 0, "%s", "");
        else html_cell(h, unit ? (x > 0 ? -0.3 : 0.5) : 0, "%.4g", x);
    }
    html_table_end(h);
    if (json_array_size(samples) > MOST_ITEMS) html_para(h, "quiet", "%d of %zu items; --json has all.", MOST_ITEMS, json_array_size(samples));
    html_fold_end(h);
    buf_free(&b);
}

static void put_task(struct html *h, const json_t *task)
{
    double items = number_at(task, "items"), of = number_at(task, "of"), cut = number_at(task, "cut");
    html_heading(h, 2, text_at(task, "task"));
    html_para(h, NULL, "%s, %.0f of %.0f items, %.0f few-shot examples%s, %.1f seconds.", text_at(task, "output_type"), items, of,
              number_at(task, "num_fewshot"), json_is_true(json_object_get(task, "chat")) ? ", by the model's chat template" : "",
              number_at(task, "seconds"));
    if (cut > 0) html_para(h, "warn", "%.0f items did not fit the context and were cut.", cut);
    scores_table(h, task);
    score_bars(h, task);
    samples_table(h, task);
    html_para(h, "quiet", "SHA-256 of the task: %s", text_at(task, "sha256"));
}

enum hearth_status evaluate_page(const json_t *result, char **text, size_t *n)
{
    const json_t *model = json_object_get(result, "model"), *arithmetic = json_object_get(result, "arithmetic");
    struct html h = { 0 };
    json_t *task;
    size_t i;
    char about[EVALUATE_NAME + 100], name[EVALUATE_NAME];
    evaluate_model_name(result, name);
    snprintf(about, sizeof about, "%s, %.40s arithmetic version %.0f", name, text_at(arithmetic, "kind"),
             number_at(arithmetic, "version"));
    html_begin(&h, "Evaluation", about);
    json_array_foreach(json_object_get(result, "tasks"), i, task) put_task(&h, task);
    html_para(&h, "note", "An interval says how far the score may be off because these items are a sample of all that could be asked (shares: "
              "Wilson's; others: 1.96 standard errors, or 1,000 draws of as many items). It says nothing about whether they are the right ones.");
    html_para(&h, "quiet", "SHA-256 of the model: %s", text_at(model, "sha256"));
    return html_end(&h, text, n);
}
