/* line.c - line.h with libedit: cursor keys, searching back (Ctrl-R), UTF-8, a history that only its owner may read.
 *
 * The history is a text file, one line an entry, at most KEPT of them; each new line is appended at once, so that a
 * crash loses nothing.  It is opened without following links: its folder may be writable by others. */
#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>
#include "base/utf8.h"
#include "cmd/command.h"
#include "cmd/line.h"

enum { KEPT = 1000 };

struct line {
    EditLine *edit;               /* NULL: standard input or output is no terminal */
    History *history;
    FILE *file;                   /* NULL: nothing is remembered */
    const char *prompt;
    size_t entries;
};

static char *prompt_of(EditLine *e)
{
    struct line *l = NULL;
    el_get(e, EL_CLIENTDATA, &l);
    return (char *)(uintptr_t)l->prompt;
}

/* One character from the keyboard.  libedit's own reading would miss a Ctrl-C that comes between prompt and read. */
static int read_char(EditLine *e, wchar_t *out)
{
    char bytes[4];
    (void)e;
    for (size_t n = 0; n < sizeof bytes;) {
        uint32_t cp = 0;
        ssize_t got = -1;
        if (interrupt_wait(STDIN_FILENO)) got = read(STDIN_FILENO, bytes + n, 1);
        else errno = EINTR;
        if (got == 0) errno = 0;                       /* the end of the file */
        if (got <= 0) return (int)got;
        if (utf8_whole(bytes, ++n) == 0) continue;
        utf8_read(bytes, n, &cp);
        *out = (wchar_t)cp;
        return 1;
    }
    return 0;
}

static void load_history(struct line *l, const char *path)
{
    struct stat s;
    HistEvent ev;
    char *text = NULL;
    size_t cap = 0;
    ssize_t n;
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
    if (fd < 0) return;
    if (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode) || fchmod(fd, 0600) != 0 || !(l->file = fdopen(fd, "a+"))) {
        close(fd);
        return;
    }
    rewind(l->file);
    while ((n = getline(&text, &cap, l->file)) > 0) {
        if (text[n - 1] == '\n') text[n - 1] = 0;
        history(l->history, &ev, H_ENTER, text);
        l->entries++;
    }
    free(text);
}

/* Keeps the newest half when the file has grown to twice what is remembered. */
static void trim_history(struct line *l)
{
    HistEvent ev;
    if (!l->file || l->entries < 2 * KEPT || ftruncate(fileno(l->file), 0) != 0) return;
    for (int r = history(l->history, &ev, H_LAST); r == 0; r = history(l->history, &ev, H_PREV))
        fprintf(l->file, "%s\n", ev.str);
}

struct line *line_open(const char *path)
{
    struct line *l = calloc(1, sizeof *l);
    HistEvent ev;
    if (!l || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) return l;
    l->edit = el_init("hearth", stdin, stdout, stderr);
    l->history = history_init();
    if (!l->edit || !l->history) {
        line_close(l);
        return NULL;
    }
    history(l->history, &ev, H_SETSIZE, KEPT);
    history(l->history, &ev, H_SETUNIQUE, 1);
    if (path) load_history(l, path);
    el_set(l->edit, EL_CLIENTDATA, l);
    el_set(l->edit, EL_PROMPT, prompt_of);
    el_set(l->edit, EL_HIST, history, l->history);
    el_set(l->edit, EL_EDITOR, "emacs");
    el_set(l->edit, EL_SIGNAL, 0);                     /* Ctrl-C is ours: read_char fails with EINTR */
    el_set(l->edit, EL_GETCFN, read_char);
    el_set(l->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_source(l->edit, NULL);                          /* the person's own ~/.editrc */
    return l;
}

enum line_end line_read(struct line *l, const char *prompt, char **text)
{
    HistEvent ev;
    int n = 0;
    *text = NULL;
    if (!l->edit) return line_plain(prompt, text);
    l->prompt = prompt;
    el_set(l->edit, EL_PREP_TERM, 1);                  /* before the prompt: a Ctrl-D typed at once is not the line's end */
    errno = 0;
    const char *got = el_gets(l->edit, &n);
    if (!got || n <= 0) {
        if (errno != EINTR) return LINE_CLOSED;
        el_reset(l->edit);
        return LINE_INTERRUPTED;
    }
    if (!(*text = strdup(got))) return LINE_CLOSED;
    (*text)[strcspn(*text, "\n")] = 0;
    if (**text) {
        history(l->history, &ev, H_ENTER, *text);
        if (l->file) {
            fprintf(l->file, "%s\n", *text);
            fflush(l->file);
            l->entries++;
        }
    }
    return LINE_READ;
}

void line_close(struct line *l)
{
    if (!l) return;
    trim_history(l);
    if (l->file) fclose(l->file);
    if (l->history) history_end(l->history);
    if (l->edit) el_end(l->edit);
    free(l);
}
