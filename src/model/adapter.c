/* adapter.c - adapters in memory: which matrices, the product, a new one's numbers. */
#include "model/adapter.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/random.h"
#include "model/folder.h"

enum { TOKENS = 32, STREAM = 0x10A };  /* tokens a task takes; of the random numbers */

static const size_t places[ADAPTER_SLOTS] = {
    offsetof(struct layer, q), offsetof(struct layer, k), offsetof(struct layer, v), offsetof(struct layer, attn_out),
    offsetof(struct layer, gate), offsetof(struct layer, up), offsetof(struct layer, down),
};

const char *adapter_slot_name(enum adapter_slot s)
{
    static const char *const names[] = { "q", "k", "v", "out", "gate", "up", "down" };
    return names[s];
}

const struct weight *adapter_matrix(const struct hearth_model *m, uint32_t layer, enum adapter_slot s)
{
    return (const struct weight *)(const void *)((const char *)&m->weights.layers[layer] + places[s]);
}

/* ---- making ---- */

enum hearth_status adapter_empty(const struct hearth_model *m, struct hearth_adapter **out)
{
    if (!m->weights.layers) return fail(HEARTH_EUNSUPPORTED, "%s: opened for its vocabulary only", m->file->path);
    static uint32_t serials;
    uint32_t serial = __atomic_load_n(&serials, __ATOMIC_RELAXED);
    do if (serial == UINT32_MAX) return fail(HEARTH_ELIMIT, "this process has opened %u adapters; it must be started anew", serial);
    while (!__atomic_compare_exchange_n(&serials, &serial, serial + 1, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    struct hearth_adapter *a = mem_array(1, sizeof *a);
    if (!a) return HEARTH_ENOMEM;
    a->m = m, a->serial = serial + 1, a->scale = 1;
    a->part = mem_array((size_t)m->h.layers * ADAPTER_SLOTS, sizeof *a->part);
    if (!a->part) {
        free(a);
        return HEARTH_ENOMEM;
    }
    *out = a;
    return HEARTH_OK;
}

void adapter_close(struct hearth_adapter *a)
{
    if (!a) return;
    for (size_t i = 0; !a->of && i < (size_t)a->m->h.layers * ADAPTER_SLOTS; i++) free(a->part[i].a_data), free(a->part[i].b_data);
    for (uint32_t i = 0; !a->of && a->label && i < a->classes; i++) free(a->label[i]);
    if (!a->of) free(a->label), free(a->head), free(a->path), free(a->weights);
    free(a->part);
    free(a);
}

/* All but the number of this one, the table of its parts and their scales is the other one's. */
static enum hearth_status take_numbers(struct hearth_adapter *a, const struct hearth_adapter *of, float scale)
{
    struct adapter_part *part = a->part;
    uint32_t serial = a->serial;
    struct checksum c;
    *a = *of;
    a->part = part, a->serial = serial, a->of = of, a->scale = of->scale * scale;
    for (size_t i = 0; i < (size_t)a->m->h.layers * ADAPTER_SLOTS; i++) {
        part[i] = of->part[i];
        part[i].scale *= scale;
        if (!isfinite(part[i].scale)) return fail(HEARTH_EUSAGE, "scale %g, times that of the adapter, %g, is no number", (double)scale, (double)of->part[i].scale);
    }
    checksum_init(&c);
    checksum_add(&c, &of->checksum, sizeof of->checksum), checksum_add(&c, &scale, sizeof scale);
    a->checksum = checksum_end(&c);
    return HEARTH_OK;
}

enum hearth_status adapter_scale(const struct hearth_adapter *of, float scale, struct hearth_adapter **out)
{
    struct hearth_adapter *a;
    if (!isfinite(scale)) return fail(HEARTH_EUSAGE, "an adapter's scale should be a finite number");
    TRY(adapter_empty(of->m, &a));
    enum hearth_status st = take_numbers(a, of, scale);
    if (st == HEARTH_OK) *out = a;
    else adapter_close(a);
    return st;
}

static struct weight matrix_of(const float *data, uint64_t rows, uint64_t cols)
{
    struct weight w = { .kind = WEIGHT_DENSE, .rows = rows, .cols = cols };
    w.dense = (struct dense){ T_F32, rows, cols, (size_t)cols * 4, (const uint8_t *)data };
    return w;
}

enum hearth_status adapter_put(struct hearth_adapter *a, uint32_t layer, enum adapter_slot s, uint32_t rank, float scale,
                               struct adapter_part **part)
{
    const struct weight *w = adapter_matrix(a->m, layer, s);
    struct adapter_part *p = &a->part[layer * ADAPTER_SLOTS + s];
    if (w->kind == WEIGHT_NONE || p->rank) return fail(HEARTH_EINTERNAL, "layer %u: no matrix %s to adapt", layer, adapter_slot_name(s));
    p->a_data = mem_array((size_t)w->cols * rank, sizeof(float));
    p->b_data = mem_array((size_t)w->rows * rank, sizeof(float));
    if (!p->a_data || !p->b_data) return HEARTH_ENOMEM;
    p->rank = rank, p->scale = scale;
    p->a = matrix_of(p->a_data, rank, w->cols), p->b = matrix_of(p->b_data, rank, w->rows);
    a->rank = rank > a->rank ? rank : a->rank;
    a->elements += (w->cols + w->rows) * rank;
    *part = p;
    return HEARTH_OK;
}

static void draw(float *to, size_t n, float bound, uint64_t seed, uint32_t matrix)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t in[4] = { (uint32_t)i, (uint32_t)(i >> 32), matrix, STREAM }, word[4];
        philox4x32(seed, in, word);
        to[i] = ((float)(word[0] >> 8) / 8388608.0f - 1) * bound;
    }
}

