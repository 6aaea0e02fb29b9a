/* test_imatrix.c - importance matrices: what is summed, that nothing but the text decides it, both forms of file, what is refused. */
#include "quant/imatrix.h"     /* before cmocka.h, whose macro fail() would cover our function */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "kernel/kernels.h"
#include "model_maker.h"
#include <cmocka.h>

enum { TOKENS = 45, CTX = 20 };
static char folder[] = "/tmp/hearth-imatrix-XXXXXX", plain[64], mixture[64], out[64], other[64];
static int32_t ids[TOKENS];

static int setup(void **state)
{
    (void)state;
    struct model_spec l = {.width = 64, .type = "F32", .tied = 1}, x = {.family = "granitemoe", .width = 64, .type = "Q8_0", .experts = 8};
    if (!mkdtemp(folder)) return 1;
    snprintf(plain, sizeof plain, "%s/plain.gguf", folder);
    snprintf(mixture, sizeof mixture, "%s/mixture.gguf", folder);
    snprintf(out, sizeof out, "%s/out.gguf", folder);
    snprintf(other, sizeof other, "%s/other.gguf", folder);
    for (int i = 0; i < TOKENS; i++) ids[i] = 300 + i * 7 % 50;
    return model_make(plain, &l) || model_make(mixture, &x);
}

static int teardown(void **state)
{
    (void)state;
    unlink(plain), unlink(mixture), unlink(out), unlink(other);
    return rmdir(folder);
}

static struct hearth_model *opened(const char *path, int threads)
{
    struct hearth_model *m;
    assert_int_equal(hearth_model_open(path, &(struct hearth_model_params){.threads = threads}, &m), HEARTH_OK);
    return m;
}

static void collect(struct imatrix_sums *s, const struct hearth_model *m, uint32_t chunk, const char *path)
{
    static const char *const names[] = {"a text"};
    *s = (struct imatrix_sums){.m = m};
    if (imatrix_add(s, ids, TOKENS, CTX, chunk, NULL, NULL)) fail_msg("%s", hearth_errmsg());
    assert_int_equal(imatrix_write(s, path, CTX, names, 1), HEARTH_OK);
}

static const struct imatrix_sum *sum_of(const struct imatrix_sums *s, const char *tensor)
{
    return &s->of[gguf_find_tensor(s->m->file, tensor) - s->m->file->tensors];
}

/* The first layer's input is the norm of embedding rows, which can be computed here. */
static void the_sums(void **state)
{
    (void)state;
    struct imatrix_sums s;
    struct hearth_model *m = opened(plain, 1);
    double want[64] = {0};
    float h[64];
    collect(&s, m, 0, out);
    for (int t = 0; t < TOKENS; t++) {
        int32_t id = t % CTX == 0 && tokenizer_adds_bos(m->tokenizer) ? tokenizer_bos(m->tokenizer) : ids[t];
        const float *row = (const float *)(const void *)m->weights.embedding.dense.data + (size_t)id * 64;
        m->kernels->rms_norm(row, m->weights.layers[0].attn_norm, m->h.norm_eps, h, 64);
        for (int c = 0; c < 64; c++) want[c] += (double)h[c] * (double)h[c];
    }
    const char *const same[] = {"blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.0.attn_v.weight"};
    for (int i = 0; i < 3; i++) assert_memory_equal(sum_of(&s, same[i])->sum, want, sizeof want);
    assert_true(s.tokens == TOKENS && s.windows == 3);
    assert_int_equal(sum_of(&s, "blk.1.ffn_down.weight")->cols, 128);
    assert_int_equal(*sum_of(&s, "blk.1.ffn_down.weight")->count, TOKENS);
    assert_int_equal(*sum_of(&s, "token_embd.weight")->count, TOKENS);       /* tied: it is the output */
    assert_null(sum_of(&s, "output_norm.weight")->sum);
    imatrix_sums_free(&s);
    hearth_model_close(m);
}

static void experts_apart(void **state)
{
    (void)state;
    struct imatrix_sums s;
    struct imatrix *read;
    struct hearth_model *m = opened(mixture, 1);
    collect(&s, m, 0, out);
    const struct imatrix_sum *up = sum_of(&s, "blk.1.ffn_up_exps.weight"), *down = sum_of(&s, "blk.1.ffn_down_exps.weight");
    uint64_t all = 0;
    for (int e = 0; e < 8; e++) all += up->count[e];
    assert_true(up->mats == 8 && all == TOKENS * m->h.experts_used);
    assert_memory_equal(up->count, down->count, 8 * sizeof *up->count);
    assert_int_equal(imatrix_open(out, &read), HEARTH_OK);
    const struct imatrix_entry *e = imatrix_find(read, "blk.1.ffn_up_exps.weight");
    assert_non_null(e);
    assert_int_equal(imatrix_check(read, e, gguf_find_tensor(m->file, e->name)), HEARTH_OK);
    for (uint64_t k = 0; k < 8; k++) {
        const float *row = imatrix_row(e, k);
        assert_int_equal(row != NULL, up->count[k] > 0);
        for (int c = 0; row && c < 64; c++) assert_true(row[c] == (float)((double)(float)up->sum[k * 64 + c] / (double)up->count[k]));
    }
    imatrix_close(read);
    imatrix_sums_free(&s);
    hearth_model_close(m);
}

