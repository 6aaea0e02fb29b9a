/* test_tokenizer_json.c - tokenizer.json files that are refused, each with one sentence; what a stranger's file can make of a text; marks,
 * malformed bytes, and the time that long runs take.  That the ids are right is tests/golden/test_tokenizer_json.c's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <time.h>

#include "text/pipeline.h"
#include "text/regex.h"

#include <cmocka.h>   /* its fail() hides ours */

#define BPE(more) "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":[\"a b\"]}" more "}"

static void refused(const char *json, enum hearth_status status, const char *text) {
    struct tokenizer *t;
    enum hearth_status st = tokenizer_open_json("x.json", json, strlen(json), &t);
    assert_null(t);
    if (st != status || !strstr(hearth_errmsg(), text) || strncmp(hearth_errmsg(), "x.json: ", 8))
        fail_msg("%.60s: status %s, message \"%s\"; wanted %s and \"%s\"", json, hearth_status_name(st), hearth_errmsg(), hearth_status_name(status), text);
}

static struct tokenizer *opened(const char *json) {
    struct tokenizer *t;
    if (tokenizer_open_json("x.json", json, strlen(json), &t) != HEARTH_OK) fail_msg("%s", hearth_errmsg());
    return t;
}

static void encodes(const struct tokenizer *t, int flags, const char *text, const char *want) {
    struct ids ids = { 0 };
    char got[400] = "";
    assert_int_equal(tokenizer_encode(t, text, strlen(text), flags, &ids), HEARTH_OK);
    for (size_t i = 0; i < ids.n && i < 40; i++) sprintf(got + strlen(got), "%s%d", i ? " " : "", ids.id[i]);
    assert_string_equal(got, want);
    free(ids.id);
}

static void broken_files(void **state) {
    (void)state;
    refused("{", HEARTH_EFORMAT, "line 1");
    refused("[]", HEARTH_EFORMAT, "a list, allowed: an object");
    refused("{}", HEARTH_EFORMAT, "model: missing, allowed: an object");
    refused("{\"model\":{\"type\":\"GPT\"}}", HEARTH_EUNSUPPORTED, "model.type: \"GPT\" is not known here, known: BPE, Unigram, WordPiece");
    refused("{\"model\":{\"type\":\"BPE\",\"vocab\":{},\"merges\":[]}}", HEARTH_EFORMAT, "model.vocab: no tokens");
    refused("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":\"b\"},\"merges\":[]}}", HEARTH_EFORMAT, "the id of \"a\" is none");
    refused("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":-1},\"merges\":[]}}", HEARTH_EFORMAT, "the id of \"a\" is -1, allowed: 0 to 16777215");
    refused("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":16777215},\"merges\":[]}}", HEARTH_EFORMAT, "1 tokens with ids up to 16777215");
    refused("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":0},\"merges\":[]}}", HEARTH_EFORMAT, "token 0 stands there twice");
    refused("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":{}}}", HEARTH_EFORMAT, "model.merges: an object, allowed: a list");
    refused("{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\"]]}}", HEARTH_EFORMAT, "model.vocab[0]: no token, allowed: [\"text\", score]");
    refused("{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",0]],\"unk_id\":1}}", HEARTH_EFORMAT, "model.unk_id: 1, allowed: 0 to 0");
    refused("{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":0}}}", HEARTH_EFORMAT, "unk_token: \"[UNK]\", allowed: a token of the vocabulary");
    refused(BPE(",\"added_tokens\":[{\"id\":1,\"content\":\"x\"}]"), HEARTH_EFORMAT, "added_tokens[0]: \"x\" has the id 1, which is \"b\"");
    refused(BPE(",\"added_tokens\":[{\"id\":3,\"content\":\"\"}]"), HEARTH_EFORMAT, "content: 0 bytes, allowed: 1 to 1024");
    refused(BPE(",\"added_tokens\":[{\"content\":\"x\"}]"), HEARTH_EFORMAT, "no id");
}

