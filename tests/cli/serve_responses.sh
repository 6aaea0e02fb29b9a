#!/bin/sh
# /v1/responses on the wire.
exec python3 "$(dirname "$0")/../api/responses.py"
