/* test_types.c - the table of tensor types, the 16-bit floats, and dequantising against what PyPI `gguf` gives
 * (tests/golden/types.h). */
#include "kernel/types.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "draw.h"
#include "golden/types.h"

enum { N_TYPES = sizeof golden_types / sizeof *golden_types };

static uint32_t bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, 4);
    return u;
}

static float number(uint32_t u)
{
    float f;
    memcpy(&f, &u, 4);
    return f;
}

static void the_table(void **state)
{
    (void)state;
    static const struct { const char *name; uint32_t id, block, bytes; } known[] = {
        {"F32", 0, 1, 4}, {"F16", 1, 1, 2}, {"Q4_0", 2, 32, 18}, {"Q4_1", 3, 32, 20}, {"Q5_0", 6, 32, 22},
        {"Q5_1", 7, 32, 24}, {"Q8_0", 8, 32, 34}, {"Q2_K", 10, 256, 84}, {"Q3_K", 11, 256, 110}, {"Q4_K", 12, 256, 144},
        {"Q5_K", 13, 256, 176}, {"Q6_K", 14, 256, 210}, {"IQ4_NL", 20, 32, 18}, {"IQ4_XS", 23, 256, 136}, {"BF16", 30, 1, 2}};
    size_t n = 0;
    while (type_at(n)) n++;
    assert_int_equal(n, sizeof known / sizeof *known);
    assert_int_equal(n, N_TYPES);
    for (size_t i = 0; i < n; i++) {
        const struct type_info *t = type_info(known[i].id);
        assert_non_null(t);
        assert_string_equal(t->name, known[i].name);
        assert_ptr_equal(type_by_name(known[i].name), t);
        assert_true(t->id == (enum tensor_type)known[i].id && t->block == known[i].block && t->bytes == known[i].bytes);
    }
    assert_ptr_equal(type_by_name("q4_k"), type_info(12));
    assert_ptr_equal(type_by_name("iq4_xs"), type_info(23));
    assert_null(type_by_name("Q4"));
    assert_null(type_by_name(""));
    assert_null(type_info(4));
    assert_null(type_info(31));
    assert_null(type_info(UINT32_MAX));
}

/* F16 to F32 and back is the identity for all 65,536, but that a NaN becomes quiet. */
static void halves_there_and_back(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        uint32_t quiet = (h & 0x7fff) > 0x7c00 ? h | 0x200 : h;
        assert_int_equal(f32_to_f16(f16_to_f32((uint16_t)h)), quiet);
        quiet = (h & 0x7fff) > 0x7f80 ? h | 0x40 : h;
        assert_int_equal(f32_to_bf16(bf16_to_f32((uint16_t)h)), quiet);
    }
    assert_true(f16_to_f32(0x3c00) == 1 && f16_to_f32(0xc000) == -2 && f16_to_f32(0x7bff) == 65504);
    assert_true(f16_to_f32(0x0001) == 0x1p-24f && f16_to_f32(0x0400) == 0x1p-14f && f16_to_f32(0x03ff) == 1023 * 0x1p-24f);
    assert_int_equal(bits(f16_to_f32(0x8000)), 0x80000000);
    assert_int_equal(bits(f16_to_f32(0xfc00)), 0xff800000);
}

/* Between each pair of neighbours: just below the middle, the middle (to even), just above. */
static void halves_round_to_even(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x7bff; h++) {
        float lower = f16_to_f32((uint16_t)h), upper = f16_to_f32((uint16_t)(h + 1)), middle = (lower + upper) / 2;
        assert_int_equal(f32_to_f16(middle), h + (h & 1));
        assert_int_equal(f32_to_f16(number(bits(middle) - 1)), h);
        assert_int_equal(f32_to_f16(number(bits(middle) + 1)), h + 1);
        assert_int_equal(f32_to_f16(-middle), 0x8000 | (h + (h & 1)));
    }
    assert_int_equal(f32_to_f16(65519.996f), 0x7bff);
    assert_int_equal(f32_to_f16(65520), 0x7c00);
    assert_int_equal(f32_to_f16(-1e30f), 0xfc00);
    assert_int_equal(f32_to_f16(0x1p-25f), 0);
    assert_int_equal(f32_to_f16(0x1.000002p-25f), 1);
    assert_int_equal(f32_to_f16(0x1p-149f), 0);
    for (uint32_t h = 0; h < 0x7f80; h++) {
        uint32_t middle = h << 16 | 0x8000;
        assert_int_equal(f32_to_bf16(number(middle)), h + (h & 1));
        assert_int_equal(f32_to_bf16(number(middle - 1)), h);
        assert_int_equal(f32_to_bf16(number(middle + 1)), h + 1);
    }
}

static void *random_blocks(const struct golden_type *g)
{
    const struct type_info *t = type_info(g->type);
    size_t n = (size_t)GOLDEN_BLOCKS * t->bytes;
    uint8_t *b = malloc(n);
    assert_non_null(b);
    for (size_t i = 0; i < n; i++) b[i] = (uint8_t)(draw(g->type, i) >> 56);
    for (size_t i = 0; i < GOLDEN_BLOCKS; i++)
        for (int k = 0; k < 2; k++) {
            uint8_t *high = b + i * t->bytes + g->scales[k] + 1;
            if (g->scales[k] >= 0 && (*high & 0x7c) == 0x7c) *high &= 0xbf;
        }
    return b;
}

static void dequantising(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_TYPES; i++) {
        const struct golden_type *g = &golden_types[i];
        size_t n = (size_t)GOLDEN_BLOCKS * type_info(g->type)->block;
        void *blocks = random_blocks(g);
        float *floats = malloc(n * sizeof *floats);
        assert_non_null(floats);
        dequantize_row(g->type, blocks, floats, n);
        for (int k = 0; k < 4; k++)
            if (bits(floats[k]) != g->first[k])
                fail_msg("%s: float %d is %08x, gguf says %08x", type_info(g->type)->name, k, bits(floats[k]), g->first[k]);
        if (fnv1a(floats, n * sizeof *floats) != g->dequantized) fail_msg("%s: not as gguf", type_info(g->type)->name);
        free(floats);
        free(blocks);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table), cmocka_unit_test(halves_there_and_back), cmocka_unit_test(halves_round_to_even),
        cmocka_unit_test(dequantising),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
