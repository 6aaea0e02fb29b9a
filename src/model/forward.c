/* forward.c - tokens in, logits out: one walk for every family.
 *
 *     x [n][width] = embedding rows
 *     each layer:  h = norm(x);  q, k, v = W h;  norm?;  rope;  cache;  attention;  x += norm?(W attention)
 *                  h = norm(x);  x += norm?(W (act(W h) * W h)), or of a few experts, each times its share
 *     logits = cap?(W norm(x))
 *
 * Products add the matrix's bias where it has one; Granite scales what is added to x, and the logits.  BERT has no norm before a half
 * of a layer but one of x behind it, no gate, and rows for positions and kinds of text beside the embedding's.
 *
 * Of a text that is seen from both sides all rows are in one step, so that their keys and values are there when the first attends.
 *
 * A row is a token of any span; its place tells whose it is and where it stands.  Threads share out outputs (rows of a matrix, heads,
 * tokens), never a chain, so their number cannot change a bit. */
#include "model/forward.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/math.h"
#include "os/os.h"

struct place { const struct kv_seq *seq; uint32_t position, end /* of its span */; int32_t id; };   /* of a row */
struct piece { uint32_t row, n; };   /* rows of one span that a task of attention takes together */

struct forward {
    const struct hearth_model *m;
    struct forward_sizes sizes;
    void *slab;
    struct place *place;             /* [chunk] */
    struct piece *piece;             /* [chunk] */
    uint32_t rows, pieces;           /* of this step */
    const struct span *spans;        /* [n_spans] of this step; adapted: one of them has an adapter */
    uint32_t n_spans;
    int adapted;
    uint32_t *wanted;                /* [chunk] rows that the last norm takes: those with logits, then those without */
    float *x, *h;                    /* [chunk][width] */
    float *q, *k, *v;                /* [chunk][heads * head_width], [chunk][kv_heads * head_width] x 2 */
    float *gate, *up;                /* [chunk][feed_forward] */
    float *route, *share;            /* [chunk][experts], [chunk][experts_used]: the router's scores; of what is chosen */
    uint32_t *chosen, *picked;       /* [chunk][experts_used] ascending; [chunk] rows that one expert takes */
    float *taken, *given, *mixed;    /* [chunk][width] x 3: what that expert takes and gives; the sum of all */
    float *dense;                    /* [dense]: of one embedding */
    struct xblock *blocks;           /* [chunk][widest / 32] */
    const float *frequency;          /* of the rotation: [rope_width / 2] */
    float *cos, *sin, *cos_local, *sin_local; /* [chunk][rope_width / 2] */
    float *partial;                  /* decode: [heads][chunks of the context][head_width] */
    struct attend_state *partial_state;
    float *scratch;                  /* [threads][scratch_each] */
    size_t scratch_each;
    int *bad;                        /* [threads]: a value was not finite */
    forward_watch_fn *watch;         /* NULL: nobody looks */
    void *watcher;
};

/* ---- memory ---- */

static size_t widest_ff(const struct hparams *h)
{
    return h->feed_forward > h->shared_feed_forward ? h->feed_forward : h->shared_feed_forward;
}

static size_t widest(const struct hparams *h)
{
    size_t q = (size_t)h->heads * h->head_width, ff = widest_ff(h), w = h->width > ff ? h->width : ff;
    w = h->dense > w ? h->dense : w;
    return q > w ? q : w;
}

static size_t attend_floats(const struct hparams *h) /* a thread's: pages and scores, one chunk's results, the sums */
{
    return attend_scratch((int)h->head_width) + 2u * ATTEND_QUERIES * h->head_width;
}

static size_t scratch_floats(const struct hearth_model *m)
{
    size_t a = attend_floats(&m->h), b = 2u * PANEL_ROWS * PANEL_COLS;
    size_t row = m->h.width + 1024;  /* an embedding row in its file's bytes */
    a = a > b ? a : b;
    return (a > row ? a : row) + 16;
}

/* One list of the slab's parts serves planning (base NULL) and placing. */
static size_t slab_layout(struct forward *f, const struct hearth_model *m, const struct forward_sizes *s, char *base)
{
    const struct hparams *h = &m->h;
    size_t n = s->chunk, q = (size_t)h->heads * h->head_width, kv = (size_t)h->kv_heads * h->head_width;
    size_t half = h->rope_width / 2, parts = (size_t)h->heads * ((s->ctx + ATTEND_CHUNK - 1) / ATTEND_CHUNK);
    size_t threads = m->pool ? (size_t)pool_threads(m->pool) : 1, at = 0;
    size_t ff = n * widest_ff(h) * 4, mixture = h->experts ? n * h->width * 4 : 0, chosen = n * h->experts_used * 4;
    f->scratch_each = scratch_floats(m);
    const struct { void *field; size_t bytes; } part[] = {
        { &f->place, n * sizeof *f->place }, { &f->piece, n * sizeof *f->piece }, { &f->wanted, n * sizeof *f->wanted },
        { &f->x, n * h->width * 4 }, { &f->h, n * h->width * 4 }, { &f->q, n * q * 4 }, { &f->k, n * kv * 4 },
        { &f->v, n * kv * 4 }, { &f->gate, ff }, { &f->up, ff },
        { &f->route, n * h->experts * 4 }, { &f->share, chosen }, { &f->chosen, chosen }, { &f->picked, h->experts ? n * 4 : 0 },
        { &f->taken, mixture }, { &f->given, mixture }, { &f->mixed, mixture }, { &f->dense, h->dense * 4u },
        { &f->blocks, n * ((widest(h) + 31) / 32) * sizeof(struct xblock) },
        { &f->cos, n * half * 4 }, { &f->sin, n * half * 4 }, { &f->cos_local, n * half * 4 }, { &f->sin_local, n * half * 4 },
        { &f->partial, parts * h->head_width * 4 }, { &f->partial_state, parts * sizeof(struct attend_state) },
        { &f->scratch, threads * f->scratch_each * 4 }, { &f->bad, threads * 64 },
    };
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        if (base) *(void **)part[i].field = base + at;
        at += (part[i].bytes + 63) / 64 * 64;
    }
    return at;
}

