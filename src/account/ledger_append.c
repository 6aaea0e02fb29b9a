/* ledger_append.c - the ledger grows: many threads, several processes, a disk that may stop at any moment.
 *
 *     threads     a ──┐
 *                 b ──┼─ queue ─► one of them commits for all that wait; who comes meanwhile waits for the next commit
 *                 c ──┘
 *
 *     the commit  lock                                    other processes wait here
 *                 checkpoint, right edge                  from memory when nobody else wrote since
 *                 bundles, tiles      write, fsync        under names that the old checkpoint does not know
 *                 their folders              fsync
 *                 checkpoint.tmp      write, fsync, rename, fsync of the folder       <- from here on it is true
 *                 keys/ledger.last                        what was signed last, so that nothing else ever is
 *                 old partial tiles   removed
 *                 unlock
 *
 * What fails before the rename leaves the log as it was; files beyond the checkpoint mean nothing and are written over. */
#include "account/ledger_in.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ULL(x) ((unsigned long long)(x))

struct request {
    const struct ledger_bytes *entry;
    size_t n;
    uint64_t first;
    struct request *next;
    int done;
    enum hearth_status st;
    char message[1024];              /* a message belongs to a thread: the one that committed hands it over */
};

/* A commit on its way. */
struct commit {
    struct ledger *l;
    struct batch batch;
    uint64_t old_size, new_size;
    int named;                       /* the new checkpoint has its name: nothing may be taken back */
};

/* ---- the right edge ---- */

static enum hearth_status load_level(struct ledger *l, struct edge *e, int level)
{
    struct tile t = edge_tile(e, level);
    uint8_t *data;
    size_t n;
    t.width = tile_width(level, t.index, e->size);
    e->width[level] = t.width;
    if (!t.width) return HEARTH_OK;
    TRY(ledger_tile(l, &t, &data, &n));
    memcpy(e->hash[level], data, n);
    free(data);
    return HEARTH_OK;
}

/* The bundle is written again with every commit, so a damaged one would be carried on: each entry is held against its hash. */
static enum hearth_status load_bundle(struct ledger *l, const struct edge *e)
{
    struct tile t = {TILE_ENTRIES, e->size / TILE_WIDTH, e->width[0]};
    const uint8_t *entry;
    size_t n, at = 0, entry_n;
    uint8_t *data, hash[MERKLE_HASH];
    l->bundle.len = 0;
    if (!t.width) return HEARTH_OK;
    TRY(ledger_tile(l, &t, &data, &n));
    enum hearth_status st = buf_put(&l->bundle, data, n);
    for (unsigned i = 0; i < t.width && st == HEARTH_OK; i++) {
        TRY_GOTO(st, done, bundle_next(l->dir.path, i, data, n, &at, &entry, &entry_n));
        TRY_GOTO(st, done, merkle_leaf(entry, entry_n, hash));
        if (memcmp(hash, e->hash[0][i], MERKLE_HASH))
            st = fail(HEARTH_ECHECKSUM, "%s: entry %llu was changed, so nothing is added behind it; `hearth ledger verify` says more",
                      l->dir.path, ULL(t.index * TILE_WIDTH + i));
    }
done:
    free(data);
    return st;
}

static enum hearth_status load_edge(struct ledger *l, const struct checkpoint *head)
{
    struct edge *e = l->edge;
    if (!e && !(e = l->edge = mem_array(1, sizeof *e))) return HEARTH_ENOMEM;
    if (l->edge_known && e->size == head->size && !memcmp(l->edge_root, head->root, MERKLE_HASH)) return HEARTH_OK;
    l->edge_known = 0;
    memset(e, 0, sizeof *e);
    e->size = head->size;
    for (int level = 0; level < TILE_LEVELS; level++) TRY(load_level(l, e, level));
    TRY(load_bundle(l, e));
    TRY(edge_root(e, l->edge_root));
    if (head->size && memcmp(l->edge_root, head->root, MERKLE_HASH))
        return fail(HEARTH_ECHECKSUM, "%s: the last tiles do not make the root that the checkpoint of %llu entries has, so nothing is added; "
                    "`hearth ledger verify` says more", l->dir.path, ULL(head->size));
    l->edge_known = 1;
    return HEARTH_OK;
}

/* ---- writing ---- */

