/* proof.h - what is given to somebody who has no ledger, and checked without one.
 *
 *     c2sp.org/tlog-proof@v1                    inclusion: "this entry is number 7 of that log"
 *     extra eyJhY3RvciI6...                     the entry itself, where it was asked for (base64)
 *     index 7
 *     q1RUlqoPiTz7V2yiSbCZ8W1TdZ5r8a0DwCcV3cJ0ZIk=      from the leaf's sibling up to the root's child
 *     ...
 *
 *     hearth.local/5be1f0c2a70d9e44             the checkpoint as it was signed, with its cosignatures (note.h)
 *     1024
 *     sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=
 *
 *     — hearth.local/5be1f0c2a70d9e44 hI2DJw...
 *
 *
 *     old 900                                   consistency: "that log only grew since it had 900 entries"
 *     PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
 *     ...
 *
 *     hearth.local/5be1f0c2a70d9e44             the newer checkpoint; who checks has the older one
 *     ...
 *
 * The first form is C2SP's tlog-proof, the second what a log sends to a witness (tlog-witness, add-checkpoint), so other
 * people's programs read both.  Several tlog-proofs may follow each other in one file (`hearth ledger export`). */
#ifndef HEARTH_ACCOUNT_PROOF_H
#define HEARTH_ACCOUNT_PROOF_H

#include "account/note.h"

enum { PROOF_MAX = 2 << 20 };        /* bytes of one proof: a note, an entry, 64 hashes */

enum proof_kind { PROOF_INCLUSION, PROOF_CONSISTENCY };

struct proof {                       /* proof_free() it */
    enum proof_kind kind;
    uint64_t index;                  /* inclusion: the entry's number; consistency: the old size */
    uint8_t hash[MERKLE_PROOF][MERKLE_HASH];
    size_t hashes;
    uint8_t *extra;                  /* the entry, or NULL */
    size_t extra_n;
    char *note;                      /* the signed checkpoint, verbatim; NUL-terminated */
    size_t note_n;
    struct checkpoint at;            /* its text; nothing here says that it was signed */
};

/* Reads one proof of either form.  name stands for the file in messages. */
enum hearth_status proof_read(const char *name, const void *data, size_t n, struct proof *out);
enum hearth_status proof_write(const struct proof *p, struct buf *to);
void proof_free(struct proof *p);
/* In a file of several proofs: how many of the n bytes are the first one. */
size_t proof_first(const void *data, size_t n);

/* ---- checking: without any ledger ---- */

/* The checkpoint is signed by its log's key and by every witness's key among these (keys of other logs are passed over).
 * ENOTFOUND: no key of its log is among them; ECHECKSUM: a signature is missing or wrong.  by points into p and key. */
enum hearth_status proof_check_signatures(const char *name, const struct proof *p, const struct note_key *key, size_t n,
                                          struct note *by);
/* Inclusion: these bytes are the entry. */
enum hearth_status proof_check_entry(const char *name, const struct proof *p, const void *entry, size_t n);
/* Consistency: the log of this older checkpoint grew into this one. */
enum hearth_status proof_check_growth(const char *name, const struct proof *p, const struct checkpoint *old);

/* ---- making ---- */

struct ledger;
/* note: a signed checkpoint of this log that covers the entry, or NULL for the newest. */
enum hearth_status proof_of_entry(struct ledger *l, uint64_t index, const char *note, int with_entry, struct proof *out);
/* From the tree of an older checkpoint to the newest one.  ECHECKSUM: this log does not contain it. */
enum hearth_status proof_of_growth(struct ledger *l, const struct checkpoint *old, struct proof *out);

#endif
