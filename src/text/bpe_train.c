/* bpe_train.c - a byte-level tokenizer of one's own: words to tokens, and those to the two ways of writing them down.
 *
 *     ids    special tokens | bytes, in the order of the characters that stand for them | what was learnt, in its order
 */
#include "text/bpe_learn.h"

#include <stdlib.h>
#include <string.h>
#include "base/jsontext.h"
#include "text/vocab.h"

/* The bytes in the order of their characters: the printable ones, then the others. */
static void byte_order(unsigned char order[256]) {
    struct vocab v = { 0 };
    int n = 0;
    vocab_byte_alphabet(&v);
    for (int c = 0; c < VOCAB_BYTE_CHARS; c++)
        if (v.byte_of[c] >= 0) order[n++] = (unsigned char)v.byte_of[c];
}

static enum hearth_status put_alphabet(const struct wordcount *words, int seen_only, struct bpe_learn *l, int32_t id[256]) {
    unsigned char order[256];
    uint8_t seen[256] = { 0 };
    byte_order(order);
    for (size_t i = 0; i < words->bytes.len; i++) seen[(unsigned char)words->bytes.data[i]] = 1;
    for (int i = 0; i < 256; i++) {
        char text[2];
        if (seen_only && !seen[order[i]]) continue;
        TRY(bpe_learn_token(l, text, vocab_byte_char(order[i], text), id + order[i]));
    }
    return HEARTH_OK;
}

static enum hearth_status put_words(const struct wordcount *words, const int32_t id[256], struct bpe_learn *l) {
    int32_t *ids = NULL;
    size_t cap = 0;
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < words->n && st == HEARTH_OK; i++) {
        const struct counted_word *w = words->word + i;
        st = mem_grow(&ids, &cap, w->n, sizeof *ids);
        for (uint32_t k = 0; k < w->n && st == HEARTH_OK; k++) ids[k] = id[(unsigned char)words->bytes.data[w->at + k]];
        if (st == HEARTH_OK) st = bpe_learn_word(l, ids, w->n, w->count);
    }
    free(ids);
    return st;
}

static enum hearth_status train(const struct wordcount *words, const struct bpe_train_params *p, struct bpe_learn *l) {
    struct bpe_learn_params learn = { .size = p->size, .min_count = p->min_count };
    int32_t id[256], special;
    for (size_t i = 0; i < p->n_special; i++) {
        TRY(bpe_learn_token(l, p->special[i], strlen(p->special[i]), &special));
        if ((size_t)special != i) return fail(HEARTH_EUSAGE, "special token \"%s\": given twice, allowed once", p->special[i]);
    }
    TRY(put_alphabet(words, p->seen_bytes_only, l, id));
    TRY(put_words(words, id, l));
    return bpe_learn_run(l, &learn);
}

enum hearth_status bpe_train(const struct wordcount *words, const struct bpe_train_params *p, struct bpe_learn *out) {
    *out = (struct bpe_learn){ 0 };
    enum hearth_status st = train(words, p, out);
    if (st != HEARTH_OK) bpe_learn_free(out);
    return st;
}

/* ---- tokenizer.json ---- */

static json_t *text_of(const struct bpe_learn *l, size_t id) {
    struct gguf_string t = bpe_learn_text(l, id);
    return json_stringn(t.s, t.n);
}

static json_t *added_tokens(const struct bpe_learn *l, size_t n) {
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:I, s:o, s:b, s:b, s:b, s:b, s:b}", "id", (json_int_t)i, "content", text_of(l, i), "single_word", 0,
                                              "lstrip", 0, "rstrip", 0, "normalized", 0, "special", 1));
    return list;
}

static json_t *model_of(const struct bpe_learn *l) {
    json_t *vocab = json_object(), *merges = json_array();
    for (size_t i = 0; i < l->tokens; i++) {
        struct gguf_string t = bpe_learn_text(l, i);
        json_object_setn_new(vocab, t.s, t.n, json_integer((json_int_t)i));
    }
    for (size_t i = 0; i < l->merges; i++)
        json_array_append_new(merges, json_pack("[o, o]", text_of(l, (size_t)l->merge[i].left), text_of(l, (size_t)l->merge[i].right)));
    return json_pack("{s:s, s:n, s:n, s:n, s:n, s:b, s:b, s:b, s:o, s:o}", "type", "BPE", "dropout", "unk_token", "continuing_subword_prefix",
                     "end_of_word_suffix", "fuse_unk", 0, "byte_fallback", 0, "ignore_merges", 0, "vocab", vocab, "merges", merges);
}

/* A decoder does not look at the prefix; the package writes it so. */
static json_t *byte_level(int prefix) {
    return json_pack("{s:s, s:b, s:b, s:b}", "type", "ByteLevel", "add_prefix_space", prefix, "trim_offsets", 1, "use_regex", 1);
}

