/* jinja_lex.c - source to tokens.
 *
 * Outside of tags everything is data.  A tag may eat white space around itself:
 *
 *     data   {%-  tag  -%}   data        '-' eats all white space on its side, new lines too
 *     data   {%   tag   %}\n data        without a sign: the line's indentation before it (lstrip_blocks) and the
 *                                        one new line after it (trim_blocks); not so for {{ }}
 *     data   {%+  tag  +%}   data        '+' keeps both
 *
 * Inside of a tag: names, numbers, strings, operators.  A closing brace ends the tag only where all brackets are
 * closed, so that {{ {'a': {}} }} is what it looks like. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/jinja_syntax.h"

struct lexer {
    struct compile *c;
    const char *s;
    size_t n, at;
    uint32_t line;
    size_t counted;                /* `line` is the line of this offset */
    char open[JINJA_NEST_MAX + 1]; /* the closing brackets awaited */
    uint32_t depth;
};

static uint32_t line_at(struct lexer *x, size_t at) {
    for (; x->counted < at; x->counted++) x->line += x->s[x->counted] == '\n';
    return x->line;
}

static enum hearth_status token_add(struct lexer *x, enum token_type type, size_t at, struct token **out) {
    struct compile *c = x->c;
    TRY(mem_grow(&c->token, &c->cap, c->tokens + 1, sizeof *c->token));
    struct token *t = &c->token[c->tokens++];
    *t = (struct token){ .type = (uint8_t)type, .line = line_at(x, at) };
    if (out) *out = t;
    return HEARTH_OK;
}

static enum hearth_status text_token(struct lexer *x, enum token_type type, size_t at, const char *p, size_t n) {
    struct token *t;
    TRY(token_add(x, type, at, &t));
    return type == T_NAME ? jinja_intern(x->c, p, n, &t->text) : jinja_constant_text(x->c, p, n, &t->text);
}

static size_t skip_space(const struct lexer *x, size_t at) {
    uint32_t cp;
    while (at < x->n) {
        int len = jinja_char(x->s + at, x->n - at, &cp);
        if (!jinja_is_space(cp)) break;
        at += (size_t)len;
    }
    return at;
}

static int starts(const struct lexer *x, size_t at, const char *what) {
    size_t n = strlen(what);
    return at <= x->n && x->n - at >= n && memcmp(x->s + at, what, n) == 0;
}

/* The end of a tag at `at`, as blocks, comments and raw blocks have it: +%}  -%}  %}; 0 when there is none. */
static size_t tag_end(const struct lexer *x, size_t at, const char *close) {
    char sign = at < x->n ? x->s[at] : 0;
    if ((sign == '+' || sign == '-') && starts(x, at + 1, close)) return sign == '-' ? skip_space(x, at + 3) : at + 3;
    if (!starts(x, at, close)) return 0;
    return at + 2 < x->n && x->s[at + 2] == '\n' && !x->c->t->plain ? at + 3 : at + 2;
}

static size_t sign_at(const struct lexer *x, size_t at, char *sign) {
    *sign = at < x->n && (x->s[at] == '-' || x->s[at] == '+') ? x->s[at] : 0;
    return at + (*sign != 0);
}

/* Data from x->at to the tag at `end`, less what the tag's sign eats. */
static enum hearth_status data_token(struct lexer *x, size_t end, char sign, int strips_indent) {
    size_t begin = x->at, stop = end;
    if (sign == '-') {
        uint32_t cp;
        while (stop > begin) {
            int len = jinja_char_before(x->s + begin, stop - begin, &cp);
            if (!jinja_is_space(cp)) break;
            stop -= (size_t)len;
        }
    } else if (sign == 0 && strips_indent && !x->c->t->plain) {
        size_t from = end;
        while (from > begin && x->s[from - 1] != '\n') from--;
        if (from > begin || begin == 0 || x->s[begin - 1] == '\n')
            if (skip_space(x, from) >= end) stop = from;
    }
    return stop > begin ? text_token(x, T_DATA, begin, x->s + begin, stop - begin) : HEARTH_OK;
}

/* {% raw %}: where its content begins; 0 when the tag at `at` is another. */
static size_t raw_begin(const struct lexer *x, size_t at, char *sign) {
    size_t p = skip_space(x, sign_at(x, at + 2, sign));
    if (!starts(x, p, "raw")) return 0;
    p = skip_space(x, p + 3);
    if (starts(x, p, "-%}")) return skip_space(x, p + 3);
    return starts(x, p, "%}") ? p + 2 : 0;
}

