/* test_receipt_engine.c - receipts of an engine's requests: the same taps, what they say of the engine, and replay of what it answered,
 * alone, among others, cancelled or held by a grammar. */
#include <pthread.h>

#include "account/replay.h"
#include "account/transcript.h"
#include "hub_test.h"
#include "model_maker.h"

enum { CTX = 192 };

static struct hearth_model *model;
static struct hearth_engine *engine;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;

static int begin(void **state)
{
    struct model_spec spec = {.type = "Q8_0", .layers = 1, .width = 64, .heads = 2, .kv_heads = 1, .seed = 5};
    struct hearth_engine_params ep = {.ctx = CTX, .kv = HEARTH_KV_Q8_0, .parallel = 4};
    if (home_make(state)) return 1;
    setenv("HEARTH_PASSPHRASE", "", 1);
    return model_make(in_home("m.gguf"), &spec) != HEARTH_OK ||
           hearth_model_open(in_home("m.gguf"), &(struct hearth_model_params){.threads = 1}, &model) != HEARTH_OK ||
           hearth_engine_open(model, &ep, &engine) != HEARTH_OK;
}

static int end(void **state)
{
    hearth_engine_close(engine);
    hearth_model_close(model);
    return home_remove(state);
}

struct asked { struct hearth_receipt *h; uint64_t ticket; size_t tokens, cancel_at, bytes; int prompts, leave_in_prompt, over; struct hearth_end end; };

static int on_token(void *user, const struct hearth_token *t)
{
    struct asked *a = user;
    assert_true(t->id >= 0);
    return ++a->tokens == a->cancel_at;
}

static int on_text(void *user, const char *text, size_t n)
{
    assert_non_null(text);
    ((struct asked *)user)->bytes += n;
    return 0;
}

static int on_prompt(void *user, size_t done, size_t total)
{
    assert_true(done <= total);
    struct asked *a = user;
    a->prompts++;
    return a->leave_in_prompt;
}

static void on_end(void *user, const struct hearth_end *e)
{
    struct asked *a = user;
    pthread_mutex_lock(&lock);
    a->end = *e;
    a->over++;
    pthread_cond_broadcast(&ended);
    pthread_mutex_unlock(&lock);
}

static void submit(struct asked *a, const char *text, int max_tokens, uint64_t seed, const struct hearth_grammar *g)
{
    static const struct hearth_receipt_params p = {.model = "tiny", .key = "anna", .keep = 1};
    struct hearth_request q = {.on_end = on_end, .tenant = "anna",
                               .params = {.max_tokens = max_tokens, .logprobs = -1, .on_token = on_token, .on_text = on_text,
                                          .on_prompt = on_prompt, .user = a, .grammar = g}};
    int32_t *ids = NULL;
    hearth_sampling_defaults(&q.params.sampling);
    q.params.sampling.seed = seed;
    assert_ok(hearth_tokenize(model, text, strlen(text), HEARTH_TOK_SPECIAL, &ids, &q.n));
    q.prompt = ids;
    assert_ok(hearth_receipt_open(&p, &a->h));
    assert_ok(hearth_receipt_submit(a->h, engine, &q, &a->ticket));
    hearth_free(ids);
}

static void wait_for(struct asked *a)
{
    pthread_mutex_lock(&lock);
    while (!a->over) pthread_cond_wait(&ended, &lock);
    pthread_mutex_unlock(&lock);
    assert_int_equal(a->over, 1);
    assert_int_equal(a->end.status, HEARTH_OK);
}

/* The receipt written, read back, replayed; what the caller wants to see of it is in *r, *t. */
static void replays(struct asked *a, struct receipt *r, struct transcript *t)
{
    struct replay again;
    uint64_t number;
    assert_ok(hearth_receipt_write(a->h, &number));
    assert_ok(receipt_parse(hearth_receipt_json(a->h), strlen(hearth_receipt_json(a->h)), r));
    assert_ok(transcript_load(r->id, t));
    assert_ok(transcript_check(t, r));
    assert_string_equal(r->arithmetic.kv, "q8_0");
    assert_int_equal(t->context, CTX);
    assert_int_equal(t->kv, HEARTH_KV_Q8_0);
    assert_string_equal(r->key, "anna");
    assert_string_equal(r->model.name, "tiny");
    assert_int_equal(r->answer_tokens, a->tokens);
    assert_int_equal(strlen(t->text) > 0, a->bytes > 0);
    assert_ok(replay_run(r, t, model, &(struct replay_params){0}, &again));
    assert_string_equal(again.contradiction, "");
    assert_true(again.equal && again.tokens == a->tokens);
}

static void done(struct asked *a, struct receipt *r, struct transcript *t)
{
    transcript_free(t);
    receipt_free(r);
    hearth_receipt_close(a->h);
}

