/* evaluate_scores.c - from what came of each item to scores: a column of numbers for each metric (and filter), one an item, and what they
 * come to.  Item by item the numbers are kept, so that two models can be compared on the same ones. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsontext.h"
#include "text/jinja.h"
#include "work/evaluate_in.h"
#include "work/pattern.h"
#include "work/statistics.h"

enum { DRAWS = 1000 };

struct column {
    const struct eval_metric *metric;
    const struct eval_pipeline *pipeline;
    double *x;                       /* [n] of each item */
    double *weight;                  /* [n] words or bytes, of what is a ratio; x is then the log-likelihood */
    struct chrf *runs;               /* [n] */
};

struct scoring {
    const struct evaluate_params *p;
    struct eval_task *t;
    const struct eval_item *items;
    const struct outcome *came;
    size_t n;
    struct column *column;
    size_t columns;
    int *wanted, *answered;          /* [n] indices of choices */
    double *confidence;              /* [n] of the choice that was taken */
    unsigned char *right;            /* [n] */
};

void evaluate_score_name(const json_t *score, char out[128])
{
    const char *filter = json_string_value(json_object_get(score, "filter"));
    snprintf(out, 128, "%.60s%s%.60s", json_string_value(json_object_get(score, "metric")), filter && strcmp(filter, "none") ? "," : "",
             filter && strcmp(filter, "none") ? filter : "");
}

static void column_name(const struct column *c, char out[128])
{
    int plain = !strcmp(c->pipeline->name, "none");
    snprintf(out, 128, "%.60s%s%.60s", eval_measures[c->metric->measure].name, plain ? "" : ",", plain ? "" : c->pipeline->name);
}

/* ---- an item: multiple choice ---- */

static size_t characters(const char *s)
{
    size_t n = 0;
    for (; *s; s++) n += (*s & 0xc0) != 0x80;
    return n;
}

/* The likeliest choice when each is divided by its length: 0 not, 1 in characters, 2 in bytes. */
static int likeliest(const struct eval_item *it, const struct outcome *o, int by)
{
    int best = 0;
    double most = -INFINITY;
    for (size_t k = 0; k < it->choices; k++) {
        double p = o->logprob[k] / (by == 1 ? (double)characters(it->choice[k]) : by == 2 ? (double)strlen(it->choice[k]) : 1);
        if (p > most) most = p, best = (int)k;
    }
    return best;
}

static int is_gold(const struct eval_item *it, int k)
{
    for (size_t i = 0; i < it->golds; i++)
        if (it->gold[i] == k) return 1;
    return 0;
}

static double share_of(const struct eval_item *it, const struct outcome *o, int k)
{
    double most = o->logprob[likeliest(it, o, 0)], sum = 0;
    for (size_t i = 0; i < it->choices; i++) sum += exp(o->logprob[i] - most);
    return exp(o->logprob[k] - most) / sum;
}

static double brier(const struct eval_item *it, const struct outcome *o)
{
    double sum = 0;
    for (size_t k = 0; k < it->choices; k++) {
        double apart = share_of(it, o, (int)k) - (it->gold[0] == (int)k);
        sum += apart * apart;
    }
    return sum;
}

static double of_choice(const struct scoring *s, size_t i, enum eval_measure m)
{
    const struct eval_item *it = &s->items[i];
    const struct outcome *o = &s->came[i];
    int greedy = 0;
    switch (m) {
    case MEASURE_ACC_NORM: return is_gold(it, likeliest(it, o, 1));
    case MEASURE_ACC_BYTES: return is_gold(it, likeliest(it, o, 2));
    case MEASURE_EXACT:
        for (size_t g = 0; g < it->golds; g++) greedy |= o->greedy[it->gold[g]];
        return greedy;
    case MEASURE_BRIER: return brier(it, o);
    default: return is_gold(it, likeliest(it, o, 0));        /* acc, and what is made of it: macro F1, calibration */
    }
}

/* ---- an item: a text ---- */

