/* test_batch_edges.c - what an engine does besides answering, and when something goes wrong: log-probabilities of prompts, embeddings,
 * numbers that are not finite in one of many, memory that stays flat. */
#include "engine_test.h"

#include <fcntl.h>
#include <math.h>

#include "file/gguf.h"
#include "infer/sampler.h"
#include "model/forward.h"

enum { CTX = 256, POISON = 300 };    /* POISON: the token whose embedding is not finite */

static struct hearth_model *model;   /* F32, the embedding of POISON infinite */

static void poison(const char *path)
{
    struct gguf *g;
    float bad[64];
    for (int i = 0; i < 64; i++) bad[i] = INFINITY;
    good(gguf_open(path, 1, &g));
    const struct gguf_tensor *t = gguf_find_tensor(g, "token_embd.weight");
    assert_non_null(t);
    off_t at = (off_t)t->offset + POISON * (off_t)sizeof bad;
    gguf_close(g);
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, bad, sizeof bad, at), sizeof bad);
    close(fd);
}

static int setup(void **state)
{
    (void)state;
    char path[] = "/tmp/hearth-engine-XXXXXX";
    struct model_spec spec = { .width = 64, .seed = 8 };
    int fd = mkstemp(path);
    if (fd < 0) return -1;
    close(fd);
    good(model_make(path, &spec));
    poison(path);
    good(hearth_model_open(path, &(struct hearth_model_params){ .threads = 2 }, &model));
    unlink(path);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hearth_model_close(model);
    return 0;
}

static struct hearth_engine *open_engine(struct hearth_engine_params p)
{
    struct hearth_engine *e;
    if (!p.ctx) p.ctx = CTX;
    good(hearth_engine_open(model, &p, &e));
    return e;
}

/* A question without the poisoned token. */
static void healthy(struct question *q, int i, size_t shared, size_t own, int answer)
{
    ask_about(q, i, shared, own, answer, 512);
    for (size_t t = 0; t < q->n; t++) if (q->prompt[t] == POISON) q->prompt[t]++;
    q->bias[1] = (struct hearth_bias){ POISON, -INFINITY };
    q->bias[0] = (struct hearth_bias){ 2, -1e4f };
    q->p.sampling.n_bias = 2;
}

/* ---- what is not finite ---- */

static void only_who_is_not_finite_fails(void **state)
{
    (void)state;
    enum { N = 9 };
    static struct question q[N];
    static struct said want[N], said[N];
    for (int at = 0; at < 2; at++) { /* the fault in the first piece of a prompt, in a later one */
        struct hearth_engine *e = open_engine((struct hearth_engine_params){ .parallel = N, .chunk = 64 });
        struct hearth_engine_stats s;
        memset(said, 0, sizeof said);
        for (int i = 0; i < N; i++) {
            healthy(&q[i], i, 70, 60, 20);
            if (i != 4) lone(model, &q[i], HEARTH_KV_F16, CTX, &want[i]);
        }
        q[4].prompt[at ? 110 : 20] = POISON;
        for (int i = 0; i < N; i++) good(ask(e, &q[i], &said[i], NULL));
        for (int i = 0; i < N; i++) {
            wait_for(&said[i]);
            if (i != 4) same(&want[i], &said[i]);
        }
        assert_int_equal(said[4].status, HEARTH_ENUMERIC);
        assert_non_null(strstr(said[4].message, "not finite"));
        assert_int_equal(said[4].n, 0);
        hearth_engine_stats(e, &s);
        assert_int_equal(s.failed, 1);
        assert_int_equal(s.kv_used, 0);
        hearth_engine_close(e);
    }
}

/* One fails in the middle of its answer, while the other one is guessing. */
static void a_failing_answer_leaves_the_other_one(void **state)
{
    (void)state;
    static struct question q[2];
    static struct said want[2], said[2];
    struct hearth_engine *e = open_engine((struct hearth_engine_params){ 0 });
    struct hearth_engine_stats s;
    memset(said, 0, sizeof said);
    healthy(&q[0], 4, 0, 40, 200);
    healthy(&q[1], 8, 0, 40, 20);
    q[1].bias[1].bias = 1e6f;        /* POISON is its first token */
    for (int i = 0; i < 2; i++) lone(model, &q[i], HEARTH_KV_F16, CTX, &want[i]);
    assert_int_equal(want[1].status, HEARTH_ENUMERIC);
    for (int round = 0; round < 4; round++) {
        memset(said, 0, sizeof said);
        good(ask(e, &q[0], &said[0], NULL));
        do hearth_engine_stats(e, &s); while (s.running && s.accepted_tokens < 40u * (unsigned)round);
        good(ask(e, &q[1], &said[1], NULL));
        for (int i = 0; i < 2; i++) wait_for(&said[i]);
        same(&want[0], &said[0]);
        assert_int_equal(said[1].status, HEARTH_ENUMERIC);
        assert_int_equal(said[1].n, 1);
    }
    hearth_engine_close(e);
}

