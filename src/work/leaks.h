/* leaks.h - what a tuned model can be made to repeat of the examples that it learnt from.
 *
 *     an example ─► beginning (what is asked; of a text its first half, at most 64 tokens) ─► what follows, at most 64 tokens
 *     model      ─► would it, always taking its likeliest token, say what follows word for word?         repeated
 *                   how much likelier is that to it than to a model that has not seen the example?       surprise, reference's surprise
 *
 * One pass gives both: as long as the likeliest token is the example's, the next is asked about as if it had been generated.  A model may know what
 * is common ("I'm sorry, I cannot ..."); so what a reference model repeats too is no leak.
 *
 * A canary is a text with a secret of digits that was put into the data on purpose.  Its exposure (Carlini et al., "The Secret Sharer", 2019) is
 * log2(candidates) - log2(rank) among the same text with other digits: 0 where it was forgotten, up to log2(candidates). */
#ifndef HEARTH_WORK_LEAKS_H
#define HEARTH_WORK_LEAKS_H

#include "work/dataset.h"

enum { LEAK_LEAST = 8 /* tokens that follow */, LEAK_MOST = 64, LEAK_CANDIDATES = 256 };

struct leak {
    uint32_t example, tokens;        /* what follows has so many */
    uint32_t same, reference_same;   /* of these from the first on would be repeated */
    float surprise, reference;       /* mean negative log-likelihood of a token; reference: NaN without one */
};
struct leaks_options {
    struct hearth_model *model, *reference; /* reference may be NULL */
    size_t most;                     /* examples, evenly from all; 0: 1,000 */
    int (*step)(void *user, const char *what, size_t done, size_t total); /* may be NULL; non-zero cancels */
    void *user;
};
struct leaks {
    struct leak *at;                 /* [n] those looked at, the worst first: repeated whole, then longest, then likeliest against the reference */
    size_t n, too_short, repeated;   /* repeated: whole, and not by the reference */
};
enum hearth_status leaks_find(const struct dataset *d, const struct leaks_options *o, struct leaks *out);
void leaks_free(struct leaks *l);

/* EFORMAT: a text without digits.  rank: 1 is the likeliest. */
enum hearth_status leaks_canary(const struct leaks_options *o, const char *text, double *exposure, uint32_t *rank);

#endif
