"""Writes the first inputs of the fuzz targets sentencepiece, pieces, adapter and dataset (their heads say how they are read).

    make_file_corpus.py [tests/fuzz/corpus]
"""
import base64
import json
import os
import struct
import sys

from make_corpus import ARRAY, F32, MODEL, STRING, U32, gguf

here = os.path.dirname(os.path.abspath(__file__))
corpus = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "corpus")


def save(kind, name, data):
    os.makedirs(os.path.join(corpus, kind), exist_ok=True)
    with open(os.path.join(corpus, kind, name), "wb") as f:
        f.write(data)


# ---- tokenizer.model: protocol buffers ----


def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def field(number, v):
    if isinstance(v, bytes):
        return varint(number << 3 | 2) + varint(len(v)) + v
    if isinstance(v, float):
        return varint(number << 3 | 5) + struct.pack("<f", v)
    return varint(number << 3) + varint(v)


def model(pieces, trainer, normalizer):
    out = b"".join(field(1, field(1, s.encode()) + field(2, float(score)) + (field(3, kind) if kind != 1 else b"")) for s, score, kind in pieces)
    return out + field(2, b"".join(field(*x) for x in trainer)) + field(3, b"".join(field(*x) for x in normalizer))


PIECES = [("<unk>", 0, 2), ("<s>", 0, 3), ("</s>", 0, 3), ("\u2581", -2, 1), ("\u2581the", -3, 1), ("t", -4, 1), ("h", -4.5, 1), ("e", -4, 1), ("th", -6, 1),
          ("he", -5, 1), ("\u2581t", -5, 1), ("http", 0, 4), ("<|x|>", 0, 4), ("cat", -7, 5), ("\u00e9", -8, 1)]
BYTES = [(f"<0x{b:02X}>", 0, 6) for b in (0x0A, 0xC3, 0xA9, 0xFF)]
texts = json.load(open(os.path.join(here, "..", "golden", "tokenizer-json.json")))
table = next(t for t in texts if t["name"] == "unigram-map")["tokenizer"]["normalizer"]["normalizers"][0]["precompiled_charsmap"]
TEXT = "the  t\u2581he http<|x|> \ufb01 \u00e9</s> caf\u00e9 ".encode() + b"\xff\xe2\x82\n"
for name, trainer, normalizer in (("unigram", [(3, 1)], []), ("bpe", [(3, 2)], [(4, 0)]), ("unigram-bytes", [(3, 1), (35, 1)], [(3, 0), (4, 1)]),
                                  ("unigram-map", [(3, 1), (40, 0), (41, 1), (42, 2)], [(2, base64.b64decode(table)), (4, 0)]),
                                  ("bpe-map", [(3, 2)], [(2, base64.b64decode(table))]), ("word", [(3, 3)], []), ("ids", [(3, 1), (40, 99)], [])):
    save("sentencepiece", name, bytes([len(TEXT)]) + model(PIECES + (BYTES if "bytes" in name else []), trainer, normalizer) + TEXT)

# ---- a model in two files ----


def two(first, second):
    return struct.pack(">H", len(first)) + first + second


def piece(no, keys, tensors, count=2):
    return gguf([("split.no", U32, no), ("split.count", U32, count), *keys], tensors)


A, B = [("a", [4], 0)], [("b", [32, 2], 8)]
save("pieces", "whole", two(piece(0, [*MODEL, ("split.tensors.count", U32, 2)], A), piece(1, [], B)))
save("pieces", "twice", two(piece(0, MODEL, A), piece(1, [], A)))
save("pieces", "order", two(piece(1, MODEL, A), piece(0, [], B)))
save("pieces", "count", two(piece(0, [("split.tensors.count", U32, 3)], A), piece(1, [], B)))
save("pieces", "three", two(piece(0, [], A, 3), piece(1, [], B, 3)))
save("pieces", "empty", two(piece(0, [], []), piece(1, [], [])))

# ---- adapters of the target's own small model ----


def safetensors(tensors):
    header, data = {}, b""
    for name, shape in tensors.items():
        n = shape[0] * shape[1]
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + 4 * n]}
        data += struct.pack(f"<{n}f", *((i % 7 - 3) / 8 for i in range(n)))
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data


