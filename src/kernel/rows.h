/* rows.h - what is done along one token's values: rounding, norms, activations, rope, sums. */

/* The tree that ends every sum along a vector: 16 strided partial sums, halved four times. */
static inline float tree16(const vf s[16 / LANES])
{
    float p[16];
    for (int i = 0; i < 16 / LANES; i++) v_store(p + i * LANES, s[i]);
    for (int half = 8; half > 0; half /= 2)
        for (int i = 0; i < half; i++) p[i] += p[i + half];
    return p[0];
}

/* The last n % 16 values followed by `fill`, so that sums along a vector never read past its end. */
static inline void tail16(const float *x, size_t n, float fill, float out[16])
{
    size_t left = n % 16;
    for (size_t i = 0; i < 16; i++) out[i] = i < left ? x[n - left + i] : fill;
}

static int quantize(const float *x, struct xblock *out, size_t n)
{
    int bad = 0;
    for (size_t b = 0; b < n / 32; b++, x += 32, out++) {
        vi top = vi_set(0);
        for (int i = 0; i < 32; i += LANES) top = vi_max(top, v_asi(v_abs(v_load(x + i))));
        int32_t bits = vi_top(top);
        float amax, d, inverse;
        memcpy(&amax, &bits, 4);
        bad |= bits >= 0x7f800000;
        d = amax / 127.0f;
        if (!(amax >= 0x1p-100f) || bits >= 0x7f800000) d = 0;   /* too small to have an inverse: all zero */
        inverse = d > 0 ? 1.0f / d : 0;
        out->d = d;
        for (int i = 0; i < 32; i += LANES) {
            vf v = d > 0 ? v_mul(v_load(x + i), v_set(inverse)) : v_set(0);
            vi q = v_toint(v_max(v_min(v, v_set(127)), v_set(-127)));
            vi_store_i8(out->q + i, q);
        }
        for (int h = 0; h < 2; h++) {
            int sum = 0;
            for (int i = 0; i < 16; i++) sum += out->q[16 * h + i];
            out->s[h] = (int16_t)sum;
        }
    }
    return bad;
}

static int rms_norm(const float *x, const float *w, float eps, float *out, size_t n)
{
    vf s[16 / LANES];
    float last[16];
    for (int i = 0; i < 16 / LANES; i++) s[i] = v_set(0);
    size_t k = 0;
    for (; k + 16 <= n; k += 16)
        for (int i = 0; i < 16 / LANES; i++) {
            vf v = v_load(x + k + (size_t)i * LANES);
            s[i] = v_fma(v, v, s[i]);
        }
    if (k < n) {
        tail16(x, n, 0, last);
        for (int i = 0; i < 16 / LANES; i++) s[i] = v_fma(v_load(last + i * LANES), v_load(last + i * LANES), s[i]);
    }
    float sum = tree16(s);
    float r = 1.0f / sqrtf(sum / (float)n + eps);
    vf vr = v_set(r);
    for (k = 0; k + LANES <= n; k += LANES) v_store(out + k, v_mul(v_mul(v_load(x + k), vr), v_load(w + k)));
    for (; k < n; k++) out[k] = x[k] * r * w[k];
    return !(sum < __builtin_inff());
}

static void add(float *x, const float *y, size_t n)
{
    size_t k = 0;
    for (; k + LANES <= n; k += LANES) v_store(x + k, v_add(v_load(x + k), v_load(y + k)));
    for (; k < n; k++) x[k] += y[k];
}

static void scale(float *x, float s, size_t n)
{
    size_t k = 0;
    for (; k + LANES <= n; k += LANES) v_store(x + k, v_mul(v_load(x + k), v_set(s)));
    for (; k < n; k++) x[k] *= s;
}

/* Applies f to whole lanes of a and b; the last n % LANES values go through a padded buffer. */
#define ROW_MAP(name, expr) \
static void name(const float *a, const float *b, float *out, size_t n) \
{ \
    size_t k = 0; \
    for (; k + LANES <= n; k += LANES) { \
        vf u = v_load(a + k), v = v_load(b + k); \
        v_store(out + k, expr); \
    } \
    if (k < n) { \
        float pa[LANES] = { 0 }, pb[LANES] = { 0 }; \
        memcpy(pa, a + k, sizeof(float) * (n - k)); \
        memcpy(pb, b + k, sizeof(float) * (n - k)); \
        vf u = v_load(pa), v = v_load(pb); \
        v_store(pa, expr); \
        memcpy(out + k, pa, sizeof(float) * (n - k)); \
    } \
}
ROW_MAP(silu_mul, v_mul(v_silu(u), v))
ROW_MAP(gelu_mul, v_mul(v_gelu(u), v))

/* Of one vector, with nothing to be multiplied with. */
#define ROW_MAP_ONE(name, expr) \
static void name(const float *x, float *out, size_t n) \
{ \
    size_t k = 0; \
    for (; k + LANES <= n; k += LANES) { \
        vf u = v_load(x + k); \
        v_store(out + k, expr); \
    } \
    if (k < n) { \
        float p[LANES] = { 0 }; \
        memcpy(p, x + k, sizeof(float) * (n - k)); \
        vf u = v_load(p); \
        v_store(p, expr); \
        memcpy(out + k, p, sizeof(float) * (n - k)); \
    } \
}
ROW_MAP_ONE(gelu, v_gelu(u))
ROW_MAP_ONE(gelu_erf, v_gelu_erf(u))

