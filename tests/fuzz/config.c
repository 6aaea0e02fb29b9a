/* config.c - fuzz target: bytes taken for a folder's config.json.  What is accepted has layers and heads in their ranges, and keys that name
 * the family; what is refused says why. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/jsontext.h"
#include "model/folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct folder f = {.path = "fuzz", .arena = &arena};
    char *text = malloc(size + 1);
    if (!text) abort();
    memcpy(text, data, size);
    jsontext_shorten(text, size);
    enum hearth_status read = jsontext_read("fuzz", text, size, &f.config);
    free(text);
    if (read != HEARTH_OK) return 0;
    const char *name = json_string_value(json_array_get(json_object_get(f.config, "architectures"), 0));
    f.family = name ? folder_family(name) : NULL;
    arena_init(&arena, 0);
    if (f.family) {
        enum hearth_status st = folder_config(&f);
        if (st && strncmp(hearth_errmsg(), "fuzz/config.json: ", 18) && strncmp(hearth_errmsg(), "out of memory", 13)) abort();
        if (!st && (f.layers < 1 || f.layers > 1024 || f.head_width < 2 || f.head_width > 1 << 17 || f.n_kv < 8)) abort();
        for (size_t i = 0; i < f.n_kv; i++)
            if (f.kv[i].key.n != strlen(f.kv[i].key.s)) abort();
    }
    json_decref(f.config);
    arena_free(&arena);
    return 0;
}
