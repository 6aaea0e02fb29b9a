/* task_literal.c - a list as Python prints it, which is what a template that prints a list gives: ['a', "it's", 3, True]. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "work/task_in.h"

enum { DEEPEST = 8 };

struct literal { const char *p, *end; int depth; };

static json_t *value(struct literal *l);

static void pass(struct literal *l)
{
    while (l->p < l->end && strchr(" \t\r\n", *l->p)) l->p++;
}

static int digits(struct literal *l, int count, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < count; i++, l->p++) {
        if (l->p >= l->end) return 0;
        char c = *l->p, low = (char)(c | 32);
        if (c >= '0' && c <= '9') *out = *out * 16 + (uint32_t)(c - '0');
        else if (low >= 'a' && low <= 'f') *out = *out * 16 + (uint32_t)(low - 'a' + 10);
        else return 0;
    }
    return 1;
}

/* Behind a backslash; 0: no escape of Python's, or no memory. */
static int escape(struct literal *l, struct buf *b)
{
    static const char from[] = "\\'\"nrtabfv", to[] = "\\'\"\n\r\t\a\b\f\v";
    if (l->p >= l->end) return 0;
    char c = *l->p++, utf8[4];
    const char *at = strchr(from, c);
    uint32_t cp;
    if (at && *at) return buf_putc(b, to[at - from]) == HEARTH_OK;
    int count = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (!count || !digits(l, count, &cp) || cp == 0) return 0;
    int n = utf8_write(cp, utf8);
    return n && buf_put(b, utf8, (size_t)n) == HEARTH_OK;
}

static json_t *text(struct literal *l)
{
    struct buf b = { 0 };
    char quote = *l->p++;
    int good = 1;
    while (good && l->p < l->end && *l->p != quote) {
        char c = *l->p++;
        good = c == '\\' ? escape(l, &b) : buf_putc(&b, c) == HEARTH_OK;
    }
    json_t *v = good && l->p < l->end ? json_stringn(b.data ? b.data : "", b.len) : NULL;
    l->p += l->p < l->end;
    buf_free(&b);
    return v;
}

static json_t *list(struct literal *l, char close)
{
    json_t *all = json_array();
    int good = 1;
    for (l->p++, pass(l); all && l->p < l->end && *l->p != close; pass(l)) {
        json_t *v = value(l);
        if (!(good = v && json_array_append_new(all, v) == 0)) break;
        pass(l);
        if (l->p < l->end && *l->p == ',') l->p++;
        else break;
    }
    pass(l);
    if (good && all && l->p < l->end && *l->p == close) {
        l->p++;
        return all;
    }
    json_decref(all);
    return NULL;
}

static json_t *word(struct literal *l)
{
    static const char *const words[] = { "True", "False", "None" };
    size_t n = 0;
    char number[40], *end;
    while (l->p + n < l->end && !strchr(",])} \t\r\n", l->p[n])) n++;
    const char *p = l->p;
    l->p += n;
    for (int i = 0; i < 3; i++)
        if (strlen(words[i]) == n && memcmp(words[i], p, n) == 0) return i == 2 ? json_null() : json_boolean(i == 0);
    if (n == 0 || n >= sizeof number || !strchr("-0123456789.", *p)) return NULL;
    memcpy(number, p, n);
    number[n] = 0;
    if (strspn(number, "-0123456789") == n && n < 19) {
        long long i = strtoll(number, &end, 10);
        return *end ? NULL : json_integer(i);
    }
    double d = strspn(number, "-+.eE0123456789") == n ? strtod(number, &end) : (end = number, 0);
    return *end ? NULL : json_real(d);
}

static json_t *value(struct literal *l)
{
    json_t *v;
    pass(l);
    if (l->p >= l->end || l->depth >= DEEPEST) return NULL;
    l->depth++;
    if (*l->p == '\'' || *l->p == '"') v = text(l);
    else if (*l->p == '[') v = list(l, ']');
    else if (*l->p == '(') v = list(l, ')');
    else v = word(l);
    l->depth--;
    return v;
}

json_t *task_literal(const char *s, size_t n)
{
    struct literal l = { s, s + n, 0 };
    json_t *v = value(&l);
    pass(&l);
    if (l.p == l.end) return v;
    json_decref(v);
    return NULL;
}
