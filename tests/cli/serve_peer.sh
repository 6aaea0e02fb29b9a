#!/bin/sh
# Models from one hearth to another: what a server gives out, in pieces; pull from it; ps and stop.
exec python3 "$(dirname "$0")/../api/peer.py"
