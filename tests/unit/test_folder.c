/* test_folder.c - a folder as a model: the same keys and the same tensors as the GGUF file it was made from, and what a folder can have wrong:
 * each is one sentence, and no pickle is opened. */
#include "base/mem.h"        /* before cmocka, which has a fail() of its own */
#include "base/jsontext.h"
#include "folder_maker.h"
#include "model_maker.h"
#include "model/folder.h"
#include "text/tokenizer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char home[] = "/tmp/test_folder.XXXXXX", file[64], folder[64];

static void sh(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void sh(const char *fmt, ...)
{
    char text[2000], line[2200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    snprintf(line, sizeof line, "cd %s && { %s; }", home, text);
    if (system(line)) print_error("%s\n", line), assert_true(0);
}

static void make(const char *words, int shards)
{
    struct model_spec spec = {0};
    char copy[200];
    snprintf(copy, sizeof copy, "%s", words);
    sh("rm -rf m f");
    assert_int_equal(model_spec_words(&spec, copy), HEARTH_OK);
    assert_int_equal(model_make(file, &spec), HEARTH_OK);
    assert_int_equal(folder_make(file, folder, shards), HEARTH_OK);
}

static int setup(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(home));
    snprintf(file, sizeof file, "%s/m", home);
    snprintf(folder, sizeof folder, "%s/f", home);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sh("rm -rf %s", home);
    return 0;
}

/* Every tensor of the file is in the folder, of the same shape and the same floats. */
static void same_tensors(const struct gguf *a, const struct gguf *b)
{
    assert_int_equal(a->n_tensors, b->n_tensors);
    for (uint64_t i = 0; i < a->n_tensors; i++) {
        const struct gguf_tensor *x = &a->tensors[i], *y = gguf_find_tensor(b, x->name);
        const uint8_t *p, *q;
        if (!y) print_error("%s is missing\n", x->name);
        assert_non_null(y);
        assert_int_equal(x->dims, y->dims);
        assert_memory_equal(x->shape, y->shape, sizeof x->shape);
        assert_int_equal(x->type, y->type);
        assert_int_equal(gguf_tensor_data(a, x, &p), HEARTH_OK);
        assert_int_equal(gguf_tensor_data(b, y, &q), HEARTH_OK);
        if (memcmp(p, q, x->bytes)) print_error("%s differs\n", x->name);
        assert_memory_equal(p, q, x->bytes);
        gguf_tensor_drop(b, y);
    }
}

static void same_keys(const struct gguf *a, const struct gguf *b, const char *arch)
{
    static const char *const keys[] = {"block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count",
                                       "attention.head_count_kv", "attention.key_length", "attention.layer_norm_rms_epsilon", "rope.freq_base",
                                       "attention.sliding_window", "rope.dimension_count"};
    int seen = 0;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char key[100];
        snprintf(key, sizeof key, "%s.%s", arch, keys[i]);
        const struct gguf_value *x = gguf_find(a, key), *y = gguf_find(b, key);
        if (!x) continue;
        seen++;
        if (!y) print_error("%s is missing\n", key);
        assert_non_null(y);
        assert_int_equal(x->type, y->type);
        if (x->type == GGUF_F32) assert_true((float)x->as.f == (float)y->as.f);
        else assert_int_equal(x->as.u, y->as.u);
    }
    assert_true(seen >= 8);
}

/* The vocabulary, and what is made of a text and back. */
static void same_words(const struct gguf *a, const struct gguf *b)
{
    static const char text[] = "Hello there, 12345 words\n\tand some more: \xC3\xA9t\xC3\xA9.";
    struct tokenizer *t, *u;
    struct ids p = {0}, q = {0};
    struct buf back = {0};
    assert_int_equal(tokenizer_open(a, &t), HEARTH_OK);
    enum hearth_status st = tokenizer_open(b, &u);
    if (st) print_error("%s\n", hearth_errmsg());
    assert_int_equal(st, HEARTH_OK);
    assert_int_equal(tokenizer_size(t), tokenizer_size(u));
    for (int32_t i = 0; i < tokenizer_size(t); i++) {
        const char *x, *y;
        size_t n, m;
        tokenizer_text(t, i, &x, &n), tokenizer_text(u, i, &y, &m);
        assert_int_equal(n, m);
        assert_memory_equal(x, y, n);
    }
    assert_int_equal(tokenizer_encode(t, text, sizeof text - 1, HEARTH_TOK_SPECIAL, &p), HEARTH_OK);
    assert_int_equal(tokenizer_encode(u, text, sizeof text - 1, HEARTH_TOK_SPECIAL, &q), HEARTH_OK);
    assert_int_equal(p.n, q.n);
    assert_memory_equal(p.id, q.id, p.n * sizeof *p.id);
    assert_int_equal(tokenizer_decode(u, q.id, q.n, 0, &back), HEARTH_OK);
    assert_string_equal(back.data, text);
    assert_int_equal(tokenizer_bos(t), tokenizer_bos(u));
    assert_int_equal(tokenizer_eos(t), tokenizer_eos(u));
    assert_int_equal(tokenizer_adds_bos(t), tokenizer_adds_bos(u));
    for (int32_t i = 0; i < tokenizer_size(t); i++) assert_int_equal(tokenizer_is_end(t, i), tokenizer_is_end(u, i));
    free(p.id), free(q.id), buf_free(&back);
    tokenizer_close(t), tokenizer_close(u);
}

