/* tape.c - the walk of model/forward.c over whole sequences, with everything kept.  The same kernels in the same order,
 * so the same bits; what differs is where results go, and that q, k and v stay side by side instead of in a cache. */
#include "train/inside.h"
#include "train/lora.h"

#include <stdlib.h>
#include <string.h>

#include "base/fpmode.h"
#include "kernel/math.h"

enum { MOST_TOKENS = 1 << 20, LOGIT_BYTES = 64 << 20, LEAST_LOGITS = 64 };

/* ---- memory ---- */

static size_t largest(size_t a, size_t b) { return a > b ? a : b; }

static size_t scratch_floats(const struct hparams *h)
{
    return largest(attention_scratch(h), largest(MULTIPLY_SCRATCH, 2 * PANEL_ROWS * PANEL_COLS)) + 16;
}

struct placing { char *base; uint64_t at; };

static void place(struct placing *p, void *field, uint64_t bytes)
{
    if (p->base) *(void **)field = p->base + p->at;
    p->at += (bytes + 63) / 64 * 64;
}

static void place_layer(struct placing *p, struct tape_layer *l, const struct layer *w, const struct hparams *h,
                        const struct layer_shape *s, uint64_t n)
{
    uint64_t width = n * h->width * 4, q = n * s->heads * h->head_width * 4, kv = n * s->kv_heads * h->head_width * 4;
    place(p, &l->x, width), place(p, &l->middle, width), place(p, &l->attn, width), place(p, &l->ffn, width);
    place(p, &l->q, q), place(p, &l->k, kv), place(p, &l->v, kv), place(p, &l->heads, q);
    place(p, &l->state, n * s->heads * sizeof(struct attend_state));
    uint64_t ff = h->experts ? h->shared_feed_forward : s->feed_forward, slots = n * h->experts_used;
    struct tape_experts *e = &l->experts;
    place(p, &l->gate, n * ff * 4), place(p, &l->up, n * ff * 4);
    if (h->experts) {
        place(p, &e->share, slots * 4), place(p, &e->chosen, slots * 4), place(p, &e->picked, slots * 4), place(p, &e->first, (h->experts + 1) * 4u);
        place(p, &e->gate, slots * s->feed_forward * 4), place(p, &e->up, slots * s->feed_forward * 4), place(p, &e->given, slots * h->width * 4);
    }
    place(p, &l->r[TAPE_ATTN_NORM], n * 4), place(p, &l->r[TAPE_FFN_NORM], n * 4);
    if (w->q_norm) place(p, &l->q_raw, q), place(p, &l->r_q, n * s->heads * 4);
    if (w->k_norm) place(p, &l->k_raw, kv), place(p, &l->r_k, n * s->kv_heads * 4);
    if (w->attn_post_norm) place(p, &l->attn_raw, width), place(p, &l->r[TAPE_ATTN_POST_NORM], n * 4);
    if (w->ffn_post_norm) place(p, &l->ffn_raw, width), place(p, &l->r[TAPE_FFN_POST_NORM], n * 4);
}

/* Logits of as many tokens as 64 MB hold, at least 64: each read of the output matrix serves all of them. */
static void plan_logits(struct tape *t, const struct hparams *h, uint64_t n)
{
    uint64_t lines = ((uint64_t)h->vocabulary + 15) / 16, ld = (lines + (101 - lines % 64) % 64) * 16, rows = LOGIT_BYTES / (ld * 4);
    t->logit_ld = (size_t)ld;
    rows = rows < LEAST_LOGITS ? LEAST_LOGITS : rows > TAPE_ROWS ? TAPE_ROWS : rows;
    t->at_once = (uint32_t)(n < rows ? n : rows);
}

