/* test_gguf_bad.c - GGUF files that crashed, leaked or opened systems of this kind (bad input, rows 1 to 8 and 16):
 * each is refused with one sentence that names the file, the field, what was found and what is allowed.  Run under
 * the address sanitizer (make asan) the same tests show that no path reads out of bounds, frees twice or leaks. */
#include "gguf_bytes.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct bytes b;
static const uint64_t one[] = {1};

/* A small whole file: `n_kv` keys were written by the caller after put_head(1 tensor). */
static void finish(uint32_t dims, const uint64_t *shape, uint32_t type, uint64_t offset, size_t data)
{
    put_tensor(&b, "blk.0.attn_q.weight", dims, shape, type, offset);
    pad(&b, 32);
    for (size_t i = 0; i < data; i++) put(&b, 0, 1);
}

static void good_file(void)
{
    put_head(&b, 3, 1, 4);
    put_key(&b, "general.architecture", GGUF_STRING), put_text(&b, "llama");
    put_key(&b, "llama.block_count", GGUF_U32), put(&b, 30, 4);
    put_key(&b, "tokens", GGUF_ARRAY), put(&b, GGUF_STRING, 4), put(&b, 2, 8), put_text(&b, "a"), put_text(&b, "bc");
    put_key(&b, "nested", GGUF_ARRAY), put(&b, GGUF_ARRAY, 4), put(&b, 1, 8), put(&b, GGUF_BOOL, 4), put(&b, 2, 8), put(&b, 0x0100, 2);
    finish(2, (uint64_t[]){32, 2}, T_Q8_0, 0, 68);
}

/* Row 1: the magic alone; cut at every byte; and every byte of the header changed in turn (row 7: each error path). */
static void cut_anywhere(void **state)
{
    (void)state;
    struct gguf *g;
    void *copy;
    good_file();
    assert_int_equal(open_copy(&b, b.n, 1, &g, &copy), HEARTH_OK);
    close_copy(g, copy);
    for (size_t n = 0; n < b.n; n++) {
        assert_int_equal(open_copy(&b, n, 1, &g, &copy), HEARTH_EFORMAT);
        assert_null(g);
        assert_non_null(strstr(hearth_errmsg(), "test.gguf: "));
        close_copy(g, copy);
    }
}

static void changed_anywhere(void **state)
{
    (void)state;
    static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
    struct gguf *g;
    void *copy;
    int refusals = 0;
    good_file();
    size_t header = b.n - 68;
    for (size_t i = 0; i < header; i++)
        for (size_t k = 0; k < sizeof values; k++) {
            uint8_t was = b.p[i];
            b.p[i] = values[k];
            enum hearth_status st = open_copy(&b, b.n, 1, &g, &copy);
            assert_true(st == HEARTH_OK || st == HEARTH_EFORMAT || st == HEARTH_EUNSUPPORTED);
            refusals += st != HEARTH_OK;
            close_copy(g, copy);
            b.p[i] = was;
        }
    assert_true(refusals > 300);
}

static void magic_and_version(void **state)
{
    (void)state;
    put_head(&b, 3, 0, 0);
    b.n = 4;
    refused(&b, HEARTH_EFORMAT, "header: the version takes 4 bytes at offset 4, but the file ends at 4");
    b.n = 0;
    refused(&b, HEARTH_EFORMAT, "header: the file does not begin with the letters GGUF");
    put_head(&b, 3, 0, 0);
    b.p[0] = 'g';
    refused(&b, HEARTH_EFORMAT, "header: the file does not begin with the letters GGUF");
    put_head(&b, 1, 0, 0);
    refused(&b, HEARTH_EUNSUPPORTED, "header: version 1, allowed: 2 or 3");
    put_head(&b, 4, 0, 0);
    refused(&b, HEARTH_EUNSUPPORTED, "header: version 4, allowed: 2 or 3");
    put_head(&b, 0x03000000, 0, 0);
    refused(&b, HEARTH_EUNSUPPORTED, "big-endian");
}

