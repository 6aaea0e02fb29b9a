/* test_yaml.c - the YAML of task files: what is read (as PyYAML reads it), and how what is not is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "work/yaml.h"

#include <cmocka.h>

/* Each right side is json.dumps(yaml.safe_load(left)). */
static const struct { const char *yaml, *json; } good_rows[] = {
    { "", "null" },
    { "# nothing\n---\n", "null" },
    { "a: 1\nb: -2.5\nc: 1.0e+3\nd: text # not this\ne: a#b\nf:\n", "{\"a\": 1, \"b\": -2.5, \"c\": 1000.0, \"d\": \"text\", \"e\": \"a#b\", \"f\": null}" },
    { "t: true\nn: null\nk: ~\ns: \"true\"\nq: 'it''s'\nu: http://x:80/y\n",
      "{\"t\": true, \"n\": null, \"k\": null, \"s\": \"true\", \"q\": \"it's\", \"u\": \"http://x:80/y\"}" },
    { "d: \"a\\n\\t\\\"b\\\\ \\u00e9\\x41\"\n", "{\"d\": \"a\\n\\t\\\"b\\\\ \\u00e9A\"}" },
    { "d: \"one\n  two\n\n  three \\\n   four\"\ne: 'x\n  y'\n", "{\"d\": \"one two\\nthree four\", \"e\": \"x y\"}" },
    { "metric_list:\n  - metric: acc\n    aggregation: mean\n  - metric: acc_norm\nx: 1\n",
      "{\"metric_list\": [{\"metric\": \"acc\", \"aggregation\": \"mean\"}, {\"metric\": \"acc_norm\"}], \"x\": 1}" },
    { "l:\n- a\n- b\n-\n  - c\n  - d\nm:\n  k:\n    v: 1\n", "{\"l\": [\"a\", \"b\", [\"c\", \"d\"]], \"m\": {\"k\": {\"v\": 1}}}" },
    { "- - a\n  - b\n- c: 1\n  d:\n  - 2\n", "[[\"a\", \"b\"], {\"c\": 1, \"d\": [2]}]" },
    { "f: [a, \"b, c\", {d: 1, e: [2]}, ]\ng: {}\nh: [\n  x,\n  y # no\n]\n",
      "{\"f\": [\"a\", \"b, c\", {\"d\": 1, \"e\": [2]}], \"g\": {}, \"h\": [\"x\", \"y\"]}" },
    { "p: |\n  one\n   two\n\n  three\nq: >-\n  one\n  two\n\n  three\nr: |+\n  x\n\ns: |-\n  {{a}}: b\n",
      "{\"p\": \"one\\n two\\n\\nthree\\n\", \"q\": \"one two\\nthree\", \"r\": \"x\\n\\n\", \"s\": \"{{a}}: b\"}" },
    { "q: >\n  one\n  two\n    more\n  end\n", "{\"q\": \"one two\\n  more\\nend\\n\"}" },
    { "doc_to_choice: \"{{choices}}\"\nuntil: [\"\\n\", \".\"]\nregex_pattern: \"([A-Za-z]+)\"\n",
      "{\"doc_to_choice\": \"{{choices}}\", \"until\": [\"\\n\", \".\"], \"regex_pattern\": \"([A-Za-z]+)\"}" },
    { "- prompt: Hi, where [or how] can I park {my car}?\n  must: a, b\n- x, y\n",
      "[{\"prompt\": \"Hi, where [or how] can I park {my car}?\", \"must\": \"a, b\"}, \"x, y\"]" },
    { "a:\r\n  b: 1\r\n", "{\"a\": {\"b\": 1}}" },
    { "\"quoted key\": x\n? : y\n", NULL },
};