static void compare(const char *words, const char *arch, int shards)
{
    struct gguf *a, *b;
    make(words, shards);
    assert_int_equal(gguf_open(file, 1, &a), HEARTH_OK);
    enum hearth_status st = model_file_open(folder, 1, &b);
    if (st) print_error("%s\n", hearth_errmsg());
    assert_int_equal(st, HEARTH_OK);
    same_tensors(a, b);
    same_keys(a, b, arch);
    assert_null(gguf_find(b, "tokenizer.ggml.tokens"));        /* the tokenizer is used as the file that it is */
    same_words(a, b);
    gguf_close(b);
    assert_int_equal(model_file_open_keys(folder, &b), HEARTH_OK);
    assert_non_null(gguf_find(b, "tokenizer.ggml.tokens"));
    same_words(a, b);
    gguf_close(a);
    gguf_close(b);
}

static void the_same_model(void **state)
{
    (void)state;
    compare("type=F32 layers=2 width=64 heads=4 kv_heads=2 vocab=300 ffn=96", "llama", 1);
    compare("type=F32 layers=2 width=64 heads=4 kv_heads=1 head_width=32 tied=1 vocab=300 ffn=96", "llama", 3);
    compare("family=gemma3 type=F32 layers=2 width=64 heads=4 kv_heads=1 head_width=32 vocab=360 ffn=96", "gemma3", 1);
}

/* Norms and q, k apart, nothing is copied: the bytes are those of the mapped file. */
static void used_as_it_lies(void **state)
{
    (void)state;
    struct gguf *g;
    make("layers=1 width=64 vocab=300", 1);
    assert_int_equal(folder_open(folder, &g), HEARTH_OK);
    assert_null(gguf_find_tensor(g, "blk.0.attn_q.weight")->data);
    assert_non_null(gguf_find_tensor(g, "blk.0.attn_q.weight")->rows);
    assert_non_null(gguf_find_tensor(g, "blk.0.ffn_up.weight")->data);
    assert_null(gguf_find_tensor(g, "blk.0.ffn_up.weight")->rows);
    gguf_close(g);
}

/* The text part of a model that also sees: its numbers one level down, its tensors below two names that its makers gave it. */
static void text_of_one_that_sees(void **state)
{
    (void)state;
    static const char *const below[] = {"language_model.", "model.language_model."};
    struct gguf *a, *b;
    for (int i = 0; i < 2; i++) {
        make("family=gemma3 type=F32 layers=2 width=64 heads=4 kv_heads=1 head_width=32 vocab=360 ffn=96", 1);
        sh("cd f && python3 -c 'import json, struct\n"
           "d = open(\"model.safetensors\", \"rb\").read(); n = struct.unpack(\"<Q\", d[:8])[0]; h = json.loads(d[8:8 + n]); end = len(d) - 8 - n\n"
           "h = {\"%s\" + (k[6:] if %d else k): v for k, v in h.items()}\n"
           "h[\"vision_tower.x\"] = {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [end, end + 4]}\n"
           "t = json.dumps(h).encode(); t += b\" \" * (-len(t) %% 8)\n"
           "open(\"model.safetensors\", \"wb\").write(struct.pack(\"<Q\", len(t)) + t + d[8 + n:] + bytes(4))\n"
           "c = json.load(open(\"config.json\")); c.pop(\"architectures\")\n"
           "json.dump({\"architectures\": [\"Gemma3ForConditionalGeneration\"], \"text_config\": c, \"eos_token_id\": 2}, open(\"config.json\", \"w\"))'",
           below[i], i);
        assert_int_equal(gguf_open(file, 1, &a), HEARTH_OK);
        enum hearth_status st = model_file_open(folder, 1, &b);
        if (st) print_error("%s\n", hearth_errmsg());
        assert_int_equal(st, HEARTH_OK);
        same_tensors(a, b);
        same_keys(a, b, "gemma3");
        gguf_close(a), gguf_close(b);
    }
}

