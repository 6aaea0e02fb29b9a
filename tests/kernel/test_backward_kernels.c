/* test_backward_kernels.c - the kernels of gradients: every instruction set's equal the scalar ones bit for bit, at every
 * length and on values of every size; and the scalar ones are what ARITHMETIC.md section 9 says, written out here. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "kernel/kernels.h"

#include <cmocka.h>

enum { MOST = 300 };
static uint32_t counter;

static uint32_t bits32(void)
{
    uint32_t in[4] = { counter++, 1, 0, 0 }, out[4];
    philox4x32(11, in, out);
    return out[0];
}

/* Ordinary mostly; else zeros, subnormal, small or large. */
static float wild(void)
{
    float u = (float)(bits32() >> 8) * 0x1p-23f - 1;
    switch (bits32() % 12) {
    case 0: return 0.0f;
    case 1: return -0.0f;
    case 2: return u * 0x1p-130f;
    case 3: return u * 0x1p-60f;
    case 4: return u * 1e5f;
    default: return u * 4;
    }
}

static void fill(float *x, size_t n) { for (size_t i = 0; i < n; i++) x[i] = wild(); }

static void same(const char *what, const struct kernels *k, size_t n, const float *want, const float *got, size_t count)
{
    if (memcmp(want, got, count * sizeof *want) != 0) fail_msg("%s, %s, length %zu", what, k->name, n);
}

static void rows_are_equal(void **state)
{
    static float x[MOST], y[MOST], w[MOST], a[2][MOST + 8], b[2][MOST + 8], c[2][MOST + 8];
    (void)state;
    for (size_t n = 1; n < MOST; n += n < 70 ? 1 : 23)
        for (size_t i = 1; kernels_at(i); i++) {
            const struct kernels *k[2] = { &kernels_scalar, kernels_at(i) };
            float one[2][2];
            fill(x, n), fill(y, n), fill(w, n);
            for (int j = 0; j < 2; j++) {
                one[j][0] = k[j]->dot(x, y, n), one[j][1] = k[j]->rms_inverse(x, 1e-5f, n);
                memset(a[j], 0x55, sizeof a[j]), memset(b[j], 0x55, sizeof b[j]), memset(c[j], 0x55, sizeof c[j]);
                k[j]->rms_norm_back(x, one[0][1], w, y, a[j], n);
                memcpy(b[j], w, n * sizeof *w);
                k[j]->rms_weight_back(x, 0.7f, y, b[j], n);
                memcpy(c[j], x, n * sizeof *x);
                k[j]->softmax(c[j], 4e5f, 3.0f, n);
            }
            same("dot, rms_inverse", k[1], n, one[0], one[1], 2);
            same("rms_norm_back", k[1], n, a[0], a[1], MOST + 8);      /* and nothing past the end */
            same("rms_weight_back", k[1], n, b[0], b[1], MOST + 8);
            same("softmax", k[1], n, c[0], c[1], MOST + 8);
            for (int j = 0; j < 2; j++) {
                memcpy(a[j], x, n * sizeof *x), memcpy(b[j], y, n * sizeof *y), memcpy(c[j], w, n * sizeof *w);
                k[j]->silu_mul_back(x, b[j], c[j], b[j], c[j], n);
                k[j]->softmax_back(y, 0.3f, 0.125f, a[j], n);
            }
            same("silu_mul_back gate", k[1], n, b[0], b[1], MOST + 8);
            same("silu_mul_back up", k[1], n, c[0], c[1], MOST + 8);
            same("softmax_back", k[1], n, a[0], a[1], MOST + 8);
            for (int j = 0; j < 2; j++) {
                memcpy(b[j], y, n * sizeof *y), memcpy(c[j], w, n * sizeof *w);
                k[j]->gelu_mul_back(x, b[j], c[j], b[j], c[j], n);
            }
            same("gelu_mul_back gate", k[1], n, b[0], b[1], MOST + 8);
            same("gelu_mul_back up", k[1], n, c[0], c[1], MOST + 8);
        }
}

/* rms_inverse is the factor rms_norm uses; a norm's output divided by nothing but its weight shows it. */
static void rms_is_the_norm_s(void **state)
{
    static float x[MOST], w[MOST], out[MOST];
    (void)state;
    for (size_t n = 1; n < MOST; n += 7) {
        fill(x, n), fill(w, n);
        float r = kernels_scalar.rms_inverse(x, 1e-6f, n);
        kernels_scalar.rms_norm(x, w, 1e-6f, out, n);
        for (size_t i = 0; i < n; i++) assert_true(out[i] == x[i] * r * w[i]);
    }
}

