/* decoder.c - see decoder.h.  Each step maps a list of texts to a list of texts. */
#include "text/decoder.h"

#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "text/vocab.h"

enum kind { BYTE_LEVEL, BYTE_FALLBACK, FUSE, STRIP, REPLACE, METASPACE, WORDPIECE, BPE, SEQUENCE };
static const char *const names[] = { "ByteLevel", "ByteFallback", "Fuse", "Strip", "Replace", "Metaspace", "WordPiece", "BPEDecoder",
                                     "Sequence", NULL };
static const char *const schemes[] = { "first", "never", "always", NULL };

struct decoder_step {
    enum kind kind;
    char *text;                  /* what is put (Replace), taken away (Strip), stands before (WordPiece), behind (BPEDecoder), for a space */
    size_t n;
    struct json_pattern pattern; /* Replace */
    int64_t start, stop;         /* Strip */
    int drop_first;              /* Metaspace: the first text has no spaces */
    int cleanup;                 /* WordPiece */
};

/* ---- reading ---- */

static enum hearth_status read_text(struct decoder_step *s, const struct part *p, const char *key, const char *otherwise) {
    const char *text = otherwise;
    s->n = strlen(text);
    TRY(part_string(p, key, &text, &s->n));
    if (s->n > 64) return part_fail(p, HEARTH_ELIMIT, "%s: %zu bytes, allowed: at most 64", key, s->n);
    if (!(s->text = mem_array(s->n + 1, 1))) return HEARTH_ENOMEM;
    memcpy(s->text, text, s->n);
    return HEARTH_OK;
}

static enum hearth_status read_metaspace(struct decoder_step *s, const struct part *p) {
    int scheme = 2, prefix = 1;
    TRY(part_choice(p, "prepend_scheme", schemes, &scheme));
    TRY(part_flag(p, "add_prefix_space", &prefix));
    s->drop_first = prefix && scheme != 1;
    return read_text(s, p, "replacement", "\xE2\x96\x81");
}

static enum hearth_status read_step(struct decoder *d, const struct part *p, int depth) {
    int kind = 0;
    if (depth == NESTED_MAX) return part_fail(p, HEARTH_ELIMIT, "nested %d deep, allowed: less", depth);
    TRY(part_type(p, names, &kind));
    if (kind == SEQUENCE) {
        struct part list = part_member(p, "decoders");
        size_t n;
        TRY(part_array(&list, STEPS_MAX, &n));
        for (size_t i = 0; i < n; i++) {
            struct part one = part_element(&list, i);
            TRY(read_step(d, &one, depth + 1));
        }
        return HEARTH_OK;
    }
    if (d->n == STEPS_MAX) return part_fail(p, HEARTH_ELIMIT, "more than %d steps in all, allowed: at most so many", STEPS_MAX);
    TRY(mem_grow(&d->step, &d->cap, d->n + 1, sizeof *d->step));
    struct decoder_step *s = d->step + d->n++;
    *s = (struct decoder_step){ .kind = (enum kind)kind, .cleanup = 1 };
    switch (s->kind) {
    case STRIP:
        TRY(part_int(p, "start", 0, 1 << 20, &s->start));
        TRY(part_int(p, "stop", 0, 1 << 20, &s->stop));
        return read_text(s, p, "content", " ");
    case REPLACE:
        TRY(json_pattern_init(&s->pattern, p, "pattern"));
        return read_text(s, p, "content", "");
    case METASPACE: return read_metaspace(s, p);
    case WORDPIECE:
        TRY(part_flag(p, "cleanup", &s->cleanup));
        return read_text(s, p, "prefix", "##");
    case BPE: return read_text(s, p, "suffix", "</w>");
    default: return HEARTH_OK;
    }
}

enum hearth_status decoder_init(struct decoder *d, const struct part *p) {
    *d = (struct decoder){ .none = !p->v };
    enum hearth_status st = p->v ? read_step(d, p, 0) : HEARTH_OK;
    if (st != HEARTH_OK) decoder_free(d);
    return st;
}

void decoder_free(struct decoder *d) {
    for (size_t i = 0; i < d->n; i++) {
        free(d->step[i].text);
        json_pattern_free(&d->step[i].pattern);
    }
    free(d->step);
    *d = (struct decoder){ 0 };
}

/* ---- lists of texts ---- */

