/* test_adapter.c - adapters: files there and back, the same numbers in sessions and on a tape, others not disturbed, gradients against
 * differences, the same bits on any number of threads and however the examples are cut into calls. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/adapter.h"
#include "model/forward.h"
#include "model_maker.h"
#include "train/backward.h"
#include "train/lora.h"

#include <cmocka.h>

static char file[] = "/tmp/hearth-adapter-XXXXXX", folder[64];

#define good(call) do { enum hearth_status st_ = (call); if (st_) fail_msg("%s: %s", #call, hearth_errmsg()); } while (0)
#define refused(call, status, words) do { enum hearth_status st_ = (call); \
    if (st_ != (status) || !strstr(hearth_errmsg(), words)) fail_msg("%s: %s: %s", #call, hearth_status_name(st_), hearth_errmsg()); } while (0)

static struct hearth_model *model(const char *words, int threads, enum hearth_arithmetic arithmetic)
{
    char copy[256];
    struct model_spec spec = { 0 };
    struct hearth_model *m;
    snprintf(copy, sizeof copy, "%s", words);
    good(model_spec_words(&spec, copy));
    good(model_make(file, &spec));
    good(hearth_model_open(file, &(struct hearth_model_params){ threads, arithmetic, 0 }, &m));
    return m;
}

/* With a B that is not zero. */
static struct hearth_adapter *adapter(const struct hearth_model *m, uint64_t seed, int stabilised)
{
    struct hearth_adapter *a;
    struct adapter_shape s = { .rank = 5, .alpha = 10, .stabilised = stabilised, .slots = 127, .seed = seed };
    good(adapter_new(m, &s, &a));
    for (uint32_t i = 0; i < m->h.layers * ADAPTER_SLOTS; i++)
        for (size_t k = 0; a->part[i].rank && k < (size_t)(a->part[i].b.cols * a->part[i].rank); k++)
            a->part[i].b_data[k] = (float)((k * 37 + i * 11 + seed * 5) % 41) / 200 - 0.1f;
    adapter_sum(a);
    return a;
}

enum { N = 40 };
static int32_t ids[N];

static void make_ids(const struct hearth_model *m)
{
    for (uint32_t i = 0; i < N; i++) ids[i] = (int32_t)((i * i * 31 + i * 17 + 7) % m->h.vocabulary);
}

static const float *logits_with(struct hearth_model *m, const struct hearth_adapter *a, struct hearth_session **s)
{
    good(hearth_session_open(m, &(struct hearth_session_params){ .ctx = 64, .chunk = 16 }, s));
    good(hearth_session_adapt(*s, a));
    good(hearth_session_eval(*s, ids, N, NULL));
    return hearth_session_logits(*s);
}

/* What is written is read as the same adapter: the logits have the same bits. */
static void files(void **state)
{
    struct hearth_model *m = model(*state, 1, HEARTH_FLOAT);
    size_t bytes = m->h.vocabulary * sizeof(float);
    make_ids(m);
    for (int stabilised = 0; stabilised < 2; stabilised++) {
        struct hearth_adapter *a = adapter(m, 3, stabilised), *b;
        struct hearth_session *s, *t, *plain;
        const float *want = logits_with(m, a, &s);
        assert_memory_not_equal(want, logits_with(m, NULL, &plain), bytes);
        good(adapter_save(a, folder, "base"));
        good(adapter_open(m, folder, &b));
        assert_memory_equal(want, logits_with(m, b, &t), bytes);
        assert_int_equal(b->stabilised, stabilised);
        hearth_session_close(t), adapter_close(b);
        char path[96];
        snprintf(path, sizeof path, "%s.gguf", folder);
        good(adapter_save(a, path, "base"));
        good(adapter_open(m, path, &b));
        const float *got = logits_with(m, b, &t);
        for (size_t i = 0; i < m->h.vocabulary; i++) assert_true(fabsf(got[i] - want[i]) < 1e-4f);
        refused(hearth_session_adapt(t, a), HEARTH_EUSAGE, "computed without this adapter");
        hearth_session_close(t), hearth_session_close(s), hearth_session_close(plain);
        adapter_close(b), adapter_close(a);
        unlink(path);
    }
    hearth_model_close(m);
}

