/* folder_tables.c - the families as the folders of their makers have them: which numbers, which tensors, under which names.
 * Names and layouts are those of transformers' modelling files; what GGUF makes of them is what llama.cpp's converter writes. */
#include "model/folder.h"

#include <string.h>

#define LAYER "model.layers.%u."

/* ---- tensors ---- */

static const struct folder_tensor frame[] = {
    {"model.embed_tokens.weight", "token_embd.weight", LIES, 1},
    {"model.norm.weight", "output_norm.weight", NORM, 1},
    {"lm_head.weight", "output.weight", LIES, 0},
    {LAYER "input_layernorm.weight", "blk.%u.attn_norm.weight", NORM, 1},
    {LAYER "self_attn.o_proj.weight", "blk.%u.attn_output.weight", LIES, 1},
    {LAYER "self_attn.o_proj.bias", "blk.%u.attn_output.bias", LIES, 0},
    {NULL, NULL, LIES, 0},
};

#define QKV \
    {LAYER "self_attn.q_proj.weight", "blk.%u.attn_q.weight", Q_PAIRS, 1}, \
    {LAYER "self_attn.k_proj.weight", "blk.%u.attn_k.weight", K_PAIRS, 1}, \
    {LAYER "self_attn.v_proj.weight", "blk.%u.attn_v.weight", LIES, 1}, \
    {LAYER "self_attn.q_proj.bias", "blk.%u.attn_q.bias", Q_PAIRS, 0}, \
    {LAYER "self_attn.k_proj.bias", "blk.%u.attn_k.bias", K_PAIRS, 0}, \
    {LAYER "self_attn.v_proj.bias", "blk.%u.attn_v.bias", LIES, 0}
#define FEED_FORWARD \
    {LAYER "mlp.gate_proj.weight", "blk.%u.ffn_gate.weight", LIES, 1}, \
    {LAYER "mlp.up_proj.weight", "blk.%u.ffn_up.weight", LIES, 1}, \
    {LAYER "mlp.down_proj.weight", "blk.%u.ffn_down.weight", LIES, 1}, \
    {LAYER "mlp.gate_proj.bias", "blk.%u.ffn_gate.bias", LIES, 0}, \
    {LAYER "mlp.up_proj.bias", "blk.%u.ffn_up.bias", LIES, 0}, \
    {LAYER "mlp.down_proj.bias", "blk.%u.ffn_down.bias", LIES, 0}
#define HEAD_NORMS \
    {LAYER "self_attn.q_norm.weight", "blk.%u.attn_q_norm.weight", NORM, 1}, \
    {LAYER "self_attn.k_norm.weight", "blk.%u.attn_k_norm.weight", NORM, 1}
#define ONE_NORM {LAYER "post_attention_layernorm.weight", "blk.%u.ffn_norm.weight", NORM, 1}
#define THREE_NORMS \
    {LAYER "post_attention_layernorm.weight", "blk.%u.post_attention_norm.weight", NORM, 1}, \
    {LAYER "pre_feedforward_layernorm.weight", "blk.%u.ffn_norm.weight", NORM, 1}, \
    {LAYER "post_feedforward_layernorm.weight", "blk.%u.post_ffw_norm.weight", NORM, 1}
#define END {NULL, NULL, LIES, 0}

static const struct folder_tensor plain[] = {QKV, FEED_FORWARD, ONE_NORM, END};
static const struct folder_tensor with_head_norms[] = {QKV, FEED_FORWARD, ONE_NORM, HEAD_NORMS, END};
static const struct folder_tensor gemma2[] = {QKV, FEED_FORWARD, THREE_NORMS, END};
static const struct folder_tensor gemma3[] = {QKV, FEED_FORWARD, THREE_NORMS, HEAD_NORMS, END};

static const struct folder_tensor phi3[] = {
    {LAYER "self_attn.qkv_proj.weight", "blk.%u.attn_qkv.weight", LIES, 1},
    {LAYER "mlp.gate_up_proj.weight", "blk.%u.ffn_up.weight", LIES, 1},
    {LAYER "mlp.down_proj.weight", "blk.%u.ffn_down.weight", LIES, 1},
    ONE_NORM, END,
};

static const struct folder_tensor granitemoe[] = {
    QKV, ONE_NORM,
    {LAYER "block_sparse_moe.router.layer.weight", "blk.%u.ffn_gate_inp.weight", LIES, 1},
    {LAYER "block_sparse_moe.input_linear.weight", "blk.%u.ffn_gate_exps.weight", HALF_1, 1},
    {LAYER "block_sparse_moe.input_linear.weight", "blk.%u.ffn_up_exps.weight", HALF_2, 1},
    {LAYER "block_sparse_moe.output_linear.weight", "blk.%u.ffn_down_exps.weight", LIES, 1},
    {LAYER "shared_mlp.input_linear.weight", "blk.%u.ffn_gate_shexp.weight", HALF_1, 0},
    {LAYER "shared_mlp.input_linear.weight", "blk.%u.ffn_up_shexp.weight", HALF_2, 0},
    {LAYER "shared_mlp.output_linear.weight", "blk.%u.ffn_down_shexp.weight", LIES, 0},
    END,
};

