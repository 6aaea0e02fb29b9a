#!/bin/sh
# A server that asks for keys: who comes in, what each may use, revoking.
exec python3 -B "$(dirname "$0")/../api/keys.py"
