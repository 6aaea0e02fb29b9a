"""langchain_client.py - LangChain, unmodified, over both protocols of the server whose URL is the last word."""
import json
import os
import sys

from langchain_core.tools import tool
from langchain_ollama import ChatOllama, OllamaEmbeddings, OllamaLLM
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "api"))
from wire import done, result  # noqa: E402

url = sys.argv[-1]
ASK = "What is the capital of France? One word."
FORM = {"title": "answer", "type": "object", "properties": {"yes": {"type": "boolean"}}, "required": ["yes"], "additionalProperties": False}


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return "sunny in " + city


def chat(name, model, formed):
    whole = model.invoke(ASK)
    result("Paris" in whole.content and whole.usage_metadata["input_tokens"] > 20, name + ": an answer and its tokens", whole)
    pieces = list(model.stream(ASK))
    result(len(pieces) > 2 and "".join(p.content for p in pieces) == whole.content, name + ": the same in pieces", pieces)
    called = model.bind_tools([weather]).invoke("What is the weather in Paris?")
    result(all(c["name"] == "weather" and isinstance(c["args"], dict) for c in called.tool_calls), name + ": calls are of the tools there are", called)
    o = json.loads(formed.invoke("Is it raining?").content)
    result(list(o) == ["yes"] and isinstance(o["yes"], bool), name + ": a schema holds", o)
    try:
        model.invoke("word " * 3000)
        result(False, name + ": a prompt that is too long")
    except Exception as e:  # each library has its own
        result("1024" in str(e), name + ": a prompt that is too long is refused with both counts", e)


own = dict(model="smollm2", temperature=0)
ollama = dict(own, base_url=url, num_predict=60)
openai = dict(own, base_url=url + "/v1", api_key="none", max_tokens=60, max_retries=0)
chat("ChatOllama", ChatOllama(**ollama), ChatOllama(**ollama, format=FORM))
chat("ChatOpenAI", ChatOpenAI(**openai), ChatOpenAI(**openai).bind(
    response_format={"type": "json_schema", "json_schema": {"name": "answer", "schema": FORM, "strict": True}}))
asked = ChatOllama(**ollama, logprobs=True).invoke(ASK)
result("Paris" in asked.content, "ChatOllama: asking for log-probabilities", asked)
result(len(OllamaLLM(**ollama).invoke("Once upon a time")) > 0, "OllamaLLM")
ours = OllamaEmbeddings(model="smollm2", base_url=url).embed_documents(["one", "two"])
theirs = OpenAIEmbeddings(model="smollm2", base_url=url + "/v1", api_key="none", check_embedding_ctx_length=False).embed_documents(["one", "two"])
result(len(ours[0]) == 576 and max(abs(a - b) for a, b in zip(ours[1], theirs[1])) < 1e-6, "embeddings are the same over both protocols")
done()