static void only_the_text_decides(void **state)
{
    (void)state;
    static const struct { int threads; uint32_t chunk; } ways[] = {{1, 0}, {1, 1}, {3, 7}, {2, 20}};
    const char *const models[] = {plain, mixture};
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 4; k++) {
            struct imatrix_sums s;
            struct mapping a, b;
            struct hearth_model *m = opened(models[i], ways[k].threads);
            collect(&s, m, ways[k].chunk, k ? other : out);
            imatrix_sums_free(&s);
            hearth_model_close(m);
            if (!k) continue;
            assert_int_equal(os_map(out, &a), HEARTH_OK);
            assert_int_equal(os_map(other, &b), HEARTH_OK);
            assert_int_equal(a.size, b.size);
            assert_memory_equal(a.data, b.data, a.size);
            os_unmap(&a), os_unmap(&b);
        }
}

static int stop(void *user, size_t done, size_t total)
{
    size_t *seen = user;
    assert_true(done > *seen && done <= total);
    return (*seen = done) > total / 2;
}

static void the_public_entry(void **state)
{
    (void)state;
    static const char words[] = "The same words again and again, until there are enough of them for more than one window of eight tokens.";
    struct hearth_model *m = opened(plain, 1);
    struct hearth_text texts[] = {{"one.txt", words, sizeof words - 1}, {"two.txt", words, 20}};
    struct hearth_imatrix_result r;
    size_t seen = 0;
    unlink(out);
    assert_int_equal(hearth_imatrix(m, texts, 2, 8, out, stop, &seen, &r), HEARTH_ECANCELLED);
    assert_int_equal(access(out, F_OK), -1);
    assert_int_equal(hearth_imatrix(m, texts, 2, 4, out, NULL, NULL, &r), HEARTH_EUSAGE);
    texts[1].len = 0;
    assert_int_equal(hearth_imatrix(m, texts, 2, 8, out, NULL, NULL, &r), HEARTH_EUSAGE);
    assert_non_null(strstr(hearth_errmsg(), "two.txt: the text has"));
    texts[1].len = 20;
    assert_int_equal(hearth_imatrix(m, texts, 2, 8, out, NULL, NULL, &r), HEARTH_OK);
    assert_true(r.tokens > 40 && r.windows > 5 && r.matrices == 15 && r.idle == 0);
    struct gguf *g;
    uint32_t v = 0;
    struct gguf_string kind;
    const struct gguf_value *sets;
    assert_int_equal(gguf_open(out, 1, &g), HEARTH_OK);
    assert_int_equal(gguf_get_string(g, "general.type", &kind, NULL), HEARTH_OK);
    assert_true(kind.n == 7 && !memcmp(kind.s, "imatrix", 7));
    assert_int_equal(gguf_get_array(g, "imatrix.datasets", GGUF_STRING, &sets), HEARTH_OK);
    assert_true(sets->as.array.n == 2 && !memcmp(sets->as.array.strings[1].s, "two.txt", 7));
    assert_int_equal(gguf_get_u32(g, "imatrix.chunk_count", &v, NULL), HEARTH_OK);
    assert_int_equal(v, r.windows);
    assert_int_equal(gguf_get_u32(g, "imatrix.chunk_size", &v, NULL), HEARTH_OK);
    assert_int_equal(v, 8);
    gguf_close(g);
    hearth_model_close(m);
}

/* ---- the older form ---- */

static uint8_t old[256];
static size_t old_n;

static void put(const void *p, size_t n) { memcpy(old + old_n, p, n), old_n += n; }
static void put_int(int32_t v) { put(&v, 4); }

/* Two entries; the second one's sums times `calls`. */
static void make_old(int32_t entries, int32_t calls, float value)
{
    const float first[] = {2, 4}, second[] = {value, 0, 9};
    old_n = 0;
    put_int(entries);
    put_int(3), put("b.w", 3), put_int(1), put_int(2), put(first, sizeof first);
    put_int(3), put("a.w", 3), put_int(calls), put_int(3), put(second, sizeof second);
    put_int(calls), put_int(4), put("text", 4);
}

