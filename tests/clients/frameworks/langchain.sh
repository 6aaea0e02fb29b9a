#!/bin/sh
# LangChain's ChatOllama and ChatOpenAI against a server (make check-frameworks): forty packages, so it is no part of ./check.
here=$(cd "$(dirname "$0")" && pwd)
: "${B:=$here/../../../build}"
if ! "$here/../../../tools/venv" "$B/venv-langchain" "$here/langchain.txt"; then echo "Bail out! no packages"; exit 1; fi
exec python3 "$here/../with_server.py" "$B/venv-langchain/bin/python" "$here/langchain_client.py"
