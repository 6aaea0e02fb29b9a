/* test_jsontext.c - JSON of strangers: what is read, and how what is wrong is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsontext.h"

#include <cmocka.h>

static void good(void **state)
{
    (void)state;
    json_t *v = NULL;
    const char text[] = "[\"\xc3\xa9\", 1.5, {\"a\": null}] and what comes after n bytes";
    assert_int_equal(jsontext_read("it", text, strchr(text, ']') + 1 - text, &v), HEARTH_OK);
    assert_int_equal(json_array_size(v), 3);
    assert_string_equal(json_string_value(json_array_get(v, 0)), "\xc3\xa9");
    json_decref(v);
}

static void bad(void **state)
{
    (void)state;
    static const struct { const char *text, *message; } rows[] = {
        {"", "it: line 1, column 0: '[' or '{' expected near end of file"},
        {"[1,\n 2", "it: line 2, column 2: ']' expected near end of file"},
        {"{\"a\": 1, \"a\": 2}", "it: line 1, column 12: duplicate object key near '\"a\"'"},
        {"[\"\xff\"]", "it: line 1, column 2: unable to decode byte 0xff near '\"'"},
        {"[1] 2", "it: line 1, column 5: end of file expected near '2'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *v = (json_t *)&v;
        assert_int_equal(jsontext_read("it", rows[i].text, strlen(rows[i].text), &v), HEARTH_EFORMAT);
        assert_null(v);
        assert_string_equal(hearth_errmsg(), rows[i].message);
    }
}

/* What "no limit" looks like in files of transformers. */
static void wide_integers(void **state)
{
    (void)state;
    char text[] = "{\"a\": 1000000000000000019884624838656, \"b\\\"10000000000000000000\": -9223372036854775807, \"c\": 9223372036854775808,"
                  " \"d\": 0.10000000000000000000000, \"e\": 1e5, \"f\": \"99999999999999999999\", \"g\": [-99999999999999999999]}";
    json_t *v;
    jsontext_shorten(text, sizeof text - 1);
    assert_int_equal(jsontext_read("it", text, sizeof text - 1, &v), HEARTH_OK);
    assert_true(json_is_real(json_object_get(v, "a")) && json_real_value(json_object_get(v, "a")) / 1e30 - 1 < 1e-9);
    assert_true(json_integer_value(json_object_get(v, "b\"10000000000000000000")) == -9223372036854775807);
    assert_true(json_is_real(json_object_get(v, "c")) && json_real_value(json_object_get(v, "c")) > 9.2e18);
    assert_true(json_real_value(json_object_get(v, "d")) == 0.1 && json_real_value(json_object_get(v, "e")) == 1e5);
    assert_string_equal(json_string_value(json_object_get(v, "f")), "99999999999999999999");
    assert_true(json_real_value(json_array_get(json_object_get(v, "g"), 0)) < -9.9e19);
    json_decref(v);
    char cut[] = "\"\\";
    jsontext_shorten(cut, 2);
    jsontext_shorten(cut, 0);
}

/* jansson stops at 2048 levels by itself; the stack is safe. */
static void deep(void **state)
{
    (void)state;
    char text[100000];
    json_t *v;
    memset(text, '[', sizeof text);
    assert_int_equal(jsontext_read("it", text, sizeof text, &v), HEARTH_EFORMAT);
    assert_non_null(strstr(hearth_errmsg(), "maximum parsing depth"));
}

static void writes_as(const char *text, const char *wanted)
{
    json_t *v = json_loads(text, JSON_ALLOW_NUL, NULL);
    assert_non_null(v);
    char *written = jsontext_dump(v);
    assert_string_equal(written, wanted);
    json_t *again = json_loads(written, JSON_ALLOW_NUL, NULL);
    assert_true(json_equal(v, again));
    json_decref(again);
    json_decref(v);
    free(written);
}

static void written(void **state)
{
    (void)state;
    writes_as("[]", "[]");
    writes_as("{}", "{}");
    writes_as(" [ 1 , -2, true,false,null, \"\" ] ", "[1,-2,true,false,null,\"\"]");
    writes_as("{\"b\": {\"c\": []}, \"a\": [{}]}", "{\"b\":{\"c\":[]},\"a\":[{}]}");
    writes_as("[\"\\u00e9\\\"\\\\/\\n\\t\\u0001\\u0000x\\u007f\"]", "[\"\xc3\xa9\\\"\\\\/\\n\\u0009\\u0001\\u0000x\x7f\"]");
    writes_as("{\"a\\nb\": 1}", "{\"a\\nb\":1}");
    writes_as("[9.81, 0.1, 1.0, -0.0, 1e300, 1e-7, 123456789.125, 0.30000000000000004, 5e-324, 1.7976931348623157e308, 9007199254740993.0]",
              "[9.81,0.1,1.0,-0.0,1e+300,1e-07,123456789.125,0.30000000000000004,4.94065645841247e-324,1.7976931348623157e+308,9007199254740992.0]");
    assert_null(jsontext_dump(NULL));
    json_t *v = json_loads("{\"a\":[1,2],\"b\":{}}", 0, NULL);
    struct buf b = {0};
    assert_int_equal(jsontext_put_wide(&b, v), HEARTH_OK);
    assert_string_equal(b.data, "{\"a\": [1, 2], \"b\": {}}");
    buf_free(&b);
    json_decref(v);
}

/* Any number comes back with the same bits. */
static void reals(void **state)
{
    (void)state;
    uint64_t bits = 1;
    for (int i = 0; i < 20000; i++) {
        double f;
        bits = bits * 6364136223846793005u + 1442695040888963407u;
        memcpy(&f, &bits, sizeof f);
        if (f - f != 0) continue;
        json_t *v = json_pack("[f]", f), *again;
        char *text = jsontext_dump(v);
        again = json_loads(text, 0, NULL);
        assert_true(json_equal(v, again));
        json_decref(again);
        json_decref(v);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(good), cmocka_unit_test(bad), cmocka_unit_test(wide_integers), cmocka_unit_test(deep), cmocka_unit_test(written),
                                      cmocka_unit_test(reals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
