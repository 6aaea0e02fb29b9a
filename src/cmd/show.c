/* show.c - `hearth show MODEL`: what a model is, what it holds, what it needs. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/models.h"
#include "hub/recipe.h"

static int want_json, want_tensors, want_template, want_memory, want_modelfile, want_system, want_parameters, want_license, ctx, kv;

static const char *const kv_names[] = {[HEARTH_KV_F16] = "f16", [HEARTH_KV_F32] = "f32", [HEARTH_KV_Q8_0] = "q8_0", NULL};
static const struct opt options[] = {
    {"tensors", 0, OPT_FLAG, 0, "list every tensor: name, type, shape, bytes", &want_tensors, 0, 0, 0, 0},
    {"template", 0, OPT_FLAG, 0, "print the chat template", &want_template, 0, 0, 0, 0},
    {"modelfile", 0, OPT_FLAG, 0, "print a Modelfile for `hearth create`", &want_modelfile, 0, 0, 0, 0},
    {"system", 0, OPT_FLAG, 0, "print the system prompt that it was made with", &want_system, 0, 0, 0, 0},
    {"parameters", 0, OPT_FLAG, 0, "print the parameters that it was made with", &want_parameters, 0, 0, 0, 0},
    {"license", 0, OPT_FLAG, 0, "print its licence", &want_license, 0, 0, 0, 0},
    {"memory", 0, OPT_FLAG, 0, "the memory that contexts of several lengths take", &want_memory, 0, 0, 0, 0},
    {"ctx", 0, OPT_INT, "N", "the memory that a context of N tokens takes", &ctx, 1, 1 << 24, 0, 0},
    {"kv", 0, OPT_CHOICE, "TYPE", "with keys and values kept as f16, f32 or q8_0 (default f16)", &kv, 0, 0, kv_names, 0},
    {"json", 0, OPT_FLAG, 0, "print one JSON object", &want_json, 0, 0, 0, 0},
    {0},
};

/* ---- tensors, counted by type ---- */

struct type_count { const char *type; size_t n; uint64_t bytes; };
struct counts { struct type_count of[64]; size_t n; };

static void count(struct counts *c, const struct hearth_tensor_info *t)
{
    size_t i = 0;
    while (i < c->n && strcmp(c->of[i].type, t->type) != 0) i++;
    if (i == sizeof c->of / sizeof c->of[0]) return;
    if (i == c->n) c->of[c->n++] = (struct type_count){.type = t->type};
    c->of[i].n++;
    c->of[i].bytes += t->bytes;
}

static int more_bytes(const void *a, const void *b)
{
    const struct type_count *x = a, *y = b;
    return (x->bytes < y->bytes) - (x->bytes > y->bytes);
}

static void count_all(const struct hearth_model *m, struct counts *c)
{
    struct hearth_tensor_info t;
    *c = (struct counts){.n = 0};
    for (size_t i = 0; hearth_model_tensor(m, i, &t) == HEARTH_OK; i++) count(c, &t);
    qsort(c->of, c->n, sizeof c->of[0], more_bytes);
}

static const char *shape_text(const struct hearth_tensor_info *t, char out[96])
{
    size_t n = 0;
    out[0] = 0;
    for (uint32_t d = 0; d < t->dims && d < 4; d++)
        n += (size_t)snprintf(out + n, 96 - n, "%s%llu", d ? " x " : "", (unsigned long long)t->shape[d]);
    return out;
}

static void print_tensors(const struct hearth_model *m)
{
    struct table table = {.columns = 4, .right = "0001"};
    struct hearth_tensor_info t;
    char shape[96];
    for (size_t i = 0; hearth_model_tensor(m, i, &t) == HEARTH_OK; i++) {
        table_cell(&table, "%s", t.name);
        table_cell(&table, "%s", t.type);
        table_cell(&table, "%s", shape_text(&t, shape));
        table_cell(&table, "%llu", (unsigned long long)t.bytes);
    }
    if (table.n) table_print(&table, stdout);
}

/* ---- memory ---- */

