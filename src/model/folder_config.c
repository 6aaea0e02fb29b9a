/* folder_config.c - config.json as the keys of a GGUF file.  Each number is held against its range here, under the name that the config
 * gives it; what a family cannot do (another activation, another kind of rope) is refused and never passed over. */
#include "model/folder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model/arch.h"

enum { MAX_LAYERS = 1024, MAX_HEADS = 1024 };

/* ---- numbers ---- */

static enum hearth_status wrong(const struct folder *f, const char *what, const char *found, const char *allowed)
{
    return fail(HEARTH_EFORMAT, "%s/config.json: %s is %.60s, allowed: %s", f->path, what, found, allowed);
}

/* A number of an object; *found 0 where it is missing or null. */
static enum hearth_status number_in(const struct folder *f, const json_t *o, const char *name, double min, double max, double *out, int *found)
{
    const json_t *v = json_object_get(o, name);
    char text[64], range[96];
    *found = v && !json_is_null(v);
    if (!*found) return HEARTH_OK;
    *out = json_number_value(v);
    if (json_is_number(v) && *out >= min && *out <= max) return HEARTH_OK;
    snprintf(text, sizeof text, "%.17g", *out);
    snprintf(range, sizeof range, "a number from %.10g to %.10g", min, max);
    return wrong(f, name, json_is_number(v) ? text : "no number", range);
}

/* The same of the config, or what the family takes where it is silent. */
static enum hearth_status number(const struct folder *f, const char *name, double min, double max, double *out, int *found)
{
    TRY(number_in(f, f->config, name, min, max, out, found));
    const struct folder_default *d = json_object_get(f->config, name) ? NULL : f->family->defaults;
    for (; d && d->from && !*found; d++)
        if (!strcmp(d->from, name)) *out = d->value, *found = 1;
    return HEARTH_OK;
}

static enum hearth_status missing(const struct folder *f, const char *name)
{
    return fail(HEARTH_EFORMAT, "%s/config.json: %s is missing", f->path, name);
}

/* A whole number; *out stays as it is where there is none. */
static enum hearth_status whole(const struct folder *f, const char *name, uint32_t min, uint32_t max, int required, uint32_t *out)
{
    double v = 0;
    int found;
    char text[40];
    TRY(number(f, name, min, max, &v, &found));
    snprintf(text, sizeof text, "%g", v);
    if (found && v != floor(v)) return wrong(f, name, text, "a whole number");
    if (!found && required) return missing(f, name);
    if (found) *out = (uint32_t)v;
    return HEARTH_OK;
}

static struct gguf_value as_whole(uint64_t v) { return (struct gguf_value){.type = GGUF_U32, .as.u = v}; }
static struct gguf_value as_real(double v) { return (struct gguf_value){.type = GGUF_F32, .as.f = (double)(float)v}; }

static enum hearth_status put_array(struct folder *f, const char *key, enum gguf_type type, const void *data, uint64_t n, size_t size)
{
    void *copy = arena_alloc(f->arena, (size_t)n * size);
    if (!copy) return HEARTH_ENOMEM;
    memcpy(copy, data, (size_t)n * size);
    return folder_put_own(f, key, (struct gguf_value){.type = GGUF_ARRAY, .as.array = {.type = type, .n = n, .data = copy}});
}

static enum hearth_status put_table(struct folder *f, const struct folder_key *k)
{
    for (; k && k->from; k++) {
        double v = 0;
        int found;
        char text[40];
        TRY(number(f, k->from, k->min, k->max, &v, &found));
        if (!found && k->required) return missing(f, k->from);
        snprintf(text, sizeof text, "%g", v);
        if (found && k->kind == WHOLE && v != floor(v)) return wrong(f, k->from, text, "a whole number");
        /* null is a soft cap that is off; only where the family has one unless told otherwise must that be said */
        int off = !found && json_is_null(json_object_get(f->config, k->from)) && k->min == 0 && !strcmp(f->family->arch, "gemma2");
        if (found || off) TRY(folder_put_own(f, k->to, k->kind == WHOLE ? as_whole((uint64_t)v) : as_real(v)));
    }
    return HEARTH_OK;
}

/* ---- heads ---- */

