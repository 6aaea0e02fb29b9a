"""editors.py aider|continue PROGRAM - one scripted session of an editor's assistant over each protocol, unmodified, in a repository of its own:
its requests and our streams are understood, no request is refused, nothing is written that was not asked for.  What a model of 135 million
parameters says about a program does not matter."""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "api"))
from model_server import ModelServer  # noqa: E402
from wire import done, has, lacks, result, same  # noqa: E402

SOURCE = "def double(x):\n    return x * 2\n"
ASK = "What does double do? Answer in one short sentence."
CONFIG = """name: hearth
version: 1.0.0
schema: v1
models:
  - name: small
    provider: {provider}
    model: smollm2
    apiBase: {url}
    apiKey: none
    roles: [chat]
    defaultCompletionOptions:
      maxTokens: 40
"""
scratch = tempfile.TemporaryDirectory(prefix="hearth-test.")
server = ModelServer("--ctx", "8192", "--log", real=True)


def fresh(name):
    """A folder that is a home and holds a repository with one file."""
    home = os.path.join(scratch.name, name)
    os.makedirs(os.path.join(home, "work"))
    with open(os.path.join(home, "work", "double.py"), "w", encoding="utf-8") as f:
        f.write(SOURCE)
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-qm", "first"]):
        subprocess.run(["git", *words], cwd=os.path.join(home, "work"), check=True)
    return home


def session(name, home, argv, path, **env):
    """What it printed; the server's log of it is looked over."""
    before = len(server.text())
    env = dict({k: v for k, v in os.environ.items() if not k.startswith(("OPENAI", "OLLAMA"))}, HOME=home, NO_COLOR="1", **env)
    try:
        r = subprocess.run(argv, cwd=os.path.join(home, "work"), env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True, timeout=500)
        status, said = r.returncode, r.stdout
    except subprocess.TimeoutExpired as e:
        status, said = "too long", (e.stdout or b"").decode("utf-8", "replace")
    log = [line for line in server.text()[before:].splitlines() if " GET " in line or " POST " in line]
    same(name + ": it ends well", (status, said[-2000:] if status else ""), (0, ""))
    result(any(f"POST {path} 200 " in line for line in log), f"{name}: it asks {path} and is answered", log, said[-2000:])
    result(all(" 200 " in line for line in log), name + ": nothing it asks for is refused", log)
    with open(os.path.join(home, "work", "double.py"), encoding="utf-8") as f:
        same(name + ": its file is as it was", f.read(), SOURCE)
    return said


def aider(program):
    words = ["--message", ASK, "--chat-mode", "ask", "--yes-always", "--no-analytics", "--no-check-update", "--no-show-release-notes", "--no-gitignore",
             "--no-pretty", "--no-fancy-input", "--no-show-model-warnings", "--no-suggest-shell-commands", "--no-detect-urls", "double.py"]
    for name, model, path, env in (
            ("aider, Ollama's protocol", "ollama_chat/smollm2", "/api/chat", {"OLLAMA_API_BASE": server.url}),
            ("aider, OpenAI's", "openai/smollm2", "/v1/chat/completions", {"OPENAI_API_BASE": server.url + "/v1", "OPENAI_API_KEY": "none"})):
        said = session(name, fresh(model.split("/")[0]), [program, "--model", model, *words], path, LITELLM_LOCAL_MODEL_COST_MAP="True", **env)
        has(name + ": it counts tokens sent and received", said, " received")
        lacks(name + ": and finds no fault", said, "litellm.")


def continue_(program):
    for name, provider, base in (("Continue, as ollama", "ollama", "/"), ("Continue, as openai", "openai", "/v1/")):
        home = fresh(provider)
        config = os.path.join(home, "config.yaml")
        with open(config, "w", encoding="utf-8") as f:
            f.write(CONFIG.format(provider=provider, url=server.url + base))
        said = session(name, home, ["node", program, "-p", "--readonly", "--config", config, ASK], "/v1/chat/completions",
                       CONTINUE_GLOBAL_DIR=os.path.join(home, ".continue"), CONTINUE_CLI_ENABLE_TELEMETRY="0", CONTINUE_METRICS_ENABLED="0",
                       CONTINUE_CLI_AUTO_UPDATED="1", FORCE_NO_TTY="true")
        result(len(said.strip()) > 0, name + ": an answer is printed", said)


try:
    {"aider": aider, "continue": continue_}[sys.argv[1]](sys.argv[2])
finally:
    server.stop()
done()
