/* arch.c - the list of families, and reading a model's numbers. */
#include "model/arch.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

extern const struct arch arch_llama, arch_gemma3;

static const struct arch *const families[] = { &arch_llama, &arch_gemma3 }; /* a new family: its file and one word here */
enum { FAMILIES = sizeof families / sizeof *families };

const struct arch *arch_at(size_t i) { return i < FAMILIES ? families[i] : NULL; }

const struct arch *arch_find(const char *name, size_t n)
{
    for (size_t i = 0; i < FAMILIES; i++)
        if (strlen(families[i]->name) == n && memcmp(families[i]->name, name, n) == 0) return families[i];
    return NULL;
}

const char *hearth_family(size_t i, const char **summary)
{
    const struct arch *a = arch_at(i);
    if (a && summary) *summary = a->summary;
    return a ? a->name : NULL;
}

uint64_t hparams_dim(const struct hparams *h, enum dim d)
{
    switch (d) {
    case DIM_WIDTH: return h->width;
    case DIM_Q: return (uint64_t)h->heads * h->head_width;
    case DIM_KV: return (uint64_t)h->kv_heads * h->head_width;
    case DIM_HEAD: return h->head_width;
    case DIM_FF: return h->feed_forward;
    case DIM_VOCABULARY: return h->vocabulary;
    case DIM_ROPE_HALF: return h->rope_width / 2;
    default: return 1;
    }
}

/* An integer key with the range it may have; `required` without a default in *out. */
struct number { const char *key; uint32_t *out; uint32_t min, max; int required; };

static enum hearth_status read_numbers(const struct arch *a, const struct gguf *g, const struct number *list, size_t n)
{
    char key[128];
    for (size_t i = 0; i < n; i++) {
        int found;
        snprintf(key, sizeof key, "%s.%s", a->name, list[i].key);
        TRY(gguf_get_u32(g, key, list[i].out, &found));
        if (!found && list[i].required) return fail(HEARTH_EFORMAT, "%s: key %s is missing", g->path, key);
        if (*list[i].out < list[i].min || *list[i].out > list[i].max)
            return fail(HEARTH_EFORMAT, "%s: %s is %u, should be %u to %u", g->path, key, *list[i].out, list[i].min,
                        list[i].max);
    }
    return HEARTH_OK;
}

static enum hearth_status read_float(const struct arch *a, const struct gguf *g, const char *name, float *out,
                                     float min, float max)
{
    char key[128];
    snprintf(key, sizeof key, "%s.%s", a->name, name);
    TRY(gguf_get_f32(g, key, out, NULL));
    if (!(*out >= min && *out <= max))
        return fail(HEARTH_EFORMAT, "%s: %s is %g, should be %g to %g", g->path, key, (double)*out, (double)min, (double)max);
    return HEARTH_OK;
}

/* Rope scaling by a constant factor ("linear"); LLaMA 3's comes as a tensor; others are not this build's. */
static enum hearth_status read_rope_scaling(const struct arch *a, const struct gguf *g, struct hparams *h)
{
    char key[128];
    struct gguf_string type = { "none", 4 };
    float factor = 1;
    snprintf(key, sizeof key, "%s.rope.scaling.type", a->name);
    TRY(gguf_get_string(g, key, &type, NULL));
    int none = type.n == 4 && memcmp(type.s, "none", 4) == 0, linear = type.n == 6 && memcmp(type.s, "linear", 6) == 0;
    if (!none && !linear)
        return fail(HEARTH_EUNSUPPORTED, "%s: %s is \"%.*s\", this build knows \"none\" and \"linear\"", g->path, key,
                    (int)(type.n < 40 ? type.n : 40), type.s);
    TRY(read_float(a, g, "rope.scaling.factor", &factor, 0, 65536));
    h->rope_scale = linear && factor > 0 ? 1.0f / factor : 1;
    return HEARTH_OK;
}

enum hearth_status hparams_read(const struct arch *a, const struct gguf *g, struct hparams *out)
{
    struct hparams h = { .norm_eps = 1e-5f, .rope_base = a->rope_base, .rope_base_local = a->rope_base_local };
    const struct gguf_tensor *embedding = gguf_find_tensor(g, "token_embd.weight");
    if (!embedding) return fail(HEARTH_EFORMAT, "%s: tensor token_embd.weight is missing", g->path);
    if (embedding->dims != 2 || embedding->shape[1] > INT32_MAX)
        return fail(HEARTH_EFORMAT, "%s: tensor token_embd.weight has %u dimensions, should be 2", g->path, embedding->dims);
    h.vocabulary = (uint32_t)embedding->shape[1];
    const struct number sizes[] = {
        { "block_count", &h.layers, 1, 1024, 1 },
        { "embedding_length", &h.width, 8, 1 << 17, 1 },
        { "feed_forward_length", &h.feed_forward, 8, 1 << 20, 1 },
        { "attention.head_count", &h.heads, 1, 1024, 1 },
        { "context_length", &h.context, 1, 1u << 24, 1 },
    };
    TRY(read_numbers(a, g, sizes, sizeof sizes / sizeof *sizes));
    h.kv_heads = h.heads;
    h.head_width = h.width / h.heads;
    const struct number heads[] = {
        { "attention.head_count_kv", &h.kv_heads, 1, h.heads, 0 },
        { "attention.key_length", &h.head_width, 8, HEAD_WIDTH_MAX, 0 },
    };
    TRY(read_numbers(a, g, heads, sizeof heads / sizeof *heads));
    uint32_t value_width = h.rope_width = h.head_width;
    const struct number rest[] = {
        { "attention.value_length", &value_width, h.head_width, h.head_width, 0 },
        { "rope.dimension_count", &h.rope_width, 2, h.head_width, 0 },
        { "attention.sliding_window", &h.window, 0, 1u << 24, 0 },
    };
    TRY(read_numbers(a, g, rest, sizeof rest / sizeof *rest));
    if (h.heads % h.kv_heads || h.heads / h.kv_heads > ATTEND_QUERIES)
        return fail(HEARTH_EFORMAT, "%s: %s.attention.head_count is %u, should be 1 to %d times head_count_kv (%u)", g->path,
                    a->name, h.heads, ATTEND_QUERIES, h.kv_heads);
    if (h.head_width % 8 || h.rope_width % 2)
        return fail(HEARTH_EFORMAT, "%s: heads of %u elements with %u rotated: should be a multiple of 8 and of 2", g->path,
                    h.head_width, h.rope_width);
    TRY(read_float(a, g, "attention.layer_norm_rms_epsilon", &h.norm_eps, 0, 1));
    TRY(read_float(a, g, "rope.freq_base", &h.rope_base, 1, 1e12f));
    TRY(read_rope_scaling(a, g, &h));
    h.attention_scale = 1.0f / sqrtf((float)h.head_width);
    h.embedding_scale = a->scale_embedding ? sqrtf((float)h.width) : 1;
    *out = h;
    return HEARTH_OK;
}
