#!/bin/sh
# `hearth card`: front matter that a YAML reader takes, Markdown that no name out of a file can break.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../cli/tap.sh"
. "$here/../tools/model.sh"
: "${VENV:=$root/build/venv}"
if ! [ -x "$VENV/bin/python" ]; then echo "Bail out! no $VENV: tools/venv makes it"; exit 1; fi
tap_begin 23
cd "$TAP_TMP" || exit 1
front() { "$VENV/bin/python" -c '
import sys, yaml
text = open(sys.argv[1]).read()
assert text.startswith("---\n")
d = yaml.safe_load(text.split("---\n", 2)[1])
print(eval(sys.argv[2]))' "$1" "$2" 2>&1 | tail -n 1; }

call card smollm2 -o card.md
is "it ends well, prints nothing" "$status $out$err" "0 "
is "front matter" "$(front card.md 'd')" \
   "{'language': ['en'], 'license': 'apache-2.0', 'library_name': 'gguf', 'pipeline_tag': 'text-generation', 'tags': ['gguf']}"
digest=$(basename "$HEARTH_TEST_MODEL")
has "the digest" "$(cat card.md)" "| SHA-256 | \`${digest#sha256-}\` |"
has "the parameters" "$(cat card.md)" "| Parameters | 134515008 |"
has "the quantisation" "$(cat card.md)" "| Tensors in Q4_1 | 210 (66355200 bytes) |"
has "a gap is named" "$(cat card.md)" "- **training data**: The file does not say what the model was trained on."
lacks "no footprint that nobody asked for" "$(cat card.md)" "## Footprint"
call card smollm2
is "the same model, the same bytes" "$out" "$(cat card.md)"
call card smollm2 --energy
has "no ledger: energy is a gap" "$status $out" "- **inference energy**: "
call run smollm2 hi --max-tokens 3
call card smollm2 --energy
has "with a ledger: energy" "$out" "On one computer, 1 answers (3 tokens written) took "
lacks "... and no gap" "$out" "- **inference energy**: "

"$VENV/bin/python" "$here/make_gguf.py" rich.gguf general.architecture=llama 'general.name=A "name" \ with <script>alert(1)</script> | [x](y) `z`' \
   general.license=other "general.license.name=Terms: \"mine\"" general.license.link=https://example.org/terms "general.languages=[en,no]" \
   "general.tags=[gguf,- x: y]" general.base_model.count=1 "general.base_model.0.name=Base One" \
   general.base_model.0.repo_url=https://huggingface.co/example/base-one "general.datasets=[Stories,Other]" "general.description=two
lines"
printf '{"perplexity": 12.5, "nll_error": 0.01, "tokens": 4096, "ctx": 512, "arithmetic": "quant"}' > ppl.json
call card rich.gguf --evaluation ppl.json -o rich.md
is "a rich file ends well" "$status $err" "0 "
is "its licence" "$(front rich.md '(d["license"], d["license_name"], d["license_link"])')" "('other', 'Terms: \"mine\"', 'https://example.org/terms')"
is "its languages, Norwegian among them" "$(front rich.md 'd["language"]')" "['en', 'no']"
is "its tags, gguf once" "$(front rich.md 'd["tags"]')" "['gguf', '- x: y']"
is "its base model by the hub's name" "$(front rich.md '(d["base_model"], d["datasets"])')" "(['example/base-one'], ['Stories', 'Other'])"
lacks "no markup out of a name" "$(cat rich.md)" "<script>"
has "the name as text" "$(cat rich.md)" '# A "name" \\ with &lt;script\>'
has "the evaluation" "$(cat rich.md)" "| perplexity | 12.5000 | 0.1250 | 4096 tokens in windows of 512, quant arithmetic | ppl.json |"
has "a description is one paragraph" "$(cat rich.md)" "
two lines
"

call card no-such-model
has "no such model" "$status $err" "1 hearth: "
call card rich.gguf --evaluation gone.json
has "no such evaluation" "$status $err" "1 hearth: gone.json: "
out=$(SOURCE_DATE_EPOCH=soon "$HEARTH" card rich.gguf 2>&1)
is "SOURCE_DATE_EPOCH that is no number" "$out" "hearth: SOURCE_DATE_EPOCH is \"soon\", allowed: seconds since 1970, up to the year 9999"
tap_end
