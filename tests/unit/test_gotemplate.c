/* test_gotemplate.c - templates in Go's notation give, as Jinja, what Go's text/template makes of them (gotemplate_cases.h); and
 * what is not known is refused by name. */
#include "text/gotemplate.h" /* before cmocka.h, which has a macro fail() */
#include "text/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gotemplate_cases.h"

static void rendered(const struct go_case *c, const char *jinja, const char *globals, const char *want)
{
    struct template *t = NULL;
    struct buf out = {0};
    json_error_t e;
    json_t *g = json_loads(globals, 0, &e);
    if (!g) fail_msg("%s: %s", globals, e.text);
    if (template_open(jinja, strlen(jinja), c->name, &t) != HEARTH_OK) fail_msg("%s: %s\n%s", c->name, hearth_errmsg(), jinja);
    if (template_render(t, g, 0, NULL, &out) != HEARTH_OK) fail_msg("%s: %s: %s\n%s", c->name, globals, hearth_errmsg(), jinja);
    if (strcmp(out.data, want) != 0) fail_msg("%s: %s\nfound  %s\nwanted %s\n%s", c->name, globals, out.data, want, jinja);
    template_close(t);
    buf_free(&out);
    json_decref(g);
}

static void as_go_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof go_cases / sizeof *go_cases; i++) {
        const struct go_case *c = &go_cases[i];
        struct buf jinja = {0};
        assert_true(gotemplate_is(c->source, strlen(c->source)) || strstr(c->source, "{%"));
        if (gotemplate_to_jinja(c->source, strlen(c->source), c->name, &jinja) != HEARTH_OK) fail_msg("%s", hearth_errmsg());
        for (size_t k = 0; c->render[k].globals; k++) rendered(c, jinja.data, c->render[k].globals, c->render[k].text);
        buf_free(&jinja);
    }
}

