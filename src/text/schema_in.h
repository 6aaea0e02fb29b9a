/* schema_in.h - JSON Schema to rules, for the schema*.c alone.
 *
 *      schema.c          a schema to an expression: references, alternatives, the seven types
 *      schema_merge.c    several schemas that hold at once, to one ("conj"): $ref beside others, allOf, branches of anyOf
 *      schema_check.c    values that fit, schemas that exclude each other
 *      schema_object.c   objects        schema_number.c   numbers between bounds
 *      schema_text.c     strings, keys, formats        schema_pattern.c  regular expressions
 *
 * A conj is a JSON object again: the keywords that hold, with
 *      "\1types"   bits of enum schema_type         "\1any", "\1one"   lists of anyOf and oneOf lists still to be taken apart */
#ifndef HEARTH_TEXT_SCHEMA_IN_H
#define HEARTH_TEXT_SCHEMA_IN_H

#include <jansson.h>
#include "text/grammar_rules.h"

enum schema_type {
    TYPE_NULL = 1, TYPE_BOOLEAN = 2, TYPE_INTEGER = 4, TYPE_FRACTION = 8 /* a number that is no integer */, TYPE_STRING = 16,
    TYPE_ARRAY = 32, TYPE_OBJECT = 64, TYPE_NUMBER = 12, TYPE_ALL = 127
};
#define CONJ_TYPES "\1types"
#define CONJ_ANY "\1any"
#define CONJ_ONE "\1one"

enum { SCHEMA_DEPTH = 100, SCHEMA_MERGES = 5000, SCHEMA_NODES = 250000 /* of expressions, some 350 bytes each */, SCHEMA_STEPS = 5000000, SCHEMA_CHARS = 200 /* of a property's name that are told apart from others */ };

struct schema_memo { const json_t *schema; uint32_t rule; };
struct schema_pair { const json_t *a, *b; json_t *both; };

struct schema {
    struct grammar_rules *r;
    const char *what;                /* "schema", for messages */
    json_t *root;
    json_t *made;                    /* an array: every conj and every pair that was made, kept so that pointers stay */
    struct schema_memo *memo;        /* open addressing by pointer */
    size_t memos, memo_cap;
    struct schema_pair *pair;
    size_t pairs, pair_cap;
    int depth, merges;
    uint64_t steps;                  /* values compared, members copied, pairs looked at: what grows with the square of a text */
    /* Made when first needed. */
    struct gx *blank, *space, *text_char, *string, *value, *plain_char, *integer, *number;
};

/* EUNSUPPORTED naming the keyword. */
enum hearth_status schema_cannot(const struct schema *s, const char *keyword, const char *why);
enum hearth_status schema_wrong(const struct schema *s, const char *keyword, const char *wanted);

/* ELIMIT: with these it is more than SCHEMA_STEPS, of some tens of nanoseconds each. */
enum hearth_status schema_work(struct schema *s, uint64_t steps);

/* An expression of all values that fit. */
enum hearth_status schema_value(struct schema *s, const json_t *schema, struct gx **out);
enum hearth_status schema_any(struct schema *s, struct gx **out);
enum hearth_status schema_literal(struct schema *s, const json_t *value, struct gx **out);
enum hearth_status schema_rule(struct schema *s, struct gx *body, struct gx **out);   /* a rule with that body */
/* At most a blank, or a new line and its indentation; at most a blank. */
struct gx *schema_blank(struct schema *s);
struct gx *schema_space(struct schema *s);

/* ---- schema_merge.c ---- */
/* *conj: a new object, owned by s->made. */
enum hearth_status schema_conj(struct schema *s, const json_t *base /* a conj to begin with, or NULL */, const json_t *schema, json_t **conj);
enum hearth_status schema_resolve(struct schema *s, const char *ref, const json_t **out);
int schema_types(const json_t *conj);                       /* TYPE_ALL where none are named */
enum hearth_status schema_count(const struct schema *s, const json_t *conj, const char *keyword, uint32_t otherwise, uint32_t *out);
int schema_is_annotation(const char *keyword);

/* ---- schema_check.c ---- */
/* *fits: value is allowed by the conj, whose alternatives were taken apart. */
enum hearth_status schema_fits(struct schema *s, const json_t *conj, const json_t *value, int *fits);
enum hearth_status schema_fits_beside(struct schema *s, const json_t *conj, const json_t *value, int *fits);   /* its enum not looked at */
/* 1: provably no value fits both. */
enum hearth_status schema_disjoint(struct schema *s, const json_t *a, const json_t *b, int depth, int *disjoint);
int schema_equal(struct schema *s, const json_t *a, const json_t *b);      /* as JSON Schema compares: 1 is 1.0; counts its steps */

/* ---- parts ---- */
enum hearth_status schema_object(struct schema *s, const json_t *conj, struct gx **out);
enum hearth_status schema_number(struct schema *s, const json_t *conj, int types, struct gx **out);
enum hearth_status schema_string(struct schema *s, const json_t *conj, struct gx **out);
/* A key in quotes that is none of the names. */
enum hearth_status schema_other_key(struct schema *s, const json_t *names, struct gx **out);
/* The characters as one way of writing them inside a JSON string. */
struct gx *schema_chars(struct schema *s, const struct range *range, size_t n, int negate);
/* The inside of a JSON string that the regular expression matches somewhere; lengths in characters (GX_MANY: any). */
enum hearth_status schema_pattern(struct schema *s, const char *pattern, size_t n, struct gx **out, uint32_t *least, uint32_t *most);

#endif
