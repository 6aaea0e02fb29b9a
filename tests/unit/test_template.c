/* test_template.c - chat templates: what Python's jinja2 makes of the cases of template_cases.h, and what belongs to
 * rendering itself: the order of keys, the time, errors that leave the output alone, threads. */
#include "text/template.h" /* before cmocka.h, which has a macro fail() */

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "template_cases.h"

enum { NOW = 1767323045 }; /* 2026-01-02 03:04:05 UTC */

static enum hearth_status render(const char *source, const json_t *globals, struct buf *out) {
    struct template *t;
    TRY(template_open(source, strlen(source), "a.jinja", &t));
    enum hearth_status st = template_render(t, globals, NOW, NULL, out);
    template_close(t);
    return st;
}

static json_t *json(const char *text) {
    json_error_t e;
    json_t *j = json_loads(text, JSON_ALLOW_NUL, &e);
    if (!j) fail_msg("%s: %s", text, e.text);
    return j;
}

static void run(const struct render_case *c, size_t n) {
    json_t *globals = json(render_globals);
    for (size_t i = 0; i < n; i++) {
        struct buf out = { 0 };
        enum hearth_status st = render(c[i].source, globals, &out);
        const char *have = st == HEARTH_OK ? out.data : NULL;
        if (!c[i].text != !have || (have && strcmp(have, c[i].text)))
            fail_msg("%s\ngives %s\nnot   %s", c[i].source, have ? have : hearth_errmsg(),
                     c[i].text ? c[i].text : "an error");
        if (!have && (st != HEARTH_EFORMAT || strncmp(hearth_errmsg(), "a.jinja: line ", 14)))
            fail_msg("%s: status %s, message %s", c[i].source, hearth_status_name(st), hearth_errmsg());
        buf_free(&out);
    }
    json_decref(globals);
}

