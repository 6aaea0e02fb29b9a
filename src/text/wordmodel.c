/* wordmodel.c - see wordmodel.h: reading the models, and BPE over characters.  What the `tokenizers` package does is the definition. */
#include "text/wordmodel_in.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"

enum { MERGES_MAX = 1 << 27, AFFIX_MAX = 64, WORD_MAX = 100000 };

/* ---- reading ---- */

static enum hearth_status read_affix(const struct part *p, const char *key, const char *otherwise, char **out, size_t *n) {
    const char *s = otherwise;
    *n = strlen(s);
    TRY(part_string(p, key, &s, n));
    if (*n > AFFIX_MAX) return part_fail(p, HEARTH_ELIMIT, "%s: %zu bytes, allowed: at most %d", key, *n, AFFIX_MAX);
    if (!(*out = mem_array(*n + 1, 1))) return HEARTH_ENOMEM;
    memcpy(*out, s, *n);
    return HEARTH_OK;
}

/* The two halves of a merge: "a b" or ["a", "b"]. */
static int halves(const json_t *v, struct gguf_string half[2]) {
    if (json_is_string(v)) {
        const char *s = json_string_value(v), *end = s + json_string_length(v), *gap = memchr(s, ' ', (size_t)(end - s));
        if (!gap || memchr(gap + 1, ' ', (size_t)(end - gap - 1))) return 0;
        half[0] = (struct gguf_string){ s, (uint64_t)(gap - s) };
        half[1] = (struct gguf_string){ gap + 1, (uint64_t)(end - gap - 1) };
        return 1;
    }
    if (!json_is_array(v) || json_array_size(v) != 2) return 0;
    for (size_t i = 0; i < 2; i++) {
        const json_t *h = json_array_get(v, i);
        if (!json_is_string(h)) return 0;
        half[i] = (struct gguf_string){ json_string_value(h), json_string_length(h) };
    }
    return 1;
}

static int shown(struct gguf_string s) { return (int)(s.n < 40 ? s.n : 40); }

static enum hearth_status add_merge(struct wordmodel *m, const struct part *list, size_t i, const struct vocab *v, struct buf *both) {
    struct part p = part_element(list, i);
    struct gguf_string half[2];
    if (!halves(p.v, half)) return part_fail(&p, HEARTH_EFORMAT, "no merge, allowed: \"left right\" or [\"left\", \"right\"]");
    int32_t left = vocab_find(v, half[0].s, half[0].n), right = vocab_find(v, half[1].s, half[1].n), joined = -1;
    both->len = 0;
    if (half[1].n <= m->prefix_n && m->prefix_n)
        return part_fail(&p, HEARTH_EFORMAT, "\"%.*s\" and \"%.*s\" make no longer token, allowed: merges that do", shown(half[0]), half[0].s,
                         shown(half[1]), half[1].s);
    TRY(buf_put(both, half[0].s, half[0].n));
    TRY(buf_put(both, half[1].s + m->prefix_n, half[1].n - m->prefix_n));
    if (left >= 0 && right >= 0) joined = vocab_find(v, both->data, both->len);
    if (joined < 0)
        return part_fail(&p, HEARTH_EFORMAT, "\"%.*s\" and \"%.*s\", allowed: two tokens of the vocabulary that make a third", shown(half[0]),
                         half[0].s, shown(half[1]), half[1].s);
    if (pairs_add(&m->pairs, left, right, joined, (uint32_t)i, 1)) return HEARTH_OK;
    return part_fail(&p, HEARTH_ELIMIT, "lies too far from where its hash puts it (the merges were chosen to collide)");
}

static enum hearth_status read_bpe(struct wordmodel *m, const struct part *p, const struct vocab *v) {
    struct part list = part_member(p, "merges");
    struct buf both = { 0 };
    size_t n;
    TRY(part_flag(p, "fuse_unk", &m->fuse_unknown));
    TRY(part_flag(p, "byte_fallback", &m->byte_fallback));
    TRY(part_flag(p, "ignore_merges", &m->whole_words));
    TRY(read_affix(p, "continuing_subword_prefix", "", &m->prefix, &m->prefix_n));
    TRY(read_affix(p, "end_of_word_suffix", "", &m->suffix, &m->suffix_n));
    TRY(part_array(&list, MERGES_MAX, &n));
    TRY(pairs_init(&m->pairs, n));
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < n && st == HEARTH_OK; i++) st = add_merge(m, &list, i, v, &both);
    buf_free(&both);
    return st;
}