enum hearth_status forward_plan(const struct hearth_model *m, uint32_t ctx, enum hearth_kv kv, uint32_t chunk,
                                struct forward_sizes *out)
{
    struct forward unused;
    const struct hparams *h = &m->h;
    if (!m->weights.layers) return fail(HEARTH_EUNSUPPORTED, "%s: opened for its vocabulary only", m->file->path);
    if (ctx == 0) ctx = h->context < 4096 ? h->context : 4096;
    if (chunk == 0) chunk = ctx < FORWARD_CHUNK ? ctx : FORWARD_CHUNK;
    if (h->positions && ctx > h->positions)
        return fail(HEARTH_EUSAGE, "a context of %u tokens, %s has positions for %u", ctx, m->file->path, h->positions);
    if (h->both_sides) chunk = ctx;                        /* a text is computed whole */
    if (ctx > 1u << 24) return fail(HEARTH_EUSAGE, "a context of %u tokens, should be 1 to %u", ctx, 1u << 24);
    if (chunk > 65536)
        return fail(HEARTH_EUSAGE, "%s of %u tokens, should be 1 to 65536", h->both_sides ? "a context" : "chunks", chunk);
    if (kv > HEARTH_KV_Q8_0) return fail(HEARTH_EUSAGE, "KV type %d, should be 0 (F16), 1 (F32) or 2 (Q8_0)", (int)kv);
    if (m->arithmetic == HEARTH_FLOAT || h->both_sides) kv = HEARTH_KV_F32;
    if (kv == HEARTH_KV_Q8_0 && h->head_width % 32)
        return fail(HEARTH_EUNSUPPORTED, "%s: a Q8_0 KV cache needs heads of a multiple of 32 elements, these have %u",
                    m->file->path, h->head_width);
    *out = (struct forward_sizes){ ctx, chunk, kv, 0, 0 };
    out->kv_bytes = (uint64_t)kv_block_bytes(h, kv) * kv_blocks(ctx);
    out->slab_bytes = slab_layout(&unused, m, out, NULL);
    return HEARTH_OK;
}

enum hearth_status forward_open(const struct hearth_model *m, const struct forward_sizes *sizes, struct forward **out)
{
    struct forward *f = mem_array(1, sizeof *f);
    if (!f) return HEARTH_ENOMEM;
    f->m = m, f->sizes = *sizes;
    f->frequency = model_rotates_long(m, sizes->ctx) ? m->rope_frequency_long : m->rope_frequency;
    f->slab = slab_alloc((size_t)sizes->slab_bytes);
    if (!f->slab) {
        free(f);
        return HEARTH_ENOMEM;
    }
    slab_layout(f, m, sizes, f->slab);
    *out = f;
    return HEARTH_OK;
}

void forward_close(struct forward *f)
{
    if (!f) return;
    slab_free(f->slab, (size_t)f->sizes.slab_bytes);
    free(f);
}

void forward_watch(struct forward *f, forward_watch_fn *fn, void *user)
{
    f->watch = fn, f->watcher = user;
}

/* ---- matrix products ---- */

/* Up to three matrices of one input as one list of units: two row groups, or PANEL_ROWS rows. */
struct product { const struct weight *w; float *out; size_t ldo; };
struct products { struct forward *f; struct product p[3]; int count; const float *x; size_t ldx; uint32_t n; };

/* out += the bias of rows [row, last), for each token. */
static void add_bias(const struct products *a, const struct product *p, uint64_t row, uint64_t last)
{
    last = last < p->w->rows ? last : p->w->rows;
    for (uint32_t t = 0; p->w->bias && row < last && t < a->n; t++)
        a->f->m->kernels->add(p->out + (size_t)t * p->ldo + row, p->w->bias + row, (size_t)(last - row));
}

