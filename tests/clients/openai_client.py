"""openai_client.py - PyPI's `openai`, unmodified, against a server: what an application would call."""
import base64
import json
import os
import struct
import sys

here = os.path.dirname(os.path.abspath(__file__))
import openai  # noqa: E402  before the tests' own folder is looked into

sys.path.insert(0, os.path.join(here, "..", "api"))
from model_server import ModelServer  # noqa: E402
from wire import done, has, result, same  # noqa: E402

s = ModelServer("--ctx", "1024", real=True)
c = openai.OpenAI(base_url=s.url + "/v1", api_key="none", max_retries=0)
ASK = {"model": "smollm2", "messages": [{"role": "user", "content": "What is the capital of France? One word."}], "max_tokens": 12, "temperature": 0}
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "Weather of a city", "parameters": {
    "type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"], "additionalProperties": False}}}


def models():
    same("models.list", sorted(m.id for m in c.models.list()), ["smollm2", "tiny"])
    same("models.retrieve", (c.models.retrieve("smollm2").id, c.models.retrieve("smollm2").object), ("smollm2", "model"))
    try:
        c.models.retrieve("nobody")
        result(False, "a model that is not there")
    except openai.NotFoundError as e:
        same("a model that is not there: NotFoundError", (e.status_code, e.code, e.param), (404, "model_not_found", "model"))


def chat():
    r = c.chat.completions.create(**ASK)
    same("chat.completions.create", (r.object, r.choices[0].message.role, r.choices[0].finish_reason in ("stop", "length")),
         ("chat.completion", "assistant", True))
    has("answers", r.choices[0].message.content, "Paris")
    result(r.usage.total_tokens == r.usage.prompt_tokens + r.usage.completion_tokens and r.system_fingerprint, "usage and fingerprint", r)
    same("the receipt comes along", r.model_extra["hearth_receipt"]["schema"], "hearth-receipt/1")
    raw = c.chat.completions.with_raw_response.create(**ASK)
    result(raw.headers["hearth-receipt"].isdigit(), "and its number in a header", dict(raw.headers))
    same("the same bytes again", raw.parse().choices[0].message.content, r.choices[0].message.content)
    text, usage, reasons = "", None, []
    for chunk in c.chat.completions.create(stream=True, stream_options={"include_usage": True}, **ASK):
        if chunk.usage:
            usage = chunk.usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            reasons.append(choice.finish_reason)
    same("a stream", (text, reasons[-1] in ("stop", "length"), usage.total_tokens), (r.choices[0].message.content, True, r.usage.total_tokens))
    with c.chat.completions.stream(**ASK) as stream:
        final = [e for e in stream if e.type == "content.done"]
        same("the stream helper", (len(final), stream.get_final_completion().choices[0].message.content), (1, r.choices[0].message.content))
    r = c.chat.completions.create(logprobs=True, top_logprobs=2, n=2, seed=4, **dict(ASK, temperature=0.9))
    same("n, logprobs", (len(r.choices), len(r.choices[1].logprobs.content[0].top_logprobs)), (2, 2))


def forms():
    schema = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 12}, "population": {"type": "integer", "minimum": 0, "maximum": 99}},
              "required": ["city", "population"], "additionalProperties": False}
    r = c.chat.completions.create(response_format={"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": schema}},
                                  **dict(ASK, max_tokens=60))
    d = json.loads(r.choices[0].message.content)
    same("response_format json_schema", (set(d), isinstance(d["population"], int)), ({"city", "population"}, True))
    r = c.chat.completions.create(response_format={"type": "json_object"}, **dict(ASK, max_tokens=40))
    same("json_object", isinstance(json.loads(r.choices[0].message.content), dict), True)
    r = c.chat.completions.create(tools=[TOOL], tool_choice="required", parallel_tool_calls=False, **dict(ASK, max_tokens=80))
    calls = r.choices[0].message.tool_calls
    same("a tool that is required", (r.choices[0].finish_reason, len(calls), calls[0].type, calls[0].function.name, r.choices[0].message.content),
         ("tool_calls", 1, "function", "get_weather", None))
    same("its arguments are JSON of the schema", set(json.loads(calls[0].function.arguments)), {"city"})
    named = {"type": "function", "function": {"name": "get_weather"}}
    with c.chat.completions.stream(tools=[TOOL], tool_choice=named, **dict(ASK, max_tokens=80)) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion().choices[0]
    same("a named one, in a stream", (final.finish_reason, final.message.tool_calls[0].function.name), ("tool_calls", "get_weather"))
    talk = ASK["messages"] + [r.choices[0].message.model_dump(), {"role": "tool", "tool_call_id": calls[0].id, "content": "sunny"}]
    r = c.chat.completions.create(tools=[TOOL], tool_choice="none", **dict(ASK, messages=talk))
    result(r.choices[0].message.content and not r.choices[0].message.tool_calls, "and its result goes back", r)


