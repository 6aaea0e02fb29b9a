#!/bin/sh
# Ollama's native protocol on the wire: every field, streams, what is refused.
exec python3 "$(dirname "$0")/../api/ollama.py"