/* One chain an output, from what was there. */
static void accumulate_is_a_chain(void **state)
{
    static float a[300 * 300], b[300 * 40], want[40 * 48], got[40 * 48], panel[MULTIPLY_SCRATCH];
    static const struct { int rows, n, cols; } shapes[] = { { 1, 1, 1 }, { 7, 300, 37 }, { 13, 64, 40 }, { 40, 257, 24 }, { 6, 5, 32 } };
    (void)state;
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int way = 0; way < 2; way++) {
            int rows = shapes[s].rows, n = shapes[s].n, cols = shapes[s].cols;
            size_t row_step = way ? 1 : 300, k_step = way ? 300 : 1;
            fill(a, 300 * 300), fill(b, 300 * 40), fill(want, 40 * 48);
            for (size_t i = 0; kernels_at(i); i++) {
                memcpy(got, want, sizeof got);
                kernels_at(i)->accumulate(a, row_step, k_step, rows, b, 40, n, cols, got, 48, panel);
                for (int r = 0; r < 40; r++)
                    for (int c = 0; c < 48; c++) {
                        float chain = want[r * 48 + c];
                        for (int k = 0; r < rows && c < cols && k < n; k++)
                            chain = fmaf(a[(size_t)r * row_step + (size_t)k * k_step], b[k * 40 + c], chain);
                        if (memcmp(&chain, &got[r * 48 + c], sizeof chain) != 0)
                            fail_msg("%s: %d x %d x %d: row %d, column %d", kernels_at(i)->name, rows, n, cols, r, c);
                    }
            }
        }
}

/* Likewise with a matrix packed in panels, as it lies and turned, in pieces of its rows; what lies past the outputs stays. */
static void packed_product_is_a_chain(void **state)
{
    enum { ROWS = 315, COLS = 512, N = 16, PANELS = (ROWS + 32) * COLS };
    static const enum tensor_type types[] = { T_F32, T_F16, T_BF16, T_Q4_0, T_Q4_1, T_Q5_0, T_Q8_0, T_IQ4_NL, T_Q4_K, T_Q6_K };
    static const struct { int down, n; uint32_t row, rows, cols; } shapes[] = {
        { 0, N, 0, ROWS, COLS }, { 0, 7, 3, 100, 256 }, { 1, N, 0, ROWS, COLS }, { 1, 5, 8, 41, 512 }, { 0, 13, 0, 5, 512 }, { 1, 1, 0, 1, 256 } };
    static float a[N * COLS], start[N * COLS], want[N * COLS], got[N * COLS], again[N * COLS], line[COLS], panels[PANELS], scratch[MULTIPLY_SCRATCH];
    (void)state;
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        const struct type_info *info = type_info(types[t]);
        size_t row_bytes = COLS / info->block * info->bytes;
        uint8_t *data = malloc(ROWS * row_bytes);
        for (size_t i = 0; i < ROWS * row_bytes; i++) data[i] = (uint8_t)(bits32() & 0x3b);   /* no exponent so large as to be infinite */
        struct dense w = { types[t], ROWS, COLS, row_bytes, data };
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
            uint32_t row = shapes[s].row, rows = shapes[s].rows, cols = shapes[s].cols, n = (uint32_t)shapes[s].n;
            int down = shapes[s].down, length = (int)(down ? cols : rows), outputs = (int)(down ? rows : cols);
            fill(a, N * COLS), fill(start, N * COLS);
            memcpy(want, start, sizeof want);
            for (uint32_t r = row; r < row + rows; r++) {
                dequantize_row(types[t], data + (size_t)r * row_bytes, line, COLS);
                for (uint32_t i = 0; i < n; i++)
                    for (uint32_t c = 0; c < cols; c++) {
                        float *o = &want[i * COLS + (down ? r - row : c)];
                        *o = fmaf(a[i * COLS + (down ? c : r - row)], line[c], *o);
                    }
            }
            for (size_t i = 0; kernels_at(i); i++) {
                const struct kernels *k = kernels_at(i);
                size_t wide = 2 * (size_t)k->lanes, step = (size_t)length * wide;
                memset(panels, 0x55, sizeof panels), memcpy(got, start, sizeof got), memcpy(again, start, sizeof again);
                if (down) for (uint32_t r = 0; r < rows; r += (uint32_t)wide)
                    k->pack_down(&w, row + r, (int)(rows - r < wide ? rows - r : wide), 0, (int)cols, panels + r / wide * step, step);
                else for (uint32_t r = 0; r < rows; r += 50)
                    k->pack_across(&w, row + r, (int)(rows - r < 50 ? rows - r : 50), 0, (int)cols, panels + r * wide, step);
                k->multiply(a, COLS, 1, (int)n, panels, step, length, outputs, 0, got, COLS, scratch);
                same(info->name, k, s, want, got, N * COLS);
                for (uint32_t i = 0; i < n; i++) memset(again + i * COLS, 0, sizeof(float) * (size_t)outputs);
                k->multiply(a, COLS, 1, (int)n, panels, step, length, outputs, 0, again, COLS, scratch);
                k->multiply(a, COLS, 1, (int)n, panels, step, length, outputs, 1, got, COLS, scratch);
                same("fresh", k, s, again, got, N * COLS);
            }
        }
        free(data);
    }
}

