/* test_toolcall.c - every family: recognised by its template, its calls read whole and cut at every byte, written, asked for by a
 * grammar. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "toolcall_test.h"

#include <cmocka.h>
#undef fail

static json_t *tools;
enum { HERMES = TOOLCALL_HERMES, LLAMA3 = TOOLCALL_LLAMA3, MISTRAL = TOOLCALL_MISTRAL, GRANITE = TOOLCALL_GRANITE, PHI = TOOLCALL_PHI,
       GEMMA = TOOLCALL_GEMMA, JSON = TOOLCALL_JSON };

static int setup(void **state)
{
    (void)state;
    tools = json_loads(
        "[{\"type\": \"function\", \"function\": {\"name\": \"weather\", \"description\": \"Of a city.\", \"parameters\": {\"type\": \"object\","
        " \"properties\": {\"city\": {\"type\": \"string\"}}, \"required\": [\"city\"]}}},"
        " {\"type\": \"function\", \"function\": {\"name\": \"now\"}},"
        " {\"function\": {\"name\": \"a.b-c \\\"q\\\"\", \"parameters\": {\"type\": \"object\", \"additionalProperties\": true, \"properties\": {}}}}]",
        0, NULL);
    return tools ? 0 : -1;
}
static int teardown(void **state) { (void)state; json_decref(tools); return 0; }

/* Told is the same whatever the pieces. */
static void reads_as(enum toolcall_format f, int thinking, const char *answer, const char *wanted)
{
    struct told t = {0};
    size_t n = strlen(answer);
    told_parse(&t, f, tools, 1, thinking, answer, n, n, n);
    assert_string_equal(t.log.data, wanted);
    for (size_t cut = 0; cut < n; cut++) {
        told_parse(&t, f, tools, 1, thinking, answer, n, cut, n);
        assert_string_equal(t.log.data, wanted);
    }
    for (size_t step = 1; step < 4; step++) {
        told_parse(&t, f, tools, 1, thinking, answer, n, step, step);
        assert_string_equal(t.log.data, wanted);
    }
    told_free(&t);
}

#define PARIS "{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\"}}"
#define OSLO "{\"name\": \"weather\", \"parameters\": {\"city\": \"Oslo\"}}"
#define C_PARIS "(weather {\"city\":\"Paris\"})"
#define C_OSLO "(weather {\"city\":\"Oslo\"})"

