/* test_gradients.c - gradients of every tensor and of the embeddings against PyTorch's autograd in float64: by norm per
 * tensor, no further than twice as far as PyTorch's own float32 is.  tools/oracle/gradients.py wrote the goldens and
 * describes their format; the models are made here from their words and must have the bytes that the reference saw. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "golden_file.h"
#include "model_maker.h"
#include "os/os.h"
#include "train/backward.h"

#include <cmocka.h>

static void good(enum hearth_status st)
{
    if (st != HEARTH_OK) print_message("# %s: %s\n", hearth_status_name(st), hearth_errmsg());
    assert_int_equal(st, HEARTH_OK);
}

/* What is read one after the other from a golden. */
struct reader { char *data; size_t size, at; };

static const void *take(struct reader *r, size_t bytes)
{
    assert_true(bytes <= r->size - r->at);
    r->at += bytes;
    return r->data + r->at - bytes;
}

static uint32_t take_u32(struct reader *r)
{
    uint32_t u;
    memcpy(&u, take(r, 4), 4);
    return u;
}

static double take_f64(struct reader *r)
{
    double d;
    memcpy(&d, take(r, 8), 8);
    return d;
}

struct header { uint32_t sequences, tokens, entries; struct golden check; };

static void read_header(const char *name, struct reader *r, struct header *h)
{
    char path[96];
    snprintf(path, sizeof path, "tests/golden/%s.bin", name);
    good(os_read_file(path, 1 << 20, &r->data, &r->size));
    r->at = 0;
    assert_memory_equal(take(r, 8), "HGRADNT1", 8);
    h->sequences = take_u32(r), h->tokens = take_u32(r), h->entries = take_u32(r), take_u32(r);
    const unsigned char *digest = take(r, 32);
    for (int i = 0; i < 32; i++) snprintf(h->check.model_sha256 + 2 * i, 3, "%02x", digest[i]);
    memcpy(h->check.spec, take(r, 256), 256);
    h->check.spec[256] = 0;
}

static void compare(const char *name, struct reader *r, uint32_t entries, const struct grads *g, const float *embeddings)
{
    double worst = 0;
    char worst_name[65] = "", key[65] = "";
    assert_int_equal(entries, g->n + 1);
    for (uint32_t i = 0; i < entries; i++) {
        memcpy(key, take(r, 64), 64);
        uint32_t n = take_u32(r);
        take_u32(r);
        double norm = take_f64(r), noise = take_f64(r), sum = 0;
        const float *want = take(r, n * sizeof *want), *got = embeddings;
        if (strcmp(key, "embeddings") != 0) {
            const struct grad *found = grads_find(g, key);
            assert_non_null(found);
            assert_int_equal(found->elements, n);
            got = found->data;
        }
        for (uint32_t k = 0; k < n; k++) sum += ((double)got[k] - (double)want[k]) * ((double)got[k] - (double)want[k]);
        double ratio = sqrt(sum) / noise;
        if (!(ratio <= 2))
            print_message("# %s: %s: %.2g of its norm from float64, PyTorch's float32 %.2g\n", name, key, sqrt(sum) / norm, noise / norm);
        if (!(ratio <= worst)) worst = ratio, memcpy(worst_name, key, sizeof key);
    }
    assert_int_equal(r->at, r->size);
    print_message("# %s: %u tensors, at most %.2f times as far from float64 as PyTorch's float32 (%s)\n", name, entries, worst,
                  worst_name);
    assert_true(worst <= 2);
}

static void gradients_are_right(void **state)
{
    char file[] = "/tmp/hearth-gradients-XXXXXX", words[257];
    struct reader r;
    struct header h;
    struct model_spec spec = { 0 };
    struct hearth_model *m;
    struct tape *t;
    struct grads *g;
    read_header(*state, &r, &h);
    memcpy(words, h.check.spec, sizeof words);
    good(model_spec_words(&spec, words));
    int fd = mkstemp(file);
    assert_true(fd >= 0);
    close(fd);
    good(model_make(file, &spec));
    good(golden_check_model(&h.check, file));
    good(hearth_model_open(file, &(struct hearth_model_params){ 2, HEARTH_FLOAT, 0 }, &m));
    const uint32_t *lengths = take(&r, h.sequences * sizeof *lengths);
    const int32_t *ids = take(&r, h.tokens * sizeof *ids);
    struct loss_spec loss = { .target = take(&r, h.tokens * sizeof(int32_t)), .weight = take(&r, h.tokens * sizeof(float)) };
    double want = take_f64(&r), got;
    float *embeddings = malloc((size_t)h.tokens * m->h.width * sizeof *embeddings);
    good(tape_open(m, h.tokens, &t));
    good(grads_open(m, NULL, NULL, &g));
    good(tape_forward_many(t, ids, NULL, lengths, h.sequences));
    good(backward_run(t, &loss, &got, g, embeddings));
    good(grads_finish(g));
    assert_true(fabs(got - want) <= 1e-6 * fabs(want));
    compare(*state, &r, h.entries, g, embeddings);
    grads_close(g), tape_close(t), hearth_model_close(m);
    free(embeddings), free(r.data);
    unlink(file);
}

#define GRADIENTS(name) { name, gradients_are_right, NULL, NULL, "gradients-" name }

int main(void)
{
    const struct CMUnitTest tests[] = {
        GRADIENTS("llama"), GRADIENTS("llama3"), GRADIENTS("gemma3"), GRADIENTS("qwen2"), GRADIENTS("qwen3"), GRADIENTS("mistral"),
        GRADIENTS("llama-bias"), GRADIENTS("smollm3"), GRADIENTS("phi3-long"), GRADIENTS("phi3-partial"), GRADIENTS("gemma"),
        GRADIENTS("gemma2"), GRADIENTS("granite"), GRADIENTS("openelm"),
        GRADIENTS("granitemoe"), GRADIENTS("granitemoe-shared"),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
