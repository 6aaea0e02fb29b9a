/* engine_test.h - questions for an engine, what a lone hearth_generate answers to them, and whether the engine's answer is the same. */
#ifndef HEARTH_TESTS_ENGINE_TEST_H
#define HEARTH_TESTS_ENGINE_TEST_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/random.h"
#include "hearth.h"
#include "model_maker.h"

#include <cmocka.h>

enum { SAID = 520 };

struct said {                        /* all that callbacks said, in the order in which it came */
    int32_t id[SAID];
    float logprob[SAID];
    int32_t top[SAID];
    size_t n, n_text, prompts, prompt_done;
    char text[8192];
    int ended;
    enum hearth_status status;
    char message[256];
    struct hearth_result r;
    size_t cancel_at_token, cancel_at_prompt;   /* 0: never */
    const int *hold;                 /* the engine waits at the first token while it is not 0 */
};

static pthread_mutex_t said_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t said_end = PTHREAD_COND_INITIALIZER;

static void good(enum hearth_status st)
{
    if (st != HEARTH_OK) print_error("%s: %s\n", hearth_status_name(st), hearth_errmsg());
    assert_int_equal(st, HEARTH_OK);
}

static int say_token(void *user, const struct hearth_token *t)
{
    struct said *s = user;
    while (s->hold && __atomic_load_n(s->hold, __ATOMIC_ACQUIRE)) usleep(100);
    if (s->n < SAID) {
        s->id[s->n] = t->id, s->logprob[s->n] = t->logprob;
        s->top[s->n] = t->n_top ? t->top[t->n_top - 1].id : -1;
    }
    return ++s->n == s->cancel_at_token;
}

static int say_text(void *user, const char *text, size_t n)
{
    struct said *s = user;
    if (s->n_text + n < sizeof s->text) memcpy(s->text + s->n_text, text, n), s->n_text += n;
    return 0;
}

static int say_prompt(void *user, size_t done, size_t total)
{
    struct said *s = user;
    s->prompt_done = done <= total ? done : 0;
    return ++s->prompts == s->cancel_at_prompt;
}

static void say_end(void *user, const struct hearth_end *end)
{
    struct said *s = user;
    pthread_mutex_lock(&said_lock);
    s->status = end->status, s->r = end->result;
    snprintf(s->message, sizeof s->message, "%s", end->message);
    s->ended++;
    pthread_cond_broadcast(&said_end);
    pthread_mutex_unlock(&said_lock);
}

static __attribute__((unused)) void wait_for(const struct said *s)
{
    pthread_mutex_lock(&said_lock);
    while (!s->ended) pthread_cond_wait(&said_end, &said_lock);
    pthread_mutex_unlock(&said_lock);
}

/* A request with everything it points to. */
struct question {
    int32_t prompt[1200];
    size_t n;
    const char *tenant;
    const struct hearth_adapter *adapter;
    struct hearth_generate_params p;
    struct hearth_bias bias[2];
};

/* Question i of a family of them: `shared` tokens that all have, then its own; lengths, sampling and stops differ. */
static __attribute__((unused)) void ask_about(struct question *q, int i, size_t shared, size_t own, int answer, int32_t vocabulary)
{
    static const char *const stops[] = { "e", "\n" };
    *q = (struct question){ .n = shared + own };
    for (size_t t = 0; t < q->n; t++) {
        uint64_t who = t < shared ? 1000 : (uint64_t)i;
        q->prompt[t] = 3 + (int32_t)(random_uniform(77 + who, t, 0) * (float)(vocabulary - 3));
    }
    q->bias[0] = (struct hearth_bias){ 2, -1e4f };  /* most answers go on to their limit */
    q->p = (struct hearth_generate_params){ .max_tokens = answer, .logprobs = i % 3 == 0 ? 2 : -1, .on_token = say_token,
                                            .on_text = say_text, .on_prompt = i % 5 == 0 ? say_prompt : NULL };
    hearth_sampling_defaults(&q->p.sampling);
    q->p.sampling.temperature = i % 4 == 0 ? 0 : 0.5f + 0.25f * (float)(i % 4);
    q->p.sampling.seed = (uint64_t)i;
    if (i % 6 == 1) q->p.sampling.repeat_penalty = 1.2f, q->p.sampling.repeat_last = -1;
    q->p.sampling.bias = q->bias, q->p.sampling.n_bias = i % 7 != 3;
    if (i % 5 == 2) q->p.stop = stops, q->p.n_stop = 2;
    q->tenant = i % 3 == 0 ? NULL : i % 3 == 1 ? "anna" : "bert";
}

static __attribute__((unused)) void lone(struct hearth_model *m, const struct question *q, enum hearth_kv kv, uint32_t ctx, struct said *out)
{
    struct hearth_session *s;
    struct hearth_generate_params p = q->p;
    memset(out, 0, sizeof *out);
    p.user = out;
    p.sampling.bias = q->bias;
    good(hearth_session_open(m, &(struct hearth_session_params){ .ctx = ctx, .kv = kv }, &s));
    good(hearth_session_adapt(s, q->adapter));
    out->status = hearth_generate(s, q->prompt, q->n, &p, &out->r);
    hearth_session_close(s);
}

static __attribute__((unused)) enum hearth_status ask(struct hearth_engine *e, const struct question *q, struct said *out, uint64_t *ticket)
{
    struct hearth_request r = { .prompt = q->prompt, .n = q->n, .params = q->p, .adapter = q->adapter, .tenant = q->tenant, .on_end = say_end };
    r.params.user = out;
    r.params.sampling.bias = q->bias;
    return hearth_engine_submit(e, &r, ticket);
}

static __attribute__((unused)) void same(const struct said *a, const struct said *b)
{
    assert_int_equal(b->ended, 1);
    if (b->status != a->status) print_error("%s: %s\n", hearth_status_name(b->status), b->message);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->id, b->id, a->n * sizeof *a->id);
    assert_memory_equal(a->logprob, b->logprob, a->n * sizeof *a->logprob);
    assert_memory_equal(a->top, b->top, a->n * sizeof *a->top);
    assert_int_equal(a->n_text, b->n_text);
    assert_memory_equal(a->text, b->text, a->n_text);
    assert_int_equal(a->r.finish, b->r.finish);
    assert_ptr_equal(a->r.stop, b->r.stop);
    assert_int_equal(a->r.prompt_tokens, b->r.prompt_tokens);
    assert_int_equal(a->r.answer_tokens, b->r.answer_tokens);
}

static __attribute__((unused)) struct hearth_model *make_and_open(const struct model_spec *spec, const struct hearth_model_params *p)
{
    char path[] = "/tmp/hearth-engine-XXXXXX";
    struct hearth_model *m;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    good(model_make(path, spec));
    good(hearth_model_open(path, p, &m));
    unlink(path);
    return m;
}

#endif
