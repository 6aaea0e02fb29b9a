/* merge.c - W'[o][i] goes on from W[o][i]: fma(scale B[o][r], A[r][i], ·) for r = 0, 1, 2, ... */
#include "work/merge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fpmode.h"
#include "model/adapter.h"
#include "model/classes.h"
#include "work/rewrite.h"

struct merging { struct hearth_model *m; struct hearth_adapter *a; float *data, *scratch; };

static enum hearth_status add_part(struct merging *j, const struct adapter_part *p, uint64_t first)
{
    size_t rank = p->rank, rows = (size_t)p->b.cols, cols = (size_t)p->a.cols;
    float *b = mem_array(rows * rank, sizeof *b);
    if (!b) return HEARTH_ENOMEM;
    for (size_t o = 0; o < rows; o++)
        for (size_t r = 0; r < rank; r++) b[o * rank + r] = p->scale * p->b_data[r * rows + o];
    j->m->kernels->accumulate(b, rank, 1, (int)rows, p->a_data, cols, (int)rank, (int)cols, j->data + first * cols, cols, j->scratch);
    free(b);
    return HEARTH_OK;
}

static const float *merged(void *user, const struct gguf_tensor *t, enum hearth_status *st)
{
    const char *name = t->name;
    struct merging *j = user;
    unsigned layer;
    if (sscanf(name, "blk.%u.", &layer) != 1 || layer >= j->m->h.layers) return NULL;
    free(j->data);
    j->data = NULL;
    for (int s = 0; s < ADAPTER_SLOTS && *st == HEARTH_OK; s++) {
        const struct adapter_part *p = adapter_at(j->a, layer, (enum adapter_slot)s);
        struct adapter_name n;
        if (!p) continue;
        if ((*st = adapter_name_of(j->m, layer, (enum adapter_slot)s, &n)) != HEARTH_OK) break;
        if (strcmp(n.gguf, name) != 0) continue;
        const uint8_t *bytes;
        if (!j->data) {
            if (!(j->data = mem_array((size_t)t->elements, sizeof *j->data))) *st = HEARTH_ENOMEM;
            else if ((*st = gguf_tensor_data(j->m->file, t, &bytes)) == HEARTH_OK) dequantize_row(t->type, bytes, j->data, (size_t)t->elements);
        }
        if (*st == HEARTH_OK) *st = add_part(j, p, n.gguf_first);
    }
    return *st == HEARTH_OK ? j->data : NULL;
}

enum hearth_status merge_write(const char *model, const char *adapter, const char *type, const char *out)
{
    struct merging j = { 0 };
    struct fp_state fp;
    TRY(hearth_model_open(model, &(struct hearth_model_params){ .arithmetic = HEARTH_FLOAT }, &j.m));
    fp_enter(&fp);
    enum hearth_status st = adapter_open(j.m, adapter, &j.a);
    if (st == HEARTH_OK && classes_are_in(j.m->file) && !j.a->head)
        st = fail(HEARTH_EUSAGE, "%s names classes by a head, which %s would ruin: it was taught words; merge it into the model as it was before", model, adapter);
    if (st == HEARTH_OK && !(j.scratch = mem_array(2 * PANEL_ROWS * PANEL_COLS, sizeof(float)))) st = HEARTH_ENOMEM;
    if (st == HEARTH_OK) st = rewrite_model(j.m->file, type, out, merged, &j, j.a);
    fp_leave(&fp);
    free(j.data), free(j.scratch);
    adapter_close(j.a);
    hearth_model_close(j.m);
    return st;
}
