/* test_base.c - messages, memory, random numbers, the floating-point mode. */
#include <errno.h>
#include <fenv.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* cmocka has a macro of this name; base/status.h a function */

#include "base/clock.h"
#include "base/fpmode.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/status.h"
#include "base/utf8.h"
#include "base/words.h"

/* ---- status ---- */

static void message_is_set_and_cleaned(void **state) {
    (void)state;
    assert_int_equal(fail(HEARTH_EFORMAT, "%s: tensor %d", "a.gguf", 7), HEARTH_EFORMAT);
    assert_string_equal(hearth_errmsg(), "a.gguf: tensor 7");
    fail(HEARTH_EIO, "x\x1b[31m\n\t\x7f\xc2\x9b y \xff \xc3\xa9 \xed\xa0\x80.");
    assert_string_equal(hearth_errmsg(), "x?[31m???? y ? \xc3\xa9 ???.");
    fail(HEARTH_EIO, "outer: %s", hearth_errmsg()); /* its own message as an argument */
    assert_string_equal(hearth_errmsg(), "outer: x?[31m???? y ? \xc3\xa9 ???.");
}

static void message_is_cut_between_characters(void **state) {
    (void)state;
    char text[4096] = "";
    for (int pad = 0; pad < 4; pad++) {
        memset(text, 'a', (size_t)pad);
        for (int i = 0; i < 1000; i++) memcpy(text + pad + 3 * i, "\xe2\x82\xac", 4);
        fail(HEARTH_EIO, "%s", text);
        size_t n = strlen(hearth_errmsg());
        assert_true(n <= 1023 && n >= 1020);
        assert_true(utf8_valid(hearth_errmsg(), n, NULL));
        assert_memory_equal(hearth_errmsg(), text, n);
    }
}

static void errno_decides_the_status(void **state) {
    (void)state;
    errno = ENOENT;
    assert_int_equal(fail_errno("f", "cannot open"), HEARTH_ENOTFOUND);
    assert_string_equal(hearth_errmsg(), "f: cannot open: No such file or directory");
    errno = EACCES;
    assert_int_equal(fail_errno("f", "cannot open"), HEARTH_EIO);
    errno = ENOSPC;
    assert_int_equal(fail_errno("f", "cannot write"), HEARTH_EIO);
    assert_non_null(strstr(hearth_errmsg(), "the disk is full"));
    assert_int_equal(fail_memory(123), HEARTH_ENOMEM);
    assert_non_null(strstr(hearth_errmsg(), "123"));
}

static void every_status_has_a_name(void **state) {
    (void)state;
    for (int i = 0; i <= HEARTH_EBUSY; i++) {
        const char *name = hearth_status_name((enum hearth_status)i);
        assert_string_not_equal(name, "unknown");
        for (int j = 0; j < i; j++) assert_string_not_equal(name, hearth_status_name((enum hearth_status)j));
    }
    assert_string_equal(hearth_status_name(HEARTH_EFORMAT), "format");
    assert_string_equal(hearth_status_name((enum hearth_status)99), "unknown");
    assert_string_equal(hearth_status_name((enum hearth_status)-1), "unknown");
}

static void sizes_are_checked(void **state) {
    (void)state;
    uint64_t x = 0;
    assert_int_equal(size_mul(1ull << 32, (1ull << 32) - 1, "n", &x), HEARTH_OK);
    assert_true(x == 0xFFFFFFFF00000000ull);
    assert_int_equal(size_mul(1ull << 32, 1ull << 32, "shape", &x), HEARTH_ELIMIT);
    assert_non_null(strstr(hearth_errmsg(), "shape"));
    assert_int_equal(size_add(UINT64_MAX, 0, "n", &x), HEARTH_OK);
    assert_true(x == UINT64_MAX);
    assert_int_equal(size_add(UINT64_MAX, 1, "offset", &x), HEARTH_ELIMIT);
    assert_non_null(strstr(hearth_errmsg(), "offset"));
}

/* ---- memory ---- */

static void arrays_and_growth(void **state) {
    (void)state;
    unsigned char *p = mem_array(100, 3);
    for (int i = 0; i < 300; i++) assert_int_equal(p[i], 0);
    free(p);
    free(mem_array(0, 8));
    assert_null(mem_array(SIZE_MAX / 2, 3));
    assert_non_null(strstr(hearth_errmsg(), "out of memory"));
    assert_null(mem_array(SIZE_MAX, 1));

    int *v = NULL;
    size_t cap = 0;
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(mem_grow(&v, &cap, (size_t)i + 1, sizeof *v), HEARTH_OK);
        assert_true(cap > (size_t)i);
        v[i] = i;
    }
    for (int i = 0; i < 10000; i++) assert_int_equal(v[i], i);
    size_t before = cap;
    assert_int_equal(mem_grow(&v, &cap, SIZE_MAX / 2, sizeof *v), HEARTH_ENOMEM);
    assert_true(cap == before && v[9999] == 9999);
    free(v);
}

