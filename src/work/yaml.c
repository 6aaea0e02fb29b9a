/* yaml.c - see yaml.h.  One pass over the text; a block's indentation is the column of its first character.
 *
 * A reader of its own because the subset is small, its mistakes are told in our words with their line, and libyaml would be one more
 * library for every build, whose events would still have to be put together, resolved and refused here. */
#include "work/yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

enum { MOST_DEPTH = 32 };

struct yaml {
    const char *what, *s;
    size_t n, at;
    int line, depth;
};

static enum hearth_status refuse(const struct yaml *y, const char *fmt, const char *word, size_t n)
{
    char found[64];
    snprintf(found, sizeof found, "%.*s", (int)(n < 60 ? n : 60), word ? word : "");
    char text[400];
    snprintf(text, sizeof text, fmt, found);
    return fail(HEARTH_EFORMAT, "%s: line %d: %s", y->what, y->line, text);
}
#define REFUSE(y, text) refuse(y, "%s" text, NULL, 0)

/* ---- white space ---- */

static int ended(const struct yaml *y) { return y->at >= y->n; }
static char here(const struct yaml *y) { return ended(y) ? '\n' : y->s[y->at]; }
static char behind(const struct yaml *y, size_t k) { return y->at + k < y->n ? y->s[y->at + k] : '\n'; }
static int blank(char c) { return c == ' ' || c == '\t'; }
static int space(char c) { return blank(c) || c == '\n'; }

static int column(const struct yaml *y)
{
    size_t at = y->at;
    while (at > 0 && y->s[at - 1] != '\n') at--;
    return (int)(y->at - at);
}

static void pass_blanks(struct yaml *y)
{
    while (!ended(y) && blank(y->s[y->at])) y->at++;
}

static void pass_line(struct yaml *y)
{
    while (!ended(y) && y->s[y->at] != '\n') y->at++;
    if (!ended(y)) y->at++, y->line++;
}

/* To the next thing that is neither white space nor a comment. */
static enum hearth_status pass_space(struct yaml *y)
{
    for (;;) {
        int tab = 0, indent = column(y) == 0;
        while (!ended(y) && blank(y->s[y->at])) tab |= y->s[y->at++] == '\t';
        if (ended(y)) return HEARTH_OK;
        if (y->s[y->at] == '\n' || (y->s[y->at] == '#' && (y->at == 0 || space(y->s[y->at - 1])))) pass_line(y);
        else return tab && indent ? REFUSE(y, "a tab as indentation; spaces are allowed") : HEARTH_OK;
    }
}

/* Only a comment may stand behind a value. */
static enum hearth_status line_ends(struct yaml *y)
{
    size_t begun = y->at;
    pass_blanks(y);
    if (ended(y) || here(y) == '\n' || (here(y) == '#' && y->at > begun)) {
        pass_line(y);
        return HEARTH_OK;
    }
    return refuse(y, "\"%s\" stands behind a value", y->s + y->at, strcspn(y->s + y->at, "\n"));
}

/* ---- scalars ---- */

static int is_one_of(const char *p, size_t n, const char *const *words)
{
    for (; *words; words++)
        if (strlen(*words) == n && memcmp(*words, p, n) == 0) return 1;
    return 0;
}

/* What may be a number: 1 an integer, 2 a real, 0 none, -1 one that readers disagree about. */
static int number_kind(const char *p, size_t n)
{
    size_t i = n && (p[0] == '-' || p[0] == '+'), digits = 0, begun = i;
    int real = 0;
    while (i < n && p[i] >= '0' && p[i] <= '9') i++, digits++;
    if (digits > 1 && p[begun] == '0' && i == n) return -1;
    if (digits == 1 && p[begun] == '0' && i < n && strchr("xob", p[i])) return -1;
    if (i < n && p[i] == '.') {
        real = 1, i++;
        while (i < n && p[i] >= '0' && p[i] <= '9') i++, digits++;
    }
    if (digits && i < n && (p[i] == 'e' || p[i] == 'E')) {
        size_t e = i + 1;
        if (e < n && (p[e] == '-' || p[e] == '+')) e++;
        if (e < n && p[e] >= '0' && p[e] <= '9') {
            if (!real || e == i + 1) return -1;    /* a text to YAML 1.1 */
            for (i = e; i < n && p[i] >= '0' && p[i] <= '9';) i++;
        }
    }
    return digits && i == n ? 1 + real : 0;
}

