/* jinja.h - the values of a template and the rendering that they live in.
 *
 * The language is Jinja 3.1 (https://jinja.palletsprojects.com/en/3.1.x/templates/) inside the sandbox that the
 * `transformers` package puts around it, and therefore Python's: its numbers, strings, truth, printing.  Where they
 * differ: an int is 64 bits and overflow is an error; there is no set, no bytes, no complex number; nothing but
 * `namespace` can be changed.
 *
 * A value is 16 bytes, passed by value.  What it points to lives in the rendering's arena and goes with it, so nothing
 * here is freed singly; every byte is charged to a budget, every piece of work to another (see jinja_charge, jinja_work),
 * and every recursion counts its depth (jinja_enter).  A template is data from a stranger: those three are what keep
 * 'x' * 10**9, range(10**9) and a macro that calls itself from being more than an error message.
 *
 *     jinja_value.c   making, truth, equality, order     jinja_filter*.c   {{ x|filter }}
 *     jinja_dict.c    dictionaries                        jinja_test.c      {% if x is test %}
 *     jinja_iter.c    going through, lazily               jinja_method*.c   {{ x.method() }}, range, namespace ...
 *     jinja_op.c      + - * / in, slices                  jinja_string.c    split, strip, replace, wordwrap
 *     jinja_attr.c    x.name, x[key], the sandbox         jinja_format.c    "%s" % x, "{}".format(x)
 *     jinja_print.c   str() and repr()                    jinja_json.c      tojson, and JSON's values
 *     jinja_eval.c    expressions                         jinja_time.c      strftime_now
 *     jinja_exec.c    statements, macros                  jinja_unicode.c   upper, lower, isalpha ...
 *     jinja_loop.c    {% for %} and `loop`                jinja_args.c      a call's arguments to parameters
 * How a text becomes the tree that these walk is told in jinja_syntax.h.
 */
#ifndef HEARTH_TEXT_JINJA_H
#define HEARTH_TEXT_JINJA_H

#include <jansson.h>
#include <time.h>
#include "base/mem.h"

struct node;
struct render;
struct cursor;

enum kind {
    K_MISSING = 0,  /* no value: an argument not given, a variable not set */
    K_UNDEFINED, K_NONE, K_BOOL, K_INT, K_FLOAT, K_TEXT, K_LIST, K_TUPLE, K_DICT, K_RANGE,
    K_VIEW,         /* of a dict: what = VIEW_KEYS ... */
    K_ITER,         /* something that can be gone through once */
    K_SPACE,        /* namespace() */
    K_MACRO, K_FUNCTION, K_METHOD, K_LOOP, K_CYCLER, K_JOINER
};
enum { VIEW_KEYS, VIEW_VALUES, VIEW_ITEMS };

struct value {
    uint8_t kind;
    uint8_t what;   /* K_VIEW: which; K_TEXT: 1 when it is Markup, that is safe from escaping; K_TUPLE: 1 from groupby */
    union {
        int64_t i;  /* K_BOOL: 0 or 1; K_INT */
        double f;
        struct text *text;
        struct list *list;          /* K_LIST, K_TUPLE */
        struct dict *dict;          /* K_DICT, K_VIEW */
        struct range *range;
        struct iter *iter;
        struct space *space;
        struct macro *macro;
        const struct builtin *function;
        struct bound *bound;
        struct loop *loop;
        struct cycler *cycler;
        struct joiner *joiner;
        struct undefined *undefined; /* NULL: nothing is known */
        const void *p;
    };
};

/* Well-formed UTF-8, not NUL-terminated; p may point into another text, the template or the JSON.
 * chars: code points, UNCOUNTED until asked for; hash: 0 until asked for. */
struct text { const char *p; size_t n, chars; uint64_t hash; struct room *room; };
#define UNCOUNTED SIZE_MAX
/* A template that puts its output together bit by bit (x = x + y, a thousand times) must not copy all of it each time:
 * a long sum lies in a block with room behind it, and a text that ends where the room begins is added to in place. */
struct room { char *end; size_t left; };

