"""Writes the logits and greedy texts that tests/golden/ compares hearth's float arithmetic with.

The reference is `transformers` in float32: eager attention, no autocast, weights dequantised by the `gguf` package and
put into the family's own class (LlamaForCausalLM, Gemma3ForCausalLM ...) whose configuration is read from the GGUF file's
own metadata.  Where the file and transformers differ in layout, it is undone here:

  llama   the file's q and k rows are interleaved inside each head (pairs 2i, 2i+1 rotate together);
          transformers rotates rows i and i + width/2
  gemma   1 to 3: the file's norm weights are 1 + w; transformers adds the 1 itself.  In gemma3 local layers rotate with
          base 10,000, every sixth layer with rope.freq_base

The other families' files are read in families.py.

Two kinds of golden, named in tools/oracle/README.md: NAME.bin (logits over 200 tokens) and NAME.json (five prompts
with their 64 greedy tokens).

    goldens.py --make-model build/tests/tools/make_model --smollm2 FILE --gemma FILE --out FOLDER [--float64]
    goldens.py --compare FOLDER tests/golden
"""
import argparse
import hashlib
import json
import os
import struct
import subprocess
import sys
import tempfile

if not sys.flags.safe_path:
    sys.exit("goldens.py: start it with python -P, as run.sh does: this folder has files named like modules")

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
import gguf
import numpy as np
import torch
import families
from transformers import Gemma3ForCausalLM, Gemma3TextConfig, LlamaConfig, LlamaForCausalLM

POSITIONS, TOP, COLUMNS, GREEDY = 200, 20, 64, 64
SMALL = 300, 8, 16               # the same of the models in families.py

# Fields of struct model_spec (tests/model_maker.h); the C test makes the same file from the same words.
RANDOM_MODELS = {
    "random-llama": "family=llama type=F32 layers=3 width=256 heads=8 kv_heads=2 head_width=32 ffn=512 vocab=512 seed=11",
    "random-llama3": "family=llama type=F32 layers=3 width=256 heads=4 kv_heads=4 head_width=64 ffn=768 vocab=768 "
                     "rope_base=500000 tied=1 rope_factors=1 seed=12",
    "random-wide-heads": "family=llama type=F32 layers=2 width=256 heads=4 kv_heads=1 head_width=128 ffn=512 vocab=512 "
                         "rope_base=1000000 seed=13",
    "random-gemma3": "family=gemma3 type=F32 layers=7 width=256 heads=4 kv_heads=2 head_width=128 ffn=512 vocab=512 "
                     "window=48 seed=14",
}

TEXT = """The lighthouse keeper counted 1,284 ships between March and October 1907, and wrote each name in a ledger that
nobody has opened since. "If the lamp goes out," she used to say, "it is not the dark that sinks them, but the belief
that the light is still there."

def mean(values):
    # an empty list has no mean
    return sum(values) / len(values) if values else None

Rain fell on the plain for 3.5 hours; by 17:45 the river stood 2.1 m above its banks. Après la pluie, le beau temps.
Nach dem Regen scheint die Sonne wieder. Umntu ngumntu ngabantu. 雨のち晴れ。 Every morning the children walked to school
along the dyke, and every evening their teacher asked them the same question: what did you see today that was not there
yesterday? One said a heron, another a broken oar, and the smallest of them said that the sky had moved.
"""

PROMPTS = {
    "smollm2": [
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
        "<|im_start|>user\nWhy is the sky blue?<|im_end|>\n<|im_start|>assistant\n",
        "The history of the bicycle begins",
        "def fibonacci(n):\n    \"\"\"Return the n-th Fibonacci number.\"\"\"\n",
        "To make bread you need flour, water, salt and",
        "<|im_start|>user\nList three animals that live in the sea.<|im_end|>\n<|im_start|>assistant\n",
    ],
    "gemma": [
        "The sky is blue because",
        "Photosynthesis is the process by which",
        "import os\n\ndef list_files(path):\n",
        "Once upon a time, in a village by the sea,",
        "Die Hauptstadt von Frankreich ist",
    ],
}


# ---- the file as transformers sees it ---------------------------------------------------------------

