/* dequant.c - a row as the file has it, to floats.  This is the definition of what a stored weight is worth:
 * each product and each sum is one F32 operation, none fused, in the order written here.
 *
 * Blocks of 32.  Low nibbles are elements 0..15, high nibbles 16..31; the fifth bit of element i is bit i of qh.
 *
 *     Q4_0   | d f16 | nibbles 16 |                    w = d * (q - 8)
 *     Q4_1   | d | m | nibbles 16 |                    w = d * q + m
 *     Q5_0   | d | qh 4 | nibbles 16 |                 w = d * (q - 16)
 *     Q5_1   | d | m | qh 4 | nibbles 16 |             w = d * q + m
 *     Q8_0   | d | int8 32 |                           w = d * q
 *     IQ4_NL | d | nibbles 16 |                        w = d * iq4nl_values[q]
 *
 * Superblocks of 256 (k-quants, github.com/ggml-org/llama.cpp pull request 1684): scales of the sub-blocks are small
 * integers with one F16 factor in common.
 *
 *     Q2_K   | scales 16: low nibble s, high nibble m | 2-bit 64 | d | dmin |        w = (d*s) * q - dmin*m    sub-blocks of 16
 *     Q3_K   | third bits 32 | 2-bit 64 | 6-bit scales 12 | d |                      w = (d*(s-32)) * (q - 4)              16
 *     Q4_K   | d | dmin | 6-bit scales and mins 12 | nibbles 128 |                   w = (d*s) * q - dmin*m                32
 *     Q5_K   | d | dmin | 6-bit scales and mins 12 | fifth bits 32 | nibbles 128 |   the same                             32
 *     Q6_K   | nibbles 128 | upper 2 bits 64 | int8 scales 16 | d |                  w = (d*s) * (q - 32)                  16
 *     IQ4_XS | d | upper 2 bits of 8 scales u16 | lower 4 bits 4 | nibbles 128 |     w = (d*(s-32)) * iq4nl_values[q]      32
 */
#include "kernel/types.h"

#include <string.h>
#include "kernel/blocks.h"

static float half_at(const uint8_t *p)
{
    return f16_to_f32((uint16_t)(p[0] | p[1] << 8));
}

