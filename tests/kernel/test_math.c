/* test_math.c - how far hearth's elementary functions are from the true values.
 *
 * The reference is libm in double (exp, log, tanh, sin, cos: below 1 ulp of a double, so 2^-29 of what is measured here)
 * or long double (pow, sin and cos of large arguments).  An error is counted in units in the last place of the F32 next
 * to the true value; below 2^-126 that unit is 2^-149.  A correctly rounded function has 0.5.
 *
 * Arguments are F32 bit patterns in steps of STEP, a prime, so that all exponents and all low bits occur; with
 * HEARTH_TEST_ALL=1 every float is taken (some minutes).  The largest error found is printed with each function. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/random.h"
#include "kernel/math.h"

#define LANES 1
#include "kernel/isa/scalar.h"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include "kernel/vmath.h"
#pragma GCC diagnostic pop

enum { STEP = 499 };

static uint32_t step_size(void) { return getenv("HEARTH_TEST_ALL") ? 1 : STEP; }

static float from_bits(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static uint32_t to_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

/* |found - truth| in units in the last place of an F32 of truth's size. */
static double ulps(float found, long double truth)
{
    if (fabsl(truth) > FLT_MAX) return isinf(found) && signbit(found) == signbit(truth) ? 0 : INFINITY;
    int e;
    frexpl(truth, &e);
    if (truth == 0 || e < -125) e = -125;
    return (double)fabsl(ldexpl((long double)found - truth, 24 - e));
}

struct worst { double error; float at; uint64_t n; };

static void note(struct worst *w, double error, float at)
{
    w->n++;
    if (error > w->error || error != error) { w->error = error; w->at = at; }
}

static void judge(const char *name, const struct worst *w, double bound, const char *unit)
{
    print_message("# %s: at most %.6g %s, at %a, of %llu arguments\n", name, w->error, unit, (double)w->at,
                  (unsigned long long)w->n);
    assert_true(w->n > 1000);
    assert_true(w->error <= bound);
}

/* Every float from low to high, both of the same sign and low nearer to zero. */
static void walk(struct worst *w, float (*f)(float), double (*truth)(double), float low, float high)
{
    for (uint64_t u = to_bits(low), end = to_bits(high), step = step_size(); u <= end; u += step) {
        float x = from_bits((uint32_t)u);
        note(w, ulps(f(x), truth(x)), x);
    }
    note(w, ulps(f(high), truth(high)), high);
}

static void exp_is_near(void **state)
{
    (void)state;
    struct worst w = { 0 };
    walk(&w, hm_exp, exp, 0.0f, 88.72283f);
    walk(&w, hm_exp, exp, -0.0f, -104.0f);
    judge("exp", &w, 1.5, "ulp");
    assert_true(hm_exp(0.0f) == 1.0f && hm_exp(-0.0f) == 1.0f);
    assert_true(hm_exp(88.73f) == INFINITY && hm_exp(FLT_MAX) == INFINITY && hm_exp(INFINITY) == INFINITY);
    assert_true(hm_exp(-104.1f) == 0.0f && hm_exp(-FLT_MAX) == 0.0f && hm_exp(-INFINITY) == 0.0f);
}

static void log_is_near(void **state)
{
    (void)state;
    struct worst w = { 0 };
    walk(&w, hm_log, log, 0x1p-149f, FLT_MAX);
    judge("log", &w, 0.51, "ulp");
    assert_true(hm_log(1.0f) == 0.0f && hm_log(0.0f) == -INFINITY);
}

static void tanh_is_near(void **state)
{
    (void)state;
    struct worst w = { 0 };
    walk(&w, hm_tanh, tanh, 0.0f, FLT_MAX);
    walk(&w, hm_tanh, tanh, -0.0f, -FLT_MAX);
    judge("tanh", &w, 2.5, "ulp");
    assert_true(hm_tanh(INFINITY) == 1.0f && hm_tanh(-INFINITY) == -1.0f);
    for (uint64_t u = 0; u < 0x7f800000; u += 9973)
        assert_true(hm_tanh(from_bits((uint32_t)u)) == -hm_tanh(-from_bits((uint32_t)u)));
}

static void erf_is_near(void **state)
{
    (void)state;
    struct worst w = { 0 };
    walk(&w, hm_erf, erf, 0x1p-126f, FLT_MAX);
    walk(&w, hm_erf, erf, -0x1p-126f, -FLT_MAX);
    judge("erf", &w, 1.5, "ulp");
    assert_true(hm_erf(INFINITY) == 1.0f && hm_erf(-INFINITY) == -1.0f && hm_erf(0.0f) == 0.0f);
    for (uint64_t u = 0; u < 0x7f800000; u += 9973)
        assert_true(hm_erf(from_bits((uint32_t)u)) == -hm_erf(-from_bits((uint32_t)u)));
}