#define CASES(name) \
    static void name(void **state) { (void)state, run(cases_##name, sizeof cases_##name / sizeof *cases_##name); }
CASES(whitespace)
CASES(literals)
CASES(arithmetic)
CASES(comparisons)
CASES(access)
CASES(if_and_set)
CASES(loops)
CASES(macros)
CASES(functions)
CASES(filters_of_texts)
CASES(filters_of_numbers_and_values)
CASES(filters_of_sequences)
CASES(tojson)
CASES(tests)
CASES(methods_of_texts)
CASES(formats)
CASES(syntax_errors)

static void renders(const char *source, const char *globals, const char *want) {
    struct buf out = { 0 };
    json_t *j = json(globals);
    if (render(source, j, &out) != HEARTH_OK) fail_msg("%s: %s", source, hearth_errmsg());
    assert_string_equal(out.data, want);
    buf_free(&out);
    json_decref(j);
}

/* Keys come out in the order they were written, in small objects and in those that are indexed. */
static void keys_keep_their_order(void **state) {
    (void)state;
    renders("{{ d | tojson }}", "{\"d\": {\"z\": 1, \"a\": {\"y\": 2, \"b\": 3}, \"m\": 4}}",
            "{\"z\": 1, \"a\": {\"y\": 2, \"b\": 3}, \"m\": 4}");
    struct buf text = { 0 }, want = { 0 };
    assert_int_equal(buf_puts(&text, "{\"d\": {"), HEARTH_OK);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(buf_printf(&text, "%s\"k%d\": %d", i ? ", " : "", i * 7919 % 200, i), HEARTH_OK);
        assert_int_equal(buf_printf(&want, "k%d=%d ", i * 7919 % 200, i), HEARTH_OK);
    }
    assert_int_equal(buf_puts(&text, "}}"), HEARTH_OK);
    assert_int_equal(buf_puts(&want, "2"), HEARTH_OK);
    renders("{% for k, v in d.items() %}{{ k }}={{ d[k] }} {% endfor %}{{ d.k38 }}", text.data, want.data);
    buf_free(&text), buf_free(&want);
}

/* A NUL is a character like another, in variables and in templates. */
static void nul_is_a_character(void **state) {
    (void)state;
    static const char source[] = "a\0{{ s | length }}{{ s }}{{ s | tojson }}";
    struct template *t;
    struct buf out = { 0 };
    json_t *globals = json("{\"s\": \"x\\u0000y\"}");
    assert_int_equal(template_open(source, sizeof source - 1, NULL, &t), HEARTH_OK);
    assert_int_equal(template_render(t, globals, NOW, NULL, &out), HEARTH_OK);
    assert_int_equal(out.len, 2 + 1 + 3 + 10);
    assert_memory_equal(out.data, "a\0" "3x\0y\"x\\u0000y\"", out.len);
    template_close(t), buf_free(&out), json_decref(globals);
}

static void refused(const char *source, enum hearth_status want, const char *message) {
    struct buf out = { 0 };
    json_t *globals = json("{\"a\": 1, \"messages\": []}");
    assert_int_equal(buf_puts(&out, "kept"), HEARTH_OK);
    enum hearth_status st = render(source, globals, &out);
    if (st != want || !strstr(hearth_errmsg(), message))
        fail_msg("%s: status %s, message \"%s\"; wanted \"%s\"", source, hearth_status_name(st), hearth_errmsg(), message);
    assert_string_equal(out.data, "kept");
    assert_int_equal(out.len, 4);
    buf_free(&out), json_decref(globals);
}

/* One sentence with the template's name and the line; what was in the output stays, and nothing else. */
static void errors_name_the_line(void **state) {
    (void)state;
    refused("x\n{{ a }}\n{{ a | nofilter }}", HEARTH_EFORMAT, "a.jinja: line 3: there is no filter called nofilter");
    refused("{% if a is\nnotest %}{% endif %}", HEARTH_EFORMAT, "a.jinja: line 1: there is no test called notest");
    refused("1\n2\n{{ a +\n nil.x.y }}", HEARTH_EFORMAT, "a.jinja: line 4: 'nil' is undefined");
    refused("{{ messages[0].role }}", HEARTH_EFORMAT, "a.jinja: line 1: list object has no element 0");
    refused("{{ a.b.c }}", HEARTH_EFORMAT, "'int object' has no attribute 'b'");
    refused("a\n{{ raise_exception('Only user roles\nplease') }}", HEARTH_EFORMAT,
            "a.jinja: line 2: the template says: Only user roles?please");
    refused("{% for x in a %}", HEARTH_EFORMAT, "ends where {% endfor %} is awaited for the tag of line 1");
    refused("{% include 'b' %}", HEARTH_EFORMAT, "{% include %} is for pages made of several files");
    refused("{{ 9223372036854775807 + 1 }}", HEARTH_EFORMAT, "larger than 64 bits");
    refused("{{ 9223372036854775808 }}", HEARTH_EFORMAT, "does not fit in 64 bits");
    refused("{% macro m(b) %}{{ b.c }}{% endmacro %}\n{{ m() }}", HEARTH_EFORMAT, "the parameter 'b' was not given");
    refused("\xff", HEARTH_EFORMAT, "a.jinja: byte 0 is not UTF-8");
    refused("{{ '\\ud800' }}", HEARTH_EFORMAT, "the escape \\ud800 stands for no character");
}

static void variables_are_an_object(void **state) {
    (void)state;
    struct buf out = { 0 };
    json_t *list = json("[1]");
    assert_int_equal(render("x", list, &out), HEARTH_EFORMAT);
    assert_int_equal(render("x", NULL, &out), HEARTH_EFORMAT);
    json_t *broken = json_pack("{s:o}", "s", json_stringn_nocheck("\xc3", 1));
    assert_int_equal(render("{{ s }}", broken, &out), HEARTH_EFORMAT);
    assert_non_null(strstr(hearth_errmsg(), "not UTF-8"));
    assert_int_equal(out.len, 0);
    json_decref(list), json_decref(broken), buf_free(&out);
}

/* One template, many threads. */
static struct template *shared;

static void *many_times(void *arg) {
    char globals[64], want[64];
    snprintf(globals, sizeof globals, "{\"name\": \"thread %d\", \"n\": %d}", *(int *)arg, *(int *)arg);
    snprintf(want, sizeof want, "THREAD %d:%.*s", *(int *)arg, *(int *)arg * 2, "0,1,2,3,");
    json_t *j = json_loads(globals, 0, NULL);
    for (int i = 0; i < 500; i++) {
        struct buf out = { 0 };
        if (template_render(shared, j, NOW, NULL, &out) != HEARTH_OK || strcmp(out.data, want)) return "differs";
        buf_free(&out);
    }
    json_decref(j);
    return NULL;
}

static void threads_share_a_template(void **state) {
    (void)state;
    static const char source[] = "{% macro up(x) %}{{ x | upper }}{% endmacro %}{{ up(name) }}:"
                                 "{% for i in range(n) %}{{ i }},{% endfor %}";
    pthread_t thread[4];
    int number[4] = { 1, 2, 3, 4 };
    assert_int_equal(template_open(source, sizeof source - 1, NULL, &shared), HEARTH_OK);
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&thread[i], NULL, many_times, &number[i]), 0);
    for (int i = 0; i < 4; i++) {
        void *answer;
        assert_int_equal(pthread_join(thread[i], &answer), 0);
        assert_null(answer);
    }
    template_close(shared);
}

