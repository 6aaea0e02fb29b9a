/* test_pool.c - every piece once, whatever the threads, spinning or sleeping; run it under ThreadSanitizer too. */
#include <fenv.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail /* cmocka has a macro of this name; base/status.h a function */

#include "base/pool.h"

enum { MAX = 1000 };

struct job { int threads; int64_t n, grain; int count[MAX]; int bad; };

/* count[] is not atomic: pieces must not overlap, and what they wrote must be seen after pool_run. */
static void count_piece(void *arg, int thread, int64_t begin, int64_t end) {
    struct job *j = arg;
    if (thread < 0 || thread >= j->threads || begin % j->grain || end <= begin || end > j->n ||
        ((end - begin) % j->grain && end != j->n))
        __atomic_store_n(&j->bad, 1, __ATOMIC_RELAXED);
    for (int64_t i = begin; i < end; i++) j->count[i]++;
}

static void every_piece_once(void **state) {
    (void)state;
    static const int sizes[] = { 0, 1, 2, 3, 7, 64, 1000 }, grains[] = { 1, 2, 16, 999, 1000, 5000 };
    for (int threads = 1; threads <= 7; threads++)
        for (int spin = 0; spin < 2; spin++) {
            struct pool *p;
            assert_int_equal(pool_open(threads, spin, &p), HEARTH_OK);
            assert_int_equal(pool_threads(p), threads);
            for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
                for (size_t g = 0; g < sizeof grains / sizeof *grains; g++) {
                    struct job j = { .threads = threads, .n = sizes[s], .grain = grains[g] };
                    for (int round = 1; round <= 5; round++) {
                        pool_run(p, count_piece, &j, j.n, j.grain);
                        for (int i = 0; i < MAX; i++) assert_int_equal(j.count[i], i < j.n ? round : 0);
                    }
                    assert_false(j.bad);
                }
            pool_close(p);
        }
}

/* A run whose pieces see what the run before wrote: a chain of steps, as layers of a model are. */
struct chain { uint64_t *from, *to; };
static void step(void *arg, int thread, int64_t begin, int64_t end) {
    struct chain *c = arg;
    (void)thread;
    for (int64_t i = begin; i < end; i++) c->to[i] = c->from[63 - i] * 6364136223846793005u + (uint64_t)i;
}

static uint64_t chain_of_runs(int threads, int spin, int pause) {
    uint64_t a[64] = { 1 }, b[64] = { 0 };
    struct pool *p;
    assert_int_equal(pool_open(threads, spin, &p), HEARTH_OK);
    for (int i = 0; i < 4000; i++) {
        struct chain c = i % 2 ? (struct chain){ b, a } : (struct chain){ a, b };
        pool_run(p, step, &c, 64, 5);
        if (pause && i % 100 == 0) /* workers fall asleep, at moments that differ */
            nanosleep(&(struct timespec){ .tv_nsec = 1000 * (i % 700) }, NULL);
    }
    pool_close(p);
    uint64_t sum = 0;
    for (int i = 0; i < 64; i++) sum = sum * 31 + a[i];
    return sum;
}

static void runs_follow_one_another(void **state) {
    (void)state;
    uint64_t want = chain_of_runs(1, 0, 0);
    for (int threads = 2; threads <= 5; threads++)
        for (int spin = 0; spin < 2; spin++)
            for (int pause = 0; pause < 2; pause++) assert_true(chain_of_runs(threads, spin, pause) == want);
}

static void slow_piece(void *arg, int thread, int64_t begin, int64_t end) {
    (void)thread;
    (void)end;
    if (begin == 0) nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
    ((int *)arg)[begin]++;
}

/* The caller runs out of pieces long before the others are done, and must sleep, wake, and miss nothing. */
static void caller_waits_for_slow_pieces(void **state) {
    (void)state;
    struct pool *p;
    int count[8] = { 0 };
    assert_int_equal(pool_open(3, 1, &p), HEARTH_OK);
    for (int i = 0; i < 20; i++) pool_run(p, slow_piece, count, 8, 1);
    for (int i = 0; i < 8; i++) assert_int_equal(count[i], 20);
    pool_close(p);
}

/* Several sessions of one model. */
struct session { struct pool *pool; struct job job; int rounds; };
static void *session_main(void *arg) {
    struct session *s = arg;
    for (int i = 0; i < s->rounds; i++) pool_run(s->pool, count_piece, &s->job, s->job.n, s->job.grain);
    return NULL;
}

static void callers_may_share_a_pool(void **state) {
    (void)state;
    struct pool *p;
    struct session s[4];
    pthread_t id[4];
    assert_int_equal(pool_open(3, 1, &p), HEARTH_OK);
    for (int i = 0; i < 4; i++) {
        s[i] = (struct session){ .pool = p, .job = { .threads = 3, .n = 10 + i, .grain = 3 }, .rounds = 500 };
        assert_int_equal(pthread_create(&id[i], NULL, session_main, &s[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(id[i], NULL);
        assert_false(s[i].job.bad);
        for (int k = 0; k < MAX; k++) assert_int_equal(s[i].job.count[k], k < 10 + i ? 500 : 0);
    }
    pool_close(p);
}

static void note_mode(void *arg, int thread, int64_t begin, int64_t end) {
    volatile float one = 1.0f, ulp = 0x1p-25f, tiny = 0x1p-126f, half = 0.5f;
    sigset_t now;
    (void)begin;
    (void)end;
    pthread_sigmask(SIG_BLOCK, NULL, &now);
    int *ok = arg;
    if (thread > 0) ok[thread] = one + ulp == 1.0f && tiny * half == 0x1p-127f && sigismember(&now, SIGINT) ? 1 : -1;
    nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL); /* leaves pieces for the others */
}

static void workers_have_our_floating_point_mode_and_no_signals(void **state) {
    (void)state;
    struct pool *p;
    int ok[3] = { 0 };
    fesetround(FE_UPWARD); /* threads inherit the mode of who starts them */
    assert_int_equal(pool_open(3, 0, &p), HEARTH_OK);
    for (int i = 0; i < 100 && !(ok[1] && ok[2]); i++) pool_run(p, note_mode, ok, 9, 1);
    fesetround(FE_TONEAREST);
    pool_close(p);
    assert_int_equal(ok[1], 1);
    assert_int_equal(ok[2], 1);
}

static void bad_counts_are_refused(void **state) {
    (void)state;
    struct pool *p;
    assert_int_equal(pool_open(0, 0, &p), HEARTH_EUSAGE);
    assert_null(p);
    assert_int_equal(pool_open(-3, 0, &p), HEARTH_EUSAGE);
    assert_int_equal(pool_open(1025, 0, &p), HEARTH_EUSAGE);
    assert_non_null(strstr(hearth_errmsg(), "1025"));
    pool_close(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_piece_once),
        cmocka_unit_test(runs_follow_one_another),
        cmocka_unit_test(caller_waits_for_slow_pieces),
        cmocka_unit_test(callers_may_share_a_pool),
        cmocka_unit_test(workers_have_our_floating_point_mode_and_no_signals),
        cmocka_unit_test(bad_counts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
