/* test_sampler.c - every step by hand, all steps against a slow and plain rendering of the file head of sampler.c. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "infer/sampler.h"
#include "kernel/math.h"

#include <cmocka.h> /* last: it has a macro named fail */

static struct hearth_sampling plain(float temperature) {
    struct hearth_sampling p;
    hearth_sampling_defaults(&p);
    p.temperature = temperature;
    p.top_k = 0;
    p.top_p = 1;
    p.min_p = 0;
    return p;
}

static int32_t pick(const float *l, int32_t n, const int32_t *history, size_t n_history,
                    const struct hearth_sampling *p, uint64_t position) {
    struct sampler s;
    int32_t id = -1;
    assert_int_equal(sampling_check(p, n), HEARTH_OK);
    assert_int_equal(sampler_init(&s, n), HEARTH_OK);
    assert_int_equal(sampler_pick(&s, l, history, n_history, p, position, NULL, &id), HEARTH_OK);
    for (int32_t i = 0; i < n; i++) assert_int_equal(s.count[i], 0);
    sampler_free(&s);
    assert_in_range(id, 0, n - 1);
    return id;
}

/* How often each of n tokens is drawn over `draws` positions. */
static void tally(const float *l, int32_t n, const struct hearth_sampling *p, int draws, int *count) {
    struct sampler s;
    assert_int_equal(sampler_init(&s, n), HEARTH_OK);
    memset(count, 0, (size_t)n * sizeof *count);
    for (int i = 0; i < draws; i++) {
        int32_t id;
        assert_int_equal(sampler_pick(&s, l, NULL, 0, p, (uint64_t)i, NULL, &id), HEARTH_OK);
        count[id]++;
    }
    sampler_free(&s);
}

static void greedy_takes_the_largest_and_the_lower_of_equals(void **state) {
    (void)state;
    struct hearth_sampling p = plain(0);
    assert_int_equal(pick((float[]){ 1, 3, 2, 3 }, 4, NULL, 0, &p, 0), 1);
    assert_int_equal(pick((float[]){ -5 }, 1, NULL, 0, &p, 0), 0);
    assert_int_equal(pick((float[]){ -0.0f, 0.0f }, 2, NULL, 0, &p, 0), 0);
    float l[1000];
    for (int i = 0; i < 1000; i++) l[i] = (float)(i % 37);
    assert_int_equal(pick(l, 1000, NULL, 0, &p, 7), 36);
}

static void bias_comes_first(void **state) {
    (void)state;
    struct hearth_sampling p = plain(0);
    p.bias = (struct hearth_bias[]){ { 2, 1.5f }, { 2, 1.5f }, { 1, -INFINITY } };
    p.n_bias = 3;
    assert_int_equal(pick((float[]){ 4, 9, 2 }, 3, NULL, 0, &p, 0), 2);
    p.repeat_penalty = 2; /* (2 + 3) / 2 = 2.5 < 4 */
    assert_int_equal(pick((float[]){ 4, 9, 2 }, 3, (int32_t[]){ 2 }, 1, &p, 0), 0);
    p.bias = (struct hearth_bias[]){ { 0, -INFINITY }, { 1, -INFINITY } };
    p.n_bias = 2;
    for (int t = 0; t < 2; t++) {
        p.temperature = (float)t;
        struct sampler s;
        int32_t id;
        assert_int_equal(sampler_init(&s, 2), HEARTH_OK);
        assert_int_equal(sampler_pick(&s, (float[]){ 1, 2 }, NULL, 0, &p, 0, NULL, &id), HEARTH_EUSAGE);
        assert_non_null(strstr(hearth_errmsg(), "logit_bias"));
        sampler_free(&s);
    }
}