static void a_bias_against_everything_ends_only_its_own(void **state)
{
    (void)state;
    static struct question q[3];
    static struct said want[3], said[3];
    static struct hearth_bias all[512];
    struct hearth_engine *e = open_engine((struct hearth_engine_params){ 0 });
    memset(said, 0, sizeof said);
    for (int i = 0; i < 512; i++) all[i] = (struct hearth_bias){ i, -INFINITY };
    for (int i = 0; i < 3; i++) {
        healthy(&q[i], i, 0, 30, 20);
        lone(model, &q[i], HEARTH_KV_F16, CTX, &want[i]);
        struct hearth_request r = { .prompt = q[i].prompt, .n = q[i].n, .params = q[i].p, .on_end = say_end };
        r.params.user = &said[i], r.params.sampling.bias = i == 1 ? all : q[i].bias;
        if (i == 1) r.params.sampling.n_bias = 512;
        good(hearth_engine_submit(e, &r, NULL));
    }
    for (int i = 0; i < 3; i++) wait_for(&said[i]);
    same(&want[0], &said[0]);
    same(&want[2], &said[2]);
    assert_int_equal(said[1].status, HEARTH_EUSAGE);
    assert_non_null(strstr(said[1].message, "logit_bias"));
    hearth_engine_close(e);
}

/* ---- log-probabilities of a prompt ---- */

static struct { struct hearth_token t[CTX]; struct hearth_logprob top[CTX][3]; size_t n, cancel; } prompt_said;

static int say_prompt_token(void *user, const struct hearth_token *t)
{
    (void)user;
    size_t i = prompt_said.n++;
    prompt_said.t[i] = *t;
    for (int k = 0; k < t->n_top && k < 3; k++) prompt_said.top[i][k] = t->top[k];
    return prompt_said.n == prompt_said.cancel;
}

static void check_prompt_tokens(const struct question *q, int tops)
{
    struct hearth_session *s;
    float *all = malloc(q->n * 512 * sizeof *all);
    good(hearth_session_open(model, &(struct hearth_session_params){ .ctx = CTX }, &s));
    good(hearth_session_eval_all(s, q->prompt, q->n, all));
    assert_int_equal(prompt_said.n, q->n);
    assert_true(isnan(prompt_said.t[0].logprob) && prompt_said.t[0].n_top == 0);
    for (size_t i = 0; i < q->n; i++) {
        struct hearth_logprob top[3];
        float logprob;
        assert_int_equal(prompt_said.t[i].id, q->prompt[i]);
        if (i == 0) continue;
        logits_logprobs(all + (i - 1) * 512, 512, q->prompt[i], tops, &logprob, top);
        assert_memory_equal(&logprob, &prompt_said.t[i].logprob, sizeof logprob);
        assert_int_equal(prompt_said.t[i].n_top, tops);
        assert_memory_equal(top, prompt_said.top[i], (size_t)tops * sizeof *top);
    }
    hearth_session_close(s);
    free(all);
}

static void a_prompts_own_probabilities(void **state)
{
    (void)state;
    static struct question q;
    static struct said want, said, other;
    for (int round = 0; round < 4; round++) {
        struct hearth_engine *e = open_engine((struct hearth_engine_params){ .parallel = 4, .chunk = round % 2 ? 100 : 13 });
        memset(&said, 0, sizeof said);
        memset(&other, 0, sizeof other);
        memset(&prompt_said, 0, sizeof prompt_said);
        healthy(&q, 3, 150, 20, 6);
        good(ask(e, &q, &other, NULL));   /* its beginning is remembered, and must not be used */
        if (round > 1) wait_for(&other);
        q.p.max_tokens = round == 3 ? 0 : 6, q.p.logprobs = round == 2 ? -1 : 2;
        lone(model, &q, HEARTH_KV_F16, CTX, &want);
        struct hearth_request r = { .prompt = q.prompt, .n = q.n, .params = q.p, .prompt_logprobs = 1, .on_prompt_token = say_prompt_token,
                                    .on_end = say_end };
        r.params.user = &said, r.params.sampling.bias = q.bias;
        good(hearth_engine_submit(e, &r, NULL));
        wait_for(&said);
        wait_for(&other);
        same(&want, &said);
        assert_int_equal(said.r.cached_tokens, 0);
        check_prompt_tokens(&q, round == 2 ? 0 : 2);
        memset(&prompt_said, 0, sizeof prompt_said), memset(&said, 0, sizeof said);
        prompt_said.cancel = 5;
        good(hearth_engine_submit(e, &r, NULL));
        wait_for(&said);
        good(said.status);
        assert_int_equal(prompt_said.n, 5);
        assert_int_equal(said.r.finish, HEARTH_FINISH_CANCELLED);
        hearth_engine_close(e);
    }
}

