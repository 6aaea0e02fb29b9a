/* test_explain.c - explanations on small models of random weights, where the truth can be computed: parts that add up, a
 * sampler that takes the same token again, gradients whose sum is known, a LASSO whose answer is known. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "account/explain.h"
#include "model/model.h"
#include "model_maker.h"
#include "train/tape.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void good(enum hearth_status st)
{
    if (st != HEARTH_OK) print_error("%s: %s\n", hearth_status_name(st), hearth_errmsg());
    assert_int_equal(st, HEARTH_OK);
}

/* ---- a model, a prompt, an answer ---- */

struct fixture {
    char path[64];
    struct hearth_model *model, *exact;
    struct ids prompt;
    int32_t answer[8];
    size_t n;
    json_t *messages;
    struct explain_request r;
};

static int on_token(void *user, const struct hearth_token *t)
{
    struct fixture *f = user;
    f->answer[f->n++] = t->id;
    return 0;
}

static void set_up(struct fixture *f, const char *family, const char *type, float temperature)
{
    static const char text[] = "The cat sat. The dog ran away! Where is the cat? It sat on the mat.";
    struct model_spec spec = { .family = family, .type = type, .layers = 3, .width = 64, .heads = 4, .seed = 11,
                               .window = strncmp(family, "gemma", 5) ? 0 : 8 };
    struct hearth_generate_params g = { .max_tokens = 6, .on_token = on_token, .user = f };
    struct hearth_session *s;
    struct hearth_result result;
    if (strcmp(type, "F32") != 0) spec.width = 256;
    if (strcmp(family, "gemma2") == 0) spec.attention_softcap = 2, spec.logit_softcap = 3;
    if (strcmp(family, "granite") == 0) spec.bias = 1, spec.embedding_scale = 3, spec.residual_scale = 0.5f, spec.logit_scale = 2;
    if (strcmp(family, "openelm") == 0) spec.uneven = spec.tied = 1;
    *f = (struct fixture){ .path = "/tmp/hearth-explain-XXXXXX" };
    int fd = mkstemp(f->path);
    assert_true(fd >= 0);
    close(fd);
    good(model_make(f->path, &spec));
    good(hearth_model_open(f->path, &(struct hearth_model_params){ .threads = 2 }, &f->model));
    good(hearth_model_open(f->path, &(struct hearth_model_params){ .threads = 2, .arithmetic = HEARTH_FLOAT }, &f->exact));
    f->messages = json_pack("[{s:s, s:s}]", "role", "user", "content", text);
    f->r = (struct explain_request){ .model = f->model, .path = f->path, .name = "random", .sha256 = "", .receipt = "", .raw = 1,
                                     .flags = HEARTH_TOK_SPECIAL, .messages = f->messages, .methods = EXPLAIN_ALL, .max_gap = 1e9,
                                     .ablations = 16, .seed = 1, .threads = 2 };
    hearth_sampling_defaults(&f->r.sampling);
    f->r.sampling.temperature = temperature;
    f->r.sampling.seed = 5;
    f->r.sampling.repeat_penalty = 1.1f, f->r.sampling.frequency_penalty = 0.2f;
    g.sampling = f->r.sampling;
    good(explain_prompt(&f->r, text, strlen(text), &f->prompt));
    good(hearth_session_open(f->model, NULL, &s));
    good(hearth_generate(s, f->prompt.id, f->prompt.n, &g, &result));
    hearth_session_close(s);
    assert_true(f->n > 0);
    f->r.prompt = f->prompt.id, f->r.n_prompt = f->prompt.n, f->r.answer = f->answer, f->r.n_answer = f->n;
}

static void tear_down(struct fixture *f)
{
    hearth_model_close(f->model);
    hearth_model_close(f->exact);
    json_decref(f->messages);
    free(f->prompt.id);
    unlink(f->path);
}

/* ---- all methods at once, on both families ---- */

