/* chat_routes.c - what the page asks when a person chose to keep chats on the server; nothing is kept before.
 *
 *     GET    /hearth/chats        {"chats": [...], "next": an id or null, "bad": n}: a part; ?after=ID goes on
 *     GET    /hearth/chats/ID     one of them
 *     PUT    /hearth/chats/ID     keeps it, in the place of what it was
 *     DELETE /hearth/chats/ID
 *
 * Each key sees its own; where none is needed, whoever reaches the server sees those that were kept without one.  What is said in
 * them is looked at by nobody: it goes to the file as it came. */
#include <string.h>

#include "account/chats.h"
#include "serve/server_in.h"

/* A sentence about this machine's files is for its log. */
static void refuse(struct exchange *x, enum hearth_status st)
{
    if (st == HEARTH_ENOTFOUND) exchange_error(x, 404, NULL, "chat_not_found", "%s", hearth_errmsg());
    else if (st != HEARTH_EIO && st != HEARTH_EFORMAT) exchange_fail(x, st, NULL);
    else {
        server_log(exchange_server(x), "a chat: %s", hearth_errmsg());
        exchange_error(x, 500, NULL, NULL, "chats cannot be kept or read on the server now; its log says why");
    }
}

static void list(struct exchange *x)
{
    const char *after = exchange_query(x, "after");
    struct buf b = {0}, chats = {0};
    char next[CHAT_ID + 1];
    size_t bad;
    enum hearth_status st = chats_list(exchange_key(x), after ? after : "", &chats, next, &bad);
    if (st == HEARTH_OK) st = buf_puts(&b, "{\"chats\":[");
    if (st == HEARTH_OK && chats.len) st = buf_put(&b, chats.data, chats.len);
    if (st == HEARTH_OK) st = *next ? buf_printf(&b, "],\"next\":\"%s\",\"bad\":%zu}", next, bad) : buf_printf(&b, "],\"next\":null,\"bad\":%zu}", bad);
    if (st == HEARTH_OK) exchange_reply(x, 200, "application/json", b.data, b.len);
    else refuse(x, st);
    buf_free(&chats);
    buf_free(&b);
}

static void get(struct exchange *x)
{
    struct buf b = {0};
    enum hearth_status st = chats_get(exchange_key(x), exchange_rest(x), &b);
    if (st == HEARTH_OK) exchange_reply(x, 200, "application/json", b.data, b.len);
    else refuse(x, st);
    buf_free(&b);
}

static void put(struct exchange *x)
{
    const char *id = exchange_rest(x);
    json_t *j = exchange_object(x);
    size_t n;
    const void *text = exchange_body(x, &n);
    if (!j) return;
    const char *is = json_string_value(json_object_get(j, "id"));
    if (!is || strcmp(is, id) != 0) exchange_error(x, 400, "id", NULL, "the chat's id should be that of the path");
    else {
        enum hearth_status st = chats_put(exchange_key(x), id, text, n);
        if (st == HEARTH_OK) exchange_reply_json(x, 200, json_pack("{s:b}", "kept", 1));
        else refuse(x, st);
    }
    json_decref(j);
}

static void forget(struct exchange *x)
{
    enum hearth_status st = chats_remove(exchange_key(x), exchange_rest(x));
    if (st == HEARTH_OK) exchange_reply_json(x, 200, json_pack("{s:b}", "removed", 1));
    else refuse(x, st);
}

const struct route chat_routes[] = {
    {HTTP_GET, "/hearth/chats", DIALECT_OPENAI, 0, 0, list},
    {HTTP_GET, "/hearth/chats/*", DIALECT_OPENAI, 0, 0, get},
    {HTTP_PUT, "/hearth/chats/*", DIALECT_OPENAI, 0, CHAT_BYTES, put},
    {HTTP_DELETE, "/hearth/chats/*", DIALECT_OPENAI, 0, 0, forget},
    {0}};