/* Granite 4 without Mamba and without experts: what all tokens take is all that there is. */
static const struct folder_tensor granite4[] = {
    QKV, ONE_NORM,
    {LAYER "shared_mlp.input_linear.weight", "blk.%u.ffn_gate.weight", HALF_1, 1},
    {LAYER "shared_mlp.input_linear.weight", "blk.%u.ffn_up.weight", HALF_2, 1},
    {LAYER "shared_mlp.output_linear.weight", "blk.%u.ffn_down.weight", LIES, 1},
    END,
};

static const struct folder_tensor openelm[] = {
    {"transformer.token_embeddings.weight", "token_embd.weight", LIES, 1},
    {"transformer.norm.weight", "output_norm.weight", LIES, 1},
    {"transformer.layers.%u.attn_norm.weight", "blk.%u.attn_norm.weight", LIES, 1},
    {"transformer.layers.%u.attn.qkv_proj.weight", "blk.%u.attn_qkv.weight", LIES, 1},
    {"transformer.layers.%u.attn.q_norm.weight", "blk.%u.attn_q_norm.weight", LIES, 1},
    {"transformer.layers.%u.attn.k_norm.weight", "blk.%u.attn_k_norm.weight", LIES, 1},
    {"transformer.layers.%u.attn.out_proj.weight", "blk.%u.attn_output.weight", LIES, 1},
    {"transformer.layers.%u.ffn_norm.weight", "blk.%u.ffn_norm.weight", LIES, 1},
    {"transformer.layers.%u.ffn.proj_1.weight", "blk.%u.ffn_gate.weight", HALF_1, 1},
    {"transformer.layers.%u.ffn.proj_1.weight", "blk.%u.ffn_up.weight", HALF_2, 1},
    {"transformer.layers.%u.ffn.proj_2.weight", "blk.%u.ffn_down.weight", LIES, 1},
    END,
};

static const struct folder_tensor bert[] = {
    {"embeddings.word_embeddings.weight", "token_embd.weight", LIES, 1},
    {"embeddings.position_embeddings.weight", "position_embd.weight", PAST_PAD, 1},
    {"embeddings.token_type_embeddings.weight", "token_types.weight", LIES, 1},
    {"embeddings.LayerNorm.weight", "token_embd_norm.weight", LIES, 1},
    {"embeddings.LayerNorm.bias", "token_embd_norm.bias", LIES, 1},
    {"encoder.layer.%u.attention.self.query.weight", "blk.%u.attn_q.weight", LIES, 1},
    {"encoder.layer.%u.attention.self.query.bias", "blk.%u.attn_q.bias", LIES, 1},
    {"encoder.layer.%u.attention.self.key.weight", "blk.%u.attn_k.weight", LIES, 1},
    {"encoder.layer.%u.attention.self.key.bias", "blk.%u.attn_k.bias", LIES, 1},
    {"encoder.layer.%u.attention.self.value.weight", "blk.%u.attn_v.weight", LIES, 1},
    {"encoder.layer.%u.attention.self.value.bias", "blk.%u.attn_v.bias", LIES, 1},
    {"encoder.layer.%u.attention.output.dense.weight", "blk.%u.attn_output.weight", LIES, 1},
    {"encoder.layer.%u.attention.output.dense.bias", "blk.%u.attn_output.bias", LIES, 1},
    {"encoder.layer.%u.attention.output.LayerNorm.weight", "blk.%u.attn_output_norm.weight", LIES, 1},
    {"encoder.layer.%u.attention.output.LayerNorm.bias", "blk.%u.attn_output_norm.bias", LIES, 1},
    {"encoder.layer.%u.intermediate.dense.weight", "blk.%u.ffn_up.weight", LIES, 1},
    {"encoder.layer.%u.intermediate.dense.bias", "blk.%u.ffn_up.bias", LIES, 1},
    {"encoder.layer.%u.output.dense.weight", "blk.%u.ffn_down.weight", LIES, 1},
    {"encoder.layer.%u.output.dense.bias", "blk.%u.ffn_down.bias", LIES, 1},
    {"encoder.layer.%u.output.LayerNorm.weight", "blk.%u.layer_output_norm.weight", LIES, 1},
    {"encoder.layer.%u.output.LayerNorm.bias", "blk.%u.layer_output_norm.bias", LIES, 1},
    END,
};

