/* ledger_in.h - what the files of the ledger share: ledger.c opens and reads it, ledger_append.c makes it grow, ledger_verify.c
 * goes over every byte. */
#ifndef HEARTH_ACCOUNT_LEDGER_IN_H
#define HEARTH_ACCOUNT_LEDGER_IN_H

#include <pthread.h>

#include "account/edge.h"
#include "account/ledger.h"
#include "account/logdir.h"
#include "account/note.h"

enum { BUNDLE_MAX = TILE_WIDTH * (2 + ENTRY_MAX) };

struct request;                      /* ledger_append.c */
struct ledger {
    struct logdir dir, keys;         /* keys.fd is -1 for somebody else's ledger */
    struct note_key key;
    char vkey[NOTE_KEY_TEXT];
    struct note_signer *signer;      /* NULL: for reading only */

    pthread_mutex_t mutex;           /* over what follows, to the next line */
    struct checkpoint head;          /* the newest that was read; its signature was checked.  size 0: none yet */
    char *note, *shown;              /* its text with the signature, or NULL; the copy that was given out */
    struct request *queue;
    int committing;
    pthread_cond_t committed;

    /* Of the one thread that commits: what would have to be read again otherwise. */
    struct edge *edge;
    uint8_t edge_root[MERKLE_HASH];
    int edge_known;                  /* edge and bundle are those of the log of that root */
    struct buf bundle;               /* the entries of the bundle that is being filled */
};

/* Reads the newest checkpoint.  ECHECKSUM: not signed by this key, another log's, or older than one seen before. */
enum hearth_status ledger_head(struct ledger *l, struct checkpoint *out);
/* Another text as a checkpoint of this log: origin and signature. */
enum hearth_status ledger_read_note(const struct ledger *l, const char *what, const char *note, size_t n, struct checkpoint *out);
/* Makes this one the newest. */
enum hearth_status ledger_set_head(struct ledger *l, const char *note, size_t n, const struct checkpoint *at);

/* The file of a tile as it is now: at least t->width wide, whose width is then what it is.  A tile's size is right; a bundle has
 * exactly its entries. */
enum hearth_status ledger_tile(struct ledger *l, struct tile *t, uint8_t **data, size_t *n);
/* The remembered checkpoint (keys/ledger.last); size 0: none. */
enum hearth_status ledger_last(struct ledger *l, struct checkpoint *out);
/* ECHECKSUM: the log with this head does not contain `last`. */
enum hearth_status ledger_contains(struct ledger *l, const struct checkpoint *head, const struct checkpoint *last);

#endif
