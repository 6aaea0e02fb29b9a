"""chats.py - chats that the page keeps on the server: what comes back, apart for each key, ids, caps, logs, a kill -9 in the middle of writing."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, sys.path[0])
from wire import HEARTH, Server, done, has, lacks, result, same, until  # noqa: E402

ALL, ID, OTHER = "/hearth/chats", "0123456789abcdef", "00000000000000aa"
JSON = "Content-Type: application/json"


def chat(id_, text="", **more):
    return dict({"id": id_, "title": text, "turns": {}, "roots": []}, **more)


def ask(s, method, id_, body=None, *headers):
    status, head, text = s.ask(method, ALL + ("/" + id_ if id_ is not None else ""), JSON, *headers, body=None if body is None else body if isinstance(body, str) else json.dumps(body))
    return status, json.loads(text) if head.get("content-type") == "application/json" else text


def kept(s):
    same("nothing is there, and no folder, before something is kept", (ask(s, "GET", None), os.path.exists(s.home + "/page-chats")), ((200, {"chats": [], "next": None, "bad": 0}), False))
    one = chat(ID, "héllo \U0001f98a", roots=[], note=[1.5, None, "<b>"])
    same("kept", ask(s, "PUT", ID, one), (200, {"kept": True}))
    same("it comes back", ask(s, "GET", ID), (200, one))
    same("an empty one too", (ask(s, "PUT", OTHER, chat(OTHER)), ask(s, "GET", OTHER)[1]), ((200, {"kept": True}), chat(OTHER)))
    same("the list", ask(s, "GET", None), (200, {"chats": [chat(OTHER), one], "next": None, "bad": 0}))
    same("behind the first only the second", [c["id"] for c in json.loads(s.ask("GET", ALL + "?after=" + OTHER)[2])["chats"]], [ID])
    ask(s, "PUT", ID, chat(ID, "shorter"))
    same("replaced", ask(s, "GET", ID)[1]["title"], "shorter")
    path = f"{s.home}/page-chats/own/{ID}.json"
    same("a file of its owner", (os.stat(path).st_mode & 0o777, os.stat(os.path.dirname(path)).st_mode & 0o777), (0o600, 0o700))
    same("removed", (ask(s, "DELETE", ID), ask(s, "DELETE", ID)[0], ask(s, "GET", ID)[0], os.path.exists(path)), ((200, {"removed": True}), 404, 404, False))


def refused(s):
    for name, id_ in (("15 digits", "0" * 15), ("17 digits", "0" * 17), ("capitals", "ABCDEF0123456789"), ("a path", "..%2f..%2fetc%2fpasswd"), ("dots", ".."), ("no id", ""),
                      ("a line's end", "0123456789abcd%0a"), ("a longer path", ID + "/x")):
        for method in ("GET", "PUT", "DELETE"):
            got = ask(s, method, id_, chat(id_) if method == "PUT" else None)
            result(got[0] in (400, 404), f"{method} {name}", got)
    for name, body in (("another id inside", chat(OTHER)), ("no id", {}), ("no object", "[]"), ("no JSON", "{"), ("nested deeply", "[" * 5000), ("an id that is a number", {"id": 1})):
        same("refused: " + name, ask(s, "PUT", ID, body)[0], 400)
    same("as a form would send it", s.ask("PUT", f"{ALL}/{ID}", "Content-Type: text/plain", f"Origin: {s.url}", body=json.dumps(chat(ID)))[0], 415)
    same("another origin", [s.ask(m, f"{ALL}/{ID}", "Origin: https://evil.example", body="{}")[0] for m in ("GET", "PUT", "DELETE")], [403] * 3)
    same("too large", s.ask("PUT", f"{ALL}/{ID}", JSON, body=json.dumps(chat(ID, "x" * (8 << 20))))[0], 413)
    same("another method", s.ask("POST", f"{ALL}/{ID}", JSON, body="{}")[0], 405)
    same("what was refused was not kept", ask(s, "GET", ID)[0], 404)
    head = s.ask("POST", f"{ALL}/{ID}", JSON, body="{}")[1]
    same("which methods there are", head["allow"], "GET, HEAD, PUT, DELETE, OPTIONS")


def logged(s):
    ask(s, "PUT", ID, chat(ID, "my diary"))
    with open(f"{s.home}/page-chats/own/{OTHER}.json", "w") as f:
        f.write('{"id": "my diary')
    same("a damaged file", (ask(s, "GET", OTHER)[0], ask(s, "GET", None)[1]["bad"]), (500, 1))
    lacks("no path of this machine is told", ask(s, "GET", OTHER)[1]["error"]["message"], s.home)
    s.ask("GET", f"{ALL}/x%0d%0aforged")
    has("the log has requests", s.text(), f"PUT {ALL}/{ID} 200")
    for word in ("diary", "\nforged"):
        lacks(f"and no {word!r}", s.text(), word)


def keys(home):
    secret = {}
    for name in ("anna", "bert"):
        done_ = subprocess.run([HEARTH, "key", "add", name], env=dict(os.environ, HEARTH_HOME=home), capture_output=True, text=True)
        secret[name] = next(w for w in done_.stdout.split() if w.startswith("hk-"))
    s = Server(HEARTH, "serve", "--port", "0", "--require-key", home=home)
    anna, bert = ("Authorization: Bearer " + secret[n] for n in ("anna", "bert"))
    same("without a key", [ask(s, m, ID, chat(ID) if m == "PUT" else None)[0] for m in ("GET", "PUT", "DELETE")], [401] * 3)
    same("with one, its own", (ask(s, "GET", None, None, anna)[1]["chats"], ask(s, "PUT", ID, chat(ID, "anna's"), anna)[0], ask(s, "GET", ID, None, anna)[1]["title"]), ([], 200, "anna's"))
    same("another key sees none of it", (ask(s, "GET", ID, None, bert)[0], ask(s, "DELETE", ID, None, bert)[0], ask(s, "GET", None, None, bert)[1]["chats"]), (404, 404, []))
    ask(s, "PUT", ID, chat(ID, "bert's"), bert)
    same("nor changes it", ask(s, "GET", ID, None, anna)[1]["title"], "anna's")
    same("it ends well", s.stop(), 0)


def killed(home):
    """A server is killed while it writes long and short chats in turn; what lies there afterwards is one of them, whole."""
    sizes = (1000, 2000000)
    bodies = [json.dumps(chat(ID, c * n)) for c, n in zip("ab", sizes)]
    path = f"{home}/page-chats/own/{ID}.json"
    whole = 0
    for turn in range(5):
        s = Server(HEARTH, "serve", "--port", "0", home=home)
        stop = threading.Event()

        def write(i=turn):
            while not stop.is_set():
                i += 1
                try:
                    s.ask("PUT", f"{ALL}/{ID}", JSON, body=bodies[i % 2])
                except OSError:
                    return

        threads = [threading.Thread(target=write) for _ in range(3)]
        for t in threads:
            t.start()
        until(lambda: os.path.exists(path))
        time.sleep(0.02 + 0.03 * turn)
        s.process.send_signal(signal.SIGKILL)
        s.process.wait()
        stop.set()
        for t in threads:
            t.join()
        with open(path) as f:
            whole += f.read() in bodies
    same("kill -9 in a chat write: the file is whole", whole, 5)
    s = Server(HEARTH, "serve", "--port", "0", home=home)
    result(ask(s, "GET", ID)[0] == 200 and ask(s, "PUT", ID, chat(ID, "on"))[0] == 200, "and the next server goes on with it")
    same("what was half written is swept away", [f for f in os.listdir(os.path.dirname(path)) if f.endswith(".tmp")], [])
    same("it ends well", s.stop(), 0)


def described(s):
    paths = json.loads(s.ask("GET", "/openapi.json")[2])["paths"]
    same("the routes are described", (sorted(paths[ALL]), sorted(set(paths[ALL + "/{id}"]) - {"parameters"})), (["get"], ["delete", "get", "put"]))


with tempfile.TemporaryDirectory(prefix="hearth-test.") as scratch:
    s = Server(HEARTH, "serve", "--port", "0", "--log", home=scratch + "/a")
    for part in (kept, refused, logged, described):
        part(s)
    same("the server ends well", s.stop(), 0)
    keys(scratch + "/b")
    killed(scratch + "/c")
done()
