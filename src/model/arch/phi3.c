/* phi3.c - Phi 3, 3.5 and Phi 4 mini (Abdin et al., arXiv 2404.14219; arXiv 2503.01743).  q, k and v are one tensor, gate and
 * up another.  Models for long contexts have two sets of rope factors and a magnitude for what is rotated (Ding et al.,
 * arXiv 2402.13753); Phi 4 mini rotates three quarters of a head.  Where the file names a window, all layers have it. */
#include "model/arch.h"

static const struct tensor_spec tensors[] = {
    MODEL_MATRIX("token_embd.weight", embedding, DIM_WIDTH, DIM_VOCABULARY, 1),
    MODEL_MATRIX("output.weight", output, DIM_WIDTH, DIM_VOCABULARY, 0),
    MODEL_VECTOR("output_norm.weight", output_norm, DIM_WIDTH, 1),
    MODEL_VECTOR("rope_factors_long.weight", rope_factors_long, DIM_ROPE_HALF, 0),
    MODEL_VECTOR("rope_factors_short.weight", rope_factors, DIM_ROPE_HALF, 0),
    LAYER_VECTOR("attn_norm.weight", attn_norm, DIM_WIDTH),
    LAYER_PART("attn_qkv.weight", q, DIM_WIDTH, DIM_Q, DIM_NONE, DIM_Q_KV_KV),
    LAYER_PART("attn_qkv.weight", k, DIM_WIDTH, DIM_KV, DIM_Q, DIM_Q_KV_KV),
    LAYER_PART("attn_qkv.weight", v, DIM_WIDTH, DIM_KV, DIM_Q_KV, DIM_Q_KV_KV),
    LAYER_MATRIX("attn_output.weight", attn_out, DIM_Q, DIM_WIDTH),
    LAYER_VECTOR("ffn_norm.weight", ffn_norm, DIM_WIDTH),
    LAYER_PART("ffn_up.weight", gate, DIM_WIDTH, DIM_FF, DIM_NONE, DIM_FF_FF),
    LAYER_PART("ffn_up.weight", up, DIM_WIDTH, DIM_FF, DIM_FF, DIM_FF_FF),
    LAYER_MATRIX("ffn_down.weight", down, DIM_FF, DIM_WIDTH),
};

const struct arch arch_phi3 = {
    .name = "phi3",
    .summary = "Phi 3 and 3.5 mini and medium, Phi 4 and Phi 4 mini",
    .rope = ROPE_HALVES,
    .activation = ACT_SILU,
    .rope_base = 10000.0f,
    .tensors = tensors,
    .n_tensors = sizeof tensors / sizeof *tensors,
};
