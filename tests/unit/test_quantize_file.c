/* test_quantize_file.c - hearth_quantize: what is rounded and what is not, metadata, refusals that leave nothing behind. */
#include "gguf_bytes.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "draw.h"
#include "quant/quantize.h"

static char folder[] = "/tmp/test_quantize.XXXXXX", in[64], out[64];

#define KEY(name) {name, sizeof name - 1}

/* Everything the quantiser distinguishes; `wide` has more elements than one batch. */
static const struct { const char *name; uint32_t dims; uint64_t shape[2]; enum tensor_type type; } tensors[] = {
    {"token_embd.weight", 2, {256, 8}, T_F32},          {"blk.0.attn_norm.weight", 1, {256}, T_F16},
    {"blk.0.attn_q.weight", 2, {256, 1100}, T_F32},     {"blk.0.ffn_down.weight", 2, {96, 4}, T_F32},
    {"blk.0.ffn_gate_inp.weight", 2, {256, 4}, T_F32},  {"blk.0.odd.weight", 2, {40, 3}, T_F32},
    {"blk.0.attn_q.bias", 1, {256}, T_F32},             {"blk.0.one_row.weight", 2, {256, 1}, T_F32},
    {"blk.0.ffn_up.weight", 2, {256, 2}, T_Q8_0},       {"table", 2, {256, 2}, T_F32},
};
enum { N_TENSORS = sizeof tensors / sizeof *tensors, MOST = 256 * 1100 };

static float weights[MOST];
static uint8_t raw[MOST * 4];

static uint64_t elements(int i)
{
    return tensors[i].shape[0] * (tensors[i].dims > 1 ? tensors[i].shape[1] : 1);
}

/* The input; one weight of `spoilt` is replaced by `value`. */
static void make_input(const char *spoilt, float value)
{
    static const int32_t kinds[] = {1, 2, 3};
    static const struct gguf_string words[] = {KEY("one"), KEY("two")};
    static const uint8_t nested[] = {GGUF_U8, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 5, 6};
    const struct gguf_kv kv[] = {
        {KEY("general.architecture"), {GGUF_STRING, {.str = KEY("llama")}}},
        {KEY("general.file_type"), {GGUF_U32, {.u = 0}}},
        {KEY("words"), {GGUF_ARRAY, {.array = {GGUF_STRING, 2, NULL, words}}}},
        {KEY("kinds"), {GGUF_ARRAY, {.array = {GGUF_I32, 3, kinds, NULL}}}},
        {KEY("nested"), {GGUF_ARRAY, {.array = {GGUF_ARRAY, 1, nested, NULL}}}},
        {KEY("epsilon"), {GGUF_F32, {.f = 1e-5f}}},
    };
    struct gguf_writer *w;
    assert_int_equal(gguf_writer_open(in, 64, &w), HEARTH_OK);
    for (size_t i = 0; i < sizeof kv / sizeof *kv; i++) assert_int_equal(gguf_writer_kv(w, &kv[i]), HEARTH_OK);
    for (int i = 0; i < N_TENSORS; i++)
        assert_int_equal(gguf_writer_tensor(w, tensors[i].name, tensors[i].dims, tensors[i].shape, tensors[i].type), HEARTH_OK);
    assert_int_equal(gguf_writer_begin(w), HEARTH_OK);
    for (int i = 0; i < N_TENSORS; i++) {
        const struct type_info *t = type_info(tensors[i].type);
        uint64_t n = elements(i);
        for (uint64_t k = 0; k < n; k++) weights[k] = draw_normal((uint64_t)i + 50, k, 0.05f);
        assert_int_equal(quantize_row(t->id, weights, raw, n), HEARTH_OK);
        if (spoilt && !strcmp(spoilt, tensors[i].name)) memcpy(raw + n / 2 / t->block * t->bytes, &value, 4);
        assert_int_equal(gguf_writer_data(w, raw, n / t->block * t->bytes), HEARTH_OK);
    }
    assert_int_equal(gguf_writer_commit(w), HEARTH_OK);
    gguf_writer_close(w);
}

