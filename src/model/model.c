/* model.c - opening and describing a model. */
#include "model/classes.h"
#include "model/merged.h"
#include "model/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fpmode.h"
#include "kernel/math.h"
#include "model/folder.h"
#include "model/forward.h"

/* A string key as a C string of the model's, "" when missing or of another type. */
static enum hearth_status text_key(struct hearth_model *m, const char *key, const char **out)
{
    struct gguf_string s = { "", 0 };
    const struct gguf_value *v = gguf_find(m->file, key);
    if (v && v->type == GGUF_STRING) s = v->as.str;
    *out = arena_strndup(&m->arena, s.s, (size_t)s.n);
    return *out ? HEARTH_OK : HEARTH_ENOMEM;
}

static enum hearth_status rope_table(struct hearth_model *m, float base, float scale, const float *factors,
                                     const float **out)
{
    uint32_t half = m->h.rope_width / 2;
    float *f = arena_alloc(&m->arena, half * sizeof *f);
    if (!f) return HEARTH_ENOMEM;
    for (uint32_t i = 0; i < half; i++) {
        f[i] = 1.0f / hm_pow(base, (float)(2 * i) / (float)m->h.rope_width) * scale;
        if (factors) f[i] = f[i] / factors[i];
        if (!(f[i] <= 1e4f && f[i] >= 0))
            return fail(HEARTH_EFORMAT, "%s: rope frequency %u is %g, should be 0 to 10000", m->file->path, i, (double)f[i]);
    }
    *out = f;
    return HEARTH_OK;
}

/* Short and long rope factors come together. */
static enum hearth_status check_factors(const struct hearth_model *m)
{
    const float *is_short = m->weights.rope_factors, *is_long = m->weights.rope_factors_long;
    if (m->h.rope_long == LONG_NEVER || (is_short && is_long) || (m->h.rope_long == LONG_PERHAPS && !is_short && !is_long)) return HEARTH_OK;
    return fail(HEARTH_EFORMAT, "%s: tensor rope_factors_%s.weight is missing", m->file->path, is_long ? "short" : "long");
}

static enum hearth_status load(struct hearth_model *m)
{
    const struct hparams *h = &m->h;
    TRY(hparams_read(m->arch, m->file, &m->arena, &m->h));
    if ((uint32_t)tokenizer_size(m->tokenizer) > h->vocabulary)
        return fail(HEARTH_EFORMAT, "%s: the vocabulary has %d tokens, tensor token_embd.weight rows for %u", m->file->path,
                    tokenizer_size(m->tokenizer), h->vocabulary);
    TRY(weights_load(m));
    TRY(check_factors(m));
    TRY(rope_table(m, h->rope_base, h->rope_scale, m->weights.rope_factors, &m->rope_frequency));
    m->rope_frequency_long = m->rope_frequency_local = m->rope_frequency;
    if (m->weights.rope_factors_long)
        TRY(rope_table(m, h->rope_base, h->rope_scale, m->weights.rope_factors_long, &m->rope_frequency_long));
    if (h->rope_base_local > 0) TRY(rope_table(m, h->rope_base_local, 1, NULL, &m->rope_frequency_local));
    return HEARTH_OK;
}

void model_pool(const struct hearth_model *m, const float *hidden, uint32_t n, uint32_t at, uint32_t total, float *sum)
{
    size_t w = m->h.width;
    for (uint32_t t = 0; t < n; t++)
        if (m->h.pooling == POOL_MEAN || (m->h.pooling == POOL_FIRST && at + t == 0) || (m->h.pooling == POOL_LAST && at + t + 1 == total))
            m->kernels->add(sum, hidden + t * w, w);
}

enum hearth_status model_generates(const struct hearth_model *m)
{
    if (!m->h.both_sides) return HEARTH_OK;
    return fail(HEARTH_EUNSUPPORTED, "%s: a %s makes embeddings of texts (hearth embed), and no text", m->file->path, m->arch->name);
}

void model_choose_experts(const struct hearth_model *m, const float *score, float *share, uint32_t *chosen)
{
    uint32_t experts = m->h.experts, used = m->h.experts_used, first = 0;
    float sum = 0;
    for (uint32_t e = 0, n = 0; e < experts && n < used; e++) {
        uint32_t above = 0;
        for (uint32_t i = 0; i < experts; i++) above += score[i] > score[e] || (score[i] == score[e] && i < e);
        first = above == 0 ? e : first;
        if (above < used) chosen[n++] = e;
    }
    for (uint32_t i = 0; i < used; i++) sum += share[i] = hm_exp(score[chosen[i]] - score[first]);
    for (uint32_t i = 0; i < used; i++) share[i] /= sum;
}

