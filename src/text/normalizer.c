/* normalizer.c - see normalizer.h.  A Sequence is its members; BertNormalizer is up to five steps.  What each step does to the
 * places is what the `tokenizers` package does: replaced characters take the place of the last one replaced, inserted ones that of
 * the character before. */
#include "text/normalizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include "base/base64.h"
#include "base/utf8.h"
#include "text/charsmap.h"
#include "text/nfc.h"
#include "text/unicode.h"
#include "text/vocab.h"

enum kind { NFC, NFD, NFKC, NFKD, LOWERCASE, STRIP_ACCENTS, BERT, PREPEND, REPLACE, STRIP, SEQUENCE, PRECOMPILED, NMT, BYTE_LEVEL,
            KINDS, BERT_CLEAN = KINDS, BERT_CHINESE, BERT_ACCENTS };
static const char *const names[] = { "NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "BertNormalizer", "Prepend", "Replace",
                                     "Strip", "Sequence", "Precompiled", "Nmt", "ByteLevel", NULL };

struct normalizer_step {
    enum kind kind;
    char *text;                  /* Prepend, Replace */
    size_t n;
    struct json_pattern pattern; /* Replace */
    int left, right;             /* Strip */
    struct charsmap map;
};

/* ---- patterns ---- */

static enum hearth_status copy(const char *s, size_t n, char **out) {
    if (!(*out = mem_array(n + 1, 1))) return HEARTH_ENOMEM;
    memcpy(*out, s, n);
    return HEARTH_OK;
}

enum hearth_status json_pattern_init(struct json_pattern *x, const struct part *p, const char *key) {
    struct part m = part_member(p, key);
    const char *s = NULL;
    size_t n = 0;
    char what[300];
    *x = (struct json_pattern){ 0 };
    TRY(part_object(&m));
    TRY(part_string(&m, "String", &s, &n));
    if (s) return x->n = n, copy(s, n, &x->text);
    TRY(part_string(&m, "Regex", &s, &n));
    if (!s) return part_fail(&m, HEARTH_EFORMAT, "neither \"String\" nor \"Regex\", allowed: one of them");
    snprintf(what, sizeof what, "%.120s: %.150s", m.file, m.where);
    return regex_open(what, s, n, 0, &x->regex);
}

void json_pattern_free(struct json_pattern *x) {
    free(x->text);
    regex_close(x->regex);
    *x = (struct json_pattern){ 0 };
}

enum hearth_status json_pattern_find(const struct json_pattern *x, struct regex_match *m, const char *s, size_t n, size_t at,
                                     size_t after, size_t *from, size_t *to, int *found) {
    if (x->text) {
        const char *p = x->n && n > at ? memmem(s + at, n - at, x->text, x->n) : NULL;
        *found = p != NULL;
        if (p) *from = (size_t)(p - s), *to = *from + x->n;
        return HEARTH_OK;
    }
    for (uint32_t cp;; at += (size_t)utf8_read(s + at, n - at, &cp)) { /* past an empty match right behind the last one */
        TRY(regex_find(x->regex, m, s, n, at, from, to, found));
        if (!*found || *from < *to || *from != after) return HEARTH_OK;
        if (at >= n) return *found = 0, HEARTH_OK;
    }
}

/* ---- reading ---- */

static enum hearth_status add(struct normalizer *n, const struct part *p, enum kind kind, struct normalizer_step **out) {
    if (n->n == STEPS_MAX) return part_fail(p, HEARTH_ELIMIT, "more than %d steps in all, allowed: at most so many", STEPS_MAX);
    TRY(mem_grow(&n->step, &n->cap, n->n + 1, sizeof *n->step));
    *out = n->step + n->n++;
    **out = (struct normalizer_step){ .kind = kind };
    return HEARTH_OK;
}

static enum hearth_status add_bert(struct normalizer *n, const struct part *p) {
    int clean = 1, chinese = 1, lower = 1, accents;
    struct normalizer_step *s;
    TRY(part_flag(p, "clean_text", &clean));
    TRY(part_flag(p, "handle_chinese_chars", &chinese));
    TRY(part_flag(p, "lowercase", &lower));
    accents = lower;
    TRY(part_flag(p, "strip_accents", &accents));
    if (clean) TRY(add(n, p, BERT_CLEAN, &s));
    if (chinese) TRY(add(n, p, BERT_CHINESE, &s));
    if (accents) TRY(add(n, p, NFD, &s));
    if (accents) TRY(add(n, p, BERT_ACCENTS, &s));
    return lower ? add(n, p, LOWERCASE, &s) : HEARTH_OK;
}

