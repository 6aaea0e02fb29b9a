/* test_toolcall_noise.c - answers that nobody would write: made from pieces whose reading is known, from the alphabet of tags by chance,
 * and very long ones.  Nothing is lost, pieces make no difference, time is linear. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/clock.h"
#include "draw.h"
#include "toolcall_test.h"

#include <cmocka.h>
#undef fail

static json_t *tools;
static uint64_t counter;
static size_t pick(size_t below) { return (size_t)(draw(77, counter++) % below); }

static int setup(void **state)
{
    (void)state;
    tools = json_loads("[{\"function\": {\"name\": \"f\"}}, {\"function\": {\"name\": \"g\"}}]", 0, NULL);
    return tools ? 0 : -1;
}
static int teardown(void **state) { (void)state; json_decref(tools); return 0; }

static const char *const open_tag[] = {"<tool_call>", "<|python_tag|>", "[TOOL_CALLS]", "<|tool_call|>", "<|tool_call|>", "```tool_code"};
static const char *const close_tag[] = {"</tool_call>", "", "", "", "<|/tool_call|>", "```"};
enum { TAGGED = TOOLCALL_JSON };     /* families with tags that stand anywhere */

/* Calls, broken calls and words in any order, with what must be told of them. */
static size_t compose(enum toolcall_format f, struct buf *answer, struct buf *wanted)
{
    static const char *const words[] = {"x", "caf\xc3\xa9", "<", "<<|", "<tool", "</tool_call", "[TOOL_CALL", "``", "{", "\"", "\\", "}", "]",
                                        "\xe2\x98\x83", "<|tool_call", "[1]", "{\"name\": \"f\"", "<thin", "```", "\xff", "a b\n\nc"};
    char last = 0;
    size_t calls = 0;
    for (size_t parts = 1 + pick(8); parts > 0; parts--) {
        size_t kind = pick(3);
        if (kind == 0) {
            char arguments[64];
            snprintf(arguments, sizeof arguments, "{\"a\":%zu,\"s\":\"}</tool_call>\\n\"}", pick(1000));
            assert_int_equal(buf_printf(answer, "%s%s{\"name\": \"%s\", \"arguments\": %s}%s%s", pick(2) ? " \n" : "", open_tag[f], calls % 2 ? "g" : "f",
                                        arguments, close_tag[f], pick(2) ? "\n " : ""), HEARTH_OK);
            assert_int_equal(buf_printf(wanted, "C%zu(%s %s)", calls, calls % 2 ? "g" : "f", arguments), HEARTH_OK);
            calls++;
            last = 'C';
            if (close_tag[f][0]) continue;
            kind = 2;                                    /* a word parts what nothing closes */
        }
        struct buf b = {0};
        if (kind == 1) {                                 /* no such tool; no object; not JSON */
            static const char *const bodies[] = {"{\"name\": \"h\", \"arguments\": {}}", "{\"name\": \"f\", \"arguments\": 3}", "{\"f\": 1}", "{\"name\" \"f\"}", "f()\n"};
            assert_int_equal(buf_printf(&b, "%s%s%s", open_tag[f], bodies[pick(5)], "|"), HEARTH_OK);
        } else {
            assert_int_equal(buf_printf(&b, "w%s.", words[pick(sizeof words / sizeof *words)]), HEARTH_OK);
        }
        if (last == 'T') wanted->len--;
        assert_int_equal(buf_printf(wanted, "%s%s)", last == 'T' ? "" : "T(", b.data), HEARTH_OK);
        assert_int_equal(buf_puts(answer, b.data), HEARTH_OK);
        last = 'T';
        buf_free(&b);
    }
    return calls;
}

