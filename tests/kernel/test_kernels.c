/* test_kernels.c - every kernel of every instruction set this machine has, bit for bit against the scalar one, on
 * random and extreme finite input; and the scalar matrix product against ARITHMETIC.md written out from dequantised
 * rows' integers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <cmocka.h>

#include "base/random.h"
#include "kernel/kernels.h"

static uint32_t counter;
static uint32_t bits32(void)
{
    uint32_t in[4] = { counter++, 0, 0, 0 }, out[4];
    philox4x32(7, in, out);
    return out[0];
}
static float uniform(void) { return (float)(bits32() >> 8) * 0x1p-24f * 2 - 1; }

/* A value of one of several kinds: ordinary, tiny, subnormal, huge, zero of either sign. */
static float wild(void)
{
    float u = uniform();
    switch (bits32() % 12) {
    case 0: return 0.0f;
    case 1: return -0.0f;
    case 2: return u * 0x1p-130f;
    case 3: return u * 0x1p-60f;
    case 4: return u * 1e6f;
    default: return u;
    }
}

static void fill_row(enum tensor_type t, uint8_t *row, size_t cols)
{
    const struct type_info *info = type_info(t);
    for (size_t b = 0; b < cols / info->block; b++, row += info->bytes) {
        for (uint32_t i = 0; i < info->bytes; i++) row[i] = (uint8_t)bits32();
        uint16_t d = f32_to_f16(uniform() * 0.1f), m = f32_to_f16(uniform() * 0.1f);
        switch (t) {
        case T_Q4_1: case T_Q5_1: case T_Q4_K: case T_Q5_K: memcpy(row, &d, 2); memcpy(row + 2, &m, 2); break;
        case T_Q2_K: memcpy(row + 80, &d, 2); memcpy(row + 82, &m, 2); break;
        case T_Q3_K: memcpy(row + 108, &d, 2); break;
        case T_Q6_K: memcpy(row + 208, &d, 2); break;
        default: memcpy(row, &d, 2);
        }
    }
}

static const enum tensor_type packed_types[] = { T_Q4_0, T_Q4_1, T_Q5_0, T_Q5_1, T_Q8_0, T_Q2_K, T_Q3_K, T_Q4_K, T_Q5_K,
                                                 T_Q6_K, T_IQ4_NL, T_IQ4_XS };
enum { TYPES = sizeof packed_types / sizeof *packed_types, ROWS = 43, COLS = 768, TOKENS = 7 };

static uint8_t *make_rows(enum tensor_type t, size_t *row_bytes)
{
    const struct type_info *info = type_info(t);
    *row_bytes = COLS / info->block * info->bytes;
    uint8_t *rows = malloc(ROWS * *row_bytes);
    for (int r = 0; r < ROWS; r++) fill_row(t, rows + (size_t)r * *row_bytes, COLS);
    return rows;
}

static void make_packed(struct packed *p, enum tensor_type t, int lanes, const uint8_t *rows, size_t row_bytes)
{
    packed_init(p, t, ROWS, COLS, lanes);
    p->data = malloc(p->groups * p->group_bytes);
    for (uint64_t g = 0; g < p->groups; g++) pack_group(p, g, rows + g * (uint64_t)lanes * row_bytes, row_bytes);
}

static void packing_gives_rows_back(void **state)
{
    (void)state;
    for (int i = 0; i < TYPES; i++)
        for (int lanes = 4; lanes <= 16; lanes *= 2) {
            size_t n;
            struct packed p;
            uint8_t *rows = make_rows(packed_types[i], &n), *back = malloc(n);
            make_packed(&p, packed_types[i], lanes, rows, n);
            for (int r = 0; r < ROWS; r++) {
                packed_row(&p, (uint64_t)r, back);
                assert_memory_equal(back, rows + (size_t)r * n, n);
            }
            free(rows), free(back), free(p.data);
        }
}

