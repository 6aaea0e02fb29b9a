#!/bin/sh
# `hearth eval`: task files and a person's own data, on the real model; the entry in the ledger; the model's card.
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/../tools/model.sh"
tap_begin 40
cd "$TAP_TMP" || exit 1
cp "$root"/tests/clients/lm_eval_tasks/*.jsonl "$root"/tests/clients/lm_eval_tasks/*.yaml .
tiny=$TAP_TMP/tiny.gguf
"${B:-$root/build}/tests/tools/make_model" "$tiny" type=Q4_0 width=64 context=256 2> /dev/null

call eval smollm2 choice.yaml words.yaml --html page.html
is "it ends well" "$status" 0
has "accuracy" "$(echo "$out" | tr -s ' ')" "hearth_choice 6 acc 0.6667 0.2108 0.3000 .. 0.9032"
has "exact match, of what the filter leaves" "$(echo "$out" | tr -s ' ')" "hearth_words 6 exact_match,word 0.8333"
has "the page has the scores" "$(cat page.html)" "exact_match,word"
has "and the items" "$(cat page.html)" "What do bees make?"
lacks "and no script" "$(cat page.html)" "<script"

call ledger show 0 --json
is "the ledger has an entry with digests and scores" \
    "$(json '[(e["kind"], e["model"]["name"], len(e["model"]["sha256"]), [(t["name"], len(t["sha256"]), [round(float.fromhex(s["value"]), 4) for s in t["scores"]]) for t in e["tasks"]]) for e in [d.get("entry", d.get("receipt", d))]]')" \
    "[('eval', 'smollm2', 64, [('hearth_choice', 64, [0.6667, 0.5]), ('hearth_words', 64, [0.8333])])]"
lacks "and no words of an item" "$out" "bees"
call card smollm2
has "the card shows them" "$out" "| hearth_choice: acc | 0.6667 | 0.2108 | multiple_choice, 6 items, quant arithmetic | receipt 0 |"

call audit --from 2020-01-01 --to 2099-01-01 --html -o audit.html
is "the audit" "$status" 0
lacks "knows of them" "$(cat audit.html)" "No evaluation of a model"

call eval smollm2 choice.yaml --json --no-receipt; first=$out
is "--json: every item with its log-likelihoods" \
    "$(json '[(len(s["logprobs"]), s["answer"] == max(range(4), key=lambda k: s["logprobs"][k]), s["scores"]["acc"]) for s in d["tasks"][0]["samples"]][0]')" "(4, True, 1.0)"
is "--no-receipt" "$(json '"receipt" in d')" False
call eval smollm2 choice.yaml --json --no-receipt --threads 1
is "another number of threads gives the same numbers" \
    "$(json 'd["tasks"][0]["samples"]')" "$(out=$first; json 'd["tasks"][0]["samples"]')"
call eval smollm2 choice.yaml --limit 2 --json --no-receipt
is "--limit" "$(json '(d["tasks"][0]["items"], d["tasks"][0]["of"], len(d["tasks"][0]["samples"]))')" "(2, 6, 2)"

printf 'text,label\nred,colour\nsix,number\nblue,colour\nten,number\n' > label.csv
call eval "$tiny" label.csv --json
is "text and label" "$(json '(d["tasks"][0]["output_type"], [s["metric"] for s in d["tasks"][0]["scores"]], d["tasks"][0]["samples"][0]["choices"])')" \
   "('multiple_choice', ['acc', 'macro_f1', 'ece'], ['colour', 'number'])"
call eval smollm2 label.csv --json --no-receipt; chat=$(json 'd["tasks"][0]["chat"]')
call eval smollm2 label.csv --raw --json --no-receipt
is "labels: through the template where there is one, --raw not" "$chat $(json 'd["tasks"][0]["chat"]')" "True False"
printf 'message,team\nred,colour\nsix,number\n' > other.csv
call eval "$tiny" other.csv --columns text=message,label=team
is "--columns" "$status" 0
printf '{"prompt": "p", "completion": "c"}\n' > pair.jsonl
call eval "$tiny" pair.jsonl --json
is "prompt and completion" "$(json '[s["metric"] for s in d["tasks"][0]["scores"]]')" "['exact_match', 'f1', 'rougeL', 'chrf']"
printf 'Some text of a person.\n' > book.txt
call eval "$tiny" book.txt --json
is "plain text" "$(json '(d["tasks"][0]["scores"][0]["metric"], 1 < d["tasks"][0]["scores"][0]["value"] < 30)')" "('bits_per_byte', True)"
printf '{"messages": [{"role": "user", "content": "What is the capital of France?"}, {"role": "assistant", "content": "Paris"}]}\n' > chat.jsonl
call eval smollm2 chat.jsonl --json
is "conversations, by the model's template" "$(json '(d["tasks"][0]["chat"], len(d["tasks"][0]["samples"][0]["answer"]) > 3)')" "(True, True)"
call eval "$tiny" chat.jsonl
is "and none without one" "$status" 1
has "which is said" "$err" "chat.jsonl: conversations need a chat template, and this model has none"
call eval smollm2 choice.yaml --chat --json --no-receipt
is "--chat" "$(json 'd["tasks"][0]["chat"]')" True

call eval smollm2 shots.yaml --fewshot 1 --json --no-receipt
is "--fewshot" "$(json '(d["tasks"][0]["num_fewshot"], d["tasks"][0]["samples"][0]["prompt"].count("Q:"))')" "(1, 2)"
call eval "$tiny" rolling.yaml --ctx 64 --json
is "a text longer than the context, in windows" "$(json 'len(d["tasks"][0]["samples"]) == 6 and d["tasks"][0]["scores"][2]["value"] > 1')" True
call eval "$tiny" shots.yaml --ctx 16
has "what did not fit is counted" "$err" "items did not fit the context and were cut"

refused() { # NAME WORDS ARG...
    name=$1 words=$2; shift 2
    call eval "$@"
    has "$name" "$status $err" "$words"
}
refused "no such task" "1 hearth: none.yaml: " smollm2 none.yaml
refused "no such model" "no model is called" none choice.yaml
printf 'task: x\n' > x.yaml; refused "a task without data" "x.yaml: dataset_path is missing" smollm2 x.yaml
sed 's/^doc_to_target.*/doc_to_target: !function x.y/' choice.yaml > f.yaml; refused "a function" "f.yaml: line 10: a tag (!function)" smollm2 f.yaml
sed 's/question/queston/' choice.yaml > q.yaml; refused "a column that is not there" "q.yaml: doc_to_text: line 1: 'queston' is undefined" smollm2 q.yaml
printf 'text,label\nred,colour\nsix\n' > bad.csv; refused "a broken line" "bad.csv: line 3: 1 fields, the heading has 2" smollm2 bad.csv
printf 'text,label\nred,colour\nsix,colour\n' > one.csv; refused "one label only" "1 hearth: one.csv: " smollm2 one.csv
: > empty.jsonl; refused "an empty file" "empty.jsonl: no example in it" smollm2 empty.jsonl
refused "few-shot of data" "few-shot examples are of task files" smollm2 label.csv --fewshot 2
refused "both ways" "2 hearth: --chat and --raw say the opposite" smollm2 label.csv --chat --raw
refused "nothing to do" "2 hearth: " smollm2
refused "an unknown option" "2 hearth: " smollm2 label.csv --limits 3
refused "a context too small" "ctx" smollm2 label.csv --ctx 3
tap_end
