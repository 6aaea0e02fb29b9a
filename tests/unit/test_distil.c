/* test_distil.c - a loss that follows a teacher: gradients of a row against central differences of the divergence in double, of one vocabulary
 * and of two; through a model the same as explicit rows, on any number of threads; which tokens two vocabularies share and where their texts
 * meet; preferences against differences. */
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
#include "work/alike.h"
#include "work/preference.h"

#include <cmocka.h>

static char own_file[] = "/tmp/hearth-distil-XXXXXX", other_file[] = "/tmp/hearth-distil-XXXXXX";

static void good(enum hearth_status st)
{
    if (st != HEARTH_OK) print_message("# %s: %s\n", hearth_status_name(st), hearth_errmsg());
    assert_int_equal(st, HEARTH_OK);
}

static struct hearth_model *make(const char *file, const char *words, int threads)
{
    char copy[256];
    struct model_spec spec = { 0 };
    struct hearth_model *m;
    snprintf(copy, sizeof copy, "%s", words);
    good(model_spec_words(&spec, copy));
    good(model_make(file, &spec));
    good(hearth_model_open(file, &(struct hearth_model_params){ threads, HEARTH_FLOAT, 0 }, &m));
    return m;
}

/* Something between -4 and 4 that looks like nothing. */
static float draw(uint64_t i) { return (float)((int64_t)(i * 2654435761u % 65536) - 32768) / 8192; }

static enum hearth_status teach(void *user, const uint32_t *row, uint32_t n, float *out, uint8_t *known)
{
    struct distil *d = user;
    for (uint32_t i = 0; i < n; i++) {
        known[i] = row[i] % 5 != 4;
        for (uint32_t k = 0; k < d->others; k++) out[i * d->others + k] = draw(row[i] * 977u + k * 31u + 5);
    }
    return HEARTH_OK;
}

/* ---- a row ---- */

enum { OWN = 12, OTHER = 10 };

static void softmax(const double *x, size_t n, double *p)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += exp(x[i]);
    for (size_t i = 0; i < n; i++) p[i] = exp(x[i]) / sum;
}

/* Logits as outcomes: each that is shared, and where both sides have others these together. */
static size_t outcomes(const struct distil *d, const double *x, size_t all, const int32_t *shared, const int32_t *rest, uint32_t rest_n, double *out)
{
    const struct distil_map *m = &d->map;
    double sum = 0;
    size_t n = m->own ? m->n : all;
    for (size_t i = 0; i < n; i++) out[i] = x[m->own ? (size_t)shared[i] : i] / (double)d->temperature;
    for (uint32_t i = 0; i < rest_n; i++) sum += exp(x[rest[i]] / (double)d->temperature);
    if (m->own_n && m->other_n) out[n++] = log(sum);
    return n;
}

static double loss_of(const struct distil *d, const double *x, const float *said, uint32_t target)
{
    double y[OWN], a[OWN + 1], b[OWN + 1], p[OWN + 1], q[OWN + 1], sum = 0, t = (double)d->temperature, c = (double)d->entropy;
    for (uint32_t i = 0; i < d->others; i++) y[i] = (double)said[i];
    size_t n = outcomes(d, x, d->size, d->map.own, d->map.own_rest, d->map.own_n, a);
    assert_int_equal(n, outcomes(d, y, d->others, d->map.other, d->map.other_rest, d->map.other_n, b));
    softmax(a, n, q), softmax(b, n, p);
    for (size_t i = 0; i < n; i++) sum += d->reverse ? q[i] * log(q[i] / p[i]) : p[i] * log(p[i] / q[i]);
    softmax(x, d->size, q);
    return (1 - c) * t * t * sum - c * log(q[target]);
}

struct kind { int reverse; float temperature, entropy; uint32_t own_rest, other_rest; int map; };

