/* server.c - a server's life: opened, told to read its keys again, stopped. */
#include <malloc.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "serve/hosts.h"
#include "serve/server_in.h"

/* ---- what others ask ---- */

int server_port(const struct server *s) { return s->port; }
const char *server_url(const struct server *s) { return s->url; }
struct keeper *server_keeper(struct server *s) { return s->keeper; }
const struct server_adapter *server_adapter(const struct server *s, size_t i) { return i < s->p.n_adapters ? &s->p.adapters[i] : NULL; }

void server_counts(struct server *s, struct server_counts *out)
{
    pthread_mutex_lock(&s->lock);
    *out = s->counts;
    pthread_mutex_unlock(&s->lock);
}

/* ---- the log: one line is one line, whatever a client wrote ---- */

static void escape(const char *from, char *to, size_t max)
{
    size_t n = 0;
    for (; *from && n + 5 < max; from++) {
        unsigned char c = (unsigned char)*from;
        if (c < 32 || c == 127 || c == '\\') n += (size_t)snprintf(to + n, max - n, "\\x%02x", c);
        else to[n++] = (char)c;
    }
    to[n] = 0;
}

void server_log(struct server *s, const char *fmt, ...)
{
    char text[1024], line[1024];
    va_list ap;
    if (!s->p.on_log) return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    escape(text, line, sizeof line);
    s->p.on_log(s->p.user, line);
}

void server_log_request(struct exchange *x, int status)
{
    if (!x->s->p.log_requests) return;
    double ms = (clock_seconds() - x->began) * 1e3;
    server_log(x->s, "%s %.200s %d %.1f ms%s%s%s", x->method_name, x->path ? x->path : "", status, ms, *x->key.name ? " key " : "",
               x->key.name, x->gone ? ", the client left" : "");
}

/* ---- keys ---- */

/* With the key lock. */
static enum hearth_status read_keys(struct server *s)
{
    struct keyring_stamp stamp;
    struct keyring fresh;
    keyring_stamp(&stamp);
    TRY(keyring_read(&fresh));
    keyring_free(&s->keys);
    s->keys = fresh;
    s->key_stamp = stamp;
    return HEARTH_OK;
}

enum hearth_status server_reload(struct server *s)
{
    pthread_mutex_lock(&s->key_lock);
    enum hearth_status st = read_keys(s);
    pthread_mutex_unlock(&s->key_lock);
    return st;
}

int server_match_key(struct server *s, const char *text, struct key *out)
{
    struct keyring_stamp now;
    pthread_mutex_lock(&s->key_lock);
    keyring_stamp(&now);                               /* `hearth key revoke` takes effect with the next request */
    if (memcmp(&now, &s->key_stamp, sizeof now) != 0 && read_keys(s) != HEARTH_OK) {
        s->key_stamp = now;                            /* said once; until it is mended nobody comes in */
        keyring_free(&s->keys);
        server_log(s, "no key is accepted: %s", hearth_errmsg());
    }
    const struct key *k = keyring_match(&s->keys, text);
    int good = k && !k->revoked;
    if (good) {
        *out = *k;
        out->models = strdup(k->models);
        good = out->models != NULL;
        if (!good) *out = (struct key){.models = NULL};
    }
    pthread_mutex_unlock(&s->key_lock);
    return good;
}

static enum hearth_status need_keys(struct server *s)
{
    size_t n;
    TRY(server_reload(s));
    pthread_mutex_lock(&s->key_lock);
    n = keyring_valid(&s->keys);
    pthread_mutex_unlock(&s->key_lock);
    if (n || !s->any_key) return HEARTH_OK;
    if (s->loopback) return fail(HEARTH_EUSAGE, "there is no key yet that a request could show; `hearth key add NAME` makes one");
    return fail(HEARTH_EUSAGE, "%s can be reached from other machines, so it needs a key: `hearth key add NAME` makes one, and prints it once",
                s->p.address);
}

/* ---- opening ---- */

