/* bert.c - BERT as an encoder of texts (Devlin et al., arXiv 1810.04805; Reimers and Gurevych, arXiv 1908.10084): every token sees every
 * other, positions have rows of their own, a norm with mean and bias stands behind each half of a layer, biases are everywhere, and
 * what comes out is a vector and no text. */
#include "model/arch.h"

static const struct tensor_spec tensors[] = {
    MODEL_MATRIX("token_embd.weight", embedding, DIM_WIDTH, DIM_VOCABULARY, 1),
    MODEL_MATRIX("position_embd.weight", positions, DIM_WIDTH, DIM_POSITIONS, 1),
    MODEL_MATRIX("token_types.weight", types, DIM_WIDTH, DIM_TYPES, 0),
    MODEL_VECTOR("token_embd_norm.weight", embedding_norm, DIM_WIDTH, 1),
    MODEL_VECTOR("token_embd_norm.bias", embedding_norm_bias, DIM_WIDTH, 1),
    MODEL_MATRIX("dense_2.weight", dense[0], DIM_WIDTH, DIM_DENSE, 0),
    MODEL_MATRIX("dense_3.weight", dense[1], DIM_DENSE, DIM_EMBEDDING, 0),
    LAYER_MATRIX("attn_q.weight", q, DIM_WIDTH, DIM_Q),
    LAYER_MATRIX("attn_k.weight", k, DIM_WIDTH, DIM_KV),
    LAYER_MATRIX("attn_v.weight", v, DIM_WIDTH, DIM_KV),
    LAYER_BIAS("attn_q.bias", q, DIM_Q),
    LAYER_BIAS("attn_k.bias", k, DIM_KV),
    LAYER_BIAS("attn_v.bias", v, DIM_KV),
    LAYER_MATRIX("attn_output.weight", attn_out, DIM_Q, DIM_WIDTH),
    LAYER_BIAS("attn_output.bias", attn_out, DIM_WIDTH),
    LAYER_VECTOR("attn_output_norm.weight", attn_out_norm, DIM_WIDTH),
    LAYER_VECTOR("attn_output_norm.bias", attn_out_norm_bias, DIM_WIDTH),
    LAYER_MATRIX("ffn_up.weight", up, DIM_WIDTH, DIM_FF),
    LAYER_BIAS("ffn_up.bias", up, DIM_FF),
    LAYER_MATRIX("ffn_down.weight", down, DIM_FF, DIM_WIDTH),
    LAYER_BIAS("ffn_down.bias", down, DIM_WIDTH),
    LAYER_VECTOR("layer_output_norm.weight", out_norm, DIM_WIDTH),
    LAYER_VECTOR("layer_output_norm.bias", out_norm_bias, DIM_WIDTH),
};

const struct arch arch_bert = {
    .name = "bert",
    .summary = "BERT and XLM-RoBERTa as encoders: MiniLM, BGE, E5 (embeddings only)",
    .both_sides = 1,
    .layer_norms = 1,
    .activation = ACT_GELU_ERF,
    .still_every = 1,                /* nothing is rotated */
    .rope_base = 10000.0f,
    .tensors = tensors,
    .n_tensors = sizeof tensors / sizeof *tensors,
};