static enum hearth_status read_unknown(struct wordmodel *m, const struct part *p, const struct vocab *v, const char *otherwise) {
    struct part token = part_member(p, "unk_token");
    const char *s = otherwise;
    size_t n = s ? strlen(s) : 0;
    TRY(part_string(p, "unk_token", &s, &n));
    m->unknown = s ? vocab_find(v, s, n) : -1;
    if (s && m->unknown < 0) return part_fail(&token, HEARTH_EFORMAT, "\"%.40s\", allowed: a token of the vocabulary", s);
    return HEARTH_OK;
}

static enum hearth_status read_unigram(struct wordmodel *m, const struct part *p, const struct vocab *v) {
    struct part list = part_member(p, "vocab");
    int64_t unknown = -1;
    TRY(part_int(p, "unk_id", 0, (int64_t)json_array_size(list.v) - 1, &unknown));
    TRY(part_flag(p, "byte_fallback", &m->byte_fallback));
    m->unknown = (int32_t)unknown;
    m->fuse_unknown = 1;
    double *score = mem_array((size_t)v->n, sizeof *score);
    if (!score) return HEARTH_ENOMEM;
    m->score = score;
    for (size_t i = 0; i < json_array_size(list.v); i++) {
        struct part one = part_element(&list, i);
        score[i] = json_number_value(json_array_get(one.v, 1));
        if (!isfinite(score[i])) return part_fail(&one, HEARTH_EFORMAT, "a score of %g, allowed: a finite number", score[i]);
    }
    return wordmodel_unigram(m, p->file, v, score);
}

static enum hearth_status fill(struct wordmodel *m, const struct part *p, const struct vocab *v) {
    if (m->kind == MODEL_UNIGRAM) return read_unigram(m, p, v);
    TRY(read_unknown(m, p, v, m->kind == MODEL_WORDPIECE ? "[UNK]" : NULL));
    if (m->kind == MODEL_BPE) return read_bpe(m, p, v);
    m->longest = 100;
    TRY(part_int(p, "max_input_chars_per_word", 0, WORD_MAX, &m->longest));
    return read_affix(p, "continuing_subword_prefix", "##", &m->prefix, &m->prefix_n);
}

enum hearth_status wordmodel_init(struct wordmodel *m, const struct part *p, enum wordmodel_kind kind, const struct vocab *v) {
    *m = (struct wordmodel){ .kind = kind, .unknown = -1 };
    enum hearth_status st = fill(m, p, v);
    if (st != HEARTH_OK) wordmodel_free(m);
    return st;
}

void wordmodel_free(struct wordmodel *m) {
    free(m->prefix);
    free(m->suffix);
    free(m->score);
    pairs_free(&m->pairs);
    special_free(&m->pieces);
    *m = (struct wordmodel){ 0 };
}

void wordmodel_work_free(struct wordmodel_work *w) {
    merger_free(&w->merger);
    buf_free(&w->word);
    free(w->node);
    free(w->piece);
    *w = (struct wordmodel_work){ 0 };
}

/* ---- BPE ---- */

struct symbols { struct merger *merger; uint32_t n, at; };

static enum hearth_status put_symbol(struct symbols *s, int32_t id, size_t bytes) {
    TRY(merger_room(s->merger, (size_t)s->n + 1));
    s->merger->sym[s->n++] = (struct symbol){ .at = s->at, .n = (uint32_t)bytes, .id = id };
    s->at += (uint32_t)bytes;
    return HEARTH_OK;
}

/* The characters of a word as symbols.  One that is no token becomes its bytes, or the unknown token (one for a run when they are
 * fused), or nothing.  An unknown token is held back until a known character follows, whatever bytes come between: so it is there. */
