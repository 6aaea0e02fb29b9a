/* jinja_op.c - operators, as Python has them: integers that never wrap silently, / that always gives a float, // and %
 * that round towards minus infinity, texts and lists that add and multiply. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/jinja_syntax.h"

static enum hearth_status overflow(struct render *r) {
    return jinja_error(r, "an integer is larger than 64 bits hold");
}

static enum hearth_status by_zero(struct render *r) { return jinja_error(r, "division by zero"); }

/* i by its address: the overflow and what it left there are computed in one argument list. */
static enum hearth_status set_int(struct render *r, int overflowed, const int64_t *i, struct value *out) {
    *out = jinja_int(*i);
    return overflowed ? overflow(r) : HEARTH_OK;
}

/* ---- numbers ---- */

static enum hearth_status int_power(struct render *r, int64_t base, int64_t e, struct value *out) {
    int64_t result = 1;
    int over = 0; /* squares may overflow behind the last bit that counts */
    for (; e > 0; e >>= 1) {
        if (e & 1) {
            if (over || __builtin_mul_overflow(result, base, &result)) return overflow(r);
        }
        over |= __builtin_mul_overflow(base, base, &base);
    }
    *out = jinja_int(result);
    return HEARTH_OK;
}

enum hearth_status jinja_power(struct render *r, struct value a, struct value b, struct value *out) {
    if (jinja_is_integer(a) && jinja_is_integer(b) && b.i >= 0) return int_power(r, a.i, b.i, out);
    double x = jinja_number(a), y = jinja_number(b);
    if (x == 0 && y < 0) return by_zero(r);
    if (x < 0 && isfinite(x) && isfinite(y) && y != floor(y))
        return jinja_error(r, "a negative number to a power that is no integer is a complex number");
    double f = pow(x, y);
    if (isinf(f) && isfinite(x) && isfinite(y)) return jinja_error(r, "the result is too large for a float");
    *out = jinja_float(f);
    return HEARTH_OK;
}

/* Quotient rounded down and remainder with the sign of the divisor. */
static void float_divide(double a, double b, double *quotient, double *remainder) {
    double mod = fmod(a, b), div = (a - mod) / b;
    if (mod != 0) {
        if ((b < 0) != (mod < 0)) {
            mod += b;
            div -= 1.0;
        }
    } else {
        mod = copysign(0.0, b);
    }
    *remainder = mod;
    if (div == 0) {
        *quotient = copysign(0.0, a / b);
        return;
    }
    double down = floor(div);
    *quotient = div - down > 0.5 ? down + 1.0 : down;
}

static enum hearth_status int_binary(struct render *r, int op, int64_t a, int64_t b, struct value *out) {
    int64_t i = 0;
    switch (op) {
    case T_ADD: return set_int(r, __builtin_add_overflow(a, b, &i), &i, out);
    case T_SUB: return set_int(r, __builtin_sub_overflow(a, b, &i), &i, out);
    case T_MUL: return set_int(r, __builtin_mul_overflow(a, b, &i), &i, out);
    case T_DIV:
        if (b == 0) return by_zero(r);
        *out = jinja_float(llabs(a / 2) < 1ll << 52 && llabs(b / 2) < 1ll << 52 ? (double)a / (double)b :
                           (double)((long double)a / (long double)b));
        return HEARTH_OK;
    default:
        if (b == 0) return by_zero(r);
        if (b == -1) return op == T_MOD ? set_int(r, 0, &i, out) : set_int(r, __builtin_sub_overflow(0, a, &i), &i, out);
        i = a % b;
        int adjust = i != 0 && (i < 0) != (b < 0);
        *out = jinja_int(op == T_MOD ? i + (adjust ? b : 0) : a / b - adjust);
        return HEARTH_OK;
    }
}

static enum hearth_status number_binary(struct render *r, int op, struct value a, struct value b, struct value *out) {
    if (op == T_POW) return jinja_power(r, a, b, out);
    if (jinja_is_integer(a) && jinja_is_integer(b)) return int_binary(r, op, a.i, b.i, out);
    double x = jinja_number(a), y = jinja_number(b), quotient = 0, remainder = 0;
    if (op > T_MUL && y == 0) return by_zero(r);
    if (op == T_FLOORDIV || op == T_MOD) float_divide(x, y, &quotient, &remainder);
    *out = jinja_float(op == T_ADD ? x + y : op == T_SUB ? x - y : op == T_MUL ? x * y : op == T_DIV ? x / y :
                       op == T_FLOORDIV ? quotient : remainder);
    return HEARTH_OK;
}

