/* cost.c - see cost.h. */
#include "work/cost.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/fpmode.h"
#include "infer/sampler.h"
#include "kernel/math.h"
#include "model/model.h"

enum { ROWS = 16 };                  /* tokens of which logits are held at once */

struct reader {                      /* one model reading the text */
    struct hearth_model *m;
    struct hearth_session *s;
    float *logits;                   /* [ROWS][vocabulary] */
    double *nll, *divergence;        /* [scored tokens] */
    unsigned char *same;             /* [scored tokens] */
};

struct run {
    struct reader *r;                /* [n], the source first */
    size_t n, windows, scored;       /* scored: tokens of all windows */
    uint32_t ctx;
    int32_t vocabulary;
    int32_t *ids;
    /* of the piece at hand */
    size_t at;                       /* its first scored token */
    const int32_t *next;             /* the token behind each row */
};

/* ---- one row ---- */

static int32_t top_of(const float *logits, int32_t n)
{
    int32_t top = 0;
    for (int32_t i = 1; i < n; i++)
        if (logits[i] > logits[top]) top = i;
    return top;
}

/* Sum of p log(p / q) over the vocabulary; rounding may leave it a little below 0. */
static double divergence(const float *p, float p_sum, const float *q, float q_sum, int32_t n)
{
    double sum = 0;
    for (int32_t i = 0; i < n; i++) {
        double a = (double)p[i] - (double)p_sum, b = (double)q[i] - (double)q_sum;
        sum += (double)hm_exp((float)a) * (a - b);
    }
    return sum > 0 ? sum : 0;
}

static void score_rows(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct run *run = arg;
    (void)thread;
    for (int64_t k = begin; k < end; k++) {
        size_t row = (size_t)k / run->n, of = (size_t)k % run->n, at = run->at + row;
        struct reader *r = &run->r[of];
        size_t first = row * (size_t)run->vocabulary;
        const float *p = run->r[0].logits + first, *q = r->logits + first;
        float q_sum = logits_logsumexp(q, run->vocabulary);
        r->nll[at] = (double)(q_sum - q[run->next[row]]);
        r->same[at] = 1;
        if (of == 0) continue;
        r->divergence[at] = divergence(p, logits_logsumexp(p, run->vocabulary), q, q_sum, run->vocabulary);
        r->same[at] = top_of(p, run->vocabulary) == top_of(q, run->vocabulary);
    }
}

/* ---- windows ---- */

static enum hearth_status read_window(struct run *run, int32_t *ids)
{
    uint32_t half = run->ctx / 2;
    for (size_t i = 0; i < run->n; i++) {
        TRY(hearth_session_rewind(run->r[i].s, 0));
        TRY(hearth_session_eval(run->r[i].s, ids, half, NULL));
    }
    for (uint32_t t = half, rows; t + 1 < run->ctx; t += rows) {
        rows = run->ctx - 1 - t < ROWS ? run->ctx - 1 - t : ROWS;
        for (size_t i = 0; i < run->n; i++) TRY(hearth_session_eval_all(run->r[i].s, ids + t, rows, run->r[i].logits));
        run->next = ids + t + 1;
        pool_run(run->r[0].m->pool, score_rows, run, (int64_t)(rows * run->n), 1);
        run->at += rows;
    }
    return HEARTH_OK;
}

static enum hearth_status read_text(struct run *run, int (*progress)(void *user, size_t done, size_t all), void *user)
{
    const struct tokenizer *t = run->r[0].m->tokenizer;
    for (size_t w = 0; w < run->windows; w++) {
        int32_t *ids = run->ids + w * run->ctx;
        if (tokenizer_adds_bos(t)) ids[0] = tokenizer_bos(t);
        TRY(read_window(run, ids));
        if (progress && progress(user, w + 1, run->windows))
            return fail(HEARTH_ECANCELLED, "stopped after window %zu of %zu", w + 1, run->windows);
    }
    return HEARTH_OK;
}

