/* test_stream.c - what is shown, byte for byte, however the bytes are cut into tokens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* cmocka has a macro of this name; base/status.h a function */

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/utf8.h"
#include "infer/stream.h"

struct screen { struct buf text; int calls, refuse_at; };

static int show(void *user, const char *text, size_t len) {
    struct screen *s = user;
    assert_true(len > 0 && utf8_valid(text, len, NULL)); /* every piece is whole characters */
    assert_int_equal(buf_put(&s->text, text, len), HEARTH_OK);
    return ++s->calls == s->refuse_at;
}

/* Feeds `text` in pieces of `step` bytes (0: of sizes that chance decides); what was shown is in out. */
static int run(const char *text, size_t n, const char *const *stop, size_t n_stop, size_t step, struct buf *out) {
    static struct stream s;
    struct screen screen = { 0 };
    assert_int_equal(stream_init(&s, stop, n_stop, show, &screen), HEARTH_OK);
    size_t at = 0;
    int over = 0;
    while (at < n && !over) {
        size_t k = step ? step : 1 + (size_t)(random_uniform(n, at, 9) * 20);
        if (k > n - at) k = n - at;
        over = stream_put(&s, text + at, k);
        at += k;
    }
    if (!over) stream_end(&s);
    int met = s.met;
    stream_free(&s);
    *out = screen.text;
    return met;
}

static void expect(const char *text, const char *const *stop, size_t n_stop, const char *want, int met) {
    for (size_t step = 0; step < 12; step++) {
        struct buf got = { 0 };
        assert_int_equal(run(text, strlen(text), stop, n_stop, step, &got), met);
        assert_string_equal(got.data ? got.data : "", want);
        buf_free(&got);
    }
}
#define STOPS(...) (const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *)

static void text_without_stops_is_shown_whole(void **state) {
    (void)state;
    expect("", NULL, 0, "", -1);
    expect("hello", NULL, 0, "hello", -1);
    expect("na\xC3\xAFve \xE2\x82\xAC \xF0\x9F\x94\xA5!", NULL, 0, "na\xC3\xAFve \xE2\x82\xAC \xF0\x9F\x94\xA5!", -1);
}

#define R "\xEF\xBF\xBD"
static void malformed_bytes_are_replaced_as_python_does(void **state) {
    (void)state;
    expect("a\xFF" "b", NULL, 0, "a" R "b", -1);
    expect("a\xE2\x82", NULL, 0, "a" R, -1);                  /* cut by the end */
    expect("a\xE2\x82z", NULL, 0, "a" R "z", -1);
    expect("\xF0\x9F\x94\xE2\x82\xAC", NULL, 0, R "\xE2\x82\xAC", -1);
    expect("\x80\x80\xC0\xAF", NULL, 0, R R R R, -1);
    expect("\xED\xA0\x80", NULL, 0, R R R, -1);               /* a surrogate */
    expect("\xF4\x90\x80\x80|", NULL, 0, R R R R "|", -1);
    expect("\xE2\xE2\x82\xE2\x82\xAC", NULL, 0, R R "\xE2\x82\xAC", -1);
    expect("x\xF0\x9F" "END", STOPS("END"), "x" R, 0);
}

static void stop_strings_end_the_answer(void **state) {
    (void)state;
    expect("one two three", STOPS("two"), "one ", 0);
    expect("one two three", STOPS("four"), "one two three", -1);
    expect("one tw", STOPS("two"), "one tw", -1);             /* held back, shown in the end */
    expect("two", STOPS("two"), "", 0);
    expect("aaab", STOPS("aab"), "a", 0);
    expect("ababac", STOPS("abac"), "ab", 0);
    expect("xabcabcabd!", STOPS("abcabd"), "xabc", 0);
    expect("\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAD.", STOPS("\xE2\x82\xAC\xE2\x82\xAD"), "\xE2\x82\xAC", 0);
    expect("a\xE2\x82\xAC", STOPS("\xE2\x82\xAD"), "a\xE2\x82\xAC", -1);
    expect("line\n\nnext", STOPS("\n\n", "###"), "line", 0);
}