static uint32_t u32_at(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void one_f32(const uint8_t *b, float *y)
{
    uint32_t u = u32_at(b);
    memcpy(y, &u, 4);
}

static void one_f16(const uint8_t *b, float *y)
{
    *y = half_at(b);
}

static void one_bf16(const uint8_t *b, float *y)
{
    *y = bf16_to_f32((uint16_t)(b[0] | b[1] << 8));
}

static void block_q4_0(const uint8_t *b, float *y)
{
    float d = half_at(b);
    for (int i = 0; i < 16; i++) {
        y[i] = d * (float)((b[2 + i] & 15) - 8);
        y[i + 16] = d * (float)((b[2 + i] >> 4) - 8);
    }
}

static void block_q4_1(const uint8_t *b, float *y)
{
    float d = half_at(b), m = half_at(b + 2);
    for (int i = 0; i < 16; i++) {
        y[i] = d * (float)(b[4 + i] & 15) + m;
        y[i + 16] = d * (float)(b[4 + i] >> 4) + m;
    }
}

static void block_q5_0(const uint8_t *b, float *y)
{
    float d = half_at(b);
    uint32_t qh = u32_at(b + 2);
    for (int i = 0; i < 16; i++) {
        y[i] = d * (float)((int)((b[6 + i] & 15) | (qh >> i & 1) << 4) - 16);
        y[i + 16] = d * (float)((int)(b[6 + i] >> 4 | (qh >> (i + 16) & 1) << 4) - 16);
    }
}

static void block_q5_1(const uint8_t *b, float *y)
{
    float d = half_at(b), m = half_at(b + 2);
    uint32_t qh = u32_at(b + 4);
    for (int i = 0; i < 16; i++) {
        y[i] = d * (float)((b[8 + i] & 15) | (qh >> i & 1) << 4) + m;
        y[i + 16] = d * (float)(b[8 + i] >> 4 | (qh >> (i + 16) & 1) << 4) + m;
    }
}

static void block_q8_0(const uint8_t *b, float *y)
{
    float d = half_at(b);
    for (int i = 0; i < 32; i++) y[i] = d * (float)(int8_t)b[2 + i];
}

static void block_iq4_nl(const uint8_t *b, float *y)
{
    float d = half_at(b);
    for (int i = 0; i < 16; i++) {
        y[i] = d * (float)iq4nl_values[b[2 + i] & 15];
        y[i + 16] = d * (float)iq4nl_values[b[2 + i] >> 4];
    }
}

/* 2-bit quants: the byte 32*h + i holds elements 128*h + i, + 32, + 64, + 96, lowest bits first. */
static void block_q2_k(const uint8_t *b, float *y)
{
    const uint8_t *scales = b, *qs = b + 16;
    float d = half_at(b + 80), dmin = half_at(b + 82);
    for (int e = 0; e < 256; e++) {
        int s = scales[e / 16], q = qs[e / 128 * 32 + e % 32] >> (e / 32 % 4 * 2) & 3;
        float dl = d * (float)(s & 15), ml = dmin * (float)(s >> 4);
        y[e] = dl * (float)q - ml;
    }
}

static void block_q3_k(const uint8_t *b, float *y)
{
    const uint8_t *high = b, *qs = b + 32;
    int8_t scales[16];
    q3k_scales(b + 96, scales);
    float d = half_at(b + 108);
    for (int e = 0; e < 256; e++) {
        int q = qs[e / 128 * 32 + e % 32] >> (e / 32 % 4 * 2) & 3;
        if (!(high[e % 32] >> (e / 32) & 1)) q -= 4;     /* a third bit that is clear means minus four */
        float dl = d * (float)scales[e / 16];
        y[e] = dl * (float)q;
    }
}

/* Nibbles of Q4_K and Q5_K: the byte 32*h + i holds elements 64*h + i (low) and 64*h + 32 + i (high). */
static void block_q4_k(const uint8_t *b, float *y)
{
    float d = half_at(b), dmin = half_at(b + 2);
    uint8_t scales[8], mins[8];
    q4k_scales(b + 4, scales, mins);
    const uint8_t *qs = b + 16;
    for (int j = 0; j < 8; j++) {
        float dl = d * (float)scales[j], ml = dmin * (float)mins[j];
        for (int i = 0; i < 32; i++) y[32 * j + i] = dl * (float)(qs[j / 2 * 32 + i] >> (j % 2 * 4) & 15) - ml;
    }
}

static void block_q5_k(const uint8_t *b, float *y)
{
    float d = half_at(b), dmin = half_at(b + 2);
    uint8_t scales[8], mins[8];
    q4k_scales(b + 4, scales, mins);
    const uint8_t *qh = b + 16, *qs = b + 48;
    for (int j = 0; j < 8; j++) {
        float dl = d * (float)scales[j], ml = dmin * (float)mins[j];
        for (int i = 0; i < 32; i++) {
            int q = (qs[j / 2 * 32 + i] >> (j % 2 * 4) & 15) | (qh[i] >> j & 1) << 4;
            y[32 * j + i] = dl * (float)q - ml;
        }
    }
}

/* Q6_K: the nibble byte 64*h + i holds elements 128*h + i (low) and 128*h + 64 + i (high), i < 64; the upper bits are
 * laid out as Q2_K's quants. */
static void block_q6_k(const uint8_t *b, float *y)
{
    const uint8_t *ql = b, *qh = b + 128, *scales = b + 192;
    float d = half_at(b + 208);
    for (int e = 0; e < 256; e++) {
        int low = ql[e / 128 * 64 + e % 64] >> (e / 64 % 2 * 4) & 15;
        int high = qh[e / 128 * 32 + e % 32] >> (e / 32 % 4 * 2) & 3;
        float dl = d * (float)(int8_t)scales[e / 16];
        y[e] = dl * (float)((low | high << 4) - 32);
    }
}

static void block_iq4_xs(const uint8_t *b, float *y)
{
    float d = half_at(b);
    unsigned high = b[2] | (unsigned)b[3] << 8;
    for (int j = 0; j < 8; j++) {
        int s = (b[4 + j / 2] >> (j % 2 * 4) & 15) | (int)(high >> 2 * j & 3) << 4;
        float dl = d * (float)(s - 32);
        const uint8_t *qs = b + 8 + 16 * j;
        for (int i = 0; i < 16; i++) {
            y[32 * j + i] = dl * (float)iq4nl_values[qs[i] & 15];
            y[32 * j + i + 16] = dl * (float)iq4nl_values[qs[i] >> 4];
        }
    }
}

typedef void block_fn(const uint8_t *block, float *y);

static block_fn *const block_of[] = {
    [T_F32] = one_f32, [T_F16] = one_f16, [T_BF16] = one_bf16,
    [T_Q4_0] = block_q4_0, [T_Q4_1] = block_q4_1, [T_Q5_0] = block_q5_0, [T_Q5_1] = block_q5_1, [T_Q8_0] = block_q8_0,
    [T_Q2_K] = block_q2_k, [T_Q3_K] = block_q3_k, [T_Q4_K] = block_q4_k, [T_Q5_K] = block_q5_k, [T_Q6_K] = block_q6_k,
    [T_IQ4_NL] = block_iq4_nl, [T_IQ4_XS] = block_iq4_xs,
};

void dequantize_row(enum tensor_type t, const void *src, float *dst, size_t n)
{
    const struct type_info *info = type_info(t);
    const uint8_t *b = src;
    for (size_t i = 0; i < n; i += info->block, b += info->bytes) block_of[t](b, dst + i);
}
