/* test_cost.c - what a quantised model lost against its source: figures that can be found in another way, and what is refused. */
#include "work/cost.h"       /* before cmocka.h, whose macro fail() would cover our function */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "model_maker.h"
#include <cmocka.h>

enum { CTX = 16 };
static char folder[] = "/tmp/hearth-cost-XXXXXX", source[64], small[64], odd[64];
static char text[600];

static int setup(void **state)
{
    (void)state;
    struct model_spec a = {.width = 64, .type = "F32"}, b = {.width = 64, .vocab = 600};
    if (!mkdtemp(folder)) return 1;
    snprintf(source, sizeof source, "%s/source.gguf", folder);
    snprintf(small, sizeof small, "%s/small.gguf", folder);
    snprintf(odd, sizeof odd, "%s/odd.gguf", folder);
    for (size_t i = 0; i + 1 < sizeof text; i++) text[i] = i % 7 ? (char)('a' + i * i % 23) : ' ';
    return model_make(source, &a) || model_make(odd, &b) || hearth_quantize(source, "Q4_0", small, NULL, NULL);
}

static int teardown(void **state)
{
    (void)state;
    unlink(source), unlink(small), unlink(odd);
    return rmdir(folder);
}

static struct hearth_model *opened(const char *path, int threads)
{
    struct hearth_model *m;
    assert_int_equal(hearth_model_open(path, &(struct hearth_model_params){.threads = threads}, &m), HEARTH_OK);
    return m;
}

/* With libm, in double: divergence and equal top tokens of one window's second half, added. */
static void window_by_hand(const float *a, const float *b, size_t v, double *sum, double *same)
{
    for (size_t t = CTX / 2; t + 1 < CTX; t++, a += v, b += v) {
        double sa = 0, sb = 0;
        size_t ta = 0, tb = 0;
        for (size_t i = 0; i < v; i++) {
            sa += exp((double)a[i]), sb += exp((double)b[i]);
            ta = a[i] > a[ta] ? i : ta, tb = b[i] > b[tb] ? i : tb;
        }
        for (size_t i = 0; i < v; i++) {
            double x = (double)a[i] - log(sa), y = (double)b[i] - log(sb);
            *sum += exp(x) * (x - y);
        }
        *same += ta == tb;
    }
}

static void by_hand(struct hearth_model *p, struct hearth_model *q, double *sum, double *same)
{
    struct hearth_session *s, *t;
    int32_t *ids;
    size_t n, v = 512;
    float *a = malloc(CTX * v * sizeof *a), *b = malloc(CTX * v * sizeof *b);
    assert_true(a && b);
    assert_int_equal(hearth_tokenize(p, text, sizeof text - 1, HEARTH_TOK_SPECIAL, &ids, &n), HEARTH_OK);
    assert_int_equal(hearth_session_open(p, &(struct hearth_session_params){.ctx = CTX}, &s), HEARTH_OK);
    assert_int_equal(hearth_session_open(q, &(struct hearth_session_params){.ctx = CTX}, &t), HEARTH_OK);
    int bos = ids[0] == hearth_bos(p);
    for (size_t w = 0; w < n / CTX; w++) {
        if (bos) ids[w * CTX] = hearth_bos(p);
        assert_int_equal(hearth_session_eval_all(s, ids + w * CTX, CTX, a), HEARTH_OK);
        assert_int_equal(hearth_session_eval_all(t, ids + w * CTX, CTX, b), HEARTH_OK);
        window_by_hand(a + CTX / 2 * v, b + CTX / 2 * v, v, sum, same);
        hearth_session_rewind(s, 0), hearth_session_rewind(t, 0);
    }
    hearth_session_close(s), hearth_session_close(t);
    hearth_free(ids);
    free(a);
    free(b);
}

