/* mem.h - memory: checked allocation, arenas, growing buffers.
 *
 *   arena: many small things that live and die together (a parsed file, a request)
 *   buf:   bytes that grow at the end (text being built)
 *   slab:  one 64-byte-aligned block whose size was computed beforehand (a session's activations)
 */
#ifndef HEARTH_BASE_MEM_H
#define HEARTH_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include "base/status.h"

/* n * size bytes, zeroed; NULL (message set) when that overflows or there is none.  Free with free(). */
void *mem_array(size_t n, size_t size);
/* Grows *p (elements of `size`, room for *cap) until it holds `need` elements. */
enum hearth_status mem_grow(void *p /* address of the pointer */, size_t *cap, size_t need, size_t size);

/* ---- arena ---- */
struct arena { struct arena_block *head; size_t block; };
void arena_init(struct arena *a, size_t block_bytes /* 0: 64 KiB */);
void arena_free(struct arena *a);
void arena_reset(struct arena *a);                         /* keeps one block */
void *arena_alloc(struct arena *a, size_t bytes);          /* 16-byte aligned, zeroed; NULL with message set */
char *arena_strndup(struct arena *a, const char *s, size_t n);

/* ---- buf: always NUL-terminated past len when data is not NULL; zero-initialise to start ---- */
struct buf { char *data; size_t len, cap; };
enum hearth_status buf_put(struct buf *b, const void *bytes, size_t n);
enum hearth_status buf_puts(struct buf *b, const char *s);
enum hearth_status buf_putc(struct buf *b, char c);
enum hearth_status buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
enum hearth_status buf_vprintf(struct buf *b, const char *fmt, va_list ap);
/* Gives the bytes away (never NULL: an empty buf gives ""; NULL only without memory) and leaves b empty. */
char *buf_take(struct buf *b, size_t *len);
void buf_free(struct buf *b);

/* ---- slab ---- */
void *slab_alloc(size_t bytes);                            /* 64-byte aligned, zeroed lazily; NULL with message set */
/* The same where all of it will be used: in huge pages, if the system has any.  Products stride through rows that each lie on another page. */
void *slab_alloc_dense(size_t bytes);
void slab_free(void *p, size_t bytes);

#endif
