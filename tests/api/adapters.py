"""adapters.py - low-rank adapters over HTTP: of models that were made with one, and by request; in company the same bytes as alone, beginnings
remembered for each apart, receipts that name them; what does not fit, and what no client may name."""
import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, sys.path[0])
from model_server import MAKE_MODEL, ModelServer, run  # noqa: E402
from wire import HEARTH, done, has, lacks, result, same  # noqa: E402

USER = [{"role": "user", "content": "what is it"}]
LONG = " ".join(f"word {i} of a long beginning" for i in range(40))


class Adapted(ModelServer):
    """With the adapters one (a folder), two.gguf, and classes, which tells classes apart; pirate is tiny with one."""

    def make(self, home):
        super().make(home)
        path = self.path = lambda name: os.path.join(home, name)
        subprocess.run([MAKE_MODEL, path("wide.gguf"), "layers=1", "width=128", "heads=4", "kv_heads=2", "vocab=400", "context=2048", "seed=3"], check=True)
        run(home, "import", path("wide.gguf"), "--name", "wide")
        with open(path("pairs.jsonl"), "w") as f:
            for i in range(24):
                f.write(json.dumps({"prompt": f"what is {i}", "completion": f" it is {i % 7}"}) + "\n")
        with open(path("many.csv"), "w") as f:
            f.write("text,category\n" + "".join(f"word{i % 22} and word{i % 22},label {i % 22}\n" for i in range(66)))
        for name, seed in (("one", "1"), ("two.gguf", "2")):
            run(home, "tune", "tiny", path("pairs.jsonl"), "-o", path(name), "--rank", "4", "--steps", "12", "--batch", "4", "--rate", "0.05", "--seed", seed)
        run(home, "tune", "tiny", path("many.csv"), "-o", path("classes"), "--rank", "2", "--steps", "1", "--batch", "4")
        self.modelfile("pirate", f"FROM tiny\nADAPTER {path('one')}\nPARAMETER temperature 0\n")

    def modelfile(self, name, text, **more):
        return subprocess.run([HEARTH, "create", name, "-f", "-"], env=dict(os.environ, HEARTH_HOME=self.scratch.name), input=text, text=True,
                              capture_output=True, **more)


