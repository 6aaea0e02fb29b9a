/* calibrate.h - what this computer takes at rest and at work: measured by its own counters or battery, or read from a power
 * meter by a person while this keeps all cores busy. */
#ifndef HEARTH_ACCOUNT_CALIBRATE_H
#define HEARTH_ACCOUNT_CALIBRATE_H

#include "account/factors.h"

enum calibrate_with { CALIBRATE_COUNTERS, CALIBRATE_BATTERY };

struct calibrate_callbacks {
    void (*on_step)(void *user, int threads, double seconds);    /* a measurement begins; 0 threads: at rest */
    void *user;
    const volatile int *cancel;                                  /* non-zero between steps: ECANCELLED */
};

/* What could be measured with here: 1, or 0 when there is neither a counter nor a discharging battery. */
int calibrate_can(enum calibrate_with *with);
/* At rest, then with one, a quarter, half and all of the threads busy, `seconds` each. */
enum hearth_status calibrate_measure(enum calibrate_with with, double seconds, const struct calibrate_callbacks *c, struct power *out);

/* Keeps all cores busy until calibrate_rest(), which tells the clock they had (0: not known) and forgets b. */
struct busy;
enum hearth_status calibrate_work(struct busy **out);
double calibrate_rest(struct busy *b);

#endif
