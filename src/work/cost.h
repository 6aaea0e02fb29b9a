/* cost.h - what a smaller file costs: the models made of a source against the source itself, over a text.
 *
 *     perplexity       as hearth_perplexity counts it, of the same windows and tokens
 *     divergence       Kullback and Leibler's, from the source's distribution of the next token to the other's, in nats, of every token
 *                      that is scored: what an answer feels, whether or not the text agrees with the source
 *     same top token   share of places where the most likely token is the same (ties to the lower id)
 *
 * The source and all others read a window together, a few tokens at a time, so that no more logits are held than those; a row's figures
 * are found by one thread, and summed in the order of the text: the number of threads changes nothing. */
#ifndef HEARTH_WORK_COST_H
#define HEARTH_WORK_COST_H

#include <stddef.h>
#include "base/status.h"

struct cost {
    double perplexity, nll_mean, nll_error;
    double divergence, divergence_99, divergence_most;   /* mean, 99th percentile, largest; 0 of the source */
    double same_top;
    size_t tokens, windows;
};

/* source [1], other [n] of the same vocabulary; out [n + 1], the source first.  EUSAGE: less than two windows of ctx tokens (0: 512), or
 * another vocabulary.  progress (may be NULL): windows done and all; non-zero cancels. */
enum hearth_status cost_measure(struct hearth_model *source, struct hearth_model *const *other, size_t n, const char *text, size_t len,
                                uint32_t ctx, int (*progress)(void *user, size_t done, size_t all), void *user, struct cost *out);
/* Of an embedding model: the cosine between the source's embedding of a line and the other's; 1 of the source. */
struct cost_embedding { double cosine, cosine_least; size_t lines, tokens; };
/* The lines of a text that hold more than white space.  EUSAGE: there is none, or another vocabulary or width.  progress: bytes. */
enum hearth_status cost_embeddings(struct hearth_model *source, struct hearth_model *const *other, size_t n, const char *text, size_t len,
                                   int (*progress)(void *user, size_t done, size_t all), void *user, struct cost_embedding *out);

#endif
