/* product.c - a matrix of the model times many tokens: forwards, backwards, and the gradient of the matrix itself.
 *
 *     packed   a piece of the matrix, dequantised, in panels: once for all tokens, shared by all threads
 *     tasks    some tokens against all of it, so that their inputs stay in a thread's own cache
 *
 * An adapter goes with it: its chains go on where the matrix's end, while the outputs are still near.
 *
 *     forwards    h = scale (A x),      out = W x + bias, then + h B
 *     backwards   h = scale (B^T y),    out = W^T y,      then + h A            both ways the same two small matrices, exchanged
 *
 * Threads share out what is computed (tokens, columns, rows), never a chain. */
#include "train/inside.h"

#include <string.h>

enum { TASK_TOKENS = MULTIPLY_ROWS, TILE_TOKENS = 6, PACK_ROWS = 16, WEIGHT_ROWS = 48 };
static const uint64_t PACKED_MOST = 1 << 20;   /* floats: 4 MB, of a cache that cores share */

static float *scratch_of(const struct tape *t, int thread) { return t->scratch + (size_t)thread * t->scratch_each; }
static uint64_t up(uint64_t n, uint64_t unit) { return (n + unit - 1) / unit; }
static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

uint64_t product_floats(const struct weight *w)
{
    uint64_t rows = up(w->rows, PANEL_ROWS) * PANEL_ROWS, cols = up(w->cols, PANEL_ROWS) * PANEL_ROWS;
    uint64_t longest = rows > cols ? rows : cols, most = longest * 64 > PACKED_MOST ? longest * 64 : PACKED_MOST;
    return least(rows * cols, most);
}

struct pass {
    struct tape *t;
    const struct weight *w;
    const struct branch *b;          /* NULL: no adapter */
    int back;
    const float *x;
    float *out;
    size_t ldx, ldo, step;           /* step: from panel to panel */
    uint32_t n, block;               /* tokens; of a task */
    uint64_t k, kn, c, cn, unit;     /* the piece that is packed: k of the chains and columns; columns of a task */
    int first, last;                 /* of the pieces of its columns */
};

static uint64_t wide_of(const struct tape *t) { return 2 * (uint64_t)t->m->kernels->lanes; }
static uint64_t length_of(const struct pass *p) { return p->back ? p->w->rows : p->w->cols; }
static uint64_t columns_of(const struct pass *p) { return p->back ? p->w->cols : p->w->rows; }

/* ---- packing: the piece of W, and with the first piece both matrices of the adapter ---- */

static void pack_small(const struct pass *p, uint64_t unit)
{
    const struct branch *b = p->b;
    const struct kernels *k = p->t->m->kernels;
    uint64_t wide = wide_of(p->t), panels = up(b->first->rows, wide);
    if (unit < panels) {
        uint64_t r = unit * wide, rows = least(wide, b->first->rows - r);
        k->pack_down(b->first, r, (int)rows, 0, (int)b->first->cols, b->first_panels + unit * b->first->cols * wide, b->first->cols * wide);
    } else {
        uint64_t r = (unit - panels) * PACK_ROWS, rows = least(PACK_ROWS, b->second->rows - r);
        k->pack_across(b->second, r, (int)rows, 0, (int)b->second->cols, b->second_panels + r * wide, b->second->rows * wide);
    }
}

static uint64_t large_units(const struct pass *p) { return up(p->back ? p->kn : p->cn, p->back ? PACK_ROWS : wide_of(p->t)); }

static void pack_units(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct pass *p = arg;
    const struct kernels *k = p->t->m->kernels;
    uint64_t wide = wide_of(p->t), large = large_units(p);
    (void)thread;
    for (uint64_t u = (uint64_t)begin; u < (uint64_t)end; u++) {
        if (u >= large) pack_small(p, u - large);
        else if (p->back) k->pack_across(&p->w->dense, p->k + u * PACK_ROWS, (int)least(PACK_ROWS, p->kn - u * PACK_ROWS), 0, (int)p->cn,
                                         p->t->packed + u * PACK_ROWS * wide, p->step);
        else k->pack_down(&p->w->dense, p->c + u * wide, (int)least(wide, p->cn - u * wide), 0, (int)p->kn, p->t->packed + u * p->step, p->step);
    }
}

