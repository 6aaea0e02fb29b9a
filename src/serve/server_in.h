/* server_in.h - what the files of the server share: the server, a connection, an exchange.
 *
 *     wire.c      MHD: the only file that knows it          check.c    Host, Origin, key, route
 *     exchange.c  what routes see                           hosts.c    the words of Host and Origin, pure
 *     workers.c   threads for routes                        limits.c   what each key has used
 *     watch.c     who left, who is too slow                 listen.c   the address, and who has it already
 *
 * Locks: an exchange's own may be held when the server's is taken, never the other way round.  The server's guards its lists,
 * the counts and the references; an exchange's guards what is answered and how far. */
#ifndef HEARTH_SERVE_SERVER_IN_H
#define HEARTH_SERVE_SERVER_IN_H

#include <pthread.h>
#include <stdatomic.h>
#include "base/mem.h"
#include "hub/confine.h"
#include "serve/http.h"
#include "serve/keys.h"
#include "serve/serve.h"

enum {
    CONNECTIONS = 512,               /* at once; further ones wait in the system's queue */
    PER_ADDRESS = 256,
    HEADERS_MAX = 100,
    MEMORY_OF_ONE = 64 << 10,        /* of a connection: all its headers must fit; else MHD answers 431 */
    PATIENCE = 60,                   /* seconds without a byte, in either direction, while one is awaited */
    HEAD_SECONDS = 20,               /* from connecting to the end of the first headers */
    IDLE_SECONDS = 90,               /* from an answer to the end of the next headers */
    BODY_SECONDS = 20,               /* for a body, and for taking an answer, whatever its size, and then ... */
    SLOWEST = 4096,                  /* ... bytes a second */
    BODY_MAX = 16 << 20,
    BODIES_MAX = 256 << 20,          /* of all clients together */
    SWALLOW_MAX = 1 << 20,           /* of a refused body is read, so that the client sees the answer */
    QUEUE_MAX = 1 << 20,             /* of a stream that the client does not read, beside its largest piece */
    WORKERS_MAX = 256,               /* a route that waits for a model holds one; how many may wait for what: share.h */
    DISKERS_MAX = 8                  /* uploads and files on their way, a piece at a time */
};

struct field { const char *name, *value; };
struct fields { struct field *at; size_t n, cap; };

enum phase {
    PHASE_ASKED,                     /* nothing has been answered */
    PHASE_WHOLE,                     /* the answer is here whole: status, type, out */
    PHASE_STREAM,                    /* pieces come */
    PHASE_ENDED                      /* the last piece has come */
};

struct conn {                        /* one connection of a client, between two calls of MHD's notification */
    struct conn *prev, *next;
    struct server *s;
    uint64_t id;
    int fd;
    int watched;                     /* is in the watch's epoll */
    int whole;                       /* its request has come as a whole */
    char local[64];                  /* our address as this client reached it; "": unknown */
    int bad_target;                  /* its request line has %00 in it */
    double deadline;                 /* when it is shut down; INFINITY: it waits for us */
    struct exchange *x;
};

struct exchange {
    struct exchange *prev, *next;
    struct server *s;
    struct conn *conn;               /* with the server's lock; NULL when MHD has done with it */
    int refs, holds;                 /* with the server's lock; holds: those of workers and routes */
    int ended;                       /* with the server's lock: rounds of a server that stops have come by */
    const struct route *route;       /* NULL: none */
    enum http_method method;
    char method_name[12];
    char *path;
    const char *rest;
    struct fields headers, query;
    struct arena arena;
    struct buf body;
    int spool;                       /* the body's file; -1: none yet */
    char *spool_path;
    uint64_t spooled;                /* bytes handed to the disk */
    struct buf piece;                /* of the body, on its way to the file */
    double rested, owed, waited;     /* since when it rests for the disk, seconds it had left then, how long it has rested in all */
    size_t body_max, swallowed;
    int counted_body;                /* bytes counted in the server's sum */
    struct key key;                  /* the one shown; name "" without */
    char local[64];                  /* the address the client reached us at; "": unknown */
    const char *origin;              /* an allowed origin, to be named in the answer */
    double began;

    pthread_mutex_t lock;
    pthread_cond_t told_cond;
    void *wire;                      /* MHD's connection, until it has done with it */
    int too_many;                    /* headers */
    int unclear;                     /* where its body ends */
    int handed;                      /* to a worker */
    int suspended;
    int at_disk;                     /* a disk thread is at work for it */
    enum phase phase;
    int status;
    const char *type;
    struct fields more;              /* of the answer's head */
    struct buf out;
    int file;                        /* the answer is a piece of this file; -1: it is in out */
    uint64_t file_at, file_n, file_left;   /* what comes next, all of the answer, what is not read yet */
    int file_bad;
    size_t out_at, sent, largest;
    atomic_int gone, fire;           /* fire: somebody has to be told */
    void (*on_gone)(void *user);
    void *on_gone_user;
    int told, calling;
    pthread_t caller;
};

struct job { struct job *next; struct exchange *x; void (*fn)(void *user); void *user; };