static void composed(void **state)
{
    (void)state;
    struct told t = {0};
    for (int i = 0; i < 6000; i++) {
        enum toolcall_format f = (enum toolcall_format)(i % TAGGED);
        struct buf answer = {0}, wanted = {0};
        assert_int_equal(buf_puts(&answer, "_"), HEARTH_OK);     /* not at the beginning: there bare objects count */
        assert_int_equal(buf_puts(&wanted, "T(_)"), HEARTH_OK);
        struct buf more = {0};
        size_t calls = compose(f, &answer, &more);
        if (more.data[0] == 'T') wanted.len--, assert_int_equal(buf_puts(&wanted, more.data + 2), HEARTH_OK);
        else assert_int_equal(buf_puts(&wanted, more.data), HEARTH_OK);
        assert_int_equal(told_parse(&t, f, tools, 1, 0, answer.data, answer.len, 1 + pick(9), 1 + pick(9)), calls);
        assert_string_equal(t.log.data, wanted.data);
        buf_free(&answer);
        buf_free(&wanted);
        buf_free(&more);
    }
    told_free(&t);
}

/* By chance from the alphabet that tags and JSON are made of: told alike in any pieces, and all is text when no call was seen. */
static void by_chance(void **state)
{
    (void)state;
    static const char *const letters[] = {"<tool_call>", "</tool_call>", "{\"name\": \"f\", \"arguments\": {}}", "{\"name\": \"", "f\"", ", \"arguments\": ", "{", "}", "[", "]",
        "\"", "\\", ",", ":", ";", " ", "\n", "<think>", "</think>", "<|python_tag|>", "[TOOL_CALLS]", "[ARGS]", "f", "<|tool_call|>", "<|/tool_call|>", "```tool_code",
        "```json", "```", "1", "e", "\xc3\xa9", "\xf0\x9f", "functools", "<", "[TOOL", "\x01", "null", "[CALL_ID]"};
    struct told t = {0}, again = {0};
    long calls = 0, tried = 0;
    for (int i = 0; i < 40000; i++) {
        enum toolcall_format f = (enum toolcall_format)(i % (TOOLCALL_JSON + 1));
        struct buf b = {0};
        for (size_t n = pick(14) + 1; n > 0; n--) assert_int_equal(buf_puts(&b, letters[pick(sizeof letters / sizeof *letters)]), HEARTH_OK);
        int apart = (int)pick(2), thinking = (int)pick(8) == 0;
        int n = told_parse(&t, f, tools, apart, thinking, b.data, b.len, b.len, 1);
        assert_int_equal(told_parse(&again, f, tools, apart, thinking, b.data, b.len, 1 + pick(5), 1 + pick(5)), n);
        assert_string_equal(t.log.data, again.log.data);
        if (n == 0 && !apart) {
            assert_int_equal(t.text.len, b.len);
            assert_memory_equal(t.text.data, b.data, b.len);
        }
        calls += n;
        tried += n > 0;
        buf_free(&b);
    }
    assert_true(tried > 1000 && calls > tried);
    told_free(&t);
    told_free(&again);
}

/* Past the limit calls are text; a hundred thousand of them take no longer for it. */
static void thousands_of_calls(void **state)
{
    (void)state;
    struct told t = {0};
    struct buf b = {0};
    for (int i = 0; i < 100000; i++) assert_int_equal(buf_puts(&b, "<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>"), HEARTH_OK);
    size_t one = b.len / 100000;
    assert_int_equal(told_parse(&t, TOOLCALL_HERMES, tools, 1, 0, b.data, b.len, 4096, 4096), TOOLCALLS_MAX);
    assert_int_equal(t.text.len, b.len - TOOLCALLS_MAX * one);
    assert_memory_equal(t.text.data, b.data, t.text.len);
    told_free(&t);
    buf_free(&b);
    assert_int_equal(buf_puts(&b, "[TOOL_CALLS]["), HEARTH_OK);      /* in one array */
    for (int i = 0; i < 100000; i++) assert_int_equal(buf_puts(&b, "{\"name\": \"f\", \"arguments\": {}},"), HEARTH_OK);
    assert_int_equal(told_parse(&t, TOOLCALL_MISTRAL, tools, 1, 0, b.data, b.len, 4096, 4096), TOOLCALLS_MAX);
    assert_int_equal(t.text.len, (100000 - TOOLCALLS_MAX) * (sizeof "{\"name\": \"f\", \"arguments\": {}}," - 1) + 1);
    told_free(&t);
    buf_free(&b);
}

