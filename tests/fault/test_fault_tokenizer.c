/* test_fault_tokenizer.c - both kinds of tokenizer opened and used with every allocation refused in turn.  The tokens of
 * each success are the same: where no memory may be executed, the pattern is interpreted instead. */
#include "unit/vocab_bytes.h"
#include "fault/fault.h"

static struct vocab_bytes v;
static const char text[] = "ab ab\n <s>e\xCC\x81 \xFF" "12 \xE2\x96\x81x aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

static enum hearth_status there_and_back(void *arg) {
    uint64_t *hash = arg;
    struct tokenizer *t = NULL;
    struct ids ids = { 0 };
    struct buf back = { 0 };
    uint64_t h = 0;
    enum hearth_status st = tokenizer_open(v.g, &t);
    for (int flags = 0; flags < 4 && st == HEARTH_OK; flags++) {
        ids.n = 0;
        st = tokenizer_encode(t, text, sizeof text - 1, flags, &ids);
        if (st == HEARTH_OK) st = tokenizer_decode(t, ids.id, ids.n, 1, &back);
        for (size_t i = 0; i < ids.n && st == HEARTH_OK; i++) h = h * 31 + (uint32_t)ids.id[i] + 1;
    }
    if (st == HEARTH_OK && *hash == 0) *hash = h;
    if (st == HEARTH_OK) assert_true(h == *hash);
    tokenizer_close(t), free(ids.id), buf_free(&back);
    return st;
}

static void each_allocation(void) {
    uint64_t hash = 0;
    vb_token(&v, "<s>", CONTROL, 0);
    vb_file(&v);
    fault_sweep(there_and_back, &hash, 1);
    vb_close(&v);
}

static void byte_level(void **state) {
    (void)state;
    static const char *const rules[] = { "smollm", "qwen2", "llama-bpe" };
    for (int i = 0; i < 3; i++) {
        vb_string(&v, "model", "gpt2"), vb_string(&v, "pre", rules[i]);
        vb_all_bytes(&v);
        vb_token(&v, "aa", NORMAL, 0), vb_token(&v, "ab", NORMAL, 0), vb_merge(&v, "a a"), vb_merge(&v, "a b");
        each_allocation();
    }
}

static void sentencepiece(void **state) {
    (void)state;
    vb_string(&v, "model", "llama");
    vb_byte_tokens(&v);
    vb_token(&v, "a", NORMAL, 0), vb_token(&v, "aa", NORMAL, 1), vb_token(&v, "\xE2\x96\x81" "a", NORMAL, 2);
    each_allocation();
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(byte_level), cmocka_unit_test(sentencepiece) };
    return cmocka_run_group_tests_name("fault_tokenizer", tests, NULL, NULL);
}