static void pack(struct pass *p, int small)
{
    uint64_t units = large_units(p);
    p->step = (size_t)(p->kn * wide_of(p->t));
    if (small) units += up(p->b->first->rows, wide_of(p->t)) + up(p->b->second->rows, PACK_ROWS);
    pool_run(p->t->m->pool, pack_units, p, (int64_t)units, 1);
}

/* ---- tasks ---- */

static void branch_tokens(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct pass *p = arg;
    const struct branch *b = p->b;
    const struct kernels *k = p->t->m->kernels;
    size_t rank = (size_t)b->first->rows, in = (size_t)b->first->cols, first = (size_t)begin * p->block;
    size_t rows = (size_t)least((uint64_t)end * p->block, p->n) - first;
    float *h = b->h + first * rank;
    k->multiply(b->x + first * in, in, 1, (int)rows, b->first_panels, in * (size_t)wide_of(p->t), (int)in, (int)rank, 1, h, rank,
                scratch_of(p->t, thread));
    k->scale(h, b->scale, rows * rank);
}

static void one_task(const struct pass *p, uint64_t token, uint64_t column, float *scratch)
{
    const struct kernels *k = p->t->m->kernels;
    const struct branch *b = p->b;
    size_t wide = (size_t)wide_of(p->t), rows = (size_t)least(p->block, p->n - token), c = (size_t)(p->c + column);
    size_t cols = (size_t)least(p->unit, p->cn - column);
    float *out = p->out + token * p->ldo + c;
    k->multiply(p->x + token * p->ldx + p->k, p->ldx, 1, (int)rows, p->t->packed + column / wide * p->step, p->step, (int)p->kn, (int)cols, p->first, out, p->ldo,
                scratch);
    if (!p->last) return;
    for (size_t i = 0; !p->back && p->w->bias && i < rows; i++) k->add(out + i * p->ldo, p->w->bias + c, cols);
    if (!b) return;
    size_t rank = (size_t)b->second->rows;
    float *to = b->into ? b->into + token * p->ldo + c : out;
    k->multiply(b->h + token * rank, rank, 1, (int)rows, b->second_panels + c / wide * rank * wide, rank * wide, (int)rank, (int)cols, 0, to, p->ldo, scratch);
}

static void tasks(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct pass *p = arg;
    uint64_t across = up(p->cn, p->unit);
    for (uint64_t i = (uint64_t)begin; i < (uint64_t)end; i++) one_task(p, i / across * p->block, i % across * p->unit, scratch_of(p->t, thread));
}

/* Tokens of a task, and where that makes few of them, columns. */
static void divide(struct pass *p)
{
    uint64_t threads = (uint64_t)pool_threads(p->t->m->pool), wide = wide_of(p->t);
    uint64_t each = up(p->n, threads), block = up(each, up(each, TASK_TOKENS));   /* as many for every thread */
    p->block = (uint32_t)(up(block, TILE_TOKENS) * TILE_TOKENS);
    uint64_t down = up(p->n, p->block), across = down < 2 * threads ? up(2 * threads, down) : 1;
    p->unit = up(up(p->cn, across), wide) * wide;
}

static void run_piece(struct pass *p, int small)
{
    pack(p, small);
    divide(p);
    if (small) pool_run(p->t->m->pool, branch_tokens, p, (int64_t)up(p->n, p->block), 1);
    pool_run(p->t->m->pool, tasks, p, (int64_t)(up(p->n, p->block) * up(p->cn, p->unit)), 1);
}

