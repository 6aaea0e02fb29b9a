/* ledger.c - opening a ledger and reading it: checkpoints, entries, proofs.
 *
 * A reader takes no lock.  It reads the checkpoint, then what the checkpoint covers, which never changes; only partial tiles may be
 * replaced meanwhile by wider ones (whose beginning they are), so one that is gone is looked for under its new width. */
#include "account/ledger_in.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account/keys.h"
#include "os/os.h"

#define ULL(x) ((unsigned long long)(x))

/* ---- opening ---- */

/* "HOME/ledger" -> "HOME/keys", free() it */
static char *keys_beside(const char *dir)
{
    size_t n = strlen(dir);
    while (n > 1 && dir[n - 1] == '/') n--;
    while (n > 0 && dir[n - 1] != '/') n--;
    char *out = mem_array(n + sizeof "keys", 1);
    if (out) memcpy(out, dir, n), memcpy(out + n, "keys", sizeof "keys");
    return out;
}

static enum hearth_status key_path(const char *keys, const char *name, struct buf *out)
{
    out->len = 0;
    return buf_printf(out, "%s/%s", keys, name);
}

/* The public key of a ledger that is only read: the file that may be given away, else the private one's other half. */
static enum hearth_status read_public(struct ledger *l, const char *keys, struct buf *path)
{
    struct note_signer s;
    char *text;
    size_t n;
    TRY(key_path(keys, "ledger.vkey", path));
    enum hearth_status st = os_read_file(path->data, KEYS_FILE, &text, &n);
    if (st == HEARTH_OK) {
        st = note_key_parse(path->data, text, &l->key);
        free(text);
    } else if (st == HEARTH_ENOTFOUND) {
        TRY(key_path(keys, "ledger.key", path));
        st = keys_load(path->data, &s);
        l->key = s.key;
        keys_wipe(&s, sizeof s);
    }
    return st;
}

/* The file to give away, made when it is missing.  Under the lock: two processes may begin at once. */
static enum hearth_status write_public(struct ledger *l)
{
    char line[NOTE_KEY_TEXT + 1];
    int lock;
    note_key_print(&l->key, line);
    strcat(line, "\n");
    TRY(logdir_lock(&l->dir, "lock", &lock));
    enum hearth_status st = logdir_replace(&l->keys, "ledger.vkey", line, strlen(line));
    if (st == HEARTH_OK) st = logdir_sync(&l->keys);
    close(lock);
    return st;
}

/* Loads or makes the private key, and holds the public file against it. */
static enum hearth_status read_private(struct ledger *l, const char *keys, struct buf *path)
{
    struct note_key public;
    char *text;
    size_t n;
    l->signer = mem_array(1, sizeof *l->signer);
    if (!l->signer) return HEARTH_ENOMEM;
    TRY(key_path(keys, "ledger.key", path));
    TRY(keys_load_or_make(path->data, NULL, NOTE_ED25519, l->signer));
    if (l->signer->key.type != NOTE_ED25519) return fail(HEARTH_EFORMAT, "%s: a witness's key (type 4), where a ledger's (type 1) must be", path->data);
    l->key = l->signer->key;
    TRY(logdir_open(keys, &l->keys));
    TRY(key_path(keys, "ledger.vkey", path));
    enum hearth_status st = os_read_file(path->data, KEYS_FILE, &text, &n);
    if (st == HEARTH_ENOTFOUND) return write_public(l);
    TRY(st);
    st = note_key_parse(path->data, text, &public);
    free(text);
    TRY(st);
    if (!strcmp(public.name, l->key.name) && !memcmp(public.public, l->key.public, CRYPTO_KEY)) return HEARTH_OK;
    return fail(HEARTH_ECHECKSUM, "%s: not the public half of ledger.key beside it; one of the two belongs to another ledger", path->data);
}

static enum hearth_status start(const char *dir, struct ledger **out)
{
    struct ledger *l = mem_array(1, sizeof *l);
    if (!l) return HEARTH_ENOMEM;
    l->dir.fd = l->keys.fd = -1;
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->committed, NULL);
    enum hearth_status st = logdir_open(dir, &l->dir);
    if (st == HEARTH_ENOTFOUND) fail(st, "%s: there is no ledger here yet; the first answer makes one", dir);
    if (st == HEARTH_OK) *out = l;
    else ledger_close(l);
    return st;
}

