/* spm.c - BPE as SentencePiece does it (Kudo, Richardson: "SentencePiece: a simple and language independent subword
 * tokenizer", EMNLP 2018).
 *
 *     text --(a space before it)--> characters --join the pair that makes the token of highest score--> tokens
 *     what is no token then --> its bytes, "<0xE2>" ..., or the unknown token, one for a run of unknown characters
 *
 * There are no words here: in principle a whole text is one piece.  But hardly any token has a space inside (Gemma has
 * one, "> </"), so the text may be cut before a space wherever no token has that space after the byte before it: no
 * join could cross the cut, and pieces stay as short as words.
 *
 * A space in a text and U+2581, SentencePiece's mark for it, are the same character here as there; U+2581 therefore
 * comes back as a space.  Everything else comes back exactly: a malformed byte is one character that becomes <0xHH>.
 */
#include "text/spm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "text/ids.h"

#define SCORES_KEY "tokenizer.ggml.scores"
#define UNKNOWN_KEY "tokenizer.ggml.unknown_token_id"

/* ---- opening ---- */

static float score_of(const struct spm *s, int32_t id) {
    float score;
    memcpy(&score, s->scores + 4 * (size_t)id, 4);
    return score;
}

static enum hearth_status read_scores(struct spm *s, const struct gguf *g, const struct vocab *v) {
    const struct gguf_value *scores;
    TRY(gguf_get_array(g, SCORES_KEY, GGUF_F32, &scores));
    if (!scores)
        return fail(HEARTH_EFORMAT, "%s: %s: missing, a SentencePiece tokenizer needs it", g->path, SCORES_KEY);
    if (scores->as.array.n != (uint64_t)v->n)
        return fail(HEARTH_EFORMAT, "%s: %s: %llu elements, allowed: %d, one for each token", g->path, SCORES_KEY,
                    (unsigned long long)scores->as.array.n, v->n);
    s->scores = scores->as.array.data;
    for (int32_t i = 0; i < v->n; i++)
        if (!isfinite(score_of(s, i)))
            return fail(HEARTH_EFORMAT, "%s: %s: element %d is %g, allowed: a finite number", g->path, SCORES_KEY, i,
                        (double)score_of(s, i));
    return HEARTH_OK;
}

/* Every character must have somewhere to go. */
static enum hearth_status choose_unknown(struct spm *s, const struct vocab *v, int32_t unknown) {
    int bytes = 0;
    s->unknown = unknown;
    for (int32_t i = 0; i < v->n && s->unknown < 0; i++)
        if (v->type[i] == TOKEN_UNKNOWN) s->unknown = i;
    for (int b = 0; b < 256; b++) bytes += v->byte[b] >= 0;
    if (bytes == 256 || s->unknown >= 0) return HEARTH_OK;
    return fail(HEARTH_EFORMAT, "%s: tokenizer.ggml.tokens: %d byte tokens and no unknown token, allowed: 256 or an "
                "unknown token", v->path, bytes);
}

static enum hearth_status read_unknown(struct spm *s, const struct gguf *g, const struct vocab *v) {
    uint32_t id = 0;
    int found;
    TRY(gguf_get_u32(g, UNKNOWN_KEY, &id, &found));
    if (found && id >= (uint32_t)v->n)
        return fail(HEARTH_EFORMAT, "%s: %s: %u, allowed: 0 to %d", g->path, UNKNOWN_KEY, id, v->n - 1);
    return choose_unknown(s, v, found ? (int32_t)id : -1);
}

enum hearth_status spm_init_pieces(struct spm *s, const struct vocab *v, const float *scores, int prefix, int32_t unknown) {
    *s = (struct spm){ .scores = (const char *)scores, .prefix = prefix };
    return choose_unknown(s, v, unknown);
}

enum hearth_status spm_init(struct spm *s, const struct gguf *g, const struct vocab *v) {
    bool prefix = true, squeeze = false;
    *s = (struct spm){ 0 };
    TRY(gguf_get_bool(g, "tokenizer.ggml.add_space_prefix", &prefix, NULL));
    TRY(gguf_get_bool(g, "tokenizer.ggml.remove_extra_whitespaces", &squeeze, NULL));
    if (squeeze)
        return fail(HEARTH_EUNSUPPORTED, "%s: tokenizer.ggml.remove_extra_whitespaces: true, known: false", g->path);
    if (gguf_find(g, "tokenizer.ggml.precompiled_charsmap"))
        return fail(HEARTH_EUNSUPPORTED, "%s: tokenizer.ggml.precompiled_charsmap: SentencePiece with a table of "
                    "replaced characters, known: without", g->path);
    s->prefix = prefix;
    TRY(read_scores(s, g, v));
    return read_unknown(s, g, v);
}

/* ---- encoding ---- */

struct work {                    /* what one call of spm_encode uses */
    const struct spm *s;
    const struct vocab *v;
    const char *text;            /* of the piece in hand */
    struct merger merger;
    int unknown_run;             /* the last token was the unknown one */
    struct wordcount *count;     /* not NULL: pieces are counted, not encoded */
    struct ids *trail;           /* not NULL: what a piece is made of is put here */
    enum hearth_status trail_status;
};

/* Scores as unsigned numbers in the opposite order: the highest score has the lowest rank. */
static uint32_t rank_of_score(float score) {
    uint32_t u;
    score += 0.0f; /* -0 and 0 are the same score */
    memcpy(&u, &score, 4);
    return ~(u >> 31 ? ~u : u | 0x80000000u);
}