/* The other way round, as a weight's gradient takes it: rows of the result lie side by side in what is given. */
static void turned_product_is_a_chain(void **state)
{
    enum { N = 299, ROWS = 101, COLS = 150 };
    static float a[N * ROWS], b[N * COLS], start[ROWS * COLS], want[ROWS * COLS], got[ROWS * COLS], panels[N * (COLS + 32)], scratch[MULTIPLY_SCRATCH];
    struct dense w = { T_F32, N, COLS, COLS * sizeof(float), (const uint8_t *)b };
    (void)state;
    fill(a, N * ROWS), fill(b, N * COLS), fill(start, ROWS * COLS);
    memcpy(want, start, sizeof want);
    for (int k = 0; k < N; k++)
        for (int i = 0; i < ROWS * COLS; i++) want[i] = fmaf(a[k * ROWS + i / COLS], b[k * COLS + i % COLS], want[i]);
    for (size_t i = 0; kernels_at(i); i++) {
        const struct kernels *k = kernels_at(i);
        size_t step = (size_t)N * 2 * (size_t)k->lanes;
        memcpy(got, start, sizeof got);
        k->pack_across(&w, 0, N, 0, COLS, panels, step);
        k->multiply(a, 1, ROWS, ROWS, panels, step, N, COLS, 0, got, COLS, scratch);
        same("turned", k, N, want, got, ROWS * COLS);
        memcpy(got, start, sizeof got);
        k->accumulate(a, 1, ROWS, ROWS, b, COLS, N, COLS, got, COLS, scratch);
        same("as it lies", k, N, want, got, ROWS * COLS);
    }
}

/* Derivatives of the activations against differences in double. */
static void slopes_are_right(void **state)
{
    (void)state;
    for (float x = -12; x <= 12; x += 0.037f) {
        double h = 1e-5, p = (double)x + h, q = (double)x - h, c = sqrt(2 / acos(-1));
        double silu = (p / (1 + exp(-p)) - q / (1 + exp(-q))) / (2 * h);
        double gelu = (p / 2 * (1 + tanh(c * (p + 0.044715 * p * p * p))) - q / 2 * (1 + tanh(c * (q + 0.044715 * q * q * q)))) / (2 * h);
        float one = 1, gate = x, up = 1;
        kernels_scalar.silu_mul_back(&one, &gate, &up, &gate, &up, 1);
        assert_true(fabs((double)gate - silu) <= 2e-6);
        gate = x, up = 1;
        kernels_scalar.gelu_mul_back(&one, &gate, &up, &gate, &up, 1);
        assert_true(fabs((double)gate - gelu) <= 2e-6);
    }
    /* far out both are 0 or 1, not NaN */
    float far[4] = { 1e4f, -1e4f, 88.8f, -110 }, d[4] = { 1, 1, 1, 1 }, gate[4], up[4] = { 1, 1, 1, 1 };
    memcpy(gate, far, sizeof gate);
    kernels_scalar.silu_mul_back(d, gate, up, gate, up, 4);
    for (int i = 0; i < 4; i++) assert_true(fabsf(gate[i] - (far[i] > 0)) < 1e-6f);
    memcpy(gate, far, sizeof gate), memcpy(up, d, sizeof up);
    kernels_scalar.gelu_mul_back(d, gate, up, gate, up, 4);
    for (int i = 0; i < 4; i++) assert_true(fabsf(gate[i] - (far[i] > 0)) < 1e-6f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_equal), cmocka_unit_test(rms_is_the_norm_s), cmocka_unit_test(accumulate_is_a_chain),
        cmocka_unit_test(packed_product_is_a_chain), cmocka_unit_test(turned_product_is_a_chain),
        cmocka_unit_test(slopes_are_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
