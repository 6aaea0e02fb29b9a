/* quantize_k.c - quantisers of the k-quants and of IQ4, and the fitting that others use too.
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
 *
 * Where errors cost differently (cost, of each element), every sum above has the cost as a factor; and because what a rounded scale loses
 * is then known, the superblock is gone through again: each sub-block takes the best of the small integers next to its own, and the
 * F16 factors follow once more by least squares over the whole superblock.  Plain files stay, bit for bit, what they have always been.
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

static const float ones[SUPER] = {
#define FOUR 1, 1, 1, 1
#define SIXTEEN FOUR, FOUR, FOUR, FOUR
#define SIXTY_FOUR SIXTEEN, SIXTEEN, SIXTEEN, SIXTEEN
    SIXTY_FOUR, SIXTY_FOUR, SIXTY_FOUR, SIXTY_FOUR
};

struct fit { float scale, best; };

/* Whether this inverse scale's levels, with the scale that suits them best, are better than the best so far. */
static void try_scale(const float *x, const float *cost, int n, int low, float inverse, struct fit *f)
{
    float xq = 0, qq = 0;
    for (int i = 0; i < n; i++) {
        float q = (float)clamp(nearest(inverse * x[i]), low, -low - 1);
        xq += cost[i] * x[i] * q;
        qq += cost[i] * q * q;
    }
    if (qq > 0 && xq * xq > f->best * qq) {
        f->best = xq * xq / qq;
        f->scale = xq / qq;
    }
}

/* The extreme value goes to the low side, which has one level more, and to the other too when both are tried. */
float quantize_fit(const float *x, const float *cost, int n, int low, int both)
{
    float extreme = extreme_of(x, n);
    struct fit f = {0, 0};
    if (fabsf(extreme) < TINY) return 0;
    for (int k = -9; k <= 9; k++) try_scale(x, cost, n, low, ((float)low + 0.1f * (float)k) / extreme, &f);
    for (int k = -9; both && k <= 9; k++) try_scale(x, cost, n, low, ((float)(-low - 1) + 0.1f * (float)k) / extreme, &f);
    return f.scale;
}

float quantize_fit_min(const float *x, const float *cost, int n, int high, int below, float *min)
{
    float lo = below ? x[0] : 0, hi = x[0], best = INFINITY, sx = 0, sw = 0;
    uint8_t q[32];
    for (int i = 0; i < n; i++) {
        if (x[i] < lo) lo = x[i];
        if (x[i] > hi) hi = x[i];
        sx += cost[i] * x[i];
        sw += cost[i];
    }
    *min = -lo;
    if (hi - lo < TINY) return 0;
    float scale = (hi - lo) / (float)high;
    for (int k = -10; k <= 10; k++) {
        float inverse = ((float)high + 0.1f * (float)k) / (hi - lo), sq = 0, sqq = 0, sxq = 0, error = 0;
        for (int i = 0; i < n; i++) {
            q[i] = (uint8_t)clamp(nearest(inverse * (x[i] - lo)), 0, high);
            sq += cost[i] * (float)q[i];
            sqq += cost[i] * (float)(q[i] * q[i]);
            sxq += cost[i] * x[i] * (float)q[i];
        }
        float det = sw * sqq - sq * sq;
        if (det <= 0) continue;
        float s = (sw * sxq - sx * sq) / det, c = (sqq * sx - sq * sxq) / det;
        if (c > 0 && !below) s = sxq / sqq, c = 0;
        for (int i = 0; i < n; i++) {
            float e = s * (float)q[i] + c - x[i];
            error += cost[i] * e * e;
        }
        if (error < best) best = error, scale = s, *min = -c;
    }
    return scale;
}

