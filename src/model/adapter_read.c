/* adapter_read.c - adapters from PEFT's folders and llama.cpp's GGUF files.
 *
 *     base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight [rank, inputs]     blk.0.attn_q.weight.lora_a
 *     base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight [outputs, rank]    blk.0.attn_q.weight.lora_b
 *
 * Both are brought into one list of named matrices first.  A tensor that no matrix of the model asks for is refused, never passed over:
 * what is left out of an adapter is another adapter. */
#include "model/classes.h"
#include "model/merged.h"
#include "model/adapter.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/jsontext.h"
#include "file/safetensors.h"

enum { MAX_CONFIG = 1 << 20, MAX_LABELS = 16 << 20, NAME = 300 };

struct matrix {                      /* of the file: rows, slowest first */
    const char *name;
    uint64_t rows, cols;
    int type;                        /* enum tensor_type; -1: none that is known */
    const uint8_t *data;
    int used;
};

struct source {
    struct hearth_adapter *a;
    const char *path;                /* for messages */
    struct matrix *list;
    size_t n;
    int peft;
    json_t *config;                  /* PEFT's */
    double alpha, rank;              /* rank 0: not said */
    int stabilised;
};

static struct matrix *find(struct source *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++) if (strcmp(s->list[i].name, name) == 0) return &s->list[i];
    return NULL;
}

static enum hearth_status expect(const struct source *s, const struct matrix *t, uint64_t rows, uint64_t cols)
{
    if (t->rows != rows || t->cols != cols)
        return fail(HEARTH_EFORMAT, "%s: tensor %s is %llu x %llu, should be %llu x %llu for this model: it was made for another", s->path, t->name,
                    (unsigned long long)t->rows, (unsigned long long)t->cols, (unsigned long long)rows, (unsigned long long)cols);
    if (t->type < 0 || cols % type_info((uint32_t)t->type)->block)
        return fail(HEARTH_EUNSUPPORTED, "%s: tensor %s is of a type that is not read", s->path, t->name);
    return HEARTH_OK;
}

static enum hearth_status read_row(const struct source *s, const struct matrix *t, uint64_t row, float *out)
{
    const struct type_info *info = type_info((uint32_t)t->type);
    dequantize_row(info->id, t->data + row * (t->cols / info->block * info->bytes), out, (size_t)t->cols);
    for (uint64_t i = 0; i < t->cols; i++)
        if (!isfinite(out[i])) return fail(HEARTH_ENUMERIC, "%s: tensor %s has a value that is not finite", s->path, t->name);
    return HEARTH_OK;
}

/* alpha_pattern, rank_pattern: {"q_proj": 32}: of modules whose name ends so, in place of *out. */
static enum hearth_status by_pattern(const struct source *s, const char *pattern, const char *module, double *out)
{
    const char *key;
    json_t *v;
    json_object_foreach(json_object_get(s->config, pattern), key, v) {
        size_t n = strlen(key), all = strlen(module);
        if (key[strcspn(key, "^$*+?()[]{}|\\")]) return fail(HEARTH_EUNSUPPORTED, "%s: %s: \"%.100s\", allowed: names of modules", s->path, pattern, key);
        if (!json_is_number(v)) return fail(HEARTH_EFORMAT, "%s: %s: \"%.100s\" is no number", s->path, pattern, key);
        if (n <= all && strcmp(module + all - n, key) == 0 && (n == all || module[all - n - 1] == '.')) *out = json_number_value(v);
    }
    return HEARTH_OK;
}

