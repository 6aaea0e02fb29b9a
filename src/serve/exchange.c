/* exchange.c - what a route sees of a request, and its answer on the way to the client.
 *
 *     asked ──exchange_reply──► whole ──────────────────────────► MHD sends it, then closes the exchange
 *       └────exchange_begin──► stream ──put, put──► ended ──────► the same
 *
 * MHD asks for the bytes of a stream when it can send some; when there are none its connection is suspended, and the next
 * exchange_put resumes it.  Whoever finds that the client is gone sets `gone` and lets MHD go on, which then ends the
 * connection; the watch tells the route. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/clock.h"
#include "base/jsontext.h"
#include "base/words.h"
#include "hub/names.h"
#include "serve/disk.h"
#include <unistd.h>

/* ---- life ---- */

static const struct { const char *name; enum http_method method; } methods[] = {
    {"GET", HTTP_GET}, {"HEAD", HTTP_HEAD}, {"POST", HTTP_POST}, {"PUT", HTTP_PUT}, {"DELETE", HTTP_DELETE},
};

struct exchange *exchange_open(struct server *s, struct conn *c, void *wire, const char *method, const char *path)
{
    struct exchange *x = calloc(1, sizeof *x);
    if (!x) return NULL;
    arena_init(&x->arena, 4096);
    pthread_mutex_init(&x->lock, NULL);
    pthread_cond_init(&x->told_cond, NULL);
    *x = (struct exchange){.s = s, .conn = c, .wire = wire, .refs = 1, .rest = "", .file = -1, .spool = -1, .body_max = BODY_MAX, .began = clock_seconds(),
                           .arena = x->arena, .lock = x->lock, .told_cond = x->told_cond};
    strncpy(x->method_name, method, sizeof x->method_name - 1);
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(method, methods[i].name) == 0) x->method = methods[i].method;
    x->path = arena_strndup(&x->arena, path, strlen(path));
    pthread_mutex_lock(&s->lock);
    if ((x->next = s->exchanges)) x->next->prev = x;
    s->exchanges = x;
    s->counts.open++;
    if (c) c->x = x, c->whole = 0;
    pthread_mutex_unlock(&s->lock);
    if (x->path) return x;
    exchange_closed(x);
    return NULL;
}

int exchange_add(struct exchange *x, struct fields *to, const char *name, const char *value)
{
    if (to->n == HEADERS_MAX || mem_grow(&to->at, &to->cap, to->n + 1, sizeof *to->at) != HEARTH_OK) return 0;
    struct field f = {arena_strndup(&x->arena, name, strlen(name)), arena_strndup(&x->arena, value, strlen(value))};
    if (!f.name || !f.value) return 0;
    to->at[to->n++] = f;
    return 1;
}

static void destroy(void *user)
{
    struct exchange *x = user;
    disk_close(x);
    if (x->file >= 0) close(x->file);
    buf_free(&x->body);
    buf_free(&x->piece);
    buf_free(&x->out);
    free(x->headers.at);
    free(x->query.at);
    free(x->more.at);
    free(x->key.models);
    arena_free(&x->arena);
    pthread_cond_destroy(&x->told_cond);
    pthread_mutex_destroy(&x->lock);
    free(x);
}

void exchange_ref(struct exchange *x)
{
    x->refs++;
}

void exchange_unref(struct exchange *x)
{
    struct server *s = x->s;
    pthread_mutex_lock(&s->lock);
    int last = --x->refs == 0, put_off = 0;
    if (last) {
        if (x->prev) x->prev->next = x->next;
        else s->exchanges = x->next;
        if (x->next) x->next->prev = x->prev;
        s->bodies -= (size_t)x->counted_body;
        s->counts.open--;
        put_off = x->spool_path && workers_add(s, WORK_DISK, NULL, destroy, x);     /* removing a large file takes its time */
        pthread_cond_broadcast(&s->quiet);
    }
    pthread_mutex_unlock(&s->lock);
    if (last && !put_off) destroy(x);
}

void exchange_hold(struct exchange *x)
{
    pthread_mutex_lock(&x->s->lock);
    x->refs++;
    x->holds++;
    pthread_mutex_unlock(&x->s->lock);
}

