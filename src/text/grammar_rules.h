/* grammar_rules.h - the form that GBNF and JSON Schema have in common: rules, each an expression over characters.
 *
 * An expression is a tree in an arena; makers give NULL when there is no memory (message set), and take NULL as an operand of
 * which that is already true, so that only the end of a chain need be checked.  Depth is what the readers bound it to. */
#ifndef HEARTH_TEXT_GRAMMAR_RULES_H
#define HEARTH_TEXT_GRAMMAR_RULES_H

#include "base/mem.h"

enum gx_op { GX_EMPTY, GX_NOTHING, GX_BYTES, GX_SET, GX_SEQ, GX_ALT, GX_REPEAT, GX_RULE };
#define GX_MANY UINT32_MAX           /* of a repetition: without end */

struct range { uint32_t lo, hi; };   /* code points, both included */

struct gx {
    enum gx_op op;
    uint32_t n;                      /* bytes, ranges, children */
    uint32_t min, max;               /* GX_REPEAT */
    uint32_t rule;                   /* GX_RULE */
    const char *bytes;
    const struct range *range;       /* sorted, apart, no surrogates */
    struct gx **child;
};

enum {
    GRAMMAR_TEXT = 1 << 20,          /* bytes of a grammar or schema */
    GRAMMAR_RULES = 20000,
    GRAMMAR_DEPTH = 200,             /* brackets in brackets */
    GRAMMAR_REPEAT = 100000,         /* of {m,n} */
    GRAMMAR_RANGES = 1000,           /* of one class */
    GRAMMAR_NODES = 400000           /* after compiling */
};

struct grammar_rules {
    struct arena arena;
    size_t nodes;                    /* expressions made so far */
    struct gx **body;                /* [n]; rule 0 is the root; NULL: not yet defined */
    const char **name;               /* [n] for messages */
    size_t n, body_cap, name_cap;
};

void grammar_rules_init(struct grammar_rules *r);
void grammar_rules_free(struct grammar_rules *r);
/* A new rule without a body. */
enum hearth_status grammar_rules_add(struct grammar_rules *r, const char *name, size_t n, uint32_t *rule);

struct gx *gx_empty(struct grammar_rules *r);
struct gx *gx_nothing(struct grammar_rules *r);
struct gx *gx_bytes(struct grammar_rules *r, const char *s, size_t n);
struct gx *gx_text(struct grammar_rules *r, const char *s);
/* Any order, overlaps allowed; negate: every character but these. */
struct gx *gx_set(struct grammar_rules *r, const struct range *range, size_t n, int negate);
struct gx *gx_seq(struct grammar_rules *r, size_t n, struct gx *const *x);
struct gx *gx_alt(struct grammar_rules *r, size_t n, struct gx *const *x);
struct gx *gx_seq2(struct grammar_rules *r, struct gx *a, struct gx *b);
struct gx *gx_seq3(struct grammar_rules *r, struct gx *a, struct gx *b, struct gx *c);
struct gx *gx_alt2(struct grammar_rules *r, struct gx *a, struct gx *b);
struct gx *gx_repeat(struct grammar_rules *r, struct gx *x, uint32_t min, uint32_t max);
struct gx *gx_maybe(struct grammar_rules *r, struct gx *x);
struct gx *gx_rule(struct grammar_rules *r, uint32_t rule);

/* Rules that end with themselves become repetitions, which cost less: a ::= x a | y is a ::= x* y, whatever else of a is in x and y. */
enum hearth_status grammar_rules_loops(struct grammar_rules *r);

/* A list of expressions that grows; free(item). */
struct gx_list { struct gx **item; size_t n, cap; };
enum hearth_status gx_push(struct gx_list *l, struct gx *x);   /* ENOMEM for NULL */

/* The readers.  Both append their rules; *out is an expression of the whole (for GBNF: of its root). */
enum hearth_status gbnf_read(struct grammar_rules *r, const char *text, size_t n, struct gx **out);
enum hearth_status schema_read(struct grammar_rules *r, const char *what, const char *text, size_t n, struct gx **out);
/* The same from the beginning of a text; *used: bytes that were the schema. */
enum hearth_status schema_read_some(struct grammar_rules *r, const char *what, const char *text, size_t n, size_t *used, struct gx **out);

#endif
