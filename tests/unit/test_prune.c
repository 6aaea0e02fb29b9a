/* test_prune.c - a pruned model computes, to the last bit, what the whole one computes when what went is zero; and what is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model_maker.h"
#include "train/tape.h"
#include "train/trainable.h"
#include "work/prune.h"

#include <cmocka.h>

static char file[] = "/tmp/hearth-prune-XXXXXX", cut[] = "/tmp/hearth-pruned-XXXXXX";
static const char text[] = "it was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness";
static struct prune_result result;

static void good(enum hearth_status st)
{
    if (st != HEARTH_OK) print_message("# %s: %s\n", hearth_status_name(st), hearth_errmsg());
    assert_int_equal(st, HEARTH_OK);
}

static void make(const char *words)
{
    char copy[256];
    struct model_spec spec = { 0 };
    snprintf(copy, sizeof copy, "%s", words);
    good(model_spec_words(&spec, copy));
    good(model_make(file, &spec));
}

static struct hearth_model *open_file(const char *path)
{
    struct hearth_model *m;
    good(hearth_model_open(path, &(struct hearth_model_params){ 2, HEARTH_FLOAT, 0 }, &m));
    return m;
}

static enum hearth_status prune(uint32_t layers, double width, int threads)
{
    struct prune_params p = { .layers = layers, .width = width, .text = text, .len = strlen(text), .threads = threads };
    return prune_write(file, &p, cut, &result);
}

/* The rows of the gate (or of what stands for it) say which neurons stayed. */
static int stays(const struct weight *gate, uint64_t neuron, const struct weight *of_cut)
{
    float a[256], b[256];
    tape_weight_row(gate, neuron, a);
    for (uint64_t r = 0; r < of_cut->rows; r++) {
        tape_weight_row(of_cut, r, b);
        if (memcmp(a, b, (size_t)gate->cols * sizeof *a) == 0) return 1;
    }
    return 0;
}

static void clear(const struct weight *w, uint64_t column)     /* column UINT64_MAX: all of it; the weights are copies of our own */
{
    for (uint64_t r = 0; r < w->rows; r++) {
        float *row = (float *)(uintptr_t)(w->dense.data + (w->first + r) * w->dense.row_bytes);
        for (uint64_t c = 0; c < w->cols; c++) if (column == UINT64_MAX || c == column) row[c] = 0;
    }
}

static void compare(struct hearth_model *whole, struct hearth_model *part)
{
    enum { LENGTH = 20 };
    int32_t ids[LENGTH];
    struct tape *a, *b;
    size_t v = whole->h.vocabulary;
    float *x = malloc(v * sizeof *x), *y = malloc(v * sizeof *y);
    for (uint32_t i = 0; i < LENGTH; i++) ids[i] = (int32_t)((i * i * 31 + i * 17 + 7) % v);
    good(tape_open(whole, LENGTH, &a)), good(tape_open(part, LENGTH, &b));
    good(tape_forward(a, ids, NULL, LENGTH)), good(tape_forward(b, ids, NULL, LENGTH));
    for (uint32_t i = 0; i < LENGTH; i++) {
        good(tape_logits(a, i, x)), good(tape_logits(b, i, y));
        assert_memory_equal(x, y, v * sizeof *x);
    }
    tape_close(a), tape_close(b);
    free(x), free(y);
}

static int only_ends(void *user, const char *name)
{
    (void)user;
    return strstr(name, "ffn_down.weight") || strstr(name, "attn_output.weight");
}

static void is_the_whole_without(const char *words, uint32_t layers, double width)
{
    struct grads *g;
    struct trainable own;
    make(words);
    good(prune(layers, width, 1));
    struct hearth_model *whole = open_file(file), *part = open_file(cut);
    assert_int_equal(part->h.layers, whole->h.layers - layers);
    assert_true(result.parameters_after < result.parameters_before && result.tokens > 10);
    assert_int_equal(result.width_after, part->h.feed_forward);
    assert_true(width > 0 ? part->h.feed_forward < whole->h.feed_forward : part->h.feed_forward <= whole->h.feed_forward);
    good(grads_open(whole, only_ends, NULL, &g));
    good(trainable_open(whole, g, &own));
    for (uint32_t l = 0, at = 0; l < whole->h.layers; l++) {
        const struct layer *w = &whole->weights.layers[l];
        if (result.left_out[l]) {
            clear(&w->down, UINT64_MAX), clear(&w->attn_out, UINT64_MAX);
            for (uint32_t i = 0; i < whole->h.layers; i++)
                assert_true(result.left_out[i] || result.influence[i] >= result.influence[l]);
            continue;
        }
        const struct weight *kept = &part->weights.layers[at++].gate;
        for (uint64_t i = 0; i < w->gate.rows; i++) if (!stays(&w->gate, i, kept)) clear(&w->down, i);
    }
    compare(whole, part);
    grads_close(g);
    hearth_model_close(whole), hearth_model_close(part);
    trainable_free(&own);
}

