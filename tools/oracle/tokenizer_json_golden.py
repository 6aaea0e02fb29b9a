"""Writes tests/golden/tokenizer-json.json: small tokenizer.json files made by hand that have every part hearth knows, texts, and what the
`tokenizers` package makes of them: ids with and without the tokens around a text, places in characters, the text back.

    python -P tokenizer_json_golden.py tests/golden/tokenizer-json.json
"""
import base64
import json
import os
import sys
import tempfile

if not sys.flags.safe_path:
    sys.exit("tokenizer_json_golden.py: start it with python -P, as run.sh does: this folder has files named like modules")

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer

BYTES = {**{b: chr(b) for b in [*range(33, 127), *range(161, 173), *range(174, 256)]}}
BYTES.update({b: chr(256 + i) for i, b in enumerate(sorted(set(range(256)) - set(BYTES)))})
TEXTS = ["", " ", "the  cat's 12345 hats\n\n", " Hello, World! don't", "Ünïcödé e\u0301 \u1e9b\u0323 ﬁ ① İ", "中文 and кот 😀👩‍🚀", "a<s>b </s> c", "x [MASK]  y[MASK]z",
         "  <tool> <tool>x  ", "wordy word, word.word", "tab\there\r\nnew\x00\x07 \u00a0 \u2028end", "▁a ▁ b", "aaaaaaaaaaaa", "don't stop . ok ? n't", "1a22b333 4,5",
         "Ġt <0x41>", "q\u0307\u0323 \uac01 \u1100\u1161"]


def added(first, *tokens):
    return [{"id": first + i, "content": c, "single_word": "w" in f, "lstrip": "l" in f, "rstrip": "r" in f, "normalized": "n" in f, "special": "s" in f}
            for i, (c, f) in enumerate(tokens)]


def tokenizer(model, **parts):
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None, "pre_tokenizer": None, "post_processor": None,
            "decoder": None, **parts, "model": model}


def bpe(tokens, merges, **more):
    vocab = {}
    for t in [*tokens, *(a + b[more.get("skip", 0):] for a, b in merges)]:
        vocab.setdefault(t, len(vocab))
    more.pop("skip", None)
    return {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": False,
            "byte_fallback": False, "ignore_merges": False, **more, "vocab": vocab, "merges": [list(m) for m in merges]}


