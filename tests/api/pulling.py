"""pulling.py - a server that has given up the network and all files but its own fetches a model all the same: by the process beside it."""
import hashlib
import json
import os
import subprocess
import tempfile

from wire import BUILD, HEARTH, Server, done, result, same

ENTRY = """[model {name}]
architecture = llama
kind = base
licence = L
terms = t
terms-at = https://h/t
accept = {accept}
size = {size}
sha256 = {sha256}
source = file:{source}
label = l
"""


def catalogue(home, place):
    source = os.path.join(place, "tiny.gguf")
    subprocess.run([os.path.join(BUILD, "tests", "tools", "make_model"), source, "layers=1", "width=64", "heads=4", "kv_heads=2", "vocab=400"], check=True)
    with open(source, "rb") as f:
        data = f.read()
    digest = hashlib.sha256(data).hexdigest()
    with open(os.path.join(home, "catalogue.ini"), "w", encoding="utf-8") as f:
        for name, accept, path in (("small", "no", source), ("asks", "ask", source), ("gone", "no", source + ".gone")):
            f.write(ENTRY.format(name=name, accept=accept, size=len(data), sha256=digest, source=path))
    return digest, len(data)


with tempfile.TemporaryDirectory(prefix="hearth-test.") as home, tempfile.TemporaryDirectory(prefix="hearth-test.") as place:
    sha256, size = catalogue(home, place)
    s = Server(HEARTH, "serve", "--port", "0", home=home)

    def pull(name, **more):
        status, _, body = s.ask("POST", "/api/pull", "Content-Type: application/json", body=json.dumps({"model": name, **more}))
        return status, [json.loads(line) for line in body.splitlines()]

    status, lines = pull("gone")
    result("error" in lines[-1], "a source that is not there is an error", status, lines)
    status, lines = pull("asks")
    result("error" in lines[-1], "terms that want to be accepted are not, by a client", status, lines)
    status, lines = pull("nothing")
    result("error" in lines[-1], "a name that nobody knows", status, lines)
    for name in ("/etc/passwd", "../small", "http://127.0.0.1:1/small", "https://example.org/x", "file:/etc/passwd", ""):
        status, lines = pull(name)
        result(400 <= status < 500 and "error" in lines[-1], f"{name!r} is no name", status, lines)
    status, lines = pull("small")
    same("a model is fetched", (status, lines[-1]), (200, {"status": "success"}))
    on_the_way = [x for x in lines if "total" in x]
    result(on_the_way and all(set(x) == {"status", "digest", "total", "completed"} and x["status"] == "pulling " + sha256[:12] and
                              x["digest"] == "sha256:" + sha256 and 0 <= x["completed"] <= x["total"] == size for x in on_the_way),
           "with its digest and how much of it is here on the way", lines)
    tags = json.loads(s.ask("GET", "/api/tags")[2])["models"]
    same("and is there", [(m["name"], m["digest"]) for m in tags], [("small:latest", sha256)])
    status, lines = pull("small", stream=False)
    same("once more, in one piece", (status, lines), (200, [{"status": "success"}]))
    status, _, body = s.ask("POST", "/api/generate", body=json.dumps({"model": "small", "prompt": "x", "stream": False, "options": {"num_predict": 2}}))
    same("it answers", (status, json.loads(body).get("done")), (200, True))
    same("it ends well", s.stop(), 0)
done()
