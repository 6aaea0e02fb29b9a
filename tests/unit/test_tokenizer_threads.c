/* test_tokenizer_threads.c - one tokenizer used by several threads at a time (the thread sanitizer runs this too). */
#include "vocab_bytes.h"

#include <pthread.h>

enum { THREADS = 4, ROUNDS = 50 };

static struct vocab_bytes v;
static const char text[] = "the the ab ababab <s> 12\n\xFF" "e\xCC\x81 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/* Returns NULL when every round gave the same. */
static void *encode_many(void *first) {
    const struct ids *want = first;
    for (int i = 0; i < ROUNDS; i++) {
        struct ids ids = { 0 };
        struct buf back = { 0 };
        int good = tokenizer_encode(v.t, text, sizeof text - 1, HEARTH_TOK_PARSE, &ids) == HEARTH_OK && ids.n == want->n &&
                   !memcmp(ids.id, want->id, ids.n * sizeof *ids.id) &&
                   tokenizer_decode(v.t, ids.id, ids.n, 1, &back) == HEARTH_OK && back.len == sizeof text - 1 &&
                   !memcmp(back.data, text, back.len);
        free(ids.id), buf_free(&back);
        if (!good) return first;
    }
    return NULL;
}

static void all_at_once(void) {
    pthread_t thread[THREADS];
    struct ids want = { 0 };
    vb_token(&v, "<s>", CONTROL, 0), vb_open(&v);
    assert_int_equal(tokenizer_encode(v.t, text, sizeof text - 1, HEARTH_TOK_PARSE, &want), HEARTH_OK);
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&thread[i], NULL, encode_many, &want), 0);
    for (int i = 0; i < THREADS; i++) {
        void *bad;
        assert_int_equal(pthread_join(thread[i], &bad), 0);
        assert_null(bad);
    }
    free(want.id), vb_close(&v);
}

static void byte_level(void **state) {
    (void)state;
    vb_string(&v, "model", "gpt2"), vb_string(&v, "pre", "llama-bpe"), vb_all_bytes(&v);
    vb_token(&v, "ab", NORMAL, 0), vb_token(&v, "aa", NORMAL, 0), vb_merge(&v, "a b"), vb_merge(&v, "a a");
    all_at_once();
}

static void sentencepiece(void **state) {
    (void)state;
    vb_string(&v, "model", "llama"), vb_byte_tokens(&v);
    vb_token(&v, "a", NORMAL, -3), vb_token(&v, "aa", NORMAL, -2), vb_token(&v, "ab", NORMAL, -1);
    all_at_once();
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(byte_level), cmocka_unit_test(sentencepiece) };
    return cmocka_run_group_tests_name("tokenizer_threads", tests, NULL, NULL);
}
