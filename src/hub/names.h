/* names.h - what may be a model's name or a digest, and which name was meant. */
#ifndef HEARTH_HUB_NAMES_H
#define HEARTH_HUB_NAMES_H

#include "base/mem.h"

enum { NAME_MAX_BYTES = 128 };

/* The one spelling of a name: ASCII lower case, without ":latest".  EUSAGE when it is no name: [a-z0-9] first, then
 * [a-z0-9._:-], at most 128 bytes; so a name is never a path. */
enum hearth_status name_canonical(const char *name, char out[NAME_MAX_BYTES + 1]);
/* A name made from a file's: "My Model.Q4_1.gguf" -> "my-model.q4-1". */
enum hearth_status name_from_file(const char *path, char out[NAME_MAX_BYTES + 1]);
/* Exactly 64 lower-case hex digits. */
int name_is_digest(const char *s);

/* Collects the names nearest to one that was not found: within an edit distance of a third of its length, or
 * containing it. */
struct name_near { const char *word; char best[3][NAME_MAX_BYTES + 1]; int distance[3]; int n; };
void name_near_add(struct name_near *near, const char *candidate);
/* "; did you mean a or b?" or "".  The text lives in a static buffer of the caller: out of at least 512 bytes. */
const char *name_near_text(const struct name_near *near, char out[512]);

/* Now, as 2026-11-22T07:40:00Z. */
void name_now(char out[24]);

#endif
