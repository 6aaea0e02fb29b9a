/* folder_out.c - see folder_out.h.  The families' tables of folder_tables.c are read the other way round:
 *
 *     GGUF                              folder
 *     rows of a head in pairs           in halves: row i of half j was row 2 i + j        (Q_PAIRS, K_PAIRS)
 *     a norm with Gemma's 1             without                                            (NORM)
 */
#include "model/folder_out.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/jsontext.h"
#include "file/safetensors.h"
#include "model/arch.h"
#include "model/folder.h"
#include "text/bpe_learn.h"
#include "text/tokenizer.h"
#include "text/vocab.h"

struct out {
    const struct gguf *g;
    const struct folder_family *family;
    const struct arch *arch;
    const char *folder;
    struct tokenizer *tokenizer;
    struct hparams h;
    struct arena arena;              /* numbers and names of the tensors */
    struct safetensor_out *list;
    size_t n, cap;
};

static enum hearth_status write_text(const struct out *o, const char *name, const char *s, size_t n)
{
    struct buf path = {0};
    struct atomic_file f;
    enum hearth_status st = buf_printf(&path, "%s/%s", o->folder, name);
    if (!st) st = os_atomic_open(path.data, &f);
    if (!st) {
        st = os_atomic_write(&f, s, n);
        if (!st) st = os_atomic_commit(&f);
        else os_atomic_abandon(&f);
    }
    buf_free(&path);
    return st;
}

static enum hearth_status write_json(const struct out *o, const char *name, json_t *v)
{
    struct buf text = {0};
    enum hearth_status st = v ? jsontext_put_wide(&text, v) : fail(HEARTH_ENOMEM, "%s/%s: no memory", o->folder, name);
    if (!st) st = write_text(o, name, text.data, text.len);
    buf_free(&text);
    json_decref(v);
    return st;
}

/* ---- tensors ---- */

/* Row r of the folder's tensor is row *from of the file's. */
static uint64_t row_from(const struct out *o, enum folder_change change, uint64_t r)
{
    uint64_t head = o->h.head_width, i = r % head;
    if (!o->family->pairs || (change != Q_PAIRS && change != K_PAIRS)) return r;
    return r - i + 2 * (i % (head / 2)) + i / (head / 2);
}

static enum hearth_status convert(const struct out *o, const struct gguf_tensor *t, enum folder_change change, float *to)
{
    const uint8_t *data;
    uint64_t rows = t->dims == 1 ? t->shape[0] : t->shape[1], width = t->elements / rows, bytes = t->bytes / rows;
    TRY(gguf_tensor_data(o->g, t, &data));
    if (t->dims == 1 && type_info(t->type)->block != 1) return fail(HEARTH_EFORMAT, "%s: tensor %s: a vector of blocks", o->g->path, t->name);
    for (uint64_t r = 0; r < rows; r++) {
        float *row = to + r * width;
        dequantize_row(t->type, data + row_from(o, change, r) * bytes, row, width);
        for (uint64_t i = 0; i < width && change == NORM && o->family->plus_one; i++) row[i] -= 1;
    }
    return HEARTH_OK;
}

static enum hearth_status name_of(struct out *o, const char *pattern, uint32_t layer, const char **out)
{
    char name[160];
    const char *percent = strchr(pattern, '%');
    if (percent) snprintf(name, sizeof name, "%.*s%u%s", (int)(percent - pattern), pattern, layer, percent + 2);
    else snprintf(name, sizeof name, "%s", pattern);
    *out = arena_strndup(&o->arena, name, strlen(name));
    return *out ? HEARTH_OK : HEARTH_ENOMEM;
}

static enum hearth_status in_one_piece(const struct out *o, const char *name)
{
    return fail(HEARTH_EUNSUPPORTED, "%s: family %s: not written as a folder here, since a folder has %s in one piece with another", o->g->path, o->arch->name, name);
}

static enum hearth_status add_tensor(struct out *o, const struct folder_tensor *f, uint32_t layer)
{
    const char *from, *to;
    TRY(name_of(o, f->to, layer, &from));
    TRY(name_of(o, f->from, layer, &to));
    const struct gguf_tensor *t = gguf_find_tensor(o->g, from);
    if (!t) return HEARTH_OK;
    if (t->dims > 2) return in_one_piece(o, to);
    float *data = arena_alloc(&o->arena, t->elements * sizeof *data);
    if (!data) return HEARTH_ENOMEM;
    TRY(convert(o, t, f->change, data));
    TRY(mem_grow(&o->list, &o->cap, o->n + 1, sizeof *o->list));
    struct safetensor_out *s = &o->list[o->n++];
    *s = (struct safetensor_out){.name = to, .data = data, .dims = t->dims};
    for (uint32_t i = 0; i < t->dims; i++) s->shape[i] = t->shape[t->dims - 1 - i];
    return HEARTH_OK;
}

