/* test_threads.c - one model, sessions of several threads at once, as hearth.h allows: each tokenizes, renders, evaluates and
 * generates as if it were alone, bit for bit.  make tsan looks over its shoulder. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hearth.h"
#include "model_maker.h"

#include <cmocka.h>

enum { PEOPLE = 4, ANSWER = 12 };
static char path[] = "/tmp/hearth-threads.XXXXXX";

struct person {
    struct hearth_model *m;
    int seed;
    enum hearth_status st;
    char message[256];
    int32_t answer[ANSWER];
    int n;
    float logits[512];
};

static int keep(void *user, const struct hearth_token *t)
{
    struct person *p = user;
    if (p->n < ANSWER) p->answer[p->n++] = t->id;
    return 0;
}

static enum hearth_status talk(struct person *p, struct hearth_session *s)
{
    char words[64], *text = NULL;
    int32_t *ids = NULL;
    size_t len, n;
    struct hearth_generate_params g = {.max_tokens = ANSWER, .logprobs = -1, .on_token = keep, .user = p};
    struct hearth_result r;
    hearth_sampling_defaults(&g.sampling);
    g.sampling.temperature = 0.8f, g.sampling.seed = (uint64_t)p->seed;
    snprintf(words, sizeof words, "[{\"role\":\"user\",\"content\":\"question %d of many\"}]", p->seed);
    enum hearth_status st = hearth_chat_render(p->m, words, NULL, 1, &text, &len);
    if (st == HEARTH_OK) st = hearth_tokenize(p->m, text, len, 0, &ids, &n);
    if (st == HEARTH_OK) st = hearth_generate(s, ids, n, &g, &r);
    if (st == HEARTH_OK) memcpy(p->logits, hearth_session_logits(s), sizeof p->logits);
    hearth_free(text);
    hearth_free(ids);
    return st;
}

static void *live(void *arg)
{
    struct person *p = arg;
    struct hearth_session *s = NULL;
    p->n = 0;
    p->st = hearth_session_open(p->m, &(struct hearth_session_params){.ctx = 128, .chunk = 16}, &s);
    if (p->st == HEARTH_OK) p->st = talk(p, s);
    if (p->st != HEARTH_OK) snprintf(p->message, sizeof p->message, "%s", hearth_errmsg());
    hearth_session_close(s);
    return NULL;
}

static void together_as_alone(void **state)
{
    (void)state;
    static struct person alone[PEOPLE], together[PEOPLE];
    struct hearth_model *m;
    pthread_t thread[PEOPLE];
    assert_int_equal(hearth_model_open(path, &(struct hearth_model_params){.threads = 2}, &m), HEARTH_OK);
    struct hearth_model_info info;
    hearth_model_describe(m, &info);
    assert_int_equal(info.vocabulary, sizeof alone->logits / sizeof *alone->logits);
    for (int i = 0; i < PEOPLE; i++) {
        alone[i] = together[i] = (struct person){.m = m, .seed = i + 1};
        live(&alone[i]);
        assert_string_equal(alone[i].message, "");
    }
    assert_memory_not_equal(alone[0].logits, alone[1].logits, sizeof alone->logits);
    for (int i = 0; i < PEOPLE; i++) assert_int_equal(pthread_create(&thread[i], NULL, live, &together[i]), 0);
    for (int i = 0; i < PEOPLE; i++) assert_int_equal(pthread_join(thread[i], NULL), 0);
    for (int i = 0; i < PEOPLE; i++) {
        assert_string_equal(together[i].message, "");
        assert_int_equal(together[i].n, alone[i].n);
        assert_memory_equal(together[i].answer, alone[i].answer, sizeof alone->answer);
        assert_memory_equal(together[i].logits, alone[i].logits, sizeof alone->logits);
    }
    hearth_model_close(m);
}

static void *break_something(void *arg)
{
    struct hearth_model *m;
    struct person *p = arg;
    for (int i = 0; i < 50; i++) {
        snprintf(p->message, sizeof p->message, "/no/such/model-%d-%d.gguf", p->seed, i);
        p->st = hearth_model_open(p->message, NULL, &m);
        if (p->st != HEARTH_ENOTFOUND || !strstr(hearth_errmsg(), p->message)) return p;
    }
    return NULL;
}

/* The message of a failure is that of the thread which failed. */
static void messages_of_their_own(void **state)
{
    (void)state;
    struct person p[PEOPLE];
    pthread_t thread[PEOPLE];
    void *wrong;
    for (int i = 0; i < PEOPLE; i++) {
        p[i].seed = i;
        assert_int_equal(pthread_create(&thread[i], NULL, break_something, &p[i]), 0);
    }
    for (int i = 0; i < PEOPLE; i++) {
        assert_int_equal(pthread_join(thread[i], &wrong), 0);
        assert_null(wrong);
    }
}

int main(void)
{
    static const char chat[] = "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}{{ raise_exception('no') if not messages }}";
    int fd = mkstemp(path);
    if (fd < 0 || close(fd)) return 1;
    if (model_make(path, &(struct model_spec){.type = "Q4_K,Q8_0", .embed_type = "Q8_0", .chat_template = chat, .seed = 3}) != HEARTH_OK) {
        fprintf(stderr, "%s\n", hearth_errmsg());
        return 1;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(together_as_alone), cmocka_unit_test(messages_of_their_own)};
    int bad = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return bad;
}
