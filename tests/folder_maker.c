/* folder_maker.c - see folder_maker.h. */
#include "folder_maker.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/mem.h"
#include "file/gguf.h"

static const struct { const char *gguf, *plain, *gemma; } names[] = {
    {"token_embd.weight", "model.embed_tokens.weight", 0},
    {"output.weight", "lm_head.weight", 0},
    {"output_norm.weight", "model.norm.weight", 0},
    {"attn_norm.weight", "input_layernorm.weight", 0},
    {"attn_q.weight", "self_attn.q_proj.weight", 0},
    {"attn_k.weight", "self_attn.k_proj.weight", 0},
    {"attn_v.weight", "self_attn.v_proj.weight", 0},
    {"attn_output.weight", "self_attn.o_proj.weight", 0},
    {"attn_q_norm.weight", "self_attn.q_norm.weight", 0},
    {"attn_k_norm.weight", "self_attn.k_norm.weight", 0},
    {"post_attention_norm.weight", "post_attention_layernorm.weight", 0},
    {"ffn_norm.weight", "post_attention_layernorm.weight", "pre_feedforward_layernorm.weight"},
    {"post_ffw_norm.weight", "post_feedforward_layernorm.weight", 0},
    {"ffn_gate.weight", "mlp.gate_proj.weight", 0},
    {"ffn_up.weight", "mlp.up_proj.weight", 0},
    {"ffn_down.weight", "mlp.down_proj.weight", 0},
};

static void theirs(const char *name, int gemma, char out[200])
{
    unsigned layer;
    int at = 0;
    const char *tail = sscanf(name, "blk.%u.%n", &layer, &at) == 1 && at ? name + at : name;
    snprintf(out, 200, "%s", name);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(tail, names[i].gguf) != 0) continue;
        const char *s = gemma && names[i].gemma ? names[i].gemma : names[i].plain;
        if (at) snprintf(out, 200, "model.layers.%u.%s", layer, s);
        else snprintf(out, 200, "%s", s);
    }
}

static uint32_t number(const struct gguf *g, const char *arch, const char *key, uint32_t otherwise)
{
    char full[100];
    snprintf(full, sizeof full, "%s.%s", arch, key);
    gguf_get_u32(g, full, &otherwise, NULL);
    return otherwise;
}

static double real(const struct gguf *g, const char *arch, const char *key)
{
    char full[100];
    float v = 0;
    snprintf(full, sizeof full, "%s.%s", arch, key);
    gguf_get_f32(g, full, &v, NULL);
    return (double)v;
}

/* The tensor's floats as the folder has them. */
static float *values(const struct gguf *g, const struct gguf_tensor *t, const char *arch)
{
    int gemma = !strcmp(arch, "gemma3");
    float *v = malloc(t->elements * sizeof *v), *w = malloc(t->elements * sizeof *w);
    uint64_t cols = t->shape[0], head = number(g, arch, "attention.key_length", number(g, arch, "embedding_length", 0) / number(g, arch, "attention.head_count", 1));
    if (!v || !w) abort();
    dequantize_row(t->type, t->data, v, t->elements);
    memcpy(w, v, t->elements * sizeof *v);
    size_t n = strlen(t->name);
    for (uint64_t i = 0; gemma && t->dims == 1 && i < t->elements; i++) w[i] = v[i] - 1;
    if (!gemma && n > 13 && (!strcmp(t->name + n - 13, "attn_q.weight") || !strcmp(t->name + n - 13, "attn_k.weight")))
        for (uint64_t r = 0; r < t->shape[1]; r++) {
            uint64_t in = r % head, to = r - in + in % 2 * (head / 2) + in / 2;
            memcpy(w + to * cols, v + r * cols, cols * sizeof *v);
        }
    free(v);
    return w;
}

