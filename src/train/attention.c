/* attention.c - attention over whole sequences, forwards with the session's own kernels, and backwards.
 *
 * Backwards, the softmax is computed again from the scores and what the forward pass kept of it (m and l), a block of
 * queries against a block of positions at a time (after Dao, arXiv 2307.08691):
 *
 *     p  = exp(s - m) / l                 s = scale * (k . q)
 *     dp = v . do                         do = the gradient of the head's output o
 *     ds = p (dp - do . o) scale          times 1 - (s / cap)^2 where a soft cap made s
 *     dq = sum over positions of ds k     positions ascending
 *     dk = sum over queries of ds q       queries ascending
 *     dv = sum over queries of p do
 *
 * No sum is shared between threads.  Where there are enough sequences and KV heads, a task is both of them and computes each block once.
 * Else a task is a KV head and a block, of queries for dq or of positions for dk and dv, and each block is computed twice.  The sums have
 * the same terms in the same order either way. */
#include "train/inside.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 64,                   /* tokens of a task's own side; a page, and a divisor of ATTEND_CHUNK */
       QUERIES = 96 };               /* of a tile of the way back: so many share what is packed, few enough not to see much in vain */

/* Which block of which KV head a task is.  Blocks are those of the sequences, one after the other. */
struct job {
    struct tape *t;
    struct tape_layer *l;
    const struct layer_shape *shape;
    uint32_t blocks;
};
struct span { uint32_t begin, end, first, last; };   /* the sequence's tokens, the block's */

static uint32_t sequence_end(const struct tape *t, uint32_t token)
{
    uint32_t i = token + 1;
    while (i < t->n && t->begin[i] == t->begin[token]) i++;
    return i;
}

static uint32_t count_blocks(const struct tape *t, uint32_t size)
{
    uint32_t blocks = 0;
    for (uint32_t i = 0, end; i < t->n; i = end) end = sequence_end(t, i), blocks += (end - i + size - 1) / size;
    return blocks;
}

static struct span find_block(const struct tape *t, uint32_t block, uint32_t size)
{
    for (uint32_t i = 0, end;; i = end) {
        end = sequence_end(t, i);
        uint32_t here = (end - i + size - 1) / size;
        if (block >= here) {
            block -= here;
            continue;
        }
        uint32_t first = i + block * size;
        return (struct span){ i, end, first, first + size < end ? first + size : end };
    }
}

static uint32_t group_of(const struct job *j) { return j->shape->heads / j->shape->kv_heads; }

/* Positions of its sequence that a token sees. */
static int64_t sees_from(const struct job *j, uint32_t token)
{
    int64_t end = (int64_t)j->t->position[token] + 1;
    return j->shape->local && end > j->t->m->h.window ? end - j->t->m->h.window : 0;
}

/* ---- forward ---- */

/* Positions [256 c, ...) of a sequence as pages, and the queries of the tokens [from, to) against them. */
static void fill_pages(const struct job *j, const struct span *s, uint32_t head, int64_t c, uint32_t end, float *pages,
                       struct attend *out)
{
    const struct hparams *h = &j->t->m->h;
    size_t hw = h->head_width, page = hw * KV_PAGE;
    for (int i = 0; i < ATTEND_CHUNK / KV_PAGE; i++) {
        out->keys[i] = (uint8_t *)(pages + (size_t)(2 * i) * page);
        out->values[i] = (uint8_t *)(pages + (size_t)(2 * i + 1) * page);
    }
    for (uint32_t p = 0; p < ATTEND_CHUNK && s->begin + (uint32_t)c * ATTEND_CHUNK + p < end; p++) {
        size_t row = ((size_t)(s->begin + (uint32_t)c * ATTEND_CHUNK + p) * j->shape->kv_heads + head) * hw;
        j->t->m->kernels->kv_store(HEARTH_KV_F32, (uint8_t *)(pages + (size_t)(p / KV_PAGE * 2) * page),
                                   (uint8_t *)(pages + (size_t)(p / KV_PAGE * 2 + 1) * page), (int)(p % KV_PAGE),
                                   j->l->k + row, j->l->v + row, (int)hw);
    }
}