/* A text, or two, behind the token. */
static json_t *begins_with(const struct bpe_learn *l, int32_t bos) {
    if (bos < 0) return json_null();
    json_t *text = text_of(l, (size_t)bos), *special = json_object(), *out;
    const char *name = json_string_value(text);
    json_object_set_new(special, name, json_pack("{s:O, s:[i], s:[O]}", "id", text, "ids", bos, "tokens", text));
    out = json_pack("{s:s, s:[{s:{s:O, s:i}}, {s:{s:s, s:i}}], s:[{s:{s:O, s:i}}, {s:{s:s, s:i}}, {s:{s:s, s:i}}], s:o}", "type", "TemplateProcessing",
                     "single", "SpecialToken", "id", text, "type_id", 0, "Sequence", "id", "A", "type_id", 0,
                     "pair", "SpecialToken", "id", text, "type_id", 0, "Sequence", "id", "A", "type_id", 0, "Sequence", "id", "B", "type_id", 1,
                    "special_tokens", special);
    json_decref(text);
    return out;
}

enum hearth_status bpe_train_json(const struct bpe_learn *l, size_t n_special, int32_t bos, struct buf *out) {
    json_t *all = json_pack("{s:s, s:n, s:n, s:o, s:n, s:o, s:o, s:o, s:o}", "version", "1.0", "truncation", "padding", "added_tokens",
                            added_tokens(l, n_special), "normalizer", "pre_tokenizer", byte_level(0), "post_processor", begins_with(l, bos), "decoder",
                            byte_level(1), "model", model_of(l));
    enum hearth_status st = all ? jsontext_put(out, all) : fail(HEARTH_ENOMEM, "tokenizer.json: no memory, or a token that is not UTF-8");
    json_decref(all);
    return st;
}

/* ---- GGUF ---- */

enum { MOST_KEYS = 8 };

static struct gguf_kv key_text(const char *key, struct gguf_value v) {
    return (struct gguf_kv){ { key, strlen(key) }, v };
}

static struct gguf_value array(enum gguf_type type, size_t n, const void *data, const struct gguf_string *strings) {
    struct gguf_value v = { .type = GGUF_ARRAY };
    v.as.array.type = type;
    v.as.array.n = n;
    v.as.array.data = data;
    v.as.array.strings = strings;
    return v;
}

static struct gguf_value text(const char *s) { return (struct gguf_value){ GGUF_STRING, { .str = { s, strlen(s) } } }; }

/* "left right", as GGUF writes a merge. */
static enum hearth_status merge_texts(const struct bpe_learn *l, struct arena *arena, struct gguf_string *out) {
    for (size_t i = 0; i < l->merges; i++) {
        struct gguf_string a = bpe_learn_text(l, (size_t)l->merge[i].left), b = bpe_learn_text(l, (size_t)l->merge[i].right);
        char *s = arena_alloc(arena, a.n + b.n + 1);
        if (!s) return HEARTH_ENOMEM;
        memcpy(s, a.s, a.n);
        s[a.n] = ' ';
        memcpy(s + a.n + 1, b.s, b.n);
        out[i] = (struct gguf_string){ s, a.n + b.n + 1 };
    }
    return HEARTH_OK;
}

enum hearth_status bpe_train_keys(const struct bpe_learn *l, size_t n_special, int32_t bos, int32_t eos, struct arena *arena,
                                  struct gguf_kv **kv, size_t *n) {
    struct gguf_kv *k = *kv = arena_alloc(arena, MOST_KEYS * sizeof *k);
    struct gguf_string *tokens = arena_alloc(arena, (l->tokens + 1) * sizeof *tokens);
    struct gguf_string *merges = arena_alloc(arena, (l->merges + 1) * sizeof *merges);
    int32_t *types = arena_alloc(arena, (l->tokens + 1) * sizeof *types);
    if (!k || !tokens || !merges || !types) return HEARTH_ENOMEM;
    for (size_t i = 0; i < l->tokens; i++) {
        tokens[i] = bpe_learn_text(l, i);
        types[i] = i < n_special ? TOKEN_CONTROL : TOKEN_NORMAL;
    }
    TRY(merge_texts(l, arena, merges));
    *n = 0;
    k[(*n)++] = key_text("tokenizer.ggml.model", text("gpt2"));
    k[(*n)++] = key_text("tokenizer.ggml.pre", text("gpt-2"));
    k[(*n)++] = key_text("tokenizer.ggml.tokens", array(GGUF_STRING, l->tokens, NULL, tokens));
    k[(*n)++] = key_text("tokenizer.ggml.token_type", array(GGUF_I32, l->tokens, types, NULL));
    k[(*n)++] = key_text("tokenizer.ggml.merges", array(GGUF_STRING, l->merges, NULL, merges));
    if (bos >= 0) k[(*n)++] = key_text("tokenizer.ggml.bos_token_id", (struct gguf_value){ GGUF_U32, { .u = (uint64_t)bos } });
    if (eos >= 0) k[(*n)++] = key_text("tokenizer.ggml.eos_token_id", (struct gguf_value){ GGUF_U32, { .u = (uint64_t)eos } });
    k[(*n)++] = key_text("tokenizer.ggml.add_bos_token", (struct gguf_value){ GGUF_BOOL, { .b = bos >= 0 } });
    return HEARTH_OK;
}
