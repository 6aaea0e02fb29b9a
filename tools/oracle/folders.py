"""Folders as `transformers` itself saves them, run by hearth: what `make oracle-folders` does.

One small model of random weights a class, with its peculiarities on, saved as safetensors, shards and index where that is asked for, with a
small tokenizer.json.  hearth runs the folder, and the GGUF file that `hearth convert` makes of it, in `float` arithmetic with an F32 cache:
all of 300 tokens at once and one at a time.  Printed is, for each, the norm of the difference of all logits over the norm of transformers'
logits in float32 (eager attention); more than 1e-4 is a failure.

OpenELM is no class of transformers: its layers are Qwen 3's, each with a configuration of its own, as in families.py."""
import argparse
import json
import pathlib
import subprocess
import tempfile

import numpy as np
import safetensors.torch
import torch
import transformers
from transformers.models.qwen3.modeling_qwen3 import Qwen3DecoderLayer

VOCAB, TOKENS, LIMIT = 320, 300, 1e-4
COMMON = dict(vocab_size=VOCAB, hidden_size=64, intermediate_size=160, num_attention_heads=4, num_key_value_heads=2, num_hidden_layers=3,
              max_position_embeddings=512, bos_token_id=None, eos_token_id=2, pad_token_id=None, attn_implementation="eager")
LLAMA3 = {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 64}


def gemma3_text():
    return dict(COMMON, num_hidden_layers=7, head_dim=32, sliding_window=48, tie_word_embeddings=True, query_pre_attn_scalar=24,
                rope_parameters={"sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
                                 "full_attention": {"rope_type": "linear", "rope_theta": 1000000.0, "factor": 8.0}})


# what is special, the class, its configuration, the architecture that the folder names where it is another
MODELS = {
    "llama3": ("rope scaling past its original 64 tokens", "Llama", dict(COMMON, rope_parameters=LLAMA3), None),
    "inkubalm": ("its own name for LLaMA's class", "Llama", dict(COMMON, num_key_value_heads=4), "VulavulaLlamaForCausalLM"),
    "mistral-nemo": ("heads of 32 where width / heads is 16, no window", "Mistral", dict(COMMON, head_dim=32, sliding_window=None), None),
    "mistral-window": ("a window of 40", "Mistral", dict(COMMON, head_dim=32, sliding_window=40), None),
    "smollm3": ("a layer of four that is not rotated; tied", "SmolLM3", dict(COMMON, num_hidden_layers=5, tie_word_embeddings=True,
                                                                            rope_parameters={"rope_type": "default", "rope_theta": 5000000.0}), None),
    "phi4-mini": ("three quarters of a head rotated, long rope past its original 128 tokens; tied", "Phi3",
                  dict(COMMON, hidden_size=96, num_attention_heads=6, tie_word_embeddings=True, original_max_position_embeddings=128, sliding_window=None,
                       rope_parameters={"rope_type": "longrope", "rope_theta": 10000.0, "partial_rotary_factor": 0.75,
                                        "short_factor": [1.0 + 0.1 * i for i in range(6)], "long_factor": [1.5 + 0.5 * i for i in range(6)],
                                        "original_max_position_embeddings": 128}), None),
    "gemma3": ("windows of 48, seven layers, a query scale of its own; tied", "Gemma3", gemma3_text(), None),
    "gemma3-vision": ("the text part of a model that sees; rope stretched 8 times", "Gemma3ForConditionalGeneration", gemma3_text(), None),
    "granite": ("its four multipliers", "Granite", dict(COMMON, embedding_multiplier=6.0, residual_multiplier=0.5, attention_multiplier=0.125,
                                                        logits_scaling=2.0), None),
    "granite4-dense": ("GraniteMoeHybrid: attention everywhere, no experts; multipliers; tied", "GraniteMoeHybrid",
                       dict(COMMON, layer_types=["attention"] * 3, num_local_experts=0, num_experts_per_tok=0, shared_intermediate_size=160,
                            position_embedding_type="rope", embedding_multiplier=6.0, residual_multiplier=0.5, attention_multiplier=0.125,
                            logits_scaling=2.0, tie_word_embeddings=True), None),
    "granitemoeshared": ("3 of 7 experts and a shared one", "GraniteMoeShared",
                         dict(COMMON, num_local_experts=7, num_experts_per_tok=3, shared_intermediate_size=96, residual_multiplier=0.5,
                              attention_multiplier=0.25, logits_scaling=2.0), None),
    "llama-bias": ("biases of attention and feed-forward part", "Llama", dict(COMMON, attention_bias=True, mlp_bias=True), None),
    "qwen2": ("biases of q, k, v; 6 heads over 2", "Qwen2", dict(COMMON, hidden_size=96, num_attention_heads=6), None),
    "qwen3": ("norms of q and k; heads of 32 where width / heads is 16; tied", "Qwen3", dict(COMMON, head_dim=32, tie_word_embeddings=True), None),
    "phi3-long": ("long rope past its original 128 tokens, a window of 100", "Phi3",
                  dict(COMMON, hidden_size=96, num_attention_heads=6, original_max_position_embeddings=128, sliding_window=100,
                       rope_parameters={"rope_type": "longrope", "rope_theta": 10000.0, "short_factor": [1.0 + 0.1 * i for i in range(8)],
                                        "long_factor": [1.5 + 0.5 * i for i in range(8)], "original_max_position_embeddings": 128}), None),
    "gemma": ("heads of 48, one KV head; tied", "Gemma", dict(COMMON, num_attention_heads=2, num_key_value_heads=1, head_dim=48, tie_word_embeddings=True), None),
    "gemma2": ("soft caps 3 and 4, a window of 50 on every second layer, a query scale of its own; tied", "Gemma2",
               dict(COMMON, num_hidden_layers=4, head_dim=32, sliding_window=50, attn_logit_softcapping=3.0, final_logit_softcapping=4.0,
                    query_pre_attn_scalar=64, tie_word_embeddings=True), None),
    "granitemoe": ("3 of 7 experts; multipliers; tied", "GraniteMoe",
                   dict(COMMON, intermediate_size=96, num_local_experts=7, num_experts_per_tok=3, embedding_multiplier=6.0, residual_multiplier=0.5,
                        attention_multiplier=0.25, logits_scaling=2.0, tie_word_embeddings=True), None),
    "openelm": ("heads, KV heads and widths that differ from layer to layer; q, k, v one tensor", "OpenELM", None, None),
}


