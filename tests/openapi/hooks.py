"""hooks.py - what made-up requests need to get beyond "no such model" and to end soon."""
import schemathesis

MODELS = ("model", "from", "source")
LIMITS = {"max_tokens": 8, "max_completion_tokens": 8, "max_output_tokens": 8, "n": 2, "best_of": 2}


@schemathesis.hook
def before_call(context, case, kwargs):
    body = case.body
    if not isinstance(body, dict):
        return
    if case.operation.path == "/api/delete":                 # names learnt from answers are tried too
        for name in ("model", "name"):
            if body.get(name) in ("tiny", "tiny:latest"):
                body[name] = "gone"
        return
    for name in MODELS:
        if isinstance(body.get(name), str) and body[name]:
            body[name] = "tiny"
    for name, most in LIMITS.items():
        if isinstance(body.get(name), int) and not isinstance(body[name], bool) and body[name] > most:
            body[name] = most
