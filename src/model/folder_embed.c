/* folder_embed.c - what sentence-transformers' files beside a model say of a text's embedding.
 *
 *     modules.json                    the steps: Transformer, Pooling, Dense ..., Normalize, each with a folder of its own
 *     1_Pooling/config.json    ─────► ARCH.pooling_type
 *     2_Dense, 3_Dense         ─────► dense_2.weight, dense_3.weight: two matrices without bias or activation, which is what GGUF has
 *     sentence_bert_config.json ────► hearth.embedding.max_tokens, where it is less than the model's own ARCH.context_length
 *     config_sentence_transformers.json ─► hearth.prompt_names, hearth.prompts, hearth.default_prompt
 *
 * A step that is not one of these is refused: leaving it out would give other vectors. */
#include "model/folder.h"

#include <stdio.h>
#include <string.h>
#include "model/arch.h"

enum { MAX_FILE = 4 << 20, MAX_MODULES = 16, MAX_PROMPTS = 256 };

struct sentences { struct folder *f; json_t *modules; int pooled, dense, normalized; uint64_t width; };

static struct gguf_value as_whole(uint64_t v) { return (struct gguf_value){.type = GGUF_U32, .as.u = v}; }

/* ---- how long a text may be ---- */

static enum hearth_status whole_in(const struct folder *f, const json_t *o, const char *file, const char *name, uint64_t *out)
{
    const json_t *v = json_object_get(o, name);
    if (!v || json_is_null(v)) return HEARTH_OK;
    if (!json_is_integer(v) || json_integer_value(v) < 1 || json_integer_value(v) > 1 << 24)
        return fail(HEARTH_EFORMAT, "%s/%s: %s is not a whole number from 1 to %d", f->path, file, name, 1 << 24);
    *out = (uint64_t)json_integer_value(v);
    return HEARTH_OK;
}

/* Of a family that makes nothing but embeddings; of others the config's own number stands. */
static enum hearth_status put_context(struct folder *f)
{
    const struct arch *a = arch_find(f->family->arch, strlen(f->family->arch));
    uint64_t most = 0, short_of = 0, pad = 1;
    json_t *o;
    if (!a || !a->both_sides) return HEARTH_OK;
    for (const struct folder_default *d = f->family->defaults; d && d->from; d++)
        if (!strcmp(d->from, "max_position_embeddings")) most = (uint64_t)d->value;
    TRY(whole_in(f, f->config, "config.json", "max_position_embeddings", &most));
    if (f->family->past_pad) TRY(whole_in(f, f->config, "config.json", "pad_token_id", &pad));
    if (f->family->past_pad && most <= pad + 1)
        return fail(HEARTH_EFORMAT, "%s/config.json: max_position_embeddings is %llu, allowed: more than pad_token_id + 1", f->path, (unsigned long long)most);
    if (f->family->past_pad) most -= pad + 1;
    TRY(folder_json(f, "sentence_bert_config.json", MAX_FILE, &o));
    enum hearth_status st = whole_in(f, o, "sentence_bert_config.json", "max_seq_length", &short_of);
    if (st == HEARTH_OK && json_is_true(json_object_get(o, "do_lower_case")))
        st = fail(HEARTH_EUNSUPPORTED, "%s/sentence_bert_config.json: do_lower_case is true, allowed: false (the tokenizer does that)", f->path);
    json_decref(o);
    if (st == HEARTH_OK) st = folder_put_own(f, "context_length", as_whole(most));
    if (st == HEARTH_OK) st = folder_put_own(f, "attention.causal", (struct gguf_value){.type = GGUF_BOOL, .as.b = false});
    if (st == HEARTH_OK && short_of && short_of < most) st = folder_put(f, "hearth.embedding.max_tokens", as_whole(short_of));
    return st;
}

/* ---- the steps ---- */

