/* test_generate.c - hearth_generate on a small model of random weights: the same tokens as evaluating and choosing by
 * hand, every way an answer can end, what the session holds afterwards, and no allocation while tokens are made. */
#include "fault/fault.h" /* counts allocations; brings cmocka */

#include "infer/session.h"
#include "model_maker.h"

enum { PROMPT = 20 };

static struct hearth_model *model;
static int32_t prompt[PROMPT];

static void good(enum hearth_status st) {
    if (st != HEARTH_OK) print_error("%s: %s\n", hearth_status_name(st), hearth_errmsg());
    assert_int_equal(st, HEARTH_OK);
}

static int setup(void **state) {
    (void)state;
    char path[] = "/tmp/hearth-generate-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0) return -1;
    close(fd);
    struct model_spec spec = { .type = "Q4_0", .width = 64, .seed = 5 };
    good(model_make(path, &spec));
    good(hearth_model_open(path, &(struct hearth_model_params){ .threads = 2 }, &model));
    unlink(path);
    for (int i = 0; i < PROMPT; i++) prompt[i] = 260 + i * 11;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    hearth_model_close(model);
    return 0;
}

static struct hearth_session *open_session(uint32_t ctx) {
    struct hearth_session *s;
    good(hearth_session_open(model, &(struct hearth_session_params){ .ctx = ctx }, &s));
    return s;
}

/* What the callbacks saw. */
struct seen {
    int32_t id[512];
    float logprob[512], best[512];
    int32_t best_id[512];
    size_t n, n_text, prompts;
    int n_top;
    char text[16384];
    long calls[512];                 /* allocations so far, at each token */
    size_t cancel_at_token, cancel_at_text, cancel_at_prompt, texts; /* 0: never */
    volatile int *flag;
};

static int on_token(void *user, const struct hearth_token *t) {
    struct seen *s = user;
    s->calls[s->n] = atomic_load(&fault.calls);
    s->id[s->n] = t->id;
    s->logprob[s->n] = t->logprob;
    s->n_top = t->n_top;
    if (t->n_top > 0) s->best[s->n] = t->top[0].logprob, s->best_id[s->n] = t->top[0].id;
    s->n++;
    if (s->flag && s->n == 3) *s->flag = 1;
    return s->n == s->cancel_at_token;
}

static int on_text(void *user, const char *text, size_t n) {
    struct seen *s = user;
    assert_true(s->n_text + n < sizeof s->text);
    memcpy(s->text + s->n_text, text, n);
    s->n_text += n;
    s->text[s->n_text] = '\0';
    return ++s->texts == s->cancel_at_text;
}

static int on_prompt(void *user, size_t done, size_t total) {
    struct seen *s = user;
    assert_true(done <= total);
    return ++s->prompts == s->cancel_at_prompt;
}

static struct hearth_generate_params params(struct seen *seen, float temperature, int max_tokens) {
    struct hearth_generate_params p = { .max_tokens = max_tokens, .logprobs = -1, .user = seen,
                                        .on_token = on_token, .on_text = on_text };
    hearth_sampling_defaults(&p.sampling);
    p.sampling.temperature = temperature;
    static const struct hearth_bias no_end[] = { { 2, -1e4f } }; /* answers end where the test says */
    p.sampling.bias = no_end;
    p.sampling.n_bias = 1;
    memset(seen, 0, sizeof *seen);
    return p;
}

static void the_same_tokens_as_by_hand(void **state) {
    (void)state;
    static struct seen seen;
    for (int t = 0; t < 2; t++) {
        struct hearth_generate_params p = params(&seen, (float)t, 40);
        struct hearth_result r;
        struct hearth_session *a = open_session(256), *b = open_session(256);
        p.sampling.seed = 99;
        good(hearth_generate(a, prompt, PROMPT, &p, &r));
        assert_int_equal(seen.n, 40);
        assert_int_equal(r.finish, HEARTH_FINISH_LENGTH);
        assert_int_equal(r.prompt_tokens, PROMPT);
        assert_int_equal(r.answer_tokens, 40);
        assert_true(r.prompt_seconds > 0 && r.answer_seconds > 0 && r.stop == NULL);
        assert_int_equal(hearth_session_length(a), PROMPT + 40); /* prompt and answer stay */
        assert_memory_equal(a->ids, prompt, sizeof prompt);
        assert_memory_equal(a->ids + PROMPT, seen.id, 40 * sizeof *seen.id);
        good(hearth_session_eval(b, prompt, PROMPT, NULL));
        for (size_t i = 0; i < 40; i++) {
            int32_t id;
            good(sampler_pick(&b->sampler, hearth_session_logits(b), b->ids, b->length, &p.sampling, b->length, NULL, &id));
            assert_int_equal(id, seen.id[i]);
            good(hearth_session_eval(b, &id, 1, NULL));
        }
        hearth_session_close(a);
        hearth_session_close(b);
    }
}

