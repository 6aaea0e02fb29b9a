#!/bin/sh
# The page before a server that says what no model can be made to say.
exec node "$(dirname "$0")/odd.mjs"