static void families(void **state)
{
    (void)state;
    static const struct { int f; const char *answer, *wanted; } rows[] = {
        {HERMES, "<tool_call>\n" PARIS "\n</tool_call>", "C0" C_PARIS},
        {HERMES, "Let me look.\n\n<tool_call>\n" PARIS "\n</tool_call>\n<tool_call>\n" OSLO "\n</tool_call>\n",
         "T(Let me look.)C0" C_PARIS "C1" C_OSLO},
        {HERMES, "<tool_call>" PARIS "</tool_call>\n  and more", "C0" C_PARIS "T(and more)"},
        {HERMES, "<tool_call>\n" PARIS "\n", "C0" C_PARIS},                      /* the closing tag forgotten, or cut */
        {HERMES, "<tool_call>\n" PARIS "\n</tool_c", "C0" C_PARIS},
        {HERMES, "<tool_call>\n" PARIS "\n<tool_call>\n" OSLO, "C0" C_PARIS "C1" C_OSLO},
        {HERMES, "<tool_call>\n" PARIS "\n" OSLO "\n</tool_call>", "C0" C_PARIS "C1" C_OSLO},
        {HERMES, "<tool_call>[" PARIS "," OSLO "]</tool_call>", "C0" C_PARIS "C1" C_OSLO},
        {HERMES, "<tool_call>{\"name\": \"now\"}</tool_call>", "C0(now {})"},
        {HERMES, "<tool_call>{\"name\": \"now\", \"arguments\": null}</tool_call>", "C0(now {})"},
        {LLAMA3, OSLO, "C0" C_OSLO},
        {LLAMA3, "<|python_tag|>" OSLO, "C0" C_OSLO},
        {LLAMA3, "<|python_tag|>" OSLO "; " PARIS, "C0" C_OSLO "C1" C_PARIS},
        {LLAMA3, "\n" OSLO "\n" PARIS "\n", "C0" C_OSLO "C1" C_PARIS},
        {LLAMA3, "{\"type\": \"function\", \"name\": \"weather\", \"parameters\": {\"city\": \"Oslo\"}}", "C0" C_OSLO},
        {LLAMA3, "{\"type\": \"function\", \"function\": " OSLO "}", "C0" C_OSLO},
        {LLAMA3, "<|python_tag|>print(1)", "T(<|python_tag|>print(1))"},
        {MISTRAL, "[TOOL_CALLS][" PARIS "]", "C0" C_PARIS},
        {MISTRAL, "[TOOL_CALLS] [" PARIS ", " OSLO "]", "C0" C_PARIS "C1" C_OSLO},
        {MISTRAL, "Wait. [TOOL_CALLS][{\"name\": \"now\", \"arguments\": {}, \"id\": \"VvvODy9mT\"}] x", "T(Wait.)C0(now {})T(x)"},
        {MISTRAL, "[TOOL_CALLS]weather[ARGS]{\"city\": \"Paris\"}[TOOL_CALLS]weather[CALL_ID]abcdef123[ARGS]{\"city\": \"Oslo\"}",
         "C0" C_PARIS "C1" C_OSLO},
        {MISTRAL, "[TOOL_CALLS]weather{\"city\": \"Oslo\"}", "C0" C_OSLO},
        {MISTRAL, "[TOOL_CALLS]weather[ARG]{\"city\": \"Oslo\"}", "T([TOOL_CALLS]weather[ARG]{\"city\": \"Oslo\"})"},
        {MISTRAL, "[TOOL_CALLS]nothing[ARGS]{} [TOOL", "T([TOOL_CALLS]nothing[ARGS]{} [TOOL)"},
        {MISTRAL, "[TOOL_CALLS]now[ARGS]{\"zone\": 1, \"zone\": 2}", "C0(now {\"zone\":2})"},
        {GRANITE, "<|tool_call|>[" PARIS "," OSLO "]", "C0" C_PARIS "C1" C_OSLO},
        {GRANITE, "<tool_call> [" PARIS "]\n", "C0" C_PARIS},
        {PHI, "<|tool_call|>[" PARIS "]<|/tool_call|>", "C0" C_PARIS},
        {PHI, "Yes.<|tool_call|>" PARIS "<|/tool_call|>No.", "T(Yes.)C0" C_PARIS "T(No.)"},
        {PHI, "functools[" PARIS "]", "C0" C_PARIS},
        {PHI, "The functools[" PARIS "]", "T(The functools[" PARIS "])"},
        {GEMMA, "Sure:\n```tool_code\n" OSLO "\n```\n", "T(Sure:)C0" C_OSLO},
        {GEMMA, "```json\n" OSLO "\n```", "C0" C_OSLO},
        {GEMMA, "```tool_code\nprint(weather('Oslo'))\n```", "T(```tool_code\nprint(weather('Oslo'))\n```)"},
        {GEMMA, "Look: ```json\n" OSLO "\n```", "T(Look: ```json\n" OSLO "\n```)"},
        {JSON, PARIS, "C0" C_PARIS},
        {JSON, " [" PARIS ",\n" OSLO "] ", "C0" C_PARIS "C1" C_OSLO},
        {JSON, "```json\n" PARIS "\n```\nThere.", "C0" C_PARIS "T(There.)"},
        {JSON, "Now " PARIS, "T(Now " PARIS ")"},
        {JSON, "{\"name\": \"now\"}", "T({\"name\": \"now\"})"},   /* without a tag it must look like a call */
        {JSON, PARIS " or so", "C0" C_PARIS "T(or so)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) reads_as((enum toolcall_format)rows[i].f, 0, rows[i].answer, rows[i].wanted);
    for (int f = HERMES; f <= JSON; f++) reads_as((enum toolcall_format)f, 0, PARIS, "C0" C_PARIS);
}

static void is_text(enum toolcall_format f, const char *answer)
{
    struct buf b = {0};
    assert_int_equal(buf_printf(&b, "T(%s)", answer), HEARTH_OK);
    reads_as(f, 0, answer, b.data);
    buf_free(&b);
}

static void no_whole_call_is_text(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "", " ", "<", "<tool", " \n <tool_call", "<tool_call>", "<tool_call> \n", "<tool_call></tool_call>", "<tool_call>{}</tool_call> ",
        "<tool_call>{\"name\": \"nobody\", \"arguments\": {}}</tool_call>", "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Pa",
        "<tool_call>{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\"}</tool_call>", /* a brace forgotten */
        "<tool_call>{\"name\": \"weather\", \"arguments\": [1]}</tool_call>", "<tool_call>{\"name\": 7, \"arguments\": {}}</tool_call>",
        "<tool_call>{\"name\": \"weather\", \"arguments\": \"Paris\"}</tool_call>", "<tool_call>{\"name\": \"now\", \"arguments\": {}, \"note\": 1}</tool_call>",
        "<tool_call>{\"name\": \"now\", \"arguments\": {}, \"parameters\": {}}</tool_call>", "<tool_call>[1, 2]</tool_call>", "<tool_call>[[]]",
        "<tool_call>{\"name\": \"now\", \"arguments\": {}, \"arguments\": {}}</tool_call>", "<tool_call>{\"name\": \"now\", \"arguments\": {\"a\": 1e999}}",
        "<tool_call>{'name': 'now', 'arguments': {}}</tool_call>", "<tool_call>call(now)</tool_call>\n", "x <tool_call> y", "{", "[", "{}", "[]",
        "[1] Knuth, [2] Lamport", "{\"answer\": 42}", "[{\"name\": \"Ada\", \"born\": 1815}]", "{\"name\"",
        "{\"name\": \"now\", \"arguments\": {\"a\\u0000\": 1}}", "<tool_call>{\"type\": \"function\", \"function\": {\"function\": {}}}",
        "<tool_call>{\"function\": {\"name\": \"now\", \"arguments\": {}}, \"why\": 1}</tool_call>", "<tool_call>{\"name\": \"now\", \"arguments\": }}",
        "\xff\xfe<tool_call>\xc3", "caf\xc3\xa9 <\xe2\x98\x83> ```", "<tool_call>{\"name\": \"n\xc3\xa9\", \"arguments\": {}}</tool_call>",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (*rows[i]) is_text(TOOLCALL_HERMES, rows[i]);
    reads_as(TOOLCALL_HERMES, 0, "", "");
    /* What was refused does not hide what follows. */
    reads_as(TOOLCALL_HERMES, 0, "<tool_call>\n<tool_call>" PARIS "</tool_call>", "T(<tool_call>\n)C0" C_PARIS);
    reads_as(TOOLCALL_HERMES, 0, "<tool_call>{\"name\": <tool_call>" PARIS "</tool_call>", "T(<tool_call>{\"name\": )C0" C_PARIS);
    reads_as(TOOLCALL_HERMES, 0, "<<tool_<tool_call>" PARIS "</tool_<tool_call>" OSLO, "T(<<tool_)C0" C_PARIS "T(</tool_)C1" C_OSLO);
    reads_as(TOOLCALL_MISTRAL, 0, "[TOOL_[TOOL_CALLS][" PARIS ", {\"name\": \"nobody\", \"arguments\": {}}]",
             "T([TOOL_)C0" C_PARIS "T(, {\"name\": \"nobody\", \"arguments\": {}}])");
}

static void strings_may_hold_anything(void **state)
{
    (void)state;
    reads_as(TOOLCALL_HERMES, 0, "<tool_call>{\"name\": \"weather\", \"arguments\": {\"city\": \"}]{[</tool_call>\\\"\\\\\", \"n\": [[{\"a\": {}}], -1.5e3]}}</tool_call>",
             "C0(weather {\"city\":\"}]{[</tool_call>\\\"\\\\\",\"n\":[[{\"a\":{}}],-1500.0]})");
    reads_as(TOOLCALL_HERMES, 0, "<tool_call>{\"name\": \"weather\", \"arguments\": {\"city\": \"\xc3\xa9\\u00e9\\ud83d\\ude00\xf0\x9f\x98\x80\"}}</tool_call>",
             "C0(weather {\"city\":\"\xc3\xa9\xc3\xa9\xf0\x9f\x98\x80\xf0\x9f\x98\x80\"})");
    /* Line ends and tabs that were not escaped, also behind a backslash. */
    reads_as(TOOLCALL_JSON, 0, "{\"name\": \"weather\",\n\"arguments\": {\"city\": \"a\n\tb\\\\\nc\\\nd\"}}", "C0(weather {\"city\":\"a\\n\\tb\\\\\\nc\\nd\"})");
    reads_as(TOOLCALL_JSON, 0, "{\"name\": \"weather\", \"arguments\": \"{\\\"city\\\": \\\"Oslo\\\"}\"}", "C0" C_OSLO);
    reads_as(TOOLCALL_HERMES, 0, "<tool_call>{\"name\": \"a.b-c \\\"q\\\"\", \"arguments\": {}}</tool_call>", "C0(a.b-c \"q\" {})");
}

static void thoughts_apart(void **state)
{
    (void)state;
    reads_as(TOOLCALL_HERMES, 0, "<think>\nHm, <tool_call>" PARIS "\n</think>\n\nYes. ", "K(Hm, <tool_call>" PARIS ")T(Yes. )");
    reads_as(TOOLCALL_HERMES, 0, "\n<think> a </thin </think><tool_call>" PARIS "</tool_call>", "K(a </thin)C0" C_PARIS);
    reads_as(TOOLCALL_JSON, 0, "<think></think>" PARIS, "C0" C_PARIS);
    reads_as(TOOLCALL_JSON, 0, "<think>never ends \n", "K(never ends \n)");
    reads_as(TOOLCALL_JSON, 0, "The tag <think> and </think>", "T(The tag <think> and </think>)");
    reads_as(TOOLCALL_JSON, 0, "<think>a</think><think>b</think>", "K(a)T(<think>b</think>)");
    reads_as(TOOLCALL_JSON, 1, "\nthe prompt began it</think>\n" PARIS, "K(the prompt began it)C0" C_PARIS);
    struct told t = {0};                                 /* nobody listens: then it is text, and calls in it are none */
    const char *s = " <think>\nHm " PARIS "\n</think>\n\nYes";
    told_parse(&t, TOOLCALL_JSON, tools, 0, 0, s, strlen(s), 1, 1);
    assert_string_equal(t.text.data, s);
    s = "<think>Hm</think> " PARIS " ";
    assert_int_equal(told_parse(&t, TOOLCALL_JSON, tools, 0, 0, s, strlen(s), 1, 1), 1);
    assert_string_equal(t.log.data, "T(<think>Hm</think>)C0" C_PARIS);
    told_free(&t);
}

/* A name that stands twice: of an argument the last counts, as for whoever reads the text; of the call's own it is not clear which is meant. */
static void names_twice(void **state)
{
    (void)state;
    reads_as(TOOLCALL_HERMES, 0, "<tool_call>{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\", \"city\": \"Paris\"}}</tool_call>", "C0" C_PARIS);
    reads_as(TOOLCALL_JSON, 0, "{\"name\": \"now\", \"parameters\": {\"a:\": [{\"b\": 1, \"b\": {\"c\": 2, \"\\u0063\": 3}}]}}", "C0(now {\"a:\":[{\"b\":{\"c\":3}}]})");
    reads_as(TOOLCALL_MISTRAL, 0, "[TOOL_CALLS]weather[ARGS]{\"city\": \"Oslo\", \"city\": \"Paris\"}", "C0" C_PARIS);
    reads_as(TOOLCALL_LLAMA3, 0, "{\"name\": \"now\", \"arguments\": \"{\\\"a\\\": 1, \\\"a\\\": 2}\"}", "C0(now {\"a\":2})");
    static const char *const none[] = {
        "{\"name\": \"now\", \"name\": \"weather\", \"arguments\": {\"city\": \"Paris\"}}",
        "{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}, \"arguments\": {\"city\": \"Paris\"}}",
        "{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}, \"argument\\u0073\": {\"city\": \"Paris\"}}",
        "{\"type\": \"function\", \"function\": {\"name\": \"now\", \"name\": \"now\", \"arguments\": {}}}",
    };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        char wanted[200];
        snprintf(wanted, sizeof wanted, "T(%s)", none[i]);
        reads_as(TOOLCALL_LLAMA3, 0, none[i], wanted);
    }
}

static void without_tools_all_is_text(void **state)
{
    (void)state;
    struct told t = {0};
    const char *s = "\n<tool_call>" PARIS "</tool_call> ";
    assert_int_equal(told_parse(&t, TOOLCALL_HERMES, NULL, 1, 0, s, strlen(s), 3, 5), 0);
    assert_string_equal(t.text.data, s);
    json_t *none = json_array();
    assert_int_equal(told_parse(&t, TOOLCALL_JSON, none, 1, 0, PARIS, strlen(PARIS), 3, 5), 0);
    assert_string_equal(t.text.data, PARIS);
    json_decref(none);
    told_free(&t);
}

/* Text is told with the bytes that make it sure, not at the answer's end. */
static void as_soon_as_it_is_sure(void **state)
{
    (void)state;
    struct told t = {0};
    struct toolcall_events e = {told_text, NULL, told_call, &t, 0};
    struct toolcall_parser *p;
    static const struct { const char *piece, *text; } steps[] = {
        {"Hello", "Hello"}, {" <", "Hello"}, {"b>", "Hello <b>"}, {" ", "Hello <b>"}, {"\n<tool_", "Hello <b>"}, {"x", "Hello <b> \n<tool_x"},
        {"<tool_call>{\"answer\"", "Hello <b> \n<tool_x<tool_call>{\"answer\""},
    };
    assert_int_equal(toolcall_open(TOOLCALL_HERMES, tools, &e, &p), HEARTH_OK);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        assert_int_equal(toolcall_put(p, steps[i].piece, strlen(steps[i].piece)), 0);
        assert_string_equal(t.text.data, steps[i].text);
    }
    const char *call = ": 1}<tool_call>" PARIS;          /* the call comes with its last brace */
    assert_int_equal(toolcall_put(p, call, strlen(call)), 0);
    assert_non_null(strstr(t.log.data, "C0" C_PARIS));
    assert_int_equal(toolcall_end(p, NULL), 0);
    toolcall_close(p);
    toolcall_close(NULL);
    told_free(&t);
}