static void make_x(struct xblock *x)
{
    float v[COLS];
    for (int c = 0; c < TOKENS; c++) {
        for (int k = 0; k < COLS; k++) v[k] = c == 1 ? (k % 2 ? 1.0f : -1.0f) : wild();
        assert_int_equal(kernels_scalar.quantize(v, x + c * COLS / 32, COLS), 0);
    }
}

static void quantised_products_are_equal(void **state)
{
    (void)state;
    static struct xblock x[TOKENS * COLS / 32];
    make_x(x);
    for (int i = 0; i < TYPES; i++) {
        size_t n;
        struct packed p;
        uint8_t *rows = make_rows(packed_types[i], &n);
        static float want[TOKENS][ROWS], got[TOKENS][ROWS + 5];
        make_packed(&p, packed_types[i], kernels_scalar.lanes, rows, n);
        kernels_scalar.matmul_quant(&p, 0, p.groups, x, COLS / 32, TOKENS, want[0], ROWS);
        free(p.data);
        for (size_t k = 1; kernels_at(k); k++) {
            make_packed(&p, packed_types[i], kernels_at(k)->lanes, rows, n);
            for (int tokens = 1; tokens <= TOKENS; tokens++) {
                memset(got, 0x55, sizeof got);
                kernels_at(k)->matmul_quant(&p, 0, p.groups, x, COLS / 32, tokens, got[0], ROWS + 5);
                for (int c = 0; c < tokens; c++) {
                    if (memcmp(got[c], want[c], sizeof want[c]) != 0)
                        fail_msg("%s %s: token %d differs", kernels_at(k)->name, type_info(packed_types[i])->name, c);
                    assert_memory_equal(&got[c][ROWS], "UUUU", 4);   /* nothing past the rows */
                }
            }
            free(p.data);
        }
        free(rows);
    }
}

/* w = d q (+ m): against the dequantised row in double, the product must agree to rounding. */
static void quantised_products_are_right(void **state)
{
    (void)state;
    static struct xblock x[TOKENS * COLS / 32];
    make_x(x);
    for (int i = 0; i < TYPES; i++) {
        size_t n;
        struct packed p;
        uint8_t *rows = make_rows(packed_types[i], &n);
        float got[TOKENS][ROWS], w[COLS];
        make_packed(&p, packed_types[i], kernels_scalar.lanes, rows, n);
        kernels_scalar.matmul_quant(&p, 0, p.groups, x, COLS / 32, TOKENS, got[0], ROWS);
        for (int r = 0; r < ROWS; r++) {
            dequantize_row(packed_types[i], rows + (size_t)r * n, w, COLS);
            for (int c = 0; c < TOKENS; c++) {
                double sum = 0, size = 0;
                for (int k = 0; k < COLS; k++) {
                    const struct xblock *b = &x[c * COLS / 32 + k / 32];
                    double term = (double)w[k] * b->d * b->q[k % 32];
                    sum += term, size += fabs(term);
                }
                if (fabs(got[c][r] - sum) > 1e-5 * size + 1e-30)
                    fail_msg("%s row %d token %d: %g, should be %g", type_info(packed_types[i])->name, r, c,
                             (double)got[c][r], sum);
            }
        }
        free(rows), free(p.data);
    }
}

