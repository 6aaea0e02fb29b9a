/* jinja_print.c - str() and repr(), as Python prints: True, None, 1.0, {'a': 'b'}; numbers read and written without
 * regard to the locale. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "text/jinja.h"

/* ---- numbers ---- */

int jinja_float_digits(double f, int digits, char out[32]) {
    char text[64];
    int n = 0, exponent;
    snprintf(text, sizeof text, "%.*e", digits - 1, f); /* d<point>ddde+xx, the point whatever the locale has */
    const char *e = strchr(text, 'e');
    for (const char *p = text; p < e; p++)
        if (*p >= '0' && *p <= '9' && n < 31) out[n++] = *p;
    out[n] = '\0';
    exponent = (int)strtol(e + 1, NULL, 10);
    return exponent + 1;
}

/* 0.DIGITS x 10^point, read without a decimal point. */
static double from_digits(const char *digits, int point) {
    char text[64];
    snprintf(text, sizeof text, "%se%d", digits, point - (int)strlen(digits));
    return strtod(text, NULL);
}

void jinja_float_repr(double f, char out[FLOAT_MAX_TEXT]) {
    if (isnan(f) || isinf(f) || f == 0) {
        strcpy(out, isnan(f) ? "nan" : f == 0 ? signbit(f) ? "-0.0" : "0.0" : f < 0 ? "-inf" : "inf");
        return;
    }
    char d[32];
    int point = 0, n = 0, digits = 1;
    double size = fabs(f);
    for (; digits <= 17; digits++) { /* the fewest digits that are read back as the same number */
        point = jinja_float_digits(size, digits, d);
        if (digits == 17 || from_digits(d, point) == size) break;
    }
    int len = (int)strlen(d);
    while (len > 1 && d[len - 1] == '0') d[--len] = '\0';
    if (f < 0) out[n++] = '-';
    size_t room = (size_t)(FLOAT_MAX_TEXT - n);
    out += n;
    if (point > 16 || point < -3)
        snprintf(out, room, "%c%s%se%c%02d", d[0], len > 1 ? "." : "", d + 1, point > 0 ? '+' : '-', abs(point - 1));
    else if (point <= 0) snprintf(out, room, "0.%.*s%s", -point, "0000", d);
    else if (len <= point) snprintf(out, room, "%s%.*s.0", d, point - len, "0000000000000000");
    else snprintf(out, room, "%.*s.%s", point, d, d + point);
}

static int is_digit(char c) { return c >= '0' && c <= '9'; }

static void trim(const char **p, size_t *n) {
    uint32_t cp;
    int len;
    while (*n && (len = jinja_char(*p, *n, &cp), jinja_is_space(cp))) {
        *p += len;
        *n -= (size_t)len;
    }
    while (*n && (len = jinja_char_before(*p, *n, &cp), jinja_is_space(cp))) *n -= (size_t)len;
}

/* Digits with single underscores between them: as many as can matter to a double, then counted only. */
enum { DIGITS_MAX = 768 };
struct decimal { char d[DIGITS_MAX]; int n, dropped, any; };

static const char *decimal_digits(const char *p, const char *end, struct decimal *d, int *moved) {
    for (; p < end; p++) {
        if (*p == '_' && p + 1 < end && is_digit(p[1]) && d->any && is_digit(p[-1])) continue;
        if (!is_digit(*p)) break;
        d->any = 1;
        ++*moved;
        if (d->n == 0 && *p == '0') continue;
        if (d->n < DIGITS_MAX) d->d[d->n++] = *p;
        else d->dropped++;
    }
    return p;
}

int jinja_parse_float(const char *p, size_t n, double *out) {
    static const char *const words[] = { "inf", "infinity", "nan" };
    struct decimal d = { .n = 0 };
    int whole = 0, fraction = 0, digits = 0, negative;
    long exponent = 0;
    trim(&p, &n);
    const char *end = p + n;
    negative = n && *p == '-';
    if (n && (*p == '-' || *p == '+')) p++;
    for (size_t i = 0; i < 3; i++) {
        if ((size_t)(end - p) != strlen(words[i]) || strncasecmp(p, words[i], (size_t)(end - p))) continue;
        *out = copysign(i == 2 ? NAN : INFINITY, negative ? -1 : 1);
        return 1;
    }
    p = decimal_digits(p, end, &d, &whole);
    if (p < end && *p == '.') p = decimal_digits(p + 1, end, &d, &fraction);
    if (!whole && !fraction) return 0;
    if (p < end && (*p == 'e' || *p == 'E')) {
        int minus = ++p < end && *p == '-';
        if (p < end && (*p == '-' || *p == '+')) p++;
        for (; p < end && (is_digit(*p) || (digits && *p == '_' && is_digit(p[-1]))); p++) {
            digits = 1;
            if (*p != '_' && exponent < 100000000) exponent = exponent * 10 + (*p - '0');
        }
        if (!digits || p[-1] == '_') return 0;
        if (minus) exponent = -exponent;
    }
    if (p != end) return 0;
    char text[DIGITS_MAX + 32];
    snprintf(text, sizeof text, "%s%.*se%ld", negative ? "-" : "", d.n ? d.n : 1, d.n ? d.d : "0",
             exponent - fraction + d.dropped);
    *out = strtod(text, NULL);
    return 1;
}