static enum hearth_status fill_new(struct hearth_adapter *a, const struct adapter_shape *s)
{
    float scale = s->stabilised ? s->alpha / sqrtf((float)s->rank) : s->alpha / (float)s->rank;
    for (uint32_t l = 0; l < a->m->h.layers; l++)
        for (int k = 0; k < ADAPTER_SLOTS; k++) {
            const struct weight *w = adapter_matrix(a->m, l, (enum adapter_slot)k);
            struct adapter_part *p;
            if (!(s->slots >> k & 1) || w->kind == WEIGHT_NONE) continue;
            TRY(adapter_put(a, l, (enum adapter_slot)k, s->rank, scale, &p));
            draw(p->a_data, (size_t)w->cols * s->rank, 1 / sqrtf((float)w->cols), s->seed, l * ADAPTER_SLOTS + (uint32_t)k);
        }
    if (a->elements == 0) return fail(HEARTH_EUNSUPPORTED, "%s: none of the matrices to be adapted is there", a->m->file->path);
    return HEARTH_OK;
}

enum hearth_status adapter_new(const struct hearth_model *m, const struct adapter_shape *s, struct hearth_adapter **out)
{
    struct hearth_adapter *a;
    if (s->rank < 1 || s->rank > ADAPTER_RANK_MOST) return fail(HEARTH_EUSAGE, "rank %u, should be 1 to %d", s->rank, ADAPTER_RANK_MOST);
    if (!(s->alpha > 0)) return fail(HEARTH_EUSAGE, "alpha %g, should be above 0", (double)s->alpha);
    TRY(adapter_empty(m, &a));
    a->alpha = s->alpha, a->stabilised = s->stabilised;
    enum hearth_status st = fill_new(a, s);
    if (st == HEARTH_OK) *out = a;
    else adapter_close(a);
    return st;
}

