/* ledger.h - what the files of `hearth ledger` share: ledger.c has the tables, one file a group of its words. */
#ifndef HEARTH_CMD_LEDGER_H
#define HEARTH_CMD_LEDGER_H

#include "account/ledger.h"
#include "account/note.h"
#include "account/receipt.h"
#include "cmd/command.h"

struct ledger_options {
    int json, limit, with_entry, newest, all, yes;
    const char *model, *from, *to, *task, *actor, *purpose, *out, *entry, *before, *by, *listen, *state, *name, *dir;
    struct opt_list key, trust;
};
extern struct ledger_options ledger_opt;

/* ---- the words; each gets what follows it, and gives an exit code ---- */
int ledger_list(int argc, char **argv);
int ledger_show(int argc, char **argv);
int ledger_check_all(int argc, char **argv);         /* verify */
int ledger_prove(int argc, char **argv);
int ledger_check(int argc, char **argv);
int ledger_export(int argc, char **argv);
int ledger_witness(int argc, char **argv);
int ledger_forget(int argc, char **argv);
int ledger_decide(int argc, char **argv);

/* ---- what they share ---- */

/* NUMBER or id of an entry; exit code, with the message printed. */
int ledger_number(struct ledger *l, const char *word, uint64_t *number);
/* "2026-11-22", "2026-11-22T11:04", with seconds, with a Z; in UTC, as receipts and all that counts by days.  end: a day means its
 * end.  EXIT_USAGE names the option. */
int ledger_when(const char *option, const char *word, int end, int64_t *out);
/* "2026-11-22 12:04:54" in this computer's zone. */
const char *ledger_clock(int64_t t, char out[24]);
/* "0.42 J", "1.3 kJ" */
const char *ledger_energy(uint64_t uj, char out[24]);

/* The query of --model, --from ... of list and export. */
struct index_query;
int ledger_query(struct index_query *q);
/* Opens the index of l, drawing how far it is; NULL: that failed and was said. */
struct index;
int ledger_index(struct ledger *l, struct index **out);

/* How far a long walk over entries is: one line on a terminal, nothing elsewhere; a ledger_progress that ends on Ctrl-C. */
struct ledger_walk { const char *what; double drawn; int shown; };
int ledger_walked(void *walk, uint64_t done, uint64_t total);
void ledger_walk_end(struct ledger_walk *w);

/* Checks every byte; prints nothing unless it fails.  root: 44 characters of base64 and a NUL. */
int ledger_verify_now(struct ledger *l, uint64_t *size, char root[45]);

/* The keys of --key: as text, or in files.  Exit code; free *keys. */
int ledger_keys(struct note_key **keys, size_t *n);

#endif
