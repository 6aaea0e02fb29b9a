"""ollama_client.py - PyPI's `ollama`, unmodified, against a server: what an application would call, tools and forms of answers included."""
import asyncio
import hashlib
import json
import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
import ollama  # noqa: E402  before the tests' own folder is looked into

sys.path.insert(0, os.path.join(here, "..", "api"))
from model_server import ModelServer, until  # noqa: E402
from wire import done, has, result, same  # noqa: E402

s = ModelServer("--ctx", "1024", real=True)
c = ollama.Client(host=s.url)
ASK = [{"role": "user", "content": "What is the capital of France? One word."}]
GREEDY = {"temperature": 0, "num_predict": 12}


def weather(city: str) -> str:
    """The weather of a city.

    Args:
        city: the name of the city
    """
    return "sunny in " + city


def models():
    same("list", sorted(m.model for m in c.list().models), ["smollm2:latest", "tiny:latest"])
    m = next(m for m in c.list().models if m.model == "smollm2:latest")
    same("list: details", (m.details.family, m.details.format, m.details.quantization_level, m.details.parameter_size), ("llama", "gguf", "Q4_1", "134.5M"))
    shown = c.show("smollm2")
    result(shown.modelinfo["llama.context_length"] == 8192 and shown.capabilities == ["completion", "tools"], "show", shown)
    result("im_start" in shown.template and shown.license, "show: template and licence", shown.license)
    for name, call in (("show", lambda: c.show("nobody")), ("chat", lambda: c.chat("nobody", ASK)), ("delete", lambda: c.delete("nobody"))):
        try:
            call()
            result(False, name + " of a model that is not there")
        except ollama.ResponseError as e:
            result(e.status_code == 404 and "nobody" in e.error, name + " of a model that is not there: ResponseError", e)


def answers():
    r = c.chat("smollm2", ASK, options=GREEDY)
    has("chat", r.message.content, "Paris")
    result(r.done and r.done_reason in ("stop", "length") and r.total_duration > r.eval_duration > 0 and r.prompt_eval_count > 20, "chat: counts", r)
    text = "".join(p.message.content for p in c.chat("smollm2", ASK, options=GREEDY, stream=True))
    same("chat in pieces: the same", text, r.message.content)
    g = c.generate("smollm2", "The sky is", options=dict(GREEDY, seed=1))
    same("generate in pieces: the same", "".join(p.response for p in c.generate("smollm2", "The sky is", options=dict(GREEDY, seed=1), stream=True)), g.response)
    more = c.generate("smollm2", "Why?", context=g.context, options=GREEDY)
    same("generate: context goes on", list(more.context[:len(g.context)]), list(g.context))
    raw = c.generate("smollm2", "The capital of France is", raw=True, options={"temperature": 0, "num_predict": 3})
    has("generate raw", raw.response, "Paris")
    p = c.chat("smollm2", ASK, options=GREEDY, logprobs=True, top_logprobs=2)
    result(len(p.logprobs) == p.eval_count and len(p.logprobs[0].top_logprobs) == 2, "logprobs", p.logprobs)
    try:
        c.chat("smollm2", [{"role": "user", "content": "word " * 2000}])
        result(False, "a prompt that is too long")
    except ollama.ResponseError as e:
        result(e.status_code == 400 and "1024" in e.error, "a prompt that is too long: both counts", e)


def forms():
    schema = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}, "n": {"type": "integer"}}, "required": ["city", "n"],
              "additionalProperties": False}
    for seed in range(3):
        o = json.loads(c.chat("smollm2", ASK, format=schema, options={"temperature": 1.5, "seed": seed, "num_predict": 60}).message.content)
        result(sorted(o) == ["city", "n"] and isinstance(o["n"], int), "format: a schema holds", o)
    o = json.loads(c.generate("smollm2", "Some JSON:", format="json", options={"temperature": 1.2, "seed": 4, "num_predict": 80}).response)
    result(isinstance(o, dict), "format: json is an object", o)


def tools():
    r = c.chat("smollm2", [{"role": "user", "content": "What is the weather in Paris? Use the tool."}], tools=[weather], options=dict(GREEDY, num_predict=80))
    calls = r.message.tool_calls or []
    result(all(x.function.name == "weather" and isinstance(x.function.arguments, dict) for x in calls), "tools: what is called is a tool, its arguments an object", r.message)
    history = ASK + [ollama.Message(role="assistant", content="", tool_calls=[{"function": {"name": "weather", "arguments": {"city": "Paris"}}}]),
                     {"role": "tool", "tool_name": "weather", "content": "sunny"}]
    result(c.chat("smollm2", history, tools=[weather], options=GREEDY).done, "tools: results go back")


def others():
    e = c.embed("smollm2", ["one", "two"])
    result(len(e.embeddings) == 2 and len(e.embeddings[0]) == 576, "embed")
    result(len(c.embeddings("smollm2", "one").embedding) == 576, "embeddings")
    last = None
    for last in c.create("pirate", from_="smollm2", system="You are a pirate.", parameters={"temperature": 0}, stream=True):
        pass
    same("create", last.status, "success")
    same("show what was made", c.show("pirate").modelfile.count("SYSTEM You are a pirate."), 1)
    c.copy("pirate", "parrot")
    c.delete("pirate")
    same("copy, delete", sorted(m.model for m in c.list().models), ["parrot:latest", "smollm2:latest", "tiny:latest"])
    with open(os.path.join(s.home, "tiny.gguf"), "rb") as f:
        wanted = "sha256:" + hashlib.sha256(f.read()).hexdigest()
    same("create_blob", c.create_blob(os.path.join(s.home, "tiny.gguf")), wanted)
    same("create from it", c.create("sent", files={"tiny.gguf": wanted}).status, "success")
    same("pull of what is here", [p.status for p in c.pull("smollm2", stream=True)][-1], "success")
    c.generate("tiny", keep_alive=-1)
    same("ps", sorted(m.name for m in c.ps().models), ["smollm2:latest", "tiny:latest"])
    c.generate("tiny", keep_alive=0)
    result(until(lambda: [m.name for m in c.ps().models] == ["smollm2:latest"]), "keep_alive 0", c.ps())


async def side_by_side():
    a = ollama.AsyncClient(host=s.url)
    alone = c.chat("smollm2", ASK, options=GREEDY).message.content
    got = await asyncio.gather(*(a.chat("smollm2", ASK, options=GREEDY) for _ in range(4)))
    same("four at once say what one says alone", {r.message.content for r in got}, {alone})


try:
    for part in (models, answers, forms, tools, others):
        part()
    asyncio.run(side_by_side())
finally:
    same("the server ends well", s.stop(), 0)
done()
