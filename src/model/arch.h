/* arch.h - a model family is data.  One `const struct arch` a family (arch/NAME.c) says which keys and tensors a file
 * has and which steps the forward pass takes; loader, forward pass and `hearth families` read the same table.
 * docs/add-a-family.md shows how to add one. */
#ifndef HEARTH_MODEL_ARCH_H
#define HEARTH_MODEL_ARCH_H

#include <stddef.h>
#include "file/gguf.h"
#include "kernel/kernels.h"

/* A matrix as it is kept: interleaved (quantised types under HEARTH_QUANT) or in place. */
struct weight {
    enum { WEIGHT_NONE, WEIGHT_PACKED, WEIGHT_DENSE } kind;
    uint64_t rows, cols;
    struct packed packed;
    struct dense dense;
    const struct gguf_tensor *tensor;
};

/* What one layer can have; a family's tensor table says what it does have.  Shapes as [outputs][inputs]. */
struct layer {
    const float *attn_norm, *q_norm, *k_norm, *attn_post_norm;   /* [width], [head_width] x 2, [width] */
    const float *ffn_norm, *ffn_post_norm;                       /* [width] */
    struct weight q, k, v, attn_out;                             /* [heads * head_width][width], ..., [width][...] */
    struct weight gate, up, down;                                /* [ff][width] x 2, [width][ff] */
};

struct weights {
    struct weight embedding, output;                             /* [vocabulary][width]; output may be the embedding */
    const float *output_norm, *rope_factors;                     /* [width], [rope_width / 2] */
    struct layer *layers;
};

/* The numbers of one model, read from its metadata (keys: ARCH.block_count and so on). */
struct hparams {
    uint32_t layers, width, heads, kv_heads, head_width, feed_forward, vocabulary, context;
    uint32_t rope_width;             /* leading elements of a head that are rotated */
    uint32_t window;                 /* positions a local layer sees; 0: no local layers */
    float norm_eps, rope_base, rope_base_local, rope_scale; /* rope_scale: positions are multiplied by it */
    float attention_scale;           /* of a score, before the softmax */
    float embedding_scale;
};

enum rope_kind { ROPE_PAIRS, ROPE_HALVES };
enum activation { ACT_SILU, ACT_GELU };

/* Dimensions a shape is written in. */
enum dim { DIM_NONE, DIM_WIDTH, DIM_Q, DIM_KV, DIM_HEAD, DIM_FF, DIM_VOCABULARY, DIM_ROPE_HALF };

struct tensor_spec {
    const char *name;                /* %u stands for the layer */
    enum { IN_MODEL, IN_LAYER } where;
    enum { MATRIX, VECTOR } what;
    size_t offset;                   /* of the struct weight or const float * in struct weights or struct layer */
    enum dim inputs, outputs;        /* a vector has only inputs */
    int required;
};
#define MODEL_MATRIX(name, field, in, out, req) { name, IN_MODEL, MATRIX, offsetof(struct weights, field), in, out, req }
#define MODEL_VECTOR(name, field, in, req) { name, IN_MODEL, VECTOR, offsetof(struct weights, field), in, DIM_NONE, req }
#define LAYER_MATRIX(name, field, in, out) { "blk.%u." name, IN_LAYER, MATRIX, offsetof(struct layer, field), in, out, 1 }
#define LAYER_VECTOR(name, field, in) { "blk.%u." name, IN_LAYER, VECTOR, offsetof(struct layer, field), in, DIM_NONE, 1 }

struct arch {
    const char *name;                /* general.architecture */
    const char *summary;             /* for `hearth families` */
    enum rope_kind rope;
    enum activation activation;
    int scale_embedding;             /* embeddings are multiplied by sqrt(width) */
    uint32_t global_every;           /* with a window: layer i is global when (i + 1) % global_every == 0; 0: all are local */
    float rope_base, rope_base_local; /* defaults; a local layer turns by rope_base_local where it is not 0 */
    const struct tensor_spec *tensors;
    size_t n_tensors;
};

/* Family i in order, NULL past the last; and by name. */
const struct arch *arch_at(size_t i);
const struct arch *arch_find(const char *name, size_t n);

/* Reads and checks the numbers. */
enum hearth_status hparams_read(const struct arch *a, const struct gguf *g, struct hparams *out);
/* A dimension's size in this model. */
uint64_t hparams_dim(const struct hparams *h, enum dim d);

static inline int layer_is_local(const struct arch *a, const struct hparams *h, uint32_t layer)
{
    return h->window > 0 && !(a->global_every > 0 && (layer + 1) % a->global_every == 0);
}

#endif
