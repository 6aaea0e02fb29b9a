"""anthropic_client.py - PyPI's `anthropic`, unmodified, against a server: what an application would call."""
import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
import anthropic  # noqa: E402  before the tests' own folder is looked into

sys.path.insert(0, os.path.join(here, "..", "api"))
from model_server import ModelServer  # noqa: E402
from wire import done, has, result, same  # noqa: E402

s = ModelServer("--ctx", "1024", "--require-key", real=True, key=("anna",))
c = anthropic.Anthropic(base_url=s.url, api_key=s.secret, max_retries=0)
ASK = {"model": "smollm2", "messages": [{"role": "user", "content": "What is the capital of France? One word."}], "max_tokens": 12,
       "extra_body": {"temperature": 0}}        # this version has no argument for it
TOOL = {"name": "get_weather", "description": "Weather of a city", "input_schema": {
    "type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"], "additionalProperties": False}}


def whole():
    m = c.messages.create(**ASK)
    same("messages.create", (m.type, m.role, m.model, m.stop_reason in ("end_turn", "max_tokens"), m.stop_sequence), ("message", "assistant", "smollm2", True, None))
    same("a block of text", [type(b).__name__ for b in m.content], ["TextBlock"])
    has("answers", m.content[0].text, "Paris")
    result(m.usage.input_tokens + m.usage.cache_read_input_tokens > m.usage.output_tokens > 0, "usage", m.usage)
    same("the receipt comes along", m.model_extra["hearth_receipt"]["key"], "anna")
    raw = c.messages.with_raw_response.create(**ASK)
    result(raw.headers["hearth-receipt"].isdigit(), "and its number in a header", dict(raw.headers))
    same("the same bytes again", raw.parse().content[0].text, m.content[0].text)
    same("a bearer's key", anthropic.Anthropic(base_url=s.url, api_key=None, auth_token=s.secret, max_retries=0).messages.create(**ASK).content[0].text, m.content[0].text)
    talk = ASK["messages"] + [m.to_param(), {"role": "user", "content": "And of Italy?"}]
    result(c.messages.create(**dict(ASK, messages=talk, system=[{"type": "text", "text": "Be brief", "cache_control": {"type": "ephemeral"}}])).content, "the answer goes back")
    n = c.messages.count_tokens(model="smollm2", messages=ASK["messages"]).input_tokens
    same("messages.count_tokens", n, m.usage.input_tokens + m.usage.cache_read_input_tokens)
    return m


def streamed(m):
    kinds = [e.type for e in c.messages.create(stream=True, **ASK)]
    same("stream=True", (kinds[0], kinds[-3:]), ("message_start", ["content_block_stop", "message_delta", "message_stop"]))
    with c.messages.stream(**ASK) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    same("messages.stream", (text, final.content[0].text, final.stop_reason), (m.content[0].text,) * 2 + (m.stop_reason,))
    same("its usage", (final.usage.output_tokens, final.usage.input_tokens + final.usage.cache_read_input_tokens),
         (m.usage.output_tokens, m.usage.input_tokens + m.usage.cache_read_input_tokens))
    m = c.messages.create(stop_sequences=["a"], **ASK)
    same("stop_sequences", (m.content[0].text, m.stop_reason, m.stop_sequence), (text.split("a")[0], "stop_sequence", "a"))


def tools():
    held = dict(ASK, max_tokens=80, tools=[TOOL], tool_choice={"type": "any", "disable_parallel_tool_use": True})
    m = c.messages.create(**held)
    same("a tool that is required", (m.stop_reason, len(m.content), m.content[0].type, m.content[0].name, set(m.content[0].input)), ("tool_use", 1, "tool_use", "get_weather", {"city"}))
    with c.messages.stream(**dict(held, tool_choice={"type": "tool", "name": "get_weather", "disable_parallel_tool_use": True})) as stream:
        for _ in stream:
            pass
        final = stream.get_final_message()
    same("a named one, in a stream", (final.stop_reason, final.content[0].name, set(final.content[0].input)), ("tool_use", "get_weather", {"city"}))
    talk = ASK["messages"] + [m.to_param(), {"role": "user", "content": [{"type": "tool_result", "tool_use_id": m.content[0].id, "content": "sunny"}]}]
    m = c.messages.create(**dict(held, messages=talk, tool_choice={"type": "none"}))
    same("and its result goes back", (m.content[0].type, m.stop_reason in ("end_turn", "max_tokens")), ("text", True))


def mistakes():
    for name, more, words in (("an image", {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}}]}]}, "image"),
                              ("thinking", {"thinking": {"type": "enabled", "budget_tokens": 1024}}, "thinking"), ("an unknown field", {"extra_body": {"foo": 1}}, "foo"),
                              ("a long prompt", {"messages": [{"role": "user", "content": "word " * 3000}]}, "nothing was left out")):
        try:
            c.messages.create(**dict(ASK, **more))
            result(False, name)
        except anthropic.BadRequestError as e:
            same(name + ": BadRequestError", (e.status_code, e.body["error"]["type"]), (400, "invalid_request_error"))
            has("that names it", e.body["error"]["message"], words)
    try:
        c.messages.create(**dict(ASK, model="nobody"))
        result(False, "a model that is not there")
    except anthropic.NotFoundError as e:
        same("a model that is not there: NotFoundError", e.body["error"]["type"], "not_found_error")
    try:
        anthropic.Anthropic(base_url=s.url, api_key="hk-wrong", max_retries=0).messages.create(**ASK)
        result(False, "a wrong key")
    except anthropic.AuthenticationError as e:
        same("a wrong key: AuthenticationError", e.body["error"]["type"], "authentication_error")


try:
    m = whole()
    streamed(m)
    tools()
    mistakes()
finally:
    s.stop()
done()
