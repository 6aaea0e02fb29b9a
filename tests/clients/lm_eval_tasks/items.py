"""items.py - what the two tasks beside it ask."""
import json
import os

from datasets import Dataset


def read(name):
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name), encoding="utf-8") as f:
        return {"test": Dataset.from_list([json.loads(line) for line in f])}


def choice(**_):
    return read("choice.jsonl")


def words(**_):
    return read("words.jsonl")
