/* backward.c - the walk of tape.c from its end to its beginning.
 *
 *     the loss             logits of the tokens that have one, 64 at a time -> d residual(layers); soft cap and scale of logits
 *     a layer, downwards   dx = d residual(l + 1)
 *         dx += norm_back(W_gate^T dgate + W_up^T dup)      dgate, dup = gated_back(W_down^T norm_back?(dx))
 *         dx += norm_back(W_q^T dq + W_k^T dk + W_v^T dv)   dq, dk, dv = attention_back(W_o^T norm_back?(dx))
 *     the embedding        rows of the ids
 *
 * Where the family scales what a layer adds, dx is scaled before it enters either half.
 *
 * What the forward pass can give again cheaply (normed rows, act(gate) * up) is computed again.  A weight's gradient is
 * wanted where grads has a place for it; without any, its product and what only it needs are passed over. */
#include "train/backward.h"

#include <math.h>
#include <string.h>

#include "base/fpmode.h"
#include "kernel/math.h"
#include "train/inside.h"
#include "train/lora.h"

struct walk {
    struct tape *t;
    const struct loss_spec *spec;
    struct grads *g;
    uint32_t rows;                   /* tokens that have a loss */
    double loss;
    float *part;                     /* [width]: the output norm's weight of the tokens of one run of PART (t->dnorm) */
    uint32_t part_from;
};

/* The gradient of a norm's weight is summed over PART tokens of a sequence, then over those sums: one chain over thousands of tokens
 * would be further from the truth. */
enum { PART = 16 };
static uint32_t part_of(const struct tape *t, size_t token) { return (uint32_t)token - t->position[token] % PART; }

/* ---- a norm ---- */

struct norm_job {
    struct tape *t;
    const float *x, *r, *w, *dy;     /* [n][width], [n], [width], [n][width] */
    float *out, *dw;                 /* [n][width]; [width] */
    uint32_t n, each;                /* rows; of one token */
    size_t width;
    int add;                         /* to out, instead of overwriting it */
};

static void norm_rows(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct norm_job *j = arg;
    const struct kernels *k = j->t->m->kernels;
    for (int64_t i = begin; i < end; i++) {
        size_t at = (size_t)i * j->width;
        float *spare = j->t->scratch + (size_t)thread * j->t->scratch_each, *to = j->add ? spare : j->out + at;
        k->rms_norm_back(j->x + at, j->r[i], j->w, j->dy + at, to, j->width);
        if (j->add) k->add(j->out + at, to, j->width);
        j->t->bad[thread * 16] |= !k->finite(j->out + at, j->width);
    }
}

static void norm_weight_columns(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct norm_job *j = arg;
    const struct kernels *k = j->t->m->kernels;
    (void)thread;
    for (size_t from = (size_t)begin * 16; from < (size_t)end * 16 && from < j->width; from += 16) {
        size_t n = j->width - from < 16 ? j->width - from : 16;
        float part[16] = { 0 };
        for (uint32_t i = 0; i < j->n; i++) {
            size_t at = i * j->width + from;
            if (i > 0 && part_of(j->t, i / j->each) != part_of(j->t, (i - 1) / j->each)) {
                k->add(j->dw + from, part, n);
                memset(part, 0, sizeof part);
            }
            k->rms_weight_back(j->x + at, j->r[i], j->dy + at, part, n);
        }
        k->add(j->dw + from, part, n);
    }
}

static void norm_back(struct norm_job *j)
{
    if (j->dw) pool_run(j->t->m->pool, norm_weight_columns, j, (int64_t)(j->width + 15) / 16, 4);
    tape_each(j->t, norm_rows, j, j->n);
}

/* Over the width of the model. */
static void width_norm_back(struct walk *b, const float *x, const float *r, const float *w, const float *dy, float *out, int add,
                            float *dw)
{
    struct norm_job j = { b->t, x, r, w, dy, out, dw, b->t->n, 1, b->t->m->h.width, add };
    norm_back(&j);
}

/* ---- small steps over tokens ---- */

struct step {
    struct tape *t;
    const struct layer_shape *shape;
    const float *from, *r, *w;
    float *to;
};

