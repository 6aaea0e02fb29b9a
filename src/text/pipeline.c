/* pipeline.c - see pipeline.h: encoding and decoding.  What the `tokenizers` package does is the definition, to the byte, its places
 * included: tools/oracle/tokenizer_json.py compares them. */
#include "text/pipeline.h"

#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "text/unicode.h"

enum { GROWTH = 64, GROWTH_MORE = 1 << 16 };     /* a normalised text has at most GROWTH * n + GROWTH_MORE bytes */

struct work {
    const struct pipeline *p;
    const struct vocab *v;
    const char *s;               /* the text as it was given */
    size_t n;
    int flags;
    const struct pipeline_marks *marks;
    struct regex_match *match;
    struct aligned text, other;
    struct split split;
    struct wordmodel_work model;
    struct tokens out;
};

/* ---- places where an added token stands ---- */

static uint32_t char_at(const char *s, size_t n, size_t i) {
    uint32_t cp = 0xFFFD;
    utf8_read(s + i, n - i, &cp);
    return cp;
}

/* Where the character before s[i] begins; i > 0. */
static size_t back(const char *s, size_t i) {
    size_t at = i - 1;
    while (at > 0 && i - at < 4 && (s[at] & 0xC0) == 0x80) at--;
    return at;
}

struct place { size_t from, to; int32_t id; };

/* The next added token at or after *from in s[0, n), widened by the spaces that it takes; `open` is where the last one ended.
 * Returns 0: none; -1: one that does not count here, to be passed over. */
static int next_place(const struct work *w, const struct special *trie, const char *s, size_t n, size_t *from, size_t open, struct place *out) {
    struct special_match m;
    if (!special_find(trie, s, n, *from, 1, &m)) return 0;
    int flags = w->p->added[m.id];
    size_t a = m.at, b = m.at + m.n;
    *from = b;
    if (flags & ADDED_SPECIAL && !(w->flags & HEARTH_TOK_PARSE)) return -1;
    if (flags & ADDED_SPECIAL && w->marks && trie == &w->p->raw && w->marks->is_marked(s, a)) return *from = a + 1, -1;
    if (flags & ADDED_SINGLE_WORD && ((a > 0 && unicode_word(char_at(s, n, back(s, a)))) || (b < n && unicode_word(char_at(s, n, b))))) return -1;
    while (flags & ADDED_LSTRIP && a > open && unicode_space(char_at(s, n, back(s, a)))) a = back(s, a);
    for (uint32_t cp; flags & ADDED_RSTRIP && b < n && unicode_space(cp = char_at(s, n, b));) {
        char bytes[4];
        b += (size_t)utf8_write(cp, bytes);
    }
    *out = (struct place){ a, b, m.id };
    return 1;
}

/* ---- encoding ---- */

static enum hearth_status encode_words(struct work *w, size_t from, size_t to) {
    TRY(splitter_run(&w->p->splitter, w->match, &w->text, from, to, &w->split));
    for (size_t i = 0; i < w->split.words.n; i++) {
        struct span word = w->split.words.word[i];
        TRY(wordmodel_encode(&w->p->model, w->v, &w->model, &w->split.text, word.from, word.to, &w->out));
    }
    return HEARTH_OK;
}

/* A special token of the normalised text, when the given text may hold marks, must stand there under its own name and unmarked. */
static int stands_itself(const struct work *w, const struct place *x) {
    if (!w->marks || !(w->p->added[x->id] & ADDED_SPECIAL)) return 1;
    struct span at = aligned_span(&w->text, x->from, x->to);
    const struct gguf_string *t = w->p->text + x->id;
    const char *found = memmem(w->s + at.from, at.to - at.from, t->s, (size_t)t->n);
    return found && !w->marks->is_marked(w->s, (size_t)(found - w->s));
}

/* w->text is s[from, to) as it was given, without marks. */
static enum hearth_status take_text(struct work *w, size_t from, size_t to) {
    w->text.base = (uint32_t)from;
    w->text.s.len = 0;
    w->text.most = (to - from) * GROWTH + GROWTH_MORE;
    while (from < to && w->marks) {
        size_t n = w->marks->n;
        const char *mark = memmem(w->s + from, to - from, w->marks->mark, n);
        if (!mark) break;
        size_t at = (size_t)(mark - w->s);
        TRY(aligned_original(&w->text, w->s + from, at - from, (uint32_t)from));
        from = at + n;
        if (to - from < n || memcmp(w->s + from, w->marks->mark, n) != 0) continue;
        TRY(aligned_original(&w->text, w->s + from, n, (uint32_t)from)); /* a doubled mark is one of the text's own */
        from += n;
    }
    return aligned_original(&w->text, w->s + from, to - from, (uint32_t)from);
}

