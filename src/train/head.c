/* head.c - the class of a sequence, its loss and the gradients of both. */
#include "train/head.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fpmode.h"
#include "kernel/math.h"
#include "train/optimizer.h"
#include "train/schedule.h"

#define FIT_RATE 0.004

struct work {
    const struct head *h;
    uint32_t n, rows;                /* rows: tokens whose hidden state counts */
    uint32_t *row;                   /* [rows] */
    float *hidden, *dhidden;         /* [n][width] x 2 */
    float *drows;                    /* [rows][width], of the mean; NULL: dhidden */
    float *logits;                   /* [n][classes]; then their gradients */
    float *scratch;
};

static void logits_of(const struct head *h, const float *hidden, uint32_t n, float *out, float *scratch)
{
    struct dense w = { T_F32, h->classes, h->m->h.width, (size_t)h->m->h.width * 4, (const uint8_t *)h->w };
    h->m->kernels->matmul_float(&w, 0, h->classes, hidden, h->m->h.width, (int)n, out, h->classes, scratch);
}

static uint32_t likeliest(const float *x, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++) if (x[i] > x[best]) best = i;
    return best;
}

static enum hearth_status not_finite(const struct hearth_model *m)
{
    return fail(HEARTH_ENUMERIC, "%s: a class's logit is not finite", m->file->path);
}

enum hearth_status head_logits(const struct head *h, const float *hidden, float *out)
{
    float *scratch = mem_array(2 * PANEL_ROWS * PANEL_COLS, sizeof *scratch);
    struct fp_state fp;
    if (!scratch) return HEARTH_ENOMEM;
    fp_enter(&fp);
    logits_of(h, hidden, 1, out, scratch);
    int finite = h->m->kernels->finite(out, h->classes);
    fp_leave(&fp);
    free(scratch);
    return finite ? HEARTH_OK : not_finite(h->m);
}

enum hearth_status head_classify(const struct head *h, const float *hidden, float *out, uint32_t *best)
{
    const struct kernels *k = h->m->kernels;
    struct fp_state fp;
    TRY(head_logits(h, hidden, out));
    fp_enter(&fp);
    float m = k->max(out, h->classes), l = k->sum_exp(out, m, h->classes);
    *best = likeliest(out, h->classes);
    k->softmax(out, m, l, h->classes);
    fp_leave(&fp);
    return HEARTH_OK;
}

static enum hearth_status losses(struct work *w, const uint32_t *label, float weight, struct distil *d, struct head_result *out)
{
    const struct kernels *k = w->h->m->kernels;
    uint32_t classes = w->h->classes, row[DISTIL_ROWS];
    *out = (struct head_result){ 0 };
    for (uint32_t i = 0; i < w->n; i++) {
        float *x = w->logits + (size_t)i * classes;
        uint32_t at = i % DISTIL_ROWS, n = w->n - i < DISTIL_ROWS ? w->n - i : DISTIL_ROWS;
        int finite = 1;
        for (uint32_t j = 0; d && at == 0 && j < n; j++) row[j] = i + j;
        if (d && at == 0) TRY(distil_ask(d, row, n));
        if (!k->finite(x, classes)) return not_finite(w->h->m);
        out->right += likeliest(x, classes) == label[i];
        out->loss += d ? distil_row(d, k, at, x, label[i], weight, &finite) : entropy_row(k, x, classes, label[i], weight);
        if (!finite) return not_finite(w->h->m);
    }
    return HEARTH_OK;
}

/* ---- from the tape and back into it ---- */

enum hearth_status head_hidden(struct tape *t, const struct head *h, const uint32_t *lengths, uint32_t n, float *out)
{
    const struct kernels *k = h->m->kernels;
    size_t width = h->m->h.width;
    float *one = mem_array(width, sizeof *one);
    struct fp_state fp;
    if (!one) return HEARTH_ENOMEM;
    fp_enter(&fp);
    for (uint32_t i = 0, at = 0; i < n; at += lengths[i], i++) {
        float *to = out + i * width;
        if (!h->mean) {
            tape_final(t, at + lengths[i] - 1, to);
            continue;
        }
        memset(to, 0, width * sizeof *to);
        for (uint32_t j = 0; j < lengths[i]; j++) {
            tape_final(t, at + j, one);
            k->add(to, one, width);
        }
        k->scale(to, 1.0f / (float)lengths[i], width);
    }
    fp_leave(&fp);
    free(one);
    return HEARTH_OK;
}

