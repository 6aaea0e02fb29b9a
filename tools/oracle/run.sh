#!/bin/sh
# tools/oracle/run.sh [SCRIPT.py [ARGUMENTS ...]] - runs the reference in a virtual environment of its own.
#
# Without arguments: makes the goldens of tests/golden/ anew (what `make oracle` does).  With a script of this folder:
# runs that one in the same environment, for instance  tools/oracle/run.sh perplexity.py --help
#
#   B             build folder with hearth and tests/tools/make_model in it (default: build)
#   ORACLE_VENV   the environment (default: $B/oracle-venv; made, and filled from requirements.txt, when not there)
#   HEARTH_TEST_SMOLLM2, HEARTH_TEST_GEMMA    the model files (default: pulled by name into $B/test-home)
set -eu
cd "$(dirname "$0")/../.."
B=${B:-build}
venv=${ORACLE_VENV:-$B/oracle-venv}

if [ ! -x "$venv/bin/python" ]; then
    echo "making $venv; torch takes several gigabytes" >&2
    python3 -m venv "$venv"
fi
if [ -z "${ORACLE_VENV:-}" ] && ! cmp -s tools/oracle/requirements.txt "$venv/requirements.txt"; then
    "$venv/bin/pip" install --quiet -r tools/oracle/requirements.txt
    cp tools/oracle/requirements.txt "$venv/requirements.txt"
fi
# -P: this folder is not searched for modules; some of its files are named as modules are
python="$venv/bin/python -P"

if [ $# -gt 0 ]; then
    script=$1
    shift
    exec $python "tools/oracle/$script" "$@"
fi

model() { # NAME: the path of a pulled model
    HEARTH_HOME=${HEARTH_TEST_HOME:-$B/test-home} "$B/hearth" pull "$1" --accept-license >&2
    HEARTH_HOME=${HEARTH_TEST_HOME:-$B/test-home} "$B/hearth" show "$1" --json |
        "$venv/bin/python" -c 'import json, sys; print(json.load(sys.stdin)["path"])'
}
smollm2=${HEARTH_TEST_SMOLLM2:-$(model smollm2)}
gemma=${HEARTH_TEST_GEMMA:-$(model gemma3-270m-base)}
$python tools/oracle/goldens.py --make-model "$B/tests/tools/make_model" --smollm2 "$smollm2" --gemma "$gemma" \
    --out "$B/oracle-golden" --float64
$python tools/oracle/goldens.py --compare "$B/oracle-golden" tests/golden
$python tools/oracle/gradients.py --make-model "$B/tests/tools/make_model" --out "$B/oracle-gradients"
$python tools/oracle/gradients.py --compare "$B/oracle-gradients" tests/golden
$python tools/oracle/tuning.py --make-model "$B/tests/tools/make_model" --out "$B/oracle-tuning"
$python tools/oracle/tuning.py --compare "$B/oracle-tuning" tests/golden
tokenizers="$python tools/oracle/tokenizers.py --tokenize $B/tests/tools/tokenize --cache $B/oracle-cache"
$tokenizers --smollm2 "$smollm2" --gemma "$gemma"
$tokenizers --smollm2 "$smollm2" --gemma "$gemma" --golden "$B/oracle-golden"
for f in txt ids; do cmp "$B/oracle-golden/tokens.$f" "tests/golden/tokens.$f"; done
for f in bpe spm; do cmp "$B/oracle-golden/tokens-$f.gguf" "tests/golden/tokens-$f.gguf"; done
echo "to take them over: cp $B/oracle-golden/* $B/oracle-gradients/* $B/oracle-tuning/* tests/golden/"