/* The rows of one matrix that the units [begin, end) are. */
static void multiply_range(const struct products *a, const struct product *p, int thread, int64_t begin, int64_t end)
{
    const struct forward *f = a->f;
    const struct kernels *k = f->m->kernels;
    if (p->w->kind == WEIGHT_PACKED) {
        uint64_t unit = 2u * (unsigned)p->w->packed.lanes;
        k->matmul_quant(&p->w->packed, (uint64_t)begin * 2, (uint64_t)end * 2, f->blocks, p->w->cols / 32, (int)a->n, p->out,
                        p->ldo);
        add_bias(a, p, (uint64_t)begin * unit, (uint64_t)end * unit);
    } else {
        uint64_t last = (uint64_t)end * PANEL_ROWS;
        k->matmul_float(&p->w->dense, (uint64_t)begin * PANEL_ROWS, last < p->w->rows ? last : p->w->rows, a->x, a->ldx,
                        (int)a->n, p->out, p->ldo, f->scratch + (size_t)thread * f->scratch_each);
        add_bias(a, p, (uint64_t)begin * PANEL_ROWS, last);
    }
}

static int64_t units_of(const struct weight *w)
{
    return w->kind == WEIGHT_PACKED ? (int64_t)(w->packed.groups / 2) : (int64_t)((w->rows + PANEL_ROWS - 1) / PANEL_ROWS);
}

static void multiply_units(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct products *a = arg;
    for (int i = 0; i < a->count && end > 0; i++) {
        int64_t n = units_of(a->p[i].w), to = end < n ? end : n;
        if (begin < to) multiply_range(a, &a->p[i], thread, begin, to);
        begin = begin > n ? begin - n : 0, end -= n;
    }
}

static void activate(const struct hearth_model *m, float *gate, const float *up, size_t n)
{
    (m->h.activation == ACT_SILU ? m->kernels->silu_mul : m->kernels->gelu_mul)(gate, up, gate, n);
}

static void activate_alone(const struct hearth_model *m, float *x, size_t n)
{
    (m->h.activation == ACT_GELU_ERF ? m->kernels->gelu_erf : m->kernels->gelu)(x, x, n);
}

/* Gate and up over the same rows, then gate = act(gate) * up while both are at hand. */
static void multiply_gated(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct products *a = arg;
    const struct hearth_model *m = a->f->m;
    const struct weight *w = a->p[0].w;
    uint64_t unit = w->kind == WEIGHT_PACKED ? 2u * (unsigned)w->packed.lanes : PANEL_ROWS;
    uint64_t row = (uint64_t)begin * unit, last = (uint64_t)end * unit < w->rows ? (uint64_t)end * unit : w->rows;
    multiply_range(a, &a->p[0], thread, begin, end);
    multiply_range(a, &a->p[1], thread, begin, end);
    for (uint32_t t = 0; t < a->n; t++) {
        float *g = a->p[0].out + (size_t)t * a->p[0].ldo + row;
        const float *u = a->p[1].out + (size_t)t * a->p[1].ldo + row;
        activate(m, g, u, (size_t)(last - row));
    }
}

static void quantize_rows(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct products *a = arg;
    size_t cols = a->p[0].w->cols;
    for (int64_t t = begin; t < end; t++)
        a->f->bad[thread * 16] |= a->f->m->kernels->quantize(a->x + (size_t)t * a->ldx, a->f->blocks + (size_t)t * (cols / 32), cols);
}

/* Work on every token: threads share long chunks, one thread does a single token (waking others would cost more). */
static void each_token(struct forward *f, pool_fn *fn, void *arg, uint32_t n)
{
    if (n == 1) fn(arg, 0, 0, 1);
    else pool_run(f->m->pool, fn, arg, n, 4);
}

/* gated: the two matrices are gate and up, equal in units (the same rows, and both packed or both dense). */
static void multiply(struct products *a, int gated)
{
    int64_t units = 0;
    int packed = 0;
    for (int i = 0; i < a->count; i++) {
        units += units_of(a->p[i].w);
        packed |= a->p[i].w->kind == WEIGHT_PACKED;
        if (a->f->watch) a->f->watch(a->f->watcher, a->p[i].w, a->x, a->ldx, a->n);
    }
    if (packed) each_token(a->f, quantize_rows, a, a->n);
    pool_run(a->f->m->pool, gated ? multiply_gated : multiply_units, a, gated ? units / 2 : units, 1);
}

static void multiply_one(struct forward *f, const struct weight *w, const float *x, size_t ldx, uint32_t n, float *out, size_t ldo)
{
    struct products a = { f, { { w, out, ldo } }, 1, x, ldx, n };
    multiply(&a, 0);
}

/* out += what their adapters say, for the rows of the spans that have one; x is what the matrix was given. */
static void adapt(struct forward *f, uint32_t layer, enum adapter_slot slot, const float *x, size_t ldx, float *out, size_t ldo)
{
    for (uint32_t i = 0, row = 0; f->adapted && i < f->n_spans; row += f->spans[i++].n) {
        const struct hearth_adapter *a = f->spans[i].adapter;
        const struct adapter_part *p = a ? adapter_at(a, layer, slot) : NULL;
        if (p) adapter_apply(f->m, p, x + row * ldx, ldx, f->spans[i].n, out + row * ldo, ldo, NULL, f->scratch, f->scratch_each);
    }
}

/* ---- work by token ---- */

struct rows { struct forward *f; const struct layer *l; const struct layer_shape *shape; uint32_t layer; const float *weight, *bias; };

/* Row i of a matrix; `row` has room for its bytes. */
static void read_row(const struct weight *w, size_t i, void *row, float *out)
{
    const uint8_t *src = w->dense.data + i * w->dense.row_bytes;
    if (w->kind == WEIGHT_PACKED) packed_row(&w->packed, i, row), src = row;
    dequantize_row(w->tensor->type, src, out, w->cols);
}

