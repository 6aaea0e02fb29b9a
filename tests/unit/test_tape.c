/* test_tape.c - the tape: its logits are a session's, bit for bit; its parts add up; sequences do not see each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <unistd.h>

#include "train/tape.h"
#include "model_maker.h"

#include <cmocka.h>

enum { TOKENS = 300 };               /* more than one chunk of attention */

static void good(enum hearth_status st)
{
    if (st != HEARTH_OK) print_message("# %s: %s\n", hearth_status_name(st), hearth_errmsg());
    assert_int_equal(st, HEARTH_OK);
}

static char file[] = "/tmp/hearth-tape-XXXXXX";
static int32_t ids[TOKENS];

static struct hearth_model *open_made(const char *words, int threads)
{
    char copy[256];
    struct model_spec spec = { 0 };
    struct hearth_model *m;
    snprintf(copy, sizeof copy, "%s", words);
    good(model_spec_words(&spec, copy));
    good(model_make(file, &spec));
    good(hearth_model_open(file, &(struct hearth_model_params){ threads, HEARTH_FLOAT, 0 }, &m));
    for (int32_t i = 0; i < TOKENS; i++) ids[i] = (i * i * 31 + i * 17 + 7) % (int32_t)m->h.vocabulary;
    return m;
}

static void logits_are_the_session_s(void **state)
{
    struct hearth_model *m = open_made(*state, 2);
    struct hearth_session *s;
    struct tape *t;
    size_t vocabulary = m->h.vocabulary;
    float *all = malloc(TOKENS * vocabulary * sizeof *all), *one = malloc(vocabulary * sizeof *one);
    good(hearth_session_open(m, &(struct hearth_session_params){ .ctx = TOKENS }, &s));
    good(hearth_session_eval_all(s, ids, TOKENS, all));
    good(tape_open(m, TOKENS, &t));
    good(tape_forward(t, ids, NULL, TOKENS));
    assert_int_equal(tape_tokens(t), TOKENS);
    for (uint32_t i = 0; i < TOKENS; i++) {
        good(tape_logits(t, i, one));
        if (memcmp(one, all + i * vocabulary, vocabulary * sizeof *one) != 0) fail_msg("token %u differs", i);
    }
    tape_close(t);
    hearth_session_close(s);
    hearth_model_close(m);
    free(all), free(one);
}

static void parts_add_up(void **state)
{
    struct hearth_model *m = open_made(*state, 1);
    struct tape *t;
    size_t width = m->h.width, n = 100;
    good(tape_open(m, TOKENS, &t));
    good(tape_forward(t, ids, NULL, (uint32_t)n));
    assert_true(tape_embeddings(t) == tape_residual(t, 0));
    for (uint32_t l = 0; l < m->h.layers; l++) {
        const struct layer *w = &m->weights.layers[l];
        const float *x = tape_residual(t, l), *a = tape_attention_out(t, l), *f = tape_ffn_out(t, l);
        for (size_t i = 0; i < n * width; i++) {
            assert_true(tape_middle(t, l)[i] == x[i] + a[i]);
            assert_true(tape_residual(t, l + 1)[i] == tape_middle(t, l)[i] + f[i]);
        }
        assert_int_equal(tape_rms(t, l, TAPE_ATTN_POST_NORM) != NULL, w->attn_post_norm != NULL);
        assert_int_equal(tape_rms(t, l, TAPE_FFN_POST_NORM) != NULL, w->ffn_post_norm != NULL);
        /* what attention adds, from the heads; and back again through the transposed matrix */
        float *out = malloc(n * width * sizeof *out);
        good(tape_multiply(t, &w->attn_out, tape_heads(t, l), (uint32_t)n, out));
        for (size_t i = 0; i < n * width; i++) {
            float r = w->attn_post_norm ? tape_rms(t, l, TAPE_ATTN_POST_NORM)[i / width] : 1;
            float part = w->attn_post_norm ? out[i] * r * w->attn_post_norm[i % width] : out[i];
            assert_true(part == a[i]);
        }
        free(out);
    }
    const float *last = tape_residual(t, m->h.layers);
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t k = 0; k < width; k++) sum += (double)last[i * width + k] * (double)last[i * width + k];
        double r = 1 / sqrt(sum / (double)width + (double)m->h.norm_eps);
        assert_true(fabs((double)tape_rms(t, 0, TAPE_OUTPUT_NORM)[i] - r) <= 1e-6 * r);
    }
    tape_close(t);
    hearth_model_close(m);
}

