/* ledger_verify.c - every byte of the ledger, in one pass and in constant memory.
 *
 *     each bundle   entries ─► leaf hashes ─► the same edge that appending uses ─► whole tiles, held against the files
 *     at the end    the partial tiles, the root, the checkpoint that was remembered */
#include "account/ledger_in.h"

#include <stdlib.h>
#include <string.h>

/* The file begins with these hashes (it may have grown since the checkpoint was read). */
static enum hearth_status compare(void *user, const struct tile *t, const uint8_t (*hash)[MERKLE_HASH])
{
    struct ledger *l = user;
    struct tile file = *t;
    char name[TILE_PATH];
    uint8_t *data;
    size_t n;
    TRY(ledger_tile(l, &file, &data, &n));
    tile_path(&file, name);
    enum hearth_status st = HEARTH_OK;
    for (unsigned i = 0; i < t->width && st == HEARTH_OK; i++) {
        if (!memcmp(data + i * (size_t)MERKLE_HASH, hash[i], MERKLE_HASH)) continue;
        if (t->level == 0)
            st = fail(HEARTH_ECHECKSUM, "%s/%s: hash %u is not that of entry %llu; one of the two was changed", l->dir.path, name, i,
                      (unsigned long long)(t->index * TILE_WIDTH + i));
        else
            st = fail(HEARTH_ECHECKSUM, "%s/%s: hash %u is not that of tile %llu of level %d; one of the two was changed", l->dir.path,
                      name, i, (unsigned long long)(t->index * TILE_WIDTH + i), t->level - 1);
    }
    free(data);
    return st;
}

/* Entries of one bundle up to `end`. */
static enum hearth_status add_bundle(struct ledger *l, struct edge *e, uint64_t end)
{
    struct tile t = {TILE_ENTRIES, e->size / TILE_WIDTH, 0};
    const uint8_t *entry;
    uint8_t *data, leaf[MERKLE_HASH];
    size_t n, at = 0, entry_n;
    uint64_t last = (t.index + 1) * TILE_WIDTH < end ? (t.index + 1) * TILE_WIDTH : end;
    t.width = (unsigned)(last - e->size);
    TRY(ledger_tile(l, &t, &data, &n));
    enum hearth_status st = HEARTH_OK;
    while (e->size < last && st == HEARTH_OK) {
        TRY_GOTO(st, done, bundle_next(l->dir.path, e->size, data, n, &at, &entry, &entry_n));
        TRY_GOTO(st, done, merkle_leaf(entry, entry_n, leaf));
        st = edge_push(e, leaf, compare, l);
    }
done:
    free(data);
    return st;
}

static enum hearth_status check_end(struct ledger *l, const struct edge *e, const struct checkpoint *head)
{
    uint8_t root[MERKLE_HASH];
    for (int level = 0; level < TILE_LEVELS; level++) {
        struct tile t = edge_tile(e, level);
        if (t.width) TRY(compare(l, &t, e->hash[level]));
    }
    TRY(edge_root(e, root));
    if (!memcmp(root, head->root, MERKLE_HASH)) return HEARTH_OK;
    return fail(HEARTH_ECHECKSUM, "%s: entries and tiles agree with each other, but the checkpoint was signed for another root: they are not "
                "what was signed", l->dir.path);
}

enum hearth_status ledger_verify(struct ledger *l, uint64_t *size, ledger_progress *progress, void *user)
{
    struct checkpoint head, last;
    if (size) *size = 0;
    TRY(ledger_last(l, &last));      /* before the checkpoint: then it cannot be newer */
    TRY(ledger_head(l, &head));
    if (last.size >= head.size) TRY(ledger_contains(l, &head, &last));
    struct edge *e = mem_array(1, sizeof *e);
    enum hearth_status st = e ? HEARTH_OK : HEARTH_ENOMEM;
    while (st == HEARTH_OK && e->size < head.size) {
        st = add_bundle(l, e, head.size);
        if (st == HEARTH_OK && progress && progress(user, e->size, head.size) != 0)
            st = fail(HEARTH_ECANCELLED, "stopped after %llu of %llu entries", (unsigned long long)e->size, (unsigned long long)head.size);
    }
    if (st == HEARTH_OK && head.size) st = check_end(l, e, &head);
    if (st == HEARTH_OK && last.size < head.size) st = ledger_contains(l, &head, &last);
    if (st == HEARTH_OK && size) *size = head.size;
    free(e);
    return st;
}