def texts():
    r = c.completions.create(model="smollm2", prompt="The capital of France is", max_tokens=1, temperature=0, logprobs=2, echo=True)
    same("completions.create", (r.choices[0].text, r.choices[0].logprobs.token_logprobs[0]), ("The capital of France is Paris", None))
    same("its stream", "".join(x.choices[0].text for x in c.completions.create(model="smollm2", prompt="One, two,", max_tokens=4, temperature=0, stream=True)),
         c.completions.create(model="smollm2", prompt="One, two,", max_tokens=4, temperature=0).choices[0].text)
    r = c.embeddings.create(model="smollm2", input=["one", "two"])
    same("embeddings.create", (len(r.data), len(r.data[0].embedding)), (2, 576))
    b = c.embeddings.create(model="smollm2", input="one", encoding_format="base64").data[0].embedding
    vector = list(struct.unpack("<576f", base64.b64decode(b))) if isinstance(b, str) else b
    result(all(abs(x - y) < 1e-6 for x, y in zip(vector, r.data[0].embedding)), "the same as base64")
    same("fewer dimensions", len(c.embeddings.create(model="smollm2", input="one", dimensions=16).data[0].embedding), 16)


def responses():
    ask = {"model": "smollm2", "input": "What is the capital of France? One word.", "temperature": 0, "max_output_tokens": 12}
    r = c.responses.create(**ask)
    same("responses.create", (r.object, r.status in ("completed", "incomplete"), r.output[0].type), ("response", True, "message"))
    has("answers", r.output_text, "Paris")
    with c.responses.stream(**ask) as stream:
        kinds = [e.type for e in stream]
        same("its stream", (kinds[0], kinds[-1] in ("response.completed", "response.incomplete")), ("response.created", True))
    tool = {"type": "function", "name": "get_weather", "parameters": TOOL["function"]["parameters"], "strict": True}
    r = c.responses.create(tools=[tool], tool_choice="required", parallel_tool_calls=False, **dict(ask, max_output_tokens=80))
    same("a tool", (r.output[0].type, r.output[0].name, set(json.loads(r.output[0].arguments))), ("function_call", "get_weather", {"city"}))
    talk = [{"role": "user", "content": "weather?"}, r.output[0].model_dump(), {"type": "function_call_output", "call_id": r.output[0].call_id, "output": "sun"}]
    result(c.responses.create(tools=[tool], tool_choice="none", **dict(ask, input=talk)).output_text, "and its result goes back")


def mistakes():
    for name, more, param in (("a wrong value", {"temperature": 9}, "temperature"), ("an unknown field", {"extra_body": {"foo": 1}}, "foo"),
                              ("what is not stored", {"store": True}, "store")):
        try:
            c.chat.completions.create(**dict(ASK, **more))
            result(False, name)
        except openai.BadRequestError as e:
            same(name + ": BadRequestError", (e.status_code, e.param, e.type), (400, param, "invalid_request_error"))
    try:
        c.chat.completions.create(**dict(ASK, messages=[{"role": "user", "content": "word " * 3000}]))
        result(False, "a long prompt")
    except openai.BadRequestError as e:
        same("a long prompt", e.code, "context_length_exceeded")


try:
    models()
    chat()
    forms()
    texts()
    responses()
    mistakes()
finally:
    s.stop()
done()
