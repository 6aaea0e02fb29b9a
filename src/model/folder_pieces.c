/* folder_pieces.c - a tokenizer.json of WordPiece or Unigram in the keys that GGUF has for them (text/wordkeys.h reads these).
 *
 * The keys say less than the file: of WordPiece how its letters are changed, of Unigram the table of replaced characters and whether spaces
 * are squeezed.  Where a file says something else it is refused, for another text would be read. */
#include "model/folder_words.h"

#include <string.h>
#include "base/base64.h"
#include "text/wordkeys.h"

#define KEY "tokenizer.ggml."

static enum hearth_status no_words(const struct words *w, const char *what, const char *allowed)
{
    return fail(HEARTH_EUNSUPPORTED, "%s/tokenizer.json: %s: GGUF has no words for it, allowed: %s", w->f->path, what, allowed);
}

/* The tokens around a text, and what else has a name. */
static enum hearth_status put_around(const struct words *w, int64_t begin, int64_t end, int64_t sep, int64_t unknown)
{
    TRY(words_put_id(w, KEY "bos_token_id", begin));
    TRY(words_put_id(w, KEY "eos_token_id", end));
    TRY(words_put_id(w, KEY "unknown_token_id", unknown));
    TRY(words_put_id(w, KEY "padding_token_id", words_named_id(w, "pad_token")));
    TRY(words_put_id(w, KEY "seperator_token_id", sep));       /* GGUF writes it so */
    TRY(words_put_id(w, KEY "mask_token_id", words_named_id(w, "mask_token")));
    TRY(words_put_flag(w, KEY "add_bos_token", begin >= 0));
    TRY(words_put_flag(w, KEY "add_eos_token", end >= 0));
    return words_put_flag(w, KEY "add_sep_token", 0);          /* between two texts */
}

/* ---- WordPiece ---- */

static int true_or_silent(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return !v || json_is_null(v) || json_is_true(v);
}

static int says(const json_t *o, const char *key, const char *text)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s && !strcmp(s, text);
}

static enum hearth_status check_words(const struct words *w)
{
    const json_t *normal = json_object_get(w->tokenizer, "normalizer"), *model = json_object_get(w->tokenizer, "model");
    const json_t *most = json_object_get(model, "max_input_chars_per_word");
    if (!says(normal, "type", "BertNormalizer") || !true_or_silent(normal, "clean_text") || !true_or_silent(normal, "handle_chinese_chars"))
        return no_words(w, "normalizer", "BertNormalizer with clean_text and handle_chinese_chars");
    if (!says(json_object_get(w->tokenizer, "pre_tokenizer"), "type", "BertPreTokenizer")) return no_words(w, "pre_tokenizer", "BertPreTokenizer");
    if (json_object_get(model, "continuing_subword_prefix") && !says(model, "continuing_subword_prefix", WORDKEYS_INSIDE))
        return no_words(w, "model.continuing_subword_prefix", "\"" WORDKEYS_INSIDE "\"");
    if (most && json_integer_value(most) != 100) return no_words(w, "model.max_input_chars_per_word", "100");
    return HEARTH_OK;
}

/* "word" becomes U+2581 "word", "##piece" "piece"; tokens with a role keep their names. */
static enum hearth_status mark_words(struct words *w)
{
    size_t inside = strlen(WORDKEYS_INSIDE), mark = strlen(WORDKEYS_MARK);
    for (uint32_t i = 0; i < w->n; i++) {
        struct gguf_string *t = &w->text[i];
        if (w->type[i] != TOKEN_NORMAL && w->type[i] != TOKEN_USER) continue;
        if (t->n > inside && !memcmp(t->s, WORDKEYS_INSIDE, inside)) {
            *t = (struct gguf_string){t->s + inside, t->n - inside};
            if (t->n > mark && !memcmp(t->s, WORDKEYS_MARK, mark)) return no_words(w, "model.vocab", "no piece inside a word that begins with U+2581");
            continue;
        }
        char *s = arena_alloc(w->f->arena, mark + t->n + 1);
        if (!s) return HEARTH_ENOMEM;
        memcpy(s, WORDKEYS_MARK, mark);
        memcpy(s + mark, t->s, t->n);
        *t = (struct gguf_string){s, mark + t->n};
    }
    return HEARTH_OK;
}

static int64_t id_of(const struct words *w, const char *s)
{
    const json_t *v = json_object_get(w->vocab, s);
    return json_is_integer(v) ? json_integer_value(v) : -1;
}

enum hearth_status folder_wordpiece(struct words *w)
{
    const json_t *normal = json_object_get(w->tokenizer, "normalizer"), *accents = json_object_get(normal, "strip_accents");
    const char *unknown = json_string_value(json_object_get(json_object_get(w->tokenizer, "model"), "unk_token"));
    int64_t begin, end;
    w->bytes = 1;                                              /* no token is a byte, and none has a score */
    if (!json_is_object(w->vocab)) return words_bad(w, "model.vocab is no object", "tokens and their ids");
    TRY(check_words(w));
    TRY(words_around(w, &begin, &end));
    if (begin < 0 || end < 0 || begin >= (int64_t)w->n || end >= (int64_t)w->n) return no_words(w, "post_processor", "one token before a text and one behind it");
    int64_t no_piece = id_of(w, unknown ? unknown : "[UNK]");
    if (no_piece < 0) return words_bad(w, "model.unk_token is no token", "a token of the vocabulary");
    TRY(words_room(w));
    TRY(folder_put_text(w->f, KEY "model", "bert"));
    TRY(words_vocab(w));
    TRY(words_added(w));
    TRY(mark_words(w));
    TRY(words_put_lists(w, 0));
    TRY(put_around(w, begin, end, end, no_piece));
    TRY(words_put_id(w, KEY "cls_token_id", begin));
    if (json_is_boolean(accents)) TRY(words_put_flag(w, KEY "normalizer.strip_accents", json_is_true(accents)));
    return words_put_flag(w, KEY "normalizer.lowercase", true_or_silent(normal, "lowercase"));
}

