/* test_backward.c - gradients against central differences of the loss of a walk in double, written out here; and the
 * same bits on any number of threads, with any instruction set, however the examples are cut into calls. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model_maker.h"
#include "train/backward.h"

#include <cmocka.h>

static char file[] = "/tmp/hearth-backward-XXXXXX";

static void good(enum hearth_status st)
{
    if (st != HEARTH_OK) print_message("# %s: %s\n", hearth_status_name(st), hearth_errmsg());
    assert_int_equal(st, HEARTH_OK);
}

static void make(const char *words)
{
    char copy[256];
    struct model_spec spec = { 0 };
    snprintf(copy, sizeof copy, "%s", words);
    good(model_spec_words(&spec, copy));
    good(model_make(file, &spec));
}

static struct hearth_model *open_file(int threads)
{
    struct hearth_model *m;
    good(hearth_model_open(file, &(struct hearth_model_params){ threads, HEARTH_FLOAT, 0 }, &m));
    return m;
}

/* What is learned: token i should be followed by target i. */
enum { MOST = 512 };
static int32_t ids[MOST], target[MOST];
static float weight[MOST];
static const struct loss_spec entropy = { .target = target, .weight = weight };

static void make_examples(uint32_t vocabulary)
{
    for (uint32_t i = 0; i < MOST; i++) {
        ids[i] = (int32_t)((i * i * 31 + i * 17 + 7) % vocabulary);
        target[i] = (int32_t)((i * i * 13 + i * 29 + 3) % vocabulary);
        weight[i] = i % 4 == 1 ? 0 : (float)(i % 7) / 4 - 0.5f;
    }
}

/* ---- the walk in double ---- */

enum { SPECS = 32, LAYERS = 8, WIDE = 160, LENGTH = 24 };
struct twin { const struct hearth_model *m; double *w[SPECS][LAYERS]; };

static void twin_fill(struct twin *d, const struct hearth_model *m)
{
    memset(d, 0, sizeof *d);
    d->m = m;
    assert_true(m->arch->n_tensors <= SPECS && m->h.layers <= LAYERS);
    for (size_t i = 0; i < m->arch->n_tensors; i++) {
        const struct tensor_spec *s = &m->arch->tensors[i];
        for (uint32_t l = 0; l < (s->where == IN_LAYER ? m->h.layers : 1); l++) {
            const char *base = s->where == IN_LAYER ? (const char *)&m->weights.layers[l] : (const char *)&m->weights;
            size_t cols = (size_t)hparams_dim(&m->h, s->inputs, l), rows = (size_t)hparams_dim(&m->h, s->outputs, l);
            const float *vector;
            float row[1024];
            memcpy(&vector, base + s->offset, sizeof vector);
            const struct weight *w = (const struct weight *)(const void *)(base + s->offset);
            if (s->what == EXPERTS) memcpy(&w, base + s->offset, sizeof w);
            if (s->what == VECTOR ? !vector : !w || w->kind == WEIGHT_NONE || w->tensor != gguf_find_tensor(m->file, w->tensor->name)) continue;
            if (s->offset == offsetof(struct weights, output) && s->where == IN_MODEL && w->tensor == m->weights.embedding.tensor) continue;
            size_t all = rows * (s->what == EXPERTS ? m->h.experts : 1);
            double *to = d->w[i][l] = malloc(all * cols * sizeof *to);
            for (size_t r = 0; r < all; r++) {
                assert_true(cols <= sizeof row / sizeof *row);
                if (s->what != VECTOR) tape_weight_row(&w[r / rows], r % rows, row);
                for (size_t c = 0; c < cols; c++) to[r * cols + c] = s->what == VECTOR ? (double)vector[c] : (double)row[c];
            }
        }
    }
}