enum hearth_status ledger_open(const char *dir, enum ledger_mode mode, struct ledger **out)
{
    struct ledger *l = NULL;
    struct buf path = {0};
    enum hearth_status st;
    *out = NULL;
    if (mode == LEDGER_APPEND) TRY(os_mkdirs(dir));
    TRY(start(dir, &l));
    char *keys = keys_beside(dir);
    st = !keys ? HEARTH_ENOMEM : mode == LEDGER_APPEND ? read_private(l, keys, &path) : read_public(l, keys, &path);
    if (st == HEARTH_OK && mode == LEDGER_READ) st = logdir_open(keys, &l->keys);
    note_key_print(&l->key, l->vkey);
    free(keys);
    buf_free(&path);
    if (st == HEARTH_OK) *out = l;
    else ledger_close(l);
    return st;
}

enum hearth_status ledger_open_foreign(const char *dir, const char *vkey, struct ledger **out)
{
    struct note_key key;
    struct ledger *l = NULL;
    *out = NULL;
    TRY(note_key_parse("the ledger's key", vkey, &key));
    TRY(start(dir, &l));
    l->key = key;
    note_key_print(&key, l->vkey);
    *out = l;
    return HEARTH_OK;
}

void ledger_close(struct ledger *l)
{
    if (!l) return;
    logdir_close(&l->dir);
    logdir_close(&l->keys);
    if (l->signer) keys_wipe(l->signer, sizeof *l->signer);
    free(l->signer);
    free(l->note);
    free(l->shown);
    free(l->edge);
    buf_free(&l->bundle);
    pthread_cond_destroy(&l->committed);
    pthread_mutex_destroy(&l->mutex);
    free(l);
}

const char *ledger_dir(const struct ledger *l) { return l->dir.path; }
const char *ledger_origin(const struct ledger *l) { return l->key.name; }
const char *ledger_vkey(const struct ledger *l) { return l->vkey; }

/* ---- checkpoints ---- */

enum hearth_status ledger_read_note(const struct ledger *l, const char *what, const char *text, size_t n, struct checkpoint *out)
{
    const struct note_key *const key[] = {&l->key};
    struct note note;
    enum hearth_status st = note_open(what, text, n, key, 1, &note);
    if (st == HEARTH_ENOTFOUND)
        return fail(HEARTH_ECHECKSUM, "%s: not signed by this ledger's key (%s); it is another ledger's, or was changed", what, l->key.name);
    TRY(st);
    TRY(checkpoint_parse(what, text, note.text_n, out));
    if (!strcmp(out->origin, l->key.name)) return HEARTH_OK;
    return fail(HEARTH_ECHECKSUM, "%s: a checkpoint of the ledger %s, where one of %s must be", what, out->origin, l->key.name);
}

/* What was read before must be contained in what is read now. */
static enum hearth_status take_note(struct ledger *l, const char *text, size_t n)
{
    struct checkpoint at;
    struct buf what = {0};
    enum hearth_status st = buf_printf(&what, "%s/checkpoint", l->dir.path);
    if (st == HEARTH_OK) st = ledger_read_note(l, what.data, text, n, &at);
    if (st == HEARTH_OK && at.size < l->head.size)
        st = fail(HEARTH_ECHECKSUM, "%s: %llu entries, where there were %llu a moment ago; somebody put an older ledger in its place",
                  what.data, ULL(at.size), ULL(l->head.size));
    if (st == HEARTH_OK && at.size == l->head.size && at.size && memcmp(at.root, l->head.root, MERKLE_HASH))
        st = fail(HEARTH_ECHECKSUM, "%s: other entries than a moment ago; somebody put another ledger in its place", what.data);
    buf_free(&what);
    TRY(st);
    char *copy = strndup(text, n);
    if (!copy) return fail_memory(n);
    free(l->note);
    l->note = copy;
    l->head = at;
    return HEARTH_OK;
}

enum hearth_status ledger_head(struct ledger *l, struct checkpoint *out)
{
    uint8_t *text;
    size_t n;
    pthread_mutex_lock(&l->mutex);
    enum hearth_status st = logdir_read(&l->dir, "checkpoint", NOTE_MAX, &text, &n);
    if (st == HEARTH_ENOTFOUND)
        st = l->note ? fail(HEARTH_ECHECKSUM, "%s/checkpoint: it is gone; a moment ago it was there", l->dir.path) : HEARTH_OK;
    else if (st == HEARTH_OK && (!l->note || strlen(l->note) != n || memcmp(l->note, text, n)))
        st = take_note(l, (char *)text, n);
    if (out) *out = l->head;
    pthread_mutex_unlock(&l->mutex);
    free(text);
    return st;
}

