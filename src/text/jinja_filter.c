/* jinja_filter.c - filters of texts, numbers and single values; the table of all filters. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "text/jinja_syntax.h"

static int given(struct value v) { return v.kind != K_MISSING; }
static int given_true(struct value v) { return given(v) && jinja_truth(v); }

static enum hearth_status int_or(struct render *r, struct value v, int64_t otherwise, const char *what, int64_t *out) {
    *out = otherwise;
    return given(v) ? jinja_want_int(r, v, what, out) : HEARTH_OK;
}

/* ---- case ---- */

static enum hearth_status recase(struct render *r, struct value *a, enum text_case to, struct value *out) {
    struct value t;
    TRY(jinja_soft_str(r, a[0], &t));
    TRY(jinja_recase(r, to, t.text, out));
    out->what = t.what;
    return HEARTH_OK;
}

static enum hearth_status f_upper(struct render *r, struct value *a, struct value *out) {
    return recase(r, a, CASE_UPPER, out);
}

static enum hearth_status f_lower(struct render *r, struct value *a, struct value *out) {
    return recase(r, a, CASE_LOWER, out);
}

static enum hearth_status f_capitalize(struct render *r, struct value *a, struct value *out) {
    return recase(r, a, CASE_CAPITAL, out);
}

static int begins_word(uint32_t cp) { return jinja_is_space(cp) || (cp < 128 && strchr("-({[<", (char)cp) && cp); }

/* Behind white space and opening brackets a capital, else lower case. */
static enum hearth_status f_title(struct render *r, struct value *a, struct value *out) {
    struct value t, part;
    size_t mark = jinja_mark(r);
    uint32_t cp = 0;
    TRY(jinja_soft_str(r, a[0], &t));
    const char *p = t.text->p;
    for (size_t at = 0, n = t.text->n; at < n;) {
        size_t first = (size_t)jinja_char(p + at, n - at, &cp), end = at + first;
        int border = begins_word(cp);
        while (end < n) {
            size_t len = (size_t)jinja_char(p + end, n - end, &cp);
            if (begins_word(cp) != border) break;
            end += len;
        }
        struct text head = { .p = p + at, .n = first, .chars = 1 };
        struct text tail = { .p = p + at + first, .n = end - at - first, .chars = UNCOUNTED };
        TRY(jinja_recase(r, CASE_UPPER, &head, &part));
        TRY(jinja_put_str(r, part));
        TRY(jinja_recase(r, CASE_LOWER, &tail, &part));
        TRY(jinja_put_str(r, part));
        at = end;
    }
    return jinja_take(r, mark, out);
}

/* ---- texts ---- */

static enum hearth_status f_center(struct render *r, struct value *a, struct value *out) {
    static const struct text space = { .p = " ", .n = 1, .chars = 1 };
    struct value t;
    int64_t width;
    TRY(int_or(r, a[1], 80, "a width", &width));
    TRY(jinja_soft_str(r, a[0], &t));
    return jinja_justify(r, t, width, &space, SIDE_LEFT | SIDE_RIGHT, out);
}

static enum hearth_status f_trim(struct render *r, struct value *a, struct value *out) {
    struct value t;
    TRY(jinja_soft_str(r, a[0], &t));
    return jinja_strip(r, t, a[1], SIDE_LEFT | SIDE_RIGHT, out);
}

static enum hearth_status f_replace(struct render *r, struct value *a, struct value *out) {
    struct value t, from, to;
    int64_t most = -1;
    if (given(a[3]) && a[3].kind != K_NONE) TRY(jinja_want_int(r, a[3], "how often to replace", &most));
    TRY(jinja_str(r, a[0], &t));
    TRY(jinja_str(r, a[1], &from));
    TRY(jinja_str(r, a[2], &to));
    return jinja_replace(r, t, from.text, to.text, most, out);
}