static void what_the_mask_forbids_is_never_picked(void **state) {
    (void)state;
    enum { N = 70 };
    float l[N];
    static const int32_t history[] = { 3, 40, 66 };
    for (int i = 0; i < N; i++) l[i] = (float)(i % 9) - 20.0f * (i == 3 || i == 40 || i == 66);
    uint32_t mask[] = { 1u << 3, 1u << 8, 1u << 2 }, none[] = { 0, 0, 0xffffffc0u }; /* bits past the last token say nothing */
    struct sampler s;
    assert_int_equal(sampler_init(&s, N), HEARTH_OK);
    for (int round = 0; round < 200; round++) {
        struct hearth_sampling p = plain(round % 4 ? (float)(round % 4) : 0);
        int32_t id;
        p.top_k = round % 5 * 10;
        p.top_p = round % 3 ? 1 : 0.9f;
        p.min_p = round % 7 ? 0 : 0.3f;
        p.repeat_penalty = round % 2 ? 1 : 30;
        p.frequency_penalty = round % 2 ? 0 : -500;
        p.bias = (struct hearth_bias[]){ { 5, 1e6f }, { 66, -1e6f } };
        p.n_bias = 2;
        assert_int_equal(sampler_pick(&s, l, history, 3, &p, (uint64_t)round, mask, &id), HEARTH_OK);
        assert_true(id == 3 || id == 40 || id == 66);
        assert_int_equal(sampler_pick(&s, l, history, 3, &p, (uint64_t)round, none, &id), HEARTH_EUSAGE);
        assert_non_null(strstr(hearth_errmsg(), "that the grammar allows here"));
    }
    sampler_free(&s);
}

static void penalties_look_back_as_far_as_told(void **state) {
    (void)state;
    static const int32_t history[] = { 0, 1, 1, 2 };
    struct hearth_sampling p = plain(0);
    p.repeat_penalty = 2;
    p.repeat_last = 1;
    assert_int_equal(pick((float[]){ 5, 6, 7, 4 }, 4, history, 4, &p, 0), 1); /* 5 6 3.5 4 */
    p.repeat_last = 3;
    assert_int_equal(pick((float[]){ 5, 6, 7, 4 }, 4, history, 4, &p, 0), 0); /* 5 3 3.5 4 */
    p.repeat_last = -1;
    assert_int_equal(pick((float[]){ 5, 6, 7, 4 }, 4, history, 4, &p, 0), 3);
    p.repeat_last = 0;
    assert_int_equal(pick((float[]){ 5, 6, 7, 4 }, 4, history, 4, &p, 0), 2);
    p.repeat_last = 100;
    assert_int_equal(pick((float[]){ -3, -2, -2.5f, -3.5f }, 4, history, 4, &p, 0), 3); /* -6 -4 -5 -3.5 */
    assert_int_equal(pick((float[]){ -3, -2 }, 2, (int32_t[]){ 1, -1, 2, 99 }, 4, &p, 0), 0); /* -3 -4 */
    p.repeat_penalty = 1;
    p.presence_penalty = 1; /* once, not for each occurrence */
    assert_int_equal(pick((float[]){ 5, 5.5f, 5, 4.25f }, 4, history, 4, &p, 0), 1); /* 4 4.5 4 4.25 */
    p.presence_penalty = 0;
    p.frequency_penalty = 1;
    assert_int_equal(pick((float[]){ 5, 5.5f, 5, 3.75f }, 4, history, 4, &p, 0), 0); /* 4 3.5 4 3.75 */
    p.repeat_penalty = 2; /* then - 0.25, then - 2 * 0.5 */
    p.presence_penalty = 0.25f;
    p.frequency_penalty = 0.5f;
    assert_int_equal(pick((float[]){ 0, 8, 0, 2.74f }, 4, history, 4, &p, 0), 1); /* 2.75 */
    assert_int_equal(pick((float[]){ 0, 8, 0, 2.76f }, 4, history, 4, &p, 0), 3);
}

