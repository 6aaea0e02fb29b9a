/* test_compare.c - two results of the same items: differences, tests, what changed, blind votes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <unistd.h>

#include "work/compare.h"

#include <cmocka.h>

/* One task of n items; right(i) says who is. */
static json_t *result(const char *model, size_t n, int (*right)(size_t i), const char *type)
{
    json_t *samples = json_array();
    for (size_t i = 0; i < n; i++) {
        char prompt[32];
        snprintf(prompt, sizeof prompt, "item %zu", i);
        json_array_append_new(samples, json_pack("{s:I, s:s, s:s, s:{s:f}}", "item", (json_int_t)i, "prompt", prompt, "answer", right(i) ? "yes" : "no",
                                                 "scores", "acc", (double)right(i)));
    }
    return json_pack("{s:s, s:{s:s}, s:[{s:s, s:s, s:s, s:[{s:s, s:s, s:f, s:b}], s:o}]}", "schema", EVALUATE_SCHEMA, "model", "name", model, "tasks", "task",
                     "t", "sha256", "same", "output_type", type, "scores", "metric", "acc", "filter", "none", "value", 0.5, "higher_is_better", 1,
                     "samples", samples);
}

static int half(size_t i) { return i % 2 == 0; }
static int more(size_t i) { return i % 2 == 0 || i % 10 == 1; }
static int less(size_t i) { return i % 2 == 0 && i % 10 != 4; }

static double at(const json_t *j, const char *key) { return json_number_value(json_object_get(j, key)); }
static const json_t *task(const json_t *r) { return json_array_get(json_object_get(r, "tasks"), 0); }

static void differences(void **state)
{
    (void)state;
    json_t *a = result("a", 100, half, "multiple_choice"), *b = result("b", 100, more, "multiple_choice"), *c = NULL;
    assert_int_equal(compare_results(a, b, 7, &c), HEARTH_OK);
    const json_t *t = task(c);
    assert_true(fabs(at(t, "difference") - 0.1) < 1e-12);
    assert_true(at(t, "low") > 0.02 && at(t, "low") < 0.06 && at(t, "high") > 0.14 && at(t, "high") < 0.2);
    assert_true(at(t, "only_a") == 0 && at(t, "only_b") == 10 && fabs(at(t, "p") - 2 * pow(0.5, 10)) < 1e-12);
    assert_true(fabs(at(t, "agreement") - 0.9) < 1e-12);
    assert_int_equal(json_array_size(json_object_get(t, "differ")), 10);
    json_decref(c);
    json_t *short_one = result("b", 99, more, "multiple_choice");
    assert_int_equal(compare_results(a, short_one, 7, &c), HEARTH_EFORMAT);
    json_decref(short_one);
    json_object_set_new(json_array_get(json_object_get(json_array_get(json_object_get(b, "tasks"), 0), "samples"), 3), "prompt", json_string("other"));
    assert_int_equal(compare_results(a, b, 7, &c), HEARTH_EFORMAT);
    assert_non_null(strstr(hearth_errmsg(), "item 4 is not the same"));
    json_decref(a);
    json_decref(b);
}

/* Twenty short texts and two long ones: what a byte costs is a ratio of sums, which the mean of the items is not. */
static json_t *rolling(size_t n, double on_short, double on_long, const char *metric, double value)
{
    static char many[101];
    json_t *samples = json_array();
    memset(many, 'x', 100);
    for (size_t i = 0; i < n; i++) {
        const char *text = i % 11 == 10 ? many : "xy";
        json_array_append_new(samples, json_pack("{s:I, s:s, s:{s:f}}", "item", (json_int_t)i, "text", text, "scores", metric, i % 11 == 10 ? on_long : on_short));
    }
    return json_pack("{s:s, s:{s:s}, s:[{s:s, s:s, s:s, s:[{s:s, s:s, s:f, s:b}], s:o}]}", "schema", EVALUATE_SCHEMA, "model", "name", "m", "tasks", "task",
                     "t", "sha256", "same", "output_type", "loglikelihood_rolling", "scores", "metric", metric, "filter", "none", "value", value,
                     "higher_is_better", 0, "samples", samples);
}

static void ratios(void **state)
{
    (void)state;
    static const struct { const char *metric; double a[2], b[2]; } rows[] = {
        { "bits_per_byte", { 4, 1 }, { 2, 2 } }, { "byte_perplexity", { 16, 2 }, { 4, 4 } }, { "word_perplexity", { 16, 2 }, { 4, 4 } },
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        double value[2];
        for (int m = 0; m < 2; m++) {
            const double *x = m ? rows[k].b : rows[k].a;
            double wide = k == 2 ? 1 : 2, narrow = k == 2 ? 1 : 100;
            value[m] = k == 0 ? (20 * wide * x[0] + 2 * narrow * x[1]) / (20 * wide + 2 * narrow)
                              : exp((20 * wide * log(x[0]) + 2 * narrow * log(x[1])) / (20 * wide + 2 * narrow));
        }
        json_t *a = rolling(22, rows[k].a[0], rows[k].a[1], rows[k].metric, value[0]), *b = rolling(22, rows[k].b[0], rows[k].b[1], rows[k].metric, value[1]), *c = NULL;
        assert_int_equal(compare_results(a, b, 7, &c), HEARTH_OK);
        assert_true(fabs(at(task(c), "difference") - (value[1] - value[0])) < 1e-9);
        assert_true(at(task(c), "low") <= at(task(c), "difference") && at(task(c), "high") >= at(task(c), "difference"));
        assert_true(json_is_null(json_object_get(task(c), "agreement")));
        json_decref(a), json_decref(b), json_decref(c);
    }
    json_t *a = rolling(1, 4, 1, "bits_per_byte", 4), *b = rolling(1, 2, 1, "bits_per_byte", 2), *c = NULL;
    assert_int_equal(compare_results(a, b, 7, &c), HEARTH_OK);
    assert_true(json_is_null(json_object_get(task(c), "low")) && at(task(c), "difference") == -2);
    json_decref(a), json_decref(b), json_decref(c);
}

