/* test_grammar.c - GBNF: what follows a grammar and what does not; masks against trying every token; budgets; bad input within its caps. */
#include "grammar_test.h"
#include "text/grammar_in.h"

#include <time.h>

enum { LONG = 30 };                  /* processor seconds: what has a budget takes one or two, a sanitizer some times that, and without one minutes */

#define G HEARTH_GBNF

static void notation_means_what_it_should(void **state) {
    (void)state;
    allows(G, "root ::= \"a\" \"b\"? (\"c\" | \"d\")*", "a", "ab", "acdcd", "abd");
    forbids(G, "root ::= \"a\" \"b\"? (\"c\" | \"d\")*", "", "b", "abb", "ax");
    allows(G, "root ::= [a-c]{2,3} [^a-c\\n]{1} .", "abx!", "abcy\n", "cc\xc3\xa9\xe4\xbd\xa0");
    forbids(G, "root ::= [a-c]{2,3} [^a-c\\n]{1} .", "ax!", "abcc", "ab\nx", "abx", "abx!!");
    allows(G, "# a comment\nroot ::= one |\n  two # behind\none ::= \"x\"\n\ntwo ::= (\n \"y\"\n \"z\" )+\n", "x", "yz", "yzyz");
    allows(G, "root ::= \"\\x41\\u00e9\\U0001F600\\n\\\"\\\\\"", "A\xc3\xa9\xf0\x9f\x98\x80\n\"\\");
    allows(G, "root ::= [\\x41\\]\\-z]{3}", "A]z", "---");
    allows(G, "root ::= \"a\"{0} \"b\"{2} \"c\"{1,} \"d\"{0,2}", "bbc", "bbccdd");
    forbids(G, "root ::= \"a\"{0} \"b\"{2} \"c\"{1,} \"d\"{0,2}", "abbc", "bcd", "bbd", "bbcddd");
    allows(G, "root ::= \"\" | \"a\" root", "", "a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    allows(G, "root ::= (\"a\"* \"b\"*)* \"c\"", "c", "abbac");
    allows(G, "root ::= [\xc3\xa0-\xc3\xbf\xe4\xb8\x80-\xe9\xbf\xbf\xf0\x9f\x98\x80]+", "\xc3\xa9\xe4\xbd\xa0\xf0\x9f\x98\x80");
    forbids(G, "root ::= [\xc3\xa0-\xc3\xbf]+", "a", "\xc3", "\xc3\x9f", "\xc4\x80");
    forbids(G, "root ::= [^x]+", "x", "\xff", "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80", "\xc3(");
}

static void recursion_has_a_stack(void **state) {
    (void)state;
    static const char nested[] = "root ::= \"(\" root \")\" | \"x\"", even[] = "root ::= \"a\" root \"a\" | \"b\" root \"b\" | \"\"";
    allows(G, nested, "x", "(x)", "((((((((x))))))))");
    forbids(G, nested, "(x", "(x))", "()");
    allows(G, even, "", "abba", "aaaa", "abbaabba");
    forbids(G, even, "ab", "aba");
    allows(G, "root ::= e\ne ::= t (\"+\" t)*\nt ::= f (\"*\" f)*\nf ::= [0-9]+ | \"(\" e \")\"", "1", "1+2*3", "(1+22)*(3)");
    struct hearth_grammar *g = compiled(G, nested);
    struct grammar_state *s;
    struct buf deep = { 0 };
    assert_int_equal(grammar_state_open(g, &s), HEARTH_OK);
    for (int i = 0; i < 20000; i++) buf_putc(&deep, '(');
    buf_putc(&deep, 'x');
    for (int i = 0; i < 20000; i++) buf_putc(&deep, ')');
    assert_true(follows(s, deep.data, deep.len));
    assert_int_equal(grammar_state_reset(s), HEARTH_OK);
    enum hearth_status st = HEARTH_OK;
    for (int i = 0; i < 10 && st == HEARTH_OK; i++) st = grammar_state_accept_bytes(s, deep.data, 20000);
    assert_int_equal(st, HEARTH_ELIMIT);
    buf_free(&deep);
    grammar_state_close(s);
    hearth_grammar_close(g);
}

/* ---- masks ---- */

/* Bits of the mask (of bytes, of pieces, and of some of the rest) against a fresh machine that reads the answer so far and the
 * token's bytes. */
static void compare(const struct hearth_grammar *g, struct grammar_state *s, struct grammar_state *other, const struct buf *text, uint32_t left) {
    const uint32_t *mask;
    if (grammar_state_mask(s, left, &mask) != HEARTH_OK) fail_msg("%s", hearth_errmsg());
    (void)g;
    for (int32_t id = 0; id < tokenizer_size(grammar_vocab.t); id++) {
        if (id > 300 && draw_below(30)) continue;
        int is = mask[id / 32] >> (id % 32) & 1, wanted = 0;
        const char *piece;
        size_t n;
        tokenizer_piece(grammar_vocab.t, id, 0, &piece, &n);
        if (tokenizer_is_end(grammar_vocab.t, id)) {
            wanted = grammar_state_whole(s);
        } else if (n) {
            assert_int_equal(grammar_state_reset(other), HEARTH_OK);
            assert_int_equal(grammar_state_accept_bytes(other, text->data, text->len), HEARTH_OK);
            wanted = grammar_state_accept_bytes(other, piece, n) == HEARTH_OK && grammar_state_least(other) <= left - 1;
        }
        if (is != wanted) fail_msg("behind \"%s\", %u left: token %d \"%.*s\" is %d", text->data, left, id, (int)n, piece, is);
    }
}

static const struct { enum hearth_grammar_kind kind; const char *text; } varied[] = {
    { G, "root ::= \"[\" ([a-z0-9]{2,9} \",\"?)* \"]\"" },
    { G, "root ::= .{3,40} \"ab\" .*" },
    { G, "root ::= (\"a\" | \"ab\" | [a-e]{2,5} \" \")* [0-9]+ \"\\n\"" },
    { G, "root ::= \"(\" root \")\" | [^()]{0,6} | \"{\" root \",\" root \"}\"" },
    { G, "root ::= (word \" \"){1,3} word\nword ::= [a-d\xc3\xa9\xe4\xbd\xa0]+ | \"hello world\"" },
    { HEARTH_JSON_SCHEMA, "true" },
    { HEARTH_JSON_SCHEMA, "{\"type\":\"string\",\"minLength\":3,\"maxLength\":12}" },
    { HEARTH_JSON_SCHEMA, "{\"properties\":{\"name\":{\"type\":\"string\"},\"n\":{\"type\":\"number\"},\"tags\":{\"items\":{\"enum\":[\"a\",\"ab\",12]}}},"
                          "\"required\":[\"n\"],\"additionalProperties\":{\"type\":\"boolean\"}}" },
    { HEARTH_JSON_SCHEMA, "{\"type\":[\"number\",\"null\"],\"minimum\":-1.25,\"exclusiveMaximum\":300}" },
};

static void masks_are_what_trying_every_token_gives(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof varied / sizeof *varied; i++) {
        struct hearth_grammar *g = compiled(varied[i].kind, varied[i].text);
        struct grammar_state *s, *other;
        struct buf text = { 0 };
        assert_int_equal(grammar_state_open(g, &s), HEARTH_OK);
        assert_int_equal(grammar_state_open(g, &other), HEARTH_OK);
        for (int round = 0; round < 2; round++) {
            uint32_t left = grammar_least(g) + (round == 0 ? 0 : draw_below(12));
            text.len = 0;
            buf_puts(&text, "");
            assert_int_equal(grammar_state_reset(s), HEARTH_OK);
            for (int step = 0; step < 4 && left > 0; step++, left--) {
                const uint32_t *mask;
                const char *piece;
                size_t n;
                compare(g, s, other, &text, left);
                assert_int_equal(grammar_state_mask(s, left, &mask), HEARTH_OK);
                int32_t id = (int32_t)draw_below((uint32_t)tokenizer_size(grammar_vocab.t)), tries = 0;
                while (!(mask[id / 32] >> (id % 32) & 1) && tries++ < tokenizer_size(grammar_vocab.t)) id = (id + 1) % tokenizer_size(grammar_vocab.t);
                if (tokenizer_is_end(grammar_vocab.t, id)) break;
                tokenizer_piece(grammar_vocab.t, id, 0, &piece, &n);
                assert_int_equal(grammar_state_accept(s, id), HEARTH_OK);
                buf_put(&text, piece, n);
            }
        }
        buf_free(&text);
        grammar_state_close(s);
        grammar_state_close(other);
        hearth_grammar_close(g);
    }
}

