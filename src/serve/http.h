/* http.h - one HTTP exchange, from its headers to its last byte, whatever speaks over it.
 *
 *     MHD's thread (epoll)      parses, checks Host, Origin, size, key; collects the body; sends what is queued
 *     workers                   run the route's function; may wait (load a model, read a file); one exchange at a time each
 *     the engine's thread       calls exchange_put from its callbacks: never waits
 *     the watch                 notices that a client left (EPOLLRDHUP), also while its request is still being computed
 *
 * An exchange lives until it is answered, its client is gone and every exchange_hold is let go.  All functions here may be
 * called from any thread; after the client has left they do nothing. */
#ifndef HEARTH_SERVE_HTTP_H
#define HEARTH_SERVE_HTTP_H

#include <jansson.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include "hearth.h"

struct server;                       /* serve.h */
struct exchange;

/* ---- routes ---- */

enum http_method { HTTP_GET = 1, HTTP_HEAD = 2, HTTP_POST = 4, HTTP_DELETE = 8,   /* HEAD is answered wherever GET is */
                   HTTP_SPOOL = 16, /* of a route: a body goes to a file (exchange_body_file), not to memory */
                   HTTP_STORE = 32, /* of a route: it changes which models there are; a key needs the right to (keys.h) */
                   HTTP_PUT = 64 };
/* How errors are written: {"error":{message,type,param,code}}, {"error":"text"}, {"type":"error","error":{type,message}}, or plain text. */
enum http_dialect { DIALECT_OPENAI, DIALECT_OLLAMA, DIALECT_ANTHROPIC, DIALECT_PLAIN };

struct route {
    int methods;                     /* 0 ends a table */
    const char *path;                /* "/v1/models"; a last "*" takes the rest, see exchange_rest */
    enum http_dialect dialect;
    int open;                        /* 1: needs no key (the page itself, health) */
    size_t body_max;                 /* bytes; 0: the server's own limit (16 MiB) */
    void (*run)(struct exchange *x); /* on a worker; returns when it has answered or handed the exchange on (exchange_hold) */
};
/* Each protocol is a file with one table. */
extern const struct route openai_routes[], anthropic_routes[], ollama_routes[], extra_routes[], page_routes[], chat_routes[];

/* ---- what was asked ---- */

struct server *exchange_server(const struct exchange *x);
enum http_method exchange_method(const struct exchange *x);
const char *exchange_path(const struct exchange *x);       /* decoded, without the query */
const char *exchange_rest(const struct exchange *x);       /* what "*" stood for; "" */
const char *exchange_header(const struct exchange *x, const char *name);   /* NULL: not there */
const char *exchange_query(const struct exchange *x, const char *name);
const void *exchange_body(const struct exchange *x, size_t *n);
/* The file a spooled body is in, or "" when there was none; deleted with the exchange, unless it was renamed before. */
const char *exchange_body_file(const struct exchange *x, uint64_t *n);
/* Name of the key that was shown; "" on a server that asks for none.  The tenant of engine and receipts. */
const char *exchange_key(const struct exchange *x);
/* 1 when this key may use that model: what it may not use it is not shown either. */
int exchange_may_use(const struct exchange *x, const char *model);
/* 1 when this key may use that model, and has tokens left; otherwise the exchange has been answered (403, 429). */
int exchange_allowed(struct exchange *x, const char *model);
/* Adds to the key's counts when an answer has ended; on a worker, since it may write. */
void exchange_used(struct exchange *x, size_t prompt_tokens, size_t answer_tokens);

/* The body as a JSON object, limits on depth and count checked; NULL: the exchange has been answered with 400.  json_decref(). */
json_t *exchange_object(struct exchange *x);

/* ---- answering whole ---- */

/* One more header of the answer; before any of the following. */
void exchange_set(struct exchange *x, const char *name, const char *value);
void exchange_reply(struct exchange *x, int status, const char *type, const void *data, size_t n);
/* n bytes of an open file from `at`, which is closed afterwards; never read by a worker. */
void exchange_reply_file(struct exchange *x, int status, const char *type, int fd, uint64_t at, uint64_t n);
void exchange_reply_json(struct exchange *x, int status, json_t *body);     /* takes the reference */
/* In the route's dialect; its type is chosen by status.  param and code may be NULL. */
void exchange_error(struct exchange *x, int status, const char *param, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* What a status of the library is over HTTP: EUSAGE, EFORMAT, ECONTEXT, EUNSUPPORTED, ELIMIT 400; ENOTFOUND 404; EBUSY 503 with Retry-After;
 * ENOMEM, EINTERNAL, ENUMERIC 500; message: hearth_errmsg() of this thread when NULL. */
void exchange_fail(struct exchange *x, enum hearth_status st, const char *message);
int http_status(enum hearth_status st);
/* "invalid_request_error" and the like: what a dialect calls an error of that status. */
const char *http_error_type(enum http_dialect d, int status);
/* A sentence of the library as a client may hear it: files by their names, not where they lie on this machine.  Whatever the library said
 * goes through here on its way out.  Valid until the next call on this thread. */
const char *http_said(const char *said);

/* ---- answering in pieces ---- */

/* 200 and the head; then pieces; then the end.  What a client does not read is kept up to a limit (1 MiB and the largest piece); past it
 * the client counts as gone. */
void exchange_begin(struct exchange *x, const char *type);
void exchange_put(struct exchange *x, const void *data, size_t n);
void exchange_put_json(struct exchange *x, const char *before, json_t *body, const char *after); /* one line; takes the reference */
void exchange_end(struct exchange *x);
int exchange_begun(const struct exchange *x);

/* ---- lives ---- */

void exchange_hold(struct exchange *x);
void exchange_drop(struct exchange *x);
/* fn(user) once when the client leaves or the server stops, from the watch or at once when it is gone already; NULL takes it back (and
 * waits for a call under way). */
void exchange_on_gone(struct exchange *x, void (*fn)(void *user), void *user);
int exchange_gone(const struct exchange *x);                /* also when the server has begun to end what runs */
/* fn(user) on a worker: for what follows an answer and may wait (the receipt's disk). */
void server_later(struct server *s, void (*fn)(void *user), void *user);

#endif