static void run(struct pass *p)
{
    uint64_t length = length_of(p), columns = columns_of(p), wide = wide_of(p->t), room = p->t->packed_floats;
    uint64_t most = p->back ? room / (up(columns, wide) * wide) : length;         /* backwards pieces are rows of W, one chain through all */
    uint64_t share = p->back ? columns : room / length / wide * wide;
    if (p->back && most > PACK_ROWS) most = most / PACK_ROWS * PACK_ROWS;
    for (p->c = 0; p->c < columns; p->c += p->cn) {
        p->cn = least(share, columns - p->c);
        for (p->k = 0; p->k < length; p->k += p->kn) {
            p->kn = least(most, length - p->k);
            p->first = p->k == 0, p->last = p->k + p->kn == length;
            run_piece(p, p->b && p->c == 0 && p->k == 0);
        }
    }
}

/* One token: the matrix is read once, as it lies. */
static void one_token(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct pass *p = arg;
    uint64_t first = (uint64_t)begin * PANEL_ROWS, last = least((uint64_t)end * PANEL_ROWS, p->w->rows);
    p->t->m->kernels->matmul_float(&p->w->dense, first, last, p->x, p->w->cols, 1, p->out, p->w->rows, scratch_of(p->t, thread));
    if (p->w->bias) p->t->m->kernels->add(p->out + first, p->w->bias + first, (size_t)(last - first));
}

void product_forward(struct tape *t, const struct weight *w, const struct branch *b, const float *x, uint32_t n, float *out, size_t ldo)
{
    struct pass p = { .t = t, .w = w, .b = b, .x = x, .ldx = (size_t)w->cols, .out = out, .ldo = ldo, .n = n };
    if (n == 1 && !b) pool_run(t->m->pool, one_token, &p, (int64_t)up(w->rows, PANEL_ROWS), 1);
    else run(&p);
}

void product_back(struct tape *t, const struct weight *w, const struct branch *b, const float *y, size_t ldy, uint32_t n, float *out)
{
    struct pass p = { .t = t, .w = w, .b = b, .back = 1, .x = y, .ldx = ldy, .out = out, .ldo = (size_t)w->cols, .n = n };
    run(&p);
}

/* ---- the gradient of the matrix ---- */

struct outer { struct tape *t; struct dense x; const float *y; size_t ldy, step; float *dw; uint64_t rows, k, kn; };

static void pack_tokens(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct outer *o = arg;
    uint64_t first = (uint64_t)begin * PACK_ROWS, last = least((uint64_t)end * PACK_ROWS, o->kn);
    (void)thread;
    o->t->m->kernels->pack_across(&o->x, o->k + first, (int)(last - first), 0, (int)o->x.cols, o->t->packed + first * wide_of(o->t), o->step);
}

static void weight_rows(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct outer *o = arg;
    uint64_t row = (uint64_t)begin * WEIGHT_ROWS, last = least((uint64_t)end * WEIGHT_ROWS, o->rows), cols = o->x.cols;
    for (; row < last; row += WEIGHT_ROWS)
        o->t->m->kernels->multiply(o->y + o->k * o->ldy + row, 1, o->ldy, (int)least(WEIGHT_ROWS, last - row), o->t->packed, o->step, (int)o->kn,
                                   (int)cols, 0, o->dw + row * cols, (size_t)cols, scratch_of(o->t, thread));
}

void product_weight(struct tape *t, const struct weight *w, const float *x, const float *y, size_t ldy, uint32_t n, float *dw)
{
    struct outer o = { .t = t, .x = { T_F32, n, w->cols, (size_t)w->cols * sizeof(float), (const uint8_t *)x }, .y = y, .ldy = ldy, .dw = dw,
                       .rows = w->rows };
    uint64_t most = t->packed_floats / (up(w->cols, wide_of(t)) * wide_of(t));
    for (; o.k < n; o.k += o.kn) {
        o.kn = least(most, n - o.k);
        o.step = (size_t)(o.kn * wide_of(t));
        pool_run(t->m->pool, pack_tokens, &o, (int64_t)up(o.kn, PACK_ROWS), 1);
        pool_run(t->m->pool, weight_rows, &o, (int64_t)up(o.rows, WEIGHT_ROWS), 1);
    }
}
