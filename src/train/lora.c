/* lora.c - an adapter's matrices beside a product (product.c), and their gradients.  Threads share out tokens, or columns, never a chain. */
#include "train/lora.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "train/inside.h"

enum { STREAM = 0x10B };

struct lora {
    const struct hearth_adapter *a;
    const struct lora_grads *grads;
    struct lora_dropout drop;
    float **h;                       /* [layers * ADAPTER_SLOTS]: [cap][rank] */
    float *dh;                       /* [cap][rank] */
    float *x, *through;              /* [cap][widest input] x 2: x past the dropout; what comes back through A before the mask */
    float *first, *second;           /* the two small matrices of a product, packed */
    void *slab;
    size_t slab_bytes;
};

/* ---- memory ---- */

static uint64_t widest_input(const struct hearth_adapter *a)
{
    uint64_t most = 0;
    for (size_t i = 0; i < (size_t)a->m->h.layers * ADAPTER_SLOTS; i++)
        if (a->part[i].rank && a->part[i].a.cols > most) most = a->part[i].a.cols;
    return most;
}

static uint64_t kept_floats(const struct hearth_adapter *a, uint64_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < (size_t)a->m->h.layers * ADAPTER_SLOTS; i++) sum += (n * a->part[i].rank + 15) / 16 * 16;
    return sum;
}

/* Room for either matrix of a part, packed: columns or rows of up to whole panels. */
static uint64_t packed_floats(const struct hearth_adapter *a)
{
    uint64_t most = 0;
    for (size_t i = 0; i < (size_t)a->m->h.layers * ADAPTER_SLOTS; i++) {
        const struct adapter_part *p = &a->part[i];
        uint64_t longest = p->a.cols > p->b.cols ? p->a.cols : p->b.cols;
        uint64_t floats = (longest + PANEL_ROWS) * ((uint64_t)p->rank + PANEL_ROWS);
        if (p->rank && floats > most) most = floats;
    }
    return most;
}

uint64_t lora_bytes(const struct hearth_adapter *a, uint32_t n)
{
    return (kept_floats(a, n) + (uint64_t)n * (a->rank + 2 * widest_input(a)) + 2 * packed_floats(a) + 32) * 4 +
           (uint64_t)a->m->h.layers * ADAPTER_SLOTS * sizeof(float *);
}

static void lora_close(struct lora *l)
{
    if (!l) return;
    slab_free(l->slab, l->slab_bytes);
    free(l->h);
    free(l);
}

void tape_forget_adapter(struct tape *t)
{
    lora_close(t->lora);
    t->lora = NULL;
}

enum hearth_status tape_adapt(struct tape *t, const struct hearth_adapter *a, const struct lora_grads *grads)
{
    tape_forget_adapter(t);
    if (!a) return HEARTH_OK;
    if (a->m != t->m) return fail(HEARTH_EUSAGE, "an adapter that was made for another model");
    struct lora *l = mem_array(1, sizeof *l);
    if (!l) return HEARTH_ENOMEM;
    size_t parts = (size_t)a->m->h.layers * ADAPTER_SLOTS;
    l->a = a, l->grads = grads;
    l->slab_bytes = (size_t)lora_bytes(a, t->cap);
    l->h = mem_array(parts, sizeof *l->h);
    l->slab = slab_alloc_dense(l->slab_bytes);
    if (!l->h || !l->slab) {
        lora_close(l);
        return HEARTH_ENOMEM;
    }
    float *at = l->slab;
    for (size_t i = 0; i < parts; i++) l->h[i] = at, at += ((size_t)t->cap * a->part[i].rank + 15) / 16 * 16;
    l->dh = at, at += ((size_t)t->cap * a->rank + 15) / 16 * 16;
    l->first = at, at += packed_floats(a);
    l->second = at, at += packed_floats(a);
    l->x = at, l->through = at + (size_t)t->cap * (size_t)widest_input(a);
    t->lora = l;
    return HEARTH_OK;
}

void tape_dropout(struct tape *t, const struct lora_dropout *d) { if (t->lora) t->lora->drop = *d; }

void lora_grads_free(const struct hearth_adapter *a, struct lora_grads *g)
{
    for (size_t i = 0; g->a && g->b && i < (size_t)a->m->h.layers * ADAPTER_SLOTS; i++) free(g->a[i]), free(g->b[i]);
    free(g->a), free(g->b);
    *g = (struct lora_grads){ 0 };
}

enum hearth_status lora_grads_open(const struct hearth_adapter *a, struct lora_grads *g)
{
    size_t parts = (size_t)a->m->h.layers * ADAPTER_SLOTS;
    *g = (struct lora_grads){ .a = mem_array(parts, sizeof *g->a), .b = mem_array(parts, sizeof *g->b), .elements = a->elements };
    int missing = !g->a || !g->b;
    for (size_t i = 0; !missing && i < parts; i++) {
        const struct adapter_part *p = &a->part[i];
        if (!p->rank) continue;
        g->a[i] = mem_array((size_t)(p->a.cols * p->rank), sizeof(float));
        g->b[i] = mem_array((size_t)(p->b.cols * p->rank), sizeof(float));
        missing = !g->a[i] || !g->b[i];
    }
    if (!missing) return HEARTH_OK;
    lora_grads_free(a, g);
    return HEARTH_ENOMEM;
}

/* ---- the work of one matrix ---- */

