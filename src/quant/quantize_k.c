/* quantize_k.c - plain quantisers of the k-quants and of IQ4.
 *
 * Each sub-block of 16 or 32 gets the scale (and the minimum) that makes the squared error small: a few scales around
 * the one that the extreme value suggests are tried; for each the elements are rounded to levels, and for those levels
 * the best scale follows by least squares:
 *
 *     x ~ s q        s = sum xq / sum qq                      error = sum xx - (sum xq)^2 / sum qq
 *     x ~ s q + c    the two normal equations; c is kept <= 0, as the formats store minimums
 *
 * Then the scales of a superblock are themselves rounded to small integers with one F16 factor, and the elements are
 * rounded once more, to the scales as they will be read.
 */
#include "quant/quantize.h"

#include <math.h>
#include <string.h>

enum { SUPER = 256 };
static const float TINY = 1e-20f;      /* below: zero, as every scale in F16 would be */

/* The nearest integer, half to even, for |v| < 2^22: adding 1.5 * 2^23 leaves it in the low bits. */
static int nearest(float v)
{
    float shifted = v + 0x1.8p23f;
    int32_t i;
    memcpy(&i, &shifted, 4);
    return (i & 0x7fffff) - 0x400000;
}

static int clamp(int v, int low, int high)
{
    return v < low ? low : v > high ? high : v;
}

/* nearest(v) kept in [low, high], for any v but NaN. */
static int nearest_within(float v, int low, int high)
{
    return v <= (float)low ? low : v >= (float)high ? high : nearest(v);
}

static float half_of(const uint8_t *p)
{
    return f16_to_f32((uint16_t)(p[0] | p[1] << 8));
}

/* The value of largest size, with its sign. */
static float extreme_of(const float *x, int n)
{
    float e = x[0];
    for (int i = 1; i < n; i++)
        if (fabsf(x[i]) > fabsf(e)) e = x[i];
    return e;
}

/* s for x ~ s q, q in [low, -low - 1]; the extreme value goes to the low side, which has one level more. */
static float fit_scale(const float *x, int n, int low)
{
    float extreme = extreme_of(x, n), scale = 0, best = 0;
    if (fabsf(extreme) < TINY) return 0;
    for (int k = -9; k <= 9; k++) {
        float inverse = ((float)low + 0.1f * (float)k) / extreme, xq = 0, qq = 0;
        for (int i = 0; i < n; i++) {
            float q = (float)clamp(nearest(inverse * x[i]), low, -low - 1);
            xq += x[i] * q;
            qq += q * q;
        }
        if (qq > 0 && xq * xq > best * qq) {
            best = xq * xq / qq;
            scale = xq / qq;
        }
    }
    return scale;
}

/* s and m for x ~ s q - m, q in [0, high], m >= 0. */
static float fit_scale_min(const float *x, int n, int high, float *min)
{
    float lo = 0, hi = x[0], best = INFINITY, sx = 0;
    uint8_t q[32];
    for (int i = 0; i < n; i++) {
        if (x[i] < lo) lo = x[i];
        if (x[i] > hi) hi = x[i];
        sx += x[i];
    }
    *min = -lo;
    if (hi - lo < TINY) return 0;
    float scale = (hi - lo) / (float)high;
    for (int k = -10; k <= 10; k++) {
        float inverse = ((float)high + 0.1f * (float)k) / (hi - lo), sq = 0, sqq = 0, sxq = 0, error = 0;
        for (int i = 0; i < n; i++) {
            q[i] = (uint8_t)clamp(nearest(inverse * (x[i] - lo)), 0, high);
            sq += (float)q[i];
            sqq += (float)(q[i] * q[i]);
            sxq += x[i] * (float)q[i];
        }
        float det = (float)n * sqq - sq * sq;
        if (det <= 0) continue;
        float s = ((float)n * sxq - sx * sq) / det, c = (sqq * sx - sq * sxq) / det;
        if (c > 0) s = sxq / sqq, c = 0;
        for (int i = 0; i < n; i++) {
            float e = s * (float)q[i] + c - x[i];
            error += e * e;
        }
        if (error < best) best = error, scale = s, *min = -c;
    }
    return scale;
}

/* Rounds a superblock's n signed scales to [low, -low - 1], their F16 factor to d_at; 0 when it does not fit. */
static int round_scales(const float *scales, int n, int low, uint8_t *d_at, int8_t *out)
{
    float extreme = extreme_of(scales, n);
    int fits = quantize_put_half(d_at, extreme / (float)low);
    float d = half_of(d_at);
    for (int j = 0; j < n; j++)
        out[j] = (int8_t)(d == 0 || !fits ? 0 : nearest_within(scales[j] / d, low, -low - 1));
    return fits;
}

