/* test_fault_toolcall.c - an answer with calls and a grammar of them, with every allocation refused in turn. */
#include "fault/fault.h"
#include "unit/toolcall_test.h"

static json_t *tools;
static const char answer[] = "<think>a</think> Look: <tool_call>{\"name\": \"f\", \"arguments\": \"{\\\"a\\\": 1}\"}</tool_call>\n"
                             "<tool_call>{\"name\": \"f\", \"arguments\": {\"s\": \"line\nend\"}}</tool_call><tool_call>{\"name\": \"f\"}</tool_call> end";

static int count(void *user, const char *s, size_t n) { (void)s; *(size_t *)user += n; return 0; }
static int call(void *user, int index, const char *name, json_t *arguments) { (void)index, (void)name, (void)arguments; ++*(size_t *)user; return 0; }

static enum hearth_status read_answer(void *arg)
{
    (void)arg;
    size_t seen = 0;
    int calls;
    struct toolcall_events e = {count, count, call, &seen, 0};
    struct toolcall_parser *p;
    enum hearth_status st = toolcall_open(TOOLCALL_HERMES, tools, &e, &p);
    if (st != HEARTH_OK) return st;
    for (size_t i = 0; i < sizeof answer - 1; i += 10) toolcall_put(p, answer + i, sizeof answer - 1 - i < 10 ? sizeof answer - 1 - i : 10);
    toolcall_end(p, &calls);
    st = toolcall_status(p);
    toolcall_close(p);
    if (st == HEARTH_OK) {
        assert_int_equal(calls, 3);
        assert_int_equal(seen, 1 + strlen("Look:") + 3 + strlen("end"));
    }
    return st;
}

static enum hearth_status write_texts(void *arg)
{
    (void)arg;
    struct buf b = {0};
    enum hearth_status st = toolcall_grammar(TOOLCALL_PHI, tools, NULL, 1, &b);
    if (st == HEARTH_OK) st = toolcall_prompt(tools, &b);
    buf_free(&b);
    return st;
}

static void reading(void **state) { (void)state; fault_sweep(read_answer, NULL, 1); }
static void writing(void **state) { (void)state; fault_sweep(write_texts, NULL, 1); }

int main(void)
{
    tools = json_loads("[{\"function\": {\"name\": \"f\", \"parameters\": {\"properties\": {\"a\": {\"type\": \"integer\"}}}}}]", 0, NULL);
    const struct CMUnitTest tests[] = {cmocka_unit_test(reading), cmocka_unit_test(writing)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(tools);
    return failed;
}
