/* embed.c - texts to vectors, one at a time; an engine does the same beside its answers (engine_step.c). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fpmode.h"
#include "model/forward.h"

struct hearth_embedder {
    const struct hearth_model *m;
    struct forward_sizes sizes;
    struct forward *forward;
    struct kv_pool *kv;
    struct kv_seq seq;
    float *sum;                      /* [width] */
};

enum hearth_status hearth_embedder_open(struct hearth_model *m, uint32_t ctx, struct hearth_embedder **out)
{
    enum hearth_status st;
    struct hearth_embedder *e = mem_array(1, sizeof *e);
    *out = NULL;
    if (!e) return HEARTH_ENOMEM;
    e->m = m;
    TRY_GOTO(st, failed, forward_plan(m, ctx, HEARTH_KV_F16, 0, &e->sizes));
    TRY_GOTO(st, failed, forward_open(m, &e->sizes, &e->forward));
    TRY_GOTO(st, failed, kv_pool_open(&m->h, e->sizes.kv, kv_blocks(e->sizes.ctx), &e->kv));
    TRY_GOTO(st, failed, kv_seq_init(&e->seq, e->kv, e->sizes.ctx));
    e->sum = mem_array(m->h.width, sizeof *e->sum);
    st = e->sum ? HEARTH_OK : HEARTH_ENOMEM;
    if (st == HEARTH_OK) {
        *out = e;
        return st;
    }
failed:
    hearth_embedder_close(e);
    return st;
}

void hearth_embedder_close(struct hearth_embedder *e)
{
    if (!e) return;
    forward_close(e->forward);
    kv_seq_free(&e->seq);
    kv_pool_close(e->kv);
    free(e->sum);
    free(e);
}

size_t hearth_embedder_context(const struct hearth_embedder *e) { return e->sizes.ctx; }

static enum hearth_status run(struct hearth_embedder *e, const int32_t *ids, uint32_t n, float *out)
{
    memset(e->sum, 0, e->m->h.width * sizeof *e->sum);
    TRY(kv_seq_reach(&e->seq, n));
    for (uint32_t at = 0, piece; at < n; at += piece) {
        piece = n - at < e->sizes.chunk ? n - at : e->sizes.chunk;
        struct span s = { &e->seq, at, piece, ids + at, SPAN_HIDDEN, NULL, NULL };
        TRY(forward_step(e->forward, &s, 1, NULL));
        model_pool(e->m, s.out, piece, at, n, e->sum);
    }
    return forward_embedding(e->forward, n, e->sum, out);
}

enum hearth_status hearth_embedder_run(struct hearth_embedder *e, const int32_t *ids, size_t n, float *out)
{
    struct fp_state fp;
    if (n == 0) return fail(HEARTH_EUSAGE, "a text of no token has no embedding");
    if (n > e->sizes.ctx) return fail(HEARTH_ECONTEXT, "a text of %zu tokens, allowed: at most %u", n, e->sizes.ctx);
    fp_enter(&fp);
    enum hearth_status st = run(e, ids, (uint32_t)n, out);
    fp_leave(&fp);
    return st;
}

/* ---- a text's tokens ---- */

const char *hearth_model_prompt(const struct hearth_model *m, size_t i, const char **text)
{
    if (i >= m->prompts) return NULL;
    if (text) *text = m->prompt[i].text;
    return m->prompt[i].name;
}

static enum hearth_status prompt_text(const struct hearth_model *m, const char *name, const char **text)
{
    struct buf known = { 0 };
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < m->prompts; i++)
        if (!strcmp(m->prompt[i].name, name)) {
            *text = m->prompt[i].text;
            return st;
        }
    if (!m->prompts) return fail(HEARTH_EUSAGE, "%s: prompt \"%.60s\": the model has no prompts", m->file->path, name);
    for (size_t i = 0; i < m->prompts && st == HEARTH_OK; i++) st = buf_printf(&known, "%s%s", i ? ", " : "", m->prompt[i].name);
    if (st == HEARTH_OK) st = fail(HEARTH_EUSAGE, "%s: prompt \"%.60s\", allowed: %.800s", m->file->path, name, known.data);
    buf_free(&known);
    return st;
}

/* Keeps the first tokens and what ends a text. */
static void cut(const struct hearth_model *m, struct ids *list, size_t most)
{
    int32_t last = list->id[list->n - 1];
    int ends = most > 1 && last == tokenizer_eos(m->tokenizer);
    list->n = most;
    if (ends) list->id[most - 1] = last;
}

enum hearth_status hearth_embed_tokenize(const struct hearth_model *m, const struct hearth_embed_text *t, int32_t **ids, size_t *n,
                                         size_t *left_out)
{
    const char *before = t->prefix ? t->prefix : m->prompt_default;
    struct buf text = { 0 };
    struct ids list = { 0 };
    enum hearth_status st = HEARTH_OK;
    if (!t->prefix && t->prompt) TRY(prompt_text(m, t->prompt, &before));
    if (before) st = buf_put(&text, before, strlen(before));
    if (st == HEARTH_OK) st = buf_put(&text, t->text, t->len);
    if (st == HEARTH_OK) st = tokenizer_encode(m->tokenizer, text.len ? text.data : "", text.len, HEARTH_TOK_SPECIAL, &list);
    buf_free(&text);
    if (st == HEARTH_OK && !list.id && !(list.id = mem_array(1, sizeof *list.id))) st = HEARTH_ENOMEM;
    if (st != HEARTH_OK) {
        free(list.id);
        return st;
    }
    if (left_out) *left_out = t->most && list.n > t->most ? list.n - t->most : 0;
    if (t->most && list.n > t->most) cut(m, &list, t->most);
    *ids = list.id, *n = list.n;
    return HEARTH_OK;
}

double hearth_cosine(const float *a, const float *b, size_t n)
{
    double dot = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) dot += (double)a[i] * (double)b[i], aa += (double)a[i] * (double)a[i], bb += (double)b[i] * (double)b[i];
    return aa > 0 && bb > 0 ? dot / sqrt(aa * bb) : 0;
}
