/* test_folder_golden.c - the folder that would have been published of a model of random weights gives the logits that `transformers` gives
 * in float32, as its GGUF file does (test_families.c), sharded or not. */
#include "base/status.h"     /* before cmocka, which has a fail() of its own */
#include "folder_maker.h"
#include "golden_file.h"
#include "model_maker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void good(enum hearth_status st)
{
    if (st != HEARTH_OK) print_message("# %s: %s\n", hearth_status_name(st), hearth_errmsg());
    assert_int_equal(st, HEARTH_OK);
}

static void folder_is_right(void **state)
{
    char home[] = "/tmp/hearth-folder-XXXXXX", golden[96], file[64], folder[64], words[257], clean[64];
    struct golden g;
    struct golden_error e = {0};
    struct model_spec spec = {0};
    struct hearth_model *m;
    assert_non_null(mkdtemp(home));
    snprintf(golden, sizeof golden, "tests/golden/%s.bin", (const char *)*state);
    snprintf(file, sizeof file, "%s/m.gguf", home);
    snprintf(folder, sizeof folder, "%s/f", home);
    good(golden_open(golden, &g));
    memcpy(words, g.spec, sizeof words);
    good(model_spec_words(&spec, words));
    good(model_make(file, &spec));
    good(golden_check_model(&g, file));
    good(folder_make(file, folder, 3));
    good(hearth_model_open(folder, &(struct hearth_model_params){2, HEARTH_FLOAT, 0}, &m));
    good(golden_run(&g, m, 64, &e));
    hearth_model_close(m);
    print_message("# %s as a folder: logsumexp %.2g, top %.2g, columns %.2g\n", (const char *)*state, e.logsumexp, e.top, e.column);
    assert_int_equal(e.best, g.n);
    assert_true(golden_worst(&e) <= 1e-4);
    golden_close(&g);
    snprintf(clean, sizeof clean, "rm -r %s", home);
    assert_int_equal(system(clean), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"llama, output of its own", folder_is_right, NULL, NULL, "random-llama"},
        {"llama, one key head, heads wider than the model", folder_is_right, NULL, NULL, "random-wide-heads"},
        {"gemma3, window shorter than the text", folder_is_right, NULL, NULL, "random-gemma3"},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
