# tests/tools/maker.sh - read after tests/cli/tap.sh by the tests whose models are made on the spot: a HEARTH_HOME of their own, and
#
#   make_model OUT KEY=VALUE...      a model of random weights (tests/model_maker.h)
root=$(cd "$(dirname "$0")/../.." && pwd)
: "${B:=$root/build}"
case $B in /*) ;; *) B=$root/$B ;; esac
case $HEARTH in /*) ;; *) HEARTH=$root/$HEARTH ;; esac
export HEARTH_HOME="$TAP_TMP/home"

make_model() { "$B/tests/tools/make_model" "$@"; }
