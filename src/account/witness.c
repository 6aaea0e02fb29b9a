/* witness.c - what a witness decides (C2SP tlog-witness, add-checkpoint), without any network.
 *
 *     400  not a request of that form, or an old size above the new one
 *     404  a log that is not watched here
 *     403  not signed by the key of that log
 *     409  the old size is not that of the checkpoint signed last; the answer says which is
 *     422  the proof does not lead from the one to the other: a fork
 *     200  kept on disk, then signed
 *
 * In this order: nothing is said about a log to somebody who has not its signature. */
#include "account/witness.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "account/hex.h"
#include "account/keys.h"
#include "account/proof.h"
#include "os/os.h"

enum { LOGS_FILE = 1 << 20, PROOF_LINES = 63, KEYS_OF_A_LOG = 16 };

struct witness {
    char *dir;
    struct note_signer signer;
    char vkey[NOTE_KEY_TEXT];
    struct note_key *log;
    size_t n, cap;
    pthread_mutex_t one_at_a_time;
};

/* ---- opening ---- */

static enum hearth_status add_log(struct witness *w, const char *what, const char *text)
{
    struct note_key k;
    TRY(note_key_parse(what, text, &k));
    if (k.type != NOTE_ED25519)
        return fail(HEARTH_EUSAGE, "%s: the key of %s is a witness's; a log's is wanted (`hearth ledger verify` prints it)", what, k.name);
    TRY(mem_grow(&w->log, &w->cap, w->n + 1, sizeof *w->log));
    w->log[w->n++] = k;
    return HEARTH_OK;
}

static enum hearth_status read_logs(struct witness *w)
{
    struct buf path = {0};
    char *text = NULL, *rest = NULL;
    size_t n = 0;
    enum hearth_status st = buf_printf(&path, "%s/logs", w->dir);
    if (st == HEARTH_OK) st = os_read_file(path.data, LOGS_FILE, &text, &n);
    if (st == HEARTH_ENOTFOUND) st = HEARTH_OK;
    int number = 0;
    for (char *line = text; line && *line && st == HEARTH_OK; line = rest) {
        char what[512];
        rest = line + strcspn(line, "\n");
        if (*rest) *rest++ = 0;
        snprintf(what, sizeof what, "%s: line %d", path.data, ++number);
        line += strspn(line, " \t\r");
        line[strcspn(line, " \t\r")] = 0;
        if (*line && *line != '#') st = add_log(w, what, line);
    }
    free(text);
    buf_free(&path);
    return st;
}

enum hearth_status witness_open(const char *dir, const char *name, const char *const *trust, size_t n, struct witness **out)
{
    struct witness *w = mem_array(1, sizeof *w);
    struct buf key = {0};
    enum hearth_status st;
    *out = NULL;
    if (!w) return HEARTH_ENOMEM;
    pthread_mutex_init(&w->one_at_a_time, NULL);
    w->dir = strdup(dir);
    if (!w->dir) TRY_GOTO(st, done, fail_memory(strlen(dir) + 1));
    TRY_GOTO(st, done, read_logs(w));                  /* first what may be wrong: a mistake makes no key */
    for (size_t i = 0; i < n; i++) TRY_GOTO(st, done, add_log(w, "--trust", trust[i]));
    TRY_GOTO(st, done, os_mkdirs(dir));
    TRY_GOTO(st, done, buf_printf(&key, "%s/key", dir));
    TRY_GOTO(st, done, keys_load_or_make(key.data, name, NOTE_COSIGNATURE, &w->signer));
    if (w->signer.key.type != NOTE_COSIGNATURE)
        TRY_GOTO(st, done, fail(HEARTH_EFORMAT, "%s: a log's key, where a witness's must be", key.data));
    if (name && strcmp(name, w->signer.key.name) != 0)
        TRY_GOTO(st, done, fail(HEARTH_EUSAGE, "%s: this witness is called %s, not %s; a name cannot be changed, a new folder gets a new "
                                "one", dir, w->signer.key.name, name));
    note_key_print(&w->signer.key, w->vkey);
done:
    buf_free(&key);
    if (st != HEARTH_OK) witness_close(w);
    else *out = w;
    return st;
}

void witness_close(struct witness *w)
{
    if (!w) return;
    keys_wipe(&w->signer, sizeof w->signer);
    pthread_mutex_destroy(&w->one_at_a_time);
    free(w->dir);
    free(w->log);
    free(w);
}

const char *witness_vkey(const struct witness *w)
{
    return w->vkey;
}

size_t witness_logs(const struct witness *w)
{
    return w->n;
}

/* ---- answers ---- */

void witness_answer_free(struct witness_answer *a)
{
    buf_free(&a->body);
    *a = (struct witness_answer){.status = 0};
}

/* The sentence goes to both sides.  Without memory the body stays empty, and the status says enough. */
static void answer(struct witness_answer *a, int status, const char *sentence)
{
    a->status = status;
    a->type = "text/plain; charset=utf-8";
    snprintf(a->said, sizeof a->said, "%s", sentence);
    a->body.len = 0;
    if (buf_printf(&a->body, "%s\n", sentence) != HEARTH_OK) a->body.len = 0;
}

