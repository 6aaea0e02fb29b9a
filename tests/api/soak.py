"""soak.py - what a server must stand for long: `make serve-soak`, or some of it:

    soak.py load [--seconds 60]       64 clients, prompts of 20 to 1,500 tokens, 64 out, half sharing 300: only 200s and 503s, figures, and
                                      the bytes of lone runs
    soak.py memory [--requests 10000] short requests; memory stays what it was after the first third
    soak.py faults [--seconds 60] [--model tiny]
                                      beside good clients others that send one byte a second, never read, leave in their prompt, in their
                                      answer
    soak.py kill                      kill -9 in the middle of answers and of a pull: ledger and store stay whole
    soak.py full                      a disk that fills up (a small tmpfs: root only): answers go on, and say that they have no receipt
    soak.py receipts [--requests 1000] made under mixed load, all replayed equal on other instruction sets

TAP.  HEARTH and B choose the build, such as one with sanitizers."""
import argparse
import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import load
import wire
from model_server import ModelServer, run
from wire import has, result, same, until

SMALL = load.Shape(shortest=8, longest=100, shared=30, out=16)
SHORT = load.Shape(shortest=8, longest=16, shared=0, out=4)
HOST = "127.0.0.1"


def note(*words):
    print("#", *words, flush=True)


def answers_of(s, model, shape, clients, seconds, most=None):
    return asyncio.run(load.load(HOST, s.port, model, shape, clients, seconds, most))


def rss(s):
    with open(f"/proc/{s.process.pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:")) << 10


def quiet(s):
    """Nothing runs, nothing waits."""
    return all(not float(line.rsplit(" ", 1)[1]) for line in s.get("/metrics")[2].splitlines()
               if line.startswith(("hearth_requests_running{", "hearth_requests_waiting{")))


def under_load(o):
    s, shape = ModelServer(real=True), load.Shape()
    answers_of(s, "smollm2", SHORT, 1, 60, 1)               # loads the model
    answers, busy, begun = answers_of(s, "smollm2", shape, 64, o.seconds)
    figures = load.summary(answers, busy, begun, o.seconds)
    note(json.dumps(figures), f"resident {rss(s) >> 20} MiB")
    same("only 200s and 503s", figures["wrong"], [])
    result(until(lambda: quiet(s)), "then nothing runs", s.get("/metrics")[2])
    same("it stops", s.stop(), 0)
    alone = ModelServer("--parallel", "1", real=True)
    n, differ = load.differing(answers, HOST, alone.port, "smollm2", shape, o.tried)
    same(f"{n} of the requests alone give the same bytes", differ[:2], [])
    alone.stop()


def memory(o):
    s = ModelServer("--ctx", "256", "--parallel", "8")
    third = o.requests // 3
    answers, busy, begun = answers_of(s, "tiny", SHORT, 8, 3600, third)
    first = rss(s)
    more, busy, begun = answers_of(s, "tiny", load.Shape(shortest=8, longest=16, shared=0, out=5), 8, 3600, o.requests - third)
    last = rss(s)
    note(f"resident after {third} requests {first / 2**20:.1f} MiB, after {o.requests} {last / 2**20:.1f} MiB")
    same("all are answered", load.summary(answers + more, busy, begun, 3600)["wrong"], [])
    result(last - first < 3 << 20, f"memory is flat over {o.requests} requests", first, last)
    same("it stops", s.stop(), 0)


# ---- clients that misbehave ----

def request(body, shape="/v1/completions"):
    text = json.dumps(body).encode()
    return (f"POST {shape} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n").encode() + text


class Misbehaving:
    def __init__(self, s, model):
        self.s, self.over, self.model, self.done = s, threading.Event(), model, {}
        self.long = 1400 if model == "smollm2" else 200         # words: a token each, or a token a letter
        self.threads = [threading.Thread(target=self.again, args=(f,), daemon=True) for f in (self.drip, self.deaf, self.leave_prompt, self.leave_answer) * 2]
        for t in self.threads:
            t.start()

    def again(self, f):
        rng = random.Random(f.__name__)
        while not self.over.is_set():
            with contextlib.suppress(OSError):
                f(rng)
            self.done[f.__name__] = self.done.get(f.__name__, 0) + 1

    def body(self, rng, tokens, out):
        return {"model": self.model, "prompt": load.words(rng, tokens), "max_tokens": out, "stream": True}

    def drip(self, rng):
        with self.s.connect() as c:
            for byte in request(self.body(rng, 20, 8)):
                c.sendall(bytes([byte]))
                if self.over.wait(1):
                    return

    def deaf(self, rng):
        with self.s.connect(buffer=2048) as c:
            c.sendall(request(self.body(rng, 20, 400)))
            self.over.wait(8)

    def leave_prompt(self, rng):
        with self.s.connect() as c:
            c.sendall(request(self.body(rng, self.long, 64)))
            time.sleep(rng.random() * 0.5)

    def leave_answer(self, rng):
        with self.s.connect() as c:
            c.sendall(request(self.body(rng, 20, 400)))
            while b"data: " not in c.recv(4096):
                pass

    def stop(self):
        self.over.set()
        for t in self.threads:
            t.join(15)


