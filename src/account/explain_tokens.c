/* explain_tokens.c - for each token of an answer: how likely it was, what else might have come, and what each step of the
 * sampler (infer/sampler.c, same order) made of both.
 *
 * The steps are done again here over all tokens in order of their logits, in double, since the sampler itself keeps no
 * record of what it cut.  Where two tokens are equal to the last bit of a float at the edge of a cut, this may put the edge
 * one token off; the choice itself is the sampler's own, asked again with the same logits, history, seed and position:
 * `same` says that it is the token that came.  That is this part's faithfulness score. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "account/explain.h"
#include "base/random.h"
#include "infer/generation.h"
#include "infer/session.h"

const char *const explain_step_name[EXPLAIN_STEPS] = {
    [STEP_MODEL] = "model", [STEP_GRAMMAR] = "grammar", [STEP_PENALTIES] = "penalties", [STEP_TOP_K] = "top_k",
    [STEP_TOP_P] = "top_p", [STEP_MIN_P] = "min_p",     [STEP_TEMPERATURE] = "temperature",
};

struct place { float logit; int32_t id; };

struct trace {
    int32_t n;                       /* the vocabulary */
    struct place *model, *after;     /* [n] by logit, the largest first: as the model says, and after grammar, bias and penalties */
    int32_t *rank;                   /* [n] of id, from 0, in `after` */
    uint32_t *count;                 /* [n] in the history; 0 between calls */
    float *adjusted;                 /* [n] */
    void *slab;
    int32_t left[EXPLAIN_STEPS];     /* the first so many of `after` remain */
    double whole[EXPLAIN_STEPS];     /* sum of exp(logit - max) over them (over temperature at the end) */
    double model_whole, max, model_max, temperature;
    double allowed_whole;            /* of the model's own weights, over what the grammar allows */
};

static enum hearth_status trace_init(struct trace *t, int32_t n)
{
    size_t k = (size_t)n;
    *t = (struct trace){ .n = n };
    t->slab = mem_array(k, 2 * sizeof(struct place) + 3 * sizeof(float));
    if (!t->slab) return HEARTH_ENOMEM;
    t->model = t->slab, t->after = t->model + k;
    t->rank = (int32_t *)(t->after + k);
    t->count = (uint32_t *)(t->rank + k);
    t->adjusted = (float *)(t->count + k);
    return HEARTH_OK;
}

static int by_logit(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->logit != y->logit) return x->logit > y->logit ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static int is_allowed(const uint32_t *mask, int32_t id) { return !mask || (mask[id / 32] >> (id % 32) & 1); }

/* Steps 0 to 2 of the sampler. */
static void adjust(struct trace *t, const float *logits, const int32_t *history, size_t n, const struct hearth_sampling *p,
                   const uint32_t *mask)
{
    float *l = t->adjusted;
    memcpy(l, logits, (size_t)t->n * sizeof *l);
    for (int32_t i = 0; i < t->n; i++)
        if (!is_allowed(mask, i)) l[i] = -INFINITY;
    for (size_t i = 0; i < p->n_bias; i++) l[p->bias[i].id] += p->bias[i].bias;
    if (p->repeat_penalty == 1 && p->presence_penalty == 0 && p->frequency_penalty == 0) return;
    size_t look = p->repeat_last < 0 || (size_t)p->repeat_last > n ? n : (size_t)p->repeat_last;
    history += n - look;
    for (size_t i = 0; i < look; i++) t->count[history[i]]++;
    for (size_t i = 0; i < look; i++) {
        int32_t id = history[i];
        if (t->count[id] == 0) continue;
        float x = l[id] > 0 ? l[id] / p->repeat_penalty : l[id] * p->repeat_penalty;
        x -= p->presence_penalty;
        l[id] = x - (float)t->count[id] * p->frequency_penalty;
        t->count[id] = 0;
    }
}

static void order(struct place *to, const float *logits, int32_t n)
{
    for (int32_t i = 0; i < n; i++) to[i] = (struct place){ logits[i], i };
    qsort(to, (size_t)n, sizeof *to, by_logit);
}

static double sum_weights(const struct trace *t, int32_t n, double temperature)
{
    double sum = 0;
    for (int32_t i = n - 1; i >= 0; i--) sum += exp(((double)t->after[i].logit - t->max) / temperature);
    return sum;
}