static int files_in_folder(void)
{
    int n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) n += e->d_name[0] != '.' || e->d_name[1] > '.';
    closedir(d);
    return n;
}

/* The type each tensor must have in a file of the type asked for. */
static enum tensor_type wanted(int i, enum tensor_type asked)
{
    static const enum tensor_type narrow[] = {
        [T_F32] = T_F32, [T_F16] = T_F16, [T_BF16] = T_BF16, [T_Q4_0] = T_Q4_0, [T_Q4_1] = T_Q4_1, [T_Q5_0] = T_Q5_0,
        [T_Q5_1] = T_Q5_1, [T_Q8_0] = T_Q8_0, [T_Q2_K] = T_Q4_0, [T_Q3_K] = T_Q4_0, [T_Q4_K] = T_Q5_0, [T_Q5_K] = T_Q5_1,
        [T_Q6_K] = T_Q8_0, [T_IQ4_NL] = T_IQ4_NL, [T_IQ4_XS] = T_IQ4_NL};
    switch (i) {
    case 0: case 2: case 8: return asked;
    case 3: return narrow[asked];
    case 5: return type_info(asked)->block == 1 ? asked : T_F16;
    default: return T_F32;
    }
}

static void compare_tensor(const struct gguf *a, const struct gguf *b, int i, enum tensor_type asked)
{
    const struct gguf_tensor *from = gguf_find_tensor(a, tensors[i].name), *to = gguf_find_tensor(b, tensors[i].name);
    assert_non_null(to);
    assert_ptr_equal(to, &b->tensors[i]);                  /* the order is kept */
    assert_string_equal(type_info(to->type)->name, type_info(wanted(i, asked))->name);
    assert_true(to->dims == from->dims && !memcmp(to->shape, from->shape, sizeof to->shape));
    const uint8_t *source = (const uint8_t *)a->map.data + from->offset;
    if (from->type == to->type) memcpy(raw, source, from->bytes);
    else {
        dequantize_row(from->type, source, weights, from->elements);
        assert_int_equal(quantize_row(to->type, weights, raw, from->elements), HEARTH_OK);
    }
    assert_memory_equal((const uint8_t *)b->map.data + to->offset, raw, to->bytes);
}

static void every_type(void **state)
{
    (void)state;
    static const int file_types[] = {
        [T_F32] = 0, [T_F16] = 1, [T_Q4_0] = 2, [T_Q4_1] = 3, [T_Q8_0] = 7, [T_Q5_0] = 8, [T_Q5_1] = 9, [T_Q2_K] = 10,
        [T_Q3_K] = 11, [T_Q4_K] = 14, [T_Q5_K] = 16, [T_Q6_K] = 18, [T_IQ4_NL] = 25, [T_IQ4_XS] = 30, [T_BF16] = 32};
    size_t n = 0;
    make_input(NULL, 0);
    for (const char *name; (name = hearth_quantize_type(n)); n++) {
        struct gguf *a, *b;
        enum tensor_type asked = type_by_name(name)->id;
        assert_true(hearth_can_quantize(name));
        if (hearth_quantize(in, name, out, NULL, NULL)) fail_msg("%s: %s", name, hearth_errmsg());
        assert_int_equal(gguf_open(in, 1, &a), HEARTH_OK);
        assert_int_equal(gguf_open(out, 1, &b), HEARTH_OK);
        assert_int_equal(b->n_tensors, N_TENSORS);
        for (int i = 0; i < N_TENSORS; i++) compare_tensor(a, b, i, asked);
        uint32_t v = 0;
        assert_int_equal(gguf_get_u32(b, "general.file_type", &v, NULL), HEARTH_OK);
        assert_int_equal(v, file_types[asked]);
        assert_int_equal(gguf_get_u32(b, "general.quantization_version", &v, NULL), HEARTH_OK);
        assert_true(v == 2 && b->n_kv == a->n_kv + 1 && b->alignment == 64);
        for (uint64_t i = 0; i < a->n_kv; i++) {
            char key[64];
            snprintf(key, sizeof key, "%.*s", (int)a->kv[i].key.n, a->kv[i].key.s);
            const struct gguf_value *x = &a->kv[i].value, *y = gguf_find(b, key);
            assert_true(y && x->type == y->type);
            if (x->type == GGUF_ARRAY)
                assert_true(gguf_array_bytes(x) == gguf_array_bytes(y) &&
                            !memcmp(x->as.array.data, y->as.array.data, gguf_array_bytes(x)));
        }
        gguf_close(a);
        gguf_close(b);
        unlink(out);
    }
    assert_int_equal(n, 15);
    assert_null(hearth_quantize_type(n + 1));
    assert_true(hearth_can_quantize("q4_0"));
    assert_false(hearth_can_quantize("Q4"));
    assert_false(hearth_can_quantize(NULL));
    unlink(in);
}

