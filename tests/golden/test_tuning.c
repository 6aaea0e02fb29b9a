/* test_tuning.c - 50 steps of LoRA and of all weights follow PyTorch's and PEFT's float32 loss curve within 1e-3, for each family.
 * tools/oracle/tuning.py wrote the goldens; the models are made here from their words and must have the bytes that the reference saw. */
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
#include "train/lora.h"
#include "train/optimizer.h"
#include "train/trainable.h"

#include <cmocka.h>

enum { STEPS = 50, RANK = 4, HEAD = 304 };
static const uint32_t lengths[2] = { 24, 16 };
static char file[] = "/tmp/hearth-tuning-XXXXXX";

#define good(call) do { enum hearth_status st_ = (call); if (st_) fail_msg("%s: %s", #call, hearth_errmsg()); } while (0)

struct setting { struct hearth_model *m; struct hearth_adapter *a; struct lora_grads lora; struct grads *grads; struct trainable weights;
                 struct optimizer *opt; struct tape *t; };

static void fill_a(struct adapter_part *p, uint32_t layer, uint32_t slot)
{
    for (uint32_t r = 0; r < RANK; r++)
        for (uint32_t c = 0; c < p->a.cols; c++)
            p->a_data[r * p->a.cols + c] = (float)((int)((c * 37 + r * 101 + layer * 13 + slot * 7) % 61) - 30) / 300;
}

static void open_lora(struct setting *s, uint32_t slots)
{
    static struct parameter list[512];
    size_t n = 0;
    struct adapter_shape shape = { .rank = RANK, .alpha = 8, .slots = slots };
    good(adapter_new(s->m, &shape, &s->a));
    good(lora_grads_open(s->a, &s->lora));
    for (uint32_t i = 0; i < s->m->h.layers * ADAPTER_SLOTS; i++) {
        struct adapter_part *p = &s->a->part[i];
        if (!p->rank) continue;
        fill_a(p, i / ADAPTER_SLOTS, i % ADAPTER_SLOTS);
        list[n++] = (struct parameter){ .name = "A", .value = p->a_data, .grad = s->lora.a[i], .n = p->a.cols * RANK, .decays = 1 };
        list[n++] = (struct parameter){ .name = "B", .value = p->b_data, .grad = s->lora.b[i], .n = p->b.cols * RANK, .decays = 1 };
    }
    struct optimizer_options o = optimizer_defaults;
    o.decay = 0.01f;
    good(optimizer_open(list, n, &o, s->m->pool, &s->opt));
}

static void open_full(struct setting *s)
{
    static struct parameter list[512];
    good(grads_open(s->m, NULL, NULL, &s->grads));
    good(trainable_open(s->m, s->grads, &s->weights));
    assert_true(s->grads->n <= 512);
    for (size_t i = 0; i < s->grads->n; i++)
        list[i] = (struct parameter){ .name = s->grads->list[i].name, .value = s->weights.data[i], .grad = s->grads->list[i].data,
                                      .n = s->grads->list[i].elements, .decays = 1 };
    struct optimizer_options o = optimizer_defaults;
    o.decay = 0.01f;
    good(optimizer_open(list, s->grads->n, &o, s->m->pool, &s->opt));
}

static void follow(struct setting *s, float rate, const double *wanted, const char *what)
{
    int32_t ids[40], target[40];
    float weight[40];
    double worst = 0;
    uint32_t vocabulary = s->m->h.vocabulary;
    good(tape_open(s->m, 40, &s->t));
    good(tape_adapt(s->t, s->a, s->a ? &s->lora : NULL));
    for (uint32_t step = 0; step < STEPS; step++) {
        double loss;
        for (uint32_t which = 0, at = 0; which < 2; at += lengths[which++]) {
            uint32_t b = step % 5 * 2 + which;
            for (uint32_t i = 0; i < lengths[which]; i++) ids[at + i] = (int32_t)((i * i * 31 + i * 17 + 7 + b * 11) % vocabulary);
            for (uint32_t i = 0; i < lengths[which]; i++) {
                int last = i + 1 == lengths[which];
                target[at + i] = last ? 0 : ids[at + i + 1], weight[at + i] = last ? 0 : 1.0f / 38;
            }
        }
        optimizer_zero(s->opt);
        if (s->grads) grads_zero(s->grads);
        good(tape_forward_many(s->t, ids, NULL, lengths, 2));
        good(backward_run(s->t, &(struct loss_spec){ .target = target, .weight = weight }, &loss, s->grads, NULL));
        if (s->grads) good(grads_finish(s->grads));
        good(optimizer_step(s->opt, rate, NULL));
        worst = fmax(worst, fabs(loss - wanted[step]) / wanted[step]);
    }
    print_message("# %s: loss %.4f to %.4f, at most %.2g from the reference\n", what, wanted[0], wanted[STEPS - 1], worst);
    assert_true(worst < 1e-3);
    optimizer_close(s->opt);
    tape_close(s->t);
    if (s->a) lora_grads_free(s->a, &s->lora);
    adapter_close(s->a);
    grads_close(s->grads);
    hearth_model_close(s->m);
    trainable_free(&s->weights);
}

static void curves(void **state)
{
    char path[96], words[257], *data;
    size_t n;
    struct golden check = { 0 };
    struct model_spec spec = { 0 };
    double wanted[2 * STEPS];
    uint32_t number[2];
    snprintf(path, sizeof path, "tests/golden/%s.bin", (const char *)*state);
    good(os_read_file(path, 1 << 16, &data, &n));
    assert_int_equal(n, HEAD + sizeof wanted);
    assert_memory_equal(data, "HTUNING1", 8);
    memcpy(number, data + 8, sizeof number);
    assert_int_equal(number[0], STEPS);
    for (int i = 0; i < 32; i++) snprintf(check.model_sha256 + 2 * i, 3, "%02x", (unsigned char)data[16 + i]);
    memcpy(words, data + 48, 256), words[256] = 0;
    memcpy(wanted, data + HEAD, sizeof wanted);
    free(data);
    good(model_spec_words(&spec, words));
    good(model_make(file, &spec));
    good(golden_check_model(&check, file));
    struct hearth_model_params p = { 2, HEARTH_FLOAT, 0 };
    struct setting lora = { 0 }, full = { 0 };
    good(hearth_model_open(file, &p, &lora.m));
    open_lora(&lora, number[1]);
    follow(&lora, 5e-3f, wanted, "LoRA");
    good(hearth_model_open(file, &p, &full.m));
    open_full(&full);
    follow(&full, 2e-4f, wanted + STEPS, "all weights");
}

#define FAMILY(name) { name, curves, NULL, NULL, "tuning-" name }

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAMILY("llama"), FAMILY("gemma3"), FAMILY("qwen2"), FAMILY("qwen3"), FAMILY("mistral"), FAMILY("llama-bias"), FAMILY("smollm3"),
        FAMILY("phi3-long"), FAMILY("phi3-partial"), FAMILY("gemma"), FAMILY("gemma2"), FAMILY("granite"), FAMILY("openelm"),
        FAMILY("granitemoe"), FAMILY("granitemoe-shared"),
    };
    int fd = mkstemp(file);
    if (fd < 0) return 1;
    close(fd);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(file);
    return failed;
}
