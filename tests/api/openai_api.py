"""openai_api.py - OpenAI's protocol on the wire: every field that clients read, in whole answers and in streams; what is refused, and how."""
import base64
import json
import math
import struct
import sys
import threading

sys.path.insert(0, sys.path[0])
from model_server import ModelServer  # noqa: E402
from wire import done, has, lacks, result, same  # noqa: E402

s = ModelServer("--ctx", "512")
CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
HELLO = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}]
ASK = {"model": "tiny", "messages": HELLO, "max_tokens": 24, "seed": 11, "temperature": 1.0}
CHUNK_KEYS = {"id", "object", "created", "model", "system_fingerprint", "choices"}


def models():
    status, _, d = s.get("/v1/models")
    same("the list of models", (status, d["object"], [m["id"] for m in d["data"]]), (200, "list", ["tiny"]))
    m = d["data"][0]
    result(m["object"] == "model" and isinstance(m["created"], int) and m["created"] > 1.7e9 and m["owned_by"] == "local", "what it says of one", m)
    same("one model", s.get("/v1/models/tiny")[::2], (200, m))
    same("by its other spelling", s.get("/v1/models/tiny:latest")[2]["id"], "tiny")
    status, _, d = s.get("/v1/models/nobody")
    same("none of that name", (status, d["error"]["type"], d["error"]["code"], d["error"]["param"]),
         (404, "not_found_error", "model_not_found", "model"))
    same("a path is no name", s.get("/v1/models/%2e%2e%2ftiny.gguf")[0], 404)


def whole():
    status, head, d = s.post(CHAT, ASK)
    same("a whole answer", (status, set(d), d["object"]), (200, CHUNK_KEYS | {"usage", "hearth_receipt", "hearth_receipt_number"}, "chat.completion"))
    c = d["choices"][0]
    same("its choice", (len(d["choices"]), set(c), c["index"], c["logprobs"]), (1, {"index", "message", "logprobs", "finish_reason"}, 0, None))
    same("its message", (set(c["message"]), c["message"]["role"], c["message"]["refusal"]), ({"role", "content", "refusal"}, "assistant", None))
    u = d["usage"]
    result(u["prompt_tokens"] > 5 and 0 < u["completion_tokens"] <= 24 and u["total_tokens"] == u["prompt_tokens"] + u["completion_tokens"] and
           u["prompt_tokens_details"]["cached_tokens"] >= 0, "its usage", u)
    result(d["id"].startswith("chatcmpl-") and d["model"] == "tiny" and d["system_fingerprint"].startswith("hearth-arithmetic-1-"), "its head", d)
    r = d["hearth_receipt"]
    same("its receipt", (r["schema"], r["kind"], r["tokens"]), ("hearth-receipt/1", "answer",
                                                                {"prompt": u["prompt_tokens"], "answer": u["completion_tokens"]}))
    same("which the ledger holds under the header's number", (s.receipts()[0]["id"], str(s.receipts()[0]["number"])), (r["id"], head["hearth-receipt"]))
    same("which has the request's parameters, and no seed", (r["sampling"]["temperature"] != "", "seed" in r["sampling"]), (True, False))
    same("a transcript is not kept", s.transcripts(), [])
    return c["message"]["content"]