static void write_shard(const struct gguf *g, const char *arch, const char *path, int shard, int shards)
{
    json_t *header = json_object();
    uint64_t at = 0;
    char name[200];
    FILE *f = fopen(path, "wb");
    if (!f) abort();
    for (uint64_t i = (uint64_t)shard; i < g->n_tensors; i += (uint64_t)shards) {
        const struct gguf_tensor *t = &g->tensors[i];
        theirs(t->name, !strcmp(arch, "gemma3"), name);
        json_t *shape = json_array();
        for (uint32_t d = t->dims; d-- > 0;) json_array_append_new(shape, json_integer((json_int_t)t->shape[d]));
        json_object_set_new(header, name, json_pack("{s:s, s:o, s:[I,I]}", "dtype", "F32", "shape", shape, "data_offsets", (json_int_t)at,
                                                    (json_int_t)(at + 4 * t->elements)));
        at += 4 * t->elements;
    }
    char *text = json_dumps(header, JSON_COMPACT);
    uint64_t n = strlen(text), pad = (8 - n % 8) % 8;
    for (int i = 0; i < 8; i++) fputc((int)((n + pad) >> 8 * i & 255), f);
    fwrite(text, 1, n, f);
    for (uint64_t i = 0; i < pad; i++) fputc(' ', f);
    for (uint64_t i = (uint64_t)shard; i < g->n_tensors; i += (uint64_t)shards) {
        float *v = values(g, &g->tensors[i], arch);
        fwrite(v, 4, g->tensors[i].elements, f);
        free(v);
    }
    fclose(f);
    free(text);
    json_decref(header);
}

static void write_weights(const struct gguf *g, const char *arch, const char *folder, int shards)
{
    char path[4200], file[64], name[200];
    json_t *map = json_object();
    for (int s = 0; s < shards; s++) {
        snprintf(file, sizeof file, shards > 1 ? "model-%05d-of-%05d.safetensors" : "model.safetensors", s + 1, shards);
        snprintf(path, sizeof path, "%s/%s", folder, file);
        write_shard(g, arch, path, s, shards);
        for (uint64_t i = (uint64_t)s; i < g->n_tensors; i += (uint64_t)shards) {
            theirs(g->tensors[i].name, !strcmp(arch, "gemma3"), name);
            json_object_set_new(map, name, json_string(file));
        }
    }
    json_t *index = json_pack("{s:{}, s:o}", "metadata", "weight_map", map);
    snprintf(path, sizeof path, "%s/model.safetensors.index.json", folder);
    if (shards > 1 && json_dump_file(index, path, 0)) abort();
    json_decref(index);
}

static void write_config(const struct gguf *g, const char *arch, const char *folder)
{
    char path[4200];
    int gemma = !strcmp(arch, "gemma3");
    uint32_t width = number(g, arch, "embedding_length", 0), heads = number(g, arch, "attention.head_count", 1);
    json_t *c = json_pack("{s:[s], s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:b, s:s}", "architectures",
                          gemma ? "Gemma3ForCausalLM" : "LlamaForCausalLM", "num_hidden_layers", number(g, arch, "block_count", 0), "hidden_size",
                          width, "intermediate_size", number(g, arch, "feed_forward_length", 0), "num_attention_heads", heads,
                          "num_key_value_heads", number(g, arch, "attention.head_count_kv", heads), "head_dim",
                          number(g, arch, "attention.key_length", width / heads), "max_position_embeddings", number(g, arch, "context_length", 0),
                          "vocab_size", (int)gguf_find_tensor(g, "token_embd.weight")->shape[1], "rms_norm_eps",
                          real(g, arch, "attention.layer_norm_rms_epsilon"), "rope_theta", real(g, arch, "rope.freq_base"), "tie_word_embeddings",
                          !gguf_find_tensor(g, "output.weight"), gemma ? "hidden_activation" : "hidden_act", gemma ? "gelu_pytorch_tanh" : "silu");
    if (gemma) json_object_set_new(c, "sliding_window", json_integer(number(g, arch, "attention.sliding_window", 0)));
    if (gemma) json_object_set_new(c, "rope_local_base_freq", json_real(10000));
    snprintf(path, sizeof path, "%s/config.json", folder);
    if (json_dump_file(c, path, JSON_INDENT(2))) abort();
    json_decref(c);
}