static void float_products_are_equal(void **state)
{
    (void)state;
    enum { MAXROWS = 583 };        /* 583: streams of 15 panels and of 3, and a rest */
    static float scratch[2 * PANEL_ROWS * PANEL_COLS], x[TOKENS][COLS], want[TOKENS][MAXROWS], got[TOKENS][MAXROWS];
    static const enum tensor_type types[] = { T_F32, T_F16, T_BF16, T_Q4_K, T_Q8_0 };
    for (int c = 0; c < TOKENS; c++)
        for (int k = 0; k < COLS; k++) x[c][k] = wild();
    for (int i = 0; i < 5; i++)
        for (int cols = 256; cols <= COLS; cols += i < 3 ? 509 : 256)
            for (int rows = 1; rows <= MAXROWS; rows += rows < 75 ? 37 : MAXROWS - 75) {
                const struct type_info *info = type_info(types[i]);
                size_t n = (size_t)cols / info->block * info->bytes;
                if (cols % (int)info->block) continue;
                uint8_t *data = malloc(n * (size_t)rows);
                for (int r = 0; r < rows; r++) {
                    uint8_t *row = data + (size_t)r * n;
                    if (info->block > 1) fill_row(types[i], row, (size_t)cols);
                    else for (int k = 0; k < cols; k++) {
                        float f = wild();
                        uint16_t h = types[i] == T_F16 ? f32_to_f16(f * 1e-2f) : f32_to_bf16(f);
                        memcpy(row + (size_t)k * info->bytes, types[i] == T_F32 ? (void *)&f : (void *)&h, info->bytes);
                    }
                }
                struct dense w = { types[i], (uint64_t)rows, (uint64_t)cols, n, data };
                /* the definition, written out */
                float *wr = malloc(sizeof(float) * (size_t)cols);
                for (int r = 0; r < rows; r++) {
                    dequantize_row(types[i], data + (size_t)r * n, wr, (size_t)cols);
                    for (int c = 0; c < TOKENS; c++) {
                        float a = 0;
                        for (int k = 0; k < cols; k++) a = fmaf(wr[k], x[c][k], a);
                        want[c][r] = a;
                    }
                }
                for (size_t k = 0; kernels_at(k); k++)
                    for (int tokens = 1; tokens <= TOKENS; tokens += 3) {
                        kernels_at(k)->matmul_float(&w, 0, (uint64_t)rows, x[0], COLS, tokens, got[0], MAXROWS, scratch);
                        for (int c = 0; c < tokens; c++)
                            if (memcmp(got[c], want[c], sizeof(float) * (size_t)rows) != 0)
                                fail_msg("%s %s %dx%d: token %d of %d differs", kernels_at(k)->name, info->name, rows, cols,
                                         c, tokens);
                    }
                free(wr), free(data);
            }
}

#define EACH_ISA(k) for (const struct kernels *k, **once_ = NULL; !once_; once_ = (void *)1) \
    for (size_t i_ = 1; (k = kernels_at(i_)) != NULL; i_++)

static void rows_are_equal(void **state)
{
    (void)state;
    const struct kernels *s = &kernels_scalar;
    enum { N = 600 };
    for (int round = 0; round < 200; round++) {
        float a[N], b[N], want[N], got[N], c[N], d[N];
        size_t n = round < 40 ? (size_t)round + 1 : N - (size_t)(bits32() % 40);
        for (int k = 0; k < N; k++) {
            a[k] = wild() * (round % 3 ? 1 : 30), b[k] = wild();
            c[k] = uniform(), d[k] = uniform();
        }
        EACH_ISA(k) {
            assert_int_equal(s->rms_norm(a, b, 1e-5f, want, n), k->rms_norm(a, b, 1e-5f, got, n));
            assert_memory_equal(want, got, n * 4);
            s->silu_mul(a, b, want, n), k->silu_mul(a, b, got, n);
            assert_memory_equal(want, got, n * 4);
            s->gelu_mul(a, b, want, n), k->gelu_mul(a, b, got, n);
            assert_memory_equal(want, got, n * 4);
            s->gelu(a, want, n), k->gelu(a, got, n);
            assert_memory_equal(want, got, n * 4);
            s->gelu_erf(a, want, n), k->gelu_erf(a, got, n);
            assert_memory_equal(want, got, n * 4);
            assert_int_equal(s->layer_norm(a, c, d, 1e-5f, want, n), k->layer_norm(a, c, d, 1e-5f, got, n));
            assert_memory_equal(want, got, n * 4);
            memcpy(want, a, sizeof a), memcpy(got, a, sizeof a);
            s->add(want, b, n), k->add(got, b, n);
            s->scale(want, 0.3f, n), k->scale(got, 0.3f, n);
            s->softcap(want, 30, n), k->softcap(got, 30, n);
            s->rope_pairs(want, c, d, 256), k->rope_pairs(got, c, d, 256);
            s->rope_halves(want, c, d, 256), k->rope_halves(got, c, d, 256);
            assert_memory_equal(want, got, sizeof want);
            float m = s->max(a, n), sum = s->sum_exp(a, m, n), other = k->sum_exp(a, m, n);
            assert_true(m == k->max(a, n));
            assert_memory_equal(&sum, &other, 4);
            struct xblock xw[N / 32], xg[N / 32];
            memset(xw, 0, sizeof xw), memset(xg, 0, sizeof xg);
            assert_int_equal(s->quantize(a, xw, n / 32 * 32), k->quantize(a, xg, n / 32 * 32));
            assert_memory_equal(xw, xg, sizeof xw);
        }
    }
}