static void an_event_may_end_it(void **state)
{
    (void)state;
    const char *s = "One <tool_call>" PARIS "</tool_call><tool_call>" OSLO "</tool_call> two";
    struct told t = {0};
    struct toolcall_events e = {told_text, NULL, told_call, &t, 0};
    for (int at = 1; at <= 4; at++) {
        struct toolcall_parser *p;
        int calls;
        told_free(&t);
        t.stop_at = at;
        assert_int_equal(toolcall_open(TOOLCALL_HERMES, tools, &e, &p), HEARTH_OK);
        toolcall_put(p, s, strlen(s));
        assert_int_equal(toolcall_put(p, s, strlen(s)), 1);
        assert_int_equal(toolcall_end(p, &calls), 1);
        assert_int_equal(calls, at < 4 ? at - 1 : 2);
        assert_int_equal(t.events, at);
        toolcall_close(p);
    }
    told_free(&t);
}

static void tools_are_checked(void **state)
{
    (void)state;
    static const struct { const char *tools, *message; } rows[] = {
        {"{}", "tools: should be an array"},
        {"[1]", "tools[0].function: should be an object"},
        {"[{\"type\": \"web\"}]", "tools[0].type: should be \"function\""},
        {"[{\"function\": {\"name\": \"a\"}}, {\"function\": {\"name\": \"\"}}]", "tools[1].function.name: should be a text that is not empty"},
        {"[{\"function\": {\"name\": \"a\", \"parameters\": []}}]", "tools[0].function.parameters: should be a JSON Schema, an object"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct toolcall_parser *p;
        struct buf b = {0};
        json_t *bad = json_loads(rows[i].tools, 0, NULL);
        assert_int_equal(toolcall_open(TOOLCALL_JSON, bad, &(struct toolcall_events){0}, &p), HEARTH_EUSAGE);
        assert_null(p);
        assert_string_equal(hearth_errmsg(), rows[i].message);
        assert_int_equal(toolcall_prompt(bad, &b), HEARTH_EUSAGE);
        assert_int_equal(toolcall_grammar(TOOLCALL_JSON, bad, NULL, 1, &b), HEARTH_EUSAGE);
        buf_free(&b);
        json_decref(bad);
    }
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    static const char *const wanted[] = {
        [HERMES] = "<tool_call>\n" PARIS "\n</tool_call>\n<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>",
        [LLAMA3] = "{\"name\": \"weather\", \"parameters\": {\"city\": \"Paris\"}}; {\"name\": \"now\", \"parameters\": {}}",
        [MISTRAL] = "[TOOL_CALLS][" PARIS ", {\"name\": \"now\", \"arguments\": {}}]",
        [GRANITE] = "<|tool_call|>[" PARIS ", {\"name\": \"now\", \"arguments\": {}}]",
        [PHI] = "<|tool_call|>[" PARIS ", {\"name\": \"now\", \"arguments\": {}}]<|/tool_call|>",
        [GEMMA] = "```tool_code\n{\"name\": \"weather\", \"parameters\": {\"city\": \"Paris\"}}\n```\n```tool_code\n{\"name\": \"now\", \"parameters\": {}}\n```",
        [JSON] = PARIS "\n{\"name\": \"now\", \"arguments\": {}}",
    };
    static const char *const names[] = {"hermes", "llama3", "mistral", "granite", "phi", "gemma", "json"};
    json_t *calls = json_loads("[" PARIS ", {\"name\": \"now\", \"arguments\": {}}]", 0, NULL), *bad = json_loads("[{\"name\": \"now\"}]", 0, NULL);
    for (int f = 0; f <= JSON; f++) {
        struct buf b = {0};
        assert_string_equal(toolcall_name((enum toolcall_format)f), names[f]);
        assert_int_equal(toolcall_write((enum toolcall_format)f, calls, &b), HEARTH_OK);
        assert_string_equal(b.data, wanted[f]);
        reads_as((enum toolcall_format)f, 0, b.data, "C0" C_PARIS "C1(now {})");
        assert_int_equal(toolcall_write((enum toolcall_format)f, bad, &b), HEARTH_EUSAGE);
        buf_free(&b);
        size_t marks = 0;
        for (const char *const *m = toolcall_marks((enum toolcall_format)f); *m; m++) marks++;
        assert_true(marks >= 2);
    }
    json_decref(calls);
    json_decref(bad);
}

static void grammars(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_int_equal(toolcall_grammar(TOOLCALL_MISTRAL, tools, NULL, 1, &b), HEARTH_OK);
    assert_string_equal(b.data,
        "root ::= \"[TOOL_CALLS][\" call (\", \" call){0,15} \"]\"\n"
        "call ::= call-0 | call-1 | call-2\n"
        "call-0 ::= \"{\\\"name\\\": \\\"weather\\\", \\\"arguments\\\": \" args-0 \"}\"\n"
        "args-0 ::= %json {\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}},\"required\":[\"city\"],\"additionalProperties\":false}\n"
        "call-1 ::= \"{\\\"name\\\": \\\"now\\\", \\\"arguments\\\": \" args-1 \"}\"\n"
        "args-1 ::= \"{}\"\n"
        "call-2 ::= \"{\\\"name\\\": \\\"a.b-c \\\\\\\"q\\\\\\\"\\\", \\\"arguments\\\": \" args-2 \"}\"\n"
        "args-2 ::= %json {\"type\":\"object\",\"additionalProperties\":true,\"properties\":{}}\n");
    buf_free(&b);
    assert_int_equal(toolcall_grammar(TOOLCALL_HERMES, tools, "now", 0, &b), HEARTH_OK);
    assert_string_equal(b.data, "root ::= call\ncall ::= call-1\ncall-1 ::= \"<tool_call>\\n{\\\"name\\\": \\\"now\\\", \\\"arguments\\\": \" args-1 \"}\\n</tool_call>\"\n"
                                "args-1 ::= \"{}\"\n");
    buf_free(&b);
    assert_int_equal(toolcall_grammar(TOOLCALL_GEMMA, tools, "now", 1, &b), HEARTH_OK);
    assert_non_null(strstr(b.data, "root ::= call (\"\\n\" call){0,15}\n"));
    assert_non_null(strstr(b.data, "\\\"parameters\\\": \" args-1 \"}\\n```\"\n"));
    buf_free(&b);
    assert_int_equal(toolcall_grammar(TOOLCALL_JSON, tools, "never", 0, &b), HEARTH_EUSAGE);
    assert_string_equal(hearth_errmsg(), "tool_choice: there is no tool \"never\"; there are: weather, now, a.b-c \"q\"");
    json_t *list = json_loads("[{\"function\": {\"name\": \"f\", \"parameters\": {\"type\": \"array\"}}}]", 0, NULL), *none = json_array();
    assert_int_equal(toolcall_grammar(TOOLCALL_JSON, list, NULL, 0, &b), HEARTH_EUSAGE);
    assert_string_equal(hearth_errmsg(), "tools[0].function.parameters.type: should be \"object\"");
    assert_int_equal(toolcall_grammar(TOOLCALL_JSON, none, NULL, 0, &b), HEARTH_EUSAGE);
    assert_string_equal(hearth_errmsg(), "tool_choice: a call is required, but there are no tools");
    json_decref(list);
    json_decref(none);
    buf_free(&b);
}

static void sentences(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_int_equal(toolcall_prompt(tools, &b), HEARTH_OK);
    assert_non_null(strstr(b.data, "\n{\"name\":\"weather\",\"description\":\"Of a city.\",\"parameters\":{\"type\":\"object\","));
    assert_non_null(strstr(b.data, "\n{\"name\":\"now\"}\n"));
    assert_non_null(strstr(b.data, "{\"name\": \"a_function\", \"arguments\": {"));
    assert_true(b.data[b.len - 1] != '\n');
    buf_free(&b);
}

/* Extracts of the kind that templates have; the whole ones are other people's. */
static void detection(void **state)
{
    (void)state;
    static const struct { const char *chat_template; int f, native; } rows[] = {
        {"", JSON, 0},
        {"{% for m in messages %}{{ '<|im_start|>' + m.role }}{% endfor %}", JSON, 0},
        {"{%- if tools %}{{- \"<tools></tools>\\n<tool_call>\\n{\\\"name\\\": <name>, \\\"arguments\\\": <a>}\\n</tool_call>\" }}{% endif %}", HERMES, 1},
        {"{% if tools is not none %}{{ '<tool_call>\\n{\"name\": \"' }}{% endif %}", HERMES, 1},
        {"{% for tool in tools %}{{ '<tool_call>\\n<function=x>' }}{% endfor %} \"name\"", JSON, 0},
        {"{% if tools %}{{ '<tool_call>{name}\\n<arg_key>\"name\"' }}{% endif %}", JSON, 0},
        {"{% if tools %}within <tool_call></tool_call>: <tool_calls>[{\"name\": <n>}]</tool_calls>{% endif %}", JSON, 0},
        {"{% if tools|length > 0 %}{{ '[AVAILABLE_TOOLS]' }}{% endif %}{{ '[TOOL_CALLS]' + x }}", MISTRAL, 1},
        {"{% if x and tools %}respond with <|tool_call|> and a list{% endif %}", GRANITE, 1},
        {"{% if message['role'] == 'system' and 'tools' in message %}{{ '<|tool|>' + message['tools'] + '<|/tool|>' }}{% endif %}", PHI, 0},
        {"{% if tools %}<|tool_call|>[]<|/tool_call|>{% endif %}", PHI, 1},
        {"{{ '<|start_header_id|>' }}{% for t in tools %}{% endfor %}{{ '{\"name\": \"' + n + '\", \"parameters\": ' }}", LLAMA3, 1},
        {"{{ '<|start_header_id|>' }}{% for m in messages %}{% endfor %}", JSON, 0},
        {"{{ '<|start_header_id|>' }}{{ tools }} <function=x>\"parameters\": ", JSON, 0},
        {"{{ '<start_of_turn>' + role }}", GEMMA, 0},
        {"{{ '<start_of_turn>' + role }}{% if tools %}```tool_code{% endif %}", GEMMA, 1},
        {"use the tools {# if tools #}{{ m.tools }}{{ my_tools }}{{ tools_here }}{{ \"tools \\\" tools\" }}[TOOL_CALLS]", MISTRAL, 0},
        {"{# never ends, tools {{ tools }}", JSON, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int native = -1;
        assert_string_equal(toolcall_name(toolcall_detect(rows[i].chat_template, &native)), toolcall_name((enum toolcall_format)rows[i].f));
        assert_int_equal(native, rows[i].native);
        toolcall_detect(rows[i].chat_template, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families), cmocka_unit_test(no_whole_call_is_text), cmocka_unit_test(strings_may_hold_anything),
        cmocka_unit_test(thoughts_apart), cmocka_unit_test(names_twice), cmocka_unit_test(without_tools_all_is_text), cmocka_unit_test(as_soon_as_it_is_sure),
        cmocka_unit_test(an_event_may_end_it), cmocka_unit_test(tools_are_checked), cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(grammars), cmocka_unit_test(sentences), cmocka_unit_test(detection),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
