/* fresh.c - see fresh.h.  Which keys and tensors a family has is read from its table; a tensor is there when the table requires it. */
#include "train/fresh.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/random.h"

#define DEVIATION 0.02f
enum { MOST_KEYS = 24, MOST_LAYERS = 64, PER_LAYER = 32 /* of width */, BATCH = 16384 };

const struct arch *fresh_family(size_t i)
{
    for (size_t k = 0;; k++) {
        const struct arch *a = arch_at(k);
        if (!a || (!a->experts && !a->both_sides && !i--)) return a;
    }
}

/* ---- shapes ---- */

static uint32_t rounded(uint32_t n, uint32_t to) { return (n + to - 1) / to * to; }

static void of_size(uint32_t layers, uint32_t width, struct fresh_shape *s)
{
    s->layers = layers;
    s->width = width;
    uint32_t head = s->width >= 512 && s->width % 64 == 0 ? 64 : 32;
    s->heads = s->width / head;
    s->kv_heads = s->heads >= 8 && s->heads % 4 == 0 ? s->heads / 4 : s->heads;
    s->feed_forward = rounded(s->width * 8 / 3, 32);
}

static enum hearth_status no_family(const char *name)
{
    struct buf all = {0};
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; fresh_family(i) && !st; i++) st = buf_printf(&all, "%s%s", i ? ", " : "", fresh_family(i)->name);
    if (!st) st = fail(HEARTH_EUSAGE, "family \"%s\", allowed: %s", name, all.data);
    buf_free(&all);
    return st;
}

enum hearth_status fresh_shape_for(const char *family, uint64_t parameters, uint32_t vocabulary, uint32_t context, struct fresh_shape *out)
{
    struct fresh_shape s = {.vocabulary = vocabulary, .context = context};
    double nearest = INFINITY;
    for (size_t i = 0; (s.arch = fresh_family(i)) && strcmp(s.arch->name, family) != 0; i++) ;
    if (!s.arch) return no_family(family);
    for (uint32_t layers = 1; layers <= MOST_LAYERS; layers++) {
        uint64_t n = 0;
        for (uint32_t width = rounded(layers * PER_LAYER / 2, 32); width <= 2 * layers * PER_LAYER && n < 2 * parameters; width += 32) {
            of_size(layers, width, &s);
            TRY(fresh_parameters(&s, &n));
            double away = n > parameters ? (double)n / (double)parameters : (double)parameters / (double)n;
            double wide = (double)width / (layers * PER_LAYER);      /* of two sizes as near, the more usual shape */
            away *= 1 + 0.05 * (wide > 1 ? wide - 1 : 1 / wide - 1);
            if (away < nearest) nearest = away, *out = s;
        }
    }
    if (nearest <= 1.5) return HEARTH_OK;
    return fail(HEARTH_EUSAGE, "%llu parameters with a vocabulary of %u tokens: there is no shape near it; the vocabulary alone takes %u a layer's width",
                (unsigned long long)parameters, vocabulary, vocabulary);
}

/* ---- keys ---- */

struct keys { struct arena arena; struct gguf_kv list[MOST_KEYS]; size_t n; };

static enum hearth_status put(struct keys *k, const struct arch *a, const char *name, struct gguf_value v)
{
    char full[128];
    snprintf(full, sizeof full, "%s%s%s", a ? a->name : "", a ? "." : "", name);
    char *copy = arena_strndup(&k->arena, full, strlen(full));
    if (!copy) return HEARTH_ENOMEM;
    k->list[k->n++] = (struct gguf_kv){{copy, strlen(copy)}, v};
    return HEARTH_OK;
}

static struct gguf_value whole(uint32_t n) { return (struct gguf_value){GGUF_U32, {.u = n}}; }
static struct gguf_value real(float x) { return (struct gguf_value){GGUF_F32, {.f = (double)x}}; }
static struct gguf_value text(const char *s) { return (struct gguf_value){GGUF_STRING, {.str = {s, strlen(s)}}}; }

