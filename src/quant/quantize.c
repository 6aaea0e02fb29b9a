/* quantize.c - the types whose blocks have 32 elements and one scale, and the float types; rows of every type.
 *
 * Plain, they take the scale from the extreme values and round: bit for bit what PyPI `gguf` writes.  The symmetric types
 * have one level more below zero than above (-8 .. 7), so the value of largest size, whatever its sign, is put on the
 * lowest level and the scale takes the sign.
 *
 * Where columns are worth differently, scale and minimum are fitted as those of the k-quants are (quantize_k.c).  The cost of an error is
 * then the column's worth times sqrt(mean square of the block + x^2): the first part is what the error does to the output, the second
 * keeps the few large weights, which most of the output comes from, a little more exact than the text at hand may ask for.
 */
#include "quant/quantize.h"

#include <math.h>
#include <string.h>

int quantize_put_half(uint8_t *p, float v)
{
    uint16_t h = f32_to_f16(v);
    p[0] = (uint8_t)h, p[1] = (uint8_t)(h >> 8);
    return (h & 0x7c00) != 0x7c00;
}

static int one_f32(const float *x, const float *cost, uint8_t *b)
{
    (void)cost;
    uint32_t u;
    memcpy(&u, x, 4);
    for (int i = 0; i < 4; i++) b[i] = (uint8_t)(u >> 8 * i);
    return 1;
}

static int one_f16(const float *x, const float *cost, uint8_t *b)
{
    (void)cost;
    return quantize_put_half(b, *x);
}

static int one_bf16(const float *x, const float *cost, uint8_t *b)
{
    (void)cost;
    uint16_t h = f32_to_bf16(*x);
    b[0] = (uint8_t)h, b[1] = (uint8_t)(h >> 8);
    return (h & 0x7f80) != 0x7f80;
}

static float half_of(const uint8_t *p)
{
    return f16_to_f32((uint16_t)(p[0] | p[1] << 8));
}

/* 1 / d, or 0 where that is no number: a d so small is 0 as F16, and the levels do not matter. */
static float inverse(float d)
{
    float id = 1 / d;
    return d == 0 || isinf(id) ? 0 : id;
}

/* Puts the levels q[32] as nibbles, and their fifth bits in qh (NULL: there are none). */
static void put_levels(const uint8_t *q, uint8_t *qh, uint8_t *nibbles)
{
    for (int i = 0; i < 16; i++) nibbles[i] = (uint8_t)((q[i] & 15) | q[i + 16] << 4);
    if (!qh) return;
    memset(qh, 0, 4);
    for (int i = 0; i < 32; i++) qh[i / 8] |= (uint8_t)((q[i] >> 4) << i % 8);
}

static uint8_t level(float v, int top) /* v >= 0 */
{
    int q = (int)v;
    return (uint8_t)(q > top ? top : q);
}

/* w = d * (q - half) */
static int symmetric(const float *x, int half, uint8_t *d_at, uint8_t *qh, uint8_t *nibbles)
{
    uint8_t q[32];
    float extreme = x[0];
    for (int i = 1; i < 32; i++)
        if (fabsf(x[i]) > fabsf(extreme)) extreme = x[i];
    float d = extreme / (float)-half, id = inverse(d);
    for (int i = 0; i < 32; i++) q[i] = level(x[i] * id + ((float)half + 0.5f), 2 * half - 1);
    put_levels(q, qh, nibbles);
    return quantize_put_half(d_at, d);
}

/* w = d * q + m */
static int with_minimum(const float *x, int top, uint8_t *d_at, uint8_t *qh, uint8_t *nibbles)
{
    uint8_t q[32];
    float min = x[0], max = x[0];
    for (int i = 1; i < 32; i++) {
        if (x[i] < min) min = x[i];
        if (x[i] > max) max = x[i];
    }
    float d = (max - min) / (float)top, id = inverse(d);
    for (int i = 0; i < 32; i++) q[i] = level((x[i] - min) * id + 0.5f, top);
    put_levels(q, qh, nibbles);
    return quantize_put_half(d_at, d) & quantize_put_half(d_at + 2, min);
}

/* The same two where columns are worth differently. */
static int symmetric_for(const float *x, const float *cost, int half, uint8_t *d_at, uint8_t *qh, uint8_t *nibbles)
{
    int8_t q[32];
    uint8_t u[32];
    if (!quantize_put_half(d_at, quantize_fit(x, cost, 32, -half, 1))) return 0;
    quantize_levels(x, cost, 32, half_of(d_at), 0, -half, half - 1, q);
    for (int i = 0; i < 32; i++) u[i] = (uint8_t)(q[i] + half);
    put_levels(u, qh, nibbles);
    return 1;
}

