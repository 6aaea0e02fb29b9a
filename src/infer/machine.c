/* machine.c - what this machine is, and its two limits: how fast memory can be read, which bounds the answer (every
 * token reads every weight), and how many fused multiply-adds a second the cores do, which bounds the prompt.
 *
 * Both are measured as they are used: by the pool's threads, over buffers far larger than any cache, with the
 * kernels of the instruction set that was chosen.  What is reported is the best of many short passes, because a limit
 * is what the machine can do when nobody disturbs it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fpmode.h"
#include "base/mem.h"
#include "base/pool.h"
#include "kernel/kernels.h"
#include "os/os.h"

enum hearth_status hearth_machine_describe(struct hearth_machine *out) {
    if (!out) return fail(HEARTH_EUSAGE, "hearth_machine_describe: no place for the result");
    const struct kernels *k;
    TRY(kernels_choose(&k));
    memset(out, 0, sizeof *out);
    os_cpu_name(out->cpu, sizeof out->cpu);
    os_cpu_feature_names(os_cpu_features(), out->isa_found, sizeof out->isa_found);
    strncpy(out->isa_chosen, k->name, sizeof out->isa_chosen - 1);
    os_cores(&out->cores_online, &out->cores_usable, &out->quota);
    os_memory(&out->memory_total, &out->memory_available);
    out->energy_counter = os_energy_readable();
    return HEARTH_OK;
}

/* ---- reading ---- */

enum { PER_THREAD = 128 << 20, MOST = 512 << 20, LEAST = 64 << 20, PIECE = 2 << 20 };

typedef uint64_t pair __attribute__((vector_size(16))); /* every 64-bit processor has registers this wide */

struct reading { const pair *data; uint64_t sum[1024][8]; }; /* [thread]: a cache line each */

/* Eight independent sums, so that the loads wait for memory and for nothing else; wide, so that enough of them are on
 * their way at once. */
static void read_piece(void *arg, int thread, int64_t begin, int64_t end) {
    struct reading *r = arg;
    const pair *p = r->data + begin, *stop = r->data + end;
    pair s0 = { 0 }, s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
    for (; p < stop; p += 8) {
        s0 += p[0], s1 += p[1], s2 += p[2], s3 += p[3];
        s4 += p[4], s5 += p[5], s6 += p[6], s7 += p[7];
    }
    s0 += s1 + s2 + s3 + s4 + s5 + s6 + s7;
    r->sum[thread][0] += s0[0] + s0[1];
}

static enum hearth_status measure_reading(struct pool *pool, double seconds, double *gbs) {
    uint64_t total, available;
    os_memory(&total, &available);
    size_t bytes = (size_t)pool_threads(pool) * PER_THREAD;
    if (bytes > MOST || pool_threads(pool) > MOST / PER_THREAD) bytes = MOST;
    while (bytes > LEAST && bytes > available / 4) bytes /= 2;
    struct reading *r = mem_array(1, sizeof *r);
    unsigned char *data = slab_alloc_dense(bytes);
    if (!r || !data) {
        slab_free(data, bytes);
        free(r);
        return HEARTH_ENOMEM;
    }
    memset(data, 1, bytes); /* pages never written are all the same page of zeros */
    r->data = (const pair *)(const void *)data;
    double best = INFINITY, until = clock_seconds() + seconds;
    uint64_t passes = 0, sum = 0;
    do {
        double t = clock_seconds();
        pool_run(pool, read_piece, r, (int64_t)(bytes / sizeof(pair)), PIECE / sizeof(pair));
        t = clock_seconds() - t;
        passes++;
        if (t < best) best = t;
    } while (clock_seconds() < until);
    for (int i = 0; i < pool_threads(pool); i++) sum += r->sum[i][0];
    slab_free(data, bytes);
    free(r);
    if (sum != passes * (bytes / 8) * 0x0101010101010101u)
        return fail(HEARTH_EINTERNAL, "measuring memory: the sum of what was read is wrong");
    *gbs = (double)bytes / best * 1e-9;
    return HEARTH_OK;
}

/* ---- multiplying and adding ---- */

struct burning { const struct kernels *k; long iterations; double flops[1024][8]; };

static void burn_piece(void *arg, int thread, int64_t begin, int64_t end) {
    struct burning *b = arg;
    for (; begin < end; begin++) b->flops[thread][0] += b->k->fma_burn(b->iterations);
}

static enum hearth_status measure_fma(struct pool *pool, const struct kernels *k, double seconds, double *gflops) {
    struct burning *b = mem_array(1, sizeof *b);
    if (!b) return HEARTH_ENOMEM;
    b->k = k;
    b->iterations = 1000;
    double best = 0, until = clock_seconds() + seconds;
    int pieces = 4 * pool_threads(pool); /* several for each thread, in case one is disturbed */
    do {
        double t = clock_seconds(), flops = 0;
        pool_run(pool, burn_piece, b, pieces, 1);
        t = clock_seconds() - t;
        for (int i = 0; i < pool_threads(pool); i++) {
            flops += b->flops[i][0];
            b->flops[i][0] = 0;
        }
        if (t < 0.01) b->iterations *= 2; /* passes of 10 ms: the clock and the handing over no longer count */
        else if (flops / t > best) best = flops / t;
    } while (clock_seconds() < until || best == 0);
    free(b);
    *gflops = best * 1e-9;
    return HEARTH_OK;
}

enum hearth_status hearth_machine_measure(int threads, double seconds, double *read_gbs, double *fma_gflops) {
    if (!(seconds > 0 && seconds <= 60)) return fail(HEARTH_EUSAGE, "seconds: %g is not above 0 and at most 60", seconds);
    if (!read_gbs || !fma_gflops) return fail(HEARTH_EUSAGE, "hearth_machine_measure: no place for the results");
    int online, usable;
    double quota;
    os_cores(&online, &usable, &quota);
    if (threads == 0) threads = usable;
    const struct kernels *k;
    struct pool *pool;
    TRY(kernels_choose(&k));
    TRY(pool_open(threads, threads <= usable, &pool));
    struct fp_state fp;
    fp_enter(&fp);
    enum hearth_status st = measure_reading(pool, seconds, read_gbs);
    if (st == HEARTH_OK) st = measure_fma(pool, k, seconds, fma_gflops);
    fp_leave(&fp);
    pool_close(pool);
    return st;
}
