"""messages.py - Anthropic's /v1/messages and count_tokens on the wire: blocks, events in their order, tools, forms, errors in its own form, keys."""
import json
import sys

sys.path.insert(0, sys.path[0])
from model_server import ModelServer  # noqa: E402
from wire import done, has, result, same, typed_events  # noqa: E402

s = ModelServer("--ctx", "1024")
PATH, COUNT = "/v1/messages", "/v1/messages/count_tokens"
USER = [{"role": "user", "content": "hello"}]
ASK = {"model": "tiny", "messages": USER, "max_tokens": 24, "seed": 3, "temperature": 1.0}
CLOCK = {"name": "clock", "description": "The time", "input_schema": {"type": "object", "properties": {"zone": {"enum": ["utc", "here"]}}, "required": ["zone"],
                                                                      "additionalProperties": False}}
EPHEMERAL = {"type": "ephemeral"}


def events(body):
    return typed_events(s, PATH, body)


def chat(**more):
    """The same question over OpenAI's protocol."""
    body = {"model": "tiny", "messages": USER, "max_tokens": 24, "seed": 3, "temperature": 1.0, "reasoning_effort": "none"}
    return s.post("/v1/chat/completions", dict(body, **more))[2]


def whole():
    status, head, d = s.post(PATH, ASK, "anthropic-version: 2023-06-01")
    same("a message", (status, d["type"], d["role"], d["model"], d["stop_sequence"]), (200, "message", "assistant", "tiny", None))
    same("its fields", list(d)[:8], ["id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"])
    result(d["id"].startswith("msg_") and head["hearth-receipt"] == str(d["hearth_receipt_number"]) and d["hearth_receipt"]["kind"] == "answer", "its id and receipt", d)
    same("one block of text", [(b["type"], sorted(b)) for b in d["content"]], [("text", ["text", "type"])])
    wanted = chat()
    u, v = d["usage"], wanted["usage"]
    same("the same words as a chat's", (d["content"][0]["text"], u["output_tokens"]), (wanted["choices"][0]["message"]["content"], v["completion_tokens"]))
    same("why it ended", d["stop_reason"], {"stop": "end_turn", "length": "max_tokens"}[wanted["choices"][0]["finish_reason"]])
    same("usage", (sorted(u), u["input_tokens"] + u["cache_read_input_tokens"], u["cache_creation_input_tokens"]),
         (["cache_creation_input_tokens", "cache_read_input_tokens", "input_tokens", "output_tokens"], v["prompt_tokens"], 0))
    blocks = [{"role": "user", "content": [{"type": "text", "text": "hello", "cache_control": EPHEMERAL}]}]
    same("blocks are text", s.post(PATH, dict(ASK, messages=blocks))[2]["content"], d["content"])
    with_system = s.post(PATH, dict(ASK, system="be brief"))[2]
    same("system, and as blocks", s.post(PATH, dict(ASK, system=[{"type": "text", "text": "be brief", "cache_control": EPHEMERAL}]))[2]["content"], with_system["content"])
    same("it is a chat's", with_system["content"][0]["text"],
         chat(messages=[{"role": "system", "content": "be brief"}, *USER])["choices"][0]["message"]["content"])
    turns = [{"role": "user", "content": "hel"}, {"role": "user", "content": [{"type": "text", "text": "lo"}]}, {"role": "assistant", "content": [
        {"type": "thinking", "thinking": "hm", "signature": "x"}, {"type": "text", "text": "yes", "citations": None}]}, {"role": "user", "content": "so"}]
    same("neighbours are one turn, thoughts are left out", s.post(PATH, dict(ASK, messages=turns))[2]["content"][0]["text"],
         chat(messages=[{"role": "user", "content": "hel\nlo"}, {"role": "assistant", "content": "yes"}, {"role": "user", "content": "so"}])["choices"][0]["message"]["content"])
    same("what changes nothing", s.post(PATH, dict(ASK, metadata={"user_id": "u"}, cache_control=EPHEMERAL, service_tier="auto", thinking={"type": "disabled"}, top_k=None,
                                                   tools=[], mcp_servers=[]))[2]["content"], d["content"])
    return d