/* Context i of the table: --ctx alone, or 512, 1024 ... and the model's own; 0 past the last. */
static uint32_t context_at(const struct hearth_model_info *info, size_t i)
{
    uint32_t most = info->context < 131072 ? info->context : 131072;
    if (ctx) return i == 0 ? (uint32_t)ctx : 0;
    uint64_t n = 512ull << i;
    if (n < most) return (uint32_t)n;
    return n / 2 < most || i == 0 ? most : 0;
}

static int print_memory(const struct hearth_model *m, const struct hearth_model_info *info)
{
    struct hearth_memory once;
    enum hearth_status can = hearth_model_memory(m, context_at(info, 0), kv, &once);
    if (can != HEARTH_OK) return report(can);
    struct table table = {.columns = 5, .right = "11111"};
    static const char *const head[] = {"context", "weights", "keys and values", "working space", "together"};
    char b[24];
    for (int i = 0; i < 5; i++) table_cell(&table, "%s", head[i]);
    for (size_t i = 0; context_at(info, i); i++) {
        struct hearth_memory e;
        enum hearth_status st = hearth_model_memory(m, context_at(info, i), kv, &e);
        if (st != HEARTH_OK) return report(st);
        table_cell(&table, "%u", context_at(info, i));
        table_cell(&table, "%s", show_bytes(e.weights_mapped + e.weights_copied, b));
        table_cell(&table, "%s", show_bytes(e.kv_cache, b));
        table_cell(&table, "%s", show_bytes(e.session, b));
        table_cell(&table, "%s", show_bytes(e.total, b));
    }
    table_print(&table, stdout);
    return EXIT_DONE;
}

/* ---- as JSON ---- */

static json_t *text(const char *s)
{
    return json_text(s, strlen(s));
}

static json_t *types_json(const struct counts *c)
{
    json_t *types = json_array();
    for (size_t i = 0; i < c->n; i++)
        json_array_append_new(types, json_pack("{s:o, s:I, s:I}", "type", text(c->of[i].type), "tensors",
                                               (json_int_t)c->of[i].n, "bytes", (json_int_t)c->of[i].bytes));
    return types;
}

static json_t *tensors_json(const struct hearth_model *m)
{
    json_t *list = json_array();
    struct hearth_tensor_info t;
    for (size_t i = 0; hearth_model_tensor(m, i, &t) == HEARTH_OK; i++) {
        json_t *shape = json_array();
        for (uint32_t d = 0; d < t.dims && d < 4; d++)
            json_array_append_new(shape, json_integer((json_int_t)t.shape[d]));
        json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:I}", "name", text(t.name), "type", text(t.type), "shape",
                                              shape, "bytes", (json_int_t)t.bytes));
    }
    return list;
}

static json_t *memory_json(const struct hearth_model *m, const struct hearth_model_info *info)
{
    json_t *list = json_array();
    struct hearth_memory e;
    for (size_t i = 0; context_at(info, i); i++)
        if (hearth_model_memory(m, context_at(info, i), kv, &e) == HEARTH_OK)
            json_array_append_new(list, json_pack(
                "{s:I, s:s, s:I, s:I, s:I, s:I, s:I}", "context", (json_int_t)context_at(info, i), "kv", kv_names[kv],
                "weights_mapped", (json_int_t)e.weights_mapped, "weights_copied", (json_int_t)e.weights_copied,
                "kv_cache", (json_int_t)e.kv_cache, "session", (json_int_t)e.session, "total", (json_int_t)e.total));
    return list;
}