def streamed(text):
    status, head, events = s.stream(CHAT, ASK)
    same("a stream", (status, head["content-type"], events[-1]), (200, "text/event-stream", "[DONE]"))
    chunks = events[:-1]
    same("all of one id and time", len({(e["id"], e["created"], e["model"], e["object"]) for e in chunks}), 1)
    same("an object of its own", chunks[0]["object"], "chat.completion.chunk")
    same("the first has the role", chunks[0]["choices"], [{"index": 0, "delta": {"role": "assistant", "content": ""}, "logprobs": None,
                                                           "finish_reason": None}])
    middle, last = chunks[1:-1], chunks[-1]
    result(all(set(e) == CHUNK_KEYS and set(e["choices"][0]["delta"]) == {"content"} and e["choices"][0]["finish_reason"] is None for e in middle),
           "the middle only content", middle[:1])
    same("the same text as whole", "".join(e["choices"][0]["delta"]["content"] for e in middle), text)
    same("the last: nothing but why", (last["choices"][0]["delta"], last["choices"][0]["finish_reason"] in ("stop", "length"), set(last)),
         ({}, True, CHUNK_KEYS | {"hearth_receipt", "hearth_receipt_number"}))
    same("and the receipt", last["hearth_receipt"]["kind"], "answer")
    _, _, events = s.stream(CHAT, dict(ASK, stream_options={"include_usage": True}))
    result(all(e["usage"] is None for e in events[:-2]), "usage is null until", events[0])
    same("the chunk of usage", (events[-2]["choices"], events[-2]["usage"]["total_tokens"] > 0), ([], True))
    _, _, events = s.stream(CHAT, dict(ASK, stream_options={"include_usage": False}))
    result(all("usage" not in e for e in events[:-1]), "no usage unless asked for", events[-2])


def logprobs():
    ask = dict(ASK, logprobs=True, top_logprobs=3, temperature=0, max_tokens=6)
    d = s.post(CHAT, ask)[2]
    c = d["choices"][0]
    content = c["logprobs"]["content"]
    same("a log-probability for each token", (len(content), c["logprobs"]["refusal"]), (d["usage"]["completion_tokens"], None))
    first = content[0]
    same("its fields", (set(first), len(first["top_logprobs"]), set(first["top_logprobs"][0])),
         ({"token", "logprob", "bytes", "top_logprobs"}, 3, {"token", "logprob", "bytes"}))
    result(all(t["logprob"] <= 0 and t["logprob"] == t["top_logprobs"][0]["logprob"] for t in content), "greedy takes the likeliest", content)
    text = bytes(b for t in content for b in t["bytes"] if not t["token"].startswith("<|")).decode("utf-8", "replace")
    same("its bytes are the text's", text.strip(), c["message"]["content"].strip())
    events = s.stream(CHAT, ask)[2]
    told = [t for e in events[:-1] for t in ((e["choices"][0]["logprobs"] or {}).get("content") or [])]
    same("the same in a stream", told, content)
    d = s.post(CHAT, dict(ASK, logprobs=True, max_tokens=2))[2]
    same("without alternatives", d["choices"][0]["logprobs"]["content"][0]["top_logprobs"], [])


def many():
    one = [s.post(CHAT, dict(ASK, seed=11 + i))[2]["choices"][0]["message"]["content"] for i in range(3)]
    status, head, d = s.post(CHAT, dict(ASK, n=3))
    same("n answers, each that of its own seed", [(c["index"], c["message"]["content"]) for c in d["choices"]], list(enumerate(one)))
    same("a receipt each", (len({c["hearth_receipt"]["id"] for c in d["choices"]}), "hearth_receipt" in d, head["hearth-receipt"].count(",")), (3, False, 2))
    result(d["usage"]["completion_tokens"] > d["choices"][0]["hearth_receipt"]["tokens"]["answer"], "usage counts all", d["usage"])
    same("the prompt once", d["usage"]["prompt_tokens"], d["choices"][0]["hearth_receipt"]["tokens"]["prompt"])
    events = s.stream(CHAT, dict(ASK, n=3))[2]
    texts, ends = ["", "", ""], set()
    for e in events[:-1]:
        c = e["choices"][0]
        texts[c["index"]] += c["delta"].get("content", "")
        if c["finish_reason"]:
            ends.add(c["index"])
    same("n in a stream", (texts, ends, events[-1]), (one, {0, 1, 2}, "[DONE]"))
    got = []
    threads = [threading.Thread(target=lambda: got.append(s.post(CHAT, ASK)[2]["choices"][0]["message"]["content"])) for _ in range(16)]
    noise = [threading.Thread(target=lambda i=i: s.post(TEXT, {"model": "tiny", "prompt": "x" * (17 * i), "max_tokens": 30})) for i in range(1, 9)]
    for t in threads + noise:
        t.start()
    for t in threads + noise:
        t.join()
    same("the same bytes among many", (len(got), set(got)), (16, {one[0]}))


