#!/bin/sh
# hearth pull hf:... and ollama:..., import --from-ollama, against registries on this computer that redirect every file to another host.
. "$(dirname "$0")/tap.sh"
here=$(cd "$(dirname "$0")" && pwd)
tap_begin 50
[ -x "$HEARTH" ] || { echo "$HEARTH is not there" >&2; exit 1; }
srv=$TAP_TMP/server; mkdir "$srv"
"$B/tests/tools/make_model" "$TAP_TMP/tiny.gguf" layers=1 width=64 heads=4 kv_heads=2 vocab=400 seed=3 || exit 1
python3 "$here/registries.py" "$srv" "$TAP_TMP/tiny.gguf" > "$TAP_TMP/server.log" 2>&1 & server=$!
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
refused "hf: a split file" "big-00001-of-00002.gguf is one of 2 files" hf:one/split:00001-of
refused "hf: no GGUF" "it has safetensors and no .gguf file" hf:one/tensors
refused "hf: paths that leave the folder" "it has no file that ends with .gguf" hf:one/evil
refused "hf: another file than the registry says" "checksum" hf:one/wrong
refused "hf: no digest" "states no SHA-256 of tiny.gguf" hf:one/nodigest
refused "hf: a digest that is a path" "allowed: 64 lower-case hex digits" hf:one/baddigest
refused "hf: no such repository" "1 hearth: " hf:one/nothing
for word in hf: hf:one hf:one/two/three hf:../x hf:one/plain: hf:one/plain:../x hf:one/plain:/etc/passwd 'hf:one/a b'; do
    fresh; hearth pull "$word"; [ $status = 2 ] || tap_note "$word: $status $err"
    bad="$bad$status"
done
is "hf: words that are no names" "$bad" 22222222

# ---- ollama: ----
fresh; hearth pull ollama:tiny
is "ollama: a model with its layers" "$status $(stored)" "0 $digest"
has "the blob came from the other host" "$(cat "$srv/log")" "cdn GET /signed/$digest auth=no"
has "its parameters, prompt, licence" "$("$HEARTH" show tiny --modelfile 2>&1)" "PARAMETER top_k 7"
fresh; hearth pull ollama:bare:1b; is "ollama: a plain one" "$status $(ls "$HEARTH_HOME/models/names")" "0 bare=1b.ini"
refused "ollama: a digest that is a path" "allowed: sha256: and 64 lower-case hex digits" ollama:path
refused "ollama: no model layer" "it has no model layer" ollama:none
refused "ollama: an adapter" "it has an adapter, allowed: a whole model" ollama:adapted
refused "ollama: no such model" "1 hearth: " ollama:nothing
fresh; hearth pull ollama:lies; has "ollama: a layer that is not what its digest says" "$status $err" "its manifest says"

# ---- Ollama's own store ----
fresh; OLLAMA_MODELS=$srv/store; export OLLAMA_MODELS
before=$(find "$srv/store" -type f -exec stat -c '%n %Y %s' {} + | LC_ALL=C sort)
hearth import --from-ollama
has "from-ollama: one of them is damaged" "$status $err" "1 hearth: path:latest: "
has "from-ollama: the others are named" "$out" "bare:1b: llama, "
has "from-ollama: those with layers too" "$out" "tiny: llama, "
is "from-ollama: nothing is copied" "$(ls "$HEARTH_HOME/models/blobs")" ""
is "from-ollama: the store is as it was" "$(find "$srv/store" -type f -exec stat -c '%n %Y %s' {} + | LC_ALL=C sort)" "$before"
ok "from-ollama: it runs" "$HEARTH" run bare:1b "x" --max-tokens 1
OLLAMA_MODELS=$TAP_TMP/nowhere hearth import --from-ollama; has "from-ollama: no store" "$status $err" "no folder of Ollama's models"
tap_end