/* ---- embeddings ---- */

/* The definition, token by token with a forward pass of one's own. */
static void embed_by_hand(const int32_t *ids, size_t n, float *out)
{
    struct forward_sizes sizes;
    struct forward *f;
    struct kv_pool *pool;
    struct kv_seq seq;
    double length = 0;
    good(forward_plan(model, CTX, HEARTH_KV_F16, 1, &sizes));
    good(forward_open(model, &sizes, &f));
    good(kv_pool_open(&model->h, sizes.kv, kv_blocks(CTX), &pool));
    good(kv_seq_init(&seq, pool, CTX));
    good(kv_seq_reach(&seq, (uint32_t)n));
    for (int i = 0; i < 64; i++) out[i] = 0;
    for (uint32_t t = 0; t < n; t++) {
        struct span s = { &seq, t, 1, ids + t, SPAN_HIDDEN, NULL, NULL };
        good(forward_step(f, &s, 1, NULL));
        for (int i = 0; i < 64; i++) out[i] += s.out[i];
    }
    for (int i = 0; i < 64; i++) out[i] /= (float)n, length += (double)out[i] * (double)out[i];
    for (int i = 0; i < 64; i++) out[i] = (float)(out[i] / sqrt(length));
    kv_seq_free(&seq);
    kv_pool_close(pool);
    forward_close(f);
}

struct wanted_embedding { struct hearth_engine *e; const struct question *q; float out[64]; enum hearth_status st; };

static void *embed(void *arg)
{
    struct wanted_embedding *w = arg;
    w->st = hearth_engine_embed(w->e, w->q->prompt, w->q->n, w->out);
    return NULL;
}

static void embeddings_alone_and_among_answers(void **state)
{
    (void)state;
    enum { N = 6 };
    static struct question q[N];
    static struct said said[N];
    struct wanted_embedding w[N];
    float alone[N][64], hand[64];
    pthread_t id[N];
    struct hearth_engine *e = open_engine((struct hearth_engine_params){ .chunk = 1 });
    for (int i = 0; i < N; i++) {
        healthy(&q[i], i, 0, 20 + 40 * (size_t)i, 30);
        good(hearth_engine_embed(e, q[i].prompt, q[i].n, alone[i]));
        embed_by_hand(q[i].prompt, q[i].n, hand);
        for (int k = 0; k < 64; k++) assert_true(fabsf(hand[k] - alone[i][k]) < 1e-5f);
    }
    hearth_engine_close(e);
    e = open_engine((struct hearth_engine_params){ .parallel = 5, .chunk = 50 });
    memset(said, 0, sizeof said);
    for (int i = 0; i < N; i++) {
        good(ask(e, &q[i], &said[i], NULL));
        w[i] = (struct wanted_embedding){ .e = e, .q = &q[i] };
        assert_int_equal(pthread_create(&id[i], NULL, embed, &w[i]), 0);
    }
    for (int i = 0; i < N; i++) {
        pthread_join(id[i], NULL);
        wait_for(&said[i]);
        good(w[i].st);
        assert_memory_equal(w[i].out, alone[i], sizeof alone[i]);
    }
    assert_int_equal(hearth_engine_embed(e, q[0].prompt, 0, hand), HEARTH_EUSAGE);
    assert_int_equal(hearth_engine_embed(e, q[0].prompt, CTX + 1, hand), HEARTH_ECONTEXT);
    q[0].prompt[2] = POISON;
    assert_int_equal(hearth_engine_embed(e, q[0].prompt, q[0].n, hand), HEARTH_ENUMERIC);
    assert_non_null(strstr(hearth_errmsg(), "not finite"));
    hearth_engine_close(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_who_is_not_finite_fails),
        cmocka_unit_test(a_failing_answer_leaves_the_other_one),
        cmocka_unit_test(a_bias_against_everything_ends_only_its_own),
        cmocka_unit_test(a_prompts_own_probabilities),
        cmocka_unit_test(embeddings_alone_and_among_answers),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, setup, teardown);
}
