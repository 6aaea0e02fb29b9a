#!/bin/sh
# ./run and ./check themselves: ./run answers and says what went wrong when the build fails; ./check adds up, and no stage that
# failed or did not run can look as if it had passed.
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
tap_begin 20
: "${B:=$root/build}" "${HEARTH_TEST_HOME:=$B/test-home}"
unset MAKEFLAGS MAKELEVEL            # of the make that runs the tests

# ---- ./run: a tree whose make is ours, so that nothing is built here ----
tree=$TAP_TMP/tree box=$TAP_TMP/box
mkdir -p "$tree/tools" "$tree/build" "$box"
cp "$root/run" "$root/check" "$tree"
printf '#!/bin/sh\necho "$*" >> "%s/setup"\n' "$TAP_TMP" > "$tree/tools/setup.sh"
fake() { { echo '#!/bin/sh'; cat; } > "$1"; chmod +x "$1"; }
chmod +x "$tree/tools/setup.sh"
fake "$box/make" <<E2
echo "\$*" >> "$TAP_TMP/made"
E2
fake "$tree/build/hearth" <<E2
printf '<%s>' "\$@"
E2
run() { PATH=$box:$PATH B='' "$tree/run" "$@" 2>&1; }
is "a prompt is one argument, whatever it holds" "$(run Why is 'the  sky' --blue)" "<run><smollm2><--><Why is the  sky --blue>"
is "without a prompt: a chat" "$(run)" "<chat><smollm2>"
is "the packages for running are looked after" "$(sort -u "$TAP_TMP/setup")" run
has "it builds" "$(cat "$TAP_TMP/made")" "-C $tree"
fake "$box/make" <<E2
echo "x.c:1: error: no semicolon"; exit 2
E2
out=$(run Why); status=$?
is "a build that fails ends it" $status 1
has "and shows what the compiler said" "$out" "x.c:1: error: no semicolon"
lacks "and runs nothing" "$out" "<run>"
printf '#!/bin/sh\necho missing gcc >&2; exit 1\n' > "$tree/tools/setup.sh"
is "packages that cannot be had end it" "$(run Why; echo $?)" "missing gcc
1"

# ---- ./check: a tree whose stages are ours ----
printf '#!/bin/sh\n' > "$tree/tools/setup.sh"
fake "$tree/tools/layers" <<'E2'
echo "layers: all is well"
E2
cp "$tree/tools/layers" "$tree/tools/sizes"
fake "$box/make" <<'E2'
case "$*" in
    *GROUPS=fault*) echo "not ok - fault: 3 - lost a block"; echo "11 passed, 1 failed"; exit 1 ;;
    *check-unit*) echo "40 passed, 0 failed"; echo "2 passed, 0 failed" ;;
esac
E2
check() { PATH=$box:$PATH B='' "$tree/check" "$@" > "$TAP_TMP/out" 2>&1; status=$?; out=$(cat "$TAP_TMP/out"); last=$(tail -n 1 "$TAP_TMP/out"); }
check layers sizes unit
is "tests and stages add up" "$status $last" "0 45 passed, 0 failed"
check layers unit fault
is "a failed test fails all" "$status $last" "1 55 passed, 2 failed"
has "and is shown" "$out" "not ok - fault: 3 - lost a block"
has "the table has the seconds of each stage" "$(grep -c '^[a-z]*  *[0-9.]*  *[0-9]*  *[0-9]*$' "$TAP_TMP/out")" 3
printf '#!/bin/sh\necho "a.c:1: base must not include"; exit 1\n' > "$tree/tools/layers"
check layers sizes
is "a stage without tests can fail too" "$status $last" "1 1 passed, 1 failed"
has "and says why" "$out" "base must not include"
rm "$tree/tools/sizes"
check sizes
is "a stage that is not there has failed" "$status $last" "1 0 passed, 1 failed"
check no-such-stage
is "a stage nobody knows: usage" $status 2
check list
has "the stages can be listed" "$out" "layers sizes"

# ---- the true thing, with what is built already ----
mkdir "$TAP_TMP/person"; ln -s "$HEARTH_TEST_HOME/models" "$TAP_TMP/person/models"      # its receipt is not for that folder
out=$(NO_SETUP=1 HEARTH_HOME=$TAP_TMP/person "$root/run" "What is the capital of France?" 2> "$TAP_TMP/err")
is "a real answer" $? 0
case $out in *[a-z][a-z]*) words=yes ;; *) words=no ;; esac     # the seed is drawn anew: which words is not known
is "with words in it" $words yes
is "a second call has nothing to compile" "$(make -C "$root" B="$B" 2>&1 | grep -c -e ' -c ' -e ' -o ')" 0
tap_end
