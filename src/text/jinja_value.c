/* jinja_value.c - making values; truth, equality, order, sorting. */
#include <math.h>
#include <string.h>

#include "text/jinja_syntax.h"

/* ---- texts ---- */

size_t jinja_chars(struct text *t) {
    if (t->chars != UNCOUNTED) return t->chars;
    size_t chars = 0;
    for (size_t i = 0; i < t->n; i++) chars += ((unsigned char)t->p[i] & 0xC0) != 0x80;
    return t->chars = chars;
}

uint64_t jinja_text_hash(struct text *t) {
    if (t->hash) return t->hash;
    uint64_t h = 0xCBF29CE484222325u; /* FNV-1a, its upper half mixed down */
    for (size_t i = 0; i < t->n; i++) h = (h ^ (unsigned char)t->p[i]) * 0x100000001B3u;
    h ^= h >> 32;
    return t->hash = h ? h : 1;
}

int jinja_same_text(const struct text *a, const struct text *b) {
    return a == b || (a->n == b->n && memcmp(a->p, b->p, a->n) == 0);
}

int jinja_is_text(struct value v, const char *s) {
    return v.kind == K_TEXT && v.text->n == strlen(s) && memcmp(v.text->p, s, v.text->n) == 0;
}

enum hearth_status jinja_view(struct render *r, const char *p, size_t n, struct value *out) {
    struct text *t;
    TRY(jinja_alloc(r, 1, sizeof *t, &t));
    *t = (struct text){ .p = p, .n = n, .chars = UNCOUNTED };
    *out = jinja_text_value(t);
    return HEARTH_OK;
}

enum hearth_status jinja_text(struct render *r, const char *p, size_t n, struct value *out) {
    char *copy = NULL;
    if (n) {
        TRY(jinja_alloc(r, n, 1, &copy));
        memcpy(copy, p, n);
    }
    return jinja_view(r, n ? copy : "", n, out);
}

enum hearth_status jinja_string(struct render *r, const char *s, struct value *out) {
    return jinja_view(r, s, strlen(s), out);
}

enum hearth_status jinja_append(struct render *r, const struct text *a, const struct text *b, struct value *out) {
    enum { LONG = 512 };
    size_t n = a->n + b->n, known = a->chars != UNCOUNTED && b->chars != UNCOUNTED;
    struct room *room = a->room;
    const char *begin = a->p;
    if (!room || a->p + a->n != room->end || b->n > room->left) {
        char *p;
        size_t size = n < LONG ? n : n * 2;
        TRY(jinja_alloc(r, size, 1, &p));
        TRY(jinja_alloc(r, 1, sizeof *room, &room));
        if (a->n) memcpy(p, a->p, a->n);
        *room = (struct room){ p + a->n, size - a->n };
        begin = p;
    }
    if (b->n) memcpy(room->end, b->p, b->n);
    room->end += b->n;
    room->left -= b->n;
    TRY(jinja_view(r, begin, n, out));
    out->text->room = room;
    if (known) out->text->chars = a->chars + b->chars;
    return jinja_work(r, b->n >> 6);
}

/* ---- other makers ---- */

enum hearth_status jinja_list(struct render *r, enum kind kind, size_t n, struct value *out) {
    struct list *l;
    TRY(jinja_alloc(r, 1, sizeof *l, &l));
    if (n) TRY(jinja_alloc(r, n, sizeof *l->v, &l->v));
    l->n = n;
    *out = (struct value){ .kind = (uint8_t)kind, .list = l };
    return HEARTH_OK;
}

enum hearth_status jinja_pair(struct render *r, struct value a, struct value b, struct value *out) {
    TRY(jinja_list(r, K_TUPLE, 2, out));
    out->list->v[0] = a;
    out->list->v[1] = b;
    return HEARTH_OK;
}

