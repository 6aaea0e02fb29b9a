/* test_template_caps.c - templates written by somebody who means harm (row 10 of the list of bad input): each ends in an
 * error that says which limit was reached, in little time and memory, and reaches nothing outside of its variables. */
#include "text/template.h" /* before cmocka.h, which has a macro fail() */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static enum hearth_status render(const char *source, const struct template_limits *limits, struct buf *out) {
    static const char globals[] = "{\"s\": \"text\", \"l\": [1, 2, 3], \"d\": {\"a\": 1},"
                                  " \"tree\": [{\"kids\": []}]}";
    struct template *t;
    TRY(template_open(source, strlen(source), "bad.jinja", &t));
    json_t *j = json_loads(globals, 0, NULL);
    assert_non_null(j);
    enum hearth_status st = template_render(t, j, 0, limits, out);
    json_decref(j);
    template_close(t);
    return st;
}

static void ends(const char *source, const struct template_limits *limits, enum hearth_status want, const char *message) {
    struct buf out = { 0 };
    enum hearth_status st = render(source, limits, &out);
    if (st != want || !strstr(hearth_errmsg(), message) || strncmp(hearth_errmsg(), "bad.jinja: ", 11))
        fail_msg("%.200s\nstatus %s, message \"%s\"; wanted %s and \"%s\"", source, hearth_status_name(st),
                 hearth_errmsg(), hearth_status_name(want), message);
    assert_int_equal(out.len, 0);
    buf_free(&out);
}

static void too_much_memory(void **state) {
    (void)state;
    static const char *const sources[] = {
        "{{ 'x' * 1000000000 }}", "{{ [1] * 1000000000 }}", "{{ (1, 2) * 1000000000000 }}", "{{ 'x' * 9223372036854775807 }}",
        "{{ [1, 2] * 9223372036854775807 }}", "{{ [1] * 9223372036854775807 }}", "{{ 'ab' * 9223372036854775807 }}",
        "{% set ns = namespace(s='xxxxxxxxxxxxxxxx') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}"
        "{% endfor %}",
        "{% set ns = namespace(s='xxxxxxxxxxxxxxxx') %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}"
        "{% endfor %}",
        "{% set ns = namespace(l=[1, 2, 3]) %}{% for i in range(99) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
        "{% set ns = namespace(s='xx') %}{% for i in range(99) %}{% set ns.s = ns.s.replace('x', 'xxxxxxxx') %}"
        "{% endfor %}",
        "{% set ns = namespace(s='xx') %}{% for i in range(99) %}{% set ns.s = ns.s.join(ns.s) %}{% endfor %}",
        "{% set ns = namespace(s='&') %}{% for i in range(99) %}"
        "{% set ns.s = ns.s | forceescape | replace(';', '&&&&&;') %}{% endfor %}",
        "{{ s.center(1000000000) }}", "{{ s | center(1000000000) }}", "{{ s.ljust(1000000000) }}", "{{ s.zfill(1000000000) }}",
        "{{ '\\t\\t\\t'.expandtabs(1000000000) }}", "{{ s | indent(1000000000, true) }}", "{{ '%1000000000d' % 1 }}",
        "{{ '%*d' % (1000000000, 1) }}", "{{ '{:1000000000}'.format(1) }}", "{{ '{:>{}}'.format(1, 1000000000) }}",
        "{{ l | batch(1000000000, 'x') | list }}", "{{ l | tojson(indent=1000000000) }}", "{{ l | slice(1000000000) | list }}",
        "{% set x %}{% for i in range(100000) %}{{ 'x' * 1000 }}{% endfor %}{% endset %}",
        "{% for i in range(100000) %}{{ 'x' * 1000 }}"
        "{% endfor %}", "{{ (s * 10000000) | list }}", "{{ (s * 9000000) | wordwrap(1) }}",
        "{% set ns = namespace(d={}) %}{% for i in range(99999) %}{% set ns.d = dict(ns.d, **{i ~ 'x': i}) %}"
        "{% endfor %}"
    };
    const struct template_limits little = { .steps = 2000000, .output = 1 << 20, .memory = 4 << 20 };
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) ends(sources[i], &little, HEARTH_ELIMIT, "");
    for (size_t i = 0; i < 9; i++) ends(sources[i], NULL, HEARTH_ELIMIT, "more than ");
    ends("{{ 'x' * 1000000000 }}", NULL, HEARTH_ELIMIT, "the template needs more than 67108864 bytes for its values");
    ends("{{ s.center(1000000000) }}", NULL, HEARTH_ELIMIT, "the template writes more than 16777216 bytes");
    ends("{{ '%.1000000000f' % 1 }}", NULL, HEARTH_EFORMAT, "a precision of more than 1100 digits");
    ends("{{ '%99999999999999d' % 1 }}", NULL, HEARTH_EFORMAT, "a width or precision of more than");
}