def faults(o):
    s = ModelServer(real=o.model == "smollm2")
    answers_of(s, o.model, SHORT, 1, 60, 1)
    bad = Misbehaving(s, o.model)
    answers, busy, begun = answers_of(s, "tiny", SMALL, 8, o.seconds)
    beside, busy_beside, _ = answers_of(s, o.model, SMALL, 4, max(5, o.seconds / 4))
    bad.stop()
    figures = load.summary(answers + beside, busy + busy_beside, begun, o.seconds)
    note(json.dumps(figures), json.dumps(bad.done))
    same("good clients get 200s and 503s only", figures["wrong"], [])
    result(len(answers) > 10, "and many of them", len(answers))
    result(until(lambda: quiet(s), 20), "what the others asked for runs no more", s.get("/metrics")[2])
    alone = ModelServer("--parallel", "1")
    n, differ = load.differing(answers, HOST, alone.port, "tiny", SMALL, o.tried)
    same(f"{n} of the answers are those of lone requests", differ[:2], [])
    alone.stop()
    same("it stops", s.stop(seconds=60), 0)
    lacks = [word for word in ("Sanitizer", "runtime error") if word in s.text()]
    same("nothing was found by a sanitizer", lacks, [])


# ---- ends without warning ----

class At(ModelServer):
    """A server on a home that there is."""

    def __init__(self, home, *options):
        wire.Server.__init__(self, wire.HEARTH, "serve", "--port", "0", *options, home=home)


def kill(o):
    first = s = ModelServer()
    for i in range(o.times):
        killer = threading.Timer(0.3 + 0.3 * random.Random(i).random(), s.process.kill)
        killer.start()
        answers, _, _ = answers_of(s, "tiny", SMALL, 8, 1.2)
        killer.join()
        s.process.wait()
        good = sum(a.status == 200 and not a.error for a in answers)
        verified = subprocess.run([wire.HEARTH, "ledger", "verify"], env=s.env, capture_output=True, text=True)
        result(verified.returncode == 0, f"killed after {good} answers: the ledger is whole", verified.stdout, verified.stderr)
        s = At(s.home)
    answers, _, _ = answers_of(s, "tiny", SMALL, 1, 5, 1)
    same("and it answers again", [a.status for a in answers], [200])
    same("with a receipt behind the others", len(s.receipts()) > 0, True)
    s.stop()
    first.scratch.cleanup()
    kill_in_pull(o)


def pulled(home):
    """Bytes of models that are not whole yet."""
    return sum(os.path.getsize(os.path.join(d, f)) for d, _, fs in os.walk(os.path.join(home, "models", "partial")) for f in fs)