static void arena_gives_zeroed_aligned_memory(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a, 1024);
    for (int round = 0; round < 3; round++) {
        unsigned char *p[200];
        for (size_t i = 0; i < 200; i++) {
            size_t n = i * 7 % 500; /* some fit, some are large, one is of no size */
            p[i] = arena_alloc(&a, n);
            assert_non_null(p[i]);
            assert_int_equal((uintptr_t)p[i] % 16, 0);
            for (size_t k = 0; k < n; k++) assert_int_equal(p[i][k], 0);
            memset(p[i], (int)i, n);
        }
        for (size_t i = 0; i < 200; i++)
            for (size_t k = 0; k < i * 7 % 500; k++) assert_int_equal(p[i][k], (unsigned char)i);
        arena_reset(&a);
    }
    char *s = arena_strndup(&a, "hello", 4);
    assert_string_equal(s, "hell");
    assert_string_equal(arena_strndup(&a, NULL, 0), "");
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX - 8));
    assert_null(arena_strndup(&a, "x", SIZE_MAX));
    arena_free(&a);
    arena_free(&a); /* harmless */
}

static void buf_grows_and_ends_in_nul(void **state) {
    (void)state;
    struct buf b = { 0 };
    assert_int_equal(buf_put(&b, NULL, 0), HEARTH_OK);
    assert_string_equal(b.data, "");
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(buf_printf(&b, "%d,", i), HEARTH_OK);
        assert_int_equal(b.data[b.len], 0);
    }
    assert_int_equal(b.len, 10 * 2 + 90 * 3 + 900 * 4);
    assert_int_equal(buf_puts(&b, "end"), HEARTH_OK);
    assert_int_equal(buf_putc(&b, '.'), HEARTH_OK);
    assert_string_equal(b.data + b.len - 8, "999,end.");
    assert_int_equal(buf_put(&b, "x", SIZE_MAX - 10), HEARTH_ENOMEM);
    size_t n = 0;
    char *s = buf_take(&b, &n);
    assert_int_equal(n, 3894);
    assert_int_equal(strlen(s), 3894);
    assert_null(b.data);
    assert_int_equal(b.len + b.cap, 0);
    free(s);
    s = buf_take(&b, NULL);
    assert_string_equal(s, "");
    free(s);
    buf_puts(&b, "again");
    buf_free(&b);
    buf_free(&b);
    assert_null(b.data);
}

static void slab_is_aligned_and_zero(void **state) {
    (void)state;
    size_t n = 3u << 20;
    unsigned char *p = slab_alloc(n);
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % 64, 0);
    for (size_t i = 0; i < n; i += 511) assert_int_equal(p[i], 0);
    memset(p, 1, n);
    slab_free(p, n);
    p = slab_alloc(0);
    assert_non_null(p);
    slab_free(p, 0);
    slab_free(NULL, 100);
    assert_null(slab_alloc(SIZE_MAX / 2));
    assert_non_null(strstr(hearth_errmsg(), "out of memory"));
}

/* ---- random numbers ---- */

