# tests/cli/tap.sh - read by the shell tests: TAP on standard output, a scratch folder that goes at the end.
#
#   . tests/cli/tap.sh; tap_begin 3
#   is NAME GOT WANTED        has NAME TEXT PART        ok NAME COMMAND...        not_ok NAME COMMAND...
#   tap_end
# $TAP_TMP is the folder.  $HEARTH is the program under test (default: build/hearth).
: "${HEARTH:=$(cd "$(dirname "$0")/../.." && pwd)/build/hearth}"
TAP_TMP=$(mktemp -d "${TMPDIR:-/tmp}/hearth-test.XXXXXX") || exit 1
trap 'rm -rf "$TAP_TMP"' EXIT
trap 'exit 130' INT TERM
tap_n=0 tap_bad=0

tap_begin() { tap_plan=$1; echo "1..$1"; }

tap_result() { # 0|1 NAME
    tap_n=$((tap_n + 1))
    if [ "$1" = 0 ]; then echo "ok $tap_n - $2"; else echo "not ok $tap_n - $2"; tap_bad=$((tap_bad + 1)); fi
}
tap_note() { printf '%s\n' "$*" | sed 's/^/# /'; }

is() {
    if [ "$2" = "$3" ]; then tap_result 0 "$1"; else tap_result 1 "$1"; tap_note "found  $2"; tap_note "wanted $3"; fi
}
has() {
    case $2 in
        *"$3"*) tap_result 0 "$1" ;;
        *) tap_result 1 "$1"; tap_note "found  $2"; tap_note "wanted a text with $3" ;;
    esac
}
lacks() {
    case $2 in
        *"$3"*) tap_result 1 "$1"; tap_note "found  $2"; tap_note "wanted a text without $3" ;;
        *) tap_result 0 "$1" ;;
    esac
}
ok() {
    tap_name=$1; shift
    "$@" > "$TAP_TMP/ok.log" 2>&1
    tap_status=$?
    if [ $tap_status = 0 ]; then tap_result 0 "$tap_name"
    else tap_result 1 "$tap_name"; tap_note "$* ended with $tap_status"; tap_note "$(tail -20 "$TAP_TMP/ok.log")"; fi
}
not_ok() {
    tap_name=$1; shift
    if "$@" > "$TAP_TMP/ok.log" 2>&1; then tap_result 1 "$tap_name"; tap_note "$* ended well"; else tap_result 0 "$tap_name"; fi
}
tap_end() {
    [ $tap_n = "$tap_plan" ] || tap_note "$tap_n tests run, $tap_plan planned"
    [ $tap_bad = 0 ] && [ $tap_n = "$tap_plan" ]
    exit
}
