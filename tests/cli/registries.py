#!/usr/bin/env python3
"""registries.py FOLDER MODEL.gguf - two registries and the host that holds their files, on three ports of this computer, for the tests of
`hearth pull hf:...` and `ollama:...`.

FOLDER gets ports (hf ollama cdn), written last, and log: one line a request, HOST METHOD PATH auth=yes|no.
The registries answer questions and redirect every file to the third host, which refuses whoever shows it a token."""
import hashlib
import http.server
import json
import os
import sys
import threading

folder, model = sys.argv[1:]
DATA = open(model, "rb").read()
DIGEST = hashlib.sha256(DATA).hexdigest()
TOKEN = "Bearer hf_secret"
SMALL = {"template": b"{{ .System }}|{{ .Prompt }}", "params": b'{"stop":["<end>"],"top_k":7}', "license": b"Do as you like.", "system": b"Be brief."}
BLOBS = {hashlib.sha256(v).hexdigest(): v for v in (DATA, *SMALL.values())}
log = open(os.path.join(folder, "log"), "a", buffering=1)


def layer(kind, data, digest=None):
    return {"mediaType": "application/vnd.ollama.image." + kind, "digest": "sha256:" + (digest or hashlib.sha256(data).hexdigest()), "size": len(data)}


def file(path, digest=DIGEST, size=len(DATA)):
    return {"type": "file", "path": path, "size": size, "oid": "0" * 40, "lfs": {"oid": digest, "size": size}}


TREES = {
    "one/plain": [file("tiny.Q4_0.gguf"), {"type": "file", "path": "README.md", "size": 3, "oid": "0" * 40}],
    "one/several": [file("a.Q4_0.gguf"), file("a.Q8_0.gguf"), file("sub/b.gguf")],
    "one/split": [file("big-00001-of-00002.gguf"), file("big-00002-of-00002.gguf")],
    "one/tensors": [file("model.safetensors")],
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
    "library/adapted/latest": [layer("model", DATA), layer("adapter", DATA)],
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
            if name not in TREES:
                return self.send(404)
            if name == "one/private" and auth != TOKEN:
                return self.send(401)
            answer = TREES[name] if rest else {"id": name, "cardData": {"license": "apache-2.0"}}
            return self.send(200, json.dumps(answer).encode(), [("Content-Type", "application/json")])
        name, _, which = path[1:].partition("/resolve/main/")
        if name == "one/private" and auth != TOKEN:
            return self.send(401)
        entry = [f for f in TREES.get(name, []) if f["path"] == which]
        return self.to_cdn(DIGEST) if entry else self.send(404)

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
for name in ("library/tiny/latest", "library/bare/1b", "library/path/latest"):
    where = os.path.join(store, "manifests", "registry.ollama.ai", name)
    os.makedirs(os.path.dirname(where), exist_ok=True)
    with open(where, "w") as f:
        json.dump({"schemaVersion": 2, "layers": MANIFESTS[name]}, f)
with open(os.path.join(folder, "ports.new"), "w") as f:
    f.write(f"{ports['hf']} {ports['ollama']} {ports['cdn']}\n")
os.rename(os.path.join(folder, "ports.new"), os.path.join(folder, "ports"))
threading.Event().wait()
