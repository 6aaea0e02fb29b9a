/* quant_avx2.h - the quantised matrix product on AVX2: lane = row.
 *
 * A 32-bit lane holds four columns of one row; maddubs multiplies them with the same four activations, broadcast, and
 * adds pairs in 16 bits.  How many such vectors may be added before widening follows from the largest code:
 *     4 bits: 8 (8 * 2 * 15 * 127 = 30,480)   5 bits: 4 (31,496)   6 bits: 2 (32,004)   2 and 3 bits: a sub-block
 * madd then widens and multiplies by the sub-block scale at once.  Codes with an offset are used unsigned and the
 * offset times the activations' sums is taken off in integers.  Signed codes: |w| times sign(x, w).
 *
 * A tile is 2 row groups by 4 columns where the 16-bit sums of all fit the registers, else 1 by 4; the F32 sums stay in
 * memory between blocks (they are touched once in 64 multiplications). */

enum { TILE_COLS = 4 };

/* The sum stays one chain in one register: left alone, gcc takes all products first and spills them. */
#define KEEP(v) __asm__("" : "+x"(v))

INLINE __m256i load32(const void *p) { return _mm256_loadu_si256((const __m256i *)p); }
INLINE __m256i four(const int8_t *q)                       /* four activations in every lane */
{
    int32_t w;
    memcpy(&w, q, 4);
    return _mm256_set1_epi32(w);
}
INLINE __m256i sums_of(const struct xblock *x)             /* (s0, s1) in every lane */
{
    int32_t w;
    memcpy(&w, x->s, 4);
    return _mm256_set1_epi32(w);
}
INLINE __m256i low4(__m256i v) { return _mm256_and_si256(v, _mm256_set1_epi8(15)); }
INLINE __m256i high4(__m256i v) { return low4(_mm256_srli_epi16(v, 4)); }

INLINE int is_signed(enum tensor_type t) { return t == T_Q8_0 || t == T_IQ4_NL || t == T_IQ4_XS; }
INLINE int is_fivebit(enum tensor_type t) { return t == T_Q5_0 || t == T_Q5_1 || t == T_Q5_K; }

/* The sub-block scales of a block as pairs of 16 bits a lane: (s0, s1). */
INLINE __m256i scale_pairs(enum tensor_type t, const uint8_t *s)
{
    __m128i b = _mm_loadu_si128((const __m128i *)(const void *)s);
    if (t == T_Q2_K) b = _mm_and_si128(b, _mm_set1_epi8(15));
    return t == T_Q3_K || t == T_Q6_K ? _mm256_cvtepi8_epi16(b) : _mm256_cvtepu8_epi16(b);
}
INLINE __m256i both(__m256i pairs, int which)              /* (s0, s0) or (s1, s1) */
{
    return which ? _mm256_or_si256(_mm256_srli_epi32(pairs, 16), _mm256_andnot_si256(_mm256_set1_epi32(0xffff), pairs))
                 : _mm256_or_si256(_mm256_slli_epi32(pairs, 16), _mm256_and_si256(_mm256_set1_epi32(0xffff), pairs));
}

/* Column quad i (columns 4i..4i+3) of a block as unsigned codes (signed for Q8_0).  v: the quant vectors. */
INLINE __m256i quad(enum tensor_type t, const uint8_t *v, int i)
{
    if (t == T_Q8_0) return load32(v + 32 * i);
    if (t == T_Q2_K || t == T_Q3_K) {
        __m256i w = _mm256_and_si256(_mm256_srli_epi16(load32(v + 32 * (i / 4)), 2 * (i % 4)), _mm256_set1_epi8(3));
        if (t == T_Q2_K) return w;
        __m256i h = load32(v + 64);
        h = i < 2 ? _mm256_slli_epi16(h, 2 - i) : _mm256_srli_epi16(h, i - 2);
        return _mm256_or_si256(w, _mm256_and_si256(h, _mm256_set1_epi8(4)));
    }
    __m256i w = load32(v + 32 * (i % 4));
    w = i < 4 ? low4(w) : high4(w);
    if (is_fivebit(t)) {
        __m256i h = load32(v + 128);
        h = i < 4 ? _mm256_slli_epi16(h, 4 - i) : _mm256_srli_epi16(h, i - 4);
        w = _mm256_or_si256(w, _mm256_and_si256(h, _mm256_set1_epi8(16)));
    }
    if (t == T_Q6_K) {
        __m256i h = load32(v + 128 + 32 * (i / 4));
        int s = 4 - 2 * (i % 4);
        h = s > 0 ? _mm256_slli_epi16(h, s) : _mm256_srli_epi16(h, -s);
        w = _mm256_or_si256(w, _mm256_and_si256(h, _mm256_set1_epi8(48)));
    }
    if (t == T_IQ4_NL || t == T_IQ4_XS)
        w = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)iq4nl_values)), w);
    return w;
}

