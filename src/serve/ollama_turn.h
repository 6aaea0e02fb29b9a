/* ollama_turn.h - one request of /api/generate or /api/chat, for ollama_prompt.c (what is asked) and ollama_answer.c (what is said). */
#ifndef HEARTH_SERVE_OLLAMA_TURN_H
#define HEARTH_SERVE_OLLAMA_TURN_H

#include <stdatomic.h>
#include "serve/ollama_in.h"
#include "serve/openai_in.h"         /* struct seen: log-probabilities */

struct turn {
    atomic_int refs;                 /* the route's and, once started, the answer's */
    struct exchange *x;
    json_t *body;
    const char *name;                /* as the client wrote it */
    int chat, stream, raw, logprobs;
    double began, load_seconds;
    struct hub_model about;
    struct hub_recipe recipe;
    struct parameters parameters;
    struct kept *kept;               /* the route's own loan, until the answer has its own */
    struct ask ask;
    char *schema;
    json_t *messages, *tools, *variables;
    struct buf jinja;                /* the request's own template */
    const char *as_written;
    int32_t *context;
    enum hearth_status st;           /* of reading, then of a callback that had no memory */

    const struct hearth_model *model;    /* from on_begin on */
    struct buf text, think;          /* of an answer that is sent whole */
    json_t *calls;
    struct seen tokens;
};

struct turn *turn_open(struct exchange *x, int chat);  /* NULL: the exchange has been answered */
/* All of t->ask is there: the answer follows, or the refusal. */
void turn_start(struct turn *t);
void turn_drop(struct turn *t);

#endif
