/* csv.h - records of RFC 4180: fields between separators, "quoted" ones with line ends and doubled quotes inside. */
#ifndef HEARTH_WORK_CSV_H
#define HEARTH_WORK_CSV_H

#include "base/mem.h"

struct csv {
    int blank_lines;                 /* 1: an empty line is a record of one empty field; 0: it is passed over */
    const char *file;                /* for messages */
    const char *at, *end;
    char separator;
    uint64_t line, next;             /* where the last record began; where the next one begins */
    struct buf text;                 /* the fields, each NUL-terminated */
    size_t *place;                   /* [n] in text */
    size_t n, cap;
};

void csv_init(struct csv *c, const char *file, const char *text, size_t n, char separator);
/* The next record that is not an empty line; *more is 0 past the last.  EFORMAT names file and line: a quote that nothing closes, what
 * follows a closing quote. */
enum hearth_status csv_next(struct csv *c, int *more);
static inline const char *csv_field(const struct csv *c, size_t i) { return c->text.data + c->place[i]; }
void csv_free(struct csv *c);

#endif
