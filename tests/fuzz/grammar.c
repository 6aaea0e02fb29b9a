/* grammar.c - fuzz target: a grammar or a schema from strangers, compiled over a small vocabulary, and a few tokens of an answer by its
 * mask.  The first byte chooses GBNF or JSON Schema, how many tokens there may be and which of those that are allowed come.
 *
 * Asserted: an error has a sentence; a mask costs at most its steps; the shortest answer fits a limit of its size, and whatever the mask
 * allows is accepted and can still be made whole within what is left. */
#include "unit/grammar_test.h"
#include "text/grammar_in.h"
#undef fail

/* Of cmocka, which is not linked here, what the making of the vocabulary calls. */
void _assert_int_equal(const LargestIntegralType a, const LargestIntegralType b, const char *const file, const int line)
{
    (void)file, (void)line;
    if (a != b) abort();
}
void _assert_true(const LargestIntegralType is, const char *const what, const char *const file, const int line)
{
    (void)what, (void)file, (void)line;
    if (!is) abort();
}
void _fail(const char *const file, const int line)
{
    (void)file, (void)line;
    abort();
}
void print_error(const char *const format, ...) { (void)format; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS = 12, LARGEST = 1 << 14 };

static void walk(struct grammar_state *s, uint32_t left, uint64_t seed)
{
    const int32_t n = tokenizer_size(grammar_vocab.t);
    for (int step = 0; step < STEPS && left > 0 && !grammar_state_over(s); step++, left--) {
        const uint32_t *mask;
        enum hearth_status st = grammar_state_mask(s, left, &mask);
        if (s->fuel > STATE_FUEL) abort();
        if (st == HEARTH_ELIMIT || st == HEARTH_ENOMEM) return;
        if (st != HEARTH_OK) abort();
        int32_t id = (int32_t)((seed >> step * 4) * 2654435761u % (uint64_t)n), tries = 0;
        for (; tries < n && !(mask[id / 32] >> (id % 32) & 1); tries++) id = (id + 1) % n;
        if (tries == n) abort();                       /* some token always may come: the limit is heeded from the beginning */
        if (tokenizer_is_end(grammar_vocab.t, id)) {
            if (!grammar_state_whole(s)) abort();
            return;
        }
        st = grammar_state_accept(s, id);
        if (st == HEARTH_ELIMIT || st == HEARTH_ENOMEM) return;
        if (st != HEARTH_OK || grammar_state_least(s) > left - 1) abort();
    }
    if (left == 0 && !grammar_state_whole(s)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hearth_grammar *g = NULL;
    struct grammar_state *s = NULL;
    if (!grammar_vocab.t) vocab_setup(NULL);
    if (size < 1 || size > LARGEST) return 0;
    enum hearth_status st = grammar_open(grammar_vocab.t, data[0] & 1 ? HEARTH_JSON_SCHEMA : HEARTH_GBNF, (const char *)data + 1, size - 1, &g);
    if (st != HEARTH_OK) {
        if (g || !*hearth_errmsg()) abort();
        return 0;
    }
    st = grammar_state_open(g, &s);
    if (st == HEARTH_OK) walk(s, grammar_least(g) + (data[0] >> 1 & 7), data[0] * 0x9E3779B97F4A7C15u + size);
    else if (st != HEARTH_ELIMIT && st != HEARTH_ENOMEM) abort();
    grammar_state_close(s);
    hearth_grammar_close(g);
    return 0;
}
