/* copy.h - a copy of a log that stands by itself: a folder anybody can check, or serve as a C2SP tlog-tiles log.
 *
 *     DIR/checkpoint  DIR/tile/...      as in the original (ledger.h), made anew from the entries
 *     DIR/vkey                          the key it is signed by
 *     DIR/witnesses/...                 cosigned checkpoints (witness.h) */
#ifndef HEARTH_ACCOUNT_COPY_H
#define HEARTH_ACCOUNT_COPY_H

#include "account/ledger.h"

/* Copies all entries of the newest checkpoint into dir, which must not be there yet or be empty.  Each entry is held against its leaf
 * and the whole against the root; only then the checkpoint is written, so a copy that was interrupted is none. */
enum hearth_status ledger_copy(struct ledger *l, const char *dir, uint64_t *size, ledger_progress *progress, void *user);

#endif