static void too_many_steps(void **state) {
    (void)state;
    const struct template_limits few = { .steps = 200000 };
    static const char *const sources[] = {
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        "{% for i in range(99999) %}{% for j in range(99999) if false %}{% endfor %}{% endfor %}",
        "{% for i in range(99999) %}{{ range(99999) | sum }}{% endfor %}",
        "{% for i in range(99999) %}{{ 1 if 5 in (range(99999) | map('abs')) }}{{ range(99999) | select('odd'"
        ") | list | last }}{% endfor %}",
        "{% set a = range(99999) | list %}{% set b = range(99999) | list %}{% for i in range(99999) %}"
        "{% if a == b %}{% endif %}{% endfor %}",
        "{% set t = 'ab' * 1000000 %}{% for i in range(99999) %}{% if 'ba' * 9 ~ 'x' in t %}{% endif %}{% endfor %}",
        "{% set t = 'ab' * 1000000 %}{% for i in range(99999) %}{% if t is lower %}{% endif %}{% endfor %}",
        "{% set t = 'ab' * 1000000 %}{% for i in range(99999) %}{% if t.strip() | length %}{% endif %}{% endfor %}",
        "{% set t = '1' * 1000000 %}{% for i in range(99999) %}{% if t | float %}{% endif %}{% endfor %}",
        "{{ ('a' * 1000000).strip('b' * 1000000 ~ 'a') }}",
    };
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        ends(sources[i], &few, HEARTH_ELIMIT, "the template runs for more than 200000 steps");
    ends("{% for i in range(1000000000) %}{% endfor %}", NULL, HEARTH_EFORMAT, "a range of more than 100000 integers");
    ends("{{ range(-9223372036854775807, 9223372036854775807) }}", NULL, HEARTH_EFORMAT, "a range of more than");
    ends("{{ 10 ** 10 ** 10 }}", NULL, HEARTH_EFORMAT, "larger than 64 bits");
}

/* `piece` so many times, between two other texts. */
static void nested(const char *before, const char *piece, int times, const char *after, enum hearth_status want,
                   const char *message) {
    struct buf b = { 0 };
    assert_int_equal(buf_puts(&b, before), HEARTH_OK);
    for (int i = 0; i < times; i++) assert_int_equal(buf_puts(&b, piece), HEARTH_OK);
    assert_int_equal(buf_puts(&b, after), HEARTH_OK);
    ends(b.data, NULL, want, message);
    buf_free(&b);
}

static void too_deep_to_read(void **state) {
    (void)state;
    static const char *const pieces[][2] = {
        { "{{ ", "(" }, { "{{ ", "[" }, { "{{ ", "{1:" }, { "{{ ", "not " }, { "{{ ", "- " }, { "{{ ", "1 if 1 else " },
        { "{{ ", "f(" }, { "{{ ", "a[" }, { "{{ 1", " + 1" }, { "{{ 1", " ** 1" }, { "{{ 1", " or 1" }, { "{{ 1", "|abs" },
        { "{{ a", ".b" }, { "{{ a", "()" }, { "{{ a", "[0]" }, { "", "{% if 1 %}" },
        { "", "{% for x in l %}" }, { "", "{% macro m() %}" }, { "", "{% set x %}" }, { "", "{% filter upper %}" },
        { "{{ a", "|f(1" }, { "{% set ", "(" }
    };
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        nested(pieces[i][0], pieces[i][1], 20000, " }}", HEARTH_EFORMAT, "more than");
    nested("{% set x ", "| upper ", 20000, " %}", HEARTH_EFORMAT, "more than 200 steps");
    nested("", "{{ 1 }}", 20000, "{{", HEARTH_EFORMAT, "where an expression is awaited"); /* long is not deep */
}

