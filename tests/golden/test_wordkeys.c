/* test_wordkeys.c - tokenizers of WordPiece and Unigram in GGUF's keys: what a folder's tokenizer.json makes of the golden texts and what
 * its keys make of them, as `hearth convert` writes them, are the same ids; and keys that are wrong are refused by their names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "folder_maker.h"
#include "model/folder.h"
#include "model_maker.h"
#include "os/os.h"
#include "text/tokenizer.h"

#include <cmocka.h>   /* its fail() hides ours */

static json_t *golden;
static char home[] = "/tmp/test_wordkeys.XXXXXX", folder[64];

static void good(enum hearth_status st)
{
    if (st) print_error("%s\n", hearth_errmsg());
    assert_int_equal(st, HEARTH_OK);
}

static json_t *one_of(const char *name)
{
    size_t i;
    json_t *one;
    json_array_foreach(golden, i, one)
        if (!strcmp(json_string_value(json_object_get(one, "name")), name)) return one;
    return NULL;
}

/* A folder with this tokenizer.json. */
static void put(json_t *t)
{
    char path[128];
    snprintf(path, sizeof path, "%s/tokenizer.json", folder);
    assert_int_equal(json_dump_file(t, path, 0), 0);
}

static int setup(void **state)
{
    struct model_spec spec = {0};
    char words[] = "layers=1 width=64 vocab=300", file[64];
    (void)state;
    assert_non_null(mkdtemp(home));
    snprintf(file, sizeof file, "%s/m", home);
    snprintf(folder, sizeof folder, "%s/f", home);
    good(model_spec_words(&spec, words));
    good(model_make(file, &spec));
    good(folder_make(file, folder, 1));
    return 0;
}

static int teardown(void **state)
{
    char line[100];
    (void)state;
    snprintf(line, sizeof line, "rm -rf %s", home);
    return system(line);
}

static void same(const struct tokenizer *a, const struct tokenizer *b, const char *s, size_t n, int from)
{
    for (int flags = from; flags < 4; flags++) {
        struct ids x = {0}, y = {0};
        good(tokenizer_encode(a, s, n, flags, &x));
        good(tokenizer_encode(b, s, n, flags, &y));
        if (x.n != y.n || (x.n && memcmp(x.id, y.id, x.n * sizeof *x.id))) {
            for (size_t i = 0; i < x.n; i++) print_error("%d ", x.id[i]);
            print_error("| ");
            for (size_t i = 0; i < y.n; i++) print_error("%d ", y.id[i]);
            fail_msg("\"%s\", flags %d", s, flags);
        }
        free(x.id), free(y.id);
    }
}

/* The texts of the golden file, through both. */
static void compare(const char *name, json_t *t, const char *kind)
{
    struct gguf *a, *b;
    struct tokenizer *x, *y;
    size_t i;
    json_t *c;
    put(t);
    good(model_file_open(folder, 1, &a));
    good(model_file_open_keys(folder, &b));
    assert_null(gguf_find(b, TOKENIZER_JSON_KEY));
    good(tokenizer_open(a, &x));
    good(tokenizer_open(b, &y));
    assert_string_equal(tokenizer_kind(x), kind);
    assert_string_equal(tokenizer_kind(y), kind);
    assert_int_equal(tokenizer_bos(x), tokenizer_bos(y));
    assert_int_equal(tokenizer_eos(x), tokenizer_eos(y));
    json_array_foreach(json_object_get(one_of(name), "cases"), i, c) {
        const json_t *text = json_object_get(c, "text");
        same(x, y, json_string_value(text), json_string_length(text), 0);
    }
    assert_true(i >= 14);
    tokenizer_close(x), tokenizer_close(y);
    gguf_close(a), gguf_close(b);
}

static void wordpiece(void **state)
{
    static const struct { int lower; const char *accents; } ways[] = {{1, "null"}, {0, "null"}, {0, "true"}, {1, "false"}};
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        json_t *t = json_deep_copy(json_object_get(one_of("wordpiece-True"), "tokenizer")), *normal = json_object_get(t, "normalizer");
        json_object_set_new(json_object_get(t, "model"), "max_input_chars_per_word", json_integer(100));
        json_object_set_new(normal, "lowercase", json_boolean(ways[i].lower));
        json_object_set_new(normal, "strip_accents", json_loads(ways[i].accents, JSON_DECODE_ANY, NULL));
        compare("wordpiece-True", t, "wordpiece");
        json_decref(t);
    }
}

