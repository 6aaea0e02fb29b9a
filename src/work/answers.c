/* answers.c - see answers.h.
 *
 * A few dozen requests are in the engine at a time; when one ends, the next is submitted.  Its thread only adds to texts and counts. */
#include "work/answers.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { IN_FLIGHT = 32, LOOK_MS = 100 };

struct asking {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    size_t done;
    enum hearth_status st;           /* of the first that failed */
    char message[512];
};

struct one { struct asking *all; struct answer *out; struct buf text; enum hearth_status st; };

static int on_text(void *user, const char *text, size_t n)
{
    struct one *o = user;
    if (o->st == HEARTH_OK) o->st = buf_put(&o->text, text, n);
    return o->st != HEARTH_OK;
}

static void on_end(void *user, const struct hearth_end *end)
{
    struct one *o = user;
    struct asking *a = o->all;
    enum hearth_status st = end->status != HEARTH_OK ? end->status : o->st;
    if (st == HEARTH_OK) {
        o->out->tokens = end->result.answer_tokens;
        o->out->ended = end->result.finish == HEARTH_FINISH_STOP;
        if (!(o->out->text = buf_take(&o->text, NULL))) st = HEARTH_ENOMEM;
    }
    pthread_mutex_lock(&a->lock);
    if (st != HEARTH_OK && a->st == HEARTH_OK) {
        a->st = st;
        snprintf(a->message, sizeof a->message, "%s", end->status != HEARTH_OK ? end->message : "no memory for an answer");
    }
    a->done++;
    pthread_cond_signal(&a->ended);
    pthread_mutex_unlock(&a->lock);
}

static enum hearth_status submit(struct hearth_engine *e, const struct hearth_adapter *adapter, uint32_t ctx, const struct answer_question *q, struct one *o)
{
    struct hearth_request r = { .prompt = q->prompt, .n = q->n, .adapter = adapter, .on_end = on_end };
    uint64_t ticket;
    size_t most = (size_t)q->most_tokens < ctx ? (size_t)q->most_tokens : ctx / 2;
    if (q->n > ctx - most) {
        size_t keep = ctx - most;
        r.prompt += q->n - keep, r.n = keep;
        o->out->cut = 1;
    }
    o->out->prompt_tokens = r.n;
    hearth_sampling_defaults(&r.params.sampling);
    r.params.sampling.temperature = q->temperature;
    r.params.sampling.top_k = 0, r.params.sampling.top_p = 1, r.params.sampling.min_p = 0;
    r.params.sampling.seed = q->seed;
    r.params.max_tokens = (int)most;
    r.params.logprobs = -1;
    r.params.stop = q->until, r.params.n_stop = q->n_until;
    r.params.on_text = on_text;
    r.params.user = o;
    return hearth_engine_submit(e, &r, &ticket);
}

/* Until more have ended than `seen`, or it is time to look at cancel. */
static size_t wait_for_one(struct asking *a, size_t seen, int *failed)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += LOOK_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) until.tv_sec++, until.tv_nsec -= 1000000000L;
    pthread_mutex_lock(&a->lock);
    if (a->done == seen) pthread_cond_timedwait(&a->ended, &a->lock, &until);
    size_t done = a->done;
    *failed = a->st != HEARTH_OK;
    pthread_mutex_unlock(&a->lock);
    return done;
}

static enum hearth_status ask_all(struct hearth_engine *e, const struct answers_params *p, const struct answer_question *q, size_t n,
                                  struct asking *a, struct one *one, struct answer *out)
{
    struct hearth_engine_stats stats;
    size_t next = 0, done = 0;
    int failed = 0;
    hearth_engine_stats(e, &stats);
    while (done < n && !failed) {
        for (; next < n && next - done < IN_FLIGHT; next++) {
            one[next] = (struct one){ .all = a, .out = &out[next] };
            TRY(submit(e, p->adapter, stats.ctx, &q[next], &one[next]));
        }
        size_t now = wait_for_one(a, done, &failed);
        if (now != done && p->on_step) p->on_step(p->user, now, n);
        done = now;
        if (p->cancel && __atomic_load_n(p->cancel, __ATOMIC_RELAXED)) return fail(HEARTH_ECANCELLED, "stopped after %zu of %zu answers", done, n);
    }
    return HEARTH_OK;
}

enum hearth_status answers_make(struct hearth_model *m, const struct answers_params *p, const struct answer_question *q, size_t n,
                                struct answer *out)
{
    struct hearth_engine_params ep = { .ctx = p->ctx, .parallel = IN_FLIGHT / 2, .queue = IN_FLIGHT };
    struct hearth_engine *e = NULL;
    struct asking a = { .lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER };
    struct one *one = mem_array(n ? n : 1, sizeof *one);
    enum hearth_status st = one ? hearth_engine_open(m, &ep, &e) : HEARTH_ENOMEM;
    if (st == HEARTH_OK) st = ask_all(e, p, q, n, &a, one, out);
    hearth_engine_close(e);          /* ends what still runs */
    if (st == HEARTH_OK && a.st != HEARTH_OK) st = fail(a.st, "%s", a.message);
    for (size_t i = 0; one && i < n; i++) buf_free(&one[i].text);
    free(one);
    pthread_mutex_destroy(&a.lock);
    pthread_cond_destroy(&a.ended);
    return st;
}

void answers_free(struct answer *a, size_t n)
{
    for (size_t i = 0; a && i < n; i++) free(a[i].text);
}
