/* weights.c - from a file's tensors to matrices ready for the kernels, as the family's table says.
 *
 * Under HEARTH_QUANT a quantised matrix is read in pieces straight into its place in one slab, interleaved (pack.h):
 * never source and copy together.  Floats, and everything under HEARTH_FLOAT, stay mapped where they are. */
#include "model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE_BYTES = 256 * 1024 };

static enum hearth_status expect_shape(const struct hearth_model *m, const struct gguf_tensor *t,
                                       const struct tensor_spec *s, uint32_t layer)
{
    uint64_t in = hparams_dim(&m->h, s->inputs, layer), out = hparams_whole(&m->h, s, layer), experts = s->what == EXPERTS ? m->h.experts : 1;
    if (t->shape[0] == in && t->shape[1] == out && t->shape[2] == experts && t->shape[3] == 1) return HEARTH_OK;
    if (s->what == EXPERTS)
        return fail(HEARTH_EFORMAT, "%s: tensor %s is %llu x %llu x %llu, should be %llu x %llu x %llu", m->file->path, t->name,
                    (unsigned long long)t->shape[0], (unsigned long long)t->shape[1], (unsigned long long)t->shape[2],
                    (unsigned long long)in, (unsigned long long)out, (unsigned long long)experts);
    return fail(HEARTH_EFORMAT, "%s: tensor %s is %llu x %llu, should be %llu x %llu", m->file->path, t->name,
                (unsigned long long)t->shape[0], (unsigned long long)(t->elements / t->shape[0]),
                (unsigned long long)in, (unsigned long long)out);
}

static enum hearth_status load_vector(struct hearth_model *m, const struct gguf_tensor *t, const float **out)
{
    if (type_info(t->type)->block != 1)
        return fail(HEARTH_EFORMAT, "%s: tensor %s is %s, a vector should be F32, F16 or BF16", m->file->path, t->name,
                    type_info(t->type)->name);
    float *v = arena_alloc(&m->arena, (size_t)t->elements * sizeof *v);
    if (!v) return HEARTH_ENOMEM;
    const uint8_t *data;
    TRY(gguf_tensor_data(m->file, t, &data));
    dequantize_row(t->type, data, v, (size_t)t->elements);
    *out = v;
    return HEARTH_OK;
}

static enum hearth_status plan_matrix(struct hearth_model *m, const struct gguf_tensor *t, uint64_t first, uint64_t rows,
                                      struct weight *w)
{
    w->tensor = t;
    w->cols = t->shape[0], w->rows = rows, w->first = first;
    if (pack_form(t->type) && m->arithmetic == HEARTH_QUANT) {
        w->kind = WEIGHT_PACKED;
        packed_init(&w->packed, t->type, w->rows, w->cols, m->kernels->lanes);
        uint64_t bytes, end;
        TRY(size_mul(w->packed.groups, w->packed.group_bytes, t->name, &bytes));
        TRY(size_add(bytes, 63, t->name, &bytes));
        TRY(size_add(m->slab_bytes, bytes / 64 * 64, t->name, &end));
        w->packed.data = NULL;
        m->slab_bytes = (size_t)end;
    } else {
        const struct type_info *info = type_info(t->type);
        const uint8_t *data;
        size_t row_bytes = (size_t)(w->cols / info->block * info->bytes);
        TRY(gguf_tensor_data(m->file, t, &data));
        w->kind = WEIGHT_DENSE;
        w->dense = (struct dense){ t->type, w->rows, w->cols, row_bytes, data + first * row_bytes };
        *(t->rows ? &m->made_bytes : &m->mapped_bytes) += rows * row_bytes;
    }
    return HEARTH_OK;
}

/* One matrix an expert: the tensor's rows in as many pieces. */
static enum hearth_status plan_experts(struct hearth_model *m, const struct gguf_tensor *t, struct weight **out)
{
    struct weight *w = arena_alloc(&m->arena, m->h.experts * sizeof *w);
    if (!w) return HEARTH_ENOMEM;
    *out = w;
    for (uint32_t e = 0; e < m->h.experts; e++) TRY(plan_matrix(m, t, e * t->shape[1], t->shape[1], &w[e]));
    return HEARTH_OK;
}