static void answer_size(struct witness_answer *a, const struct checkpoint *last, uint64_t old)
{
    a->status = 409;
    a->type = "text/x.tlog.size";
    snprintf(a->said, sizeof a->said, "%s: asked from %" PRIu64 " entries on, and %" PRIu64 " are signed", last->origin, old, last->size);
    if (buf_printf(&a->body, "%" PRIu64 "\n", last->size) != HEARTH_OK) a->status = 500;
}

/* ---- what is kept ---- */

static enum hearth_status origin_path(const struct witness *w, const char *origin, struct buf *path)
{
    uint8_t hash[CRYPTO_HASH];
    char hex[2 * CRYPTO_HASH + 1];
    TRY(crypto_sha256(&(struct crypto_part){origin, strlen(origin)}, 1, hash));
    hex_write(hash, sizeof hash, hex);
    return buf_printf(path, "%s/%s", w->dir, hex);
}

/* The newest checkpoint signed here; of size 0 when there is none.  Its own cosignature is checked, so that a record somebody
 * changed is noticed. */
static enum hearth_status read_last(const struct witness *w, const char *folder, const char *origin, struct checkpoint *last,
                                    uint64_t *time)
{
    const struct note_key *own = &w->signer.key;
    struct buf path = {0};
    struct note note;
    char *text = NULL;
    size_t n = 0;
    *last = (struct checkpoint){.size = 0};
    *time = 0;
    snprintf(last->origin, sizeof last->origin, "%s", origin);
    TRY(merkle_fold(NULL, 0, last->root));
    enum hearth_status st = buf_printf(&path, "%s/checkpoint", folder);
    if (st == HEARTH_OK) st = os_read_file(path.data, NOTE_MAX, &text, &n);
    if (st == HEARTH_ENOTFOUND) {
        buf_free(&path);
        return HEARTH_OK;
    }
    if (st == HEARTH_OK) st = note_open(path.data, text, n, &own, 1, &note);
    if (st == HEARTH_OK) st = checkpoint_parse(path.data, text, note.text_n, last);
    if (st == HEARTH_OK && strcmp(last->origin, origin) != 0)
        st = fail(HEARTH_ECHECKSUM, "%s: it is of another log, %s", path.data, last->origin);
    if (st == HEARTH_OK) *time = note.by[0].time;
    free(text);
    buf_free(&path);
    return st;
}

/* The checkpoint's text, the signatures of the log's trusted keys, and ours. */
static enum hearth_status make_record(const struct proof *p, const struct note *by, const char *own, struct buf *to)
{
    TRY(buf_put(to, p->note, by->text_n));
    TRY(buf_putc(to, '\n'));
    for (const char *line = by->lines; *line;) {
        size_t n = strcspn(line, "\n") + 1, used = 0;
        for (size_t i = 0; i < by->n && !used; i++) {
            const struct note_key *k = by->by[i].key;
            uint8_t id[6];
            size_t name = strlen(k->name);
            used = n > name + 14 && !memcmp(line + 4, k->name, name) && line[4 + name] == ' ' &&
                   base64_read(line + 5 + name, 8, id) == 6 && !memcmp(id, k->id, sizeof k->id);
        }
        if (used) TRY(buf_put(to, line, n));
        line += n;
    }
    return buf_puts(to, own);
}

static enum hearth_status keep(const char *folder, const struct buf *record)
{
    struct atomic_file f = {.fd = -1};
    struct buf path = {0};
    enum hearth_status st = buf_printf(&path, "%s/checkpoint", folder);
    if (st == HEARTH_OK) st = os_atomic_open(path.data, &f);
    if (st == HEARTH_OK) {
        st = os_atomic_write(&f, record->data, record->len);
        if (st == HEARTH_OK) st = os_atomic_commit(&f);
        else os_atomic_abandon(&f);
    }
    buf_free(&path);
    return st;
}

/* ---- add-checkpoint ---- */

/* A clock that was set back must not make the newer checkpoint look older than the one before it. */
static uint64_t cosign_time(uint64_t last)
{
    time_t now = time(NULL);
    return now > 0 && (uint64_t)now > last ? (uint64_t)now : last;
}

