/* schema_number.c - numbers between bounds, exactly, digit by digit.
 *
 *      integers 13 .. 2047:   1[3-9] | [2-9][0-9] | [1-9][0-9]{2} | 1[0-9]{3} | 20[0-3][0-9] | 204[0-7]
 *      numbers 0.5 .. 2:      0.[5-9]... | 1 | 1.... | 2 | 2.0...
 *
 * Bounds are kept as decimals.  With them, numbers have at most 15 digits in all, so that reading them as doubles, which is what whoever
 * checks them does, keeps their order. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/schema_in.h"

enum { DIGITS = 15, WHOLE = 9 /* digits before the point where no bound says */, LONGEST = 19 };

struct decimal { int negative; char whole[24], part[24]; /* without zeros at the front, and at the end */ };

static struct gx *digits(struct schema *s, char lo, char hi) {
    if (lo > hi) return gx_nothing(s->r);
    return gx_set(s->r, &(struct range){ (uint32_t)lo, (uint32_t)hi }, 1, 0);
}

static struct gx *any_digits(struct schema *s, uint32_t min, uint32_t max) { return gx_repeat(s->r, digits(s, '0', '9'), min, max); }

/* ---- whole numbers: texts of the same length, in order ---- */

static struct gx *between(struct schema *s, const char *lo, const char *hi, size_t n);

static struct gx *from(struct schema *s, const char *lo, size_t n) { /* lo .. 99...9 */
    if (strspn(lo, "0") >= n) return any_digits(s, (uint32_t)n, (uint32_t)n);
    struct gx *same = gx_seq2(s->r, digits(s, lo[0], lo[0]), from(s, lo + 1, n - 1));
    return gx_alt2(s->r, same, gx_seq2(s->r, digits(s, (char)(lo[0] + 1), '9'), any_digits(s, (uint32_t)n - 1, (uint32_t)n - 1)));
}

static struct gx *up_to(struct schema *s, const char *hi, size_t n) { /* 00...0 .. hi */
    if (strspn(hi, "9") >= n) return any_digits(s, (uint32_t)n, (uint32_t)n);
    struct gx *same = gx_seq2(s->r, digits(s, hi[0], hi[0]), up_to(s, hi + 1, n - 1));
    return gx_alt2(s->r, same, gx_seq2(s->r, digits(s, '0', (char)(hi[0] - 1)), any_digits(s, (uint32_t)n - 1, (uint32_t)n - 1)));
}

static struct gx *between(struct schema *s, const char *lo, const char *hi, size_t n) {
    if (n == 0) return gx_empty(s->r);
    if (lo[0] == hi[0]) return gx_seq2(s->r, digits(s, lo[0], lo[0]), between(s, lo + 1, hi + 1, n - 1));
    struct gx *first = gx_seq2(s->r, digits(s, lo[0], lo[0]), from(s, lo + 1, n - 1)),
              *last = gx_seq2(s->r, digits(s, hi[0], hi[0]), up_to(s, hi + 1, n - 1)),
              *middle = gx_seq2(s->r, digits(s, (char)(lo[0] + 1), (char)(hi[0] - 1)), any_digits(s, (uint32_t)n - 1, (uint32_t)n - 1));
    return gx_alt(s->r, 3, (struct gx *[]){ first, middle, last });
}

static int smaller(const char *a, const char *b) { /* of whole numbers without zeros at the front */
    size_t n = strlen(a), m = strlen(b);
    return n != m ? n < m : strcmp(a, b) < 0;
}

/* lo .. hi, neither negative; hi = NULL: as long as DIGITS, or as lo needs. */
static struct gx *whole_numbers(struct schema *s, const char *lo, const char *hi) {
    char most[LONGEST + 1], least[LONGEST + 1];
    struct gx_list l = { 0 };
    struct gx *out = NULL;
    size_t n = strlen(lo);
    if (!hi) {
        memset(most, '9', sizeof most);
        most[n < DIGITS ? DIGITS : n < LONGEST ? n + (lo[0] == '9') : LONGEST] = 0;
        hi = most;
    }
    if (smaller(hi, lo)) return gx_nothing(s->r);
    for (; n <= strlen(hi); n++) {
        char top[LONGEST + 1];
        snprintf(least, sizeof least, "%s", n == strlen(lo) ? lo : "1");
        while (strlen(least) < n) strcat(least, "0");
        memset(top, '9', n);
        top[n] = 0;
        if (gx_push(&l, between(s, least, n == strlen(hi) ? hi : top, n)) != HEARTH_OK) goto done;
    }
    out = gx_alt(s->r, l.n, l.item);
done:
    free(l.item);
    return out;
}

