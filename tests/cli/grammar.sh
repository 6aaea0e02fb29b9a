#!/bin/sh
# `hearth run --json-schema` and `--grammar`: answers that follow, receipts that say so, replay, and what is refused.
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/../tools/model.sh"
tap_begin 24
cd "$TAP_TMP" || exit 1

schema='{"type":"object","properties":{"city":{"type":"string","maxLength":20},"people":{"type":"integer","minimum":1,"maximum":9999}},"required":["city","people"]}'
call run smollm2 "Tell me about a city." --json-schema "$schema" --temp 1.5 --seed 3 --json
is "a schema in the call" "$status $(json 'd["finish_reason"]')" "0 stop"
is "the answer is JSON" "$(json 'sorted(json.loads(d["text"]))')" "['city', 'people']"
is "and keeps its bounds" "$(json '1 <= json.loads(d["text"])["people"] <= 9999 and len(json.loads(d["text"])["city"]) <= 20')" "True"
is "its receipt says that a form held it" "$(json 'd["hearth_receipt"]["receipt"]["constrained"]')" "True"
text=$(json 'repr(d["text"])')
call replay "$(json 'd["hearth_receipt"]["number"]')"
has "replay follows the schema again" "$out$err" "equal"
is "and ends well" "$status" 0
call explain 0 --method tokens --json
is "explained, the sampler takes each token again behind the schema's mask" "$status $(json 'd["tokens"]["faithfulness"]["sampler_takes_again"] == d["answer_tokens"] > 8')" "0 True"
is "which left a few, the one that came among them" \
   "$(json 'all(t["choices"][0]["after"]["grammar"] for t in d["tokens"]["list"]), d["tokens"]["list"][0]["left"]["grammar"] < 20')" "(True, True)"
is "and nothing that it forbids" \
   "$(json 'all(c["after"]["temperature"] is None for t in d["tokens"]["list"] for c in t["choices"] if c["after"]["grammar"] is None)')" "True"
call explain smollm2 "Tell me about a city." --json-schema "$schema" --temp 1.5 --seed 3 --method tokens --json
is "so does an answer made to be explained" "$(json 'd["tokens"]["faithfulness"]["sampler_takes_again"] == d["answer_tokens"] > 8')" "True"
call explain smollm2 "Tell me about a city." --json-schema "$schema" --answer "In the north there is one." --method tokens --json
is "an answer that does not keep to it was not chosen so" "$status $(json 'd["tokens"]["faithfulness"]["sampler_takes_again"] < d["answer_tokens"]')" "0 True"
printf '%s' "$schema" > schema.json
call run smollm2 "Tell me about a city." --json-schema schema.json --temp 1.5 --seed 3 --json
is "the same schema in a file, the same answer" "$(json 'repr(d["text"])')" "$text"

call run smollm2 "List some fruits." --json-schema '{"type":"array","items":{"type":"string"}}' --temp 1.5 --max-tokens 20 --json
is "near the limit the shortest end is taken" "$status $(json 'type(json.loads(d["text"])).__name__, d["finish_reason"]')" "0 ('list', 'stop')"
cat > dates.gbnf <<'G'
# a date and a mood
root ::= [0-9]{4} "-" [01] [0-9] " " ("sunny" | "rainy")
G
call run smollm2 "What is the weather?" --grammar dates.gbnf --temp 1
is "a grammar in a file" "$status $(printf '%s' "$out" | grep -cE '^[0-9]{4}-[01][0-9] (sunny|rainy)$')" "0 1"
call run smollm2 "Anything" --json-schema true --max-tokens 12 --temp 1.5 --logit-bias 0=1000 --json
is "true is any JSON, whatever the bias" "$(json 'json.loads(d["text"]) is not Ellipsis')" "True"

call run smollm2 x --json-schema '{"not":{}}'
is "a keyword that cannot be honoured" "$status $err" '1 hearth: schema: the keyword "not" cannot be honoured'
call run smollm2 x --json-schema '{"type":"string","minLength":50}' --max-tokens 10
has "too few tokens for the least" "$err" "max_tokens: the answer may have 10 tokens, and the shortest that its grammar or schema allows takes up to 5"
is "and nothing is answered" "$status $out" "2 "
call run smollm2 x --json-schema schema.json --grammar dates.gbnf
has "both" "$err" "an answer follows one of them"
is "is a mistake of the call" "$status" 2
call run smollm2 x --grammar none.gbnf
has "a file that is not there" "$err" "none.gbnf"
echo 'root ::= (' > bad.gbnf
call run smollm2 x --grammar bad.gbnf
is "a grammar with a mistake" "$status $err" "1 hearth: grammar: line 1, column 10: a group without its closing bracket"
call run smollm2 x --json-schema '{"type":'
has "a schema with a mistake" "$err" "hearth: schema: line 1"
out=$(printf 'Name a colour.\n' | "$HEARTH" chat smollm2 --json-schema '{"enum":["red","blue"]}' 2>&1)
has "chat follows a schema too" "$(printf '%s' "$out" | grep -oE '"(red|blue)"' | head -n 1)" '"'
tap_end
