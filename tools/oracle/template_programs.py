"""Random small Jinja programs: `program(seed)` gives (source, variables), the same for the same seed.

Expressions are drawn by type, so that most of them mean something, and now and then of another type than asked for, so
that errors are met too.  A few names are assigned again and again in nested blocks, which is what tells scopes apart.
One program in eight is spoilt by a character: what is a syntax error to one side must be to the other.
Left out: what prints an address, and integers that can pass 64 bits."""
import random

VARIABLES = {
    "s": "Hello World", "t": "  tab\tand\nnew line  ", "uni": "Straße ÀÉ 日本 🌍 ǆ ﬁ", "low": "abc", "empty": "",
    "html": "<b>'x' & \"y\"</b>", "num": "42", "fnum": " 3.75 ", "n": 7, "neg": -3, "zero": 0, "big": 12345678901,
    "f": 2.5, "tiny": 1e-7, "huge": 1.5e300, "yes": True, "no": False, "nil": None, "l": [3, 1, 2, 1],
    "ls": ["b", "A", "c", "a b"], "mixed": [1, "a", None, 2.5, [1], {"k": 1}], "e": [], "ed": {},
    "d": {"b": 1, "a": 2, "C": "x", "items": "hidden"}, "dd": {"x": {"y": [1, {"z": "deep"}]}, "k": "v", "é": None},
    "ld": [{"name": "Bo", "age": 3, "tag": "x"}, {"name": "al", "age": 1, "tag": "Y"}, {"name": "Cy", "age": 2}],
    "pairs": [["a", 1], ["b", 2]], "tree": [{"v": 1, "kids": [{"v": 2, "kids": []}, {"v": 3, "kids": [{"v": 4}]}]}],
}
STRINGS = ["s", "t", "uni", "low", "empty", "html", "num", "fnum"]
INTS = ["n", "neg", "zero", "big"]
LISTS = ["l", "ls", "mixed", "e", "ld", "pairs"]
DICTS = ["d", "dd", "ed"]
NAMES = ["x", "y", "z"]
TEXTS = ["text", " ", "\n", "  \n  ", "a\nb", "é", "{ }", "\t", "\r\n", "%}", "#}", "x\n\n"]