static const double *twin_at(const struct twin *d, int layer, size_t offset)
{
    for (size_t i = 0; i < d->m->arch->n_tensors; i++) {
        const struct tensor_spec *s = &d->m->arch->tensors[i];
        if ((s->where == IN_LAYER) == (layer >= 0) && s->offset == offset) return d->w[i][layer < 0 ? 0 : layer];
    }
    return NULL;
}
#define PART(field) twin_at(d, layer, offsetof(struct layer, field))
#define WHOLE(field) twin_at(d, -1, offsetof(struct weights, field))

static void multiply(const double *w, const double *bias, size_t rows, size_t cols, const double *x, double *out)
{
    for (size_t r = 0; r < rows; r++) {
        out[r] = bias ? bias[r] : 0;
        for (size_t c = 0; c < cols; c++) out[r] += w[r * cols + c] * x[c];
    }
}

static void norm(const double *x, const double *w, double eps, size_t n, double *out)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] * x[i];
    for (size_t i = 0; i < n; i++) out[i] = x[i] / sqrt(sum / (double)n + eps) * w[i];
}

static void turn(const struct hearth_model *m, double *x, size_t position, const struct layer_shape *shape)
{
    size_t half = m->h.rope_width / 2;
    const float *frequency = LENGTH > m->h.rope_original ? m->rope_frequency_long : m->rope_frequency;
    double magnitude = (double)m->h.rope_magnitude;
    if (shape->local && m->rope_frequency_local != m->rope_frequency) frequency = m->rope_frequency_local;
    for (size_t i = 0; shape->turns && i < half; i++) {
        float angle = (float)position * frequency[i];
        size_t p = m->arch->rope == ROPE_PAIRS ? 2 * i : i, q = m->arch->rope == ROPE_PAIRS ? 2 * i + 1 : i + half;
        double a = x[p], b = x[q], c = cos((double)angle) * magnitude, s = sin((double)angle) * magnitude;
        x[p] = a * c - b * s, x[q] = a * s + b * c;
    }
}

static void twin_attention(const struct twin *d, int layer, double (*h)[WIDE], double (*out)[WIDE])
{
    const struct hparams *p = &d->m->h;
    const struct layer_shape *shape = &p->at[layer];
    size_t hw = p->head_width, heads = shape->heads, kv_heads = shape->kv_heads, group = heads / kv_heads;
    double cap = (double)p->attention_softcap;
    static double q[LENGTH][WIDE], k[LENGTH][WIDE], v[LENGTH][WIDE];
    for (size_t t = 0; t < LENGTH; t++) {
        multiply(PART(q), PART(q.bias), heads * hw, p->width, h[t], q[t]);
        multiply(PART(k), PART(k.bias), kv_heads * hw, p->width, h[t], k[t]);
        multiply(PART(v), PART(v.bias), kv_heads * hw, p->width, h[t], v[t]);
        for (size_t i = 0; i < heads; i++) {
            if (PART(q_norm)) norm(q[t] + i * hw, PART(q_norm), (double)p->norm_eps, hw, q[t] + i * hw);
            turn(d->m, q[t] + i * hw, t, shape);
        }
        for (size_t i = 0; i < kv_heads; i++) {
            if (PART(k_norm)) norm(k[t] + i * hw, PART(k_norm), (double)p->norm_eps, hw, k[t] + i * hw);
            turn(d->m, k[t] + i * hw, t, shape);
        }
    }
    for (size_t t = 0; t < LENGTH; t++)
        for (size_t i = 0; i < heads; i++) {
            double e[LENGTH], sum = 0;
            size_t from = shape->local && t + 1 > p->window ? t + 1 - p->window : 0, kv = i / group * hw;
            for (size_t s = from; s <= t; s++) {
                double score = 0;
                for (size_t c = 0; c < hw; c++) score += q[t][i * hw + c] * k[s][kv + c];
                score *= (double)p->attention_scale;
                if (cap > 0) score = cap * tanh(score / cap);
                sum += e[s] = exp(score);
            }
            for (size_t c = 0; c < hw; c++) {
                out[t][i * hw + c] = 0;
                for (size_t s = from; s <= t; s++) out[t][i * hw + c] += e[s] / sum * v[s][kv + c];
            }
        }
}

