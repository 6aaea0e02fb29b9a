/* sampler.h - from logits to a token, as a pure function of logits, history, parameters and position. */
#ifndef HEARTH_INFER_SAMPLER_H
#define HEARTH_INFER_SAMPLER_H

#include "base/status.h"

enum { LOGPROBS_MAX = 20 };

struct sampler {                     /* scratch for a vocabulary of n; all in one slab */
    int32_t n;
    float *adjusted;                 /* [n] logits after bias and penalties */
    float *value;                    /* [n] of the candidates, in ascending id */
    int32_t *id;                     /* [n] whose they are */
    int32_t *heap;                   /* [n] candidates on their way to being in order */
    uint32_t *count;                 /* [n] occurrences in the history; all 0 between calls */
    void *slab;
    size_t slab_bytes;
};

/* EUSAGE naming field, value found and value allowed. */
enum hearth_status sampling_check(const struct hearth_sampling *p, int32_t n_vocab);

enum hearth_status sampler_init(struct sampler *s, int32_t n_vocab);
void sampler_free(struct sampler *s);   /* harmless on a zeroed or freed one */
/* The token to stand at `position` after history [n_history] (oldest first; ids outside the vocabulary are passed
 * over).  p must have passed sampling_check.  mask: a bit a token, token i is bit i % 32 of word i / 32; a token whose bit
 * is 0 is never picked, whatever the parameters say; NULL: all may be.  ENUMERIC: a logit that is not finite.  EUSAGE: bias
 * and mask forbid every token. */
enum hearth_status sampler_pick(struct sampler *s, const float *logits /* [n] */, const int32_t *history,
                                size_t n_history, const struct hearth_sampling *p, uint64_t position,
                                const uint32_t *mask /* [(n + 31) / 32] */, int32_t *out);

/* log of the sum of exp(logits[i]): max + log(sum of exp(logits[i] - max)). */
float logits_logsumexp(const float *logits /* [n] */, int32_t n);
/* The model's own distribution, before bias, penalties and temperature: log-probability of token id, and of the
 * n_top (at most LOGPROBS_MAX, and at most n) most likely, best first, ties to the lower id.  top may be NULL when
 * n_top is 0. */
void logits_logprobs(const float *logits /* [n] */, int32_t n, int32_t id, int n_top, float *logprob,
                     struct hearth_logprob *top /* [n_top] */);

#endif