static void attend_tile(const struct job *j, uint32_t head, uint32_t from, uint32_t to, int64_t c, struct attend *at,
                        float *scratch)
{
    const struct hparams *h = &j->t->m->h;
    const struct kernels *k = j->t->m->kernels;
    uint32_t group = group_of(j), hw = h->head_width;
    struct attend_state part[ATTEND_QUERIES];
    float *out = scratch + attend_scratch((int)hw);
    at->n = 0;
    for (uint32_t t = from; t < to; t++)
        for (uint32_t g = 0; g < group; g++, at->n++) {
            at->q[at->n] = j->l->q + ((size_t)t * j->shape->heads + head * group + g) * hw;
            at->begin[at->n] = sees_from(j, t), at->end[at->n] = (int64_t)j->t->position[t] + 1;
        }
    k->attend_chunk(at, c, out, part, scratch);
    for (uint32_t i = 0; i < (uint32_t)at->n; i++) {
        size_t row = (size_t)(from + i / group) * j->shape->heads + head * group + i % group;
        k->attend_merge(j->l->heads + row * hw, &j->l->state[row], out + (size_t)i * hw, &part[i], (int)hw);
    }
}

static void forward_task(const struct job *j, uint32_t head, const struct span *s, float *scratch)
{
    const struct hparams *h = &j->t->m->h;
    uint32_t group = group_of(j), hw = h->head_width, step = ATTEND_QUERIES / group;
    float *pages = scratch, *rest = scratch + (size_t)2 * ATTEND_CHUNK * hw;
    struct attend at = { .kv = HEARTH_KV_F32, .head_width = (int)hw, .scale = h->attention_scale,
                         .softcap = h->attention_softcap };
    for (uint32_t t = s->first; t < s->last; t++)
        memset(j->l->state + (size_t)t * j->shape->heads + head * group, 0, group * sizeof(struct attend_state));
    for (int64_t c = sees_from(j, s->first) / ATTEND_CHUNK; c <= j->t->position[s->last - 1] / ATTEND_CHUNK; c++) {
        fill_pages(j, s, head, c, s->last, pages, &at);
        for (uint32_t t = s->first; t < s->last; t += step)
            attend_tile(j, head, t, t + step < s->last ? t + step : s->last, c, &at, rest);
    }
    for (uint32_t t = s->first; t < s->last; t++)
        for (uint32_t g = 0; g < group; g++) {
            size_t row = (size_t)t * j->shape->heads + head * group + g;
            j->t->m->kernels->attend_finish(j->l->heads + row * hw, &j->l->state[row], (int)hw);
        }
}

static void forward_tasks(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct job *j = arg;
    for (int64_t task = begin; task < end; task++) {
        struct span s = find_block(j->t, (uint32_t)task % j->blocks, BLOCK);
        forward_task(j, (uint32_t)task / j->blocks, &s, j->t->scratch + (size_t)thread * j->t->scratch_each);
    }
}

void attention_forward(struct tape *t, struct tape_layer *l, const struct layer_shape *shape)
{
    struct job j = { t, l, shape, count_blocks(t, BLOCK) };
    pool_run(t->m->pool, forward_tasks, &j, (int64_t)j.blocks * shape->kv_heads, 1);
}

/* ---- backward ---- */

/* Up to QUERIES (tokens [from, to), the heads of one KV head inside) against positions [first, first + n), n <= BLOCK. */
struct tile {
    float *q, *d;                    /* [QUERIES][head_width]: the queries; the gradients of their outputs */
    const float *k, *v;              /* the first position's; the next one's is ld further */
    size_t ld;
    float *k_panels, *v_panels;      /* the same as columns of panels */
    float *p, *ds;                   /* [QUERIES][BLOCK] */
    float *spare;
    float mean[QUERIES];             /* do . o */
    struct attend_state state[QUERIES];
    uint32_t from, rows, first, n;   /* first token and number of queries; of positions */
};

static size_t tile_floats(size_t hw)
{
    return 2 * (QUERIES + BLOCK) * hw + 2 * QUERIES * BLOCK + MULTIPLY_SCRATCH;
}

static void tile_place(struct tile *a, size_t hw, float *scratch)
{
    a->q = scratch, a->d = a->q + QUERIES * hw;
    a->k_panels = a->d + QUERIES * hw, a->v_panels = a->k_panels + BLOCK * hw;
    a->p = a->v_panels + BLOCK * hw, a->ds = a->p + QUERIES * BLOCK;
    a->spare = a->ds + QUERIES * BLOCK;
}

