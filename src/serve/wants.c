/* wants.c - see wants.h. */
#include "serve/wants.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

void wants_refuse(struct wants *w, const char *name, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    if (w->bad) return;
    w->bad = 1;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    exchange_error(w->x, 400, name, NULL, "%s", text);
}

json_t *wants_get(const struct wants *w, const char *name)
{
    json_t *v = json_object_get(w->body, name);
    return w->bad || json_is_null(v) ? NULL : v;
}

/* The value as the sentence shows it. */
static const char *shown(const json_t *v, char out[48])
{
    static const char *const kinds[] = {[JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list", [JSON_TRUE] = "true", [JSON_FALSE] = "false",
                                        [JSON_NULL] = "null"};
    if (json_is_string(v)) snprintf(out, 48, "\"%.40s\"", json_string_value(v));
    else if (json_is_integer(v)) snprintf(out, 48, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    else if (json_is_real(v)) snprintf(out, 48, "%g", json_real_value(v));
    else snprintf(out, 48, "%s", kinds[json_typeof(v)]);
    out[utf8_whole(out, strlen(out))] = 0;
    return out;
}

static int is_harmless(const json_t *v, const char *unless)
{
    if (!unless) return 0;
    json_t *list = json_loads(unless, JSON_DECODE_ANY, NULL), *one;
    int same = 0;
    size_t i;
    json_array_foreach(list, i, one) same |= json_equal(v, one);
    json_decref(list);
    return same;
}

int wants_known(struct wants *w, const struct wants_field *table)
{
    const char *name;
    json_t *v;
    char text[48];
    json_object_foreach((json_t *)w->body, name, v) {
        const struct wants_field *f = table;
        while (f->name && strcmp(f->name, name) != 0) f++;
        if (!f->name) wants_refuse(w, name, "%.64s is no field of this request that hearth knows", name);
        else if (f->refused && !json_is_null(v) && !is_harmless(v, f->unless))
            wants_refuse(w, name, "%s is %s, but %s", name, shown(v, text), f->refused);
        if (w->bad) return 0;
    }
    return 1;
}

/* 10.0 and 1e1 are whole numbers too, for JSON Schema and for whoever writes them. */
static int whole(const json_t *v, json_int_t *out)
{
    double real = json_is_real(v) ? json_real_value(v) : 0.5;
    int is = json_is_integer(v) || (fabs(real) <= 9007199254740992.0 && floor(real) == real);
    if (is) *out = json_is_integer(v) ? json_integer_value(v) : (json_int_t)real;
    return is;
}

int wants_int(struct wants *w, const char *name, json_int_t low, json_int_t high, json_int_t *out)
{
    const json_t *v = wants_get(w, name);
    json_int_t n = 0;
    char text[48];
    if (!v) return 0;
    if (whole(v, &n) && n >= low && n <= high) {
        *out = n;
        return 1;
    }
    wants_refuse(w, name, "%s is %s, should be a whole number from %" JSON_INTEGER_FORMAT " to %" JSON_INTEGER_FORMAT, name, shown(v, text), low,
                 high);
    return 0;
}

int wants_float(struct wants *w, const char *name, double low, double high, float *out)
{
    const json_t *v = wants_get(w, name);
    char text[48];
    if (!v) return 0;
    if (json_is_number(v) && json_number_value(v) >= low && json_number_value(v) <= high) {
        *out = (float)json_number_value(v);
        return 1;
    }
    wants_refuse(w, name, "%s is %s, should be a number from %g to %g", name, shown(v, text), low, high);
    return 0;
}

int wants_flag(struct wants *w, const char *name, int *out)
{
    const json_t *v = wants_get(w, name);
    char text[48];
    if (!v) return 0;
    if (json_is_boolean(v)) {
        *out = json_is_true(v);
        return 1;
    }
    wants_refuse(w, name, "%s is %s, should be true or false", name, shown(v, text));
    return 0;
}

int wants_text(struct wants *w, const char *name, const char **out)
{
    const json_t *v = wants_get(w, name);
    char text[48];
    if (!v) return 0;
    if (json_is_string(v)) {
        *out = json_string_value(v);
        return 1;
    }
    wants_refuse(w, name, "%s is %s, should be a text", name, shown(v, text));
    return 0;
}

json_t *wants_string(const char *text, size_t n)
{
    struct buf b = {0};
    uint32_t cp;
    json_t *out = json_stringn(text, n);
    if (out) return out;
    for (size_t at = 0; at < n;) {
        int k = utf8_read(text + at, n - at, &cp);
        if ((k > 0 ? buf_put(&b, text + at, (size_t)k) : buf_puts(&b, "\xef\xbf\xbd")) != HEARTH_OK) break;
        at += k > 0 ? (size_t)k : 1;
    }
    out = json_stringn(b.data ? b.data : "", b.len);
    buf_free(&b);
    return out;
}