static void in_two_parts_as_in_one(void **state) {
    (void)state;
    static struct seen one, two;
    struct hearth_session *s = open_session(256);
    struct hearth_result r;
    struct hearth_generate_params p = params(&one, 0.9f, 30);
    good(hearth_generate(s, prompt, PROMPT, &p, &r));
    good(hearth_session_rewind(s, 0));
    p = params(&two, 0.9f, 12);
    p.on_prompt = on_prompt;
    good(hearth_generate(s, prompt, PROMPT, &p, &r));
    assert_int_equal(two.prompts, 1);
    p.max_tokens = 18;
    good(hearth_generate(s, NULL, 0, &p, &r)); /* goes on */
    assert_int_equal(r.prompt_tokens, 0);
    assert_int_equal(r.answer_tokens, 18);
    assert_int_equal(two.n, 30);
    assert_memory_equal(one.id, two.id, 30 * sizeof *one.id);
    hearth_session_close(s);
}

static void the_context_is_a_limit(void **state) {
    (void)state;
    static struct seen seen;
    struct hearth_result r;
    struct hearth_session *s = open_session(PROMPT + 7);
    struct hearth_generate_params p = params(&seen, 0, -1);
    size_t ctx = hearth_session_context(s);
    good(hearth_generate(s, prompt, PROMPT, &p, &r));
    assert_int_equal(r.finish, HEARTH_FINISH_LENGTH);
    assert_int_equal(r.answer_tokens, ctx - PROMPT);
    assert_int_equal(hearth_session_length(s), ctx);
    good(hearth_generate(s, NULL, 0, &p, &r)); /* full: nothing to add */
    assert_int_equal(r.answer_tokens, 0);
    assert_int_equal(r.finish, HEARTH_FINISH_LENGTH);

    char want[128];
    good(hearth_session_rewind(s, 10));
    snprintf(want, sizeof want, "prompt: %d tokens after the 10 already there are more than the %zu of the context", PROMPT, ctx);
    assert_int_equal(hearth_generate(s, prompt, PROMPT, &p, &r), HEARTH_ECONTEXT);
    assert_string_equal(hearth_errmsg(), want);
    assert_int_equal(hearth_session_length(s), 10);
    good(hearth_session_rewind(s, 0));
    static int32_t longer[600];
    snprintf(want, sizeof want, "prompt: 600 tokens are more than the %zu of the context", ctx);
    assert_int_equal(hearth_generate(s, longer, 600, &p, &r), HEARTH_ECONTEXT);
    assert_string_equal(hearth_errmsg(), want);
    assert_int_equal(hearth_session_length(s), 0);

    p.max_tokens = 0; /* the prompt only */
    good(hearth_generate(s, prompt, PROMPT, &p, &r));
    assert_int_equal(r.answer_tokens, 0);
    assert_int_equal(r.finish, HEARTH_FINISH_LENGTH);
    assert_int_equal(hearth_session_length(s), PROMPT);
    hearth_session_close(s);
}

static void text_is_that_of_the_tokens_and_ends_at_a_stop_string(void **state) {
    (void)state;
    static struct seen whole, cut;
    struct hearth_result r;
    struct hearth_session *s = open_session(256);
    struct hearth_generate_params p = params(&whole, 0, 60);
    good(hearth_generate(s, prompt, PROMPT, &p, &r));
    assert_true(whole.n_text > 20);
    size_t raw = 0;
    for (size_t i = 0; i < whole.n; i++) {
        const char *piece;
        size_t n;
        tokenizer_piece(model->tokenizer, whole.id[i], 0, &piece, &n);
        raw += n;
    }
    assert_true(whole.n_text >= raw); /* a malformed byte is shown as three */

    char stop[16] = "", *first; /* whole characters from the middle of what was shown */
    size_t at = whole.n_text / 2, n = 0;
    while ((whole.text[at] & 0xC0) == 0x80) at++;
    for (size_t k = at; k < whole.n_text && n < 10 && strncmp(whole.text + k, "\xEF\xBF\xBD", 3) != 0; k++) stop[n++] = whole.text[k];
    while (n > 0 && (whole.text[at + n] & 0xC0) == 0x80) stop[--n] = '\0';
    assert_true(n > 0);
    first = strstr(whole.text, stop);
    good(hearth_session_rewind(s, 0));
    p = params(&cut, 0, 60);
    p.stop = (const char *const[]){ "never to be seen in this text", stop };
    p.n_stop = 2;
    good(hearth_generate(s, prompt, PROMPT, &p, &r));
    assert_int_equal(r.finish, HEARTH_FINISH_STOP);
    assert_ptr_equal(r.stop, stop);
    assert_int_equal(cut.n_text, first - whole.text);
    assert_memory_equal(cut.text, whole.text, cut.n_text);
    assert_true(r.answer_tokens < 60 && r.answer_tokens == cut.n);
    assert_int_equal(hearth_session_length(s), PROMPT + cut.n);
    hearth_session_close(s);
}

