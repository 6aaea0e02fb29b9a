/* merge.h - an adapter made part of its model: W + scale B A in the place of W, in a GGUF file of its own. */
#ifndef HEARTH_WORK_MERGE_H
#define HEARTH_WORK_MERGE_H

#include "base/status.h"

/* type NULL: the file's own types, or F16 where they are quantised (to round again would lose some of what was learnt).  A head for
 * classes goes into the file (model/classes.h). */
enum hearth_status merge_write(const char *model, const char *adapter, const char *type, const char *out);

#endif