float quantize_levels(const float *x, const float *cost, int n, float dl, float ml, int low, int high, int8_t *q)
{
    float lost = 0;
    for (int i = 0; i < n; i++) {
        q[i] = (int8_t)(dl == 0 ? 0 : nearest_within((x[i] + ml) / dl, low, high));
        float e = dl * (float)q[i] - ml - x[i];
        lost += cost[i] * e * e;
    }
    return lost;
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

/* ---- x ~ d s q - dmin m: Q2_K, Q4_K, Q5_K ---- */

struct with_min { uint8_t scales[16], mins[16]; int8_t q[SUPER]; };
struct min_form { int sub, high, scale_high; };

static float levels_with_min(const float *x, const float *cost, const struct min_form *f, float d, float dmin, struct with_min *w)
{
    float lost = 0;
    for (int j = 0; j < SUPER / f->sub; j++) {
        int at = j * f->sub;
        lost += quantize_levels(x + at, cost + at, f->sub, d * (float)w->scales[j], dmin * (float)w->mins[j], 0, f->high, w->q + at);
    }
    return lost;
}

/* Each sub-block's scale and minimum: the best of what they are and what is next to it. */
static void nudge_with_min(const float *x, const float *cost, const struct min_form *f, float d, float dmin, struct with_min *w)
{
    int8_t q[32];
    for (int j = 0; j < SUPER / f->sub; j++) {
        int at = j * f->sub, scale = w->scales[j], min = w->mins[j];
        float best = INFINITY;
        for (int s = scale - 1; s <= scale + 1; s++)
            for (int m = min - 1; m <= min + 1; m++) {
                if (s < 0 || s > f->scale_high || m < 0 || m > f->scale_high) continue;
                float lost = quantize_levels(x + at, cost + at, f->sub, d * (float)s, dmin * (float)m, 0, f->high, q);
                if (lost < best) best = lost, w->scales[j] = (uint8_t)s, w->mins[j] = (uint8_t)m;
            }
    }
}

/* d and dmin by least squares, for the levels, scales and minimums as they are; 0: there are none. */
static int solve_with_min(const float *x, const float *cost, const struct min_form *f, const struct with_min *w, float *d, float *dmin)
{
    float aa = 0, ab = 0, bb = 0, ax = 0, bx = 0;
    for (int i = 0; i < SUPER; i++) {
        float a = (float)(w->scales[i / f->sub] * w->q[i]), b = (float)w->mins[i / f->sub], c = cost[i];
        aa += c * a * a, ab += c * a * b, bb += c * b * b, ax += c * a * x[i], bx += c * b * x[i];
    }
    float det = aa * bb - ab * ab;
    if (aa <= 0 || det <= 1e-6f * aa * bb) {
        *d = aa > 0 ? (ax + *dmin * ab) / aa : 0;
        return aa > 0 && *d > 0;
    }
    *d = (ax * bb - bx * ab) / det, *dmin = (ax * ab - bx * aa) / det;
    return *d > 0 && *dmin >= 0;
}

static void refine_with_min(const float *x, const float *cost, const struct min_form *f, uint8_t *d_at, uint8_t *dmin_at, struct with_min *w)
{
    float best = levels_with_min(x, cost, f, half_of(d_at), half_of(dmin_at), w);
    for (int round = 0; round < 4; round++) {
        struct with_min next = *w;
        float d = half_of(d_at), dmin = half_of(dmin_at);
        uint8_t d_next[2], dmin_next[2];
        nudge_with_min(x, cost, f, d, dmin, &next);
        levels_with_min(x, cost, f, d, dmin, &next);
        if (!solve_with_min(x, cost, f, &next, &d, &dmin)) d = half_of(d_at), dmin = half_of(dmin_at);
        if (!(quantize_put_half(d_next, d) & quantize_put_half(dmin_next, dmin))) return;
        float lost = levels_with_min(x, cost, f, half_of(d_next), half_of(dmin_next), &next);
        if (!(lost < best)) return;
        best = lost, *w = next;
        memcpy(d_at, d_next, 2), memcpy(dmin_at, dmin_next, 2);
    }
}

static int fit_with_min(const float *x, const float *cost, const struct min_form *f, uint8_t *d_at, uint8_t *dmin_at, struct with_min *w)
{
    float scales[16] = {0}, mins[16] = {0};
    int n = SUPER / f->sub;
    const float *c = cost ? cost : ones;
    for (int j = 0; j < n; j++) scales[j] = quantize_fit_min(x + j * f->sub, c + j * f->sub, f->sub, f->high, 0, &mins[j]);
    int fits = round_positive(scales, n, f->scale_high, d_at, w->scales) & round_positive(mins, n, f->scale_high, dmin_at, w->mins);
    if (!fits) return 0;
    levels_with_min(x, c, f, half_of(d_at), half_of(dmin_at), w);
    if (cost) refine_with_min(x, cost, f, d_at, dmin_at, w);
    return 1;
}

/* Two bits of each level: the byte 32*h + i holds elements 128*h + i, + 32, + 64, + 96, lowest bits first. */
static void put_pairs(const int8_t *q, int shift, uint8_t *out)
{
    memset(out, 0, 64);
    for (int e = 0; e < SUPER; e++) out[e / 128 * 32 + e % 32] |= (uint8_t)((q[e] >> shift & 3) << (e / 32 % 4 * 2));
}

int quantize_q2_k(const float *x, const float *cost, uint8_t *b)
{
    static const struct min_form form = {16, 3, 15};
    struct with_min w;
    if (!fit_with_min(x, cost, &form, b + 80, b + 82, &w)) return 0;
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

int quantize_q4_k(const float *x, const float *cost, uint8_t *b)
{
    static const struct min_form form = {32, 15, 63};
    struct with_min w;
    if (!fit_with_min(x, cost, &form, b, b + 2, &w)) return 0;
    put_scales_mins(&w, b + 4);
    put_nibbles(w.q, b + 16);
    return 1;
}

int quantize_q5_k(const float *x, const float *cost, uint8_t *b)
{
    static const struct min_form form = {32, 31, 63};
    struct with_min w;
    if (!fit_with_min(x, cost, &form, b, b + 2, &w)) return 0;
    put_scales_mins(&w, b + 4);
    memset(b + 16, 0, 32);
    for (int e = 0; e < SUPER; e++) b[16 + e % 32] |= (uint8_t)((w.q[e] >> 4) << e / 32);
    put_nibbles(w.q, b + 48);
    return 1;
}

/* ---- x ~ d s q: Q3_K, Q6_K ---- */

struct signed_fit { int8_t scales[16], q[SUPER]; };

static float levels_signed(const float *x, const float *cost, int low, float d, struct signed_fit *w)
{
    float lost = 0;
    for (int j = 0; j < 16; j++)
        lost += quantize_levels(x + 16 * j, cost + 16 * j, 16, d * (float)w->scales[j], 0, low, -low - 1, w->q + 16 * j);
    return lost;
}

static void nudge_signed(const float *x, const float *cost, int low, int scale_low, float d, struct signed_fit *w)
{
    int8_t q[16];
    for (int j = 0; j < 16; j++) {
        int scale = w->scales[j];
        float best = INFINITY;
        for (int s = scale - 1; s <= scale + 1; s++) {
            if (s < scale_low || s > -scale_low - 1) continue;
            float lost = quantize_levels(x + 16 * j, cost + 16 * j, 16, d * (float)s, 0, low, -low - 1, q);
            if (lost < best) best = lost, w->scales[j] = (int8_t)s;
        }
    }
}

static void refine_signed(const float *x, const float *cost, int low, int scale_low, uint8_t *d_at, struct signed_fit *w)
{
    float best = levels_signed(x, cost, low, half_of(d_at), w);
    for (int round = 0; round < 4; round++) {
        struct signed_fit next = *w;
        uint8_t d_next[2];
        float aa = 0, ax = 0;
        nudge_signed(x, cost, low, scale_low, half_of(d_at), &next);
        levels_signed(x, cost, low, half_of(d_at), &next);
        for (int i = 0; i < SUPER; i++) {
            float a = (float)(next.scales[i / 16] * next.q[i]);
            aa += cost[i] * a * a, ax += cost[i] * a * x[i];
        }
        if (!quantize_put_half(d_next, aa > 0 ? ax / aa : half_of(d_at))) return;
        float lost = levels_signed(x, cost, low, half_of(d_next), &next);
        if (!(lost < best)) return;
        best = lost, *w = next;
        memcpy(d_at, d_next, 2);
    }
}

static int fit_signed(const float *x, const float *cost, int low, int scale_low, uint8_t *d_at, struct signed_fit *w)
{
    float fitted[16];
    const float *c = cost ? cost : ones;
    for (int j = 0; j < 16; j++) fitted[j] = quantize_fit(x + 16 * j, c + 16 * j, 16, low, cost != NULL);
    if (!round_scales(fitted, 16, scale_low, d_at, w->scales)) return 0;
    levels_signed(x, c, low, half_of(d_at), w);
    if (cost) refine_signed(x, cost, low, scale_low, d_at, w);
    return 1;
}

int quantize_q3_k(const float *x, const float *cost, uint8_t *b)
{
    struct signed_fit w;
    int8_t *q = w.q;
    if (!fit_signed(x, cost, -4, -32, b + 108, &w)) return 0;
    memset(b, 0, 32);
    memset(b + 96, 0, 12);
    for (int e = 0; e < SUPER; e++) {
        q[e] = (int8_t)(q[e] + 4);                      /* 0 .. 7: the third bit is set from 4, that is from zero, on */
        b[e % 32] |= (uint8_t)((q[e] >> 2) << e / 32);
    }
    put_pairs(q, 0, b + 32);
    for (int j = 0; j < 16; j++) {
        int s = w.scales[j] + 32;
        b[96 + j % 8] |= (uint8_t)((s & 15) << (j / 8 * 4));
        b[104 + j % 4] |= (uint8_t)((s >> 4) << (j / 4 * 2));
    }
    return 1;
}

int quantize_q6_k(const float *x, const float *cost, uint8_t *b)
{
    struct signed_fit w;
    int8_t *q = w.q;
    if (!fit_signed(x, cost, -32, -128, b + 208, &w)) return 0;
    memcpy(b + 192, w.scales, 16);
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

static float fit_uneven(const float *x, const float *cost, int both)
{
    float extreme = extreme_of(x, 32), scale = 0, best = 0;
    if (fabsf(extreme) < TINY) return 0;
    for (int k = -7; k <= (both ? 22 : 7); k++) {          /* on the lowest level and about it, then on the highest */
        float inverse = (float)(k <= 7 ? iq4nl_values[0] + k : iq4nl_values[15] + k - 15) / extreme, xv = 0, vv = 0;
        for (int i = 0; i < 32; i++) {
            float v = (float)iq4nl_values[nearest_level(inverse * x[i])];
            xv += cost[i] * x[i] * v;
            vv += cost[i] * v * v;
        }
        if (vv > 0 && xv * xv > best * vv) {
            best = xv * xv / vv;
            scale = xv / vv;
        }
    }
    return scale;
}

static int uneven(float x, float d)
{
    return nearest_level(d == 0 ? 0 : x / d);
}

static void put_indexes(const float *x, float d, uint8_t *out)
{
    for (int i = 0; i < 16; i++) out[i] = (uint8_t)(uneven(x[i], d) | uneven(x[i + 16], d) << 4);
}

int quantize_iq4_nl(const float *x, const float *cost, uint8_t *b)
{
    if (!quantize_put_half(b, fit_uneven(x, cost ? cost : ones, cost != NULL))) return 0;
    put_indexes(x, half_of(b), b + 2);
    return 1;
}

static float uneven_lost(const float *x, const float *cost, float d)
{
    float lost = 0;
    for (int i = 0; i < 32; i++) {
        float e = d * (float)iq4nl_values[uneven(x[i], d)] - x[i];
        lost += cost[i] * e * e;
    }
    return lost;
}

static float nudge_uneven(const float *x, const float *cost, float d, int8_t scales[8])
{
    float all = 0;
    for (int j = 0; j < 8; j++) {
        int scale = scales[j];
        float best = INFINITY;
        for (int s = scale - 1; s <= scale + 1; s++) {
            if (s < -32 || s > 31) continue;
            float lost = uneven_lost(x + 32 * j, cost + 32 * j, d * (float)s);
            if (lost < best) best = lost, scales[j] = (int8_t)s;
        }
        all += best;
    }
    return all;
}

/* As refine_signed, over the uneven levels. */
static void refine_uneven(const float *x, const float *cost, uint8_t *d_at, int8_t scales[8])
{
    float best = INFINITY;
    for (int round = 0; round < 4; round++) {
        int8_t next[8];
        uint8_t d_next[2];
        float d = half_of(d_at), aa = 0, ax = 0;
        memcpy(next, scales, 8);
        best = fminf(best, nudge_uneven(x, cost, d, next));
        memcpy(scales, next, 8);
        for (int i = 0; i < SUPER; i++) {
            float a = (float)(next[i / 32] * iq4nl_values[uneven(x[i], d * (float)next[i / 32])]);
            aa += cost[i] * a * a, ax += cost[i] * a * x[i];
        }
        if (!quantize_put_half(d_next, aa > 0 ? ax / aa : d)) return;
        float lost = nudge_uneven(x, cost, half_of(d_next), next);
        if (!(lost < best)) return;
        best = lost;
        memcpy(scales, next, 8), memcpy(d_at, d_next, 2);
    }
}

int quantize_iq4_xs(const float *x, const float *cost, uint8_t *b)
{
    float fitted[8];
    int8_t scales[8];
    for (int j = 0; j < 8; j++) fitted[j] = fit_uneven(x + 32 * j, (cost ? cost : ones) + 32 * j, cost != NULL);
    if (!round_scales(fitted, 8, -32, b, scales)) return 0;
    if (cost) refine_uneven(x, cost, b, scales);
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
