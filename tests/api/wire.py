"""wire.py - what the tests of the server share: TAP, a server of one's own, and requests as bytes on a socket, because what is tested is
also what no HTTP library would send."""
import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("B") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build")
HEARTH = os.environ.get("HEARTH") or os.path.join(BUILD, "hearth")
ROUTES = os.path.join(BUILD, "tests", "tools", "serve_routes")
count = bad = 0


def result(ok, name, *notes):
    global count, bad
    count += 1
    bad += not ok
    print(("ok" if ok else "not ok"), count, "-", name)
    if not ok:
        for n in notes:
            print("#", repr(n))


def same(name, found, wanted):
    result(found == wanted, name, ("found", found), ("wanted", wanted))


def has(name, text, part):
    result(part in text, name, ("found", text), ("wanted in it", part))


def lacks(name, text, part):
    result(part not in text, name, ("found", text), ("not wanted in it", part))


def typed_events(s, path, body):
    """Status, head and the data of a stream whose events are named by their data's type."""
    status, head, answer = s.ask("POST", path, "Content-Type: application/json", body=json.dumps(dict(body, stream=True)))
    out = []
    for part in answer.split("\n\n"):
        if part:
            name, data = part.split("\n", 1)
            out.append(json.loads(data[6:]))
            if name != "event: " + out[-1]["type"] or not data.startswith("data: "):
                result(False, "an event's name is its type", part)
    return status, head, out


def done():
    print(f"1..{count}")
    sys.exit(bad > 0)


def until(condition, seconds=4):
    """Waits until condition() holds; whether it did."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


class Server:
    """A process that prints its URL in its first line."""

    def __init__(self, *argv, home=None, env=None):
        self.folder = tempfile.TemporaryDirectory(prefix="hearth-test.")
        self.home = home or self.folder.name
        self.log = os.path.join(self.folder.name, "log")
        self.env = dict(os.environ, HEARTH_HOME=self.home, **(env or {}))
        for name in ("HEARTH_HOST", "OLLAMA_HOST", "NOTIFY_SOCKET"):
            if name not in (env or {}):
                self.env.pop(name, None)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=log, env=self.env)
        atexit.register(lambda: self.process.poll() is None and self.process.kill())       # a test that broke off
        atexit.register(self.process.kill)             # whatever ends the test ends it too
        self.line = self.process.stdout.readline().decode().strip()
        words = [w for w in self.line.replace(";", " ").split() if "://" in w]
        if not words:
            raise SystemExit(f"# {argv} printed {self.line!r}: {self.text()}")
        self.url = words[0]
        self.port = int(self.url.rsplit(":", 1)[1])

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def stop(self, number=signal.SIGTERM, seconds=10):
        """The exit status; None: it had to be killed."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None

    def connect(self, buffer=None):
        s = socket.socket()
        if buffer:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        s.settimeout(10)
        s.connect(("127.0.0.1", self.port))
        return s

    def raw(self, data, wait=10):
        """All bytes that come back until the server closes or stands still for that long."""
        with self.connect() as s:
            s.settimeout(wait)
            try:
                s.sendall(data)
            except OSError:
                pass
            return read_all(s)

    def ask(self, method, path, *headers, body=None, host=None):
        """(status, headers with names in lower case, body)"""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host or 'localhost'}", "Connection: close", *headers]
        if body is not None:
            body = body.encode() if isinstance(body, str) else body
            lines.append(f"Content-Length: {len(body)}")
        return parse(self.raw("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")))


def read_all(s):
    got = bytearray()
    try:
        while piece := s.recv(65536):
            got += piece
    except OSError:
        pass
    return bytes(got)


def parse(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding") == "chunked":
        body = unchunk(body)
    return status, headers, body.decode("utf-8", "replace")


def unchunk(data):
    """The bytes of the chunks that came whole."""
    out, at = bytearray(), 0
    while (end := data.find(b"\r\n", at)) > 0:
        n = int(data[at:end], 16)
        out += data[end + 2:end + 2 + n]
        at = end + 4 + n
        if n == 0:
            break
    return bytes(out)
