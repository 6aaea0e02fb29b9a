/* folder_words.c - what a folder says about its text, as the keys of a GGUF file: tokenizer.json's vocabulary, merges and added tokens, the
 * ids that begin and end a text, the chat template.
 *
 *     byte-level BPE            -> "gpt2": tokens, merges, and the name under which GGUF knows the pattern that cuts words
 *     BPE with bytes as <0x0A>  -> "llama": tokens, and as scores the order of the merges that make them
 *
 * GGUF cannot say everything that tokenizer.json can; what it cannot say (another pattern, another model) is refused. */
#include "model/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "text/vocab.h"

enum { MAX_TOKENIZER = 64 << 20, MAX_CONFIG = 16 << 20, MAX_TEMPLATE = 1 << 20 };

struct words {
    struct folder *f;
    json_t *tokenizer, *config, *generation;      /* the last two may be NULL */
    const json_t *vocab;
    uint32_t n;                                   /* rows of the embedding: every token has one */
    struct gguf_string *text;
    int32_t *type;
    float *score;
    int bytes;                                    /* byte-level */
};

static enum hearth_status bad(const struct words *w, const char *what, const char *allowed)
{
    return fail(HEARTH_EFORMAT, "%s/tokenizer.json: %.100s, allowed: %s", w->f->path, what, allowed);
}

/* ---- parts that may lie alone or in a sequence ---- */

static const json_t *part_of(const json_t *o, const char *list, const char *type)
{
    const char *own = json_string_value(json_object_get(o, "type"));
    const json_t *parts = json_object_get(o, list);
    if (own && !strcmp(own, type)) return o;
    for (size_t i = 0; i < json_array_size(parts); i++) {
        const json_t *found = json_array_get(parts, i);
        const char *word = json_string_value(json_object_get(found, "type"));
        if (word && !strcmp(word, type)) return found;
    }
    return NULL;
}

#define LETTERS "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+"
#define FORMS "(?i:'s|'t|'re|'ve|'m|'ll|'d)|"
#define REST "[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define REST_SLASH "[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define UP "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOW "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"

/* The patterns that GGUF has names for, as published files write them. */
static const struct { const char *pattern, *name; } patterns[] = {
    {FORMS LETTERS "|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+" REST, "llama-bpe"},
    {FORMS LETTERS "|\\p{N}| ?[^\\s\\p{L}\\p{N}]+" REST, "qwen2"},
    {"[^\\r\\n\\p{L}\\p{N}]?" UP "*" LOW "+|[^\\r\\n\\p{L}\\p{N}]?" UP "+" LOW "*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+" REST_SLASH, "tekken"},
    {"[^\\r\\n\\p{L}\\p{N}]?" UP "*" LOW "+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?" UP "+" LOW "*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
     "|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+" REST_SLASH, "gpt-4o"},
};

static enum hearth_status put_pattern(struct words *w)
{
    const json_t *pre = json_object_get(w->tokenizer, "pre_tokenizer"), *split = part_of(pre, "pretokenizers", "Split");
    const char *regex = json_string_value(json_object_get(json_object_get(split, "pattern"), "Regex")), *name = NULL;
    for (size_t i = 0; regex && i < sizeof patterns / sizeof *patterns; i++)
        if (!strcmp(regex, patterns[i].pattern)) name = patterns[i].name;
    if (!split) name = part_of(pre, "pretokenizers", "Digits") ? "smollm" : "gpt-2";
    if (name && !strcmp(name, "qwen2") && !part_of(json_object_get(w->tokenizer, "normalizer"), "normalizers", "NFC")) name = "deepseek-r1-qwen";
    if (!name)
        return fail(HEARTH_EUNSUPPORTED, "%s/tokenizer.json: pre_tokenizer: its pattern is none of those that GGUF has names for (LLaMA 3, Qwen 2, "
                    "Tekken, GPT-4o)", w->f->path);
    return folder_put_text(w->f, "tokenizer.ggml.pre", name);
}

/* ---- tokens ---- */

static int is_byte(const char *s, size_t n)
{
    return n == 6 && !memcmp(s, "<0x", 3) && s[5] == '>';
}

static enum hearth_status put_token(struct words *w, uint32_t id, const char *s, size_t n, int type)
{
    const char *copy = arena_strndup(w->f->arena, s, n);
    if (!copy) return HEARTH_ENOMEM;
    w->text[id] = (struct gguf_string){copy, n};
    w->type[id] = type;
    return HEARTH_OK;
}