def stops(d):
    text = d["content"][0]["text"]
    stop = next(text[i:i + 2] for i in range(2, 20) if "\ufffd" not in text[i:i + 2] and text[i:i + 2].strip())
    cut = s.post(PATH, dict(ASK, stop_sequences=["never said", stop]))[2]
    same("a stop sequence", (cut["content"][0]["text"], cut["stop_reason"], cut["stop_sequence"]), (text.split(stop)[0], "stop_sequence", stop))
    e = events(dict(ASK, stop_sequences=[stop]))[2]
    same("in a stream", e[-2]["delta"], {"stop_reason": "stop_sequence", "stop_sequence": stop})
    one = s.post(PATH, dict(ASK, max_tokens=1))[2]
    same("max_tokens", (one["stop_reason"], one["usage"]["output_tokens"]), ("max_tokens", 1))
    s.post("/api/create", {"model": "derived", "from": "tiny", "parameters": {"stop": [stop]}, "stream": False})
    own = s.post(PATH, dict(ASK, model="derived"))[2]
    same("a derived model's own stop ends the turn", (own["content"][0]["text"], own["stop_reason"], own["stop_sequence"]), (text.split(stop)[0], "end_turn", None))


def streamed(d):
    status, head, e = events(ASK)
    same("a stream", (status, head["content-type"], head["cache-control"]), (200, "text/event-stream", "no-cache"))
    kinds = [x["type"] for x in e]
    same("its beginning", kinds[:3], ["message_start", "ping", "content_block_start"])
    same("its end", kinds[-3:], ["content_block_stop", "message_delta", "message_stop"])
    same("only deltas between", set(kinds[3:-3]), {"content_block_delta"})
    m = e[0]["message"]
    same("message_start", (m["id"][:4], m["content"], m["stop_reason"], m["stop_sequence"], m["usage"]["output_tokens"], "hearth_receipt" in m),
         ("msg_", [], None, None, 0, False))
    same("ping", e[1], {"type": "ping"})
    same("the block", (e[2]["index"], e[2]["content_block"], e[-3]), (0, {"type": "text", "text": ""}, {"type": "content_block_stop", "index": 0}))
    same("the same text", "".join(x["delta"]["text"] for x in e[3:-3]), d["content"][0]["text"])
    same("deltas", {(x["index"], x["delta"]["type"], tuple(sorted(x["delta"]))) for x in e[3:-3]}, {(0, "text_delta", ("text", "type"))})
    same("message_delta", (e[-2]["delta"], e[-2]["usage"]["output_tokens"], sum(v for k, v in e[-2]["usage"].items() if "input" in k)),
         ({"stop_reason": d["stop_reason"], "stop_sequence": None}, d["usage"]["output_tokens"], m["usage"]["input_tokens"]))
    same("the receipt comes with it", (e[-2]["hearth_receipt"]["kind"], isinstance(e[-2]["hearth_receipt_number"], int)), ("answer", True))
    same("message_stop", e[-1], {"type": "message_stop"})


