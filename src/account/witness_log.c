/* witness_log.c - the log's side of a witness: what is sent, what is kept, when to stop believing.
 *
 *     kept checkpoint (old)  ──►  this ledger still contains it?  ──►  old, proof, newest checkpoint  ──►  witness
 *     cosignature checked and kept in ledger/witnesses/  ◄──────────────────────────────────────────  200
 *     once more from the size it names, if that is one this ledger has had  ◄───────────────────────  409 */
#include "account/witness.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/hex.h"
#include "account/ledger.h"
#include "account/proof.h"
#include "os/os.h"

enum { ANSWER_MAX = 64 << 10, URL_MAX = 2048 };

/* ---- what is kept ---- */

static void kept_clear(struct witness_kept *k)
{
    free(k->url);
    free(k->note);
    *k = (struct witness_kept){.time = 0};
}

void witness_kept_free(struct witness_kept *k, size_t n)
{
    for (size_t i = 0; k && i < n; i++) kept_clear(&k[i]);
    free(k);
}

static enum hearth_status key_folder(const char *log_dir, const struct note_key *key, struct buf *path)
{
    char text[NOTE_KEY_TEXT], hex[2 * CRYPTO_HASH + 1];
    uint8_t hash[CRYPTO_HASH];
    note_key_print(key, text);
    TRY(crypto_sha256(&(struct crypto_part){text, strlen(text)}, 1, hash));
    hex_write(hash, sizeof hash, hex);
    return buf_printf(path, "%s/witnesses/%s", log_dir, hex);
}

static enum hearth_status read_text(const char *folder, const char *file, size_t max, char **out)
{
    struct buf path = {0};
    size_t n = 0;
    enum hearth_status st = buf_printf(&path, "%s/%s", folder, file);
    if (st == HEARTH_OK) st = os_read_file(path.data, max, out, &n);
    if (st == HEARTH_OK && strlen(*out) != n) st = fail(HEARTH_EFORMAT, "%s: a zero byte; it should be a text", path.data);
    buf_free(&path);
    return st;
}

static enum hearth_status write_text(const char *folder, const char *file, const char *text)
{
    struct atomic_file f = {.fd = -1};
    struct buf path = {0};
    enum hearth_status st = buf_printf(&path, "%s/%s", folder, file);
    if (st == HEARTH_OK) st = os_atomic_open(path.data, &f);
    if (st == HEARTH_OK) {
        st = os_atomic_write(&f, text, strlen(text));
        if (st == HEARTH_OK) st = os_atomic_commit(&f);
        else os_atomic_abandon(&f);
    }
    buf_free(&path);
    return st;
}

/* A note signed by both keys, as a kept checkpoint; takes `note` over in any case. */
static enum hearth_status set_kept(struct ledger *l, const char *name, char *note, struct witness_kept *k)
{
    struct note_key log;
    struct note by;
    const struct note_key *keys[] = {&log, &k->key};
    size_t found = 0;
    free(k->note);
    k->note = note;
    TRY(note_key_parse(name, ledger_vkey(l), &log));
    TRY(note_open(name, note, strlen(note), keys, 2, &by));
    for (size_t i = 0; i < by.n; i++) {
        found |= by.by[i].key == &log ? 1 : 2;
        if (by.by[i].key == &k->key) k->time = by.by[i].time;
    }
    if (found != 3)
        return fail(HEARTH_ECHECKSUM, "%s: it is not signed by %s", name, found & 1 ? k->key.name : log.name);
    TRY(checkpoint_parse(name, note, by.text_n, &k->at));
    if (strcmp(k->at.origin, ledger_origin(l)) == 0) return HEARTH_OK;
    return fail(HEARTH_ECHECKSUM, "%s: a checkpoint of another log, %s", name, k->at.origin);
}

