"""walls.py - what stands between those who share a server, and between them and the machine: what one key uses is counted, what it may
not use it does not see, and no answer names a file of the machine."""
import json
import os
import subprocess
import sys
import threading

sys.path.insert(0, sys.path[0])
from model_server import MAKE_MODEL, ModelServer, run  # noqa: E402
from wire import done, has, result, same  # noqa: E402

s = ModelServer("--require-key", key=("anna",))
ANNA = f"X-Api-Key: {s.secret}"


def new_key(*args):
    return "X-Api-Key: " + next(w for w in run(s.home, "key", "add", *args).split() if w.startswith("hk-"))


def what_was_computed_counts():
    """A list of texts of which the second fails: the first has been computed all the same."""
    for i, (path, bad) in enumerate((("/api/embed", ""), ("/v1/embeddings", ""), ("/v1/embeddings", 5))):
        bob = new_key(f"bob{i}", "--tokens-per-day", "3")
        ask = {"model": "tiny", "input": ["one two three four five six", bad]}
        same(f"{path}: a list with {bad!r} in it is refused", s.post(path, ask, bob)[0], 400)
        same("what came before it was counted", s.post(path, ask, bob)[0], 429)


def names_only():
    """Everything that can be wrong with a model's files, and how it is told: no folder of this machine is in it."""
    home, other = s.home, os.path.join(s.home, "a folder of anna's")
    os.mkdir(other)

    def make(name, *more):
        subprocess.run([MAKE_MODEL, os.path.join(other, name), "layers=1", "width=64", "heads=4", "kv_heads=2", "vocab=400", *more], check=True)
        return os.path.join(other, name)

    def blob(name):
        return json.loads(run(home, "show", name, "--json"))["path"]

    run(home, "import", make("plain.gguf", "seed=4"), "--name", "plain", "--copy")
    run(home, "import", make("gone.gguf", "seed=5"), "--name", "gone")
    run(home, "import", make("changed.gguf", "seed=6"), "--name", "changed")
    run(home, "import", make("damaged.gguf", "seed=7"), "--name", "damaged", "--copy")
    run(home, "import", make("short.gguf", "seed=8"), "--name", "short", "--copy")
    with open(os.path.join(other, "Modelfile"), "w") as f:
        f.write(f'FROM {make("base.gguf", "seed=9")}\nSYSTEM be brief\n')
    run(home, "create", "made", "-f", os.path.join(other, "Modelfile"))
    t = ModelServer("--unconfined", "--grace", "0", home=home)
    same("/apply-template of one without a template", t.post("/apply-template", {"model": "plain", "messages": [{"role": "user", "content": "x"}]})[0], 400)
    os.unlink(os.path.join(other, "gone.gguf"))
    with open(os.path.join(other, "changed.gguf"), "ab") as f:
        f.write(b"x")
    path = blob("damaged")
    os.chmod(path, 0o600)
    with open(path, "r+b") as f:
        f.seek(8)
        f.write(b"\xff" * 16)
    path = blob("short")
    os.chmod(path, 0o600)
    with open(path, "ab") as f:
        f.write(b"x")
    with open(os.path.join(home, "models", "names", "broken.ini"), "w") as f:
        f.write("nonsense\n")
    chat = {"messages": [{"role": "user", "content": "x"}], "max_tokens": 1}
    told = []
    for name in ("plain", "gone", "changed", "damaged", "short", "broken", "made", "/etc/passwd", "none"):
        for path, body in (("/api/show", {}), ("/api/chat", dict(chat, stream=False)), ("/v1/chat/completions", chat), ("/v1/embeddings", {"input": "x"}),
                           ("/api/embed", {"input": "x"}), ("/tokenize", {"content": "x"}), ("/apply-template", chat["messages"] and {"messages": chat["messages"]}),
                           ("/v1/responses", {"input": "x", "max_output_tokens": 1, "stream": True})):
            told.append((name, path, *t.post(path, dict(body, model=name))))
        told.append((name, "/hearth/models", *t.get(f"/hearth/models/{name.strip('/')}")))
    for name in ("plain", "gone", "changed", "damaged", "tiny"):
        told.append((name, "/api/create", *t.post("/api/create", {"model": name, "from": "tiny", "system": "y", "stream": False})))
        told.append((name, "/api/copy", *t.post("/api/copy", {"source": "tiny", "destination": name})))
    for path in ("/api/tags", "/v1/models", "/api/ps", "/props", "/hearth/models", "/metrics"):
        told.append(("", path, *t.get(path)))
    folders = [w for w in (home, "/tmp/", "models/blobs", "models/names", "a folder") if w]
    leaks = [(n, p, st, w) for n, p, st, _, answer in told for w in folders if w in json.dumps(answer)]
    same("no answer names a folder", leaks, [])
    failed = {(n, p): (st, answer) for n, p, st, _, answer in told}
    for name in ("gone", "changed", "damaged", "short", "broken"):
        result(failed[name, "/v1/chat/completions"][0] >= 400, f"{name}: an error", failed[name, "/v1/chat/completions"])
    has("a model that cannot be read goes by its name", failed["damaged", "/v1/chat/completions"][1]["error"]["message"], "damaged")
    has("one without a template too", failed["plain", "/apply-template"][1]["error"]["message"], "plain: the model has no chat template")
    has("a model made from a file says so by its digest", failed["made", "/api/show"][1]["modelfile"], "\nFROM sha256:")
    same("and a name that stands for another file is kept", failed["plain", "/api/create"][0], 400)
    t.stop()


