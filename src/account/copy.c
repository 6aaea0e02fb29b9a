/* copy.c - a log written again from its entries.  Tiles are computed, not copied: while this runs the original may grow and
 * replace the narrow tiles at its right edge, and what is computed cannot be wrong without the root saying so. */
#include "account/copy.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/edge.h"
#include "account/logdir.h"
#include "account/note.h"
#include "account/witness.h"
#include "os/os.h"

struct copying {
    struct batch batch;
    struct edge *edge;
    struct buf bundle;               /* of entries, each behind its length */
    uint64_t to;
    ledger_progress *progress;
    void *user;
    enum hearth_status st;
};

static enum hearth_status put_tile(void *user, const struct tile *t, const uint8_t (*hash)[MERKLE_HASH])
{
    struct copying *c = user;
    char path[TILE_PATH];
    tile_path(t, path);
    return batch_write(&c->batch, path, 1, hash, t->width * sizeof *hash);
}

static enum hearth_status put_bundle(struct copying *c)
{
    uint64_t last = c->edge->size - 1;
    const struct tile t = {TILE_ENTRIES, last / TILE_WIDTH, (unsigned)(last % TILE_WIDTH) + 1};
    char path[TILE_PATH];
    tile_path(&t, path);
    TRY(batch_write(&c->batch, path, 1, c->bundle.data, c->bundle.len));
    c->bundle.len = 0;
    return HEARTH_OK;
}

static enum hearth_status put_entry(struct copying *c, const void *data, size_t n)
{
    const uint8_t length[2] = {(uint8_t)(n >> 8), (uint8_t)n};
    uint8_t leaf[MERKLE_HASH];
    TRY(buf_put(&c->bundle, length, 2));
    TRY(buf_put(&c->bundle, data, n));
    TRY(merkle_leaf(data, n, leaf));
    TRY(edge_push(c->edge, leaf, put_tile, c));
    return c->edge->size % TILE_WIDTH ? HEARTH_OK : put_bundle(c);
}

static int on_entry(void *user, uint64_t i, const void *data, size_t n)
{
    struct copying *c = user;
    c->st = put_entry(c, data, n);
    if (c->st == HEARTH_OK && c->progress && i % TILE_WIDTH == 0 && c->progress(c->user, i, c->to))
        c->st = fail(HEARTH_ECANCELLED, "cancelled");
    return c->st != HEARTH_OK;
}

/* What is at the right edge when all entries are there. */
static enum hearth_status put_edge(struct copying *c, const struct checkpoint *at)
{
    uint8_t root[MERKLE_HASH];
    if (c->bundle.len) TRY(put_bundle(c));
    for (int level = 0; level < TILE_LEVELS; level++) {
        const struct tile t = edge_tile(c->edge, level);
        if (t.width) TRY(put_tile(c, &t, (const uint8_t (*)[MERKLE_HASH])c->edge->hash[level]));
    }
    TRY(edge_root(c->edge, root));
    if (c->edge->size == at->size && !memcmp(root, at->root, sizeof root)) return HEARTH_OK;
    return fail(HEARTH_ECHECKSUM, "%s: its entries do not make the root of its checkpoint: `hearth ledger verify` tells where it is "
                "damaged", at->origin);
}

static enum hearth_status must_be_empty(const char *dir)
{
    struct dirent *e;
    int others = 0;
    TRY(os_mkdirs(dir));
    DIR *d = opendir(dir);
    if (!d) return fail_errno(dir, "cannot open");
    while ((e = readdir(d))) others += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return others ? fail(HEARTH_EUSAGE, "%s: the folder is not empty; a copy of the ledger goes into a new one", dir) : HEARTH_OK;
}

static enum hearth_status copy_witnesses(struct ledger *l, const char *dir)
{
    struct witness_kept *k;
    size_t n;
    TRY(witness_list(l, &k, &n));
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < n && st == HEARTH_OK; i++) st = witness_keep(dir, &k[i]);
    witness_kept_free(k, n);
    return st;
}

/* The checkpoint's text is the note up to its empty line. */
static enum hearth_status read_checkpoint(struct ledger *l, char **note, struct checkpoint *at)
{
    struct note_key key;
    const struct note_key *keys = &key;
    struct note by;
    const char *text = ledger_checkpoint(l);
    if (!text) return HEARTH_ENOTFOUND;
    *note = strdup(text);
    if (!*note) return fail_memory(strlen(text) + 1);
    TRY(note_key_parse("key", ledger_vkey(l), &key));
    TRY(note_open("checkpoint", *note, strlen(*note), &keys, 1, &by));
    return checkpoint_parse("checkpoint", *note, by.text_n, at);
}

enum hearth_status ledger_copy(struct ledger *l, const char *dir, uint64_t *size, ledger_progress *progress, void *user)
{
    struct copying c = {.progress = progress, .user = user};
    struct logdir to = {.fd = -1};
    struct checkpoint at;
    char *note = NULL, vkey[NOTE_KEY_TEXT + 1];
    enum hearth_status st;
    TRY_GOTO(st, done, read_checkpoint(l, &note, &at));
    TRY_GOTO(st, done, must_be_empty(dir));
    TRY_GOTO(st, done, logdir_open(dir, &to));
    if (!(c.edge = mem_array(1, sizeof *c.edge))) TRY_GOTO(st, done, HEARTH_ENOMEM);
    c.batch.dir = &to;
    c.to = at.size;
    TRY_GOTO(st, done, ledger_each(l, 0, at.size, on_entry, &c));
    TRY_GOTO(st, done, c.st);
    TRY_GOTO(st, done, put_edge(&c, &at));
    TRY_GOTO(st, done, batch_sync(&c.batch));
    TRY_GOTO(st, done, copy_witnesses(l, dir));
    snprintf(vkey, sizeof vkey, "%s\n", ledger_vkey(l));
    TRY_GOTO(st, done, logdir_replace(&to, "vkey", vkey, strlen(vkey)));
    TRY_GOTO(st, done, logdir_replace(&to, "checkpoint", note, strlen(note)));
    *size = at.size;
done:
    if (c.batch.dir) batch_drop(&c.batch);
    if (to.fd >= 0) logdir_close(&to);
    buf_free(&c.bundle);
    free(c.edge);
    free(note);
    return st;
}