static enum hearth_status read_kept(struct ledger *l, const char *folder, struct witness_kept *k)
{
    char *vkey = NULL, *note = NULL;
    struct buf path = {0};
    enum hearth_status st;
    *k = (struct witness_kept){.time = 0};
    TRY_GOTO(st, done, buf_printf(&path, "%s/checkpoint", folder));
    TRY_GOTO(st, done, read_text(folder, "vkey", NOTE_KEY_TEXT + 1, &vkey));
    TRY_GOTO(st, done, note_key_parse(path.data, vkey, &k->key));
    TRY_GOTO(st, done, read_text(folder, "url", URL_MAX, &k->url));
    TRY_GOTO(st, done, read_text(folder, "checkpoint", NOTE_MAX, &note));
    st = set_kept(l, path.data, note, k);
done:
    free(vkey);
    buf_free(&path);
    if (st != HEARTH_OK) kept_clear(k);
    return st;
}

static int by_size(const void *a, const void *b)
{
    const struct witness_kept *x = a, *y = b;
    if (x->at.size != y->at.size) return x->at.size < y->at.size ? 1 : -1;
    return strcmp(x->key.name, y->key.name);
}

enum hearth_status witness_list(struct ledger *l, struct witness_kept **out, size_t *n)
{
    struct buf path = {0};
    struct dirent *e;
    size_t cap = 0;
    *out = NULL;
    *n = 0;
    enum hearth_status st = buf_printf(&path, "%s/witnesses", ledger_dir(l));
    DIR *d = st == HEARTH_OK ? opendir(path.data) : NULL;
    if (st == HEARTH_OK && !d && errno != ENOENT) st = fail_errno(path.data, "cannot open the folder");
    while (d && st == HEARTH_OK && (e = readdir(d))) {
        struct buf folder = {0};
        if (e->d_name[0] == '.') continue;
        st = buf_printf(&folder, "%s/%s", path.data, e->d_name);
        if (st == HEARTH_OK) st = mem_grow(out, &cap, *n + 1, sizeof **out);
        if (st == HEARTH_OK) st = read_kept(l, folder.data, &(*out)[*n]);
        if (st == HEARTH_OK) ++*n;
        else if (st == HEARTH_ENOTFOUND) st = HEARTH_OK;       /* asked, and never answered */
        buf_free(&folder);
    }
    if (d) closedir(d);
    buf_free(&path);
    if (st == HEARTH_OK && *n) qsort(*out, *n, sizeof **out, by_size);
    if (st != HEARTH_OK) {
        witness_kept_free(*out, *n);
        *out = NULL;
        *n = 0;
    }
    return st;
}

enum hearth_status witness_keep(const char *log_dir, const struct witness_kept *k)
{
    char vkey[NOTE_KEY_TEXT + 1];
    struct buf folder = {0};
    enum hearth_status st = key_folder(log_dir, &k->key, &folder);
    note_key_print(&k->key, vkey);
    strcat(vkey, "\n");
    if (st == HEARTH_OK) st = os_mkdirs(folder.data);
    if (st == HEARTH_OK) st = write_text(folder.data, "vkey", vkey);
    if (st == HEARTH_OK) st = write_text(folder.data, "url", k->url);
    if (st == HEARTH_OK) st = write_text(folder.data, "checkpoint", k->note);
    buf_free(&folder);
    return st;
}

/* The signature line in the name of k's key: the last of its note. */
static const char *own_line(const struct witness_kept *k)
{
    size_t n = strlen(k->note);
    const char *s = n > 1 ? memrchr(k->note, '\n', n - 1) : NULL;
    return s ? s + 1 : k->note;
}

enum hearth_status witness_best(const struct witness_kept *k, size_t n, char **note)
{
    struct buf b = {0};
    *note = NULL;
    if (n == 0) return HEARTH_OK;
    enum hearth_status st = buf_puts(&b, k[0].note);
    for (size_t i = 1; i < n && st == HEARTH_OK; i++)
        if (k[i].at.size == k[0].at.size && !memcmp(k[i].at.root, k[0].at.root, MERKLE_HASH)) st = buf_puts(&b, own_line(&k[i]));
    if (st == HEARTH_OK && !(*note = buf_take(&b, NULL))) st = HEARTH_ENOMEM;
    buf_free(&b);
    return st;
}