static enum hearth_status put_scales(struct keys *k, const struct fresh_shape *s, uint32_t head)
{
    const struct arch *a = s->arch;
    if (a->attention_softcap > 0) TRY(put(k, a, "attn_logit_softcapping", real(a->attention_softcap)));
    if (a->logit_softcap > 0) TRY(put(k, a, "final_logit_softcapping", real(a->logit_softcap)));
    if (a->window || a->global_every) TRY(put(k, a, "attention.sliding_window", whole(a->window ? a->window : 512)));
    if (!a->multipliers) return HEARTH_OK;
    TRY(put(k, a, "embedding_scale", real(1)));
    TRY(put(k, a, "residual_scale", real(1)));
    TRY(put(k, a, "logit_scale", real(1)));
    return put(k, a, "attention.scale", real(1.0f / sqrtf((float)head)));
}

static enum hearth_status put_keys(struct keys *k, const struct fresh_shape *s, const char *name)
{
    const struct arch *a = s->arch;
    uint32_t head = s->width / s->heads;
    TRY(put(k, NULL, "general.architecture", text(a->name)));
    TRY(put(k, NULL, "general.type", text("model")));
    TRY(put(k, NULL, "general.name", text(name)));
    TRY(put(k, NULL, "general.file_type", whole(0)));
    TRY(put(k, NULL, "general.quantization_version", whole(2)));
    TRY(put(k, a, "block_count", whole(s->layers)));
    TRY(put(k, a, "context_length", whole(s->context)));
    TRY(put(k, a, "embedding_length", whole(s->width)));
    TRY(put(k, a, "feed_forward_length", whole(s->feed_forward)));
    TRY(put(k, a, "attention.head_count", whole(s->heads)));
    TRY(put(k, a, "attention.head_count_kv", whole(s->kv_heads)));
    TRY(put(k, a, "attention.key_length", whole(head)));
    TRY(put(k, a, "attention.value_length", whole(head)));
    TRY(put(k, a, "attention.layer_norm_rms_epsilon", real(1e-5f)));
    TRY(put(k, a, "rope.dimension_count", whole(head)));
    TRY(put(k, a, "rope.freq_base", real(a->rope_base)));
    TRY(put(k, a, "vocab_size", whole(s->vocabulary)));
    return put_scales(k, s, head);
}

/* ---- tensors ---- */

struct plan { char name[96]; uint32_t dims; uint64_t shape[2]; float deviation, constant; };
struct plans { struct plan *list; size_t n, cap; uint64_t elements; };

/* A matrix that ends a half of a layer: what it gives is added to the residual. */
static int ends_a_half(const char *name) { return strstr(name, "attn_output") || strstr(name, "ffn_down"); }

static enum hearth_status plan_tensor(struct plans *p, const struct hparams *h, const struct tensor_spec *s, uint32_t layer)
{
    struct plan t = {.dims = s->what == VECTOR ? 1 : 2};
    const char *percent = strchr(s->name, '%');
    if (percent) snprintf(t.name, sizeof t.name, "%.*s%u%s", (int)(percent - s->name), s->name, layer, percent + 2);
    else snprintf(t.name, sizeof t.name, "%s", s->name);
    t.shape[0] = hparams_dim(h, s->inputs, layer);
    t.shape[1] = t.dims == 2 ? hparams_whole(h, s, layer) : 1;
    if (!t.shape[0] || !t.shape[1]) return HEARTH_OK;
    for (size_t i = s->whole == DIM_NONE ? p->n : 0; i < p->n; i++)
        if (!strcmp(p->list[i].name, t.name)) return HEARTH_OK;      /* one tensor that several matrices lie in */
    if (t.dims == 2) t.deviation = ends_a_half(t.name) ? DEVIATION / sqrtf(2 * (float)h->layers) : DEVIATION;
    else t.constant = strstr(t.name, ".bias") ? 0 : 1;
    TRY(mem_grow(&p->list, &p->cap, p->n + 1, sizeof t));
    p->list[p->n++] = t;
    p->elements += t.shape[0] * t.shape[1];
    return HEARTH_OK;
}

static enum hearth_status plan_tensors(struct plans *p, const struct fresh_shape *s, const struct hparams *h)
{
    for (size_t i = 0; i < s->arch->n_tensors; i++) {
        const struct tensor_spec *t = s->arch->tensors + i;
        for (uint32_t l = 0; t->required && l < (t->where == IN_LAYER ? h->layers : 1); l++) TRY(plan_tensor(p, h, t, l));
    }
    return HEARTH_OK;
}

