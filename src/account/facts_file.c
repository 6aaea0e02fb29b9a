/* facts_file.c - GGUF metadata as facts: the keys below "general." (docs/gguf.md of github.com/ggml-org/ggml), and whatever
 * short settings stand below the architecture's name. */
#include "account/facts_file.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "file/gguf.h"
#include "model/classes.h"
#include "model/folder.h"
#include "model/merged.h"
#include "hub/digest.h"

enum { SOURCES = 64, WORDS = 64, SETTINGS = 128, SETTING_BYTES = 200 };

const char *facts_text(struct facts *f, const char *s, size_t n)
{
    struct buf b = {0};
    const char *out = NULL;
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < n && b.len < FACT_BYTES && st == HEARTH_OK;) {
        uint32_t cp = 0;
        int k = utf8_read(s + i, n - i, &cp);
        if (k < 0) st = buf_puts(&b, "\xef\xbf\xbd");
        else if (cp < 32 || (cp >= 127 && cp < 160)) st = buf_putc(&b, ' ');
        else st = buf_put(&b, s + i, (size_t)k);
        i += k < 0 ? 1 : (size_t)k;
    }
    while (b.len > 0 && b.data[b.len - 1] == ' ') b.len--;
    if (st == HEARTH_OK) out = arena_strndup(&f->arena, b.data ? b.data : "", b.len);
    buf_free(&b);
    return out;
}

enum hearth_status facts_pair(struct facts *f, struct fact_pairs *to, const char *key, const char *value)
{
    TRY(mem_grow(&to->item, &to->cap, to->n + 1, sizeof *to->item));
    struct fact_pair p = {facts_text(f, key, strlen(key)), facts_text(f, value, strlen(value))};
    if (!p.key || !p.value) return HEARTH_ENOMEM;
    to->item[to->n++] = p;
    return HEARTH_OK;
}

/* A text of another type, or none, is "": papers are written about damaged models too. */
static enum hearth_status text_of(struct facts *f, const struct gguf *g, const char *key, const char **out)
{
    const struct gguf_value *v = gguf_find(g, key);
    if (!v || v->type != GGUF_STRING) return HEARTH_OK;
    *out = facts_text(f, v->as.str.s, (size_t)v->as.str.n);
    return *out ? HEARTH_OK : HEARTH_ENOMEM;
}

static enum hearth_status words_of(struct facts *f, const struct gguf *g, const char *key, struct fact_words *out)
{
    const struct gguf_value *v = gguf_find(g, key);
    if (!v || v->type != GGUF_ARRAY || v->as.array.type != GGUF_STRING) return HEARTH_OK;
    for (uint64_t i = 0; i < v->as.array.n && i < WORDS; i++) {
        TRY(mem_grow(&out->item, &out->cap, out->n + 1, sizeof *out->item));
        const char *word = facts_text(f, v->as.array.strings[i].s, (size_t)v->as.array.strings[i].n);
        if (!word) return HEARTH_ENOMEM;
        if (*word) out->item[out->n++] = word;
    }
    return HEARTH_OK;
}

/* general.base_model.0.name, general.base_model.0.url ... */
static enum hearth_status sources_of(struct facts *f, const struct gguf *g, const char *kind, struct fact_sources *out)
{
    static const struct { const char *key; size_t at; } part[] = {
        {"name", offsetof(struct fact_source, name)}, {"organization", offsetof(struct fact_source, organization)},
        {"version", offsetof(struct fact_source, version)}, {"url", offsetof(struct fact_source, url)},
        {"repo_url", offsetof(struct fact_source, url)},
    };
    char key[128];
    uint32_t count = 0;
    snprintf(key, sizeof key, "general.%s.count", kind);
    if (gguf_get_u32(g, key, &count, NULL) != HEARTH_OK) count = 0;
    for (uint32_t i = 0; i < count && i < SOURCES; i++) {
        struct fact_source s = {"", "", "", ""};
        for (size_t k = 0; k < sizeof part / sizeof *part; k++) {
            snprintf(key, sizeof key, "general.%s.%" PRIu32 ".%s", kind, i, part[k].key);
            TRY(text_of(f, g, key, (const char **)(void *)((char *)&s + part[k].at)));
        }
        if (!*s.name && !*s.url) continue;
        if (!*s.name) s.name = s.url;
        TRY(mem_grow(&out->item, &out->cap, out->n + 1, sizeof *out->item));
        out->item[out->n++] = s;
    }
    return HEARTH_OK;
}

/* Names alone: the older form, general.datasets. */
static enum hearth_status data_of(struct facts *f, const struct gguf *g)
{
    struct fact_words names = {0};
    TRY(sources_of(f, g, "dataset", &f->data));
    enum hearth_status st = words_of(f, g, "general.datasets", &names);
    for (size_t i = 0; i < names.n && st == HEARTH_OK; i++) {
        st = mem_grow(&f->data.item, &f->data.cap, f->data.n + 1, sizeof *f->data.item);
        if (st == HEARTH_OK) f->data.item[f->data.n++] = (struct fact_source){names.item[i], "", "", ""};
    }
    free(names.item);
    return st;
}

/* ---- settings ---- */

