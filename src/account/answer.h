/* answer.h - what commands ask a hearth_receipt (hearth.h, "receipts") beyond the public interface. */
#ifndef HEARTH_ACCOUNT_ANSWER_H
#define HEARTH_ACCOUNT_ANSWER_H

#include "account/meter.h"
#include "account/receipt.h"

/* What the answer took; valid after hearth_receipt_generate. */
const struct footprint *answer_footprint(const struct hearth_receipt *r);
/* After writing. */
const struct receipt_number *answer_number(const struct hearth_receipt *r);
/* Days that its transcript is kept, 0: none is; *first: it is the first one that this person leaves here. */
unsigned answer_kept(const struct hearth_receipt *r, int *first);

/* The digests of what shapes a prompt, computed now: of the tokenizer's fields; of the chat template, "" where there is none. */
struct gguf;
enum hearth_status answer_tokenizer_digest(const struct gguf *g, char hex[65]);
enum hearth_status answer_template_digest(const struct hearth_model *m, char hex[65]);

#endif