/* ---- numbers: what folder_config.c reads by itself (layers, heads, rope, windows) is not here ---- */

#define SIZES \
    {"hidden_size", "embedding_length", WHOLE, 8, 1 << 17, 1}, \
    {"intermediate_size", "feed_forward_length", WHOLE, 8, 1 << 20, 1}, \
    {"max_position_embeddings", "context_length", WHOLE, 1, 1 << 24, 1}, \
    {"vocab_size", "vocab_size", WHOLE, 1, 1 << 24, 0}, \
    {"rms_norm_eps", "attention.layer_norm_rms_epsilon", REAL, 0, 1, 1}
#define NO_MORE {NULL, NULL, WHOLE, 0, 0, 0}

static const struct folder_key sizes[] = {SIZES, NO_MORE};

/* How long a text may be, folder_embed.c says. */
static const struct folder_key bert_sizes[] = {
    {"hidden_size", "embedding_length", WHOLE, 8, 1 << 17, 1},
    {"intermediate_size", "feed_forward_length", WHOLE, 8, 1 << 20, 1},
    {"vocab_size", "vocab_size", WHOLE, 1, 1 << 24, 0},
    {"layer_norm_eps", "attention.layer_norm_epsilon", REAL, 0, 1, 1},
    NO_MORE,
};
static const struct folder_key embedding_sizes[] = {
    {"hidden_size", "embedding_length", WHOLE, 8, 1 << 17, 1},
    {"intermediate_size", "feed_forward_length", WHOLE, 8, 1 << 20, 1},
    {"vocab_size", "vocab_size", WHOLE, 1, 1 << 24, 0},
    {"rms_norm_eps", "attention.layer_norm_rms_epsilon", REAL, 0, 1, 1},
    NO_MORE,
};

static const struct folder_key soft_caps[] = {
    {"attn_logit_softcapping", "attn_logit_softcapping", REAL, 0, 1e6, 0},
    {"final_logit_softcapping", "final_logit_softcapping", REAL, 0, 1e6, 0},
    NO_MORE,
};

#define MULTIPLIERS \
    {"embedding_multiplier", "embedding_scale", REAL, 1e-6, 1e6, 1}, \
    {"residual_multiplier", "residual_scale", REAL, 1e-6, 1e6, 1}, \
    {"attention_multiplier", "attention.scale", REAL, 1e-6, 1e6, 1}, \
    {"logits_scaling", "logit_scale", REAL, 1e-6, 1e6, 1}

static const struct folder_key multipliers[] = {MULTIPLIERS, NO_MORE};

static const struct folder_key experts[] = {
    MULTIPLIERS,
    {"num_local_experts", "expert_count", WHOLE, 1, 1024, 1},
    {"num_experts_per_tok", "expert_used_count", WHOLE, 1, 1024, 1},
    {"shared_intermediate_size", "expert_shared_feed_forward_length", WHOLE, 0, 1 << 20, 0},
    NO_MORE,
};

static const struct folder_key granite4_sizes[] = {
    {"hidden_size", "embedding_length", WHOLE, 8, 1 << 17, 1},
    {"shared_intermediate_size", "feed_forward_length", WHOLE, 8, 1 << 20, 1},
    {"max_position_embeddings", "context_length", WHOLE, 1, 1 << 24, 1},
    {"vocab_size", "vocab_size", WHOLE, 1, 1 << 24, 0},
    {"rms_norm_eps", "attention.layer_norm_rms_epsilon", REAL, 0, 1, 1},
    NO_MORE,
};

static const struct folder_key openelm_sizes[] = {
    {"model_dim", "embedding_length", WHOLE, 8, 1 << 17, 1},
    {"max_context_length", "context_length", WHOLE, 1, 1 << 24, 1},
    {"vocab_size", "vocab_size", WHOLE, 1, 1 << 24, 0},
    {"rms_norm_eps", "attention.layer_norm_rms_epsilon", REAL, 0, 1, 1},
    NO_MORE,
};

/* What the makers' classes take where a config is silent. */
static const struct folder_default gemma3_defaults[] = {
    {"num_attention_heads", 8}, {"num_key_value_heads", 4}, {"head_dim", 256}, {"rms_norm_eps", 1e-6}, {"max_position_embeddings", 131072},
    {"sliding_window", 4096}, {NULL, 0},
};
static const struct folder_default bert_defaults[] = {{"layer_norm_eps", 1e-12}, {"max_position_embeddings", 512}, {NULL, 0}};
static const struct folder_default gemma_defaults[] = {{"head_dim", 256}, {"rms_norm_eps", 1e-6}, {NULL, 0}};
static const struct folder_default gemma2_defaults[] = {
    {"head_dim", 256}, {"rms_norm_eps", 1e-6}, {"sliding_window", 4096}, {NULL, 0},
};
static const struct folder_default openelm_defaults[] = {{"rms_norm_eps", 1e-6}, {"max_context_length", 2048}, {NULL, 0}};
static const struct folder_default phi3_defaults[] = {{"rms_norm_eps", 1e-5}, {NULL, 0}};
static const struct folder_default granite_defaults[] = {
    {"rms_norm_eps", 1e-6}, {"embedding_multiplier", 1}, {"residual_multiplier", 1}, {"attention_multiplier", 1}, {"logits_scaling", 1}, {NULL, 0},
};
static const struct folder_default common_defaults[] = {{"rms_norm_eps", 1e-6}, {NULL, 0}};

