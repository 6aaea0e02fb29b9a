/* regex.c - see regex.h.
 *
 * A pattern of tokenizer.json means what Oniguruma's Ruby syntax means.  The differences to PCRE2 are rewritten:
 *
 *     \s \S \w \W      by the properties that Oniguruma uses: White_Space; Alphabetic, Mark, Nd, Pc, and ² ³ ¹ ¼ ½ ¾
 *     \h               a hexadecimal digit
 *     ^ $              at every line: (?m) for the whole pattern
 *     (?m)             a dot that matches line ends: (?s)
 *     x{1,3}+          repeats again: (?:x{1,3})+, where PCRE2 would take it for a possessive repetition
 *     [a&&b] [a[b]]    sets in sets: refused
 *
 * Steps are limited for such a pattern, from each place where a match is looked for, to some for each byte of the text: all that
 * published models use need one or two, one that explodes reaches any limit.
 */
#include "text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#define NOT_SPACE "\\x{0}-\\x{8}\\x{E}-\\x{1F}!-\\x{84}\\x{86}-\\x{9F}\\x{A1}-\\x{167F}\\x{1681}-\\x{1FFF}\\x{200B}-\\x{2027}" \
                  "\\x{202A}-\\x{202E}\\x{2030}-\\x{205E}\\x{2060}-\\x{2FFF}\\x{3001}-\\x{10FFFF}"
#define WORD "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{B2}\\x{B3}\\x{B9}\\x{BC}-\\x{BE}"

enum { STEPS = 64, MORE_STEPS = 1 << 20 };   /* STEPS a byte and MORE_STEPS in all */

struct regex { pcre2_code *code; int jit, ours; char what[200]; };
struct regex_match { pcre2_match_data *data; pcre2_match_context *context; };

/* ---- translating ---- */

struct translation {
    const char *what, *s;
    size_t n, i;
    struct buf *out;
    size_t atom;                 /* where in out the last thing that can be repeated begins */
    size_t open[64];             /* where in out the groups begin that are open */
    int depth;
};

static enum hearth_status refuse(const struct translation *t, const char *why) {
    return fail(HEARTH_EUNSUPPORTED, "%s: %s at byte %zu of the pattern, not known here", t->what, why, t->i);
}

/* \X inside or outside [ ]. */
static enum hearth_status put_escape(struct translation *t, int in_set) {
    if (t->i + 1 >= t->n) return fail(HEARTH_EFORMAT, "%s: the pattern ends with a backslash", t->what);
    char c = t->s[t->i + 1];
    t->i += 2;
    switch (c) {
    case 's': return buf_puts(t->out, in_set ? REGEX_SPACE : "[" REGEX_SPACE "]");
    case 'S': return buf_puts(t->out, in_set ? NOT_SPACE : "[^" REGEX_SPACE "]");
    case 'w': return buf_puts(t->out, in_set ? WORD : "[" WORD "]");
    case 'W': return in_set ? refuse(t, "\\W in a set") : buf_puts(t->out, "[^" WORD "]");
    case 'h': return buf_puts(t->out, in_set ? "0-9a-fA-F" : "[0-9a-fA-F]");
    case 'H': case 'k': case 'g': case 'G': case 'K': case 'X': case 'R': case 'y': case 'Y': case 'M': case 'C':
    case 'Q': case 'E': case 'o': case 'c': case 'N': case 'O': case 'Z':
        t->i -= 2;
        return refuse(t, "an escape of that kind");
    default:
        TRY(buf_putc(t->out, '\\'));
        TRY(buf_putc(t->out, c));
    }
    if ((c != 'p' && c != 'P' && c != 'x') || t->i >= t->n || t->s[t->i] != '{') return HEARTH_OK;
    while (t->i < t->n && t->s[t->i] != '}') TRY(buf_putc(t->out, t->s[t->i++])); /* \p{L}, \x{2581} */
    return t->i < t->n ? buf_putc(t->out, t->s[t->i++]) : HEARTH_OK;
}

static enum hearth_status put_set(struct translation *t) {
    TRY(buf_putc(t->out, t->s[t->i++]));
    if (t->i < t->n && t->s[t->i] == '^') TRY(buf_putc(t->out, t->s[t->i++]));
    for (int first = 1; t->i < t->n; first = 0) {
        char c = t->s[t->i];
        if (c == ']' && !first) return t->i++, buf_putc(t->out, c);
        if (c == ']') return refuse(t, "an empty set");
        if (c == '&' && t->i + 1 < t->n && t->s[t->i + 1] == '&') return refuse(t, "&& in a set");
        if (c == '[') return refuse(t, "a set in a set");
        if (c == '\\') TRY(put_escape(t, 1));
        else TRY(buf_putc(t->out, t->s[t->i++]));
    }
    return fail(HEARTH_EFORMAT, "%s: a set of the pattern has no end", t->what);
}

