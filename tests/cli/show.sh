#!/bin/sh
# `hearth show` and `hearth families`.
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/../tools/model.sh"
tap_begin 26

call show smollm2
is "it ends well" "$status [$err]" "0 []"
has "the architecture" "$out" "architecture   llama"
has "the parameters" "$out" "135M (134515008) in 98.4 MB"
has "the shape" "$out" "30 layers, width 576, feed-forward 1536, 9 heads of 64 (3 for keys and values)"
has "the quantisation by type" "$out" "Q4_1 x 210 (66.4 MB), Q8_0 x 1 (30.1 MB), F32 x 61"
has "the licence" "$out" "licence        apache-2.0"
has "the memory" "$out" "MB with a context of "
has "the kind" "$out" "instruct: it has a chat template"

call show smollm2 --tensors
is "--tensors: one line each" "$(printf '%s\n' "$out" | wc -l)" 272
has "--tensors: name, type, shape, bytes" "$(printf '%s\n' "$out" | tr -s ' ')" "blk.0.attn_q.weight Q4_1 576 x 576 207360"
call show smollm2 --template
has "--template: the chat template" "$out" "<|im_start|>"
call show smollm2 --memory
is "--memory: 512 to the model's own context" "$(printf '%s\n' "$out" | awk 'NR > 1 { printf "%s ", $1 }')" "512 1024 2048 4096 8192 "
call show smollm2 --ctx 1000 --kv f32
is "--ctx: that one" "$(printf '%s\n' "$out" | awk 'NR > 1 { printf "%s ", $1 }')" "1000 "

call show smollm2 --json
is "--json: numbers" "$(json '(d["parameters"], d["layers"], d["width"], d["heads"], d["kv_heads"], d["vocabulary"], d["context"])')" \
   "(134515008, 30, 576, 9, 3, 49152, 8192)"
is "--json: types" "$(json '[(t["type"], t["tensors"]) for t in d["quantisation"]]')" "[('Q4_1', 210), ('Q8_0', 1), ('F32', 61)]"
is "--json: the bytes of the types" "$(json 'sum(t["bytes"] for t in d["quantisation"]) < d["file_bytes"] == 98362432')" True
is "--json: kind and licence" "$(json '(d["instruct"], d["licence"], d["tokenizer"], d["pre_tokenizer"])')" "(True, 'apache-2.0', 'gpt2', 'smollm')"
call show smollm2 --json --tensors --template --memory
is "--json: every part that was asked for" "$(json '(len(d["tensors"]), "im_start" in d["template"], len(d["memory"]))')" "(272, True, 5)"
is "the shapes make up the parameters" "$(json 'sum(math.prod(t["shape"]) for t in d["tensors"]) == d["parameters"]')" True
is "memory: the parts are not more than the whole" \
   "$(json 'all(m["weights_copied"] + m["kv_cache"] + m["session"] <= m["total"] for m in d["memory"])')" True
is "memory: twice the context, twice the cache" "$(json 'd["memory"][1]["kv_cache"] == 2 * d["memory"][0]["kv_cache"]')" True
call show smollm2 --json --memory --kv f32; wide=$(json 'd["memory"][3]["kv_cache"]')
call show smollm2 --json --memory --kv f16
is "memory: F32 takes twice what F16 takes" "$wide" "$(json '2 * d["memory"][3]["kv_cache"]')"

: "${B:=$root/build}"
"$B/tests/tools/make_model" "$TAP_TMP/base.gguf" family=gemma3 type=Q4_0
call show "$TAP_TMP/base.gguf"
has "a base model is called one" "$out" "base: it continues a text"
call show "$TAP_TMP/base.gguf" --template
has "a base model has no template to show" "$status $err" "1 hearth: "

call families
has "families" "$(printf '%s\n' "$out" | cut -d ' ' -f 1 | tr '\n' ' ')" \
    "llama qwen2 qwen3 smollm3 phi3 gemma gemma2 gemma3 granite granitemoe openelm bert gemma-embedding"
call families --json
is "families as JSON" "$(json '[f["name"] for f in d][:2]')" "['llama', 'qwen2']"
tap_end
