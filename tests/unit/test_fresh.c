/* test_fresh.c - models that have learnt nothing: every family that can be trained is made, opened, and written as a folder of
 * safetensors that says the same to the last bit; sizes, seeds, what a corpus becomes, refusals. */
#include "model/model.h"             /* before cmocka.h, whose macro fail() would cover our function */
#include "train/backward.h"
#include "train/fresh.h"
#include "work/train.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[] = "/tmp/test_fresh.XXXXXX", corpus[64], texts[64], made[64], other[64], out[64];

static void good(enum hearth_status st)
{
    if (st != HEARTH_OK) print_message("# %s: %s\n", hearth_status_name(st), hearth_errmsg());
    assert_int_equal(st, HEARTH_OK);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static int begin(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return 1;
    snprintf(corpus, sizeof corpus, "%s/corpus.txt", folder);
    snprintf(texts, sizeof texts, "%s/texts.jsonl", folder);
    snprintf(made, sizeof made, "%s/made.gguf", folder);
    snprintf(other, sizeof other, "%s/other.gguf", folder);
    snprintf(out, sizeof out, "%s/folder", folder);
    write_file(corpus, "One day a fox saw a bird. The bird sang.<|endoftext|>\nOne day a bird saw a fox. The fox ran away.\n");
    return 0;
}

static int end(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) != 0;
}

/* A folder is written where there is none. */
static void write_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", out);
    assert_int_equal(system(command), 0);
    good(train_folder(made, out));
    assert_int_equal(train_folder(made, out), HEARTH_EIO);
}

static struct train_options small(const char *family)
{
    struct train_options o;
    train_defaults(&o);
    o.family = family, o.parameters = 90000, o.vocabulary = 300, o.context = 64, o.seed = 7;
    return o;
}

static void open_float(const char *path, struct hearth_model **m)
{
    good(hearth_model_open(path, &(struct hearth_model_params){.threads = 1, .arithmetic = HEARTH_FLOAT}, m));
}

static float *logits(struct hearth_model *m, const int32_t *ids, size_t n)
{
    struct hearth_session *s;
    float *all = malloc(n * m->h.vocabulary * sizeof *all);
    good(hearth_session_open(m, &(struct hearth_session_params){.ctx = 64}, &s));
    good(hearth_session_eval_all(s, ids, n, all));
    hearth_session_close(s);
    return all;
}

static void every_family(void **state)
{
    (void)state;
    for (size_t i = 0; train_family(i); i++) {
        struct train_options o = small(train_family(i));
        struct train_begun b;
        struct hearth_model *m, *same;
        int32_t *ids;
        size_t n;
        good(train_begin(corpus, &o, made, NULL, &b));
        open_float(made, &m);
        good(hearth_tokenize(m, "One day a bird", 14, HEARTH_TOK_SPECIAL, &ids, &n));
        float *a = logits(m, ids, n);
        double loss = 0;                         /* near that of one who knows nothing */
        for (size_t t = 0; t < n; t++) {
            double sum = 0;
            for (uint32_t k = 0; k < m->h.vocabulary; k++) sum += exp((double)a[t * m->h.vocabulary + k]);
            loss += log(sum) - (double)a[t * m->h.vocabulary + (size_t)ids[t]];
        }
        if (fabs(loss / (double)n - log(m->h.vocabulary)) > 1.5) fail_msg("%s: loss %g", o.family, loss / (double)n);
        if (!strcmp(o.family, "openelm")) {
            assert_int_equal(train_folder(made, out), HEARTH_EUNSUPPORTED);
        } else {
            write_folder();
            open_float(out, &same);
            assert_string_equal(same->arch->name, o.family);
            int32_t *again;
            size_t k;
            good(hearth_tokenize(same, "One day a bird", 14, HEARTH_TOK_SPECIAL, &again, &k));
            assert_int_equal(n, k);              /* with the same token before it */
            assert_memory_equal(ids, again, n * sizeof *ids);
            hearth_free(again);
            float *c = logits(same, ids, n);
            if (memcmp(a, c, n * m->h.vocabulary * sizeof *a)) fail_msg("%s: the folder says something else", o.family);
            free(c);
            hearth_model_close(same);
        }
        free(a);
        hearth_free(ids);
        hearth_model_close(m);
    }
}

static char *read_all(const char *path, size_t *n)
{
    char *data;
    good(os_read_file(path, 1 << 24, &data, n));
    return data;
}

