/* schema_text.c - strings: their characters, lengths, formats; keys.
 *
 * Where any character may stand, it may be written in each of JSON's ways but \u0000, which many readers do not take, and halves of
 * pairs.  Where it matters which one stands (patterns, keys that must differ from others) each is written in one way only. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/schema_in.h"

static const struct range raw_not[] = { { 0, 0x1F }, { '"', '"' }, { '\\', '\\' } };
static const struct range hex[] = { { '0', '9' }, { 'A', 'F' }, { 'a', 'f' } };

static struct gx *one_of(struct schema *s, const char *chars) {
    struct range r[24];
    size_t n = strlen(chars);
    for (size_t i = 0; i < n; i++) r[i] = (struct range){ (unsigned char)chars[i], (unsigned char)chars[i] };
    return gx_set(s->r, r, n, 0);
}

static struct gx *hexes(struct schema *s, uint32_t n) { return gx_repeat(s->r, gx_set(s->r, hex, 3, 0), n, n); }

/* \uXXXX: what is no half of a pair and not 0, or two halves. */
static struct gx *unicode_escape(struct schema *s) {
    struct grammar_rules *r = s->r;
    struct gx *nonzero = one_of(s, "123456789ABCDEFabcdef"), *zero = gx_text(r, "0");
    struct gx *low = gx_alt(r, 3, (struct gx *[]){ gx_seq3(r, zero, nonzero, hexes(s, 2)), gx_seq(r, 4, (struct gx *[]){ zero, zero, nonzero, hexes(s, 1) }),
                                                  gx_seq(r, 4, (struct gx *[]){ zero, zero, zero, nonzero }) });
    struct gx *plain = gx_seq2(r, one_of(s, "123456789ABCEFabcef"), hexes(s, 3)),
              *d = gx_seq3(r, one_of(s, "Dd"), one_of(s, "01234567"), hexes(s, 2)),
              *pair = gx_seq(r, 7, (struct gx *[]){ one_of(s, "Dd"), one_of(s, "89ABab"), hexes(s, 2), gx_text(r, "\\u"), one_of(s, "Dd"), one_of(s, "CDEFcdef"), hexes(s, 2) });
    return gx_seq2(r, gx_text(r, "u"), gx_alt(r, 4, (struct gx *[]){ low, plain, d, pair }));
}

static struct gx *text_char(struct schema *s) {
    struct grammar_rules *r = s->r;
    if (!s->text_char)
        s->text_char = gx_alt2(r, gx_set(r, raw_not, 3, 1), gx_seq2(r, gx_text(r, "\\"), gx_alt2(r, one_of(s, "\"\\/bfnrt"), unicode_escape(s))));
    return s->text_char;
}

static int has(const struct range *range, size_t n, uint32_t c) {
    for (size_t i = 0; i < n; i++)
        if (range[i].lo <= c && c <= range[i].hi) return 1;
    return 0;
}

struct gx *schema_chars(struct schema *s, const struct range *range, size_t n, int negate) {
    struct grammar_rules *r = s->r;
    struct gx_list l = { 0 };
    struct gx *out = NULL, *set = gx_set(r, range, n, negate), *raw = set;
    if (!set) return NULL;
    if (set->op == GX_SET) { /* without those that are escaped: the complement of (complement and escaped) */
        struct range *not = arena_alloc(&r->arena, (set->n + 4) * sizeof *not);
        uint32_t from = 0, m = 0;
        if (!not) return NULL;
        for (uint32_t i = 0; i < set->n; i++) {
            if (set->range[i].lo > from) not[m++] = (struct range){ from, set->range[i].lo - 1 };
            from = set->range[i].hi + 1;
        }
        if (from <= 0x10FFFF) not[m++] = (struct range){ from, 0x10FFFF };
        memcpy(not + m, raw_not, sizeof raw_not);
        raw = gx_set(r, not, m + 3, 1);
    }
    enum hearth_status st = gx_push(&l, raw);
    for (uint32_t c = 1; c <= '\\' && st == HEARTH_OK && set->op == GX_SET; c++) {
        static const char *const named = "\b\f\n\r\t\"\\", *const letter = "bfnrt\"\\";
        const char *is = strchr(named, (int)c);
        char text[8];
        if ((c >= 0x20 && !is) || !has(set->range, set->n, c)) continue;
        if (is) snprintf(text, sizeof text, "\\%c", letter[is - named]);
        else snprintf(text, sizeof text, "\\u%04x", c);
        st = gx_push(&l, gx_text(r, text));
    }
    if (st == HEARTH_OK) out = gx_alt(r, l.n, l.item);
    free(l.item);
    return out;
}

