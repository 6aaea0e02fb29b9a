"""ollama.py - Ollama's native protocol, every field of it on the wire: what models are, answers whole and in lines, what changes the store;
and what is refused instead of being cut, dropped or believed (rows 14 and 16 of the record of bad input)."""
import datetime
import hashlib
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, sys.path[0])
from model_server import MAKE_MODEL, ModelServer, run, until  # noqa: E402
from wire import done, has, lacks, result, same  # noqa: E402

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
COUNTS = ("total_duration", "load_duration", "prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration")
USER = [{"role": "user", "content": "hi"}]


def lines(s, path, body):
    """(status, headers, one object a line)"""
    status, head, text = s.ask("POST", path, body=json.dumps(body))
    return status, head, [json.loads(x) for x in text.split("\n") if x]


def error(s, name, path, body, status, *words, method="POST"):
    got, head, text = s.ask(method, path, body=body if isinstance(body, str) else json.dumps(body))
    try:
        o = json.loads(text)
    except ValueError:
        o = {}
    result(got == status and list(o) == ["error"] and all(w in o["error"] for w in words), name, got, text, words)


def small(s):
    status, head, body = s.ask("GET", "/")
    same("GET /", (status, body), (200, "Ollama is running"))
    same("HEAD /", s.ask("HEAD", "/")[0], 200)
    same("a browser gets the page there", s.ask("GET", "/", "Accept: text/html,*/*")[1]["content-type"].split(";")[0], "text/html")
    status, _, o = s.get("/api/version")
    result(status == 200 and re.match(r"^\d+\.\d+\.\d+$", o["version"]), "version", o)
    same("HEAD /api/version", s.ask("HEAD", "/api/version")[0], 200)
    for path in ("push", "me", "signout"):
        error(s, f"/api/{path} is not here", "/api/" + path, {}, 404, "no accounts")
    error(s, "an unknown route", "/api/none", {}, 404, "/api/none")


def models(s):
    status, _, o = s.get("/api/tags")
    m = {x["name"]: x for x in o["models"]}["tiny:latest"]
    same("tags: fields", sorted(m), sorted(("name", "model", "modified_at", "size", "digest", "details", "capabilities")))
    same("tags: details", sorted(m["details"]), sorted(("parent_model", "format", "family", "families", "parameter_size", "quantization_level")))
    same("tags: values", (m["model"], m["details"]["format"], m["details"]["family"], m["details"]["families"], m["details"]["quantization_level"],
                          m["capabilities"]), ("tiny:latest", "gguf", "llama", ["llama"], "F32", ["completion", "tools"]))
    result(TIME.match(m["modified_at"]) and re.match(r"^[0-9a-f]{64}$", m["digest"]) and m["size"] > 1000, "tags: time, digest, size", m)
    same("HEAD /api/tags", s.ask("HEAD", "/api/tags")[0], 200)
    status, _, o = s.post("/api/show", {"name": "TINY:latest"})
    same("show: fields", sorted(o), sorted(("license", "modelfile", "parameters", "template", "details", "model_info", "capabilities", "modified_at",
                                            "digest")))
    has("show: the template", o["template"], "m.content")
    lacks("show: no .Suffix where no middle can be filled in", o["template"], ".Suffix")
    same("show: model_info", (o["model_info"]["general.architecture"], o["model_info"]["llama.context_length"], o["model_info"]["llama.block_count"]),
         ("llama", 2048, 1))
    lacks("show: no tensors unless verbose", json.dumps(o), "blk.0")
    o = s.post("/api/show", {"model": "tiny", "verbose": True})[2]
    result(any(t["name"] == "blk.0.attn_q.weight" and t["type"] == "F32" and t["shape"] == [64, 64] for t in o["tensors"]), "show verbose: tensors")
    error(s, "show: no such model", "/api/show", {"model": "none"}, 404, "none")
    lacks("and no advice on paths, which it takes none of", json.dumps(s.post("/api/show", {"model": "none"})[2]), "path")
    error(s, "show: no name", "/api/show", {}, 400, "model is missing")
    for bad in ("/dev/random", "../../etc/passwd", "./tiny.gguf", os.path.join(s.home, "tiny.gguf"), "a/b", ""):
        got, _, o = s.post("/api/show", {"model": bad})
        result(got in (400, 404) and "error" in o and "No such file" not in o["error"] and "cannot open" not in o["error"],
               f"a path is no name: {bad[-20:]!r}", got, o)


