"""Compares hearth's readers of Mistral's own files, tekken.json and tokenizer.model (PyPI mistral-common), with what mistral-common itself
runs them with: tiktoken and sentencepiece.  Ids behind <s>, and the text back.

    python -P tokenizer_mistral.py --tokenize build/tests/tools/tokenize --cache DIR

Texts with a zero byte are left out for sentencepiece, whose Python interface ends them there.
"""
import argparse
import base64
import json
import os
import random
import struct
import subprocess
import sys

if not sys.flags.safe_path:
    sys.exit("tokenizer_mistral.py: start it with python -P, as run.sh does: this folder has files named like modules")

import sentencepiece
import tiktoken

sys.path.append(os.path.dirname(os.path.abspath(__file__)))   # behind everything else
import texts as texts_of

TEKKEN = ["tekken_240718.json", "tekken_240911.json"]
MODELS = ["tokenizer.model.v1", "mistral_instruct_tokenizer_240216.model.v2", "mistral_instruct_tokenizer_240323.model.v3",
          "mistral_instruct_tokenizer_241114.model.v7"]
SPECIAL = 1


def run(tool, path, flags, texts):
    data = b"".join(struct.pack("<I", len(t)) + t for t in texts)
    out, at = subprocess.run([tool, path, str(flags)], input=data, stdout=subprocess.PIPE, check=True).stdout, 0
    for _ in texts:
        n, = struct.unpack_from("<I", out, at)
        ids = list(struct.unpack_from(f"<{n}i", out, at + 4))
        at += 4 + 4 * n
        n, = struct.unpack_from("<I", out, at)
        yield ids, out[at + 4:at + 4 + n].decode("utf-8", "replace")
        at += 4 + n


def compare(tool, path, texts, encode, decode):
    ids_differ = text_differs = tokens = 0
    for text, (ids, back), (marked, _) in zip(texts, run(tool, path, 0, texts), run(tool, path, SPECIAL, texts)):
        want = encode(text.decode())
        tokens += len(want)
        ids_differ += ids != want or marked != [1] + want
        text_differs += back != decode(want)
    print(f"{os.path.basename(path)}: {len(texts)} texts, {sum(map(len, texts))} bytes, {tokens} tokens; different: ids {ids_differ}, text {text_differs}", flush=True)
    return ids_differ + text_differs


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--tokenize", required=True)
    args.add_argument("--cache", required=True)
    o = args.parse_args()
    texts = [t.decode("utf-8", "replace").encode() for t in texts_of.all_texts(texts_of.udhr(o.cache), random.Random(7), 1_200_000)]
    wrong = 0
    for name in TEKKEN:
        path = texts_of.mistral(o.cache, name)
        j = json.load(open(path))
        special = j["config"]["default_num_special_tokens"]
        ranks = {base64.b64decode(t["token_bytes"]): t["rank"] for t in j["vocab"][:j["config"]["default_vocab_size"] - special]}
        t = tiktoken.Encoding(name=name, pat_str=j["config"]["pattern"], mergeable_ranks=ranks, special_tokens={})
        wrong += compare(o.tokenize, path, texts, lambda s: [x + special for x in t.encode_ordinary(s)], lambda ids: t.decode([x - special for x in ids]))
    for name in MODELS:
        path = texts_of.mistral(o.cache, name)
        t = sentencepiece.SentencePieceProcessor(model_file=path)
        wrong += compare(o.tokenize, path, [x for x in texts if b"\0" not in x], t.encode, t.decode)
    sys.exit(wrong > 0)


main()
