"""peer.py - one hearth's server gives its models to another: the description, the file in pieces, `hearth pull http://...`; and what must
not happen: a file that is no model's, a server that lies about its file, a key shown to nobody's server."""
import hashlib
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, sys.path[0])
from wire import BUILD, HEARTH, Server, done, has, lacks, result, same  # noqa: E402

scratch = tempfile.TemporaryDirectory(prefix="hearth-test.")


def folder(name):
    path = os.path.join(scratch.name, name)
    os.makedirs(path, exist_ok=True)
    return path


def hearth(home, *argv, **env):
    r = subprocess.run([HEARTH, *argv], env=dict(os.environ, HEARTH_HOME=home, **env), capture_output=True, text=True)
    return r.returncode, r.stdout, r.stderr


teacher, pupil = folder("teacher"), folder("pupil")
MODEL = os.path.join(scratch.name, "tiny.gguf")
subprocess.run([os.path.join(BUILD, "tests", "tools", "make_model"), MODEL, "layers=1", "width=64", "heads=4", "kv_heads=2", "vocab=400", "seed=3",
                "chat_template={% for m in messages %}{{ m.content }}{% endfor %}"], check=True, capture_output=True)
with open(MODEL, "rb") as f:
    DATA = f.read()
DIGEST = hashlib.sha256(DATA).hexdigest()
hearth(teacher, "import", MODEL, "--name", "tiny", "--copy")
TOOLS = os.path.join(BUILD, "tests", "tools")
for argv in (("make_pieces", MODEL, os.path.join(folder("pieces"), "x"), "3"), ("make_folder", MODEL, os.path.join(scratch.name, "folder"), "2")):
    subprocess.run([os.path.join(TOOLS, argv[0]), *argv[1:]], check=True, capture_output=True)
for name, where in (("parts", "pieces"), ("shards", "folder")):          # used where they lie, which a server that gave up its rights must still see
    same(f"import {name}", hearth(teacher, "import", os.path.join(scratch.name, where), "--name", name)[0], 0)
with open(os.path.join(scratch.name, "Modelfile"), "w") as f:
    f.write('FROM tiny\nSYSTEM """two\nlines"""\nPARAMETER top_k 3\nTEMPLATE {{ .System }}{{ .Prompt }}\n')
same("create", hearth(teacher, "create", "pirate", "-f", f.name)[0], 0)


