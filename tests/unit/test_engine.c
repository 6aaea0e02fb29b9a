/* test_engine.c - how an engine keeps its order: beginnings shared within a tenant, guesses, the queue, turns, cancelling, closing.
 * (test_batch.c: the same bytes as alone; test_batch_edges.c: failures, embeddings.)  make tsan looks over its shoulder. */
#include "engine_test.h"

#include <math.h>

#include "model/adapter.h"

enum { CTX = 512 };

static struct hearth_engine *open_engine(struct hearth_model *m, struct hearth_engine_params p)
{
    struct hearth_engine *e;
    if (!p.ctx) p.ctx = CTX;
    good(hearth_engine_open(m, &p, &e));
    return e;
}

static struct hearth_model *model;

static int setup(void **state)
{
    (void)state;
    struct model_spec spec = { .type = "Q4_0", .width = 64, .seed = 5 };
    model = make_and_open(&spec, &(struct hearth_model_params){ .threads = 2 });
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hearth_model_close(model);
    return 0;
}

/* Asks, waits, compares with a lone run. */
static void ask_and_compare(struct hearth_engine *e, const struct question *q, struct said *s)
{
    static struct said want;
    memset(s, 0, sizeof *s);
    lone(model, q, HEARTH_KV_F16, CTX, &want);
    good(ask(e, q, s, NULL));
    wait_for(s);
    same(&want, s);
}

static void beginnings_are_shared_within_a_tenant(void **state)
{
    (void)state;
    struct hearth_engine *e = open_engine(model, (struct hearth_engine_params){ .parallel = 8 });
    struct hearth_engine_stats s;
    static struct said said[8];
    static struct question q[8];
    for (int i = 0; i < 8; i++) {
        ask_about(&q[i], i, 200, 20, 4, 512);
        q[i].tenant = i < 6 ? "anna" : "bert";
    }
    ask_and_compare(e, &q[0], &said[0]);
    assert_int_equal(said[0].r.cached_tokens, 0);
    ask_and_compare(e, &q[1], &said[1]);
    assert_int_equal(said[1].r.cached_tokens, 192);
    ask_and_compare(e, &q[6], &said[6]);
    assert_int_equal(said[6].r.cached_tokens, 0);   /* what anna asked, bert cannot tell */
    ask_and_compare(e, &q[7], &said[7]);
    assert_int_equal(said[7].r.cached_tokens, 192);
    hearth_engine_stats(e, &s);
    assert_int_equal(s.cached_tokens, 2 * 192);
    assert_int_equal(s.prompt_tokens, 4 * 220 - 2 * 192);
    assert_int_equal(s.kv_used, 0);
    assert_true(s.kv_remembered > 0 && s.kv_remembered <= s.kv_bytes);
    hearth_engine_close(e);
}

static struct hearth_adapter *make_adapter(struct hearth_model *m, uint64_t seed)
{
    struct hearth_adapter *a;
    good(adapter_new(m, &(struct adapter_shape){ .rank = 4, .alpha = 8, .slots = 127, .seed = seed }, &a));
    for (uint32_t i = 0; i < m->h.layers * ADAPTER_SLOTS; i++)
        for (size_t k = 0; a->part[i].rank && k < (size_t)(a->part[i].b.cols * a->part[i].rank); k++)
            a->part[i].b_data[k] = (float)((k * 37 + i * 11 + seed * 5) % 41) / 200 - 0.1f;
    adapter_sum(a);
    return a;
}

