/* test_model.c - opening models: a good one, and good ones with one thing wrong (bad input rows 2, 3, 6, 7): each gives one
 * clear sentence that names the file and the field, and nothing else happens.  Sessions: chunks, rewinding, limits. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file/gguf.h"
#include "model/forward.h"
#include "model_maker.h"
#include <cmocka.h>

static char folder[] = "/tmp/hearth-model-XXXXXX", llama[64], gemma[64], broken[64];

static int setup(void **state)
{
    (void)state;
    struct model_spec l = { .type = "Q4_0", .rope_factors = 1 }, g = { .family = "gemma3", .type = "F16", .layers = 6 };
    if (!mkdtemp(folder)) return 1;
    snprintf(llama, sizeof llama, "%s/llama.gguf", folder);
    snprintf(gemma, sizeof gemma, "%s/gemma.gguf", folder);
    snprintf(broken, sizeof broken, "%s/broken.gguf", folder);
    return model_make(llama, &l) || model_make(gemma, &g);
}

static int teardown(void **state)
{
    (void)state;
    return unlink(llama) || unlink(gemma) || unlink(broken) || rmdir(folder);
}

/* What a copy has different: a key left out, replaced or added; a tensor left out or of another shape or type. */
struct change {
    const char *key;
    const struct gguf_value *value;  /* NULL: left out */
    const char *tensor;
    uint64_t shape0, shape1;         /* 0, 0: left out */
    int poison;                      /* fills the tensor with NaN */
};

static void copy_with(const char *from, const struct change *c)
{
    struct gguf *g;
    struct gguf_writer *w;
    size_t key_bytes = c->key ? strlen(c->key) : 0;
    assert_int_equal(gguf_open(from, 1, &g), HEARTH_OK);
    assert_int_equal(gguf_writer_open(broken, 32, &w), HEARTH_OK);
    for (uint64_t i = 0; i < g->n_kv; i++) {
        struct gguf_string k = g->kv[i].key;
        if (c->key && k.n == key_bytes && memcmp(k.s, c->key, key_bytes) == 0) continue;
        if (k.n == 17 && memcmp(k.s, "general.alignment", 17) == 0) continue;
        assert_int_equal(gguf_writer_kv(w, &g->kv[i]), HEARTH_OK);
    }
    if (c->key && c->value) {
        struct gguf_kv kv = { { c->key, key_bytes }, *c->value };
        assert_int_equal(gguf_writer_kv(w, &kv), HEARTH_OK);
    }
    for (int pass = 0; pass < 2; pass++) {
        for (uint64_t i = 0; i < g->n_tensors; i++) {
            const struct gguf_tensor *t = &g->tensors[i];
            int hit = c->tensor && strcmp(t->name, c->tensor) == 0;
            int other = hit && c->shape0;
            uint64_t shape[4] = { other ? c->shape0 : t->shape[0], other ? c->shape1 : t->shape[1], other ? 1 : t->shape[2], 1 };
            if (hit && !c->shape0 && !c->poison) continue;
            if (pass == 0) {
                assert_int_equal(gguf_writer_tensor(w, t->name, t->dims, shape, t->type), HEARTH_OK);
                continue;
            }
            size_t bytes = (size_t)(shape[0] * shape[1] * shape[2] / type_info(t->type)->block * type_info(t->type)->bytes);
            char *data = calloc(1, bytes);
            memcpy(data, (const char *)g->map.data + t->offset, bytes < t->bytes ? bytes : (size_t)t->bytes);
            if (hit && c->poison) memset(data, 0xff, bytes);
            assert_int_equal(gguf_writer_data(w, data, bytes), HEARTH_OK);
            free(data);
        }
        if (pass == 0) assert_int_equal(gguf_writer_begin(w), HEARTH_OK);
    }
    assert_int_equal(gguf_writer_commit(w), HEARTH_OK);
    gguf_writer_close(w);
    gguf_close(g);
}

static void refused(const char *from, const struct change *c, enum hearth_status want, const char *word)
{
    struct hearth_model *m = NULL;
    copy_with(from, c);
    enum hearth_status st = hearth_model_open(broken, NULL, &m);
    if (st != want || !strstr(hearth_errmsg(), word) || !strstr(hearth_errmsg(), "broken.gguf"))
        fail_msg("%s%s: %s, \"%s\"", c->key ? c->key : "", c->tensor ? c->tensor : "", hearth_status_name(st), hearth_errmsg());
    assert_null(m);
}

