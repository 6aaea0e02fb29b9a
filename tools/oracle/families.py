"""The families' files as `transformers` sees them: for goldens.py, which reads those of llama and gemma3 itself.

One small model of random weights a family, with all its peculiarities on, and the class of transformers that computes it.
Where the file and transformers differ in layout, it is undone here:

  llama, smollm3, granite   rows of q and k (and their biases) are interleaved inside each head, as goldens.py says
  gemma, gemma2             the file's norm weights are 1 + w
  granitemoe                gate and up are one tensor in transformers, of each expert and of the shared one
  bert, gemma-embedding     make no logits: what is compared are embeddings of the first n tokens, for each n (goldens.py writes them
                            as it does logits)
  openelm                   is no class of transformers: its layer is Qwen 3's (RMS norms, q and k normed per head, halves
                            rotated, SwiGLU), each with a configuration of its own; its one tensor of q, k and v is cut
"""
import gguf
import numpy as np
import torch
import transformers
from transformers.models.qwen3.modeling_qwen3 import Qwen3DecoderLayer

MODELS = {
    "family-qwen2": "family=qwen2 layers=3 width=96 heads=6 kv_heads=2 ffn=160 vocab=320 rope_base=1000000 bias=1 "
                    "norm_eps=1e-6 seed=31",
    "family-qwen3": "family=qwen3 layers=3 width=64 heads=4 kv_heads=2 head_width=32 ffn=160 vocab=320 rope_base=1000000 "
                    "norm_eps=1e-6 tied=1 seed=32",
    "family-mistral": "family=llama layers=3 width=64 heads=4 kv_heads=2 head_width=32 ffn=160 vocab=320 window=40 "
                      "rope_base=1000000 seed=33",
    "family-llama-bias": "family=llama layers=2 width=64 heads=4 kv_heads=2 ffn=160 vocab=320 rope_base=500000 rope_factors=1 "
                         "bias=1 seed=34",
    "family-smollm3": "family=smollm3 layers=5 width=64 heads=4 kv_heads=1 ffn=160 vocab=320 rope_base=5000000 norm_eps=1e-6 "
                      "tied=1 seed=35",
    "family-phi3-long": "family=phi3 layers=3 width=96 heads=6 kv_heads=2 ffn=160 vocab=320 window=100 rope_original=128 "
                        "rope_magnitude=1.25 seed=36",
    "family-phi3-partial": "family=phi3 layers=3 width=96 heads=6 kv_heads=3 ffn=160 vocab=320 rope_width=12 rope_original=512 "
                           "rope_magnitude=1.125 tied=1 seed=37",
    "family-gemma": "family=gemma layers=3 width=64 heads=2 kv_heads=1 head_width=48 ffn=160 vocab=360 seed=38",
    "family-gemma2": "family=gemma2 layers=4 width=64 heads=4 kv_heads=2 head_width=32 ffn=160 vocab=360 window=50 "
                     "attention_softcap=3 logit_softcap=4 attention_scale=0.125 seed=39",
    "family-granite": "family=granite layers=3 width=64 heads=4 kv_heads=2 ffn=160 vocab=320 embedding_scale=6 residual_scale=0.5 "
                      "attention_scale=0.125 logit_scale=2 bias=1 seed=40",
    "family-granitemoe": "family=granitemoe layers=3 width=64 heads=4 kv_heads=2 ffn=96 vocab=320 experts=7 experts_used=3 "
                         "embedding_scale=6 residual_scale=0.5 attention_scale=0.25 logit_scale=2 tied=1 seed=41",
    "family-granitemoe-shared": "family=granitemoe layers=2 width=64 heads=4 kv_heads=2 ffn=64 vocab=320 experts=5 experts_used=2 "
                                "shared_ffn=96 residual_scale=0.5 attention_scale=0.25 logit_scale=3 seed=42",
    "family-openelm": "family=openelm layers=4 width=64 heads=6 kv_heads=3 head_width=16 ffn=96 vocab=320 uneven=1 "
                      "norm_eps=1e-6 tied=1 seed=43",
    "family-bert": "family=bert layers=3 width=96 heads=6 ffn=160 vocab=320 context=128 seed=44",
    "family-bert-first": "family=bert layers=2 width=64 heads=4 ffn=96 vocab=320 context=128 norm_eps=1e-5 pooling=2 seed=45",
    "family-gemma-embedding": "family=gemma-embedding layers=7 width=96 heads=3 kv_heads=1 head_width=48 ffn=96 vocab=360 window=40 "
                              "dense=160 seed=46",
}