static enum hearth_status read_part(struct source *s, uint32_t layer, enum adapter_slot slot)
{
    struct adapter_name name;
    char full[NAME];
    const struct weight *w = adapter_matrix(s->a->m, layer, slot);
    if (w->kind == WEIGHT_NONE) return HEARTH_OK;
    TRY(adapter_name_of(s->a->m, layer, slot, &name));
    snprintf(full, sizeof full, s->peft ? "base_model.model.%s.lora_A.weight" : "%s.lora_a", s->peft ? name.peft : name.gguf);
    struct matrix *a = find(s, full);
    snprintf(full, sizeof full, s->peft ? "base_model.model.%s.lora_B.weight" : "%s.lora_b", s->peft ? name.peft : name.gguf);
    struct matrix *b = find(s, full);
    if (!a && !b) return HEARTH_OK;
    if (!a || !b) return fail(HEARTH_EFORMAT, "%s: tensor %s has no counterpart", s->path, a ? a->name : b->name);
    a->used = b->used = 1;
    if (a->rows < 1 || a->rows > ADAPTER_RANK_MOST)
        return fail(HEARTH_EFORMAT, "%s: tensor %s has rank %llu, allowed: 1 to %d", s->path, a->name, (unsigned long long)a->rows, ADAPTER_RANK_MOST);
    TRY(expect(s, a, a->rows, w->cols));
    TRY(expect(s, b, s->peft ? name.peft_whole : name.gguf_whole, a->rows));
    uint32_t rank = (uint32_t)a->rows;
    double alpha = s->alpha, said = s->rank ? s->rank : (double)rank;
    struct adapter_part *p;
    TRY(by_pattern(s, "alpha_pattern", name.peft, &alpha));
    TRY(by_pattern(s, "rank_pattern", name.peft, &said));
    if (said != (double)rank) return fail(HEARTH_EFORMAT, "%s: tensor %s has rank %u, adapter_config.json says %g", s->path, a->name, rank, said);
    TRY(adapter_put(s->a, layer, slot, rank, (float)(s->stabilised ? alpha / sqrt((double)rank) : alpha / (double)rank), &p));
    for (uint64_t r = 0; r < rank; r++) TRY(read_row(s, a, r, p->a_data + r * w->cols));
    uint64_t first = s->peft ? name.peft_first : name.gguf_first;
    for (uint64_t i = 0; i < w->rows; i++) {
        uint64_t hw = name.head, in = hw ? i % hw : 0, at = s->peft && hw ? i - in + in % 2 * (hw / 2) + in / 2 : i;
        float row[ADAPTER_RANK_MOST];
        TRY(read_row(s, b, first + at, row));
        for (uint64_t r = 0; r < rank; r++) p->b_data[r * w->rows + i] = row[r];
    }
    return HEARTH_OK;
}

static enum hearth_status read_parts(struct source *s)
{
    for (uint32_t l = 0; l < s->a->m->h.layers; l++)
        for (int k = 0; k < ADAPTER_SLOTS; k++) TRY(read_part(s, l, (enum adapter_slot)k));
    for (size_t i = 0; i < s->n; i++)
        if (!s->list[i].used)
            return fail(HEARTH_EUNSUPPORTED, "%s: tensor %s belongs to no matrix of this model's attention or feed-forward layers", s->path,
                        s->list[i].name);
    if (!s->a->elements && !s->a->head) return fail(HEARTH_EFORMAT, "%s: no matrix of an adapter in it", s->path);
    s->a->alpha = (float)s->alpha, s->a->stabilised = s->stabilised;
    adapter_sum(s->a);
    return HEARTH_OK;
}

/* ---- PEFT ---- */

static enum hearth_status check_config(struct source *s)
{
    static const char *const off[] = { "use_dora", "fan_in_fan_out", "lora_bias" };
    const char *type = json_string_value(json_object_get(s->config, "peft_type"));
    const json_t *alpha = json_object_get(s->config, "lora_alpha");
    if (!type || strcmp(type, "LORA") != 0) return fail(HEARTH_EUNSUPPORTED, "%s: peft_type is %.40s, allowed: LORA", s->path, type ? type : "missing");
    static const char *const flags[] = { "use_dora", "fan_in_fan_out", "lora_bias", "use_rslora" };
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        const json_t *v = json_object_get(s->config, flags[i]);
        if (v && !json_is_boolean(v) && !json_is_null(v)) return fail(HEARTH_EFORMAT, "%s: %s should be true or false", s->path, flags[i]);
    }
    const char *bias = json_string_value(json_object_get(s->config, "bias"));
    if (bias && strcmp(bias, "none") != 0) return fail(HEARTH_EUNSUPPORTED, "%s: bias is %.40s, allowed: none", s->path, bias);
    for (size_t i = 0; i < sizeof off / sizeof *off; i++)
        if (json_is_true(json_object_get(s->config, off[i]))) return fail(HEARTH_EUNSUPPORTED, "%s: %s is true, allowed: false", s->path, off[i]);
    if (!json_is_number(alpha) || !(json_number_value(alpha) > 0)) return fail(HEARTH_EFORMAT, "%s: lora_alpha should be a number above 0", s->path);
    s->alpha = json_number_value(alpha), s->rank = json_number_value(json_object_get(s->config, "r"));
    s->stabilised = json_is_true(json_object_get(s->config, "use_rslora"));
    return HEARTH_OK;
}