struct list { size_t n; struct value *v; };
struct entry { struct value key, value; };
struct dict { size_t n, cap; struct entry *e; uint32_t *index; size_t index_cap; };
struct range { int64_t start, stop, step, n; };
struct space { struct dict *attrs; int printing; };
struct bound { struct value self; const struct builtin *method; };
struct macro { const struct node *node; struct act *env; };
struct cycler { struct list items; size_t at; };
struct joiner { struct value separator; int used; };
/* Why it is undefined: hint, or name looked for in `of` (a type's name; NULL: a variable). */
struct undefined { const char *hint, *of; struct value name; };

/* The variables of one call of a function (the template itself, a macro, a recursive loop, a loop's test). */
struct act { struct act *up; struct value slot[]; };

/* A call's arguments, and a builtin that takes them. */
struct args { size_t n, kws; struct value *v; struct text **kw; struct value *kwv; };
typedef enum hearth_status builtin_fn(struct render *r, struct value *a, struct value *out);
struct builtin {
    const char *name;
    const char *params;    /* "s,width,first"; "/s,chars": by position only; a last "*": the rest, as a tuple and a dict */
    int required;
    builtin_fn *fn;        /* a[i]: parameter i, K_MISSING when not given; then the rest */
};
enum { PARAMS_MAX = 8 };

struct template;
struct render {
    const struct template *t;
    struct arena arena;
    struct buf *out;       /* also where texts are put together: see jinja_mark */
    size_t base;           /* where this rendering begins in out */
    size_t memory, memory_max;
    uint64_t steps, steps_max, output_max;
    uint32_t nest, nest_max, calls, calls_max, line;
    time_t now;
    struct dict *globals;
    struct act *act;
    int flow;              /* FLOW_BREAK, FLOW_CONTINUE on their way to the loop */
};
enum { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE };

