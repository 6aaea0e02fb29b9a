#!/bin/sh
# LangChain's ChatOllama and ChatOpenAI against a server (make check-frameworks): forty packages, so it is no part of ./check.
here=$(cd "$(dirname "$0")" && pwd)
: "${B:=$here/../../../build}"
venv=$B/venv-frameworks
if ! cmp -s "$here/requirements.txt" "$venv/requirements.txt"; then
    rm -rf "$venv"
    python3 -m venv "$venv" && "$venv/bin/python" -m pip install --quiet --no-input --disable-pip-version-check -r "$here/requirements.txt" >&2 &&
        cp "$here/requirements.txt" "$venv/" || { echo "Bail out! the packages could not be installed into $venv"; exit 1; }
fi
exec python3 "$here/../with_server.py" "$venv/bin/python" "$here/langchain_client.py"