static void changes(void **state)
{
    (void)state;
    json_t *then = result("m", 40, half, "checks"), *worse = result("m", 40, less, "checks"), *better = result("m", 40, more, "checks"), *c;
    assert_int_equal(compare_changes(then, task(worse), &c), HEARTH_OK);
    assert_int_equal(json_array_size(json_object_get(c, "worse")), 4);
    assert_int_equal(json_array_size(json_object_get(c, "better")), 0);
    assert_true(json_is_true(json_object_get(c, "regression")));
    json_decref(c);
    assert_int_equal(compare_changes(then, task(better), &c), HEARTH_OK);
    assert_int_equal(json_array_size(json_object_get(c, "better")), 4);
    assert_false(json_is_true(json_object_get(c, "regression")));
    json_decref(c);
    json_t *x = result("m", 40, half, "multiple_choice"), *y = result("m", 40, less, "multiple_choice");   /* 4 of 40: may be chance */
    assert_int_equal(compare_changes(x, task(y), &c), HEARTH_OK);
    assert_false(json_is_true(json_object_get(c, "regression")));
    json_decref(c);
    json_object_set_new(json_array_get(json_object_get(y, "tasks"), 0), "task", json_string("another"));
    assert_int_equal(compare_changes(x, task(y), &c), HEARTH_OK);
    assert_null(c);
    json_t *all[] = { then, worse, better, x, y };
    for (size_t i = 0; i < 5; i++) json_decref(all[i]);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* Whoever votes for what the page shows on the left votes for who stood there. */
static void votes(void **state)
{
    (void)state;
    json_t *a = result("model-one", 100, half, "multiple_choice"), *b = result("two, \"2\"", 100, more, "multiple_choice"), *c = NULL, *v = NULL;
    char *page, *ballot, path[] = "/tmp/hearth-votes-XXXXXX.csv", vote[4096] = "";
    size_t n, lefts = 0;
    assert_int_equal(compare_results(a, b, 7, &c), HEARTH_OK);
    assert_int_equal(compare_page(c, a, b, 1, 7, &page, &n), HEARTH_OK);
    assert_null(strstr(page, "model-one"));
    assert_non_null(strstr(page, "item 11"));
    assert_int_equal(compare_ballot(c, a, b, 7, &ballot, &n), HEARTH_OK);
    for (const char *line = ballot; *line; line += strcspn(line, "\n") + 1) {       /* a vote for "yes", which is b's answer here, everywhere */
        char prompt[64];
        int t, item;
        if (sscanf(line, "%d,%d,", &t, &item) == 2) {
            snprintf(prompt, sizeof prompt, ">item %d<", item - 1);
            const char *place = strstr(page, prompt);
            assert_non_null(place);
            const char *yes = strstr(place, ">yes<"), *no = strstr(place, ">no<");
            lefts += yes < no;
            snprintf(vote + strlen(vote), sizeof vote - strlen(vote), "%d,%d,%s", t, item, yes < no ? "left" : "right");
            const char *rest = strchr(strchr(line, ',') + 1, ',') + 1;
            snprintf(vote + strlen(vote), sizeof vote - strlen(vote), "%.*s\n", (int)strcspn(rest, "\n"), rest);
        } else {
            snprintf(vote + strlen(vote), sizeof vote - strlen(vote), "%.*s\n", (int)strcspn(line, "\n"), line);
        }
    }
    assert_true(lefts > 0 && lefts < 10);
    assert_true(mkstemps(path, 4) >= 0);
    write_file(path, vote);
    assert_int_equal(compare_votes(path, &v), HEARTH_OK);
    assert_string_equal(json_string_value(json_object_get(v, "b")), "two, \"2\"");
    assert_true(at(v, "votes_b") == 10 && at(v, "votes_a") == 0 && at(v, "votes") == 10);
    json_decref(v);
    write_file(path, ballot);
    assert_int_equal(compare_votes(path, &v), HEARTH_OK);
    assert_true(at(v, "votes") == 0 && at(v, "p") == 1);
    json_decref(v);
    write_file(path, "task,item,vote,model_a,model_b,seed\n1,1,up,a,b,7\n");
    assert_int_equal(compare_votes(path, &v), HEARTH_EFORMAT);
    assert_non_null(strstr(hearth_errmsg(), "row 1: the vote is \"up\", should be left, right, same or empty"));
    write_file(path, "task,item,vote,model_a,model_b,seed\n1,1,left,a,b,7\n1,2,left,a,c,7\n");
    assert_int_equal(compare_votes(path, &v), HEARTH_EFORMAT);
    assert_non_null(strstr(hearth_errmsg(), "row 2: its model_b is another than the first row's"));
    write_file(path, "task,item,vote,model_a,model_b,seed\n1,1,left,a,b,7\n1,1,left,a,b,7\n");
    assert_int_equal(compare_votes(path, &v), HEARTH_EFORMAT);
    assert_non_null(strstr(hearth_errmsg(), "row 2: the item of row 1 once more"));
    write_file(path, "x\n1\n");
    assert_int_equal(compare_votes(path, &v), HEARTH_EFORMAT);
    unlink(path);
    free(page);
    free(ballot);
    json_decref(a);
    json_decref(b);
    json_decref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(differences), cmocka_unit_test(ratios), cmocka_unit_test(changes), cmocka_unit_test(votes) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
