/* engine.c - the engine's life, its thread, and what other threads ask of it.  engine.h shows the parts.
 *
 * The places, `parallel` running and `queue` waiting, are anybody's while there are some.  When all are taken a tenant may still come
 * in up to an equal share of them, at least one: whoever fills the queue is refused, whoever has nothing there never is.  So with k
 * tenants there are at most 1 + 1/2 + ... + 1/k times the places, and nobody who was let in is sent away again. */
#include "infer/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fpmode.h"
#include "base/thread.h"
#include "os/os.h"

/* ---- tenants: with the lock held ---- */

static struct tenant *tenant_find(const struct hearth_engine *e, const char *name)
{
    struct tenant *t = e->tenants;
    while (t && strcmp(t->name, name) != 0) t = t->next;
    return t;
}

static int has_place(const struct hearth_engine *e, const char *name)
{
    const struct tenant *own = tenant_find(e, name);
    uint32_t places = e->p.parallel + e->p.queue, present = 0;
    if (e->waiting + e->running < places || !own) return 1;
    for (const struct tenant *t = e->tenants; t; t = t->next) present += t->jobs > 0 || t == own;
    return own->jobs == 0 || own->jobs < places / present;
}

static enum hearth_status tenant_get(struct hearth_engine *e, const char *name, struct tenant **out)
{
    struct tenant *t = tenant_find(e, name);
    size_t n = strlen(name);
    if (!t) {
        t = mem_array(1, sizeof *t + n + 1);
        if (!t) return HEARTH_ENOMEM;
        memcpy(t->name, name, n + 1);
        if (e->owners == PREFIX_OWNERS) {
            free(t);
            return fail(HEARTH_ELIMIT, "this engine has had %d tenants; it must be opened anew", PREFIX_OWNERS);
        }
        prefix_owner_init(&t->owner, ++e->owners);
        t->next = e->tenants, e->tenants = t;
    }
    t->jobs++;
    *out = t;
    return HEARTH_OK;
}

/* Who has no request and nothing remembered is forgotten. */
static void tenants_sweep(struct hearth_engine *e)
{
    for (struct tenant **at = &e->tenants; *at;) {
        struct tenant *t = *at;
        if (t->jobs || t->owner.blocks) {
            at = &t->next;
            continue;
        }
        *at = t->next;
        free(t);
    }
}

/* ---- jobs ---- */

static void job_close(struct job *j)
{
    if (!j) return;
    kv_seq_free(&j->seq);
    generation_free(&j->g);
    free(j->ids);
    free(j->sum);
    free(j);
}

static enum hearth_status check_prompt(const struct hearth_engine *e, const int32_t *ids, size_t n)
{
    if (n == 0 || !ids) return fail(HEARTH_EUSAGE, "prompt: no token, should be 1 to %u", e->ctx);
    if (n > e->ctx) return fail(HEARTH_ECONTEXT, "prompt: %zu tokens are more than the %u of the context", n, e->ctx);
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || (uint32_t)ids[i] >= e->m->h.vocabulary)
            return fail(HEARTH_EUSAGE, "token %zu is id %d, should be 0 to %u", i, ids[i], e->m->h.vocabulary - 1);
    return HEARTH_OK;
}

/* All memory a request will ever need.  embed: its tokens are only to be read. */
static enum hearth_status job_open(const struct hearth_engine *e, const struct hearth_request *q, int embed, struct job **out)
{
    enum hearth_status st;
    struct job *j = mem_array(1, sizeof *j);
    if (!j) return HEARTH_ENOMEM;
    j->q = *q;
    j->n = j->total = (uint32_t)q->n;
    j->remembers = !embed && !q->prompt_logprobs;
    TRY_GOTO(st, failed, generation_init(&j->g, e->m->tokenizer, &j->q.params, e->ctx - q->n));
    j->ids = mem_array(q->n + j->g.limit, sizeof *j->ids);
    if (embed) j->sum = mem_array((size_t)e->m->h.width + e->m->h.embedding, sizeof *j->sum);
    st = j->ids && (j->sum || !embed) ? HEARTH_OK : HEARTH_ENOMEM;
    if (st == HEARTH_OK) TRY_GOTO(st, failed, kv_seq_init(&j->seq, e->kv, (uint32_t)(q->n + j->g.limit)));
    if (st != HEARTH_OK) goto failed;
    memcpy(j->ids, q->prompt, q->n * sizeof *j->ids);
    j->q.prompt = j->ids, j->q.tenant = NULL;
    *out = j;
    return HEARTH_OK;
failed:
    job_close(j);
    return st;
}

