/* test_quantize.c - the row quantisers: the plain types bit for bit as PyPI `gguf`, the others by their error and by a
 * hash of their own (a quantised file must be the same whatever compiler built us). */
#include "quant/quantize.h"

#include <stdarg.h>
#include <setjmp.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "draw.h"
#include "golden/types.h"

enum { N = GOLDEN_ROWS * GOLDEN_WIDTH };

static float x[N], y[N];
static uint8_t bytes[N * 4];

static size_t row_bytes(const struct type_info *t, size_t n)
{
    return n / t->block * t->bytes;
}

static void as_gguf(void **state)
{
    (void)state;
    int compared = 0;
    for (size_t i = 0; i < N; i++) x[i] = draw_weight(i);
    for (size_t i = 0; i < sizeof golden_types / sizeof *golden_types; i++) {
        const struct golden_type *g = &golden_types[i];
        const struct type_info *t = type_info(g->type);
        if (!g->quantized) continue;
        assert_int_equal(quantize_row(g->type, x, bytes, N), HEARTH_OK);
        if (fnv1a(bytes, row_bytes(t, N)) != g->quantized) fail_msg("%s: not as gguf", t->name);
        compared++;
    }
    assert_int_equal(compared, 7);
}

/* Error of weights of a normal distribution, as a share of their deviation: what was measured when the quantisers were
 * written (then between 9 % below llama.cpp's for the same numbers and equal to it); 2 % more is too much. */
static const struct { enum tensor_type type; float error; uint64_t hash; } others[] = {
    {T_Q2_K, 0.2657f, 0xf7f24e95766fd9c7u},   {T_Q3_K, 0.1401f, 0xe05894cd2f78a0d3u},
    {T_Q4_K, 0.0688f, 0x35e06bc617566e39u},   {T_Q5_K, 0.0347f, 0xeac2e9c570912834u},
    {T_Q6_K, 0.0167f, 0x8365e02d3cd0b12du},   {T_IQ4_NL, 0.0732f, 0xde86ad66cdaff4f1u},
    {T_IQ4_XS, 0.0738f, 0xecb30ab71aae8772u},
};

static void error_and_hash(void **state)
{
    (void)state;
    for (size_t i = 0; i < N; i++) x[i] = draw_normal(7, i, 0.02f);
    for (size_t k = 0; k < sizeof others / sizeof *others; k++) {
        const struct type_info *t = type_info(others[k].type);
        double sum = 0;
        assert_int_equal(quantize_row(t->id, x, bytes, N), HEARTH_OK);
        dequantize_row(t->id, bytes, y, N);
        for (size_t i = 0; i < N; i++) sum += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
        double error = sqrt(sum / N) / 0.02;
        uint64_t hash = fnv1a(bytes, row_bytes(t, N));
        if (error > 1.02 * (double)others[k].error) fail_msg("%s: error %.4f, wanted %.4f", t->name, error, (double)others[k].error);
        if (hash != others[k].hash) fail_msg("%s: hash 0x%016llx (error %.4f)", t->name, (unsigned long long)hash, error);
    }
}

/* With an importance: what it calls the error becomes smaller than plain, in every type that takes notice of it, and the bytes are the same
 * everywhere.  share: of the plain error, as measured when it was written; 2 % more is too much. */
static const struct { enum tensor_type type; double share; uint64_t hash; } weighed[] = {
    {T_Q4_0, 0.726, 0x70f51ec13e678bd5u}, {T_Q4_1, 0.592, 0xc9e2ae43f67d45d6u},
    {T_Q5_0, 0.717, 0x458ebffbbf587e2au}, {T_Q5_1, 0.586, 0x4494da6420f3ad44u},
    {T_Q2_K, 0.584, 0x4b793b943e404f52u}, {T_Q3_K, 0.740, 0x2780867631865fb9u},
    {T_Q4_K, 0.718, 0x63ac77a3842aa836u}, {T_Q5_K, 0.697, 0x949e3e38fa565a38u},
    {T_Q6_K, 0.715, 0x2a1fc0af4b9af48au}, {T_IQ4_NL, 0.777, 0x651b1935a2477860u},
    {T_IQ4_XS, 0.778, 0x7b9179a8f3644d71u},
};
static float worth[N];

/* What is lost in y, by worth; a few columns in 32 are worth a hundred times as much as others, as in real models. */
static double lost(const struct type_info *t)
{
    double sum = 0;
    dequantize_row(t->id, bytes, y, N);
    for (size_t i = 0; i < N; i++) sum += (double)worth[i] * ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
    return sum;
}