/* The golden file has two tokens behind a text, which keys cannot say, and a step at which they end. */
static json_t *unigram_json(void)
{
    json_t *t = json_deep_copy(json_object_get(one_of("unigram-map"), "tokenizer")), *steps = json_object_get(json_object_get(t, "normalizer"), "normalizers");
    json_t *single = json_object_get(json_object_get(t, "post_processor"), "single");
    while (json_array_size(single) > 3) json_array_remove(single, 3);
    while (json_array_size(steps) > 1) json_array_remove(steps, 1);
    json_array_append_new(steps, json_pack("{s:s,s:{s:s},s:s}", "type", "Replace", "pattern", "Regex", " {2,}", "content", " "));
    json_object_set_new(t, "pre_tokenizer", json_pack("{s:s,s:[{s:s},{s:s,s:s,s:s,s:b}]}", "type", "Sequence", "pretokenizers", "type", "WhitespaceSplit", "type",
                                                      "Metaspace", "replacement", "\xE2\x96\x81", "prepend_scheme", "always", "split", 1));
    return t;
}

static void unigram(void **state)
{
    (void)state;
    json_t *t = unigram_json();
    put(t);
    struct gguf *a, *b;
    struct tokenizer *x, *y;
    static const char *const texts[] = {"", "the cat", "  the   cat  hats ", "\xEF\xAC\x81 the \xC3\xA9", "1 word words at unknown", "the<s>cat<unk> the"};
    good(model_file_open(folder, 1, &a));
    good(model_file_open_keys(folder, &b));
    good(tokenizer_open(a, &x));
    good(tokenizer_open(b, &y));
    assert_string_equal(tokenizer_kind(y), "unigram");
    assert_non_null(gguf_find(b, "tokenizer.ggml.precompiled_charsmap"));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) same(x, y, texts[i], strlen(texts[i]), strchr(texts[i], '<') ? HEARTH_TOK_PARSE : 0);
    tokenizer_close(x), tokenizer_close(y);
    gguf_close(a), gguf_close(b);
    json_decref(t);
}

/* ---- what keys cannot say ---- */

static void not_written(json_t *t, const char *why)
{
    struct gguf *g = NULL;
    put(t);
    enum hearth_status st = model_file_open_keys(folder, &g);
    if (st != HEARTH_EUNSUPPORTED || !strstr(hearth_errmsg(), why)) print_error("%d %s\n", (int)st, hearth_errmsg());
    assert_int_equal(st, HEARTH_EUNSUPPORTED);
    assert_non_null(strstr(hearth_errmsg(), why));
    json_decref(t);
}

static json_t *changed(const char *name, const char *path, const char *key, const char *value)
{
    json_t *t = json_deep_copy(json_object_get(one_of(name), "tokenizer"));
    if (!strncmp(name, "unigram", 7)) json_decref(t), t = unigram_json();
    else json_object_set_new(json_object_get(t, "model"), "max_input_chars_per_word", json_integer(100));
    json_object_set_new(*path ? json_object_get(t, path) : t, key, json_loads(value, JSON_DECODE_ANY, NULL));
    return t;
}

static void refused(void **state)
{
    static const char w[] = "wordpiece-True", u[] = "unigram-map";
    (void)state;
    not_written(changed(w, "model", "max_input_chars_per_word", "10"), "model.max_input_chars_per_word: GGUF has no words for it, allowed: 100");
    not_written(changed(w, "model", "continuing_subword_prefix", "\"@@\""), "model.continuing_subword_prefix");
    not_written(changed(w, "normalizer", "clean_text", "false"), "normalizer: GGUF has no words for it, allowed: BertNormalizer");
    not_written(changed(w, "", "normalizer", "null"), "normalizer: ");
    not_written(changed(w, "", "pre_tokenizer", "{\"type\":\"Whitespace\"}"), "pre_tokenizer: GGUF has no words for it, allowed: BertPreTokenizer");
    not_written(changed(w, "", "post_processor", "null"), "post_processor: GGUF has no words for it, allowed: one token before");
    not_written(changed(u, "", "normalizer", "{\"type\":\"NFC\"}"), "normalizer: GGUF has no words for it, allowed: Precompiled");
    not_written(changed(u, "", "pre_tokenizer", "{\"type\":\"Whitespace\"}"), "pre_tokenizer: GGUF has no words for it");
    not_written(json_deep_copy(json_object_get(one_of(u), "tokenizer")), ": GGUF has no words for it");
    json_t *t = changed(w, "", "version", "null");
    json_object_set_new(json_object_get(json_object_get(t, "model"), "vocab"), "##\xE2\x96\x81x", json_integer(60));
    not_written(t, "no piece inside a word that begins with U+2581");
}