static void embed_rows(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct rows *a = arg;
    struct forward *f = a->f;
    const struct hearth_model *m = f->m;
    const struct weights *w = &m->weights;
    void *row = f->scratch + (size_t)thread * f->scratch_each;
    for (int64_t t = begin; t < end; t++) {
        float *x = f->x + (size_t)t * m->h.width, *more = f->h + (size_t)t * m->h.width;
        read_row(&w->embedding, (size_t)f->place[t].id, row, x);
        if (m->h.embedding_scale != 1) m->kernels->scale(x, m->h.embedding_scale, m->h.width);
        if (w->types.kind != WEIGHT_NONE) read_row(&w->types, 0, row, more), m->kernels->add(x, more, m->h.width);
        if (w->positions.kind != WEIGHT_NONE) read_row(&w->positions, f->place[t].position, row, more), m->kernels->add(x, more, m->h.width);
    }
}

static void turn_rows(void *arg, int thread, int64_t begin, int64_t end)  /* the tables of rope */
{
    const struct rows *a = arg;
    struct forward *f = a->f;
    uint32_t half = f->m->h.rope_width / 2;
    float magnitude = f->m->h.rope_magnitude;
    int two = f->m->rope_frequency_local != f->m->rope_frequency;
    (void)thread;
    for (int64_t t = begin; t < end; t++)
        for (uint32_t i = 0; i < half; i++) {
            float p = (float)f->place[t].position, angle = p * f->frequency[i];
            size_t at = (size_t)t * half + i;
            f->cos[at] = hm_cos(angle), f->sin[at] = hm_sin(angle);
            if (magnitude != 1) f->cos[at] *= magnitude, f->sin[at] *= magnitude;
            if (!two) continue;
            angle = p * f->m->rope_frequency_local[i];
            f->cos_local[at] = hm_cos(angle), f->sin_local[at] = hm_sin(angle);
        }
}

static void norm_rows(void *arg, int thread, int64_t begin, int64_t end)  /* h = norm(x) */
{
    const struct rows *a = arg;
    struct forward *f = a->f;
    size_t w = f->m->h.width;
    for (int64_t t = begin; t < end; t++)
        f->bad[thread * 16] |= f->m->kernels->rms_norm(f->x + (size_t)t * w, a->weight, f->m->h.norm_eps, f->h + (size_t)t * w, w);
}

static void layer_norm_rows(void *arg, int thread, int64_t begin, int64_t end)  /* x = norm(x) */
{
    const struct rows *a = arg;
    struct forward *f = a->f;
    size_t w = f->m->h.width;
    for (int64_t t = begin; t < end; t++) {
        float *x = f->x + (size_t)t * w;
        f->bad[thread * 16] |= f->m->kernels->layer_norm(x, a->weight, a->bias, f->m->h.norm_eps, x, w);
    }
}

static void norm_wanted(void *arg, int thread, int64_t begin, int64_t end) /* h[i] = norm(x[wanted[i]]), or that row itself */
{
    const struct rows *a = arg;
    struct forward *f = a->f;
    size_t w = f->m->h.width;
    for (int64_t t = begin; t < end; t++) {
        const float *x = f->x + f->wanted[t] * w;
        if (!a->weight) memcpy(f->h + (size_t)t * w, x, w * sizeof *x);
        else f->bad[thread * 16] |= f->m->kernels->rms_norm(x, a->weight, f->m->h.norm_eps, f->h + (size_t)t * w, w);
    }
}

static void add_rows(void *arg, int thread, int64_t begin, int64_t end)   /* x += h, or norm(h), times the residual scale */
{
    const struct rows *a = arg;
    struct forward *f = a->f;
    size_t w = f->m->h.width;
    float scale = f->m->h.residual_scale;
    for (int64_t t = begin; t < end; t++) {
        float *h = f->h + (size_t)t * w;
        if (a->weight) f->bad[thread * 16] |= f->m->kernels->rms_norm(h, a->weight, f->m->h.norm_eps, h, w);
        if (scale != 1) f->m->kernels->scale(h, scale, w);
        f->m->kernels->add(f->x + (size_t)t * w, h, w);
    }
}

static void rotate(const struct forward *f, float *x, size_t t, const struct layer_shape *shape)
{
    const struct hearth_model *m = f->m;
    size_t at = t * (m->h.rope_width / 2);
    int two = shape->local && m->rope_frequency_local != m->rope_frequency;
    if (!shape->turns) return;
    const float *cos = (two ? f->cos_local : f->cos) + at, *sin = (two ? f->sin_local : f->sin) + at;
    (m->arch->rope == ROPE_PAIRS ? m->kernels->rope_pairs : m->kernels->rope_halves)(x, cos, sin, (int)m->h.rope_width);
}

