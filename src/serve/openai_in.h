/* openai_in.h - what the files of OpenAI's protocol share.
 *
 *     openai.c              the routes; models; ids
 *     openai_fields.c       the fields that chat and completions have in common, into struct ask
 *     openai_job.c          one request's answers: n of them, of one prompt or of many, a few at a time
 *     openai_chat.c         /v1/chat/completions        openai_completions.c   /v1/completions
 *     openai_messages.c     conversations and tools as templates read them
 *     openai_logprobs.c     log-probabilities in both layouts
 *     openai_embed.c        /v1/embeddings, rerank
 *     openai_responses*.c   /v1/responses
 *     anthropic*.c          /v1/messages (anthropic.h)
 *
 *     job ─► choice 0 ─► ask_start ─► callbacks ─► chunk, or collected
 *         ─► choice 1 ...                              the last to end: job_over ─► the whole answer, or usage and [DONE] */
#ifndef HEARTH_SERVE_OPENAI_IN_H
#define HEARTH_SERVE_OPENAI_IN_H

#include <pthread.h>
#include "base/mem.h"
#include "serve/ask.h"
#include "serve/serve.h"
#include "serve/wants.h"

enum { CHOICES_MAX = 256, AT_ONCE = 8, STOPS_MAX = 16, BIAS_MAX = 4096, TOP_MAX = 20, MESSAGES_MAX = 4096, TOOLS_MAX = 128, LORAS_MAX = 256,
       LORA_SCALE_MAX = 100, SEEN_MOST = 2000000,  /* tokens and alternatives with their probabilities that all requests hold: each is some 300 bytes of JSON */
       ANSWER_USUAL = 4096 /* tokens: an answer is mostly no longer, whatever max_tokens says */ };

struct seen_token { int32_t id; float logprob; int n_top; size_t top; /* where in tops */ };
struct seen { struct seen_token *token; struct hearth_logprob *top; size_t n, cap, n_top, cap_top, told; /* told: already in chunks */ };

struct job;

struct choice {
    struct job *job;
    int index;
    size_t prompt;                   /* which of the prompts */
    struct buf text, think;
    json_t *calls;
    struct seen prompt_tokens, tokens;
    const struct hearth_model *m;    /* from on_begin to on_end */
    enum hearth_status st;           /* of a callback that had no memory */
    json_t *logprobs;                /* made in on_end */
    json_t *prompt_text;             /* of echo */
    size_t offset;                   /* characters, so far */
    const char *finish;
    char *receipt, *note;
    uint64_t number;                 /* of the receipt; UINT64_MAX: none */
};

struct prompt { const char *text; size_t n; int32_t *ids; };   /* text NULL: ids */

struct job {
    struct exchange *x;
    json_t *body;
    char id[48];
    json_int_t created;
    const char *model;
    int chat, stream, usage, echo, logprobs;      /* logprobs: -1 none, else alternatives */
    json_int_t n;                    /* answers a prompt */
    struct ask ask;                  /* what all have in common */
    const char *stop[STOPS_MAX];
    struct ask_keep keep;            /* what a derived model was made with */
    struct hearth_bias *bias;
    json_t *messages, *tools;
    json_t *begun_with;              /* a text that the answer begins with (Anthropic's last turn of the assistant), or NULL */
    char *schema;
    struct prompt *prompt;
    size_t n_prompts;

    struct choice *choice;
    size_t n_choices;
    pthread_mutex_t lock;            /* of what follows */
    size_t next, running;
    int over, begun, failed;
    enum hearth_status st;
    char said[1024];
    size_t prompt_tokens, answer_tokens, cached_tokens;
};

/* ---- openai.c ---- */
void openai_id(const char *before, char out[48]);      /* "chatcmpl-" and 24 letters and digits */
void openai_call_id(char out[10]);                     /* 9 letters and digits: Mistral's templates allow no other */
const char *openai_fingerprint(void);
/* A failure of ask_start or of an answer that has not begun, in OpenAI's words. */
void openai_fail(struct exchange *x, enum hearth_status st, const char *said);

/* ---- openai_fields.c ---- */
extern const struct wants_field openai_chat_fields[], openai_completions_fields[];
/* 1: all of job->ask that is not the prompt is there. */
int fields_read(struct wants *w, struct job *j);

/* ---- openai_messages.c ---- */
json_t *messages_read(struct wants *w, const json_t *given);     /* NULL: refused */
json_t *tools_read(struct wants *w);                             /* NULL: none, or refused */

/* ---- openai_job.c ---- */
struct job *job_open(struct exchange *x);              /* NULL: the exchange has been answered */
/* Choices for every prompt, started; the job ends by itself. */
void job_run(struct job *j);
/* Starts the one answer to the job's conversation; of `on` the callbacks and their user count.  0: the exchange has been answered. */
int job_ask(struct job *j, const struct ask *on);
/* The receipt as the ledger has it ("": none), and beside it its number there (UINT64_MAX: none), by which commands and people call it. */
void job_add_receipt(json_t *to, const char *receipt, uint64_t number);
/* Frees a job that was not run. */
void job_close(struct job *j);
json_t *job_usage(const struct job *j);
/* 1: the answer was cancelled, which is nobody's length or stop: its client left, or the server stops and says cut_off. */
int job_cut_off(const struct ask_end *e);
extern const char cut_off[];
/* {"id", "object", "created", "model", "choices": [...], ...}; takes choices */
json_t *job_object(const struct job *j, const char *object, json_t *choices);
/* One event of a stream; ended: in a choice's last one, the choice, whose receipt it brings; else NULL. */
void job_chunk(struct job *j, const struct choice *ended, json_t *choice);

/* ---- openai_chat.c, openai_completions.c ---- */
void openai_chat(struct exchange *x);
/* All of a chat's request but who may ask; 0: refused. */
int chat_read(struct wants *w, struct job *j);
void openai_completions(struct exchange *x);
void chat_begin(struct choice *c);                     /* the first chunk of a choice */
void completions_begin(struct choice *c);
void chat_ask(struct choice *c, struct ask *a);        /* callbacks */
void completions_ask(struct choice *c, struct ask *a);
void chat_finish(struct choice *c, const struct ask_end *e);         /* the last chunk of a choice */
void completions_finish(struct choice *c, const struct ask_end *e);
json_t *chat_choice(struct choice *c);                 /* of a whole answer */
json_t *completions_choice(struct choice *c);

/* ---- openai_logprobs.c ---- */
/* EBUSY: all requests together hold SEEN_MOST; seen_full is the sentence. */
enum hearth_status seen_add(struct seen *s, const struct hearth_token *t);
extern const char seen_full[];
void seen_free(struct seen *s);
/* Chat's layout: {"content": [...], "refusal": null}, of those not yet told, which then are; NULL: there are none. */
json_t *seen_chat(struct seen *s, const struct hearth_model *m);
/* The older one: four lists; *offset goes on. */
json_t *seen_legacy_begin(void);
void seen_legacy(json_t *to, const struct seen *s, size_t from, const struct hearth_model *m, size_t *offset);
/* A token that ended the answer: no text, no log-probability. */
void seen_legacy_end(json_t *to, size_t offset);

/* ---- openai_responses.c ---- */
void openai_responses(struct exchange *x);

/* ---- openai_embed.c ---- */
void openai_embeddings(struct exchange *x);
void openai_rerank(struct exchange *x);

#endif