static void every_budget_ends_in_a_whole_answer(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof varied / sizeof *varied; i++) {
        struct hearth_grammar *g = compiled(varied[i].kind, varied[i].text);
        struct grammar_state *s;
        struct buf text = { 0 };
        const uint32_t *mask;
        assert_int_equal(grammar_state_open(g, &s), HEARTH_OK);
        for (uint32_t more = 0; more < 24; more++) walk_by_mask(g, s, grammar_least(g) + more, &text);
        assert_int_equal(grammar_state_reset(s), HEARTH_OK);
        if (grammar_least(g) > 1) {
            assert_int_equal(grammar_state_mask(s, grammar_least(g) - 1, &mask), HEARTH_EUSAGE);
            assert_non_null(strstr(hearth_errmsg(), "too few"));
        }
        buf_free(&text);
        grammar_state_close(s);
        hearth_grammar_close(g);
    }
}

static void fixed_text_is_counted_in_tokens(void **state) {
    (void)state;
    struct hearth_grammar *g = compiled(G, "root ::= \"{\\\"name\\\": \\\"hello world\\\"}\"");
    assert_in_range(grammar_least(g), 4, 7); /* {" name ": " hello world "} is 5 tokens; as bytes it is 23 */
    hearth_grammar_close(g);
}

/* ---- bad input ---- */

