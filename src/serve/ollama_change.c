/* ollama_change.c - what changes the store: /api/create, /api/copy, /api/delete, /api/pull, /api/blobs.
 *
 * Names and digests only, never a path that a client sent. */
#include "serve/ollama_in.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hub/names.h"
#include "serve/helper.h"

/* ---- /api/copy, /api/delete ---- */

static void done(struct exchange *x, enum hearth_status st)
{
    if (st == HEARTH_OK) exchange_reply(x, 200, "application/json", "", 0);
    else ollama_fail(x, st, NULL);
}

void ollama_copy(struct exchange *x)
{
    static const struct wants_field fields[] = {{"source", NULL, NULL}, {"destination", NULL, NULL}, {0}};
    json_t *body = exchange_object(x);
    struct wants w = {x, body, 0};
    const char *from = NULL, *to = NULL;
    struct hub_model m = {0};
    if (!body) return;
    wants_known(&w, fields);
    if (!wants_text(&w, "source", &from) || !*from) wants_refuse(&w, "source", "source is missing: the name of the model to copy");
    if (!wants_text(&w, "destination", &to) || !*to) wants_refuse(&w, "destination", "destination is missing: the new name");
    if (!w.bad && exchange_allowed(x, from)) done(x, hub_copy(from, to, &m));
    hub_model_free(&m);
    json_decref(body);
}

void ollama_delete(struct exchange *x)
{
    static const struct wants_field fields[] = {{"model", NULL, NULL}, {"name", NULL, NULL}, {0}};
    json_t *body = exchange_object(x);
    struct wants w = {x, body, 0};
    struct hub_removed gone = {0};
    if (!body) return;
    const char *name = wants_known(&w, fields) ? ollama_model(&w) : NULL;
    if (!w.bad && exchange_allowed(x, name)) {
        enum hearth_status st = hub_remove(name, &gone);
        if (st == HEARTH_OK && (gone.freed || *gone.kept)) keeper_unload(server_keeper(exchange_server(x)), name, NULL);
        done(x, st);
    }
    hub_removed_free(&gone);
    json_decref(body);
}

/* ---- /api/create ---- */

/* license: a text, or a list of texts. */
static enum hearth_status licences(const json_t *v, char **out)
{
    struct buf b = {0};
    size_t i;
    json_t *one;
    enum hearth_status st = HEARTH_OK;
    if (json_is_string(v)) return (*out = strdup(json_string_value(v))) ? HEARTH_OK : fail_memory(0);
    if (!json_is_array(v)) return fail(HEARTH_EUSAGE, "license should be a text or a list of texts");
    json_array_foreach(v, i, one) {
        if (st == HEARTH_OK && !json_is_string(one)) st = fail(HEARTH_EUSAGE, "license should be a text or a list of texts");
        if (st == HEARTH_OK) st = buf_printf(&b, "%s%s", i ? "\n" : "", json_string_value(one));
    }
    if (st == HEARTH_OK && !(*out = buf_take(&b, NULL))) st = HEARTH_ENOMEM;
    buf_free(&b);
    return st;
}

static enum hearth_status take_messages(const json_t *v, json_t *out)
{
    size_t i;
    json_t *m;
    if (!json_is_array(v) || json_array_size(v) > MODELFILE_MESSAGES)
        return fail(HEARTH_EUSAGE, "messages should be a list of at most %d messages", MODELFILE_MESSAGES);
    json_array_foreach(v, i, m) {
        const char *role = json_string_value(json_object_get(m, "role")), *text = json_string_value(json_object_get(m, "content"));
        if (!role || !text || (strcmp(role, "user") != 0 && strcmp(role, "assistant") != 0 && strcmp(role, "system") != 0))
            return fail(HEARTH_EUSAGE, "messages[%zu] should have a role (user, assistant, system) and a content that is a text", i);
        if (json_array_append_new(out, json_pack("{s:s, s:s}", "role", role, "content", text))) return fail_memory(0);
    }
    return HEARTH_OK;
}

/* files: {"model.gguf": "sha256:<64 hex>"}, one whole GGUF that was sent to /api/blobs. */
static enum hearth_status take_files(const json_t *v, char **from)
{
    const char *digest = json_string_value(json_object_iter_value(json_object_iter((json_t *)v)));
    if (!json_is_object(v) || json_object_size(v) != 1 || !digest || strncmp(digest, "sha256:", 7) != 0 || !name_is_digest(digest + 7))
        return fail(HEARTH_EUSAGE, "files should be an object with one GGUF file: its name, and \"sha256:\" with 64 lower-case hex digits");
    return (*from = strdup(digest)) ? HEARTH_OK : fail_memory(0);
}

