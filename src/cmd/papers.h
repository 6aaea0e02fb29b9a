/* papers.h - what `hearth bom` and `hearth card` share: what the person adds to a model's facts, and where the paper goes. */
#ifndef HEARTH_CMD_PAPERS_H
#define HEARTH_CMD_PAPERS_H

#include "account/facts.h"
#include "cmd/command.h"

extern const struct opt papers_options[];
/* The facts of a model, with progress while it is hashed; exit code, with the message printed. */
int papers_facts(const char *model, struct facts *out);
/* Writes a text to -o FILE (whole or not at all), else to standard output. */
int papers_write(const char *text, size_t n);
/* The same to a file of the caller's; NULL or "-": standard output. */
int papers_save(const char *path, const char *text, size_t n);

/* Progress of reading a file's bytes, for callbacks of the shape (user, done, total). */
struct papers_progress { struct progress bar; const char *what; int begun; const volatile int *cancel; };
int papers_step(void *user, uint64_t done, uint64_t total);
void papers_end(struct papers_progress *p);

#endif
