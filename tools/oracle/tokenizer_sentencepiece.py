"""SentencePiece models learnt here, Unigram and BPE, with and without a table of replaced characters, squeezed spaces, bytes and pieces of one's
own: hearth's ids against those of the `sentencepiece` package, which is given the same files.

    python -P tokenizer_sentencepiece.py --tokenize build/tests/tools/tokenize --cache DIR

Texts with a zero byte are left out: its Python interface ends them there."""
import argparse
import io
import os
import random
import struct
import subprocess
import sys
import tempfile

if not sys.flags.safe_path:
    sys.exit("tokenizer_sentencepiece.py: start it with python -P, as run.sh does: this folder has files named like modules")

import sentencepiece

sys.path.append(os.path.dirname(os.path.abspath(__file__)))   # behind everything else
import texts as texts_of

KINDS = {
    "unigram": dict(model_type="unigram"),
    "unigram, bytes": dict(model_type="unigram", byte_fallback=True),
    "unigram, as it is": dict(model_type="unigram", normalization_rule_name="identity", remove_extra_whitespaces=False),
    "unigram, own pieces": dict(model_type="unigram", user_defined_symbols=["<|x|>", "http", "n\u00e9"], normalization_rule_name="nmt_nfkc_cf"),
    "bpe, own pieces": dict(model_type="bpe", user_defined_symbols=["<|x|>", "http", "n\u00e9"]),
    "unigram, no space": dict(model_type="unigram", add_dummy_prefix=False, byte_fallback=True),
    "bpe": dict(model_type="bpe"),
    "bpe, bytes": dict(model_type="bpe", byte_fallback=True, normalization_rule_name="nfkc_cf"),
    "bpe, as it is": dict(model_type="bpe", byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False),
}


def ids_of(tool, path, texts):
    data = b"".join(struct.pack("<I", len(t)) + t for t in texts)
    out, at = subprocess.run([tool, path, "0"], input=data, stdout=subprocess.PIPE, check=True).stdout, 0
    for _ in texts:
        n, = struct.unpack_from("<I", out, at)
        yield list(struct.unpack_from(f"<{n}i", out, at + 4))
        at += 4 + 4 * n
        n, = struct.unpack_from("<I", out, at)
        at += 4 + n


def hard(rng, n):
    parts = ["  ", " ", "\t", "\n", "\ufb01", "A\u030a", "\uff48\uff45\uff4c\uff4c\uff4f", "\u2460", "\u3000", "\u00a0", "e\u0301", "\u1112\u1161\u11ab", "\u1f08", "<|x|>",
             "http", "n\u00e9", "\u2581", "\U0001d518", "\u200b", "\u00ad", "\u0130", "\u00df", "\u6f22", "\U0001f469\u200d\U0001f680", "\u00bd", "word", "12345", "..."]
    return ["".join(rng.choice(parts) for _ in range(rng.randint(0, 12))).encode() for _ in range(n)]


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--tokenize", required=True)
    args.add_argument("--cache", required=True)
    args.add_argument("--bytes", type=int, default=1_200_000)
    o = args.parse_args()
    udhr = texts_of.udhr(o.cache)
    rng = random.Random(11)
    texts = [t.decode("utf-8", "replace").encode() for t in texts_of.all_texts(udhr, rng, o.bytes)]
    texts = [t for t in texts + hard(rng, 4000) if b"\0" not in t and len(t) < 100_000]
    lines = [line for t in texts[:400] for line in t.decode().split("\n") if line.strip() and len(line.encode()) < 4000]
    wrong = 0
    with tempfile.TemporaryDirectory() as home:
        for name, how in KINDS.items():
            model, path = io.BytesIO(), os.path.join(home, "x.model")
            sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_writer=model, vocab_size=3000, hard_vocab_limit=False,
                                                     character_coverage=0.99, minloglevel=2, num_threads=1, **how)
            open(path, "wb").write(model.getvalue())
            theirs = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
            differ = [(t, theirs.encode(t.decode()), got) for t, got in zip(texts, ids_of(o.tokenize, path, texts)) if theirs.encode(t.decode()) != got]
            print(f"{name}: {theirs.get_piece_size()} pieces; {len(texts)} texts, {sum(map(len, texts))} bytes; different: {len(differ)}", flush=True)
            for t, want, got in differ[:3]:
                k = next((i for i, (a, b) in enumerate(zip(want, got)) if a != b), min(len(want), len(got)))
                print(f"  {t[:60]!r} at {k}: {got[max(0, k - 2):k + 5]}, want {want[max(0, k - 2):k + 5]}", [theirs.id_to_piece(i) for i in want[max(0, k - 2):k + 5]])
            wrong += len(differ)
    sys.exit(wrong > 0)


main()