enum work {
    WORK_ROUTE,
    WORK_LATER,                      /* what was put off: it goes before routes, and has a thread of its own besides */
    WORK_DISK,                       /* pieces to and from the disk, by threads that do nothing else */
    WORK_KINDS
};

struct workers {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct job *first[WORK_KINDS], **last[WORK_KINDS];
    pthread_t thread[WORKERS_MAX + 1 + DISKERS_MAX];
    int all, n[WORK_KINDS], idle[WORK_KINDS], stop;
};

struct server {
    const struct route *const *tables;
    size_t n_tables;
    struct server_params p;          /* strings are the server's own */
    struct arena arena;
    struct keeper *keeper;
    struct hub_confined confined;
    void *wire;
    int listen_fd, port, any_key;    /* any_key: a key is needed */
    int loopback, wildcard, tls;
    char url[128], hostname[256];

    pthread_mutex_t lock;
    pthread_cond_t quiet;            /* an exchange is over */
    struct conn *conns;
    struct exchange *exchanges;
    uint64_t next_id;
    size_t bodies;
    struct server_counts counts;
    atomic_int stopping, cancelling;

    pthread_mutex_t key_lock;
    struct keyring keys;
    struct keyring_stamp key_stamp;
    struct limits *limits;

    struct workers workers;
    pthread_t watch;
    int watch_epoll, watch_event;
    atomic_int watch_stop;
};

/* ---- exchange.c ---- */
struct exchange *exchange_open(struct server *s, struct conn *c, void *wire, const char *method, const char *path);
int exchange_add(struct exchange *x, struct fields *to, const char *name, const char *value);   /* 0: no memory, or too many */
/* A piece of the body; 0: the connection is to be closed. */
int exchange_collect(struct exchange *x, const char *data, size_t n);
/* n more bytes are in memory for what was asked, until it is over; 0: all requests together may not have so many. */
int exchange_room(struct exchange *x, size_t n);
/* For a stream: bytes copied; 0: none now, and x is suspended when this returns; -1: the end; -2: the client is gone. */
long exchange_take(struct exchange *x, char *to, size_t max);
void exchange_run(struct exchange *x);                     /* a worker's */
void exchange_leave(struct exchange *x);                   /* the client is gone, says somebody */
void exchange_closed(struct exchange *x);                  /* MHD has done with it */
void exchange_fire(struct exchange *x);                    /* tells who wanted to know, once */
void exchange_ref(struct exchange *x);                     /* with the server's lock */
void exchange_unref(struct exchange *x);
void exchange_patience(struct exchange *x, double seconds);
void exchange_resume(struct exchange *x);                 /* with its lock: MHD goes on with a connection that rests */
int exchange_answered(struct exchange *x);
int exchange_streams(struct exchange *x);                 /* its answer is one in pieces, also when they have all come */

/* ---- check.c ---- */
/* Everything that can be said when the headers are here; afterwards x has a route or an answer. */
void exchange_check(struct exchange *x, size_t body_bytes);

/* ---- server.c ---- */
/* Reads the keys again when their file is another one.  0: not known, or revoked.  *out gets a copy (models: free()). */
int server_match_key(struct server *s, const char *text, struct key *out);
void server_log_request(struct exchange *x, int status);
void server_log(struct server *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- workers.c ---- */
enum hearth_status workers_open(struct server *s);
void workers_close(struct server *s);                      /* everything put off is done first */
/* x's route, or fn(user); 0: no memory, or too late. */
int workers_add(struct server *s, enum work kind, struct exchange *x, void (*fn)(void *user), void *user);

/* ---- watch.c ---- */
enum hearth_status watch_open(struct server *s);
void watch_close(struct server *s);
void watch_arm(struct exchange *x, int whole);
void watch_poke(struct server *s);

/* ---- limits.c ---- */
enum hearth_status limits_open(struct limits **out);
/* Writes what has been used, when it is time or `now`. */
enum hearth_status limits_write(struct limits *l, int now);
void limits_close(struct limits *l);
/* Seconds until it may be tried again; 0: allowed, and counted. */
unsigned limits_request(struct limits *l, const struct key *k);
unsigned limits_tokens_left(struct limits *l, const struct key *k);   /* the same: 0 when some are left */
void limits_add(struct limits *l, const char *name, uint64_t tokens);

/* ---- listen.c ---- */
/* address to a listening socket; *loopback, *wildcard: what kind of address it is.  url gets "host:port". */
struct listening { int fd, port, loopback, wildcard; char shown[96]; };
enum hearth_status listen_open(const char *address, struct listening *out);
/* Whether only this machine can reach that address; EUSAGE: it is none. */
enum hearth_status listen_examine(const char *address, int *loopback);

/* ---- wire.c, wire_none.c ---- */
enum hearth_status wire_prepare(struct server *s);         /* reads the files of TLS; the wire exists then, and is closed by wire_close */
enum hearth_status wire_open(struct server *s);
void wire_quiesce(struct server *s);                       /* no new connections */
void wire_close(struct server *s);
void wire_resume(void *connection);
void wire_suspend(void *connection);

#endif
