/* likelihood.c - see likelihood.h. */
#include "work/likelihood.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fpmode.h"
#include "infer/sampler.h"
#include "model/forward.h"

enum { SIDE_BY_SIDE = 32, LOGITS_BYTES = 64 << 20, FEWEST_ROWS = 16 };

struct branch { struct kv_seq seq; struct continuation *c; size_t done; };   /* done: of the n - 1 tokens that are computed */

struct likelihood {
    struct hearth_model *m;
    const struct hearth_adapter *adapter;
    struct forward_sizes sizes;
    struct forward *forward;
    struct kv_pool *pool;
    struct kv_seq main;
    int32_t *ids;                    /* [ctx] of main */
    size_t length;
    float *first;                    /* [vocabulary] behind the context */
    float *rows;                     /* [most][vocabulary] */
    uint32_t most;
    struct branch branch[SIDE_BY_SIDE];
    uint32_t branches;
    uint64_t computed, shared;
};

uint32_t likelihood_context(const struct likelihood *l) { return l->sizes.ctx; }

void likelihood_counts(const struct likelihood *l, uint64_t *computed, uint64_t *shared)
{
    *computed = l->computed, *shared = l->shared;
}

enum hearth_status likelihood_open(struct hearth_model *m, const struct hearth_adapter *adapter, uint32_t ctx, struct likelihood **out)
{
    struct likelihood *l = mem_array(1, sizeof *l);
    enum hearth_status st;
    *out = NULL;
    if (!l) return HEARTH_ENOMEM;
    l->m = m, l->adapter = adapter;
    TRY_GOTO(st, failed, forward_plan(m, ctx, HEARTH_KV_F16, 0, &l->sizes));
    TRY_GOTO(st, failed, forward_open(m, &l->sizes, &l->forward));
    size_t vocabulary = m->h.vocabulary, fit = LOGITS_BYTES / (vocabulary * sizeof *l->rows);
    l->most = fit < FEWEST_ROWS ? FEWEST_ROWS : fit > l->sizes.chunk ? l->sizes.chunk : (uint32_t)fit;
    if (l->most > l->sizes.chunk) l->most = l->sizes.chunk;
    uint32_t blocks = 2 * kv_blocks(l->sizes.ctx) + 2 * SIDE_BY_SIDE + kv_blocks(l->most) + 1;
    TRY_GOTO(st, failed, kv_pool_open(&m->h, l->sizes.kv, blocks, &l->pool));
    TRY_GOTO(st, failed, kv_seq_init(&l->main, l->pool, l->sizes.ctx));
    l->ids = mem_array(l->sizes.ctx, sizeof *l->ids);
    l->first = mem_array(vocabulary, sizeof *l->first);
    l->rows = mem_array(l->most * vocabulary, sizeof *l->rows);
    if (l->ids && l->first && l->rows) {
        *out = l;
        return HEARTH_OK;
    }
    st = HEARTH_ENOMEM;
failed:
    likelihood_close(l);
    return st;
}

static void drop_branches(struct likelihood *l)
{
    while (l->branches > 0) kv_seq_free(&l->branch[--l->branches].seq);
}

void likelihood_close(struct likelihood *l)
{
    if (!l) return;
    if (l->pool) drop_branches(l), kv_seq_free(&l->main);
    kv_pool_close(l->pool);
    forward_close(l->forward);
    free(l->ids);
    free(l->first);
    free(l->rows);
    free(l);
}

/* ---- the context ---- */

static enum hearth_status stopped(const volatile int *cancel)
{
    return cancel && __atomic_load_n(cancel, __ATOMIC_RELAXED) ? fail(HEARTH_ECANCELLED, "stopped") : HEARTH_OK;
}

static enum hearth_status check_ids(const struct likelihood *l, const int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || (uint32_t)ids[i] >= l->m->h.vocabulary)
            return fail(HEARTH_EUSAGE, "token %zu is id %d, should be 0 to %u", i, ids[i], l->m->h.vocabulary - 1);
    return HEARTH_OK;
}

/* Sets main back to what it shares with the context (but its last token, whose logits are wanted) and goes on from there. */
static enum hearth_status read_context(struct likelihood *l, const int32_t *context, size_t n, const volatile int *cancel)
{
    size_t keep = 0;
    while (keep < l->length && keep + 1 < n && l->ids[keep] == context[keep]) keep++;
    while (l->main.count > kv_blocks(keep)) kv_drop(l->pool, l->main.block[--l->main.count]);
    l->length = keep;
    l->shared += keep;
    while (l->length < n) {
        uint32_t piece = n - l->length < l->sizes.chunk ? (uint32_t)(n - l->length) : l->sizes.chunk;
        int last = l->length + piece == n;
        struct span s = { &l->main, (uint32_t)l->length, piece, context + l->length, last ? SPAN_LAST : SPAN_NOTHING, NULL, l->adapter };
        TRY(stopped(cancel));
        TRY(kv_seq_reach(&l->main, (uint32_t)l->length + piece));
        TRY(forward_step(l->forward, &s, 1, l->first));
        memcpy(l->ids + l->length, context + l->length, piece * sizeof *context);
        l->length += piece;
        l->computed += piece;
    }
    return HEARTH_OK;
}

/* ---- the continuations ---- */

