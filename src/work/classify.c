/* classify.c - the label of a text. */
#include "work/classify.h"

#include <stdlib.h>
#include <string.h>

#include "infer/sampler.h"
#include "infer/session.h"
#include "kernel/math.h"
#include "model/classes.h"
#include "train/head.h"
#include "work/encode.h"

enum { LONGEST = 4096 };

struct classifier {
    struct hearth_model *m;
    const struct hearth_adapter *a;
    struct hearth_adapter *own;      /* a, where it was opened here, as m was; NULL: both are the caller's */
    struct hearth_session *s;
    float *hidden;                   /* [width] */
    float *logits;                   /* [ctx][vocabulary] of a label's tokens; grown as needed */
    size_t logit_rows;
    double *score;                   /* [classes] */
    size_t cut;                      /* texts */
    int plain;
};

static enum hearth_status make(struct classifier *c, uint32_t ctx)
{
    uint32_t most = c->m->h.context < LONGEST ? c->m->h.context : LONGEST;
    TRY(hearth_session_open(c->m, &(struct hearth_session_params){ .ctx = ctx ? ctx : most }, &c->s));
    TRY(hearth_session_adapt(c->s, c->a));
    c->hidden = mem_array(c->m->h.width, sizeof *c->hidden);
    c->score = mem_array(c->a->classes, sizeof *c->score);
    return c->hidden && c->score ? HEARTH_OK : HEARTH_ENOMEM;
}

enum hearth_status classify_open(const char *model, const char *adapter, const struct hearth_model_params *params, struct classifier **out)
{
    struct classifier *c = mem_array(1, sizeof *c);
    if (!c) return HEARTH_ENOMEM;
    enum hearth_status st = hearth_model_open(model, params, &c->m);
    if (st == HEARTH_OK) st = adapter ? hearth_adapter_open(c->m, adapter, &c->own) : classes_open(c->m, &c->own);
    c->a = c->own;
    if (st == HEARTH_OK && !c->a->classes) st = fail(HEARTH_EUSAGE, "%s: it was not tuned on texts with labels, so it knows none; `hearth tune --columns text=NAME,label=NAME` says which columns they are", adapter);
    if (st == HEARTH_OK) st = make(c, 0);
    if (st == HEARTH_OK) *out = c;
    else {
        if (!c->own) hearth_model_close(c->m);
        classify_close(c);
    }
    return st;
}

enum hearth_status classify_begin(struct hearth_model *m, const struct hearth_adapter *a, uint32_t ctx, struct classifier **out)
{
    struct classifier *c = mem_array(1, sizeof *c);
    if (!c) return HEARTH_ENOMEM;
    c->m = m, c->a = a;
    enum hearth_status st = make(c, ctx);
    if (st == HEARTH_OK) *out = c;
    else classify_close(c);
    return st;
}

int classify_is_for(const struct hearth_model *m) { return classes_are_in(m->file); }

void classify_close(struct classifier *c)
{
    if (!c) return;
    hearth_session_close(c->s);
    adapter_close(c->own);
    if (c->own) hearth_model_close(c->m);
    free(c->hidden), free(c->logits), free(c->score);
    free(c);
}

const char *const *classify_labels(const struct classifier *c, uint32_t *n)
{
    *n = c->a->classes;
    return (const char *const *)c->a->label;
}

void classify_says(const struct classifier *c, struct classify_said *s)
{
    s->model = c->m, s->adapter = c->a, s->ctx = (uint32_t)hearth_session_context(c->s);
}

static enum hearth_status by_head(struct classifier *c, const char *text, float *share, uint32_t *best)
{
    struct head h = head_of(c->a);
    int32_t *ids;
    size_t n;
    int cut;
    TRY(encode_for_head(c->m, text, (uint32_t)hearth_session_context(c->s), &ids, &n, &cut));
    c->cut += (size_t)cut;
    enum hearth_status st = hearth_session_rewind(c->s, 0);
    if (st == HEARTH_OK) st = session_hidden(c->s, ids, n, c->a->mean, c->hidden);
    if (st == HEARTH_OK) st = head_classify(&h, c->hidden, share, best);
    free(ids);
    return st;
}