static enum hearth_status plain_value(struct yaml *y, const char *p, size_t n, json_t **out)
{
    static const char *const nulls[] = { "~", "null", "Null", "NULL", NULL }, *const trues[] = { "true", "True", "TRUE", NULL },
        *const falses[] = { "false", "False", "FALSE", NULL },
        *const unclear[] = { "yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF", ".inf", ".nan",
                             "-.inf", ".Inf", ".NaN", NULL };
    char digits[64];
    int kind = number_kind(p, n);
    if (is_one_of(p, n, unclear) || kind < 0 || (kind > 0 && n >= sizeof digits))
        return refuse(y, "%s is read differently by different readers of YAML; put it in quotes", p, n);
    if (is_one_of(p, n, nulls)) *out = json_null();
    else if (is_one_of(p, n, trues)) *out = json_true();
    else if (is_one_of(p, n, falses)) *out = json_false();
    else if (kind == 0) *out = json_stringn(p, n);
    else {
        memcpy(digits, p, n);
        digits[n] = 0;
        errno = 0;
        long long i = strtoll(digits, NULL, 10);
        if (kind == 1 && errno) return refuse(y, "the number %s is too large", p, n);
        *out = kind == 1 ? json_integer(i) : json_real(strtod(digits, NULL));
    }
    return *out ? HEARTH_OK : fail_memory(n);
}

/* Where a plain scalar on this line ends; inside brackets it also ends at , [ ] { }. */
static size_t plain_end(const struct yaml *y, int flow)
{
    size_t i = y->at;
    for (; i < y->n && y->s[i] != '\n'; i++) {
        if (y->s[i] == '#' && i > y->at && blank(y->s[i - 1])) break;
        if (y->s[i] == ':' && (i + 1 >= y->n || space(y->s[i + 1]) || (flow && strchr(",[]{}", y->s[i + 1])))) break;
        if (flow && strchr(",[]{}", y->s[i])) break;
    }
    while (i > y->at && blank(y->s[i - 1])) i--;
    return i;
}

static enum hearth_status check_first(struct yaml *y)
{
    static const struct { char c; const char *what; } not_read[] = {
        { '&', "an anchor (%s); write the value again where it is needed" }, { '*', "an alias (%s); write the value itself" },
        { '!', "a tag (%s), which a task file for local data does not need" }, { '%', "a directive (%s)" }, { '@', "\"%s\" must be in quotes" },
        { '`', "\"%s\" must be in quotes" } };
    size_t n = 0;
    while (y->at + n < y->n && !space(y->s[y->at + n])) n++;
    for (size_t i = 0; i < sizeof not_read / sizeof *not_read; i++)
        if (here(y) == not_read[i].c) return refuse(y, not_read[i].what, y->s + y->at, n);
    return HEARTH_OK;
}

static enum hearth_status plain(struct yaml *y, int flow, json_t **out)
{
    TRY(check_first(y));
    size_t end = plain_end(y, flow), begun = y->at;
    if (end == begun) return refuse(y, "\"%s\" where a value should be", y->s + y->at, 1);
    y->at = end;
    return plain_value(y, y->s + begun, end - begun, out);
}

/* A line break inside quotes: one is a space, each further one a line break. */
static enum hearth_status fold(struct yaml *y, struct buf *b)
{
    int breaks = 0;
    while (b->len && blank(b->data[b->len - 1])) b->data[--b->len] = 0;
    while (!ended(y) && space(y->s[y->at])) {
        if (y->s[y->at] == '\n') breaks++, y->line++;
        y->at++;
    }
    if (breaks == 1) return buf_putc(b, ' ');
    for (; breaks > 1; breaks--) TRY(buf_putc(b, '\n'));
    return HEARTH_OK;
}

static enum hearth_status hex(struct yaml *y, int digits, struct buf *b)
{
    uint32_t cp = 0;
    char utf8[4];
    for (int i = 0; i < digits; i++) {
        char c = behind(y, (size_t)i), l = (char)(c | 32);
        if (!((c >= '0' && c <= '9') || (l >= 'a' && l <= 'f'))) return REFUSE(y, "an escape \\x, \\u or \\U without all its digits");
        cp = cp * 16 + (uint32_t)(c <= '9' ? c - '0' : l - 'a' + 10);
    }
    y->at += (size_t)digits;
    int k = utf8_write(cp, utf8);
    return k && cp ? buf_put(b, utf8, (size_t)k) : REFUSE(y, "an escape that is no character");
}