def others_models():
    """A key for some models sees those."""
    few = new_key("few", "--models", "plain")
    same("its own", [m["name"] for m in s.get("/api/tags", few)[2]["models"]], ["plain:latest"])
    same("over OpenAI's protocol", [m["id"] for m in s.get("/v1/models", few)[2]["data"]], ["plain"])
    same("by name", (s.get("/v1/models/plain", few)[0], s.get("/v1/models/tiny", few)[0]), (200, 404))
    same("in the picker", [m["name"] for m in s.get("/hearth/models", few)[2]["models"]], ["plain"])
    same("others are loaded", s.post("/v1/completions", {"model": "tiny", "prompt": "x", "max_tokens": 1}, ANNA)[0], 200)
    same("which it does not see", (s.get("/api/ps", few)[2]["models"], s.get("/props", few)[2]["models"]), ([], []))
    same("and a key for all does", [m["name"] for m in s.get("/api/ps", ANNA)[2]["models"]], ["tiny:latest"])
    same("all of them", {"plain:latest", "tiny:latest"} - {m["name"] for m in s.get("/api/tags", ANNA)[2]["models"]}, set())
    digest = s.get("/v1/models/tiny", ANNA)[2]["sha256"]
    same("nor fetches their files", s.ask("GET", f"/hearth/blobs/sha256:{digest}", few)[0], 403)
    same("nor are others counted: for it there is one model", s.get("/tokenizer_info", few)[2].get("model"), "plain")


def too_large_is_not_busy():
    """503 says that waiting helps: only where it does."""
    status, headers, d = s.post("/v1/chat/completions", {"model": "tiny", "messages": [{"role": "user", "content": "x"}], "max_tokens": 5,
                                                          "grammar": 'root ::= ' + "(" * 300 + '"a"' + ")" * 300}, ANNA)
    same("a grammar that is too deep", (status, headers.get("retry-after"), d["error"]["type"]), (400, None, "invalid_request_error"))
    for template in ("{% for i in range(1000000000) %}{{ i }}{% endfor %}", "{% macro m(n) %}{{ m(n) }}{% endmacro %}{{ m(1) }}", "{{ 'x' * 1000000000 }}"):
        status, headers, d = s.post("/api/generate", {"model": "tiny", "prompt": "x", "template": template, "stream": False}, ANNA)
        same(f"a template without end: {template[:16]}", (status, headers.get("retry-after")), (400, None))
    status, headers, d = s.post("/api/create", {"model": "big", "from": "tiny", "system": "x" * (9 << 20), "stream": False}, new_key("head", "--store"))
    same("a system prompt that is too large", (status, headers.get("retry-after")), (400, None))


def long_texts_in_turn():
    """Megabytes of one letter, from several at once: forty bytes a letter until they are tokens, but not for all of them together."""
    def most():
        with open(f"/proc/{s.process.pid}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmHWM")) // 1024
    got, text = [], json.dumps({"model": "tiny", "prompt": "a" * 1000000, "max_tokens": 1})
    s.post("/v1/completions", text, ANNA)
    alone = most()
    several = [threading.Thread(target=lambda: got.append(s.post("/v1/completions", text, ANNA)[0])) for _ in range(5)]
    for t in several:
        t.start()
    for t in several:
        t.join()
    result(got == [400] * 5 and most() < alone + 80, "long texts are read one at a time", got, alone, most())


try:
    what_was_computed_counts()
    long_texts_in_turn()
    names_only()
    others_models()
    too_large_is_not_busy()
finally:
    s.stop()
done()
