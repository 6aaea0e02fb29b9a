/* facts_file.h - the part of facts.h that a GGUF file says about itself. */
#ifndef HEARTH_ACCOUNT_FACTS_FILE_H
#define HEARTH_ACCOUNT_FACTS_FILE_H

#include "account/facts.h"

enum hearth_status facts_read_file(struct facts *f);
/* A copy that is fit for a document: UTF-8, no control characters, at most FACT_BYTES. */
enum { FACT_BYTES = 4096 };
const char *facts_text(struct facts *f, const char *s, size_t n);
enum hearth_status facts_pair(struct facts *f, struct fact_pairs *to, const char *key, const char *value);

/* facts_recorded.c: the evaluations that the ledger holds of these very bytes. */
enum hearth_status facts_recorded(struct facts *f);

#endif