static void a_row(void **state)
{
    const struct kind *k = *state;
    struct distil d = { .reverse = k->reverse, .temperature = k->temperature, .entropy = k->entropy, .teach = teach, .user = &d };
    float x[OWN], weight = 0.75f;
    double at[OWN];
    int finite;
    uint32_t row = 3, others = k->map ? OTHER : OWN;
    good(distil_room(&d, OWN, others));
    if (k->map) {
        struct distil_map *m = &d.map;
        m->own = calloc(OWN, 4), m->other = calloc(OWN, 4), m->own_rest = calloc(OWN, 4), m->other_rest = calloc(OTHER, 4);
        for (int i = 0; i < OWN; i++) {
            if ((uint32_t)i < k->own_rest) m->own_rest[m->own_n++] = i;
            else if (m->n + k->other_rest < OTHER) m->own[m->n] = i, m->other[m->n] = (int32_t)((m->n * 3 + 1) % (OTHER - k->other_rest)), m->n++;
        }
        for (uint32_t i = 0; i < k->other_rest; i++) m->other_rest[m->other_n++] = (int32_t)(OTHER - 1 - i);
    }
    good(distil_ask(&d, &row, 1));
    float said[OWN];
    memcpy(said, d.said, others * sizeof *said);
    for (int i = 0; i < OWN; i++) at[i] = (double)(x[i] = draw((uint64_t)i * 7 + 2));
    double loss = distil_row(&d, kernels_get(), 0, x, 5, weight, &finite), sum = 0;
    assert_true(finite && fabs(loss - (double)weight * loss_of(&d, at, said, 5)) <= 2e-5 * fabs(loss));
    for (int i = 0; i < OWN; i++) {
        double was = at[i], up;
        at[i] = was + 1e-5, up = loss_of(&d, at, said, 5);
        at[i] = was - 1e-5, up -= loss_of(&d, at, said, 5);
        at[i] = was, sum += (double)x[i];
        double by = (double)weight * up / 2e-5;
        if (!(fabs(by - (double)x[i]) <= 1e-5 + 1e-4 * fabs(by))) fail_msg("logit %d: %.9g by differences, %.9g", i, by, (double)x[i]);
    }
    assert_true(fabs(sum) <= 1e-5);                                /* probabilities keep their sum */
    row = 4;                                                       /* one of which the teacher says nothing */
    good(distil_ask(&d, &row, 1));
    for (int i = 0; i < OWN; i++) x[i] = draw((uint64_t)i);
    loss = distil_row(&d, kernels_get(), 0, x, 5, 1, &finite);
    assert_int_equal(loss > 0, k->entropy > 0);
    x[2] = INFINITY;
    distil_row(&d, kernels_get(), 0, x, 5, 1, &finite);
    assert_false(finite);
    distil_free(&d);
}

/* ---- through a model ---- */

enum { LENGTH = 90 };
#define LLAMA "width=48 heads=6 kv_heads=2 head_width=16 ffn=72 vocab=288 seed=3"
#define GEMMA2 "family=gemma2 layers=2 width=40 heads=2 kv_heads=1 head_width=24 ffn=56 vocab=360 window=10 logit_softcap=3 seed=9"

