/* math.c - the scalar elementary functions; see math.h. */
#include "kernel/math.h"

#define LANES 1
#include "kernel/isa/scalar.h"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include "kernel/vmath.h"
#pragma GCC diagnostic pop

float hm_exp(float x) { return v_exp(v_set(x)).f[0]; }
float hm_tanh(float x) { return v_tanh(v_set(x)).f[0]; }
float hm_erf(float x) { return v_erf(v_set(x)).f[0]; }

/* ---- double: enough digits that one rounding at the end decides ---- */

static double nearest(double x) { return floor(x + 0.5); }

static double power_of_two(int n)                      /* |n| <= 1022 */
{
    uint64_t bits = (uint64_t)(n + 1023) << 52;
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

static double double_exp(double x)
{
    if (x > 700) x = 700;
    if (x < -700) x = -700;
    double n = nearest(x * 1.4426950408889634);
    double r = (x - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10;
    double p = 1.0;                                    /* Taylor, by Horner: r^14/14! < 5e-18 for |r| <= 0.347 */
    for (int k = 14; k >= 1; k--) p = 1.0 + r / k * p;
    return p * power_of_two((int)n);
}

static double double_log(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int e = (int)(bits >> 52) - 1023;                  /* x is a positive F32: never subnormal as a double */
    bits = (bits & 0xfffffffffffffull) | 0x3ff0000000000000ull;
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m > 1.4142135623730951) { m = m / 2; e++; }
    double s = (m - 1) / (m + 1), z = s * s, p = 0;    /* log m = 2 atanh s, |s| <= 0.1716 */
    for (int k = 23; k >= 1; k -= 2) p = p * z + 1.0 / k;
    return e * 6.93147180369123816490e-01 + (2 * s * p + e * 1.90821492927058770002e-10);
}

float hm_log(float x)
{
    if (!(x > 0)) return -__builtin_inff();
    return (float)double_log(x);
}

float hm_pow(float x, float y) { return (float)double_exp(y * double_log(x)); }

/* Reduces x to r in [-pi/4, pi/4] and the quadrant (Cody and Waite in two parts of 33 and 53 bits: exact products
 * for |n| < 2^20), then Taylor's series. */
static double sin_cos(double x, int quadrant_offset)
{
    double n = nearest(x * 0.63661977236758138243);
    double r = (x - n * 1.57079632673412561417e+00) - n * 6.07710050650619224932e-11;
    int q = (int)(((int64_t)n + quadrant_offset) & 3);  /* rope's largest angle is 2^24 * 10^4: past an int, not this */
    double z = r * r, p;
    if (q & 1) {
        p = 1.0;
        for (int k = 16; k >= 2; k -= 2) p = 1.0 - z / (k * (k - 1)) * p;
    } else {
        p = 1.0;
        for (int k = 17; k >= 3; k -= 2) p = 1.0 - z / (k * (k - 1)) * p;
        p = p * r;
    }
    return q & 2 ? -p : p;
}

float hm_sin(float x) { return (float)sin_cos(x, 0); }
float hm_cos(float x) { return (float)sin_cos(x, 1); }