enum hearth_status jinja_undefined(struct render *r, const char *hint, const char *of, struct value name,
                                   struct value *out) {
    struct undefined *u;
    TRY(jinja_alloc(r, 1, sizeof *u, &u));
    *u = (struct undefined){ .hint = hint, .of = of, .name = name };
    *out = (struct value){ .kind = K_UNDEFINED, .undefined = u };
    return HEARTH_OK;
}

enum hearth_status jinja_undefined_error(struct render *r, struct value v) {
    const struct undefined *u = v.undefined;
    if (!u) return jinja_error(r, "a value that is undefined is used");
    struct value name = u->name;
    int n = name.kind == K_TEXT ? (int)(name.text->n < 200 ? name.text->n : 200) : 0;
    const char *p = n ? name.text->p : "";
    if (u->hint) return jinja_error(r, u->hint, n, p);
    if (!u->of) return jinja_error(r, "'%.*s' is undefined", n, p);
    if (name.kind == K_INT) return jinja_error(r, "%s object has no element %lld", u->of, (long long)name.i);
    return jinja_error(r, "'%s object' has no attribute '%.*s'", u->of, n, p);
}

enum hearth_status jinja_strict(struct render *r, struct value v) {
    return v.kind == K_UNDEFINED && r->t->plain ? jinja_undefined_error(r, v) : HEARTH_OK;
}

const char *jinja_type(struct value v) {
    static const char *const names[] = {
        [K_MISSING] = "missing", [K_UNDEFINED] = "Undefined", [K_NONE] = "NoneType", [K_BOOL] = "bool",
        [K_INT] = "int", [K_FLOAT] = "float", [K_TEXT] = "str", [K_LIST] = "list", [K_TUPLE] = "tuple",
        [K_DICT] = "dict", [K_RANGE] = "range", [K_SPACE] = "namespace", [K_MACRO] = "macro",
        [K_FUNCTION] = "function", [K_METHOD] = "method", [K_LOOP] = "loop", [K_CYCLER] = "cycler",
        [K_JOINER] = "joiner"
    };
    static const char *const views[] = { "dict_keys", "dict_values", "dict_items" };
    if (v.kind == K_VIEW) return views[v.what];
    if (v.kind == K_ITER) return v.iter->type;
    return v.kind == K_TEXT && v.what ? "Markup" : names[v.kind];
}

enum hearth_status jinja_want_int(struct render *r, struct value v, const char *what, int64_t *out) {
    if (!jinja_is_integer(v)) return jinja_error(r, "%s must be an integer, not %s", what, jinja_type(v));
    *out = v.i;
    return HEARTH_OK;
}

enum hearth_status jinja_want_text(struct render *r, struct value v, const char *what, struct text **out) {
    if (v.kind != K_TEXT) return jinja_error(r, "%s must be a string, not %s", what, jinja_type(v));
    *out = v.text;
    return HEARTH_OK;
}

/* ---- truth and length ---- */

int64_t jinja_length(struct value v) {
    switch (v.kind) {
    case K_UNDEFINED: return 0;
    case K_TEXT: return (int64_t)jinja_chars(v.text);
    case K_LIST: case K_TUPLE: return (int64_t)v.list->n;
    case K_DICT: case K_VIEW: return (int64_t)v.dict->n;
    case K_RANGE: return v.range->n;
    default: return -1;
    }
}

int jinja_truth(struct value v) {
    switch (v.kind) {
    case K_MISSING: case K_UNDEFINED: case K_NONE: return 0;
    case K_BOOL: case K_INT: return v.i != 0;
    case K_FLOAT: return v.f != 0;
    case K_TEXT: return v.text->n != 0;
    default: return jinja_length(v) != 0;
    }
}

/* ---- equality ---- */