static enum hearth_status escape(struct yaml *y, struct buf *b)
{
    static const char from[] = "abtnvfre \"/\\", to[] = "\a\b\t\n\v\f\r\x1b \"/\\";
    char c = behind(y, 1);
    const char *at = c ? strchr(from, c) : NULL;
    y->at += 2;
    if (at && *at) return buf_putc(b, to[at - from]);
    if (c == 'x') return hex(y, 2, b);
    if (c == 'u') return hex(y, 4, b);
    if (c == 'U') return hex(y, 8, b);
    if (c != '\n') return refuse(y, "there is no escape \\%s", &c, 1);
    y->line++;
    pass_blanks(y);
    return HEARTH_OK;
}

static enum hearth_status quoted(struct yaml *y, struct buf *b)
{
    char quote = y->s[y->at++];
    int begun = y->line;
    for (;;) {
        char c = here(y);
        if (ended(y)) return fail(HEARTH_EFORMAT, "%s: line %d: a text in quotes that does not end", y->what, begun);
        if (c == quote && quote == '\'' && behind(y, 1) == quote) {
            TRY(buf_putc(b, quote));
            y->at += 2;
        } else if (c == quote) {
            y->at++;
            return buf_puts(b, "");
        } else if (c == '\\' && quote == '"') {
            TRY(escape(y, b));
        } else if (c == '\n') {
            TRY(fold(y, b));
        } else {
            TRY(buf_putc(b, c));
            y->at++;
        }
    }
}

static enum hearth_status quoted_value(struct yaml *y, json_t **out)
{
    struct buf b = { 0 };
    enum hearth_status st = quoted(y, &b);
    if (st == HEARTH_OK && !(*out = json_stringn(b.data ? b.data : "", b.len))) st = fail_memory(b.len);
    buf_free(&b);
    return st;
}

/* ---- | and > ---- */

static void trim_end(struct buf *b, char chomp)
{
    size_t n = b->len;
    while (n > 0 && b->data[n - 1] == '\n') n--;
    if (chomp == 0 && n < b->len && n > 0) n++;
    if (chomp != '+') b->len = n;
}

/* A folded line break is a space, but none next to an empty or an indented line. */
static enum hearth_status block_line(struct buf *b, const char *p, size_t n, char kind, int *breaks, int *indented)
{
    int more = n > 0 && blank(*p);
    if (n == 0) {
        ++*breaks;
        return HEARTH_OK;
    }
    if (kind == '>' && b->len && *breaks == 1 && !more && !*indented) TRY(buf_putc(b, ' '));
    else if (kind == '>' && b->len && !more && !*indented) for (int i = 1; i < *breaks; i++) TRY(buf_putc(b, '\n'));
    else for (int i = 0; i < *breaks; i++) TRY(buf_putc(b, '\n'));
    *breaks = 1, *indented = more;
    return buf_put(b, p, n);
}

static enum hearth_status block_lines(struct yaml *y, int parent, char kind, struct buf *b)
{
    int indent = -1, breaks = 0, indented = 0;
    while (!ended(y)) {
        size_t spaces = 0;
        while (behind(y, spaces) == ' ') spaces++;
        size_t end = y->at + spaces;
        while (end < y->n && y->s[end] != '\n') end++;
        int empty = end == y->at + spaces;
        if (!empty && indent < 0) {
            if ((int)spaces <= parent) break;
            indent = (int)spaces;
        }
        if (!empty && (int)spaces < indent) break;
        size_t from = empty ? end : y->at + (size_t)indent;
        TRY(block_line(b, y->s + from, end - from, kind, &breaks, &indented));
        y->at = end;
        pass_line(y);
    }
    for (int i = 0; i < breaks; i++) TRY(buf_putc(b, '\n'));
    return buf_puts(b, "");
}

static enum hearth_status block_scalar(struct yaml *y, int parent, json_t **out)
{
    struct buf b = { 0 };
    char kind = y->s[y->at++], chomp = 0;
    if (here(y) == '-' || here(y) == '+') chomp = y->s[y->at++];
    if (here(y) >= '0' && here(y) <= '9') return REFUSE(y, "a block with a stated indentation");
    TRY(line_ends(y));
    enum hearth_status st = block_lines(y, parent, kind, &b);
    if (st == HEARTH_OK) trim_end(&b, chomp);
    if (st == HEARTH_OK && !(*out = json_stringn(b.data ? b.data : "", b.len))) st = fail_memory(b.len);
    buf_free(&b);
    return st;
}

/* ---- [ ] and { } ---- */

static enum hearth_status flow(struct yaml *y, json_t **out);

static enum hearth_status scalar(struct yaml *y, int in_flow, json_t **out)
{
    return here(y) == '"' || here(y) == '\'' ? quoted_value(y, out) : plain(y, in_flow, out);
}