/* W^T y against sums in double. */
static void back_products_are_right(void **state)
{
    struct hearth_model *m = open_made(*state, 2);
    const struct weight *list[] = { &m->weights.layers[0].k, &m->weights.layers[1].down, &m->weights.output };
    struct tape *t;
    enum { N = 13 };
    good(tape_open(m, N, &t));
    for (size_t w = 0; w < sizeof list / sizeof *list; w++) {
        size_t rows = (size_t)list[w]->rows, cols = (size_t)list[w]->cols;
        float *y = malloc(N * rows * sizeof *y), *got = malloc(N * cols * sizeof *got), *row = malloc(cols * sizeof *row);
        double *want = calloc(N * cols, sizeof *want), *size = calloc(N * cols, sizeof *size);
        for (size_t i = 0; i < N * rows; i++) y[i] = (float)((i * 2654435761u >> 7) % 2001) / 1000 - 1;
        for (size_t r = 0; r < rows; r++) {
            tape_weight_row(list[w], r, row);
            for (size_t i = 0; i < N * cols; i++) {
                double term = (double)row[i % cols] * (double)y[i / cols * rows + r];
                want[i] += term, size[i] += fabs(term);
            }
        }
        good(tape_multiply_back(t, list[w], y, N, got));
        for (size_t i = 0; i < N * cols; i++) assert_true(fabs(want[i] - (double)got[i]) <= 1e-6 * size[i]);
        free(y), free(got), free(row), free(want), free(size);
    }
    tape_close(t);
    hearth_model_close(m);
}

static void sequences_are_apart(void **state)
{
    struct hearth_model *m = open_made(*state, 3);
    static const uint32_t lengths[] = { 70, 1, 64, 130 };
    struct tape *together, *alone;
    size_t vocabulary = m->h.vocabulary;
    float *a = malloc(vocabulary * sizeof *a), *b = malloc(vocabulary * sizeof *b);
    good(tape_open(m, TOKENS, &together));
    good(tape_open(m, 130, &alone));
    good(tape_forward_many(together, ids, NULL, lengths, 4));
    assert_int_equal(tape_tokens(together), 265);
    for (uint32_t s = 0, first = 0; s < 4; first += lengths[s++]) {
        good(tape_forward(alone, ids + first, NULL, lengths[s]));
        for (uint32_t i = 0; i < lengths[s]; i++) {
            good(tape_logits(together, first + i, a));
            good(tape_logits(alone, i, b));
            assert_memory_equal(a, b, vocabulary * sizeof *a);
        }
    }
    /* given embeddings: the same as the ids' own */
    size_t bytes = 130 * m->h.width * sizeof(float);
    float *x = malloc(bytes);
    memcpy(x, tape_embeddings(alone), bytes);
    good(tape_forward(together, NULL, x, 130));
    good(tape_logits(together, 129, a));
    assert_memory_equal(a, b, vocabulary * sizeof *a);
    x[7] = INFINITY;
    assert_int_equal(tape_forward(together, NULL, x, 130), HEARTH_ENUMERIC);
    assert_int_equal(tape_tokens(together), 0);
    free(x), free(a), free(b);
    tape_close(together), tape_close(alone);
    hearth_model_close(m);
}