static enum hearth_status lex_raw(struct lexer *x, size_t tag) {
    for (size_t at = x->at; at + 1 < x->n; at++) {
        char sign;
        if (!starts(x, at, "{%")) continue;
        size_t p = skip_space(x, sign_at(x, at + 2, &sign));
        if (!starts(x, p, "endraw")) continue;
        size_t end = tag_end(x, skip_space(x, p + 6), "%}");
        if (!end) continue;
        TRY(data_token(x, at, sign, 1));
        x->at = end;
        return HEARTH_OK;
    }
    if (x->at == x->n) return HEARTH_OK; /* with nothing behind it, it is let pass */
    return jinja_refuse(x->c, line_at(x, tag), "{%% raw %%} without {%% endraw %%}");
}

static enum hearth_status lex_comment(struct lexer *x, size_t tag) {
    for (size_t at = x->at; at < x->n; at++) {
        size_t end = tag_end(x, at, "#}");
        if (!end) continue;
        x->at = end;
        return HEARTH_OK;
    }
    if (x->at == x->n) return HEARTH_OK;
    return jinja_refuse(x->c, line_at(x, tag), "a comment {# without its end #}");
}

/* ---- numbers ---- */

static int is_digit(char c) { return c >= '0' && c <= '9'; }

/* (digit+ _)* digit+ : where it ends */
static size_t digits(const struct lexer *x, size_t at) {
    if (at >= x->n || !is_digit(x->s[at])) return at;
    for (;;) {
        while (at < x->n && is_digit(x->s[at])) at++;
        if (at + 1 >= x->n || x->s[at] != '_' || !is_digit(x->s[at + 1])) return at;
        at++;
    }
}

/* Where a float that begins at `at` ends; at when there is none. */
static size_t float_end(const struct lexer *x, size_t at) {
    if (at > 0 && x->s[at - 1] == '.') return at;
    size_t whole = digits(x, at), p = whole;
    int fraction = 0;
    if (p < x->n && x->s[p] == '.' && digits(x, p + 1) > p + 1) {
        p = digits(x, p + 1);
        fraction = 1;
    }
    if (p < x->n && (x->s[p] == 'e' || x->s[p] == 'E')) {
        size_t e = p + 1;
        if (e < x->n && (x->s[e] == '+' || x->s[e] == '-')) e++;
        if (digits(x, e) > e) return digits(x, e);
    }
    return fraction ? p : at;
}

static int digit_of_base(char c, int base) {
    int d = is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
    return d < base;
}

static size_t integer_end(const struct lexer *x, size_t at, int *base) {
    static const struct { const char *prefix; int base; } prefixes[] = {
        { "0b", 2 }, { "0B", 2 }, { "0o", 8 }, { "0O", 8 }, { "0x", 16 }, { "0X", 16 }
    };
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        if (!starts(x, at, prefixes[i].prefix)) continue;
        size_t p = at + 2;
        for (;;) {
            size_t d = p < x->n && x->s[p] == '_' ? p + 1 : p;
            if (d >= x->n || !digit_of_base(x->s[d], prefixes[i].base)) break;
            p = d + 1;
        }
        *base = prefixes[i].base;
        if (p > at + 2) return p;
    }
    *base = 10;
    if (x->s[at] != '0') return digits(x, at);
    size_t p = at + 1; /* 0, 00, 0_0: nothing else may begin with 0 */
    while (p < x->n && (x->s[p] == '0' || (x->s[p] == '_' && p + 1 < x->n && x->s[p + 1] == '0'))) p++;
    return p;
}

static enum hearth_status lex_number(struct lexer *x) {
    size_t at = x->at, end = float_end(x, at);
    struct token *t;
    int base = 10, overflow = 0;
    int is_float = end > at;
    if (!is_float) end = integer_end(x, at, &base);
    TRY(token_add(x, is_float ? T_FLOAT : T_INT, at, &t));
    char plain[400]; /* without its underscores; more digits than these say nothing new */
    size_t n = 0;
    for (size_t i = at; i < end && n < sizeof plain; i++)
        if (x->s[i] != '_') plain[n++] = x->s[i];
    if (n == sizeof plain) return jinja_refuse(x->c, t->line, "a number of %zu characters", end - at);
    int ok = is_float ? jinja_parse_float(plain, n, &t->f) : jinja_parse_int(plain, n, base, &t->i, &overflow);
    if (!ok) return jinja_refuse(x->c, t->line, "the number %.*s does not fit in 64 bits", (int)n, plain);
    x->at = end;
    return HEARTH_OK;
}

