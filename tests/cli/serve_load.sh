#!/bin/sh
# Many clients at once get what each would get alone.
exec python3 "$(dirname "$0")/../api/serve_load.py"
