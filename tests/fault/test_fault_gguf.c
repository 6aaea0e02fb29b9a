/* test_fault_gguf.c - a GGUF file written and read with every allocation refused in turn. */
#include "fault/fault.h"
#include "file/gguf.h"

static const char *path;

static enum hearth_status write_file(void *arg)
{
    (void)arg;
    static const float row[64] = {1, 2, 3};
    static const struct gguf_string words[] = {{"one", 3}, {"", 0}, {"three", 5}};
    const struct gguf_kv kv[] = {
        {{"general.name", 12}, {GGUF_STRING, {.str = {"a name", 6}}}},
        {{"words", 5}, {GGUF_ARRAY, {.array = {GGUF_STRING, 3, NULL, words}}}},
        {{"number", 6}, {GGUF_U32, {.u = 7}}},
    };
    struct gguf_writer *w = NULL;
    enum hearth_status st = gguf_writer_open(path, 32, &w);
    for (int i = 0; i < 3 && st == HEARTH_OK; i++) st = gguf_writer_kv(w, &kv[i]);
    if (st == HEARTH_OK) st = gguf_writer_tensor(w, "a.weight", 2, (uint64_t[]){32, 2}, T_F32);
    if (st == HEARTH_OK) st = gguf_writer_begin(w);
    if (st == HEARTH_OK) st = gguf_writer_data(w, row, sizeof row);
    if (st == HEARTH_OK) st = gguf_writer_commit(w);
    gguf_writer_close(w);
    return st;
}

static enum hearth_status read_file(void *arg)
{
    (void)arg;
    struct gguf *g = NULL;
    uint32_t number = 0;
    const struct gguf_value *words = NULL;
    enum hearth_status st = gguf_open(path, 1, &g);
    if (st == HEARTH_OK) st = gguf_get_u32(g, "number", &number, NULL);
    if (st == HEARTH_OK) st = gguf_get_array(g, "words", GGUF_STRING, &words);
    if (st == HEARTH_OK) {
        assert_int_equal(number, 7);
        assert_int_equal(words->as.array.n, 3);
        assert_non_null(gguf_find_tensor(g, "a.weight"));
    }
    gguf_close(g);
    return st;
}

static void writing(void **state) { (void)state; fault_sweep(write_file, NULL, 1); }
static void reading(void **state) { (void)state; fault_sweep(read_file, NULL, 1); }

/* A writer that failed leaves nothing behind, neither under the name nor beside it. */
static void nothing_half_written(void **state)
{
    (void)state;
    atomic_store(&fault.for_good, 1);
    for (long given = 0;; given++) {
        unlink(path);
        enum hearth_status st = fault_do(write_file, NULL, given);
        if (!atomic_load(&fault.refused)) break;
        if (st != HEARTH_OK) assert_int_equal(access(path, F_OK), -1);
    }
    assert_int_equal(access(path, F_OK), 0);
}

int main(void)
{
    static char folder[] = "/tmp/hearth-fault.XXXXXX", file[64];
    if (!mkdtemp(folder)) return 1;
    snprintf(file, sizeof file, "%s/a.gguf", folder);
    path = file;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writing), cmocka_unit_test(reading), cmocka_unit_test(nothing_half_written),
    };
    int bad = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    if (rmdir(folder)) perror(folder), bad++;        /* a temporary file was left in it */
    return bad;
}