static uint64_t packed_floats(const struct hearth_model *m)
{
    uint64_t most = product_floats(&m->weights.output);
    for (uint32_t i = 0; i < m->h.layers; i++) {
        const struct layer *l = &m->weights.layers[i];
        const struct weight *w[] = { &l->q, &l->k, &l->v, &l->attn_out, &l->gate, &l->up, &l->down, &l->router };
        for (size_t k = 0; k < sizeof w / sizeof *w; k++) most = largest(most, product_floats(w[k]));
        if (m->h.experts) most = largest(most, product_floats(&l->gate_exps[0]));  /* of all its shape, or turned */
    }
    return most;
}

/* One list of the slab's parts serves counting (base NULL) and placing. */
static uint64_t place_all(struct tape *t, const struct hearth_model *m, uint64_t n, char *base)
{
    const struct hparams *h = &m->h;
    struct placing p = { base, 0 };
    uint64_t width = h->width, q = (uint64_t)h->heads * h->head_width, kv = (uint64_t)h->kv_heads * h->head_width;
    uint64_t ff = largest(h->feed_forward, h->shared_feed_forward), mixture = h->experts ? width * 4 : 0, half = h->rope_width / 2, threads = (uint64_t)pool_threads(m->pool);
    uint64_t wide = largest(largest(q, ff), width), rows;
    struct tape_layer unused;
    plan_logits(t, h, n);
    rows = t->at_once;
    t->packed_floats = packed_floats(m);
    place(&p, &t->layers, h->layers * sizeof *t->layers);
    for (uint32_t i = 0; i < h->layers; i++) place_layer(&p, base ? &t->layers[i] : &unused, &m->weights.layers[i], h, &h->at[i], n);
    t->scratch_each = scratch_floats(h);
    const struct { void *field; uint64_t each; } part[] = {          /* n of each */
        { &t->x_last, width * 4 }, { &t->r_last, 4 }, { &t->ids, 4 }, { &t->position, 4 }, { &t->begin, 4 }, { &t->length, 4 },
        { &t->rope[0].cos, half * 4 }, { &t->rope[0].sin, half * 4 }, { &t->rope[0].minus, half * 4 },
        { &t->rope[1].cos, half * 4 }, { &t->rope[1].sin, half * 4 }, { &t->rope[1].minus, half * 4 },
        { &t->h, width * 4 }, { &t->wide, wide * 4 }, { &t->dx, width * 4 }, { &t->dnorm, width * 4 }, { &t->dh, q * 4 },
        { &t->dq, q * 4 }, { &t->dk, kv * 4 }, { &t->dv, kv * 4 }, { &t->dgate, ff * 4 }, { &t->dup, ff * 4 },
        { &t->dwide, wide * 4 }, { &t->row, 4 }, { &t->route, h->experts * 4u }, { &t->dshare, h->experts_used * 4u },
        { &t->taken, mixture }, { &t->given, mixture }, { &t->mixed, mixture },
    };
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) place(&p, part[i].field, n * part[i].each);
    place(&p, &t->logits, rows * t->logit_ld * 4);
    if (h->logit_softcap > 0) place(&p, &t->capped, rows * h->vocabulary * 4);
    place(&p, &t->final, rows * width * 4), place(&p, &t->dfinal, rows * width * 4);
    place(&p, &t->packed, t->packed_floats * 4);
    place(&p, &t->scratch, threads * t->scratch_each * 4), place(&p, &t->bad, threads * 64);
    return p.at;
}

uint64_t tape_bytes(const struct hearth_model *m, uint32_t max_tokens)
{
    struct tape unused;
    return m->weights.layers && m->pool ? place_all(&unused, m, max_tokens, NULL) : 0;
}

