/* jinja_method.c - the methods of everything that is no string, and the functions every template has: range, dict,
 * namespace, cycler, joiner, raise_exception, strftime_now. */
#include <math.h>
#include <string.h>

#include "text/jinja.h"

static int given(struct value v) { return v.kind != K_MISSING; }

/* ---- list, tuple, range ---- */

static enum hearth_status m_count(struct render *r, struct value *a, struct value *out) {
    struct cursor c;
    struct value v;
    int64_t n = 0;
    int more, same;
    TRY(jinja_start(r, a[0], &c));
    for (;;) {
        TRY(jinja_next(r, &c, &v, &more));
        if (!more) break;
        TRY(jinja_equal(r, v, a[1], &same));
        n += same;
    }
    *out = jinja_int(n);
    return HEARTH_OK;
}

static enum hearth_status m_index(struct render *r, struct value *a, struct value *out) {
    int64_t n = jinja_length(a[0]), bound[2] = { 0, n };
    for (int i = 0; i < 2; i++) {
        if (!given(a[2 + i])) continue;
        TRY(jinja_want_int(r, a[2 + i], "a bound", &bound[i]));
        if (bound[i] < 0) bound[i] = bound[i] + n < 0 ? 0 : bound[i] + n;
    }
    for (int64_t i = bound[0]; i < n && i < bound[1]; i++) {
        struct value v;
        int found, same;
        TRY(jinja_work(r, 1));
        TRY(jinja_index(r, a[0], i, &v, &found));
        TRY(jinja_equal(r, v, a[1], &same));
        if (!same) continue;
        *out = jinja_int(i);
        return HEARTH_OK;
    }
    return jinja_error(r, "the value is not in the %s", jinja_type(a[0]));
}

static enum hearth_status m_list_copy(struct render *r, struct value *a, struct value *out) {
    return jinja_collect(r, a[0], K_LIST, out);
}

/* ---- dict ---- */

static enum hearth_status m_get(struct render *r, struct value *a, struct value *out) {
    struct value *found;
    TRY(jinja_dict_find(r, a[0].dict, a[1], &found));
    *out = found ? *found : given(a[2]) ? a[2] : jinja_none();
    return HEARTH_OK;
}

static enum hearth_status view(struct value *a, int what, struct value *out) {
    *out = (struct value){ .kind = K_VIEW, .what = (uint8_t)what, .dict = a[0].dict };
    return HEARTH_OK;
}

static enum hearth_status m_keys(struct render *r, struct value *a, struct value *out) {
    return (void)r, view(a, VIEW_KEYS, out);
}

static enum hearth_status m_values(struct render *r, struct value *a, struct value *out) {
    return (void)r, view(a, VIEW_VALUES, out);
}

static enum hearth_status m_items(struct render *r, struct value *a, struct value *out) {
    return (void)r, view(a, VIEW_ITEMS, out);
}

static enum hearth_status m_dict_copy(struct render *r, struct value *a, struct value *out) {
    struct dict *d;
    TRY(jinja_dict(r, &d));
    *out = jinja_dict_value(d);
    return jinja_dict_update(r, d, a[0]);
}

static enum hearth_status m_fromkeys(struct render *r, struct value *a, struct value *out) {
    struct dict *d;
    struct cursor c;
    struct value key;
    int more;
    TRY(jinja_dict(r, &d));
    TRY(jinja_start(r, a[1], &c));
    for (;;) {
        TRY(jinja_next(r, &c, &key, &more));
        if (!more) break;
        TRY(jinja_dict_set(r, d, key, given(a[2]) ? a[2] : jinja_none()));
    }
    *out = jinja_dict_value(d);
    return HEARTH_OK;
}

/* ---- numbers ---- */

static enum hearth_status m_bit_length(struct render *r, struct value *a, struct value *out) {
    uint64_t u = a[0].i < 0 ? 0 - (uint64_t)a[0].i : (uint64_t)a[0].i;
    *out = jinja_int(u ? 64 - __builtin_clzll(u) : 0);
    return jinja_work(r, 1);
}

static enum hearth_status m_bit_count(struct render *r, struct value *a, struct value *out) {
    uint64_t u = a[0].i < 0 ? 0 - (uint64_t)a[0].i : (uint64_t)a[0].i;
    *out = jinja_int(__builtin_popcountll(u));
    return jinja_work(r, 1);
}

static enum hearth_status m_is_integer(struct render *r, struct value *a, struct value *out) {
    *out = jinja_bool(isfinite(a[0].f) && floor(a[0].f) == a[0].f);
    return jinja_work(r, 1);
}

