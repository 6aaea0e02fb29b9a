/* backward.h - the kernels of gradients.  All products are one form, lane = column of b:
 *
 *     out[r][c] = fma(a[r, k], b[k][c], out[r][c])    for k = 0, 1, 2, ...
 *
 *     weights     dW[o][i] += dy[t][o] x[t][i]        k = token: the chain goes on from what is in out
 *     inputs      dx[t][i]  = dy[t][o] W[o][i]        k = output of the matrix, rows dequantised as they are used
 *     attention   dq, dk, dv                          k = position, or query and head
 *
 * b is copied into panels of 32 columns first; a is read one number at a time and may lie either way round. */

#define ROWS_TILE(R) \
INLINE void rows_tile_##R(const float *a, size_t row_step, size_t k_step, const float *panel, int kc, float *out, size_t ldo) \
{ \
    vf s[2 * R]; \
    UNROLL for (int r = 0; r < R; r++) s[2 * r] = v_load(out + r * ldo), s[2 * r + 1] = v_load(out + r * ldo + LANES); \
    for (int k = 0; k < kc; k++, panel += PANEL_ROWS, a += k_step) { \
        vf b0 = v_load(panel), b1 = v_load(panel + LANES); \
        UNROLL for (int r = 0; r < R; r++) { \
            vf v = v_set(a[r * row_step]); \
            s[2 * r] = v_fma(v, b0, s[2 * r]), s[2 * r + 1] = v_fma(v, b1, s[2 * r + 1]); \
        } \
    } \
    UNROLL for (int r = 0; r < R; r++) v_store(out + r * ldo, s[2 * r]), v_store(out + r * ldo + LANES, s[2 * r + 1]); \
}
ROWS_TILE(6)
ROWS_TILE(1)

/* A tile of 2 * LANES columns, of which `cols` are there. */
static void rows_columns(const float *a, size_t row_step, size_t k_step, int rows, const float *panel, int kc, int cols,
                         float *out, size_t ldo)
{
    int r = 0;
    float edge[2 * LANES] = { 0 };
    if (cols >= 2 * LANES) {
        for (; r + 6 <= rows; r += 6)
            rows_tile_6(a + (size_t)r * row_step, row_step, k_step, panel, kc, out + (size_t)r * ldo, ldo);
        for (; r < rows; r++) rows_tile_1(a + (size_t)r * row_step, 0, k_step, panel, kc, out + (size_t)r * ldo, ldo);
        return;
    }
    for (; r < rows; r++) {
        memcpy(edge, out + (size_t)r * ldo, sizeof(float) * (size_t)cols);
        rows_tile_1(a + (size_t)r * row_step, 0, k_step, panel, kc, edge, 0);
        memcpy(out + (size_t)r * ldo, edge, sizeof(float) * (size_t)cols);
    }
}

/* A panel [kc][PANEL_ROWS], of whose columns `cols` are there. */
static void rows_panel(const float *a, size_t row_step, size_t k_step, int rows, const float *panel, int kc, int cols,
                       float *out, size_t ldo)
{
    for (int c = 0; c < cols; c += 2 * LANES)
        rows_columns(a, row_step, k_step, rows, panel + c, kc, cols - c, out + c, ldo);
}

static void accumulate(const float *a, size_t row_step, size_t k_step, int rows, const float *b, size_t ldb, int n, int cols,
                       float *out, size_t ldo, float *panel)
{
    for (int c = 0; c < cols; c += PANEL_ROWS)
        for (int k = 0; k < n; k += PANEL_COLS) {
            int kc = n - k < PANEL_COLS ? n - k : PANEL_COLS, width = cols - c < PANEL_ROWS ? cols - c : PANEL_ROWS;
            for (int i = 0; i < kc; i++) {
                memcpy(panel + i * PANEL_ROWS, b + (size_t)(k + i) * ldb + c, sizeof(float) * (size_t)width);
                if (width < PANEL_ROWS)
                    memset(panel + i * PANEL_ROWS + width, 0, sizeof(float) * (size_t)(PANEL_ROWS - width));
            }
            rows_panel(a + (size_t)k * k_step, row_step, k_step, rows, panel, kc, width, out + c, ldo);
        }
}

