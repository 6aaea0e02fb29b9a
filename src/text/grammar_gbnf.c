/* grammar_gbnf.c - reads GBNF, the notation of grammars that llama.cpp made known:
 *
 *      # an answer is a word, or words in quotes
 *      root  ::= word | "\"" word (" " word){0,9} "\""
 *      word  ::= [a-zA-Z\u00e9] [^ "\n]*
 *
 *      rules     name ::= alternatives; a rule ends with its line, except inside brackets and behind "::=" and "|"
 *      elements  "text", [class], [^class], . (any character), (group), name, and each with * + ? {m} {m,} {m,n}
 *      escapes   \n \r \t \\ \" \[ \] \xHH \uHHHH \UHHHHHHHH, each a character
 *      %json     followed by a JSON Schema: any text that it allows; an addition of ours, spelled as llguidance does
 *
 * The answer is what `root` allows.  A rule that is used and not defined, or defined twice, is a mistake. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/grammar_rules.h"

struct reader {
    struct grammar_rules *r;
    const char *text, *at, *end;
    uint32_t first;                  /* rules of this grammar begin here */
    uint32_t *slot;                  /* open addressing: rule + 1 by name */
    size_t slots;
    int depth;
};

static enum hearth_status wrong(const struct reader *g, const char *at, const char *what) {
    int line = 1, column = 1;
    for (const char *p = g->text; p < at; p++) {
        column = *p == '\n' ? 1 : column + 1;
        line += *p == '\n';
    }
    return fail(HEARTH_EFORMAT, "grammar: line %d, column %d: %s", line, column, what);
}

/* Blanks and comments; newlines too where they end nothing. */
static void blanks(struct reader *g, int newlines) {
    for (; g->at < g->end; g->at++) {
        if (*g->at == '#') g->at = memchr(g->at, '\n', (size_t)(g->end - g->at));
        if (!g->at) g->at = g->end;
        if (g->at == g->end) return;
        if (*g->at == '\n' ? !newlines : *g->at != ' ' && *g->at != '\t' && *g->at != '\r') return;
    }
}

static int is_word(char c) { return isalnum((unsigned char)c) || c == '-' || c == '_'; }

static size_t word(const struct reader *g) {
    const char *p = g->at;
    while (p < g->end && is_word(*p)) p++;
    return (size_t)(p - g->at);
}

/* ---- names ---- */

static uint32_t hash(const char *s, size_t n) {
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 16777619u;
    return h;
}

static enum hearth_status named(struct reader *g, const char *s, size_t n, uint32_t *rule) {
    size_t i = hash(s, n) & (g->slots - 1);
    for (; g->slot[i]; i = (i + 1) & (g->slots - 1)) {
        const char *is = g->r->name[*rule = g->slot[i] - 1];
        if (strlen(is) == n && !memcmp(is, s, n)) return HEARTH_OK;
    }
    TRY(grammar_rules_add(g->r, s, n, rule));
    g->slot[i] = *rule + 1;
    return HEARTH_OK;
}

/* ---- characters ---- */

static enum hearth_status hex(struct reader *g, const char *from, int digits, uint32_t *out) {
    *out = 0;
    for (int i = 0; i < digits; i++, g->at++) {
        if (g->at == g->end || !isxdigit((unsigned char)*g->at)) return wrong(g, from, "an escape with too few hexadecimal digits");
        *out = *out * 16 + (uint32_t)(isdigit((unsigned char)*g->at) ? *g->at - '0' : (*g->at | 32) - 'a' + 10);
    }
    return HEARTH_OK;
}

/* One character, escaped or not. */
static enum hearth_status character(struct reader *g, uint32_t *out) {
    const char *from = g->at;
    if (*g->at != '\\') {
        int n = utf8_read(g->at, (size_t)(g->end - g->at), out);
        if (n < 1) return wrong(g, g->at, "bytes that are not UTF-8");
        g->at += n;
        return HEARTH_OK;
    }
    if (++g->at == g->end) return wrong(g, from, "a backslash at the end");
    char c = *g->at++, made[4];
    switch (c) {
    case 'n': *out = '\n'; return HEARTH_OK;
    case 'r': *out = '\r'; return HEARTH_OK;
    case 't': *out = '\t'; return HEARTH_OK;
    case '\\': case '"': case '[': case ']': case '-': case '^': case '/': *out = (unsigned char)c; return HEARTH_OK;
    case 'x': return hex(g, from, 2, out);
    case 'u': TRY(hex(g, from, 4, out)); break;
    case 'U': TRY(hex(g, from, 8, out)); break;
    default: return wrong(g, from, "an escape that is none of \\n \\r \\t \\\\ \\\" \\[ \\] \\x \\u \\U");
    }
    return utf8_write(*out, made) ? HEARTH_OK : wrong(g, from, "an escape that is no character");
}

