#!/bin/sh
# The official JSON-Schema-Test-Suite, which the sources of the Python package jsonschema carry, against our grammars of schemas.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../cli/tap.sh"
: "${VENV:=$root/build/venv}"
if ! [ -x "$VENV/bin/python" ]; then echo "Bail out! no $VENV: tools/venv makes it"; exit 1; fi
tap_begin 3
version=$(sed -n 's/^jsonschema==//p' "$here/requirements.txt")
sdist=$VENV/suite/jsonschema-$version.tar.gz
[ -f "$sdist" ] || "$VENV/bin/python" -m pip download --quiet --no-input --disable-pip-version-check --no-deps --no-binary jsonschema \
    -d "$VENV/suite" "jsonschema==$version" > "$TAP_TMP/pip" 2>&1 || tap_note "$(cat "$TAP_TMP/pip")"
ok "the suite is here" test -f "$sdist"
"$VENV/bin/python" "$here/schema_suite.py" "$sdist" "$B/tests/tools/grammar" "$HEARTH_TEST_MODEL" > "$TAP_TMP/suite" 2>&1
is "every verdict is the suite's" "$? $(grep -c WRONG "$TAP_TMP/suite")" "0 0"
has "many of its schemas are taken" "$(cat "$TAP_TMP/suite")" " taken, "
tap_note "$(cat "$TAP_TMP/suite")"
tap_end
