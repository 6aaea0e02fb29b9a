/* rewrite.h - a model's file with the numbers of some tensors replaced. */
#ifndef HEARTH_WORK_REWRITE_H
#define HEARTH_WORK_REWRITE_H

#include "model/adapter.h"

/* F32, all elements of the tensor, valid until the next call; NULL: the file's own, or *st says what failed. */
typedef const float *rewrite_source(void *user, const struct gguf_tensor *t, enum hearth_status *st);

/* model: a file or folder, opened as g.  type: of the matrices; NULL: their own, or F16 where those are quantised and replaced (to round
 * again would lose some of what was learnt).  Norms and other vectors are F32.  adapter: what is merged; the file gets its labels and head, if
 * it has any (model/classes.h), and where it has matrices its name (model/merged.h); NULL: nothing.  out appears only when it is whole. */
enum hearth_status rewrite_model(const struct gguf *g, const char *type, const char *out, rewrite_source *source, void *user,
                                 const struct hearth_adapter *adapter);

#endif
