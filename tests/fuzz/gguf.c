/* gguf.c - fuzz target: bytes taken for a GGUF file, with and without its data; everything that the reader hands out is
 * touched, and some of each tensor dequantised. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "file/gguf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t seen;             /* so that no reading is optimised away */

static void touch(const void *p, uint64_t n)
{
    const uint8_t *b = p;
    for (uint64_t i = 0; i < n; i++) seen += b[i];
}

static void touch_array(const struct gguf_value *v)
{
    touch(v->as.array.data, gguf_array_bytes(v));
    for (uint64_t i = 0; i < v->as.array.n && v->as.array.strings; i++)
        touch(v->as.array.strings[i].s, v->as.array.strings[i].n);
    if (v->as.array.type == GGUF_STRING || v->as.array.type == GGUF_ARRAY) return;
    int real = v->as.array.type == GGUF_F32 || v->as.array.type == GGUF_F64;
    for (uint64_t i = 0; i < v->as.array.n; i++)
        seen += real ? gguf_array_float(v, i) > 0 : (uint64_t)gguf_array_int(v, i);
}

static void walk_keys(const struct gguf *g)
{
    for (uint64_t i = 0; i < g->n_kv; i++) {
        const struct gguf_value *v = &g->kv[i].value;
        char *key = strndup(g->kv[i].key.s, g->kv[i].key.n);
        uint32_t u;
        float f;
        bool b;
        struct gguf_string s;
        const struct gguf_value *array;
        if (!key || gguf_find(g, key) != v) abort();
        gguf_get_u32(g, key, &u, NULL);
        gguf_get_f32(g, key, &f, NULL);
        gguf_get_bool(g, key, &b, NULL);
        if (!gguf_get_string(g, key, &s, NULL)) touch(s.s, s.n);
        if (v->type == GGUF_ARRAY) touch_array(v);
        if (v->type == GGUF_ARRAY && (gguf_get_array(g, key, v->as.array.type, &array) || array != v)) abort();
        free(key);
    }
}

static void walk_tensors(const struct gguf *g, int has_data)
{
    static float floats[1024];
    for (uint64_t i = 0; i < g->n_tensors; i++) {
        const struct gguf_tensor *t = &g->tensors[i];
        const struct type_info *info = type_info(t->type);
        if (gguf_find_tensor(g, t->name) != t || t->elements % info->block) abort();
        if (!has_data) continue;
        if (t->offset + t->bytes > g->map.size || t->bytes / info->bytes != t->elements / info->block) abort();
        uint64_t n = t->elements < 1024 ? t->elements : 1024;
        const uint8_t *first = (const uint8_t *)g->map.data + t->offset;
        dequantize_row(t->type, first, floats, n);
        dequantize_row(t->type, first + t->bytes - n / info->block * info->bytes, floats, n);
        seen += floats[0] > 0;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int need_data = 0; need_data < 2; need_data++) {
        struct gguf *g;
        enum hearth_status st = gguf_open_memory(data, size, "fuzz.gguf", need_data, &g);
        if ((st == HEARTH_OK) != (g != NULL) || (st && !*hearth_errmsg())) abort();
        if (!g) continue;
        walk_keys(g);
        walk_tensors(g, need_data);
        gguf_close(g);
    }
    return 0;
}