static enum hearth_status f_indent(struct render *r, struct value *a, struct value *out) {
    struct value lines;
    int64_t width = 4;
    int first = given_true(a[2]), blank = given_true(a[3]), by_text = a[1].kind == K_TEXT;
    static const struct text space = { .p = " ", .n = 1, .chars = 1 };
    if (a[0].kind == K_UNDEFINED) return jinja_undefined_error(r, a[0]);
    if (a[0].kind != K_TEXT) return jinja_error(r, "indent is for strings, not for %s", jinja_type(a[0]));
    if (!by_text) TRY(int_or(r, a[1], 4, "a width", &width));
    TRY(jinja_split_lines(r, a[0], 0, &lines));
    /* The lines of the text with a new line added: one more, empty, where the text is empty or ends with its own. */
    size_t mark = jinja_mark(r), n = lines.list->n, size = a[0].text->n;
    uint32_t last = '\n';
    if (size) jinja_char_before(a[0].text->p, size, &last);
    n += jinja_is_line_end(last) && last != '\r';
    for (size_t i = 0; i < n; i++) {
        struct text empty = { .p = "" }, *line = i < lines.list->n ? lines.list->v[i].text : &empty;
        if (i) TRY(jinja_puts(r, "\n"));
        if (i ? blank || line->n : first) TRY(by_text ? jinja_put_str(r, a[1]) : jinja_pad(r, &space, width));
        TRY(jinja_put(r, line->p, line->n));
    }
    TRY(jinja_take(r, mark, out));
    out->what = a[0].what;
    return HEARTH_OK;
}

static enum hearth_status f_truncate(struct render *r, struct value *a, struct value *out) {
    int64_t length, leeway = 5, n = jinja_length(a[0]);
    struct value dots, bound[3] = { jinja_none(), jinja_none(), jinja_none() };
    TRY(int_or(r, a[1], 255, "a length", &length));
    if (given(a[4]) && a[4].kind != K_NONE) TRY(jinja_want_int(r, a[4], "a leeway", &leeway));
    if (given(a[3])) dots = a[3];
    else TRY(jinja_string(r, "...", &dots));
    int64_t end = jinja_length(dots);
    if (n < 0 || end < 0) return jinja_error(r, "truncate is for strings, not for %s", jinja_type(n < 0 ? a[0] : dots));
    if (length < end || leeway < 0)
        return jinja_error(r, "truncate to %lld with a leeway of %lld", (long long)length, (long long)leeway);
    *out = a[0];
    if (n <= length || n - length <= leeway) return HEARTH_OK;
    if (a[0].kind != K_TEXT) return jinja_error(r, "truncate is for strings, not for %s", jinja_type(a[0]));
    bound[1] = jinja_int(length - end);
    TRY(jinja_slice(r, a[0], bound, out));
    if (!given_true(a[2])) {
        struct value space, parts;
        TRY(jinja_string(r, " ", &space));
        TRY(jinja_split(r, *out, space, 1, 1, &parts));
        *out = parts.list->v[0];
    }
    return jinja_binary(r, T_ADD, *out, dots, out);
}

static enum hearth_status f_wordcount(struct render *r, struct value *a, struct value *out) {
    struct value t;
    int64_t words = 0;
    int inside = 0;
    uint32_t cp;
    TRY(jinja_soft_str(r, a[0], &t));
    TRY(jinja_work(r, t.text->n >> 2));
    for (size_t at = 0, n = t.text->n; at < n;) {
        at += (size_t)jinja_char(t.text->p + at, n - at, &cp);
        int word = jinja_is_word(cp);
        words += word && !inside;
        inside = word;
    }
    *out = jinja_int(words);
    return HEARTH_OK;
}

static enum hearth_status f_format(struct render *r, struct value *a, struct value *out) {
    struct value t;
    int names = a[2].dict->n > 0;
    if (names && a[1].list->n) return jinja_error(r, "format is given arguments both by position and by name");
    TRY(jinja_soft_str(r, a[0], &t));
    return jinja_percent(r, t, names ? a[2] : a[1], out);
}

static enum hearth_status f_string(struct render *r, struct value *a, struct value *out) {
    return jinja_soft_str(r, a[0], out);
}

/* ---- HTML, URLs ---- */

