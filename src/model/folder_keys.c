/* folder_keys.c - a folder's tokenizer in the keys that GGUF has for tokenizers.
 *
 *     tokenizer.json    byte-level BPE            -> "gpt2": tokens, merges, and the name under which GGUF knows the pattern that cuts words
 *                       BPE with bytes as <0x0A>  -> "llama": tokens, and as scores the order of the merges that make them
 *                       WordPiece                 -> "bert"     (folder_pieces.c)
 *                       Unigram                   -> "t5"       (folder_pieces.c)
 *     tokenizer.model   BPE                       -> "llama": its pieces and scores, and the tokens that were added to them
 *                       Unigram                   -> "t5", where it is to be written
 *
 * GGUF cannot say everything that tokenizer.json can; what it cannot say (another pattern, another model) is refused. */
#include "model/folder_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "os/os.h"
#include "text/sentencepiece.h"
#include "text/tokenizer.h"

enum hearth_status words_bad(const struct words *w, const char *what, const char *allowed)
{
    return fail(HEARTH_EFORMAT, "%s/tokenizer.json: %.100s, allowed: %s", w->f->path, what, allowed);
}

/* ---- parts that may lie alone or in a sequence ---- */

const json_t *words_part(const json_t *o, const char *list, const char *type)
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
    const json_t *pre = json_object_get(w->tokenizer, "pre_tokenizer"), *split = words_part(pre, "pretokenizers", "Split");
    const char *regex = json_string_value(json_object_get(json_object_get(split, "pattern"), "Regex")), *name = NULL;
    for (size_t i = 0; regex && i < sizeof patterns / sizeof *patterns; i++)
        if (!strcmp(regex, patterns[i].pattern)) name = patterns[i].name;
    if (!split) name = words_part(pre, "pretokenizers", "Digits") ? "smollm" : "gpt-2";
    if (name && !strcmp(name, "qwen2") && !words_part(json_object_get(w->tokenizer, "normalizer"), "normalizers", "NFC")) name = "deepseek-r1-qwen";
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

enum hearth_status words_token(struct words *w, uint32_t id, const char *s, size_t n, int type)
{
    const char *copy = arena_strndup(w->f->arena, s, n);
    if (!copy) return HEARTH_ENOMEM;
    w->text[id] = (struct gguf_string){copy, n};
    w->type[id] = type;
    return HEARTH_OK;
}

enum hearth_status words_vocab(struct words *w)
{
    const char *s, *unknown = json_string_value(json_object_get(json_object_get(w->tokenizer, "model"), "unk_token"));
    const json_t *v;
    size_t n;
    json_object_keylen_foreach((json_t *)w->vocab, s, n, v) {
        json_int_t id = json_integer_value(v);
        char text[80];
        snprintf(text, sizeof text, "the token \"%.30s\" has the id %lld", s, (long long)id);
        if (!json_is_integer(v) || id < 0 || id >= (json_int_t)w->n) return words_bad(w, text, "the rows of the embedding, from 0");
        if (w->text[id].s) return words_bad(w, text, "each id once");
        int type = !w->bytes && is_byte(s, n) ? TOKEN_BYTE : unknown && !strcmp(s, unknown) ? TOKEN_UNKNOWN : TOKEN_NORMAL;
        TRY(words_token(w, (uint32_t)id, s, n, type));
    }
    return HEARTH_OK;
}

/* Rows that no token has. */
static enum hearth_status fill_gaps(struct words *w)
{
    for (uint32_t i = 0; i < w->n; i++) {
        char name[24];
        if (w->text[i].s) continue;
        snprintf(name, sizeof name, "[PAD%u]", i);
        TRY(words_token(w, i, name, strlen(name), TOKEN_UNUSED));
    }
    return HEARTH_OK;
}

/* Added tokens past the embedding (an image's, in a model of text) can never be used. */
enum hearth_status words_added(struct words *w)
{
    const json_t *list = json_object_get(w->tokenizer, "added_tokens");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *t = json_array_get(list, i), *id = json_object_get(t, "id"), *content = json_object_get(t, "content");
        if (!json_is_integer(id) || json_integer_value(id) < 0 || !json_is_string(content))
            return words_bad(w, "an added token without id or content", "both");
        if (json_integer_value(id) >= (json_int_t)w->n) continue;
        uint32_t at = (uint32_t)json_integer_value(id);
        if (w->type[at] == TOKEN_UNKNOWN) continue;
        TRY(words_token(w, at, json_string_value(content), json_string_length(content),
                      json_is_true(json_object_get(t, "special")) ? TOKEN_CONTROL : TOKEN_USER));
    }
    return fill_gaps(w);
}