static enum hearth_status read_text(struct normalizer_step *s, const struct part *p, const char *key) {
    const char *text = "";
    s->n = 0;
    TRY(part_string(p, key, &text, &s->n));
    return copy(text, s->n, &s->text);
}

static enum hearth_status read_map(struct normalizer_step *s, const struct part *p) {
    struct part m = part_member(p, "precompiled_charsmap");
    const char *text = NULL;
    size_t n = 0;
    char what[300];
    struct buf bytes = { 0 };
    TRY(part_string(p, "precompiled_charsmap", &text, &n));
    if (!text) return part_fail(&m, HEARTH_EFORMAT, "missing, allowed: a text in base64");
    snprintf(what, sizeof what, "%.120s: %.150s", m.file, m.where);
    enum hearth_status st = base64_append(what, text, n, &bytes);
    if (st == HEARTH_OK) st = charsmap_init(&s->map, what, (const uint8_t *)bytes.data, bytes.len);
    buf_free(&bytes);
    return st;
}

static enum hearth_status read_step(struct normalizer *n, const struct part *p, int depth) {
    int kind = 0;
    struct normalizer_step *s;
    if (depth == NESTED_MAX) return part_fail(p, HEARTH_ELIMIT, "nested %d deep, allowed: less", depth);
    TRY(part_type(p, names, &kind));
    if (kind == BERT) return add_bert(n, p);
    if (kind == SEQUENCE) {
        struct part list = part_member(p, "normalizers");
        size_t count;
        TRY(part_array(&list, STEPS_MAX, &count));
        for (size_t i = 0; i < count; i++) {
            struct part one = part_element(&list, i);
            TRY(read_step(n, &one, depth + 1));
        }
        return HEARTH_OK;
    }
    TRY(add(n, p, (enum kind)kind, &s));
    if (kind == PREPEND) return read_text(s, p, "prepend");
    if (kind == PRECOMPILED) return read_map(s, p);
    s->left = s->right = 1;
    if (kind == STRIP) TRY(part_flag(p, "strip_left", &s->left));
    if (kind == STRIP) return part_flag(p, "strip_right", &s->right);
    if (kind != REPLACE) return HEARTH_OK;
    TRY(read_text(s, p, "content"));
    return json_pattern_init(&s->pattern, p, "pattern");
}

enum hearth_status normalizer_init(struct normalizer *n, const struct part *p) {
    *n = (struct normalizer){ 0 };
    enum hearth_status st = p->v ? read_step(n, p, 0) : HEARTH_OK;
    if (st != HEARTH_OK) normalizer_free(n);
    return st;
}

void normalizer_free(struct normalizer *n) {
    for (size_t i = 0; i < n->n; i++) {
        free(n->step[i].text);
        json_pattern_free(&n->step[i].pattern);
        charsmap_free(&n->step[i].map);
    }
    free(n->step);
    *n = (struct normalizer){ 0 };
}

/* ---- running ---- */