enum hearth_status jinja_unary(struct render *r, int op, struct value a, struct value *out) {
    if (a.kind == K_UNDEFINED) return jinja_undefined_error(r, a);
    if (!jinja_is_number(a))
        return jinja_error(r, "'%s' is not defined for %s", op == T_SUB ? "-" : "+", jinja_type(a));
    if (a.kind == K_FLOAT) {
        *out = jinja_float(op == T_SUB ? -a.f : a.f);
        return HEARTH_OK;
    }
    int64_t i = a.i;
    return set_int(r, op == T_SUB && __builtin_sub_overflow(0, a.i, &i), &i, out);
}

static enum hearth_status round_int(struct render *r, int64_t v, int64_t places, struct value *out) {
    int64_t unit = 1, result = 0;
    if (places >= 0) return set_int(r, 0, &v, out);
    if (places < -19) return set_int(r, 0, &result, out);
    if (places == -19) return set_int(r, v > 5000000000000000000 || v < -5000000000000000000, &result, out);
    for (; places < 0; places++) unit *= 10;
    int64_t rest = v % unit < 0 ? v % unit + unit : v % unit;
    __int128 down = (__int128)v - rest;
    if (rest > unit / 2 || (rest == unit / 2 && down / unit % 2 != 0)) down += unit;
    result = (int64_t)down;
    return set_int(r, down != result, &result, out);
}

/* Cuts the last `cut` digits off and rounds what stays, half to even; more: something non-zero stood behind them. */
static void round_digits(char *d, int cut, int more) {
    int n = (int)strlen(d), keep = n - cut;
    for (int i = keep + 1; i < n; i++) more |= d[i] != '0';
    int up = keep >= 0 && (d[keep] > '5' || (d[keep] == '5' && (more || (keep > 0 && (d[keep - 1] - '0') % 2))));
    if (keep <= 0) {
        strcpy(d, up ? "1" : "0");
        return;
    }
    d[keep] = '\0';
    if (!up) return;
    int i = keep - 1;
    for (; i >= 0 && d[i] == '9'; i--) d[i] = '0';
    if (i >= 0) {
        d[i]++;
    } else {
        memmove(d + 1, d, (size_t)keep + 1);
        *d = '1';
    }
}

/* round(v, places): half to even, of the number as it is in binary.  printf writes that exactly; its decimal point is
 * left out, whatever the locale calls it. */
enum hearth_status jinja_round_half_even(struct render *r, struct value v, int64_t places, struct value *out) {
    char d[400], text[440];
    double size = fabs(v.kind == K_FLOAT ? v.f : 0), rounded;
    if (jinja_is_integer(v)) return round_int(r, v.i, places, out);
    *out = v;
    if (!isfinite(v.f) || v.f == 0) return HEARTH_OK;
    int point = jinja_float_digits(size, 17, d), k = 0;
    if (places > 330 || point + places > 17) return HEARTH_OK; /* nothing stands there to be rounded */
    *out = jinja_float(copysign(0.0, v.f));
    if (point + places < -1) return HEARTH_OK;
    int n = snprintf(text, sizeof text, "%.*f", places > 0 ? (int)places : 0, places < 0 ? floor(size) : size);
    for (int i = 0; i < n; i++)
        if (text[i] >= '0' && text[i] <= '9') d[k++] = text[i];
    d[k] = '\0';
    if (places < 0) round_digits(d, (int)-places, floor(size) != size);
    n = snprintf(text, sizeof text, "%se%lld", d, (long long)-places);
    if (!jinja_parse_float(text, (size_t)n, &rounded) || isinf(rounded))
        return jinja_error(r, "the rounded value is too large for a float");
    *out = jinja_float(copysign(rounded, v.f));
    return HEARTH_OK;
}

/* ---- sequences ---- */

static enum hearth_status add_texts(struct render *r, struct value a, struct value b, struct value *out) {
    if (a.what || b.what) { /* beside Markup, what is not Markup is escaped */
        TRY(jinja_escape(r, a, &a));
        TRY(jinja_escape(r, b, &b));
    }
    int safe = a.what;
    TRY(jinja_append(r, a.text, b.text, out));
    out->what = (uint8_t)safe;
    return HEARTH_OK;
}

static enum hearth_status add_lists(struct render *r, struct value a, struct value b, struct value *out) {
    TRY(jinja_list(r, a.kind, a.list->n + b.list->n, out));
    if (a.list->n) memcpy(out->list->v, a.list->v, a.list->n * sizeof *a.list->v);
    if (b.list->n) memcpy(out->list->v + a.list->n, b.list->v, b.list->n * sizeof *b.list->v);
    return HEARTH_OK;
}

