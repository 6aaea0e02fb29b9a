#!/bin/sh
# Continue's command line, over both of its providers, against a server (make check-frameworks).
here=$(cd "$(dirname "$0")" && pwd)
: "${B:=$here/../../../build}"
if ! "$here/../../../tools/npm" "$B/npm-continue" "$here"; then echo "Bail out! no packages"; exit 1; fi
exec python3 "$here/editors.py" continue "$B/npm-continue/node_modules/@continuedev/cli/dist/cn.js"
