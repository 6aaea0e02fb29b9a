/* classes.c - see classes.h. */
#include "model/classes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

int classes_are_in(const struct gguf *g) { return gguf_find(g, CLASSES_LABELS) && gguf_find(g, CLASSES_WEIGHT); }

int classes_is_key(const struct gguf_string *key)
{
    static const char begin[] = "hearth.classes.";
    return key->n >= sizeof begin - 1 && memcmp(key->s, begin, sizeof begin - 1) == 0;
}

static enum hearth_status read_labels(const struct gguf *g, const struct gguf_value *labels, const struct gguf_value *weight, struct arena *names,
                                      struct hearth_adapter *a)
{
    uint64_t n = labels->as.array.n, width = a->m->h.width;
    const char **text = mem_array(n ? (size_t)n : 1, sizeof *text);
    enum hearth_status st = text ? HEARTH_OK : HEARTH_ENOMEM;
    for (uint64_t i = 0; st == HEARTH_OK && i < n; i++) {
        const struct gguf_string *s = &labels->as.array.strings[i];
        if (!utf8_valid(s->s, (size_t)s->n, NULL)) st = fail(HEARTH_EFORMAT, "%s: label %llu is not UTF-8", g->path, (unsigned long long)i + 1);
        else if (!(text[i] = arena_strndup(names, s->s, (size_t)s->n))) st = HEARTH_ENOMEM;
    }
    if (st == HEARTH_OK && (st = adapter_put_labels(a, text, (uint32_t)n, weight != NULL)) == HEARTH_EFORMAT) st = fail(st, "%s: %s", g->path, hearth_errmsg());
    for (uint64_t i = 0; st == HEARTH_OK && weight && i < n * width; i++) {
        a->head[i] = (float)gguf_array_float(weight, i);
        if (!isfinite(a->head[i])) st = fail(HEARTH_ENUMERIC, "%s: %s has a value that is not finite", g->path, CLASSES_WEIGHT);
    }
    free(text);
    return st;
}

enum hearth_status classes_read(const struct gguf *g, struct hearth_adapter *a)
{
    const struct gguf_value *labels, *weight;
    struct gguf_string pooling;
    int pooled;
    struct arena names;
    TRY(gguf_get_array(g, CLASSES_LABELS, GGUF_STRING, &labels));
    TRY(gguf_get_array(g, CLASSES_WEIGHT, GGUF_F32, &weight));
    if (!labels) return HEARTH_OK;
    uint64_t n = labels->as.array.n;
    if (n < 2 || n > 65536 || (weight && weight->as.array.n != n * a->m->h.width))
        return fail(HEARTH_EFORMAT, "%s: %s: %llu numbers for %llu labels, should be %u for each of 2 to 65536", g->path, CLASSES_WEIGHT,
                    weight ? (unsigned long long)weight->as.array.n : 0ull, (unsigned long long)n, a->m->h.width);
    TRY(gguf_get_string(g, CLASSES_POOLING, &pooling, &pooled));
    arena_init(&names, 0);
    const char *name = pooled ? arena_strndup(&names, pooling.s, (size_t)pooling.n) : NULL;
    enum hearth_status st = pooled && !name ? HEARTH_ENOMEM : read_labels(g, labels, weight, &names, a);
    if (st == HEARTH_OK) st = adapter_read_pooling(g->path, name, &a->mean);
    arena_free(&names);
    return st;
}

enum hearth_status classes_open(const struct hearth_model *m, struct hearth_adapter **out)
{
    struct hearth_adapter *a = NULL;
    TRY(adapter_empty(m, &a));
    enum hearth_status st = classes_read(m->file, a);
    if (st == HEARTH_OK && !a->classes) st = fail(HEARTH_ENOTFOUND, "%s: it names no classes", m->file->path);
    if (st == HEARTH_OK) *out = a;
    else adapter_close(a);
    return st;
}

enum hearth_status classes_write(const struct hearth_adapter *a, struct gguf_writer *w)
{
    struct gguf_string *label = mem_array(a->classes, sizeof *label);
    if (!label) return HEARTH_ENOMEM;
    for (uint32_t i = 0; i < a->classes; i++) label[i] = (struct gguf_string){ a->label[i], strlen(a->label[i]) };
    struct gguf_kv kv[] = {
        { { CLASSES_LABELS, strlen(CLASSES_LABELS) }, { .type = GGUF_ARRAY, .as.array = { GGUF_STRING, a->classes, NULL, label } } },
        { { CLASSES_WEIGHT, strlen(CLASSES_WEIGHT) }, { .type = GGUF_ARRAY, .as.array = { GGUF_F32, (uint64_t)a->classes * a->m->h.width, a->head, NULL } } },
        { { CLASSES_POOLING, strlen(CLASSES_POOLING) }, { .type = GGUF_STRING, .as.str = { a->mean ? "mean" : "last", 4 } } },
    };
    enum hearth_status st = HEARTH_OK;
    for (int i = 0; st == HEARTH_OK && i < (a->head ? 3 : 1); i++) st = gguf_writer_kv(w, &kv[i]);
    free(label);
    return st;
}