/* ---- keys that are none of some names ---- */

struct name { uint32_t c[SCHEMA_CHARS + 1]; uint32_t n; };
struct names { struct schema *s; struct name *name; size_t n; struct gx *any; };

static int by_name(const void *a, const void *b) {
    const struct name *x = a, *y = b;
    for (uint32_t i = 0; i < x->n && i < y->n; i++)
        if (x->c[i] != y->c[i]) return x->c[i] < y->c[i] ? -1 : 1;
    return (x->n > y->n) - (x->n < y->n);
}

/* What may follow `at` characters that names lo .. hi - 1 begin with. */
static enum hearth_status rest_of(struct names *k, size_t lo, size_t hi, uint32_t at, struct gx **out) {
    struct grammar_rules *r = k->s->r;
    struct gx_list l = { 0 };
    struct range *taken = mem_array(hi - lo + 1, sizeof *taken);
    size_t n = 0;
    enum hearth_status st = taken ? HEARTH_OK : HEARTH_ENOMEM;
    int ended = lo < hi && k->name[lo].n == at;
    if (st == HEARTH_OK && !ended) st = gx_push(&l, gx_text(r, "\""));
    for (size_t i = lo + (size_t)ended, to; i < hi && st == HEARTH_OK; i = to) {
        uint32_t c = k->name[i].c[at];
        struct gx *below = NULL;
        if (i + 1 < hi && k->name[i].n == at) { to = i + 1; continue; }
        for (to = i; to < hi && k->name[to].n > at && k->name[to].c[at] == c;) to++;
        taken[n++] = (struct range){ c, c };
        if (at < SCHEMA_CHARS) st = rest_of(k, i, to, at + 1, &below);
        if (st == HEARTH_OK && below) st = gx_push(&l, gx_seq2(r, schema_chars(k->s, &taken[n - 1], 1, 0), below));
    }
    if (st == HEARTH_OK)
        st = gx_push(&l, gx_seq3(r, schema_chars(k->s, taken, n, 1), gx_repeat(r, k->any, 0, GX_MANY), gx_text(r, "\"")));
    free(taken);
    if (st == HEARTH_OK) st = schema_rule(k->s, gx_alt(r, l.n, l.item), out);
    free(l.item);
    return st;
}

enum hearth_status schema_other_key(struct schema *s, const json_t *names, struct gx **out) {
    struct names k = { .s = s };
    const char *name;
    const json_t *v;
    struct gx *x = NULL;
    if (!s->plain_char) s->plain_char = schema_chars(s, NULL, 0, 1);
    k.any = s->plain_char;
    if (!(k.name = mem_array(json_object_size(names) + 1, sizeof *k.name))) return HEARTH_ENOMEM;
    json_object_foreach((json_t *)names, name, v) {
        struct name *to = &k.name[k.n++];
        const char *at = name;
        for (size_t len = strlen(name); len && to->n <= SCHEMA_CHARS;) {
            int used = utf8_read(at, len, &to->c[to->n++]);
            at += used, len -= (size_t)used;
        }
    }
    qsort(k.name, k.n, sizeof *k.name, by_name);
    enum hearth_status st = rest_of(&k, 0, k.n, 0, &x);
    free(k.name);
    if (st == HEARTH_OK && !(*out = gx_seq2(s->r, gx_text(s->r, "\""), x))) st = HEARTH_ENOMEM;
    return st;
}

/* ---- formats ---- */

static struct gx *number(struct schema *s, uint32_t lo, uint32_t hi) { /* two digits */
    struct gx_list l = { 0 };
    struct gx *out = NULL;
    char text[3];
    for (uint32_t i = lo; i <= hi; i++) {
        snprintf(text, sizeof text, "%02u", i % 100);
        if (gx_push(&l, gx_text(s->r, text)) != HEARTH_OK) goto done;
    }
    out = gx_alt(s->r, l.n, l.item);
done:
    free(l.item);
    return out;
}

static struct gx *digits(struct schema *s, uint32_t min, uint32_t max) { return gx_repeat(s->r, gx_set(s->r, hex, 1, 0), min, max); }

