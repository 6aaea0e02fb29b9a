/* test_score.c - scores and statistics against the packages that define them (score_cases.h, made by tools/oracle/scores.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <math.h>

#include "work/score.h"
#include "work/statistics.h"

#include <cmocka.h>
#include "score_cases.h"

#define COUNT(a) (sizeof (a) / sizeof *(a))

static void near_to(double found, double wanted)
{
    if (fabs(found - wanted) > 1e-9) print_error("found %.12g, wanted %.12g\n", found, wanted);
    assert_true(fabs(found - wanted) <= 1e-9);
}

static void texts(void **state)
{
    (void)state;
    struct chrf all = { 0 };
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct chrf one;
        double f;
        assert_int_equal(score_f1(pairs[i].answer, pairs[i].wanted, &f), HEARTH_OK);
        near_to(f, pairs[i].f1);
        const double rouge[3] = { pairs[i].rouge_l, pairs[i].rouge1, pairs[i].rouge2 };
        for (int n = 0; n < 3 && rouge[n] >= 0; n++) {
            assert_int_equal(score_rouge(pairs[i].answer, pairs[i].wanted, n, &f), HEARTH_OK);
            near_to(f, rouge[n]);
        }
        assert_int_equal(chrf_count(pairs[i].answer, pairs[i].wanted, &one), HEARTH_OK);
        near_to(chrf_score(&one), pairs[i].chrf);
        chrf_add(&all, &one);
    }
    near_to(chrf_score(&all), chrf_of_all);
}

/* rouge-score would see no words in these. */
static void other_scripts(void **state)
{
    (void)state;
    double f;
    assert_int_equal(score_rouge("Habari ya Ασία τώρα", "habari ασία", 1, &f), HEARTH_OK);
    near_to(f, 2.0 / 3);
    assert_int_equal(score_rouge("हिन्दी भाषा", "हिन्दी", 1, &f), HEARTH_OK);
    near_to(f, 2.0 / 3);
}

static void exact(void **state)
{
    (void)state;
    static const struct { const char *a, *b; struct score_exact how; int equal; } rows[] = {
        { "Paris", "Paris", { 0, 0, 0 }, 1 },  { "Paris", "paris", { 0, 0, 0 }, 0 },    { "Paris", "pARIS", { 1, 0, 0 }, 1 },
        { "a.b!", "ab", { 0, 1, 0 }, 1 },      { "a1b2", "ab", { 0, 0, 1 }, 1 },        { "É", "é", { 1, 0, 0 }, 1 },
        { "a b", "ab", { 1, 1, 1 }, 0 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int equal = -1;
        assert_int_equal(score_exact(rows[i].a, rows[i].b, &rows[i].how, &equal), HEARTH_OK);
        assert_int_equal(equal, rows[i].equal);
    }
}

static void two_models(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(tests_of_mcnemar); i++) near_to(mcnemar(tests_of_mcnemar[i].a, tests_of_mcnemar[i].b), tests_of_mcnemar[i].p);
    for (size_t i = 0; i < COUNT(intervals); i++) {
        struct interval w = wilson(intervals[i].right, intervals[i].n);
        near_to(w.low, intervals[i].low);
        near_to(w.high, intervals[i].high);
    }
}

/* The first row is the paper's own example (Newcombe, 1998, table I), to its four digits; the others by the formula in Python. */
static void two_shares(void **state)
{
    static const struct { uint64_t both, first, second, neither; double low, high; } rows[] = {
        { 36, 12, 2, 0, 0.05692958400323875, 0.3404276029749406 },   { 20, 12, 2, 16, 0.056156424841748265, 0.32920699540014053 },
        { 43, 0, 1, 0, -0.11807709698213287, 0.0597180083508988 },   { 2, 97, 1, 0, 0.872116478340209, 0.9853664502217372 },
        { 12, 0, 0, 0, -0.2424940066552409, 0.2424940066552409 },    { 0, 0, 0, 0, -1, 1 },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct interval w = paired_difference(rows[i].both, rows[i].first, rows[i].second, rows[i].neither);
        near_to(w.low, rows[i].low);
        near_to(w.high, rows[i].high);
    }
}

static void means(void **state)
{
    (void)state;
    double x[200];
    struct interval a, b;
    for (int i = 0; i < 200; i++) x[i] = i % 4 == 0;
    near_to(mean_of(x, 200), 0.25);
    near_to(standard_error(x, 200), sqrt(0.25 * 0.75 * 200 / 199) / sqrt(200));
    assert_true(isnan(standard_error(x, 1)));
    assert_int_equal(bootstrap_mean(x, 200, 7, &a), HEARTH_OK);
    assert_int_equal(bootstrap_mean(x, 200, 7, &b), HEARTH_OK);
    assert_memory_equal(&a, &b, sizeof a);
    assert_true(fabs(a.low - 0.19) <= 0.011 && fabs(a.high - 0.31) <= 0.011);     /* 0.25 -+ 1.96 x 0.0306 */
    assert_int_equal(bootstrap_mean(x, 200, 8, &b), HEARTH_OK);
    assert_true(fabs(b.low - a.low) <= 0.011);
    size_t sum = 0;                                    /* place by place the same draws, whoever asks */
    for (size_t i = 0; i < 1000; i++) {
        assert_true(bootstrap_item(7, 3, i, 10) < 10);
        sum += bootstrap_item(7, 3, i, 10);
    }
    assert_in_range(sum, 4200, 4800);
}

static void labels(void **state)
{
    (void)state;
    double f;
    assert_int_equal(macro_f1(wanted, answered, COUNT(wanted), 5, -1, &f), HEARTH_OK);
    near_to(f, f1_of_five);
    assert_int_equal(macro_f1(wanted, answered, COUNT(wanted), 5, 1, &f), HEARTH_OK);
    near_to(f, f1_of_class_1);
    const double sure[] = { 0.95, 0.95, 0.55, 0.55, 1 };
    const unsigned char right[] = { 1, 0, 1, 0, 1 };
    near_to(calibration_error(sure, right, 5), (fabs(2.9 - 2) + fabs(1.1 - 1)) / 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts), cmocka_unit_test(other_scripts), cmocka_unit_test(exact),
        cmocka_unit_test(two_models), cmocka_unit_test(two_shares), cmocka_unit_test(means), cmocka_unit_test(labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
