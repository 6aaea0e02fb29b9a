/* receipt.h - what an answer leaves behind: a small JSON object that anybody can check.
 *
 *     generate ──► struct receipt_facts ──► receipt (RFC 8785) ──► one entry of the ledger
 *                          │
 *                          └──► transcript: the tokens, the text, the salts (transcript.h), erasable
 *
 * The entry holds counts, digests and salted commitments, never a word of the prompt or the answer:
 *
 *     commitment = SHA-256( "hearth/<what>/v1" 0x00 salt[32] canonical JSON of the content )
 *
 * <what> is prompt, answer or options; each has a salt of its own, kept in the transcript only, so that erasing a
 * transcript makes its commitments mean nothing for ever, and showing an auditor the options shows no prompt.
 *
 * Every number in an entry is an integer below 2^53; floats are strings as C99's %a writes them.  docs/receipt.schema.json
 * is the form; docs/accountability.md says what each field is for. */
#ifndef HEARTH_ACCOUNT_RECEIPT_H
#define HEARTH_ACCOUNT_RECEIPT_H

#include <jansson.h>
#include "base/status.h"

#define RECEIPT_SCHEMA "hearth-receipt/1"

/* ---- reading ---- */

enum receipt_kind {
    RECEIPT_ANSWER,    /* a generation */
    RECEIPT_DECISION,  /* what a person made of one: accepted, edited, rejected */
    RECEIPT_OTHER      /* "tuning", "import", "footprint", ...: read the common fields and json */
};

struct receipt_parent { uint64_t index; const char *leaf; /* 64 hex digits: RFC 6962 leaf hash of that entry */ };
struct receipt_digest { const char *name, *sha256; float scale; /* of an adapter; 1 where it does not say */ };

struct receipt {                     /* strings live as long as json; "" where nothing is said, never NULL */
    json_t *json;                    /* the whole object; owns every string here */
    enum receipt_kind kind;
    const char *kind_name;           /* "answer" */
    const char *id;                  /* 32 hex digits, random */
    const char *time;                /* "2026-11-22T11:04:54Z": when it was made */
    int64_t seconds;                 /* the same, Unix time */
    const char *version, *commit;    /* of the program */
    const char *actor, *purpose, *key, *task;
    struct receipt_parent *parent;
    size_t n_parents;

    /* RECEIPT_ANSWER only, from here to footprint */
    struct { const char *name, *sha256, *architecture; int verified; /* 1 hashed now, 0 known from before */ } model;
    struct receipt_digest *adapter;
    size_t n_adapters;
    const char *template_sha256, *tokenizer_sha256, *policy_sha256;
    struct {
        int version, threads, replayable;
        const char *kind /* quant, float */, *kv /* f16, f32, q8_0 */, *isa, *reason /* why it is not replayable */;
    } arithmetic;
    uint64_t prompt_tokens, answer_tokens;
    const char *prompt_commitment, *answer_commitment, *options_commitment;
    struct hearth_sampling sampling; /* without bias and seed, which are committed only; the first receipts had a seed too */
    const char *finish;              /* stop, length, cancelled */
    uint64_t truncated_from, truncated_to;  /* tokens the prompt had and was cut to; 0, 0: it was not */
    int constrained;                 /* 1: a grammar or a schema held it */
    uint64_t load_us, prompt_us, answer_us;
    const json_t *footprint;         /* FOOTPRINT's object (account/meter.h), or NULL; in every kind that has one */

    /* RECEIPT_DECISION only */
    struct receipt_parent of;        /* the receipt it is about */
    const char *decision;            /* accepted, edited, rejected */
    const char *by;
};

/* Reads an entry (or a receipt file): any JSON spelling, every field checked.  EFORMAT names field, value found and
 * value allowed.  receipt_free() only after HEARTH_OK; harmless on a zeroed one. */
enum hearth_status receipt_parse(const void *data, size_t n, struct receipt *out);
void receipt_free(struct receipt *r);

/* RECEIPT of a command: a number of the ledger, an id (or its first 8 digits or more), or a file that holds a receipt, alone or
 * as the "hearth_receipt" of an answer in JSON.  *index: its number in the ledger, UINT64_MAX for a file that is not in
 * it (a file of another machine); may be NULL.  ENOTFOUND says what was looked for. */
enum hearth_status receipt_find(const char *word, struct receipt *out, uint64_t *index);

/* ---- making ---- */

struct ledger;
struct receipt_number { uint64_t index; char leaf[65]; };

/* The ledger of this person, under HUB_DATA; append 1: for appending, which makes it; ledger_close() it.  ENOTFOUND: nothing was
 * ever answered here. */
enum hearth_status receipt_ledger(int append, struct ledger **out);

/* A new entry: schema, kind, id, time, program; the caller adds fields of its own.  json_decref() it. */
enum hearth_status receipt_begin(const char *kind, json_t **out);
/* Canonical JSON, one append, durable on return.  at may be NULL. */
enum hearth_status receipt_append(struct ledger *l, const json_t *entry, struct receipt_number *at);
/* A person's word about an answer, appended as an entry.  decision: accepted, edited, rejected; by: who says so (a pseudonym).
 * EUSAGE: entry `index` is no answer. */
enum hearth_status receipt_decide(struct ledger *l, uint64_t index, const char *decision, const char *by,
                                  struct receipt_number *at);

#endif
