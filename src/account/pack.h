/* pack.h - a few files that belong together, in memory: written to and read from a folder or a zip. */
#ifndef HEARTH_ACCOUNT_PACK_H
#define HEARTH_ACCOUNT_PACK_H

#include "base/mem.h"

enum { PACK_FILES = 64, PACK_NAME = 64 };
struct pack_file { char name[PACK_NAME]; char *data; size_t n; };
struct pack { struct pack_file file[PACK_FILES]; size_t n; const char *label; /* stands for it in messages */ };

/* Takes what b holds as a file of that name. */
enum hearth_status pack_add(struct pack *p, const char *name, struct buf *b);
const struct pack_file *pack_find(const struct pack *p, const char *name);
void pack_free(struct pack *p);

/* A path that ends in .zip is a zip; any other a folder, which must be new or empty.  All of it or nothing. */
enum hearth_status pack_write(const struct pack *p, const char *path);
/* At most max bytes together. */
enum hearth_status pack_read(const char *path, size_t max, struct pack *out);

/* ---- zip.c, by libzip; zip_none.c says that there is none ---- */
enum hearth_status zip_save(const struct pack *p, const char *path);

#endif
