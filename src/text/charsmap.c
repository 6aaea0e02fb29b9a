/* charsmap.c - see charsmap.h.  A unit is read only inside the trie and a text only inside the file: the table is a stranger's. */
#include "text/charsmap.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include "base/utf8.h"

enum { GRAPHEME = 6, CHARSMAP_MAX = 1 << 26 };

static uint32_t le32(const uint8_t *p) { return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24; }

enum hearth_status charsmap_init(struct charsmap *c, const char *what, const uint8_t *data, size_t n) {
    *c = (struct charsmap){ 0 };
    if (n < 8 || n > CHARSMAP_MAX) return fail(HEARTH_EFORMAT, "%s: %zu bytes, allowed: 8 to %d", what, n, CHARSMAP_MAX);
    uint32_t trie = le32(data);
    if (trie % 4 || trie == 0 || trie > n - 4)
        return fail(HEARTH_EFORMAT, "%s: a trie of %u bytes in %zu, allowed: a multiple of 4 that fits", what, trie, n);
    if (!(c->data = mem_array(n, 1))) return HEARTH_ENOMEM;
    memcpy(c->data, data, n);
    c->n = n;
    c->units = trie / 4;
    return HEARTH_OK;
}

void charsmap_free(struct charsmap *c) {
    free(c->data);
    *c = (struct charsmap){ 0 };
}

static uint32_t unit(const struct charsmap *c, size_t i) { return i < c->units ? le32(c->data + 4 + 4 * i) : 0; }
static size_t offset_of(uint32_t u) { return (size_t)(u >> 10) << ((u & 1u << 9) >> 6); }

int charsmap_find(const struct charsmap *c, const char *s, size_t n, int longest, const char **text, size_t *len, size_t *used) {
    size_t node = offset_of(unit(c, 0)), texts = 4 + 4 * (size_t)c->units;
    int found = 0;
    for (size_t i = 0; i < n && s[i]; i++) {
        node ^= (unsigned char)s[i];
        uint32_t u = unit(c, node);
        if ((u & (1u << 31 | 0xFF)) != (unsigned char)s[i]) break;
        node ^= offset_of(u);
        if (!(u >> 8 & 1)) continue;
        size_t at = texts + (unit(c, node) & 0x7FFFFFFF);
        const uint8_t *end = at < c->n ? memchr(c->data + at, 0, c->n - at) : NULL;
        if (at > c->n) return found;
        *text = (const char *)c->data + at;
        *len = end ? (size_t)(end - (c->data + at)) : c->n - at;
        if (!utf8_valid(*text, *len, NULL)) return found;
        *used = i + 1;
        found = 1;
        if (!longest) break;
    }
    return found;
}

static unsigned characters(const char *s, size_t n) {
    unsigned count = 0;
    for (size_t i = 0; i < n; i++) count += (s[i] & 0xC0) != 0x80;
    return count;
}

/* The text for old characters: one for one, what it has more stands for none, what it has less goes with its last. */
static enum hearth_status put_text(struct rewriter *w, const char *text, size_t n, unsigned old) {
    unsigned count = characters(text, n), k = 0;
    for (size_t i = 0; i < n; k++) {
        uint32_t cp;
        int len = utf8_read(text + i, n - i, &cp);
        unsigned used = k < old;
        if (k + 1 == count && old > count) used += old - count;
        TRY(rewriter_put(w, cp, used));
        i += (size_t)(len > 0 ? len : 1);
    }
    if (count == 0 && w->out->s.len) rewriter_skip(w, old); /* at the very beginning `tokenizers` forgets them; so do we */
    return HEARTH_OK;
}

static enum hearth_status put_grapheme(const struct charsmap *c, struct rewriter *w, const char *s, size_t n) {
    const char *text;
    size_t len, used;
    if (n < GRAPHEME && charsmap_find(c, s, n, 0, &text, &len, &used)) return put_text(w, text, len, characters(s, n));
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        int bytes = utf8_read(s + i, n - i, &cp);
        if (bytes < 1) bytes = 1;
        if (charsmap_find(c, s + i, (size_t)bytes, 0, &text, &len, &used)) TRY(put_text(w, text, len, 1));
        else TRY(rewriter_put(w, cp, 1));
        i += (size_t)bytes;
    }
    return HEARTH_OK;
}

enum hearth_status charsmap_apply(const struct charsmap *c, const struct aligned *in, struct aligned *out) {
    struct rewriter w = { in, out, 0 };
    const char *s = in->s.data;
    size_t n = in->s.len;
    for (size_t i = 0, end; i < n; i = end) {
        uint32_t before, next;
        utf8proc_int32_t state = 0;
        end = i + aligned_char(in, i, &before);
        for (; end < n; before = next) {
            size_t len = aligned_char(in, end, &next);
            if (utf8proc_grapheme_break_stateful((utf8proc_int32_t)before, (utf8proc_int32_t)next, &state)) break;
            end += len;
        }
        TRY(put_grapheme(c, &w, s + i, end - i));
    }
    return HEARTH_OK;
}
