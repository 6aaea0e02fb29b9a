/* generate.c - hearth_generate: the prompt, then token after token.
 *
 *      logits of the last token -> sampler -> token -> on_token -> its bytes -> stream -> on_text
 *            ^                                  |
 *            +---- hearth_session_eval <--------+
 *
 * A token is shown before it is evaluated, so that nobody waits for the token after the one they read.  When the answer
 * is over for any reason but cancelling, the session holds prompt and answer, every token that on_token was told of;
 * the model's end-of-generation token is neither told nor kept.  All memory is taken before the first token. */
#include <string.h>

#include "base/clock.h"
#include "base/fpmode.h"
#include "infer/sampler.h"
#include "infer/session.h"
#include "infer/stream.h"
#include "text/tokenizer.h"

enum { PROMPT_STEP = 256 };          /* tokens of the prompt between two calls of on_prompt; never changes a bit */

struct run {
    struct hearth_session *session;
    const struct tokenizer *tokenizer;
    const struct hearth_generate_params *p;
    struct hearth_result r;
    struct sampler *sampler;
    struct stream stream;
    struct hearth_logprob top[LOGPROBS_MAX];
};

static int cancelled(const struct hearth_generate_params *p) { return p->cancel && __atomic_load_n(p->cancel, __ATOMIC_RELAXED); }

static enum hearth_status check(const struct hearth_session *s, const int32_t *prompt, size_t n,
                                const struct hearth_generate_params *p) {
    if (!s || !p) return fail(HEARTH_EUSAGE, "hearth_generate: no %s", s ? "parameters" : "session");
    if (n > 0 && !prompt) return fail(HEARTH_EUSAGE, "prompt: %zu tokens, but none are given", n);
    size_t held = hearth_session_length(s), ctx = hearth_session_context(s);
    if (n == 0 && !hearth_session_logits(s))
        return fail(HEARTH_EUSAGE, "prompt: empty, and the session has evaluated no token to go on from");
    if (n > ctx - held)
        return held == 0 ? fail(HEARTH_ECONTEXT, "prompt: %zu tokens are more than the %zu of the context", n, ctx)
                         : fail(HEARTH_ECONTEXT, "prompt: %zu tokens after the %zu already there are more than the %zu "
                                                 "of the context", n, held, ctx);
    if (p->max_tokens < -1) return fail(HEARTH_EUSAGE, "max_tokens: %d is not in -1 .. %d", p->max_tokens, INT32_MAX);
    if (p->logprobs < -1 || p->logprobs > LOGPROBS_MAX)
        return fail(HEARTH_EUSAGE, "logprobs: %d is not in -1 .. %d", p->logprobs, LOGPROBS_MAX);
    return HEARTH_OK;
}

/* In one piece, unless somebody wants to watch. */
static enum hearth_status eval_prompt(struct run *g, const int32_t *prompt, size_t n) {
    const struct hearth_generate_params *p = g->p;
    for (size_t done = 0; done < n;) {
        size_t step = p->on_prompt && n - done > PROMPT_STEP ? PROMPT_STEP : n - done;
        TRY(hearth_session_eval(g->session, prompt + done, step, p->cancel));
        done += step;
        if (p->on_prompt && p->on_prompt(p->user, done, n)) return fail(HEARTH_ECANCELLED, "cancelled");
    }
    return HEARTH_OK;
}

/* 1: a control token's text is to be seen. */
static int is_shown(const struct hearth_generate_params *p, int32_t id) {
    size_t i = 0;
    while (i < p->n_shown && p->shown[i] != id) i++;
    return i < p->n_shown;
}