/* "sha256:<64 hex>" of the member, or of the only one (name NULL). */
static const char *digest_in(const json_t *v, const char *name)
{
    const char *digest = json_string_value(name ? json_object_get(v, name) : json_object_iter_value(json_object_iter((json_t *)v)));
    return digest && !strncmp(digest, "sha256:", 7) && name_is_digest(digest + 7) ? digest : NULL;
}

/* adapters: one GGUF that was sent to /api/blobs, or the two files of a folder in PEFT's layout. */
static enum hearth_status take_adapters(const json_t *v, char **adapter)
{
    struct buf b = {0};
    int two = json_object_size(v) == 2;
    const char *first = digest_in(v, two ? "adapter_config.json" : NULL), *second = two ? digest_in(v, "adapter_model.safetensors") : NULL;
    if (!json_is_object(v) || json_object_size(v) > 2 || !first || (two && !second))
        return fail(HEARTH_EUSAGE, "adapters should be an object with a GGUF adapter, or with adapter_config.json and adapter_model.safetensors: of each "
                    "its name, and \"sha256:\" with 64 lower-case hex digits");
    enum hearth_status st = buf_printf(&b, second ? "%s %s" : "%s", first, second);
    if (st == HEARTH_OK && !(*adapter = buf_take(&b, NULL))) st = HEARTH_ENOMEM;
    buf_free(&b);
    return st;
}

static enum hearth_status copy_text(const json_t *v, const char *name, char **out)
{
    if (!v || json_is_null(v) || (json_is_string(v) && !json_string_length(v))) return HEARTH_OK;
    if (!json_is_string(v)) return fail(HEARTH_EUSAGE, "%s should be a text", name);
    if (json_string_length(v) > MODELFILE_TEXT) return fail(HEARTH_ELIMIT, "%s has %zu bytes; %d are allowed", name, json_string_length(v), MODELFILE_TEXT);
    return (*out = strdup(json_string_value(v))) ? HEARTH_OK : fail_memory(0);
}

static enum hearth_status recipe_of(const json_t *body, struct modelfile *f)
{
    const json_t *p = json_object_get(body, "parameters"), *l = json_object_get(body, "license"), *m = json_object_get(body, "messages"),
                 *files = json_object_get(body, "files"), *adapters = json_object_get(body, "adapters");
    struct parameters check;
    const char *text = json_string_value(json_object_get(body, "modelfile"));
    if (text && *text) return modelfile_parse(text, strlen(text), "modelfile", f);
    *f = (struct modelfile){.parameters = json_object(), .messages = json_array()};
    parameters_init(&check);
    TRY(parameters_read("parameters", p, &check));
    TRY(copy_text(json_object_get(body, "from"), "from", &f->from));
    TRY(copy_text(json_object_get(body, "system"), "system", &f->system));
    TRY(copy_text(json_object_get(body, "template"), "template", &f->chat_template));
    if (l && !json_is_null(l)) TRY(licences(l, &f->licence));
    if (m && !json_is_null(m)) TRY(take_messages(m, f->messages));
    if (json_is_object(p) && json_object_update(f->parameters, (json_t *)p)) return fail_memory(0);
    if (adapters && !json_is_null(adapters) && !(json_is_object(adapters) && !json_object_size(adapters))) TRY(take_adapters(adapters, &f->adapter));
    if (files && json_object_size(files)) {
        if (f->from) return fail(HEARTH_EUSAGE, "from and files exclude each other");
        TRY(take_files(files, &f->from));
    }
    return f->from ? HEARTH_OK : fail(HEARTH_EUSAGE, "from is missing: the name of the model to start with");
}

static int adds_nothing(const struct modelfile *f)
{
    return !f->system && !f->chat_template && !f->adapter && !f->licence && !json_object_size(f->parameters) && !json_array_size(f->messages);
}