static enum hearth_status end_one(struct strings *t) {
    TRY(mem_grow(&t->end, &t->cap, t->n + 1, sizeof *t->end));
    t->end[t->n++] = t->s.len;
    return HEARTH_OK;
}

enum hearth_status strings_put(struct strings *t, const char *s, size_t n) {
    TRY(buf_put(&t->s, s, n));
    return end_one(t);
}

void strings_free(struct strings *t) {
    buf_free(&t->s);
    free(t->end);
    *t = (struct strings){ 0 };
}

/* ---- steps; each appends what becomes of one text to out->s ---- */

/* "<0x0A>" -> 10; -1. */
static int byte_of(const char *s, size_t n) {
    static const char digits[] = "0123456789abcdef";
    if (n != 6 || memcmp(s, "<0x", 3) || s[5] != '>') return -1;
    const char *high = strchr(digits, s[3] | (s[3] >= 'A' ? 0x20 : 0)), *low = strchr(digits, s[4] | (s[4] >= 'A' ? 0x20 : 0));
    return high && low && *high && *low ? (int)((high - digits) * 16 + (low - digits)) : -1;
}

static enum hearth_status byte_level(const char *s, size_t n, struct buf *out) {
    struct vocab v;
    size_t before = out->len;
    vocab_byte_alphabet(&v);
    TRY(buf_put(out, s, n));
    int64_t len = vocab_from_byte_level(&v, s, n, out->data + before);
    if (len < 0) memcpy(out->data + before, s, n); /* a character outside the alphabet: the token stands for itself */
    else out->len = before + (size_t)len;
    return HEARTH_OK;
}

static enum hearth_status replace(const struct decoder_step *s, struct regex_match *m, const char *text, size_t n, struct buf *out) {
    size_t at = 0, from, to, after = SIZE_MAX;
    for (int found;; at = after = to) {
        TRY(json_pattern_find(&s->pattern, m, text, n, at, after, &from, &to, &found));
        TRY(buf_put(out, text + at, (found ? from : n) - at));
        if (!found) return HEARTH_OK;
        TRY(buf_put(out, s->text, s->n));
    }
}

static enum hearth_status strip(const struct decoder_step *s, const char *text, size_t n, struct buf *out) {
    size_t from = 0, to = n;
    if (s->n == 0) return buf_put(out, text, n);
    for (int64_t k = 0; k < s->start && to - from >= s->n && !memcmp(text + from, s->text, s->n); k++) from += s->n;
    for (int64_t k = 0; k < s->stop && to - from >= s->n && !memcmp(text + to - s->n, s->text, s->n); k++) to -= s->n;
    return buf_put(out, text + from, to - from);
}

/* Each `mark` becomes a space, or nothing. */
static enum hearth_status unmark(const char *mark, size_t mark_n, int drop, const char *s, size_t n, struct buf *out) {
    for (const char *end = s + n, *at; s < end; s = at + mark_n) {
        at = mark_n ? memmem(s, (size_t)(end - s), mark, mark_n) : NULL;
        if (!at) return buf_put(out, s, (size_t)(end - s));
        TRY(buf_put(out, s, (size_t)(at - s)));
        if (!drop) TRY(buf_putc(out, ' '));
    }
    return HEARTH_OK;
}

/* " ." -> "." and the like, one rule after the other, as WordPiece's authors had it. */
static enum hearth_status cleanup(struct buf *out, size_t before) {
    static const char *const rules[][2] = { { " .", "." }, { " ?", "?" }, { " !", "!" }, { " ,", "," }, { " ' ", "'" }, { " n't", "n't" },
                                            { " 'm", "'m" }, { " do not", " don't" }, { " 's", "'s" }, { " 've", "'ve" }, { " 're", "'re" } };
    for (size_t r = 0; r < sizeof rules / sizeof *rules; r++) {
        size_t n = strlen(rules[r][0]), m = strlen(rules[r][1]), to = before;
        for (size_t i = before; i < out->len;) {
            int hit = out->len - i >= n && !memcmp(out->data + i, rules[r][0], n);
            if (hit) memmove(out->data + to, rules[r][1], m), to += m, i += n;
            else out->data[to++] = out->data[i++];
        }
        out->len = to;
        out->data[to] = '\0';
    }
    return HEARTH_OK;
}

