/* trainable.c - copies of tensors, and the model's tables pointed at them. */
#include "train/trainable.h"

#include <stdlib.h>
#include <string.h>

static enum hearth_status copy(const struct hearth_model *m, const struct grad *g, float **out)
{
    const struct gguf_tensor *t = gguf_find_tensor(m->file, g->name);
    const uint8_t *data;
    if (!t || t->elements != g->elements) return fail(HEARTH_EINTERNAL, "%s: tensor %s is not what its gradient is", m->file->path, g->name);
    if (!(*out = mem_array((size_t)g->elements, sizeof **out))) return HEARTH_ENOMEM;
    TRY(gguf_tensor_data(m->file, t, &data));
    dequantize_row(t->type, data, *out, (size_t)t->elements);
    gguf_tensor_drop(m->file, t);
    return HEARTH_OK;
}

/* The field of the model that this tensor, or a part of it, is. */
static void point(struct hearth_model *m, const struct tensor_spec *s, uint32_t layer, float *data)
{
    char *base = s->where == IN_LAYER ? (char *)&m->weights.layers[layer] : (char *)&m->weights;
    void *field = base + s->offset;
    uint64_t inputs = hparams_dim(&m->h, s->inputs, layer);
    data += inputs * hparams_before(&m->h, s, layer);
    if (s->what == VECTOR) {
        memcpy(field, &data, sizeof data);
        return;
    }
    struct weight *w = s->what == EXPERTS ? *(struct weight **)field : field;
    for (uint32_t i = 0; i < (s->what == EXPERTS ? m->h.experts : 1); i++, data += w[0].rows * w[0].cols)
        w[i].dense = (struct dense){ T_F32, w[i].rows, w[i].cols, (size_t)w[i].cols * 4, (const uint8_t *)data };
}

enum hearth_status trainable_open(struct hearth_model *m, const struct grads *g, struct trainable *out)
{
    int tied = m->weights.output.tensor == m->weights.embedding.tensor;
    enum hearth_status st = HEARTH_OK;
    *out = (struct trainable){ .data = mem_array(g->n, sizeof *out->data), .n = g->n };
    if (!out->data) return HEARTH_ENOMEM;
    for (size_t i = 0; st == HEARTH_OK && i < g->n; i++) st = copy(m, &g->list[i], &out->data[i]);
    if (st != HEARTH_OK) {
        trainable_free(out);
        return st;
    }
    for (size_t i = 0; i < m->arch->n_tensors; i++) {
        const struct tensor_spec *s = &m->arch->tensors[i];
        char name[96];
        for (uint32_t l = 0; l < (s->where == IN_LAYER ? m->h.layers : 1); l++)
            for (size_t k = 0; grads_name_of(m, s, l, name, sizeof name) && k < g->n; k++)
                if (strcmp(g->list[k].name, name) == 0) point(m, s, l, out->data[k]);
    }
    if (tied) m->weights.output = m->weights.embedding;
    return HEARTH_OK;
}

void trainable_free(struct trainable *t)
{
    for (size_t i = 0; t->data && i < t->n; i++) free(t->data[i]);
    free(t->data);
    *t = (struct trainable){ 0 };
}

const float *trainable_find(const struct trainable *t, const struct grads *g, const char *name)
{
    for (size_t i = 0; i < t->n; i++) if (strcmp(g->list[i].name, name) == 0) return t->data[i];
    return NULL;
}
