#!/bin/sh
# `hearth audit` and `hearth audit verify` from the command line; what is in a pack, and what is not (tests/unit/test_audit.c has the rest).
here=$(dirname "$0")
. "$here/tap.sh"
. "$here/../tools/model.sh"
tap_begin 31
cd "$TAP_TMP" || exit 1
day=$(date +%F) next=$(date -d tomorrow +%F)       # midnight may come meanwhile

call audit --from "$day" --to "$next" -o none.zip
has "no ledger yet" "$status $err" "1 hearth: "
call run smollm2 "The secret word is xylophone" --max-tokens 2 --actor pupil-12 --purpose homework --task ask
call run smollm2 "Another" --max-tokens 2 --private
call decide 0 accepted --by teacher-3
is "a decision" "$status" 0

call audit --from "$day" --to "$next" -o pack.zip
has "a zip" "$status $out" "0 pack.zip: \`hearth audit verify pack.zip --key hearth.local/"
call audit --from "$day" --to "$next" -o pack
has "a folder" "$status $out" "0 pack: \`hearth audit verify pack --key hearth.local/"
key=$(cat "$HEARTH_HOME/keys/ledger.vkey")
is "the files" "$(ls pack | tr '\n' ' ')" "README.txt ledger.vkey manifest.json manifest.note models.json proofs.tlog receipts.jsonl report.html summary.json "
call audit verify pack.zip --key "$key"
has "the zip is right" "$status $out" "0 right: entries 0 to 2 of the ledger hearth.local/"
has "none left out" "$out" "none left out; 2 answers from "
has "how far it can see" "$out" "The ledger had 3 entries when the pack was made"
call audit verify pack
has "without a key it says whose key it took" "$status $out" "0 right: "
has "... and what to do" "$out" "Compare it with the one that the ledger's owner gave you"
call audit verify pack --key "$key" --json
is "as JSON" "$(json '(d["right"], d["key_given"], d["first"], d["end"], d["answers"], d["report_made_again"])')" "(True, True, 0, 3, 2, True)"
(cd / && mkdir "$TAP_TMP/elsewhere" && HEARTH_HOME=$TAP_TMP/elsewhere "$HEARTH" audit verify "$TAP_TMP/pack.zip" --key "$key") > out 2>&1
has "on a computer without a ledger" "$(cat out)" "right: entries 0 to 2"
call ledger check pack/proofs.tlog --key "$key"
has "the proofs alone" "$status $out" "0 right: all 3 entries are in the log"

is "no word that was said" "$(cat pack/* | grep -ci xylophone)" 0
has "who" "$(cat pack/report.html)" pupil-12
has "for what" "$(cat pack/report.html)" homework
has "which model" "$(cat pack/report.html)" "$(basename "$HEARTH_TEST_MODEL" | sed s/sha256-//)"
has "its licence" "$(cat pack/report.html)" Apache-2.0
has "the decision" "$(cat pack/report.html)" teacher-3
is "nothing is fetched, nothing runs" "$(grep -ciE '<script|<link|<img|src=|url\(' pack/report.html)" 0
call audit --from "$day" --to "$next" --html
is "--html: the page alone" "$status $out" "0 $(cat pack/report.html)"
call audit --from "$day" --to "$next" --html -o page.html
is "--html -o: into a file" "$status $(cmp page.html pack/report.html && echo same)" "0 same"

# ---- tampered, and mistakes ----
tampered() { # tampered NAME WORDS COMMAND...: on a copy
    name=$1 words=$2; shift 2
    rm -rf copy; cp -r pack copy; (cd copy && "$@")
    call audit verify copy --key "$key"
    has "$name" "$status $err" "1 hearth: copy: $words"
}
tampered "a receipt changed" "receipts.jsonl was changed" sed -i s/pupil-12/pupil-13/ receipts.jsonl
tampered "the page changed" "report.html was changed" sed -i s/pupil-12/pupil-13/ report.html
tampered "a file gone" "the file summary.json is missing" rm summary.json
tampered "a file added" "the file more.txt is not in its manifest" touch more.txt
tampered "the manifest changed" "manifest.json was changed" sed -i s/hearth-audit.1/\&/\;s/}/}\ / manifest.json
call audit --from "$day" --to "$next" -o pack
has "a folder with something in it" "$status $err" "2 hearth: pack: the folder is not empty"
call audit --from 2001-01-01 --to 2001-01-02 -o old.zip
has "nothing of that time" "$status $err" "1 hearth: the ledger hearth.local/"
call audit --from "$day" --to "$next"
has "no place" "$status $err" "2 hearth: audit needs a place"
call audit --from yesterday --to "$next" -o x.zip
has "a day that is none" "$status $err" "2 hearth: --from: \"yesterday\" is no date"
tap_end