static enum hearth_status literal(struct reader *g, struct gx **out) {
    const char *from = g->at++;
    struct buf b = { 0 };
    enum hearth_status st = HEARTH_OK;
    while (st == HEARTH_OK && g->at < g->end && *g->at != '"' && *g->at != '\n') {
        uint32_t c = 0;
        char made[4];
        TRY_GOTO(st, done, character(g, &c));
        st = buf_put(&b, made, (size_t)utf8_write(c, made));
    }
    if (st == HEARTH_OK && (g->at == g->end || *g->at++ != '"')) st = wrong(g, from, "a text without its closing quote");
    if (st == HEARTH_OK && !(*out = gx_bytes(g->r, b.data ? b.data : "", b.len))) st = HEARTH_ENOMEM;
done:
    buf_free(&b);
    return st;
}

static enum hearth_status class_ranges(struct reader *g, const char *from, struct range *range, size_t *n) {
    while (g->at < g->end && *g->at != ']' && *g->at != '\n') {
        struct range one;
        if (*n == GRAMMAR_RANGES) return fail(HEARTH_ELIMIT, "grammar: a class of more than %d ranges", GRAMMAR_RANGES);
        TRY(character(g, &one.lo));
        one.hi = one.lo;
        if (g->end - g->at > 1 && g->at[0] == '-' && g->at[1] != ']') {
            const char *dash = g->at++;
            TRY(character(g, &one.hi));
            if (one.hi < one.lo) return wrong(g, dash, "a range whose end comes before its beginning");
        }
        range[(*n)++] = one;
    }
    if (g->at == g->end || *g->at++ != ']') return wrong(g, from, "a class without its closing bracket");
    return HEARTH_OK;
}

static enum hearth_status class(struct reader *g, struct gx **out) {
    const char *from = g->at++;
    size_t n = 0;
    int negate = g->at < g->end && *g->at == '^';
    g->at += negate;
    struct range *range = mem_array(GRAMMAR_RANGES, sizeof *range);
    if (!range) return HEARTH_ENOMEM;
    enum hearth_status st = class_ranges(g, from, range, &n);
    if (st == HEARTH_OK && !(*out = gx_set(g->r, range, n, negate))) st = HEARTH_ENOMEM;
    free(range);
    return st;
}

/* ---- expressions ---- */

static enum hearth_status alternatives(struct reader *g, int nested, struct gx **out);

static enum hearth_status number(struct reader *g, uint32_t *out) {
    *out = 0;
    if (g->at == g->end || !isdigit((unsigned char)*g->at)) return wrong(g, g->at, "a repetition without its number");
    for (; g->at < g->end && isdigit((unsigned char)*g->at); g->at++) {
        *out = *out * 10 + (uint32_t)(*g->at - '0');
        if (*out > GRAMMAR_REPEAT)
            return fail(HEARTH_ELIMIT, "grammar: a repetition of more than %d times", GRAMMAR_REPEAT);
    }
    blanks(g, 0);
    return HEARTH_OK;
}

/* * + ? {m,n} behind x; several may follow each other. */
static enum hearth_status repetition(struct reader *g, struct gx **x) {
    for (int times = 0; g->at < g->end; times++) {
        uint32_t min = 0, max = GX_MANY;
        const char *from = g->at;
        if (!strchr("*+?{", *g->at) || !*g->at) return HEARTH_OK;
        if (times == 8) return wrong(g, from, "more than 8 repetitions behind each other");
        char c = *g->at++;
        if (c == '+') min = 1;
        if (c == '?') max = 1;
        if (c == '{') {
            blanks(g, 0);
            TRY(number(g, &min));
            max = min;
            if (g->at < g->end && *g->at == ',') {
                g->at++;
                blanks(g, 0);
                max = GX_MANY;
                if (g->at < g->end && *g->at != '}') TRY(number(g, &max));
            }
            if (g->at == g->end || *g->at++ != '}') return wrong(g, from, "a repetition without its closing brace");
            if (max < min) return wrong(g, from, "a repetition whose most is less than its least");
        }
        if (!(*x = gx_repeat(g->r, *x, min, max))) return HEARTH_ENOMEM;
        blanks(g, g->depth > 0);
    }
    return HEARTH_OK;
}

static enum hearth_status group(struct reader *g, struct gx **out) {
    const char *from = g->at++;
    if (++g->depth > GRAMMAR_DEPTH) return fail(HEARTH_ELIMIT, "grammar: more than %d brackets in each other", GRAMMAR_DEPTH);
    blanks(g, 1);
    TRY(alternatives(g, 1, out));
    if (g->at == g->end || *g->at != ')') return wrong(g, from, "a group without its closing bracket");
    g->at++;
    g->depth--;
    return HEARTH_OK;
}

