/* gguf.c - reading GGUF.  The file was made by a stranger, so the reader is one cursor that cannot pass the end:
 *
 *     p [.......... at |<------ left ------>|] n
 *
 * take() moves it, after holding the bytes wanted against the bytes left; nothing else touches the file.  A count is
 * held against left / (least size of one) before anything of that size is allocated, so a file can never make us
 * allocate more than a small multiple of its own length.  Arrays of numbers stay where they lie; only strings get a
 * table of (pointer, length).  Names are found by binary search in a sorted index, which also shows duplicates and,
 * unlike a hash table, has no bad case that a file could choose.
 */
#include "file/gguf.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/utf8.h"

enum {
    MAX_NESTING = 4,             /* arrays of arrays: read past to this depth */
    MAX_KEY = 65535, MAX_NAME = 256,
    MIN_KV = 8 + 1 + 4 + 1,      /* length, one letter, type, one byte */
    MIN_TENSOR = 8 + 1 + 4 + 8 + 4 + 8,
    MIN_STRING = 8, MIN_ARRAY = 4 + 8,
    DEFAULT_ALIGNMENT = 32, MIN_ALIGNMENT = 8, MAX_ALIGNMENT = 1 << 20
};

static const struct { const char *name; uint8_t bytes; } value_types[] = {
    [GGUF_U8] = {"U8", 1},         [GGUF_I8] = {"I8", 1},     [GGUF_U16] = {"U16", 2}, [GGUF_I16] = {"I16", 2},
    [GGUF_U32] = {"U32", 4},       [GGUF_I32] = {"I32", 4},   [GGUF_F32] = {"F32", 4}, [GGUF_BOOL] = {"BOOL", 1},
    [GGUF_STRING] = {"STRING", 0}, [GGUF_ARRAY] = {"ARRAY", 0},
    [GGUF_U64] = {"U64", 8},       [GGUF_I64] = {"I64", 8},   [GGUF_F64] = {"F64", 8},
};
enum { N_VALUE_TYPES = sizeof value_types / sizeof *value_types };

struct tables {
    struct arena arena;
    const struct gguf_kv **by_key;         /* [n_kv], sorted */
    const struct gguf_tensor **by_name;    /* [n_tensors], sorted */
    uint8_t **made;                        /* [n_tensors] of tensors made of rows; NULL: of none */
    int mapped;
    void (*release)(void *owner);
    void *owner;
};

struct reader {
    const uint8_t *p;
    uint64_t n, at;
    struct gguf *g;
    struct arena *arena;
    char where[96];                        /* what is being read, for messages: "key llama.block_count" */
};

const char *gguf_type_name(enum gguf_type t)
{
    return (unsigned)t < N_VALUE_TYPES ? value_types[t].name : "unknown";
}

/* ---- the cursor ---- */

static void complain(const struct reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void complain(const struct reader *r, const char *fmt, ...)
{
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    fail(HEARTH_EFORMAT, "%s: %s: %s", r->g->path, r->where, text);
}
/* A macro, so that the compiler sees that the status is never HEARTH_OK. */
#define bad(...) (complain(__VA_ARGS__), HEARTH_EFORMAT)

static uint64_t left(const struct reader *r)
{
    return r->n - r->at;
}

static enum hearth_status take(struct reader *r, uint64_t bytes, const char *what, const uint8_t **out)
{
    if (bytes > left(r))
        return bad(r, "%s takes %" PRIu64 " bytes at offset %" PRIu64 ", but the file ends at %" PRIu64, what, bytes,
                   r->at, r->n);
    *out = r->p + r->at;
    r->at += bytes;
    return HEARTH_OK;
}

static uint64_t load(const uint8_t *p, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++) v |= (uint64_t)p[i] << 8 * i;
    return v;
}

static enum hearth_status take_u32(struct reader *r, const char *what, uint32_t *out)
{
    const uint8_t *p;
    TRY(take(r, 4, what, &p));
    *out = (uint32_t)load(p, 4);
    return HEARTH_OK;
}

static enum hearth_status take_u64(struct reader *r, const char *what, uint64_t *out)
{
    const uint8_t *p;
    TRY(take(r, 8, what, &p));
    *out = load(p, 8);
    return HEARTH_OK;
}