static double activate(const struct hearth_model *m, double x)
{
    if (m->arch->activation == ACT_SILU) return x / (1 + exp(-x));
    return x / 2 * (1 + tanh(sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x)));
}

/* y += share * down(act(gate h) * up h) */
static void twin_part(const struct twin *d, const double *gate, const double *up, const double *down, size_t ff, double share, const double *h,
                      double *y)
{
    size_t width = d->m->h.width;
    double g[WIDE], u[WIDE], out[WIDE];
    multiply(gate, NULL, ff, width, h, g);
    multiply(up, NULL, ff, width, h, u);
    for (size_t i = 0; i < ff; i++) g[i] = activate(d->m, g[i]) * u[i];
    multiply(down, NULL, width, ff, g, out);
    for (size_t i = 0; i < width; i++) y[i] += share * out[i];
}

static void twin_mixture(const struct twin *d, int layer, const double *h, double *y)
{
    const struct hparams *p = &d->m->h;
    size_t each = (size_t)p->at[layer].feed_forward * p->width;
    double score[WIDE], sum = 0;
    int taken[WIDE] = { 0 };
    memset(y, 0, p->width * sizeof *y);
    multiply(PART(router), NULL, p->experts, p->width, h, score);
    for (uint32_t k = 0; k < p->experts_used; k++) {
        size_t best = p->experts;
        for (size_t e = 0; e < p->experts; e++)
            if (!taken[e] && (best == p->experts || score[e] > score[best])) best = e;
        taken[best] = 1, sum += exp(score[best]);
    }
    for (size_t e = 0; e < p->experts; e++)
        if (taken[e])
            twin_part(d, PART(gate_exps) + e * each, PART(up_exps) + e * each, PART(down_exps) + e * each, p->at[layer].feed_forward,
                      exp(score[e]) / sum, h, y);
    if (PART(gate)) twin_part(d, PART(gate), PART(up), PART(down), p->shared_feed_forward, 1, h, y);
}

static void twin_layer(const struct twin *d, int layer, double (*x)[WIDE])
{
    const struct hparams *p = &d->m->h;
    static double h[LENGTH][WIDE], o[LENGTH][WIDE];
    size_t ff = p->at[layer].feed_forward;
    double g[WIDE], u[WIDE], y[WIDE], scale = (double)p->residual_scale;
    for (size_t t = 0; t < LENGTH; t++) norm(x[t], PART(attn_norm), (double)p->norm_eps, p->width, h[t]);
    twin_attention(d, layer, h, o);
    for (size_t t = 0; t < LENGTH; t++) {
        multiply(PART(attn_out), PART(attn_out.bias), p->width, p->at[layer].heads * p->head_width, o[t], y);
        if (PART(attn_post_norm)) norm(y, PART(attn_post_norm), (double)p->norm_eps, p->width, y);
        for (size_t i = 0; i < p->width; i++) x[t][i] += y[i] * scale;
        norm(x[t], PART(ffn_norm), (double)p->norm_eps, p->width, h[t]);
        if (PART(router)) twin_mixture(d, layer, h[t], y);
        else {
            multiply(PART(gate), PART(gate.bias), ff, p->width, h[t], g);
            multiply(PART(up), PART(up.bias), ff, p->width, h[t], u);
            for (size_t i = 0; i < ff; i++) g[i] = activate(d->m, g[i]) * u[i];
            multiply(PART(down), PART(down.bias), p->width, ff, g, y);
        }
        if (PART(ffn_post_norm)) norm(y, PART(ffn_post_norm), (double)p->norm_eps, p->width, y);
        for (size_t i = 0; i < p->width; i++) x[t][i] += y[i] * scale;
    }
}