static enum hearth_status f_escape(struct render *r, struct value *a, struct value *out) {
    return jinja_escape(r, a[0], out);
}

static enum hearth_status f_forceescape(struct render *r, struct value *a, struct value *out) {
    struct value t;
    TRY(jinja_str(r, a[0], &t));
    return jinja_escape(r, t, out);
}

static enum hearth_status f_safe(struct render *r, struct value *a, struct value *out) {
    TRY(jinja_soft_str(r, a[0], out));
    out->what = 1;
    return HEARTH_OK;
}

/* The entities that HTML's own escaping writes, and numbers. */
static size_t entity(const char *p, size_t n, uint32_t *cp) {
    static const struct { const char *name; uint32_t cp; } names[] = {
        { "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' }, { "&quot;", '"' }, { "&apos;", '\'' }, { "&nbsp;", 0xA0 }
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t len = strlen(names[i].name);
        *cp = names[i].cp;
        if (n >= len && memcmp(p, names[i].name, len) == 0) return len;
    }
    if (n < 4 || p[1] != '#') return 0;
    int hex = (p[2] | 32) == 'x', overflow = 0;
    size_t begin = hex ? 3 : 2, end = begin;
    int64_t i;
    while (end < n && ((p[end] >= '0' && p[end] <= '9') || (hex && (p[end] | 32) >= 'a' && (p[end] | 32) <= 'f'))) end++;
    if (end == n || p[end] != ';' || !jinja_parse_int(p + begin, end - begin, hex ? 16 : 10, &i, &overflow)) return 0;
    *cp = i <= 0 || i > 0x10FFFF || (i >= 0xD800 && i < 0xE000) ? 0xFFFD : (uint32_t)i;
    return end + 1;
}

static enum hearth_status unescape(struct render *r, const struct text *t, struct value *out) {
    size_t mark = jinja_mark(r);
    uint32_t cp;
    for (size_t i = 0; i < t->n;) {
        size_t len = t->p[i] == '&' ? entity(t->p + i, t->n - i, &cp) : 0;
        TRY(len ? jinja_put_char(r, cp) : jinja_put(r, t->p + i, 1));
        i += len ? len : 1;
    }
    return jinja_take(r, mark, out);
}

/* <tags> and <!-- comments --> go, runs of white space become one space, entities what they stand for. */
static enum hearth_status f_striptags(struct render *r, struct value *a, struct value *out) {
    struct value t, words;
    size_t mark = jinja_mark(r);
    TRY(jinja_str(r, a[0], &t));
    const char *p = t.text->p, *end = p + t.text->n, *tag;
    while ((tag = memchr(p, '<', (size_t)(end - p)))) {
        int comment = end - tag >= 4 && memcmp(tag, "<!--", 4) == 0;
        const char *close = comment ? memmem(tag + 4, (size_t)(end - tag - 4), "-->", 3) :
                            memchr(tag, '>', (size_t)(end - tag));
        if (!close) break;
        TRY(jinja_put(r, p, (size_t)(tag - p)));
        p = close + (comment ? 3 : 1);
    }
    TRY(jinja_put(r, p, (size_t)(end - p)));
    TRY(jinja_take(r, mark, &t));
    TRY(jinja_split(r, t, (struct value){ .kind = K_MISSING }, -1, 0, &words));
    for (size_t i = 0; i < words.list->n; i++) {
        if (i) TRY(jinja_puts(r, " "));
        TRY(jinja_put_str(r, words.list->v[i]));
    }
    TRY(jinja_take(r, mark, &t));
    return unescape(r, t.text, out);
}

static enum hearth_status put_quoted(struct render *r, struct value v, int query) {
    struct value t;
    TRY(jinja_str(r, v, &t));
    for (size_t i = 0; i < t.text->n; i++) {
        unsigned char c = (unsigned char)t.text->p[i];
        int plain = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || (c && strchr("_.-~", c));
        char hex[4];
        if (plain || (c == '/' && !query)) {
            TRY(jinja_put(r, t.text->p + i, 1));
            continue;
        }
        snprintf(hex, sizeof hex, "%%%02X", c);
        TRY(jinja_work(r, 1));
        TRY(jinja_puts(r, query && c == ' ' ? "+" : hex));
    }
    return HEARTH_OK;
}

