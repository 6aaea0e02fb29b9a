/* test_batch.c - an engine says to each what a lone hearth_generate says, byte for byte: alone, among thirty others, with shared
 * beginnings, grammars, cancelled neighbours, guesses, any size of step and of memory. */
#include "engine_test.h"

enum { MANY = 30, CTX = 512 };

static struct question question[MANY];
static struct said alone[MANY], here[MANY];

static struct hearth_engine *open_engine(struct hearth_model *m, struct hearth_engine_params p)
{
    struct hearth_engine *e;
    if (!p.ctx) p.ctx = CTX;
    good(hearth_engine_open(m, &p, &e));
    return e;
}

/* All at once; every fifth also with a neighbour that is cancelled. */
static void all_at_once(struct hearth_engine *e, int neighbours)
{
    static struct said neighbour[MANY];
    uint64_t ticket[MANY];
    memset(here, 0, sizeof here);
    memset(neighbour, 0, sizeof neighbour);
    for (int i = 0; i < MANY; i++) {
        good(ask(e, &question[i], &here[i], NULL));
        if (!neighbours || i % 5) continue;
        neighbour[i].cancel_at_token = i % 2 ? 3 : 0;
        good(ask(e, &question[(i + 7) % MANY], &neighbour[i], &ticket[i]));
    }
    for (int i = 0; neighbours && i < MANY; i += 5) hearth_engine_cancel(e, ticket[i]);
    for (int i = 0; i < MANY; i++) {
        wait_for(&here[i]);
        same(&alone[i], &here[i]);
        if (neighbours && i % 5 == 0) wait_for(&neighbour[i]);
    }
}

static void compare(struct hearth_model *m, enum hearth_kv kv)
{
    static const struct hearth_engine_params kinds[] = {
        { .parallel = 16 }, { .parallel = 3, .chunk = 7 }, { .parallel = 32, .chunk = 1000, .no_lookup = 1 }, { .parallel = 1 },
        { .parallel = 8, .chunk = 100, .kv_bytes = 1 },
    };
    struct hearth_model_info info;
    struct hearth_memory mem;
    hearth_model_describe(m, &info);
    good(hearth_model_memory(m, CTX, kv, &mem));
    static const char schema[] = "{\"type\":\"array\",\"items\":{\"enum\":[\"yes\",\"no\",1]}}", rules[] = "root ::= (\"ab\" | \"abc\")+";
    struct hearth_grammar *json, *gbnf;
    good(hearth_grammar_open(m, HEARTH_JSON_SCHEMA, schema, sizeof schema - 1, &json));
    good(hearth_grammar_open(m, HEARTH_GBNF, rules, sizeof rules - 1, &gbnf));
    for (int i = 0; i < MANY; i++) {
        ask_about(&question[i], i, i % 2 ? 140 : 0, 1 + (size_t)(i * 37 % 90), i % 11 == 10 ? -1 : 5 + i, (int32_t)info.vocabulary);
        if (i % 4 == 3) question[i].p.grammar = i % 8 == 3 ? json : gbnf;
        lone(m, &question[i], kv, CTX, &alone[i]);
        good(alone[i].status);
    }
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        struct hearth_engine_params p = kinds[k];
        p.kv = kv;
        if (p.kv_bytes) p.kv_bytes = mem.kv_cache;      /* of one conversation: the others wait for its blocks */
        struct hearth_engine *e = open_engine(m, p);
        all_at_once(e, k != 3);
        all_at_once(e, 0);           /* now with much that is remembered */
        hearth_engine_close(e);
    }
    hearth_grammar_close(json);
    hearth_grammar_close(gbnf);
    hearth_model_close(m);
}

static void llama_q4(void **state)
{
    (void)state;
    struct model_spec spec = { .type = "Q4_0", .width = 64, .seed = 5 };
    compare(make_and_open(&spec, &(struct hearth_model_params){ .threads = 2 }), HEARTH_KV_F16);
}

static void gemma_q8_windowed(void **state)
{
    (void)state;
    struct model_spec spec = { .family = "gemma3", .type = "Q8_0", .width = 64, .head_width = 32, .layers = 7, .window = 48, .seed = 6 };
    compare(make_and_open(&spec, &(struct hearth_model_params){ .threads = 3 }), HEARTH_KV_Q8_0);
}

static void llama_floats(void **state)
{
    (void)state;
    struct model_spec spec = { .type = "BF16", .width = 64, .seed = 7 };
    compare(make_and_open(&spec, &(struct hearth_model_params){ .threads = 1, .arithmetic = HEARTH_FLOAT }), HEARTH_KV_F32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(llama_q4),
        cmocka_unit_test(gemma_q8_windowed),
        cmocka_unit_test(llama_floats),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