/* Years 0001 to 9999, each month with its days, of which February has 28. */
static struct gx *date(struct schema *s) {
    struct grammar_rules *r = s->r;
    struct gx *dash = gx_text(r, "-"), *nonzero = one_of(s, "123456789"), *zero = gx_text(r, "0");
    struct gx *year = gx_alt(r, 4, (struct gx *[]){ gx_seq2(r, nonzero, digits(s, 3, 3)), gx_seq3(r, zero, nonzero, digits(s, 2, 2)),
        gx_seq3(r, gx_text(r, "00"), nonzero, digits(s, 1, 1)), gx_seq2(r, gx_text(r, "000"), nonzero) });
    struct gx *long_month = gx_alt(r, 7, (struct gx *[]){ gx_text(r, "01"), gx_text(r, "03"), gx_text(r, "05"), gx_text(r, "07"), gx_text(r, "08"),
        gx_text(r, "10"), gx_text(r, "12") }), *short_month = gx_alt(r, 4, (struct gx *[]){ gx_text(r, "04"), gx_text(r, "06"), gx_text(r, "09"), gx_text(r, "11") });
    struct gx *day = gx_alt(r, 3, (struct gx *[]){ gx_seq3(r, long_month, dash, number(s, 1, 31)), gx_seq3(r, short_month, dash, number(s, 1, 30)),
        gx_seq3(r, gx_text(r, "02"), dash, number(s, 1, 28)) });
    return gx_seq3(r, year, dash, day);
}

static struct gx *time_of_day(struct schema *s) {
    struct grammar_rules *r = s->r;
    struct gx *colon = gx_text(r, ":"), *part = gx_maybe(r, gx_seq2(r, gx_text(r, "."), digits(s, 1, 6)));
    struct gx *zone = gx_alt2(r, gx_text(r, "Z"), gx_seq(r, 4, (struct gx *[]){ one_of(s, "+-"), number(s, 0, 23), colon, number(s, 0, 59) }));
    return gx_seq(r, 7, (struct gx *[]){ number(s, 0, 23), colon, number(s, 0, 59), colon, number(s, 0, 59), part, zone });
}

static struct gx *uuid(struct schema *s) {
    struct gx *dash = gx_text(s->r, "-");
    return gx_seq(s->r, 9, (struct gx *[]){ hexes(s, 8), dash, hexes(s, 4), dash, hexes(s, 4), dash, hexes(s, 4), dash, hexes(s, 12) });
}

static struct gx *ipv4(struct schema *s) {
    struct grammar_rules *r = s->r;
    struct gx *nonzero = one_of(s, "123456789"), *octet = gx_alt(r, 4, (struct gx *[]){ digits(s, 1, 1), gx_seq2(r, nonzero, digits(s, 1, 1)),
        gx_seq2(r, gx_text(r, "1"), digits(s, 2, 2)), gx_seq2(r, gx_text(r, "2"), gx_alt2(r, gx_seq2(r, one_of(s, "01234"), digits(s, 1, 1)),
        gx_seq2(r, gx_text(r, "5"), one_of(s, "012345")))) }), *dot = gx_text(r, ".");
    return gx_seq(r, 7, (struct gx *[]){ octet, dot, octet, dot, octet, dot, octet });
}

/* NULL in *out: an annotation only. */
static enum hearth_status format(struct schema *s, const char *name, struct gx **out) {
    *out = NULL;
    if (!strcmp(name, "date")) *out = date(s);
    else if (!strcmp(name, "time")) *out = time_of_day(s);
    else if (!strcmp(name, "date-time")) *out = gx_seq3(s->r, date(s), gx_text(s->r, "T"), time_of_day(s));
    else if (!strcmp(name, "uuid")) *out = uuid(s);
    else if (!strcmp(name, "ipv4")) *out = ipv4(s);
    else return HEARTH_OK;
    return *out ? HEARTH_OK : HEARTH_ENOMEM;
}

/* ---- strings ---- */

enum hearth_status schema_string(struct schema *s, const json_t *conj, struct gx **out) {
    const json_t *pattern = json_object_get(conj, "pattern"), *form = json_object_get(conj, "format");
    struct grammar_rules *r = s->r;
    struct gx *inside = NULL, *quote = gx_text(r, "\"");
    uint32_t least, most, short_one, long_one;
    TRY(schema_count(s, conj, "minLength", 0, &least));
    TRY(schema_count(s, conj, "maxLength", GX_MANY, &most));
    int any = least == 0 && most == GX_MANY;
    if (pattern) {
        TRY(schema_pattern(s, json_string_value(pattern), json_string_length(pattern), &inside, &short_one, &long_one));
        if (short_one < least || long_one > most) return schema_cannot(s, "pattern", "beside a minLength or maxLength that it does not keep by itself");
    } else if (form && any) {
        TRY(format(s, json_string_value(form), &inside));
    }
    if (!inside && any && s->string) return *out = s->string, HEARTH_OK;
    if (!inside) inside = gx_repeat(r, text_char(s), least, most);
    if (least > most) inside = gx_nothing(r);
    TRY(schema_rule(s, gx_seq3(r, quote, inside, quote), out));
    if (!pattern && !form && any) s->string = *out;
    return HEARTH_OK;
}