/* ---- the tokenizer ---- */

static json_t *text_of(const struct gguf_string *s) { return json_stringn(s->s, s->n); }

/* Every way in which a token is two tokens, in the order of the scores: so are the merges that SentencePiece's models are published with. */
static json_t *merges_by_score(const struct gguf_value *tokens, const struct gguf_value *scores, const struct gguf_value *types, const json_t *vocab)
{
    json_t *out = json_array();
    uint64_t n = tokens->as.array.n, done = 0;
    double below = INFINITY;
    while (done < n) {
        double best = -INFINITY;
        for (uint64_t i = 0; i < n; i++) {
            double v = gguf_array_float(scores, i);
            if (v < below && v > best) best = v;
        }
        if (best == -INFINITY) break;
        for (uint64_t i = 0; i < n; i++) {
            const struct gguf_string *t = &tokens->as.array.strings[i];
            if (gguf_array_float(scores, i) != best) continue;
            done++;
            for (uint64_t k = 1; k < t->n && gguf_array_int(types, i) == 1; k++)
                if (json_object_getn(vocab, t->s, k) && json_object_getn(vocab, t->s + k, t->n - k))
                    json_array_append_new(out, json_pack("[s%, s%]", t->s, (size_t)k, t->s + k, (size_t)(t->n - k)));
        }
        below = best;
    }
    return out;
}

static void write_json(json_t *o, const char *folder, const char *file)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    if (!o || json_dump_file(o, path, JSON_COMPACT)) abort();
    json_decref(o);
}

/* The rest of the two files, as they are published. */
static const char like_smollm[] =
    "{\"normalizer\":null,\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Digits\",\"individual_digits\":true},"
    "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true}]},\"post_processor\":null,"
    "\"decoder\":{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"trim_offsets\":true,\"use_regex\":true},"
    "\"model\":{\"type\":\"BPE\",\"unk_token\":null}}";
static const char like_gemma[] =
    "{\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\xE2\x96\x81\"},\"pre_tokenizer\":null,"
    "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<bos>\",\"type_id\":0}},"
    "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}],\"special_tokens\":{\"<bos>\":{\"id\":\"<bos>\",\"ids\":[2],\"tokens\":[\"<bos>\"]}}},"
    "\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":\"\xE2\x96\x81\"},\"content\":\" \"},"
    "{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}]},\"model\":{\"type\":\"BPE\",\"unk_token\":\"<unk>\",\"fuse_unk\":true,"
    "\"byte_fallback\":true}}";

static void write_tokenizer(const struct gguf *g, const char *folder, int gemma)
{
    const struct gguf_value *tokens, *types, *merges, *scores;
    uint32_t bos = 0, eos = 0;
    struct gguf_string chat = {0};
    if (gguf_get_array(g, "tokenizer.ggml.tokens", GGUF_STRING, &tokens) || gguf_get_array(g, "tokenizer.ggml.token_type", GGUF_I32, &types) ||
        gguf_get_array(g, "tokenizer.ggml.merges", GGUF_STRING, &merges) || gguf_get_array(g, "tokenizer.ggml.scores", GGUF_F32, &scores)) abort();
    gguf_get_u32(g, "tokenizer.ggml.bos_token_id", &bos, NULL), gguf_get_u32(g, "tokenizer.ggml.eos_token_id", &eos, NULL);
    gguf_get_string(g, "tokenizer.chat_template", &chat, NULL);
    json_t *vocab = json_object(), *added = json_array(), *list = json_array();
    for (uint64_t i = 0; i < tokens->as.array.n; i++) {
        const struct gguf_string *t = &tokens->as.array.strings[i];
        json_object_setn_new(vocab, t->s, t->n, json_integer((json_int_t)i));
        if (gguf_array_int(types, i) == 3)
            json_array_append_new(added, json_pack("{s:I, s:o, s:b}", "id", (json_int_t)i, "content", text_of(t), "special", 1));
    }
    for (uint64_t i = 0; merges && i < merges->as.array.n; i++) json_array_append_new(list, text_of(&merges->as.array.strings[i]));
    if (gemma) {
        json_decref(list);
        list = merges_by_score(tokens, scores, types, vocab);
    }
    json_t *root = json_loads(gemma ? like_gemma : like_smollm, 0, NULL), *model = json_object_get(root, "model");
    json_object_set_new(root, "added_tokens", added);
    json_object_set_new(model, "vocab", vocab);
    json_object_set_new(model, "merges", list);
    write_json(root, folder, "tokenizer.json");
    json_t *config = json_pack("{s:o, s:{s:o}}", "bos_token", text_of(&tokens->as.array.strings[bos]), "eos_token", "content",
                               text_of(&tokens->as.array.strings[eos]));
    if (chat.s) json_object_set_new(config, "chat_template", text_of(&chat));
    write_json(config, folder, "tokenizer_config.json");
}

