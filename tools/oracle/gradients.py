"""Writes the gradients that tests/golden/test_gradients.c holds hearth's backward pass against.

The reference is PyTorch's autograd over the model written out below, in float64, and the same lines in float32 to say how
far float32 itself is from it.  (The models of `transformers` compute norms, softmax and rotations in float32 whatever
they are given; here they only confirm the logits.)  Frequencies and angles of rope are the float32 numbers that
ARITHMETIC.md section 5 defines, in both; everything after them is in the type at hand.

NAME.bin, little-endian:

    "HGRADNT1" | sequences, tokens, entries: u32 | 0 u32 | model SHA-256: 32 bytes | spec: 256 bytes, NUL-padded
    lengths u32[sequences] | ids i32[tokens] | targets i32[tokens] | weights of the loss f32[tokens] | loss f64
    entries times: name, 64 bytes NUL-padded | elements u32 | 0 u32 | norm f64 | float32's distance f64 | f32[elements]

Norm: of the float64 gradient.  Distance: the norm of float32's gradient minus float64's.  The numbers are float64's,
rounded, in the file's layout; the first entry, "embeddings", is for what enters layer 0.

    gradients.py --make-model build/tests/tools/make_model --out FOLDER
    gradients.py --compare FOLDER tests/golden
    gradients.py --real FILE.gguf --backprop build/tests/tools/backprop      one answer's token on a real model
"""
import argparse
import os
import struct
import subprocess
import sys
import tempfile

if not sys.flags.safe_path:
    sys.exit("gradients.py: start it with python -P, as run.sh does: this folder has files named like modules")

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
import gguf
import numpy as np
import torch
import torch.nn.functional as F

import families
import goldens

SMALL = "width=32 heads=4 kv_heads=2 ffn=64 vocab=360"
MODELS = {
    "gradients-llama": "family=llama layers=2 width=64 heads=4 kv_heads=2 ffn=136 vocab=288 seed=21",
    "gradients-llama3": "family=llama layers=3 width=48 heads=3 kv_heads=1 head_width=32 ffn=96 vocab=320 tied=1 "
                        "rope_factors=1 rope_base=500000 seed=22",
    "gradients-gemma3": "family=gemma3 layers=7 width=32 heads=2 kv_heads=1 head_width=24 ffn=72 vocab=360 window=20 "
                        "seed=23",
    "gradients-qwen2": f"family=qwen2 {SMALL} layers=2 bias=1 norm_eps=1e-6 tied=1 seed=51",
    "gradients-qwen3": f"family=qwen3 {SMALL} layers=2 head_width=16 norm_eps=1e-6 tied=1 seed=52",
    "gradients-mistral": f"family=llama {SMALL} layers=2 head_width=16 window=20 tied=1 seed=53",
    "gradients-llama-bias": f"family=llama {SMALL} layers=2 bias=1 seed=54",
    "gradients-smollm3": f"family=smollm3 {SMALL} layers=4 norm_eps=1e-6 tied=1 seed=55",
    "gradients-phi3-long": f"family=phi3 {SMALL} layers=2 window=64 rope_original=48 rope_magnitude=1.25 tied=1 seed=56",
    "gradients-phi3-partial": f"family=phi3 {SMALL} layers=2 heads=2 kv_heads=1 rope_width=12 rope_original=512 rope_magnitude=1.125 "
                              "tied=1 seed=57",
    "gradients-gemma": f"family=gemma {SMALL} layers=2 head_width=24 seed=58",
    "gradients-gemma2": f"family=gemma2 {SMALL} layers=3 window=20 attention_softcap=3 logit_softcap=4 attention_scale=0.25 seed=59",
    "gradients-granite": f"family=granite {SMALL} layers=2 embedding_scale=6 residual_scale=0.5 attention_scale=0.25 logit_scale=2 "
                         "bias=1 tied=1 seed=60",
    "gradients-granitemoe": f"family=granitemoe {SMALL} layers=2 ffn=32 experts=5 experts_used=2 embedding_scale=6 residual_scale=0.5 "
                            "attention_scale=0.25 logit_scale=2 tied=1 seed=62",
    "gradients-granitemoe-shared": f"family=granitemoe {SMALL} layers=1 ffn=24 experts=4 experts_used=2 shared_ffn=48 residual_scale=0.5 "
                                   "attention_scale=0.25 logit_scale=3 tied=1 seed=63",
    "gradients-openelm": f"family=openelm {SMALL} layers=3 head_width=16 uneven=1 norm_eps=1e-6 tied=1 seed=61",
}
LENGTHS = [90, 37]


