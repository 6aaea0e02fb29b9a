#!/usr/bin/env python3
"""registries.py FOLDER MODEL.gguf MODELDIR PIECES ADAPTER.gguf - two registries and the host that holds their files, on three ports of this computer, for the tests of
`hearth pull hf:...` and `ollama:...`.

FOLDER gets ports (hf ollama cdn), written last, and log: one line a request, HOST METHOD PATH auth=yes|no.
The registries answer questions and redirect every large file to the third host, which refuses whoever shows it a token, and
has not got the second shard while there is a file FOLDER/broken.  MODELDIR is a folder
of safetensors and PIECES one of GGUF files that are a model together; the hub lists them in pages of three entries, small files with git's
names for them only, and gives those out itself."""
import hashlib
import http.server
import json
import os
import sys
import threading
import urllib.parse

folder, model, modeldir, pieces, adapter = sys.argv[1:]
DATA = open(model, "rb").read()
DIGEST = hashlib.sha256(DATA).hexdigest()
ADAPTER = open(adapter, "rb").read()
TOKEN = "Bearer hf_secret"
SMALL = {"template": b"{{ .System }}|{{ .Prompt }}", "params": b'{"stop":["<end>"],"top_k":7}', "license": b"Do as you like.", "system": b"Be brief."}
BLOBS = {hashlib.sha256(v).hexdigest(): v for v in (DATA, ADAPTER, *SMALL.values())}
log = open(os.path.join(folder, "log"), "a", buffering=1)


def layer(kind, data, digest=None):
    return {"mediaType": "application/vnd.ollama.image." + kind, "digest": "sha256:" + (digest or hashlib.sha256(data).hexdigest()), "size": len(data)}


def file(path, digest=DIGEST, size=len(DATA)):
    return {"type": "file", "path": path, "size": size, "oid": "0" * 40, "lfs": {"oid": digest, "size": size}}


def listing(where, prefix=""):
    """Every file of a folder: large ones (weights) with their SHA-256, small ones with the name that git has for them."""
    out = []
    for name in sorted(os.listdir(where)):
        data = open(os.path.join(where, name), "rb").read()
        git = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        digest = hashlib.sha256(data).hexdigest()
        BLOBS[digest] = data
        large = name.endswith((".safetensors", ".gguf"))
        out.append({"type": "file", "path": prefix + name, "size": len(data), "oid": git, **({"lfs": {"oid": digest, "size": len(data)}} if large else {})})
        CONTENT[prefix + name] = digest
    return out


def with_one(tree, path, **change):
    return [{**f, **change} if f["path"] == path else f for f in tree]


CONTENT = {}                             # what resolve gives out, by path
FOLDER = listing(modeldir)
SUB = listing(modeldir, "sub/")
OTHERS = [{"type": "directory", "path": "onnx", "size": 0, "oid": "0" * 40}, file("pytorch_model.bin"), file("run.py"), file("onnx/model.onnx"),
          {"type": "file", "path": "README.md", "size": 3, "oid": "0" * 40}]
SPLIT = listing(pieces, "q/")

TREES = {
    "one/plain": [file("tiny.Q4_0.gguf"), {"type": "file", "path": "README.md", "size": 3, "oid": "0" * 40}],
    "one/several": [file("a.Q4_0.gguf"), file("a.Q8_0.gguf"), file("sub/b.gguf")],
    "one/split": SPLIT + [file("other.Q4_0.gguf")],
    "one/lost": SPLIT[:-1],
    "one/tensors": [file("model.safetensors")],
    "one/folder": OTHERS + FOLDER,
    "one/folder@v1": FOLDER,
    "one/folder@refs/pr/3": FOLDER,
    "one/both": [file("x.gguf")] + SUB + FOLDER,
    "one/shardless": [f for f in FOLDER if "00002-of" not in f["path"]],
    "one/pickle": [f for f in FOLDER if "safetensors" not in f["path"]] + [file("pytorch_model.bin")],
    "one/forged": with_one(FOLDER, "tokenizer.json", oid="1" * 40),
    "one/short": with_one(FOLDER, "config.json", size=5),
    "one/swapped": with_one(FOLDER, "model-00002-of-00002.safetensors", lfs={"oid": "2" * 64, "size": 10}),
    "one/endless": FOLDER,
    "one/evil": [file("../../evil.gguf"), file("/etc/evil.gguf")],
    "one/wrong": [file("tiny.gguf", "0" * 64)],
    "one/nodigest": [{"type": "file", "path": "tiny.gguf", "size": 5, "oid": "0" * 40}],
    "one/baddigest": [file("tiny.gguf", "../../etc/passwd")],
    "one/private": [file("secret.gguf")],
}
MANIFESTS = {
    "library/tiny/latest": [layer("model", DATA)] + [layer(k, v) for k, v in SMALL.items()],
    "library/bare/1b": [layer("model", DATA)],
    "library/path/latest": [layer("model", DATA, "../../../etc/passwd")],
    "library/none/latest": [layer("template", b"x")],
    "library/adapted/latest": [layer("model", DATA), layer("adapter", ADAPTER), layer("params", SMALL["params"])],
    "library/misfit/latest": [layer("model", DATA), layer("adapter", SMALL["license"])],
    "library/twice/latest": [layer("model", DATA), layer("adapter", ADAPTER), layer("adapter", ADAPTER)],
    "library/lost/latest": [layer("model", DATA), layer("adapter", ADAPTER, "0" * 64)],
    "library/long/latest": [layer("model", DATA), {**layer("adapter", ADAPTER), "size": len(ADAPTER) - 1}],
    "library/lies/latest": [layer("model", DATA), layer("template", b"another text", hashlib.sha256(b"what it says").hexdigest())],
}
BLOBS[hashlib.sha256(b"what it says").hexdigest()] = b"something else"


