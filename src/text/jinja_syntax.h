/* jinja_syntax.h - a template's text on its way to a tree that can be walked.
 *
 *     source --jinja_lex--> tokens --jinja_parse--> nodes --jinja_bind--> nodes whose names know their slots
 *
 * A node is one shape for statements and expressions: a type, a line, its children.  What stands at which child is
 * told at the types below; a child that may be absent is NULL.  All of it lives in the template's arena and is never
 * written after template_open(), so that threads may share it. */
#ifndef HEARTH_TEXT_JINJA_SYNTAX_H
#define HEARTH_TEXT_JINJA_SYNTAX_H

#include "base/mem.h"
#include "text/jinja.h"

enum token_type {
    T_END, T_DATA, T_BLOCK_BEGIN, T_BLOCK_END, T_PRINT_BEGIN, T_PRINT_END, T_NAME, T_STRING, T_INT, T_FLOAT,
    T_ADD, T_SUB, T_MUL, T_DIV, T_FLOORDIV, T_MOD, T_POW, T_TILDE, T_EQ, T_NE, T_LT, T_LE, T_GT, T_GE, T_ASSIGN,
    T_LPAREN, T_RPAREN, T_LBRACKET, T_RBRACKET, T_LBRACE, T_RBRACE, T_DOT, T_COLON, T_PIPE, T_COMMA, T_SEMICOLON
};

struct token {
    uint8_t type;
    uint32_t line;
    union {
        struct text *text;  /* T_DATA, T_STRING; T_NAME: interned, equal names are one pointer */
        int64_t i;
        double f;
    };
};

enum node_type {
    /* expressions */
    N_CONST,        /* value */
    N_NAME,         /* name, hops, slot; op: enum name_use */
    N_NSREF,        /* name.attr as the target of an assignment: name, hops, slot; kid 0: N_CONST with the attribute */
    N_TUPLE, N_LIST,/* items */
    N_DICT,         /* key, value, key, value, ... */
    N_BINARY,       /* op: a token type; left, right */
    N_UNARY,        /* op: T_ADD or T_SUB; operand */
    N_AND, N_OR, N_NOT,
    N_COMPARE,      /* first, N_OPERAND, N_OPERAND, ... */
    N_OPERAND,      /* op: a token type, N_IN or N_NOTIN; right side */
    N_IN, N_NOTIN,
    N_CONCAT,       /* pieces */
    N_COND,         /* test, then, otherwise (NULL) */
    N_GETATTR,      /* object; name */
    N_GETITEM,      /* object, key */
    N_SLICE,        /* start, stop, step, each may be NULL */
    N_CALL, N_FILTER, N_TEST, /* object (NULL: a filter of captured text), arguments: see u.call */
    /* statements */
    N_BODY,         /* statements */
    N_OUTPUT,       /* N_DATA and expressions */
    N_DATA,         /* value */
    N_IF,           /* test, body, test, body, ... [otherwise] */
    N_FOR,          /* target, iterable, body, otherwise (NULL), test (NULL), the test's target (NULL);
                       op: FOR_RECURSIVE | FOR_LOOP */
    N_SET,          /* target, expression */
    N_SETBLOCK,     /* target, filter (NULL), body */
    N_MACRO,        /* body, NULL, parameters, defaults; name, hops, slot: where it is kept */
    N_CALLBLOCK,    /* body, call (NULL: a generation block), parameters, defaults */
    N_FILTERBLOCK,  /* filter, body */
    N_WITH,         /* body, target, value, target, value, ... */
    N_BREAK, N_CONTINUE
};

enum name_use { USE_LOAD, USE_STORE, USE_PARAM };
enum { FOR_RECURSIVE = 1, FOR_LOOP = 2 /* the body names `loop` */ };
enum { MACRO_CALLER = 1, MACRO_KWARGS = 2, MACRO_VARARGS = 4 }; /* which of these the body names */

/* What happens to a variable of a block when the block is entered. */
enum load { LOAD_PARAM /* set by who enters */, LOAD_GLOBAL, LOAD_ALIAS /* of an outer block's */, LOAD_MISSING };
struct frame {
    uint32_t n;
    struct frame_load { uint8_t load; uint32_t slot, hops, outer; struct text *name; } *load;
};