def calls():
    held = dict(ASK, tools=[CLOCK], tool_choice={"type": "any", "disable_parallel_tool_use": True}, max_tokens=80)
    d = s.post(PATH, held)[2]
    c = d["content"][0]
    same("a call", (len(d["content"]), c["type"], sorted(c), c["name"], c["input"]["zone"] in ("utc", "here"), d["stop_reason"]),
         (1, "tool_use", ["id", "input", "name", "type"], "clock", True, "tool_use"))
    result(c["id"].startswith("toolu_"), "its id", c)
    e = events(dict(held, tool_choice={"type": "tool", "name": "clock", "disable_parallel_tool_use": True}))[2]
    same("its events", [x["type"] for x in e[2:]], ["content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop"])
    same("its block begins empty", (e[2]["content_block"]["type"], e[2]["content_block"]["name"], e[2]["content_block"]["input"]), ("tool_use", "clock", {}))
    same("its input is JSON", (e[3]["delta"]["type"], set(json.loads(e[3]["delta"]["partial_json"]))), ("input_json_delta", {"zone"}))
    same("the stream's reason", e[-2]["delta"], {"stop_reason": "tool_use", "stop_sequence": None})
    back = [{"role": "user", "content": "what time?"}, {"role": "assistant", "content": [{"type": "text", "text": "I look"}, c]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": c["id"], "content": "noon"}, {"type": "text", "text": "well?"}]}]
    free = dict(ASK, messages=back, tools=[CLOCK])
    told = s.post(PATH, free)
    same("its result goes back", told[0], 200)
    calls_ = [{"id": "call00001", "type": "function", "function": {"name": "clock", "arguments": json.dumps(c["input"])}}]
    alike = [back[0], {"role": "assistant", "content": "I look", "tool_calls": calls_}, {"role": "tool", "tool_call_id": "call00001", "name": "clock", "content": "noon"},
             {"role": "user", "content": "well?"}]
    same("as a chat's", told[2]["content"][0]["text"],
         chat(messages=alike, tools=[{"type": "function", "function": {"name": "clock", "description": "The time", "parameters": CLOCK["input_schema"]}}])["choices"][0]["message"]["content"])
    text = json.dumps(free).replace(c["id"], "toolu_other")
    same("whatever the id is", s.post(PATH, text)[2]["content"], told[2]["content"])
    back[2]["content"][0].update(content=[{"type": "text", "text": "no clock"}], is_error=True)
    same("a failed call", s.post(PATH, free)[0], 200)
    same("none", s.post(PATH, dict(free, tool_choice={"type": "none"}))[2]["stop_reason"] in ("end_turn", "max_tokens"), True)
    same("strict, where calls are held", s.post(PATH, dict(held, tools=[dict(CLOCK, strict=True, type="custom", cache_control=EPHEMERAL)]))[0], 200)
    form = {"format": {"type": "json_schema", "schema": {"enum": ["left", "right"]}}}
    result(json.loads(s.post(PATH, dict(ASK, output_config=form))[2]["content"][0]["text"]) in ("left", "right"), "a form")


def counted():
    ask = {"model": "tiny", "messages": USER, "system": "be brief", "tools": [CLOCK]}
    status, head, d = s.post(COUNT, ask)
    u = s.post(PATH, dict(ask, max_tokens=1))[2]["usage"]
    same("tokens counted", (status, list(d), d["input_tokens"]), (200, ["input_tokens"], u["input_tokens"] + u["cache_read_input_tokens"]))
    result("hearth-receipt" not in head, "no receipt: nothing was answered")
    long = s.post(COUNT, {"model": "tiny", "messages": [{"role": "user", "content": "word " * 2000}]})
    result(long[0] == 200 and long[2]["input_tokens"] > 1024, "also of what does not fit", long)
    for name, body, words in (("max_tokens", dict(ask, max_tokens=1), "max_tokens"), ("no messages", {"model": "tiny"}, "messages"), ("nobody", dict(ask, model="nobody"), "nobody")):
        status, _, d = s.post(COUNT, body)
        same("count refuses: " + name, (status, d["type"]), (404 if name == "nobody" else 400, "error"))
        has("and says so", d["error"]["message"], words)


def gone_on_with():
    """A last turn of the assistant is what the answer begins with: the same tokens as when the text is written out."""
    turns = [*USER, {"role": "assistant", "content": [{"type": "text", "text": "Well, <s> yes"}]}]
    status, _, d = s.post(PATH, dict(ASK, messages=turns))
    ids = s.post("/tokenize", {"model": "tiny", "content": "[user] hello[assistant] Well, <s> yes", "parse_special": False})[2]["tokens"]
    text = s.post("/v1/completions", dict(model="tiny", prompt=ids, max_tokens=24, seed=3, temperature=1.0))[2]
    same("an answer is gone on with", (status, d["content"][0]["text"]), (200, text["choices"][0]["text"]))
    same("in a stream too", "".join(e["delta"]["text"] for e in events(dict(ASK, messages=turns))[2] if e["type"] == "content_block_delta"), d["content"][0]["text"])
    n, without = (s.post(COUNT, {"model": "tiny", "messages": m})[2]["input_tokens"] for m in (turns, USER))
    same("its beginning is counted", n, d["usage"]["input_tokens"] + d["usage"]["cache_read_input_tokens"])
    result(n > without, "as tokens of the prompt", n, without)


def user(*blocks):
    return [{"role": "user", "content": list(blocks)}]


def refused():
    call = {"type": "tool_use", "id": "a", "name": "clock", "input": {}}
    answer = {"type": "tool_result", "tool_use_id": "a", "content": "x"}
    for body, words in (
            ({"model": None}, "model is missing"), ({"max_tokens": None}, "max_tokens is missing"), ({"max_tokens": 0}, "1 to"), ({"messages": []}, "1 to 4096"),
            ({"messages": "hi"}, "list of 1"), ({"foo": 1}, "foo is no field"), ({"temperature": 3}, "temperature"), ({"stop_sequences": "x"}, "list"),
            ({"stop_sequences": [""]}, "stop_sequences[0]"), ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, "thinking.type is \"enabled\""),
            ({"thinking": {"type": "adaptive"}}, "thinking"), ({"container": "c"}, "container"), ({"mcp_servers": [{}]}, "mcp_servers"),
            ({"context_management": {}}, "context_management"), ({"service_tier": "batch"}, "service_tier"), ({"metadata": {"x": 1}}, "metadata.x"),
            ({"output_config": {"effort": "low"}}, "output_config.effort"), ({"output_config": {"format": {"type": "text"}}}, "output_config.format"),
            ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"), ({"messages": [{"role": "user", "content": []}]}, "messages[0].content"),
            ({"messages": [*USER, {"role": "assistant", "content": "Well, "}]}, "end with white space"), ({"messages": [*USER, {"role": "assistant", "content": [call]}]}, "not text only"),
            ({"messages": [*USER, {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}]}]}, "not text only"), ({"messages": [{"role": "assistant", "content": "x"}]}, "one of the user"),
            ({"messages": [*USER, {"role": "assistant", "content": "x"}], "tools": [CLOCK], "tool_choice": {"type": "any"}}, "tool_choice holds all"),
            ({"messages": [*USER, {"role": "assistant", "content": "x"}], "output_config": {"format": {"type": "json_schema", "schema": {}}}}, "output_config.format holds all"), ({"messages": [dict(USER[0], name="x")]}, "messages[0].name"),
            ({"messages": user({"type": "image", "source": {}})}, "\"image\""), ({"messages": user({"type": "document", "source": {}})}, "\"document\""),
            ({"messages": user({"type": "text"})}, "content[0].text"), ({"messages": user({"type": "text", "text": "x", "foo": 1})}, "content[0].foo"), ({"messages": user("x")}, "with a type"),
            ({"messages": user({"type": "thinking", "thinking": "x"})}, "\"thinking\""), ({"messages": user(call)}, "\"tool_use\""), ({"messages": user(answer)}, "no tool_use before it"),
            ({"messages": [{"role": "assistant", "content": [call]}, *user({"type": "text", "text": "x"}, answer)]}, "results come first"),
            ({"messages": [{"role": "assistant", "content": [call]}, *user(dict(answer, content=[{"type": "image"}]))]}, "content[0].content[0]"),
            ({"messages": [{"role": "assistant", "content": [dict(call, input="x")]}, *USER]}, "an object as input"), ({"system": [{"type": "image"}]}, "system[0]"), ({"system": 1}, "system"),
            ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "web_search_20250305"), ({"tools": [{"name": "x"}]}, "input_schema"),
            ({"tools": [dict(CLOCK, strict=True)]}, "strict"), ({"tools": [dict(CLOCK, defer_loading=True)]}, "defer_loading"), ({"tools": [dict(CLOCK, input_examples=[{}])]}, "input_examples"), ({"tools": [dict(CLOCK, input_examples={})]}, "input_examples"),
            ({"tools": [dict(CLOCK, allowed_callers={})]}, "allowed_callers"), ({"tools": [dict(CLOCK, strict=1)]}, "strict should be"), ({"tools": [dict(CLOCK, defer_loading=1)]}, "defer_loading"),
            ({"tools": [dict(CLOCK, x=1)]}, "tools[0].x"), ({"tools": [dict(CLOCK, type={})]}, "type should be custom"), ({"tools": [dict(CLOCK, allowed_callers=["code"])]}, "allowed_callers"), ({"tools": [CLOCK], "tool_choice": "any"}, "tool_choice.type"),
            ({"tool_choice": {"type": "any"}}, "there are no tools"), ({"tools": [CLOCK], "tool_choice": {"type": "tool"}}, "tool_choice.name"),
            ({"tools": [CLOCK], "tool_choice": {"type": "tool", "name": "watch"}}, "watch"),
            ({"tools": [CLOCK], "output_config": {"format": {"type": "json_schema", "schema": {}}}}, "exclude each other"),
            ({"messages": [{"role": "user", "content": "word " * 2000}]}, "nothing was left out")):
        status, _, d = s.post(PATH, dict(ASK, **body))
        same(f"refused: {str(body)[:60]}", (status, d["type"], sorted(d["error"]), d["error"]["type"]), (400, "error", ["message", "type"], "invalid_request_error"))
        has("with the reason", d["error"]["message"], words)
    for name, got, status, kind in (("no such model", s.post(PATH, dict(ASK, model="nobody")), 404, "not_found_error"),
                                    ("no JSON", s.post(PATH, "{"), 400, "invalid_request_error"), ("a GET", s.get(PATH), 405, "invalid_request_error"),
                                    ("batches", s.post(PATH + "/batches", {}), 404, "not_found_error")):
        same(name + ", in the same form", (got[0], got[2]["type"], got[2]["error"]["type"]), (status, "error", kind))


