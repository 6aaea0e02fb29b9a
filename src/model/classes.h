/* classes.h - a head for classes that lies in the model's own file, so that whatever rewrites the file (another type, another vocabulary)
 * keeps it, and programs that know nothing of it open the file all the same.
 *
 *     hearth.classes.labels   strings [classes]
 *     hearth.classes.weight   F32 [classes * width]     logits = W h, h after the last norm,
 *     hearth.classes.pooling  "mean": of all of a text's tokens; "last", or not there: of its last
 *
 * Labels alone are words that the model was taught to answer.
 */
#ifndef HEARTH_MODEL_CLASSES_H
#define HEARTH_MODEL_CLASSES_H

#include "model/adapter.h"

#define CLASSES_LABELS "hearth.classes.labels"
#define CLASSES_WEIGHT "hearth.classes.weight"
#define CLASSES_POOLING "hearth.classes.pooling"

/* A head, that is: with weights. */
int classes_are_in(const struct gguf *g);
/* Into an adapter without labels: what the file has of these keys, if it has any.  An adapter's own GGUF file has them too. */
enum hearth_status classes_read(const struct gguf *g, struct hearth_adapter *a);
/* The file's head, or its labels alone, as an adapter of no matrices.  ENOTFOUND: it has none. */
enum hearth_status classes_open(const struct hearth_model *m, struct hearth_adapter **out);
/* The keys of an adapter's head, or of its labels alone. */
enum hearth_status classes_write(const struct hearth_adapter *a, struct gguf_writer *w);
int classes_is_key(const struct gguf_string *key);

#endif
