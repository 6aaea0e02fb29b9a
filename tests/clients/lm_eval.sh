#!/bin/sh
# PyPI's lm-eval (lm-evaluation-harness) against a server with one model.
here=$(cd "$(dirname "$0")" && pwd)
: "${VENV:=$here/../../build/venv}"
if ! [ -x "$VENV/bin/python" ]; then echo "Bail out! no $VENV: tools/venv makes it"; exit 1; fi
exec python3 "$here/with_server.py" --alone "$VENV/bin/python" "$here/lm_eval_client.py"