static enum hearth_status any(struct reader *g, struct gx **out) {
    g->at++;
    return (*out = gx_set(g->r, NULL, 0, 1)) ? HEARTH_OK : HEARTH_ENOMEM;
}

static enum hearth_status reference(struct reader *g, size_t n, struct gx **out) {
    uint32_t rule;
    TRY(named(g, g->at, n, &rule));
    g->at += n;
    return (*out = gx_rule(g->r, rule)) ? HEARTH_OK : HEARTH_ENOMEM;
}

static enum hearth_status embedded(struct reader *g, struct gx **out) {
    size_t used = 0;
    g->at += strlen("%json");
    blanks(g, 1);
    TRY(schema_read_some(g->r, "schema in the grammar", g->at, (size_t)(g->end - g->at), &used, out));
    g->at += used;
    return HEARTH_OK;
}

/* NULL: none begins here. */
static enum hearth_status element(struct reader *g, struct gx **out) {
    size_t n;
    *out = NULL;
    if (g->at == g->end) return HEARTH_OK;
    if (*g->at == '"') return literal(g, out);
    if (*g->at == '[') return class(g, out);
    if (*g->at == '(') return group(g, out);
    if (*g->at == '.') return any(g, out);
    if (g->end - g->at > 5 && !memcmp(g->at, "%json", 5)) return embedded(g, out);
    return (n = word(g)) ? reference(g, n, out) : HEARTH_OK;
}

static enum hearth_status sequence(struct reader *g, struct gx **out) {
    struct gx_list list = { 0 };
    struct gx *x;
    enum hearth_status st;
    for (;;) {
        TRY_GOTO(st, done, element(g, &x));
        if (!x) break;
        blanks(g, g->depth > 0);
        TRY_GOTO(st, done, repetition(g, &x));
        TRY_GOTO(st, done, gx_push(&list, x));
    }
    if (g->at < g->end && strchr("*+?{", *g->at) && *g->at) st = wrong(g, g->at, "a repetition of nothing");
    if (st == HEARTH_OK && !(*out = gx_seq(g->r, list.n, list.item))) st = HEARTH_ENOMEM;
done:
    free(list.item);
    return st;
}

static enum hearth_status alternatives(struct reader *g, int nested, struct gx **out) {
    struct gx_list list = { 0 };
    struct gx *x = NULL;
    enum hearth_status st;
    for (;;) {
        TRY_GOTO(st, done, sequence(g, &x));
        TRY_GOTO(st, done, gx_push(&list, x));
        if (nested) blanks(g, 1);
        if (g->at == g->end || *g->at != '|') break;
        g->at++;
        blanks(g, 1);
    }
    if (!(*out = gx_alt(g->r, list.n, list.item))) st = HEARTH_ENOMEM;
done:
    free(list.item);
    return st;
}

static enum hearth_status rule(struct reader *g) {
    const char *from = g->at;
    uint32_t r;
    struct gx *x = NULL;
    size_t n = word(g);
    if (!n) return wrong(g, from, "a rule should begin with its name");
    TRY(named(g, g->at, n, &r));
    if (g->r->body[r]) return wrong(g, from, "a rule of this name is there already");
    g->at += n;
    blanks(g, 0);
    if (g->end - g->at < 3 || memcmp(g->at, "::=", 3) != 0) return wrong(g, g->at, "\"::=\" should follow a rule's name");
    g->at += 3;
    blanks(g, 1);
    TRY(alternatives(g, 0, &x));
    g->r->body[r] = x;
    if (g->at < g->end && *g->at != '\n') return wrong(g, g->at, *g->at == ')' ? "a closing bracket too many" : "a character that begins nothing here");
    blanks(g, 1);
    return HEARTH_OK;
}

static enum hearth_status rules(struct reader *g) {
    uint32_t root;
    TRY(named(g, "root", 4, &root));
    for (blanks(g, 1); g->at < g->end;) TRY(rule(g));
    if (!g->r->body[root]) return fail(HEARTH_EFORMAT, "grammar: no rule is named root, which is what an answer follows");
    for (size_t i = g->first; i < g->r->n; i++)
        if (!g->r->body[i]) return fail(HEARTH_EFORMAT, "grammar: the rule \"%s\" is used, but nowhere defined", g->r->name[i]);
    return HEARTH_OK;
}

enum hearth_status gbnf_read(struct grammar_rules *r, const char *text, size_t n, struct gx **out) {
    struct reader g = { .r = r, .text = text, .at = text, .end = text + n, .first = (uint32_t)r->n, .slots = 1 << 16 };
    if (!(g.slot = mem_array(g.slots, sizeof *g.slot))) return HEARTH_ENOMEM;
    enum hearth_status st = rules(&g);
    if (st == HEARTH_OK && !(*out = gx_rule(r, g.first))) st = HEARTH_ENOMEM;
    free(g.slot);
    return st;
}
