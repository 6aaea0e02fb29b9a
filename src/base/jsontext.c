/* jsontext.c - JSON that somebody else wrote, read with jansson.
 *
 * When a buffer of jansson's parser cannot grow, the parser drops the byte and goes on (lex_save, 2.14): the mistake is then
 * blamed on the text, or a string comes out shorter and nothing is said.  So its allocator is watched while we parse: it
 * calls the one that was set before, and notes on this thread when that gave nothing. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsontext.h"
#include "base/utf8.h"

static json_malloc_t allocate;
static _Thread_local size_t refused;

static void *watched(size_t n) {
    void *p = allocate(n);
    if (!p) refused = n ? n : 1;
    return p;
}

static void watch(void) {
    json_free_t release;
    json_get_alloc_funcs(&allocate, &release);
    json_set_alloc_funcs(watched, release);
}

void jsontext_trust(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch);
    refused = 0;
}

size_t jsontext_refused(void) { return refused; }

json_t *jsontext_string(const char *s, size_t n) {
    struct buf b = { 0 };
    enum hearth_status st = HEARTH_OK;
    uint32_t cp;
    if (utf8_valid(s, n, NULL)) return json_stringn(s, n);
    for (int k; st == HEARTH_OK && n > 0; s += k, n -= (size_t)k) {
        k = utf8_read(s, n, &cp);
        st = k > 0 ? buf_put(&b, s, (size_t)k) : buf_puts(&b, "\xef\xbf\xbd");
        if (k <= 0) k = 1;
    }
    json_t *v = st == HEARTH_OK ? json_stringn_nocheck(b.data ? b.data : "", b.len) : NULL;
    buf_free(&b);
    return v;
}

json_t *jsontext_base_name(const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash && slash[1] ? slash + 1 : path;
    return jsontext_string(name, strlen(name));
}

static enum hearth_status read_with(const char *what, const char *text, size_t n, size_t flags, json_t **out) {
    size_t before = refused;
    json_error_t e;
    jsontext_trust();
    *out = json_loadb(text, n, flags, &e);
    if (refused) {
        json_decref(*out);
        *out = NULL;
        return fail_memory(refused);
    }
    refused = before;
    if (!*out && strstr(e.text, "JSON_ALLOW_NUL")) return fail(HEARTH_EFORMAT, "%s: line %d, column %d: a text has \\u0000 in it, which is not allowed", what, e.line, e.column);
    if (!*out) return fail(HEARTH_EFORMAT, "%s: line %d, column %d: %s", what, e.line, e.column, e.text);
    return HEARTH_OK;
}

enum hearth_status jsontext_read(const char *what, const char *text, size_t n, json_t **out) {
    return read_with(what, text, n, JSON_REJECT_DUPLICATES, out);
}

enum hearth_status jsontext_read_last(const char *what, const char *text, size_t n, json_t **out) {
    return read_with(what, text, n, 0, out);
}

enum hearth_status jsontext_read_zeros(const char *what, const char *text, size_t n, json_t **out) {
    return read_with(what, text, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, out);
}

static int is_digit(char c) { return c >= '0' && c <= '9'; }

/* Behind the string that begins at s[i]. */
static size_t past_string(const char *s, size_t n, size_t i) {
    for (i++; i < n && s[i] != '"'; i++) i += s[i] == '\\';
    return i < n ? i + 1 : n;
}

/* The last two digits make room for an exponent: 123...89 becomes 123...e2. */
void jsontext_shorten(char *s, size_t n) {
    static const char most[] = "9223372036854775807";
    enum { DIGITS = sizeof most - 1 };
    for (size_t i = 0; i < n;) {
        size_t from = i;
        if (s[i] == '"') i = past_string(s, n, i);
        else if (!is_digit(s[i])) i++;
        else {
            while (i < n && is_digit(s[i])) i++;
            size_t digits = i - from;
            int whole = i == n || !memchr(".eE", s[i], 3);
            if (whole && (digits > DIGITS || (digits == DIGITS && memcmp(s + from, most, DIGITS) > 0))) memcpy(s + i - 2, "e2", 2);
            while (!whole && i < n && (is_digit(s[i]) || memchr(".eE+-", s[i], 5))) i++;
        }
    }
}

/* ---- writing ---- */

static enum hearth_status put_string(struct buf *out, const char *s, size_t n) {
    TRY(buf_putc(out, '"'));
    for (size_t from = 0, i = 0; i <= n; i++) {
        unsigned char c = i < n ? (unsigned char)s[i] : '"';
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        if (i > from) TRY(buf_put(out, s + from, i - from));
        from = i + 1;
        if (i == n) break;
        if (c == '\n') TRY(buf_puts(out, "\\n"));
        else if (c < 0x20) TRY(buf_printf(out, "\\u%04x", c));
        else TRY(buf_printf(out, "\\%c", c));
    }
    return buf_putc(out, '"');
}

static enum hearth_status put_real(struct buf *out, double f) {
    char text[40];
    int digits = 15;
    do snprintf(text, sizeof text, "%.*g", digits, f);
    while (strtod(text, NULL) != f && ++digits <= 17);
    char *point = text + strspn(text, "-0123456789");
    if (!*point) strcpy(point, ".0");
    else if (*point != 'e') *point = '.';           /* whatever the locale has */
    return buf_puts(out, text);
}

static enum hearth_status put_value(struct buf *out, const json_t *v, const char *space);

static enum hearth_status put_members(struct buf *out, const json_t *v, const char *space) {
    size_t i, n = 0;
    const char *key;
    json_t *member;
    TRY(buf_putc(out, json_is_array(v) ? '[' : '{'));
    if (json_is_array(v)) {
        json_array_foreach(v, i, member) {
            if (i) TRY(buf_printf(out, ",%s", space));
            TRY(put_value(out, member, space));
        }
    } else {
        json_object_foreach((json_t *)v, key, member) {
            if (n++) TRY(buf_printf(out, ",%s", space));
            TRY(put_string(out, key, strlen(key)));
            TRY(buf_printf(out, ":%s", space));
            TRY(put_value(out, member, space));
        }
    }
    return buf_putc(out, json_is_array(v) ? ']' : '}');
}

static enum hearth_status put_value(struct buf *out, const json_t *v, const char *space) {
    switch (json_typeof(v)) {
    case JSON_OBJECT: case JSON_ARRAY: return put_members(out, v, space);
    case JSON_STRING: return put_string(out, json_string_value(v), json_string_length(v));
    case JSON_INTEGER: return buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    case JSON_REAL: return put_real(out, json_real_value(v));
    case JSON_TRUE: return buf_puts(out, "true");
    case JSON_FALSE: return buf_puts(out, "false");
    case JSON_NULL: break;
    }
    return buf_puts(out, "null");
}

enum hearth_status jsontext_put(struct buf *out, const json_t *v) { return put_value(out, v, ""); }
enum hearth_status jsontext_put_wide(struct buf *out, const json_t *v) { return put_value(out, v, " "); }

char *jsontext_dump(const json_t *v) {
    struct buf b = { 0 };
    char *text = v && jsontext_put(&b, v) == HEARTH_OK ? buf_take(&b, NULL) : NULL;
    if (!v) fail_memory(0);
    buf_free(&b);
    return text;
}