/* One number a layer, as OpenELM has them. */
static enum hearth_status each_layer(const struct folder *f, const char *name, double min, double max, double *out)
{
    const json_t *list = json_object_get(f->config, name);
    char text[64];
    if (!json_is_array(list) || json_array_size(list) != f->layers) {
        snprintf(text, sizeof text, "a list of %zu numbers", json_array_size(list));
        return wrong(f, name, json_is_array(list) ? text : "no list", "one number for each layer");
    }
    for (uint32_t l = 0; l < f->layers; l++) {
        const json_t *v = json_array_get(list, l);
        out[l] = json_number_value(v);
        snprintf(text, sizeof text, "%g for layer %u", out[l], l);
        if (!json_is_number(v) || !(out[l] >= min && out[l] <= max)) return wrong(f, name, text, "numbers in the family's range");
    }
    return HEARTH_OK;
}

static enum hearth_status put_each(struct folder *f, const char *key, const double *v)
{
    int32_t list[MAX_LAYERS];
    for (uint32_t l = 0; l < f->layers; l++) list[l] = (int32_t)v[l];
    return put_array(f, key, GGUF_I32, list, f->layers, sizeof *list);
}

/* The multiple of `divisor` that is nearest to a width times a factor, and not more than a tenth below it. */
static double divisible(double v, double divisor)
{
    double n = floor((v + divisor / 2) / divisor) * divisor;
    if (n < divisor) n = divisor;
    return n < 0.9 * v ? n + divisor : n;
}

static enum hearth_status openelm_heads(struct folder *f)
{
    double list[MAX_LAYERS];
    uint32_t width = 0, divisor = 0;
    TRY(whole(f, "model_dim", 8, 1 << 17, 1, &width));
    TRY(whole(f, "ffn_dim_divisor", 1, 1 << 17, 1, &divisor));
    TRY(whole(f, "head_dim", 8, 1024, 1, &f->head_width));
    TRY(each_layer(f, "num_query_heads", 1, MAX_HEADS, list));
    TRY(put_each(f, "attention.head_count", list));
    TRY(each_layer(f, "num_kv_heads", 1, MAX_HEADS, list));
    TRY(put_each(f, "attention.head_count_kv", list));
    TRY(each_layer(f, "ffn_multipliers", 1e-3, 64, list));
    for (uint32_t l = 0; l < f->layers; l++) list[l] = divisible(list[l] * width, divisor);
    return put_each(f, "feed_forward_length", list);
}

static enum hearth_status put_heads(struct folder *f)
{
    uint32_t width = 0;
    if (!strcmp(f->family->arch, "openelm")) TRY(openelm_heads(f));
    else {
        TRY(whole(f, "hidden_size", 8, 1 << 17, 1, &width));
        TRY(whole(f, "num_attention_heads", 1, MAX_HEADS, 1, &f->heads));
        f->kv_heads = f->heads;
        f->head_width = width / f->heads;
        TRY(whole(f, "num_key_value_heads", 1, f->heads, 0, &f->kv_heads));
        TRY(whole(f, "head_dim", 2, 1024, 0, &f->head_width));
        TRY(folder_put_own(f, "attention.head_count", as_whole(f->heads)));
        TRY(folder_put_own(f, "attention.head_count_kv", as_whole(f->kv_heads)));
    }
    if (f->head_width < 2 || f->head_width % 2) return fail(HEARTH_EFORMAT, "%s/config.json: heads of %u elements, allowed: an even number", f->path,
                                                            f->head_width);
    TRY(folder_put_own(f, "attention.key_length", as_whole(f->head_width)));
    return folder_put_own(f, "attention.value_length", as_whole(f->head_width));
}

/* ---- windows ---- */

/* Which layers see a window only; *known 0: the config does not say, and the family's own order holds. */
static enum hearth_status local_layers(const struct folder *f, uint8_t local[MAX_LAYERS], int *known)
{
    const json_t *types = json_object_get(f->config, "layer_types");
    uint32_t every = 0, first = 0;
    *known = 1;
    if (json_is_array(types)) {
        if (json_array_size(types) != f->layers) return wrong(f, "layer_types", "a list of another length", "one word for each layer");
        for (uint32_t l = 0; l < f->layers; l++) {
            const char *word = json_string_value(json_array_get(types, l));
            local[l] = word && !strcmp(word, "sliding_attention");
            if (!local[l] && (!word || (strcmp(word, "full_attention") != 0 && strcmp(word, "attention") != 0)))
                return wrong(f, "layer_types", word ? word : "no word", "full_attention or sliding_attention");
        }
        return HEARTH_OK;
    }
    TRY(whole(f, "sliding_window_pattern", 1, MAX_LAYERS, 0, &every));
    TRY(whole(f, "_sliding_window_pattern", 1, MAX_LAYERS, 0, &every));
    TRY(whole(f, "max_window_layers", 0, 1 << 24, 0, &first));
    int late = !every && json_object_get(f->config, "max_window_layers");
    for (uint32_t l = 0; l < f->layers; l++) local[l] = late ? l >= first : !every || (l + 1) % every != 0;
    *known = late || every;
    return HEARTH_OK;
}

