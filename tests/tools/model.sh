# tests/tools/model.sh - read after tests/cli/tap.sh by the tests that need the real model: a HEARTH_HOME of their own, whose
# models are those of HEARTH_TEST_HOME (./check fetched them there), so that chats, history and settings begin empty.
#
#   call ARG...          runs the program without input: $out, $err, $status
#   json EXPRESSION      evaluates Python over $out, which is JSON: d is the value
root=$(cd "$(dirname "$0")/../.." && pwd)
: "${HEARTH_TEST_HOME:=$root/build/test-home}"
HEARTH_HOME=$TAP_TMP/home
export HEARTH_HOME HEARTH
mkdir -p "$HEARTH_HOME"
ln -s "$HEARTH_TEST_HOME/models" "$HEARTH_HOME/models"
if ! "$HEARTH" show smollm2 > "$TAP_TMP/show" 2>&1; then
    tap_note "the model smollm2 is not in $HEARTH_TEST_HOME: ./check fetches it. $(cat "$TAP_TMP/show")"
    echo "Bail out! no model"
    exit 1
fi

call() { out=$("$HEARTH" "$@" 2> "$TAP_TMP/err" < /dev/null); status=$?; err=$(cat "$TAP_TMP/err"); }
json() { printf '%s' "$out" | python3 -c 'import json, math, sys; d = json.load(sys.stdin); print(eval("(" + sys.argv[1] + ")"))' "$1" 2>&1 | tail -n 1; }
# terminal SCRIPT ARG...: the program in a terminal, a person typing what SCRIPT says; $out is what was shown
terminal() {
    script=$1; shift
    out=$(printf '%s\n' "$script" | python3 "$root/tests/tools/terminal.py" "$HEARTH" "$@" 2>&1); status=$?
}
