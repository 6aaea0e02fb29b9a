/* mem.c - memory in three shapes.
 *
 * An arena is a list of zeroed blocks, the newest first; what does not fit in the newest opens another, and what is
 * larger than a quarter of a block gets one of its own, put second, so that the newest goes on being filled:
 *
 *      head -> [ used ####......... ] -> [ large ######## ] -> [ full ########### ] -> NULL
 */
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"

void *mem_array(size_t n, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes) || bytes > PTRDIFF_MAX) {
        fail(HEARTH_ENOMEM, "out of memory: %zu elements of %zu bytes are more than there can be", n, size);
        return NULL;
    }
    void *p = calloc(bytes ? bytes : 1, 1);
    if (!p) fail_memory(bytes);
    return p;
}

enum hearth_status mem_grow(void *p, size_t *cap, size_t need, size_t size) {
    if (need <= *cap) return HEARTH_OK;
    size_t more = *cap < 8 ? 16 : *cap + *cap / 2, bytes;
    if (more < need) more = need;
    if (__builtin_mul_overflow(more, size, &bytes) || bytes > PTRDIFF_MAX)
        return fail(HEARTH_ENOMEM, "out of memory: %zu elements of %zu bytes are more than there can be", more, size);
    void *old, *grown;
    memcpy(&old, p, sizeof old); /* p is the address of a pointer of some type */
    grown = realloc(old, bytes);
    if (!grown) return fail_memory(bytes);
    memcpy(p, &grown, sizeof grown);
    *cap = more;
    return HEARTH_OK;
}

/* ---- arena ---- */

struct arena_block { struct arena_block *next; size_t size, used; alignas(16) char data[]; };

enum { ALIGN = 16, BLOCK = 64 * 1024 };

void arena_init(struct arena *a, size_t block_bytes) {
    a->head = NULL;
    a->block = block_bytes ? block_bytes : BLOCK;
}

static void blocks_free(struct arena_block *b) {
    while (b) {
        struct arena_block *next = b->next;
        free(b);
        b = next;
    }
}

void arena_free(struct arena *a) {
    blocks_free(a->head);
    a->head = NULL;
}

void arena_reset(struct arena *a) {
    struct arena_block *b = a->head;
    if (!b) return;
    blocks_free(b->next);
    b->next = NULL;
    memset(b->data, 0, b->used);
    b->used = 0;
}

static struct arena_block *block_new(size_t size) {
    struct arena_block *b = calloc(1, sizeof *b + size);
    if (!b) fail_memory(sizeof *b + size);
    else b->size = size;
    return b;
}

void *arena_alloc(struct arena *a, size_t bytes) {
    if (bytes > PTRDIFF_MAX / 2) {
        fail_memory(bytes);
        return NULL;
    }
    size_t need = bytes ? (bytes + ALIGN - 1) / ALIGN * ALIGN : ALIGN;
    struct arena_block *b = a->head;
    if (b && b->size - b->used >= need) {
        void *p = b->data + b->used;
        b->used += need;
        return p;
    }
    int large = need > a->block / 4;
    struct arena_block *fresh = block_new(large ? need : a->block);
    if (!fresh) return NULL;
    fresh->used = need;
    if (large && b) {
        fresh->next = b->next;
        b->next = fresh;
    } else {
        fresh->next = b;
        a->head = fresh;
    }
    return fresh->data;
}

char *arena_strndup(struct arena *a, const char *s, size_t n) {
    char *p = n < SIZE_MAX ? arena_alloc(a, n + 1) : NULL;
    if (p && n) memcpy(p, s, n);
    return p;
}

/* ---- buf ---- */

static enum hearth_status buf_room(struct buf *b, size_t n) {
    size_t need;
    if (__builtin_add_overflow(b->len, n, &need) || need == SIZE_MAX) return fail_memory(SIZE_MAX);
    return mem_grow(&b->data, &b->cap, need + 1, 1);
}

enum hearth_status buf_put(struct buf *b, const void *bytes, size_t n) {
    TRY(buf_room(b, n));
    if (n) memcpy(b->data + b->len, bytes, n);
    b->len += n;
    b->data[b->len] = '\0';
    return HEARTH_OK;
}

enum hearth_status buf_puts(struct buf *b, const char *s) { return buf_put(b, s, strlen(s)); }

enum hearth_status buf_putc(struct buf *b, char c) { return buf_put(b, &c, 1); }

enum hearth_status buf_vprintf(struct buf *b, const char *fmt, va_list ap) {
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0) return fail(HEARTH_EINTERNAL, "cannot format a text with \"%s\"", fmt);
    TRY(buf_room(b, (size_t)n));
    vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
    b->len += (size_t)n;
    return HEARTH_OK;
}

enum hearth_status buf_printf(struct buf *b, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    enum hearth_status st = buf_vprintf(b, fmt, ap);
    va_end(ap);
    return st;
}

char *buf_take(struct buf *b, size_t *len) {
    if (buf_room(b, 0) != HEARTH_OK) return NULL;
    char *data = b->data;
    data[b->len] = '\0';
    if (len) *len = b->len;
    *b = (struct buf){ 0 };
    return data;
}

void buf_free(struct buf *b) {
    free(b->data);
    *b = (struct buf){ 0 };
}

/* ---- slab: straight from the system, so that pages never touched never count ---- */

void *slab_alloc(size_t bytes) {
    if (bytes == 0) bytes = 1;
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p != MAP_FAILED) return p;
    fail_memory(bytes);
    return NULL;
}

void *slab_alloc_dense(size_t bytes) {
    void *p = slab_alloc(bytes);
    if (p) madvise(p, bytes, MADV_HUGEPAGE);
    return p;
}

void slab_free(void *p, size_t bytes) {
    if (p) munmap(p, bytes ? bytes : 1);
}
