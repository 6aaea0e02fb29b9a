/* prune_write.c - the file without the layers and neurons that go.
 *
 *     blk.5.ffn_up.weight     rows of neurons that stay; of a tensor that holds gate and up, of both      the bytes of a row as they are
 *     blk.5.ffn_down.weight   their columns: F16 where the type is one of blocks
 *     llama.block_count, llama.feed_forward_length, arrays with a number a layer
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quant/quantize.h"
#include "quant/vocabulary.h"
#include "work/prune_in.h"

/* What becomes of a tensor. */
struct fate {
    const struct gguf_tensor *t;
    char name[96];
    int gone, columns;               /* columns: it loses those */
    uint32_t *row;                   /* [rows]: those that stay, ascending; NULL: all */
    uint64_t rows;
    const uint32_t *column;          /* [columns kept] */
    uint64_t shape[4];
    enum tensor_type type;
};

struct writing { struct pruning *k; struct gguf_writer *w; struct fate *fate; uint32_t *place; };   /* place [layers]: new number */

/* ---- tensors ---- */

static const struct tensor_spec *spec_of(const struct pruning *k, const char *name, const struct tensor_spec *after)
{
    const struct arch *a = k->m->arch;
    const struct tensor_spec *end = a->tensors + a->n_tensors;
    for (const struct tensor_spec *s = after ? after + 1 : a->tensors; s < end; s++) {
        const char *mine = strchr(s->name, '%'), *theirs = mine ? strchr(name + (mine - s->name), '.') : NULL;
        if (!mine) continue;
        if (theirs && strncmp(s->name, name, (size_t)(mine - s->name)) == 0 && strcmp(mine + 2, theirs) == 0) return s;
    }
    return NULL;
}

/* The rows of a tensor that stay: of the parts of it that are neurons those that stay, of others all. */
static enum hearth_status choose_rows(const struct pruning *k, struct fate *f, uint32_t layer)
{
    uint64_t all = f->t->shape[f->t->dims - 1];
    uint32_t ff = k->m->h.at[layer].feed_forward;
    uint8_t *stays = mem_array((size_t)all, 1);
    f->row = mem_array((size_t)all, sizeof *f->row);
    if (!stays || !f->row) {
        free(stays);
        return HEARTH_ENOMEM;
    }
    memset(stays, 1, (size_t)all);
    for (const struct tensor_spec *s = spec_of(k, f->t->name, NULL); s; s = spec_of(k, f->t->name, s)) {
        if ((s->what == VECTOR ? s->inputs : s->outputs) != DIM_FF) continue;
        uint64_t first = hparams_before(&k->m->h, s, layer);
        if (first + ff > all) continue;
        memset(stays + first, 0, ff);
        for (uint32_t i = 0; i < k->kept[layer]; i++) stays[first + k->keep[layer][i]] = 1;
    }
    for (uint64_t i = 0; i < all; i++) if (stays[i]) f->row[f->rows++] = (uint32_t)i;
    free(stays);
    return HEARTH_OK;
}

static enum hearth_status decide(struct writing *j, const struct gguf_tensor *t, struct fate *f)
{
    const struct pruning *k = j->k;
    unsigned layer = 0;
    int end = 0;
    *f = (struct fate){ .t = t, .type = t->type };
    memcpy(f->shape, t->shape, sizeof f->shape);
    snprintf(f->name, sizeof f->name, "%s", t->name);
    if (sscanf(t->name, "blk.%u.%n", &layer, &end) != 1 || !end || layer >= k->m->h.layers) return HEARTH_OK;
    if (strlen(t->name) >= sizeof f->name) return fail(HEARTH_EUNSUPPORTED, "%s: a tensor with a name of %zu bytes", k->m->file->path, strlen(t->name));
    if ((f->gone = k->gone[layer])) return HEARTH_OK;
    snprintf(f->name, sizeof f->name, "blk.%u.%s", j->place[layer], t->name + end);
    const struct tensor_spec *s = spec_of(k, t->name, NULL);
    if (!s || !k->kept[layer]) return HEARTH_OK;
    if (s->what == MATRIX && s->inputs == DIM_FF) {
        f->columns = 1, f->column = k->keep[layer], f->shape[0] = k->kept[layer];
        if (type_info(t->type)->block > 1) f->type = T_F16;
        return HEARTH_OK;
    }
    if (s->what == EXPERTS) return HEARTH_OK;
    TRY(choose_rows(k, f, layer));
    f->shape[t->dims - 1] = f->rows;
    return HEARTH_OK;
}