/* The same for scales >= 0, rounded to [0, high]. */
static int round_positive(const float *scales, int n, int high, uint8_t *d_at, uint8_t *out)
{
    float most = 0;
    for (int j = 0; j < n; j++)
        if (scales[j] > most) most = scales[j];
    int fits = quantize_put_half(d_at, most / (float)high);
    float d = half_of(d_at);
    for (int j = 0; j < n; j++)
        out[j] = (uint8_t)(d == 0 || !fits ? 0 : nearest_within(scales[j] / d, 0, high));
    return fits;
}

/* Levels of x ~ dl q, or of x ~ dl q - ml. */
static void round_levels(const float *x, int n, float dl, float ml, int low, int high, int8_t *q)
{
    for (int i = 0; i < n; i++)
        q[i] = (int8_t)(dl == 0 ? 0 : nearest_within((x[i] + ml) / dl, low, high));
}

/* ---- x ~ d s q - dmin m: Q2_K, Q4_K, Q5_K ---- */

struct with_min { uint8_t scales[16], mins[16]; int8_t q[SUPER]; };

static int fit_with_min(const float *x, int sub, int high, int scale_high, uint8_t *d_at, uint8_t *dmin_at, struct with_min *w)
{
    float scales[16] = {0}, mins[16] = {0};
    int n = SUPER / sub;
    for (int j = 0; j < n; j++) scales[j] = fit_scale_min(x + j * sub, sub, high, &mins[j]);
    int fits = round_positive(scales, n, scale_high, d_at, w->scales) & round_positive(mins, n, scale_high, dmin_at, w->mins);
    if (!fits) return 0;
    float d = half_of(d_at), dmin = half_of(dmin_at);
    for (int j = 0; j < n; j++)
        round_levels(x + j * sub, sub, d * (float)w->scales[j], dmin * (float)w->mins[j], 0, high, w->q + j * sub);
    return 1;
}

/* Two bits of each level: the byte 32*h + i holds elements 128*h + i, + 32, + 64, + 96, lowest bits first. */
static void put_pairs(const int8_t *q, int shift, uint8_t *out)
{
    memset(out, 0, 64);
    for (int e = 0; e < SUPER; e++) out[e / 128 * 32 + e % 32] |= (uint8_t)((q[e] >> shift & 3) << (e / 32 % 4 * 2));
}

int quantize_q2_k(const float *x, uint8_t *b)
{
    struct with_min w;
    int fits = fit_with_min(x, 16, 3, 15, b + 80, b + 82, &w);
    if (!fits) return 0;
    for (int j = 0; j < 16; j++) b[j] = (uint8_t)(w.scales[j] | w.mins[j] << 4);
    put_pairs(w.q, 0, b + 16);
    return 1;
}

/* The inverse of q4k_scales (kernel/blocks.h). */
static void put_scales_mins(const struct with_min *w, uint8_t *p)
{
    for (int j = 0; j < 4; j++) {
        p[j] = (uint8_t)(w->scales[j] | w->scales[4 + j] >> 4 << 6);
        p[4 + j] = (uint8_t)(w->mins[j] | w->mins[4 + j] >> 4 << 6);
        p[8 + j] = (uint8_t)((w->scales[4 + j] & 15) | (w->mins[4 + j] & 15) << 4);
    }
}

/* The byte 32*h + i holds elements 64*h + i (low nibble) and 64*h + 32 + i (high). */
static void put_nibbles(const int8_t *q, uint8_t *out)
{
    for (int e = 0; e < SUPER; e += e % 64 == 31 ? 33 : 1)
        out[e / 64 * 32 + e % 64] = (uint8_t)((q[e] & 15) | (q[e + 32] & 15) << 4);
}

int quantize_q4_k(const float *x, uint8_t *b)
{
    struct with_min w;
    if (!fit_with_min(x, 32, 15, 63, b, b + 2, &w)) return 0;
    put_scales_mins(&w, b + 4);
    put_nibbles(w.q, b + 16);
    return 1;
}

int quantize_q5_k(const float *x, uint8_t *b)
{
    struct with_min w;
    if (!fit_with_min(x, 32, 31, 63, b, b + 2, &w)) return 0;
    put_scales_mins(&w, b + 4);
    memset(b + 16, 0, 32);
    for (int e = 0; e < SUPER; e++) b[16 + e % 32] |= (uint8_t)((w.q[e] >> 4) << e / 32);
    put_nibbles(w.q, b + 48);
    return 1;
}

/* ---- x ~ d s q: Q3_K, Q6_K ---- */