/* Tape and session agree, and spans with different adapters in one step do not touch each other. */
static void company(void **state)
{
    struct hearth_model *m = model(*state, 2, HEARTH_FLOAT);
    struct hearth_adapter *a = adapter(m, 3, 0), *b = adapter(m, 4, 0);
    struct hearth_session *s;
    struct tape *t;
    size_t v = m->h.vocabulary;
    float *logits = malloc(3 * v * sizeof *logits), *alone[3];
    make_ids(m);
    const struct hearth_adapter *of[3] = { a, NULL, b };
    good(tape_open(m, N, &t));
    for (int i = 0; i < 3; i++) {
        alone[i] = malloc(v * sizeof **alone);
        memcpy(alone[i], logits_with(m, of[i], &s), v * sizeof **alone);
        hearth_session_close(s);
        good(tape_adapt(t, of[i], NULL));
        good(tape_forward(t, ids, NULL, N));
        good(tape_logits(t, N - 1, logits));
        assert_memory_equal(logits, alone[i], v * sizeof *logits);
    }
    tape_close(t);
    struct forward_sizes sizes;
    struct forward *f;
    struct kv_pool *kv;
    struct kv_seq seq[3];
    struct span span[3];
    good(forward_plan(m, 64, HEARTH_KV_F32, 3 * N, &sizes));
    sizes.chunk = 3 * N;
    good(forward_plan(m, 64, HEARTH_KV_F32, 3 * N, &sizes));
    good(forward_open(m, &sizes, &f));
    good(kv_pool_open(&m->h, sizes.kv, 3 * kv_blocks(64), &kv));
    for (int i = 0; i < 3; i++) {
        good(kv_seq_init(&seq[i], kv, 64));
        good(kv_seq_reach(&seq[i], N));
        span[i] = (struct span){ &seq[i], 0, N, ids, SPAN_LAST, NULL, of[i] };
    }
    good(forward_step(f, span, 3, logits));
    for (int i = 0; i < 3; i++) assert_memory_equal(span[i].out, alone[i], v * sizeof *logits);
    for (int i = 0; i < 3; i++) kv_seq_free(&seq[i]), free(alone[i]);
    kv_pool_close(kv), forward_close(f);
    free(logits);
    adapter_close(a), adapter_close(b);
    hearth_model_close(m);
}

static int32_t target[N];
static float weight[N];

struct run { double loss; float *grads; size_t n; };

/* pieces: lengths of the sequences of each call, 0 between calls, -1 at the end. */
static struct run gradients(struct hearth_model *m, const struct hearth_adapter *a, float p, const int *pieces)
{
    struct run r = { .n = (size_t)a->elements };
    struct lora_grads g;
    struct tape *t;
    uint32_t at = 0;
    good(lora_grads_open(a, &g));
    good(tape_open(m, N, &t));
    good(tape_adapt(t, a, &g));
    for (uint32_t i = 0; i < N; i++) target[i] = (int32_t)((i * i * 13 + i * 29 + 3) % m->h.vocabulary), weight[i] = i % 4 ? 0.05f : 0;
    while (*pieces >= 0) {
        uint32_t length[8], n = 0, tokens = 0;
        double loss;
        for (; *pieces > 0; pieces++) length[n++] = (uint32_t)*pieces, tokens += (uint32_t)*pieces;
        pieces += *pieces == 0;
        tape_dropout(t, &(struct lora_dropout){ p, 77, 2, at });
        good(tape_forward_many(t, ids + at, NULL, length, n));
        good(backward_run(t, &(struct loss_spec){ .target = target + at, .weight = weight + at }, &loss, NULL, NULL));
        r.loss += loss, at += tokens;
    }
    float *to = r.grads = malloc(r.n * sizeof *r.grads);
    for (uint32_t i = 0; i < m->h.layers * ADAPTER_SLOTS; i++) {
        const struct adapter_part *part = &a->part[i];
        size_t na = (size_t)part->a.cols * part->rank, nb = (size_t)part->b.cols * part->rank;
        if (!part->rank) continue;
        memcpy(to, g.a[i], na * 4), memcpy(to + na, g.b[i], nb * 4), to += na + nb;
    }
    assert_true((size_t)(to - r.grads) == r.n);
    tape_close(t);
    lora_grads_free(a, &g);
    return r;
}

static const int whole[] = { 25, 15, -1 }, cut[] = { 25, 0, 15, -1 };

