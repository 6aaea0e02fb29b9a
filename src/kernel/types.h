/* types.h - the tensor types of GGUF: their numbers, names and block sizes (the ids are those of the GGUF
 * specification, github.com/ggml-org/ggml/blob/master/docs/gguf.md). */
#ifndef HEARTH_KERNEL_TYPES_H
#define HEARTH_KERNEL_TYPES_H

#include <stddef.h>
#include <stdint.h>

enum tensor_type {
    T_F32 = 0, T_F16 = 1, T_Q4_0 = 2, T_Q4_1 = 3, T_Q5_0 = 6, T_Q5_1 = 7, T_Q8_0 = 8,
    T_Q2_K = 10, T_Q3_K = 11, T_Q4_K = 12, T_Q5_K = 13, T_Q6_K = 14,
    T_IQ4_NL = 20, T_IQ4_XS = 23, T_BF16 = 30
};

struct type_info { enum tensor_type id; const char *name; uint32_t block; /* elements */ uint32_t bytes; /* a block */ };

/* NULL for an id that hearth does not know. */
const struct type_info *type_info(uint32_t id);
const struct type_info *type_by_name(const char *name); /* case-insensitive */
const struct type_info *type_at(size_t i);              /* NULL past the last */

/* Dequantises n elements (a multiple of the block) of a row in its file layout; bit for bit what the `gguf` package
 * gives.  Every product and sum is a single F32 operation in the order written in ARITHMETIC.md. */
void dequantize_row(enum tensor_type t, const void *src, float *dst, size_t n);

/* IEEE binary16 and bfloat16.  to_f16/to_bf16 round half to even. */
float f16_to_f32(uint16_t h);
uint16_t f32_to_f16(float f);
float bf16_to_f32(uint16_t h);
uint16_t f32_to_bf16(float f);

extern const int8_t iq4nl_values[16];

#endif
