/* proof.h - what is given to somebody who has no ledger, and checks it without one.
 *
 *     c2sp.org/tlog-proof@v1                    inclusion: "this entry is number 7 of that log"
 *     extra eyJhY3RvciI6...                     the entry itself, when it was asked for (base64)
 *     index 7
 *     q1RUlqoPiTz7V2yiSbCZ8W1TdZ5r8a0DwCcV3cJ0ZIk=      from the leaf's sibling up to the root's child
 *     ...
 *
 *     hearth.local/5be1f0c2                     the checkpoint, as it was signed, with its cosignatures
 *     1024
 *     sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=
 *
 *     - hearth.local/5be1f0c2 hI2DJw...         (the dash is U+2014)
 *
 *     old 900                                   consistency: "that log only grew since it had 900 entries"
 *     PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
 *     ...
 *
 *     hearth.local/5be1f0c2                     the newer checkpoint
 *
 * The first form is C2SP's tlog-proof, the second the body of tlog-witness's add-checkpoint, so other people's tools read
 * both.  Several tlog-proofs may follow each other in one file (`hearth ledger export`). */
#ifndef HEARTH_ACCOUNT_PROOF_H
#define HEARTH_ACCOUNT_PROOF_H

#include "base/mem.h"

enum { PROOF_HASHES = 64, PROOF_HASH = 32 };

enum proof_kind { PROOF_INCLUSION, PROOF_CONSISTENCY };

struct proof {                       /* proof_free() it */
    enum proof_kind kind;
    uint64_t index;                  /* inclusion: the entry's number; consistency: the old size */
    uint8_t hash[PROOF_HASHES][PROOF_HASH];
    size_t hashes;
    uint8_t *extra;                  /* the entry, or NULL */
    size_t extra_n;
    char *checkpoint;                /* verbatim, with the signatures; NUL-terminated */
    size_t checkpoint_n;
    char *origin;                    /* the checkpoint's three lines, read; nothing here says that it was signed */
    uint64_t size;
    uint8_t root[PROOF_HASH];
};

/* Reads one proof of either form.  name stands for the file in messages. */
enum hearth_status proof_read(const char *name, const void *data, size_t n, struct proof *out);
enum hearth_status proof_write(const struct proof *p, struct buf *to);
void proof_free(struct proof *p);
/* In a file of several proofs: the length of the first of n bytes. */
size_t proof_first(const void *data, size_t n);

/* ---- checking: without any ledger ---- */

/* A key of somebody, as signed-note writes it: NAME+ID+BASE64.  A log's (Ed25519) or a witness's (cosignature/v1). */
struct proof_signers {
    const char *const *vkey;         /* each must have signed, but logs' keys of other origins are passed over */
    size_t n;
};
struct proof_signed { const char *witness; int64_t time; };   /* a cosignature that was found good */
/* The checkpoint is signed by its log's key and by every witness's among these.  ENOTFOUND: no key of its log is
 * among them; ECHECKSUM: a signature is missing or wrong.  seen gets the cosignatures, at most *n, and *n how many; may
 * be NULL. */
enum hearth_status proof_check_signatures(const char *name, const struct proof *p, const struct proof_signers *by,
                                          struct proof_signed *seen, size_t *n);
/* Inclusion: these bytes are the entry.  entry NULL: the one in extra. */
enum hearth_status proof_check_entry(const char *name, const struct proof *p, const void *entry, size_t n);
/* Consistency: the log whose root was `old` when it had p->index entries grew into this one. */
enum hearth_status proof_check_growth(const char *name, const struct proof *p, const uint8_t old[PROOF_HASH]);

/* ---- making ---- */

struct ledger;
/* checkpoint: a signed note of this log that covers the entry, or NULL for the newest. */
enum hearth_status proof_of_entry(struct ledger *l, uint64_t index, const char *checkpoint, int with_entry, struct proof *out);
/* From a tree of old_size entries to the checkpoint (NULL: the newest). */
enum hearth_status proof_of_growth(struct ledger *l, uint64_t old_size, const char *checkpoint, struct proof *out);

#endif
