/* input.h - text from the command line and from standard input. */
#ifndef HEARTH_CMD_INPUT_H
#define HEARTH_CMD_INPUT_H

#include <stddef.h>
#include <stdint.h>

/* word (may be NULL), then, after an empty line, what standard input holds when it is not a terminal.  *text is NULL
 * when there was neither; else allocated; what was read is checked.  Exit code, with the message printed. */
int input_text(const char *word, char **text, size_t *n);
/* A whole file of text, at most 1 GB; "-" is standard input. */
int input_file(const char *path, char **text, size_t *n);
/* Refuses what is no text (a zero byte), and says on standard error when it is not UTF-8. */
int input_check(const char *name, const char *text, size_t n);
/* Bytes of a regular file; 0 of anything else. */
uint64_t file_size(const char *path);

#endif
