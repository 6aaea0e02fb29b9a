/* grammar_in.h - a compiled grammar, for the grammar_*.c alone.
 *
 * A program is a graph of nodes, one small automaton a rule:
 *
 *      root ::= "a" ("b" | list)      0: BYTE a -> 1    1: SPLIT -> 2, 3    2: BYTE b -> 4    3: CALL list -> 4    4: END
 *
 * A live stack is a node and where its callers go on.  What is repeated and has no rules in it ("characters of a string, 3 to 20
 * of them") is one node, SPAN: an automaton over bytes, the unit, whose end is known by its last byte, and a count. */
#ifndef HEARTH_TEXT_GRAMMAR_IN_H
#define HEARTH_TEXT_GRAMMAR_IN_H

#include "text/grammar.h"
#include "text/grammar_rules.h"
#include "text/grammar_table.h"
#include "text/lexicon.h"

enum node_op { NODE_END, NODE_FAIL, NODE_BYTE, NODE_SET, NODE_SPLIT, NODE_CALL, NODE_SPAN };

struct node {
    uint8_t op, byte;
    uint32_t next;
    uint32_t arg;                    /* SET: of sets; SPLIT: the other way; CALL: the rule; SPAN: of spans */
};

struct byteset { uint32_t word[8]; };
static inline int byteset_has(const struct byteset *s, unsigned b) { return s->word[b >> 5] >> (b & 31) & 1; }
static inline void byteset_add(struct byteset *s, unsigned b) { s->word[b >> 5] |= 1u << (b & 31); }

/* A unit: what is repeated.  No word of it begins another of it, and none is empty. */
enum { UNIT_DEAD, UNIT_START, UNIT_DONE, UNIT_STATES = 250 };
struct unit {
    uint32_t states;
    uint64_t hash;                   /* of next */
    uint8_t *next;                   /* [states][256] */
    uint32_t *cost;                  /* [states] least bytes, each a token of its own, to DONE */
    struct lexicon_table **table;    /* [states] NULL: few tokens lie inside from there on, they are walked */
    uint32_t dearest;                /* the largest cost that is one */
    int repeated;                    /* some span has more than one of it */
};

struct span { uint32_t unit, min, max; };

#define COST_NONE 0x3fffffffu        /* no way */
static inline uint32_t cost_add(uint32_t a, uint32_t b) { return a + b < COST_NONE ? a + b : COST_NONE; }
static inline uint32_t cost_mul(uint32_t a, uint32_t b) {
    uint64_t x = (uint64_t)a * b;
    return x < COST_NONE ? (uint32_t)x : COST_NONE;
}

struct program {
    struct node *node;
    uint32_t *cost;                  /* [nodes] least tokens from here to the rule's END */
    struct byteset *set;
    struct span *span;
    struct unit *unit;
    uint32_t *start;                 /* [rules] */
    size_t nodes, node_cap, sets, set_cap, spans, span_cap, units, unit_cap, rules, start_cap;
    uint32_t root;                   /* node */
    uint64_t fuel;                   /* of making units of what could as well be nodes */
    uint64_t steps, unit_bytes;      /* of compiling, so far: program_burn; of all units */
    struct maker *maker;             /* of units, while they are made */
};

enum { PROGRAM_STEPS = 400000000, UNIT_BYTES = 32 << 20 };
/* A step is about a nanosecond.  ELIMIT: with these it is more than PROGRAM_STEPS. */
enum hearth_status program_burn(struct program *p, uint64_t steps);

struct hearth_grammar {
    enum hearth_grammar_kind kind;
    char *text;
    size_t len;
    const struct tokenizer *tokenizer;
    struct lexicon *lexicon;
    struct program p;
};

/* Rules to nodes, with costs.  EFORMAT: left recursion, no end; ELIMIT. */
enum hearth_status program_make(struct program *p, const struct grammar_rules *r, const struct gx *root, struct lexicon *l);
void program_free(struct program *p, struct lexicon *l);

/* x as a unit of the program, the same one for the same automaton; *is = 0: it cannot be one. */
enum hearth_status unit_make(struct program *p, const struct grammar_rules *r, const struct gx *x, int *is, uint32_t *unit);
/* Costs, and a table for those that many tokens lie in; none is made afterwards. */
enum hearth_status units_finish(struct program *p, struct lexicon *l);
void maker_free(struct maker *m);   /* NULL is allowed */

/* ---- one answer (grammar_state.c) ---- */

struct config { uint32_t node, stack, units; uint32_t state; };
struct cset { uint32_t at, n, cost; int whole; };        /* configs pool[at .. at + n) */
struct frame { uint32_t node, parent, cost, slot; };     /* where a caller goes on; cost: of it and all below */

struct grammar_state {
    const struct hearth_grammar *g;
    const struct program *p;
    struct config *pool;
    size_t top, pool_cap;
    struct cset now;                 /* lies at pool[0] */
    struct frame *frame;             /* [frames]; 0 is the empty stack */
    uint32_t *slot;                  /* of frames, open addressing; power of two */
    size_t frames, frame_cap, slots, tidy_at;
    struct config *seen;             /* of one closure, open addressing */
    uint32_t *seen_epoch, epoch, n_seen;
    struct { uint32_t node, stack; } *work;
    size_t work_cap;
    uint32_t *mask;
    uint64_t fuel;                   /* of one mask or one token */
    uint32_t limit;                  /* mask: tokens that may come behind the next */
};

enum {
    STATE_LIVE = 4096,               /* stacks alive at once */
    STATE_SEEN = 1 << 15,
    STATE_FRAMES = 1 << 16,          /* depth and variety of stacks */
    STATE_FUEL = 2000000             /* steps for one token: some hundredths of a second */
};
/* A step is some ten nanoseconds: a config that is looked at, 4 nodes of the trie in a table's stead, 8 tokens of a list, 64 words of a mask.
 * ELIMIT: no more. */
enum hearth_status state_burn(struct grammar_state *s, uint64_t steps);

/* The configs after byte b from those of `from`; they lie at the pool's top, to be dropped with s->top = out->at. */
enum hearth_status state_step(struct grammar_state *s, const struct cset *from, unsigned b, int plain_only, struct cset *out);
/* The configs at node with that stack. */
enum hearth_status state_enter(struct grammar_state *s, uint32_t node, uint32_t stack, struct cset *out);
/* Forgets the frames made since there were n. */
void state_forget(struct grammar_state *s, size_t n);

#endif
