/* likelihood.h - how likely a model finds answers behind one beginning, the beginning computed once.
 *
 *     main    [ few-shot examples ............ | question 1 ]      what the next context shares with it is kept
 *                                                    |
 *     branch  whole blocks of 64 are shared ---------+--> " Paris"     a few tokens each, side by side in one step,
 *             the last, begun one is copied          +--> " London"    each in blocks of its own
 *                                                    +--> " Rome"
 *
 * The bits are those of every other way to compute them (src/kernel/ARITHMETIC.md), so the log-probabilities are the server's. */
#ifndef HEARTH_WORK_LIKELIHOOD_H
#define HEARTH_WORK_LIKELIHOOD_H

#include "base/mem.h"

struct likelihood;

/* ctx: tokens of a context with an answer at most; 0: the model's own, at most 4096.  adapter: NULL, or the model's, which is to live as
 * long. */
enum hearth_status likelihood_open(struct hearth_model *m, const struct hearth_adapter *adapter, uint32_t ctx, struct likelihood **out);
void likelihood_close(struct likelihood *l);   /* NULL is allowed */
uint32_t likelihood_context(const struct likelihood *l);

struct continuation {
    const int32_t *ids;              /* [n], n >= 1 */
    size_t n;
    double logprob;                  /* natural log, of all n */
    int greedy;                      /* 1: each of them is the likeliest at its place */
    int cut;                         /* 1: the context did not fit and lost its beginning */
};
/* Fills in the count continuations of context [n], n >= 1.  A context that is too long with one of them loses its beginning, for that
 * one, as in lm-evaluation-harness; ECONTEXT: a continuation that fills the context alone.  cancel as hearth_session_eval's. */
enum hearth_status likelihood_score(struct likelihood *l, const int32_t *context, size_t n, struct continuation *c, size_t count,
                                    const volatile int *cancel);
/* What was computed so far, and what was shared and not computed. */
void likelihood_counts(const struct likelihood *l, uint64_t *computed, uint64_t *shared);

#endif
