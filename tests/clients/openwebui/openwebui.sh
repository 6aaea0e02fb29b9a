#!/bin/sh
# Open WebUI in its own slim form against a server (make check-openwebui): more packages than every check should wait for.
here=$(cd "$(dirname "$0")" && pwd)
: "${B:=$here/../../../build}"
if ! "$here/../../../tools/venv" "$B/venv-openwebui" "$here/openwebui.txt"; then echo "Bail out! no packages"; exit 1; fi
exec python3 "$here/openwebui.py" "$B/venv-openwebui/bin/open-webui"