#define U32(x) &(struct gguf_value){ .type = GGUF_U32, .as.u = (x) }
#define F32(x) &(struct gguf_value){ .type = GGUF_F32, .as.f = (x) }
#define STR(x) &(struct gguf_value){ .type = GGUF_STRING, .as.str = { x, strlen(x) } }

static void wrong_numbers_are_refused(void **state)
{
    (void)state;
    const struct { const char *key; const struct gguf_value *value; enum hearth_status st; } bad[] = {
        { "llama.block_count", NULL, HEARTH_EFORMAT }, { "llama.block_count", U32(0), HEARTH_EFORMAT },
        { "llama.block_count", U32(1u << 31), HEARTH_EFORMAT }, { "llama.block_count", STR("2"), HEARTH_EFORMAT },
        { "llama.embedding_length", NULL, HEARTH_EFORMAT }, { "llama.embedding_length", U32(0), HEARTH_EFORMAT },
        { "llama.embedding_length", F32(256), HEARTH_EFORMAT }, { "llama.feed_forward_length", U32(0), HEARTH_EFORMAT },
        { "llama.attention.head_count", U32(0), HEARTH_EFORMAT }, { "llama.attention.head_count", U32(1000000), HEARTH_EFORMAT },
        { "llama.attention.head_count_kv", U32(3), HEARTH_EFORMAT }, { "llama.attention.head_count_kv", U32(0), HEARTH_EFORMAT },
        { "llama.attention.key_length", U32(7), HEARTH_EFORMAT }, { "llama.attention.key_length", U32(0xffffffff), HEARTH_EFORMAT },
        { "llama.attention.value_length", U32(32), HEARTH_EFORMAT }, { "llama.rope.dimension_count", U32(63), HEARTH_EFORMAT },
        { "llama.rope.dimension_count", U32(4096), HEARTH_EFORMAT }, { "llama.context_length", U32(0), HEARTH_EFORMAT },
        { "llama.attention.layer_norm_rms_epsilon", F32(NAN), HEARTH_EFORMAT },
        { "llama.attention.layer_norm_rms_epsilon", F32(-1), HEARTH_EFORMAT },
        { "llama.rope.freq_base", F32(0), HEARTH_EFORMAT }, { "llama.rope.freq_base", F32(INFINITY), HEARTH_EFORMAT },
        { "llama.rope.scaling.factor", F32(NAN), HEARTH_EFORMAT }, { "llama.rope.scaling.type", STR("yarn"), HEARTH_EUNSUPPORTED },
        { "general.architecture", STR("mamba"), HEARTH_EUNSUPPORTED }, { "general.architecture", NULL, HEARTH_EUNSUPPORTED },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct change c = { .key = bad[i].key, .value = bad[i].value };
        const char *word = strcmp(bad[i].key, "llama.attention.key_length") == 0 ? "" : strrchr(bad[i].key, '.') + 1;
        if (strstr(bad[i].key, "head_count_kv") && bad[i].value->as.u == 3) word = "head_count";
        if (strcmp(bad[i].key, "llama.rope.dimension_count") == 0) word = "";
        refused(llama, &c, bad[i].st, word);
    }
}