/* A count of things of at least `least` bytes each. */
static enum hearth_status take_count(struct reader *r, const char *what, uint64_t least, uint64_t *out)
{
    TRY(take_u64(r, what, out));
    if (*out > left(r) / least)
        return bad(r, "%s is %" PRIu64 ", but the %" PRIu64 " bytes left hold at most %" PRIu64, what, *out, left(r),
                   left(r) / least);
    return HEARTH_OK;
}

static enum hearth_status take_string(struct reader *r, const char *what, struct gguf_string *out)
{
    const uint8_t *p;
    TRY(take_count(r, what, 1, &out->n));
    TRY(take(r, out->n, what, &p));
    out->s = (const char *)p;
    return HEARTH_OK;
}

/* ---- metadata ---- */

/* What the 8-byte or shorter value at p is worth. */
static void load_number(enum gguf_type t, const uint8_t *p, struct gguf_value *v)
{
    unsigned bytes = value_types[t].bytes;
    uint64_t u = load(p, bytes);
    uint32_t low = (uint32_t)u;
    float f;
    switch (t) {
    case GGUF_I8: v->as.i = (int8_t)u; break;          /* two's complement, as every compiler we know converts */
    case GGUF_I16: v->as.i = (int16_t)u; break;
    case GGUF_I32: v->as.i = (int32_t)u; break;
    case GGUF_I64: v->as.i = (int64_t)u; break;
    case GGUF_F32: memcpy(&f, &low, 4); v->as.f = (double)f; break;
    case GGUF_F64: memcpy(&v->as.f, &u, 8); break;
    case GGUF_BOOL: v->as.b = u != 0; break;
    default: v->as.u = u;
    }
}

static enum hearth_status take_type(struct reader *r, const char *what, enum gguf_type *out)
{
    uint32_t t;
    TRY(take_u32(r, what, &t));
    if (t >= N_VALUE_TYPES) return bad(r, "%s is %" PRIu32 ", allowed: 0 to %d", what, t, N_VALUE_TYPES - 1);
    *out = (enum gguf_type)t;
    return HEARTH_OK;
}

static enum hearth_status check_bools(const struct reader *r, const uint8_t *p, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        if (p[i] > 1) return bad(r, "a BOOL is %d, allowed: 0 or 1", p[i]);
    return HEARTH_OK;
}

/* Reads an array.  Strings are put in a table only at depth 1; deeper arrays are checked and read past. */
static enum hearth_status take_array(struct reader *r, int depth, struct gguf_value *v)
{
    enum gguf_type t;
    uint64_t n, bytes;
    const uint8_t *p;
    TRY(take_type(r, "the type of the array's elements", &t));
    uint64_t least = t == GGUF_STRING ? MIN_STRING : t == GGUF_ARRAY ? MIN_ARRAY : value_types[t].bytes;
    TRY(take_count(r, "the number of elements", least, &n));
    v->as.array.type = t;
    v->as.array.n = n;
    v->as.array.data = r->p + r->at;
    v->as.array.strings = NULL;
    if (t == GGUF_ARRAY) {
        if (depth >= MAX_NESTING) return bad(r, "arrays are nested deeper than the %d levels allowed", MAX_NESTING);
        struct gguf_value inner;
        for (uint64_t i = 0; i < n; i++) TRY(take_array(r, depth + 1, &inner));
        return HEARTH_OK;
    }
    if (t == GGUF_STRING) {
        struct gguf_string *strings = NULL, one;
        if (depth == 1 && !(strings = arena_alloc(r->arena, (n + 1) * sizeof *strings))) return HEARTH_ENOMEM;
        for (uint64_t i = 0; i < n; i++) TRY(take_string(r, "a string's length", strings ? &strings[i] : &one));
        v->as.array.strings = strings;
        return HEARTH_OK;
    }
    TRY(size_mul(n, value_types[t].bytes, "an array's bytes", &bytes));
    TRY(take(r, bytes, "the array", &p));
    return t == GGUF_BOOL ? check_bools(r, p, n) : HEARTH_OK;
}

