/* test_golden.c - the real models, dequantised, against `transformers` in float32.
 *
 *   logits   200 tokens of mixed text, float arithmetic, F32 KV: within 1e-3 of the reference at every position
 *   greedy   five prompts: the 64 tokens the reference chose.  Prompt and answer are evaluated together and each
 *            position must choose the next token: under the contract (chunks change no bit) that is the same as
 *            choosing one after the other, and ten times faster.  One prompt, or with HEARTH_TEST_ALL=1 every one,
 *            also goes through hearth_generate, token by token.
 *
 * Where the models are: HEARTH_TEST_SMOLLM2 and HEARTH_TEST_GEMMA name the files, else the store in HEARTH_TEST_HOME
 * (else the person's own) must have them: hearth pull smollm2, hearth pull gemma3-270m-base. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#undef fail /* cmocka has a macro of this name; base/status.h a function */

#include <jansson.h>

#include "golden_file.h"
#include "hub/hub.h"

enum { GREEDY = 64, PROMPTS = 5, STEP = 50 };

struct subject { const char *name, *variable, *store_name; };
static const struct subject smollm2 = { "smollm2", "HEARTH_TEST_SMOLLM2", "smollm2" };
static const struct subject gemma = { "gemma", "HEARTH_TEST_GEMMA", "gemma3-270m-base" };

static void good(enum hearth_status st)
{
    if (st != HEARTH_OK) print_message("# %s: %s\n", hearth_status_name(st), hearth_errmsg());
    assert_int_equal(st, HEARTH_OK);
}

static char *model_path(const struct subject *s)
{
    const char *given = getenv(s->variable);
    char *path;
    if (given && *given) return strdup(given);
    good(hub_resolve(s->store_name, &path, NULL));
    return path;
}

static struct hearth_model *open_model(const struct subject *s, const struct golden *check)
{
    struct hearth_model *m;
    char *path = model_path(s);
    if (check) good(golden_check_model(check, path));
    good(hearth_model_open(path, &(struct hearth_model_params){ 0, HEARTH_FLOAT, 0 }, &m));
    free(path);
    return m;
}

static void logits_are_near(void **state)
{
    const struct subject *s = *state;
    char path[64];
    snprintf(path, sizeof path, "tests/golden/%s.bin", s->name);
    struct golden g;
    struct golden_error e = { 0 };
    good(golden_open(path, &g));
    assert_string_equal(g.spec, s->name);
    struct hearth_model *m = open_model(s, &g);
    good(golden_run(&g, m, STEP, &e));
    hearth_model_close(m);
    print_message("# %s: logsumexp %.2g, top %.2g, columns %.2g; the same best at %u of %u positions\n", s->name,
                  e.logsumexp, e.top, e.column, e.best, e.positions);
    assert_int_equal(e.positions, 200);
    assert_true(golden_worst(&e) <= 1e-3);
    golden_close(&g);
}

/* ---- greedy ---- */

struct prompt { const char *text; int32_t ids[128]; size_t n; int32_t answer[GREEDY]; };

static size_t read_ids(const json_t *array, int32_t *ids, size_t cap)
{
    assert_true(json_array_size(array) > 0 && json_array_size(array) <= cap);
    for (size_t i = 0; i < json_array_size(array); i++) ids[i] = (int32_t)json_integer_value(json_array_get(array, i));
    return json_array_size(array);
}

static void tokens_are_right(const struct hearth_model *m, const struct prompt *p)
{
    int32_t *ids;
    size_t n;
    good(hearth_tokenize(m, p->text, strlen(p->text), HEARTH_TOK_SPECIAL | HEARTH_TOK_PARSE, &ids, &n));
    assert_int_equal(n, p->n);
    assert_memory_equal(ids, p->ids, n * sizeof *ids);
    hearth_free(ids);
}

static int32_t first_of(const float *logits, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++) if (logits[i] > logits[best]) best = i;
    return (int32_t)best;
}

