"""Greedy text of files that `hearth quantize` wrote, in llama.cpp and in hearth.

    llama_text.py --llama-server FILE [--hearth build/hearth] [--types Q8_0,Q4_K,...|all] [--tokens 24] MODEL.gguf ...

For each type: of how many prompts the texts are equal to the last token; where they part, at which token, and how far apart the two tokens
are in hearth's own log-probabilities: of files whose activations are rounded differently (llama.cpp takes blocks of 256 for K types, hearth
32) the choice between two likely tokens is an accident.  A gap of more than about 1 would be a mistake, and so would any in F16, whose
activations neither rounds so coarsely: there all ten texts of SmolLM2 are equal.  Needs python's standard library only.
"""
import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

PROMPTS = ["The capital of France is", "Once upon a time there was a", "To make bread, you need", "The three laws of motion say that",
           "def fibonacci(n):\n", "Water boils at", "In 1969, Neil Armstrong", "1, 2, 3, 4, 5,", "The opposite of hot is", "Dear Sir or Madam,\n"]
ALL = "F16,BF16,Q8_0,Q6_K,Q5_K,Q5_1,Q5_0,Q4_K,Q4_1,Q4_0,IQ4_NL,IQ4_XS,Q3_K,Q2_K,Q4_K_M,Q3_K_M,Q2_K_M"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ask(port, path, body=None):
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, {"Content-Type": "application/json"}), timeout=600) as r:
        return json.load(r)


def llama(args, model):
    """For each prompt: the prompt's tokens and those of the answer."""
    port, out = free_port(), []
    server = subprocess.Popen([args.llama_server, "-m", model, "--port", str(port), "-c", "512", "-np", "1", "-t", str(args.threads)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                ask(port, "/health")
                break
            except OSError:
                time.sleep(0.2)
        for prompt in PROMPTS:
            r = ask(port, "/completion", {"prompt": prompt, "n_predict": args.tokens, "temperature": 0, "top_k": 1, "return_tokens": True, "cache_prompt": False})
            out.append((ask(port, "/tokenize", {"content": prompt, "add_special": True})["tokens"], r["tokens"]))
    finally:
        server.terminate()
        server.wait()
    return out


def hearth(args, model, prompt, home):
    command = [args.hearth, "run", model, prompt, "--raw", "--temp", "0", "--max-tokens", str(args.tokens), "--json", "--logprobs", "8", "--private",
               "--threads", str(args.threads)]
    r = subprocess.run(command, env=dict(os.environ, HEARTH_HOME=home), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if r.returncode:
        sys.exit(f"{' '.join(command)}: {r.stderr.strip()}")
    return json.loads(r.stdout)["tokens"]


def part(ours, theirs):
    """(token, gap) where they part; None: nowhere."""
    for i, (a, b) in enumerate(zip(ours, theirs)):
        if a["id"] != b:
            of = {t["id"]: t["logprob"] for t in a["top"]}
            return i, (a["logprob"] - of[b] if b in of else float("inf"))
    return None


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("models", nargs="+")
    p.add_argument("--llama-server", required=True)
    p.add_argument("--hearth", default="build/hearth")
    p.add_argument("--types", default="all")
    p.add_argument("--tokens", type=int, default=24)
    p.add_argument("--threads", type=int, default=2)
    args = p.parse_args()
    print("| file | equal | tokens before they part | gap of log-probability there |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as tmp:
        for model in args.models:
            for t in (ALL if args.types == "all" else args.types).split(","):
                path = os.path.join(tmp, t + ".gguf")
                made = subprocess.run([args.hearth, "quantize", model, t, "-o", path], capture_output=True, text=True)
                if made.returncode:
                    sys.exit(f"{args.hearth} quantize {model} {t}: {made.stderr.strip()}")
                found = [part(hearth(args, path, prompt, tmp), theirs[1]) for prompt, theirs in zip(PROMPTS, llama(args, path))]
                parted = [x for x in found if x]
                print(f"| {os.path.basename(model)[:20]} as {t} | {len(found) - len(parted)} of {len(found)} | {', '.join(str(i) for i, _ in parted)} | "
                      f"{', '.join(f'{g:.3f}' for _, g in parted)} |", flush=True)
                os.unlink(path)


if __name__ == "__main__":
    main()