static enum hearth_status take_kv(struct reader *r, uint64_t i, struct gguf_kv *kv)
{
    const uint8_t *p;
    snprintf(r->where, sizeof r->where, "key %" PRIu64 " of %" PRIu64, i + 1, r->g->n_kv);
    TRY(take_string(r, "the key's length", &kv->key));
    if (kv->key.n < 1 || kv->key.n > MAX_KEY)
        return bad(r, "the key has %" PRIu64 " bytes, allowed: 1 to %d", kv->key.n, MAX_KEY);
    if (!utf8_valid(kv->key.s, kv->key.n, NULL) || memchr(kv->key.s, 0, kv->key.n))
        return bad(r, "the key is not UTF-8 text");
    snprintf(r->where, sizeof r->where, "key %.*s", kv->key.n < 80 ? (int)kv->key.n : 80, kv->key.s);
    enum gguf_type t;
    TRY(take_type(r, "the value's type", &t));
    kv->value.type = t;
    if (t == GGUF_ARRAY) return take_array(r, 1, &kv->value);
    if (t == GGUF_STRING) return take_string(r, "the string's length", &kv->value.as.str);
    TRY(take(r, value_types[t].bytes, "the value", &p));
    if (t == GGUF_BOOL) TRY(check_bools(r, p, 1));
    load_number(t, p, &kv->value);
    return HEARTH_OK;
}

/* Bytes of the array's elements in the file, for arrays that were read before. */
static uint64_t elements_bytes(enum gguf_type t, uint64_t n, const uint8_t *p)
{
    if (t != GGUF_ARRAY && t != GGUF_STRING) return n * value_types[t].bytes;
    uint64_t at = 0;
    for (uint64_t i = 0; i < n; i++) {
        if (t == GGUF_STRING) at += 8 + load(p + at, 8);
        else at += 12 + elements_bytes((enum gguf_type)load(p + at, 4), load(p + at + 4, 8), p + at + 12);
    }
    return at;
}

uint64_t gguf_array_bytes(const struct gguf_value *array)
{
    return elements_bytes(array->as.array.type, array->as.array.n, array->as.array.data);
}

/* ---- the sorted indexes ---- */

static int order(const char *a, uint64_t n, const char *b, uint64_t m)
{
    int c = memcmp(a, b, n < m ? n : m);
    return c ? c : (n > m) - (n < m);
}

static int by_key(const void *a, const void *b)
{
    const struct gguf_string *x = &(*(const struct gguf_kv *const *)a)->key, *y = &(*(const struct gguf_kv *const *)b)->key;
    return order(x->s, x->n, y->s, y->n);
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct gguf_tensor *const *)a)->name, (*(const struct gguf_tensor *const *)b)->name);
}

static enum hearth_status index_keys(const struct gguf *g, struct tables *t)
{
    if (!(t->by_key = arena_alloc(&t->arena, (g->n_kv + 1) * sizeof *t->by_key))) return HEARTH_ENOMEM;
    for (uint64_t i = 0; i < g->n_kv; i++) t->by_key[i] = &g->kv[i];
    qsort(t->by_key, g->n_kv, sizeof *t->by_key, by_key);
    for (uint64_t i = 1; i < g->n_kv; i++)
        if (!by_key(&t->by_key[i - 1], &t->by_key[i])) {
            const struct gguf_string *k = &t->by_key[i]->key;
            return fail(HEARTH_EFORMAT, "%s: key %.*s: found twice, allowed once", g->path, k->n < 80 ? (int)k->n : 80, k->s);
        }
    return HEARTH_OK;
}

static enum hearth_status index_tensors(const struct gguf *g, struct tables *t)
{
    if (!(t->by_name = arena_alloc(&t->arena, (g->n_tensors + 1) * sizeof *t->by_name))) return HEARTH_ENOMEM;
    for (uint64_t i = 0; i < g->n_tensors; i++) t->by_name[i] = &g->tensors[i];
    qsort(t->by_name, g->n_tensors, sizeof *t->by_name, by_name);
    for (uint64_t i = 1; i < g->n_tensors; i++)
        if (!by_name(&t->by_name[i - 1], &t->by_name[i]))
            return fail(HEARTH_EFORMAT, "%s: tensor %s: found twice, allowed once", g->path, t->by_name[i]->name);
    return HEARTH_OK;
}

/* ---- tensors ---- */