void exchange_drop(struct exchange *x)
{
    pthread_mutex_lock(&x->s->lock);
    int forgotten = --x->holds == 0;
    pthread_mutex_unlock(&x->s->lock);
    if (forgotten && !exchange_answered(x)) exchange_error(x, 500, NULL, NULL, "the request was taken and not answered, which is a bug");
    if (forgotten && exchange_begun(x)) exchange_end(x);
    exchange_unref(x);
}

void exchange_run(struct exchange *x)
{
    if (!x->gone) x->route->run(x);
    exchange_drop(x);
}

void exchange_patience(struct exchange *x, double seconds)
{
    pthread_mutex_lock(&x->s->lock);
    if (x->conn) x->conn->deadline = clock_seconds() + seconds / x->s->p.hurry;
    pthread_mutex_unlock(&x->s->lock);
}

/* ---- what was asked ---- */

struct server *exchange_server(const struct exchange *x) { return x->s; }
enum http_method exchange_method(const struct exchange *x) { return x->method; }
const char *exchange_path(const struct exchange *x) { return x->path; }
const char *exchange_rest(const struct exchange *x) { return x->rest; }
const char *exchange_key(const struct exchange *x) { return x->key.name; }

const char *exchange_header(const struct exchange *x, const char *name)
{
    for (size_t i = 0; i < x->headers.n; i++) if (strcasecmp(x->headers.at[i].name, name) == 0) return x->headers.at[i].value;
    return NULL;
}

const char *exchange_query(const struct exchange *x, const char *name)
{
    for (size_t i = 0; i < x->query.n; i++) if (strcmp(x->query.at[i].name, name) == 0) return x->query.at[i].value;
    return NULL;
}

const void *exchange_body(const struct exchange *x, size_t *n)
{
    *n = x->body.len;
    return x->body.data ? x->body.data : "";
}

static void forget_body(struct exchange *x)
{
    buf_free(&x->body);
    pthread_mutex_lock(&x->s->lock);
    x->s->bodies -= (size_t)x->counted_body;
    x->counted_body = 0;
    pthread_mutex_unlock(&x->s->lock);
}

/* What is refused already is read and forgotten, up to a limit: a client that is cut off while it writes never sees why. */
static int swallow(struct exchange *x, size_t n)
{
    x->swallowed += n;
    forget_body(x);
    return x->swallowed <= SWALLOW_MAX;
}

int exchange_room(struct exchange *x, size_t n)
{
    struct server *s = x->s;
    pthread_mutex_lock(&s->lock);
    int room = s->bodies + n <= BODIES_MAX;
    if (room) s->bodies += n, x->counted_body += (int)n;
    pthread_mutex_unlock(&s->lock);
    return room;
}

static void more_time(struct exchange *x)
{
    struct server *s = x->s;
    pthread_mutex_lock(&s->lock);
    if (x->conn) x->conn->deadline = x->began + x->waited + (BODY_SECONDS + (double)(x->spooled + x->body.len) / SLOWEST) / s->p.hurry;
    pthread_mutex_unlock(&s->lock);
}

int exchange_collect(struct exchange *x, const char *data, size_t n)
{
    if (x->gone) return 0;
    if (exchange_answered(x)) return swallow(x, n);
    if (n > x->body_max - x->body.len - x->spooled) {
        exchange_error(x, 413, NULL, NULL, "a request to %s may have %zu bytes, and this one has more", x->path, x->body_max);
        return swallow(x, n);
    }
    if (exchange_room(x, n) && buf_put(&x->body, data, n) == HEARTH_OK) {
        more_time(x);
        return !x->route || !(x->route->methods & HTTP_SPOOL) || disk_put(x);
    }
    exchange_set(x, "Retry-After", "5");
    exchange_error(x, 503, NULL, NULL, "the server has no memory for this request now; try again");
    return swallow(x, n);
}

const char *exchange_body_file(const struct exchange *x, uint64_t *n)
{
    *n = x->spooled;
    return x->spool_path ? x->spool_path : "";
}

/* ---- answering whole ---- */

int exchange_answered(struct exchange *x)
{
    pthread_mutex_lock(&x->lock);
    int answered = x->phase != PHASE_ASKED;
    pthread_mutex_unlock(&x->lock);
    return answered;
}

