#!/bin/sh
# Every --json is one JSON object with the fields it promises, of the kinds it promises.
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/../tools/model.sh"
tap_begin 17

cat > "$TAP_TMP/fields.py" <<'E2'
import json, sys          # fields.py 'name:kind ...' < JSON: "right", or what is not
kinds = {"text": str, "number": (int, float), "whole": int, "list": list, "object": dict, "bool": bool}
value, wrong = json.load(sys.stdin), []
for word in sys.argv[1].split():
    path, kind = word.split(":")
    v = value
    for name in path.split("."):
        v = v[int(name)] if isinstance(v, list) else v.get(name) if isinstance(v, dict) else None
    if not isinstance(v, kinds[kind]) or (kind != "bool" and isinstance(v, bool)):
        wrong.append(f"{word} is {v!r}")
print("; ".join(wrong) or "right")
E2
fields() { printf '%s' "$out" | python3 "$TAP_TMP/fields.py" "$1" 2>&1 | tail -n 1; }
run_fields="text:text finish_reason:text model:text seed:whole prompt_tokens:whole answer_tokens:whole timings:object
    timings.load_seconds:number timings.prefill_seconds:number timings.decode_seconds:number
    timings.prefill_tokens_per_second:number timings.decode_tokens_per_second:number timings.first_token_seconds:number"

call run smollm2 "Hello" --json --max-tokens 8
is "run" "$status $(fields "$run_fields")" "0 right"
is "run: the timings agree" "$(json 'd["timings"]["decode_tokens_per_second"] > 0.5 and d["timings"]["prefill_tokens_per_second"] > 0.5 and
    d["timings"]["first_token_seconds"] >= d["timings"]["prefill_seconds"] > 0')" True
is "run: no tokens when none were asked for" "$(json '"tokens" in d')" False
call run smollm2 "Hello" --json --max-tokens 8 --logprobs 2
is "run --logprobs" "$(fields "$run_fields tokens:list tokens.0.id:whole tokens.0.text:text tokens.0.logprob:number tokens.0.top:list
    tokens.0.top.1.id:whole tokens.0.top.1.text:text tokens.0.top.1.logprob:number")" right
is "run --logprobs: a token each" "$(json 'len(d["tokens"]) == d["answer_tokens"]')" True
call tokenize smollm2 --json "Hello"
is "tokenize" "$(fields "ids:list ids.0:whole")" right
call show smollm2 --json
is "show" "$(fields "model:text path:text architecture:text parameters:whole file_bytes:whole weight_bytes:whole licence:text
    instruct:bool quantisation:list quantisation.0.type:text quantisation.0.tensors:whole quantisation.0.bytes:whole")" right
call doctor --json
is "doctor" "$(fields "cpu:text isa_found:text isa_chosen:text cores_online:whole cores_usable:whole quota:number memory_total:whole
    memory_available:whole read_gigabytes_per_second:number fma_gigaflops:number largest_4bit_billion_parameters:number
    energy_counter:bool features:text models_folder:text models:whole advice:list")" right
call families --json
is "families" "$(fields "0.name:text 0.summary:text")" right
head -c 4000 "$root/data/text/moby-dick-1-11.txt" > "$TAP_TMP/text"
call perplexity smollm2 "$TAP_TMP/text" --ctx 128 --json
is "perplexity" "$(fields "perplexity:number nll_mean:number nll_error:number tokens:whole windows:whole ctx:whole")" right
is "perplexity: the number is that of its mean" "$(json 'abs(math.log(d["perplexity"]) - d["nll_mean"]) < 1e-6 and 5 < d["perplexity"] < 100')" True
call bench smollm2 --prompt 32 --answer 4 --repeats 1 --json
is "bench" "$(fields "cpu:text isa:text threads:whole repeats:whole model:text results:list results.0.type:text
    results.0.limits.read_gigabytes_per_second:number results.0.limits.fma_gigaflops:number
    results.0.prefill.tokens_per_second:number results.0.prefill.share:number results.0.decode.tokens_per_second:number
    results.0.decode.limit:number results.0.decode.share:number results.0.load_seconds:number
    results.0.first_token_seconds:number results.0.memory.peak:whole results.0.memory.anonymous:whole
    results.0.memory.file:whole results.0.memory.kv_cache:whole")" right
is "bench: the shares agree" "$(json 'all(abs(r["decode"]["share"] * r["decode"]["limit"] - r["decode"]["tokens_per_second"]) < 0.1 and
    r["memory"]["peak"] > 50e6 for r in d["results"])')" True
call bench smollm2 --type q4_0 --type Q8_0 --prompt 16 --answer 2 --repeats 1 --json
is "bench --type: each, quantised" "$(json '[(r["type"], r["file_bytes"] > 70e6) for r in d["results"]]')" "[('Q4_0', True), ('Q8_0', True)]"
is "bench --type: the larger type is the larger file" "$(json 'd["results"][0]["file_bytes"] < d["results"][1]["file_bytes"]')" True
is "bench --type: nothing is left" "$(find "$HEARTH_HOME/cache" -name "bench*" | wc -l)" 0
call bench smollm2 --type Q9_9
has "bench of no such type: usage" "$status $err" "2 hearth: --type: \"Q9_9\""
tap_end