/* ---- template.c: errors and budgets ---- */
/* EFORMAT or ELIMIT: "NAME: line L: ...". */
enum hearth_status jinja_error(struct render *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
enum hearth_status jinja_limit(struct render *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
enum hearth_status jinja_charge(struct render *r, uint64_t bytes);
enum hearth_status jinja_work(struct render *r, uint64_t steps);
enum hearth_status jinja_enter(struct render *r); /* leave with r->nest-- */
/* Zeroed memory of the rendering; n elements of size bytes. */
enum hearth_status jinja_alloc(struct render *r, size_t n, size_t size, void *out /* address of a pointer */);
/* Texts are built at the end of r->out:  mark = jinja_mark(r); jinja_put(...); jinja_take(r, mark, &value). */
static inline size_t jinja_mark(const struct render *r) { return r->out->len; }
enum hearth_status jinja_put(struct render *r, const char *p, size_t n);
enum hearth_status jinja_puts(struct render *r, const char *s);
enum hearth_status jinja_put_char(struct render *r, uint32_t cp);
enum hearth_status jinja_pad(struct render *r, const struct text *fill, int64_t times);
enum hearth_status jinja_take(struct render *r, size_t mark, struct value *out);

/* ---- jinja_value.c ---- */
static inline struct value jinja_none(void) { return (struct value){ .kind = K_NONE }; }
static inline struct value jinja_bool(int b) { return (struct value){ .kind = K_BOOL, .i = b != 0 }; }
static inline struct value jinja_int(int64_t i) { return (struct value){ .kind = K_INT, .i = i }; }
static inline struct value jinja_float(double f) { return (struct value){ .kind = K_FLOAT, .f = f }; }
static inline struct value jinja_text_value(struct text *t) { return (struct value){ .kind = K_TEXT, .text = t }; }
static inline int jinja_is_number(struct value v) { return v.kind == K_INT || v.kind == K_BOOL || v.kind == K_FLOAT; }
static inline int jinja_is_integer(struct value v) { return v.kind == K_INT || v.kind == K_BOOL; }
static inline double jinja_number(struct value v) { return v.kind == K_FLOAT ? v.f : (double)v.i; }
enum hearth_status jinja_view(struct render *r, const char *p, size_t n, struct value *out); /* bytes not copied */
enum hearth_status jinja_text(struct render *r, const char *p, size_t n, struct value *out); /* copied */
enum hearth_status jinja_string(struct render *r, const char *s, struct value *out);         /* a C constant */
enum hearth_status jinja_append(struct render *r, const struct text *a, const struct text *b, struct value *out);
enum hearth_status jinja_list(struct render *r, enum kind kind, size_t n, struct value *out); /* of K_MISSING */
enum hearth_status jinja_pair(struct render *r, struct value a, struct value b, struct value *out);
enum hearth_status jinja_undefined(struct render *r, const char *hint, const char *of, struct value name,
                                   struct value *out);
enum hearth_status jinja_undefined_error(struct render *r, struct value undefined);
/* The same for an undefined value in a template that was opened as plain; any other passes. */
enum hearth_status jinja_strict(struct render *r, struct value v);
const char *jinja_type(struct value v); /* "str", "NoneType", ... */
size_t jinja_chars(struct text *t);
uint64_t jinja_text_hash(struct text *t);
int jinja_is_text(struct value v, const char *s);
int jinja_same_text(const struct text *a, const struct text *b);
int jinja_truth(struct value v);
/* -1: has no length */
int64_t jinja_length(struct value v);
enum hearth_status jinja_equal(struct render *r, struct value a, struct value b, int *out);
/* a < b, a <= b ...: op is T_LT, T_LE, T_GT, T_GE of jinja_syntax.h */
enum hearth_status jinja_order(struct render *r, int op, struct value a, struct value b, int *out);
/* An argument that must be an integer; `what` names it. */
enum hearth_status jinja_want_int(struct render *r, struct value v, const char *what, int64_t *out);
enum hearth_status jinja_want_text(struct render *r, struct value v, const char *what, struct text **out);

/* A stable sort of v[0..n) by keys, least first, as Python's sorted(); reverse keeps equals in order. */
enum hearth_status jinja_sort(struct render *r, struct value *v, struct value *key, size_t n, int reverse);

/* ---- jinja_dict.c ---- */
enum hearth_status jinja_dict(struct render *r, struct dict **out);
static inline struct value jinja_dict_value(struct dict *d) { return (struct value){ .kind = K_DICT, .dict = d }; }
/* *found: NULL when there is no such key.  An unhashable key is an error. */
enum hearth_status jinja_dict_find(struct render *r, const struct dict *d, struct value key, struct value **found);
struct value *jinja_dict_find_text(const struct dict *d, struct text *key);
enum hearth_status jinja_dict_set(struct render *r, struct dict *d, struct value key, struct value value);
enum hearth_status jinja_dict_update(struct render *r, struct dict *d, struct value from);
enum hearth_status jinja_hashable(struct render *r, struct value v, int *out);

/* ---- jinja_iter.c ---- */
struct cursor { struct value over; size_t at; };
struct iter;
typedef enum hearth_status iter_fn(struct render *r, struct iter *it, struct value *out, int *more);
/* How a filter finds what it is asked for in an item: a path of keys, then perhaps lower case. */
struct getter { size_t n; struct value *part; int lower; struct value fallback; };
struct iter {
    iter_fn *next;
    const char *type;              /* "generator", ... */
    struct cursor from;
    int ready, negate, by_attr;
    struct args args;              /* map, select: what was given after the sequence */
    const struct builtin *builtin;
    struct getter get;
    struct dict *seen;             /* unique */
    struct value fill;             /* batch, slice; map, select: a name that is unknown */
    int64_t width, done, extra;
    const struct node *node;       /* a loop's test */
    struct act *act;
};
int jinja_iterable(struct value v);
enum hearth_status jinja_start(struct render *r, struct value over, struct cursor *c);
enum hearth_status jinja_next(struct render *r, struct cursor *c, struct value *out, int *more);
enum hearth_status jinja_collect(struct render *r, struct value over, enum kind kind, struct value *out);
enum hearth_status jinja_iter(struct render *r, iter_fn *next, const char *type, struct iter **out);
enum hearth_status jinja_reversed(struct render *r, struct value over, struct value *out, int *can);

/* ---- jinja_op.c ---- */
enum hearth_status jinja_binary(struct render *r, int op, struct value a, struct value b, struct value *out);
enum hearth_status jinja_unary(struct render *r, int op, struct value a, struct value *out);
enum hearth_status jinja_contains(struct render *r, struct value item, struct value in, int *out);
enum hearth_status jinja_slice(struct render *r, struct value of, const struct value bound[3], struct value *out);
enum hearth_status jinja_round_half_even(struct render *r, struct value v, int64_t places, struct value *out);
enum hearth_status jinja_power(struct render *r, struct value a, struct value b, struct value *out);

/* ---- jinja_attr.c: what a dot or a bracket reaches ---- */
enum hearth_status jinja_getattr(struct render *r, struct value of, struct text *name, struct value *out);
enum hearth_status jinja_getitem(struct render *r, struct value of, struct value key, struct value *out);
/* The attribute alone, never an item; *found 0: there is none. */
enum hearth_status jinja_attribute(struct render *r, struct value of, struct text *name, struct value *out, int *found);
/* Item i of a list or tuple, character i of a text, number i of a range; i may count from the end. */
enum hearth_status jinja_index(struct render *r, struct value of, int64_t i, struct value *out, int *found);

/* ---- jinja_print.c ---- */
enum hearth_status jinja_put_str(struct render *r, struct value v);
enum hearth_status jinja_put_repr(struct render *r, struct value v);
enum hearth_status jinja_put_ascii(struct render *r, struct value v);
enum hearth_status jinja_str(struct render *r, struct value v, struct value *out);      /* str(v), never Markup */
enum hearth_status jinja_soft_str(struct render *r, struct value v, struct value *out); /* Markup stays */
/* Python's repr of a float. */
enum { FLOAT_MAX_TEXT = 64 };
void jinja_float_repr(double f, char out[FLOAT_MAX_TEXT]);
/* The decimal digits of f > 0 rounded to `digits` significant ones (1..17): value 0.d1d2d3... x 10^point. */
int jinja_float_digits(double f, int digits, char out[32]);
/* Reads a decimal number whatever the locale; 0 when it is none. */
int jinja_parse_float(const char *p, size_t n, double *out);
int jinja_parse_int(const char *p, size_t n, int base, int64_t *out, int *overflow);
/* HTML's five characters escaped; Markup. */
enum hearth_status jinja_escape(struct render *r, struct value v, struct value *out);
enum hearth_status jinja_put_escaped(struct render *r, const char *p, size_t n);

/* ---- jinja_format.c ---- */
enum hearth_status jinja_percent(struct render *r, struct value format, struct value args, struct value *out);
enum hearth_status jinja_str_format(struct render *r, struct value format, struct value args, struct dict *kwargs,
                                    struct value *out);

/* ---- jinja_json.c ---- */
enum hearth_status jinja_from_json(struct render *r, const json_t *j, struct value *out);
builtin_fn jinja_tojson;

/* ---- jinja_time.c ---- */
enum hearth_status jinja_strftime(struct render *r, const struct text *format, struct value *out);

/* ---- jinja_unicode.c ---- */
/* The character at p (n > 0); its length. */
int jinja_char(const char *p, size_t n, uint32_t *cp);
/* The length of the character that ends at p + n. */
int jinja_char_before(const char *p, size_t n, uint32_t *cp);
int jinja_is_space(uint32_t cp);
int jinja_is_line_end(uint32_t cp);
int jinja_is_printable(uint32_t cp);
int jinja_is_word(uint32_t cp); /* regular expression \w */
int jinja_is_name_start(uint32_t cp);
int jinja_is_name_part(uint32_t cp);
enum text_case { CASE_UPPER, CASE_LOWER, CASE_TITLE, CASE_CAPITAL, CASE_SWAP, CASE_FOLD };
enum hearth_status jinja_recase(struct render *r, enum text_case to, const struct text *t, struct value *out);
enum text_class { IS_ALPHA, IS_DECIMAL, IS_DIGIT, IS_NUMERIC, IS_ALNUM, IS_SPACE, IS_LOWER, IS_UPPER, IS_TITLE,
                  IS_PRINTABLE, IS_ASCII, IS_IDENTIFIER };
int jinja_text_is(enum text_class c, const struct text *t);

/* ---- jinja_args.c ---- */
/* Places self (unless K_MISSING) and the arguments at the parameters of b. */
enum hearth_status jinja_place(struct render *r, const struct builtin *b, struct value self, const struct args *args,
                               struct value a[PARAMS_MAX + 2]);
enum hearth_status jinja_call_builtin(struct render *r, const struct builtin *b, struct value self,
                                      const struct args *args, struct value *out);
int jinja_callable(struct value v);
const struct builtin *jinja_find(const struct builtin *table, size_t n, const char *name, size_t len);

/* ---- jinja_eval.c, jinja_exec.c ---- */
enum hearth_status jinja_eval(struct render *r, const struct node *n, struct value *out);
enum hearth_status jinja_call(struct render *r, struct value callee, const struct args *args, struct value *out);
enum hearth_status jinja_call_with(struct render *r, const struct node *n, struct text *name, struct value caller,
                                   struct value *out);
enum hearth_status jinja_exec(struct render *r, const struct node *n);
enum hearth_status jinja_exec_for(struct render *r, const struct node *n);
enum hearth_status jinja_space_set(struct render *r, struct space *s, struct value name, struct value v);
builtin_fn jinja_loop_cycle, jinja_loop_changed;
struct frame;
enum hearth_status jinja_enter_frame(struct render *r, const struct frame *f);
enum hearth_status jinja_new_act(struct render *r, struct act *up, uint32_t slots, struct act **out);
enum hearth_status jinja_assign(struct render *r, const struct node *target, struct value v);
enum hearth_status jinja_call_macro(struct render *r, struct macro *m, const struct args *args, struct value *out);
enum hearth_status jinja_call_loop(struct render *r, struct loop *l, struct value over, struct value *out);
enum hearth_status jinja_loop_attribute(struct render *r, struct loop *l, struct text *name, struct value *out,
                                        int *found);
enum hearth_status jinja_macro_attribute(struct render *r, struct macro *m, struct text *name, struct value *out,
                                         int *found);
enum hearth_status jinja_put_loop(struct render *r, struct loop *l);
enum hearth_status jinja_put_macro(struct render *r, const struct macro *m);
enum hearth_status jinja_filter_text(struct render *r, const struct node *filter, struct value text, struct value *out);

/* ---- jinja_string.c: what methods and filters of texts share ---- */
enum { SIDE_LEFT = 1, SIDE_RIGHT = 2 };
enum hearth_status jinja_strip(struct render *r, struct value text, struct value chars, int sides, struct value *out);
/* separator K_MISSING or K_NONE: white space; most: so many cuts, -1: all; from the right when right */
/* Where `what` stands in n bytes, or NULL; and the steps that looking through n bytes once costs, whatever is looked for. */
enum hearth_status jinja_find_first(struct render *r, const char *p, size_t n, const struct text *what, const char **at);
enum hearth_status jinja_find_last(struct render *r, const char *p, size_t n, const struct text *what, const char **at);
uint64_t jinja_search_steps(size_t n);
enum hearth_status jinja_split(struct render *r, struct value text, struct value separator, int64_t most, int right,
                               struct value *out);
enum hearth_status jinja_split_lines(struct render *r, struct value text, int keep_ends, struct value *out);
enum hearth_status jinja_replace(struct render *r, struct value text, const struct text *from, const struct text *to,
                                 int64_t most, struct value *out);
enum hearth_status jinja_justify(struct render *r, struct value text, int64_t width, const struct text *fill,
                                 int sides, struct value *out);
builtin_fn jinja_wordwrap;

/* ---- tables ---- */
const struct builtin *jinja_list_filter(const char *name, size_t n);
const struct builtin *jinja_text_method(const char *name, size_t n);
const struct builtin *jinja_filter(const char *name, size_t n); /* NULL: unknown */
const struct builtin *jinja_test(const char *name, size_t n);
const struct builtin *jinja_global(const char *name, size_t n);
const struct builtin *jinja_method(struct value of, const char *name, size_t n);
/* The method would change the value: the sandbox refuses it. */
int jinja_method_mutates(struct value of, const char *name, size_t n);

#endif