int exchange_begun(const struct exchange *x)
{
    struct exchange *m = (struct exchange *)(uintptr_t)x;
    pthread_mutex_lock(&m->lock);
    int begun = x->phase == PHASE_STREAM;
    pthread_mutex_unlock(&m->lock);
    return begun;
}

int exchange_streams(struct exchange *x)
{
    pthread_mutex_lock(&x->lock);
    int streams = x->phase == PHASE_STREAM || x->phase == PHASE_ENDED;
    pthread_mutex_unlock(&x->lock);
    return streams;
}

int exchange_gone(const struct exchange *x)
{
    return x->gone || x->s->cancelling;
}

void exchange_resume(struct exchange *x)
{
    if (x->suspended && x->wire) {
        x->suspended = 0;
        wire_resume(x->wire);
    }
}

void exchange_set(struct exchange *x, const char *name, const char *value)
{
    pthread_mutex_lock(&x->lock);
    if (x->phase == PHASE_ASKED) exchange_add(x, &x->more, name, value);
    pthread_mutex_unlock(&x->lock);
}

/* Takes *b. */
static void reply(struct exchange *x, int status, const char *type, struct buf *b)
{
    pthread_mutex_lock(&x->lock);
    if (x->phase == PHASE_ASKED && !x->gone) {
        char *kept = arena_strndup(&x->arena, type, strlen(type));
        x->status = kept ? status : 500;
        x->type = kept ? kept : "text/plain";
        x->out = *b;
        *b = (struct buf){0};
        x->phase = PHASE_WHOLE;
        exchange_resume(x);
    }
    pthread_mutex_unlock(&x->lock);
    buf_free(b);
}

void exchange_reply(struct exchange *x, int status, const char *type, const void *data, size_t n)
{
    static const char none[] = "the server has no memory for this answer\n";
    struct buf b = {0};
    if (buf_put(&b, data, n) == HEARTH_OK) {
        reply(x, status, type, &b);
        return;
    }
    buf_free(&b);
    if (buf_puts(&b, none) != HEARTH_OK) buf_free(&b);
    reply(x, 500, "text/plain; charset=utf-8", &b);
}

void exchange_reply_file(struct exchange *x, int status, const char *type, int fd, uint64_t at, uint64_t n)
{
    struct buf none = {0};
    pthread_mutex_lock(&x->lock);
    int mine = x->phase == PHASE_ASKED && !x->gone;
    if (mine) x->file = fd, x->file_at = at, x->file_n = x->file_left = n;
    pthread_mutex_unlock(&x->lock);
    if (mine) reply(x, status, type, &none);
    else close(fd);
}

void exchange_reply_json(struct exchange *x, int status, json_t *body)
{
    char *text = body && !jsontext_refused() ? jsontext_dump(body) : NULL;
    json_decref(body);
    jsontext_trust();
    if (text) exchange_reply(x, status, "application/json", text, strlen(text));
    else exchange_error(x, 500, NULL, NULL, "the answer could not be written as JSON: the server has no memory, or a text is not UTF-8");
    free(text);
}

const char *http_error_type(enum http_dialect d, int status)
{
    int theirs = d == DIALECT_ANTHROPIC;
    switch (status) {
    case 401: return "authentication_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 413: return theirs ? "request_too_large" : "invalid_request_error";
    case 429: return "rate_limit_error";
    case 503: return "overloaded_error";
    default: return status < 500 ? "invalid_request_error" : theirs ? "api_error" : "server_error";
    }
}

static enum http_dialect dialect_of(const struct exchange *x)
{
    if (x->route) return x->route->dialect;
    if (x->path && strncmp(x->path, "/v1/messages", 12) == 0) return DIALECT_ANTHROPIC;
    if (x->path && strncmp(x->path, "/v1/", 4) == 0) return DIALECT_OPENAI;
    return x->path && strncmp(x->path, "/api/", 5) == 0 ? DIALECT_OLLAMA : DIALECT_PLAIN;
}

