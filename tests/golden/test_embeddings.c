/* test_embeddings.c - encoders of random weights against `transformers` in float32: the embedding of a text's first n tokens, for each n,
 * pooled and scaled as sentence-transformers does it (tools/oracle/families.py).  The same model gives the same bits with any number of
 * threads, by an engine among others, and in quant arithmetic, where F32 weights are what they are; in Q8_0 it comes near. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#undef fail /* cmocka has a macro of this name; base/status.h a function */

#include "golden_file.h"
#include "model_maker.h"

static void good(enum hearth_status st)
{
    if (st != HEARTH_OK) print_message("# %s: %s\n", hearth_status_name(st), hearth_errmsg());
    assert_int_equal(st, HEARTH_OK);
}

static void make(const char *name, const char *type, char *file, struct golden *g)
{
    good(golden_make(name, type, file, g));
}

/* Vectors of prefixes, each `step` tokens longer than the one before: [n][embedding], zeros of the others. */
static float *vectors(const char *file, const struct golden *g, int threads, enum hearth_arithmetic a, int engine, uint32_t step)
{
    struct hearth_model *m;
    struct hearth_model_info info;
    struct hearth_embedder *e = NULL;
    struct hearth_engine *all = NULL;
    good(hearth_model_open(file, &(struct hearth_model_params){ threads, a, 0 }, &m));
    hearth_model_describe(m, &info);
    assert_int_equal(info.embedding, g->vocab);
    assert_true(info.only_embeds);
    float *out = calloc((size_t)g->n * g->vocab, sizeof *out);
    assert_non_null(out);
    if (engine) good(hearth_engine_open(m, &(struct hearth_engine_params){ .ctx = g->n, .parallel = 4 }, &all));
    else good(hearth_embedder_open(m, g->n, &e));
    for (uint32_t n = step; n <= g->n; n += step)
        good(engine ? hearth_engine_embed(all, g->ids, n, out + (size_t)(n - 1) * g->vocab) : hearth_embedder_run(e, g->ids, n, out + (size_t)(n - 1) * g->vocab));
    hearth_engine_close(all);
    hearth_embedder_close(e);
    hearth_model_close(m);
    return out;
}

static void compare(const char *name, const struct golden *g, const float *v, double most)
{
    struct golden_error e = { 0 };
    for (uint32_t n = 0; n < g->n; n++) golden_compare(g, n, v + (size_t)n * g->vocab, &e);
    print_message("# %s: top %.2g, columns %.2g, %u of %u the same first\n", name, e.top, e.column, e.best, g->n);
    assert_int_equal(e.positions, g->n);
    assert_true(golden_worst(&e) <= most);
}

static void family_is_right(void **state)
{
    char file[] = "/tmp/hearth-embeddings-XXXXXX";
    struct golden g;
    make(*state, NULL, file, &g);
    enum { STEP = 5 };
    float *v = vectors(file, &g, 1, HEARTH_FLOAT, 0, 1);
    compare(*state, &g, v, 2e-6);
    for (int way = 0; way < 3; way++) {
        float *other = vectors(file, &g, 2, way == 1 ? HEARTH_QUANT : HEARTH_FLOAT, way == 2, STEP);
        for (size_t n = STEP; n <= g.n; n += STEP) assert_memory_equal(v + (n - 1) * g.vocab, other + (n - 1) * g.vocab, g.vocab * sizeof *v);
        free(other);
    }
    free(v);
    unlink(file);
    golden_close(&g);
}

static void quantised_is_near(void **state)
{
    char file[] = "/tmp/hearth-embeddings-XXXXXX";
    struct golden g;
    make(*state, "Q8_0", file, &g);
    float *v = vectors(file, &g, 2, HEARTH_QUANT, 0, 1);
    compare(*state, &g, v, 0.05);      /* of numbers up to 0.4 */
    free(v);
    unlink(file);
    golden_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        { "bert, mean", family_is_right, NULL, NULL, "family-bert" },
        { "bert, first token", family_is_right, NULL, NULL, "family-bert-first" },
        { "gemma-embedding, window shorter than the text, dense layers", family_is_right, NULL, NULL, "family-gemma-embedding" },
        { "bert in Q8_0", quantised_is_near, NULL, NULL, "family-bert" },
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
