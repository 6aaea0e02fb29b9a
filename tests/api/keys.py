"""keys.py - a server that asks for keys: who comes in, what each may use, and that revoking works at once."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading

from wire import HEARTH, ROUTES, Server, done, has, lacks, result, same, until

home = tempfile.TemporaryDirectory(prefix="hearth-test.")
FILE = os.path.join(home.name, "keys.ini")


def key(*args):
    r = subprocess.run([HEARTH, "key", *args], capture_output=True, text=True, env=dict(os.environ, HEARTH_HOME=home.name))
    return r.returncode, r.stdout.strip(), r.stderr.strip()


def command():
    status, secret, _ = key("add", "anna")
    result(status == 0 and secret.startswith("hk-") and len(secret) == 46, "key add prints the key", secret)
    with open(FILE, encoding="utf-8") as f:
        text = f.read()
    lacks("the file does not hold it", text, secret[3:])
    same("only its owner can read the file", os.stat(FILE).st_mode & 0o777, 0o600)
    same("a name twice", key("add", "anna")[0], 2)
    has("key list", key("list")[1], "anna")
    same("key list --json", [k["name"] for k in json.loads(key("list", "--json")[1])], ["anna"])
    for args in (("add",), ("revoke",), ("add", "a b"), ("add", "../x"), ("forget", "anna"), ("list", "x"), ("revoke", "--models", "m", "anna"),
                 ("add", "x" * 65), ("add", "x", "--requests-per-minute", "0"), ("add", "x", "--models", "../m")):
        same("key " + " ".join(args)[:40] + " is refused", key(*args)[0], 2)
    same("revoking nobody", key("revoke", "nobody")[0], 1)
    return secret


def doors(s, secret):
    def ask(*headers, path="/v1/object", method="POST"):
        status, got, body = s.ask(method, path, *headers, body="{}" if method == "POST" else None)
        return status, got, body

    status, headers, body = ask()
    same("no key: 401 in the route's dialect", (status, headers["www-authenticate"], json.loads(body)["error"]["type"]),
         (401, 'Bearer realm="hearth"', "authentication_error"))
    same("Ollama's dialect", list(json.loads(ask(path="/api/object")[2])), ["error"])
    same("what is open needs none", ask(path="/state", method="GET")[0], 200)
    same("an unknown path shows nothing to a stranger", ask(path="/v1/none", method="GET")[0], 401)
    same("nor does a wrong method", ask(path="/v1/object", method="GET")[0], 401)
    status, _, body = ask(f"Authorization: Bearer {secret}")
    same("Authorization: Bearer", (status, json.loads(body)["key"]), (200, "anna"))
    same("bearer", ask(f"Authorization: bearer  {secret}")[0], 200)
    same("X-Api-Key", ask(f"X-Api-Key: {secret}")[0], 200)
    same("both the same", ask(f"X-Api-Key: {secret}", f"Authorization: Bearer {secret}")[0], 200)
    for name, status, headers in (
            ("another key", 401, [f"Authorization: Bearer {secret[:-1]}{'A' if secret[-1] != 'A' else 'B'}"]), ("half of it", 401, [f"X-Api-Key: {secret[:20]}"]),
            ("more than it", 401, [f"X-Api-Key: {secret}x"]), ("nothing", 401, ["Authorization: Bearer "]), ("Basic", 401, [f"Authorization: Basic {secret}"]),
            ("no scheme", 401, [f"Authorization: {secret}"]), ("its name", 401, ["X-Api-Key: anna"]), ("60 kB", 401, ["X-Api-Key: " + "hk-" * 10000]),
            ("two Authorizations", 400, [f"Authorization: Bearer {secret}", "Authorization: Bearer x"]),
            ("two the same", 400, [f"Authorization: Bearer {secret}", f"Authorization: Bearer {secret}"]),
            ("two X-Api-Keys", 400, ["X-Api-Key: x", f"X-Api-Key: {secret}"]),
            ("two that differ", 400, ["X-Api-Key: x", f"Authorization: Bearer {secret}"])):
        got = ask(*headers)
        same(f"{name}: {status}", got[0], status)
        lacks("said without it", got[2] + s.text(), secret)
    same("a preflight shows no key", s.ask("OPTIONS", "/v1/object", f"Origin: {s.url}", host=f"127.0.0.1:{s.port}")[0], 204)
    same("a key in the query is none", ask(path=f"/v1/object?key={secret}&api_key={secret}")[0], 401)


def limits(s):
    _, small, _ = key("add", "small", "--models", "smollm2,gemma3:latest", "--tokens-per-day", "100")
    status, _, body = s.ask("POST", "/v1/object", f"X-Api-Key: {small}", body='{"model": "qwen"}')
    same("another model: 403", (status, json.loads(body)["error"]["code"]), (403, "model_not_allowed"))
    for m in ("smollm2", "smollm2:latest", "Gemma3"):
        same(f"{m} is allowed", s.ask("POST", "/v1/object", f"X-Api-Key: {small}", body=json.dumps({"model": m}))[0], 200)
    same("what the last tokens pay for is answered", s.ask("POST", "/v1/object", f"X-Api-Key: {small}", body='{"model": "smollm2", "use": 60}')[0], 200)
    status, headers, body = s.ask("POST", "/v1/object", f"X-Api-Key: {small}", body='{"model": "smollm2"}')
    same("then 429", (status, json.loads(body)["error"]["code"]), (429, "rate_limit_exceeded"))
    result(0 < int(headers["retry-after"]) <= 86400, "until midnight", headers)

    _, rare, _ = key("add", "rare", "--requests-per-minute", "7")
    got = []
    threads = [threading.Thread(target=lambda: got.append(s.ask("POST", "/v1/object", f"X-Api-Key: {rare}", body="{}"))) for _ in range(40)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    same("of 40 at once exactly 7 pass", sorted(r[0] for r in got), [200] * 7 + [429] * 33)
    result(all(0 < int(h["retry-after"]) <= 60 for st, h, _ in got if st == 429), "the others are told when", [h for _, h, _ in got])


def revoking(s, secret):
    _, other, _ = key("add", "other")
    same("a new key is known at once", s.ask("POST", "/v1/object", f"X-Api-Key: {other}", body="{}")[0], 200)
    same("revoke", key("revoke", "anna")[0], 0)
    same("a revoked key is refused at once", s.ask("POST", "/v1/object", f"X-Api-Key: {secret}", body="{}")[0], 401)
    same("also where none is needed it opens nothing", json.loads(s.ask("GET", "/state", f"X-Api-Key: {secret}")[2])["path"], "/state")
    same("its name stays taken", key("add", "anna")[0], 2)
    os.chmod(FILE, 0o644)
    same("a file that others can read opens to nobody", s.ask("POST", "/v1/object", f"X-Api-Key: {other}", body="{}")[0], 401)
    result(until(lambda: "others can read or write it" in s.text()), "and the log says so")
    s.process.send_signal(signal.SIGHUP)
    os.chmod(FILE, 0o600)
    same("mended, it opens again", s.ask("POST", "/v1/object", f"X-Api-Key: {other}", body="{}")[0], 200)
    with open(FILE, "a", encoding="utf-8") as f:
        f.write("[key x]\nnonsense = 1\n")
    same("a broken file opens to nobody", s.ask("POST", "/v1/object", f"X-Api-Key: {other}", body="{}")[0], 401)
    same("and the server goes on", s.ask("GET", "/state")[0], 200)
    lacks("no key in the log", s.text(), "hk-")
    has("but its name", s.text(), " key other")


fresh = tempfile.TemporaryDirectory(prefix="hearth-test.")
r = subprocess.run([ROUTES, "0.0.0.0:0"], capture_output=True, text=True, env=dict(os.environ, HEARTH_HOME=fresh.name))
has("an address that others reach needs a key", r.stderr, "hearth key add NAME")
r = subprocess.run([ROUTES, "127.0.0.1:0", "--key"], capture_output=True, text=True, env=dict(os.environ, HEARTH_HOME=fresh.name))
has("so does --require-key", r.stderr, "hearth key add NAME")
first = command()
open_one = Server(ROUTES, "127.0.0.1:0", home=home.name)
same("on loopback no key is asked for", json.loads(open_one.ask("POST", "/v1/object", body="{}")[2])["key"], "")
same("and whatever clients send is taken", open_one.ask("POST", "/v1/object", "Authorization: Bearer ollama", body="{}")[0], 200)
same("it ends well", open_one.stop(), 0)
wide = Server(ROUTES, "0.0.0.0:0", home=home.name)
same("on every address one is", wide.ask("POST", "/v1/object", body="{}")[0], 401)
same("also a foreign Host is refused there", wide.ask("GET", "/state", host="evil.example")[0], 403)
same("it ends well too", wide.stop(), 0)
server = Server(ROUTES, "127.0.0.1:0", "--key", home=home.name)
doors(server, first)
limits(server)
revoking(server, first)
same("at last it ends well", server.stop(), 0)
with open(os.path.join(home.name, "key-usage.ini"), encoding="utf-8") as f:
    has("what was used is kept", f.read(), "[key small]\n")
done()
