/* avx2.h - the lane operations on AVX2 + FMA + F16C: eight lanes. */
#include <immintrin.h>
#include "kernel/types.h"

#define LANES 8
typedef __m256 vf;
typedef __m256i vi;
typedef __m256 vm;

static inline vf v_load(const float *p) { return _mm256_loadu_ps(p); }
static inline void v_store(float *p, vf a) { _mm256_storeu_ps(p, a); }
static inline vf v_set(float x) { return _mm256_set1_ps(x); }
static inline vf v_add(vf a, vf b) { return _mm256_add_ps(a, b); }
static inline vf v_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
static inline vf v_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
static inline vf v_div(vf a, vf b) { return _mm256_div_ps(a, b); }
static inline vf v_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
static inline vf v_max(vf a, vf b) { return _mm256_max_ps(a, b); }
static inline vf v_min(vf a, vf b) { return _mm256_min_ps(a, b); }
static inline vf v_abs(vf a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
/* through the integers, as the definition does: rounding -0.3 gives +0 */
static inline vi v_toint(vf a) { return _mm256_cvtps_epi32(a); }
static inline vf v_tofloat(vi a) { return _mm256_cvtepi32_ps(a); }
static inline vf v_round(vf a) { return v_tofloat(v_toint(a)); }
static inline vm v_lt(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
static inline vf v_select(vm m, vf a, vf b) { return _mm256_blendv_ps(b, a, m); }
static inline vf v_asf(vi a) { return _mm256_castsi256_ps(a); }
static inline vi v_asi(vf a) { return _mm256_castps_si256(a); }
static inline vi vi_set(int32_t x) { return _mm256_set1_epi32(x); }
static inline vi vi_load(const int32_t *p) { return _mm256_loadu_si256((const __m256i *)(const void *)p); }
static inline vi vi_add(vi a, vi b) { return _mm256_add_epi32(a, b); }
static inline vi vi_sub(vi a, vi b) { return _mm256_sub_epi32(a, b); }
static inline vi vi_and(vi a, vi b) { return _mm256_and_si256(a, b); }
static inline vi vi_max(vi a, vi b) { return _mm256_max_epi32(a, b); }
static inline vi vi_shl(vi a, int n) { return _mm256_sll_epi32(a, _mm_cvtsi32_si128(n)); }
static inline vi vi_sar(vi a, int n) { return _mm256_sra_epi32(a, _mm_cvtsi32_si128(n)); }
static inline int32_t vi_top(vi a)
{
    __m128i m = _mm_max_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0x4e));
    m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0xb1));
    return _mm_cvtsi128_si32(m);
}
static inline vf v_load_f16(const uint16_t *p)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}
static inline vf v_load_bf16(const uint16_t *p)
{
    return v_asf(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)), 16));
}
static inline void v_store_f16(uint16_t *p, vf a)
{
    _mm_storeu_si128((__m128i *)(void *)p, _mm256_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT));
}
static inline vf v_load_i8(const int8_t *p)
{
    return v_tofloat(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p)));
}
static inline void vi_store_i8(int8_t *p, vi a)
{
    __m128i w = _mm_packs_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    _mm_storel_epi64((__m128i *)(void *)p, _mm_packs_epi16(w, w));
}

/* LANES columns of LANES rows, `stride` bytes apart: v[k] holds column k of every row.  Rows i and i + 4 are joined as they
 * are loaded, so that what is left are 4 x 4 transpositions inside each half. */
static inline void v_halves(vf a0, vf a1, vf a2, vf a3, vf *v)
{
    vf b0 = _mm256_unpacklo_ps(a0, a1), b1 = _mm256_unpackhi_ps(a0, a1);
    vf b2 = _mm256_unpacklo_ps(a2, a3), b3 = _mm256_unpackhi_ps(a2, a3);
    v[0] = _mm256_shuffle_ps(b0, b2, 0x44), v[1] = _mm256_shuffle_ps(b0, b2, 0xee);
    v[2] = _mm256_shuffle_ps(b1, b3, 0x44), v[3] = _mm256_shuffle_ps(b1, b3, 0xee);
}
#define V_JOIN_F32(p, i, k) _mm256_insertf128_ps(_mm256_castps128_ps256( \
    _mm_loadu_ps((const float *)(const void *)((p) + (size_t)(i) * stride) + (k))), \
    _mm_loadu_ps((const float *)(const void *)((p) + (size_t)((i) + 4) * stride) + (k)), 1)
static inline void v_load_columns_f32(const uint8_t *p, size_t stride, vf v[8])
{
    v_halves(V_JOIN_F32(p, 0, 0), V_JOIN_F32(p, 1, 0), V_JOIN_F32(p, 2, 0), V_JOIN_F32(p, 3, 0), v);
    v_halves(V_JOIN_F32(p, 0, 4), V_JOIN_F32(p, 1, 4), V_JOIN_F32(p, 2, 4), V_JOIN_F32(p, 3, 4), v + 4);
}
/* 2 LANES columns of 16 bits: v[i] holds column i in its lower half and column 8 + i in its upper one. */
static inline void v_load_columns_16(const uint8_t *p, size_t stride, vi v[8])
{
    vi a[8], b[8];
    _Pragma("GCC unroll 4") for (int i = 0; i < 8; i += 2) {
        vi r0 = vi_load((const int32_t *)(const void *)(p + (size_t)i * stride));
        vi r1 = vi_load((const int32_t *)(const void *)(p + (size_t)(i + 1) * stride));
        a[i] = _mm256_unpacklo_epi16(r0, r1), a[i + 1] = _mm256_unpackhi_epi16(r0, r1);
    }
    _Pragma("GCC unroll 2") for (int i = 0; i < 8; i += 4) {
        b[i] = _mm256_unpacklo_epi32(a[i], a[i + 2]), b[i + 1] = _mm256_unpackhi_epi32(a[i], a[i + 2]);
        b[i + 2] = _mm256_unpacklo_epi32(a[i + 1], a[i + 3]), b[i + 3] = _mm256_unpackhi_epi32(a[i + 1], a[i + 3]);
    }
    _Pragma("GCC unroll 4") for (int i = 0; i < 4; i++)
        v[2 * i] = _mm256_unpacklo_epi64(b[i], b[i + 4]), v[2 * i + 1] = _mm256_unpackhi_epi64(b[i], b[i + 4]);
}
static inline const uint16_t *v_column_16(const vi v[8], int i)
{
    return (const uint16_t *)(const void *)((const uint8_t *)(v + i % 8) + 16 * (i / 8));
}
static inline vf v_column_f16(const vi v[8], int i) { return v_load_f16(v_column_16(v, i)); }
static inline vf v_column_bf16(const vi v[8], int i) { return v_load_bf16(v_column_16(v, i)); }
