/* ask_in.h - one request on its way, for ask.c and ask_prompt.c only. */
#ifndef HEARTH_SERVE_ASK_IN_H
#define HEARTH_SERVE_ASK_IN_H

#include "hub/recipe.h"
#include "serve/ask.h"

struct run {
    struct run *prev, *next;         /* those under way */
    int refs, cancelled;
    struct ask a;
    struct server *server;
    struct kept *m;
    struct hub_model about;          /* of the name that was asked for, which may be a derived model's */
    struct hub_recipe recipe;        /* what that adds */
    const struct hearth_adapter *adapter;
    uint64_t ticket;
    int32_t *ids, *shown;
    size_t n, n_shown;
    size_t whole;                    /* tokens before messages were left out; 0: none were */
    enum toolcall_format format;
    int native;                      /* the template is given the tools */
    int thinking;                    /* the prompt ends inside <think> */
    json_t *begun_with;              /* the conversation behind what a derived model begins with, or NULL */
    json_t *messages;                /* what is rendered: the conversation, with words about tools where the template has none */
    struct hearth_grammar *grammar;
    struct toolcall_parser *parser;
    struct hearth_receipt *receipt;
    int begun, calls;
    int missed;                      /* a part of the answer that a route keeps found no memory */
    double began, first, load_seconds;
    struct ask_end end;
    char said[1024], note[1024];
};

/* Tools that may be called: there are some, and tool_choice is not "none". */
int run_has_tools(const struct run *r);
/* The prompt's tokens; run_prompt: ECONTEXT names both counts when they do not fit. */
enum hearth_status run_tokens(struct run *r, uint32_t ctx);
enum hearth_status run_prompt(struct run *r);

#endif
