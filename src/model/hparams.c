/* hparams.c - reading a model's numbers, each held against the range it may have. */
#include "model/arch.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

uint64_t hparams_dim(const struct hparams *h, enum dim d, uint32_t layer)
{
    const struct layer_shape *s = &h->at[layer];
    uint64_t q = (uint64_t)s->heads * h->head_width, kv = (uint64_t)s->kv_heads * h->head_width;
    switch (d) {
    case DIM_WIDTH: return h->width;
    case DIM_Q: return q;
    case DIM_KV: return kv;
    case DIM_Q_KV: return q + kv;
    case DIM_Q_KV_KV: return q + 2 * kv;
    case DIM_HEAD: return h->head_width;
    case DIM_FF: return s->feed_forward;
    case DIM_FF_FF: return 2 * (uint64_t)s->feed_forward;
    case DIM_FF_SHARED: return h->shared_feed_forward;
    case DIM_EXPERTS: return h->experts;
    case DIM_VOCABULARY: return h->vocabulary;
    case DIM_ROPE_HALF: return h->rope_width / 2;
    case DIM_POSITIONS: return h->positions;
    case DIM_TYPES: return h->types;
    case DIM_DENSE: return h->dense;
    case DIM_EMBEDDING: return h->embedding;
    default: return 1;
    }
}

struct source { const struct arch *a; const struct gguf *g; };

static const char *full_key(const struct source *s, const char *name, char key[128])
{
    snprintf(key, 128, "%s.%s", s->a->name, name);
    return key;
}

/* An integer key with the range it may have; `required` without a default in *out. */
struct number { const char *key; uint32_t *out; uint32_t min, max; int required; };

static enum hearth_status read_numbers(const struct source *s, const struct number *list, size_t n)
{
    char key[128];
    for (size_t i = 0; i < n; i++) {
        int found;
        TRY(gguf_get_u32(s->g, full_key(s, list[i].key, key), list[i].out, &found));
        if (!found && list[i].required) return fail(HEARTH_EFORMAT, "%s: key %s is missing", s->g->path, key);
        if (*list[i].out < list[i].min || *list[i].out > list[i].max)
            return fail(HEARTH_EFORMAT, "%s: %s is %u, should be %u to %u", s->g->path, key, *list[i].out, list[i].min,
                        list[i].max);
    }
    return HEARTH_OK;
}

struct real { const char *key; float *out, min, max; };

static enum hearth_status read_reals(const struct source *s, const struct real *list, size_t n)
{
    char key[128];
    for (size_t i = 0; i < n; i++) {
        TRY(gguf_get_f32(s->g, full_key(s, list[i].key, key), list[i].out, NULL));
        if (!(*list[i].out >= list[i].min && *list[i].out <= list[i].max))
            return fail(HEARTH_EFORMAT, "%s: %s is %g, should be %g to %g", s->g->path, key, (double)*list[i].out,
                        (double)list[i].min, (double)list[i].max);
    }
    return HEARTH_OK;
}

/* ---- numbers that may differ from layer to layer ---- */

static int is_integer(enum gguf_type t) { return t != GGUF_F32 && t != GGUF_F64 && t != GGUF_STRING && t != GGUF_ARRAY; }

/* The array under a key, one number a layer; *out NULL when there is no array. */
static enum hearth_status read_array(const struct source *s, const char *key, uint32_t layers, const struct gguf_value **out)
{
    const struct gguf_value *v = gguf_find(s->g, key);
    *out = v && v->type == GGUF_ARRAY ? v : NULL;
    if (!*out) return HEARTH_OK;
    if (!is_integer(v->as.array.type))
        return fail(HEARTH_EFORMAT, "%s: %s is an array of %s, should be of integers", s->g->path, key, gguf_type_name(v->as.array.type));
    if (v->as.array.n != layers)
        return fail(HEARTH_EFORMAT, "%s: %s has %llu numbers, should have one for each of %u layers", s->g->path, key,
                    (unsigned long long)v->as.array.n, layers);
    return HEARTH_OK;
}

/* One number for all layers or an array of them, into the field at `offset` of each; *most: the default where it is not 0, then
 * the largest. */