static void turned_down(enum hearth_status want, const char *from, const char *type, const char *to, const char *text, int files)
{
    enum hearth_status st = hearth_quantize(from, type, to, NULL, NULL);
    if (st != want || !strstr(hearth_errmsg(), text))
        fail_msg("%s, \"%s\"; wanted %s, \"%s\"", hearth_status_name(st), hearth_errmsg(), hearth_status_name(want), text);
    assert_int_equal(files_in_folder(), files);
}

static void weights_that_are_no_numbers(void **state)
{
    (void)state;
    static const char *const types[] = {"Q4_0", "F32", "F16", "Q6_K"};
    for (int i = 0; i < 4; i++) {
        make_input("blk.0.attn_q.weight", NAN);
        turned_down(HEARTH_ENUMERIC, in, types[i], out, "in.gguf: tensor blk.0.attn_q.weight: a weight is nan, allowed: finite numbers", 1);
        make_input("blk.0.attn_q.bias", -INFINITY);
        turned_down(HEARTH_ENUMERIC, in, types[i], out, "tensor blk.0.attn_q.bias: a weight is -inf", 1);
    }
    make_input("token_embd.weight", 3e38f);
    turned_down(HEARTH_ENUMERIC, in, "Q4_0", out, "tensor token_embd.weight: a weight is 3e+38, allowed: what the 16-bit floats of Q4_0", 1);
    assert_int_equal(hearth_quantize(in, "BF16", out, NULL, NULL), HEARTH_OK);
    unlink(out);
    unlink(in);
}

/* Bad input, row 4: what lies past the end of the file must not get into the output. */
static void cut_file(void **state)
{
    (void)state;
    struct stat st;
    make_input(NULL, 0);
    assert_int_equal(stat(in, &st), 0);
    assert_int_equal(truncate(in, st.st_size - 64), 0);
    turned_down(HEARTH_EFORMAT, in, "Q8_0", out, "in.gguf: tensor table: offset ", 1);
    assert_non_null(strstr(hearth_errmsg(), "is past the end of the file"));
    assert_int_equal(truncate(in, 100), 0);
    turned_down(HEARTH_EFORMAT, in, "Q8_0", out, "in.gguf: ", 1);
    unlink(in);
}

static void same_file(void **state)
{
    (void)state;
    char link_path[80];
    struct stat before, after;
    make_input(NULL, 0);
    assert_int_equal(stat(in, &before), 0);
    turned_down(HEARTH_EUSAGE, in, "Q4_0", in, "the output is the input file", 1);
    snprintf(link_path, sizeof link_path, "%s/link", folder);
    assert_int_equal(symlink("in.gguf", link_path), 0);
    turned_down(HEARTH_EUSAGE, in, "Q4_0", link_path, "the output is the input file", 2);
    turned_down(HEARTH_EUSAGE, link_path, "Q4_0", in, "the output is the input file", 2);
    assert_int_equal(stat(in, &after), 0);
    assert_true(before.st_size == after.st_size && before.st_ino == after.st_ino);
    unlink(link_path);
    unlink(in);
}

static void arguments(void **state)
{
    (void)state;
    turned_down(HEARTH_ENOTFOUND, in, "Q4_0", out, in, 0);
    make_input(NULL, 0);
    turned_down(HEARTH_EUSAGE, in, "Q4_2", out, "tensor type Q4_2, allowed: F32, F16, BF16, Q4_0, ", 1);
    turned_down(HEARTH_EUSAGE, in, "", out, "allowed: ", 1);
    assert_int_not_equal(hearth_quantize(in, "Q4_0", "/nonexistent/x.gguf", NULL, NULL), HEARTH_OK);
    assert_int_equal(files_in_folder(), 1);
    unlink(in);
}