static void the_first_complete_wins_and_then_the_longest(void **state) {
    (void)state;
    expect("xabcd", STOPS("abcd", "bc"), "xa", 1);            /* bc is complete first */
    expect("xabcd", STOPS("cd", "abcd", "bcd"), "x", 1);      /* all at the same byte */
    expect("xab", STOPS("ab", "abc"), "x", 0);
    expect("xab", STOPS("b", "b"), "xa", 0);
    expect("to be or not", STOPS("not", "or"), "to be ", 1);
}

static void nothing_of_a_stop_string_is_shown_early(void **state) {
    (void)state;
    static struct stream s;
    struct screen screen = { 0 };
    const char *stop[] = { "<|end|>", "User:" };
    assert_int_equal(stream_init(&s, stop, 2, show, &screen), HEARTH_OK);
    static const struct { const char *token, *shown; } steps[] = {
        { "Hi", "Hi" }, { " <", "Hi " }, { "|e", "Hi " }, { "nd|", "Hi " }, { "x", "Hi <|end|x" },
        { " U", "Hi <|end|x " }, { "se", "Hi <|end|x " }, { "d", "Hi <|end|x Used" },
        { "\xE2\x82", "Hi <|end|x Used" }, { "\xAC<|", "Hi <|end|x Used\xE2\x82\xAC" },
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        assert_int_equal(stream_put(&s, steps[i].token, strlen(steps[i].token)), 0);
        assert_string_equal(screen.text.data, steps[i].shown);
    }
    assert_int_equal(stream_put(&s, "end|>more", 9), 1);
    assert_string_equal(screen.text.data, "Hi <|end|x Used\xE2\x82\xAC");
    assert_int_equal(s.met, 0);
    int calls = screen.calls;
    assert_int_equal(stream_put(&s, "later", 5), 1); /* over is over */
    assert_int_equal(stream_end(&s), 1);
    assert_int_equal(screen.calls, calls);
    stream_free(&s);
    stream_free(&s);
    buf_free(&screen.text);
}

static void show_may_refuse(void **state) {
    (void)state;
    static struct stream s;
    struct screen screen = { .refuse_at = 2 };
    assert_int_equal(stream_init(&s, NULL, 0, show, &screen), HEARTH_OK);
    assert_int_equal(stream_put(&s, "one", 3), 0);
    assert_int_equal(stream_put(&s, "two", 3), 1);
    assert_int_equal(stream_put(&s, "three", 5), 1);
    assert_int_equal(stream_end(&s), 1);
    assert_string_equal(screen.text.data, "onetwo");
    assert_int_equal(s.refused, 1);
    assert_int_equal(s.met, -1);
    buf_free(&screen.text);
    stream_free(&s);
    assert_int_equal(stream_init(&s, NULL, 0, NULL, NULL), HEARTH_OK); /* nobody looks */
    assert_int_equal(stream_put(&s, "one", 3), 0);
    stream_free(&s);
}

static void bad_stop_strings_are_refused(void **state) {
    (void)state;
    static struct stream s;
    static char longest[STOP_MAX + 2];
    const char *many[STOPS_MAX + 1], *one = longest;
    memset(longest, 'x', STOP_MAX);
    assert_int_equal(stream_init(&s, &one, 1, NULL, NULL), HEARTH_OK);
    stream_free(&s);
    longest[STOP_MAX] = 'x';
    assert_int_equal(stream_init(&s, &one, 1, NULL, NULL), HEARTH_EUSAGE);
    assert_string_equal(hearth_errmsg(), "stop[0]: too long, but a stop string has 1 .. 1024 bytes");
    for (int i = 0; i <= STOPS_MAX; i++) many[i] = "x";
    assert_int_equal(stream_init(&s, many, STOPS_MAX, NULL, NULL), HEARTH_OK);
    stream_free(&s);
    assert_int_equal(stream_init(&s, many, STOPS_MAX + 1, NULL, NULL), HEARTH_EUSAGE);
    assert_string_equal(hearth_errmsg(), "stop: 65 strings are more than the 64 allowed");
    assert_int_equal(stream_init(&s, STOPS("ok", ""), NULL, NULL), HEARTH_EUSAGE);
    assert_string_equal(hearth_errmsg(), "stop[1]: empty, but a stop string has 1 .. 1024 bytes");
    assert_int_equal(stream_init(&s, STOPS("a\xE2\x82"), NULL, NULL), HEARTH_EUSAGE);
    assert_string_equal(hearth_errmsg(), "stop[0]: not UTF-8 at byte 1");
    assert_int_equal(stream_init(&s, STOPS(NULL), NULL, NULL), HEARTH_EUSAGE);
    assert_int_equal(stream_init(&s, NULL, 3, NULL, NULL), HEARTH_EUSAGE);
}