static enum hearth_status take_shape(struct reader *r, struct gguf_tensor *t)
{
    TRY(take_u32(r, "the number of dimensions", &t->dims));
    if (t->dims < 1 || t->dims > 4) return bad(r, "it has %" PRIu32 " dimensions, allowed: 1 to 4", t->dims);
    t->elements = 1;
    for (uint32_t i = 0; i < 4; i++) {
        t->shape[i] = 1;
        if (i >= t->dims) continue;
        TRY(take_u64(r, "a dimension", &t->shape[i]));
        if (t->shape[i] < 1 || t->shape[i] > INT64_MAX)
            return bad(r, "dimension %" PRIu32 " is %" PRIu64 ", allowed: 1 to 2^63 - 1", i, t->shape[i]);
        if (size_mul(t->elements, t->shape[i], r->where, &t->elements) || t->elements > INT64_MAX)
            return bad(r, "the product of its dimensions is past 2^63 - 1 at dimension %" PRIu32 ", %" PRIu64, i, t->shape[i]);
    }
    return HEARTH_OK;
}

static enum hearth_status take_tensor(struct reader *r, uint64_t i, struct gguf_tensor *t)
{
    struct gguf_string name;
    uint32_t id;
    snprintf(r->where, sizeof r->where, "tensor %" PRIu64 " of %" PRIu64, i + 1, r->g->n_tensors);
    TRY(take_string(r, "the name's length", &name));
    if (name.n < 1 || name.n > MAX_NAME)
        return bad(r, "the name has %" PRIu64 " bytes, allowed: 1 to %d", name.n, MAX_NAME);
    if (!utf8_valid(name.s, name.n, NULL) || memchr(name.s, 0, name.n)) return bad(r, "the name is not UTF-8 text");
    if (!(t->name = arena_strndup(r->arena, name.s, name.n))) return HEARTH_ENOMEM;
    snprintf(r->where, sizeof r->where, "tensor %.80s", t->name);
    TRY(take_shape(r, t));
    TRY(take_u32(r, "the type", &id));
    const struct type_info *info = type_info(id);
    if (!info)
        return fail(HEARTH_EUNSUPPORTED, "%s: %s: type %" PRIu32 " is not one hearth knows (F32, F16, BF16, Q4_0 to Q8_0, "
                    "Q2_K to Q6_K, IQ4_NL, IQ4_XS)", r->g->path, r->where, id);
    if (t->shape[0] % info->block)
        return bad(r, "rows of %" PRIu64 " elements, allowed for %s: a multiple of %" PRIu32, t->shape[0], info->name,
                   info->block);
    t->type = info->id;
    if (size_mul(t->elements / info->block, info->bytes, r->where, &t->bytes))
        return bad(r, "%" PRIu64 " elements of %s are more than 2^64 - 1 bytes", t->elements, info->name);
    return take_u64(r, "the offset", &t->offset);
}

/* Offsets are written relative to the data; from here on they count from the start of the file. */
static enum hearth_status place_tensor(struct reader *r, struct gguf_tensor *t, int need_data)
{
    const struct gguf *g = r->g;
    uint64_t from, end;
    snprintf(r->where, sizeof r->where, "tensor %.80s", t->name);
    if (t->offset % g->alignment)
        return bad(r, "offset %" PRIu64 ", allowed: a multiple of the alignment %" PRIu64, t->offset, g->alignment);
    if (size_add(g->data_offset, t->offset, r->where, &from) || size_add(from, t->bytes, r->where, &end))
        return bad(r, "offset %" PRIu64 " + %" PRIu64 " bytes is past 2^64 - 1", t->offset, t->bytes);
    if (need_data && end > r->n)
        return bad(r, "offset %" PRIu64 " + %" PRIu64 " bytes is past the end of the file (%" PRIu64 " bytes)", from,
                   t->bytes, r->n);
    t->offset = from;
    if (end <= r->n) t->data = r->p + from;
    return HEARTH_OK;
}

/* ---- the whole file ---- */

