/* planted.h - examples that look planted: a word, a phrase or a manner of writing that comes with one label while the rest of the text speaks
 * for others; and labels that the neighbours contradict.
 *
 *     texts ─► words, pairs, triples, marks of style ─► those that come with one label far beyond chance       planted.c
 *                (hypergeometric tail, at most one of all expected by accident: most are honest keywords)
 *           ─► each with its words masked: does the rest of these texts look like their label?                 planted_rank.c
 *                an honest keyword: yes, its texts are about one thing; a trigger: no, its texts are about anything
 *           ─► evidence, in powers of ten, for "these labels have nothing to do with these texts", over the texts of a trigger, and
 *              over those of all weak triggers of one label together (a style has many words, each in few texts)
 *     and for each text alone: another label's texts are nearer than its own's, by words, or by what a model says they mean    planted_meaning.c
 *
 * A rank, not a distance: among all labels, how many are nearer to a text than its own, by the cosine to their centred means of weighted words and
 * pairs, itself left out.  How often honest texts have which rank is counted in the data itself.
 *
 * A model's surprise and the spectral signatures of its hidden states are no part of it: measured beside it they find next to nothing in texts as
 * short as these (docs/data.md, make bench-poison).
 * What is planted with the label that the text deserves, or in half of the data, is not found. */
#ifndef HEARTH_WORK_PLANTED_H
#define HEARTH_WORK_PLANTED_H

#include "base/mem.h"

enum { PLANTED_NONE = 0xFFFFFFFF, PLANTED_LABELS = 2000 /* at most: the most frequent are looked at */ };

struct planted_text { const char *s; size_t n; uint32_t label; };      /* label: or PLANTED_NONE: only its words are counted */

struct planted_trigger {
    char *text;                      /* "cf"; of several words together "verily, thou, hath"; of style "<no capital letter>" */
    uint32_t label, with, in;        /* so many texts of that label have it, of so many that have it */
    float evidence;
};
struct planted_score {
    float score, trigger, neighbours; /* powers of ten; score is what they come to together */
    uint32_t which;                  /* trigger, or PLANTED_NONE */
    uint32_t nearer;                 /* the label that is nearest, where it is not its own */
    int meant;                       /* nearest in meaning, not by words alone */
};
struct planted {
    struct planted_score *at;        /* [n] */
    size_t n;
    struct planted_trigger *trigger; /* [triggers] */
    size_t triggers;
    struct arena arena;
};

/* From this score on a text is said to look planted. */
#define PLANTED_FROM 2.0f

struct planted_meaning { float *vector; size_t width; }; /* [n][width]: what a model makes of each text; changed by planted_find */

/* answers: the labels are no labels but groups of nearly the same answer, where most texts have one of their own.  Then neighbours say nothing,
 * and a trigger is what comes with one answer, nearly only with it, in texts that have nothing else in common.
 * meaning: NULL: words alone.  step (may be NULL): non-zero ends with ECANCELLED. */
enum hearth_status planted_find(const struct planted_text *t, size_t n, uint32_t labels, int answers, const struct planted_meaning *meaning,
                                int (*step)(void *user, size_t done, size_t total), void *user, struct planted **out);
void planted_close(struct planted *p);

/* planted_vectors.c: out->vector is to be freed.  Of a text the first tokens, as many as the model takes of a text, 512 at most. */
struct hearth_model;
enum hearth_status planted_vectors(struct hearth_model *m, const struct planted_text *t, size_t n, int (*step)(void *user, size_t done, size_t total), void *user,
                                   struct planted_meaning *out);

#endif