/* -1, 0, 1; 2 when a NaN is among them.  Exact also where a double cannot hold the integer. */
static int compare_numbers(struct value a, struct value b) {
    if (a.kind != K_FLOAT && b.kind != K_FLOAT) return (a.i > b.i) - (a.i < b.i);
    if (a.kind == K_FLOAT && b.kind == K_FLOAT) return isnan(a.f) || isnan(b.f) ? 2 : (a.f > b.f) - (a.f < b.f);
    if (a.kind == K_FLOAT) {
        int c = compare_numbers(b, a);
        return c == 2 ? 2 : -c;
    }
    if (isnan(b.f)) return 2;
    if (b.f >= 0x1p63) return -1;
    if (b.f < -0x1p63) return 1;
    int64_t whole = (int64_t)b.f; /* towards zero */
    if (a.i != whole) return a.i < whole ? -1 : 1;
    double rest = b.f - (double)whole;
    return (rest < 0) - (rest > 0);
}

static enum hearth_status equal_lists(struct render *r, const struct list *a, const struct list *b, int *out) {
    size_t i = 0;
    *out = a->n == b->n;
    for (; *out && i < a->n; i++) TRY(jinja_equal(r, a->v[i], b->v[i], out));
    return jinja_work(r, i);
}

static enum hearth_status equal_dicts(struct render *r, const struct dict *a, const struct dict *b, int *out) {
    *out = a->n == b->n;
    for (size_t i = 0; *out && i < a->n; i++) {
        struct value *other;
        TRY(jinja_dict_find(r, b, a->e[i].key, &other));
        *out = other != NULL;
        if (other) TRY(jinja_equal(r, a->e[i].value, *other, out));
    }
    return HEARTH_OK;
}

static int equal_ranges(const struct range *a, const struct range *b) {
    return a->n == b->n && (a->n == 0 || (a->start == b->start && (a->n == 1 || a->step == b->step)));
}

/* keys() and items() compare as sets. */
static enum hearth_status equal_views(struct render *r, struct value a, struct value b, int *out) {
    *out = a.dict->n == b.dict->n;
    for (size_t i = 0; *out && i < a.dict->n; i++) {
        struct value *other;
        TRY(jinja_dict_find(r, b.dict, a.dict->e[i].key, &other));
        *out = other != NULL;
        if (other && a.what == VIEW_ITEMS) TRY(jinja_equal(r, a.dict->e[i].value, *other, out));
    }
    return HEARTH_OK;
}

static enum hearth_status equal_deep(struct render *r, struct value a, struct value b, int *out) {
    switch (a.kind) {
    case K_LIST: case K_TUPLE: return equal_lists(r, a.list, b.list, out);
    case K_DICT: return equal_dicts(r, a.dict, b.dict, out);
    case K_VIEW:
        *out = a.p == b.p && a.what == b.what;
        if (a.what == b.what && a.what != VIEW_VALUES) return equal_views(r, a, b, out);
        return HEARTH_OK;
    case K_RANGE: *out = equal_ranges(a.range, b.range); return HEARTH_OK;
    case K_METHOD: *out = a.p == b.p || (a.bound->method == b.bound->method && a.bound->self.p == b.bound->self.p);
        return HEARTH_OK;
    default: *out = a.p == b.p; return HEARTH_OK;
    }
}

enum hearth_status jinja_equal(struct render *r, struct value a, struct value b, int *out) {
    if (jinja_is_number(a) && jinja_is_number(b)) {
        *out = compare_numbers(a, b) == 0;
        return HEARTH_OK;
    }
    *out = 0;
    if (a.kind != b.kind) return HEARTH_OK;
    if (a.kind == K_NONE || a.kind == K_UNDEFINED) {
        *out = 1;
        return HEARTH_OK;
    }
    if (a.kind == K_TEXT) {
        *out = jinja_same_text(a.text, b.text);
        return jinja_work(r, 1 + (a.text->n == b.text->n ? a.text->n >> 6 : 0));
    }
    TRY(jinja_enter(r));
    TRY(equal_deep(r, a, b, out));
    r->nest--;
    return HEARTH_OK;
}

