/* adapter_write.c - adapters as PEFT's folders and as llama.cpp's GGUF files.
 *
 * Where the file has one matrix for several of ours (q, k and v of Phi-3), theirs is A one under the other and B in blocks:
 *
 *     A = [A_q; A_k; A_v]   B = [B_q 0 0; 0 B_k 0; 0 0 B_v]   rank = the sum, which rank_pattern says */
#include "model/adapter.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/jsontext.h"
#include "file/safetensors.h"
#include "model/classes.h"

struct member { const struct adapter_part *p; struct adapter_name name; };
struct group {                       /* a matrix of the file */
    const char *name;
    struct member part[ADAPTER_SLOTS];
    int n;
    uint32_t rank;
    uint64_t rows, cols;
    float *a, *b;                    /* [rank][cols], [rows][rank] */
    char a_name[160], b_name[160];
};

struct writing { const struct hearth_adapter *a; int peft; struct group *list; size_t n; };

static enum hearth_status collect(struct writing *w)
{
    const struct hearth_model *m = w->a->m;
    if (!(w->list = mem_array((size_t)m->h.layers * ADAPTER_SLOTS, sizeof *w->list))) return HEARTH_ENOMEM;
    for (uint32_t l = 0; l < m->h.layers; l++) {
        size_t first = w->n;
        for (int s = 0; s < ADAPTER_SLOTS; s++) {
            struct member it = { .p = adapter_at(w->a, l, (enum adapter_slot)s) };
            if (!it.p) continue;
            TRY(adapter_name_of(m, l, (enum adapter_slot)s, &it.name));
            size_t g = first;
            while (g < w->n && strcmp(w->peft ? w->list[g].part[0].name.peft : w->list[g].part[0].name.gguf, w->peft ? it.name.peft : it.name.gguf)) g++;
            w->n += g == w->n;
            w->list[g].part[w->list[g].n++] = it;
        }
    }
    return HEARTH_OK;
}

/* factor: of B, where one number for the whole file has to say the scale. */
static enum hearth_status fill(const struct writing *w, struct group *g, double alpha)
{
    const struct member *first = &g->part[0];
    uint32_t column = 0;
    g->name = w->peft ? first->name.peft : first->name.gguf;
    g->rows = w->peft ? first->name.peft_whole : first->name.gguf_whole, g->cols = first->p->a.cols;
    for (int i = 0; i < g->n; i++) g->rank += g->part[i].p->rank;
    g->a = mem_array((size_t)g->cols * g->rank, sizeof *g->a), g->b = mem_array((size_t)g->rows * g->rank, sizeof *g->b);
    if (!g->a || !g->b) return HEARTH_ENOMEM;
    for (int i = 0; i < g->n; i++) {
        const struct adapter_part *p = g->part[i].p;
        const struct adapter_name *name = &g->part[i].name;
        float factor = w->peft ? 1 : (float)((double)p->scale / (alpha / (double)g->rank));
        memcpy(g->a + column * g->cols, p->a_data, (size_t)g->cols * p->rank * sizeof *g->a);
        for (uint64_t row = 0; row < p->b.cols; row++) {
            uint64_t hw = name->head, in = hw ? row % hw : 0, at = w->peft && hw ? row - in + in % 2 * (hw / 2) + in / 2 : row;
            float *to = g->b + ((w->peft ? name->peft_first : name->gguf_first) + at) * g->rank + column;
            for (uint64_t r = 0; r < p->rank; r++) to[r] = p->b_data[r * p->b.cols + row] * factor;
        }
        column += p->rank;
    }
    snprintf(g->a_name, sizeof g->a_name, w->peft ? "base_model.model.%s.lora_A.weight" : "%s.lora_a", g->name);
    snprintf(g->b_name, sizeof g->b_name, w->peft ? "base_model.model.%s.lora_B.weight" : "%s.lora_b", g->name);
    return HEARTH_OK;
}

