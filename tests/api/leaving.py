"""leaving.py - clients that leave in mid-stream and in the prompt, a full queue, a server that is stopped, what is kept of answers and said of keys."""
import json
import sys
import threading
import time

sys.path.insert(0, sys.path[0])
from model_server import ModelServer, run  # noqa: E402
from wire import done, has, read_all, result, same, until, unchunk  # noqa: E402

CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
STORY = {"model": "smollm2", "messages": [{"role": "user", "content": "Tell me a long story."}], "max_tokens": 2000, "temperature": 0,
         "logit_bias": {"2": -100}}
s = ModelServer("--parallel", "2", "--queue", "2", real=True)


def leaves_in_a_stream():
    before = s.metric("answers_cancelled_total")
    with s.start(CHAT, dict(STORY, stream=True)) as c:
        got = b""
        while got.count(b"data: ") < 3:
            got += c.recv(65536)
    result(until(lambda: s.metric("answers_cancelled_total") == before + 1, 8), "a client that leaves in mid-stream ends its answer")
    r = s.receipts()[0]
    result(r["tokens"]["answer"] < 1500, "long before its limit", r["tokens"])
    d = json.loads(run(s.home, "ledger", "show", str(r["number"]), "--json"))
    same("whose receipt says so", d["finish"], "cancelled")


def leaves_in_the_prompt():
    before, answers = s.metric("answers_cancelled_total"), s.metric("answer_tokens_total")
    prompt = " ".join(f"word{i}" for i in range(900))
    with s.start(TEXT, {"model": "smollm2", "prompt": prompt, "max_tokens": 500, "logit_bias": {"2": -100}}):
        until(lambda: s.metric("requests_running") == 1)
    result(until(lambda: s.metric("answers_cancelled_total") == before + 1, 8), "one that leaves in the prompt, too")
    same("before a token was made", (s.metric("answer_tokens_total"), s.receipts()[0]["tokens"]["answer"]), (answers, 0))