/* Random123's kat_vectors, philox4x32 of ten rounds: counter, key, answer. */
static void philox_known_answers(void **state) {
    (void)state;
    static const struct { uint32_t counter[4], key[2], answer[4]; } known[] = {
        { { 0, 0, 0, 0 }, { 0, 0 }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
        { { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff },
          { 0xffffffff, 0xffffffff },
          { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
        { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 },
          { 0xa4093822, 0x299f31d0 },
          { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint32_t out[4];
        philox4x32((uint64_t)known[i].key[1] << 32 | known[i].key[0], known[i].counter, out);
        assert_memory_equal(out, known[i].answer, sizeof out);
    }
}

static void uniform_is_in_range_and_even(void **state) {
    (void)state;
    assert_true(random_uniform(0, 0, 0) == (float)(0x6627e8d5 >> 8) / 16777216.0f);
    int bin[16] = { 0 };
    for (uint64_t i = 0; i < 160000; i++) {
        float u = random_uniform(42, i << 20, 3);
        assert_true(u >= 0.0f && u < 1.0f);
        bin[(int)(u * 16)]++;
    }
    for (int i = 0; i < 16; i++) assert_in_range(bin[i], 9600, 10400); /* four standard deviations */
    assert_true(random_uniform(1, 2, 3) == random_uniform(1, 2, 3));
    assert_true(random_uniform(1, 2, 3) != random_uniform(1, 2, 4));
    assert_true(random_uniform(1, 2, 3) != random_uniform(1, 3, 3));
    assert_true(random_uniform(1, 2, 3) != random_uniform(1ull << 32, 2, 3));
    assert_true(random_uniform(1, 2, 3) != random_uniform(1, 1ull << 33, 3));
}

/* ---- floating-point mode, clock ---- */

static void fp_mode_is_set_and_given_back(void **state) {
    (void)state;
    volatile float tiny = 0x1p-126f, half = 0.5f, one = 1.0f, ulp = 0x1p-25f;
    struct fp_state outer, inner;
    fp_enter(&outer);
    fesetround(FE_UPWARD);
#if defined(__SSE__)
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040); /* FTZ, DAZ */
    assert_true(tiny * half == 0.0f);
#endif
    assert_true(one + ulp > 1.0f);
    fp_enter(&inner);
    assert_true(tiny * half == 0x1p-127f);
    assert_true(one + ulp == 1.0f);
    fp_leave(&inner);
    assert_true(one + ulp > 1.0f);
#if defined(__SSE__)
    assert_true(tiny * half == 0.0f);
#endif
    fesetround(FE_TONEAREST);
    fp_leave(&outer);
    assert_true(one + ulp == 1.0f);
}

static void clock_goes_forward(void **state) {
    (void)state;
    double a = clock_seconds(), b = clock_seconds();
    assert_true(a > 0 && b >= a && b - a < 60);
}

static void folders_are_left_out_of_a_sentence(void **state) {
    (void)state;
    static const char *const said[][2] = {
        { "/home/anna/models/x.gguf: cannot open: No such file", "x.gguf: cannot open: No such file" },
        { "/home/anna b/my models/x y.gguf: key a/b is missing", "x y.gguf: key a/b is missing" },
        { "m: the file it was imported from is gone (/srv/a b/m.gguf); bring it back", "m: the file it was imported from is gone (m.gguf); bring it back" },
        { "as \"/home/anna/x\", and /home/bert/y", "as \"x\", and y" },
        { "first\n/tmp/a/b: second", "first\nb: second" },
        { "the name of a model, as /v1/models lists them", "the name of a model, as /v1/models lists them" },
        { "/api/push: hearth has no accounts", "/api/push: hearth has no accounts" },
        { "http://teacher.local:11434/smollm2/x: no answer", "http://teacher.local:11434/smollm2/x: no answer" },
        { "10 tokens/s, a/b, // and /x", "10 tokens/s, a/b, // and /x" },
        { "", "" }, { "/a/", "" } };
    char out[256];
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        words_without_folders(said[i][0], out, sizeof out);
        assert_string_equal(out, said[i][1]);
    }
    words_without_folders("/a/b/cdef", out, 3);
    assert_string_equal(out, "cd");
}

static void amounts_and_times_are_read(void **state) {
    (void)state;
    static const struct { const char *text; double bytes, seconds; } said[] = {   /* -1: is none */
        { "0", 0, 0 }, { "123", 123, 123 }, { "1.5k", 1536, -1 }, { "6GiB", 6442450944, -1 }, { "2m", 2097152, 120 }, { "1h30m", -1, 5400 },
        { "250ms", -1, 0.25 }, { "0x10", -1, -1 }, { "1h0X5m", -1, -1 }, { "inf", -1, -1 }, { "1e99", -1, -1 }, { "", -1, -1 }, { " 1", -1, -1 },
        { "5 m", -1, -1 }, { "30m5", -1, 1805 }, { "5,", -1, -1 } };
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        uint64_t bytes = 7;
        double seconds = 7;
        assert_int_equal(words_bytes(said[i].text, &bytes), said[i].bytes >= 0);
        assert_true((double)bytes == (said[i].bytes >= 0 ? said[i].bytes : 7));
        assert_int_equal(words_duration(said[i].text, &seconds), said[i].seconds >= 0);
        assert_true(seconds == (said[i].seconds >= 0 ? said[i].seconds : 7));
    }
    double seconds = 0;
    assert_true(words_duration("-1", &seconds) && seconds == -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amounts_and_times_are_read),
        cmocka_unit_test(message_is_set_and_cleaned),    cmocka_unit_test(message_is_cut_between_characters),
        cmocka_unit_test(errno_decides_the_status),      cmocka_unit_test(every_status_has_a_name),
        cmocka_unit_test(sizes_are_checked),             cmocka_unit_test(arrays_and_growth),
        cmocka_unit_test(arena_gives_zeroed_aligned_memory), cmocka_unit_test(buf_grows_and_ends_in_nul),
        cmocka_unit_test(slab_is_aligned_and_zero),      cmocka_unit_test(philox_known_answers),
        cmocka_unit_test(uniform_is_in_range_and_even),  cmocka_unit_test(fp_mode_is_set_and_given_back),
        cmocka_unit_test(clock_goes_forward),            cmocka_unit_test(folders_are_left_out_of_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
