/* aligned.h - a text that is being changed, and where each of its bytes comes from.
 *
 *     original   "É  a"            normalised   "e   a"
 *     s          e    ' ' ' ' a
 *     at         0-2  2-3 3-4 4-5  the bytes of the original that this byte stands for, always whole characters
 *
 * Without `on` no places are kept, which costs an eighth of the memory. */
#ifndef HEARTH_TEXT_ALIGNED_H
#define HEARTH_TEXT_ALIGNED_H

#include "base/mem.h"

struct span { uint32_t from, to; };

struct aligned {                 /* zero-initialise but for `on`; aligned_free() */
    struct buf s;
    struct span *at;             /* [s.len] when on */
    size_t cap;
    int on;
    uint32_t base;               /* where in the original the text begins */
    size_t most;                 /* bytes that it may grow to, whatever a file asks for; 0: any */
};

void aligned_free(struct aligned *a);
/* Empties it and takes over whether places are kept, and the beginning. */
void aligned_like(struct aligned *a, const struct aligned *other);
/* n bytes that all stand for one place. */
enum hearth_status aligned_put(struct aligned *a, const char *s, size_t n, struct span at);
/* in[from, to), each byte with its place. */
enum hearth_status aligned_copy(struct aligned *a, const struct aligned *in, size_t from, size_t to);
/* The text from [0, n) of an original, whose byte i is at base + i.  Malformed bytes become U+FFFD, one for each longest beginning of
 * a character, as Unicode recommends (chapter 3.9) and Python and Rust do. */
enum hearth_status aligned_original(struct aligned *a, const char *s, size_t n, uint32_t base);
/* What in[from, to) stands for. */
static inline struct span aligned_span(const struct aligned *in, size_t from, size_t to) {
    if (!in->on || from >= to) return (struct span){ in->base, in->base };
    return (struct span){ in->at[from].from, in->at[to - 1].to };
}

/* Rewriting a text character by character: each new one stands for `used` old ones that come next; with 0 it shares the place of
 * the last old one before it. */
struct rewriter { const struct aligned *in; struct aligned *out; size_t pos; };
enum hearth_status rewriter_put(struct rewriter *w, uint32_t cp, unsigned used);
void rewriter_skip(struct rewriter *w, unsigned chars);

/* The character at a->s.data[i] of a well-formed text; *cp.  Its length. */
size_t aligned_char(const struct aligned *a, size_t i, uint32_t *cp);

#endif
