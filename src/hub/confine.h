/* confine.h - what a server keeps of this process's rights: its own folders, its models, the system's files to read. */
#ifndef HEARTH_HUB_CONFINE_H
#define HEARTH_HUB_CONFINE_H

#include <stddef.h>
#include "base/status.h"

struct hub_confined { int landlock /* version, 0: none */, seccomp; };

/* Before any thread starts; for good.  Afterwards this process and its threads
 *     write   below HUB_DATA and HUB_CACHE
 *     read    besides that HUB_CONFIG, every model the store knows now (also where it lies elsewhere), the n files and folders `also`,
 *             the system's files
 *     start   no program, open no connection and no port (os/sandbox.c)
 * *got says what the system could do of it. */
enum hearth_status hub_confine(const char *const *also, size_t n, struct hub_confined *got);
/* 1: this process sees only those files now. */
int hub_is_confined(void);
/* What this system offers, for `hearth doctor`. */
void hub_confinable(struct hub_confined *out);

#endif
