/* ollama.c - Ollama's native protocol: the routes. */
#include "serve/page.h"
#include "serve/peer_routes.h"

/* A browser gets the page; clients look for these words. */
static void root(struct exchange *x)
{
    static const char text[] = "Ollama is running";
    if (page_wanted(x)) page_reply(x);
    else exchange_reply(x, 200, "text/plain; charset=utf-8", text, sizeof text - 1);
}

/* The version of Ollama's protocol that is spoken: clients compare it with what they need.  hearth's own is in "hearth". */
static void version(struct exchange *x)
{
    exchange_reply_json(x, 200, json_pack("{s:s, s:s}", "version", "0.12.6", "hearth", hearth_version()));
}

const struct route ollama_routes[] = {
    {HTTP_GET, "/", DIALECT_PLAIN, 1, 0, root},
    {HTTP_GET, "/api/version", DIALECT_OLLAMA, 1, 0, version},
    {HTTP_GET, "/hearth/models/*", DIALECT_OLLAMA, 0, 0, peer_model},
    {HTTP_GET, "/hearth/blobs/*", DIALECT_OLLAMA, 0, 0, peer_blob},
    {0}};