static int by_bytes(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static enum hearth_status check_labels(const char *const *label, uint32_t n)
{
    const char **sorted = mem_array(n, sizeof *sorted);
    enum hearth_status st = HEARTH_OK;
    if (!sorted) return HEARTH_ENOMEM;
    memcpy(sorted, label, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_bytes);
    for (uint32_t i = 1; i < n && st == HEARTH_OK; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0) st = fail(HEARTH_EFORMAT, "two labels are \"%.100s\"", sorted[i]);
    free(sorted);
    return st;
}

enum hearth_status adapter_put_labels(struct hearth_adapter *a, const char *const *label, uint32_t classes, int head)
{
    if (classes < 2 || classes > 65536) return fail(HEARTH_EUSAGE, "%u classes, should be 2 to 65536", classes);
    TRY(check_labels(label, classes));
    if (head) a->head = mem_array((size_t)classes * a->m->h.width, sizeof *a->head);
    a->label = mem_array(classes, sizeof *a->label);
    if ((head && !a->head) || !a->label) return HEARTH_ENOMEM;
    for (a->classes = 0; a->classes < classes; a->classes++)
        if (!(a->label[a->classes] = strdup(label[a->classes]))) return fail_memory(strlen(label[a->classes]));
    return HEARTH_OK;
}

void adapter_sum(struct hearth_adapter *a)
{
    struct checksum c;
    checksum_init(&c);
    for (size_t i = 0; i < (size_t)a->m->h.layers * ADAPTER_SLOTS; i++) {
        const struct adapter_part *p = &a->part[i];
        if (!p->rank) continue;
        checksum_add(&c, &i, sizeof i), checksum_add(&c, &p->scale, sizeof p->scale);
        checksum_add(&c, p->a_data, (size_t)p->a.rows * (size_t)p->a.cols * 4);
        checksum_add(&c, p->b_data, (size_t)p->b.rows * (size_t)p->b.cols * 4);
    }
    a->checksum = checksum_end(&c);
}

/* ---- the product ---- */

struct applying {
    const struct hearth_model *m;
    const struct adapter_part *p;
    const float *x;
    size_t ldx, ldy;
    uint32_t n;
    float *y, *h, *scratch;
    size_t scratch_each;
};

static void apply_tokens(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct applying *j = arg;
    const struct adapter_part *p = j->p;
    const struct kernels *k = j->m->kernels;
    float *scratch = j->scratch + (size_t)thread * j->scratch_each, own[TOKENS * ADAPTER_RANK_MOST];
    for (size_t t = (size_t)begin * TOKENS; t < (size_t)end * TOKENS && t < j->n; t += TOKENS) {
        int n = j->n - t < TOKENS ? (int)(j->n - t) : TOKENS;
        float *h = j->h ? j->h + t * p->rank : own;
        k->matmul_float(&p->a.dense, 0, p->rank, j->x + t * j->ldx, j->ldx, n, h, p->rank, scratch);
        k->scale(h, p->scale, (size_t)n * p->rank);
        k->accumulate(h, p->rank, 1, n, p->b_data, (size_t)p->b.cols, (int)p->rank, (int)p->b.cols, j->y + t * j->ldy, j->ldy, scratch);
    }
}

void adapter_apply(const struct hearth_model *m, const struct adapter_part *p, const float *x, size_t ldx, uint32_t n, float *y, size_t ldy,
                   float *h, float *scratch, size_t scratch_each)
{
    struct applying j = { m, p, x, ldx, ldy, n, y, h, scratch, scratch_each };
    if (n <= TOKENS) apply_tokens(&j, 0, 0, 1);
    else pool_run(m->pool, apply_tokens, &j, (n + TOKENS - 1) / TOKENS, 1);
}

/* ---- names ---- */

static const struct tensor_spec *spec_of(const struct hearth_model *m, enum adapter_slot s)
{
    for (size_t i = 0; i < m->arch->n_tensors; i++) {
        const struct tensor_spec *t = &m->arch->tensors[i];
        if (t->where == IN_LAYER && t->what == MATRIX && t->offset == places[s]) return t;
    }
    return NULL;
}

/* The row of folder_tables.c that makes the GGUF tensor. */
static const struct folder_tensor *folder_row(const struct hearth_model *m, const char *gguf, int *pairs)
{
    const struct folder_family *f;
    for (size_t i = 0; (f = folder_family_at(i)); i++)
        for (size_t k = 0; strcmp(f->arch, m->arch->name) == 0 && k < sizeof f->tensors / sizeof *f->tensors; k++)
            for (const struct folder_tensor *t = f->tensors[k]; t && t->from; t++)
                if (strcmp(t->to, gguf) == 0) {
                    *pairs = f->pairs && (t->change == Q_PAIRS || t->change == K_PAIRS);
                    return t;
                }
    return NULL;
}

static void with_layer(const char *pattern, uint32_t layer, size_t cut, char *out, size_t size)
{
    const char *percent = strchr(pattern, '%');
    size_t n = strlen(pattern) - cut;
    if (!percent) snprintf(out, size, "%.*s", (int)n, pattern);
    else snprintf(out, size, "%.*s%u%.*s", (int)(percent - pattern), pattern, layer, (int)(n - (size_t)(percent - pattern) - 2), percent + 2);
}

enum hearth_status adapter_name_of(const struct hearth_model *m, uint32_t layer, enum adapter_slot s, struct adapter_name *out)
{
    const struct tensor_spec *spec = spec_of(m, s);
    const struct weight *w = adapter_matrix(m, layer, s);
    int pairs = 0;
    memset(out, 0, sizeof *out);
    if (!spec) return fail(HEARTH_EUNSUPPORTED, "%s: the family %s has no matrix %s in its layers", m->file->path, m->arch->name, adapter_slot_name(s));
    const struct folder_tensor *from = folder_row(m, spec->name, &pairs);
    if (!from) return fail(HEARTH_EUNSUPPORTED, "%s: how PEFT calls %s of the family %s is not known", m->file->path, spec->name, m->arch->name);
    with_layer(spec->name, layer, 0, out->gguf, sizeof out->gguf);
    with_layer(from->from, layer, strlen(".weight"), out->peft, sizeof out->peft);
    out->gguf_first = hparams_before(&m->h, spec, layer), out->gguf_whole = hparams_whole(&m->h, spec, layer);
    out->peft_first = out->gguf_first, out->peft_whole = out->gguf_whole;
    if (from->change == HALF_1 || from->change == HALF_2) out->peft_whole = w->rows * 2, out->peft_first = from->change == HALF_2 ? w->rows : 0;
    out->head = pairs ? m->h.head_width : 0;
    return HEARTH_OK;
}