static enum hearth_status copy_list(struct server *s, const char *const **list, size_t n, int origins)
{
    const char **mine = arena_alloc(&s->arena, (n + 1) * sizeof *mine);
    if (!mine) return HEARTH_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        struct host_name h;
        int https;
        const char *text = (*list)[i];
        if (!origins && (!host_parse(text, &h) || h.port >= 0))
            return fail(HEARTH_EUSAGE, "\"%.100s\" is no name of a host; one is teacher.local", text);
        if (origins && !origin_parse(text, &https, &h) && (!strstr(text, "://") || text[strcspn(text, " \t\r\n*")]))
            return fail(HEARTH_EUSAGE, "\"%.100s\" is no origin; one is https://example.org or http://localhost:3000", text);
        if (!(mine[i] = arena_strndup(&s->arena, text, strlen(text)))) return HEARTH_ENOMEM;
        size_t end = strlen(mine[i]);                  /* browsers send an origin without a last slash */
        if (origins && end > 1 && mine[i][end - 1] == '/') ((char *)(uintptr_t)mine[i])[end - 1] = 0;
    }
    *list = mine;
    return HEARTH_OK;
}

static enum hearth_status copy_text(struct server *s, const char **text)
{
    if (*text && !(*text = arena_strndup(&s->arena, *text, strlen(*text)))) return HEARTH_ENOMEM;
    return HEARTH_OK;
}

static enum hearth_status copy_adapters(struct server *s)
{
    struct server_adapter *mine = arena_alloc(&s->arena, (s->p.n_adapters + 1) * sizeof *mine);
    if (!mine) return HEARTH_ENOMEM;
    for (size_t i = 0; i < s->p.n_adapters; i++) {
        mine[i] = s->p.adapters[i];
        TRY(copy_text(s, &mine[i].name));
        TRY(copy_text(s, &mine[i].path));
    }
    s->p.adapters = mine;
    return HEARTH_OK;
}

static enum hearth_status copy_params(struct server *s, const struct server_params *p)
{
    s->p = *p;
    if (!(s->p.hurry > 0)) s->p.hurry = 1;
    TRY(copy_text(s, &s->p.address));
    TRY(copy_text(s, &s->p.tls_cert));
    TRY(copy_text(s, &s->p.tls_key));
    TRY(copy_adapters(s));
    TRY(copy_list(s, &s->p.origins, p->n_origins, 1));
    return copy_list(s, &s->p.hosts, p->n_hosts, 0);
}

static enum hearth_status confine(struct server *s)
{
    const char **path = arena_alloc(&s->arena, (s->p.n_adapters + 1) * sizeof *path);
    if (!path) return HEARTH_ENOMEM;
    for (size_t i = 0; i < s->p.n_adapters; i++) path[i] = s->p.adapters[i].path;
    return hub_confine(path, s->p.n_adapters, &s->confined);
}

static enum hearth_status start(struct server *s)
{
    struct listening l;
    TRY(listen_examine(s->p.address, &s->loopback));
    s->any_key = !s->loopback || s->p.require_key;
    TRY(need_keys(s));
    TRY(listen_open(s->p.address, &l));
    s->listen_fd = l.fd;
    s->port = l.port;
    if (gethostname(s->hostname, sizeof s->hostname - 1) != 0) s->hostname[0] = 0;
    TRY(wire_prepare(s));
    if (s->p.confine) TRY(confine(s));                 /* the port is open and the files of TLS are read; no thread has begun */
    if (!s->p.without_keeper) TRY(keeper_open(&s->p.keeper, &s->keeper));
    TRY(limits_open(&s->limits));
    TRY(watch_open(s));
    TRY(workers_open(s));
    TRY(wire_open(s));
    snprintf(s->url, sizeof s->url, "%s://%s", s->tls ? "https" : "http", l.shown);
    if (l.wildcard) snprintf(s->url, sizeof s->url, "%s://127.0.0.1:%d", s->tls ? "https" : "http", l.port);
    return HEARTH_OK;
}

