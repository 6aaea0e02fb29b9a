#!/usr/bin/env python3
"""mock.py - a server that says what the test tells it to: what no model can be made to say, and what no server should.

Prints its address, then serves src/serve/ui as hearth does (same headers) and the few routes that the page asks.  The answer
depends on the question: "say TEXT" answers TEXT, \\0 in it a zero; "slow" a word each 50 ms; "break" ends in the middle; "error" with an error.
With --key K every route but the page's wants that key.
"""
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "src", "serve", "ui")
TYPES = {"html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
CSP = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
       "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'")
KEY = sys.argv[2] if len(sys.argv) > 2 and sys.argv[1] == "--key" else None
MODELS = {"default": "smollm2", "models": [
    {"name": "smollm2", "parameters": "135M", "kind": "instruct", "licence": "Apache-2.0", "good_at": "trying things out", "note": "It is a demonstration model: quick, and often wrong.",
     "size": 98362432, "here": True, "loaded": True, "memory": 310000000},
    {"name": "gemma3-270m-base", "parameters": "268M", "kind": "base", "licence": "Gemma", "good_at": "continuing text", "note": "", "size": 253113024, "here": True, "loaded": False, "memory": 420000000},
    {"name": "<img src=x onerror=alert(1)>", "parameters": "", "kind": "instruct", "licence": "", "good_at": "", "note": "", "size": 5, "here": True, "loaded": False, "memory": 5},
    {"name": "tiny", "parameters": "1M", "kind": "instruct", "licence": "MIT", "good_at": "", "note": "", "size": 2000000, "here": False, "loaded": False, "memory": 0},
    {"name": "lost", "parameters": "1M", "kind": "instruct", "licence": "MIT", "good_at": "", "note": "", "size": 3000000, "here": False, "loaded": False, "memory": 0}]}


def receipt(number, tokens):
    return {"hearth_receipt_number": number, "hearth_receipt": {
        "schema": "hearth-receipt/1", "kind": "answer", "id": "0" * 32, "time": "2026-11-28T11:00:00Z",
        "model": {"name": "smollm2", "sha256": "b179c9523d0e" + "0" * 52, "architecture": "llama", "checked": "verified"},
        "arithmetic": {"version": 1, "kind": "quant", "kv": "f16", "isa": "avx2", "threads": 2, "replayable": True},
        "tokens": {"prompt": 36, "answer": tokens}, "sampling": {"temperature": "0x1.333334p-2"}, "finish": "stop", "constrained": False,
        "timing": {"load_us": 0, "prompt_us": 107000, "answer_us": 12000 * tokens + 1},
        "footprint": {"method": "modelled", "basis": "watts-assumed", "energy_uj": 13684353, "energy_low_uj": 5825495, "energy_high_uj": 32355227,
                      "carbon_ug": 1825, "water_ul": 19, "carbon_factor": {"per_kwh_milli": 480000, "place": "world", "source": "Ember", "year": 2023}}}}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answers = 0
    feedback, asked = [], []                   # what came in, for /test/feedback and /test/asked

    def log_message(self, *args):
        pass

    def reply(self, status, body, kind="application/json", **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), "X-Content-Type-Options": "nosniff", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def refused(self):
        if KEY and self.headers.get("Authorization") != "Bearer " + KEY:
            self.reply(401, {"error": {"message": "this server asks for a key", "type": "authentication_error", "param": None, "code": None}})
            return True
        return False

    def do_GET(self):
        name = "index.html" if self.path == "/" else self.path[4:] if self.path.startswith("/ui/") else None
        if name and os.path.isfile(os.path.join(ROOT, name)):
            with open(os.path.join(ROOT, name), "rb") as f:
                self.reply(200, f.read(), TYPES[name.rsplit(".", 1)[1]], **{"Content-Security-Policy": CSP})
        elif self.path == "/hearth/models":
            self.refused() or self.reply(200, MODELS)
        elif self.path == "/test/asked":
            self.reply(200, Handler.asked)
        elif self.path == "/test/feedback":
            self.reply(200, Handler.feedback)
        else:
            self.reply(404, {"error": {"message": "nothing here"}})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.refused():
            return
        if self.path == "/hearth/feedback":
            Handler.feedback.append(body)
            self.reply(200, {"kept": True})
        elif self.path == "/api/pull":
            steps = [{"status": "pulling", "completed": n, "total": 2000000} for n in (0, 1000000, 2000000)]
            if body["model"] == "lost":
                steps[1:] = [{"error": "the index does not answer"}]
            else:
                next(m for m in MODELS["models"] if m["name"] == body["model"])["here"] = True
            self.reply(200, "".join(json.dumps(s) + "\n" for s in steps).encode(), "application/x-ndjson")
        elif self.path == "/v1/chat/completions":
            Handler.asked.append(body)
            self.answer(body)
        else:
            self.reply(404, {"error": "nothing here"})

    def piece(self, obj):
        text = ("data: " + (obj if isinstance(obj, str) else json.dumps(obj)) + "\n\n").encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
        self.wfile.flush()

    def answer(self, body):
        asked = body["messages"][-1]["content"]
        if asked == "refuse":
            return self.reply(503, {"error": {"message": "the queue is full", "type": "server_error", "param": None, "code": None}})
        text = asked[4:].replace("\\0", "\0") if asked.startswith("say ") else "The sky is blue because air scatters blue light more than red. " * 3
        words = [w + " " for w in text.split(" ")]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": body["model"]}
        try:
            self.piece({**base, "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]})
            for i, w in enumerate(words):
                if asked == "slow":
                    time.sleep(0.05)
                if asked in ("break", "error") and i == 3:
                    if asked == "error":
                        self.piece({"error": {"message": "a value was not finite", "type": "server_error"}})
                    self.wfile.write(b"0\r\n\r\n")
                    return None
                choice = {"index": 0, "delta": {"content": w}, "finish_reason": None}
                if body.get("logprobs"):
                    choice["logprobs"] = {"content": [{"token": w, "logprob": -0.1 * (i % 30), "bytes": list(w.encode()),
                                                       "top_logprobs": [{"token": w, "logprob": -0.1 * (i % 30), "bytes": None}, {"token": "<b>x</b>", "logprob": -3.0, "bytes": None}]}]}
                self.piece({**base, "choices": [choice]})
            Handler.answers += 1
            self.piece({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], **receipt(Handler.answers - 1, len(words))})
            self.piece({**base, "choices": [], "usage": {"prompt_tokens": 36, "completion_tokens": len(words), "total_tokens": 36 + len(words)}})
            self.piece("[DONE]")
            self.wfile.write(b"0\r\n\r\n")
        except BrokenPipeError:
            self.close_connection = True
        return None


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