/* InkubaLM's class is LLaMA's under another name. */
static void another_name(void **state)
{
    (void)state;
    struct gguf *g;
    struct gguf_string arch = {0};
    make("layers=1 width=64 vocab=300", 1);
    sh("sed -i s/LlamaForCausalLM/VulavulaLlamaForCausalLM/ f/config.json");
    assert_int_equal(folder_open(folder, &g), HEARTH_OK);
    assert_int_equal(gguf_get_string(g, "general.architecture", &arch, NULL), HEARTH_OK);
    assert_true(arch.n == 5 && !memcmp(arch.s, "llama", 5));
    gguf_close(g);
}

/* ---- what can be wrong ---- */

static uint64_t sum_of(const char *path)
{
    struct gguf *g;
    uint64_t sum;
    assert_int_equal(model_file_open(path, 1, &g), HEARTH_OK);
    assert_int_equal(gguf_checksum(g, &sum), HEARTH_OK);
    gguf_close(g);
    return sum;
}

/* A model in several files is known by what is in them: sessions in files go on with the same one only. */
static void one_number_for_all_of_it(void **state)
{
    (void)state;
    make("layers=1 width=64 vocab=300 seed=3", 2);
    uint64_t sum = sum_of(folder);
    assert_true(sum_of(folder) == sum && sum_of(file) != sum);
    sh("sed -i 's/\"rms_norm_eps\": [^,]*/\"rms_norm_eps\": 0.001/' f/config.json");
    assert_true(sum_of(folder) != sum);
    make("layers=1 width=64 vocab=300 seed=4", 2);
    assert_true(sum_of(folder) != sum);
    make("layers=1 width=64 vocab=300 seed=3", 2);
    assert_true(sum_of(folder) == sum);
}

/* keys: to be written as GGUF. */
static void refused_as(int keys, const char *shell, enum hearth_status status, const char *why)
{
    struct gguf *g = NULL;
    struct tokenizer *t;
    sh("rm -rf g && cp -r f g && cd g && { %s; }", shell);
    char path[80];
    snprintf(path, sizeof path, "%s/g", home);
    enum hearth_status st = keys ? model_file_open_keys(path, &g) : folder_open(path, &g);
    if (!st && (st = tokenizer_open(g, &t)) != HEARTH_OK) gguf_close(g), g = NULL;
    if (st != status || !strstr(hearth_errmsg(), why)) print_error("%s\n  -> %d %s\n", shell, (int)st, st ? hearth_errmsg() : "");
    assert_int_equal(st, status);
    assert_null(g);
    assert_non_null(strstr(hearth_errmsg(), why));
}

static void refused(const char *shell, enum hearth_status status, const char *why) { refused_as(0, shell, status, why); }

#define SET(key, value) "sed -i 's/\"" key "\": [^,]*/\"" key "\": " value "/' config.json"