/* Of one tenant, at once, with the same words: each adapter's answers are what it gives alone, and its beginning is remembered for it only. */
static void adapters_have_beginnings_of_their_own(void **state)
{
    (void)state;
    enum { N = 9 };
    struct hearth_engine *e = open_engine(model, (struct hearth_engine_params){ .parallel = N });
    struct hearth_adapter *a[3] = { NULL, make_adapter(model, 3), make_adapter(model, 4) }, *other = make_adapter(model, 4);
    static struct said want[N], got[N];
    static struct question q[N];
    int apart = 0;
    for (int i = 0; i < N; i++) {
        ask_about(&q[i], 4, 200, 20, 6, 512);
        q[i].tenant = "anna", q[i].adapter = a[i % 3];
        lone(model, &q[i], HEARTH_KV_F16, CTX, &want[i]);
    }
    apart += memcmp(want[0].logprob, want[1].logprob, 6 * sizeof(float)) != 0 || memcmp(want[0].id, want[1].id, 6 * sizeof(int32_t)) != 0;
    apart += memcmp(want[1].id, want[2].id, 6 * sizeof(int32_t)) != 0;
    assert_int_equal(apart, 2);
    for (int round = 0; round < 2; round++) {
        uint64_t cached = 0;
        memset(got, 0, sizeof got);
        for (int i = 0; i < N; i++) good(ask(e, &q[i], &got[i], NULL));
        for (int i = 0; i < N; i++) {
            wait_for(&got[i]);
            want[i].ended = 1;
            same(&want[i], &got[i]);
            cached += got[i].r.cached_tokens;
            if (round) assert_int_equal(got[i].r.cached_tokens, 192);
        }
        if (!round) assert_int_equal(cached, (N - 3) * 192);   /* once computed for each of the three */
    }
    q[0].adapter = other;            /* the same numbers, opened once more: another one */
    ask_and_compare(e, &q[0], &got[0]);
    assert_int_equal(got[0].r.cached_tokens, 0);
    hearth_engine_close(e);
    for (int i = 0; i < 3; i++) hearth_adapter_close(a[i]);
    hearth_adapter_close(other);
}

static void another_models_adapter_is_refused(void **state)
{
    (void)state;
    struct model_spec spec = { .type = "Q4_0", .width = 64, .seed = 6 };
    struct hearth_model *m = make_and_open(&spec, NULL);
    struct hearth_adapter *a = make_adapter(m, 3);
    struct hearth_engine *e = open_engine(model, (struct hearth_engine_params){ 0 });
    static struct said said;
    struct question q;
    ask_about(&q, 4, 0, 5, 5, 512);
    q.adapter = a;
    assert_int_equal(ask(e, &q, &said, NULL), HEARTH_EUSAGE);
    assert_non_null(strstr(hearth_errmsg(), "another model"));
    hearth_engine_close(e);
    hearth_adapter_close(a);
    hearth_model_close(m);
}

/* A conversation goes on: the prompt holds the answer before. */
static void answers_are_remembered_too(void **state)
{
    (void)state;
    struct hearth_engine *e = open_engine(model, (struct hearth_engine_params){ .parallel = 2 });
    static struct said said;
    struct question q;
    ask_about(&q, 4, 0, 100, 100, 512);
    ask_and_compare(e, &q, &said);
    assert_int_equal(said.n, 100);
    memcpy(q.prompt + 100, said.id, 100 * sizeof *said.id);
    q.n = 200;
    ask_and_compare(e, &q, &said);
    assert_int_equal(said.r.cached_tokens, 192);
    q.n = 192;                       /* the last token is computed whatever is remembered */
    ask_and_compare(e, &q, &said);
    assert_int_equal(said.r.cached_tokens, 128);
    hearth_engine_close(e);
}

static void the_same_beginning_at_once_is_computed_once(void **state)
{
    (void)state;
    struct hearth_engine *e = open_engine(model, (struct hearth_engine_params){ .parallel = 16 });
    struct hearth_engine_stats s;
    static struct said said[12];
    static struct question q[12];
    memset(said, 0, sizeof said);
    for (int i = 0; i < 12; i++) {
        ask_about(&q[i], i, 300, 10, 4, 512);
        q[i].tenant = "anna";
    }
    for (int i = 0; i < 12; i++) good(ask(e, &q[i], &said[i], NULL));
    for (int i = 0; i < 12; i++) wait_for(&said[i]);
    hearth_engine_stats(e, &s);
    assert_int_equal(s.prompt_tokens + s.cached_tokens, 12 * 310);
    assert_int_equal(s.cached_tokens, 11 * 256);
    hearth_engine_close(e);
}