class Host(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def send(self, status, body=b"", headers=()):
        self.send_response(status)
        for k, v in headers:
            self.send_header(k, v)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        auth = self.headers.get("Authorization")
        path = self.path.split("?")[0]
        log.write(f"{self.server.name} GET {path} auth={'yes' if auth else 'no'}\n")
        getattr(self, self.server.name)(path, auth)

    def cdn(self, path, auth):
        if auth:
            return self.send(418, b"a token came here")
        data = BLOBS.get(path.rsplit("/", 1)[1])
        if os.path.exists(os.path.join(folder, "broken")) and path.endswith(CONTENT["model-00002-of-00002.safetensors"]):
            return self.send(404)
        if data is None:
            return self.send(404)
        asked = self.headers.get("Range")
        if asked:
            first, last = asked[6:].split("-")
            first, last = int(first or 0), min(int(last or len(data) - 1), len(data) - 1)
            return self.send(206, data[first:last + 1], [("Content-Range", f"bytes {first}-{last}/{len(data)}")])
        self.send(200, data)

    def to_cdn(self, digest):
        self.send(302, b"", [("Location", f"http://127.0.0.1:{ports['cdn']}/signed/{digest}?key=x")])

    def hf(self, path, auth):
        if path.startswith("/api/models/"):
            name, _, rest = path[len("/api/models/"):].partition("/tree/")
            name, _, revision = name.partition("/revision/")
            revision = urllib.parse.unquote(rest or revision or "main")
            name += "" if revision == "main" else "@" + revision
            if name not in TREES:
                return self.send(404)
            if name == "one/private" and auth != TOKEN:
                return self.send(401)
            at = int(urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query).get("cursor", ["0"])[0])
            answer = TREES[name][at:at + 3] if rest else {"id": name, "cardData": {"license": "apache-2.0"}}
            more = rest and (at + 3 < len(TREES[name]) or name == "one/endless")
            link = f'<http://127.0.0.1:{ports["hf"]}{path}?recursive=1&cursor={at + 3}>; rel="next"'
            return self.send(200, json.dumps(answer).encode(), [("Content-Type", "application/json")] + ([("Link", link)] if more else []))
        name, _, which = path[1:].partition("/resolve/")
        revision, _, which = which.partition("/")
        name += "" if revision == "main" else "@" + urllib.parse.unquote(revision)
        if name == "one/private" and auth != TOKEN:
            return self.send(401)
        entry = [f for f in TREES.get(name, []) if f["path"] == which]
        if entry and "lfs" not in entry[0] and which in CONTENT:
            return self.send(200, BLOBS[CONTENT[which]])
        return self.to_cdn(CONTENT.get(which, DIGEST)) if entry else self.send(404)

    def ollama(self, path, _):
        name, _, tag = path[len("/v2/"):].partition("/manifests/")
        if tag:
            layers = MANIFESTS.get(f"{name}/{tag}")
            return self.send(200, json.dumps({"schemaVersion": 2, "layers": layers}).encode()) if layers else self.send(404)
        self.to_cdn(path.rsplit("sha256:", 1)[1])


ports = {}
for kind in ("hf", "ollama", "cdn"):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Host)
    server.name = kind
    ports[kind] = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()

# The same models as a store of Ollama's on this computer.
store = os.path.join(folder, "store")
os.makedirs(os.path.join(store, "blobs"))
for digest, data in BLOBS.items():
    with open(os.path.join(store, "blobs", "sha256-" + digest), "wb") as f:
        f.write(data)
for name in ("library/tiny/latest", "library/adapted/latest", "library/bare/1b", "library/path/latest"):
    where = os.path.join(store, "manifests", "registry.ollama.ai", name)
    os.makedirs(os.path.dirname(where), exist_ok=True)
    with open(where, "w") as f:
        json.dump({"schemaVersion": 2, "layers": MANIFESTS[name]}, f)
with open(os.path.join(folder, "ports.new"), "w") as f:
    f.write(f"{ports['hf']} {ports['ollama']} {ports['cdn']}\n")
os.rename(os.path.join(folder, "ports.new"), os.path.join(folder, "ports"))
threading.Event().wait()
