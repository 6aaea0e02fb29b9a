"""openwebui.py PROGRAM - Open WebUI, unmodified, as a process of its own whose only source of models is a hearth server: somebody signs up, sees
the models, and asks one, whole and as a stream.  Its slim form (USE_SLIM_DOCKER, its own word for it) leaves out torch and what else reads
documents and speech; the rest is what everybody's browser talks to."""
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "api"))
from model_server import ModelServer  # noqa: E402
from wire import done, has, result, same  # noqa: E402

ASK = "What is the capital of France? One word."
scratch = tempfile.TemporaryDirectory(prefix="hearth-test.")
server = ModelServer("--ctx", "4096", "--log", real=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


PORT = free_port()


def start():
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI", "OLLAMA", "WEBUI", "HF_"))}
    env = dict(kept, HOME=scratch.name, DATA_DIR=scratch.name, USE_SLIM_DOCKER="true", OLLAMA_BASE_URL=server.url, ENABLE_OPENAI_API="false",
               WEBUI_SECRET_KEY="of a test", OFFLINE_MODE="true", HF_HUB_OFFLINE="1", BYPASS_EMBEDDING_AND_RETRIEVAL="true",
               ENABLE_TITLE_GENERATION="false", ENABLE_TAGS_GENERATION="false", ENABLE_FOLLOW_UP_GENERATION="false", ENABLE_VERSION_UPDATE_CHECK="false",
               ANONYMIZED_TELEMETRY="false", DO_NOT_TRACK="true")
    with open(os.path.join(scratch.name, "log"), "wb") as log:
        return subprocess.Popen([sys.argv[1], "serve", "--host", "127.0.0.1", "--port", str(PORT)], env=env, stdout=log,
                                stderr=subprocess.STDOUT, cwd=scratch.name)


def log():
    with open(os.path.join(scratch.name, "log"), encoding="utf-8", errors="replace") as f:
        return f.read()


def ask(path, body=None, token=None):
    """(status, text)"""
    headers = {"Content-Type": "application/json", **({"Authorization": "Bearer " + token} if token else {})}
    r = urllib.request.Request(f"http://127.0.0.1:{PORT}{path}", headers=headers, data=None if body is None else json.dumps(body).encode())
    try:
        with urllib.request.urlopen(r, timeout=300) as a:
            return a.status, a.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode("utf-8", "replace")
    except OSError as e:
        return 0, str(e)


def wait(process, seconds):
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        if ask("/health")[0] == 200:
            return True
        time.sleep(0.5)
    return False


def deltas(text):
    """What a stream of OpenAI's form said, and how often."""
    said = []
    for line in text.splitlines():
        if line.startswith("data: ") and line != "data: [DONE]":
            for c in json.loads(line[6:]).get("choices", []):
                if c.get("delta", {}).get("content"):
                    said.append(c["delta"]["content"])
    return said


def used():
    status, text = ask("/api/v1/auths/signup", {"name": "Anna", "email": "anna@example.org", "password": "Correct-horse-9"})
    same("somebody signs up", (status, status == 200 or text), (200, True))
    token = json.loads(text)["token"]
    status, text = ask("/api/models", token=token)
    names = [m["id"] for m in json.loads(text)["data"]] if status == 200 else text
    same("the models are those of the server", sorted(n.split(":")[0] for n in names), ["smollm2", "tiny"])
    model = next(n for n in names if n.startswith("smollm2"))
    body = {"model": model, "messages": [{"role": "user", "content": ASK}], "stream": False, "params": {"temperature": 0}}
    status, text = ask("/api/chat/completions", body, token)
    whole = json.loads(text)["choices"][0]["message"]["content"] if status == 200 else text
    result(status == 200 and "Paris" in whole, "an answer", status, text[:1000])
    status, text = ask("/api/chat/completions", dict(body, stream=True), token)
    said = deltas(text)
    result(status == 200 and len(said) > 2 and "".join(said) == whole, "the same as a stream", status, text[:1000])
    status, text = ask("/ollama/api/version", token=token)
    result(status == 200 and "version" in text, "the server's version", status, text)
    status, text = ask("/ollama/api/ps", token=token)
    has("what is in memory", text, "smollm2")
    status, text = ask("/ollama/api/show", {"model": model}, token)
    has("what a model is", text, "modelfile")
    status, text = ask("/ollama/api/embed", {"model": model, "input": ["one"]}, token)
    same("an embedding", (status, len(json.loads(text)["embeddings"][0]) if status == 200 else text), (200, 576))


process = start()
try:
    up = wait(process, 300)
    result(up, "Open WebUI starts", process.poll(), log()[-3000:])
    if up:
        used()
        asked = [line for line in server.text().splitlines() if " GET " in line or " POST " in line]
        result(any(" POST /api/chat 200 " in line for line in asked), "it speaks Ollama's protocol", asked)
        same("and nothing it asks for is refused", [line for line in asked if " 200 " not in line], [])
finally:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    server.stop()
done()
