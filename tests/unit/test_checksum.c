/* test_checksum.c - the sum of bytes: the same in any pieces, another one for any change of a word, a length, an order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"

#include <cmocka.h>

enum { N = 203 };
static unsigned char bytes[N];

static void pieces_do_not_matter(void **state)
{
    (void)state;
    uint64_t whole = checksum_of(bytes, N);
    for (size_t step = 1; step < 80; step++) {
        struct checksum c;
        checksum_init(&c);
        for (size_t at = 0; at < N; at += step) checksum_add(&c, bytes + at, N - at < step ? N - at : step);
        assert_true(checksum_end(&c) == whole);
        checksum_add(&c, bytes, 0);
        assert_true(checksum_end(&c) == whole);
    }
}

static void every_bit_matters(void **state)
{
    (void)state;
    uint64_t whole = checksum_of(bytes, N);
    for (size_t i = 0; i < N * 8; i++) {
        bytes[i / 8] ^= (unsigned char)(1 << i % 8);
        assert_true(checksum_of(bytes, N) != whole);
        for (size_t j = i + 1; j < N * 8; j += 61) {   /* and two of them, wherever they are */
            bytes[j / 8] ^= (unsigned char)(1 << j % 8);
            assert_true(checksum_of(bytes, N) != whole);
            bytes[j / 8] ^= (unsigned char)(1 << j % 8);
        }
        bytes[i / 8] ^= (unsigned char)(1 << i % 8);
    }
}

static void length_and_order_matter(void **state)
{
    (void)state;
    static const unsigned char zeros[70];
    unsigned char other[N];
    for (size_t n = 0; n < sizeof zeros; n++)
        for (size_t k = 0; k < n; k++) assert_true(checksum_of(zeros, n) != checksum_of(zeros, k));
    for (size_t from = 0; from + 16 <= N; from += 8) {
        memcpy(other, bytes, N);
        memcpy(other + from, bytes + from + 8, 8);
        memcpy(other + from + 8, bytes + from, 8);
        assert_true(checksum_of(other, N) != checksum_of(bytes, N));
    }
    assert_true(checksum_of("hearth", 6) == 0xbbc0851566d873cbu); /* the sum stands in files: it must stay what it is */
}

int main(void)
{
    for (size_t i = 0; i < N; i++) bytes[i] = (unsigned char)(i * 167 + 13);
    const struct CMUnitTest tests[] = {cmocka_unit_test(pieces_do_not_matter), cmocka_unit_test(every_bit_matters), cmocka_unit_test(length_and_order_matter)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