static enum hearth_status f_urlencode(struct render *r, struct value *a, struct value *out) {
    struct value over = a[0], pair, items;
    struct cursor c;
    size_t mark = jinja_mark(r);
    int more, any = 0;
    if (over.kind == K_TEXT || !jinja_iterable(over)) {
        TRY(put_quoted(r, over, 0));
        return jinja_take(r, mark, out);
    }
    if (over.kind == K_DICT) over = (struct value){ .kind = K_VIEW, .what = VIEW_ITEMS, .dict = over.dict };
    TRY(jinja_start(r, over, &c));
    for (;; any = 1) {
        TRY(jinja_next(r, &c, &pair, &more));
        if (!more) return jinja_take(r, mark, out);
        TRY(jinja_collect(r, pair, K_TUPLE, &items));
        if (items.list->n != 2) return jinja_error(r, "urlencode is given %zu values, not a pair", items.list->n);
        if (any) TRY(jinja_puts(r, "&"));
        TRY(put_quoted(r, items.list->v[0], 1));
        TRY(jinja_puts(r, "="));
        TRY(put_quoted(r, items.list->v[1], 1));
    }
}

static enum hearth_status f_xmlattr(struct render *r, struct value *a, struct value *out) {
    size_t mark = jinja_mark(r);
    int spaced = !given(a[1]) || jinja_truth(a[1]), any = 0;
    if (a[0].kind != K_DICT) return jinja_error(r, "xmlattr is for dicts, not for %s", jinja_type(a[0]));
    for (size_t i = 0; i < a[0].dict->n; i++) {
        struct value key = a[0].dict->e[i].key, v = a[0].dict->e[i].value;
        if (v.kind == K_NONE || v.kind == K_UNDEFINED) continue;
        if (key.kind != K_TEXT) return jinja_error(r, "an attribute's name is a string, not %s", jinja_type(key));
        for (size_t k = 0; k < key.text->n; k++)
            if (key.text->p[k] && strchr(" \t\n\r\f\v/>=", key.text->p[k]))
                return jinja_error(r, "an attribute's name with a space, '/', '>' or '=' in it");
        TRY(jinja_puts(r, any || spaced ? " " : ""));
        TRY(jinja_escape(r, key, &key));
        TRY(jinja_put_str(r, key));
        TRY(jinja_puts(r, "=\""));
        TRY(jinja_escape(r, v, &v));
        TRY(jinja_put_str(r, v));
        TRY(jinja_puts(r, "\""));
        any = 1;
    }
    return jinja_take(r, mark, out);
}

/* ---- numbers ---- */

static enum hearth_status f_abs(struct render *r, struct value *a, struct value *out) {
    struct value v = a[0];
    if (!jinja_is_number(v)) return jinja_error(r, "abs is for numbers, not for %s", jinja_type(v));
    if (v.kind == K_FLOAT) *out = jinja_float(fabs(v.f));
    else if (v.i < 0) return jinja_unary(r, T_SUB, v, out);
    else *out = jinja_int(v.i);
    return HEARTH_OK;
}

/* 1: *out is set; 0: Python's int() would raise what the filter catches. */
static enum hearth_status float_to_int(struct render *r, double f, int inf_is_error, struct value *out, int *done) {
    *done = !isnan(f) && !(isinf(f) && !inf_is_error);
    if (!*done) return HEARTH_OK;
    if (!(fabs(f) < 0x1p63)) return jinja_error(r, "the float is no 64-bit integer");
    *out = jinja_int((int64_t)f);
    return HEARTH_OK;
}

