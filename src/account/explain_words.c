/* explain_words.c - which words of the prompt the answer's probability rests on: integrated gradients.
 *
 * Sundararajan, Taly, Yan: "Axiomatic attribution for deep networks", 2017.  F is log p of the answer.  On the straight
 * path from a baseline B (every word of the prompt replaced by the vocabulary's mean embedding, or by zeros) to the prompt
 * X, the weight of a token is its share of the integral
 *
 *     F(X) - F(B) = integral over a in [0, 1] of  gradient of F at E(a) . (X - B) da,        E(a) = B + a (X - B)
 *
 * so the weights add up to what the words bring.  The template's tokens keep their own embedding on the whole path.
 *
 * The integrand is anything but smooth: a token first meets an RMS norm, which turns a small vector around within
 * a ~ |B| / |X - B| of the beginning (a singularity when B is zero, but for the norm's eps).  Equal steps miss it.  So
 *
 *     a = sinh(k s) / sinh(k),  k = asinh(1 / a0),  a0 = rms of B (and eps) over that of X - B
 *
 * spreads that corner over s in [0, 1], and Gauss-Legendre panels in s are halved where they are worst:
 *
 *     s: 0 ----|----|--|--|-------- 1        each panel's sum must be F(right end) - F(left end), which a forward pass tells
 *
 * so the error of each panel is known, not guessed.  It ends when the errors together are within 0.5 % of F(X) - F(B) and
 * their sizes add up to 5 % at most, or after MOST_PANELS; above 1 % the result is flagged.
 *
 * The first token of a prompt is where attention rests when it has nothing to look at; at zero the whole model would be at
 * its singularity, layer after layer.  So where it is the person's own (a template or bos is held fixed), it begins as the
 * end-of-text token, which is what stands between texts. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "account/explain.h"
#include "infer/sampler.h"
#include "train/backward.h"

enum { POINTS = 5, FIRST_PANELS = 4, MOST_PANELS = 48, BATCH_TOKENS = 512, ROWS = 16, LOCAL = 5 };
static const double tolerance = 0.01;

/* Gauss-Legendre over [-1, 1]: points and weights. */
static const double point[POINTS] = { -0.906179845938664, -0.538469310105683, 0, 0.538469310105683, 0.906179845938664 };
static const double weight[POINTS] = { 0.236926885056189, 0.478628670499366, 0.568888888888889, 0.478628670499366, 0.236926885056189 };

struct panel { double s0, s1, f0, f1, sum, *part; /* [n_prompt] */ };

struct path {
    const struct explain_request *r;
    struct hearth_model *m;
    struct tape *tape;
    const unsigned char *fixed;
    uint32_t n, batch;               /* tokens of a sequence; sequences computed together */
    size_t width, first, count;      /* the answer's tokens that count */
    float *x, *base;                 /* [n][width] */
    float *many, *grad;              /* [batch][n][width] */
    float *rows, *logits;            /* [ROWS][width], [ROWS][vocabulary] */
    int32_t *target;                 /* [batch][n] */
    float *on;                       /* [batch][n]: -1 where a token of the answer is to come, so that the loss is +log p */
    double k;
    struct panel *panel;
    size_t panels, cap;
};

/* ---- the path ---- */

static double at(const struct path *p, double s) { return p->k > 0 ? sinh(p->k * s) / sinh(p->k) : s; }
static double slope(const struct path *p, double s) { return p->k > 0 ? p->k * cosh(p->k * s) / sinh(p->k) : 1; }

static void place(const struct path *p, double a, float *out)
{
    size_t n = p->n * p->width;
    for (size_t i = 0; i < n; i++) out[i] = (float)((double)p->base[i] + a * ((double)p->x[i] - (double)p->base[i]));
}