static enum hearth_status read_vocab(struct words *w)
{
    const char *s, *unknown = json_string_value(json_object_get(json_object_get(w->tokenizer, "model"), "unk_token"));
    const json_t *v;
    size_t n;
    json_object_keylen_foreach((json_t *)w->vocab, s, n, v) {
        json_int_t id = json_integer_value(v);
        char text[80];
        snprintf(text, sizeof text, "the token \"%.30s\" has the id %lld", s, (long long)id);
        if (!json_is_integer(v) || id < 0 || id >= (json_int_t)w->n) return bad(w, text, "the rows of the embedding, from 0");
        if (w->text[id].s) return bad(w, text, "each id once");
        int type = !w->bytes && is_byte(s, n) ? TOKEN_BYTE : unknown && !strcmp(s, unknown) ? TOKEN_UNKNOWN : TOKEN_NORMAL;
        TRY(put_token(w, (uint32_t)id, s, n, type));
    }
    return HEARTH_OK;
}

/* Added tokens past the embedding (an image's, in a model of text) can never be used. */
static enum hearth_status read_added(struct words *w)
{
    const json_t *list = json_object_get(w->tokenizer, "added_tokens");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *t = json_array_get(list, i), *id = json_object_get(t, "id"), *content = json_object_get(t, "content");
        if (!json_is_integer(id) || json_integer_value(id) < 0 || !json_is_string(content))
            return bad(w, "an added token without id or content", "both");
        if (json_integer_value(id) >= (json_int_t)w->n) continue;
        uint32_t at = (uint32_t)json_integer_value(id);
        if (w->type[at] == TOKEN_UNKNOWN) continue;
        TRY(put_token(w, at, json_string_value(content), json_string_length(content),
                      json_is_true(json_object_get(t, "special")) ? TOKEN_CONTROL : TOKEN_USER));
    }
    for (uint32_t i = 0; i < w->n; i++) {
        char name[24];
        if (w->text[i].s) continue;
        snprintf(name, sizeof name, "[PAD%u]", i);
        TRY(put_token(w, i, name, strlen(name), TOKEN_UNUSED));
    }
    return HEARTH_OK;
}

static struct gguf_value array_of(enum gguf_type type, uint64_t n, const void *data, const struct gguf_string *strings)
{
    return (struct gguf_value){.type = GGUF_ARRAY, .as.array = {.type = type, .n = n, .data = data, .strings = strings}};
}

/* One merge as its two halves: "a b" or ["a", "b"]. */
static enum hearth_status halves(struct words *w, const json_t *m, struct gguf_string *left, struct gguf_string *right)
{
    const char *s = json_string_value(m), *space = s ? strchr(s, ' ') : NULL;
    const json_t *a = json_array_get(m, 0), *b = json_array_get(m, 1);
    if (space) {
        *left = (struct gguf_string){s, (uint64_t)(space - s)};
        *right = (struct gguf_string){space + 1, strlen(space + 1)};
    } else if (json_array_size(m) == 2 && json_is_string(a) && json_is_string(b)) {
        *left = (struct gguf_string){json_string_value(a), json_string_length(a)};
        *right = (struct gguf_string){json_string_value(b), json_string_length(b)};
    } else return bad(w, "a merge is no pair of texts", "\"a b\" or [\"a\", \"b\"]");
    return HEARTH_OK;
}