static enum hearth_status read_each(const struct source *s, const char *name, struct layer_shape *at, uint32_t layers, size_t offset,
                                    uint32_t min, uint32_t max, uint32_t *most)
{
    char key[128];
    const struct gguf_value *array;
    TRY(read_array(s, full_key(s, name, key), layers, &array));
    if (!array) {
        const struct number one = { name, most, min, max, *most == 0 };
        TRY(read_numbers(s, &one, 1));
    }
    uint32_t all = *most;
    *most = 0;
    for (uint32_t l = 0; l < layers; l++) {
        int64_t n = array ? gguf_array_int(array, l) : all;
        if (n < min || n > max)
            return fail(HEARTH_EFORMAT, "%s: %s is %lld for layer %u, should be %u to %u", s->g->path, key, (long long)n, l, min, max);
        *(uint32_t *)(void *)((char *)&at[l] + offset) = (uint32_t)n;
        *most = (uint32_t)n > *most ? (uint32_t)n : *most;
    }
    return HEARTH_OK;
}

static enum hearth_status read_heads(const struct source *s, struct layer_shape *at, struct hparams *h)
{
    TRY(read_each(s, "feed_forward_length", at, h->layers, offsetof(struct layer_shape, feed_forward), 8, 1 << 20, &h->feed_forward));
    TRY(read_each(s, "attention.head_count", at, h->layers, offsetof(struct layer_shape, heads), 1, 1024, &h->heads));
    h->kv_heads = h->heads;
    TRY(read_each(s, "attention.head_count_kv", at, h->layers, offsetof(struct layer_shape, kv_heads), 1, h->heads, &h->kv_heads));
    for (uint32_t l = 0; l < h->layers; l++) {
        uint32_t heads = at[l].heads, kv = at[l].kv_heads;
        if (heads % kv || heads / kv > ATTEND_QUERIES)
            return fail(HEARTH_EFORMAT, "%s: %s.attention.head_count is %u, should be 1 to %d times head_count_kv (%u)", s->g->path,
                        s->a->name, heads, ATTEND_QUERIES, kv);
        at[l].kv_before = h->kv_all, h->kv_all += kv;
        h->group = heads / kv > h->group ? heads / kv : h->group;
    }
    return HEARTH_OK;
}

/* Which layers see a window only, and which are rotated. */
static enum hearth_status read_pattern(const struct source *s, struct layer_shape *at, struct hparams *h)
{
    char key[128];
    const struct number window = { "attention.sliding_window", &h->window, 0, 1u << 24, 0 };
    const struct gguf_value *array;
    uint32_t every = s->a->global_every;
    bool turns = true;
    TRY(read_numbers(s, &window, 1));
    TRY(read_array(s, full_key(s, "attention.sliding_window_pattern", key), h->layers, &array));
    if (!array) TRY(gguf_get_u32(s->g, key, &every, NULL));
    if (s->a->rope_may_stop) TRY(gguf_get_bool(s->g, full_key(s, "rope.scaling.finetuned", key), &turns, NULL));
    for (uint32_t l = 0; l < h->layers; l++) {
        int local = array ? gguf_array_int(array, l) != 0 : !(every > 0 && (l + 1) % every == 0);
        at[l].local = h->window > 0 && local;
        at[l].turns = turns && !(s->a->still_every > 0 && (l + 1) % s->a->still_every == 0);
    }
    return HEARTH_OK;
}

/* ---- the rest ---- */

static int is(const struct gguf_string *s, const char *word) { return s->n == strlen(word) && memcmp(s->s, word, (size_t)s->n) == 0; }

/* By a constant factor ("linear"), or by factors that come as tensors: LLaMA 3's, or Phi's short and long ones ("longrope"). */
static enum hearth_status read_rope_scaling(const struct source *s, struct hparams *h)
{
    char key[128];
    struct gguf_string type = { "none", 4 };
    float factor = 1;
    int has_long = 0;                /* the family's table */
    for (size_t i = 0; i < s->a->n_tensors; i++)
        has_long |= s->a->tensors[i].where == IN_MODEL && s->a->tensors[i].offset == offsetof(struct weights, rope_factors_long);
    TRY(gguf_get_string(s->g, full_key(s, "rope.scaling.type", key), &type, NULL));
    if (!is(&type, "none") && !is(&type, "linear") && !(has_long && is(&type, "longrope")))
        return fail(HEARTH_EUNSUPPORTED, "%s: %s is \"%.*s\", this build knows \"none\"%s \"linear\"%s", s->g->path, key,
                    (int)(type.n < 40 ? type.n : 40), type.s, has_long ? "," : " and", has_long ? " and \"longrope\"" : "");
    h->rope_magnitude = 1, h->rope_original = h->context;
    const struct real reals[] = {
        { "rope.scaling.factor", &factor, 0, 65536 }, { "rope.scaling.attn_factor", &h->rope_magnitude, 0.0625f, 16 } };
    const struct number original = { "rope.scaling.original_context_length", &h->rope_original, 1, 1u << 24, 0 };
    TRY(read_reals(s, reals, has_long ? 2 : 1));
    if (has_long) TRY(read_numbers(s, &original, 1));
    h->rope_long = !has_long ? LONG_NEVER : is(&type, "longrope") ? LONG_ALWAYS : LONG_PERHAPS;
    h->rope_scale = is(&type, "linear") && factor > 0 ? 1.0f / factor : 1;
    return HEARTH_OK;
}