static enum hearth_status write_tile(struct commit *c, const struct tile *t, const void *data, size_t n)
{
    char name[TILE_PATH];
    tile_path(t, name);
    return batch_write(&c->batch, name, tile_width(t->level, t->index, c->old_size) == 0, data, n);
}

static enum hearth_status write_whole(void *user, const struct tile *t, const uint8_t (*hash)[MERKLE_HASH])
{
    return write_tile(user, t, hash, TILE_WIDTH * sizeof *hash);
}

static enum hearth_status add_entry(struct commit *c, const struct ledger_bytes *entry)
{
    struct ledger *l = c->l;
    const uint8_t length[2] = {(uint8_t)(entry->n >> 8), (uint8_t)entry->n};
    uint8_t leaf[MERKLE_HASH];
    TRY(merkle_leaf(entry->data, entry->n, leaf));
    TRY(buf_put(&l->bundle, length, 2));
    TRY(buf_put(&l->bundle, entry->data, entry->n));
    TRY(edge_push(l->edge, leaf, write_whole, c));
    if (l->edge->size % TILE_WIDTH) return HEARTH_OK;
    const struct tile t = {TILE_ENTRIES, l->edge->size / TILE_WIDTH - 1, TILE_WIDTH};
    TRY(write_tile(c, &t, l->bundle.data, l->bundle.len));
    l->bundle.len = 0;
    return HEARTH_OK;
}

/* The last tile of each level, where it is another than before. */
static enum hearth_status write_partial(struct commit *c)
{
    struct ledger *l = c->l;
    for (int level = TILE_ENTRIES; level < TILE_LEVELS; level++) {
        struct tile t = edge_tile(l->edge, level == TILE_ENTRIES ? 0 : level);
        t.level = level;
        if (!t.width || t.width == tile_width(level, t.index, c->old_size)) continue;
        if (level == TILE_ENTRIES) TRY(write_tile(c, &t, l->bundle.data, l->bundle.len));
        else TRY(write_tile(c, &t, l->edge->hash[level], t.width * (size_t)MERKLE_HASH));
    }
    return HEARTH_OK;
}

/* Of a new ledger, the folders that it lies in: they may be as new as itself. */
static void sync_above(const char *path)
{
    char *at = strdup(path), *slash;
    while (at && (slash = strrchr(at, '/')) != NULL && slash != at) {
        *slash = '\0';
        int fd = open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) break;           /* one that we may not read is not one that we made */
        fsync(fd);
        close(fd);
    }
    free(at);
}

static enum hearth_status publish(struct commit *c)
{
    struct ledger *l = c->l;
    struct checkpoint at = {.size = l->edge->size};
    struct buf note = {0};
    enum hearth_status st;
    size_t text_n;
    strcpy(at.origin, l->key.name);
    TRY(edge_root(l->edge, at.root));
    TRY_GOTO(st, done, checkpoint_print(&at, &note));
    text_n = note.len;
    TRY_GOTO(st, done, buf_putc(&note, '\n'));
    char *text = strndup(note.data, text_n);
    st = text ? note_sign(text, text_n, l->signer, 0, &note) : fail_memory(text_n);
    free(text);
    if (st != HEARTH_OK) goto done;
    TRY_GOTO(st, done, logdir_replace(&l->dir, "checkpoint", note.data, note.len));
    c->named = 1;
    TRY_GOTO(st, done, logdir_sync(&l->dir));
    TRY_GOTO(st, done, ledger_set_head(l, note.data, note.len, &at));
    memcpy(l->edge_root, at.root, MERKLE_HASH);
    /* When this fails (a full disk) an older one stays, which is no less true; the next commit replaces it. */
    logdir_replace(&l->keys, "ledger.last", note.data, note.len);
done:
    buf_free(&note);
    return st;
}

/* ---- tidying ---- */

/* Partial tiles that the commit replaced, and what a crash left beside them. */
static void remove_replaced(struct commit *c)
{
    for (int level = TILE_ENTRIES; level < TILE_LEVELS; level++) {
        unsigned shift = (unsigned)(level < 0 ? 1 : level + 1) * TILE_BITS;
        struct tile t = {level, shift < 64 ? c->old_size >> shift : 0, 0};
        unsigned was = tile_width(level, t.index, c->old_size), is = tile_width(level, t.index, c->new_size);
        char folder[TILE_PATH], keep[8];
        if (!was || was == is) continue;
        t.width = 1;
        tile_path(&t, folder);
        *strrchr(folder, '/') = '\0';
        snprintf(keep, sizeof keep, "%u", is);
        logdir_clean(&c->l->dir, folder, is == TILE_WIDTH ? NULL : keep);
    }
}