/* The family's own reader says what its tensors are, from the keys as a file would have them. */
static enum hearth_status plan(const struct fresh_shape *s, const char *name, struct keys *k, struct plans *p)
{
    struct arena arena, numbers;
    struct gguf *g = NULL;
    struct hparams h;
    arena_init(&arena, 0);
    arena_init(&numbers, 0);
    struct gguf_tensor *embedding = arena_alloc(&arena, sizeof *embedding);
    enum hearth_status st = embedding ? put_keys(k, s, name) : HEARTH_ENOMEM;
    if (!st) {
        *embedding = (struct gguf_tensor){.name = "token_embd.weight", .dims = 2, .shape = {s->width, s->vocabulary, 1, 1}, .type = T_F32};
        struct gguf_parts parts = {.label = "the new model", .arena = &arena, .kv = k->list, .tensors = embedding, .n_kv = k->n, .n_tensors = 1};
        st = gguf_assemble(&parts, &g);
    }
    if (!st) st = hparams_read(s->arch, g, &numbers, &h);
    if (!st) st = plan_tensors(p, s, &h);
    gguf_close(g);
    arena_free(&arena);
    arena_free(&numbers);
    return st;
}

enum hearth_status fresh_parameters(const struct fresh_shape *s, uint64_t *out)
{
    struct keys k = {0};
    struct plans p = {0};
    arena_init(&k.arena, 0);
    enum hearth_status st = plan(s, "", &k, &p);
    *out = p.elements;
    free(p.list);
    arena_free(&k.arena);
    return st;
}

/* ---- writing ---- */

static float draw(uint64_t seed, uint32_t tensor, uint64_t index, float scale)
{
    uint32_t counter[4] = {(uint32_t)index, (uint32_t)(index >> 32), tensor, 0x66726573}, word[4];   /* "fres" */
    int32_t sum = -8 * 0xFFFF;
    philox4x32(seed, counter, word);
    for (int i = 0; i < 4; i++) sum += 2 * (int32_t)((word[i] & 0xFFFF) + (word[i] >> 16));
    return (float)sum * scale;
}

static enum hearth_status write_tensor(struct gguf_writer *w, const struct plan *t, uint64_t seed, uint32_t tensor, float *batch)
{
    /* sum has deviation 2 sqrt(8 (65536^2 - 1) / 12) */
    float scale = t->deviation / (2 * 65536 * sqrtf(8.0f / 12));
    uint64_t n = t->shape[0] * t->shape[1];
    for (uint64_t at = 0, k; at < n; at += k) {
        k = n - at < BATCH ? n - at : BATCH;
        for (uint64_t i = 0; i < k; i++) batch[i] = t->dims == 1 ? t->constant : draw(seed, tensor, at + i, scale);
        TRY(gguf_writer_data(w, batch, k * sizeof *batch));
    }
    return HEARTH_OK;
}

static enum hearth_status write_all(struct gguf_writer *w, const struct keys *k, const struct gguf_kv *kv, size_t n_kv, const struct plans *p,
                                    uint64_t seed)
{
    float *batch = mem_array(BATCH, sizeof *batch);
    enum hearth_status st = batch ? HEARTH_OK : HEARTH_ENOMEM;
    for (size_t i = 0; i < k->n && !st; i++) st = gguf_writer_kv(w, k->list + i);
    for (size_t i = 0; i < n_kv && !st; i++) st = gguf_writer_kv(w, kv + i);
    for (size_t i = 0; i < p->n && !st; i++) st = gguf_writer_tensor(w, p->list[i].name, p->list[i].dims, p->list[i].shape, T_F32);
    if (!st) st = gguf_writer_begin(w);
    for (size_t i = 0; i < p->n && !st; i++) st = write_tensor(w, p->list + i, seed, (uint32_t)i, batch);
    if (!st) st = gguf_writer_commit(w);
    free(batch);
    return st;
}

enum hearth_status fresh_write(const struct fresh_shape *s, const char *name, const struct gguf_kv *kv, size_t n_kv, uint64_t seed,
                               const char *path)
{
    struct keys k = {0};
    struct plans p = {0};
    struct gguf_writer *w = NULL;
    arena_init(&k.arena, 0);
    enum hearth_status st = plan(s, name, &k, &p);
    if (!st) st = gguf_writer_open(path, 32, &w);
    if (!st) st = write_all(w, &k, kv, n_kv, &p, seed);
    gguf_writer_close(w);
    free(p.list);
    arena_free(&k.arena);
    return st;
}
