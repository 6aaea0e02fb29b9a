#!/bin/sh
# A server in a network namespace of its own: nothing is meant for another machine.
exec python3 -B "$(dirname "$0")/../api/private.py"
