/* gemma.c - Gemma 1 (Gemma Team, arXiv 2403.08295).  The file's norm weights have Gemma's +1 in them already; rotary positions
 * on halves, GELU, embeddings times sqrt(width). */
#include "model/arch.h"

static const struct tensor_spec tensors[] = {
    MODEL_MATRIX("token_embd.weight", embedding, DIM_WIDTH, DIM_VOCABULARY, 1),
    MODEL_MATRIX("output.weight", output, DIM_WIDTH, DIM_VOCABULARY, 0),
    MODEL_VECTOR("output_norm.weight", output_norm, DIM_WIDTH, 1),
    LAYER_VECTOR("attn_norm.weight", attn_norm, DIM_WIDTH),
    LAYER_MATRIX("attn_q.weight", q, DIM_WIDTH, DIM_Q),
    LAYER_MATRIX("attn_k.weight", k, DIM_WIDTH, DIM_KV),
    LAYER_MATRIX("attn_v.weight", v, DIM_WIDTH, DIM_KV),
    LAYER_MATRIX("attn_output.weight", attn_out, DIM_Q, DIM_WIDTH),
    LAYER_VECTOR("ffn_norm.weight", ffn_norm, DIM_WIDTH),
    LAYER_MATRIX("ffn_gate.weight", gate, DIM_WIDTH, DIM_FF),
    LAYER_MATRIX("ffn_up.weight", up, DIM_WIDTH, DIM_FF),
    LAYER_MATRIX("ffn_down.weight", down, DIM_FF, DIM_WIDTH),
};

const struct arch arch_gemma = {
    .name = "gemma",
    .summary = "Gemma 1: 2B, 7B",
    .rope = ROPE_HALVES,
    .activation = ACT_GELU,
    .scale_embedding = 1,
    .rope_base = 10000.0f,
    .tensors = tensors,
    .n_tensors = sizeof tensors / sizeof *tensors,
};
