/* line_plain.c - a line as the system gives it: for input that is no terminal, and for builds without libedit.  It reads
 * by itself, since stdio cannot wait for the keyboard and for Ctrl-C at once. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cmd/command.h"
#include "cmd/line.h"

static char held[4096];               /* read and not yet given out: held[begin .. end) */
static size_t begin, end;

static enum line_end fill(void)
{
    for (;;) {
        if (!interrupt_wait(STDIN_FILENO)) return LINE_INTERRUPTED;
        ssize_t got = read(STDIN_FILENO, held, sizeof held);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return LINE_CLOSED;
        begin = 0;
        end = (size_t)got;
        return LINE_READ;
    }
}

enum line_end line_plain(const char *prompt, char **text)
{
    size_t n = 0;
    *text = xrealloc(NULL, 1, 1);
    if (isatty(STDIN_FILENO)) {
        fputs(prompt, stdout);
        fflush(stdout);
    }
    for (;;) {
        enum line_end what = begin < end ? LINE_READ : fill();
        if (what == LINE_CLOSED && n > 0) break;               /* a last line without a newline */
        if (what != LINE_READ) {
            free(*text);
            *text = NULL;
            return what;
        }
        const char *newline = memchr(held + begin, '\n', end - begin);
        size_t more = newline ? (size_t)(newline - (held + begin)) : end - begin;
        *text = xrealloc(*text, n + more + 1, 1);
        memcpy(*text + n, held + begin, more);
        n += more;
        begin += more + (newline != NULL);
        if (newline) break;
    }
    (*text)[n] = 0;
    return LINE_READ;
}