static int print_json(const struct hearth_model *m, const struct hearth_model_info *i, const char *name)
{
    struct counts c;
    count_all(m, &c);
    json_t *j = json_pack(
        "{s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:o, s:o, s:o, s:b, s:i, s:i, s:o}",
        "model", text(name), "path", text(i->path), "name", text(i->name), "architecture", text(i->architecture),
        "parameters", (json_int_t)i->parameters, "file_bytes", (json_int_t)i->file_bytes,
        "weight_bytes", (json_int_t)i->weight_bytes, "flops_per_token", (json_int_t)i->flops_per_token,
        "layers", (int)i->layers, "width", (int)i->width, "heads", (int)i->heads, "kv_heads", (int)i->kv_heads,
        "head_width", (int)i->head_width, "feed_forward", (int)i->feed_forward, "vocabulary", (int)i->vocabulary,
        "context", (int)i->context, "window", (int)i->window, "tokenizer", text(i->tokenizer),
        "pre_tokenizer", text(i->pre_tokenizer), "licence", text(i->license), "instruct", *i->chat_template != 0, "labels", (int)i->labels, "adapters", (int)i->adapters,
        "quantisation", types_json(&c));
    if (want_tensors) json_object_set_new(j, "tensors", tensors_json(m));
    if (want_template) json_object_set_new(j, "template", text(i->chat_template));
    if (want_memory || ctx) json_object_set_new(j, "memory", memory_json(m, i));
    return json_print(j);
}

/* ---- as text ---- */

static void row(const char *name, const char *value)
{
    printf("%-14s ", name);
    term_write(stdout, value, strlen(value));
    putchar('\n');
}

/* The vector, and the prompts it expects before a text. */
static void show_embedding(const struct hearth_model *m, const struct hearth_model_info *i)
{
    const char *name, *text;
    if (i->only_embeds) printf("%-14s %u numbers a text\n", "embedding", i->embedding);
    for (size_t k = 0; (name = hearth_model_prompt(m, k, &text)); k++) {
        printf("%-14s ", k ? "" : "prompts");
        term_printf(stdout, "%s: \"%s\"\n", name, text);
    }
}

static void print_text(const struct hearth_model *m, const struct hearth_model_info *i, const char *name)
{
    struct counts c;
    char a[24], b[24];
    row("model", name);
    if (*i->name) row("its own name", i->name);
    row("file", i->path);
    row("architecture", i->architecture);
    if (i->parameters)
        printf("%-14s %s (%llu) in %s\n", "parameters", show_count(i->parameters, a), (unsigned long long)i->parameters,
               show_bytes(i->file_bytes, b));
    if (i->layers)
        printf("%-14s %u layers, width %u, feed-forward %u, %u heads of %u (%u for keys and values)\n", "shape", i->layers,
               i->width, i->feed_forward, i->heads, i->head_width, i->kv_heads);
    printf("%-14s %u tokens (%s%s%s)\n", "vocabulary", i->vocabulary, i->tokenizer, *i->pre_tokenizer ? ", " : "",
           i->pre_tokenizer);
    if (i->context) printf("%-14s %u tokens", "context", i->context);
    if (i->window) printf(", of which local layers see the last %u", i->window);
    if (i->context) putchar('\n');
    count_all(m, &c);
    printf("%-14s ", "quantisation");
    for (size_t k = 0; k < c.n; k++)
        printf("%s%s x %zu (%s)", k ? ", " : "", c.of[k].type, c.of[k].n, show_bytes(c.of[k].bytes, a));
    printf("%s\n", c.n ? "" : "no tensors: `hearth tokenize` can use this vocabulary, there is nothing to run");
    if (c.n == 0) return;
    uint32_t usual = i->context && i->context < 4096 ? i->context : 4096;
    struct hearth_memory e;
    if (hearth_model_memory(m, usual, kv, &e) == HEARTH_OK)
        printf("%-14s %s with a context of %u tokens (--memory shows others)\n", "memory", show_bytes(e.total, a), usual);
    row("licence", *i->license ? i->license : "the file does not say");
    show_embedding(m, i);
    if (i->labels) printf("%-14s %u: `hearth classify` names them, `hearth card` lists them\n", "labels", i->labels);
    if (i->adapters) printf("%-14s %u merged into it\n", "adapters", i->adapters);
    row("kind", i->only_embeds ? "embedding: it makes vectors of texts (`hearth embed`) and no text"
                : *i->chat_template ? "instruct: it has a chat template (--template shows it)"
                                    : "base: it continues a text and has no chat template");
}

/* A file with a vocabulary and no tensors can be shown too; the message for any other that cannot be opened is that of
 * opening it whole. */