/* sum[g][c] of one block.  v[g]: its quant vectors; sc[g]: scale pairs, (1, 1) where the type has none. */
INLINE void block_dot(enum tensor_type t, const int G, const int C, const uint8_t *const *v, const __m256i *sc,
                      const struct xblock *const *x, __m256i *sum)
{
    __m256i part[8];
    UNROLL for (int i = 0; i < G * C; i++) sum[i] = part[i] = _mm256_setzero_si256();
    if (is_signed(t)) {
        UNROLL for (int i = 0; i < 8; i++) {
            __m256i w[2], a[2];
            UNROLL for (int g = 0; g < G; g++) w[g] = quad(t, v[g], i), a[g] = _mm256_abs_epi8(w[g]);
            UNROLL for (int c = 0; c < C; c++) {
                __m256i xq = four(x[c]->q + 4 * i);
                UNROLL for (int g = 0; g < G; g++) {
                    __m256i p = _mm256_maddubs_epi16(a[g], _mm256_sign_epi8(xq, w[g]));
                    sum[g * C + c] = _mm256_add_epi32(sum[g * C + c], _mm256_madd_epi16(p, _mm256_set1_epi16(1)));
                    KEEP(sum[g * C + c]);
                }
            }
        }
        return;
    }
    /* the order of quads: low and high nibble of one vector follow each other where they share a scale */
    const int by_half = pack_width(t) == 16;
    const int widen = t == T_Q6_K ? 2 : is_fivebit(t) || by_half ? 4 : 8;
    UNROLL for (int n = 0; n < 8; n++) {
        const int i = by_half ? n : n / 2 + 4 * (n % 2);
        __m256i w[2];
        UNROLL for (int g = 0; g < G; g++) w[g] = quad(t, v[g], i);
        UNROLL for (int c = 0; c < C; c++) {
            __m256i xq = four(x[c]->q + 4 * i);
            UNROLL for (int g = 0; g < G; g++) {
                __m256i p = _mm256_maddubs_epi16(w[g], xq);
                part[g * C + c] = n % widen == 0 ? p : _mm256_add_epi16(part[g * C + c], p);
                KEEP(part[g * C + c]);
            }
        }
        if (n % widen == widen - 1) {
            UNROLL for (int g = 0; g < G; g++) {
                __m256i s = by_half ? both(sc[g], n / 4) : sc[g];
                UNROLL for (int c = 0; c < C; c++) {
                    __m256i m = _mm256_madd_epi16(part[g * C + c], s);
                    sum[g * C + c] = n < widen ? m : _mm256_add_epi32(sum[g * C + c], m);
                }
            }
        }
    }
}

/* The F32 step of one block for one lane group and column. */
INLINE __m256 block_fma(enum tensor_type t, __m256 acc, __m256 d, __m256 m, __m256i sum, __m256i sc, __m256i mn,
                        const struct xblock *x)
{
    __m256 dx = _mm256_broadcast_ss(&x->d);
    if (t == T_Q4_0 || t == T_Q5_0)
        sum = _mm256_sub_epi32(sum, _mm256_madd_epi16(sums_of(x), _mm256_set1_epi16(t == T_Q4_0 ? 8 : 16)));
    if (t == T_Q3_K || t == T_Q6_K)
        sum = _mm256_sub_epi32(sum, _mm256_slli_epi32(_mm256_madd_epi16(sums_of(x), sc), t == T_Q3_K ? 2 : 5));
    if (t == T_IQ4_XS) sum = _mm256_mullo_epi32(sum, sc);
    acc = _mm256_fmadd_ps(_mm256_mul_ps(d, dx), _mm256_cvtepi32_ps(sum), acc);
    if (t == T_Q4_1 || t == T_Q5_1) {
        __m256 s = _mm256_cvtepi32_ps(_mm256_madd_epi16(sums_of(x), _mm256_set1_epi16(1)));
        acc = _mm256_fmadd_ps(_mm256_mul_ps(m, dx), s, acc);
    }
    if (t == T_Q2_K || t == T_Q4_K || t == T_Q5_K) {
        __m256 s = _mm256_cvtepi32_ps(_mm256_madd_epi16(sums_of(x), mn));
        acc = _mm256_fnmadd_ps(_mm256_mul_ps(m, dx), s, acc);
    }
    return acc;
}

