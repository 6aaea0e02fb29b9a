/* attention.h - keys and values in pages of 64 positions, and attention over one chunk of 256.
 *
 * A score is one chain over the head's width, lane = position (keys lie transposed for it); an output is one chain over
 * the chunk's positions, lane = element.  Chunks begin at absolute multiples of 256 and are merged in ascending order
 * (the recurrence of Milakov and Gimelshein, arXiv 1805.02867), so the prompt's chunking cannot change a bit.
 * For many queries a page that is not F32 is widened into scratch once; for few an F16 page is widened as it is read. */

/* ---- storing ---- */

/* amax / 127 of 32 values and its inverse, as for activations; the stored scale is rounded to f16. */
static void round_32(const float *x, int8_t *q, size_t step, uint16_t *d16)
{
    float amax = 0;
    for (int i = 0; i < 32; i++) amax = fabsf(x[i]) > amax ? fabsf(x[i]) : amax;
    float d = amax >= 0x1p-100f ? amax / 127.0f : 0, inverse = d > 0 ? 1.0f / d : 0;
    for (int i = 0; i < 32; i++) {
        float v = x[i] * inverse;
        v = v < 127 ? v : 127;
        v = v > -127 ? v : -127;
        q[(size_t)i * step] = (int8_t)lrintf(v);
    }
    *d16 = f32_to_f16(d);
}

static int is_infinite_f16(uint16_t h) { return (h & 0x7c00) == 0x7c00; }

/* Returns non-zero when a value is too large for the type. */
static int kv_store(enum hearth_kv t, uint8_t *keys, uint8_t *values, int slot, const float *k, const float *v, int width)
{
    size_t w = (size_t)width, s = (size_t)slot;
    int bad = 0;
    if (t == HEARTH_KV_F32) {
        float *kp = (float *)(void *)keys;
        for (size_t i = 0; i < w; i++) kp[i * KV_PAGE + s] = k[i];
        memcpy(values + s * w * 4, v, w * 4);
    } else if (t == HEARTH_KV_F16) {
        uint16_t *kp = (uint16_t *)(void *)keys, *vp = (uint16_t *)(void *)values + s * w, h[LANES];
        for (size_t i = 0; i < w; i += LANES) {
            v_store_f16(h, v_load(k + i));
            for (size_t l = 0; l < LANES; l++) kp[(i + l) * KV_PAGE + s] = h[l], bad |= is_infinite_f16(h[l]);
            v_store_f16(vp + i, v_load(v + i));
            for (size_t l = 0; l < LANES; l++) bad |= is_infinite_f16(vp[i + l]);
        }
    } else {
        uint16_t *kd = (uint16_t *)(void *)(keys + w * KV_PAGE), *vd = (uint16_t *)(void *)(values + w * KV_PAGE);
        for (size_t b = 0; b < w / 32; b++) {
            uint16_t *dk = &kd[b * KV_PAGE + s], *dv = &vd[s * (w / 32) + b];
            round_32(k + 32 * b, (int8_t *)keys + 32 * b * KV_PAGE + s, KV_PAGE, dk);
            round_32(v + 32 * b, (int8_t *)values + s * w + 32 * b, 1, dv);
            bad |= is_infinite_f16(*dk) | is_infinite_f16(*dv);
        }
    }
    return bad;
}

/* ---- reading ---- */

static const float *widen_keys(enum hearth_kv t, const uint8_t *page, int width, float *out)
{
    if (t == HEARTH_KV_F32) return (const float *)(const void *)page;
    if (t == HEARTH_KV_F16) {
        const uint16_t *p = (const uint16_t *)(const void *)page;
        for (int i = 0; i < width * KV_PAGE; i += LANES) v_store(out + i, v_load_f16(p + i));
        return out;
    }
    const uint16_t *d = (const uint16_t *)(const void *)(page + (size_t)width * KV_PAGE);
    for (int i = 0; i < width; i++)
        for (int s = 0; s < KV_PAGE; s += LANES) {
            vf q = v_load_i8((const int8_t *)page + i * KV_PAGE + s);
            v_store(out + i * KV_PAGE + s, v_mul(v_load_f16(d + i / 32 * KV_PAGE + s), q));
        }
    return out;
}

static const float *widen_values(enum hearth_kv t, const uint8_t *page, int width, float *out)
{
    if (t != HEARTH_KV_Q8_0) return widen_keys(t, page, width, out);
    const uint16_t *d = (const uint16_t *)(const void *)(page + (size_t)width * KV_PAGE);
    for (int s = 0; s < KV_PAGE; s++)
        for (int i = 0; i < width; i += LANES) {
            vf q = v_load_i8((const int8_t *)page + s * width + i);
            v_store(out + s * width + i, v_mul(v_set(f16_to_f32(d[s * (width / 32) + i / 32])), q));
        }
    return out;
}

/* Queries that share what is loaded of a page: two sums of each, two vectors of the page and a broadcast are 15 of 16 registers. */
enum { TILE = 6 };