/* After a failure: what was written beyond the old checkpoint gives its space back. */
static void remove_written(struct commit *c)
{
    for (int level = TILE_ENTRIES; level < TILE_LEVELS; level++) {
        unsigned shift = (unsigned)(level < 0 ? 1 : level + 1) * TILE_BITS;
        uint64_t first = shift < 64 ? c->old_size >> shift : 0, last = shift < 64 ? c->new_size >> shift : 0;
        for (uint64_t index = first; index <= last; index++) {
            struct tile t = {level, index, tile_width(level, index, c->new_size)};
            char name[TILE_PATH];
            tile_path(&t, name);
            if (t.width && t.width != tile_width(level, index, c->old_size)) logdir_remove(&c->l->dir, name);
        }
    }
}

/* ---- a commit ---- */

static enum hearth_status write_all(struct commit *c, struct request *list)
{
    for (struct request *r = list; r; r = r->next) {
        r->first = c->l->edge->size;
        for (size_t i = 0; i < r->n; i++) TRY(add_entry(c, &r->entry[i]));
    }
    TRY(write_partial(c));
    TRY(batch_sync(&c->batch));
    if (c->old_size == 0) sync_above(c->l->dir.path);
    return publish(c);
}

static enum hearth_status commit_locked(struct ledger *l, struct request *list)
{
    struct commit c = {.l = l, .batch = {.dir = &l->dir}};
    struct checkpoint head, last;
    TRY(ledger_head(l, &head));
    TRY(ledger_last(l, &last));
    TRY(ledger_contains(l, &head, &last));
    TRY(load_edge(l, &head));
    c.old_size = c.new_size = head.size;
    for (struct request *r = list; r; r = r->next) c.new_size += r->n;
    enum hearth_status st = write_all(&c, list);
    batch_drop(&c.batch);
    if (st == HEARTH_OK) {
        remove_replaced(&c);
        return st;
    }
    char why[1024];                  /* tidying has messages of its own */
    snprintf(why, sizeof why, "%s", hearth_errmsg());
    l->edge_known = 0;
    if (!c.named) remove_written(&c);
    return fail(st, "%s", why);
}

static enum hearth_status commit(struct ledger *l, struct request *list)
{
    int lock;
    TRY(logdir_lock(&l->dir, "lock", &lock));
    enum hearth_status st = commit_locked(l, list);
    close(lock);
    return st;
}

/* ---- the queue ---- */

/* With the mutex held, which is given up meanwhile. */
static void commit_queue(struct ledger *l)
{
    struct request *list = l->queue;
    l->queue = NULL;
    l->committing = 1;
    pthread_mutex_unlock(&l->mutex);
    enum hearth_status st = commit(l, list);
    pthread_mutex_lock(&l->mutex);
    for (struct request *r = list; r; r = r->next) {
        r->st = st;
        if (st != HEARTH_OK) snprintf(r->message, sizeof r->message, "%s", hearth_errmsg());
        r->done = 1;
    }
    l->committing = 0;
    pthread_cond_broadcast(&l->committed);
}

static enum hearth_status check_entries(const struct ledger *l, const struct ledger_bytes *entries, size_t n)
{
    if (!l->signer) return fail(HEARTH_EUSAGE, "%s: this ledger was opened for reading", l->dir.path);
    for (size_t i = 0; i < n; i++)
        if (entries[i].n > ENTRY_MAX)
            return fail(HEARTH_ELIMIT, "an entry of %zu bytes; a ledger's have at most %d", entries[i].n, ENTRY_MAX);
    return HEARTH_OK;
}

enum hearth_status ledger_append(struct ledger *l, const struct ledger_bytes *entries, size_t n, uint64_t *first)
{
    struct request r = {.entry = entries, .n = n}, **end;
    TRY(check_entries(l, entries, n));
    pthread_mutex_lock(&l->mutex);
    for (end = &l->queue; *end; end = &(*end)->next) {}
    *end = &r;
    while (!r.done && l->committing) pthread_cond_wait(&l->committed, &l->mutex);
    if (!r.done) commit_queue(l);
    pthread_mutex_unlock(&l->mutex);
    if (r.st != HEARTH_OK) return fail(r.st, "%s", r.message);
    if (first) *first = r.first;
    return HEARTH_OK;
}
