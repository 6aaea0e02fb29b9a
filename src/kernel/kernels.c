/* kernels.c - all kernels of one instruction set: this file is compiled once for each, with ISA set to its name
 * (scalar, avx2, ...) and ISA_<name> defined.  The parts:
 *     isa/<name>.h        the lane operations
 *     isa/quant_<name>.h  the quantised block dot and tile, the only body written per instruction set
 *     vmath.h rows.h matmul.h attention.h product.h backward.h   everything else, once */
#include "kernel/kernels.h"

#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#ifdef ISA_scalar                      /* nothing to keep in registers, and minutes of compiling under a sanitizer */
#define UNROLL
#define UNROLL_LITTLE
#elif defined __clang__                /* short loops over registers: unrolled whole, or the registers become memory */
#define UNROLL _Pragma("clang loop unroll(full)")
#define UNROLL_LITTLE _Pragma("clang loop unroll_count(4)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#define UNROLL_LITTLE _Pragma("GCC unroll 4")
#endif

/* What the tiles ask of a type, as constants. */
#define pack_blocks(t) ((t) == T_Q4_0 || (t) == T_Q4_1 || (t) == T_Q5_0 || (t) == T_Q5_1 || (t) == T_Q8_0 || (t) == T_IQ4_NL ? 1 : 8)
#define pack_heads(t) ((t) == T_Q4_1 || (t) == T_Q5_1 || (t) == T_Q2_K || (t) == T_Q4_K || (t) == T_Q5_K ? 2 : 1)
#define pack_scales(t) (pack_blocks(t) == 1 ? 0 : (t) == T_IQ4_XS ? 1 : 2)
#define pack_quants(t) ((t) == T_Q8_0 ? 8 : (t) == T_Q2_K || (t) == T_Q3_K ? 3 : (t) == T_Q6_K ? 6 : 5)
#define pack_width(t) ((t) == T_Q2_K || (t) == T_Q3_K || (t) == T_Q6_K ? 16 : 32)

#if defined ISA_avx2
#include "kernel/isa/avx2.h"
#include "kernel/isa/quant_avx2.h"
#elif defined ISA_scalar
#include "kernel/isa/scalar.h"
#include "kernel/isa/quant_scalar.h"
#else
#error "this instruction set has no lane operations here"
#endif

#include "kernel/vmath.h"
#include "kernel/rows.h"
#include "kernel/matmul.h"
#include "kernel/attention.h"
#include "kernel/product.h"
#include "kernel/backward.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

const struct kernels JOIN(kernels_, ISA) = {
    .name = TEXT(ISA), .lanes = LANES,
    .quantize = quantize, .matmul_quant = matmul_quant, .matmul_float = matmul_float,
    .rms_norm = rms_norm, .add = add, .scale = scale, .softcap = softcap, .silu_mul = silu_mul, .gelu_mul = gelu_mul,
    .layer_norm = layer_norm, .gelu = gelu, .gelu_erf = gelu_erf,
    .rope_pairs = rope_pairs, .rope_halves = rope_halves, .kv_store = kv_store,
    .attend_chunk = attend_chunk, .attend_merge = attend_merge, .attend_finish = attend_finish,
    .finite = finite_all, .max = max_of, .sum_exp = sum_exp, .fma_burn = fma_burn,
    .multiply = multiply, .pack_across = pack_across, .pack_down = pack_down, .accumulate = accumulate, .dot = dot, .rms_inverse = rms_inverse,
    .rms_norm_back = rms_norm_back, .rms_weight_back = rms_weight_back, .silu_mul_back = silu_mul_back,
    .gelu_mul_back = gelu_mul_back, .softmax = softmax, .softmax_back = softmax_back,
};