static enum hearth_status repeat(struct render *r, struct value v, int64_t times, struct value *out) {
    uint64_t n = times > 0 ? (uint64_t)times : 0, total;
    size_t one = v.kind == K_TEXT ? v.text->n : v.list->n;
    if (__builtin_mul_overflow(n, one, &total)) return jinja_charge(r, UINT64_MAX);
    if (v.kind != K_TEXT) {
        TRY(jinja_list(r, v.kind, (size_t)total, out));
        for (size_t i = 0; i < total; i++) out->list->v[i] = v.list->v[i % one];
        return HEARTH_OK;
    }
    char *p = NULL;
    TRY(jinja_alloc(r, (size_t)total, 1, &p));
    for (size_t i = 0; one && i < n; i++) memcpy(p + i * one, v.text->p, one);
    TRY(jinja_view(r, p, (size_t)total, out));
    out->what = v.what;
    return HEARTH_OK;
}

static int is_repeatable(struct value v) { return v.kind == K_TEXT || v.kind == K_LIST || v.kind == K_TUPLE; }

enum hearth_status jinja_binary(struct render *r, int op, struct value a, struct value b, struct value *out) {
    static const char *const words[] = {
        [T_ADD] = "+", [T_SUB] = "-", [T_MUL] = "*", [T_DIV] = "/", [T_FLOORDIV] = "//", [T_MOD] = "%", [T_POW] = "**"
    };
    if (jinja_is_number(a) && jinja_is_number(b)) return number_binary(r, op, a, b, out);
    if (op == T_MOD && a.kind == K_TEXT) return jinja_percent(r, a, b, out);
    if (op == T_ADD && a.kind == K_TEXT && b.kind == K_TEXT) return add_texts(r, a, b, out);
    if (op == T_ADD && a.kind == b.kind && (a.kind == K_LIST || a.kind == K_TUPLE)) return add_lists(r, a, b, out);
    if (op == T_MUL && is_repeatable(a) && jinja_is_integer(b)) return repeat(r, a, b.i, out);
    if (op == T_MUL && is_repeatable(b) && jinja_is_integer(a)) return repeat(r, b, a.i, out);
    if (a.kind == K_UNDEFINED) return jinja_undefined_error(r, a);
    if (b.kind == K_UNDEFINED) return jinja_undefined_error(r, b);
    return jinja_error(r, "'%s' is not defined between %s and %s", words[op], jinja_type(a), jinja_type(b));
}

/* ---- in ---- */

static int in_range(const struct range *g, struct value v, int64_t *i) {
    if (v.kind == K_FLOAT && v.f == floor(v.f) && fabs(v.f) < 0x1p63) v = jinja_int((int64_t)v.f);
    if (!jinja_is_integer(v) || g->n == 0) return 0;
    __int128 from = (__int128)v.i - g->start;
    *i = (int64_t)(from / g->step);
    return from % g->step == 0 && from / g->step >= 0 && from / g->step < g->n;
}

enum hearth_status jinja_contains(struct render *r, struct value item, struct value in, int *out) {
    struct value *found;
    int64_t i;
    *out = 0;
    if (in.kind == K_TEXT) {
        if (item.kind != K_TEXT) return jinja_error(r, "'in' a string asks for a string, not %s", jinja_type(item));
        const char *at;
        TRY(jinja_find_first(r, in.text->p, in.text->n, item.text, &at));
        *out = at != NULL;
        return HEARTH_OK;
    }
    if (in.kind == K_DICT || (in.kind == K_VIEW && in.what == VIEW_KEYS)) {
        TRY(jinja_dict_find(r, in.dict, item, &found));
        *out = found != NULL;
        return HEARTH_OK;
    }
    if (in.kind == K_RANGE) {
        *out = in_range(in.range, item, &i);
        return HEARTH_OK;
    }
    if (!jinja_iterable(in)) return jinja_error(r, "'in' is not defined for %s", jinja_type(in));
    struct cursor c;
    struct value v;
    int more;
    TRY(jinja_start(r, in, &c));
    while (!*out) {
        TRY(jinja_next(r, &c, &v, &more));
        if (!more) break;
        TRY(jinja_equal(r, v, item, out));
        if (v.kind == K_FLOAT && item.kind == K_FLOAT && isnan(v.f) && isnan(item.f)) *out = 1;
    }
    return HEARTH_OK;
}

