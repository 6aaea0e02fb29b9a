#!/bin/sh
# The page before `hearth serve` and a real model.
exec node "$(dirname "$0")/real.mjs"
