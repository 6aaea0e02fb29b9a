/* audit.h - an audit pack: what was done with which models in a time, for somebody who was not there and has no ledger.
 *
 *     PACK.zip or PACK/
 *         report.html        for people: prints
 *         summary.json       the report's figures; anybody can count them again from receipts.jsonl
 *         receipts.jsonl     the ledger's entries, one a line, byte for byte: counts and commitments, never a word said
 *         proofs.tlog        a C2SP tlog-proof of each, with the signed checkpoint
 *         models.json        what this computer knew of the models: licences, origins
 *         ledger.vkey        the key that the checkpoint is signed by
 *         README.txt         how to check all this, with and without hearth
 *         manifest.json      every file above with its length and SHA-256
 *         manifest.note      signed with the ledger's key: the SHA-256 of manifest.json
 *
 * The entries are all those from the first of the time to the last, and one more at either end where there is one: their
 * times show that none was left out at the ends; their numbers, that none was left out between. */
#ifndef HEARTH_ACCOUNT_AUDIT_H
#define HEARTH_ACCOUNT_AUDIT_H

#include <jansson.h>
#include "account/ledger.h"
#include "account/note.h"
#include "account/pack.h"

#define AUDIT_SCHEMA "hearth-audit/1"
enum { AUDIT_ENTRIES = 200000 };     /* in one pack: more are asked for in several */

/* ---- counting: the same when a pack is made and when it is checked ---- */

/* One thing that is counted: a model, a use, a day. */
enum { TALLY_KEYS = 5 };
struct tally_row {
    char *key[TALLY_KEYS];
    uint64_t answers, prompt_tokens, answer_tokens, energy_uj, low_uj, high_uj, carbon_ug, water_ul, measured, replayable;
};
struct tally { struct tally_row *row; size_t n, cap, last; };

struct audit {
    int64_t from, to;                /* Unix time: from <= t < to */
    uint64_t first, end;             /* entries in the pack: first <= i < end */
    uint64_t in_time, strange;       /* entries of the time; those that are no receipts */
    struct tally models, uses, days, kinds;  /* name sha256 architecture; actor purpose task key model; day; kind */
    struct tally_row all;
    uint64_t truncated, constrained;
    json_t *decisions;               /* [{of, decision, by, time}] */
    uint64_t decided[3];             /* accepted, edited, rejected */
};
void audit_init(struct audit *a, int64_t from, int64_t to);
void audit_free(struct audit *a);
/* One entry in the order of its number; outside the time it is only looked at. */
enum hearth_status audit_count(struct audit *a, const void *entry, size_t n);
/* summary.json's value.  Counting the same entries gives the same value. */
enum hearth_status audit_summary(const struct audit *a, const char *origin, uint64_t size, json_t **out);
/* report.html from summary.json and models.json alone. */
enum hearth_status audit_page(const json_t *summary, const json_t *models, char **text, size_t *n);

/* ---- packs ---- */

/* ENOTFOUND: no receipt is of that time.  progress hears of entries. */
enum hearth_status audit_make(struct ledger *l, int64_t from, int64_t to, ledger_progress *progress, void *user, struct pack *out);

struct audit_found { char origin[NOTE_NAME], vkey[NOTE_KEY_TEXT], from[24], to[24]; uint64_t entries, first, end, size, answers; int recounted /* the page too */; };
/* Checks everything.  vkey: the ledger's key as its owner gave it; NULL: the pack's own, of which the caller should say so.
 * ECHECKSUM or EFORMAT names the file that is wrong and why. */
enum hearth_status audit_check(const struct pack *p, const char *vkey, ledger_progress *progress, void *user,
                               struct audit_found *out);

#endif
