/* generation.c - what generation.h promises. */
#include "infer/generation.h"

#include <string.h>

static enum hearth_status check(const struct hearth_generate_params *p, int32_t vocabulary)
{
    if (p->max_tokens < -1) return fail(HEARTH_EUSAGE, "max_tokens: %d is not in -1 .. %d", p->max_tokens, INT32_MAX);
    if (p->logprobs < -1 || p->logprobs > LOGPROBS_MAX)
        return fail(HEARTH_EUSAGE, "logprobs: %d is not in -1 .. %d", p->logprobs, LOGPROBS_MAX);
    return sampling_check(&p->sampling, vocabulary);
}

static enum hearth_status open_grammar(struct generation *g, const struct hearth_grammar *grammar)
{
    if (grammar_tokenizer(grammar) != g->tokenizer) return fail(HEARTH_EUSAGE, "grammar: it was opened for another model");
    if (grammar_least(grammar) > g->limit)
        return fail(HEARTH_EUSAGE, "max_tokens: the answer may have %zu tokens, and the shortest that its grammar or schema allows takes up to %u",
                    g->limit, grammar_least(grammar));
    return grammar_state_open(grammar, &g->grammar);
}

enum hearth_status generation_init(struct generation *g, const struct tokenizer *t, const struct hearth_generate_params *p, size_t room)
{
    *g = (struct generation){ .tokenizer = t, .p = p, .r = { .finish = HEARTH_FINISH_LENGTH } };
    TRY(check(p, tokenizer_size(t)));
    g->limit = generation_limit(p->max_tokens, room);
    if (p->grammar) TRY(open_grammar(g, p->grammar));
    enum hearth_status st = stream_init(&g->stream, p->stop, p->n_stop, p->on_text, p->user);
    if (st != HEARTH_OK) generation_free(g);
    return st;
}

void generation_free(struct generation *g)
{
    stream_free(&g->stream);
    grammar_state_close(g->grammar);
    g->grammar = NULL;
}

enum hearth_status generation_pick(struct generation *g, struct sampler *s, const float *logits, const int32_t *history, size_t n,
                                   struct picked *out)
{
    const uint32_t *mask = NULL;
    if (g->grammar) TRY(grammar_state_mask(g->grammar, (uint32_t)(g->limit - g->picked), &mask));
    TRY(sampler_pick(s, logits, history, n, &g->p->sampling, n, mask, &out->id));
    g->picked++;
    out->end = tokenizer_is_end(g->tokenizer, out->id);
    out->last = 0;
    if (g->grammar && !out->end) {
        TRY(grammar_state_accept(g->grammar, out->id));
        out->last = g->picked == g->limit ? grammar_state_whole(g->grammar) : grammar_state_over(g->grammar);
    }
    out->n_top = 0, out->logprob = 0;
    if (out->end || g->p->logprobs < 0) return HEARTH_OK;
    out->n_top = g->p->logprobs < s->n ? g->p->logprobs : s->n;
    logits_logprobs(logits, s->n, out->id, out->n_top, &out->logprob, out->top);
    return HEARTH_OK;
}

/* 1: a control token's text is to be seen. */
static int is_shown(const struct hearth_generate_params *p, int32_t id)
{
    size_t i = 0;
    while (i < p->n_shown && p->shown[i] != id) i++;
    return i < p->n_shown;
}

static void finish(struct generation *g, enum hearth_finish how)
{
    g->r.finish = how;
    g->over = 1;
}

int generation_tell(struct generation *g, const struct picked *t)
{
    const struct hearth_generate_params *p = g->p;
    struct hearth_token token = { t->id, t->logprob, p->logprobs >= 0 ? t->top : NULL, t->n_top };
    const char *piece;
    size_t n;
    if (t->end) {
        finish(g, HEARTH_FINISH_STOP);
        return 0;
    }
    g->r.answer_tokens++;
    if (p->on_token && p->on_token(p->user, &token)) {
        finish(g, HEARTH_FINISH_CANCELLED);
        return 1;
    }
    tokenizer_piece(g->tokenizer, t->id, is_shown(p, t->id), &piece, &n);
    if (stream_put(&g->stream, piece, n)) finish(g, g->stream.refused ? HEARTH_FINISH_CANCELLED : HEARTH_FINISH_STOP);
    else if (t->last) finish(g, HEARTH_FINISH_STOP);
    return 1;
}

void generation_end(struct generation *g)
{
    g->over = 1;
    if (g->r.finish == HEARTH_FINISH_CANCELLED) return;
    if (g->stream.met >= 0) g->r.stop = g->p->stop[g->stream.met];
    else if (stream_end(&g->stream) && g->stream.refused) g->r.finish = HEARTH_FINISH_CANCELLED;
}
