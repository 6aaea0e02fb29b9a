/* object.h - limits of a request's JSON. */
#ifndef HEARTH_SERVE_OBJECT_H
#define HEARTH_SERVE_OBJECT_H

#include "base/status.h"

enum { OBJECT_DEPTH = 64, OBJECT_VALUES = 400000 };

/* ELIMIT: deeper, or more values.  Whether it is JSON at all the parser says. */
enum hearth_status object_examine(const char *text, size_t n, size_t *values);

#endif
