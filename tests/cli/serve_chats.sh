#!/bin/sh
# Chats that the page keeps on the server.
exec python3 "$(dirname "$0")/../api/chats.py"
