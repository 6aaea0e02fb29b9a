/* wordkeys.c - see wordkeys.h.
 *
 *     tokenizer.ggml.model            "bert"                                         "t5"
 *     .tokens, .token_type            "[CLS]", "U+2581 word", "piece inside one"     pieces as SentencePiece has them, with .scores
 *     .cls_token_id ...               around a text: 101 and 102 where nothing is said; .unknown_token_id
 *     .normalizer.lowercase, .strip_accents                                          .precompiled_charsmap, .add_space_prefix, .remove_extra_whitespaces
 *
 * What GGUF does not say of WordPiece is as BERT has it: control characters go, Han characters are words, a word has at most 100 characters. */
#include "text/wordkeys.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"

#define KEY "tokenizer.ggml."
enum { MARK = sizeof WORDKEYS_MARK - 1, CLS = 101, SEP = 102, UNK = 100, T5_EOS = 1, T5_UNK = 2 };

/* The id of the first of two keys that is there, else `otherwise`; -1 stands for none. */
static enum hearth_status read_id(const struct gguf *g, const struct vocab *v, const char *key, const char *second, int32_t otherwise, int32_t *out)
{
    uint32_t id = 0;
    int found;
    *out = otherwise;
    TRY(gguf_get_u32(g, key, &id, &found));
    if (!found && second) TRY(gguf_get_u32(g, key = second, &id, &found));
    if (found && id >= (uint32_t)v->n) return fail(HEARTH_EFORMAT, "%s: %s: %u, allowed: 0 to %d", g->path, key, id, v->n - 1);
    if (found) *out = (int32_t)id;
    if (*out < v->n) return HEARTH_OK;
    return fail(HEARTH_EFORMAT, "%s: %s: missing, and the vocabulary of %d tokens has no %d, which stands for it; allowed: 0 to %d", g->path, key, v->n,
                otherwise, v->n - 1);
}

static enum hearth_status read_flag(const struct gguf *g, const char *key, int *out)
{
    bool on = *out;
    TRY(gguf_get_bool(g, key, &on, NULL));
    *out = on;
    return HEARTH_OK;
}

/* ---- WordPiece ---- */

struct words { const struct gguf *g; struct vocab v; int32_t cls, sep, unknown; json_t *vocab, *added; struct buf name; };

static int is_own(const struct words *w, int32_t id)
{
    return id == w->cls || id == w->sep || id == w->unknown || w->v.type[id] == TOKEN_CONTROL;
}

/* As tokenizer.json writes it. */
static enum hearth_status name_of(struct words *w, int32_t id)
{
    const struct gguf_string *t = w->v.text + id;
    int begins = t->n > MARK && !memcmp(t->s, WORDKEYS_MARK, MARK);
    if (!utf8_valid(t->s, (size_t)t->n, NULL) || memchr(t->s, 0, (size_t)t->n))
        return fail(HEARTH_EFORMAT, "%s: " KEY "tokens: token %d has a zero byte or is no UTF-8, allowed: UTF-8", w->g->path, id);
    w->name.len = 0;
    if (!begins && !is_own(w, id)) TRY(buf_puts(&w->name, WORDKEYS_INSIDE));
    return buf_put(&w->name, t->s + (begins ? MARK : 0), (size_t)t->n - (begins ? MARK : 0));
}

static enum hearth_status put_word(struct words *w, int32_t id)
{
    int type = w->v.type[id], special = is_own(w, id);
    if (type == TOKEN_UNUSED && !special) return HEARTH_OK;
    TRY(name_of(w, id));
    if (!w->name.len || json_object_getn(w->vocab, w->name.data, w->name.len)) return HEARTH_OK;  /* of two alike the first is meant */
    if (json_object_setn_new_nocheck(w->vocab, w->name.data, w->name.len, json_integer(id))) return fail_memory(64);
    if (!special && type != TOKEN_USER) return HEARTH_OK;
    json_t *one = json_pack("{s:i,s:s%,s:b}", "id", (int)id, "content", w->name.data, w->name.len, "special", special);
    return one && !json_array_append_new(w->added, one) ? HEARTH_OK : fail_memory(64);
}

static enum hearth_status text_of(struct words *w, int32_t id, json_t **out)
{
    TRY(name_of(w, id));
    return (*out = json_stringn(w->name.data ? w->name.data : "", w->name.len)) ? HEARTH_OK : fail_memory(64);
}

static enum hearth_status make_json(struct words *w, json_t **out)
{
    json_t *unknown = NULL, *cls = NULL, *sep = NULL;
    int lower = 1, accents;
    TRY(read_flag(w->g, KEY "normalizer.lowercase", &lower));
    accents = lower;
    TRY(read_flag(w->g, KEY "normalizer.strip_accents", &accents));
    enum hearth_status st = text_of(w, w->unknown, &unknown);
    if (st == HEARTH_OK) st = text_of(w, w->cls, &cls);
    if (st == HEARTH_OK) st = text_of(w, w->sep, &sep);
    if (st == HEARTH_OK)
        *out = json_pack("{s:{s:s,s:b,s:b},s:{s:s},s:{s:s},s:{s:s,s:[O,i],s:[O,i]},s:O,s:{s:s,s:O,s:s,s:O}}", "normalizer", "type", "BertNormalizer",
                         "lowercase", lower, "strip_accents", accents, "pre_tokenizer", "type", "BertPreTokenizer", "decoder", "type", "WordPiece",
                         "post_processor", "type", "BertProcessing", "cls", cls, (int)w->cls, "sep", sep, (int)w->sep, "added_tokens", w->added, "model",
                         "type", "WordPiece", "unk_token", unknown, "continuing_subword_prefix", WORDKEYS_INSIDE, "vocab", w->vocab);
    if (st == HEARTH_OK && !*out) st = fail_memory(64);
    json_decref(unknown), json_decref(cls), json_decref(sep);
    return st;
}