static void broken_folders(void **state)
{
    (void)state;
    make("layers=2 width=64 heads=4 kv_heads=2 vocab=300", 2);
    refused("rm model-00002-of-00002.safetensors", HEARTH_ENOTFOUND, "model-00002-of-00002.safetensors: cannot open");
    refused("sed -i 's|\"model-00002-of-00002.safetensors\"|\"/etc/model.safetensors\"|' *.index.json", HEARTH_EFORMAT, "no path");
    refused("rm config.json", HEARTH_ENOTFOUND, "no config.json in this folder");
    refused("echo '[1]' > config.json", HEARTH_EFORMAT, "config.json: not an object");
    refused("echo '{' > config.json", HEARTH_EFORMAT, "config.json: line");
    refused("echo '{}' > config.json", HEARTH_EFORMAT, "architectures names no class");
    refused("sed -i s/LlamaForCausalLM/MambaForCausalLM/ config.json", HEARTH_EUNSUPPORTED, "architectures is \"MambaForCausalLM\", allowed: Llama");
    refused(SET("num_hidden_layers", "1000000000"), HEARTH_EFORMAT, "num_hidden_layers is 1000000000, allowed: a number from 1 to 1024");
    refused(SET("num_hidden_layers", "1e400"), HEARTH_EFORMAT, "config.json: line");
    refused(SET("num_hidden_layers", "-1"), HEARTH_EFORMAT, "num_hidden_layers is -1");
    refused(SET("num_hidden_layers", "1.5"), HEARTH_EFORMAT, "allowed: a whole number");
    refused(SET("num_hidden_layers", "\"two\""), HEARTH_EFORMAT, "num_hidden_layers is no number");
    refused(SET("num_hidden_layers", "null"), HEARTH_EFORMAT, "num_hidden_layers is missing");
    refused(SET("num_hidden_layers", "3"), HEARTH_EFORMAT, "tensor model.layers.2.input_layernorm.weight is missing");
    refused(SET("num_hidden_layers", "1"), HEARTH_EUNSUPPORTED, "is not one that a LlamaForCausalLM of 1 layers has");
    refused(SET("hidden_size", "99999999999999999999"), HEARTH_EFORMAT, "hidden_size is 1e+20, allowed: a number from 8 to");
    refused(SET("num_attention_heads", "8"), HEARTH_EFORMAT, "8 heads of 16 rows, as config.json has it");
    refused(SET("head_dim", "9"), HEARTH_EFORMAT, "heads of 9 elements");
    refused("sed -i 's/LlamaForCausalLM/GraniteMoeHybridForCausalLM/; s/{/{\"num_local_experts\":4,/' config.json", HEARTH_EFORMAT,
            "num_local_experts is 4, allowed: 0 in this family");
    refused("sed -i 's/LlamaForCausalLM/GraniteMoeHybridForCausalLM/; s/{/{\"num_local_experts\":0,/' config.json", HEARTH_EFORMAT,
            "position_embedding_type is nothing, allowed: rope");
    refused("sed -i 's/LlamaForCausalLM/Gemma3ForConditionalGeneration/' config.json", HEARTH_EFORMAT, "text_config is missing");
    refused("sed -i 's/{/{\"layer_types\":[\"mamba\",\"attention\"],/' config.json", HEARTH_EFORMAT, "layer_types is mamba");
    refused("sed -i 's|\"model-00002-of-00002.safetensors\"|\"../model.safetensors\"|' *.index.json", HEARTH_EFORMAT, "no path");
    refused("python3 -c 'd = open(\"model-00001-of-00002.safetensors\", \"rb\").read(); open(\"model-00001-of-00002.safetensors\", \"wb\").write((1 << 40).to_bytes(8, \"little\") + d[8:])'",
            HEARTH_EFORMAT, "model-00001-of-00002.safetensors: ");
    refused("cut -c1-60 model.safetensors.index.json > x; mv x model.safetensors.index.json", HEARTH_EFORMAT, "index.json: line");
    refused(SET("vocab_size", "1e30"), HEARTH_EFORMAT, "vocab_size is 1e+30, allowed: a number from 1 to");
    refused(SET("vocab_size", "299"), HEARTH_EFORMAT, "g/config.json: vocab_size is 299, allowed: 300, the rows of the embedding");
    refused(SET("num_key_value_heads", "0"), HEARTH_EFORMAT, "num_key_value_heads is 0, allowed: a number from 1 to 4");
    refused(SET("max_position_embeddings", "1e18"), HEARTH_EFORMAT, "max_position_embeddings is 1e+18, allowed: a number from 1 to 16777216");
    refused(SET("rope_theta", "-1"), HEARTH_EFORMAT, "rope_theta is -1, allowed: a number from 1 to 1e+12");
    refused("python3 -c 'print(\"[\" * 100000)' > config.json", HEARTH_EFORMAT, "config.json: line 1, column 2049: maximum parsing depth");
    refused("truncate -s 1G config.json", HEARTH_ELIMIT, "config.json: larger than the 4194304 bytes allowed");
    refused("truncate -s 1G tokenizer.json", HEARTH_ELIMIT, "tokenizer.json: 1073741824 bytes, allowed: at most 268435456");
    refused("rm config.json; mkfifo config.json", HEARTH_EIO, "config.json: not a regular file (a pipe)");
    refused("rm *1-of*.safetensors; ln -s /dev/zero model-00001-of-00002.safetensors", HEARTH_EIO, "not a regular file (a device)");
    refused("echo '{\"weight_map\":7}' > model.safetensors.index.json", HEARTH_EFORMAT, "index.json: it has no weight_map");
    refused(SET("intermediate_size", "4294967296"), HEARTH_EFORMAT, "intermediate_size is 4294967296, allowed");
    refused(SET("hidden_act", "\"relu\""), HEARTH_EFORMAT, "hidden_act is relu, allowed: silu");
    refused("sed -i 's/{/{\"quantization_config\":{},/' config.json", HEARTH_EUNSUPPORTED, "quantization_config");
    refused("sed -i 's/{/{\"rope_scaling\":{\"rope_type\":\"yarn\"},/' config.json", HEARTH_EUNSUPPORTED, "rope_type is \"yarn\", allowed: default");
    refused("sed -i 's/{/{\"layer_types\":[\"x\",\"y\"],/' config.json", HEARTH_EFORMAT, "layer_types is x");
    refused("sed -i 's/\"F32\"/\"I32\"/' *1-of*.safetensors", HEARTH_EUNSUPPORTED, "dtype I32, allowed: F32, F16, BF16");
    refused("rm *.safetensors *.index.json; echo x > pytorch_model.bin", HEARTH_EUNSUPPORTED, "pytorch_model.bin, a pickle");
    refused("rm *.safetensors *.index.json", HEARTH_ENOTFOUND, "it has no weights");
    refused("echo '[]' > tokenizer.json", HEARTH_EFORMAT, "g/tokenizer.json: a list, allowed: an object");
    refused(": > tokenizer.json", HEARTH_EFORMAT, "g/tokenizer.json: ");
    refused("rm tokenizer.json; mkdir tokenizer.json", HEARTH_EIO, "tokenizer.json: not a regular file");
    refused("sed -i 's/\"BPE\"/\"GPT\"/' tokenizer.json", HEARTH_EUNSUPPORTED, "model.type: \"GPT\" is not known here, known: BPE, Unigram, WordPiece");
    refused("sed -i 's/\"Digits\"/\"Dogs\"/' tokenizer.json", HEARTH_EUNSUPPORTED, "\"Dogs\" is not known here");
    refused("sed -i 's/:299/:300/' tokenizer.json", HEARTH_EFORMAT, "is 300, allowed: 0 to 299");
    refused("sed -i 's/:299/:298/' tokenizer.json", HEARTH_EFORMAT, "token 298 stands there twice");
    refused("rm tokenizer.json; echo yy > tokenizer.model", HEARTH_EFORMAT, "g/tokenizer.model: the file is no well-formed protocol buffer");
    refused("rm tokenizer.json; printf '\\012\\003\\012\\001a' > tokenizer.model", HEARTH_EFORMAT, "g/tokenizer.model: trainer_spec is missing");
    refused("rm tokenizer.json; echo '{}' > tekken.json", HEARTH_EFORMAT, "g/tekken.json: model: missing");
    refused("head -c 3000000 /dev/zero > chat_template.jinja", HEARTH_ELIMIT, "chat_template.jinja: larger than");
    refused("rm -f chat_template.jinja; echo '{\"chat_template\": 7}' > tokenizer_config.json", HEARTH_EFORMAT, "tokenizer_config.json: chat_template should be a text");
    refused("echo '{\"eos_token_id\": \"</s>\"}' > generation_config.json", HEARTH_EFORMAT, "eos_token_id should be a number or an array of numbers");
    refused("echo '{\"eos_token_id\": [2, null]}' > generation_config.json", HEARTH_EFORMAT, "eos_token_id should be a number or an array of numbers");
}

