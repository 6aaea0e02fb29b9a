/* input.h - text from the command line and from standard input. */
#ifndef HEARTH_CMD_INPUT_H
#define HEARTH_CMD_INPUT_H

#include <stddef.h>

/* word (may be NULL), then, after an empty line, what standard input holds when it is not a terminal.  *text is NULL
 * when there was neither; else allocated.  Exit code, with the message printed. */
int input_text(const char *word, char **text, size_t *n);
/* A whole file of text, at most 1 GB; "-" is standard input. */
int input_file(const char *path, char **text, size_t *n);

#endif