/* log p of the tokens that count, of the tape's first sequence. */
static enum hearth_status value(struct path *p, double *out)
{
    const struct hearth_model *m = p->m;
    const float *last = tape_residual(p->tape, m->h.layers);
    *out = 0;
    for (size_t i = 0; i < p->count; i += ROWS) {
        size_t k = p->count - i < ROWS ? p->count - i : ROWS, from = p->r->n_prompt + p->first + i;
        for (size_t j = 0; j < k; j++)
            if (m->kernels->rms_norm(last + (from + j - 1) * p->width, m->weights.output_norm, m->h.norm_eps, p->rows + j * p->width, p->width))
                return fail(HEARTH_ENUMERIC, "%s: a value is not finite on the path of the gradients", m->file->path);
        TRY(tape_multiply(p->tape, &m->weights.output, p->rows, (uint32_t)k, p->logits));
        for (size_t j = 0; j < k; j++) {
            float lp;
            logits_logprobs(p->logits + j * m->h.vocabulary, (int32_t)m->h.vocabulary, p->r->answer[p->first + i + j], 0, &lp, NULL);
            *out += (double)lp;
        }
    }
    return HEARTH_OK;
}

static enum hearth_status value_at(struct path *p, double s, double *out)
{
    place(p, at(p, s), p->many);
    TRY(explain_cancelled(p->r));
    TRY(tape_forward(p->tape, NULL, p->many, p->n));
    return value(p, out);
}

/* ---- one panel ---- */

static void add_point(const struct path *p, struct panel *q, const float *grad, double w)
{
    for (size_t t = 0; t < p->r->n_prompt; t++) {
        double sum = 0;
        const float *g = grad + t * p->width, *x = p->x + t * p->width, *b = p->base + t * p->width;
        if (p->fixed[t]) continue;
        for (size_t i = 0; i < p->width; i++) sum += (double)g[i] * ((double)x[i] - (double)b[i]);
        q->part[t] += w * sum;
        q->sum += w * sum;
    }
}

static enum hearth_status integrate(struct path *p, struct panel *q)
{
    double half = (q->s1 - q->s0) / 2, middle = (q->s1 + q->s0) / 2;
    uint32_t lengths[POINTS];
    q->sum = 0;
    memset(q->part, 0, p->r->n_prompt * sizeof *q->part);
    for (uint32_t i = 0; i < POINTS; i += p->batch) {
        uint32_t k = POINTS - i < p->batch ? POINTS - i : p->batch;
        struct loss_spec spec = { .target = p->target, .weight = p->on };
        for (uint32_t j = 0; j < k; j++) {
            place(p, at(p, middle + half * point[i + j]), p->many + (size_t)j * p->n * p->width);
            lengths[j] = p->n;
        }
        TRY(explain_cancelled(p->r));
        TRY(tape_forward_many(p->tape, NULL, p->many, lengths, k));
        TRY(backward_run(p->tape, &spec, NULL, NULL, p->grad));
        for (uint32_t j = 0; j < k; j++)
            add_point(p, q, p->grad + (size_t)j * p->n * p->width, weight[i + j] * half * slope(p, middle + half * point[i + j]));
    }
    return HEARTH_OK;
}

static double error_of(const struct panel *q) { return fabs(q->sum - (q->f1 - q->f0)); }

static enum hearth_status add_panel(struct path *p, double s0, double s1, double f0, double f1)
{
    TRY(mem_grow(&p->panel, &p->cap, p->panels + 1, sizeof *p->panel));
    struct panel *q = &p->panel[p->panels];
    *q = (struct panel){ s0, s1, f0, f1, 0, mem_array(p->r->n_prompt, sizeof(double)) };
    if (!q->part) return HEARTH_ENOMEM;
    p->panels++;
    return integrate(p, q);
}