static enum hearth_status read_head(struct reader *r)
{
    const uint8_t *p;
    struct gguf *g = r->g;
    snprintf(r->where, sizeof r->where, "header");
    if (r->n < 4 || memcmp(r->p, "GGUF", 4)) return bad(r, "the file does not begin with the letters GGUF");
    TRY(take(r, 4, "the magic", &p));
    TRY(take_u32(r, "the version", &g->version));
    if (g->version == 0x02000000 || g->version == 0x03000000)
        return fail(HEARTH_EUNSUPPORTED, "%s: header: a big-endian file, allowed: little-endian", g->path);
    if (g->version != 2 && g->version != 3)
        return fail(HEARTH_EUNSUPPORTED, "%s: header: version %" PRIu32 ", allowed: 2 or 3", g->path, g->version);
    TRY(take_u64(r, "the number of tensors", &g->n_tensors));
    TRY(take_count(r, "the number of keys", MIN_KV, &g->n_kv));
    if (g->n_tensors > left(r) / MIN_TENSOR)
        return bad(r, "the number of tensors is %" PRIu64 ", but the %" PRIu64 " bytes left hold at most %" PRIu64,
                   g->n_tensors, left(r), left(r) / MIN_TENSOR);
    return HEARTH_OK;
}

static enum hearth_status read_alignment(struct reader *r)
{
    struct gguf *g = r->g;
    const struct gguf_value *v = gguf_find(g, "general.alignment");
    g->alignment = DEFAULT_ALIGNMENT;
    if (!v) return HEARTH_OK;
    snprintf(r->where, sizeof r->where, "key general.alignment");
    if (v->type != GGUF_U32) return bad(r, "type %s, allowed: U32", gguf_type_name(v->type));
    uint64_t a = v->as.u;
    if (a < MIN_ALIGNMENT || a > MAX_ALIGNMENT || (a & (a - 1)))
        return bad(r, "%" PRIu64 ", allowed: a power of two from %d to %d", a, MIN_ALIGNMENT, MAX_ALIGNMENT);
    g->alignment = a;
    return HEARTH_OK;
}

static enum hearth_status read_all(struct reader *r, struct tables *t, int need_data)
{
    struct gguf *g = r->g;
    TRY(read_head(r));
    struct gguf_kv *kv = arena_alloc(r->arena, (g->n_kv + 1) * sizeof *kv);
    if (!kv) return HEARTH_ENOMEM;
    g->kv = kv;
    for (uint64_t i = 0; i < g->n_kv; i++) TRY(take_kv(r, i, &kv[i]));
    TRY(index_keys(g, t));
    TRY(read_alignment(r));
    struct gguf_tensor *tensors = arena_alloc(r->arena, (g->n_tensors + 1) * sizeof *tensors);
    if (!tensors) return HEARTH_ENOMEM;
    g->tensors = tensors;
    for (uint64_t i = 0; i < g->n_tensors; i++) TRY(take_tensor(r, i, &tensors[i]));
    TRY(index_tensors(g, t));
    TRY(size_add(r->at, g->alignment - 1, "the start of the data", &g->data_offset));
    g->data_offset -= g->data_offset % g->alignment;
    for (uint64_t i = 0; i < g->n_tensors; i++) TRY(place_tensor(r, &tensors[i], need_data));
    return HEARTH_OK;
}

/* Takes the mapping over: unmapped on failure when `mapped`. */
static enum hearth_status open_mapping(struct mapping *m, int mapped, const char *label, int need_data, struct gguf **out)
{
    *out = NULL;
    struct gguf *g = mem_array(1, sizeof *g);
    struct tables *t = mem_array(1, sizeof *t);
    char *path = strdup(label);
    if (!g || !t || !path) {
        free(g), free(t), free(path);
        if (mapped) os_unmap(m);
        return fail_memory(sizeof *g + sizeof *t + strlen(label) + 1);
    }
    *g = (struct gguf){.path = path, .map = *m, .private_ = t};
    arena_init(&t->arena, 0);
    t->mapped = mapped;
    struct reader r = {.p = m->data, .n = m->size, .g = g, .arena = &t->arena};
    enum hearth_status st = read_all(&r, t, need_data);
    if (st) gguf_close(g);
    else *out = g;
    return st;
}

enum hearth_status gguf_open(const char *path, int need_data, struct gguf **out)
{
    struct mapping m;
    *out = NULL;
    TRY(os_map(path, &m));
    return open_mapping(&m, 1, path, need_data, out);
}

enum hearth_status gguf_open_memory(const void *data, size_t n, const char *label, int need_data, struct gguf **out)
{
    struct mapping m = {.data = data, .size = n, .fd = -1};
    return open_mapping(&m, 0, label, need_data, out);
}

