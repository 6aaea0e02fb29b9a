/* dataset.h - the examples somebody has: to tune with, to evaluate on, to look into.
 *
 *     x.jsonl  a JSON object a line      {"prompt", "completion"}   {"messages": [...]}   {"text"}   {"text", "label"}
 *                                        {"prompt", "chosen", "rejected"}: prompt a text or messages
 *     x.json   the same in one array
 *     x.csv, x.tsv   RFC 4180 with a heading (separated by , or ; or tab)
 *     x.txt, x.md    one document        a folder: every document in it, in the order of their names
 *
 * Which column is what: those named (columns), else by their usual names.  A file must be UTF-8.  Every refusal names file and line.
 * The reading is one pass over the mapped file; dataset_each keeps nothing. */
#ifndef HEARTH_WORK_DATASET_H
#define HEARTH_WORK_DATASET_H

#include "base/mem.h"

enum example_kind {
    EXAMPLE_TEXT,                    /* text */
    EXAMPLE_PAIR,                    /* text: the prompt; answer: the completion */
    EXAMPLE_CHAT,                    /* messages */
    EXAMPLE_PREFERENCE,              /* text or messages: the prompt; answer: the better one; rejected */
    EXAMPLE_LABEL                    /* text; answer: its label */
};
const char *example_kind_name(enum example_kind k);      /* "plain text", "prompt and completion", ... */

struct example {
    enum example_kind kind;
    const char *text, *answer, *rejected; /* NUL-terminated UTF-8; NULL where the kind has none */
    const char *messages;            /* a JSON array of {"role", "content"}, the last of EXAMPLE_CHAT the assistant's; or NULL */
    const char *file;                /* where it stands */
    uint64_t line;                   /* its first line there; in a .json: which of the array, from 1 */
    uint32_t label;                  /* EXAMPLE_LABEL in a struct dataset: index of the label */
};

struct dataset_options {
    const char *columns;             /* "text=utterance,label=intent": only what is named counts; NULL: by the usual names.  What there can
                                        be: text, label, prompt, completion, chosen, rejected, messages */
    const char *const *labels;       /* [n_labels]: those there may be, another is refused by line; NULL: any */
    size_t n_labels;
    int empty;                       /* 1: examples whose text or label is empty are given too; 2: rows of a table in which nothing is, too;
                                        0: refused by line, and such rows passed over */
};

struct dataset_source {
    uint64_t bytes, files, passed_over; /* passed over: files of a folder that are no documents */
    uint64_t blank;                  /* rows of a table in which nothing is */
    enum example_kind kind;          /* of every example */
    char unused[128];                /* of plain text in records: the columns besides the text, "id, subject"; "": none */
    char text_column[64];            /* and the text's own */
    char digest[65];                 /* SHA-256 of the file, as sha256sum says it; of a folder, of sha256sum's lines of its documents by
                                        name.  "" when built without libcrypto */
};

/* By the ending of a file's name: records of examples (.jsonl, .ndjson, .json, .csv, .tsv); a document (.txt, .md ...). */
int dataset_is_records(const char *path);
int dataset_is_document(const char *path);

/* Calls fn for each example, whose texts live until it returns; stops with what it returns when that is not HEARTH_OK.  options and out
 * may be NULL.  EFORMAT: names file and line, or that there is no example. */
typedef enum hearth_status dataset_fn(void *user, const struct example *e);
enum hearth_status dataset_each(const char *path, const struct dataset_options *options, dataset_fn *fn, void *user,
                                struct dataset_source *out);

/* ---- all of them at hand ---- */

struct dataset_pairs { size_t n, first, second; }; /* how many, and the first one met: indices of examples */

struct dataset {
    struct dataset_source source;
    struct example *example;         /* [n], in the order of the file */
    size_t n;
    const char **label;              /* [labels], ascending by bytes (or options.labels, in their order) */
    size_t labels;
    struct dataset_pairs duplicates; /* examples that were there before, word for word */
    struct dataset_pairs contradictions; /* EXAMPLE_LABEL: a text that was there before with another label */
    const char *alike[2];            /* two labels that differ by blanks or the size of letters only; NULL: none do */
    size_t alikes;                   /* such pairs */
    struct arena arena;
};

enum hearth_status dataset_open(const char *path, const struct dataset_options *options, struct dataset **out);
void dataset_close(struct dataset *d);
/* EFORMAT when the examples have no labels, or all the same one. */
enum hearth_status dataset_need_labels(const struct dataset *d);

/* held [n]: 1 for round(share * n) examples that are kept back from learning, at least 1 and never all.  By seed and by what the
 * prompt or text says, so that doubles are on one side (and may make it a little more) and the file's order decides nothing. */
enum hearth_status dataset_hold_out(const struct dataset *d, double share, uint64_t seed, uint8_t *held);
/* chosen [n]: 1 for `limit` examples (0: all); of examples with labels as many of each label as can be, the rarest whole.  By seed. */
enum hearth_status dataset_choose(const struct dataset *d, size_t limit, uint64_t seed, uint8_t *chosen);
/* order [n]: 0 .. n-1 in the order of an epoch: a Fisher-Yates shuffle by seed and epoch. */
void dataset_shuffle(uint32_t *order, size_t n, uint64_t seed, uint32_t epoch);

#endif
