/* csv.c - records of RFC 4180.  A quote inside a field that does not begin with one is an ordinary character, as in most such files. */
#include "work/csv.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_FIELDS = 4096 };

void csv_init(struct csv *c, const char *file, const char *text, size_t n, char separator)
{
    *c = (struct csv){ .file = file, .at = text, .end = text + n, .separator = separator, .line = 1, .next = 1 };
}

void csv_free(struct csv *c)
{
    buf_free(&c->text);
    free(c->place);
}

/* What is between quotes, the first of which is at c->at. */
static enum hearth_status quoted(struct csv *c)
{
    uint64_t began = c->next;
    for (c->at++; c->at < c->end;) {
        const char *q = memchr(c->at, '"', (size_t)(c->end - c->at));
        const char *to = q ? q : c->end;
        for (const char *p = c->at; p < to; p++) c->next += *p == '\n';
        TRY(buf_put(&c->text, c->at, (size_t)(to - c->at)));
        c->at = to;
        if (!q) break;
        c->at++;
        if (c->at == c->end || *c->at != '"') return HEARTH_OK;
        TRY(buf_putc(&c->text, '"'));
        c->at++;
    }
    return fail(HEARTH_EFORMAT, "%s: line %llu: a quote is opened and never closed", c->file, (unsigned long long)began);
}

static int ends_field(const struct csv *c, const char *p)
{
    return p == c->end || *p == c->separator || *p == '\n' || (*p == '\r' && (p + 1 == c->end || p[1] == '\n'));
}

static enum hearth_status field(struct csv *c)
{
    if (c->n == MOST_FIELDS)
        return fail(HEARTH_ELIMIT, "%s: line %llu: more than %d fields", c->file, (unsigned long long)c->line, MOST_FIELDS);
    TRY(mem_grow(&c->place, &c->cap, c->n + 1, sizeof *c->place));
    c->place[c->n++] = c->text.len;
    if (c->at < c->end && *c->at == '"') {
        TRY(quoted(c));
        if (!ends_field(c, c->at))
            return fail(HEARTH_EFORMAT, "%s: line %llu: '%c' follows a closing quote; a separator or the line's end should", c->file,
                        (unsigned long long)c->next, (unsigned char)*c->at < 0x20 ? '?' : *c->at);
    } else {
        const char *from = c->at;
        while (!ends_field(c, c->at)) c->at++;
        TRY(buf_put(&c->text, from, (size_t)(c->at - from)));
    }
    return buf_putc(&c->text, '\0');
}

enum hearth_status csv_next(struct csv *c, int *more)
{
    while (!c->blank_lines && c->at < c->end && (*c->at == '\n' || (*c->at == '\r' && c->at + 1 < c->end && c->at[1] == '\n'))) {
        c->at += *c->at == '\r' ? 2 : 1;
        c->next++;
    }
    *more = c->at < c->end;
    if (!*more) return HEARTH_OK;
    c->line = c->next, c->n = 0, c->text.len = 0;
    for (;;) {
        TRY(field(c));
        if (c->at == c->end) return HEARTH_OK;
        if (*c->at == c->separator) {
            c->at++;
            continue;
        }
        if (*c->at == '\r') c->at++;
        if (c->at < c->end) c->at++;
        c->next++;
        return HEARTH_OK;
    }
}