static enum hearth_status f_int(struct render *r, struct value *a, struct value *out) {
    int64_t base, i;
    double f;
    int overflow = 0, done = 0;
    TRY(int_or(r, a[2], 10, "a base", &base));
    if (a[0].kind == K_TEXT) TRY(jinja_work(r, a[0].text->n >> 2)); /* gone through up to four times */
    if (a[0].kind == K_UNDEFINED) return jinja_undefined_error(r, a[0]);
    if (a[0].kind == K_TEXT) {
        struct text *t = a[0].text;
        int known = base == 0 || (base >= 2 && base <= 36);
        if (known && jinja_parse_int(t->p, t->n, (int)base, &i, &overflow)) {
            *out = jinja_int(i);
            return HEARTH_OK;
        }
        if (overflow) return jinja_error(r, "an integer is larger than 64 bits hold");
        if (jinja_parse_float(t->p, t->n, &f)) TRY(float_to_int(r, f, 0, out, &done));
    } else if (a[0].kind == K_FLOAT) {
        TRY(float_to_int(r, a[0].f, 1, out, &done));
    } else if (jinja_is_integer(a[0])) {
        *out = jinja_int(a[0].i);
        done = 1;
    }
    if (!done) *out = given(a[1]) ? a[1] : jinja_int(0);
    return HEARTH_OK;
}

static enum hearth_status f_float(struct render *r, struct value *a, struct value *out) {
    double f;
    if (a[0].kind == K_UNDEFINED) return jinja_undefined_error(r, a[0]);
    if (a[0].kind == K_TEXT) TRY(jinja_work(r, a[0].text->n >> 2));
    if (jinja_is_number(a[0])) *out = jinja_float(jinja_number(a[0]));
    else if (a[0].kind == K_TEXT && jinja_parse_float(a[0].text->p, a[0].text->n, &f)) *out = jinja_float(f);
    else *out = given(a[1]) ? a[1] : jinja_float(0);
    return HEARTH_OK;
}

static enum hearth_status f_round(struct render *r, struct value *a, struct value *out) {
    int64_t places;
    int ceiling = given(a[2]) && jinja_is_text(a[2], "ceil"), down = given(a[2]) && jinja_is_text(a[2], "floor");
    if (given(a[2]) && !ceiling && !down && !jinja_is_text(a[2], "common"))
        return jinja_error(r, "round rounds \"common\", \"ceil\" or \"floor\"");
    TRY(int_or(r, a[1], 0, "how many places to keep", &places));
    if (a[0].kind == K_UNDEFINED && (ceiling || down)) return jinja_undefined_error(r, a[0]);
    if (!jinja_is_number(a[0])) return jinja_error(r, "round is for numbers, not for %s", jinja_type(a[0]));
    if (!ceiling && !down) return jinja_round_half_even(r, a[0], places, out);
    struct value unit, scaled;
    TRY(jinja_power(r, jinja_int(10), jinja_int(places), &unit));
    TRY(jinja_binary(r, T_MUL, a[0], unit, &scaled));
    if (scaled.kind == K_FLOAT) {
        if (!isfinite(scaled.f)) return jinja_error(r, "round of a float that is not finite");
        scaled.f = (ceiling ? ceil(scaled.f) : floor(scaled.f)) + 0.0; /* never -0.0 */
    }
    return jinja_binary(r, T_DIV, scaled, unit, out);
}