static void through_a_model(void **state)
{
    int32_t ids[LENGTH], target[LENGTH];
    float weight[LENGTH], *first = NULL;
    uint32_t lengths[] = { 70, 20 };
    for (int threads = 1; threads <= 4; threads *= 2) {
        struct hearth_model *m = make(own_file, *state, threads);
        size_t v = m->h.vocabulary, bytes = LENGTH * m->h.width * sizeof(float);
        struct distil d = { .reverse = threads == 9, .temperature = 1.5f, .entropy = 0.25f, .teach = teach, .user = &d };
        struct loss_spec spec = { .target = target, .weight = weight, .distil = &d };
        struct tape *t;
        double loss, only;
        uint32_t row[LENGTH], rows = 0;
        float *dx = malloc(bytes), *by_rows = malloc(bytes), *dlogits = malloc(LENGTH * v * sizeof *dlogits), *logits = malloc(v * sizeof *logits);
        for (uint32_t i = 0; i < LENGTH; i++) {
            ids[i] = (int32_t)((i * i * 31 + i * 17 + 7) % v), target[i] = (int32_t)((i * 29 + 3) % v);
            weight[i] = i % 3 ? 0.01f * (float)(1 + i % 4) : 0;
        }
        good(distil_room(&d, (uint32_t)v, (uint32_t)v));
        good(tape_open(m, LENGTH, &t));
        good(tape_forward_many(t, ids, NULL, lengths, 2));
        good(backward_run(t, &spec, &loss, NULL, dx));
        good(loss_run(t, &spec, &only, NULL));
        assert_true(loss == only && isfinite(loss) && loss > 0);
        double sum = 0;
        for (uint32_t i = 0; i < LENGTH; i++) {
            int finite;
            if (weight[i] == 0) continue;
            good(distil_ask(&d, &i, 1));
            if (m->h.logit_softcap > 0) goto next;                 /* the rows given are those past the cap */
            good(tape_logits(t, i, logits));
            sum += distil_row(&d, m->kernels, 0, logits, (uint32_t)target[i], weight[i], &finite);
            memcpy(dlogits + rows * v, logits, v * sizeof *logits), row[rows++] = i;
        }
        assert_true(sum == loss);
        good(backward_run(t, &(struct loss_spec){ .row = row, .rows = rows, .dlogits = dlogits }, NULL, NULL, by_rows));
        assert_memory_equal(dx, by_rows, bytes);
    next:
        if (!first) first = dx, dx = NULL;
        else assert_memory_equal(first, dx, bytes);
        free(dx), free(by_rows), free(dlogits), free(logits);
        distil_free(&d), tape_close(t), hearth_model_close(m);
    }
    free(first);
}

/* ---- two vocabularies ---- */

static size_t tokens(const struct hearth_model *m, const char *text, int32_t **ids)
{
    size_t n;
    good(hearth_tokenize(m, text, strlen(text), HEARTH_TOK_SPECIAL, ids, &n));
    return n;
}

static void two_vocabularies(void **state)
{
    static const char text[] = "the quick brown fox, over and over";
    struct hearth_model *a = make(own_file, "layers=1 width=32 heads=2 kv_heads=1 ffn=32 vocab=400", 1),
                        *b = make(other_file, "family=qwen3 layers=1 width=32 heads=2 kv_heads=1 ffn=32 vocab=460", 1);
    struct distil_map m = { 0 };
    int32_t *x, *y, at[256], both = 0;
    (void)state;
    assert_true(alike_whole(a, a) && !alike_whole(a, b));
    good(alike_map(a, b, &m));
    assert_true(m.n > 64 && m.n + m.own_n == a->h.vocabulary && m.n + m.other_n == b->h.vocabulary);
    for (uint32_t i = 0; i < m.n; i++) {
        const char *s, *t;
        size_t p, q;
        assert_true(i == 0 || m.own[i] > m.own[i - 1]);
        tokenizer_piece(a->tokenizer, m.own[i], 0, &s, &p), tokenizer_piece(b->tokenizer, m.other[i], 0, &t, &q);
        assert_int_equal(p, q);
        assert_memory_equal(s, t, p);
    }
    distil_map_free(&m);
    good(alike_map(a, a, &m));
    assert_true(m.own_n <= 300 && m.n > 0);
    for (uint32_t i = 0; i < m.n; i++) assert_int_equal(m.own[i], m.other[i]);
    distil_map_free(&m);
    size_t n = tokens(a, text, &x), k = tokens(b, text, &y);
    assert_true(n < 256);
    struct alike_text own = { a, x, NULL, (uint32_t)n }, other = { b, y, NULL, (uint32_t)k };
    alike_places(&own, &other, at);
    for (size_t i = 0; i + 1 < n; i++) {
        const char *s, *t;
        size_t p, q;
        if (at[i] < 0) continue;
        assert_true(at[i] + 1 < (int32_t)k);
        tokenizer_piece(a->tokenizer, x[i + 1], 0, &s, &p), tokenizer_piece(b->tokenizer, y[at[i] + 1], 0, &t, &q);
        assert_int_equal(p, q);
        assert_memory_equal(s, t, p);
        both++;
    }
    assert_true(both > 0 && at[n - 1] == -1);
    uint8_t learn[256] = { 0 };                                    /* of a text with itself: every token that is learnt */
    for (size_t i = 5; i < n; i++) learn[i] = 1;
    struct alike_text some = { a, x, learn, (uint32_t)n };
    alike_places(&some, &some, at);
    for (size_t i = 0; i < n; i++) assert_int_equal(at[i], i >= 4 && i + 1 < n ? (int32_t)i : -1);
    hearth_free(x), hearth_free(y);
    hearth_model_close(a), hearth_model_close(b);
}

