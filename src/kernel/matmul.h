/* matmul.h - matrix products: the quantised one around its instruction set's tiles, and the float one over lanes. */

/* ---- quantised ---- */

static inline void store_groups(const struct packed *w, uint64_t g, const float *acc, float *out)
{
    uint64_t row = g * LANES, left = row < w->rows ? w->rows - row : 0;
    memcpy(out + row, acc, sizeof *acc * (size_t)(left < 2 * LANES ? left : 2 * LANES));
}

INLINE void matmul_typed(enum tensor_type t, const struct packed *w, uint64_t begin, uint64_t end, const struct xblock *x,
                  size_t ldx, int n, float *out, size_t ldo)
{
    float acc[TILE_COLS * 2 * LANES] __attribute__((aligned(64)));
    for (uint64_t g = begin; g < end; g += 2) {
        if (n == 1) {
            tile_one(t, w, g, x, acc);
            store_groups(w, g, acc, out);
            continue;
        }
        for (int c = 0; c < n; c += TILE_COLS) {
            const struct xblock *xs[TILE_COLS];             /* past the last column: the last again, not stored */
            for (int i = 0; i < TILE_COLS; i++) xs[i] = x + (size_t)(c + i < n ? c + i : n - 1) * ldx;
            tile_cols(t, w, g, xs, acc);
            for (int i = 0; i < TILE_COLS && c + i < n; i++)
                store_groups(w, g, acc + i * 2 * LANES, out + (size_t)(c + i) * ldo);
        }
    }
}

#define QUANT_TYPES(X) X(Q4_0) X(Q4_1) X(Q5_0) X(Q5_1) X(Q8_0) X(Q2_K) X(Q3_K) X(Q4_K) X(Q5_K) X(Q6_K) X(IQ4_NL) X(IQ4_XS)