def last(name, o, chat=False, more=()):
    fields = {"model", "created_at", "done", "done_reason", "hearth_cached_tokens", "hearth_receipt", *COUNTS, *more}
    fields |= {"message"} if chat else {"response"}
    result(fields <= set(o) <= fields | {"hearth_note", "hearth_unused", "context"}, name + ": fields of the end", sorted(o))
    result(o["done"] is True and all(isinstance(o[k], int) and o[k] >= 0 for k in COUNTS) and o["prompt_eval_count"] > 0 and TIME.match(o["created_at"])
           and o["total_duration"] >= o["eval_duration"], name + ": counts in nanoseconds", o)
    result(o["hearth_receipt"] and o["hearth_receipt"]["tokens"]["answer"] == o["eval_count"], name + ": the receipt", o["hearth_receipt"])


def generate(s):
    ask = {"model": "tiny", "prompt": "hello", "options": {"seed": 5, "num_predict": 8, "num_thread": 2, "num_gpu": 0}}
    status, head, got = lines(s, "/api/generate", ask)
    same("generate streams unless told otherwise", (status, head["content-type"]), (200, "application/x-ndjson"))
    result(all(set(x) == {"model", "created_at", "response", "done"} and x["done"] is False for x in got[:-1]), "generate: pieces", got[:2])
    last("generate", got[-1], more=("context",))
    same("generate: done_reason, last response", (got[-1]["done_reason"], got[-1]["response"], got[-1]["eval_count"]), ("length", "", 8))
    same("hints that change nothing are named", got[-1]["hearth_unused"], ["num_thread", "num_gpu"])
    o = s.post("/api/generate", dict(ask, stream=False, options={"num_predict": 1, "num_ctx": 999999}))
    same("room beyond the server's, for a prompt that fits: answered, and named", (o[0], o[2]["hearth_unused"]), (200, ["num_ctx"]))
    o = s.post("/api/generate", dict(ask, stream=False, options={"num_predict": 1, "num_ctx": 512}))
    same("room that is there", (o[0], "hearth_unused" in o[2]), (200, False))
    status, head, whole = s.post("/api/generate", dict(ask, stream=False))
    same("generate whole: the same text", (status, head["content-type"], whole["response"]),
         (200, "application/json", "".join(x["response"] for x in got)))
    last("generate whole", whole, more=("context",))
    same("the model's name is as it was asked", whole["model"], "tiny")
    result(len(whole["context"]) == whole["prompt_eval_count"] + whole["eval_count"], "context: prompt and answer", whole["context"])
    more = s.post("/api/generate", dict(ask, prompt="more", context=whole["context"], stream=False))[2]
    same("context: gone on with", more["context"][:len(whole["context"])], whole["context"])
    raw = s.post("/api/generate", dict(ask, raw=True, stream=False))[2]
    result("context" not in raw and raw["prompt_eval_count"] < whole["prompt_eval_count"], "raw: no template, no context", raw)
    with_system = s.post("/api/generate", dict(ask, system="You are old.", stream=False))[2]
    result(with_system["prompt_eval_count"] > whole["prompt_eval_count"], "system: is part of the prompt")
    go = s.post("/api/generate", dict(ask, template="{{ .Prompt }}", stream=False))[2]
    result(go["prompt_eval_count"] < whole["prompt_eval_count"], "template: Go's notation", go)
    for field in ("prompt", "messages"):
        o = s.post("/api/" + ("generate" if field == "prompt" else "chat"), {"model": "tiny"})[2]
        same(f"without {field}: loaded", (o["done"], o["done_reason"]), (True, "load"))
    o = s.post("/api/generate", dict(ask, logprobs=True, top_logprobs=3, stream=False))[2]
    result(len(o["logprobs"]) == 8 and all(set(x) == {"token", "logprob", "bytes", "top_logprobs"} and len(x["top_logprobs"]) == 3 for x in o["logprobs"]),
           "logprobs", o.get("logprobs", [])[:1])
    got = lines(s, "/api/generate", dict(ask, logprobs=True))[2]
    same("logprobs in lines: all of them", sum(len(x.get("logprobs", [])) for x in got), 8)
    o = s.post("/api/generate", dict(ask, stream=False, options={"seed": 5, "num_predict": 40, "stop": [whole["response"][2:4]]}))[2]
    same("stop", (o["done_reason"], o["response"]), ("stop", whole["response"][:2]))


