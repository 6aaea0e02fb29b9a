#!/usr/bin/env python3
"""make_gguf.py FILE KEY=VALUE... - a GGUF file with this metadata and one small tensor: for papers, not to be run.

A VALUE that is a whole number is stored as U32, one that begins with '[' as an array of strings, others as a string."""
import struct
import sys


def text(s):
    raw = s.encode("utf-8", "surrogateescape")
    return struct.pack("<Q", len(raw)) + raw


def value(s):
    if s.isdigit():
        return struct.pack("<II", 4, int(s))
    if s.startswith("["):
        words = s[1:-1].split(",")
        return struct.pack("<IIQ", 9, 8, len(words)) + b"".join(text(w) for w in words)
    return struct.pack("<I", 8) + text(s)


def main():
    pairs = [a.split("=", 1) for a in sys.argv[2:]]
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, len(pairs)) + b"".join(text(k) + value(v) for k, v in pairs)
    head += text("token_embd.weight") + struct.pack("<IQQIQ", 2, 32, 4, 0, 0)
    head += bytes(-len(head) % 32)
    with open(sys.argv[1], "wb") as f:
        f.write(head + bytes(4 * 32 * 4))


if __name__ == "__main__":
    main()