/* ---- strings ---- */

static int hex_value(const char *p, size_t n, uint32_t *out) {
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        if (!digit_of_base(p[i], 16)) return 0;
        *out = *out * 16 + (uint32_t)(is_digit(p[i]) ? p[i] - '0' : (p[i] | 32) - 'a' + 10);
    }
    return 1;
}

/* One escape at p (behind the backslash, n bytes left): writes what it means at out, returns its length; 0: wrong. */
static size_t escape(const char *p, size_t n, char *out, size_t *written) {
    static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
    const char *simple = *p ? strchr(from, *p) : NULL;
    uint32_t cp = 0;
    size_t used = 0;
    *written = 0;
    if (*p == '\n') return 1;
    if (simple) {
        out[(*written)++] = to[simple - from];
        return 1;
    }
    if (*p >= '0' && *p <= '7') {
        while (used < 3 && used < n && p[used] >= '0' && p[used] <= '7') cp = cp * 8 + (uint32_t)(p[used++] - '0');
    } else if (*p == 'x' || *p == 'u' || *p == 'U') {
        size_t want = *p == 'x' ? 2 : *p == 'u' ? 4 : 8;
        if (n - 1 < want || !hex_value(p + 1, want, &cp)) return 0;
        used = want + 1;
    } else if (*p == 'N') {
        return 0; /* names of characters are not kept */
    } else { /* not an escape: the backslash stays, and what is not ASCII is written out in hexadecimal as Python does */
        int len = jinja_char(p, n, &cp);
        if (cp < 0x80) *written = (size_t)sprintf(out, "\\%c", (char)cp);
        else *written = (size_t)sprintf(out, cp < 0x100 ? "\\x%02x" : cp < 0x10000 ? "\\u%04x" : "\\U%08x", cp);
        return (size_t)len;
    }
    int len = utf8_write(cp, out);
    *written = (size_t)len;
    return len ? used : 0;
}

static enum hearth_status lex_string(struct lexer *x) {
    size_t begin = x->at + 1, end = begin;
    char quote = x->s[x->at];
    int plain = 1;
    while (end < x->n && x->s[end] != quote) {
        if (x->s[end] == '\\') {
            plain = 0;
            end++;
        }
        end++;
    }
    uint32_t line = line_at(x, x->at);
    if (end >= x->n) return jinja_refuse(x->c, line, "a string without its end %c", quote);
    size_t tag = x->at;
    x->at = end + 1;
    if (plain) return text_token(x, T_STRING, tag, x->s + begin, end - begin);
    /* \é becomes \xe9: at most 10 bytes of a source character of 2 to 4 behind its backslash */
    char *out = arena_alloc(&x->c->t->arena, (end - begin) * 4 + 16);
    if (!out) return HEARTH_ENOMEM;
    size_t n = 0;
    for (size_t i = begin; i < end;) {
        if (x->s[i] != '\\') {
            out[n++] = x->s[i++];
            continue;
        }
        size_t written, used = escape(x->s + i + 1, end - i - 1, out + n, &written);
        if (!used) {
            int shown = (int)(end - i < 10 ? end - i : 10);
            return jinja_refuse(x->c, line, "the escape %.*s stands for no character", shown, x->s + i);
        }
        n += written;
        i += 1 + used;
    }
    return text_token(x, T_STRING, tag, out, n);
}

/* ---- operators ---- */

static const struct { char text[3]; uint8_t type; } operators[] = { /* the longer ones first */
    { "//", T_FLOORDIV }, { "**", T_POW }, { "==", T_EQ }, { "!=", T_NE }, { ">=", T_GE }, { "<=", T_LE },
    { "+", T_ADD }, { "-", T_SUB }, { "/", T_DIV }, { "*", T_MUL }, { "%", T_MOD }, { "~", T_TILDE },
    { "[", T_LBRACKET }, { "]", T_RBRACKET }, { "(", T_LPAREN }, { ")", T_RPAREN }, { "{", T_LBRACE },
    { "}", T_RBRACE }, { ">", T_GT }, { "<", T_LT }, { "=", T_ASSIGN }, { ".", T_DOT }, { ":", T_COLON },
    { "|", T_PIPE }, { ",", T_COMMA }, { ";", T_SEMICOLON }
};