static enum hearth_status without_matches(const struct eval_metric *m, const char *s, char **out)
{
    struct buf b = { 0 }, next;
    enum hearth_status st = buf_puts(&b, s);
    for (size_t k = 0; k < m->n_ignore && st == HEARTH_OK; k++) {
        struct pattern_match match;
        size_t at = 0;
        next = (struct buf){ 0 };
        while (st == HEARTH_OK && at <= b.len && (st = pattern_find(m->ignore[k], b.data, b.len, at, &match)) == HEARTH_OK && match.found) {
            size_t end = match.to[0];
            st = buf_put(&next, b.data + at, match.from[0] - at);
            if (end == match.from[0] && end < b.len && st == HEARTH_OK) st = buf_putc(&next, b.data[end]), end++;
            else if (end == match.from[0]) end++;
            at = end;
        }
        if (st == HEARTH_OK && at < b.len) st = buf_put(&next, b.data + at, b.len - at);
        if (st == HEARTH_OK) st = buf_puts(&next, "");
        buf_free(&b);
        b = next;
    }
    if (st == HEARTH_OK && !(*out = buf_take(&b, NULL))) st = HEARTH_ENOMEM;
    buf_free(&b);
    return st;
}

static enum hearth_status exact(const struct eval_metric *m, const char *answer, const char *wanted, double *x)
{
    char *a = NULL, *b = NULL;
    int equal = 0;
    enum hearth_status st = without_matches(m, answer, &a);
    if (st == HEARTH_OK) st = without_matches(m, wanted, &b);
    if (st == HEARTH_OK) st = score_exact(a, b, &m->exact, &equal);
    *x = equal;
    free(a);
    free(b);
    return st;
}

static enum hearth_status of_text(const struct eval_metric *m, const char *answer, const char *wanted, double *x, struct chrf *runs)
{
    switch (m->measure) {
    case MEASURE_EXACT: return exact(m, answer, wanted, x);
    case MEASURE_F1: return score_f1(answer, wanted, x);
    case MEASURE_ROUGE1: return score_rouge(answer, wanted, 1, x);
    case MEASURE_ROUGE2: return score_rouge(answer, wanted, 2, x);
    case MEASURE_ROUGE_L: return score_rouge(answer, wanted, 0, x);
    default:
        TRY(chrf_count(answer, wanted, runs));
        *x = chrf_score(runs);
        return HEARTH_OK;
    }
}

/* The best of the wanted texts counts. */
static enum hearth_status of_answer(const struct scoring *s, const struct column *c, size_t i, const char *filtered)
{
    const struct eval_item *it = &s->items[i];
    for (size_t k = 0; k < it->wanteds; k++) {
        struct chrf runs = { 0 };
        double x;
        TRY(of_text(c->metric, filtered, it->wanted[k], &x, &runs));
        if (k > 0 && x <= c->x[i]) continue;
        c->x[i] = x;
        if (c->runs) c->runs[i] = runs;
    }
    return HEARTH_OK;
}

double evaluate_words(const char *s)
{
    size_t n = strlen(s), runs = 0, blank = 0;
    uint32_t cp;
    for (size_t at = 0; at < n;) {
        at += (size_t)jinja_char(s + at, n - at, &cp);
        int is = jinja_is_space(cp);
        runs += is && !blank, blank = (size_t)is;
    }
    return (double)runs + 1;
}

static void of_likelihood(const struct scoring *s, const struct column *c, size_t i)
{
    const char *text = s->items[i].wanted[0];
    switch (c->metric->measure) {
    case MEASURE_ACC: c->x[i] = s->came[i].greedy[0]; break;
    case MEASURE_WORD_PERPLEXITY: c->weight[i] = evaluate_words(text); c->x[i] = s->came[i].logprob[0]; break;
    case MEASURE_BYTE_PERPLEXITY:
    case MEASURE_BITS_PER_BYTE: c->weight[i] = (double)strlen(text); /* fall through */
    default: c->x[i] = s->came[i].logprob[0];
    }
}