/* Tells of one token and shows what it makes certain; 1 when the answer is over or cancelled. */
static int tell(struct run *g, int32_t id, const float *logits) {
    const struct hearth_generate_params *p = g->p;
    struct hearth_token token = { .id = id };
    if (p->logprobs >= 0) {
        token.n_top = p->logprobs < g->sampler->n ? p->logprobs : g->sampler->n;
        token.top = g->top;
        logits_logprobs(logits, g->sampler->n, id, token.n_top, &token.logprob, g->top);
    }
    g->r.answer_tokens++;
    if (p->on_token && p->on_token(p->user, &token)) g->r.finish = HEARTH_FINISH_CANCELLED;
    if (g->r.finish == HEARTH_FINISH_CANCELLED) return 1;
    const char *piece;
    size_t n;
    tokenizer_piece(g->tokenizer, id, is_shown(p, id), &piece, &n);
    if (!stream_put(&g->stream, piece, n)) return 0;
    if (g->stream.refused) g->r.finish = HEARTH_FINISH_CANCELLED;
    else g->r.finish = HEARTH_FINISH_STOP;
    return 1;
}

static enum hearth_status answer(struct run *g) {
    const struct hearth_generate_params *p = g->p;
    struct hearth_session *s = g->session;
    int over = 0;
    g->r.finish = HEARTH_FINISH_LENGTH;
    while (!over && hearth_session_length(s) < hearth_session_context(s) &&
           (p->max_tokens < 0 || g->r.answer_tokens < (size_t)p->max_tokens)) {
        const float *logits = hearth_session_logits(s);
        int32_t id;
        TRY(sampler_pick(g->sampler, logits, s->ids, s->length, &p->sampling, s->length, NULL, &id));
        if (tokenizer_is_end(g->tokenizer, id)) {
            g->r.finish = HEARTH_FINISH_STOP;
            break;
        }
        over = tell(g, id, logits);
        if (cancelled(p)) g->r.finish = HEARTH_FINISH_CANCELLED;
        if (g->r.finish == HEARTH_FINISH_CANCELLED) return HEARTH_OK;
        TRY(hearth_session_eval(s, &id, 1, p->cancel));
    }
    if (g->stream.met >= 0) g->r.stop = p->stop[g->stream.met];
    else if (stream_end(&g->stream) && g->stream.refused) g->r.finish = HEARTH_FINISH_CANCELLED;
    return HEARTH_OK;
}

/* Cancelling is a way to end, not a failure. */
static enum hearth_status unless_cancelled(struct run *g, enum hearth_status st) {
    if (st != HEARTH_ECANCELLED) return st;
    g->r.finish = HEARTH_FINISH_CANCELLED;
    return HEARTH_OK;
}

static enum hearth_status run(struct run *g, const int32_t *prompt, size_t n) {
    double begun = clock_seconds(), between;
    size_t held = hearth_session_length(g->session);
    enum hearth_status st = eval_prompt(g, prompt, n);
    between = clock_seconds();
    g->r.prompt_tokens = hearth_session_length(g->session) - held;
    g->r.prompt_seconds = between - begun;
    if (st == HEARTH_OK) {
        st = answer(g);
        g->r.answer_seconds = clock_seconds() - between;
    }
    return unless_cancelled(g, st);
}

enum hearth_status hearth_generate(struct hearth_session *s, const int32_t *prompt, size_t n,
                                   const struct hearth_generate_params *p, struct hearth_result *out) {
    if (out) memset(out, 0, sizeof *out);
    TRY(check(s, prompt, n, p));
    struct run g = { .session = s, .tokenizer = s->m->tokenizer, .p = p, .sampler = &s->sampler };
    g.sampler->n = tokenizer_size(g.tokenizer); /* logits past it are of rows that only pad the matrix */
    TRY(sampling_check(&p->sampling, g.sampler->n));
    TRY(stream_init(&g.stream, p->stop, p->n_stop, p->on_text, p->user));
    struct fp_state fp;
    fp_enter(&fp);
    enum hearth_status st = run(&g, prompt, n);
    fp_leave(&fp);
    stream_free(&g.stream);
    if (out) *out = g.r;
    return st;
}