static void tile_queries(const struct job *j, uint32_t head, uint32_t from, uint32_t to, struct tile *a)
{
    const struct hparams *h = &j->t->m->h;
    uint32_t group = group_of(j), hw = h->head_width;
    a->from = from, a->rows = (to - from) * group;
    for (uint32_t i = 0; i < a->rows; i++) {
        size_t row = (size_t)(from + i / group) * j->shape->heads + head * group + i % group;
        memcpy(a->q + (size_t)i * hw, j->l->q + row * hw, hw * sizeof(float));
        memcpy(a->d + (size_t)i * hw, j->t->dh + row * hw, hw * sizeof(float));
        a->state[i] = j->l->state[row];
        a->mean[i] = j->t->m->kernels->dot(a->d + (size_t)i * hw, j->l->heads + row * hw, hw);
    }
}

static void tile_positions(const struct job *j, uint32_t head, uint32_t first, uint32_t n, struct tile *a)
{
    const struct kernels *k = j->t->m->kernels;
    size_t hw = j->t->m->h.head_width, at = ((size_t)first * j->shape->kv_heads + head) * hw, step = hw * 2 * (size_t)k->lanes;
    a->first = first, a->n = n, a->ld = j->shape->kv_heads * hw;
    a->k = j->l->k + at, a->v = j->l->v + at;
    struct dense w = { T_F32, n, hw, a->ld * sizeof(float), (const uint8_t *)a->k };
    k->pack_down(&w, 0, (int)n, 0, (int)hw, a->k_panels, step);
    w.data = (const uint8_t *)a->v;
    k->pack_down(&w, 0, (int)n, 0, (int)hw, a->v_panels, step);
}

/* p and ds of the tile; 0 where a query does not see the position. */
static void tile_scores(const struct job *j, struct tile *a)
{
    const struct hparams *h = &j->t->m->h;
    const struct kernels *k = j->t->m->kernels;
    size_t hw = h->head_width, step = hw * 2 * (size_t)k->lanes;
    float cap = h->attention_softcap, capped[BLOCK];
    uint32_t position = j->t->position[a->first], group = group_of(j), n = a->n;
    k->multiply(a->q, hw, 1, (int)a->rows, a->k_panels, step, (int)hw, (int)n, 1, a->p, BLOCK, a->spare);
    k->multiply(a->d, hw, 1, (int)a->rows, a->v_panels, step, (int)hw, (int)n, 1, a->ds, BLOCK, a->spare);
    for (uint32_t i = 0; i < a->rows; i++) {
        int64_t b = sees_from(j, a->from + i / group) - position, e = (int64_t)j->t->position[a->from + i / group] + 1 - position;
        float *p = a->p + (size_t)i * BLOCK, *ds = a->ds + (size_t)i * BLOCK;
        b = b < 0 ? 0 : b > n ? n : b, e = e < b ? b : e > n ? n : e;
        memset(p, 0, (size_t)b * sizeof *p), memset(ds, 0, (size_t)b * sizeof *ds);
        memset(p + e, 0, (size_t)(n - e) * sizeof *p), memset(ds + e, 0, (size_t)(n - e) * sizeof *ds);
        k->scale(p + b, h->attention_scale, (size_t)(e - b));
        if (cap > 0) k->softcap(p + b, cap, (size_t)(e - b)), memcpy(capped, p, sizeof capped);
        k->softmax(p + b, a->state[i].m, a->state[i].l, (size_t)(e - b));
        k->softmax_back(p + b, a->mean[i], h->attention_scale, ds + b, (size_t)(e - b));
        for (int64_t s = b; cap > 0 && s < e; s++) {
            float tanh = capped[s] / cap;
            ds[s] *= fmaf(-tanh, tanh, 1);
        }
    }
}

static void add_positions(const struct job *j, const struct tile *a, float *dk, float *dv)
{
    const struct kernels *k = j->t->m->kernels;
    size_t hw = j->t->m->h.head_width, kv = (size_t)j->shape->kv_heads * hw;
    k->accumulate(a->ds, 1, BLOCK, (int)a->n, a->q, hw, (int)a->rows, (int)hw, dk, kv, a->spare);
    k->accumulate(a->p, 1, BLOCK, (int)a->n, a->d, hw, (int)a->rows, (int)hw, dv, kv, a->spare);
}