enum hearth_status tape_open(struct hearth_model *m, uint32_t max_tokens, struct tape **out)
{
    if (!m->weights.layers) return fail(HEARTH_EUNSUPPORTED, "%s: opened for its vocabulary only", m->file->path);
    if (m->arithmetic != HEARTH_FLOAT)
        return fail(HEARTH_EUSAGE, "%s: opened for the quant arithmetic, gradients need float", m->file->path);
    TRY(model_generates(m));
    if (max_tokens < 1 || max_tokens > MOST_TOKENS)
        return fail(HEARTH_EUSAGE, "room for %u tokens, should be 1 to %d", max_tokens, MOST_TOKENS);
    struct tape *t = mem_array(1, sizeof *t);
    if (!t) return HEARTH_ENOMEM;
    t->m = m, t->cap = max_tokens;
    t->slab_bytes = (size_t)tape_bytes(m, max_tokens);
    t->slab = slab_alloc_dense(t->slab_bytes);
    if (!t->slab) {
        free(t);
        return HEARTH_ENOMEM;
    }
    place_all(t, m, max_tokens, t->slab);
    *out = t;
    return HEARTH_OK;
}

void tape_close(struct tape *t)
{
    if (!t) return;
    tape_forget_adapter(t);
    slab_free(t->slab, t->slab_bytes);
    free(t);
}

/* ---- work by token ---- */

void tape_each(struct tape *t, pool_fn *fn, void *arg, uint32_t n)
{
    if (n == 1) fn(arg, 0, 0, 1);
    else pool_run(t->m->pool, fn, arg, n, 4);
}

enum hearth_status tape_check(struct tape *t, const char *what)
{
    int bad = 0;
    for (int i = 0; i < pool_threads(t->m->pool); i++) bad |= t->bad[i * 16], t->bad[i * 16] = 0;
    if (!bad) return HEARTH_OK;
    return fail(HEARTH_ENUMERIC, "%s: %s is not finite; the file's weights are damaged or the input is too large",
                t->m->file->path, what);
}

void tape_rotate(const struct tape *t, float *x, size_t token, const struct layer_shape *shape, int back)
{
    const struct hearth_model *m = t->m;
    const struct rope_tables *r = &t->rope[shape->local && m->rope_frequency_local != m->rope_frequency];
    size_t at = token * (m->h.rope_width / 2);
    if (!shape->turns) return;
    (m->arch->rope == ROPE_PAIRS ? m->kernels->rope_pairs : m->kernels->rope_halves)
        (x, r->cos + at, (back ? r->minus : r->sin) + at, (int)m->h.rope_width);
}

/* One step over tokens: which layer, and from where to where. */
struct step {
    struct tape *t;
    struct tape_layer *l;
    const struct layer *w;
    const struct layer_shape *shape;
    const float *from, *weight;
    float *to, *r, scale;
};

static void turn_rows(void *arg, int thread, int64_t begin, int64_t end)  /* the tables of rope */
{
    struct tape *t = ((struct step *)arg)->t;
    uint32_t half = t->m->h.rope_width / 2;
    float magnitude = t->m->h.rope_magnitude;
    int tables = t->m->rope_frequency_local != t->m->rope_frequency ? 2 : 1;
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        for (int k = 0; k < tables; k++) {
            const struct rope_tables *r = &t->rope[k];
            const float *frequency = k ? t->m->rope_frequency_local
                                   : model_rotates_long(t->m, t->length[i]) ? t->m->rope_frequency_long : t->m->rope_frequency;
            for (size_t f = 0, at = (size_t)i * half; f < half; f++, at++) {
                float angle = (float)t->position[i] * frequency[f];
                r->cos[at] = hm_cos(angle), r->sin[at] = hm_sin(angle);
                if (magnitude != 1) r->cos[at] *= magnitude, r->sin[at] *= magnitude;
                r->minus[at] = -r->sin[at];
            }
        }
}

static void embed_rows(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct step *s = arg;
    const struct hearth_model *m = s->t->m;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        float *x = s->to + (size_t)i * m->h.width;
        tape_weight_row(&m->weights.embedding, (uint64_t)s->t->ids[i], x);
        if (m->h.embedding_scale != 1) m->kernels->scale(x, m->h.embedding_scale, m->h.width);
    }
}