/* The loss; nudge: added to element `at` of what enters layer 0. */
static double twin_loss(const struct twin *d, size_t at, double nudge)
{
    const struct hparams *p = &d->m->h;
    const double *embedding = WHOLE(embedding), *output = WHOLE(output) ? WHOLE(output) : embedding;
    static double x[LENGTH][WIDE];
    double loss = 0, h[WIDE], logit[1024];
    assert_true(p->vocabulary <= 1024 && p->feed_forward <= WIDE && p->heads * p->head_width <= WIDE);
    for (size_t t = 0; t < LENGTH; t++)
        for (size_t i = 0; i < p->width; i++) x[t][i] = embedding[(size_t)ids[t] * p->width + i] * (double)p->embedding_scale;
    x[at / p->width][at % p->width] += nudge;
    for (int layer = 0; layer < (int)p->layers; layer++) twin_layer(d, layer, x);
    for (size_t t = 0; t < LENGTH; t++) {
        double sum = 0, cap = (double)p->logit_softcap;
        norm(x[t], WHOLE(output_norm), (double)p->norm_eps, p->width, h);
        multiply(output, NULL, p->vocabulary, p->width, h, logit);
        for (size_t i = 0; i < p->vocabulary; i++) {
            logit[i] *= (double)p->logit_scale;
            if (cap > 0) logit[i] = cap * tanh(logit[i] / cap);
            sum += exp(logit[i]);
        }
        loss += (double)weight[t] * (log(sum) - logit[target[t]]);
    }
    return loss;
}

static double root_mean_square(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sqrt(sum / (double)n);
}

/* Within 2e-4 of the tensor's typical gradient: float's noise is about 1e-6 of it, that of the difference below that. */
static void is_near(const char *name, size_t i, double difference, double got, double typical)
{
    if (!(fabs(difference - got) <= 2e-4 * (fabs(got) + typical)))
        fail_msg("%s, element %zu: %.9g by differences, %.9g by the backward pass (typical: %.3g)", name, i, difference, got, typical);
}

static void differences_agree(void **state)
{
    const double step = 1e-4;
    make(*state);
    struct hearth_model *m = open_file(2);
    struct tape *t;
    struct grads *g;
    struct twin d;
    double loss;
    size_t tested = 0;
    make_examples(m->h.vocabulary);
    twin_fill(&d, m);
    float *dx = malloc(LENGTH * m->h.width * sizeof *dx);
    good(tape_open(m, LENGTH, &t));
    good(grads_open(m, NULL, NULL, &g));
    good(tape_forward(t, ids, NULL, LENGTH));
    good(backward_run(t, &entropy, &loss, g, dx));
    good(grads_finish(g));
    assert_true(fabs(loss - twin_loss(&d, 0, 0)) <= 1e-5);
    for (size_t i = 0; i < m->arch->n_tensors * m->h.layers; i++) {
        double *w = d.w[i / m->h.layers][i % m->h.layers];
        const float *got = g->place[i];
        if (!got) continue;
        const struct tensor_spec *s = &m->arch->tensors[i / m->h.layers];
        uint32_t l = s->where == IN_LAYER ? (uint32_t)(i % m->h.layers) : 0;
        size_t n = (size_t)(hparams_dim(&m->h, s->inputs, l) * hparams_dim(&m->h, s->outputs, l)) * (s->what == EXPERTS ? m->h.experts : 1);
        for (int k = 0; k < 4; k++, tested++) {
            /* of the embedding: a row that is read */
            size_t at = (size_t)(k * 2654435761u + i * 40503u) % n;
            if (s->outputs == DIM_VOCABULARY) at = (size_t)ids[k * 5] * m->h.width + at % m->h.width;
            double was = w[at], up;
            w[at] = was + step, up = twin_loss(&d, 0, 0);
            w[at] = was - step, up -= twin_loss(&d, 0, 0);
            w[at] = was;
            is_near(s->name, at, up / (2 * step), (double)got[at], root_mean_square(got, n));
        }
    }
    assert_true(tested >= 4 * g->n && g->n >= 8 * m->h.layers);    /* more: a tensor of several matrices has several places */
    for (size_t i = 0; i < 24; i++) {
        size_t n = LENGTH * m->h.width, at = i * 7919 % n;
        double by = (twin_loss(&d, at, step) - twin_loss(&d, at, -step)) / (2 * step);
        is_near("embeddings", at, by, (double)dx[at], root_mean_square(dx, n));
    }
    for (size_t i = 0; i < SPECS * LAYERS; i++) free(d.w[i / LAYERS][i % LAYERS]);
    free(dx);
    grads_close(g), tape_close(t), hearth_model_close(m);
}

