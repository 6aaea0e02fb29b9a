/* anthropic.h - one request of Anthropic's protocol, for its files.
 *
 *     anthropic.c           /v1/messages: the answer, whole or as events
 *     anthropic_read.c      the request in the form of a chat's
 *     anthropic_blocks.c    its conversation: blocks of text, calls and results */
#ifndef HEARTH_SERVE_ANTHROPIC_H
#define HEARTH_SERVE_ANTHROPIC_H

#include "serve/openai_in.h"

/* Puts j's body into the form of a chat's and reads that; counting: a request to count tokens, which has fewer fields.  0: the exchange
 * has been answered. */
int anthropic_read(struct job *j, int counting);

/* ---- anthropic_blocks.c ---- */
/* Messages as OpenAI's protocol has them; after a refusal (w->bad) whatever there was.  *begun: a text that the answer begins with, or NULL. */
json_t *anthropic_messages(struct wants *w, json_t **begun);
/* Refuses, in the name of `field`, what stands in o and not among names (NULL ends them); null stands for nothing. */
void anthropic_only(struct wants *w, const char *field, const char *where, const json_t *o, const char *const *names);

#endif