def sha(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def said(s, model="tiny", lora=None, prompt="what is", **more):
    """Text, log-probabilities, and all of the answer."""
    ask = dict({"model": model, "prompt": prompt, "temperature": 0, "max_tokens": 12, "logprobs": 1}, **more)
    if lora is not None:
        ask["lora"] = lora
    status, _, o = s.post("/v1/completions", ask)
    if status != 200:
        raise SystemExit(f"# {status} {o}")
    return (o["choices"][0]["text"], o["choices"][0]["logprobs"]["token_logprobs"]), o


def only(i, scale=1):
    return [{"id": i, "scale": scale}]


def alone(s):
    """Each as the command line has it; the answers differ."""
    plain, one, two, pirate = said(s)[0], said(s, lora=only(0))[0], said(s, lora=only(1))[0], said(s, "pirate")[0]
    result(len({json.dumps(x) for x in (plain, one, two)}) == 3, "three answers", plain, one, two)
    same("a derived model answers with its adapter", pirate, one)
    for name, lora in (("one", 0), ("two.gguf", 1)):
        text = json.loads(run(s.home, "run", "tiny", "--raw", "--adapter", s.path(name), "--temp", "0", "--max-tokens", "12", "--json", "--private",
                              "what is"))["text"]
        same(f"{name}: as the command line's", said(s, lora=only(lora))[0][0], text)
    same("run: a derived model's adapter", json.loads(run(s.home, "run", "pirate", "--raw", "--max-tokens", "12", "--json", "--private", "what is"))["text"], one[0])
    same("scale 0", said(s, lora=only(0, 0))[0], plain)
    same("an empty list", said(s, lora=[])[0], plain)
    half, more = said(s, lora=only(0, 0.5))[0], said(s, lora=only(0, -1.5))[0]
    result(len({json.dumps(x) for x in (plain, one, half, more)}) == 4, "a scale is heard", plain, one, half, more)
    same("scale 0.5, once more", said(s, lora=only(0, 0.5))[0], half)
    same("one of two", said(s, lora=[{"id": 0, "scale": 0}, {"id": 1, "scale": 1.0}])[0], two)
    return {"plain": plain, "one": one, "two": two}


def company(s):
    """All at once, twice over: the same as alone, and each remembers its own beginning only."""
    kinds = (("tiny", None), ("tiny", only(0)), ("tiny", only(1)), ("pirate", None), ("tiny", only(0, 0.1)), ("tiny", only(0, -1)))
    want = [said(s, m, lora, LONG)[0] for m, lora in kinds]
    result(want[1] == want[3] and len({json.dumps(w) for w in want}) == 5, "long ones differ too", want)
    cached = [said(s, m, lora, LONG)[1]["usage"]["prompt_tokens_details"]["cached_tokens"] for m, lora in kinds]
    result(min(cached) > 200, "what was asked before is remembered with every adapter", cached)
    with ThreadPoolExecutor(16) as pool:
        got = list(pool.map(lambda i: said(s, *kinds[i % 6], LONG)[0], range(36)))
    result(all(g == want[i % 6] for i, g in enumerate(got)), "36 at once: each the same as alone", got[:4])
    fresh = LONG.replace("word", "other")
    first = [said(s, "tiny", lora, fresh)[1]["usage"]["prompt_tokens_details"]["cached_tokens"] 
             for lora in (only(0), None, only(1), only(0, 0.5), only(0), only(0, 0.5))]
    result(first[:4] == [0, 0, 0, 0] and min(first[4:]) > 200, "what one adapter read no other has, nor itself at another scale", first)


def replayed(s, o, *more):
    return subprocess.run([HEARTH, "replay", str(o["hearth_receipt_number"]), *more], env=dict(os.environ, HEARTH_HOME=s.home), capture_output=True, text=True)


def receipts(s):
    weights = sha(s.path("one/adapter_model.safetensors"))
    same("receipt: by request", said(s, lora=only(0))[1]["hearth_receipt"]["adapters"], [{"name": "one", "sha256": weights}])
    same("receipt: a GGUF", said(s, lora=only(1))[1]["hearth_receipt"]["adapters"], [{"name": "two.gguf", "sha256": sha(s.path("two.gguf"))}])
    same("receipt: without", said(s)[1]["hearth_receipt"]["adapters"], [])
    o = said(s, "pirate")[1]["hearth_receipt"]
    same("receipt: a derived model's", (o["adapters"][0]["sha256"], o["model"]["name"]), (weights, "pirate"))
    out = replayed(s, said(s, "pirate")[1])
    result(out.returncode == 0 and "equal" in out.stdout, "its replay finds the adapter in the store", out.stdout, out.stderr)
    o = said(s, lora=only(0, 0.5))[1]
    same("receipt: the scale", o["hearth_receipt"]["adapters"], [{"name": "one", "sha256": weights, "scale": "0x1p-1"}])
    has("shown", run(s.home, "ledger", "show", str(o["hearth_receipt_number"])), "at a scale of 0.5")
    out = replayed(s, o, "--adapter", s.path("one"))
    result(out.returncode == 0 and "equal" in out.stdout, "and its replay uses it", out.stdout, out.stderr)


def routes(s, want):
    """Chat, streams, Ollama's and Anthropic's."""
    ask = {"model": "tiny", "messages": USER, "temperature": 0, "max_tokens": 8}
    plain, one = (s.post("/v1/chat/completions", dict(ask, **m))[2]["choices"][0]["message"]["content"] for m in ({}, {"lora": only(0)}))
    result(plain != one, "chat: lora", plain, one)
    events = s.stream("/v1/chat/completions", dict(ask, lora=only(0)))[2]
    same("chat: streamed", "".join(e["choices"][0]["delta"].get("content") or "" for e in events[:-1] if e["choices"]), one)
    ask["model"] = "pirate"
    same("chat: derived", s.post("/v1/chat/completions", ask)[2]["choices"][0]["message"]["content"], one)
    same("Anthropic: derived", s.post("/v1/messages", ask)[2]["content"][0]["text"], one)
    same("responses: derived", s.post("/v1/responses", {"model": "pirate", "input": "what is it", "temperature": 0, "max_output_tokens": 16})[0], 200)
    o = s.post("/api/chat", {"model": "pirate", "messages": USER, "stream": False, "options": {"num_predict": 8, "repeat_penalty": 1}})[2]
    same("Ollama: chat", o["message"]["content"], one)
    o = s.post("/api/generate", {"model": "pirate", "prompt": "what is", "raw": True, "stream": False, "options": {"num_predict": 12, "repeat_penalty": 1}})[2]
    same("Ollama: generate", o["response"], want["one"][0])
    same("/lora-adapters", s.get("/lora-adapters")[2], [{"id": 0, "name": "one", "path": "one", "scale": 0.0}, {"id": 1, "name": "second", "path": "second", "scale": 0.0},
                                                       {"id": 2, "name": "classes", "path": "classes", "scale": 0.0}])


def blob(s, path):
    with open(path, "rb") as f:
        data = f.read()
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    same("sent: " + os.path.basename(path), s.ask("POST", "/api/blobs/" + digest, body=data)[0], 201)
    return digest


def create(s, want):
    before = sorted(os.listdir(s.path("models/blobs")))
    config, weights, gguf = (blob(s, s.path(p)) for p in ("one/adapter_config.json", "one/adapter_model.safetensors", "two.gguf"))
    ask = {"model": "sent", "from": "tiny", "adapters": {"adapter_config.json": config, "adapter_model.safetensors": weights}, "stream": False}
    same("create: a folder that was sent", s.post("/api/create", ask)[2], {"status": "success"})
    same("it answers so", said(s, "sent")[0], want["one"])
    same("create: a GGUF that was sent", s.post("/api/create", dict(ask, model="sent2", adapters={"a.gguf": gguf}))[2], {"status": "success"})
    same("it answers so too", said(s, "sent2")[0], want["two"])
    same("made from a derived one", s.post("/api/create", {"model": "mate", "from": "sent2", "system": "x", "stream": False})[0], 200)
    same("it has its adapter", said(s, "mate")[0], want["two"])
    text = s.post("/api/show", {"model": "mate"})[2]["modelfile"]
    has("show: the Modelfile", text, f"\nADAPTER {gguf}\n")
    lacks("no path in it", s.post("/api/show", {"model": "pirate"})[2]["modelfile"], "/")
    same("makes it again", s.post("/api/create", {"model": "again", "modelfile": text, "stream": False})[0], 200)
    same("with the adapter", said(s, "again")[0], want["two"])
    for name in ("sent2", "mate"):
        s.ask("DELETE", "/api/delete", body=json.dumps({"model": name}))
    same("others have it still", said(s, "again")[0], want["two"])
    for name in ("again", "sent"):
        s.ask("DELETE", "/api/delete", body=json.dumps({"model": name}))
    left = sorted(set(os.listdir(s.path("models/blobs"))) - set(before))
    same("its files go with the last name, but for what was only sent", left, sorted("sha256-" + d[7:] for d in (config, weights)))
    same("nothing half is left", os.listdir(s.path("models/partial")), [])
    same("and pirate has its own", said(s, "pirate")[0], want["one"])
    wrong = {"adapters": {"a.gguf": blob(s, s.path("two.gguf"))}}
    for name, more, status, *words in (
            ("for another model", dict(wrong, **{"from": "wide"}), 400, "should be"),
            ("of a digest that is none", {"adapters": {"a.gguf": "sha256:../x"}}, 400, "64 lower-case hex digits"),
            ("of no file", {"adapters": {"a.gguf": "sha256:" + "0" * 64}}, 404, "no file of the digest"),
            ("of three files", {"adapters": {"a": gguf, "b": gguf, "c": gguf}}, 400, "adapters"),
            ("of a model's file", {"adapters": {"a.gguf": "sha256:" + sha(s.path("tiny.gguf"))}}, 404, "no file of the digest"),
            ("of no adapter at all", {"adapters": {"a.gguf": config}}, 400, "ADAPTER"),
            ("by a path", {"modelfile": f"FROM tiny\nADAPTER {s.path('one')}"}, 400, "ADAPTER", "/api/blobs"),
            ("by a path upwards", {"modelfile": "FROM tiny\nADAPTER ../../one"}, 400, "ADAPTER", "/api/blobs")):
        status_, _, o = s.post("/api/create", dict({"model": "bad", "from": "tiny", "stream": False}, **more) if "modelfile" not in more else
                               dict(more, model="bad", stream=False))
        result(status_ == status and all(w in o["error"] for w in words) and s.home not in o["error"], "create " + name, status_, o)
    same("no model was made", [m["name"] for m in s.get("/api/tags")[2]["models"] if m["name"].startswith("bad")], [])
    same("nor is anything half left", os.listdir(s.path("models/partial")), [])


def refused(s):
    for name, model, lora, *words in (
            ("no list", "tiny", {"id": 0, "scale": 1}, "lora should be a list"),
            ("no object", "tiny", [0], "lora[0]"), ("no scale", "tiny", [{"id": 0}], "lora[0]"), ("an unknown member", "tiny", [{"id": 0, "scale": 1, "path": "x"}], "lora[0]"),
            ("no such adapter", "tiny", only(3), "lora[0].id is 3"), ("below the first", "tiny", only(-1), "lora[0].id is -1"),
            ("too much", "tiny", only(0, 100.5), "lora[0].scale is 100.5; allowed: a number from -100 to 100"), ("far too much", "tiny", only(0, -1e300), "lora[0].scale"),
            ("no number", "tiny", only(0, "1"), "lora[0]"), ("two", "tiny", only(0, 0.5) + only(1), "lora[1]: a second adapter"),
            ("classes", "tiny", only(2), "classes"), ("another model's", "wide", only(0), "does not fit wide"),
            ("besides its own", "pirate", only(1), "adapter of its own", "tiny")):
        status, _, o = s.post("/v1/completions", {"model": model, "prompt": "x", "max_tokens": 1, "lora": lora})
        result(status == 400 and all(w in o["error"]["message"] for w in words) and s.home not in o["error"]["message"], "lora: " + name, status, o)
    for path, more in (("/v1/embeddings", {"input": "x"}), ("/api/embed", {"input": "x"}), ("/api/embeddings", {"prompt": "x"}),
                       ("/v1/rerank", {"query": "x", "documents": ["y"]})):
        status, _, o = s.post(path, dict(more, model="pirate"))
        result(status == 400 and "has an adapter" in json.dumps(o) and "tiny" in json.dumps(o), path + ": says which model embeds", status, o)
    status, _, o = s.get("/hearth/models/pirate")
    result(status == 400 and "gives no adapters" in json.dumps(o), "another hearth is told that adapters are not given out", status, o)
    out = s.modelfile("bad", f"FROM wide\nADAPTER {s.path('one')}\n")
    result(out.returncode in (1, 2) and "should be" in out.stderr and s.path("one") in out.stderr, "create: it does not fit", out.stderr)
    out = s.modelfile("bad", f"FROM tiny\nADAPTER {s.path('classes')}\n")
    result(out.returncode in (1, 2) and "does not answer in words" in out.stderr, "create: it tells classes apart", out.stderr)
    out = s.modelfile("bad", "FROM tiny\nADAPTER ./none\n")
    result(out.returncode in (1, 2) and "./none" in out.stderr, "create: no such adapter", out.stderr)
    lacks("nothing was made", run(s.home, "list"), "bad")
    for name, text in (("no name", "x"), ("no file", "a=/none/such"), ("no name before it", "=x"), ("a path for a name", "../a=" + s.path("one"))):
        out = subprocess.run([HEARTH, "serve", "--port", "0", "--adapter", text], capture_output=True, text=True)
        result(out.returncode != 0 and text.split("=")[-1] in out.stderr, "serve --adapter: " + name, out.stderr)


def changed(s, want):
    """Another file in its place is another adapter; a store's that was changed is refused."""
    os.rename(s.path("two.gguf"), s.path("kept.gguf"))
    for beside in (".html", ".svg"):
        os.remove(s.path("two.gguf" + beside))
    run(s.home, "tune", "tiny", s.path("pairs.jsonl"), "-o", s.path("two.gguf"), "--rank", "4", "--steps", "12", "--batch", "4", "--rate", "0.05", "--seed", "5")
    got, o = said(s, lora=only(1))
    result(got not in want.values() and o["hearth_receipt"]["adapters"][0]["sha256"] == sha(s.path("two.gguf")), "another file in its place", got, o)
    folder = next(s.path("models/blobs/" + n) for n in os.listdir(s.path("models/blobs")) if os.path.isdir(s.path("models/blobs/" + n)))
    file = os.path.join(folder, "adapter_config.json")
    with open(file) as f:
        config = json.load(f)
    os.chmod(file, 0o600)
    with open(file, "w") as f:
        json.dump(dict(config, lora_alpha=1000), f)
    status, _, o = s.post("/v1/completions", {"model": "pirate", "prompt": "x", "max_tokens": 1})
    result(status != 200 and "changed" in o["error"]["message"] and s.home not in o["error"]["message"], "the store's own, changed", status, o)


first = Adapted(ini="[transcripts]\nserver = yes\n")
same("a server without adapters lists none", first.get("/lora-adapters")[2], [])
first.stop()
server = Adapted("--adapter", "one=" + first.path("one"), "--adapter", "second=" + first.path("two.gguf"), "--adapter", "classes=" + first.path("classes"),
                 home=first.scratch.name)
server.path, server.scratch = first.path, first.scratch
try:
    answers = alone(server)
    company(server)
    receipts(server)
    routes(server, answers)
    create(server, answers)
    refused(server)
    changed(server, answers)
finally:
    same("the server ends well", server.stop(), 0)
done()