static uint64_t last_done, last_total;
static int stop_at_half(void *user, uint64_t done, uint64_t total)
{
    assert_true(done > last_done && done <= total && (!last_total || total == last_total));
    last_done = done, last_total = total;
    return *(int *)user && done > total / 2;
}

static void progress_and_cancel(void **state)
{
    (void)state;
    int cancel = 0;
    make_input(NULL, 0);
    last_done = last_total = 0;
    assert_int_equal(hearth_quantize(in, "Q5_K", out, stop_at_half, &cancel), HEARTH_OK);
    assert_true(last_total > 0 && last_done == last_total);
    unlink(out);
    cancel = 1;
    last_done = last_total = 0;
    assert_int_equal(hearth_quantize(in, "Q5_K", out, stop_at_half, &cancel), HEARTH_ECANCELLED);
    assert_true(last_done < last_total);
    assert_int_equal(files_in_folder(), 1);
    unlink(in);
}

/* ---- types by name, mixes, importance ---- */

static char notes[1024];
static void keep_note(void *user, const char *sentence)
{
    (void)user;
    size_t n = strlen(notes);
    snprintf(notes + n, sizeof notes - n, "%s\n", sentence);
}

static void quantize_with(struct hearth_quantize_params p, struct gguf **b)
{
    notes[0] = 0;
    p.note = keep_note;
    if (hearth_quantize_with(in, out, &p)) fail_msg("%s", hearth_errmsg());
    assert_int_equal(gguf_open(out, 1, b), HEARTH_OK);
}

static void types_are(const struct gguf *g, const char *wanted)
{
    char found[256] = "";
    for (uint64_t i = 0; i < g->n_tensors; i++)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s ", type_info(g->tensors[i].type)->name);
    assert_string_equal(found, wanted);
}

static void types_by_name(void **state)
{
    (void)state;
    static const char *const words[] = {"blk.*.ffn_*=Q6_K", "blk.0.ffn_up=F16", "token_embd.weight=bf16", "blk.0.attn_?=Q5_K"};
    static const char *const wrong[][2] = {
        {"blk.1.*=Q4_0", "\"blk.1.*=Q4_0\" fits the name of no matrix of "}, {"blk.0.attn_norm=F16", "fits the name of no matrix"},
        {"blk.0.ffn_gate_inp*=F16", "fits the name of no matrix"}, {"Q4_0", "\"Q4_0\" should be a pattern of names, = and a type"},
        {"=Q4_0", "should be a pattern"}, {"*=Q4_2", "tensor type Q4_2, allowed: F32, "}, {"*=Q4_K_M", "tensor type Q4_K_M, allowed: F32, "}};
    struct gguf *g;
    make_input(NULL, 0);
    quantize_with((struct hearth_quantize_params){.type = "Q4_K", .tensors = words, .n_tensors = 4}, &g);
    types_are(g, "BF16 F32 Q5_K Q8_0 F32 F16 F32 F32 Q6_K F32 ");
    assert_string_equal(notes, "rows of 96 elements are no multiple of the 256 of a block of Q6_K: 1 matrix is Q8_0 instead\n"
                               "rows of 40 elements are no multiple of the 256 of a block of Q4_K: 1 matrix is F16 instead\n");
    gguf_close(g);
    unlink(out);
    quantize_with((struct hearth_quantize_params){.tensors = words, .n_tensors = 1}, &g);           /* the rest as it is */
    types_are(g, "F32 F32 F32 Q8_0 F32 F32 F32 F32 Q6_K F32 ");
    gguf_close(g);
    unlink(out);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct hearth_quantize_params p = {.type = "Q4_0", .tensors = &wrong[i][0], .n_tensors = 1};
        assert_int_equal(hearth_quantize_with(in, out, &p), HEARTH_EUSAGE);
        if (!strstr(hearth_errmsg(), wrong[i][1])) fail_msg("%s", hearth_errmsg());
        assert_int_equal(files_in_folder(), 1);
    }
    unlink(in);
}