static int with_minimum_for(const float *x, const float *cost, int top, uint8_t *d_at, uint8_t *qh, uint8_t *nibbles)
{
    int8_t q[32];
    uint8_t u[32];
    float min;
    int fits = quantize_put_half(d_at, quantize_fit_min(x, cost, 32, top, 1, &min));
    if (!(fits & quantize_put_half(d_at + 2, -min))) return 0;
    quantize_levels(x, cost, 32, half_of(d_at), -half_of(d_at + 2), 0, top, q);
    for (int i = 0; i < 32; i++) u[i] = (uint8_t)q[i];
    put_levels(u, qh, nibbles);
    return 1;
}

static int block_q4_0(const float *x, const float *cost, uint8_t *b)
{
    return cost ? symmetric_for(x, cost, 8, b, NULL, b + 2) : symmetric(x, 8, b, NULL, b + 2);
}

static int block_q4_1(const float *x, const float *cost, uint8_t *b)
{
    return cost ? with_minimum_for(x, cost, 15, b, NULL, b + 4) : with_minimum(x, 15, b, NULL, b + 4);
}

static int block_q5_0(const float *x, const float *cost, uint8_t *b)
{
    return cost ? symmetric_for(x, cost, 16, b, b + 2, b + 6) : symmetric(x, 16, b, b + 2, b + 6);
}

static int block_q5_1(const float *x, const float *cost, uint8_t *b)
{
    return cost ? with_minimum_for(x, cost, 31, b, b + 4, b + 8) : with_minimum(x, 31, b, b + 4, b + 8);
}

static int block_q8_0(const float *x, const float *cost, uint8_t *b)
{
    (void)cost;
    float most = 0;
    for (int i = 0; i < 32; i++)
        if (fabsf(x[i]) > most) most = fabsf(x[i]);
    float d = most / 127, id = inverse(d);
    for (int i = 0; i < 32; i++) {
        float a = fabsf(x[i] * id), whole = (float)(int)a;
        int q = (int)whole + (int)(2 * (a - whole));       /* half away from zero */
        b[2 + i] = (uint8_t)(x[i] * id < 0 ? -q : q);
    }
    return quantize_put_half(b, d);
}

static quantize_block *const block_of[] = {
    [T_F32] = one_f32, [T_F16] = one_f16, [T_BF16] = one_bf16,
    [T_Q4_0] = block_q4_0, [T_Q4_1] = block_q4_1, [T_Q5_0] = block_q5_0, [T_Q5_1] = block_q5_1, [T_Q8_0] = block_q8_0,
    [T_Q2_K] = quantize_q2_k, [T_Q3_K] = quantize_q3_k, [T_Q4_K] = quantize_q4_k, [T_Q5_K] = quantize_q5_k,
    [T_Q6_K] = quantize_q6_k, [T_IQ4_NL] = quantize_iq4_nl, [T_IQ4_XS] = quantize_iq4_xs,
};

static enum hearth_status too_large(const struct type_info *info, float v)
{
    return fail(HEARTH_ENUMERIC, "a weight is %g, allowed: what the 16-bit floats of %s can hold", (double)v, info->name);
}

static enum hearth_status check_values(const struct type_info *info, const float *x, size_t n)
{
    float most = info->block == 1 ? INFINITY : QUANTIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i])) return fail(HEARTH_ENUMERIC, "a weight is %g, allowed: finite numbers", (double)x[i]);
        if (fabsf(x[i]) > most) return too_large(info, x[i]);
    }
    return HEARTH_OK;
}

/* What errors of one block cost, 1 at most for the worth of a column. */
static void cost_block(const float *x, const float *importance, size_t n, float *cost)
{
    float most = 0, squares = 0, largest = 0;
    for (size_t i = 0; i < n; i++) {
        if (importance[i] > most) most = importance[i];
        if (fabsf(x[i]) > largest) largest = fabsf(x[i]);
    }
    float scale = largest > 0 ? 1 / largest : 0;
    if (isinf(scale)) scale = 0;
    for (size_t i = 0; i < n; i++) squares += x[i] * scale * (x[i] * scale);
    for (size_t i = 0; i < n; i++) {
        float v = x[i] * scale, worth = most > 0 ? importance[i] / most : 1;
        cost[i] = (worth + 1e-4f) * (sqrtf(squares / (float)n + v * v) + 1e-4f);
    }
}

enum hearth_status quantize_row_for(enum tensor_type t, const float *src, const float *importance, void *dst, size_t n)
{
    const struct type_info *info = type_info(t);
    uint8_t *b = dst;
    float cost[256];
    TRY(check_values(info, src, n));
    for (size_t i = 0; i < n; i += info->block, b += info->bytes) {
        if (importance && info->block > 1) cost_block(src + i, importance + i, info->block, cost);
        if (block_of[t](src + i, importance ? cost : NULL, b)) continue;
        float most = 0;
        for (size_t k = i; k < i + info->block; k++)
            if (fabsf(src[k]) > fabsf(most)) most = src[k];
        return too_large(info, most);
    }
    return HEARTH_OK;
}

enum hearth_status quantize_row(enum tensor_type t, const float *src, void *dst, size_t n)
{
    return quantize_row_for(t, src, NULL, dst, n);
}
