#!/bin/sh
# hearth pull hf:... and ollama:..., import --from-ollama, against registries on this computer that redirect every file to another host.
. "$(dirname "$0")/tap.sh"
here=$(cd "$(dirname "$0")" && pwd)
tap_begin 97
[ -x "$HEARTH" ] || { echo "$HEARTH is not there" >&2; exit 1; }
srv=$TAP_TMP/server; mkdir "$srv"
"$B/tests/tools/make_model" "$TAP_TMP/tiny.gguf" layers=1 width=64 heads=4 kv_heads=2 vocab=400 seed=3 || exit 1
"$B/tests/tools/make_folder" "$TAP_TMP/tiny.gguf" "$TAP_TMP/folder" 2 && mkdir "$TAP_TMP/pieces" &&
    "$B/tests/tools/make_pieces" "$TAP_TMP/tiny.gguf" "$TAP_TMP/pieces/big" 2 || exit 1
for i in 1 2 3 4 5 6 7 8 9; do echo "{\"prompt\": \"what is $i\", \"completion\": \" it is $((i % 3))\"}"; done > "$TAP_TMP/pairs.jsonl"
"$HEARTH" tune "$TAP_TMP/tiny.gguf" "$TAP_TMP/pairs.jsonl" -o "$TAP_TMP/adapter.gguf" --rank 2 --steps 6 --batch 4 --rate 0.05 > "$TAP_TMP/tune" 2>&1 || exit 1
python3 "$here/registries.py" "$srv" "$TAP_TMP/tiny.gguf" "$TAP_TMP/folder" "$TAP_TMP/pieces" "$TAP_TMP/adapter.gguf" > "$TAP_TMP/server.log" 2>&1 & server=$!
trap 'kill $server 2> "$TAP_TMP/kill"; rm -rf "$TAP_TMP"' EXIT
tries=0
while [ ! -f "$srv/ports" ] && [ $tries -lt 300 ]; do sleep 0.1; tries=$((tries + 1)); done
read -r hf ollama cdn < "$srv/ports" || { cat "$TAP_TMP/server.log" >&2; exit 1; }
digest=$(sha256sum "$TAP_TMP/tiny.gguf" | cut -d' ' -f1)

unset http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY HF_TOKEN
export no_proxy=127.0.0.1
HF_ENDPOINT=http://127.0.0.1:$hf; export HF_ENDPOINT
fresh() {
    HEARTH_HOME=$TAP_TMP/home; export HEARTH_HOME
    rm -rf "$HEARTH_HOME"; mkdir "$HEARTH_HOME"
    printf '[ollama]\nendpoint = http://127.0.0.1:%s/\n' "$ollama" > "$HEARTH_HOME/sources.ini"
    : > "$srv/log"
}
hearth() { "$HEARTH" "$@" > "$TAP_TMP/out" 2> "$TAP_TMP/err" < /dev/null; status=$?; out=$(cat "$TAP_TMP/out"); err=$(cat "$TAP_TMP/err"); }
stored() { sha256sum < "$HEARTH_HOME/models/blobs/sha256-$digest" | cut -d' ' -f1; }
nothing() { find "$HEARTH_HOME/models" -type f 2> "$TAP_TMP/find" | wc -l; }
# refused NAME SENTENCE MODEL: it fails with these words and leaves nothing
refused() { fresh; hearth pull "$3"; has "$1" "$status $err" "$2"; is "$1: nothing is left" "$([ $status != 0 ] && nothing)" 0; }

# ---- hf: ----
fresh; HF_TOKEN=hf_secret hearth pull hf:one/plain
is "hf: the one GGUF file" "$status $(stored)" "0 $digest"
has "its licence is named" "$err" "tiny.q4-0 comes under the licence apache-2.0 ($HF_ENDPOINT/one/plain)"
has "the entry says where it came from" "$(cat "$HEARTH_HOME/models/names/tiny.q4-0.ini")" "source = hf:$HF_ENDPOINT/one/plain/resolve/main/tiny.Q4_0.gguf"
has "the token is shown to the registry" "$(cat "$srv/log")" "hf GET /one/plain/resolve/main/tiny.Q4_0.gguf auth=yes"
has "the file came from the other host" "$(cat "$srv/log")" "cdn GET /signed/$digest auth=no"
lacks "which never saw it" "$(grep cdn "$srv/log")" "auth=yes"
lacks "the token is kept nowhere" "$(grep -r hf_secret "$HEARTH_HOME")" "secret"
: > "$srv/log"; hearth pull hf:one/plain; is "again: it is here, and is not fetched" "$status $(grep -c cdn "$srv/log")" "0 0"
fresh; hearth pull hf:one/several:Q8_0; is "hf: a part of a file's name" "$status $(ls "$HEARTH_HOME/models/names")" "0 a.q8-0.ini"
fresh; hearth pull hf:one/several:sub/b.gguf; is "hf: a path" "$status $(ls "$HEARTH_HOME/models/names")" "0 b.ini"
fresh; HF_TOKEN=hf_secret hearth pull hf:one/private; is "hf: a private one, with the token" "$status" 0
refused "hf: a private one, without" "1 hearth: " hf:one/private
refused "hf: several files" "2 hearth: hf:one/several: 3 files are meant (a.Q4_0.gguf, a.Q8_0.gguf, sub/b.gguf); say which" hf:one/several
refused "hf: no config" "it has no file config.json, and none that ends with .gguf" hf:one/tensors
refused "hf: paths that leave the folder" "it has no file config.json, and none that ends with .gguf" hf:one/evil

