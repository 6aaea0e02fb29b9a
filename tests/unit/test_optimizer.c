/* test_optimizer.c - AdamW against its formula in double, the same bits on any number of threads, and the learning rates. */
#include "train/optimizer.h"
#include "train/schedule.h"
#include "hub_test.h"

#include <math.h>

enum { N = 10000 };

static float noise(uint32_t i) { return (float)((i * 2654435761u >> 8) % 2000) / 1000 - 1; }

static void steps(int threads, const struct optimizer_options *o, float *w)
{
    static float g[N];
    struct optimizer *opt;
    struct pool *pool;
    struct parameter p[2] = { { .name = "a", .value = w, .grad = g, .n = N - 100, .decays = 1 },
                              { .name = "b", .value = w + N - 100, .grad = g + N - 100, .n = 100 } };
    double norm;
    for (uint32_t i = 0; i < N; i++) w[i] = noise(i + 7);
    assert_ok(pool_open(threads, 0, &pool));
    assert_ok(optimizer_open(p, 2, o, pool, &opt));
    for (uint32_t s = 0; s < 5; s++) {
        for (uint32_t i = 0; i < N; i++) g[i] = noise(i * 3 + s);
        assert_ok(optimizer_step(opt, 0.01f, &norm));
        assert_true(norm > 40 && norm < 70);
    }
    optimizer_zero(opt);
    assert_true(g[5] == 0);
    g[N - 3] = NAN;
    float before = w[1];
    assert_fails(optimizer_step(opt, 0.01f, &norm), HEARTH_ENUMERIC, "the gradient of b is not finite");
    assert_true(w[1] == before && opt->step == 5);
    optimizer_close(opt);
    pool_close(pool);
}

static void adamw(void **state)
{
    static float one[N], two[N];
    struct optimizer_options o = optimizer_defaults;
    (void)state;
    o.decay = 0.1f, o.clip = 1;
    steps(1, &o, one), steps(3, &o, two);
    assert_memory_equal(one, two, sizeof one);
    double worst = 0;
    static double m[N], v[N], w[N];
    for (uint32_t i = 0; i < N; i++) w[i] = (double)noise(i + 7);
    for (uint32_t s = 0; s < 5; s++) {
        double norm = 0;
        for (uint32_t i = 0; i < N; i++) norm += (double)noise(i * 3 + s) * (double)noise(i * 3 + s);
        for (uint32_t i = 0; i < N; i++) {
            double g = (double)noise(i * 3 + s) / (sqrt(norm) + 1e-6);
            m[i] = 0.9 * m[i] + 0.1 * g, v[i] = 0.999 * v[i] + 0.001 * g * g;
            if (i < N - 100) w[i] *= 1 - 0.01 * 0.1;
            w[i] -= 0.01 * (m[i] / (1 - pow(0.9, s + 1))) / (sqrt(v[i] / (1 - pow(0.999, s + 1))) + 1e-8);
        }
    }
    for (uint32_t i = 0; i < N; i++) worst = fmax(worst, fabs(w[i] - (double)one[i]));
    assert_true(worst < 1e-5);
}

static void rates(void **state)
{
    struct schedule s = { SCHEDULE_COSINE, 2, 4, 12 };
    (void)state;
    assert_true(schedule_rate(&s, 0) == 0.5f && schedule_rate(&s, 3) == 2 && schedule_rate(&s, 4) == 2);
    assert_float_equal(schedule_rate(&s, 8), 1, 1e-6);
    assert_float_equal(schedule_rate(&s, 12), 0, 1e-6);
    s.kind = SCHEDULE_LINEAR;
    assert_true(schedule_rate(&s, 6) == 1.5f && schedule_rate(&s, 100) == 0);
    s.kind = SCHEDULE_CONSTANT;
    assert_true(schedule_rate(&s, 11) == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(adamw), cmocka_unit_test(rates) };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