static double seconds_of(enum toolcall_format f, const char *piece, size_t times, const char *end, int calls)
{
    struct told t = {0};
    struct buf b = {0};
    for (size_t i = 0; i < times; i++) assert_int_equal(buf_puts(&b, piece), HEARTH_OK);
    assert_int_equal(buf_puts(&b, end), HEARTH_OK);
    double begun = clock_seconds();
    assert_int_equal(told_parse(&t, f, tools, 0, 0, b.data, b.len, 512, 512), calls);
    double took = clock_seconds() - begun;
    if (calls == 0) assert_int_equal(t.text.len, b.len);
    told_free(&t);
    buf_free(&b);
    return took;
}

/* Two megabytes of each take well under a second; the square of that would be hours. */
static void long_answers(void **state)
{
    (void)state;
    static const struct { int f; const char *piece; } rows[] = {
        {TOOLCALL_HERMES, "<tool_call>"}, {TOOLCALL_HERMES, "<tool_call>{"}, {TOOLCALL_HERMES, "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": \""},
        {TOOLCALL_HERMES, "<tool_call>["}, {TOOLCALL_HERMES, " "}, {TOOLCALL_HERMES, "<tool_cal"}, {TOOLCALL_HERMES, "<"}, {TOOLCALL_HERMES, "x \n"},
        {TOOLCALL_JSON, "{\"name\":"}, {TOOLCALL_JSON, "["}, {TOOLCALL_JSON, "<think>"}, {TOOLCALL_MISTRAL, "[TOOL_CALLS]f"}, {TOOLCALL_MISTRAL, "[TOOL_CALLS]f[ARGS]{"},
        {TOOLCALL_LLAMA3, "<|python_tag|>{\"name\": [\""}, {TOOLCALL_GEMMA, "```tool_code\n"}, {TOOLCALL_PHI, "<|tool_call|>[{\"name\": \"h\"},"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double s = seconds_of((enum toolcall_format)rows[i].f, rows[i].piece, 2000000 / strlen(rows[i].piece), "", 0);
        if (s > 30) print_error("row %zu took %g s\n", i, s);     /* some tenths of one; under a sanitizer, beside others, a few; the square of it hours */
        assert_true(s < 30);
    }
    /* One call with two megabytes of arguments. */
    struct buf b = {0};
    struct told t = {0};
    assert_int_equal(buf_puts(&b, "{\"name\": \"f\", \"arguments\": {\"a\": \""), HEARTH_OK);
    for (int i = 0; i < 200000; i++) assert_int_equal(buf_puts(&b, "{[\\\"<\n\xc3\xa9 "), HEARTH_OK);
    assert_int_equal(buf_puts(&b, "\", \"b\": [1, 2, 3]}}"), HEARTH_OK);
    assert_int_equal(told_parse(&t, TOOLCALL_JSON, tools, 0, 0, b.data, b.len, 7, 7), 1);
    assert_int_equal(t.text.len, 0);
    told_free(&t);
    buf_free(&b);
    seconds_of(TOOLCALL_JSON, "{\"name\": \"f\", \"arguments\": {\"a\": ", 1, "[[[[]]]]}}", 1);
    assert_int_equal(buf_puts(&b, "{\"name\": \"f\", \"arguments\": {\"a\": "), HEARTH_OK);     /* deeper than JSON is read */
    for (int i = 0; i < 100000; i++) assert_int_equal(buf_puts(&b, "["), HEARTH_OK);
    for (int i = 0; i < 100000; i++) assert_int_equal(buf_puts(&b, "]"), HEARTH_OK);
    assert_int_equal(buf_puts(&b, "}}"), HEARTH_OK);
    assert_int_equal(told_parse(&t, TOOLCALL_JSON, tools, 0, 0, b.data, b.len, 4096, 4096), 0);
    assert_int_equal(t.text.len, b.len);
    told_free(&t);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(composed), cmocka_unit_test(by_chance), cmocka_unit_test(thousands_of_calls), cmocka_unit_test(long_answers)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