/* Under the lock: compares with what was signed last, keeps, signs. */
static void decide(struct witness *w, const char *folder, const struct proof *p, const struct note *by, struct witness_answer *out)
{
    struct checkpoint last;
    struct buf line = {0}, record = {0};
    uint64_t time = 0;
    enum hearth_status st = read_last(w, folder, p->at.origin, &last, &time);
    if (st != HEARTH_OK) {
        answer(out, 500, hearth_errmsg());
        return;
    }
    if (p->index != last.size) {
        answer_size(out, &last, p->index);
        return;
    }
    st = p->index == 0 && p->hashes ? fail(HEARTH_ECHECKSUM, "a proof from 0 entries on has no hashes, and this one has %zu", p->hashes)
                                    : proof_check_growth(p->at.origin, p, &last);
    if (st == HEARTH_OK && p->at.size == 0 && memcmp(p->at.root, last.root, MERKLE_HASH) != 0)
        st = fail(HEARTH_ECHECKSUM, "%s: a log without entries has another root", p->at.origin);
    if (st != HEARTH_OK) {
        answer(out, st == HEARTH_ECHECKSUM ? 422 : 500, hearth_errmsg());
        return;
    }
    st = note_sign(p->note, by->text_n, &w->signer, cosign_time(time), &line);
    if (st == HEARTH_OK) st = make_record(p, by, line.data, &record);
    if (st == HEARTH_OK) st = keep(folder, &record);
    if (st == HEARTH_OK) {
        out->status = 200;
        out->type = "text/plain; charset=utf-8";
        buf_free(&out->body);
        out->body = line;
        line = (struct buf){0};
        snprintf(out->said, sizeof out->said, "%s: signed, %" PRIu64 " entries", p->at.origin, p->at.size);
    } else answer(out, 500, hearth_errmsg());
    buf_free(&line);
    buf_free(&record);
}

/* The lock is a file's, so that two processes on one folder take turns too. */
static void decide_alone(struct witness *w, const struct proof *p, const struct note *by, struct witness_answer *out)
{
    struct buf folder = {0}, lock = {0};
    int fd = -1;
    pthread_mutex_lock(&w->one_at_a_time);
    enum hearth_status st = origin_path(w, p->at.origin, &folder);
    if (st == HEARTH_OK) st = os_mkdirs(folder.data);
    if (st == HEARTH_OK) st = buf_printf(&lock, "%s/lock", folder.data);
    if (st == HEARTH_OK && (fd = open(lock.data, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0)
        st = fail_errno(lock.data, "cannot open");
    if (st == HEARTH_OK && flock(fd, LOCK_EX) != 0) st = fail_errno(lock.data, "cannot lock");
    if (st == HEARTH_OK) decide(w, folder.data, p, by, out);
    else answer(out, 500, hearth_errmsg());
    if (fd >= 0) close(fd);
    pthread_mutex_unlock(&w->one_at_a_time);
    buf_free(&folder);
    buf_free(&lock);
}

void witness_add(struct witness *w, const void *body, size_t n, struct witness_answer *out)
{
    struct proof p;
    struct note by;
    struct note_key key[KEYS_OF_A_LOG];
    size_t known = 0;
    *out = (struct witness_answer){.status = 0};
    if (n > WITNESS_BODY) {
        answer(out, 400, "the request is longer than 65536 bytes");
        return;
    }
    if (proof_read("request", body, n, &p) != HEARTH_OK) {
        answer(out, 400, hearth_errmsg());
        return;
    }
    for (size_t i = 0; i < w->n && known < KEYS_OF_A_LOG; i++)
        if (!strcmp(w->log[i].name, p.at.origin)) key[known++] = w->log[i];
    if (p.kind != PROOF_CONSISTENCY || p.hashes > PROOF_LINES)
        answer(out, 400, "the request must be \"old\" and a number, at most 63 hashes, an empty line, a checkpoint");
    else if (!known) {
        fail(HEARTH_ENOTFOUND, "the log %s is not watched here", p.at.origin);
        answer(out, 404, hearth_errmsg());
    } else {
        enum hearth_status st = proof_check_signatures(p.at.origin, &p, key, known, &by);
        if (st == HEARTH_ECHECKSUM) answer(out, 403, hearth_errmsg());
        else if (st != HEARTH_OK) answer(out, st == HEARTH_EFORMAT || st == HEARTH_ELIMIT ? 400 : 500, hearth_errmsg());
        else if (p.index > p.at.size) {
            fail(HEARTH_ECHECKSUM, "%s: the old size, %" PRIu64 ", is above the checkpoint's, %" PRIu64, p.at.origin, p.index, p.at.size);
            answer(out, 400, hearth_errmsg());
        } else decide_alone(w, &p, &by, out);
    }
    proof_free(&p);
}

void witness_get(struct witness *w, const char *origin_hash, struct witness_answer *out)
{
    uint8_t hash[CRYPTO_HASH];
    struct buf path = {0};
    char *text = NULL;
    size_t n = 0;
    *out = (struct witness_answer){.status = 0};
    if (!hex_read(origin_hash, hash, sizeof hash)) {
        answer(out, 404, "the address is /<SHA-256 of the origin, 64 hex digits>/checkpoint");
        return;
    }
    enum hearth_status st = buf_printf(&path, "%s/%s/checkpoint", w->dir, origin_hash);
    if (st == HEARTH_OK) st = os_read_file(path.data, NOTE_MAX, &text, &n);
    if (st == HEARTH_OK) st = buf_put(&out->body, text, n);
    out->status = 200;
    out->type = "text/plain; charset=utf-8";
    if (st == HEARTH_ENOTFOUND) answer(out, 404, "no checkpoint of that log was signed here");
    else if (st != HEARTH_OK) answer(out, 500, hearth_errmsg());
    free(text);
    buf_free(&path);
}