static int nmt_gone(uint32_t c) {
    return (c >= 1 && c <= 8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F;
}
static int nmt_space(uint32_t c) {
    return c == 9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 || (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 ||
           c == 0x2581 || c == 0xFEFF || c == 0xFFFD;
}

/* Steps that look at one character: nothing, or one for it. */
static int kept(enum kind kind, uint32_t *cp) {
    switch (kind) {
    case STRIP_ACCENTS: return !unicode_mark(*cp);
    case BERT_ACCENTS: return !unicode_nonspacing(*cp);
    case BERT_CLEAN:
        if (*cp == '\t' || *cp == '\n' || *cp == '\r') return *cp = ' ', 1;
        if (*cp == 0 || *cp == 0xFFFD || unicode_other(*cp)) return 0;
        if (unicode_space(*cp)) *cp = ' ';
        return 1;
    case NMT:
        if (nmt_gone(*cp)) return 0;
        if (nmt_space(*cp)) *cp = ' ';
        return 1;
    default: return 1;
    }
}

static enum hearth_status by_character(enum kind kind, const struct aligned *in, struct aligned *out) {
    struct rewriter w = { in, out, 0 };
    uint32_t cp;
    for (size_t i = 0, len; i < in->s.len; i += len) {
        len = aligned_char(in, i, &cp);
        w.pos = i;
        if (kind == LOWERCASE) {
            TRY(rewriter_put(&w, cp == 0x130 ? 'i' : (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp), 1));
            if (cp == 0x130) TRY(rewriter_put(&w, 0x307, 0));
        } else if (kind == BERT_CHINESE && unicode_chinese(cp)) {
            TRY(rewriter_put(&w, ' ', 1));
            TRY(rewriter_put(&w, cp, 0));
            TRY(rewriter_put(&w, ' ', 0));
        } else if (kept(kind, &cp)) {
            TRY(rewriter_put(&w, cp, 1));
        }
    }
    return HEARTH_OK;
}

/* A byte as byte-level BPE writes it, with the place of its character. */
static enum hearth_status byte_level(const struct aligned *in, struct aligned *out) {
    char c[2];
    for (size_t i = 0; i < in->s.len; i++)
        TRY(aligned_put(out, c, vocab_byte_char((unsigned char)in->s.data[i], c), aligned_span(in, i, i + 1)));
    return HEARTH_OK;
}

static enum hearth_status prepend(const struct normalizer_step *s, const struct aligned *in, struct aligned *out) {
    if (in->s.len) TRY(aligned_put(out, s->text, s->n, aligned_span(in, 0, 1)));
    return aligned_copy(out, in, 0, in->s.len);
}

static enum hearth_status replace(const struct normalizer_step *s, struct regex_match *m, const struct aligned *in, struct aligned *out) {
    size_t n = in->s.len, at = 0, from, to, after = SIZE_MAX;
    for (int found;; at = after = to) {
        TRY(json_pattern_find(&s->pattern, m, in->s.data ? in->s.data : "", n, at, after, &from, &to, &found));
        TRY(aligned_copy(out, in, at, found ? from : n));
        if (!found) return HEARTH_OK;
        TRY(aligned_put(out, s->text, s->n, to ? aligned_span(in, to - 1, to) : (struct span){ in->base, in->base }));
    }
}

static enum hearth_status strip(const struct normalizer_step *s, const struct aligned *in, struct aligned *out) {
    size_t from = 0, to = in->s.len, last = 0;
    uint32_t cp;
    for (size_t len; s->left && from < to; from += len) {
        len = aligned_char(in, from, &cp);
        if (!unicode_space(cp)) break;
    }
    for (size_t i = last = from, len; s->right && i < to; i += len) {
        len = aligned_char(in, i, &cp);
        if (!unicode_space(cp)) last = i + len;
    }
    return aligned_copy(out, in, from, s->right ? last : to);
}

static enum hearth_status run_step(const struct normalizer_step *s, struct regex_match *m, const struct aligned *in, struct aligned *out) {
    switch (s->kind) {
    case NFC: return normal_form(FORM_NFC, in, out);
    case NFD: return normal_form(FORM_NFD, in, out);
    case NFKC: return normal_form(FORM_NFKC, in, out);
    case NFKD: return normal_form(FORM_NFKD, in, out);
    case PREPEND: return prepend(s, in, out);
    case REPLACE: return replace(s, m, in, out);
    case STRIP: return strip(s, in, out);
    case PRECOMPILED: return charsmap_apply(&s->map, in, out);
    case BYTE_LEVEL: return byte_level(in, out);
    default: return by_character(s->kind, in, out);
    }
}

enum hearth_status normalizer_run(const struct normalizer *n, struct regex_match *m, struct aligned *text, struct aligned *other) {
    for (size_t i = 0; i < n->n; i++) {
        if (n->step[i].kind == NFC && nfc_certain(text->s.data, text->s.len)) continue;
        aligned_like(other, text);
        TRY(run_step(n->step + i, m, text, other));
        struct aligned swap = *text;
        *text = *other;
        *other = swap;
    }
    return HEARTH_OK;
}