static void a_seed_decides(void **state)
{
    (void)state;
    struct train_options o = small("llama");
    struct train_begun b;
    size_t n, k;
    good(train_begin(corpus, &o, made, NULL, &b));
    good(train_begin(corpus, &o, other, NULL, &b));
    char *x = read_all(made, &n), *y = read_all(other, &k);
    assert_int_equal(n, k);
    assert_memory_equal(x, y, n);
    free(y);
    o.seed = 8;
    good(train_begin(corpus, &o, other, NULL, &b));
    y = read_all(other, &k);
    assert_int_equal(n, k);
    assert_memory_not_equal(x, y, n);
    free(x), free(y);
}

/* Deviation and mean of what is drawn, and what is not drawn. */
static void weights(void **state)
{
    (void)state;
    struct train_options o = small("llama");
    struct train_begun b;
    struct gguf *g;
    good(train_begin(corpus, &o, made, NULL, &b));
    good(gguf_open(made, 1, &g));
    uint64_t elements = 0;
    for (uint64_t i = 0; i < g->n_tensors; i++) {
        const struct gguf_tensor *t = g->tensors + i;
        const float *x = (const float *)t->data;
        double sum = 0, squares = 0, wanted = strstr(t->name, "attn_output") || strstr(t->name, "ffn_down") ? 0.02 / sqrt(2.0 * b.layers) : 0.02;
        elements += t->elements;
        for (uint64_t k = 0; k < t->elements; k++) sum += (double)x[k], squares += (double)x[k] * (double)x[k];
        if (t->dims == 1) assert_true(sum == (double)t->elements);
        else if (fabs(sqrt(squares / (double)t->elements) / wanted - 1) > 0.05 || fabs(sum / (double)t->elements) > wanted / 10)
            fail_msg("%s: mean %g, deviation %g", t->name, sum / (double)t->elements, sqrt(squares / (double)t->elements));
    }
    assert_int_equal(elements, b.parameters);
    gguf_close(g);
}

static void sizes(void **state)
{
    (void)state;
    static const uint64_t wanted[] = {1000000, 3000000, 30000000, 135000000, 1000000000};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        struct fresh_shape s;
        uint64_t n;
        good(fresh_shape_for("llama", wanted[i], i < 2 ? 2048 : 8192, 512, &s));
        good(fresh_parameters(&s, &n));
        assert_true((double)n > 0.85 * (double)wanted[i] && (double)n < 1.15 * (double)wanted[i]);
        assert_true(s.width % s.heads == 0 && s.heads % s.kv_heads == 0 && s.feed_forward % 32 == 0);
    }
}

static void a_corpus(void **state)
{
    (void)state;
    struct train_options o = small("llama");
    struct train_begun b;
    size_t n;
    good(train_begin(corpus, &o, made, texts, &b));
    assert_int_equal(b.documents, 2);
    assert_true(b.vocabulary > 257 && b.vocabulary <= 300 && b.tokens > 20 && b.tokens < b.bytes);
    char *x = read_all(texts, &n);
    assert_string_equal(x, "{\"text\":\"One day a fox saw a bird. The bird sang.\"}\n"
                           "{\"text\":\"\\nOne day a bird saw a fox. The fox ran away.\\n\"}\n");
    free(x);
}

static void refusals(void **state)
{
    (void)state;
    struct train_options o = small("granitemoe");
    struct train_begun b;
    unlink(other);
    assert_int_equal(train_begin(corpus, &o, other, NULL, &b), HEARTH_EUSAGE);
    assert_non_null(strstr(hearth_errmsg(), "family \"granitemoe\", allowed: "));
    o = small("llama"), o.vocabulary = 200;
    assert_int_equal(train_begin(corpus, &o, other, NULL, &b), HEARTH_EUSAGE);
    o = small("llama"), o.parameters = 100;
    assert_int_equal(train_begin(corpus, &o, other, NULL, &b), HEARTH_EUSAGE);
    write_file(texts, "{\"prompt\":\"a\",\"completion\":\"b\"}\n");
    o = small("llama");
    assert_int_equal(train_begin(texts, &o, other, NULL, &b), HEARTH_EUSAGE);
    assert_non_null(strstr(hearth_errmsg(), "line 1"));
    assert_int_equal(access(other, F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_family), cmocka_unit_test(a_seed_decides), cmocka_unit_test(weights), cmocka_unit_test(sizes),
        cmocka_unit_test(a_corpus),     cmocka_unit_test(refusals),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, begin, end);
}
