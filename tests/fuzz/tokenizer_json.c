/* tokenizer_json.c - fuzz target: a tokenizer.json and a text, with a zero byte between (a file without one is both).
 *
 * Asserted: what is refused has a message; ids are in range; places lie inside the text and go forward in each pair; a text is encoded
 * the same twice, with places and without; decoding succeeds; marks leave no special token of the text's own. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Limits may be reached, by a pattern or by a text that grows; nothing else may go wrong. */
static int may_fail(enum hearth_status st) {
    if (st == HEARTH_OK) return 0;
    if (!*hearth_errmsg() || st == HEARTH_EINTERNAL) abort();
    return 1;
}

static void check_places(const struct tokenizer *t, const struct ids *ids, const size_t *at, size_t n) {
    for (size_t i = 0; i < ids->n; i++) {
        const char *s;
        size_t len;
        if (ids->id[i] < 0 || ids->id[i] >= tokenizer_size(t)) abort();
        if (at[2 * i] > at[2 * i + 1] || at[2 * i + 1] > n) abort();
        tokenizer_piece(t, ids->id[i], 1, &s, &len);
    }
}

static void check(const struct tokenizer *t, const char *text, size_t n) {
    for (int flags = 0; flags < 4; flags++) {
        struct ids ids = { 0 }, again = { 0 };
        struct buf back = { 0 };
        size_t *at = NULL;
        if (!may_fail(tokenizer_encode_places(t, text, n, flags, &ids, &at))) {
            check_places(t, &ids, at, n);
            if (tokenizer_encode(t, text, n, flags, &again) != HEARTH_OK) abort();
            if (ids.n != again.n || (ids.n && memcmp(ids.id, again.id, ids.n * sizeof *ids.id))) abort();
            may_fail(tokenizer_decode(t, ids.id, ids.n, flags & 1, &back));
        } else if (ids.n) {
            abort();
        }
        free(at), free(ids.id), free(again.id), buf_free(&back);
    }
}

static void check_marks(const struct tokenizer *t, const char *text, size_t n) {
    struct buf b = { 0 };
    struct ids ids = { 0 };
    int marked;
    if (tokenizer_mark(t, text, n, &b, &marked) != HEARTH_OK) abort();
    if (marked) may_fail(tokenizer_encode(t, b.data, b.len, HEARTH_TOK_PARSE | TOKENIZER_MARKED, &ids));
    free(ids.id), buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct tokenizer *t;
    const uint8_t *end = size ? memchr(data, 0, size) : NULL;
    size_t n = end ? (size_t)(end - data) : size;
    const char *text = end ? (const char *)end + 1 : (const char *)data;
    size_t text_n = end ? size - n - 1 : size;
    enum hearth_status st = tokenizer_open_json("fuzz.json", (const char *)data, n, &t);
    if (st == HEARTH_OK) check(t, text, text_n), check_marks(t, text, text_n);
    else if (t || !*hearth_errmsg()) abort();
    tokenizer_close(t);
    return 0;
}
