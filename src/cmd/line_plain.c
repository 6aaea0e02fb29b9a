/* line_plain.c - a line as the system gives it: for input that is no terminal, and for builds without libedit. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "cmd/line.h"

enum line_end line_plain(const char *prompt, char **text)
{
    size_t cap = 0;
    *text = NULL;
    if (isatty(STDIN_FILENO)) {
        fputs(prompt, stdout);
        fflush(stdout);
    }
    errno = 0;
    ssize_t n = getline(text, &cap, stdin);
    if (n < 0) {
        int signalled = errno == EINTR;
        free(*text);
        *text = NULL;
        clearerr(stdin);
        return signalled ? LINE_INTERRUPTED : LINE_CLOSED;
    }
    if (n > 0 && (*text)[n - 1] == '\n') (*text)[--n] = 0;
    return LINE_READ;
}
