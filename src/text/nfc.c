/* nfc.c - normalisation form C over libutf8proc's tables.
 *
 * utf8proc_decompose() would do it in one call, but it orders combining marks by swapping neighbours, which takes
 * n * n steps for a text of n marks.  Here: each character is decomposed by the library, runs of marks are ordered by
 * counting (256 classes), the library composes; all linear.
 *
 *     text --decompose--> [starter, mark, mark, starter, ...] --order marks--> --compose--> text
 *
 * A character below U+0300 never joins what stands before it, so the work is done in stretches that end at one.
 */
#include "text/nfc.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include "base/utf8.h"

enum {
    FIRST_MARK = 0x300, STRETCH = 4096,
    INSERTION = 16,              /* marks up to which insertion sort is quicker */
    MOST_PARTS = 32              /* characters that one decomposes to; really 4 */
};

struct stretch {                 /* characters being put in order */
    int32_t *cp, *sorted;        /* [cap], [sorted_cap] */
    size_t n, cap, sorted_cap;
};

int nfc_certain(const char *s, size_t n) {
    unsigned char most = 0;      /* U+0300 is CC 80; malformed bytes make this say no, and cost only time */
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] > most) most = (unsigned char)s[i];
    return most < 0xCC;
}

static int class_of(int32_t cp) {
    return cp < FIRST_MARK ? 0 : utf8proc_get_property(cp)->combining_class;
}

/* Puts the marks [from, to) in the order of their classes; equal classes keep theirs. */
static enum hearth_status order_marks(struct stretch *t, size_t from, size_t to) {
    int32_t *cp = t->cp + from;
    size_t n = to - from;
    if (n <= INSERTION) {
        for (size_t i = 1; i < n; i++) {
            int32_t x = cp[i];
            size_t k = i;
            for (; k && class_of(cp[k - 1]) > class_of(x); k--) cp[k] = cp[k - 1];
            cp[k] = x;
        }
        return HEARTH_OK;
    }
    TRY(mem_grow(&t->sorted, &t->sorted_cap, n, sizeof *cp));
    size_t start[257] = { 0 };
    for (size_t i = 0; i < n; i++) start[class_of(cp[i]) + 1]++;
    for (int c = 0; c < 256; c++) start[c + 1] += start[c];
    for (size_t i = 0; i < n; i++) t->sorted[start[class_of(cp[i])]++] = cp[i];
    memcpy(cp, t->sorted, n * sizeof *cp);
    return HEARTH_OK;
}

/* Orders, composes and writes what was gathered. */
static enum hearth_status stretch_flush(struct stretch *t, struct buf *out) {
    if (t->n == 0) return HEARTH_OK;
    for (size_t i = 0; i < t->n;) {
        size_t from = i;
        while (i < t->n && class_of(t->cp[i])) i++;
        if (i - from > 1) TRY(order_marks(t, from, i));
        if (i == from) i++;
    }
    utf8proc_ssize_t n = utf8proc_normalize_utf32(t->cp, (utf8proc_ssize_t)t->n, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (n < 0) return fail(HEARTH_EINTERNAL, "cannot normalise a text: %s", utf8proc_errmsg(n));
    for (utf8proc_ssize_t i = 0; i < n; i++) {
        char bytes[4];
        int len = utf8_write((uint32_t)t->cp[i], bytes);
        TRY(buf_put(out, bytes, (size_t)len));
    }
    t->n = 0;
    return HEARTH_OK;
}

static enum hearth_status append(struct stretch *t, const char *s, size_t n, struct buf *out) {
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        int len = utf8_read(s + i, n - i, &cp);
        if (len < 0 || (cp < FIRST_MARK && t->n >= STRETCH)) TRY(stretch_flush(t, out));
        if (len < 0) {
            TRY(buf_putc(out, s[i++]));
            continue;
        }
        i += (size_t)len;
        TRY(mem_grow(&t->cp, &t->cap, t->n + MOST_PARTS, sizeof *t->cp));
        utf8proc_ssize_t parts = utf8proc_decompose_char((utf8proc_int32_t)cp, t->cp + t->n, MOST_PARTS,
                                                         UTF8PROC_STABLE | UTF8PROC_DECOMPOSE, NULL);
        if (parts < 0 || parts > MOST_PARTS) return fail(HEARTH_EINTERNAL, "cannot normalise U+%04X", (unsigned)cp);
        t->n += (size_t)parts;
    }
    return stretch_flush(t, out);
}

enum hearth_status nfc_append(const char *s, size_t n, struct buf *out) {
    struct stretch t = { 0 };
    size_t before = out->len;
    enum hearth_status st = append(&t, s, n, out);
    if (st != HEARTH_OK) out->len = before;
    free(t.cp);
    free(t.sorted);
    return st;
}