/* The definition: where is the earliest end of a stop string, and which of those that end there is the longest? */
static int slow_stop(const char *text, size_t n, const char *const *stop, size_t n_stop, size_t *before) {
    for (size_t end = 1; end <= n; end++) {
        int best = -1;
        for (size_t i = 0; i < n_stop; i++) {
            size_t len = strlen(stop[i]);
            if (len <= end && memcmp(text + end - len, stop[i], len) == 0 &&
                (best < 0 || len > strlen(stop[best])))
                best = (int)i;
        }
        if (best >= 0) {
            *before = end - strlen(stop[best]);
            return best;
        }
    }
    *before = n;
    return -1;
}

static void random_texts_agree_with_the_definition(void **state) {
    (void)state;
    static const char *const letters[] = { "a", "b", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x94\xA5" };
    int stopped = 0;
    for (uint32_t round = 0; round < 4000; round++) {
        char text[256] = "", stops[3][16] = { "", "", "" };
        const char *stop[3] = { stops[0], stops[1], stops[2] };
        uint64_t c = 0;
#define CHANCE(n) ((int)(random_uniform(round, c++, 1) * (float)(n)))
        int kinds = 2 + CHANCE(4);
        for (int i = CHANCE(60); i > 0; i--) strcat(text, letters[CHANCE(kinds)]);
        for (int k = 0; k < 3; k++)
            for (int i = 1 + CHANCE(3); i > 0; i--) strcat(stops[k], letters[CHANCE(kinds)]);
        size_t n_stop = (size_t)CHANCE(4), n = strlen(text), before;
        if (n > 0 && CHANCE(3) == 0) text[CHANCE(n)] ^= (char)0x80; /* malformed somewhere */
        int want = slow_stop(text, n, stop, n_stop, &before);
        struct buf plain = { 0 }, got = { 0 };
        run(text, before, NULL, 0, before + 1, &plain);
        stopped += want >= 0;
        for (size_t step = 0; step < 9; step++) {
            assert_int_equal(run(text, n, stop, n_stop, step, &got), want);
            assert_string_equal(got.data ? got.data : "", plain.data ? plain.data : "");
            buf_free(&got);
        }
        buf_free(&plain);
    }
    assert_in_range(stopped, 500, 3900);
}

/* 64 stop strings of 1,024 bytes that almost match everywhere: the time grows with the text, not with its square. */
static void time_is_linear(void **state) {
    (void)state;
    static char stops[STOPS_MAX][STOP_MAX + 1], text[1 << 18];
    const char *stop[STOPS_MAX];
    for (int i = 0; i < STOPS_MAX; i++) {
        memset(stops[i], 'a', STOP_MAX);
        stops[i][STOP_MAX - 1] = (char)('b' + i % 20);
        stop[i] = stops[i];
    }
    memset(text, 'a', sizeof text);
    static struct stream s;
    double t[2];
    for (int k = 0; k < 2; k++) {
        size_t n = sizeof text >> (1 - k);
        assert_int_equal(stream_init(&s, stop, STOPS_MAX, NULL, NULL), HEARTH_OK);
        t[k] = clock_seconds();
        for (size_t at = 0; at < n; at += 4) assert_int_equal(stream_put(&s, text + at, 4), 0);
        t[k] = clock_seconds() - t[k];
        assert_int_equal(s.held, STOP_MAX - 1);
        stream_free(&s);
    }
    assert_true(t[1] < 5); /* 2^24 steps of a matcher */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_without_stops_is_shown_whole),
        cmocka_unit_test(malformed_bytes_are_replaced_as_python_does),
        cmocka_unit_test(stop_strings_end_the_answer),
        cmocka_unit_test(the_first_complete_wins_and_then_the_longest),
        cmocka_unit_test(nothing_of_a_stop_string_is_shown_early),
        cmocka_unit_test(show_may_refuse),
        cmocka_unit_test(bad_stop_strings_are_refused),
        cmocka_unit_test(random_texts_agree_with_the_definition),
        cmocka_unit_test(time_is_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