static void by_importance(void **state)
{
    (void)state;
    for (size_t i = 0; i < N; i++) {
        x[i] = draw_normal(7, i, 0.02f);
        float u = (float)(draw(9, i % 512) >> 40) / 16777216;
        worth[i] = u * u * u * u * 100;
    }
    for (size_t k = 0; k < sizeof weighed / sizeof *weighed; k++) {
        const struct type_info *t = type_info(weighed[k].type);
        assert_int_equal(quantize_row(t->id, x, bytes, N), HEARTH_OK);
        double plain = lost(t);
        assert_int_equal(quantize_row_for(t->id, x, worth, bytes, N), HEARTH_OK);
        double share = lost(t) / plain;
        uint64_t hash = fnv1a(bytes, row_bytes(t, N));
        if (share > 1.02 * weighed[k].share || hash != weighed[k].hash)
            fail_msg("%s: share %.3f, wanted %.3f; hash 0x%016llx", t->name, share, weighed[k].share, (unsigned long long)hash);
    }
    static const enum tensor_type same[] = {T_F32, T_F16, T_BF16, T_Q8_0};
    for (int k = 0; k < 4; k++) {
        static uint8_t plain[N * 4];
        assert_int_equal(quantize_row(same[k], x, plain, N), HEARTH_OK);
        assert_int_equal(quantize_row_for(same[k], x, worth, bytes, N), HEARTH_OK);
        assert_memory_equal(plain, bytes, row_bytes(type_info(same[k]), N));
    }
}

/* Rows that are easy to get wrong: all zero, all the same, one value alone, values below every scale. */
static void odd_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < 512; i++) worth[i] = i % 64 < 32 ? 0 : i % 3 ? 1e-30f : 1e30f;
    static const float values[] = {0, -0.0f, 1, -1, 0.37f, -3e-6f, 1e-30f, -1e-42f, FLT_TRUE_MIN, 4000, -4000};
    for (size_t ti = 0; type_at(ti); ti++)
        for (size_t v = 0; v < sizeof values / sizeof *values; v++)
            for (int alone = 0; alone < 2; alone++) {
                const struct type_info *t = type_at(ti);
                for (int i = 0; i < 512; i++) x[i] = !alone || i == 300 ? values[v] : 0;
                assert_int_equal(quantize_row_for(t->id, x, worth, bytes, 512), HEARTH_OK);
                dequantize_row(t->id, bytes, y, 512);
                for (int i = 0; i < 512; i++) assert_true(fabsf(y[i] - x[i]) <= fabsf(values[v]) * 1.01f);
                assert_int_equal(quantize_row(t->id, x, bytes, 512), HEARTH_OK);
                dequantize_row(t->id, bytes, y, 512);
                for (int i = 0; i < 512; i++) {
                    float off = fabsf(y[i] - x[i]), size = fabsf(values[v]);
                    if (off > size * 0.09f + 5e-6f)
                        fail_msg("%s: %g became %g (alone %d, element %d)", t->name, (double)x[i], (double)y[i], alone, i);
                }
            }
}

static void levels_that_are_exact(void **state)
{
    (void)state;
    static const enum tensor_type exact[] = {T_Q4_0, T_Q5_0, T_Q8_0, T_Q4_1, T_Q5_1, T_Q4_K, T_Q5_K, T_Q6_K, T_Q3_K, T_Q2_K};
    static const int low[] = {-8, -16, -127, 0, 0, 0, 0, -32, -4, 0}, high[] = {7, 15, 127, 15, 31, 15, 31, 31, 3, 3};
    for (size_t k = 0; k < sizeof exact / sizeof *exact; k++) {
        int levels = high[k] - low[k] + 1;
        for (int i = 0; i < 512; i++) x[i] = 0.5f * (float)(low[k] + i * 5 % 16 * levels / 16);
        for (int i = 0; i < 512; i += 16) x[i] = 0.5f * (float)low[k], x[i + 1] = 0.5f * (float)high[k];
        assert_int_equal(quantize_row(exact[k], x, bytes, 512), HEARTH_OK);
        dequantize_row(exact[k], bytes, y, 512);
        for (int i = 0; i < 512; i++)
            if (fabsf(x[i] - y[i]) > fabsf(x[i]) * 1e-3f)
                fail_msg("%s: %g became %g", type_info(exact[k])->name, (double)x[i], (double)y[i]);
    }
}

static void refused(enum tensor_type t, float v, const char *text)
{
    for (int i = 0; i < 256; i++) x[i] = 1;
    x[77] = v;
    enum hearth_status st = quantize_row(t, x, bytes, 256);
    if (st != HEARTH_ENUMERIC || !strstr(hearth_errmsg(), text))
        fail_msg("%s of %g: %s, \"%s\"", type_info(t)->name, (double)v, hearth_status_name(st), hearth_errmsg());
}

static void numbers_refused(void **state)
{
    (void)state;
    for (size_t i = 0; type_at(i); i++) {
        const struct type_info *t = type_at(i);
        refused(t->id, NAN, "a weight is nan, allowed: finite numbers");
        refused(t->id, -INFINITY, "a weight is -inf, allowed: finite numbers");
        if (t->id == T_F32) continue;
        refused(t->id, FLT_MAX, "a weight is 3.40282e+38, allowed: what the 16-bit floats of ");
        if (t->id != T_BF16) refused(t->id, -0.9e9f, "a weight is -9e+08, allowed: what the 16-bit floats of ");
    }
    refused(T_F16, 65520, "a weight is 65520, allowed: what the 16-bit floats of F16 can hold");
    x[77] = 65504;
    assert_int_equal(quantize_row(T_F16, x, bytes, 256), HEARTH_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_gguf), cmocka_unit_test(error_and_hash), cmocka_unit_test(by_importance), cmocka_unit_test(odd_rows),
        cmocka_unit_test(levels_that_are_exact), cmocka_unit_test(numbers_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
