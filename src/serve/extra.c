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

/* The model that was named, or the one that is meant when none is. */
static int begin(struct use *u, struct exchange *x, const struct wants_field *known)
{
    const char *name = NULL;
    json_t *body = exchange_object(x);
    *u = (struct use){.w = {x, body, 0}};
    if (!body || !wants_known(&u->w, known)) return 0;
    if (!wants_text(&u->w, "model", &name)) name = hub_default_name();
    if (u->w.bad || !exchange_allowed(x, name)) return 0;
    enum hearth_status st = keeper_borrow(server_keeper(exchange_server(x)), name, &u->m);
    if (st != HEARTH_OK) exchange_fail(x, st, NULL);
    return st == HEARTH_OK;
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

static void tokenize(struct exchange *x)
{
    static const struct wants_field known[] = {{"model", NULL, NULL}, {"content", NULL, NULL}, {"add_special", NULL, NULL},
                                               {"parse_special", NULL, NULL}, {"with_pieces", NULL, NULL}, {0}};
    struct use u;
    const char *text = NULL;
    int special = 0, parse = 1, pieces = 0;
    int32_t *ids = NULL;
    size_t n = 0;
    if (begin(&u, x, known)) {
        if (!wants_text(&u.w, "content", &text)) wants_refuse(&u.w, "content", "content is missing: the text");
        wants_flag(&u.w, "add_special", &special);
        wants_flag(&u.w, "parse_special", &parse);
        wants_flag(&u.w, "with_pieces", &pieces);
        int flags = (special ? HEARTH_TOK_SPECIAL : 0) | (parse ? HEARTH_TOK_PARSE : 0);
        enum hearth_status st = u.w.bad ? HEARTH_OK : hearth_tokenize(u.m->model, text, strlen(text), flags, &ids, &n);
        json_t *list = json_array();
        if (pieces && n > PIECES_MAX) wants_refuse(&u.w, "with_pieces", "the text has %zu tokens; with pieces at most %d are told", n, PIECES_MAX);
        for (size_t i = 0; i < n && !u.w.bad && !exchange_gone(x); i++) json_array_append_new(list, pieces ? piece_json(u.m->model, ids[i]) : json_integer(ids[i]));
        if (st != HEARTH_OK) exchange_fail(x, st, NULL);
        else if (!u.w.bad) exchange_reply_json(x, 200, json_pack("{s:O}", "tokens", list));
        json_decref(list);
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
        else if (!u.w.bad) exchange_reply_json(x, 200, json_pack("{s:o}", "content", wants_string(text, len)));
        hearth_free(text);
        free(ids);
    }
    end(&u);
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
        if (!json_is_array(messages)) wants_refuse(&u.w, "messages", "messages should be a list of messages");
        if (tools && !json_is_array(tools)) wants_refuse(&u.w, "tools", "tools should be a list");
        if (more && !json_is_object(more)) wants_refuse(&u.w, "chat_template_kwargs", "chat_template_kwargs should be an object");
        wants_flag(&u.w, "add_generation_prompt", &generate);
        char *m = jsontext_dump(messages), *t = tools ? jsontext_dump(tools) : NULL, *v = more ? jsontext_dump(more) : NULL;
        struct hearth_chat c = {.messages = m ? m : "[]", .tools = t, .generate = generate, .variables = v};
        enum hearth_status st = u.w.bad ? HEARTH_OK : hearth_chat_render_with(u.m->model, &c, &text, &len);
        if (st != HEARTH_OK) exchange_fail(x, st, NULL);
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
        json_array_append_new(models, json_pack("{s:s, s:i, s:s, s:i}", "name", v[i].name, "n_ctx", (int)v[i].ctx, "chat_template",
                                                v[i].info.chat_template, "users", (int)v[i].users));
    json_t *out = json_pack("{s:o, s:s, s:s, s:i, s:s, s:s}", "models", models, "default_model", hub_default_name(), "build_info", hearth_version(),
                            "arithmetic", hearth_arithmetic_version(), "isa", hearth_isa(), "commit", hearth_commit());
    if (n == 1 && out) {
        json_object_set_new(out, "default_generation_settings", json_pack("{s:i}", "n_ctx", (int)v[0].ctx));
        json_object_set_new(out, "chat_template", json_string(v[0].info.chat_template));
    }
    keeper_views_free(v, n);
    exchange_reply_json(x, 200, out);
}

const struct route extra_routes[] = {
    {HTTP_GET, "/health", DIALECT_OPENAI, 1, 0, health},
    {HTTP_GET, "/metrics", DIALECT_PLAIN, 0, 0, metrics},
    {HTTP_GET, "/props", DIALECT_OPENAI, 0, 0, props},
    {HTTP_GET, "/openapi.json", DIALECT_OPENAI, 1, 0, description},
    {HTTP_POST, "/tokenize", DIALECT_OPENAI, 0, TOKENIZE_BODY, tokenize},
    {HTTP_POST, "/detokenize", DIALECT_OPENAI, 0, 0, detokenize},
    {HTTP_POST, "/apply-template", DIALECT_OPENAI, 0, 0, apply_template},
    {0}};
