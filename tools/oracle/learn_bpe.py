"""Byte-level BPE learnt by the `tokenizers` package, against tests/tools/learn_bpe.

    learn_bpe.py --golden FILE                    writes tests/golden/learn-bpe.json from tests/golden/tokens.txt
    learn_bpe.py --learn PROGRAM TEXT ...         trains on each text in several ways with both and compares byte for byte;
                                                  the texts should be large: several MB in several scripts
"""
import argparse
import subprocess
import sys
import time

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

WAYS = [  # size, smallest count, how words are cut, special tokens
    (2000, 2, "whole", ["<|endoftext|>", "th"]),
    (16000, 0, "whole", ["<|endoftext|>"]),
    (8000, 5, "lines", []),
]


def train(path, size, smallest, how, special):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=size, min_frequency=smallest, special_tokens=special, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    if how == "lines":
        t.train([path], trainer)
    else:
        with open(path, encoding="utf-8", newline="") as f:
            t.train_from_iterator([f.read()], trainer)
    return t.to_str().encode()


def fnv(data):
    h = 0xCBF29CE484222325
    for b in data:
        h = (h ^ b) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return h


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--golden")
    p.add_argument("--learn")
    p.add_argument("texts", nargs="*")
    a = p.parse_args()
    if a.golden:
        with open(a.golden, "wb") as f:
            f.write(train("tests/golden/tokens.txt", 1000, 2, "whole", ["<|endoftext|>", "th"]))
        everything = train("tests/golden/tokens.txt", 100000, 1, "lines", [])
        print(f"until nothing is left: {len(everything)} bytes, FNV-1a {fnv(everything):016x}")
    different = 0
    for text in a.texts:
        for size, smallest, how, special in WAYS:
            begun = time.time()
            theirs = train(text, size, smallest, how, special)
            between = time.time()
            ours = subprocess.run([a.learn, text, str(size), str(smallest), how, *special], capture_output=True, check=True).stdout
            different += ours != theirs
            print(f"{text}: {size} tokens, at least {smallest}, {how}: {'equal' if ours == theirs else 'DIFFERENT'},"
                  f" {len(theirs)} bytes, theirs {between - begun:.1f} s, ours {time.time() - between:.1f} s", flush=True)
    sys.exit(different > 0)


if __name__ == "__main__":
    main()
