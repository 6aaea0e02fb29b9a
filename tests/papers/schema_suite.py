"""schema_suite.py SDIST TOOL MODEL - the official JSON-Schema-Test-Suite (draft 2020-12, as the sources of jsonschema carry it) against
what hearth's grammars allow.

Of each schema that is accepted: no instance marked invalid may follow the grammar, however its properties are ordered; an instance marked
valid must, unless it is one of those that are left out on purpose (src/text/schema.c): narrow() says which.  A schema that is refused must
be refused by a keyword that stands in it.  Prints what was counted; exit status 1 when something is wrong."""
import itertools
import json
import subprocess
import sys
import tarfile

from jsonschema import Draft202012Validator
from referencing.exceptions import Unresolvable

OF_TYPE = {"object": "properties required additionalProperties minProperties maxProperties", "array": "items prefixItems minItems maxItems uniqueItems",
           "string": "pattern minLength maxLength", "number": "minimum maximum exclusiveMinimum exclusiveMaximum"}
ENFORCED = "date time date-time uuid ipv4".split()
INSIDE = "additionalProperties items".split()
LISTS = "allOf anyOf oneOf prefixItems".split()
MAPS = "properties $defs definitions".split()


def cases(path):
    with tarfile.open(path) as tar:
        for member in sorted(tar.getmembers(), key=lambda m: m.name):
            if "/json/tests/draft2020-12/" in member.name and member.name.endswith(".json") and "/optional/" not in member.name:
                for case in json.load(tar.extractfile(member)):
                    yield member.name.rsplit("/", 1)[1], case


def narrow(schema):
    """The schema with what hearth leaves out on purpose made invalid."""
    if not isinstance(schema, dict):
        return schema
    s = {k: narrow(v) if k in INSIDE else [narrow(x) for x in v] if k in LISTS else {n: narrow(x) for n, x in v.items()} if k in MAPS else v
         for k, v in schema.items()}
    types = [t for t, words in OF_TYPE.items() if any(w in s for w in words.split())]
    if "type" not in s and "enum" not in s and "const" not in s and types:
        s["type"] = types
    if "properties" in s and "additionalProperties" not in s:
        s["additionalProperties"] = False
        for name in s.get("required", []):
            s["properties"].setdefault(name, True)
    if "prefixItems" in s and "items" not in s and s.get("minItems", 0) <= len(s["prefixItems"]):
        s["items"] = False
    if s.get("format") in ENFORCED:                     # by its letter an annotation, which hearth honours all the same
        s["maxLength"] = 0
    return s


def written(v):
    """The texts of a value, in every order of properties up to a limit."""
    if isinstance(v, dict):
        for order in itertools.islice(itertools.permutations(v.items()), 120):
            for parts in itertools.islice(itertools.product(*[list(itertools.islice(written(x), 6)) for _, x in order]), 12):
                yield "{" + ",".join(json.dumps(k, ensure_ascii=False) + ":" + p for (k, _), p in zip(order, parts)) + "}"
    elif isinstance(v, list):
        for parts in itertools.islice(itertools.product(*[list(itertools.islice(written(x), 6)) for x in v]), 24):
            yield "[" + ",".join(parts) + "]"
    else:
        yield json.dumps(v, ensure_ascii=False)
        if isinstance(v, float) and v == int(v):
            yield str(int(v))


def plain(v):
    """What hearth never writes: NUL, numbers of more digits than it gives."""
    return "\\u0000" not in json.dumps(v) and not any(len(w) > 15 for w in json.dumps(v).replace(",", " ").split() if w.isdigit())


def keyword_of(message):
    return message.split('"')[1] if '"' in message else ""


def valid(schema, instance):
    try:
        return Draft202012Validator(schema).is_valid(instance)
    except (Unresolvable, RecursionError):
        return False


def judge(where, case, reply, answers, wrong):
    """Returns (instances compared, left out on purpose)."""
    compared = left = 0
    for test, texts in zip(case["tests"], answers):
        is_in = any(reply["accepts"][i] for i in texts)
        compared += 1
        if is_in and not test["valid"]:
            wrong.append(f"{where}: {test['description']}: allowed, and marked invalid")
        elif not is_in and test["valid"]:
            if valid(narrow(case["schema"]), test["data"]) and plain(test["data"]):
                wrong.append(f"{where}: {test['description']}: not allowed, and marked valid: {json.dumps(test['data'])}")
            left += 1
    return compared, left


def main():
    sdist, tool, model = sys.argv[1:4]
    every, lines = list(cases(sdist)), []
    for _, case in every:
        texts, case["spans"] = [], []
        for test in case["tests"]:
            mine = list(written(test["data"]))
            case["spans"].append(range(len(texts), len(texts) + len(mine)))
            texts += mine
        lines.append(json.dumps({"kind": "json-schema", "text": json.dumps(case["schema"]), "answers": texts}))
    run = subprocess.run([tool, "accepts", model], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
    replies = [json.loads(x) for x in run.stdout.splitlines()]
    wrong, refused, taken, compared, left, slowest = [], {}, 0, 0, 0, 0.0
    for (name, case), reply in zip(every, replies):
        where = f"{name}: {case['description']}"
        slowest = max(slowest, reply["compile_ms"])
        if reply["status"] != "ok":
            said = reply["message"]
            word = keyword_of(said) if reply["status"] == "unsupported" else "(" + reply["status"] + ")"
            refused[word] = refused.get(word, 0) + 1
            if reply["status"] == "unsupported" and json.dumps(word)[1:-1] not in json.dumps(case["schema"]) and " or " not in word:
                wrong.append(f"{where}: refused by a keyword that is not there: {said}")
            if reply["status"] == "format" and any(t["valid"] and plain(t["data"]) and valid(narrow(case["schema"]), t["data"]) for t in case["tests"]):
                wrong.append(f"{where}: {said}")
            continue
        taken += 1
        a, b = judge(where, case, reply, case["spans"], wrong)
        compared, left = compared + a, left + b
    print(f"{len(every)} schemas: {taken} taken, {len(every) - taken} refused; {compared} instances compared, {left} valid ones left out on purpose; "
          f"slowest schema {slowest:.1f} ms")
    print("refused: " + ", ".join(f"{k} {v}" for k, v in sorted(refused.items())))
    for sentence in wrong:
        print("WRONG " + sentence)
    return 1 if wrong or taken < 100 or len(replies) != len(every) else 0


if __name__ == "__main__":
    sys.exit(main())
