#!/usr/bin/env python3
"""break_json.py FILE PATH [VALUE] - prints a JSON file with one thing changed: what stands at PATH ("metadata.component.type",
"@graph[type=ai_AIPackage].suppliedBy") becomes VALUE (JSON), or goes when there is none."""
import json
import re
import sys


def step(node, part):
    """The member, element or first object with key=value that a part of the path names."""
    if isinstance(node, dict):
        return part
    found = re.fullmatch(r"(\w+)=(.*)", part)
    if found:
        return next(i for i, item in enumerate(node) if item.get(found[1]) == found[2])
    return int(part)


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        whole = json.load(f)
    parts = [p for p in re.split(r"\.(?![^\[]*\])|\[|\]", sys.argv[2]) if p]
    node = whole
    for part in parts[:-1]:
        node = node[step(node, part)]
    last = step(node, parts[-1])
    if len(sys.argv) > 3:
        node[last] = json.loads(sys.argv[3])
    else:
        del node[last]
    json.dump(whole, sys.stdout)


if __name__ == "__main__":
    main()
