/* safetensors.c - reading safetensors.  The header is JSON, so it is read with jansson under a cap that bounds what its
 * tree can take; what it says is then held against the file.  That the tensors' bytes lie end to end is seen by sorting
 * them once by where they begin:
 *
 *     0 |-- a --|-- c --|- b -| length      begin of each = end of the one before, end of the last = length
 */
#include "file/safetensors.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/jsontext.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "os/os.h"

enum {
    MAX_JSON = 8 << 20,          /* bytes of a header or an index: those of the largest models have 2 MB */
    MAX_TENSORS = 100000, MAX_SHARDS = 1000, MAX_NAME = 256
};

static const struct { const char *name; int type; unsigned bytes; } dtypes[] = {
    {"F32", T_F32, 4}, {"F16", T_F16, 2}, {"BF16", T_BF16, 2},
    {"F64", -1, 8}, {"F8_E4M3", -1, 1}, {"F8_E5M2", -1, 1}, {"I64", -1, 8}, {"I32", -1, 4}, {"I16", -1, 2}, {"I8", -1, 1},
    {"U64", -1, 8}, {"U32", -1, 4}, {"U16", -1, 2}, {"U8", -1, 1}, {"BOOL", -1, 1},
};

struct shards {
    struct arena arena;
    struct mapping *map;
    size_t n;
    struct safetensor *tensor;
    size_t count, cap;
};

struct shard { struct shards *all; const char *path; const uint8_t *data; uint64_t header, length; };

/* ---- one tensor ---- */

static enum hearth_status whole_number(const struct shard *s, const char *name, const char *what, const json_t *v, uint64_t *out)
{
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return fail(HEARTH_EFORMAT, "%s: tensor %.80s: %s is no whole number of 0 or more", s->path, name, what);
    *out = (uint64_t)json_integer_value(v);
    return HEARTH_OK;
}

static enum hearth_status read_dtype(const struct shard *s, const json_t *o, struct safetensor *t, unsigned *bytes)
{
    const char *word = json_string_value(json_object_get(o, "dtype"));
    for (size_t i = 0; word && i < sizeof dtypes / sizeof *dtypes; i++)
        if (!strcmp(word, dtypes[i].name)) {
            t->dtype = dtypes[i].name;
            t->type = dtypes[i].type;
            *bytes = dtypes[i].bytes;
            return HEARTH_OK;
        }
    if (!word) return fail(HEARTH_EFORMAT, "%s: tensor %.80s: it has no dtype", s->path, t->name);
    return fail(HEARTH_EUNSUPPORTED, "%s: tensor %.80s: dtype \"%.20s\", allowed: F32, F16, BF16", s->path, t->name, word);
}

static enum hearth_status read_shape(const struct shard *s, const json_t *o, struct safetensor *t)
{
    const json_t *shape = json_object_get(o, "shape");
    if (!json_is_array(shape) || json_array_size(shape) > SAFETENSORS_DIMS)
        return fail(HEARTH_EFORMAT, "%s: tensor %.80s: shape is no list of at most %d numbers", s->path, t->name, SAFETENSORS_DIMS);
    t->dims = (uint32_t)json_array_size(shape);
    t->elements = 1;
    for (uint32_t i = 0; i < t->dims; i++) {
        TRY(whole_number(s, t->name, "a dimension", json_array_get(shape, i), &t->shape[i]));
        if (__builtin_mul_overflow(t->elements, t->shape[i], &t->elements) || t->elements > INT64_MAX)
            return fail(HEARTH_EFORMAT, "%s: tensor %.80s: the product of its dimensions is past 2^63 - 1 at dimension %" PRIu32 ", %" PRIu64,
                        s->path, t->name, i, t->shape[i]);
    }
    return HEARTH_OK;
}

static enum hearth_status read_place(const struct shard *s, const json_t *o, unsigned bytes, struct safetensor *t)
{
    const json_t *at = json_object_get(o, "data_offsets");
    uint64_t begin = 0, end = 0;
    if (!json_is_array(at) || json_array_size(at) != 2)
        return fail(HEARTH_EFORMAT, "%s: tensor %.80s: data_offsets is no pair of numbers", s->path, t->name);
    TRY(whole_number(s, t->name, "data_offsets", json_array_get(at, 0), &begin));
    TRY(whole_number(s, t->name, "data_offsets", json_array_get(at, 1), &end));
    if (begin > end || end > s->length)
        return fail(HEARTH_EFORMAT, "%s: tensor %.80s: data_offsets are %" PRIu64 " to %" PRIu64 ", but the file has %" PRIu64
                    " bytes of data", s->path, t->name, begin, end, s->length);
    t->bytes = end - begin;
    if (t->bytes % bytes || t->bytes / bytes != t->elements)
        return fail(HEARTH_EFORMAT, "%s: tensor %.80s: %" PRIu64 " elements of %s, %u bytes each, but data_offsets give it %" PRIu64 " bytes",
                    s->path, t->name, t->elements, t->dtype, bytes, t->bytes);
    t->data = s->data + s->header + begin;
    return HEARTH_OK;
}

