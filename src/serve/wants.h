/* wants.h - the fields of a request, read one by one; the first that is wrong is answered with a 400 that names it.
 *
 *     struct wants w = {x, body};
 *     wants_known(&w, table);                    every field is known, and none is one that we cannot honour
 *     wants_number(&w, "temperature", 0, 2, &t); 1: it was there and is in *t; 0: it was not (null is not), or something was wrong
 *     if (w.bad) ...                             the exchange has been answered; all further calls did nothing
 */
#ifndef HEARTH_SERVE_WANTS_H
#define HEARTH_SERVE_WANTS_H

#include "serve/http.h"

struct wants { struct exchange *x; const json_t *body; int bad; };

/* A field of a protocol.  refused NULL: read, or harmless to leave unread; else a sentence on why it cannot be honoured.  A value of
 * `unless` (JSON) is then allowed all the same, because it asks for nothing. */
struct wants_field { const char *name, *refused, *unless; };
int wants_known(struct wants *w, const struct wants_field *table);   /* ends with a name of NULL */

int wants_int(struct wants *w, const char *name, json_int_t low, json_int_t high, json_int_t *out);
int wants_float(struct wants *w, const char *name, double low, double high, float *out);
int wants_flag(struct wants *w, const char *name, int *out);
int wants_text(struct wants *w, const char *name, const char **out);
/* The field's value, or NULL when it is missing or null. */
json_t *wants_get(const struct wants *w, const char *name);
/* The 400. */
void wants_refuse(struct wants *w, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A text of a model as JSON: what is not UTF-8 becomes U+FFFD.  NULL without memory. */
json_t *wants_string(const char *text, size_t n);

#endif
