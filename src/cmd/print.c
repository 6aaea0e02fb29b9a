/* print.c - numbers as people read them, tables, JSON. */
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include "base/jsontext.h"
#include "base/utf8.h"
#include "cmd/command.h"

const char *show_bytes(uint64_t n, char out[24])
{
    static const char *const unit[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    double v = (double)n / 1000;
    size_t u = 0;
    if (n < 1000) {
        snprintf(out, 24, "%d B", (int)n);
        return out;
    }
    while (v >= 999.95 && u < 5) v /= 1000, u++;
    snprintf(out, 24, v < 99.95 ? "%.1f %s" : "%.0f %s", v, unit[u]);
    return out;
}

const char *show_seconds(double s, char out[24])
{
    if (!(s > 0)) s = 0;
    int r = s < 1e9 ? (int)lround(s) : 1000000000;
    if (s < 0.0995) snprintf(out, 24, "%.0f ms", s * 1000);
    else if (s < 9.95) snprintf(out, 24, "%.1f s", s);
    else if (r < 60) snprintf(out, 24, "%d s", r);
    else if (r < 3600) snprintf(out, 24, "%d min %d s", r / 60, r % 60);
    else snprintf(out, 24, "%d h %d min", r / 3600, r / 60 % 60);
    return out;
}

const char *show_count(uint64_t n, char out[24])
{
    static const char *const unit[] = {"K", "M", "B", "T"};
    double v = (double)n / 1000;
    size_t u = 0;
    if (n < 1000) {
        snprintf(out, 24, "%d", (int)n);
        return out;
    }
    while (v >= 999.5 && u < 3) v /= 1000, u++;
    snprintf(out, 24, v < 9.95 ? "%.1f%s" : "%.0f%s", v, unit[u]);
    return out;
}

/* Columns a terminal gives n bytes: wide characters take two, combining marks none. */
static int char_columns(const char *s, size_t n)
{
    int columns = 0;
    while (n > 0) {
        uint32_t cp = 0;
        int k = utf8_read(s, n, &cp);
        int w = k > 0 ? wcwidth((wchar_t)cp) : 1;
        columns += w < 0 ? 1 : w;
        k = k > 0 ? k : 1;
        s += k;
        n -= (size_t)k;
    }
    return columns;
}

void table_cell(struct table *t, const char *fmt, ...)
{
    va_list ap;
    char *text = NULL;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (t->n == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 64;
        t->cell = xrealloc(t->cell, t->cap, sizeof *t->cell);
    }
    t->cell[t->n++] = n < 0 ? xstrdup("") : text;
}

void table_print(struct table *t, FILE *to)
{
    int width[32] = {0}, columns = t->columns < 32 ? t->columns : 32;
    for (size_t i = 0; i < t->n; i++) {
        int w = char_columns(t->cell[i], strlen(t->cell[i])), c = (int)(i % (size_t)columns);
        if (w > width[c]) width[c] = w;
    }
    for (size_t i = 0; i < t->n; i++) {
        int c = (int)(i % (size_t)columns), last = c == columns - 1;
        int right = t->right && (int)strlen(t->right) > c && t->right[c] == '1';
        int pad = width[c] - char_columns(t->cell[i], strlen(t->cell[i]));
        if (right) fprintf(to, "%*s", pad, "");
        term_write(to, t->cell[i], strlen(t->cell[i]));
        if (!right && !last) fprintf(to, "%*s", pad, "");
        fputs(last ? "\n" : "  ", to);
        free(t->cell[i]);
    }
    free(t->cell);
    *t = (struct table){0};
}

int json_print(json_t *v)
{
    char *text = v ? json_dumps(v, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
    int bad = !text;
    if (text) term_printf(stdout, "%s\n", text);
    else complain("out of memory for the JSON output");
    free(text);
    json_decref(v);
    return bad ? EXIT_FAILED : EXIT_DONE;
}

json_t *json_text(const char *s, size_t n)
{
    json_t *v = jsontext_string(s, n);
    if (!v) complain("out of memory for the JSON output"), exit(EXIT_FAILED);
    return v;
}