static int fit_signed(const float *x, int low, int scale_low, uint8_t *d_at, int8_t scales[16], int8_t q[SUPER])
{
    float fitted[16];
    for (int j = 0; j < 16; j++) fitted[j] = fit_scale(x + 16 * j, 16, low);
    if (!round_scales(fitted, 16, scale_low, d_at, scales)) return 0;
    float d = half_of(d_at);
    for (int j = 0; j < 16; j++) round_levels(x + 16 * j, 16, d * (float)scales[j], 0, low, -low - 1, q + 16 * j);
    return 1;
}

int quantize_q3_k(const float *x, uint8_t *b)
{
    int8_t scales[16], q[SUPER];
    if (!fit_signed(x, -4, -32, b + 108, scales, q)) return 0;
    memset(b, 0, 32);
    memset(b + 96, 0, 12);
    for (int e = 0; e < SUPER; e++) {
        q[e] = (int8_t)(q[e] + 4);                      /* 0 .. 7: the third bit is set from 4, that is from zero, on */
        b[e % 32] |= (uint8_t)((q[e] >> 2) << e / 32);
    }
    put_pairs(q, 0, b + 32);
    for (int j = 0; j < 16; j++) {
        int s = scales[j] + 32;
        b[96 + j % 8] |= (uint8_t)((s & 15) << (j / 8 * 4));
        b[104 + j % 4] |= (uint8_t)((s >> 4) << (j / 4 * 2));
    }
    return 1;
}

int quantize_q6_k(const float *x, uint8_t *b)
{
    int8_t q[SUPER];
    if (!fit_signed(x, -32, -128, b + 208, (int8_t *)b + 192, q)) return 0;
    for (int e = 0; e < SUPER; e++) q[e] = (int8_t)(q[e] + 32);
    for (int h = 0; h < 2; h++)
        for (int i = 0; i < 64; i++) b[64 * h + i] = (uint8_t)((q[128 * h + i] & 15) | (q[128 * h + 64 + i] & 15) << 4);
    put_pairs(q, 4, b + 128);
    return 1;
}

/* ---- x ~ d v[q], v the sixteen uneven levels: IQ4_NL, IQ4_XS ---- */

/* The level nearest to v, the lower one in the middle: a binary search among the fifteen middles of neighbours. */
static int nearest_level(float v)
{
    static const float middle[15] = {-115.5f, -93.5f, -74, -57, -42, -28.5f, -16, -4.5f, 7, 19, 31.5f, 45.5f, 61, 79, 101};
    int q = v > middle[7] ? 8 : 0;
    q += v > middle[q + 3] ? 4 : 0;
    q += v > middle[q + 1] ? 2 : 0;
    return q + (v > middle[q]);
}

static float fit_levels(const float *x)
{
    float extreme = extreme_of(x, 32), scale = 0, best = 0;
    if (fabsf(extreme) < TINY) return 0;
    for (int k = -7; k <= 7; k++) {
        float inverse = (float)(iq4nl_values[0] + k) / extreme, xv = 0, vv = 0;
        for (int i = 0; i < 32; i++) {
            float v = (float)iq4nl_values[nearest_level(inverse * x[i])];
            xv += x[i] * v;
            vv += v * v;
        }
        if (vv > 0 && xv * xv > best * vv) {
            best = xv * xv / vv;
            scale = xv / vv;
        }
    }
    return scale;
}

static void put_indexes(const float *x, float d, uint8_t *out)
{
    for (int i = 0; i < 16; i++)
        out[i] = (uint8_t)(d == 0 ? nearest_level(0) * 17 : nearest_level(x[i] / d) | nearest_level(x[i + 16] / d) << 4);
}

int quantize_iq4_nl(const float *x, uint8_t *b)
{
    if (!quantize_put_half(b, fit_levels(x))) return 0;
    put_indexes(x, half_of(b), b + 2);
    return 1;
}

int quantize_iq4_xs(const float *x, uint8_t *b)
{
    float fitted[8];
    int8_t scales[8];
    for (int j = 0; j < 8; j++) fitted[j] = fit_levels(x + 32 * j);
    if (!round_scales(fitted, 8, -32, b, scales)) return 0;
    unsigned high = 0;
    memset(b + 4, 0, 4);
    for (int j = 0; j < 8; j++) {
        unsigned s = (unsigned)(scales[j] + 32);
        b[4 + j / 2] |= (uint8_t)((s & 15) << (j % 2 * 4));
        high |= (s >> 4) << 2 * j;
        put_indexes(x + 32 * j, half_of(b) * (float)scales[j], b + 8 + 16 * j);
    }
    b[2] = (uint8_t)high, b[3] = (uint8_t)(high >> 8);
    return 1;
}
