/* lexicon.h - the tokens of a vocabulary as a trie over their bytes, for masks of grammars.
 *
 * The nodes lie in preorder, so that walking is reading forward, and leaving a branch out is one jump:
 *
 *      node      0    1    2    3    4    5
 *      byte      -    a    n    t    b    "         "a" "an" "ant" "b" "\""
 *      parent    -    0    1    2    0    0
 *      end       6    4    4    4    5    6         the first node past the branch
 *      token_at  0    0    1    2    3    4    5    ids of node i: token[token_at[i] .. token_at[i + 1])
 *
 * Only tokens whose text on_text would show are in it: no control tokens, no end of generation, nothing of more than
 * LEXICON_LONGEST bytes.  Tokens of equal bytes share a node. */
#ifndef HEARTH_TEXT_LEXICON_H
#define HEARTH_TEXT_LEXICON_H

#include "text/tokenizer.h"

enum { LEXICON_LONGEST = 250 };      /* bytes; so deep may a walk of the trie be */

struct lexicon_table;

struct lexicon {
    int32_t vocabulary;              /* bits of a mask */
    uint32_t nodes;
    uint8_t *byte;                   /* [nodes] */
    uint32_t *parent, *end;          /* [nodes] */
    uint32_t *token_at;              /* [nodes + 1] */
    int32_t *token;                  /* [token_at[nodes]] */
    uint32_t with_at[257];           /* nodes reached by byte b, ascending: with[with_at[b] .. with_at[b + 1]) */
    uint32_t *with;
    uint8_t alone[256];              /* 1: some token is this one byte */
    int32_t ends[32];                /* tokens that end an answer */
    int n_ends;
    struct lexicon_tables *tables;   /* grammar_table.c's: what is remembered of repeated characters */
};

/* Of the vocabulary; made when it is first asked for, kept as long as t.  Thread-safe. */
enum hearth_status tokenizer_lexicon(const struct tokenizer *t, struct lexicon **out);

enum hearth_status lexicon_open(const struct tokenizer *t, struct lexicon **out);
void lexicon_close(struct lexicon *l);
/* The node of these bytes below `from`, or 0. */
uint32_t lexicon_find(const struct lexicon *l, uint32_t from, const char *s, size_t n);

#endif
