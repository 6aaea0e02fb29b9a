/* index.h - finding receipts in the ledger: a SQLite file beside it that can be thrown away at any time.
 *
 *     HOME/ledger/          the log: the truth
 *     HOME/ledger/index.sqlite    number, time, model, task, key, actor ... of each entry; which entry decides on which
 *
 * The index only finds: whoever prints a receipt reads it from the log by its number.  It is never written while an
 * answer is made; it catches up when somebody asks.  When it is missing, damaged, of another version or of another log
 * (the origin and the hash of the last entry it knows say so), it is made anew.  Several processes may use it at once: SQLite's own
 * locks keep them apart.
 *
 * index.c does it with SQLite; index_none.c stands in where there is none, and says so. */
#ifndef HEARTH_ACCOUNT_INDEX_H
#define HEARTH_ACCOUNT_INDEX_H

#include "base/status.h"

struct index;
struct ledger;

/* What is searched for: NULL or 0 means anything.  Texts are compared whole, but model also matches a digest's beginning
 * (8 digits or more) and id any beginning.  */
struct index_query {
    const char *kind;                /* "answer", "decision", ... */
    const char *model, *task, *key, *actor, *purpose, *id;
    int64_t from, to;                /* Unix time: from <= time < to; 0, 0: any */
    const uint64_t *about;           /* only the decisions about the entry of that number */
    int undecided;                   /* 1: only answers that no decision refers to */
    int oldest_first;                /* 0: newest first, by number */
    uint64_t limit;                  /* 0: all */
};

enum { INDEX_UNDECIDED, INDEX_ACCEPTED, INDEX_EDITED, INDEX_REJECTED };
struct index_row {
    uint64_t number;                 /* of the entry in the ledger */
    int64_t time;                    /* Unix time */
    int decision;                    /* of the newest decision about it: INDEX_... */
    uint64_t decided_by;             /* the number of that decision, when there is one */
    uint64_t prompt_tokens, answer_tokens, energy_uj;   /* for sums; 0 where nothing is said */
};

/* Called while it catches up with a long log: entries read so far, and all. */
typedef void index_progress(void *user, uint64_t done, uint64_t total);

/* Opens the index of an open ledger that lies in `dir`, and catches up.  progress may be NULL.  An entry of the log that is no
 * receipt is counted and passed over. */
enum hearth_status index_open(const char *dir, struct ledger *l, index_progress *progress, void *user, struct index **out);
void index_close(struct index *x);

/* How many entries it knows (as many as the log had when it was opened), and how many of them are no receipts. */
uint64_t index_size(const struct index *x, uint64_t *strange);
/* fn returns 0 to go on, anything else ends the search (which is then HEARTH_OK). */
enum hearth_status index_find(struct index *x, const struct index_query *q, int (*fn)(void *user, const struct index_row *r),
                              void *user);
/* How many there are of a query, whatever its limit. */
enum hearth_status index_count(struct index *x, const struct index_query *q, uint64_t *n);

#endif
