/* compare.c - see compare.h. */
#include "work/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "work/statistics.h"

static const char *text_at(const json_t *j, const char *key)
{
    const char *s = json_string_value(json_object_get(j, key));
    return s ? s : "";
}

const char *compare_answer(const json_t *sample)
{
    const json_t *answer = json_object_get(sample, "answer");
    if (json_is_integer(answer))
        answer = json_array_get(json_object_get(sample, "choices"), (size_t)json_integer_value(answer));
    return json_is_string(answer) ? json_string_value(answer) : "";
}

static const char *asked(const json_t *sample)
{
    const char *s = json_string_value(json_object_get(sample, "prompt"));
    return s ? s : text_at(sample, "text");
}

/* The first score that every item has one of. */
static const json_t *score_of(const json_t *task, char name[128])
{
    const json_t *first = json_object_get(json_array_get(json_object_get(task, "samples"), 0), "scores");
    json_t *score;
    size_t i;
    json_array_foreach(json_object_get(task, "scores"), i, score) {
        evaluate_score_name(score, name);
        if (json_is_number(json_object_get(first, name))) return score;
    }
    return NULL;
}

static double item_score(const json_t *sample, const char *name) { return json_number_value(json_object_get(json_object_get(sample, "scores"), name)); }

/* How a task's score comes of its items: their mean; bits of a sum by bytes; exp(-sum by bytes, words or items). */
enum total { TOTAL_MEAN, TOTAL_BITS, TOTAL_PERPLEXITY };

static enum total total_of(const char *name)
{
    return strncmp(name, "bits_per_byte", 13) == 0 ? TOTAL_BITS : strstr(name, "perplexity") ? TOTAL_PERPLEXITY : TOTAL_MEAN;
}

struct comparing {
    enum total total;
    const json_t *a, *b;             /* tasks */
    char name[128];
    size_t n;
    double *apart;                   /* [n] b - a */
    double *log_a, *log_b, *weight;  /* [n] of a score that is a ratio of sums (enum total): log-likelihoods, and what they are divided by */
    uint64_t only_a, only_b, both, same;
    int shares;                      /* scores are 0 or 1 */
    json_t *differ;
};

static enum hearth_status compare_item(struct comparing *c, size_t i)
{
    const json_t *x = json_array_get(json_object_get(c->a, "samples"), i), *y = json_array_get(json_object_get(c->b, "samples"), i);
    if (strcmp(asked(x), asked(y)) != 0) return fail(HEARTH_EFORMAT, "%s: item %zu is not the same in both", text_at(c->b, "task"), i + 1);
    double p = item_score(x, c->name), q = item_score(y, c->name);
    int same = strcmp(compare_answer(x), compare_answer(y)) == 0;
    c->apart[i] = q - p;
    if (c->total != TOTAL_MEAN) {
        const char *text = text_at(y, "text");
        int sums = strncmp(c->name, "perplexity", 10) == 0;              /* such an item's score is its log-likelihood */
        double w = sums ? 1 : strncmp(c->name, "word", 4) == 0 ? evaluate_words(text) : (double)strlen(text);
        c->weight[i] = w;
        c->log_a[i] = c->total == TOTAL_BITS ? -p * w * log(2) : sums ? p : -log(p) * w;
        c->log_b[i] = c->total == TOTAL_BITS ? -q * w * log(2) : sums ? q : -log(q) * w;
    }
    c->shares &= (p == 0 || p == 1) && (q == 0 || q == 1);
    c->only_a += p > q, c->only_b += q > p, c->both += p == 1 && q == 1, c->same += (uint64_t)same;
    if (same && p == q) return HEARTH_OK;
    json_t *d = json_pack("{s:I, s:s, s:s, s:s, s:f, s:f}", "item", (json_int_t)i, "prompt", asked(x), "a", compare_answer(x), "b", compare_answer(y),
                          "score_a", p, "score_b", q);
    return d && json_array_append_new(c->differ, d) == 0 ? HEARTH_OK : fail_memory(1);
}