/* What runs and cannot be written as GGUF, and what is wrong with a file only then. */
static void not_to_be_written(void **state)
{
    (void)state;
    make("layers=1 width=64 vocab=300", 1);
    refused_as(1, "echo '[]' > tokenizer.json", HEARTH_EFORMAT, "tokenizer.json: not an object");
    refused_as(1, "sed -i 's/\"BPE\"/\"Unigram\"/' tokenizer.json", HEARTH_EUNSUPPORTED, "pre_tokenizer: GGUF has no words for it, allowed: Metaspace");
    refused_as(1, "sed -i 's/\"Digits\"/\"Split\"/' tokenizer.json", HEARTH_EUNSUPPORTED, "none of those that GGUF has names for");
    refused_as(1, "sed -i 's/:299/:300/' tokenizer.json", HEARTH_EFORMAT, "has the id 300, allowed: the rows of the embedding");
    refused_as(1, "sed -i 's/:299/:298/' tokenizer.json", HEARTH_EFORMAT, "has the id 298, allowed: each id once");
    refused_as(1, "rm tokenizer.json; echo '{}' > tekken.json", HEARTH_EUNSUPPORTED, "tekken.json: GGUF has no keys for it");
    refused_as(1, "rm tokenizer.json", HEARTH_ENOTFOUND, "no tokenizer.json, tekken.json or tokenizer.model in this folder");
}

