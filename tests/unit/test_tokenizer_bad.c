/* test_tokenizer_bad.c - vocabularies that are refused (rows 6, 7 and 9 of the list of bad input): one sentence that
 * names file, key, what was found and what is allowed; nothing leaks (the address sanitizer watches). */
#include "vocab_bytes.h"

#include <time.h>

#include "text/special.h"

static struct vocab_bytes v;

/* What was put together is refused with this status and a message that holds `text`. */
static void refused(enum hearth_status status, const char *text) {
    vb_file(&v);
    enum hearth_status st = tokenizer_open(v.g, &v.t);
    assert_null(v.t);
    if (st != status || !strstr(hearth_errmsg(), text) || strncmp(hearth_errmsg(), "test.gguf: ", 11) ||
        !strstr(hearth_errmsg(), "tokenizer.ggml."))
        fail_msg("status %s, message \"%s\"; wanted %s and \"%s\"", hearth_status_name(st), hearth_errmsg(),
                 hearth_status_name(status), text);
    vb_close(&v);
}

static void bpe(void) { /* a good beginning */
    vb_string(&v, "model", "gpt2"), vb_string(&v, "pre", "gpt-2");
    vb_token(&v, "a", NORMAL, 0), vb_token(&v, "b", NORMAL, 0), vb_token(&v, "ab", NORMAL, 0);
}
static void spm(void) {
    vb_string(&v, "model", "llama");
    vb_token(&v, "<unk>", UNKNOWN, 0), vb_token(&v, "a", NORMAL, -1), vb_token(&v, "aa", NORMAL, -2);
}
/* An array of one byte-sized element, where another array belongs. */
static void wrong_array(const char *key) {
    vb_key(&v, key, GGUF_ARRAY), vb_put(&v.keys, GGUF_U8, 4), vb_put(&v.keys, 1, 8), vb_put(&v.keys, 7, 1);
}

static void the_good_beginnings_are_good(void **state) {
    (void)state;
    bpe(), vb_merge(&v, "a b"), vb_open(&v), vb_close(&v);
    spm(), vb_open(&v), vb_close(&v);
}

static void kinds(void **state) {
    (void)state;
    refused(HEARTH_EFORMAT, "model: missing, allowed: gpt2, llama, bert, t5");
    static const char *const kinds[] = { "t55", "ber", "rwkv", "", "none", "gpt22" };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char want[64];
        snprintf(want, sizeof want, "the kind \"%s\" is not known here, known: gpt2, llama, bert, t5", kinds[i]);
        vb_string(&v, "model", kinds[i]), refused(HEARTH_EUNSUPPORTED, want);
    }
    vb_u32(&v, "model", 3), refused(HEARTH_EFORMAT, "model");
    vb_string(&v, "model", "gpt2"), vb_token(&v, "a", NORMAL, 0), vb_merge(&v, "a a"), vb_string(&v, "pre", "new-one"),
        refused(HEARTH_EUNSUPPORTED, "the pre-tokeniser \"new-one\" is not known here, known: gpt-2 ");
    bpe(), vb_bool(&v, "add_space_prefix", 1), vb_merge(&v, "a b"), refused(HEARTH_EUNSUPPORTED, "add_space_prefix");
    spm(), vb_bool(&v, "remove_extra_whitespaces", 1), refused(HEARTH_EUNSUPPORTED, "remove_extra_whitespaces");
    spm(), vb_string(&v, "precompiled_charsmap", "x"), refused(HEARTH_EUNSUPPORTED, "precompiled_charsmap");
}