/* ---- the same bits ---- */

static uint32_t lengths[] = { 70, 1, 100, 33 };
enum { SEQUENCES = 4, ALL = 404 };               /* there is room for */

/* Gradients of all sequences, `each` of them a call; embeddings [ALL][width]. */
static struct grads *run(struct hearth_model *m, uint32_t each, float *embeddings)
{
    struct tape *t;
    struct grads *g;
    good(tape_open(m, ALL, &t));
    good(grads_open(m, NULL, NULL, &g));
    for (uint32_t s = 0, at = 0; s < SEQUENCES; s += each) {
        uint32_t count = SEQUENCES - s < each ? SEQUENCES - s : each;
        struct loss_spec loss = { .target = target + at, .weight = weight + at };
        good(tape_forward_many(t, ids + at, NULL, lengths + s, count));
        good(backward_run(t, &loss, NULL, g, embeddings + at * m->h.width));
        at += tape_tokens(t);
    }
    good(grads_finish(g));
    tape_close(t);
    return g;
}

static void bits_are_the_same(void **state)
{
    static const struct { int threads; uint32_t each; } ways[] = { { 1, 4 }, { 1, 1 }, { 2, 4 }, { 3, 3 }, { 7, 2 } };
    make(*state);
    struct hearth_model *m = open_file(1);
    size_t bytes = ALL * m->h.width * sizeof(float);
    float *first = calloc(1, bytes), *other = calloc(1, bytes);
    make_examples(m->h.vocabulary);
    lengths[2] = m->h.layers == 1 ? 300 : 100;                     /* more than one chunk of attention, where it is cheap */
    m->kernels = kernels_at(0);
    struct grads *want = run(m, 4, first);
    for (size_t isa = 0; kernels_at(isa); isa++)
        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
            if (isa == 0 && i != 3) continue;                      /* the scalar kernels are slow */
            struct hearth_model *n = open_file(ways[i].threads);
            n->kernels = kernels_at(isa);
            struct grads *got = run(n, ways[i].each, other);
            if (memcmp(first, other, bytes) != 0)
                fail_msg("%s, %d threads, calls of %u: embeddings differ", n->kernels->name, ways[i].threads, ways[i].each);
            assert_int_equal(got->n, want->n);
            for (size_t k = 0; k < want->n; k++)
                if (memcmp(want->list[k].data, got->list[k].data, (size_t)want->list[k].elements * sizeof(float)) != 0)
                    fail_msg("%s, %d threads, calls of %u: %s differs", n->kernels->name, ways[i].threads, ways[i].each, want->list[k].name);
            grads_close(got), hearth_model_close(n);
        }
    assert_true(root_mean_square(want->list[0].data, (size_t)want->list[0].elements) > 0);
    grads_close(want), hearth_model_close(m);
    free(first), free(other);
}

/* ---- what else is promised ---- */

static int only_norms(void *user, const char *name)
{
    (void)user;
    return strstr(name, "norm") != NULL;
}

