/* granite.c - Granite 3, and what of Granite 4 is dense and attends in every layer (Granite Team, IBM, 2024, 2025).  LLaMA's
 * shape, and multipliers for embeddings, scores, what a layer adds, and logits; biases where a file has them. */
#include "model/arch.h"

static const struct tensor_spec tensors[] = {
    MODEL_MATRIX("token_embd.weight", embedding, DIM_WIDTH, DIM_VOCABULARY, 1),
    MODEL_MATRIX("output.weight", output, DIM_WIDTH, DIM_VOCABULARY, 0),
    MODEL_VECTOR("output_norm.weight", output_norm, DIM_WIDTH, 1),
    MODEL_VECTOR("rope_freqs.weight", rope_factors, DIM_ROPE_HALF, 0),
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
    LAYER_BIAS("ffn_gate.bias", gate, DIM_FF),
    LAYER_BIAS("ffn_up.bias", up, DIM_FF),
    LAYER_BIAS("ffn_down.bias", down, DIM_WIDTH),
};

const struct arch arch_granite = {
    .name = "granite",
    .summary = "Granite 3, dense; Granite 4, dense: micro, 1B, 350M",
    .rope = ROPE_PAIRS,
    .activation = ACT_SILU,
    .multipliers = 1,
    .rope_may_stop = 1,
    .rope_base = 10000.0f,
    .tensors = tensors,
    .n_tensors = sizeof tensors / sizeof *tensors,
};
