/* gemma2.c - Gemma 2 (Gemma Team, arXiv 2408.00118).  Gemma with a norm after each half of a layer too, a window on every second
 * layer, and soft caps on scores and logits. */
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
    LAYER_VECTOR("post_attention_norm.weight", attn_post_norm, DIM_WIDTH),
    LAYER_VECTOR("ffn_norm.weight", ffn_norm, DIM_WIDTH),
    LAYER_MATRIX("ffn_gate.weight", gate, DIM_WIDTH, DIM_FF),
    LAYER_MATRIX("ffn_up.weight", up, DIM_WIDTH, DIM_FF),
    LAYER_MATRIX("ffn_down.weight", down, DIM_FF, DIM_WIDTH),
    LAYER_VECTOR("post_ffw_norm.weight", ffn_post_norm, DIM_WIDTH),
};

const struct arch arch_gemma2 = {
    .name = "gemma2",
    .summary = "Gemma 2: 2B, 9B, 27B",
    .rope = ROPE_HALVES,
    .activation = ACT_GELU,
    .scale_embedding = 1,
    .global_every = 2,
    .window = 4096,
    .wide_scale_layers = 46,  /* 27B: 144 instead of its head width of 128 */
    .attention_softcap = 50,
    .logit_softcap = 30,
    .rope_base = 10000.0f,
    .tensors = tensors,
    .n_tensors = sizeof tensors / sizeof *tensors,
};
