/* jinja_method_text.c - the methods of strings. */
#include <string.h>

#include "text/jinja.h"

static const struct text space = { .p = " ", .n = 1, .chars = 1 };

static int given(struct value v) { return v.kind != K_MISSING; }

static enum hearth_status recase(struct render *r, struct value *a, enum text_case to, struct value *out) {
    TRY(jinja_recase(r, to, a[0].text, out));
    out->what = a[0].what;
    return HEARTH_OK;
}

#define RECASE(name, to) \
    static enum hearth_status name(struct render *r, struct value *a, struct value *out) { return recase(r, a, to, out); }
RECASE(m_upper, CASE_UPPER)
RECASE(m_lower, CASE_LOWER)
RECASE(m_title, CASE_TITLE)
RECASE(m_capitalize, CASE_CAPITAL)
RECASE(m_swapcase, CASE_SWAP)
RECASE(m_casefold, CASE_FOLD)

#define IS(name, class) \
    static enum hearth_status name(struct render *r, struct value *a, struct value *out) { \
        TRY(jinja_work(r, a[0].text->n)); \
        *out = jinja_bool(jinja_text_is(class, a[0].text)); \
        return HEARTH_OK; \
    }
IS(m_isalpha, IS_ALPHA)
IS(m_isdecimal, IS_DECIMAL)
IS(m_isdigit, IS_DIGIT)
IS(m_isnumeric, IS_NUMERIC)
IS(m_isalnum, IS_ALNUM)
IS(m_isspace, IS_SPACE)
IS(m_islower, IS_LOWER)
IS(m_isupper, IS_UPPER)
IS(m_istitle, IS_TITLE)
IS(m_isprintable, IS_PRINTABLE)
IS(m_isascii, IS_ASCII)
IS(m_isidentifier, IS_IDENTIFIER)

/* ---- strip, split ---- */

static enum hearth_status m_strip(struct render *r, struct value *a, struct value *out) {
    return jinja_strip(r, a[0], a[1], SIDE_LEFT | SIDE_RIGHT, out);
}

static enum hearth_status m_lstrip(struct render *r, struct value *a, struct value *out) {
    return jinja_strip(r, a[0], a[1], SIDE_LEFT, out);
}

static enum hearth_status m_rstrip(struct render *r, struct value *a, struct value *out) {
    return jinja_strip(r, a[0], a[1], SIDE_RIGHT, out);
}

static enum hearth_status split(struct render *r, struct value *a, int right, struct value *out) {
    int64_t most = -1;
    if (given(a[2])) TRY(jinja_want_int(r, a[2], "how often to split", &most));
    return jinja_split(r, a[0], a[1], most < 0 ? -1 : most, right, out);
}

static enum hearth_status m_split(struct render *r, struct value *a, struct value *out) { return split(r, a, 0, out); }
static enum hearth_status m_rsplit(struct render *r, struct value *a, struct value *out) { return split(r, a, 1, out); }

static enum hearth_status m_splitlines(struct render *r, struct value *a, struct value *out) {
    if (given(a[1]) && !jinja_is_integer(a[1])) return jinja_error(r, "keepends is true or false");
    return jinja_split_lines(r, a[0], given(a[1]) && jinja_truth(a[1]), out);
}

static enum hearth_status partition(struct render *r, struct value *a, int right, struct value *out) {
    struct value parts;
    struct text *separator;
    TRY(jinja_want_text(r, a[1], "a separator", &separator));
    TRY(jinja_split(r, a[0], a[1], 1, right, &parts));
    TRY(jinja_list(r, K_TUPLE, 3, out));
    struct value *v = out->list->v, empty;
    TRY(jinja_string(r, "", &empty));
    empty.what = a[0].what;
    int met = parts.list->n == 2;
    v[0] = met || !right ? parts.list->v[0] : empty;
    v[1] = met ? jinja_text_value(separator) : empty;
    v[1].what = a[0].what;
    v[2] = met ? parts.list->v[1] : right ? parts.list->v[0] : empty;
    return HEARTH_OK;
}

static enum hearth_status m_partition(struct render *r, struct value *a, struct value *out) {
    return partition(r, a, 0, out);
}

static enum hearth_status m_rpartition(struct render *r, struct value *a, struct value *out) {
    return partition(r, a, 1, out);
}

