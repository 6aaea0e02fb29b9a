/* fpmode.c - one control register an architecture: MXCSR (Intel manual, volume 1, section 10.2.3) and FPCR (Arm
 * architecture reference manual, C5.2).  0x1F80 is MXCSR's state at reset: all exceptions masked, nearest, no
 * FTZ, no DAZ; FPCR's is 0. */
#include "base/fpmode.h"

#if defined(__x86_64__) || defined(__i386__)
#include <xmmintrin.h>
enum { MODE = 0x1F80 };
static uint64_t mode_get(void) { return _mm_getcsr(); }
static void mode_set(uint64_t m) { _mm_setcsr((unsigned)m); }
#elif defined(__aarch64__)
enum { MODE = 0 };
static uint64_t mode_get(void) {
    uint64_t m;
    __asm__ volatile("mrs %0, fpcr" : "=r"(m));
    return m;
}
static void mode_set(uint64_t m) { __asm__ volatile("msr fpcr, %0" : : "r"(m)); }
#else /* C knows of the rounding direction only; these machines have no flush-to-zero that we know of */
#include <fenv.h>
enum { MODE = FE_TONEAREST };
static uint64_t mode_get(void) { return (uint64_t)fegetround(); }
static void mode_set(uint64_t m) { fesetround((int)m); }
#endif

void fp_enter(struct fp_state *s) {
    s->saved = mode_get();
    mode_set(MODE);
}

void fp_leave(const struct fp_state *s) { mode_set(s->saved); }
