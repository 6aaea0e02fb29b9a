"""The reference for chat templates: jinja2 as `transformers` sets it up, beside hearth's own renderer.

`Reference` renders with transformers' own environment when that package can be imported, otherwise with one built the
same way.  `Driver` keeps one `tests/tools/render_main --lines` running and asks it line by line.  Both give a pair
(text, None) or (None, sentence about the error)."""
import datetime
import json
import os
import subprocess

import jinja2
import jinja2.ext
import jinja2.sandbox

NOW = 1767323045  # 2026-01-02 03:04:05 UTC


class FixedClock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(NOW, tz)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


class Dict:
    """dict() without the rest of the type, but for fromkeys."""
    def __call__(self, *args, **kwargs):
        return dict(*args, **kwargs)

    def fromkeys(self, *args, **kwargs):
        return dict.fromkeys(*args, **kwargs)


class Namespace(jinja2.utils.Namespace):
    """No member begins with an underscore."""
    def __init__(*args, **kwargs):  # so that self may be a member's name
        attributes = dict(*args[1:], **kwargs)
        for name in attributes:
            Namespace.check(name)
        jinja2.utils.Namespace.__init__(args[0], attributes)

    def __setitem__(self, name, value):
        Namespace.check(name)
        jinja2.utils.Namespace.__setitem__(self, name, value)

    @staticmethod
    def check(name):
        if isinstance(name, str) and name.startswith("_"):
            raise jinja2.exceptions.SecurityError(f"a member called {name!r}")


class Generation(jinja2.ext.Extension):
    """{% generation %}: what transformers marks for training is a call block like any other when rendering."""
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("support"), [], [], body).set_lineno(line)

    @jinja2.pass_eval_context
    def support(self, context, caller):
        return caller()


def plain_compile(source):
    env = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda form: FixedClock.now().strftime(form)
    env.globals["dict"] = Dict()
    env.globals["namespace"] = Namespace
    return env.from_string(source)


class Reference:
    def __init__(self, plain=False):
        self.compile, self.name = plain_compile, "jinja2 " + jinja2.__version__
        self.source = self.template = None  # the last one compiled
        if plain:
            return
        try:
            import transformers
            from transformers.utils import chat_template_utils
        except ImportError:
            return
        chat_template_utils.datetime = FixedClock
        self.compile = getattr(chat_template_utils._compile_jinja_template, "__wrapped__",
                               chat_template_utils._compile_jinja_template)
        self.name += ", transformers " + transformers.__version__

    def render(self, source, variables):
        """Any exception is an error: what a template may raise is as wide as Python."""
        try:
            if source != self.source:
                self.source, self.template = None, self.compile(source)
                self.source = source
            text = self.template.render(**variables)
            text.encode("utf-8")
            return text, None
        except RecursionError:
            return None, "RecursionError"
        except Exception as e:
            return None, f"{type(e).__name__}: {e}"


class Driver:
    def __init__(self, path):
        env = dict(os.environ, HEARTH_NOW=str(NOW), TZ="UTC")
        self.process = subprocess.Popen([path, "--lines"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)

    def render(self, source, variables):
        line = json.dumps({"template": source, "globals": variables}) + "\n"
        self.process.stdin.write(line.encode())
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"the driver ended, status {self.process.wait()}, on: {line}")
        reply = json.loads(answer)
        return (reply["text"], None) if "text" in reply else (None, reply["status"] + ": " + reply["error"])