/* Row 2: counts beyond the file, unknown types. */
static void counts(void **state)
{
    (void)state;
    put_head(&b, 3, 0, UINT64_MAX);
    refused(&b, HEARTH_EFORMAT, "header: the number of keys is 18446744073709551615, but the 0 bytes left hold at most 0");
    put_head(&b, 3, UINT64_MAX / 2, 0);
    refused(&b, HEARTH_EFORMAT, "header: the number of tensors is 9223372036854775807");
    put_head(&b, 3, 0, 1);
    put(&b, UINT64_MAX, 8), put(&b, 0, 8);
    refused(&b, HEARTH_EFORMAT, "key 1 of 1: the key's length is 18446744073709551615, but the 8 bytes left hold at most 8");
    put_head(&b, 3, 0, 1);
    put_key(&b, "s", GGUF_STRING), put(&b, (uint64_t)1 << 63, 8);
    refused(&b, HEARTH_EFORMAT, "key s: the string's length is 9223372036854775808");
    static const struct { uint32_t type; uint64_t most; } arrays[] = {
        {GGUF_U8, 16}, {GGUF_I16, 8}, {GGUF_F32, 4}, {GGUF_F64, 2}, {GGUF_STRING, 2}, {GGUF_ARRAY, 1}};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        char text[200];
        put_head(&b, 3, 0, 1);
        put_key(&b, "list", GGUF_ARRAY), put(&b, arrays[i].type, 4), put(&b, ((uint64_t)1 << 62) + 1, 8), put(&b, 0, 8), put(&b, 0, 8);
        snprintf(text, sizeof text, "key list: the number of elements is 4611686018427387905, but the 16 bytes left hold at most %d",
                 (int)arrays[i].most);
        refused(&b, HEARTH_EFORMAT, text);
    }
    put_head(&b, 3, 0, 1);
    put_key(&b, "list", GGUF_ARRAY), put(&b, 13, 4), put(&b, 1, 8), put(&b, 0, 8);
    refused(&b, HEARTH_EFORMAT, "key list: the type of the array's elements is 13, allowed: 0 to 12");
    put_head(&b, 3, 0, 1);
    put_key(&b, "what", 0xffffffff), put(&b, 0, 8);
    refused(&b, HEARTH_EFORMAT, "key what: the value's type is 4294967295, allowed: 0 to 12");
    put_head(&b, 3, 0, 1);
    put_key(&b, "yes", GGUF_BOOL), put(&b, 2, 1);
    refused(&b, HEARTH_EFORMAT, "key yes: a BOOL is 2, allowed: 0 or 1");
}

static void nesting(void **state)
{
    (void)state;
    for (int depth = 1; depth <= 6; depth++) {
        struct gguf *g;
        void *copy;
        put_head(&b, 3, 0, 1);
        put_key(&b, "deep", GGUF_ARRAY);
        for (int i = 1; i < depth; i++) put(&b, GGUF_ARRAY, 4), put(&b, 1, 8);
        put(&b, GGUF_U8, 4), put(&b, 1, 8), put(&b, 5, 1);
        if (depth > 4) {
            refused(&b, HEARTH_EFORMAT, "key deep: arrays are nested deeper than the 4 levels allowed");
            continue;
        }
        assert_int_equal(open_copy(&b, b.n, 1, &g, &copy), HEARTH_OK);
        close_copy(g, copy);
    }
}

/* Rows 2 and 3: dimensions, products, sums. */
static void shapes(void **state)
{
    (void)state;
    put_head(&b, 3, 1, 0);
    put_text(&b, "t"), put(&b, 5, 4), put(&b, 0, 8), put(&b, 0, 8), put(&b, 0, 8);
    refused(&b, HEARTH_EFORMAT, "tensor t: it has 5 dimensions, allowed: 1 to 4");
    put_head(&b, 3, 1, 0);
    put_text(&b, "t"), put(&b, 0, 4), put(&b, 0, 8), put(&b, 0, 8), put(&b, 0, 8);
    refused(&b, HEARTH_EFORMAT, "tensor t: it has 0 dimensions, allowed: 1 to 4");
    put_head(&b, 3, 1, 0);
    finish(2, (uint64_t[]){4, 0}, T_F32, 0, 64);
    refused(&b, HEARTH_EFORMAT, "tensor blk.0.attn_q.weight: dimension 1 is 0, allowed: 1 to 2^63 - 1");
    put_head(&b, 3, 1, 0);
    finish(1, (uint64_t[]){UINT64_MAX}, T_F32, 0, 64);
    refused(&b, HEARTH_EFORMAT, "dimension 0 is 18446744073709551615, allowed: 1 to 2^63 - 1");
    put_head(&b, 3, 1, 0);                        /* 2^32 * 2^32 wraps to 0 */
    finish(2, (uint64_t[]){(uint64_t)1 << 32, (uint64_t)1 << 32}, T_F32, 0, 64);
    refused(&b, HEARTH_EFORMAT, "the product of its dimensions is past 2^63 - 1 at dimension 1, 4294967296");
    put_head(&b, 3, 1, 0);                        /* elements fit, bytes wrap to 0 */
    finish(4, (uint64_t[]){(uint64_t)1 << 31, (uint64_t)1 << 31, 1, 1}, T_F32, 0, 64);
    refused(&b, HEARTH_EFORMAT, "4611686018427387904 elements of F32 are more than 2^64 - 1 bytes");
    put_head(&b, 3, 1, 0);
    finish(1, (uint64_t[]){33}, T_Q4_0, 0, 64);
    refused(&b, HEARTH_EFORMAT, "rows of 33 elements, allowed for Q4_0: a multiple of 32");
    put_head(&b, 3, 1, 0);                        /* the whole is a multiple of 256, a row is not */
    finish(2, (uint64_t[]){128, 2}, T_Q6_K, 0, 512);
    refused(&b, HEARTH_EFORMAT, "rows of 128 elements, allowed for Q6_K: a multiple of 256");
}

