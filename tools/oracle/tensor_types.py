"""Writes tests/golden/types.h: what the `gguf` package (0.19) makes of blocks and rows that a few lines of integer
arithmetic draw, in python here and in C in tests/unit/test_types.c and test_quantize.c.

    tensor_types.py > tests/golden/types.h

Of each tensor type: the first four floats of BLOCKS random blocks dequantised and the FNV-1a hash of all; and, where
the package has a quantiser, the hash of ROWS rows quantised.  The scales of the random blocks are kept finite.
"""
import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize, quantize

BLOCKS, ROWS, WIDTH = 500, 256, 256

# type: where in a block its F16 scales are
TYPES = {
    "F32": [], "F16": [0], "BF16": [], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0], "IQ4_XS": [0],
}
QUANTISERS = ["F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"]


def draw(stream, n):
    """n numbers of 64 bits: splitmix64 of a counter."""
    with np.errstate(over="ignore"):
        z = (np.arange(1, n + 1, dtype=np.uint64) + (np.uint64(stream) << np.uint64(32))) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        return z ^ z >> np.uint64(31)


def random_blocks(kind, scales):
    size = GGML_QUANT_SIZES[kind][1]
    b = (draw(int(kind), BLOCKS * size) >> np.uint64(56)).astype(np.uint8).reshape(BLOCKS, size)
    for at in scales:       # neither infinite nor NaN: a clear bit in an exponent that is all ones
        high = b[:, at + 1]
        b[:, at + 1] = np.where(high & 0x7C == 0x7C, high & 0xBF, high)
    return b


def random_rows():
    """16-bit integers times a power of two that changes every 32; every 17th group is zero, every 13th positive."""
    u = draw(1000, ROWS * WIDTH)
    group = np.arange(ROWS * WIDTH) // 32
    v = (u >> np.uint64(48)).astype(np.int64) - 32768
    v = np.where(group % 17 == 0, 0, np.where(group % 13 == 0, abs(v), v))
    return (v.astype(np.float32) * np.exp2(-(group % 29)).astype(np.float32) / np.float32(256)).reshape(ROWS, WIDTH)


def fnv1a(data):
    h = 0xCBF29CE484222325
    for byte in data:
        h = (h ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return h


print("/* types.h - made by tools/oracle/tensor_types.py with PyPI gguf 0.19; not edited by hand. */")
print(f"enum {{ GOLDEN_BLOCKS = {BLOCKS}, GOLDEN_ROWS = {ROWS}, GOLDEN_WIDTH = {WIDTH} }};")
print("static const struct golden_type {")
print("    enum tensor_type type;")
print("    int scales[2];                       /* where in a block its F16 scales are; -1: none */")
print("    uint32_t first[4];                   /* the first floats dequantised, as bits */")
print("    uint64_t dequantized, quantized;     /* FNV-1a of the floats; of the rows' bytes, 0 where gguf has no quantiser */")
print("} golden_types[] = {")
rows = random_rows()
for name, scales in TYPES.items():
    kind = GGMLQuantizationType[name]
    floats = np.ascontiguousarray(dequantize(random_blocks(kind, scales).reshape(1, -1), kind), dtype=np.float32)
    first = ", ".join(f"0x{v:08x}" for v in floats.view(np.uint32).ravel()[:4])
    hashed = fnv1a(quantize(rows, kind).view(np.uint8).tobytes()) if name in QUANTISERS else 0
    at = ", ".join(str(s) for s in (scales + [-1, -1])[:2])
    print(f"    {{T_{name}, {{{at}}}, {{{first}}}, 0x{fnv1a(floats.tobytes()):016x}, 0x{hashed:016x}}},")
print("};")