/* ---- bounds ---- */

static void trim(struct decimal *d) {
    size_t zeros = strspn(d->whole, "0"), n = strlen(d->whole);
    if (zeros == n && n) zeros = n - 1;
    memmove(d->whole, d->whole + zeros, n - zeros + 1);
    for (n = strlen(d->part); n && d->part[n - 1] == '0';) d->part[--n] = 0;
    if (!*d->whole) strcpy(d->whole, "0");
    if (!strcmp(d->whole, "0") && !*d->part) d->negative = 0;
}

static enum hearth_status read_decimal(const struct schema *s, const char *keyword, const json_t *v, struct decimal *d) {
    char text[64], *point;
    double x = fabs(json_number_value(v));
    if (json_is_integer(v)) {
        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(v));
    } else {
        int places = 0;                              /* the fewest that read back as the same */
        if (x >= 1e15 || (x != 0 && x < 1e-12)) return schema_cannot(s, keyword, "a number so large or small");
        while (places < DIGITS && (snprintf(text, sizeof text, "%.*f", places, json_real_value(v)), strtod(text, NULL) != json_real_value(v))) places++;
        snprintf(text, sizeof text, "%.*f", places, json_real_value(v));
        if (strtod(text, NULL) != json_real_value(v)) return schema_cannot(s, keyword, "a number of more than 15 digits");
    }
    d->negative = text[0] == '-';
    if ((point = strchr(text, '.'))) *point = 0;
    snprintf(d->whole, sizeof d->whole, "%.20s", text + d->negative);
    snprintf(d->part, sizeof d->part, "%.20s", point ? point + 1 : "");
    trim(d);
    return HEARTH_OK;
}

/* A bound and whether it is itself left out. */
struct bound { int there, open; struct decimal d; };

static int compare(const struct decimal *a, const struct decimal *b) {
    if (a->negative != b->negative) return a->negative ? -1 : 1;
    int c = smaller(a->whole, b->whole) ? -1 : smaller(b->whole, a->whole) ? 1 : strcmp(a->part, b->part);
    return a->negative ? -c : c;
}

static enum hearth_status read_bound(const struct schema *s, const json_t *conj, const char *closed, const char *open, int lower, struct bound *out) {
    const json_t *v[] = { json_object_get(conj, closed), json_object_get(conj, open) };
    const char *const keyword[] = { closed, open };
    *out = (struct bound){ 0 };
    for (int i = 0; i < 2; i++) {
        struct bound b = { 1, i, { 0 } };
        if (!v[i]) continue;
        TRY(read_decimal(s, keyword[i], v[i], &b.d));
        int c = out->there ? compare(&b.d, &out->d) : 0;
        if (!out->there || (lower ? c > 0 : c < 0) || c == 0) *out = b;
    }
    return HEARTH_OK;
}

/* ---- integers ---- */

static void add_one(char *whole, int by) { /* to the text of a whole number that is not to fall below 0 */
    unsigned long long x = strtoull(whole, NULL, 10);
    snprintf(whole, 24, "%llu", by > 0 ? x + 1 : x ? x - 1 : 0);
}

/* The nearest integer inside the bound. */
static void to_integer(struct bound *b, int lower) {
    int inexact = *b->d.part != 0;
    *b->d.part = 0;
    if (!b->there || (!inexact && !b->open)) return;
    if (b->d.negative != lower) add_one(b->d.whole, 1);
    else if (!inexact && !strcmp(b->d.whole, "0")) strcpy(b->d.whole, "1"), b->d.negative = 1; /* below 0 */
    else if (!inexact) add_one(b->d.whole, -1); /* towards 0 a part is only dropped */
    b->open = 0;
    trim(&b->d);
}

