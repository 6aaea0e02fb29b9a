/* gemma3.c - Gemma 3, text (Gemma Team, arXiv 2503.19786).  Norms before and after each half of a layer (the file's norm
 * weights have Gemma's +1 in them already), q and k normed per head, rotary positions on halves, GELU, five layers with
 * a sliding window and a short rope for each one that sees everything, embeddings times sqrt(width).
 *
 * EmbeddingGemma (Schechter Vera et al., arXiv 2509.20354) is the same seen from both sides, half of the window to each; two more
 * matrices make the embedding of a text from the mean of its hidden states. */
#include "model/arch.h"

#define TENSORS \
    MODEL_MATRIX("token_embd.weight", embedding, DIM_WIDTH, DIM_VOCABULARY, 1), \
    MODEL_MATRIX("output.weight", output, DIM_WIDTH, DIM_VOCABULARY, 0), \
    MODEL_VECTOR("output_norm.weight", output_norm, DIM_WIDTH, 1), \
    LAYER_VECTOR("attn_norm.weight", attn_norm, DIM_WIDTH), \
    LAYER_MATRIX("attn_q.weight", q, DIM_WIDTH, DIM_Q), \
    LAYER_MATRIX("attn_k.weight", k, DIM_WIDTH, DIM_KV), \
    LAYER_MATRIX("attn_v.weight", v, DIM_WIDTH, DIM_KV), \
    LAYER_VECTOR("attn_q_norm.weight", q_norm, DIM_HEAD), \
    LAYER_VECTOR("attn_k_norm.weight", k_norm, DIM_HEAD), \
    LAYER_MATRIX("attn_output.weight", attn_out, DIM_Q, DIM_WIDTH), \
    LAYER_VECTOR("post_attention_norm.weight", attn_post_norm, DIM_WIDTH), \
    LAYER_VECTOR("ffn_norm.weight", ffn_norm, DIM_WIDTH), \
    LAYER_MATRIX("ffn_gate.weight", gate, DIM_WIDTH, DIM_FF), \
    LAYER_MATRIX("ffn_up.weight", up, DIM_WIDTH, DIM_FF), \
    LAYER_MATRIX("ffn_down.weight", down, DIM_FF, DIM_WIDTH), \
    LAYER_VECTOR("post_ffw_norm.weight", ffn_post_norm, DIM_WIDTH)

static const struct tensor_spec tensors[] = { TENSORS };
static const struct tensor_spec embedding_tensors[] = {
    TENSORS,
    MODEL_MATRIX("dense_2.weight", dense[0], DIM_WIDTH, DIM_DENSE, 0),
    MODEL_MATRIX("dense_3.weight", dense[1], DIM_DENSE, DIM_EMBEDDING, 0),
};

const struct arch arch_gemma3 = {
    .name = "gemma3",
    .summary = "Gemma 3, text: 270M, 1B, 4B, 12B, 27B",
    .rope = ROPE_HALVES,
    .activation = ACT_GELU,
    .scale_embedding = 1,
    .global_every = 6,
    .wide_scale_layers = 62,         /* 27B: 168 instead of its head width of 128 */
    .rope_base = 1000000.0f,
    .rope_base_local = 10000.0f,
    .tensors = tensors,
    .n_tensors = sizeof tensors / sizeof *tensors,
};

const struct arch arch_gemma_embedding = {
    .name = "gemma-embedding",
    .summary = "EmbeddingGemma: 300M (embeddings only)",
    .rope = ROPE_HALVES,
    .activation = ACT_GELU,
    .both_sides = 1,
    .scale_embedding = 1,
    .global_every = 6,
    .rope_base = 1000000.0f,
    .rope_base_local = 10000.0f,
    .tensors = embedding_tensors,
    .n_tensors = sizeof embedding_tensors / sizeof *embedding_tensors,
};
