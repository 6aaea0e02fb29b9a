/* schema_pattern.c - regular expressions of "pattern" to rules.
 *
 * What ECMAScript and Python understand alike: characters, . [...] [^...] \d \w \s \D \W \S, escapes, groups, |, * + ? {m,n} (also the
 * lazy ones, which match the same texts), ^ at the beginning and $ at the end of an alternative.  Without ^ or $ anything may stand
 * before or behind.  Where the two differ about characters beyond ASCII, those on which they agree are written: \d is 0-9, and \D has
 * no digits of other scripts.  Look-around, back references, \b, \p and names of groups are refused. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/schema_in.h"

enum { PATTERN_DEPTH = 50 };

struct pattern { struct schema *s; const char *text, *at, *end; int depth; };

/* An expression with the fewest and most characters that it takes. */
struct part { struct gx *gx; uint32_t least, most; };

static uint32_t plus(uint32_t a, uint32_t b) { return a == GX_MANY || b == GX_MANY || a + b < a ? GX_MANY : a + b; }
static uint32_t times(uint32_t a, uint32_t n) {
    uint64_t x = (uint64_t)a * n;
    return a == 0 || n == 0 ? 0 : a == GX_MANY || n == GX_MANY || x >= GX_MANY ? GX_MANY : (uint32_t)x;
}

static enum hearth_status cannot(const struct pattern *p, const char *at, const char *what) {
    return fail(HEARTH_EUNSUPPORTED, "%s: the keyword \"pattern\" cannot be honoured: %s at character %zu of \"%.100s\"", p->s->what, what,
                (size_t)(at - p->text) + 1, p->text);
}

static enum hearth_status wrong(const struct pattern *p, const char *at, const char *what) {
    return fail(HEARTH_EFORMAT, "%s: \"pattern\" is no regular expression: %s at character %zu of \"%.100s\"", p->s->what, what,
                (size_t)(at - p->text) + 1, p->text);
}

/* ---- characters ---- */

struct set { struct range r[GRAMMAR_RANGES]; size_t n; };

static enum hearth_status add(struct set *t, uint32_t lo, uint32_t hi) {
    if (t->n == GRAMMAR_RANGES) return fail(HEARTH_ELIMIT, "pattern: a class of more than %d ranges", GRAMMAR_RANGES);
    t->r[t->n++] = (struct range){ lo, hi };
    return HEARTH_OK;
}

/* \d \w \s and their opposites; 0: it is another letter. */
static int known_class(struct set *t, char c, enum hearth_status *st) {
    static const struct range digit[] = { { '0', '9' } }, word[] = { { '0', '9' }, { 'A', 'Z' }, { '_', '_' }, { 'a', 'z' } },
        space[] = { { 9, 13 }, { ' ', ' ' } }, no_digit[] = { { 0, '0' - 1 }, { '9' + 1, 0x65F } },
        no_word[] = { { 0, '0' - 1 }, { '9' + 1, 'A' - 1 }, { 'Z' + 1, '_' - 1 }, { '`', '`' }, { 'z' + 1, 0x7F } },
        no_space[] = { { 0, 8 }, { 14, 0x1B }, { 0x21, 0x84 }, { 0x86, 0x9F }, { 0xA1, 0x167F }, { 0x1681, 0x1FFF }, { 0x200B, 0x2027 },
                       { 0x202A, 0x202E }, { 0x2030, 0x205E }, { 0x2060, 0x2FFF }, { 0x3001, 0xFEFE }, { 0xFF00, 0x10FFFF } };
    static const struct { char c; const struct range *r; size_t n; } all[] = {
        { 'd', digit, 1 }, { 'w', word, 4 }, { 's', space, 2 }, { 'D', no_digit, 2 }, { 'W', no_word, 5 }, { 'S', no_space, 12 } };
    for (size_t i = 0; i < 6; i++)
        if (all[i].c == c) {
            for (size_t k = 0; k < all[i].n && *st == HEARTH_OK; k++) *st = add(t, all[i].r[k].lo, all[i].r[k].hi);
            return 1;
        }
    return 0;
}

static enum hearth_status hex(struct pattern *p, const char *from, int digits, uint32_t *out) {
    *out = 0;
    for (int i = 0; i < digits; i++, p->at++) {
        if (p->at == p->end || !isxdigit((unsigned char)*p->at)) return wrong(p, from, "an escape with too few hexadecimal digits");
        *out = *out * 16 + (uint32_t)(isdigit((unsigned char)*p->at) ? *p->at - '0' : (*p->at | 32) - 'a' + 10);
    }
    return *out >= 0xD800 && *out <= 0xDFFF ? cannot(p, from, "half of a pair") : HEARTH_OK;
}

