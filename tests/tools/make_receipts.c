/* make_receipts - appends N made-up receipts (tests/receipt_maker.h) to the ledger of HEARTH_HOME.
 *
 *     make_receipts N [FIRST]          FIRST: the number of the first of the lot, 0 otherwise */
#include <stdio.h>
#include <stdlib.h>

#include "account/receipt.h"
#include "receipt_maker.h"

int main(int argc, char **argv)
{
    struct ledger *l = NULL;
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: make_receipts N [FIRST]\n");
        return 2;
    }
    enum hearth_status st = receipt_ledger(1, &l);
    if (st == HEARTH_OK) st = receipts_append(l, argc > 2 ? strtoull(argv[2], NULL, 10) : 0, strtoull(argv[1], NULL, 10));
    ledger_close(l);
    if (st == HEARTH_OK) return 0;
    fprintf(stderr, "make_receipts: %s\n", hearth_errmsg());
    return 1;
}