static enum hearth_status affix(struct render *r, struct value *a, int suffix, struct value *out) {
    struct text *t = a[0].text, *x;
    TRY(jinja_want_text(r, a[1], "what to remove", &x));
    *out = a[0];
    TRY(jinja_work(r, (x->n + t->n) >> 6));
    if (x->n == 0 || x->n > t->n || memcmp(suffix ? t->p + t->n - x->n : t->p, x->p, x->n)) return HEARTH_OK;
    TRY(jinja_view(r, suffix ? t->p : t->p + x->n, t->n - x->n, out));
    out->what = a[0].what;
    return HEARTH_OK;
}

static enum hearth_status m_removeprefix(struct render *r, struct value *a, struct value *out) {
    return affix(r, a, 0, out);
}

static enum hearth_status m_removesuffix(struct render *r, struct value *a, struct value *out) {
    return affix(r, a, 1, out);
}

/* ---- looking for something, between optional bounds ---- */

/* The part of the text that start and end leave, and where in characters it begins; *out 0: start is behind it all. */
static enum hearth_status part(struct render *r, struct value *a, struct value *sub, int64_t *begin, int *inside) {
    int64_t n = (int64_t)jinja_chars(a[0].text), bound[2] = { 0, n };
    for (int i = 0; i < 2; i++) {
        if (!given(a[2 + i]) || a[2 + i].kind == K_NONE) continue;
        TRY(jinja_want_int(r, a[2 + i], "a bound", &bound[i]));
        if (bound[i] < 0) bound[i] = bound[i] + n < 0 ? 0 : bound[i] + n;
    }
    *inside = bound[0] <= n;
    if (bound[1] > n) bound[1] = n;
    *begin = bound[0];
    struct value b[3] = { jinja_int(bound[0]), jinja_int(bound[1]), jinja_none() };
    if (bound[0] > bound[1]) *inside = 0;
    return jinja_slice(r, a[0], b, sub);
}

static enum hearth_status find(struct render *r, struct value *a, int right, int must, struct value *out) {
    struct value sub;
    struct text *what;
    int64_t begin;
    int inside;
    TRY(jinja_want_text(r, a[1], "what to look for", &what));
    TRY(part(r, a, &sub, &begin, &inside));
    const char *p = sub.text->p, *at = NULL;
    size_t n = sub.text->n;
    if (inside) TRY(right ? jinja_find_last(r, p, n, what, &at) : jinja_find_first(r, p, n, what, &at));
    if (!at && must) return jinja_error(r, "the substring is not found");
    struct text before = { .p = p, .n = at ? (size_t)(at - p) : 0, .chars = UNCOUNTED };
    *out = jinja_int(at ? begin + (int64_t)jinja_chars(&before) : -1);
    return HEARTH_OK;
}

static enum hearth_status m_find(struct render *r, struct value *a, struct value *out) { return find(r, a, 0, 0, out); }
static enum hearth_status m_rfind(struct render *r, struct value *a, struct value *out) { return find(r, a, 1, 0, out); }
static enum hearth_status m_index(struct render *r, struct value *a, struct value *out) { return find(r, a, 0, 1, out); }
static enum hearth_status m_rindex(struct render *r, struct value *a, struct value *out) { return find(r, a, 1, 1, out); }

static enum hearth_status m_count(struct render *r, struct value *a, struct value *out) {
    struct value sub;
    struct text *what;
    int64_t begin, count = 0;
    int inside;
    TRY(jinja_want_text(r, a[1], "what to count", &what));
    TRY(part(r, a, &sub, &begin, &inside));
    const char *p = sub.text->p, *end = p + sub.text->n;
    TRY(jinja_work(r, jinja_search_steps(sub.text->n)));
    if (inside && what->n == 0) count = (int64_t)jinja_chars(sub.text) + 1;
    for (; inside && what->n && (p = memmem(p, (size_t)(end - p), what->p, what->n)); p += what->n) count++;
    *out = jinja_int(count);
    return HEARTH_OK;
}