static json_t *number(double x) { return isfinite(x) ? json_real(x) : json_null(); }

/* 95 % of the difference of two ratios, by draws of as many items. */
static enum hearth_status by_draws(const struct comparing *c, uint64_t seed, struct interval *out)
{
    double *all = mem_array(BOOTSTRAP, sizeof *all);
    if (!all) return HEARTH_ENOMEM;
    for (uint32_t d = 0; d < BOOTSTRAP; d++) {
        double a = 0, b = 0, w = 0;
        for (size_t i = 0; i < c->n; i++) {
            size_t k = bootstrap_item(seed, d, i, c->n);
            a += c->log_a[k], b += c->log_b[k], w += c->weight[k];
        }
        all[d] = evaluate_ratio(c->total == TOTAL_BITS, b, w) - evaluate_ratio(c->total == TOTAL_BITS, a, w);
    }
    *out = middle_of(all, BOOTSTRAP);
    free(all);
    return HEARTH_OK;
}

/* B - A, and how sure; one item that is not right or wrong says nothing of that. */
static enum hearth_status differ(const struct comparing *c, uint64_t seed, double *difference, struct interval *w)
{
    *w = (struct interval){ NAN, NAN };
    if (c->total == TOTAL_MEAN) *difference = mean_of(c->apart, c->n);
    else {
        double a = 0, b = 0, weight = 0;
        for (size_t i = 0; i < c->n; i++) a += c->log_a[i], b += c->log_b[i], weight += c->weight[i];
        *difference = evaluate_ratio(c->total == TOTAL_BITS, b, weight) - evaluate_ratio(c->total == TOTAL_BITS, a, weight);
    }
    if (c->shares && c->total == TOTAL_MEAN) *w = paired_difference(c->both, c->only_b, c->only_a, c->n - c->both - c->only_a - c->only_b);
    else if (c->n > 1) return c->total == TOTAL_MEAN ? bootstrap_mean(c->apart, c->n, seed, w) : by_draws(c, seed, w);
    return HEARTH_OK;
}

static enum hearth_status finish(struct comparing *c, const json_t *score, const json_t *other, uint64_t seed, json_t **out)
{
    struct interval w;
    double n = (double)c->n, difference;
    TRY(differ(c, seed, &difference, &w));
    *out = json_pack("{s:s, s:s, s:O, s:I, s:O, s:O, s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:O}", "task", text_at(c->b, "task"), "metric", c->name,
                     "higher_is_better", json_object_get(score, "higher_is_better"), "items", (json_int_t)c->n, "a", json_object_get(score, "value"), "b",
                     json_object_get(other, "value"), "difference", number(difference), "low", number(w.low), "high", number(w.high), "only_a",
                     (json_int_t)c->only_a, "only_b", (json_int_t)c->only_b, "p", number(c->shares ? mcnemar(c->only_a, c->only_b) : NAN), "agreement",
                     number(c->total == TOTAL_MEAN ? (double)c->same / n : NAN), "differ", c->differ);
    return *out ? HEARTH_OK : fail_memory(1);
}

enum hearth_status compare_tasks(const json_t *a, const json_t *b, uint64_t seed, json_t **out)
{
    struct comparing c = { .a = a, .b = b, .n = json_array_size(json_object_get(a, "samples")), .shares = 1 };
    char again[128];
    const json_t *score = score_of(a, c.name), *other = score_of(b, again);
    *out = NULL;
    if (!score || !other || strcmp(c.name, again) != 0 || c.n != json_array_size(json_object_get(b, "samples")) ||
        strcmp(text_at(a, "sha256"), text_at(b, "sha256")) != 0)
        return fail(HEARTH_EFORMAT, "%s: not the same items and scores in both", text_at(b, "task"));
    c.total = total_of(c.name);
    c.apart = mem_array(c.n, sizeof *c.apart), c.weight = mem_array(c.n, sizeof *c.weight);
    c.log_a = mem_array(c.n, sizeof *c.log_a), c.log_b = mem_array(c.n, sizeof *c.log_b);
    c.differ = json_array();
    enum hearth_status st = c.apart && c.weight && c.log_a && c.log_b && c.differ ? HEARTH_OK : HEARTH_ENOMEM;
    for (size_t i = 0; i < c.n && st == HEARTH_OK; i++) st = compare_item(&c, i);
    if (st == HEARTH_OK) st = finish(&c, score, other, seed, out);
    free(c.apart), free(c.weight), free(c.log_a), free(c.log_b);
    json_decref(c.differ);
    return st;
}