/* Halves the worst panel. */
static enum hearth_status halve_worst(struct path *p)
{
    size_t worst = 0;
    double f;
    for (size_t i = 1; i < p->panels; i++)
        if (error_of(&p->panel[i]) > error_of(&p->panel[worst])) worst = i;
    double s0 = p->panel[worst].s0, s1 = p->panel[worst].s1, middle = (s0 + s1) / 2;
    TRY(value_at(p, middle, &f));
    TRY(add_panel(p, middle, s1, f, p->panel[worst].f1));
    struct panel *q = &p->panel[worst];                    /* add_panel may have moved it */
    q->s1 = middle, q->f1 = f;
    return integrate(p, q);
}

/* What is missed on the whole, and the sum of the sizes of all errors. */
static double missed(const struct path *p)
{
    double sum = 0;
    for (size_t i = 0; i < p->panels; i++) sum += p->panel[i].sum - (p->panel[i].f1 - p->panel[i].f0);
    return fabs(sum);
}

static double errors(const struct path *p)
{
    double sum = 0;
    for (size_t i = 0; i < p->panels; i++) sum += error_of(&p->panel[i]);
    return sum;
}

static enum hearth_status walk(struct path *p, struct explain_words *out)
{
    double f0, f1, whole, goal;
    TRY(value_at(p, 1, &out->at_prompt));
    TRY(value_at(p, 0, &out->at_baseline));
    whole = out->at_prompt - out->at_baseline, goal = tolerance * fabs(whole);
    f0 = out->at_baseline;
    for (int i = 0; i < FIRST_PANELS; i++, f0 = f1) {
        double s1 = (double)(i + 1) / FIRST_PANELS;
        if (p->r->on_step) p->r->on_step(p->r->user, "words", (size_t)i, FIRST_PANELS);
        if (i + 1 == FIRST_PANELS) f1 = out->at_prompt;
        else TRY(value_at(p, s1, &f1));
        TRY(add_panel(p, (double)i / FIRST_PANELS, s1, f0, f1));
    }
    out->gradients = POINTS * p->panels;
    while ((errors(p) > LOCAL * goal || missed(p) > goal / 2) && p->panels < MOST_PANELS) {
        if (p->r->on_step) p->r->on_step(p->r->user, "words", p->panels, MOST_PANELS);
        TRY(halve_worst(p));
        out->gradients += 2 * POINTS;
    }
    double sum = 0;
    for (size_t i = 0; i < p->panels; i++) {
        sum += p->panel[i].sum;
        for (size_t t = 0; t < out->n; t++) out->weight[t] += p->panel[i].part[t];
    }
    out->panels = p->panels;
    out->residual = fabs(sum - whole) / fabs(whole);
    out->flagged = !(out->residual <= tolerance);          /* also when there is no difference to share out */
    return HEARTH_OK;
}

/* ---- its beginning and its end ---- */

static void mean_embedding(const struct hearth_model *m, float *row, double *mean)
{
    for (uint64_t v = 0; v < m->weights.embedding.rows; v++) {
        tape_weight_row(&m->weights.embedding, v, row);
        for (size_t i = 0; i < m->h.width; i++) mean[i] += (double)row[i];
    }
    for (size_t i = 0; i < m->h.width; i++) mean[i] *= (double)m->h.embedding_scale / (double)m->weights.embedding.rows;
}

/* Of the end-of-text token. */
static void end_embedding(const struct hearth_model *m, float *out)
{
    int32_t id = tokenizer_eos(m->tokenizer);
    tape_weight_row(&m->weights.embedding, (uint64_t)(id < 0 ? 0 : id), out);
    for (size_t i = 0; i < m->h.width; i++) out[i] *= m->h.embedding_scale;
}

static double mean_square(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sum / (double)n;
}

