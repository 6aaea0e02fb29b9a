/* explain_score.c - are the words that gradients name the words that count?  Asked of the model as it answered, by really
 * taking tokens out of the prompt (not by the gradients' own baseline, which would favour them):
 *
 *     deletion curve      log p of the answer when the best 10, 20 ... 100 % of the words are gone; its area (AUC), where the
 *                         whole prompt is 1 and none of its words is 0: a good order falls at once
 *     comprehensiveness   log p lost without the best 10, 20, 50 %       more is better
 *     sufficiency         log p lost with nothing but them               less is better
 *
 * and of random orders of the same words.  Petsiuk, Das, Saenko: "RISE", 2018; DeYoung et al.: "ERASER", 2020. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "account/explain.h"
#include "base/random.h"
#include "infer/session.h"

enum { LEAST_WORDS = 4, STREAM_ORDER = 0x7777 };
static const int shares[] = { 10, 20, 50 };                /* percent, of comprehensiveness and sufficiency */
enum { SHARES = sizeof shares / sizeof *shares };

struct scoring {
    const struct explain_request *r;
    struct explain_words *w;
    struct hearth_session *session;
    size_t first, n;                 /* n: words that may go */
    size_t *order;                   /* [n]: tokens of the prompt, the first to go first */
    int32_t *prompt;                 /* [n_prompt] scratch */
    unsigned char *gone;             /* [n_prompt] scratch */
    size_t done;
};

/* log p of the explained tokens without order[0 .. k), or (rest) without all of the order but these. */
static enum hearth_status without(struct scoring *s, size_t k, int rest, double *out)
{
    const struct explain_request *r = s->r;
    size_t n = 0, end = r->token ? r->token : r->n_answer;
    memset(s->gone, 0, r->n_prompt);
    for (size_t i = rest ? k : 0; i < (rest ? s->n : k); i++) s->gone[s->order[i]] = 1;
    for (size_t i = 0; i < r->n_prompt; i++)
        if (!s->gone[i]) s->prompt[n++] = r->prompt[i];
    if (n == 0) s->prompt[n++] = explain_nothing(r);
    if (r->on_step) r->on_step(r->user, "testing the words", s->done, (EXPLAIN_CURVE + SHARES) * (1 + EXPLAIN_RANDOM));
    s->done++;
    return answer_logprob(s->session, s->prompt, n, r->answer, end, s->first, r->cancel, out, NULL, NULL);
}

static size_t share_of(const struct scoring *s, int percent) { return (s->n * (size_t)percent + 99) / 100; }

/* Adds `part` of this order's results to the four. */
static enum hearth_status score_order(struct scoring *s, double part, double *curve, double *comprehensiveness, double *sufficiency)
{
    double p, whole = 0;
    for (int i = 0; i < EXPLAIN_CURVE; i++) {
        TRY(without(s, share_of(s, i * 100 / (EXPLAIN_CURVE - 1)), 0, &p));
        curve[i] += part * p;
        if (i == 0) whole = p;
        for (int k = 0; k < SHARES; k++)
            if (shares[k] == i * 100 / (EXPLAIN_CURVE - 1)) *comprehensiveness += part * (whole - p) / SHARES;
    }
    for (int k = 0; k < SHARES; k++) {
        TRY(without(s, share_of(s, shares[k]), 1, &p));
        *sufficiency += part * (whole - p) / SHARES;
    }
    return HEARTH_OK;
}

static void sort_by_weight(struct scoring *s)
{
    for (size_t i = 0; i < s->n; i++) {
        size_t token = s->order[i], at = i;
        for (; at > 0 && s->w->weight[s->order[at - 1]] < s->w->weight[token]; at--) s->order[at] = s->order[at - 1];
        s->order[at] = token;
    }
}

static void shuffle(struct scoring *s, uint64_t round)
{
    for (size_t i = s->n - 1; i > 0; i--) {
        size_t j = (size_t)((double)random_uniform(s->r->seed, round << 32 | i, STREAM_ORDER) * (double)(i + 1)), t = s->order[i];
        if (j > i) j = i;
        s->order[i] = s->order[j], s->order[j] = t;
    }
}

/* Of a curve between its own ends; NaN when it does not fall. */
static double area(const double *curve)
{
    double top = curve[0], bottom = curve[EXPLAIN_CURVE - 1], sum = 0;
    if (!(top - bottom > 1e-3)) return NAN;
    for (int i = 0; i + 1 < EXPLAIN_CURVE; i++) sum += (curve[i] + curve[i + 1]) / 2 - bottom;
    return sum / (EXPLAIN_CURVE - 1) / (top - bottom);
}

static enum hearth_status score(struct scoring *s)
{
    struct explain_words *w = s->w;
    for (size_t i = 0; i < w->n; i++)
        if (!w->fixed[i]) s->order[s->n++] = i;
    if (s->n < LEAST_WORDS) return HEARTH_OK;
    sort_by_weight(s);
    TRY(score_order(s, 1, w->curve, &w->comprehensiveness, &w->sufficiency));
    for (uint64_t round = 0; round < EXPLAIN_RANDOM; round++) {
        shuffle(s, round);
        TRY(score_order(s, 1.0 / EXPLAIN_RANDOM, w->random_curve, &w->random_comprehensiveness, &w->random_sufficiency));
    }
    w->auc = area(w->curve), w->random_auc = area(w->random_curve);
    w->scored = 1;
    return HEARTH_OK;
}

enum hearth_status explain_words_score(const struct explain_request *r, struct explain_words *w)
{
    struct hearth_session_params sp = { .ctx = (uint32_t)(r->n_prompt + r->n_answer), .kv = r->kv };
    struct scoring s = { .r = r, .w = w };
    enum hearth_status st = HEARTH_ENOMEM;
    explain_target(r, &s.first);
    s.order = mem_array(r->n_prompt, sizeof *s.order);
    s.prompt = mem_array(r->n_prompt, sizeof *s.prompt);
    s.gone = mem_array(r->n_prompt, 1);
    if (s.order && s.prompt && s.gone) st = hearth_session_open(r->model, &sp, &s.session);
    if (st == HEARTH_OK) st = score(&s);
    hearth_session_close(s.session);
    free(s.order);
    free(s.prompt);
    free(s.gone);
    return st;
}