def randomise(model):
    torch.manual_seed(7)
    for name, p in model.named_parameters():
        with torch.no_grad():
            p.copy_(torch.randn_like(p) * (0.1 if p.dim() < 2 else p.shape[-1] ** -0.5) + (1.0 if p.dim() < 2 and "norm" in name and "gemma" not in
                                                                                          type(model).__name__.lower() else 0.0))
    model.tie_weights()
    return model.float().eval()


def vision(text):
    config = transformers.Gemma3Config(text_config=transformers.Gemma3TextConfig(**text), vision_config=dict(
        hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14), mm_tokens_per_image=4,
        tie_word_embeddings=True, attn_implementation="eager")
    return transformers.Gemma3ForConditionalGeneration(config)


def openelm():
    """The layers, and the folder's configuration and tensors as Apple names them."""
    heads, kv, width, mult = [4, 6, 8], [2, 3, 2], 16, [2.0, 1.5, 3.0]
    ffn = [int(64 * x) for x in mult]
    base = dict(COMMON, head_dim=width, tie_word_embeddings=True, rms_norm_eps=1e-6)
    make = lambda i: transformers.Qwen3Config(**base | {"num_attention_heads": heads[i], "num_key_value_heads": kv[i], "intermediate_size": ffn[i]})
    model = transformers.Qwen3ForCausalLM(make(0))
    for i in range(3):
        model.model.layers[i] = Qwen3DecoderLayer(make(i), i)
    randomise(model)
    w, out = model.state_dict(), {}
    out["transformer.token_embeddings.weight"] = w["model.embed_tokens.weight"]
    out["transformer.norm.weight"] = w["model.norm.weight"]
    for i in range(3):
        a, b = f"model.layers.{i}.", f"transformer.layers.{i}."
        out[b + "attn_norm.weight"], out[b + "ffn_norm.weight"] = w[a + "input_layernorm.weight"], w[a + "post_attention_layernorm.weight"]
        out[b + "attn.qkv_proj.weight"] = torch.cat([w[a + f"self_attn.{x}_proj.weight"] for x in "qkv"])
        out[b + "attn.q_norm.weight"], out[b + "attn.k_norm.weight"] = w[a + "self_attn.q_norm.weight"], w[a + "self_attn.k_norm.weight"]
        out[b + "attn.out_proj.weight"] = w[a + "self_attn.o_proj.weight"]
        out[b + "ffn.proj_1.weight"] = torch.cat([w[a + "mlp.gate_proj.weight"], w[a + "mlp.up_proj.weight"]])
        out[b + "ffn.proj_2.weight"] = w[a + "mlp.down_proj.weight"]
    config = dict(architectures=["OpenELMForCausalLM"], model_type="openelm", model_dim=64, num_transformer_layers=3, head_dim=width, num_query_heads=heads,
                  num_kv_heads=kv, ffn_multipliers=mult, ffn_dim_divisor=16, max_context_length=512, rope_freq_constant=10000, vocab_size=VOCAB,
                  normalize_qk_projections=True, share_input_output_layers=True)
    return model, config, {k: v.clone().contiguous() for k, v in out.items()}


