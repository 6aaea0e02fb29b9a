"""serve_load.py - 64 clients at once, then each of their requests alone at another server: the same bytes; and what happens when more come
than may wait.  `make serve-soak` has the long form, soak.py."""
import asyncio

import load
import wire
from model_server import ModelServer
from wire import result, same

tiny = load.Shape(shortest=8, longest=120, shared=40, out=24)
real = load.Shape(shortest=20, longest=120, shared=50, out=6)


def run(s, model, shape, clients, most):
    return asyncio.run(load.load("127.0.0.1", s.port, model, shape, clients, 60, most))


def is_as_alone(name, model, shape, requests, tried):
    answers, busy, begun = run(many, model, shape, 64, requests)
    wrong = load.summary(answers, busy, begun, 60)["wrong"]
    same(f"{name}: all of {requests} requests of 64 clients are answered", [len(answers), busy, wrong], [requests, 0, []])
    n, differ = load.differing(answers, "127.0.0.1", alone.port, model, shape, tried)
    same(f"{name}: {n} of them alone give the same bytes", differ[:2], [])


many, alone = ModelServer("--threads", "2", real=True), ModelServer("--threads", "1", "--parallel", "1", real=True)
is_as_alone("random weights", "tiny", tiny, 192, 192)
is_as_alone("smollm2", "smollm2", real, 64, 8)
result(many.metric("requests_running") in (0, None), "nothing runs any more", many.get("/metrics")[2])
same("both stop", [many.stop(), alone.stop()], [0, 0])

few = ModelServer("--parallel", "2", "--queue", "4")
answers, busy, begun = run(few, "tiny", load.Shape(shortest=100, longest=200, shared=0, out=64), 32, 64)
summary = load.summary(answers, busy, begun, 60)
result(busy > 0, "a full queue refuses", summary)
same("and whoever asks again after Retry-After is answered", [len(answers), summary["wrong"]], [64, []])
same("it stops", few.stop(), 0)
wire.done()
