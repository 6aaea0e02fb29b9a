/* extra.c - what belongs to no protocol: health, metrics, tokens, templates, the description of it all. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsontext.h"
#include "hub/hub.h"
#include "serve/ask.h"
#include "serve/metrics.h"
#include "serve/wants.h"

/* data/openapi.json, made into a string by the Makefile. */
static const char openapi[] =
#include "gen/openapi.h"
    ;

static void health(struct exchange *x)
{
    exchange_reply_json(x, 200, json_pack("{s:s}", "status", "ok"));
}

static void metrics(struct exchange *x)
{
    struct buf b = {0};
    if (metrics_write(exchange_server(x), &b) == HEARTH_OK) exchange_reply(x, 200, "text/plain; version=0.0.4; charset=utf-8", b.data, b.len);
    else exchange_fail(x, HEARTH_ENOMEM, NULL);
    buf_free(&b);
}

static void description(struct exchange *x)
{
    exchange_reply(x, 200, "application/json", openapi, sizeof openapi - 1);
}

/* ---- what needs a model ---- */

struct use { struct wants w; struct kept *m; };

static int borrow(struct use *u, const char *name)
{
    if (!exchange_allowed(u->w.x, name)) return 0;
    enum hearth_status st = keeper_borrow(server_keeper(exchange_server(u->w.x)), name, &u->m);
    if (st != HEARTH_OK) exchange_fail(u->w.x, st, NULL);
    return st == HEARTH_OK;
}

/* How many models there are on this computer for whoever asks; *only: the one, when it is. */
static size_t models_here(const struct exchange *x, char **only)
{
    struct hub_model *m = NULL;
    size_t n = 0, here = 0;
    *only = NULL;
    if (hub_list(0, &m, &n) != HEARTH_OK) return 0;
    for (size_t i = 0; i < n; i++) {
        if ((m[i].place != HUB_STORED && m[i].place != HUB_IN_PLACE) || !exchange_may_use(x, m[i].name)) continue;
        free(*only);
        *only = here++ ? NULL : strdup(m[i].name);
    }
    hub_models_free(m, n);
    return here;
}

/* The model that was named, or the one that is meant when none is: the only one there is, or the default. */
static int begin(struct use *u, struct exchange *x, const struct wants_field *known)
{
    const char *name = NULL;
    char *only = NULL;
    json_t *body = exchange_object(x);
    *u = (struct use){.w = {x, body, 0}};
    if (!body || !wants_known(&u->w, known)) return 0;
    if (!wants_text(&u->w, "model", &name)) {
        models_here(x, &only);
        name = only ? only : hub_default_name();
    }
    int good = !u->w.bad && borrow(u, name);
    free(only);
    return good;
}

static void end(struct use *u)
{
    if (u->m) keeper_return(server_keeper(exchange_server(u->w.x)), u->m, (double)NAN);
    json_decref((json_t *)u->w.body);
}

static json_t *piece_json(const struct hearth_model *m, int32_t id)
{
    size_t n;
    const char *text = ask_piece(m, id, &n);
    return json_pack("{s:i, s:o}", "id", (int)id, "piece", wants_string(text, n));
}

enum { TOKENIZE_BODY = 4 << 20, PIECES_MAX = 100000 };   /* bytes; tokens that are told piece by piece */

/* A text and whether the tokens around one are wanted, in llama-server's words or in vLLM's, whose default is the other one. */
static void read_text(struct wants *w, const char **text, int *special)
{
    const char *prompt = NULL;
    int content = wants_text(w, "content", text), other = wants_text(w, "prompt", &prompt);
    if (content && other) wants_refuse(w, "prompt", "content and prompt both give a text: only one can be meant");
    else if (!content && !other) wants_refuse(w, "content", "content is missing: the text");
    if (other) *text = prompt, *special = 1;
    wants_flag(w, "add_special", special);
    wants_flag(w, "add_special_tokens", special);
}

/* As text at once: four million ids as JSON values would take forty bytes each. */
static void reply_ids(struct exchange *x, const int32_t *ids, size_t n)
{
    struct buf b = {0};
    enum hearth_status st = buf_puts(&b, "{\"tokens\":[");
    for (size_t i = 0; i < n && st == HEARTH_OK; i++) st = buf_printf(&b, i ? ",%d" : "%d", (int)ids[i]);
    if (st == HEARTH_OK) st = buf_puts(&b, "]}");
    if (st == HEARTH_OK) exchange_reply(x, 200, "application/json", b.data, b.len);
    else exchange_fail(x, st, NULL);
    buf_free(&b);
}

static void reply_pieces(const struct use *u, const int32_t *ids, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n && !exchange_gone(u->w.x); i++) json_array_append_new(list, piece_json(u->m->model, ids[i]));
    exchange_reply_json(u->w.x, 200, json_pack("{s:o}", "tokens", list));
}

