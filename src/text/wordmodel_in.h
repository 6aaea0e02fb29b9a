/* wordmodel_in.h - what the files of the models share. */
#ifndef HEARTH_TEXT_WORDMODEL_IN_H
#define HEARTH_TEXT_WORDMODEL_IN_H

#include "text/wordmodel.h"

enum hearth_status unigram_encode(const struct wordmodel *m, const struct vocab *v, struct wordmodel_work *w, const struct aligned *text,
                                  size_t from, size_t to, struct tokens *out);
enum hearth_status wordpiece_encode(const struct wordmodel *m, const struct vocab *v, struct wordmodel_work *w, const struct aligned *text,
                                    size_t from, size_t to, struct tokens *out);
/* Ids of a text's bytes, where the vocabulary has all of them. */
static inline int wordmodel_has_bytes(const struct vocab *v, const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (v->byte[(unsigned char)s[i]] < 0) return 0;
    return 1;
}

#endif
