/* imatrix.c - reading importance matrices, in both of llama.cpp's forms (imatrix.h).
 *
 * The file was made by somebody else: every count is held against the bytes that are left, every number must be one that a sum of
 * squares can be.  What is kept is the mean; where nothing was summed, that nothing is known. */
#include "quant/imatrix.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "os/os.h"

void imatrix_close(struct imatrix *m)
{
    if (!m) return;
    arena_free(&m->arena);
    free(m);
}

static int by_name(const void *a, const void *b)
{
    const struct imatrix_entry *x = a, *y = b;
    return strcmp(x->name, y->name);
}

const struct imatrix_entry *imatrix_find(const struct imatrix *m, const char *tensor)
{
    struct imatrix_entry key = {.name = tensor};
    return bsearch(&key, m->entry, m->n, sizeof *m->entry, by_name);
}

enum hearth_status imatrix_check(const struct imatrix *m, const struct imatrix_entry *e, const struct gguf_tensor *t)
{
    uint64_t mats = t->elements / t->shape[0] / t->shape[1];
    if (e->cols == t->shape[0] && (e->mats == mats || e->mats == 1)) return HEARTH_OK;
    return fail(HEARTH_EFORMAT, "%s: %s is of %" PRIu64 " matrices of %" PRIu64 " columns, the model's has %" PRIu64 " of %" PRIu64
                "; it is of another model", m->path, t->name, e->mats, e->cols, mats, t->shape[0]);
}

/* Room for an entry's numbers, which the caller has seen to be in the file. */
static enum hearth_status make_entry(struct imatrix *m, const char *name, size_t length, uint64_t cols, uint64_t mats,
                                     struct imatrix_entry *e)
{
    *e = (struct imatrix_entry){arena_strndup(&m->arena, name, length), cols, mats,
                                arena_alloc(&m->arena, (size_t)(cols * mats) * sizeof *e->mean), arena_alloc(&m->arena, (size_t)mats)};
    return e->name && e->mean && e->known ? HEARTH_OK : HEARTH_ENOMEM;
}

/* Sums that are bytes of the file, over a count, as matrix k of the entry. */
static enum hearth_status take_means(const struct imatrix *m, struct imatrix_entry *e, uint64_t k, const uint8_t *sums, double count)
{
    if (!(count >= 0) || !(count < 1e30))
        return fail(HEARTH_EFORMAT, "%s: %s: a count is %g, allowed: 0 and more", m->path, e->name, count);
    e->known[k] = count > 0;
    for (uint64_t c = 0; c < e->cols; c++) {
        float v;
        memcpy(&v, sums + 4 * c, 4);
        if (!isfinite(v) || v < 0)
            return fail(HEARTH_EFORMAT, "%s: %s: a sum of squares is %g, allowed: 0 and more", m->path, e->name, (double)v);
        if (count > 0) e->mean[k * e->cols + c] = (float)((double)v / count);
    }
    return HEARTH_OK;
}

/* ---- a GGUF ---- */

static int ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), k = strlen(tail);
    return n > k && !strcmp(s + n - k, tail);
}

static enum hearth_status read_pair(struct imatrix *m, const struct gguf *g, const struct gguf_tensor *sums)
{
    static const char tail[] = ".in_sum2";
    size_t n = strlen(sums->name) - (sizeof tail - 1);
    struct buf name = {0};
    const struct gguf_tensor *counts = NULL;
    enum hearth_status st = buf_printf(&name, "%.*s.counts", (int)n, sums->name);
    if (!st) counts = gguf_find_tensor(g, name.data);
    if (!st && !counts) st = fail(HEARTH_EFORMAT, "%s: tensor %s is missing", m->path, name.data);
    buf_free(&name);
    TRY(st);
    if (sums->type != T_F32 || counts->type != T_F32 || sums->elements % counts->elements)
        return fail(HEARTH_EFORMAT, "%s: tensor %s: %" PRIu64 " numbers of type %s and %" PRIu64 " counts of type %s, allowed: F32, as many "
                    "numbers for each count", m->path, sums->name, sums->elements, type_info(sums->type)->name, counts->elements,
                    type_info(counts->type)->name);
    struct imatrix_entry *e = &m->entry[m->n++];
    TRY(make_entry(m, sums->name, n, sums->elements / counts->elements, counts->elements, e));
    for (uint64_t k = 0; k < e->mats; k++) {
        float count;
        memcpy(&count, counts->data + 4 * k, 4);
        TRY(take_means(m, e, k, sums->data + 4 * k * e->cols, (double)count));
    }
    return HEARTH_OK;
}