/* Rows 3 and 4: offsets. */
static void offsets(void **state)
{
    (void)state;
    put_head(&b, 3, 1, 0);
    finish(1, (uint64_t[]){16}, T_F32, UINT64_MAX - 31, 64);
    refused(&b, HEARTH_EFORMAT, "offset 18446744073709551584 + 64 bytes is past 2^64 - 1");
    put_head(&b, 3, 1, 0);                        /* 64 bytes of header before the data: the sum wraps below */
    finish(1, (uint64_t[]){16}, T_F32, UINT64_MAX - 159, 64);
    refused(&b, HEARTH_EFORMAT, "is past 2^64 - 1");
    put_head(&b, 3, 1, 0);
    finish(1, (uint64_t[]){16}, T_F32, 0, 63);
    refused(&b, HEARTH_EFORMAT, "tensor blk.0.attn_q.weight: offset 96 + 64 bytes is past the end of the file (159 bytes)");
    put_head(&b, 3, 1, 0);
    finish(1, (uint64_t[]){16}, T_F32, 32, 64);
    refused(&b, HEARTH_EFORMAT, "offset 128 + 64 bytes is past the end of the file (160 bytes)");
    put_head(&b, 3, 1, 0);
    finish(1, (uint64_t[]){1}, T_F32, 4, 64);
    refused(&b, HEARTH_EFORMAT, "offset 4, allowed: a multiple of the alignment 32");
}

/* Row 5. */
static void alignments(void **state)
{
    (void)state;
    static const uint32_t wrong[] = {0, 1, 4, 7, 33, 48, 1u << 21, 1u << 31, UINT32_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[100];
        put_head(&b, 3, 1, 1);
        put_key(&b, "general.alignment", GGUF_U32), put(&b, wrong[i], 4);
        finish(1, one, T_F32, 0, 64);
        snprintf(text, sizeof text, "key general.alignment: %u, allowed: a power of two from 8 to 1048576", wrong[i]);
        refused(&b, HEARTH_EFORMAT, text);
    }
    put_head(&b, 3, 1, 1);
    put_key(&b, "general.alignment", GGUF_U64), put(&b, 32, 8);
    finish(1, one, T_F32, 0, 64);
    refused(&b, HEARTH_EFORMAT, "key general.alignment: type U64, allowed: U32");
    put_head(&b, 3, 1, 1);
    put_key(&b, "general.alignment", GGUF_STRING), put_text(&b, "32");
    finish(1, one, T_F32, 0, 64);
    refused(&b, HEARTH_EFORMAT, "key general.alignment: type STRING, allowed: U32");
}