static void cuts_leave_what_they_should(void **state) {
    (void)state;
    /* weights 1, 1/2, 1/4, 1/8, 1/8: of 2 */
    const float ln2 = 0.6931472f, l[5] = { -2 * ln2, 0, -3 * ln2, -ln2, -3 * ln2 };
    int n[5];
    struct hearth_sampling p = plain(1);
    p.top_k = 2;
    tally(l, 5, &p, 3000, n);
    assert_int_equal(n[0] + n[2] + n[4], 0);
    assert_in_range(n[1], 1890, 2110); /* 2/3, four standard deviations */
    p.top_k = 4; /* of the two equal ones the lower */
    tally(l, 5, &p, 3000, n);
    assert_true(n[2] > 0 && n[4] == 0);
    p.top_k = 1;
    tally(l, 5, &p, 100, n);
    assert_int_equal(n[1], 100);
    p.top_k = 0;
    p.top_p = 0.74f; /* 1/2 + 1/4 reach it */
    tally(l, 5, &p, 3000, n);
    assert_true(n[0] == 0 && n[3] > 0);
    p.top_p = 0.76f;
    tally(l, 5, &p, 3000, n);
    assert_true(n[0] > 0 && n[2] + n[4] == 0);
    p.top_p = 0; /* at least one */
    tally(l, 5, &p, 100, n);
    assert_int_equal(n[1], 100);
    p.top_p = 1;
    p.min_p = 0.2f;
    tally(l, 5, &p, 3000, n);
    assert_true(n[0] > 0 && n[2] + n[4] == 0);
    p.min_p = 1;
    tally(l, 5, &p, 100, n);
    assert_int_equal(n[1], 100);
    p.min_p = 0.3f; /* temperature comes after the cut: a high one lets nothing in */
    p.temperature = 1000;
    tally(l, 5, &p, 3000, n);
    assert_int_equal(n[0] + n[2] + n[4], 0);
    assert_in_range(n[1], 1390, 1610); /* and flattens what is left */
}

static void draws_follow_the_distribution(void **state) {
    (void)state;
    float l[20];
    int n[20];
    const int draws = 100000;
    for (int i = 0; i < 20; i++) l[i] = (float)(i * 7 % 20) * 0.2f - 40;
    for (int t = 0; t < 3; t++) {
        struct hearth_sampling p = plain(t == 0 ? 0.5f : t == 1 ? 1 : 3);
        p.seed = 12345 + (uint64_t)t;
        tally(l, 20, &p, draws, n);
        double sum = 0, chi2 = 0;
        for (int i = 0; i < 20; i++) sum += exp((double)l[i] / (double)p.temperature);
        for (int i = 0; i < 20; i++) {
            double want = draws * exp((double)l[i] / (double)p.temperature) / sum;
            chi2 += (n[i] - want) * (n[i] - want) / want;
        }
        assert_true(chi2 < 43.8); /* 19 degrees of freedom, one in a thousand */
    }
}

static void seed_and_position_decide_and_nothing_else(void **state) {
    (void)state;
    float l[64] = { 0 };
    struct hearth_sampling p = plain(1);
    int differ_position = 0, differ_seed = 0;
    for (uint64_t i = 0; i < 50; i++) {
        p.seed = 1;
        int32_t a = pick(l, 64, NULL, 0, &p, i);
        assert_int_equal(a, (int)(random_uniform(1, i, 0) * 64)); /* equal weights: the draw is plain to see */
        assert_int_equal(pick(l, 64, (int32_t[]){ 3 }, 1, &p, i), a);
        differ_position += pick(l, 64, NULL, 0, &p, i + 1) != a;
        p.seed = 2;
        differ_seed += pick(l, 64, NULL, 0, &p, i) != a;
    }
    assert_true(differ_position > 40 && differ_seed > 40);
}

/* ---- the slow rendering: sort everything, keep the first so many ---- */

