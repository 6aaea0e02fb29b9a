#!/bin/sh
# `hearth bom`: the SPDX and CycloneDX projects' own Python validators accept what we write, and refuse it when broken.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../cli/tap.sh"
. "$here/../tools/model.sh"
: "${VENV:=$root/build/venv}"
if ! [ -x "$VENV/bin/python" ]; then echo "Bail out! no $VENV: tools/venv makes it"; exit 1; fi
tap_begin 39
cd "$TAP_TMP" || exit 1
py() { "$VENV/bin/python" "$@"; }
accepts() { ok "$1" "$VENV/bin/python" "$here/check_$2.py" "$3"; }            # accepts NAME spdx|cyclonedx FILE
refuses() { # refuses NAME spdx|cyclonedx FILE PATH [VALUE]
    py "$here/break_json.py" "$3" "$4" ${5:+"$5"} > broken.json || return
    not_ok "$1" "$VENV/bin/python" "$here/check_$2.py" broken.json
}
get() { py -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2" 2>&1 | tail -n 1; }

# ---- a model of the catalogue ----
for f in spdx cyclonedx; do
    call bom smollm2 --format $f -o smollm2.$f
    is "$f: ends well, prints nothing" "$status $out$err" "0 "
    accepts "$f: smollm2 is accepted" $f smollm2.$f
    call bom smollm2 --format $f
    is "$f: the same model, the same bytes" "$out" "$(cat smollm2.$f)"
done
digest=$(basename "$HEARTH_TEST_MODEL"); digest=${digest#sha256-}
is "spdx: the digest" "$(get smollm2.spdx '[e["verifiedUsing"][0]["hashValue"] for e in d["@graph"] if e["type"] == "ai_AIPackage"]')" "['$digest']"
is "cyclonedx: the digest" "$(get smollm2.cyclonedx 'd["metadata"]["component"]["hashes"]')" "[{'alg': 'SHA-256', 'content': '$digest'}]"
is "spdx: the licence" \
   "$(get smollm2.spdx 'sorted(e["simplelicensing_licenseExpression"] for e in d["@graph"] if "Expression" in e["type"])')" "['Apache-2.0', 'Apache-2.0']"
is "cyclonedx: the licence" "$(get smollm2.cyclonedx 'sorted(l["license"]["id"] for l in d["metadata"]["component"]["licenses"])')" "['Apache-2.0', 'Apache-2.0']"
has "spdx: a gap is named" "$(cat smollm2.spdx)" "The file does not say what the model was trained on."
has "cyclonedx: a gap is named" "$(cat smollm2.cyclonedx)" "hearth:gap:training data"
is "spdx: who supplied it is not made up" "$(get smollm2.spdx '[e["name"] for e in d["@graph"] if e.get("spdxId", "").endswith("#supplier")]')" "['NOASSERTION']"
out=$(SOURCE_DATE_EPOCH=1000000000 "$HEARTH" bom smollm2 --format cyclonedx)
has "SOURCE_DATE_EPOCH dates it" "$out" "2001-09-09T01:46:40Z"

refuses "spdx: no creation information" spdx smollm2.spdx '@graph[type=ai_AIPackage].creationInfo'
refuses "spdx: a word that is none of the list" spdx smollm2.spdx '@graph[type=ai_AIPackage].ai_autonomyType' '"perhaps"'
refuses "spdx: a property nobody knows" spdx smollm2.spdx '@graph[type=ai_AIPackage].ai_colour' '"red"'
refuses "spdx: a reference to nothing" spdx smollm2.spdx '@graph[type=SpdxDocument].rootElement' '["urn:x:gone"]'
refuses "spdx: a relationship to nowhere" spdx smollm2.spdx '@graph[type=Relationship].to'
refuses "spdx: two licences declared" spdx smollm2.spdx '@graph[relationshipType=hasConcludedLicense].relationshipType' '"hasDeclaredLicense"'
refuses "cyclonedx: a kind of component that is none" cyclonedx smollm2.cyclonedx metadata.component.type '"brain"'
refuses "cyclonedx: a digest that is none" cyclonedx smollm2.cyclonedx 'metadata.component.hashes[0].content' '"abc"'
refuses "cyclonedx: a property nobody knows" cyclonedx smollm2.cyclonedx metadata.component.colour '"red"'
refuses "cyclonedx: a reference to nothing" cyclonedx smollm2.cyclonedx 'dependencies[0].ref' '"gone"'

# ---- a file that says much about itself, and one that says nothing ----
py "$here/make_gguf.py" rich.gguf general.architecture=llama "general.name=Rich | <b>model</b>" general.license=other \
   "general.license.name=My own terms, v2" general.license.link=https://example.org/terms general.organization=Example \
   "general.languages=[en,de,zu]" "general.tags=[tuned]" general.base_model.count=1 "general.base_model.0.name=Base One" \
   general.base_model.0.repo_url=https://huggingface.co/example/base-one general.dataset.count=1 general.dataset.0.name=Stories \
   general.dataset.0.url=https://example.org/stories "general.description=line
two" llama.block_count=2 general.repo_url=https://example.org/rich
py "$here/make_gguf.py" poor.gguf general.architecture=unheard-of
printf '{"perplexity": 12.5, "nll_error": 0.01, "tokens": 4096, "ctx": 512, "arithmetic": "quant", "model": "rich"}' > ppl.json
for f in spdx cyclonedx; do
    call bom rich.gguf --format $f --supplier "A school" --model-version 1.2 --released 2026-11-01 --evaluation ppl.json -o rich.$f
    is "$f: a rich file ends well" "$status $err" "0 "
    accepts "$f: a rich file is accepted" $f rich.$f
    call bom poor.gguf --format $f -o poor.$f
    accepts "$f: a file that says nothing is accepted" $f poor.$f
done
has "spdx: a licence of its own is a reference" "$(cat rich.spdx)" '"LicenseRef-My-own-terms-v2"'
has "spdx: lineage" "$(cat rich.spdx)" '"descendantOf"'
has "spdx: the date of release" "$(cat rich.spdx)" '"releaseTime": "2026-11-01T00:00:00Z"'
is "cyclonedx: lineage" "$(get rich.cyclonedx 'd["metadata"]["component"]["pedigree"]["ancestors"][0]["name"]')" "Base One"
is "cyclonedx: perplexity" "$(get rich.cyclonedx 'd["metadata"]["component"]["modelCard"]["quantitativeAnalysis"]["performanceMetrics"][0]["value"]')" 12.5000
is "cyclonedx: no licence is made up" "$(get poor.cyclonedx '"licenses" in d["metadata"]["component"]')" False

# ---- mistakes ----
call bom smollm2
is "no format" "$status $err" "2 hearth: bom needs a format: --format spdx or --format cyclonedx"
call bom smollm2 --format spdx --released tomorrow
is "a date that is none" "$status $err" "2 hearth: --released is \"tomorrow\", allowed: a day as 2026-11-22, or a time as 2026-11-22T07:40:00Z"
echo '{"perplexity": "low"}' > bad.json
call bom smollm2 --format spdx --evaluation bad.json -o not-written
is "an evaluation that is none" "$status $err $(ls not-written 2>&1 | grep -c 'No such')" \
   "1 hearth: bad.json: perplexity is \"low\", allowed: a number, as \`hearth perplexity --json\` prints it 1"
tap_end