/* ---- order ---- */

static int holds(int op, int c) { /* c: -1, 0, 1; 2: a NaN, nothing holds */
    return c != 2 && (op == T_LT ? c < 0 : op == T_LE ? c <= 0 : op == T_GT ? c > 0 : c >= 0);
}

static int compare_texts(const struct text *a, const struct text *b) {
    int c = memcmp(a->p, b->p, a->n < b->n ? a->n : b->n); /* UTF-8 sorts as its code points do */
    return c ? (c > 0) - (c < 0) : (a->n > b->n) - (a->n < b->n);
}

static enum hearth_status order_lists(struct render *r, int op, const struct list *a, const struct list *b, int *out) {
    size_t n = a->n < b->n ? a->n : b->n;
    for (size_t i = 0; i < n; i++) {
        int same;
        TRY(jinja_equal(r, a->v[i], b->v[i], &same));
        if (!same) return jinja_order(r, op, a->v[i], b->v[i], out);
    }
    *out = holds(op, (a->n > b->n) - (a->n < b->n));
    return HEARTH_OK;
}

enum hearth_status jinja_order(struct render *r, int op, struct value a, struct value b, int *out) {
    static const char *const words[] = { [T_LT] = "<", [T_LE] = "<=", [T_GT] = ">", [T_GE] = ">=" };
    TRY(jinja_work(r, 1));
    if (jinja_is_number(a) && jinja_is_number(b)) {
        *out = holds(op, compare_numbers(a, b));
        return HEARTH_OK;
    }
    if (a.kind == K_TEXT && b.kind == K_TEXT) {
        *out = holds(op, compare_texts(a.text, b.text));
        return jinja_work(r, (a.text->n < b.text->n ? a.text->n : b.text->n) >> 6);
    }
    if (a.kind == K_UNDEFINED) return jinja_undefined_error(r, a);
    if (b.kind == K_UNDEFINED) return jinja_undefined_error(r, b);
    if (a.kind == b.kind && (a.kind == K_LIST || a.kind == K_TUPLE)) {
        TRY(jinja_enter(r));
        TRY(order_lists(r, op, a.list, b.list, out));
        r->nest--;
        return HEARTH_OK;
    }
    return jinja_error(r, "'%s' is not defined between %s and %s", words[op], jinja_type(a), jinja_type(b));
}

/* ---- sorting: a merge from below, stable; asks only whether one key is less than another ---- */

static enum hearth_status merge(struct render *r, const uint32_t *from, uint32_t *to, size_t a, size_t mid, size_t end,
                                const struct value *key, int reverse) {
    size_t b = mid;
    for (size_t i = a; i < end; i++) {
        int second = a >= mid;
        if (a < mid && b < end)
            TRY(jinja_order(r, reverse ? T_GT : T_LT, key[from[b]], key[from[a]], &second));
        to[i] = second ? from[b++] : from[a++];
    }
    return HEARTH_OK;
}

enum hearth_status jinja_sort(struct render *r, struct value *v, struct value *key, size_t n, int reverse) {
    uint32_t *index, *other;
    struct value *sorted;
    TRY(jinja_alloc(r, n, sizeof *index, &index));
    TRY(jinja_alloc(r, n, sizeof *other, &other));
    TRY(jinja_alloc(r, n, sizeof *sorted, &sorted));
    for (size_t i = 0; i < n; i++) index[i] = (uint32_t)i;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t a = 0; a < n; a += 2 * width) {
            size_t mid = a + width < n ? a + width : n, end = mid + width < n ? mid + width : n;
            TRY(merge(r, index, other, a, mid, end, key, reverse));
        }
        uint32_t *swap = index;
        index = other;
        other = swap;
    }
    for (size_t i = 0; i < n; i++) sorted[i] = v[index[i]];
    if (n) memcpy(v, sorted, n * sizeof *v);
    return HEARTH_OK;
}