static void answer_together(struct hearth_session *s, const struct prompt *p, uint32_t vocab, float *logits)
{
    good(hearth_session_rewind(s, 0));
    good(hearth_session_eval(s, p->ids, p->n - 1, NULL));
    int32_t next[GREEDY];
    next[0] = p->ids[p->n - 1];
    memcpy(next + 1, p->answer, sizeof next - sizeof *next);
    good(hearth_session_eval_all(s, next, GREEDY, logits));
    for (size_t i = 0; i < GREEDY; i++) assert_int_equal(first_of(logits + i * vocab, vocab), p->answer[i]);
}

struct heard { int32_t id[GREEDY]; int n; };
static int hear(void *user, const struct hearth_token *t)
{
    struct heard *h = user;
    assert_true(h->n < GREEDY);
    h->id[h->n++] = t->id;
    return 0;
}

/* An answer may end itself before 64 tokens: then the reference's next token was an end token too. */
static void answer_in_turn(struct hearth_session *s, const struct hearth_model *m, const struct prompt *p)
{
    struct heard h = { .n = 0 };
    struct hearth_result result;
    struct hearth_generate_params g = { .max_tokens = GREEDY, .logprobs = -1, .on_token = hear, .user = &h };
    hearth_sampling_defaults(&g.sampling);
    g.sampling.temperature = 0;
    g.sampling.repeat_penalty = 1;
    g.sampling.presence_penalty = g.sampling.frequency_penalty = 0;
    good(hearth_session_rewind(s, 0));
    good(hearth_generate(s, p->ids, p->n, &g, &result));
    assert_true(h.n > 0);
    assert_memory_equal(h.id, p->answer, (size_t)h.n * sizeof *h.id);
    if (h.n < GREEDY) {
        assert_int_equal(result.finish, HEARTH_FINISH_STOP);
        assert_true(hearth_is_end(m, p->answer[h.n]) || hearth_is_end(m, p->answer[h.n - 1]));
    }
}

static void greedy_is_equal(void **state)
{
    const struct subject *subject = *state;
    char path[64];
    snprintf(path, sizeof path, "tests/golden/%s.json", subject->name);
    json_error_t error;
    json_t *root = json_load_file(path, 0, &error), *prompts = json_object_get(root, "prompts");
    if (!root) print_message("# %s: line %d: %s\n", path, error.line, error.text);
    assert_non_null(root);
    assert_int_equal(json_array_size(prompts), PROMPTS);
    struct hearth_model *m = open_model(subject, NULL);
    struct hearth_model_info info;
    struct hearth_session *s;
    hearth_model_describe(m, &info);
    good(hearth_session_open(m, &(struct hearth_session_params){ .ctx = 256, .kv = HEARTH_KV_F32 }, &s));
    float *logits = malloc((size_t)GREEDY * info.vocabulary * sizeof *logits);
    assert_non_null(logits);
    for (size_t i = 0; i < PROMPTS; i++) {
        const json_t *j = json_array_get(prompts, i);
        struct prompt p = { .text = json_string_value(json_object_get(j, "prompt")) };
        p.n = read_ids(json_object_get(j, "ids"), p.ids, sizeof p.ids / sizeof *p.ids);
        assert_int_equal(read_ids(json_object_get(j, "greedy"), p.answer, GREEDY), GREEDY);
        tokens_are_right(m, &p);
        answer_together(s, &p, info.vocabulary, logits);
        if (i == 0 || getenv("HEARTH_TEST_ALL")) answer_in_turn(s, m, &p);
    }
    free(logits);
    hearth_session_close(s);
    hearth_model_close(m);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        { "SmolLM2 135M: logits", logits_are_near, NULL, NULL, (void *)(uintptr_t)&smollm2 },
        { "SmolLM2 135M: greedy", greedy_is_equal, NULL, NULL, (void *)(uintptr_t)&smollm2 },
        { "Gemma 3 270M: logits", logits_are_near, NULL, NULL, (void *)(uintptr_t)&gemma },
        { "Gemma 3 270M: greedy", greedy_is_equal, NULL, NULL, (void *)(uintptr_t)&gemma },
    };
    const char *home = getenv("HEARTH_TEST_HOME");
    if (home && *home) setenv("HEARTH_HOME", home, 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
