#!/bin/sh
# Chats kept on the server, chosen on the page.
exec node "$(dirname "$0")/kept.mjs"