static enum hearth_status f_filesizeformat(struct render *r, struct value *a, struct value *out) {
    static const char *const units[2][8] = {
        { "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB" }, { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB" }
    };
    int binary = given_true(a[1]), i = 0;
    double base = binary ? 1024 : 1000, bytes = 0, unit = base * base;
    char text[64];
    if (a[0].kind == K_UNDEFINED) return jinja_undefined_error(r, a[0]);
    if (a[0].kind == K_TEXT) TRY(jinja_work(r, a[0].text->n >> 2));
    if (jinja_is_number(a[0])) bytes = jinja_number(a[0]);
    else if (a[0].kind != K_TEXT || !jinja_parse_float(a[0].text->p, a[0].text->n, &bytes))
        return jinja_error(r, "filesizeformat is for numbers, not for %s", jinja_type(a[0]));
    size_t mark = jinja_mark(r);
    if (isnan(bytes)) return jinja_error(r, "a size that is no number");
    if (bytes == 1) return jinja_string(r, "1 Byte", out);
    if (bytes < base) {
        if (!(bytes > -0x1p63)) return jinja_error(r, "the float is no 64-bit integer");
        snprintf(text, sizeof text, "%lld Bytes", (long long)bytes);
        TRY(jinja_puts(r, text));
        return jinja_take(r, mark, out);
    }
    for (; i < 7 && bytes >= unit; i++) unit *= base;
    struct value format, v = jinja_float(base * bytes / unit), args;
    TRY(jinja_string(r, "%.1f ", &format));
    TRY(jinja_list(r, K_TUPLE, 1, &args));
    args.list->v[0] = v;
    TRY(jinja_percent(r, format, args, &v));
    TRY(jinja_put_str(r, v));
    TRY(jinja_puts(r, units[binary][i]));
    return jinja_take(r, mark, out);
}

/* ---- any value ---- */

static enum hearth_status f_default(struct render *r, struct value *a, struct value *out) {
    *out = a[0];
    if (a[0].kind != K_UNDEFINED && !(given_true(a[2]) && !jinja_truth(a[0]))) return HEARTH_OK;
    if (!given(a[1])) return jinja_string(r, "", out);
    *out = a[1];
    return HEARTH_OK;
}

static enum hearth_status f_length(struct render *r, struct value *a, struct value *out) {
    struct text name = { .p = "length", .n = 6, .chars = 6 };
    int64_t n = jinja_length(a[0]);
    int found;
    if (a[0].kind == K_LOOP) return jinja_loop_attribute(r, a[0].loop, &name, out, &found);
    *out = jinja_int(n);
    return n >= 0 ? HEARTH_OK : jinja_error(r, "a value of type %s has no length", jinja_type(a[0]));
}

static enum hearth_status f_attr(struct render *r, struct value *a, struct value *out) {
    struct text *name;
    int found;
    TRY(jinja_want_text(r, a[1], "an attribute's name", &name));
    TRY(jinja_attribute(r, a[0], name, out, &found));
    return found ? HEARTH_OK : jinja_undefined(r, NULL, jinja_type(a[0]), a[1], out);
}

const struct builtin *jinja_filter(const char *name, size_t n) {
    static const struct builtin table[] = {
        { "tojson", "x,ensure_ascii,indent,separators,sort_keys", 1, jinja_tojson },
        { "trim", "value,chars", 1, f_trim },
        { "length", "/obj", 1, f_length },
        { "count", "/obj", 1, f_length },
        { "default", "value,default_value,boolean", 1, f_default },
        { "d", "value,default_value,boolean", 1, f_default },
        { "string", "/s", 1, f_string },
        { "upper", "s", 1, f_upper },
        { "lower", "s", 1, f_lower },
        { "capitalize", "s", 1, f_capitalize },
        { "title", "s", 1, f_title },
        { "center", "value,width", 1, f_center },
        { "replace", "s,old,new,count", 3, f_replace },
        { "indent", "s,width,first,blank", 1, f_indent },
        { "truncate", "s,length,killwords,end,leeway", 1, f_truncate },
        { "wordcount", "s", 1, f_wordcount },
        { "wordwrap", "s,width,break_long_words,wrapstring,break_on_hyphens", 1, jinja_wordwrap },
        { "format", "value,*", 1, f_format },
        { "e", "/s", 1, f_escape },
        { "escape", "/s", 1, f_escape },
        { "forceescape", "value", 1, f_forceescape },
        { "safe", "value", 1, f_safe },
        { "striptags", "value", 1, f_striptags },
        { "urlencode", "value", 1, f_urlencode },
        { "xmlattr", "d,autospace", 1, f_xmlattr },
        { "abs", "/x", 1, f_abs },
        { "int", "value,default,base", 1, f_int },
        { "float", "value,default", 1, f_float },
        { "round", "value,precision,method", 1, f_round },
        { "filesizeformat", "value,binary", 1, f_filesizeformat },
        { "attr", "obj,name", 2, f_attr }
    };
    const struct builtin *b = jinja_find(table, sizeof table / sizeof *table, name, n);
    return b ? b : jinja_list_filter(name, n);
}
