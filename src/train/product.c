/* product.c - a matrix of the model times a few tokens: forwards, backwards, and the gradient of the matrix itself.
 * Threads share out what is computed (rows, columns), never a chain. */
#include "train/inside.h"

struct product { struct tape *t; const struct weight *w; const float *x, *y; float *out; uint32_t n; uint64_t unit; };

static int64_t pieces(uint64_t n, uint64_t unit) { return (int64_t)((n + unit - 1) / unit); }

static void forward_rows(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct product *p = arg;
    uint64_t last = (uint64_t)end * PANEL_ROWS, rows = p->w->rows;
    p->t->m->kernels->matmul_float(&p->w->dense, (uint64_t)begin * PANEL_ROWS, last < rows ? last : rows, p->x, p->w->cols,
                                   (int)p->n, p->out, rows, p->t->scratch + (size_t)thread * p->t->scratch_each);
    uint64_t first = (uint64_t)begin * PANEL_ROWS;
    last = last < rows ? last : rows;
    for (uint32_t t = 0; p->w->bias && t < p->n; t++)
        p->t->m->kernels->add(p->out + t * rows + first, p->w->bias + first, (size_t)(last - first));
}

void product_forward(struct tape *t, const struct weight *w, const float *x, uint32_t n, float *out)
{
    struct product p = { .t = t, .w = w, .x = x, .out = out, .n = n };
    pool_run(t->m->pool, forward_rows, &p, pieces(w->rows, PANEL_ROWS), 1);
}

static void back_columns(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct product *p = arg;
    uint64_t last = (uint64_t)end * p->unit, cols = p->w->cols;
    p->t->m->kernels->matmul_back(&p->w->dense, (uint64_t)begin * p->unit, last < cols ? last : cols, p->y, p->w->rows,
                                  (int)p->n, p->out, cols, p->t->scratch + (size_t)thread * p->t->scratch_each);
}

void product_back(struct tape *t, const struct weight *w, const float *y, uint32_t n, float *out)
{
    uint32_t block = type_info(w->dense.type)->block;
    struct product p = { .t = t, .w = w, .y = y, .out = out, .n = n, .unit = block > PANEL_ROWS ? block : PANEL_ROWS };
    pool_run(t->m->pool, back_columns, &p, pieces(w->cols, p.unit), 1);
}

static void weight_rows(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct product *p = arg;
    uint64_t row = (uint64_t)begin * p->unit, last = (uint64_t)end * p->unit, rows = p->w->rows, cols = p->w->cols;
    last = last < rows ? last : rows;
    p->t->m->kernels->accumulate(p->y + row, 1, rows, (int)(last - row), p->x, cols, (int)p->n, (int)cols,
                                 p->out + row * cols, cols, p->t->scratch + (size_t)thread * p->t->scratch_each);
}

void product_weight(struct tape *t, const struct weight *w, const float *x, const float *y, uint32_t n, float *dw)
{
    struct product p = { .t = t, .w = w, .x = x, .y = y, .out = dw, .n = n, .unit = 48 };
    pool_run(t->m->pool, weight_rows, &p, pieces(w->rows, p.unit), 1);
}
