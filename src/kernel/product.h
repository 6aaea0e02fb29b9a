/* product.h - products of a matrix and many rows, in which most of the time of a gradient goes.  One form, lane = column:
 *
 *     out[r][c] = fma(a[r, k], b[k][c], out[r][c])    for k = 0, 1, 2, ...
 *
 *     W x        a = x [token][input]     b = W across: b[k][c] = W[c][k]      pack_down
 *     W^T y      a = y [token][output]    b = W as it lies                     pack_across
 *     dW         a = y, read downwards    b = x                                pack_across
 *
 * b is packed into panels of WIDE columns, each k's columns side by side, so that a tile reads one stream; a is read one number
 * at a time and may lie either way round, and where many panels await it, it is first copied so that a tile reads one stream of
 * it too.  A tile is 6 rows by WIDE columns: 12 sums, which is what hides the latency of fma and leaves registers for the rest.
 *
 *              c ──►  WIDE columns   WIDE columns
 *     panels   k │    │ panel 0 │    │ panel 1 │    ...       `step` floats from one to the next
 *              ▼ */

enum { WIDE = 2 * LANES, DEEP = MULTIPLY_DEEP, /* a panel of so many k fills half of a first cache */
       TILE_ROWS = 6, MANY_PANELS = 8 };
_Static_assert(ACROSS % WIDE == 0 && ACROSS * PANEL_COLS <= MULTIPLY_SCRATCH, "accumulate packs ACROSS columns of PANEL_COLS rows into its scratch");

#define ROWS_TILE(R) \
INLINE void rows_tile_##R(const float *a, size_t row_step, size_t k_step, const float *panel, int kc, int fresh, float *out, size_t ldo) \
{ \
    vf s[2 * R]; \
    if (fresh) UNROLL for (int r = 0; r < R; r++) s[2 * r] = s[2 * r + 1] = v_set(0); \
    else UNROLL for (int r = 0; r < R; r++) s[2 * r] = v_load(out + r * ldo), s[2 * r + 1] = v_load(out + r * ldo + LANES); \
    UNROLL_LITTLE for (int k = 0; k < kc; k++, panel += WIDE, a += k_step) { \
        vf b0 = v_load(panel), b1 = v_load(panel + LANES); \
        UNROLL for (int r = 0; r < R; r++) { \
            vf v = v_set(a[r * row_step]); \
            s[2 * r] = v_fma(v, b0, s[2 * r]), s[2 * r + 1] = v_fma(v, b1, s[2 * r + 1]); \
        } \
    } \
    UNROLL for (int r = 0; r < R; r++) v_store(out + r * ldo, s[2 * r]), v_store(out + r * ldo + LANES, s[2 * r + 1]); \
}
ROWS_TILE(6)
ROWS_TILE(4)
ROWS_TILE(2)
ROWS_TILE(1)

/* All rows against one panel. */
INLINE void rows_panel(const float *a, size_t row_step, size_t k_step, int rows, const float *panel, int kc, int fresh, float *out, size_t ldo)
{
    int r = 0;
    for (; r + 6 <= rows; r += 6) {
        for (int i = 6; i < 12 && r + i < rows; i++) __builtin_prefetch(out + (size_t)(r + i) * ldo, 1);
        rows_tile_6(a + (size_t)r * row_step, row_step, k_step, panel, kc, fresh, out + (size_t)r * ldo, ldo);
    }
    if (r + 4 <= rows) rows_tile_4(a + (size_t)r * row_step, row_step, k_step, panel, kc, fresh, out + (size_t)r * ldo, ldo), r += 4;
    if (r + 2 <= rows) rows_tile_2(a + (size_t)r * row_step, row_step, k_step, panel, kc, fresh, out + (size_t)r * ldo, ldo), r += 2;
    if (r < rows) rows_tile_1(a + (size_t)r * row_step, 0, k_step, panel, kc, fresh, out + (size_t)r * ldo, ldo);
}

/* The last panel, of whose columns `cols` are there: by way of a full tile. */
static void rows_edge(const float *a, size_t row_step, size_t k_step, int rows, const float *panel, int kc, int cols, int fresh, float *out, size_t ldo)
{
    float edge[6 * WIDE] = { 0 };
    for (int r = 0; r < rows; r += 6) {
        int n = rows - r < 6 ? rows - r : 6;
        for (int i = 0; i < n && !fresh; i++) memcpy(edge + i * WIDE, out + (size_t)(r + i) * ldo, sizeof(float) * (size_t)cols);
        rows_panel(a + (size_t)r * row_step, row_step, k_step, n, panel, kc, fresh, edge, WIDE);
        for (int i = 0; i < n; i++) memcpy(out + (size_t)(r + i) * ldo, edge + i * WIDE, sizeof(float) * (size_t)cols);
    }
}