static void check_tokens(const struct fixture *f, const struct explanation *e)
{
    assert_int_equal(e->tokens, f->n);
    assert_int_equal(e->same, f->n);
    for (size_t i = 0; i < f->n; i++) {
        const struct explain_token *t = &e->token[i];
        assert_int_equal(t->chosen.id, f->answer[i]);
        assert_true(t->chosen.rank[STEP_TEMPERATURE] > 0);
        assert_true(fabs(exp(t->logprob) - t->chosen.p[STEP_MODEL]) < 1e-6);
        for (int s = 1; s < EXPLAIN_STEPS; s++) assert_true(t->left[s] <= t->left[s - 1]);
        for (int k = 0; k + 1 < t->others; k++) assert_true(t->other[k].p[0] >= t->other[k + 1].p[0]);
    }
}

static void check_words(const struct fixture *f, const struct explain_words *w)
{
    double sum = 0;
    assert_int_equal(w->n, f->prompt.n);
    for (size_t i = 0; i < w->n; i++) sum += w->weight[i];
    assert_true(w->residual <= 0.01 && !w->flagged);
    assert_true(fabs(sum - (w->at_prompt - w->at_baseline)) <= 0.0101 * fabs(w->at_prompt - w->at_baseline));
    assert_true(w->scored);
    assert_true(fabs(w->curve[0] - w->random_curve[0]) < 1e-9);               /* nothing is taken out yet */
    assert_true(fabs(w->curve[EXPLAIN_CURVE - 1] - w->random_curve[EXPLAIN_CURVE - 1]) < 1e-9);
}

static void explain_all(const char *family, const char *type, float temperature)
{
    struct fixture f;
    struct explanation e;
    set_up(&f, family, type, temperature);
    good(explain_run(&f.r, &e));
    assert_int_equal(e.done, EXPLAIN_ALL);
    check_tokens(&f, &e);
    assert_true(e.logit.residual <= 1e-4);
    assert_true(e.lens.residual == 0);
    assert_true(e.gap.n == f.n && !e.gap.refused);
    if (strcmp(type, "F32") == 0) assert_true(e.gap.largest < 0.01);
    check_words(&f, &e.words);
    assert_int_equal(e.sentences.n, 4);
    assert_true(e.sentences.tokens_shared > e.sentences.tokens_seen / 4);
    json_t *j = explanation_json(&f.r, &e);
    char *text;
    size_t n;
    assert_non_null(json_object_get(json_object_get(j, "words"), "faithfulness"));
    assert_non_null(json_object_get(json_object_get(j, "sentences"), "does_not_mean"));
    json_decref(j);
    good(explanation_html(&f.r, &e, &text, &n));
    size_t trust = 0, caveats = 0;                        /* no explanation without both */
    for (const char *at = text; (at = strstr(at, "How far to trust this.")); at++) trust++;
    for (const char *at = text; (at = strstr(at, "What it does not mean.")); at++) caveats++;
    assert_true(trust == 5 && caveats == 5);
    free(text);
    explanation_free(&e);
    tear_down(&f);
}

static void llama_is_explained(void **state) { (void)state; explain_all("llama", "F32", 0.8f); }
static void gemma_is_explained(void **state) { (void)state; explain_all("gemma3", "F32", 0); }
static void quantised_is_explained(void **state) { (void)state; explain_all("llama", "Q8_0", 0.8f); }

/* Soft caps, multipliers and biases, layers of different shapes: the parts add up all the same. */
static void parts_add_up(void **state)
{
    static const char *const families[] = { "gemma2", "granite", "openelm", "granitemoe" };
    (void)state;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        struct fixture f;
        struct explanation e;
        set_up(&f, families[i], "F32", 0);
        f.r.methods = EXPLAIN_LENS | EXPLAIN_LOGIT;
        good(explain_run(&f.r, &e));
        assert_int_equal(e.done, f.r.methods);
        assert_true(e.logit.residual <= 1e-4 && e.lens.residual == 0);
        explanation_free(&e);
        tear_down(&f);
    }
}

static void the_gap_refuses(void **state)
{
    struct fixture f;
    struct explanation e;
    (void)state;
    set_up(&f, "llama", "Q4_0", 0);
    f.r.max_gap = 0, f.r.methods = EXPLAIN_LENS | EXPLAIN_WORDS;
    good(explain_run(&f.r, &e));
    assert_true(e.gap.refused && e.gap.largest > 0);
    assert_int_equal(e.done, 0);
    explanation_free(&e);
    tear_down(&f);
}

