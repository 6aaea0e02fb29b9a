/* fault.h - every allocation of a piece of work refused in turn.  Each test program that includes it has malloc, mmap and
 * their kin of its own, which stand in front of libc's for the whole process, shared libraries too:
 *
 *     the work:   malloc   calloc   realloc   mmap     malloc   free ...
 *     round 1:    refused  ...                                             the work must fail cleanly and free all
 *     round 2:    given    refused  ...
 *     ...
 *     round n:    nothing is refused any more: the work must succeed, and the sweep is over
 *
 * Two sweeps: once only that allocation is refused, and once all from it on, as on a machine that has no more.
 *
 * A failure is clean when the work says so with a status and a message, gives back every block, and the same work done
 * again succeeds.  The status is ENOMEM; EIO too, where the C library itself could not (fopen).  Work that can do with
 * less (a compiled pattern in place of a slow one, say) may succeed, and then its result must be the one it always has:
 * the work compares it itself. */
#ifndef HEARTH_TESTS_FAULT_H
#define HEARTH_TESTS_FAULT_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>
#undef fail                           /* base/status.h has a fail() of its own */
#define broken(...) (print_error(__VA_ARGS__), _fail(__FILE__, __LINE__))

#include "fault/allocators.h"
#include "hearth.h"

/* ---- the allocators ---- */

static struct {
    atomic_long until;               /* calls that are still given; below 0: all */
    atomic_int for_good, refused;
    atomic_long calls, live;         /* blocks and mappings that were given and not given back */
} fault = {.until = -1};
static _Thread_local int at_work;    /* only the thread that does the work is refused: a sanitizer's part of a new thread is not */

PLAIN static int refuse(void)
{
    atomic_fetch_add(&fault.calls, 1);
    if (!at_work || atomic_load(&fault.until) < 0) return 0;
    if (atomic_load(&fault.until) > 0) return atomic_fetch_sub(&fault.until, 1), 0;
    if (!atomic_load(&fault.for_good)) atomic_store(&fault.until, -1);
    atomic_store(&fault.refused, 1);
    errno = ENOMEM;
    return 1;
}

PLAIN static void *counted(void *p)
{
    if (p) atomic_fetch_add(&fault.live, 1);
    return p;
}

STANDS_IN void *malloc(size_t n) { return refuse() ? NULL : counted(REAL(malloc)(n)); }
STANDS_IN void *calloc(size_t n, size_t size) { return refuse() ? NULL : counted(REAL(calloc)(n, size)); }
STANDS_IN void *memalign(size_t to, size_t n) { return refuse() ? NULL : counted(REAL(memalign)(to, n)); }
STANDS_IN void *aligned_alloc(size_t to, size_t n) { return refuse() ? NULL : counted(REAL(memalign)(to, n)); }
STANDS_IN int posix_memalign(void **out, size_t to, size_t n)
{
    void *p = refuse() ? NULL : counted(REAL(memalign)(to, n));
    if (!p) return ENOMEM;
    *out = p;
    return 0;
}
STANDS_IN void *realloc(void *old, size_t n)
{
    if (refuse()) return NULL;
    void *p = REAL(realloc)(old, n);
    if (!old) counted(p);
    else if (!p && n == 0) atomic_fetch_sub(&fault.live, 1);
    return p;
}
STANDS_IN void free(void *p)
{
    if (p) atomic_fetch_sub(&fault.live, 1);
    REAL(free)(p);
}
/* The address sanitizer's strdup does not come by our malloc. */
STANDS_IN char *strndup(const char *s, size_t most)
{
    size_t n = strnlen(s, most);
    char *copy = malloc(n + 1);
    if (copy) memcpy(copy, s, n), copy[n] = 0;
    return copy;
}
STANDS_IN char *strdup(const char *s) { return strndup(s, PTRDIFF_MAX - 1); }
STANDS_IN void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
    if (refuse()) return MAP_FAILED;
    void *p = (void *)syscall(SYS_mmap, at, n, prot, flags, fd, offset);
    if (p != MAP_FAILED) counted(p);
    return p;
}
STANDS_IN int munmap(void *p, size_t n)
{
    int bad = (int)syscall(SYS_munmap, p, n);
    if (!bad) atomic_fetch_sub(&fault.live, 1);
    return bad;
}

/* ---- the sweeps ---- */

typedef enum hearth_status fault_work(void *arg);   /* all of it, and everything given back, whatever comes */

/* The work with so many allocations given. */
static enum hearth_status fault_do(fault_work *work, void *arg, long given)
{
    atomic_store(&fault.refused, 0);
    atomic_store(&fault.until, given);
    at_work = 1;
    enum hearth_status st = work(arg);
    at_work = 0;
    atomic_store(&fault.until, -1);
    return st;
}

static void sweep(fault_work *work, void *arg, int for_good, long step)
{
    for (long given = 0;; given += step) {
        long before = atomic_load(&fault.live);
        atomic_store(&fault.for_good, for_good);
        enum hearth_status st = fault_do(work, arg, given);
        long left = atomic_load(&fault.live) - before;
        const char *how = for_good ? "all from it on" : "it alone";
        if (left) broken("allocation %ld refused, %s: %ld blocks were not given back (status %s: %s)\n", given + 1, how, left,
                           hearth_status_name(st), hearth_errmsg());
        if (!atomic_load(&fault.refused)) {
            assert_int_equal(st, HEARTH_OK);
            return;
        }
        if (st == HEARTH_OK) continue;
        if (st != HEARTH_ENOMEM && st != HEARTH_EIO)
            broken("allocation %ld refused, %s: status %s: %s\n", given + 1, how, hearth_status_name(st), hearth_errmsg());
        if (!*hearth_errmsg()) broken("allocation %ld refused, %s: no message\n", given + 1, how);
    }
}

/* step > 1 for work of so many allocations that each in turn would take minutes: every step-th is refused. */
static void fault_sweep(fault_work *work, void *arg, long step)
{
    assert_int_equal(work(arg), HEARTH_OK);         /* what libraries keep for good is there from now on */
    long before = atomic_load(&fault.calls);
    assert_int_equal(work(arg), HEARTH_OK);
    assert_true(atomic_load(&fault.calls) > before); /* our allocators are those in use */
    sweep(work, arg, 0, step);
    sweep(work, arg, 1, step);
}

#endif
