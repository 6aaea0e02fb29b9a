/* engine_pick.c - from a step's logits to tokens, and to those who wait for them.
 *
 * First all that run pick, on the pool's threads: with a vocabulary of 262,144 that is work.  Then the engine's thread calls back,
 * one request after the other. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "infer/engine.h"

void job_failed(struct job *j, enum hearth_status st)
{
    j->status = st;
    snprintf(j->message, sizeof j->message, "%s", hearth_errmsg());
}

int job_over(const struct job *j)
{
    if (j->status != HEARTH_OK || j->g.over || job_cancelled(j)) return 1;
    return !job_in_prompt(j) && (j->sum || !generation_open(&j->g));
}

void job_add_hidden(const struct hearth_engine *e, struct job *j)
{
    model_pool(e->m, j->out, j->take, j->length, j->n, j->sum);
}

/* ---- picking: on any thread ---- */

/* As many tokens as the guesses were right, and one more. */
static void pick(const struct hearth_engine *e, struct job *j, struct sampler *s)
{
    size_t vocabulary = e->m->h.vocabulary;
    const float *row = j->out + (j->prompt_part && j->q.prompt_logprobs ? j->take - 1 : 0) * vocabulary;
    for (int right = 1; right && j->g.picked < j->g.limit; row += vocabulary) {
        struct picked *t = &j->picked[j->n_picked];
        enum hearth_status st = generation_pick(&j->g, s, row, j->ids, j->total, t);
        if (st != HEARTH_OK) {
            job_failed(j, st);
            return;
        }
        j->n_picked++;
        right = !t->end && !t->last && j->right < j->guesses && j->ids[j->total] == t->id;
        j->right += (uint32_t)right;
        if (!t->end) j->ids[j->total++] = t->id;
    }
}

static int is_to_pick(const struct job *j)
{
    return j->status == HEARTH_OK && !j->sum && !job_in_prompt(j) && j->g.limit > 0;
}

static void pick_parts(void *arg, int thread, int64_t begin, int64_t end)
{
    struct hearth_engine *e = arg;
    for (int64_t i = begin; i < end; i++)
        if (is_to_pick(e->part[i])) pick(e, e->part[i], &e->sampler[thread]);
}

/* ---- telling: on the engine's thread ---- */

static int tell_prompt_token(const struct job *j, int32_t id, const float *logits, int32_t vocabulary)
{
    struct hearth_logprob top[LOGPROBS_MAX];
    struct hearth_token t = { .id = id, .logprob = NAN };
    if (logits) {
        t.n_top = j->q.params.logprobs > vocabulary ? vocabulary : j->q.params.logprobs < 0 ? 0 : j->q.params.logprobs;
        t.top = t.n_top ? top : NULL;
        logits_logprobs(logits, vocabulary, id, t.n_top, &t.logprob, top);
    }
    return j->q.on_prompt_token && j->q.on_prompt_token(j->q.params.user, &t);
}

/* 1: cancelled. */
static int tell_prompt(const struct hearth_engine *e, const struct job *j)
{
    const struct hearth_generate_params *p = &j->q.params;
    uint32_t from = j->length - j->take;
    if (j->q.prompt_logprobs) {
        int32_t vocabulary = e->sampler->n;
        if (from == 0 && tell_prompt_token(j, j->ids[0], NULL, vocabulary)) return 1;
        for (uint32_t t = 0; t < j->take && from + t + 1 < j->n; t++)
            if (tell_prompt_token(j, j->ids[from + t + 1], j->out + (size_t)t * e->m->h.vocabulary, vocabulary)) return 1;
    }
    return p->on_prompt && p->on_prompt(p->user, j->length, j->n);
}

static void tell(const struct hearth_engine *e, struct job *j)
{
    if (j->prompt_part && tell_prompt(e, j)) {
        j->g.r.finish = HEARTH_FINISH_CANCELLED;
        j->g.over = 1;
    }
    for (uint32_t i = 0; i < j->n_picked && !j->g.over; i++) generation_tell(&j->g, &j->picked[i]);
}

/* ---- both ---- */

static void advance(struct hearth_engine *e, struct job *j)
{
    j->right = 0;
    if (j->status != HEARTH_OK) return;
    j->prompt_part = job_in_prompt(j);
    if (!j->prompt_part) return;     /* how far an answer has come, picking says */
    j->length += j->take;
    e->count.prompt_tokens += j->take;
    if (!job_in_prompt(j)) j->answered = clock_seconds();
}

static void account(struct hearth_engine *e, struct job *j)
{
    if (!j->prompt_part) j->length += 1 + j->right;
    if (j->guesses) lookup_learn(&j->lookup, j->guesses, j->right);
    e->count.guessed_tokens += j->guesses, e->count.accepted_tokens += j->right;
    job_remember(e, j);
}

void engine_settle(struct hearth_engine *e)
{
    uint32_t picks = 0;
    for (uint32_t i = 0; i < e->parts; i++) {
        advance(e, e->part[i]);
        picks += (uint32_t)is_to_pick(e->part[i]);
    }
    if (picks > 1) pool_run(e->m->pool, pick_parts, e, e->parts, 1);
    else if (picks) pick_parts(e, 0, 0, e->parts);
    for (uint32_t i = 0; i < e->parts; i++)
        if (e->part[i]->status == HEARTH_OK) account(e, e->part[i]);
    for (uint32_t i = 0; i < e->parts; i++) {
        struct job *j = e->part[i];
        size_t before = j->g.r.answer_tokens;
        if (j->status != HEARTH_OK || j->sum) continue;
        tell(e, j);
        e->count.answer_tokens += j->g.r.answer_tokens - before;
    }
    e->count.steps++;
}
