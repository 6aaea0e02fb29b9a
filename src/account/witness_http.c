/* witness_http.c - a witness behind HTTP, by libmicrohttpd, on one thread of its own.
 *
 *     POST /add-checkpoint                      witness_add
 *     GET  /<sha256 of the origin>/checkpoint   witness_get
 *
 * A request is at most WITNESS_BODY long, there are at most CONNECTIONS at once, and each may stand still for PATIENCE
 * seconds.  Behind TLS it belongs behind a proxy; nothing secret passes here, since checkpoints are signed and public. */
#include "account/witness.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 64, PER_ADDRESS = 16, PATIENCE = 15, MEMORY = 16 << 10 };

struct witness_server {
    struct witness *w;
    struct MHD_Daemon *daemon;
    void (*on_answer)(void *user, const struct witness_answer *a);
    void *user;
    int port;
};

struct request { struct buf body; int too_long; };

/* ---- answering ---- */

static enum MHD_Result reply(struct witness_server *s, struct MHD_Connection *c, struct witness_answer *a)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(a->body.len, a->body.data ? a->body.data : "", MHD_RESPMEM_MUST_COPY);
    enum MHD_Result queued = MHD_NO;
    if (r) {
        MHD_add_response_header(r, "Content-Type", a->type);
        MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
        if (a->status == 405) MHD_add_response_header(r, "Allow", "GET, POST");
        queued = MHD_queue_response(c, (unsigned)a->status, r);
        MHD_destroy_response(r);
    }
    if (s->on_answer && *a->said) s->on_answer(s->user, a);
    witness_answer_free(a);
    return queued;
}

static enum MHD_Result refuse(struct witness_server *s, struct MHD_Connection *c, int status, const char *why)
{
    struct witness_answer a = {.status = status, .type = "text/plain; charset=utf-8"};
    if (buf_printf(&a.body, "%s\n", why) != HEARTH_OK) a.body.len = 0;
    return reply(s, c, &a);
}

static enum MHD_Result get(struct witness_server *s, struct MHD_Connection *c, const char *url)
{
    static const char last[] = "/checkpoint";
    struct witness_answer a;
    char hash[2 * CRYPTO_HASH + 1];
    size_t n = strlen(url);
    if (n != 1 + 2 * CRYPTO_HASH + sizeof last - 1 || strcmp(url + n - (sizeof last - 1), last) != 0)
        return refuse(s, c, 404, "this is a witness of hearth ledgers: POST /add-checkpoint, GET /<SHA-256 of an origin>/checkpoint");
    memcpy(hash, url + 1, sizeof hash - 1);
    hash[sizeof hash - 1] = 0;
    witness_get(s->w, hash, &a);
    return reply(s, c, &a);
}

static enum MHD_Result post(struct witness_server *s, struct MHD_Connection *c, struct request *q, const char *data, size_t *n)
{
    if (*n) {                                          /* a piece of the body: what is too much is read and forgotten */
        if (q->body.len + *n > WITNESS_BODY || buf_put(&q->body, data, *n) != HEARTH_OK) q->too_long = 1;
        *n = 0;
        return MHD_YES;
    }
    if (q->too_long) return refuse(s, c, 413, "a request may have 65536 bytes");
    struct witness_answer a;
    witness_add(s->w, q->body.data ? q->body.data : "", q->body.len, &a);
    return reply(s, c, &a);
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *c, const char *url, const char *method, const char *version,
                                  const char *data, size_t *n, void **mine)
{
    struct witness_server *s = user;
    (void)version;
    if (!*mine) {                                      /* the headers are here */
        *mine = calloc(1, sizeof(struct request));
        return *mine ? MHD_YES : MHD_NO;
    }
    if (strcmp(method, "POST") == 0 && strcmp(url, "/add-checkpoint") == 0) return post(s, c, *mine, data, n);
    if (*n) {
        *n = 0;
        return MHD_YES;
    }
    if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0) return get(s, c, url);
    if (strcmp(method, "POST") == 0) return refuse(s, c, 404, "what is posted here goes to /add-checkpoint");
    return refuse(s, c, 405, "a witness answers GET and POST");
}

static void on_end(void *user, struct MHD_Connection *c, void **mine, enum MHD_RequestTerminationCode why)
{
    struct request *q = *mine;
    (void)user, (void)c, (void)why;
    if (q) buf_free(&q->body);
    free(q);
    *mine = NULL;
}

/* ---- listening ---- */

/* "127.0.0.1:8717", "[::1]:8717" into host and port. */
static enum hearth_status split(const char *address, char host[256], char port[8])
{
    const char *colon = strrchr(address, ':');
    size_t n = colon ? (size_t)(colon - address) : 0;
    int bracket = n > 2 && address[0] == '[' && address[n - 1] == ']';
    unsigned long number = colon && strspn(colon + 1, "0123456789") == strlen(colon + 1) ? strtoul(colon + 1, NULL, 10) : 65536;
    if (n == 0 || n >= 256 || !colon[1] || strlen(colon + 1) > 5 || number > 65535 || (!bracket && memchr(address, ':', n)))
        return fail(HEARTH_EUSAGE, "\"%.80s\" is no address to listen at; one is 127.0.0.1:8717 or [::1]:8717", address);
    memcpy(host, address + bracket, n - 2 * (size_t)bracket);
    host[n - 2 * (size_t)bracket] = 0;
    strcpy(port, colon + 1);
    return HEARTH_OK;
}

static enum hearth_status listen_at(const char *address, int *fd, int *port)
{
    struct addrinfo want = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found = NULL;
    struct sockaddr_storage at;
    socklen_t n = sizeof at;
    char host[256], service[8];
    int on = 1;
    TRY(split(address, host, service));
    int rc = getaddrinfo(host, service, &want, &found);
    if (rc != 0) return fail(HEARTH_EUSAGE, "%s: %s", address, gai_strerror(rc));
    *fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd >= 0) setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    int bad = *fd < 0 || bind(*fd, found->ai_addr, found->ai_addrlen) != 0 || listen(*fd, CONNECTIONS) != 0 ||
              getsockname(*fd, (struct sockaddr *)&at, &n) != 0;
    enum hearth_status st = bad ? fail_errno(address, "cannot listen there") : HEARTH_OK;
    freeaddrinfo(found);
    if (bad && *fd >= 0) close(*fd);
    if (!bad) *port = ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port : ((struct sockaddr_in *)&at)->sin_port);
    return st;
}

enum hearth_status witness_listen(struct witness *w, const char *address, void (*on_answer)(void *user, const struct witness_answer *a),
                                  void *user, struct witness_server **out)
{
    struct witness_server *s = mem_array(1, sizeof *s);
    int fd = -1;
    *out = NULL;
    if (!s) return HEARTH_ENOMEM;
    *s = (struct witness_server){.w = w, .on_answer = on_answer, .user = user};
    enum hearth_status st = listen_at(address, &fd, &s->port);
    if (st == HEARTH_OK) {
        s->daemon = MHD_start_daemon(MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, on_request, s,
                                     MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL,
                                     MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
                                     (unsigned)PER_ADDRESS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)PATIENCE,
                                     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY, MHD_OPTION_END);
        if (!s->daemon) {
            st = fail_errno(address, "the HTTP server cannot start");
            close(fd);
        }
    }
    if (st != HEARTH_OK) free(s);
    else *out = s;
    return st;
}

int witness_port(const struct witness_server *s)
{
    return s->port;
}

void witness_stop(struct witness_server *s)
{
    if (!s) return;
    MHD_stop_daemon(s->daemon);                        /* closes the socket too */
    free(s);
}
