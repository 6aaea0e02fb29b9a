/* sentencepiece.c - fuzz target: byte 0 says how many of the last bytes are a text, what lies between is a tokenizer.model.
 *
 * Asserted: what is refused has a message; ids are in range; a text is encoded the same twice; decoding succeeds. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A model without an unknown token may have no way to say a text. */
static int may_fail(enum hearth_status st)
{
    if (st == HEARTH_OK) return 0;
    if (!*hearth_errmsg() || st == HEARTH_EINTERNAL) abort();
    return 1;
}

static void check(const struct tokenizer *t, const char *text, size_t n)
{
    for (int flags = 0; flags < 4; flags++) {
        struct ids ids = {0}, again = {0};
        struct buf back = {0};
        if (!may_fail(tokenizer_encode(t, text, n, flags, &ids))) {
            if (tokenizer_encode(t, text, n, flags, &again) != HEARTH_OK) abort();
            if (ids.n != again.n || (ids.n && memcmp(ids.id, again.id, ids.n * sizeof *ids.id))) abort();
            for (size_t i = 0; i < ids.n; i++)
                if (ids.id[i] < 0 || ids.id[i] >= tokenizer_size(t)) abort();
            if (tokenizer_decode(t, ids.id, ids.n, flags & 1, &back) != HEARTH_OK) abort();
        } else if (ids.n) abort();
        free(ids.id), free(again.id), buf_free(&back);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tokenizer *t;
    if (!size) return 0;
    size_t n = data[0] < size ? data[0] : size - 1;
    const char *model = (const char *)data + 1, *text = (const char *)data + size - n;
    if (tokenizer_open_sentencepiece("fuzz.model", model, size - 1 - n, &t) == HEARTH_OK) check(t, text, n);
    else if (t || !*hearth_errmsg()) abort();
    tokenizer_close(t);
    return 0;
}