/* Numbers and tensors that only some families have. */
static void peculiar_numbers_are_refused(void **state)
{
    (void)state;
    static const int32_t heads[] = { 4, 0 }, three[] = { 4, 4, 4 };
    static const float reals[] = { 4, 4 };
#define ARRAY(t, list) &(struct gguf_value){ .type = GGUF_ARRAY, .as.array = { .type = t, .n = sizeof list / sizeof *list, .data = list } }
    static const char *const words[] = {
        "family=granitemoe width=64 ffn=32 experts=4 experts_used=2 shared_ffn=32",
        "family=phi3 width=64 ffn=32 rope_original=64 rope_magnitude=1.25", "family=gemma2 width=64 head_width=32 ffn=32",
        "family=openelm width=64 heads=4 kv_heads=2 head_width=16 ffn=32 uneven=1" };
    const struct { int model; const char *key; const struct gguf_value *value; const char *tensor; uint64_t shape0, shape1; const char *word; } bad[] = {
        { 0, "granitemoe.expert_count", U32(0), NULL, 0, 0, "expert_count is 0" },
        { 0, "granitemoe.expert_count", U32(5), NULL, 0, 0, "ffn_gate_inp" },
        { 0, "granitemoe.expert_count", U32(0xffffffff), NULL, 0, 0, "expert_count" },
        { 0, "granitemoe.expert_used_count", U32(5), NULL, 0, 0, "should be 1 to 4" },
        { 0, "granitemoe.expert_shared_feed_forward_length", U32(64), NULL, 0, 0, "ffn_gate_shexp" },
        { 0, "granitemoe.expert_shared_feed_forward_length", NULL, NULL, 0, 0, "ffn_gate_shexp" },
        { 0, "granitemoe.residual_scale", F32(0), NULL, 0, 0, "residual_scale" },
        { 0, "granitemoe.logit_scale", F32(NAN), NULL, 0, 0, "logit_scale" },
        { 0, NULL, NULL, "blk.1.ffn_up_exps.weight", 64, 128, "64 x 128 x 1, should be 64 x 32 x 4" },
        { 0, NULL, NULL, "blk.1.ffn_down_shexp.weight", 0, 0, "ffn_down_shexp.weight is missing" },
        { 1, "phi3.rope.scaling.attn_factor", F32(100), NULL, 0, 0, "attn_factor" },
        { 1, "phi3.rope.scaling.original_context_length", U32(0), NULL, 0, 0, "original_context_length" },
        { 1, "phi3.rope.scaling.type", STR("yarn"), NULL, 0, 0, "longrope" },
        { 1, NULL, NULL, "rope_factors_long.weight", 0, 0, "rope_factors_long.weight is missing" },
        { 1, NULL, NULL, "rope_factors_short.weight", 0, 0, "rope_factors_short.weight is missing" },
        { 1, NULL, NULL, "blk.0.attn_qkv.weight", 64, 64, "64 x 64, should be 64 x 128" },
        { 2, "gemma2.attn_logit_softcapping", F32(-1), NULL, 0, 0, "attn_logit_softcapping" },
        { 2, "gemma2.final_logit_softcapping", F32(INFINITY), NULL, 0, 0, "final_logit_softcapping" },
        { 2, "gemma2.attention.sliding_window_pattern", ARRAY(GGUF_I32, three), NULL, 0, 0, "one for each of 2 layers" },
        { 3, "openelm.attention.head_count", ARRAY(GGUF_I32, heads), NULL, 0, 0, "is 0 for layer 1" },
        { 3, "openelm.attention.head_count", ARRAY(GGUF_I32, three), NULL, 0, 0, "has 3 numbers" },
        { 3, "openelm.feed_forward_length", ARRAY(GGUF_F32, reals), NULL, 0, 0, "array of F32" },
        { 3, NULL, NULL, "blk.1.attn_qkv.weight", 64, 64, "blk.1.attn_qkv.weight is 64 x 64, should be 64 x 128" },
    };
    char copy[256], from[96];
    snprintf(from, sizeof from, "%s/peculiar.gguf", folder);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (i == 0 || bad[i].model != bad[i - 1].model) {
            struct model_spec spec = { 0 };
            struct hearth_model *m;
            snprintf(copy, sizeof copy, "%s", words[bad[i].model]);
            assert_int_equal(model_spec_words(&spec, copy), HEARTH_OK);
            assert_int_equal(model_make(from, &spec), HEARTH_OK);
            assert_int_equal(hearth_model_open(from, NULL, &m), HEARTH_OK);
            hearth_model_close(m);
        }
        struct change c = { .key = bad[i].key, .value = bad[i].value, .tensor = bad[i].tensor, .shape0 = bad[i].shape0, .shape1 = bad[i].shape1 };
        refused(from, &c, bad[i].key && strstr(bad[i].key, "type") ? HEARTH_EUNSUPPORTED : HEARTH_EFORMAT, bad[i].word);
    }
    unlink(from);
}