static void refused_by_name(void **state)
{
    static const struct { const char *source; enum hearth_status st; const char *words; } bad[] = {
        {"{{ 04 }}", HEARTH_EUNSUPPORTED, "a number that begins with 0"},
        {"{{ -012 }}", HEARTH_EUNSUPPORTED, "a number that begins with 0"},
        {"a{{ break }}", HEARTH_EFORMAT, "line 1: break outside of a range"},
        {"{{ range .Messages }}a{{ else }}{{ continue }}{{ end }}", HEARTH_EFORMAT, "continue outside of a range"},
        {"{{ range .Messages }}a{{ end }}{{ if .System }}{{ break }}{{ end }}", HEARTH_EFORMAT, "break outside of a range"},
        {"{{ .Nothing }}", HEARTH_EUNSUPPORTED, "m: line 1: there is no field .Nothing"},
        {"a\n{{ range .Messages }}\n{{ .Body }}{{ end }}", HEARTH_EUNSUPPORTED, "line 3: there is no field .Body"},
        {"{{ printf \"%s\" .Prompt }}", HEARTH_EUNSUPPORTED, "no function printf"},
        {"{{ .Prompt | upper }}", HEARTH_EUNSUPPORTED, "no function upper"},
        {"{{ template \"x\" }}", HEARTH_EUNSUPPORTED, "template"},
        {"{{ define \"x\" }}{{ end }}", HEARTH_EUNSUPPORTED, "define"},
        {"{{ if .Prompt }}", HEARTH_EFORMAT, "without {{ end }}"},
        {"{{ range .Messages }}{{ else }}{{ else }}{{ end }}", HEARTH_EFORMAT, "without {{ end }}"},
        {"{{ end }}", HEARTH_EFORMAT, "an {{ end }} without a beginning"},
        {"{{ else }}", HEARTH_EFORMAT, "an {{ else }} without a beginning"},
        {"{{ .Prompt", HEARTH_EFORMAT, "not closed"},
        {"{{ (.Prompt }}", HEARTH_EFORMAT, "parenthesis"},
        {"{{ \"abc }}", HEARTH_EFORMAT, "not closed"},
        {"{{ $x }}", HEARTH_EFORMAT, "$x has not been given a value"},
        {"{{ $x = 1 }}", HEARTH_EFORMAT, "$x has not been declared"},
        {"{{ if .Prompt }}{{ $y := 1 }}{{ end }}{{ $y }}", HEARTH_EFORMAT, "$y"},
        {"{{ eq .Prompt }}", HEARTH_EFORMAT, "eq with 1 arguments"},
        {"{{ range .Prompt }}{{ end }}", HEARTH_EUNSUPPORTED, "no list"},
        {"{{ . }}", HEARTH_EUNSUPPORTED, "{{ . }}"},
        {"{{ }}", HEARTH_EFORMAT, "not understood"},
        {"{{ .Prompt ? }}", HEARTH_EFORMAT, "no pipe"},
        {"{{ \"\\x\" }}", HEARTH_EFORMAT, "cut short"},
        {"{{ \"\\q\" }}", HEARTH_EUNSUPPORTED, "escape"},
        {"\xff", HEARTH_EFORMAT, "not UTF-8"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct buf out = {0};
        assert_int_equal(buf_puts(&out, "before"), HEARTH_OK);
        enum hearth_status st = gotemplate_to_jinja(bad[i].source, strlen(bad[i].source), "m", &out);
        if (st != bad[i].st || !strstr(hearth_errmsg(), bad[i].words))
            fail_msg("%s: %s: %s", bad[i].source, hearth_status_name(st), hearth_errmsg());
        assert_int_equal(out.len, 6);
        buf_free(&out);
    }
}

/* Deep, long, wide: a limit says so, and the time stays small. */
static void caps(void **state)
{
    struct buf deep = {0}, out = {0};
    (void)state;
    for (int i = 0; i < 60000; i++) assert_int_equal(buf_puts(&deep, "{{ if .Prompt }}"), HEARTH_OK);
    assert_int_equal(gotemplate_to_jinja(deep.data, deep.len, "m", &out), HEARTH_ELIMIT);
    deep.len = 0;
    assert_int_equal(buf_puts(&deep, "{{ "), HEARTH_OK);
    for (int i = 0; i < 60000; i++) assert_int_equal(buf_putc(&deep, '('), HEARTH_OK);
    assert_int_equal(buf_puts(&deep, " }}"), HEARTH_OK);
    assert_int_equal(gotemplate_to_jinja(deep.data, deep.len, "m", &out), HEARTH_ELIMIT);
    deep.len = 0;
    for (int i = 0; i < 60000; i++) assert_int_equal(buf_puts(&deep, "{{ $x := 1 }}"), HEARTH_OK);
    assert_int_equal(gotemplate_to_jinja(deep.data, deep.len, "m", &out), HEARTH_ELIMIT);
    deep.len = 0;
    for (int i = 0; i < 90000; i++) assert_int_equal(buf_puts(&deep, "0123456789ab"), HEARTH_OK);
    assert_int_equal(gotemplate_to_jinja(deep.data, deep.len, "m", &out), HEARTH_ELIMIT);
    deep.len = 0;                                     /* an expression that doubles with each pipe */
    assert_int_equal(buf_puts(&deep, "{{ \"x\""), HEARTH_OK);
    for (int i = 0; i < 40; i++) assert_int_equal(buf_puts(&deep, " | eq .Prompt .System .Role"), HEARTH_OK);
    assert_int_equal(buf_puts(&deep, " }}"), HEARTH_OK);
    assert_int_not_equal(gotemplate_to_jinja(deep.data, deep.len, "m", &out), HEARTH_OK);
    buf_free(&deep);
    buf_free(&out);
}

static void which_language(void **state)
{
    (void)state;
    static const char *const go[] = {"{{ .Prompt }}", "{{- if .System }}x{{ end }}", "{{ range $i, $m := .Messages }}{{ end }}", "{{$x := 1}}"};
    static const char *const jinja[] = {"{% for m in messages %}{{ m.content }}{% endfor %}", "{{ bos_token }}", "plain", "{{ ifx }}", ""};
    for (size_t i = 0; i < sizeof go / sizeof *go; i++) assert_true(gotemplate_is(go[i], strlen(go[i])));
    for (size_t i = 0; i < sizeof jinja / sizeof *jinja; i++) assert_false(gotemplate_is(jinja[i], strlen(jinja[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_go_does), cmocka_unit_test(refused_by_name), cmocka_unit_test(caps), cmocka_unit_test(which_language),
    };
    return cmocka_run_group_tests_name("gotemplate", tests, NULL, NULL);
}