static void destroy(struct server *s)
{
    if (s->wire) wire_close(s);
    if (s->workers.all) workers_close(s);
    watch_close(s);
    if (s->listen_fd >= 0) close(s->listen_fd);
    if (s->keeper) keeper_close(s->keeper);
    if (s->limits && limits_write(s->limits, 1) != HEARTH_OK) server_log(s, "what keys have used is not kept: %s", hearth_errmsg());
    limits_close(s->limits);
    keyring_free(&s->keys);
    arena_free(&s->arena);
    pthread_cond_destroy(&s->quiet);
    pthread_mutex_destroy(&s->key_lock);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

enum hearth_status server_open_with(const struct server_params *p, const struct route *const *tables, size_t n, struct server **out)
{
    struct server *s = mem_array(1, sizeof *s);
    pthread_condattr_t attr;
    *out = NULL;
    if (!s) return HEARTH_ENOMEM;
    signal(SIGPIPE, SIG_IGN);                          /* a client that left is no reason to end */
    mallopt(M_MMAP_THRESHOLD, 1 << 20);                /* what is large goes back to the system; else each arena would keep up to 64 MB of it */
    s->tables = tables;
    s->n_tables = n;
    s->listen_fd = s->watch_epoll = s->watch_event = -1;
    s->counts.started = clock_seconds();
    arena_init(&s->arena, 4096);
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->key_lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->quiet, &attr);
    pthread_condattr_destroy(&attr);
    enum hearth_status st = copy_params(s, p);
    if (st == HEARTH_OK) st = start(s);
    if (st != HEARTH_OK) destroy(s);
    else *out = s;
    return st;
}

enum hearth_status server_open(const struct server_params *p, struct server **out)
{
    static const struct route *const tables[] = {openai_routes, anthropic_routes, ollama_routes, extra_routes, page_routes, chat_routes};
    return server_open_with(p, tables, sizeof tables / sizeof *tables, out);
}

/* ---- stopping ---- */

/* Until no exchange is left, at most that long; INFINITY: however long it takes.  1: none is left. */
static int wait_quiet(struct server *s, double seconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    double end = (double)until.tv_sec + (double)until.tv_nsec * 1e-9 + (isinf(seconds) ? 0 : seconds);
    until = (struct timespec){(time_t)end, (long)((end - floor(end)) * 1e9)};
    pthread_mutex_lock(&s->lock);
    int rc = 0;
    while (s->exchanges && rc == 0)
        rc = isinf(seconds) ? pthread_cond_wait(&s->quiet, &s->lock) : pthread_cond_timedwait(&s->quiet, &s->lock, &until);
    int quiet = !s->exchanges;
    pthread_mutex_unlock(&s->lock);
    return quiet;
}

/* leave 0: tells every route that its request is over; 1: and its client counts as gone.  The list becomes shorter and longer meanwhile, so
 * each exchange is marked, not counted. */
static void end_all(struct server *s, int leave)
{
    for (;;) {
        struct exchange *x;
        pthread_mutex_lock(&s->lock);
        for (x = s->exchanges; x && x->ended > leave; x = x->next) continue;
        if (x) x->ended = leave + 1, exchange_ref(x);
        pthread_mutex_unlock(&s->lock);
        if (!x) return;
        if (leave) exchange_leave(x), exchange_patience(x, -1);
        else exchange_fire(x);
        exchange_unref(x);
    }
}

/* Connections that stand still between two requests are closed now, those that stand still in the middle of one soon, others when they have
 * been answered. */
static void end_idle(struct server *s)
{
    double soon = clock_seconds() + 1 / s->p.hurry;
    pthread_mutex_lock(&s->lock);
    for (struct conn *c = s->conns; c; c = c->next)
        if (!c->x) c->deadline = 0;
        else if (!c->whole && c->deadline > soon && !isinf(c->deadline)) c->deadline = soon;   /* not while it waits for our disk */
    pthread_mutex_unlock(&s->lock);
}

void server_stop(struct server *s, double seconds)
{
    enum { LAST_EVENTS = 5 };                          /* seconds for the last events of what was cancelled */
    if (!s) return;
    s->stopping = 1;
    wire_quiesce(s);
    end_idle(s);
    if (!wait_quiet(s, seconds)) {
        s->cancelling = 1;
        end_all(s, 0);
        if (!wait_quiet(s, LAST_EVENTS / s->p.hurry)) {
            end_all(s, 1);
            wait_quiet(s, INFINITY);
        }
    }
    destroy(s);
}
