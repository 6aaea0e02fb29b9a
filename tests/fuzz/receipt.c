/* receipt.c - fuzz target: bytes taken for a receipt.  What is read must say the same again: canonical JSON of it is read as the same
 * receipt, and is its own canonical form. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "account/canonical.h"
#include "account/receipt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct receipt r, again;
    struct buf once = {0}, twice = {0};
    enum hearth_status st = receipt_parse(data, size, &r);
    if (st != HEARTH_OK) {
        if (st != HEARTH_EFORMAT || r.json || strncmp(hearth_errmsg(), "receipt", 7)) abort();
        return 0;
    }
    if (strlen(r.id) != 32 || !r.actor || !r.by || (r.kind == RECEIPT_ANSWER && strlen(r.model.sha256) != 64)) abort();
    if (canonical_put(&once, r.json) == HEARTH_OK) {   /* members that no field names may be floats or large */
        if (receipt_parse(once.data, once.len, &again) != HEARTH_OK || canonical_put(&twice, again.json) != HEARTH_OK) abort();
        if (once.len != twice.len || memcmp(once.data, twice.data, once.len) || again.seconds != r.seconds || again.kind != r.kind) abort();
        receipt_free(&again);
    }
    receipt_free(&r);
    buf_free(&once);
    buf_free(&twice);
    return 0;
}
