#!/bin/sh
# npm's ollama against a server.
here=$(cd "$(dirname "$0")" && pwd)
NPM=${NPM:-$(cd "$here/../../build/npm" 2> /dev/null && pwd)}
export NPM
if ! [ -d "$NPM/node_modules/ollama" ]; then echo "Bail out! no ollama in $NPM: tools/npm makes it"; exit 1; fi
exec python3 "$here/with_server.py" node "$here/ollama_client.mjs"
