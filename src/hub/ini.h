/* ini.h - the small text files people can read and mend: catalogue, names, states.
 *
 *     # a comment                         at the beginning of a line, also of an indented one
 *     [section]
 *     key = value                         spaces around both are not part of them
 *         an indented line goes on with the value, joined by a newline
 *
 * Keys are [a-z0-9_-]; values are UTF-8 without control characters.  A mistake is EFORMAT naming file and line.
 */
#ifndef HEARTH_HUB_INI_H
#define HEARTH_HUB_INI_H

#include "base/mem.h"

struct ini_item { const char *section, *key, *value; int line; };
struct ini {
    struct arena arena;
    struct ini_item *item;       /* in the order of the file; a key may come twice */
    size_t n, cap;
    const char *label;
};

/* label stands for the file in messages.  On failure there is nothing to free. */
enum hearth_status ini_parse(const char *text, size_t n, const char *label, struct ini *out);
/* The same for a file of at most 1 MiB; ENOTFOUND when there is none. */
enum hearth_status ini_read(const char *path, struct ini *out);
void ini_free(struct ini *ini);

/* The first value of that key in that section, or NULL. */
const char *ini_get(const struct ini *ini, const char *section, const char *key);
/* A whole number of at most max; missing or anything else is EFORMAT. */
enum hearth_status ini_number(const struct ini *ini, const char *section, const char *key, uint64_t max, uint64_t *out);
/* The same for one value that is already at hand. */
enum hearth_status ini_item_number(const struct ini *ini, const struct ini_item *it, uint64_t max, uint64_t *out);

/* Writing: one "key = value" line; newlines inside become indented lines.  An empty value writes nothing. */
enum hearth_status ini_put(struct buf *to, const char *key, const char *value);
enum hearth_status ini_put_number(struct buf *to, const char *key, uint64_t value);
/* Writes the text under path as a whole or not at all. */
enum hearth_status ini_write(const char *path, const struct buf *text);

/* A file's path as a value and back: '%', control characters, blanks at the ends and, in a path that is not UTF-8,
 * every byte above 7F, are written as %xx.  Allocated. */
char *ini_path_encode(const char *path);
char *ini_path_decode(const char *value);

#endif
