/* replay.h - making an answer again and comparing: its tokens one by one, and all else that receipt and transcript say about it
 * with what the model, the options and the answer made again say.
 *
 * It begins from the transcript's token ids, not from text: neither template nor tokenizer takes part.  The arithmetic is
 * the same on every machine, with any number of threads, any chunks and any instruction set, so the answer must be equal;
 * where it is not, one of the few things that decide it was another, and that is said. */
#ifndef HEARTH_ACCOUNT_REPLAY_H
#define HEARTH_ACCOUNT_REPLAY_H

#include "account/receipt.h"
#include "account/transcript.h"
#include "hub/hub.h"

enum replay_cause {                  /* bits */
    REPLAY_OTHER_MODEL = 1,          /* the file's SHA-256 is not the receipt's */
    REPLAY_OTHER_ARITHMETIC = 2,     /* the receipt's version is not this program's */
    REPLAY_NOT_REPLAYABLE = 4        /* the receipt says so itself */
};
enum replay_words {                  /* the messages of the transcript and the tokens of the prompt */
    REPLAY_WORDS_COMPARED,           /* the messages give these very tokens */
    REPLAY_WORDS_IN_PART,            /* each text that was found stands in them; words_why says how far that goes */
    REPLAY_WORDS_NOT                 /* there is nothing to compare: no messages, another model */
};
struct replay {
    int equal;                       /* every token is */
    char contradiction[600];         /* what receipt or transcript say otherwise although the tokens are equal; "": nothing */
    enum replay_words words;
    char words_why[300];             /* a sentence's part; "" when they were compared */
    unsigned causes;                 /* what was not the same; 0 with equal = 0: nothing explains it */
    size_t at;                       /* the first token of the answer that differs, from 0 */
    int32_t was, is;                 /* its id then and now; -1: the answer ended there */
    size_t tokens;                   /* of the answer, compared */
    double seconds;
};

/* The file of the receipt's model: in the store by its digest, else where the transcript (may be NULL) says it lay.  ENOTFOUND
 * says to give the file.  free() it. */
enum hearth_status replay_model(const struct receipt *r, const struct transcript *t, char **path);
/* SHA-256 of a whole file, read now: nothing that was remembered counts here. */
enum hearth_status replay_digest(const char *path, const volatile int *cancel, char hex[65]);

struct replay_params {
    const char *model_sha256;        /* replay_digest of m's file */
    const char *adapter;             /* path of the adapter that the receipt names, where it names one; NULL: not given */
    uint32_t chunk;                  /* tokens of the prompt computed together; 0: as usual */
    const volatile int *cancel;
};
/* Checks the transcript against the receipt (ECHECKSUM), then runs it on m, which was opened with t->arithmetic.  A receipt of a
 * cancelled answer is compared as far as that went. */
enum hearth_status replay_run(const struct receipt *r, const struct transcript *t, struct hearth_model *m,
                              const struct replay_params *p, struct replay *out);

/* The comparisons beside the tokens (replay_check.c), each adding to out what it finds. */
void replay_contradict(struct replay *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void replay_check_options(const struct receipt *r, const struct transcript *t, struct replay *out);
enum hearth_status replay_check_model(const struct receipt *r, const struct hearth_model *m, struct replay *out);
enum hearth_status replay_check_words(const struct receipt *r, const struct transcript *t, const struct hearth_model *m, struct replay *out);
struct buf;
/* text: as the stream showed it; least: its bytes before the last token's. */
void replay_check_answer(const struct receipt *r, const struct transcript *t, const struct buf *text, size_t least,
                         enum hearth_finish finish, struct replay *out);

/* "hearth 0.1.0 and later", "hearth 0.1.0 to before 0.3.0", "a newer hearth than this one": which releases compute that version
 * (docs/arithmetic-history.md, built in). */
const char *replay_release(int version, char out[96]);

#endif