static enum hearth_status affixed(struct render *r, struct value *a, int suffix, struct value *out) {
    struct value sub, one = a[1];
    int64_t begin;
    int inside, tuple = a[1].kind == K_TUPLE;
    *out = jinja_bool(0);
    TRY(part(r, a, &sub, &begin, &inside));
    for (size_t i = 0; i < (tuple ? a[1].list->n : 1); i++) {
        if (tuple) one = a[1].list->v[i];
        if (one.kind != K_TEXT)
            return jinja_error(r, "startswith and endswith take strings, not %s", jinja_type(one));
        const struct text *t = sub.text, *x = one.text;
        TRY(jinja_work(r, 1 + (x->n >> 6)));
        if (inside && x->n <= t->n && memcmp(suffix ? t->p + t->n - x->n : t->p, x->p, x->n) == 0) {
            *out = jinja_bool(1);
            break;
        }
    }
    return HEARTH_OK;
}

static enum hearth_status m_startswith(struct render *r, struct value *a, struct value *out) {
    return affixed(r, a, 0, out);
}

static enum hearth_status m_endswith(struct render *r, struct value *a, struct value *out) {
    return affixed(r, a, 1, out);
}

/* ---- putting together ---- */

static enum hearth_status m_replace(struct render *r, struct value *a, struct value *out) {
    struct text *from, *to;
    int64_t most = -1;
    struct value by = a[2];
    if (a[0].what) TRY(jinja_escape(r, by, &by));
    TRY(jinja_want_text(r, a[1], "what to replace", &from));
    TRY(jinja_want_text(r, by, "what to put instead", &to));
    if (given(a[3])) TRY(jinja_want_int(r, a[3], "how often to replace", &most));
    return jinja_replace(r, a[0], from, to, most < 0 ? -1 : most, out);
}

static enum hearth_status m_join(struct render *r, struct value *a, struct value *out) {
    struct value items;
    TRY(jinja_collect(r, a[1], K_TUPLE, &items));
    size_t mark = jinja_mark(r);
    for (size_t i = 0; i < items.list->n; i++) {
        struct value v = items.list->v[i];
        if (a[0].what) TRY(jinja_escape(r, v, &v));
        else if (v.kind != K_TEXT) return jinja_error(r, "join: item %zu is %s, not a string", i, jinja_type(v));
        if (i) TRY(jinja_put_str(r, a[0]));
        TRY(jinja_put_str(r, v));
    }
    TRY(jinja_take(r, mark, out));
    out->what = a[0].what;
    return HEARTH_OK;
}

static enum hearth_status m_format(struct render *r, struct value *a, struct value *out) {
    return jinja_str_format(r, a[0], a[1], a[2].dict, out);
}

static enum hearth_status m_format_map(struct render *r, struct value *a, struct value *out) {
    struct value none;
    if (a[1].kind != K_DICT) return jinja_error(r, "format_map takes a dict, not %s", jinja_type(a[1]));
    TRY(jinja_list(r, K_TUPLE, 0, &none));
    return jinja_str_format(r, a[0], none, a[1].dict, out);
}

static enum hearth_status justify(struct render *r, struct value *a, int sides, struct value *out) {
    int64_t width;
    struct value fill = a[2];
    if (given(fill) && a[0].what) TRY(jinja_escape(r, fill, &fill));
    TRY(jinja_want_int(r, a[1], "a width", &width));
    if (given(fill) && (fill.kind != K_TEXT || jinja_chars(fill.text) != 1))
        return jinja_error(r, "the filling is one character");
    return jinja_justify(r, a[0], width, given(fill) ? fill.text : &space, sides, out);
}

static enum hearth_status m_center(struct render *r, struct value *a, struct value *out) {
    return justify(r, a, SIDE_LEFT | SIDE_RIGHT, out);
}

static enum hearth_status m_ljust(struct render *r, struct value *a, struct value *out) {
    return justify(r, a, SIDE_RIGHT, out);
}

static enum hearth_status m_rjust(struct render *r, struct value *a, struct value *out) {
    return justify(r, a, SIDE_LEFT, out);
}

