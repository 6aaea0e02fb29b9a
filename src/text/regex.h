/* regex.h - patterns that cut texts: ours (pretoken.c) and those of tokenizer.json, which are written for Oniguruma.  Both run in
 * PCRE2, with UTF and UCP. */
#ifndef HEARTH_TEXT_REGEX_H
#define HEARTH_TEXT_REGEX_H

#include "base/mem.h"

/* White space of Unicode (White_Space) for inside [ ]: PCRE2's \s also has U+180E. */
#define REGEX_SPACE "\\t-\\r \\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}"

struct regex;
enum {
    REGEX_OURS = 1,      /* written for PCRE2 and known to be linear: no limit of steps */
    REGEX_ANCHORED = 2,  /* a match begins where it is looked for */
    REGEX_NO_JIT = 4
};
enum { REGEX_LONGEST = 65536 };  /* bytes of a pattern */

/* `what` names the place of the pattern in messages, and is copied.  Else than REGEX_OURS, the pattern is translated; EUNSUPPORTED
 * what has no equal here, EFORMAT a mistake. */
enum hearth_status regex_open(const char *what, const char *pattern, size_t n, int flags, struct regex **out);
void regex_close(struct regex *r);

/* What one text needs while it is searched; a regex may be shared by threads, this may not. */
struct regex_match;
struct regex_match *regex_match_open(void);      /* NULL with message set */
void regex_match_close(struct regex_match *m);
/* The first match at or after `at` in well-formed UTF-8; *found = 0: none.  ELIMIT: the pattern takes too many steps. */
enum hearth_status regex_find(const struct regex *r, struct regex_match *m, const char *s, size_t n, size_t at, size_t *from,
                              size_t *to, int *found);

/* Appends the pattern as PCRE2 reads it (exported for tests). */
enum hearth_status regex_translate(const char *what, const char *pattern, size_t n, struct buf *out);

#endif