static void norm_rows(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct step *s = arg;
    const struct hearth_model *m = s->t->m;
    size_t w = m->h.width;
    for (int64_t i = begin; i < end; i++) {
        const float *x = s->from + (size_t)i * w;
        s->r[i] = m->kernels->rms_inverse(x, m->h.norm_eps, w);
        s->t->bad[thread * 16] |= m->kernels->rms_norm(x, s->weight, m->h.norm_eps, s->to + (size_t)i * w, w);
    }
}

/* to <- norm(from), r kept. */
static void norm(struct tape *t, const float *from, const float *weight, float *to, float *r)
{
    struct step s = { .t = t, .from = from, .weight = weight, .to = to, .r = r };
    tape_each(t, norm_rows, &s, t->n);
}

static void add_rows(void *arg, int thread, int64_t begin, int64_t end)   /* to <- from + weight */
{
    const struct step *s = arg;
    size_t w = s->t->m->h.width, at = (size_t)begin * w, count = (size_t)(end - begin) * w;
    (void)thread;
    if (s->to != s->from) memcpy(s->to + at, s->from + at, count * sizeof(float));
    s->t->m->kernels->add(s->to + at, s->weight + at, count);
}

static void add(struct tape *t, const float *from, const float *what, float *to)
{
    struct step s = { .t = t, .from = from, .weight = what, .to = to };
    tape_each(t, add_rows, &s, t->n);
}

static void scale_rows(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct step *s = arg;
    size_t w = s->t->m->h.width, at = (size_t)begin * w, count = (size_t)(end - begin) * w;
    (void)thread;
    if (s->to != s->from) memcpy(s->to + at, s->from + at, count * sizeof(float));
    s->t->m->kernels->scale(s->to + at, s->scale, count);
}

void tape_scale(struct tape *t, const float *from, float scale, float *to)
{
    struct step s = { .t = t, .from = from, .to = to, .scale = scale };
    tape_each(t, scale_rows, &s, t->n);
}

/* Norm, where there is one, and turn, of the heads of one token. */
static int position_heads(const struct step *s, size_t token, uint32_t heads, const float *raw, const float *weight, float *out,
                          float *r)
{
    const struct hearth_model *m = s->t->m;
    size_t hw = m->h.head_width;
    int bad = 0;
    for (size_t i = token * heads; i < (token + 1) * heads; i++) {
        if (weight) {
            r[i] = m->kernels->rms_inverse(raw + i * hw, m->h.norm_eps, hw);
            bad |= m->kernels->rms_norm(raw + i * hw, weight, m->h.norm_eps, out + i * hw, hw);
        }
        tape_rotate(s->t, out + i * hw, token, s->shape, 0);
    }
    return bad;
}

static void position_rows(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct step *s = arg;
    const struct layer_shape *shape = s->shape;
    const struct tape_layer *l = s->l;
    size_t kv = (size_t)shape->kv_heads * s->t->m->h.head_width;
    for (int64_t i = begin; i < end; i++) {
        int bad = position_heads(s, (size_t)i, shape->heads, l->q_raw, s->w->q_norm, l->q, l->r_q);
        bad |= position_heads(s, (size_t)i, shape->kv_heads, l->k_raw, s->w->k_norm, l->k, l->r_k);
        bad |= !s->t->m->kernels->finite(l->k + (size_t)i * kv, kv) || !s->t->m->kernels->finite(l->v + (size_t)i * kv, kv);
        s->t->bad[thread * 16] |= bad;
    }
}

struct gated { struct tape *t; const float *gate, *up; float *out; size_t ff; };

static void activate_rows(void *arg, int thread, int64_t begin, int64_t end) /* out <- act(gate) * up */
{
    const struct gated *s = arg;
    const struct hearth_model *m = s->t->m;
    size_t at = (size_t)begin * s->ff, n = (size_t)(end - begin) * s->ff;
    (void)thread;
    (m->arch->activation == ACT_SILU ? m->kernels->silu_mul : m->kernels->gelu_mul)(s->gate + at, s->up + at, s->out + at, n);
}