static void non_finite_values_are_found(void **state)
{
    (void)state;
    static const float bad[] = { INFINITY, -INFINITY, NAN };
    for (size_t i = 0; kernels_at(i); i++)
        for (int at = 0; at < 64; at += 7)
            for (int b = 0; b < 3; b++) {
                float x[64], w[64], out[64];
                struct xblock q[2];
                for (int k = 0; k < 64; k++) x[k] = uniform(), w[k] = 1;
                assert_int_equal(kernels_at(i)->quantize(x, q, 64), 0);
                assert_int_equal(kernels_at(i)->rms_norm(x, w, 1e-5f, out, 64), 0);
                x[at] = bad[b];
                assert_int_not_equal(kernels_at(i)->quantize(x, q, 64), 0);
                for (size_t n = 1; n <= 64; n++) assert_int_equal(kernels_at(i)->finite(x, n), n <= (size_t)at);
                assert_int_not_equal(kernels_at(i)->rms_norm(x, w, 1e-5f, out, 64), 0);
            }
}

static void set_pages(struct attend *a, int chunk, int pages, uint8_t **keys, uint8_t **values)
{
    for (int i = 0; i < 4; i++) {
        int p = chunk * 4 + i;
        a->keys[i] = p < pages ? keys[p] : NULL, a->values[i] = p < pages ? values[p] : NULL;
    }
}