struct gguf_value words_array(enum gguf_type type, uint64_t n, const void *data, const struct gguf_string *strings)
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
    } else return words_bad(w, "a merge is no pair of texts", "\"a b\" or [\"a\", \"b\"]");
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
        if (!id) st = words_bad(w, "a merge makes what is no token", "tokens of the vocabulary");
        else if (w->score[json_integer_value(id)] == 0) w->score[json_integer_value(id)] = -(float)(i + 1);
    }
done:
    buf_free(&b);
    if (st == HEARTH_OK && w->bytes) st = folder_put(w->f, "tokenizer.ggml.merges", words_array(GGUF_STRING, n, NULL, out));
    return st;
}

/* ---- ids ---- */

/* The id of a token that tokenizer_config.json names; -1: none. */
int64_t words_named_id(const struct words *w, const char *name)
{
    const char *s = words_named(w, name);
    for (uint32_t i = 0; s && i < w->n; i++)
        if (w->text[i].n == strlen(s) && !memcmp(w->text[i].s, s, strlen(s))) return i;
    return -1;
}

enum hearth_status words_put_id(const struct words *w, const char *key, int64_t id)
{
    if (id < 0 || id >= (int64_t)w->n) return HEARTH_OK;
    return folder_put(w->f, key, (struct gguf_value){.type = GGUF_U32, .as.u = (uint64_t)id});
}