void tape_activate(struct tape *t, const float *gate, const float *up, uint32_t n, size_t ff, float *out)
{
    tape_each(t, activate_rows, &(struct gated){ t, gate, up, out, ff }, n);
}

static void activate_back_rows(void *arg, int thread, int64_t begin, int64_t end) /* dgate, dup from dwide */
{
    const struct gated *s = arg;
    struct tape *t = s->t;
    size_t at = (size_t)begin * s->ff, n = (size_t)(end - begin) * s->ff;
    (void)thread;
    (t->m->arch->activation == ACT_SILU ? t->m->kernels->silu_mul_back : t->m->kernels->gelu_mul_back)
        (t->dwide + at, s->gate + at, s->up + at, t->dgate + at, t->dup + at, n);
}

void tape_activate_back(struct tape *t, const float *gate, const float *up, uint32_t n, size_t ff)
{
    tape_each(t, activate_back_rows, &(struct gated){ .t = t, .gate = gate, .up = up, .ff = ff }, n);
}

const float *tape_neurons(struct tape *t, uint32_t layer)
{
    struct fp_state fp;
    fp_enter(&fp);
    tape_activate(t, t->layers[layer].gate, t->layers[layer].up, t->n, t->m->h.at[layer].feed_forward, t->wide);
    fp_leave(&fp);
    return t->wide;
}

/* ---- the walk ---- */

static void adapted_forward(struct tape *t, uint32_t layer, enum adapter_slot s, const struct weight *w, const float *x, float *out)
{
    struct branch b;
    product_forward(t, w, lora_forward(t, layer, s, x, &b), x, t->n, out, (size_t)w->rows);
}

/* out = down (act(gate h) * up h) of t->h. */
static void dense_forward(struct tape *t, uint32_t layer, float *out)
{
    const struct layer *w = &t->m->weights.layers[layer];
    struct tape_layer *l = &t->layers[layer];
    adapted_forward(t, layer, ADAPTER_GATE, &w->gate, t->h, l->gate);
    adapted_forward(t, layer, ADAPTER_UP, &w->up, t->h, l->up);
    tape_activate(t, l->gate, l->up, t->n, w->gate.rows, t->wide);
    adapted_forward(t, layer, ADAPTER_DOWN, &w->down, t->wide, out);
}

static void run_layer(struct tape *t, uint32_t layer, float *next)
{
    const struct hearth_model *m = t->m;
    struct tape_layer *l = &t->layers[layer];
    const struct layer *w = &m->weights.layers[layer];
    const struct layer_shape *shape = &m->h.at[layer];
    struct step s = { .t = t, .l = l, .w = w, .shape = shape };
    float scale = m->h.residual_scale, *attn = w->attn_post_norm ? l->attn_raw : l->attn, *ffn = w->ffn_post_norm ? l->ffn_raw : l->ffn;
    norm(t, l->x, w->attn_norm, t->h, l->r[TAPE_ATTN_NORM]);
    adapted_forward(t, layer, ADAPTER_Q, &w->q, t->h, w->q_norm ? l->q_raw : l->q);
    adapted_forward(t, layer, ADAPTER_K, &w->k, t->h, w->k_norm ? l->k_raw : l->k);
    adapted_forward(t, layer, ADAPTER_V, &w->v, t->h, l->v);
    tape_each(t, position_rows, &s, t->n);
    attention_forward(t, l, shape);
    adapted_forward(t, layer, ADAPTER_OUT, &w->attn_out, l->heads, attn);
    if (w->attn_post_norm) norm(t, l->attn_raw, w->attn_post_norm, l->attn, l->r[TAPE_ATTN_POST_NORM]);
    if (scale != 1) tape_scale(t, l->attn, scale, l->attn);
    add(t, l->x, l->attn, l->middle);

    norm(t, l->middle, w->ffn_norm, t->h, l->r[TAPE_FFN_NORM]);
    if (w->router.kind == WEIGHT_NONE) dense_forward(t, layer, ffn);
    else experts_forward(t, layer, ffn);
    if (w->router.kind != WEIGHT_NONE && w->gate.kind != WEIGHT_NONE) {
        dense_forward(t, layer, t->given);
        add(t, ffn, t->given, ffn);
    }
    if (w->ffn_post_norm) norm(t, l->ffn_raw, w->ffn_post_norm, l->ffn, l->r[TAPE_FFN_POST_NORM]);
    if (scale != 1) tape_scale(t, l->ffn, scale, l->ffn);
    add(t, l->middle, l->ffn, next);
}

