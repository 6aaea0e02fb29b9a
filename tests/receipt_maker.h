/* receipt_maker.h - receipts of answers that nobody gave, for tests of what stands on the ledger. */
#ifndef HEARTH_TESTS_RECEIPT_MAKER_H
#define HEARTH_TESTS_RECEIPT_MAKER_H

#include "account/ledger.h"

struct made_receipt {                /* NULL and 0: something plausible, or nothing where a receipt may leave it out */
    const char *model, *key, *task, *actor, *purpose;
    int64_t time;                    /* Unix time */
    uint64_t prompt, answer, energy_uj;
    int not_replayable;
};
/* The canonical JSON of number i: the same wish gives the same bytes.  free() it. */
char *receipt_make(uint64_t i, const struct made_receipt *wish, size_t *n);
/* Number i of a varied lot: three models, two keys or none, three tasks or none, an answer a minute from 2026-01-01 on. */
void receipt_vary(uint64_t i, struct made_receipt *out);
/* Appends numbers first .. first + n - 1 of that lot, in groups of 1,000. */
enum hearth_status receipts_append(struct ledger *l, uint64_t first, uint64_t n);

#endif