/* acc[g][c][8] over the whole width, G groups from p on, C columns. */
INLINE void tile(enum tensor_type t, const int G, const int C, const struct packed *w, const uint8_t *p,
                 const struct xblock *const *xs, float *acc, size_t ld)
{
    const int heads = pack_heads(t), blocks = pack_blocks(t), scales = pack_scales(t), quants = pack_quants(t);
    const struct xblock *x[4];
    __m256 total[8];
    UNROLL for (int c = 0; c < C; c++) x[c] = xs[c];
    UNROLL for (int i = 0; i < G * C; i++) total[i] = _mm256_setzero_ps();
    for (uint64_t s = w->cols / (32u * (unsigned)blocks); s > 0; s--, p += w->super_bytes) {
        const uint8_t *b = p + 16 * heads;
        for (int j = 0; j < blocks; j++, b += w->block_bytes) {
            const uint8_t *v[2];
            __m256i sc[2], mn[2], sum[8];
            UNROLL for (int g = 0; g < G; g++) {
                const uint8_t *bg = b + (size_t)g * w->group_bytes;
                v[g] = bg + 8 * scales;
                if (C == 1)                        /* one token: the matrix streams by; ask for it two tiles ahead */
                    UNROLL for (int i = 0; i < (8 * scales + 32 * quants + 63) / 64; i++)
                        __builtin_prefetch(bg + 4 * w->group_bytes + 64 * i, 0, 0);
                sc[g] = mn[g] = _mm256_set1_epi16(1);
                if (scales == 2) sc[g] = scale_pairs(t, bg);
                if (t == T_Q2_K)
                    mn[g] = _mm256_cvtepu8_epi16(_mm_and_si128(_mm_srli_epi16(
                        _mm_loadu_si128((const __m128i *)(const void *)bg), 4), _mm_set1_epi8(15)));
                if (t == T_Q4_K || t == T_Q5_K) mn[g] = both(sc[g], 1), sc[g] = both(sc[g], 0);
                if (t == T_IQ4_XS) sc[g] = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)bg));
            }
            block_dot(t, G, C, v, sc, x, sum);
            UNROLL for (int g = 0; g < G; g++) {
                const uint8_t *head = p + (size_t)g * w->group_bytes;
                __m256 d = v_load_f16((const uint16_t *)(const void *)head);
                __m256 m = heads == 2 ? v_load_f16((const uint16_t *)(const void *)(head + 16)) : d;
                UNROLL for (int c = 0; c < C; c++)
                    total[g * C + c] = block_fma(t, total[g * C + c], d, m, sum[g * C + c], sc[g], mn[g], x[c]);
            }
            UNROLL for (int c = 0; c < C; c++) x[c]++;
        }
    }
    UNROLL for (int c = 0; c < C; c++)
        UNROLL for (int g = 0; g < G; g++) _mm256_storeu_ps(acc + (size_t)c * ld + 8 * g, total[g * C + c]);
}

/* Two row groups by four columns; acc [4][16]. */
INLINE void tile_cols(enum tensor_type t, const struct packed *w, uint64_t group, const struct xblock *const *xs,
                      float *acc)
{
    const uint8_t *p = w->data + group * w->group_bytes;
    const int wide = is_signed(t) || pack_scales(t) == 0 ? !is_fivebit(t) : t == T_Q4_K;
    if (wide) {
        tile(t, 2, 4, w, p, xs, acc, 16);
    } else {
        tile(t, 1, 4, w, p, xs, acc, 16);
        tile(t, 1, 4, w, p + w->group_bytes, xs, acc + 8, 16);
    }
}

/* Two row groups by one column; acc [16]. */
INLINE void tile_one(enum tensor_type t, const struct packed *w, uint64_t group, const struct xblock *x, float *acc)
{
    tile(t, 2, 1, w, w->data + group * w->group_bytes, &x, acc, 16);
}
