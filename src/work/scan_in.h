/* scan_in.h - the parts of a scan (scan.c calls them), each over all examples. */
#ifndef HEARTH_WORK_SCAN_IN_H
#define HEARTH_WORK_SCAN_IN_H

#include "work/scan.h"

/* 0, or ECANCELLED where the caller's step says so. */
enum hearth_status scan_step(const struct scan_options *o, const char *what, size_t done, size_t total);
static inline void scan_mark(struct scan *s, size_t i, uint32_t bit) { s->at[i].why |= bit; }

enum hearth_status scan_doubles(struct scan *s, const struct scan_options *o);           /* scan_doubles.c */
enum hearth_status scan_texts(struct scan *s, const struct scan_options *o);             /* scan_texts.c: personal data, languages, characters */
enum hearth_status scan_lengths(struct scan *s, const struct scan_options *o);           /* scan_lengths.c */
enum hearth_status scan_planted(struct scan *s, const struct scan_options *o);          /* scan_planted.c */
enum hearth_status scan_licences(struct scan *s, const char *path);                      /* scan_licence.c */

/* Counting names: adds one to `name` of *list (room for *cap), which is copied into the arena when it is new. */
enum hearth_status scan_add(struct arena *a, struct scan_count **list, size_t *n, size_t *cap, const char *name);
void scan_sort(struct scan_count *list, size_t n);        /* the most first, then by name */

#endif