static void normed_rows(void *arg, int thread, int64_t begin, int64_t end)  /* to = norm(from), once more */
{
    const struct step *s = arg;
    const struct hearth_model *m = s->t->m;
    size_t w = m->h.width;
    for (int64_t i = begin; i < end; i++)
        s->t->bad[thread * 16] |= m->kernels->rms_norm(s->from + (size_t)i * w, s->w, m->h.norm_eps, s->to + (size_t)i * w, w);
}

static void turn_back_rows(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct step *s = arg;
    const struct layer_shape *shape = s->shape;
    size_t hw = s->t->m->h.head_width;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        for (uint32_t k = 0; k < shape->heads; k++)
            tape_rotate(s->t, s->t->dq + ((size_t)i * shape->heads + k) * hw, (size_t)i, shape, 1);
        for (uint32_t k = 0; k < shape->kv_heads; k++)
            tape_rotate(s->t, s->t->dk + ((size_t)i * shape->kv_heads + k) * hw, (size_t)i, shape, 1);
    }
}

static void add_rows(void *arg, int thread, int64_t begin, int64_t end)     /* to += from */
{
    const struct step *s = arg;
    size_t w = s->t->m->h.width;
    (void)thread;
    s->t->m->kernels->add(s->to + (size_t)begin * w, s->from + (size_t)begin * w, (size_t)(end - begin) * w);
}

/* ---- a layer ---- */

#define GRAD(field) grads_at(b->g, (int)layer, offsetof(struct layer, field))

/* The products of one input x = norm(from): gradients of weights and biases, then dwide = the sum of W^T dy in their order. */
struct part { enum adapter_slot slot; const struct weight *w; const float *dy; float *dw, *db; };
#define GRADS(field) GRAD(field), GRAD(field.bias)

static void bias_back(const struct tape *t, const float *dy, uint64_t rows, float *db) /* db += dy of every token */
{
    for (uint32_t i = 0; db && i < t->n; i++) t->m->kernels->add(db, dy + i * rows, (size_t)rows);
}

/* What a half of a layer gave is scaled before it is added: the gradient of what it gave. */
static const float *scaled_back(struct tape *t, const float *d)
{
    if (t->m->h.residual_scale == 1) return d;
    tape_scale(t, d, t->m->h.residual_scale, t->dnorm);
    return t->dnorm;
}

/* dx [n][cols] = W^T dy and what comes through the adapter, whose gradients are added; x [n][cols] entered it. */
static void adapted_back(struct tape *t, uint32_t layer, enum adapter_slot s, const struct weight *w, const float *x, const float *dy, float *dx)
{
    struct branch b;
    product_back(t, w, lora_back(t, layer, s, dy, &b), dy, (size_t)w->rows, t->n, dx);
    lora_gradients(t, layer, s, x, dy, dx);
}

static void parts_back(struct walk *b, uint32_t layer, const struct part *p, int count, const float *from, const float *norm_weight)
{
    struct tape *t = b->t;
    int wanted = 0;
    for (int i = 0; i < count; i++) wanted |= p[i].dw != NULL || lora_has(t, layer, p[i].slot);
    struct step s = { .t = t, .from = from, .w = norm_weight, .to = t->h };
    if (wanted) tape_each(t, normed_rows, &s, t->n);
    for (int i = 0; i < count; i++) {
        if (p[i].dw) product_weight(t, p[i].w, t->h, p[i].dy, (size_t)p[i].w->rows, t->n, p[i].dw);
        bias_back(t, p[i].dy, p[i].w->rows, p[i].db);
        adapted_back(t, layer, p[i].slot, p[i].w, t->h, p[i].dy, i ? t->dnorm : t->dwide);
        struct step sum = { .t = t, .from = t->dnorm, .to = t->dwide };
        if (i) tape_each(t, add_rows, &sum, t->n);
    }
}

