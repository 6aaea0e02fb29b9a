/* session.c - sessions of the public interface: evaluating, rewinding, perplexity. */
#include "infer/session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fpmode.h"

enum hearth_status hearth_session_open(struct hearth_model *m, const struct hearth_session_params *p,
                                       struct hearth_session **out)
{
    static const struct hearth_session_params defaults;
    struct hearth_session *s = mem_array(1, sizeof *s);
    enum hearth_status st;
    if (!s) return HEARTH_ENOMEM;
    if (!p) p = &defaults;
    s->m = m;
    TRY_GOTO(st, failed, model_generates(m));
    TRY_GOTO(st, failed, forward_plan(m, p->ctx, p->kv, p->chunk, &s->sizes));
    TRY_GOTO(st, failed, forward_open(m, &s->sizes, &s->forward));
    TRY_GOTO(st, failed, kv_pool_open(&m->h, s->sizes.kv, kv_blocks(s->sizes.ctx), &s->kv));
    TRY_GOTO(st, failed, kv_seq_init(&s->seq, s->kv, s->sizes.ctx));
    TRY_GOTO(st, failed, sampler_init(&s->sampler, (int32_t)m->h.vocabulary));
    s->ids = mem_array(s->sizes.ctx, sizeof *s->ids);
    s->logits = mem_array(m->h.vocabulary, sizeof *s->logits);
    st = s->ids && s->logits ? HEARTH_OK : HEARTH_ENOMEM;
    if (st == HEARTH_OK) {
        *out = s;
        return st;
    }
failed:
    hearth_session_close(s);
    return st;
}

void hearth_session_close(struct hearth_session *s)
{
    if (!s) return;
    forward_close(s->forward);
    kv_seq_free(&s->seq);
    kv_pool_close(s->kv);
    sampler_free(&s->sampler);
    free(s->ids);
    free(s->logits);
    free(s);
}

/* all: [n][vocabulary] or NULL for the last token's logits only, into the session. */
static enum hearth_status eval(struct hearth_session *s, const int32_t *ids, size_t n, float *all, const volatile int *cancel)
{
    size_t vocabulary = s->m->h.vocabulary;
    if (n > s->sizes.ctx - s->length)
        return fail(HEARTH_ECONTEXT, "%zu tokens do not fit: the context holds %u and %zu are there", n, s->sizes.ctx, s->length);
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= vocabulary)
            return fail(HEARTH_EUSAGE, "token %zu is id %d, should be 0 to %zu", i, ids[i], vocabulary - 1);
    for (size_t done = 0; done < n;) {
        uint32_t piece = n - done < s->sizes.chunk ? (uint32_t)(n - done) : s->sizes.chunk;
        int last = done + piece == n;
        if (cancel && __atomic_load_n(cancel, __ATOMIC_RELAXED)) return fail(HEARTH_ECANCELLED, "stopped after %zu of %zu tokens", done, n);
        float *to = all ? all + done * vocabulary : last ? s->logits : NULL;
        s->has_logits = 0;
        struct span span = { &s->seq, (uint32_t)s->length, piece, ids + done, all ? SPAN_ALL : last ? SPAN_LAST : SPAN_NOTHING, NULL,
                             s->adapter };
        TRY(kv_seq_reach(&s->seq, (uint32_t)s->length + piece));
        TRY(forward_step(s->forward, &span, 1, to));
        memcpy(s->ids + s->length, ids + done, piece * sizeof *ids);
        s->length += piece, done += piece;
        if (last && all) memcpy(s->logits, all + (n - 1) * vocabulary, vocabulary * sizeof *all);
        s->has_logits = last;
    }
    return HEARTH_OK;
}

static enum hearth_status eval_entry(struct hearth_session *s, const int32_t *ids, size_t n, float *all,
                                     const volatile int *cancel)
{
    struct fp_state fp;
    fp_enter(&fp);
    enum hearth_status st = eval(s, ids, n, all, cancel);
    fp_leave(&fp);
    return st;
}