/* The same request gives the same figures, on any number of threads; another seed gives others. */
static void seeds_decide(void **state)
{
    struct fixture f;
    struct explanation a, b, c;
    (void)state;
    set_up(&f, "llama", "F32", 0.8f);
    f.r.methods = EXPLAIN_SENTENCES | EXPLAIN_WORDS;
    good(explain_run(&f.r, &a));
    f.r.threads = 1;
    good(explain_run(&f.r, &b));
    f.r.seed = 2;
    good(explain_run(&f.r, &c));
    int differs = 0;
    for (size_t i = 0; i < a.sentences.n; i++) {
        assert_true(a.sentences.sentence[i].weight == b.sentences.sentence[i].weight);
        differs |= a.sentences.sentence[i].weight != c.sentences.sentence[i].weight;
    }
    assert_true(a.sentences.lds == b.sentences.lds && differs);
    for (size_t i = 0; i < a.words.n; i++) assert_true(a.words.weight[i] == b.words.weight[i]);
    explanation_free(&a);
    explanation_free(&b);
    explanation_free(&c);
    tear_down(&f);
}

/* With other weights the same words matter otherwise: the explanation is of the model, not of the text. */
static void other_weights_explain_otherwise(void **state)
{
    enum { MODELS = 6 };
    struct explanation e[MODELS];
    struct fixture f;
    double sum = 0;
    (void)state;
    set_up(&f, "llama", "F32", 0);
    f.r.methods = EXPLAIN_WORDS, f.r.unscored = 1;
    for (uint64_t k = 0; k < MODELS; k++) {
        struct model_spec spec = { .layers = 2, .width = 64, .seed = 100 + k };
        struct explain_request r = f.r;
        good(model_make(f.path, &spec));
        good(hearth_model_open(f.path, &(struct hearth_model_params){ .threads = 2, .arithmetic = HEARTH_FLOAT }, &r.model));
        good(explain_run(&r, &e[k]));
        hearth_model_close(r.model);
    }
    for (int a = 0; a < MODELS; a++)
        for (int b = 0; b < a; b++) sum += rank_correlation(e[a].words.weight, e[b].words.weight, e[a].words.n);
    assert_true(fabs(sum / (MODELS * (MODELS - 1) / 2)) < 0.25);
    assert_true(rank_correlation(e[0].words.weight, e[0].words.weight, e[0].words.n) == 1);
    for (int k = 0; k < MODELS; k++) explanation_free(&e[k]);
    tear_down(&f);
}

static void mistakes_are_refused(void **state)
{
    struct fixture f;
    struct explanation e;
    int32_t foreign = 1 << 20;
    (void)state;
    set_up(&f, "llama", "F32", 0);
    f.r.methods = EXPLAIN_TOKENS;
    f.r.token = f.n + 1;
    assert_int_equal(explain_run(&f.r, &e), HEARTH_EUSAGE);
    f.r.token = 0, f.r.n_answer = 0;
    assert_int_equal(explain_run(&f.r, &e), HEARTH_EUSAGE);
    f.r.answer = &foreign, f.r.n_answer = 1;
    assert_int_equal(explain_run(&f.r, &e), HEARTH_EUSAGE);
    assert_non_null(strstr(hearth_errmsg(), "another model"));
    f.r.answer = f.answer, f.r.n_answer = f.n, f.r.methods = EXPLAIN_SENTENCES, f.r.ablations = 7;
    assert_int_equal(explain_run(&f.r, &e), HEARTH_EUSAGE);
    f.r.ablations = 16, f.r.document_begin = 0, f.r.document_end = 1 << 20;
    assert_int_equal(explain_run(&f.r, &e), HEARTH_EUSAGE);
    f.r.document_end = 12;                                 /* "The cat sat." is one sentence: said, not failed */
    good(explain_run(&f.r, &e));
    assert_true(e.done == 0 && *e.why_not_sentences);
    explanation_free(&e);
    tear_down(&f);
}

