/* serve_routes - a server with routes of its own, for tests of what every route gets: streams, clients that leave, limits.
 *
 *     serve_routes ADDRESS [--key] [--origin O] [--host-name N] [--cert FILE --tls-key FILE] [--stop SECONDS] [--hurry N]
 *
 * Prints its URL; ends on SIGTERM, gracefully; SIGHUP reads the keys again.  The log goes to standard error.  While the file that SLOW_DISK
 * names is there, reading and writing files stands still. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "serve/serve.h"

static atomic_int left, streams;

static void nap(double seconds)
{
    struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&t, NULL);
}

/* ---- a disk that stands still: in place of the C library's, for the server and for libmicrohttpd ---- */

#define INSTEAD_OF(name) __asm__(name) __attribute__((visibility("default")))
ssize_t slow_write(int fd, const void *data, size_t n) INSTEAD_OF("write");
ssize_t slow_pread(int fd, void *data, size_t n, off_t at) INSTEAD_OF("pread");
ssize_t slow_pread64(int fd, void *data, size_t n, off_t at) INSTEAD_OF("pread64");
ssize_t slow_sendfile(int to, int from, off_t *at, size_t n) INSTEAD_OF("sendfile");
ssize_t slow_sendfile64(int to, int from, off_t *at, size_t n) INSTEAD_OF("sendfile64");

static void wait_for_disk(int fd)
{
    const char *slow = getenv("SLOW_DISK");
    struct stat s;
    if (!slow || fstat(fd, &s) != 0 || !S_ISREG(s.st_mode)) return;
    while (access(slow, F_OK) == 0) nap(0.01);
}

ssize_t slow_write(int fd, const void *data, size_t n)
{
    wait_for_disk(fd);
    return syscall(SYS_write, fd, data, n);
}

ssize_t slow_pread(int fd, void *data, size_t n, off_t at)
{
    wait_for_disk(fd);
    return syscall(SYS_pread64, fd, data, n, at);
}

ssize_t slow_pread64(int fd, void *data, size_t n, off_t at) { return slow_pread(fd, data, n, at); }

ssize_t slow_sendfile(int to, int from, off_t *at, size_t n)
{
    wait_for_disk(from);
    return syscall(SYS_sendfile, to, from, at, n);
}

ssize_t slow_sendfile64(int to, int from, off_t *at, size_t n) { return slow_sendfile(to, from, at, n); }

static double number(struct exchange *x, const char *name, double otherwise)
{
    const char *text = exchange_query(x, name);
    return text ? atof(text) : otherwise;
}

/* The body back. */
static void echo(struct exchange *x)
{
    size_t n;
    const void *body = exchange_body(x, &n);
    exchange_reply(x, 200, "application/octet-stream", body, n);
}

static void object(struct exchange *x)
{
    json_t *j = exchange_object(x);
    if (!j) return;
    nap(number(x, "seconds", 0));
    if (exchange_allowed(x, json_string_value(json_object_get(j, "model")) ? json_string_value(json_object_get(j, "model")) : ""))
        exchange_reply_json(x, 200, json_pack("{s:s, s:I}", "key", exchange_key(x), "members", (json_int_t)json_object_size(j)));
    exchange_used(x, 10, (size_t)json_integer_value(json_object_get(j, "use")));
    json_decref(j);
}

/* What the server knows: how many clients left, how many streams go on. */
static void state(struct exchange *x)
{
    struct server_counts c;
    server_counts(exchange_server(x), &c);
    exchange_reply_json(x, 200, json_pack("{s:i, s:i, s:I, s:I, s:s, s:s}", "left", (int)left, "streams", (int)streams, "open",
                                          (json_int_t)c.open, "gone", (json_int_t)c.gone, "path", exchange_path(x), "rest", exchange_rest(x)));
}

/* ---- streams: a thread of their own puts the pieces, as the engine's does ---- */

struct stream { struct exchange *x; int n; double pause; size_t size; atomic_int stop; };

static void on_gone(void *user)
{
    ((struct stream *)user)->stop = 1;
    left++;
}

static void over(void *user)
{
    struct stream *s = user;
    exchange_on_gone(s->x, NULL, NULL);
    if (!s->stop && exchange_gone(s->x)) on_gone(s);         /* every piece was put before the watch came round to tell it */
    exchange_put(s->x, s->stop ? "cancelled\n" : "done\n", s->stop ? 10 : 5);
    exchange_end(s->x);
    exchange_drop(s->x);
    streams--;
    free(s);
}

static void *pour(void *user)
{
    struct stream *s = user;
    char *piece = calloc(1, s->size + 32);
    for (int i = 0; i < s->n && !s->stop; i++) {
        for (double t = s->pause; t > 0 && !s->stop; t -= 0.05) nap(t < 0.05 ? t : 0.05);
        int k = sprintf(piece, "%d ", i);
        memset(piece + k, '.', s->size);
        piece[(size_t)k + s->size] = '\n';
        exchange_put(s->x, piece, (size_t)k + s->size + 1);
    }
    free(piece);
    server_later(exchange_server(s->x), over, s);
    return NULL;
}

static void stream(struct exchange *x)
{
    struct stream *s = calloc(1, sizeof *s);
    pthread_t t;
    *s = (struct stream){.x = x, .n = (int)number(x, "n", 10), .pause = number(x, "pause", 0.01), .size = (size_t)number(x, "size", 8)};
    streams++;
    exchange_hold(x);
    exchange_on_gone(x, on_gone, s);
    exchange_begin(x, "text/plain");
    pthread_create(&t, NULL, pour, s);
    pthread_detach(t);
}