/* Near a multiple of pi/2 a double argument is not the trouble, but libm's double result may be: long double. */
static double sin_truth(double x) { return (double)sinl((long double)x); }
static double cos_truth(double x) { return (double)cosl((long double)x); }

static void sin_and_cos_are_near(void **state)
{
    (void)state;
    struct worst s = { 0 }, c = { 0 };
    walk(&s, hm_sin, sin_truth, 0.0f, 0x1p19f);
    walk(&s, hm_sin, sin_truth, -0.0f, -0x1p19f);
    walk(&c, hm_cos, cos_truth, 0.0f, 0x1p19f);
    walk(&c, hm_cos, cos_truth, -0.0f, -0x1p19f);
    for (int p = 0; p < 524288; p++) {      /* positions times frequency 1, the largest angles of a rope table */
        note(&s, ulps(hm_sin((float)p), sinl(p)), (float)p);
        note(&c, ulps(hm_cos((float)p), cosl(p)), (float)p);
    }
    judge("sin", &s, 0.51, "ulp");
    judge("cos", &c, 0.51, "ulp");
    assert_true(hm_sin(0.0f) == 0.0f && hm_cos(0.0f) == 1.0f);
}

static void pow_is_near(void **state)
{
    (void)state;
    struct worst w = { 0 }, rope = { 0 };
    for (uint64_t i = 0; w.n < 1000000; i++) {
        float x = from_bits((uint32_t)(random_uniform(5, i, 0) * (float)0x7f800000));
        float y = (random_uniform(5, i, 1) * 2 - 1) * (i % 2 ? 3.0f : 100.0f);
        long double truth = powl((long double)x, (long double)y);
        if (x > 0 && fabsl(truth) >= 0x1p-149L && truth < FLT_MAX) note(&w, ulps(hm_pow(x, y), truth), x);
    }
    judge("pow", &w, 0.51, "ulp");
    static const float bases[] = { 10000, 100000, 500000, 1000000, 8000000, 1e9f };
    for (size_t b = 0; b < sizeof bases / sizeof *bases; b++)
        for (int width = 32; width <= 256; width += 16)
            for (int i = 0; i < width; i += 2) {
                float y = -(float)i / (float)width;
                note(&rope, ulps(hm_pow(bases[b], y), powl(bases[b], y)), y);
            }
    judge("pow of rope bases", &rope, 0.51, "ulp");
    assert_true(hm_pow(2.0f, 10.0f) == 1024.0f && hm_pow(7.0f, 0.0f) == 1.0f && hm_pow(9.0f, 1.0f) == 9.0f);
}

static float silu(float x) { return v_silu(v_set(x)).f[0]; }
static float gelu(float x) { return v_gelu(v_set(x)).f[0]; }
static float gelu_erf(float x) { return v_gelu_erf(v_set(x)).f[0]; }
static double gelu_erf_truth(double x) { return 0.5 * x * erfc(-x * 0.70710678118654752440); }
static double silu_truth(double x) { return x / (1 + exp(-x)); }
static double gelu_truth(double x)
{
    return 0.5 * x * (1 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
}

/* The activations take differences of near numbers on their negative side, so what is bounded there is the error beside
 * the size of the argument. */
static void activations_are_near(void **state)
{
    (void)state;
    struct worst s = { 0 }, g = { 0 }, e = { 0 };
    for (int sign = 0; sign < 2; sign++)
        for (uint64_t u = 0; u <= to_bits(1e6f); u += step_size()) {
            float x = from_bits((uint32_t)u | (uint32_t)sign << 31);
            double unit = fmax(fabs((double)x), FLT_MIN);
            note(&s, fabs(silu(x) - silu_truth(x)) / unit, x);
            note(&g, fabs(gelu(x) - gelu_truth(x)) / unit, x);
            note(&e, fabs(gelu_erf(x) - gelu_erf_truth(x)) / unit, x);
        }
    judge("silu", &s, 2.0e-7, "of |x|");
    judge("gelu", &g, 3.0e-7, "of |x|");
    judge("gelu by erf", &e, 2.0e-7, "of |x|");
    assert_true(silu(0.0f) == 0.0f && gelu(0.0f) == 0.0f && gelu_erf(0.0f) == 0.0f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exp_is_near), cmocka_unit_test(log_is_near), cmocka_unit_test(tanh_is_near), cmocka_unit_test(erf_is_near),
        cmocka_unit_test(sin_and_cos_are_near), cmocka_unit_test(pow_is_near), cmocka_unit_test(activations_are_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
