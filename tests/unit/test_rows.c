/* test_rows.c - a task's data with all its columns, and the few-shot examples that Python would draw. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "work/pysample.h"
#include "work/rows.h"

#include <cmocka.h>

static char path[64];

static enum hearth_status read_as(const char *name, const char *text, json_t **out)
{
    char sha[65];
    snprintf(path, sizeof path, "rows-%d-%s", (int)getpid(), name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    enum hearth_status st = rows_read(path, out, sha);
    if (st == HEARTH_OK) assert_int_equal(strlen(sha), 64);
    remove(path);
    return st;
}

static void good(void **state)
{
    (void)state;
    static const struct { const char *name, *text, *json; } rows[] = {
        { "a.csv", "q,n,t\n\"a, b\",1,01x\nc,-2,2\n", "[{\"q\": \"a, b\", \"n\": 1, \"t\": \"01x\"}, {\"q\": \"c\", \"n\": -2, \"t\": \"2\"}]" },
        { "a.csv", "q;n\nx;y\n", "[{\"q\": \"x\", \"n\": \"y\"}]" },
        { "a.tsv", "q\tn\nx, y\t\n", "[{\"q\": \"x, y\", \"n\": \"\"}]" },
        { "a.jsonl", "{\"a\": [1, {\"b\": null}]}\n\n{\"c\": 2}", "[{\"a\": [1, {\"b\": null}]}, {\"c\": 2}]" },
        { "a.json", "[{\"a\": 1}]", "[{\"a\": 1}]" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *v = NULL, *wanted = json_loads(rows[i].json, 0, NULL);
        assert_int_equal(read_as(rows[i].name, rows[i].text, &v), HEARTH_OK);
        assert_true(json_equal(v, wanted));
        json_decref(v);
        json_decref(wanted);
    }
}

static void bad(void **state)
{
    (void)state;
    static const struct { const char *name, *text, *message; } rows[] = {
        { "a.csv", "q,n\nx\n", "a.csv: line 2: 1 fields, the heading has 2" }, { "a.csv", "q,q\nx,y\n", "names the column \"q\" twice" },
        { "a.csv", "q,n\n", "a.csv: no row in it" }, { "a.jsonl", "{\"a\": 1}\n{\"a\"}\n", "a.jsonl: line 2, column" },
        { "a.jsonl", "[1]\n", "line 1: should be an object" }, { "a.json", "{\"a\": 1}", "should be an array of objects" },
        { "a.xlsx", "x", "what is read as a task's data is" }, { "a.csv", "\xff,b\n", "byte 0 is not UTF-8" }, { "a.csv", "", "no row in it" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *v = NULL;
        assert_int_equal(read_as(rows[i].name, rows[i].text, &v), HEARTH_EFORMAT);
        assert_null(v);
        if (!strstr(hearth_errmsg(), rows[i].message)) fail_msg("row %zu: %s", i, hearth_errmsg());
    }
}

/* r = random.Random(seed), then r.sample(range(n), k) once and again. */
static void draws(void **state)
{
    (void)state;
    static const struct { uint64_t seed; size_t n, k, count, first[20]; } rows[] = {
        { 1234u, 100, 5, 20, { 99, 56, 14, 0, 11, 74, 4, 85, 88, 10, 12, 98, 45, 30, 2, 3, 2, 44, 82, 79 } },
        { 0u, 8, 5, 20, { 6, 7, 3, 0, 2, 7, 3, 2, 6, 5, 3, 4, 1, 2, 5, 1, 4, 2, 6, 7 } },
        { 1ull << 40, 1000, 10, 20, { 106, 361, 686, 67, 436, 49, 397, 408, 641, 573, 79, 733, 692, 402, 704, 562, 327, 385, 770, 740 } },
        { 42u, 21, 5, 20, { 20, 3, 0, 8, 7, 7, 4, 3, 17, 2, 18, 13, 1, 0, 2, 6, 7, 16, 0, 20 } },
        { 7u, 2000, 6, 18, { 663, 1941, 308, 808, 1333, 98, 148, 1681, 1097, 192, 748, 1193, 118, 1863, 1039, 439, 76, 176 } },
        { 3u, 60, 12, 12, { 15, 37, 34, 8, 23, 38, 30, 40, 58, 4, 54, 0 } },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pysample r;
        size_t out[20];
        pysample_init(&r, rows[i].seed);
        for (size_t at = 0; at < rows[i].count; at += rows[i].k) {
            assert_int_equal(pysample_draw(&r, rows[i].n, rows[i].k, out), HEARTH_OK);
            assert_memory_equal(out, rows[i].first + at, rows[i].k * sizeof *out);
        }
        assert_int_equal(pysample_draw(&r, 3, 4, out), HEARTH_EUSAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(good), cmocka_unit_test(bad), cmocka_unit_test(draws) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
