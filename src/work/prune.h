/* prune.h - a model with fewer layers, or with fewer neurons in their feed-forward parts: those that matter least over a text.
 *
 *     a layer    1 - cosine of a token's hidden state before and behind it, the mean over the text's tokens (block influence: Men and others,
 *                "ShortGPT: Layers in large language models are more redundant than you expect", 2024)
 *     a neuron   the root of the mean square of what it gives, times the length of its column in the matrix that takes it: how far it moves
 *                the hidden state (Sun and others, "A simple and effective pruning approach for large language models", 2023, by columns)
 *
 * The result is a model of the same family, which any program that reads the family reads; what it lost comes back by tuning or distilling. */
#ifndef HEARTH_WORK_PRUNE_H
#define HEARTH_WORK_PRUNE_H

#include <stddef.h>
#include <stdint.h>
#include "base/status.h"

struct prune_params {
    uint32_t layers;                 /* to be left out */
    double width;                    /* share of the neurons to be left out, 0 to 0.95; those that stay are a multiple of 32 */
    const char *text;                /* [len]: what matters is measured over it */
    size_t len;
    uint32_t tokens;                 /* of it at most; 0: 16,384 */
    int threads;
    int (*progress)(void *user, uint64_t done, uint64_t total);   /* in bytes of the text; may be NULL; non-zero: cancel */
    void *user;
};

enum { PRUNE_LAYERS = 1024 };        /* at most */
struct prune_result {
    uint32_t layers_before, layers_after, width_before, width_after;  /* width: the largest of any layer */
    uint64_t parameters_before, parameters_after, tokens;
    double influence[PRUNE_LAYERS];  /* [layers_before] */
    uint8_t left_out[PRUNE_LAYERS];
};

/* Matrices that lose columns and are quantised become F16; all others keep their bytes.  EUSAGE: nothing is to be left out, or everything, or the
 * text has no tokens.  EUNSUPPORTED: layers of this model take turns in what they see, and the ones that would go are not a whole turn. */
enum hearth_status prune_write(const char *model, const struct prune_params *p, const char *out, struct prune_result *r);

#endif
