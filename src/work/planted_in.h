/* planted_in.h - what planted.c shares with planted_rank.c and planted_meaning.c: texts as words, and labels as mean directions of them. */
#ifndef HEARTH_WORK_PLANTED_IN_H
#define HEARTH_WORK_PLANTED_IN_H

#include "work/planted.h"

enum { PLANTED_STYLES = 7, PLANTED_WORDS = 2000 /* of a text: the rest is not looked at */ };

/* planted_words.c */
struct planted_words {
    uint32_t *word;                  /* of all texts, one after the other: ids, ascending by hash */
    size_t *from;                    /* [n + 1] into word */
    const char **spelt;              /* [words]: where it stands first, in some text */
    uint32_t *spelt_n;
    uint32_t words;                  /* different ones; the ids words .. words + PLANTED_STYLES - 1 are marks of style */
    uint8_t *style;                  /* [n]: bits of marks */
};
enum hearth_status words_open(const struct planted_text *t, size_t n, struct planted_words *out);
void words_close(struct planted_words *w);
const char *style_name(uint32_t mark);

/* planted_rank.c */
struct planted_space;
enum hearth_status space_open(const struct planted_text *t, size_t n, uint32_t labels, const struct planted_words *w, struct planted_space **out);
void space_close(struct planted_space *s);
/* Words that are not looked at from now on, until the next call; and the marks of label y itself when `own`. */
void space_mask(struct planted_space *s, uint32_t y, const uint32_t *word, size_t n, int own);
enum { PLANTED_FALSE = 4 };
struct planted_margin {
    double margin;                   /* the nearest other label's cosine less its own label's */
    uint32_t nearer;                 /* which that is */
    double false_margin[PLANTED_FALSE]; /* what it would be had it been given another label, whatever it says */
};
/* A label that the text does not have, of those with two texts and more (there is another): in place of its own, for comparison. */
static inline uint32_t planted_false_label(const uint32_t *count, uint32_t labels, uint32_t y, size_t i, uint32_t k)
{
    uint32_t l = (uint32_t)((i * PLANTED_FALSE + k) * 2654435761u % labels);
    while (l == y || count[l] < 2) l = (l + 1) % labels;
    return l;
}
/* 0 when nothing is left of the text, or there is no other label. */
int space_margin(struct planted_space *s, size_t i, struct planted_margin *out);
/* The mean cosine of some of these texts with each other, without what is masked: 0 nothing in common. */
double space_likeness(struct planted_space *s, const uint32_t *text, size_t n);
/* planted_meaning.c: neighbours and nearer of each text that has a label, by vectors and by the words' margins [n] (zeros: none). */
enum hearth_status meaning_judge(const struct planted_text *t, size_t n, uint32_t labels, const struct planted_meaning *given, const struct planted_margin *words,
                                 struct planted_score *at);
uint32_t space_count(const struct planted_space *s, uint32_t label);   /* its texts */

#endif
