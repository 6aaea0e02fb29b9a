/* page.c - the page in the browser: files of serve/ui, compiled in (tools/embed), what they may do, and what they ask for.
 *
 *     /                   a browser: the page; everybody else: ollama.c's text
 *     /ui/NAME            style, modules, words; open to all, since they are the same for all
 *     /hearth/models      what the picker shows
 *     /hearth/feedback    a verdict about an answer, kept by account/feedback.c
 *     /hearth/chats       chats, when the person chose to keep them on the server (chat_routes.c)
 *
 * The page may load nothing but these files and talk to nobody but this server; no other page may frame it, and its scripts
 * cannot turn text into elements (trusted types), so that what a model writes stays text. */
#include "serve/page.h"

#include <string.h>
#include "account/feedback.h"
#include "hub/hub.h"
#include "serve/serve.h"

struct ui_file { const char *name, *type, *etag; const unsigned char *data; size_t n; };
#include "gen/ui.h"

enum { FEEDBACK_BODY = 4 << 20 };

static const char *const headers[][2] = {
    {"Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
                                "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"},
    {"Cache-Control", "no-cache"},               /* kept, but asked about: the ETag answers in no time, and an update is seen at once */
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"X-Frame-Options", "DENY"},
    {"Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"},
};

static const struct ui_file *find(const char *name)
{
    for (size_t i = 0; i < sizeof ui_files / sizeof *ui_files; i++) if (!strcmp(ui_files[i].name, name)) return &ui_files[i];
    return NULL;
}

static void give(struct exchange *x, const struct ui_file *f)
{
    const char *known = exchange_header(x, "If-None-Match");
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) exchange_set(x, headers[i][0], headers[i][1]);
    exchange_set(x, "ETag", f->etag);
    if (known && (strstr(known, f->etag) || !strcmp(known, "*"))) exchange_reply(x, 304, f->type, "", 0);
    else exchange_reply(x, 200, f->type, f->data, f->n);
}

int page_wanted(const struct exchange *x)
{
    const char *accept = exchange_header(x, "Accept");
    return accept && strstr(accept, "text/html") != NULL;
}

void page_reply(struct exchange *x)
{
    exchange_set(x, "Vary", "Accept");
    give(x, find("index.html"));
}

static void ui(struct exchange *x)
{
    const struct ui_file *f = find(exchange_rest(x));
    if (f) give(x, f);
    else exchange_error(x, 404, NULL, NULL, "there is no such file of the page");
}

/* ---- what the picker shows ---- */

/* The bytes a loaded model takes; 0: it is not loaded. */
static uint64_t loaded_memory(const struct kept_view *v, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) if (!strcmp(v[i].name, name)) return v[i].memory.total;
    return 0;
}

static json_t *model_json(const struct hub_model *m, uint64_t memory)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:b, s:b, s:I}", "name", m->name, "parameters", m->parameters, "kind", m->kind, "licence",
                     m->licence, "good_at", m->good_at, "note", m->note, "size", (json_int_t)m->size, "here", m->place != HUB_REMOTE, "loaded",
                     memory > 0, "memory", (json_int_t)memory);
}

static void models(struct exchange *x)
{
    struct hub_model *m = NULL;
    struct kept_view *v = NULL;
    size_t n = 0, loaded = 0;
    json_t *list = json_array();
    enum hearth_status st = hub_list(1, &m, &n);
    if (st == HEARTH_OK) st = keeper_list(server_keeper(exchange_server(x)), &v, &loaded);
    int bad = !list;
    for (size_t i = 0; st == HEARTH_OK && i < n; i++)
        if (m[i].place != HUB_BROKEN && exchange_may_use(x, m[i].name)) bad |= json_array_append_new(list, model_json(&m[i], loaded_memory(v, loaded, m[i].name)));
    if (st != HEARTH_OK) exchange_fail(x, st, NULL);
    else exchange_reply_json(x, 200, bad ? NULL : json_pack("{s:s, s:O}", "default", hub_default_name(), "models", list));
    json_decref(list);
    keeper_views_free(v, loaded);
    hub_models_free(m, n);
}

/* ---- verdicts ---- */

static void feedback(struct exchange *x)
{
    struct feedback f;
    uint64_t decision;
    json_t *j = exchange_object(x);
    if (!j) return;
    enum hearth_status st = feedback_read(j, &f);
    if (st == HEARTH_OK) st = feedback_keep(&f, exchange_key(x), &decision);
    if (st == HEARTH_ELIMIT) exchange_error(x, 507, NULL, NULL, "%s", http_said(hearth_errmsg()));      /* of this day's file */
    else if (st != HEARTH_OK) exchange_fail(x, st, NULL);
    else exchange_reply_json(x, 200, json_pack("{s:b, s:o}", "kept", 1, "decision", decision == UINT64_MAX ? json_null() : json_integer((json_int_t)decision)));
    json_decref(j);
}

const struct route page_routes[] = {
    {HTTP_GET, "/ui/*", DIALECT_PLAIN, 1, 0, ui},
    {HTTP_GET, "/hearth/models", DIALECT_OPENAI, 0, 0, models},
    {HTTP_POST, "/hearth/feedback", DIALECT_OPENAI, 0, FEEDBACK_BODY, feedback},
    {0},
};
