/* test_tokenizer_json.c - small tokenizer.json files that have every part hearth knows, against what the `tokenizers` package makes of
 * the same files and texts: ids, places, the text back.  tools/oracle/tokenizer_json_golden.py writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "os/os.h"
#include "text/tokenizer.h"

#include <cmocka.h>   /* its fail() hides ours */

static json_t *golden;

/* The character that byte `at` of a well-formed text belongs to, or begins. */
static json_int_t character(const char *s, size_t at) {
    json_int_t n = 0;
    for (size_t i = 0; i < at; i++) n += (s[i] & 0xC0) != 0x80;
    return n;
}

static void same_ids(const char *name, const char *text, const struct ids *got, const json_t *want) {
    int same = got->n == json_array_size(want);
    for (size_t i = 0; same && i < got->n; i++) same = got->id[i] == json_integer_value(json_array_get(want, i));
    if (same) return;
    for (size_t i = 0; i < got->n; i++) print_error("%d ", got->id[i]);
    fail_msg("%s: \"%s\": %zu ids, wanted %s", name, text, got->n, json_dumps(want, JSON_COMPACT));
}

static void same_places(const char *name, const char *text, const size_t *at, size_t n, const json_t *want) {
    assert_int_equal(2 * n, json_array_size(want));
    for (size_t i = 0; i < 2 * n; i++) {
        json_int_t w = json_integer_value(json_array_get(want, i));
        if (character(text, at[i]) != w) fail_msg("%s: \"%s\": place %zu is %lld, wanted %lld", name, text, i, (long long)character(text, at[i]), (long long)w);
    }
}

static void same_text(const char *name, const struct tokenizer *t, const struct ids *ids, int special, const char *text, const json_t *want) {
    struct buf back = { 0 };
    assert_int_equal(tokenizer_decode(t, ids->id, ids->n, special, &back), HEARTH_OK);
    const char *w = json_string_value(want);
    if (!strstr(w, "\xEF\xBF\xBD") && (back.len != json_string_length(want) || memcmp(back.len ? back.data : "", w, back.len)))
        fail_msg("%s: \"%s\" comes back as \"%s\", wanted \"%s\"", name, text, back.len ? back.data : "", w);
    buf_free(&back);
}

static void check_case(const char *name, const struct tokenizer *t, const json_t *c) {
    const json_t *text = json_object_get(c, "text");
    const char *s = json_string_value(text);
    size_t n = json_string_length(text), *at;
    struct ids ids = { 0 }, inner = { 0 };
    assert_int_equal(tokenizer_encode_places(t, s, n, HEARTH_TOK_SPECIAL | HEARTH_TOK_PARSE, &ids, &at), HEARTH_OK);
    same_ids(name, s, &ids, json_object_get(c, "ids"));
    same_places(name, s, at, ids.n, json_object_get(c, "places"));
    assert_int_equal(tokenizer_encode(t, s, n, HEARTH_TOK_PARSE, &inner), HEARTH_OK);
    same_ids(name, s, &inner, json_object_get(c, "inner"));
    same_text(name, t, &ids, 1, s, json_object_get(c, "back"));
    same_text(name, t, &ids, 0, s, json_object_get(c, "plain"));
    free(at);
    free(ids.id);
    free(inner.id);
}

static void as_the_package(void **state) {
    (void)state;
    size_t i, k, texts = 0;
    json_t *one, *c;
    json_array_foreach(golden, i, one) {
        const char *name = json_string_value(json_object_get(one, "name"));
        char *file = json_dumps(json_object_get(one, "tokenizer"), JSON_COMPACT);
        struct tokenizer *t;
        if (tokenizer_open_json(name, file, strlen(file), &t) != HEARTH_OK) fail_msg("%s", hearth_errmsg());
        json_array_foreach(json_object_get(one, "cases"), k, c) check_case(name, t, c), texts++;
        tokenizer_close(t);
        free(file);
    }
    assert_true(i >= 40 && texts >= 600);
}

int main(void) {
    char *text;
    size_t n;
    if (os_read_file("tests/golden/tokenizer-json.json", 1 << 24, &text, &n) != HEARTH_OK) return 1;
    golden = json_loadb(text, n, JSON_ALLOW_NUL, NULL);
    free(text);
    const struct CMUnitTest tests[] = { cmocka_unit_test(as_the_package) };
    int failed = golden ? cmocka_run_group_tests_name("tokenizer.json", tests, NULL, NULL) : 1;
    json_decref(golden);
    return failed;
}
