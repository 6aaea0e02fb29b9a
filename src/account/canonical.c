/* canonical.c - see canonical.h. */
#include "account/canonical.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

enum { LEVELS = 32 };

static enum hearth_status put_string(struct buf *to, const char *s, size_t n)
{
    static const char short_for[] = "btn\0fr";             /* of 8 to 13; 11 has none */
    TRY(buf_putc(to, '"'));
    for (size_t i = 0, from = 0; i <= n; i++) {
        unsigned char c = i < n ? (unsigned char)s[i] : 0;
        if (i < n && c >= 0x20 && c != '"' && c != '\\') continue;
        TRY(buf_put(to, s + from, i - from));
        from = i + 1;
        if (i == n) break;
        if (c >= 0x20) TRY(buf_printf(to, "\\%c", c));
        else if (c >= 8 && c <= 13 && short_for[c - 8]) TRY(buf_printf(to, "\\%c", short_for[c - 8]));
        else TRY(buf_printf(to, "\\u%04x", c));
    }
    return buf_putc(to, '"');
}

/* The UTF-16 code units of one character, as one number that orders as they do: those above U+FFFF begin with a
 * surrogate, D800 to DFFF, and so come before U+E000 to U+FFFF. */
static uint64_t order(uint32_t cp)
{
    if (cp < 0x10000) return (uint64_t)cp << 16;
    cp -= 0x10000;
    return (uint64_t)(0xd800 + (cp >> 10)) << 16 | (0xdc00 + (cp & 0x3ff));
}

static int by_name(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    size_t n = strlen(x), m = strlen(y);
    for (;;) {
        uint32_t c = 0, d = 0;
        int k = utf8_read(x, n, &c), l = utf8_read(y, m, &d);
        if (k <= 0 || l <= 0) return (k > 0) - (l > 0);
        if (c != d) return order(c) < order(d) ? -1 : 1;
        x += k, n -= (size_t)k, y += l, m -= (size_t)l;
    }
}

static enum hearth_status put(struct buf *to, const json_t *v, int level);

static enum hearth_status put_object(struct buf *to, json_t *v, int level)
{
    size_t n = json_object_size(v), i = 0;
    const char **name = mem_array(n ? n : 1, sizeof *name), *key;
    json_t *member;
    enum hearth_status st = HEARTH_OK;
    if (!name) return HEARTH_ENOMEM;
    json_object_foreach(v, key, member) name[i++] = key;
    qsort(name, n, sizeof *name, by_name);
    TRY_GOTO(st, done, buf_putc(to, '{'));
    for (i = 0; i < n; i++) {
        if (i) TRY_GOTO(st, done, buf_putc(to, ','));
        TRY_GOTO(st, done, put_string(to, name[i], strlen(name[i])));
        TRY_GOTO(st, done, buf_putc(to, ':'));
        TRY_GOTO(st, done, put(to, json_object_get(v, name[i]), level + 1));
    }
    st = buf_putc(to, '}');
done:
    free(name);
    return st;
}

static enum hearth_status put_array(struct buf *to, const json_t *v, int level)
{
    TRY(buf_putc(to, '['));
    for (size_t i = 0; i < json_array_size(v); i++) {
        if (i) TRY(buf_putc(to, ','));
        TRY(put(to, json_array_get(v, i), level + 1));
    }
    return buf_putc(to, ']');
}

static enum hearth_status put(struct buf *to, const json_t *v, int level)
{
    if (!v) return fail_memory(0);
    if (level > LEVELS) return fail(HEARTH_EFORMAT, "canonical JSON: more than %d levels inside of each other", LEVELS);
    switch (json_typeof(v)) {
    case JSON_OBJECT: return put_object(to, (json_t *)v, level);
    case JSON_ARRAY: return put_array(to, v, level);
    case JSON_STRING: return put_string(to, json_string_value(v), json_string_length(v));
    case JSON_TRUE: return buf_puts(to, "true");
    case JSON_FALSE: return buf_puts(to, "false");
    case JSON_INTEGER: {
        json_int_t i = json_integer_value(v);
        if (i < -CANONICAL_MAX || i > CANONICAL_MAX)
            return fail(HEARTH_EFORMAT, "canonical JSON: the integer %" JSON_INTEGER_FORMAT " is beyond 2^53 - 1; write it as a "
                        "string", i);
        return buf_printf(to, "%" JSON_INTEGER_FORMAT, i);
    }
    case JSON_REAL: return fail(HEARTH_EFORMAT, "canonical JSON: the number %.17g is no integer; write it as a string", json_real_value(v));
    default: return buf_puts(to, "null");
    }
}

enum hearth_status canonical_put(struct buf *to, const json_t *v)
{
    size_t before = to->len;
    enum hearth_status st = put(to, v, 0);
    if (st != HEARTH_OK && to->data) to->data[to->len = before] = 0;
    return st;
}
