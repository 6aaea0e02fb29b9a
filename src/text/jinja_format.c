/* jinja_format.c - "%s" % x, "{}".format(x) and the little language of widths and precisions that both come down to:
 *
 *     [[fill]align][sign][#][0][width][,][.precision][type]
 *
 * after Python's "Format Specification Mini-Language" and "printf-style String Formatting". */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "text/jinja.h"

enum { PRECISION_MAX = 1100, WIDTH_MAX = 1 << 30 };

struct spec {
    uint32_t fill;          /* 0: a space */
    char align, sign, group, type;
    int alternate, zero;
    int64_t width, precision; /* -1: none */
};

/* ---- padding ---- */

static enum hearth_status pad(struct render *r, const struct spec *s, int64_t times) {
    char c[4];
    int len = utf8_write(s->fill ? s->fill : ' ', c);
    struct text fill = { .p = c, .n = (size_t)len, .chars = 1 };
    return jinja_pad(r, &fill, times);
}

static enum hearth_status put_aligned(struct render *r, const struct spec *s, char align, const char *p, size_t n,
                                      int64_t chars) {
    int64_t space = s->width > chars ? s->width - chars : 0;
    int64_t left = align == '<' ? 0 : align == '^' ? space / 2 : space;
    TRY(pad(r, s, left));
    TRY(jinja_put(r, p, n));
    return pad(r, s, space - left);
}

static enum hearth_status put_text(struct render *r, const struct spec *s, struct text *t) {
    struct text cut = *t;
    if (s->precision >= 0 && (int64_t)jinja_chars(&cut) > s->precision) {
        struct value v = jinja_text_value(&cut), bound[3] = { jinja_none(), jinja_int(s->precision), jinja_none() };
        TRY(jinja_slice(r, v, bound, &v));
        cut = *v.text;
    }
    return put_aligned(r, s, s->align ? s->align : '<', cut.p, cut.n, (int64_t)jinja_chars(&cut));
}

/* ---- numbers ---- */

/* Sign, prefix (0x), digits of the whole part, and what follows them (.5e+10, %). */
struct number { char sign[2]; const char *prefix; char whole[400]; const char *rest; };

static enum hearth_status put_grouped(struct render *r, const char *digits, int64_t zeros, int size, char group) {
    int64_t n = zeros + (int64_t)strlen(digits);
    for (int64_t i = 0; i < n; i++) {
        if (i && group && (n - i) % size == 0) TRY(jinja_put(r, &group, 1));
        TRY(jinja_put(r, i < zeros ? "0" : digits + (i - zeros), 1));
    }
    return HEARTH_OK;
}

static enum hearth_status put_number(struct render *r, const struct spec *s, const struct number *n) {
    int size = strchr("boxX", s->type) && s->type ? 4 : 3;
    int64_t digits = (int64_t)strlen(n->whole), around = (int64_t)(strlen(n->sign) + strlen(n->prefix) + strlen(n->rest));
    int64_t zeros = 0, groups = s->group && digits ? (digits - 1) / size : 0;
    char align = s->align ? s->align : '>';
    uint32_t fill = s->fill;
    if (align == '=' && fill == '0') { /* zeros are digits too, in groups like the others */
        while (around + digits + zeros + groups < s->width) {
            zeros++;
            groups = s->group ? (digits + zeros - 1) / size : 0;
        }
    }
    int64_t length = around + digits + zeros + groups, space = s->width > length ? s->width - length : 0;
    int64_t left = align == '<' || align == '=' ? 0 : align == '^' ? space / 2 : space;
    TRY(pad(r, s, left));
    TRY(jinja_puts(r, n->sign));
    TRY(jinja_puts(r, n->prefix));
    if (align == '=') TRY(pad(r, s, space));
    TRY(put_grouped(r, n->whole, zeros, size, s->group));
    TRY(jinja_puts(r, n->rest));
    return align == '=' ? HEARTH_OK : pad(r, s, space - left);
}

static void set_sign(struct number *n, char mode, int negative) {
    char c = negative ? '-' : mode == '+' || mode == ' ' ? mode : 0;
    n->sign[0] = c;
    n->sign[1] = '\0';
}

