/* digest.h - SHA-256 (FIPS 180-4), by libcrypto, which uses the processor's own instructions where it has them.
 * digest_none.c stands in where there is no libcrypto, and says so. */
#ifndef HEARTH_HUB_DIGEST_H
#define HEARTH_HUB_DIGEST_H

#include <stddef.h>
#include "base/status.h"

struct sha256;
enum hearth_status sha256_open(struct sha256 **out);
void sha256_close(struct sha256 *s);
enum hearth_status sha256_add(struct sha256 *s, const void *data, size_t n);
/* 64 hex digits of what was added; the handle can only be closed then. */
enum hearth_status sha256_end(struct sha256 *s, char hex[65]);

/* The name that git has for a file of these bytes, 40 hex digits: SHA-1 of "blob N", a zero and the bytes. */
enum hearth_status git_blob_id(const void *data, size_t n, char hex[41]);

/* Of bytes that are all at hand. */
static inline enum hearth_status sha256_of(const void *data, size_t n, char hex[65])
{
    struct sha256 *s = NULL;
    TRY(sha256_open(&s));
    enum hearth_status st = sha256_add(s, data, n);
    if (st == HEARTH_OK) st = sha256_end(s, hex);
    sha256_close(s);
    return st;
}

#endif