/* ---- sentences, LASSO, ranks ---- */

static void sentences_are_cut(void **state)
{
    static const struct { const char *text; size_t n, end[6]; } cases[] = {
        { "One. Two! Three?", 3, { 5, 10, 16 } },
        { "Dr. Smith met J. R. Hall. He paid 3.50 in all.", 2, { 26, 46 } },
        { "He said \"Stop.\" Then he left.", 2, { 16, 29 } },
        { "a line\n\nanother\nstill the same", 2, { 8, 30 } },
        { "\xe4\xbd\xa0\xe5\xa5\xbd\xe3\x80\x82\xe5\x86\x8d\xe8\xa7\x81\xe3\x80\x82", 2, { 9, 18 } },
        { "see e.g. the dog... and the cat", 1, { 31 } },
        { "", 0, { 0 } },
        { "- one\n- two\n- three", 3, { 6, 12, 19 } },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct contextcite_sentence *s;
        size_t n, at = 0;
        good(sentences_split(cases[i].text, strlen(cases[i].text), &s, &n));
        assert_int_equal(n, cases[i].n);
        for (size_t k = 0; k < n; k++) {
            assert_int_equal(s[k].begin, at);
            assert_int_equal(at = s[k].end, cases[i].end[k]);
        }
        free(s);
    }
    char *many = malloc(4 * 1000 + 1);
    struct contextcite_sentence *s;
    size_t n;
    for (int i = 0; i < 1000; i++) memcpy(many + 4 * i, "Ab. ", 4);
    good(sentences_split(many, 4000, &s, &n));
    assert_int_equal(n, CONTEXTCITE_SENTENCES);
    assert_int_equal(s[0].begin, 0);
    for (size_t k = 1; k < n; k++) assert_int_equal(s[k].begin, s[k - 1].end);
    assert_int_equal(s[n - 1].end, 4000);
    free(s);
    free(many);
}

/* All 16 masks of 4 columns: standardised columns are orthogonal, so each weight is shrunk by itself: w = 2 max(|c| / 2 - alpha, 0)
 * with c the true weight. */
static void lasso_is_exact(void **state)
{
    unsigned char x[64];
    double y[16], w[4], b;
    (void)state;
    for (int i = 0; i < 16; i++) {
        for (int j = 0; j < 4; j++) x[4 * i + j] = (i >> j) & 1;
        y[i] = 5 + 3 * x[4 * i] - 2 * x[4 * i + 1] + 0.1 * x[4 * i + 2];
    }
    good(lasso_fit(x, y, 16, 4, 0.1, w, &b));
    assert_true(fabs(w[0] - 2.8) < 1e-8 && fabs(w[1] + 1.8) < 1e-8 && w[2] == 0 && w[3] == 0);
    assert_true(fabs(b - (5.05 + 0.5 * 3 - 0.5 * 2 - 1.4 + 0.9)) < 1e-8);
    memset(x, 1, sizeof x);                                /* columns that never change tell nothing */
    good(lasso_fit(x, y, 16, 4, 0.1, w, &b));
    assert_true(w[0] == 0 && w[3] == 0);
}

static void ranks_correlate(void **state)
{
    const double a[] = { 1, 2, 3, 4, 5 }, b[] = { 5, 6, 7, 8, 7 }, c[] = { 5, 4, 3, 2, 1 }, d[] = { 1, 1, 1, 1, 1 };
    (void)state;
    assert_true(fabs(rank_correlation(a, b, 5) - 0.8207826816681233) < 1e-12);
    assert_true(rank_correlation(a, c, 5) == -1);
    assert_true(isnan(rank_correlation(a, d, 5)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(llama_is_explained), cmocka_unit_test(gemma_is_explained), cmocka_unit_test(quantised_is_explained),
        cmocka_unit_test(parts_add_up), cmocka_unit_test(the_gap_refuses), cmocka_unit_test(seeds_decide), cmocka_unit_test(other_weights_explain_otherwise),
        cmocka_unit_test(mistakes_are_refused), cmocka_unit_test(sentences_are_cut), cmocka_unit_test(lasso_is_exact),
        cmocka_unit_test(ranks_correlate),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