static void tokenize(struct exchange *x)
{
    static const struct wants_field known[] = {{"model", NULL, NULL}, {"content", NULL, NULL}, {"prompt", NULL, NULL}, {"add_special", NULL, NULL},
                                               {"add_special_tokens", NULL, NULL}, {"parse_special", NULL, NULL}, {"with_pieces", NULL, NULL}, {0}};
    struct use u;
    const char *text = NULL;
    int special = 0, parse = 1, pieces = 0;
    int32_t *ids = NULL;
    size_t n = 0;
    if (begin(&u, x, known)) {
        read_text(&u.w, &text, &special);
        wants_flag(&u.w, "parse_special", &parse);
        wants_flag(&u.w, "with_pieces", &pieces);
        int flags = (special ? HEARTH_TOK_SPECIAL : 0) | (parse ? HEARTH_TOK_PARSE : 0);
        enum hearth_status st = u.w.bad ? HEARTH_OK : ask_tokenize(u.m->model, text, strlen(text), flags, &ids, &n);
        if (pieces && n > PIECES_MAX) wants_refuse(&u.w, "with_pieces", "the text has %zu tokens; with pieces at most %d are told", n, PIECES_MAX);
        if (st != HEARTH_OK) exchange_fail(x, st, NULL);
        else if (!u.w.bad && pieces) reply_pieces(&u, ids, n);
        else if (!u.w.bad) reply_ids(x, ids, n);
        hearth_free(ids);
    }
    end(&u);
}

static void detokenize(struct exchange *x)
{
    static const struct wants_field known[] = {{"model", NULL, NULL}, {"tokens", NULL, NULL}, {0}};
    struct use u;
    if (begin(&u, x, known)) {
        const json_t *list = wants_get(&u.w, "tokens"), *v;
        size_t i, n = json_array_size(list), len = 0;
        int32_t *ids = mem_array(n + 1, sizeof *ids);
        char *text = NULL;
        enum hearth_status st = ids ? HEARTH_OK : HEARTH_ENOMEM;
        if (!json_is_array(list)) wants_refuse(&u.w, "tokens", "tokens should be a list of token ids");
        json_array_foreach(list, i, v) {
            if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > INT32_MAX)
                wants_refuse(&u.w, "tokens", "tokens[%zu] is no token id", i);
            if (u.w.bad || !ids) break;
            ids[i] = (int32_t)json_integer_value(v);
        }
        if (st == HEARTH_OK && !u.w.bad) st = hearth_detokenize(u.m->model, ids, n, HEARTH_TOK_PARSE, &text, &len);
        if (st != HEARTH_OK) exchange_fail(x, st, NULL);
        else if (!u.w.bad) exchange_reply_json(x, 200, json_pack("{s:o, s:o}", "content", wants_string(text, len), "prompt", wants_string(text, len)));
        hearth_free(text);
        free(ids);
    }
    end(&u);
}

/* By this clients such as lm-evaluation-harness know that they need no tokenizer of their own.  They name no model, here or when they
 * tokenize: with several here they must not believe that the default's tokens are those of the model they will ask. */
static void tokenizer_info(struct exchange *x)
{
    struct use u = {.w = {x, NULL, 0}};
    const char *name = exchange_query(x, "model");
    char *only = NULL;
    size_t here = name ? 1 : models_here(x, &only);
    if (!name && !only) {
        exchange_error(x, here ? 400 : 404, "model", here ? NULL : "model_not_found", "there are %zu models here: say which with ?model=NAME", here);
        return;
    }
    if (borrow(&u, name ? name : only)) {
        const struct hearth_model *m = u.m->model;
        int32_t bos = hearth_bos(m), eos = hearth_eos(m);
        size_t n;
        json_t *out = json_pack("{s:s, s:i, s:i, s:s}", "model", name ? name : only, "model_max_length", (int)u.m->info.context, "vocab_size",
                                (int)u.m->info.vocabulary, "chat_template", u.m->info.chat_template);
        const char *text = bos >= 0 ? ask_piece(m, bos, &n) : NULL;
        if (out) json_object_set_new(out, "bos_token", text ? wants_string(text, n) : json_null());
        text = eos >= 0 ? ask_piece(m, eos, &n) : NULL;
        if (out) json_object_set_new(out, "eos_token", text ? wants_string(text, n) : json_null());
        exchange_reply_json(x, 200, out);
    }
    free(only);
    end(&u);
}

/* A list of objects, which is all that a template is given. */
static void check_objects(struct wants *w, const char *name, const json_t *list)
{
    const json_t *v;
    size_t i;
    if (!json_is_array(list)) wants_refuse(w, name, "%s should be a list of objects", name);
    json_array_foreach(list, i, v) {
        if (!json_is_object(v)) wants_refuse(w, name, "%s[%zu] should be an object", name, i);
    }
}