INLINE vf load_kv(const int f16, const void *page, int i)
{
    return f16 ? v_load_f16((const uint16_t *)page + i) : v_load((const float *)page + i);
}

/* s[q][0..63] = scale * (k . q), Q queries at once. */
INLINE void page_scores(const int Q, const int f16, const void *keys, int width, const float *const *q, vf scale,
                        float *const *s)
{
    for (int p = 0; p < KV_PAGE; p += 2 * LANES) {
        vf a[2 * TILE];
        UNROLL for (int i = 0; i < 2 * Q; i++) a[i] = v_set(0);
        for (int i = 0, at = p; i < width; i++, at += KV_PAGE) {
            vf k0 = load_kv(f16, keys, at), k1 = load_kv(f16, keys, at + LANES);
            UNROLL for (int j = 0; j < Q; j++) {
                vf b = v_set(q[j][i]);
                a[2 * j] = v_fma(b, k0, a[2 * j]), a[2 * j + 1] = v_fma(b, k1, a[2 * j + 1]);
            }
        }
        UNROLL for (int j = 0; j < Q; j++) {
            v_store(s[j] + p, v_mul(a[2 * j], scale));
            v_store(s[j] + p + LANES, v_mul(a[2 * j + 1], scale));
        }
    }
}

/* o[q][i] = fma(e[q][p], v[p][i], o[q][i]) for p in [begin, end) of the page, Q queries at once. */
INLINE void page_values(const int Q, const int f16, const void *values, int width, int begin, int end,
                        const float *const *e, float *const *o)
{
    int i = 0;
    for (; i + 2 * LANES <= width; i += 2 * LANES) {
        vf a[2 * TILE];
        UNROLL for (int j = 0; j < Q; j++) a[2 * j] = v_load(o[j] + i), a[2 * j + 1] = v_load(o[j] + i + LANES);
        for (int p = begin; p < end; p++) {
            vf v0 = load_kv(f16, values, p * width + i), v1 = load_kv(f16, values, p * width + i + LANES);
            UNROLL for (int j = 0; j < Q; j++) {
                vf b = v_set(e[j][p]);
                a[2 * j] = v_fma(b, v0, a[2 * j]), a[2 * j + 1] = v_fma(b, v1, a[2 * j + 1]);
            }
        }
        UNROLL for (int j = 0; j < Q; j++) v_store(o[j] + i, a[2 * j]), v_store(o[j] + i + LANES, a[2 * j + 1]);
    }
    for (; i < width; i += LANES)
        for (int j = 0; j < Q; j++) {
            vf a = v_load(o[j] + i);
            for (int p = begin; p < end; p++) a = v_fma(v_set(e[j][p]), load_kv(f16, values, p * width + i), a);
            v_store(o[j] + i, a);
        }
}

/* n of 1 to TILE queries with their number and the page's type as constants. */
#define FOR_EACH_TILE(n, f16, X) \
    switch ((n) + ((f16) ? TILE : 0)) { \
    case 1: X(1, 0); break; case 2: X(2, 0); break; case 3: X(3, 0); break; \
    case 4: X(4, 0); break; case 5: X(5, 0); break; case 6: X(6, 0); break; \
    case 7: X(1, 1); break; case 8: X(2, 1); break; case 9: X(3, 1); break; \
    case 10: X(4, 1); break; case 11: X(5, 1); break; default: X(6, 1); break; \
    }

static void scores_group(int n, int f16, const void *keys, int width, const float *const *q, float scale, float *const *s)
{
#define SCORES(Q, F) page_scores(Q, F, keys, width, q, v_set(scale), s)
    FOR_EACH_TILE(n, f16, SCORES)
}

static void values_tile(int n, int f16, const void *values, int width, int begin, int end, const float *const *e, float *const *o)
{
#define VALUES(Q, F) page_values(Q, F, values, width, begin, end, e, o)
    if (begin < end) FOR_EACH_TILE(n, f16, VALUES)
}

/* Exponentials of s[begin, end) in place (absolute positions mod 16 choose the partial sum); the rest of the chunk's
 * scores become 0 and are not used. */
static struct attend_state chunk_softmax(float *s, int begin, int end)
{
    struct attend_state st = { -__builtin_inff(), 0 };
    if (begin >= end) return st;
    st.m = max_of(s + begin, (size_t)(end - begin));
    int lo = begin & ~15, hi = (end + 15) & ~15;
    for (int p = lo; p < begin; p++) s[p] = -__builtin_inff();
    for (int p = end; p < hi; p++) s[p] = -__builtin_inff();
    vf sum[16 / LANES], m = v_set(st.m);
    for (int i = 0; i < 16 / LANES; i++) sum[i] = v_set(0);
    for (int p = lo; p < hi; p += 16)
        for (int i = 0; i < 16 / LANES; i++) {
            vf e = v_exp(v_sub(v_load(s + p + i * LANES), m));
            v_store(s + p + i * LANES, e);
            sum[i] = v_add(sum[i], e);
        }
    st.l = tree16(sum);
    return st;
}

