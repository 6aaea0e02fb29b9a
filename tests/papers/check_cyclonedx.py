#!/usr/bin/env python3
"""check_cyclonedx.py FILE - does the CycloneDX project's own Python validator accept this file as CycloneDX 1.6?

The strict validator of `cyclonedx-python-lib` holds it against the specification's JSON schema.  Then the library reads it
into its own classes, which finds references to nothing.  The status is 0 when nothing is wrong.
"""
import json
import sys

from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        text = f.read()
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong:
        print(wrong)
        return 1
    bom = Bom.from_json(json.loads(text))
    bom.validate()
    return bom.metadata.component is None


if __name__ == "__main__":
    sys.exit(main())