static enum hearth_status read_words(struct words *w, json_t **out)
{
    TRY(vocab_keys(&w->v, w->g));
    TRY(read_id(w->g, &w->v, KEY "cls_token_id", KEY "bos_token_id", CLS, &w->cls));
    TRY(read_id(w->g, &w->v, KEY "seperator_token_id", NULL, SEP, &w->sep));             /* GGUF writes it so */
    TRY(read_id(w->g, &w->v, KEY "unknown_token_id", NULL, UNK, &w->unknown));
    if (!w->vocab || !w->added) return fail_memory(64);
    for (int32_t i = 0; i < w->v.n; i++) TRY(put_word(w, i));
    return make_json(w, out);
}

enum hearth_status wordkeys_wordpiece(const struct gguf *g, json_t **out)
{
    struct words w = {.g = g, .vocab = json_object(), .added = json_array()};
    *out = NULL;
    enum hearth_status st = read_words(&w, out);
    json_decref(w.vocab), json_decref(w.added);
    buf_free(&w.name);
    vocab_free(&w.v);
    return st;
}

/* ---- Unigram ---- */

static enum hearth_status read_scores(const struct gguf *g, struct sentencepiece *s)
{
    const struct gguf_value *v;
    TRY(gguf_get_array(g, KEY "scores", GGUF_F32, &v));
    if (!v || v->as.array.n != (uint64_t)s->n)
        return fail(HEARTH_EFORMAT, "%s: " KEY "scores: %llu elements, allowed: %d, one for each token", g->path,
                    (unsigned long long)(v ? v->as.array.n : 0), s->n);
    memcpy(s->score, v->as.array.data, (size_t)s->n * sizeof *s->score);
    for (int32_t i = 0; i < s->n; i++)
        if (!isfinite(s->score[i]))
            return fail(HEARTH_EFORMAT, "%s: " KEY "scores: element %d is %g, allowed: a finite number", g->path, i, (double)s->score[i]);
    return HEARTH_OK;
}

/* An array of bytes, with a sign or without. */
static enum hearth_status read_charsmap(const struct gguf *g, struct sentencepiece *s)
{
    const struct gguf_value *v = gguf_find(g, KEY "precompiled_charsmap");
    if (!v) return HEARTH_OK;
    if (v->type != GGUF_ARRAY || (v->as.array.type != GGUF_I8 && v->as.array.type != GGUF_U8))
        return fail(HEARTH_EFORMAT, "%s: " KEY "precompiled_charsmap: type %s, allowed: an array of U8 or I8", g->path,
                    gguf_type_name(v->type == GGUF_ARRAY ? v->as.array.type : v->type));
    if (v->as.array.n) s->charsmap = v->as.array.data, s->charsmap_n = (size_t)v->as.array.n;
    return HEARTH_OK;
}

static enum hearth_status read_pieces(const struct gguf *g, struct sentencepiece *s, const struct vocab *v, int add[2])
{
    s->n = v->n;
    s->text = mem_array((size_t)s->n, sizeof *s->text);
    s->type = mem_array((size_t)s->n, 1);
    s->score = mem_array((size_t)s->n, sizeof *s->score);
    if (!s->text || !s->type || !s->score) return HEARTH_ENOMEM;
    memcpy(s->text, v->text, (size_t)s->n * sizeof *s->text);
    memcpy(s->type, v->type, (size_t)s->n);
    int32_t unknown = -1;
    for (int32_t i = 0; i < s->n; i++) {
        if (s->type[i] == TOKEN_UNKNOWN && unknown < 0) unknown = i;
        if (s->type[i] == TOKEN_BYTE) s->byte_fallback = 1;
    }
    TRY(read_scores(g, s));
    TRY(read_charsmap(g, s));
    TRY(read_flag(g, KEY "add_space_prefix", &s->prefix));
    TRY(read_flag(g, KEY "remove_extra_whitespaces", &s->squeeze));
    TRY(read_flag(g, KEY "add_bos_token", &add[0]));
    TRY(read_flag(g, KEY "add_eos_token", &add[1]));
    TRY(read_id(g, v, KEY "bos_token_id", NULL, -1, &s->bos));
    TRY(read_id(g, v, KEY "eos_token_id", NULL, T5_EOS, &s->eos));
    TRY(read_id(g, v, KEY "unknown_token_id", NULL, unknown < 0 ? T5_UNK : unknown, &s->unknown));
    if (add[0] && s->bos < 0) return fail(HEARTH_EFORMAT, "%s: " KEY "add_bos_token: true without " KEY "bos_token_id, allowed: both", g->path);
    return HEARTH_OK;
}

enum hearth_status wordkeys_unigram(const struct gguf *g, struct sentencepiece *s, int add[2])
{
    struct vocab v;
    *s = (struct sentencepiece){.unigram = 1};
    add[0] = 0, add[1] = 1;
    TRY(vocab_keys(&v, g));
    enum hearth_status st = read_pieces(g, s, &v, add);
    vocab_free(&v);
    return st;
}