static void bits(void **state)
{
    for (int drop = 0; drop < 2; drop++) {
        struct run first = { 0 };
        for (int threads = 1; threads <= 3; threads++) {
            struct hearth_model *m = model(*state, threads, HEARTH_FLOAT);
            struct hearth_adapter *a = adapter(m, 3, 0);
            make_ids(m);
            struct run r = gradients(m, a, drop ? 0.3f : 0, threads == 2 ? cut : whole);
            if (threads == 1) first = r;
            else {
                assert_memory_equal(first.grads, r.grads, r.n * sizeof *r.grads);
                free(r.grads);
            }
            adapter_close(a);
            hearth_model_close(m);
        }
        free(first.grads);
    }
}

/* A step along the gradient changes the loss by the step times the gradient's square. */
static void differences(void **state)
{
    for (int drop = 0; drop < 2; drop++) {
        struct hearth_model *m = model(*state, 2, HEARTH_FLOAT);
        struct hearth_adapter *a = adapter(m, 3, 0);
        float p = drop ? 0.3f : 0;
        make_ids(m);
        struct run r = gradients(m, a, p, whole);
        for (uint32_t i = 0, at = 0; i < m->h.layers * ADAPTER_SLOTS; i++) {
            const struct adapter_part *part = &a->part[i];
            for (int half = 0; part->rank && half < 2; half++) {
                float *x = half ? part->b_data : part->a_data;
                size_t n = (size_t)(half ? part->b.cols : part->a.cols) * part->rank;
                double square = 0, side[2];
                for (size_t k = 0; k < n; k++) square += (double)r.grads[at + k] * (double)r.grads[at + k];
                double step = 0.002 / sqrt(square);
                float *kept = malloc(n * sizeof *kept);
                memcpy(kept, x, n * sizeof *kept);
                for (int sign = 0; sign < 2; sign++) {
                    for (size_t k = 0; k < n; k++) x[k] = kept[k] + (float)((sign ? -step : step) * (double)r.grads[at + k]);
                    struct run moved = gradients(m, a, p, whole);
                    side[sign] = moved.loss;
                    free(moved.grads);
                }
                memcpy(x, kept, n * sizeof *kept);
                free(kept);
                double found = (side[0] - side[1]) / 2, wanted = step * square;
                if (fabs(found - wanted) > 0.02 * wanted + 1e-7) fail_msg("part %u %d: %g, wanted %g", i, half, found, wanted);
                at += (uint32_t)n;
            }
        }
        free(r.grads);
        adapter_close(a);
        hearth_model_close(m);
    }
}