/* As jinja2.Environment(undefined=StrictUndefined, keep_trailing_newline=True) has it. */
static void plain(void **state) {
    (void)state;
    static const struct { const char *source, *text; } rows[] = {
        { "a\n", "a\n" }, { "  {% if true %}\nx\n  {% endif %}\ny\n", "  \nx\n  \ny\n" }, { "{# c #}\nx", "\nx" },
        { "{%- if true -%}\n x \n{%- endif %}\n", "x\n" }, { "{{ x }}", NULL }, { "{{ a.b }}", NULL }, { "{% if x %}1{% endif %}", NULL },
        { "{{ 1 if x else 2 }}", NULL }, { "{{ not x }}", NULL }, { "{{ x is defined }}{{ x|default('d') }}", "Falsed" },
        { "{{ 'a' ~ x }}", NULL }, { "{{ x|trim }}", NULL },
    };
    json_t *globals = json("{\"a\": {}}");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out = { 0 };
        struct template *t;
        assert_int_equal(template_open_plain(rows[i].source, strlen(rows[i].source), "a.jinja", &t), HEARTH_OK);
        enum hearth_status st = template_render(t, globals, NOW, NULL, &out);
        if ((st == HEARTH_OK) != (rows[i].text != NULL) || (rows[i].text && strcmp(out.data, rows[i].text)))
            fail_msg("%s gives %s", rows[i].source, st == HEARTH_OK ? out.data : hearth_errmsg());
        if (!rows[i].text) assert_int_equal(strncmp(hearth_errmsg(), "a.jinja: line 1: ", 17), 0);
        template_close(t);
        buf_free(&out);
    }
    json_decref(globals);
}

int main(void) {
    const struct CMUnitTest all[] = {
        cmocka_unit_test(plain), cmocka_unit_test(whitespace), cmocka_unit_test(literals), cmocka_unit_test(arithmetic),
        cmocka_unit_test(comparisons), cmocka_unit_test(access), cmocka_unit_test(if_and_set), cmocka_unit_test(loops),
        cmocka_unit_test(macros), cmocka_unit_test(functions), cmocka_unit_test(filters_of_texts),
        cmocka_unit_test(filters_of_numbers_and_values), cmocka_unit_test(filters_of_sequences),
        cmocka_unit_test(tojson), cmocka_unit_test(tests), cmocka_unit_test(methods_of_texts),
        cmocka_unit_test(formats), cmocka_unit_test(syntax_errors), cmocka_unit_test(keys_keep_their_order),
        cmocka_unit_test(nul_is_a_character), cmocka_unit_test(errors_name_the_line),
        cmocka_unit_test(variables_are_an_object), cmocka_unit_test(threads_share_a_template),
    };
    setenv("TZ", "UTC", 1);
    return cmocka_run_group_tests_name("template", all, NULL, NULL);
}
