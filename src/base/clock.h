/* clock.h - time. */
#ifndef HEARTH_BASE_CLOCK_H
#define HEARTH_BASE_CLOCK_H
/* Seconds since some fixed moment, monotonic. */
double clock_seconds(void);
#endif