class Model:
    """The file's tensors as leaves of a graph, and the walk of src/model/forward.c over them."""

    def __init__(self, path, dtype, learned):
        reader = gguf.GGUFReader(path)
        meta = goldens.metadata(reader)
        self.arch = meta["general.architecture"]
        get = lambda key, default=None: meta.get(f"{self.arch}.{key}", default)
        each = lambda key: get(key) if isinstance(get(key), list) else [get(key)] * self.layers
        self.layers, self.width = get("block_count"), get("embedding_length")
        self.heads, self.kv_heads = each("attention.head_count"), each("attention.head_count_kv")
        self.head_width = get("attention.key_length", self.width // self.heads[0])
        self.turned = get("rope.dimension_count", self.head_width)
        self.eps, self.window = float(np.float32(get("attention.layer_norm_rms_epsilon"))), get("attention.sliding_window")
        self.dtype, self.w = dtype, {}
        for t in reader.tensors:
            array = gguf.quants.dequantize(t.data, t.tensor_type).astype(np.float32)
            self.w[t.name] = torch.from_numpy(np.array(array)).to(dtype).requires_grad_(learned and not t.name.startswith("rope_"))
        self.gemma, self.pairs = self.arch.startswith("gemma"), self.arch in families.PAIRS
        self.base = get("rope.freq_base", 1e6 if self.arch == "gemma3" else 1e4)
        self.base_local = 1e4 if self.arch == "gemma3" else self.base
        self.global_every = {"gemma2": 2, "gemma3": 6}.get(self.arch)
        number = lambda key, default: float(get(key, default))
        self.scale = number("embedding_scale", np.sqrt(np.float32(self.width)) if self.gemma else 1)
        self.residual, self.divisor = number("residual_scale", 1), number("logit_scale", 1)
        self.attention_scale = number("attention.scale", self.head_width ** -0.5)
        self.used = get("expert_used_count")
        self.caps = get("attn_logit_softcapping"), get("final_logit_softcapping")
        self.magnitude, self.original = number("rope.scaling.attn_factor", 1), get("rope.scaling.original_context_length")

    def norm(self, x, weight):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * weight

    def tables(self, n, base):
        i = np.arange(0, self.turned, 2, dtype=np.float32) / np.float32(self.turned)
        f = np.float32(1) / (np.float64(np.float32(base)) ** i.astype(np.float64)).astype(np.float32)
        length = "long" if self.original and n > self.original else "short"
        factors = self.w.get("rope_freqs.weight", self.w.get(f"rope_factors_{length}.weight"))
        if factors is not None:
            f = f / factors.detach().float().numpy()
        angle = torch.from_numpy(np.arange(n, dtype=np.float32)[:, None] * f.astype(np.float32)).to(self.dtype)
        return angle.cos()[:, None] * self.magnitude, angle.sin()[:, None] * self.magnitude

    def turn(self, x, cos, sin):
        """x [n][heads][width]: pairs (2i, 2i + 1) or halves (i, i + width / 2) of its first numbers; the rest stays."""
        x, still = x[..., :self.turned], x[..., self.turned:]
        if self.pairs:
            a, b = x[..., 0::2], x[..., 1::2]
            return torch.cat((torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2), still), -1)
        a, b = x.chunk(2, -1)
        return torch.cat((a * cos - b * sin, a * sin + b * cos, still), -1)

    def product(self, layer, name, x):
        bias = self.w.get(f"blk.{layer}.{name}.bias")
        y = x @ self.w[f"blk.{layer}.{name}.weight"].T
        return y if bias is None else y + bias

    def attention(self, layer, h, n):
        get = lambda name: self.w.get(f"blk.{layer}.{name}.weight")
        heads, kv_heads = self.heads[layer], self.kv_heads[layer]
        local = bool(self.window) and not (self.global_every and (layer + 1) % self.global_every == 0)
        cos, sin = self.tables(n, self.base_local if local else self.base)
        if get("attn_qkv") is None:
            q, k, v = (self.product(layer, name, h) for name in ("attn_q", "attn_k", "attn_v"))
        else:
            q, k, v = self.product(layer, "attn_qkv", h).split([c * self.head_width for c in (heads, kv_heads, kv_heads)], -1)
        q, k, v = q.view(n, heads, -1), k.view(n, kv_heads, -1), v.view(n, kv_heads, -1)
        if get("attn_q_norm") is not None:
            q, k = self.norm(q, get("attn_q_norm")), self.norm(k, get("attn_k_norm"))
        if self.arch != "smollm3" or (layer + 1) % 4:
            q, k = self.turn(q, cos, sin), self.turn(k, cos, sin)
        k, v = (t.repeat_interleave(heads // kv_heads, 1) for t in (k, v))
        scores = self.cap(torch.einsum("thi,shi->hts", q, k) * self.attention_scale, self.caps[0])
        t, s = torch.arange(n)[:, None], torch.arange(n)[None]
        hidden = (s > t) | (s <= t - self.window if local else torch.zeros_like(s > t))
        p = scores.masked_fill(hidden, float("-inf")).softmax(-1)
        return self.product(layer, "attn_output", torch.einsum("hts,shi->thi", p, v).reshape(n, -1))

    def cap(self, x, cap):
        return cap * torch.tanh(x / cap) if cap else x

    def mixture(self, layer, h):
        get = lambda name: self.w.get(f"blk.{layer}.{name}.weight")
        best, chosen = (h @ get("ffn_gate_inp").T).topk(self.used, -1)
        share, y = best.softmax(-1), torch.zeros_like(h)
        for e in range(get("ffn_gate_exps").shape[0]):
            token, place = torch.where(chosen == e)
            x = h[token]
            out = (F.silu(x @ get("ffn_gate_exps")[e].T) * (x @ get("ffn_up_exps")[e].T)) @ get("ffn_down_exps")[e].T
            y = y.index_add(0, token, out * share[token, place, None])
        if get("ffn_gate_shexp") is not None:
            y = y + (F.silu(h @ get("ffn_gate_shexp").T) * (h @ get("ffn_up_shexp").T)) @ get("ffn_down_shexp").T
        return y

    def feed_forward(self, layer, h):
        if self.used:
            return self.mixture(layer, h)
        act = (lambda g: F.gelu(g, approximate="tanh")) if self.gemma else F.silu
        up = self.product(layer, "ffn_up", h)
        gate, up = up.chunk(2, -1) if f"blk.{layer}.ffn_gate.weight" not in self.w else (self.product(layer, "ffn_gate", h), up)
        return self.product(layer, "ffn_down", act(gate) * up)

    def logits(self, x):
        for layer in range(self.layers):
            get = lambda name: self.w.get(f"blk.{layer}.{name}.weight")
            after = lambda name, y: y if get(name) is None else self.norm(y, get(name))
            x = x + after("post_attention_norm", self.attention(layer, self.norm(x, get("attn_norm")), len(x))) * self.residual
            x = x + after("post_ffw_norm", self.feed_forward(layer, self.norm(x, get("ffn_norm")))) * self.residual
        output = self.w.get("output.weight", self.w["token_embd.weight"])
        return self.cap(self.norm(x, self.w["output_norm.weight"]) @ output.T / self.divisor, self.caps[1])

    def embed(self, ids):
        x = self.w["token_embd.weight"][torch.tensor(ids)] * self.scale
        if x.requires_grad:
            x.retain_grad()
        return x.requires_grad_()


def gradients(path, dtype, sequences, targets, weights, learned=True):
    """{name: gradient}, the loss, and the first sequence's logits; not learned: for the embeddings only."""
    model = Model(path, dtype, learned)
    inputs, loss, at, first = [], 0, 0, None
    for ids in sequences:
        inputs.append(model.embed(ids))
        rows = model.logits(inputs[-1])
        first = rows.detach() if first is None else first
        each = F.cross_entropy(rows, torch.tensor(targets[at:at + len(ids)]), reduction="none")
        loss = loss + (each * torch.tensor(weights[at:at + len(ids)], dtype=dtype)).sum()
        at += len(ids)
    loss.backward()
    out = {"embeddings": torch.cat([x.grad for x in inputs])}
    out |= {name: w.grad for name, w in model.w.items() if w.requires_grad}
    return {name: g.double().numpy() for name, g in out.items()}, float(loss.detach()), first.double().numpy()


def golden(name, spec, path, out):
    model, _ = goldens.load(path)
    vocab, n = model.config.vocab_size, sum(LENGTHS)
    ids = [(i * i * 31 + i * 17 + 7) % vocab for i in range(n)]
    targets = [(i * i * 13 + i * 29 + 3) % vocab for i in range(n)]
    weights = [0.0 if i % 5 == 0 else 1.0 + i % 3 / 2 for i in range(n)]
    sequences = [ids[:LENGTHS[0]], ids[LENGTHS[0]:]]
    wide, loss, rows = gradients(path, torch.float64, sequences, targets, weights)
    narrow, _, _ = gradients(path, torch.float32, sequences, targets, weights)
    far = float(np.abs(goldens.logits(model, sequences[0]) - rows).max())
    assert far < 1e-4, f"{name}: logits {far} from transformers"
    with open(os.path.join(out, name + ".bin"), "wb") as f:
        f.write(struct.pack("<8s4I32s256s", b"HGRADNT1", len(LENGTHS), n, len(wide), 0, goldens.sha256(path), spec.encode()))
        f.write(np.array(LENGTHS, "<u4").tobytes() + np.array(ids, "<i4").tobytes() + np.array(targets, "<i4").tobytes())
        f.write(np.array(weights, "<f4").tobytes() + struct.pack("<d", loss))
        for key, g in wide.items():
            norm, noise = np.linalg.norm(g), np.linalg.norm(narrow[key] - g)
            f.write(struct.pack("<64sIIdd", key.encode(), g.size, 0, norm, noise) + g.astype("<f4").tobytes())
    worst = max(np.linalg.norm(narrow[k] - g) / np.linalg.norm(g) for k, g in wide.items())
    print(f"{name}: {len(wide)} entries, logits within {far:.2g} of transformers, float32 within {worst:.2g} of float64")


def read(path):
    data = open(path, "rb").read()
    magic, sequences, tokens, entries, _ = struct.unpack_from("<8s4I", data)
    assert magic == b"HGRADNT1"
    at, out = 312 + 4 * sequences + 12 * tokens + 8, {}
    for _ in range(entries):
        name, n, _, norm, _ = struct.unpack_from("<64sIIdd", data, at)
        out[name] = np.frombuffer(data, "<f4", n, at + 88), norm
        at += 88 + 4 * n
    assert at == len(data)
    return data[24:312 + 4 * sequences + 12 * tokens], out


def compare(made, committed):
    """Ends the program unless the gradients of one folder are those of the other, up to the noise of machines."""
    for name in MODELS:
        (head_a, a), (head_b, b) = (read(os.path.join(folder, name + ".bin")) for folder in (made, committed))
        far = max(np.linalg.norm(a[k][0] - b[k][0]) / b[k][1] for k in b) if a.keys() == b.keys() else float("inf")
        if head_a != head_b or not far <= 1e-7:
            sys.exit(f"{name}.bin: differs: another model, tokens or tensors, or gradients further than 1e-7: {far:.2g}")
        print(f"{name}.bin: the same model and tokens, gradients within {far:.2g}")


def real(path, backprop):
    """d log p(answer's token) / d embeddings: hearth, PyTorch in float32 and in float64."""
    meta = goldens.metadata(gguf.GGUFReader(path))
    ids = goldens.encoder(meta)(goldens.TEXT)[:60]
    prompt, target = ids[:-1], ids[-1]
    targets, weights = [0] * (len(prompt) - 1) + [target], [0.0] * (len(prompt) - 1) + [-1.0]
    wide, logp, _ = gradients(path, torch.float64, [prompt], targets, weights, learned=False)
    narrow, _, _ = gradients(path, torch.float32, [prompt], targets, weights, learned=False)
    with tempfile.NamedTemporaryFile() as f:
        words = [backprop, path, f.name, str(target), *map(str, prompt)]
        print(subprocess.run(words, check=True, capture_output=True, text=True).stdout, end="")
        ours = np.fromfile(f.name, "<f4").reshape(len(prompt), -1).astype(np.float64)
    a, b = wide["embeddings"], narrow["embeddings"]
    size = np.linalg.norm(a)
    print(f"{os.path.basename(path)}: {len(prompt)} tokens, log p {logp:.6f}; by norm, hearth is {np.linalg.norm(ours - a) / size:.3g} "
          f"from float64, PyTorch's float32 {np.linalg.norm(b - a) / size:.3g}, hearth from PyTorch's float32 "
          f"{np.linalg.norm(ours - b) / size:.3g}")


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--make-model", help="the program build/tests/tools/make_model")
    p.add_argument("--out", help="folder that the goldens go to")
    p.add_argument("--compare", nargs=2, metavar="FOLDER", help="instead: are the goldens of two folders the same?")
    p.add_argument("--real", help="instead: a GGUF file on which hearth is compared now")
    p.add_argument("--backprop", help="the program build/tests/tools/backprop")
    args = p.parse_args()
    torch.set_float32_matmul_precision("highest")
    if args.compare:
        return compare(*args.compare)
    if args.real:
        return real(args.real, args.backprop)
    os.makedirs(args.out, exist_ok=True)
    with tempfile.TemporaryDirectory() as tmp:
        for name, spec in MODELS.items():
            path = os.path.join(tmp, name + ".gguf")
            subprocess.run([args.make_model, path, *spec.split()], check=True)
            golden(name, spec, path, args.out)


if __name__ == "__main__":
    main()
