/* gguf_write.c - writing GGUF v3.  Keys and tensor descriptions are collected as the bytes they will be; begin puts
 * the header in front and writes all of it; then the tensors' data follows in order, each padded to the alignment.
 * The file appears under its name at commit and not before.
 */
#include "file/gguf.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

struct named { const char *s; size_t n; int tensor; };

struct gguf_writer {
    struct atomic_file file;
    uint32_t alignment;
    struct buf keys, infos;                /* as they will stand in the file */
    struct arena arena;                    /* names */
    uint64_t n_kv, n_tensors, data;        /* data: bytes of the tensors so far, padding counted */
    struct named *names;                   /* of keys and tensors, to see duplicates */
    size_t n_names, cap_names;
    uint64_t *bytes;                       /* [n_tensors] */
    size_t cap_bytes;
    uint64_t current, done;                /* the tensor being written, its bytes so far */
    int begun;
};

static enum hearth_status put_number(struct buf *b, uint64_t v, unsigned bytes)
{
    uint8_t p[8];
    for (unsigned i = 0; i < bytes; i++) p[i] = (uint8_t)(v >> 8 * i);
    return buf_put(b, p, bytes);
}

static enum hearth_status put_string(struct buf *b, const char *s, uint64_t n)
{
    TRY(put_number(b, n, 8));
    return buf_put(b, s, n);
}

static enum hearth_status add_name(struct gguf_writer *w, const char *s, size_t n, int tensor)
{
    TRY(mem_grow(&w->names, &w->cap_names, w->n_names + 1, sizeof *w->names));
    char *copy = arena_strndup(&w->arena, s, n);
    if (!copy) return HEARTH_ENOMEM;
    w->names[w->n_names++] = (struct named){copy, n, tensor};
    return HEARTH_OK;
}

enum hearth_status gguf_writer_open(const char *path, uint32_t alignment, struct gguf_writer **out)
{
    *out = NULL;
    if (alignment < 8 || alignment > 1 << 20 || (alignment & (alignment - 1)))
        return fail(HEARTH_EUSAGE, "%s: alignment %" PRIu32 ", allowed: a power of two from 8 to 2^20", path, alignment);
    struct gguf_writer *w = mem_array(1, sizeof *w);
    if (!w) return HEARTH_ENOMEM;
    enum hearth_status st = os_atomic_open(path, &w->file);
    if (st) {
        free(w);
        return st;
    }
    os_atomic_fresh(&w->file);
    arena_init(&w->arena, 0);
    w->alignment = alignment;
    *out = w;
    return HEARTH_OK;
}

static enum hearth_status put_array(struct buf *b, const struct gguf_value *v)
{
    TRY(put_number(b, v->as.array.type, 4));
    TRY(put_number(b, v->as.array.n, 8));
    if (v->as.array.type != GGUF_STRING) return buf_put(b, v->as.array.data, gguf_array_bytes(v));
    for (uint64_t i = 0; i < v->as.array.n; i++)
        TRY(put_string(b, v->as.array.strings[i].s, v->as.array.strings[i].n));
    return HEARTH_OK;
}

static enum hearth_status put_value(struct buf *b, const struct gguf_value *v)
{
    float f;
    uint32_t low;
    uint64_t all;
    switch (v->type) {
    case GGUF_U8: case GGUF_I8: return put_number(b, v->as.u, 1);    /* the low bytes of a negative number are right */
    case GGUF_U16: case GGUF_I16: return put_number(b, v->as.u, 2);
    case GGUF_U32: case GGUF_I32: return put_number(b, v->as.u, 4);
    case GGUF_U64: case GGUF_I64: return put_number(b, v->as.u, 8);
    case GGUF_BOOL: return put_number(b, v->as.b, 1);
    case GGUF_F32: f = (float)v->as.f; memcpy(&low, &f, 4); return put_number(b, low, 4);
    case GGUF_F64: memcpy(&all, &v->as.f, 8); return put_number(b, all, 8);
    case GGUF_STRING: return put_string(b, v->as.str.s, v->as.str.n);
    case GGUF_ARRAY: return put_array(b, v);
    }
    return fail(HEARTH_EINTERNAL, "a GGUF value of type %d", (int)v->type);
}

enum hearth_status gguf_writer_kv(struct gguf_writer *w, const struct gguf_kv *kv)
{
    if (w->begun) return fail(HEARTH_EINTERNAL, "%s: a key after the header was written", w->file.path);
    static const char alignment[] = "general.alignment";    /* begin writes it, when it is not the default */
    if (kv->key.n == sizeof alignment - 1 && !memcmp(kv->key.s, alignment, kv->key.n)) return HEARTH_OK;
    TRY(add_name(w, kv->key.s, kv->key.n, 0));
    TRY(put_string(&w->keys, kv->key.s, kv->key.n));
    TRY(put_number(&w->keys, kv->value.type, 4));
    TRY(put_value(&w->keys, &kv->value));
    w->n_kv++;
    return HEARTH_OK;
}

static uint64_t padding(const struct gguf_writer *w, uint64_t at)
{
    return (w->alignment - at % w->alignment) % w->alignment;
}

