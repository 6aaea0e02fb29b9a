/* test_ini.c - the small text files: what they may hold, what is refused and with which line. */
#include "hub/ini.h"
#include "hub_test.h"

static struct ini parsed(const char *text)
{
    struct ini f;
    assert_ok(ini_parse(text, strlen(text), "t", &f));
    return f;
}

static void values(void **state)
{
    (void)state;
    struct ini f = parsed("top=1\n# comment\n[a b]\r\nkey =  some words \r\n   and more\n   # a comment\n\n\tstill more\nempty =\n"
                          "  filled\n[c]\nkey=x=y\nkey=second");
    assert_string_equal(ini_get(&f, "", "top"), "1");
    assert_string_equal(ini_get(&f, "a b", "key"), "some words\nand more\nstill more");
    assert_string_equal(ini_get(&f, "a b", "empty"), "filled");
    assert_string_equal(ini_get(&f, "c", "key"), "x=y");
    assert_null(ini_get(&f, "c", "none"));
    assert_null(ini_get(&f, "d", "key"));
    assert_int_equal(f.n, 5);
    assert_string_equal(f.item[4].value, "second");
    assert_int_equal(f.item[1].line, 4);
    ini_free(&f);
    f = parsed("");
    assert_int_equal(f.n, 0);
    ini_free(&f);
}

static void mistakes(void **state)
{
    static const struct { const char *text, *words; } bad[] = {
        {"a = 1\nwhat is this\n", "t: line 2: \"what is this\" is neither"},
        {"[open\n", "t: line 1: \"[open\" is no section"},
        {"[]\n", "is no section"},
        {" indented = 1\n", "t: line 1: an indented line goes on with a value"},
        {"[s]\n x\n", "t: line 2: an indented line"},
        {"a = 1\n[s]\n x\n", "t: line 3: an indented line"},
        {"Key = 1\n", "neither"}, {"= 1\n", "neither"}, {"a b = 1\n", "neither"},
        {"a = 1\nb = \x01\n", "t: line 2: a control character 0x01"},
        {"a = 1\n\nb = \xff\n", "t: line 3: a byte 0xff that is not UTF-8"},
    };
    struct ini f;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_fails(ini_parse(bad[i].text, strlen(bad[i].text), "t", &f), HEARTH_EFORMAT, bad[i].words);
    assert_fails(ini_parse("a = \0b", 6, "t", &f), HEARTH_EFORMAT, "0x00");
}

static void numbers(void **state)
{
    static const char *const bad[] = {"", "-1", "+1", "1.5", "ten", "0x10", "18446744073709551616", "99999999999999999999999", "11"};
    uint64_t v = 7;
    (void)state;
    struct ini f = parsed("[n]\nzero = 0\nbig = 18446744073709551615\n");
    assert_ok(ini_number(&f, "n", "zero", 0, &v));
    assert_int_equal(v, 0);
    assert_ok(ini_number(&f, "n", "big", UINT64_MAX, &v));
    assert_true(v == UINT64_MAX);
    assert_fails(ini_number(&f, "n", "none", 1, &v), HEARTH_EFORMAT, "[n] has no none");
    ini_free(&f);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[64];
        snprintf(text, sizeof text, "[n]\nx = %s\n", bad[i]);
        f = parsed(text);
        assert_fails(ini_number(&f, "n", "x", 10, &v), HEARTH_EFORMAT, "allowed is a whole number from 0 to 10");
        ini_free(&f);
    }
}

static void written_and_read(void **state)
{
    struct buf b = {0};
    struct ini f;
    uint64_t n = 0;
    (void)state;
    assert_ok(buf_puts(&b, "[s]\n"));
    assert_ok(ini_put(&b, "text", "one\ntwo # three"));
    assert_ok(ini_put(&b, "none", ""));
    assert_ok(ini_put_number(&b, "number", UINT64_MAX));
    assert_ok(ini_write(in_home("f.ini"), &b));
    assert_ok(ini_read(in_home("f.ini"), &f));
    assert_string_equal(ini_get(&f, "s", "text"), "one\ntwo # three");
    assert_null(ini_get(&f, "s", "none"));
    assert_ok(ini_number(&f, "s", "number", UINT64_MAX, &n));
    assert_true(n == UINT64_MAX);
    ini_free(&f);
    buf_free(&b);
    assert_int_equal(ini_read(in_home("none.ini"), &f), HEARTH_ENOTFOUND);
    assert_int_not_equal(ini_read("/dev/zero", &f), HEARTH_OK);
}

static void paths(void **state)
{
    static const char *const path[] = {"/a/b.gguf", "/with blank/x", "/blank at end ", "/new\nline", "/100%", "/%41", "/\xc3\xa9t\xc3\xa9",
                                       "/latin-\xe9", "/tab\there", "/#x"};
    (void)state;
    for (size_t i = 0; i < sizeof path / sizeof *path; i++) {
        char *there = ini_path_encode(path[i]), *back = ini_path_decode(there);
        assert_string_equal(back, path[i]);
        struct buf b = {0};
        struct ini f;
        assert_ok(ini_put(&b, "p", there));
        assert_ok(ini_parse(b.data, b.len, "t", &f));
        assert_string_equal(ini_get(&f, "", "p"), there);
        ini_free(&f);
        buf_free(&b);
        free(there);
        free(back);
    }
    char *odd = ini_path_decode("%0%zz%00%4");
    assert_string_equal(odd, "%0%zz%00%4");
    free(odd);
}

/* Whatever the bytes: no crash, and a status (run under ASan by `make asan`). */
static void any_bytes(void **state)
{
    static const char alphabet[] = "[]=# \n\tab\r\xc3\xa9";
    char text[64];
    uint32_t x = 12345;
    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct ini f;
        size_t n = (size_t)(round % 64);
        for (size_t i = 0; i < n; i++) text[i] = alphabet[(x = x * 1664525u + 1013904223u) >> 24 & 15 ? (x >> 16) % 12 : 0];
        enum hearth_status st = ini_parse(text, n, "t", &f);
        assert_true(st == HEARTH_OK || st == HEARTH_EFORMAT);
        if (st == HEARTH_OK) ini_free(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values), cmocka_unit_test(mistakes), cmocka_unit_test(numbers), cmocka_unit_test(written_and_read),
        cmocka_unit_test(paths), cmocka_unit_test(any_bytes),
    };
    return cmocka_run_group_tests(tests, home_make, home_remove);
}