def ends():
    whole = s.post(TEXT, {"model": "tiny", "prompt": "abc", "max_tokens": 40, "temperature": 0, "logit_bias": {"2": -100}})[2]["choices"][0]
    same("a limit", whole["finish_reason"], "length")
    stop = next((whole["text"][i:i + 2] for i in range(3, 30) if "\ufffd" not in whole["text"][i:i + 2]), "zz")
    d = s.post(TEXT, {"model": "tiny", "prompt": "abc", "max_tokens": 40, "temperature": 0, "stop": [stop], "logit_bias": {"2": -100}})[2]
    same("a stop string", (d["choices"][0]["text"], d["choices"][0]["finish_reason"]), (whole["text"].split(stop)[0], "stop"))
    d = s.post(TEXT, {"model": "tiny", "prompt": "abc", "max_tokens": 3, "temperature": 0, "logit_bias": {"300": 100}, "logprobs": 0})[2]
    same("a bias", set(d["choices"][0]["logprobs"]["tokens"]).__len__(), 1)
    d = s.post(CHAT, {"model": "tiny", "messages": HELLO, "max_completion_tokens": 3, "temperature": 0, "logit_bias": {"2": -100}})[2]
    same("max_completion_tokens", d["usage"]["completion_tokens"], 3)
    d = s.post(TEXT, {"model": "tiny", "prompt": "abc", "temperature": 0, "logit_bias": {"2": -100}})[2]
    same("16 without a limit, as OpenAI's", d["usage"]["completion_tokens"], 16)


def completions():
    base = {"model": "tiny", "max_tokens": 5, "temperature": 0, "logit_bias": {"2": -100}}
    status, head, d = s.post(TEXT, dict(base, prompt="one two"))
    c = d["choices"][0]
    same("a completion", (status, set(d), d["object"], set(c), c["index"], c["logprobs"]),
         (200, CHUNK_KEYS | {"usage", "hearth_receipt", "hearth_receipt_number"}, "text_completion", {"text", "index", "logprobs", "finish_reason"}, 0, None))
    result(d["id"].startswith("cmpl-"), "its id", d["id"])
    ids = s.post("/tokenize", {"model": "tiny", "content": "one two", "add_special": True})[2]["tokens"]
    same("the prompt as tokens", s.post(TEXT, dict(base, prompt=ids))[2]["choices"][0]["text"], c["text"])
    d = s.post(TEXT, dict(base, prompt=["one two", "three", "one two"]))[2]
    same("many prompts", [x["index"] for x in d["choices"]] + [d["choices"][0]["text"], d["choices"][2]["text"]], [0, 1, 2, c["text"], c["text"]])
    d = s.post(TEXT, dict(base, prompt=[ids, ids[:2]], n=2))[2]
    same("many lists of tokens, n each", ([x["index"] for x in d["choices"]], d["choices"][1]["text"]), ([0, 1, 2, 3], c["text"]))
    d = s.post(TEXT, dict(base, prompt=["x"] * 40, max_tokens=1))[2]
    same("forty prompts at once", len(d["choices"]), 40)
    d = s.post(TEXT, dict(base, prompt="one two", echo=True))[2]
    same("echo", d["choices"][0]["text"], "one two" + c["text"])
    events = s.stream(TEXT, dict(base, prompt="one two", echo=True, stream_options={"include_usage": True}))[2]
    same("echo in a stream", "".join(e["choices"][0]["text"] for e in events[:-2]), "one two" + c["text"])
    same("its last chunks", (events[-3]["choices"][0]["finish_reason"], events[-2]["choices"], events[-1]), ("length", [], "[DONE]"))
    result(all(e["object"] == "text_completion" and e["choices"][0]["finish_reason"] is None for e in events[:-3]), "those before", events[0])


