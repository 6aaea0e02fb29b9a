/* canonical.h - one spelling for a JSON value: RFC 8785 (JSON Canonicalization Scheme).
 *
 * Members in the order of their names' UTF-16 code units, no blanks, the shortest escapes; so that a hash of it means the
 * value and not how somebody wrote it down.  Numbers are integers of at most 2^53 - 1 in size, which every reader of JSON
 * agrees on; a float is a string here (RFC 8785 takes them too, by rules that few writers get right). */
#ifndef HEARTH_ACCOUNT_CANONICAL_H
#define HEARTH_ACCOUNT_CANONICAL_H

#include <jansson.h>
#include "base/mem.h"

#define CANONICAL_MAX 9007199254740991   /* 2^53 - 1 */

/* Appends v; on failure to is as it was.  EFORMAT: a float, an integer too large, more than 32 levels. */
enum hearth_status canonical_put(struct buf *to, const json_t *v);

#endif
