/* explain_logit.c - inside the model: the lens, and what each head and feed-forward gave the chosen token.
 *
 * The residual stream is a sum, and the last norm but scales it, once its rms is held fixed:
 *
 *     logit(id) = sum over i of  x[i] * r * norm[i] * W[id][i]          x = embedding + all attention_out + all ffn_out
 *               = d . embedding + sum over layers of (d . attention_out + d . ffn_out),       d[i] = r * norm[i] * W[id][i]
 *
 * attention_out is W_o times the heads side by side, so a head's part is the dot product of its output with its columns of
 * W_o^T d.  Where a norm stands behind W_o (Gemma) it scales too, with its own rms held fixed; so do Granite's multipliers.
 * What W_o's bias adds is no head's and counted with the embedding.  A soft cap on logits (Gemma 2) is no sum: then the
 * logit that is split is the one before the cap.  All dot products are taken in double.  Logit lens: nostalgebraist, "interpreting GPT: the logit lens", 2020; attribution: Elhage et al., "A
 * mathematical framework for transformer circuits", 2021. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "account/explain.h"
#include "infer/sampler.h"
#include "train/tape.h"

/* ---- how far float is from the arithmetic of the answer ---- */

enum hearth_status explain_gap(const struct explain_request *r, struct tape *t, struct explanation *e)
{
    struct explain_gap *g = &e->gap;
    int32_t vocabulary = (int32_t)r->model->h.vocabulary;
    float *logits = mem_array((size_t)vocabulary, sizeof *logits), p;
    enum hearth_status st = logits ? HEARTH_OK : HEARTH_ENOMEM;
    *g = (struct explain_gap){ .allowed = r->max_gap };
    for (size_t i = 0; i < e->tokens && st == HEARTH_OK; i++) {
        const struct explain_token *k = &e->token[i];
        struct hearth_logprob top;
        TRY_GOTO(st, done, tape_logits(t, (uint32_t)(r->n_prompt + i - 1), logits));
        logits_logprobs(logits, vocabulary, k->chosen.id, 1, &p, &top);
        double gap = fabs((double)p - k->logprob);
        g->largest = fmax(g->largest, gap);
        g->mean += gap;
        g->same_top += top.id == (k->chosen.rank[STEP_MODEL] == 1 ? k->chosen.id : k->other[0].id);
        g->n++;
        if (r->on_step) r->on_step(r->user, "comparing the arithmetics", i, e->tokens);
        st = explain_cancelled(r);
    }
    if (g->n) g->mean /= (double)g->n;
    g->refused = g->largest > g->allowed;
done:
    free(logits);
    return st;
}

/* ---- lens ---- */

/* All layers' residuals at one token, through the last norm and the output matrix, in one product: cells [layers + 1]
 * at a distance of n. */
static enum hearth_status lens_column(struct hearth_model *m, struct tape *t, uint32_t at, int32_t id, float *rows, float *logits,
                                      struct explain_lens_cell *cell, size_t n)
{
    size_t w = m->h.width, vocabulary = m->h.vocabulary;
    for (uint32_t l = 0; l <= m->h.layers; l++)
        if (m->kernels->rms_norm(tape_residual(t, l) + at * w, m->weights.output_norm, m->h.norm_eps, rows + l * w, w))
            return fail(HEARTH_ENUMERIC, "%s: the residual before layer %u is not finite", m->file->path, l);
    TRY(tape_multiply(t, &m->weights.output, rows, m->h.layers + 1, logits));
    for (uint32_t l = 0; l <= m->h.layers; l++) {
        float *row = logits + l * vocabulary;
        model_finish_logits(m, row);
        struct hearth_logprob top;
        struct explain_lens_cell *c = &cell[l * n];
        float p;
        logits_logprobs(row, (int32_t)vocabulary, id, 1, &p, &top);
        *c = (struct explain_lens_cell){ top.id, exp((double)top.logprob), exp((double)p), 1 };
        for (size_t i = 0; i < vocabulary; i++) c->rank += row[i] > row[id] || (row[i] == row[id] && i < (size_t)id);
    }
    return HEARTH_OK;
}

enum hearth_status explain_lens(const struct explain_request *r, struct hearth_model *exact, struct tape *t, struct explain_lens *out)
{
    uint32_t rows = exact->h.layers + 1;
    size_t vocabulary = exact->h.vocabulary, left;
    enum hearth_status st = HEARTH_OK;
    out->first = r->token ? r->token - 1 : 0;
    left = r->n_answer - out->first;
    out->n = left < EXPLAIN_LENS_TOKENS ? left : EXPLAIN_LENS_TOKENS;
    out->layers = exact->h.layers;
    out->cell = mem_array((size_t)rows * out->n, sizeof *out->cell);
    float *x = mem_array((size_t)rows * exact->h.width, sizeof *x);
    float *logits = mem_array((rows + 1) * vocabulary, sizeof *logits), *truth = logits + rows * vocabulary;
    if (!out->cell || !x || !logits) st = HEARTH_ENOMEM;
    for (size_t i = 0; i < out->n && st == HEARTH_OK; i++) {
        uint32_t at = (uint32_t)(r->n_prompt + out->first + i - 1);
        if (r->on_step) r->on_step(r->user, "lens", i, out->n);
        TRY_GOTO(st, done, lens_column(exact, t, at, r->answer[out->first + i], x, logits, out->cell + i, out->n));
        TRY_GOTO(st, done, tape_logits(t, at, truth));
        for (size_t k = 0; k < vocabulary; k++)
            out->residual = fmax(out->residual, fabs((double)logits[(rows - 1) * vocabulary + k] - (double)truth[k]));
        st = explain_cancelled(r);
    }
done:
    free(x);
    free(logits);
    return st;
}

