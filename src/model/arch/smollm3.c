/* smollm3.c - SmolLM 3 (Bakouch et al., 2025).  LLaMA's shape, but every fourth layer is not rotated (Yang et al., arXiv
 * 2501.18795): what it compares knows no positions. */
#include "model/arch.h"

static const struct tensor_spec tensors[] = {
    MODEL_MATRIX("token_embd.weight", embedding, DIM_WIDTH, DIM_VOCABULARY, 1),
    MODEL_MATRIX("output.weight", output, DIM_WIDTH, DIM_VOCABULARY, 0),
    MODEL_VECTOR("output_norm.weight", output_norm, DIM_WIDTH, 1),
    LAYER_VECTOR("attn_norm.weight", attn_norm, DIM_WIDTH),
    LAYER_MATRIX("attn_q.weight", q, DIM_WIDTH, DIM_Q),
    LAYER_MATRIX("attn_k.weight", k, DIM_WIDTH, DIM_KV),
    LAYER_MATRIX("attn_v.weight", v, DIM_WIDTH, DIM_KV),
    LAYER_BIAS("attn_q.bias", q, DIM_Q),
    LAYER_BIAS("attn_k.bias", k, DIM_KV),
    LAYER_BIAS("attn_v.bias", v, DIM_KV),
    LAYER_MATRIX("attn_output.weight", attn_out, DIM_Q, DIM_WIDTH),
    LAYER_BIAS("attn_output.bias", attn_out, DIM_WIDTH),
    LAYER_VECTOR("ffn_norm.weight", ffn_norm, DIM_WIDTH),
    LAYER_MATRIX("ffn_gate.weight", gate, DIM_WIDTH, DIM_FF),
    LAYER_MATRIX("ffn_up.weight", up, DIM_WIDTH, DIM_FF),
    LAYER_MATRIX("ffn_down.weight", down, DIM_FF, DIM_WIDTH),
};

const struct arch arch_smollm3 = {
    .name = "smollm3",
    .summary = "SmolLM 3: 3B",
    .rope = ROPE_PAIRS,
    .activation = ACT_SILU,
    .still_every = 4,
    .rope_base = 5000000.0f,
    .tensors = tensors,
    .n_tensors = sizeof tensors / sizeof *tensors,
};