static void position_rows(void *arg, int thread, int64_t begin, int64_t end) /* norm and turn q, k; store k, v */
{
    const struct rows *a = arg;
    struct forward *f = a->f;
    const struct hearth_model *m = f->m;
    const struct layer_shape *shape = a->shape;
    size_t hw = m->h.head_width;
    float eps = m->h.norm_eps;
    for (int64_t t = begin; t < end; t++) {
        const struct place *p = &f->place[t];
        for (uint32_t i = 0; i < shape->heads; i++) {
            float *q = f->q + ((size_t)t * shape->heads + i) * hw;
            if (a->l->q_norm) f->bad[thread * 16] |= m->kernels->rms_norm(q, a->l->q_norm, eps, q, hw);
            rotate(f, q, (size_t)t, shape);
        }
        for (uint32_t i = 0; i < shape->kv_heads; i++) {
            float *k = f->k + ((size_t)t * shape->kv_heads + i) * hw, *v = f->v + ((size_t)t * shape->kv_heads + i) * hw;
            if (a->l->k_norm) f->bad[thread * 16] |= m->kernels->rms_norm(k, a->l->k_norm, eps, k, hw);
            rotate(f, k, (size_t)t, shape);
            f->bad[thread * 16] |= !m->kernels->finite(k, hw) || !m->kernels->finite(v, hw); /* Q8_0 would round NaN to a number */
            uint8_t *keys = kv_page(p->seq, a->layer, i, p->position / KV_PAGE, 0);
            uint8_t *values = kv_page(p->seq, a->layer, i, p->position / KV_PAGE, 1);
            f->bad[thread * 16] |= m->kernels->kv_store(f->sizes.kv, keys, values, (int)(p->position % KV_PAGE), k, v, (int)hw);
        }
    }
}

struct gated { struct forward *f; size_t ff; int alone; };

static void activate_rows(void *arg, int thread, int64_t begin, int64_t end) /* gate = act(gate) * up, or act(gate) alone */
{
    const struct gated *a = arg;
    struct forward *f = a->f;
    size_t ff = a->ff;
    (void)thread;
    for (int64_t t = begin; t < end; t++) {
        float *g = f->gate + (size_t)t * ff;
        if (a->alone) activate_alone(f->m, g, ff);
        else activate(f->m, g, f->up + (size_t)t * ff, ff);
    }
}

/* ---- attention ---- */

struct attention { struct forward *f; const struct layer_shape *shape; uint32_t layer, chunks; int64_t first_chunk; };

/* The query vectors of n rows of one span that share KV head `head`, and what each may see. */
static void gather(const struct attention *a, uint32_t head, uint32_t row, uint32_t n, struct attend *out)
{
    const struct forward *f = a->f;
    const struct hparams *h = &f->m->h;
    uint32_t heads = a->shape->heads, group = heads / a->shape->kv_heads;
    *out = (struct attend){ .kv = f->sizes.kv, .head_width = (int)h->head_width, .scale = h->attention_scale,
                            .softcap = h->attention_softcap };
    for (uint32_t t = row; t < row + n; t++)
        for (uint32_t g = 0; g < group; g++) {
            int64_t at = f->place[t].position, end = h->both_sides ? f->place[t].end : at + 1;
            out->q[out->n] = f->q + ((size_t)t * heads + head * group + g) * h->head_width;
            out->end[out->n] = end;
            out->begin[out->n] = a->shape->local && at + 1 > h->window ? at + 1 - h->window : 0;
            if (h->both_sides && a->shape->local) {
                int64_t reach = h->window / 2;
                out->begin[out->n] = at > reach ? at - reach : 0;
                out->end[out->n] = at + reach + 1 < end ? at + reach + 1 : end;
            }
            out->n++;
        }
}

static void set_pages(const struct attention *a, const struct kv_seq *s, uint32_t head, int64_t chunk, struct attend *out)
{
    enum { PER_CHUNK = ATTEND_CHUNK / KV_PAGE };
    for (uint32_t i = 0; i < PER_CHUNK; i++) {
        uint32_t page = (uint32_t)chunk * PER_CHUNK + i;
        if (page >= s->count) break;
        out->keys[i] = kv_page(s, a->layer, head, page, 0);
        out->values[i] = kv_page(s, a->layer, head, page, 1);
    }
}

/* One task: a KV head and a few rows of one span, over all their chunks; results over q's place. */
static void attend_tasks(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct attention *a = arg;
    const struct forward *f = a->f;
    const struct kernels *k = f->m->kernels;
    uint32_t hw = f->m->h.head_width;
    float *scratch = f->scratch + (size_t)thread * f->scratch_each;
    float *out = scratch + attend_scratch((int)hw), *acc = out + ATTEND_QUERIES * hw;
    for (int64_t task = begin; task < end; task++) {
        uint32_t head = (uint32_t)(task / f->pieces);
        const struct piece *p = &f->piece[task % f->pieces];
        struct attend at;
        struct attend_state state[ATTEND_QUERIES], sum[ATTEND_QUERIES];
        gather(a, head, p->row, p->n, &at);
        memset(sum, 0, sizeof sum);
        for (int64_t c = at.begin[0] / ATTEND_CHUNK; c <= (at.end[at.n - 1] - 1) / ATTEND_CHUNK; c++) {
            set_pages(a, f->place[p->row].seq, head, c, &at);
            k->attend_chunk(&at, c, out, state, scratch);
            for (int j = 0; j < at.n; j++)
                k->attend_merge(acc + (uint32_t)j * hw, &sum[j], out + (uint32_t)j * hw, &state[j], (int)hw);
        }
        for (int j = 0; j < at.n; j++) {
            k->attend_finish(acc + (uint32_t)j * hw, &sum[j], (int)hw);
            memcpy(f->q + (at.q[j] - f->q), acc + (uint32_t)j * hw, hw * sizeof(float));
        }
    }
}