static enum hearth_status encode_stretch(struct work *w, size_t from, size_t to) {
    if (from >= to) return HEARTH_OK;
    TRY(take_text(w, from, to));
    TRY(normalizer_run(&w->p->normalizer, w->match, &w->text, &w->other));
    size_t n = w->text.s.len, at = 0, look = 0;
    struct place x;
    for (int found; n && (found = next_place(w, &w->p->normal, w->text.s.data, n, &look, at, &x)); ) {
        if (found < 0 || !stands_itself(w, &x)) continue;
        if (at < x.from) TRY(encode_words(w, at, x.from));
        TRY(tokens_put(&w->out, x.id, aligned_span(&w->text, x.from, x.to)));
        at = x.to;
    }
    return at < n ? encode_words(w, at, n) : HEARTH_OK;
}

static enum hearth_status encode_content(struct work *w) {
    size_t at = 0, look = 0;
    struct place x;
    for (int found; (found = next_place(w, &w->p->raw, w->s, w->n, &look, at, &x));) {
        if (found < 0) continue;
        TRY(encode_stretch(w, at, x.from));
        TRY(tokens_put(&w->out, x.id, (struct span){ (uint32_t)x.from, (uint32_t)x.to }));
        at = x.to;
    }
    return encode_stretch(w, at, w->n);
}

/* ---- places without the spaces of their tokens ---- */

/* Spaces at the beginning (or the end) of a token's text, in characters. */
static size_t count_spaces(const char *s, size_t n, int from_end) {
    size_t count = 0;
    while (n) {
        size_t at = from_end ? back(s, n) : 0;
        uint32_t cp = char_at(s, n, at);
        char bytes[4];
        size_t len = (size_t)utf8_write(cp, bytes);
        if (cp != 0x120 && !unicode_space(cp)) break; /* U+0120 is how byte-level BPE writes a space */
        if (!from_end) s += len;
        n -= len < n ? len : n;
        count++;
    }
    return count;
}

static void trim(const struct work *w, size_t i, int32_t id, struct span *at) {
    const char *s = w->p->text[id].s;
    size_t n = (size_t)w->p->text[id].n;
    if (w->p->added[id]) s = w->s + at->from, n = at->to - at->from;
    size_t head = count_spaces(s, n, 0), tail = count_spaces(s, n, 1);
    if (head && w->p->trim_prefix && (i == 0 || at->from == 0)) head--;
    for (uint32_t cp; head && at->from < at->to; head--) {
        int len = utf8_read(w->s + at->from, at->to - at->from, &cp);
        at->from += len > 0 ? (uint32_t)len : 1;
    }
    for (; tail && at->to > at->from; tail--) at->to = (uint32_t)back(w->s, at->to);
    if (at->to < at->from) at->to = at->from;
}

static enum hearth_status put_around(struct work *w, const int32_t *id, int n) {
    for (int i = 0; i < n; i++) TRY(tokens_put(&w->out, id[i], (struct span){ 0, 0 }));
    return HEARTH_OK;
}

static enum hearth_status encode_all(struct work *w) {
    int around = w->flags & HEARTH_TOK_SPECIAL;
    if (around) TRY(put_around(w, w->p->before, w->p->n_before));
    size_t first = w->out.n, ids = w->out.ids->n;
    TRY(encode_content(w));
    for (size_t i = first; w->p->trim && i < w->out.n; i++) trim(w, i - first, w->out.ids->id[ids + i - first], w->out.at + i);
    return around ? put_around(w, w->p->behind, w->p->n_behind) : HEARTH_OK;
}

enum hearth_status pipeline_encode(const struct pipeline *p, const struct vocab *v, const char *s, size_t n, int flags,
                                   const struct pipeline_marks *marks, struct ids *out, struct tokens *spans) {
    struct work w = { .p = p, .v = v, .s = s, .n = n, .flags = flags, .marks = marks, .match = regex_match_open() };
    w.out.ids = out;
    w.out.on = spans != NULL;
    w.text.on = spans || p->splitter.needs_places || (marks && p->normal.nodes > 1);
    enum hearth_status st = w.match ? encode_all(&w) : HEARTH_ENOMEM;
    regex_match_close(w.match);
    aligned_free(&w.text);
    aligned_free(&w.other);
    split_free(&w.split);
    wordmodel_work_free(&w.model);
    if (st == HEARTH_OK && spans) *spans = w.out;
    else free(w.out.at);
    return st;
}

/* ---- decoding ---- */

enum hearth_status pipeline_decode(const struct pipeline *p, const struct vocab *v, const int32_t *ids, size_t n, int special,
                                   struct buf *out) {
    struct strings t = { 0 };
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < n && st == HEARTH_OK; i++) {
        if (!special && v->type[ids[i]] == TOKEN_CONTROL) continue;
        if (v->type[ids[i]] == TOKEN_UNUSED) continue;
        st = strings_put(&t, v->text[ids[i]].s, (size_t)v->text[ids[i]].n);
    }
    if (st == HEARTH_OK) st = decoder_run(&p->decoder, &t);
    if (st == HEARTH_OK) st = buf_put(out, t.s.data, t.s.len);
    strings_free(&t);
    return st;
}
