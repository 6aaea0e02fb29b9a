"""held.py - answers held to a form, and calls of tools, in OpenAI's protocol: never dropped, never half."""
import json
import sys

sys.path.insert(0, sys.path[0])
from model_server import ModelServer  # noqa: E402
from wire import done, has, result, same  # noqa: E402

s = ModelServer()
CHAT = "/v1/chat/completions"
ASK = {"model": "tiny", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 120, "temperature": 1.5}
WEATHER = {"type": "function", "function": {"name": "get_weather", "description": "Weather of a city", "parameters": {
    "type": "object", "properties": {"city": {"enum": ["Oslo", "Lima"]}, "days": {"type": "integer", "minimum": 1, "maximum": 9}},
    "required": ["city", "days"], "additionalProperties": False}}}
CLOCK = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}, "additionalProperties": False}}}


def forms():
    schema = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 10}, "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 3},
                                               "age": {"type": "integer", "minimum": 0, "maximum": 120}},
              "required": ["name", "age"], "additionalProperties": False}
    form = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": schema}}
    for seed in range(6):
        d = s.post(CHAT, dict(ASK, seed=seed, response_format=form))[2]
        try:
            v = json.loads(d["choices"][0]["message"]["content"])
            ok = {"name", "age"} <= set(v) <= {"name", "age", "tags"} and len(v["name"]) <= 10 and 0 <= v["age"] <= 120 and \
                set(v.get("tags", [])) <= {"a", "b"}
        except (ValueError, KeyError):
            ok = False
        result(ok and d["choices"][0]["finish_reason"] in ("stop", "length") and d["hearth_receipt"]["constrained"] is True, f"a schema holds, seed {seed}", d)
    for seed in range(3):
        d = s.post(CHAT, dict(ASK, seed=seed, max_tokens=14, response_format={"type": "json_object"}))[2]
        result(isinstance(json.loads(d["choices"][0]["message"]["content"]), dict), f"json_object is whole also where tokens are few, seed {seed}", d)
    d = s.post(CHAT, dict(ASK, grammar='root ::= "yes" | "no"'))[2]
    result(d["choices"][0]["message"]["content"] in ("yes", "no"), "a grammar", d)
    events = s.stream(CHAT, dict(ASK, seed=1, response_format=form))[2]
    text = "".join(e["choices"][0]["delta"].get("content", "") for e in events[:-1])
    same("the same in a stream", text, s.post(CHAT, dict(ASK, seed=1, response_format=form))[2]["choices"][0]["message"]["content"])
    d = s.post("/v1/completions", {"model": "tiny", "prompt": "x", "max_tokens": 40, "json_schema": {"enum": ["one", "two"]}})[2]
    result(json.loads(d["choices"][0]["text"]) in ("one", "two"), "of a text that goes on", d)
    status, _, d = s.post(CHAT, dict(ASK, response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "string", "contentEncoding": "x",
                                                                                                                       "not": {"const": "a"}}}}))
    same("what cannot be honoured is refused", status, 400)
    has("and named", d["error"]["message"], "not")
    same("a grammar that is none", s.post(CHAT, dict(ASK, grammar="root ::= ("))[0], 400)
    same("a schema that is none", s.post(CHAT, dict(ASK, json_schema={"type": "animal"}))[0], 400)


def good(call):
    v = json.loads(call["function"]["arguments"])
    if call["function"]["name"] == "clock":
        return v == {}
    return call["function"]["name"] == "get_weather" and set(v) == {"city", "days"} and v["city"] in ("Oslo", "Lima") and 1 <= v["days"] <= 9


def calls():
    for seed in range(4):
        d = s.post(CHAT, dict(ASK, seed=seed, tools=[WEATHER, CLOCK], tool_choice="required"))[2]
        c = d["choices"][0]
        made = c["message"].get("tool_calls", [])
        result(c["finish_reason"] == "tool_calls" and made and all(good(x) for x in made) and c["message"]["content"] is None,
               f"required: calls, and good ones, seed {seed}", c)
        result(all(set(x) == {"id", "type", "function"} and x["type"] == "function" for x in made) and len({x["id"] for x in made}) == len(made),
               "each with an id of its own", made)
    d = s.post(CHAT, dict(ASK, tools=[WEATHER, CLOCK], tool_choice={"type": "function", "function": {"name": "clock"}}, parallel_tool_calls=False))[2]
    same("a named one, once", [(x["function"]["name"], x["function"]["arguments"]) for x in d["choices"][0]["message"]["tool_calls"]], [("clock", "{}")])
    d = s.post(CHAT, dict(ASK, tools=[WEATHER], tool_choice="none", max_tokens=20))[2]
    same("none: no call", "tool_calls" in d["choices"][0]["message"], False)
    d = s.post(CHAT, dict(ASK, tools=[WEATHER], max_tokens=20))[2]
    result("choices" in d, "auto: as the model likes", d)
    events = s.stream(CHAT, dict(ASK, seed=2, tools=[WEATHER, CLOCK], tool_choice="required"))[2]
    deltas = [t for e in events[:-1] for t in e["choices"][0]["delta"].get("tool_calls", [])]
    same("a stream: distinct indexes from 0", [t["index"] for t in deltas], list(range(len(deltas))))
    result(deltas and all(set(t) == {"index", "id", "type", "function"} and good(t) for t in deltas), "whole calls", deltas)
    same("the first chunk as ever, the last with the reason", (events[0]["choices"][0]["delta"], events[-2]["choices"][0]["finish_reason"],
                                                               events[-2]["choices"][0]["delta"]), ({"role": "assistant", "content": ""}, "tool_calls", {}))
    status, _, d = s.post(CHAT, dict(ASK, tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {
        "x": {"not": {}}}, "required": ["x"]}}}], tool_choice="required"))
    same("a tool's schema that cannot be honoured", (status, "not" in d["error"]["message"]), (400, True))
    history = ASK["messages"] + [{"role": "assistant", "content": None, "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}]}, {"role": "tool", "tool_call_id": "c1", "content": "noon"}]
    same("a conversation with calls in it", s.post(CHAT, dict(ASK, messages=history, tools=[CLOCK], max_tokens=5))[0], 200)


def between():
    """A suffix: the text before and the text behind stand in the prompt between the model's tokens for that."""
    t = ModelServer(middle=True)

    def ids(text):
        return t.post("/tokenize", {"model": "code", "content": text, "parse_special": False})[2]["tokens"]
    ask = {"model": "code", "max_tokens": 6, "temperature": 0, "logit_bias": {"2": -100}}
    d = t.post("/v1/completions", dict(ask, prompt="def f(<|fim_middle|>", suffix="return x"))[2]
    wanted = [397, *ids("def f(<|fim_middle|>"), 398, *ids("return x"), 399]
    same("a suffix: both texts, as text, between three tokens", d["usage"]["prompt_tokens"], len(wanted))
    same("and what those tokens give", d["choices"][0]["text"], t.post("/v1/completions", dict(ask, prompt=wanted))[2]["choices"][0]["text"])
    result(d["choices"][0]["text"] != t.post("/v1/completions", dict(ask, prompt="def f(<|fim_middle|>"))[2]["choices"][0]["text"], "not what the prompt alone gives")
    t.stop()


try:
    between()
    forms()
    calls()
finally:
    s.stop()
done()
