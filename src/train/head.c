/* head.c - the class of a sequence, its loss and the gradients of both. */
#include "train/head.h"

#include <stdlib.h>
#include <string.h>

#include "base/fpmode.h"
#include "kernel/math.h"

struct work {
    const struct head *h;
    uint32_t n;
    uint32_t *row;                   /* [n]: the last token of each sequence */
    float *hidden, *dhidden;         /* [n][width] x 2 */
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

/* dW [c] = fma(dlogits[i][c], h[i], dW[c]) over sequences; dh[i] = chain fma(dlogits[i][c], W[c], ·) over classes. */
static enum hearth_status gradients(struct tape *t, struct work *w, float *dw, struct grads *weights)
{
    const struct kernels *k = w->h->m->kernels;
    size_t width = w->h->m->h.width, classes = w->h->classes;
    k->accumulate(w->logits, 1, classes, (int)classes, w->hidden, width, (int)w->n, (int)width, dw, width, w->scratch);
    memset(w->dhidden, 0, w->n * width * sizeof *w->dhidden);
    k->accumulate(w->logits, classes, 1, (int)w->n, w->h->w, width, (int)classes, (int)width, w->dhidden, width, w->scratch);
    struct loss_spec spec = { .row = w->row, .rows = w->n, .dfinal = w->dhidden };
    return backward_run(t, &spec, NULL, weights, NULL);
}

static enum hearth_status run(struct tape *t, struct work *w, const uint32_t *lengths, const uint32_t *label, float weight, struct distil *d,
                              float *dw, struct grads *weights, struct head_result *out)
{
    size_t width = w->h->m->h.width;
    for (uint32_t i = 0, at = 0; i < w->n; i++) {
        at += lengths[i], w->row[i] = at - 1;
        tape_final(t, at - 1, w->hidden + i * width);
    }
    logits_of(w->h, w->hidden, w->n, w->logits, w->scratch);
    TRY(losses(w, label, weight, d, out));
    return dw ? gradients(t, w, dw, weights) : HEARTH_OK;
}

enum hearth_status head_run(struct tape *t, const struct head *h, const uint32_t *lengths, const uint32_t *label, uint32_t n, float weight,
                            struct distil *d, float *dw, struct grads *weights, struct head_result *out)
{
    size_t width = h->m->h.width;
    struct fp_state fp;
    struct work w = { .h = h, .n = n, .row = mem_array(n, sizeof *w.row), .hidden = mem_array(n * width, sizeof *w.hidden),
                      .dhidden = mem_array(n * width, sizeof *w.dhidden), .logits = mem_array((size_t)n * h->classes, sizeof *w.logits),
                      .scratch = mem_array(2 * PANEL_ROWS * PANEL_COLS, sizeof *w.scratch) };
    enum hearth_status st = HEARTH_ENOMEM;
    fp_enter(&fp);
    if (w.row && w.hidden && w.dhidden && w.logits && w.scratch) st = run(t, &w, lengths, label, weight, d, dw, weights, out);
    fp_leave(&fp);
    free(w.row), free(w.hidden), free(w.dhidden), free(w.logits), free(w.scratch);
    return st;
}
