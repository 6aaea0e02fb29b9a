/* wordcount.c - see wordcount.h.  A text of 100 MB has some million different words, so everything that is done to words is done
 * once for each of them and not once for each place where it stands. */
#include "text/wordcount.h"

#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "text/vocab.h"

enum { FIRST_BITS = 10, MOST_BITS = 31 };

void wordcount_free(struct wordcount *c) {
    buf_free(&c->bytes);
    free(c->word);
    free(c->slot);
    regex_match_close(c->match);
    regex_close(c->pre);
    *c = (struct wordcount){ 0 };
}

static void place(struct wordcount *c, uint32_t word, uint64_t hash) {
    size_t mask = ((size_t)1 << c->bits) - 1, i = hash >> (64 - c->bits);
    while (c->slot[i]) i = (i + 1) & mask;
    c->slot[i] = word + 1;
}

static enum hearth_status grow(struct wordcount *c) {
    int bits = c->bits ? c->bits + 1 : FIRST_BITS;
    if (bits > MOST_BITS) return fail(HEARTH_ELIMIT, "a text of %zu different words, allowed: fewer", c->n);
    uint32_t *slot = mem_array((size_t)1 << bits, sizeof *slot);
    if (!slot) return HEARTH_ENOMEM;
    free(c->slot);
    c->slot = slot;
    c->bits = bits;
    for (size_t i = 0; i < c->n; i++) place(c, (uint32_t)i, vocab_hash(c->bytes.data + c->word[i].at, c->word[i].n));
    return HEARTH_OK;
}

enum hearth_status wordcount_add(struct wordcount *c, const char *s, size_t n, uint64_t count) {
    if (n == 0) return HEARTH_OK;
    if (n > UINT32_MAX) return fail(HEARTH_ELIMIT, "a word of %zu bytes, allowed: fewer than 2^32", n);
    uint64_t hash = vocab_hash(s, n);
    if (c->bits) {
        size_t mask = ((size_t)1 << c->bits) - 1;
        for (size_t i = hash >> (64 - c->bits); c->slot[i]; i = (i + 1) & mask) {
            struct counted_word *w = c->word + c->slot[i] - 1;
            if (w->tag != (uint32_t)hash || w->n != n || memcmp(c->bytes.data + w->at, s, n)) continue;
            w->count += count;
            return HEARTH_OK;
        }
    }
    if (!c->bits || 2 * (c->n + 1) > (size_t)1 << c->bits) TRY(grow(c));
    TRY(mem_grow(&c->word, &c->cap, c->n + 1, sizeof *c->word));
    c->word[c->n] = (struct counted_word){ c->bytes.len, (uint32_t)n, (uint32_t)hash, count };
    TRY(buf_put(&c->bytes, s, n));
    place(c, (uint32_t)c->n++, hash);
    return HEARTH_OK;
}

enum hearth_status wordcount_text(struct wordcount *c, const struct pretoken_rule *rule, const char *what, const char *s, size_t n) {
    size_t bad = 0;
    if (!utf8_valid(s, n, &bad))
        return fail(HEARTH_EFORMAT, "%s: byte %zu is 0x%02X, allowed: text in UTF-8", what, bad, (unsigned)(unsigned char)s[bad]);
    if (!c->pre) TRY(pretoken_open(rule, 1, &c->pre));
    if (!c->match && !(c->match = regex_match_open())) return HEARTH_ENOMEM;
    for (size_t at = 0, len; at < n; at += len) {
        TRY(pretoken_next(c->pre, c->match, s, n, at, &len));
        TRY(wordcount_add(c, s + at, len, 1));
    }
    return HEARTH_OK;
}