/* A model of 16 layers of which only the parts that mixes distinguish are there. */
static void make_layers(int with_output)
{
    static const char *const parts[] = {"attn_q", "attn_v", "attn_output", "ffn_down", "ffn_up"};
    const uint64_t shape[2] = {256, 4};
    struct gguf_writer *w;
    char name[64];
    assert_int_equal(gguf_writer_open(in, 32, &w), HEARTH_OK);
    assert_int_equal(gguf_writer_tensor(w, "token_embd.weight", 2, shape, T_F32), HEARTH_OK);
    for (int l = 0; l < 16; l++)
        for (int k = 0; k < 5; k++) {
            snprintf(name, sizeof name, "blk.%d.%s.weight", l, parts[k]);
            assert_int_equal(gguf_writer_tensor(w, name, 2, shape, T_F32), HEARTH_OK);
        }
    if (with_output) assert_int_equal(gguf_writer_tensor(w, "output.weight", 2, shape, T_F32), HEARTH_OK);
    assert_int_equal(gguf_writer_begin(w), HEARTH_OK);
    for (int i = 0; i < 81 + with_output; i++) {
        for (int k = 0; k < 1024; k++) weights[k] = draw_normal((uint64_t)i, (uint64_t)k, 1);
        assert_int_equal(gguf_writer_data(w, weights, 4096), HEARTH_OK);
    }
    assert_int_equal(gguf_writer_commit(w), HEARTH_OK);
    gguf_writer_close(w);
}

/* One letter a layer: the type's digit. */
static void part_is(const struct gguf *g, const char *part, const char *wanted)
{
    char name[64], found[17] = "";
    for (int l = 0; l < 16; l++) {
        snprintf(name, sizeof name, "blk.%d.%s.weight", l, part);
        found[l] = type_info(gguf_find_tensor(g, name)->type)->name[1];
    }
    assert_string_equal(found, wanted);
}

static void mixes(void **state)
{
    (void)state;
    static const struct { const char *name, *v, *down, *output; uint32_t file_type; } want[] = {
        {"Q2_K_S", "2222222222222222", "4422222222222222", "2222222222222222", 21},
        {"Q2_K_M", "3333333333333333", "3333333333333333", "3333333333333333", 10},
        {"Q3_K_S", "3333333333333333", "3333333333333333", "3333333333333333", 11},
        {"Q3_K_M", "5544444444444444", "5444444444444444", "4444444444444444", 12},
        {"Q3_K_L", "5555555555555555", "5555555555555555", "5555555555555555", 13},
        {"Q4_K_S", "5555444444444444", "5544444444444444", "4444444444444444", 14},
        {"Q4_K_M", "6644644644644666", "6644644644644666", "4444444444444444", 15},
        {"Q5_K_S", "5555555555555555", "5555555555555555", "5555555555555555", 16},
        {"Q5_K_M", "6655655655655666", "6655655655655666", "5555555555555555", 17},
    };
    const char *summary;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct gguf *g;
        char all[17];
        uint32_t v = 0;
        assert_string_equal(hearth_quantize_mix(i, &summary), want[i].name);
        assert_true(*summary && hearth_can_quantize(want[i].name));
        memset(all, want[i].name[1], 16), all[16] = 0;
        make_layers(i % 2 == 0);
        quantize_with((struct hearth_quantize_params){.type = want[i].name}, &g);
        part_is(g, "attn_v", want[i].v), part_is(g, "ffn_down", want[i].down), part_is(g, "attn_output", want[i].output);
        part_is(g, "attn_q", all), part_is(g, "ffn_up", all);
        assert_int_equal(gguf_find_tensor(g, i % 2 ? "token_embd.weight" : "output.weight")->type, T_Q6_K);
        if (i % 2 == 0) assert_int_equal(type_info(gguf_find_tensor(g, "token_embd.weight")->type)->name[1], want[i].name[1]);
        assert_int_equal(gguf_get_u32(g, "general.file_type", &v, NULL), HEARTH_OK);
        assert_int_equal(v, want[i].file_type);
        assert_string_equal(notes, "");
        gguf_close(g);
        unlink(out), unlink(in);
    }
    assert_null(hearth_quantize_mix(sizeof want / sizeof *want, &summary));
}

