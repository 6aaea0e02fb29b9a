#!/bin/sh
# PyPI's schemathesis over the description that a server serves of itself (make check-openapi).
here=$(cd "$(dirname "$0")" && pwd)
: "${B:=$here/../../build}"
if ! "$here/../../tools/venv" "$B/venv-openapi" "$here/requirements.txt"; then echo "Bail out! no packages"; exit 1; fi
exec python3 "$here/run.py" "$B/venv-openapi/bin/schemathesis"