PAIRS = ("llama", "smollm3", "granite", "granitemoe")
NAMES = {
    "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_qkv": "self_attn.qkv_proj", "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm",
    "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm", "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj", "ffn_gate_inp": "block_sparse_moe.router",
    "ffn_down_exps": "block_sparse_moe.experts.down_proj", "ffn_down_shexp": "shared_mlp.output_linear",
}
OWN_NAMES = {
    "gemma2": {"post_attention_norm": "post_attention_layernorm", "ffn_norm": "pre_feedforward_layernorm",
               "post_ffw_norm": "post_feedforward_layernorm"},
    "phi3": {"ffn_up": "mlp.gate_up_proj"},
}


def is_peculiar(reader):
    """A llama that goldens.py does not read: with a window, or biases."""
    return "llama.attention.sliding_window" in reader.fields or any(t.name.endswith(".bias") for t in reader.tensors)


def tensors(reader, arch):
    out = {t.name: gguf.quants.dequantize(t.data, t.tensor_type).astype(np.float32) for t in reader.tensors}
    for name in out:
        if arch in ("gemma", "gemma2") and name.endswith("_norm.weight"):
            out[name] = out[name] - np.float32(1)
    return out


def unpermute(w, heads):
    return w.reshape(heads, w.shape[0] // heads // 2, 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def state_dict(w, arch, at):
    """at: for each layer its heads, KV heads and the width of a head."""
    state, names = {}, NAMES | OWN_NAMES.get(arch, {})
    for name, x in w.items():
        if not name.startswith("blk."):
            other = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}.get(name.split(".")[0])
            if other:
                state[other + ".weight"] = x
            continue
        _, layer, part, kind = name.split(".")
        prefix, (heads, kv_heads, width) = f"model.layers.{layer}.", at[int(layer)]
        twin = lambda other: np.concatenate((x, w[f"blk.{layer}.{other}.weight"]), axis=-2)
        if arch in PAIRS and part in ("attn_q", "attn_k"):
            x = unpermute(x, heads if part == "attn_q" else kv_heads)
        if arch == "openelm" and part == "attn_qkv":
            q, k, v = np.split(x, [heads * width, (heads + kv_heads) * width])
            state |= {f"{prefix}self_attn.{n}_proj.weight": y for n, y in (("q", q), ("k", k), ("v", v))}
        elif part == "ffn_gate_exps":
            state[prefix + "block_sparse_moe.experts.gate_up_proj"] = twin("ffn_up_exps")
        elif part == "ffn_gate_shexp":
            state[prefix + "shared_mlp.input_linear.weight"] = twin("ffn_up_shexp")
        elif part == "ffn_down_exps":
            state[prefix + names[part]] = x
        elif part not in ("ffn_up_exps", "ffn_up_shexp"):
            state[f"{prefix}{names[part]}.{kind}"] = x
    return {name: torch.from_numpy(np.ascontiguousarray(x)) for name, x in state.items()}


