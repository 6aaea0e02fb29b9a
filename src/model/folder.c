/* folder.c - a folder's tensors under the names of GGUF, and the folder as a struct gguf. */
#include "model/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/jsontext.h"
#include "model/arch.h"
#include "os/os.h"
#include "text/tokenizer.h"

enum { MAX_CONFIG = 4 << 20, MAX_PATH = FOLDER_PATH - 100 };

/* ---- files ---- */

void folder_path(const struct folder *f, const char *file, char out[FOLDER_PATH])
{
    snprintf(out, FOLDER_PATH, "%s/%s", f->path, file);
}

enum hearth_status folder_text(const struct folder *f, const char *file, size_t max, char **out, size_t *n)
{
    char path[FOLDER_PATH];
    folder_path(f, file, path);
    *out = NULL;
    enum hearth_status st = os_read_file(path, max, out, n);
    return st == HEARTH_ENOTFOUND ? HEARTH_OK : st;
}

enum hearth_status folder_any_json(const struct folder *f, const char *file, size_t max, json_t **out)
{
    char label[FOLDER_PATH], *text;
    size_t n = 0;
    *out = NULL;
    TRY(folder_text(f, file, max, &text, &n));
    if (!text) return HEARTH_OK;
    folder_path(f, file, label);
    jsontext_shorten(text, n);
    enum hearth_status st = jsontext_read(label, text, n, out);
    free(text);
    return st;
}

enum hearth_status folder_json(const struct folder *f, const char *file, size_t max, json_t **out)
{
    char label[FOLDER_PATH];
    TRY(folder_any_json(f, file, max, out));
    if (!*out || json_is_object(*out)) return HEARTH_OK;
    json_decref(*out);
    *out = NULL;
    folder_path(f, file, label);
    return fail(HEARTH_EFORMAT, "%s: not an object", label);
}

/* ---- keys ---- */

enum hearth_status folder_put(struct folder *f, const char *key, struct gguf_value v)
{
    struct gguf_kv *grown;
    if (f->n_kv == f->cap_kv) {
        size_t cap = f->cap_kv ? 2 * f->cap_kv : 64;
        if (!(grown = arena_alloc(f->arena, cap * sizeof *grown))) return HEARTH_ENOMEM;
        if (f->n_kv) memcpy(grown, f->kv, f->n_kv * sizeof *grown);
        f->kv = grown, f->cap_kv = cap;
    }
    f->kv[f->n_kv++] = (struct gguf_kv){.key = {key, strlen(key)}, .value = v};
    return HEARTH_OK;
}

enum hearth_status folder_put_text(struct folder *f, const char *key, const char *text)
{
    const char *copy = arena_strndup(f->arena, text, strlen(text));
    return copy ? folder_put(f, key, (struct gguf_value){.type = GGUF_STRING, .as.str = {copy, strlen(copy)}}) : HEARTH_ENOMEM;
}

enum hearth_status folder_put_own(struct folder *f, const char *key, struct gguf_value v)
{
    char full[160];
    int n = snprintf(full, sizeof full, "%s.%s", f->family->arch, key);
    const char *copy = arena_strndup(f->arena, full, (size_t)n);
    return copy ? folder_put(f, copy, v) : HEARTH_ENOMEM;
}

/* ---- tensors ---- */

static enum hearth_status new_tensor(struct folder *f, struct gguf_tensor t)
{
    if (f->n_tensors == f->cap_tensors) {
        size_t cap = f->cap_tensors ? 2 * f->cap_tensors : 512;
        struct gguf_tensor *grown = arena_alloc(f->arena, cap * sizeof *grown);
        if (!grown) return HEARTH_ENOMEM;
        if (f->n_tensors) memcpy(grown, f->tensors, f->n_tensors * sizeof *grown);
        f->tensors = grown, f->cap_tensors = cap;
    }
    f->tensors[f->n_tensors++] = t;
    return HEARTH_OK;
}

enum hearth_status folder_put_vector(struct folder *f, const char *name, const float *v, size_t n)
{
    float *copy = arena_alloc(f->arena, n * sizeof *copy);
    if (!copy) return HEARTH_ENOMEM;
    memcpy(copy, v, n * sizeof *copy);
    return new_tensor(f, (struct gguf_tensor){.name = name, .dims = 1, .shape = {n, 1, 1, 1}, .type = T_F32, .bytes = n * sizeof *copy,
                                              .elements = n, .data = (const uint8_t *)copy});
}