/* An importance matrix in the older form, for attn_q (and, to be of use to another model only, for a name of its own). */
static void make_worth(const char *path, const char *name, int32_t columns)
{
    const int32_t head[2] = {1, (int32_t)strlen(name)}, calls = 2;
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fwrite(head, 4, 2, f), fwrite(name, 1, strlen(name), f), fwrite(&calls, 4, 1, f), fwrite(&columns, 4, 1, f);
    for (int32_t c = 0; c < columns; c++) fwrite(&(float){(float)(c % 7 * c)}, 4, 1, f);
    fclose(f);
}

static void by_importance(void **state)
{
    (void)state;
    char file[64];
    static uint8_t row[256];
    static float worth[256];
    struct gguf *a, *b, *plain;
    snprintf(file, sizeof file, "%s/w.dat", folder);
    make_worth(file, "blk.0.attn_q.weight", 256);
    make_input(NULL, 0);
    quantize_with((struct hearth_quantize_params){.type = "Q4_K", .imatrix = file}, &b);
    assert_non_null(strstr(notes, "w.dat knows 1 of 4 matrices; the others are rounded without it\n"));
    assert_int_equal(gguf_open(in, 1, &a), HEARTH_OK);
    for (int c = 0; c < 256; c++) worth[c] = (float)(c % 7 * c) / 2;
    const struct gguf_tensor *q = gguf_find_tensor(a, "blk.0.attn_q.weight"), *to = gguf_find_tensor(b, q->name);
    for (uint64_t r = 0; r < q->shape[1]; r++) {
        memcpy(weights, q->data + r * 1024, 1024);
        assert_int_equal(quantize_row_for(T_Q4_K, weights, worth, row, 256), HEARTH_OK);
        assert_memory_equal(to->data + r * 144, row, 144);
    }
    struct gguf_string name;
    assert_int_equal(gguf_get_string(b, "quantize.imatrix.file", &name, NULL), HEARTH_OK);
    assert_true(name.n == 5 && !memcmp(name.s, "w.dat", 5));
    gguf_close(b);
    unlink(out);
    quantize_with((struct hearth_quantize_params){.type = "Q4_K"}, &plain);
    assert_memory_not_equal(gguf_find_tensor(plain, q->name)->data, q->data, 144);
    assert_null(gguf_find(plain, "quantize.imatrix.file"));
    gguf_close(plain), gguf_close(a);
    unlink(out);
    make_worth(file, "blk.0.attn_q.weight", 128);
    struct hearth_quantize_params p = {.type = "Q4_K", .imatrix = file};
    assert_int_equal(hearth_quantize_with(in, out, &p), HEARTH_EFORMAT);
    assert_non_null(strstr(hearth_errmsg(), "blk.0.attn_q.weight is of 1 matrices of 128 columns, the model's has 1 of 256"));
    make_worth(file, "blk.7.attn_q.weight", 256);
    assert_int_equal(hearth_quantize_with(in, out, &p), HEARTH_EUSAGE);
    assert_non_null(strstr(hearth_errmsg(), "it knows no matrix of "));
    unlink(file);
    assert_int_equal(hearth_quantize_with(in, out, &p), HEARTH_ENOTFOUND);
    assert_int_equal(files_in_folder(), 1);
    unlink(in);
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return -1;
    snprintf(in, sizeof in, "%s/in.gguf", folder);
    snprintf(out, sizeof out, "%s/out.gguf", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type), cmocka_unit_test(weights_that_are_no_numbers), cmocka_unit_test(cut_file),
        cmocka_unit_test(same_file), cmocka_unit_test(arguments), cmocka_unit_test(progress_and_cancel),
        cmocka_unit_test(types_by_name), cmocka_unit_test(mixes), cmocka_unit_test(by_importance),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