static enum hearth_status integers(struct schema *s, struct bound lo, struct bound hi, struct gx **out) {
    struct grammar_rules *r = s->r;
    struct gx *below = gx_nothing(r), *above = gx_nothing(r);
    to_integer(&lo, 1);
    to_integer(&hi, 0);
    if (strlen(lo.d.whole) > 18 || strlen(hi.d.whole) > 18) return schema_cannot(s, "minimum or maximum", "an integer of more than 18 digits");
    if (!lo.there || lo.d.negative) /* -(1 or |hi|) .. -|lo| */
        below = gx_seq2(r, gx_text(r, "-"), whole_numbers(s, hi.there && hi.d.negative ? hi.d.whole : "1", lo.there ? lo.d.whole : NULL));
    if (!hi.there || !hi.d.negative) above = whole_numbers(s, lo.there && !lo.d.negative ? lo.d.whole : "0", hi.there ? hi.d.whole : NULL);
    return schema_rule(s, gx_alt2(r, above, below), out);
}

/* ---- numbers with a part behind the point ---- */

struct fraction { struct schema *s; char lo[24], hi[24]; int lo_open, hi_open; uint32_t places; };

static int all_zero(const char *s) { return s[strspn(s, "0")] == 0; }

/* Whether the number may end at place p: what stands behind it would be zeros. */
static int may_end(const struct fraction *f, uint32_t p, int at_lo, int at_hi) {
    if (at_lo && (!all_zero(f->lo + p) || f->lo_open)) return 0;
    return !(at_hi && f->hi_open && all_zero(f->hi + p));
}

/* The digits from place p on, one at least. */
static struct gx *places(struct fraction *f, uint32_t p, int at_lo, int at_hi);

static struct gx *or_end(struct fraction *f, uint32_t p, int at_lo, int at_hi) {
    struct gx *more = p < f->places ? places(f, p, at_lo, at_hi) : gx_nothing(f->s->r);
    return may_end(f, p, at_lo, at_hi) ? gx_maybe(f->s->r, more) : more;
}

static struct gx *places(struct fraction *f, uint32_t p, int at_lo, int at_hi) {
    struct schema *s = f->s;
    struct grammar_rules *r = s->r;
    char lo = at_lo ? f->lo[p] : '0', hi = at_hi ? f->hi[p] : '9';
    if (!at_lo && !at_hi) return any_digits(s, 1, f->places - p);
    if (at_lo && at_hi && lo == hi) return gx_seq2(r, digits(s, lo, lo), or_end(f, p + 1, 1, 1));
    if (lo > hi) return gx_nothing(r);
    struct gx *middle = gx_seq2(r, digits(s, (char)(lo + at_lo), (char)(hi - at_hi)), any_digits(s, 0, f->places - p - 1)),
              *first = at_lo ? gx_seq2(r, digits(s, lo, lo), or_end(f, p + 1, 1, 0)) : gx_nothing(r),
              *last = at_hi ? gx_seq2(r, digits(s, hi, hi), or_end(f, p + 1, 0, 1)) : gx_nothing(r);
    return gx_alt(r, 3, (struct gx *[]){ first, middle, last });
}

/* What follows the digits before the point. */
static struct gx *part(struct fraction *f, int at_lo, int at_hi) {
    struct grammar_rules *r = f->s->r;
    struct gx *x = gx_seq2(r, gx_text(r, "."), places(f, 0, at_lo, at_hi));
    return may_end(f, 0, at_lo, at_hi) ? gx_maybe(r, x) : x;
}

