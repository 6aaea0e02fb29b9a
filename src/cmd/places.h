/* places.h - what a command is to write, held against what it reads and what is there, before any work: no file is lost by a slip. */
#ifndef HEARTH_CMD_PLACES_H
#define HEARTH_CMD_PLACES_H

#include "cmd/command.h"

struct places { struct opt_list in, models, out; char **own; size_t n_own; };
/* The path stays the caller's.  NULL, and "-" to read from, are no places. */
void place_in(struct places *p, const char *path);
void place_out(struct places *p, const char *path);
/* A model: its file, also by a name of the store; each of the files that it has. */
void place_in_model(struct places *p, const char *name);

enum place_force {
    PLACE_KEEP,          /* 0, no --force: what is there stays, and --force is named */
    PLACE_REPLACE,       /* 1, --force: a regular file that is there is to be replaced */
    PLACE_NEW            /* what is there stays, of a command without --force */
};
/* Complains of the first place that cannot be written or must not be: one that is read too (also under another name, or as a part of a
 * folder that is read, now or the next time), two that are one, standard output ("-"), a folder, a link to nothing, a file that is there.  Frees the lists.  Exit code. */
int places_check(struct places *p, int force /* enum place_force */);

/* Held until the process ends: nobody else makes `out` meanwhile.  Makes out.lock, which place_unlock removes. */
struct place_lock { char *path; int fd; };
int place_lock(const char *out, struct place_lock *l);
void place_unlock(struct place_lock *l);

#endif