static void layers_and_neurons(void **state)
{
    is_the_whole_without(*state, 1, 0);
    is_the_whole_without(*state, 0, 0.4);
    is_the_whole_without(*state, 2, 0.25);
}

static void neurons_only(void **state)
{
    is_the_whole_without(*state, 0, 0.4);
}

/* Layer 1 of the file gives nothing. */
static void silence(void)
{
    static const char *const names[] = { "blk.1.attn_output.weight", "blk.1.ffn_down.weight" };
    struct hearth_model *m = open_file(file);
    FILE *f = fopen(file, "r+b");
    assert_non_null(f);
    for (int i = 0; i < 2; i++) {
        const struct gguf_tensor *t = gguf_find_tensor(m->file, names[i]);
        fseek(f, (long)t->offset, SEEK_SET);
        for (uint64_t k = 0; k < t->bytes; k++) fputc(0, f);
    }
    hearth_model_close(m);
    assert_int_equal(fclose(f), 0);
}

static void turns(void **state)
{
    make(*state);
    silence();
    assert_int_equal(prune(1, 0, 1), HEARTH_EUNSUPPORTED);
    assert_non_null(strstr(hearth_errmsg(), "take turns"));
}

static void the_same_file(void **state)
{
    char *first = malloc(1 << 20), *other = malloc(1 << 20);
    (void)state;
    make("layers=3 width=64 heads=4 kv_heads=2 ffn=128 vocab=300 seed=5 type=Q8_0");
    for (int threads = 1; threads <= 4; threads *= 2) {
        good(prune(1, 0.3, threads));
        FILE *f = fopen(cut, "rb");
        assert_non_null(f);
        size_t n = fread(threads == 1 ? first : other, 1, 1 << 20, f);
        fclose(f);
        assert_true(n > 1000 && n < 1 << 20);
        if (threads > 1) assert_memory_equal(first, other, n);
    }
    struct hearth_model *m = open_file(cut);
    assert_int_equal(gguf_find_tensor(m->file, "blk.1.ffn_down.weight")->type, T_F16);
    assert_int_equal(gguf_find_tensor(m->file, "blk.1.ffn_up.weight")->type, T_Q8_0);
    hearth_model_close(m);
    free(first), free(other);
}

static void refused(void **state)
{
    (void)state;
    make("layers=2 width=32 heads=2 kv_heads=1 ffn=64 vocab=300");
    assert_int_equal(prune(0, 0, 1), HEARTH_EUSAGE);
    assert_int_equal(prune(2, 0, 1), HEARTH_EUSAGE);
    assert_int_equal(prune(0, 0.99, 1), HEARTH_EUSAGE);
    assert_int_equal(prune(0, (double)NAN, 1), HEARTH_EUSAGE);
    struct prune_params p = { .layers = 1, .text = "", .len = 0 };
    assert_int_equal(prune_write(file, &p, file, &result), HEARTH_EUSAGE);
    p.text = text, p.len = strlen(text);
    assert_int_not_equal(prune_write(file, &p, file, &result), HEARTH_OK);     /* onto itself */
    make("family=granitemoe layers=2 width=32 heads=2 kv_heads=1 ffn=64 vocab=400 experts=4");
    assert_int_equal(prune(0, 0.4, 1), HEARTH_EUNSUPPORTED);
}

#define LLAMA "layers=4 width=48 heads=6 kv_heads=2 head_width=16 ffn=96 vocab=288 seed=3"
#define PHI "family=phi3 layers=4 width=48 heads=6 kv_heads=2 ffn=96 vocab=288 seed=8"
#define GRANITE "family=granite layers=4 width=48 heads=6 kv_heads=2 ffn=96 vocab=288 bias=1 residual_scale=0.5 seed=10"
#define OPENELM "family=openelm layers=4 width=48 heads=6 kv_heads=2 head_width=8 ffn=96 vocab=288 uneven=1 tied=1 seed=11"
#define GEMMA "family=gemma3 layers=7 width=40 heads=2 kv_heads=1 head_width=24 ffn=96 vocab=360 window=10 seed=5"
#define GEMMA2 "family=gemma2 layers=6 width=40 heads=2 kv_heads=1 head_width=24 ffn=96 vocab=360 window=10 seed=9"

int main(void)
{
    const struct CMUnitTest tests[] = {
        { LLAMA, layers_and_neurons, NULL, NULL, LLAMA },
        { PHI, layers_and_neurons, NULL, NULL, PHI },
        { OPENELM, layers_and_neurons, NULL, NULL, OPENELM },
        { GEMMA, neurons_only, NULL, NULL, GEMMA },
        { GRANITE, neurons_only, NULL, NULL, GRANITE },
        { GEMMA2, turns, NULL, NULL, GEMMA2 },
        cmocka_unit_test(the_same_file),
        cmocka_unit_test(refused),
    };
    int a = mkstemp(file), b = mkstemp(cut);
    if (a < 0 || b < 0) return 1;
    close(a), close(b);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(file), unlink(cut);
    return failed;
}