/* With an adapter the model it is for is borrowed: its memory is then counted, and whether the two fit can be seen. */
static enum hearth_status create(struct keeper *k, const char *name, const struct modelfile *f, struct hub_model *out)
{
    char plain[NAME_MAX_BYTES + 1];
    struct kept *base = NULL;
    int sent = !strncmp(f->from, "sha256:", 7);
    TRY(name_canonical(name, plain));
    if (sent && adds_nothing(f)) return hub_adopt(f->from + 7, plain, NULL, out);
    if (f->adapter && !sent) TRY(keeper_borrow(k, f->from, &base));
    enum hearth_status st = hub_create(plain, f, 0, base ? base->model : NULL, NULL, out);
    if (base) keeper_return(k, base, (double)NAN);
    return st;
}

static void created(struct exchange *x, int stream)
{
    if (!stream) {
        exchange_reply_json(x, 200, json_pack("{s:s}", "status", "success"));
        return;
    }
    exchange_begin(x, "application/x-ndjson");
    ollama_line(x, json_pack("{s:s}", "status", "using existing layer"));
    ollama_line(x, json_pack("{s:s}", "status", "writing manifest"));
    ollama_line(x, json_pack("{s:s}", "status", "success"));
    exchange_end(x);
}

void ollama_create(struct exchange *x)
{
    static const struct wants_field fields[] = {
        {"model", NULL, NULL}, {"name", NULL, NULL}, {"from", NULL, NULL}, {"files", NULL, NULL}, {"template", NULL, NULL}, {"license", NULL, NULL},
        {"system", NULL, NULL}, {"parameters", NULL, NULL}, {"messages", NULL, NULL}, {"stream", NULL, NULL}, {"modelfile", NULL, NULL},
        {"adapters", NULL, NULL},
        {"quantize", "files are quantised by `hearth quantize`, not by the server", "[\"\"]"},
        {"quantization", "files are quantised by `hearth quantize`, not by the server", "[\"\"]"},
        {"path", "the server reads no path of a client; send the text as modelfile", "[\"\"]"}, {0}};
    json_t *body = exchange_object(x);
    struct wants w = {x, body, 0};
    struct modelfile f = {0};
    struct hub_model m = {0};
    if (!body) return;
    const char *name = wants_known(&w, fields) ? ollama_model(&w) : NULL;
    int stream = ollama_stream(&w);
    if (!w.bad) {
        enum hearth_status st = recipe_of(body, &f);
        if (st != HEARTH_OK) ollama_fail(x, st, NULL);
        else if (exchange_allowed(x, f.from) && exchange_allowed(x, name)) {
            st = create(server_keeper(exchange_server(x)), name, &f, &m);
            if (st == HEARTH_OK) created(x, stream);
            else ollama_fail(x, st, NULL);
        }
    }
    modelfile_free(&f);
    hub_model_free(&m);
    json_decref(body);
}

/* ---- /api/pull ---- */

struct pull { struct exchange *x; int stream; enum hub_stage stage; uint64_t told; char digest[65]; volatile int cancel; };

static void pull_gone(void *user)
{
    struct pull *p = user;
    p->cancel = 1;
}

static void begin(struct pull *p)
{
    if (!p->stream || exchange_begun(p->x)) return;
    exchange_begin(p->x, "application/x-ndjson");
    ollama_line(p->x, json_pack("{s:s}", "status", "pulling manifest"));
}

static void pull_progress(void *user, const struct hub_progress *g)
{
    struct pull *p = user;
    uint64_t step = g->total / 200 + 1;
    if (!p->stream) return;
    if (g->stage == p->stage && g->done < g->total && g->done - p->told < step && g->done >= p->told) return;
    p->stage = g->stage;
    p->told = g->done;
    begin(p);
    if (g->stage == HUB_DOWNLOADING || g->stage == HUB_UNPACKING)
        ollama_line(p->x, json_pack("{s:o, s:o, s:I, s:I}", "status", json_sprintf("pulling %.12s", p->digest), "digest",
                                    json_sprintf("sha256:%s", p->digest), "total", (json_int_t)g->total, "completed", (json_int_t)g->done));
    else if (g->stage == HUB_CHECKING) ollama_line(p->x, json_pack("{s:s}", "status", "verifying sha256 digest"));
    else ollama_line(p->x, json_pack("{s:s}", "status", g->stage == HUB_WAITING ? "another pull of this model is under way; waiting for it" :
                                                        g->note ? g->note : "trying again"));
}

