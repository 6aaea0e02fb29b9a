/* extra.c - routes of no protocol. */
#include <string.h>
#include "serve/http.h"

static void health(struct exchange *x)
{
    static const char text[] = "{\"status\":\"ok\"}";
    exchange_reply(x, 200, "application/json", text, strlen(text));
}

const struct route extra_routes[] = {
    {HTTP_GET, "/health", DIALECT_PLAIN, 1, 0, health},
    {0},
};
