/* witness.h - other computers that watch a log: C2SP's tlog-witness.
 *
 *     hearth ledger witness URL                          hearth ledger witness --listen ADDR:PORT
 *     the log's side (witness_log.c)                     the witness's side (witness.c)
 *        old 900, consistency proof, checkpoint   ─────►  is 900 what I signed last?  does it only grow?
 *        the checkpoint with its cosignature      ◄─────  on disk first, then answered: cosignature/v1
 *
 * Whoever keeps a log could keep two, and show each to somebody else.  A witness remembers the newest checkpoint it signed of
 * each log and signs only what contains that one, so a second version, or one cut shorter, gets no cosignature.
 *
 *     the witness's folder     key                              its private key, for the owner only
 *                              logs                             the keys of the logs it watches, one a line; # comments
 *                              <sha256 of the origin>/checkpoint    the newest it signed, with its cosignature
 *     beside a log             ledger/witnesses/<sha256 of the witness's key>/{vkey,url,checkpoint}
 *
 * Neither side's decisions need a network: witness_http.c carries them by libmicrohttpd, witness_post.c by libcurl; where
 * one of these is missing its _none.c says so. */
#ifndef HEARTH_ACCOUNT_WITNESS_H
#define HEARTH_ACCOUNT_WITNESS_H

#include "account/note.h"

/* ---- the witness's side ---- */

struct witness;
/* Opens the folder, made with a new key called `name` when there is none (NULL: a made-up name).  trust: keys of logs as text,
 * besides those of the file. */
enum hearth_status witness_open(const char *dir, const char *name, const char *const *trust, size_t n, struct witness **out);
void witness_close(struct witness *w);
const char *witness_vkey(const struct witness *w);
size_t witness_logs(const struct witness *w);              /* how many it watches */

enum { WITNESS_BODY = 64 << 10 };                          /* bytes of the longest request that is read */
struct witness_answer {              /* witness_answer_free() it */
    int status;                      /* HTTP's: 200, 400, 403, 404, 409, 422, 500 */
    const char *type;                /* Content-Type */
    struct buf body;
    char said[512];                  /* a sentence for the node's own log; "" when there is nothing to say */
};
void witness_answer_free(struct witness_answer *a);
/* add-checkpoint: kept on disk before it is answered.  Several threads and processes may ask at once. */
void witness_add(struct witness *w, const void *body, size_t n, struct witness_answer *out);
/* The newest checkpoint of the log whose origin has that SHA-256 (64 hex digits). */
void witness_get(struct witness *w, const char *origin_hash, struct witness_answer *out);

/* Serves POST /add-checkpoint and GET /<hash>/checkpoint.  on_answer hears of each answer, on the server's thread. */
struct witness_server;
enum hearth_status witness_listen(struct witness *w, const char *address /* "127.0.0.1:8717", "[::1]:0" */,
                                  void (*on_answer)(void *user, const struct witness_answer *a), void *user,
                                  struct witness_server **out);
int witness_port(const struct witness_server *s);
void witness_stop(struct witness_server *s);

/* ---- the log's side ---- */

struct ledger;
struct witness_kept {                /* a cosigned checkpoint beside a log */
    struct note_key key;             /* the witness's */
    char *url, *note;                /* note: checkpoint, the log's signature, this cosignature */
    struct checkpoint at;
    uint64_t time;                   /* of the cosignature, Unix time */
};
void witness_kept_free(struct witness_kept *k, size_t n);  /* and the array */
/* All of them; both signatures of each are checked.  EFORMAT, ECHECKSUM: one of the files was changed. */
enum hearth_status witness_list(struct ledger *l, struct witness_kept **out, size_t *n);
/* The largest of them as one note, with the cosignatures of all witnesses that signed the same; NULL: there is none.
 * free() it. */
enum hearth_status witness_best(const struct witness_kept *k, size_t n, char **note);
/* Writes one into the folder `witnesses` of that log or copy of a log. */
enum hearth_status witness_keep(const char *log_dir, const struct witness_kept *k);
/* Sends the newest checkpoint to the witness at url and keeps its cosignature.  vkey: the witness's key as text; NULL: the one kept
 * for that url from an earlier time.  ECHECKSUM: the witness refuses it, or this ledger is not what it signed before.
 * out: free it by witness_kept_free(allocated array of one). */
enum hearth_status witness_submit(struct ledger *l, const char *url, const char *vkey, struct witness_kept **out);

/* One POST; *body gets at most max bytes of the answer.  ENETWORK: there was none. */
enum hearth_status witness_post(const char *url, const void *data, size_t n, size_t max, long *status, struct buf *body);

#endif