# ---- hf: several files ----
files="config.json model-00001-of-00002.safetensors model-00002-of-00002.safetensors model.safetensors.index.json tokenizer.json tokenizer_config.json"
whole=$(cd "$TAP_TMP/folder" && sha256sum $files | sha256sum | cut -d' ' -f1)
there() { (cd "$HEARTH_HOME/models" && find . -type f | LC_ALL=C sort | tr '\n' ' '); }
one() { for file in $files; do printf './blobs/sha256-%s/%s ' "$whole" "$file"; done; printf './names/%s.ini ' "$1"; }
wanted=$("$HEARTH" run "$TAP_TMP/tiny.gguf" "some words" --max-tokens 8 --temp 0 2> "$TAP_TMP/err")
text() { "$HEARTH" run "$1" "some words" --max-tokens 8 --temp 0 2> "$TAP_TMP/err" < /dev/null; }
fresh; HF_TOKEN=hf_secret hearth pull hf:one/folder
is "hf: a folder of safetensors: what a model needs, and no pickle, program or README" "$status $(there)" "0 $(one folder)"
is "hf: it runs" "$(text folder)" "$wanted"
has "hf: its entry" "$(cat "$HEARTH_HOME/models/names/folder.ini")" "source = hf:$HF_ENDPOINT/one/folder/resolve/main/"
is "hf: the listing came in pages" "$(grep -c "tree/main" "$srv/log")" 4
lacks "hf: the other host sees no token" "$(grep cdn "$srv/log")" "auth=yes"
lacks "hf: what is not needed is not asked for" "$(cat "$srv/log")" "pytorch_model"
is "hf: list has its digest" "$("$HEARTH" list --json | grep -c "$whole")" 2
: > "$srv/log"; hearth pull hf:one/folder; is "hf: again: no weights are fetched" "$status $(grep -c cdn "$srv/log")" "0 0"
"$HEARTH" run folder "x" --max-tokens 1 > "$TAP_TMP/out" 2>&1
has "hf: the receipt names that digest" "$("$HEARTH" ledger show 1 --json)" "$whole"
hearth rm folder; is "hf: rm" "$status $(there)" "0 "
fresh; hearth pull hf:one/folder@v1; is "hf: a revision" "$status $(there) $(grep -c 'resolve/v1/' "$srv/log")" "0 $(one folder) 11"
fresh; hearth pull hf:one/folder@refs/pr/3; is "hf: a revision with slashes" "$status $(there)" "0 $(one folder)"
fresh; hearth pull hf:one/folder@v2; is "hf: no such revision" "$status $(nothing)" "1 0"
fresh; hearth pull hf:one/both:sub/; is "hf: a folder in the repository" "$status $(there)" "0 $(one sub)"
fresh; hearth pull hf:one/both:/; is "hf: the whole folder, where there is a GGUF too" "$status $(there)" "0 $(one both)"
fresh; : > "$srv/broken"; hearth pull hf:one/folder; has "hf: a shard that does not come" "$status $err" "the server does not have it (404)"
rm "$srv/broken"; : > "$srv/log"; hearth pull hf:one/folder
is "hf: pulling again goes on with the rest" "$status $(there) $(grep -c cdn "$srv/log")" "0 $(one folder) 1"
fresh; hearth pull hf:one/split:big; is "hf: a GGUF in pieces" "$status $(text big)" "0 $wanted"
has "hf: both of them under one name" "$(there)" "/big-00001-of-00002.gguf ./blobs/sha256-"
hearth rm big; is "hf: pieces: rm" "$status $(there)" "0 "
refused "hf: a piece is missing" "q/big-00002-of-00002.gguf is missing, one of 2 files" hf:one/lost
refused "hf: a shard is missing" "model-00002-of-00002.safetensors is missing, which its index names" hf:one/shardless
refused "hf: a pickle" "weights of another kind (a pickle) are never fetched" hf:one/pickle
refused "hf: a small file that is not git's" "tokenizer.json came with" hf:one/forged
refused "hf: a small file of another size" "config.json came with" hf:one/short
refused "hf: a shard that is not what its digest says" "gives more than the 10 bytes the model has" hf:one/swapped
refused "hf: a listing without end" "a listing of more than 200 pages" hf:one/endless

