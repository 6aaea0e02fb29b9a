"""model_server.py - what the tests of the protocols share: a server with models, JSON asked and answered, streams taken apart.

    tiny       random weights, a template of its own: quick, and says anything (tiny=False: without it)
    code       with middle=True: another that has tokens for filling in a middle, the last three of 400
    smollm2    the real model of HEARTH_TEST_HOME: long enough at work for a client to leave it"""
import glob
import json
import os
import subprocess
import tempfile

from wire import BUILD, HEARTH, Server, parse, until

MAKE_MODEL = os.path.join(BUILD, "tests", "tools", "make_model")
TEMPLATE = ("{% for m in messages %}[{{ m.role }}] {{ m.content }}{% for c in m.tool_calls or [] %}"
            "<tool_call>\n{{ c.function | tojson }}\n</tool_call>{% endfor %}\n{% endfor %}"
            "{% if tools %}<tools>{{ tools | tojson }}</tools>{% endif %}{% if add_generation_prompt %}[assistant] {% endif %}")


def run(home, *argv):
    done = subprocess.run([HEARTH, *argv], env=dict(os.environ, HEARTH_HOME=home), capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"# hearth {argv} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def smollm2():
    path = os.environ.get("HEARTH_TEST_MODEL")
    if not path:
        home = os.environ.get("HEARTH_TEST_HOME") or os.path.join(BUILD, "test-home")
        path = json.loads(run(home, "show", "smollm2", "--json"))["path"]
    return path


class ModelServer(Server):
    def __init__(self, *options, real=False, ini=None, key=None, middle=False, tiny=True, home=None):
        """home: of another ModelServer, with the models it has."""
        if home:
            super().__init__(HEARTH, "serve", "--port", "0", *options, home=home)
            return
        self.scratch = tempfile.TemporaryDirectory(prefix="hearth-test.")
        home = self.scratch.name
        if tiny:
            self.make(home)
        if middle:
            subprocess.run([MAKE_MODEL, os.path.join(home, "code.gguf"), "layers=1", "width=64", "heads=4", "kv_heads=2", "vocab=400", "middle=1"],
                           check=True)
            run(home, "import", os.path.join(home, "code.gguf"), "--name", "code")
        if real:
            run(home, "import", smollm2(), "--name", "smollm2")
        if ini:
            with open(os.path.join(home, "hearth.ini"), "w") as f:
                f.write(ini)
        if key:
            self.secret = next(w for w in run(home, "key", "add", *key).split() if w.startswith("hk-"))
        super().__init__(HEARTH, "serve", "--port", "0", *options, home=home)

    def make(self, home):
        path = os.path.join(home, "tiny.gguf")
        made = subprocess.run([MAKE_MODEL, path, "layers=1", "width=64", "heads=4", "kv_heads=2", "vocab=400", "context=2048", "seed=3",
                               "chat_template=" + TEMPLATE], capture_output=True, text=True)
        if made.returncode != 0:
            raise SystemExit(f"# make_model: {made.stderr}")
        run(home, "import", path, "--name", "tiny")

    def post(self, path, body, *headers):
        """(status, headers, the JSON)"""
        text = body if isinstance(body, (str, bytes)) else json.dumps(body)
        status, head, answer = self.ask("POST", path, "Content-Type: application/json", *headers, body=text)
        try:
            return status, head, json.loads(answer)
        except ValueError:
            return status, head, answer

    def get(self, path, *headers):
        status, head, answer = self.ask("GET", path, *headers)
        return status, head, json.loads(answer) if head.get("content-type") == "application/json" else answer

    def stream(self, path, body):
        """(status, headers, events): what stands behind each "data: "; the last is "[DONE]"."""
        status, head, answer = self.ask("POST", path, "Content-Type: application/json", body=json.dumps(dict(body, stream=True)))
        events = [e[6:] for e in answer.split("\n\n") if e]
        return status, head, [e if e == "[DONE]" else json.loads(e) for e in events]

    def start(self, path, body):
        """A connection on which the request has been sent; whoever closes it leaves."""
        c = self.connect()
        text = json.dumps(body).encode()
        c.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n".encode()
                  + text)
        return c

    def metric(self, name):
        for line in self.get("/metrics")[2].splitlines():
            if line.startswith("hearth_" + name + " ") or line.startswith("hearth_" + name + "{"):
                return float(line.rsplit(" ", 1)[1])
        return None

    def receipts(self):
        """Newest first."""
        return json.loads(run(self.home, "ledger", "list", "--json"))

    def transcripts(self):
        return glob.glob(os.path.join(self.home, "transcripts", "*", "*.json"))


__all__ = ["MAKE_MODEL", "ModelServer", "parse", "run", "until"]
