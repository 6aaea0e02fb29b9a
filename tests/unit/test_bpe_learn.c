/* test_bpe_learn.c - learning byte pairs: against the `tokenizers` package on a text in 26 scripts (tests/golden/learn-bpe.json, made
 * by tools/oracle/learn_bpe.py), the rules of ties and counts on small ones, and what is learnt as a tokenizer of a GGUF file. */
#include "file/gguf.h"     /* before cmocka.h, whose macro fail() would cover our function */
#include "text/bpe_learn.h"
#include "text/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define TEXT "tests/golden/tokens.txt"

static char *text;
static size_t n_text;

static void good(enum hearth_status st)
{
    if (st != HEARTH_OK) print_message("# %s: %s\n", hearth_status_name(st), hearth_errmsg());
    assert_int_equal(st, HEARTH_OK);
}

static int read_text(void **state)
{
    (void)state;
    return os_read_file(TEXT, 1 << 20, &text, &n_text) != HEARTH_OK;
}

static int free_text(void **state)
{
    (void)state;
    free(text);
    return 0;
}

static void count(struct wordcount *words, const char *s, size_t n)
{
    good(wordcount_text(words, pretoken_rule("gpt-2", 5), "text", s, n));
}

static uint64_t fnv(const char *s, size_t n)
{
    uint64_t h = 0xCBF29CE484222325u;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 0x100000001B3u;
    return h;
}

/* ---- against the package ---- */

static const char *const special[] = {"<|endoftext|>", "th"};   /* the second is also what t and h make */
static const struct bpe_train_params golden = {.size = 1000, .min_count = 2, .special = special, .n_special = 2};

static void test_equal_to_the_package(void **state)
{
    (void)state;
    struct wordcount words = {0};
    struct bpe_learn l;
    struct buf json = {0};
    char *wanted;
    size_t n;
    good(os_read_file("tests/golden/learn-bpe.json", 1 << 20, &wanted, &n));
    count(&words, text, n_text);
    good(bpe_train(&words, &golden, &l));
    good(bpe_train_json(&l, 2, -1, &json));
    assert_int_equal(json.len, n);
    assert_memory_equal(json.data, wanted, n);
    free(wanted);
    buf_free(&json);
    bpe_learn_free(&l);
    wordcount_free(&words);
}

/* Every line alone, until no pair is left: long words, thousands of ties, tokens that two ways of joining lead to. */
static void test_until_nothing_is_left(void **state)
{
    (void)state;
    struct wordcount words = {0};
    struct bpe_learn l;
    struct buf json = {0};
    struct bpe_train_params p = {.size = 100000, .min_count = 1};
    for (size_t at = 0, len; at < n_text; at += len) {
        const char *end = memchr(text + at, '\n', n_text - at);
        len = end ? (size_t)(end + 1 - text) - at : n_text - at;
        count(&words, text + at, len);
    }
    good(bpe_train(&words, &p, &l));
    good(bpe_train_json(&l, 0, -1, &json));
    assert_int_equal(json.len, 456827);
    assert_true(fnv(json.data, json.len) == 0x0b46705cefb01424u);
    buf_free(&json);
    bpe_learn_free(&l);
    wordcount_free(&words);
}

/* ---- small ones ---- */

static void learn(const char *s, const struct bpe_train_params *p, struct bpe_learn *l)
{
    struct wordcount words = {0};
    count(&words, s, strlen(s));
    good(bpe_train(&words, p, l));
    wordcount_free(&words);
}

static void is_merge(const struct bpe_learn *l, size_t i, const char *left, const char *right)
{
    struct gguf_string a = bpe_learn_text(l, (size_t)l->merge[i].left), b = bpe_learn_text(l, (size_t)l->merge[i].right);
    assert_int_equal(a.n, strlen(left));
    assert_memory_equal(a.s, left, a.n);
    assert_int_equal(b.n, strlen(right));
    assert_memory_equal(b.s, right, b.n);
}

static void test_rules(void **state)
{
    (void)state;
    struct bpe_learn l;
    struct bpe_train_params p = {.size = 259};
    learn("ba ba dc dc", &p, &l);                /* "Ġb" would be as rare; of (b,a) and (d,c) the smaller id comes first */
    assert_int_equal(l.merges, 3);
    is_merge(&l, 0, "b", "a");
    is_merge(&l, 1, "d", "c");
    is_merge(&l, 2, "Ġ", "dc");
    bpe_learn_free(&l);
    p = (struct bpe_train_params){.size = 300, .min_count = 3};
    learn("xy xy xy ab ab", &p, &l);             /* "ab" stands twice only; so does "Ġxy" */
    assert_int_equal(l.merges, 1);
    is_merge(&l, 0, "x", "y");
    bpe_learn_free(&l);
    p = (struct bpe_train_params){.size = 2, .seen_bytes_only = 1, .special = special, .n_special = 1};
    learn("aaaa", &p, &l);                       /* the size is reached already: nothing is learnt */
    assert_int_equal(l.tokens, 2);
    assert_int_equal(l.merges, 0);
    bpe_learn_free(&l);
    p.size = 4;
    learn("aaaa", &p, &l);                       /* aa aa, then aaaa */
    assert_int_equal(l.tokens, 4);
    is_merge(&l, 0, "a", "a");
    is_merge(&l, 1, "aa", "aa");
    bpe_learn_free(&l);
}