static const json_t *task_named(const json_t *result, const char *name)
{
    json_t *task;
    size_t i;
    json_array_foreach(json_object_get(result, "tasks"), i, task)
        if (strcmp(text_at(task, "task"), name) == 0) return task;
    return NULL;
}

enum hearth_status compare_results(const json_t *a, const json_t *b, uint64_t seed, json_t **out)
{
    json_t *list = json_array(), *task;
    size_t i;
    enum hearth_status st = HEARTH_OK;
    json_array_foreach(json_object_get(b, "tasks"), i, task) {
        const json_t *other = task_named(a, text_at(task, "task"));
        json_t *one = NULL;
        if (st == HEARTH_OK) st = other ? compare_tasks(other, task, seed, &one) : fail(HEARTH_EFORMAT, "%s: only in one of both", text_at(task, "task"));
        if (st == HEARTH_OK) json_array_append_new(list, one);
    }
    *out = json_pack("{s:O, s:O, s:o}", "a", json_object_get(a, "model"), "b", json_object_get(b, "model"), "tasks", list);
    if (st == HEARTH_OK && *out) return st;
    json_decref(*out);
    *out = NULL;
    return st == HEARTH_OK ? fail_memory(1) : st;
}

/* ---- before and now ---- */

static const json_t *same_item(const json_t *task, const json_t *sample, size_t at)
{
    const json_t *samples = json_object_get(task, "samples"), *there = json_array_get(samples, at);
    json_t *s;
    size_t i;
    if (there && strcmp(asked(there), asked(sample)) == 0) return there;
    json_array_foreach(samples, i, s)
        if (strcmp(asked(s), asked(sample)) == 0) return s;
    return NULL;
}

enum hearth_status compare_changes(const json_t *before, const json_t *task, json_t **out)
{
    const json_t *old = task_named(before, text_at(task, "task")), *then;
    char name[128];
    const json_t *score = score_of(task, name);
    int more = json_is_true(json_object_get(score, "higher_is_better")), suite = !strcmp(text_at(task, "output_type"), "checks");
    json_t *better = json_array(), *worse = json_array(), *s;
    size_t i;
    *out = NULL;
    json_array_foreach(json_object_get(task, "samples"), i, s) {
        if (!old || !score || !(then = same_item(old, s, i))) continue;
        double p = item_score(then, name), q = item_score(s, name);
        if (p == q) continue;
        const char *label = *text_at(s, "name") ? text_at(s, "name") : asked(s);
        json_array_append_new((q > p) == more ? better : worse, json_pack("{s:I, s:s, s:f, s:f, s:s, s:s}", "item", (json_int_t)i, "name", label, "before", p,
                                                                          "now", q, "answer_before", compare_answer(then), "answer", compare_answer(s)));
    }
    double p = mcnemar(json_array_size(worse), json_array_size(better));
    int regression = json_array_size(worse) > 0 && (suite || (p < 0.05 && json_array_size(worse) > json_array_size(better)));
    if (old) *out = json_pack("{s:s, s:O, s:O, s:f, s:b}", "task", text_at(task, "task"), "better", better, "worse", worse, "p", p, "regression", regression);
    json_decref(better);
    json_decref(worse);
    return old && !*out ? fail_memory(1) : HEARTH_OK;
}
