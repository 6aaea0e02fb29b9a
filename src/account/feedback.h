/* feedback.h - what people made of answers: good, wrong or corrected, kept for tuning and tests.
 *
 *     the page ──► POST /hearth/feedback ──► feedback_keep ──► HUB_DATA/feedback/2026-11-28.jsonl     0600, folder 0700
 *                                                 └──────────► the ledger: accepted, rejected or edited (receipt_decide)
 *     hearth feedback export ──► feedback_export ──► a line an example
 *
 * A line of the file, which only its owner may read since it holds what was said:
 *
 *     {"time", "receipt": 12 or null, "id": the receipt's or null, "by", "verdict": "good" | "wrong" | "corrected",
 *      "messages": [{"role", "content"}], "answer", "correction": only of corrected}
 *
 * Nothing is changed afterwards: a second verdict about the same receipt stands behind the first, and the newest counts. */
#ifndef HEARTH_ACCOUNT_FEEDBACK_H
#define HEARTH_ACCOUNT_FEEDBACK_H

#include <jansson.h>
#include "base/mem.h"

struct feedback {
    uint64_t receipt;                /* UINT64_MAX: the answer has none */
    const char *verdict;             /* "good", "wrong", "corrected" */
    const json_t *messages;
    const char *answer, *correction; /* correction: NULL but for "corrected" */
};

/* Reads what a client sent: {"receipt", "verdict", "messages", "answer", "correction"}; strings live as long as j.  EFORMAT names the
 * field, what was found and what is allowed. */
enum hearth_status feedback_read(const json_t *j, struct feedback *out);
/* Keeps it and has the ledger say so; both or neither.  key: "" or the name of the key that the answer must have been given to, so that
 * nobody judges another's.  *decision: its number in the ledger, UINT64_MAX: none.  ENOTFOUND: no such receipt of that key. */
enum hearth_status feedback_keep(const struct feedback *f, const char *key, uint64_t *decision);

enum feedback_form {
    FEEDBACK_CHAT,                   /* {"messages": [..., the good or corrected answer]} */
    FEEDBACK_PREFERENCE,             /* {"prompt": [...], "chosen": [correction], "rejected": [answer]}: corrected ones only */
    FEEDBACK_ENTRIES                 /* as they are kept */
};
/* JSON lines, oldest first, one for each answer (its newest verdict); *n of them.  An empty folder gives none. */
enum hearth_status feedback_export(enum feedback_form form, struct buf *out, size_t *n);

/* Erases the entries of a receipt's id, or those of days before `before` ("2026-11-22"), or with both NULL all.  *n may be NULL. */
enum hearth_status feedback_forget(const char *id, const char *before, size_t *n);

#endif