/* dq of a block of queries: positions ascending.  both: the block is all of its sequence, and what it adds to dk and dv is added too. */
static void queries_task(const struct job *j, uint32_t head, const struct span *s, int both, float *scratch)
{
    const struct hparams *h = &j->t->m->h;
    const struct kernels *k = j->t->m->kernels;
    uint32_t group = group_of(j), step = QUERIES / group, hw = h->head_width;
    size_t q = (size_t)j->shape->heads * hw, kv = (size_t)j->shape->kv_heads * hw;
    struct tile a;
    float *dq = scratch, *dk = j->t->dk + (size_t)head * hw, *dv = j->t->dv + (size_t)head * hw;
    for (uint32_t i = s->first; both && i < s->last; i++) memset(dk + i * kv, 0, hw * sizeof *dk), memset(dv + i * kv, 0, hw * sizeof *dv);
    tile_place(&a, hw, scratch + QUERIES * (size_t)hw);
    for (uint32_t t = s->first; t < s->last; t += step) {
        uint32_t to = t + step < s->last ? t + step : s->last;
        uint32_t p = s->begin + (uint32_t)sees_from(j, t) / BLOCK * BLOCK;
        tile_queries(j, head, t, to, &a);
        memset(dq, 0, (size_t)a.rows * hw * sizeof *dq);
        for (; p < to; p += BLOCK) {
            tile_positions(j, head, p, to - p < BLOCK ? to - p : BLOCK, &a);
            tile_scores(j, &a);
            k->accumulate(a.ds, BLOCK, 1, (int)a.rows, a.k, a.ld, (int)a.n, (int)hw, dq, hw, a.spare);
            if (both) add_positions(j, &a, dk + p * kv, dv + p * kv);
        }
        for (uint32_t i = 0; i < a.rows; i++)
            memcpy(j->t->dq + (t + i / group) * q + (size_t)(head * group + i % group) * hw, dq + (size_t)i * hw,
                   hw * sizeof *dq);
    }
}

/* dk and dv of a block of positions: queries ascending, heads inside. */
static void positions_task(const struct job *j, uint32_t head, const struct span *s, float *scratch)
{
    uint32_t step = QUERIES / group_of(j), hw = j->t->m->h.head_width, n = s->last - s->first;
    size_t kv = (size_t)j->shape->kv_heads * hw;
    float *dk = j->t->dk + s->first * kv + (size_t)head * hw, *dv = j->t->dv + s->first * kv + (size_t)head * hw;
    struct tile a;
    tile_place(&a, hw, scratch);
    tile_positions(j, head, s->first, n, &a);
    for (uint32_t i = 0; i < n; i++) memset(dk + i * kv, 0, hw * sizeof *dk), memset(dv + i * kv, 0, hw * sizeof *dv);
    for (uint32_t t = s->first; t < s->end && sees_from(j, t) <= j->t->position[s->last - 1]; t += step) {
        tile_queries(j, head, t, t + step < s->end ? t + step : s->end, &a);
        tile_scores(j, &a);
        add_positions(j, &a, dk, dv);
    }
}

static void back_tasks(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct job *j = arg;
    float *scratch = j->t->scratch + (size_t)thread * j->t->scratch_each;
    for (int64_t task = begin; task < end; task++) {
        struct span s = find_block(j->t, (uint32_t)(task / 2) % j->blocks, BLOCK);
        uint32_t head = (uint32_t)(task / 2) / j->blocks;
        if (task % 2) positions_task(j, head, &s, scratch);
        else queries_task(j, head, &s, 0, scratch);
    }
}

static void whole_tasks(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct job *j = arg;
    for (int64_t task = begin; task < end; task++) {
        struct span s = find_block(j->t, (uint32_t)task % j->blocks, j->t->n);
        queries_task(j, (uint32_t)task / j->blocks, &s, 1, j->t->scratch + (size_t)thread * j->t->scratch_each);
    }
}

void attention_back(struct tape *t, const struct tape_layer *l, const struct layer_shape *shape)
{
    struct tape_layer layer = *l;
    struct job j = { t, &layer, shape, count_blocks(t, t->n) };
    int64_t whole = (int64_t)j.blocks * shape->kv_heads;
    if (pool_threads(t->m->pool) == 1 || whole >= 4 * (int64_t)pool_threads(t->m->pool)) {
        pool_run(t->m->pool, whole_tasks, &j, whole, 1);
        return;
    }
    j.blocks = count_blocks(t, BLOCK);
    pool_run(t->m->pool, back_tasks, &j, (int64_t)j.blocks * shape->kv_heads * 2, 1);
}

size_t attention_scratch(const struct hparams *h)
{
    size_t hw = h->head_width, forward = 2 * ATTEND_CHUNK * hw + attend_scratch((int)hw) + ATTEND_QUERIES * hw;
    size_t back = QUERIES * hw + tile_floats(hw);
    return forward > back ? forward : back;
}
