/* checksum.h - 64 bits over bytes, at the speed of memory: whether they are the bytes that were written.
 *
 *     bytes, eight at a time ─► lane 0 1 2 3 0 1 2 3 ...   lane = rotate(lane xor word) times an odd number
 *     lanes, length          ─► sum, in the same way
 *
 * Every step can be undone, so whatever changes one word changes the sum; anything else that happens by accident does too, but once in
 * 2^64.  It is no signature: whoever can write the bytes can write their sum.  Where that matters there is SHA-256 (hub/digest.h), which
 * the library does without.  Words are little-endian, as everything hearth runs on. */
#ifndef HEARTH_BASE_CHECKSUM_H
#define HEARTH_BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

struct checksum { uint64_t lane[4], bytes; unsigned char held[32]; };

void checksum_init(struct checksum *c);
void checksum_add(struct checksum *c, const void *data, size_t n);   /* in any pieces */
uint64_t checksum_end(const struct checksum *c);                     /* of all so far */
uint64_t checksum_of(const void *data, size_t n);

#endif