static enum hearth_status put_window(struct folder *f)
{
    const struct arch *a = arch_find(f->family->arch, strlen(f->family->arch));
    const json_t *use = json_object_get(f->config, "use_sliding_window");
    uint8_t local[MAX_LAYERS];
    uint32_t window = 0, any = 0, unlike = 0;
    int known;
    TRY(whole(f, "sliding_window", 0, 1 << 24, 0, &window));
    TRY(local_layers(f, local, &known));
    if (json_is_false(use) || (!use && !strncmp(f->family->arch, "qwen", 4))) window = 0;
    for (uint32_t l = 0; l < f->layers; l++) {
        any += local[l];
        unlike += a && local[l] != !(a->global_every > 0 && (l + 1) % a->global_every == 0);
    }
    if (known && !any) window = 0;
    if (window || !strcmp(f->family->arch, "gemma2")) TRY(folder_put_own(f, "attention.sliding_window", as_whole(window)));
    if (!window || !known || !unlike) return HEARTH_OK;
    return put_array(f, "attention.sliding_window_pattern", GGUF_BOOL, local, f->layers, 1);
}

/* ---- rope ---- */

/* The scaling's object: {"rope_type": ..}; of two, the one of the layers that see everything.  NULL: none. */
static const json_t *rope_object(const struct folder *f, const char *layers)
{
    const json_t *o = json_object_get(f->config, "rope_parameters"), *part = json_object_get(o, layers);
    if (json_is_object(part)) return part;
    if (json_is_object(o) && !json_object_get(o, "full_attention")) return o;
    return strcmp(layers, "full_attention") ? NULL : json_object_get(f->config, "rope_scaling");
}

/* LLaMA 3's stretch of slow rotations: none below one wavelength, all of it above another, and a slope between them. */
static enum hearth_status put_llama3(struct folder *f, const json_t *o, double base)
{
    static const char *const name[] = {"factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"};
    double v[4];
    float list[512];
    uint32_t half = f->head_width / 2;
    for (int i = 0; i < 4; i++) {
        int found;
        TRY(number_in(f, o, name[i], 1e-3, 1 << 24, &v[i], &found));
        if (!found) return missing(f, name[i]);
    }
    if (v[2] <= v[1]) return fail(HEARTH_EFORMAT, "%s/config.json: high_freq_factor is %g, allowed: more than low_freq_factor, %g", f->path, v[2], v[1]);
    for (uint32_t i = 0; i < half; i++) {
        double wave = 2 * 3.14159265358979323846 * pow(base, 2.0 * i / f->head_width);
        double slope = (v[3] / wave - v[1]) / (v[2] - v[1]);
        list[i] = wave < v[3] / v[2] ? 1.0f : wave > v[3] / v[1] ? (float)v[0] : (float)(1 / ((1 - slope) / v[0] + slope));
    }
    return folder_put_vector(f, "rope_freqs.weight", list, half);
}

static enum hearth_status put_factors(struct folder *f, const json_t *o, const char *from, const char *to, uint32_t n)
{
    const json_t *list = json_object_get(o, from);
    float v[512];
    char text[64];
    snprintf(text, sizeof text, "one number for each of %u rotations", n);
    if (json_array_size(list) != n) return wrong(f, from, "a list of another length", text);
    for (uint32_t i = 0; i < n; i++) {
        const json_t *x = json_array_get(list, i);
        v[i] = (float)json_number_value(x);
        if (!json_is_number(x) || !(v[i] > 0 && v[i] < 1e6f)) return wrong(f, from, "not all positive", "numbers above 0");
    }
    return folder_put_vector(f, to, v, n);
}

/* Phi's: factors for texts up to the original length, others for longer ones, and what is rotated grows a little. */
static enum hearth_status put_longrope(struct folder *f, const json_t *o, uint32_t rotated)
{
    double original = 0, magnitude = 0, context = 0;
    int found, given;
    TRY(number_in(f, o, "original_max_position_embeddings", 2, 1 << 24, &original, &found));
    if (!found) TRY(number(f, "original_max_position_embeddings", 2, 1 << 24, &original, &found));
    if (!found) return missing(f, "original_max_position_embeddings");
    TRY(number(f, "max_position_embeddings", 1, 1 << 24, &context, &found));
    TRY(number_in(f, o, "attention_factor", 0.0625, 16, &magnitude, &given));
    if (!given) magnitude = context > original ? sqrt(1 + log(context / original) / log(original)) : 1;
    TRY(folder_put_own(f, "rope.scaling.original_context_length", as_whole((uint64_t)original)));
    TRY(folder_put_own(f, "rope.scaling.attn_factor", as_real(magnitude)));
    TRY(put_factors(f, o, "short_factor", "rope_factors_short.weight", rotated / 2));
    return put_factors(f, o, "long_factor", "rope_factors_long.weight", rotated / 2);
}

