/* tekken.h - Mistral's tekken.json: bytes joined to the token of the lowest number (as tiktoken does it), behind the special tokens. */
#ifndef HEARTH_TEXT_TEKKEN_H
#define HEARTH_TEXT_TEKKEN_H

#include "text/pipeline.h"

/* Whether a JSON file is one: it has config.pattern and a list of vocabulary. */
int tekken_is(const json_t *root);
/* Fills p (zeroed, with its arena) and v. */
enum hearth_status tekken_init(struct pipeline *p, const struct part *root, struct vocab *v);

#endif