enum hearth_status gguf_writer_tensor(struct gguf_writer *w, const char *name, uint32_t dims, const uint64_t *shape,
                                      enum tensor_type type)
{
    const struct type_info *info = type_info(type);
    uint64_t elements = 1, bytes;
    if (w->begun || !info || dims < 1 || dims > 4)
        return fail(HEARTH_EINTERNAL, "%s: tensor %s: begun %d, type %d, %" PRIu32 " dimensions", w->file.path, name,
                    w->begun, (int)type, dims);
    for (uint32_t i = 0; i < dims; i++) TRY(size_mul(elements, shape[i], name, &elements));
    if (shape[0] % info->block)
        return fail(HEARTH_EINTERNAL, "%s: tensor %s: rows of %" PRIu64 " elements, allowed for %s: a multiple of %" PRIu32,
                    w->file.path, name, shape[0], info->name, info->block);
    TRY(size_mul(elements / info->block, info->bytes, name, &bytes));
    TRY(add_name(w, name, strlen(name), 1));
    TRY(mem_grow(&w->bytes, &w->cap_bytes, w->n_tensors + 1, sizeof *w->bytes));
    TRY(put_string(&w->infos, name, strlen(name)));
    TRY(put_number(&w->infos, dims, 4));
    for (uint32_t i = 0; i < dims; i++) TRY(put_number(&w->infos, shape[i], 8));
    TRY(put_number(&w->infos, type, 4));
    TRY(put_number(&w->infos, w->data, 8));
    TRY(size_add(w->data, bytes, name, &w->data));
    TRY(size_add(w->data, padding(w, w->data), name, &w->data));
    w->bytes[w->n_tensors++] = bytes;
    return HEARTH_OK;
}

static int by_name(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    if (x->tensor != y->tensor) return x->tensor - y->tensor;
    int c = memcmp(x->s, y->s, x->n < y->n ? x->n : y->n);
    return c ? c : (x->n > y->n) - (x->n < y->n);
}

static enum hearth_status check_names(struct gguf_writer *w)
{
    if (w->n_names > 1) qsort(w->names, w->n_names, sizeof *w->names, by_name);
    for (size_t i = 1; i < w->n_names; i++)
        if (!by_name(&w->names[i - 1], &w->names[i]))
            return fail(HEARTH_EUSAGE, "%s: %s %s: given twice, allowed once", w->file.path,
                        w->names[i].tensor ? "tensor" : "key", w->names[i].s);
    return HEARTH_OK;
}

static enum hearth_status write_padding(struct gguf_writer *w, uint64_t n)
{
    static const char zeros[4096];
    for (uint64_t piece; n; n -= piece) {
        piece = n < sizeof zeros ? n : sizeof zeros;
        TRY(os_atomic_write(&w->file, zeros, piece));
    }
    return HEARTH_OK;
}

static enum hearth_status put_header(struct gguf_writer *w, struct buf *head)
{
    if (w->alignment != 32) {
        TRY(put_string(&w->keys, "general.alignment", 17));
        TRY(put_number(&w->keys, GGUF_U32, 4));
        TRY(put_number(&w->keys, w->alignment, 4));
        w->n_kv++;
    }
    TRY(buf_puts(head, "GGUF"));
    TRY(put_number(head, 3, 4));
    TRY(put_number(head, w->n_tensors, 8));
    TRY(put_number(head, w->n_kv, 8));
    TRY(os_atomic_write(&w->file, head->data, head->len));
    if (w->keys.len) TRY(os_atomic_write(&w->file, w->keys.data, w->keys.len));
    if (w->infos.len) TRY(os_atomic_write(&w->file, w->infos.data, w->infos.len));
    return write_padding(w, padding(w, head->len + w->keys.len + w->infos.len));
}

enum hearth_status gguf_writer_begin(struct gguf_writer *w)
{
    if (w->begun) return fail(HEARTH_EINTERNAL, "%s: the header was already written", w->file.path);
    TRY(check_names(w));
    w->begun = 1;
    struct buf head = {0};
    enum hearth_status st = put_header(w, &head);
    buf_free(&head);
    return st;
}

enum hearth_status gguf_writer_data(struct gguf_writer *w, const void *data, size_t n)
{
    const char *p = data;
    if (!w->begun) return fail(HEARTH_EINTERNAL, "%s: data before the header", w->file.path);
    while (n) {
        if (w->current == w->n_tensors) return fail(HEARTH_EINTERNAL, "%s: more data than the tensors take", w->file.path);
        uint64_t room = w->bytes[w->current] - w->done, piece = n < room ? n : room;
        TRY(os_atomic_write(&w->file, p, piece));
        p += piece, n -= piece, w->done += piece;
        if (piece < room) continue;
        TRY(write_padding(w, padding(w, w->done)));
        w->current++, w->done = 0;
    }
    return HEARTH_OK;
}

enum hearth_status gguf_writer_commit(struct gguf_writer *w)
{
    if (!w->begun || w->current < w->n_tensors)
        return fail(HEARTH_EINTERNAL, "%s: the data of %" PRIu64 " tensors of %" PRIu64 " was written", w->file.path,
                    w->current, w->n_tensors);
    return os_atomic_commit(&w->file);
}

void gguf_writer_close(struct gguf_writer *w)
{
    if (!w) return;
    os_atomic_abandon(&w->file);
    buf_free(&w->keys);
    buf_free(&w->infos);
    arena_free(&w->arena);
    free(w->names);
    free(w->bytes);
    free(w);
}
