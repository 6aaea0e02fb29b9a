"""run.py SCHEMATHESIS - runs it over a server with one small model and says what it found as TAP."""
import os
import re
import subprocess
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "api"))
from model_server import ModelServer  # noqa: E402
from wire import done, result, same  # noqa: E402

s = ModelServer("--ctx", "512")
with tempfile.TemporaryDirectory(prefix="hearth-test.") as scratch:
    r = subprocess.run([sys.argv[1], "--config-file", os.path.join(here, "schemathesis.toml"), "--no-color", "run", s.url + "/openapi.json"],
                       cwd=scratch, env=dict(os.environ, HOME=scratch, COLUMNS="160", SCHEMATHESIS_HOOKS=os.path.join(here, "hooks.py"),
                                                      PYTHONDONTWRITEBYTECODE="1"),
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
print("#", "\n# ".join(r.stdout.splitlines()[-12:]))
asked = re.search(r"(\d+) generated", r.stdout)
result(r.returncode == 0, "the server is as it describes itself", *r.stdout.splitlines())
result(asked and int(asked[1]) > 1000, "of many requests", asked)
status, _, d = s.post("/v1/completions", {"model": "tiny", "prompt": "a", "max_tokens": 2})
result(status == 200 and d["usage"]["completion_tokens"] > 0, "it still answers", status, d)
same("and ends well", s.stop(), 0)
done()
