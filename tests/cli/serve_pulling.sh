#!/bin/sh
# A confined server fetches a model by the process beside it.
exec python3 -B "$(dirname "$0")/../api/pulling.py"