/* ---- PEFT ---- */

static const char *module_of(const char *name) { return strrchr(name, '.') ? strrchr(name, '.') + 1 : name; }

/* What is equal for all members of a group: PEFT has one alpha a module. */
static double alpha_of(const struct hearth_adapter *a, const struct group *g)
{
    double scale = (double)g->part[0].p->scale;
    return a->stabilised ? scale * sqrt((double)g->rank) : scale * (double)g->rank;
}

static enum hearth_status write_json(const char *folder, const char *file, json_t *j)
{
    struct buf text = { 0 }, path = { 0 };
    struct atomic_file f;
    enum hearth_status st = j ? jsontext_put(&text, j) : fail_memory(0);
    json_decref(j);
    if (st == HEARTH_OK) st = buf_putc(&text, '\n');
    if (st == HEARTH_OK) st = buf_printf(&path, "%s/%s", folder, file);
    if (st == HEARTH_OK) st = os_atomic_open(path.data, &f);
    if (st == HEARTH_OK) {
        st = os_atomic_write(&f, text.data, text.len);
        if (st == HEARTH_OK) st = os_atomic_commit(&f);
        else os_atomic_abandon(&f);
    }
    buf_free(&text), buf_free(&path);
    return st;
}

static json_t *config_of(const struct writing *w, const char *base)
{
    const struct hearth_adapter *a = w->a;
    uint32_t rank = w->n ? w->list[0].part[0].p->rank : 1;
    double alpha = (double)a->alpha;
    json_t *targets = json_array(), *ranks = json_object(), *alphas = json_object();
    for (size_t i = 0; i < w->n; i++) {
        const char *module = module_of(w->list[i].name);
        size_t k = 0;
        while (k < json_array_size(targets) && strcmp(json_string_value(json_array_get(targets, k)), module)) k++;
        if (k == json_array_size(targets)) json_array_append_new(targets, json_string(module));
        if (w->list[i].rank != rank) json_object_set_new(ranks, module, json_integer(w->list[i].rank));
        if (fabs(alpha_of(a, &w->list[i]) - alpha) > 1e-6 * alpha) json_object_set_new(alphas, module, json_real(alpha_of(a, &w->list[i])));
    }
    int last = a->head && !a->mean;                      /* what transformers' models for classes are: PEFT makes one of it */
    return json_pack("{s:s, s:s, s:o?, s:s, s:i, s:f, s:f, s:b, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:o*}", "peft_type", "LORA", "task_type",
                     last ? "SEQ_CLS" : "CAUSAL_LM", "base_model_name_or_path", base ? jsontext_string(base, strlen(base)) : NULL, "bias", "none", "r", (int)rank, "lora_alpha", alpha,
                     "lora_dropout", 0.0, "use_rslora", a->stabilised, "use_dora", 0, "fan_in_fan_out", 0,
                     "inference_mode", 1, "target_modules", targets, "rank_pattern", ranks, "alpha_pattern", alphas, "modules_to_save",
                     last ? json_pack("[s]", "score") : json_null(), ADAPTER_POOLING, a->head && a->mean ? json_string("mean") : NULL);
}

static enum hearth_status write_tensors(const struct writing *w, const char *folder)
{
    const struct hearth_adapter *a = w->a;
    struct buf path = { 0 };
    struct safetensor_out *list = mem_array(w->n * 2 + 1, sizeof *list);
    size_t n = 0;
    enum hearth_status st = list ? buf_printf(&path, "%s/adapter_model.safetensors", folder) : HEARTH_ENOMEM;
    for (size_t i = 0; i < w->n; i++) {
        const struct group *g = &w->list[i];
        list[n++] = (struct safetensor_out){ g->a_name, 2, { g->rank, g->cols }, g->a };
        list[n++] = (struct safetensor_out){ g->b_name, 2, { g->rows, g->rank }, g->b };
    }
    if (a->head) list[n++] = (struct safetensor_out){ "base_model.model.score.weight", 2, { a->classes, a->m->h.width }, a->head };
    if (st == HEARTH_OK) st = safetensors_write(path.data, list, n);
    free(list);
    buf_free(&path);
    return st;
}