static enum hearth_status set_ends(struct path *p)
{
    size_t w = p->width, varied = 0;
    double *mean = mem_array(w, sizeof *mean), a0 = 0;
    if (!mean) return HEARTH_ENOMEM;
    memcpy(p->x, tape_embeddings(p->tape), p->n * w * sizeof *p->x);
    memcpy(p->base, p->x, p->n * w * sizeof *p->x);
    if (p->r->baseline == EXPLAIN_BASELINE_MEAN) mean_embedding(p->m, p->rows, mean);
    for (size_t t = 0; t < p->r->n_prompt; t++) {
        if (p->fixed[t]) continue;
        float *base = p->base + t * w;
        for (size_t i = 0; i < w; i++) base[i] = (float)mean[i];
        if (t == 0) end_embedding(p->m, base);
        for (size_t i = 0; i < w; i++) p->rows[i] = p->x[t * w + i] - base[i];
        a0 += sqrt((mean_square(base, w) + (double)p->m->h.norm_eps) / fmax(mean_square(p->rows, w), 1e-30));
        varied++;
    }
    free(mean);
    if (varied == 0) return fail(HEARTH_EUSAGE, "the prompt holds nothing but the template: there are no words to explain from");
    a0 /= (double)varied;
    p->k = a0 < 1 ? asinh(1 / fmax(a0, 1e-5)) : 0;
    return HEARTH_OK;
}

static enum hearth_status path_open(struct path *p)
{
    const struct explain_request *r = p->r;
    size_t n = r->n_prompt + r->n_answer - 1, w = p->width, vocabulary = p->m->h.vocabulary;
    p->n = (uint32_t)n;
    p->batch = n * POINTS <= BATCH_TOKENS ? POINTS : n < BATCH_TOKENS ? (uint32_t)(BATCH_TOKENS / n) : 1;
    p->x = mem_array(2 * n * w, sizeof *p->x);
    p->many = mem_array(2 * n * p->batch * w, sizeof *p->many);
    p->rows = mem_array(ROWS * (w + vocabulary), sizeof *p->rows);
    p->target = mem_array(2 * n * p->batch, sizeof *p->target);
    if (!p->x || !p->many || !p->rows || !p->target) return HEARTH_ENOMEM;
    p->base = p->x + n * w, p->grad = p->many + n * p->batch * w, p->logits = p->rows + ROWS * w;
    p->on = (float *)(p->target + n * p->batch);
    memcpy(p->target, r->prompt, r->n_prompt * sizeof *p->target);
    memcpy(p->target + r->n_prompt, r->answer, (r->n_answer - 1) * sizeof *p->target);
    TRY(tape_open(p->m, p->n * p->batch, &p->tape));
    TRY(tape_forward(p->tape, p->target, NULL, p->n));     /* the ids, before the targets take their place */
    TRY(set_ends(p));
    for (uint32_t b = 0; b < p->batch; b++)
        for (size_t i = 0; i < n; i++) {
            size_t next = i + 1 - (i + 1 < r->n_prompt ? i + 1 : r->n_prompt);
            int counts = i + 1 >= r->n_prompt + p->first && i + 1 < r->n_prompt + p->first + p->count;
            p->target[b * n + i] = counts ? r->answer[next] : 0;
            p->on[b * n + i] = counts ? -1 : 0;
        }
    return HEARTH_OK;
}

static void path_close(struct path *p)
{
    for (size_t i = 0; i < p->panels; i++) free(p->panel[i].part);
    free(p->panel);
    free(p->x);
    free(p->many);
    free(p->rows);
    free(p->target);
    tape_close(p->tape);
}

enum hearth_status explain_words(const struct explain_request *r, struct hearth_model *exact, struct explain_words *out)
{
    struct path p = { .r = r, .m = exact, .width = exact->h.width };
    enum hearth_status st;
    p.count = explain_target(r, &p.first);
    out->n = r->n_prompt;
    out->weight = mem_array(out->n, sizeof *out->weight);
    out->fixed = mem_array(out->n, 1);
    if (!out->weight || !out->fixed) return HEARTH_ENOMEM;
    TRY(explain_fixed(r, out->fixed));
    p.fixed = out->fixed;
    st = path_open(&p);
    if (st == HEARTH_OK) st = walk(&p, out);
    path_close(&p);
    return st;
}
