#!/usr/bin/env python3
"""check_spdx.py FILE - does the SPDX project's own Python model accept this SPDX 3.0.1 document?

`spdx-python-model` is generated from the specification's SHACL model: reading checks types, enumerations and patterns,
writing checks what must be there and how often.  On top of it, what the model leaves to its reader: every reference leads
to an element of the document, nothing was lost between reading and writing, and the AI profile's own rule (exactly one
declared and one concluded licence a package).  Prints what is wrong, one line each; the status is 0 when nothing is.
"""
import io
import json
import sys

from spdx_python_model import v3_0_1 as spdx

TERMS = "https://spdx.org/rdf/3.0.1/terms/"


def values(node):
    """Every key and value below a JSON value, in a form that can be compared."""
    if isinstance(node, dict):
        for key, value in node.items():
            if not isinstance(value, (dict, list)):
                yield key, str(value)
            else:
                yield key, ""
                yield from values(value)
    elif isinstance(node, list):
        for value in node:
            if not isinstance(value, (dict, list)):
                yield "", str(value)
            else:
                yield from values(value)


def short(text):
    """An individual has two spellings: its IRI and the context's word for it."""
    return text.rsplit("/", 1)[-1].replace("expandedlicensing_", "") if text.startswith(TERMS) else text.replace("expandedlicensing_", "")


def check(path):
    with open(path, "rb") as f:
        data = json.load(f)
    if data.get("@context") != "https://spdx.org/rdf/3.0.1/spdx-context.jsonld":
        yield f"@context is {data.get('@context')!r}"
    objects = spdx.SHACLObjectSet()
    spdx.JSONLDDeserializer().deserialize_data(data, objects)
    for missing in objects.missing_ids:
        if not missing.startswith(TERMS):
            yield f"refers to {missing}, which is not there"
    out = io.BytesIO()
    spdx.JSONLDSerializer().write(objects, out)
    before = {(k, short(v)) for k, v in values(data["@graph"]) if k != "@id" and not v.startswith("_:")}
    after = {(k, short(v)) for k, v in values(json.loads(out.getvalue())["@graph"]) if k != "@id" and not v.startswith("_:")}
    for key, value in sorted(before - after):
        yield f"unknown to the specification: {key} {value}"
    documents = list(objects.foreach_type(spdx.SpdxDocument))
    if len(documents) != 1:
        yield f"{len(documents)} documents, where exactly one must be"
    packages = list(objects.foreach_type(spdx.ai_AIPackage))
    if not packages:
        yield "no AI package"
    for kind in ("hasDeclaredLicense", "hasConcludedLicense"):
        wanted = getattr(spdx.RelationshipType, kind)
        for package in packages:
            n = sum(r.from_ is package and r.relationshipType == wanted for r in objects.foreach_type(spdx.Relationship))
            if n != 1:
                yield f"{package.name}: {n} relationships {kind}, where exactly one must be"


def main():
    try:
        wrong = list(check(sys.argv[1]))
    except (ValueError, TypeError, KeyError, AttributeError) as e:
        wrong = [f"{type(e).__name__}: {e}"]
    for line in wrong:
        print(line)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
