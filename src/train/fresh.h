/* fresh.h - a model that has learnt nothing: a shape of some size, weights by the counter-based generator, written as GGUF.
 *
 *     matrices           normal, deviation 0.02; those that end a half of a layer 0.02 / sqrt(2 layers), so that the residual does not
 *                        grow with depth (Radford and others, 2019)
 *     norms 1, biases 0  and no output matrix of its own where a family can do without: the embedding serves
 *
 * A weight is a pure function of (seed, tensor, index): the sum of eight uniform 16-bit numbers of Philox, which is near enough to
 * normal and made of whole numbers and one product, so every machine makes the same. */
#ifndef HEARTH_TRAIN_FRESH_H
#define HEARTH_TRAIN_FRESH_H

#include "file/gguf.h"
#include "model/arch.h"

struct fresh_shape {
    const struct arch *arch;
    uint32_t layers, width, heads, kv_heads, feed_forward, context, vocabulary;
};

/* Family i that can be trained from nothing, NULL past the last. */
const struct arch *fresh_family(size_t i);
/* The shape of about so many parameters: layers and width grow together.  EUSAGE: no family of that name, or too few parameters. */
enum hearth_status fresh_shape_for(const char *family, uint64_t parameters, uint32_t vocabulary, uint32_t context, struct fresh_shape *out);
/* Of all tensors. */
enum hearth_status fresh_parameters(const struct fresh_shape *s, uint64_t *out);
/* kv: keys of the tokenizer. */
enum hearth_status fresh_write(const struct fresh_shape *s, const char *name, const struct gguf_kv *kv, size_t n_kv, uint64_t seed,
                               const char *path);

#endif
