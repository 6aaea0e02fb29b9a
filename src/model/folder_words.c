/* folder_words.c - what a folder says about its text, as keys.
 *
 * A folder that is run has its tokenizer whole, as one key, and text/pipeline.h reads it; a folder that is written as GGUF has it in the keys
 * that GGUF has for tokenizers (folder_keys.c), which cannot say everything.
 *
 *     tokenizer.json      tokenizer.huggingface.json      the file, mapped
 *     tekken.json         tokenizer.mistral.tekken        the file, mapped
 *     tokenizer.model     tokenizer.ggml.*                of plain BPE they say all, so it is the same both times
 *                         tokenizer.sentencepiece.model   of Unigram, or where characters are replaced first: the file, mapped
 *
 *     chat_template.jinja, tokenizer_config.json, generation_config.json     the template, and what begins and ends a text */
#include "model/folder_words.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "text/tokenizer.h"

enum { MAX_CONFIG = 16 << 20, MAX_TEMPLATE = 1 << 20 };

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
    const json_t *given = json_object_get(config, "chat_template");
    if (given && !json_is_string(given) && !json_is_array(given) && !json_is_null(given))
        return fail(HEARTH_EFORMAT, "%s/tokenizer_config.json: chat_template should be a text, or an array of named ones", f->path);
    TRY(folder_text(f, "chat_template.jinja", MAX_TEMPLATE, &text, &n));
    const char *found = text ? text : template_in(config);
    enum hearth_status st = found ? folder_put_text(f, "tokenizer.chat_template", found) : HEARTH_OK;
    free(text);
    return st;
}

/* ---- what begins and ends a text ---- */

const char *words_named(const struct words *w, const char *name)
{
    const json_t *v = json_object_get(w->config, name);
    return json_string_value(json_is_object(v) ? json_object_get(v, "content") : v);
}

int64_t words_id(const struct words *w, const char *key, size_t i)
{
    const json_t *v = json_object_get(w->generation, key);
    if (!v) v = json_object_get(w->f->config, key);
    if (json_is_array(v)) v = json_array_get(v, i);
    else if (i) v = NULL;
    int64_t id = json_is_integer(v) ? json_integer_value(v) : -1;
    return id < (int64_t)w->n ? id : -1;
}

/* A number, or an array of them. */
static enum hearth_status check_id(const struct words *w, const char *key)
{
    const json_t *v = json_object_get(w->generation, key);
    if (!v) v = json_object_get(w->f->config, key);
    int good = !v || json_is_null(v) || json_is_integer(v) || json_is_array(v);
    for (size_t i = 0; i < json_array_size(v); i++) good &= json_is_integer(json_array_get(v, i));
    return good ? HEARTH_OK : fail(HEARTH_EFORMAT, "%s: %s should be a number or an array of numbers", w->f->path, key);
}

static enum hearth_status put_ends(const struct words *w)
{
    int32_t *id = arena_alloc(w->f->arena, WORDS_ENDS * sizeof *id);
    uint64_t n = 0;
    if (!id) return HEARTH_ENOMEM;
    for (size_t i = 0; i < WORDS_ENDS; i++)
        if (words_id(w, "eos_token_id", i) >= 0) id[n++] = (int32_t)words_id(w, "eos_token_id", i);
    return n ? folder_put(w->f, TOKENIZER_ENDS_KEY, (struct gguf_value){.type = GGUF_ARRAY, .as.array = {.type = GGUF_I32, .n = n, .data = id}}) : HEARTH_OK;
}

/* By their names: only who reads the tokenizer knows which ids they have. */
static enum hearth_status put_around(const struct words *w)
{
    const char *bos = words_named(w, "bos_token"), *eos = words_named(w, "eos_token");
    if (bos) TRY(folder_put_text(w->f, TOKENIZER_BOS_KEY, bos));
    if (eos) TRY(folder_put_text(w->f, TOKENIZER_EOS_KEY, eos));
    TRY(check_id(w, "bos_token_id"));
    TRY(check_id(w, "eos_token_id"));
    int64_t id = words_id(w, "bos_token_id", 0);
    if (id >= 0) TRY(folder_put(w->f, "tokenizer.ggml.bos_token_id", (struct gguf_value){.type = GGUF_U32, .as.u = (uint64_t)id}));
    return put_ends(w);
}