# ---- hf: words ----
refused "hf: another file than the registry says" "checksum" hf:one/wrong
refused "hf: no digest" "states no SHA-256 of tiny.gguf" hf:one/nodigest
refused "hf: a digest that is a path" "allowed: 64 lower-case hex digits" hf:one/baddigest
refused "hf: no such repository" "1 hearth: " hf:one/nothing
for word in hf: hf:one hf:one/two/three hf:../x hf:one/plain: hf:one/plain:../x hf:one/plain:/etc/passwd 'hf:one/a b' hf:one/plain@ hf:one/plain@../x hf:one/plain@a//b; do
    fresh; hearth pull "$word"; [ $status = 2 ] || tap_note "$word: $status $err"
    bad="$bad$status"
done
is "hf: words that are no names" "$bad" 22222222222

# ---- ollama: ----
fresh; hearth pull ollama:tiny
is "ollama: a model with its layers" "$status $(stored)" "0 $digest"
has "the blob came from the other host" "$(cat "$srv/log")" "cdn GET /signed/$digest auth=no"
has "its parameters, prompt, licence" "$("$HEARTH" show tiny --modelfile 2>&1)" "PARAMETER top_k 7"
fresh; hearth pull ollama:bare:1b; is "ollama: a plain one" "$status $(ls "$HEARTH_HOME/models/names")" "0 bare=1b.ini"
refused "ollama: a digest that is a path" "allowed: sha256: and 64 lower-case hex digits" ollama:path
refused "ollama: no model layer" "it has no model layer" ollama:none
adapter=$(sha256sum "$TAP_TMP/adapter.gguf" | cut -d' ' -f1)
say() { "$HEARTH" run "$@" --temp 0 --max-tokens 6 --raw --private --json "what is 3" 2> "$TAP_TMP/err" | sed -n 's/.*"text": *//p'; }
fresh; hearth pull ollama:adapted
is "ollama: an adapter" "$status $(sha256sum < "$HEARTH_HOME/models/blobs/sha256-$adapter" | cut -d' ' -f1)" "0 $adapter"
has "it came from the other host too" "$(cat "$srv/log")" "cdn GET /signed/$adapter auth=no"
has "with the other layers" "$("$HEARTH" show adapted --modelfile 2>&1)" "PARAMETER top_k 7"
is "it answers with it" "$(say adapted)" "$(say "$TAP_TMP/tiny.gguf" --adapter "$TAP_TMP/adapter.gguf")"
not_ok "and not without" test "$(say adapted)" = "$(say "$TAP_TMP/tiny.gguf")"
: > "$srv/log"; hearth pull ollama:adapted; is "again: it is here" "$status $(grep -c "cdn GET /signed/$adapter" "$srv/log")" "0 0"
hearth rm adapted; is "it goes with its last name" "$status $(ls "$HEARTH_HOME/models/blobs" | grep -c "$adapter")" "0 0"
for m in "misfit:letters GGUF" "lost:404" "long:more"; do
    fresh; hearth pull "ollama:${m%%:*}"; has "ollama: an adapter that is ${m%%:*}" "$status $err" "${m#*:}"
    is "no model is made, and nothing half is left" "$(ls "$HEARTH_HOME/models/names" | grep -c "${m%%:*}") $(ls "$HEARTH_HOME/models/blobs") $(ls "$HEARTH_HOME/models/partial")" "0 sha256-$digest "
done
refused "ollama: two adapters" "it has several adapter layers, allowed: one" ollama:twice
refused "ollama: no such model" "1 hearth: " ollama:nothing
fresh; hearth pull ollama:lies; has "ollama: a layer that is not what its digest says" "$status $err" "its manifest says"

# ---- Ollama's own store ----
fresh; OLLAMA_MODELS=$srv/store; export OLLAMA_MODELS
before=$(find "$srv/store" -type f -exec stat -c '%n %Y %s' {} + | LC_ALL=C sort)
hearth import --from-ollama
has "from-ollama: one of them is damaged" "$status $err" "1 hearth: path:latest: "
has "from-ollama: the others are named" "$out" "bare:1b: llama, "
has "from-ollama: those with layers too" "$out" "tiny: llama, "
has "from-ollama: one with an adapter" "$out" "adapted: llama, "
is "which it answers with" "$(say adapted)" "$(say "$TAP_TMP/tiny.gguf" --adapter "$TAP_TMP/adapter.gguf")"
is "from-ollama: nothing is copied but that" "$(ls "$HEARTH_HOME/models/blobs")" "sha256-$adapter"
is "from-ollama: the store is as it was" "$(find "$srv/store" -type f -exec stat -c '%n %Y %s' {} + | LC_ALL=C sort)" "$before"
ok "from-ollama: it runs" "$HEARTH" run bare:1b "x" --max-tokens 1
OLLAMA_MODELS=$TAP_TMP/nowhere hearth import --from-ollama; has "from-ollama: no store" "$status $err" "no folder of Ollama's models"
tap_end