void model_finish_logits(const struct hearth_model *m, float *x)
{
    if (m->h.logit_scale != 1) m->kernels->scale(x, m->h.logit_scale, m->h.vocabulary);
    if (m->h.logit_softcap > 0) m->kernels->softcap(x, m->h.logit_softcap, m->h.vocabulary);
}

/* hearth.prompt_names, hearth.prompts: two lists of texts; hearth.default_prompt: one of the names. */
static enum hearth_status read_prompts(struct hearth_model *m)
{
    const struct gguf_value *names, *texts;
    struct gguf_string first = { "", 0 };
    int found;
    TRY(gguf_get_array(m->file, "hearth.prompt_names", GGUF_STRING, &names));
    TRY(gguf_get_array(m->file, "hearth.prompts", GGUF_STRING, &texts));
    TRY(gguf_get_string(m->file, "hearth.default_prompt", &first, &found));
    size_t n = names ? (size_t)names->as.array.n : 0, other = texts ? (size_t)texts->as.array.n : 0;
    if (n != other) return fail(HEARTH_EFORMAT, "%s: hearth.prompts has %zu texts, should be one for each of %zu names", m->file->path, other, n);
    if (!(m->prompt = arena_alloc(&m->arena, (n + 1) * sizeof *m->prompt))) return HEARTH_ENOMEM;
    for (; m->prompts < n; m->prompts++) {
        struct model_prompt *p = &m->prompt[m->prompts];
        const struct gguf_string *name = &names->as.array.strings[m->prompts], *text = &texts->as.array.strings[m->prompts];
        p->name = arena_strndup(&m->arena, name->s, (size_t)name->n), p->text = arena_strndup(&m->arena, text->s, (size_t)text->n);
        if (!p->name || !p->text) return HEARTH_ENOMEM;
        if (found && name->n == first.n && memcmp(name->s, first.s, (size_t)first.n) == 0) m->prompt_default = p->text;
    }
    if (!found || m->prompt_default) return HEARTH_OK;
    return fail(HEARTH_EFORMAT, "%s: hearth.default_prompt is \"%.*s\", should be one of hearth.prompt_names", m->file->path,
                (int)(first.n < 60 ? first.n : 60), first.s);
}

static enum hearth_status count_key(const struct hearth_model *m, const char *key, uint32_t *n)
{
    const struct gguf_value *list;
    TRY(gguf_get_array(m->file, key, GGUF_STRING, &list));
    *n = list ? (uint32_t)list->as.array.n : 0;
    return HEARTH_OK;
}

static enum hearth_status describe(struct hearth_model *m)
{
    struct hearth_model_info *i = &m->info;
    const struct hparams *h = &m->h;
    i->path = m->file->path;
    TRY(text_key(m, "general.name", &i->name));
    TRY(text_key(m, "general.architecture", &i->architecture));
    TRY(text_key(m, "general.license", &i->license));
    TRY(text_key(m, "tokenizer.chat_template", &i->chat_template));
    i->tokenizer = tokenizer_kind(m->tokenizer), i->pre_tokenizer = tokenizer_pre(m->tokenizer);
    for (uint64_t t = 0; t < m->file->n_tensors; t++) i->parameters += m->file->tensors[t].elements;
    i->file_bytes = m->file->map.size;
    i->weight_bytes = m->weight_bytes, i->flops_per_token = 2 * m->matrix_elements;
    i->layers = h->layers, i->width = h->width, i->heads = h->heads, i->kv_heads = h->kv_heads;
    i->head_width = h->head_width, i->feed_forward = h->feed_forward, i->context = h->context, i->window = h->window;
    i->vocabulary = m->arch && h->vocabulary ? h->vocabulary : (uint32_t)tokenizer_size(m->tokenizer);
    i->threads = m->pool ? pool_threads(m->pool) : 1;
    i->arithmetic = m->arithmetic;
    TRY(read_prompts(m));
    i->embedding = h->embedding, i->only_embeds = h->both_sides;
    TRY(count_key(m, CLASSES_LABELS, &i->labels));
    TRY(count_key(m, MERGED_ADAPTERS, &i->adapters));
    return HEARTH_OK;
}

