/* test_gguf.c - what the GGUF reader makes of good files: both versions, every type, arrays, alignment, lookup. */
#include "gguf_bytes.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static struct bytes b;

static void put_f32(struct bytes *to, float f)
{
    uint32_t u;
    memcpy(&u, &f, 4);
    put(to, u, 4);
}

static void put_f64(struct bytes *to, double f)
{
    uint64_t u;
    memcpy(&u, &f, 8);
    put(to, u, 8);
}

/* One key of each type, a few arrays, two tensors. */
static void make_whole(uint32_t version)
{
    put_head(&b, version, 2, 18);
    put_key(&b, "u8", GGUF_U8), put(&b, 250, 1);
    put_key(&b, "i8", GGUF_I8), put(&b, (uint8_t)-5, 1);
    put_key(&b, "u16", GGUF_U16), put(&b, 65000, 2);
    put_key(&b, "i16", GGUF_I16), put(&b, (uint16_t)-300, 2);
    put_key(&b, "u32", GGUF_U32), put(&b, 4000000000, 4);
    put_key(&b, "i32", GGUF_I32), put(&b, (uint32_t)-70000, 4);
    put_key(&b, "u64", GGUF_U64), put(&b, UINT64_MAX, 8);
    put_key(&b, "i64", GGUF_I64), put(&b, (uint64_t)INT64_MIN, 8);
    put_key(&b, "f32", GGUF_F32), put_f32(&b, 1.5f);
    put_key(&b, "f64", GGUF_F64), put_f64(&b, -0.1);
    put_key(&b, "yes", GGUF_BOOL), put(&b, 1, 1);
    put_key(&b, "text", GGUF_STRING), put_text(&b, "h\xc3\xa9!");
    put_key(&b, "words", GGUF_ARRAY), put(&b, GGUF_STRING, 4), put(&b, 3, 8);
    put_text(&b, "one"), put_text(&b, ""), put_text(&b, "three");
    put_key(&b, "numbers", GGUF_ARRAY), put(&b, GGUF_I16, 4), put(&b, 3, 8);
    put(&b, 7, 2), put(&b, (uint16_t)-1, 2), put(&b, 0x8000, 2);
    put_key(&b, "floats", GGUF_ARRAY), put(&b, GGUF_F32, 4), put(&b, 2, 8);
    put_f32(&b, 0.25f), put_f32(&b, -3);
    put_key(&b, "none", GGUF_ARRAY), put(&b, GGUF_U32, 4), put(&b, 0, 8);
    put_key(&b, "nested", GGUF_ARRAY), put(&b, GGUF_ARRAY, 4), put(&b, 2, 8);
    put(&b, GGUF_U8, 4), put(&b, 2, 8), put(&b, 1, 1), put(&b, 2, 1);
    put(&b, GGUF_STRING, 4), put(&b, 1, 8), put_text(&b, "deep");
    put_key(&b, "last", GGUF_U8), put(&b, 9, 1);
    put_tensor(&b, "b.weight", 2, (uint64_t[]){32, 3}, T_Q4_0, 64);
    put_tensor(&b, "a.weight", 1, (uint64_t[]){5}, T_F32, 0);
    pad(&b, 32);
    for (int i = 0; i < 64 + 3 * 18; i++) put(&b, (uint8_t)i, 1);
}

static void every_value(void **state)
{
    (void)state;
    for (uint32_t version = 2; version <= 3; version++) {
        struct gguf *g;
        void *copy;
        make_whole(version);
        assert_int_equal(open_copy(&b, b.n, 1, &g, &copy), HEARTH_OK);
        assert_int_equal(g->version, version);
        assert_int_equal(g->n_kv, 18);
        assert_int_equal(gguf_find(g, "u8")->as.u, 250);
        assert_int_equal(gguf_find(g, "i8")->as.i, -5);
        assert_int_equal(gguf_find(g, "u16")->as.u, 65000);
        assert_int_equal(gguf_find(g, "i16")->as.i, -300);
        assert_int_equal(gguf_find(g, "u32")->as.u, 4000000000);
        assert_int_equal(gguf_find(g, "i32")->as.i, -70000);
        assert_true(gguf_find(g, "u64")->as.u == UINT64_MAX);
        assert_true(gguf_find(g, "i64")->as.i == INT64_MIN);
        assert_true(gguf_find(g, "f32")->as.f == 1.5);
        assert_true(gguf_find(g, "f64")->as.f == -0.1);
        assert_true(gguf_find(g, "yes")->as.b);
        struct gguf_string text;
        int found;
        assert_int_equal(gguf_get_string(g, "text", &text, &found), HEARTH_OK);
        assert_true(found && text.n == 4 && !memcmp(text.s, "h\xc3\xa9!", 4));
        assert_null(gguf_find(g, "absent"));
        assert_null(gguf_find(g, ""));
        assert_string_equal(gguf_type_name(gguf_find(g, "i64")->type), "I64");
        close_copy(g, copy);
    }
}