static enum hearth_status write_tensors(struct out *o)
{
    struct buf path = {0};
    for (int k = 0; k < 3 && o->family->tensors[k]; k++)
        for (const struct folder_tensor *f = o->family->tensors[k]; f->from; f++)
            for (uint32_t l = 0; l < (strchr(f->from, '%') ? o->h.layers : 1); l++) TRY(add_tensor(o, f, l));
    enum hearth_status st = buf_printf(&path, "%s/" SAFETENSORS_FILE, o->folder);
    if (!st) st = safetensors_write(path.data, o->list, o->n);
    buf_free(&path);
    return st;
}

/* ---- config.json ---- */

static void put(json_t *o, const char *key, json_t *v) { json_object_set_new(o, key, v); }

/* The numbers of the family's own tables. */
static enum hearth_status put_numbers(const struct out *o, json_t *c)
{
    for (int i = 0; i < 2 && o->family->keys[i]; i++)
        for (const struct folder_key *k = o->family->keys[i]; k->from; k++) {
            char key[128];
            snprintf(key, sizeof key, "%s.%s", o->arch->name, k->to);
            const struct gguf_value *v = gguf_find(o->g, key);
            float x = 0;
            uint32_t n = 0;
            if (!v) continue;
            if (k->kind == REAL) TRY(gguf_get_f32(o->g, key, &x, NULL));
            else TRY(gguf_get_u32(o->g, key, &n, NULL));
            put(c, k->from, k->kind == REAL ? json_real((double)x) : json_integer(n));
        }
    return HEARTH_OK;
}

/* transformers' name of a family's configuration. */
static const char *model_type(const char *arch) { return !strcmp(arch, "gemma3") ? "gemma3_text" : arch; }

static enum hearth_status write_config(const struct out *o)
{
    const struct hparams *h = &o->h;
    json_t *c = json_object();
    const char *act = o->family->activation ? o->family->activation : "gelu_pytorch_tanh";
    enum hearth_status st = put_numbers(o, c);
    put(c, "architectures", json_pack("[s]", o->family->name));
    put(c, "model_type", json_string(model_type(o->arch->name)));
    put(c, "torch_dtype", json_string("float32"));
    put(c, "vocab_size", json_integer(h->vocabulary));
    put(c, "num_hidden_layers", json_integer(h->layers));
    put(c, "num_attention_heads", json_integer(h->heads));
    put(c, "num_key_value_heads", json_integer(h->kv_heads));
    put(c, "head_dim", json_integer(h->head_width));
    put(c, "rope_theta", json_real((double)h->rope_base));
    put(c, "hidden_act", json_string(act));
    put(c, "hidden_activation", json_string(act));
    put(c, "tie_word_embeddings", json_boolean(!gguf_find_tensor(o->g, "output.weight")));
    put(c, "attention_bias", json_boolean(gguf_find_tensor(o->g, "blk.0.attn_q.bias") != NULL));
    put(c, "mlp_bias", json_boolean(gguf_find_tensor(o->g, "blk.0.ffn_gate.bias") != NULL));
    put(c, "bos_token_id", json_integer(tokenizer_bos(o->tokenizer)));
    put(c, "eos_token_id", json_integer(tokenizer_eos(o->tokenizer)));
    put(c, "pad_token_id", json_integer(tokenizer_eos(o->tokenizer)));
    if (h->window) put(c, "sliding_window", json_integer(h->window));
    if (h->rope_base_local > 0) put(c, "rope_local_base_freq", json_real((double)h->rope_base_local));
    if (o->arch->global_every) {
        put(c, "sliding_window_pattern", json_integer(o->arch->global_every));
        put(c, "query_pre_attn_scalar", json_integer(h->head_width));
    }
    if (!st) st = write_json(o, "config.json", c);
    else json_decref(c);
    if (st) return st;
    return write_json(o, "generation_config.json", json_pack("{s:i, s:i, s:i}", "bos_token_id", tokenizer_bos(o->tokenizer), "eos_token_id",
                                                             tokenizer_eos(o->tokenizer), "pad_token_id", tokenizer_eos(o->tokenizer)));
}

/* ---- the tokenizer ---- */

static enum hearth_status merge_of(const struct out *o, const struct bpe_learn *l, const struct gguf_string *m, struct bpe_merge *out)
{
    const char *gap = memchr(m->s + 1, ' ', m->n - 1);       /* there is one: the tokenizer has read the list */
    size_t left = (size_t)(gap - m->s), right = m->n - left - 1;
    *out = (struct bpe_merge){bpe_learn_find(l, m->s, left), bpe_learn_find(l, gap + 1, right), 0};
    return out->left >= 0 && out->right >= 0 ? HEARTH_OK : fail(HEARTH_EFORMAT, "%s: a merge of tokens that are not in the vocabulary", o->g->path);
}

