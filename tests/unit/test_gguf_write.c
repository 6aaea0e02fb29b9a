/* test_gguf_write.c - GGUF files written and read again; files that must not appear. */
#include "gguf_bytes.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

static char folder[] = "/tmp/test_gguf_write.XXXXXX", path[64];

static int files_in_folder(void)
{
    int n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) n += e->d_name[0] != '.' || e->d_name[1] > '.';
    closedir(d);
    return n;
}

#define KEY(name) {name, sizeof name - 1}

static enum hearth_status write_all(uint32_t alignment)
{
    static const int32_t numbers[] = {1, -2, 3};
    static const struct gguf_string words[] = {KEY("one"), KEY(""), KEY("three")};
    static const uint8_t nested[] = {GGUF_U8, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 5, 6,
                                     GGUF_STRING, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 'x'};
    const struct gguf_kv kv[] = {
        {KEY("u8"), {GGUF_U8, {.u = 255}}}, {KEY("i8"), {GGUF_I8, {.i = -1}}}, {KEY("u16"), {GGUF_U16, {.u = 65535}}},
        {KEY("i16"), {GGUF_I16, {.i = -32768}}}, {KEY("u32"), {GGUF_U32, {.u = UINT32_MAX}}},
        {KEY("i32"), {GGUF_I32, {.i = -5}}}, {KEY("u64"), {GGUF_U64, {.u = UINT64_MAX}}},
        {KEY("i64"), {GGUF_I64, {.i = INT64_MIN}}}, {KEY("f32"), {GGUF_F32, {.f = 0.1f}}},
        {KEY("f64"), {GGUF_F64, {.f = 0.1}}}, {KEY("no"), {GGUF_BOOL, {.b = false}}},
        {KEY("text"), {GGUF_STRING, {.str = KEY("a text")}}},
        {KEY("numbers"), {GGUF_ARRAY, {.array = {GGUF_I32, 3, numbers, NULL}}}},
        {KEY("words"), {GGUF_ARRAY, {.array = {GGUF_STRING, 3, NULL, words}}}},
        {KEY("nested"), {GGUF_ARRAY, {.array = {GGUF_ARRAY, 2, nested, NULL}}}},
        {KEY("general.alignment"), {GGUF_U32, {.u = 4}}},       /* the writer's own is written instead */
    };
    struct gguf_writer *w;
    TRY(gguf_writer_open(path, alignment, &w));
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < sizeof kv / sizeof *kv && !st; i++) st = gguf_writer_kv(w, &kv[i]);
    if (!st) st = gguf_writer_tensor(w, "a", 1, (uint64_t[]){3}, T_F32);
    if (!st) st = gguf_writer_tensor(w, "b.weight", 2, (uint64_t[]){32, 2}, T_Q8_0);
    if (!st) st = gguf_writer_begin(w);
    uint8_t data[12 + 68];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof data && !st; i += 5) st = gguf_writer_data(w, data + i, 5); /* across the border */
    assert_int_equal(files_in_folder(), 1);
    assert_int_not_equal(access(path, F_OK), 0);         /* not under its name before the end */
    if (!st) st = gguf_writer_commit(w);
    gguf_writer_close(w);
    return st;
}

static void there_and_back(void **state)
{
    (void)state;
    static const uint32_t alignments[] = {8, 32, 4096};
    for (int k = 0; k < 3; k++) {
        struct gguf *g;
        const struct gguf_value *v;
        assert_int_equal(write_all(alignments[k]), HEARTH_OK);
        assert_int_equal(gguf_open(path, 1, &g), HEARTH_OK);
        assert_true(g->version == 3 && g->alignment == alignments[k] && g->n_kv == 15 + (alignments[k] != 32));
        assert_int_equal(gguf_find(g, "u8")->as.u, 255);
        assert_int_equal(gguf_find(g, "i8")->as.i, -1);
        assert_int_equal(gguf_find(g, "u16")->as.u, 65535);
        assert_int_equal(gguf_find(g, "i16")->as.i, -32768);
        assert_int_equal(gguf_find(g, "u32")->as.u, UINT32_MAX);
        assert_int_equal(gguf_find(g, "i32")->as.i, -5);
        assert_true(gguf_find(g, "u64")->as.u == UINT64_MAX && gguf_find(g, "i64")->as.i == INT64_MIN);
        assert_true(gguf_find(g, "f32")->as.f == (double)0.1f && gguf_find(g, "f64")->as.f == 0.1);
        assert_false(gguf_find(g, "no")->as.b);
        assert_int_equal(gguf_get_array(g, "numbers", GGUF_I32, &v), HEARTH_OK);
        assert_true(v->as.array.n == 3 && gguf_array_int(v, 1) == -2);
        assert_int_equal(gguf_get_array(g, "words", GGUF_STRING, &v), HEARTH_OK);
        assert_true(v->as.array.n == 3 && v->as.array.strings[2].n == 5);
        assert_int_equal(gguf_get_array(g, "nested", GGUF_ARRAY, &v), HEARTH_OK);
        assert_int_equal(gguf_array_bytes(v), 12 + 2 + 12 + 9);
        const struct gguf_tensor *a = gguf_find_tensor(g, "a"), *b = gguf_find_tensor(g, "b.weight");
        const uint8_t *all = g->map.data;
        assert_true(a->bytes == 12 && b->bytes == 68 && b->shape[1] == 2);
        for (uint64_t i = 0; i < 12; i++) assert_int_equal(all[a->offset + i], i);
        for (uint64_t i = 0; i < 68; i++) assert_int_equal(all[b->offset + i], 12 + i);
        assert_int_equal(g->map.size % alignments[k], 0);
        gguf_close(g);
        unlink(path);
    }
}