/* Nothing is answered before the end: the client's leaving must be noticed all the same. */
static void *think(void *user)
{
    struct stream *s = user;
    for (int i = 0; i < s->n && !s->stop; i++) nap(s->pause);
    if (!s->stop) exchange_reply(s->x, 200, "text/plain", "thought\n", 8);
    exchange_on_gone(s->x, NULL, NULL);
    exchange_error(s->x, 503, NULL, NULL, "cancelled");
    exchange_drop(s->x);
    streams--;
    free(s);
    return NULL;
}

static void slow(struct exchange *x)
{
    struct stream *s = calloc(1, sizeof *s);
    pthread_t t;
    *s = (struct stream){.x = x, .n = (int)(number(x, "seconds", 1) * 100), .pause = 0.01};
    streams++;
    exchange_hold(x);
    exchange_on_gone(x, on_gone, s);
    pthread_create(&t, NULL, think, s);
    pthread_detach(t);
}

static void block(struct exchange *x)
{
    nap(number(x, "seconds", 1));
    exchange_reply(x, 200, "text/plain", "waited\n", 7);
}

static void forget(struct exchange *x)
{
    (void)x;
}

static void large(struct exchange *x)
{
    size_t n = (size_t)number(x, "size", 1e6);
    char *data = calloc(1, n);
    exchange_reply(x, 200, "application/octet-stream", data, n);
    free(data);
}

/* How many bytes came, and the sum of them all. */
static void upload(struct exchange *x)
{
    unsigned char piece[4096];
    unsigned long long sum = 0, counted = 0;
    uint64_t n;
    const char *path = exchange_body_file(x, &n);
    FILE *f = *path ? fopen(path, "rb") : NULL;
    for (size_t k; f && (k = fread(piece, 1, sizeof piece, f)) > 0; counted += k)
        for (size_t i = 0; i < k; i++) sum = sum * 31 + piece[i];
    if (f) fclose(f);
    exchange_reply_json(x, 200, json_pack("{s:I, s:I, s:I}", "bytes", (json_int_t)n, "counted", (json_int_t)counted, "sum", (json_int_t)(sum >> 1)));
}

/* A piece of the file SENT_FILE: ?at=, ?n= */
static void send_file(struct exchange *x)
{
    int fd = open(getenv("SENT_FILE"), O_RDONLY | O_CLOEXEC);
    exchange_reply_file(x, 200, "application/octet-stream", fd, (uint64_t)number(x, "at", 0), (uint64_t)number(x, "n", 0));
}

static const struct route routes[] = {
    {HTTP_POST, "/echo", DIALECT_PLAIN, 0, 0, echo},
    {HTTP_POST, "/small", DIALECT_OLLAMA, 0, 100, echo},
    {HTTP_POST, "/v1/object", DIALECT_OPENAI, 0, 0, object},
    {HTTP_POST, "/api/object", DIALECT_OLLAMA, 0, 0, object},
    {HTTP_GET | HTTP_DELETE, "/state", DIALECT_PLAIN, 1, 0, state},
    {HTTP_GET, "/v1/things/*", DIALECT_OPENAI, 0, 0, state},
    {HTTP_GET, "/stream", DIALECT_PLAIN, 0, 0, stream},
    {HTTP_GET | HTTP_POST, "/slow", DIALECT_PLAIN, 0, 0, slow},
    {HTTP_GET, "/block", DIALECT_PLAIN, 0, 0, block},
    {HTTP_GET, "/forget", DIALECT_OLLAMA, 0, 0, forget},
    {HTTP_GET, "/large", DIALECT_PLAIN, 0, 0, large},
    {HTTP_POST | HTTP_SPOOL, "/upload", DIALECT_PLAIN, 0, 4 << 20, upload},
    {HTTP_GET, "/file", DIALECT_PLAIN, 0, 0, send_file},
    {0},
};

static void on_log(void *user, const char *line)
{
    (void)user;
    fprintf(stderr, "%s\n", line);
}

int main(int argc, char **argv)
{
    static const struct route *const tables[] = {routes};
    struct server_params p = {.address = argc > 1 ? argv[1] : "127.0.0.1:0", .without_keeper = 1, .log_requests = 1, .on_log = on_log};
    struct server *s;
    double stop = 2;
    sigset_t wanted;
    int signal_number;
    for (int i = 2; i < argc; i++) {
        const char **to = i + 1 == argc ? NULL : strcmp(argv[i], "--cert") == 0 ? &p.tls_cert : strcmp(argv[i], "--tls-key") == 0 ? &p.tls_key : NULL;
        if (to) *to = argv[++i];
        else if (strcmp(argv[i], "--key") == 0) p.require_key = 1;
        else if (i + 1 < argc && strcmp(argv[i], "--origin") == 0) p.origins = (const char *const *)&argv[++i], p.n_origins = 1;
        else if (i + 1 < argc && strcmp(argv[i], "--host-name") == 0) p.hosts = (const char *const *)&argv[++i], p.n_hosts = 1;
        else if (i + 1 < argc && strcmp(argv[i], "--hurry") == 0) p.hurry = atof(argv[++i]);
        else if (i + 1 < argc && strcmp(argv[i], "--stop") == 0) stop = atof(argv[++i]);
        else return 2;
    }
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &wanted, NULL);
    if (server_open_with(&p, tables, 1, &s) != HEARTH_OK) {
        fprintf(stderr, "%s\n", hearth_errmsg());
        return 1;
    }
    printf("%s\n", server_url(s));
    fflush(stdout);
    while (sigwait(&wanted, &signal_number) == 0 && signal_number == SIGHUP)
        if (server_reload(s) != HEARTH_OK) fprintf(stderr, "%s\n", hearth_errmsg());
    server_stop(s, stop);
    return 0;
}
