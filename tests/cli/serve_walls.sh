#!/bin/sh
# What stands between those who share a server, and between them and the machine.
exec python3 -B "$(dirname "$0")/../api/walls.py"