def template(before, after, ids):
    return {"type": "TemplateProcessing", "single": [*({"SpecialToken": {"id": t, "type_id": 0}} for t in before), {"Sequence": {"id": "A", "type_id": 0}},
            *({"SpecialToken": {"id": t, "type_id": 0}} for t in after)], "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {t: {"id": t, "ids": [ids[t]], "tokens": [t]} for t in [*before, *after]}}


def charsmap():
    with tempfile.TemporaryDirectory() as d:
        rules, text = os.path.join(d, "rules.tsv"), os.path.join(d, "text")
        with open(rules, "w") as f:
            for a, b in ("ﬁ", "fi"), ("①", "1"), ("e\u0301", "é"), ("\u00a0", " "), ("\x07", ""), ("Ü", "U\u0308"), ("\r\n", "\n"), ("A", "alpha"):
                f.write(" ".join(f"{ord(c):X}" for c in a) + "\t" + " ".join(f"{ord(c):X}" for c in b) + "\n")
        with open(text, "w") as f:
            f.write("the cat sat on the mat\n" * 50)
        sentencepiece.SentencePieceTrainer.train(input=text, model_prefix=os.path.join(d, "m"), vocab_size=20, normalization_rule_tsv=rules, hard_vocab_limit=False,
                                                 minloglevel=2)
        m = sentencepiece_model_pb2.ModelProto()
        m.ParseFromString(open(os.path.join(d, "m.model"), "rb").read())
        return base64.b64encode(m.normalizer_spec.precompiled_charsmap).decode()


def all_files():
    regex = r"'(?i:[sdmt]|ll)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    merges = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("a", "a"), ("aa", "aa"), ("Ġ", "c"), ("a", "t"), ("Ã", "¼"), ("Ġ", "Ġ"), ("Ġc", "at")]
    model = bpe(BYTES.values(), merges)
    n = len(model["vocab"])
    yield "bytes", tokenizer(model, normalizer={"type": "NFC"}, decoder={"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        added_tokens=added(n, ("<s>", "s"), ("</s>", "s"), ("[MASK]", "sl"), ("<tool>", "r"), ("word", "wn"), ("É", "n")),
        pre_tokenizer={"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False},
                       {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}]},
        post_processor={"type": "Sequence", "processors": [{"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
                        template(["<s>"], ["</s>"], {"<s>": n, "</s>": n + 1})]})
    model = bpe([*BYTES.values(), "don't"], merges, ignore_merges=True)
    n = len(model["vocab"])
    yield "bytes-prefix", tokenizer(model, added_tokens=added(n, ("<s>", "s"), ("</s>", "s")), decoder={"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        pre_tokenizer={"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        post_processor={"type": "RobertaProcessing", "sep": ["</s>", n + 1], "cls": ["<s>", n], "trim_offsets": True, "add_prefix_space": True})
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{b:02X}>" for b in range(256)), "▁", *"abcdehlmnorstwHW', .!?", "é"]
    merges = [("▁", "t"), ("h", "e"), ("▁t", "he"), ("a", "t"), ("▁", "▁"), ("a", "a"), ("aa", "aa"), ("w", "o")]
    fallback = {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
                {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}
    yield "fallback", tokenizer(bpe(tokens, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True), decoder=fallback,
        added_tokens=added(0, ("<unk>", "s"), ("<s>", "s"), ("</s>", "s")), post_processor=template(["<s>"], [], {"<s>": 1}),
        normalizer={"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]})
    for fuse in (False, True):
        yield f"unknown-{fuse}", tokenizer(bpe(["<unk>", *(f"<0x{b:02X}>" for b in range(0x80, 0xF0)), "▁", *"abcth"], merges[2:4] and [("▁", "t"), ("a", "t")], unk_token="<unk>", fuse_unk=fuse, byte_fallback=True),
            pre_tokenizer={"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": False}, decoder={"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": False},
            added_tokens=added(0, ("<unk>", "s")))
    tokens = ["[UNK]", *"abcdehlmnorstw", *("##" + c for c in "abcdehlmnorstw"), *(c + "</w>" for c in "at"), *("##" + c + "</w>" for c in "abcdehlmnorstw")]
    yield "affixes", tokenizer(bpe(tokens, [("t", "##h"), ("th", "##e</w>"), ("c", "##a"), ("ca", "##t</w>")], skip=2, unk_token="[UNK]", continuing_subword_prefix="##", end_of_word_suffix="</w>"),
        normalizer={"type": "Sequence", "normalizers": [{"type": "Strip", "strip_left": True, "strip_right": False}, {"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"}]},
        pre_tokenizer={"type": "Whitespace"}, decoder={"type": "BPEDecoder", "suffix": "</w>"})
    vocab = {t: i for i, t in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "##s", "hat", "'", ",", "!", ".", "?", "hello", "world", "don", "t", "12", "##3", "##45", "un",
                                         "##ic", "##ode", "中", "文", "and", "word", "##y", "e", "fi", "ok", "n", "stop"])}
    for lower in (True, False):
        yield f"wordpiece-{lower}", tokenizer({"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 10, "vocab": vocab},
            added_tokens=added(0, ("[PAD]", "s"), ("[UNK]", "s"), ("[CLS]", "s"), ("[SEP]", "s"), ("[MASK]", "sl")), pre_tokenizer={"type": "BertPreTokenizer"},
            normalizer={"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": lower},
            post_processor={"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}, decoder={"type": "WordPiece", "prefix": "##", "cleanup": lower})
    pieces = [["<s>", 0.0], ["<unk>", 0.0], ["▁", -2.0], ["▁the", -3.0], ["▁cat", -3.5], ["s", -4.0], ["▁h", -4.1], ["at", -4.2], ["a", -5.0], ["aa", -5.5], ["t", -5.1], ["h", -6.0], ["e", -6.1],
              ["'", -7.0], ["1", -7.1], ["fi", -7.2], ["▁word", -6.5], ["alpha", -8.0], ["é", -8.1], ["U", -9.0], ["▁▁", -9.1], ["a", -9.9]]
    for name, steps in ("map", [{"type": "Precompiled", "precompiled_charsmap": charsmap()}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]), \
                       ("nmt", [{"type": "Nmt"}, {"type": "NFKC"}, {"type": "NFD"}, {"type": "Strip", "strip_left": False, "strip_right": True}]):
        yield f"unigram-{name}", tokenizer({"type": "Unigram", "unk_id": 1, "vocab": pieces + ([[f"<0x{b:02X}>", -20.0] for b in range(256)] if name == "nmt" else []), "byte_fallback": name == "nmt"},
            added_tokens=added(0, ("<s>", "sr"), ("<unk>", "s")), normalizer={"type": "Sequence", "normalizers": steps},
            pre_tokenizer={"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first" if name == "map" else "never", "split": True},
            post_processor=template(["<s>"], ["<unk>", "<s>"], {"<s>": 0, "<unk>": 1}), decoder={"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first" if name == "map" else "never", "split": True})
    word = lambda pre: tokenizer({"type": "WordPiece", "unk_token": "?", "continuing_subword_prefix": "##", "max_input_chars_per_word": 0, "vocab": {"?": 0}}, pre_tokenizer=pre)
    for behavior in "Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous":
        for invert in (False, True):
            for pattern in {"String": "a"}, {"Regex": r"\w+|\s{1,2}+"}:
                yield f"split-{behavior}-{invert}-{next(iter(pattern))}", word({"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert})
        yield f"punctuation-{behavior}", word({"type": "Punctuation", "behavior": behavior})
    for one in ({"type": "Digits", "individual_digits": True}, {"type": "Digits", "individual_digits": False}, {"type": "WhitespaceSplit"}, {"type": "Whitespace"}, {"type": "CharDelimiterSplit", "delimiter": "a"},
                {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}, {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}):
        yield "words-" + "-".join(str(v) for v in one.values()), word({"type": "Sequence", "pretokenizers": [one, {"type": "Sequence", "pretokenizers": []}]})


def main():
    out = []
    for name, file in all_files():
        t = Tokenizer.from_str(json.dumps(file))
        cases = []
        for text in TEXTS:
            e, plain = t.encode(text), t.encode(text, add_special_tokens=False)
            cases.append({"text": text, "ids": e.ids, "inner": plain.ids, "places": [x for o in e.offsets for x in o], "back": t.decode(e.ids, skip_special_tokens=False), "plain": t.decode(e.ids)})
        out.append({"name": name, "tokenizer": file, "cases": cases})
    with open(sys.argv[1], "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(o, separators=(",", ":")) for o in out) + "\n]\n")
    print(len(out), "files,", sum(len(o["cases"]) for o in out), "texts,", os.path.getsize(sys.argv[1]), "bytes")


main()