/* What the grammar leaves, by the model's own weights. */
static void allow(struct trace *t, const uint32_t *mask)
{
    t->left[STEP_MODEL] = t->n, t->left[STEP_GRAMMAR] = 0, t->allowed_whole = 0;
    for (int32_t i = t->n - 1; i >= 0; i--) {
        if (!is_allowed(mask, t->model[i].id)) continue;
        t->left[STEP_GRAMMAR]++;
        t->allowed_whole += exp((double)t->model[i].logit - t->model_max);
    }
}

/* Steps 3 to 7: each leaves the first so many. */
static void cut(struct trace *t, const struct hearth_sampling *p)
{
    int32_t n = t->left[STEP_PENALTIES] = t->left[STEP_GRAMMAR];
    if (p->temperature == 0) {
        for (int s = STEP_TOP_K; s < EXPLAIN_STEPS; s++) t->left[s] = 1;
    } else {
        if (p->top_k > 0 && p->top_k < n) n = p->top_k;
        t->left[STEP_TOP_K] = n;
        if (p->top_p < 1) {
            double goal = (double)p->top_p * sum_weights(t, n, 1), sum = 0;
            int32_t i = 0;
            do sum += exp((double)t->after[i++].logit - t->max); while (i < n && sum < goal);
            n = i;
        }
        t->left[STEP_TOP_P] = n;
        while (n > 1 && exp((double)t->after[n - 1].logit - t->max) < (double)p->min_p) n--;
        t->left[STEP_MIN_P] = t->left[STEP_TEMPERATURE] = n;
    }
    t->temperature = p->temperature > 0 ? (double)p->temperature : 1;
    for (int s = STEP_PENALTIES; s < EXPLAIN_STEPS; s++) t->whole[s] = sum_weights(t, t->left[s], s == STEP_TEMPERATURE ? t->temperature : 1);
}

/* The ranks by the model's logits, among all and among what the grammar allows (-1: it forbids it), from 0. */
struct ranks { int32_t all, allowed; };

static void describe(const struct trace *t, int32_t id, struct ranks by_model, double logit, struct explain_choice *out)
{
    int32_t rank = t->rank[id];
    double after = (double)t->adjusted[id] - t->max;
    *out = (struct explain_choice){ .id = id };
    out->rank[STEP_MODEL] = by_model.all + 1;
    out->p[STEP_MODEL] = exp(logit - t->model_max) / t->model_whole;
    if (by_model.allowed < 0) return;
    out->rank[STEP_GRAMMAR] = by_model.allowed + 1;
    out->p[STEP_GRAMMAR] = exp(logit - t->model_max) / t->allowed_whole;
    for (int s = STEP_PENALTIES; s < EXPLAIN_STEPS; s++) {
        if (rank >= t->left[s]) break;
        out->rank[s] = rank + 1;
        out->p[s] = exp(s == STEP_TEMPERATURE ? after / t->temperature : after) / t->whole[s];
    }
}

static double entropy(const struct trace *t)
{
    double h = 0;
    for (int32_t i = t->n - 1; i >= 0; i--) {
        double p = exp((double)t->model[i].logit - t->model_max) / t->model_whole;
        if (p > 0) h -= p * log(p);
    }
    return h;
}

static void explain_one(struct trace *t, const float *logits, int32_t id, const int32_t *history, size_t n,
                        const struct hearth_sampling *p, const uint32_t *mask, struct explain_token *out)
{
    int32_t allowed = 0;
    adjust(t, logits, history, n, p, mask);
    order(t->model, logits, t->n);
    order(t->after, t->adjusted, t->n);
    t->max = (double)t->after[0].logit, t->model_max = (double)t->model[0].logit, t->model_whole = 0;
    for (int32_t i = t->n - 1; i >= 0; i--) t->model_whole += exp((double)t->model[i].logit - t->model_max);
    for (int32_t i = 0; i < t->n; i++) t->rank[t->after[i].id] = i;
    allow(t, mask);
    cut(t, p);
    memcpy(out->left, t->left, sizeof t->left);
    for (int32_t i = 0; i < t->n; i++) {
        double logit = (double)t->model[i].logit;
        struct ranks by_model = { i, is_allowed(mask, t->model[i].id) ? allowed++ : -1 };
        if (t->model[i].id == id) describe(t, id, by_model, logit, &out->chosen);
        else if (out->others < EXPLAIN_OTHERS) describe(t, t->model[i].id, by_model, logit, &out->other[out->others++]);
    }
    out->logprob = (double)logits[id] - t->model_max - log(t->model_whole);
    out->entropy = entropy(t);
    out->draw = p->temperature > 0 ? (double)random_uniform(p->seed, n, 0) : NAN;
}