static enum hearth_status put_scaling(struct folder *f, const json_t *o, double base, uint32_t rotated)
{
    const char *type = json_string_value(json_object_get(o, "rope_type"));
    double factor = 1;
    int found;
    if (!type) type = json_string_value(json_object_get(o, "type"));
    if (!type || !strcmp(type, "default")) return HEARTH_OK;
    if (!strcmp(type, "llama3")) return put_llama3(f, o, base);
    if (!strcmp(type, "longrope") || !strcmp(type, "su")) return put_longrope(f, o, rotated);
    if (strcmp(type, "linear") != 0)
        return fail(HEARTH_EUNSUPPORTED, "%s/config.json: rope_type is \"%.40s\", allowed: default, linear, llama3, longrope", f->path, type);
    TRY(number_in(f, o, "factor", 1e-3, 65536, &factor, &found));
    if (!found) return missing(f, "factor");
    TRY(folder_put_own(f, "rope.scaling.type", (struct gguf_value){.type = GGUF_STRING, .as.str = {"linear", 6}}));
    return folder_put_own(f, "rope.scaling.factor", as_real(factor));
}

/* Layers with a window turn by a base of their own, which is the family's. */
static enum hearth_status check_local_base(const struct folder *f)
{
    const struct arch *a = arch_find(f->family->arch, strlen(f->family->arch));
    double base = 0;
    int found;
    TRY(number(f, "rope_local_base_freq", 1, 1e12, &base, &found));
    if (!found) TRY(number_in(f, rope_object(f, "sliding_attention"), "rope_theta", 1, 1e12, &base, &found));
    if (!found || !a || a->rope_base_local <= 0 || (float)base == a->rope_base_local) return HEARTH_OK;
    return fail(HEARTH_EUNSUPPORTED, "%s/config.json: rope_local_base_freq is %g, allowed: %g", f->path, base, (double)a->rope_base_local);
}

static enum hearth_status put_rope(struct folder *f)
{
    const char *name = strcmp(f->family->arch, "openelm") ? "rope_theta" : "rope_freq_constant";
    const json_t *o = rope_object(f, "full_attention");
    const struct arch *a = arch_find(f->family->arch, strlen(f->family->arch));
    double base = a ? (double)a->rope_base : 10000, part = 1;
    int found;
    TRY(number(f, name, 1, 1e12, &base, &found));
    if (!found) TRY(number_in(f, o, name, 1, 1e12, &base, &found));
    if (found) TRY(folder_put_own(f, "rope.freq_base", as_real(base)));
    TRY(number(f, "partial_rotary_factor", 0.01, 1, &part, &found));
    if (!found) TRY(number_in(f, o, "partial_rotary_factor", 0.01, 1, &part, &found));
    uint32_t rotated = (uint32_t)(part * f->head_width);
    if (f->family->pairs && rotated != f->head_width)
        return fail(HEARTH_EUNSUPPORTED, "%s/config.json: partial_rotary_factor is %g, allowed for this family: 1", f->path, part);
    TRY(folder_put_own(f, "rope.dimension_count", as_whole(rotated)));
    TRY(check_local_base(f));
    return put_scaling(f, o, base, rotated);
}

/* ---- what must be as the family has it ---- */

/* Of what Granite 4 may be, this build has the plain one: attention in every layer, rotated, and no experts. */
static enum hearth_status check_granite4(const struct folder *f)
{
    uint32_t experts = 0;
    char text[40];
    if (strcmp(f->family->name, "GraniteMoeHybridForCausalLM") != 0) return HEARTH_OK;
    TRY(whole(f, "num_local_experts", 0, 1 << 16, 1, &experts));
    snprintf(text, sizeof text, "%u", experts);
    if (experts) return wrong(f, "num_local_experts", text, "0 in this family");
    const char *kind = json_string_value(json_object_get(f->config, "position_embedding_type"));
    return kind && !strcmp(kind, "rope") ? HEARTH_OK : wrong(f, "position_embedding_type", kind ? kind : "nothing", "rope");
}