/* Memory is idle while attention computes: asks for the beginning of the matrix that comes next. */
static void ask_for(const struct weight *w)
{
    enum { MOST = 256 * 1024, LINE = 64 };
    const uint8_t *p = w->kind == WEIGHT_PACKED ? w->packed.data : w->dense.data;
    size_t bytes = w->kind == WEIGHT_PACKED ? w->packed.groups * w->packed.group_bytes : w->dense.rows * w->dense.row_bytes;
    for (size_t at = 0; at < bytes && at < MOST; at += LINE) __builtin_prefetch(p + at, 0, 2);
}

/* A single row: a task is a KV head and a chunk of the context; the last task is ask_for. */
static void attend_one(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct attention *a = arg;
    const struct hparams *h = &a->f->m->h;
    float *scratch = a->f->scratch + (size_t)thread * a->f->scratch_each, *out = scratch + attend_scratch((int)h->head_width);
    uint32_t group = a->shape->heads / a->shape->kv_heads;
    for (int64_t task = begin; task < end; task++) {
        uint32_t head = (uint32_t)(task / a->chunks), c = (uint32_t)(task % a->chunks);
        struct attend at;
        struct attend_state state[ATTEND_QUERIES];
        if (head == a->shape->kv_heads) {
            ask_for(&a->f->m->weights.layers[a->layer].attn_out);
            continue;
        }
        gather(a, head, 0, 1, &at);
        set_pages(a, a->f->place[0].seq, head, a->first_chunk + c, &at);
        a->f->m->kernels->attend_chunk(&at, a->first_chunk + c, out, state, scratch);
        for (uint32_t g = 0; g < group; g++) {
            size_t i = (size_t)(head * group + g) * a->chunks + c;
            memcpy(a->f->partial + i * h->head_width, out + g * h->head_width, h->head_width * sizeof(float));
            a->f->partial_state[i] = state[g];
        }
    }
}

static void attend_layer(struct forward *f, const struct layer_shape *shape, uint32_t layer)
{
    const struct hparams *h = &f->m->h;
    struct attention a = { .f = f, .shape = shape, .layer = layer };
    if (f->rows > 1) {
        pool_run(f->m->pool, attend_tasks, &a, (int64_t)shape->kv_heads * f->pieces, 1);
        return;
    }
    uint32_t position = f->place[0].position;
    uint32_t from = shape->local && position + 1 > h->window ? position + 1 - h->window : 0;
    a.first_chunk = from / ATTEND_CHUNK;
    a.chunks = position / ATTEND_CHUNK - from / ATTEND_CHUNK + 1;
    pool_run(f->m->pool, attend_one, &a, (int64_t)shape->kv_heads * a.chunks + 1, 1);
    for (uint32_t i = 0; i < shape->heads; i++) {
        struct attend_state sum = { 0, 0 };
        float *acc = f->q + (size_t)i * h->head_width;
        for (uint32_t c = 0; c < a.chunks; c++) {
            size_t at = (size_t)i * a.chunks + c;
            f->m->kernels->attend_merge(acc, &sum, f->partial + at * h->head_width, &f->partial_state[at], (int)h->head_width);
        }
        f->m->kernels->attend_finish(acc, &sum, (int)h->head_width);
    }
}

/* ---- feed-forward ---- */

/* out = W_down (act(W_gate x) * W_up x), without a gate W_down act(W_up x); x, out [n][width].  layer: of which these are the matrices,
 * for adapters; -1: an expert's. */
static void feed_forward(struct forward *f, int layer, const struct weight *gate, const struct weight *up, const struct weight *down,
                         const float *x, uint32_t n, float *out)
{
    size_t width = f->m->h.width, ff = up->rows;
    struct products both = { f, { { gate, f->gate, ff }, { up, f->up, ff } }, 2, x, width, n };
    int alone = gate->kind == WEIGHT_NONE, adapted = f->adapted && layer >= 0, gated = gate->kind == up->kind && !adapted;
    if (alone) multiply_one(f, up, x, width, n, f->gate, ff);
    else multiply(&both, gated);
    if (adapted && !alone) adapt(f, (uint32_t)layer, ADAPTER_GATE, x, width, f->gate, ff);
    if (adapted) adapt(f, (uint32_t)layer, ADAPTER_UP, x, width, alone ? f->gate : f->up, ff);
    if (!gated) each_token(f, activate_rows, &(struct gated){ f, ff, alone }, n);
    multiply_one(f, down, f->gate, ff, n, out, width);
    if (adapted) adapt(f, (uint32_t)layer, ADAPTER_DOWN, f->gate, ff, out, width);
}

/* ---- a mixture of experts ---- */

static void choose_rows(void *arg, int thread, int64_t begin, int64_t end)
{
    struct forward *f = arg;
    size_t experts = f->m->h.experts, used = f->m->h.experts_used;
    for (int64_t t = begin; t < end; t++) {
        const float *score = f->route + (size_t)t * experts;
        f->bad[thread * 16] |= !f->m->kernels->finite(score, experts);
        model_choose_experts(f->m, score, f->share + (size_t)t * used, f->chosen + (size_t)t * used);
    }
}