static void take_in(const struct likelihood *l, const float *logits, struct continuation *c, int32_t id)
{
    float p;
    int32_t n = (int32_t)l->m->h.vocabulary, best = 0;
    logits_logprobs(logits, n, id, 0, &p, NULL);
    for (int32_t i = 1; i < n; i++)
        if (logits[i] > logits[best]) best = i;
    c->logprob += (double)p;
    c->greedy &= best == id;
}

/* A sequence that begins as main does; the block that main has only begun is copied. */
static enum hearth_status branch_off(struct likelihood *l, struct continuation *c)
{
    struct branch *b = &l->branch[l->branches];
    uint32_t whole = (uint32_t)l->length / KV_PAGE;
    *b = (struct branch){ .c = c };
    TRY(kv_seq_init(&b->seq, l->pool, l->sizes.ctx));
    l->branches++;
    for (uint32_t i = 0; i < whole; i++) kv_seq_share(&b->seq, l->main.block[i]);
    if (l->length % KV_PAGE == 0) return HEARTH_OK;
    TRY(kv_seq_reach(&b->seq, (uint32_t)l->length));
    memcpy(l->pool->data + (size_t)b->seq.block[whole] * l->pool->block_bytes,
           l->pool->data + (size_t)l->main.block[whole] * l->pool->block_bytes, l->pool->block_bytes);
    return HEARTH_OK;
}

/* One step over all branches: what each still has to compute, as far as there are rows. */
static enum hearth_status step(struct likelihood *l)
{
    struct span s[SIDE_BY_SIDE];
    uint32_t rows = 0, n = 0;
    for (; n < l->branches && rows < l->most; n++) {
        struct branch *b = &l->branch[n];
        size_t left = b->c->n - 1 - b->done;
        uint32_t take = left < l->most - rows ? (uint32_t)left : l->most - rows, at = (uint32_t)(l->length + b->done);
        TRY(kv_seq_reach(&b->seq, at + take));
        s[n] = (struct span){ &b->seq, at, take, b->c->ids + b->done, SPAN_ALL, NULL, l->adapter };
        rows += take;
    }
    TRY(forward_step(l->forward, s, n, l->rows));
    l->computed += rows;
    for (uint32_t i = 0; i < n; i++) {
        struct branch *b = &l->branch[i];
        for (uint32_t k = 0; k < s[i].n; k++)
            take_in(l, s[i].out + (size_t)k * l->m->h.vocabulary, b->c, b->c->ids[b->done + k + 1]);
        b->done += s[i].n;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < l->branches; i++) {
        if (l->branch[i].done + 1 == l->branch[i].c->n) kv_seq_free(&l->branch[i].seq);
        else l->branch[kept++] = l->branch[i];
    }
    l->branches = kept;
    return HEARTH_OK;
}

/* Those that fit behind this context, side by side; begun is a branch only when it can be computed to its end or is alone. */
static enum hearth_status score_behind(struct likelihood *l, struct continuation *const *c, size_t count, const volatile int *cancel)
{
    size_t rows = 0;
    for (size_t i = 0; i < count; i++) {
        c[i]->logprob = 0, c[i]->greedy = 1;
        take_in(l, l->first, c[i], c[i]->ids[0]);
        if (c[i]->n == 1) continue;
        if (l->branches == SIDE_BY_SIDE || (l->branches && rows + c[i]->n - 1 > l->most)) {
            for (rows = 0; l->branches > 0;) {
                TRY(stopped(cancel));
                TRY(step(l));
            }
        }
        TRY(branch_off(l, c[i]));
        rows += c[i]->n - 1;
    }
    while (l->branches > 0) {
        TRY(stopped(cancel));
        TRY(step(l));
    }
    return HEARTH_OK;
}

static enum hearth_status score(struct likelihood *l, const int32_t *context, size_t n, struct continuation *c, size_t count,
                                struct continuation **fit, const volatile int *cancel)
{
    size_t fits = 0;
    TRY(check_ids(l, context, n));
    for (size_t i = 0; i < count; i++) {
        TRY(check_ids(l, c[i].ids, c[i].n));
        if (c[i].n > l->sizes.ctx)
            return fail(HEARTH_ECONTEXT, "an answer of %zu tokens does not fit the context of %u", c[i].n, l->sizes.ctx);
        c[i].cut = n + c[i].n - 1 > l->sizes.ctx;
        if (!c[i].cut) fit[fits++] = &c[i];
    }
    if (fits) {
        TRY(read_context(l, context, n, cancel));
        TRY(score_behind(l, fit, fits, cancel));
    }
    for (size_t i = 0; i < count; i++) {
        if (!c[i].cut) continue;
        size_t keep = l->sizes.ctx + 1 - c[i].n;
        struct continuation *one = &c[i];
        TRY(read_context(l, context + n - keep, keep, cancel));
        TRY(score_behind(l, &one, 1, cancel));
    }
    return HEARTH_OK;
}

enum hearth_status likelihood_score(struct likelihood *l, const int32_t *context, size_t n, struct continuation *c, size_t count,
                                    const volatile int *cancel)
{
    struct fp_state fp;
    struct continuation **fit = mem_array(count ? count : 1, sizeof *fit);
    if (!fit) return HEARTH_ENOMEM;
    for (size_t i = 0; i < count; i++)
        if (n == 0 || c[i].n == 0) {
            free(fit);
            return fail(HEARTH_EUSAGE, "a context and an answer have at least one token each");
        }
    fp_enter(&fp);
    enum hearth_status st = score(l, context, n, c, count, fit, cancel);
    fp_leave(&fp);
    drop_branches(l);
    free(fit);
    return st;
}
