/* jinja_test.c - what stands behind `is`. */
#include <string.h>

#include "text/jinja_syntax.h"

static enum hearth_status yes(int b, struct value *out) {
    *out = jinja_bool(b);
    return HEARTH_OK;
}

#define KIND_TEST(name, condition) \
    static enum hearth_status name(struct render *r, struct value *a, struct value *out) { \
        uint8_t kind = a[0].kind; \
        (void)r; \
        (void)kind; \
        return yes(condition, out); \
    }
KIND_TEST(t_defined, kind != K_UNDEFINED)
KIND_TEST(t_undefined, kind == K_UNDEFINED)
KIND_TEST(t_none, kind == K_NONE)
KIND_TEST(t_boolean, kind == K_BOOL)
KIND_TEST(t_true, kind == K_BOOL && a[0].i)
KIND_TEST(t_false, kind == K_BOOL && !a[0].i)
KIND_TEST(t_integer, kind == K_INT)
KIND_TEST(t_float, kind == K_FLOAT)
KIND_TEST(t_number, jinja_is_number(a[0]))
KIND_TEST(t_string, kind == K_TEXT)
KIND_TEST(t_mapping, kind == K_DICT)
KIND_TEST(t_sequence, kind == K_UNDEFINED || (kind >= K_TEXT && kind <= K_RANGE))
KIND_TEST(t_iterable, jinja_iterable(a[0]) || kind == K_LOOP)
KIND_TEST(t_callable, jinja_callable(a[0]) || kind == K_UNDEFINED) /* calling it is an error, but it can be */
KIND_TEST(t_escaped, kind == K_TEXT && a[0].what)
KIND_TEST(t_filter, kind == K_TEXT && jinja_filter(a[0].text->p, a[0].text->n) != NULL)
KIND_TEST(t_test, kind == K_TEXT && jinja_test(a[0].text->p, a[0].text->n) != NULL)

/* a[0] % by == want */
static enum hearth_status remainder_is(struct render *r, struct value *a, struct value by, int want,
                                       struct value *out) {
    struct value rest;
    int same;
    TRY(jinja_binary(r, T_MOD, a[0], by, &rest));
    TRY(jinja_equal(r, rest, jinja_int(want), &same));
    return yes(same, out);
}

static enum hearth_status t_odd(struct render *r, struct value *a, struct value *out) {
    return remainder_is(r, a, jinja_int(2), 1, out);
}

static enum hearth_status t_even(struct render *r, struct value *a, struct value *out) {
    return remainder_is(r, a, jinja_int(2), 0, out);
}

static enum hearth_status t_divisibleby(struct render *r, struct value *a, struct value *out) {
    return remainder_is(r, a, a[1], 0, out);
}

static enum hearth_status cased(struct render *r, struct value *a, enum text_class c, struct value *out) {
    struct value t;
    TRY(jinja_str(r, a[0], &t));
    TRY(jinja_work(r, t.text->n));
    return yes(jinja_text_is(c, t.text), out);
}

static enum hearth_status t_lower(struct render *r, struct value *a, struct value *out) {
    return cased(r, a, IS_LOWER, out);
}

static enum hearth_status t_upper(struct render *r, struct value *a, struct value *out) {
    return cased(r, a, IS_UPPER, out);
}

/* The same object.  Numbers and texts that are equal count as one, as they mostly are in Python. */
static enum hearth_status t_sameas(struct render *r, struct value *a, struct value *out) {
    int same = a[0].kind == a[1].kind;
    if (same && a[0].kind >= K_UNDEFINED && a[0].kind <= K_TEXT && a[0].kind != K_UNDEFINED)
        TRY(jinja_equal(r, a[0], a[1], &same));
    else if (same) same = a[0].p == a[1].p;
    return yes(same, out);
}

static enum hearth_status t_in(struct render *r, struct value *a, struct value *out) {
    int holds;
    TRY(jinja_contains(r, a[0], a[1], &holds));
    return yes(holds, out);
}

static enum hearth_status t_eq(struct render *r, struct value *a, struct value *out) {
    int holds;
    TRY(jinja_equal(r, a[0], a[1], &holds));
    return yes(holds, out);
}

static enum hearth_status t_ne(struct render *r, struct value *a, struct value *out) {
    TRY(t_eq(r, a, out));
    out->i = !out->i;
    return HEARTH_OK;
}

static enum hearth_status order(struct render *r, struct value *a, int op, struct value *out) {
    int holds;
    TRY(jinja_order(r, op, a[0], a[1], &holds));
    return yes(holds, out);
}

static enum hearth_status t_lt(struct render *r, struct value *a, struct value *out) { return order(r, a, T_LT, out); }
static enum hearth_status t_le(struct render *r, struct value *a, struct value *out) { return order(r, a, T_LE, out); }
static enum hearth_status t_gt(struct render *r, struct value *a, struct value *out) { return order(r, a, T_GT, out); }
static enum hearth_status t_ge(struct render *r, struct value *a, struct value *out) { return order(r, a, T_GE, out); }

const struct builtin *jinja_test(const char *name, size_t n) {
    static const struct builtin table[] = {
        { "defined", "value", 1, t_defined },
        { "undefined", "value", 1, t_undefined },
        { "none", "value", 1, t_none },
        { "string", "value", 1, t_string },
        { "mapping", "value", 1, t_mapping },
        { "iterable", "value", 1, t_iterable },
        { "sequence", "value", 1, t_sequence },
        { "boolean", "value", 1, t_boolean },
        { "true", "value", 1, t_true },
        { "false", "value", 1, t_false },
        { "integer", "value", 1, t_integer },
        { "float", "value", 1, t_float },
        { "number", "value", 1, t_number },
        { "callable", "/obj", 1, t_callable },
        { "escaped", "value", 1, t_escaped },
        { "filter", "value", 1, t_filter },
        { "test", "value", 1, t_test },
        { "odd", "value", 1, t_odd },
        { "even", "value", 1, t_even },
        { "divisibleby", "value,num", 2, t_divisibleby },
        { "lower", "value", 1, t_lower },
        { "upper", "value", 1, t_upper },
        { "sameas", "value,other", 2, t_sameas },
        { "in", "value,seq", 2, t_in },
        { "eq", "/a,b", 2, t_eq }, { "==", "/a,b", 2, t_eq }, { "equalto", "/a,b", 2, t_eq },
        { "ne", "/a,b", 2, t_ne }, { "!=", "/a,b", 2, t_ne },
        { "lt", "/a,b", 2, t_lt }, { "<", "/a,b", 2, t_lt }, { "lessthan", "/a,b", 2, t_lt },
        { "le", "/a,b", 2, t_le }, { "<=", "/a,b", 2, t_le },
        { "gt", "/a,b", 2, t_gt }, { ">", "/a,b", 2, t_gt }, { "greaterthan", "/a,b", 2, t_gt },
        { "ge", "/a,b", 2, t_ge }, { ">=", "/a,b", 2, t_ge }
    };
    return jinja_find(table, sizeof table / sizeof *table, name, n);
}
