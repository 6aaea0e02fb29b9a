/* quantize.h - floats to tensor types: the plain quantisers, which know nothing but the row itself.  A pure function
 * of the row: no threads, no random numbers, F32 operations in the order written. */
#ifndef HEARTH_QUANT_QUANTIZE_H
#define HEARTH_QUANT_QUANTIZE_H

#include <stddef.h>
#include "base/status.h"
#include "kernel/types.h"

/* n elements, a multiple of the type's block.  ENUMERIC, saying which value: one that is not finite, or too large for
 * the type's F16 scale (or for F16 itself). */
enum hearth_status quantize_row(enum tensor_type t, const float *src, void *dst, size_t n);

/* The quantisers of one block of 256 (quantize_k.c) and of one of IQ4_NL: 0 when a scale does not fit in F16.
 * Every value is finite and at most QUANTIZE_MAX in size. */
#define QUANTIZE_MAX 1e9f      /* no type holds as much: the most is 65,504 * 128 * 32 */
int quantize_q2_k(const float *x, uint8_t *b);
int quantize_q3_k(const float *x, uint8_t *b);
int quantize_q4_k(const float *x, uint8_t *b);
int quantize_q5_k(const float *x, uint8_t *b);
int quantize_q6_k(const float *x, uint8_t *b);
int quantize_iq4_nl(const float *x, uint8_t *b);
int quantize_iq4_xs(const float *x, uint8_t *b);
/* Writes v as F16; 0 when it is not finite there. */
int quantize_put_half(uint8_t *p, float v);

#endif