/* Behind a backslash: one character. */
static enum hearth_status escaped(struct pattern *p, int in_class, uint32_t *out) {
    static const char named[] = "nrtfv0", means[] = "\n\r\t\f\v";
    const char *from = p->at - 1, *is;
    char c = *p->at++;
    if (c == 'x') return hex(p, from, 2, out);
    if (c == 'u') return hex(p, from, 4, out);
    if (c == 'b' && in_class) return *out = 8, HEARTH_OK;
    if (c == '0' && p->at < p->end && isdigit((unsigned char)*p->at)) return cannot(p, from, "an octal escape");
    if ((is = strchr(named, c))) return *out = (unsigned char)means[is - named], HEARTH_OK;
    if (c == 'c' && p->at < p->end && isalpha((unsigned char)*p->at)) return *out = (uint32_t)*p->at++ & 31, HEARTH_OK;
    if (isalnum((unsigned char)c)) return cannot(p, from, "an escape that is not known here");
    p->at--;
    int n = utf8_read(p->at, (size_t)(p->end - p->at), out);
    p->at += n < 1 ? 1 : n;
    return HEARTH_OK;
}

/* One character or class of a [...]; *single: it is one character. */
static enum hearth_status class_item(struct pattern *p, struct set *t, uint32_t *c, int *single) {
    enum hearth_status st = HEARTH_OK;
    *single = 0;
    if (*p->at == '\\' && p->end - p->at > 1) {
        p->at++;
        if (known_class(t, *p->at, &st)) {
            p->at++;
            return st;
        }
        *single = 1;
        return escaped(p, 1, c);
    }
    *single = 1;
    p->at += utf8_read(p->at, (size_t)(p->end - p->at), c);
    return HEARTH_OK;
}

static enum hearth_status class(struct pattern *p, struct set *t, struct gx **out) {
    const char *from = p->at++;
    int negate = p->at < p->end && *p->at == '^', single, other;
    p->at += negate;
    while (p->at < p->end && *p->at != ']') {
        uint32_t lo, hi;
        if (negate && p->end - p->at > 1 && *p->at == '\\' && strchr("DWS", p->at[1])) return cannot(p, p->at, "the opposite of a class in [^...]");
        TRY(class_item(p, t, &lo, &single));
        if (!single) continue;
        hi = lo;
        if (p->end - p->at > 1 && *p->at == '-' && p->at[1] != ']') {
            p->at++;
            TRY(class_item(p, t, &hi, &other));
            if (!other) return cannot(p, from, "a range to a class");
            if (hi < lo) return wrong(p, from, "a range whose end comes before its beginning");
        }
        TRY(add(t, lo, hi));
    }
    if (p->at == p->end) return wrong(p, from, "a class without its closing bracket");
    p->at++;
    if (negate) /* where \d, \w, \s mean more to some: left out too */
        for (const char *q = from; q + 1 < p->at; q += *q == '\\' ? 2 : 1)
            if (*q == '\\' && strchr("dws", q[1])) TRY(add(t, 0x80, 0x10FFFF));
    return (*out = schema_chars(p->s, t->r, t->n, negate)) ? HEARTH_OK : HEARTH_ENOMEM;
}

static enum hearth_status one_of(struct pattern *p, struct gx **out) {
    static const struct range lines[] = { { '\n', '\n' }, { '\r', '\r' }, { 0x2028, 0x2029 } };
    struct set *t = mem_array(1, sizeof *t);
    enum hearth_status st = HEARTH_OK;
    uint32_t c = 0;
    if (!t) return HEARTH_ENOMEM;
    if (*p->at == '[') {
        st = class(p, t, out);
    } else if (*p->at == '.') {
        p->at++;
        *out = schema_chars(p->s, lines, 3, 1);
    } else if (*p->at == '\\' && p->end - p->at > 1 && known_class(t, p->at[1], &st)) {
        p->at += 2;
        *out = schema_chars(p->s, t->r, t->n, 0);
    } else {
        if (*p->at != '\\') p->at += utf8_read(p->at, (size_t)(p->end - p->at), &c);
        else if (++p->at == p->end) st = wrong(p, p->at - 1, "a backslash at the end");
        else st = escaped(p, 0, &c);
        if (st == HEARTH_OK) *out = schema_chars(p->s, &(struct range){ c, c }, 1, 0);
    }
    free(t);
    return st != HEARTH_OK || *out ? st : HEARTH_ENOMEM;
}

/* ---- expressions ---- */

static enum hearth_status alternatives(struct pattern *p, int top, struct part *out);

static enum hearth_status group(struct pattern *p, struct part *out) {
    const char *from = p->at++;
    if (++p->depth > PATTERN_DEPTH) return fail(HEARTH_ELIMIT, "%s: \"pattern\" has more than %d groups in each other", p->s->what, PATTERN_DEPTH);
    if (p->at < p->end && *p->at == '?') {
        if (p->end - p->at < 2 || p->at[1] != ':') return cannot(p, from, "a group that looks around, or has a name");
        p->at += 2;
    }
    TRY(alternatives(p, 0, out));
    if (p->at == p->end) return wrong(p, from, "a group without its closing bracket");
    p->at++;
    p->depth--;
    return HEARTH_OK;
}

static int number(struct pattern *p, uint32_t *out) {
    const char *from = p->at;
    for (*out = 0; p->at < p->end && isdigit((unsigned char)*p->at); p->at++) *out = *out > GRAMMAR_REPEAT ? *out : *out * 10 + (uint32_t)(*p->at - '0');
    return p->at > from;
}