static enum hearth_status open_model(struct hearth_model *m, const char *path, const struct hearth_model_params *p)
{
    int online, usable, threads = p->threads;
    double quota;
    struct gguf_string name = { "", 0 };
    if (threads < 0 || threads > 1024) return fail(HEARTH_EUSAGE, "threads is %d, should be 0 to 1024", threads);
    if (p->arithmetic != HEARTH_QUANT && p->arithmetic != HEARTH_FLOAT)
        return fail(HEARTH_EUSAGE, "arithmetic is %d, should be 0 (quant) or 1 (float)", (int)p->arithmetic);
    m->arithmetic = p->arithmetic;
    TRY(kernels_choose(&m->kernels));
    TRY(model_file_open(path, !p->vocab_only, &m->file));
    TRY(gguf_get_string(m->file, "general.architecture", &name, NULL));
    m->arch = arch_find(name.s, (size_t)name.n);
    struct gguf_string type = { "", 0 };
    TRY(gguf_get_string(m->file, "general.type", &type, NULL));
    if (type.n == 7 && memcmp(type.s, "adapter", 7) == 0)
        return fail(HEARTH_EUSAGE, "%s: an adapter, which goes on a model: --adapter %s with the model that it was made for", m->file->path, m->file->path);
    if (!m->arch && !p->vocab_only)
        return fail(HEARTH_EUNSUPPORTED, "%s: general.architecture is \"%.*s\"; `hearth families` lists what this build "
                    "knows", m->file->path, (int)(name.n < 40 ? name.n : 40), name.s);
    TRY(tokenizer_open(m->file, &m->tokenizer));
    if (!p->vocab_only) {
        os_cores(&online, &usable, &quota);
        if (threads == 0) threads = usable;
        TRY(pool_open(threads, threads <= usable, &m->pool));
        TRY(load(m));
    } else if (m->arch && m->file->n_tensors && hparams_read(m->arch, m->file, &m->arena, &m->h) != HEARTH_OK) {
        m->h = (struct hparams){0};                    /* the shape is not known then: opening it whole says why */
    }
    return describe(m);
}

enum hearth_status hearth_model_open(const char *path, const struct hearth_model_params *params,
                                     struct hearth_model **out)
{
    static const struct hearth_model_params defaults;
    struct fp_state fp;
    double start = clock_seconds();
    struct hearth_model *m = mem_array(1, sizeof *m);
    if (!m) return HEARTH_ENOMEM;
    arena_init(&m->arena, 0);
    fp_enter(&fp);
    enum hearth_status st = open_model(m, path, params ? params : &defaults);
    fp_leave(&fp);
    if (st != HEARTH_OK) {
        hearth_model_close(m);
        return st;
    }
    m->info.load_seconds = clock_seconds() - start;
    *out = m;
    return HEARTH_OK;
}

void hearth_model_close(struct hearth_model *m)
{
    if (!m) return;
    pool_close(m->pool);
    tokenizer_close(m->tokenizer);
    gguf_close(m->file);
    slab_free(m->slab, m->slab_bytes);
    arena_free(&m->arena);
    free(m);
}

void hearth_model_describe(const struct hearth_model *m, struct hearth_model_info *out) { *out = m->info; }

enum hearth_status hearth_model_tensor(const struct hearth_model *m, size_t i, struct hearth_tensor_info *out)
{
    if (i >= m->file->n_tensors) return fail(HEARTH_ENOTFOUND, "%s: no tensor %zu", m->file->path, i);
    const struct gguf_tensor *t = &m->file->tensors[i];
    *out = (struct hearth_tensor_info){ t->name, type_info(t->type)->name, t->dims,
                                        { t->shape[0], t->shape[1], t->shape[2], t->shape[3] }, t->bytes };
    return HEARTH_OK;
}

enum hearth_status hearth_model_memory(const struct hearth_model *m, uint32_t ctx, enum hearth_kv kv,
                                       struct hearth_memory *out)
{
    struct forward_sizes s;
    TRY(forward_plan(m, ctx, kv, 0, &s));
    *out = (struct hearth_memory){ m->mapped_bytes, m->slab_bytes + m->made_bytes, s.kv_bytes, s.slab_bytes, 0 };
    out->total = out->weights_mapped + out->weights_copied + out->kv_cache + out->session;
    return HEARTH_OK;
}