static enum hearth_status put_pooling(struct sentences *s, const char *file, const json_t *o)
{
    static const struct { const char *name; enum pooling pooling; } modes[] = {
        {"pooling_mode_mean_tokens", POOL_MEAN}, {"pooling_mode_cls_token", POOL_FIRST}, {"pooling_mode_lasttoken", POOL_LAST},
        {"pooling_mode_max_tokens", 0}, {"pooling_mode_mean_sqrt_len_tokens", 0}, {"pooling_mode_weightedmean_tokens", 0},
    };
    uint64_t width = s->width, pooling = 0;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (!json_is_true(json_object_get(o, modes[i].name))) continue;
        if (!modes[i].pooling || pooling)
            return fail(HEARTH_EUNSUPPORTED, "%s/%s: %s is true%s, allowed: one of mean_tokens, cls_token, lasttoken", s->f->path, file, modes[i].name,
                        pooling ? " beside another" : "");
        pooling = modes[i].pooling;
    }
    if (!pooling) return fail(HEARTH_EFORMAT, "%s/%s: no pooling_mode_... is true, allowed: one of mean_tokens, cls_token, lasttoken", s->f->path, file);
    if (json_is_false(json_object_get(o, "include_prompt")))
        return fail(HEARTH_EUNSUPPORTED, "%s/%s: include_prompt is false, allowed: true", s->f->path, file);
    TRY(whole_in(s->f, o, file, "word_embedding_dimension", &width));
    if (width != s->width)
        return fail(HEARTH_EFORMAT, "%s/%s: word_embedding_dimension is %llu, allowed: %llu, the model's width", s->f->path, file,
                    (unsigned long long)width, (unsigned long long)s->width);
    s->pooled = 1;
    return folder_put_own(s->f, "pooling_type", as_whole(pooling));
}

static enum hearth_status put_dense(struct sentences *s, const char *folder, const char *file, const json_t *o)
{
    static const char *const name[2] = {"dense_2.weight", "dense_3.weight"};
    const char *act = json_string_value(json_object_get(o, "activation_function")), *end = act ? strrchr(act, '.') : NULL;
    char path[FOLDER_PATH];
    if (s->dense == 2) return fail(HEARTH_EUNSUPPORTED, "%s/modules.json: a third Dense, allowed: two or none", s->f->path);
    if (!act || strcmp(end ? end + 1 : act, "Identity") != 0)
        return fail(HEARTH_EUNSUPPORTED, "%s/%s: activation_function is \"%.60s\", allowed: Identity", s->f->path, file, act ? act : "");
    if (json_is_true(json_object_get(o, "bias"))) return fail(HEARTH_EUNSUPPORTED, "%s/%s: bias is true, allowed: false", s->f->path, file);
    snprintf(path, sizeof path, "%s/%s", s->f->path, folder);
    TRY(safetensors_open(path, &s->f->dense[s->dense]));
    const struct safetensor *w = safetensors_find(s->f->dense[s->dense], "linear.weight");
    if (!w) return fail(HEARTH_EFORMAT, "%s: tensor linear.weight is missing", path);
    if (w->dims != 2 || w->shape[1] != s->width)
        return fail(HEARTH_EFORMAT, "%s: tensor linear.weight has %u dimensions and rows of %llu, allowed: 2 and %llu", w->file, w->dims,
                    (unsigned long long)(w->dims == 2 ? w->shape[1] : 0), (unsigned long long)s->width);
    s->width = w->shape[0];
    return folder_put_tensor(s->f, w, name[s->dense++], LIES);
}

static enum hearth_status put_module(struct sentences *s, size_t i)
{
    const json_t *m = json_array_get(s->modules, i);
    const char *type = json_string_value(json_object_get(m, "type")), *folder = json_string_value(json_object_get(m, "path"));
    const char *dot = type ? strrchr(type, '.') : NULL, *word = dot ? dot + 1 : type ? type : "";
    char own[32], file[64];
    json_t *o = NULL;
    if (i == 0 && !strcmp(word, "Transformer") && folder && !*folder) return HEARTH_OK;
    if (i == 0) return fail(HEARTH_EUNSUPPORTED, "%s/modules.json: the first step is \"%.60s\", allowed: Transformer, in the folder itself", s->f->path, word);
    int pooling = !strcmp(word, "Pooling") && !s->pooled, dense = !strcmp(word, "Dense") && s->pooled && !s->normalized;
    if (!strcmp(word, "Normalize") && s->pooled && !s->normalized) {
        s->normalized = 1;
        return HEARTH_OK;
    }
    if (!pooling && !dense)
        return fail(HEARTH_EUNSUPPORTED, "%s/modules.json: step %zu is \"%.60s\", allowed: Transformer, Pooling, Dense, Normalize, in this order", s->f->path,
                    i, word);
    snprintf(own, sizeof own, "%zu_%s", i, word);          /* as sentence-transformers names them; the model's digest counts no other */
    if (!folder || strcmp(folder, own) != 0)
        return fail(HEARTH_EFORMAT, "%s/modules.json: the path of step %zu is \"%.60s\", allowed: %s", s->f->path, i, folder ? folder : "", own);
    snprintf(file, sizeof file, "%s/config.json", own);
    TRY(folder_json(s->f, file, MAX_FILE, &o));
    if (!o) return fail(HEARTH_ENOTFOUND, "%s/%s: no such file, which modules.json names", s->f->path, file);
    enum hearth_status st = pooling ? put_pooling(s, file, o) : put_dense(s, own, file, o);
    json_decref(o);
    return st;
}

