/* gguf_sum.c - what a model is, as one number: two that differ in any byte that is used have different ones.
 *
 * A file is its bytes.  A model that was put together from several (gguf_assemble) is its keys and its tensors in their order, each with
 * its length before it, so that no two ways of cutting them look alike. */
#include <string.h>

#include "base/checksum.h"
#include "file/gguf.h"

static void add_number(struct checksum *c, uint64_t n)
{
    checksum_add(c, &n, sizeof n);
}

static void add_text(struct checksum *c, const char *s, uint64_t n)
{
    add_number(c, n);
    checksum_add(c, s, n);
}

static void add_float(struct checksum *c, double f)
{
    uint64_t bits;
    memcpy(&bits, &f, sizeof bits);
    add_number(c, bits);
}

static int is_float(enum gguf_type t) { return t == GGUF_F32 || t == GGUF_F64; }

static void add_array(struct checksum *c, const struct gguf_value *v)
{
    enum gguf_type t = v->as.array.type;
    add_number(c, t);
    add_number(c, v->as.array.n);
    if (t == GGUF_ARRAY) return;                       /* no model has arrays of arrays, and nobody reads one */
    for (uint64_t i = 0; i < v->as.array.n; i++)
        if (t == GGUF_STRING) add_text(c, v->as.array.strings[i].s, v->as.array.strings[i].n);
        else if (is_float(t)) add_float(c, gguf_array_float(v, i));
        else add_number(c, (uint64_t)gguf_array_int(v, i));
}

static void add_key(struct checksum *c, const struct gguf_kv *kv)
{
    const struct gguf_value *v = &kv->value;
    add_text(c, kv->key.s, kv->key.n);
    add_number(c, v->type);
    if (v->type == GGUF_STRING) add_text(c, v->as.str.s, v->as.str.n);
    else if (v->type == GGUF_ARRAY) add_array(c, v);
    else if (v->type == GGUF_BOOL) add_number(c, v->as.b);
    else if (is_float(v->type)) add_float(c, v->as.f);
    else add_number(c, v->as.u);
}

static enum hearth_status add_tensor(struct checksum *c, const struct gguf *g, const struct gguf_tensor *t)
{
    uint64_t rows = t->rows ? t->elements / t->shape[0] : 0;
    add_text(c, t->name, strlen(t->name));
    add_number(c, (uint64_t)t->type);
    for (int i = 0; i < 4; i++) add_number(c, t->shape[i]);
    for (uint64_t r = 0; r < rows; r++) checksum_add(c, gguf_row(t, r, t->bytes / rows), t->bytes / rows);
    if (t->rows) return HEARTH_OK;
    if (!t->data) return fail(HEARTH_EINTERNAL, "%s: tensor %s: its bytes were asked for, and the file was opened without them", g->path, t->name);
    checksum_add(c, t->data, t->bytes);
    return HEARTH_OK;
}

enum hearth_status gguf_checksum(const struct gguf *g, uint64_t *out)
{
    struct checksum c;
    checksum_init(&c);
    if (g->map.data) checksum_add(&c, g->map.data, g->map.size);
    for (uint64_t i = 0; !g->map.data && i < g->n_kv; i++) add_key(&c, &g->kv[i]);
    for (uint64_t i = 0; !g->map.data && i < g->n_tensors; i++) TRY(add_tensor(&c, g, &g->tensors[i]));
    *out = checksum_end(&c);
    return HEARTH_OK;
}