/* A key's text as it is written: 1 and true too. */
static enum hearth_status key(struct yaml *y, int in_flow, struct buf *b)
{
    enum hearth_status st;
    if (here(y) == '"' || here(y) == '\'') st = quoted(y, b);
    else {
        TRY(check_first(y));
        size_t end = plain_end(y, in_flow);
        st = buf_put(b, y->s + y->at, end - y->at);
        y->at = end;
    }
    TRY(st);
    pass_blanks(y);
    if (here(y) != ':' || ended(y)) return refuse(y, "a colon should follow \"%s\"", b->data ? b->data : "", b->len);
    if (b->len == 2 && memcmp(b->data, "<<", 2) == 0) return REFUSE(y, "a merge key (<<)");
    y->at++;
    return HEARTH_OK;
}

static enum hearth_status put(const struct yaml *y, int line, json_t *object, const struct buf *k, json_t *v)
{
    struct yaml there = *y;
    there.line = line;
    if (json_object_getn(object, k->data ? k->data : "", k->len)) {
        json_decref(v);
        return refuse(&there, "the key \"%s\" stands here for the second time", k->data, k->len);
    }
    return json_object_setn_new(object, k->data ? k->data : "", k->len, v) ? fail_memory(k->len) : HEARTH_OK;
}

static enum hearth_status flow_member(struct yaml *y, json_t *into)
{
    struct buf k = { 0 };
    json_t *v = NULL;
    int line = y->line;
    enum hearth_status st = HEARTH_OK;
    if (json_is_object(into)) {
        st = key(y, 1, &k);
        if (st == HEARTH_OK) st = pass_space(y);
    }
    if (st == HEARTH_OK) st = flow(y, &v);
    if (st == HEARTH_OK && json_is_object(into)) st = put(y, line, into, &k, v);
    else if (st == HEARTH_OK && json_array_append_new(into, v)) st = fail_memory(1);
    buf_free(&k);
    return st;
}

static enum hearth_status flow_members(struct yaml *y, json_t *into, char close)
{
    for (;;) {
        TRY(pass_space(y));
        if (ended(y)) return refuse(y, "a %s is missing", &close, 1);
        if (here(y) == close) break;
        TRY(flow_member(y, into));
        TRY(pass_space(y));
        if (here(y) == ',') y->at++;
        else if (here(y) != close || ended(y)) return refuse(y, "a comma or %s should follow a value in brackets", &close, 1);
    }
    y->at++;
    return HEARTH_OK;
}

