/* serve.h - the server: what `hearth serve` starts. */
#ifndef HEARTH_SERVE_SERVE_H
#define HEARTH_SERVE_SERVE_H

#include "serve/http.h"
#include "serve/keeper.h"

struct server;

struct server_adapter { const char *name, *path; };   /* what a request may ask for by its place in the list (lora) */

struct server_params {
    const char *address;             /* "127.0.0.1:11434", "[::1]:0", "0.0.0.0:11434"; anything but loopback needs keys */
    const char *tls_cert, *tls_key;  /* files, or NULL */
    const char *const *origins;      /* further origins that pages may call from, "https://example.org"; loopback's own always may */
    size_t n_origins;
    const char *const *hosts;        /* further names this server goes by (Host), besides its addresses, localhost and <hostname>.local */
    size_t n_hosts;
    const struct server_adapter *adapters;   /* whole paths; whether one fits is seen when a request asks a model with it */
    size_t n_adapters;
    int require_key;                 /* 1: also on loopback */
    struct keeper_params keeper;
    int without_keeper;              /* 1: none is opened, for servers with routes of their own */
    int confine;                     /* 1: this process gives up, for good, what a server does not need (hub/confine.h); no thread may run yet */
    double hurry;                    /* for tests: every limit of time is that many times shorter; 0: 1 */
    int log_requests;                /* 1: one line a request on on_log: method, path, status, milliseconds; never prompts or keys */
    void (*on_log)(void *user, const char *line);
    void *user;
};
/* EUSAGE: an address that needs keys and there are none; EIO: the port is in use, and by which process. */
enum hearth_status server_open(const struct server_params *p, struct server **out);
/* The same with other routes: n tables. */
enum hearth_status server_open_with(const struct server_params *p, const struct route *const *tables, size_t n, struct server **out);
int server_port(const struct server *s);
const char *server_url(const struct server *s);   /* "http://127.0.0.1:11434" */
/* Reads keys and policy again (SIGHUP). */
enum hearth_status server_reload(struct server *s);
/* No new requests; those running may finish for `seconds`, then end as cancelled with their proper last event.  Then frees. */
void server_stop(struct server *s, double seconds);

struct keeper *server_keeper(struct server *s);
const struct server_adapter *server_adapter(const struct server *s, size_t i);   /* NULL past the last */
/* Milliseconds since it began, requests by status class, ...: metrics.c */
struct server_counts { uint64_t requests, status[6], open, gone, put_bytes; double started; };
void server_counts(struct server *s, struct server_counts *out);

#endif
