/* ollama_models.c - what models are: /api/tags, /api/show, /api/ps.
 *
 * What must be read from a model's file (its vocabulary, its tensors' types) is read once for each digest and remembered. */
#include "serve/ollama_in.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* ---- facts of a file ---- */

enum { FACTS_MAX = 256 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct facts known[FACTS_MAX];
static size_t n_known, next_known;

/* The type that most bytes of the layers' matrices have; of the embedding when there is nothing else. */
static void quantization(const struct hearth_model *m, char out[16])
{
    struct { const char *type; uint64_t bytes; } seen[32];
    struct hearth_tensor_info t;
    size_t n = 0, best = 0;
    for (int layers = 1; layers >= 0 && n == 0; layers--)
        for (size_t i = 0; hearth_model_tensor(m, i, &t) == HEARTH_OK; i++) {
            size_t k = 0;
            if (t.dims < 2 || (layers && strncmp(t.name, "blk.", 4) != 0)) continue;
            while (k < n && strcmp(seen[k].type, t.type) != 0) k++;
            if (k == sizeof seen / sizeof *seen) continue;
            if (k == n) seen[n].type = t.type, seen[n++].bytes = 0;
            seen[k].bytes += t.bytes;
        }
    for (size_t k = 1; k < n; k++) if (seen[k].bytes > seen[best].bytes) best = k;
    snprintf(out, 16, "%s", n ? seen[best].type : "unknown");
}

static enum hearth_status look(const struct hub_model *about, struct facts *out)
{
    struct hearth_model *m = NULL;
    struct hearth_model_info i;
    int native = 0;
    struct stat there;
    TRY(hearth_model_open(about->path, &(struct hearth_model_params){.vocab_only = 1}, &m));
    hearth_model_describe(m, &i);
    *out = (struct facts){.chat = *i.chat_template != 0, .middle = ask_has_middle(m), .context = i.context, .width = i.width, .layers = i.layers,
                          .heads = i.heads, .kv_heads = i.kv_heads, .feed_forward = i.feed_forward, .vocabulary = i.vocabulary,
                          .parameters = i.parameters, .format = stat(about->path, &there) == 0 && S_ISDIR(there.st_mode) ? "safetensors" : "gguf"};
    toolcall_detect(i.chat_template, &native);
    out->tools = native;
    out->embeds = i.only_embeds;
    out->thinking = strstr(i.chat_template, "enable_thinking") != NULL;
    snprintf(out->sha256, sizeof out->sha256, "%s", about->sha256);
    snprintf(out->family, sizeof out->family, "%s", i.architecture);
    quantization(m, out->quantization);
    hearth_model_close(m);
    return HEARTH_OK;
}

enum hearth_status ollama_facts(const struct hub_model *m, struct facts *out)
{
    int found = 0;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < n_known && !found; i++)
        if (!strcmp(known[i].sha256, m->sha256)) *out = known[i], found = 1;
    pthread_mutex_unlock(&lock);
    if (found) return HEARTH_OK;
    TRY(look(m, out));
    pthread_mutex_lock(&lock);
    known[next_known] = *out;
    next_known = (next_known + 1) % FACTS_MAX;
    if (n_known < FACTS_MAX) n_known++;
    pthread_mutex_unlock(&lock);
    return HEARTH_OK;
}

/* ---- as JSON ---- */

/* "135M" */
static void parameter_size(uint64_t n, char out[24])
{
    if (n >= 999500000) snprintf(out, 24, "%.1fB", (double)n / 1e9);
    else if (n >= 1000000) snprintf(out, 24, "%.1fM", (double)n / 1e6);
    else snprintf(out, 24, "%llu", (unsigned long long)n);
}

static json_t *details(const struct hub_model *m, const struct facts *f)
{
    char size[24];
    parameter_size(f->parameters, size);
    return json_pack("{s:s, s:s, s:s, s:[s], s:s, s:s}", "parent_model", m->parent ? m->parent : "", "format", f->format, "family", f->family, "families",
                     f->family, "parameter_size", size, "quantization_level", f->quantization);
}

/* What can be done with it; the template is the recipe's where that has one. */
static json_t *capabilities(const struct facts *f, const char *chat_template)
{
    int chat = f->chat, tools = f->tools, thinking = f->thinking;
    json_t *out = json_array();
    if (chat_template) {
        toolcall_detect(chat_template, &tools);
        chat = 1;
        thinking = strstr(chat_template, "enable_thinking") != NULL;
    }
    if (f->embeds) {
        json_array_append_new(out, json_string("embedding"));
        return out;
    }
    json_array_append_new(out, json_string("completion"));
    if (chat || tools) json_array_append_new(out, json_string("tools"));   /* a template without them is told in words */
    if (f->middle) json_array_append_new(out, json_string("insert"));
    if (thinking) json_array_append_new(out, json_string("thinking"));
    return out;
}