def metadata(reader):
    return {key: field.contents() for key, field in reader.fields.items()}


def unpermute(w, heads):
    """Rows of every head from interleaved pairs back to halves."""
    return w.reshape(heads, w.shape[0] // heads // 2, 2, w.shape[1]).swapaxes(1, 2).reshape(w.shape)


BLOCK_NAMES = {
    "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}
NORM_NAMES = {
    "llama": {"ffn_norm": "post_attention_layernorm"},
    "gemma3": {"ffn_norm": "pre_feedforward_layernorm", "post_attention_norm": "post_attention_layernorm",
               "post_ffw_norm": "post_feedforward_layernorm", "attn_q_norm": "self_attn.q_norm",
               "attn_k_norm": "self_attn.k_norm"},
}


def state_dict(reader, arch, heads, kv_heads):
    names, state, factors = BLOCK_NAMES | NORM_NAMES[arch], {}, None
    for t in reader.tensors:
        w = gguf.quants.dequantize(t.data, t.tensor_type).astype(np.float32)
        stem = t.name.removesuffix(".weight")
        if arch == "llama" and stem.endswith(".attn_q"):
            w = unpermute(w, heads)
        if arch == "llama" and stem.endswith(".attn_k"):
            w = unpermute(w, kv_heads)
        if arch == "gemma3" and stem.endswith("_norm"):
            w = w - np.float32(1)
        if stem == "rope_freqs":
            factors = w
            continue
        if stem.startswith("blk."):
            _, layer, part = stem.split(".")
            name = f"model.layers.{layer}.{names[part]}"
        else:
            name = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}[stem]
        state[name + ".weight"] = torch.from_numpy(np.ascontiguousarray(w))
    return state, factors


def load(path):
    """The file at path as a float32 model of transformers, and its metadata."""
    reader = gguf.GGUFReader(path)
    meta = metadata(reader)
    arch = meta["general.architecture"]
    get = lambda key, default=None: meta.get(f"{arch}.{key}", default)
    heads, kv_heads, width = get("attention.head_count"), get("attention.head_count_kv"), get("embedding_length")
    if arch not in NORM_NAMES or families.is_peculiar(reader):
        return families.load(reader, meta), meta
    state, factors = state_dict(reader, arch, heads, kv_heads)
    common = dict(
        vocab_size=len(meta["tokenizer.ggml.tokens"]), hidden_size=width, intermediate_size=get("feed_forward_length"),
        num_hidden_layers=get("block_count"), num_attention_heads=heads, num_key_value_heads=kv_heads,
        head_dim=get("attention.key_length", width // heads), max_position_embeddings=get("context_length"),
        rms_norm_eps=get("attention.layer_norm_rms_epsilon"), tie_word_embeddings="lm_head.weight" not in state,
        attn_implementation="eager", bos_token_id=None, eos_token_id=None, pad_token_id=None)
    if arch == "llama":
        config = LlamaConfig(rope_parameters={"rope_type": "default", "rope_theta": get("rope.freq_base", 10000.0)},
                             **common)
        model = LlamaForCausalLM(config)
    elif arch == "gemma3":
        config = Gemma3TextConfig(
            rope_parameters={"full_attention": {"rope_type": "default", "rope_theta": get("rope.freq_base", 1e6)},
                             "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}},
            sliding_window=get("attention.sliding_window"), query_pre_attn_scalar=common["head_dim"], **common)
        model = Gemma3ForCausalLM(config)
    else:
        return families.load(reader, meta), meta
    missing, unexpected = model.load_state_dict(state, strict=False)
    tied = ["lm_head.weight"] if config.tie_word_embeddings else []
    assert not unexpected and sorted(missing) in ([], tied), (missing, unexpected)
    model.tie_weights()
    if factors is not None:
        model.model.rotary_emb.inv_freq /= torch.from_numpy(factors)
    model = model.float().eval()
    assert model.config._attn_implementation == "eager" and model.dtype == torch.float32
    return model, meta


@torch.no_grad()
def logits(model, ids):
    return model(input_ids=torch.tensor([ids]), use_cache=False).logits[0].numpy()


@torch.no_grad()
def greedy(model, ids, n):
    """n tokens, the most likely each time, ties to the lower id; and the smallest lead of a first over a second."""
    out, cache, feed, lead = [], None, ids, float("inf")
    for _ in range(n):
        step = model(input_ids=torch.tensor([feed]), past_key_values=cache, use_cache=True)
        cache, row = step.past_key_values, step.logits[0, -1].numpy()
        best = int(np.argmax(row))
        second = np.partition(row, -2)[-2]
        lead = min(lead, float(row[best] - second))
        out.append(best)
        feed = [best]
    return out, lead


# ---- tokens -----------------------------------------------------------------------------------------

def encoder(meta):
    """The file's vocabulary in the `tokenizers` or `sentencepiece` package: a function from text to ids."""
    if meta["tokenizer.ggml.model"] == "gpt2":
        from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
        tokens = meta["tokenizer.ggml.tokens"]
        tok = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)},
                                   [tuple(m.split(" ")) for m in meta["tokenizer.ggml.merges"]]))
        assert meta["tokenizer.ggml.pre"] == "smollm"
        tok.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                                     pre_tokenizers.ByteLevel(add_prefix_space=False)])
        tok.add_special_tokens([AddedToken(t, special=True, normalized=False)
                                for t, kind in zip(tokens, meta["tokenizer.ggml.token_type"]) if kind == 3])
        return lambda text: tok.encode(text, add_special_tokens=False).ids
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2 as pb
    proto = pb.ModelProto()
    for text, score, kind in zip(meta["tokenizer.ggml.tokens"], meta["tokenizer.ggml.scores"],
                                 meta["tokenizer.ggml.token_type"]):
        proto.pieces.add(piece=text, score=score, type=int(kind))
    proto.trainer_spec.model_type, proto.trainer_spec.byte_fallback = pb.TrainerSpec.BPE, True
    proto.normalizer_spec.name = "identity"
    proto.normalizer_spec.add_dummy_prefix = proto.normalizer_spec.remove_extra_whitespaces = False
    sp = sentencepiece.SentencePieceProcessor(model_proto=proto.SerializeToString())
    bos = [meta["tokenizer.ggml.bos_token_id"]] if meta.get("tokenizer.ggml.add_bos_token", True) else []
    return lambda text: bos + sp.encode(text)