static int as_keys;          /* the folder's tokenizer as it would be written */

static void encodes(const char *shell, const char *text, int flags, const char *want, int bos, int eos)
{
    struct gguf *g;
    struct tokenizer *t;
    struct ids ids = {0};
    char got[200] = "", path[80];
    sh("rm -rf g && cp -r f g && cd g && { %s; }", shell);
    snprintf(path, sizeof path, "%s/g", home);
    enum hearth_status st = as_keys ? model_file_open_keys(path, &g) : model_file_open(path, 1, &g);
    if (!st) st = tokenizer_open(g, &t);
    if (st) print_error("%s\n", hearth_errmsg());
    assert_int_equal(st, HEARTH_OK);
    assert_int_equal(tokenizer_encode(t, text, strlen(text), flags, &ids), HEARTH_OK);
    for (size_t i = 0; i < ids.n && i < 20; i++) snprintf(got + strlen(got), 12, "%s%d", i ? " " : "", ids.id[i]);
    assert_string_equal(got, want);
    assert_int_equal(tokenizer_bos(t), bos);
    assert_int_equal(tokenizer_eos(t), eos);
    if (eos >= 0) assert_true(tokenizer_is_end(t, eos));
    free(ids.id);
    tokenizer_close(t);
    gguf_close(g);
}

/* Every kind of tokenizer that a folder may have, with what tokenizer_config.json and generation_config.json say about it. */
static void any_tokenizer(void **state)
{
    (void)state;
    make("layers=1 width=64 vocab=300", 1);
    sh("rm f/tokenizer.json; echo '{\"bos_token\":\"<s>\",\"eos_token\":{\"content\":\"</s>\"}}' > f/tokenizer_config.json;"
       "echo '{\"eos_token_id\":[2,4,999]}' > f/generation_config.json");
    encodes("echo '{\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"?\",\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":100,"
            "\"vocab\":{\"?\":0,\"<s>\":1,\"</s>\":2,\"un\":3,\"##able\":4}},\"normalizer\":{\"type\":\"Lowercase\"},\"pre_tokenizer\":{\"type\":\"Whitespace\"},"
            "\"added_tokens\":[{\"id\":400,\"content\":\"<image>\",\"special\":true}]}' > tokenizer.json", "UNABLE x", 0, "3 4 0", 1, 2);
    encodes("echo '{\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"?\",0],[\"<s>\",0],[\"</s>\",0],[\"a\",-2],[\"b\",-2],[\"ab\",-3]]}}' > tokenizer.json",
            "aba", 0, "5 3", 1, 2);
    encodes("echo '{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"</s>\":2,\"ab\":3,\"<s>\":4},\"merges\":[[\"a\",\"b\"]]},"
            "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<s>\"}},{\"Sequence\":{\"id\":\"A\"}}],"
            "\"special_tokens\":{\"<s>\":{\"ids\":[4]}}}}' > tokenizer.json", "aab", HEARTH_TOK_SPECIAL, "4 0 3", 4, 2);
    encodes("rm tokenizer_config.json generation_config.json; echo '{\"eos_token_id\":1}' > generation_config.json;"
            "echo '{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1},\"merges\":[]}}' > tokenizer.json", "ab", 0, "0 1", -1, 1);
    encodes("python3 -c 'import json, base64\n"
            "v = [{\"rank\": i, \"token_bytes\": base64.b64encode(bytes([i])).decode()} for i in range(256)]\n"
            "print(json.dumps({\"config\": {\"pattern\": \".+\", \"default_vocab_size\": 266, \"default_num_special_tokens\": 10}, \"vocab\": v}))' > tekken.json",
            "ab", HEARTH_TOK_SPECIAL, "1 107 108", 1, 2);
}