static enum hearth_status bad_shape(const struct safetensor *s, const char *why)
{
    return fail(HEARTH_EFORMAT, "%s: tensor %s: %u dimensions, the first of %llu, allowed: %s", s->file, s->name, s->dims,
                (unsigned long long)s->shape[0], why);
}

static enum hearth_status make_by(struct folder *f, struct gguf_tensor *t, const uint8_t *from, uint64_t block, uint64_t stride, int pairs)
{
    struct gguf_rows *rows = arena_alloc(f->arena, sizeof *rows);
    if (!rows) return HEARTH_ENOMEM;
    *rows = (struct gguf_rows){from, block, stride, pairs};
    t->rows = rows, t->data = NULL;
    return HEARTH_OK;
}

/* Half of the rows: of all, where the tensor has two dimensions; of each expert, where it has three. */
static enum hearth_status half(struct folder *f, const struct safetensor *s, int second, struct gguf_tensor *t)
{
    uint64_t rows = t->shape[1];
    if (s->dims < 2 || s->dims > 3 || rows % 2) return bad_shape(s, "two or three, with an even number of rows");
    uint64_t row_bytes = s->bytes / s->elements * t->shape[0];
    const uint8_t *from = s->data + (second ? rows / 2 * row_bytes : 0);
    t->shape[1] = rows / 2, t->elements /= 2, t->bytes /= 2;
    if (s->dims == 3) return make_by(f, t, from, rows / 2, rows, 0);
    t->data = from;
    return HEARTH_OK;
}

/* A vector made at once: with 1 added, or the halves of each head made neighbours. */
static enum hearth_status make_vector(struct folder *f, const struct safetensor *s, uint64_t head, float shift, struct gguf_tensor *t)
{
    float *v = arena_alloc(f->arena, (size_t)s->elements * sizeof *v), *to = head ? arena_alloc(f->arena, (size_t)s->elements * sizeof *to) : v;
    if (!v || !to) return HEARTH_ENOMEM;
    dequantize_row(t->type, s->data, v, (size_t)s->elements);
    for (uint64_t i = 0; i < s->elements && shift != 0; i++) v[i] += shift;
    for (uint64_t i = 0; i < s->elements && head; i++) to[i] = v[i / head * head + i % head % 2 * (head / 2) + i % head / 2];
    t->type = T_F32, t->bytes = s->elements * sizeof *v, t->data = (const uint8_t *)to;
    return HEARTH_OK;
}

static enum hearth_status in_pairs(struct folder *f, const struct safetensor *s, uint32_t heads, struct gguf_tensor *t)
{
    uint64_t head = f->head_width;
    if (s->shape[0] != heads * head) {
        char why[80];
        snprintf(why, sizeof why, "%u heads of %u rows, as config.json has it", heads, f->head_width);
        return bad_shape(s, why);
    }
    return s->dims == 1 ? make_vector(f, s, head, 0, t) : make_by(f, t, s->data, head, head, 1);
}

/* Positions begin behind the padding token's. */
static enum hearth_status past_pad(const struct folder *f, const struct safetensor *s, struct gguf_tensor *t)
{
    const json_t *pad = json_object_get(f->config, "pad_token_id");
    uint64_t skip = 1 + (uint64_t)(json_is_integer(pad) ? json_integer_value(pad) : 1);
    if (s->dims != 2 || skip >= s->shape[0]) return bad_shape(s, "two, with a row for each position behind that of pad_token_id");
    uint64_t row_bytes = s->bytes / s->shape[0];
    t->data += skip * row_bytes, t->shape[1] -= skip, t->bytes -= skip * row_bytes, t->elements -= skip * t->shape[0];
    return HEARTH_OK;
}

