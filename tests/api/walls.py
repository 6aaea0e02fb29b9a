"""walls.py - what stands between those who share a server, and between them and the machine: what one key uses is counted, what it may
not use it does not see, and no answer names a file of the machine."""
import json
import sys

sys.path.insert(0, sys.path[0])
from model_server import ModelServer, run  # noqa: E402
from wire import done, has, result, same  # noqa: E402

s = ModelServer("--require-key", key=("anna",))
ANNA = f"X-Api-Key: {s.secret}"


def new_key(*args):
    return "X-Api-Key: " + next(w for w in run(s.home, "key", "add", *args).split() if w.startswith("hk-"))


def what_was_computed_counts():
    """A list of texts of which the second fails: the first has been computed all the same."""
    for i, (path, bad) in enumerate((("/api/embed", ""), ("/v1/embeddings", ""), ("/v1/embeddings", 5))):
        bob = new_key(f"bob{i}", "--tokens-per-day", "3")
        ask = {"model": "tiny", "input": ["one two three four five six", bad]}
        same(f"{path}: a list with {bad!r} in it is refused", s.post(path, ask, bob)[0], 400)
        same("what came before it was counted", s.post(path, ask, bob)[0], 429)


try:
    what_was_computed_counts()
finally:
    s.stop()
done()
