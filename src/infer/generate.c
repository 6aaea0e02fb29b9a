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
#include "infer/generation.h"
#include "infer/session.h"

enum { PROMPT_STEP = 256 };          /* tokens of the prompt between two calls of on_prompt; never changes a bit */

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
    return HEARTH_OK;
}

/* In one piece, unless somebody wants to watch. */
static enum hearth_status eval_prompt(struct hearth_session *s, const struct hearth_generate_params *p, const int32_t *prompt, size_t n) {
    for (size_t done = 0; done < n;) {
        size_t step = p->on_prompt && n - done > PROMPT_STEP ? PROMPT_STEP : n - done;
        TRY(hearth_session_eval(s, prompt + done, step, p->cancel));
        done += step;
        if (p->on_prompt && p->on_prompt(p->user, done, n)) return fail(HEARTH_ECANCELLED, "cancelled");
    }
    return HEARTH_OK;
}

static enum hearth_status answer(struct hearth_session *s, struct generation *g) {
    while (generation_open(g)) {
        struct picked t;
        TRY(generation_pick(g, &s->sampler, hearth_session_logits(s), s->ids, s->length, &t));
        if (!generation_tell(g, &t)) break;
        if (cancelled(g->p)) g->r.finish = HEARTH_FINISH_CANCELLED;
        if (g->r.finish == HEARTH_FINISH_CANCELLED) return HEARTH_OK;
        TRY(hearth_session_eval(s, &t.id, 1, g->p->cancel));
    }
    generation_end(g);
    return HEARTH_OK;
}

static enum hearth_status run(struct hearth_session *s, struct generation *g, const int32_t *prompt, size_t n) {
    double begun = clock_seconds(), between;
    size_t held = hearth_session_length(s);
    enum hearth_status st = eval_prompt(s, g->p, prompt, n);
    between = clock_seconds();
    g->r.prompt_tokens = hearth_session_length(s) - held;
    g->r.prompt_seconds = between - begun;
    if (st == HEARTH_OK) {
        st = answer(s, g);
        g->r.answer_seconds = clock_seconds() - between;
    }
    if (st != HEARTH_ECANCELLED) return st;
    g->r.finish = HEARTH_FINISH_CANCELLED; /* a way to end, not a failure */
    return HEARTH_OK;
}

enum hearth_status hearth_generate(struct hearth_session *s, const int32_t *prompt, size_t n,
                                   const struct hearth_generate_params *p, struct hearth_result *out) {
    struct generation g;
    if (out) memset(out, 0, sizeof *out);
    TRY(check(s, prompt, n, p));
    TRY(generation_init(&g, s->m->tokenizer, p, hearth_session_context(s) - hearth_session_length(s) - n));
    s->sampler.n = tokenizer_size(s->m->tokenizer); /* logits past it are of rows that only pad the matrix */
    struct fp_state fp;
    fp_enter(&fp);
    enum hearth_status st = run(s, &g, prompt, n);
    fp_leave(&fp);
    generation_free(&g);
    if (out) *out = g.r;
    return st;
}
