/* gguf_bytes.h - GGUF files put together byte by byte, right or wrong as a test wants them. */
#ifndef HEARTH_TESTS_GGUF_BYTES_H
#define HEARTH_TESTS_GGUF_BYTES_H

#include "file/gguf.h"     /* before cmocka.h, whose macro fail() would cover our function */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

struct bytes { uint8_t p[1 << 15]; size_t n; };

static inline void put(struct bytes *b, uint64_t v, unsigned bytes)
{
    assert_true(b->n + bytes <= sizeof b->p);
    for (unsigned i = 0; i < bytes; i++) b->p[b->n++] = (uint8_t)(v >> 8 * i);
}

static inline void put_text(struct bytes *b, const char *s)
{
    put(b, strlen(s), 8);
    for (; *s; s++) put(b, (uint8_t)*s, 1);
}

static inline void put_head(struct bytes *b, uint32_t version, uint64_t n_tensors, uint64_t n_kv)
{
    b->n = 0;
    put(b, 'G' | 'G' << 8 | 'U' << 16 | (uint32_t)'F' << 24, 4);
    put(b, version, 4);
    put(b, n_tensors, 8);
    put(b, n_kv, 8);
}

static inline void put_key(struct bytes *b, const char *key, uint32_t type)
{
    put_text(b, key);
    put(b, type, 4);
}

static inline void put_tensor(struct bytes *b, const char *name, uint32_t dims, const uint64_t *shape, uint32_t type,
                              uint64_t offset)
{
    put_text(b, name);
    put(b, dims, 4);
    for (uint32_t i = 0; i < dims; i++) put(b, shape[i], 8);
    put(b, type, 4);
    put(b, offset, 8);
}

static inline void pad(struct bytes *b, size_t alignment)
{
    while (b->n % alignment) put(b, 0, 1);
}

/* Opens a copy of exactly n bytes, so that a sanitizer sees a read past the end.  The copy lives until close_copy. */
static inline enum hearth_status open_copy(const struct bytes *b, size_t n, int need_data, struct gguf **g, void **copy)
{
    *copy = malloc(n ? n : 1);
    assert_non_null(*copy);
    memcpy(*copy, b->p, n);
    return gguf_open_memory(*copy, n, "test.gguf", need_data, g);
}

static inline void close_copy(struct gguf *g, void *copy)
{
    gguf_close(g);
    free(copy);
}

/* The file must be refused with this status and a message that names the file and holds `text`. */
static inline void refused(const struct bytes *b, enum hearth_status status, const char *text)
{
    struct gguf *g;
    void *copy;
    enum hearth_status st = open_copy(b, b->n, 1, &g, &copy);
    assert_null(g);
    if (st != status || !strstr(hearth_errmsg(), text) || !strstr(hearth_errmsg(), "test.gguf: "))
        fail_msg("status %s, message \"%s\"; wanted %s and \"%s\"", hearth_status_name(st), hearth_errmsg(),
                 hearth_status_name(status), text);
    close_copy(g, copy);
}

#endif