/* ---- slices ---- */

/* Python's rule for start:stop:step over n items: at is these three, made definite.  How many items there are. */
static int64_t slice_bounds(int64_t n, const struct value b[3], int64_t at[3]) {
    int64_t step = b[2].kind == K_NONE ? 1 : b[2].i;
    int64_t low = step < 0 ? -1 : 0, high = step < 0 ? n - 1 : n;
    for (int k = 0; k < 2; k++) {
        int64_t i = b[k].kind == K_NONE ? 0 : b[k].i;
        if (i < 0) i += n;
        at[k] = i > high ? high : i < low ? low : i;
        if (b[k].kind == K_NONE) at[k] = (k == 0) == (step < 0) ? high : low;
    }
    at[2] = step;
    int64_t way = step < 0 ? at[0] - at[1] : at[1] - at[0];
    return way <= 0 ? 0 : (int64_t)((uint64_t)(way - 1) / (step < 0 ? 0 - (uint64_t)step : (uint64_t)step)) + 1;
}

static size_t byte_of_char(const struct text *t, size_t from, int64_t chars) {
    if (t->chars == t->n) return from + (size_t)chars;
    for (; chars > 0; chars--) {
        from++;
        while (from < t->n && ((unsigned char)t->p[from] & 0xC0) == 0x80) from++;
    }
    return from;
}

static enum hearth_status slice_text(struct render *r, struct value v, int64_t start, int64_t step, int64_t n,
                                     struct value *out) {
    struct text *t = v.text;
    TRY(jinja_work(r, t->n >> (jinja_chars(t) == t->n ? 6 : 4))); /* bytes are counted where characters are longer */
    if (n == 0) {
        TRY(jinja_view(r, "", 0, out));
    } else if (step == 1) {
        size_t from = byte_of_char(t, 0, start), to = byte_of_char(t, from, n);
        TRY(jinja_view(r, t->p + from, to - from, out));
    } else {
        size_t mark = jinja_mark(r), at = byte_of_char(t, 0, start);
        for (int64_t i = 0; i < n; i++) {
            uint32_t cp;
            TRY(jinja_put(r, t->p + at, (size_t)jinja_char(t->p + at, t->n - at, &cp)));
            if (i + 1 == n) break;
            if (step > 0) at = byte_of_char(t, at, step);
            for (int64_t k = 0; k > step; k--) at -= (size_t)jinja_char_before(t->p, at, &cp);
        }
        TRY(jinja_take(r, mark, out));
    }
    out->what = v.what;
    return HEARTH_OK;
}

static enum hearth_status slice_range(struct render *r, const struct range *g, const int64_t at[3], int64_t n,
                                      struct value *out) {
    struct range *s;
    TRY(jinja_alloc(r, 1, sizeof *s, &s));
    *s = (struct range){ .start = g->start + at[0] * g->step, .stop = g->start + at[1] * g->step, .n = n };
    *out = (struct value){ .kind = K_RANGE, .range = s };
    return __builtin_mul_overflow(g->step, at[2], &s->step) ? overflow(r) : HEARTH_OK;
}

enum hearth_status jinja_slice(struct render *r, struct value of, const struct value bound[3], struct value *out) {
    if (of.kind == K_UNDEFINED) return jinja_undefined_error(r, of);
    if (of.kind != K_TEXT && of.kind != K_LIST && of.kind != K_TUPLE && of.kind != K_RANGE)
        return jinja_error(r, "a value of type %s cannot be sliced", jinja_type(of));
    for (int i = 0; i < 3; i++)
        if (bound[i].kind != K_NONE && !jinja_is_integer(bound[i]))
            return jinja_error(r, "a slice is given by integers, not by %s", jinja_type(bound[i]));
    if (bound[2].kind != K_NONE && bound[2].i == 0) return jinja_error(r, "a slice with a step of zero");
    int64_t at[3], n = slice_bounds(jinja_length(of), bound, at);
    if (of.kind == K_TEXT) return slice_text(r, of, at[0], at[2], n, out);
    if (of.kind == K_RANGE) return slice_range(r, of.range, at, n, out);
    TRY(jinja_list(r, of.kind, at[2] == 1 ? 0 : (size_t)n, out));
    out->list->n = (size_t)n;
    if (at[2] == 1) out->list->v = n ? of.list->v + at[0] : NULL; /* nobody can change a list: the items are shared */
    else
        for (int64_t i = 0; i < n; i++) out->list->v[i] = of.list->v[at[0] + i * at[2]];
    return HEARTH_OK;
}
