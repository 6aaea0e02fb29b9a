/* allocators.h - for test programs that have malloc and its kin of their own, in front of libc's for the whole process.
 *
 *     STANDS_IN void *malloc(size_t n) { return refuse() ? NULL : REAL(malloc)(n); } */
#ifndef HEARTH_TESTS_ALLOCATORS_H
#define HEARTH_TESTS_ALLOCATORS_H

#include <stddef.h>

/* What stands behind ours: glibc's own names, or the address sanitizer's, which must go on seeing every block. */
#ifdef __SANITIZE_ADDRESS__
#define REAL(name) __interceptor_##name
#else
#define REAL(name) __libc_##name
#endif
void *REAL(malloc)(size_t), *REAL(calloc)(size_t, size_t), *REAL(realloc)(void *, size_t), *REAL(memalign)(size_t, size_t);
void REAL(free)(void *);

/* They are called before the address sanitizer has made its shadow memory. */
#define PLAIN __attribute__((no_sanitize("address", "undefined")))
#define STANDS_IN PLAIN __attribute__((visibility("default"), used))

#endif
