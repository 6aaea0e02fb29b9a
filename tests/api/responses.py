"""responses.py - /v1/responses on the wire: items, events in their order, tools, forms, truncation that was asked for, what is refused."""
import json
import sys

sys.path.insert(0, sys.path[0])
from model_server import ModelServer  # noqa: E402
from wire import done, has, result, same, typed_events  # noqa: E402

s = ModelServer("--ctx", "1024")
PATH = "/v1/responses"
ASK = {"model": "tiny", "input": "hello", "max_output_tokens": 24, "seed": 3, "temperature": 1.0}
CLOCK = {"type": "function", "name": "clock", "parameters": {"type": "object", "properties": {"zone": {"enum": ["utc", "here"]}}, "required": ["zone"],
                                                              "additionalProperties": False}}


def events(body):
    return typed_events(s, PATH, body)


def whole():
    status, head, d = s.post(PATH, ASK)
    same("a response", (status, d["object"], d["status"] in ("completed", "incomplete"), d["error"], d["model"]), (200, "response", True, None, "tiny"))
    result(d["id"].startswith("resp_") and head["hearth-receipt"].isdigit() and d["hearth_receipt"]["kind"] == "answer", "its id and receipt", d)
    m = d["output"][0]
    same("its message", (len(d["output"]), m["type"], m["role"], m["content"][0]["type"], m["content"][0]["annotations"]),
         (1, "message", "assistant", "output_text", []))
    u = d["usage"]
    result(u["total_tokens"] == u["input_tokens"] + u["output_tokens"] and "cached_tokens" in u["input_tokens_details"], "usage", u)
    same("what is not remembered", (d["store"], d["previous_response_id"]), (False, None))
    chat = s.post("/v1/chat/completions", {"model": "tiny", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 24, "seed": 3, "temperature": 1.0})
    same("the same words as a chat's", m["content"][0]["text"], chat[2]["choices"][0]["message"]["content"])
    d = s.post(PATH, dict(ASK, instructions="be brief"))[2]
    result(d["instructions"] == "be brief" and d["usage"]["input_tokens"] > u["input_tokens"], "instructions", d["usage"])
    return m["content"][0]["text"]


def streamed(text):
    status, head, e = events(ASK)
    same("a stream", (status, head["content-type"], [x["sequence_number"] for x in e]), (200, "text/event-stream", list(range(len(e)))))
    kinds = [x["type"] for x in e]
    same("its beginning", kinds[:4], ["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"])
    same("its end", kinds[-4:-1] + [kinds[-1] in ("response.completed", "response.incomplete")],
         ["response.output_text.done", "response.content_part.done", "response.output_item.done", True])
    same("only deltas between", set(kinds[4:-4]), {"response.output_text.delta"})
    same("the same text", ("".join(x["delta"] for x in e[4:-4]), e[-4]["text"], e[-1]["response"]["output"][0]["content"][0]["text"]), (text,) * 3)
    same("one item", len({x["item_id"] for x in e if "item_id" in x}), 1)
    result("hearth_receipt" in e[-1]["response"], "the receipt at the end", e[-1])


def calls():
    d = s.post(PATH, dict(ASK, tools=[CLOCK], tool_choice="required", parallel_tool_calls=False, max_output_tokens=80))[2]
    c = d["output"][0]
    same("a call", (c["type"], c["name"], json.loads(c["arguments"])["zone"] in ("utc", "here"), d["status"]), ("function_call", "clock", True, "completed"))
    e = events(dict(ASK, tools=[CLOCK], tool_choice={"type": "function", "name": "clock"}, parallel_tool_calls=False, max_output_tokens=80))[2]
    same("its events", [x["type"] for x in e[2:]], ["response.output_item.added", "response.function_call_arguments.delta",
                                                    "response.function_call_arguments.done", "response.output_item.done", "response.completed"])
    back = [{"role": "user", "content": [{"type": "input_text", "text": "what time?"}]}, c, {"type": "reasoning", "id": "rs_1", "summary": []},
            {"type": "function_call_output", "call_id": c["call_id"], "output": "noon"}]
    same("and its result goes back", s.post(PATH, dict(ASK, input=back, tools=[CLOCK]))[0], 200)
    form = {"format": {"type": "json_schema", "name": "x", "schema": {"enum": ["left", "right"]}, "strict": True}}
    d = s.post(PATH, dict(ASK, text=form))[2]
    result(json.loads(d["output"][0]["content"][0]["text"]) in ("left", "right") and d["text"] == form, "a form", d)


def truncated():
    talk = [{"role": "user", "content": f"number {i} " + "word " * 40} for i in range(24)]
    status, _, d = s.post(PATH, dict(ASK, input=talk))
    same("too long is refused", (status, d["error"]["code"]), (400, "context_length_exceeded"))
    status, _, d = s.post(PATH, dict(ASK, input=talk, truncation="auto"))
    cut = d["hearth_receipt"]["truncated"]
    result(status == 200 and cut["from"] > 1024 > cut["to"] == d["usage"]["input_tokens"] > 100, "cut when that is asked for, and the receipt says so", d)
    status, _, d = s.post(PATH, dict(ASK, input="word " * 2000, truncation="auto"))
    same("one message that is too long stays too long", (status, d["error"]["code"]), (400, "context_length_exceeded"))


def refused():
    for name, value, words in (("previous_response_id", "resp_1", "send the conversation again"), ("store", True, "not stored"), ("background", True, "remembers"),
                               ("conversation", "c", "remembers"), ("prompt", {}, "stores no prompts"), ("include", ["x"], "nothing further"),
                               ("tools", [{"type": "web_search"}], "web_search"), ("truncation", "some", "auto or disabled"), ("foo", 1, "no field"),
                               ("input", [], "list of items"), ("input", [{"type": "item_reference", "id": "x"}], "item_reference"), ("text", 1, "object"),
                               ("input", [{"role": "user", "content": [{"type": "input_image"}]}], "input_image"), ("max_output_tokens", 0, "1 to")):
        status, _, d = s.post(PATH, dict(ASK, **{name: value}))
        same(f"refused: {name} {value!r}", (status, d["error"]["param"]), (400, name))
        has("with the reason", d["error"]["message"], words)


try:
    streamed(whole())
    calls()
    truncated()
    refused()
finally:
    s.stop()
done()