/* Which rows take expert e; what they are, side by side. */
static uint32_t pick_rows(struct forward *f, uint32_t e)
{
    uint32_t used = f->m->h.experts_used, n = 0;
    size_t width = f->m->h.width;
    for (uint32_t t = 0; t < f->rows; t++)
        for (uint32_t i = 0; i < used; i++)
            if (f->chosen[(size_t)t * used + i] == e) {
                memcpy(f->taken + n * width, f->h + t * width, width * sizeof(float));
                f->picked[n++] = t * used + i;
            }
    return n;
}

static void mix_rows(void *arg, int thread, int64_t begin, int64_t end)    /* mixed += share * given */
{
    struct forward *f = arg;
    size_t w = f->m->h.width;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        f->m->kernels->scale(f->given + (size_t)i * w, f->share[f->picked[i]], w);
        f->m->kernels->add(f->mixed + f->picked[i] / f->m->h.experts_used * w, f->given + (size_t)i * w, w);
    }
}

/* h = the sum over the chosen experts in ascending order, then the one that all rows take. */
static void run_experts(struct forward *f, const struct layer *l, uint32_t layer)
{
    const struct hparams *h = &f->m->h;
    size_t bytes = (size_t)f->rows * h->width * sizeof(float);
    multiply_one(f, &l->router, f->h, h->width, f->rows, f->route, h->experts);
    each_token(f, choose_rows, f, f->rows);
    memset(f->mixed, 0, bytes);
    for (uint32_t e = 0; e < h->experts; e++) {
        uint32_t n = pick_rows(f, e);
        if (n == 0) continue;
        feed_forward(f, -1, &l->gate_exps[e], &l->up_exps[e], &l->down_exps[e], f->taken, n, f->given);
        each_token(f, mix_rows, f, n);
    }
    if (l->gate.kind != WEIGHT_NONE) {
        feed_forward(f, (int)layer, &l->gate, &l->up, &l->down, f->h, f->rows, f->given);
        f->m->kernels->add(f->mixed, f->given, (size_t)f->rows * h->width);
    }
    memcpy(f->h, f->mixed, bytes);
}

/* ---- the walk ---- */

/* What a half of a layer takes: norm(x), which h is then, or x where there is no such norm. */
static const float *norm_into(struct forward *f, struct rows *a, const float *weight)
{
    a->weight = weight;
    if (weight) each_token(f, norm_rows, a, f->rows);
    return weight ? f->h : f->x;
}

/* x = norm(x), where there is such a norm. */
static void norm_in_place(struct forward *f, struct rows *a, const float *weight, const float *bias)
{
    a->weight = weight, a->bias = bias;
    if (weight) each_token(f, layer_norm_rows, a, f->rows);
}

static void run_layer(struct forward *f, struct rows *a)
{
    const struct hparams *h = &f->m->h;
    uint32_t n = f->rows;
    const struct layer *l = a->l;
    size_t q = (size_t)a->shape->heads * h->head_width, kv = (size_t)a->shape->kv_heads * h->head_width;
    const float *in = norm_into(f, a, l->attn_norm);
    struct products qkv = { f, { { &l->q, f->q, q }, { &l->k, f->k, kv }, { &l->v, f->v, kv } }, 3, in, h->width, n };
    multiply(&qkv, 0);
    adapt(f, a->layer, ADAPTER_Q, in, h->width, f->q, q);
    adapt(f, a->layer, ADAPTER_K, in, h->width, f->k, kv);
    adapt(f, a->layer, ADAPTER_V, in, h->width, f->v, kv);
    each_token(f, position_rows, a, n);
    attend_layer(f, a->shape, a->layer);
    multiply_one(f, &l->attn_out, f->q, q, n, f->h, h->width);
    adapt(f, a->layer, ADAPTER_OUT, f->q, q, f->h, h->width);
    a->weight = l->attn_post_norm;
    each_token(f, add_rows, a, n);
    norm_in_place(f, a, l->attn_out_norm, l->attn_out_norm_bias);

    in = norm_into(f, a, l->ffn_norm);
    if (l->router.kind != WEIGHT_NONE) run_experts(f, l, a->layer);
    else feed_forward(f, (int)a->layer, &l->gate, &l->up, &l->down, in, n, f->h);
    a->weight = l->ffn_post_norm;
    each_token(f, add_rows, a, n);
    norm_in_place(f, a, l->out_norm, l->out_norm_bias);
}

static enum hearth_status check_finite(const struct forward *f, const float *logits, size_t n)
{
    int bad = 0;
    for (int t = 0; t < pool_threads(f->m->pool); t++) bad |= f->bad[t * 16], f->bad[t * 16] = 0;
    if (logits) bad |= !f->m->kernels->finite(logits, n);
    if (!bad) return HEARTH_OK;
    if (f->adapted) return fail(HEARTH_ENUMERIC, "%s: a value is not finite with the adapter; its numbers are too large for this model", f->m->file->path);
    return fail(HEARTH_ENUMERIC, "%s: a value is not finite; the file's weights are damaged or need another KV type", f->m->file->path);
}

