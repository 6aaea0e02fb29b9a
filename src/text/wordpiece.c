/* wordpiece.c - the longest piece that the vocabulary has, again and again from the left (Wu and others: "Google's neural machine
 * translation system", 2016); pieces behind the first carry a prefix, "##".  A word that cannot be taken apart is unknown as a whole. */
#include "text/wordmodel_in.h"

#include <string.h>

static size_t count_characters(const char *s, size_t n) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) count += (s[i] & 0xC0) != 0x80;
    return count;
}

/* The longest piece at s[at, n); *end where it ends.  -1: none. */
static int32_t longest(const struct wordmodel *m, const struct vocab *v, struct buf *piece, const char *s, size_t n, size_t at, size_t *end) {
    size_t head = at ? m->prefix_n : 0, room = v->longest > head ? v->longest - head : 0;
    size_t to = n - at > room ? at + room : n;
    while (to > at && to < n && (s[to] & 0xC0) == 0x80) to--;
    piece->len = 0;
    if (buf_put(piece, m->prefix, head) != HEARTH_OK || buf_put(piece, s + at, to - at) != HEARTH_OK) return -2;
    for (; to > at; to--) {
        if (to < n && (s[to] & 0xC0) == 0x80) continue; /* inside a character */
        int32_t id = vocab_find(v, piece->data, head + (to - at));
        if (id >= 0) return *end = to, id;
    }
    return -1;
}

enum hearth_status wordpiece_encode(const struct wordmodel *m, const struct vocab *v, struct wordmodel_work *w, const struct aligned *text,
                                    size_t from, size_t to, struct tokens *out) {
    const char *s = text->s.data + from;
    size_t n = to - from, before = out->n, ids = out->ids->n;
    int bad = count_characters(s, n) > (size_t)m->longest;
    for (size_t at = 0, end = 0; at < n && !bad; at = end) {
        int32_t id = longest(m, v, &w->word, s, n, at, &end);
        if (id == -2) return HEARTH_ENOMEM;
        bad = id < 0;
        if (!bad) TRY(tokens_put(out, id, aligned_span(text, from + at, from + end)));
    }
    if (!bad) return HEARTH_OK;
    out->n = before;
    out->ids->n = ids;
    return tokens_put(out, m->unknown, aligned_span(text, from, to));
}