/* Tokens and merges, and how many special ones stand before the others. */
static enum hearth_status read_learnt(const struct out *o, struct bpe_learn *l, size_t *n_special)
{
    const struct gguf_value *tokens, *merges;
    int32_t id;
    TRY(gguf_get_array(o->g, "tokenizer.ggml.tokens", GGUF_STRING, &tokens));
    TRY(gguf_get_array(o->g, "tokenizer.ggml.merges", GGUF_STRING, &merges));
    *n_special = 0;
    for (uint64_t i = 0; i < tokens->as.array.n; i++) {
        int special = tokenizer_token_type(o->tokenizer, (int32_t)i) != TOKEN_NORMAL;
        TRY(bpe_learn_token(l, tokens->as.array.strings[i].s, tokens->as.array.strings[i].n, &id));
        if ((uint64_t)id != i || (special && *n_special != i))
            return fail(HEARTH_EUNSUPPORTED, "%s: a vocabulary with doubles, or with special tokens behind others: not written as a folder here", o->g->path);
        *n_special += (size_t)special;
    }
    l->merge = mem_array(merges->as.array.n + 1, sizeof *l->merge);
    if (!l->merge) return HEARTH_ENOMEM;
    for (; l->merges < merges->as.array.n; l->merges++) TRY(merge_of(o, l, merges->as.array.strings + l->merges, l->merge + l->merges));
    return HEARTH_OK;
}

static json_t *text_of(const struct out *o, int32_t id)
{
    const char *s;
    size_t n;
    tokenizer_text(o->tokenizer, id, &s, &n);
    return json_stringn(s, n);
}

static enum hearth_status make_tokenizer(const struct out *o, struct buf *json)
{
    struct bpe_learn l = {0};
    size_t n_special;
    if (strcmp(tokenizer_kind(o->tokenizer), "gpt2") || strcmp(tokenizer_pre(o->tokenizer), "gpt-2"))
        return fail(HEARTH_EUNSUPPORTED, "%s: a tokenizer of kind %s, pattern \"%s\", known as a folder: gpt2, gpt-2", o->g->path,
                    tokenizer_kind(o->tokenizer), tokenizer_pre(o->tokenizer));
    enum hearth_status st = read_learnt(o, &l, &n_special);
    if (!st) st = bpe_train_json(&l, n_special, tokenizer_adds_bos(o->tokenizer) ? tokenizer_bos(o->tokenizer) : -1, json);
    bpe_learn_free(&l);
    return st;
}

static enum hearth_status write_tokenizer(const struct out *o)
{
    struct buf json = {0};
    enum hearth_status st = make_tokenizer(o, &json);
    if (!st) st = write_text(o, "tokenizer.json", json.data, json.len);
    buf_free(&json);
    if (st || tokenizer_bos(o->tokenizer) < 0 || tokenizer_eos(o->tokenizer) < 0) return st;
    return write_json(o, "tokenizer_config.json",
                      json_pack("{s:s, s:o, s:o, s:b, s:b, s:I}", "tokenizer_class", "PreTrainedTokenizerFast", "bos_token",
                                text_of(o, tokenizer_bos(o->tokenizer)), "eos_token", text_of(o, tokenizer_eos(o->tokenizer)), "add_bos_token",
                                tokenizer_adds_bos(o->tokenizer), "clean_up_tokenization_spaces", 0, "model_max_length",
                                (json_int_t)o->h.context));
}

/* ---- all of it ---- */

static enum hearth_status find_family(struct out *o)
{
    struct gguf_string name = {"", 0};
    TRY(gguf_get_string(o->g, "general.architecture", &name, NULL));
    o->arch = arch_find(name.s, (size_t)name.n);
    for (size_t i = 0; o->arch && (o->family = folder_family_at(i)); i++)
        if (!strcmp(o->family->arch, o->arch->name)) return HEARTH_OK;
    return fail(HEARTH_EUNSUPPORTED, "%s: family \"%.*s\": not known as a folder", o->g->path, (int)(name.n < 40 ? name.n : 40), name.s);
}

static enum hearth_status open_out(struct out *o, const struct gguf *g)
{
    o->g = g;
    arena_init(&o->arena, 0);
    TRY(find_family(o));
    TRY(hparams_read(o->arch, g, &o->arena, &o->h));
    for (int k = 0; k < 3 && o->family->tensors[k]; k++)
        for (const struct folder_tensor *f = o->family->tensors[k]; f->from; f++)
            if (f->change == HALF_1 || f->change == HALF_2) return in_one_piece(o, f->from);
    return tokenizer_open(g, &o->tokenizer);
}

static void close_out(struct out *o)
{
    tokenizer_close(o->tokenizer);
    free(o->list);
    arena_free(&o->arena);
}

enum hearth_status folder_check(const struct gguf *g)
{
    struct out o = {0};
    struct buf json = {0};
    enum hearth_status st = open_out(&o, g);
    if (!st) st = make_tokenizer(&o, &json);
    buf_free(&json);
    close_out(&o);
    return st;
}

enum hearth_status folder_write(const struct gguf *g, const char *folder)
{
    struct out o = {.folder = folder};
    enum hearth_status st = open_out(&o, g);
    if (!st && mkdir(folder, 0777)) st = fail_errno(folder, "cannot make the folder");
    if (!st) st = write_tokenizer(&o);
    if (!st) st = write_config(&o);
    if (!st) st = write_tensors(&o);
    close_out(&o);
    return st;
}