def measured():
    """As lm-evaluation-harness does: log-probabilities of a continuation, from echo, as text and as tokens."""
    ask = {"model": "tiny", "temperature": 0, "max_tokens": 8, "logprobs": 3, "seed": 5, "echo": True, "prompt": "one two three", "logit_bias": {"2": -100}}
    whole = s.post(TEXT, ask)[2]["choices"][0]
    events = [e["choices"][0] for e in s.stream(TEXT, ask)[2][:-1]]
    same("in a stream the prompt, then all of it from a worker", [e["finish_reason"] for e in events], [None, "length"])
    same("which is the same", ("".join(e["text"] for e in events), events[1]["logprobs"]), (whole["text"], whole["logprobs"]))
    base = {"model": "tiny", "temperature": 0, "max_tokens": 1, "logprobs": 1, "seed": 1234, "echo": True}
    ids = s.post("/tokenize", {"model": "tiny", "content": "the cat sat on", "add_special": True})[2]["tokens"]
    d = s.post(TEXT, dict(base, prompt=[ids, ids[:4]]))[2]
    for c, n in zip(sorted(d["choices"], key=lambda c: c["index"]), (len(ids), 4)):
        lp = c["logprobs"]
        same("echo of tokens: one more than the prompt", {len(lp[k]) for k in ("tokens", "token_logprobs", "top_logprobs", "text_offset")}, {n + 1})
        same("the first has none", (lp["token_logprobs"][0], lp["top_logprobs"][0]), (None, None))
        result(all(x <= 0 and x <= max(t.values()) + 1e-6 for x, t in zip(lp["token_logprobs"][1:-1], lp["top_logprobs"][1:-1])),
               "each is among its alternatives", lp["token_logprobs"])
    long, short = (c["logprobs"] for c in d["choices"])
    same("what is read later changes nothing before", long["token_logprobs"][:4], short["token_logprobs"][:4])
    d = s.post(TEXT, dict(base, prompt="the cat sat on"))[2]
    same("the same from a text", d["choices"][0]["logprobs"]["token_logprobs"], long["token_logprobs"])
    d = s.post(TEXT, dict(base, prompt="the cat sat on", max_tokens=0))[2]
    same("max_tokens 0: the prompt alone", (d["choices"][0]["text"], len(d["choices"][0]["logprobs"]["tokens"]), d["usage"]["completion_tokens"]),
         ("the cat sat on", len(ids), 0))
    # the same log-probability as when the token is generated
    after = s.post(TEXT, {"model": "tiny", "prompt": ids[:-1], "temperature": 0, "max_tokens": 1, "logprobs": 20, "logit_bias": {str(ids[-1]): 100}})[2]
    same("equal to generating it", after["choices"][0]["logprobs"]["token_logprobs"][0], long["token_logprobs"][len(ids) - 1])
    # a model that ends at once still has one place behind the prompt
    d = s.post(TEXT, dict(base, prompt=ids, logit_bias={"2": 100}))[2]
    lp = d["choices"][0]["logprobs"]
    same("an end has its place", (d["choices"][0]["finish_reason"], len(lp["tokens"]), lp["tokens"][-1], lp["token_logprobs"][-1]),
         ("stop", len(ids) + 1, "", None))
    long_text = "é" + "a" * 30
    lp = s.post(TEXT, dict(base, prompt=long_text, max_tokens=0))[2]["choices"][0]["logprobs"]
    result(all(a <= b for a, b in zip(lp["text_offset"], lp["text_offset"][1:])) and lp["text_offset"][-1] < len(long_text), "offsets in characters",
           lp["text_offset"])