static void guesses_are_made_and_often_right(void **state)
{
    (void)state;
    struct hearth_engine_stats s;
    static struct said said;
    struct question q;
    for (int no = 0; no < 2; no++) {
        struct hearth_engine *e = open_engine(model, (struct hearth_engine_params){ .no_lookup = no });
        ask_about(&q, 4, 0, 64, 160, 512);      /* greedy: such models soon repeat themselves */
        ask_and_compare(e, &q, &said);
        hearth_engine_stats(e, &s);
        assert_int_equal(s.answer_tokens, 160);
        if (no) assert_true(s.guessed_tokens == 0 && s.steps >= 160);
        else assert_true(s.accepted_tokens > 20 && s.guessed_tokens >= s.accepted_tokens && s.steps + s.accepted_tokens >= 160 && s.steps < 140);
        hearth_engine_close(e);
    }
}

/* A grammar that leaves little choice is guessed well, and guessing stops where the grammar does. */
static void guesses_follow_a_grammar(void **state)
{
    (void)state;
    static const char rules[] = "root ::= \"abababababababababababababababab\"";
    struct hearth_engine *e = open_engine(model, (struct hearth_engine_params){ 0 });
    struct hearth_engine_stats s;
    struct hearth_grammar *g;
    static struct said said;
    struct question q;
    good(hearth_grammar_open(model, HEARTH_GBNF, rules, sizeof rules - 1, &g));
    for (int i = 0; i < 6; i++) {
        ask_about(&q, i, 0, 30, i % 2 ? 40 : -1, 512);
        q.p.grammar = g, q.p.n_stop = 0;
        for (int k = 0; k < 2; k++) q.bias[k] = (struct hearth_bias){ k * 2, -INFINITY }; /* the end cannot be picked, and need not be */
        q.p.sampling.n_bias = 2;
        ask_and_compare(e, &q, &said);
        assert_int_equal(said.r.finish, HEARTH_FINISH_STOP);
        assert_int_equal(said.n_text, 32);
    }
    hearth_engine_stats(e, &s);
    assert_true(s.accepted_tokens > 0);
    hearth_engine_close(e);
    hearth_grammar_close(g);
}

static void a_full_queue_refuses(void **state)
{
    (void)state;
    struct hearth_engine *e = open_engine(model, (struct hearth_engine_params){ .parallel = 1, .queue = 2, .no_lookup = 1 });
    struct hearth_engine_stats s;
    static struct said said[4];
    struct question q;
    uint64_t ticket[4];
    int hold = 1;
    memset(said, 0, sizeof said);
    said[0].hold = &hold;
    ask_about(&q, 4, 0, 20, 60, 512);
    for (int i = 0; i < 3; i++) {
        good(ask(e, &q, &said[i], &ticket[i]));
        do hearth_engine_stats(e, &s); while (i == 0 && !s.running);
    }
    assert_int_equal(ask(e, &q, &said[3], NULL), HEARTH_EBUSY);
    assert_non_null(strstr(hearth_errmsg(), "queue is full"));
    hearth_engine_cancel(e, ticket[0]);          /* running */
    hearth_engine_cancel(e, ticket[1]);          /* in the queue */
    __atomic_store_n(&hold, 0, __ATOMIC_RELEASE);
    wait_for(&said[1]);
    assert_int_equal(said[1].status, HEARTH_ECANCELLED);
    assert_int_equal(said[1].n, 0);
    assert_true(*said[1].message);
    wait_for(&said[0]);
    good(said[0].status);
    assert_int_equal(said[0].r.finish, HEARTH_FINISH_CANCELLED);
    hearth_engine_cancel(e, ticket[0]);          /* harmless */
    wait_for(&said[2]);
    assert_int_equal(said[2].r.finish, HEARTH_FINISH_LENGTH);
    assert_int_equal(said[3].ended, 0);
    hearth_engine_stats(e, &s);
    assert_int_equal(s.refused, 1);
    assert_int_equal(s.cancelled, 2);
    assert_int_equal(s.requests, 3);
    hearth_engine_close(e);
}

