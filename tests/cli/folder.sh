#!/bin/sh
# A folder of safetensors in every command that takes a model: run, show, import, convert, quantize; its digest is one that sha256sum gives.
. "$(dirname "$0")/tap.sh"
tap_begin 35
[ -x "$HEARTH" ] || { echo "$HEARTH is not there" >&2; exit 1; }
HEARTH_HOME=$TAP_TMP/home; export HEARTH_HOME
hearth() { "$HEARTH" "$@" > "$TAP_TMP/out" 2> "$TAP_TMP/err" < /dev/null; status=$?; out=$(cat "$TAP_TMP/out"); err=$(cat "$TAP_TMP/err"); }
cd "$TAP_TMP" || exit 1
text() { "$HEARTH" run "$1" "some words" --max-tokens 12 --temp 0 2> "$TAP_TMP/err" < /dev/null; }

# ---- the same model as a file and as a folder ----
for family in llama gemma3; do
    ok "$family: a model" "$B/tests/tools/make_model" $family.gguf family=$family layers=2 width=64 heads=4 kv_heads=2 head_width=32 vocab=400 seed=4
    ok "$family: its folder" "$B/tests/tools/make_folder" $family.gguf $family 2
    wanted=$(text ./$family.gguf); status=$?
    is "$family: the file's text" "$status $([ -n "$wanted" ] && echo some)" "0 some"
    is "$family: the folder's text is the same" "$(text ./$family)" "$wanted"
    hearth convert ./$family -o $family-back.gguf
    is "$family: convert" "$status" 0
    is "$family: the file that was made says the same" "$(text ./$family-back.gguf)" "$wanted"
    hearth convert ./$family -o $family-q8.gguf --type q8_0
    has "$family: quantised" "$status $("$HEARTH" show ./$family-q8.gguf --tensors 2>&1)" "Q8_0"
done

# ---- show, import, digest ----
hearth show ./llama; has "show" "$status $out" "0 "
has "show: the family" "$out" "llama"
hearth import ./llama --name home
has "import" "$status $out" "0 imported home: llama, "
has "import: where it lies" "$out" "used where it lies, $TAP_TMP/llama"
sum=$(cd llama && sha256sum config.json model-00001-of-00002.safetensors model-00002-of-00002.safetensors model.safetensors.index.json tokenizer.json \
      tokenizer_config.json | sha256sum | cut -d' ' -f1)
has "its digest is that of sha256sum's list" "$("$HEARTH" list --json)" "$sum"
is "by its name" "$(text home)" "$(text ./llama.gguf)"
touch llama/README.md; is "a file that is none of the model's does not matter" "$(text home)" "$(text ./llama.gguf)"
hearth import ./llama --name copied --copy; has "import --copy" "$status $err" "llama: the store keeps single files"
sed -i 's/"rms_norm_eps": [^,]*/"rms_norm_eps": 0.25/' llama/config.json
hearth run home "x" --max-tokens 1; has "a file of it has changed" "$status $err" "has changed since"
echo '{% for' > llama/chat_template.jinja
hearth run ./llama x; has "a broken template" "$status $err" "1 hearth: ./llama: the chat template: line 1: "; rm llama/chat_template.jinja
hearth rm home; is "rm" $status 0; ok "rm leaves the folder" test -f llama/config.json

# ---- what must not happen ----
hearth convert ./gemma3 -o gemma3/model-00001-of-00002.safetensors --force
has "over its own shard" "$status $err" "is read by this command, or would be the next time, so it is no place for what it writes"
hearth convert ./gemma3; has "without a place" "$status $err" "2 hearth: convert needs a place"
hearth convert ./gemma3 -o x.gguf --type q9; has "an unknown type" "$status $err" "2 hearth: \"q9\" is not a tensor type"
hearth convert ./gemma3 -o gemma3-back.gguf; has "a file that is there" "$status $err" "1 hearth: gemma3-back.gguf is there already"
sed -i 's/"intermediate_size": [^,]*/"intermediate_size": 100/' gemma3/config.json
hearth run ./gemma3 x; has "a shape that is not the config's" "$status $err" "1 hearth: ./gemma3: tensor blk.0.ffn_gate.weight is 64 x "
has "and what it says" "$err" "should be 64 x 100"
rm gemma3/model-00002-of-00002.safetensors
hearth convert ./gemma3 -o y.gguf; has "a missing shard" "$status $err" "1 hearth: ./gemma3/model-00002-of-00002.safetensors: cannot open"
ok "nothing is left of it" test ! -e y.gguf
rm gemma3/*.safetensors gemma3/*.index.json; mkfifo gemma3/pytorch_model.bin
hearth convert ./gemma3 -o y.gguf; has "a pickle is not opened" "$status $err" "pytorch_model.bin, a pickle, which can run any program"
tap_end