static void duplicates(void **state)
{
    (void)state;
    const struct gguf_kv same = {KEY("same"), {GGUF_U8, {.u = 1}}};
    struct gguf_writer *w;
    assert_int_equal(gguf_writer_open(path, 32, &w), HEARTH_OK);
    assert_int_equal(gguf_writer_kv(w, &same), HEARTH_OK);
    assert_int_equal(gguf_writer_tensor(w, "same", 1, (uint64_t[]){1}, T_F32), HEARTH_OK); /* a tensor's name is another thing */
    assert_int_equal(gguf_writer_kv(w, &same), HEARTH_OK);
    assert_int_equal(gguf_writer_begin(w), HEARTH_EUSAGE);
    assert_non_null(strstr(hearth_errmsg(), "key same: given twice"));
    gguf_writer_close(w);
    assert_int_equal(files_in_folder(), 0);
}

static void missing_and_too_much(void **state)
{
    (void)state;
    struct gguf_writer *w;
    assert_int_equal(gguf_writer_open(path, 32, &w), HEARTH_OK);
    assert_int_equal(gguf_writer_data(w, "xxxx", 4), HEARTH_EINTERNAL);
    assert_int_equal(gguf_writer_tensor(w, "t", 1, (uint64_t[]){33}, T_Q4_0), HEARTH_EINTERNAL);
    assert_int_equal(gguf_writer_tensor(w, "t", 2, (uint64_t[]){(uint64_t)1 << 40, (uint64_t)1 << 40}, T_F32), HEARTH_ELIMIT);
    assert_int_equal(gguf_writer_tensor(w, "t", 1, (uint64_t[]){2}, T_F32), HEARTH_OK);
    assert_int_equal(gguf_writer_begin(w), HEARTH_OK);
    assert_int_equal(gguf_writer_begin(w), HEARTH_EINTERNAL);
    assert_int_equal(gguf_writer_data(w, "xxxxxxx", 7), HEARTH_OK);
    assert_int_equal(gguf_writer_commit(w), HEARTH_EINTERNAL);
    assert_non_null(strstr(hearth_errmsg(), "the data of 0 tensors of 1"));
    assert_int_equal(gguf_writer_data(w, "xx", 2), HEARTH_EINTERNAL);
    assert_non_null(strstr(hearth_errmsg(), "more data than the tensors take"));
    gguf_writer_close(w);
    assert_int_equal(files_in_folder(), 0);
    gguf_writer_close(NULL);
}

static void places_refused(void **state)
{
    (void)state;
    struct gguf_writer *w;
    static const uint32_t wrong[] = {0, 4, 48, 1 << 21};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(gguf_writer_open(path, wrong[i], &w), HEARTH_EUSAGE);
        assert_null(w);
    }
    assert_int_not_equal(gguf_writer_open("/nonexistent/folder/x.gguf", 32, &w), HEARTH_OK);
    assert_null(w);
    assert_int_not_equal(gguf_writer_open("/dev/null", 32, &w), HEARTH_OK);
    assert_null(w);
    assert_int_equal(files_in_folder(), 0);
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/x.gguf", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back), cmocka_unit_test(duplicates), cmocka_unit_test(missing_and_too_much),
        cmocka_unit_test(places_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
