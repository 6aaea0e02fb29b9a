/* proofs - how long a proof takes, on the ledger of HEARTH_HOME: N of random entries, each with its entry, written as `hearth ledger
 * prove --with-entry` writes them, and checked as `hearth ledger check` does.
 *
 *     proofs [N]          milliseconds: least, median, 99 of 100, most */
#include <stdio.h>
#include <stdlib.h>

#include "account/ledger.h"
#include "account/proof.h"
#include "account/receipt.h"
#include "base/clock.h"
#include "base/random.h"

static int ascending(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static enum hearth_status once(struct ledger *l, const struct note_key *key, uint64_t index, double ms[2])
{
    struct proof p, back;
    struct note by;
    struct buf text = {0};
    double begun = clock_seconds();
    TRY(proof_of_entry(l, index, NULL, 1, &p));
    enum hearth_status st = proof_write(&p, &text);
    ms[0] = 1000 * (clock_seconds() - begun);
    proof_free(&p);
    begun = clock_seconds();
    if (st == HEARTH_OK && (st = proof_read("proof", text.data, text.len, &back)) == HEARTH_OK) {
        st = proof_check_signatures("proof", &back, key, 1, &by);
        if (st == HEARTH_OK) st = proof_check_entry("proof", &back, back.extra, back.extra_n);
        proof_free(&back);
    }
    ms[1] = 1000 * (clock_seconds() - begun);
    buf_free(&text);
    return st;
}

static void show(const char *what, double *ms, size_t n)
{
    qsort(ms, n, sizeof *ms, ascending);
    printf("%s: %.3f %.3f %.3f %.3f ms\n", what, ms[0], ms[n / 2], ms[n * 99 / 100], ms[n - 1]);
}

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
    double *made = calloc(n + 1, sizeof *made), *checked = calloc(n + 1, sizeof *checked);
    struct ledger *l = NULL;
    struct note_key key;
    uint64_t size = 0;
    enum hearth_status st = made && checked && n ? receipt_ledger(0, &l) : HEARTH_EUSAGE;
    if (st == HEARTH_OK) st = ledger_size(l, &size);
    if (st == HEARTH_OK) st = note_key_parse("key", ledger_vkey(l), &key);
    for (size_t i = 0; i < n && st == HEARTH_OK; i++) {
        uint32_t word[4];
        double ms[2] = {0};
        philox4x32(1, (const uint32_t[4]){(uint32_t)i, 0, 0, 0}, word);
        st = once(l, &key, ((uint64_t)word[0] << 32 | word[1]) % size, ms);
        made[i] = ms[0], checked[i] = ms[1];
    }
    ledger_close(l);
    if (st == HEARTH_OK) printf("%llu entries, %zu proofs\n", (unsigned long long)size, n), show("made", made, n), show("checked", checked, n);
    else fprintf(stderr, "proofs: %s\n", hearth_errmsg());
    free(made);
    free(checked);
    return st != HEARTH_OK;
}