/* dwide = what comes back through gate, up and down; d may be t->dnorm, which changes. */
static void dense_back(struct walk *b, uint32_t layer, const float *d)
{
    struct tape *t = b->t;
    const struct tape_layer *l = &t->layers[layer];
    const struct layer *w = &t->m->weights.layers[layer];
    if (GRAD(down) || lora_has(t, layer, ADAPTER_DOWN)) tape_activate(t, l->gate, l->up, t->n, w->gate.rows, t->wide);
    if (GRAD(down)) product_weight(t, &w->down, t->wide, d, (size_t)w->down.rows, t->n, GRAD(down));
    bias_back(t, d, w->down.rows, GRAD(down.bias));
    adapted_back(t, layer, ADAPTER_DOWN, &w->down, t->wide, d, t->dwide);
    tape_activate_back(t, l->gate, l->up, t->n, w->gate.rows);
    const struct part parts[] = { { ADAPTER_GATE, &w->gate, t->dgate, GRADS(gate) }, { ADAPTER_UP, &w->up, t->dup, GRADS(up) } };
    parts_back(b, layer, parts, 2, l->middle, w->ffn_norm);
}

/* mixed = the same through the experts, the one that all take, and the router. */
static void mixture_back(struct walk *b, uint32_t layer, const float *d)
{
    struct tape *t = b->t;
    const struct layer *w = &t->m->weights.layers[layer];
    const struct expert_grads g = { GRAD(gate_exps), GRAD(up_exps), GRAD(down_exps) };
    struct step normed = { .t = t, .from = t->layers[layer].middle, .w = w->ffn_norm, .to = t->h };
    tape_each(t, normed_rows, &normed, t->n);
    experts_back(t, layer, d, &g, t->mixed);
    struct step sum = { .t = t, .from = t->dwide, .to = t->mixed };
    if (w->gate.kind != WEIGHT_NONE) {
        dense_back(b, layer, d);
        tape_each(t, add_rows, &sum, t->n);
    }
    router_back(t, layer, GRAD(router), t->dnorm);
    sum.from = t->dnorm;
    tape_each(t, add_rows, &sum, t->n);
}

static void ffn_back(struct walk *b, uint32_t layer)
{
    struct tape *t = b->t;
    const struct tape_layer *l = &t->layers[layer];
    const struct layer *w = &t->m->weights.layers[layer];
    int mixture = w->router.kind != WEIGHT_NONE;
    const float *d = scaled_back(t, t->dx);
    if (w->ffn_post_norm) {
        width_norm_back(b, l->ffn_raw, l->r[TAPE_FFN_POST_NORM], w->ffn_post_norm, d, t->dnorm, 0, GRAD(ffn_post_norm));
        d = t->dnorm;
    }
    (mixture ? mixture_back : dense_back)(b, layer, d);
    width_norm_back(b, l->middle, l->r[TAPE_FFN_NORM], w->ffn_norm, mixture ? t->mixed : t->dwide, t->dx, 1, GRAD(ffn_norm));
}

static void attention_layer_back(struct walk *b, uint32_t layer)
{
    struct tape *t = b->t;
    const struct layer_shape *shape = &t->m->h.at[layer];
    const struct tape_layer *l = &t->layers[layer];
    const struct layer *w = &t->m->weights.layers[layer];
    size_t hw = t->m->h.head_width;
    const float *d = scaled_back(t, t->dx);
    struct step s = { .t = t, .shape = shape };
    if (w->attn_post_norm) {
        width_norm_back(b, l->attn_raw, l->r[TAPE_ATTN_POST_NORM], w->attn_post_norm, d, t->dnorm, 0, GRAD(attn_post_norm));
        d = t->dnorm;
    }
    if (GRAD(attn_out)) product_weight(t, &w->attn_out, l->heads, d, (size_t)w->attn_out.rows, t->n, GRAD(attn_out));
    bias_back(t, d, w->attn_out.rows, GRAD(attn_out.bias));
    adapted_back(t, layer, ADAPTER_OUT, &w->attn_out, l->heads, d, t->dh);
    attention_back(t, l, shape);
    tape_each(t, turn_back_rows, &s, t->n);
    if (w->q_norm) {
        struct norm_job j = { t, l->q_raw, l->r_q, w->q_norm, t->dq, t->dq, GRAD(q_norm), t->n * shape->heads, shape->heads, hw, 0 };
        norm_back(&j);
    }
    if (w->k_norm) {
        struct norm_job j = { t, l->k_raw, l->r_k, w->k_norm, t->dk, t->dk, GRAD(k_norm), t->n * shape->kv_heads, shape->kv_heads, hw, 0 };
        norm_back(&j);
    }
    const struct part parts[] = { { ADAPTER_Q, &w->q, t->dq, GRADS(q) }, { ADAPTER_K, &w->k, t->dk, GRADS(k) },
                                  { ADAPTER_V, &w->v, t->dv, GRADS(v) } };
    parts_back(b, layer, parts, 3, l->x, w->attn_norm);
    width_norm_back(b, l->x, l->r[TAPE_ATTN_NORM], w->attn_norm, t->dwide, t->dx, 1, GRAD(attn_norm));
}