/* With the lock held. */
static enum hearth_status enqueue(struct hearth_engine *e, struct job *j, const char *tenant)
{
    if (!tenant) tenant = "";
    if (e->closing) return fail(HEARTH_ECANCELLED, "the engine is closing");
    if (!has_place(e, tenant)) {
        e->stats.refused++;
        return fail(HEARTH_EBUSY, "the queue is full: %u requests run and %u wait", e->running, e->waiting);
    }
    TRY(tenant_get(e, tenant, &j->tenant));
    j->chain = job_chain(j);
    j->ticket = ++e->tickets;
    j->submitted = clock_seconds();
    *e->last = j, e->last = &j->next;
    e->waiting++;
    e->stats.requests++;
    pthread_cond_signal(&e->wake);
    return HEARTH_OK;
}

static void job_result(struct job *j, struct hearth_result *r)
{
    double now = clock_seconds(), started = j->begun ? j->started : now, answered = j->answered > 0 ? j->answered : now;
    *r = j->g.r;
    r->prompt_tokens = j->length < j->n ? j->length : j->n;
    r->cached_tokens = j->cached;
    r->wait_seconds = started - j->submitted;
    r->prompt_seconds = answered - started;
    r->answer_seconds = now - answered;
}

static void embedding_end(struct hearth_engine *e, struct job *j)
{
    if (j->status == HEARTH_OK && job_in_prompt(j)) job_failed(j, fail(HEARTH_ECANCELLED, "the engine is closing"));
    if (j->status == HEARTH_OK) {
        enum hearth_status st = forward_embedding(e->forward, j->n, j->sum, j->sum + e->m->h.width);
        if (st != HEARTH_OK) job_failed(j, st);
    }
    pthread_mutex_lock(&e->lock);
    j->tenant->jobs--;
    j->ended = 1;
    pthread_cond_broadcast(&e->done);
    pthread_mutex_unlock(&e->lock);
}

/* The job is in no list any more; nobody else knows of it but who waits for an embedding. */
static void job_end(struct hearth_engine *e, struct job *j)
{
    struct hearth_end end = { .status = j->status, .message = j->message };
    void (*on_end)(void *, const struct hearth_end *) = j->q.on_end;
    void *user = j->q.params.user;
    kv_seq_free(&j->seq);
    if (j->sum) {
        embedding_end(e, j);
        return;
    }
    if (job_cancelled(j) && !j->g.over) j->g.r.finish = HEARTH_FINISH_CANCELLED;
    if (j->status == HEARTH_OK) generation_end(&j->g);
    job_result(j, &end.result);
    pthread_mutex_lock(&e->lock);
    e->stats.cancelled += j->status == HEARTH_ECANCELLED || (j->status == HEARTH_OK && j->g.r.finish == HEARTH_FINISH_CANCELLED);
    e->stats.failed += j->status != HEARTH_OK && j->status != HEARTH_ECANCELLED;
    j->tenant->jobs--;
    pthread_mutex_unlock(&e->lock);
    if (on_end) on_end(user, &end);
    job_close(j);
}

static void never_begun(struct job *j) { job_failed(j, fail(HEARTH_ECANCELLED, "cancelled before it had begun")); }

/* ---- the engine's thread ---- */

static void stats_add(struct hearth_engine *e)
{
    struct hearth_engine_stats *s = &e->stats, *c = &e->count;
    uint64_t block = e->kv->block_bytes, idle = prefix_idle(e->prefix);
    s->prompt_tokens += c->prompt_tokens, s->cached_tokens += c->cached_tokens, s->answer_tokens += c->answer_tokens;
    s->guessed_tokens += c->guessed_tokens, s->accepted_tokens += c->accepted_tokens, s->steps += c->steps;
    s->kv_used = (e->kv->blocks - e->kv->free - idle) * block;
    s->kv_remembered = idle * block;
    *c = (struct hearth_engine_stats){ 0 };
}

/* Takes out of the running who is over (or, when closing, everybody) and ends them. */
static void end_those_over(struct hearth_engine *e, int all)
{
    uint32_t kept = 0, over = 0;
    pthread_mutex_lock(&e->lock);
    for (uint32_t i = 0; i < e->running; i++) {
        struct job *j = e->run[i];
        if (all) __atomic_store_n(&j->cancel, 1, __ATOMIC_RELAXED);
        if (!job_over(j)) {
            e->run[kept++] = j;
            continue;
        }
        e->promised -= j->promised;
        e->count.cached_tokens += j->cached;
        j->tenant->running--;
        e->part[over++] = j;
    }
    e->running = kept;
    pthread_mutex_unlock(&e->lock);
    for (uint32_t i = 0; i < over; i++) kv_seq_free(&e->part[i]->seq);
    pthread_mutex_lock(&e->lock);
    stats_add(e);
    pthread_mutex_unlock(&e->lock);
    for (uint32_t i = 0; i < over; i++) job_end(e, e->part[i]);
}

