/* check.c - what can be said about a request when its headers are here, before any of its body.
 *
 * In this order, so that nobody learns anything from a later answer: the target is a path, Host is one of ours (a page that
 * rebinds its own name to this address sends its own), Origin is allowed (a page somewhere else that posts here sends its
 * own), the key is known, the route exists, the method is the route's, the size is allowed, the key's limit is not reached. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/utf8.h"
#include "serve/hosts.h"
#include "serve/server_in.h"

static size_t count(const struct exchange *x, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < x->headers.n; i++) n += strcasecmp(x->headers.at[i].name, name) == 0;
    return n;
}

/* Whether a header came as RFC 9112 (5.1, 5.2) wants it.  MHD takes "Content-Length : 5" for a header with a space in its name, and of one that
 * is folded it puts the second line behind the name: a proxy in front that reads either as a length would see another end of the body. */
static int header_is_clear(const struct field *f)
{
    static const char token[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~";
    static const char *const framing[] = {"Content-Length", "Transfer-Encoding"};
    if (!*f->name || f->name[strspn(f->name, token)]) return 0;
    for (const char *p = f->value; *p; p++) if (((unsigned char)*p < 32 && *p != '\t') || *p == 127) return 0;
    for (size_t i = 0; i < sizeof framing / sizeof *framing; i++)
        if (strncasecmp(f->name, framing[i], strlen(framing[i])) == 0 && f->name[strlen(framing[i])]) return 0;
    return 1;
}

static int headers_are_clear(struct exchange *x)
{
    size_t i = 0;
    while (i < x->headers.n && header_is_clear(&x->headers.at[i])) i++;
    if (i == x->headers.n) return 1;
    x->unclear = 1;
    exchange_set(x, "Connection", "close");
    exchange_error(x, 400, NULL, NULL, "a header is a name without spaces, a colon, and a value in the same line without control characters");
    return 0;
}

/* A body whose end two readers could see at two places hides a request in another (RFC 9112, 6.3 and 11.2). */
static int body_is_clear(struct exchange *x)
{
    const char *coding = exchange_header(x, "Transfer-Encoding"), *length = exchange_header(x, "Content-Length");
    if (count(x, "Content-Length") + count(x, "Transfer-Encoding") <= 1 && (!coding || strcasecmp(coding, "chunked") == 0) &&
        (!length || (*length && strspn(length, "0123456789") == strlen(length))))
        return 1;
    x->unclear = 1;
    exchange_set(x, "Connection", "close");
    exchange_error(x, 400, NULL, NULL, "a request says once how long its body is: with one Content-Length, or Transfer-Encoding: chunked");
    return 0;
}

/* ---- Host ---- */

static int is_ours(const struct exchange *x, const char *name)
{
    const struct server *s = x->s;
    size_t n = strlen(s->hostname);
    if (host_is_loopback(name) || (x->local[0] && host_same(name, x->local))) return 1;
    if (n && strncasecmp(name, s->hostname, n) == 0 && (!name[n] || strcasecmp(name + n, ".local") == 0)) return 1;
    for (size_t i = 0; i < s->p.n_hosts; i++) if (host_same(name, s->p.hosts[i])) return 1;
    return 0;
}

static int host_is_good(struct exchange *x)
{
    struct host_name h;
    const char *text = exchange_header(x, "Host");
    if (count(x, "Host") > 1) return exchange_error(x, 400, NULL, NULL, "a request has one Host header, and this one has several"), 0;
    if (!text) return 1;                               /* HTTP/1.0; of 1.1 MHD demands it */
    if (!host_parse(text, &h)) return exchange_error(x, 400, NULL, NULL, "the Host header is no name or address"), 0;
    if (is_ours(x, h.name)) return 1;
    exchange_error(x, 403, NULL, "host_not_allowed", "this server does not go by the name %s; `hearth serve --host-name %s` would allow it",
                   h.name, h.name);
    return 0;
}

/* ---- Origin ---- */

static int is_allowed(const struct exchange *x, const char *origin)
{
    const struct server *s = x->s;
    const char *host = exchange_header(x, "Host");
    struct host_name o, h;
    int https;
    for (size_t i = 0; i < s->p.n_origins; i++) if (strcasecmp(origin, s->p.origins[i]) == 0) return 1;
    if (!origin_parse(origin, &https, &o)) return 0;
    if (https == s->tls && o.port == s->port && host_is_loopback(o.name)) return 1;
    if (https != s->tls || !host || !host_parse(host, &h)) return 0;
    return strcmp(o.name, h.name) == 0 && o.port == (h.port >= 0 ? h.port : s->tls ? 443 : 80);
}

static int origin_is_good(struct exchange *x)
{
    const char *origin = exchange_header(x, "Origin");
    if (!origin) return 1;
    if (count(x, "Origin") == 1 && is_allowed(x, origin)) {
        x->origin = origin;
        return 1;
    }
    exchange_error(x, 403, NULL, "origin_not_allowed", "pages of another origin may not use this server; `hearth serve --origin ORIGIN` "
                                                       "would allow one");
    return 0;
}

/* ---- CORS ---- */

static int may_be_sent(const char *name, size_t n)
{
    static const char *const known[] = {"authorization", "content-type", "accept", "x-api-key", "x-requested-with", "user-agent",
                                        "openai-beta", "openai-organization", "openai-project", "anthropic-version", "anthropic-beta",
                                        "anthropic-dangerous-direct-browser-access"};
    if (n > 12 && strncasecmp(name, "x-stainless-", 12) == 0) return 1;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i]) == n && strncasecmp(name, known[i], n) == 0) return 1;
    return 0;
}