/* Which layers see a window, and which are rotated: as the family has it, or as the file says. */
static void patterns_are_read(void **state)
{
    (void)state;
    static const uint8_t local[] = { 1, 0, 0, 1 };
    const struct { const char *words, *key; const struct gguf_value *value; const char *local, *turns; } of[] = {
        { "family=gemma2 layers=4 width=64 ffn=32", "general.name", STR("x"), "1010", "1111" },
        { "family=gemma2 layers=4 width=64 ffn=32", "gemma2.attention.sliding_window_pattern", U32(3), "1101", "1111" },
        { "family=gemma2 layers=4 width=64 ffn=32", "gemma2.attention.sliding_window_pattern", ARRAY(GGUF_BOOL, local), "1001", "1111" },
        { "family=gemma2 layers=4 width=64 ffn=32", "gemma2.attention.sliding_window", U32(0), "0000", "1111" },
        { "family=smollm3 layers=4 width=64 ffn=32", "general.name", STR("x"), "0000", "1110" },
        { "family=granite layers=4 width=64 ffn=32", "granite.rope.scaling.finetuned",
          &(struct gguf_value){ .type = GGUF_BOOL, .as.b = false }, "0000", "0000" },
    };
    char copy[256], from[96];
    snprintf(from, sizeof from, "%s/peculiar.gguf", folder);
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        struct model_spec spec = { 0 };
        struct hearth_model *m;
        snprintf(copy, sizeof copy, "%s", of[i].words);
        assert_int_equal(model_spec_words(&spec, copy), HEARTH_OK);
        assert_int_equal(model_make(from, &spec), HEARTH_OK);
        copy_with(from, &(struct change){ .key = of[i].key, .value = of[i].value });
        assert_int_equal(hearth_model_open(broken, NULL, &m), HEARTH_OK);
        for (uint32_t l = 0; l < 4; l++) {
            assert_int_equal(m->h.at[l].local, of[i].local[l] == '1');
            assert_int_equal(m->h.at[l].turns, of[i].turns[l] == '1');
        }
        hearth_model_close(m);
    }
    unlink(from);
}

static void wrong_tensors_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = { "token_embd.weight", "output_norm.weight", "blk.1.attn_q.weight", "blk.0.ffn_down.weight",
                                         "blk.1.attn_norm.weight" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) refused(llama, &(struct change){ .tensor = names[i] }, HEARTH_EFORMAT, names[i]);
    refused(llama, &(struct change){ .tensor = "blk.0.attn_q.weight", .shape0 = 256, .shape1 = 128 }, HEARTH_EFORMAT, "256 x 128");
    refused(llama, &(struct change){ .tensor = "blk.0.attn_norm.weight", .shape0 = 128, .shape1 = 1 }, HEARTH_EFORMAT, "attn_norm");
    refused(llama, &(struct change){ .tensor = "rope_freqs.weight", .shape0 = 8, .shape1 = 1 }, HEARTH_EFORMAT, "rope_freqs");
    refused(llama, &(struct change){ .tensor = "rope_freqs.weight", .poison = 1 }, HEARTH_EFORMAT, "rope");
    refused(gemma, &(struct change){ .tensor = "blk.0.attn_q_norm.weight" }, HEARTH_EFORMAT, "attn_q_norm");
    refused(llama, &(struct change){ .tensor = "token_embd.weight", .shape0 = 256, .shape1 = 100 }, HEARTH_EFORMAT, "");
}

static struct hearth_session *open_session(struct hearth_model *m, uint32_t ctx, uint32_t chunk)
{
    struct hearth_session *s;
    struct hearth_session_params p = { .ctx = ctx, .chunk = chunk };
    assert_int_equal(hearth_session_open(m, &p, &s), HEARTH_OK);
    return s;
}

static void a_value_that_is_not_finite_is_an_error(void **state)
{
    (void)state;
    static const char *const names[] = { "blk.0.attn_norm.weight", "blk.1.ffn_norm.weight", "output_norm.weight" };
    for (size_t i = 0; i < 3; i++) {
        struct hearth_model *m;
        int32_t ids[3] = { 1, 2, 3 };
        copy_with(llama, &(struct change){ .tensor = names[i], .poison = 1 });
        assert_int_equal(hearth_model_open(broken, NULL, &m), HEARTH_OK);
        struct hearth_session *s = open_session(m, 64, 0);
        assert_int_equal(hearth_session_eval(s, ids, 3, NULL), HEARTH_ENUMERIC);
        assert_int_equal(hearth_session_length(s), 0);
        assert_null(hearth_session_logits(s));
        hearth_session_close(s);
        hearth_model_close(m);
    }
}