static enum hearth_status change(struct folder *f, const struct safetensor *s, enum folder_change how, struct gguf_tensor *t)
{
    if (how == HALF_1 || how == HALF_2) TRY(half(f, s, how == HALF_2, t));
    if (how == Q_PAIRS && f->family->pairs) TRY(in_pairs(f, s, f->heads, t));
    if (how == K_PAIRS && f->family->pairs) TRY(in_pairs(f, s, f->kv_heads, t));
    if (how == PAST_PAD && f->family->past_pad) TRY(past_pad(f, s, t));
    if (how == NORM && f->family->plus_one) TRY(make_vector(f, s, 0, 1, t));
    if (!t->data || (uintptr_t)t->data % type_info(t->type)->bytes == 0) return HEARTH_OK;
    return make_by(f, t, t->data, 1, 1, 0);                /* a file whose header has an odd length */
}

enum hearth_status folder_put_tensor(struct folder *f, const struct safetensor *s, const char *name, enum folder_change how)
{
    struct gguf_tensor t = {.name = arena_strndup(f->arena, name, strlen(name)), .dims = s->dims, .shape = {1, 1, 1, 1}, .bytes = s->bytes,
                            .elements = s->elements, .data = s->data};
    if (!t.name) return HEARTH_ENOMEM;
    if (s->type < 0)
        return fail(HEARTH_EUNSUPPORTED, "%s: tensor %s: dtype %s, allowed: F32, F16, BF16", s->file, s->name, s->dtype);
    if (s->dims < 1 || s->dims > 4 || !s->elements) return bad_shape(s, "one to four, none of them 0");
    for (uint32_t i = 0; i < s->dims; i++) t.shape[i] = s->shape[s->dims - 1 - i];
    t.type = (enum tensor_type)s->type;
    TRY(change(f, s, how, &t));
    return new_tensor(f, t);
}

/* "model.layers.%u.x" -> "model.layers.7.x" */
static void name_of(const char *pattern, uint32_t layer, char out[300])
{
    const char *mark = strstr(pattern, "%u");
    if (mark) snprintf(out, 300, "%.*s%u%s", (int)(mark - pattern), pattern, layer, mark + 2);
    else snprintf(out, 300, "%s", pattern);
}

/* lm_head that is the embedding may lie in the file all the same. */
static int left_out(const struct folder *f, const struct folder_tensor *row)
{
    const json_t *tied = json_object_get(f->config, "tie_word_embeddings");
    return !strcmp(row->from, "lm_head.weight") && (json_is_boolean(tied) ? json_is_true(tied) : f->family->tied);
}

static int wanted(const struct folder *f, const struct folder_tensor *row)
{
    return row->required || (!strcmp(row->from, "lm_head.weight") && json_is_false(json_object_get(f->config, "tie_word_embeddings")));
}

/* Under the name it has in the makers' class, or without or with what that may begin with.  Where a model also sees, its text part is
 * below another name: two, for its makers changed it. */
static const struct safetensor *find_tensor(const struct folder *f, const char *name)
{
    const char *lead = f->family->lead;
    char other[340];
    const struct safetensor *s = safetensors_find(f->weights, name);
    if (s) return s;
    if (lead && !strncmp(name, lead, strlen(lead))) return safetensors_find(f->weights, name + strlen(lead));
    if (lead) {
        snprintf(other, sizeof other, "%s%s", lead, name);
        return safetensors_find(f->weights, other);
    }
    if (!f->family->text_part) return NULL;
    snprintf(other, sizeof other, "language_model.%s", name);
    if ((s = safetensors_find(f->weights, other)) || strncmp(name, "model.", 6) != 0) return s;
    snprintf(other, sizeof other, "model.language_model.%s", name + 6);
    return safetensors_find(f->weights, other);
}

static int is_for_images(const char *name)
{
    static const char *const parts[] = {"vision_tower.", "multi_modal_projector."};
    if (!strncmp(name, "model.", 6)) name += 6;
    return !strncmp(name, parts[0], strlen(parts[0])) || !strncmp(name, parts[1], strlen(parts[1]));
}