static void arrays(void **state)
{
    (void)state;
    struct gguf *g;
    void *copy;
    const struct gguf_value *v;
    make_whole(3);
    assert_int_equal(open_copy(&b, b.n, 1, &g, &copy), HEARTH_OK);
    assert_int_equal(gguf_get_array(g, "words", GGUF_STRING, &v), HEARTH_OK);
    assert_int_equal(v->as.array.n, 3);
    assert_true(v->as.array.strings[1].n == 0 && v->as.array.strings[2].n == 5);
    assert_memory_equal(v->as.array.strings[2].s, "three", 5);
    assert_int_equal(gguf_array_bytes(v), 3 * 8 + 3 + 5);
    assert_int_equal(gguf_get_array(g, "numbers", GGUF_I16, &v), HEARTH_OK);
    assert_int_equal(gguf_array_int(v, 0), 7);
    assert_int_equal(gguf_array_int(v, 1), -1);
    assert_int_equal(gguf_array_int(v, 2), -32768);
    assert_int_equal(gguf_get_array(g, "floats", GGUF_F32, &v), HEARTH_OK);
    assert_true(gguf_array_float(v, 0) == 0.25 && gguf_array_float(v, 1) == -3);
    assert_int_equal(gguf_get_array(g, "none", GGUF_U32, &v), HEARTH_OK);
    assert_int_equal(v->as.array.n, 0);
    assert_int_equal(gguf_get_array(g, "nested", GGUF_ARRAY, &v), HEARTH_OK);
    assert_true(v->as.array.n == 2 && !v->as.array.strings);
    assert_int_equal(gguf_array_bytes(v), 12 + 2 + 12 + 8 + 4);
    assert_int_equal(gguf_find(g, "last")->as.u, 9);        /* what follows the nested array is still found */
    assert_int_equal(gguf_get_array(g, "absent", GGUF_U8, &v), HEARTH_OK);
    assert_null(v);
    close_copy(g, copy);
}

static void tensors(void **state)
{
    (void)state;
    struct gguf *g;
    void *copy;
    make_whole(3);
    assert_int_equal(open_copy(&b, b.n, 1, &g, &copy), HEARTH_OK);
    const struct gguf_tensor *t = gguf_find_tensor(g, "b.weight");
    assert_non_null(t);
    assert_ptr_equal(t, &g->tensors[0]);
    assert_true(t->dims == 2 && t->shape[0] == 32 && t->shape[1] == 3 && t->shape[2] == 1 && t->shape[3] == 1);
    assert_true(t->type == T_Q4_0 && t->elements == 96 && t->bytes == 54);
    assert_int_equal(g->data_offset % 32, 0);
    assert_int_equal(t->offset, g->data_offset + 64);
    assert_int_equal(((const uint8_t *)g->map.data)[t->offset], 64);
    assert_int_equal(gguf_find_tensor(g, "a.weight")->bytes, 20);
    assert_null(gguf_find_tensor(g, "c.weight"));
    close_copy(g, copy);
}

static void typed_reading(void **state)
{
    (void)state;
    struct gguf *g;
    void *copy;
    uint32_t u = 77;
    float f = 2;
    bool yes = false;
    int found = 1;
    make_whole(3);
    assert_int_equal(open_copy(&b, b.n, 1, &g, &copy), HEARTH_OK);
    assert_int_equal(gguf_get_u32(g, "absent", &u, &found), HEARTH_OK);
    assert_true(u == 77 && !found);
    assert_int_equal(gguf_get_u32(g, "u16", &u, &found), HEARTH_OK);
    assert_true(u == 65000 && found);
    assert_int_equal(gguf_get_u32(g, "i8", &u, NULL), HEARTH_EFORMAT);
    assert_string_equal(hearth_errmsg(), "test.gguf: key i8: -5, allowed: 0 to 2^32 - 1");
    assert_int_equal(gguf_get_u32(g, "u64", &u, NULL), HEARTH_EFORMAT);
    assert_string_equal(hearth_errmsg(), "test.gguf: key u64: 18446744073709551615, allowed: 0 to 2^32 - 1");
    assert_int_equal(gguf_get_u32(g, "text", &u, NULL), HEARTH_EFORMAT);
    assert_string_equal(hearth_errmsg(), "test.gguf: key text: type STRING, allowed: an integer");
    assert_int_equal(gguf_get_u32(g, "yes", &u, NULL), HEARTH_EFORMAT);
    assert_int_equal(u, 65000);
    assert_int_equal(gguf_get_f32(g, "f64", &f, &found), HEARTH_OK);
    assert_true(f == -0.1f && found);
    assert_int_equal(gguf_get_f32(g, "u8", &f, NULL), HEARTH_EFORMAT);
    assert_string_equal(hearth_errmsg(), "test.gguf: key u8: type U8, allowed: F32 or F64");
    assert_int_equal(gguf_get_bool(g, "yes", &yes, &found), HEARTH_OK);
    assert_true(yes && found);
    assert_int_equal(gguf_get_bool(g, "u8", &yes, NULL), HEARTH_EFORMAT);
    struct gguf_string s;
    assert_int_equal(gguf_get_string(g, "u8", &s, NULL), HEARTH_EFORMAT);
    assert_string_equal(hearth_errmsg(), "test.gguf: key u8: type U8, allowed: STRING");
    const struct gguf_value *v;
    assert_int_equal(gguf_get_array(g, "words", GGUF_F32, &v), HEARTH_EFORMAT);
    assert_string_equal(hearth_errmsg(), "test.gguf: key words: type ARRAY of STRING, allowed: ARRAY of F32");
    assert_null(v);
    assert_int_equal(gguf_get_array(g, "u8", GGUF_F32, &v), HEARTH_EFORMAT);
    assert_string_equal(hearth_errmsg(), "test.gguf: key u8: type U8, allowed: ARRAY of F32");
    close_copy(g, copy);
}