/* Every token of a mean has the same part of its gradient. */
static void share_out(const struct work *w, const uint32_t *lengths)
{
    size_t width = w->h->m->h.width;
    for (uint32_t i = 0, at = 0; i < w->n; i++) {
        float *d = w->dhidden + i * width;
        w->h->m->kernels->scale(d, 1.0f / (float)lengths[i], width);
        for (uint32_t j = 0; j < lengths[i]; j++, at++) memcpy(w->drows + at * width, d, width * sizeof *d);
    }
}

/* dW [c] = fma(dlogits[i][c], h[i], dW[c]) over sequences; dh[i] = chain fma(dlogits[i][c], W[c], ·) over classes. */
static enum hearth_status gradients(struct tape *t, struct work *w, const uint32_t *lengths, float *dw, struct grads *weights)
{
    const struct kernels *k = w->h->m->kernels;
    size_t width = w->h->m->h.width, classes = w->h->classes;
    k->accumulate(w->logits, 1, classes, (int)classes, w->hidden, width, (int)w->n, (int)width, dw, width, w->scratch);
    memset(w->dhidden, 0, w->n * width * sizeof *w->dhidden);
    k->accumulate(w->logits, classes, 1, (int)w->n, w->h->w, width, (int)classes, (int)width, w->dhidden, width, w->scratch);
    if (w->drows) share_out(w, lengths);
    struct loss_spec spec = { .row = w->row, .rows = w->rows, .dfinal = w->drows ? w->drows : w->dhidden };
    return backward_run(t, &spec, NULL, weights, NULL);
}

static enum hearth_status run(struct tape *t, struct work *w, const uint32_t *lengths, const uint32_t *label, float weight, struct distil *d,
                              float *dw, struct grads *weights, struct head_result *out)
{
    for (uint32_t i = 0, at = 0; i < w->n; i++) at += lengths[i], w->row[i] = at - 1;
    for (uint32_t i = 0; w->drows && i < w->rows; i++) w->row[i] = i;
    TRY(head_hidden(t, w->h, lengths, w->n, w->hidden));
    logits_of(w->h, w->hidden, w->n, w->logits, w->scratch);
    TRY(losses(w, label, weight, d, out));
    return dw ? gradients(t, w, lengths, dw, weights) : HEARTH_OK;
}

enum hearth_status head_run(struct tape *t, const struct head *h, const uint32_t *lengths, const uint32_t *label, uint32_t n, float weight,
                            struct distil *d, float *dw, struct grads *weights, struct head_result *out)
{
    size_t width = h->m->h.width;
    uint32_t rows = h->mean ? tape_tokens(t) : n;
    struct fp_state fp;
    struct work w = { .h = h, .n = n, .rows = rows, .row = mem_array(rows, sizeof *w.row), .hidden = mem_array(n * width, sizeof *w.hidden),
                      .dhidden = mem_array(n * width, sizeof *w.dhidden), .logits = mem_array((size_t)n * h->classes, sizeof *w.logits),
                      .scratch = mem_array(MULTIPLY_SCRATCH, sizeof *w.scratch) };
    enum hearth_status st = HEARTH_ENOMEM;
    int have = !h->mean || !dw || (w.drows = mem_array(rows * width, sizeof *w.drows));
    fp_enter(&fp);
    if (have && w.row && w.hidden && w.dhidden && w.logits && w.scratch) st = run(t, &w, lengths, label, weight, d, dw, weights, out);
    fp_leave(&fp);
    free(w.row), free(w.hidden), free(w.dhidden), free(w.drows), free(w.logits), free(w.scratch);
    return st;
}