static enum hearth_status flow(struct yaml *y, json_t **out)
{
    char open = here(y);
    if (ended(y)) return REFUSE(y, "a value is missing");
    if (open != '[' && open != '{') return scalar(y, 1, out);
    if (++y->depth > MOST_DEPTH) return REFUSE(y, "too many levels, one in the other");
    y->at++;
    if (!(*out = open == '[' ? json_array() : json_object())) return fail_memory(1);
    enum hearth_status st = flow_members(y, *out, open == '[' ? ']' : '}');
    y->depth--;
    if (st != HEARTH_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return st;
}

/* ---- blocks ---- */

static enum hearth_status block(struct yaml *y, int indent, json_t **out);

/* Outside of brackets a plain text may have commas and brackets in it. */
static enum hearth_status of_block(struct yaml *y, json_t **out)
{
    if (!ended(y) && strchr(",]}", here(y))) return refuse(y, "\"%s\" where a value should be; a text that begins so stands in quotes", y->s + y->at, 1);
    return !ended(y) && (here(y) == '[' || here(y) == '{') ? flow(y, out) : ended(y) ? REFUSE(y, "a value is missing") : scalar(y, 0, out);
}

static int at_item(const struct yaml *y) { return !ended(y) && here(y) == '-' && space(behind(y, 1)); }

/* The value behind "key:" or "-", on the same line or below; least: the indentation that a block below must have. */
static enum hearth_status value_behind(struct yaml *y, int parent, int list_too, json_t **out)
{
    int line = y->line;
    pass_blanks(y);
    if (!ended(y) && (here(y) == '|' || here(y) == '>')) return block_scalar(y, parent, out);
    TRY(pass_space(y));
    if (y->line == line && !ended(y)) {
        if (at_item(y)) return REFUSE(y, "a list begins on a line of its own");
        TRY(of_block(y, out));
        return line_ends(y);
    }
    if (!ended(y) && (column(y) > parent || (list_too && at_item(y) && column(y) == parent))) return block(y, column(y), out);
    *out = json_null();
    return HEARTH_OK;
}

/* Is "key:" here, in a block? */
static int at_key(const struct yaml *y)
{
    struct yaml look = *y;
    struct buf k = { 0 };
    if (ended(y) || strchr("[{|>", here(y))) return 0;
    int is = 0;
    if (here(y) == '"' || here(y) == '\'') {
        is = quoted(&look, &k) == HEARTH_OK && look.line == y->line;
        pass_blanks(&look);
    } else look.at = plain_end(y, 0);
    is = (is || look.at > y->at) && look.at < look.n && look.s[look.at] == ':' && space(behind(&look, 1));
    buf_free(&k);
    return is;
}

static enum hearth_status members(struct yaml *y, int indent, json_t *into)
{
    do {
        struct buf k = { 0 };
        json_t *v = NULL;
        int line = y->line;
        enum hearth_status st = key(y, 0, &k);
        if (st == HEARTH_OK && !space(here(y))) st = REFUSE(y, "a space should follow the colon of a key");
        if (st == HEARTH_OK) st = value_behind(y, indent, 1, &v);
        if (st == HEARTH_OK) st = put(y, line, into, &k, v);
        else json_decref(v);
        buf_free(&k);
        TRY(st);
        TRY(pass_space(y));
    } while (!ended(y) && column(y) == indent && at_key(y));
    return HEARTH_OK;
}

static enum hearth_status items(struct yaml *y, int indent, json_t *into)
{
    while (at_item(y) && column(y) == indent) {
        json_t *v = NULL;
        y->at++;
        struct yaml look = *y;
        pass_blanks(&look);
        if (at_key(&look) || at_item(&look)) {     /* "- key: value": a mapping whose indentation is the key's column */
            y->at = look.at;
            TRY(block(y, column(y), &v));
        } else {
            enum hearth_status st = value_behind(y, indent, 0, &v);
            if (st != HEARTH_OK) {
                json_decref(v);
                return st;
            }
        }
        if (json_array_append_new(into, v)) return fail_memory(1);
        TRY(pass_space(y));
    }
    return HEARTH_OK;
}

static enum hearth_status block(struct yaml *y, int indent, json_t **out)
{
    if (++y->depth > MOST_DEPTH) return REFUSE(y, "too many levels, one in the other");
    int list = at_item(y), map = !list && at_key(y);
    enum hearth_status st = HEARTH_OK;
    if (!list && !map) {
        st = of_block(y, out);
        if (st == HEARTH_OK) st = line_ends(y);
        if (st == HEARTH_OK) st = pass_space(y);
    } else if (!(*out = list ? json_array() : json_object())) {
        st = fail_memory(1);
    } else {
        st = list ? items(y, indent, *out) : members(y, indent, *out);
    }
    if (st == HEARTH_OK && !ended(y) && column(y) > indent)
        st = refuse(y, "\"%s\" is indented otherwise than what it belongs to, or goes on a plain text over several lines", y->s + y->at,
                    strcspn(y->s + y->at, "\n"));
    y->depth--;
    if (st != HEARTH_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return st;
}

/* ---- the whole ---- */

static enum hearth_status document(struct yaml *y, json_t **out)
{
    TRY(pass_space(y));
    if (y->n - y->at >= 3 && memcmp(y->s + y->at, "---", 3) == 0 && space(behind(y, 3)) && column(y) == 0) {
        y->at += 3;
        TRY(line_ends(y));
        TRY(pass_space(y));
    }
    if (ended(y)) {
        *out = json_null();
        return HEARTH_OK;
    }
    if (column(y) != 0) return REFUSE(y, "the first key is indented");
    TRY(block(y, 0, out));
    TRY(pass_space(y));
    if (ended(y)) return HEARTH_OK;
    json_decref(*out);
    *out = NULL;
    return refuse(y, "\"%s\" belongs to nothing (one document, one mapping or list)", y->s + y->at, strcspn(y->s + y->at, "\n"));
}

enum hearth_status yaml_read(const char *what, const char *text, size_t n, json_t **out)
{
    struct buf b = { 0 };
    size_t bad;
    enum hearth_status st = HEARTH_OK;
    *out = NULL;
    if (!utf8_valid(text, n, &bad)) return fail(HEARTH_EFORMAT, "%s: byte %zu is not UTF-8", what, bad);
    if (memchr(text, 0, n)) return fail(HEARTH_EFORMAT, "%s: there is a zero byte in it", what);
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) text += 3, n -= 3;
    for (size_t i = 0; i < n && st == HEARTH_OK; i++)
        if (text[i] != '\r') st = buf_putc(&b, text[i]);
    struct yaml y = { what, b.data ? b.data : "", b.len, 0, 1, 0 };
    if (st == HEARTH_OK) st = document(&y, out);
    buf_free(&b);
    return st;
}