static enum hearth_status lex_operator(struct lexer *x) {
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        if (!starts(x, x->at, operators[i].text)) continue;
        uint8_t type = operators[i].type;
        char c = *operators[i].text;
        struct token *t;
        TRY(token_add(x, type, x->at, &t));
        if (type == T_LPAREN || type == T_LBRACKET || type == T_LBRACE) {
            if (x->depth == JINJA_NEST_MAX)
                return jinja_refuse(x->c, t->line, "brackets nested more than %d deep", JINJA_NEST_MAX);
            x->open[x->depth++] = type == T_LPAREN ? ')' : type == T_LBRACKET ? ']' : '}';
        } else if (type == T_RPAREN || type == T_RBRACKET || type == T_RBRACE) {
            if (x->depth == 0) return jinja_refuse(x->c, t->line, "'%c' closes nothing", c);
            if (x->open[--x->depth] != c)
                return jinja_refuse(x->c, t->line, "'%c' where '%c' is awaited", c, x->open[x->depth]);
        }
        x->at += strlen(operators[i].text);
        return HEARTH_OK;
    }
    uint32_t cp;
    int len = jinja_char(x->s + x->at, x->n - x->at, &cp);
    return jinja_refuse(x->c, line_at(x, x->at), "the character '%.*s' means nothing here", len, x->s + x->at);
}

static enum hearth_status lex_name(struct lexer *x) {
    size_t begin = x->at, end = begin;
    uint32_t cp;
    while (end < x->n) {
        int len = jinja_char(x->s + end, x->n - end, &cp);
        if (!jinja_is_word(cp) && !jinja_is_name_part(cp)) break;
        if (!(end == begin ? jinja_is_name_start(cp) : jinja_is_name_part(cp)))
            return jinja_refuse(x->c, line_at(x, begin), "the character '%.*s' cannot be part of a name", len,
                                x->s + end);
        end += (size_t)len;
    }
    if (end == begin) return lex_operator(x);
    x->at = end;
    return text_token(x, T_NAME, begin, x->s + begin, end - begin);
}

/* Everything from behind {{ or {% to behind its end, or to the end of the template. */
static enum hearth_status lex_tag(struct lexer *x, int is_block) {
    x->depth = 0;
    while (x->at < x->n) {
        if (x->depth == 0) {
            size_t end = 0;
            if (is_block) end = tag_end(x, x->at, "%}");
            else if (starts(x, x->at, "-}}")) end = skip_space(x, x->at + 3);
            else if (starts(x, x->at, "}}")) end = x->at + 2;
            if (end) {
                TRY(token_add(x, is_block ? T_BLOCK_END : T_PRINT_END, x->at, NULL));
                x->at = end;
                return HEARTH_OK;
            }
        }
        size_t next = skip_space(x, x->at);
        if (next > x->at) {
            x->at = next;
            continue;
        }
        char c = x->s[x->at];
        if (is_digit(c)) TRY(lex_number(x));
        else if (c == '\'' || c == '"') TRY(lex_string(x));
        else TRY(lex_name(x));
    }
    return HEARTH_OK;
}

enum hearth_status jinja_lex(struct compile *c) {
    struct lexer x = { .c = c, .s = c->source, .n = c->n, .line = 1 };
    while (x.at < x.n) {
        size_t tag = x.at;
        while (tag + 1 < x.n && !(x.s[tag] == '{' && strchr("%{#", x.s[tag + 1]) && x.s[tag + 1])) tag++;
        if (tag + 1 >= x.n) {
            TRY(text_token(&x, T_DATA, x.at, x.s + x.at, x.n - x.at));
            break;
        }
        char what = x.s[tag + 1], sign;
        size_t raw = what == '%' ? raw_begin(&x, tag, &sign) : 0;
        size_t inside = raw ? raw : sign_at(&x, tag + 2, &sign);
        TRY(data_token(&x, tag, sign, what != '{'));
        x.at = inside;
        if (raw) {
            TRY(lex_raw(&x, tag));
        } else if (what == '#') {
            TRY(lex_comment(&x, tag));
        } else {
            TRY(token_add(&x, what == '%' ? T_BLOCK_BEGIN : T_PRINT_BEGIN, tag, NULL));
            TRY(lex_tag(&x, what == '%'));
        }
    }
    return token_add(&x, T_END, x.n, NULL);
}