/* ---- figures ---- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts r->divergence. */
static void sum_up(const struct run *run, struct reader *r, struct cost *out)
{
    size_t n = run->scored, same = 0;
    double sum = 0, squares = 0, all = 0;
    for (size_t i = 0; i < n; i++) sum += r->nll[i], squares += r->nll[i] * r->nll[i], all += r->divergence[i], same += r->same[i];
    *out = (struct cost){.nll_mean = sum / (double)n, .divergence = all / (double)n, .same_top = (double)same / (double)n, .tokens = n,
                         .windows = run->windows};
    out->perplexity = exp(out->nll_mean);
    double variance = squares / (double)n - out->nll_mean * out->nll_mean;
    if (variance > 0) out->nll_error = sqrt(variance / (double)(n - 1));
    qsort(r->divergence, n, sizeof *r->divergence, ascending);
    out->divergence_99 = r->divergence[(n - 1) * 99 / 100];
    out->divergence_most = r->divergence[n - 1];
}

/* ---- opening ---- */

static enum hearth_status open_reader(const struct run *run, struct hearth_model *m, struct reader *r)
{
    const struct hearth_session_params p = {.ctx = run->ctx};
    r->m = m;
    if ((int32_t)m->h.vocabulary != run->vocabulary)
        return fail(HEARTH_EUSAGE, "%s has %u tokens, the source %d: only models of one vocabulary can be compared", m->file->path,
                    m->h.vocabulary, run->vocabulary);
    TRY(hearth_session_open(m, &p, &r->s));
    r->logits = mem_array(ROWS, (size_t)run->vocabulary * sizeof *r->logits);
    r->nll = mem_array(run->scored, sizeof *r->nll);
    r->divergence = mem_array(run->scored, sizeof *r->divergence);
    r->same = mem_array(run->scored, 1);
    return r->logits && r->nll && r->divergence && r->same ? HEARTH_OK : HEARTH_ENOMEM;
}

static void close_reader(struct reader *r)
{
    hearth_session_close(r->s);
    free(r->logits), free(r->nll), free(r->divergence), free(r->same);
}

static enum hearth_status tokenize(struct run *run, const struct hearth_model *m, const char *text, size_t len)
{
    size_t n;
    TRY(hearth_tokenize(m, text, len, HEARTH_TOK_SPECIAL, &run->ids, &n));
    if (n < 2 * (size_t)run->ctx)
        return fail(HEARTH_EUSAGE, "the text has %zu tokens, and at least two windows of %u are needed; windows can be smaller", n, run->ctx);
    run->windows = n / run->ctx;
    run->scored = run->windows * (run->ctx - 1 - run->ctx / 2);
    return HEARTH_OK;
}

enum hearth_status cost_measure(struct hearth_model *source, struct hearth_model *const *other, size_t n, const char *text, size_t len,
                                uint32_t ctx, int (*progress)(void *user, size_t done, size_t all), void *user, struct cost *out)
{
    struct run run = {.n = n + 1, .ctx = ctx ? ctx : 512, .vocabulary = (int32_t)source->h.vocabulary};
    struct fp_state fp;
    if (run.ctx < 8) return fail(HEARTH_EUSAGE, "windows of %u tokens, should be at least 8", run.ctx);
    run.r = mem_array(run.n, sizeof *run.r);
    if (!run.r) return HEARTH_ENOMEM;
    fp_enter(&fp);
    enum hearth_status st = tokenize(&run, source, text, len);
    for (size_t i = 0; i < run.n && !st; i++) st = open_reader(&run, i ? other[i - 1] : source, &run.r[i]);
    if (!st) st = read_text(&run, progress, user);
    for (size_t i = 0; i < run.n && !st; i++) sum_up(&run, &run.r[i], &out[i]);
    fp_leave(&fp);
    for (size_t i = 0; i < run.n; i++) close_reader(&run.r[i]);
    free(run.r);
    hearth_free(run.ids);
    return st;
}