/* The tokens that are learnt of one sequence, behind those that are not. */
static enum hearth_status score_label(struct classifier *c, const struct sequence *q, double *score)
{
    size_t vocabulary = c->m->h.vocabulary, first = 0, held = hearth_session_length(c->s);
    const int32_t *there = hearth_session_tokens(c->s);
    while (first < q->n && !q->learn[first]) first++;
    if (first == 0 || first == q->n) return fail(HEARTH_ECONTEXT, "the text leaves no room for its label");
    size_t same = 0, most = first - 1 < held ? first - 1 : held, rows = q->n - first;
    while (same < most && there[same] == q->ids[same]) same++;       /* the prompt is the same for every label */
    TRY(hearth_session_rewind(c->s, same));
    TRY(hearth_session_eval(c->s, q->ids + same, first - 1 - same, NULL));
    TRY(mem_grow(&c->logits, &c->logit_rows, rows * vocabulary, sizeof *c->logits));
    TRY(hearth_session_eval_all(c->s, q->ids + first - 1, rows, c->logits));
    *score = 0;
    for (size_t i = 0; i < rows; i++) {
        const float *row = c->logits + i * vocabulary;
        *score += (double)row[q->ids[first + i]] - (double)logits_logsumexp(row, (int32_t)vocabulary);
    }
    return HEARTH_OK;
}

static enum hearth_status by_words(struct classifier *c, const char *text, float *share, uint32_t *best)
{
    struct encode_options o = { .longest = (uint32_t)hearth_session_context(c->s), .if_longer = ENCODE_CUT, .plain = c->plain };
    double most = -1e300, sum = 0;
    for (uint32_t i = 0; i < c->a->classes; i++) {
        struct example e = { .kind = EXAMPLE_LABEL, .text = text, .answer = c->a->label[i] };
        struct encoded q = { 0 };
        enum hearth_status st = encode_example(c->m, &e, &o, &q);
        if (st == HEARTH_OK && q.longer) st = fail(HEARTH_ECONTEXT, "the text leaves no room for its label");
        if (st == HEARTH_OK) st = score_label(c, &q.list[0], &c->score[i]);
        encoded_free(&q);
        TRY(st);
        if (c->score[i] > most) most = c->score[i], *best = i;
    }
    for (uint32_t i = 0; i < c->a->classes; i++) sum += (double)(share[i] = hm_exp((float)(c->score[i] - most)));
    for (uint32_t i = 0; i < c->a->classes; i++) share[i] = (float)((double)share[i] / sum);
    return HEARTH_OK;
}

size_t classify_cut(const struct classifier *c) { return c->cut; }

void classify_plain(struct classifier *c) { c->plain = 1; }

/* A label stands behind its text, so a text that is too long loses of its end what the label needs: a quarter, as often as it must. */
static enum hearth_status cut_by_words(struct classifier *c, const char *text, float *share, uint32_t *best)
{
    size_t n = strlen(text);
    char *some = strdup(text);
    enum hearth_status st = some ? HEARTH_ECONTEXT : fail_memory(n);
    for (c->cut++; st == HEARTH_ECONTEXT && n > 0;) {
        for (n -= (n + 3) / 4; n && ((unsigned char)some[n] & 0xC0) == 0x80;) n--;
        some[n] = 0;
        st = by_words(c, some, share, best);
    }
    free(some);
    return st;
}

enum hearth_status classify_text(struct classifier *c, const char *text, float *share, uint32_t *best)
{
    if (c->a->head) return by_head(c, text, share, best);
    enum hearth_status st = by_words(c, text, share, best);
    return st == HEARTH_ECONTEXT ? cut_by_words(c, text, share, best) : st;
}