def tokenizer():
    """Each byte a token, as GPT-2 writes it."""
    own = [b for b in range(256) if not (33 <= b <= 126 or 161 <= b <= 172 or 174 <= b <= 255)]
    char = {b: chr(256 + own.index(b)) if b in own else chr(b) for b in range(256)}
    vocab = {"<unk>": 0, "<s>": 1, "</s>": 2} | {char[b]: b + 3 for b in range(256)}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {"version": "1.0", "added_tokens": [{"id": i, "content": t, "special": True} for i, t in enumerate(("<unk>", "<s>", "</s>"))],
            "pre_tokenizer": byte_level, "decoder": byte_level, "model": {"type": "BPE", "vocab": vocab, "merges": []}}


def save(name, folder):
    """The folder, and the model that computes the reference."""
    _, kind, config, renamed = MODELS[name]
    if kind == "OpenELM":
        model, config, tensors = openelm()
        folder.mkdir()
        safetensors.torch.save_file(tensors, folder / "model.safetensors")
        (folder / "config.json").write_text(json.dumps(config))
    else:
        if kind == "Gemma3ForConditionalGeneration":
            model = vision(config)
        else:
            make = getattr(transformers, kind + ("TextConfig" if kind == "Gemma3" else "Config"))
            model = getattr(transformers, kind + "ForCausalLM")(make(**config))
        randomise(model).save_pretrained(folder, max_shard_size="200KB")
        if renamed:
            path = folder / "config.json"
            path.write_text(json.dumps(json.loads(path.read_text()) | {"architectures": [renamed]}))
    model.config._experts_implementation = "eager"
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer()))
    return model


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--logits", required=True)
    args.add_argument("--hearth", required=True)
    args.add_argument("names", nargs="*")
    args = args.parse_args()
    ids = np.random.default_rng(5).integers(3, 259, TOKENS)
    worst = 0.0

    def run(model, chunk):
        out = subprocess.run([args.logits, str(model), str(chunk), *map(str, ids)], stdout=subprocess.PIPE, check=True).stdout
        return np.frombuffer(out, np.float32).reshape(TOKENS, -1).astype(np.float64)

    with tempfile.TemporaryDirectory() as home:
        for name in args.names or MODELS:
            folder, file = pathlib.Path(home) / name, pathlib.Path(home) / (name + ".gguf")
            model = save(name, folder)
            with torch.no_grad():
                wanted = model(torch.tensor(ids)[None]).logits[0].numpy().astype(np.float64)
            subprocess.run([args.hearth, "convert", folder, "-o", file], stdout=subprocess.DEVNULL, check=True)
            far = [np.linalg.norm(run(*how) - wanted) / np.linalg.norm(wanted) for how in ((folder, TOKENS), (folder, 1), (file, TOKENS), (file, 1))]
            worst = max(worst, *far)
            shards = len(list(folder.glob("*.safetensors")))
            print(f"{name:18} {type(model).__name__:32} {shards:2} files  folder {far[0]:.1e} {far[1]:.1e}  GGUF {far[2]:.1e} {far[3]:.1e}  {MODELS[name][0]}",
                  flush=True)
    assert worst <= LIMIT, worst


if __name__ == "__main__":
    main()
