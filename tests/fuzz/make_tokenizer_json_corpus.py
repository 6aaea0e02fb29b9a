"""Writes the first inputs of the fuzz target tokenizer_json: the small files of tests/golden/tokenizer-json.json, each with its texts in a
row; byte alphabets shortened to what the texts need.

    make_tokenizer_json_corpus.py [tests/fuzz/corpus/tokenizer_json]
"""
import json
import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "corpus", "tokenizer_json")
os.makedirs(folder, exist_ok=True)
for one in json.load(open(os.path.join(here, "..", "golden", "tokenizer-json.json"))):
    if one["name"].startswith(("split-", "punctuation-")) and not one["name"].endswith(("True-Regex", "Isolated")):
        continue
    t = one["tokenizer"]
    vocab = t["model"]["vocab"]
    if isinstance(vocab, dict):
        for k in [k for k in vocab if k.startswith("<0x") and k not in ("<0x0A>", "<0xC3>", "<0x00>")]:
            del vocab[k]
    elif len(vocab) > 100:
        t["model"]["vocab"] = vocab[:40]
    text = "|".join(c["text"] for c in one["cases"])
    with open(os.path.join(folder, one["name"].lower()), "wb") as f:
        f.write(json.dumps(t, ensure_ascii=False, separators=(",", ":")).encode() + b"\0" + text.encode() + b"\xff\xe2\x82")
