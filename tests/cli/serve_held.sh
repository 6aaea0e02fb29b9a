#!/bin/sh
# Answers held to a schema or a grammar, and calls of tools.
exec python3 "$(dirname "$0")/../api/held.py"