static enum hearth_status plan_tensor(struct hearth_model *m, const struct tensor_spec *s, const char *name, uint32_t layer, void *base)
{
    const struct gguf_tensor *t = gguf_find_tensor(m->file, name);
    void *field = (char *)base + s->offset;
    uint64_t rows = hparams_dim(&m->h, s->outputs, layer);
    int empty = rows == 0 || hparams_dim(&m->h, s->inputs, layer) == 0;
    if (!t && (!s->required || empty)) return HEARTH_OK;
    if (!t) return fail(HEARTH_EFORMAT, "%s: tensor %s is missing", m->file->path, name);
    TRY(expect_shape(m, t, s, layer));
    if (s->what == VECTOR) return load_vector(m, t, field);
    if (s->what == EXPERTS) return plan_experts(m, t, field);
    return plan_matrix(m, t, hparams_before(&m->h, s, layer), rows, field);
}

/* ---- reading: pieces of rows, each by whichever thread is free ---- */

struct reading {
    struct hearth_model *m;
    struct weight *w;
    uint64_t piece_rows;
    size_t row_bytes;
    uint8_t *scratch;                /* [threads][PIECE_BYTES or a group's rows] */
    size_t scratch_bytes;
    enum hearth_status *status;      /* [threads] */
    char (*message)[1024];
};

static void read_pieces(void *arg, int thread, int64_t begin, int64_t end)
{
    struct reading *r = arg;
    struct packed *p = &r->w->packed;
    uint8_t *buf = r->scratch + (size_t)thread * r->scratch_bytes;
    for (int64_t i = begin; i < end && r->status[thread] == HEARTH_OK; i++) {
        uint64_t first = (uint64_t)i * r->piece_rows, lanes = (uint64_t)p->lanes;
        uint64_t n = p->rows - first < r->piece_rows ? p->rows - first : r->piece_rows;
        enum hearth_status st = os_read_at(r->m->file->map.fd, r->m->file->path, buf, (size_t)n * r->row_bytes,
                                           r->w->tensor->offset + (r->w->first + first) * r->row_bytes);
        if (st != HEARTH_OK) {
            r->status[thread] = st;
            snprintf(r->message[thread], sizeof *r->message, "%s", hearth_errmsg());
            return;
        }
        uint64_t group = first / lanes, last = first + n == p->rows ? p->groups : (first + n) / lanes;
        for (; group < last; group++) pack_group(p, group, buf + (group * lanes - first) * r->row_bytes, r->row_bytes);
    }
}

static enum hearth_status read_matrix(struct reading *r, struct weight *w, uint8_t **place)
{
    struct packed *p = &w->packed;
    const struct type_info *info = type_info(p->type);
    uint64_t lanes = (uint64_t)p->lanes;
    p->data = *place;
    *place += (p->groups * p->group_bytes + 63) / 64 * 64;
    r->w = w;
    r->row_bytes = (size_t)(p->cols / info->block * info->bytes);
    r->piece_rows = PIECE_BYTES / r->row_bytes / lanes * lanes;
    if (r->piece_rows == 0) r->piece_rows = lanes;
    pool_run(r->m->pool, read_pieces, r, (int64_t)((p->rows + r->piece_rows - 1) / r->piece_rows), 1);
    for (int t = 0; t < pool_threads(r->m->pool); t++)
        if (r->status[t] != HEARTH_OK) return fail(r->status[t], "%s", r->message[t]);
    return HEARTH_OK;
}

/* Calls each on every matrix of the model, in table order. */
static enum hearth_status for_each_matrix(struct hearth_model *m, enum hearth_status (*each)(void *, struct weight *),
                                          void *arg)
{
    for (size_t i = 0; i < m->arch->n_tensors; i++) {
        const struct tensor_spec *s = &m->arch->tensors[i];
        uint32_t n = s->where == IN_LAYER ? m->h.layers : 1;
        for (uint32_t l = 0; s->what != VECTOR && l < n; l++) {
            char *base = s->where == IN_LAYER ? (char *)&m->weights.layers[l] : (char *)&m->weights;
            struct weight *w = (struct weight *)(void *)(base + s->offset);
            if (s->what == MATRIX) TRY(each(arg, w));
            for (uint32_t e = 0; s->what == EXPERTS && e < m->h.experts; e++) TRY(each(arg, *(struct weight **)(void *)w + e));
        }
    }
    return HEARTH_OK;
}