/* EmbeddingGemma sees a text from both sides, Gemma does not. */
static enum hearth_status check_sides(const struct folder *f)
{
    int both = json_is_true(json_object_get(f->config, "use_bidirectional_attention")), wanted = !strcmp(f->family->arch, "gemma-embedding");
    if (both == wanted) return HEARTH_OK;
    return fail(HEARTH_EUNSUPPORTED, "%s/config.json: use_bidirectional_attention is %s, allowed for %s: %s", f->path, both ? "true" : "false",
                f->family->name, wanted ? "true" : "false");
}

/* BERT's, of which GELU has two forms. */
static enum hearth_status put_bert(struct folder *f)
{
    const char *act = json_string_value(json_object_get(f->config, "hidden_act"));
    const char *kind = json_string_value(json_object_get(f->config, "position_embedding_type"));
    if (kind && strcmp(kind, "absolute") != 0)
        return fail(HEARTH_EUNSUPPORTED, "%s/config.json: position_embedding_type is \"%.40s\", allowed: absolute", f->path, kind);
    if (act && strcmp(act, "gelu") != 0 && strcmp(act, "gelu_new") != 0 && strcmp(act, "gelu_pytorch_tanh") != 0)
        return wrong(f, "hidden_act", act, "gelu, gelu_new, gelu_pytorch_tanh");
    if (!act || !strcmp(act, "gelu")) return HEARTH_OK;
    return folder_put_own(f, "hidden_activation", (struct gguf_value){.type = GGUF_STRING, .as.str = {"gelu_pytorch_tanh", 17}});
}

static enum hearth_status check_words(const struct folder *f)
{
    const char *act = json_string_value(json_object_get(f->config, "hidden_activation")), *wanted = f->family->activation;
    if (!act) act = json_string_value(json_object_get(f->config, "hidden_act"));
    if (wanted && act && strcmp(act, wanted) != 0) return wrong(f, "hidden_act", act, wanted);
    if (json_is_object(json_object_get(f->config, "quantization_config")))
        return fail(HEARTH_EUNSUPPORTED, "%s/config.json: quantization_config: its weights are quantised in a way of their own; allowed: F32, F16 "
                    "and BF16 weights, or a GGUF file", f->path);
    TRY(check_sides(f));
    return check_granite4(f);
}

/* Which layers are not rotated is the family's own order. */
static enum hearth_status check_still_layers(const struct folder *f)
{
    const struct arch *a = arch_find(f->family->arch, strlen(f->family->arch));
    const json_t *list = json_object_get(f->config, "no_rope_layers");
    for (uint32_t l = 0; a && l < f->layers && l < json_array_size(list); l++) {
        int turns = json_integer_value(json_array_get(list, l)) != 0;
        if (turns == (a->still_every > 0 && (l + 1) % a->still_every == 0))
            return fail(HEARTH_EUNSUPPORTED, "%s/config.json: no_rope_layers is %d for layer %u, allowed: %d", f->path, turns, l, !turns);
    }
    return HEARTH_OK;
}

/* Gemma divides scores by the root of a number of its own. */
static enum hearth_status put_attention_scale(struct folder *f)
{
    double v = 0;
    int found;
    TRY(number(f, "query_pre_attn_scalar", 1e-3, 1e6, &v, &found));
    if (!found || v == (double)f->head_width) return HEARTH_OK;
    return folder_put_own(f, "attention.scale", as_real(1 / sqrt(v)));
}

/* The folder's own name, or the makers' word for it. */
static enum hearth_status put_name(struct folder *f)
{
    char name[200];
    const char *end = f->path + strlen(f->path), *slash;
    while (end > f->path && end[-1] == '/') end--;
    for (slash = end; slash > f->path && slash[-1] != '/';) slash--;
    snprintf(name, sizeof name, "%.*s", (int)(end - slash < 180 ? end - slash : 180), slash);
    return folder_put_text(f, "general.name", *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 ? name : f->family->name);
}

enum hearth_status folder_config(struct folder *f)
{
    const char *layers = strcmp(f->family->arch, "openelm") ? "num_hidden_layers" : "num_transformer_layers";
    TRY(folder_put_text(f, "general.architecture", f->family->arch));
    TRY(put_name(f));
    TRY(check_words(f));
    TRY(whole(f, layers, 1, MAX_LAYERS, 1, &f->layers));
    TRY(folder_put_own(f, "block_count", as_whole(f->layers)));
    for (int i = 0; i < 2; i++) TRY(put_table(f, f->family->keys[i]));
    TRY(put_heads(f));
    TRY(put_attention_scale(f));
    TRY(put_window(f));
    TRY(check_still_layers(f));
    return strcmp(f->family->arch, "bert") ? put_rope(f) : put_bert(f);
}