static void apply_template(struct exchange *x)
{
    static const struct wants_field known[] = {{"model", NULL, NULL}, {"messages", NULL, NULL}, {"tools", NULL, NULL},
                                               {"chat_template_kwargs", NULL, NULL}, {"add_generation_prompt", NULL, NULL}, {0}};
    struct use u;
    char *text = NULL;
    size_t len = 0;
    int generate = 1;
    if (begin(&u, x, known)) {
        const json_t *messages = wants_get(&u.w, "messages"), *tools = wants_get(&u.w, "tools"), *more = wants_get(&u.w, "chat_template_kwargs");
        check_objects(&u.w, "messages", messages);
        if (tools) check_objects(&u.w, "tools", tools);
        if (more && !json_is_object(more)) wants_refuse(&u.w, "chat_template_kwargs", "chat_template_kwargs should be an object");
        wants_flag(&u.w, "add_generation_prompt", &generate);
        char *m = jsontext_dump(messages), *t = tools ? jsontext_dump(tools) : NULL, *v = more ? jsontext_dump(more) : NULL;
        struct hearth_chat c = {.messages = m ? m : "[]", .tools = t, .generate = generate, .variables = v};
        enum hearth_status st = u.w.bad ? HEARTH_OK : hearth_chat_render_with(u.m->model, &c, &text, &len);
        if (st != HEARTH_OK) exchange_fail(x, st, kept_said(u.m, u.m->name, hearth_errmsg()));
        else if (!u.w.bad) exchange_reply_json(x, 200, json_pack("{s:o}", "prompt", wants_string(text, len)));
        free(m), free(t), free(v);
        hearth_free(text);
    }
    end(&u);
}

/* What llama-server's clients look for: sizes and the template.  No path of this machine. */
static void props(struct exchange *x)
{
    struct kept_view *v = NULL;
    size_t n = 0;
    json_t *models = json_array();
    if (keeper_list(server_keeper(exchange_server(x)), &v, &n) != HEARTH_OK) {
        json_decref(models);
        exchange_fail(x, HEARTH_ENOMEM, NULL);
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (exchange_may_use(x, v[i].name)) json_array_append_new(models, json_pack("{s:s, s:i, s:s, s:i}", "name", v[i].name, "n_ctx", (int)v[i].ctx, "chat_template",
                                                v[i].info.chat_template, "users", (int)v[i].users));
    json_t *out = json_pack("{s:o, s:s, s:s, s:i, s:s, s:s}", "models", models, "default_model", hub_default_name(), "build_info", hearth_version(),
                            "arithmetic", hearth_arithmetic_version(), "isa", hearth_isa(), "commit", hearth_commit());
    if (n == 1 && out && exchange_may_use(x, v[0].name)) {
        json_object_set_new(out, "default_generation_settings", json_pack("{s:i}", "n_ctx", (int)v[0].ctx));
        json_object_set_new(out, "chat_template", json_string(v[0].info.chat_template));
    }
    keeper_views_free(v, n);
    exchange_reply_json(x, 200, out);
}

/* Which place a name has; where it lies is nobody's business.  scale is what a request gets that says nothing. */
static void lora_adapters(struct exchange *x)
{
    json_t *list = json_array();
    const struct server_adapter *a;
    for (size_t i = 0; (a = server_adapter(exchange_server(x), i)); i++)
        json_array_append_new(list, json_pack("{s:I, s:s, s:s, s:f}", "id", (json_int_t)i, "name", a->name, "path", a->name, "scale", 0.0));
    exchange_reply_json(x, 200, list);
}

const struct route extra_routes[] = {
    {HTTP_GET, "/health", DIALECT_OPENAI, 1, 0, health},
    {HTTP_GET, "/metrics", DIALECT_PLAIN, 0, 0, metrics},
    {HTTP_GET, "/props", DIALECT_OPENAI, 0, 0, props},
    {HTTP_GET, "/lora-adapters", DIALECT_OPENAI, 0, 0, lora_adapters},
    {HTTP_GET, "/openapi.json", DIALECT_OPENAI, 1, 0, description},
    {HTTP_POST, "/tokenize", DIALECT_OPENAI, 0, TOKENIZE_BODY, tokenize},
    {HTTP_POST, "/detokenize", DIALECT_OPENAI, 0, 0, detokenize},
    {HTTP_GET, "/tokenizer_info", DIALECT_OPENAI, 0, 0, tokenizer_info},
    {HTTP_POST, "/apply-template", DIALECT_OPENAI, 0, 0, apply_template},
    {0}};