static void arrays(void **state) {
    (void)state;
    vb_string(&v, "model", "gpt2"), refused(HEARTH_EFORMAT, "tokens: missing");
    vb_string(&v, "model", "gpt2"), wrong_array("tokens"), refused(HEARTH_EFORMAT, "allowed: ARRAY of STRING");
    vb_string(&v, "model", "gpt2"), vb_u32(&v, "tokens", 5), refused(HEARTH_EFORMAT, "allowed: ARRAY of STRING");
    vb_string(&v, "model", "gpt2"), vb_array(&v, "tokens", GGUF_STRING, 0, &v.tokens), refused(HEARTH_EFORMAT, "0 tokens, allowed: 1 to 16777216");
    bpe(), v.n_types = 0, vb_u32(&v, "token_type", 1), refused(HEARTH_EFORMAT, "token_type: type U32, allowed: an array of integers");
    bpe(), v.n_types = 0, vb_array(&v, "token_type", GGUF_F32, 3, &v.scores), refused(HEARTH_EFORMAT, "token_type: type F32, allowed: an array of integers");
    bpe(), v.n_types = 0, vb_array(&v, "token_type", GGUF_STRING, 3, &v.tokens), refused(HEARTH_EFORMAT, "token_type: type STRING");
    bpe(), vb_put(&v.types, 1, 4), v.n_types++, refused(HEARTH_EFORMAT, "token_type: 4 elements, allowed: 3");
    bpe(), vb_token(&v, "x", 0, 0), refused(HEARTH_EFORMAT, "element 3 is 0, allowed: 1 to 6");
    bpe(), vb_token(&v, "x", 7, 0), refused(HEARTH_EFORMAT, "element 3 is 7, allowed: 1 to 6");
    bpe(), vb_token(&v, "x", -1, 0), refused(HEARTH_EFORMAT, "element 3 is -1, allowed: 1 to 6");
    spm(), v.n_scores = 0, refused(HEARTH_EFORMAT, "scores: missing");
    spm(), v.n_scores = 0, wrong_array("scores"), refused(HEARTH_EFORMAT, "scores: type ARRAY of U8, allowed: ARRAY of F32");
    spm(), v.n_scores = 2, v.scores.len = 8, refused(HEARTH_EFORMAT, "scores: 2 elements, allowed: 3");
    spm(), vb_token(&v, "x", NORMAL, (float)(0.0 / 0.0)), refused(HEARTH_EFORMAT, "scores: element 3 is ");
    spm(), vb_token(&v, "x", NORMAL, (float)(1.0 / 0.0)), refused(HEARTH_EFORMAT, "scores: element 3 is inf, allowed: a finite number");
    bpe(), refused(HEARTH_EFORMAT, "merges: missing");
    bpe(), wrong_array("merges"), refused(HEARTH_EFORMAT, "merges: type ARRAY of U8, allowed: ARRAY of STRING");
}

static void ids(void **state) {
    (void)state;
    static const char *const keys[] = { "bos_token_id", "eos_token_id", "eot_token_id", "eom_token_id" };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char want[64];
        snprintf(want, sizeof want, "%s: 3, allowed: 0 to 2", keys[i]);
        bpe(), vb_merge(&v, "a b"), vb_u32(&v, keys[i], 3), refused(HEARTH_EFORMAT, want);
        spm(), vb_u32(&v, keys[i], 0xFFFFFFFF), refused(HEARTH_EFORMAT, "4294967295, allowed: 0 to 2");
        spm(), vb_string(&v, keys[i], "2"), refused(HEARTH_EFORMAT, keys[i]);
    }
    spm(), vb_u32(&v, "unknown_token_id", 3), refused(HEARTH_EFORMAT, "unknown_token_id: 3, allowed: 0 to 2");
    spm(), vb_u32(&v, "add_bos_token", 1), refused(HEARTH_EFORMAT, "add_bos_token");
    spm(), vb_string(&v, "add_eos_token", "yes"), refused(HEARTH_EFORMAT, "add_eos_token");
    spm(), vb_u32(&v, "add_space_prefix", 1), refused(HEARTH_EFORMAT, "add_space_prefix");
}

static void byte_tokens(void **state) {
    (void)state;
    static const char *const bad[] = { "<0x-1>", "<0xGG>", "<0x1>", "<0x001>", "<0X41>", "", "x", "<0x4\n>", "<0x 1>" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        spm(), vb_token(&v, bad[i], BYTE, 0), refused(HEARTH_EFORMAT, "allowed: <0x00> to <0xFF>");
        bpe(), vb_merge(&v, "a b"), vb_token(&v, bad[i], BYTE, 0), refused(HEARTH_EFORMAT, "allowed: <0x00> to <0xFF>");
    }
    vb_string(&v, "model", "llama"), vb_token(&v, "<0x41>", BYTE, 0), refused(HEARTH_EFORMAT, "1 byte tokens and no unknown token");
}

