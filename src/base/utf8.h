/* utf8.h - UTF-8 as Unicode 15, table 3-7, defines it: no surrogates, no overlong forms, at most U+10FFFF. */
#ifndef HEARTH_BASE_UTF8_H
#define HEARTH_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Reads one character: returns its length in bytes (1..4), 0 at the end, and -1 on a malformed byte
 * (then *cp = 0xFFFD and one byte is to be passed over). */
int utf8_read(const char *s, size_t n, uint32_t *cp);
/* Writes cp; returns 1..4, or 0 when cp is no scalar value. */
int utf8_write(uint32_t cp, char out[4]);
/* 1 when all n bytes are well-formed; *bad (may be NULL) is the offset of the first that is not. */
int utf8_valid(const char *s, size_t n, size_t *bad);
/* The length of the longest prefix that does not end inside a character: what may be shown now.  Malformed bytes
 * count as shown; only a beginning that more bytes could complete is held back (at most 3 bytes). */
size_t utf8_whole(const char *s, size_t n);

#endif
