"""Writes the first inputs of the fuzz targets gguf, safetensors, imatrix and zip: small files that reach each branch of the readers.

    make_corpus.py [tests/fuzz/corpus]

The same bytes come out every time, so a change of this file shows in the tree as a change of the corpus.
"""
import os
import struct
import sys
import zipfile

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
CODES = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "?", U64: "Q", I64: "q", F64: "d"}
# tensor type: (elements, bytes) of a block
BLOCKS = {0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 10: (256, 84),
          11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 20: (32, 18), 23: (256, 136), 30: (1, 2)}


def text(s):
    s = s.encode()
    return struct.pack("<Q", len(s)) + s


def value(kind, v):
    """v is (element kind, list) for an array."""
    if kind == STRING:
        return text(v)
    if kind == ARRAY:
        return struct.pack("<IQ", v[0], len(v[1])) + b"".join(value(v[0], x) for x in v[1])
    return struct.pack("<" + CODES[kind], v)


def gguf(keys, tensors, alignment=32, version=3):
    """keys: (name, kind, value); tensors: (name, shape, type)."""
    if alignment != 32:
        keys = keys + [("general.alignment", U32, alignment)]
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(keys))
    head += b"".join(text(k) + struct.pack("<I", kind) + value(kind, v) for k, kind, v in keys)
    data = b""
    for name, shape, kind in tensors:
        elements = 1
        for n in shape:
            elements *= n
        size = elements // BLOCKS[kind][0] * BLOCKS[kind][1]
        head += text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        head += struct.pack("<IQ", kind, len(data))
        data += bytes((7 * i + kind) & 0x3F for i in range(size))
        data += bytes(-len(data) % alignment)
    return head + bytes(-len(head) % alignment) + data


EVERY_KIND = [
    ("u8", U8, 200), ("i8", I8, -3), ("u16", U16, 60000), ("i16", I16, -300), ("u32", U32, 1 << 31), ("i32", I32, -70000),
    ("f32", F32, 1e-5), ("bool", BOOL, True), ("string", STRING, "h\u00e9"), ("u64", U64, 1 << 63), ("i64", I64, -1),
    ("f64", F64, 0.1), ("strings", ARRAY, (STRING, ["", "a", "bc"])), ("ints", ARRAY, (I32, [1, -2, 3])),
    ("floats", ARRAY, (F32, [0.5, -1])), ("bools", ARRAY, (BOOL, [True, False])), ("empty", ARRAY, (U64, [])),
    ("nested", ARRAY, (ARRAY, [(U8, [1, 2]), (STRING, ["x"]), (ARRAY, [(F64, [1])])])),
]
MODEL = [
    ("general.architecture", STRING, "llama"), ("llama.block_count", U32, 1), ("llama.attention.layer_norm_rms_epsilon", F32, 1e-5),
    ("tokenizer.ggml.model", STRING, "gpt2"), ("tokenizer.ggml.tokens", ARRAY, (STRING, ["a", "b", "ab", "<|end|>"])),
    ("tokenizer.ggml.token_type", ARRAY, (I32, [1, 1, 1, 3])), ("tokenizer.ggml.merges", ARRAY, (STRING, ["a b"])),
]


def ggufs():
    yield "every-kind-v2", gguf(EVERY_KIND, [], version=2)
    yield "every-kind-v3", gguf(EVERY_KIND, [("t", [4], 0)], alignment=8)
    yield "every-type", gguf([], [(f"t{k}", [256], k) for k in sorted(BLOCKS)])
    yield "model", gguf(MODEL, [("token_embd.weight", [32, 4], 8), ("blk.0.attn_norm.weight", [32], 0),
                                ("blk.0.attn_q.weight", [32, 2, 1, 2], 3), ("output_norm.weight", [32], 30)], alignment=64)
    yield "empty", gguf([], [])
    yield "no-data", gguf(MODEL, [("token_embd.weight", [32, 4], 8)])[:-136]


def zips(folder):
    """zipfile writes a fixed date when it is given one."""
    def write(name, members):
        with zipfile.ZipFile(os.path.join(folder, name), "w") as z:
            for member, data, packed, mode in members:
                info = zipfile.ZipInfo(member, (2020, 1, 1, 0, 0, 0))
                info.compress_type, info.external_attr, info.create_system = packed, mode << 16, 3
                z.writestr(info, data)
    stored, deflated, plain = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, 0o100644
    lines = b"".join(b"line %d of many\n" % i for i in range(60))
    write("wheel", [("pkg/", b"", stored, 0o40755), ("pkg/__init__.py", lines, deflated, plain),
                    ("pkg/model.gguf", b"GGUF" + bytes(200), stored, plain), ("pkg-1.dist-info/RECORD", b"x,y,1\n", deflated, plain)])
    write("bomb", [("pkg/model.gguf", bytes(3 << 20), deflated, plain)])
    write("parent", [("../evil", b"x", stored, plain)])
    write("link", [("pkg/link", b"/etc/passwd", stored, 0o120777)])
    write("empty", [])


def safetensors():
    """One file each, but for the indexes, which are the JSON alone."""
    def whole(header, data=b""):
        return struct.pack("<Q", len(header)) + header.encode() + data
    yield "model", whole('{"__metadata__":{"format":"pt"},"model.embed_tokens.weight":{"dtype":"BF16","shape":[4,2],"data_offsets":[0,16]},'
                         '"lm_head.weight":{"dtype":"F16","shape":[2],"data_offsets":[16,20]},'
                         '"n":{"dtype":"F32","shape":[],"data_offsets":[20,24]}}  ', bytes(24))
    yield "hole", whole('{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}', bytes(2))
    yield "overflow", whole('{"a":{"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,0]}}')
    yield "empty", whole("{}")
    yield "index", (b'{"metadata":{"total_size":24},"weight_map":{"a":"model-00001-of-00002.safetensors",'
                    b'"b":"model-00002-of-00002.safetensors"}}')
    yield "index-path", b'{"weight_map":{"a":"/etc/x.safetensors"}}'


def imatrices():
    """Both forms.  The GGUF's sums are whatever gguf() fills in: its lowest bit patterns are small numbers."""
    kind = [("general.type", STRING, "imatrix"), ("imatrix.datasets", ARRAY, (STRING, ["text"])), ("imatrix.chunk_count", U32, 1)]
    yield "gguf", gguf(kind, [("a.weight.in_sum2", (4, 2), 0), ("a.weight.counts", (1, 2), 0)])
    yield "no-counts", gguf(kind, [("a.weight.in_sum2", (4,), 0)])
    yield "f16", gguf(kind, [("a.weight.in_sum2", (4,), 1), ("a.weight.counts", (1,), 0)])
    entries = b"".join(struct.pack("<i", len(n)) + n + struct.pack("<ii", calls, len(v)) + struct.pack(f"<{len(v)}f", *v)
                       for n, calls, v in ((b"b.weight", 2, (1, 4)), (b"a.weight", 0, (0,))))
    yield "old", struct.pack("<i", 2) + entries + struct.pack("<ii", 2, 4) + b"text"
    yield "twice", struct.pack("<i", 4) + entries + entries
    yield "many", struct.pack("<i", 100000) + entries


def main():
    corpus = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "corpus")
    for kind in ("gguf", "safetensors", "imatrix", "zip"):
        os.makedirs(os.path.join(corpus, kind), exist_ok=True)
    for kind, files in (("gguf", ggufs()), ("safetensors", safetensors()), ("imatrix", imatrices())):
        for name, data in files:
            with open(os.path.join(corpus, kind, name), "wb") as f:
                f.write(data)
    zips(os.path.join(corpus, "zip"))


main()
