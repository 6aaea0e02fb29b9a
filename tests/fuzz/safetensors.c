/* safetensors.c - fuzz target: bytes taken for a safetensors file; everything that the reader hands out is touched.  The same bytes taken
 * for an index: no name of a shard is a path. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "file/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t seen;             /* so that no reading is optimised away */

static void walk(const struct safetensors *s, const uint8_t *data, size_t size)
{
    const uint8_t *last = NULL;
    uint64_t all = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct safetensor *t = &s->tensor[i];
        if (safetensors_find(s, t->name) != t || t->dims > SAFETENSORS_DIMS || strcmp(t->file, "fuzz")) abort();
        if (t->data < data + 8 || t->data > data + size || t->bytes > (uint64_t)(data + size - t->data)) abort();
        if (t->bytes && t->data == last) abort();
        for (uint64_t k = 0; k < t->bytes; k++) seen += t->data[k];
        if (t->bytes) last = t->data;
        all += t->bytes;
    }
    if (all > size) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct safetensors *s;
    struct arena arena;
    const char **shard = NULL;
    size_t n = 0;
    enum hearth_status st = safetensors_open_memory(data, size, "fuzz", &s);
    if ((st == HEARTH_OK) != (s != NULL) || (st && strncmp(hearth_errmsg(), "fuzz: ", 6) && strncmp(hearth_errmsg(), "out of memory", 13))) abort();
    if (s) walk(s, data, size);
    safetensors_close(s);
    arena_init(&arena, 0);
    if (safetensors_shards("fuzz", (const char *)data, size, &arena, &shard, &n) == HEARTH_OK)
        for (size_t i = 0; i < n; i++)
            if (strchr(shard[i], '/') || strstr(shard[i], "..") || shard[i][0] == '.' || (i && strcmp(shard[i - 1], shard[i]) >= 0)) abort();
    arena_free(&arena);
    return 0;
}
