#!/bin/sh
# PyPI's anthropic against a server.
here=$(cd "$(dirname "$0")" && pwd)
: "${VENV:=$here/../../build/venv}"
if ! [ -x "$VENV/bin/python" ]; then echo "Bail out! no $VENV: tools/venv makes it"; exit 1; fi
exec "$VENV/bin/python" "$here/anthropic_client.py"
