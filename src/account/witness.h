/* witness.h - other computers that watch a log: C2SP's tlog-witness.
 *
 *     hearth ledger witness URL                          hearth ledger witness --listen ADDR:PORT
 *     the log's side                                     the witness's side
 *        old 900, consistency proof, checkpoint   ─────►  is 900 what I saw last?  does it only grow?
 *        checkpoint + cosignature, kept           ◄─────  kept on disk, then signed: cosignature/v1
 *
 * One person alone can keep two versions of a log and show each to somebody else.  A witness keeps the newest checkpoint of each log
 * it knows and signs only what contains it, so that a second version, or one cut shorter, is refused.
 *
 * The witness's folder:    key              its private key (owner only)
 *                          logs             the keys of the logs it watches, one a line
 *                          <sha256 of the origin>/checkpoint    the newest one it signed, with its cosignature
 * Beside the log:          ledger/witnesses/<sha256 of the witness's key>/{vkey,url,checkpoint}
 *
 * witness.c holds what both sides decide, without any network; witness_http.c serves it by libmicrohttpd, witness_ask.c asks by
 * libcurl; where one of these is missing its _none.c says so. */
#ifndef HEARTH_ACCOUNT_WITNESS_H
#define HEARTH_ACCOUNT_WITNESS_H

#include "base/mem.h"

/* ---- the witness's side ---- */

struct witness;
/* Opens the folder, made with a new key named `name` when there is none (NULL: a name made from the key).  trust: more
 * keys of logs, besides the file's. */
enum hearth_status witness_open(const char *dir, const char *name, const char *const *trust, size_t n, struct witness **out);
void witness_close(struct witness *w);
const char *witness_vkey(const struct witness *w);
size_t witness_logs(const struct witness *w);              /* how many logs it watches */

enum { WITNESS_BODY = 64 << 10 };                          /* the longest request that is read */
struct witness_answer {
    int status;                      /* 200, 400, 403, 404, 409, 422, 500 */
    const char *type;                /* Content-Type */
    struct buf body;
    char *said;                      /* one sentence for the node's own log, or NULL */
};
void witness_answer_free(struct witness_answer *a);
/* add-checkpoint.  Kept durably before it is answered; several threads and processes may ask at once. */
void witness_add(struct witness *w, const void *body, size_t n, struct witness_answer *out);
/* The newest checkpoint of the log with that SHA-256 of its origin (64 hex digits). */
void witness_get(struct witness *w, const char *origin_hash, struct witness_answer *out);

/* Serves POST /add-checkpoint and GET /<hash>/checkpoint.  on_answer hears each answer, on a thread of the server's. */
struct witness_server;
enum hearth_status witness_listen(struct witness *w, const char *address /* "127.0.0.1:8717", "[::1]:0" */,
                                  void (*on_answer)(void *user, const struct witness_answer *a), void *user,
                                  struct witness_server **out);
int witness_port(const struct witness_server *s);
void witness_stop(struct witness_server *s);

/* ---- the log's side ---- */

struct ledger;
struct witness_kept {                /* strings are allocated */
    char *vkey, *name, *url, *checkpoint;
    uint64_t size;                   /* of that checkpoint */
    int64_t time;                    /* of the cosignature */
};
void witness_kept_free(struct witness_kept *k, size_t n);  /* and the array */
/* The cosigned checkpoints beside the log in `dir`; each cosignature is checked again. */
enum hearth_status witness_list(const char *dir, struct witness_kept **out, size_t *n);
/* The cosigned checkpoint of the largest size, with the cosignatures of all witnesses of the same one; ENOTFOUND: none.
 * free() it. */
enum hearth_status witness_best(const char *dir, char **checkpoint, uint64_t *size);
/* Sends the newest checkpoint to the witness at url and keeps its cosignature.  vkey: the witness's key; NULL: the one kept
 * for that url from an earlier time.  ECHECKSUM: the witness refuses, or this log is not what it has signed before. */
enum hearth_status witness_submit(const char *dir, struct ledger *l, const char *url, const char *vkey,
                                  struct witness_kept *out);

/* One POST by HTTP; *body gets at most max bytes.  ENETWORK when there was no answer. */
enum hearth_status witness_post(const char *url, const void *data, size_t n, size_t max, long *status, struct buf *body);

#endif