enum hearth_status ledger_set_head(struct ledger *l, const char *text, size_t n, const struct checkpoint *at)
{
    char *copy = strndup(text, n);
    if (!copy) return fail_memory(n);
    pthread_mutex_lock(&l->mutex);
    free(l->note);
    l->note = copy;
    l->head = *at;
    pthread_mutex_unlock(&l->mutex);
    return HEARTH_OK;
}

enum hearth_status ledger_size(struct ledger *l, uint64_t *n)
{
    struct checkpoint head;
    *n = 0;
    TRY(ledger_head(l, &head));
    *n = head.size;
    return HEARTH_OK;
}

const char *ledger_checkpoint(struct ledger *l)
{
    if (ledger_head(l, NULL) != HEARTH_OK) return NULL;
    pthread_mutex_lock(&l->mutex);
    free(l->shown);
    l->shown = l->note ? strdup(l->note) : NULL;
    if (!l->note) fail(HEARTH_ENOTFOUND, "%s: no entry yet, so no checkpoint", l->dir.path);
    else if (!l->shown) fail_memory(strlen(l->note));
    const char *shown = l->shown;
    pthread_mutex_unlock(&l->mutex);
    return shown;
}

enum hearth_status ledger_last(struct ledger *l, struct checkpoint *out)
{
    uint8_t *text;
    size_t n;
    struct buf what = {0};
    memset(out, 0, sizeof *out);
    if (l->keys.fd < 0) return HEARTH_OK;
    enum hearth_status st = logdir_read(&l->keys, "ledger.last", NOTE_MAX, &text, &n);
    if (st == HEARTH_ENOTFOUND) return HEARTH_OK;
    TRY(st);
    st = buf_printf(&what, "%s/ledger.last", l->keys.path);
    if (st == HEARTH_OK) st = ledger_read_note(l, what.data, (char *)text, n, out);
    buf_free(&what);
    free(text);
    return st;
}

enum hearth_status ledger_contains(struct ledger *l, const struct checkpoint *head, const struct checkpoint *last)
{
    uint8_t root[MERKLE_HASH];
    if (last->size > head->size)
        return fail(HEARTH_ECHECKSUM, "%s: %llu entries, but its key has signed %llu (%s/ledger.last): an older ledger was put in its "
                    "place, or its end was cut off", l->dir.path, ULL(head->size), ULL(last->size), l->keys.path);
    if (last->size == 0) return HEARTH_OK;
    if (last->size == head->size) memcpy(root, head->root, sizeof root);
    else TRY(ledger_root(l, last->size, root));
    if (!memcmp(root, last->root, sizeof root)) return HEARTH_OK;
    return fail(HEARTH_ECHECKSUM, "%s: its first %llu entries are not those that its key has signed before (%s/ledger.last): this is a "
                "fork", l->dir.path, ULL(last->size), l->keys.path);
}

/* ---- tiles ---- */

static enum hearth_status check_tile(struct ledger *l, const struct tile *t, const char *name, const uint8_t *data, size_t n)
{
    size_t at = 0, entry_n;
    const uint8_t *entry;
    struct buf path = {0};
    enum hearth_status st = HEARTH_OK;
    if (t->level != TILE_ENTRIES) {
        if (n == t->width * (size_t)MERKLE_HASH) return HEARTH_OK;
        return fail(HEARTH_EFORMAT, "%s/%s: %zu bytes, but %u hashes have %zu", l->dir.path, name, n, t->width, t->width * (size_t)MERKLE_HASH);
    }
    TRY(buf_printf(&path, "%s/%s", l->dir.path, name));
    for (unsigned i = 0; i < t->width && st == HEARTH_OK; i++)
        st = bundle_next(path.data, t->index * TILE_WIDTH + i, data, n, &at, &entry, &entry_n);
    if (st == HEARTH_OK && at != n)
        st = fail(HEARTH_EFORMAT, "%s: %zu bytes more than its %u entries have", path.data, n - at, t->width);
    buf_free(&path);
    return st;
}

static uint64_t known_size(struct ledger *l)
{
    pthread_mutex_lock(&l->mutex);
    uint64_t size = l->head.size;
    pthread_mutex_unlock(&l->mutex);
    return size;
}