def kill_in_pull(o):
    with tempfile.TemporaryDirectory(prefix="hearth-test.") as folder:
        index = subprocess.Popen([sys.executable, os.path.join(os.path.dirname(__file__), "..", "cli", "local_index.py"), folder])
        until(lambda: os.path.exists(os.path.join(folder, "port")), 30)
        with open(os.path.join(folder, "port")) as f:
            port = f.read().strip()
        home = os.path.join(folder, "home")
        os.mkdir(home)
        shutil.copy(os.path.join(folder, "catalogue.ini"), home)
        os.environ.update(PIP_CONFIG_FILE=os.devnull, no_proxy=HOST + ",localhost")
        pull = request({"model": "tiny"}, "/api/pull")
        for i in range(o.times):
            os.environ["PIP_INDEX_URL"] = f"http://{HOST}:{port}/json,drip:20000/simple"
            s = At(home)
            with s.connect() as c:
                c.sendall(pull)
                begun = until(lambda: pulled(home) > 0, 10)
                time.sleep(0.2 * i)
                s.process.kill()
                s.process.wait()
            listed = subprocess.run([wire.HEARTH, "list"], env=s.env, capture_output=True, text=True)
            result(begun and listed.returncode == 0 and "tiny" not in listed.stdout, f"killed in a pull: no half of a model is in the store ({i})",
                   begun, pulled(home), listed.stdout, listed.stderr)
        os.environ["PIP_INDEX_URL"] = f"http://{HOST}:{port}/json/simple"
        s = At(home)
        with s.connect() as c:
            c.settimeout(120)                          # asking pip where the index is takes seconds on a busy machine
            c.sendall(pull.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
            status, _, answer = wire.parse(wire.read_all(c))
        same("then the pull goes through", (status, answer.splitlines()[-1:]), (200, ['{"status":"success"}']))
        listed = subprocess.run([wire.HEARTH, "list"], env=s.env, capture_output=True, text=True)
        has("and the model is there", listed.stdout, "tiny")
        same("nothing else is left", pulled(home), 0)
        s.stop()
        index.kill()
        index.wait()


def full(o):
    with tempfile.TemporaryDirectory(prefix="hearth-test.") as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", folder], check=True)
        try:
            whole(folder)
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


def whole(folder):
    maker = ModelServer()
    maker.stop()
    model = os.path.join(maker.home, "tiny.gguf")
    env = dict(os.environ, HEARTH_HOME=folder)
    subprocess.run([wire.HEARTH, "import", model, "--name", "tiny"], env=env, check=True, capture_output=True)
    s = At(folder, "--log")
    body = {"model": "tiny", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8, "seed": 5, "temperature": 1}
    status, _, before = s.post("/v1/chat/completions", body)
    same("an answer while there is room", status, 200)
    ballast = os.path.join(folder, "ballast")
    with open(ballast, "wb", buffering=0) as f, contextlib.suppress(OSError):
        while f.write(bytes(4096)):
            pass
    for i in range(20):
        status, _, answer = s.post("/v1/chat/completions", body)
        if status != 200 or answer["choices"][0]["message"] != before["choices"][0]["message"]:
            break
    result(status == 200 and answer["choices"][0]["message"] == before["choices"][0]["message"], "twenty on a full disk are the same", status, answer)
    has("and why there is no receipt is said", json.dumps(answer) + s.text(), "the disk is full")
    os.unlink(ballast)
    status, _, answer = s.post("/v1/chat/completions", body)
    same("with room again", status, 200)
    result(until(lambda: len(s.receipts()) >= 2), "receipts are made again", s.receipts())
    same("it stops", s.stop(), 0)
    verified = subprocess.run([wire.HEARTH, "ledger", "verify"], env=env, capture_output=True, text=True)
    result(verified.returncode == 0, "the ledger is whole", verified.stdout, verified.stderr)


def receipts(o):
    s = ModelServer(real=True, ini="[transcripts]\nserver = yes\n")
    some = max(8, o.requests // 10)
    jobs = [("tiny", SMALL, 16, o.requests - some), ("smollm2", SMALL, 4, some)]
    made = []
    threads = [threading.Thread(target=lambda j=j: made.append(answers_of(s, j[0], j[1], j[2], 3600, j[3]))) for j in jobs]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    wrong = [w for answers, busy, begun in made for w in load.summary(answers, busy, begun, 3600)["wrong"]]
    same(f"{o.requests} answers under mixed load", [sum(len(a) for a, _, _ in made), wrong], [o.requests, []])
    same("it stops", s.stop(signal.SIGTERM, 60), 0)
    for isa in ("avx2", "scalar"):
        share = "100%" if isa == "avx2" else "10%"
        p = subprocess.run([wire.HEARTH, "replay", "--all", "--threads", "1", "--sample", share], capture_output=True, text=True,
                           env=dict(s.env, HEARTH_ISA=isa))
        note(isa, (p.stdout + p.stderr).strip().splitlines()[-1:])
        result(p.returncode == 0 and "0 not equal" in p.stdout + p.stderr, f"replayed equal with {isa}", p.stdout[-400:], p.stderr[-400:])
    verified = subprocess.run([wire.HEARTH, "ledger", "verify"], env=s.env, capture_output=True, text=True)
    result(verified.returncode == 0, "the ledger is whole", verified.stdout, verified.stderr)


PARTS = {"load": under_load, "memory": memory, "faults": faults, "kill": kill, "full": full, "receipts": receipts}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("parts", nargs="*", choices=[[], *PARTS], default=[])
    p.add_argument("--seconds", type=float, default=60)
    p.add_argument("--requests", type=int)
    p.add_argument("--model", choices=["smollm2", "tiny"], default="smollm2", help="whom the clients of faults bother")
    p.add_argument("--tried", type=int, default=40)
    p.add_argument("--times", type=int, default=5)
    o = p.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    asked = o.requests
    for name in o.parts or [n for n in PARTS if n != "full" or os.geteuid() == 0]:
        note(name)
        o.requests = asked or {"memory": 10000, "receipts": 1000}.get(name)
        PARTS[name](o)
    wire.done()


if __name__ == "__main__":
    main()