static const float *sort_by;
static int descending(const void *a, const void *b) {
    int32_t i = *(const int32_t *)a, j = *(const int32_t *)b;
    if (sort_by[i] != sort_by[j]) return sort_by[i] > sort_by[j] ? -1 : 1;
    return i < j ? -1 : 1;
}
static int ascending(const void *a, const void *b) { return *(const int32_t *)a < *(const int32_t *)b ? -1 : 1; }

/* 16 partial sums and the tree, over the first n of order, in ascending id. */
static float whole(const float *l, const int32_t *order, int32_t n, float max, float temperature) {
    int32_t id[4096];
    float part[16] = { 0 };
    memcpy(id, order, (size_t)n * sizeof *id);
    qsort(id, (size_t)n, sizeof *id, ascending);
    for (int32_t i = 0; i < n; i++) part[i % 16] += hm_exp((l[id[i]] - max) / temperature);
    for (int half = 8; half > 0; half /= 2)
        for (int i = 0; i < half; i++) part[i] += part[i + half];
    return part[0];
}

static int32_t slow_pick(const float *logits, int32_t n, const int32_t *history, size_t n_history,
                         const struct hearth_sampling *p, uint64_t position) {
    float l[4096], sum = 0;
    int32_t order[4096], kept = n;
    memcpy(l, logits, (size_t)n * sizeof *l);
    for (size_t i = 0; i < p->n_bias; i++) l[p->bias[i].id] += p->bias[i].bias;
    size_t first = p->repeat_last < 0 || (size_t)p->repeat_last > n_history ? 0 : n_history - (size_t)p->repeat_last;
    for (int32_t id = 0; id < n; id++) {
        int count = 0;
        for (size_t i = first; i < n_history; i++) count += history[i] == id;
        if (!count) continue;
        l[id] = l[id] > 0 ? l[id] / p->repeat_penalty : l[id] * p->repeat_penalty;
        l[id] -= p->presence_penalty;
        l[id] -= (float)count * p->frequency_penalty;
    }
    for (int32_t i = 0; i < n; i++) order[i] = i;
    sort_by = l;
    qsort(order, (size_t)n, sizeof *order, descending);
    float max = l[order[0]];
    if (p->temperature == 0) return order[0];
    if (p->top_k > 0 && p->top_k < kept) kept = p->top_k;
    if (p->top_p < 1) {
        float goal = p->top_p * whole(l, order, kept, max, 1);
        int32_t k = 0;
        do sum += hm_exp(l[order[k++]] - max);
        while (k < kept && sum < goal);
        kept = k;
    }
    while (hm_exp(l[order[kept - 1]] - max) < p->min_p) kept--;
    float goal = random_uniform(p->seed, position, 0) * whole(l, order, kept, max, p->temperature);
    sum = 0;
    int32_t last = 0;
    for (int32_t k = 0; k < kept; k++) {
        float weight = hm_exp((l[order[k]] - max) / p->temperature);
        if (weight > 0) last = order[k];
        sum += weight;
        if (sum > goal) return order[k];
    }
    return last;
}

static uint64_t drawn;
static float U(void) { return random_uniform(77, drawn++, 5); }

