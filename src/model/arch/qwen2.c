/* qwen2.c - Qwen 2 and 2.5 (Yang et al., arXiv 2407.10671; arXiv 2412.15115).  LLaMA's shape with biases on q, k and v, and
 * rotary positions on halves. */
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
    LAYER_VECTOR("ffn_norm.weight", ffn_norm, DIM_WIDTH),
    LAYER_MATRIX("ffn_gate.weight", gate, DIM_WIDTH, DIM_FF),
    LAYER_MATRIX("ffn_up.weight", up, DIM_WIDTH, DIM_FF),
    LAYER_MATRIX("ffn_down.weight", down, DIM_FF, DIM_WIDTH),
};

const struct arch arch_qwen2 = {
    .name = "qwen2",
    .summary = "Qwen 2 and 2.5: 0.5B to 72B",
    .rope = ROPE_HALVES,
    .activation = ACT_SILU,
    .rope_base = 1000000.0f,
    .tensors = tensors,
    .n_tensors = sizeof tensors / sizeof *tensors,
};
