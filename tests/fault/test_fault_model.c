/* test_fault_model.c - a small model opened, a text tokenized, a chat rendered, an answer generated, a file quantised, each
 * with every allocation refused in turn; and the promise that a token of an answer costs no allocation at all. */
#include "fault/fault.h"
#include "model_maker.h"

static const char text[] = "Why is the sky blue? \xc3\xa9\xe4\xbd\xa0 <s>123</s>\n\n  fin";
static const char chat[] = "[{\"role\":\"system\",\"content\":\"a longer text, so that jansson's buffer must grow\"},{\"role\":\"user\",\"content\":\"hello\"}]";
static const char template_[] =
    "{%- macro part(m) -%}<{{ m.role | upper }}>{{ m['content'] ~ '' | trim }}{%- endmacro -%}"
    "{%- for m in messages if m.content is string -%}{{ part(m) }}{{ loop.index }}\n{%- endfor -%}"
    "{%- set ns = namespace(n=messages | length) -%}{{ {'n': ns.n, 'tools': [1, 2.5, none]} | tojson }}"
    "{%- if add_generation_prompt -%}<ASSISTANT>{%- endif -%}";

enum { ANSWER = 6 };
static char folder[] = "/tmp/hearth-fault.XXXXXX";

struct subject {
    const char *family, *type;
    int threads;
    enum hearth_kv kv;
    char path[64], out[64], worth[64];
    struct hearth_model *m;          /* open while the works below it run */
    int32_t answer[ANSWER];
    int n, known;
};
static struct subject subjects[] = {
    {.family = "llama", .type = "Q4_K,Q8_0", .threads = 1},
    {.family = "gemma3", .type = "Q4_1,F16", .threads = 1, .kv = HEARTH_KV_Q8_0},
};

/* ---- the works ---- */

static enum hearth_status open_model(void *arg)
{
    struct subject *s = arg;
    struct hearth_model *m = NULL;
    enum hearth_status st = hearth_model_open(s->path, &(struct hearth_model_params){.threads = s->threads}, &m);
    hearth_model_close(m);
    return st;
}

static enum hearth_status open_vocabulary(void *arg)
{
    struct subject *s = arg;
    struct hearth_model *m = NULL;
    enum hearth_status st = hearth_model_open(s->path, &(struct hearth_model_params){.threads = 1, .vocab_only = 1}, &m);
    hearth_model_close(m);
    return st;
}

static enum hearth_status there_and_back(void *arg)
{
    struct subject *s = arg;
    int32_t *ids = NULL;
    char *back = NULL;
    size_t n = 0, len = 0;
    enum hearth_status st = hearth_tokenize(s->m, text, sizeof text - 1, 0, &ids, &n);
    if (st == HEARTH_OK) st = hearth_detokenize(s->m, ids, n, 0, &back, &len);
    if (st == HEARTH_OK) {
        assert_int_equal(len, sizeof text - 1);
        assert_memory_equal(back, text, len);
    }
    hearth_free(ids);
    hearth_free(back);
    return st;
}

static enum hearth_status render(void *arg)
{
    struct subject *s = arg;
    static const char wanted[] = "<SYSTEM>a longer text, so that jansson's buffer must grow1<USER>hello2{\"n\": 2, \"tools\": [1, 2.5, null]}<ASSISTANT>";
    char *out = NULL;
    size_t n = 0;
    enum hearth_status st = hearth_chat_render(s->m, chat, NULL, 1, &out, &n);
    if (st == HEARTH_OK) assert_string_equal(out, wanted);
    hearth_free(out);
    return st;
}

static int keep_token(void *user, const struct hearth_token *t)
{
    struct subject *s = user;
    if (s->n < ANSWER && s->known) assert_int_equal(t->id, s->answer[s->n]);
    if (s->n < ANSWER) s->answer[s->n] = t->id;
    s->n++;
    return 0;
}

static int take_text(void *user, const char *part, size_t n)
{
    (void)user, (void)part, (void)n;
    return 0;
}

static enum hearth_status generate(void *arg)
{
    struct subject *s = arg;
    struct hearth_session *session = NULL;
    static const char *const stop[] = {"no such answer"};
    static const struct hearth_bias bias[] = {{5, -1}, {9, 1}};
    struct hearth_generate_params p = {.max_tokens = ANSWER, .logprobs = 3, .stop = stop, .n_stop = 1, .on_text = take_text,
                                       .on_token = keep_token, .user = s};
    struct hearth_result r;
    static const int32_t prompt[] = {3, 14, 15, 9, 26, 5, 35};
    hearth_sampling_defaults(&p.sampling);
    p.sampling.bias = bias, p.sampling.n_bias = 2, p.sampling.repeat_penalty = 1.1f, p.sampling.top_k = 20, p.sampling.seed = 7;
    enum hearth_status st = hearth_session_open(s->m, &(struct hearth_session_params){.ctx = 64, .kv = s->kv, .chunk = 3}, &session);
    s->n = 0;
    if (st == HEARTH_OK) st = hearth_generate(session, prompt, sizeof prompt / sizeof *prompt, &p, &r);
    if (st == HEARTH_OK) {
        assert_int_equal(r.answer_tokens, s->n);
        s->known = 1;
    }
    hearth_session_close(session);
    return st;
}

