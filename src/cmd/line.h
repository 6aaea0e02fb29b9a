/* line.h - one line from the keyboard.  line.c edits it with libedit and keeps a history; line_none.c, built where there
 * is no libedit, reads it plainly. */
#ifndef HEARTH_CMD_LINE_H
#define HEARTH_CMD_LINE_H

#include <stddef.h>

struct line;
enum line_end { LINE_READ, LINE_CLOSED /* Ctrl-D, or the end of the file */, LINE_INTERRUPTED /* Ctrl-C */ };

/* history: the file lines are remembered in, or NULL.  NULL: no memory. */
struct line *line_open(const char *history);
/* *text is allocated and has no newline. */
enum line_end line_read(struct line *l, const char *prompt, char **text);
void line_close(struct line *l);

/* line_plain.c: without editing; the prompt is shown when standard input is a terminal. */
enum line_end line_plain(const char *prompt, char **text);

#endif
