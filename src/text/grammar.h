/* grammar.h - answers that follow a grammar: from its text to a mask over the vocabulary for each token.
 *
 *      GBNF  --grammar_gbnf.c--┐                              ┌- grammar_unit.c    what is repeated, as tables
 *                              ├-> rules (grammar_rules.h) --+
 *      schema ---schema*.c-----┘                              └- grammar_program.c nodes, shortest completions
 *                                                                      |
 *      lexicon.c  the vocabulary's trie  ------------------> grammar_mask.c   which tokens may come next
 *
 * The grammar is context-free and read by a machine over bytes with a set of live stacks (grammar_state.c).  What it promises:
 *
 *   exact     a token is in the mask exactly if its bytes are a beginning of what the grammar allows here, no byte of it malformed
 *             UTF-8 in the grammar's classes; a token that ends the answer, exactly if the answer is whole
 *   bounded   with `left` tokens to come, only tokens after which the answer can still be made whole within left - 1 */
#ifndef HEARTH_TEXT_GRAMMAR_H
#define HEARTH_TEXT_GRAMMAR_H

#include "text/tokenizer.h"

struct hearth_grammar;

/* As hearth_grammar_open (hearth.h).  t must outlive the grammar. */
enum hearth_status grammar_open(const struct tokenizer *t, enum hearth_grammar_kind kind, const char *text, size_t len,
                                struct hearth_grammar **out);
/* The text it was compiled from, NUL-terminated; lives as long as g. */
const char *grammar_source(const struct hearth_grammar *g, enum hearth_grammar_kind *kind, size_t *len);
const struct tokenizer *grammar_tokenizer(const struct hearth_grammar *g);
/* Tokens that surely suffice for the shortest answer, the one that ends it not counted. */
uint32_t grammar_least(const struct hearth_grammar *g);

/* Where one answer stands.  All memory but growth of deep nesting is taken when it is opened. */
struct grammar_state;
enum hearth_status grammar_state_open(const struct hearth_grammar *g, struct grammar_state **out);
void grammar_state_close(struct grammar_state *s);           /* NULL is allowed */
/* To the beginning of another answer. */
enum hearth_status grammar_state_reset(struct grammar_state *s);
/* The tokens that may come next when `left` tokens (at least 1) may still come, this one counted; *mask as sampler_pick takes it, valid
 * until the next call.  EUSAGE naming both numbers: that many are too few.  ELIMIT: too ambiguous to go on. */
enum hearth_status grammar_state_mask(struct grammar_state *s, uint32_t left, const uint32_t **mask);
/* EUSAGE: the token, which must not end the answer, is not allowed here; the state is then of no further use. */
enum hearth_status grammar_state_accept(struct grammar_state *s, int32_t id);
enum hearth_status grammar_state_accept_bytes(struct grammar_state *s, const char *bytes, size_t n);
int grammar_state_whole(const struct grammar_state *s);      /* the answer may end here */
int grammar_state_over(const struct grammar_state *s);       /* it can only end here */
/* Tokens that surely suffice to make it whole from here. */
uint32_t grammar_state_least(const struct grammar_state *s);

#endif