def embeddings():
    status, _, d = s.post("/v1/embeddings", {"model": "tiny", "input": ["one", "two", "one"]})
    v = [e["embedding"] for e in d["data"]]
    same("embeddings", (status, d["object"], d["model"], [e["index"] for e in d["data"]], {e["object"] for e in d["data"]}, len(v[0])),
         (200, "list", "tiny", [0, 1, 2], {"embedding"}, 64))
    result(v[0] == v[2] and v[0] != v[1] and abs(math.fsum(x * x for x in v[0]) - 1) < 1e-5, "of length 1", v[0][:3])
    result(d["usage"]["prompt_tokens"] == d["usage"]["total_tokens"] > 0, "usage", d["usage"])
    b = s.post("/v1/embeddings", {"model": "tiny", "input": "one", "encoding_format": "base64"})[2]["data"][0]["embedding"]
    same("base64 is little-endian float32", list(struct.unpack("<64f", base64.b64decode(b))), [struct.unpack("<f", struct.pack("<f", x))[0] for x in v[0]])
    ids = s.post("/tokenize", {"model": "tiny", "content": "one", "add_special": True})[2]["tokens"]
    same("of tokens", s.post("/v1/embeddings", {"model": "tiny", "input": ids})[2]["data"][0]["embedding"], v[0])
    same("of lists of tokens", len(s.post("/v1/embeddings", {"model": "tiny", "input": [ids, ids]})[2]["data"]), 2)
    short = s.post("/v1/embeddings", {"model": "tiny", "input": "one", "dimensions": 8})[2]["data"][0]["embedding"]
    scale = math.sqrt(math.fsum(x * x for x in v[0][:8]))
    result(len(short) == 8 and all(abs(a - b / scale) < 1e-6 for a, b in zip(short, v[0])), "fewer dimensions, scaled again", short)
    status, _, d = s.post("/v1/rerank", {"model": "tiny", "query": "one", "documents": ["two", "one", {"text": "three"}], "top_n": 2, "return_documents": True})
    same("rerank", (status, d["results"][0]["index"], d["results"][0]["document"], len(d["results"])), (200, 1, {"text": "one"}, 2))
    result(d["results"][0]["relevance_score"] > 0.99 and "cosine" in d["method"], "and how", d)
    same("by its short path", s.post("/rerank", {"model": "tiny", "query": "a", "documents": ["b"]})[0], 200)


