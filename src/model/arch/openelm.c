/* openelm.c - OpenELM (Mehta et al., arXiv 2404.14619).  Heads, key heads and feed-forward widths that grow from layer to layer;
 * q, k and v are one tensor, q and k normed per head. */
#include "model/arch.h"

static const struct tensor_spec tensors[] = {
    MODEL_MATRIX("token_embd.weight", embedding, DIM_WIDTH, DIM_VOCABULARY, 1),
    MODEL_VECTOR("output_norm.weight", output_norm, DIM_WIDTH, 1),
    LAYER_VECTOR("attn_norm.weight", attn_norm, DIM_WIDTH),
    LAYER_PART("attn_qkv.weight", q, DIM_WIDTH, DIM_Q, DIM_NONE, DIM_Q_KV_KV),
    LAYER_PART("attn_qkv.weight", k, DIM_WIDTH, DIM_KV, DIM_Q, DIM_Q_KV_KV),
    LAYER_PART("attn_qkv.weight", v, DIM_WIDTH, DIM_KV, DIM_Q_KV, DIM_Q_KV_KV),
    LAYER_VECTOR("attn_q_norm.weight", q_norm, DIM_HEAD),
    LAYER_VECTOR("attn_k_norm.weight", k_norm, DIM_HEAD),
    LAYER_MATRIX("attn_output.weight", attn_out, DIM_Q, DIM_WIDTH),
    LAYER_VECTOR("ffn_norm.weight", ffn_norm, DIM_WIDTH),
    LAYER_MATRIX("ffn_gate.weight", gate, DIM_WIDTH, DIM_FF),
    LAYER_MATRIX("ffn_up.weight", up, DIM_WIDTH, DIM_FF),
    LAYER_MATRIX("ffn_down.weight", down, DIM_FF, DIM_WIDTH),
};

const struct arch arch_openelm = {
    .name = "openelm",
    .summary = "OpenELM: 270M, 450M, 1.1B, 3B",
    .rope = ROPE_HALVES,
    .activation = ACT_SILU,
    .rope_base = 10000.0f,
    .tensors = tensors,
    .n_tensors = sizeof tensors / sizeof *tensors,
};
