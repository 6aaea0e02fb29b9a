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

/* A piece: LANES words of 32 bits of LANES rows, transposed; a word is one column, or two of 16 bits. */
#define piece_columns(t) ((t) == T_F32 ? LANES : 2 * LANES)
INLINE void piece_load(enum tensor_type t, const uint8_t *p, size_t stride, vi v[LANES])
{
    if (t == T_F32) v_load_columns_f32(p, stride, (vf *)(void *)v);
    else v_load_columns_16(p, stride, v);
}
INLINE vf piece_column(enum tensor_type t, const vi v[LANES], int i)
{
    return t == T_F16 ? v_column_f16(v, i) : t == T_BF16 ? v_column_bf16(v, i) : v_asf(v[i]);
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
INLINE void panel_typed(enum tensor_type t, const uint8_t *rows, size_t stride, int kc, float *panel)
{
    const int columns = piece_columns(t);
    const size_t size = t == T_F32 ? 4 : 2;
    int k = 0;
    for (; k + columns <= kc; k += columns) {
        vi v[LANES];
        piece_load(t, rows + (size_t)k * size, stride, v);
        UNROLL for (int i = 0; i < columns; i++) v_store(panel + (k + i) * PANEL_ROWS, piece_column(t, v, i));
    }
    for (; k < kc; k++)
        for (int i = 0; i < LANES; i++)
            panel[k * PANEL_ROWS + i] = load_element(t, rows + (size_t)i * stride + (size_t)k * size);
}

static void panel_fill(enum tensor_type t, const uint8_t *rows, size_t stride, int kc, float *panel)
{
    if (t == T_F16) panel_typed(T_F16, rows, stride, kc, panel);
    else if (t == T_BF16) panel_typed(T_BF16, rows, stride, kc, panel);
    else panel_typed(T_F32, rows, stride, kc, panel);
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

/* One token: PANEL_ROWS chains in flight, each over a row of its own, many * PANEL_ROWS rows in all:
 *
 *     stream 0    row, row + 1, ... row + many - 1           memory is read as PANEL_ROWS streams that never jump: what
 *     stream 1    row + many, ...                            follows a row is the stream's next row.  Rows side by side
 *     ...                                                    would be several streams in one page, which the prefetchers
 *     stream 31   row + 31 * many, ...                       of processors cannot tell apart, and a new start every row.
 *
 * A cache line of every stream is transposed into `line` while the one before is multiplied, so that shuffles and chains
 * fill each other's gaps; each line is touched once, so it does not matter that the streams share few sets of the cache. */
enum { LINE = 64, AHEAD = 3 * LINE, STREAM_ROWS = 15 };
INLINE void one_column(enum tensor_type t, const struct dense *w, uint64_t row, uint64_t many, const float *x, float *out)
{
    enum { GROUPS = PANEL_ROWS / LANES, PIECES = LINE / 4 / LANES, STEPS = GROUPS * PIECES };
    vi line[2][STEPS][LANES] __attribute__((aligned(64)));
    const int columns = piece_columns(t), share = columns * PIECES / STEPS;
    const size_t stride = many * w->row_bytes;
    const uint8_t *p = w->data + row * w->row_bytes, *stop = p + stride;
    int now = 0;
    UNROLL for (int s = 0; s < STEPS; s++)
        piece_load(t, p + (size_t)(s / PIECES * LANES) * stride + (size_t)(s % PIECES * 4 * LANES), stride, line[0][s]);
    for (uint64_t r = row; r < row + many; r++) {
        const uint8_t *end = p + w->row_bytes;
        const float *xs = x;
        float sums[PANEL_ROWS];
        vf acc[GROUPS];
        UNROLL for (int g = 0; g < GROUPS; g++) acc[g] = v_set(0);
        for (; p < end; p += LINE, xs += columns * PIECES, now ^= 1) {
            const uint8_t *next = stop - p > LINE ? p + LINE : p, *ahead = stop - p > AHEAD ? p + AHEAD : p;
            UNROLL for (int s = 0; s < STEPS; s++) {
                UNROLL for (int i = 0; i < PANEL_ROWS / STEPS; i++)
                    __builtin_prefetch(ahead + (size_t)(s * (PANEL_ROWS / STEPS) + i) * stride);
                piece_load(t, next + (size_t)(s / PIECES * LANES) * stride + (size_t)(s % PIECES * 4 * LANES), stride,
                           line[now ^ 1][s]);
                UNROLL for (int i = 0; i < share; i++) {
                    const int c = s * share + i;
                    vf b = v_set(xs[c]);
                    UNROLL for (int g = 0; g < GROUPS; g++)
                        acc[g] = v_fma(piece_column(t, line[now][g * PIECES + c / columns], c % columns), b, acc[g]);
                }
            }
        }
        UNROLL for (int g = 0; g < GROUPS; g++) v_store(sums + g * LANES, acc[g]);
        for (uint64_t i = 0; i < PANEL_ROWS; i++) out[r + i * many] = sums[i];
    }
}

/* The whole panels of rows [begin, end); returns the first row that is left. */
static uint64_t one_token(const struct dense *w, uint64_t begin, uint64_t end, const float *x, float *out)
{
    for (uint64_t left; (left = (end - begin) / PANEL_ROWS) > 0;) {
        uint64_t most = left < STREAM_ROWS ? left : STREAM_ROWS, many = most - (most % 2 == 0); /* odd: in more cache sets */
        if (w->type == T_F16) one_column(T_F16, w, begin, many, x, out);
        else if (w->type == T_BF16) one_column(T_BF16, w, begin, many, x, out);
        else one_column(T_F32, w, begin, many, x, out);
        begin += many * PANEL_ROWS;
    }
    return begin;
}

static void matmul_float(const struct dense *w, uint64_t begin, uint64_t end, const float *x, size_t ldx, int n,
                         float *out, size_t ldo, float *scratch)
{
    float *panel = scratch, *sums = scratch + PANEL_ROWS * PANEL_COLS, *spare = sums;
    float tile[PANEL_ROWS];
    if (n == 1 && type_info(w->type)->block == 1 && w->row_bytes % LINE == 0) begin = one_token(w, begin, end, x, out);
    for (uint64_t row = begin; row < end; row += PANEL_ROWS) {
        int rows = w->rows - row < PANEL_ROWS ? (int)(w->rows - row) : PANEL_ROWS;
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