/* ---- preferences ---- */

static void preferences(void **state)
{
    (void)state;
    for (int i = 0; i < 12; i++) {
        double better = -0.3 - 1.7 * i, worse = -20.0 + i, step = 1e-2;
        uint32_t n = 3 + (uint32_t)i, m = 9;
        struct preference o = preference_orpo(0.5f, 0.4f, better, n, worse, m), d = preference_dpo(0.5f, 0.4f, better, worse, -3, -4);
        double up = preference_orpo(0.5f, 0.4f, better + step, n, worse, m).loss - preference_orpo(0.5f, 0.4f, better - step, n, worse, m).loss;
        assert_true(fabs(up / (2 * step) + (double)o.better) <= 1e-3 * fabs((double)o.better));   /* a weight w is the gradient -w of log p */
        up = preference_orpo(0.5f, 0.4f, better, n, worse + step, m).loss - preference_orpo(0.5f, 0.4f, better, n, worse - step, m).loss;
        assert_true(fabs(up / (2 * step) + (double)o.worse) <= 1e-3 * fabs((double)o.worse) + 1e-6);
        up = preference_dpo(0.5f, 0.4f, better + step, worse, -3, -4).loss - preference_dpo(0.5f, 0.4f, better - step, worse, -3, -4).loss;
        assert_true(fabs(up / (2 * step) + (double)d.better) <= 1e-3 * fabs((double)d.better) + 1e-5);
        assert_true(d.worse == -d.better && o.worse < 0 && o.right == (better / n > worse / m));
    }
    struct preference sure = preference_orpo(1, 0.1f, 0, 4, -2, 4);    /* an answer that is certain */
    assert_true(isfinite(sure.loss) && isfinite(sure.better) && isfinite(sure.worse));
}

int main(void)
{
    static struct kind kinds[] = { { 0, 1, 0, 0, 0, 0 }, { 1, 1, 0, 0, 0, 0 }, { 0, 2.5f, 0.3f, 0, 0, 0 }, { 1, 0.7f, 0.5f, 0, 0, 0 }, { 0, 1, 0, 4, 2, 1 },
                                   { 1, 2, 0.2f, 4, 2, 1 }, { 0, 1.5f, 0.1f, 2, 0, 1 }, { 1, 1, 0, 3, 1, 1 } };
    const struct CMUnitTest tests[] = {
        { "forward", a_row, NULL, NULL, &kinds[0] },
        { "reverse", a_row, NULL, NULL, &kinds[1] },
        { "forward, temperature, cross-entropy", a_row, NULL, NULL, &kinds[2] },
        { "reverse, temperature, cross-entropy", a_row, NULL, NULL, &kinds[3] },
        { "forward, two vocabularies", a_row, NULL, NULL, &kinds[4] },
        { "reverse, two vocabularies, temperature, cross-entropy", a_row, NULL, NULL, &kinds[5] },
        { "forward, the teacher's vocabulary is a part", a_row, NULL, NULL, &kinds[6] },
        { "reverse, two vocabularies", a_row, NULL, NULL, &kinds[7] },
        { "through a model: " LLAMA, through_a_model, NULL, NULL, LLAMA },
        { "through a model: " GEMMA2, through_a_model, NULL, NULL, GEMMA2 },
        cmocka_unit_test(two_vocabularies),
        cmocka_unit_test(preferences),
    };
    int a = mkstemp(own_file), b = mkstemp(other_file);
    if (a < 0 || b < 0) return 1;
    close(a), close(b);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(own_file), unlink(other_file);
    return failed;
}