static enum hearth_status m_conjugate(struct render *r, struct value *a, struct value *out) {
    *out = a[0].kind == K_BOOL ? jinja_int(a[0].i) : a[0];
    return jinja_work(r, 1);
}

/* ---- cycler ---- */

static enum hearth_status m_cycler_next(struct render *r, struct value *a, struct value *out) {
    struct cycler *c = a[0].cycler;
    *out = c->items.v[c->at];
    c->at = (c->at + 1) % c->items.n;
    return jinja_work(r, 1);
}

static enum hearth_status m_cycler_reset(struct render *r, struct value *a, struct value *out) {
    a[0].cycler->at = 0;
    *out = jinja_none();
    return jinja_work(r, 1);
}

/* ---- functions ---- */

static enum hearth_status g_range(struct render *r, struct value *a, struct value *out) {
    enum { LONGEST = 100000 }; /* the sandbox's own limit */
    struct range *g;
    int64_t v[3] = { 0, 0, 1 }, n = (int64_t)a[0].list->n, far;
    if (a[1].dict->n || n < 1 || n > 3) return jinja_error(r, "range takes one to three integers");
    for (int64_t i = 0; i < n; i++)
        TRY(jinja_want_int(r, a[0].list->v[i], "an argument of range", &v[n == 1 ? 1 : i]));
    if (v[2] == 0) return jinja_error(r, "a range with a step of zero");
    __int128 way = v[2] > 0 ? (__int128)v[1] - v[0] : (__int128)v[0] - v[1], step = v[2] > 0 ? v[2] : -(__int128)v[2];
    __int128 count = way <= 0 ? 0 : (way - 1) / step + 1;
    if (count > LONGEST) return jinja_error(r, "a range of more than %d integers", LONGEST);
    if (__builtin_mul_overflow((int64_t)count + 1, v[2], &far) || __builtin_add_overflow(v[0], far, &far) ||
        __builtin_sub_overflow(v[0], v[2], &far))
        return jinja_error(r, "a range beyond 64-bit integers");
    TRY(jinja_alloc(r, 1, sizeof *g, &g));
    *g = (struct range){ v[0], v[1], v[2], (int64_t)count };
    *out = (struct value){ .kind = K_RANGE, .range = g };
    return HEARTH_OK;
}

/* dict(), dict(other), dict(pairs), each with name=value behind. */
static enum hearth_status new_dict(struct render *r, struct value *a, struct dict **d) {
    TRY(jinja_dict(r, d));
    if (a[0].list->n > 1) return jinja_error(r, "a dict is made of one thing, not of %zu", a[0].list->n);
    if (a[0].list->n) TRY(jinja_dict_update(r, *d, a[0].list->v[0]));
    return jinja_dict_update(r, *d, a[1]);
}

static enum hearth_status g_dict(struct render *r, struct value *a, struct value *out) {
    struct dict *d;
    TRY(new_dict(r, a, &d));
    *out = jinja_dict_value(d);
    return HEARTH_OK;
}

/* `transformers` allows no member of a namespace that begins with an underscore. */
static enum hearth_status check_member(struct render *r, struct value name) {
    if (name.kind != K_TEXT || name.text->n == 0 || *name.text->p != '_') return HEARTH_OK;
    return jinja_error(r, "a namespace cannot have the attribute %.*s: it begins with an underscore",
                       (int)(name.text->n < 100 ? name.text->n : 100), name.text->p);
}

enum hearth_status jinja_space_set(struct render *r, struct space *s, struct value name, struct value v) {
    TRY(check_member(r, name));
    return jinja_dict_set(r, s->attrs, name, v);
}

static enum hearth_status g_namespace(struct render *r, struct value *a, struct value *out) {
    struct space *s;
    TRY(jinja_alloc(r, 1, sizeof *s, &s));
    TRY(new_dict(r, a, &s->attrs));
    for (size_t i = 0; i < s->attrs->n; i++) TRY(check_member(r, s->attrs->e[i].key));
    *out = (struct value){ .kind = K_SPACE, .space = s };
    return HEARTH_OK;
}

static enum hearth_status g_cycler(struct render *r, struct value *a, struct value *out) {
    struct cycler *c;
    if (a[1].dict->n || a[0].list->n == 0) return jinja_error(r, "cycler takes one item or more");
    TRY(jinja_alloc(r, 1, sizeof *c, &c));
    c->items = *a[0].list;
    *out = (struct value){ .kind = K_CYCLER, .cycler = c };
    return HEARTH_OK;
}

