/* logdir.h - the files of a log: read and written below one folder, never through a link, and synced in batches.
 *
 * Names are relative, such as "tile/0/000.p/5".  Every folder on the way must be a folder of its own: a symbolic link below the log's
 * folder is refused, since it would lead what is written, or what is believed, somewhere else. */
#ifndef HEARTH_ACCOUNT_LOGDIR_H
#define HEARTH_ACCOUNT_LOGDIR_H

#include "base/mem.h"

struct logdir { int fd; char *path; };
enum hearth_status logdir_open(const char *path, struct logdir *out);
void logdir_close(struct logdir *d);

/* A whole file of at most max bytes; free() it.  ENOTFOUND: it is not there. */
enum hearth_status logdir_read(const struct logdir *d, const char *name, size_t max, uint8_t **data, size_t *n);
/* Held until the descriptor is closed; waits for its turn. */
enum hearth_status logdir_lock(const struct logdir *d, const char *name, int *fd);

/* ---- writing ---- */

enum { BATCH_FILES = 64, BATCH_FOLDERS = 16 };
struct batch {                       /* {.dir = d}: what was written and is not yet on the disk */
    const struct logdir *dir;
    int file[BATCH_FILES];
    char *folder[BATCH_FOLDERS];
    int files, folders;
};
/* Writes the file (over what is there) and makes the folders it needs; some of the batch may be synced at once.  fresh: that the
 * folders on the way are on the disk is not certain yet, even if they are there (somebody who crashed may have made them). */
enum hearth_status batch_write(struct batch *b, const char *name, int fresh, const void *data, size_t n);
/* fsync of all files, then of all folders with a new name.  The batch is empty then, and can be used again. */
enum hearth_status batch_sync(struct batch *b);
void batch_drop(struct batch *b);    /* closes; syncs nothing */

/* One small file of the folder itself, replaced as a whole: name.tmp, fsync, rename.  After a crash the old or the new one is there;
 * surely the new one after logdir_sync. */
enum hearth_status logdir_replace(const struct logdir *d, const char *name, const void *data, size_t n);
enum hearth_status logdir_sync(const struct logdir *d);

void logdir_remove(const struct logdir *d, const char *name);
/* Removes the files of a folder but `keep`; with keep NULL the folder too. */
void logdir_clean(const struct logdir *d, const char *folder, const char *keep);

#endif
