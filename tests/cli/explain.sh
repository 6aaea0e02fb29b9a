#!/bin/sh
# `hearth explain`: of a new answer, of one that left a receipt; the report, the JSON, the mistakes; and, counted on a few
# prompts, what `make explain-soak` counts on many.
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/../tools/model.sh"
tap_begin 38
: "${B:=$root/build}"
soak=$B/tests/tools/explain_soak
model=$("$HEARTH" show smollm2 --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["path"])')
gemma=$("$HEARTH" show gemma3-270m-base --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["path"])')

# ---- a new answer: all that is cheap ----
html=$TAP_TMP/why.html
call explain smollm2 "What is the capital of France?" --temp 0.7 --seed 5 --max-tokens 6 --method tokens --method lens --method logit \
     --html "$html" --json
is "it ends well" "$status" 0
is "each token was taken by the sampler again" "$(json 'd["tokens"]["faithfulness"]')" "{'sampler_takes_again': 6, 'of': 6}"
is "six tokens, each with itself and five others" "$(json '[len(t["choices"]) for t in d["tokens"]["list"]]')" "[6, 6, 6, 6, 6, 6]"
is "probabilities after the last step are shared among what is left" \
   "$(json 'all(sum(c["after"]["temperature"]["p"] for c in t["choices"] if c["after"]["temperature"]) <= 1.000001 for t in d["tokens"]["list"])')" True
is "the parts add up to the logit" "$(json 'd["logit"]["faithfulness"]["sum_from_logit"] <= 1e-4')" True
is "and are all there" "$(json 'abs(sum(map(sum, d["logit"]["parts"]["heads"])) + sum(d["logit"]["parts"]["feed_forward"]) + d["logit"]["parts"]["embedding"] - d["logit"]["logit"]) <= 1e-4')" True
is "30 layers of 9 heads" "$(json '(len(d["logit"]["parts"]["heads"]), len(d["logit"]["parts"]["heads"][0]))')" "(30, 9)"
is "the lens has 31 rows of 6" "$(json '(len(d["lens"]["before_layer"]), len(d["lens"]["before_layer"][0]))')" "(31, 6)"
is "its last row is the model" "$(json 'd["lens"]["faithfulness"]["last_row_from_the_model_logits"]')" "0.0"
is "the gap is told" "$(json 'd["arithmetic"]["gap"]["largest"] <= d["arithmetic"]["gap"]["allowed"]')" True
is "no method without caveat and score" "$(json 'all("does_not_mean" in d[m] and "faithfulness" in d[m] for m in ("tokens", "lens", "logit"))')" True
is "what was not asked for is not there" "$(json '"words" in d or "sentences" in d')" False
is "the report is a page" "$(head -n 1 "$html")" "<!DOCTYPE html>"
is "with pictures" "$(grep -o '<svg' "$html" | wc -l)" 4
is "without scripts, and nothing fetched" "$(grep -cE '<script|://|<link|<img' "$html")" 0
is "a score and a caveat for each method" "$(grep -c 'How far to trust this' "$html") $(grep -c 'What it does not mean' "$html")" "3 3"

# ---- sentences of a document ----
cat > "$TAP_TMP/notice.txt" <<'E1'
The hall was built by a baker. The door of the hall is painted purple. A grey cat sleeps on the step. The roof was mended last
spring. In winter the river freezes.
E1
call explain smollm2 "What colour is the door of the hall?" --context "$TAP_TMP/notice.txt" --answer "It is purple." --method sentences --ablations 24 --json
is "the sentence that says it comes first" "$status $(json 'd["sentences"]["best_first"][0]["text"].strip()')" "0 The door of the hall is painted purple."
is "taking it out costs more than another" "$(json 'd["sentences"]["faithfulness"]["logprob_drop_without_best"][0] > d["sentences"]["faithfulness"]["logprob_drop_without_random"][0] + 1')" True
is "the fit foretells" "$(json 'd["sentences"]["faithfulness"]["lds"] > 0.5')" True
is "offsets are those of the file" "$(json '[open("'"$TAP_TMP"'/notice.txt").read()[s["begin"]:s["end"]].strip() == s["text"].strip() for s in d["sentences"]["best_first"]]')" \
   "[True, True, True, True, True]"
first=$out
call explain smollm2 "What colour is the door of the hall?" --context "$TAP_TMP/notice.txt" --answer "It is purple." --method sentences --ablations 24 --json --threads 1
is "the same figures on one thread" "$out" "$first"
call explain smollm2 "What colour is the door of the hall?" --context "$TAP_TMP/notice.txt" --answer "It is purple." --method sentences --ablations 24
has "as text" "$out" "The door of the hall is painted purple."
has "with its score" "$out" "Trust: without the first, the answer loses"

# ---- an answer that left a receipt ----
call run smollm2 "Name a colour." --max-tokens 4 --seed 3
call explain 0 --method tokens --method logit --json
is "a receipt is explained" "$status $(json 'd["receipt"], d["tokens"]["faithfulness"]["sampler_takes_again"] == d["answer_tokens"]')" "0 ('0', True)"
is "by the model's digest" "$(json 'd["model"]["sha256"] == "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"')" True
call run smollm2 "Name a colour." --max-tokens 4 --seed 3 --private
call explain 1 --method tokens
is "without its transcript it cannot be" "$status" 1
has "and that is said" "$err" "transcript"

# ---- mistakes ----
call explain smollm2 "Hello" --method magic
is "an unknown method" "$status $err" "2 hearth: --method: \"magic\" is not tokens, lens, logit, words or sentences"
call explain 99
is "a receipt that is not there" "$status" 1
call explain 0 --answer x
has "--answer with a receipt" "$status $err" "2 hearth: --context, --answer and --system belong to a new answer"
call explain smollm2 "Hello" --method tokens --max-tokens 2 --html "$TAP_TMP/no/such/folder.html"
has "a page that cannot be written" "$status $err" "1 hearth: $TAP_TMP/no/such/folder.html: its folder cannot be opened"
call explain smollm2 "Hello" --method tokens --answer "One." --token 99
has "a token past the answer" "$status $err" "hearth: token 99 of the answer, should be 1 to"
call explain smollm2 "Hello" --method lens --answer "Good day." --max-gap 0
has "a gap that is too large" "$err" "more than the 0.00 allowed"
call explain smollm2 "Hello" --method sentences --answer "Good day."
has "too few sentences" "$status $out" "0 The prompt has fewer than three sentences"

# ---- a small part of the soak ----
ok "the parts add up, LLaMA" "$soak" "$model" attribution 2
ok "the parts add up, Gemma" "$soak" "$gemma" attribution 1
ok "planted sentences come first" "$soak" "$model" sentences 2
ok "integrated gradients add up" "$soak" "$model" words 1
tap_end
