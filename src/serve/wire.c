/* wire.c - the server on libmicrohttpd: one thread with epoll, connections suspended while there is nothing to send.
 *
 *     on_connection ─► on_target ─► on_request (headers) ─► on_request (pieces of the body) ─► on_request (all is here)
 *                                        │                                                        │
 *                                  exchange_check                                      suspended, a worker runs the route
 *                                                                                                 │ resumed by the answer
 *                       on_completed ◄── sent, or broken ◄── pull (streams) ◄── on_request: the answer is queued
 *
 * What MHD 0.9.75 does not do is done here and in watch.c: it forgets suspended connections (their clients, and their time), its
 * time limit begins anew with every byte, and an answer that is queued while a body still comes is refused. */
#include "serve/disk.h"

#include <microhttpd.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"

enum { PIECE = 16 << 10, FILE_PIECE = 64 << 10, TLS_FILE_MAX = 1 << 20 };

struct wire { struct MHD_Daemon *daemon; char *cert, *key; };

/* ---- connections ---- */

static void conn_open(struct server *s, struct MHD_Connection *c, void **mine)
{
    const union MHD_ConnectionInfo *fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct sockaddr_storage at;
    socklen_t n = sizeof at;
    struct conn *k = calloc(1, sizeof *k);
    *mine = k;
    if (!k || !fd) return;
    k->s = s;
    k->fd = fd->connect_fd;
    k->deadline = clock_seconds() + HEAD_SECONDS / s->p.hurry;
    if (getsockname(k->fd, (struct sockaddr *)&at, &n) != 0 ||
        getnameinfo((struct sockaddr *)&at, n, k->local, sizeof k->local, NULL, 0, NI_NUMERICHOST) != 0)
        k->local[0] = 0;
    pthread_mutex_lock(&s->lock);
    k->id = ++s->next_id;
    if ((k->next = s->conns)) k->next->prev = k;
    s->conns = k;
    pthread_mutex_unlock(&s->lock);
}

static void conn_close(struct server *s, struct conn *k)
{
    if (!k) return;
    pthread_mutex_lock(&s->lock);
    if (k->prev) k->prev->next = k->next;
    else if (s->conns == k) s->conns = k->next;
    if (k->next) k->next->prev = k->prev;
    pthread_mutex_unlock(&s->lock);
    free(k);
}

static void on_connection(void *user, struct MHD_Connection *c, void **mine, enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED) conn_open(user, c, mine);
    else conn_close(user, *mine), *mine = NULL;
}

static struct conn *conn_of(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *i = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return i ? i->socket_context : NULL;
}

/* MHD ends its decoded path at a NUL: what a client wrote after %00 would not be looked at. */
static void *on_target(void *user, const char *target, struct MHD_Connection *c)
{
    struct conn *k = conn_of(c);
    (void)user;
    if (k) k->bad_target = strstr(target, "%00") != NULL;
    return NULL;
}

/* ---- the answer ---- */

static ssize_t pull(void *user, uint64_t at, char *to, size_t max)
{
    (void)at;
    long n = exchange_take(user, to, max);
    return n >= 0 ? (ssize_t)n : n == -1 ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
}