static void last_rows(void *arg, int thread, int64_t begin, int64_t end)
{
    struct tape *t = ((struct step *)arg)->t;
    size_t w = t->m->h.width;
    for (int64_t i = begin; i < end; i++) {
        const float *x = t->x_last + (size_t)i * w;
        t->r_last[i] = t->m->kernels->rms_inverse(x, t->m->h.norm_eps, w);
        t->bad[thread * 16] |= !t->m->kernels->finite(x, w);
    }
}

static enum hearth_status set_input(struct tape *t, const int32_t *ids, const float *embeddings, const uint32_t *lengths,
                                    uint32_t count)
{
    uint64_t n = 0;
    for (uint32_t s = 0; s < count; s++) {
        if (lengths[s] < 1 || n + lengths[s] > t->cap)
            return fail(HEARTH_EUSAGE, "sequence %u has %u tokens, should have 1 to %llu", s, lengths[s],
                        (unsigned long long)(t->cap - n));
        for (uint32_t i = 0; i < lengths[s]; i++) t->position[n + i] = i, t->begin[n + i] = (uint32_t)n, t->length[n + i] = lengths[s];
        n += lengths[s];
    }
    if (n == 0) return fail(HEARTH_EUSAGE, "no tokens");
    if (!ids && !embeddings) return fail(HEARTH_EUSAGE, "neither token ids nor embeddings");
    for (uint64_t i = 0; i < n; i++) {
        if (!embeddings && (ids[i] < 0 || (uint32_t)ids[i] >= t->m->h.vocabulary))
            return fail(HEARTH_EUSAGE, "token %llu is id %d, should be 0 to %u", (unsigned long long)i, ids[i],
                        t->m->h.vocabulary - 1);
        t->ids[i] = embeddings ? -1 : ids[i];
    }
    t->n = (uint32_t)n;
    struct step s = { .t = t, .to = t->layers[0].x };
    if (embeddings) memcpy(s.to, embeddings, (size_t)n * t->m->h.width * sizeof *embeddings);
    else tape_each(t, embed_rows, &s, t->n);
    tape_each(t, turn_rows, &s, t->n);
    return HEARTH_OK;
}

static enum hearth_status forward(struct tape *t, const int32_t *ids, const float *embeddings, const uint32_t *lengths,
                                  uint32_t count)
{
    uint32_t layers = t->m->h.layers;
    struct step s = { .t = t };
    t->n = 0;
    TRY(set_input(t, ids, embeddings, lengths, count));
    for (uint32_t i = 0; i < layers; i++) run_layer(t, i, i + 1 < layers ? t->layers[i + 1].x : t->x_last);
    tape_each(t, last_rows, &s, t->n);
    enum hearth_status st = tape_check(t, "a value");
    if (st != HEARTH_OK) t->n = 0;
    return st;
}

enum hearth_status tape_forward_many(struct tape *t, const int32_t *ids, const float *embeddings, const uint32_t *lengths,
                                     uint32_t count)
{
    struct fp_state fp;
    fp_enter(&fp);
    enum hearth_status st = forward(t, ids, embeddings, lengths, count);
    fp_leave(&fp);
    return st;
}

enum hearth_status tape_forward(struct tape *t, const int32_t *ids, const float *embeddings, uint32_t n)
{
    return tape_forward_many(t, ids, embeddings, &n, 1);
}