static void all_steps_agree_with_the_slow_rendering(void **state) {
    (void)state;
    static const int32_t sizes[] = { 1, 2, 5, 17, 100, 1000, 4096 };
    static float l[4096];
    static int32_t history[300];
    int distinct = 0;
    int32_t before = -1;
    for (int round = 0; round < 3000; round++) {
        int32_t n = sizes[round % 7];
        int coarse = U() < 0.3f; /* many ties */
        float spread = U() * 20;
        for (int32_t i = 0; i < n; i++) l[i] = coarse ? floorf(U() * 6) : (U() - 0.5f) * spread;
        size_t n_history = (size_t)(U() * 300);
        for (size_t i = 0; i < n_history; i++) history[i] = (int32_t)(U() * (float)n);
        struct hearth_bias bias[3] = { { (int32_t)(U() * (float)n), (U() - 0.5f) * 9 },
                                       { (int32_t)(U() * (float)n), n > 1 ? -INFINITY : -1 },
                                       { (int32_t)(U() * (float)n), 2 } };
        struct hearth_sampling p = plain(U() < 0.1f ? 0 : U() * 2);
        if (U() < 0.5f) p.top_k = 1 + (int)(U() * 60);
        if (U() < 0.1f) p.top_k = n + (int)(U() * 3) - 1;
        if (U() < 0.5f) p.top_p = U();
        if (U() < 0.5f) p.min_p = U() * 0.5f;
        if (U() < 0.5f) p.repeat_penalty = 0.8f + U();
        if (U() < 0.3f) p.presence_penalty = U() * 2 - 1;
        if (U() < 0.3f) p.frequency_penalty = U() * 2 - 1;
        if (U() < 0.5f) p.repeat_last = (int)(U() * 400) - 1;
        p.bias = bias;
        p.n_bias = (size_t)(U() * 4);
        p.seed = (uint64_t)round << 30;
        int32_t want = slow_pick(l, n, history, n_history, &p, drawn), got = pick(l, n, history, n_history, &p, drawn);
        if (got != want) fail_msg("round %d, n %d: %d, not %d", round, n, got, want);
        distinct += got != before;
        before = got;
    }
    assert_true(distinct > 1500);
}

static void a_whole_vocabulary_is_no_trouble(void **state) {
    (void)state;
    enum { N = 262144 };
    float *l = malloc(N * sizeof *l);
    assert_non_null(l);
    for (int i = 0; i < N; i++) l[i] = random_uniform(3, (uint64_t)i, 1) * 4;
    struct hearth_sampling p = plain(1);
    int low = 0, high = 0;
    for (uint64_t at = 0; at < 10; at++) {
        int32_t id = pick(l, N, NULL, 0, &p, at);
        if (l[id] < 2) low++; /* e^2 times rarer above */
        else high++;
        p.top_k = at < 5 ? 0 : 100000;
        p.top_p = at % 2 ? 0.9f : 1;
    }
    assert_true(high > low);
    free(l);
}

static void parameters_out_of_range_are_refused(void **state) {
    (void)state;
    struct hearth_sampling d, p;
    hearth_sampling_defaults(&d);
    assert_int_equal(sampling_check(&d, 100), HEARTH_OK);
#define REFUSED(field, value, message) \
    do { \
        p = d; \
        p.field = value; \
        assert_int_equal(sampling_check(&p, 100), HEARTH_EUSAGE); \
        assert_string_equal(hearth_errmsg(), message); \
    } while (0)
    REFUSED(temperature, NAN, "temperature: nan is not in 0 .. 1e+06");
    REFUSED(temperature, -NAN, "temperature: nan is not in 0 .. 1e+06");
    REFUSED(temperature, -0.5f, "temperature: -0.5 is not in 0 .. 1e+06");
    REFUSED(temperature, INFINITY, "temperature: inf is not in 0 .. 1e+06");
    REFUSED(top_k, -1, "top_k: -1 is not in 0 .. 2147483647");
    REFUSED(top_p, 1.5f, "top_p: 1.5 is not in 0 .. 1");
    REFUSED(top_p, NAN, "top_p: nan is not in 0 .. 1");
    REFUSED(min_p, -0.25f, "min_p: -0.25 is not in 0 .. 1");
    REFUSED(repeat_penalty, 0, "repeat_penalty: 0 is not in 0.01 .. 100");
    REFUSED(presence_penalty, 1e9f, "presence_penalty: 1e+09 is not in -1000 .. 1000");
    REFUSED(frequency_penalty, NAN, "frequency_penalty: nan is not in -1000 .. 1000");
    REFUSED(repeat_last, -2, "repeat_last: -2 is not in -1 .. 2147483647");
    REFUSED(n_bias, 1, "logit_bias: 1 entries, but none are given");
    struct hearth_bias b[] = { { 0, 1 }, { 100, 1 } };
    d.bias = b;
    REFUSED(n_bias, 2, "logit_bias[1]: token 100 is not in 0 .. 99");
    b[1] = (struct hearth_bias){ -1, 0 };
    REFUSED(n_bias, 2, "logit_bias[1]: token -1 is not in 0 .. 99");
    b[1] = (struct hearth_bias){ 7, INFINITY };
    REFUSED(n_bias, 2, "logit_bias[1]: inf for token 7 is neither -inf nor in -1e6 .. 1e6");
    b[1] = (struct hearth_bias){ 7, NAN };
    REFUSED(n_bias, 2, "logit_bias[1]: nan for token 7 is neither -inf nor in -1e6 .. 1e6");
}

