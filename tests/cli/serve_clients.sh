#!/bin/sh
# Clients that are slow, never read or leave; a server that is stopped.
exec python3 -B "$(dirname "$0")/../api/clients.py"
