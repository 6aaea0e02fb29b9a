/* pattern.h - regular expressions of task files and suites, as Python's re writes them, run by PCRE2 (UTF, Unicode classes) within a
 * limit of steps. */
#ifndef HEARTH_WORK_PATTERN_H
#define HEARTH_WORK_PATTERN_H

#include <stddef.h>
#include "base/status.h"

struct pattern;
enum { PATTERN_GROUPS = 10, PATTERN_CASELESS = 1 };
struct pattern_match { int found; size_t groups /* that the pattern has */, from[PATTERN_GROUPS], to[PATTERN_GROUPS]; /* 0: the whole;
                       from > to: a group that took no part */ };

/* EFORMAT: names `what` and the mistake. */
enum hearth_status pattern_open(const char *what, const char *text, int flags, struct pattern **out);
void pattern_close(struct pattern *p);                  /* NULL is allowed */
/* The first match at or behind `at` in well-formed UTF-8.  ELIMIT: the pattern takes too many steps. */
enum hearth_status pattern_find(const struct pattern *p, const char *s, size_t n, size_t at, struct pattern_match *out);

#endif