static const char *setting_text(const struct gguf_value *v, char out[SETTING_BYTES])
{
    switch (v->type) {
    case GGUF_U8: case GGUF_U16: case GGUF_U32: case GGUF_U64: snprintf(out, SETTING_BYTES, "%" PRIu64, v->as.u); break;
    case GGUF_I8: case GGUF_I16: case GGUF_I32: case GGUF_I64: snprintf(out, SETTING_BYTES, "%" PRId64, v->as.i); break;
    case GGUF_F32: snprintf(out, SETTING_BYTES, "%.9g", v->as.f); break;
    case GGUF_F64: snprintf(out, SETTING_BYTES, "%.17g", v->as.f); break;
    case GGUF_BOOL: snprintf(out, SETTING_BYTES, "%s", v->as.b ? "true" : "false"); break;
    case GGUF_STRING:
        if (v->as.str.n >= SETTING_BYTES) return NULL;
        snprintf(out, SETTING_BYTES, "%.*s", (int)v->as.str.n, v->as.str.s);
        break;
    case GGUF_ARRAY: return NULL;
    }
    return out;
}

static enum hearth_status settings_of(struct facts *f, const struct gguf *g)
{
    static const char *const others[] = {"general.file_type", "general.quantization_version", "tokenizer.ggml.model", "tokenizer.ggml.pre"};
    size_t n = strlen(f->architecture);
    for (uint64_t i = 0; i < g->n_kv && f->settings.n < SETTINGS; i++) {
        const struct gguf_kv *kv = &g->kv[i];
        char key[128], value[SETTING_BYTES];
        if (kv->key.n >= sizeof key) continue;
        snprintf(key, sizeof key, "%.*s", (int)kv->key.n, kv->key.s);
        int wanted = n > 0 && strncmp(key, f->architecture, n) == 0 && key[n] == '.';
        for (size_t k = 0; k < sizeof others / sizeof *others; k++) wanted |= strcmp(key, others[k]) == 0;
        if (wanted && setting_text(&kv->value, value)) TRY(facts_pair(f, &f->settings, key, value));
    }
    return HEARTH_OK;
}

/* ---- tensors, template ---- */

static int more_bytes(const void *a, const void *b)
{
    const struct fact_type *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return strcmp(x->name, y->name);
}

static void count_tensors(struct facts *f, const struct gguf *g)
{
    for (uint64_t i = 0; i < g->n_tensors; i++) {
        const struct gguf_tensor *t = &g->tensors[i];
        const char *name = type_info(t->type)->name;
        size_t k = 0;
        f->parameters += t->elements;
        while (k < f->n_types && strcmp(f->types[k].name, name) != 0) k++;
        if (k == sizeof f->types / sizeof *f->types) continue;
        if (k == f->n_types) f->types[f->n_types++] = (struct fact_type){name, 0, 0};
        f->types[k].tensors++;
        f->types[k].bytes += t->bytes;
    }
    qsort(f->types, f->n_types, sizeof *f->types, more_bytes);
}

static enum hearth_status hash_template(struct facts *f, const struct gguf *g)
{
    const struct gguf_value *v = gguf_find(g, "tokenizer.chat_template");
    struct sha256 *sum = NULL;
    char hex[65];
    if (!v || v->type != GGUF_STRING) return HEARTH_OK;
    enum hearth_status st = sha256_open(&sum);
    if (st == HEARTH_OK) st = sha256_add(sum, v->as.str.s, (size_t)v->as.str.n);
    if (st == HEARTH_OK) st = sha256_end(sum, hex);
    sha256_close(sum);
    if (st == HEARTH_OK && !(f->template_sha256 = arena_strndup(&f->arena, hex, 64))) st = HEARTH_ENOMEM;
    return st;
}

static enum hearth_status read_keys(struct facts *f, const struct gguf *g)
{
    const struct { const char *key; const char **to; } text[] = {
        {"general.architecture", &f->architecture}, {"general.name", &f->name}, {"general.organization", &f->organization},
        {"general.author", &f->author}, {"general.description", &f->description}, {"general.finetune", &f->finetune},
        {"general.size_label", &f->size_label}, {"general.quantized_by", &f->quantized_by}, {"general.url", &f->url},
        {"general.version", &f->version}, {"general.license", &f->licence}, {"general.license.name", &f->licence_name},
        {"general.license.link", &f->licence_link}, {"general.source.url", &f->repo}, {"general.repo_url", &f->repo},
        {"general.source.repo_url", &f->repo},
    };
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) TRY(text_of(f, g, text[i].key, text[i].to));
    TRY(words_of(f, g, "general.languages", &f->languages));
    TRY(words_of(f, g, "general.tags", &f->tags));
    TRY(words_of(f, g, CLASSES_LABELS, &f->labels));
    TRY(words_of(f, g, MERGED_ADAPTERS, &f->merged));
    const struct gguf_value *labels = gguf_find(g, CLASSES_LABELS);
    f->n_labels = f->labels.n ? labels->as.array.n : 0;
    TRY(sources_of(f, g, "base_model", &f->base));
    TRY(data_of(f, g));
    TRY(settings_of(f, g));
    count_tensors(f, g);
    return hash_template(f, g);
}

enum hearth_status facts_read_file(struct facts *f)
{
    struct gguf *g = NULL;
    TRY(model_file_open(f->path, 0, &g));
    enum hearth_status st = read_keys(f, g);
    gguf_close(g);
    return st;
}