static enum hearth_status wordpiece(const struct decoder_step *s, int first, const char *text, size_t n, struct buf *out) {
    size_t before = out->len;
    if (!first && n >= s->n && !memcmp(text, s->text, s->n)) text += s->n, n -= s->n;
    else if (!first) TRY(buf_putc(out, ' '));
    TRY(buf_put(out, text, n));
    return s->cleanup ? cleanup(out, before) : HEARTH_OK;
}

static enum hearth_status by_suffix(const struct decoder_step *s, int last, const char *text, size_t n, struct buf *out) {
    for (const char *end = text + n, *at; text < end; text = at + s->n) {
        at = s->n ? memmem(text, (size_t)(end - text), s->text, s->n) : NULL;
        if (!at) return buf_put(out, text, (size_t)(end - text));
        TRY(buf_put(out, text, (size_t)(at - text)));
        if (!last) TRY(buf_putc(out, ' '));
    }
    return HEARTH_OK;
}

static enum hearth_status step_one(const struct decoder_step *s, struct regex_match *m, const char *text, size_t n, int first, int last,
                                   struct buf *out) {
    int byte;
    switch (s->kind) {
    case BYTE_LEVEL: return byte_level(text, n, out);
    case BYTE_FALLBACK: return (byte = byte_of(text, n)) >= 0 ? buf_putc(out, (char)byte) : buf_put(out, text, n);
    case STRIP: return strip(s, text, n, out);
    case REPLACE: return replace(s, m, text, n, out);
    case METASPACE: return unmark(s->text, s->n, first && s->drop_first, text, n, out);
    case WORDPIECE: return wordpiece(s, first, text, n, out);
    case BPE: return by_suffix(s, last, text, n, out);
    default: return buf_put(out, text, n);
    }
}

static int joins(const struct decoder_step *s, const char *text, size_t n) {
    return s->kind == BYTE_LEVEL || s->kind == FUSE || (s->kind == BYTE_FALLBACK && byte_of(text, n) >= 0);
}

static enum hearth_status run_step(const struct decoder_step *s, struct regex_match *m, const struct strings *in, struct strings *out) {
    int open = 0;                /* the last text goes on */
    for (size_t i = 0; i < in->n; i++) {
        size_t from = i ? in->end[i - 1] : 0, n = in->end[i] - from;
        int join = joins(s, in->s.data + from, n);
        if (open && !join) TRY(end_one(out));
        TRY(step_one(s, m, in->s.data + from, n, i == 0, i + 1 == in->n, &out->s));
        open = join;
        if (!join) TRY(end_one(out));
    }
    return open ? end_one(out) : HEARTH_OK;
}

enum hearth_status decoder_run(const struct decoder *d, struct strings *t) {
    struct regex_match *m = regex_match_open();
    struct strings other = { 0 };
    enum hearth_status st = m ? HEARTH_OK : HEARTH_ENOMEM;
    if (st == HEARTH_OK && d->none) {
        for (size_t i = 0; i < t->n && st == HEARTH_OK; i++) {
            size_t from = i ? t->end[i - 1] : 0;
            if (i) st = buf_putc(&other.s, ' ');
            if (st == HEARTH_OK) st = buf_put(&other.s, t->s.data + from, t->end[i] - from);
        }
        struct strings swap = *t;
        *t = other, other = swap;
    }
    for (size_t i = 0; i < d->n && st == HEARTH_OK; i++) {
        other.n = other.s.len = 0;
        st = run_step(d->step + i, m, t, &other);
        struct strings swap = *t;
        *t = other, other = swap;
    }
    strings_free(&other);
    regex_match_close(m);
    return st;
}

enum hearth_status decoder_piece(const struct decoder *d, const char *s, size_t n, struct buf *out) {
    struct buf text = { 0 }, next = { 0 };
    struct regex_match *m = NULL;
    enum hearth_status st = buf_put(&text, s, n);
    for (size_t i = 0; i < d->n && st == HEARTH_OK; i++) {
        const struct decoder_step *x = d->step + i;
        if (x->kind == STRIP || x->kind == FUSE) continue; /* what they take away stands at an end of the text */
        if (x->kind == REPLACE && x->pattern.regex && !m && !(m = regex_match_open())) st = HEARTH_ENOMEM;
        next.len = 0;
        if (st == HEARTH_OK) st = step_one(x, m, text.data, text.len, 0, 0, &next);
        struct buf swap = text;
        text = next, next = swap;
    }
    if (st == HEARTH_OK) st = buf_put(out, text.data, text.len);
    regex_match_close(m);
    buf_free(&text);
    buf_free(&next);
    return st;
}