static void misuse_is_refused(void **state)
{
    (void)state;
    struct hearth_model *m = open_made("layers=1", 1);
    struct tape *t;
    int32_t wrong[] = { 1, 512 };
    float row[512];
    assert_int_equal(tape_open(m, 0, &t), HEARTH_EUSAGE);
    good(tape_open(m, 4, &t));
    assert_true(tape_bytes(m, 4) > 4 * (m->h.width + m->h.feed_forward) * 4);
    assert_int_equal(tape_forward(t, ids, NULL, 5), HEARTH_EUSAGE);
    assert_int_equal(tape_forward(t, ids, NULL, 0), HEARTH_EUSAGE);
    assert_int_equal(tape_forward(t, NULL, NULL, 1), HEARTH_EUSAGE);
    assert_int_equal(tape_forward(t, wrong, NULL, 2), HEARTH_EUSAGE);
    assert_non_null(strstr(hearth_errmsg(), "token 1 is id 512, should be 0 to 511"));
    assert_int_equal(tape_logits(t, 0, row), HEARTH_EUSAGE);
    tape_close(t);
    hearth_model_close(m);
    good(hearth_model_open(file, NULL, &m));
    assert_int_equal(tape_open(m, 4, &t), HEARTH_EUSAGE);
    hearth_model_close(m);
}

#define LLAMA "width=128 heads=8 kv_heads=2"
#define LLAMA3 "width=96 heads=4 kv_heads=4 ffn=200 tied=1 rope_factors=1 rope_base=500000"
#define WIDE "width=128 heads=4 kv_heads=1 head_width=64 type=Q8_0,F16,BF16"
#define QUANT "width=256 type=Q4_K,Q4_1,Q6_K,IQ4_XS"
#define GEMMA "family=gemma3 layers=7 width=96 heads=3 kv_heads=1 head_width=40 window=48"
#define SMOLLM3 "family=smollm3 layers=4 width=64 heads=4 kv_heads=2 ffn=64 bias=1"
#define PHI "family=phi3 width=96 heads=6 kv_heads=2 ffn=64 window=50 rope_width=12 rope_original=128 rope_magnitude=1.25"
#define GEMMA2 "family=gemma2 width=64 heads=4 kv_heads=2 ffn=64 window=50 attention_softcap=2 logit_softcap=3"
#define GRANITE "family=granite width=64 heads=4 kv_heads=2 ffn=64 embedding_scale=3 residual_scale=0.5 logit_scale=2 bias=1"
#define OPENELM "family=openelm layers=3 width=64 heads=6 kv_heads=3 head_width=16 ffn=64 uneven=1 tied=1"
#define MIXTURE "family=granitemoe width=64 heads=4 kv_heads=2 ffn=32"
#define SHARED "family=granitemoe width=64 heads=4 kv_heads=2 ffn=32 experts=6 experts_used=3 shared_ffn=96 residual_scale=0.5"
#define OVER(what, name, spec) { name ": " spec, what, NULL, NULL, spec }
#define OVER_ALL(what, name) OVER(what, name, LLAMA), OVER(what, name, LLAMA3), OVER(what, name, WIDE), OVER(what, name, QUANT), \
    OVER(what, name, GEMMA)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OVER_ALL(logits_are_the_session_s, "logits"), OVER_ALL(parts_add_up, "parts"),
        OVER_ALL(back_products_are_right, "products"), OVER_ALL(sequences_are_apart, "sequences"),
        OVER(logits_are_the_session_s, "logits", SMOLLM3), OVER(logits_are_the_session_s, "logits", PHI),
        OVER(logits_are_the_session_s, "logits", GEMMA2), OVER(logits_are_the_session_s, "logits", GRANITE),
        OVER(logits_are_the_session_s, "logits", OPENELM),
        OVER(logits_are_the_session_s, "logits", MIXTURE), OVER(parts_add_up, "parts", MIXTURE),
        OVER(logits_are_the_session_s, "logits", SHARED), cmocka_unit_test(misuse_is_refused),
    };
    int fd = mkstemp(file);
    if (fd < 0) return 1;
    close(fd);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(file);
    return failed;
}
