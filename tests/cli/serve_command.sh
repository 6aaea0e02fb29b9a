#!/bin/sh
# `hearth serve` as a person, a script or a service manager starts it.
exec python3 -B "$(dirname "$0")/../api/command.py"