def routes(s):
    status, _, body = s.ask("GET", "/hearth/models/tiny:latest")
    m = json.loads(body)
    same("the description", (status, m["name"], m["sha256"], m["size"], m["kind"]), (200, "tiny", DIGEST, len(DATA), "instruct"))
    formats = {m["name"]: m["details"]["format"] for m in json.loads(s.ask("GET", "/api/tags")[2])["models"]}
    same("tags: formats", {n: formats[n + ":latest"] for n in ("tiny", "parts", "shards")}, {"tiny": "gguf", "parts": "gguf", "shards": "safetensors"})
    m = json.loads(s.ask("GET", "/hearth/models/pirate")[2])
    same("of a derived one: the file it stands for", (m["sha256"], m["size"]), (DIGEST, len(DATA)))
    has("and what it adds", m["modelfile"], 'SYSTEM """two\nlines"""')
    blob = "/hearth/blobs/sha256:" + DIGEST
    for name, header, wanted in (("a beginning", "bytes=0-9", DATA[:10]), ("the middle", "bytes=1000-1999", DATA[1000:2000]),
                                 ("to the end", f"bytes={len(DATA) - 5}-", DATA[-5:]), ("beyond the end", f"bytes=10-{len(DATA) + 99}", DATA[10:])):
        raw = s.raw(f"GET {blob} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nRange: {header}\r\n\r\n".encode())
        head, _, body = raw.partition(b"\r\n\r\n")
        result(head.startswith(b"HTTP/1.1 206") and body == wanted, "a piece: " + name, head, len(body))
        has("it says which bytes", head.decode().lower(), f"content-range: bytes {header[6:].split('-')[0]}-")
    raw = s.raw(f"GET {blob} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    head, _, body = raw.partition(b"\r\n\r\n")
    result(head.startswith(b"HTTP/1.1 200") and body == DATA, "the whole file", head, len(body))
    same("past the end", s.ask("GET", blob, f"Range: bytes={len(DATA)}-")[0], 416)
    status, headers, body = s.ask("HEAD", blob)
    same("HEAD", (status, headers["content-length"], body), (200, str(len(DATA)), ""))
    for bad in ("sha256:" + DIGEST[:63], "sha256:" + DIGEST + "0", "sha256:" + DIGEST.upper(), DIGEST, "sha256:../../etc/passwd", "sha256:", "..%2f..%2fnames"):
        same(f"blob {bad[:30]}: 400", s.ask("GET", "/hearth/blobs/" + bad)[0], 400)
    same("a digest of no model", s.ask("GET", "/hearth/blobs/sha256:" + "0" * 64)[0], 404)
    for bad in ("none", "../names/tiny.ini", "%2fdev%2frandom", "tiny/x"):
        status, _, body = s.ask("GET", "/hearth/models/" + bad)
        result(status in (400, 404), f"model {bad}: refused", status, body)
        lacks("no path in the answer", body, scratch.name)
    same("written to: 405", s.ask("POST", "/hearth/models/tiny", body="{}")[0], 405)
    with open(os.path.join(teacher, "models", "blobs", "sha256-" + "1" * 64), "wb") as extra:
        extra.write(b"GGUF")
    same("a file of the store that no name stands for is not given out", s.ask("GET", "/hearth/blobs/sha256:" + "1" * 64)[0], 404)


def pulling(s):
    code, _, err = hearth(pupil, "pull", s.url + "/tiny")
    same("pull", code, 0)
    with open(os.path.join(pupil, "models", "blobs", "sha256-" + DIGEST), "rb") as f:
        same("the same bytes", hashlib.sha256(f.read()).hexdigest(), DIGEST)
    same("again: it is here", hearth(pupil, "pull", s.url + "/TINY:latest")[0], 0)
    same("a derived one", hearth(pupil, "pull", s.url + "/pirate")[0], 0)
    code, out, _ = hearth(pupil, "show", "pirate", "--modelfile")
    has("its system prompt came along", out, 'SYSTEM """two\nlines"""')
    has("its template as written", out, "TEMPLATE {{ .System }}{{ .Prompt }}")
    same("its file only once", len(os.listdir(os.path.join(pupil, "models", "blobs"))), 1)
    code, _, err = hearth(pupil, "pull", s.url + "/none")
    same("no such model", code, 1)
    for bad in ("/", "/a/b", "/tiny?x=1", "/../x", ""):
        same(f"pull URL{bad} is refused", hearth(pupil, "pull", s.url + bad)[0], 2)
    same("ftp is refused", hearth(pupil, "pull", "ftp://127.0.0.1/tiny")[0], 2)
    code, _, err = hearth(folder("nobody"), "pull", "http://127.0.0.1:1/tiny")
    same("nobody there", code, 1)


def several(s):
    """Models of several files: pieces of a GGUF, and a folder of safetensors."""
    for name, where in (("parts", "pieces"), ("shards", "folder")):
        source = os.path.join(scratch.name, where)
        m = json.loads(s.ask("GET", "/hearth/models/" + name)[2])
        files = {f["name"]: f for f in m["files"]}
        with open(os.path.join(source, sorted(files)[0]), "rb") as f:
            first = f.read()
        same(name + ": its files", (m["size"], files[sorted(files)[0]]["sha256"]), (sum(f["size"] for f in files.values()), hashlib.sha256(first).hexdigest()))
        blob = "/hearth/blobs/sha256:" + m["sha256"]
        raw = s.raw(f"GET {blob}/{sorted(files)[0]} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nRange: bytes=5-99\r\n\r\n".encode())
        result(raw.startswith(b"HTTP/1.1 206") and raw.partition(b"\r\n\r\n")[2] == first[5:100], name + ": a piece of one of them", raw[:60])
        status, _, body = s.ask("GET", blob)
        result(status == 400 and "several files" in body and scratch.name not in body, name + ": not all at once", status, body)
        for bad in ("..", "../tiny.gguf", "%2e%2e/tiny.gguf", "x", "", "/etc/passwd", "names/tiny.ini", "config.json/../../tiny.gguf"):
            status, _, body = s.ask("GET", f"{blob}/{bad}")
            result(status in (400, 404) and scratch.name not in body, f"{name}: no file {bad!r}", status, body)
        code, _, err = hearth(pupil, "pull", f"{s.url}/{name}")
        same(f"{name}: pull", (code, err.count("checksum")), (0, 0))
        got = os.path.join(pupil, "models", "blobs", "sha256-" + m["sha256"])
        same(name + ": the same files", {f: hashlib.sha256(open(os.path.join(got, f), "rb").read()).hexdigest() for f in files},
             {f: files[f]["sha256"] for f in files})
        answer = [hearth(h, "run", name, "words", "--temp", "0", "--max-tokens", "5", "--private", "--raw")[1] for h in (teacher, pupil)]
        result(answer[0] == answer[1] and answer[0], name + ": it answers the same", answer)
        same(name + ": the server reads it", s.ask("POST", "/api/generate", body=json.dumps({"model": name, "prompt": "x", "raw": True, "stream": False, "keep_alive": 0,
                                                                                             "options": {"num_predict": 1}}))[0], 200)
    same("a file of one file has no files", s.ask("GET", f"/hearth/blobs/sha256:{DIGEST}/x")[0], 404)


class Liar(http.server.BaseHTTPRequestHandler):
    answer, data, seen = {}, b"", []

    def do_GET(self):
        Liar.seen.append((self.path, self.headers.get("Authorization")))
        if self.path.startswith("/hearth/models/away"):
            self.send_response(302)
            self.send_header("Location", Liar.elsewhere)
            self.end_headers()
            return
        body = json.dumps(Liar.answer).encode() if self.path.startswith("/hearth/models/") else Liar.data
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def liars(real):
    home = folder("careful")
    servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar) for _ in range(2)]
    for s in servers:
        threading.Thread(target=s.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{servers[0].server_port}"
    good = {"name": "m", "sha256": DIGEST, "size": len(DATA), "architecture": "llama", "parameters": "1M", "kind": "base", "licence": "mit"}
    lies = (("other bytes", {}, DATA[:-1] + b"x", "checksum"), ("too few bytes", {}, DATA[:-9], ""), ("more bytes", {}, DATA + b"x", ""),
            ("a digest with a path in it", {"sha256": "../../../../tmp/x"}, DATA, "64 lower-case hex digits"),
            ("a digest of 63 digits", {"sha256": DIGEST[:63]}, DATA, "64 lower-case hex digits"),
            ("no size", {"size": 0}, DATA, "size is 0"), ("a negative size", {"size": -5}, DATA, "size is -5"),
            ("files that are no list of a model's", {"files": [{"name": "../x", "sha256": DIGEST, "size": len(DATA)}]}, DATA, "files[0]"),
            ("a file twice", {"files": [{"name": "config.json", "sha256": DIGEST, "size": 1}] * 2, "size": 2}, DATA, "files[1]"),
            ("no files", {"files": []}, DATA, "should have 1 to"), ("files of another size", {"files": [{"name": "config.json", "sha256": DIGEST, "size": 1}]}, DATA, "together"),
            ("files of another digest", {"files": [{"name": "config.json", "sha256": DIGEST, "size": len(DATA)}]}, DATA, "the list of its files has"),
            ("a Modelfile that is none", {"modelfile": "FRM x"}, DATA, "no instruction"),
            ("an answer that is no model", None, DATA, "64 lower-case hex digits"))
    for name, change, data, words in lies:
        Liar.answer, Liar.data = dict(good, **change) if change is not None else {"hello": 1}, data
        code, _, err = hearth(home, "pull", url + "/m")
        result(code == 1 and words in err, name + " is refused", code, err)
        same("and nothing is kept", os.listdir(os.path.join(home, "models", "names")) if os.path.isdir(os.path.join(home, "models", "names")) else [], [])
    Liar.elsewhere = f"http://127.0.0.1:{servers[1].server_port}/hearth/models/m"
    Liar.answer, Liar.data, Liar.seen = good, DATA, []
    code, _, err = hearth(home, "pull", url + "/away", HEARTH_API_KEY="hk-secret")
    same("the key goes to the server that was named, not to where it leads", dict(Liar.seen[:2]),
         {"/hearth/models/away": "Bearer hk-secret", "/hearth/models/m": None})
    Liar.seen = []
    code, _, err = hearth(home, "pull", url + "/m", HEARTH_API_KEY="hk-secret")
    same("an honest one is believed, and shown the key", (code, {a for _, a in Liar.seen}), (0, {"Bearer hk-secret"}))


def small_commands(s):
    env = {"HEARTH_HOST": f"127.0.0.1:{s.port}"}
    code, out, _ = hearth(pupil, "ps", "--json", **env)
    if code == 0:
        same("ps", json.loads(out)["models"], [])
    code, _, err = hearth(pupil, "ps", HEARTH_HOST="127.0.0.1:1")
    result(code == 1 and "hearth serve" in err, "ps without a server says what to do", err)
    same("an address that is none", hearth(pupil, "ps", HEARTH_HOST="x:y")[0], 2)
    same("ls is list", hearth(pupil, "ls")[1], hearth(pupil, "list")[1])


with_server = Server(HEARTH, "serve", "--port", "0", home=teacher)
try:
    routes(with_server)
    pulling(with_server)
    several(with_server)
    liars(with_server)
    small_commands(with_server)
finally:
    same("the server ends well", with_server.stop(), 0)
done()