struct chunk_range { int begin, end; };

static void values_group(int f16, const void *page, int width, int base, const struct chunk_range *r, int n,
                         const float *const *e, float *const *o)
{
    /* positions that only some of the queries see: one query at a time before and after what all see */
    int lo = 0, hi = KV_PAGE;
    for (int j = 0; j < n; j++) {
        int b = r[j].begin - base, t = r[j].end - base;
        lo = b > lo ? b : lo, hi = t < hi ? t : hi;
    }
    lo = lo < KV_PAGE ? lo : KV_PAGE, hi = hi < lo ? lo : hi;
    for (int j = 0; j < n; j++) {
        int b = r[j].begin - base < 0 ? 0 : r[j].begin - base, t = r[j].end - base;
        values_tile(1, f16, page, width, b, t < lo ? t : lo, e + j, o + j);
    }
    values_tile(n, f16, page, width, lo, hi, e, o);
    for (int j = 0; j < n; j++) {
        int b = r[j].begin - base, t = r[j].end - base > KV_PAGE ? KV_PAGE : r[j].end - base;
        values_tile(1, f16, page, width, b > hi ? b : hi, t, e + j, o + j);
    }
}

static void attend_chunk(const struct attend *a, int64_t c, float *out, struct attend_state *state, float *scratch)
{
    int width = a->head_width, base, first = ATTEND_CHUNK, last = 0, f16 = a->kv == HEARTH_KV_F16 && a->n <= TILE;
    int64_t start = c * ATTEND_CHUNK;
    float *page = scratch, *scores = scratch + (size_t)width * KV_PAGE;
    struct chunk_range r[ATTEND_QUERIES];
    float *s[ATTEND_QUERIES], *o[ATTEND_QUERIES];
    const float *e[ATTEND_QUERIES];
    for (int j = 0; j < a->n; j++) {
        int64_t b = a->begin[j] - start, t = a->end[j] - start;
        r[j].begin = b < 0 ? 0 : b > ATTEND_CHUNK ? ATTEND_CHUNK : (int)b;
        r[j].end = t < 0 ? 0 : t > ATTEND_CHUNK ? ATTEND_CHUNK : (int)t;
        if (r[j].begin < r[j].end) {
            first = r[j].begin < first ? r[j].begin : first;
            last = r[j].end > last ? r[j].end : last;
        } else {
            r[j].begin = r[j].end = 0;
        }
        s[j] = scores + j * ATTEND_CHUNK, o[j] = out + (size_t)j * (size_t)width;
    }
    memset(out, 0, sizeof(float) * (size_t)a->n * (size_t)width);
    for (base = first & ~(KV_PAGE - 1); base < last; base += KV_PAGE) {
        const uint8_t *keys = a->keys[base / KV_PAGE];
        const void *wide = f16 ? (const void *)keys : widen_keys(a->kv, keys, width, page);
        for (int j = 0; j < a->n; j += TILE) {
            float *sp[TILE];
            int n = a->n - j < TILE ? a->n - j : TILE;
            for (int i = 0; i < n; i++) sp[i] = s[j + i] + base;
            scores_group(n, f16, wide, width, a->q + j, a->scale, sp);
        }
    }
    for (int j = 0; j < a->n; j++) {
        if (a->softcap > 0) softcap(s[j] + r[j].begin, a->softcap, (size_t)(r[j].end - r[j].begin));
        state[j] = chunk_softmax(s[j], r[j].begin, r[j].end);
    }
    for (base = first & ~(KV_PAGE - 1); base < last; base += KV_PAGE) {
        const uint8_t *values = a->values[base / KV_PAGE];
        const void *wide = f16 ? (const void *)values : widen_values(a->kv, values, width, page);
        for (int j = 0; j < a->n; j++) e[j] = s[j] + base;
        for (int j = 0; j < a->n; j += TILE)
            values_group(f16, wide, width, base, r + j, a->n - j < TILE ? a->n - j : TILE, e + j, o + j);
    }
}

static void attend_merge(float *acc, struct attend_state *as, const float *out, const struct attend_state *s, int width)
{
    if (s->l == 0) return;
    if (as->l == 0) {
        *as = *s;
        memcpy(acc, out, sizeof(float) * (size_t)width);
        return;
    }
    float m = as->m > s->m ? as->m : s->m, e[LANES], d[LANES] = { 0 };
    d[0] = as->m - m, d[LANES > 1] = s->m - m;
    v_store(e, v_exp(v_load(d)));
    float fa = e[0], fb = e[LANES > 1];
    as->l = fmaf(as->l, fa, s->l * fb);
    as->m = m;
    for (int i = 0; i < width; i += LANES)
        v_store(acc + i, v_fma(v_load(acc + i), v_set(fa), v_mul(v_load(out + i), v_set(fb))));
}

static void attend_finish(float *acc, const struct attend_state *s, int width)
{
    for (int i = 0; i < width; i += LANES) v_store(acc + i, v_div(v_load(acc + i), v_set(s->l)));
}
