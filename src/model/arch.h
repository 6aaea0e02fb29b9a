/* arch.h - a model family is data.  One `const struct arch` a family (arch/NAME.c) says which keys and tensors a file
 * has and which steps the forward pass takes; loader, forward pass and `hearth families` read the same table.
 * docs/add-a-family.md shows how to add one. */
#ifndef HEARTH_MODEL_ARCH_H
#define HEARTH_MODEL_ARCH_H

#include <stddef.h>
#include "base/mem.h"
#include "file/gguf.h"
#include "kernel/kernels.h"

/* A matrix as it is kept: interleaved (quantised types under HEARTH_QUANT) or in place.  It may be some rows of a tensor: of
 * one that holds q, k and v, say, or those of one expert. */
struct weight {
    enum { WEIGHT_NONE, WEIGHT_PACKED, WEIGHT_DENSE } kind;
    uint64_t rows, cols, first;      /* first: the tensor's row that is row 0 here */
    const float *bias;               /* [rows], or NULL */
    struct packed packed;
    struct dense dense;
    const struct gguf_tensor *tensor;
};

/* What one layer can have; a family's tensor table says what it does have.  Shapes as [outputs][inputs]. */
struct layer {
    const float *attn_norm, *q_norm, *k_norm, *attn_post_norm;   /* [width], [head_width] x 2, [width] */
    const float *ffn_norm, *ffn_post_norm;                       /* [width] */
    struct weight q, k, v, attn_out;                             /* [heads * head_width][width], ..., [width][...] */
    const float *attn_out_norm, *attn_out_norm_bias;             /* [width]: of x past the attention: a layer norm */
    const float *out_norm, *out_norm_bias;                       /* [width]: and past the feed-forward part */
    struct weight gate, up, down;                                /* [ff][width] x 2, [width][ff]; beside experts: the shared one;
                                                                    no gate: act(up) */
    struct weight router;                                        /* [experts][width]; none: no experts */
    struct weight *gate_exps, *up_exps, *down_exps;              /* [experts] of [ff][width] x 2, [width][ff] */
};

struct weights {
    struct weight embedding, output;                             /* [vocabulary][width]; output may be the embedding */
    struct weight positions, types;                              /* [positions][width], [types][width]: added to the embedding, ... */
    const float *embedding_norm, *embedding_norm_bias;           /* ... which then is layer-normed: [width] */
    struct weight dense[2];                                      /* [dense][width], [embedding][dense]: of a text's embedding */
    const float *output_norm, *rope_factors, *rope_factors_long; /* [width], [rope_width / 2] x 2: long: for long contexts */
    struct layer *layers;
};

/* What may differ from layer to layer. */
struct layer_shape {
    uint32_t heads, kv_heads, feed_forward;
    uint32_t kv_before;              /* KV heads of the layers below */
    int local, turns;                /* sees a window only; its q and k are rotated */
};

/* What of a text's hidden states is its embedding; the numbers are llama.cpp's. */
enum pooling { POOL_MEAN = 1, POOL_FIRST, POOL_LAST };
enum activation { ACT_SILU, ACT_GELU /* by tanh */, ACT_GELU_ERF };

/* The numbers of one model, read from its metadata (keys: ARCH.block_count and so on). */
struct hparams {
    uint32_t layers, width, head_width, vocabulary, context;
    uint32_t heads, kv_heads, feed_forward, group;  /* the largest of any layer; group: query heads of a KV head */
    uint32_t kv_all;                 /* KV heads of all layers */
    const struct layer_shape *at;    /* [layers] */
    uint32_t rope_width;             /* leading elements of a head that are rotated */
    uint32_t rope_original;          /* a longer context is rotated by rope_factors_long, where there are any */
    enum { LONG_NEVER, LONG_PERHAPS, LONG_ALWAYS } rope_long;       /* whether there are */
    uint32_t window;                 /* positions a local layer sees; 0: no local layers; to both sides: half of them each */
    int both_sides;                  /* a token sees those behind it as well: a text is computed whole, and none is generated */
    enum activation activation;
    enum pooling pooling;
    int normalize;                   /* an embedding has length 1 */
    uint32_t positions, types, dense;/* rows of the tensors of that name; 0: none */
    uint32_t embedding;              /* numbers of a text's embedding */
    uint32_t experts, experts_used, shared_feed_forward;    /* of a mixture; 0: none */
    float norm_eps, rope_base, rope_base_local, rope_scale; /* rope_scale: positions are multiplied by it */
    float rope_magnitude;            /* of what is rotated */
    float attention_scale;           /* of a score, before the softmax */
    float attention_softcap, logit_softcap;                 /* 0: none */
    float embedding_scale, residual_scale, logit_scale;     /* of an embedding, what a half of a layer adds, a logit */
};

enum rope_kind { ROPE_PAIRS, ROPE_HALVES };

