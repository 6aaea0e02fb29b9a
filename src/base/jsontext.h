/* jsontext.h - JSON that somebody else wrote, read with jansson; and ours, written with the numbers as a person would write them. */
#ifndef HEARTH_BASE_JSONTEXT_H
#define HEARTH_BASE_JSONTEXT_H

#include <jansson.h>
#include "base/mem.h"
#include "base/status.h"

/* Parses n bytes, UTF-8 without duplicate keys.  EFORMAT names `what`, the line, the column and the mistake.  *out is to be
 * given back with json_decref. */
enum hearth_status jsontext_read(const char *what, const char *text, size_t n, json_t **out);

/* The same, but of a name that stands more than once in an object the last counts. */
enum hearth_status jsontext_read_last(const char *what, const char *text, size_t n, json_t **out);

/* jsontext_read for a file whose texts may have zero bytes in them ("\u0000"): json_string_length says where they end. */
enum hearth_status jsontext_read_zeros(const char *what, const char *text, size_t n, json_t **out);

/* An object or list that finds no memory for a part is without it, and of those who put parts into them nobody asks each time.  So it can be
 * asked once, at the end: bytes that jansson asked for on this thread and was refused since jsontext_trust(); 0: what was built is whole. */
void jsontext_trust(void);
size_t jsontext_refused(void);

/* Before a text of strangers is read: integers that no json_int_t holds become reals, in place.  Files of transformers have such, 10^30 for
 * "no limit", which jansson takes for a mistake. */
void jsontext_shorten(char *text, size_t n);

/* A string of bytes that need not be UTF-8, as names of files are: what is malformed becomes U+FFFD.  NULL: no memory. */
json_t *jsontext_string(const char *s, size_t n);

/* The last part of a path so: the folders of a person are nobody's business. */
json_t *jsontext_base_name(const char *path);

/* Appends v without white space.  A real has the fewest digits that are read back as the same number: 9.81, where json_dumps writes
 * 9.8100000000000005.  After a failure out holds a part. */
enum hearth_status jsontext_put(struct buf *out, const json_t *v);
/* The same with a space behind each comma and colon, as Python and so most models write it. */
enum hearth_status jsontext_put_wide(struct buf *out, const json_t *v);
/* jsontext_put as a text to be freed; NULL (message set) without memory, and for NULL. */
char *jsontext_dump(const json_t *v);

#endif