enum hearth_status ledger_tile(struct ledger *l, struct tile *t, uint8_t **data, size_t *n)
{
    size_t max = t->level == TILE_ENTRIES ? BUNDLE_MAX : TILE_WIDTH * (size_t)MERKLE_HASH;
    unsigned wanted = t->width;
    char name[TILE_PATH];
    for (uint64_t size = known_size(l), before;; ) {
        t->width = tile_width(t->level, t->index, size);
        tile_path(t, name);
        if (t->width < wanted) return fail(HEARTH_EUSAGE, "%s/%s: %u wide, but %u were asked for", l->dir.path, name, t->width, wanted);
        enum hearth_status st = logdir_read(&l->dir, name, max, data, n);
        if (st == HEARTH_OK) break;
        if (st != HEARTH_ENOTFOUND) return st;
        before = size;
        TRY(ledger_size(l, &size));
        if (size == before)
            return fail(HEARTH_ECHECKSUM, "%s/%s: not there, though the checkpoint says %llu entries", l->dir.path, name, ULL(size));
    }
    enum hearth_status st = check_tile(l, t, name, *data, *n);
    if (st != HEARTH_OK) free(*data), *data = NULL;
    return st;
}

/* ---- entries ---- */

static enum hearth_status check_leaf(struct ledger *l, uint64_t i, const uint8_t *entry, size_t n, const uint8_t *leaf)
{
    uint8_t hash[MERKLE_HASH];
    TRY(merkle_leaf(entry, n, hash));
    if (!memcmp(hash, leaf, MERKLE_HASH)) return HEARTH_OK;
    return fail(HEARTH_ECHECKSUM, "%s: entry %llu is not the one whose hash is in the tree; it was changed", l->dir.path, ULL(i));
}

/* Calls fn for entries from <= i < to of one bundle. */
static enum hearth_status each_of(struct ledger *l, uint64_t from, uint64_t to,
                                  int (*fn)(void *user, uint64_t i, const void *data, size_t n), void *user, int *stop)
{
    uint64_t base = from - from % TILE_WIDTH;
    struct tile entries = {TILE_ENTRIES, base / TILE_WIDTH, (unsigned)(to - base)}, leaves = entries;
    uint8_t *bundle = NULL, *hashes = NULL;
    size_t n, hashes_n, at = 0, entry_n;
    const uint8_t *entry;
    enum hearth_status st;
    leaves.level = 0;
    TRY_GOTO(st, done, ledger_tile(l, &entries, &bundle, &n));
    TRY_GOTO(st, done, ledger_tile(l, &leaves, &hashes, &hashes_n));
    for (uint64_t i = base; i < to && !*stop; i++) {
        TRY_GOTO(st, done, bundle_next(l->dir.path, i, bundle, n, &at, &entry, &entry_n));
        if (i < from) continue;
        TRY_GOTO(st, done, check_leaf(l, i, entry, entry_n, hashes + (i - base) * MERKLE_HASH));
        *stop = fn(user, i, entry, entry_n) != 0;
    }
done:
    free(bundle);
    free(hashes);
    return st;
}

enum hearth_status ledger_each(struct ledger *l, uint64_t from, uint64_t to,
                               int (*fn)(void *user, uint64_t i, const void *data, size_t n), void *user)
{
    uint64_t size;
    int stop = 0;
    TRY(ledger_size(l, &size));
    if (to > size) to = size;
    while (from < to && !stop) {
        uint64_t end = from - from % TILE_WIDTH + TILE_WIDTH;
        if (end > to) end = to;
        TRY(each_of(l, from, end, fn, user, &stop));
        from = end;
    }
    return HEARTH_OK;
}

struct copied { void *data; size_t n; };
static int copy_entry(void *user, uint64_t i, const void *data, size_t n)
{
    struct copied *c = user;
    (void)i;
    c->data = mem_array(n + 1, 1);
    c->n = n;
    if (c->data) memcpy(c->data, data, n);
    return 1;
}

enum hearth_status ledger_entry(struct ledger *l, uint64_t i, void **data, size_t *n)
{
    struct copied c = {0};
    uint64_t size;
    *data = NULL;
    *n = 0;
    TRY(ledger_size(l, &size));
    if (i >= size) {
        if (!size) return fail(HEARTH_ENOTFOUND, "%s: there is no entry %llu; the ledger is empty", l->dir.path, ULL(i));
        return fail(HEARTH_ENOTFOUND, "%s: there is no entry %llu; the last is %llu", l->dir.path, ULL(i), ULL(size - 1));
    }
    TRY(ledger_each(l, i, i + 1, copy_entry, &c));
    if (!c.data) return HEARTH_ENOMEM;
    *data = c.data;
    *n = c.n;
    return HEARTH_OK;
}

/* ---- proofs ---- */

/* A proof needs two tiles a level at most: one on the entry's way up, one at the right edge. */
enum { SHELF = 2 * TILE_LEVELS };
struct shelf { struct ledger *l; struct { struct tile tile; uint8_t *data; } tile[SHELF]; int n; };