static int open_to_show(const char *name, struct hearth_model **m)
{
    static const struct hearth_model_params vocabulary = {.vocab_only = 1};
    struct hearth_tensor_info t;
    char *path = NULL;
    int code = model_find(name, MODEL_TO_LOOK, &path);
    if (code != EXIT_DONE) return code;
    if (hearth_model_open(path, &vocabulary, m) == HEARTH_OK && hearth_model_tensor(*m, 0, &t) == HEARTH_OK) {
        hearth_model_close(*m);
        *m = NULL;
    }
    if (!*m) code = report(hearth_model_open(path, NULL, m));
    free(path);
    return code;
}

/* ---- what it was made with: derived models ---- */

static int print_line(const char *s)
{
    size_t n = strlen(s);
    term_write(stdout, s, n);
    if (n && s[n - 1] != '\n') putchar('\n');
    return EXIT_DONE;
}

static int print_recipe(const char *name)
{
    struct hub_model m = {0};
    struct hub_recipe r = {0};
    struct buf b = {0};
    char *path = NULL;
    enum hearth_status st = hub_resolve(name, &path, &m);
    if (st == HEARTH_OK) st = hub_recipe(&m, &r);
    if (st == HEARTH_OK && want_modelfile) st = hub_write_modelfile(&m, &r, 1, &b);
    if (st == HEARTH_OK && want_parameters && !want_modelfile) st = modelfile_parameters(r.parameters, &b);
    int code = report(st);
    if (code == EXIT_DONE && (want_modelfile || want_parameters)) print_line(b.data ? b.data : "");
    else if (code == EXIT_DONE && want_system) print_line(r.system ? r.system : "");
    else if (code == EXIT_DONE) print_line(r.licence ? r.licence : *m.licence ? m.licence : "the file does not say");
    buf_free(&b);
    hub_recipe_free(&r);
    hub_model_free(&m);
    free(path);
    return code;
}

/* The template of a derived model as it was written, else the file's; allocated. */
static char *template_of(const char *name, const char *own)
{
    struct hub_model m = {0};
    struct hub_recipe r = {0};
    char *path = NULL, *out = NULL;
    if (hub_resolve(name, &path, &m) == HEARTH_OK && hub_recipe(&m, &r) == HEARTH_OK && r.as_written) out = xstrdup(r.as_written);
    hub_recipe_free(&r);
    hub_model_free(&m);
    free(path);
    return out ? out : xstrdup(own);
}

static int print_template(const char *name, const char *own)
{
    char *text = template_of(name, own);
    int there = *text != 0;
    if (there) {
        term_write(stdout, text, strlen(text));
        putchar('\n');
    } else complain("%s has no chat template", name);
    free(text);
    return there ? EXIT_DONE : EXIT_FAILED;
}

static int run(int argc, char **argv)
{
    struct hearth_model_info info;
    struct hearth_model *m = NULL;
    (void)argc;
    if (want_modelfile || want_system || want_parameters || want_license) return print_recipe(argv[0]);
    int code = open_to_show(argv[0], &m);
    if (code != EXIT_DONE) return code;
    hearth_model_describe(m, &info);
    if (want_json) code = print_json(m, &info, argv[0]);
    else if (want_template) code = print_template(argv[0], info.chat_template);
    else {
        if (want_tensors) print_tensors(m);
        if (want_memory || ctx) code = print_memory(m, &info);
        if (!want_tensors && !want_memory && !ctx) print_text(m, &info, argv[0]);
    }
    hearth_model_close(m);
    return code;
}

const struct command cmd_show = {
    .name = "show", .group = GROUP_INSPECT, .summary = "tell what a model is and what it needs", .args = "MODEL",
    .min_args = 1, .max_args = 1, .complete = COMPLETE_MODEL,
    .about = "Architecture, parameters, quantisation by tensor type, licence and kind. --tensors, --template and --memory "
             "print that part instead; with --json they are added to the object.",
    .examples = "hearth show smollm2\n"
                "hearth show smollm2 --memory --kv q8_0\n"
                "hearth show ./model.gguf --tensors\n",
    .options = options, .run = run,
};