static uint32_t score_rank(const void *ctx, const struct symbol *left, const struct symbol *right, int32_t *joined) {
    const struct work *w = ctx;
    int32_t id = vocab_find(w->v, w->text + left->at, left->n + right->n);
    if (id < 0) return MERGE_NONE;
    *joined = id;
    return rank_of_score(score_of(w->s, id));
}

/* A character that is no token: its bytes, or the unknown token. */
static enum hearth_status put_bytes(struct work *w, const char *s, size_t n, struct ids *out) {
    size_t known = 0;
    while (known < n && w->v->byte[(unsigned char)s[known]] >= 0) known++;
    if (known == n) {
        w->unknown_run = 0;
        for (size_t i = 0; i < n; i++) TRY(ids_put(out, w->v->byte[(unsigned char)s[i]]));
        return HEARTH_OK;
    }
    if (w->unknown_run) return HEARTH_OK;
    w->unknown_run = 1;
    return ids_put(out, w->s->unknown);
}

static enum hearth_status encode_piece(struct work *w, const char *s, size_t n, struct ids *out) {
    uint32_t symbols = 0;
    if (w->count) return wordcount_add(w->count, s, n, 1);
    w->text = s;
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        int len = utf8_read(s + i, n - i, &cp);
        if (len < 0) len = 1;
        TRY(merger_room(&w->merger, (size_t)symbols + 1));
        w->merger.sym[symbols++] = (struct symbol){ .at = (uint32_t)i, .n = (uint32_t)len,
                                                    .id = vocab_find(w->v, s + i, (size_t)len) };
        if (w->trail && w->merger.sym[symbols - 1].id >= 0) TRY(ids_put(w->trail, w->merger.sym[symbols - 1].id));
        i += (size_t)len;
    }
    TRY(merger_run(&w->merger, symbols, score_rank, w, &symbols));
    for (uint32_t i = 0; i < symbols; i++) {
        const struct symbol *sym = w->merger.sym + i;
        if (sym->id >= 0) w->unknown_run = 0;
        if (sym->id >= 0) TRY(ids_put(out, sym->id));
        else TRY(put_bytes(w, s + sym->at, sym->n, out));
    }
    return HEARTH_OK;
}

enum hearth_status spm_plain_spaces(const char *s, size_t n, struct buf *out) {
    for (const char *end = s + n, *mark; s < end; s = mark + 3) {
        mark = memmem(s, (size_t)(end - s), "\xE2\x96\x81", 3);
        if (!mark) return buf_put(out, s, (size_t)(end - s));
        TRY(buf_put(out, s, (size_t)(mark - s)));
        TRY(buf_putc(out, ' '));
    }
    return HEARTH_OK;
}

/* The length of the piece at s, n > 0. */
static size_t piece_length(const struct vocab *v, const char *s, size_t n) {
    size_t end = 1;
    while (end < n && (s[end] != ' ' || s[end - 1] == ' ' || v->before_space[(unsigned char)s[end - 1]])) end++;
    return end;
}

/* The first piece of a text with our space before it; *len: its length without. */
static enum hearth_status encode_first(struct work *w, const char *s, size_t n, size_t *len, struct ids *out) {
    struct buf copy = { 0 };
    *len = piece_length(w->v, s, n);
    enum hearth_status st = buf_putc(&copy, ' ');
    if (st == HEARTH_OK) st = buf_put(&copy, s, *len);
    if (st == HEARTH_OK) st = encode_piece(w, copy.data, copy.len, out);
    buf_free(&copy);
    return st;
}

static enum hearth_status take_text(const struct spm *s, const struct vocab *v, const char *text, size_t n, struct ids *out,
                                    struct wordcount *count) {
    struct work w = { .s = s, .v = v, .count = count };
    enum hearth_status st = HEARTH_OK;
    size_t at = 0, len;
    if (n && s->prefix) st = encode_first(&w, text, n, &at, out);
    for (; at < n && st == HEARTH_OK; at += len) {
        len = piece_length(v, text + at, n - at);
        st = encode_piece(&w, text + at, len, out);
    }
    merger_free(&w.merger);
    return st;
}

enum hearth_status spm_encode(const struct spm *s, const struct vocab *v, const char *text, size_t n, struct ids *out) {
    return take_text(s, v, text, n, out, NULL);
}

/* ---- for those who change vocabularies ---- */

enum hearth_status spm_words(const struct spm *s, const struct vocab *v, const char *text, size_t n, struct wordcount *out) {
    return take_text(s, v, text, n, NULL, out);
}

enum hearth_status spm_encode_word(const struct spm *s, const struct vocab *v, const char *text, size_t n, struct ids *out) {
    struct work w = { .s = s, .v = v };
    enum hearth_status st = encode_piece(&w, text, n, out);
    merger_free(&w.merger);
    return st;
}

static void on_join(void *user, int32_t id) {
    struct work *w = user;
    if (w->trail_status == HEARTH_OK) w->trail_status = ids_put(w->trail, id);
}

enum hearth_status spm_ancestors(const struct spm *s, const struct vocab *v, const char *text, size_t n, struct ids *out) {
    struct ids all = { 0 };
    struct work w = { .s = s, .v = v, .trail = out };
    w.merger.on_join = on_join;
    w.merger.user = &w;
    enum hearth_status st = encode_piece(&w, text, n, &all);
    merger_free(&w.merger);
    free(all.id);
    return st == HEARTH_OK ? w.trail_status : st;
}