/* (?m) is (?s) there; the other beginnings of groups are the same. */
static enum hearth_status put_group(struct translation *t) {
    if (t->depth == (int)(sizeof t->open / sizeof *t->open))
        return fail(HEARTH_ELIMIT, "%s: groups of the pattern are nested %d deep, allowed: less", t->what, t->depth);
    t->open[t->depth++] = t->out->len;
    TRY(buf_putc(t->out, t->s[t->i++]));
    if (t->i + 1 >= t->n || t->s[t->i] != '?') return HEARTH_OK;
    if (!strchr(":=!>imx-<", t->s[t->i + 1])) return refuse(t, "a group of that kind");
    TRY(buf_putc(t->out, t->s[t->i++]));
    for (; t->i < t->n && strchr("imx-", t->s[t->i]); t->i++) TRY(buf_putc(t->out, t->s[t->i] == 'm' ? 's' : t->s[t->i]));
    if (t->i < t->n && strchr(":=!><)", t->s[t->i])) {
        if (t->s[t->i] == ')') return HEARTH_OK;
        int behind = t->s[t->i] == '<';
        TRY(buf_putc(t->out, t->s[t->i++]));
        if (!behind) return HEARTH_OK;
        if (t->i < t->n && (t->s[t->i] == '=' || t->s[t->i] == '!')) return buf_putc(t->out, t->s[t->i++]);
    }
    return refuse(t, "a group of that kind");
}

/* {n,m}, and a + behind it. */
static enum hearth_status put_count(struct translation *t) {
    size_t len = 1, digits = 0;
    while (t->i + len < t->n && len < 16 && strchr("0123456789,", t->s[t->i + len])) digits += t->s[t->i + len++] != ',';
    if (t->i + len >= t->n || t->s[t->i + len] != '}' || !digits) return refuse(t, "a brace that counts nothing");
    int from_zero = t->s[t->i + 1] == ',';
    TRY(buf_puts(t->out, from_zero ? "{0" : "{"));
    TRY(buf_put(t->out, t->s + t->i + 1, len));
    t->i += len + 1;
    if (t->i >= t->n || t->s[t->i] != '+') return HEARTH_OK;
    size_t atom = t->out->len - t->atom;
    TRY(buf_puts(t->out, "(?:)"));
    memmove(t->out->data + t->atom + 3, t->out->data + t->atom, atom);
    memcpy(t->out->data + t->atom, "(?:", 3);
    t->out->data[t->out->len - 1] = ')';
    return HEARTH_OK;
}

static enum hearth_status translate_all(struct translation *t) {
    TRY(buf_puts(t->out, "(?m)"));
    t->atom = t->out->len;
    while (t->i < t->n) {
        char c = t->s[t->i];
        if (c == '\0') return refuse(t, "a zero byte");
        if (c != '{' && c != '+' && c != '*' && c != '?') t->atom = c == ')' && t->depth ? t->open[--t->depth] : t->out->len;
        if (c == '\\') TRY(put_escape(t, 0));
        else if (c == '[') TRY(put_set(t));
        else if (c == '(') TRY(put_group(t));
        else if (c == '{') TRY(put_count(t));
        else TRY(buf_putc(t->out, t->s[t->i++]));
        while (t->i < t->n && (t->s[t->i] & 0xC0) == 0x80) TRY(buf_putc(t->out, t->s[t->i++])); /* the rest of a character */
    }
    return HEARTH_OK;
}

enum hearth_status regex_translate(const char *what, const char *pattern, size_t n, struct buf *out) {
    struct translation t = { .what = what, .s = pattern, .n = n, .out = out };
    if (n > REGEX_LONGEST)
        return fail(HEARTH_ELIMIT, "%s: a pattern of %zu bytes, allowed: at most %d", what, n, REGEX_LONGEST);
    return translate_all(&t);
}

/* ---- compiling ---- */

