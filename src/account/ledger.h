/* ledger.h - the log that everything accountable stands in: entries, never changed, in a tree of hashes whose root is signed.
 *
 *     HOME/ledger/checkpoint            origin, number of entries, root, signature     (note.h)
 *     HOME/ledger/tile/...              hashes and entries                             (tile.h)
 *     HOME/ledger/lock                  held while somebody commits
 *     HOME/keys/ledger.{key,vkey,last}                                                 (keys.h)
 *
 * A static web server that serves this folder is a C2SP tlog-tiles log, and Go's sumdb/tlog reads it.
 *
 * A commit:   lock - read checkpoint and right edge - write bundles and tiles, each to its own new name - fsync them, then their
 *             folders - checkpoint beside, fsync, rename, fsync - unlock - remove the partial tiles that it replaced
 *
 * So a crash at any moment leaves the old checkpoint with all that it covers, or the new one with all that it covers; what was
 * half written lies beyond the checkpoint, means nothing, and is overwritten.  Nothing is acknowledged before its checkpoint
 * is on the disk.  Threads that append at the same time through one handle share one commit.
 *
 * One handle serves any number of threads.  Another process may append meanwhile: reading follows it. */
#ifndef HEARTH_ACCOUNT_LEDGER_H
#define HEARTH_ACCOUNT_LEDGER_H

#include "account/tile.h"

struct ledger;
struct ledger_bytes { const void *data; size_t n; };   /* n <= ENTRY_MAX (65,535) */

enum ledger_mode {
    LEDGER_READ,                     /* ENOTFOUND when there is no ledger yet */
    LEDGER_APPEND                    /* makes folder and key at once, the checkpoint with the first entry */
};
/* dir: HOME/ledger; its keys are in the folder `keys` beside it.  Reads the keys, not the log. */
enum hearth_status ledger_open(const char *dir, enum ledger_mode mode, struct ledger **out);
/* A copy of somebody else's ledger, for reading, with the key it must be signed by (as text). */
enum hearth_status ledger_open_foreign(const char *dir, const char *vkey, struct ledger **out);
void ledger_close(struct ledger *l);                   /* NULL is harmless */

/* Durable on return; all of the n entries or none.  *first (may be NULL) is the number of the first one. */
enum hearth_status ledger_append(struct ledger *l, const struct ledger_bytes *entries, size_t n, uint64_t *first);

/* Of the newest checkpoint, whose signature was checked; 0 before the first entry. */
enum hearth_status ledger_size(struct ledger *l, uint64_t *n);
/* An entry, held against the hash of its leaf; free() it.  ENOTFOUND: there are not so many. */
enum hearth_status ledger_entry(struct ledger *l, uint64_t i, void **data, size_t *n);
/* Entries from <= i < to (cut at the size) in order, each held against the hash of its leaf.  fn returns 0 to go on,
 * anything else ends the walk, which is then HEARTH_OK. */
enum hearth_status ledger_each(struct ledger *l, uint64_t from, uint64_t to,
                               int (*fn)(void *user, uint64_t i, const void *data, size_t n), void *user);

const char *ledger_dir(const struct ledger *l);
const char *ledger_origin(const struct ledger *l);
const char *ledger_vkey(const struct ledger *l);       /* the key it is checked with, as text */
/* The newest signed checkpoint, valid until the next call of this function on this handle; NULL with the message set when
 * there is none or it is not good. */
const char *ledger_checkpoint(struct ledger *l);

/* size: of the tree that the proof is for, at most ledger_size.  Free *hashes; there are *n (perhaps 0, then NULL). */
enum hearth_status ledger_leaf(struct ledger *l, uint64_t index, uint8_t out[MERKLE_HASH]);
enum hearth_status ledger_root(struct ledger *l, uint64_t size, uint8_t out[MERKLE_HASH]);
enum hearth_status ledger_inclusion(struct ledger *l, uint64_t index, uint64_t size, uint8_t (**hashes)[MERKLE_HASH], size_t *n);
enum hearth_status ledger_consistency(struct ledger *l, uint64_t old_size, uint64_t size, uint8_t (**hashes)[MERKLE_HASH],
                                      size_t *n);

/* Every byte: checkpoint, signature, each entry against its leaf, each tile against the one above, the root, and that the
 * ledger contains the last checkpoint that its key signed (keys/ledger.last).  ECHECKSUM, EFORMAT or EIO names the file that
 * is wrong.  *size (may be NULL): how many entries were checked.  progress (may be NULL) hears of every bundle; anything but 0
 * ends it with ECANCELLED. */
typedef int ledger_progress(void *user, uint64_t done, uint64_t total);
enum hearth_status ledger_verify(struct ledger *l, uint64_t *size, ledger_progress *progress, void *user);

#endif