static enum hearth_status m_zfill(struct render *r, struct value *a, struct value *out) {
    static const struct text zero = { .p = "0", .n = 1, .chars = 1 };
    struct text *t = a[0].text;
    int64_t width, chars = (int64_t)jinja_chars(t);
    int sign = t->n && (*t->p == '-' || *t->p == '+');
    TRY(jinja_want_int(r, a[1], "a width", &width));
    size_t mark = jinja_mark(r);
    TRY(jinja_put(r, t->p, (size_t)sign));
    if (width > chars) TRY(jinja_pad(r, &zero, width - chars));
    TRY(jinja_put(r, t->p + sign, t->n - (size_t)sign));
    TRY(jinja_take(r, mark, out));
    out->what = a[0].what;
    return HEARTH_OK;
}

static enum hearth_status m_expandtabs(struct render *r, struct value *a, struct value *out) {
    int64_t size = 8, column = 0;
    struct text *t = a[0].text;
    uint32_t cp;
    if (given(a[1])) TRY(jinja_want_int(r, a[1], "the width of a tab", &size));
    size_t mark = jinja_mark(r);
    for (size_t i = 0, len; i < t->n; i += len) {
        len = (size_t)jinja_char(t->p + i, t->n - i, &cp);
        if (cp != '\t') {
            TRY(jinja_put(r, t->p + i, len));
            column = cp == '\n' || cp == '\r' ? 0 : column + 1;
            continue;
        }
        int64_t spaces = size > 0 ? size - column % size : 0;
        TRY(jinja_pad(r, &space, spaces));
        column += spaces;
    }
    TRY(jinja_take(r, mark, out));
    out->what = a[0].what;
    return HEARTH_OK;
}

const struct builtin *jinja_text_method(const char *name, size_t n) {
    static const struct builtin table[] = {
        { "strip", "/self,chars", 1, m_strip },
        { "lstrip", "/self,chars", 1, m_lstrip },
        { "rstrip", "/self,chars", 1, m_rstrip },
        { "split", "self,sep,maxsplit", 1, m_split },
        { "rsplit", "self,sep,maxsplit", 1, m_rsplit },
        { "splitlines", "self,keepends", 1, m_splitlines },
        { "startswith", "/self,prefix,start,end", 2, m_startswith },
        { "endswith", "/self,suffix,start,end", 2, m_endswith },
        { "replace", "/self,old,new,count", 3, m_replace },
        { "upper", "/self", 1, m_upper },
        { "lower", "/self", 1, m_lower },
        { "title", "/self", 1, m_title },
        { "capitalize", "/self", 1, m_capitalize },
        { "swapcase", "/self", 1, m_swapcase },
        { "casefold", "/self", 1, m_casefold },
        { "find", "/self,sub,start,end", 2, m_find },
        { "rfind", "/self,sub,start,end", 2, m_rfind },
        { "index", "/self,sub,start,end", 2, m_index },
        { "rindex", "/self,sub,start,end", 2, m_rindex },
        { "count", "/self,sub,start,end", 2, m_count },
        { "join", "/self,iterable", 2, m_join },
        { "format", "/self,*", 1, m_format },
        { "format_map", "/self,mapping", 2, m_format_map },
        { "partition", "/self,sep", 2, m_partition },
        { "rpartition", "/self,sep", 2, m_rpartition },
        { "removeprefix", "/self,prefix", 2, m_removeprefix },
        { "removesuffix", "/self,suffix", 2, m_removesuffix },
        { "center", "/self,width,fillchar", 2, m_center },
        { "ljust", "/self,width,fillchar", 2, m_ljust },
        { "rjust", "/self,width,fillchar", 2, m_rjust },
        { "zfill", "/self,width", 2, m_zfill },
        { "expandtabs", "self,tabsize", 1, m_expandtabs },
        { "isalpha", "/self", 1, m_isalpha },
        { "isdecimal", "/self", 1, m_isdecimal },
        { "isdigit", "/self", 1, m_isdigit },
        { "isnumeric", "/self", 1, m_isnumeric },
        { "isalnum", "/self", 1, m_isalnum },
        { "isspace", "/self", 1, m_isspace },
        { "islower", "/self", 1, m_islower },
        { "isupper", "/self", 1, m_isupper },
        { "istitle", "/self", 1, m_istitle },
        { "isprintable", "/self", 1, m_isprintable },
        { "isascii", "/self", 1, m_isascii },
        { "isidentifier", "/self", 1, m_isidentifier }
    };
    return jinja_find(table, sizeof table / sizeof *table, name, n);
}
