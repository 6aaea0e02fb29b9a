/* test_vocabulary.c - trimming and extending a vocabulary: logits of kept tokens to the last bit, tokens, keys, refusals. */
#include "model/model.h"             /* before cmocka.h, whose macro fail() would cover our function */
#include "text/tokenizer.h"
#include "model_maker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[] = "/tmp/test_vocabulary.XXXXXX", in[64], out[64];

static void good(enum hearth_status st)
{
    if (st != HEARTH_OK) print_message("# %s: %s\n", hearth_status_name(st), hearth_errmsg());
    assert_int_equal(st, HEARTH_OK);
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return 1;
    snprintf(in, sizeof in, "%s/in.gguf", folder);
    snprintf(out, sizeof out, "%s/out.gguf", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(in);
    unlink(out);
    return rmdir(folder);
}

static void make(const char *words)
{
    char copy[200];
    struct model_spec spec = {0};
    snprintf(copy, sizeof copy, "%s", words);
    good(model_spec_words(&spec, copy));
    good(model_make(in, &spec));
}

static void open_model(const char *path, struct hearth_model **m)
{
    good(hearth_model_open(path, &(struct hearth_model_params){.threads = 1}, m));
}

static void encode(const struct hearth_model *m, const char *text, struct ids *ids)
{
    ids->n = 0;
    good(tokenizer_encode(m->tokenizer, text, strlen(text), HEARTH_TOK_PARSE, ids));
}

/* Both name the same tokens by their texts. */
static void same_tokens(const struct hearth_model *a, const struct ids *x, const struct hearth_model *b, const struct ids *y)
{
    assert_int_equal(x->n, y->n);
    for (size_t i = 0; i < x->n; i++) {
        const char *s, *t;
        size_t n, k;
        tokenizer_text(a->tokenizer, x->id[i], &s, &n);
        tokenizer_text(b->tokenizer, y->id[i], &t, &k);
        assert_int_equal(n, k);
        assert_memory_equal(s, t, n);
    }
}

static float *logits(struct hearth_model *m, const struct ids *ids)
{
    struct hearth_session *s;
    float *all = malloc(ids->n * m->h.vocabulary * sizeof *all);
    good(hearth_session_open(m, &(struct hearth_session_params){.ctx = 256}, &s));
    good(hearth_session_eval_all(s, ids->id, ids->n, all));
    hearth_session_close(s);
    return all;
}

static const char corpus[] = "a cat sat on a mat and a cat ate that <|im_end|> rat; the rain in spain stays \xC3\xA9t\xC3\xA9\n";

/* Every logit of a token that is left, at every position of a text whose tokens are all left. */
static void kept_logits_are_the_same_bits(void **state)
{
    struct hearth_vocabulary_result r;
    struct hearth_model *a, *b;
    struct ids x = {0}, y = {0};
    make(*state);
    good(hearth_trim(in, corpus, strlen(corpus), &(struct hearth_trim_params){0}, out, NULL, NULL, &r));
    open_model(in, &a);
    open_model(out, &b);
    assert_int_equal(r.tokens_after, b->h.vocabulary);
    assert_int_equal(r.tokens_before, a->h.vocabulary);
    assert_true(r.tokens_after < r.tokens_before && r.rows_after < r.rows_before && r.text_before == r.text_after);
    assert_int_equal(r.bytes_before - r.bytes_after, r.rows_before - r.rows_after);
    assert_int_equal(r.words, 19);
    encode(a, corpus, &x);
    encode(b, corpus, &y);
    same_tokens(a, &x, b, &y);
    float *p = logits(a, &x), *q = logits(b, &y);
    for (uint32_t i = 0, old = 0; i < b->h.vocabulary; i++, old++) {
        const char *s, *t;
        size_t n, k;
        tokenizer_text(b->tokenizer, (int32_t)i, &s, &n);
        for (;; old++) {                         /* tokens keep their order */
            assert_true(old < a->h.vocabulary);
            tokenizer_text(a->tokenizer, (int32_t)old, &t, &k);
            if (n == k && !memcmp(s, t, n)) break;
        }
        for (size_t at = 0; at < x.n; at++)
            assert_memory_equal(q + at * b->h.vocabulary + i, p + at * a->h.vocabulary + old, sizeof *p);
    }
    free(p), free(q), free(x.id), free(y.id);
    hearth_model_close(a);
    hearth_model_close(b);
}

static void limits_and_keys(void **state)
{
    (void)state;
    struct hearth_vocabulary_result all, few, most;
    struct hearth_model *a, *b;
    struct ids x = {0}, y = {0};
    const char *s;
    size_t n;
    make("vocab=1500 width=64 layers=1 middle=1 type=Q8_0");
    good(hearth_trim(in, corpus, strlen(corpus), &(struct hearth_trim_params){0}, out, NULL, NULL, &all));
    good(hearth_trim(in, corpus, strlen(corpus), &(struct hearth_trim_params){.keep = 270}, out, NULL, NULL, &few));
    assert_true(few.tokens_after <= 270 && few.tokens_after > 262 && few.text_after > few.text_before);
    open_model(in, &a);
    open_model(out, &b);
    encode(a, "nothing of this was there: zqxj \xE6\xBC\xA2", &x);
    encode(b, "nothing of this was there: zqxj \xE6\xBC\xA2", &y);
    assert_true(y.n > x.n);                      /* single bytes are always left */
    tokenizer_text(b->tokenizer, tokenizer_eos(b->tokenizer), &s, &n);
    assert_int_equal(n, 10);
    assert_memory_equal(s, "<|im_end|>", n);
    encode(b, "<|fim_middle|>", &y);             /* the last token of the old one: special, so it stays, under another number */
    assert_int_equal(y.n, 1);
    assert_int_equal(y.id[0], b->h.vocabulary - 1);
    hearth_model_close(a);
    hearth_model_close(b);
    good(hearth_trim(in, corpus, strlen(corpus), &(struct hearth_trim_params){.coverage = 0.5}, out, NULL, NULL, &most));
    assert_true(most.tokens_after < all.tokens_after);
    assert_int_equal(hearth_trim(in, corpus, strlen(corpus), &(struct hearth_trim_params){.keep = 100}, out, NULL, NULL, &few), HEARTH_EUSAGE);
    assert_non_null(strstr(hearth_errmsg(), "100 tokens to keep, allowed: at least 262"));
    assert_int_equal(hearth_trim(in, corpus, strlen(corpus), &(struct hearth_trim_params){.coverage = 1.5}, out, NULL, NULL, &few), HEARTH_EUSAGE);
    assert_int_equal(hearth_trim(in, "", 0, &(struct hearth_trim_params){0}, out, NULL, NULL, &few), HEARTH_EUSAGE);
    assert_int_equal(hearth_trim(in, corpus, strlen(corpus), &(struct hearth_trim_params){0}, in, NULL, NULL, &few), HEARTH_EUSAGE);
    free(x.id), free(y.id);
}

static int cancel(void *user, uint64_t done, uint64_t total)
{
    (void)user;
    return done * 2 > total;
}

static void a_cancelled_one_leaves_nothing(void **state)
{
    (void)state;
    struct hearth_vocabulary_result r;
    make("vocab=400 width=64 layers=1");
    unlink(out);
    assert_int_equal(hearth_trim(in, corpus, strlen(corpus), &(struct hearth_trim_params){0}, out, cancel, NULL, &r), HEARTH_ECANCELLED);
    assert_int_equal(access(out, F_OK), -1);
}

/* Words that the model has no joined tokens for. */
static const char crumbs[] = "ngiyabonga kakhulu, ngiyabonga; siyabonga kakhulu! ngiyabonga siyabonga 12 12 kakhulu 12\n";

static void extending(void **state)
{
    struct hearth_vocabulary_result r;
    struct hearth_model *a, *b;
    struct ids x = {0}, y = {0};
    make(*state);
    good(hearth_extend(in, crumbs, strlen(crumbs), &(struct hearth_extend_params){.add = 8}, out, NULL, NULL, &r));
    open_model(in, &a);
    open_model(out, &b);
    assert_int_equal(b->h.vocabulary, a->h.vocabulary + 8);
    assert_true(r.text_after < r.text_before);
    encode(a, crumbs, &x);
    encode(b, crumbs, &y);
    assert_int_equal(x.n, r.text_before);
    assert_int_equal(y.n, r.text_after);
    struct buf back = {0};
    good(tokenizer_decode(b->tokenizer, y.id, y.n, 0, &back));
    assert_string_equal(back.data, crumbs);
    buf_free(&back);
    encode(a, "other words", &x);                /* none of the new tokens is in it */
    encode(b, "other words", &y);
    same_tokens(a, &x, b, &y);
    float *p = logits(a, &x), *q = logits(b, &y);
    for (size_t at = 0; at < x.n; at++)
        assert_memory_equal(p + at * a->h.vocabulary, q + at * b->h.vocabulary, a->h.vocabulary * sizeof *p);
    free(p), free(q), free(x.id), free(y.id);
    hearth_model_close(a);
    hearth_model_close(b);
}

static void a_new_row_is_the_mean_of_its_pieces(void **state)
{
    (void)state;
    struct hearth_vocabulary_result r;
    struct gguf *a, *b;
    make("vocab=259 width=64 layers=1 tied=1");
    good(hearth_extend(in, "zz qqq zz qqq", 13, &(struct hearth_extend_params){.add = 3}, out, NULL, NULL, &r));
    assert_int_equal(r.tokens_after, 262);       /* of Ġq, qq and zz, each standing twice or more: qq (4), then Ġqq, then zz */
    good(gguf_open(in, 1, &a));
    good(gguf_open(out, 1, &b));
    const float *from = (const float *)gguf_find_tensor(a, "token_embd.weight")->data;
    const float *to = (const float *)gguf_find_tensor(b, "token_embd.weight")->data;
    assert_memory_equal(from, to, 259 * 64 * sizeof *to);
    size_t q = 3 + 'q', space = 3 + ' ', z = 3 + 'z';
    for (int i = 0; i < 64; i++) {
        float space_q_q = (from[space * 64 + i] + from[q * 64 + i]) + from[q * 64 + i];
        assert_true(to[259 * 64 + i] == (from[q * 64 + i] + from[q * 64 + i]) / 2);
        assert_true(to[260 * 64 + i] == space_q_q / 3 || to[261 * 64 + i] == space_q_q / 3);
        assert_true(to[260 * 64 + i] == from[z * 64 + i] || to[261 * 64 + i] == from[z * 64 + i]);
    }
    gguf_close(a);
    gguf_close(b);
    assert_int_equal(hearth_extend(in, "x y z", 5, &(struct hearth_extend_params){.add = 3}, out, NULL, NULL, &r), HEARTH_EUSAGE);
    assert_int_equal(hearth_extend(in, "zz zz", 5, &(struct hearth_extend_params){.add = 0}, out, NULL, NULL, &r), HEARTH_EUSAGE);
}

#define WITH(test, words) {test " (" words ")", kept_logits_are_the_same_bits, NULL, NULL, words}
#define EXTEND(words) {"extending (" words ")", extending, NULL, NULL, words}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH("kept logits", "vocab=1500 width=64 layers=2 type=F32"),
        WITH("kept logits", "vocab=1501 width=256 layers=1 type=Q4_K,Q6_K tied=1"),
        WITH("kept logits", "family=gemma3 vocab=1300 width=64 layers=2 type=Q8_0"),
        WITH("kept logits", "family=granite vocab=1200 width=64 layers=1 type=Q4_0"),
        cmocka_unit_test(limits_and_keys),
        cmocka_unit_test(a_cancelled_one_leaves_nothing),
        EXTEND("vocab=700 width=64 layers=1 type=Q4_0"),
        EXTEND("family=gemma3 vocab=800 width=64 layers=1 type=Q8_0"),
        cmocka_unit_test(a_new_row_is_the_mean_of_its_pieces),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