/* anna takes every place; whoever else comes still gets in, up to an equal share, and anna waits for one to become free. */
static void one_tenant_leaves_places_for_others(void **state)
{
    (void)state;
    static const char *const who[] = { "anna", "anna", "anna", "anna", "anna", "bert", "bert", "bert", "cara", "cara", NULL, "anna" };
    static const int fits[] = { 1, 1, 1, 1, 0, 1, 1, 0, 1, 0, 1, 0 };    /* of 4 places: 4 of 1, 2 of 2, 1 of 3, 1 of 4 */
    enum { N = sizeof who / sizeof *who };
    struct hearth_engine *e = open_engine(model, (struct hearth_engine_params){ .parallel = 1, .queue = 3, .no_lookup = 1 });
    struct hearth_engine_stats s;
    static struct said said[N];
    struct question q;
    int hold = 1;
    memset(said, 0, sizeof said);
    said[0].hold = &hold;
    ask_about(&q, 4, 0, 20, 3, 512);
    for (int i = 0; i < N; i++) {
        q.tenant = who[i];
        assert_int_equal(ask(e, &q, &said[i], NULL), fits[i] ? HEARTH_OK : HEARTH_EBUSY);
        do hearth_engine_stats(e, &s); while (i == 0 && !s.running);
    }
    q.tenant = "anna";
    float out[64];
    assert_int_equal(hearth_engine_embed_for(e, "bert", q.prompt, q.n, out), HEARTH_EBUSY);   /* an embedding is a place of its tenant's */
    __atomic_store_n(&hold, 0, __ATOMIC_RELEASE);
    for (int i = 0; i < N; i++) {
        if (fits[i]) wait_for(&said[i]);
        assert_int_equal(said[i].ended, fits[i]);
        good(said[i].status);
    }
    hearth_engine_stats(e, &s);
    assert_int_equal(s.refused, 5);
    static struct said again;
    memset(&again, 0, sizeof again);
    good(ask(e, &q, &again, NULL));
    wait_for(&again);
    good(hearth_engine_embed_for(e, "bert", q.prompt, q.n, out));
    hearth_engine_close(e);
}

static void cancelled_while_the_prompt_is_read(void **state)
{
    (void)state;
    struct hearth_engine *e = open_engine(model, (struct hearth_engine_params){ .chunk = 16 });
    static struct said said;
    struct question q;
    memset(&said, 0, sizeof said);
    ask_about(&q, 5, 0, 400, 10, 512);
    said.cancel_at_prompt = 3;
    good(ask(e, &q, &said, NULL));
    wait_for(&said);
    good(said.status);
    assert_int_equal(said.r.finish, HEARTH_FINISH_CANCELLED);
    assert_int_equal(said.r.prompt_tokens, 48);
    assert_int_equal(said.n, 0);
    hearth_engine_close(e);
}

/* What happened in which order, by all together. */
static struct { char who[600]; int n, hold, ended; } events;
static int note_token(void *user, const struct hearth_token *t)
{
    (void)t;
    while (__atomic_load_n(&events.hold, __ATOMIC_ACQUIRE)) usleep(100);
    if (events.n < 599) events.who[events.n++] = *(char *)user;
    return 0;
}
static int note_prompt(void *user, size_t done, size_t total)
{
    if (events.n < 599) events.who[events.n++] = (char)(done == total ? *(char *)user & ~32 : *(char *)user);
    return 0;
}
static void note_end(void *user, const struct hearth_end *end)
{
    (void)user;
    pthread_mutex_lock(&said_lock);
    assert_int_equal(end->status, HEARTH_OK);
    events.ended++;
    if (events.n < 599) events.who[events.n++] = '.';
    pthread_cond_broadcast(&said_end);
    pthread_mutex_unlock(&said_lock);
}

