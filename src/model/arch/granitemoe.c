/* granitemoe.c - Granite's mixtures of experts (Granite Team, IBM, 2024).  Granite with a router that sends each token through a
 * few of many small feed-forward parts (Shazeer et al., arXiv 1701.06538), and in some models one more that all take. */
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
    LAYER_MATRIX("ffn_gate_inp.weight", router, DIM_WIDTH, DIM_EXPERTS),
    LAYER_EXPERTS("ffn_gate_exps.weight", gate_exps, DIM_WIDTH, DIM_FF),
    LAYER_EXPERTS("ffn_up_exps.weight", up_exps, DIM_WIDTH, DIM_FF),
    LAYER_EXPERTS("ffn_down_exps.weight", down_exps, DIM_FF, DIM_WIDTH),
    LAYER_MATRIX("ffn_gate_shexp.weight", gate, DIM_WIDTH, DIM_FF_SHARED),
    LAYER_MATRIX("ffn_up_shexp.weight", up, DIM_WIDTH, DIM_FF_SHARED),
    LAYER_MATRIX("ffn_down_shexp.weight", down, DIM_FF_SHARED, DIM_WIDTH),
};

const struct arch arch_granitemoe = {
    .name = "granitemoe",
    .summary = "Granite 3 and 4, mixtures of experts that attend in every layer",
    .rope = ROPE_PAIRS,
    .activation = ACT_SILU,
    .experts = 1,
    .multipliers = 1,
    .rope_may_stop = 1,
    .rope_base = 10000.0f,
    .tensors = tensors,
    .n_tensors = sizeof tensors / sizeof *tensors,
};
