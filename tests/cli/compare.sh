#!/bin/sh
# `hearth compare`, `hearth choose`, and suites of `hearth eval` with --before.
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/../tools/model.sh"
tap_begin 31
cd "$TAP_TMP" || exit 1
cp "$root"/tests/clients/lm_eval_tasks/choice.* .
make="${B:-$root/build}/tests/tools/make_model"
"$make" one.gguf type=Q4_0 width=64 context=256
"$make" two.gguf type=Q4_0 width=64 context=256 seed=9 layers=3
one=$TAP_TMP/one.gguf two=$TAP_TMP/two.gguf

call compare "$one" "$two" choice.yaml -o page.html --blind blind.html --ballot votes.csv
is "compare ends well" "$status" 0
has "a table" "$out" "SAME ANSWER"
has "the page names both" "$(cat page.html)" "two.gguf"
lacks "the blind one neither" "$(cat blind.html)" "two.gguf"
call compare "$one" "$two" choice.yaml --json; first=$out
is "--json" "$(json '(d["a"]["name"][-8:], d["tasks"][0]["items"], d["tasks"][0]["metric"], 0 <= d["tasks"][0]["p"] <= 1)')" "('one.gguf', 6, 'acc', True)"
call compare "$one" "$two" choice.yaml --json --threads 1
is "the same numbers with one thread" "$out" "$first"
call compare "$one" "$one" choice.yaml --json
is "a model and itself" "$(json '(d["tasks"][0]["difference"], d["tasks"][0]["agreement"], d["tasks"][0]["p"], d["tasks"][0]["differ"])')" "(0.0, 1.0, 1.0, [])"
sed 's/^\([0-9]*,[0-9]*,\),/\1left,/' votes.csv > filled.csv
call compare --votes filled.csv --json
is "votes are counted" "$(json '(d["votes"] == d["votes_a"] + d["votes_b"] > 0, d["a"][-8:])')" "(True, 'one.gguf')"
call compare --votes filled.csv
has "and told" "$out" "votes, "
call compare --votes choice.jsonl
is "a file that is no ballot" "$status" 1
call compare "$one" choice.yaml
is "one model is not enough" "$status" 2

python3 -c 'for i in range(40): print("{\"text\": \"message number %d\", \"label\": \"%s\"}" % (i, "ab"[i % 2]))' > many.jsonl
call choose many.jsonl --only --models "$one" --models "$two" --json
is "choose: the smallest that is good enough" "$(json '(d["metric"], d["recommended"][-8:], [m["bytes"] > 0 and m["low"] <= m["score"] <= m["high"] and m["memory"] > 0 and m["words_per_second"] > 0 and m["joules_per_item"] > 0 for m in d["models"]])')" \
   "('acc', 'one.gguf', [True, True])"
is "and it ends well" "$status" 0
call choose many.jsonl --only --models "$one" --models "$two" --at-least 0.999
is "none is good enough: that is said, and 1" "$status $(echo "$out" | tail -1 | cut -c1-51)" "1 None is good enough: acc of at least 0.9990 is want"
call choose many.jsonl --only --models "$one" --models gone.gguf
has "one that cannot be tried is told of" "$status $out" "not tried: "
head -20 many.jsonl > few.jsonl
call choose few.jsonl
is "fewer than 30 examples" "$status" 2
has "which is said" "$err" "few.jsonl has 20 examples; at least 30 are needed"
call choose choice.yaml
is "a task with too few items" "$status" 2

cat > suite.yaml <<'END'
suite: counting
checks:
  - prompt: "Repeat: one two three"
    must: [{regex: "(?s)."}]
    must_not: xyzzy
  - name: always
    prompt: "Say anything."
    must_not: [xyzzy, {regex: "plugh"}]
    rubric: The answer says something.
END
call eval smollm2 suite.yaml
is "a rubric without a judge" "$status $err" "2 hearth: a suite has rubrics, which a judge must answer: --judge MODEL"
call eval smollm2 suite.yaml --judge smollm2 --limit 2 --json
printf '%s' "$out" > then.json
is "a suite" "$(json '(d["tasks"][0]["task"], d["tasks"][0]["output_type"], d["tasks"][0]["scores"][0]["metric"], d["tasks"][0]["samples"][0]["scores"])')" \
   "('counting', 'checks', 'passed', {'passed': 1.0})"
is "what was judged is marked" "$(json '[c.get("judged") for c in d["tasks"][0]["samples"][1]["checks"]]')" "[None, None, 'smollm2']"
call eval smollm2 suite.yaml --judge smollm2 --before then.json
is "nothing changed: 0" "$status" 0
has "and that is said" "$out" "counting since then: 0 better, 0 worse"
sed 's/must_not: xyzzy/must: xyzzy/; s/must: \[{regex.*//' suite.yaml > later.yaml
call eval smollm2 later.yaml --judge smollm2 --before then.json -o changes.html
is "what passed fails now: 1" "$status" 1
has "the regression is listed" "$out" "worse: Repeat: one two three (0, before 1)"
has "and named so" "$out" "1 worse; A REGRESSION"
printf '{"prompt": "p", "must": "x"}\n{"prompt": "q"}\n' > bad.jsonl
call eval "$one" bad.jsonl
has "a prompt without a check" "$status $err" "1 hearth: bad.jsonl: q: nothing is checked"
printf '{"prompt": "p", "must": {"regex": "("}}\n' > bad.jsonl
call eval "$one" bad.jsonl
has "a broken pattern" "$status $err" "bad.jsonl: the regular expression \"(\" has a mistake"
printf '{"prompt": "p", "must": "x", "shall": "y"}\n' > bad.jsonl
call eval "$one" bad.jsonl
has "an unknown key" "$status $err" "bad.jsonl: p: shall is not known"
call eval "$one" choice.yaml --before choice.jsonl
is "no result before" "$status" 1
call eval "$one" choice.yaml --before page.html
is "nor a page" "$status" 1
tap_end