def refused():
    def no(name, path, body, param, words, status=400, kind="invalid_request_error"):
        got, _, d = s.post(path, body)
        e = d.get("error", {}) if isinstance(d, dict) else {}
        result(got == status and set(e) == {"message", "type", "param", "code"} and e["type"] == kind and e["param"] == param and words in e["message"],
               "refused: " + name, got, d)

    def chat(name, param, words, **more):
        no(name, CHAT, dict(ASK, **more), param, words)

    def part(**p):
        return [{"role": "user", "content": [p]}]
    no("no JSON", CHAT, "{", None, "")
    no("no object", CHAT, "[]", None, "")
    no("no model", CHAT, {"messages": HELLO}, "model", "model is missing")
    no("no such model", CHAT, dict(ASK, model="nobody"), "model", "/v1/models of a server, shows those that are here", 404, "not_found_error")
    no("a path", CHAT, dict(ASK, model="/etc/passwd"), None, "no model's name")
    chat("an unknown field", "foo", "foo is no field", foo=1)
    chat("no messages", "messages", "list of 1 to", messages=[])
    chat("an unknown role", "messages", "messages[0].role is \"robot\"", messages=[{"role": "robot", "content": "x"}])
    chat("an image", "messages", "image_url", messages=part(type="image_url", image_url={"url": "data:"}))
    chat("sound", "messages", "input_audio", messages=part(type="input_audio", input_audio={}))
    chat("no content", "messages", "messages[0].content", messages=[{"role": "user"}])
    same("10.0 is a whole number", s.post(CHAT, dict(ASK, max_tokens=2.0, top_k=1e1))[2]["usage"]["completion_tokens"], 2)
    status, _, d = s.post(TEXT, {"model": "tiny", "prompt": "x", "n": 256, "max_tokens": 1500, "logprobs": 20})
    result(status == 400 and d["error"]["param"] == "max_tokens" and "more than the 2000000" in d["error"]["message"], "more log-probabilities than memory is for", d)
    has("a NUL, told in words", s.post(CHAT, dict(ASK, user="\0"))[2]["error"]["message"], "a text has \\u0000 in it, which is not allowed")
    for name, value, words in (("temperature", 2.5, "0 to 2"), ("temperature", "hot", "\"hot\""), ("top_p", -0.1, "0 to 1"), ("n", 0, "1 to"), ("n", 1000000, "1 to 256"), ("n", 10 ** 18, "1 to 256"),
                               ("max_tokens", 0, "1 or more"), ("max_tokens", 1.5, "whole number"), ("seed", "x", "whole number"),
                               ("presence_penalty", 3, "-2 to 2"), ("stop", [1], "texts"), ("stop", [""], "empty"), ("logit_bias", {"x": 1}, "token id"),
                               ("logit_bias", {"5": 101}, "-100 to 100"), ("logprobs", 1, "true or false"), ("top_logprobs", 3, "logprobs is not true"),
                               ("stream", "yes", "true or false"), ("stream_options", {"include_usage": True}, "stream is not true"),
                               ("response_format", {"type": "xml"}, "json_schema"), ("response_format", {"type": "json_schema"}, "schema is missing"),
                               ("tools", {}, "list"), ("tools", [{"type": "web"}], "function"), ("tool_choice", "required", "no tools"),
                               ("tool_choice", "must", "none, auto, required"), ("store", True, "not stored"), ("service_tier", "flex", "one tier"),
                               ("modalities", ["audio"], "text only"), ("audio", {}, "text only"), ("functions", [{}], "tools"),
                               ("function_call", "auto", "tool"), ("web_search_options", {}, "looks nothing up"), ("verbosity", "low", "prompt"),
                               ("reasoning_effort", "much", "none, minimal"), ("keep_alive", "5m", "number"), ("chat_template_kwargs", [], "object")):
        chat(f"{name} {value!r}", name, words, **{name: value})
    for name in ("n_probs", "return_progress", "timings_per_token"):                # llama-server's, and not had here
        chat(name, name, name + " is no field", **{name: 1})
    for path in ("/infill", "/slots"):
        got, head, d = s.get(path)
        same(path + " is not here, and says so", (got, path in (d["error"]["message"] if isinstance(d, dict) else d)), (404, True))
    chat("two limits that differ", "max_tokens", "differ", max_tokens=3, max_completion_tokens=4)
    chat("two forms", "grammar", "only one", grammar="root ::= \"a\"", response_format={"type": "json_object"})
    chat("a schema beside tools", "response_format", "exclude", tools=[{"type": "function", "function": {"name": "f"}}],
         response_format={"type": "json_object"})
    chat("an unknown tool by name", "tool_choice", "not among", tools=[{"type": "function", "function": {"name": "f"}}],
         tool_choice={"type": "function", "function": {"name": "g"}})
    long = dict(ASK, messages=[{"role": "user", "content": "word " * 2000}])
    got, _, d = s.post(CHAT, long)
    same("a prompt that is too long", (got, d["error"]["code"]), (400, "context_length_exceeded"))
    result("512" in d["error"]["message"] and any(w.isdigit() and int(w) > 2000 for w in d["error"]["message"].split()), "names both counts", d)
    no("a suffix", TEXT, {"model": "tiny", "prompt": "a", "suffix": "b"}, None, "filling in a middle")
    no("no prompt", TEXT, {"model": "tiny"}, "prompt", "prompt is missing")
    no("a prompt of nothing", TEXT, {"model": "tiny", "prompt": []}, "prompt", "1 to 256")
    no("prompts times n", TEXT, {"model": "tiny", "prompt": ["a"] * 2, "n": 200}, "prompt", "400 answers")
    no("ten thousand prompts", TEXT, {"model": "tiny", "prompt": ["a"] * 10000}, "prompt", "10000")
    no("the best of three", TEXT, {"model": "tiny", "prompt": "a", "best_of": 3}, "best_of", "not searched for")
    no("a token that is none", TEXT, {"model": "tiny", "prompt": [5, 400]}, None, "id 400, should be 0 to 399")
    no("too many answers", TEXT, {"model": "tiny", "prompt": ["a"] * 200, "n": 2}, "prompt", "400 answers")
    no("messages for a text", TEXT, {"model": "tiny", "prompt": "a", "messages": HELLO}, "messages", "no field")
    no("no input", "/v1/embeddings", {"model": "tiny"}, "input", "input is missing")
    no("an empty input", "/v1/embeddings", {"model": "tiny", "input": ""}, None, "empty")
    no("too many dimensions", "/v1/embeddings", {"model": "tiny", "input": "a", "dimensions": 65}, None, "65, but vectors of tiny have 64")
    no("another encoding", "/v1/embeddings", {"model": "tiny", "input": "a", "encoding_format": "hex"}, "encoding_format", "float or base64")
    no("keep_alive of embeddings", "/v1/embeddings", {"model": "tiny", "input": "a", "keep_alive": 1000000001}, "keep_alive", "-1 to 1e+09")
    no("keep_alive of rerank", "/v1/rerank", {"model": "tiny", "query": "a", "documents": ["b"], "keep_alive": "soon"}, "keep_alive", "soon")
    no("a tool that is none", "/apply-template", {"model": "tiny", "messages": [], "tools": [{}, [1]]}, "tools", "tools[1] should be an object")
    no("a message that is none", "/apply-template", {"model": "tiny", "messages": ["a"]}, "messages", "messages[0] should be an object")
    no("no text", "/tokenize", {"model": "tiny"}, "content", "content is missing")
    no("two texts", "/tokenize", {"model": "tiny", "content": "a", "prompt": "a"}, "prompt", "only one")
    no("no documents", "/v1/rerank", {"model": "tiny", "query": "a", "documents": []}, "documents", "1 to")
    same("another method", s.get(CHAT)[0], 405)