/* lo .. hi, neither negative. */
static enum hearth_status positive(struct schema *s, const struct bound *lo, const struct bound *hi, struct gx **out) {
    struct grammar_rules *r = s->r;
    struct fraction f = { .s = s, .lo_open = lo->open, .hi_open = hi->there && hi->open };
    char low[24], high[24];
    size_t whole = hi->there ? strlen(hi->d.whole) : strlen(lo->d.whole) > WHOLE ? strlen(lo->d.whole) : WHOLE;
    f.places = whole < DIGITS ? (uint32_t)(DIGITS - whole) : 0;
    if (strlen(lo->d.part) > f.places || strlen(hi->d.part) > f.places || whole > DIGITS) return schema_cannot(s, "minimum or maximum", "a number of more than 15 digits");
    if (f.places == 0) f.places = 1;
    snprintf(f.lo, sizeof f.lo, "%-*s", (int)f.places, lo->d.part);
    snprintf(f.hi, sizeof f.hi, "%-*s", (int)f.places, hi->d.part);
    for (uint32_t i = 0; i < f.places; i++) f.lo[i] = f.lo[i] == ' ' ? '0' : f.lo[i], f.hi[i] = f.hi[i] == ' ' ? '0' : f.hi[i];
    if (hi->there && compare(&lo->d, &hi->d) > 0) return (*out = gx_nothing(r)) ? HEARTH_OK : HEARTH_ENOMEM;
    struct gx *edge_lo = gx_text(r, lo->d.whole), *edge_hi = hi->there ? gx_text(r, hi->d.whole) : gx_nothing(r);
    if (hi->there && !strcmp(lo->d.whole, hi->d.whole)) {
        *out = gx_seq2(r, edge_lo, part(&f, 1, 1));
    } else {
        strcpy(low, lo->d.whole);
        strcpy(high, hi->d.whole);
        add_one(low, 1);
        if (hi->there) add_one(high, -1);
        else memset(high, '9', whole), high[whole] = 0;
        struct gx *middle = smaller(high, low) ? gx_nothing(r) : gx_seq2(r, whole_numbers(s, low, high), part(&f, 0, 0)),
                  *first = gx_seq2(r, edge_lo, part(&f, 1, 0)), *last = hi->there ? gx_seq2(r, edge_hi, part(&f, 0, 1)) : edge_hi;
        *out = gx_alt(r, 3, (struct gx *[]){ first, middle, last });
    }
    return *out ? HEARTH_OK : HEARTH_ENOMEM;
}

static enum hearth_status numbers(struct schema *s, const struct bound *lo, const struct bound *hi, struct gx **out) {
    struct grammar_rules *r = s->r;
    struct gx *below = gx_nothing(r), *above = gx_nothing(r);
    static const struct bound zero = { 1, 0, { 0, "0", "" } };
    if (!hi->there || !hi->d.negative) TRY(positive(s, lo->there && !lo->d.negative ? lo : &zero, hi, &above));
    if (!lo->there || lo->d.negative) { /* mirrored; -0 is 0, and left out unless 0 is inside */
        struct bound from = hi->there && hi->d.negative ? *hi : zero, to = *lo;
        if (hi->there && !hi->d.negative && hi->open && all_zero(hi->d.whole) && !*hi->d.part) from.open = 1;
        from.d.negative = to.d.negative = 0;
        TRY(positive(s, &from, &to, &below));
        below = gx_seq2(r, gx_text(r, "-"), below);
    }
    return schema_rule(s, gx_alt2(r, above, below), out);
}

/* ---- without bounds ---- */

static struct gx *free_integer(struct schema *s) {
    struct grammar_rules *r = s->r;
    struct gx *positive = gx_seq2(r, digits(s, '1', '9'), any_digits(s, 0, DIGITS - 1));
    return gx_seq2(r, gx_maybe(r, gx_text(r, "-")), gx_alt2(r, gx_text(r, "0"), positive));
}

static struct gx *free_number(struct schema *s) {
    struct grammar_rules *r = s->r;
    static const struct range e[] = { { 'E', 'E' }, { 'e', 'e' } }, sign[] = { { '+', '+' }, { '-', '-' } };
    struct gx *part = gx_maybe(r, gx_seq2(r, gx_text(r, "."), any_digits(s, 1, DIGITS))),
              *power = gx_maybe(r, gx_seq3(r, gx_set(r, e, 2, 0), gx_maybe(r, gx_set(r, sign, 2, 0)), any_digits(s, 1, 2)));
    return gx_seq3(r, free_integer(s), part, power);
}

enum hearth_status schema_number(struct schema *s, const json_t *conj, int types, struct gx **out) {
    struct bound lo, hi;
    TRY(read_bound(s, conj, "minimum", "exclusiveMinimum", 1, &lo));
    TRY(read_bound(s, conj, "maximum", "exclusiveMaximum", 0, &hi));
    if (lo.there || hi.there) return types & TYPE_FRACTION ? numbers(s, &lo, &hi, out) : integers(s, lo, hi, out);
    struct gx **kept = types & TYPE_FRACTION ? &s->number : &s->integer;
    if (!*kept) TRY(schema_rule(s, types & TYPE_FRACTION ? free_number(s) : free_integer(s), kept));
    *out = *kept;
    return HEARTH_OK;
}