static enum hearth_status put_columns(struct writing *j, const struct fate *f, const uint8_t *data)
{
    uint64_t cols = f->t->shape[0], rows = f->t->elements / cols;
    const struct type_info *from = type_info(f->t->type), *to = type_info(f->type);
    float *row = mem_array((size_t)cols, sizeof *row);
    uint8_t *bytes = mem_array((size_t)f->shape[0], sizeof(float));
    enum hearth_status st = row && bytes ? HEARTH_OK : HEARTH_ENOMEM;
    for (uint64_t r = 0; st == HEARTH_OK && r < rows; r++) {
        dequantize_row(f->t->type, data + r * (cols / from->block * from->bytes), row, (size_t)cols);
        for (uint64_t c = 0; c < f->shape[0]; c++) row[c] = row[f->column[c]];
        st = quantize_row(f->type, row, bytes, (size_t)f->shape[0]);
        if (st == HEARTH_OK) st = gguf_writer_data(j->w, bytes, (size_t)(f->shape[0] * to->bytes));
    }
    free(row), free(bytes);
    return st;
}

static enum hearth_status put_tensor(struct writing *j, const struct fate *f)
{
    const uint8_t *data;
    const struct type_info *info = type_info(f->t->type);
    TRY(gguf_tensor_data(j->k->m->file, f->t, &data));
    if (f->columns) TRY(put_columns(j, f, data));
    else if (f->row) {
        size_t bytes = (size_t)((f->t->dims > 1 ? f->t->shape[0] : 1) / info->block * info->bytes);
        for (uint64_t r = 0; r < f->rows; r++) TRY(gguf_writer_data(j->w, data + f->row[r] * bytes, bytes));
    } else TRY(gguf_writer_data(j->w, data, (size_t)f->t->bytes));
    gguf_tensor_drop(j->k->m->file, f->t);
    return HEARTH_OK;
}

/* ---- keys ---- */

static int is_key(const struct writing *j, const struct gguf_kv *kv, const char *name)
{
    size_t n = strlen(j->k->m->arch->name);
    return kv->key.n == n + 1 + strlen(name) && memcmp(kv->key.s, j->k->m->arch->name, n) == 0 && kv->key.s[n] == '.' && memcmp(kv->key.s + n + 1, name, strlen(name)) == 0;
}

static int a_number_a_layer(const struct writing *j, const struct gguf_kv *kv)
{
    size_t n = strlen(j->k->m->arch->name);
    const struct gguf_value *v = &kv->value;
    return kv->key.n > n && memcmp(kv->key.s, j->k->m->arch->name, n) == 0 && kv->key.s[n] == '.' && v->type == GGUF_ARRAY && v->as.array.n == j->k->m->h.layers &&
           v->as.array.type != GGUF_STRING && v->as.array.type != GGUF_ARRAY;
}

static uint32_t neurons_of(const struct pruning *k, uint32_t layer) { return k->kept[layer] ? k->kept[layer] : k->m->h.at[layer].feed_forward; }

