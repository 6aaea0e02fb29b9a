/* normalizer.h - what tokenizer.json does to a text before anything else: a list of steps, each a text to a text. */
#ifndef HEARTH_TEXT_NORMALIZER_H
#define HEARTH_TEXT_NORMALIZER_H

#include "text/aligned.h"
#include "text/jsonpart.h"
#include "text/regex.h"

enum { STEPS_MAX = 64, NESTED_MAX = 16 };   /* of normalisers, pre-tokenisers, decoders: in all, and one in the other */

struct normalizer_step;
struct normalizer { struct normalizer_step *step; size_t n, cap; };

/* p->v is the member "normalizer", or NULL. */
enum hearth_status normalizer_init(struct normalizer *n, const struct part *p);
void normalizer_free(struct normalizer *n);
/* *text becomes what comes out; *other is scratch. */
enum hearth_status normalizer_run(const struct normalizer *n, struct regex_match *m, struct aligned *text, struct aligned *other);

/* {"String": s} or {"Regex": r}: one of the two is set. */
struct json_pattern { char *text; size_t n; struct regex *regex; };
enum hearth_status json_pattern_init(struct json_pattern *x, const struct part *p, const char *key);
void json_pattern_free(struct json_pattern *x);
/* The next match in s[at, n); an empty one never follows a match directly (`after` is where the last one ended, or SIZE_MAX). */
enum hearth_status json_pattern_find(const struct json_pattern *x, struct regex_match *m, const char *s, size_t n, size_t at,
                                     size_t after, size_t *from, size_t *to, int *found);

#endif
