/* experts.c - a mixture of experts on the tape: forwards, and its gradients.
 *
 *     s = W_router h;  the experts with the highest scores, share = softmax of those scores
 *     y = the sum of share times down(act(gate h) * up h) over them
 *
 *     slots: the pairs of a token and an expert that it takes, ordered by expert, tokens ascending inside
 *
 *            |  expert 0   | expert 1 |     expert 2      | ...          first[e]: where those of expert e begin
 *     picked | 0  3  8  9  | 1  3  7  | 0  1  4  7  8  11 |              token * experts_used + its place among the token's
 *
 * An expert's rows stand side by side, so each of its matrices is passed once.  Chains: ARITHMETIC.md section 9. */
#include "train/inside.h"

#include <math.h>
#include <string.h>

/* The slots [first, first + n) of one expert; rows of width numbers. */
struct slots {
    struct tape *t;
    const struct tape_experts *x;
    uint32_t first;
    const float *from;               /* by token */
    float *to;                       /* by slot, from the expert's first; or by token */
};

static size_t token_of(const struct slots *s, int64_t i) { return s->x->picked[s->first + (size_t)i] / s->t->m->h.experts_used; }
static float share_of(const struct slots *s, int64_t i) { return s->x->share[s->x->picked[s->first + (size_t)i]]; }

static void choose_rows(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct slots *s = arg;
    const struct hearth_model *m = s->t->m;
    size_t used = m->h.experts_used;
    for (int64_t i = begin; i < end; i++) {
        const float *score = s->t->route + (size_t)i * m->h.experts;
        s->t->bad[thread * 16] |= !m->kernels->finite(score, m->h.experts);
        model_choose_experts(m, score, s->x->share + (size_t)i * used, s->x->chosen + (size_t)i * used);
    }
}

static void sort_slots(const struct tape *t, const struct tape_experts *x)
{
    uint32_t experts = t->m->h.experts, n = t->n * t->m->h.experts_used;
    memset(x->first, 0, (experts + 1) * sizeof *x->first);
    for (uint32_t i = 0; i < n; i++) x->first[x->chosen[i]]++;
    for (uint32_t e = 0, at = 0; e <= experts; e++) {
        uint32_t count = x->first[e];
        x->first[e] = at, at += count;
    }
    for (uint32_t i = 0; i < n; i++) x->picked[x->first[x->chosen[i]]++] = i;
    for (uint32_t e = experts; e > 0; e--) x->first[e] = x->first[e - 1];
    x->first[0] = 0;
}

static void gather_rows(void *arg, int thread, int64_t begin, int64_t end)   /* to[slot] = from[token] */
{
    const struct slots *s = arg;
    size_t w = s->t->m->h.width;
    (void)thread;
    for (int64_t i = begin; i < end; i++) memcpy(s->to + (size_t)i * w, s->from + token_of(s, i) * w, w * sizeof *s->to);
}

static void mix_rows(void *arg, int thread, int64_t begin, int64_t end)      /* to[token] += share * given[slot] */
{
    const struct slots *s = arg;
    size_t w = s->t->m->h.width;
    float *row = s->t->scratch + (size_t)thread * s->t->scratch_each;
    for (int64_t i = begin; i < end; i++) {
        memcpy(row, s->x->given + (s->first + (size_t)i) * w, w * sizeof *row);
        s->t->m->kernels->scale(row, share_of(s, i), w);
        s->t->m->kernels->add(s->to + token_of(s, i) * w, row, w);
    }
}

void experts_forward(struct tape *t, uint32_t layer, float *out)
{
    const struct layer *l = &t->m->weights.layers[layer];
    const struct tape_experts *x = &t->layers[layer].experts;
    size_t ff = t->m->h.at[layer].feed_forward, width = t->m->h.width;
    struct slots s = { .t = t, .x = x };
    product_forward(t, &l->router, NULL, t->h, t->n, t->route, t->m->h.experts);
    tape_each(t, choose_rows, &s, t->n);
    sort_slots(t, x);
    memset(out, 0, t->n * width * sizeof *out);
    for (uint32_t e = 0; e < t->m->h.experts; e++) {
        uint32_t first = x->first[e], n = x->first[e + 1] - first;
        if (n == 0) continue;
        s.first = first, s.from = t->h, s.to = t->taken;
        tape_each(t, gather_rows, &s, n);
        product_forward(t, &l->gate_exps[e], NULL, t->taken, n, x->gate + first * ff, ff);
        product_forward(t, &l->up_exps[e], NULL, t->taken, n, x->up + first * ff, ff);
        tape_activate(t, x->gate + first * ff, x->up + first * ff, n, ff, t->wide);
        product_forward(t, &l->down_exps[e], NULL, t->wide, n, x->given + first * width, width);
        s.to = out;
        tape_each(t, mix_rows, &s, n);
    }
}