static void the_figures(void **state)
{
    (void)state;
    struct hearth_model *p = opened(source, 1), *q = opened(small, 1), *other[] = {q, p};
    struct hearth_perplexity_result want;
    struct cost c[3];
    double sum = 0, same = 0;
    assert_int_equal(cost_measure(p, other, 2, text, sizeof text - 1, CTX, NULL, NULL, c), HEARTH_OK);
    for (int i = 0; i < 3; i++) {                          /* the very number of `hearth perplexity` */
        assert_int_equal(hearth_perplexity(i == 1 ? q : p, text, sizeof text - 1, CTX, NULL, NULL, &want), HEARTH_OK);
        assert_true(c[i].perplexity == want.perplexity && c[i].nll_error == want.nll_error && c[i].tokens == want.tokens);
    }
    assert_true(c[0].divergence == 0 && c[0].same_top == 1 && c[2].divergence == 0 && c[2].divergence_most == 0 && c[2].same_top == 1);
    assert_true(c[1].divergence_99 > c[1].divergence && c[1].divergence_most >= c[1].divergence_99);
    by_hand(p, q, &sum, &same);
    if (fabs(sum / (double)c[1].tokens - c[1].divergence) > 1e-5 * c[1].divergence + 1e-7)
        fail_msg("divergence %g, by hand %g", c[1].divergence, sum / (double)c[1].tokens);
    assert_true(fabs(same / (double)c[1].tokens - c[1].same_top) < 1e-9 && same > 0 && c[1].same_top < 1);
    hearth_model_close(p), hearth_model_close(q);
}

static void threads_change_nothing(void **state)
{
    (void)state;
    struct cost want[2], got[2];
    for (int threads = 1; threads <= 3; threads += 2) {
        struct hearth_model *p = opened(source, threads), *q = opened(small, threads);
        memset(got, 0, sizeof got);
        assert_int_equal(cost_measure(p, &q, 1, text, sizeof text - 1, CTX, NULL, NULL, got), HEARTH_OK);
        if (threads == 1) memcpy(want, got, sizeof got);
        assert_memory_equal(want, got, sizeof got);
        hearth_model_close(p), hearth_model_close(q);
    }
}

static int stop(void *user, size_t done, size_t all)
{
    *(size_t *)user = all;
    return done == 2;
}

static void what_is_refused(void **state)
{
    (void)state;
    struct hearth_model *p = opened(source, 1), *q = opened(small, 1), *o = opened(odd, 1);
    struct cost c[2];
    size_t all = 0;
    assert_int_equal(cost_measure(p, &o, 1, text, sizeof text - 1, CTX, NULL, NULL, c), HEARTH_EUSAGE);
    assert_non_null(strstr(hearth_errmsg(), "odd.gguf has 600 tokens, the source 512: only models of one vocabulary can be compared"));
    assert_int_equal(cost_measure(p, &q, 1, text, 10, CTX, NULL, NULL, c), HEARTH_EUSAGE);
    assert_non_null(strstr(hearth_errmsg(), "at least two windows of 16 are needed"));
    assert_int_equal(cost_measure(p, &q, 1, text, sizeof text - 1, 4, NULL, NULL, c), HEARTH_EUSAGE);
    assert_int_equal(cost_measure(p, &q, 1, text, sizeof text - 1, CTX, stop, &all, c), HEARTH_ECANCELLED);
    assert_true(all > 2);
    hearth_model_close(p), hearth_model_close(q), hearth_model_close(o);
}

/* Any model makes embeddings; a line of its own for each of the text's. */
static void embeddings(void **state)
{
    (void)state;
    static const char lines[] = "one line\n\n  and another line, longer\r\nthe last";
    struct hearth_model *p = opened(source, 1), *q = opened(small, 1), *o = opened(odd, 1), *other[] = {p, q};
    struct cost_embedding c[3];
    size_t all = 0;
    assert_int_equal(cost_embeddings(p, other, 2, lines, sizeof lines - 1, NULL, NULL, c), HEARTH_OK);
    assert_true(c[0].lines == 3 && c[1].lines == 3 && c[2].tokens == c[0].tokens && c[0].cosine == 1);
    assert_true(c[1].cosine > 1 - 1e-6 && c[1].cosine_least > 1 - 1e-6);
    assert_true(c[2].cosine < 1 - 1e-6 && c[2].cosine_least <= c[2].cosine && c[2].cosine > 0.5);
    assert_int_equal(cost_embeddings(p, other, 2, " \n\n", 3, NULL, NULL, c), HEARTH_EUSAGE);
    assert_int_equal(cost_embeddings(p, &o, 1, lines, sizeof lines - 1, NULL, NULL, c), HEARTH_EUSAGE);
    assert_non_null(strstr(hearth_errmsg(), "it is no smaller form of it"));
    assert_int_equal(cost_embeddings(p, other, 1, lines, sizeof lines - 1, stop, &all, c), HEARTH_OK);
    assert_int_equal(all, sizeof lines - 1);
    hearth_model_close(p), hearth_model_close(q), hearth_model_close(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_figures), cmocka_unit_test(threads_change_nothing), cmocka_unit_test(what_is_refused),
        cmocka_unit_test(embeddings),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