static const char *digest_of(const struct hub_model *m)
{
    return *m->recipe ? m->recipe : m->sha256;
}

static const char *modified(const struct hub_model *m)
{
    return *m->added ? m->added : "1970-01-01T00:00:00Z";
}

/* "smollm2:latest", as Ollama's clients know names; one with a tag stays as it is. */
static json_t *tagged(const char *name)
{
    return strchr(name, ':') ? json_string(name) : json_sprintf("%s:latest", name);
}

static json_t *tag_of(const struct hub_model *m)
{
    struct facts f;
    struct hub_recipe r = {0};
    json_t *o = NULL;
    if (m->place != HUB_STORED && m->place != HUB_IN_PLACE) return NULL;
    if (ollama_facts(m, &f) == HEARTH_OK && hub_recipe(m, &r) == HEARTH_OK)
        o = json_pack("{s:o, s:o, s:s, s:I, s:s, s:o, s:o}", "name", tagged(m->name), "model", tagged(m->name), "modified_at", modified(m), "size",
                      (json_int_t)m->size, "digest", digest_of(m), "details", details(m, &f), "capabilities", capabilities(&f, r.chat_template));
    hub_recipe_free(&r);
    return o;
}

/* The newest first, as Ollama lists them. */
static int newer(const void *a, const void *b)
{
    const struct hub_model *x = a, *y = b;
    int d = strcmp(y->added, x->added);
    return d ? d : strcmp(x->name, y->name);
}

void ollama_tags(struct exchange *x)
{
    struct hub_model *m = NULL;
    size_t n = 0;
    json_t *list = json_array();
    enum hearth_status st = hub_list(0, &m, &n);
    if (st == HEARTH_OK && n) qsort(m, n, sizeof *m, newer);
    for (size_t i = 0; st == HEARTH_OK && i < n; i++) {
        json_t *o = exchange_may_use(x, m[i].name) ? tag_of(&m[i]) : NULL;                         /* one that is damaged or gone is left out: it cannot be used */
        if (o) json_array_append_new(list, o);
    }
    hub_models_free(m, n);
    if (st == HEARTH_OK) exchange_reply_json(x, 200, json_pack("{s:O}", "models", list));
    else ollama_fail(x, st, NULL);
    json_decref(list);
}

/* ---- /api/show ---- */

static json_t *model_info(const struct facts *f, const struct hub_model *m, int verbose)
{
    const struct { const char *key; uint32_t value; } numbers[] = {
        {"context_length", f->context}, {"embedding_length", f->width}, {"block_count", f->layers}, {"attention.head_count", f->heads},
        {"attention.head_count_kv", f->kv_heads}, {"feed_forward_length", f->feed_forward}, {"vocab_size", f->vocabulary}};
    json_t *o = json_pack("{s:s, s:I, s:s}", "general.architecture", f->family, "general.parameter_count", (json_int_t)f->parameters, "general.license",
                          m->licence);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char key[128];
        snprintf(key, sizeof key, "%s.%s", f->family, numbers[i].key);
        if (numbers[i].value) json_object_set_new(o, key, json_integer(numbers[i].value));
    }
    (void)verbose;
    return o;
}

static json_t *tensors(const struct hearth_model *m)
{
    struct hearth_tensor_info t;
    json_t *list = json_array();
    for (size_t i = 0; hearth_model_tensor(m, i, &t) == HEARTH_OK; i++) {
        json_t *shape = json_array();
        for (uint32_t d = 0; d < t.dims && d < 4; d++) json_array_append_new(shape, json_integer((json_int_t)t.shape[d]));
        json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "name", t.name, "type", t.type, "shape", shape));
    }
    return list;
}

/* The template that is shown: as it was written, or the file's own.  Clients look for .Suffix in it to know whether a middle can be
 * filled in; in Jinja it stands in a comment, which renders as nothing. */
static enum hearth_status shown_template(const struct hub_recipe *r, const struct facts *f, const char *own, struct buf *out)
{
    const char *text = r->as_written ? r->as_written : *own ? own : "{{ .Prompt }}";
    if (f->middle && !strstr(text, ".Suffix")) TRY(buf_puts(out, "{# .Prompt and .Suffix: this model fills in a middle #}"));
    return buf_puts(out, text);
}