static enum hearth_status read_merges(struct words *w)
{
    const json_t *list = json_object_get(json_object_get(w->tokenizer, "model"), "merges");
    size_t n = json_array_size(list);
    struct gguf_string *out = w->bytes ? arena_alloc(w->f->arena, (n + 1) * sizeof *out) : NULL;
    struct buf b = {0};
    enum hearth_status st = w->bytes && !out ? HEARTH_ENOMEM : HEARTH_OK;
    for (size_t i = 0; i < n && st == HEARTH_OK; i++) {
        struct gguf_string left = {0}, right = {0};
        TRY_GOTO(st, done, halves(w, json_array_get(list, i), &left, &right));
        b.len = 0;
        TRY_GOTO(st, done, buf_put(&b, left.s, left.n));
        if (w->bytes) TRY_GOTO(st, done, buf_putc(&b, ' '));
        TRY_GOTO(st, done, buf_put(&b, right.s, right.n));
        if (w->bytes) {
            const char *copy = arena_strndup(w->f->arena, b.data, b.len);
            if (!copy) st = HEARTH_ENOMEM;
            else out[i] = (struct gguf_string){copy, b.len};
            continue;
        }
        const json_t *id = b.len ? json_object_getn(w->vocab, b.data, b.len) : NULL;
        if (!id) st = bad(w, "a merge makes what is no token", "tokens of the vocabulary");
        else if (w->score[json_integer_value(id)] == 0) w->score[json_integer_value(id)] = -(float)(i + 1);
    }
done:
    buf_free(&b);
    if (st == HEARTH_OK && w->bytes) st = folder_put(w->f, "tokenizer.ggml.merges", array_of(GGUF_STRING, n, NULL, out));
    return st;
}

/* ---- ids ---- */

/* A token of tokenizer_config.json, written as a text or as an object with one; -1: none. */
static int64_t id_of(const struct words *w, const char *name)
{
    const json_t *v = json_object_get(w->config, name), *id;
    const char *s = json_string_value(json_is_object(v) ? json_object_get(v, "content") : v);
    if (!s) return -1;
    if ((id = json_object_get(w->vocab, s))) return json_integer_value(id);
    for (uint32_t i = 0; i < w->n; i++)
        if (w->text[i].n == strlen(s) && !memcmp(w->text[i].s, s, strlen(s))) return i;
    return -1;
}

static enum hearth_status put_id(const struct words *w, const char *key, int64_t id)
{
    if (id < 0 || id >= (int64_t)w->n) return HEARTH_OK;
    return folder_put(w->f, key, (struct gguf_value){.type = GGUF_U32, .as.u = (uint64_t)id});
}

/* Id i of a key that has one or a list of them: of generation_config.json, else of config.json. */
static int64_t id_in(const struct words *w, const char *key, size_t i)
{
    const json_t *v = json_object_get(w->generation, key);
    if (!v) v = json_object_get(w->f->config, key);
    if (json_is_array(v)) v = json_array_get(v, i);
    else if (i) v = NULL;
    return json_is_integer(v) ? json_integer_value(v) : -1;
}