static void rows_and_choices(void **state)
{
    make(*state);
    struct hearth_model *m = open_file(2);
    size_t width = m->h.width, vocabulary = m->h.vocabulary, bytes = LENGTH * width * sizeof(float);
    struct tape *t;
    struct grads *some, *all;
    double loss = 0;
    float *a = malloc(bytes), *b = malloc(bytes), *row = calloc(vocabulary, sizeof *row);
    make_examples((uint32_t)vocabulary);
    good(tape_open(m, LENGTH, &t));
    good(tape_forward(t, ids, NULL, LENGTH));
    good(grads_open(m, only_norms, NULL, &some));
    good(grads_open(m, NULL, NULL, &all));
    good(backward_run(t, &entropy, &loss, all, a));
    good(backward_run(t, &entropy, NULL, some, b));                /* the tape keeps what it holds */
    assert_memory_equal(a, b, bytes);
    assert_true(some->n > 0 && some->n < all->n && isfinite(loss));
    for (size_t i = 0; i < some->n; i++)
        assert_memory_equal(some->list[i].data, grads_find(all, some->list[i].name)->data, some->list[i].elements * sizeof(float));
    grads_zero(some);
    assert_true(some->list[0].data[0] == 0);
    /* d logit[3] at token 9: later tokens have no part in it, earlier ones do */
    row[3] = 1;
    good(backward_run(t, &(struct loss_spec){ .row = (uint32_t[]){ 9 }, .dlogits = row, .rows = 1 }, &loss, NULL, a));
    assert_true(loss == 0);
    for (size_t i = 0; i < LENGTH; i++) assert_int_equal(root_mean_square(a + i * width, width) > 0, i <= 9);
    /* refused */
    uint32_t rows[] = { 4, 4 };
    assert_int_equal(backward_run(t, &(struct loss_spec){ .row = rows, .dlogits = row, .rows = 2 }, NULL, NULL, a), HEARTH_EUSAGE);
    rows[0] = LENGTH;
    assert_int_equal(backward_run(t, &(struct loss_spec){ .row = rows, .dlogits = row, .rows = 1 }, NULL, NULL, a), HEARTH_EUSAGE);
    target[3] = (int32_t)vocabulary;
    assert_int_equal(backward_run(t, &entropy, NULL, NULL, a), HEARTH_EUSAGE);
    row[3] = INFINITY, rows[0] = 9;
    assert_int_equal(backward_run(t, &(struct loss_spec){ .row = rows, .dlogits = row, .rows = 1 }, NULL, NULL, a), HEARTH_ENUMERIC);
    all->list[1].data[0] = NAN;
    assert_int_equal(grads_finish(all), HEARTH_ENUMERIC);
    free(a), free(b), free(row);
    grads_close(some), grads_close(all), tape_close(t), hearth_model_close(m);
}

#define LLAMA "width=48 heads=6 kv_heads=2 head_width=16 ffn=72 vocab=288 seed=3"
#define LLAMA3 "width=40 heads=4 kv_heads=4 head_width=24 ffn=104 vocab=300 tied=1 rope_factors=1 rope_base=500000 seed=4"
#define GEMMA "family=gemma3 layers=7 width=40 heads=2 kv_heads=1 head_width=24 ffn=56 vocab=360 window=10 seed=5"
#define LONG "width=48 heads=6 kv_heads=2 head_width=16 ffn=72 vocab=288 layers=1 seed=7"
#define PHI "family=phi3 layers=1 width=48 heads=6 kv_heads=2 ffn=72 vocab=288 rope_width=6 rope_original=16 rope_magnitude=1.25 window=9 seed=8"
#define GEMMA2 "family=gemma2 layers=2 width=40 heads=2 kv_heads=1 head_width=24 ffn=56 vocab=360 window=10 attention_softcap=2 logit_softcap=3 seed=9"
#define GRANITE "family=granite layers=1 width=48 heads=6 kv_heads=2 ffn=72 vocab=288 bias=1 embedding_scale=3 residual_scale=0.5 logit_scale=2 seed=10"
#define OPENELM "family=openelm layers=2 width=48 heads=6 kv_heads=2 head_width=8 ffn=64 vocab=288 uneven=1 tied=1 seed=11"
#define MIXTURE "family=granitemoe width=48 heads=6 kv_heads=2 ffn=40 experts=5 experts_used=2 shared_ffn=56 vocab=288 residual_scale=0.5 tied=1 seed=12"
#define GEMMA1 "family=gemma layers=1 width=40 heads=2 kv_heads=1 head_width=24 ffn=56 vocab=360 seed=13"
#define MISTRAL "layers=1 width=48 heads=6 kv_heads=2 head_width=16 ffn=72 vocab=288 window=9 tied=1 seed=14"
#define QWEN2 "family=qwen2 layers=1 width=48 heads=6 kv_heads=2 ffn=72 vocab=288 bias=1 tied=1 seed=15"
#define QWEN3 "family=qwen3 layers=1 width=48 heads=6 kv_heads=2 head_width=16 ffn=72 vocab=288 tied=1 seed=16"
#define SMOLLM3 "family=smollm3 layers=4 width=48 heads=6 kv_heads=2 ffn=72 vocab=288 tied=1 seed=17"
#define QUANT "width=256 heads=4 kv_heads=1 head_width=64 ffn=256 type=Q4_K,Q4_1,Q6_K,F16 vocab=288 seed=6"