/* The mean, then what is left of each value over its root mean square. */
static int layer_norm(const float *x, const float *w, const float *b, float eps, float *out, size_t n)
{
    vf s[16 / LANES];
    float last[16];
    size_t k = 0;
    for (int i = 0; i < 16 / LANES; i++) s[i] = v_set(0);
    for (; k + 16 <= n; k += 16)
        for (int i = 0; i < 16 / LANES; i++) s[i] = v_add(s[i], v_load(x + k + (size_t)i * LANES));
    if (k < n) {
        tail16(x, n, 0, last);
        for (int i = 0; i < 16 / LANES; i++) s[i] = v_add(s[i], v_load(last + i * LANES));
    }
    float mean = tree16(s) / (float)n;
    vf vm = v_set(mean);
    for (int i = 0; i < 16 / LANES; i++) s[i] = v_set(0);
    for (k = 0; k + 16 <= n; k += 16)
        for (int i = 0; i < 16 / LANES; i++) {
            vf d = v_sub(v_load(x + k + (size_t)i * LANES), vm);
            s[i] = v_fma(d, d, s[i]);
        }
    if (k < n) {
        tail16(x, n, mean, last);
        for (int i = 0; i < 16 / LANES; i++) {
            vf d = v_sub(v_load(last + i * LANES), vm);
            s[i] = v_fma(d, d, s[i]);
        }
    }
    float sum = tree16(s), r = 1.0f / sqrtf(sum / (float)n + eps);
    vf vr = v_set(r);
    for (k = 0; k + LANES <= n; k += LANES)
        v_store(out + k, v_fma(v_mul(v_sub(v_load(x + k), vm), vr), v_load(w + k), v_load(b + k)));
    for (; k < n; k++) out[k] = fmaf((x[k] - mean) * r, w[k], b[k]);
    return !(sum < __builtin_inff());
}

static void softcap(float *x, float cap, size_t n)
{
    for (size_t k = 0; k < n; k += LANES) {
        float p[LANES] = { 0 };
        size_t left = n - k < LANES ? n - k : LANES;
        memcpy(p, x + k, sizeof(float) * left);
        v_store(p, v_mul(v_set(cap), v_tanh(v_div(v_load(p), v_set(cap)))));
        memcpy(x + k, p, sizeof(float) * left);
    }
}

/* x' = x cos - y sin, y' = x sin + y cos: the second product rounded, the first fused. */
static void rope_pairs(float *x, const float *cos, const float *sin, int width)
{
    for (int i = 0; i < width / 2; i++) {
        float a = x[2 * i], b = x[2 * i + 1];
        float bs = b * sin[i], bc = b * cos[i];
        x[2 * i] = fmaf(a, cos[i], -bs);
        x[2 * i + 1] = fmaf(a, sin[i], bc);
    }
}

static void rope_halves(float *x, const float *cos, const float *sin, int width)
{
    int half = width / 2;
    for (int i = 0; i < half; i++) {
        float a = x[i], b = x[half + i];
        float bs = b * sin[i], bc = b * cos[i];
        x[i] = fmaf(a, cos[i], -bs);
        x[half + i] = fmaf(a, sin[i], bc);
    }
}

static int finite_all(const float *x, size_t n)
{
    vi top = vi_set(0);
    size_t k = 0;
    for (; k + LANES <= n; k += LANES) top = vi_max(top, v_asi(v_abs(v_load(x + k))));
    int32_t bits = vi_top(top);
    for (; k < n; k++) {
        int32_t b;
        float a = fabsf(x[k]);
        memcpy(&b, &a, 4);
        bits = b > bits ? b : bits;
    }
    return bits < 0x7f800000;
}

static float max_of(const float *x, size_t n)
{
    float m = x[0];
    size_t k = 0;
    if (n >= LANES) {
        float p[LANES];
        vf v = v_load(x);
        for (k = LANES; k + LANES <= n; k += LANES) v = v_max(v, v_load(x + k));
        v_store(p, v);
        for (int i = 0; i < LANES; i++) m = p[i] > m ? p[i] : m;
    }
    for (; k < n; k++) m = x[k] > m ? x[k] : m;
    return m;
}

static float sum_exp(const float *x, float m, size_t n)
{
    vf s[16 / LANES];
    float last[16];
    for (int i = 0; i < 16 / LANES; i++) s[i] = v_set(0);
    size_t k = 0;
    for (; k + 16 <= n; k += 16)
        for (int i = 0; i < 16 / LANES; i++)
            s[i] = v_add(s[i], v_exp(v_sub(v_load(x + k + (size_t)i * LANES), v_set(m))));
    if (k < n) {
        tail16(x, n, -__builtin_inff(), last);
        for (int i = 0; i < 16 / LANES; i++) s[i] = v_add(s[i], v_exp(v_sub(v_load(last + i * LANES), v_set(m))));
    }
    return tree16(s);
}

static double fma_burn(long iterations)
{
    vf a[12], x = v_set(0.999f), y = v_set(1e-6f);
    for (int i = 0; i < 12; i++) a[i] = v_set((float)i);
    for (long n = 0; n < iterations; n++) {
        UNROLL for (int i = 0; i < 12; i++) a[i] = v_fma(a[i], x, y);
    }
    float out[LANES];
    volatile float sink = 0;
    for (int i = 0; i < 12; i++) {
        v_store(out, a[i]);
        sink += out[0];
    }
    (void)sink;
    return (double)iterations * 12 * LANES * 2;
}
