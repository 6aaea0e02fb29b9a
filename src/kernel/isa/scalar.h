/* scalar.h - the lane operations in plain C: the definition that every other instruction set must equal bit for bit.
 * LANES is 8 for the kernels and 1 for math.c. */
#include <math.h>
#include <string.h>
#include "kernel/types.h"

#ifndef LANES
#define LANES 8
#endif

typedef struct { float f[LANES]; } vf;
typedef struct { int32_t i[LANES]; } vi;
typedef struct { int32_t m[LANES]; } vm;

#define LANE_F(expr) vf r; for (int l = 0; l < LANES; l++) r.f[l] = (expr); return r
#define LANE_I(expr) vi r; for (int l = 0; l < LANES; l++) r.i[l] = (expr); return r

static inline vf v_load(const float *p) { LANE_F(p[l]); }
static inline void v_store(float *p, vf a) { for (int l = 0; l < LANES; l++) p[l] = a.f[l]; }
static inline vf v_set(float x) { LANE_F(x); }
static inline vf v_add(vf a, vf b) { LANE_F(a.f[l] + b.f[l]); }
static inline vf v_sub(vf a, vf b) { LANE_F(a.f[l] - b.f[l]); }
static inline vf v_mul(vf a, vf b) { LANE_F(a.f[l] * b.f[l]); }
static inline vf v_div(vf a, vf b) { LANE_F(a.f[l] / b.f[l]); }
static inline vf v_fma(vf a, vf b, vf c) { LANE_F(fmaf(a.f[l], b.f[l], c.f[l])); }
static inline vf v_max(vf a, vf b) { LANE_F(a.f[l] > b.f[l] ? a.f[l] : b.f[l]); }
static inline vf v_min(vf a, vf b) { LANE_F(a.f[l] < b.f[l] ? a.f[l] : b.f[l]); }
static inline vf v_abs(vf a) { LANE_F(fabsf(a.f[l])); }
static inline vf v_round(vf a)                      /* to nearest, ties to even; |a| < 2^22 */
{
    LANE_F((float)(int32_t)lrintf(a.f[l]));
}
static inline vm v_lt(vf a, vf b) { vm r; for (int l = 0; l < LANES; l++) r.m[l] = a.f[l] < b.f[l]; return r; }
static inline vf v_select(vm m, vf a, vf b) { LANE_F(m.m[l] ? a.f[l] : b.f[l]); }
static inline vi v_toint(vf a) { LANE_I((int32_t)lrintf(a.f[l])); }
static inline vf v_tofloat(vi a) { LANE_F((float)a.i[l]); }
static inline vf v_asf(vi a) { vf r; memcpy(&r, &a, sizeof r); return r; }
static inline vi v_asi(vf a) { vi r; memcpy(&r, &a, sizeof r); return r; }
static inline vi vi_set(int32_t x) { LANE_I(x); }
static inline vi vi_load(const int32_t *p) { LANE_I(p[l]); }
static inline vi vi_add(vi a, vi b) { LANE_I((int32_t)((uint32_t)a.i[l] + (uint32_t)b.i[l])); }
static inline vi vi_sub(vi a, vi b) { LANE_I((int32_t)((uint32_t)a.i[l] - (uint32_t)b.i[l])); }
static inline vi vi_and(vi a, vi b) { LANE_I(a.i[l] & b.i[l]); }
static inline vi vi_max(vi a, vi b) { LANE_I(a.i[l] > b.i[l] ? a.i[l] : b.i[l]); }
static inline vi vi_shl(vi a, int n) { LANE_I((int32_t)((uint32_t)a.i[l] << n)); }
static inline vi vi_sar(vi a, int n) { LANE_I(a.i[l] >> n); }
static inline int32_t vi_top(vi a) { int32_t t = a.i[0]; for (int l = 1; l < LANES; l++) t = a.i[l] > t ? a.i[l] : t; return t; }
static inline vf v_load_f16(const uint16_t *p) { LANE_F(f16_to_f32(p[l])); }
static inline vf v_load_bf16(const uint16_t *p) { LANE_F(bf16_to_f32(p[l])); }
static inline void v_store_f16(uint16_t *p, vf a) { for (int l = 0; l < LANES; l++) p[l] = f32_to_f16(a.f[l]); }
/* LANES signed bytes as floats, and back (values already within -127..127). */
static inline vf v_load_i8(const int8_t *p) { LANE_F((float)p[l]); }
static inline void vi_store_i8(int8_t *p, vi a) { for (int l = 0; l < LANES; l++) p[l] = (int8_t)a.i[l]; }
/* LANES columns of LANES rows, `stride` bytes apart: v[k] holds column k of every row. */
static inline void v_load_columns_f32(const uint8_t *p, size_t stride, vf v[LANES])
{
    for (int j = 0; j < LANES; j++)
        for (int k = 0; k < LANES; k++) memcpy(&v[k].f[j], p + (size_t)j * stride + 4 * (size_t)k, 4);
}
/* 2 LANES columns of 16 bits, in an order of the instruction set's own; v_column_*: column i of them, widened. */
static inline void v_load_columns_16(const uint8_t *p, size_t stride, vi v[LANES])
{
    uint8_t *to = (uint8_t *)v;
    for (int k = 0; k < 2 * LANES; k++)
        for (int j = 0; j < LANES; j++, to += 2) memcpy(to, p + (size_t)j * stride + 2 * (size_t)k, 2);
}
static inline vf v_column_f16(const vi v[LANES], int i) { return v_load_f16((const uint16_t *)(const void *)v + i * LANES); }
static inline vf v_column_bf16(const vi v[LANES], int i) { return v_load_bf16((const uint16_t *)(const void *)v + i * LANES); }