static void merges(void **state) {
    (void)state;
    static const char *const bad[] = { "a c", "c a", "b a", "ab", "ab ", " ab", "a  b", "", " ", "a", "a b c", "a b ", "\xFF b", "a \xC4" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bpe(), vb_merge(&v, "a b"), vb_merge(&v, bad[i]);
        refused(HEARTH_EFORMAT, "merges: merge 1 is ");
    }
    bpe(), vb_token(&v, "c", CONTROL, 0), vb_token(&v, "ac", NORMAL, 0), vb_merge(&v, "a c"), refused(HEARTH_EFORMAT, "two tokens of the vocabulary");
    struct buf long_ = { 0 };
    for (int i = 0; i < 200000; i++) assert_int_equal(buf_puts(&long_, i == 100000 ? " " : "a"), HEARTH_OK);
    bpe(), vb_merge(&v, long_.data), refused(HEARTH_EFORMAT, "allowed: two tokens of 1 to 65536 bytes");
    buf_free(&long_);
    bpe(), vb_merge(&v, "a b"), vb_merge(&v, "a b"), vb_open(&v); /* a duplicate changes nothing */
    encodes(&v, 0, "ab", 2);
    vb_close(&v);
}

static void long_tokens(void **state) {
    (void)state;
    struct buf b = { 0 };
    for (int i = 0; i <= 65536; i++) assert_int_equal(buf_putc(&b, 'x'), HEARTH_OK);
    spm(), vb_token(&v, b.data, NORMAL, 0), refused(HEARTH_EFORMAT, "tokens: token 3 has 65537 bytes, allowed: at most 65536");
    b.data[65536] = 0;
    spm(), vb_token(&v, b.data, NORMAL, 0), vb_open(&v);
    encodes(&v, 0, b.data, 0);           /* nothing joins to it; unknown all the way */
    vb_close(&v);
    b.data[1025] = 0;
    spm(), vb_token(&v, b.data, USER, 0), refused(HEARTH_EFORMAT, "special token 3 has 1025 bytes, allowed: at most 1024");
    b.data[1024] = 0;
    spm(), vb_token(&v, b.data, USER, 0), vb_open(&v);
    encodes(&v, 0, b.data, 3);
    vb_close(&v);
    buf_free(&b);
}

/* 128 special tokens of 1024 bytes whose every further byte was chosen so that (node << 8 | byte) falls low in a table of 2^18 places
 * under Fibonacci hashing, as a trie that hashes its edges would place them: opening took a step for every edge before it. */
static void special_tokens_chosen_to_collide(void **state) {
    enum { N = 128, LEN = SPECIAL_MAX };
    static char name[N][LEN];
    uint32_t mask = (1u << 18) - 1, nodes = 1 + 2 * N;
    (void)state;
    for (int t = 0; t < N; t++) {
        name[t][0] = (char)(t + 1), name[t][1] = 'x';
        for (int i = 2; i < LEN; i++, nodes++) {
            uint32_t least = UINT32_MAX;
            for (uint32_t byte = 0; byte < 256; byte++) {
                uint32_t place = ((nodes << 8 | byte) * 0x9E3779B1u) >> 7 & mask;
                if (place < least) least = place, name[t][i] = (char)byte;
            }
        }
    }
    bpe(), vb_merge(&v, "a b");
    for (int t = 0; t < N; t++) vb_token_n(&v, name[t], LEN, CONTROL, 0);
    clock_t begun = clock();
    vb_open(&v);
    vb_encodes_n(&v, HEARTH_TOK_PARSE, name[N - 1], LEN, (const int32_t[]){ 3 + N - 1, -1 });
    assert_true(clock() - begun < 1 * CLOCKS_PER_SEC);
    vb_close(&v);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_good_beginnings_are_good),
        cmocka_unit_test(kinds),
        cmocka_unit_test(arrays),
        cmocka_unit_test(ids),
        cmocka_unit_test(byte_tokens),
        cmocka_unit_test(merges),
        cmocka_unit_test(long_tokens),
        cmocka_unit_test(special_tokens_chosen_to_collide),
    };
    return cmocka_run_group_tests_name("tokenizer_bad", tests, NULL, NULL);
}