def describe(get, arch, w, common):
    """The class, and what its configuration has beside the common."""
    bias = {"attention_bias": "blk.0.attn_output.bias" in w, "mlp_bias": "blk.0.ffn_down.bias" in w}
    granite = {"embedding_multiplier": get("embedding_scale", 1.0), "residual_multiplier": get("residual_scale", 1.0),
               "attention_multiplier": get("attention.scale", common["head_dim"] ** -0.5), "logits_scaling": get("logit_scale", 1.0),
               "attention_bias": bias["attention_bias"]}
    if arch == "llama" and get("attention.sliding_window"):
        return "Mistral", {"sliding_window": get("attention.sliding_window")}
    if arch == "phi3":
        rope = {"rope_type": "longrope", "short_factor": w["rope_factors_short.weight"].tolist(),
                "long_factor": w["rope_factors_long.weight"].tolist(), "attention_factor": get("rope.scaling.attn_factor"),
                "original_max_position_embeddings": get("rope.scaling.original_context_length"),
                "partial_rotary_factor": get("rope.dimension_count") / common["head_dim"]}
        return "Phi3", {"rope_parameters": common["rope_parameters"] | rope, "sliding_window": get("attention.sliding_window"),
                        "original_max_position_embeddings": rope["original_max_position_embeddings"]}
    if arch == "gemma2":
        return "Gemma2", {"sliding_window": get("attention.sliding_window"), "attn_logit_softcapping": get("attn_logit_softcapping"),
                          "final_logit_softcapping": get("final_logit_softcapping"),
                          "query_pre_attn_scalar": round(get("attention.scale") ** -2)}
    if arch == "granitemoe":
        shared = get("expert_shared_feed_forward_length", 0)
        more = {"num_local_experts": get("expert_count"), "num_experts_per_tok": get("expert_used_count")}
        return ("GraniteMoeShared", granite | more | {"shared_intermediate_size": shared}) if shared else ("GraniteMoe", granite | more)
    own = {"llama": ("Llama", bias), "smollm3": ("SmolLM3", {}), "granite": ("Granite", granite | bias), "qwen2": ("Qwen2", {}),
           "qwen3": ("Qwen3", {}), "gemma": ("Gemma", {}), "openelm": ("Qwen3", {})}
    return own[arch]


