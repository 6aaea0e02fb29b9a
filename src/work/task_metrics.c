/* task_metrics.c - metric_list and filter_list of a task; answers through their filters. */
#include <stdlib.h>
#include <string.h>

#include "text/jinja.h"
#include "work/pattern.h"
#include "work/task_in.h"

enum { C = 1 << EVAL_CHOICE, G = 1 << EVAL_GENERATE, L = 1 << EVAL_LIKELIHOOD, R = 1 << EVAL_ROLLING };

const struct eval_measure_info eval_measures[MEASURES] = {
    [MEASURE_ACC] = { "acc", "mean", C | L, 1 },          [MEASURE_ACC_NORM] = { "acc_norm", "mean", C, 1 },
    [MEASURE_ACC_BYTES] = { "acc_bytes", "mean", C, 1 },  [MEASURE_EXACT] = { "exact_match", "mean", C | G, 1 },
    [MEASURE_F1] = { "f1", "mean", G, 1 },                [MEASURE_MACRO_F1] = { "macro_f1", "macro_f1", C, 1 },
    [MEASURE_ECE] = { "ece", "ece", C, 0 },               [MEASURE_BRIER] = { "brier_score", "brier_score", C, 0 },
    [MEASURE_ROUGE1] = { "rouge1", "mean", G, 1 },        [MEASURE_ROUGE2] = { "rouge2", "mean", G, 1 },
    [MEASURE_ROUGE_L] = { "rougeL", "mean", G, 1 },       [MEASURE_CHRF] = { "chrf", "chrf", G, 1 },
    [MEASURE_PERPLEXITY] = { "perplexity", "perplexity", L, 0 },
    [MEASURE_WORD_PERPLEXITY] = { "word_perplexity", "weighted_perplexity", R, 0 },
    [MEASURE_BYTE_PERPLEXITY] = { "byte_perplexity", "weighted_perplexity", R, 0 },
    [MEASURE_BITS_PER_BYTE] = { "bits_per_byte", "bits_per_byte", R, 0 },
};

const char *eval_output_name(enum eval_output o)
{
    static const char *const names[] = { "multiple_choice", "generate_until", "loglikelihood", "loglikelihood_rolling" };
    return names[o];
}

/* ---- metric_list ---- */

static enum hearth_status no_metric(struct eval_task *t, const char *name)
{
    char all[300] = "";
    for (int i = 0; i < MEASURES; i++)
        if (eval_measures[i].outputs >> t->output & 1)
            snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", *all ? ", " : "", eval_measures[i].name);
    return fail(HEARTH_EFORMAT, "%s: %s has no metric %.60s; it has %s", task_where(t, "metric_list"), eval_output_name(t->output), name, all);
}

static enum hearth_status metric_option(struct eval_task *t, struct eval_metric *m, const char *key, const json_t *v)
{
    const struct { const char *name; int *to; } flags[] = { { "ignore_case", &m->exact.ignore_case },
        { "ignore_punctuation", &m->exact.ignore_punctuation }, { "ignore_numbers", &m->exact.ignore_numbers } };
    const char *name = eval_measures[m->measure].name, *aggregation = json_string_value(v);
    char found[80];
    if (strcmp(key, "metric") == 0) return HEARTH_OK;
    if (strcmp(key, "aggregation") == 0) {
        if (aggregation && strcmp(aggregation, eval_measures[m->measure].aggregation) == 0) return HEARTH_OK;
        return fail(HEARTH_EFORMAT, "%s: aggregation of %s is %s, should be %s", task_where(t, "metric_list"), name, task_found(v, found),
                    eval_measures[m->measure].aggregation);
    }
    if (strcmp(key, "higher_is_better") == 0 && json_is_boolean(v) && json_is_true(v) == eval_measures[m->measure].higher_is_better)
        return HEARTH_OK;
    for (size_t i = 0; m->measure == MEASURE_EXACT && t->output == EVAL_GENERATE && i < 3; i++)
        if (strcmp(key, flags[i].name) == 0 && json_is_boolean(v)) {
            *flags[i].to = json_is_true(v);
            return HEARTH_OK;
        }
    if (strcmp(key, "regexes_to_ignore") == 0 && m->measure == MEASURE_EXACT && json_is_array(v) && json_array_size(v) <= 4) {
        for (; m->n_ignore < json_array_size(v); m->n_ignore++) {
            const char *text = json_string_value(json_array_get(v, m->n_ignore));
            if (!text) return fail(HEARTH_EFORMAT, "%s: regexes_to_ignore: should be texts", task_where(t, "metric_list"));
            TRY(pattern_open(task_where(t, "regexes_to_ignore"), text, 0, &m->ignore[m->n_ignore]));
        }
        return HEARTH_OK;
    }
    return fail(HEARTH_EFORMAT, "%s: %s of %s is %s, which is not known or cannot be here", task_where(t, "metric_list"), key, name,
                task_found(v, found));
}