/* ---- Unigram ---- */

enum hearth_status words_put_changes(const struct words *w, const uint8_t *table, size_t n, int squeeze)
{
    uint8_t *copy = n ? arena_alloc(w->f->arena, n) : NULL;
    TRY(words_put_flag(w, KEY "remove_extra_whitespaces", squeeze));
    if (!n) return HEARTH_OK;
    if (!copy) return HEARTH_ENOMEM;
    memcpy(copy, table, n);
    return folder_put(w->f, KEY "precompiled_charsmap", words_array(GGUF_U8, n, copy, NULL));
}

/* Of one of the normaliser's steps: {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}, as it is written for squeezed spaces. */
static int squeezes(const json_t *step)
{
    const char *to = json_string_value(json_object_get(step, "content"));
    return says(step, "type", "Replace") && says(json_object_get(step, "pattern"), "Regex", " {2,}") && to && (!strcmp(to, " ") || !strcmp(to, WORDKEYS_MARK));
}

/* Whether every step is one that GGUF's keys say; *squeeze: spaces at the ends go, several become one. */
static enum hearth_status check_steps(const struct words *w, int *squeeze)
{
    const json_t *normal = json_object_get(w->tokenizer, "normalizer"), *list = json_object_get(normal, "normalizers");
    const json_t *pre = json_object_get(w->tokenizer, "pre_tokenizer"), *parts = json_object_get(pre, "pretokenizers");
    *squeeze = words_part(pre, "pretokenizers", "WhitespaceSplit") != NULL;
    for (size_t i = 0, n = list ? json_array_size(list) : json_is_object(normal); i < n; i++) {
        const json_t *step = list ? json_array_get(list, i) : normal;
        if (squeezes(step)) *squeeze = 1;
        else if (!says(step, "type", "Precompiled") && !says(step, "type", "Strip"))
            return no_words(w, "normalizer", "Precompiled, Strip, and Replace of several spaces by one");
    }
    for (size_t i = 0, n = parts ? json_array_size(parts) : json_is_object(pre); i < n; i++) {
        const json_t *step = parts ? json_array_get(parts, i) : pre;
        if (!says(step, "type", "WhitespaceSplit") && !says(step, "type", "Metaspace")) return no_words(w, "pre_tokenizer", "Metaspace, WhitespaceSplit");
    }
    return words_part(pre, "pretokenizers", "Metaspace") ? HEARTH_OK : no_words(w, "pre_tokenizer", "Metaspace");
}

static enum hearth_status put_table(const struct words *w, int squeeze)
{
    const json_t *step = words_part(json_object_get(w->tokenizer, "normalizer"), "normalizers", "Precompiled");
    const json_t *text = json_object_get(step, "precompiled_charsmap");
    struct buf bytes = {0};
    if (step && !json_is_string(text)) return words_bad(w, "normalizer: precompiled_charsmap is no text", "base64");
    enum hearth_status st = step ? base64_append("tokenizer.json: precompiled_charsmap", json_string_value(text), json_string_length(text), &bytes) : HEARTH_OK;
    if (st == HEARTH_OK) st = words_put_changes(w, (const uint8_t *)bytes.data, bytes.len, squeeze);
    buf_free(&bytes);
    return st;
}

/* [["text", score], ...]; rows past the list keep the score of a piece that never comes. */
static enum hearth_status read_scored(struct words *w, int64_t unknown, int bytes)
{
    size_t n = json_array_size(w->vocab);
    if (!json_is_array(w->vocab) || !n || n > w->n) return words_bad(w, "model.vocab is no list", "a list of at most as many as the embedding has rows");
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_array_get(w->vocab, i), *s = json_array_get(one, 0), *score = json_array_get(one, 1);
        if (!json_is_string(s) || !json_is_number(score)) return words_bad(w, "model.vocab has what is no token", "[\"text\", score]");
        int is_byte = bytes && json_string_length(s) == 6 && !strncmp(json_string_value(s), "<0x", 3);
        TRY(words_token(w, (uint32_t)i, json_string_value(s), json_string_length(s),
                        (int64_t)i == unknown ? TOKEN_UNKNOWN : is_byte ? TOKEN_BYTE : TOKEN_NORMAL));
        w->score[i] = (float)json_number_value(score);
    }
    return HEARTH_OK;
}

enum hearth_status folder_unigram(struct words *w)
{
    const json_t *model = json_object_get(w->tokenizer, "model"), *id = json_object_get(model, "unk_id");
    int64_t begin, end, unknown = json_is_integer(id) ? json_integer_value(id) : -1;
    int squeeze;
    TRY(check_steps(w, &squeeze));
    TRY(words_around(w, &begin, &end));
    TRY(words_room(w));
    TRY(folder_put_text(w->f, KEY "model", "t5"));
    TRY(read_scored(w, unknown, json_is_true(json_object_get(model, "byte_fallback"))));
    TRY(words_added(w));
    TRY(words_put_lists(w, 1));
    TRY(put_around(w, begin, end, words_named_id(w, "sep_token"), unknown));
    TRY(words_put_flag(w, KEY "add_space_prefix", words_space(w)));
    return put_table(w, squeeze);
}
