/* test_toolcall_answers.c - a model of random weights made to call: whatever its family's words, what it writes is read back as calls of
 * the tools, with arguments that their schemas allow, and nothing beside them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "model_maker.h"
#include "toolcall_test.h"

#include <cmocka.h>
#undef fail

static struct hearth_model *model;
static json_t *tools;

static void good(enum hearth_status st)
{
    if (st != HEARTH_OK) print_error("%s: %s\n", hearth_status_name(st), hearth_errmsg());
    assert_int_equal(st, HEARTH_OK);
}

static int setup(void **state)
{
    (void)state;
    char path[] = "/tmp/hearth-toolcall-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0) return -1;
    close(fd);
    good(model_make(path, &(struct model_spec){.type = "Q4_0", .width = 64, .layers = 1, .seed = 9}));
    good(hearth_model_open(path, &(struct hearth_model_params){.threads = 1}, &model));
    unlink(path);
    tools = json_loads(
        "[{\"type\": \"function\", \"function\": {\"name\": \"weather\", \"parameters\": {\"type\": \"object\", \"properties\": {\"days\":"
        " {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 9}, \"unit\": {\"enum\": [\"C\", \"F\"]}, \"place\": {\"$ref\": \"#/$defs/place\"}},"
        " \"required\": [\"days\", \"unit\"], \"$defs\": {\"place\": {\"type\": \"string\", \"maxLength\": 6}}}}},"
        " {\"type\": \"function\", \"function\": {\"name\": \"now\"}}]",
        0, NULL);
    return tools ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    hearth_model_close(model);
    json_decref(tools);
    return 0;
}

struct answer { struct told told /* first: told_text writes to it */; struct toolcall_parser *parser; int calls, weather; };

static int on_text(void *user, const char *s, size_t n) { return toolcall_put(((struct answer *)user)->parser, s, n); }

static int on_call(void *user, int index, const char *name, json_t *arguments)
{
    struct answer *a = user;
    assert_int_equal(index, a->calls++);
    if (strcmp(name, "now") == 0) {
        assert_int_equal(json_object_size(arguments), 0);
        return 0;
    }
    assert_string_equal(name, "weather");
    const json_t *days = json_object_get(arguments, "days"), *place = json_object_get(arguments, "place");
    const char *unit = json_string_value(json_object_get(arguments, "unit"));
    assert_true(json_is_integer(days) && json_integer_value(days) >= 1 && json_integer_value(days) <= 9);
    assert_true(unit && (strcmp(unit, "C") == 0 || strcmp(unit, "F") == 0));
    assert_true(!place || json_is_string(place));
    assert_int_equal(json_object_size(arguments), place ? 3 : 2);
    a->weather++;
    return 0;
}

static void answer(enum toolcall_format f, const char *named, int parallel, uint64_t seed, struct answer *a)
{
    struct buf text = {0};
    struct hearth_grammar *g;
    struct hearth_session *s;
    struct hearth_result r;
    struct toolcall_events e = {told_text, NULL, on_call, a, 0};
    good(toolcall_grammar(f, tools, named, parallel, &text));
    good(hearth_grammar_open(model, HEARTH_GBNF, text.data, text.len, &g));
    good(hearth_session_open(model, &(struct hearth_session_params){.ctx = 512}, &s));
    good(toolcall_open(f, tools, &e, &a->parser));
    struct hearth_generate_params p = {.max_tokens = 200, .logprobs = -1, .grammar = g, .on_text = on_text, .user = a};
    hearth_sampling_defaults(&p.sampling);
    p.sampling.temperature = 1.5f;
    p.sampling.top_k = 0;
    p.sampling.seed = seed;
    good(hearth_generate(s, (const int32_t[]){1, 300}, 2, &p, &r));
    int calls;
    assert_int_equal(toolcall_end(a->parser, &calls), 0);
    assert_int_equal(calls, a->calls);
    toolcall_close(a->parser);
    hearth_session_close(s);
    hearth_grammar_close(g);
    buf_free(&text);
}

static void calls_only(void **state)
{
    (void)state;
    int several = 0, both = 0;
    for (int f = 0; f <= TOOLCALL_JSON; f++) {
        for (uint64_t seed = 0; seed < 6; seed++) {
            struct answer any = {0}, one = {0};
            answer((enum toolcall_format)f, NULL, 1, seed, &any);
            assert_true(any.calls >= 1 && any.calls <= 16);
            assert_int_equal(any.told.text.len, 0);
            several += any.calls > 1;
            both += any.weather > 0 && any.weather < any.calls;
            answer((enum toolcall_format)f, "weather", 0, seed, &one);
            assert_int_equal(one.calls, 1);
            assert_int_equal(one.weather, 1);
            assert_int_equal(one.told.text.len, 0);
            told_free(&any.told);
            told_free(&one.told);
        }
    }
    assert_true(several > 0 && both > 0);
}

/* What a schema cannot be held to is refused, and by its name. */
static void refused(void **state)
{
    (void)state;
    struct buf text = {0};
    struct hearth_grammar *g;
    json_t *bad = json_loads("[{\"function\": {\"name\": \"f\", \"parameters\": {\"type\": \"object\", \"properties\": {\"a\": {\"unevaluatedItems\": false}}}}}]", 0, NULL);
    good(toolcall_grammar(TOOLCALL_JSON, bad, NULL, 1, &text));
    assert_int_equal(hearth_grammar_open(model, HEARTH_GBNF, text.data, text.len, &g), HEARTH_EUNSUPPORTED);
    assert_non_null(strstr(hearth_errmsg(), "unevaluatedItems"));
    buf_free(&text);
    json_decref(bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(calls_only), cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