int main(void)
{
    const struct CMUnitTest tests[] = {
        { "differences: " LLAMA, differences_agree, NULL, NULL, LLAMA },
        { "differences: " LLAMA3, differences_agree, NULL, NULL, LLAMA3 },
        { "differences: " GEMMA, differences_agree, NULL, NULL, GEMMA },
        { "differences: " PHI, differences_agree, NULL, NULL, PHI },
        { "differences: " GEMMA2, differences_agree, NULL, NULL, GEMMA2 },
        { "differences: " GRANITE, differences_agree, NULL, NULL, GRANITE },
        { "differences: " OPENELM, differences_agree, NULL, NULL, OPENELM },
        { "differences: " MIXTURE, differences_agree, NULL, NULL, MIXTURE },
        { "differences: " GEMMA1, differences_agree, NULL, NULL, GEMMA1 },
        { "differences: " MISTRAL, differences_agree, NULL, NULL, MISTRAL },
        { "differences: " QWEN2, differences_agree, NULL, NULL, QWEN2 },
        { "differences: " QWEN3, differences_agree, NULL, NULL, QWEN3 },
        { "differences: " SMOLLM3, differences_agree, NULL, NULL, SMOLLM3 },
        { "bits: " LLAMA, bits_are_the_same, NULL, NULL, LLAMA },
        { "bits: " LLAMA3, bits_are_the_same, NULL, NULL, LLAMA3 },
        { "bits: " GEMMA, bits_are_the_same, NULL, NULL, GEMMA },
        { "bits: " MIXTURE, bits_are_the_same, NULL, NULL, MIXTURE },
        { "bits: " PHI, bits_are_the_same, NULL, NULL, PHI },
        { "bits: " GEMMA2, bits_are_the_same, NULL, NULL, GEMMA2 },
        { "bits: " GRANITE, bits_are_the_same, NULL, NULL, GRANITE },
        { "bits: " OPENELM, bits_are_the_same, NULL, NULL, OPENELM },
        { "bits: " GEMMA1, bits_are_the_same, NULL, NULL, GEMMA1 },
        { "bits: " MISTRAL, bits_are_the_same, NULL, NULL, MISTRAL },
        { "bits: " QWEN2, bits_are_the_same, NULL, NULL, QWEN2 },
        { "bits: " QWEN3, bits_are_the_same, NULL, NULL, QWEN3 },
        { "bits: " SMOLLM3, bits_are_the_same, NULL, NULL, SMOLLM3 },
        { "bits: " LONG, bits_are_the_same, NULL, NULL, LONG },
        { "bits: " QUANT, bits_are_the_same, NULL, NULL, QUANT },
        { "choices: " LLAMA, rows_and_choices, NULL, NULL, LLAMA },
        { "choices: " GEMMA, rows_and_choices, NULL, NULL, GEMMA },
        { "choices: " GEMMA2, rows_and_choices, NULL, NULL, GEMMA2 },
    };
    int fd = mkstemp(file);
    if (fd < 0) return 1;
    close(fd);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(file);
    return failed;
}
