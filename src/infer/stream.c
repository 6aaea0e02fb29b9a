/* stream.c - what stream.h promises, in one pass over the bytes.
 *
 * Each stop string has a matcher after Knuth, Morris and Pratt (1977): `matched` bytes of it are the last bytes read,
 * and fall[k] says how many still are when the k matched ones are not followed by the next.  The longest `matched`
 * is what must be held back:
 *
 *      already shown | whole characters, shown now | cut character | beginning of a stop string
 *                    |<------------------------- hold ------------------------------------------>|
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "infer/stream.h"

static enum hearth_status stop_init(struct stop *p, size_t index, const char *text) {
    if (!text) return fail(HEARTH_EUSAGE, "stop[%zu]: no string is given", index);
    size_t n = strnlen(text, STOP_MAX + 1), bad;
    if (n < 1 || n > STOP_MAX)
        return fail(HEARTH_EUSAGE, "stop[%zu]: %s, but a stop string has 1 .. %d bytes", index,
                    n ? "too long" : "empty", STOP_MAX);
    if (!utf8_valid(text, n, &bad)) return fail(HEARTH_EUSAGE, "stop[%zu]: not UTF-8 at byte %zu", index, bad);
    uint16_t *fall = mem_array(n + 1, sizeof *fall);
    if (!fall) return HEARTH_ENOMEM;
    for (size_t i = 1, k = 0; i < n; i++) { /* fall[i + 1]: the longest proper border of text[0 .. i] */
        while (k > 0 && text[i] != text[k]) k = fall[k];
        k += text[i] == text[k];
        fall[i + 1] = (uint16_t)k;
    }
    *p = (struct stop){ .text = text, .len = (uint16_t)n, .fall = fall };
    return HEARTH_OK;
}

enum hearth_status stream_init(struct stream *s, const char *const *stop, size_t n_stop,
                               int (*show)(void *user, const char *text, size_t len), void *user) {
    s->show = show;
    s->user = user;
    s->stop = NULL;
    s->n_stop = s->held = 0;
    s->met = -1;
    s->refused = 0;
    if (n_stop > STOPS_MAX) return fail(HEARTH_EUSAGE, "stop: %zu strings are more than the %d allowed", n_stop, STOPS_MAX);
    if (n_stop == 0) return HEARTH_OK;
    if (!stop) return fail(HEARTH_EUSAGE, "stop: %zu strings, but none are given", n_stop);
    s->stop = mem_array(n_stop, sizeof *s->stop);
    enum hearth_status st = s->stop ? HEARTH_OK : HEARTH_ENOMEM;
    while (st == HEARTH_OK && s->n_stop < n_stop) {
        st = stop_init(&s->stop[s->n_stop], s->n_stop, stop[s->n_stop]);
        if (st == HEARTH_OK) s->n_stop++;
    }
    if (st != HEARTH_OK) stream_free(s);
    return st;
}

void stream_free(struct stream *s) {
    for (size_t i = 0; i < s->n_stop; i++) free(s->stop[i].fall);
    free(s->stop);
    s->stop = NULL;
    s->n_stop = 0;
}

/* Follows one byte; returns the length of the stop string that it completes, or 0. */
static size_t match(struct stream *s, char c) {
    size_t longest = 0;
    for (size_t i = 0; i < s->n_stop; i++) {
        struct stop *p = &s->stop[i];
        size_t k = p->matched;
        while (k > 0 && p->text[k] != c) k = p->fall[k];
        k += p->text[k] == c;
        p->matched = (uint16_t)k;
        if (k == p->len && k > longest) {
            longest = k;
            s->met = (int)i;
        }
    }
    return longest;
}

static size_t may_become_a_stop(const struct stream *s) {
    size_t longest = 0;
    for (size_t i = 0; i < s->n_stop; i++)
        if (s->stop[i].matched > longest) longest = s->stop[i].matched;
    return longest;
}

/* The malformed part at s: as many bytes as could have begun a character, at least one. */
static size_t malformed(const char *s, size_t n) {
    size_t k = 1;
    while (k < n && k < 3 && utf8_whole(s, k + 1) == 0) k++;
    return utf8_whole(s, 1) == 0 ? k : 1;
}

/* Shows the first n bytes held. */
static void show(struct stream *s, size_t n) {
    size_t at = 0, len = 0;
    while (at < n) {
        uint32_t cp;
        int got = utf8_read(s->hold + at, n - at, &cp);
        if (got > 0) {
            memcpy(s->out + len, s->hold + at, (size_t)got);
            at += (size_t)got;
            len += (size_t)got;
        } else {
            len += (size_t)utf8_write(0xFFFD, s->out + len);
            at += malformed(s->hold + at, n - at);
        }
    }
    s->held -= n;
    memmove(s->hold, s->hold + n, s->held);
    if (len > 0 && s->show && s->show(s->user, s->out, len)) s->refused = 1;
}

int stream_put(struct stream *s, const char *bytes, size_t n) {
    while (n > 0 && s->met < 0 && !s->refused) {
        size_t step = n < STREAM_STEP ? n : STREAM_STEP, stop = 0;
        for (size_t i = 0; i < step && !stop; i++) {
            s->hold[s->held++] = bytes[i];
            stop = match(s, bytes[i]);
        }
        if (stop) show(s, s->held - stop);
        else show(s, utf8_whole(s->hold, s->held - may_become_a_stop(s)));
        bytes += step;
        n -= step;
    }
    return s->met >= 0 || s->refused;
}

int stream_end(struct stream *s) {
    if (s->met < 0 && !s->refused) show(s, s->held);
    return s->met >= 0 || s->refused;
}