static enum hearth_status g_joiner(struct render *r, struct value *a, struct value *out) {
    struct joiner *j;
    TRY(jinja_alloc(r, 1, sizeof *j, &j));
    if (given(a[0])) j->separator = a[0];
    else TRY(jinja_string(r, ", ", &j->separator));
    *out = (struct value){ .kind = K_JOINER, .joiner = j };
    return HEARTH_OK;
}

static enum hearth_status g_raise_exception(struct render *r, struct value *a, struct value *out) {
    struct value message;
    *out = a[0];
    TRY(jinja_str(r, a[0], &message));
    size_t n = message.text->n < 600 ? message.text->n : 600;
    return jinja_error(r, "the template says: %.*s", (int)n, message.text->p);
}

static enum hearth_status g_strftime_now(struct render *r, struct value *a, struct value *out) {
    struct text *format;
    TRY(jinja_want_text(r, a[0], "the format of strftime_now", &format));
    return jinja_strftime(r, format, out);
}

/* ---- tables ---- */

#define FIND(table, name, n) jinja_find(table, sizeof table / sizeof *table, name, n)

const struct builtin *jinja_global(const char *name, size_t n) {
    static const struct builtin table[] = {
        { "range", "*", 0, g_range },
        { "dict", "*", 0, g_dict },
        { "namespace", "*", 0, g_namespace },
        { "cycler", "*", 0, g_cycler },
        { "joiner", "sep", 0, g_joiner },
        { "raise_exception", "message", 1, g_raise_exception },
        { "strftime_now", "format", 1, g_strftime_now }
    };
    return FIND(table, name, n);
}

const struct builtin *jinja_method(struct value of, const char *name, size_t n) {
    static const struct builtin sequence[] = {
        { "count", "/self,value", 2, m_count },
        { "index", "/self,value,start,stop", 2, m_index },
        { "copy", "/self", 1, m_list_copy } /* of lists */
    };
    static const struct builtin dict[] = {
        { "get", "/self,key,default", 2, m_get },
        { "items", "/self", 1, m_items },
        { "keys", "/self", 1, m_keys },
        { "values", "/self", 1, m_values },
        { "copy", "/self", 1, m_dict_copy },
        { "fromkeys", "/self,iterable,value", 2, m_fromkeys }
    };
    static const struct builtin integer[] = {
        { "bit_length", "/self", 1, m_bit_length },
        { "bit_count", "/self", 1, m_bit_count },
        { "conjugate", "/self", 1, m_conjugate }
    };
    static const struct builtin floating[] = {
        { "is_integer", "/self", 1, m_is_integer },
        { "conjugate", "/self", 1, m_conjugate }
    };
    static const struct builtin cycler[] = {
        { "next", "self", 1, m_cycler_next },
        { "reset", "self", 1, m_cycler_reset }
    };
    static const struct builtin loop[] = {
        { "cycle", "self,*", 1, jinja_loop_cycle },
        { "changed", "self,*", 1, jinja_loop_changed }
    };
    const struct builtin *b;
    switch (of.kind) {
    case K_TEXT: return jinja_text_method(name, n);
    case K_LIST: return FIND(sequence, name, n);
    case K_TUPLE: case K_RANGE: b = FIND(sequence, name, n); return b == &sequence[2] ? NULL : b;
    case K_DICT: return FIND(dict, name, n);
    case K_BOOL: case K_INT: return FIND(integer, name, n);
    case K_FLOAT: return FIND(floating, name, n);
    case K_CYCLER: return FIND(cycler, name, n);
    case K_LOOP: return FIND(loop, name, n);
    case K_FUNCTION: /* dict.fromkeys */
        b = FIND(dict, name, n);
        return of.function->fn == g_dict && b && b->fn == m_fromkeys ? b : NULL;
    default: return NULL;
    }
}

int jinja_method_mutates(struct value of, const char *name, size_t n) {
    static const char *const of_list[] = { "append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort" };
    static const char *const of_dict[] = { "clear", "pop", "popitem", "setdefault", "update" };
    const char *const *names = of.kind == K_LIST ? of_list : of_dict;
    size_t count = of.kind == K_LIST ? sizeof of_list / sizeof *of_list :
                   of.kind == K_DICT ? sizeof of_dict / sizeof *of_dict : 0;
    for (size_t i = 0; i < count; i++)
        if (strlen(names[i]) == n && memcmp(names[i], name, n) == 0) return 1;
    return 0;
}