/* Of the headers that a page would like to send those that it may. */
static void allow_headers(struct exchange *x)
{
    static const char token[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    const char *p = exchange_header(x, "Access-Control-Request-Headers");
    struct buf b = {0};
    enum hearth_status st = HEARTH_OK;
    while (p && *p && st == HEARTH_OK) {
        p += strspn(p, " \t,");
        size_t n = strspn(p, token);
        if (n && may_be_sent(p, n)) st = buf_printf(&b, "%s%.*s", b.len ? ", " : "", (int)n, p);
        p += n ? n : strcspn(p, ",");
    }
    if (b.len) exchange_set(x, "Access-Control-Allow-Headers", b.data);
    buf_free(&b);
}

static void preflight(struct exchange *x)
{
    if (x->origin) {
        exchange_set(x, "Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, DELETE, OPTIONS");
        allow_headers(x);
        exchange_set(x, "Access-Control-Max-Age", "600");
    }
    exchange_reply(x, 204, "text/plain", "", 0);
}

/* ---- keys ---- */

/* The text of the one key that was shown; NULL: none, or *twice. */
static const char *shown_key(const struct exchange *x, int *twice)
{
    const char *bearer = exchange_header(x, "Authorization"), *plain = exchange_header(x, "X-Api-Key");
    *twice = count(x, "Authorization") > 1 || count(x, "X-Api-Key") > 1;
    if (bearer && strncasecmp(bearer, "Bearer ", 7) == 0) bearer += 7 + strspn(bearer + 7, " ");
    else if (bearer) bearer = "";
    if (bearer && plain && strcmp(bearer, plain) != 0) *twice = 1;
    return *twice ? NULL : bearer ? bearer : plain;
}

static int key_is_good(struct exchange *x)
{
    int twice;
    if (!x->s->any_key) return 1;
    const char *text = shown_key(x, &twice);
    if (twice) return exchange_error(x, 400, NULL, "two_keys", "a request shows one key, and this one shows several"), 0;
    if (text && server_match_key(x->s, text, &x->key)) {
        if (x->key.store || !x->route || !(x->route->methods & HTTP_STORE)) return 1;
        return exchange_error(x, 403, NULL, "store_not_allowed", "the key %s may not change which models are here; `hearth key add NAME --store` makes one that may",
                              x->key.name), 0;
    }
    if (x->route && x->route->open) return 1;
    exchange_set(x, "WWW-Authenticate", "Bearer realm=\"hearth\"");
    if (!text) exchange_error(x, 401, NULL, "invalid_api_key", "this server needs a key: Authorization: Bearer hk-...");
    else exchange_error(x, 401, NULL, "invalid_api_key", "this key is not known here, or it has been revoked");
    return 0;
}

static void too_many(struct exchange *x, unsigned seconds, const char *what)
{
    char text[16];
    snprintf(text, sizeof text, "%u", seconds);
    exchange_set(x, "Retry-After", text);
    exchange_error(x, 429, NULL, "rate_limit_exceeded", "the key %s has used its %s; it may go on in %u seconds", x->key.name, what, seconds);
}

int exchange_may_use(const struct exchange *x, const char *model)
{
    return !*x->key.name || key_allows(&x->key, model);
}

int exchange_allowed(struct exchange *x, const char *model)
{
    if (!*x->key.name) return 1;
    if (!exchange_may_use(x, model)) {
        exchange_error(x, 403, "model", "model_not_allowed", "the key %s may not use this model; it may use: %s", x->key.name, x->key.models);
        return 0;
    }
    unsigned seconds = limits_tokens_left(x->s->limits, &x->key);
    if (seconds) too_many(x, seconds, "tokens of this day");
    return !seconds;
}

void exchange_used(struct exchange *x, size_t prompt_tokens, size_t answer_tokens)
{
    if (!*x->key.name) return;
    limits_add(x->s->limits, x->key.name, (uint64_t)prompt_tokens + answer_tokens);
    if (limits_write(x->s->limits, 0) != HEARTH_OK) server_log(x->s, "what keys have used is not kept: %s", hearth_errmsg());
}

/* ---- the route ---- */

static int path_fits(const struct route *r, const char *path, const char **rest)
{
    size_t n = strlen(r->path);
    int star = n && r->path[n - 1] == '*';
    *rest = "";
    if (!star) return strcmp(r->path, path) == 0;
    if (strncmp(path, r->path, n - 1) != 0) return 0;
    *rest = path + n - 1;
    return 1;
}

static int method_fits(const struct route *r, const struct exchange *x)
{
    return (r->methods & (int)x->method) || (x->method == HTTP_HEAD && (r->methods & HTTP_GET));
}

/* Whole paths go before those with a star; *others collects the methods of routes that fit but for it. */
static const struct route *find(struct exchange *x, int *others)
{
    const char *rest;
    *others = 0;
    for (int star = 0; star < 2; star++)
        for (size_t t = 0; t < x->s->n_tables; t++)
            for (const struct route *r = x->s->tables[t]; r->methods; r++) {
                if ((strchr(r->path, '*') != NULL) != star || !path_fits(r, x->path, &rest)) continue;
                if (method_fits(r, x)) return x->rest = rest, r;
                *others |= r->methods;
                if (!x->route) x->route = r;           /* for its dialect */
            }
    return NULL;
}

static void no_route(struct exchange *x, int others)
{
    struct buf allow = {0};
    if (!others) {
        exchange_error(x, 404, NULL, NULL, "there is nothing at %s %.200s", x->method_name, x->path);
        return;
    }
    enum hearth_status st = buf_printf(&allow, "%s%s%s%sOPTIONS", others & HTTP_GET ? "GET, HEAD, " : others & HTTP_HEAD ? "HEAD, " : "",
                                       others & HTTP_POST ? "POST, " : "", others & HTTP_PUT ? "PUT, " : "", others & HTTP_DELETE ? "DELETE, " : "");
    if (st == HEARTH_OK) exchange_set(x, "Allow", allow.data);
    exchange_error(x, 405, NULL, NULL, "%s takes %s, not %s", x->path, st == HEARTH_OK ? allow.data : "another method", x->method_name);
    buf_free(&allow);
}

static int target_is_good(struct exchange *x)
{
    size_t n = strlen(x->path), bad;
    int good = x->path[0] == '/' && n <= 2048 && utf8_valid(x->path, n, &bad);
    for (size_t i = 0; i < n && good; i++) good = (unsigned char)x->path[i] >= 32 && x->path[i] != 127;
    if (!good) {
        x->path = (char *)(uintptr_t)"/";
        exchange_error(x, 400, NULL, NULL, "the target of the request is no path");
    }
    return good;
}

void exchange_check(struct exchange *x, size_t body_bytes)
{
    int others;
    if (!headers_are_clear(x) || !body_is_clear(x) || !target_is_good(x)) return;
    const struct route *r = find(x, &others);
    if (r) x->route = r, x->body_max = r->body_max ? r->body_max : BODY_MAX;
    if (!host_is_good(x) || !origin_is_good(x)) return;
    if (strcmp(x->method_name, "OPTIONS") == 0) {
        preflight(x);
        return;
    }
    if (!key_is_good(x)) return;
    if (!r) {
        no_route(x, others);
        return;
    }
    if (x->s->stopping) {
        exchange_set(x, "Retry-After", "5");
        exchange_error(x, 503, NULL, NULL, "the server is being stopped");
        return;
    }
    if (body_bytes > x->body_max) {
        exchange_error(x, 413, NULL, NULL, "a request to %s may have %zu bytes, and this one has %zu", x->path, x->body_max, body_bytes);
        return;
    }
    unsigned seconds = *x->key.name && !r->open ? limits_request(x->s->limits, &x->key) : 0;
    if (seconds) too_many(x, seconds, "requests of this minute");
}