static void end_queue(struct hearth_engine *e)
{
    pthread_mutex_lock(&e->lock);
    struct job *j = e->first;
    e->first = NULL, e->last = &e->first;
    e->waiting = 0;
    pthread_mutex_unlock(&e->lock);
    while (j) {
        struct job *next = j->next;
        never_begun(j);
        job_end(e, j);
        j = next;
    }
}

static void *engine_main(void *arg)
{
    struct hearth_engine *e = arg;
    struct fp_state fp;
    fp_enter(&fp);                   /* for good: the thread is ours */
    for (;;) {
        pthread_mutex_lock(&e->lock);
        tenants_sweep(e);
        while (!e->closing && !e->first && !e->running) pthread_cond_wait(&e->wake, &e->lock);
        int closing = e->closing;
        struct job *gone = closing ? NULL : engine_admit(e);
        pthread_mutex_unlock(&e->lock);
        if (closing) break;
        while (gone) {
            struct job *next = gone->next;
            never_begun(gone);
            job_end(e, gone);
            gone = next;
        }
        end_those_over(e, 0);        /* cancelled since the last step */
        if (!e->running) continue;
        engine_step(e);
        engine_settle(e);
        end_those_over(e, 0);
    }
    end_those_over(e, 1);
    end_queue(e);
    return NULL;
}

/* ---- opening and closing ---- */

static enum hearth_status choose_sizes(struct hearth_engine *e, const struct hearth_engine_params *p, struct forward_sizes *s, uint32_t *blocks)
{
    uint64_t total, available, each, want;
    e->p = *p;
    if (!e->p.parallel) e->p.parallel = 16;
    if (!e->p.queue) e->p.queue = 64;
    if (!e->p.chunk) e->p.chunk = FORWARD_CHUNK;
    if (e->p.parallel > 4096) return fail(HEARTH_EUSAGE, "parallel: %u is not in 1 .. 4096", e->p.parallel);
    if (e->p.queue > 1u << 20) return fail(HEARTH_EUSAGE, "queue: %u is not in 1 .. %u", e->p.queue, 1u << 20);
    TRY(forward_plan(e->m, p->ctx, p->kv, e->p.chunk > e->p.parallel ? e->p.chunk : e->p.parallel, s));
    e->ctx = s->ctx, e->tokens_most = s->chunk;
    os_memory(&total, &available);
    each = s->kv_bytes, want = p->kv_bytes;
    if (want && want < each)
        return fail(HEARTH_EUSAGE, "kv_bytes: %llu are fewer than the %llu of one context of %u tokens", (unsigned long long)want,
                    (unsigned long long)each, s->ctx);
    if (!want) want = each * e->p.parallel < available / 4 ? each * e->p.parallel : available / 4 > each ? available / 4 : each;
    want /= kv_block_bytes(&e->m->h, s->kv);
    *blocks = want < 1u << 30 ? (uint32_t)want : 1u << 30;
    return HEARTH_OK;
}

static enum hearth_status engine_fill(struct hearth_engine *e, const struct hearth_engine_params *p)
{
    struct forward_sizes s;
    uint32_t blocks = 0, n;
    TRY(choose_sizes(e, p, &s, &blocks));
    TRY(forward_open(e->m, &s, &e->forward));
    TRY(kv_pool_open(&e->m->h, s.kv, blocks, &e->kv));
    TRY(prefix_open(e->kv, &e->prefix));
    e->stats.ctx = s.ctx, e->stats.kv_bytes = (uint64_t)blocks * e->kv->block_bytes;
    n = e->p.parallel;
    e->span = mem_array(n, sizeof *e->span);
    e->part = e->span ? mem_array(n, sizeof *e->part) : NULL;
    e->run = e->part ? mem_array(n, sizeof *e->run) : NULL;
    e->sampler = e->run ? mem_array((size_t)pool_threads(e->m->pool), sizeof *e->sampler) : NULL;
    if (!e->sampler) return HEARTH_ENOMEM;
    for (; e->samplers < pool_threads(e->m->pool); e->samplers++)
        TRY(sampler_init(&e->sampler[e->samplers], tokenizer_size(e->m->tokenizer)));
    e->logits_bytes = ((size_t)n + EXTRA_ROWS) * e->m->h.vocabulary * sizeof *e->logits;
    e->logits = slab_alloc(e->logits_bytes);
    return e->logits ? HEARTH_OK : HEARTH_ENOMEM;
}