#define DEFINE_MATMUL(T) \
    static __attribute__((noinline)) void matmul_##T(const struct packed *w, uint64_t begin, uint64_t end, \
        const struct xblock *x, size_t ldx, int n, float *out, size_t ldo) \
    { matmul_typed(T_##T, w, begin, end, x, ldx, n, out, ldo); }
QUANT_TYPES(DEFINE_MATMUL)

static void matmul_quant(const struct packed *w, uint64_t begin, uint64_t end, const struct xblock *x, size_t ldx, int n,
                         float *out, size_t ldo)
{
    switch (w->type) {
#define CASE_MATMUL(T) case T_##T: matmul_##T(w, begin, end, x, ldx, n, out, ldo); break;
    QUANT_TYPES(CASE_MATMUL)
    default: break;
    }
}

/* ---- float: acc = fma(w[k], x[k], acc), k ascending; partial sums rest in out between panels ---- */

INLINE void load_columns(enum tensor_type t, const uint8_t *p, size_t stride, vf v[LANES])
{
    if (t == T_F16) v_load_columns_f16(p, stride, v);
    else if (t == T_BF16) v_load_columns_bf16(p, stride, v);
    else v_load_columns_f32(p, stride, v);
}

static inline float load_element(enum tensor_type t, const uint8_t *p)
{
    uint16_t h;
    float f;
    if (t == T_F32) {
        memcpy(&f, p, 4);
        return f;
    }
    memcpy(&h, p, 2);
    return t == T_F16 ? f16_to_f32(h) : bf16_to_f32(h);
}

/* panel[k][r0..r0+LANES) <- columns of LANES rows `stride` bytes apart. */
static void panel_fill(enum tensor_type t, const uint8_t *rows, size_t stride, int kc, float *panel)
{
    size_t size = type_info(t)->bytes;
    int k = 0;
    for (; k + LANES <= kc; k += LANES) {
        vf v[LANES];
        load_columns(t, rows + (size_t)k * size, stride, v);
        UNROLL for (int i = 0; i < LANES; i++) v_store(panel + (k + i) * PANEL_ROWS, v[i]);
    }
    for (; k < kc; k++)
        for (int i = 0; i < LANES; i++)
            panel[k * PANEL_ROWS + i] = load_element(t, rows + (size_t)i * stride + (size_t)k * size);
}

/* panel[k][r] <- element k0 + k of rows row .. row + PANEL_ROWS - 1; zero past the last row. */
static void panel_load(const struct dense *w, uint64_t row, uint64_t k0, int kc, float *panel, float *spare)
{
    const struct type_info *info = type_info(w->type);
    size_t piece = (size_t)kc / info->block * info->bytes;
    for (int r0 = 0; r0 < PANEL_ROWS; r0 += LANES, row += LANES) {
        const uint8_t *src = w->data + row * w->row_bytes + k0 / info->block * info->bytes;
        if (info->block == 1 && row + LANES <= w->rows) {
            panel_fill(w->type, src, w->row_bytes, kc, panel + r0);
            continue;
        }
        memset(spare, 0, sizeof(float) * LANES * PANEL_COLS);
        for (uint64_t i = 0; i < LANES && row + i < w->rows; i++)
            dequantize_row(w->type, src + i * w->row_bytes, spare + i * PANEL_COLS, piece / info->bytes * info->block);
        panel_fill(T_F32, (const uint8_t *)spare, PANEL_COLS * sizeof(float), kc, panel + r0);
    }
}

/* out[c][0..2*LANES) continued over the panel's kc columns, C tokens at once. */
#define PANEL_TILE(C) \
INLINE void panel_tile_##C(const float *panel, int kc, const float *x, size_t ldx, \
                                                                float *out, size_t ldo) \
{ \
    vf a[2 * C]; \
    UNROLL for (int c = 0; c < C; c++) a[2 * c] = v_load(out + c * ldo), a[2 * c + 1] = v_load(out + c * ldo + LANES); \
    for (int k = 0; k < kc; k++, panel += PANEL_ROWS) { \
        vf w0 = v_load(panel), w1 = v_load(panel + LANES); \
        UNROLL for (int c = 0; c < C; c++) { \
            vf b = v_set(x[c * ldx + (size_t)k]); \
            a[2 * c] = v_fma(w0, b, a[2 * c]), a[2 * c + 1] = v_fma(w1, b, a[2 * c + 1]); \
        } \
    } \
    UNROLL for (int c = 0; c < C; c++) v_store(out + c * ldo, a[2 * c]), v_store(out + c * ldo + LANES, a[2 * c + 1]); \
}
PANEL_TILE(6)
PANEL_TILE(1)

static void panel_rows(const float *panel, int kc, const float *x, size_t ldx, int n, float *out, size_t ldo)
{
    int c = 0;
    for (; c + 6 <= n; c += 6) panel_tile_6(panel, kc, x + (size_t)c * ldx, ldx, out + (size_t)c * ldo, ldo);
    for (; c < n; c++) panel_tile_1(panel, kc, x + (size_t)c * ldx, ldx, out + (size_t)c * ldo, ldo);
}

/* One token: PANEL_ROWS chains in flight, the rows transposed in registers. */
INLINE void one_column(enum tensor_type t, const struct dense *w, uint64_t row, const float *x, float *out)
{
    enum { GROUPS = PANEL_ROWS / LANES };
    size_t size = type_info(t)->bytes;
    const uint8_t *base = w->data + row * w->row_bytes;
    const uint8_t *ahead = base + PANEL_ROWS * w->row_bytes;   /* the next rows: one line at a time, in order */
    const uint8_t *last = w->data + w->rows * w->row_bytes;
    size_t each = (size_t)PANEL_ROWS * LANES * size;
    vf acc[GROUPS];
    UNROLL for (int g = 0; g < GROUPS; g++) acc[g] = v_set(0);
    for (uint64_t k = 0; k < w->cols; k += LANES) {
        for (size_t b = 0; b < each; b += 64, ahead += 64)
            if (ahead < last) __builtin_prefetch(ahead);
        UNROLL for (int g = 0; g < GROUPS; g++) {
            vf v[LANES];
            load_columns(t, base + (size_t)g * LANES * w->row_bytes + k * size, w->row_bytes, v);
            UNROLL for (int i = 0; i < LANES; i++) acc[g] = v_fma(v[i], v_set(x[k + (uint64_t)i]), acc[g]);
        }
    }
    UNROLL for (int g = 0; g < GROUPS; g++) v_store(out + g * LANES, acc[g]);
}

static void matmul_float(const struct dense *w, uint64_t begin, uint64_t end, const float *x, size_t ldx, int n,
                         float *out, size_t ldo, float *scratch)
{
    float *panel = scratch, *sums = scratch + PANEL_ROWS * PANEL_COLS, *spare = sums;
    float tile[PANEL_ROWS];
    int quick = n == 1 && type_info(w->type)->block == 1 && w->cols % LANES == 0;
    for (uint64_t row = begin; row < end; row += PANEL_ROWS) {
        int rows = w->rows - row < PANEL_ROWS ? (int)(w->rows - row) : PANEL_ROWS;
        if (quick && rows == PANEL_ROWS) {
            if (w->type == T_F16) one_column(T_F16, w, row, x, out + row);
            else if (w->type == T_BF16) one_column(T_BF16, w, row, x, out + row);
            else one_column(T_F32, w, row, x, out + row);
            continue;
        }
        for (int c = 0; c < n; c++) memset(out + (size_t)c * ldo + row, 0, sizeof(float) * (size_t)rows);
        for (uint64_t k = 0; k < w->cols; k += PANEL_COLS) {
            int kc = w->cols - k < PANEL_COLS ? (int)(w->cols - k) : PANEL_COLS;
            panel_load(w, row, k, kc, panel, spare);
            if (rows == PANEL_ROWS) {
                for (int r = 0; r < PANEL_ROWS; r += 2 * LANES)
                    panel_rows(panel + r, kc, x + k, ldx, n, out + row + (uint64_t)r, ldo);
                continue;
            }
            for (int c = 0; c < n; c++) {                       /* the last rows: by way of a full tile */
                float *o = out + (size_t)c * ldo + row;
                memset(tile, 0, sizeof tile);
                memcpy(tile, o, sizeof(float) * (size_t)rows);
                for (int r = 0; r < PANEL_ROWS; r += 2 * LANES)
                    panel_tile_1(panel + r, kc, x + (size_t)c * ldx + k, ldx, tile + r, PANEL_ROWS);
                memcpy(o, tile, sizeof(float) * (size_t)rows);
            }
        }
    }
}
