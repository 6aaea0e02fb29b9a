#!/bin/sh
# Clients that leave in mid-answer, a full queue, a stopped server, transcripts.
exec python3 "$(dirname "$0")/../api/leaving.py"