static enum hearth_status put_array(struct writing *j, const struct gguf_kv *kv, int feed_forward)
{
    const struct pruning *k = j->k;
    uint32_t layers = k->m->h.layers, n = 0;
    int whole = kv->value.as.array.type != GGUF_F32 && kv->value.as.array.type != GGUF_F64 && kv->value.as.array.type != GGUF_BOOL;
    int flags = kv->value.as.array.type == GGUF_BOOL;
    int32_t *number = mem_array(layers, sizeof *number);
    float *real = mem_array(layers, sizeof *real);
    uint8_t *flag = mem_array(layers, 1);
    enum hearth_status st = number && real && flag ? HEARTH_OK : HEARTH_ENOMEM;
    for (uint32_t l = 0; st == HEARTH_OK && l < layers; l++) {
        if (k->gone[l]) continue;
        if (feed_forward) number[n] = (int32_t)neurons_of(k, l);
        else if (whole) number[n] = (int32_t)gguf_array_int(&kv->value, l);
        else if (flags) flag[n] = gguf_array_int(&kv->value, l) != 0;
        else real[n] = (float)gguf_array_float(&kv->value, l);
        n++;
    }
    struct gguf_kv changed = { kv->key, { GGUF_ARRAY, { .array = { whole ? GGUF_I32 : flags ? GGUF_BOOL : GGUF_F32, n, whole ? (void *)number : flags ? (void *)flag : (void *)real, NULL } } } };
    if (st == HEARTH_OK) st = gguf_writer_kv(j->w, &changed);
    free(number), free(real), free(flag);
    return st;
}

static enum hearth_status put_key(struct writing *j, const struct gguf_kv *kv)
{
    struct gguf_kv changed = *kv;
    if (a_number_a_layer(j, kv)) return put_array(j, kv, is_key(j, kv, "feed_forward_length"));
    changed.value = (struct gguf_value){ .type = GGUF_U32 };
    for (uint32_t l = 0; l < j->k->m->h.layers; l++) {
        if (j->k->gone[l]) continue;
        if (is_key(j, kv, "block_count")) changed.value.as.u++;
        else changed.value.as.u = neurons_of(j->k, l);
    }
    return gguf_writer_kv(j->w, is_key(j, kv, "block_count") || is_key(j, kv, "feed_forward_length") ? &changed : kv);
}

/* ---- the file ---- */

static enum hearth_status write_all(struct writing *j)
{
    const struct gguf *g = j->k->m->file;
    for (uint64_t i = 0; i < g->n_kv; i++) TRY(put_key(j, &g->kv[i]));
    for (uint64_t i = 0; i < g->n_tensors; i++) {
        struct fate *f = &j->fate[i];
        uint64_t elements = 1;
        TRY(decide(j, &g->tensors[i], f));
        j->k->before += f->t->elements;
        if (f->gone) continue;
        for (int d = 0; d < 4; d++) elements *= f->shape[d];
        j->k->after += elements;
        TRY(gguf_writer_tensor(j->w, f->name, f->t->dims, f->shape, f->type));
    }
    TRY(gguf_writer_begin(j->w));
    for (uint64_t i = 0; i < g->n_tensors; i++) if (!j->fate[i].gone) TRY(put_tensor(j, &j->fate[i]));
    return gguf_writer_commit(j->w);
}

enum hearth_status pruning_write(struct pruning *k, const char *out)
{
    const struct gguf *g = k->m->file;
    struct writing j = { .k = k, .fate = mem_array((size_t)g->n_tensors, sizeof *j.fate), .place = mem_array(k->m->h.layers, sizeof *j.place) };
    enum hearth_status st = j.fate && j.place ? quantize_check_files(g, out) : HEARTH_ENOMEM;
    for (uint32_t l = 0, at = 0; st == HEARTH_OK && l < k->m->h.layers; l++) j.place[l] = k->gone[l] ? at : at++;
    if (st == HEARTH_OK) st = gguf_writer_open(out, (uint32_t)g->alignment, &j.w);
    if (st == HEARTH_OK) st = write_all(&j);
    gguf_writer_close(j.w);
    for (uint64_t i = 0; j.fate && i < g->n_tensors; i++) free(j.fate[i].row);
    free(j.fate), free(j.place);
    return st;
}