static json_t *shown(const struct hub_model *m, const struct hub_recipe *r, const struct facts *f, int verbose)
{
    struct hearth_model *model = NULL;
    struct hearth_model_info i;
    struct buf text = {0}, file = {0}, parameters = {0};
    json_t *o = NULL;
    if (hearth_model_open(m->path, &(struct hearth_model_params){.vocab_only = 1}, &model) != HEARTH_OK) return NULL;
    hearth_model_describe(model, &i);
    if (shown_template(r, f, i.chat_template, &text) == HEARTH_OK && modelfile_parameters(r->parameters, &parameters) == HEARTH_OK &&
        buf_puts(&parameters, "") == HEARTH_OK && (hub_write_modelfile(m, r, 0, &file) == HEARTH_OK || buf_printf(&file, "# %s\n", hearth_errmsg()) == HEARTH_OK))
        o = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:s}", "license", r->licence ? r->licence : m->licence, "modelfile", file.data,
                      "parameters", parameters.data, "template", text.data, "details", details(m, f), "model_info", model_info(f, m, verbose),
                      "capabilities", capabilities(f, r->chat_template), "modified_at", modified(m), "digest", digest_of(m));
    if (o && r->system) json_object_set_new(o, "system", json_string(r->system));
    if (o && json_array_size(r->messages)) json_object_set(o, "messages", r->messages);
    if (o && verbose) json_object_set_new(o, "tensors", tensors(model));
    hearth_model_close(model);
    buf_free(&text);
    buf_free(&file);
    buf_free(&parameters);
    return o;
}

void ollama_show(struct exchange *x)
{
    static const struct wants_field fields[] = {{"model", NULL, NULL}, {"name", NULL, NULL}, {"verbose", NULL, NULL},
                                                {"system", "/api/create makes a model with another one", "[\"\"]"},
                                                {"template", "/api/create makes a model with another one", "[\"\"]"},
                                                {"options", "/api/create makes a model with others", "[{}]"}, {0}};
    json_t *body = exchange_object(x), *o = NULL;
    struct wants w = {x, body, 0};
    struct hub_model m = {0};
    struct hub_recipe r = {0};
    struct facts f;
    char *path = NULL;
    int verbose = 0;
    if (!body) return;
    const char *name = wants_known(&w, fields) ? ollama_model(&w) : NULL;
    wants_flag(&w, "verbose", &verbose);
    if (!w.bad && exchange_allowed(x, name)) {
        enum hearth_status st = hub_resolve_name(name, &path, &m);
        if (st == HEARTH_OK) st = hub_recipe(&m, &r);
        if (st == HEARTH_OK) st = ollama_facts(&m, &f);
        if (st == HEARTH_OK && !(o = shown(&m, &r, &f, verbose))) st = HEARTH_EIO;
        if (st == HEARTH_OK) exchange_reply_json(x, 200, o);
        else ollama_fail(x, st, NULL);
    }
    hub_recipe_free(&r);
    hub_model_free(&m);
    free(path);
    json_decref(body);
}

/* ---- /api/ps ---- */

static json_t *running(const struct kept_view *v)
{
    struct facts f;
    char expires[32] = "9999-12-31T23:59:59Z";
    struct tm tm;
    if (ollama_facts(&v->about, &f) != HEARTH_OK) return NULL;
    if (v->expires && gmtime_r(&v->expires, &tm)) strftime(expires, sizeof expires, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return json_pack("{s:o, s:o, s:I, s:s, s:o, s:s, s:i, s:I}", "name", tagged(v->name), "model", tagged(v->name), "size",
                     (json_int_t)v->memory.total, "digest", v->sha256, "details", details(&v->about, &f), "expires_at", expires, "size_vram", 0,
                     "context_length", (json_int_t)v->ctx);
}

void ollama_ps(struct exchange *x)
{
    struct kept_view *v = NULL;
    size_t n = 0;
    json_t *list = json_array();
    enum hearth_status st = keeper_list(server_keeper(exchange_server(x)), &v, &n);
    for (size_t i = 0; st == HEARTH_OK && i < n; i++) {
        json_t *o = exchange_may_use(x, v[i].name) ? running(&v[i]) : NULL;
        if (o) json_array_append_new(list, o);
    }
    keeper_views_free(v, n);
    if (st == HEARTH_OK) exchange_reply_json(x, 200, json_pack("{s:O}", "models", list));
    else ollama_fail(x, st, NULL);
    json_decref(list);
}
