/* test_jsontext.c - JSON of strangers: what is read, and how what is wrong is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(good), cmocka_unit_test(bad), cmocka_unit_test(deep)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