static enum hearth_status add_tensor(struct shard *s, const char *name, size_t n, const json_t *o)
{
    struct shards *all = s->all;
    unsigned bytes = 0;
    if (n < 1 || n > MAX_NAME || memchr(name, 0, n))
        return fail(HEARTH_EFORMAT, "%s: a tensor's name has %zu bytes, allowed: 1 to %d without a NUL", s->path, n, MAX_NAME);
    if (!json_is_object(o)) return fail(HEARTH_EFORMAT, "%s: tensor %.80s: no object", s->path, name);
    if (all->count == MAX_TENSORS) return fail(HEARTH_ELIMIT, "%s: more than the %d tensors allowed", s->path, MAX_TENSORS);
    TRY(mem_grow(&all->tensor, &all->cap, all->count + 1, sizeof *all->tensor));
    struct safetensor *t = &all->tensor[all->count];
    *t = (struct safetensor){.name = arena_strndup(&all->arena, name, n), .file = s->path};
    if (!t->name) return HEARTH_ENOMEM;
    TRY(read_dtype(s, o, t, &bytes));
    TRY(read_shape(s, o, t));
    TRY(read_place(s, o, bytes, t));
    all->count++;
    return HEARTH_OK;
}

/* ---- one file ---- */

static int by_place(const void *a, const void *b)
{
    const struct safetensor *x = a, *y = b;
    if (x->data != y->data) return x->data < y->data ? -1 : 1;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static enum hearth_status check_places(const struct shard *s, struct safetensor *t, size_t n)
{
    const uint8_t *data = s->data + s->header, *at = data;
    if (n > 1) qsort(t, n, sizeof *t, by_place);
    for (size_t i = 0; i < n; i++) {
        if (t[i].data != at)
            return fail(HEARTH_EFORMAT, "%s: tensor %.80s: its data begins at %td and the one before it ends at %td; allowed: no overlap and "
                        "no hole", s->path, t[i].name, t[i].data - data, at - data);
        at += t[i].bytes;
    }
    if ((uint64_t)(at - data) == s->length) return HEARTH_OK;
    return fail(HEARTH_EFORMAT, "%s: the tensors end at byte %td of the data, which has %" PRIu64, s->path, at - data, s->length);
}

static enum hearth_status read_header(struct shard *s, uint64_t size)
{
    json_t *root = NULL, *o;
    const char *name;
    size_t n, first = s->all->count;
    uint64_t header = 0;
    for (unsigned i = 0; i < 8 && size >= 8; i++) header |= (uint64_t)s->data[i] << 8 * i;
    if (size < 8 || header < 2 || header > size - 8)
        return fail(HEARTH_EFORMAT, "%s: a header of %" PRIu64 " bytes in a file of %" PRIu64 ": this is no safetensors file, or a part of one",
                    s->path, header, size);
    if (header > MAX_JSON)
        return fail(HEARTH_ELIMIT, "%s: a header of %" PRIu64 " bytes, allowed: at most %d", s->path, header, MAX_JSON);
    if (s->data[8] != '{') return fail(HEARTH_EFORMAT, "%s: the header does not begin with {: this is no safetensors file", s->path);
    s->header = 8 + header;
    s->length = size - s->header;
    TRY(jsontext_read(s->path, (const char *)s->data + 8, (size_t)header, &root));
    enum hearth_status st = HEARTH_OK;
    json_object_keylen_foreach(root, name, n, o) {
        if (st == HEARTH_OK && strcmp(name, "__metadata__") != 0) st = add_tensor(s, name, n, o);
    }
    json_decref(root);
    TRY(st);
    return check_places(s, s->all->count ? s->all->tensor + first : NULL, s->all->count - first);
}

static enum hearth_status open_shard(struct shards *all, const char *folder, const char *file)
{
    struct mapping *m = &all->map[all->n];
    size_t n = strlen(folder) + strlen(file) + 2;
    char *path = arena_alloc(&all->arena, n);
    if (!path) return HEARTH_ENOMEM;
    snprintf(path, n, "%s/%s", folder, file);
    TRY(os_map(path, m));
    all->n++;
    struct shard s = {.all = all, .path = path, .data = m->data};
    return read_header(&s, m->size);
}

/* ---- an index ---- */

static int good_shard(const char *s, size_t n)
{
    static const char tail[] = ".safetensors";
    size_t m = sizeof tail - 1;
    if (n <= m || n > 200 || s[0] == '.' || strcmp(s + n - m, tail) != 0 || strlen(s) != n) return 0;
    for (size_t i = 0; i < n; i++)
        if (s[i] == '/' || s[i] == '\\' || (unsigned char)s[i] < 0x20) return 0;
    return strstr(s, "..") == NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum hearth_status list_shards(const char *label, const json_t *map, struct arena *arena, const char ***out, size_t *count)
{
    const char *name;
    const json_t *v;
    size_t n = 0, kept = 0;
    const char **list = arena_alloc(arena, (json_object_size(map) + 1) * sizeof *list);
    if (!list) return HEARTH_ENOMEM;
    json_object_foreach((json_t *)map, name, v) {
        const char *file = json_string_value(v);
        if (!file || !good_shard(file, json_string_length(v)))
            return fail(HEARTH_EFORMAT, "%s: the shard of tensor %.80s is \"%.80s\", allowed: the name of a .safetensors file in the same "
                        "folder, no path", label, name, file ? file : "");
        list[n++] = file;
    }
    if (n > 1) qsort(list, n, sizeof *list, by_text);
    for (size_t i = 0; i < n; i++) {
        if (i && !strcmp(list[i], list[i - 1])) continue;
        if (kept == MAX_SHARDS) return fail(HEARTH_ELIMIT, "%s: more than the %d shards allowed", label, MAX_SHARDS);
        list[kept++] = list[i];
    }
    for (size_t i = 0; i < kept; i++)
        if (!(list[i] = arena_strndup(arena, list[i], strlen(list[i])))) return HEARTH_ENOMEM;
    *out = list;
    *count = kept;
    return HEARTH_OK;
}

static enum hearth_status read_map(const char *label, const char *text, size_t n, json_t **root, const json_t **map)
{
    TRY(jsontext_read(label, text, n, root));
    *map = json_object_get(*root, "weight_map");
    if (json_is_object(*map) && json_object_size(*map)) return HEARTH_OK;
    return fail(HEARTH_EFORMAT, "%s: it has no weight_map, which names the shard of each tensor", label);
}

enum hearth_status safetensors_shards(const char *label, const char *text, size_t n, struct arena *arena, const char ***out, size_t *count)
{
    json_t *root = NULL;
    const json_t *map;
    enum hearth_status st = read_map(label, text, n, &root, &map);
    if (st == HEARTH_OK) st = list_shards(label, map, arena, out, count);
    json_decref(root);
    return st;
}

/* ---- the whole ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct safetensor *)a)->name, ((const struct safetensor *)b)->name);
}

static enum hearth_status finish(struct shards *all)
{
    if (all->count > 1) qsort(all->tensor, all->count, sizeof *all->tensor, by_name);
    for (size_t i = 1; i < all->count; i++)
        if (!by_name(&all->tensor[i - 1], &all->tensor[i]))
            return fail(HEARTH_EFORMAT, "%s: tensor %.80s: found again in %s, allowed once", all->tensor[i - 1].file, all->tensor[i].name,
                        all->tensor[i].file);
    return HEARTH_OK;
}

/* Every tensor of the index is in the shard it names. */
static enum hearth_status check_map(const char *label, const char *text, size_t n, const struct shards *all)
{
    json_t *root = NULL;
    const json_t *map, *v;
    const char *name;
    enum hearth_status st = read_map(label, text, n, &root, &map);
    if (st == HEARTH_OK) json_object_foreach((json_t *)map, name, v) {
        const struct safetensor wanted = {.name = name};
        const struct safetensor *t = all->count ? bsearch(&wanted, all->tensor, all->count, sizeof wanted, by_name) : NULL;
        const char *file = json_string_value(v);
        if (st == HEARTH_OK && (!t || strcmp(strrchr(t->file, '/') + 1, file) != 0))
            st = fail(HEARTH_EFORMAT, "%s: tensor %.80s is not in %.80s, where the index has it", label, name, file);
    }
    json_decref(root);
    return st;
}

static enum hearth_status open_index(struct shards *all, const char *folder, const char *label)
{
    char *text = NULL;
    const char **shard = NULL;
    size_t n = 0, count = 0;
    TRY(os_read_file(label, MAX_JSON, &text, &n));
    enum hearth_status st = safetensors_shards(label, text, n, &all->arena, &shard, &count);
    if (st == HEARTH_OK && !(all->map = mem_array(count, sizeof *all->map))) st = HEARTH_ENOMEM;
    for (size_t i = 0; i < count && st == HEARTH_OK; i++) st = open_shard(all, folder, shard[i]);
    if (st == HEARTH_OK) st = finish(all);
    if (st == HEARTH_OK) st = check_map(label, text, n, all);
    free(text);
    return st;
}

/* What lies there instead.  Nothing of it is opened. */
static enum hearth_status no_weights(const char *folder)
{
    static const char *const pickles[] = {"pytorch_model.bin", "pytorch_model.bin.index.json", "consolidated.00.pth", "model.pt", "model.pth",
                                          "model.ckpt", "model.pkl"};
    char path[4096];
    for (size_t i = 0; i < sizeof pickles / sizeof *pickles; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, pickles[i]);
        if (access(path, F_OK) == 0)
            return fail(HEARTH_EUNSUPPORTED, "%s: its weights are in %s, a pickle, which can run any program when it is opened and is never "
                        "opened here; allowed: %s, or shards with %s", folder, pickles[i], SAFETENSORS_FILE, SAFETENSORS_INDEX);
    }
    return fail(HEARTH_ENOTFOUND, "%s: it has no weights: neither %s nor %s", folder, SAFETENSORS_FILE, SAFETENSORS_INDEX);
}

static enum hearth_status open_folder(struct shards *all, const char *folder)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, SAFETENSORS_FILE);
    if (access(path, F_OK) == 0) {
        if (!(all->map = mem_array(1, sizeof *all->map))) return HEARTH_ENOMEM;
        TRY(open_shard(all, folder, SAFETENSORS_FILE));
        return finish(all);
    }
    snprintf(path, sizeof path, "%s/%s", folder, SAFETENSORS_INDEX);
    return access(path, F_OK) == 0 ? open_index(all, folder, path) : no_weights(folder);
}