/* ---- backwards ---- */

static void share_back_rows(void *arg, int thread, int64_t begin, int64_t end) /* to[slot] = share * d, and d share */
{
    const struct slots *s = arg;
    size_t w = s->t->m->h.width;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        const float *d = s->from + token_of(s, i) * w;
        float *to = s->to + (size_t)i * w;
        s->t->dshare[s->x->picked[s->first + (size_t)i]] = s->t->m->kernels->dot(s->x->given + (s->first + (size_t)i) * w, d, w);
        memcpy(to, d, w * sizeof *to);
        s->t->m->kernels->scale(to, share_of(s, i), w);
    }
}

static void scatter_rows(void *arg, int thread, int64_t begin, int64_t end)  /* to[token] += given + taken, each by slot */
{
    const struct slots *s = arg;
    size_t w = s->t->m->h.width;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        float *row = s->t->given + (size_t)i * w;
        s->t->m->kernels->add(row, s->t->taken + (size_t)i * w, w);
        s->t->m->kernels->add(s->to + token_of(s, i) * w, row, w);
    }
}

/* One expert: its weights' gradients, and dh += what comes back to the tokens that took it. */
static void expert_back(struct tape *t, uint32_t layer, uint32_t e, const float *d, const struct expert_grads *g, float *dh)
{
    const struct layer *l = &t->m->weights.layers[layer];
    const struct tape_experts *x = &t->layers[layer].experts;
    uint32_t first = x->first[e], n = x->first[e + 1] - first;
    size_t ff = t->m->h.at[layer].feed_forward, each = ff * t->m->h.width;
    const float *gate = x->gate + first * ff, *up = x->up + first * ff;
    struct slots s = { .t = t, .x = x, .first = first, .from = t->h, .to = t->taken };
    if (n == 0) return;
    if (g->gate || g->up) tape_each(t, gather_rows, &s, n);
    s.from = d, s.to = t->given;
    tape_each(t, share_back_rows, &s, n);
    if (g->down) {
        tape_activate(t, gate, up, n, ff, t->wide);
        product_weight(t, &l->down_exps[e], t->wide, t->given, t->m->h.width, n, g->down + e * each);
    }
    product_back(t, &l->down_exps[e], NULL, t->given, t->m->h.width, n, t->dwide);
    tape_activate_back(t, gate, up, n, ff);
    if (g->gate) product_weight(t, &l->gate_exps[e], t->taken, t->dgate, ff, n, g->gate + e * each);
    if (g->up) product_weight(t, &l->up_exps[e], t->taken, t->dup, ff, n, g->up + e * each);
    product_back(t, &l->gate_exps[e], NULL, t->dgate, ff, n, t->given);
    product_back(t, &l->up_exps[e], NULL, t->dup, ff, n, t->taken);
    s.to = dh;
    tape_each(t, scatter_rows, &s, n);
}

void experts_back(struct tape *t, uint32_t layer, const float *d, const struct expert_grads *g, float *dh)
{
    memset(dh, 0, (size_t)t->n * t->m->h.width * sizeof *dh);
    for (uint32_t e = 0; e < t->m->h.experts; e++) expert_back(t, layer, e, d, g, dh);
}

static void scores_back_rows(void *arg, int thread, int64_t begin, int64_t end) /* route = d loss / d scores, 0 of those not chosen */
{
    const struct slots *s = arg;
    size_t used = s->t->m->h.experts_used, experts = s->t->m->h.experts;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        const float *share = s->x->share + (size_t)i * used, *d = s->t->dshare + (size_t)i * used;
        float *route = s->t->route + (size_t)i * experts, mean = 0;
        for (size_t k = 0; k < used; k++) mean = fmaf(share[k], d[k], mean);
        memset(route, 0, experts * sizeof *route);
        for (size_t k = 0; k < used; k++) route[s->x->chosen[(size_t)i * used + k]] = share[k] * (d[k] - mean);
    }
}

void router_back(struct tape *t, uint32_t layer, float *dw, float *out)
{
    const struct weight *w = &t->m->weights.layers[layer].router;
    struct slots s = { .t = t, .x = &t->layers[layer].experts };
    tape_each(t, scores_back_rows, &s, t->n);
    if (dw) product_weight(t, w, t->h, t->route, t->m->h.experts, t->n, dw);
    product_back(t, w, NULL, t->route, t->m->h.experts, t->n, out);
}