struct node {
    uint8_t type, op;
    uint16_t height;               /* of the tree below: what eval's recursion will reach */
    uint32_t line, n;
    uint32_t hops, slot;
    struct node **kid;
    struct text *name;
    union {
        struct value value;
        struct {
            uint32_t args, kws;    /* kid: object, args, values of kws, then *star and **stars where present */
            struct text **kw;
            struct node *star, *stars;
            const struct builtin *builtin; /* of filters and tests; NULL: unknown, allowed inside {% if %} */
        } call;
        struct {
            struct frame *frame;   /* of the body; N_FOR: of the loop's body */
            struct frame *other, *test; /* N_FOR */
            uint32_t params, defaults;  /* N_MACRO, N_CALLBLOCK; parameters stand at kid 2 .. */
            uint32_t slots;        /* of the function this node is: macro, call block, recursive loop */
            uint32_t test_slots;   /* N_FOR: of its test, which is a function of its own */
            uint32_t loop_slot;    /* N_FOR with FOR_LOOP */
            uint32_t caller, kwargs, varargs; /* N_MACRO, N_CALLBLOCK: slots, where op says so */
        } block;
    } u;
};

/* Compiling: the room that lexer, parser and binder share. */
struct compile {
    struct template *t;
    const char *source;            /* newlines are all \n; the last one is gone */
    size_t n;
    struct token *token;
    size_t tokens, cap, at;
    struct text **names;           /* interned, open addressing */
    size_t names_n, names_cap;
    uint32_t nest;                 /* of parentheses and blocks while parsing */
};

struct template {
    char *name;
    struct arena arena;
    struct node *root;             /* N_BODY */
    struct frame *frame;
    uint32_t slots;
    int plain;                     /* template_open_plain's */
};

enum { JINJA_NEST_MAX = 100 /* parentheses, blocks */, JINJA_HEIGHT_MAX = 200 /* a + b + c + ... */ };

/* EFORMAT: "NAME: line L: ...". */
enum hearth_status jinja_refuse(const struct compile *c, uint32_t line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The one text of the template for these bytes. */
enum hearth_status jinja_intern(struct compile *c, const char *p, size_t n, struct text **out);
/* A text in the template's arena, bytes not copied. */
enum hearth_status jinja_constant_text(struct compile *c, const char *p, size_t n, struct text **out);

enum hearth_status jinja_lex(struct compile *c);
enum hearth_status jinja_parse(struct compile *c, struct node **root);
enum hearth_status jinja_bind(struct compile *c, struct node *root);

/* Between the two files of the parser. */
const char *jinja_token_word(const struct token *t);
static inline struct token *jinja_peek(struct compile *c) { return &c->token[c->at]; }
int jinja_name_is(const struct token *t, const char *name);
int jinja_skip_if(struct compile *c, enum token_type type);
int jinja_skip_name(struct compile *c, const char *name);
enum hearth_status jinja_expect(struct compile *c, enum token_type type);
enum hearth_status jinja_node(struct compile *c, enum node_type type, uint32_t line, uint32_t n,
                              struct node *const *kid, struct node **out);
struct kids { struct node **v; size_t n, cap; }; /* children being gathered, in the arena */
enum hearth_status jinja_kids_add(struct compile *c, struct kids *k, struct node *n);
enum hearth_status jinja_parse_expression(struct compile *c, int with_condition, struct node **out);
/* An expression or, with commas, a tuple.  end_name: a name that ends it ("in", "recursive"), or NULL. */
enum { TUPLE_PRIMARY = 1, TUPLE_NO_CONDITION = 2, TUPLE_PARENTHESES = 4, TUPLE_NAMESPACE = 8 };
enum hearth_status jinja_parse_tuple(struct compile *c, int flags, const char *end_name, struct node **out);
enum hearth_status jinja_parse_target(struct compile *c, int flags, const char *end_name, enum name_use use,
                                      struct node **out);
enum hearth_status jinja_parse_filters(struct compile *c, struct node *of, int inline_first, struct node **out);

#endif