/* ---- direct logit attribution ---- */

static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

struct direction { struct hearth_model *m; struct tape *t; uint32_t at; float *d, *back; /* [width], [heads * head_width] */ };

/* d, then its parts of the stream: embedding, head [layers][heads], ffn [layers]. */
static enum hearth_status follow(struct direction *a, int32_t id, double *embedding, double *head, double *ffn, double *sum)
{
    const struct hearth_model *m = a->m;
    size_t w = m->h.width, most = m->h.heads, hw = m->h.head_width, at = a->at;
    float scale = m->h.residual_scale;
    float last = tape_rms(a->t, m->h.layers, TAPE_OUTPUT_NORM)[at], *behind = a->back + most * hw;
    tape_weight_row(&m->weights.output, (uint64_t)id, a->d);
    for (size_t i = 0; i < w; i++) a->d[i] *= last * m->weights.output_norm[i] * m->h.logit_scale;
    *embedding = dot(a->d, tape_embeddings(a->t) + at * w, w);
    *sum = 0;
    for (uint32_t l = 0; l < m->h.layers; l++) {
        const struct layer *y = &m->weights.layers[l];
        const float *rms = tape_rms(a->t, l, TAPE_ATTN_POST_NORM);
        size_t heads = m->h.at[l].heads;
        for (size_t i = 0; i < w; i++) behind[i] = (rms ? a->d[i] * rms[at] * y->attn_post_norm[i] : a->d[i]) * scale;
        TRY(tape_multiply_back(a->t, &y->attn_out, behind, 1, a->back));
        for (size_t h = 0; h < heads; h++)
            *sum += head[l * most + h] = dot(a->back + h * hw, tape_heads(a->t, l) + (at * heads + h) * hw, hw);
        if (y->attn_out.bias) *embedding += dot(behind, y->attn_out.bias, w);
        *sum += ffn[l] = dot(a->d, tape_ffn_out(a->t, l) + at * w, w);
    }
    *sum += *embedding;
    return HEARTH_OK;
}

static int32_t likeliest_other(const float *logits, int32_t n, int32_t id)
{
    int32_t best = id == 0 && n > 1 ? 1 : 0;
    for (int32_t i = best; i < n; i++)
        if (i != id && logits[i] > logits[best]) best = i;
    return best;
}

enum hearth_status explain_logit(const struct explain_request *r, struct hearth_model *exact, struct tape *t, struct explain_logit *out)
{
    size_t parts = (size_t)exact->h.layers * (exact->h.heads + 1), vocabulary = exact->h.vocabulary, w = exact->h.width;
    struct direction a = { .m = exact, .t = t };
    enum hearth_status st = HEARTH_OK;
    double sum;
    out->token = r->token ? r->token - 1 : 0;
    out->id = r->answer[out->token];
    out->layers = exact->h.layers, out->heads = exact->h.heads;
    a.at = (uint32_t)(r->n_prompt + out->token - 1);
    float *logits = mem_array(vocabulary, sizeof *logits);
    a.d = mem_array(2 * w + (size_t)exact->h.heads * exact->h.head_width, sizeof *a.d);
    out->head = mem_array(2 * parts, sizeof *out->head);
    if (!logits || !a.d || !out->head) {
        st = HEARTH_ENOMEM;
        goto done;
    }
    a.back = a.d + w;
    out->ffn = out->head + (size_t)exact->h.layers * exact->h.heads;
    out->head_against = out->head + parts, out->ffn_against = out->ffn + parts;
    TRY_GOTO(st, done, tape_logits_uncapped(t, a.at, logits));
    out->against = likeliest_other(logits, (int32_t)vocabulary, out->id);
    out->logit = (double)logits[out->id], out->logit_against = (double)logits[out->against];
    TRY_GOTO(st, done, follow(&a, out->against, &out->embedding_against, out->head_against, out->ffn_against, &sum));
    out->residual = fabs(sum - out->logit_against);
    TRY_GOTO(st, done, follow(&a, out->id, &out->embedding, out->head, out->ffn, &out->sum));
    out->residual = fmax(out->residual, fabs(out->sum - out->logit));
done:
    free(logits);
    free(a.d);
    return st;
}