void exchange_error(struct exchange *x, int status, const char *param, const char *code, const char *fmt, ...)
{
    enum http_dialect d = dialect_of(x);
    struct buf text = {0};
    json_t *body = NULL;
    va_list ap;
    if (jsontext_refused() && status < 500) status = 500, param = code = NULL;    /* what the client seemed to lack was lost here */
    else {
        va_start(ap, fmt);
        if (buf_vprintf(&text, fmt, ap) != HEARTH_OK) buf_free(&text);
        va_end(ap);
    }
    jsontext_trust();
    const char *said = text.data ? text.data : "the server has no memory";
    json_t *message = json_string(said);
    if (!message) message = json_string("a text in the request is not UTF-8");
    if (d == DIALECT_OPENAI)
        body = json_pack("{s:{s:o, s:s, s:s?, s:s?}}", "error", "message", message, "type", http_error_type(d, status), "param", param, "code", code);
    else if (d == DIALECT_ANTHROPIC)
        body = json_pack("{s:s, s:{s:s, s:o}}", "type", "error", "error", "type", http_error_type(d, status), "message", message);
    else if (d == DIALECT_OLLAMA) body = json_pack("{s:o}", "error", message);
    else json_decref(message);
    char *line = body ? jsontext_dump(body) : NULL;
    json_decref(body);
    if (line) exchange_reply(x, status, "application/json", line, strlen(line));
    else if (buf_putc(&text, '\n') == HEARTH_OK) exchange_reply(x, status, "text/plain; charset=utf-8", text.data, text.len);
    else exchange_reply(x, status, "text/plain; charset=utf-8", said, strlen(said));
    free(line);
    buf_free(&text);
}

int http_status(enum hearth_status st)
{
    switch (st) {
    case HEARTH_OK: return 200;
    case HEARTH_EUSAGE: case HEARTH_EFORMAT: case HEARTH_ECONTEXT: case HEARTH_EUNSUPPORTED: case HEARTH_ELICENSE: case HEARTH_ELIMIT: return 400;
    case HEARTH_ENOTFOUND: return 404;
    case HEARTH_EBUSY: case HEARTH_ECANCELLED: return 503;
    case HEARTH_ENETWORK: return 502;
    default: return 500;
    }
}

const char *http_said(const char *said)
{
    static __thread char text[2048];
    words_without_folders(said, text, sizeof text);
    return text;
}

void exchange_fail(struct exchange *x, enum hearth_status st, const char *message)
{
    int status = http_status(st);
    if (!message) message = hearth_errmsg();
    if (status == 503) exchange_set(x, "Retry-After", "2");
    exchange_error(x, status, NULL, st == HEARTH_ECONTEXT ? "context_length_exceeded" : st == HEARTH_ENOTFOUND ? "model_not_found" : NULL,
                   "%s", *message ? http_said(message) : hearth_status_name(st));
}

/* ---- answering in pieces ---- */

void exchange_begin(struct exchange *x, const char *type)
{
    pthread_mutex_lock(&x->lock);
    if (x->phase == PHASE_ASKED && !x->gone) {
        char *kept = arena_strndup(&x->arena, type, strlen(type));
        x->status = 200;
        x->type = kept ? kept : "text/plain";
        x->phase = PHASE_STREAM;
        exchange_resume(x);
    }
    pthread_mutex_unlock(&x->lock);
}

/* With the lock.  The watch tells the route, not this thread: it may be the engine's. */
static void leave(struct exchange *x)
{
    if (x->gone) return;
    x->gone = 1;
    x->fire = 1;
    exchange_resume(x);
    watch_poke(x->s);
}

void exchange_put(struct exchange *x, const void *data, size_t n)
{
    pthread_mutex_lock(&x->lock);
    if (x->phase == PHASE_STREAM && !x->gone && n) {
        if (x->out_at > 0 && (x->out_at == x->out.len || x->out_at >= QUEUE_MAX / 4)) {
            memmove(x->out.data, x->out.data + x->out_at, x->out.len - x->out_at);
            x->out.len -= x->out_at;
            x->out_at = 0;
        }
        if (n > x->largest) x->largest = n;            /* however large one is, a client that reads gets it */
        if (x->out.len - x->out_at + n > QUEUE_MAX + x->largest || buf_put(&x->out, data, n) != HEARTH_OK) leave(x);
        else exchange_resume(x);
    }
    pthread_mutex_unlock(&x->lock);
}

