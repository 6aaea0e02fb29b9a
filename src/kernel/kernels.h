/* kernels.h - the table of kernels.  kernels.c is compiled once per instruction set and exports one table each; the
 * scalar one is the definition (ARITHMETIC.md), every other equals it bit for bit.
 *
 * Shapes: a matrix of weights is [rows = outputs][cols = inputs]; activations are [n tokens][width], one token's values
 * contiguous, ld* the distance from one token to the next in elements (blocks for xblock). */
#ifndef HEARTH_KERNEL_KERNELS_H
#define HEARTH_KERNEL_KERNELS_H

#include "hearth.h"
#include "kernel/pack.h"

#define HEARTH_ARITHMETIC_VERSION 1

/* 32 activations rounded to 8 bits: x ~ d * q.  s: the sums of q[0..15] and q[16..31]. */
struct xblock { int8_t q[32]; float d; int16_t s[2]; };

/* A matrix in file layout: floats in place, or (float arithmetic) quantised rows dequantised as they are used. */
struct dense { enum tensor_type type; uint64_t rows, cols; size_t row_bytes; const uint8_t *data; };

enum { KV_PAGE = 64, ATTEND_CHUNK = 256, ATTEND_QUERIES = 32, HEAD_WIDTH_MAX = 512, PANEL_ROWS = 32, PANEL_COLS = 256 };

/* One KV head of one page, 64 positions.  F32, F16: keys [head_width][64], values [64][head_width].
 * Q8_0: the same as bytes, then f16 scales: keys [head_width/32][64], values [64][head_width/32]. */
size_t kv_page_bytes(enum hearth_kv t, int head_width); /* of keys; values take as much */

/* What one call of attend works on: up to ATTEND_QUERIES query vectors against one KV head. */
struct attend {
    enum hearth_kv kv;
    int head_width, n;                      /* n query vectors */
    const float *q[ATTEND_QUERIES];         /* [head_width] each */
    int64_t begin[ATTEND_QUERIES], end[ATTEND_QUERIES]; /* positions each may see, end excluded */
    const uint8_t *keys[ATTEND_CHUNK / KV_PAGE], *values[ATTEND_CHUNK / KV_PAGE]; /* the chunk's pages */
    float scale, softcap;                   /* softcap 0: none */
};
/* Unnormalised result of some chunks: out = sum of e^(s-m) v, l = sum of e^(s-m). */
struct attend_state { float m, l; };

struct kernels {
    const char *name;
    int lanes;
    /* x [n] to blocks [n/32]; returns non-zero when a value is not finite. */
    int (*quantize)(const float *x, struct xblock *out, size_t n);
    /* out[c][row] for the row groups [begin, end), begin even; ldx in blocks. */
    void (*matmul_quant)(const struct packed *w, uint64_t begin, uint64_t end, const struct xblock *x, size_t ldx,
                         int n, float *out, size_t ldo);
    /* out[c][row] for rows [begin, end), begin a multiple of 32; scratch: PANEL_ROWS * PANEL_COLS floats twice. */
    void (*matmul_float)(const struct dense *w, uint64_t begin, uint64_t end, const float *x, size_t ldx, int n,
                         float *out, size_t ldo, float *scratch);
    /* out[i] = x[i] / rms(x) * w[i]; returns non-zero when the sum of squares is not finite.  out may be x. */
    int (*rms_norm)(const float *x, const float *w, float eps, float *out, size_t n);
    /* out[i] = (x[i] - mean) / deviation * w[i] + b[i]; returns non-zero when the sum of squares is not finite.  out may be x. */
    int (*layer_norm)(const float *x, const float *w, const float *b, float eps, float *out, size_t n);
    void (*add)(float *x, const float *y, size_t n);                  /* x += y */
    void (*scale)(float *x, float s, size_t n);                       /* x *= s */
    void (*softcap)(float *x, float cap, size_t n);                   /* x = cap * tanh(x / cap) */
    void (*silu_mul)(const float *gate, const float *up, float *out, size_t n);
    void (*gelu_mul)(const float *gate, const float *up, float *out, size_t n);
    void (*gelu)(const float *x, float *out, size_t n);               /* by tanh, as gelu_mul; out may be x */
    void (*gelu_erf)(const float *x, float *out, size_t n);           /* by erf */
    /* Rotates one head in place; cos, sin [width/2].  Pairs (2i, 2i+1), or (i, i + width/2). */
    void (*rope_pairs)(float *x, const float *cos, const float *sin, int width);
    void (*rope_halves)(float *x, const float *cos, const float *sin, int width);
    /* Writes one position's key and value [head_width] into a page at slot 0..63; returns non-zero when a value is
     * too large for the type. */
    int (*kv_store)(enum hearth_kv t, uint8_t *keys, uint8_t *values, int slot, const float *k, const float *v,
                    int head_width);
    /* Chunk c (positions 256c .. 256c+255) for every query of a; out [n][head_width], state [n].
     * scratch: attend_scratch(head_width) floats.  A query that sees nothing of the chunk gets l = 0. */
    void (*attend_chunk)(const struct attend *a, int64_t c, float *out, struct attend_state *state, float *scratch);
    /* acc, state <- merged with the next chunk's (in ascending order). */
    void (*attend_merge)(float *acc, struct attend_state *as, const float *out, const struct attend_state *s, int width);
    void (*attend_finish)(float *acc, const struct attend_state *s, int width); /* acc /= l */
    int (*finite)(const float *x, size_t n);  /* 1 when every value is */
    float (*max)(const float *x, size_t n);
    /* Sum of exp(x[i] - m): 16 strided partial sums and the tree. */
    float (*sum_exp)(const float *x, float m, size_t n);
    double (*fma_burn)(long iterations);    /* returns the floating-point operations done */