/* Two classes may be one family.  VulavulaLlamaForCausalLM is InkubaLM's own name for LLaMA's layers. */
static const struct folder_family families[] = {
    {"LlamaForCausalLM", "llama", 1, 0, 0, 0, "silu", {frame, plain}, {sizes}, common_defaults, NULL, 0},
    {"VulavulaLlamaForCausalLM", "llama", 1, 0, 0, 0, "silu", {frame, plain}, {sizes}, common_defaults, NULL, 0},
    {"MistralForCausalLM", "llama", 1, 0, 0, 0, "silu", {frame, plain}, {sizes}, common_defaults, NULL, 0},
    {"SmolLM3ForCausalLM", "smollm3", 1, 0, 1, 0, "silu", {frame, plain}, {sizes}, common_defaults, NULL, 0},
    {"Qwen2ForCausalLM", "qwen2", 0, 0, 0, 0, "silu", {frame, plain}, {sizes}, common_defaults, NULL, 0},
    {"Qwen3ForCausalLM", "qwen3", 0, 0, 0, 0, "silu", {frame, with_head_norms}, {sizes}, common_defaults, NULL, 0},
    {"GemmaForCausalLM", "gemma", 0, 1, 1, 0, NULL, {frame, plain}, {sizes}, gemma_defaults, NULL, 0},
    {"Gemma2ForCausalLM", "gemma2", 0, 1, 1, 0, "gelu_pytorch_tanh", {frame, gemma2}, {sizes, soft_caps}, gemma2_defaults, NULL, 0},
    {"Gemma3ForCausalLM", "gemma3", 0, 1, 1, 0, "gelu_pytorch_tanh", {frame, gemma3}, {sizes, soft_caps}, gemma3_defaults, NULL, 0},
    {"Gemma3ForConditionalGeneration", "gemma3", 0, 1, 1, 1, "gelu_pytorch_tanh", {frame, gemma3}, {sizes, soft_caps}, gemma3_defaults, NULL, 0},
    {"Phi3ForCausalLM", "phi3", 0, 0, 0, 0, "silu", {frame, phi3}, {sizes}, phi3_defaults, NULL, 0},
    {"GraniteForCausalLM", "granite", 1, 0, 0, 0, "silu", {frame, plain}, {sizes, multipliers}, granite_defaults, NULL, 0},
    {"GraniteMoeForCausalLM", "granitemoe", 1, 0, 0, 0, "silu", {frame, granitemoe}, {sizes, experts}, granite_defaults, NULL, 0},
    {"GraniteMoeSharedForCausalLM", "granitemoe", 1, 0, 0, 0, "silu", {frame, granitemoe}, {sizes, experts}, granite_defaults, NULL, 0},
    {"GraniteMoeHybridForCausalLM", "granite", 1, 0, 0, 0, "silu", {frame, granite4}, {granite4_sizes, multipliers}, granite_defaults, NULL, 0},
    {"OpenELMForCausalLM", "openelm", 0, 0, 1, 0, NULL, {openelm}, {openelm_sizes}, openelm_defaults, NULL, 0},
    {"BertModel", "bert", 0, 0, 0, 0, NULL, {bert}, {bert_sizes}, bert_defaults, "bert.", 0},
    {"RobertaModel", "bert", 0, 0, 0, 0, NULL, {bert}, {bert_sizes}, bert_defaults, "roberta.", 1},
    {"XLMRobertaModel", "bert", 0, 0, 0, 0, NULL, {bert}, {bert_sizes}, bert_defaults, "roberta.", 1},
    {"Gemma3TextModel", "gemma-embedding", 0, 1, 1, 0, "gelu_pytorch_tanh", {frame, gemma3}, {embedding_sizes}, gemma3_defaults, "model.", 0},
};
enum { FAMILIES = sizeof families / sizeof *families };

const struct folder_family *folder_family_at(size_t i) { return i < FAMILIES ? &families[i] : NULL; }

const struct folder_family *folder_family(const char *name)
{
    for (size_t i = 0; i < FAMILIES; i++)
        if (!strcmp(families[i].name, name)) return &families[i];
    return NULL;
}