enum hearth_status hearth_session_eval(struct hearth_session *s, const int32_t *ids, size_t n, const volatile int *cancel)
{
    return eval_entry(s, ids, n, NULL, cancel);
}

enum hearth_status hearth_session_eval_all(struct hearth_session *s, const int32_t *ids, size_t n, float *all)
{
    return eval_entry(s, ids, n, all, NULL);
}

const float *hearth_session_logits(const struct hearth_session *s) { return s->has_logits ? s->logits : NULL; }
size_t hearth_session_length(const struct hearth_session *s) { return s->length; }
size_t hearth_session_context(const struct hearth_session *s) { return s->sizes.ctx; }

enum hearth_status hearth_session_rewind(struct hearth_session *s, size_t n)
{
    if (n > s->length) return fail(HEARTH_EUSAGE, "cannot rewind to %zu tokens: there are %zu", n, s->length);
    if (n < s->length) s->has_logits = 0;
    s->length = n;
    return HEARTH_OK;
}

static enum hearth_status hidden(struct hearth_session *s, const int32_t *ids, size_t n, int mean, float *out)
{
    size_t width = s->m->h.width;
    if (n < 1 || n > s->sizes.ctx - s->length)
        return fail(HEARTH_ECONTEXT, "%zu tokens, should be 1 to %zu: the context holds %u", n, (size_t)s->sizes.ctx - s->length, s->sizes.ctx);
    memset(out, 0, width * sizeof *out);
    for (size_t done = 0; done < n;) {
        uint32_t piece = n - done < s->sizes.chunk ? (uint32_t)(n - done) : s->sizes.chunk;
        int last = done + piece == n;
        struct span span = { &s->seq, (uint32_t)s->length, piece, ids + done, last || mean ? SPAN_HIDDEN : SPAN_NOTHING, NULL, s->adapter };
        s->has_logits = 0;
        TRY(kv_seq_reach(&s->seq, (uint32_t)s->length + piece));
        TRY(forward_step(s->forward, &span, 1, NULL));
        memcpy(s->ids + s->length, ids + done, piece * sizeof *ids);
        s->length += piece, done += piece;
        for (uint32_t t = 0; mean && t < piece; t++) s->m->kernels->add(out, span.out + t * width, width);
        if (last && !mean) memcpy(out, span.out + (size_t)(piece - 1) * width, width * sizeof *out);
    }
    if (mean) s->m->kernels->scale(out, 1.0f / (float)n, width);
    return HEARTH_OK;
}

enum hearth_status session_hidden(struct hearth_session *s, const int32_t *ids, size_t n, int mean, float *out)
{
    struct fp_state fp;
    fp_enter(&fp);
    enum hearth_status st = hidden(s, ids, n, mean, out);
    fp_leave(&fp);
    return st;
}

/* ---- adapters ---- */

enum hearth_status hearth_adapter_open(const struct hearth_model *m, const char *path, struct hearth_adapter **out)
{
    struct fp_state fp;
    fp_enter(&fp);
    enum hearth_status st = adapter_open(m, path, out);
    fp_leave(&fp);
    return st;
}

enum hearth_status hearth_adapter_scale(const struct hearth_adapter *of, float scale, struct hearth_adapter **out)
{
    struct fp_state fp;
    *out = NULL;
    fp_enter(&fp);
    enum hearth_status st = adapter_scale(of, scale, out);
    fp_leave(&fp);
    return st;
}

void hearth_adapter_close(struct hearth_adapter *a) { adapter_close(a); }

void hearth_adapter_describe(const struct hearth_adapter *a, struct hearth_adapter_info *out)
{
    *out = (struct hearth_adapter_info){ .path = a->path ? a->path : "", .rank = a->rank, .alpha = a->alpha, .stabilised = a->stabilised,
                                         .parameters = a->elements + (a->head ? (uint64_t)a->classes * a->m->h.width : 0), .classes = a->head ? a->classes : 0,
                                         .labels = (const char *const *)a->label };
    for (size_t i = 0; i < (size_t)a->m->h.layers * ADAPTER_SLOTS; i++) out->matrices += a->part[i].rank > 0;
}

