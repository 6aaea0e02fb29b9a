/* pool.c - threads that wait for work, made for handing over 200 small pieces of work a token.
 *
 * One 64-bit word says everything about a run, so that a piece is taken by one compare-and-swap:
 *
 *      ticket:  [ number of the run : 32 | pieces not yet taken : 32 ]
 *
 * Whoever takes a piece holds the run open: fn, arg, n and grain stay as they are until `done` has counted every
 * piece, so they need not be atomic.  A worker that is late simply finds no pieces left; nobody waits for it.
 *
 *      pool_run                             worker
 *      --------                             ------
 *      write job; done = 0                  spin <= 20 us for pieces in the ticket
 *      ticket = (run + 1, pieces)           else: sleepers++, look again, sleep on `bell`
 *      if sleepers: bell++, wake them
 *      take pieces ...; done += taken       take pieces ...; done += taken
 *      spin <= 20 us for done == pieces     who is last wakes the caller, if it sleeps
 *      else: mark done, sleep on it
 *
 * The caller stores the ticket and then reads `sleepers`; a worker adds itself to `sleepers` and then reads the
 * ticket; all four are sequentially consistent, so at least one of the two sees the other (Dekker).
 */
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fpmode.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/thread.h"

enum { MAX_THREADS = 1024, LINE = 64 };
static const double SPIN_SECONDS = 20e-6;
static const uint32_t WAITING = 0x80000000u; /* in done: the caller sleeps on it */

struct worker { struct pool *pool; int index; pthread_t id; };

struct pool {
    alignas(LINE) _Atomic uint64_t ticket;
    alignas(LINE) _Atomic uint32_t done;
    alignas(LINE) _Atomic uint32_t bell;
    _Atomic uint32_t sleepers;
    _Atomic int closing;
    alignas(LINE) pool_fn *fn; /* the job */
    void *arg;
    int64_t n, grain;
    uint32_t pieces;
    pthread_mutex_t callers; /* sessions of several threads may share a model and so its pool */
    int threads, started, spin;
    struct worker *workers;
};

static void cpu_relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void futex_wait(_Atomic uint32_t *word, uint32_t seen) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word, int how_many) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, how_many, NULL, NULL, 0);
}

static int has_pieces(struct pool *p) { return (uint32_t)atomic_load(&p->ticket) != 0; }

/* Takes pieces while there are any; returns how many.  A thread takes a share of what is left, many at first and one at
 * the end (guided self-scheduling: Polychronopoulos and Kuck, 1987): long runs through memory, and nobody waits long. */
static uint32_t work(struct pool *p, int thread) {
    uint32_t taken = 0;
    uint64_t t = atomic_load_explicit(&p->ticket, memory_order_acquire);
    while ((uint32_t)t != 0) {
        uint32_t left = (uint32_t)t, share = left / (2 * (uint32_t)p->threads), m = share ? share : 1;
        if (!atomic_compare_exchange_weak_explicit(&p->ticket, &t, t - m, memory_order_acq_rel, memory_order_acquire))
            continue;
        int64_t begin = (int64_t)(p->pieces - left) * p->grain, most = (int64_t)m * p->grain;
        int64_t end = p->n - begin < most ? p->n : begin + most;
        p->fn(p->arg, thread, begin, end);
        taken += m;
        t = atomic_load_explicit(&p->ticket, memory_order_acquire);
    }
    return taken;
}

/* Spins for at most 20 us; 1 as soon as the worker has something to do. */
static int worker_spin(struct pool *p) {
    double until = clock_seconds() + SPIN_SECONDS;
    do {
        for (int i = 0; i < 32; i++) {
            if ((uint32_t)atomic_load_explicit(&p->ticket, memory_order_relaxed) != 0) return 1;
            cpu_relax();
        }
    } while (clock_seconds() < until);
    return 0;
}

static void worker_sleep(struct pool *p) {
    uint32_t seen = atomic_load(&p->bell);
    atomic_fetch_add(&p->sleepers, 1);
    while (!has_pieces(p) && !atomic_load(&p->closing) && atomic_load(&p->bell) == seen) futex_wait(&p->bell, seen);
    atomic_fetch_sub(&p->sleepers, 1);
}