/* ---- the tokenizer ---- */

/* The first of the three that is there; NULL: none. */
static const char *find_file(const struct folder *f, char path[FOLDER_PATH])
{
    static const char *const names[] = {"tokenizer.json", "tekken.json", "tokenizer.model"};
    struct stat s;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        folder_path(f, names[i], path);
        if (stat(path, &s) == 0) return names[i];
    }
    return NULL;
}

/* Of an encoder: how many kinds of tokens it tells apart, a row each. */
static enum hearth_status put_types(struct folder *f)
{
    for (size_t i = 0; i < f->n_tensors; i++)
        if (!strcmp(f->tensors[i].name, "token_types.weight"))
            return folder_put(f, "tokenizer.ggml.token_type_count", (struct gguf_value){.type = GGUF_U32, .as.u = f->tensors[i].shape[1]});
    return HEARTH_OK;
}

static enum hearth_status put_tokenizer(struct words *w)
{
    char path[FOLDER_PATH];
    const char *name = find_file(w->f, path);
    if (!name) return HEARTH_OK;
    int pieces = !strcmp(name, "tokenizer.model"), plain = 0;
    if (pieces) TRY(folder_keys_pieces(w, &plain));
    if (w->f->as_keys) TRY(put_types(w->f));
    if (plain) return HEARTH_OK;
    if (w->f->as_keys) return folder_keys(w, name);
    TRY(os_map(path, &w->f->words));
    if (w->f->words.size > TOKENIZER_FILE_MAX)
        return fail(HEARTH_ELIMIT, "%s: %zu bytes, allowed: at most %d", path, w->f->words.size, TOKENIZER_FILE_MAX);
    TRY(folder_put(w->f, pieces ? TOKENIZER_PIECES_KEY : !strcmp(name, "tekken.json") ? TOKENIZER_TEKKEN_KEY : TOKENIZER_JSON_KEY,
                   (struct gguf_value){.type = GGUF_STRING, .as.str = {w->f->words.size ? w->f->words.data : "", w->f->words.size}}));
    return put_around(w);
}

/* The rows of the embedding, which config.json knows too. */
static enum hearth_status count_rows(const struct folder *f, uint32_t *n)
{
    const json_t *said = json_object_get(f->config, "vocab_size");
    *n = 0;
    for (size_t i = 0; i < f->n_tensors; i++)
        if (!strcmp(f->tensors[i].name, "token_embd.weight") && f->tensors[i].shape[1] <= VOCAB_SIZE_MAX) *n = (uint32_t)f->tensors[i].shape[1];
    if (!*n) return fail(HEARTH_EFORMAT, "%s: its embedding has more than %d rows", f->path, VOCAB_SIZE_MAX);
    if (!json_is_number(said) || json_number_value(said) == *n) return HEARTH_OK;
    return fail(HEARTH_EFORMAT, "%s/config.json: vocab_size is %.10g, allowed: %u, the rows of the embedding", f->path, json_number_value(said), *n);
}

enum hearth_status folder_words(struct folder *f)
{
    struct words w = {.f = f};
    enum hearth_status st = HEARTH_OK;
    TRY(count_rows(f, &w.n));
    TRY_GOTO(st, done, folder_json(f, "tokenizer_config.json", MAX_CONFIG, &w.config));
    TRY_GOTO(st, done, folder_json(f, "generation_config.json", MAX_CONFIG, &w.generation));
    TRY_GOTO(st, done, put_template(f, w.config));
    st = put_tokenizer(&w);
done:
    json_decref(w.config), json_decref(w.generation), json_decref(w.tokenizer);
    return st;
}
