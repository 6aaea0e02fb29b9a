/* llama.c - the shape of LLaMA 2 and 3 and of all that follow it: SmolLM, TinyLlama, InkubaLM, Mistral (Touvron et al.,
 * arXiv 2302.13971; Dubey et al., arXiv 2407.21783; Jiang et al., arXiv 2310.06825).  Pre-norm, rotary positions on
 * pairs (GGUF stores q and k with their rows so ordered), grouped-query attention, SwiGLU.  LLaMA 3.1 and later carry
 * the factors by which slow rotations are stretched as a tensor; Mistral's first models have a window on every layer,
 * its Nemo heads wider than width / heads; some descendants have biases. */
#include "model/arch.h"

static const struct tensor_spec tensors[] = {
    MODEL_MATRIX("token_embd.weight", embedding, DIM_WIDTH, DIM_VOCABULARY, 1),
    MODEL_MATRIX("output.weight", output, DIM_WIDTH, DIM_VOCABULARY, 0),     /* missing: the embedding serves */
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

const struct arch arch_llama = {
    .name = "llama",
    .summary = "LLaMA 2 and 3, SmolLM 1 and 2, TinyLlama, InkubaLM, Mistral 7B and Nemo",
    .rope = ROPE_PAIRS,
    .activation = ACT_SILU,
    .rope_base = 10000.0f,
    .tensors = tensors,
    .n_tensors = sizeof tensors / sizeof *tensors,
};