    /* ---- products of many rows (product.h), in panels of 2 * lanes columns, `step` floats from one to the next ---- */
    /* out[r][c] = fma(a[r * row_step + i * k_step], b[i][c], out[r][c]) for i = 0 .. k-1; b packed; fresh: out is 0, whatever it
     * holds; scratch: MULTIPLY_SCRATCH floats. */
    void (*multiply)(const float *a, size_t row_step, size_t k_step, int rows, const float *panels, size_t step, int k, int cols,
                     int fresh, float *out, size_t ldo, float *scratch);
    /* Rows [row, row + rows) and columns [col, col + cols) of w: across, row i is b[i]; down, column i is.  col at a block of the type and,
     * across, the first of a panel.  What a last panel lacks is zero. */
    void (*pack_across)(const struct dense *w, uint64_t row, int rows, uint64_t col, int cols, float *panels, size_t step);
    void (*pack_down)(const struct dense *w, uint64_t row, int rows, uint64_t col, int cols, float *panels, size_t step);
    /* The same with b as it lies, b[i] = b + i * ldb; scratch: MULTIPLY_SCRATCH floats. */
    void (*accumulate)(const float *a, size_t row_step, size_t k_step, int rows, const float *b, size_t ldb, int n, int cols,
                       float *out, size_t ldo, float *scratch);

    /* ---- gradients (backward.h) ---- */
    float (*dot)(const float *a, const float *b, size_t n);
    float (*rms_inverse)(const float *x, float eps, size_t n);        /* 1 / rms(x), the bits rms_norm uses */
    void (*rms_norm_back)(const float *x, float r, const float *w, const float *dy, float *dx, size_t n); /* dx may be dy */
    void (*rms_weight_back)(const float *x, float r, const float *dy, float *dw, size_t n); /* dw += dy * (x r) */
    /* d: of the product; dgate may be gate, dup may be up. */
    void (*silu_mul_back)(const float *d, const float *gate, const float *up, float *dgate, float *dup, size_t n);
    void (*gelu_mul_back)(const float *d, const float *gate, const float *up, float *dgate, float *dup, size_t n);
    void (*softmax)(float *x, float m, float l, size_t n);            /* x = exp(x - m) / l */
    void (*softmax_back)(const float *p, float mean, float s, float *d, size_t n); /* d = p * (d - mean) * s */
};

enum { MULTIPLY_ROWS = 192, MULTIPLY_DEEP = 288, MULTIPLY_SCRATCH = MULTIPLY_ROWS * MULTIPLY_DEEP, ACROSS = 96 };

size_t attend_scratch(int head_width);      /* floats */

extern const struct kernels kernels_scalar;
/* The best the machine allows, or what HEARTH_ISA names; chosen once.  EUSAGE when HEARTH_ISA names one that this
 * build or this machine does not have. */
enum hearth_status kernels_choose(const struct kernels **out);
/* The same when it is known to succeed (after kernels_choose): never NULL. */
const struct kernels *kernels_get(void);
/* Table i of those that run here, NULL past the last: for tests and doctor. */
const struct kernels *kernels_at(size_t i);

#endif