void exchange_put_json(struct exchange *x, const char *before, json_t *body, const char *after)
{
    struct buf b = {0};
    char *text = body && !jsontext_refused() ? jsontext_dump(body) : NULL;
    json_decref(body);
    jsontext_trust();
    if (text && buf_puts(&b, before) == HEARTH_OK && buf_puts(&b, text) == HEARTH_OK && buf_puts(&b, after) == HEARTH_OK)
        exchange_put(x, b.data, b.len);
    else exchange_leave(x);                            /* an answer with a hole in it is worse than one that broke off */
    free(text);
    buf_free(&b);
}

void exchange_end(struct exchange *x)
{
    pthread_mutex_lock(&x->lock);
    size_t left = x->out.len - x->out_at;
    if (x->phase == PHASE_STREAM) {
        x->phase = PHASE_ENDED;
        exchange_resume(x);
    }
    pthread_mutex_unlock(&x->lock);
    exchange_patience(x, BODY_SECONDS + (double)left / SLOWEST);
}

long exchange_take(struct exchange *x, char *to, size_t max)
{
    long n;
    pthread_mutex_lock(&x->lock);
    size_t left = x->out.len - x->out_at;
    if (x->gone) n = -2;
    else if (left) {
        n = (long)(left < max ? left : max);
        memcpy(to, x->out.data + x->out_at, (size_t)n);
        x->out_at += (size_t)n;
        x->sent += (size_t)n;
    } else if (x->phase == PHASE_ENDED) n = -1;
    else {
        n = 0;
        x->suspended = 1;
        wire_suspend(x->wire);
    }
    pthread_mutex_unlock(&x->lock);
    return n;
}

/* ---- clients that leave ---- */

void exchange_leave(struct exchange *x)
{
    pthread_mutex_lock(&x->lock);
    if (x->phase == PHASE_ASKED || x->phase == PHASE_STREAM) leave(x);
    pthread_mutex_unlock(&x->lock);
}

void exchange_fire(struct exchange *x)
{
    void (*fn)(void *user) = NULL;
    void *user = NULL;
    pthread_mutex_lock(&x->lock);
    if (x->on_gone && !x->told) {
        fn = x->on_gone, user = x->on_gone_user;
        x->told = x->calling = 1;
        x->caller = pthread_self();
    }
    pthread_mutex_unlock(&x->lock);
    if (!fn) return;
    fn(user);
    pthread_mutex_lock(&x->lock);
    x->calling = 0;
    pthread_cond_broadcast(&x->told_cond);
    pthread_mutex_unlock(&x->lock);
}

void exchange_on_gone(struct exchange *x, void (*fn)(void *user), void *user)
{
    pthread_mutex_lock(&x->lock);
    while (!fn && x->calling && !pthread_equal(x->caller, pthread_self())) pthread_cond_wait(&x->told_cond, &x->lock);
    x->on_gone = fn;
    x->on_gone_user = user;
    x->told = 0;
    int now = fn && (x->gone || x->s->cancelling);
    pthread_mutex_unlock(&x->lock);
    if (now) exchange_fire(x);
}

/* MHD's last word about a request, whether it was answered or the connection broke. */
void exchange_closed(struct exchange *x)
{
    struct server *s = x->s;
    pthread_mutex_lock(&x->lock);
    x->wire = NULL;
    x->suspended = 0;
    int unfinished = x->phase == PHASE_ASKED || x->phase == PHASE_STREAM;
    if (unfinished && !x->gone) {
        x->gone = 1;
        x->fire = 1;
        watch_poke(s);
    }
    int gone = x->gone, status = x->phase == PHASE_ASKED ? 0 : x->status;
    uint64_t bytes = x->phase == PHASE_WHOLE && x->file < 0 ? x->out.len : x->sent;
    pthread_mutex_unlock(&x->lock);
    pthread_mutex_lock(&s->lock);
    if (x->conn) {
        x->conn->x = NULL;
        x->conn->deadline = clock_seconds() + IDLE_SECONDS / s->p.hurry;
    }
    x->conn = NULL;
    s->counts.requests++;
    s->counts.gone += (uint64_t)gone;
    s->counts.status[status >= 100 && status < 600 ? status / 100 : 0]++;
    s->counts.put_bytes += bytes;
    pthread_mutex_unlock(&s->lock);
    server_log_request(x, status);
    exchange_unref(x);
}
