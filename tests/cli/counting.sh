#!/bin/sh
# tools/tap, which says how many tests passed: whatever did not run to its end must count as failed.
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
tap_begin 22

mkdir "$TAP_TMP/t"
program() { cat > "$TAP_TMP/t/$1.sh"; }
count() { # count NAME...: runs these programs
    set -- $(for p; do echo "$TAP_TMP/t/$p.sh"; done)
    out=$(TEST_SECONDS=1 "$root/tools/tap" "$TAP_TMP/out" 2 "$@" 2>&1); status=$?
    last=$(echo "$out" | tail -n 1)
}

program good <<'E2'
echo 1..2; echo "ok 1 - a"; echo "ok 2 - b"
E2
program fails <<'E2'
echo 1..2; echo "ok 1 - a"; echo "not ok 2 - the sum"; echo "# found 3"; echo "from stderr" >&2; exit 1
E2
program crashes <<'E2'
echo 1..3; echo "ok 1 - a"; echo "ok 2 - b"; kill -SEGV $$
E2
program stops <<'E2'
echo 1..3; echo "ok 1 - a"
E2
program silent <<'E2'
exit 0
E2
program ends_badly <<'E2'
echo 1..1; echo "ok 1 - a"; exit 3
E2
program skips <<'E2'
echo 1..2; echo "ok 1 - a # SKIP no network"; echo "ok 2 - b"
E2
program hangs <<'E2'
echo 1..1; sleep 60; echo "ok 1 - a"
E2
program groups <<'E2'
echo 1..1; echo "ok 1 - a"; echo 1..2; echo "ok 1 - b"; echo "ok 2 - c"
E2
program home <<'E2'
echo 1..1; [ -d "$HEARTH_HOME" ] && [ -z "$(ls "$HEARTH_HOME")" ] && echo "ok 1 - a fresh folder" || echo "not ok 1"
: > "$HEARTH_HOME/left"
E2

count good
is "passed tests are counted" "$status $last" "0 2 passed, 0 failed"
count fails
is "a failed test is counted" "$status $last" "1 1 passed, 1 failed"
has "a failed test is named" "$out" "fails: 2 - the sum"
has "with what it found" "$out" "# found 3"
has "and what it wrote on standard error" "$out" "from stderr"
count crashes
is "a crash is a failure, and so is the missing test" "$status $last" "1 2 passed, 2 failed"
has "a crash is named" "$out" "crashes: crashed: signal 11"
count stops
is "fewer tests than planned" "$status $last" "1 1 passed, 1 failed"
has "fewer tests are named" "$out" "3 tests were planned, 1 ran"
count silent
is "a program without tests" "$status $last" "1 0 passed, 1 failed"
has "a program without tests is named" "$out" "silent: printed no plan"
count ends_badly
is "a bad end after good tests" "$status $last" "1 1 passed, 1 failed"
has "a bad end is named" "$out" "ended with status 3"
count skips
is "a skipped test has not passed" "$status $last" "1 1 passed, 1 failed"
count hangs
is "a test that hangs is stopped" "$status $last" "1 0 passed, 2 failed"
has "a test that hangs is named" "$out" "ran too long"
count groups
is "the plans of several groups add up" "$status $last" "0 3 passed, 0 failed"
count home
is "HEARTH_HOME is a folder of the test's own" "$status $last" "0 1 passed, 0 failed"
is "which is gone afterwards" "$(ls -d "$TAP_TMP"/out/*.home 2> "$TAP_TMP/err")" ""
count good fails groups
is "programs add up" "$status $last" "1 6 passed, 1 failed"
count
is "nothing ran: failed" "$status $last" "1 0 passed, 0 failed"
not_ok "no arguments: usage" "$root/tools/tap"
tap_end
