/* wordcount.h - how often each word stands in a text: bytes -> count, in the order of their first appearance. */
#ifndef HEARTH_TEXT_WORDCOUNT_H
#define HEARTH_TEXT_WORDCOUNT_H

#include "base/mem.h"
#include "text/pretoken.h"

struct counted_word { uint64_t at; uint32_t n, tag; uint64_t count; };   /* its bytes are bytes.data[at .. at + n) */

struct wordcount {                   /* zero-initialise; wordcount_free() */
    struct buf bytes;
    struct counted_word *word;       /* [n] */
    size_t n, cap;
    uint32_t *slot;                  /* word + 1, 0: free; open addressing, at most half full */
    int bits;
    struct regex *pre;               /* made by the first text */
    struct regex_match *match;
};

enum hearth_status wordcount_add(struct wordcount *c, const char *s, size_t n, uint64_t count);
/* Every word of a text, cut by the rule; always the same one.  EFORMAT, naming `what` and the byte: the text is not UTF-8. */
enum hearth_status wordcount_text(struct wordcount *c, const struct pretoken_rule *rule, const char *what, const char *s, size_t n);
void wordcount_free(struct wordcount *c);

#endif