static enum hearth_status symbols_of(const struct wordmodel *m, const struct vocab *v, struct wordmodel_work *w, const char *s, size_t n,
                                     struct symbols *out) {
    size_t unknown = 0; /* bytes of the one held back */
    for (size_t i = 0, len; i < n; i += len) {
        uint32_t cp;
        int bytes = utf8_read(s + i, n - i, &cp);
        len = bytes > 0 ? (size_t)bytes : 1;
        int inner = i > 0 && m->prefix_n, last = i + len == n && m->suffix_n;
        const char *key = s + i;
        size_t key_n = len;
        if (inner || last) {
            w->word.len = 0;
            if (inner) TRY(buf_put(&w->word, m->prefix, m->prefix_n));
            TRY(buf_put(&w->word, s + i, len));
            if (last) TRY(buf_put(&w->word, m->suffix, m->suffix_n));
            key = w->word.data;
            key_n = w->word.len;
        }
        int32_t id = vocab_find(v, key, key_n);
        if (id < 0 && m->byte_fallback && wordmodel_has_bytes(v, key, key_n)) {
            for (size_t k = 0; k < key_n; k++) TRY(put_symbol(out, v->byte[(unsigned char)key[k]], 1));
            continue;
        }
        if (id < 0 && m->unknown < 0) continue;
        if (unknown && (id >= 0 || !m->fuse_unknown)) {
            TRY(put_symbol(out, m->unknown, unknown));
            unknown = 0;
        }
        if (id >= 0) TRY(put_symbol(out, id, len));
        else unknown += len;
    }
    return unknown ? put_symbol(out, m->unknown, unknown) : HEARTH_OK;
}

static enum hearth_status bpe_word(const struct wordmodel *m, const struct vocab *v, struct wordmodel_work *w, const struct aligned *text,
                                   size_t from, size_t to, struct tokens *out) {
    const char *s = text->s.data + from;
    struct symbols sym = { &w->merger, 0, 0 };
    int32_t whole = m->whole_words ? vocab_find(v, s, to - from) : -1;
    if (whole >= 0) return tokens_put(out, whole, aligned_span(text, from, to));
    TRY(symbols_of(m, v, w, s, to - from, &sym));
    TRY(merger_run(&w->merger, sym.n, pairs_rank, &m->pairs, &sym.n));
    for (uint32_t i = 0; i < sym.n; i++) {
        size_t a = from + w->merger.sym[i].at, b = a + w->merger.sym[i].n;
        TRY(tokens_put(out, w->merger.sym[i].id, aligned_span(text, a < to ? a : to, b < to ? b : to)));
    }
    return HEARTH_OK;
}

/* ---- Ranks ---- */

struct ranks { const struct wordmodel *m; const struct vocab *v; const char *s; };

static uint32_t rank_of(const void *ctx, const struct symbol *left, const struct symbol *right, int32_t *joined) {
    const struct ranks *r = ctx;
    int32_t id = vocab_find(r->v, r->s + left->at, left->n + right->n);
    if (id < 0) return MERGE_NONE;
    *joined = id;
    return (uint32_t)id;
}

static enum hearth_status ranks_word(const struct wordmodel *m, const struct vocab *v, struct wordmodel_work *w, const struct aligned *text,
                                     size_t from, size_t to, struct tokens *out) {
    struct ranks r = { m, v, text->s.data + from };
    struct symbols sym = { &w->merger, 0, 0 };
    int32_t whole = vocab_find(v, r.s, to - from);
    if (whole >= 0) return tokens_put(out, whole, aligned_span(text, from, to));
    for (size_t i = 0; i < to - from; i++) TRY(put_symbol(&sym, vocab_find(v, r.s + i, 1), 1));
    TRY(merger_run(&w->merger, sym.n, rank_of, &r, &sym.n));
    for (uint32_t i = 0; i < sym.n; i++) {
        const struct symbol *x = w->merger.sym + i;
        TRY(tokens_put(out, x->id, aligned_span(text, from + x->at, from + x->at + x->n)));
    }
    return HEARTH_OK;
}

enum hearth_status wordmodel_encode(const struct wordmodel *m, const struct vocab *v, struct wordmodel_work *w, const struct aligned *text,
                                    size_t from, size_t to, struct tokens *out) {
    if (m->kind == MODEL_BPE) return bpe_word(m, v, w, text, from, to, out);
    if (m->kind == MODEL_RANKS) return ranks_word(m, v, w, text, from, to, out);
    return m->kind == MODEL_UNIGRAM ? unigram_encode(m, v, w, text, from, to, out) : wordpiece_encode(m, v, w, text, from, to, out);
}