/* Attention over pages: every instruction set, every KV type, ranges that begin and end anywhere; F32 against double. */
static void attention_is_equal(void **state)
{
    (void)state;
    enum { POSITIONS = 300, MAXW = 128, PAGES = (POSITIONS + 63) / 64 };
    for (int width = 32; width <= MAXW; width += 48)
        for (int kv = 0; kv < 3; kv++) {
            if (kv == HEARTH_KV_Q8_0 && width % 32) continue;
            size_t bytes = kv_page_bytes(kv, width);
            uint8_t *pk[PAGES], *pv[PAGES], *first_k[PAGES], *first_v[PAGES];
            float *k = malloc(sizeof(float) * POSITIONS * MAXW), *v = malloc(sizeof(float) * POSITIONS * MAXW);
            for (int i = 0; i < POSITIONS * width; i++) k[i] = uniform(), v[i] = uniform();
            float q[11][MAXW], *scratch = malloc(sizeof(float) * attend_scratch(MAXW));
            for (int j = 0; j < 11; j++) for (int i = 0; i < width; i++) q[j][i] = uniform() * 3;
            static float want[11 * MAXW], got[11 * MAXW], acc[MAXW];
            for (size_t isa = 0; kernels_at(isa); isa++) {
                const struct kernels *kn = kernels_at(isa);
                for (int p = 0; p < PAGES; p++) pk[p] = calloc(1, bytes), pv[p] = calloc(1, bytes);
                for (int p = 0; p < POSITIONS; p++)
                    kn->kv_store(kv, pk[p / 64], pv[p / 64], p % 64, k + p * width, v + p * width, width);
                struct attend a = { .kv = kv, .head_width = width, .n = 11, .scale = 0.125f };
                for (int j = 0; j < 11; j++) a.q[j] = q[j], a.begin[j] = j * 23, a.end[j] = j == 3 ? 80 : 290 - j * 3;
                for (int c = 0; c < 2; c++) {
                    struct attend_state st[11], stw[11];
                    set_pages(&a, c, PAGES, pk, pv);
                    kn->attend_chunk(&a, c, got, st, scratch);
                    struct attend few = a;                   /* few queries, another path: the same bits */
                    struct attend_state stf[4];
                    few.n = 3;
                    kn->attend_chunk(&few, c, want, stf, scratch);
                    assert_memory_equal(stf, st, 3 * sizeof *st);
                    assert_memory_equal(want, got, sizeof(float) * (size_t)width * 3);
                    if (isa == 0) continue;
                    struct attend as = a;
                    set_pages(&as, c, PAGES, first_k, first_v);
                    kernels_scalar.attend_chunk(&as, c, want, stw, scratch);
                    assert_memory_equal(st, stw, sizeof st);
                    assert_memory_equal(got, want, sizeof(float) * (size_t)width * 11);
                }
                for (int p = 0; p < PAGES; p++) {
                    if (isa == 0) { first_k[p] = pk[p], first_v[p] = pv[p]; continue; }
                    assert_memory_equal(pk[p], first_k[p], bytes);
                    assert_memory_equal(pv[p], first_v[p], bytes);
                    free(pk[p]), free(pv[p]);
                }
                if (kv != HEARTH_KV_F32 || isa) continue;
                for (int j = 0; j < 11; j++) {               /* right: against double */
                    struct attend_state st[11], as = { 0, 0 };
                    for (int c = 0; c < 2; c++) {
                        set_pages(&a, c, PAGES, pk, pv);
                        kn->attend_chunk(&a, c, got, st, scratch);
                        kn->attend_merge(acc, &as, got + j * width, &st[j], width);
                    }
                    kn->attend_finish(acc, &as, width);
                    double e[POSITIONS], l = 0, m = -1e30;
                    for (int64_t p = a.begin[j]; p < a.end[j]; p++) {
                        e[p] = 0;
                        for (int i = 0; i < width; i++) e[p] += (double)q[j][i] * k[p * width + i];
                        e[p] *= 0.125;
                        m = e[p] > m ? e[p] : m;
                    }
                    for (int64_t p = a.begin[j]; p < a.end[j]; p++) l += e[p] = exp(e[p] - m);
                    for (int i = 0; i < width; i++) {
                        double o = 0;
                        for (int64_t p = a.begin[j]; p < a.end[j]; p++) o += e[p] * v[p * width + i];
                        assert_true(fabs(o / l - (double)acc[i]) < 1e-5);
                    }
                }
            }
            for (int p = 0; p < PAGES; p++) free(first_k[p]), free(first_v[p]);
            free(k), free(v), free(scratch);
        }
}

static void what_the_cache_cannot_hold_is_told(void **state)
{
    (void)state;
    static const struct { enum hearth_kv t; float fits, does_not; } row[] = {
        { HEARTH_KV_F32, 1e30f, 0 }, { HEARTH_KV_F16, 65504, 65520 }, { HEARTH_KV_Q8_0, 8e6f, 9e6f },
    };
    static uint8_t keys[32 * 64 * 4], values[32 * 64 * 4];
    for (size_t i = 0; kernels_at(i); i++)
        for (int r = 0; r < 3; r++)
            for (int at = 0; at < 64; at++) {
                float x[64] = { 0 };
                x[at] = -row[r].fits;
                assert_int_equal(kernels_at(i)->kv_store(row[r].t, keys, values, 5, x, x + 32, 32), 0);
                x[at] = -row[r].does_not;
                if (r) assert_int_not_equal(kernels_at(i)->kv_store(row[r].t, keys, values, 5, x, x + 32, 32), 0);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packing_gives_rows_back),
        cmocka_unit_test(quantised_products_are_right),
        cmocka_unit_test(quantised_products_are_equal),
        cmocka_unit_test(float_products_are_equal),
        cmocka_unit_test(rows_are_equal),
        cmocka_unit_test(non_finite_values_are_found),
        cmocka_unit_test(attention_is_equal),
        cmocka_unit_test(what_the_cache_cannot_hold_is_told),
    };
    return cmocka_run_group_tests_name("kernels", tests, NULL, NULL);
}
