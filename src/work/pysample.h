/* pysample.h - what Python's random.Random(seed).sample() gives: few-shot examples of a task are then the very ones that
 * lm-evaluation-harness takes.  Mersenne Twister (Matsumoto and Nishimura, 1998), seeded by an array as Python does. */
#ifndef HEARTH_WORK_PYSAMPLE_H
#define HEARTH_WORK_PYSAMPLE_H

#include <stddef.h>
#include <stdint.h>
#include "base/status.h"

enum { TWISTER = 624 };
struct pysample { uint32_t state[TWISTER]; int at; };

void pysample_init(struct pysample *r, uint64_t seed);
/* k different numbers of 0 .. n-1 in the order they are drawn; k <= n < 2^31. */
enum hearth_status pysample_draw(struct pysample *r, size_t n, size_t k, size_t *out);

#endif