static enum hearth_status read_json(const char *folder, const char *file, size_t max, json_t **out)
{
    struct buf path = { 0 };
    char *text = NULL;
    size_t n;
    enum hearth_status st = buf_printf(&path, "%s/%s", folder, file);
    if (st == HEARTH_OK) st = os_read_file(path.data, max, &text, &n);
    if (st == HEARTH_OK) st = jsontext_read(path.data, text, n, out);
    free(text);
    buf_free(&path);
    return st;
}

enum hearth_status adapter_read_pooling(const char *path, const char *name, int *mean)
{
    *mean = name && strcmp(name, "mean") == 0;
    if (!name || *mean || strcmp(name, "last") == 0) return HEARTH_OK;
    return fail(HEARTH_EUNSUPPORTED, "%s: %s \"%.100s\", allowed: last, mean", path, ADAPTER_POOLING, name);
}

/* The head, and labels.json with what its rows are called; or, without a head, the words it was taught to answer. */
static enum hearth_status read_head(struct source *s)
{
    struct matrix *t = find(s, "base_model.model.score.weight");
    json_t *labels = NULL;
    if (t) t->used = 1;
    if (t) TRY(expect(s, t, t->rows, s->a->m->h.width));
    enum hearth_status read = read_json(s->path, "labels.json", MAX_LABELS, &labels);
    if (!t && read == HEARTH_ENOTFOUND) return HEARTH_OK;
    TRY(read);
    size_t n = json_array_size(labels);
    const char **text = mem_array(n ? n : 1, sizeof *text);
    enum hearth_status st = text ? HEARTH_OK : HEARTH_ENOMEM;
    if (st == HEARTH_OK && (n < 2 && (!t || !json_is_array(labels)))) st = fail(HEARTH_EFORMAT, "%s/labels.json: should be an array of two labels or more", s->path);
    if (st == HEARTH_OK && t && n != t->rows)
        st = fail(HEARTH_EFORMAT, "%s/labels.json: %zu labels, the head has %llu classes", s->path, n, (unsigned long long)t->rows);
    for (size_t i = 0; st == HEARTH_OK && i < n; i++)
        if (!(text[i] = json_string_value(json_array_get(labels, i)))) st = fail(HEARTH_EFORMAT, "%s/labels.json: label %zu is no text", s->path, i + 1);
    if (st == HEARTH_OK && (st = adapter_put_labels(s->a, text, (uint32_t)n, t != NULL)) == HEARTH_EFORMAT)
        st = fail(st, "%s/labels.json: %s", s->path, hearth_errmsg());
    if (st == HEARTH_OK && t) st = adapter_read_pooling(s->path, json_string_value(json_object_get(s->config, ADAPTER_POOLING)), &s->a->mean);
    for (uint64_t i = 0; st == HEARTH_OK && t && i < n; i++) st = read_row(s, t, i, s->a->head + i * s->a->m->h.width);
    free(text);
    json_decref(labels);
    return st;
}

static enum hearth_status read_safetensors(struct source *s, const struct safetensors *f)
{
    if (!(s->list = mem_array(f->n ? f->n : 1, sizeof *s->list))) return HEARTH_ENOMEM;
    for (s->n = 0; s->n < f->n; s->n++) {
        const struct safetensor *t = &f->tensor[s->n];
        if (t->dims != 2) return fail(HEARTH_EUNSUPPORTED, "%s: tensor %s has %u dimensions, allowed: 2", s->path, t->name, t->dims);
        s->list[s->n] = (struct matrix){ t->name, t->shape[0], t->shape[1], t->type, t->data, 0 };
    }
    TRY(read_head(s));
    return read_parts(s);
}