def folder(config, labels, tensors):
    return b"\1" + json.dumps(config, separators=(",", ":")).encode() + b"\0" + labels + b"\0" + safetensors(tensors)


LORA = {"peft_type": "LORA", "r": 2, "lora_alpha": 4}
at = "base_model.model.model.layers.0."
Q = {at + "self_attn.q_proj.lora_A.weight": (2, 16), at + "self_attn.q_proj.lora_B.weight": (16, 2)}
DOWN = {at + "mlp.down_proj.lora_A.weight": (1, 32), at + "mlp.down_proj.lora_B.weight": (16, 1)}
save("adapter", "peft", folder(LORA, b"", Q | DOWN))
save("adapter", "peft-head", folder(LORA | {"use_rslora": True, "alpha_pattern": {"q_proj": 8}}, b'["no","yes"]', Q | {"base_model.model.score.weight": (2, 16)}))
save("adapter", "peft-half", folder(LORA, b"", {at + "self_attn.q_proj.lora_A.weight": (2, 16)}))
save("adapter", "peft-shape", folder(LORA, b"", Q | {at + "self_attn.q_proj.lora_B.weight": (8, 2)}))
save("adapter", "peft-dora", folder(LORA | {"use_dora": True}, b"", Q))
KIND = [("general.type", STRING, "adapter"), ("adapter.type", STRING, "lora"), ("general.architecture", STRING, "llama"), ("adapter.lora.alpha", F32, 4)]
save("adapter", "gguf", b"\0" + gguf(KIND, [("blk.0.attn_q.weight.lora_a", [16, 2], 0), ("blk.0.attn_q.weight.lora_b", [2, 16], 0)]))
save("adapter", "gguf-f16", b"\0" + gguf(KIND, [("blk.0.ffn_up.weight.lora_a", [16, 2], 1), ("blk.0.ffn_up.weight.lora_b", [2, 32], 1)]))
save("adapter", "gguf-other", b"\0" + gguf(KIND, [("blk.0.ffn_norm.weight.lora_a", [16, 2], 0), ("blk.1.ffn_up.weight.lora_b", [2, 32], 0)]))

# ---- files of examples ----

JSONL, JSON, CSV, TSV, TXT, MD, NAMED = 0, 1, 2, 3, 4, 5, 64


def lines(*records):
    return "\n".join(json.dumps(r, ensure_ascii=False) for r in records).encode() + b"\n"


chat = [{"role": "system", "content": "s"}, {"role": "user", "content": "h\u00e9"}, {"role": "assistant", "content": "a"}]
for name, kind, data in (
        ("pairs", JSONL, lines({"prompt": "a", "completion": "b"}, {"prompt": "c", "completion": "d"})),
        ("chats", JSONL, lines({"messages": chat}, {"messages": chat[1:]})),
        ("sharegpt", JSONL, lines({"conversations": [{"from": "human", "value": "x"}, {"from": "gpt", "value": "y"}]})),
        ("preferences", JSONL, lines({"prompt": "p", "chosen": "c", "rejected": "r"}, {"prompt": chat[:2], "chosen": "c", "rejected": "r"})),
        ("labels", JSON, json.dumps([{"text": "x", "label": "l"}, {"text": "y", "label": 3}, {"text": "z", "label": True}]).encode()),
        ("instructions", JSON, json.dumps([{"instruction": "i", "input": "n", "output": "o"}, {"instruction": "i", "input": "", "output": "o"}]).encode()),
        ("csv", CSV, b'\xef\xbb\xbftext,label\r\n"a ""b"",\nc",x\r\n\xc3\xa9,y\r\n'), ("semicolons", CSV, b"label;text\nx;a,b\n;\n"),
        ("tsv", TSV, b"prompt\tcompletion\na\tb\nc\td\n"), ("named", CSV | NAMED, b"a,b\nl,t\nm,u\n"), ("document", TXT, "A text.\n\nOf two parts.\n".encode()),
        ("markdown", MD, b"# T\n\ntext\n"), ("broken", JSONL, b'{"text":"a"}\n{"text":\n'), ("latin", TXT, b"caf\xe9\n"), ("deep", JSON, b"[" * 40 + b"]" * 40)):
    save("dataset", name, bytes([kind]) + data)