static void test_only_new(void **state)
{
    (void)state;
    struct bpe_learn l = {0};
    int32_t id[4];
    const char *const names[] = {"a", "b", "ab", "c"};
    struct bpe_learn_params p = {.size = 100, .min_count = 1, .only_new = 1};
    for (int i = 0; i < 4; i++) good(bpe_learn_token(&l, names[i], strlen(names[i]), id + i));
    good(bpe_learn_token(&l, "ab", 2, id));
    assert_int_equal(id[0], 2);                  /* there already */
    good(bpe_learn_word(&l, (int32_t[]){0, 1, 3}, 3, 5));
    good(bpe_learn_run(&l, &p));
    assert_int_equal(l.merges, 2);               /* a b is left alone: bc, then abc */
    is_merge(&l, 0, "b", "c");
    is_merge(&l, 1, "a", "bc");
    bpe_learn_free(&l);
}

static void test_refusals(void **state)
{
    (void)state;
    struct wordcount words = {0};
    struct bpe_learn l;
    const char *const twice[] = {"<s>", "<s>"};
    struct bpe_train_params p = {.size = 300, .special = twice, .n_special = 2};
    assert_int_equal(wordcount_text(&words, pretoken_rule("gpt-2", 5), "x.txt", "ab\xFF", 3), HEARTH_EFORMAT);
    assert_string_equal(hearth_errmsg(), "x.txt: byte 2 is 0xFF, allowed: text in UTF-8");
    assert_int_equal(words.n, 0);
    assert_int_equal(bpe_train(&words, &p, &l), HEARTH_EUSAGE);
    p.n_special = 1;
    good(bpe_train(&words, &p, &l));             /* no text: the alphabet alone */
    assert_int_equal(l.tokens, 257);
    bpe_learn_free(&l);
    wordcount_free(&words);
}

/* ---- both ways of writing it down say the same ---- */

static void write_keys(const struct bpe_learn *l, const char *path)
{
    struct arena arena;
    struct gguf_writer *w;
    struct gguf_kv *kv;
    size_t n;
    arena_init(&arena, 0);
    good(bpe_train_keys(l, 2, 0, 0, &arena, &kv, &n));
    good(gguf_writer_open(path, 32, &w));
    for (size_t i = 0; i < n; i++) good(gguf_writer_kv(w, kv + i));
    good(gguf_writer_begin(w));
    good(gguf_writer_commit(w));
    gguf_writer_close(w);
    arena_free(&arena);
}

static void test_two_files_one_tokenizer(void **state)
{
    (void)state;
    char path[] = "/tmp/test_bpe_learn.XXXXXX";
    struct wordcount words = {0};
    struct bpe_learn l;
    struct buf json = {0}, back = {0};
    struct ids a = {0}, b = {0};
    struct tokenizer *from_json, *from_gguf;
    struct gguf *g;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    count(&words, text, n_text);
    good(bpe_train(&words, &golden, &l));
    good(bpe_train_json(&l, 2, -1, &json));
    good(tokenizer_open_json("learnt.json", json.data, json.len, &from_json));
    write_keys(&l, path);
    good(gguf_open(path, 0, &g));
    good(tokenizer_open(g, &from_gguf));
    good(tokenizer_encode(from_json, text, n_text, 0, &a));
    good(tokenizer_encode(from_gguf, text, n_text, 0, &b));
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.id, b.id, a.n * sizeof *a.id);
    good(tokenizer_decode(from_gguf, b.id, b.n, 1, &back));
    assert_int_equal(back.len, n_text);
    assert_memory_equal(back.data, text, n_text);
    assert_int_equal(tokenizer_eos(from_gguf), 0);
    assert_true(tokenizer_adds_bos(from_gguf));
    free(a.id);
    free(b.id);
    buf_free(&back);
    buf_free(&json);
    tokenizer_close(from_json);
    tokenizer_close(from_gguf);
    gguf_close(g);
    unlink(path);
    bpe_learn_free(&l);
    wordcount_free(&words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_to_the_package), cmocka_unit_test(test_until_nothing_is_left), cmocka_unit_test(test_rules),
        cmocka_unit_test(test_only_new),             cmocka_unit_test(test_refusals),              cmocka_unit_test(test_two_files_one_tokenizer),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, read_text, free_text);
}