/* ---- keys that are wrong ---- */

static void wrong(json_t *t, const char *key, struct gguf_value v, const char *why)
{
    struct gguf *g;
    struct tokenizer *out;
    char name[80];
    snprintf(name, sizeof name, "tokenizer.ggml.%s", key);
    put(t);
    good(model_file_open_keys(folder, &g));
    struct gguf_value *there = (struct gguf_value *)gguf_find(g, name);
    if (!there) fail_msg("no key %s", name);
    *there = v;
    enum hearth_status st = tokenizer_open(g, &out);
    if (st != HEARTH_EFORMAT || !strstr(hearth_errmsg(), why)) print_error("%s: %d %s\n", key, (int)st, hearth_errmsg());
    assert_int_equal(st, HEARTH_EFORMAT);
    assert_non_null(strstr(hearth_errmsg(), why));
    assert_null(out);
    gguf_close(g);
    json_decref(t);
}

static void broken_keys(void **state)
{
    static const char w[] = "wordpiece-True", u[] = "unigram-map";
    static struct gguf_string bad[300];
    static float scores[300];
    (void)state;
    for (int i = 0; i < 300; i++) bad[i] = (struct gguf_string){"\xFFx", 2};
    scores[7] = 1.0f / 0.0f;
#define WHOLE(x) ((struct gguf_value){.type = GGUF_U32, .as.u = (x)})
#define ARRAY(kind, count, where, texts) ((struct gguf_value){.type = GGUF_ARRAY, .as.array = {.type = (kind), .n = (count), .data = (where), .strings = (texts)}})
    wrong(changed(w, "", "version", "null"), "cls_token_id", WHOLE(300), "tokenizer.ggml.cls_token_id: 300, allowed: 0 to 299");
    wrong(changed(w, "", "version", "null"), "seperator_token_id", WHOLE(4000000000u), "seperator_token_id: 4000000000, allowed");
    wrong(changed(w, "", "version", "null"), "tokens", ARRAY(GGUF_STRING, 300, NULL, bad), "tokenizer.ggml.tokens: token 0 has a zero byte or is no UTF-8");
    wrong(changed(w, "", "version", "null"), "tokens", ARRAY(GGUF_STRING, 30, NULL, bad), "token_type: 300 elements, allowed: 30");
    wrong(changed(w, "", "version", "null"), "normalizer.lowercase", WHOLE(1), "normalizer.lowercase");
    wrong(changed(u, "", "version", "null"), "scores", ARRAY(GGUF_F32, 299, scores, NULL), "scores: 299 elements, allowed: 300");
    wrong(changed(u, "", "version", "null"), "scores", ARRAY(GGUF_F32, 300, scores, NULL), "scores: element 7 is inf, allowed: a finite number");
    wrong(changed(u, "", "version", "null"), "precompiled_charsmap", ARRAY(GGUF_F32, 3, scores, NULL), "precompiled_charsmap: type F32, allowed: an array of U8 or I8");
    wrong(changed(u, "", "version", "null"), "precompiled_charsmap", ARRAY(GGUF_U8, 3, scores, NULL), "3 bytes, allowed: 8 to");
    wrong(changed(u, "", "version", "null"), "unknown_token_id", WHOLE(300), "unknown_token_id: 300, allowed: 0 to 299");
}

int main(void)
{
    char *text;
    size_t n;
    if (os_read_file("tests/golden/tokenizer-json.json", 1 << 24, &text, &n) != HEARTH_OK) return 1;
    golden = json_loadb(text, n, JSON_ALLOW_NUL, NULL);
    free(text);
    const struct CMUnitTest tests[] = {cmocka_unit_test(wordpiece), cmocka_unit_test(unigram), cmocka_unit_test(refused), cmocka_unit_test(broken_keys)};
    int failed = golden ? cmocka_run_group_tests_name("wordkeys", tests, setup, teardown) : 1;
    json_decref(golden);
    return failed;
}