static void unknown_parts(void **state) {
    (void)state;
    refused(BPE(",\"normalizer\":{\"type\":\"Upper\"}"), HEARTH_EUNSUPPORTED, "normalizer.type: \"Upper\" is not known here, known: NFC, NFD");
    refused(BPE(",\"pre_tokenizer\":{\"type\":\"UnicodeScripts\"}"), HEARTH_EUNSUPPORTED, "pre_tokenizer.type: \"UnicodeScripts\"");
    refused(BPE(",\"decoder\":{\"type\":\"CTC\"}"), HEARTH_EUNSUPPORTED, "decoder.type: \"CTC\"");
    refused(BPE(",\"post_processor\":{\"type\":\"Nothing\"}"), HEARTH_EUNSUPPORTED, "post_processor.type: \"Nothing\"");
    refused(BPE(",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"String\":\"a\"},\"behavior\":\"Somehow\"}"), HEARTH_EUNSUPPORTED, "behavior: \"Somehow\"");
    refused(BPE(",\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"!\"}"), HEARTH_EFORMAT, "not base64 from byte 0 on");
    refused(BPE(",\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"/////w==\"}"), HEARTH_EFORMAT, "4 bytes, allowed: 8 to");
    refused(BPE(",\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"/P///wAAAAA=\"}"), HEARTH_EFORMAT, "a trie of 4294967292 bytes in 8");
    refused(BPE(",\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"[a&&b]\"},\"content\":\"\"}"), HEARTH_EUNSUPPORTED, "normalizer.pattern: && in a set");
    refused(BPE(",\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"(a\"},\"content\":\"\"}"), HEARTH_EFORMAT, "normalizer.pattern: missing closing parenthesis");
    refused(BPE(",\"normalizer\":{\"type\":\"Replace\",\"pattern\":{},\"content\":\"\"}"), HEARTH_EFORMAT, "neither \"String\" nor \"Regex\"");
    refused(BPE(",\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"x\"}},{\"Sequence\":{\"id\":\"A\"}}],"
                "\"special_tokens\":{\"x\":{\"ids\":[9]}}}"), HEARTH_EFORMAT, "ids[0]: token 9, allowed: 0 to 2");
}

static void cyclic_merges(void **state) {
    (void)state;
    refused("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"##\":1,\"##a\":2},\"continuing_subword_prefix\":\"##\",\"merges\":[[\"a\",\"##\"]]}}", HEARTH_EFORMAT,
            "model.merges[0]: \"a\" and \"##\" make no longer token");
    refused("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"aa\":1},\"merges\":[\"aa a\"]}}", HEARTH_EFORMAT,
            "model.merges[0]: \"aa\" and \"a\", allowed: two tokens of the vocabulary that make a third");
    refused("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1},\"merges\":[\"a\"]}}", HEARTH_EFORMAT, "model.merges[0]: no merge");
    /* in any order, each way round: a join makes a longer token or none */
    struct tokenizer *t = opened("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2,\"ba\":3,\"aba\":4},\"merges\":[\"ab a\",\"a ba\",\"a b\",\"b a\"]}}");
    encodes(t, 0, "ababab", "4 1 2");
    tokenizer_close(t);
}

static void too_deep_too_many(void **state) {
    (void)state;
    struct buf b = { 0 };
    buf_puts(&b, "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]},\"normalizer\":");
    for (int i = 0; i < 20; i++) buf_puts(&b, "{\"type\":\"Sequence\",\"normalizers\":[");
    for (int i = 0; i < 20; i++) buf_puts(&b, "]}");
    buf_puts(&b, "}");
    refused(b.data, HEARTH_ELIMIT, "nested 16 deep");
    b.len = 0;
    buf_puts(&b, "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]},\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"}");
    for (int i = 0; i < 64; i++) buf_puts(&b, ",{\"type\":\"NFC\"}");
    buf_puts(&b, "]}}");
    refused(b.data, HEARTH_ELIMIT, "normalizer.normalizers: 65 elements, allowed: at most 64");
    buf_free(&b);
}

static void what_explodes_is_stopped(void **state) {
    (void)state;
    struct ids ids = { 0 };
    char text[5001];
    memset(text, 'a', 5000), text[5000] = '\0';
    struct tokenizer *t = opened(BPE(",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(?:a|aa)+\\\\z(?<!a)\"},\"behavior\":\"Isolated\"}"));
    assert_int_equal(tokenizer_encode(t, text, 5000, 0, &ids), HEARTH_ELIMIT);
    if (!strstr(hearth_errmsg(), "x.json: pre_tokenizer.pattern: the pattern takes more than 1368576 steps at byte 0 of 5000")) fail_msg("%s", hearth_errmsg());
    assert_int_equal(ids.n, 0);
    tokenizer_close(t);
    t = opened(BPE(",\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"},"
                   "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}]}"));
    assert_int_equal(tokenizer_encode(t, text, 5000, 0, &ids), HEARTH_ELIMIT);
    assert_non_null(strstr(hearth_errmsg(), "a text grows past 385536 bytes"));
    assert_int_equal(ids.n, 0);
    free(ids.id);
    tokenizer_close(t);
}

static void patterns_are_translated(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        { "a{1,3}+", "(?m)(?:a{1,3})+" }, { "\\p{N}{1,3}+|b", "(?m)(?:\\p{N}{1,3})+|b" }, { "(ab){,2}+", "(?m)(?:(ab){0,2})+" }, { "[^\\r\\n]?+x++", "(?m)[^\\r\\n]?+x++" },
        { "(?m:.)", "(?m)(?s:.)" }, { "(?i:'s)|(?!x)(?<=y)", "(?m)(?i:'s)|(?!x)(?<=y)" }, { "\\h", "(?m)[0-9a-fA-F]" },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct buf out = { 0 };
        assert_int_equal(regex_translate("x", pairs[i][0], strlen(pairs[i][0]), &out), HEARTH_OK);
        assert_string_equal(out.data, pairs[i][1]);
        buf_free(&out);
    }
}

#define ADDED ",\"added_tokens\":[{\"id\":3,\"content\":\"<s>\",\"special\":true},{\"id\":4,\"content\":\"<N>\",\"special\":true,\"normalized\":true}," \
              "{\"id\":5,\"content\":\"<u>\"}],\"normalizer\":{\"type\":\"Lowercase\"}"

#define WORDS(pre) "{\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"?\",\"vocab\":{\"?\":0}},\"pre_tokenizer\":{" pre "}}"

/* A word is one "?": letters and numbers of Unicode 15, 16 and 17, which the pattern library does not know. */
static void late_letters_are_letters(void **state) {
    (void)state;
    struct tokenizer *t = opened(WORDS("\"type\":\"Whitespace\""));
    encodes(t, 0, "\xF0\xB2\x84\x91" "b", "0");                                              /* U+32111, Han, 15 */
    encodes(t, 0, "a\xF0\x90\xB5\xA5" "b!\xE2\x82\xAC \xC2\xB2 _1\xE2\x80\x8D", "0 0 0 0"); /* U+10D65, Garay, 16; signs; what joins */
    encodes(t, 0, "a\xF0\xB2\x8E\xB0" "b", "0 0 0");                                          /* U+323B0 is no character */
    tokenizer_close(t);
    t = opened(WORDS("\"type\":\"Digits\",\"individual_digits\":true"));
    encodes(t, 0, "a\xF0\x91\x9B\xA3\xF0\x91\xB7\xA0" "b", "0 0 0 0");                       /* U+116E3, 16; U+11DE0, 17 */
    tokenizer_close(t);
}

static void words_of_others_are_no_special_tokens(void **state) {
    (void)state;
    struct tokenizer *t = opened("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"<\":1,\"s\":2,\"x\":6},\"merges\":[]}" ADDED "}");
    struct buf b = { 0 };
    int marked;
    encodes(t, HEARTH_TOK_PARSE, "a<s>a<N>A<n>", "0 3 0 4 0 4");
    encodes(t, 0, "a<s>a<u>", "0 1 2 0 5");
    buf_puts(&b, "<s>");
    assert_int_equal(tokenizer_mark(t, "<s>a<N>a", 8, &b, &marked), HEARTH_OK);
    assert_int_equal(marked, 1);
    buf_puts(&b, "<N><s>");
    encodes(t, HEARTH_TOK_PARSE | TOKENIZER_MARKED, b.data, "3 1 2 0 1 0 4 3");
    b.len = 0; /* a name that only normalising makes one */
    assert_int_equal(tokenizer_mark(t, "\xEF\xB7\x90<n>", 6, &b, &marked), HEARTH_OK);
    encodes(t, HEARTH_TOK_PARSE | TOKENIZER_MARKED, b.data, "1");
    buf_free(&b);
    tokenizer_close(t);
}

static void malformed_bytes_are_replaced(void **state) {
    (void)state;
    struct tokenizer *t = opened("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"\xEF\xBF\xBD\":1},\"merges\":[]}}");
    encodes(t, 0, "a\xFF\xC3" "a\xE2\x82" "a\xF0\x9F\x98" "a\xED\xA0\x80" "a\xC0\xAF", "0 1 1 0 1 0 1 0 1 1 1 0 1 1");
    size_t *at;
    struct ids ids = { 0 };
    assert_int_equal(tokenizer_encode_places(t, "a\xE2\x82" "a", 4, 0, &ids, &at), HEARTH_OK);
    assert_int_equal(at[2], 1), assert_int_equal(at[3], 3);
    free(at), free(ids.id);
    tokenizer_close(t);
}

/* Seconds of processor for n bytes, of a tokenizer that is new. */
static double seconds_of(const char *file, const char *text, size_t n) {
    struct tokenizer *t = opened(file);
    struct ids ids = { 0 };
    clock_t began = clock();
    assert_int_equal(tokenizer_encode(t, text, n, 0, &ids), HEARTH_OK);
    double took = (double)(clock() - began) / CLOCKS_PER_SEC;
    free(ids.id);
    tokenizer_close(t);
    return took;
}

/* Four times as long may take eight times as long; what is quadratic takes sixteen. */
static void long_runs_take_linear_time(void **state) {
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    enum { N = 1 << 17 };            /* its bookkeeping of a million pieces is not linear */
#else
    enum { N = 1 << 20 };
#endif
    static const char *const files[] = {
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"aa\":1,\"aaaa\":2},\"merges\":[\"a a\",\"aa aa\"]}}",
        "{\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"?\",0],[\"a\",-1],[\"aa\",-2],[\"aaaaaaaaaaaaaaaa\",-3]]}}",
        "{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"[UNK]\":0,\"aaaa\":1,\"##aaaa\":2},\"max_input_chars_per_word\":100000},\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"}}",
        BPE(",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"\\\\s+(?!\\\\S)|\\\\p{L}+|\\\\s+\"},\"behavior\":\"Isolated\"},\"normalizer\":{\"type\":\"NFKD\"}"),
        BPE(",\"pre_tokenizer\":{\"type\":\"Metaspace\",\"split\":true},\"added_tokens\":[{\"id\":3,\"content\":\"aaaab\",\"lstrip\":true}]"),
    };
    char *text = malloc(N);
    assert_non_null(text);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        for (int c = 0; c < 2; c++) {
            memset(text, c ? ' ' : 'a', N);
            double whole = INFINITY, quarter = 0;
            for (int again = 0; again < 4 && whole > 8 * quarter + 0.2; again++)        /* a neighbour that takes the cache is no square */
                whole = fmin(whole, seconds_of(files[i], text, N)), quarter = fmax(quarter, seconds_of(files[i], text, N / 4));
            if (whole > 8 * quarter + 0.2) fail_msg("file %zu: %g s for %d of '%c', %g for a quarter", i, whole, N, *text, quarter);
        }
    free(text);
}

/* All bytes, then "ab", "abc", "bc": the merge of the lowest number first. */
static void tekken(void **state) {
    (void)state;
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct buf b = { 0 };
    buf_puts(&b, "{\"config\":{\"pattern\":\"[^\\\\s]+|\\\\s+\",\"default_vocab_size\":269,\"default_num_special_tokens\":10},\"vocab\":[");
    for (int i = 0; i < 256; i++) buf_printf(&b, "{\"rank\":%d,\"token_bytes\":\"%c%c==\"},", i, alphabet[i >> 2], alphabet[(i & 3) << 4]);
    buf_puts(&b, "{\"rank\":256,\"token_bytes\":\"YmM=\"},{\"rank\":257,\"token_bytes\":\"YWI=\"},{\"rank\":258,\"token_bytes\":\"YWJj\",\"token_str\":\"\\u0000\"}]}");
    struct tokenizer *t = opened(b.data);
    assert_string_equal(tokenizer_kind(t), "ranks");
    encodes(t, 0, "abc ab xbc", "268 42 267 42 130 266");
    encodes(t, HEARTH_TOK_SPECIAL | HEARTH_TOK_PARSE, "[INST]abc</s>", "1 3 268 2");
    encodes(t, 0, "\xC3\xA9", "205 179");
    tokenizer_close(t);
    char *at = strstr(b.data, "\"rank\":7,");
    at[7] = '8';
    refused(b.data, HEARTH_EFORMAT, "vocab[7].rank: 8, allowed: 7 to 7");
    buf_free(&b);
    refused("{\"config\":{\"pattern\":\"a\",\"default_vocab_size\":300,\"default_num_special_tokens\":3},\"vocab\":[]}", HEARTH_EFORMAT,
            "vocab: 0 tokens for a vocabulary of 300");
}

static void piece(struct buf *b, const char *text, char type, float score) {
    size_t n = strlen(text);
    buf_printf(b, "\n%c\n%c%s\x15", (char)(n + 9), (char)n, text);
    buf_put(b, &score, 4);
    buf_putc(b, '\x18'), buf_putc(b, type);
}

static void sentencepiece(void **state) {
    (void)state;
    struct buf b = { 0 };
    struct tokenizer *t;
    piece(&b, "<unk>", 2, 0), piece(&b, "<s>", 3, 0), piece(&b, "</s>", 3, 0);
    piece(&b, "\xE2\x96\x81", 1, -1), piece(&b, "a", 1, -2), piece(&b, "\xE2\x96\x81" "a", 1, -3);
    buf_put(&b, "\x12\x02\x18\x02\x1A\x02\x20\x00", 8);      /* model_type = BPE; remove_extra_whitespaces = false */
    assert_int_equal(tokenizer_open_sentencepiece("x.model", b.data, b.len, &t), HEARTH_OK);
    encodes(t, HEARTH_TOK_SPECIAL, "a  ab", "1 5 3 5 0");
    tokenizer_close(t);
    for (size_t n = 0; n < b.len; n++) { /* cut anywhere */
        if (tokenizer_open_sentencepiece("x.model", b.data, n, &t) == HEARTH_OK) fail_msg("cut at %zu of %zu it is accepted", n, b.len);
        assert_non_null(strstr(hearth_errmsg(), "x.model: "));
    }
    b.data[b.len - 5] = 3;
    assert_int_equal(tokenizer_open_sentencepiece("x.model", b.data, b.len, &t), HEARTH_EUNSUPPORTED);
    assert_non_null(strstr(hearth_errmsg(), "trainer_spec.model_type: word, known: unigram, BPE"));
    b.data[b.len - 5] = 1;                                    /* Unigram */
    assert_int_equal(tokenizer_open_sentencepiece("x.model", b.data, b.len, &t), HEARTH_OK);
    assert_string_equal(tokenizer_kind(t), "unigram");
    encodes(t, HEARTH_TOK_SPECIAL, "a  abc", "1 5 3 5 0");
    tokenizer_close(t);
    b.data[b.len - 1] = 1;                                    /* remove_extra_whitespaces = true */
    assert_int_equal(tokenizer_open_sentencepiece("x.model", b.data, b.len, &t), HEARTH_OK);
    encodes(t, 0, "  a   a ", "5 5");
    encodes(t, 0, "   ", "");
    tokenizer_close(t);
    struct buf own = {0};                                     /* a piece of one's own loses no space beside it, and gets none */
    piece(&own, "b", 4, 0);
    buf_put(&own, b.data, b.len);
    own.len = 0;
    buf_put(&own, b.data, b.len - 8);
    piece(&own, "b", 4, 0);
    buf_put(&own, b.data + b.len - 8, 8);
    for (int model = 1; model <= 2; model++) {
        own.data[own.len - 5] = (char)model;
        assert_int_equal(tokenizer_open_sentencepiece("x.model", own.data, own.len, &t), HEARTH_OK);
        encodes(t, 0, "a b  aba", "5 3 6 5 6 4");
        tokenizer_close(t);
    }
    buf_free(&own);
    b.data[b.len - 5] = 2;                                    /* BPE with the same */
    assert_int_equal(tokenizer_open_sentencepiece("x.model", b.data, b.len, &t), HEARTH_OK);
    encodes(t, 0, "  a   a ", "5 5");
    encodes(t, 0, "\xE2\x96\x81" "a \xE2\x96\x81", "3 5");
    tokenizer_close(t);
    buf_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_files), cmocka_unit_test(unknown_parts), cmocka_unit_test(cyclic_merges), cmocka_unit_test(too_deep_too_many),
        cmocka_unit_test(what_explodes_is_stopped), cmocka_unit_test(patterns_are_translated), cmocka_unit_test(late_letters_are_letters),
        cmocka_unit_test(words_of_others_are_no_special_tokens),
        cmocka_unit_test(malformed_bytes_are_replaced), cmocka_unit_test(long_runs_take_linear_time),
        cmocka_unit_test(tekken), cmocka_unit_test(sentencepiece),
    };
    return cmocka_run_group_tests_name("tokenizer.json", tests, NULL, NULL);
}
