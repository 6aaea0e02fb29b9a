/* base64.h - bytes as text (RFC 4648, section 4). */
#ifndef HEARTH_BASE_BASE64_H
#define HEARTH_BASE_BASE64_H

#include <stdint.h>
#include "base/mem.h"

extern const char base64_digit[65];
enum hearth_status base64_put(struct buf *to, const void *data, size_t n);
/* Exactly as base64_put writes it: padded, no blanks, no stray bits.  out has room for n / 4 * 3 bytes.  -1: it is not
 * base64, else how many bytes. */
long base64_read(const char *text, size_t n, uint8_t *out);
/* The same, appended to a buffer.  EFORMAT names `what`. */
enum hearth_status base64_append(const char *what, const char *text, size_t n, struct buf *out);

#endif