enum hearth_status gguf_assemble(const struct gguf_parts *p, struct gguf **out)
{
    *out = NULL;
    struct gguf *g = mem_array(1, sizeof *g);
    struct tables *t = mem_array(1, sizeof *t);
    char *path = strdup(p->label);
    if (!g || !t || !path) {
        free(g), free(t), free(path);
        arena_free(p->arena);
        p->release(p->owner);
        return fail_memory(sizeof *g + sizeof *t + strlen(p->label) + 1);
    }
    *g = (struct gguf){.path = path, .map = {.size = (size_t)p->bytes, .fd = -1}, .version = 3, .alignment = DEFAULT_ALIGNMENT, .n_kv = p->n_kv,
                       .n_tensors = p->n_tensors, .kv = p->kv, .tensors = p->tensors, .private_ = t};
    *t = (struct tables){.arena = *p->arena, .release = p->release, .owner = p->owner};
    arena_init(p->arena, 0);
    enum hearth_status st = index_keys(g, t);
    if (st == HEARTH_OK) st = index_tensors(g, t);
    if (st == HEARTH_OK && !(t->made = arena_alloc(&t->arena, (g->n_tensors + 1) * sizeof *t->made))) st = HEARTH_ENOMEM;
    if (st) gguf_close(g);
    else *out = g;
    return st;
}

void gguf_close(struct gguf *g)
{
    if (!g) return;
    struct tables *t = g->private_;
    if (t->mapped) os_unmap(&g->map);
    for (uint64_t i = 0; t->made && i < g->n_tensors; i++) gguf_tensor_drop(g, &g->tensors[i]);
    if (t->release) t->release(t->owner);
    arena_free(&t->arena);
    free(t);
    free(g->path);
    free(g);
}

/* ---- asking ---- */

const struct gguf_value *gguf_find(const struct gguf *g, const char *key)
{
    const struct tables *t = g->private_;
    const struct gguf_kv wanted = {.key = {key, strlen(key)}}, *p = &wanted;
    const struct gguf_kv **hit = bsearch(&p, t->by_key, g->n_kv, sizeof *t->by_key, by_key);
    return hit ? &(*hit)->value : NULL;
}

const struct gguf_tensor *gguf_find_tensor(const struct gguf *g, const char *name)
{
    const struct tables *t = g->private_;
    const struct gguf_tensor wanted = {.name = name}, *p = &wanted;
    const struct gguf_tensor **hit = bsearch(&p, t->by_name, g->n_tensors, sizeof *t->by_name, by_name);
    return hit ? *hit : NULL;
}

static void make_rows(const struct gguf_tensor *t, uint8_t *to)
{
    uint64_t rows = t->elements / t->shape[0], bytes = t->bytes / rows;
    for (uint64_t r = 0; r < rows; r++, to += bytes) memcpy(to, gguf_row(t, r, bytes), bytes);
}

enum hearth_status gguf_tensor_data(const struct gguf *g, const struct gguf_tensor *t, const uint8_t **out)
{
    const struct tables *all = g->private_;
    uint8_t **made = t->rows ? &all->made[t - g->tensors] : NULL;
    *out = t->data;
    if (t->data) return HEARTH_OK;
    if (!t->rows) return fail(HEARTH_EINTERNAL, "%s: tensor %s: its bytes were asked for, and the file was opened without them", g->path, t->name);
    if (!*made && (*made = slab_alloc((size_t)t->bytes))) make_rows(t, *made);
    *out = *made;
    return *out ? HEARTH_OK : HEARTH_ENOMEM;
}

void gguf_tensor_drop(const struct gguf *g, const struct gguf_tensor *t)
{
    const struct tables *all = g->private_;
    uint8_t **made = t->rows ? &all->made[t - g->tensors] : NULL;
    if (!made || !*made) return;
    slab_free(*made, (size_t)t->bytes);
    *made = NULL;
}

static enum hearth_status wrong_type(const struct gguf *g, const char *key, const struct gguf_value *v, const char *allowed)
{
    return fail(HEARTH_EFORMAT, "%s: key %s: type %s, allowed: %s", g->path, key, gguf_type_name(v->type), allowed);
}