static enum hearth_status save_peft(const struct writing *w, const char *folder, const char *base)
{
    TRY(os_mkdirs(folder));
    TRY(write_tensors(w, folder));
    if (w->a->label) {
        json_t *labels = json_array();
        for (uint32_t i = 0; i < w->a->classes; i++) json_array_append_new(labels, json_string(w->a->label[i]));
        TRY(write_json(folder, "labels.json", labels));
    }
    return write_json(folder, "adapter_config.json", config_of(w, base));
}

/* ---- GGUF ---- */

static enum hearth_status put_text(struct gguf_writer *f, const char *key, const char *text)
{
    struct gguf_kv kv = { .key = { key, strlen(key) }, .value = { .type = GGUF_STRING, .as.str = { text, strlen(text) } } };
    return gguf_writer_kv(f, &kv);
}

static enum hearth_status write_gguf(const struct writing *w, struct gguf_writer *f, double alpha, const char *base)
{
    struct gguf_kv kv = { .key = { "adapter.lora.alpha", 18 }, .value = { .type = GGUF_F32, .as.f = alpha } };
    TRY(put_text(f, "general.type", "adapter"));
    TRY(put_text(f, "general.architecture", w->a->m->arch->name));
    TRY(put_text(f, "general.base_model.0.name", base ? base : ""));
    TRY(put_text(f, "adapter.type", "lora"));
    TRY(gguf_writer_kv(f, &kv));
    if (w->a->classes) TRY(classes_write(w->a, f));
    for (size_t i = 0; i < w->n; i++) {
        const struct group *g = &w->list[i];
        TRY(gguf_writer_tensor(f, g->a_name, 2, (uint64_t[]){ g->cols, g->rank }, T_F32));
        TRY(gguf_writer_tensor(f, g->b_name, 2, (uint64_t[]){ g->rank, g->rows }, T_F32));
    }
    TRY(gguf_writer_begin(f));
    for (size_t i = 0; i < w->n; i++) {
        const struct group *g = &w->list[i];
        TRY(gguf_writer_data(f, g->a, (size_t)(g->cols * g->rank) * 4));
        TRY(gguf_writer_data(f, g->b, (size_t)(g->rows * g->rank) * 4));
    }
    return gguf_writer_commit(f);
}

/* The whole file has one alpha: that of the first matrix. */
static double gguf_alpha(const struct writing *w)
{
    double rank = 0;
    for (int i = 0; w->n && i < w->list[0].n; i++) rank += (double)w->list[0].part[i].p->rank;
    return w->n ? (double)w->list[0].part[0].p->scale * rank : 1;
}

enum hearth_status adapter_save(const struct hearth_adapter *a, const char *path, const char *base)
{
    size_t n = strlen(path);
    struct writing w = { .a = a, .peft = !(n > 5 && strcmp(path + n - 5, ".gguf") == 0) };
    enum hearth_status st = collect(&w);
    double alpha = st == HEARTH_OK ? gguf_alpha(&w) : 1;
    for (size_t i = 0; st == HEARTH_OK && i < w.n; i++) st = fill(&w, &w.list[i], alpha);
    if (st == HEARTH_OK && w.peft) st = save_peft(&w, path, base);
    if (st == HEARTH_OK && !w.peft) {
        struct gguf_writer *f = NULL;
        st = gguf_writer_open(path, 32, &f);
        if (st == HEARTH_OK) st = write_gguf(&w, f, alpha, base);
        gguf_writer_close(f);
    }
    for (size_t i = 0; w.list && i < w.n; i++) free(w.list[i].a), free(w.list[i].b);
    free(w.list);
    return st;
}