enum hearth_status folder_make(const char *gguf, const char *folder, int shards)
{
    struct gguf *g;
    struct gguf_string arch = {0};
    char name[40];
    TRY(gguf_open(gguf, 1, &g));
    enum hearth_status st = gguf_get_string(g, "general.architecture", &arch, NULL);
    snprintf(name, sizeof name, "%.*s", (int)arch.n, arch.s);
    mkdir(folder, 0700);
    if (st == HEARTH_OK) {
        write_weights(g, name, folder, shards);
        write_config(g, name, folder);
        write_tokenizer(g, folder, !strcmp(name, "gemma3"));
    }
    gguf_close(g);
    return st;
}

/* ---- pieces ---- */

static enum hearth_status put_u16(struct gguf_writer *w, const char *key, uint64_t v)
{
    return gguf_writer_kv(w, &(struct gguf_kv){.key = {key, strlen(key)}, .value = {.type = GGUF_U16, .as.u = v}});
}

static enum hearth_status write_piece(const struct gguf *g, const char *path, unsigned no, unsigned of)
{
    struct gguf_writer *w = NULL;
    uint64_t first = g->n_tensors * no / of, end = g->n_tensors * (no + 1) / of;
    TRY(gguf_writer_open(path, 32, &w));
    enum hearth_status st = put_u16(w, "split.no", no);
    if (st == HEARTH_OK) st = put_u16(w, "split.count", of);
    if (st == HEARTH_OK)
        st = gguf_writer_kv(w, &(struct gguf_kv){.key = {"split.tensors.count", 19}, .value = {.type = GGUF_I32, .as.i = (int64_t)g->n_tensors}});
    for (uint64_t i = 0; no == 0 && i < g->n_kv && st == HEARTH_OK; i++) st = gguf_writer_kv(w, &g->kv[i]);
    for (uint64_t i = first; i < end && st == HEARTH_OK; i++)
        st = gguf_writer_tensor(w, g->tensors[i].name, g->tensors[i].dims, g->tensors[i].shape, g->tensors[i].type);
    if (st == HEARTH_OK) st = gguf_writer_begin(w);
    for (uint64_t i = first; i < end && st == HEARTH_OK; i++) st = gguf_writer_data(w, g->tensors[i].data, g->tensors[i].bytes);
    if (st == HEARTH_OK) st = gguf_writer_commit(w);
    gguf_writer_close(w);
    return st;
}

enum hearth_status pieces_make(const char *gguf, const char *prefix, unsigned n)
{
    struct gguf *g;
    char path[4200];
    TRY(gguf_open(gguf, 1, &g));
    enum hearth_status st = HEARTH_OK;
    for (unsigned i = 0; i < n && st == HEARTH_OK; i++) {
        snprintf(path, sizeof path, "%s-%05u-of-%05u.gguf", prefix, i + 1, n);
        st = write_piece(g, path, i, n);
    }
    gguf_close(g);
    return st;
}
