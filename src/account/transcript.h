/* transcript.h - what was said, apart from the ledger: the tokens, the text and the salts of one answer.
 *
 *     HOME/transcripts/                 0700
 *         2026-11-22/                   the receipt's day (UTC)
 *             <id>.json                 0600; the receipt's id
 *         key                           only when a passphrase is set (seal.h)
 *
 * It can be erased: the receipt stays, its commitments then mean nothing.  Days older than the ini's
 *
 *     [transcripts]
 *     keep = 30                         days; "no" keeps none
 *
 * are pruned when a new day begins. */
#ifndef HEARTH_ACCOUNT_TRANSCRIPT_H
#define HEARTH_ACCOUNT_TRANSCRIPT_H

#include <jansson.h>
#include "account/receipt.h"

enum { SALT = 32 };

struct transcript {                  /* transcript_free() it */
    json_t *json;                    /* the file; owns the strings */
    const char *id;                  /* the receipt's */
    const json_t *messages;          /* [{"role","content"}]: what was asked; an empty array when only tokens are known */
    const char *text;                /* the answer as it was shown */
    int32_t *prompt, *answer;        /* token ids: the session's before the answer, and the answer's */
    size_t n_prompt, n_answer;
    uint8_t prompt_salt[SALT], answer_salt[SALT], options_salt[SALT];
    /* The options: everything that decided the answer besides model and tokens.  stop and bias are owned here. */
    struct hearth_generate_params params;
    uint32_t context;
    enum hearth_kv kv;
    enum hearth_arithmetic arithmetic;
};

/* Of a receipt's id; ENOTFOUND when it was erased, pruned, or never kept; EFORMAT when it is damaged; EIO when others
 * than its owner can read it. */
enum hearth_status transcript_load(const char *id, struct transcript *out);
/* From a file anywhere (somebody supplied it). */
enum hearth_status transcript_read(const char *path, struct transcript *out);
void transcript_free(struct transcript *t);
/* 1 when there is one.  Opens nothing. */
int transcript_kept(const char *id);
/* Erases it: overwritten, then unlinked.  ENOTFOUND when there is none. */
enum hearth_status transcript_erase(const char *id);

/* The three commitments of the receipt against the transcript; ECHECKSUM names the first that differs. */
enum hearth_status transcript_check(const struct transcript *t, const struct receipt *r);

#endif