static void engine_free(struct hearth_engine *e)
{
    prefix_close(e->prefix);
    while (e->tenants) {
        struct tenant *t = e->tenants;
        e->tenants = t->next;
        free(t);
    }
    kv_pool_close(e->kv);
    forward_close(e->forward);
    for (int i = 0; i < e->samplers; i++) sampler_free(&e->sampler[i]);
    slab_free(e->logits, e->logits_bytes);
    free(e->sampler);
    free(e->span);
    free(e->part);
    free(e->run);
    pthread_mutex_destroy(&e->lock);
    pthread_cond_destroy(&e->wake);
    pthread_cond_destroy(&e->done);
    free(e);
}

enum hearth_status hearth_engine_open(struct hearth_model *m, const struct hearth_engine_params *p, struct hearth_engine **out)
{
    static const struct hearth_engine_params defaults;
    struct hearth_engine *e = mem_array(1, sizeof *e);
    if (!e) return HEARTH_ENOMEM;
    e->m = m, e->last = &e->first;
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->wake, NULL);
    pthread_cond_init(&e->done, NULL);
    enum hearth_status st = engine_fill(e, p ? p : &defaults);
    if (st == HEARTH_OK) st = thread_start(&e->thread, engine_main, e);
    if (st == HEARTH_OK) *out = e;
    else engine_free(e);
    return st;
}

void hearth_engine_close(struct hearth_engine *e)
{
    if (!e) return;
    pthread_mutex_lock(&e->lock);
    e->closing = 1;
    pthread_cond_signal(&e->wake);
    pthread_mutex_unlock(&e->lock);
    pthread_join(e->thread, NULL);
    pthread_mutex_lock(&e->lock);
    while (e->embedding) pthread_cond_wait(&e->done, &e->lock);
    pthread_mutex_unlock(&e->lock);
    engine_free(e);
}

/* ---- asking ---- */

enum hearth_status hearth_engine_submit(struct hearth_engine *e, const struct hearth_request *q, uint64_t *ticket)
{
    struct job *j;
    TRY(model_generates(e->m));
    TRY(check_prompt(e, q->prompt, q->n));
    if (q->adapter && q->adapter->m != e->m) return fail(HEARTH_EUSAGE, "adapter: it was opened for another model");
    TRY(job_open(e, q, 0, &j));
    pthread_mutex_lock(&e->lock);
    enum hearth_status st = enqueue(e, j, q->tenant);
    if (st == HEARTH_OK && ticket) *ticket = j->ticket;
    pthread_mutex_unlock(&e->lock);
    if (st != HEARTH_OK) job_close(j);
    return st;
}

void hearth_engine_cancel(struct hearth_engine *e, uint64_t ticket)
{
    pthread_mutex_lock(&e->lock);
    for (struct job *j = e->first; j; j = j->next)
        if (j->ticket == ticket) __atomic_store_n(&j->cancel, 1, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < e->running; i++)
        if (e->run[i]->ticket == ticket) __atomic_store_n(&e->run[i]->cancel, 1, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&e->lock);
}

void hearth_engine_stats(struct hearth_engine *e, struct hearth_engine_stats *out)
{
    pthread_mutex_lock(&e->lock);
    *out = e->stats;
    out->running = e->running, out->waiting = e->waiting;
    pthread_mutex_unlock(&e->lock);
}

enum hearth_status hearth_engine_embed(struct hearth_engine *e, const int32_t *ids, size_t n, float *out)
{
    return hearth_engine_embed_for(e, NULL, ids, n, out);
}

enum hearth_status hearth_engine_embed_for(struct hearth_engine *e, const char *tenant, const int32_t *ids, size_t n, float *out)
{
    struct hearth_request q = { .prompt = ids, .n = n, .params = { .max_tokens = 0, .logprobs = -1 } };
    struct job *j;
    enum hearth_status st;
    if (pthread_equal(pthread_self(), e->thread)) return fail(HEARTH_EUSAGE, "an embedding cannot be waited for inside a callback");
    hearth_sampling_defaults(&q.params.sampling);
    TRY(check_prompt(e, ids, n));
    TRY(job_open(e, &q, 1, &j));
    pthread_mutex_lock(&e->lock);
    st = enqueue(e, j, tenant);
    if (st == HEARTH_OK) {
        e->embedding++;
        while (!j->ended) pthread_cond_wait(&e->done, &e->lock);
        if (j->status != HEARTH_OK) st = fail(j->status, "%s", j->message);
        else memcpy(out, j->sum + e->m->h.width, e->m->h.embedding * sizeof *out);
        e->embedding--;
        pthread_cond_broadcast(&e->done);
    }
    pthread_mutex_unlock(&e->lock);
    job_close(j);
    return st;
}
