/* math.h - the elementary functions that hearth's numbers pass through.  libm's differ from one release to the next in
 * the last bit; these do not.  exp, tanh and erf are the one-lane form of the lane functions in vmath.h, so a scalar caller
 * and a kernel get the same bits.  log, sin, cos and pow work in double with plain + - * / and are rounded once at the end.
 *
 * Bounds, measured by tests/kernel/test_math.c: exp 1.5 ulp, log 0.51 ulp, tanh 2.5 ulp, erf 1.5 ulp, sin and cos 0.51 ulp for
 * |x| <= 2^19, pow 0.51 ulp. */
#ifndef HEARTH_KERNEL_MATH_H
#define HEARTH_KERNEL_MATH_H

float hm_exp(float x);             /* 0 below -104, +inf above 88.73 */
float hm_log(float x);             /* x > 0; -inf for 0 */
float hm_tanh(float x);
float hm_erf(float x);
float hm_sin(float x);             /* |x| <= 2^19 */
float hm_cos(float x);
float hm_pow(float x, float y);    /* x > 0 */

#endif