/* Rounding to Q8_0 makes a number of NaN; the cache must not hide one. */
static void no_kv_type_hides_a_value_that_is_not_finite(void **state)
{
    (void)state;
    static const char *const names[] = { "blk.0.attn_k.weight", "blk.1.attn_v.weight" };
    for (size_t i = 0; i < 2; i++)
        for (int kv = HEARTH_KV_F16; kv <= HEARTH_KV_Q8_0; kv++) {
            struct hearth_model *m;
            struct hearth_session *s;
            int32_t ids[3] = { 1, 2, 3 };
            copy_with(llama, &(struct change){ .tensor = names[i], .poison = 1 });
            assert_int_equal(hearth_model_open(broken, NULL, &m), HEARTH_OK);
            struct hearth_session_params p = { .ctx = 64, .kv = (enum hearth_kv)kv };
            assert_int_equal(hearth_session_open(m, &p, &s), HEARTH_OK);
            assert_int_equal(hearth_session_eval(s, ids, 3, NULL), HEARTH_ENUMERIC);
            hearth_session_close(s);
            hearth_model_close(m);
        }
}

static void sessions_keep_their_limits(void **state)
{
    (void)state;
    struct hearth_model *m;
    int32_t ids[70] = { 0 }, wrong = 1 << 20, minus = -1;
    volatile int stop = 1;
    assert_int_equal(hearth_model_open(gemma, NULL, &m), HEARTH_OK);
    struct hearth_session *s = open_session(m, 64, 16);
    for (int i = 0; i < 70; i++) ids[i] = 1 + i * 3;
    assert_int_equal(hearth_session_eval(s, ids, 65, NULL), HEARTH_ECONTEXT);
    assert_non_null(strstr(hearth_errmsg(), "65"));
    assert_int_equal(hearth_session_eval(s, &wrong, 1, NULL), HEARTH_EUSAGE);
    assert_int_equal(hearth_session_eval(s, &minus, 1, NULL), HEARTH_EUSAGE);
    assert_int_equal(hearth_session_eval(s, ids, 10, &stop), HEARTH_ECANCELLED);
    assert_int_equal(hearth_session_length(s), 0);
    assert_int_equal(hearth_session_eval(s, ids, 64, NULL), HEARTH_OK);
    size_t bytes = m->h.vocabulary * sizeof(float);
    float *want = malloc(bytes);
    memcpy(want, hearth_session_logits(s), bytes);
    assert_int_equal(hearth_session_eval(s, ids, 1, NULL), HEARTH_ECONTEXT);
    assert_int_equal(hearth_session_rewind(s, 65), HEARTH_EUSAGE);
    assert_int_equal(hearth_session_rewind(s, 20), HEARTH_OK);     /* and the rest again, in another cut */
    assert_null(hearth_session_logits(s));
    for (int i = 20; i < 64; i++) assert_int_equal(hearth_session_eval(s, ids + i, 1, NULL), HEARTH_OK);
    assert_memory_equal(hearth_session_logits(s), want, bytes);
    free(want);
    hearth_session_close(s);
    struct hearth_session_params p = { .ctx = 1u << 25 };
    assert_int_equal(hearth_session_open(m, &p, &s), HEARTH_EUSAGE);
    p = (struct hearth_session_params){ .kv = 9 };
    assert_int_equal(hearth_session_open(m, &p, &s), HEARTH_EUSAGE);
    hearth_model_close(m);
}

static void memory_is_as_planned(void **state)
{
    (void)state;
    struct hearth_model *m;
    struct hearth_memory a, b;
    assert_int_equal(hearth_model_open(llama, NULL, &m), HEARTH_OK);
    assert_int_equal(hearth_model_memory(m, 256, HEARTH_KV_F16, &a), HEARTH_OK);
    assert_int_equal(hearth_model_memory(m, 512, HEARTH_KV_F32, &b), HEARTH_OK);
    assert_int_equal(a.kv_cache, 2 * 2 * 2 * 64 * 256 * 2);         /* k and v, layers, heads, width, positions, bytes */
    assert_int_equal(b.kv_cache, 4 * a.kv_cache);
    assert_int_equal(a.total, a.weights_mapped + a.weights_copied + a.kv_cache + a.session);
    assert_int_equal(hearth_model_memory(m, 256, 7, &a), HEARTH_EUSAGE);
    hearth_model_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_numbers_are_refused),
        cmocka_unit_test(wrong_tensors_are_refused), cmocka_unit_test(peculiar_numbers_are_refused),
        cmocka_unit_test(patterns_are_read),
        cmocka_unit_test(a_value_that_is_not_finite_is_an_error),
        cmocka_unit_test(no_kv_type_hides_a_value_that_is_not_finite),
        cmocka_unit_test(sessions_keep_their_limits),
        cmocka_unit_test(memory_is_as_planned),
    };
    return cmocka_run_group_tests_name("model", tests, setup, teardown);
}
