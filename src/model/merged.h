/* merged.h - which adapters became part of a model's file, so that none is laid on twice.
 *
 *     hearth.merged.adapters   strings: the checksum of each, 16 hex digits
 */
#ifndef HEARTH_MODEL_MERGED_H
#define HEARTH_MODEL_MERGED_H

#include "model/adapter.h"

#define MERGED_ADAPTERS "hearth.merged.adapters"

/* EUSAGE: the adapter is in the model already. */
enum hearth_status merged_check(const struct hearth_model *m, const struct hearth_adapter *a);
/* The model's list with the adapter behind it. */
enum hearth_status merged_write(const struct gguf *g, const struct hearth_adapter *a, struct gguf_writer *w);
int merged_is_key(const struct gguf_string *key);

#endif