static enum hearth_status read_experts(const struct source *s, struct hparams *h)
{
    const struct number list[] = {
        { "expert_count", &h->experts, 1, 1024, 1 },
        { "expert_shared_feed_forward_length", &h->shared_feed_forward, 0, 1 << 20, 0 },
    };
    if (!s->a->experts) return HEARTH_OK;
    TRY(read_numbers(s, list, sizeof list / sizeof *list));
    const struct number used = { "expert_used_count", &h->experts_used, 1, h->experts, 1 };
    return read_numbers(s, &used, 1);
}

static enum hearth_status read_scales(const struct source *s, struct hparams *h)
{
    int wide = s->a->wide_scale_layers == h->layers;
    float divisor = 1;
    h->attention_scale = 1.0f / sqrtf(wide ? (float)h->width / (float)h->heads : (float)h->head_width);
    h->embedding_scale = s->a->scale_embedding ? sqrtf((float)h->width) : 1;
    h->residual_scale = h->logit_scale = 1;
    h->attention_softcap = s->a->attention_softcap, h->logit_softcap = s->a->logit_softcap;
    const struct real list[] = {
        { s->a->layer_norms ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon", &h->norm_eps, 0, 1 },
        { "rope.freq_base", &h->rope_base, 1, 1e12f },
        { "attn_logit_softcapping", &h->attention_softcap, 0, 1e6f },
        { "final_logit_softcapping", &h->logit_softcap, 0, 1e6f },
        { "attention.scale", &h->attention_scale, 1e-6f, 1e6f },
        { "embedding_scale", &h->embedding_scale, 1e-6f, 1e6f },
        { "residual_scale", &h->residual_scale, 1e-6f, 1e6f },
        { "logit_scale", &divisor, 1e-6f, 1e6f },
    };
    TRY(read_reals(s, list, s->a->multipliers ? 8 : 5));
    h->logit_scale = 1 / divisor;
    return HEARTH_OK;
}

static enum hearth_status read_widths(const struct source *s, struct hparams *h)
{
    h->head_width = h->width / h->heads;
    const struct number key = { "attention.key_length", &h->head_width, 8, HEAD_WIDTH_MAX, 0 };
    TRY(read_numbers(s, &key, 1));
    uint32_t value_width = h->rope_width = h->head_width;
    const struct number rest[] = {
        { "attention.value_length", &value_width, h->head_width, h->head_width, 0 },
        { "rope.dimension_count", &h->rope_width, 2, h->head_width, 0 },
    };
    TRY(read_numbers(s, rest, sizeof rest / sizeof *rest));
    if (h->head_width % 8 || h->rope_width % 2)
        return fail(HEARTH_EFORMAT, "%s: heads of %u elements with %u rotated: should be a multiple of 8 and of 2", s->g->path,
                    h->head_width, h->rope_width);
    return HEARTH_OK;
}

/* ---- embeddings of texts ---- */

/* Rows of a tensor that the numbers do not name; 0: it is not there. */
static enum hearth_status read_rows(const struct source *s, const char *name, uint32_t *out)
{
    const struct gguf_tensor *t = gguf_find_tensor(s->g, name);
    *out = 0;
    if (!t) return HEARTH_OK;
    if (t->dims != 2 || t->shape[1] > 1u << 24)
        return fail(HEARTH_EFORMAT, "%s: tensor %s has %u dimensions and %llu rows, should be 2 and at most %u", s->g->path, name, t->dims,
                    (unsigned long long)t->shape[1], 1u << 24);
    *out = (uint32_t)t->shape[1];
    return HEARTH_OK;
}

static enum hearth_status read_activation(const struct source *s, struct hparams *h)
{
    char key[128];
    struct gguf_string word = { "gelu", 4 };
    h->activation = s->a->activation;
    if (h->activation != ACT_GELU_ERF) return HEARTH_OK;
    TRY(gguf_get_string(s->g, full_key(s, "hidden_activation", key), &word, NULL));
    if (is(&word, "gelu_pytorch_tanh") || is(&word, "gelu_new")) h->activation = ACT_GELU;
    else if (!is(&word, "gelu"))
        return fail(HEARTH_EUNSUPPORTED, "%s: %s is \"%.*s\", this build knows gelu, gelu_new and gelu_pytorch_tanh", s->g->path, key,
                    (int)(word.n < 40 ? word.n : 40), word.s);
    return HEARTH_OK;
}

static enum hearth_status read_embedding(const struct source *s, struct hparams *h)
{
    char key[128];
    bool causal = !s->a->both_sides, normalize = true;
    uint32_t pooling = 0;
    uint32_t most = h->context;
    const struct number pool = { "pooling_type", &pooling, 0, 4, 0 };
    TRY(gguf_get_bool(s->g, full_key(s, "attention.causal", key), &causal, NULL));
    TRY(gguf_get_bool(s->g, "hearth.embedding.normalize", &normalize, NULL));
    TRY(read_numbers(s, &pool, 1));
    if (pooling > POOL_LAST)
        return fail(HEARTH_EUNSUPPORTED, "%s: %s.pooling_type is %u (a reranker's classes), this build knows 0 to %d", s->g->path, s->a->name, pooling,
                    POOL_LAST);
    h->both_sides = !causal, h->normalize = normalize;
    h->pooling = pooling ? (enum pooling)pooling : POOL_MEAN;
    TRY(read_rows(s, "position_embd.weight", &h->positions));
    TRY(read_rows(s, "token_types.weight", &h->types));
    TRY(read_rows(s, "dense_2.weight", &h->dense));
    TRY(read_rows(s, "dense_3.weight", &h->embedding));
    if ((h->dense > 0) != (h->embedding > 0))
        return fail(HEARTH_EFORMAT, "%s: tensor dense_%d.weight is missing", s->g->path, h->dense ? 3 : 2);
    if (!h->embedding) h->embedding = h->width;
    if (h->positions && h->context > h->positions)
        return fail(HEARTH_EFORMAT, "%s: %s.context_length is %u, tensor position_embd.weight has rows for %u", s->g->path, s->a->name, h->context,
                    h->positions);
    TRY(gguf_get_u32(s->g, "hearth.embedding.max_tokens", &most, NULL));
    if (most < 1 || most > h->context)
        return fail(HEARTH_EFORMAT, "%s: hearth.embedding.max_tokens is %u, should be 1 to %u", s->g->path, most, h->context);
    h->context = most;
    return read_activation(s, h);
}

enum hearth_status hparams_read(const struct arch *a, const struct gguf *g, struct arena *arena, struct hparams *out)
{
    const struct source s = { a, g };
    struct hparams h = { .norm_eps = 1e-5f, .rope_base = a->rope_base, .rope_base_local = a->rope_base_local, .window = a->window };
    const struct gguf_tensor *embedding = gguf_find_tensor(g, "token_embd.weight");
    if (!embedding) return fail(HEARTH_EFORMAT, "%s: tensor token_embd.weight is missing", g->path);
    if (embedding->dims != 2 || embedding->shape[1] > INT32_MAX)
        return fail(HEARTH_EFORMAT, "%s: tensor token_embd.weight has %u dimensions, should be 2", g->path, embedding->dims);
    h.vocabulary = (uint32_t)embedding->shape[1];
    const struct number sizes[] = {
        { "block_count", &h.layers, 1, 1024, 1 },
        { "embedding_length", &h.width, 8, 1 << 17, 1 },
        { "context_length", &h.context, 1, 1u << 24, 1 },
    };
    TRY(read_numbers(&s, sizes, sizeof sizes / sizeof *sizes));
    struct layer_shape *at = arena_alloc(arena, h.layers * sizeof *at);
    if (!at) return HEARTH_ENOMEM;
    h.at = at;
    TRY(read_heads(&s, at, &h));
    TRY(read_widths(&s, &h));
    TRY(read_pattern(&s, at, &h));
    TRY(read_rope_scaling(&s, &h));
    TRY(read_experts(&s, &h));
    TRY(read_scales(&s, &h));
    TRY(read_embedding(&s, &h));
    *out = h;
    return HEARTH_OK;
}
