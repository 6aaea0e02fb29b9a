/* toolcall_test.h - what a parser told, written down as one text: T(words) K(thought) C0(name {...}), neighbours of a kind joined. */
#ifndef HEARTH_TESTS_TOOLCALL_TEST_H
#define HEARTH_TESTS_TOOLCALL_TEST_H

#include <stdlib.h>
#include <string.h>

#include "work/toolcall.h"

struct told { struct buf log; char last; int events, stop_at; struct buf text; };

static inline int told_words(struct told *t, char kind, const char *s, size_t n)
{
    if (n == 0) abort();                             /* nothing is never told */
    if (t->last == kind) t->log.len--;
    else if (buf_printf(&t->log, "%c(", kind)) abort();
    t->last = kind;
    if (buf_put(&t->log, s, n) || buf_putc(&t->log, ')')) abort();
    return ++t->events == t->stop_at;
}
static inline int told_text(void *user, const char *s, size_t n)
{
    struct told *t = user;
    if (buf_put(&t->text, s, n)) abort();
    return told_words(t, 'T', s, n);
}
static inline int told_think(void *user, const char *s, size_t n) { return told_words(user, 'K', s, n); }
static inline int told_call(void *user, int index, const char *name, json_t *arguments)
{
    struct told *t = user;
    char *text = json_dumps(arguments, JSON_COMPACT | JSON_SORT_KEYS);
    if (!text || !json_is_object(arguments) || buf_printf(&t->log, "C%d(%s %s)", index, name, text)) abort();
    free(text);
    t->last = 'C';
    return ++t->events == t->stop_at;
}

static inline void told_free(struct told *t)
{
    buf_free(&t->log);
    buf_free(&t->text);
    memset(t, 0, sizeof *t);
}

/* The whole answer in pieces that end at first, first + step, ...; returns the number of calls. */
static inline int told_parse(struct told *t, enum toolcall_format f, const json_t *tools, int apart, int thinking, const char *s, size_t n,
                             size_t first, size_t step)
{
    struct toolcall_events e = {told_text, apart ? told_think : NULL, told_call, t, thinking};
    struct toolcall_parser *p;
    int calls = -1, over = 0;
    told_free(t);
    if (toolcall_open(f, tools, &e, &p)) abort();
    for (size_t at = 0; at < n && !over;) {
        size_t end = at == 0 ? first : at + step;
        if (end > n) end = n;
        char *piece = malloc(end - at + !(end - at));  /* of exactly its size, for the address sanitizer */
        if (!piece) abort();
        memcpy(piece, s + at, end - at);
        over = toolcall_put(p, piece, end - at);
        free(piece);
        at = end;
        if (at == 0) first = step;
    }
    if (toolcall_end(p, &calls) != over || toolcall_status(p) != HEARTH_OK) abort();
    toolcall_close(p);
    if (!t->log.data && buf_puts(&t->log, "")) abort();
    return calls;
}

#endif
