/* sandbox.h - giving up what a process does not need, for good.  See sandbox.c for what is left. */
#ifndef HEARTH_OS_SANDBOX_H
#define HEARTH_OS_SANDBOX_H

#include <stddef.h>
#include "base/status.h"

struct sandbox_path { const char *path; int write; };      /* a folder with all below it, or a file; one that is not there is passed over */
struct sandbox { int landlock, seccomp; };                 /* landlock: the version of its interface, 0: none */

/* What this system offers; changes nothing. */
void os_sandbox_offered(struct sandbox *out);
/* Gives up the rest, on this thread and those it starts: call it before any other.  What the system does not offer stays as it is, and
 * *got says what came of it.  A failure other than that is EIO, and then the process must end: it may be half confined. */
enum hearth_status os_sandbox_enter(const struct sandbox_path *p, size_t n, struct sandbox *got);

#endif