class Embedder:
    """BERT or EmbeddingGemma from the file, with sentence-transformers' pooling and dense layers, scaled to length 1."""

    def __init__(self, w, arch, get, vocab):
        self.pooling, self.dense = get("pooling_type", 1), [torch.from_numpy(w[n]) for n in ("dense_2.weight", "dense_3.weight") if n in w]
        common = dict(vocab_size=vocab, hidden_size=get("embedding_length"), intermediate_size=get("feed_forward_length"),
                      num_hidden_layers=get("block_count"), num_attention_heads=get("attention.head_count"),
                      max_position_embeddings=get("context_length"), attn_implementation="eager", pad_token_id=None)
        if arch == "bert":
            config = transformers.BertConfig(layer_norm_eps=get("attention.layer_norm_epsilon"), hidden_act="gelu", **common)
            self.model = transformers.BertModel(config, add_pooling_layer=False)
            names = {"attn_q": "attention.self.query", "attn_k": "attention.self.key", "attn_v": "attention.self.value",
                     "attn_output": "attention.output.dense", "attn_output_norm": "attention.output.LayerNorm",
                     "ffn_up": "intermediate.dense", "ffn_down": "output.dense", "layer_output_norm": "output.LayerNorm",
                     "token_embd": "word_embeddings", "position_embd": "position_embeddings", "token_types": "token_type_embeddings",
                     "token_embd_norm": "LayerNorm"}
            inside, top = "encoder.layer", "embeddings."
        else:
            config = transformers.Gemma3TextConfig(
                num_key_value_heads=get("attention.head_count_kv"), head_dim=get("attention.key_length"), sliding_window=get("attention.sliding_window"),
                query_pre_attn_scalar=get("attention.key_length"), rms_norm_eps=get("attention.layer_norm_rms_epsilon"),
                use_bidirectional_attention=True, bos_token_id=None, eos_token_id=None,
                rope_parameters={"full_attention": {"rope_type": "default", "rope_theta": get("rope.freq_base")},
                                 "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}}, **common)
            self.model = transformers.Gemma3TextModel(config)
            names = NAMES | OWN_NAMES["gemma2"] | {"token_embd": "embed_tokens", "output_norm": "norm"}
            inside, top = "layers", ""
        state = {}
        for name, x in w.items():
            parts = name.split(".")
            if parts[0] == "blk":
                state[f"{inside}.{parts[1]}.{names[parts[2]]}.{parts[3]}"] = x
            elif not name.startswith("dense"):
                state[f"{top}{names[parts[0]]}.{parts[1]}"] = x
        if arch != "bert":
            state = {n: x - np.float32(1) if "norm" in n else x for n, x in state.items()}
        missing, unexpected = self.model.load_state_dict({n: torch.from_numpy(np.ascontiguousarray(x)) for n, x in state.items()}, strict=False)
        assert not unexpected and not [n for n in missing if "position_ids" not in n], (missing, unexpected)
        self.model = self.model.float().eval()

    def rows(self, ids):
        return np.stack([self.vector(ids[:n]) for n in range(1, len(ids) + 1)])

    @torch.no_grad()
    def vector(self, ids):
        hidden = self.model(input_ids=torch.tensor([ids]))[0][0]
        v = hidden.mean(0) if self.pooling == 1 else hidden[0]
        for dense in self.dense:
            v = dense @ v
        return (v / v.norm()).numpy()


def load(reader, meta):
    """The file as a float32 model of transformers."""
    arch = meta["general.architecture"]
    get = lambda key, default=None: meta.get(f"{arch}.{key}", default)
    each = lambda key: get(key) if isinstance(get(key), list) else [get(key)] * get("block_count")
    heads, kv_heads, ffn, width = (each("attention.head_count"), each("attention.head_count_kv"), each("feed_forward_length"),
                                   get("embedding_length"))
    w = tensors(reader, arch)
    if arch in ("bert", "gemma-embedding"):
        return Embedder(w, arch, get, len(meta["tokenizer.ggml.tokens"]))
    common = dict(
        vocab_size=len(meta["tokenizer.ggml.tokens"]), hidden_size=width, intermediate_size=ffn[0],
        num_hidden_layers=get("block_count"), num_attention_heads=heads[0], num_key_value_heads=kv_heads[0],
        head_dim=get("attention.key_length", width // heads[0]), max_position_embeddings=get("context_length"),
        rms_norm_eps=get("attention.layer_norm_rms_epsilon"), tie_word_embeddings="output.weight" not in w,
        rope_parameters={"rope_type": "default", "rope_theta": get("rope.freq_base")},
        attn_implementation="eager", bos_token_id=None, eos_token_id=None, pad_token_id=None)
    name, more = describe(get, arch, w, common)
    make = getattr(transformers, name + "Config")
    model = getattr(transformers, name + "ForCausalLM")(make(**common | more))
    if arch == "openelm":
        for i in range(len(heads)):
            own = make(**common | {"num_attention_heads": heads[i], "num_key_value_heads": kv_heads[i], "intermediate_size": ffn[i]})
            model.model.layers[i] = Qwen3DecoderLayer(own, i)
    state = state_dict(w, arch, [(h, k, common["head_dim"]) for h, k in zip(heads, kv_heads)])
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and sorted(missing) in ([], ["lm_head.weight"] if common["tie_word_embeddings"] else []), (missing, unexpected)
    model.tie_weights()
    if "rope_freqs.weight" in w:
        model.model.rotary_emb.inv_freq /= torch.from_numpy(w["rope_freqs.weight"])
    model = model.float().eval()
    model.config._experts_implementation = "eager"
    assert model.config._attn_implementation == "eager" and model.dtype == torch.float32
    return model