/* ---- asking ---- */

/* The key of the witness at url, from an earlier time. */
static enum hearth_status known_key(struct ledger *l, const char *url, struct note_key *key)
{
    struct witness_kept *k;
    size_t n;
    TRY(witness_list(l, &k, &n));
    enum hearth_status st = fail(HEARTH_EUSAGE, "the witness at %s was not asked before, so its key must be said once: --key VKEY (it "
                                 "prints it when it starts)", url);
    for (size_t i = 0; i < n && st != HEARTH_OK; i++)
        if (!strcmp(k[i].url, url)) *key = k[i].key, st = HEARTH_OK;
    witness_kept_free(k, n);
    return st;
}

struct exchange { struct ledger *l; const char *url; struct witness_kept *k; struct proof p; long status; struct buf body; };

/* One line of what the other side says, as it may be shown. */
static const char *said(const struct exchange *x, char out[240])
{
    const char *text = x->body.data ? x->body.data : "";
    snprintf(out, 240, "%s%.*s", *text ? ": " : "", (int)(strcspn(text, "\n") < 230 ? strcspn(text, "\n") : 230), text);
    return out;
}

static enum hearth_status submit(struct exchange *x, const struct checkpoint *old)
{
    struct buf url = {0}, request = {0};
    size_t n = strlen(x->url);
    while (n && x->url[n - 1] == '/') n--;
    proof_free(&x->p);
    buf_free(&x->body);
    enum hearth_status st = proof_of_growth(x->l, old, &x->p);
    if (st == HEARTH_ECHECKSUM)
        st = fail(st, "this ledger does not contain the %" PRIu64 " entries that the witness %s signed before: it was cut back, or is "
                  "another copy", old->size, x->k->key.name);
    if (st == HEARTH_OK) st = proof_write(&x->p, &request);
    if (st == HEARTH_OK) st = buf_printf(&url, "%.*s/add-checkpoint", (int)n, x->url);
    if (st == HEARTH_OK) st = witness_post(url.data, request.data, request.len, ANSWER_MAX, &x->status, &x->body);
    buf_free(&url);
    buf_free(&request);
    return st;
}

/* 409: the witness's own size, in decimal and nothing else. */
static enum hearth_status size_of_witness(const struct exchange *x, struct checkpoint *old)
{
    const char *s = x->body.data ? x->body.data : "";
    char *end = NULL;
    errno = 0;
    unsigned long long v = *s >= '0' && *s <= '9' ? strtoull(s, &end, 10) : 0;
    if (!end || strcmp(end, "\n") != 0 || errno || v > INT64_MAX)
        return fail(HEARTH_ENETWORK, "%s: the witness answers 409 without the number of entries it has signed", x->url);
    if (v > x->p.at.size)
        return fail(HEARTH_ECHECKSUM, "the witness %s refuses: it has signed %llu entries of %s, and this ledger has %" PRIu64 ": it was cut "
                    "back, or is another copy", x->k->key.name, v, x->p.at.origin, x->p.at.size);
    old->size = v;
    return v ? ledger_root(x->l, v, old->root) : merkle_fold(NULL, 0, old->root);
}

static enum hearth_status refused(const struct exchange *x)
{
    char words[240];
    const char *who = x->k->key.name;
    switch (x->status) {
    case 403:
        return fail(HEARTH_ECHECKSUM, "the witness %s does not accept the signature of %s%s", who, x->p.at.origin, said(x, words));
    case 404:
        return fail(HEARTH_ENOTFOUND, "the witness %s does not watch %s; whoever runs it adds this key to its logs: %s", who,
                    x->p.at.origin, ledger_vkey(x->l));
    case 409:
        return fail(HEARTH_ENETWORK, "the witness %s says twice that it has signed another number of entries; is another copy of this "
                    "ledger using it?", who);
    case 422:
        return fail(HEARTH_ECHECKSUM, "the witness %s refuses this ledger as a fork: what it signed of %s before is not part of it", who,
                    x->p.at.origin);
    default:
        return fail(HEARTH_ENETWORK, "%s: the witness answers with the error %ld%s", x->url, x->status, said(x, words));
    }
}