static ssize_t pull_file(void *user, uint64_t at, char *to, size_t max)
{
    (void)at;
    long n = disk_take(user, to, max);
    return n >= 0 ? (ssize_t)n : n == -1 ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void pulled(void *user)
{
    exchange_unref(user);
}

static void add_headers(struct exchange *x, struct MHD_Response *r)
{
    int cache = 0, policy = 0;
    if (x->status != 204) MHD_add_response_header(r, "Content-Type", x->type);
    for (size_t i = 0; i < x->more.n; i++) {
        MHD_add_response_header(r, x->more.at[i].name, x->more.at[i].value);
        cache |= strcasecmp(x->more.at[i].name, "Cache-Control") == 0;
        policy |= strcasecmp(x->more.at[i].name, "Cross-Origin-Resource-Policy") == 0;
    }
    MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    if (!cache) MHD_add_response_header(r, "Cache-Control", "no-store");
    if (!policy) MHD_add_response_header(r, "Cross-Origin-Resource-Policy", "same-origin");
    MHD_add_response_header(r, "Vary", "Origin");
    if (x->origin) {
        MHD_add_response_header(r, "Access-Control-Allow-Origin", x->origin);
        MHD_add_response_header(r, "Access-Control-Expose-Headers", "*");
    }
    if (x->s->stopping) MHD_add_response_header(r, "Connection", "close");
}

/* x is answered: what is read here does not change any more.  Without its lock, since MHD locks a response of its own around pull(). */
static enum MHD_Result answer(struct exchange *x, struct MHD_Connection *c)
{
    struct MHD_Response *r;
    enum MHD_Result queued;
    int stream = exchange_streams(x), pieces = stream || x->file >= 0;
    if (pieces) {
        pthread_mutex_lock(&x->s->lock);
        exchange_ref(x);
        pthread_mutex_unlock(&x->s->lock);
        r = MHD_create_response_from_callback(stream ? MHD_SIZE_UNKNOWN : x->file_n, stream ? PIECE : FILE_PIECE, stream ? pull : pull_file, x, pulled);
        if (!r) exchange_unref(x);
    } else r = MHD_create_response_from_buffer(x->out.len, x->out.data ? x->out.data : (void *)(uintptr_t)"", MHD_RESPMEM_PERSISTENT);
    if (!r) return MHD_NO;
    add_headers(x, r);
    queued = MHD_queue_response(c, (unsigned)x->status, r);
    MHD_destroy_response(r);
    if (!stream) exchange_patience(x, BODY_SECONDS + (double)(x->out.len + x->file_n) / SLOWEST);
    return queued;
}

/* ---- the request ---- */

static enum MHD_Result copy_field(void *user, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct exchange *x = user;
    int ok = exchange_add(x, kind == MHD_HEADER_KIND ? &x->headers : &x->query, name, value ? value : "");
    if (!ok) x->too_many = 1;
    return ok ? MHD_YES : MHD_NO;
}

static size_t body_bytes(const struct exchange *x)
{
    const char *text = exchange_header(x, "Content-Length");
    return text ? (size_t)strtoull(text, NULL, 10) : 0;
}

static enum MHD_Result begin(struct server *s, struct MHD_Connection *c, const char *method, const char *path, void **mine)
{
    struct conn *k = conn_of(c);
    struct exchange *x = k ? exchange_open(s, k, c, method, path) : NULL;
    *mine = x;
    if (!x) return MHD_NO;
    memcpy(x->local, k->local, sizeof x->local);
    exchange_patience(x, BODY_SECONDS);
    MHD_get_connection_values(c, MHD_HEADER_KIND, copy_field, x);
    MHD_get_connection_values(c, MHD_GET_ARGUMENT_KIND, copy_field, x);
    if (x->too_many || k->bad_target) x->unclear = 1, exchange_set(x, "Connection", "close");     /* not looked at whole: nothing may follow it */
    if (x->too_many) exchange_error(x, 431, NULL, NULL, "a request has at most %d headers and parameters", HEADERS_MAX);
    else if (k->bad_target) exchange_error(x, 400, NULL, NULL, "the target of the request is no path");
    else exchange_check(x, body_bytes(x));
    if (!exchange_answered(x) && (body_bytes(x) || exchange_header(x, "Transfer-Encoding"))) watch_arm(x, 0);
    if (!exchange_answered(x) || (!x->unclear && body_bytes(x) <= SWALLOW_MAX && !exchange_header(x, "Expect"))) return MHD_YES;
    return answer(x, c);                               /* the rest of it is not worth waiting for: MHD closes the connection */
}

/* All of it is here, and here again after each resume. */
static enum MHD_Result ready(struct exchange *x, struct MHD_Connection *c)
{
    if (disk_flush(x)) return MHD_YES;
    pthread_mutex_lock(&x->lock);
    int gone = x->gone, asked = x->phase == PHASE_ASKED, hand = asked && !gone && !x->handed;
    if (asked && !gone) {
        x->handed = x->suspended = 1;
        MHD_suspend_connection(c);
    }
    pthread_mutex_unlock(&x->lock);
    if (gone) return MHD_NO;
    if (!asked) return answer(x, c);
    if (hand) {
        exchange_hold(x);
        watch_arm(x, 1);
        if (!workers_add(x->s, WORK_ROUTE, x, NULL, NULL)) {
            exchange_error(x, 500, NULL, NULL, "the server has no memory for this request");
            exchange_drop(x);
        }
    }
    return MHD_YES;
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *c, const char *url, const char *method, const char *version,
                                  const char *data, size_t *n, void **mine)
{
    (void)version;
    if (!*mine) return begin(user, c, method, url, mine);
    if (!*n) return ready(*mine, c);
    int go_on = exchange_collect(*mine, data, *n);
    *n = 0;
    return go_on ? MHD_YES : MHD_NO;
}

static void on_completed(void *user, struct MHD_Connection *c, void **mine, enum MHD_RequestTerminationCode why)
{
    (void)user, (void)c, (void)why;
    if (*mine) exchange_closed(*mine);
    *mine = NULL;
}

void wire_resume(void *connection)
{
    MHD_resume_connection(connection);
}

void wire_suspend(void *connection)
{
    MHD_suspend_connection(connection);
}

/* ---- starting, stopping ---- */

static enum hearth_status read_pem(const char *path, int secret, char **out)
{
    struct stat about;
    FILE *f = fopen(path, "re");
    if (!f) return fail_errno(path, "cannot open");
    enum hearth_status st = HEARTH_OK;
    if (fstat(fileno(f), &about) != 0 || !S_ISREG(about.st_mode)) st = fail(HEARTH_EIO, "%s: not a regular file", path);
    else if (secret && (about.st_mode & 077))
        st = fail(HEARTH_EIO, "%s: others can read this key (mode %04o), so it may have been copied; `chmod 600` it if you are sure that "
                              "nobody did", path, (unsigned)about.st_mode & 07777);
    else if (about.st_size <= 0 || about.st_size > TLS_FILE_MAX)
        st = fail(HEARTH_EFORMAT, "%s: %lld bytes; a PEM file has between 1 and %d", path, (long long)about.st_size, TLS_FILE_MAX);
    else if (!(*out = mem_array((size_t)about.st_size + 1, 1))) st = HEARTH_ENOMEM;
    else if (fread(*out, 1, (size_t)about.st_size, f) != (size_t)about.st_size) st = fail_errno(path, "cannot read");
    if (st == HEARTH_OK && !strstr(*out, "-----BEGIN ")) st = fail(HEARTH_EFORMAT, "%s: not a PEM file (no line \"-----BEGIN ...\")", path);
    fclose(f);
    return st;
}

static enum hearth_status read_tls(const struct server_params *p, struct wire *w)
{
    if (!p->tls_cert && !p->tls_key) return HEARTH_OK;
    if (!p->tls_cert || !p->tls_key) return fail(HEARTH_EUSAGE, "TLS needs both files, the certificate and its key");
    if (MHD_is_feature_supported(MHD_FEATURE_SSL) != MHD_YES)
        return fail(HEARTH_EUNSUPPORTED, "the libmicrohttpd of this system was built without TLS");
    TRY(read_pem(p->tls_cert, 0, &w->cert));
    return read_pem(p->tls_key, 1, &w->key);
}

static void wire_free(struct wire *w)
{
    if (w->key) explicit_bzero(w->key, strlen(w->key));
    free(w->cert);
    free(w->key);
    free(w);
}

enum hearth_status wire_prepare(struct server *s)
{
    struct wire *w = mem_array(1, sizeof *w);
    if (!w) return HEARTH_ENOMEM;
    s->wire = w;
    TRY(read_tls(&s->p, w));
    s->tls = w->key != NULL;
    return HEARTH_OK;
}

enum hearth_status wire_open(struct server *s)
{
    static const char priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
    struct wire *w = s->wire;
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, w->cert}, {MHD_OPTION_HTTPS_MEM_KEY, 0, w->key},
                                   {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)priorities}, {MHD_OPTION_END, 0, NULL}};
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | (w->key ? MHD_USE_TLS : 0);
    w->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET, s->listen_fd,
                                 MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
                                 MHD_OPTION_URI_LOG_CALLBACK, on_target, s, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
                                 MHD_OPTION_PER_IP_CONNECTION_LIMIT, s->loopback ? 0u : (unsigned)PER_ADDRESS,
                                 MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(PATIENCE / s->p.hurry) + 1,
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_OF_ONE, MHD_OPTION_STRICT_FOR_CLIENT, 1,
                                 MHD_OPTION_ARRAY, w->key ? tls : tls + 3, MHD_OPTION_END);
    if (w->daemon) return HEARTH_OK;
    if (w->key)
        return fail(HEARTH_EFORMAT, "%s and %s are no certificate and key that belong together, or the server has no memory", s->p.tls_cert,
                    s->p.tls_key);
    return fail_errno(s->p.address, "the HTTP server cannot start");
}

void wire_quiesce(struct server *s)
{
    struct wire *w = s->wire;
    int fd = MHD_quiesce_daemon(w->daemon);
    if (fd >= 0) close(fd);
    s->listen_fd = -1;
}

void wire_close(struct server *s)
{
    struct wire *w = s->wire;
    if (w->daemon) MHD_stop_daemon(w->daemon);
    wire_free(w);
    s->wire = NULL;
}
