/* quantize.h - floats to tensor types.  A pure function of the row and of what its columns are worth: no threads, no random numbers,
 * F32 operations in the order written.
 *
 *     plain                           the squared error is kept small; Q4_0 .. Q8_0 bit for bit as PyPI `gguf` writes them
 *     with an importance (imatrix.h)  the squared error times its column's mean square, which is what reaches the output; costs three
 *                                     times as much work, and makes no difference to Q8_0 and the float types */
#ifndef HEARTH_QUANT_QUANTIZE_H
#define HEARTH_QUANT_QUANTIZE_H

#include <stddef.h>
#include "base/status.h"
#include "kernel/types.h"

/* n elements, a multiple of the type's block.  ENUMERIC, saying which value: one that is not finite, or too large for
 * the type's F16 scale (or for F16 itself). */
enum hearth_status quantize_row(enum tensor_type t, const float *src, void *dst, size_t n);
/* importance: [n] of finite numbers, 0 or more; NULL: plain. */
enum hearth_status quantize_row_for(enum tensor_type t, const float *src, const float *importance, void *dst, size_t n);

/* The quantisers of one block: 0 when a scale does not fit in F16.  Every value is finite and at most QUANTIZE_MAX in size.
 * cost: what an error of each element costs, above 0 and about 1 at most; NULL: the same for all. */
#define QUANTIZE_MAX 1e9f      /* no type holds as much: the most is 65,504 * 128 * 32 */
typedef int quantize_block(const float *x, const float *cost, uint8_t *b);
quantize_block quantize_q2_k, quantize_q3_k, quantize_q4_k, quantize_q5_k, quantize_q6_k, quantize_iq4_nl, quantize_iq4_xs;
/* Writes v as F16; 0 when it is not finite there. */
int quantize_put_half(uint8_t *p, float v);

/* ---- fitting, as quantize_k.c explains it; cost is not NULL ---- */
/* s for x ~ s q, q in [low, -low - 1]; both: the extreme value is tried on either side. */
float quantize_fit(const float *x, const float *cost, int n, int low, int both);
/* s and m for x ~ s q - m, q in [0, high]; below: m may be less than 0. */
float quantize_fit_min(const float *x, const float *cost, int n, int high, int below, float *min);
/* The levels of x ~ dl q - ml, and what is lost by them. */
float quantize_levels(const float *x, const float *cost, int n, float dl, float ml, int low, int high, int8_t *q);

#endif
