"""Writes the loss curves that tests/golden/test_tuning.c holds hearth's training against: 50 steps of LoRA (PEFT) and of all weights, in
PyTorch's float32, with its AdamW and its clipping, over one small model of random weights a family.

NAME.bin, little-endian:

    "HTUNING1" | steps, slots: u32 | model SHA-256: 32 bytes | spec: 256 bytes, NUL-padded | losses f64[steps] of LoRA, f64[steps] of all

slots: the bits of src/model/adapter.h's enum adapter_slot that have an adapter.  Where transformers has one matrix for q, k and v, or gate and
up, those are left out: PEFT has one A for them, hearth one each.  Step k learns two sequences; every number of it is a formula that the test
has too.

    tuning.py --make-model build/tests/tools/make_model --out FOLDER
    tuning.py --compare FOLDER tests/golden
    tuning.py --adapter FOLDER FILE.gguf --logits IDS...     the logits of a model with an adapter of hearth's, by PEFT
"""
import argparse
import os
import struct
import subprocess
import sys
import tempfile

if not sys.flags.safe_path:
    sys.exit("tuning.py: start it with python -P, as run.sh does: this folder has files named like modules")

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
import peft
import torch
import torch.nn.functional as F

import families
import goldens

MODELS = {
    "tuning-llama": "family=llama layers=2 width=64 heads=4 kv_heads=2 ffn=136 vocab=288 seed=21",
    "tuning-gemma3": "family=gemma3 layers=7 width=32 heads=2 kv_heads=1 head_width=24 ffn=72 vocab=360 window=20 seed=23",
} | {name.replace("family-", "tuning-"): spec for name, spec in families.MODELS.items()
     if not any(word in spec for word in ("family=bert", "family=gemma-embedding"))}
SLOTS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
STEPS, RANK, ALPHA, LENGTHS = 50, 4, 8, (24, 16)


def ids(step, which, vocab):
    b = step % 5 * 2 + which
    return [(i * i * 31 + i * 17 + 7 + b * 11) % vocab for i in range(LENGTHS[which])]


def curve(model, parameters, rate, vocab):
    optimizer = torch.optim.AdamW(parameters, lr=rate, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    losses = []
    for step in range(STEPS):
        total, loss = sum(n - 1 for n in LENGTHS), 0
        for which in range(2):
            x = torch.tensor([ids(step, which, vocab)])
            loss = loss + F.cross_entropy(model(input_ids=x, use_cache=False).logits[0, :-1], x[0, 1:], reduction="sum") / total
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


def with_adapter(model):
    names = {name.rsplit(".", 1)[-1] for name, m in model.named_modules() if isinstance(m, torch.nn.Linear)}
    targets = [s for s in SLOTS if s in names]
    model = peft.get_peft_model(model, peft.LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=targets, task_type="CAUSAL_LM"))
    for name, p in model.named_parameters():
        if "lora_A" in name:
            layer = int(name.split(".layers.")[1].split(".")[0])
            slot = next(i for i, s in enumerate(SLOTS) if s in name)
            r, c = torch.arange(p.shape[0])[:, None], torch.arange(p.shape[1])[None]
            p.data = ((c * 37 + r * 101 + layer * 13 + slot * 7) % 61 - 30).float() / 300
    return model, sum(1 << SLOTS.index(s) for s in targets)


def golden(name, spec, path, out):
    model, _ = goldens.load(path)
    vocab = model.config.vocab_size
    full = curve(model, [p for p in model.parameters()], 2e-4, vocab)
    model, slots = with_adapter(goldens.load(path)[0])
    lora = curve(model, [p for p in model.parameters() if p.requires_grad], 5e-3, vocab)
    with open(os.path.join(out, name + ".bin"), "wb") as f:
        f.write(struct.pack("<8sII32s256s", b"HTUNING1", STEPS, slots, goldens.sha256(path), spec.encode()))
        f.write(struct.pack(f"<{2 * STEPS}d", *lora, *full))
    print(f"{name}: LoRA {lora[0]:.4f} to {lora[-1]:.4f}, all weights {full[0]:.4f} to {full[-1]:.4f}")


def compare(made, committed):
    for name in MODELS:
        a, b = (open(os.path.join(folder, name + ".bin"), "rb").read() for folder in (made, committed))
        x, y = (struct.unpack_from(f"<{2 * STEPS}d", d, 304) for d in (a, b))
        far = max(abs(p - q) / q for p, q in zip(x, y))
        if a[:304] != b[:304] or far > 1e-3:
            sys.exit(f"{name}.bin: differs: another model, or losses further than 1e-3: {far:.2g}")
        print(f"{name}.bin: the same model, losses within {far:.2g}")


def adapter_logits(folder, path, words):
    """PEFT opens what hearth wrote."""
    model = peft.PeftModel.from_pretrained(goldens.load(path)[0], folder)
    with torch.no_grad():
        for v in model(input_ids=torch.tensor([[int(w) for w in words]])).logits[0, -1]:
            print(f"{float(v):.6f}")


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--make-model", help="the program build/tests/tools/make_model")
    p.add_argument("--out", help="folder that the goldens go to")
    p.add_argument("--compare", nargs=2, metavar="FOLDER", help="instead: are the goldens of two folders the same?")
    p.add_argument("--adapter", nargs=2, metavar=("FOLDER", "FILE"), help="instead: an adapter of hearth's and its model")
    p.add_argument("--logits", nargs="+", metavar="ID")
    args = p.parse_args()
    torch.set_float32_matmul_precision("highest")
    torch.set_num_threads(1)
    if args.compare:
        return compare(*args.compare)
    if args.adapter:
        return adapter_logits(*args.adapter, args.logits)
    os.makedirs(args.out, exist_ok=True)
    with tempfile.TemporaryDirectory() as tmp:
        for name, spec in MODELS.items():
            path = os.path.join(tmp, name + ".gguf")
            subprocess.run([args.make_model, path, *spec.split()], check=True)
            golden(name, spec, path, args.out)


if __name__ == "__main__":
    main()