static void rows_block(const float *a, size_t row_step, size_t k_step, int rows, const float *panels, size_t step, int kc, int cols, int fresh,
                       float *out, size_t ldo)
{
    for (int c = 0; c < cols; c += WIDE, panels += step) {
        if (cols - c < WIDE) rows_edge(a, row_step, k_step, rows, panels, kc, cols - c, fresh, out + c, ldo);
        else if (k_step == 1) rows_panel(a, row_step, 1, rows, panels, kc, fresh, out + c, ldo);
        else if (row_step == 1) rows_panel(a, 1, k_step, rows, panels, kc, fresh, out + c, ldo);
        else rows_panel(a, row_step, k_step, rows, panels, kc, fresh, out + c, ldo);
    }
}

/* Rows of whole tiles, copied: [tile][k][TILE_ROWS].  LANES rows at a time where so many follow: what is stored past a tile's row is its next one's
 * place, and filled after it. */
static void tiles_copy(const float *a, size_t row_step, size_t k_step, int rows, int kc, float *to)
{
    for (int r = 0; r < rows; r += TILE_ROWS, a += TILE_ROWS * row_step) {
        int k = 0;
        for (; k_step == 1 && (int)LANES >= (int)TILE_ROWS && r + LANES <= rows && k + LANES <= kc; k += LANES) {
            vf v[LANES];
            v_load_columns_f32((const uint8_t *)(a + k), row_step * sizeof(float), v);
            UNROLL for (int i = 0; i < LANES; i++, to += TILE_ROWS) v_store(to, v[i]);
        }
        for (; k < kc; k++, to += TILE_ROWS)
            UNROLL for (int i = 0; i < TILE_ROWS; i++) to[i] = a[(size_t)i * row_step + (size_t)k * k_step];
    }
}

static void tiles_block(const float *tiles, int rows, const float *panels, size_t step, int kc, int cols, int fresh, float *out, size_t ldo)
{
    for (int c = 0; c + WIDE <= cols; c += WIDE, panels += step) {
        const float *a = tiles;
        for (int r = 0; r < rows; r += TILE_ROWS, a += TILE_ROWS * kc) {
            for (int i = TILE_ROWS; i < 2 * TILE_ROWS && r + i < rows; i++) __builtin_prefetch(out + (size_t)(r + i) * ldo + c, 1);
            rows_tile_6(a, 1, TILE_ROWS, panels, kc, fresh, out + (size_t)r * ldo + c, ldo);
        }
    }
}

static void multiply(const float *a, size_t row_step, size_t k_step, int rows, const float *panels, size_t step, int n, int cols,
                     int fresh, float *out, size_t ldo, float *scratch)
{
    int pieces = (n + DEEP - 1) / DEEP, kc = pieces ? (n + pieces - 1) / pieces : 0;
    int whole = cols / WIDE < MANY_PANELS ? 0 : rows / TILE_ROWS * TILE_ROWS, edge = cols / WIDE * WIDE;
    for (int k = 0; k < n; k += kc, fresh = 0) {
        const float *from = a + (size_t)k * k_step, *b = panels + (size_t)k * WIDE;
        int m = n - k < kc ? n - k : kc;
        for (int r = 0; r < whole; r += MULTIPLY_ROWS) {
            int some = whole - r < MULTIPLY_ROWS ? whole - r : MULTIPLY_ROWS;
            tiles_copy(from + (size_t)r * row_step, row_step, k_step, some, m, scratch);
            tiles_block(scratch, some, b, step, m, cols, fresh, out + (size_t)r * ldo, ldo);
        }
        if (whole && edge < cols) rows_edge(from, row_step, k_step, whole, b + (size_t)(edge / WIDE) * step, m, cols - edge, fresh, out + edge, ldo);
        rows_block(from + (size_t)whole * row_step, row_step, k_step, rows - whole, b, step, m, cols, fresh, out + (size_t)whole * ldo, ldo);
    }
}

/* ---- packing ---- */

/* n numbers of a row, n <= PANEL_COLS, a multiple of 32; what dequantize_row does, for types that models often come in. */
INLINE void dequant_blocks(enum tensor_type t, const uint8_t *src, float *out, int n)
{
    const int heads = t == T_Q4_1 ? 4 : 2;
    for (int b = 0; b < n; b += 32, out += 32, src += heads + (t == T_Q8_0 ? 32 : 16)) {
        const uint8_t *q = src + heads;
        int8_t code[32];
        uint16_t half[2] = { 0 };
        memcpy(half, src, (size_t)heads);
        vf d = v_set(f16_to_f32(half[0])), m = v_set(t == T_Q4_1 ? f16_to_f32(half[1]) : 0);
        if (t == T_Q8_0) memcpy(code, q, 32);
        else for (int i = 0; i < 16; i++) {
            code[i] = (int8_t)((q[i] & 15) - (t == T_Q4_0 ? 8 : 0));
            code[i + 16] = (int8_t)((q[i] >> 4) - (t == T_Q4_0 ? 8 : 0));
        }
        UNROLL for (int i = 0; i < 32; i += LANES) {
            vf v = v_mul(d, v_load_i8(code + i));
            v_store(out + i, t == T_Q4_1 ? v_add(v, m) : v);
        }
    }
}