/* {m}, {m,}, {m,n}; 0: the brace means itself. */
static int braces(struct pattern *p, uint32_t *min, uint32_t *max) {
    const char *from = p->at++;
    int is = number(p, min);
    *max = *min;
    if (is && p->at < p->end && *p->at == ',') {
        p->at++;
        if (!number(p, max)) *max = GX_MANY;
    }
    if (is && p->at < p->end && *p->at == '}') return p->at++, 1;
    p->at = from;
    return 0;
}

static enum hearth_status repetition(struct pattern *p, struct part *x) {
    uint32_t min = 0, max = GX_MANY;
    if (p->at == p->end || !*p->at || !strchr("*+?{", *p->at)) return HEARTH_OK;
    const char *from = p->at;
    if (*p->at == '{') {
        if (!braces(p, &min, &max)) return HEARTH_OK;
    } else {
        min = *p->at == '+';
        max = *p->at++ == '?' ? 1 : GX_MANY;
    }
    if (max < min) return wrong(p, from, "a repetition whose most is less than its least");
    if (min > GRAMMAR_REPEAT || (max != GX_MANY && max > GRAMMAR_REPEAT)) return fail(HEARTH_ELIMIT, "%s: \"pattern\" repeats more than %d times", p->s->what, GRAMMAR_REPEAT);
    if (p->at < p->end && *p->at == '?') p->at++;
    if (p->at < p->end && *p->at && strchr("*+?", *p->at)) return wrong(p, p->at, "a repetition of a repetition");
    *x = (struct part){ gx_repeat(p->s->r, x->gx, min, max), times(x->least, min), times(x->most, max) };
    return x->gx ? HEARTH_OK : HEARTH_ENOMEM;
}

/* Anything before and behind, where nothing holds the ends. */
static struct gx *open_ended(struct pattern *p, struct gx *x, int front, int back) {
    struct schema *s = p->s;
    struct gx *any = gx_repeat(s->r, schema_chars(s, NULL, 0, 1), 0, GX_MANY), *none = gx_empty(s->r);
    return front || back ? gx_seq3(s->r, front ? any : none, x, back ? any : none) : x;
}

static enum hearth_status sequence(struct pattern *p, int top, struct part *out) {
    struct gx_list l = { 0 };
    int front = 1, back = 1;
    enum hearth_status st = HEARTH_OK;
    *out = (struct part){ 0 };
    for (; p->at < p->end && *p->at != '|' && *p->at != ')';) {
        struct part x = { NULL, 1, 1 };
        if (!back) st = cannot(p, p->at, "something behind $");
        else if (*p->at == '^' && (!top || l.n)) st = cannot(p, p->at, "^ that is not at the beginning");
        else if (*p->at == '$' && !top) st = cannot(p, p->at, "$ in a group");
        else if (strchr("*+?", *p->at)) st = wrong(p, p->at, "a repetition of nothing");
        if (st != HEARTH_OK) break;
        if (*p->at == '^' || *p->at == '$') {
            if (*p->at++ == '^') front = 0;
            else back = 0;
            continue;
        }
        st = *p->at == '(' ? group(p, &x) : one_of(p, &x.gx);
        if (st == HEARTH_OK) st = repetition(p, &x);
        if (st == HEARTH_OK) st = gx_push(&l, x.gx);
        if (st != HEARTH_OK) break;
        out->least = plus(out->least, x.least);
        out->most = plus(out->most, x.most);
    }
    if (st == HEARTH_OK && !(out->gx = gx_seq(p->s->r, l.n, l.item))) st = HEARTH_ENOMEM;
    free(l.item);
    if (st == HEARTH_OK && top && (front || back)) {
        out->gx = open_ended(p, out->gx, front, back);
        out->most = GX_MANY;
    }
    return st;
}

static enum hearth_status alternatives(struct pattern *p, int top, struct part *out) {
    struct gx_list l = { 0 };
    enum hearth_status st;
    *out = (struct part){ NULL, GX_MANY, 0 };
    for (;;) {
        struct part x;
        if ((st = sequence(p, top, &x)) != HEARTH_OK || (st = gx_push(&l, x.gx)) != HEARTH_OK) break;
        if (x.least < out->least) out->least = x.least;
        if (x.most > out->most) out->most = x.most;
        if (p->at == p->end || *p->at != '|') break;
        p->at++;
    }
    if (st == HEARTH_OK && !(out->gx = gx_alt(p->s->r, l.n, l.item))) st = HEARTH_ENOMEM;
    free(l.item);
    return st;
}

enum hearth_status schema_pattern(struct schema *s, const char *pattern, size_t n, struct gx **out, uint32_t *least, uint32_t *most) {
    struct pattern p = { .s = s, .text = pattern, .at = pattern, .end = pattern + n };
    struct part x;
    TRY(alternatives(&p, 1, &x));
    if (p.at < p.end) return wrong(&p, p.at, "a closing bracket too many");
    *out = x.gx;
    *least = x.least;
    *most = x.most;
    return HEARTH_OK;
}