static void one_alone(void **state)
{
    struct asked a = {0};
    struct receipt r;
    struct transcript t;
    (void)state;
    submit(&a, "hello there", 20, 7, NULL);
    assert_fails(hearth_receipt_submit(a.h, engine, &(struct hearth_request){0}, &a.ticket), HEARTH_EUSAGE, "once a receipt");
    wait_for(&a);
    assert_true(a.prompts > 0 && a.tokens > 0);
    replays(&a, &r, &t);
    assert_int_equal(r.constrained, 0);
    assert_string_equal(r.finish, a.end.result.finish == HEARTH_FINISH_STOP ? "stop" : "length");
    assert_non_null(r.footprint);
    done(&a, &r, &t);
}

static void many_together(void **state)
{
    struct asked a[12] = {{0}};
    struct receipt r;
    struct transcript t;
    (void)state;
    for (int i = 0; i < 12; i++) submit(&a[i], i & 1 ? "one text" : "another, longer text that has a few more words in it", 10 + 3 * i, (uint64_t)i, NULL);
    for (int i = 0; i < 12; i++) {
        wait_for(&a[i]);
        replays(&a[i], &r, &t);
        done(&a[i], &r, &t);
    }
}

static void cancelled(void **state)
{
    struct asked a = {.cancel_at = 5}, b = {.leave_in_prompt = 1}, c = {0};
    struct receipt r;
    struct transcript t;
    (void)state;
    submit(&a, "left in the middle", 100, 3, NULL);
    wait_for(&a);
    replays(&a, &r, &t);
    assert_string_equal(r.finish, "cancelled");
    assert_int_equal(r.answer_tokens, 5);
    assert_int_equal(t.params.max_tokens, 100);            /* what was asked for, not how far it came */
    done(&a, &r, &t);
    submit(&b, "left before it began", 100, 3, NULL);
    wait_for(&b);
    replays(&b, &r, &t);
    assert_string_equal(r.finish, "cancelled");
    assert_int_equal(r.answer_tokens, 0);
    done(&b, &r, &t);
    /* what the engine refuses leaves a receipt that cannot be written */
    struct hearth_request q = {.on_end = on_end, .prompt = (const int32_t[CTX + 1]){0}, .n = CTX + 1, .params = {.user = &c, .logprobs = -1}};
    hearth_sampling_defaults(&q.params.sampling);
    assert_ok(hearth_receipt_open(NULL, &c.h));
    assert_fails(hearth_receipt_submit(c.h, engine, &q, &c.ticket), HEARTH_ECONTEXT, "193 tokens are more than the 192");
    assert_fails(hearth_receipt_write(c.h, NULL), HEARTH_EUSAGE, "nothing was generated");
    hearth_receipt_close(c.h);
}

static void held_by_a_grammar(void **state)
{
    static const char yes_no[] = "root ::= (\"yes\" | \"no\") (\", \" (\"yes\" | \"no\"))*",
                      schema[] = "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"]}";
    struct hearth_grammar *g[2];
    struct receipt r;
    struct transcript t;
    (void)state;
    assert_ok(hearth_grammar_open(model, HEARTH_GBNF, yes_no, strlen(yes_no), &g[0]));
    assert_ok(hearth_grammar_open(model, HEARTH_JSON_SCHEMA, schema, strlen(schema), &g[1]));
    for (int i = 0; i < 8; i++) {
        struct asked a = {.cancel_at = i == 7 ? 3 : 0};
        submit(&a, "answer", 24, (uint64_t)i, g[i & 1]);
        wait_for(&a);
        replays(&a, &r, &t);
        assert_int_equal(r.constrained, 1);
        assert_string_equal(t.grammar, i & 1 ? schema : yes_no);
        assert_int_equal(t.grammar_kind, i & 1 ? HEARTH_JSON_SCHEMA : HEARTH_GBNF);
        assert_null(strstr(hearth_receipt_json(a.h), "yes"));     /* committed to, not written */
        done(&a, &r, &t);
    }
    hearth_grammar_close(g[0]);
    hearth_grammar_close(g[1]);
}

static void servers_keep_when_the_ini_says_so(void **state)
{
    int kept = 1;
    (void)state;
    assert_ok(transcript_of_servers(&kept));
    assert_int_equal(kept, 0);
    write_text(in_home("hearth.ini"), "[transcripts]\nserver = yes\n");
    assert_ok(transcript_of_servers(&kept));
    assert_int_equal(kept, 1);
    write_text(in_home("hearth.ini"), "[transcripts]\nserver = maybe\n");
    assert_fails(transcript_of_servers(&kept), HEARTH_EFORMAT, "[transcripts] server is \"maybe\", should be yes or no");
    unlink(in_home("hearth.ini"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_alone), cmocka_unit_test(many_together), cmocka_unit_test(cancelled), cmocka_unit_test(held_by_a_grammar),
        cmocka_unit_test(servers_keep_when_the_ini_says_so)};
    return cmocka_run_group_tests(tests, begin, end);
}