static enum hearth_status read_gguf(struct imatrix *m, const struct gguf *g)
{
    m->entry = arena_alloc(&m->arena, (size_t)(g->n_tensors + 1) * sizeof *m->entry);
    if (!m->entry) return HEARTH_ENOMEM;
    for (uint64_t i = 0; i < g->n_tensors; i++)
        if (ends_with(g->tensors[i].name, ".in_sum2")) TRY(read_pair(m, g, &g->tensors[i]));
    return m->n ? HEARTH_OK : fail(HEARTH_EFORMAT, "%s: no tensor's name ends with .in_sum2: this is no importance matrix", m->path);
}

/* ---- the older form ---- */

struct bytes { const uint8_t *p; size_t left; };

/* NULL (message set): the file is too short. */
static const uint8_t *take(const struct imatrix *m, struct bytes *b, uint64_t n, const char *what)
{
    const uint8_t *p = b->p;
    if (n > b->left) {
        fail(HEARTH_EFORMAT, "%s: %s takes %" PRIu64 " bytes, but %zu are left", m->path, what, n, b->left);
        return NULL;
    }
    b->p += n, b->left -= (size_t)n;
    return p;
}

static enum hearth_status take_int(const struct imatrix *m, struct bytes *b, const char *what, int32_t least, int32_t most, int32_t *out)
{
    const uint8_t *p = take(m, b, 4, what);
    if (!p) return HEARTH_EFORMAT;
    *out = (int32_t)((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
    if (*out >= least && *out <= most) return HEARTH_OK;
    return fail(HEARTH_EFORMAT, "%s: %s is %d, allowed: %d to %d; this is no importance matrix", m->path, what, *out, least, most);
}

static enum hearth_status read_entry(struct imatrix *m, struct bytes *b)
{
    int32_t length, calls, n;
    const uint8_t *name, *sums;
    TRY(take_int(m, b, "the length of a name", 1, 256, &length));
    if (!(name = take(m, b, (uint64_t)length, "a name"))) return HEARTH_EFORMAT;
    TRY(take_int(m, b, "a number of calls", 0, INT32_MAX, &calls));
    TRY(take_int(m, b, "a number of columns", 1, INT32_MAX / 4, &n));
    if (!(sums = take(m, b, 4 * (uint64_t)n, "a list of sums"))) return HEARTH_EFORMAT;
    struct imatrix_entry *e = &m->entry[m->n++];
    TRY(make_entry(m, (const char *)name, (size_t)length, (uint64_t)n, 1, e));
    return take_means(m, e, 0, sums, (double)calls);
}

static enum hearth_status read_old(struct imatrix *m, struct bytes b)
{
    enum { MIN_ENTRY = 4 + 1 + 4 + 4 + 4, MOST = 100000 };
    int32_t n;
    TRY(take_int(m, &b, "the number of entries", 1, b.left / MIN_ENTRY < MOST ? (int32_t)(b.left / MIN_ENTRY) : MOST, &n));
    m->entry = arena_alloc(&m->arena, (size_t)n * sizeof *m->entry);
    if (!m->entry) return HEARTH_ENOMEM;
    for (int32_t i = 0; i < n; i++) TRY(read_entry(m, &b));
    return HEARTH_OK;
}

static enum hearth_status read_any(struct imatrix *m, const void *data, size_t n)
{
    struct gguf *g = NULL;
    int is_gguf = n >= 4 && !memcmp(data, "GGUF", 4);
    enum hearth_status st = is_gguf ? gguf_open_memory(data, n, m->path, 1, &g) : read_old(m, (struct bytes){data, n});
    if (is_gguf && !st) st = read_gguf(m, g);
    gguf_close(g);
    if (st) return st;
    qsort(m->entry, m->n, sizeof *m->entry, by_name);
    for (size_t i = 1; i < m->n; i++)
        if (!strcmp(m->entry[i - 1].name, m->entry[i].name))
            return fail(HEARTH_EFORMAT, "%s: %s: there twice, allowed once", m->path, m->entry[i].name);
    return HEARTH_OK;
}

enum hearth_status imatrix_read(const void *data, size_t n, const char *label, struct imatrix **out)
{
    *out = NULL;
    struct imatrix *m = mem_array(1, sizeof *m);
    if (!m) return HEARTH_ENOMEM;
    arena_init(&m->arena, 0);
    m->path = arena_strndup(&m->arena, label, strlen(label));
    enum hearth_status st = m->path ? read_any(m, data, n) : HEARTH_ENOMEM;
    if (st) imatrix_close(m);
    else *out = m;
    return st;
}

enum hearth_status imatrix_open(const char *path, struct imatrix **out)
{
    struct mapping map;
    *out = NULL;
    TRY(os_map(path, &map));
    enum hearth_status st = imatrix_read(map.data, map.size, path, out);
    os_unmap(&map);
    return st;
}
