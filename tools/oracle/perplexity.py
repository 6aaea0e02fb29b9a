"""Perplexity of hearth beside llama.cpp's, of the same files over the same text.

For each model file, and for the same model in each type of --types (written by `hearth quantize` into a scratch folder,
removed afterwards), runs llama.cpp's llama-perplexity and `hearth perplexity` and prints both and their ratio.  Both
score windows of --ctx tokens, second half.  Ends with 1 when a ratio is further from 1 than --within.

    perplexity.py --llama-perplexity FILE [--hearth build/hearth] [--text FILE] [--ctx 512] [--threads 2]
                  [--types Q4_0,Q4_1,...|all|none] [--within 0.005] [--keep FIGURES.json] MODEL.gguf ...

llama.cpp's figures are kept in --keep by (model's SHA-256, text's SHA-256, ctx) and not computed twice.
Needs python's standard library only.
"""
import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile

ALL_TYPES = ("F32,F16,BF16,Q8_0,Q4_0,Q4_1,Q5_0,Q5_1,Q2_K,Q3_K,Q4_K,Q5_K,Q6_K,IQ4_NL,IQ4_XS").split(",")


def digest(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def llama(args, model, kept):
    key = f"{digest(model)} {digest(args.text)} {args.ctx}"
    if key not in kept:
        r = subprocess.run([args.llama_perplexity, "-m", model, "-f", args.text, "-c", str(args.ctx), "-t",
                            str(args.threads)], capture_output=True, text=True, errors="replace")
        found = re.search(r"Final estimate: PPL = ([0-9.]+) \+/- ([0-9.]+)", r.stdout + r.stderr)
        if not found:
            sys.exit(f"{args.llama_perplexity} {model}: no estimate, status {r.returncode}:\n{r.stderr[-2000:]}")
        kept[key] = [float(found[1]), float(found[2])]
        if args.keep:
            with open(args.keep, "w") as f:
                json.dump(kept, f, indent=1)
    return kept[key]


def hearth(args, model):
    r = subprocess.run([args.hearth, "perplexity", model, args.text, "--ctx", str(args.ctx), "--threads",
                        str(args.threads), "--json"], capture_output=True, text=True)
    if r.returncode:
        sys.exit(f"{args.hearth} perplexity {model}: {r.stderr.strip()}")
    return json.loads(r.stdout)


def row(args, label, model, kept):
    theirs, error = llama(args, model, kept)
    ours = hearth(args, model)
    ratio = ours["perplexity"] / theirs
    right = abs(ratio - 1) <= args.within
    print(f"| {label} | {theirs:.4f} ± {error:.2f} | {ours['perplexity']:.4f} | {100 * (ratio - 1):+.3f} % | "
          f"{ours['tokens']} | {ours['seconds']:.0f} | {'yes' if right else 'NO'} |", flush=True)
    return right


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("models", nargs="+")
    p.add_argument("--llama-perplexity", required=True)
    p.add_argument("--hearth", default="build/hearth")
    p.add_argument("--text", default="data/text/moby-dick-1-11.txt")
    p.add_argument("--ctx", type=int, default=512)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--types", default="all")
    p.add_argument("--within", type=float, default=0.005)
    p.add_argument("--keep")
    p.add_argument("--scratch", help="folder for the quantised files (default: a temporary one)")
    args = p.parse_args()
    types = {"all": ALL_TYPES, "none": []}.get(args.types, args.types.split(","))
    kept = {}
    if args.keep and os.path.exists(args.keep):
        with open(args.keep) as f:
            kept = json.load(f)
    right = True
    print("| file | llama.cpp | hearth | difference | tokens scored | seconds | within |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(dir=args.scratch) as tmp:
        for model in args.models:
            name = os.path.basename(model)
            right &= row(args, name, model, kept)
            for t in types:
                path = os.path.join(tmp, f"{t}.gguf")
                made = subprocess.run([args.hearth, "quantize", model, t, "-o", path], capture_output=True, text=True)
                if made.returncode:
                    sys.exit(f"{args.hearth} quantize {model} {t}: {made.stderr.strip()}")
                right &= row(args, f"{name} as {t}", path, kept)
                os.unlink(path)
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
