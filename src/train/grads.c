/* grads.c - a buffer for the gradient of each wanted tensor, found by the family's table. */
#include "train/backward.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int has_gradient(const struct tensor_spec *s) { return s->inputs != DIM_ROPE_HALF; }

/* The name of a table's tensor in one layer; 0 when this file does not have it. */
int grads_name_of(const struct hearth_model *m, const struct tensor_spec *s, uint32_t layer, char *name, size_t size)
{
    const char *percent = strchr(s->name, '%');        /* "blk.%u.attn_q.weight" */
    if (!percent) snprintf(name, size, "%s", s->name);
    else snprintf(name, size, "%.*s%u%s", (int)(percent - s->name), s->name, layer, percent + 2);
    return gguf_find_tensor(m->file, name) != NULL;
}

/* A tensor of several matrices is one gradient; each has its place in it. */
static enum hearth_status add(struct grads *g, const struct tensor_spec *s, uint32_t layer, const char *name, float **place)
{
    const struct hearth_model *m = g->m;
    uint64_t inputs = hparams_dim(&m->h, s->inputs, layer), elements = inputs * hparams_whole(&m->h, s, layer) * (s->what == EXPERTS ? m->h.experts : 1);
    const struct grad *whole = s->whole == DIM_NONE ? NULL : grads_find(g, name);
    struct grad *e = &g->list[g->n];
    if (whole) {
        *place = whole->data + inputs * hparams_before(&m->h, s, layer);
        return HEARTH_OK;
    }
    e->name = arena_strndup(&g->names, name, strlen(name));
    e->data = mem_array((size_t)elements, sizeof *e->data);
    if (!e->name || !e->data) {
        free(e->data);
        return HEARTH_ENOMEM;
    }
    e->elements = elements, *place = e->data;
    g->n++;
    if (s->where == IN_MODEL && s->offset == offsetof(struct weights, embedding) && m->weights.output.tensor == m->weights.embedding.tensor)
        g->tied = mem_array((size_t)elements, sizeof *g->tied);
    else return HEARTH_OK;
    return g->tied ? HEARTH_OK : HEARTH_ENOMEM;
}

static enum hearth_status add_all(struct grads *g, int (*want)(void *user, const char *name), void *user)
{
    const struct hearth_model *m = g->m;
    char name[96];
    for (size_t i = 0; i < m->arch->n_tensors; i++) {
        const struct tensor_spec *s = &m->arch->tensors[i];
        uint32_t layers = s->where == IN_LAYER ? m->h.layers : 1;
        for (uint32_t l = 0; l < layers && has_gradient(s); l++)
            if (grads_name_of(m, s, l, name, sizeof name) && (!want || want(user, name)))
                TRY(add(g, s, l, name, &g->place[i * m->h.layers + l]));
    }
    return HEARTH_OK;
}

enum hearth_status grads_open(const struct hearth_model *m, int (*want)(void *user, const char *name), void *user,
                              struct grads **out)
{
    struct grads *g = mem_array(1, sizeof *g);
    if (!g) return HEARTH_ENOMEM;
    size_t most = m->arch->n_tensors * m->h.layers;
    g->m = m;
    arena_init(&g->names, 0);
    g->list = mem_array(most, sizeof *g->list);
    g->place = mem_array(most, sizeof *g->place);
    enum hearth_status st = g->list && g->place ? add_all(g, want, user) : HEARTH_ENOMEM;
    if (st == HEARTH_OK) *out = g;
    else grads_close(g);
    return st;
}

void grads_close(struct grads *g)
{
    if (!g) return;
    for (size_t i = 0; i < g->n; i++) free(g->list[i].data);
    free(g->list), free(g->place), free(g->tied);
    arena_free(&g->names);
    free(g);
}

static uint64_t tied_elements(const struct grads *g) { return (uint64_t)g->m->h.vocabulary * g->m->h.width; }

void grads_zero(struct grads *g)
{
    for (size_t i = 0; i < g->n; i++) memset(g->list[i].data, 0, (size_t)g->list[i].elements * sizeof(float));
    if (g->tied) memset(g->tied, 0, (size_t)tied_elements(g) * sizeof(float));
}

enum hearth_status grads_finish(struct grads *g)
{
    if (g->tied) {
        size_t n = (size_t)tied_elements(g);
        g->m->kernels->add(grads_at(g, -1, offsetof(struct weights, embedding)), g->tied, n);
        memset(g->tied, 0, n * sizeof(float));
    }
    for (size_t i = 0; i < g->n; i++)
        if (!g->m->kernels->finite(g->list[i].data, (size_t)g->list[i].elements))
            return fail(HEARTH_ENUMERIC, "%s: the gradient of %s is not finite", g->m->file->path, g->list[i].name);
    return HEARTH_OK;
}

const struct grad *grads_find(const struct grads *g, const char *name)
{
    for (size_t i = 0; i < g->n; i++)
        if (strcmp(g->list[i].name, name) == 0) return &g->list[i];
    return NULL;
}

float *grads_at(const struct grads *g, int layer, size_t offset)
{
    for (size_t i = 0; g && i < g->m->arch->n_tensors; i++) {
        const struct tensor_spec *s = &g->m->arch->tensors[i];
        if ((s->where == IN_LAYER) == (layer >= 0) && s->offset == offset)
            return g->place[i * g->m->h.layers + (layer >= 0 ? (size_t)layer : 0)];
    }
    return NULL;
}
