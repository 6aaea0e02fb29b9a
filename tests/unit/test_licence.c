/* test_licence.c - licences as SPDX and Hugging Face spell them; the order of a signed model's files. */
#include "account/licence.h"
#include "account/resources.h"
#include "hub_test.h"

static void spelled_as_spdx_does(void **state)
{
    static const struct { const char *text, *wanted; int listed; } as[] = {
        {"apache-2.0", "Apache-2.0", 1}, {"MIT", "MIT", 1}, {"mit OR apache-2.0", "MIT OR Apache-2.0", 1},
        {"(MIT or Apache-2.0) and zlib", "(MIT OR Apache-2.0) AND Zlib", 1},
        {"gemma", "LicenseRef-gemma", 0}, {"mit OR gemma", "LicenseRef-mit-OR-gemma", 0}, {"My own: terms, v2!", "LicenseRef-My-own-terms-v2", 0},
        {"mit mit", "LicenseRef-mit-mit", 0}, {"mit OR", "LicenseRef-mit-OR", 0}, {"(mit", "LicenseRef-mit", 0}, {"mit)", "LicenseRef-mit", 0},
        {"()", "LicenseRef-unnamed", 0}, {"", "LicenseRef-unnamed", 0}, {"\xe2\x82\xac", "LicenseRef-unnamed", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof as / sizeof *as; i++) {
        struct buf b = {0};
        int listed;
        assert_ok(buf_puts(&b, "= "));
        assert_ok(licence_expression(as[i].text, &b, &listed));
        assert_string_equal(b.data + 2, as[i].wanted);
        assert_int_equal(listed, as[i].listed);
        buf_free(&b);
    }
}

static void spelled_as_hugging_face_does(void **state)
{
    (void)state;
    assert_string_equal(licence_tag("Apache-2.0"), "apache-2.0");
    assert_string_equal(licence_tag("Gemma"), "gemma");
    assert_null(licence_tag("my own"));
    assert_null(licence_tag(""));
}

static void names_are_compared_folder_by_folder(void **state)
{
    static const char *const sorted[] = {".", ".a", "a/b", "a/b/c", "a.b", "sub/a", "sub/z/a", "sub.x", "z", "\xc3\xbc"};
    (void)state;
    for (size_t i = 0; i < sizeof sorted / sizeof *sorted; i++)
        for (size_t k = 0; k < sizeof sorted / sizeof *sorted; k++) {
            int order = resource_order(sorted[i], sorted[k]);
            assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spelled_as_spdx_does), cmocka_unit_test(spelled_as_hugging_face_does),
        cmocka_unit_test(names_are_compared_folder_by_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
