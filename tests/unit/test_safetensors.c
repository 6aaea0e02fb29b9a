/* test_safetensors.c - safetensors files and indexes, good ones and what a stranger could make of them: each is refused with one sentence
 * that names the file, the tensor, what was found and what is allowed. */
#include "base/mem.h"        /* before cmocka, which has a fail() of its own */
#include "file/safetensors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* A file of this header and so many bytes of data 0, 1, 2, ...; exactly as large as it must be, so that a sanitizer sees a step past it. */
static uint8_t *make(const char *header, size_t data, size_t *n)
{
    size_t head = strlen(header);
    uint8_t *p = malloc(*n = 8 + head + data);
    assert_non_null(p);
    for (int i = 0; i < 8; i++) p[i] = (uint8_t)((uint64_t)head >> 8 * i);
    memcpy(p + 8, header, head);
    for (size_t i = 0; i < data; i++) p[8 + head + i] = (uint8_t)i;
    return p;
}

static void refused(const char *header, size_t data, enum hearth_status status, const char *why)
{
    struct safetensors *s;
    size_t n;
    uint8_t *p = make(header, data, &n);
    enum hearth_status st = safetensors_open_memory(p, n, "x.safetensors", &s);
    if (st != status || !strstr(hearth_errmsg(), why)) print_error("%s\n  -> %d %s\n", header, (int)st, hearth_errmsg());
    assert_int_equal(st, status);
    assert_null(s);
    assert_int_equal(strncmp(hearth_errmsg(), "x.safetensors: ", 15), 0);
    assert_non_null(strstr(hearth_errmsg(), why));
    free(p);
}

#define GOOD "{\"__metadata__\":{\"format\":\"pt\"}," \
    "\"b\":{\"dtype\":\"F16\",\"shape\":[2,3],\"data_offsets\":[4,16]}," \
    "\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}," \
    "\"c\":{\"dtype\":\"I64\",\"shape\":[0,7],\"data_offsets\":[16,16]}}   "

static void a_good_file(void **state)
{
    (void)state;
    struct safetensors *s;
    size_t n;
    uint8_t *p = make(GOOD, 16, &n);
    assert_int_equal(safetensors_open_memory(p, n, "x.safetensors", &s), HEARTH_OK);
    assert_int_equal(s->n, 3);
    assert_int_equal(s->bytes, n);
    const struct safetensor *b = safetensors_find(s, "b"), *c = safetensors_find(s, "c");
    assert_ptr_equal(b, &s->tensor[1]);
    assert_int_equal(b->type, T_F16);
    assert_int_equal(b->dims, 2);
    assert_int_equal(b->shape[1], 3);
    assert_int_equal(b->elements, 6);
    assert_int_equal(b->data[0], 4);
    assert_int_equal(c->type, -1);
    assert_int_equal(c->bytes, 0);
    assert_null(safetensors_find(s, "d"));
    safetensors_close(s);
    free(p);
}

static void cut_anywhere(void **state)
{
    (void)state;
    struct safetensors *s;
    size_t n;
    uint8_t *p = make(GOOD, 16, &n);
    for (size_t i = 0; i < n; i++) {
        uint8_t *part = malloc(i ? i : 1);
        assert_non_null(part);
        memcpy(part, p, i);
        assert_int_equal(safetensors_open_memory(part, i, "x.safetensors", &s), HEARTH_EFORMAT);
        free(part);
    }
    free(p);
}

#define ONE(dtype, shape, offsets) "{\"w\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

