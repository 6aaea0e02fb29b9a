/* nfc.c - normalisation forms over libutf8proc's tables.
 *
 * utf8proc_decompose() would do it in one call, but it orders combining marks by swapping neighbours, which takes
 * n * n steps for a text of n marks.  Here: each character is decomposed by the library, runs of marks are ordered by
 * counting (256 classes), pairs are composed by the library; all linear.
 *
 *     text --decompose--> [starter, mark, mark, starter, ...] --order marks--> --compose--> text
 *
 * Each character carries how many characters of the text it stands for: the first part of a decomposed one for it, the others for
 * none, a composed one for the sum.  So the places of the result are known (aligned.h).
 *
 * Characters that the `tokenizers` package does not know yet (unicode_old.h) stay as they are.
 *
 * A character below U+0300 never joins what stands before it, so the work is done in stretches that end at one.
 */
#include "text/nfc.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include "base/utf8.h"
#include "text/unicode.h"

enum {
    FIRST_MARK = 0x300, STRETCH = 4096,
    INSERTION = 16,              /* marks up to which insertion sort is quicker */
    MOST_PARTS = 32              /* characters that one decomposes to; really 4 */
};

struct part { int32_t cp; uint32_t used; };

struct stretch {                 /* characters being put in order */
    struct part *part, *sorted;  /* [cap], [sorted_cap] */
    size_t n, cap, sorted_cap;
    int options;                 /* of the library */
    struct rewriter w;
};

int nfc_certain(const char *s, size_t n) {
    unsigned char most = 0;      /* U+0300 is CC 80; malformed bytes make this say no, and cost only time */
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] > most) most = (unsigned char)s[i];
    return most < 0xCC;
}

static int class_of(int32_t cp) {
    int class = cp < FIRST_MARK ? 0 : utf8proc_get_property(cp)->combining_class;
    return class && unicode_unknown((uint32_t)cp) ? 0 : class;
}

/* Puts the marks [from, to) in the order of their classes; equal classes keep theirs. */
static enum hearth_status order_marks(struct stretch *t, size_t from, size_t to) {
    struct part *p = t->part + from;
    size_t n = to - from;
    if (n <= INSERTION) {
        for (size_t i = 1; i < n; i++) {
            struct part x = p[i];
            size_t k = i;
            for (; k && class_of(p[k - 1].cp) > class_of(x.cp); k--) p[k] = p[k - 1];
            p[k] = x;
        }
        return HEARTH_OK;
    }
    TRY(mem_grow(&t->sorted, &t->sorted_cap, n, sizeof *p));
    size_t start[257] = { 0 };
    for (size_t i = 0; i < n; i++) start[class_of(p[i].cp) + 1]++;
    for (int c = 0; c < 256; c++) start[c + 1] += start[c];
    for (size_t i = 0; i < n; i++) t->sorted[start[class_of(p[i].cp)]++] = p[i];
    memcpy(p, t->sorted, n * sizeof *p);
    return HEARTH_OK;
}

/* The character that a and b become together; 0: none. */
static int32_t composed(int32_t a, int32_t b) {
    int32_t pair[3] = { a, b, 0 };
    if (b < FIRST_MARK) return 0;
    if (utf8proc_normalize_utf32(pair, 2, UTF8PROC_STABLE | UTF8PROC_COMPOSE) != 1) return 0;
    return unicode_unknown((uint32_t)pair[0]) ? 0 : pair[0];
}

/* A mark joins the last starter unless one of its class or a higher one stands between. */
static void compose(struct stretch *t) {
    size_t n = 0, starter = SIZE_MAX;
    int last = -1;               /* the class of what stands behind the starter; -1: nothing */
    for (size_t i = 0; i < t->n; i++) {
        struct part p = t->part[i];
        int class = class_of(p.cp);
        int32_t whole = starter != SIZE_MAX && last < class ? composed(t->part[starter].cp, p.cp) : 0;
        if (whole) {
            t->part[starter].cp = whole;
            t->part[starter].used += p.used;
            continue;
        }
        if (class == 0) starter = n;
        last = class ? class : -1;
        t->part[n++] = p;
    }
    t->n = n;
}

/* Orders, composes and writes what was gathered. */
static enum hearth_status stretch_flush(struct stretch *t) {
    for (size_t i = 0; i < t->n;) {
        size_t from = i;
        while (i < t->n && class_of(t->part[i].cp)) i++;
        if (i - from > 1) TRY(order_marks(t, from, i));
        if (i == from) i++;
    }
    if (t->options & UTF8PROC_COMPOSE) compose(t);
    for (size_t i = 0; i < t->n; i++) TRY(rewriter_put(&t->w, (uint32_t)t->part[i].cp, t->part[i].used));
    t->n = 0;
    return HEARTH_OK;
}

static enum hearth_status gather(struct stretch *t, uint32_t cp) {
    int32_t parts[MOST_PARTS];
    TRY(mem_grow(&t->part, &t->cap, t->n + MOST_PARTS, sizeof *t->part));
    utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)cp, parts, MOST_PARTS,
                                                 (t->options & ~UTF8PROC_COMPOSE) | UTF8PROC_DECOMPOSE, NULL);
    if (n < 0 || n > MOST_PARTS) return fail(HEARTH_EINTERNAL, "cannot normalise U+%04X", (unsigned)cp);
    if (n > 0 && (n > 1 || parts[0] != (int32_t)cp) && unicode_unknown(cp)) parts[0] = (int32_t)cp, n = 1;
    for (utf8proc_ssize_t i = 0; i < n; i++) t->part[t->n++] = (struct part){ parts[i], i == 0 };
    return HEARTH_OK;
}

static enum hearth_status rewrite(struct stretch *t, const struct aligned *in, struct aligned *out) {
    const char *s = in->s.data;
    size_t n = in->s.len;
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        int len = utf8_read(s + i, n - i, &cp);
        if (len < 0 || (cp < FIRST_MARK && t->n >= STRETCH)) TRY(stretch_flush(t));
        if (len < 0) {
            TRY(aligned_copy(out, in, i, i + 1));
            t->w.pos = ++i;
            continue;
        }
        i += (size_t)len;
        TRY(gather(t, cp));
    }
    return stretch_flush(t);
}

enum hearth_status normal_form(enum normal_form form, const struct aligned *in, struct aligned *out) {
    static const int options[] = { [FORM_NFC] = UTF8PROC_COMPOSE, [FORM_NFD] = 0, [FORM_NFKC] = UTF8PROC_COMPOSE | UTF8PROC_COMPAT,
                                   [FORM_NFKD] = UTF8PROC_COMPAT };
    struct stretch t = { .options = options[form] | UTF8PROC_STABLE, .w = { in, out, 0 } };
    enum hearth_status st = rewrite(&t, in, out);
    free(t.part);
    free(t.sorted);
    return st;
}

enum hearth_status nfc_append(const char *s, size_t n, struct buf *out) {
    struct aligned in = { .s = { .data = (char *)s, .len = n } }, to = { .s = *out };
    size_t before = out->len;
    enum hearth_status st = normal_form(FORM_NFC, &in, &to);
    *out = to.s;
    if (st != HEARTH_OK) out->len = before;
    return st;
}
