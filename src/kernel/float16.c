/* float16.c - the two 16-bit floats, in integer operations, so that no mode of the processor (flush to zero, rounding)
 * can change a bit.
 *
 *     F32    s eeeeeeee mmmmmmmmmmmmmmmmmmmmmmm    bias 127
 *     F16    s eeeee mmmmmmmmmm                    bias 15; below 2^-14 subnormal, in steps of 2^-24
 *     BF16   s eeeeeeee mmmmmmm                    the upper half of an F32
 *
 * Widening is exact and keeps a NaN's payload.  Narrowing rounds half to even; a NaN stays one, made quiet. */
#include "kernel/types.h"

#include <string.h>

static uint32_t bits_of(float f)
{
    uint32_t u;
    memcpy(&u, &f, 4);
    return u;
}

static float float_of(uint32_t u)
{
    float f;
    memcpy(&f, &u, 4);
    return f;
}

float f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 1023;
    if (exponent == 0) return float_of(sign | bits_of((float)mantissa * 0x1p-24f)); /* both factors normal, the product exact */
    if (exponent == 31) return float_of(sign | 0x7f800000 | mantissa << 13);
    return float_of(sign | (exponent + 127 - 15) << 23 | mantissa << 13);
}

/* x >> shift, rounded half to even; 1 <= shift <= 31. */
static uint32_t shift_round(uint32_t x, unsigned shift)
{
    uint32_t q = x >> shift, rest = x & ((1u << shift) - 1), half = 1u << (shift - 1);
    return q + (rest > half || (rest == half && (q & 1)));
}

uint16_t f32_to_f16(float f)
{
    uint32_t x = bits_of(f), sign = x >> 16 & 0x8000;
    x &= 0x7fffffff;
    if (x > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (x >> 13 & 0x3ff));
    if (x >= 0x477ff000) return (uint16_t)(sign | 0x7c00);      /* 65,520 and above: infinity */
    if (x < 0x33000000) return (uint16_t)sign;                  /* below 2^-25: zero */
    if (x < 0x38800000)                                         /* below 2^-14: in steps of 2^-24 */
        return (uint16_t)(sign | shift_round((x & 0x7fffff) | 0x800000, 126 - (x >> 23)));
    return (uint16_t)(sign | shift_round(x - ((127u - 15) << 23), 13)); /* a carry into the exponent is right */
}

float bf16_to_f32(uint16_t h)
{
    return float_of((uint32_t)h << 16);
}

uint16_t f32_to_bf16(float f)
{
    uint32_t x = bits_of(f);
    if ((x & 0x7fffffff) > 0x7f800000) return (uint16_t)(x >> 16 | 0x40);
    return (uint16_t)shift_round(x, 16);
}
