/* backward.h - the kernels of gradients that go along a token's values; products are product.h's. */

/* The sum of a[i] * b[i]: 16 strided partial sums and the tree. */
static float dot(const float *a, const float *b, size_t n)
{
    vf s[16 / LANES];
    float pa[16], pb[16];
    for (int i = 0; i < 16 / LANES; i++) s[i] = v_set(0);
    size_t k = 0;
    for (; k + 16 <= n; k += 16)
        for (int i = 0; i < 16 / LANES; i++)
            s[i] = v_fma(v_load(a + k + (size_t)i * LANES), v_load(b + k + (size_t)i * LANES), s[i]);
    if (k < n) {
        tail16(a, n, 0, pa), tail16(b, n, 0, pb);
        for (int i = 0; i < 16 / LANES; i++) s[i] = v_fma(v_load(pa + i * LANES), v_load(pb + i * LANES), s[i]);
    }
    return tree16(s);
}

static float rms_inverse(const float *x, float eps, size_t n)
{
    return 1.0f / sqrtf(dot(x, x, n) / (float)n + eps);
}

/* With g = dy w and k = (sum of g x) r r / n:  dx = r (g - k x).  dx may be dy. */
static void rms_norm_back(const float *x, float r, const float *w, const float *dy, float *dx, size_t n)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) v_store(dx + i, v_mul(v_load(dy + i), v_load(w + i)));
    for (; i < n; i++) dx[i] = dy[i] * w[i];
    float k = dot(dx, x, n) * r * r / (float)n;
    vf vk = v_set(-k), vr = v_set(r);
    for (i = 0; i + LANES <= n; i += LANES) v_store(dx + i, v_mul(vr, v_fma(vk, v_load(x + i), v_load(dx + i))));
    for (; i < n; i++) dx[i] = r * fmaf(-k, x[i], dx[i]);
}

static void rms_weight_back(const float *x, float r, const float *dy, float *dw, size_t n)
{
    size_t i = 0;
    vf vr = v_set(r);
    for (; i + LANES <= n; i += LANES)
        v_store(dw + i, v_fma(v_load(dy + i), v_mul(v_load(x + i), vr), v_load(dw + i)));
    for (; i < n; i++) dw[i] = fmaf(dy[i], x[i] * r, dw[i]);
}

/* x / (1 + e) with e = exp(-x); its derivative is s (1 + x (1 - s)), s = 1 / (1 + e). */
INLINE vf v_silu_slope(vf x)
{
    vf one = v_set(1.0f), s = v_div(one, v_add(one, v_exp(v_sub(v_set(0.0f), x))));
    return v_mul(s, v_fma(x, v_sub(one, s), one));
}

/* x/2 (1 + t) with t = tanh(u):  (1 + t)/2 + x/2 (1 - t^2) u' */
INLINE vf v_gelu_slope(vf x)
{
    vf half = v_set(0.5f), one = v_set(1.0f), c = v_set(0.797884561f), x2 = v_mul(x, x);
    vf t = v_tanh(v_mul(c, v_fma(v_set(0.044715f), v_mul(x2, x), x)));
    vf slope = v_mul(c, v_fma(v_set(0.134145f), x2, one));
    return v_fma(v_mul(v_mul(half, x), v_fma(v_sub(v_set(0.0f), t), t, one)), slope, v_mul(half, v_add(one, t)));
}

/* d gate and d up, given d = d (act(gate) up); the last n % LANES values go through a padded buffer. */
#define GATED_BACK(name, act, slope) \
INLINE void name##_lanes(const float *d, const float *gate, const float *up, float *dgate, float *dup) \
{ \
    vf g = v_load(gate), u = v_load(up), v = v_load(d); \
    v_store(dgate, v_mul(v_mul(v, u), slope(g))); \
    v_store(dup, v_mul(v, act(g))); \
} \
static void name(const float *d, const float *gate, const float *up, float *dgate, float *dup, size_t n) \
{ \
    size_t k = 0; \
    for (; k + LANES <= n; k += LANES) name##_lanes(d + k, gate + k, up + k, dgate + k, dup + k); \
    if (k < n) { \
        float pd[LANES] = { 0 }, pg[LANES] = { 0 }, pu[LANES] = { 0 }; \
        size_t bytes = sizeof(float) * (n - k); \
        memcpy(pd, d + k, bytes), memcpy(pg, gate + k, bytes), memcpy(pu, up + k, bytes); \
        name##_lanes(pd, pg, pu, pg, pu); \
        memcpy(dgate + k, pg, bytes), memcpy(dup + k, pu, bytes); \
    } \
}
GATED_BACK(silu_mul_back, v_silu, v_silu_slope)
GATED_BACK(gelu_mul_back, v_gelu, v_gelu_slope)

static void softmax(float *x, float m, float l, size_t n)
{
    size_t k = 0;
    vf vm = v_set(m), vl = v_set(l);
    for (; k + LANES <= n; k += LANES) v_store(x + k, v_div(v_exp(v_sub(v_load(x + k), vm)), vl));
    if (k < n) {
        float p[LANES] = { 0 };
        memcpy(p, x + k, sizeof(float) * (n - k));
        v_store(p, v_div(v_exp(v_sub(v_load(p), vm)), vl));
        memcpy(x + k, p, sizeof(float) * (n - k));
    }
}

static void softmax_back(const float *p, float mean, float s, float *d, size_t n)
{
    size_t k = 0;
    vf vm = v_set(mean), vs = v_set(s);
    for (; k + LANES <= n; k += LANES)
        v_store(d + k, v_mul(v_mul(v_load(p + k), v_sub(v_load(d + k), vm)), vs));
    for (; k < n; k++) d[k] = p[k] * (d[k] - mean) * s;
}