/* Row 8. */
static void types_and_duplicates(void **state)
{
    (void)state;
    static const uint32_t unknown[] = {4, 5, 9, 15, 16, 24, 31, 39, 255, 0x80000000, UINT32_MAX};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        char text[60];
        put_head(&b, 3, 1, 0);
        finish(1, (uint64_t[]){256}, unknown[i], 0, 1024);
        snprintf(text, sizeof text, "tensor blk.0.attn_q.weight: type %u is not one hearth knows", unknown[i]);
        refused(&b, HEARTH_EUNSUPPORTED, text);
    }
    put_head(&b, 3, 0, 3);
    put_key(&b, "same", GGUF_U8), put(&b, 1, 1);
    put_key(&b, "other", GGUF_U8), put(&b, 1, 1);
    put_key(&b, "same", GGUF_STRING), put_text(&b, "again");
    refused(&b, HEARTH_EFORMAT, "key same: found twice, allowed once");
    put_head(&b, 3, 2, 0);
    put_tensor(&b, "t", 1, one, T_F32, 0);
    put_tensor(&b, "t", 1, one, T_F32, 32);
    pad(&b, 32), put(&b, 0, 8), pad(&b, 32), put(&b, 0, 8);
    refused(&b, HEARTH_EFORMAT, "tensor t: found twice, allowed once");
}

static void names(void **state)
{
    (void)state;
    char long_name[400];
    memset(long_name, 'x', sizeof long_name);
    put_head(&b, 3, 1, 0);
    put_text(&b, ""), put(&b, 0, 8), put(&b, 0, 8), put(&b, 0, 8), put(&b, 0, 8);
    refused(&b, HEARTH_EFORMAT, "tensor 1 of 1: the name has 0 bytes, allowed: 1 to 256");
    long_name[257] = 0;
    put_head(&b, 3, 1, 0);
    put_tensor(&b, long_name, 1, one, T_F32, 0);
    refused(&b, HEARTH_EFORMAT, "tensor 1 of 1: the name has 257 bytes, allowed: 1 to 256");
    put_head(&b, 3, 1, 0);
    put_tensor(&b, "bad\xff", 1, one, T_F32, 0);
    refused(&b, HEARTH_EFORMAT, "tensor 1 of 1: the name is not UTF-8 text");
    put_head(&b, 3, 1, 0);
    put_tensor(&b, "cut", 1, one, T_F32, 0);
    b.p[24 + 8 + 1] = 0;
    refused(&b, HEARTH_EFORMAT, "tensor 1 of 1: the name is not UTF-8 text");
    put_head(&b, 3, 0, 1);
    put_key(&b, "", GGUF_U64), put(&b, 0, 8);
    refused(&b, HEARTH_EFORMAT, "key 1 of 1: the key has 0 bytes, allowed: 1 to 65535");
    put_head(&b, 3, 0, 1);
    put_key(&b, "k\xc0\x80", GGUF_U64), put(&b, 0, 8);
    refused(&b, HEARTH_EFORMAT, "key 1 of 1: the key is not UTF-8 text");
    put_head(&b, 3, 0, 1);                        /* nothing in a name reaches a terminal as a command */
    put_key(&b, "k\x1b[2J", 99), put(&b, 0, 8);
    refused(&b, HEARTH_EFORMAT, "key k?[2J: the value's type is 99");
}

/* Row 16: what is not a file. */
static void not_a_file(void **state)
{
    (void)state;
    struct gguf *g;
    char folder[] = "/tmp/test_gguf.XXXXXX", pipe[sizeof folder + 5], empty[sizeof folder + 6];
    assert_non_null(mkdtemp(folder));
    snprintf(pipe, sizeof pipe, "%s/pipe", folder);
    snprintf(empty, sizeof empty, "%s/empty", folder);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    fclose(fopen(empty, "w"));
    const char *paths[] = {"/dev/random", "/dev/zero", folder, pipe};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        assert_int_not_equal(gguf_open(paths[i], 1, &g), HEARTH_OK);
        assert_null(g);
        assert_non_null(strstr(hearth_errmsg(), paths[i]));
        assert_non_null(strstr(hearth_errmsg(), "regular file"));
    }
    assert_int_equal(gguf_open(empty, 1, &g), HEARTH_EFORMAT);
    assert_non_null(strstr(hearth_errmsg(), "the file does not begin with the letters GGUF"));
    unlink(pipe), unlink(empty), rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_anywhere), cmocka_unit_test(changed_anywhere), cmocka_unit_test(magic_and_version),
        cmocka_unit_test(counts), cmocka_unit_test(nesting), cmocka_unit_test(shapes), cmocka_unit_test(offsets),
        cmocka_unit_test(alignments), cmocka_unit_test(types_and_duplicates), cmocka_unit_test(names),
        cmocka_unit_test(not_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
