#!/bin/sh
# /v1/messages on the wire.
exec python3 "$(dirname "$0")/../api/messages.py"