static void put(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void mistakes(void **state)
{
    struct hearth_model *other = model("width=64 heads=4 kv_heads=2 head_width=16 ffn=72 vocab=288", 1, HEARTH_FLOAT);
    struct hearth_adapter *a = adapter(other, 3, 0), *b;
    struct hearth_session *s;
    good(adapter_save(a, folder, "base"));
    struct hearth_model *m = model(*state, 1, HEARTH_FLOAT);
    refused(adapter_open(m, folder, &b), HEARTH_EFORMAT, "for this model");
    good(hearth_session_open(m, NULL, &s));
    refused(hearth_session_adapt(s, a), HEARTH_EUSAGE, "opened for another model");
    hearth_session_close(s);
    put("adapter_config.json", "{\"peft_type\": \"LORA\", \"lora_alpha\": 8, \"use_dora\": true}");
    refused(adapter_open(m, folder, &b), HEARTH_EUNSUPPORTED, "use_dora is true");
    put("adapter_config.json", "{\"peft_type\": \"IA3\"}");
    refused(adapter_open(m, folder, &b), HEARTH_EUNSUPPORTED, "peft_type is IA3");
    put("adapter_config.json", "{\"peft_type\": \"LORA\", \"lora_alpha\": -1}");
    refused(adapter_open(m, folder, &b), HEARTH_EFORMAT, "lora_alpha should be a number above 0");
    refused(adapter_open(m, file, &b), HEARTH_EFORMAT, "general.type is \"model\"");
    refused(adapter_open(m, "/nowhere", &b), HEARTH_ENOTFOUND, "/nowhere");
    refused(adapter_new(m, &(struct adapter_shape){ .rank = 0, .alpha = 1, .slots = 1 }, &b), HEARTH_EUSAGE, "rank 0");
    refused(adapter_new(m, &(struct adapter_shape){ .rank = 4, .alpha = 1 }, &b), HEARTH_EUNSUPPORTED, "none of the matrices");
    adapter_close(a);
    hearth_model_close(other), hearth_model_close(m);
}

/* A head comes back with its labels. */
static void head(void **state)
{
    static const char *const labels[] = { "no", "perhaps \"so\"", "yes" };
    struct hearth_model *m = model(*state, 1, HEARTH_FLOAT);
    struct hearth_adapter *a = adapter(m, 3, 0), *b;
    good(adapter_put_labels(a, labels, 3, 1));
    for (uint32_t i = 0; i < 3 * m->h.width; i++) a->head[i] = (float)i;
    good(adapter_save(a, folder, "base"));
    good(adapter_open(m, folder, &b));
    assert_int_equal(b->classes, 3);
    assert_string_equal(b->label[1], labels[1]);
    assert_memory_equal(a->head, b->head, 3 * m->h.width * sizeof *a->head);
    assert_int_equal(b->mean, 0);
    adapter_close(b);
    a->mean = 1;
    good(adapter_save(a, folder, "base"));
    good(adapter_open(m, folder, &b));
    assert_int_equal(b->mean, 1);
    adapter_close(b);
    char gguf[300];                                        /* a GGUF file has them in its keys */
    snprintf(gguf, sizeof gguf, "%s/x.gguf", folder);
    good(adapter_save(a, gguf, "base"));
    good(adapter_open(m, gguf, &b));
    assert_int_equal(b->classes, 3);
    assert_string_equal(b->label[1], labels[1]);
    assert_memory_equal(a->head, b->head, 3 * m->h.width * sizeof *a->head);
    assert_true(b->mean == 1 && b->checksum == a->checksum);
    adapter_close(b);
    free(a->head), a->head = NULL;
    good(adapter_save(a, gguf, "base"));
    good(adapter_open(m, gguf, &b));
    assert_true(b->classes == 3 && !b->head);
    unlink(gguf);
    adapter_close(a), adapter_close(b);
    put("labels.json", "[\"a\"]");
    refused(adapter_open(m, folder, &b), HEARTH_EFORMAT, "1 labels, the head has 3 classes");
    put("labels.json", "{\"a\": 1}");
    refused(adapter_open(m, folder, &b), HEARTH_EFORMAT, "labels.json: should be an array of two labels");
    put("labels.json", "[\"a\", \"b\", \"a\"]");
    refused(adapter_open(m, folder, &b), HEARTH_EFORMAT, "labels.json: two labels are \"a\"");
    hearth_model_close(m);
}

#define LLAMA "width=48 heads=6 kv_heads=2 head_width=16 ffn=72 vocab=288 seed=3"
#define GEMMA "family=gemma3 layers=2 width=40 heads=2 kv_heads=1 head_width=24 ffn=56 vocab=360 window=10 seed=5"
#define PHI "family=phi3 layers=1 width=48 heads=6 kv_heads=2 ffn=72 vocab=288 rope_width=6 seed=8"
#define OPENELM "family=openelm layers=2 width=48 heads=6 kv_heads=2 head_width=8 ffn=64 vocab=288 uneven=1 tied=1 seed=11"
#define QUANT "width=256 heads=4 kv_heads=1 head_width=64 ffn=256 type=Q4_K,Q4_1,Q6_K,F16 vocab=288 seed=6"

int main(void)
{
    char command[96];
    const struct CMUnitTest tests[] = {
        { "files: " LLAMA, files, NULL, NULL, LLAMA }, { "files: " GEMMA, files, NULL, NULL, GEMMA },
        { "files: " PHI, files, NULL, NULL, PHI }, { "files: " OPENELM, files, NULL, NULL, OPENELM },
        { "company: " LLAMA, company, NULL, NULL, LLAMA }, { "company: " GEMMA, company, NULL, NULL, GEMMA },
        { "company: " QUANT, company, NULL, NULL, QUANT },
        { "bits: " LLAMA, bits, NULL, NULL, LLAMA }, { "bits: " QUANT, bits, NULL, NULL, QUANT },
        { "differences: " LLAMA, differences, NULL, NULL, LLAMA }, { "differences: " GEMMA, differences, NULL, NULL, GEMMA },
        { "mistakes", mistakes, NULL, NULL, LLAMA }, { "head", head, NULL, NULL, LLAMA },
    };
    int fd = mkstemp(file);
    if (fd < 0) return 1;
    close(fd);
    snprintf(folder, sizeof folder, "%s.d", file);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(file);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) != 0 || failed;
}