/* `used` has a mark for each tensor of the files. */
static enum hearth_status add_row(struct folder *f, const struct folder_tensor *row, uint8_t *used)
{
    char from[300], to[300];
    uint32_t n = strstr(row->from, "%u") ? f->layers : 1;
    for (uint32_t l = 0; l < n; l++) {
        name_of(row->from, l, from);
        name_of(row->to, l, to);
        const struct safetensor *s = find_tensor(f, from);
        if (s) used[s - f->weights->tensor] = 1;
        if (s && !left_out(f, row)) TRY(folder_put_tensor(f, s, to, row->change));
        if (!s && !left_out(f, row) && wanted(f, row)) return fail(HEARTH_EFORMAT, "%s: tensor %s is missing", f->path, from);
    }
    return HEARTH_OK;
}

static int ends_in(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && !strcmp(name + n - m, end);
}

/* What older files carry along though it is computed, and the head of BERT that embeddings are not made with. */
static int is_idle(const struct folder *f, const char *name)
{
    if (ends_in(name, ".inv_freq")) return 1;
    return !strcmp(f->family->arch, "bert") &&
           (ends_in(name, "embeddings.position_ids") || ends_in(name, "pooler.dense.weight") || ends_in(name, "pooler.dense.bias"));
}

/* That the family's forward pass knows the tensor: one that it does not know it would pass over. */
static int arch_has(const struct arch *a, const char *name)
{
    char layer[300] = "";
    unsigned l;
    int at = 0;
    if (sscanf(name, "blk.%u.%n", &l, &at) == 1 && at) snprintf(layer, sizeof layer, "blk.%%u.%s", name + at);
    for (size_t i = 0; i < a->n_tensors; i++)
        if (!strcmp(a->tensors[i].name, *layer ? layer : name)) return 1;
    return 0;
}

static enum hearth_status add_tensors(struct folder *f)
{
    const struct arch *a = arch_find(f->family->arch, strlen(f->family->arch));
    uint8_t *used = arena_alloc(f->arena, f->weights->n + 1);
    if (!used) return HEARTH_ENOMEM;
    for (int i = 0; i < 3 && f->family->tensors[i]; i++)
        for (const struct folder_tensor *row = f->family->tensors[i]; row->from; row++) TRY(add_row(f, row, used));
    for (size_t i = 0; i < f->weights->n; i++) {
        const struct safetensor *s = &f->weights->tensor[i];
        if (!used[i] && !is_idle(f, s->name) && !(f->family->text_part && is_for_images(s->name)))
            return fail(HEARTH_EUNSUPPORTED, "%s: tensor %s is not one that a %s of %u layers has", s->file, s->name, f->family->name, f->layers);
    }
    for (size_t i = 0; a && i < f->n_tensors; i++)
        if (!arch_has(a, f->tensors[i].name))
            return fail(HEARTH_EUNSUPPORTED, "%s: it has the tensor %s, which this build's family %s has no use for", f->path, f->tensors[i].name,
                        f->family->arch);
    return HEARTH_OK;
}

/* general.file_type, by the embedding: 0 F32, 1 F16, 32 BF16. */
static enum hearth_status put_file_type(struct folder *f)
{
    uint64_t type = 0;
    for (size_t i = 0; i < f->n_tensors; i++)
        if (!strcmp(f->tensors[i].name, "token_embd.weight")) type = f->tensors[i].type == T_F16 ? 1 : f->tensors[i].type == T_BF16 ? 32 : 0;
    return folder_put(f, "general.file_type", (struct gguf_value){.type = GGUF_U32, .as.u = type});
}

/* ---- the whole ---- */

static enum hearth_status find_family(struct folder *f)
{
    const json_t *list = json_object_get(f->config, "architectures");
    const char *name = json_string_value(json_array_get(list, 0));
    if (!name) return fail(HEARTH_EFORMAT, "%s/config.json: architectures names no class", f->path);
    if ((f->family = folder_family(name))) return HEARTH_OK;
    struct buf known = {0};
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; folder_family_at(i) && st == HEARTH_OK; i++) st = buf_printf(&known, "%s%s", i ? ", " : "", folder_family_at(i)->name);
    if (st == HEARTH_OK) st = fail(HEARTH_EUNSUPPORTED, "%s/config.json: architectures is \"%.60s\", allowed: %s", f->path, name, known.data);
    buf_free(&known);
    return st;
}

