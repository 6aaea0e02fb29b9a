#!/bin/sh
# Uploads and files that are sent, over a disk that stands still.
exec python3 -B "$(dirname "$0")/../api/disk.py"