# ---- goldens ----------------------------------------------------------------------------------------

def sha256(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").digest()


def write_logits(path, spec, digest, ids, rows, n_top=TOP, n_columns=COLUMNS):
    n, vocab = rows.shape
    columns = np.array([(2 * i + 1) * vocab // (2 * n_columns) for i in range(n_columns)], dtype="<i4")
    wide = rows.astype(np.float64)
    peak = wide.max(axis=1)
    lse = peak + np.log(np.exp(wide - peak[:, None]).sum(axis=1))
    with open(path, "wb") as f:
        f.write(struct.pack("<8s4I", b"HGOLDEN1", n, vocab, n_top, n_columns))
        f.write(struct.pack("<32s256s", digest, spec.encode()))
        f.write(np.array(ids, dtype="<i4").tobytes() + columns.tobytes())
        for p in range(n):
            top = np.argsort(-rows[p], kind="stable")[:n_top]
            f.write(struct.pack("<f", lse[p]) + top.astype("<i4").tobytes() + rows[p][top].astype("<f4").tobytes()
                    + rows[p][columns].astype("<f4").tobytes())


def compare_float64(model, ids, rows):
    """How far float32 itself is from the same model in float64: the noise in the reference."""
    wide = logits(model.double(), ids)
    model.float()
    return float(np.abs(wide - rows).max())


def golden(name, spec, path, args, text_ids=None, prompts=(), size=(POSITIONS, TOP, COLUMNS)):
    model, meta = load(path)
    positions, n_top, n_columns = size
    embeds = isinstance(model, families.Embedder)
    vocab = model.model.config.vocab_size if embeds else model.config.vocab_size
    positions = min(positions, 120) if embeds else positions
    encode = encoder(meta) if text_ids is None else None
    ids = (encode(TEXT) if encode else text_ids(vocab))[:positions]
    assert len(ids) == positions
    rows = model.rows(ids) if embeds else logits(model, ids)
    write_logits(os.path.join(args.out, name + ".bin"), spec, sha256(path), ids, rows, n_top, n_columns)
    noise = f", float64 differs by {compare_float64(model, ids, rows):.2g}" if args.float64 and not embeds else ""
    print(f"{name}: {positions} positions, logits {rows.min():.3g} .. {rows.max():.3g}{noise}", flush=True)
    answers = []
    for text in prompts:
        prompt = encode(text)
        answer, lead = greedy(model, prompt, GREEDY)
        answers.append({"prompt": text, "ids": prompt, "greedy": answer, "lead": round(lead, 6)})
        print(f"{name}: smallest lead {lead:.4f}: {text[-40:]!r}", flush=True)
    if answers:
        with open(os.path.join(args.out, name + ".json"), "w", encoding="utf-8") as f:
            f.write('{"prompts": [\n' + ",\n".join(json.dumps(a, ensure_ascii=True) for a in answers) + "\n]}\n")


def read_logits(path):
    """What a test compares: ids, columns, and per position logsumexp, top logits and columns, as one array."""
    data = open(path, "rb").read()
    magic, n, vocab, top, columns = struct.unpack_from("<8s4I", data)
    assert magic == b"HGOLDEN1"
    ids = np.frombuffer(data, "<i4", n + columns, 312)
    rows = np.frombuffer(data, "<f4", offset=312 + 4 * (n + columns)).reshape(n, 1 + 2 * top + columns)
    return data[24:312], ids, np.delete(rows, np.s_[1:1 + top], axis=1)


def compare(made, committed):
    """Ends the program unless every golden of one folder says what that of the other does, up to float32's noise."""
    for name in sorted(os.listdir(made)):
        a, b = os.path.join(made, name), os.path.join(committed, name)
        if name.endswith(".bin"):
            (head_a, ids_a, rows_a), (head_b, ids_b, rows_b) = read_logits(a), read_logits(b)
            far = float(np.abs(rows_a - rows_b).max())
            if head_a != head_b or (ids_a != ids_b).any() or not far <= 2e-4:
                sys.exit(f"{name}: differs: another model or text, or logits further than 2e-4: {far:.2g}")
            print(f"{name}: the same model and text, logits within {far:.2g}")
        elif name.endswith(".json"):
            with open(a) as f, open(b) as g:
                pairs = zip(json.load(f)["prompts"], json.load(g)["prompts"], strict=True)
                if any((x["ids"], x["greedy"]) != (y["ids"], y["greedy"]) for x, y in pairs):
                    sys.exit(f"{name}: another prompt or another answer")
            print(f"{name}: the same prompts and answers")


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--make-model", help="the program build/tests/tools/make_model")
    p.add_argument("--smollm2", help="SmolLM2-135M-Instruct.Q4_1.gguf")
    p.add_argument("--gemma", help="the joined Gemma 3 270M Q4_K_M file")
    p.add_argument("--out", help="folder that the goldens go to")
    p.add_argument("--only", help="of the random models those with this in their name")
    p.add_argument("--compare", nargs=2, metavar="FOLDER", help="instead: are the goldens of two folders the same?")
    p.add_argument("--float64", action="store_true", help="also say how far float64 is from float32")
    args = p.parse_args()
    if args.compare:
        return compare(*args.compare)
    if not args.out:
        p.error("--out is missing")
    torch.set_float32_matmul_precision("highest")
    os.makedirs(args.out, exist_ok=True)
    if args.make_model:
        with tempfile.TemporaryDirectory() as tmp:
            for name, spec in (RANDOM_MODELS | families.MODELS).items():
                if args.only and args.only not in name:
                    continue
                path = os.path.join(tmp, name + ".gguf")
                subprocess.run([args.make_model, path, *spec.split()], check=True)
                golden(name, spec, path, args, lambda vocab: [(i * i * 31 + i * 17 + 7) % vocab for i in range(SMALL[0])],
                       size=SMALL if name in families.MODELS else (POSITIONS, TOP, COLUMNS))
    for name, path in (("smollm2", args.smollm2), ("gemma", args.gemma)):
        if path:
            golden(name, name, path, args, prompts=PROMPTS[name])


if __name__ == "__main__":
    main()