static enum hearth_status compile(struct regex *r, const char *pattern, size_t n, int flags) {
    int error;
    PCRE2_SIZE at;
    /* anchored here and not when matching, which would switch the compiled code off */
    r->code = pcre2_compile((PCRE2_SPTR)pattern, n, PCRE2_UTF | PCRE2_UCP | (flags & REGEX_ANCHORED ? PCRE2_ANCHORED : 0) |
                            (flags & REGEX_OURS ? PCRE2_NO_UTF_CHECK : PCRE2_NEVER_BACKSLASH_C), &error, &at, NULL);
    if (!r->code) {
        PCRE2_UCHAR why[128];
        if (error == PCRE2_ERROR_NOMEMORY || error == PCRE2_ERROR_HEAP_FAILED) return fail_memory(n);
        pcre2_get_error_message(error, why, sizeof why);
        return fail(flags & REGEX_OURS ? HEARTH_EINTERNAL : HEARTH_EFORMAT, "%s: %s, at byte %zu of the pattern", r->what, (char *)why, at);
    }
    r->jit = !(flags & REGEX_NO_JIT) && pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE) == 0;
    r->ours = flags & REGEX_OURS;
    return HEARTH_OK;
}

enum hearth_status regex_open(const char *what, const char *pattern, size_t n, int flags, struct regex **out) {
    struct buf own = { 0 };
    *out = NULL;
    struct regex *r = mem_array(1, sizeof *r);
    if (!r) return HEARTH_ENOMEM;
    size_t name = strlen(what);
    memcpy(r->what, what, name < sizeof r->what ? name : sizeof r->what - 1);
    enum hearth_status st = HEARTH_OK;
    if (!(flags & REGEX_OURS)) {
        st = regex_translate(what, pattern, n, &own);
        pattern = own.data;
        n = own.len;
    }
    if (st == HEARTH_OK) st = compile(r, pattern, n, flags);
    buf_free(&own);
    if (st == HEARTH_OK) *out = r;
    else regex_close(r);
    return st;
}

void regex_close(struct regex *r) {
    if (!r) return;
    pcre2_code_free(r->code);
    free(r);
}

/* ---- matching ---- */

struct regex_match *regex_match_open(void) {
    struct regex_match *m = mem_array(1, sizeof *m);
    if (!m) return NULL;
    m->data = pcre2_match_data_create(1, NULL);
    m->context = pcre2_match_context_create(NULL);
    if (!m->data || !m->context) {
        regex_match_close(m);
        fail_memory(sizeof *m);
        return NULL;
    }
    /* the limits are against patterns that explode; ours are linear, and a text may be a gigabyte of spaces */
    pcre2_set_match_limit(m->context, UINT32_MAX);
    pcre2_set_depth_limit(m->context, UINT32_MAX);
    pcre2_set_heap_limit(m->context, UINT32_MAX);
    return m;
}

void regex_match_close(struct regex_match *m) {
    if (!m) return;
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->context);
    free(m);
}

enum hearth_status regex_find(const struct regex *r, struct regex_match *m, const char *s, size_t n, size_t at, size_t *from,
                              size_t *to, int *found) {
    PCRE2_SPTR text = (PCRE2_SPTR)s;
    size_t steps = (n - at) * STEPS + MORE_STEPS;
    pcre2_set_match_limit(m->context, r->ours || steps > UINT32_MAX ? UINT32_MAX : (uint32_t)steps);
    int rc = r->jit ? pcre2_jit_match(r->code, text, n, at, PCRE2_NO_UTF_CHECK, m->data, m->context) : PCRE2_ERROR_JIT_STACKLIMIT;
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT) /* the interpreter takes its memory from the heap */
        rc = pcre2_match(r->code, text, n, at, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, m->data, m->context);
    *found = rc >= 0;
    if (rc >= 0) {
        *from = pcre2_get_ovector_pointer(m->data)[0];
        *to = pcre2_get_ovector_pointer(m->data)[1];
        if (*from > *to) return fail(HEARTH_EUNSUPPORTED, "%s: a match that ends before it begins (\\K), known: none", r->what);
        return HEARTH_OK;
    }
    if (rc == PCRE2_ERROR_NOMATCH) return HEARTH_OK;
    if (rc == PCRE2_ERROR_NOMEMORY) return fail_memory(n);
    if (rc == PCRE2_ERROR_MATCHLIMIT)
        return fail(HEARTH_ELIMIT, "%s: the pattern takes more than %zu steps at byte %zu of %zu of a text: it explodes", r->what, steps,
                    at, n);
    return fail(HEARTH_EINTERNAL, "%s: the pattern fails with %d at byte %zu of %zu", r->what, rc, at, n);
}
