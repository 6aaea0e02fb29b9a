/* pretoken.h - cutting a text into the words inside which byte-level BPE joins symbols. */
#ifndef HEARTH_TEXT_PRETOKEN_H
#define HEARTH_TEXT_PRETOKEN_H

#include "base/mem.h"
#include "text/regex.h"

struct pretoken_rule {
    const char *names;       /* values of tokenizer.ggml.pre, separated by spaces */
    const char *pattern;     /* PCRE2, UTF and UCP: each match is a word; it matches at every place of every text */
    unsigned flags;
};
enum {                       /* what else goes with a pre-tokeniser's name */
    PRE_WHOLE = 1,           /* a word that is a token is taken whole, whatever the merges say */
    PRE_NFC = 2,             /* the text is normalised first */
    PRE_BOS = 4              /* begins with bos unless the file says otherwise */
};

/* The rule of that name; NULL: not known. */
const struct pretoken_rule *pretoken_rule(const char *name, size_t n);
/* All known names in one line, for messages. */
enum hearth_status pretoken_names(struct buf *out);

/* jit = 0 uses PCRE2's interpreter: the same words, slower.  It is used as well where the system refuses memory that
 * is both written and executed. */
enum hearth_status pretoken_open(const struct pretoken_rule *rule, int jit, struct regex **out);
/* The length of the word at s[at], at < n; s is well-formed UTF-8. */
enum hearth_status pretoken_next(const struct regex *p, struct regex_match *m, const char *s, size_t n, size_t at, size_t *len);

#endif