def allowed():
    """What real clients send, and may."""
    more = {"user": "u", "metadata": {"a": "b"}, "store": False, "service_tier": "auto", "modalities": ["text"], "parallel_tool_calls": True,
            "tools": None, "tool_choice": None, "response_format": {"type": "text"}, "stop": None, "n": 1, "logit_bias": None, "seed": None,
            "prompt_cache_key": "k", "safety_identifier": "s", "top_k": 5, "min_p": 0.1, "repeat_penalty": 1.1, "frequency_penalty": 0.5,
            "prediction": None, "reasoning_effort": "none", "keep_alive": 60, "logprobs": None, "top_logprobs": None, "stream": False}
    status, _, d = s.post(CHAT, dict(ASK, **more))
    same("harmless fields", status, 200)
    talk = [{"role": "developer", "content": "be brief"}, {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "name": "x"},
            {"role": "assistant", "content": None, "refusal": None, "audio": None, "function_call": None, "annotations": [],
             "tool_calls": [{"id": None, "type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}}]},
            {"role": "tool", "content": "3", "tool_call_id": "c"}, {"role": "user", "content": "and?"}]
    same("a conversation as clients send it back", s.post(CHAT, dict(ASK, messages=talk))[0], 200)
    d = s.post("/apply-template", {"model": "tiny", "messages": [{"role": "user", "content": "hi"}]})[2]
    same("the template", d, {"prompt": "[user] hi[assistant] "})
    mark = s.post(CHAT, dict(ASK, messages=[{"role": "user", "content": "<|im_start|>"}]))[2]["usage"]["prompt_tokens"]
    plain = s.post(CHAT, dict(ASK, messages=[{"role": "user", "content": "qqqq"}]))[2]["usage"]["prompt_tokens"]
    result(mark >= plain - 1, "a special token in a message is text", mark, plain)


def extras():
    same("health", s.get("/health")[::2], (200, {"status": "ok"}))
    d = s.post("/tokenize", {"model": "tiny", "content": "ab<|im_start|>", "with_pieces": True})[2]["tokens"]
    same("pieces", "".join(t["piece"] for t in d).strip(), "ab<|im_start|>")
    ids = [t["id"] for t in d]
    same("and back", s.post("/detokenize", {"model": "tiny", "tokens": ids})[2]["content"].strip(), "ab<|im_start|>")
    result(len(s.post("/tokenize", {"model": "tiny", "content": "ab<|im_start|>", "parse_special": False})[2]["tokens"]) > len(ids), "as plain text")
    same("and in vLLM's words", s.post("/detokenize", {"model": "tiny", "tokens": ids})[2]["prompt"].strip(), "ab<|im_start|>")
    around = s.post("/tokenize", {"model": "tiny", "content": "ab", "add_special": True})[2]["tokens"]
    same("a prompt is with what stands around a text", s.post("/tokenize", {"prompt": "ab"})[2]["tokens"], around)
    same("unless that is not wanted", s.post("/tokenize", {"prompt": "ab", "add_special_tokens": False})[2]["tokens"],
         s.post("/tokenize", {"model": "tiny", "content": "ab"})[2]["tokens"])
    status, _, d = s.get("/tokenizer_info")
    same("the tokenizer of the only model", (status, sorted(d), d["model"], d["vocab_size"], d["model_max_length"], "[{{ m.role }}]" in d["chat_template"]),
         (200, ["bos_token", "chat_template", "eos_token", "model", "model_max_length", "vocab_size"], "tiny", 400, 2048, True))
    same("its ends are tokens", s.post("/tokenize", {"prompt": d["bos_token"] + d["eos_token"], "add_special_tokens": False})[2]["tokens"].__len__(), 2)
    status, _, d = s.get("/tokenizer_info?model=nobody")
    same("of a model that is not there", (status, d["error"]["code"]), (404, "model_not_found"))
    d = s.get("/props")[2]
    same("props", (d["models"][0]["name"], d["default_generation_settings"], d["arithmetic"]), ("tiny", {"n_ctx": 512}, 1))
    lacks("no path of this machine", json.dumps(d), s.home)
    status, head, text = s.get("/metrics")
    same("metrics", (status, head["content-type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
    names = {line.split(" ")[2] for line in text.splitlines() if line.startswith("# TYPE")}
    values = [line for line in text.splitlines() if not line.startswith("#")]
    result(all(line.rsplit(" ", 1)[0].split("{")[0] for line in values) and len(names) == text.count("# HELP"), "its form", values[:3])
    for name in ("answers_total", "receipts_total", "prompt_tokens_total", "answer_tokens_total", "energy_joules_total", "first_token_seconds_count",
                 "answer_seconds_sum", "model_memory_bytes", "requests_refused_total", "http_requests_total"):
        has("it counts " + name, text, "hearth_" + name)
    result(s.metric("receipts_total") == s.metric("answers_total") > 10, "a receipt for each answer")
    result(s.metric("energy_joules_total") > 0 and s.metric("prompt_tokens_cached_total") > 0, "joules, and prompts remembered")


def described():
    status, _, api = s.get("/openapi.json")
    same("the description", (status, api["openapi"][:3]), (200, "3.1"))
    for path, methods in api["paths"].items():
        for method in methods if not path.startswith(("/api/", "/hearth/")) else ():      # those are ollama.py's
            got = s.ask(method.upper(), path.replace("{model}", "tiny"), "Content-Type: application/json",
                        body='{"model": "tiny"}' if method == "post" else None)[0]
            same(f"{method} {path} is there", got, 400 if method == "post" else 200)
    for path, schema in ((CHAT, "ChatRequest"), (TEXT, "CompletionRequest"), ("/v1/embeddings", "EmbeddingRequest"), ("/v1/rerank", "RerankRequest"),
                         ("/v1/responses", "ResponsesRequest")):
        fields = api["components"]["schemas"][schema]["properties"]
        good = {"model": "tiny", "messages": HELLO, "prompt": "a", "input": "a", "query": "a", "documents": ["a"], "max_tokens": 1,
                "max_output_tokens": 1}
        body = {k: good.get(k) for k in fields if k != "prompt" or schema == "CompletionRequest"}
        same(f"every field of {schema} is one, and null is none", s.post(path, body)[0], 200)


try:
    models()
    streamed(whole())
    logprobs()
    many()
    ends()
    completions()
    measured()
    embeddings()
    refused()
    allowed()
    extras()
    described()
    same("the server ends well", s.stop(), 0)
finally:
    s.stop()
done()