enum hearth_status hearth_session_adapt(struct hearth_session *s, const struct hearth_adapter *a)
{
    if (s->length) return fail(HEARTH_EUSAGE, "the session holds %zu tokens that were computed without this adapter; rewind it to 0", s->length);
    if (a && a->m != s->m) return fail(HEARTH_EUSAGE, "%s: an adapter that was opened for another model", a->path ? a->path : "adapter");
    s->adapter = a, s->has_logits = 0;
    return HEARTH_OK;
}

/* ---- perplexity ---- */

/* Minus the log-likelihood of tokens [half, ctx) of one window, summed into sum and sum of squares. */
static void score_window(const struct hearth_session *s, const int32_t *ids, const float *logits, uint32_t ctx, double *sum,
                         double *squares)
{
    size_t vocabulary = s->m->h.vocabulary;
    for (uint32_t i = ctx / 2; i + 1 < ctx; i++) {
        const float *row = logits + i * vocabulary;
        double nll = (double)(logits_logsumexp(row, (int32_t)vocabulary) - row[ids[i + 1]]);
        *sum += nll, *squares += nll * nll;
    }
}

static enum hearth_status perplexity(struct hearth_session *s, int32_t *ids, size_t n, uint32_t ctx, float *logits,
                                     int (*progress)(void *, size_t, size_t, double), void *user,
                                     struct hearth_perplexity_result *out)
{
    double sum = 0, squares = 0;
    size_t windows = n / ctx, count = 0;
    int bos = tokenizer_adds_bos(s->m->tokenizer);
    for (size_t w = 0; w < windows; w++) {
        int32_t *window = ids + w * ctx, first = window[0];
        if (bos) window[0] = tokenizer_bos(s->m->tokenizer);
        TRY(hearth_session_rewind(s, 0));
        TRY(eval(s, window, ctx, logits, NULL));
        window[0] = first;
        score_window(s, window, logits, ctx, &sum, &squares);
        count += ctx - 1 - ctx / 2;
        *out = (struct hearth_perplexity_result){ 0, sum / (double)count, 0, count, w + 1 };
        out->perplexity = exp(out->nll_mean);
        double variance = squares / (double)count - out->nll_mean * out->nll_mean;
        if (count > 1 && variance > 0) out->nll_error = sqrt(variance / (double)(count - 1));
        if (progress && progress(user, w + 1, windows, out->perplexity))
            return fail(HEARTH_ECANCELLED, "stopped after window %zu of %zu", w + 1, windows);
    }
    return HEARTH_OK;
}

enum hearth_status hearth_perplexity(struct hearth_model *m, const char *text, size_t len, uint32_t ctx,
                                     int (*progress)(void *user, size_t window, size_t windows, double ppl),
                                     void *user, struct hearth_perplexity_result *out)
{
    struct hearth_session_params params = { .ctx = ctx };
    struct hearth_session *s = NULL;
    struct ids ids = { 0 };
    float *logits = NULL;
    struct fp_state fp;
    enum hearth_status st;
    if (ctx < 8) return fail(HEARTH_EUSAGE, "windows of %u tokens, should be at least 8", ctx);
    fp_enter(&fp);
    TRY_GOTO(st, done, tokenizer_encode(m->tokenizer, text, len, HEARTH_TOK_SPECIAL, &ids));
    if (ids.n < 2 * (size_t)ctx) {
        st = fail(HEARTH_EUSAGE, "the text has %zu tokens, and at least two windows of %u are needed; windows can be smaller", ids.n, ctx);
        goto done;
    }
    TRY_GOTO(st, done, hearth_session_open(m, &params, &s));
    logits = mem_array((size_t)ctx * m->h.vocabulary, sizeof *logits);
    st = logits ? perplexity(s, ids.id, ids.n, ctx, logits, progress, user, out) : HEARTH_ENOMEM;
done:
    fp_leave(&fp);
    free(logits);
    free(ids.id);
    hearth_session_close(s);
    return st;
}
