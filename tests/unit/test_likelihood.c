/* test_likelihood.c - answers scored side by side behind a shared beginning get the bits that each has alone. */
#include <math.h>

#include "engine_test.h"
#include "infer/sampler.h"
#include "work/likelihood.h"

enum { CTX = 320, VOCABULARY = 512, MOST = 120 };

static int32_t tokens[4096];

static int setup(void **state)
{
    struct model_spec spec = { .type = "Q4_0", .width = 64, .seed = 5, .vocab = VOCABULARY };
    *state = make_and_open(&spec, &(struct hearth_model_params){ .threads = 2 });
    for (int i = 0; i < 4096; i++) tokens[i] = (int32_t)(random_uniform(3, (uint64_t)i, 9) * VOCABULARY);
    return 0;
}

static int teardown(void **state)
{
    hearth_model_close(*state);
    return 0;
}

/* In a session of its own, all in one go. */
static void alone(struct hearth_model *m, const int32_t *context, size_t n, struct continuation *c)
{
    static float logits[CTX * VOCABULARY];
    static int32_t ids[CTX + MOST];
    struct hearth_session *s;
    if (n + c->n - 1 > CTX) context += n + c->n - 1 - CTX, n = CTX + 1 - c->n;
    memcpy(ids, context, n * sizeof *ids);
    memcpy(ids + n, c->ids, c->n * sizeof *ids);
    good(hearth_session_open(m, &(struct hearth_session_params){ .ctx = CTX }, &s));
    good(hearth_session_eval_all(s, ids, n + c->n - 1, logits));
    c->logprob = 0, c->greedy = 1;
    for (size_t i = 0; i < c->n; i++) {
        const float *row = logits + (n + i - 1) * VOCABULARY;
        float p;
        int32_t best = 0;
        logits_logprobs(row, VOCABULARY, c->ids[i], 0, &p, NULL);
        for (int32_t k = 1; k < VOCABULARY; k++) if (row[k] > row[best]) best = k;
        c->logprob += (double)p, c->greedy &= best == c->ids[i];
    }
    hearth_session_close(s);
}

static void same_as_alone(struct hearth_model *m, struct likelihood *l, const int32_t *context, size_t n, const size_t *lengths, size_t count)
{
    static struct continuation c[MOST], want;
    for (size_t i = 0; i < count; i++) c[i] = (struct continuation){ .ids = tokens + 2000 + 7 * i, .n = lengths[i % 4] };
    good(likelihood_score(l, context, n, c, count, NULL));
    for (size_t i = 0; i < count; i++) {
        want = c[i];
        alone(m, context, n, &want);
        assert_memory_equal(&want.logprob, &c[i].logprob, sizeof want.logprob);
        assert_int_equal(want.greedy, c[i].greedy);
        assert_int_equal(c[i].cut, n + c[i].n - 1 > CTX);
    }
}

static void side_by_side(void **state)
{
    struct likelihood *l;
    uint64_t computed, shared;
    good(likelihood_open(*state, NULL, CTX, &l));
    assert_int_equal(likelihood_context(l), CTX);
    static const size_t lengths[] = { 1, 3, 2, 5 }, long_ones[] = { 1, 100, 64, 2 };
    same_as_alone(*state, l, tokens, 150, lengths, 4);
    same_as_alone(*state, l, tokens, 150, lengths, MOST);      /* the same context, more than fit side by side */
    same_as_alone(*state, l, tokens, 128, lengths, 4);         /* shorter, to a block's end */
    same_as_alone(*state, l, tokens, 1, lengths, 4);
    likelihood_counts(l, &computed, &shared);
    assert_int_equal(shared, 149 + 127 + 0);
    same_as_alone(*state, l, tokens + 1, 90, long_ones, 8);
    same_as_alone(*state, l, tokens, 300, long_ones, 8);       /* some are cut, some not */
    likelihood_close(l);
}

/* The likeliest token itself, forced: greedy all the way. */
static void greedy(void **state)
{
    struct likelihood *l;
    int32_t ids[6];
    good(likelihood_open(*state, NULL, CTX, &l));
    struct hearth_session *s;
    good(hearth_session_open(*state, &(struct hearth_session_params){ .ctx = CTX }, &s));
    good(hearth_session_eval(s, tokens, 40, NULL));
    for (int i = 0; i < 6; i++) {
        const float *row = hearth_session_logits(s);
        ids[i] = 0;
        for (int32_t k = 1; k < VOCABULARY; k++) if (row[k] > row[ids[i]]) ids[i] = k;
        good(hearth_session_eval(s, &ids[i], 1, NULL));
    }
    struct continuation c[2] = { { .ids = ids, .n = 6 }, { .ids = tokens + 50, .n = 3 } };
    good(likelihood_score(l, tokens, 40, c, 2, NULL));
    assert_int_equal(c[0].greedy, 1);
    assert_int_equal(c[1].greedy, 0);
    hearth_session_close(s);
    likelihood_close(l);
}

static void refused(void **state)
{
    struct likelihood *l;
    int stop = 1;
    good(likelihood_open(*state, NULL, CTX, &l));
    struct continuation c = { .ids = tokens, .n = CTX + 1 }, none = { .ids = tokens, .n = 0 }, ok = { .ids = tokens, .n = 3 };
    int32_t outside = VOCABULARY;
    assert_int_equal(likelihood_score(l, tokens, 3, &c, 1, NULL), HEARTH_ECONTEXT);
    assert_int_equal(likelihood_score(l, tokens, 3, &none, 1, NULL), HEARTH_EUSAGE);
    assert_int_equal(likelihood_score(l, tokens, 0, &ok, 1, NULL), HEARTH_EUSAGE);
    assert_int_equal(likelihood_score(l, &outside, 1, &ok, 1, NULL), HEARTH_EUSAGE);
    assert_int_equal(likelihood_score(l, tokens, 3, &ok, 1, &stop), HEARTH_ECANCELLED);
    static const size_t lengths[] = { 4, 3, 2, 5 };
    same_as_alone(*state, l, tokens, 70, lengths, 4);          /* and is none the worse for it */
    likelihood_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(side_by_side), cmocka_unit_test(greedy), cmocka_unit_test(refused) };
    return cmocka_run_group_tests(tests, setup, teardown);
}
