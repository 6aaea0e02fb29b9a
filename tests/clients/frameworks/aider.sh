#!/bin/sh
# aider, over both protocols, against a server (make check-frameworks): a hundred packages, so it is no part of ./check.
here=$(cd "$(dirname "$0")" && pwd)
: "${B:=$here/../../../build}"
if ! "$here/../../../tools/venv" "$B/venv-aider" "$here/aider.txt"; then echo "Bail out! no packages"; exit 1; fi
exec python3 "$here/editors.py" aider "$B/venv-aider/bin/aider"