static void alignment(void **state)
{
    (void)state;
    for (uint32_t a = 8; a <= 4096; a *= 2) {
        struct gguf *g;
        void *copy;
        put_head(&b, 3, 2, 1);
        put_key(&b, "general.alignment", GGUF_U32), put(&b, a, 4);
        put_tensor(&b, "x", 1, (uint64_t[]){1}, T_F32, 0);
        put_tensor(&b, "y", 1, (uint64_t[]){1}, T_F32, a);
        pad(&b, a);
        size_t data = b.n;
        put(&b, 0, 4), pad(&b, a), put(&b, 0x3f800000, 4);
        assert_int_equal(open_copy(&b, b.n, 1, &g, &copy), HEARTH_OK);
        assert_true(g->alignment == a && g->data_offset == data);
        assert_int_equal(gguf_find_tensor(g, "y")->offset, data + a);
        close_copy(g, copy);
    }
}

static void vocabulary_only(void **state)
{
    (void)state;
    struct gguf *g;
    void *copy;
    make_whole(3);
    size_t header = b.n - 64 - 54;
    assert_int_equal(open_copy(&b, header, 1, &g, &copy), HEARTH_EFORMAT);
    close_copy(g, copy);
    assert_int_equal(open_copy(&b, header, 0, &g, &copy), HEARTH_OK);
    assert_int_equal(g->n_tensors, 2);
    close_copy(g, copy);
}

/* 3,000 tensors: names found by binary search, and the file opened in no time worth measuring. */
static void many_tensors(void **state)
{
    (void)state;
    static uint8_t big[400000];
    size_t n = 0;
    struct gguf *g;
    for (uint64_t i = 0; i < 3000; i++) {
        char name[32];
        snprintf(name, sizeof name, "blk.%d.weight", (int)(i * 1031 % 3000));
        b.n = 0;
        if (i == 0) put_head(&b, 3, 3000, 0);
        put_tensor(&b, name, 1, (uint64_t[]){8}, T_F32, i * 32);
        memcpy(big + n, b.p, b.n);
        n += b.n;
    }
    n = (n + 31) / 32 * 32 + 3000 * 32;
    assert_true(n <= sizeof big);
    assert_int_equal(gguf_open_memory(big, n, "test.gguf", 1, &g), HEARTH_OK);
    for (uint64_t i = 0; i < 3000; i++)
        assert_ptr_equal(gguf_find_tensor(g, g->tensors[i].name), &g->tensors[i]);
    gguf_close(g);
}

static void from_a_file(void **state)
{
    (void)state;
    char path[] = "/tmp/test_gguf.XXXXXX";
    struct gguf *g;
    make_whole(3);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, b.p, b.n), (ssize_t)b.n);
    close(fd);
    assert_int_equal(gguf_open(path, 1, &g), HEARTH_OK);
    assert_int_equal(g->map.size, b.n);
    assert_string_equal(g->path, path);
    gguf_close(g);
    unlink(path);
    assert_int_equal(gguf_open(path, 1, &g), HEARTH_ENOTFOUND);
    assert_null(g);
    gguf_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value), cmocka_unit_test(arrays), cmocka_unit_test(tensors),
        cmocka_unit_test(typed_reading), cmocka_unit_test(alignment), cmocka_unit_test(vocabulary_only),
        cmocka_unit_test(many_tensors), cmocka_unit_test(from_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
