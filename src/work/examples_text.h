/* examples_text.h - what examples say, as a model reads it: with the words that its template puts around them. */
#ifndef HEARTH_WORK_EXAMPLES_TEXT_H
#define HEARTH_WORK_EXAMPLES_TEXT_H

#include "base/mem.h"
#include "hearth.h"
#include "work/dataset.h"

/* Appends the examples of a file (dataset.h), a line or more each; head: as a head for labels reads them, without the labels. */
enum hearth_status examples_text(const struct hearth_model *m, const char *file, const char *columns, int head, struct buf *out);
/* The same of one. */
enum hearth_status example_text(const struct hearth_model *m, const struct example *e, struct buf *out);
/* A line, where there is something in it. */
enum hearth_status examples_text_line(struct buf *out, const char *s);
/* The same with a model's path, for who has none open. */
enum hearth_status examples_text_of(const char *model, const char *file, const char *columns, struct buf *out);

#endif