/* What the grammar allows where token i of the answer stands, which goes on with that token afterwards.  An answer that did not keep to it has
 * no mask from there on, and `same` says that it was not chosen so. */
static enum hearth_status mask_at(const struct explain_request *r, struct grammar_state **g, size_t i, const uint32_t **mask)
{
    *mask = NULL;
    if (!*g) return HEARTH_OK;
    size_t limit = generation_limit(r->max_tokens, r->context > r->n_prompt ? r->context - r->n_prompt : 0);
    enum hearth_status st = i >= limit ? HEARTH_EUSAGE : HEARTH_OK;
    if (st == HEARTH_OK && i > 0) st = grammar_state_accept(*g, r->answer[i - 1]);
    if (st == HEARTH_OK) st = grammar_state_mask(*g, (uint32_t)(limit - i), mask);
    if (st != HEARTH_EUSAGE) return st;
    grammar_state_close(*g);
    *g = NULL, *mask = NULL;
    return HEARTH_OK;
}

static enum hearth_status each_token(const struct explain_request *r, struct hearth_session *s, struct trace *t, struct explanation *e)
{
    int32_t *history = mem_array(r->n_prompt + r->n_answer, sizeof *history), again;
    struct grammar_state *g = NULL;
    const uint32_t *mask;
    enum hearth_status st = history ? HEARTH_OK : HEARTH_ENOMEM;
    if (st == HEARTH_OK && r->grammar) st = grammar_state_open(r->grammar, &g);
    if (st == HEARTH_OK) {
        memcpy(history, r->prompt, r->n_prompt * sizeof *history);
        memcpy(history + r->n_prompt, r->answer, r->n_answer * sizeof *history);
        st = hearth_session_eval(s, history, r->n_prompt, r->cancel);
    }
    for (size_t i = 0; i < r->n_answer && st == HEARTH_OK; i++) {
        const float *logits = hearth_session_logits(s);
        size_t n = r->n_prompt + i;
        if (r->on_step) r->on_step(r->user, "tokens", i, r->n_answer);
        TRY_GOTO(st, done, mask_at(r, &g, i, &mask));
        TRY_GOTO(st, done, sampler_pick(&s->sampler, logits, history, n, &r->sampling, n, mask, &again));
        explain_one(t, logits, r->answer[i], history, n, &r->sampling, mask, &e->token[i]);
        e->token[i].same = again == r->answer[i];
        e->same += (size_t)e->token[i].same;
        if (i + 1 < r->n_answer) st = hearth_session_eval(s, &r->answer[i], 1, r->cancel);
    }
done:
    grammar_state_close(g);
    free(history);
    return st;
}

enum hearth_status explain_tokens(const struct explain_request *r, struct explanation *e)
{
    struct hearth_session_params sp = { .ctx = (uint32_t)(r->n_prompt + r->n_answer), .kv = r->kv };
    struct hearth_session *s = NULL;
    struct trace t = { 0 };
    enum hearth_status st;
    TRY_GOTO(st, done, sampling_check(&r->sampling, (int32_t)r->model->h.vocabulary));
    e->token = mem_array(r->n_answer, sizeof *e->token);
    if (!e->token) return HEARTH_ENOMEM;
    TRY_GOTO(st, done, trace_init(&t, (int32_t)r->model->h.vocabulary));
    TRY_GOTO(st, done, hearth_session_open(r->model, &sp, &s));
    st = each_token(r, s, &t, e);
    if (st == HEARTH_OK) e->tokens = r->n_answer;
done:
    hearth_session_close(s);
    free(t.slab);
    return st;
}