static enum hearth_status put_ids(const struct words *w)
{
    static const char *const more[] = {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"};
    int64_t bos = id_of(w, "bos_token"), eos = id_of(w, "eos_token"), id;
    size_t used = 0;
    TRY(put_id(w, "tokenizer.ggml.bos_token_id", bos >= 0 ? bos : id_in(w, "bos_token_id", 0)));
    if (eos < 0) eos = id_in(w, "eos_token_id", 0);
    TRY(put_id(w, "tokenizer.ggml.eos_token_id", eos));
    for (size_t i = 0; i < 8 && used < 2; i++)
        if ((id = id_in(w, "eos_token_id", i)) >= 0 && id != eos) TRY(put_id(w, more[used++], id));
    TRY(put_id(w, "tokenizer.ggml.unknown_token_id", id_of(w, "unk_token")));
    return put_id(w, "tokenizer.ggml.padding_token_id", id_of(w, "pad_token"));
}

static enum hearth_status put_flag(const struct words *w, const char *key, int on)
{
    return folder_put(w->f, key, (struct gguf_value){.type = GGUF_BOOL, .as.b = on != 0});
}

/* Whether a text begins or ends with a special token is what the post-processor says. */
static enum hearth_status put_flags(const struct words *w)
{
    const json_t *normal = json_object_get(w->tokenizer, "normalizer"), *pre = json_object_get(w->tokenizer, "pre_tokenizer");
    const json_t *post = part_of(json_object_get(w->tokenizer, "post_processor"), "processors", "TemplateProcessing");
    const json_t *single = json_object_get(post, "single"), *meta = part_of(pre, "pretokenizers", "Metaspace");
    const char *scheme = json_string_value(json_object_get(meta, "prepend_scheme"));
    size_t n = json_array_size(single);
    TRY(put_flag(w, "tokenizer.ggml.add_bos_token", n && json_object_get(json_array_get(single, 0), "SpecialToken")));
    TRY(put_flag(w, "tokenizer.ggml.add_eos_token", n > 1 && json_object_get(json_array_get(single, n - 1), "SpecialToken")));
    int space = part_of(normal, "normalizers", "Prepend") || (meta && (!scheme || strcmp(scheme, "never") != 0));
    return w->bytes ? HEARTH_OK : put_flag(w, "tokenizer.ggml.add_space_prefix", space);
}

/* ---- the whole ---- */

static enum hearth_status put_tokenizer(struct words *w)
{
    const json_t *model = json_object_get(w->tokenizer, "model");
    const char *type = json_string_value(json_object_get(model, "type"));
    w->vocab = json_object_get(model, "vocab");
    if (type ? strcmp(type, "BPE") != 0 : !json_object_get(model, "merges"))
        return fail(HEARTH_EUNSUPPORTED, "%s/tokenizer.json: model.type is \"%.40s\", allowed: BPE", w->f->path, type ? type : "");
    if (!json_is_object(w->vocab)) return bad(w, "model.vocab is no object", "tokens and their ids");
    w->bytes = part_of(json_object_get(w->tokenizer, "pre_tokenizer"), "pretokenizers", "ByteLevel") != NULL;
    w->text = arena_alloc(w->f->arena, w->n * sizeof *w->text);
    w->type = arena_alloc(w->f->arena, w->n * sizeof *w->type);
    w->score = arena_alloc(w->f->arena, w->n * sizeof *w->score);
    if (!w->text || !w->type || !w->score) return HEARTH_ENOMEM;
    TRY(folder_put_text(w->f, "tokenizer.ggml.model", w->bytes ? "gpt2" : "llama"));
    if (w->bytes) TRY(put_pattern(w));
    TRY(read_vocab(w));
    TRY(read_merges(w));
    TRY(read_added(w));
    TRY(folder_put(w->f, "tokenizer.ggml.tokens", array_of(GGUF_STRING, w->n, NULL, w->text)));
    TRY(folder_put(w->f, "tokenizer.ggml.token_type", array_of(GGUF_I32, w->n, w->type, NULL)));
    if (!w->bytes) TRY(folder_put(w->f, "tokenizer.ggml.scores", array_of(GGUF_F32, w->n, w->score, NULL)));
    TRY(put_ids(w));
    return put_flags(w);
}

/* The one called "default" of several, else the first. */
static const char *template_in(const json_t *config)
{
    const json_t *v = json_object_get(config, "chat_template");
    const char *first = NULL;
    if (json_is_string(v)) return json_string_value(v);
    for (size_t i = 0; i < json_array_size(v); i++) {
        const json_t *one = json_array_get(v, i);
        const char *name = json_string_value(json_object_get(one, "name")), *text = json_string_value(json_object_get(one, "template"));
        if (name && text && !strcmp(name, "default")) return text;
        if (!first) first = text;
    }
    return first;
}

static enum hearth_status put_template(struct folder *f, const json_t *config)
{
    char *text = NULL;
    size_t n = 0;
    TRY(folder_text(f, "chat_template.jinja", MAX_TEMPLATE, &text, &n));
    const char *found = text ? text : template_in(config);
    enum hearth_status st = found ? folder_put_text(f, "tokenizer.chat_template", found) : HEARTH_OK;
    free(text);
    return st;
}

enum hearth_status folder_words(struct folder *f)
{
    struct words w = {.f = f};
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < f->n_tensors; i++)
        if (!strcmp(f->tensors[i].name, "token_embd.weight") && f->tensors[i].shape[1] <= VOCAB_SIZE_MAX) w.n = (uint32_t)f->tensors[i].shape[1];
    if (!w.n) return fail(HEARTH_EFORMAT, "%s: its embedding has more than %d rows", f->path, VOCAB_SIZE_MAX);
    TRY_GOTO(st, done, folder_json(f, "tokenizer_config.json", MAX_CONFIG, &w.config));
    TRY_GOTO(st, done, folder_json(f, "generation_config.json", MAX_CONFIG, &w.generation));
    TRY_GOTO(st, done, folder_json(f, "tokenizer.json", MAX_TOKENIZER, &w.tokenizer));
    TRY_GOTO(st, done, put_template(f, w.config));
    if (w.tokenizer) st = put_tokenizer(&w);
done:
    json_decref(w.config), json_decref(w.generation), json_decref(w.tokenizer);
    return st;
}
