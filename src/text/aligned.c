/* aligned.c - see aligned.h. */
#include "text/aligned.h"

#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"

void aligned_free(struct aligned *a) {
    buf_free(&a->s);
    free(a->at);
    *a = (struct aligned){ 0 };
}

void aligned_like(struct aligned *a, const struct aligned *other) {
    a->s.len = 0;
    a->on = other->on;
    a->base = other->base;
    a->most = other->most;
}

/* Room for the places of n more bytes. */
static enum hearth_status places(struct aligned *a, size_t n) {
    if (a->most && a->s.len + n > a->most)
        return fail(HEARTH_ELIMIT, "a text grows past %zu bytes while the tokenizer rewrites it, allowed: at most so many", a->most);
    return a->on ? mem_grow(&a->at, &a->cap, a->s.len + n, sizeof *a->at) : HEARTH_OK;
}

enum hearth_status aligned_put(struct aligned *a, const char *s, size_t n, struct span at) {
    TRY(places(a, n));
    for (size_t i = 0; a->on && i < n; i++) a->at[a->s.len + i] = at;
    return buf_put(&a->s, s, n);
}

enum hearth_status aligned_copy(struct aligned *a, const struct aligned *in, size_t from, size_t to) {
    if (from >= to) return HEARTH_OK;
    TRY(places(a, to - from));
    if (a->on) memcpy(a->at + a->s.len, in->at + from, (to - from) * sizeof *a->at);
    return buf_put(&a->s, in->s.data + from, to - from);
}

/* Bytes of the longest beginning of a character at s, where none is whole: at least 1. */
static size_t malformed(const char *s, size_t n) {
    for (size_t len = n < 3 ? n : 3; len > 1; len--)
        if (utf8_whole(s, len) == 0) return len; /* more bytes could complete it */
    return 1;
}

enum hearth_status aligned_original(struct aligned *a, const char *s, size_t n, uint32_t base) {
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        int len = utf8_read(s + i, n - i, &cp);
        size_t take = len > 0 ? (size_t)len : malformed(s + i, n - i);
        struct span at = { base + (uint32_t)i, base + (uint32_t)(i + take) };
        if (len > 0) TRY(aligned_put(a, s + i, take, at));
        else TRY(aligned_put(a, "\xEF\xBF\xBD", 3, at));
        i += take;
    }
    return HEARTH_OK;
}

size_t aligned_char(const struct aligned *a, size_t i, uint32_t *cp) {
    int len = utf8_read(a->s.data + i, a->s.len - i, cp);
    return len > 0 ? (size_t)len : 1;
}

void rewriter_skip(struct rewriter *w, unsigned chars) {
    uint32_t cp;
    while (chars-- && w->pos < w->in->s.len) w->pos += aligned_char(w->in, w->pos, &cp);
}

enum hearth_status rewriter_put(struct rewriter *w, uint32_t cp, unsigned used) {
    char bytes[4];
    struct span at = { w->in->base, w->in->base };
    if (w->in->on) {
        if (used && w->pos < w->in->s.len) at = w->in->at[w->pos];
        else if (w->pos) at = w->in->at[w->pos - 1];
        rewriter_skip(w, used);
    }
    return aligned_put(w->out, bytes, (size_t)utf8_write(cp, bytes), at);
}