static enum hearth_status quantize(void *arg)
{
    struct subject *s = arg;
    return hearth_quantize(s->path, "Q4_0", s->out, NULL, NULL);
}

static enum hearth_status weigh(void *arg)
{
    struct subject *s = arg;
    static const struct hearth_text texts[] = {{"one", text, 20}, {"two", text, 9}};
    return hearth_imatrix(s->m, texts, 2, 8, s->worth, NULL, NULL, NULL);
}

static void hear(void *user, const char *sentence)
{
    *(size_t *)user += strlen(sentence);
}

static enum hearth_status quantize_by_worth(void *arg)
{
    struct subject *s = arg;
    static const char *const types[] = {"blk.*.attn_k.weight=Q5_0", "blk.0.attn_v.weight=IQ4_NL"};
    size_t heard = 0;
    struct hearth_quantize_params p = {.type = "F16", .imatrix = s->worth, .tensors = types, .n_tensors = 2, .note = hear, .user = &heard};
    return hearth_quantize_with(s->path, s->out, &p);
}

/* ---- the tests: each work over each subject ---- */

static void each(fault_work *work, int threads, int with_model)
{
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
        struct subject s = subjects[i];
        s.threads = threads;
        if (with_model)
            assert_int_equal(hearth_model_open(s.path, &(struct hearth_model_params){.threads = threads}, &s.m), HEARTH_OK);
        fault_sweep(work, &s, 1);
        hearth_model_close(s.m);
        unlink(s.out);
    }
}

static void opening(void **state) { (void)state; each(open_model, 1, 0); }
static void opening_with_threads(void **state) { (void)state; each(open_model, 3, 0); }
static void opening_the_vocabulary(void **state) { (void)state; each(open_vocabulary, 1, 0); }
static void tokenizing(void **state) { (void)state; each(there_and_back, 1, 1); }
static void rendering(void **state) { (void)state; each(render, 1, 1); }
static void generating(void **state) { (void)state; each(generate, 1, 1); }
static void quantizing(void **state) { (void)state; each(quantize, 1, 0); }
static void weighing(void **state) { (void)state; each(weigh, 1, 1); }                 /* leaves what the next one reads */
static void quantizing_by_worth(void **state) { (void)state; each(quantize_by_worth, 1, 0); }

static int count_calls(void *user, const struct hearth_token *t)
{
    (void)t;
    long **at = user;
    *(*at)++ = atomic_load(&fault.calls);
    return 0;
}

/* After the first token of an answer no allocator is called any more: not for a token, not for its text, its alternatives
 * or the pages of a longer context. */
static void nothing_per_token(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
        enum { N = 150 };
        struct hearth_model *m;
        struct hearth_session *session;
        struct hearth_result r;
        long calls[N], *at = calls;
        struct hearth_generate_params p = {.max_tokens = N, .logprobs = 5, .on_text = take_text, .on_token = count_calls, .user = &at};
        hearth_sampling_defaults(&p.sampling);
        assert_int_equal(hearth_model_open(subjects[i].path, &(struct hearth_model_params){.threads = 2}, &m), HEARTH_OK);
        struct hearth_bias no_end = {hearth_eos(m), -1000};
        p.sampling.bias = &no_end, p.sampling.n_bias = 1, p.sampling.repeat_penalty = 1.1f;
        assert_int_equal(hearth_session_open(m, &(struct hearth_session_params){.ctx = 256}, &session), HEARTH_OK);
        assert_int_equal(hearth_generate(session, (int32_t[]){3, 4, 5}, 3, &p, &r), HEARTH_OK);
        assert_int_equal(r.answer_tokens, N);
        for (int t = 1; t < N; t++)
            if (calls[t] != calls[0]) broken("token %d: %ld allocations since the first\n", t, calls[t] - calls[0]);
        hearth_session_close(session);
        hearth_model_close(m);
    }
}

static int make_models(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return -1;
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
        struct subject *s = &subjects[i];
        snprintf(s->path, sizeof s->path, "%s/%s.gguf", folder, s->family);
        snprintf(s->out, sizeof s->out, "%s/%s.out.gguf", folder, s->family);
        snprintf(s->worth, sizeof s->worth, "%s/%s.worth.gguf", folder, s->family);
        struct model_spec spec = {.family = s->family, .type = s->type, .embed_type = "Q8_0", .chat_template = template_, .seed = 11};
        if (model_make(s->path, &spec) != HEARTH_OK) return -1;
    }
    return 0;
}

static int remove_models(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) unlink(subjects[i].path), unlink(subjects[i].worth);
    return rmdir(folder);                              /* fails when a half-written file was left in it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening), cmocka_unit_test(opening_with_threads), cmocka_unit_test(opening_the_vocabulary),
        cmocka_unit_test(tokenizing), cmocka_unit_test(rendering), cmocka_unit_test(generating),
        cmocka_unit_test(quantizing), cmocka_unit_test(weighing), cmocka_unit_test(quantizing_by_worth), cmocka_unit_test(nothing_per_token),
    };
    return cmocka_run_group_tests(tests, make_models, remove_models);
}
