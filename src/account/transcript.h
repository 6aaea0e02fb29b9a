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
 *     server = no                       "yes" keeps those of answers that a server gave, too
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
    const char *grammar;             /* what it was held to, NULL: nothing; read or made.  When making: params.grammar decides */
    enum hearth_grammar_kind grammar_kind;
};

/* ---- reading ---- */

/* Of a receipt's id; ENOTFOUND when it was erased, pruned, or never kept; EFORMAT when it is damaged; EIO when others
 * than its owner can read it; EUSAGE when it is sealed and the passphrase is not known (seal.h). */
enum hearth_status transcript_load(const char *id, struct transcript *out);
/* From a file anywhere (somebody supplied it). */
enum hearth_status transcript_read(const char *path, struct transcript *out);
/* Frees what it holds; harmless on a zeroed one. */
void transcript_free(struct transcript *t);
/* 1 when there is one.  Opens nothing. */
int transcript_kept(const char *id);
/* The folder of all; free() it. */
enum hearth_status transcript_folder(char **out);
/* Makes it, for its owner only; *made (may be NULL): it was not there. */
enum hearth_status transcript_make_folder(const char *folder, int *made);
/* Calls fn with the path of each transcript, oldest day first; anything but 0 from it ends the walk. */
enum hearth_status transcript_each(int (*fn)(void *user, const char *day, const char *id, const char *path), void *user);

/* The three commitments and the two counts of the receipt against the transcript; ECHECKSUM names what differs. */
enum hearth_status transcript_check(const struct transcript *t, const struct receipt *r);

/* ---- making ---- */

/* Days that the ini says; 0: none are kept.  EFORMAT: [transcripts] has a mistake. */
enum hearth_status transcript_days(unsigned *days);
/* Whether those of a server's answers are kept: only when the ini says so. */
enum hearth_status transcript_of_servers(int *kept);
/* From the other fields (id, messages, text, prompt, answer, params, context, kv, arithmetic) makes json, with fresh salts. */
enum hearth_status transcript_make(struct transcript *t, const char *time, const char *model_path, const char *model_sha256);
struct transcript_commitments { char prompt[65], answer[65], options[65]; };
enum hearth_status transcript_commit(const struct transcript *t, struct transcript_commitments *out);
/* Writes it under its day, sealed when the folder is.  *first: 1 when the folder of all was made now. */
enum hearth_status transcript_keep(const struct transcript *t, unsigned days, int *first);
/* Erases it: overwritten, then unlinked.  ENOTFOUND when there is none. */
enum hearth_status transcript_erase(const char *id);
/* Seals every transcript that is not yet, after seal_set(); *n of them. */
enum hearth_status transcript_seal_all(size_t *n);

/* Adds text of an answer as transcripts keep it: a NUL, which JSON's readers shy from, is written as U+FFFD. */
struct buf;
enum hearth_status transcript_put_text(struct buf *to, const char *text, size_t n);
/* Sampling with floats as text; NULL without memory.  A receipt has it without the seed: with it, whoever has the ledger and the
 * model could try guesses of a prompt by making their answers. */
json_t *sampling_json(const struct hearth_sampling *s);
/* "0x1.8p-1" */
json_t *float_json(float f);

#endif