static enum hearth_status add_metric(struct eval_task *t, const char *name, const json_t *options)
{
    const char *key;
    json_t *v;
    int k = 0;
    while (k < MEASURES && (strcmp(eval_measures[k].name, name) != 0 || !(eval_measures[k].outputs >> t->output & 1))) k++;
    if (k == MEASURES) return no_metric(t, name);
    for (size_t i = 0; i < t->n_metrics; i++)
        if (t->metric[i].measure == (enum eval_measure)k)
            return fail(HEARTH_EFORMAT, "%s: %s stands there twice", task_where(t, "metric_list"), name);
    struct eval_metric *m = &t->metric[t->n_metrics++];
    *m = (struct eval_metric){ .measure = (enum eval_measure)k };
    json_object_foreach((json_t *)options, key, v) TRY(metric_option(t, m, key, v));
    return HEARTH_OK;
}

enum hearth_status task_metrics(struct eval_task *t)
{
    static const char *const usual[][4] = { [EVAL_CHOICE] = { "acc", "acc_norm" }, [EVAL_GENERATE] = { "exact_match" },
        [EVAL_LIKELIHOOD] = { "perplexity", "acc" }, [EVAL_ROLLING] = { "word_perplexity", "byte_perplexity", "bits_per_byte" } };
    const json_t *list = json_object_get(t->config, "metric_list");
    char found[80];
    if (!list || json_is_null(list)) {
        for (int i = 0; i < 4 && usual[t->output][i]; i++) TRY(add_metric(t, usual[t->output][i], NULL));
        return HEARTH_OK;
    }
    if (!json_is_array(list) || json_array_size(list) == 0)
        return fail(HEARTH_EFORMAT, "%s is %s, should be a list of metrics", task_where(t, "metric_list"), task_found(list, found));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i), *name = json_is_string(one) ? one : json_object_get(one, "metric");
        if (!json_is_string(name)) return fail(HEARTH_EFORMAT, "%s: entry %zu names no metric", task_where(t, "metric_list"), i + 1);
        TRY(add_metric(t, json_string_value(name), json_is_object(one) ? one : NULL));
    }
    return HEARTH_OK;
}

/* ---- filter_list ---- */

static enum hearth_status regex_filter(struct eval_task *t, const json_t *f, struct eval_filter *out)
{
    const json_t *pattern = json_object_get(f, "regex_pattern"), *group = json_object_get(f, "group_select"), *back = json_object_get(f, "fallback");
    if (!json_is_string(pattern)) return fail(HEARTH_EFORMAT, "%s: a regex without regex_pattern", task_where(t, "filter_list"));
    if (group && !json_is_integer(group)) return fail(HEARTH_EFORMAT, "%s: group_select should be a whole number", task_where(t, "filter_list"));
    if (back && !json_is_string(back)) return fail(HEARTH_EFORMAT, "%s: fallback should be a text", task_where(t, "filter_list"));
    out->group = group ? (int)json_integer_value(group) : 0;
    out->fallback = back ? json_string_value(back) : "[invalid]";
    return pattern_open(task_where(t, "regex_pattern"), json_string_value(pattern), 0, &out->pattern);
}

static enum hearth_status one_filter(struct eval_task *t, const json_t *f, struct eval_filter *out)
{
    static const char *const names[] = { "regex", "take_first", "remove_whitespace", "lowercase", "uppercase" };
    static const char *const keys[] = { "function", "regex_pattern", "group_select", "fallback" };
    const char *name = json_string_value(json_object_get(f, "function")), *key;
    json_t *v;
    int k = 0;
    while (name && k < 5 && strcmp(names[k], name) != 0) k++;
    if (!name || k == 5)
        return fail(HEARTH_EFORMAT, "%s: function %.60s; there are regex, take_first, remove_whitespace, lowercase, uppercase",
                    task_where(t, "filter_list"), name ? name : "is missing");
    out->kind = (enum eval_filter_kind)k;
    json_object_foreach((json_t *)f, key, v) {
        int known = 0;
        for (int i = 0; i < (k == FILTER_REGEX ? 4 : 1); i++) known |= strcmp(keys[i], key) == 0;
        if (!known) return fail(HEARTH_EFORMAT, "%s: %s has no %.60s", task_where(t, "filter_list"), name, key);
    }
    return k == FILTER_REGEX ? regex_filter(t, f, out) : HEARTH_OK;
}