/* bos, eos, unknown: what the tokenizer itself says, where the folder says nothing; -1: nothing. */
enum hearth_status words_put_ids(const struct words *w, int64_t own_bos, int64_t own_eos, int64_t unknown)
{
    static const char *const more[] = {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"};
    int64_t bos = words_named_id(w, "bos_token"), eos = words_named_id(w, "eos_token"), id;
    size_t used = 0;
    if (bos < 0) bos = words_id(w, "bos_token_id", 0);
    if (eos < 0) eos = words_id(w, "eos_token_id", 0);
    if (eos < 0) eos = own_eos;
    TRY(words_put_id(w, "tokenizer.ggml.bos_token_id", bos < 0 ? own_bos : bos));
    TRY(words_put_id(w, "tokenizer.ggml.eos_token_id", eos));
    for (size_t i = 0; i < WORDS_ENDS && used < 2; i++)
        if ((id = words_id(w, "eos_token_id", i)) >= 0 && id != eos) TRY(words_put_id(w, more[used++], id));
    TRY(words_put_id(w, "tokenizer.ggml.unknown_token_id", unknown < 0 ? words_named_id(w, "unk_token") : unknown));
    return words_put_id(w, "tokenizer.ggml.padding_token_id", words_named_id(w, "pad_token"));
}

enum hearth_status words_put_flag(const struct words *w, const char *key, int on)
{
    return folder_put(w->f, key, (struct gguf_value){.type = GGUF_BOOL, .as.b = on != 0});
}

/* The id of one token of a template; -1: it is the text, or more than one token. */
static int64_t template_id(const json_t *post, const json_t *one)
{
    const char *name = json_string_value(json_object_get(json_object_get(one, "SpecialToken"), "id"));
    const json_t *ids = name ? json_object_get(json_object_get(json_object_get(post, "special_tokens"), name), "ids") : NULL;
    return json_array_size(ids) == 1 ? json_integer_value(json_array_get(ids, 0)) : -1;
}

enum hearth_status words_around(const struct words *w, int64_t *begin, int64_t *end)
{
    const json_t *all = json_object_get(w->tokenizer, "post_processor"), *post = words_part(all, "processors", "TemplateProcessing");
    const json_t *single = json_object_get(post, "single"), *pair = words_part(all, "processors", "BertProcessing");
    size_t n = json_array_size(single);
    if (!pair) pair = words_part(all, "processors", "RobertaProcessing");
    *begin = n ? template_id(post, json_array_get(single, 0)) : -1;
    *end = n > 1 ? template_id(post, json_array_get(single, n - 1)) : -1;
    if (pair) *begin = json_integer_value(json_array_get(json_object_get(pair, "cls"), 1));
    if (pair) *end = json_integer_value(json_array_get(json_object_get(pair, "sep"), 1));
    if (n <= 1 + (size_t)(*begin >= 0) + (size_t)(*end >= 0)) return HEARTH_OK;
    return fail(HEARTH_EUNSUPPORTED, "%s/tokenizer.json: post_processor: GGUF has no words for it, allowed: at most one token before a text and one behind it",
                w->f->path);
}

int words_space(const struct words *w)
{
    const json_t *meta = words_part(json_object_get(w->tokenizer, "pre_tokenizer"), "pretokenizers", "Metaspace");
    const char *scheme = json_string_value(json_object_get(meta, "prepend_scheme"));
    if (meta && json_is_false(json_object_get(meta, "add_prefix_space"))) return 0;
    return words_part(json_object_get(w->tokenizer, "normalizer"), "normalizers", "Prepend") || (meta && (!scheme || strcmp(scheme, "never") != 0));
}

/* Whether a text begins or ends with a special token is what the post-processor says. */
static enum hearth_status put_flags(const struct words *w)
{
    int64_t begin, end;
    TRY(words_around(w, &begin, &end));
    TRY(words_put_flag(w, "tokenizer.ggml.add_bos_token", begin >= 0));
    TRY(words_put_flag(w, "tokenizer.ggml.add_eos_token", end >= 0));
    return w->bytes ? HEARTH_OK : words_put_flag(w, "tokenizer.ggml.add_space_prefix", words_space(w));
}

/* ---- the whole ---- */

enum hearth_status words_room(struct words *w)
{
    w->text = arena_alloc(w->f->arena, w->n * sizeof *w->text);
    w->type = arena_alloc(w->f->arena, w->n * sizeof *w->type);
    w->score = arena_alloc(w->f->arena, w->n * sizeof *w->score);
    return w->text && w->type && w->score ? HEARTH_OK : HEARTH_ENOMEM;
}

enum hearth_status words_put_lists(struct words *w, int scores)
{
    TRY(folder_put(w->f, "tokenizer.ggml.tokens", words_array(GGUF_STRING, w->n, NULL, w->text)));
    TRY(folder_put(w->f, "tokenizer.ggml.token_type", words_array(GGUF_I32, w->n, w->type, NULL)));
    return !scores ? HEARTH_OK : folder_put(w->f, "tokenizer.ggml.scores", words_array(GGUF_F32, w->n, w->score, NULL));
}

static enum hearth_status put_json(struct words *w)
{
    const json_t *model = json_object_get(w->tokenizer, "model");
    const char *type = json_string_value(json_object_get(model, "type"));
    w->vocab = json_object_get(model, "vocab");
    if (type && !strcmp(type, "WordPiece")) return folder_wordpiece(w);
    if (type && !strcmp(type, "Unigram")) return folder_unigram(w);
    if (type ? strcmp(type, "BPE") != 0 : !json_object_get(model, "merges"))
        return fail(HEARTH_EUNSUPPORTED, "%s/tokenizer.json: model.type is \"%.40s\", allowed: BPE, WordPiece, Unigram", w->f->path, type ? type : "");
    if (!json_is_object(w->vocab)) return words_bad(w, "model.vocab is no object", "tokens and their ids");
    w->bytes = words_part(json_object_get(w->tokenizer, "pre_tokenizer"), "pretokenizers", "ByteLevel") != NULL;
    TRY(words_room(w));
    TRY(folder_put_text(w->f, "tokenizer.ggml.model", w->bytes ? "gpt2" : "llama"));
    if (w->bytes) TRY(put_pattern(w));
    TRY(words_vocab(w));
    TRY(read_merges(w));
    TRY(words_added(w));
    TRY(words_put_lists(w, !w->bytes));
    TRY(words_put_ids(w, -1, -1, -1));
    return put_flags(w);
}


enum hearth_status folder_keys(struct words *w, const char *file)
{
    if (strcmp(file, "tokenizer.json") != 0)
        return fail(HEARTH_EUNSUPPORTED, "%s/%s: GGUF has no keys for it, allowed: tokenizer.json, or a tokenizer.model that is plain BPE or Unigram", w->f->path,
                    file);
    TRY(folder_json(w->f, file, TOKENIZER_FILE_MAX, &w->tokenizer));
    return put_json(w);
}

/* ---- SentencePiece's own file ---- */

/* A token that was added to the pieces, or says what one of them is. */
static enum hearth_status add_piece(struct words *w, const char *file, int64_t id, const char *s, size_t n, int special)
{
    if (id < 0 || !s || !n) return fail(HEARTH_EFORMAT, "%s/%s: an added token without id or text, allowed: both", w->f->path, file);
    if (id >= (int64_t)w->n || w->type[id] == TOKEN_UNKNOWN || w->type[id] == TOKEN_BYTE) return HEARTH_OK;
    return words_token(w, (uint32_t)id, s, n, special ? TOKEN_CONTROL : TOKEN_USER);
}

/* {"text": id} of added_tokens.json, then {"id": {"content": "text", "special": true}} of tokenizer_config.json, which says more. */
static enum hearth_status add_pieces(struct words *w)
{
    const char *key;
    json_t *v, *file = NULL;
    enum hearth_status st = HEARTH_OK;
    TRY(folder_json(w->f, "added_tokens.json", TOKENIZER_FILE_MAX, &file));
    json_object_foreach(file, key, v)
        if (st == HEARTH_OK) st = add_piece(w, "added_tokens.json", json_is_integer(v) ? json_integer_value(v) : -1, key, strlen(key), 1);
    json_decref(file);
    TRY(st);
    json_object_foreach(json_object_get(w->config, "added_tokens_decoder"), key, v) {
        const json_t *text = json_object_get(v, "content");
        char *end;
        long long id = strtoll(key, &end, 10);
        TRY(add_piece(w, "tokenizer_config.json", *key && !*end ? id : -1, json_string_value(text), json_string_length(text),
                      json_is_true(json_object_get(v, "special"))));
    }
    return HEARTH_OK;
}

static enum hearth_status copy_pieces(struct words *w, const struct sentencepiece *s)
{
    if ((uint32_t)s->n > w->n)
        return fail(HEARTH_EFORMAT, "%s/tokenizer.model: %d pieces, allowed: at most %u, the rows of the embedding", w->f->path, s->n, w->n);
    for (int32_t i = 0; i < s->n; i++) {
        TRY(words_token(w, (uint32_t)i, s->text[i].s, (size_t)s->text[i].n, s->type[i]));
        w->score[i] = s->score[i];
    }
    TRY(add_pieces(w));
    return fill_gaps(w);
}

/* What tokenizer_config.json says, else whether the file has such a piece at all. */
static int flag_of(const struct words *w, const char *name, int otherwise)
{
    const json_t *v = json_object_get(w->config, name);
    return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

static enum hearth_status put_pieces(struct words *w, const struct sentencepiece *s)
{
    TRY(words_room(w));
    TRY(copy_pieces(w, s));
    TRY(folder_put_text(w->f, "tokenizer.ggml.model", s->unigram ? "t5" : "llama"));
    if (s->unigram) TRY(words_put_changes(w, s->charsmap, s->charsmap_n, s->squeeze));
    TRY(words_put_lists(w, 1));
    TRY(words_put_ids(w, s->bos, s->eos, s->unknown));
    TRY(words_put_flag(w, "tokenizer.ggml.add_bos_token", flag_of(w, "add_bos_token", s->bos >= 0)));
    TRY(words_put_flag(w, "tokenizer.ggml.add_eos_token", flag_of(w, "add_eos_token", 0)));
    return words_put_flag(w, "tokenizer.ggml.add_space_prefix", s->prefix);
}

/* Tokens added to pieces that are read as they lie would be lost. */
static enum hearth_status no_added(const struct words *w, int32_t pieces)
{
    const char *key;
    json_t *v, *file = NULL;
    long long most = -1;
    TRY(folder_json(w->f, "added_tokens.json", TOKENIZER_FILE_MAX, &file));
    json_object_foreach(file, key, v) most = json_integer_value(v) > most ? json_integer_value(v) : most;
    json_decref(file);
    json_object_foreach(json_object_get(w->config, "added_tokens_decoder"), key, v) most = strtoll(key, NULL, 10) > most ? strtoll(key, NULL, 10) : most;
    if (most < pieces) return HEARTH_OK;
    return fail(HEARTH_EUNSUPPORTED, "%s/tokenizer.model: it has %d pieces and %lld was added; allowed where it is no plain BPE: none, or a tokenizer.json",
                w->f->path, pieces, most);
}

enum hearth_status folder_keys_pieces(struct words *w, int *plain)
{
    char path[FOLDER_PATH], *data = NULL;
    size_t n = 0;
    struct sentencepiece s = {0};
    folder_path(w->f, "tokenizer.model", path);
    TRY(os_read_file(path, TOKENIZER_FILE_MAX, &data, &n));
    enum hearth_status st = sentencepiece_read(&s, path, data, n);
    *plain = st == HEARTH_OK && !s.unigram && !s.squeeze && !s.charsmap;
    if (st == HEARTH_OK && s.unigram && w->f->as_keys) *plain = 1;
    if (*plain) st = put_pieces(w, &s);
    else if (st == HEARTH_OK) st = no_added(w, s.n);
    sentencepiece_free(&s);
    free(data);
    return st;
}