/* ---- what a column comes to ---- */

struct score { double value, error; struct interval interval; };   /* NaN: not known */

double evaluate_ratio(int bits, double logprob, double weight) { return bits ? -logprob / weight / log(2) : exp(-logprob / weight); }

static double ratio(enum eval_measure m, double logprob, double weight) { return evaluate_ratio(m == MEASURE_BITS_PER_BYTE, logprob, weight); }

/* 95 % of what DRAWS of as many items come to, for sums that are no mean. */
static enum hearth_status by_chance(const struct scoring *s, const struct column *c, struct interval *out)
{
    double *all = mem_array(DRAWS, sizeof *all);
    if (!all) return HEARTH_ENOMEM;
    for (uint32_t d = 0; d < DRAWS; d++) {
        struct chrf runs = { 0 };
        double sum = 0, weight = 0;
        for (size_t i = 0; i < s->n; i++) {
            size_t k = bootstrap_item(s->p->seed, d, i, s->n);
            if (c->runs) chrf_add(&runs, &c->runs[k]);
            else sum += c->x[k], weight += c->weight[k];
        }
        all[d] = c->runs ? chrf_score(&runs) : ratio(c->metric->measure, sum, weight);
    }
    *out = middle_of(all, DRAWS);
    free(all);
    return HEARTH_OK;
}

static void of_mean(const struct scoring *s, const struct column *c, struct score *out)
{
    int shares = 1;
    out->value = mean_of(c->x, s->n);
    out->error = standard_error(c->x, s->n);
    for (size_t i = 0; i < s->n; i++) shares &= c->x[i] == 0 || c->x[i] == 1;
    if (shares) out->interval = wilson((uint64_t)llround(out->value * (double)s->n), s->n);
    else if (!isnan(out->error)) out->interval = (struct interval){ out->value - 1.96 * out->error, out->value + 1.96 * out->error };
}

static enum hearth_status total(const struct scoring *s, const struct column *c, struct score *out)
{
    struct chrf runs = { 0 };
    double sum = 0, weight = 0;
    *out = (struct score){ NAN, NAN, { NAN, NAN } };
    switch (c->metric->measure) {
    case MEASURE_MACRO_F1: return macro_f1(s->wanted, s->answered, s->n, (int)s->t->labels, -1, &out->value);
    case MEASURE_ECE: out->value = calibration_error(s->confidence, s->right, s->n); return HEARTH_OK;
    case MEASURE_CHRF:
        for (size_t i = 0; i < s->n; i++) chrf_add(&runs, &c->runs[i]);
        out->value = chrf_score(&runs);
        return by_chance(s, c, &out->interval);
    case MEASURE_PERPLEXITY:
        out->value = exp(-mean_of(c->x, s->n));
        out->error = out->value * standard_error(c->x, s->n);
        return HEARTH_OK;
    case MEASURE_WORD_PERPLEXITY: case MEASURE_BYTE_PERPLEXITY: case MEASURE_BITS_PER_BYTE:
        for (size_t i = 0; i < s->n; i++) sum += c->x[i], weight += c->weight[i];
        out->value = ratio(c->metric->measure, sum, weight);
        return s->n > 1 ? by_chance(s, c, &out->interval) : HEARTH_OK;
    default: of_mean(s, c, out); return HEARTH_OK;
    }
}

static json_t *number(double x) { return isfinite(x) ? json_real(x) : json_null(); }

static enum hearth_status put_score(const struct scoring *s, const struct column *c, json_t *to)
{
    struct score r;
    TRY(total(s, c, &r));
    json_t *j = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:b}", "metric", eval_measures[c->metric->measure].name, "filter", c->pipeline->name, "value",
                          number(r.value), "stderr", number(r.error), "low", number(r.interval.low), "high", number(r.interval.high),
                          "higher_is_better", eval_measures[c->metric->measure].higher_is_better);
    return j && json_array_append_new(to, j) == 0 ? HEARTH_OK : fail_memory(1);
}