static enum hearth_status put_modules(struct sentences *s)
{
    struct folder *f = s->f;
    if (!json_is_array(s->modules) || json_array_size(s->modules) < 1 || json_array_size(s->modules) > MAX_MODULES)
        return fail(HEARTH_EFORMAT, "%s/modules.json: not a list of 1 to %d steps", f->path, MAX_MODULES);
    TRY(whole_in(f, f->config, "config.json", "hidden_size", &s->width));
    for (size_t i = 0; i < json_array_size(s->modules); i++) TRY(put_module(s, i));
    if (!s->pooled) return fail(HEARTH_EFORMAT, "%s/modules.json: no Pooling among its steps", f->path);
    if (s->dense == 1) return fail(HEARTH_EUNSUPPORTED, "%s/modules.json: one Dense, allowed: two or none", f->path);
    return folder_put(f, "hearth.embedding.normalize", (struct gguf_value){.type = GGUF_BOOL, .as.b = s->normalized != 0});
}

/* ---- prompts ---- */

static enum hearth_status put_list(struct folder *f, const char *key, const struct gguf_string *list, size_t n)
{
    return folder_put(f, key, (struct gguf_value){.type = GGUF_ARRAY, .as.array = {.type = GGUF_STRING, .n = n, .strings = list}});
}

static enum hearth_status put_prompts(struct folder *f, const json_t *o)
{
    static const char file[] = "config_sentence_transformers.json";
    json_t *prompts = json_object_get(o, "prompts"), *v;
    const char *first = json_string_value(json_object_get(o, "default_prompt_name")), *name;
    size_t n = json_object_size(prompts), i = 0;
    if (!prompts || json_is_null(prompts)) return HEARTH_OK;
    if (!json_is_object(prompts) || n > MAX_PROMPTS) return fail(HEARTH_EFORMAT, "%s/%s: prompts is not an object of at most %d texts", f->path, file, MAX_PROMPTS);
    struct gguf_string *names = arena_alloc(f->arena, (n + 1) * sizeof *names), *texts = arena_alloc(f->arena, (n + 1) * sizeof *texts);
    if (!names || !texts) return HEARTH_ENOMEM;
    json_object_foreach(prompts, name, v) {
        if (!json_is_string(v)) return fail(HEARTH_EFORMAT, "%s/%s: the prompt \"%.60s\" is not a text", f->path, file, name);
        names[i] = (struct gguf_string){arena_strndup(f->arena, name, strlen(name)), strlen(name)};
        texts[i] = (struct gguf_string){arena_strndup(f->arena, json_string_value(v), json_string_length(v)), json_string_length(v)};
        if (!names[i].s || !texts[i].s) return HEARTH_ENOMEM;
        i++;
    }
    if (n) TRY(put_list(f, "hearth.prompt_names", names, n));
    if (n) TRY(put_list(f, "hearth.prompts", texts, n));
    if (first && !json_object_get(prompts, first))
        return fail(HEARTH_EFORMAT, "%s/%s: default_prompt_name is \"%.60s\", allowed: one of prompts", f->path, file, first);
    return first ? folder_put_text(f, "hearth.default_prompt", first) : HEARTH_OK;
}

enum hearth_status folder_sentences(struct folder *f)
{
    struct sentences s = {.f = f};
    json_t *o = NULL;
    TRY(put_context(f));
    TRY(folder_any_json(f, "modules.json", MAX_FILE, &s.modules));
    enum hearth_status st = s.modules ? put_modules(&s) : HEARTH_OK;
    json_decref(s.modules);
    if (st == HEARTH_OK) st = folder_json(f, "config_sentence_transformers.json", MAX_FILE, &o);
    if (st == HEARTH_OK) st = put_prompts(f, o);
    json_decref(o);
    return st;
}