/* ---- a head alone ---- */

struct fitting { struct optimizer *opt; float *grad, *hidden, *logits, *scratch; };

static enum hearth_status fit_step(struct fitting *f, const struct head *h, const float *hidden, const uint32_t *label, const uint32_t *pick, uint32_t n, float rate)
{
    const struct kernels *k = h->m->kernels;
    size_t width = h->m->h.width;
    for (uint32_t i = 0; i < n; i++) memcpy(f->hidden + i * width, hidden + pick[i] * width, width * sizeof *hidden);
    logits_of(h, f->hidden, n, f->logits, f->scratch);
    for (uint32_t i = 0; i < n; i++) {
        float *x = f->logits + (size_t)i * h->classes;
        if (!k->finite(x, h->classes)) return not_finite(h->m);
        entropy_row(k, x, h->classes, label[pick[i]], 1 / (float)n);
    }
    optimizer_zero(f->opt);
    k->accumulate(f->logits, 1, h->classes, (int)h->classes, f->hidden, width, (int)n, (int)width, f->grad, width, f->scratch);
    return optimizer_step(f->opt, rate, NULL);
}

/* The rate is for hidden states of a root mean square of 1: a step of AdamW moves a logit by rate times their size. */
static float fit_rate(const struct hearth_model *m, const float *hidden, uint32_t n)
{
    double sum = 0, root;
    for (uint32_t i = 0; i < n; i++) sum += (double)m->kernels->dot(hidden + (size_t)i * m->h.width, hidden + (size_t)i * m->h.width, m->h.width);
    root = sqrt(sum / ((double)n * m->h.width));
    return (float)(FIT_RATE / (root > 1e-6 ? root : 1e-6));
}

static enum hearth_status fit(struct fitting *f, const struct head *h, const float *hidden, const uint32_t *label, const uint32_t *order, uint32_t n)
{
    uint32_t steps = (n + HEAD_FIT_BATCH - 1) / HEAD_FIT_BATCH;
    struct schedule s = { SCHEDULE_COSINE, fit_rate(h->m, hidden, n), 0, (uint64_t)steps * HEAD_FIT_EPOCHS };
    for (uint32_t e = 0; e < HEAD_FIT_EPOCHS; e++, order += n)
        for (uint32_t i = 0; i < steps; i++) {
            uint32_t from = i * HEAD_FIT_BATCH, some = n - from < HEAD_FIT_BATCH ? n - from : HEAD_FIT_BATCH;
            TRY(fit_step(f, h, hidden, label, order + from, some, schedule_rate(&s, (uint64_t)e * steps + i)));
        }
    return HEARTH_OK;
}

enum hearth_status head_fit(const struct head *h, float *w, const float *hidden, const uint32_t *label, const uint32_t *order, uint32_t n)
{
    size_t width = h->m->h.width, numbers = h->classes * width;
    struct fitting f = { .grad = mem_array(numbers, sizeof *f.grad), .hidden = mem_array(HEAD_FIT_BATCH * width, sizeof *f.hidden),
                         .logits = mem_array((size_t)HEAD_FIT_BATCH * h->classes, sizeof *f.logits),
                         .scratch = mem_array(MULTIPLY_SCRATCH, sizeof *f.scratch) };
    struct parameter p = { .name = "the head", .value = w, .grad = f.grad, .n = numbers, .decays = 1 };
    enum hearth_status st = f.grad && f.hidden && f.logits && f.scratch ? HEARTH_OK : HEARTH_ENOMEM;
    struct fp_state fp;
    if (st == HEARTH_OK) st = optimizer_open(&p, 1, &optimizer_defaults, h->m->pool, &f.opt);
    fp_enter(&fp);
    if (st == HEARTH_OK) st = fit(&f, h, hidden, label, order, n);
    fp_leave(&fp);
    optimizer_close(f.opt);
    free(f.grad), free(f.hidden), free(f.logits), free(f.scratch);
    return st;
}