static enum hearth_status open_peft(struct source *s)
{
    struct mapping map;
    struct safetensors *f = NULL;
    struct buf path = { 0 };
    TRY(read_json(s->path, "adapter_config.json", MAX_CONFIG, &s->config));
    TRY(check_config(s));
    enum hearth_status st = buf_printf(&path, "%s/adapter_model.safetensors", s->path);
    if (st == HEARTH_OK) st = os_map(path.data, &map);
    if (st == HEARTH_OK) {
        memcpy(s->a->id, map.id, sizeof map.id);
        st = safetensors_open_memory(map.data, map.size, path.data, &f);
        if (st == HEARTH_OK) st = read_safetensors(s, f);
        safetensors_close(f);
        os_unmap(&map);
    }
    if (st == HEARTH_OK && !(s->a->weights = strdup(path.data))) st = fail_memory(path.len);
    buf_free(&path);
    return st;
}

/* ---- GGUF ---- */

static enum hearth_status expect_text(const struct source *s, const struct gguf *g, const char *key, const char *wanted)
{
    struct gguf_string text = { "", 0 };
    TRY(gguf_get_string(g, key, &text, NULL));
    if (text.n == strlen(wanted) && memcmp(text.s, wanted, text.n) == 0) return HEARTH_OK;
    return fail(HEARTH_EFORMAT, "%s: %s is \"%.*s\", should be \"%s\" for an adapter of this model", s->path, key, (int)(text.n < 64 ? text.n : 64), text.s, wanted);
}

static enum hearth_status read_gguf(struct source *s, const struct gguf *g)
{
    float alpha = 0;
    TRY(expect_text(s, g, "general.type", "adapter"));
    TRY(expect_text(s, g, "adapter.type", "lora"));
    TRY(expect_text(s, g, "general.architecture", s->a->m->arch->name));
    TRY(gguf_get_f32(g, "adapter.lora.alpha", &alpha, NULL));
    if (!(alpha > 0) || !isfinite(alpha)) return fail(HEARTH_EFORMAT, "%s: adapter.lora.alpha is %g, should be above 0", s->path, (double)alpha);
    s->alpha = (double)alpha;
    if (!(s->list = mem_array(g->n_tensors ? (size_t)g->n_tensors : 1, sizeof *s->list))) return HEARTH_ENOMEM;
    for (s->n = 0; s->n < g->n_tensors; s->n++) {
        const struct gguf_tensor *t = &g->tensors[s->n];
        if (t->dims > 2) return fail(HEARTH_EUNSUPPORTED, "%s: tensor %s has %u dimensions, allowed: 2", s->path, t->name, t->dims);
        s->list[s->n] = (struct matrix){ t->name, t->shape[1], t->shape[0], (int)t->type, t->data, 0 };
    }
    TRY(classes_read(g, s->a));
    return read_parts(s);
}

static enum hearth_status open_gguf(struct source *s)
{
    struct gguf *g;
    TRY(gguf_open(s->path, 1, &g));
    memcpy(s->a->id, g->map.id, sizeof s->a->id);
    enum hearth_status st = read_gguf(s, g);
    gguf_close(g);
    if (st == HEARTH_OK && !(s->a->weights = strdup(s->path))) st = fail_memory(strlen(s->path));
    return st;
}

enum hearth_status adapter_open(const struct hearth_model *m, const char *path, struct hearth_adapter **out)
{
    struct source s = { .path = path };
    struct stat info;
    if (stat(path, &info) != 0) return fail_errno(path, "cannot open");
    TRY(adapter_empty(m, &s.a));
    s.peft = S_ISDIR(info.st_mode);
    enum hearth_status st = (s.a->path = strdup(path)) ? HEARTH_OK : fail_memory(strlen(path));
    if (st == HEARTH_OK) st = s.peft ? open_peft(&s) : open_gguf(&s);
    if (st == HEARTH_OK) st = merged_check(m, s.a);
    free(s.list);
    json_decref(s.config);
    if (st == HEARTH_OK) *out = s.a;
    else adapter_close(s.a);
    return st;
}