static void the_older_form(void **state)
{
    (void)state;
    struct imatrix *m;
    make_old(2, 3, 6);
    assert_int_equal(imatrix_read(old, old_n, "old", &m), HEARTH_OK);
    const struct imatrix_entry *a = imatrix_find(m, "a.w"), *b = imatrix_find(m, "b.w");
    assert_true(m->n == 2 && a->cols == 3 && a->mean[0] == 2 && a->mean[1] == 0 && a->mean[2] == 3 && b->mean[1] == 4);
    assert_ptr_equal(imatrix_row(a, 5), a->mean);          /* stands for every expert */
    assert_null(imatrix_find(m, "c.w"));
    struct gguf_tensor t = {.name = "a.w", .shape = {3, 2, 4, 1}, .elements = 24};
    assert_int_equal(imatrix_check(m, a, &t), HEARTH_OK);
    t.shape[0] = 4, t.elements = 32;
    assert_int_equal(imatrix_check(m, a, &t), HEARTH_EFORMAT);
    assert_non_null(strstr(hearth_errmsg(), "old: a.w is of 1 matrices of 3 columns, the model's has 4 of 4; it is of another model"));
    imatrix_close(m);
    make_old(2, 0, 6);
    assert_int_equal(imatrix_read(old, old_n, "old", &m), HEARTH_OK);
    assert_null(imatrix_row(imatrix_find(m, "a.w"), 0));   /* never called: nothing is known */
    imatrix_close(m);
}

static void refused(const void *data, size_t n, const char *text)
{
    struct imatrix *m;
    enum hearth_status st = imatrix_read(data, n, "file", &m);
    if (st != HEARTH_EFORMAT || m || !strstr(hearth_errmsg(), text))
        fail_msg("%s, \"%s\"; wanted \"%s\"", hearth_status_name(st), hearth_errmsg(), text);
}

static void broken_files(void **state)
{
    (void)state;
    refused("", 0, "file: the number of entries takes 4 bytes, but 0 are left");
    refused("text, not numbers", 17, "file: the number of entries is 1954047348, allowed: 1 to 1; this is no importance matrix");
    make_old(2, 1, 1);
    for (size_t n = 0; n < 54; n++) refused(old, n, "file: ");
    make_old(2, 1, NAN);
    refused(old, old_n, "file: a.w: a sum of squares is nan, allowed: 0 and more");
    make_old(2, 1, -1);
    refused(old, old_n, "file: a.w: a sum of squares is -1, allowed");
    make_old(2, -1, 1);
    refused(old, old_n, "file: a number of calls is -1, allowed: 0 to 2147483647");
    make_old(1, 1, 1);
    memcpy(old + 11, "\xff\xff\xff\x7f", 4);               /* columns of the first entry: its calls come before */
    memcpy(old + 15, "\xff\xff\xff\x1f", 4);
    refused(old, old_n, "file: a list of sums takes ");
}

static void broken_gguf(void **state)
{
    (void)state;
    struct gguf_writer *w;
    struct mapping map;
    static const struct { const char *sums, *counts, *text; enum tensor_type type; uint64_t rows; float value; } bad[] = {
        {"a.in_sum2", "b.counts", "tensor a.counts is missing", T_F32, 1, 1},
        {"a.in_sum", "a.counts", "no tensor's name ends with .in_sum2", T_F32, 1, 1},
        {"a.in_sum2", "a.counts", "of type F16 and 1 counts", T_F16, 1, 1},
        {"a.in_sum2", "a.counts", "4 numbers of type F32 and 3 counts", T_F32, 3, 1},
        {"a.in_sum2", "a.counts", "a count is -1, allowed", T_F32, 1, -1},
        {"a.in_sum2", "a.counts", "a count is inf, allowed", T_F32, 1, INFINITY},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const float sums[4] = {1, 2, 3, 4}, counts[3] = {bad[i].value, 1, 1};
        assert_int_equal(gguf_writer_open(out, 32, &w), HEARTH_OK);
        assert_int_equal(gguf_writer_tensor(w, bad[i].sums, 1, (const uint64_t[]){4}, bad[i].type), HEARTH_OK);
        assert_int_equal(gguf_writer_tensor(w, bad[i].counts, 1, (const uint64_t[]){bad[i].rows}, T_F32), HEARTH_OK);
        assert_int_equal(gguf_writer_begin(w), HEARTH_OK);
        assert_int_equal(gguf_writer_data(w, sums, bad[i].type == T_F16 ? 8 : 16), HEARTH_OK);
        assert_int_equal(gguf_writer_data(w, counts, bad[i].rows * 4), HEARTH_OK);
        assert_int_equal(gguf_writer_commit(w), HEARTH_OK);
        gguf_writer_close(w);
        assert_int_equal(os_map(out, &map), HEARTH_OK);
        refused(map.data, map.size, bad[i].text);
        os_unmap(&map);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sums), cmocka_unit_test(experts_apart), cmocka_unit_test(only_the_text_decides),
        cmocka_unit_test(the_public_entry), cmocka_unit_test(the_older_form), cmocka_unit_test(broken_files), cmocka_unit_test(broken_gguf),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
