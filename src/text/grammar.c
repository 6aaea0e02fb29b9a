/* grammar.c - opening a grammar: its text, its rules, its program. */
#include "text/grammar.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/grammar_in.h"

static enum hearth_status keep_text(struct hearth_grammar *g, const char *text, size_t len) {
    const char *what = g->kind == HEARTH_GBNF ? "grammar" : "schema";
    size_t bad;
    if (!text) return fail(HEARTH_EUSAGE, "%s: no text", what);
    if (len > GRAMMAR_TEXT) return fail(HEARTH_ELIMIT, "%s: %zu bytes, allowed: at most %d", what, len, GRAMMAR_TEXT);
    if (!utf8_valid(text, len, &bad)) return fail(HEARTH_EFORMAT, "%s: byte %zu is not UTF-8", what, bad);
    if (memchr(text, 0, len)) return fail(HEARTH_EFORMAT, "%s: has a NUL", what);
    if (!(g->text = mem_array(len + 1, 1))) return HEARTH_ENOMEM;
    memcpy(g->text, text, len);
    g->len = len;
    return HEARTH_OK;
}

static enum hearth_status compile(struct hearth_grammar *g) {
    struct grammar_rules r;
    struct gx *root = NULL;
    grammar_rules_init(&r);
    enum hearth_status st = g->kind == HEARTH_GBNF ? gbnf_read(&r, g->text, g->len, &root) : schema_read(&r, "schema", g->text, g->len, &root);
    if (st == HEARTH_OK) st = grammar_rules_loops(&r);
    if (st == HEARTH_OK) st = program_make(&g->p, &r, root, g->lexicon);
    grammar_rules_free(&r);
    return st;
}

enum hearth_status grammar_open(const struct tokenizer *t, enum hearth_grammar_kind kind, const char *text, size_t len,
                                struct hearth_grammar **out) {
    *out = NULL;
    if (kind != HEARTH_GBNF && kind != HEARTH_JSON_SCHEMA) return fail(HEARTH_EUSAGE, "a grammar's kind is %d, allowed: HEARTH_GBNF, HEARTH_JSON_SCHEMA", (int)kind);
    struct hearth_grammar *g = mem_array(1, sizeof *g);
    if (!g) return HEARTH_ENOMEM;
    g->kind = kind;
    g->tokenizer = t;
    enum hearth_status st = keep_text(g, text, len);
    if (st == HEARTH_OK) st = tokenizer_lexicon(t, &g->lexicon);
    if (st == HEARTH_OK) st = compile(g);
    if (st == HEARTH_OK) *out = g;
    else hearth_grammar_close(g);
    return st;
}

void hearth_grammar_close(struct hearth_grammar *g) {
    if (!g) return;
    program_free(&g->p, g->lexicon);
    free(g->text);
    free(g);
}

const char *grammar_source(const struct hearth_grammar *g, enum hearth_grammar_kind *kind, size_t *len) {
    *kind = g->kind;
    *len = g->len;
    return g->text;
}

const struct tokenizer *grammar_tokenizer(const struct hearth_grammar *g) { return g->tokenizer; }
uint32_t grammar_least(const struct hearth_grammar *g) { return g->p.cost[g->p.root]; }