enum hearth_status task_filters(struct eval_task *t)
{
    const json_t *list = json_object_get(t->config, "filter_list");
    size_t most = sizeof t->pipeline / sizeof *t->pipeline, inside = sizeof t->pipeline->filter / sizeof *t->pipeline->filter;
    if (!list || json_is_null(list) || t->output != EVAL_GENERATE) {
        t->pipeline[t->n_pipelines++].name = "none";
        return HEARTH_OK;
    }
    if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > most)
        return fail(HEARTH_EFORMAT, "%s should be a list of 1 to %zu filters", task_where(t, "filter_list"), most);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i), *filters = json_object_get(one, "filter");
        struct eval_pipeline *p = &t->pipeline[t->n_pipelines++];
        p->name = json_string_value(json_object_get(one, "name"));
        if (!p->name || !json_is_array(filters) || json_array_size(filters) > inside)
            return fail(HEARTH_EFORMAT, "%s: entry %zu should have a name and a filter of at most %zu functions", task_where(t, "filter_list"),
                        i + 1, inside);
        while (p->n < json_array_size(filters)) {
            p->n++;
            TRY(one_filter(t, json_array_get(filters, p->n - 1), &p->filter[p->n - 1]));
        }
    }
    return HEARTH_OK;
}

/* ---- an answer through them ---- */

static void strip(const char **p, size_t *n)
{
    uint32_t cp;
    int k;
    while (*n && (k = jinja_char(*p, *n, &cp), jinja_is_space(cp))) *p += k, *n -= (size_t)k;
    while (*n && (k = jinja_char_before(*p, *n, &cp), jinja_is_space(cp))) *n -= (size_t)k;
}

/* The group that counts of one match: the whole without groups, the only one, else the first that holds something. */
static int group_of(const struct pattern_match *m, size_t *from, size_t *to)
{
    size_t last = m->groups < PATTERN_GROUPS ? m->groups : PATTERN_GROUPS - 1;
    for (size_t g = m->groups ? 1 : 0; g <= last; g++) {
        *from = m->from[g], *to = m->to[g];
        if (*from > *to) *from = *to = 0;
        if (m->groups <= 1 || *to > *from) return 1;
    }
    return 0;
}

/* re.findall(text)[group_select], stripped; the fallback where there is none. */
static enum hearth_status find_all(const struct eval_filter *f, const char *s, size_t n, const char **out, size_t *length)
{
    size_t at = 0, from = 0, to = 0, count = 0, want, pass;
    int has = 0;
    for (pass = 0; pass < 2; pass++) {          /* counted first where the place is told from the end */
        if (pass == 0 && f->group >= 0) continue;
        want = f->group >= 0 ? (size_t)f->group : count + (size_t)f->group;
        for (at = 0, count = 0; at <= n;) {
            struct pattern_match m;
            TRY(pattern_find(f->pattern, s, n, at, &m));
            if (!m.found) break;
            if (pass == 1 && count == want) has = group_of(&m, &from, &to), at = n;
            count++;
            at = m.to[0] > m.from[0] ? m.to[0] : m.to[0] + 1;
            while (at < n && (s[at] & 0xc0) == 0x80) at++;
            if (pass == 1 && count == want + 1) break;
        }
    }
    *out = has ? s + from : f->fallback, *length = has ? to - from : strlen(f->fallback);
    if (has) strip(out, length);
    return HEARTH_OK;
}

enum hearth_status eval_filtered(const struct eval_pipeline *p, const char *answer, char **out)
{
    struct buf b = { 0 };
    TRY(buf_puts(&b, answer));
    for (size_t i = 0; i < p->n; i++) {
        const char *s = b.data;
        char *recased = NULL;
        size_t n = b.len;
        enum hearth_status st = HEARTH_OK;
        if (p->filter[i].kind == FILTER_REGEX) st = find_all(&p->filter[i], b.data, b.len, &s, &n);
        else if (p->filter[i].kind == FILTER_STRIP) strip(&s, &n);
        else if (p->filter[i].kind != FILTER_TAKE_FIRST) {
            st = score_recase(b.data, p->filter[i].kind == FILTER_UPPER, &recased, &n);
            s = recased;
        }
        struct buf next = { 0 };
        if (st == HEARTH_OK) st = buf_put(&next, s, n);
        if (st == HEARTH_OK) st = buf_puts(&next, "");
        free(recased);
        buf_free(&b);
        b = next;
        if (st != HEARTH_OK) {
            buf_free(&b);
            return st;
        }
    }
    *out = buf_take(&b, NULL);
    return *out ? HEARTH_OK : HEARTH_ENOMEM;
}