int jinja_parse_int(const char *p, size_t n, int base, int64_t *out, int *overflow) {
    trim(&p, &n);
    const char *end = p + n;
    int negative = n && *p == '-', any = 0;
    uint64_t value = 0, most = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
    if (n && (*p == '-' || *p == '+')) p++;
    if (end - p > 1 && *p == '0') {
        int named = (p[1] | 32) == 'x' ? 16 : (p[1] | 32) == 'o' ? 8 : (p[1] | 32) == 'b' ? 2 : 0;
        if (named && (base == named || base == 0)) {
            base = named;
            p += 2;
            if (p < end && *p == '_') p++;
        }
    }
    int no_zeros = base == 0; /* then 007 is no number, though 000 is one */
    if (base == 0) base = 10;
    const char *first = p;
    for (; p < end; p++) {
        if (*p == '_' && any && p + 1 < end && p[1] != '_') continue;
        int d = is_digit(*p) ? *p - '0' : (*p | 32) >= 'a' && (*p | 32) <= 'z' ? (*p | 32) - 'a' + 10 : 99;
        if (d >= base) return 0;
        if (no_zeros && any && *first == '0' && d) return 0;
        any = 1;
        if (value > (most - (uint64_t)d) / (uint64_t)base) *overflow = 1;
        else value = value * (uint64_t)base + (uint64_t)d;
    }
    if (!any || *overflow) return 0;
    *out = negative ? (int64_t)(0 - value) : (int64_t)value;
    return 1;
}

/* ---- repr ---- */

static enum hearth_status put_quoted(struct render *r, const struct text *t, int ascii) {
    char quote = memchr(t->p, '\'', t->n) && !memchr(t->p, '"', t->n) ? '"' : '\'', hex[16];
    uint32_t cp;
    TRY(jinja_put(r, &quote, 1));
    for (size_t i = 0; i < t->n;) {
        size_t plain = i;
        int len = 0;
        while (i < t->n) { /* what needs no escape goes in one piece */
            len = jinja_char(t->p + i, t->n - i, &cp);
            if (cp == (uint32_t)quote || cp == '\\' || !jinja_is_printable(cp) || (ascii && cp > 126)) break;
            i += (size_t)len;
        }
        TRY(jinja_put(r, t->p + plain, i - plain));
        if (i == t->n) break;
        i += (size_t)len;
        const char *simple = cp == '\n' ? "\\n" : cp == '\r' ? "\\r" : cp == '\t' ? "\\t" : cp == '\\' ? "\\\\" : NULL;
        if (cp == (uint32_t)quote) simple = quote == '"' ? "\\\"" : "\\'";
        if (!simple) snprintf(hex, sizeof hex, cp < 0x100 ? "\\x%02x" : cp < 0x10000 ? "\\u%04x" : "\\U%08x", cp);
        TRY(jinja_puts(r, simple ? simple : hex));
    }
    return jinja_put(r, &quote, 1);
}

static enum hearth_status put_repr(struct render *r, struct value v, int ascii);

static enum hearth_status put_list(struct render *r, struct value v, int ascii) {
    int tuple = v.kind == K_TUPLE;
    TRY(jinja_puts(r, tuple ? "(" : "["));
    for (size_t i = 0; i < v.list->n; i++) {
        if (i) TRY(jinja_puts(r, ", "));
        TRY(put_repr(r, v.list->v[i], ascii));
    }
    if (tuple && v.list->n == 1) TRY(jinja_puts(r, ","));
    return jinja_puts(r, tuple ? ")" : "]");
}

static enum hearth_status put_dict(struct render *r, const struct dict *d, int ascii) {
    TRY(jinja_puts(r, "{"));
    for (size_t i = 0; i < d->n; i++) {
        if (i) TRY(jinja_puts(r, ", "));
        TRY(put_repr(r, d->e[i].key, ascii));
        TRY(jinja_puts(r, ": "));
        TRY(put_repr(r, d->e[i].value, ascii));
    }
    return jinja_puts(r, "}");
}

static enum hearth_status put_view(struct render *r, struct value v, int ascii) {
    struct value items;
    TRY(jinja_collect(r, v, K_LIST, &items));
    TRY(jinja_puts(r, jinja_type(v)));
    TRY(jinja_puts(r, "("));
    TRY(put_list(r, items, ascii));
    return jinja_puts(r, ")");
}

