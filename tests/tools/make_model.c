/* make_model - a command over model_maker: writes a model of random weights.
 *
 *     make_model OUT.gguf [preset=1B|3B|7B] [field=value ...]      fields as in struct model_spec
 *
 *     make_model t.gguf family=gemma3 type=Q4_K,Q6_K layers=7 width=512 seed=3
 *     make_model 7b.gguf preset=7B type=Q4_0
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_maker.h"

/* The shapes of LLaMA 3.2 1B and 3B and of LLaMA 2 7B. */
static const struct { const char *name; struct model_spec spec; } presets[] = {
    { "1B", { .layers = 16, .width = 2048, .heads = 32, .kv_heads = 8, .head_width = 64, .ffn = 8192, .vocab = 128256,
              .context = 131072, .rope_base = 500000, .tied = 1, .rope_factors = 1, .bank = 1, .name = "random 1B" } },
    { "3B", { .layers = 28, .width = 3072, .heads = 24, .kv_heads = 8, .head_width = 128, .ffn = 8192, .vocab = 128256,
              .context = 131072, .rope_base = 500000, .tied = 1, .rope_factors = 1, .bank = 1, .name = "random 3B" } },
    { "7B", { .layers = 32, .width = 4096, .heads = 32, .kv_heads = 32, .head_width = 128, .ffn = 11008, .vocab = 32000,
              .context = 4096, .bank = 1, .name = "random 7B" } },
};

static int set_preset(struct model_spec *s, const char *name)
{
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
        if (!strcmp(presets[i].name, name)) { *s = presets[i].spec; return 1; }
    return 0;
}

/* 1 when the field is known and the value fits. */
static int set_field(struct model_spec *s, const char *key, const char *value)
{
    const struct { const char *key; const char **text; uint32_t *number; int *flag; float *real; } fields[] = {
        { "family", &s->family, 0, 0, 0 },          { "type", &s->type, 0, 0, 0 },
        { "embed_type", &s->embed_type, 0, 0, 0 },  { "output_type", &s->output_type, 0, 0, 0 },
        { "name", &s->name, 0, 0, 0 },              { "chat_template", &s->chat_template, 0, 0, 0 },
        { "layers", 0, &s->layers, 0, 0 },          { "width", 0, &s->width, 0, 0 },
        { "heads", 0, &s->heads, 0, 0 },            { "kv_heads", 0, &s->kv_heads, 0, 0 },
        { "head_width", 0, &s->head_width, 0, 0 },  { "ffn", 0, &s->ffn, 0, 0 },
        { "vocab", 0, &s->vocab, 0, 0 },            { "context", 0, &s->context, 0, 0 },
        { "window", 0, &s->window, 0, 0 },          { "tied", 0, 0, &s->tied, 0 },
        { "rope_factors", 0, 0, &s->rope_factors, 0 }, { "bank", 0, 0, &s->bank, 0 },
        { "rope_base", 0, 0, 0, &s->rope_base },    { "norm_eps", 0, 0, 0, &s->norm_eps },
    };
    char *end = NULL;
    errno = 0;
    if (!strcmp(key, "preset")) return set_preset(s, value);
    if (!strcmp(key, "seed")) {
        s->seed = strtoull(value, &end, 10);
        return *value && !*end && !errno;
    }
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (strcmp(fields[i].key, key)) continue;
        if (fields[i].text) { *fields[i].text = value; return 1; }
        if (fields[i].real) *fields[i].real = strtof(value, &end);
        else {
            unsigned long n = strtoul(value, &end, 10);
            if (n > (fields[i].flag ? 1 : UINT32_MAX)) return 0;
            if (fields[i].flag) *fields[i].flag = (int)n;
            else *fields[i].number = (uint32_t)n;
        }
        return *value && !*end && !errno;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct model_spec spec = { 0 };
    if (argc < 2 || strchr(argv[1], '=')) {
        fprintf(stderr, "usage: make_model OUT.gguf [preset=1B|3B|7B] [field=value ...]\n");
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        char *eq = strchr(argv[i], '=');
        if (eq) *eq = '\0';
        if (!eq || !set_field(&spec, argv[i], eq + 1)) {
            fprintf(stderr, "make_model: %s%s%s: no such field, or a value that does not fit\n", argv[i],
                    eq ? "=" : "", eq ? eq + 1 : "");
            return 2;
        }
    }
    if (model_make(argv[1], &spec) != HEARTH_OK) {
        fprintf(stderr, "make_model: %s\n", hearth_errmsg());
        return 1;
    }
    return 0;
}
