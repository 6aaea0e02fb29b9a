/* bpe.c - byte-level BPE (Radford and others: "Language models are unsupervised multitask learners", 2019).
 *
 *     text --pre-tokeniser--> words --bytes--> symbols --merges--> tokens
 *
 * The file's list of merges, "Ġ t", becomes a table of pairs of ids:
 *
 *     (id("Ġ"), id("t"))  ->  rank = place in the list, id("Ġt")
 *
 * Some vocabularies lack a few bytes (SmolLM2 has 235 of 256; it lacks those that no UTF-8 text contains and some
 * control characters).  Such a byte gives no token, as in the `tokenizers` package; so a text comes back exactly when
 * the vocabulary has all its bytes.
 */
#include "text/bpe.h"

#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "text/ids.h"
#include "text/nfc.h"

#define MERGES_KEY "tokenizer.ggml.merges"
#define PRE_KEY "tokenizer.ggml.pre"

enum { MERGES_MAX = 1 << 27 };

/* ---- the table of pairs ---- */

static enum hearth_status bad_merge(const struct vocab *v, uint64_t i, const struct gguf_string *m,
                                    const char *allowed) {
    return fail(HEARTH_EFORMAT, "%s: %s: merge %llu is \"%.*s\", allowed: %s", v->path, MERGES_KEY,
                (unsigned long long)i, (int)(m->n < 40 ? m->n : 40), m->s, allowed);
}

/* One line of the list, "left right"; buf has room for two tokens.  A merge only ever makes a longer token of two that
 * are not empty, so no list can go in a circle. */
static enum hearth_status add_merge(struct bpe *b, const struct vocab *v, uint64_t i, const struct gguf_string *m,
                                    char *buf) {
    if (m->n < 3 || m->n > 2 * VOCAB_TOKEN_MAX + 1)
        return bad_merge(v, i, m, "two tokens of 1 to 65536 bytes with a space between");
    const char *gap = memchr(m->s + 1, ' ', m->n - 1);
    size_t left_n = gap ? (size_t)(gap - m->s) : 0, right_n = gap ? m->n - left_n - 1 : 0;
    if (right_n == 0) return bad_merge(v, i, m, "two tokens with a space between");
    int64_t l = vocab_from_byte_level(v, m->s, left_n, buf);
    int64_t r = l < 0 ? -1 : vocab_from_byte_level(v, gap + 1, right_n, buf + l);
    int32_t left = r < 0 ? -1 : vocab_find(v, buf, (size_t)l), right = r < 0 ? -1 : vocab_find(v, buf + l, (size_t)r);
    int32_t joined = r < 0 ? -1 : vocab_find(v, buf, (size_t)(l + r));
    if (left < 0 || right < 0 || joined < 0)
        return bad_merge(v, i, m, "two tokens of the vocabulary that make a third");
    if (pairs_add(&b->pairs, left, right, joined, (uint32_t)i, 0)) return HEARTH_OK;
    return fail(HEARTH_ELIMIT, "%s: %s: merge %llu lies too far from where its hash puts it (the merges were chosen to collide)", v->path,
                MERGES_KEY, (unsigned long long)i);
}

static enum hearth_status read_merges(struct bpe *b, const struct gguf *g, const struct vocab *v) {
    const struct gguf_value *merges;
    TRY(gguf_get_array(g, MERGES_KEY, GGUF_STRING, &merges));
    if (!merges) return fail(HEARTH_EFORMAT, "%s: %s: missing, a byte-level tokenizer needs it", g->path, MERGES_KEY);
    uint64_t n = merges->as.array.n;
    if (n > MERGES_MAX)
        return fail(HEARTH_EFORMAT, "%s: %s: %llu merges, allowed: at most %d", g->path, MERGES_KEY,
                    (unsigned long long)n, MERGES_MAX);
    TRY(pairs_init(&b->pairs, n));
    char *buf = mem_array(2, VOCAB_TOKEN_MAX + 1);
    enum hearth_status st = buf ? HEARTH_OK : HEARTH_ENOMEM;
    for (uint64_t i = 0; i < n && st == HEARTH_OK; i++) st = add_merge(b, v, i, merges->as.array.strings + i, buf);
    free(buf);
    return st;
}

/* ---- opening ---- */

static enum hearth_status read_rule(struct bpe *b, const struct gguf *g) {
    struct gguf_string name = { "default", 7 };
    TRY(gguf_get_string(g, PRE_KEY, &name, NULL));
    b->rule = pretoken_rule(name.s, (size_t)name.n);
    if (b->rule) return HEARTH_OK;
    struct buf known = { 0 };
    enum hearth_status st = pretoken_names(&known);
    if (st == HEARTH_OK)
        st = fail(HEARTH_EUNSUPPORTED, "%s: %s: the pre-tokeniser \"%.*s\" is not known here, known: %s", g->path,
                  PRE_KEY, (int)(name.n < 40 ? name.n : 40), name.s, known.data);
    buf_free(&known);
    return st;
}