void tape_final(struct tape *t, uint32_t at, float *out)
{
    struct fp_state fp;
    fp_enter(&fp);
    t->m->kernels->rms_norm(t->x_last + (size_t)at * t->m->h.width, t->m->weights.output_norm, t->m->h.norm_eps, out, t->m->h.width);
    fp_leave(&fp);
}

/* ---- what it holds ---- */

uint32_t tape_tokens(const struct tape *t) { return t->n; }
const float *tape_embeddings(const struct tape *t) { return t->layers[0].x; }
const float *tape_residual(const struct tape *t, uint32_t layer) { return layer < t->m->h.layers ? t->layers[layer].x : t->x_last; }
const float *tape_middle(const struct tape *t, uint32_t layer) { return t->layers[layer].middle; }
const float *tape_heads(const struct tape *t, uint32_t layer) { return t->layers[layer].heads; }
const float *tape_attention_out(const struct tape *t, uint32_t layer) { return t->layers[layer].attn; }
const float *tape_ffn_out(const struct tape *t, uint32_t layer) { return t->layers[layer].ffn; }

const float *tape_rms(const struct tape *t, uint32_t layer, enum tape_norm which)
{
    return which == TAPE_OUTPUT_NORM ? t->r_last : t->layers[layer].r[which];
}

static enum hearth_status lens(struct tape *t, uint32_t layer, uint32_t at, int cap, float *out)
{
    const struct hearth_model *m = t->m;
    size_t width = m->h.width;
    struct fp_state fp;
    if (at >= t->n) return fail(HEARTH_EUSAGE, "token %u of %u", at, t->n);
    fp_enter(&fp);
    t->bad[0] |= m->kernels->rms_norm(tape_residual(t, layer) + at * width, m->weights.output_norm, m->h.norm_eps, t->h, width);
    product_forward(t, &m->weights.output, NULL, t->h, 1, out, m->h.vocabulary);
    if (cap) model_finish_logits(m, out);
    else if (m->h.logit_scale != 1) m->kernels->scale(out, m->h.logit_scale, m->h.vocabulary);
    t->bad[0] |= !m->kernels->finite(out, m->h.vocabulary);
    enum hearth_status st = tape_check(t, "a logit");
    fp_leave(&fp);
    return st;
}

enum hearth_status tape_lens(struct tape *t, uint32_t layer, uint32_t at, float *out) { return lens(t, layer, at, 1, out); }

enum hearth_status tape_logits(struct tape *t, uint32_t at, float *out) { return lens(t, t->m->h.layers, at, 1, out); }

enum hearth_status tape_logits_uncapped(struct tape *t, uint32_t at, float *out) { return lens(t, t->m->h.layers, at, 0, out); }

static enum hearth_status multiply(struct tape *t, const struct weight *w, const float *x, uint32_t n, float *out, int back)
{
    struct fp_state fp;
    if (w->kind != WEIGHT_DENSE) return fail(HEARTH_EUSAGE, "%s: not a matrix of a model for the float arithmetic", t->m->file->path);
    fp_enter(&fp);
    if (back) product_back(t, w, NULL, x, (size_t)w->rows, n, out);
    else product_forward(t, w, NULL, x, n, out, (size_t)w->rows);
    fp_leave(&fp);
    return HEARTH_OK;
}

enum hearth_status tape_multiply(struct tape *t, const struct weight *w, const float *x, uint32_t n, float *out)
{
    return multiply(t, w, x, n, out, 0);
}

enum hearth_status tape_multiply_back(struct tape *t, const struct weight *w, const float *y, uint32_t n, float *out)
{
    return multiply(t, w, y, n, out, 1);
}

void tape_weight_row(const struct weight *w, uint64_t row, float *out)
{
    dequantize_row(w->dense.type, w->dense.data + row * w->dense.row_bytes, out, (size_t)w->cols);
}