static void the_model_may_end_the_answer(void **state) {
    (void)state;
    static struct seen seen;
    struct hearth_result r;
    struct hearth_session *s = open_session(64);
    struct hearth_generate_params p = params(&seen, 0, -1);
    int32_t eos = tokenizer_eos(model->tokenizer);
    assert_true(eos >= 0 && tokenizer_is_end(model->tokenizer, eos));
    p.sampling.bias = &(struct hearth_bias){ eos, 1e6f };
    p.sampling.n_bias = 1;
    good(hearth_generate(s, prompt, PROMPT, &p, &r));
    assert_int_equal(r.finish, HEARTH_FINISH_STOP);
    assert_null(r.stop);
    assert_int_equal(r.answer_tokens + seen.n + seen.n_text, 0);
    assert_int_equal(hearth_session_length(s), PROMPT);
    hearth_session_close(s);
}

static void control_tokens_are_seen_only_when_asked_for(void **state) {
    (void)state;
    static struct seen seen;
    struct hearth_result r;
    struct hearth_session *s = open_session(64);
    int32_t bos = tokenizer_bos(model->tokenizer);
    for (int shown = 0; shown < 2; shown++) {
        good(hearth_session_rewind(s, 0));
        struct hearth_generate_params p = params(&seen, 0, 3);
        p.sampling.bias = &(struct hearth_bias){ bos, 1e6f };
        p.shown = (const int32_t[]){ 7, bos };
        p.n_shown = shown ? 2 : 1;
        good(hearth_generate(s, prompt, PROMPT, &p, &r));
        assert_int_equal(seen.n, 3);
        assert_string_equal(seen.text, shown ? "<|im_start|><|im_start|><|im_start|>" : "");
    }
    hearth_session_close(s);
}

static void everybody_may_cancel(void **state) {
    (void)state;
    static struct seen seen;
    struct hearth_result r;
    struct hearth_session *s = open_session(256);
    volatile int flag = 1;
    struct hearth_generate_params p = params(&seen, 0, 50);
    p.cancel = &flag; /* before anything */
    good(hearth_generate(s, prompt, PROMPT, &p, &r));
    assert_int_equal(r.finish, HEARTH_FINISH_CANCELLED);
    assert_int_equal(r.prompt_tokens + r.answer_tokens + hearth_session_length(s), 0);

    p = params(&seen, 0, 50); /* the flag, set during the answer */
    flag = 0;
    p.cancel = seen.flag = &flag;
    good(hearth_generate(s, prompt, PROMPT, &p, &r));
    assert_int_equal(r.finish, HEARTH_FINISH_CANCELLED);
    assert_int_equal(r.answer_tokens, 3);
    assert_int_equal(hearth_session_length(s), PROMPT + 2); /* what was evaluated */

    good(hearth_session_rewind(s, 0));
    p = params(&seen, 0, 50);
    seen.cancel_at_token = 5;
    good(hearth_generate(s, prompt, PROMPT, &p, &r));
    assert_int_equal(r.finish, HEARTH_FINISH_CANCELLED);
    assert_int_equal(seen.n, 5);

    good(hearth_session_rewind(s, 0));
    p = params(&seen, 0, 50);
    seen.cancel_at_text = 2;
    good(hearth_generate(s, prompt, PROMPT, &p, &r));
    assert_int_equal(r.finish, HEARTH_FINISH_CANCELLED);
    assert_int_equal(seen.texts, 2);

    good(hearth_session_rewind(s, 0));
    p = params(&seen, 0, 50);
    p.on_prompt = on_prompt;
    seen.cancel_at_prompt = 1;
    good(hearth_generate(s, prompt, PROMPT, &p, &r));
    assert_int_equal(r.finish, HEARTH_FINISH_CANCELLED);
    assert_int_equal(r.answer_tokens, 0);
    assert_int_equal(hearth_session_length(s), PROMPT);
    hearth_session_close(s);
}