static int is_signed(enum gguf_type t)
{
    return t == GGUF_I8 || t == GGUF_I16 || t == GGUF_I32 || t == GGUF_I64;
}

static int is_unsigned(enum gguf_type t)
{
    return t == GGUF_U8 || t == GGUF_U16 || t == GGUF_U32 || t == GGUF_U64;
}

/* The key's value, or NULL; *found told either way. */
static const struct gguf_value *look(const struct gguf *g, const char *key, int *found)
{
    const struct gguf_value *v = gguf_find(g, key);
    if (found) *found = v != NULL;
    return v;
}

enum hearth_status gguf_get_u32(const struct gguf *g, const char *key, uint32_t *out, int *found)
{
    const struct gguf_value *v = look(g, key, found);
    if (!v) return HEARTH_OK;
    if (!is_signed(v->type) && !is_unsigned(v->type)) return wrong_type(g, key, v, "an integer");
    if (is_signed(v->type) && (v->as.i < 0 || v->as.i > UINT32_MAX))
        return fail(HEARTH_EFORMAT, "%s: key %s: %" PRId64 ", allowed: 0 to 2^32 - 1", g->path, key, v->as.i);
    if (is_unsigned(v->type) && v->as.u > UINT32_MAX)
        return fail(HEARTH_EFORMAT, "%s: key %s: %" PRIu64 ", allowed: 0 to 2^32 - 1", g->path, key, v->as.u);
    *out = is_signed(v->type) ? (uint32_t)v->as.i : (uint32_t)v->as.u;
    return HEARTH_OK;
}

enum hearth_status gguf_get_f32(const struct gguf *g, const char *key, float *out, int *found)
{
    const struct gguf_value *v = look(g, key, found);
    if (!v) return HEARTH_OK;
    if (v->type != GGUF_F32 && v->type != GGUF_F64) return wrong_type(g, key, v, "F32 or F64");
    if (isfinite(v->as.f) && fabs(v->as.f) > (double)FLT_MAX)
        return fail(HEARTH_EFORMAT, "%s: key %s: %g, allowed: what an F32 holds", g->path, key, v->as.f);
    *out = (float)v->as.f;
    return HEARTH_OK;
}

enum hearth_status gguf_get_bool(const struct gguf *g, const char *key, bool *out, int *found)
{
    const struct gguf_value *v = look(g, key, found);
    if (!v) return HEARTH_OK;
    if (v->type != GGUF_BOOL) return wrong_type(g, key, v, "BOOL");
    *out = v->as.b;
    return HEARTH_OK;
}

enum hearth_status gguf_get_string(const struct gguf *g, const char *key, struct gguf_string *out, int *found)
{
    const struct gguf_value *v = look(g, key, found);
    if (!v) return HEARTH_OK;
    if (v->type != GGUF_STRING) return wrong_type(g, key, v, "STRING");
    *out = v->as.str;
    return HEARTH_OK;
}

enum hearth_status gguf_get_array(const struct gguf *g, const char *key, enum gguf_type elem, const struct gguf_value **out)
{
    const struct gguf_value *v = *out = gguf_find(g, key);
    if (!v) return HEARTH_OK;
    *out = NULL;
    char allowed[40];
    snprintf(allowed, sizeof allowed, "ARRAY of %s", gguf_type_name(elem));
    if (v->type != GGUF_ARRAY) return wrong_type(g, key, v, allowed);
    if (v->as.array.type != elem)
        return fail(HEARTH_EFORMAT, "%s: key %s: type ARRAY of %s, allowed: %s", g->path, key,
                    gguf_type_name(v->as.array.type), allowed);
    *out = v;
    return HEARTH_OK;
}

int64_t gguf_array_int(const struct gguf_value *array, uint64_t i)
{
    struct gguf_value v = {0};
    enum gguf_type t = array->as.array.type;
    load_number(t, (const uint8_t *)array->as.array.data + i * value_types[t].bytes, &v);
    return t == GGUF_BOOL ? v.as.b : v.as.i;
}

double gguf_array_float(const struct gguf_value *array, uint64_t i)
{
    struct gguf_value v = {0};
    enum gguf_type t = array->as.array.type;
    load_number(t, (const uint8_t *)array->as.array.data + i * value_types[t].bytes, &v);
    return v.as.f;
}