static void mistakes_are_named(void **state) {
    (void)state;
    static const struct { const char *text; enum hearth_status st; const char *says; } bad[] = {
        { "", HEARTH_EFORMAT, "no rule is named root" },
        { "a ::= \"x\"", HEARTH_EFORMAT, "no rule is named root" },
        { "root ::= a", HEARTH_EFORMAT, "\"a\" is used" },
        { "root ::= \"a\nb\"", HEARTH_EFORMAT, "line 1, column 10: a text without its closing quote" },
        { "root ::= [a", HEARTH_EFORMAT, "without its closing bracket" },
        { "root ::= [z-a]", HEARTH_EFORMAT, "end comes before" },
        { "root ::= (\"a\"", HEARTH_EFORMAT, "without its closing bracket" },
        { "root ::= \"a\")", HEARTH_EFORMAT, "bracket too many" },
        { "root ::= *", HEARTH_EFORMAT, "repetition of nothing" },
        { "root ::= (\"a\" | +)", HEARTH_EFORMAT, "repetition of nothing" },
        { "root ::= \"a\"{3,2}", HEARTH_EFORMAT, "most is less" },
        { "root ::= \"a\"{x}", HEARTH_EFORMAT, "without its number" },
        { "root ::= \"a\"{99999999}", HEARTH_ELIMIT, "100000 times" },
        { "root ::= \"\\q\"", HEARTH_EFORMAT, "an escape that is none of" },
        { "root ::= \"\\uD800\"", HEARTH_EFORMAT, "no character" },
        { "root ::= \"\\u12\"", HEARTH_EFORMAT, "too few" },
        { "root = \"a\"", HEARTH_EFORMAT, "\"::=\" should follow" },
        { "root ::= \"a\"\nroot ::= \"b\"", HEARTH_EFORMAT, "there already" },
        { "root ::= ^", HEARTH_EFORMAT, "begins nothing" },
        { "root ::= root \"a\" | \"b\"", HEARTH_EFORMAT, "\"root\" begins with itself" },
        { "root ::= a\na ::= \"x\"? b\nb ::= c*\nc ::= a \"y\"", HEARTH_EFORMAT, "begins with itself" },
        { "root ::= \"a\" root", HEARTH_EFORMAT, "never ends" },
        { "root ::= []", HEARTH_EFORMAT, "allows nothing" },
        { "root ::= %json {\"not\": 1}", HEARTH_EUNSUPPORTED, "\"not\"" },
        { "root ::= %json {", HEARTH_EFORMAT, "schema in the grammar" },
        { "root ::= \"\xff\"", HEARTH_EFORMAT, "not UTF-8" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) refused(G, bad[i].text, strlen(bad[i].text), bad[i].st, bad[i].says);
    refused(G, "root ::= \"a\0b\"", 14, HEARTH_EFORMAT, "NUL");
    refused((enum hearth_grammar_kind)9, "", 0, HEARTH_EUSAGE, "kind");
}

static char *repeat(const char *head, const char *piece, size_t n, const char *tail) {
    struct buf b = { 0 };
    buf_puts(&b, head);
    for (size_t i = 0; i < n; i++) buf_puts(&b, piece);
    buf_puts(&b, tail);
    return buf_take(&b, NULL);
}

static void what_would_take_for_ever_is_refused_at_once(void **state) {
    (void)state;
    clock_t began = clock();
    char *text = repeat("root ::= ", "(", 60000, "");
    refused(G, text, strlen(text), HEARTH_ELIMIT, "200 brackets");
    free(text);
    struct buf chain = { 0 };
    buf_puts(&chain, "root ::= r0\n");
    for (int i = 0; i < 5000; i++) buf_printf(&chain, "r%d ::= r%d\n", i, i + 1);
    buf_puts(&chain, "r5000 ::= \"x\"\n");
    struct hearth_grammar *g = compiled(G, chain.data); /* long, but no trouble */
    struct grammar_state *s;
    assert_int_equal(grammar_state_open(g, &s), HEARTH_OK);
    assert_true(follows(s, "x", 1));
    grammar_state_close(s);
    hearth_grammar_close(g);
    chain.len = 0;
    for (int i = 0; i < 30000; i++) buf_printf(&chain, "r%d ::= \"x\"\n", i);
    refused(G, chain.data, chain.len, HEARTH_ELIMIT, "20000 rules");
    buf_free(&chain);
    text = repeat("root ::= \"a\"", "+", 100, "");
    refused(G, text, strlen(text), HEARTH_EFORMAT, "8 repetitions");
    free(text);
    refused(G, "root ::= (((\"a\" | \"ab\"){1000} \"x\"){1000} \"y\"){1000}", 50, HEARTH_EFORMAT, "");
    text = repeat("root ::= ", "(", 100, "\"a\"|\"ab\"");
    struct buf nested = { 0 };
    buf_puts(&nested, text);
    for (int i = 0; i < 100; i++) buf_puts(&nested, "){2,3}");
    free(text);
    (void)grammar_open(grammar_vocab.t, G, nested.data, nested.len, &g); /* either way, but soon */
    hearth_grammar_close(g);
    buf_free(&nested);
    text = repeat("root ::= \"", "x", 1 << 20, "\"");
    refused(G, text, strlen(text), HEARTH_ELIMIT, "1048576");
    free(text);
    assert_true((double)(clock() - began) / CLOCKS_PER_SEC < LONG);
}

/* Classes, repetitions and ways to spell, each of which costs little and all of which cost too much. */
static void compiling_has_a_budget(void **state) {
    (void)state;
    struct buf b = { 0 };
    clock_t began = clock();
    buf_puts(&b, "root ::= ");
    for (unsigned i = 0; b.len < 500000; i++) buf_printf(&b, "[\\u%04X-\\u%04X]", 0x400 + i % 3000, 0x401 + i % 3000 + i / 3000);
    refused(G, b.data, b.len, HEARTH_ELIMIT, "grammar: too large: compiling its classes");
    b.len = 0;
    buf_puts(&b, "root ::= ");
    for (int i = 0; i < 6000; i++) buf_printf(&b, " ([a-z]{%d} \"x%d\")*", i % 40 + 1, i);
    refused(G, b.data, b.len, HEARTH_ELIMIT, "grammar: too large: its classes and repetitions take");
    b.len = 0;
    buf_puts(&b, "root ::= ");
    for (int i = 0; i < 20000; i++) buf_puts(&b, "[\\u00e9-\\u00fc]");       /* one, however often it stands there */
    hearth_grammar_close(compiled(G, b.data));
    b.len = 0;
    buf_puts(&b, "root ::= (r0 \"a\")*\n");
    for (int i = 0; i < 30; i++) buf_printf(&b, "r%d ::= r%d r%d r%d\n", i, i + 1, i + 1, i + 1);
    buf_puts(&b, "r30 ::= \"\"\n");                                           /* 3 to the 30th nothings */
    hearth_grammar_close(compiled(G, b.data));
    hearth_grammar_close(compiled(G, "e ::= \"\"\nroot ::= ((((e{100000}){100000}){100000}) \"a\")*"));
    buf_free(&b);
    assert_true((double)(clock() - began) / CLOCKS_PER_SEC < LONG);
}

static void ambiguity_is_bounded(void **state) {
    (void)state;
    static const char *const wild[] = {
        "root ::= (\"a\"* \"a\"*){0,3000} \"b\"", "root ::= ([a-c]{0,500} [b-d]{0,500}){0,500} \"!\"", "root ::= (\"a\" | \"a\" \"a\" | a)* \"b\"\na ::= \"a\" a | \"a\"",
        "root ::= .{0,900} .{0,900} .{0,900} \"z\"" };
    clock_t began = clock();
    for (size_t i = 0; i < sizeof wild / sizeof *wild; i++) {
        struct hearth_grammar *g = compiled(G, wild[i]);
        struct grammar_state *s;
        const uint32_t *mask;
        enum hearth_status st = grammar_state_open(g, &s);
        for (int k = 0; k < 60 && st == HEARTH_OK; k++) {
            if (k % 20 == 0) st = grammar_state_mask(s, 5000, &mask);
            if (st == HEARTH_OK) st = grammar_state_accept_bytes(s, "a", 1);
        }
        if (st != HEARTH_OK) {
            assert_int_equal(st, HEARTH_ELIMIT);
            assert_non_null(strstr(hearth_errmsg(), "too ambiguous"));
        }
        grammar_state_close(s);
        hearth_grammar_close(g);
    }
    assert_true((double)(clock() - began) / CLOCKS_PER_SEC < LONG);
}

/* Steps, not seconds: of one mask, each of which is a few dozen instructions, whatever the grammar and the vocabulary's size. */
static void a_mask_costs_so_many_steps(void **state) {
    (void)state;
    struct buf many = { 0 };
    buf_puts(&many, "root ::= (");
    for (int i = 0; i < 2000; i++) buf_printf(&many, "%s.{%d,%d}", i ? " | " : "", i % 7, 3000 + i);    /* as many tables of all tokens */
    buf_puts(&many, ") \"z\"");
    const char *const wild[] = { many.data, "root ::= .{0,900} .{0,900} .{0,900} \"z\"", "root ::= ([a-c]{0,500} [b-d]{0,500}){0,500} \"!\"",
                                 "root ::= (.{0,90} \"a\" | .{0,90} \"b\" | .{0,90} \"c\" | .{0,90} \"d\")* \"z\"" };
    for (size_t i = 0; i < sizeof wild / sizeof *wild; i++) {
        struct hearth_grammar *g = compiled(G, wild[i]);
        struct grammar_state *s;
        const uint32_t *mask;
        uint64_t burnt = 0;
        enum hearth_status st = grammar_state_open(g, &s);
        for (int k = 0; k < 6 && st == HEARTH_OK; k++) {
            st = grammar_state_mask(s, 5000, &mask);
            burnt = STATE_FUEL - s->fuel;
            assert_true(s->fuel <= STATE_FUEL);
            if (st == HEARTH_OK) st = grammar_state_accept_bytes(s, "a", 1);
        }
        if (st != HEARTH_OK) {
            assert_int_equal(st, HEARTH_ELIMIT);
            assert_non_null(strstr(hearth_errmsg(), "too ambiguous"));
        }
        if (i == 0) assert_true(burnt > 2000 * 2);     /* each table is at least two steps, and the tokens in it are more */
        grammar_state_close(s);
        hearth_grammar_close(g);
    }
    buf_free(&many);
}

/* A rule that ends with itself is a repetition, so that its masks come from tables too; and means what it meant. */
static void recursion_at_the_end_is_repetition(void **state) {
    (void)state;
    static const char tail[] = "root ::= \"<\" c \">\"\nc ::= [^<>] c | \"<b>\" c \"</b>\" c | \"\"", loop[] = "root ::= \"<\" [^<>]* \">\"";
    allows(G, tail, "<>", "<abc>", "<a<b>x<b></b></b>c>");
    forbids(G, tail, "<", "<a", "<<b>x>", "<a</b>>");
    allows(G, "root ::= \"a\" root | \"b\" root | \"c\"", "c", "abac");
    forbids(G, "root ::= \"a\" root | \"b\" root | \"c\"", "", "ab", "cc");
    struct hearth_grammar *g[2] = { compiled(G, "root ::= \"<\" c \">\"\nc ::= [^<>] c | \"\""), compiled(G, loop) };
    uint64_t burnt[2];
    for (int i = 0; i < 2; i++) {
        struct grammar_state *s;
        const uint32_t *mask;
        assert_int_equal(grammar_state_open(g[i], &s), HEARTH_OK);
        assert_int_equal(grammar_state_accept_bytes(s, "<a", 2), HEARTH_OK);
        assert_int_equal(grammar_state_mask(s, 500, &mask), HEARTH_OK);
        burnt[i] = STATE_FUEL - s->fuel;
        grammar_state_close(s);
        hearth_grammar_close(g[i]);
    }
    assert_true(burnt[0] < 4 * burnt[1] + 100);
}

static void endless_grammars_leave_nothing_behind(void **state) {
    (void)state;
    struct hearth_grammar *g[20];
    for (int round = 0; round < 5; round++)
        for (int i = 0; i < 20; i++) {
            char text[100];
            snprintf(text, sizeof text, "root ::= [^%c%d]{1,50} \"%d\"", 'a' + i, round, i);
            if (round) hearth_grammar_close(g[i]);
            g[i] = compiled(G, text);
        }
    for (int i = 0; i < 20; i++) hearth_grammar_close(g[i]); /* tables that are in use stay; the sanitizers see the rest */
}

static void schemas_stand_in_grammars(void **state) {
    (void)state;
    static const char text[] = "root ::= \"<call>\" args-0 \"</call>\" (\" \" args-1)?\nargs-0 ::= %json {\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}},\"required\":[\"a\"]}\n"
                               "args-1 ::= %json {\"enum\":[\"x\"]} | \"none\"\n";
    allows(G, text, "<call>{\"a\":1}</call>", "<call>{\"a\": 12}</call> \"x\"", "<call>{\"a\":1}</call> none");
    forbids(G, text, "<call>{}</call>", "<call>{\"a\":1}</call> x");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notation_means_what_it_should),
        cmocka_unit_test(recursion_has_a_stack),
        cmocka_unit_test(masks_are_what_trying_every_token_gives),
        cmocka_unit_test(every_budget_ends_in_a_whole_answer),
        cmocka_unit_test(fixed_text_is_counted_in_tokens),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(what_would_take_for_ever_is_refused_at_once),
        cmocka_unit_test(compiling_has_a_budget),
        cmocka_unit_test(ambiguity_is_bounded),
        cmocka_unit_test(a_mask_costs_so_many_steps),
        cmocka_unit_test(recursion_at_the_end_is_repetition),
        cmocka_unit_test(endless_grammars_leave_nothing_behind),
        cmocka_unit_test(schemas_stand_in_grammars),
    };
    return cmocka_run_group_tests(tests, vocab_setup, vocab_teardown);
}