/* r: a running answer; a, b: long prompts of one tenant; c: a shorter one of another. */
static void nobody_is_stalled_by_long_prompts(void **state)
{
    (void)state;
    static struct question q[4];
    char name[] = "rabc";
    struct hearth_engine *e = open_engine(model, (struct hearth_engine_params){ .chunk = 129, .no_lookup = 1 });
    memset(&events, 0, sizeof events);
    events.hold = 1;                 /* the answer waits at its first token until all have asked */
    for (int i = 0; i < 4; i++) {
        ask_about(&q[i], i + 40, 0, i == 0 ? 5 : i == 3 ? 120 : 450, i == 0 ? 100 : 1, 512);
        struct hearth_request r = { .prompt = q[i].prompt, .n = q[i].n, .params = q[i].p, .tenant = i == 3 ? "bert" : "anna", .on_end = note_end };
        r.params.sampling.bias = q[i].bias, r.params.user = &name[i];
        r.params.n_stop = 0;
        r.params.on_text = NULL, r.params.on_token = i == 0 ? note_token : NULL, r.params.on_prompt = i ? note_prompt : NULL;
        good(hearth_engine_submit(e, &r, NULL));
    }
    __atomic_store_n(&events.hold, 0, __ATOMIC_RELEASE);
    pthread_mutex_lock(&said_lock);
    while (events.ended < 4) pthread_cond_wait(&said_end, &said_lock);
    pthread_mutex_unlock(&said_lock);
    const char *c = strchr(events.who, 'C'), *a = strchr(events.who, 'A'), *b = strchr(events.who, 'B');
    assert_true(a && b && c);
    assert_true(c < a && a < b);     /* turns between tenants; the oldest first within one */
    for (const char *p = events.who; p < b; p++)  /* a token of the answer between any two pieces of one prompt */
        if (*p == 'a' || *p == 'b') {
            const char *next = p + 1;
            while (next < b && *next != 'r') assert_true(*next++ != *p);
        }
    hearth_engine_close(e);
}

/* ---- people who come and go, from threads of their own ---- */

enum { PEOPLE = 4, EACH = 10, KNOWN = 8 };
static struct question known[KNOWN];
static struct said known_answer[KNOWN];
struct person { pthread_t id; struct hearth_engine *e; int who, wrong, cut; };

static void *come_and_go(void *arg)
{
    struct person *p = arg;
    struct said *s = calloc(2, sizeof *s);
    for (int i = 0; s && i < EACH; i++) {
        uint64_t ticket[2];
        int q[2];
        memset(s, 0, 2 * sizeof *s);
        for (int k = 0; k < 2; k++) {
            q[k] = (int)(random_uniform((uint64_t)p->who, (uint64_t)(2 * i + k), 1) * KNOWN) % KNOWN;
            p->wrong += ask(p->e, &known[q[k]], &s[k], &ticket[k]) != HEARTH_OK;
        }
        if (i % 3 == 0) hearth_engine_cancel(p->e, ticket[i % 2]);
        for (int k = 0; k < 2; k++) {
            wait_for(&s[k]);
            if (s[k].status == HEARTH_ECANCELLED || s[k].r.finish == HEARTH_FINISH_CANCELLED) p->cut++;
            else p->wrong += s[k].status || s[k].n != known_answer[q[k]].n || memcmp(s[k].id, known_answer[q[k]].id, s[k].n * sizeof *s[k].id) != 0;
        }
    }
    free(s);
    return NULL;
}

