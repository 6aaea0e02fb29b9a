/* zipdir.h - finding one member of a zip that lies on a server, from a few hundred bytes of it:
 *
 *     | local header, name | packed bytes | ... | central directory | end record |
 *      ^ .header            ^ zip_data()         ^ .first, .bytes     ^ found in the file's tail
 *
 * (APPNOTE.TXT 6.3.10 of PKWARE, with its 64-bit forms.)  Archives on this disk are archive.h's.
 */
#ifndef HEARTH_HUB_ZIPDIR_H
#define HEARTH_HUB_ZIPDIR_H

#include <stddef.h>
#include <stdint.h>
#include "base/status.h"

enum { ZIP_TAIL = 22 + 65535 /* the end record with the longest comment */ + 20 + 56, ZIP_LOCAL = 30, ZIP_DIRECTORY_MAX = 16 << 20 };

struct zip_directory { uint64_t first, bytes, entries; };
struct zip_member { uint64_t header, packed, size; unsigned method; /* 0 stored, 8 deflate */ };

/* From the last n bytes of an archive of `total` bytes.  label stands for the archive in messages. */
enum hearth_status zip_directory(const void *tail, size_t n, uint64_t total, const char *label, struct zip_directory *out);
/* Looks the member up by its whole name.  ENOTFOUND: not there.  Encrypted, or packed in another way: EUNSUPPORTED; twice
 * there: EFORMAT. */
enum hearth_status zip_find(const void *directory, const struct zip_directory *d, const char *member, const char *label,
                            struct zip_member *out);
/* Where the packed bytes begin, from the first ZIP_LOCAL bytes of the local header. */
enum hearth_status zip_data(const void *local, const struct zip_member *m, const struct zip_directory *d, const char *label,
                            uint64_t *first);

#endif