/* Not known to the catalogue, and here: there is nothing to fetch, as with a model that was made here. */
static enum hearth_status pull(struct pull *p, const char *name, struct hub_model *m)
{
    const struct hub_callbacks c = {.on_progress = pull_progress, .user = p, .cancel = &p->cancel};
    struct hub_model about = {0};
    char *path = NULL;
    enum hearth_status st = hub_resolve_name(name, &path, &about);
    snprintf(p->digest, sizeof p->digest, "%s", about.sha256 ? about.sha256 : "");
    hub_model_free(&about);
    free(path);
    return st == HEARTH_OK ? HEARTH_OK : helper_pull(name, &c, m, NULL);
}

static void pulled(struct pull *p)
{
    static const char *const last[] = {"verifying sha256 digest", "writing manifest", "success"};
    if (!p->stream) {
        exchange_reply_json(p->x, 200, json_pack("{s:s}", "status", "success"));
        return;
    }
    begin(p);
    for (size_t i = 0; i < 3; i++) ollama_line(p->x, json_pack("{s:s}", "status", last[i]));
    exchange_end(p->x);
}

/* A pull holds a worker until it is done, and a process beside the server. */
enum { PULLS_MAX = 4 };
static int pulls;

static int pull_starts(struct exchange *x)
{
    if (__atomic_add_fetch(&pulls, 1, __ATOMIC_RELAXED) <= PULLS_MAX) return 1;
    __atomic_sub_fetch(&pulls, 1, __ATOMIC_RELAXED);
    exchange_set(x, "Retry-After", "30");
    exchange_error(x, 503, NULL, NULL, "%d models are being fetched already; try again when one is there", PULLS_MAX);
    return 0;
}

void ollama_pull(struct exchange *x)
{
    static const struct wants_field fields[] = {{"model", NULL, NULL}, {"name", NULL, NULL}, {"stream", NULL, NULL},
                                                {"insecure", "a pull is always checked against the catalogue's digest", "[false]"},
                                                {"username", "there are no accounts", "[\"\"]"}, {"password", "there are no accounts", "[\"\"]"}, {0}};
    json_t *body = exchange_object(x);
    struct wants w = {x, body, 0};
    struct pull p = {.x = x, .stage = HUB_WAITING};
    struct hub_model m = {0};
    if (!body) return;
    const char *name = wants_known(&w, fields) ? ollama_model(&w) : NULL;
    p.stream = ollama_stream(&w);
    if (!w.bad && exchange_allowed(x, name) && pull_starts(x)) {
        exchange_on_gone(x, pull_gone, &p);
        enum hearth_status st = pull(&p, name, &m);
        exchange_on_gone(x, NULL, NULL);
        __atomic_sub_fetch(&pulls, 1, __ATOMIC_RELAXED);
        if (st == HEARTH_OK) pulled(&p);
        else if (exchange_begun(x)) {
            ollama_line(x, json_pack("{s:s}", "error", http_said(hearth_errmsg())));
            exchange_end(x);
        } else ollama_fail(x, st, NULL);
    }
    hub_model_free(&m);
    json_decref(body);
}

/* ---- /api/blobs/sha256:<64 hex> ---- */

static const char *digest_asked(struct exchange *x)
{
    const char *d = exchange_rest(x);
    if (!strncmp(d, "sha256:", 7) && name_is_digest(d + 7)) return d + 7;
    exchange_error(x, 400, NULL, NULL, "a digest is \"sha256:\" and exactly 64 lower-case hex digits");
    return NULL;
}

void ollama_blob(struct exchange *x)
{
    const char *sha256 = digest_asked(x);
    uint64_t n;
    if (!sha256) return;
    const char *file = exchange_body_file(x, &n);
    if (exchange_method(x) == HTTP_HEAD) {
        if (hub_has_blob(sha256)) exchange_reply(x, 200, "application/octet-stream", "", 0);
        else exchange_error(x, 404, NULL, NULL, "no file of this digest is here");
        return;
    }
    enum hearth_status st = *file ? hub_keep(file, sha256) : fail(HEARTH_EUSAGE, "the request has no body");
    if (st == HEARTH_OK) exchange_reply(x, 201, "application/json", "", 0);
    else if (st == HEARTH_ECHECKSUM || st == HEARTH_EUSAGE) exchange_error(x, 400, NULL, NULL, "%s", http_said(hearth_errmsg()));
    else exchange_error(x, 500, NULL, NULL, "the file could not be kept");
}