/* tokenizer.model with two tokens that were added to its pieces, as fine-tuned models have them. */
static void pieces_and_more(void **state)
{
    (void)state;
    static const char write[] =
        "python3 -c 'import struct, sys\n"
        "def piece(s, kind, score): s = s.encode(); b = b\"\\x0a\" + bytes([len(s)]) + s + b\"\\x15\" + struct.pack(\"<f\", score) + b\"\\x18\" + bytes([kind]);"
        " return b\"\\x0a\" + bytes([len(b)]) + b\n"
        "out = piece(\"<unk>\", 2, 0) + piece(\"<s>\", 3, 0) + piece(\"</s>\", 3, 0) + piece(\"\\u2581\", 1, -1) + piece(\"a\", 1, -2) + piece(\"\\u2581a\", 1, -3)\n"
        "sys.stdout.buffer.write(out + b\"\\x12\\x02\\x18\\x02\\x1a\\x02\\x20\\x00\")' > tokenizer.model";
    char shell[1800];
    make("layers=1 width=64 vocab=300", 1);
    sh("rm f/tokenizer.json f/tokenizer_config.json; echo '{\"<|user|>\":6}' > f/added_tokens.json;"
       "echo '{\"eos_token\":\"<|end|>\",\"added_tokens_decoder\":{\"7\":{\"content\":\"<|end|>\",\"special\":true}}}' > f/tokenizer_config.json");
    encodes(write, "<|user|>a  ab<|end|>", HEARTH_TOK_SPECIAL | HEARTH_TOK_PARSE, "1 6 5 3 5 0 7", 1, 7);
    snprintf(shell, sizeof shell, "%s; echo '{\"add_bos_token\":false}' > tokenizer_config.json", write);
    encodes(shell, "a", HEARTH_TOK_SPECIAL, "5", 1, 2);
    static const char unigram[] = "python3 -c 'd = bytearray(open(\"tokenizer.model\", \"rb\").read()); d[-5] = 1; open(\"tokenizer.model\", \"wb\").write(d)'";
    snprintf(shell, sizeof shell, "%s; %s", write, unigram);
    refused(shell, HEARTH_EUNSUPPORTED, "it has 6 pieces and 7 was added");
    snprintf(shell, sizeof shell, "%s; %s; rm added_tokens.json tokenizer_config.json", write, unigram);
    encodes(shell, "a  ab", HEARTH_TOK_SPECIAL, "1 5 3 5 0", 1, 2);
    as_keys = 1;
    encodes(shell, "a  ab", HEARTH_TOK_SPECIAL, "1 5 3 5 0", 1, 2);
    as_keys = 0;
    snprintf(shell, sizeof shell, "%s; echo '{\"<|user|>\":\"x\"}' > added_tokens.json", write);
    refused(shell, HEARTH_EFORMAT, "added_tokens.json: an added token without id or text");
    snprintf(shell, sizeof shell, "%s; echo '{\"added_tokens_decoder\":{\"x\":{\"content\":\"y\"}}}' > tokenizer_config.json", write);
    refused(shell, HEARTH_EFORMAT, "tokenizer_config.json: an added token without id or text");
}

/* A pickle beside good weights is left alone: one that cannot be read changes nothing. */
static void pickle_is_not_opened(void **state)
{
    (void)state;
    struct gguf *g;
    make("layers=1 width=64 vocab=300", 1);
    sh("mkfifo f/pytorch_model.bin");
    assert_int_equal(folder_open(folder, &g), HEARTH_OK);
    gguf_close(g);
}

/* ---- a GGUF in pieces ---- */

static void pieces_refused(const char *shell, const char *path, enum hearth_status status, const char *why)
{
    struct gguf *g = NULL;
    char full[120];
    sh("rm -rf p && mkdir p");
    snprintf(full, sizeof full, "%s/p/x", home);
    assert_int_equal(pieces_make(file, full, 3), HEARTH_OK);
    sh("cd p && { %s; }", shell);
    snprintf(full, sizeof full, "%s/p/%s", home, path);
    enum hearth_status st = model_file_open(full, 1, &g);
    if (st != status || !strstr(hearth_errmsg(), why)) print_error("%s\n  -> %d %s\n", shell, (int)st, st ? hearth_errmsg() : "");
    assert_int_equal(st, status);
    assert_null(g);
    assert_non_null(strstr(hearth_errmsg(), why));
}

