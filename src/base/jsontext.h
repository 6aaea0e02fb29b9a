/* jsontext.h - JSON that somebody else wrote, read with jansson. */
#ifndef HEARTH_BASE_JSONTEXT_H
#define HEARTH_BASE_JSONTEXT_H

#include <jansson.h>
#include "base/status.h"

/* Parses n bytes, UTF-8 without duplicate keys.  EFORMAT names `what`, the line, the column and the mistake.  *out is to be
 * given back with json_decref. */
enum hearth_status jsontext_read(const char *what, const char *text, size_t n, json_t **out);

#endif
