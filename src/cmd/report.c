/* report.c - saying what went wrong, in one sentence on standard error.
 *
 * Whatever the sentence quotes (a file name, an argument, a word out of a file) was written by somebody else, so it
 * goes through term_write() like the words of a model. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/command.h"

static void say(const char *fmt, va_list ap)
{
    char *text = NULL;
    fflush(stdout);
    if (vasprintf(&text, fmt, ap) < 0) {
        fputs("hearth: out of memory\n", stderr);
        return;
    }
    fputs("hearth: ", stderr);
    term_write(stderr, text, strlen(text));
    fputc('\n', stderr);
    free(text);
}

void complain(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(fmt, ap);
    va_end(ap);
}

int usage(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(fmt, ap);
    va_end(ap);
    return EXIT_USAGE;
}

int report(enum hearth_status st)
{
    switch (st) {
    case HEARTH_OK: return EXIT_DONE;
    case HEARTH_ECANCELLED: return EXIT_INTERRUPTED;   /* the person knows */
    case HEARTH_EUSAGE: complain("%s", hearth_errmsg()); return EXIT_USAGE;
    case HEARTH_EINTERNAL: complain("%s (a bug in hearth: please report it)", hearth_errmsg()); return EXIT_FAILED;
    default: complain("%s", hearth_errmsg()); return EXIT_FAILED;
    }
}

void note(const char *fmt, ...)
{
    va_list ap;
    char *text = NULL;
    if (!term_is(stderr)) return;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (n < 0) return;
    fputs("\x1b[2m", stderr);                          /* dim */
    term_write(stderr, text, (size_t)n);
    fputs("\x1b[0m\n", stderr);
    free(text);
}

static void *need(void *p)
{
    if (!p) {
        fputs("hearth: out of memory\n", stderr);
        exit(EXIT_FAILED);
    }
    return p;
}

void *xrealloc(void *p, size_t n, size_t size)
{
    return need(reallocarray(p, n ? n : 1, size));
}

char *xstrdup(const char *s)
{
    return need(strdup(s));
}

char *xprintf(const char *fmt, ...)
{
    va_list ap;
    char *text = NULL;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    return need(n < 0 ? NULL : text);
}