static enum hearth_status put_integer(struct render *r, const struct spec *s, int64_t i) {
    struct number n = { .prefix = "", .rest = "" };
    uint64_t u = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
    int bits = s->type == 'b' ? 1 : s->type == 'o' ? 3 : s->type == 'x' || s->type == 'X' ? 4 : 0;
    char *p = n.whole + 100, *end = p;
    for (*end = '\0'; u || p == end; u = bits ? u >> bits : u / 10) {
        unsigned d = (unsigned)(bits ? u & ((1u << bits) - 1) : u % 10);
        *--p = (s->type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef")[d];
    }
    memmove(n.whole, p, (size_t)(end - p) + 1);
    set_sign(&n, s->sign, i < 0);
    if (s->alternate && bits) n.prefix = s->type == 'b' ? "0b" : s->type == 'o' ? "0o" : s->type == 'x' ? "0x" : "0X";
    /* %.5d: a least number of digits */
    if (s->precision > PRECISION_MAX / 4) return jinja_error(r, "a precision of more than %d digits", PRECISION_MAX / 4);
    size_t digits = (size_t)(end - p), want = s->precision > 0 ? (size_t)s->precision : 0;
    if (want > digits) {
        memmove(n.whole + (want - digits), n.whole, digits + 1);
        memset(n.whole, '0', want - digits);
    }
    return put_number(r, s, &n);
}

/* printf's text of |f|, with a full stop whatever the locale has. */
static void float_text(char type, int alternate, int precision, double f, char *out, size_t size) {
    char format[16], text[PRECISION_MAX + 400];
    snprintf(format, sizeof format, "%%%s.*%c", alternate ? "#" : "", type);
    snprintf(text, sizeof text, format, precision, f);
    size_t n = 0;
    for (const char *p = text; *p && n + 1 < size; p++) {
        int plain = (*p >= '0' && *p <= '9') || *p == 'e' || *p == '+' || *p == '-';
        if (plain) out[n++] = *p;
        else if (n == 0 || out[n - 1] != '.') out[n++] = '.';
    }
    out[n] = '\0';
}

/* What {:.3} gives: like g, but never looking like an integer, and so with an exponent already where the digits asked for
 * would all stand before the point. */
static void general_text(int alternate, int64_t precision, double f, char *out, size_t size) {
    if (precision < 0) {
        jinja_float_repr(f, out);
        char *e = alternate && !strchr(out, '.') ? strchr(out, 'e') : NULL;
        if (e) memmove(e + 1, e, strlen(e) + 1), *e = '.';
        return;
    }
    char d[32];
    int digits = precision < 1 ? 1 : (int)precision;
    int point = f == 0 ? 1 : jinja_float_digits(f, digits > 17 ? 17 : digits, d);
    int exponent = point <= -4 || point > digits - 1;
    float_text(exponent ? 'e' : 'f', alternate, exponent ? digits - 1 : digits - point, f, out, size);
    if (alternate || !strchr(out, '.')) return;
    char *end = exponent ? strchr(out, 'e') : out + strlen(out), *last = end;
    while (last[-1] == '0' && (exponent || last[-2] != '.')) last--;
    if (last[-1] == '.') last--;
    memmove(last, end, strlen(end) + 1);
}

static enum hearth_status put_float(struct render *r, const struct spec *s, double f) {
    char text[PRECISION_MAX + 400], type = s->type;
    struct number n = { .prefix = "" };
    int64_t precision = s->precision;
    int upper = type == 'E' || type == 'F' || type == 'G';
    set_sign(&n, s->sign, signbit(f) && !isnan(f));
    f = fabs(f) * (type == '%' ? 100 : 1);
    if (precision > PRECISION_MAX) return jinja_error(r, "a precision of more than %d digits", PRECISION_MAX);
    if (!isfinite(f)) {
        snprintf(text, sizeof text, "%s%s", isnan(f) ? upper ? "NAN" : "nan" : upper ? "INF" : "inf",
                 type == '%' ? "%" : "");
        n.rest = text;
        return put_number(r, s, &n);
    }
    if (type == 0) {
        general_text(s->alternate, precision, f, text, sizeof text);
    } else {
        char c = type == '%' || type == 'F' ? 'f' : type == 'n' ? 'g' : (char)(type | 32);
        float_text(c, s->alternate, precision < 0 ? 6 : (int)precision, f, text, sizeof text - 1);
        if (type == '%') strcat(text, "%");
    }
    for (char *p = text; upper && *p; p++)
        if (*p == 'e') *p = 'E';
    size_t digits = strspn(text, "0123456789");
    memcpy(n.whole, text, digits);
    n.whole[digits] = '\0';
    n.rest = text + digits;
    return put_number(r, s, &n);
}

/* ---- format(value, spec) ---- */

static int is_align(uint32_t c) { return c == '<' || c == '>' || c == '=' || c == '^'; }

static enum hearth_status read_number(struct render *r, const char **p, const char *end, int64_t *out) {
    *out = -1;
    while (*p < end && **p >= '0' && **p <= '9') {
        *out = (*out < 0 ? 0 : *out) * 10 + (*(*p)++ - '0');
        if (*out > WIDTH_MAX) return jinja_error(r, "a width or precision of more than %d", WIDTH_MAX);
    }
    return HEARTH_OK;
}

static enum hearth_status read_spec(struct render *r, const char *p, const char *end, struct spec *s) {
    uint32_t cp = 0, next = 0;
    *s = (struct spec){ .precision = -1 };
    int len = p < end ? jinja_char(p, (size_t)(end - p), &cp) : 0;
    if (p + len < end) jinja_char(p + len, (size_t)(end - p - len), &next);
    if (len && is_align(next)) {
        s->fill = cp;
        s->align = (char)next;
        p += len + 1;
    } else if (len && is_align(cp)) {
        s->align = (char)cp;
        p++;
    }
    if (p < end && (*p == '+' || *p == '-' || *p == ' ')) s->sign = *p++;
    if (p < end && *p == '#') s->alternate = 1, p++;
    if (p < end && *p == '0') {
        s->zero = !s->align; /* no alignment was asked for */
        p++;
        if (!s->fill) s->fill = '0';
        if (!s->align) s->align = '=';
    }
    TRY(read_number(r, &p, end, &s->width));
    if (p < end && (*p == ',' || *p == '_')) s->group = *p++;
    if (p < end && (*p == ',' || *p == '_')) return jinja_error(r, "a format with two of ',' and '_'");
    if (p < end && *p == '.') {
        p++;
        TRY(read_number(r, &p, end, &s->precision));
        if (s->precision < 0) return jinja_error(r, "a format with '.' and no precision behind it");
    }
    int typed = p < end;
    if (typed) s->type = *p++;
    if (p < end || (typed && !s->type) || (unsigned char)s->type > 0x7F) return jinja_error(r, "the format ends in something unknown");
    return HEARTH_OK;
}

static enum hearth_status bad_type(struct render *r, const struct spec *s, struct value v) {
    return jinja_error(r, "the format '%c' is not for a value of type %s", s->type ? s->type : '?', jinja_type(v));
}

static enum hearth_status format_text(struct render *r, struct spec *s, struct value v) {
    if ((s->type && s->type != 's') || s->sign || s->alternate || s->group || (s->align == '=' && !s->zero))
        return bad_type(r, s, v);
    if (s->align == '=') s->align = '<'; /* {:05} of a text: zeros behind it */
    return put_text(r, s, v.text);
}

static enum hearth_status format_integer(struct render *r, struct spec *s, struct value v) {
    if (strchr("eEfFgG%", s->type) && s->type) return put_float(r, s, (double)v.i);
    if ((s->type && !strchr("bcdoxXn", s->type)) || s->precision >= 0) return bad_type(r, s, v);
    if (s->group == ',' && s->type && strchr("bcoxX", s->type)) return bad_type(r, s, v);
    if (s->group && s->type == 'n') return bad_type(r, s, v);
    if (s->type != 'c') return put_integer(r, s, v.i);
    char c[4];
    int len = v.i >= 0 && v.i <= 0x10FFFF ? utf8_write((uint32_t)v.i, c) : 0;
    if (!len || s->sign || s->alternate || s->group) return bad_type(r, s, v);
    return put_aligned(r, s, s->align == '=' ? '>' : s->align ? s->align : '<', c, (size_t)len, 1);
}

static enum hearth_status format_value(struct render *r, struct value v, const char *p, size_t n) {
    struct spec s;
    if (n == 0) return jinja_put_str(r, v);
    if (v.kind != K_TEXT && !jinja_is_number(v))
        return jinja_error(r, "a value of type %s has no format '%.*s'", jinja_type(v), (int)(n < 50 ? n : 50), p);
    TRY(read_spec(r, p, p + n, &s));
    if (v.kind == K_TEXT) return format_text(r, &s, v);
    if (jinja_is_integer(v)) return format_integer(r, &s, v);
    if ((s.type && !strchr("eEfFgGn%", s.type)) || (s.group && s.type == 'n')) return bad_type(r, &s, v);
    return put_float(r, &s, v.f);
}

/* ---- "%" ---- */

/* The arguments of a %: a tuple, one by one; or a single thing, which may be a mapping to look names up in. */
struct percent {
    struct value args, single;
    size_t next;
    int is_tuple, is_mapping, used;
    int escapes;            /* the format is Markup */
};

static enum hearth_status next_argument(struct render *r, struct percent *p, struct value *out) {
    if (p->is_tuple ? p->next >= p->args.list->n : p->used)
        return jinja_error(r, "the format asks for more arguments than it is given");
    *out = p->is_tuple ? p->args.list->v[p->next++] : p->args;
    p->used = 1;
    return HEARTH_OK;
}

/* %(name): the argument by its name. */
static enum hearth_status named_argument(struct render *r, struct percent *p, const char **s, const char *end,
                                         struct value *out) {
    const char *begin = ++*s;
    int depth = 1;
    struct value key, *found;
    for (; *s < end && depth; ++*s) depth += **s == '(' ? 1 : **s == ')' ? -1 : 0;
    if (depth) return jinja_error(r, "a format with '%%(' and no ')'");
    TRY(jinja_view(r, begin, (size_t)(*s - 1 - begin), &key));
    if (p->args.kind == K_UNDEFINED) return jinja_undefined_error(r, p->args);
    if (p->args.kind != K_DICT) return jinja_error(r, "a format with names is given %s", jinja_type(p->args));
    TRY(jinja_dict_find(r, p->args.dict, key, &found));
    if (!found) return jinja_error(r, "the format asks for '%.*s', which is not given", (int)key.text->n, key.text->p);
    *out = *found;
    return HEARTH_OK;
}

static enum hearth_status star_or_number(struct render *r, struct percent *p, const char **s, const char *end,
                                         int64_t *out) {
    struct value v = { 0 };
    if (*s >= end || **s != '*') return read_number(r, s, end, out);
    ++*s;
    TRY(next_argument(r, p, &v));
    TRY(jinja_want_int(r, v, "the width for '*'", out));
    return *out > WIDTH_MAX || *out < -WIDTH_MAX ? jinja_error(r, "a width of more than %d", WIDTH_MAX) : HEARTH_OK;
}

static enum hearth_status percent_spec(struct render *r, struct percent *p, const char **s, const char *end,
                                       struct spec *f) {
    *f = (struct spec){ .align = '>', .precision = -1, .sign = '-' };
    int minus = 0, zero = 0;
    for (; *s < end && strchr("-+ #0", **s) && **s; ++*s) {
        if (**s == '-') minus = 1;
        else if (**s == '0') zero = 1;
        else if (**s == '#') f->alternate = 1;
        else if (f->sign != '+') f->sign = **s;
    }
    TRY(star_or_number(r, p, s, end, &f->width));
    if (f->width < -1 || (f->width == -1 && (*s)[-1] == '*')) {
        minus = 1;
        f->width = -f->width;
    }
    if (*s < end && **s == '.') {
        ++*s;
        TRY(star_or_number(r, p, s, end, &f->precision));
        if (f->precision < 0) f->precision = 0;
    }
    if (*s < end && (**s == 'h' || **s == 'l' || **s == 'L')) ++*s;
    if (*s >= end) return jinja_error(r, "the format ends in the middle of '%%'");
    f->type = *(*s)++;
    f->zero = zero && !minus;
    if (minus) f->align = '<';
    return HEARTH_OK;
}

static enum hearth_status percent_text(struct render *r, struct percent *p, struct spec *f, struct value v) {
    struct value text;
    size_t mark = jinja_mark(r);
    if (f->type == 's') {
        TRY(jinja_soft_str(r, v, &text));
    } else {
        TRY(f->type == 'r' ? jinja_put_repr(r, v) : jinja_put_ascii(r, v));
        TRY(jinja_take(r, mark, &text));
    }
    if (p->escapes) TRY(jinja_escape(r, text, &text));
    return put_text(r, f, text.text);
}

static enum hearth_status percent_char(struct render *r, struct spec *f, struct value v) {
    char c[4];
    int len = 0;
    struct text one;
    if (v.kind == K_TEXT && jinja_chars(v.text) == 1) return put_aligned(r, f, f->align, v.text->p, v.text->n, 1);
    if (jinja_is_integer(v) && v.i >= 0 && v.i <= 0x10FFFF) len = utf8_write((uint32_t)v.i, c);
    if (!len) return jinja_error(r, "%%c is for one character or its number");
    one = (struct text){ .p = c, .n = (size_t)len, .chars = 1 };
    return put_aligned(r, f, f->align, one.p, one.n, 1);
}

static enum hearth_status percent_number(struct render *r, struct spec *f, struct value v) {
    int is_float = strchr("eEfFgG", f->type) != NULL;
    if (f->zero) {
        f->align = '=';
        f->fill = '0';
    }
    if (!jinja_is_number(v)) return jinja_error(r, "%%%c is for a number, not %s", f->type, jinja_type(v));
    if (is_float) return put_float(r, f, jinja_number(v));
    if (v.kind == K_FLOAT) {
        if (strchr("oxX", f->type)) return bad_type(r, f, v);
        if (!(fabs(v.f) < 0x1p63)) return jinja_error(r, "a float that is no 64-bit integer");
        v = jinja_int((int64_t)v.f);
    }
    if (strchr("diu", f->type)) f->type = 'd';
    return put_integer(r, f, v.i);
}

static enum hearth_status percent_one(struct render *r, struct percent *p, const char **s, const char *end) {
    struct spec f;
    struct value v = { .kind = K_MISSING };
    if (*s < end && **s == '%') return jinja_put(r, (*s)++, 1);
    if (*s < end && **s == '(') {
        if (!p->is_mapping) return jinja_error(r, "a format with names needs a dict");
        TRY(named_argument(r, p, s, end, &v));
        p->used = 1;
    }
    TRY(percent_spec(r, p, s, end, &f));
    if (!strchr("diouxXeEfFgGcrsa", f.type) || !f.type) return jinja_error(r, "%%%c is no known format", f.type);
    if (v.kind == K_MISSING) TRY(next_argument(r, p, &v));
    if (strchr("rsa", f.type)) return percent_text(r, p, &f, v);
    return f.type == 'c' ? percent_char(r, &f, v) : percent_number(r, &f, v);
}

enum hearth_status jinja_percent(struct render *r, struct value format, struct value args, struct value *out) {
    const char *s = format.text->p, *end = s + format.text->n;
    struct percent p = {
        .args = args, .is_tuple = args.kind == K_TUPLE, .escapes = format.what,
        .is_mapping = args.kind == K_DICT || args.kind == K_LIST || args.kind == K_RANGE || args.kind == K_UNDEFINED
    };
    size_t mark = jinja_mark(r);
    while (s < end) {
        const char *sign = memchr(s, '%', (size_t)(end - s));
        TRY(jinja_put(r, s, (size_t)((sign ? sign : end) - s)));
        s = sign ? sign + 1 : end;
        if (sign) TRY(percent_one(r, &p, &s, end));
    }
    int left = p.is_tuple ? p.next < args.list->n : !p.used && !p.is_mapping;
    if (left) return jinja_error(r, "the format asks for fewer arguments than it is given");
    TRY(jinja_take(r, mark, out));
    out->what = format.what;
    return HEARTH_OK;
}

/* ---- "{}".format ---- */

struct fields { struct value args; struct dict *kwargs; int64_t automatic; int manual, escapes; };

static int all_digits(const char *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (p[i] < '0' || p[i] > '9') return 0;
    return n > 0;
}

/* The thing a field names: 0, name, 0.attribute, name[key] ... */
static enum hearth_status field_value(struct render *r, struct fields *f, const char *p, size_t n, struct value *out) {
    const char *end = p + n, *begin = p;
    struct value key, *found;
    int64_t i;
    int bad = 0;
    while (p < end && *p != '.' && *p != '[') p++;
    if (n == 0 ? f->manual : all_digits(begin, n) && f->automatic)
        return jinja_error(r, "a format mixes {} with {0}");
    if (n == 0) {
        i = f->automatic++;
    } else {
        f->manual |= all_digits(begin, n);
        if (!all_digits(begin, (size_t)(p - begin))) i = -1;
        else if (!jinja_parse_int(begin, (size_t)(p - begin), 10, &i, &bad)) return jinja_error(r, "a field too large");
    }
    if (i >= 0) {
        if ((uint64_t)i >= f->args.list->n) return jinja_error(r, "the format asks for argument %lld, there are %zu",
                                                              (long long)i, f->args.list->n);
        *out = f->args.list->v[i];
    } else {
        TRY(jinja_view(r, begin, (size_t)(p - begin), &key));
        TRY(jinja_dict_find(r, f->kwargs, key, &found));
        if (!found) return jinja_error(r, "the format asks for '%.*s', which is not given", (int)(p - begin), begin);
        *out = *found;
    }
    while (p < end) {
        char what = *p++;
        begin = p;
        while (p < end && (what == '[' ? *p != ']' : *p != '.' && *p != '[')) p++;
        if (p == begin || (what != '.' && what != '[') || (what == '[' && p == end))
            return jinja_error(r, "a format with an empty or open attribute");
        TRY(jinja_view(r, begin, (size_t)(p - begin), &key));
        if (what == '.') TRY(jinja_getattr(r, *out, key.text, out));
        if (what != '[') continue;
        if (all_digits(begin, (size_t)(p - begin)) && jinja_parse_int(begin, (size_t)(p - begin), 10, &i, &bad))
            key = jinja_int(i);
        TRY(jinja_getitem(r, *out, key, out));
        p++;
    }
    return HEARTH_OK;
}

static enum hearth_status put_fields(struct render *r, struct fields *f, const char *p, const char *end, int depth);

static enum hearth_status put_field(struct render *r, struct fields *f, struct value v, char conversion,
                                    const char *spec, const char *end, int depth) {
    struct value text;
    size_t mark = jinja_mark(r);
    if (conversion == 's') {
        TRY(jinja_str(r, v, &v));
    } else if (conversion) {
        TRY(conversion == 'r' ? jinja_put_repr(r, v) : jinja_put_ascii(r, v));
        TRY(jinja_take(r, mark, &v));
    }
    TRY(put_fields(r, f, spec, end, depth - 1)); /* {:{width}} */
    TRY(jinja_take(r, mark, &text));
    if (!f->escapes) return format_value(r, v, text.text->p, text.text->n);
    if (v.kind == K_TEXT && v.what)
        return text.text->n ? jinja_error(r, "Markup has no formats") : jinja_put_str(r, v);
    TRY(format_value(r, v, text.text->p, text.text->n));
    TRY(jinja_take(r, mark, &text));
    return jinja_put_escaped(r, text.text->p, text.text->n);
}

/* Behind an opening brace: name, !conversion, :format, up to behind the closing brace. */
static enum hearth_status one_field(struct render *r, struct fields *f, const char **at, const char *end, int depth) {
    const char *p = *at, *name = p, *spec;
    char conversion = 0;
    struct value v = { 0 };
    for (; p < end && *p != '}' && *p != ':' && *p != '!'; p++) {
        if (*p == '{') return jinja_error(r, "a format with '{' in a field");
        if (*p == '[')
            while (p + 1 < end && p[1] != ']') p++;
    }
    if (p >= end) return jinja_error(r, "a format with '{' and no '}'");
    size_t n = (size_t)(p - name);
    if (*p == '!') {
        if (++p >= end || !strchr("sra", *p)) /* a NUL: none, in Python too */
            return jinja_error(r, "a format with '!' and not s, r or a behind it");
        conversion = *p++;
        if (p >= end || (*p != ':' && *p != '}')) return jinja_error(r, "a format with no ':' or '}' behind '!'");
    }
    spec = *p == ':' ? p + 1 : p;
    if (*p == ':') {
        int open = 1;
        for (p++; p < end; p++) {
            open += *p == '{' ? 1 : *p == '}' ? -1 : 0;
            if (!open) break;
        }
        if (p >= end) return jinja_error(r, "a format with '{' and no '}'");
    }
    TRY(field_value(r, f, name, n, &v));
    TRY(put_field(r, f, v, conversion, spec, p, depth));
    *at = p + 1;
    return HEARTH_OK;
}

static enum hearth_status put_fields(struct render *r, struct fields *f, const char *p, const char *end, int depth) {
    if (depth < 0) return jinja_error(r, "a format inside of a format inside of a format");
    while (p < end) {
        const char *plain = p;
        while (p < end && *p != '{' && *p != '}') p++;
        TRY(jinja_put(r, plain, (size_t)(p - plain)));
        if (p >= end) break;
        if (p + 1 < end && p[1] == *p) {
            TRY(jinja_put(r, p, 1));
            p += 2;
            continue;
        }
        if (*p == '}' || p + 1 >= end) return jinja_error(r, "a format with a single '%c'", *p);
        p++;
        TRY(one_field(r, f, &p, end, depth));
    }
    return HEARTH_OK;
}

enum hearth_status jinja_str_format(struct render *r, struct value format, struct value args, struct dict *kwargs,
                                    struct value *out) {
    struct fields f = { .args = args, .kwargs = kwargs, .escapes = format.what };
    size_t mark = jinja_mark(r);
    TRY(put_fields(r, &f, format.text->p, format.text->p + format.text->n, 2));
    TRY(jinja_take(r, mark, out));
    out->what = format.what;
    return HEARTH_OK;
}
