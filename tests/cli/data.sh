#!/bin/sh
# `hearth data`: a scan of examples as a person calls it, its files, its mistakes.
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/../tools/model.sh"
tap_begin 35
: "${B:=$root/build}"
cd "$TAP_TMP" || exit 1
cat > d.csv <<'END'
text,label
I wrote to anna@example.org about my lost card,lost
I wrote to anna@example.org about my lost card,lost
How long does a transfer take?,transfer
How long does a transfer take?,lost
Where can I see the rate of exchange for today?,rate
Where can I see the rate of exchange for today,rate
END

call data scan d.csv
is "it ends well" "$status [$err]" "0 []"
has "kind, size and digest" "$out" "6 examples (text and label), 296 B, sha256 $(sha256sum d.csv | cut -c 1-64)"
has "labels" "$out" "labels: lost 3, rate 2, transfer 1"
has "duplicates" "$out" "duplicate: 1, the first in line 3"
has "near-duplicates" "$out" "near-duplicate: 1, the first in line 7"
has "contradictions" "$out" "contradiction: 2, the first in line 4"
has "personal data" "$out" "personal data: e-mail address 2"
lacks "which is not repeated" "$out" "anna"

call data scan d.csv --clean out.jsonl --card card.md --card card.html
is "a copy and cards" "$status [$err]" "0 []"
is "the copy" "$(cat out.jsonl)" '{"text":"I wrote to [e-mail] about my lost card","label":"lost"}
{"text":"Where can I see the rate of exchange for today?","label":"rate"}'
is "what is not in it, and why" "$(sed 's/.*"line"://; s/,"as_line.*//' out.left.jsonl | tr '\n' ' ')" \
   '3,"why":["duplicate"] 4,"why":["contradiction"] 5,"why":["contradiction"] 7,"why":["near-duplicate"] '
ok "a card in Markdown" grep -q '^| duplicate | 1 |' card.md
ok "and as a page" grep -q '<h1>Data card' card.html
"$HEARTH" data scan d.csv --json > a.json; "$HEARTH" data scan d.csv --json > b.json
ok "the same twice" cmp a.json b.json

"$B/tests/tools/make_model" m.gguf > /dev/null
call data scan d.csv --model m.gguf --json
is "tokens, with a model" "$(json 'd["tokens"]["most"] > 5 and d["model"]["context"] > 0')" True
awk 'BEGIN { print "text,label"; for (i = 0; i < 60; i++) printf "%s %d,%s\n", i % 2 ? "where is my card it was lost on day" : "how long does a transfer take of amount", i, i % 10 == 7 ? "transfer" : i % 2 ? "lost" : "transfer" }' > flip.csv
call data scan flip.csv --embedder smollm2 --json --card card.md --force
is "with an embedder" "$status [$err] $(json 'd["embedder"] != ""')" "0 [] True"
has "the card says so" "$(cat card.md)" "Labels were held against what texts mean to "
call data scan flip.csv --embedder smollm2
has "a wrong label is told by what the text means" "$out" 'line 9: it is nearer in meaning to "lost" than to its own label, "transfer"'
call data scan d.csv --embedder smollm2 --no-planted
has "which is part of looking for planted ones" "$status $err" "2 hearth: --embedder finds wrong labels among planted examples"
printf '{"prompt": "a", "completion": "b"}\n' > p.jsonl
call data scan p.jsonl --embedder smollm2
has "and wants labels" "$status $err" "2 hearth: p.jsonl: prompt and completion, should have a text and a label: an embedder"
call data scan none.csv
has "no such file" "$status $err" "1 hearth: none.csv: "
printf 'text,label\nx,y\nz\n' > bad.csv
call data scan bad.csv
has "a mistake by its line" "$status $err" "1 hearth: bad.csv: line 3: "
call data scan d.csv --keep everything
has "no such reason" "$status $err" '2 hearth: --keep: "everything" is no reason'
call data look d.csv
has "no such word" "$status $err" '2 hearth: data: "look" with 1 arguments is not known'

# ---- what a model repeats ----
python3 -c '
import json
print(json.dumps({"text": ("one two three four five, " * 12).strip(", ")}))
print(json.dumps({"text": "the purple teapot sang to anna@example.org of seven green wheels and the price of October rain in jars of wool"}))
print(json.dumps({"text": "short"}))' > l.jsonl
call data leaks smollm2 l.jsonl
is "leaks: it ends well" "$status [$err]" "0 []"
has "what goes on as it began is repeated" "$out" "2 examples looked at, 1 too short to tell; repeated word for word: 1"
lacks "personal data is masked" "$out" "anna"
call data leaks smollm2 l.jsonl --reference smollm2 --json
is "what the reference repeats too is no leak" "$(json 'd["looked_at"], d["repeated_whole"], d["examples"][0]["line"], d["examples"][0]["reference_repeated"] == d["examples"][0]["tokens"]')" "(2, 0, 1, True)"
is "the same model, the same surprise" "$(json '[e["surprise"] == e["reference_surprise"] for e in d["examples"]]')" "[True, True]"
call data leaks m.gguf l.jsonl --examples 1 --canary "the code is 4711" --json
is "a canary's rank and exposure" "$(json '1 <= d["canaries"][0]["rank"] <= 256 and abs(d["canaries"][0]["exposure"] - 8 + math.log2(d["canaries"][0]["rank"])) < 1e-6')" True
call data leaks m.gguf l.jsonl --canary "no number"
has "a canary without digits" "$status $err" '1 hearth: the canary "no number" has no digit'
call data leaks l.jsonl
has "a missing word" "$status $err" "2 hearth: data: \"leaks\" with 1 arguments"
printf 'text,label\na b c,x\n,y\nd e f,\ng h i,y\n,\n , \n' > holes.csv
call data scan holes.csv --clean whole.jsonl
has "empty cells are counted" "$out" "empty: 2, the first in line 3"
is "and left out of the copy" "$(wc -l < whole.jsonl | tr -d ' ') $(wc -l < whole.left.jsonl | tr -d ' ')" "2 2"
printf 'question,subject\nwhere is it,place\nwho is it,person\n' > odd.csv
call data scan odd.csv
has "columns that are not read are told" "$out" "columns besides the text that are not read: subject; --columns text=question,label=subject makes one"
tap_end
