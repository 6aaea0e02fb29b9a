/* test_base_utf8.c - UTF-8 at every boundary of table 3-7 of the Unicode standard, and against a slow definition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"

/* The definition by arithmetic, not by table: decode, then ask whether the shortest form is the same bytes. */
static int slow_read(const unsigned char *s, size_t n, uint32_t *cp) {
    if (n == 0) return 0;
    int len = s[0] < 0x80 ? 1 : s[0] >= 0xF8 ? 0 : s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : s[0] >= 0xC0 ? 2 : 0;
    *cp = 0xFFFD;
    if (len == 0 || (size_t)len > n) return -1;
    uint32_t c = len == 1 ? s[0] : s[0] & (0x7Fu >> len);
    for (int i = 1; i < len; i++) {
        if (s[i] >> 6 != 2) return -1;
        c = c << 6 | (s[i] & 0x3Fu);
    }
    int shortest = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    if (shortest != len || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) return -1;
    *cp = c;
    return len;
}

static void every_scalar_value_there_and_back(void **state) {
    (void)state;
    for (uint32_t cp = 0; cp < 0x110000; cp++) {
        char s[4];
        uint32_t back = 0;
        int n = utf8_write(cp, s);
        if (cp >= 0xD800 && cp <= 0xDFFF) {
            assert_int_equal(n, 0);
            continue;
        }
        if (n != (cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4)) fail_msg("length of U+%04X is %d", cp, n);
        if (utf8_read(s, (size_t)n, &back) != n || back != cp) fail_msg("U+%04X came back as U+%04X", cp, back);
        for (int cut = 1; cut < n; cut++)
            if (utf8_read(s, (size_t)cut, &back) != -1 || back != 0xFFFD) fail_msg("U+%04X cut at %d", cp, cut);
    }
    char s[4];
    assert_int_equal(utf8_write(0x110000, s), 0);
    assert_int_equal(utf8_write(UINT32_MAX, s), 0);
}

/* Every first byte with second bytes at the edges of every row, third and fourth at theirs. */
static void every_edge_of_the_table(void **state) {
    (void)state;
    static const unsigned char edge[] = { 0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xE0, 0xF4, 0xFF };
    const size_t n = sizeof edge;
    for (int first = 0; first < 256; first++)
        for (size_t i = 0; i < n * n * n; i++) {
            unsigned char s[4] = { (unsigned char)first, edge[i % n], edge[i / n % n], edge[i / n / n] };
            for (size_t len = 0; len <= 4; len++) {
                uint32_t a = 0, b = 0;
                int got = utf8_read((const char *)s, len, &a), want = slow_read(s, len, &b);
                if (got != want || a != b)
                    fail_msg("%02X %02X %02X %02X of length %zu: %d, not %d", s[0], s[1], s[2], s[3], len, got, want);
            }
        }
}

static void named_cases(void **state) {
    (void)state;
    static const struct { const char *s; int len; uint32_t cp; } cases[] = {
        { "\xC2\x80", 2, 0x80 },           { "\xDF\xBF", 2, 0x7FF },          { "\xC1\xBF", -1, 0xFFFD },
        { "\xE0\xA0\x80", 3, 0x800 },      { "\xE0\x9F\xBF", -1, 0xFFFD },    { "\xED\x9F\xBF", 3, 0xD7FF },
        { "\xED\xA0\x80", -1, 0xFFFD },    { "\xEE\x80\x80", 3, 0xE000 },     { "\xEF\xBF\xBF", 3, 0xFFFF },
        { "\xF0\x90\x80\x80", 4, 0x10000 }, { "\xF0\x8F\xBF\xBF", -1, 0xFFFD }, { "\xF4\x8F\xBF\xBF", 4, 0x10FFFF },
        { "\xF4\x90\x80\x80", -1, 0xFFFD }, { "\xF5\x80\x80\x80", -1, 0xFFFD }, { "\x80", -1, 0xFFFD },
        { "\xFE", -1, 0xFFFD },            { "\xFF", -1, 0xFFFD },            { "A", 1, 'A' },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t cp;
        assert_int_equal(utf8_read(cases[i].s, strlen(cases[i].s), &cp), cases[i].len);
        assert_int_equal(cp, cases[i].cp);
    }
    uint32_t cp = 1;
    assert_int_equal(utf8_read("", 1, &cp), 1); /* NUL is a character */
    assert_int_equal(cp, 0);
    assert_int_equal(utf8_read("x", 0, &cp), 0);
}

static void validity_names_the_first_bad_byte(void **state) {
    (void)state;
    size_t bad = 99;
    assert_true(utf8_valid("", 0, &bad));
    assert_true(utf8_valid("na\xC3\xAFve \xF0\x9F\x94\xA5", 11, &bad));
    assert_int_equal(bad, 99);
    assert_false(utf8_valid("ab\xC3(", 4, &bad));
    assert_int_equal(bad, 2);
    assert_false(utf8_valid("\xF0\x9F\x94", 3, &bad));
    assert_int_equal(bad, 0);
    assert_false(utf8_valid("ok\xFF", 3, NULL));
}

/* 1 when some bytes could complete s into one character. */
static int could_complete(const unsigned char *s, size_t n) {
    static const unsigned char next[] = { 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF };
    unsigned char t[4];
    uint32_t cp;
    for (size_t i = 0; i < 216; i++) {
        memcpy(t, s, n);
        for (size_t k = n, j = i; k < 4; k++, j /= 6) t[k] = next[j % 6];
        for (size_t len = n + 1; len <= 4; len++)
            if (slow_read(t, len, &cp) == (int)len) return 1;
    }
    return 0;
}

static void whole_holds_back_only_what_may_become_a_character(void **state) {
    (void)state;
    assert_int_equal(utf8_whole("", 0), 0);
    assert_int_equal(utf8_whole("abc", 3), 3);
    assert_int_equal(utf8_whole("a\xE2\x82", 3), 1);
    assert_int_equal(utf8_whole("a\xE2\x82\xAC", 4), 4);
    assert_int_equal(utf8_whole("\xF0\x9F\x94", 3), 0);
    assert_int_equal(utf8_whole("a\x80\x80\x80", 4), 4);
    assert_int_equal(utf8_whole("\xE2\x82\xE2", 3), 2);
    assert_int_equal(utf8_whole("\xED\xA0", 2), 2); /* half a surrogate becomes nothing */
    static const unsigned char edge[] = { 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2, 0xDF, 0xE0,
                                          0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF };
    const size_t n = sizeof edge;
    for (size_t i = 0; i < n * n * n * n; i++) {
        unsigned char s[4] = { edge[i % n], edge[i / n % n], edge[i / n / n % n], edge[i / n / n / n] };
        size_t want = 4;
        for (size_t at = 1; at < 4; at++) /* the earliest tail that may become a character */
            if (s[at] >= 0xC0 && could_complete(s + at, 4 - at)) {
                want = at;
                break;
            }
        if (utf8_whole((const char *)s, 4) != want)
            fail_msg("%02X %02X %02X %02X: %zu, not %zu", s[0], s[1], s[2], s[3], utf8_whole((const char *)s, 4), want);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_scalar_value_there_and_back),
        cmocka_unit_test(every_edge_of_the_table),
        cmocka_unit_test(named_cases),
        cmocka_unit_test(validity_names_the_first_bad_byte),
        cmocka_unit_test(whole_holds_back_only_what_may_become_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
