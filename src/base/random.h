/* random.h - counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as
 * easy as 1, 2, 3", SC 2011).  A number is a pure function of key and counter, so nothing has a state to lose. */
#ifndef HEARTH_BASE_RANDOM_H
#define HEARTH_BASE_RANDOM_H
#include <stdint.h>
void philox4x32(uint64_t key, const uint32_t counter[4], uint32_t out[4]);
/* Uniform in [0, 1): 24 bits of word 0 of counter (lo, hi, stream, 0). */
float random_uniform(uint64_t key, uint64_t position, uint32_t stream);
#endif