static void shards_free(struct shards *all)
{
    for (size_t i = 0; i < all->n; i++) os_unmap(&all->map[i]);
    free(all->map);
    free(all->tensor);
    arena_free(&all->arena);
    free(all);
}

static struct shards *shards_new(void)
{
    struct shards *all = mem_array(1, sizeof *all);
    if (all) arena_init(&all->arena, 0);
    return all;
}

/* Takes all over. */
static enum hearth_status hand_out(struct shards *all, enum hearth_status st, uint64_t bytes, struct safetensors **out)
{
    struct safetensors *s = st == HEARTH_OK ? mem_array(1, sizeof *s) : NULL;
    if (!s) {
        shards_free(all);
        return st == HEARTH_OK ? HEARTH_ENOMEM : st;
    }
    *s = (struct safetensors){.bytes = bytes, .n = all->count, .tensor = all->tensor, .private_ = all};
    *out = s;
    return HEARTH_OK;
}

enum hearth_status safetensors_open(const char *folder, struct safetensors **out)
{
    uint64_t bytes = 0;
    *out = NULL;
    if (strlen(folder) > 3800) return fail(HEARTH_ELIMIT, "%.80s...: a path of %zu bytes, allowed: at most 3800", folder, strlen(folder));
    struct shards *all = shards_new();
    if (!all) return HEARTH_ENOMEM;
    enum hearth_status st = open_folder(all, folder);
    for (size_t i = 0; i < all->n; i++) bytes += all->map[i].size;
    return hand_out(all, st, bytes, out);
}

enum hearth_status safetensors_open_memory(const void *data, size_t n, const char *label, struct safetensors **out)
{
    *out = NULL;
    struct shards *all = shards_new();
    if (!all) return HEARTH_ENOMEM;
    struct shard s = {.all = all, .path = arena_strndup(&all->arena, label, strlen(label)), .data = data};
    enum hearth_status st = s.path ? read_header(&s, n) : HEARTH_ENOMEM;
    if (st == HEARTH_OK) st = finish(all);
    return hand_out(all, st, n, out);
}

void safetensors_close(struct safetensors *s)
{
    if (!s) return;
    shards_free(s->private_);
    free(s);
}

const struct safetensor *safetensors_find(const struct safetensors *s, const char *name)
{
    const struct safetensor wanted = {.name = name};
    return s->n ? bsearch(&wanted, s->tensor, s->n, sizeof wanted, by_name) : NULL;
}