/* Dimensions a shape is written in; sums are those of tensors that hold several matrices. */
enum dim {
    DIM_NONE, DIM_WIDTH, DIM_Q, DIM_KV, DIM_HEAD, DIM_FF, DIM_VOCABULARY, DIM_ROPE_HALF, DIM_EXPERTS, DIM_FF_SHARED,
    DIM_Q_KV, DIM_Q_KV_KV, DIM_FF_FF, DIM_POSITIONS, DIM_TYPES, DIM_DENSE, DIM_EMBEDDING
};

struct tensor_spec {
    const char *name;                /* %u stands for the layer */
    enum { IN_MODEL, IN_LAYER } where;
    enum { MATRIX, VECTOR, EXPERTS } what;  /* experts: one matrix each, the last dimension of the tensor */
    size_t offset;                   /* of the struct weight, const float * or struct weight * in struct weights or struct layer */
    enum dim inputs, outputs;        /* a vector has only inputs */
    int required;                    /* never where a dimension is 0 */
    enum dim before, whole;          /* rows of a tensor of `whole` rows, after `before` rows; DIM_NONE: all, from the first */
};
#define MODEL_MATRIX(name, field, in, out, req) \
    { name, IN_MODEL, MATRIX, offsetof(struct weights, field), in, out, req, DIM_NONE, DIM_NONE }
#define MODEL_VECTOR(name, field, in, req) \
    { name, IN_MODEL, VECTOR, offsetof(struct weights, field), in, DIM_NONE, req, DIM_NONE, DIM_NONE }
#define LAYER_TENSOR(name, kind, field, in, out, req, before, whole) \
    { "blk.%u." name, IN_LAYER, kind, offsetof(struct layer, field), in, out, req, before, whole }
#define LAYER_MATRIX(name, field, in, out) LAYER_TENSOR(name, MATRIX, field, in, out, 1, DIM_NONE, DIM_NONE)
#define LAYER_PART(name, field, in, out, before, whole) LAYER_TENSOR(name, MATRIX, field, in, out, 1, before, whole)
#define LAYER_EXPERTS(name, field, in, out) LAYER_TENSOR(name, EXPERTS, field, in, out, 1, DIM_NONE, DIM_NONE)
#define LAYER_VECTOR(name, field, in) LAYER_TENSOR(name, VECTOR, field, in, DIM_NONE, 1, DIM_NONE, DIM_NONE)
/* Of a matrix; files of one family have it or not. */
#define LAYER_BIAS(name, field, in) LAYER_TENSOR(name, VECTOR, field.bias, in, DIM_NONE, 0, DIM_NONE, DIM_NONE)

struct arch {
    const char *name;                /* general.architecture */
    const char *summary;             /* for `hearth families` */
    enum rope_kind rope;
    enum activation activation;
    int scale_embedding;             /* embeddings are multiplied by sqrt(width) */
    uint32_t global_every;           /* with a window: layer i is global when (i + 1) % global_every == 0; 0: all are local */
    int both_sides;                  /* where the file does not say: attention.causal */
    int layer_norms;                 /* norms take the mean away and have a bias; their epsilon is attention.layer_norm_epsilon */
    uint32_t window;                 /* where the file names none */
    uint32_t still_every;            /* layer i is not rotated when (i + 1) % still_every == 0; 0: all are */
    uint32_t wide_scale_layers;      /* with that many layers scores are divided by sqrt(width / heads), not sqrt(head width) */
    int experts;                     /* a mixture of experts */
    int multipliers;                 /* the file scales embeddings, residuals and logits */
    int rope_may_stop;               /* rope.scaling.finetuned = false: nothing is rotated */
    float attention_softcap, logit_softcap; /* where the file names none */
    float rope_base, rope_base_local; /* defaults; a local layer turns by rope_base_local where it is not 0 */
    const struct tensor_spec *tensors;
    size_t n_tensors;
};

/* Family i in order, NULL past the last; and by name. */
const struct arch *arch_at(size_t i);
const struct arch *arch_find(const char *name, size_t n);

/* Reads and checks the numbers; what they hold by pointer is the arena's. */
enum hearth_status hparams_read(const struct arch *a, const struct gguf *g, struct arena *arena, struct hparams *out);
/* A dimension's size in a layer of this model; layer 0 for what is no layer's. */
uint64_t hparams_dim(const struct hparams *h, enum dim d, uint32_t layer);
/* The same of all rows of a tensor, of which the table's entry may be a part. */
static inline uint64_t hparams_whole(const struct hparams *h, const struct tensor_spec *s, uint32_t layer)
{
    return hparams_dim(h, s->whole == DIM_NONE ? s->outputs : s->whole, layer);
}
static inline uint64_t hparams_before(const struct hparams *h, const struct tensor_spec *s, uint32_t layer)
{
    return s->before == DIM_NONE ? 0 : hparams_dim(h, s->before, layer);
}

#endif