static void good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good_rows / sizeof *good_rows && good_rows[i].json; i++) {
        json_t *v = NULL, *wanted = json_loads(good_rows[i].json, JSON_DECODE_ANY, NULL);
        enum hearth_status st = yaml_read("t.yaml", good_rows[i].yaml, strlen(good_rows[i].yaml), &v);
        if (st != HEARTH_OK) print_error("row %zu: %s\n", i, hearth_errmsg());
        assert_int_equal(st, HEARTH_OK);
        char *text = json_dumps(v, JSON_ENCODE_ANY);
        if (!json_equal(v, wanted)) print_error("row %zu: found %s\nwanted %s\n", i, text, good_rows[i].json);
        assert_true(json_equal(v, wanted));
        free(text);
        json_decref(v);
        json_decref(wanted);
    }
}

static void bad(void **state)
{
    (void)state;
    static const struct { const char *text, *message; } rows[] = {
        { "a: 1\nb: &x 2\n", "t.yaml: line 2: an anchor (&x)" },
        { "a: *x\n", "line 1: an alias (*x)" },
        { "task: t\ncustom_dataset: !function items.choice\n", "line 2: a tag (!function)" },
        { "a: 1\na: 2\n", "line 2: the key \"a\" stands here for the second time" },
        { "a:\n\tb: 1\n", "line 2: a tab as indentation" },
        { "a: no\n", "line 1: no is read differently by different readers of YAML; put it in quotes" },
        { "a: [x, yes]\n", "line 1: yes is read differently" },
        { "a: 1e3\n", "line 1: 1e3 is read differently" },
        { "a: 012\n", "line 1: 012 is read differently" },
        { "a: one\n  two\n", "line 2: \"two\" is indented otherwise" },
        { "a: \"x\nb: 2\n", "line 1: a text in quotes that does not end" },
        { "a: [1, 2\n", "line 2: a comma or ] should follow" },
        { "a: [1 2: 3]\n", "line 1: a comma or ] should follow" },
        { "<<: x\n", "line 1: a merge key" },
        { "a: b: c\n", "line 1: \": c\" stands behind a value" },
        { "a: 'x' y\n", "line 1: \"y\" stands behind a value" },
        { "a: \"\\q\"\n", "line 1: there is no escape \\q" },
        { "a: 99999999999999999999\n", "line 1: the number 99999999999999999999 is too large" },
        { "  a: 1\n", "line 1: the first key is indented" },
        { "a: 1\n---\nb: 2\n", "line 2: " },
        { "- a\nb: 1\n", "line 2: \"b: 1\" belongs to nothing" },
        { "a: \xff\n", "t.yaml: byte 3 is not UTF-8" },
        { "%YAML 1.2\n", "line 1: a directive" },
        { "a: - b\n", "line 1: a list begins on a line of its own" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *v = (json_t *)&v;
        enum hearth_status st = yaml_read("t.yaml", rows[i].text, strlen(rows[i].text), &v);
        if (st != HEARTH_EFORMAT || !strstr(hearth_errmsg(), rows[i].message)) print_error("row %zu: %s\n", i, hearth_errmsg());
        assert_int_equal(st, HEARTH_EFORMAT);
        assert_null(v);
        assert_non_null(strstr(hearth_errmsg(), rows[i].message));
    }
}

/* Every beginning of every good file ends in a value or a sentence; deep nesting does not end in the stack. */
static void cut(void **state)
{
    (void)state;
    static char deep[20000];
    json_t *v;
    for (size_t i = 0; i < sizeof good_rows / sizeof *good_rows; i++)
        for (size_t n = 0; n <= strlen(good_rows[i].yaml); n++)
            if (yaml_read("t", good_rows[i].yaml, n, &v) == HEARTH_OK) json_decref(v);
    memset(deep, '[', sizeof deep);
    assert_int_equal(yaml_read("t", deep, sizeof deep, &v), HEARTH_EFORMAT);
    for (size_t i = 0; i < sizeof deep; i += 2) memcpy(deep + i, "- ", 2);
    assert_int_equal(yaml_read("t", deep, sizeof deep, &v), HEARTH_EFORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(good), cmocka_unit_test(bad), cmocka_unit_test(cut) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