static enum hearth_status widest_group(void *arg, struct weight *w)
{
    size_t *widest = arg;
    const struct type_info *info = type_info(w->packed.type);
    size_t bytes = w->kind == WEIGHT_PACKED ? (size_t)(w->cols / info->block * info->bytes) * (size_t)w->packed.lanes : 0;
    *widest = bytes > *widest ? bytes : *widest;
    return HEARTH_OK;
}

struct read_all { struct reading *r; uint8_t *place; };

static enum hearth_status read_one(void *arg, struct weight *w)
{
    struct read_all *a = arg;
    return w->kind == WEIGHT_PACKED ? read_matrix(a->r, w, &a->place) : HEARTH_OK;
}

static enum hearth_status read_matrices(struct hearth_model *m)
{
    int threads = pool_threads(m->pool);
    struct reading r = { .m = m, .scratch_bytes = PIECE_BYTES };
    struct read_all all = { &r, m->slab };
    enum hearth_status st = HEARTH_ENOMEM;
    TRY(for_each_matrix(m, widest_group, &r.scratch_bytes));
    r.scratch = mem_array((size_t)threads, r.scratch_bytes);
    r.status = mem_array((size_t)threads, sizeof *r.status);
    r.message = mem_array((size_t)threads, sizeof *r.message);
    if (r.scratch && r.status && r.message) st = for_each_matrix(m, read_one, &all);
    free(r.scratch), free(r.status), free(r.message);
    return st;
}

/* What one token passes: every matrix once, the embedding only where it is also the output. */
static enum hearth_status count_matrix(void *arg, struct weight *w)
{
    struct hearth_model *m = arg;
    if (w->kind == WEIGHT_NONE || (w == &m->weights.embedding && m->weights.output.tensor != w->tensor)) return HEARTH_OK;
    if (w == &m->weights.output && w->tensor == m->weights.embedding.tensor) return HEARTH_OK;
    m->weight_bytes += w->kind == WEIGHT_PACKED ? w->packed.groups * w->packed.group_bytes : w->rows * w->dense.row_bytes;
    if (w != &m->weights.output && w != &m->weights.embedding) m->matrix_elements += w->rows * w->cols;
    return HEARTH_OK;
}

/* Of its experts a token passes some. */
static void discount_experts(struct hearth_model *m)
{
    for (uint32_t l = 0; m->h.experts && l < m->h.layers; l++) {
        const struct layer *y = &m->weights.layers[l];
        const struct weight *all[] = { y->gate_exps, y->up_exps, y->down_exps };
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            const struct weight *w = all[i];
            uint64_t idle = m->h.experts - m->h.experts_used;
            m->weight_bytes -= idle * (w->kind == WEIGHT_PACKED ? w->packed.groups * w->packed.group_bytes : w->rows * w->dense.row_bytes);
            m->matrix_elements -= idle * w->rows * w->cols;
        }
    }
}

enum hearth_status weights_load(struct hearth_model *m)
{
    char name[64];
    m->weights.layers = arena_alloc(&m->arena, (size_t)m->h.layers * sizeof *m->weights.layers);
    if (!m->weights.layers) return HEARTH_ENOMEM;
    for (size_t i = 0; i < m->arch->n_tensors; i++) {
        const struct tensor_spec *s = &m->arch->tensors[i];
        if (s->where == IN_MODEL) {
            TRY(plan_tensor(m, s, s->name, 0, &m->weights));
            continue;
        }
        for (uint32_t l = 0; l < m->h.layers; l++) {
            const char *dot = strchr(s->name, '%');        /* "blk.%u.attn_q.weight" */
            snprintf(name, sizeof name, "%.*s%u%s", (int)(dot - s->name), s->name, l, dot + 2);
            TRY(plan_tensor(m, s, name, l, &m->weights.layers[l]));
        }
    }
    if (m->slab_bytes) {
        m->slab = slab_alloc_dense(m->slab_bytes);
        if (!m->slab) return HEARTH_ENOMEM;
        TRY(read_matrices(m));
    }
    if (m->weights.output.kind == WEIGHT_NONE && !m->h.both_sides) m->weights.output = m->weights.embedding;
    TRY(for_each_matrix(m, count_matrix, m));
    discount_experts(m);
    return HEARTH_OK;
}
