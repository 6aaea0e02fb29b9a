/* openai_responses.h - one request of /v1/responses, for its two files. */
#ifndef HEARTH_SERVE_OPENAI_RESPONSES_H
#define HEARTH_SERVE_OPENAI_RESPONSES_H

#include <stdio.h>
#include "serve/openai_in.h"

enum item { ITEM_NONE, ITEM_THINK, ITEM_TEXT };

struct response {
    struct job *job;                 /* holds the request; its body is in the form of a chat's */
    json_t *given;                   /* the request as it came */
    json_t *output;                  /* items that are whole */
    enum item open;                  /* the one under way, its id and its text so far */
    char item_id[48];
    struct buf text;
    json_int_t sequence;
    enum hearth_status st;
    int begun;
};

/* Puts the request into the form of a chat's and reads that; 0: the exchange has been answered. */
int responses_read(struct response *r);

#endif