static void log_probabilities_come_with_tokens(void **state) {
    (void)state;
    static struct seen seen;
    struct hearth_result r;
    struct hearth_session *a = open_session(256), *b = open_session(256);
    struct hearth_generate_params p = params(&seen, 1.5f, 20);
    p.logprobs = 3;
    good(hearth_generate(a, prompt, PROMPT, &p, &r));
    assert_int_equal(seen.n_top, 3);
    good(hearth_session_eval(b, prompt, PROMPT, NULL));
    int not_best = 0;
    for (size_t i = 0; i < seen.n; i++) {
        float own;
        struct hearth_logprob top[3];
        logits_logprobs(hearth_session_logits(b), tokenizer_size(model->tokenizer), seen.id[i], 3, &own, top);
        assert_true(own == seen.logprob[i] && top[0].logprob == seen.best[i] && top[0].id == seen.best_id[i]);
        assert_true(own <= top[0].logprob && own < 0);
        not_best += seen.id[i] != top[0].id;
        good(hearth_session_eval(b, &seen.id[i], 1, NULL));
    }
    assert_true(not_best > 0);
    good(hearth_session_rewind(a, 0));
    p = params(&seen, 0, 1);
    p.logprobs = 0;
    good(hearth_generate(a, prompt, PROMPT, &p, &r));
    assert_true(seen.n_top == 0 && seen.logprob[0] < 0);
    hearth_session_close(a);
    hearth_session_close(b);
}

static void tokens_are_made_without_allocating(void **state) {
    (void)state;
    static struct seen seen;
    struct hearth_result r;
    struct hearth_session *s = open_session(512);
    struct hearth_generate_params p = params(&seen, 0.8f, 300);
    p.logprobs = 5;
    p.stop = (const char *const[]){ "not in the answer" };
    p.n_stop = 1;
    p.sampling.repeat_penalty = 1.1f;
    good(hearth_generate(s, prompt, PROMPT, &p, &r));
    assert_int_equal(seen.n, 300);
    assert_true(seen.calls[0] > 0); /* ours are the allocators in use */
    assert_int_equal(seen.calls[299], seen.calls[0]);
    hearth_session_close(s);
}

static enum hearth_status answer_shortly(void *arg) {
    static struct seen seen;
    struct hearth_session *s = NULL;
    struct hearth_generate_params p = params(&seen, 1, 3);
    (void)arg;
    p.stop = (const char *const[]){ "one", "two" };
    p.n_stop = 2;
    enum hearth_status st = hearth_session_open(model, NULL, &s);
    if (st == HEARTH_OK) st = hearth_generate(s, prompt, PROMPT, &p, NULL);
    hearth_session_close(s);
    return st;
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    fault_sweep(answer_shortly, NULL, 1);
}

static void what_cannot_be_is_refused(void **state) {
    (void)state;
    static struct seen seen;
    struct hearth_result r;
    struct hearth_session *s = open_session(64);
    struct hearth_generate_params p;
#define REFUSED(change, message) \
    do { \
        p = params(&seen, 0, 5); \
        change; \
        assert_int_equal(hearth_generate(s, prompt, PROMPT, &p, &r), HEARTH_EUSAGE); \
        assert_string_equal(hearth_errmsg(), message); \
        assert_int_equal(hearth_session_length(s), 0); \
    } while (0)
    REFUSED(p.max_tokens = -2, "max_tokens: -2 is not in -1 .. 2147483647");
    REFUSED(p.logprobs = 21, "logprobs: 21 is not in -1 .. 20");
    REFUSED(p.logprobs = -2, "logprobs: -2 is not in -1 .. 20");
    REFUSED(p.sampling.top_p = 2, "top_p: 2 is not in 0 .. 1");
    REFUSED((p.stop = (const char *const[]){ "" }, p.n_stop = 1), "stop[0]: empty, but a stop string has 1 .. 1024 bytes");
    p = params(&seen, 0, 5);
    assert_int_equal(hearth_generate(s, NULL, 0, &p, &r), HEARTH_EUSAGE);
    assert_non_null(strstr(hearth_errmsg(), "prompt: empty"));
    assert_int_equal(hearth_generate(s, NULL, 3, &p, &r), HEARTH_EUSAGE);
    assert_int_equal(hearth_generate(NULL, prompt, 3, &p, &r), HEARTH_EUSAGE);
    assert_int_equal(hearth_generate(s, prompt, 3, NULL, &r), HEARTH_EUSAGE);
    assert_int_equal(hearth_generate(s, (int32_t[]){ 512 }, 1, &p, NULL), HEARTH_EUSAGE);
    assert_int_equal(seen.n, 0);
    good(hearth_generate(s, prompt, 3, &p, NULL)); /* nobody asks for the result */
    assert_int_equal(seen.n, 5);
    hearth_session_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_tokens_as_by_hand),
        cmocka_unit_test(in_two_parts_as_in_one),
        cmocka_unit_test(the_context_is_a_limit),
        cmocka_unit_test(text_is_that_of_the_tokens_and_ends_at_a_stop_string),
        cmocka_unit_test(the_model_may_end_the_answer),
        cmocka_unit_test(control_tokens_are_seen_only_when_asked_for),
        cmocka_unit_test(everybody_may_cancel),
        cmocka_unit_test(log_probabilities_come_with_tokens),
        cmocka_unit_test(tokens_are_made_without_allocating),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