static void logits_must_be_finite(void **state) {
    (void)state;
    static const float bad[] = { NAN, INFINITY };
    for (int t = 0; t < 2; t++)
        for (int k = 0; k < 2; k++) {
            struct hearth_sampling p = plain((float)t);
            struct sampler s;
            int32_t id;
            assert_int_equal(sampler_init(&s, 3), HEARTH_OK);
            assert_int_equal(sampler_pick(&s, (float[]){ 1, bad[k], 2 }, NULL, 0, &p, 0, NULL, &id), HEARTH_ENUMERIC);
            sampler_free(&s);
            sampler_free(&s);
        }
}

static void log_probabilities_are_those_of_the_model(void **state) {
    (void)state;
    static float l[5000];
    for (int i = 0; i < 5000; i++) l[i] = floorf(random_uniform(8, (uint64_t)i, 0) * 64) * 0.25f - 3;
    double sum = 0;
    for (int i = 0; i < 5000; i++) sum += exp((double)l[i]);
    assert_true(fabs((double)logits_logsumexp(l, 5000) - log(sum)) < 2e-6);
    float own;
    struct hearth_logprob top[LOGPROBS_MAX];
    logits_logprobs(l, 5000, 1234, LOGPROBS_MAX, &own, top);
    assert_true(fabs((double)own - ((double)l[1234] - log(sum))) < 2e-6);
    int32_t order[5000];
    for (int i = 0; i < 5000; i++) order[i] = i;
    sort_by = l;
    qsort(order, 5000, sizeof *order, descending);
    for (int i = 0; i < LOGPROBS_MAX; i++) {
        assert_int_equal(top[i].id, order[i]); /* ties to the lower id */
        assert_true(top[i].logprob == l[order[i]] - logits_logsumexp(l, 5000));
    }
    logits_logprobs(l, 5000, 0, 0, &own, NULL);
    logits_logprobs((float[]){ 7 }, 1, 0, 1, &own, top);
    assert_true(own == 0 && top[0].id == 0 && top[0].logprob == 0);
    assert_true(fabsf(logits_logsumexp((float[]){ 1e4f, 1e4f }, 2) - 10000.693f) < 1e-3f); /* no overflow */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greedy_takes_the_largest_and_the_lower_of_equals),
        cmocka_unit_test(bias_comes_first),
        cmocka_unit_test(what_the_mask_forbids_is_never_picked),
        cmocka_unit_test(penalties_look_back_as_far_as_told),
        cmocka_unit_test(cuts_leave_what_they_should),
        cmocka_unit_test(draws_follow_the_distribution),
        cmocka_unit_test(seed_and_position_decide_and_nothing_else),
        cmocka_unit_test(all_steps_agree_with_the_slow_rendering),
        cmocka_unit_test(a_whole_vocabulary_is_no_trouble),
        cmocka_unit_test(parameters_out_of_range_are_refused),
        cmocka_unit_test(logits_must_be_finite),
        cmocka_unit_test(log_probabilities_are_those_of_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
