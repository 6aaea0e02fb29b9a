/* card.h - a model card as Hugging Face has them: front matter (YAML) that its pages and tools read, then Markdown for people
 * (Mitchell et al., "Model Cards for Model Reporting", 2019).  What is not known stands in a list of its own. */
#ifndef HEARTH_ACCOUNT_CARD_H
#define HEARTH_ACCOUNT_CARD_H

#include "account/facts.h"

/* The whole card; free() *text. */
enum hearth_status card_make(struct facts *f, char **text, size_t *n);

#endif