static enum hearth_status bpe_fill(struct bpe *b, const struct gguf *g, const struct vocab *v) {
    bool prefix = false;
    TRY(gguf_get_bool(g, "tokenizer.ggml.add_space_prefix", &prefix, NULL));
    if (prefix)
        return fail(HEARTH_EUNSUPPORTED, "%s: tokenizer.ggml.add_space_prefix: true in a byte-level tokenizer, "
                    "known: false", g->path);
    TRY(read_rule(b, g));
    TRY(read_merges(b, g, v));
    return pretoken_open(b->rule, 1, &b->pre);
}

enum hearth_status bpe_init(struct bpe *b, const struct gguf *g, const struct vocab *v) {
    *b = (struct bpe){ 0 };
    enum hearth_status st = bpe_fill(b, g, v);
    if (st != HEARTH_OK) bpe_free(b);
    return st;
}

void bpe_free(struct bpe *b) {
    regex_close(b->pre);
    pairs_free(&b->pairs);
    *b = (struct bpe){ 0 };
}

/* ---- encoding ---- */

struct work {                    /* what one call of bpe_encode uses */
    const struct bpe *b;
    const struct vocab *v;
    struct regex_match *match;
    struct merger merger;
    struct wordcount *count;     /* not NULL: words are counted, not encoded */
};

static enum hearth_status encode_word(struct work *w, const char *s, size_t n, struct ids *out) {
    if (w->count) return wordcount_add(w->count, s, n, 1);
    if (w->b->rule->flags & PRE_WHOLE) {
        int32_t id = vocab_find(w->v, s, n);
        if (id >= 0) return ids_put(out, id);
    }
    TRY(merger_room(&w->merger, n));
    uint32_t symbols = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t id = w->v->byte[(unsigned char)s[i]];
        if (id >= 0) w->merger.sym[symbols++] = (struct symbol){ .at = (uint32_t)i, .n = 1, .id = id };
    }
    TRY(merger_run(&w->merger, symbols, pairs_rank, &w->b->pairs, &symbols));
    TRY(ids_room(out, symbols));
    for (uint32_t i = 0; i < symbols; i++) out->id[out->n++] = w->merger.sym[i].id;
    return HEARTH_OK;
}

/* s is well-formed */
static enum hearth_status encode_words(struct work *w, const char *s, size_t n, struct ids *out) {
    for (size_t at = 0, len; at < n; at += len) {
        TRY(pretoken_next(w->b->pre, w->match, s, n, at, &len));
        TRY(encode_word(w, s + at, len, out));
    }
    return HEARTH_OK;
}

static enum hearth_status encode_text(struct work *w, const char *s, size_t n, struct ids *out) {
    while (n) {
        size_t good = n;
        int whole = utf8_valid(s, n, &good);
        if (whole) good = n;
        TRY(encode_words(w, s, good, out));
        if (whole) break;
        TRY(encode_word(w, s + good, 1, out));
        s += good + 1;
        n -= good + 1;
    }
    return HEARTH_OK;
}

static enum hearth_status take_text(const struct bpe *b, const struct vocab *v, const char *s, size_t n, struct ids *out,
                                    struct wordcount *count) {
    struct buf normal = { 0 };
    struct work w = { .b = b, .v = v, .match = regex_match_open(), .count = count };
    enum hearth_status st = w.match ? HEARTH_OK : HEARTH_ENOMEM;
    if (st == HEARTH_OK && b->rule->flags & PRE_NFC && !nfc_certain(s, n)) {
        st = nfc_append(s, n, &normal);
        s = normal.data;
        n = normal.len;
    }
    if (st == HEARTH_OK) st = encode_text(&w, s, n, out);
    regex_match_close(w.match);
    merger_free(&w.merger);
    buf_free(&normal);
    return st;
}

enum hearth_status bpe_encode(const struct bpe *b, const struct vocab *v, const char *s, size_t n, struct ids *out) {
    return take_text(b, v, s, n, out, NULL);
}

/* ---- for those who change vocabularies ---- */

enum hearth_status bpe_words(const struct bpe *b, const struct vocab *v, const char *s, size_t n, struct wordcount *out) {
    return take_text(b, v, s, n, NULL, out);
}

enum hearth_status bpe_encode_word(const struct bpe *b, const struct vocab *v, const char *s, size_t n, struct ids *out) {
    struct work w = { .b = b, .v = v };
    enum hearth_status st = encode_word(&w, s, n, out);
    merger_free(&w.merger);
    return st;
}

struct trail { struct ids *out; enum hearth_status st; };

static void on_join(void *user, int32_t id) {
    struct trail *t = user;
    if (t->st == HEARTH_OK) t->st = ids_put(t->out, id);
}

enum hearth_status bpe_ancestors(const struct bpe *b, const struct vocab *v, const char *s, size_t n, struct ids *out) {
    struct trail trail = { out, HEARTH_OK };
    struct merger m = { .on_join = on_join, .user = &trail };
    uint32_t symbols = 0;
    enum hearth_status st = merger_room(&m, n);
    for (size_t i = 0; i < n && st == HEARTH_OK; i++) {
        int32_t id = v->byte[(unsigned char)s[i]];
        if (id < 0) continue;
        m.sym[symbols++] = (struct symbol){ .at = (uint32_t)i, .n = 1, .id = id };
        st = ids_put(out, id);
    }
    if (st == HEARTH_OK) st = merger_run(&m, symbols, pairs_rank, &b->pairs, &symbols);
    merger_free(&m);
    return st == HEARTH_OK ? trail.st : st;
}