static void in_pieces(void **state)
{
    (void)state;
    static const char first[] = "x-00001-of-00003.gguf";
    struct gguf *a, *b;
    char path[120];
    unsigned no, of;
    make("layers=2 width=64 vocab=300", 1);
    snprintf(path, sizeof path, "%s/x", home);
    assert_int_equal(pieces_make(file, path, 3), HEARTH_OK);
    snprintf(path, sizeof path, "%s/%s", home, first);
    assert_int_equal(gguf_open(file, 1, &a), HEARTH_OK);
    assert_int_equal(model_file_open(path, 1, &b), HEARTH_OK);
    same_tensors(a, b);
    same_keys(a, b, "llama");
    same_words(a, b);
    assert_null(gguf_find(b, "split.count"));
    assert_int_equal(a->n_kv, b->n_kv);
    gguf_close(a), gguf_close(b);
    assert_true(gguf_piece(first, &no, &of) && no == 1 && of == 3);
    static const char *const others[] = {"x.gguf", "x-00000-of-00003.gguf", "x-00004-of-00003.gguf", "x-00001-of-00001.gguf", "x-0001-of-00003.gguf",
                                         "x-0000a-of-00003.gguf", "-00001-of-00003.gguf", "d/-00001-of-00003.gguf", "x-00001-of-99999.gguf"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) assert_false(gguf_piece(others[i], &no, &of));
    pieces_refused("rm x-00002-of-00003.gguf", first, HEARTH_ENOTFOUND, "x-00002-of-00003.gguf: cannot open");
    pieces_refused(":", "x-00002-of-00003.gguf", HEARTH_EUSAGE, "it is file 2 of 3, allowed: the first of them");
    pieces_refused("cp x-00003-of-00003.gguf x-00002-of-00003.gguf", first, HEARTH_EFORMAT, "split.no and split.count: 2 and 3, allowed: 1 and 3");
    pieces_refused("mv x-00001-of-00003.gguf x.gguf", "x.gguf", HEARTH_EFORMAT, "one of 3 files, allowed: a name like x-00001-of-00003.gguf");
    pieces_refused("head -c 1000 x-00003-of-00003.gguf > y; mv y x-00003-of-00003.gguf", first, HEARTH_EFORMAT, "x-00003-of-00003.gguf: ");
    pieces_refused("for i in 1 2; do mv x-0000$i-of-00003.gguf x-0000$i-of-00002.gguf; done", "x-00001-of-00002.gguf", HEARTH_EFORMAT, "0 and 3, allowed: 0 and 2");
    pieces_refused("rm x-00002-of-00003.gguf; mkfifo x-00002-of-00003.gguf", first, HEARTH_EIO, "not a regular file");
}

static void rope_and_windows(void **state)
{
    (void)state;
    struct gguf *g;
    float v = 0;
    make("layers=2 width=64 heads=4 kv_heads=2 vocab=300", 1);
    sh("cd f && sed -i 's/{/{\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8.0,\"low_freq_factor\":1.0,\"high_freq_factor\":4.0,"
       "\"original_max_position_embeddings\":256},\"sliding_window\":32,/' config.json");
    assert_int_equal(folder_open(folder, &g), HEARTH_OK);
    const struct gguf_tensor *t = gguf_find_tensor(g, "rope_freqs.weight");
    assert_non_null(t);
    assert_int_equal(t->elements, 8);
    const float *f = (const float *)(const void *)t->data;
    assert_true(f[0] == 1 && f[7] == 8);
    assert_true(f[3] > 1 && f[4] <= 8 && f[3] <= f[4]);
    uint32_t window = 0;
    assert_int_equal(gguf_get_u32(g, "llama.attention.sliding_window", &window, NULL), HEARTH_OK);
    assert_int_equal(window, 32);
    gguf_close(g);
    sh("cd f && sed -i 's/\"llama3\"/\"linear\"/' config.json");
    assert_int_equal(folder_open(folder, &g), HEARTH_OK);
    assert_int_equal(gguf_get_f32(g, "llama.rope.scaling.factor", &v, NULL), HEARTH_OK);
    assert_true(v == 8);
    gguf_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_model), cmocka_unit_test(used_as_it_lies), cmocka_unit_test(one_number_for_all_of_it),
        cmocka_unit_test(text_of_one_that_sees), cmocka_unit_test(another_name), cmocka_unit_test(broken_folders), cmocka_unit_test(not_to_be_written), cmocka_unit_test(any_tokenizer), cmocka_unit_test(pieces_and_more),
        cmocka_unit_test(pickle_is_not_opened), cmocka_unit_test(in_pieces), cmocka_unit_test(rope_and_windows),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