def described():
    api = s.get("/openapi.json")[2]
    for path, schema in ((PATH, "MessagesRequest"), (COUNT, "CountTokensRequest")):
        same(path + " is described", list(api["paths"][path]), ["post"])
        body = {k: dict(ASK, keep_alive=60).get(k) for k in api["components"]["schemas"][schema]["properties"]}
        same(f"every field of {schema} is one, and null is none", s.post(path, body)[0], 200)


def keys():
    k = ModelServer("--require-key", key=("anna", "--models", "tiny"))
    try:
        for name, head, status in (("x-api-key", "x-api-key: " + k.secret, 200), ("a bearer", "Authorization: Bearer " + k.secret, 200), ("no key", "X-None: x", 401),
                                   ("a wrong one", "x-api-key: hk-x", 401)):
            got = k.post(PATH, dict(ASK, max_tokens=2), head)
            same("with a key: " + name, (got[0], got[2]["type"]), (status, "message" if status == 200 else "error"))
        same("authentication_error", got[2]["error"]["type"], "authentication_error")
        got = k.post(PATH, dict(ASK, model="other"), "x-api-key: " + k.secret)
        same("a model it may not use", (got[0], got[2]["error"]["type"]), (403, "permission_error"))
        same("the receipt names the key", k.post(PATH, dict(ASK, max_tokens=2), "x-api-key: " + k.secret)[2]["hearth_receipt"]["key"], "anna")
    finally:
        k.stop()


try:
    d = whole()
    stops(d)
    streamed(d)
    calls()
    counted()
    gone_on_with()
    refused()
    described()
    keys()
    same("the server ends well", s.stop(), 0)
finally:
    s.stop()
done()