class Maker:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.depth = 0
        self.loops = 0
        self.macros = []

    def pick(self, *choices):
        return self.r.choice(choices)

    def chance(self, p):
        return self.r.random() < p

    # ---- expressions -------------------------------------------------------------------------------------------------

    def literal_string(self):
        body = self.pick("", "a", "b", " ", "Hello", "é", "x y", "\\n", "\\t", "\\'", "\\\\", "a,b,c", "%", "{}", "A-b c",
                         "\\x41", "\\u00e9", "\\101", "\\q", "1", "-12", "1e3", "lo", "<&>", "日", "\n", "aXbXc")
        quote = self.pick("'", '"')
        return quote + body.replace(quote, "") + quote

    def small(self):
        return self.pick("0", "1", "2", "3", "-1", "-2", "5", "10", "1_0", "0x1F", "100")

    def expr(self, kind=None):
        if self.chance(0.03):
            kind = None
        if kind is None:
            kind = self.pick("str", "int", "float", "bool", "list", "dict", "any")
        self.depth += 1
        made = getattr(self, "leaf" if self.depth > 4 else "make")(kind)
        self.depth -= 1
        if self.depth and not made.isidentifier() and not self.chance(0.08):
            made = f"({made})"  # mostly: without them what binds how is met too
        return made

    def leaf(self, kind):
        if kind == "str":
            return self.pick(*STRINGS) if self.chance(0.6) else self.literal_string()
        if kind == "int":
            return self.pick(*INTS) if self.chance(0.5) else self.small()
        if kind == "float":
            return self.pick("f", "tiny", "1.5", "0.1", "-2.75", "1e3", "2.0", "huge", "1.25E-2")
        if kind == "bool":
            return self.pick("yes", "no", "true", "False")
        if kind == "list":
            return self.pick(*LISTS) if self.chance(0.6) else self.pick("[]", "[1, 2, 3]", "['a', 'B']", "(1, 'x')", "()")
        if kind == "dict":
            return self.pick(*DICTS) if self.chance(0.7) else self.pick("{}", "{'a': 1}", "{1: 'x', 'y': none}")
        return self.pick("nil", "none", "undefd", "x", "y", "z", "s", "n", "l", "d", "range(3)", "loop", "caller")

    def make(self, kind):
        if self.chance(0.12):
            return self.leaf(kind)
        if self.chance(0.05):
            return f"({self.expr(kind)} if {self.expr('bool')} else {self.expr(kind)})"
        if self.chance(0.03):
            return f"({self.expr(kind)})"
        if self.chance(0.02):
            return f"({self.expr(kind)} {self.pick('and', 'or')} {self.expr(kind)})"
        return getattr(self, "make_" + kind)()

    def make_any(self):
        e = self.expr
        return self.pick(
            lambda: f"{e('list')}[{e('int')}]", lambda: f"{e('dict')}[{e('str')}]",
            lambda: f"{e('dict')}.{self.pick('a', 'x', 'k', 'items', 'keys', 'nope', '__class__', '_p')}",
            lambda: f"{e('list')}|{self.pick('first', 'last', 'min', 'max', 'sum')}",
            lambda: f"{e('dict')}.get({e('str')}, {e()})", lambda: f"{e('any')}|default({e()}, {e('bool')})",
            lambda: self.leaf("any"), lambda: f"{e('dict')}|attr({e('str')})",
            lambda: "dd.x.y[1].z", lambda: "ld[0]['name']", lambda: f"{e('list')}.{self.small()}",
            lambda: f"loop.{self.pick('index', 'index0', 'first', 'last', 'length', 'revindex', 'revindex0', 'depth', 'previtem', 'nextitem')}",
            lambda: f"namespace(a={e()}).a", lambda: f"cycler({e()}, {e()}).next()", lambda: f"({e()},)",
            lambda: self.macro_call())()

    def macro_call(self):
        if not self.macros:
            return self.leaf("any")
        args = ", ".join([self.expr() for _ in range(self.r.randrange(4))])
        if self.chance(0.3):
            args += (", " if args else "") + f"{self.pick('x', 'y', 'q')}={self.expr()}"
        if self.chance(0.1):
            args += (", " if args else "") + "*" + self.expr("list")
        return f"{self.r.choice(self.macros)}({args})"

    def make_str(self):
        e = self.expr
        return self.pick(
            lambda: f"{e('str')} + {e('str')}", lambda: f"{e()} ~ {e()}", lambda: f"{e('str')} * {self.pick('0', '2', '3', '-1')}",
            lambda: f"{e('str')}|{self.pick('upper', 'lower', 'title', 'capitalize', 'trim', 'string', 'e', 'safe', 'reverse', 'striptags', 'urlencode', 'escape', 'forceescape')}",
            lambda: f"{e('str')}.{self.pick('upper', 'lower', 'title', 'capitalize', 'strip', 'lstrip', 'rstrip', 'swapcase', 'casefold', 'expandtabs')}()",
            lambda: f"{e('str')}.{self.pick('strip', 'lstrip', 'rstrip')}({e('str')})",
            lambda: f"{e('str')}.replace({e('str')}, {e('str')}{self.pick('', ', 1', ', -1')})",
            lambda: f"{e('str')}|replace({e('str')}, {e('str')}{self.pick('', ', 2')})",
            lambda: f"{e('list')}|join({e('str')})", lambda: f"{e('str')}.join({e('list')})",
            lambda: f"{e('list')}|join({e('str')}, attribute={self.pick(repr('name'), '0', repr('x.y'))})",
            lambda: f"{e('str')}[{e('int')}]", lambda: self.slice("str"), lambda: f"{e()}|tojson",
            lambda: f"{e()}|tojson(indent={self.pick('0', '1', '2', '4', 'none', repr('--'))})",
            lambda: f"{e()}|tojson(sort_keys=true, separators=(',', ':'))", lambda: f"{e()}|tojson(ensure_ascii=true)",
            lambda: f"{e()}|string", lambda: f"{e('str')}.{self.pick('center', 'ljust', 'rjust', 'zfill')}({self.small()})",
            lambda: f"{e('str')}.{self.pick('ljust', 'center')}({self.small()}, {self.literal_string()})",
            lambda: f"{e('str')}|center({self.small()})",
            lambda: f"{e('str')}|indent({self.pick('2', '4, true', 'first=true', 'blank=true', repr('> '), 'width=1, blank=true, first=true')})",
            lambda: f"{e('str')}|truncate({self.small()}{self.pick('', ', true', ', false, ' + repr('!'), ', true, ' + repr(''), ', leeway=0')})",
            lambda: f"{e('str')}|wordwrap({self.small()}{self.pick('', ', false', ', true, ' + repr('|'), ', break_on_hyphens=false')})",
            lambda: self.percent(), lambda: self.formatted(), lambda: f"{e('str')}|xmlattr",
            lambda: f"{e('str')}.{self.pick('removeprefix', 'removesuffix')}({e('str')})",
            lambda: f"{e('dict')}|{self.pick('xmlattr', 'urlencode', 'string')}", lambda: f"{e('int')}|filesizeformat",
            lambda: f"({e('str')}|safe) + {e('str')}", lambda: f"{self.literal_string()} {self.literal_string()}")()

    def percent(self):
        spec = "%" + self.pick("", "", "-", "+", "0", " ", "#") + self.pick("", "", "5", "1", "12") + \
            self.pick("", "", ".2", ".0", ".5") + self.pick("s", "r", "d", "i", "x", "X", "o", "f", "e", "g", "G", "%", "c", "a")
        value = self.expr(self.pick("int", "float", "str", "any"))
        return self.pick(f"'a{spec}b' % {value}", f"'{spec}|{spec}' % ({value}, {self.expr()})",
                         f"'{spec}'|format({value})", f"'%(k){spec[1:]}' % {{'k': {value}}}", f"'{spec}' % ({value},)")

    def formatted(self):
        spec = self.pick("", "", "<", ">", "^", "*^", "=", "0=") + self.pick("", "", "+", "-", " ") + self.pick("", "", "#") + \
            self.pick("", "", "0") + self.pick("", "", "3", "8", "12") + self.pick("", "", "", ",", "_") + \
            self.pick("", "", ".2", ".0", ".6") + self.pick("", "", "", "s", "d", "x", "b", "o", "X", "f", "e", "g", "%", "c", "n", "G", "E")
        value = self.expr(self.pick("int", "float", "str", "any"))
        field = self.pick("", "", "0", "k", "0[a]", "0.a", "1", "!r", "!s", "0!r")
        if "!" in field:
            body = "{" + field + (":" + spec if self.chance(0.3) else "") + "}"
        else:
            body = "{" + field + (":" + spec if spec else "") + "}"
        return f"'{self.pick('', 'a', '{{', '}}', '{}')}{body}'.format({value}, {self.expr()}, k={self.expr()})"

    def slice(self, kind):
        part = lambda: self.pick("", "", self.small(), self.small(), "none")  # noqa: E731
        of = self.pick(*(STRINGS if kind == "str" else LISTS))  # of constants, jinja2 evaluates some errors away
        return f"{of}[{part()}:{part()}{self.pick('', ':' + self.pick('', '1', '2', '-1', '-2'))}]"

    def make_int(self):
        e = self.expr
        return self.pick(
            lambda: f"{e('int')} {self.pick('+', '-')} {e('int')}", lambda: f"{e('int')} {self.pick('//', '%')} {e('int')}",
            lambda: f"{self.small()} * {self.small()}", lambda: f"{self.small()} ** {self.pick('0', '1', '2', '3')}",
            lambda: f"{e(self.pick('str', 'list', 'dict', 'any'))}|length", lambda: f"{e('any')}|int",
            lambda: f"{e('str')}|int({self.small()}{self.pick('', ', 16', ', 2', ', base=8')})",
            lambda: f"{e('str')}.{self.pick('find', 'rfind', 'count', 'index')}({e('str')}{self.pick('', ', 1', ', 0, 3', ', -3')})",
            lambda: f"{e('list')}.{self.pick('count', 'index')}({e()})", lambda: f"{e('str')}|wordcount",
            lambda: f"-{e('int')}", lambda: f"{e('int')}|abs", lambda: f"{e('float')}|int", lambda: f"{e('int')}|round",
            lambda: f"{e('list')}|count", lambda: f"+{e('int')}", lambda: f"{e('bool')} + {e('int')}")()

    def make_float(self):
        e = self.expr
        number = lambda: e(self.pick("int", "float"))  # noqa: E731
        return self.pick(
            lambda: f"{number()} / {number()}", lambda: f"{number()} {self.pick('+', '-', '*')} {e('float')}",
            lambda: f"{number()} {self.pick('//', '%')} {e('float')}", lambda: f"{e('any')}|float",
            lambda: f"{e('str')}|float({e('float')})", lambda: f"{number()}|round({self.pick('0', '1', '2', '-1', '3')})",
            lambda: f"{number()}|round({self.pick('0', '1', '-1')}, {self.pick(repr('ceil'), repr('floor'), repr('common'))})",
            lambda: f"{e('float')} ** {self.pick('2', '0.5', '-1')}", lambda: f"-{e('float')}", lambda: f"{e('float')}|abs")()

    def make_bool(self):
        e = self.expr
        test = self.pick("defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "true", "false",
                         "mapping", "sequence", "iterable", "callable", "lower", "upper", "odd", "even", "escaped")
        return self.pick(
            lambda: f"{e()} {self.pick('==', '!=')} {e()}", lambda: f"{e('int')} {self.pick('<', '<=', '>', '>=')} {e('int')}",
            lambda: f"{e('str')} {self.pick('<', '<=', '>', '>=', '==')} {e('str')}",
            lambda: f"{e()} {self.pick('in', 'not in')} {e(self.pick('list', 'dict'))}",
            lambda: f"{e('str')} {self.pick('in', 'not in')} {e('str')}", lambda: f"not {e()}",
            lambda: f"{e()} {self.pick('and', 'or')} {e()}", lambda: f"{e()} is {self.pick('', 'not ')}{test}",
            lambda: f"{e('int')} is divisibleby {self.pick('2', '3', '(0)')}",
            lambda: f"{e()} is {self.pick('eq', '==', 'ne', 'lt', '>', 'ge', 'sameas', 'in')}({e()})",
            lambda: f"{e('int')} < {e('int')} <= {e('int')}", lambda: f"{self.pick(repr('upper'), repr('nope'))} is filter",
            lambda: f"{e('str')}.{self.pick('isdigit', 'isalpha', 'isspace', 'isupper', 'islower', 'istitle', 'isalnum', 'isnumeric', 'isdecimal', 'isidentifier', 'isprintable')}()",
            lambda: f"{e('str')}.{self.pick('startswith', 'endswith')}({self.pick(e('str'), '(' + e('str') + ', ' + e('str') + ')')})",
            lambda: f"{e('list')} {self.pick('==', '<', '>=')} {e('list')}", lambda: f"loop.changed({e()})")()

    def lazy(self):
        e = self.expr
        return self.pick(
            lambda: f"map({self.pick(repr('upper'), repr('length'), repr('string'), repr('abs'), repr('nofilter') if self.chance(0.1) else repr('trim'))})",
            lambda: f"map(attribute={self.pick(repr('name'), repr('age'), '0', repr('x.y.0'))}{self.pick('', ', default=' + e())})",
            lambda: self.pick("select", "reject"),
            lambda: f"{self.pick('select', 'reject')}({self.pick(repr('odd'), repr('string'), repr('none'), repr('defined'))})",
            lambda: f"{self.pick('select', 'reject')}('{self.pick('eq', '>', 'in', 'divisibleby')}', {e()})",
            lambda: f"{self.pick('selectattr', 'rejectattr')}({self.pick(repr('name'), repr('tag'), repr('age'))}{self.pick('', ', ' + repr('defined'), ', ' + repr('eq') + ', ' + e())})",
            lambda: f"unique{self.pick('', '(true)', '(attribute=' + repr('tag') + ')')}", lambda: f"batch({self.pick('1', '2', '3', '0')}{self.pick('', ', ' + e())})",
            lambda: f"slice({self.pick('1', '2', '3', '0')}{self.pick('', ', ' + e())})", lambda: "reverse", lambda: "items")()

    def make_list(self):
        e = self.expr
        return self.pick(
            lambda: "[" + ", ".join(e() for _ in range(self.r.randrange(4))) + self.pick("", "") + "]",
            lambda: f"{e('list')} + {e('list')}", lambda: f"{e('list')} * {self.pick('0', '2')}", lambda: self.slice("list"),
            lambda: f"{e('list')}|{self.lazy()}|list", lambda: f"{e('list')}|{self.lazy()}|{self.lazy()}|list",
            lambda: f"{e('dict')}|{self.pick('items', 'dictsort', 'list')}|list",
            lambda: f"{e('dict')}|dictsort({self.pick('true', 'false, ' + repr('value'), 'reverse=true', 'by=' + repr('nope'))})",
            lambda: f"{e('list')}|sort{self.pick('', '(true)', '(case_sensitive=true)', '(attribute=' + repr('name') + ')', '(attribute=' + repr('tag,age') + ')', '(attribute=0)')}",
            lambda: f"{e('str')}.{self.pick('split', 'rsplit')}({self.pick('', e('str'), e('str') + ', 1', 'none, 1', 'maxsplit=1')})",
            lambda: f"{e('str')}.splitlines({self.pick('', 'true')})", lambda: f"{e('str')}|list",
            lambda: f"range({self.pick('3', '1, 5', '5, 0, -2', '0', '-2, 2', '0, 9, 4')})|list",
            lambda: f"{e('dict')}.{self.pick('keys', 'values', 'items')}()|list", lambda: f"{e('str')}.partition({e('str')})",
            lambda: f"{e('str')}.rpartition({e('str')})", lambda: f"({e()}, {e()})",
            lambda: f"{e('list')}|groupby({self.pick(repr('tag'), repr('age') + ', default=9', '0')})|list")()

    def make_dict(self):
        e = self.expr
        return self.pick(
            lambda: "{" + ", ".join(f"{e(self.pick('str', 'int'))}: {e()}" for _ in range(self.r.randrange(3))) + "}",
            lambda: f"dict({self.pick('', 'a=' + e(), 'd', 'pairs', 'd, z=1')})", lambda: f"{e('dict')}.copy()",
            lambda: "ld[1]", lambda: "dd.x")()

    # ---- statements --------------------------------------------------------------------------------------------------

    def tag(self, body):
        return "{%" + self.pick("", "", "", "-", "+") + " " + body + " " + self.pick("", "", "", "-", "+") + "%}"

    def show(self, expression):
        return "{{" + self.pick("", "", "-", "+") + " " + expression + " " + self.pick("", "", "-") + "}}"

    def body(self, level):
        return "".join(self.statement(level) for _ in range(self.r.randrange(1, 4)))

    def statement(self, level):
        if level > 3 or self.chance(0.45):
            return self.pick(lambda: self.r.choice(TEXTS), lambda: self.show(self.expr()),
                             lambda: self.show(self.r.choice(NAMES)),
                             lambda: self.tag(f"set {self.r.choice(NAMES)} = {self.expr()}"))()
        return self.pick(self.if_, self.for_, self.for_, self.set_, self.setblock, self.macro, self.callblock, self.filterblock,
                         self.with_, self.comment, self.raw, self.namespace, self.generation, self.recursive)(level + 1)

    def if_(self, level):
        parts = [self.tag(f"if {self.expr('bool')}"), self.body(level)]
        for _ in range(self.r.randrange(2)):
            parts += [self.tag(f"elif {self.expr('bool')}"), self.body(level)]
        if self.chance(0.5):
            parts += [self.tag("else"), self.body(level)]
        return "".join(parts) + self.tag("endif")

    def for_(self, level):
        over, target = self.pick((self.expr("list"), self.r.choice(NAMES)), (f"{self.expr('dict')}.items()", "x, y"),
                                 (f"{self.expr('list')}|{self.lazy()}", self.r.choice(NAMES)), ("range(3)", "y"),
                                 ("pairs", "x, z"), (self.expr("dict"), "x"), (self.expr("str"), "z"))
        test = f" if {self.expr('bool')}" if self.chance(0.25) else ""
        self.loops += 1
        inside = self.body(level)
        if self.chance(0.2):
            inside += self.tag(f"if {self.expr('bool')}") + self.tag(self.pick("break", "continue")) + self.tag("endif") + self.body(4)
        self.loops -= 1
        other = self.tag("else") + self.body(level) if self.chance(0.25) else ""
        return self.tag(f"for {target} in {over}{test}") + inside + other + self.tag("endfor")

    def recursive(self, level):
        return self.tag("for x in tree recursive") + "{{ x.v }}" + self.body(level) + \
            self.tag("if x.kids") + "({{ loop(x.kids) }})" + self.tag("endif") + self.tag("endfor")

    def set_(self, level):
        return self.tag(self.pick(f"set {self.r.choice(NAMES)} = {self.expr()}", f"set x, y = {self.expr('list')}",
                                  f"set x, y = {self.expr()}, {self.expr()}", f"set ns.a = {self.expr()}"))

    def setblock(self, level):
        return self.tag(f"set {self.r.choice(NAMES)}{self.pick('', '', ' | upper', ' | trim | length')}") + self.body(level) + \
            self.tag("endset")

    def macro(self, level):
        name = self.pick("m1", "m2", "m3")
        params = self.pick("", "x", "x, y", "x, y=1", "y='d', z=y", "x=none", "a, caller=none")
        inside = self.body(level) + self.pick("", "{{ x }}", "{{ caller() }}", "{{ varargs }}", "{{ kwargs }}", "{{ caller(1) if caller }}")
        made = self.tag(f"macro {name}({params})") + inside + self.tag("endmacro")
        self.macros = sorted(set(self.macros) | {name})
        return made + (self.show(self.macro_call()) if self.chance(0.7) else "")

    def callblock(self, level):
        return self.tag(f"call{self.pick('', '(x)', '(x, y=2)')} {self.macro_call() if self.macros else 'm1()'}") + \
            self.body(level) + self.tag("endcall")

    def filterblock(self, level):
        return self.tag("filter " + self.pick("upper", "trim", "replace('a', 'b')", "length", "indent(2, true)", "title|trim")) + \
            self.body(level) + self.tag("endfilter")

    def with_(self, level):
        return self.tag("with " + self.pick("", f"x = {self.expr()}", f"x = {self.expr()}, y = x", f"x, y = {self.expr('list')}")) + \
            self.body(level) + self.tag("endwith")

    def comment(self, level):
        return "{#" + self.pick("", "-", "+") + self.pick(" c ", " {{ x }} ", "\n") + self.pick("", "-", "+") + "#}"

    def raw(self, level):
        return self.tag("raw") + self.pick("{{ x }}", "{% if %}\n", "  ") + self.tag("endraw")

    def namespace(self, level):
        return self.tag(f"set ns = namespace({self.pick('', 'a=1', 'd', 'a=' + self.expr())})") + self.body(level) + \
            self.show("ns.a")

    def generation(self, level):
        return self.tag("generation") + self.body(level) + self.tag("endgeneration")

    # ---- programs ----------------------------------------------------------------------------------------------------

    def scopes(self, level=0):
        """Little but assignments, blocks and reading: what tells which variable a name means."""
        made = ""
        for _ in range(self.r.randrange(1, 5)):
            name, other = self.r.choice("xyzn"), self.r.choice("xyzn")
            inside = self.scopes(level + 1) if level < 4 else "."
            made += self.pick(
                "{{ %s }}," % name, "{{ %s }};" % other, "{%% set %s = '%s%d' %%}" % (name, name, level), "{%% set %s = %s %%}" % (name, other),
                "{%% if yes %%}%s{%% endif %%}" % inside, "{%% if no %%}%s{%% else %%}%s{%% endif %%}" % (inside, "{{ x }}"),
                "{%% if no %%}{%% set %s = 1 %%}{%% elif %s is defined %%}%s{%% endif %%}" % (name, other, inside),
                "{%% for %s in [1, 2] %%}%s{%% endfor %%}" % (name, inside), "{%% for i in l if i != %s %%}%s{%% endfor %%}" % (other, inside),
                "{%% for i in [] %%}{%% else %%}%s{%% endfor %%}" % inside, "{%% with %s = %s %%}%s{%% endwith %%}" % (name, other, inside),
                "{%% macro m(%s) %%}%s{%% endmacro %%}{{ m(3) }}" % (name, inside), "{%% macro m() %%}%s{%% endmacro %%}" % inside,
                "{{ m() }}" if self.chance(0.5) else "{{ m is defined }}", "{%% set %s %%}%s{%% endset %%}" % (name, inside),
                "{%% call(%s) c() %%}%s{%% endcall %%}" % (name, inside), "{%% filter upper %%}%s{%% endfilter %%}" % inside,
                "{%% set ns.%s = %s %%}{{ ns.%s }}" % (name, other, other), "{%% generation %%}%s{%% endgeneration %%}" % inside,
                "{%% for %s in tree recursive %%}%s{{ loop(%s.kids) }}{%% endfor %%}" % (name, inside, name),
                "{%% set ns.m = m %%}", "{{ ns.m() }}" if self.chance(0.3) else "")
        return made

    def soup(self):
        """Delimiters, signs and white space: what the lexer has to tell apart."""
        pieces = ["{%", "%}", "{{", "}}", "{#", "#}", "{%-", "-%}", "{%+", "+%}", "{{-", "-}}", "{#-", "-#}", " ", "\n", "  ", "\t", "x", "1",
                  "\r\n", "\r", "{% raw %}", "{% endraw %}", "{%- raw -%}", "{%- endraw -%}", "{% if 1 %}", "{% endif %}", "{{ 1 }}",
                  "{{- 2 -}}", "{# c #}", "{#- c -#}", "{% set x = 1 %}", "{%- set x = 1 +%}", "{", "}", "%", "#", "-", "'", "\"", "{{ '}}' }}",
                  "{{ {'a': {}} }}", "{% if 0 -%}", "{%- else %}", "\n\n", "\u2003", "{{+ 3 }}", "{% raw -%}", "{%+ endraw +%}", "{% print 1 %}"]
        whole = [p for p in pieces if p.count("{") == p.count("}") and len(p) != 2 or p.isspace()]
        few = self.chance(0.7)
        return "".join(self.r.choice(whole if few else pieces) for _ in range(self.r.randrange(1, 12)))

    def program(self):
        shape = self.r.randrange(8)
        if shape == 0:
            return "{% set ns = namespace(x='nx', y='ny', z='nz', n='nn') %}{% macro c() %}{{ caller(9) }}{% endmacro %}" + self.scopes()
        if shape == 1:
            return self.soup()
        if shape < 5:
            self.depth = self.r.randrange(4)
            return self.show(self.expr())
        source = "".join(self.statement(0) for _ in range(self.r.randrange(1, 5)))
        if self.chance(0.15) and source:
            at = self.r.randrange(len(source))
            source = source[:at] + self.r.choice("{}%#()[]'\"|.,:=-+~ \nax1é") * self.r.randrange(2) + source[at + self.r.randrange(2):]
        return source


def program(seed):
    return Maker(seed).program(), VARIABLES