static void too_deep_to_run(void **state) {
    (void)state;
    static const struct { const char *source, *message; } cases[] = {
        { "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "macros call each other more than 100 deep" },
        { "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}", "more than 100 deep" },
        { "{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{% endmacro %}{{ m() }}", "more than 100 deep" },
        { "{% macro m(x=m()) %}{% endmacro %}{{ m() }}", "more than 100 deep" },
        { "{% for x in l recursive %}{{ loop(l) }}{% endfor %}", "a recursive loop goes more than 100 deep" },
        { "{% set ns = namespace(x=1) %}{% for i in range(9999) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}", "levels deep" },
        { "{% set ns = namespace(x=1) %}{% for i in range(9999) %}{% set ns.x = {'a': ns.x} %}{% endfor %}{{ ns.x | tojson }}",
          "levels deep" },
        { "{% set ns = namespace(x=(), y=()) %}{% for i in range(9999) %}{% set ns.x = (ns.x,) %}{% set ns.y = (ns.y,) %}"
          "{% endfor %}{{ ns.x == ns.y }}", "levels deep" },
        { "{% set ns = namespace(x=(), y=()) %}{% for i in range(9999) %}{% set ns.x = (ns.x,) %}{% set ns.y = (ns.y,) %}"
          "{% endfor %}{{ ns.x < ns.y }}", "levels deep" },
        { "{% set ns = namespace(x=()) %}{% for i in range(9999) %}{% set ns.x = (ns.x,) %}{% endfor %}{{ d[ns.x] }}",
          "levels deep" },
        { "{% set ns = namespace(x=l) %}{% for i in range(9999) %}{% set ns.x = ns.x | select %}{% endfor %}"
          "{{ ns.x | list }}", "levels deep" },
        { "{% set ns = namespace(x=l) %}{% for i in range(9999) %}{% set ns.x = ns.x | map('abs') | unique %}{% endfor %}"
          "{{ ns.x | first }}", "levels deep" }
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ends(cases[i].source, NULL, HEARTH_ELIMIT, cases[i].message);
    const struct template_limits shallow = { .depth = 3 };
    ends("{% macro m(n) %}{{ m(n - 1) if n }}{% endmacro %}{{ m(3) }}", &shallow, HEARTH_ELIMIT, "more than 3 deep");
    struct buf out = { 0 };
    assert_int_equal(render("{% macro m(n) %}{{ m(n - 1) if n }}.{% endmacro %}{{ m(2) }}", &shallow, &out), HEARTH_OK);
    assert_string_equal(out.data, "...");
    buf_free(&out);
}

static void limits_that_are_given(void **state) {
    (void)state;
    const struct template_limits output = { .output = 10 }, memory = { .memory = 10000 };
    ends("{{ '1234567890' }}1", &output, HEARTH_ELIMIT, "the template writes more than 10 bytes");
    ends("{{ 'x' * 10000 }}", &memory, HEARTH_ELIMIT, "the template needs more than 10000 bytes");
    struct buf out = { 0 };
    assert_int_equal(buf_puts(&out, "what was there does not count: "), HEARTH_OK);
    assert_int_equal(render("{{ '1234567890' }}", &output, &out), HEARTH_OK);
    assert_string_equal(out.data, "what was there does not count: 1234567890");
    buf_free(&out);
}

/* Ways that led out of a sandbox elsewhere: an error, or nothing printed. */
static void the_sandbox_holds(void **state) {
    (void)state;
    static const char *const sources[] = {
        "{{ ''.__class__ }}", "{{ ''.__class__.__mro__ }}", "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ ''['__class__'] }}", "{{ '' | attr('__class__') }}", "{{ '' | attr('__cla' ~ 'ss__') | attr('__mro__') }}",
        "{{ [''] | map(attribute='__class__') | list | first }}", "{{ [s] | map('attr', '__class__') | first }}",
        "{{ [''] | map(attribute='__class__.__mro__') | list }}", "{{ '{0.__class__.__mro__}'.format('') }}",
        "{{ '{0[__class__]}'.format('') }}", "{{ '%(__class__)s' % '' }}", "{{ cycler.__init__.__globals__ }}",
        "{{ joiner.__init__.__globals__.os.popen('id').read() }}", "{{ namespace.__init__.__globals__ }}",
        "{{ range.__globals__ }}", "{{ raise_exception.__globals__ }}", "{{ lipsum.__globals__ }}",
        "{{ self._TemplateReference__context }}", "{{ self.__init__ }}", "{{ dict.__base__ }}", "{{ dict.mro() }}",
        "{{ d.__init__ }}", "{{ l.__len__() }}", "{{ l.append(4) }}", "{{ l.pop() }}", "{{ d.update(a=2) }}", "{{ d.clear() }}",
        "{{ d.setdefault('z', 1) }}", "{{ d.pop('a') }}", "{{ l.sort() }}", "{{ [l] | map('attr', 'append') | first }}",
        "{{ (s | safe).__html__() }}", "{{ s.encode().decode() }}", "{{ s.translate({}) }}", "{{ config }}", "{{ request }}",
        "{{ namespace(__class__=1) }}", "{% set ns = namespace() %}{% set ns.__class__ = 1 %}{{ ns.__class__ }}",
        "{% macro m() %}{% endmacro %}{{ m.__call__.__globals__ }}", ""
        "{% for x in l %}{{ loop.__class__ }}{{ loop._iterable }}{% endfor %}",
        "{% import 'os' as os %}", "{% include '/etc/passwd' %}", "{% extends '/etc/passwd' %}", ""
        "{% from 'os' import popen %}"
    };
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        struct buf out = { 0 };
        enum hearth_status st = render(sources[i], NULL, &out);
        if (st != HEARTH_EFORMAT && (st != HEARTH_OK || out.len))
            fail_msg("%s: status %s, \"%.*s\"", sources[i], hearth_status_name(st), (int)out.len, out.data);
        buf_free(&out);
    }
}

/* Putting a text together bit by bit costs what is added, not all of it each time: 4000 pieces of 1000 bytes, twice. */
static void long_sums(void **state) {
    (void)state;
    static const char source[] =
        "{% set ns = namespace(a='', b='') %}{% set piece = 'é' ~ 'x' * 998 %}{% for i in range(4000) %}"
        "{% set ns.a = ns.a + piece %}{% set ns.b = ns.b ~ piece ~ i % 10 %}{% endfor %}"
        "{{ ns.a | length }} {{ ns.b | length }} {{ ns.a == piece * 4000 }} {{ ns.b[-3:] }} {{ ns.a[998:1000] }}"
        "{% set c = ns.a + 'c' %}{% set d = ns.a + 'd' %} {{ c[-2:] }}{{ d[-2:] }}{{ ns.a[-1] }} {{ (c + c)[-2:] }}";
    const struct template_limits limits = { .memory = 48 << 20 };
    struct buf out = { 0 };
    assert_int_equal(render(source, &limits, &out), HEARTH_OK);
    assert_string_equal(out.data, "3996000 4000000 True xx9 xé xcxdx xc");
    buf_free(&out);
}

/* A namespace is the one thing that can hold itself. */
static void a_namespace_in_itself(void **state) {
    (void)state;
    struct buf out = { 0 };
    assert_int_equal(render("{% set ns = namespace() %}{% set ns.a = [ns] %}{{ ns }}{{ ns == ns }}", NULL, &out), HEARTH_OK);
    assert_string_equal(out.data, "<Namespace {'a': [<Namespace {...}>]}>True");
    buf_free(&out);
}

static void a_source_that_is_too_long(void **state) {
    (void)state;
    char *source = malloc((1 << 20) + 2);
    struct template *t;
    assert_non_null(source);
    memset(source, 'x', (1 << 20) + 1);
    assert_int_equal(template_open(source, (1 << 20) + 1, "long", &t), HEARTH_ELIMIT);
    assert_null(t);
    assert_int_equal(template_open(source, 1 << 20, "long", &t), HEARTH_OK);
    template_close(t);
    template_close(NULL);
    free(source);
}

/* What goes through a text costs steps as the text is long: one step a call would let a template run for minutes on a text of some
 * megabytes.  The text has 100,000 bytes, and making it takes some 1,600 steps. */
static void long_texts_cost_steps(void **state) {
    static const char *const walks[] = {
        "s.isupper()", "s.islower()", "s.istitle()", "s.isalpha()", "s.isalnum()", "s.isascii()", "s is upper", "s is lower", "'b' in s",
        "s.find('b')", "s.rfind('b')", "s.count('b')", "s.replace('b', 'c')", "s.split('b')", "s.rsplit('b')", "s.partition('b')",
        "s|upper", "s|lower", "s|title", "s|capitalize", "s.swapcase()", "s.casefold()", "s|replace('b', 'c')", "s|float", "s|wordwrap", "s|filesizeformat",
        "s.rfind('A' * 50000 + 'b')"
    };
    const struct template_limits few = { .steps = 20000 };
    char source[200];
    (void)state;
    for (size_t i = 0; i < sizeof walks / sizeof *walks; i++) {
        snprintf(source, sizeof source, "{%% set s = 'A' * 100000 %%}{%% set q = %s %%}", walks[i]);
        ends(source, &few, HEARTH_ELIMIT, "the template runs for more than 20000 steps");
    }
    ends("{% set s = 'A' * 100000 %}{% set q = s|length %}", &few, HEARTH_OK, "");
    ends("{% for i in range(4000) %}{% set q = strftime_now('%c') %}{% endfor %}", &(struct template_limits){ .steps = 100000 }, HEARTH_ELIMIT,
         "the template runs for more than 100000 steps");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_much_memory), cmocka_unit_test(too_many_steps), cmocka_unit_test(too_deep_to_read),
        cmocka_unit_test(too_deep_to_run), cmocka_unit_test(limits_that_are_given), cmocka_unit_test(the_sandbox_holds),
        cmocka_unit_test(long_sums), cmocka_unit_test(a_namespace_in_itself), cmocka_unit_test(long_texts_cost_steps),
        cmocka_unit_test(a_source_that_is_too_long),
    };
    return cmocka_run_group_tests_name("template_caps", tests, NULL, NULL);
}