static enum hearth_status check_span(const struct forward *f, const struct span *s)
{
    for (uint32_t i = 0; i < s->n; i++)
        if (s->ids[i] < 0 || (uint32_t)s->ids[i] >= f->m->h.vocabulary)
            return fail(HEARTH_EUSAGE, "token id %d, should be 0 to %u", s->ids[i], f->m->h.vocabulary - 1);
    if (s->adapter && s->adapter->m != f->m) return fail(HEARTH_EUSAGE, "an adapter that was opened for another model");
    if (s->n == 0 || s->n > f->sizes.chunk - f->rows || s->position > f->sizes.ctx || s->n > f->sizes.ctx - s->position ||
        s->seq->count < kv_blocks(s->position + s->n))
        return fail(HEARTH_EINTERNAL, "%u tokens at position %u of %u in blocks for %u, after %u of a chunk of %u", s->n, s->position,
                    f->sizes.ctx, s->seq->count * KV_PAGE, f->rows, f->sizes.chunk);
    return HEARTH_OK;
}

/* Rows and pieces of the step. */
static enum hearth_status place_rows(struct forward *f, const struct span *spans, uint32_t count)
{
    uint32_t together = ATTEND_QUERIES / f->m->h.group;
    f->rows = f->pieces = 0;
    f->spans = spans, f->n_spans = count, f->adapted = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct span *s = &spans[i];
        f->adapted |= s->adapter != NULL;
        TRY(check_span(f, s));
        for (uint32_t t = 0; t < s->n; t++) {
            if (t % together == 0)
                f->piece[f->pieces++] = (struct piece){ f->rows, s->n - t < together ? s->n - t : together };
            f->place[f->rows++] = (struct place){ s->seq, s->position + t, s->position + s->n, s->ids[t] };
        }
    }
    return f->rows ? HEARTH_OK : fail(HEARTH_EINTERNAL, "a step of no token");
}

/* Lists the rows that are wanted, says where each span's results will be, and counts them. */
static void list_wanted(struct forward *f, struct span *spans, uint32_t count, const float *logits, uint32_t *with, uint32_t *rows)
{
    const struct hparams *h = &f->m->h;
    uint32_t n = 0, row;
    for (int hidden = 0; hidden < 2; hidden++) {
        row = 0;
        for (uint32_t i = 0; i < count; row += spans[i++].n) {
            struct span *s = &spans[i];
            if (!hidden) s->out = NULL;
            if (s->want == SPAN_NOTHING || (s->want == SPAN_HIDDEN) != hidden) continue;
            s->out = hidden ? f->h + (size_t)n * h->width : logits + (size_t)n * h->vocabulary;
            for (uint32_t t = s->want == SPAN_LAST ? s->n - 1 : 0; t < s->n; t++) f->wanted[n++] = row + t;
        }
        if (!hidden) *with = n;
    }
    *rows = n;
}

enum hearth_status forward_step(struct forward *f, struct span *spans, uint32_t count, float *logits)
{
    const struct hearth_model *m = f->m;
    const struct hparams *h = &m->h;
    struct rows a = { .f = f };
    uint32_t with = 0, rows = 0;
    TRY(place_rows(f, spans, count));
    list_wanted(f, spans, count, logits, &with, &rows);
    each_token(f, embed_rows, &a, f->rows);
    norm_in_place(f, &a, m->weights.embedding_norm, m->weights.embedding_norm_bias);
    each_token(f, turn_rows, &a, f->rows);
    for (a.layer = 0; a.layer < h->layers; a.layer++) {
        a.l = &m->weights.layers[a.layer];
        a.shape = &h->at[a.layer];
        run_layer(f, &a);
    }
    a.weight = m->weights.output_norm;
    if (rows) each_token(f, norm_wanted, &a, rows);
    if (with) multiply_one(f, &m->weights.output, f->h, h->width, with, logits, h->vocabulary);
    for (uint32_t i = 0; i < with; i++) model_finish_logits(m, logits + (size_t)i * h->vocabulary);
    return check_finite(f, logits, (size_t)with * h->vocabulary);
}

/* ---- embeddings of texts ---- */

enum hearth_status forward_embedding(struct forward *f, uint32_t total, float *sum, float *out)
{
    const struct hearth_model *m = f->m;
    const struct weight *dense = m->weights.dense;
    size_t n = m->h.embedding;
    if (m->h.pooling == POOL_MEAN) m->kernels->scale(sum, 1.0f / (float)total, m->h.width);
    if (dense[0].kind != WEIGHT_NONE) {
        multiply_one(f, &dense[0], sum, m->h.width, 1, f->dense, m->h.dense);
        multiply_one(f, &dense[1], f->dense, m->h.dense, 1, out, n);
    } else if (out != sum) {
        memcpy(out, sum, n * sizeof *out);
    }
    float length = sqrtf(m->kernels->dot(out, out, n));
    if (!(length > 0 && length < INFINITY))
        return fail(HEARTH_ENUMERIC, "%s: the text's embedding has length %g", m->file->path, (double)length);
    if (m->h.normalize) m->kernels->scale(out, 1.0f / length, n);
    return check_finite(f, out, n);
}