static void *worker_main(void *arg) {
    struct worker *w = arg;
    struct pool *p = w->pool;
    struct fp_state fp;
    fp_enter(&fp); /* for good: the thread is ours */
    while (!atomic_load(&p->closing)) {
        if (!has_pieces(p) && !(p->spin && worker_spin(p))) worker_sleep(p);
        uint32_t taken = work(p, w->index);
        if (!taken) continue;
        uint32_t pieces = p->pieces; /* before done: then the job may change */
        uint32_t before = atomic_fetch_add(&p->done, taken);
        if ((before & WAITING) && (before & ~WAITING) + taken == pieces) futex_wake(&p->done, 1);
    }
    return NULL;
}

/* Waits until all of the run's pieces are done. */
static void wait_done(struct pool *p, uint32_t pieces) {
    if (p->spin) {
        double until = clock_seconds() + SPIN_SECONDS;
        do {
            for (int i = 0; i < 32; i++) {
                if (atomic_load_explicit(&p->done, memory_order_acquire) == pieces) return;
                cpu_relax();
            }
        } while (clock_seconds() < until);
    }
    uint32_t d = atomic_fetch_or(&p->done, WAITING) | WAITING;
    while ((d & ~WAITING) != pieces) {
        futex_wait(&p->done, d);
        d = atomic_load(&p->done);
    }
}

/* One run of at most UINT32_MAX / 2 pieces. */
static void run(struct pool *p, pool_fn *fn, void *arg, int64_t n, int64_t grain, uint32_t pieces) {
    p->fn = fn;
    p->arg = arg;
    p->n = n;
    p->grain = grain;
    p->pieces = pieces;
    atomic_store_explicit(&p->done, 0, memory_order_relaxed);
    uint64_t t = atomic_load_explicit(&p->ticket, memory_order_relaxed);
    atomic_store(&p->ticket, ((t >> 32) + 1) << 32 | pieces);
    if (atomic_load(&p->sleepers)) {
        atomic_fetch_add(&p->bell, 1);
        futex_wake(&p->bell, pieces - 1 < INT_MAX ? (int)(pieces - 1) : INT_MAX);
    }
    uint32_t mine = work(p, 0);
    if (atomic_fetch_add(&p->done, mine) + mine != pieces) wait_done(p, pieces);
}

void pool_run(struct pool *p, pool_fn *fn, void *arg, int64_t n, int64_t grain) {
    if (grain < 1) grain = 1;
    if (n <= 0) return;
    if ((n - 1) / grain + 1 >= WAITING) grain = n / (WAITING - 1) + 1; /* fewer, larger pieces: their number fits into the ticket */
    int64_t pieces = (n - 1) / grain + 1;
    pthread_mutex_lock(&p->callers);
    if (p->started == 0 || pieces == 1) {
        for (int64_t at = 0; at < n; at += grain) {
            fn(arg, 0, at, n - at < grain ? n : at + grain);
            if (n - at <= grain) break; /* at + grain could wrap */
        }
    } else {
        run(p, fn, arg, n, grain, (uint32_t)pieces);
    }
    pthread_mutex_unlock(&p->callers);
}

int pool_threads(const struct pool *p) { return p->threads; }

void pool_close(struct pool *p) {
    if (!p) return;
    atomic_store(&p->closing, 1);
    atomic_fetch_add(&p->bell, 1);
    futex_wake(&p->bell, INT_MAX);
    for (int i = 0; i < p->started; i++) pthread_join(p->workers[i].id, NULL);
    pthread_mutex_destroy(&p->callers);
    free(p->workers);
    free(p);
}

static enum hearth_status start(struct pool *p) {
    while (p->started < p->threads - 1) {
        struct worker *w = &p->workers[p->started];
        *w = (struct worker){ .pool = p, .index = p->started + 1 };
        TRY(thread_start(&w->id, worker_main, w));
        p->started++;
    }
    return HEARTH_OK;
}

enum hearth_status pool_open(int threads, int spin, struct pool **out) {
    *out = NULL;
    if (threads < 1 || threads > MAX_THREADS)
        return fail(HEARTH_EUSAGE, "threads: %d is not in 1 .. %d", threads, MAX_THREADS);
    struct pool *p = aligned_alloc(LINE, sizeof *p);
    if (!p) return fail_memory(sizeof *p);
    memset(p, 0, sizeof *p);
    p->threads = threads;
    p->spin = spin && threads > 1;
    p->workers = mem_array((size_t)threads, sizeof *p->workers);
    if (!p->workers) {
        free(p);
        return HEARTH_ENOMEM;
    }
    pthread_mutex_init(&p->callers, NULL);
    enum hearth_status st = start(p);
    if (st != HEARTH_OK) pool_close(p);
    else *out = p;
    return st;
}
