/* inflate.h - unpacking a deflate stream (RFC 1951) that may be broken off and gone on with in another process.
 *
 * A deflate stream is a row of blocks.  At the border of two blocks all that is needed to go on is where it lies in the
 * packed bytes, to the bit, and the last 32 KiB that were unpacked (further back no block may point):
 *
 *     packed    ... block | block | bl                 unpacked  ............................
 *                         ^in, bits                                  [ 32 KiB window ]^out
 *
 * So the partial file itself is the window, and the place is four numbers.  (zlib's example zran.c shows the idea.)
 * inflate.c does it with zlib; inflate_none.c stands in where there is none.
 */
#ifndef HEARTH_HUB_INFLATE_H
#define HEARTH_HUB_INFLATE_H

#include <stddef.h>
#include <stdint.h>
#include "base/status.h"

enum { INFLATE_WINDOW = 32768 };

struct inflate_place {
    uint64_t in, out;        /* packed bytes used whole or in part, bytes unpacked */
    unsigned bits, last;     /* the upper `bits` bits (0 .. 7) of the last byte used, `last`, belong to what follows */
};

struct inflater;
typedef enum hearth_status inflate_sink(void *user, const void *data, size_t n);

/* 1 when built with zlib. */
int inflate_available(void);
/* From the beginning (from->in = 0), or from a place with the n <= INFLATE_WINDOW bytes unpacked before it. */
enum hearth_status inflate_open(const struct inflate_place *from, const void *window, size_t n, struct inflater **out);
void inflate_close(struct inflater *z);
/* Unpacks the next packed bytes into sink.  EFORMAT: they are no deflate stream.  Bytes behind the end are EFORMAT too. */
enum hearth_status inflate_feed(struct inflater *z, const void *data, size_t n, inflate_sink *sink, void *user);
/* 1 when the stream's last block is complete. */
int inflate_ended(const struct inflater *z);
/* The newest place to go on from. */
void inflate_mark(const struct inflater *z, struct inflate_place *out);

#endif
