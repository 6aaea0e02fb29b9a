/* test_families.c - a model of random weights of each family against `transformers` in float32.
 *
 * The golden holds the words the model is made from; the file made from them here must have the bytes that the
 * reference saw.  They cover grouped heads, one head for all, heads wider than width / heads, tied and separate output,
 * LLaMA 3's rope factors, and a window (48) shorter than the text (200); and of every further family what is peculiar to
 * it (tools/oracle/families.py).  The same models in Q8_0 under the quant arithmetic come near the same goldens: what is
 * rows of a tensor or one of several experts is packed as it should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

/* Real models must come within 1e-3; these small ones come within 4e-5, so that 1e-4 finds even a norm's epsilon that is
 * ten times too large.  And by the same amount whatever the threads and the chunks. */
static void make(const char *name, const char *type, char *file, struct golden *g)
{
    good(golden_make(name, type, file, g));
}

static void family_is_right(void **state)
{
    const char *name = *state;
    char file[] = "/tmp/hearth-family-XXXXXX";
    struct golden g;
    struct hearth_model *m;
    make(name, NULL, file, &g);
    const struct { int threads; uint32_t step; } ways[] = { { 1, g.n }, { 2, 64 }, { 2, 1 } };
    double first = 0;
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
        struct golden_error e = { 0 };
        good(hearth_model_open(file, &(struct hearth_model_params){ ways[w].threads, HEARTH_FLOAT, 0 }, &m));
        good(golden_run(&g, m, ways[w].step, &e));
        hearth_model_close(m);
        print_message("# %s, %d threads, %u tokens at a time: logsumexp %.2g, top %.2g, columns %.2g\n", name,
                      ways[w].threads, ways[w].step, e.logsumexp, e.top, e.column);
        assert_int_equal(e.positions, g.n);
        assert_int_equal(e.best, g.n);
        assert_true(golden_worst(&e) <= 1e-4);
        if (w == 0) first = golden_worst(&e);
        assert_true(golden_worst(&e) == first);
    }
    unlink(file);
    golden_close(&g);
}

static void quantised_is_near(void **state)
{
    char file[] = "/tmp/hearth-family-XXXXXX";
    struct golden g;
    struct hearth_model *m;
    const struct { int threads; uint32_t step; } ways[] = { { 1, 150 }, { 2, 7 } };
    double first = 0;
    make(*state, "Q8_0", file, &g);
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
        struct golden_error e = { 0 };
        good(hearth_model_open(file, &(struct hearth_model_params){ ways[w].threads, HEARTH_QUANT, 0 }, &m));
        good(golden_run(&g, m, ways[w].step, &e));
        hearth_model_close(m);
        print_message("# %s in Q8_0, quant: %.2g, %u of %u the same first\n", (const char *)*state, golden_worst(&e), e.best, g.n);
        assert_true(e.best >= g.n * 9 / 10 && golden_worst(&e) <= 2.5);   /* of logits up to 15; wrong rows would be off by all */
        if (w == 0) first = golden_worst(&e);
        assert_true(golden_worst(&e) == first);
    }
    unlink(file);
    golden_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        { "llama, grouped heads, output of its own", family_is_right, NULL, NULL, "random-llama" },
        { "llama, rope factors, tied output", family_is_right, NULL, NULL, "random-llama3" },
        { "llama, one key head, heads wider than the model", family_is_right, NULL, NULL, "random-wide-heads" },
        { "gemma3, window shorter than the text", family_is_right, NULL, NULL, "random-gemma3" },
        { "qwen2, biases of q, k and v", family_is_right, NULL, NULL, "family-qwen2" },
        { "qwen3, norms of q and k", family_is_right, NULL, NULL, "family-qwen3" },
        { "mistral, window, heads wider than width / heads", family_is_right, NULL, NULL, "family-mistral" },
        { "llama, every bias, rope factors", family_is_right, NULL, NULL, "family-llama-bias" },
        { "smollm3, a layer that is not rotated", family_is_right, NULL, NULL, "family-smollm3" },
        { "phi3, long rope past its original length, window", family_is_right, NULL, NULL, "family-phi3-long" },
        { "phi3, part of a head rotated, short rope", family_is_right, NULL, NULL, "family-phi3-partial" },
        { "gemma", family_is_right, NULL, NULL, "family-gemma" },
        { "gemma2, soft caps, query scale, window on every second layer", family_is_right, NULL, NULL, "family-gemma2" },
        { "granite, multipliers, biases", family_is_right, NULL, NULL, "family-granite" },
        { "granitemoe, 3 of 7 experts", family_is_right, NULL, NULL, "family-granitemoe" },
        { "granitemoe, 2 of 5 experts and a shared one", family_is_right, NULL, NULL, "family-granitemoe-shared" },
        { "openelm, uneven layers", family_is_right, NULL, NULL, "family-openelm" },
        { "qwen2 in Q8_0", quantised_is_near, NULL, NULL, "family-qwen2" },
        { "phi3 in Q8_0", quantised_is_near, NULL, NULL, "family-phi3-long" },
        { "granitemoe in Q8_0", quantised_is_near, NULL, NULL, "family-granitemoe-shared" },
        { "openelm in Q8_0", quantised_is_near, NULL, NULL, "family-openelm" },
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