/* Rows [row, row + kc) of the matrix, columns [col, col + width), width <= 256, as panels of 32 columns one behind the
 * other, each [PANEL_COLS][PANEL_ROWS]. */
static void panel_across(const struct dense *w, uint64_t row, int kc, uint64_t col, int width, float *panel)
{
    const struct type_info *info = type_info(w->type);
    const uint8_t *src = w->data + row * w->row_bytes + col / info->block * info->bytes;
    float line[PANEL_COLS] __attribute__((aligned(64))) = { 0 };
    for (int k = 0; k < kc; k++, src += w->row_bytes) {
        dequantize_row(w->type, src, line, (size_t)width);
        for (int c = 0; c < width; c += PANEL_ROWS)
            memcpy(panel + (size_t)c * PANEL_COLS + k * PANEL_ROWS, line + c, sizeof(float) * PANEL_ROWS);
    }
}

static void matmul_back(const struct dense *w, uint64_t begin, uint64_t end, const float *y, size_t ldy, int n, float *out,
                        size_t ldo, float *scratch)
{
    for (uint64_t c = begin; c < end; c += PANEL_COLS) {
        int width = end - c < PANEL_COLS ? (int)(end - c) : PANEL_COLS;
        for (int t = 0; t < n; t++) memset(out + (size_t)t * ldo + c, 0, sizeof(float) * (size_t)width);
        for (uint64_t k = 0; k < w->rows; k += PANEL_COLS) {
            int kc = w->rows - k < PANEL_COLS ? (int)(w->rows - k) : PANEL_COLS;
            panel_across(w, k, kc, c, width, scratch);
            for (int p = 0; p < width; p += PANEL_ROWS)
                rows_panel(y + k, ldy, 1, n, scratch + (size_t)p * PANEL_COLS, kc,
                           width - p < PANEL_ROWS ? width - p : PANEL_ROWS, out + c + p, ldo);
        }
    }
}

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

/* gate <- d gate, up <- d up, given d = d (act(gate) up); the last n % LANES values go through a padded buffer. */
#define GATED_BACK(name, act, slope) \
INLINE void name##_lanes(const float *d, float *gate, float *up) \
{ \
    vf g = v_load(gate), u = v_load(up), v = v_load(d); \
    v_store(gate, v_mul(v_mul(v, u), slope(g))); \
    v_store(up, v_mul(v, act(g))); \
} \
static void name(const float *d, float *gate, float *up, size_t n) \
{ \
    size_t k = 0; \
    for (; k + LANES <= n; k += LANES) name##_lanes(d + k, gate + k, up + k); \
    if (k < n) { \
        float pd[LANES] = { 0 }, pg[LANES] = { 0 }, pu[LANES] = { 0 }; \
        size_t bytes = sizeof(float) * (n - k); \
        memcpy(pd, d + k, bytes), memcpy(pg, gate + k, bytes), memcpy(pu, up + k, bytes); \
        name##_lanes(pd, pg, pu); \
        memcpy(gate + k, pg, bytes), memcpy(up + k, pu, bytes); \
    } \
}
GATED_BACK(silu_mul_back, v_silu, v_silu_slope)
GATED_BACK(gelu_mul_back, v_gelu, v_gelu_slope)

static void softmax(float *x, float m, float l, size_t n)
{
    for (size_t k = 0; k < n; k += LANES) {
        float p[LANES] = { 0 };
        size_t left = n - k < LANES ? n - k : LANES;
        memcpy(p, x + k, sizeof(float) * left);
        v_store(p, v_div(v_exp(v_sub(v_load(p), v_set(m))), v_set(l)));
        memcpy(x + k, p, sizeof(float) * left);
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
