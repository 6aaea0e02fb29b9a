/* test_families.c - a model of random weights of each family against `transformers` in float32.
 *
 * The golden holds the words the model is made from; the file made from them here must have the bytes that the
 * reference saw.  They cover grouped heads, one head for all, heads wider than width / heads, tied and separate output,
 * LLaMA 3's rope factors, and a window (48) shorter than the text (200). */
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
static void family_is_right(void **state)
{
    const char *name = *state;
    char path[96], file[] = "/tmp/hearth-family-XXXXXX", words[257];
    snprintf(path, sizeof path, "tests/golden/%s.bin", name);
    struct golden g;
    struct model_spec spec = { 0 };
    struct hearth_model *m;
    good(golden_open(path, &g));
    memcpy(words, g.spec, sizeof words);
    good(model_spec_words(&spec, words));
    int fd = mkstemp(file);
    assert_true(fd >= 0);
    close(fd);
    good(model_make(file, &spec));
    good(golden_check_model(&g, file));
    static const struct { int threads; uint32_t step; } ways[] = { { 1, 200 }, { 2, 64 }, { 2, 1 } };
    double first = 0;
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
        struct golden_error e = { 0 };
        good(hearth_model_open(file, &(struct hearth_model_params){ ways[w].threads, HEARTH_FLOAT, 0 }, &m));
        good(golden_run(&g, m, ways[w].step, &e));
        hearth_model_close(m);
        print_message("# %s, %d threads, %u tokens at a time: logsumexp %.2g, top %.2g, columns %.2g\n", name,
                      ways[w].threads, ways[w].step, e.logsumexp, e.top, e.column);
        assert_int_equal(e.positions, 200);
        assert_int_equal(e.best, 200);
        assert_true(golden_worst(&e) <= 1e-4);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