/* ---- the loss ---- */

static enum hearth_status choose_rows(struct walk *b)
{
    struct tape *t = b->t;
    const struct loss_spec *s = b->spec;
    for (uint32_t i = 0; s->target && i < t->n; i++) {
        if (s->weight[i] == 0) continue;
        if (s->target[i] < 0 || (uint32_t)s->target[i] >= t->m->h.vocabulary)
            return fail(HEARTH_EUSAGE, "target %u is id %d, should be 0 to %u", i, s->target[i], t->m->h.vocabulary - 1);
        t->row[b->rows++] = i;
    }
    for (uint32_t i = 0; !s->target && i < s->rows; i++) {
        if (s->row[i] >= t->n || (i > 0 && s->row[i] <= s->row[i - 1]))
            return fail(HEARTH_EUSAGE, "row %u is token %u of %u; rows should ascend", i, s->row[i], t->n);
        t->row[b->rows++] = s->row[i];
    }
    return HEARTH_OK;
}

/* Rows [first, first + n) of those that have a loss, n <= rows_at_once. */
struct losses { struct walk *b; uint32_t first, n; double loss[TAPE_ROWS]; };

/* A teacher is asked fewer. */
static uint32_t rows_at_once(const struct walk *b)
{
    return b->spec->distil && b->t->at_once > DISTIL_ROWS ? DISTIL_ROWS : b->t->at_once;
}

static void final_rows(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct losses *s = arg;
    struct tape *t = s->b->t;
    const struct hearth_model *m = t->m;
    size_t w = m->h.width;
    for (int64_t i = begin; i < end; i++)
        t->bad[thread * 16] |= m->kernels->rms_norm(t->x_last + t->row[s->first + i] * w, m->weights.output_norm, m->h.norm_eps,
                                                    t->final + (size_t)i * w, w);
}

static void entropy_rows(void *arg, int thread, int64_t begin, int64_t end) /* logits <- d loss / d logits */
{
    struct losses *s = arg;
    struct tape *t = s->b->t;
    const struct kernels *k = t->m->kernels;
    size_t vocabulary = t->m->h.vocabulary;
    for (int64_t i = begin; i < end; i++) {
        uint32_t token = t->row[s->first + i];
        float *x = t->logits + (size_t)i * t->logit_ld, weight = s->b->spec->weight[token];
        uint32_t target = (uint32_t)s->b->spec->target[token];
        struct distil *d = s->b->spec->distil;
        int finite = d || k->finite(x, vocabulary);
        if (d) s->loss[i] = distil_row(d, k, (uint32_t)i, x, target, weight, &finite);
        else s->loss[i] = entropy_row(k, x, vocabulary, target, weight);
        t->bad[thread * 16] |= !finite;
    }
}

static void output_norm_rows(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct losses *s = arg;
    struct tape *t = s->b->t;
    const struct hearth_model *m = t->m;
    size_t w = m->h.width;
    for (int64_t i = begin; i < end; i++) {
        size_t token = t->row[s->first + i];
        float *dx = t->dx + token * w;
        m->kernels->rms_norm_back(t->x_last + token * w, t->r_last[token], m->weights.output_norm, t->dfinal + (size_t)i * w, dx, w);
        t->bad[thread * 16] |= !m->kernels->finite(dx, w);
    }
}

