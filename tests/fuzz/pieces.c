/* pieces.c - fuzz target: a model in two GGUF files, as gguf-split cuts them: two bytes, how long the first is; the first; the second.
 *
 * Asserted: what is refused has a message; every tensor lies in one of the two files, and none of the keys is about the cutting. */
#include <string.h>
#include "file/gguf.h"
#include "folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t seen;             /* so that no reading is optimised away */

static void walk(const struct gguf *g)
{
    for (uint64_t i = 0; i < g->n_kv; i++)
        if (g->kv[i].key.n > 6 && !memcmp(g->kv[i].key.s, "split.", 6)) abort();
    for (uint64_t i = 0; i < g->n_tensors; i++) {
        const struct gguf_tensor *t = &g->tensors[i];
        const uint8_t *p;
        if (gguf_tensor_data(g, t, &p) != HEARTH_OK) abort();
        for (uint64_t k = 0; k < t->bytes; k++) seen += p[k];
        if (!gguf_find_tensor(g, t->name)) abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char first[400];
    struct gguf *g;
    if (size < 2) return 0;
    size_t n = (size_t)data[0] << 8 | data[1];
    if (n > size - 2) n = size - 2;
    snprintf(first, sizeof first, "%s", fuzz_put("x-00001-of-00002.gguf", data + 2, n));
    fuzz_put("x-00002-of-00002.gguf", data + 2 + n, size - 2 - n);
    if (gguf_open_pieces(first, 1, &g) == HEARTH_OK) walk(g);
    else if (g || !*hearth_errmsg()) abort();
    gguf_close(g);
    return 0;
}
