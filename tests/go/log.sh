# Go's own checker of transparency logs reads our ledger (log_test.go), and the proofs, growth and cosignatures
# that `hearth ledger` gives away (proof/proof_test.go).  Its modules come from the module proxy, by the sums in go.sum.
cd "$(dirname "$0")" || exit 1
: "${B:?the build folder}"
export HEARTH="${HEARTH:-$B/hearth}" LEDGER_TOOL="$B/tests/tools/ledger" MAKE_RECEIPTS="$B/tests/tools/make_receipts"
export GOTOOLCHAIN=local GOFLAGS=-mod=readonly GOCACHE="$B/go-cache"
names=$(sed -n 's/^func \(Test[A-Z][A-Za-z]*\)(t \*testing.T).*/\1/p' log_test.go */*_test.go)
# shellcheck disable=SC2086  # one word a test
set -- $names
echo "1..$#"
command -v go > /dev/null || { echo "Bail out! there is no go here: tools/setup.sh test installs it"; exit 1; }
go mod download || { echo "Bail out! the Go modules of go.mod could not be fetched"; exit 1; }
go test -count=1 -v ./... > "$B/go-log.txt" 2>&1
status=$?
n=0
for name; do
    n=$((n + 1))
    if grep -q "^--- PASS: $name " "$B/go-log.txt"; then echo "ok $n - $name"; else echo "not ok $n - $name"; fi
done
[ $status = 0 ] || sed 's/^/# /' "$B/go-log.txt"
exit $status