def part(t):
    """A connection that has sent all but the last bytes of a request."""
    c = t.connect()
    c.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n" + b"{" + b" " * 40)
    return c


def leaves_in_the_request():
    for _ in range(20):
        part(s).close()
    result(until(lambda: s.metric("http_exchanges_open") == 1), "those that leave before their request is whole are noticed", s.metric("http_exchanges_open"))
    t = ModelServer()
    held, began = part(t), time.monotonic()
    same("one that stands still in the middle of its request", t.stop(), 0)
    result(time.monotonic() - began < 4, "keeps no server from stopping", time.monotonic() - began)
    held.close()


def full():
    held = [s.start(CHAT, dict(STORY, stream=True)) for _ in range(2)]
    result(until(lambda: s.metric("requests_running") == 2, 8), "two are answered")
    held += [s.start(CHAT, dict(STORY, stream=True)) for _ in range(2)]
    result(until(lambda: s.metric("requests_waiting") == 2, 8), "two wait")
    status, head, d = s.post(CHAT, STORY)
    same("the fifth is refused", (status, d["error"]["type"], head["retry-after"].isdigit()), (503, "overloaded_error", True))
    result(s.metric("requests_refused_total") == 1, "and counted")
    for c in held:
        c.close()
    result(until(lambda: s.metric("requests_running") == 0 and s.metric("requests_waiting") == 0, 8), "they leave, nothing is left")
    same("and it answers", s.post(CHAT, dict(STORY, max_tokens=2))[0], 200)


def embedding():
    """Embeddings hold a worker each; those of two models leave some for everybody else."""
    ask = lambda model: {"model": model, "input": ["some words to be embedded " * 12] * 1000}  # noqa: E731
    held = [s.start("/v1/embeddings", ask("smollm2")) for _ in range(150)] + [s.start("/api/embed", ask("tiny")) for _ in range(150)]
    def refused():  # noqa: E306
        n = 0
        for c in held:
            c.setblocking(False)
            try:
                n += c.recv(16, 2).startswith(b"HTTP/1.1 503")      # 2: MSG_PEEK
            except BlockingIOError:
                pass
        return n
    result(until(lambda: refused() >= 200, 8), "embeddings past their share are refused", refused())
    began = time.monotonic()
    same("and others are answered", (s.get("/v1/models")[0], s.post("/api/show", {"model": "tiny"})[0], s.post("/tokenize", {"model": "tiny", "content": "a"})[0]),
         (200, 200, 200))
    result(time.monotonic() - began < 3, "soon", time.monotonic() - began)
    same("one that is refused hears when to come again", s.post("/v1/embeddings", {"model": "smollm2", "input": "a"})[1].get("retry-after", "").isdigit(), True)
    for c in held:
        c.close()
    result(until(lambda: s.post("/v1/embeddings", {"model": "smollm2", "input": "a"})[0] == 200, 15), "when they have left there is room again")


def stopped():
    """Running answers end with their proper last event."""
    t = ModelServer("--grace", "1", real=True)
    got = []
    c = t.start(CHAT, dict(STORY, stream=True))
    first = c.recv(65536)
    reader = threading.Thread(target=lambda: got.append(read_all(c)))
    reader.start()
    same("the server is stopped", t.stop(seconds=20), 0)
    reader.join()
    body = unchunk((first + got[0]).split(b"\r\n\r\n", 1)[1]).decode()
    events = [e for e in body.split("\n\n") if e]
    last = json.loads(events[-1][6:])
    same("its stream has a last event, which is an error", (last["error"]["type"], last["error"]["code"]), ("server_error", "cancelled"))
    has("which says why", last["error"]["message"], "the server is stopping")
    same("with the receipt", last["hearth_receipt"]["finish"], "cancelled")
    same("and no event before it says that the answer is whole", [e for e in events[:-1] if json.loads(e[6:])["choices"][0]["finish_reason"]], [])


def kept():
    t = ModelServer(ini="[transcripts]\nserver = yes\n")
    d = t.post(CHAT, {"model": "tiny", "messages": [{"role": "user", "content": "keep this"}], "max_tokens": 12, "seed": 5, "stop": ["zz"]})[2]
    same("a transcript is kept when the ini says so", len(t.transcripts()), 1)
    with open(t.transcripts()[0]) as f:
        has("with the words", f.read(), "keep this")
    has("and the answer can be made again", run(t.home, "replay", d["hearth_receipt"]["id"]), "equal")
    t.stop()
    t = ModelServer(ini="[transcripts]\nserver = perhaps\n")
    d = t.post(CHAT, {"model": "tiny", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 3})[2]
    same("a mistake in the ini: an answer without a receipt", "hearth_receipt" in d, False)
    has("that says why", d["hearth_note"], "[transcripts] server is \"perhaps\"")
    t.stop()


def keyed():
    """Receipts name the key; a key's models are all it gets."""
    t = ModelServer("--require-key", key=("anna", "--models", "tiny"))
    show = f"Authorization: Bearer {t.secret}"
    ask = {"model": "tiny", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 3}
    same("without a key", t.post(CHAT, ask)[0], 401)
    status, head, d = t.post(CHAT, ask, show)
    same("with one", (status, d["hearth_receipt"]["key"]), (200, "anna"))
    same("and no transcript", t.transcripts(), [])
    status, _, d = t.post(CHAT, dict(ask, model="other"), show)
    same("a model that is not the key's", (status, d["error"]["type"]), (403, "permission_error"))
    for method, path, body in (("POST", "/api/pull", {"model": "tiny"}), ("POST", "/api/copy", {"source": "tiny", "destination": "mine"}),
                               ("POST", "/api/create", {"model": "mine", "from": "tiny"}), ("DELETE", "/api/delete", {"model": "tiny"}),
                               ("POST", "/api/blobs/sha256:" + 64 * "0", {})):
        status, _, text = t.ask(method, path, "Content-Type: application/json", show, body=json.dumps(body))
        same(f"a key changes no model for others: {method} {path}", (status, "may not change which models" in text), (403, True))
    t.stop()
    t = ModelServer("--require-key", key=("head", "--store"))
    status, _, text = t.ask("POST", "/api/copy", "Content-Type: application/json", f"Authorization: Bearer {t.secret}",
                            body=json.dumps({"source": "tiny", "destination": "mine"}))
    same("one that may, does", (status, text), (200, ""))
    t.stop()


try:
    leaves_in_a_stream()
    leaves_in_the_prompt()
    leaves_in_the_request()
    full()
    embedding()
    kept()
    keyed()
    stopped()
finally:
    s.stop()
done()
