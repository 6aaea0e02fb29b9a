/* clock.c - a clock that only moves forward, whatever happens to the calendar. */
#include <time.h>

#include "base/clock.h"

double clock_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