static enum hearth_status put_number(struct render *r, struct value v) {
    char text[64];
    const struct range *g = v.range;
    if (v.kind == K_INT) snprintf(text, sizeof text, "%lld", (long long)v.i);
    else if (v.kind == K_FLOAT) jinja_float_repr(v.f, text);
    else if (g->step == 1) snprintf(text, sizeof text, "range(%lld, %lld)", (long long)g->start, (long long)g->stop);
    else snprintf(text, sizeof text, "range(%lld, %lld, %lld)", (long long)g->start, (long long)g->stop,
                  (long long)g->step);
    return jinja_puts(r, text);
}

static enum hearth_status put_deep(struct render *r, struct value v, int ascii) {
    switch (v.kind) {
    case K_LIST: case K_TUPLE: return put_list(r, v, ascii);
    case K_DICT: return put_dict(r, v.dict, ascii);
    case K_VIEW: return put_view(r, v, ascii);
    case K_SPACE: /* the one thing that can hold itself */
        TRY(jinja_puts(r, "<Namespace "));
        if (v.space->printing) return jinja_puts(r, "{...}>");
        v.space->printing = 1;
        TRY(put_dict(r, v.space->attrs, ascii));
        v.space->printing = 0;
        return jinja_puts(r, ">");
    case K_LOOP: return jinja_put_loop(r, v.loop);
    default: /* Python prints an address here; nobody can want the same one */
        TRY(jinja_puts(r, "<"));
        TRY(jinja_puts(r, jinja_type(v)));
        return jinja_puts(r, " object>");
    }
}

static enum hearth_status put_repr(struct render *r, struct value v, int ascii) {
    switch (v.kind) {
    case K_MISSING: case K_UNDEFINED: return jinja_puts(r, "Undefined");
    case K_NONE: return jinja_puts(r, "None");
    case K_BOOL: return jinja_puts(r, v.i ? "True" : "False");
    case K_INT: case K_FLOAT: case K_RANGE: return put_number(r, v);
    case K_TEXT:
        if (v.what) TRY(jinja_puts(r, "Markup("));
        TRY(put_quoted(r, v.text, ascii));
        return v.what ? jinja_puts(r, ")") : HEARTH_OK;
    case K_MACRO: return jinja_put_macro(r, v.macro);
    default:
        TRY(jinja_enter(r));
        TRY(put_deep(r, v, ascii));
        r->nest--;
        return HEARTH_OK;
    }
}

enum hearth_status jinja_put_repr(struct render *r, struct value v) { return put_repr(r, v, 0); }
enum hearth_status jinja_put_ascii(struct render *r, struct value v) { return put_repr(r, v, 1); }

/* ---- str ---- */

enum hearth_status jinja_put_str(struct render *r, struct value v) {
    if (v.kind == K_TEXT) return jinja_put(r, v.text->p, v.text->n);
    TRY(jinja_strict(r, v));
    return v.kind == K_UNDEFINED || v.kind == K_MISSING ? HEARTH_OK : put_repr(r, v, 0);
}

enum hearth_status jinja_soft_str(struct render *r, struct value v, struct value *out) {
    *out = v;
    if (v.kind == K_TEXT) return HEARTH_OK;
    size_t mark = jinja_mark(r);
    TRY(jinja_put_str(r, v));
    return jinja_take(r, mark, out);
}

enum hearth_status jinja_str(struct render *r, struct value v, struct value *out) {
    TRY(jinja_soft_str(r, v, out));
    out->what = 0;
    return HEARTH_OK;
}

/* ---- HTML ---- */

enum hearth_status jinja_put_escaped(struct render *r, const char *p, size_t n) {
    static const char from[] = "&<>'\"";
    static const char *const to[] = { "&amp;", "&lt;", "&gt;", "&#39;", "&#34;" };
    for (size_t i = 0, plain = 0; i <= n; i++) {
        const char *c = i < n && p[i] ? strchr(from, p[i]) : NULL;
        if (i < n && !c) continue;
        TRY(jinja_put(r, p + plain, i - plain));
        if (c) TRY(jinja_puts(r, to[c - from]));
        plain = i + 1;
    }
    return HEARTH_OK;
}

enum hearth_status jinja_escape(struct render *r, struct value v, struct value *out) {
    struct value text;
    TRY(jinja_soft_str(r, v, &text));
    if (!text.what) {
        size_t mark = jinja_mark(r);
        TRY(jinja_put_escaped(r, text.text->p, text.text->n));
        TRY(jinja_take(r, mark, &text));
    }
    text.what = 1;
    *out = text;
    return HEARTH_OK;
}