/* 200: signature lines, of which those of the key we know count. */
static enum hearth_status keep(struct exchange *x)
{
    struct buf record = {0};
    const struct note_key *key = &x->k->key;
    struct note by;
    enum hearth_status st;
    const char *answer = x->body.data ? x->body.data : "";
    size_t prefix = strlen("\xe2\x80\x94 ") + strlen(key->name), n = 0;
    for (const char *s = answer; *s && !n; s += strcspn(s, "\n") + (s[strcspn(s, "\n")] == '\n')) {
        struct buf one = {0};
        size_t len = strcspn(s, "\n");
        if (len <= prefix || s[len] != '\n' || memcmp(s + 4, key->name, prefix - 4) != 0 || s[prefix] != ' ') continue;
        if ((st = buf_put(&one, x->p.note, x->p.note_n)) == HEARTH_OK && (st = buf_put(&one, s, len + 1)) == HEARTH_OK)
            st = note_open(x->url, one.data, one.len, &key, 1, &by);
        if (st == HEARTH_OK) n = one.len, record = one;
        else buf_free(&one);
        if (st != HEARTH_OK && st != HEARTH_ENOTFOUND) return st;
    }
    if (!n) return fail(HEARTH_ECHECKSUM, "%s: the answer is not signed by %s, the witness's key that was given", x->url, key->name);
    st = set_kept(x->l, x->url, buf_take(&record, NULL), x->k);
    return st == HEARTH_OK ? witness_keep(ledger_dir(x->l), x->k) : st;
}

/* Where to begin: at what this witness signed last, if that is kept. */
static enum hearth_status begin(struct exchange *x, struct checkpoint *old)
{
    struct buf folder = {0};
    struct note_key key = x->k->key;
    *old = (struct checkpoint){.size = 0};
    snprintf(old->origin, sizeof old->origin, "%s", ledger_origin(x->l));
    TRY(merkle_fold(NULL, 0, old->root));
    enum hearth_status st = key_folder(ledger_dir(x->l), &key, &folder);
    if (st == HEARTH_OK) st = read_kept(x->l, folder.data, x->k);
    if (st == HEARTH_OK) *old = x->k->at;
    else if (st == HEARTH_ENOTFOUND) st = HEARTH_OK;
    x->k->key = key;
    free(x->k->url);
    x->k->url = strdup(x->url);
    buf_free(&folder);
    return st != HEARTH_OK || x->k->url ? st : fail_memory(strlen(x->url) + 1);
}

enum hearth_status witness_submit(struct ledger *l, const char *url, const char *vkey, struct witness_kept **out)
{
    struct exchange x = {.l = l, .url = url, .k = mem_array(1, sizeof(struct witness_kept))};
    struct checkpoint old;
    enum hearth_status st;
    *out = NULL;
    if (!x.k) return HEARTH_ENOMEM;
    if (strlen(url) >= URL_MAX) TRY_GOTO(st, done, fail(HEARTH_EUSAGE, "the address of the witness is longer than %d bytes", URL_MAX - 1));
    TRY_GOTO(st, done, vkey ? note_key_parse("--key", vkey, &x.k->key) : known_key(l, url, &x.k->key));
    if (x.k->key.type != NOTE_COSIGNATURE)
        TRY_GOTO(st, done, fail(HEARTH_EUSAGE, "--key: the key of %s is a log's; the witness's is wanted (it prints it when it starts)",
                                x.k->key.name));
    TRY_GOTO(st, done, begin(&x, &old));
    TRY_GOTO(st, done, submit(&x, &old));
    if (x.status == 409) {
        TRY_GOTO(st, done, size_of_witness(&x, &old));
        TRY_GOTO(st, done, submit(&x, &old));
    }
    st = x.status == 200 ? keep(&x) : refused(&x);
done:
    proof_free(&x.p);
    buf_free(&x.body);
    if (st != HEARTH_OK) witness_kept_free(x.k, 1);
    else *out = x.k;
    return st;
}