static void shelf_free(struct shelf *s)
{
    while (s->n) free(s->tile[--s->n].data);
}

static enum hearth_status read_node(void *user, unsigned level, uint64_t index, uint8_t out[MERKLE_HASH])
{
    struct shelf *s = user;
    struct tile_node at = tile_of_node(level, index);
    struct tile t = {at.level, at.index, at.first + at.count};
    uint8_t row[TILE_WIDTH][MERKLE_HASH];
    size_t n;
    int i = 0;
    while (i < s->n && (s->tile[i].tile.level != t.level || s->tile[i].tile.index != t.index || s->tile[i].tile.width < t.width)) i++;
    if (i == SHELF) shelf_free(s), i = 0;
    if (i == s->n) {
        TRY(ledger_tile(s->l, &t, &s->tile[i].data, &n));
        s->tile[i].tile = t;
        s->n++;
    }
    memcpy(row, s->tile[i].data + at.first * MERKLE_HASH, at.count * sizeof *row);
    return merkle_fold(row, at.count, out);
}

static enum hearth_status check_size(struct ledger *l, uint64_t size, struct checkpoint *head)
{
    TRY(ledger_head(l, head));
    if (size <= head->size) return HEARTH_OK;
    return fail(HEARTH_EUSAGE, "%s: a tree of %llu entries was asked for, but there are %llu", l->dir.path, ULL(size), ULL(head->size));
}

enum hearth_status ledger_root(struct ledger *l, uint64_t size, uint8_t out[MERKLE_HASH])
{
    struct shelf s = {.l = l};
    struct checkpoint head;
    TRY(check_size(l, size, &head));
    enum hearth_status st = merkle_root(size, read_node, &s, out);
    shelf_free(&s);
    return st;
}

enum hearth_status ledger_leaf(struct ledger *l, uint64_t index, uint8_t out[MERKLE_HASH])
{
    struct shelf s = {.l = l};
    struct checkpoint head;
    TRY(check_size(l, index + 1, &head));
    enum hearth_status st = read_node(&s, 0, index, out);
    shelf_free(&s);
    return st;
}

static enum hearth_status give_hashes(const uint8_t (*proof)[MERKLE_HASH], size_t n, uint8_t (**out)[MERKLE_HASH], size_t *out_n)
{
    *out_n = n;
    if (!n) return HEARTH_OK;
    *out = mem_array(n, sizeof **out);
    if (!*out) return HEARTH_ENOMEM;
    memcpy(*out, proof, n * sizeof **out);
    return HEARTH_OK;
}

/* A proof for the newest tree is checked before it is given out, so that a damaged tile is found here and not by who gets it. */
enum hearth_status ledger_inclusion(struct ledger *l, uint64_t index, uint64_t size, uint8_t (**hashes)[MERKLE_HASH], size_t *n)
{
    uint8_t proof[MERKLE_PROOF][MERKLE_HASH], leaf[MERKLE_HASH];
    struct shelf s = {.l = l};
    struct checkpoint head;
    enum hearth_status st;
    size_t count = 0;
    *hashes = NULL;
    *n = 0;
    TRY(check_size(l, size, &head));
    TRY_GOTO(st, done, merkle_inclusion(index, size, read_node, &s, proof, &count));
    if (size == head.size) {
        TRY_GOTO(st, done, read_node(&s, 0, index, leaf));
        st = merkle_check_inclusion(index, size, leaf, (const uint8_t (*)[MERKLE_HASH])proof, count, head.root);
        if (st == HEARTH_ECHECKSUM)
            fail(st, "%s: the tiles on the way from entry %llu do not lead to the checkpoint's root; one of them was changed",
                 l->dir.path, ULL(index));
    }
    if (st == HEARTH_OK) st = give_hashes((const uint8_t (*)[MERKLE_HASH])proof, count, hashes, n);
done:
    shelf_free(&s);
    return st;
}

enum hearth_status ledger_consistency(struct ledger *l, uint64_t old_size, uint64_t size, uint8_t (**hashes)[MERKLE_HASH], size_t *n)
{
    uint8_t proof[MERKLE_PROOF][MERKLE_HASH];
    struct shelf s = {.l = l};
    struct checkpoint head;
    size_t count = 0;
    *hashes = NULL;
    *n = 0;
    TRY(check_size(l, size, &head));
    enum hearth_status st = merkle_consistency(old_size, size, read_node, &s, proof, &count);
    shelf_free(&s);
    TRY(st);
    return give_hashes((const uint8_t (*)[MERKLE_HASH])proof, count, hashes, n);
}
