/* test_fault_batch.c - an engine opened, asked and closed with every allocation refused in turn; the promises that its steps allocate
 * nothing and that its memory stays as it is however many requests come. */
#include "fault/fault.h"

#include <pthread.h>
#include "model_maker.h"

enum { PROMPT = 100, ANSWER = 20 };

static struct hearth_model *model;
static int32_t prompt[PROMPT];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t change = PTHREAD_COND_INITIALIZER;

struct asked { int ended; enum hearth_status st; size_t tokens; int32_t last; long first_call, last_call; int *hold; };

static int on_token(void *user, const struct hearth_token *t)
{
    struct asked *a = user;
    while (a->hold && __atomic_load_n(a->hold, __ATOMIC_ACQUIRE)) usleep(100);
    a->last_call = atomic_load(&fault.calls);
    if (a->tokens++ == 0) a->first_call = a->last_call;
    a->last = t->id;
    return 0;
}

static void on_end(void *user, const struct hearth_end *end)
{
    struct asked *a = user;
    pthread_mutex_lock(&lock);
    a->st = end->status;
    a->ended = 1;
    pthread_cond_broadcast(&change);
    pthread_mutex_unlock(&lock);
}

static void wait_for(struct asked *a)
{
    pthread_mutex_lock(&lock);
    while (!a->ended) pthread_cond_wait(&change, &lock);
    pthread_mutex_unlock(&lock);
}

static enum hearth_status ask(struct hearth_engine *e, struct asked *a, const char *tenant, int at)
{
    static const char *const stops[] = { "never met, as long as this", "nor this" };
    static const struct hearth_bias no_end[] = { { 2, -1e4f } };
    struct hearth_request q = { .prompt = prompt + at, .n = PROMPT - (size_t)at, .tenant = tenant, .on_end = on_end };
    q.params = (struct hearth_generate_params){ .max_tokens = ANSWER, .logprobs = 2, .stop = stops, .n_stop = 2, .on_token = on_token, .user = a };
    hearth_sampling_defaults(&q.params.sampling);
    q.params.sampling.bias = no_end, q.params.sampling.n_bias = 1, q.params.sampling.temperature = 0;
    return hearth_engine_submit(e, &q, NULL);
}

/* Two questions of two tenants and an embedding. */
static enum hearth_status whole_life(void *arg)
{
    static int32_t known[2];
    struct asked a[2] = { { 0 } };
    float out[64];
    int asked = 0;
    struct hearth_engine *e = NULL;
    enum hearth_status st = hearth_engine_open(model, &(struct hearth_engine_params){ .ctx = 128, .parallel = 2, .queue = 2 }, &e);
    (void)arg;
    while (st == HEARTH_OK && asked < 2) {
        st = ask(e, &a[asked], asked ? "anna" : NULL, asked);
        if (st == HEARTH_OK) asked++;
    }
    if (st == HEARTH_OK) st = hearth_engine_embed(e, prompt, 30, out);
    for (int i = 0; i < asked; i++) { /* what was taken in is answered, whatever became of the others */
        wait_for(&a[i]);
        assert_int_equal(a[i].st, HEARTH_OK);
        assert_int_equal(a[i].tokens, ANSWER);
        if (known[i]) assert_int_equal(a[i].last, known[i]);
        known[i] = a[i].last;
    }
    hearth_engine_close(e);
    return st;
}

static void every_allocation_refused(void **state)
{
    (void)state;
    fault_sweep(whole_life, NULL, 1);
}

static void steps_allocate_nothing(void **state)
{
    (void)state;
    enum { N = 10 };
    static struct asked a[N];
    int hold = 1;
    struct hearth_engine *e;
    assert_int_equal(hearth_engine_open(model, &(struct hearth_engine_params){ .ctx = 128, .parallel = N }, &e), HEARTH_OK);
    for (int i = 0; i < N; i++) {
        a[i].hold = &hold;
        assert_int_equal(ask(e, &a[i], i % 2 ? "anna" : "bert", i), HEARTH_OK);
    }
    __atomic_store_n(&hold, 0, __ATOMIC_RELEASE);
    for (int i = 0; i < N; i++) wait_for(&a[i]);
    for (int i = 0; i < N; i++) assert_int_equal(a[i].last_call, a[0].first_call);
    hearth_engine_close(e);
}

static void memory_stays_as_it_is(void **state)
{
    (void)state;
    static struct asked a[8];
    char tenant[16];
    long live = 0;
    struct hearth_engine *e;
    struct hearth_engine_stats s;
    assert_int_equal(hearth_engine_open(model, &(struct hearth_engine_params){ .ctx = 128, .parallel = 4 }, &e), HEARTH_OK);
    for (int round = 0; round < 60; round++) {
        memset(a, 0, sizeof a);
        for (int i = 0; i < 8; i++) {
            snprintf(tenant, sizeof tenant, "tenant %d", round * 8 + i); /* new ones all the time */
            assert_int_equal(ask(e, &a[i], tenant, i), HEARTH_OK);
        }
        for (int i = 0; i < 8; i++) wait_for(&a[i]);
        do hearth_engine_stats(e, &s); while (s.running);
        if (round == 20) live = atomic_load(&fault.live);
    }
    /* a tenant is kept while something is remembered for it: as many as there are blocks, and those of the last round */
    assert_true(atomic_load(&fault.live) <= live + 16);
    assert_int_equal(s.kv_used, 0);
    assert_true(s.kv_remembered <= s.kv_bytes);
    hearth_engine_close(e);
}

static int setup(void **state)
{
    (void)state;
    char path[] = "/tmp/hearth-fault-XXXXXX";
    struct model_spec spec = { .type = "Q4_0", .width = 64, .seed = 5 };
    int fd = mkstemp(path);
    if (fd < 0) return -1;
    close(fd);
    if (model_make(path, &spec) || hearth_model_open(path, &(struct hearth_model_params){ .threads = 2 }, &model)) return -1;
    unlink(path);
    for (int i = 0; i < PROMPT; i++) prompt[i] = 3 + i * 37 % 500;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hearth_model_close(model);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_refused),
        cmocka_unit_test(steps_allocate_nothing),
        cmocka_unit_test(memory_stays_as_it_is),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, setup, teardown);
}