static void finish_rows(void *arg, int thread, int64_t begin, int64_t end)  /* logits as the family gives them */
{
    const struct losses *s = arg;
    struct tape *t = s->b->t;
    size_t vocabulary = t->m->h.vocabulary;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        float *x = t->logits + (size_t)i * t->logit_ld;
        model_finish_logits(t->m, x);
        if (t->capped) memcpy(t->capped + (size_t)i * vocabulary, x, vocabulary * sizeof *x);
    }
}

static void finish_back_rows(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct losses *s = arg;
    struct tape *t = s->b->t;
    const struct hparams *h = &t->m->h;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        float *d = t->logits + (size_t)i * t->logit_ld, *capped = t->capped ? t->capped + (size_t)i * h->vocabulary : NULL;
        for (size_t k = 0; capped && k < h->vocabulary; k++) {
            float tanh = capped[k] / h->logit_softcap;
            d[k] *= fmaf(-tanh, tanh, 1);
        }
        if (h->logit_scale != 1) t->m->kernels->scale(d, h->logit_scale, h->vocabulary);
    }
}

/* t->logits = d loss / d (output matrix times h) of the rows. */
static enum hearth_status logits_back(struct losses *s)
{
    struct tape *t = s->b->t;
    const struct hearth_model *m = t->m;
    const struct loss_spec *spec = s->b->spec;
    size_t vocabulary = m->h.vocabulary;
    int finish = t->capped || m->h.logit_scale != 1;
    if (spec->target || t->capped) {
        product_forward(t, &m->weights.output, NULL, t->final, s->n, t->logits, t->logit_ld);
        if (finish) pool_run(m->pool, finish_rows, s, s->n, 1);
    }
    if (spec->distil) TRY(distil_ask(spec->distil, t->row + s->first, s->n));
    if (spec->target) pool_run(m->pool, entropy_rows, s, s->n, 1);
    for (uint32_t i = 0; !spec->target && i < s->n; i++)
        memcpy(t->logits + i * t->logit_ld, spec->dlogits + (size_t)(s->first + i) * vocabulary, vocabulary * sizeof *t->logits);
    for (uint32_t i = 0; spec->target && i < s->n; i++) s->b->loss += s->loss[i];
    if (finish) pool_run(m->pool, finish_back_rows, s, s->n, 1);
    return HEARTH_OK;
}

static void flush_part(struct walk *b, float *dnorm)
{
    size_t width = b->t->m->h.width;
    b->t->m->kernels->add(dnorm, b->part, width);
    memset(b->part, 0, width * sizeof *b->part);
}

static enum hearth_status loss_back(struct walk *b, uint32_t first, uint32_t n)
{
    struct tape *t = b->t;
    const struct hearth_model *m = t->m;
    const struct weight *w = &m->weights.output;
    size_t width = m->h.width;
    float *dw = b->g && b->g->tied ? b->g->tied : grads_at(b->g, -1, offsetof(struct weights, output));
    float *dnorm = grads_at(b->g, -1, offsetof(struct weights, output_norm));
    struct losses s = { .b = b, .first = first, .n = n };
    if (b->spec->dfinal) memcpy(t->dfinal, b->spec->dfinal + first * width, n * width * sizeof *t->dfinal);
    else {
        if (dw || b->spec->target || t->capped) tape_each(t, final_rows, &s, n);
        TRY(logits_back(&s));
        if (dw) product_weight(t, w, t->final, t->logits, t->logit_ld, n, dw);
        product_back(t, w, NULL, t->logits, t->logit_ld, n, t->dfinal);
    }
    for (uint32_t i = 0; dnorm && i < n; i++) {
        size_t token = t->row[first + i];
        if (part_of(t, token) != b->part_from) flush_part(b, dnorm), b->part_from = part_of(t, token);
        m->kernels->rms_weight_back(t->x_last + token * width, t->r_last[token], t->dfinal + i * width, b->part, width);
    }
    if (dnorm && first + n == b->rows) flush_part(b, dnorm);
    tape_each(t, output_norm_rows, &s, n);
    return HEARTH_OK;
}

