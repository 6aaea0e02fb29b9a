/* engine_step.c - what a step takes of whom, and its computing.
 *
 *      [ answer: 1 token (+ guesses) ] ... [ prompt A: 64 ] [ prompt B: 64 ] [ prompt A: 64 ] ...   at most `chunk` tokens
 *
 * Every running answer has its token in every step.  What is left goes to prompts in portions that end where a block ends: one of
 * the first tenant's oldest prompt, one of the next tenant's, and so on round.  Within a tenant the oldest prompt comes first, so that some
 * answer begins soon instead of all late.
 *
 * A prompt whose next block another one of the same tenant is computing waits for it and then shares it. */
#include <string.h>

#include "base/clock.h"
#include "infer/engine.h"

/* Rows of logits that the step may still hold: each that runs is sure of one. */
struct share { uint32_t tokens, rows; };

/* ---- answers ---- */

/* Guessing costs the others when there are some; then only plain tokens are taken. */
static int may_guess(const struct hearth_engine *e)
{
    enum { FEW = 2 };
    if (e->p.no_lookup || e->running > FEW) return 0;
    for (uint32_t i = 0; i < e->running; i++)
        if (job_in_prompt(e->run[i])) return 0;
    return 1;
}

static void take_answers(struct hearth_engine *e, struct share *left)
{
    int guess = may_guess(e);
    for (uint32_t i = 0; i < e->running; i++) {
        struct job *j = e->run[i];
        j->take = j->guesses = j->n_picked = 0;
        j->out = NULL;
        if (job_in_prompt(j)) continue;
        uint32_t most = (uint32_t)(j->n + j->g.limit) - j->total - 1;
        if (most > LOOKUP_MOST) most = LOOKUP_MOST;
        if (most > left->rows) most = left->rows;
        if (most > left->tokens - (e->running - i)) most = left->tokens - (e->running - i);
        if (guess) j->guesses = lookup_guess(&j->lookup, j->ids, j->total, most, j->ids + j->total);
        j->take = 1 + j->guesses;
        left->tokens -= j->take, left->rows -= j->guesses;
    }
}

/* ---- prompts ---- */

/* Another of the same tenant, older, is at this very block. */
static int waits_for_another(const struct hearth_engine *e, const struct job *j)
{
    if (!j->remembers || j->take || j->length % KV_PAGE || j->length + KV_PAGE >= j->n) return 0;
    for (uint32_t i = 0; i < e->running && e->run[i] != j; i++) {
        const struct job *o = e->run[i];
        if (o->tenant != j->tenant || !o->remembers || !job_in_prompt(o) || o->chain != j->chain) continue;
        if (o->n - j->length < KV_PAGE || (o->take == 0 && o->length == j->length)) continue;
        if (memcmp(o->ids + j->length, j->ids + j->length, KV_PAGE * sizeof *j->ids) == 0) return 1;
    }
    return 0;
}

/* Tokens of the next portion of a prompt; a text that is seen from both sides is one. */
static uint32_t portion(const struct job *j, const struct share *left, int whole)
{
    uint32_t at = j->length + j->take, n = KV_PAGE - at % KV_PAGE;
    if (whole) return j->n - at <= left->tokens ? j->n - at : 0;
    if (n > j->n - at) n = j->n - at;
    if (n > left->tokens) n = left->tokens;
    if (j->q.prompt_logprobs && n > left->rows) n = left->rows;
    return n;
}

/* The oldest prompt with something to compute, of the tenant whose turn comes after e->turn. */
static struct job *next_prompt(struct hearth_engine *e, const struct share *left)
{
    struct job *first = NULL, *after = NULL;
    for (uint32_t i = 0; i < e->running; i++) {
        struct job *j = e->run[i];
        if (!job_in_prompt(j)) continue;
        if (!j->take) job_recall(e, j);
        if (portion(j, left, e->m->h.both_sides) == 0 || waits_for_another(e, j)) continue;
        uint64_t turn = j->tenant->owner.link;
        if (!first || turn < first->tenant->owner.link) first = j;
        if (turn > e->turn && (!after || turn < after->tenant->owner.link)) after = j;
    }
    return after ? after : first;
}

static void take_prompts(struct hearth_engine *e, struct share *left)
{
    struct job *j;
    while (left->tokens > 0 && (j = next_prompt(e, left)) != NULL) {
        uint32_t n = portion(j, left, e->m->h.both_sides);
        j->take += n;
        left->tokens -= n;
        if (j->q.prompt_logprobs) left->rows -= n;
        e->turn = j->tenant->owner.link;
        if (!j->begun) j->begun = 1, j->started = clock_seconds();
    }
}

/* ---- computing ---- */

static enum span_want wanted(const struct job *j)
{
    if (j->sum) return SPAN_HIDDEN;
    if (!job_in_prompt(j)) return j->guesses ? SPAN_ALL : SPAN_LAST;
    if (j->q.prompt_logprobs) return SPAN_ALL;
    return j->length + j->take == j->n && j->g.limit > 0 ? SPAN_LAST : SPAN_NOTHING;
}

/* A step that failed says nothing of whose fault it was: each part alone does, and without guesses, which may have been the fault.  What
 * was wrong in one has changed nothing of another. */
static void compute_alone(struct hearth_engine *e)
{
    uint32_t rows = 0;
    for (uint32_t i = 0; i < e->parts; i++) {
        struct span *s = &e->span[i];
        if (e->part[i]->guesses) e->part[i]->guesses = 0, e->part[i]->take = s->n = 1, s->want = SPAN_LAST;
        enum hearth_status st = forward_step(e->forward, s, 1, e->logits + (size_t)rows * e->m->h.vocabulary);
        e->part[i]->out = s->out;
        if (st != HEARTH_OK) job_failed(e->part[i], st);
        else if (e->part[i]->sum) job_add_hidden(e, e->part[i]);
        rows += s->want == SPAN_LAST ? 1 : s->want == SPAN_ALL ? s->n : 0;
    }
}

static void compute(struct hearth_engine *e)
{
    enum hearth_status st = forward_step(e->forward, e->span, e->parts, e->logits);
    if (st != HEARTH_OK && (e->parts > 1 || e->part[0]->guesses)) {
        compute_alone(e);
        return;
    }
    for (uint32_t i = 0; i < e->parts; i++) {
        e->part[i]->out = e->span[i].out;
        if (st != HEARTH_OK) job_failed(e->part[i], st);
        else if (e->part[i]->sum) job_add_hidden(e, e->part[i]);
    }
}

void engine_step(struct hearth_engine *e)
{
    struct share left = { e->tokens_most, EXTRA_ROWS };
    take_answers(e, &left);
    take_prompts(e, &left);
    e->parts = 0;
    for (uint32_t i = 0; i < e->running; i++) {
        struct job *j = e->run[i];
        if (j->take == 0) continue;
        enum hearth_status st = job_reach(e, j, j->length + j->take);
        if (st != HEARTH_OK) {
            job_failed(j, st);
            continue;
        }
        e->part[e->parts] = j;
        e->span[e->parts++] = (struct span){ &j->seq, j->length, j->take, j->ids + j->length, wanted(j), NULL, j->q.adapter };
    }
    if (e->parts) compute(e);
}
