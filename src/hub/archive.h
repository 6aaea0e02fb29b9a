/* archive.h - one member out of a zip on this disk (a Python wheel is a zip).  What it reads was made by strangers:
 * a name that could leave a folder, a link, an encrypted member, two members of one name are each refused for the
 * whole archive; sizes are capped by the caller, so that a small file cannot unpack into a full disk.
 *
 * archive.c does it with libzip; archive_none.c stands in where there is none, and says so (EUNSUPPORTED).
 */
#ifndef HEARTH_HUB_ARCHIVE_H
#define HEARTH_HUB_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>
#include "base/status.h"

struct archive;
struct archive_member { const char *name; uint64_t size, packed; uint32_t crc; }; /* name lives as long as the archive */

/* Receives the bytes in order; anything but HEARTH_OK stops the reading and is passed on. */
typedef enum hearth_status archive_sink(void *user, const void *data, size_t n);

/* Opens a regular file and looks at the name and kind of every member. */
enum hearth_status archive_open(const char *path, struct archive **out);
/* The same over bytes that outlive the handle; label stands for the path in messages. */
enum hearth_status archive_open_memory(const void *data, size_t n, const char *label, struct archive **out);
void archive_close(struct archive *a);

size_t archive_count(const struct archive *a);                                   /* folders are not counted */
enum hearth_status archive_member(const struct archive *a, size_t i, struct archive_member *out); /* ENOTFOUND past the last */
/* By exact name, case and all; ENOTFOUND names the archive and the member. */
enum hearth_status archive_find(const struct archive *a, const char *name, struct archive_member *out);
/* Unpacks one member into sink.  ELIMIT: it is longer than max, by its header or in truth; ECHECKSUM: its bytes are
 * not those the archive's CRC promises (what sink was given by then is to be thrown away). */
enum hearth_status archive_read(struct archive *a, const char *name, uint64_t max, archive_sink *sink, void *user);

/* 1 when built with libzip. */
int archive_available(void);

#endif
