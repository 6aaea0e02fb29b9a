/* grammar_table.h - what is remembered of a unit (grammar_in.h) that many tokens lie in, such as a character of a JSON string: for each
 * token, how many of it the token is.  Grammars of one model share tables; those that no grammar uses are let go but for a few. */
#ifndef HEARTH_TEXT_GRAMMAR_TABLE_H
#define HEARTH_TEXT_GRAMMAR_TABLE_H

#include <stdint.h>
#include "base/status.h"

struct lexicon;
struct lexicon_tables;

struct part { int32_t id; uint8_t units, state; };       /* a token that ends inside a unit, `units` whole ones before */

struct lexicon_table {
    struct lexicon_table *next_table;
    int users;
    uint32_t states, start;          /* the state that a token finds */
    uint8_t *automaton;              /* [states][256] */
    uint8_t *units;                  /* [nodes of the lexicon] whole units up to here; TABLE_INSIDE: not at a border */
    int32_t *whole;                  /* tokens of k units: whole[whole_at[k] .. whole_at[k + 1]) */
    uint32_t whole_at[256 + 1];
    uint32_t most;                   /* units of a token */
    struct part *part;
    uint32_t parts, part_most;       /* part_most: the most whole units before one that is begun */
    uint32_t *mask, *part_mask;      /* of all in whole, of all in part */
};

enum { TABLE_INSIDE = 255 };

enum hearth_status lexicon_tables_open(struct lexicon_tables **out);
void lexicon_tables_close(struct lexicon_tables *t);
/* The table of that automaton from that state on; *out stays NULL when so few tokens lie in it that none is worth while. */
enum hearth_status lexicon_table_take(struct lexicon *l, const uint8_t *automaton, uint32_t states, uint32_t start, struct lexicon_table **out);
void lexicon_table_leave(struct lexicon *l, struct lexicon_table *t);   /* NULL is allowed */

#endif