/* ---- the embedding ---- */

static void embedding_columns(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct walk *b = arg;
    const struct tape *t = b->t;
    size_t w = t->m->h.width, from = (size_t)begin * 16, to = (size_t)end * 16 < w ? (size_t)end * 16 : w;
    float *dw = grads_at(b->g, -1, offsetof(struct weights, embedding));
    for (uint32_t i = 0; i < t->n; i++)
        if (t->ids[i] >= 0)
            t->m->kernels->accumulate(&t->m->h.embedding_scale, 0, 0, 1, t->dx + i * w + from, 0, 1, (int)(to - from),
                                      dw + (size_t)t->ids[i] * w + from, w, t->scratch + (size_t)thread * t->scratch_each);
}

static enum hearth_status backward(struct walk *b, float *d_embeddings)
{
    struct tape *t = b->t;
    size_t bytes = (size_t)t->n * t->m->h.width * sizeof(float);
    if (t->n == 0) return fail(HEARTH_EUSAGE, "a backward pass without a forward pass");
    TRY(choose_rows(b));
    memset(t->dx, 0, bytes);
    b->part = t->dnorm, b->part_from = b->rows ? part_of(t, t->row[0]) : 0;
    memset(b->part, 0, t->m->h.width * sizeof *b->part);
    for (uint32_t i = 0, most = rows_at_once(b); i < b->rows; i += most) TRY(loss_back(b, i, b->rows - i < most ? b->rows - i : most));
    TRY(tape_check(t, "a logit or its gradient"));
    for (uint32_t layer = t->m->h.layers; layer-- > 0;) {
        ffn_back(b, layer);
        attention_layer_back(b, layer);
        TRY(tape_check(t, "a gradient"));
    }
    if (d_embeddings) memcpy(d_embeddings, t->dx, bytes);
    if (grads_at(b->g, -1, offsetof(struct weights, embedding)))
        pool_run(t->m->pool, embedding_columns, b, (int64_t)(t->m->h.width + 15) / 16, 4);
    return HEARTH_OK;
}

enum hearth_status backward_run(struct tape *t, const struct loss_spec *spec, double *loss, struct grads *weights,
                                float *d_embeddings)
{
    struct walk b = { .t = t, .spec = spec, .g = weights };
    struct fp_state fp;
    fp_enter(&fp);
    enum hearth_status st = backward(&b, d_embeddings);
    fp_leave(&fp);
    if (st == HEARTH_OK && loss) *loss = b.loss;
    return st;
}

static enum hearth_status forward_losses(struct walk *b, double *each)
{
    struct tape *t = b->t;
    if (t->n == 0) return fail(HEARTH_EUSAGE, "a loss without a forward pass");
    TRY(choose_rows(b));
    for (uint32_t first = 0, most = rows_at_once(b); first < b->rows; first += most) {
        struct losses s = { .b = b, .first = first, .n = b->rows - first < most ? b->rows - first : most };
        tape_each(t, final_rows, &s, s.n);
        product_forward(t, &t->m->weights.output, NULL, t->final, s.n, t->logits, t->logit_ld);
        if (t->capped || t->m->h.logit_scale != 1) pool_run(t->m->pool, finish_rows, &s, s.n, 1);
        if (b->spec->distil) TRY(distil_ask(b->spec->distil, t->row + first, s.n));
        pool_run(t->m->pool, entropy_rows, &s, s.n, 1);
        for (uint32_t i = 0; i < s.n; i++) {
            b->loss += s.loss[i];
            if (each) each[t->row[first + i]] = s.loss[i] / (double)b->spec->weight[t->row[first + i]];
        }
    }
    return tape_check(t, "a logit");
}

enum hearth_status loss_run(struct tape *t, const struct loss_spec *spec, double *loss, double *each)
{
    struct walk b = { .t = t, .spec = spec };
    struct fp_state fp;
    fp_enter(&fp);
    enum hearth_status st = forward_losses(&b, each);
    fp_leave(&fp);
    if (st == HEARTH_OK && loss) *loss = b.loss;
    return st;
}