struct work {
    struct tape *t;
    const struct lora *l;
    const struct adapter_part *p;
    uint32_t matrix;                 /* layer * ADAPTER_SLOTS + slot */
    const float *x, *dy;             /* [n][inputs], [n][outputs] */
    float *h, *out, *da, *db;        /* [n][rank]; [n][inputs]; gradients */
};

static float *scratch_of(const struct work *w, int thread) { return w->t->scratch + (size_t)thread * w->t->scratch_each; }

static const struct adapter_part *part_of(const struct tape *t, uint32_t layer, enum adapter_slot s)
{
    return t->lora ? adapter_at(t->lora->a, layer, s) : NULL;
}

int lora_has(const struct tape *t, uint32_t layer, enum adapter_slot s) { return part_of(t, layer, s) != NULL; }

/* out[i] = in[i] mask / (1 - p); element i of a matrix and a token of the step has a random number of its own. */
static void drop_rows(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct work *w = arg;
    const struct lora_dropout *d = &w->l->drop;
    uint32_t cols = (uint32_t)w->p->a.cols;
    float keep = 1 / (1 - d->p);
    (void)thread;
    for (int64_t t = begin; t < end; t++)
        for (uint32_t c = 0; c < cols; c += 4) {
            uint32_t in[4] = { d->first_token + (uint32_t)t, c | w->matrix << 18, d->step, STREAM }, word[4];
            philox4x32(d->seed, in, word);
            for (uint32_t i = 0; i < 4 && c + i < cols; i++) {
                size_t at = (size_t)t * cols + c + i;
                w->out[at] = (float)(word[i] >> 8) / 16777216.0f < d->p ? 0 : w->x[at] * keep;
            }
        }
}

static const float *dropped(struct tape *t, struct work w, const float *x)
{
    if (w.l->drop.p <= 0) return x;
    w.x = x, w.out = t->lora->x;
    tape_each(t, drop_rows, &w, t->n);
    return w.out;
}

const struct branch *lora_forward(struct tape *t, uint32_t layer, enum adapter_slot s, const float *x, struct branch *b)
{
    const struct adapter_part *p = part_of(t, layer, s);
    struct lora *l = t->lora;
    if (!p) return NULL;
    struct work w = { .t = t, .l = l, .p = p, .matrix = layer * ADAPTER_SLOTS + s };
    *b = (struct branch){ .first = &p->a.dense, .second = &p->b.dense, .first_panels = l->first, .second_panels = l->second, .scale = p->scale,
                          .x = dropped(t, w, x), .h = l->h[w.matrix] };
    return b;
}

const struct branch *lora_back(struct tape *t, uint32_t layer, enum adapter_slot s, const float *dy, struct branch *b)
{
    const struct adapter_part *p = part_of(t, layer, s);
    struct lora *l = t->lora;
    if (!p) return NULL;
    *b = (struct branch){ .first = &p->b.dense, .second = &p->a.dense, .first_panels = l->first, .second_panels = l->second, .scale = p->scale,
                          .x = dy, .h = l->dh };
    if (l->drop.p > 0) b->into = memset(l->through, 0, (size_t)t->n * (size_t)p->a.cols * sizeof *l->through);
    return b;
}

/* db [rank][outputs] += h dy, da [rank][inputs] += dh x: chains over the tokens. */
static void grad_columns(const struct work *w, int thread, int64_t begin, int64_t end, const float *h, const float *x, size_t cols, float *out)
{
    size_t from = (size_t)begin * ACROSS, to = (size_t)end * ACROSS < cols ? (size_t)end * ACROSS : cols, rank = w->p->rank;
    w->t->m->kernels->accumulate(h, 1, rank, (int)rank, x + from, cols, (int)w->t->n, (int)(to - from), out + from, cols, scratch_of(w, thread));
}

static void b_columns(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct work *w = arg;
    grad_columns(w, thread, begin, end, w->h, w->dy, (size_t)w->p->b.cols, w->db);
}

static void a_columns(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct work *w = arg;
    grad_columns(w, thread, begin, end, w->l->dh, w->x, (size_t)w->p->a.cols, w->da);
}

static void add_rows(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct work *w = arg;
    size_t cols = (size_t)w->p->a.cols;
    (void)thread;
    w->t->m->kernels->add(w->out + (size_t)begin * cols, w->x + (size_t)begin * cols, (size_t)(end - begin) * cols);
}

static int64_t pieces(uint64_t n, uint64_t unit) { return (int64_t)((n + unit - 1) / unit); }

void lora_gradients(struct tape *t, uint32_t layer, enum adapter_slot s, const float *x, const float *dy, float *dx)
{
    const struct adapter_part *p = part_of(t, layer, s);
    if (!p) return;
    struct lora *l = t->lora;
    struct work w = { .t = t, .l = l, .p = p, .matrix = layer * ADAPTER_SLOTS + s, .dy = dy };
    w.h = l->h[w.matrix];
    w.db = l->grads ? l->grads->b[w.matrix] : NULL, w.da = l->grads ? l->grads->a[w.matrix] : NULL;
    if (w.db) pool_run(t->m->pool, b_columns, &w, pieces(p->b.cols, ACROSS), 1);
    w.x = dropped(t, w, x);
    if (w.da) pool_run(t->m->pool, a_columns, &w, pieces(p->a.cols, ACROSS), 1);
    if (l->drop.p <= 0) return;
    w.x = dropped(t, w, l->through), w.out = dx;
    tape_each(t, add_rows, &w, t->n);
}