static void bad_files(void **state)
{
    (void)state;
    refused("[]", 0, HEARTH_EFORMAT, "does not begin with {");
    refused("{\"w\":", 0, HEARTH_EFORMAT, "line 1");
    refused("{\"w\":{},\"w\":{}}", 0, HEARTH_EFORMAT, "duplicate");
    refused("{\"w\":7}", 0, HEARTH_EFORMAT, "tensor w: no object");
    refused("{\"\":{}}", 0, HEARTH_EFORMAT, "allowed: 1 to 256");
    refused(ONE("7", "[1]", "[0,4]"), 4, HEARTH_EFORMAT, "it has no dtype");
    refused(ONE("\"Q9\"", "[1]", "[0,4]"), 4, HEARTH_EUNSUPPORTED, "dtype \"Q9\", allowed: F32, F16, BF16");
    refused(ONE("\"F32\"", "1", "[0,4]"), 4, HEARTH_EFORMAT, "shape is no list");
    refused(ONE("\"F32\"", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, HEARTH_EFORMAT, "at most 8");
    refused(ONE("\"F32\"", "[-1]", "[0,4]"), 4, HEARTH_EFORMAT, "no whole number");
    refused(ONE("\"F32\"", "[1.0]", "[0,4]"), 4, HEARTH_EFORMAT, "no whole number");
    refused(ONE("\"F32\"", "[4294967296,4294967296]", "[0,4]"), 4, HEARTH_EFORMAT, "past 2^63 - 1 at dimension 1");
    refused(ONE("\"F32\"", "[9223372036854775807]", "[0,4]"), 4, HEARTH_EFORMAT, "4 bytes each");
    refused(ONE("\"F32\"", "[4611686018427387905]", "[0,4]"), 4, HEARTH_EFORMAT, "4 bytes each");
    refused(ONE("\"F32\"", "[1]", "[0]"), 4, HEARTH_EFORMAT, "no pair");
    refused(ONE("\"F32\"", "[1]", "[4,0]"), 4, HEARTH_EFORMAT, "but the file has 4 bytes of data");
    refused(ONE("\"F32\"", "[1]", "[0,8]"), 4, HEARTH_EFORMAT, "but the file has 4 bytes of data");
    refused(ONE("\"F32\"", "[2]", "[0,4]"), 4, HEARTH_EFORMAT, "2 elements of F32, 4 bytes each, but data_offsets give it 4 bytes");
    refused(ONE("\"F32\"", "[1]", "[0,4]"), 5, HEARTH_EFORMAT, "the tensors end at byte 4 of the data, which has 5");
    refused(ONE("\"F32\"", "[1]", "[4,8]"), 8, HEARTH_EFORMAT, "no hole");
    refused("{\"a\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[2,6]}}", 6,
            HEARTH_EFORMAT, "tensor b: its data begins at 2 and the one before it ends at 4");
}

/* A header longer than the cap is refused by its length alone. */
static void absurd_header(void **state)
{
    (void)state;
    struct safetensors *s;
    size_t n = (9u << 20) + 8;
    uint8_t *p = malloc(n);
    assert_non_null(p);
    memset(p, '{', n);
    for (int i = 0; i < 8; i++) p[i] = (uint8_t)((uint64_t)(9u << 20) >> 8 * i);
    assert_int_equal(safetensors_open_memory(p, n, "x.safetensors", &s), HEARTH_ELIMIT);
    assert_non_null(strstr(hearth_errmsg(), "allowed: at most 8388608"));
    memset(p, 0xff, 8);
    assert_int_equal(safetensors_open_memory(p, n, "x.safetensors", &s), HEARTH_EFORMAT);
    free(p);
}

/* ---- folders ---- */

static char folder[] = "/tmp/test_safetensors.XXXXXX";

static void write_file(const char *name, const void *data, size_t n)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    fclose(f);
}

static void remove_file(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
}

static void write_shard(const char *file, const char *tensor)
{
    char header[200];
    size_t n;
    snprintf(header, sizeof header, "{\"%s\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]}}", tensor);
    uint8_t *p = make(header, 4, &n);
    write_file(file, p, n);
    free(p);
}

static void folder_says(const char *index, enum hearth_status status, const char *why)
{
    struct safetensors *s;
    write_file("model.safetensors.index.json", index, strlen(index));
    enum hearth_status st = safetensors_open(folder, &s);
    if (st != status || !strstr(hearth_errmsg(), why)) print_error("%s\n  -> %d %s\n", index, (int)st, hearth_errmsg());
    assert_int_equal(st, status);
    assert_non_null(strstr(hearth_errmsg(), why));
    assert_null(s);
}

static void folders(void **state)
{
    (void)state;
    struct safetensors *s;
    static const char good[] = "{\"weight_map\":{\"x\":\"m-1.safetensors\",\"y\":\"m-2.safetensors\"}}";
    assert_non_null(mkdtemp(folder));
    assert_int_equal(safetensors_open(folder, &s), HEARTH_ENOTFOUND);
    write_file("pytorch_model.bin", "PK", 2);
    assert_int_equal(safetensors_open(folder, &s), HEARTH_EUNSUPPORTED);
    assert_non_null(strstr(hearth_errmsg(), "pytorch_model.bin, a pickle"));
    write_shard("m-1.safetensors", "x");
    folder_says(good, HEARTH_ENOTFOUND, "m-2.safetensors");
    write_shard("m-2.safetensors", "x");
    folder_says(good, HEARTH_EFORMAT, "tensor x: found again in");
    write_shard("m-2.safetensors", "z");
    folder_says(good, HEARTH_EFORMAT, "tensor y is not in m-2.safetensors, where the index has it");
    write_shard("m-2.safetensors", "y");
    assert_int_equal(safetensors_open(folder, &s), HEARTH_OK);
    assert_int_equal(s->n, 2);
    safetensors_close(s);
    folder_says("{\"weight_map\":{\"x\":\"m-2.safetensors\",\"y\":\"m-1.safetensors\"}}", HEARTH_EFORMAT, "where the index has it");
    folder_says("{\"weight_map\":{}}", HEARTH_EFORMAT, "no weight_map");
    folder_says("[1]", HEARTH_EFORMAT, "no weight_map");
    static const char *const paths[] = {"/etc/passwd", "/etc/x.safetensors", "../x.safetensors", "a/x.safetensors", "..safetensors", ".safetensors",
                                        ".x.safetensors", "a\\\\b.safetensors", "x.bin", "x\\nx.safetensors"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char index[200];
        snprintf(index, sizeof index, "{\"weight_map\":{\"x\":\"%s\"}}", paths[i]);
        folder_says(index, HEARTH_EFORMAT, "allowed: the name of a .safetensors file in the same folder, no path");
    }
    folder_says("{\"weight_map\":{\"x\":5}}", HEARTH_EFORMAT, "no path");
    remove_file("pytorch_model.bin"), remove_file("m-1.safetensors"), remove_file("m-2.safetensors"), remove_file("model.safetensors.index.json");
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_file), cmocka_unit_test(cut_anywhere), cmocka_unit_test(bad_files), cmocka_unit_test(absurd_header),
        cmocka_unit_test(folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