static void dequant_line(enum tensor_type t, const uint8_t *src, float *out, int n)
{
    switch (t) {
    case T_F32: memcpy(out, src, sizeof(float) * (size_t)n); break;
    case T_Q4_0: dequant_blocks(T_Q4_0, src, out, n); break;
    case T_Q4_1: dequant_blocks(T_Q4_1, src, out, n); break;
    case T_Q8_0: dequant_blocks(T_Q8_0, src, out, n); break;
    default: dequantize_row(t, src, out, (size_t)n);
    }
}

/* Columns of the matrix become columns of panels: k = its row. */
static void pack_across(const struct dense *w, uint64_t row, int rows, uint64_t col, int cols, float *panels, size_t step)
{
    const struct type_info *info = type_info(w->type);
    for (int k = 0; w->type == T_F32 && k < rows; k++) {
        const float *from = (const float *)(const void *)(w->data + (row + (uint64_t)k) * w->row_bytes) + col;
        float *to = panels + (size_t)k * WIDE;
        int c = 0;
        for (; c + WIDE <= cols; c += WIDE, to += step) v_store(to, v_load(from + c)), v_store(to + LANES, v_load(from + c + LANES));
        for (int i = 0; c < cols && i < WIDE; i++) to[i] = c + i < cols ? from[c + i] : 0;
    }
    if (w->type == T_F32) return;
    float line[PANEL_COLS] __attribute__((aligned(64)));
    for (int k = 0; k < rows; k++)
        for (int c = 0; c < cols; c += PANEL_COLS) {
            int n = cols - c < PANEL_COLS ? cols - c : PANEL_COLS;
            dequant_line(w->type, w->data + (row + (uint64_t)k) * w->row_bytes + (col + (uint64_t)c) / info->block * info->bytes, line, n);
            float *to = panels + (size_t)c / WIDE * step + (size_t)k * WIDE;
            if (n % WIDE) memset(line + n, 0, sizeof(float) * (size_t)(WIDE - n % WIDE));
            for (int i = 0; i < n; i += WIDE, to += step) v_store(to, v_load(line + i)), v_store(to + LANES, v_load(line + i + LANES));
        }
}

/* Rows of the matrix become columns of panels: k = its column. */
static void pack_down(const struct dense *w, uint64_t row, int rows, uint64_t col, int cols, float *panels, size_t step)
{
    const struct type_info *info = type_info(w->type);
    float line[LANES * PANEL_COLS] __attribute__((aligned(64)));
    for (int r = 0; r < rows; r += LANES)
        for (int c = 0; c < cols; c += PANEL_COLS) {
            int n = cols - c < PANEL_COLS ? cols - c : PANEL_COLS, k = 0;
            for (int i = 0; i < LANES; i++) {
                if (r + i >= rows) memset(line + i * PANEL_COLS, 0, sizeof(float) * (size_t)n);
                else dequant_line(w->type, w->data + (row + (uint64_t)(r + i)) * w->row_bytes + (col + (uint64_t)c) / info->block * info->bytes,
                                  line + i * PANEL_COLS, n);
            }
            float *to = panels + (size_t)(r / WIDE) * step + (size_t)c * WIDE + (size_t)(r % WIDE);
            for (; k + LANES <= n; k += LANES) {
                vf v[LANES];
                v_load_columns_f32((const uint8_t *)(line + k), PANEL_COLS * sizeof(float), v);
                UNROLL for (int i = 0; i < LANES; i++) v_store(to + (size_t)(k + i) * WIDE, v[i]);
            }
            for (; k < n; k++) for (int i = 0; i < LANES; i++) to[(size_t)k * WIDE + (size_t)i] = line[i * PANEL_COLS + k];
        }
    if (rows % WIDE && rows % WIDE <= LANES)       /* the last panel's other half */
        for (int k = 0; k < cols; k++) v_store(panels + (size_t)(rows / WIDE) * step + (size_t)k * WIDE + LANES, v_set(0));
}

/* b as it lies, packed some panels at a time: of each of its rows so many numbers that reading them is reading on. */
static void accumulate(const float *a, size_t row_step, size_t k_step, int rows, const float *b, size_t ldb, int n, int cols,
                       float *out, size_t ldo, float *panels)
{
    struct dense w = { T_F32, (uint64_t)n, (uint64_t)cols, ldb * sizeof(float), (const uint8_t *)b };
    for (int k = 0; k < n; k += PANEL_COLS) {
        int kc = n - k < PANEL_COLS ? n - k : PANEL_COLS;
        size_t step = (size_t)kc * WIDE;
        for (int c = 0; c < cols; c += ACROSS) {
            int width = cols - c < ACROSS ? cols - c : ACROSS;
            pack_across(&w, (uint64_t)k, kc, (uint64_t)c, width, panels, step);
            rows_block(a + (size_t)k * k_step, row_step, k_step, rows, panels, step, kc, width, 0, out + c, ldo);
        }
    }
}
