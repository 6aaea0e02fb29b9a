"""Writes the first inputs of the fuzz target tokenizer (its head says how they are read): small vocabularies of both
kinds with special, user-defined, unused and broken tokens, merges in and out of order, and texts that reach them.

    make_tokenizer_corpus.py [tests/fuzz/corpus/tokenizer]
"""
import base64
import json
import os
import sys

from make_corpus import ARRAY, BOOL, F32, I32, STRING, U8, U32, gguf

SPM, ALL_BYTES, PREFIX, ADD = 1, 2, 4, 8
NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
TEXTS = ["the  then, it's 1234567 \u00bd don't WE'LL\r\n\r\n \t x   ", "<s>a<|im_end|><s\n\n\n\n  </s>", "\u2581the \u2581\u2581 \u4e2d\u6587 \U0001f600\u200d",
         "e\u0301q\u0307\u0323 \u1100\u1161", "a" * 100 + " " * 100 + "ab" * 50]
BROKEN = b"\xff\xc3a\xe2\x82 \xed\xa0\x80\x00\xf4\x90\x80\x80b\x80"


def made(choices, pre, tokens, merges, text):
    """tokens: (text, type, score); merges: pairs of numbers, where 0 is "a", 1 is "b", 2 the first token."""
    out = bytes([choices | pre << 4])
    for token, kind, score in tokens:
        token = token.encode() if isinstance(token, str) else token
        out += bytes([kind | len(token) << 4, score & 255]) + token
    out += b"\x0f" + b"".join(bytes(m) for m in merges) + b"\xff\xff"
    return out + (text.encode() if isinstance(text, str) else text)


WORDS = [("t", NORMAL, 0), ("h", NORMAL, 0), ("e", NORMAL, 0), ("th", NORMAL, 3), ("\u2581t", NORMAL, 5), ("\u2581", NORMAL, 1), ("\u2581\u2581", NORMAL, 2),
         ("a\u2581b", NORMAL, 9), ("<unk>", UNKNOWN, 0), ("<s>", CONTROL, 0), ("</s>", CONTROL, 0), ("<|im_end|>", CONTROL, 0),
         ("\n\n", USER, 0), ("\n\n\n", USER, 0), ("  ", USER, 0), ("", NORMAL, 0), ("", CONTROL, 0), ("t", NORMAL, 7), ("he", UNUSED, 0)]
MERGES = [(2, 3), (5, 4), (0, 0), (0, 1), (1, 1), (2, 2)]
INPUTS = {f"{kind}-{i}-{pre}": made(choices, pre, WORDS, MERGES, text)
          for i, text in enumerate([*TEXTS, BROKEN])
          for kind, choices, pres in (("bpe", ALL_BYTES | ADD, range(i % 7, i % 7 + 2)), ("spm", SPM | ALL_BYTES | PREFIX, [0]), ("bare", SPM | ADD, [1]))
          for pre in pres}
INPUTS["few-bytes"] = made(16, 0, [("\u0120", NORMAL, 0), ("t", NORMAL, 0)], [(2, 3)], TEXTS[0])
INPUTS["bad-type"] = made(ALL_BYTES, 0, [("x", 9, 0)], [], "x")
INPUTS["bad-byte"] = made(ALL_BYTES, 0, [("<0xGG>", BYTE, 0)], [], "x")
INPUTS["unknown-pre"] = made(ALL_BYTES, 7, [], [], "x")
KEYS = [("tokenizer.ggml.model", STRING, "llama"), ("tokenizer.ggml.tokens", ARRAY, (STRING, ["<unk>", "<s>", "\u2581a", "a", "\u2581", "<0x0A>"])),
        ("tokenizer.ggml.token_type", ARRAY, (I32, [2, 3, 1, 1, 1, 6])), ("tokenizer.ggml.scores", ARRAY, (F32, [0, 0, -1, -2, -3, 0]))]
INPUTS["file-spm"] = b"\0" + gguf([*KEYS, ("tokenizer.ggml.bos_token_id", U32, 1), ("tokenizer.ggml.add_bos_token", BOOL, True)], [])
INPUTS["file-bpe"] = b"\0" + gguf([("tokenizer.ggml.model", STRING, "gpt2"), ("tokenizer.ggml.pre", STRING, "llama-bpe"),
                                   ("tokenizer.ggml.tokens", ARRAY, (STRING, ["a", "b", "ab", "\u0120", "\u0120a"])),
                                   ("tokenizer.ggml.merges", ARRAY, (STRING, ["a b", "\u0120 a"]))], [])
INPUTS["file-no-types"] = b"\0" + gguf([KEYS[0], KEYS[1], KEYS[3], ("tokenizer.ggml.unknown_token_id", U32, 0)], [])
INPUTS["file-t5"] = b"\0" + gguf([("tokenizer.ggml.model", STRING, "t5"), *KEYS[1:]], [])
TABLE = base64.b64decode(next(t for t in json.load(open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "tokenizer-json.json")))
                              if t["name"] == "unigram-map")["tokenizer"]["normalizer"]["normalizers"][0]["precompiled_charsmap"])
INPUTS["file-t5-table"] = b"\0" + gguf([("tokenizer.ggml.model", STRING, "t5"), *KEYS[1:], ("tokenizer.ggml.precompiled_charsmap", ARRAY, (U8, list(TABLE))),
                                        ("tokenizer.ggml.add_space_prefix", BOOL, True), ("tokenizer.ggml.remove_extra_whitespaces", BOOL, True),
                                        ("tokenizer.ggml.bos_token_id", U32, 1), ("tokenizer.ggml.eos_token_id", U32, 1)], [])
INPUTS["file-bert"] = b"\0" + gguf([("tokenizer.ggml.model", STRING, "bert"),
                                    ("tokenizer.ggml.tokens", ARRAY, (STRING, ["[UNK]", "[CLS]", "[SEP]", "\u2581gguf", "\u2581to", "ken", "izer", "\u2581u", "\u2581", "g"])),
                                    ("tokenizer.ggml.token_type", ARRAY, (I32, [2, 3, 3, 1, 1, 1, 1, 4, 1, 5])), ("tokenizer.ggml.cls_token_id", U32, 1),
                                    ("tokenizer.ggml.seperator_token_id", U32, 2), ("tokenizer.ggml.unknown_token_id", U32, 0)], [])

folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus", "tokenizer")
os.makedirs(folder, exist_ok=True)
for name, data in INPUTS.items():
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)
