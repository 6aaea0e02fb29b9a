/* fpmode.h - the floating-point mode that the arithmetic contract assumes: round to nearest, subnormal numbers
 * kept, no traps.  A host program may have changed it (some Python packages set flush-to-zero for the whole
 * process), so every public entry point that computes saves it, sets it and gives it back:
 *     struct fp_state fp;
 *     fp_enter(&fp);  ...  fp_leave(&fp); */
#ifndef HEARTH_BASE_FPMODE_H
#define HEARTH_BASE_FPMODE_H
#include <stdint.h>
struct fp_state { uint64_t saved; };
void fp_enter(struct fp_state *s);       /* saves this thread's mode, sets ours */
void fp_leave(const struct fp_state *s); /* restores it */
#endif