/* So little memory that what is remembered is forgotten all the time. */
static void people_come_and_go(void **state)
{
    (void)state;
    struct person p[PEOPLE] = { { 0 } };
    struct hearth_engine_stats s;
    struct hearth_memory mem;
    good(hearth_model_memory(model, CTX, HEARTH_KV_F16, &mem));
    struct hearth_engine *e = open_engine(model, (struct hearth_engine_params){ .parallel = 6, .chunk = 90, .kv_bytes = mem.kv_cache * 3 / 2 });
    for (int i = 0; i < KNOWN; i++) {
        ask_about(&known[i], i, i < 5 ? 200 : 0, 10 + 12 * (size_t)i, 20, 512);
        lone(model, &known[i], HEARTH_KV_F16, CTX, &known_answer[i]);
    }
    for (int i = 0; i < PEOPLE; i++) {
        p[i].e = e, p[i].who = i;
        assert_int_equal(pthread_create(&p[i].id, NULL, come_and_go, &p[i]), 0);
    }
    for (int i = 0; i < PEOPLE; i++) {
        pthread_join(p[i].id, NULL);
        assert_int_equal(p[i].wrong, 0);
        assert_true(p[i].cut <= EACH / 3 + 1);
    }
    hearth_engine_stats(e, &s);
    assert_int_equal(s.requests, 2 * PEOPLE * EACH);
    assert_int_equal(s.failed, 0);
    assert_int_equal(s.kv_used, 0);
    assert_true(s.cached_tokens > 0);
    hearth_engine_close(e);
}

static void closing_ends_everybody_once(void **state)
{
    (void)state;
    static struct said said[12];
    struct question q;
    for (int round = 0; round < 3; round++) {
        struct hearth_engine *e = open_engine(model, (struct hearth_engine_params){ .parallel = 4 });
        memset(said, 0, sizeof said);
        ask_about(&q, 4, 0, 200, 60, 512);
        for (int i = 0; i < 12; i++) good(ask(e, &q, &said[i], NULL));
        if (round) wait_for(&said[0]);
        hearth_engine_close(e);
        for (int i = 0; i < 12; i++) {
            assert_int_equal(said[i].ended, 1);
            assert_true(said[i].status == HEARTH_ECANCELLED || said[i].status == HEARTH_OK);
        }
    }
    hearth_engine_close(NULL);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    struct hearth_engine *e = open_engine(model, (struct hearth_engine_params){ .ctx = 128 }), *none;
    static struct said said;
    struct question q;
    memset(&said, 0, sizeof said);
    ask_about(&q, 1, 0, 129, 5, 512);
    assert_int_equal(ask(e, &q, &said, NULL), HEARTH_ECONTEXT);
    q.n = 0;
    assert_int_equal(ask(e, &q, &said, NULL), HEARTH_EUSAGE);
    q.n = 10, q.prompt[3] = 512;
    assert_int_equal(ask(e, &q, &said, NULL), HEARTH_EUSAGE);
    assert_non_null(strstr(hearth_errmsg(), "token 3 is id 512"));
    q.prompt[3] = 3, q.p.max_tokens = -2;
    assert_int_equal(ask(e, &q, &said, NULL), HEARTH_EUSAGE);
    q.p.max_tokens = 3, q.p.sampling.temperature = -1;
    assert_int_equal(ask(e, &q, &said, NULL), HEARTH_EUSAGE);
    assert_int_equal(said.ended, 0);
    assert_int_equal(hearth_engine_open(model, &(struct hearth_engine_params){ .ctx = 512, .kv_bytes = 1000 }, &none), HEARTH_EUSAGE);
    assert_int_equal(hearth_engine_open(model, &(struct hearth_engine_params){ .parallel = 5000 }, &none), HEARTH_EUSAGE);
    hearth_engine_close(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beginnings_are_shared_within_a_tenant),
        cmocka_unit_test(adapters_have_beginnings_of_their_own),
        cmocka_unit_test(another_models_adapter_is_refused),
        cmocka_unit_test(answers_are_remembered_too),
        cmocka_unit_test(the_same_beginning_at_once_is_computed_once),
        cmocka_unit_test(guesses_are_made_and_often_right),
        cmocka_unit_test(guesses_follow_a_grammar),
        cmocka_unit_test(a_full_queue_refuses),
        cmocka_unit_test(one_tenant_leaves_places_for_others),
        cmocka_unit_test(cancelled_while_the_prompt_is_read),
        cmocka_unit_test(nobody_is_stalled_by_long_prompts),
        cmocka_unit_test(people_come_and_go),
        cmocka_unit_test(closing_ends_everybody_once),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, setup, teardown);
}
