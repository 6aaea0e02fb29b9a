/* calibrate.c - see calibrate.h.  The work is that of hearth_machine_measure: reading memory and multiplying and adding, as an
 * answer does. */
#include "account/calibrate.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "os/os.h"

static int usable_threads(void)
{
    int online, usable;
    double quota;
    os_cores(&online, &usable, &quota);
    return usable;
}

static void rest_for(double seconds)
{
    struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    while (nanosleep(&t, &t) != 0 && errno == EINTR) continue;
}

static enum hearth_status work_for(int threads, double seconds)
{
    double gbs, gflops;
    return hearth_machine_measure(threads, seconds / 2, &gbs, &gflops);
}

/* ---- a load in the background ---- */

struct busy { pthread_t thread; int threads, stop; double mhz; };

static void *busy_main(void *arg)
{
    struct busy *b = arg;
    while (!__atomic_load_n(&b->stop, __ATOMIC_RELAXED)) {
        if (work_for(b->threads, 0.5) != HEARTH_OK) break;
        b->mhz = os_cpu_mhz();
    }
    return NULL;
}

static enum hearth_status busy_start(int threads, struct busy **out)
{
    *out = mem_array(1, sizeof **out);
    if (!*out) return HEARTH_ENOMEM;
    (*out)->threads = threads;
    int e = pthread_create(&(*out)->thread, NULL, busy_main, *out);
    if (e == 0) return HEARTH_OK;
    free(*out);
    *out = NULL;
    return fail(HEARTH_ENOMEM, "a thread cannot be started: %s", strerror(e));
}

enum hearth_status calibrate_work(struct busy **out)
{
    return busy_start(usable_threads(), out);
}

double calibrate_rest(struct busy *b)
{
    if (!b) return 0;
    __atomic_store_n(&b->stop, 1, __ATOMIC_RELAXED);
    pthread_join(b->thread, NULL);
    double mhz = b->mhz;
    free(b);
    return mhz;
}

/* ---- one measurement ---- */

int calibrate_can(enum calibrate_with *with)
{
    *with = CALIBRATE_COUNTERS;
    if (os_energy_readable()) return 1;
    *with = CALIBRATE_BATTERY;
    return os_battery_watts() > 0;
}

static enum hearth_status by_counters(struct os_energy *e, int threads, double seconds, double *watts)
{
    uint64_t package, dram, package_after, dram_after;
    TRY(os_energy_read(e, &package, &dram));
    double from = clock_seconds();
    if (threads) TRY(work_for(threads, seconds));
    else rest_for(seconds);
    TRY(os_energy_read(e, &package_after, &dram_after));
    *watts = (double)(package_after - package + dram_after - dram) / 1e6 / (clock_seconds() - from);
    return HEARTH_OK;
}

/* A battery's own figure lags behind by some seconds: the first half of the time is not looked at. */
static enum hearth_status by_battery(int threads, double seconds, double *watts)
{
    struct busy *b = NULL;
    int n = 0;
    if (threads) TRY(busy_start(threads, &b));
    rest_for(seconds / 2);
    for (*watts = 0; n < 8; n++) {
        *watts += os_battery_watts();
        rest_for(seconds / 16);
    }
    *watts /= n;
    calibrate_rest(b);
    if (*watts > 0) return HEARTH_OK;
    return fail(HEARTH_EIO, "the battery stopped discharging (was the charger put in?); it must discharge until the end");
}

static enum hearth_status point(enum calibrate_with with, struct os_energy *e, int threads, double seconds, struct power *out)
{
    struct power_point at = {threads, 0};
    double cpu = os_cpu_seconds(), from = clock_seconds();
    TRY(with == CALIBRATE_COUNTERS ? by_counters(e, threads, seconds, &at.watts) : by_battery(threads, seconds, &at.watts));
    /* A quota, or other programs, may have left less than that many threads. */
    if (threads) at.threads = (os_cpu_seconds() - cpu) / (clock_seconds() - from);
    if (out->n && at.threads < out->at[out->n - 1].threads + 0.01) return HEARTH_OK;
    out->at[out->n++] = at;
    return HEARTH_OK;
}

enum hearth_status calibrate_measure(enum calibrate_with with, double seconds, const struct calibrate_callbacks *c, struct power *out)
{
    static const char *const basis[] = {[CALIBRATE_COUNTERS] = "watts-rapl", [CALIBRATE_BATTERY] = "watts-battery"};
    int all = usable_threads(), step[] = {0, 1, all / 4, all / 2, all};
    struct os_energy *e = NULL;
    enum hearth_status st = HEARTH_OK;
    *out = (struct power){.n = 0};
    snprintf(out->basis, sizeof out->basis, "%s", basis[with]);
    if (with == CALIBRATE_COUNTERS) TRY(os_energy_open(&e));
    for (size_t i = 0; st == HEARTH_OK && i < sizeof step / sizeof *step; i++) {
        if (i && step[i] <= step[i - 1]) continue;
        if (c->cancel && __atomic_load_n(c->cancel, __ATOMIC_RELAXED)) st = fail(HEARTH_ECANCELLED, "calibration was stopped");
        else {
            if (c->on_step) c->on_step(c->user, step[i], seconds);
            st = point(with, e, step[i], seconds, out);
        }
    }
    os_energy_close(e);
    if (st != HEARTH_OK) return st;
    out->mhz = os_cpu_mhz();
    if (out->n < 2 || out->at[out->n - 1].watts <= 0)
        return fail(HEARTH_EIO, "what was measured makes no sense: %.2f W with %.1f threads busy", out->at[out->n - 1].watts,
                    out->at[out->n - 1].threads);
    return HEARTH_OK;
}