/* ---- samples ---- */

/* Bytes of a model that are not UTF-8 become U+FFFD. */
static json_t *text_json(const char *s)
{
    json_t *v = jsontext_string(s, strlen(s));
    return v ? v : json_null();
}

static json_t *texts_json(const char *const *s, size_t n)
{
    json_t *all = json_array();
    for (size_t i = 0; i < n; i++) json_array_append_new(all, text_json(s[i]));
    return all;
}

static json_t *sample(const struct scoring *s, size_t i)
{
    const struct eval_item *it = &s->items[i];
    const struct outcome *o = &s->came[i];
    size_t likelihoods = s->t->output == EVAL_CHOICE ? it->choices : 1;
    json_t *j = json_pack("{s:I}", "item", (json_int_t)i), *list;
    if (*it->system) json_object_set_new(j, "system", text_json(it->system));
    if (it->messages) json_object_set_new(j, "messages", json_loads(it->messages, 0, NULL));
    else if (s->t->output != EVAL_ROLLING) json_object_set_new(j, "prompt", text_json(it->user));
    if (s->t->output == EVAL_GENERATE) {
        json_object_set_new(j, "wanted", texts_json(it->wanted, it->wanteds));
        json_object_set_new(j, "answer", text_json(o->answer.text));
        json_object_set_new(j, "tokens", json_integer((json_int_t)o->answer.tokens));
    } else {
        json_object_set_new(j, s->t->output == EVAL_CHOICE ? "choices" : "text",
                            s->t->output == EVAL_CHOICE ? texts_json(it->choice, it->choices) : text_json(it->wanted[0]));
        json_object_set_new(j, "logprobs", list = json_array());
        for (size_t k = 0; k < likelihoods; k++) json_array_append_new(list, number(o->logprob[k]));
        json_object_set_new(j, "greedy", list = json_array());
        for (size_t k = 0; k < likelihoods; k++) json_array_append_new(list, json_boolean(o->greedy[k]));
    }
    if (s->t->output == EVAL_CHOICE) {
        json_object_set_new(j, "gold", list = json_array());
        for (size_t k = 0; k < it->golds; k++) json_array_append_new(list, json_integer(it->gold[k]));
        json_object_set_new(j, "answer", json_integer(likeliest(it, o, 0)));
    }
    if (o->cut) json_object_set_new(j, "cut", json_true());
    return j;
}

/* The item's own number of a column, as a person would compare it: bits a byte of its text, not its sum of logarithms. */
static double own(const struct column *c, size_t i)
{
    return c->weight ? ratio(c->metric->measure, c->x[i], c->weight[i]) : c->x[i];
}

static enum hearth_status put_sample(const struct scoring *s, size_t i, char *const *filtered, json_t *to)
{
    json_t *j = sample(s, i), *scores = json_object(), *texts = json_object();
    char name[128];
    for (size_t c = 0; c < s->columns; c++) {
        if (s->column[c].metric->measure == MEASURE_MACRO_F1 || s->column[c].metric->measure == MEASURE_ECE) continue;
        column_name(&s->column[c], name);
        json_object_set_new(scores, name, number(own(&s->column[c], i)));
    }
    for (size_t k = 0; k < s->t->n_pipelines; k++)
        if (filtered && s->t->pipeline[k].n) json_object_set_new(texts, s->t->pipeline[k].name, text_json(filtered[k]));
    if (json_object_size(texts)) json_object_set(j, "filtered", texts);
    json_decref(texts);
    int bad = json_object_set_new(j, "scores", scores);
    return json_array_append_new(to, j) || bad ? fail_memory(1) : HEARTH_OK;
}

/* ---- all ---- */

