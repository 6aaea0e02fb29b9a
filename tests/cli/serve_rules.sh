#!/bin/sh
# Who may ask the server what: routes, Host, Origin, bodies, headers.
exec python3 -B "$(dirname "$0")/../api/rules.py"
