/* jsonpart.h - reading a JSON file of which every byte is somebody else's: each value knows its place, for messages.
 *
 *     tokenizer.json: pre_tokenizer.pretokenizers[0].pattern: missing, allowed: {"String": ...} or {"Regex": ...} */
#ifndef HEARTH_TEXT_JSONPART_H
#define HEARTH_TEXT_JSONPART_H

#include "base/jsontext.h"

struct part { const char *file; char where[160]; const json_t *v; /* NULL: not there, or null */ };

/* fail() with the place before the sentence. */
enum hearth_status part_fail(const struct part *p, enum hearth_status st, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
struct part part_member(const struct part *p, const char *key);
struct part part_element(const struct part *p, size_t i);
/* Of a member.  The string lives as long as the file; missing: *s stays as it is. */
enum hearth_status part_string(const struct part *p, const char *key, const char **s, size_t *n);
enum hearth_status part_flag(const struct part *p, const char *key, int *flag);
/* A whole number from least to most; missing: *out stays as it is. */
enum hearth_status part_int(const struct part *p, const char *key, int64_t least, int64_t most, int64_t *out);
enum hearth_status part_object(const struct part *p);
enum hearth_status part_array(const struct part *p, size_t most, size_t *n);
/* Which of names, a list that ends with NULL, the member "type" is; EUNSUPPORTED: none. */
enum hearth_status part_type(const struct part *p, const char *const *names, int *which);
/* A member of one of these values; missing: *which stays as it is. */
enum hearth_status part_choice(const struct part *p, const char *key, const char *const *names, int *which);

#endif