static enum hearth_status score_item(struct scoring *s, size_t i, char **filtered)
{
    int generates = s->t->output == EVAL_GENERATE;
    for (size_t k = 0; generates && k < s->t->n_pipelines; k++)
        TRY(eval_filtered(&s->t->pipeline[k], s->came[i].answer.text, &filtered[k]));
    for (size_t c = 0; c < s->columns; c++) {
        struct column *col = &s->column[c];
        if (generates) TRY(of_answer(s, col, i, filtered[col->pipeline - s->t->pipeline]));
        else if (s->t->output == EVAL_CHOICE) col->x[i] = of_choice(s, i, col->metric->measure);
        else of_likelihood(s, col, i);
    }
    if (s->t->output != EVAL_CHOICE) return HEARTH_OK;
    s->answered[i] = likeliest(&s->items[i], &s->came[i], 0);
    s->right[i] = (unsigned char)is_gold(&s->items[i], s->answered[i]);
    s->wanted[i] = s->right[i] ? s->answered[i] : s->items[i].gold[0];
    s->confidence[i] = share_of(&s->items[i], &s->came[i], s->answered[i]);
    return HEARTH_OK;
}

static enum hearth_status open_columns(struct scoring *s)
{
    struct eval_task *t = s->t;
    size_t n = s->n + 1;
    if (!(s->column = mem_array(t->n_metrics * t->n_pipelines + 1, sizeof *s->column))) return HEARTH_ENOMEM;
    for (size_t k = 0; k < t->n_pipelines; k++)
        for (size_t i = 0; i < t->n_metrics; i++) {
            struct column *c = &s->column[s->columns++];
            enum eval_measure m = t->metric[i].measure;
            *c = (struct column){ .metric = &t->metric[i], .pipeline = &t->pipeline[k], .x = mem_array(n, sizeof *c->x) };
            if (m == MEASURE_CHRF && !(c->runs = mem_array(n, sizeof *c->runs))) return HEARTH_ENOMEM;
            if (t->output == EVAL_ROLLING && !(c->weight = mem_array(n, sizeof *c->weight))) return HEARTH_ENOMEM;
            if (!c->x) return HEARTH_ENOMEM;
        }
    s->wanted = mem_array(n, sizeof *s->wanted);
    s->answered = mem_array(n, sizeof *s->answered);
    s->confidence = mem_array(n, sizeof *s->confidence);
    s->right = mem_array(n, 1);
    return s->wanted && s->answered && s->confidence && s->right ? HEARTH_OK : HEARTH_ENOMEM;
}

static void free_columns(struct scoring *s)
{
    for (size_t c = 0; c < s->columns; c++) {
        free(s->column[c].x);
        free(s->column[c].weight);
        free(s->column[c].runs);
    }
    free(s->column);
    free(s->wanted);
    free(s->answered);
    free(s->confidence);
    free(s->right);
}

enum hearth_status evaluate_scores(const struct evaluate_params *p, struct eval_task *t, const struct eval_item *items,
                                   const struct outcome *came, size_t n, json_t *entry)
{
    struct scoring s = { .p = p, .t = t, .items = items, .came = came, .n = n };
    json_t *scores = json_array(), *samples = json_array();
    enum hearth_status st = open_columns(&s);
    for (size_t i = 0; i < n && st == HEARTH_OK; i++) {
        char *filtered[4] = { 0 };
        st = score_item(&s, i, filtered);
        if (st == HEARTH_OK) st = put_sample(&s, i, t->output == EVAL_GENERATE ? filtered : NULL, samples);
        for (size_t k = 0; k < 4; k++) free(filtered[k]);
    }
    for (size_t c = 0; c < s.columns && st == HEARTH_OK; c++) st = put_score(&s, &s.column[c], scores);
    int bad = json_object_set_new(entry, "scores", scores);
    bad |= json_object_set_new(entry, "samples", samples);
    free_columns(&s);
    return st == HEARTH_OK && bad ? fail_memory(1) : st;
}

const json_t *evaluate_main_score(const json_t *task)
{
    return json_array_get(json_object_get(task, "scores"), 0);
}