def chat(s):
    ask = {"model": "tiny:latest", "messages": USER, "options": {"seed": 9, "num_predict": 6}}
    status, head, got = lines(s, "/api/chat", ask)
    same("chat streams", (status, head["content-type"]), (200, "application/x-ndjson"))
    result(all(set(x) == {"model", "created_at", "message", "done"} and x["message"]["role"] == "assistant" for x in got[:-1]), "chat: pieces", got[:2])
    last("chat", got[-1], chat=True)
    same("chat: the end's message", got[-1]["message"], {"role": "assistant", "content": ""})
    whole = s.post("/api/chat", dict(ask, stream=False))[2]
    same("chat whole: the same text", whole["message"], {"role": "assistant", "content": "".join(x["message"]["content"] for x in got)})
    history = USER + [{"role": "assistant", "content": "", "thinking": "hm", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]},
                      {"role": "tool", "tool_name": "f", "content": "2"}]
    tools = [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}}]
    o = s.post("/api/chat", dict(ask, messages=history, tools=tools, stream=False))
    result(o[0] == 200 and o[2]["prompt_eval_count"] > whole["prompt_eval_count"] + 40, "chat: calls, results and tools are in the prompt", o)


def further(s):
    """The form of an answer, log-probabilities and the fields of messages that the parts before leave out: whole, and the same in lines."""
    ask = {"model": "tiny", "messages": USER, "options": {"seed": 2, "temperature": 1.5, "num_predict": 60}}
    form = {"type": "object", "properties": {"yes": {"type": "boolean"}}, "required": ["yes"], "additionalProperties": False}
    whole = s.post("/api/chat", dict(ask, format=form, stream=False))[2]["message"]["content"]
    same("format: a schema holds", list(json.loads(whole)), ["yes"])
    same("and in lines", "".join(x["message"]["content"] for x in lines(s, "/api/chat", dict(ask, format=form))[2]), whole)
    o = s.post("/api/generate", {"model": "tiny", "prompt": "x", "format": "json", "options": ask["options"], "stream": False})[2]
    same("format: json is an object", type(json.loads(o["response"])), dict)
    told = s.post("/api/chat", dict(ask, logprobs=True, top_logprobs=2, stream=False))[2]
    result(len(told["logprobs"]) == told["eval_count"] and all(len(x["top_logprobs"]) == 2 and x["logprob"] <= 0 for x in told["logprobs"]),
           "chat: log-probabilities of each token", told)
    got = lines(s, "/api/chat", dict(ask, logprobs=True, top_logprobs=2))[2]
    same("and in lines", [x for line in got for x in line.get("logprobs", [])], told["logprobs"])
    history = USER + [{"role": "assistant", "content": None, "images": [], "tool_calls": [{"id": "c1", "function": {"index": 0, "name": "f", "arguments": {}}}]},
                      {"role": "tool", "tool_call_id": "c1", "content": "2"}]
    same("chat: what clients send back of a call", s.post("/api/chat", dict(ask, messages=history, stream=False))[0], 200)
    s.post("/api/generate", {"model": "tiny", "keep_alive": 300})
    until_ = datetime.datetime.fromisoformat(s.get("/api/ps")[2]["models"][0]["expires_at"].split(".")[0].rstrip("Z") + "+00:00")
    left = (until_ - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
    result(280 < left <= 301, "keep_alive: seconds", left)


def refused(s):
    g = {"model": "tiny", "prompt": "x"}
    c = {"model": "tiny", "messages": USER}
    long = "word " * 3000
    for name, path, body, status, *words in (
            ("a prompt that is too long: both counts", "generate", dict(g, prompt=long), 400, "tokens", "2048"),
            ("the same, to be cut only when asked", "chat", dict(c, messages=[{"role": "user", "content": long}]), 400, "tokens", "2048"),
            ("a context that is not there, for a prompt that needs it", "generate", dict(g, prompt=long, options={"num_ctx": 999999}), 400, "tokens", "2048"),
            ("an option nobody knows", "generate", dict(g, options={"n_discard": -1}), 400, '"n_discard"'),
            ("mirostat", "chat", dict(c, options={"mirostat": 2}), 400, "mirostat"),
            ("a temperature that is no number", "chat", dict(c, options={"temperature": "hot"}), 400, "temperature", "hot"),
            ("a negative temperature", "chat", dict(c, options={"temperature": -1}), 400, "temperature is -1"),
            ("a field nobody knows", "chat", dict(c, wibble=1), 400, "wibble"),
            ("images", "generate", dict(g, images=["aGk="]), 400, "images"),
            ("images of a message", "chat", dict(c, messages=[{"role": "user", "content": "x", "images": ["aGk="]}]), 400, "images"),
            ("shift", "generate", dict(g, shift=True), 400, "shift"),
            ("think where the model cannot", "chat", dict(c, think=True), 400, "thinking"),
            ("think that is no level", "chat", dict(c, think="hard"), 400, "think"),
            ("format of another name", "chat", dict(c, format="xml"), 400, "xml"),
            ("suffix without tokens for it", "generate", dict(g, suffix="y"), 400, "tiny", "middle"),
            ("raw and system", "generate", dict(g, raw=True, system="x"), 400, "raw"),
            ("a role that is none", "chat", dict(c, messages=[{"role": "robot", "content": "x"}]), 400, "robot"),
            ("arguments as a text", "chat", dict(c, messages=[{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}]), 400,
             "arguments"),
            ("context that is none", "generate", dict(g, context=[1, -2]), 400, "context[1]"),
            ("context outside of the vocabulary", "generate", dict(g, context=[1, 99999]), 400, "99999"),
            ("keep_alive that is none", "generate", dict(g, keep_alive="soon"), 400, "keep_alive"),
            ("top_logprobs without logprobs", "chat", dict(c, top_logprobs=2), 400, "top_logprobs"),
            ("a template that is not understood", "generate", dict(g, template="{{ .Foo }}"), 400, ".Foo"),
            ("a model that is not here", "chat", dict(c, model="none"), 404, "none"),
            ("a model's path", "chat", dict(c, model="/dev/random"), 400, "no model's name"),
            ("no model", "generate", {"prompt": "x"}, 400, "model is missing"),
            ("stream that is no flag", "generate", dict(g, stream="yes"), 400, "stream"),
            ("no JSON", "chat", "{", 400, "body"), ("no object", "chat", "[]", 400, "object")):
        error(s, name, "/api/" + path, body, status, *words)
    o = s.post("/api/chat", dict(c, truncate=True, stream=False, options={"num_predict": 2},
                                 messages=[{"role": "user", "content": "old " * 2500}, {"role": "assistant", "content": "x"}] + USER))
    result(o[0] == 200 and o[2]["prompt_eval_count"] < 2048 and "truncated" in json.dumps(o[2]["hearth_receipt"]), "truncate: true leaves out and says so",
           o[0], o[2])
    same("the server still answers", s.post("/api/chat", dict(c, stream=False, options={"num_predict": 1}))[0], 200)


def memory(s):
    s.post("/api/generate", {"model": "tiny", "keep_alive": "10m"})
    o = s.get("/api/ps")[2]["models"]
    same("ps: fields", sorted(o[0]), sorted(("name", "model", "size", "digest", "details", "expires_at", "size_vram", "context_length")))
    result(o[0]["name"] == "tiny:latest" and o[0]["context_length"] == 2048 and o[0]["size_vram"] == 0 and TIME.match(o[0]["expires_at"]), "ps: values", o)
    for forever in (-1, "-1m", "-1"):
        s.post("/api/generate", {"model": "tiny", "keep_alive": forever})
        result(s.get("/api/ps")[2]["models"][0]["expires_at"] > "2100", f"keep_alive {forever!r}: for ever")
    o = s.post("/api/generate", {"model": "tiny", "keep_alive": 0})[2]
    same("keep_alive 0 unloads", (o["done_reason"], s.get("/api/ps")[2]["models"]), ("unload", []))
    env = dict(os.environ, HEARTH_HOME=s.home, HEARTH_HOST=f"127.0.0.1:{s.port}")
    s.post("/api/generate", {"model": "tiny"})
    shown = subprocess.run([os.environ.get("HEARTH", "build/hearth"), "ps"], env=env, capture_output=True, text=True)
    has("hearth ps", shown.stdout, "tiny:latest")
    stopped = subprocess.run([os.environ.get("HEARTH", "build/hearth"), "stop", "tiny"], env=env, capture_output=True, text=True)
    result(stopped.returncode == 0 and until(lambda: s.get("/api/ps")[2]["models"] == []), "hearth stop", stopped)


def embeddings(s):
    status, _, o = s.post("/api/embed", {"model": "tiny", "input": ["a b", "c"]})
    same("embed: fields", (status, sorted(o)), (200, sorted(("model", "embeddings", "total_duration", "load_duration", "prompt_eval_count"))))
    result(len(o["embeddings"]) == 2 and len(o["embeddings"][0]) == 64 and abs(sum(x * x for x in o["embeddings"][0]) - 1) < 1e-3, "embed: of length 1")
    one = s.post("/api/embed", {"model": "tiny", "input": "a b"})[2]["embeddings"][0]
    same("embed: a text alone is the same", one, o["embeddings"][0])
    same("embed: dimensions", len(s.post("/api/embed", {"model": "tiny", "input": "a", "dimensions": 8})[2]["embeddings"][0]), 8)
    same("embeddings: the older one", s.post("/api/embeddings", {"model": "tiny", "prompt": "a b"})[2], {"embedding": one})
    long = "word " * 3000
    error(s, "embed: too long", "/api/embed", {"model": "tiny", "input": long}, 400, "tokens", "2048")
    result(s.post("/api/embed", {"model": "tiny", "input": long, "truncate": True})[2]["hearth_tokens_left_out"] > 0, "embed: truncate says how much")
    error(s, "embed: no input", "/api/embed", {"model": "tiny"}, 400, "input is missing")
    error(s, "embed: numbers", "/api/embed", {"model": "tiny", "input": [1]}, 400, "input[0]")
    error(s, "embed: dimensions", "/api/embed", {"model": "tiny", "input": "a", "dimensions": 65}, 400, "65", "64")


def embedder(s):
    """A model that only embeds says so, and which route is for it."""
    path = os.path.join(s.home, "vectors.gguf")
    subprocess.run([MAKE_MODEL, path, *"family=gemma-embedding layers=2 width=64 heads=4 kv_heads=1 head_width=16 ffn=96 vocab=360 window=8 dense=96 context=64".split()],
                   check=True)
    run(s.home, "import", path, "--name", "vectors", "--copy")
    same("embedder: its capabilities", s.post("/api/show", {"model": "vectors"})[2]["capabilities"], ["embedding"])
    same("in the list, too", next(m for m in s.get("/api/tags")[2]["models"] if m["name"] == "vectors:latest")["capabilities"], ["embedding"])
    same("it embeds", s.post("/api/embed", {"model": "vectors", "input": "a"})[0], 200)
    for path, body in (("/api/chat", {"messages": USER}), ("/api/generate", {"prompt": "x"}), ("/v1/chat/completions", {"messages": USER}),
                       ("/v1/completions", {"prompt": "x"}), ("/v1/responses", {"input": "x"}), ("/v1/messages", {"messages": USER, "max_tokens": 3})):
        got = s.post(path, dict(body, model="vectors"))
        result(got[0] == 400 and "/v1/embeddings" in json.dumps(got[2]), f"{path}: says which route embeds", got)
    s.ask("DELETE", "/api/delete", body=json.dumps({"model": "vectors"}))


def changes(s):
    ask = {"model": "pirate", "from": "tiny", "system": "Arr", "parameters": {"num_predict": 3, "temperature": 0, "stop": ["ZZ"]}, "license": ["a", "b"],
           "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "r"}], "template": "{{ .System }}|{{ .Prompt }}|{{ .Response }}"}
    got = lines(s, "/api/create", ask)
    same("create: lines", (got[0], got[2][-1]), (200, {"status": "success"}))
    o = s.post("/api/show", {"model": "pirate"})[2]
    same("create: what it adds", (o["system"], o["template"], o["license"], o["messages"], o["details"]["parent_model"]),
         ("Arr", ask["template"], "a\nb", ask["messages"], "tiny"))
    has("show: parameters in lines", o["parameters"], 'stop                           "ZZ"')
    has("show: a Modelfile", o["modelfile"], "FROM tiny\n")
    o = s.post("/api/chat", {"model": "pirate", "messages": USER, "stream": False})[2]
    same("its parameters hold", o["eval_count"], 3)
    same("the request's win", s.post("/api/chat", {"model": "pirate", "messages": USER, "stream": False, "options": {"num_predict": 2}})[2]["eval_count"], 2)
    same("on OpenAI's routes too", s.post("/v1/chat/completions", {"model": "pirate", "messages": USER})[2]["usage"]["completion_tokens"], 3)
    for stop in ("q", ["q"], []):
        same(f"there too its stop strings give way to the request's: {stop}", s.post("/v1/chat/completions", {"model": "pirate", "messages": USER, "stop": stop})[0], 200)
    same("create whole", s.post("/api/create", {"model": "p2", "modelfile": "FROM pirate\nSYSTEM x", "stream": False})[2], {"status": "success"})
    same("copy", s.ask("POST", "/api/copy", body=json.dumps({"source": "pirate", "destination": "parrot:1"}))[0], 200)
    result("parrot:1" in [m["name"] for m in s.get("/api/tags")[2]["models"]], "copy: it is listed")
    for name in ("parrot:1", "p2", "pirate:latest"):
        same("delete " + name, s.ask("DELETE", "/api/delete", body=json.dumps({"model": name}))[0], 200)
    same("only that name is gone", [m["name"] for m in s.get("/api/tags")[2]["models"]], ["tiny:latest"])
    for name, path, body, status, *words in (
            ("create from nothing", "create", {"model": "x"}, 400, "from is missing"),
            ("create from a path", "create", {"model": "x", "from": "/etc/passwd"}, 400, "no model's name"),
            ("create a path", "create", {"model": "../x", "from": "tiny"}, 400, "no model's name"),
            ("create over a model of its own", "create", {"model": "tiny", "from": "tiny", "system": "x"}, 400, "stands for a model of its own"),
            ("create: path", "create", {"model": "x", "path": "/etc/passwd"}, 400, "path"),
            ("create: adapters", "create", {"model": "x", "from": "tiny", "adapters": {"a": "b"}}, 400, "adapters"),
            ("create: quantize", "create", {"model": "x", "from": "tiny", "quantize": "q4"}, 400, "quantize"),
            ("create: a parameter that is none", "create", {"model": "x", "from": "tiny", "parameters": {"heat": 1}}, 400, "heat"),
            ("copy of nothing", "copy", {"source": "none", "destination": "x"}, 404, "none"),
            ("copy to a path", "copy", {"source": "tiny", "destination": "../../x"}, 400, "no model's name"),
            ("pull of nothing", "pull", {"model": "none-such"}, 404, "none-such"),
            ("pull from a URL", "pull", {"model": "http://127.0.0.1:1/x"}, 400, "no model's name"),
            ("pull insecurely", "pull", {"model": "tiny", "insecure": True}, 400, "insecure")):
        error(s, name, "/api/" + path, body, status, *words)
    error(s, "delete of nothing", "/api/delete", {"model": "none"}, 404, "none", method="DELETE")
    for bad in ("../../../etc/passwd", "/etc/passwd", "sha256-" + "0" * 64):
        got = s.ask("DELETE", "/api/delete", body=json.dumps({"model": bad}))
        result(got[0] in (400, 404), "delete of a path", got)
    got = lines(s, "/api/pull", {"model": "tiny"})
    same("pull of what is here", (got[0], got[2][0], got[2][-1]), (200, {"status": "pulling manifest"}, {"status": "success"}))


def derived(s):
    """Templates that think and that fill in a middle; one file in memory for all of them."""
    fim = "{{- if .Suffix }}<P>{{ .Prompt }}<S>{{ .Suffix }}<M>{{ else }}{{ range .Messages }}{{ .Content }}{{ end }}{{ end }}"
    s.post("/api/create", {"model": "fim", "from": "tiny", "template": fim, "stream": False})
    ask = {"model": "fim", "prompt": "def f(", "suffix": "): pass", "stream": False, "options": {"num_predict": 2}}
    o = s.post("/api/generate", ask)
    raw = s.post("/api/generate", {"model": "tiny", "prompt": "<P>def f(<S>): pass<M>", "raw": True, "stream": False, "options": {"num_predict": 2}})
    same("suffix through a template that has it", (o[0], o[2]["prompt_eval_count"]), (200, raw[2]["prompt_eval_count"]))
    has("show: its .Suffix is seen", s.post("/api/show", {"model": "fim"})[2]["template"], ".Suffix")
    thinks = "{% for m in messages %}{{ m.content }}{% endfor %}{{ '<think></think>' if enable_thinking is defined and not enable_thinking else '<think>' }}"
    s.post("/api/create", {"model": "thinker", "from": "tiny", "template": thinks, "stream": False})
    same("capabilities", s.post("/api/show", {"model": "thinker"})[2]["capabilities"], ["completion", "tools", "thinking"])
    ask = {"model": "thinker", "messages": USER, "stream": False, "options": {"num_predict": 6, "seed": 3}}
    yes, no = s.post("/api/chat", dict(ask, think=True))[2], s.post("/api/chat", dict(ask, think=False))[2]
    result(no["prompt_eval_count"] > yes["prompt_eval_count"], "think: false is told to the template", yes, no)
    result(yes["message"].get("thinking") and not yes["message"]["content"] and "thinking" not in no["message"], "think: what stands in <think> stands apart", yes, no)
    got = lines(s, "/api/chat", dict(ask, think="high", stream=True))[2]
    same("think in lines: the same", "".join(x["message"].get("thinking", "") for x in got), yes["message"]["thinking"])
    status, _, o = s.get("/tokenizer_info")
    same("with several models /tokenizer_info wants one named", (status, "?model=" in o["error"]["message"]), (400, True))
    same("and then tells of it", s.get("/tokenizer_info?model=fim")[2]["vocab_size"], 400)
    same("one file in memory for all of them", len(s.get("/api/ps")[2]["models"]), 1)
    for name in ("fim", "thinker"):
        s.ask("DELETE", "/api/delete", body=json.dumps({"model": name}))


def described(s):
    paths = s.get("/openapi.json")[2]["paths"]
    for path in ("version", "tags", "show", "ps", "generate", "chat", "embed", "embeddings", "create", "copy", "delete", "pull", "blobs/{digest}"):
        result("/api/" + path in paths, f"/api/{path} is described", sorted(paths))
    for path, methods in paths.items():
        for method in methods if path.startswith(("/api/", "/hearth/models/", "/hearth/blobs/")) else ():
            got = s.ask(method.upper(), path.replace("{name}", "tiny").replace("{digest}", "sha256:").replace("{file}", "x"), body=None if method in ("get", "head") else "{}")[0]
            same(f"{method} {path} is there", got, 200 if path.endswith(("{name}", "version", "tags", "ps")) else 400)


def blobs(s):
    with open(os.path.join(s.home, "tiny.gguf"), "rb") as f:
        data = f.read()
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    wrong = "sha256:" + "0" * 64
    same("blob: not here yet", s.ask("HEAD", "/api/blobs/" + wrong)[0], 404)
    same("blob: stored", s.ask("POST", "/api/blobs/" + digest, body=data)[0], 201)
    same("blob: here", s.ask("HEAD", "/api/blobs/" + digest)[0], 200)
    error(s, "blob: other bytes", "/api/blobs/" + wrong, "x" * 5000, 400, "SHA-256")
    same("blob: and not kept", s.ask("HEAD", "/api/blobs/" + wrong)[0], 404)
    for bad in ("sha256:" + "0" * 63, "sha256:" + "0" * 65, "sha256:" + "G" * 64, "sha256:../../../../tmp/x", "sha256-" + "0" * 64, "..", "x",
                "sha256:" + "0" * 60 + "/../"):
        got = s.ask("POST", "/api/blobs/" + bad, body="x")
        result(got[0] == 400 and "64 lower-case hex digits" in got[2], f"blob {bad[:24]}", got)
    with open(os.path.join(s.home, "models", "partial", "upload.killed"), "w") as f:
        f.write("left by a server that was killed")
    s.ask("POST", "/api/blobs/" + wrong, body="x")
    until(lambda: not os.listdir(os.path.join(s.home, "models", "partial")))         # the disk's threads come to it when they can
    same("nothing is left of refused uploads, nor of a server that was killed", os.listdir(os.path.join(s.home, "models", "partial")), [])
    got = lines(s, "/api/create", {"model": "sent", "files": {"x.gguf": digest}})
    same("create from an upload", (got[0], got[2][-1]), (200, {"status": "success"}))
    same("it answers", s.post("/api/generate", {"model": "sent", "prompt": "x", "stream": False, "options": {"num_predict": 1}})[0], 200)
    error(s, "create from an upload that is not here", "/api/create", {"model": "y", "files": {"x.gguf": wrong}}, 404, "digest")
    error(s, "create from a digest that is none", "/api/create", {"model": "y", "files": {"x.gguf": "sha256:../x"}}, 400, "64 lower-case hex digits")
    text = "no GGUF at all"
    other = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    same("an upload that is no model", s.ask("POST", "/api/blobs/" + other, body=text)[0], 201)
    got = s.post("/api/create", {"model": "y", "files": {"x.gguf": other}})
    result(got[0] == 400 and "error" in got[2], "is refused when it is to become one", got)
    same("delete it", s.ask("DELETE", "/api/delete", body=json.dumps({"model": "sent"}))[0], 200)
    same("and its file goes", s.ask("HEAD", "/api/blobs/" + digest)[0], 404)


server = ModelServer()
try:
    for part in (small, models, generate, chat, further, refused, memory, embeddings, embedder, changes, derived, described, blobs):
        part(server)
finally:
    same("the server ends well", server.stop(), 0)
done()
