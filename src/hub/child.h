/* child.h - asking another program a question. */
#ifndef HEARTH_HUB_CHILD_H
#define HEARTH_HUB_CHILD_H

#include "base/mem.h"

/* Runs argv[0], found in PATH, in the root folder (so that no file of the current one takes part), with no input and its
 * errors unseen; *out gets what it prints, at most max bytes; *code its exit code, or -1 when a signal ended it or the
 * answer took longer than `seconds` (it is killed then).  ENOTFOUND: there is no such program. */
enum hearth_status child_ask(char *const argv[], size_t max, int seconds, struct buf *out, int *code);

#endif
