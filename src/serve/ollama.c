/* ollama.c - Ollama's native protocol: the routes, and fields that several requests have.
 *
 * Where Ollama leaves something out without a word (a prompt too long, an option it does not know), hearth refuses and says what. */
#include "serve/ollama_in.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/words.h"
#include "serve/page.h"
#include "serve/peer_routes.h"

/* The version of Ollama's protocol that is spoken: clients compare it with what they need.  hearth's own is in "hearth". */
static const char protocol[] = "0.12.6";

void ollama_now(char out[40])
{
    struct timespec t;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &t);
    gmtime_r(&t.tv_sec, &tm);
    size_t n = strftime(out, 40, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, 40 - n, ".%09ldZ", t.tv_nsec);
}

const char *ollama_model(struct wants *w)
{
    const char *name = NULL;
    if (!wants_text(w, "model", &name)) wants_text(w, "name", &name);
    if (!name || !*name) wants_refuse(w, "model", "model is missing: the name of a model, as /api/tags lists them");
    return w->bad ? NULL : name;
}

double ollama_keep_alive(struct wants *w)
{
    const json_t *v = wants_get(w, "keep_alive");
    double seconds = NAN;
    if (!v || w->bad) return NAN;
    if (json_is_string(v)) {
        if (words_duration(json_string_value(v), &seconds)) return seconds;
    } else if (json_is_number(v) && fabs(json_number_value(v)) <= 1e9) return json_number_value(v);
    wants_refuse(w, "keep_alive", "keep_alive should be a duration such as \"5m\", a number of seconds, or negative for ever");
    return NAN;
}

int ollama_stream(struct wants *w)
{
    int stream = 1;
    wants_flag(w, "stream", &stream);
    return stream;
}

void ollama_fail(struct exchange *x, enum hearth_status st, const char *said)
{
    exchange_fail(x, st, said);
}

void ollama_line(struct exchange *x, json_t *o)
{
    exchange_put_json(x, "", o, "\n");
}

/* ---- small routes ---- */

/* A browser gets the page; clients look for these words. */
static void root(struct exchange *x)
{
    static const char text[] = "Ollama is running";
    if (page_wanted(x)) page_reply(x);
    else exchange_reply(x, 200, "text/plain; charset=utf-8", text, sizeof text - 1);
}

static void version(struct exchange *x)
{
    exchange_reply_json(x, 200, json_pack("{s:s, s:s}", "version", protocol, "hearth", hearth_version()));
}

static void elsewhere(struct exchange *x)
{
    exchange_error(x, 404, NULL, NULL, "%s: hearth has no accounts and sends nothing to a cloud", exchange_path(x));
}

#define BLOB_MAX ((size_t)1 << 40)      /* to the disk, not to memory */
enum { CREATE_MAX = 24 << 20 };

const struct route ollama_routes[] = {
    {HTTP_GET, "/", DIALECT_PLAIN, 1, 0, root},
    {HTTP_GET, "/api/version", DIALECT_OLLAMA, 1, 0, version},
    {HTTP_GET, "/api/tags", DIALECT_OLLAMA, 0, 0, ollama_tags},
    {HTTP_POST, "/api/show", DIALECT_OLLAMA, 0, 0, ollama_show},
    {HTTP_GET, "/api/ps", DIALECT_OLLAMA, 0, 0, ollama_ps},
    {HTTP_POST, "/api/generate", DIALECT_OLLAMA, 0, 0, ollama_generate},
    {HTTP_POST, "/api/chat", DIALECT_OLLAMA, 0, 0, ollama_chat},
    {HTTP_POST, "/api/embed", DIALECT_OLLAMA, 0, 0, ollama_embed},
    {HTTP_POST, "/api/embeddings", DIALECT_OLLAMA, 0, 0, ollama_embeddings},
    {HTTP_POST | HTTP_STORE, "/api/pull", DIALECT_OLLAMA, 0, 0, ollama_pull},
    {HTTP_POST | HTTP_STORE, "/api/create", DIALECT_OLLAMA, 0, CREATE_MAX, ollama_create},
    {HTTP_POST | HTTP_STORE, "/api/copy", DIALECT_OLLAMA, 0, 0, ollama_copy},
    {HTTP_DELETE | HTTP_STORE, "/api/delete", DIALECT_OLLAMA, 0, 0, ollama_delete},
    {HTTP_POST | HTTP_HEAD | HTTP_SPOOL | HTTP_STORE, "/api/blobs/*", DIALECT_OLLAMA, 0, BLOB_MAX, ollama_blob},
    {HTTP_POST, "/api/push", DIALECT_OLLAMA, 0, 0, elsewhere},
    {HTTP_POST, "/api/me", DIALECT_OLLAMA, 0, 0, elsewhere},
    {HTTP_POST, "/api/signout", DIALECT_OLLAMA, 0, 0, elsewhere},
    {HTTP_GET, "/hearth/models/*", DIALECT_OLLAMA, 0, 0, peer_model},
    {HTTP_GET, "/hearth/blobs/*", DIALECT_OLLAMA, 0, 0, peer_blob},
    {0}};