/* text_config, with what only the whole says (the ids that end a text). */
static enum hearth_status take_text_part(struct folder *f)
{
    json_t *text = json_object_get(f->config, "text_config");
    if (!json_is_object(text)) return fail(HEARTH_EFORMAT, "%s/config.json: text_config is missing", f->path);
    json_incref(text);
    int good = !json_object_del(f->config, "text_config") && !json_object_update_missing(text, f->config);
    json_decref(f->config);
    f->config = text;
    return good ? HEARTH_OK : fail_memory(64);
}

static enum hearth_status build(struct folder *f)
{
    TRY(folder_json(f, "config.json", MAX_CONFIG, &f->config));
    if (!f->config) return fail(HEARTH_ENOTFOUND, "%s: no config.json in this folder", f->path);
    TRY(find_family(f));
    if (f->family->text_part) TRY(take_text_part(f));
    TRY(folder_config(f));
    TRY(safetensors_open(f->path, &f->weights));
    TRY(folder_sentences(f));
    TRY(add_tensors(f));
    TRY(put_file_type(f));
    return folder_words(f);
}

struct owned { struct safetensors *weights, *dense[2]; struct mapping words; };

static void give_back(void *owner)
{
    struct owned *o = owner;
    safetensors_close(o->weights);
    for (int i = 0; i < 2; i++) safetensors_close(o->dense[i]);
    os_unmap(&o->words);
    free(o);
}

static uint64_t bytes_of(const struct owned *o)
{
    return o->weights->bytes + (o->dense[0] ? o->dense[0]->bytes : 0) + (o->dense[1] ? o->dense[1]->bytes : 0);
}

static enum hearth_status open_as(const char *path, int as_keys, struct gguf **out)
{
    struct arena arena;
    struct folder f = {.path = path, .arena = &arena, .as_keys = as_keys, .words = {.fd = -1}};
    *out = NULL;
    if (strlen(path) > MAX_PATH) return fail(HEARTH_ELIMIT, "%.80s...: a path of %zu bytes, allowed: at most %d", path, strlen(path), MAX_PATH);
    struct owned *o = mem_array(1, sizeof *o);
    if (!o) return HEARTH_ENOMEM;
    arena_init(&arena, 0);
    enum hearth_status st = build(&f);
    json_decref(f.config);
    *o = (struct owned){f.weights, {f.dense[0], f.dense[1]}, f.words};
    if (st == HEARTH_OK)
        return gguf_assemble(&(struct gguf_parts){path, &arena, f.kv, f.tensors, f.n_kv, f.n_tensors, bytes_of(o), give_back, o}, out);
    give_back(o);
    arena_free(&arena);
    return st;
}

enum hearth_status folder_open(const char *path, struct gguf **out) { return open_as(path, 0, out); }

/* A file that says it is one of several has the name that leads to the others. */
static enum hearth_status open_one(const char *path, int need_data, struct gguf **out)
{
    uint32_t parts = 1;
    TRY(gguf_open(path, need_data, out));
    enum hearth_status st = gguf_get_u32(*out, "split.count", &parts, NULL);
    if (st == HEARTH_OK && parts > 1)
        st = fail(HEARTH_EFORMAT, "%s: key split.count: one of %u files, allowed: a name like x-00001-of-%05u.gguf, which leads to the others", path, parts,
                  parts);
    if (st == HEARTH_OK) return st;
    gguf_close(*out);
    *out = NULL;
    return st;
}

static enum hearth_status open_file(const char *path, int need_data, int as_keys, struct gguf **out)
{
    struct stat s;
    unsigned no, of;
    if (stat(path, &s) != 0 || !S_ISDIR(s.st_mode)) return gguf_piece(path, &no, &of) ? gguf_open_pieces(path, need_data, out) : open_one(path, need_data, out);
    TRY(open_as(path, as_keys, out));
    if (tokenizer_is_in(*out)) return HEARTH_OK;
    gguf_close(*out);
    *out = NULL;
    return fail(HEARTH_ENOTFOUND, "%s: no tokenizer.json, tekken.json or tokenizer.model in this folder, so no text can be made into tokens", path);
}

enum hearth_status model_file_open(const char *path, int need_data, struct gguf **out) { return open_file(path, need_data, 0, out); }
enum hearth_status model_file_open_keys(const char *path, struct gguf **out) { return open_file(path, 1, 1, out); }
