#!/bin/sh
# Receipts made under mixed threads, chunks, kinds of keys and values, arithmetics and instruction sets are all equal when they are
# replayed under others.  `make replay-soak` does it with a thousand and with the real models.
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
tap_begin 2
: "${B:=$root/build}"
out=$("$root/tools/replay-soak" "$B" 24 0 2>&1); status=$?
is "24 receipts, all equal" "$status $(echo "$out" | tail -n 1)" "0 replay-soak: 24 receipts, all equal"
has "each was replayed" "$out" "24 of 24 answers with a transcript were drawn: 24 equal"
tap_end
