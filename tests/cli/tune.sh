#!/bin/sh
# hearth tune, merge, classify: the same bytes however it is computed and interrupted, what is written, what is refused.
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/../tools/maker.sh"
tap_begin 119
cd "$TAP_TMP" || exit 1
make_model m.gguf seed=3 layers=2 width=64 heads=4 kv_heads=2 ffn=96 vocab=400
awk 'BEGIN { for (i = 0; i < 48; i++) printf "{\"prompt\": \"what is %d\", \"completion\": \" it is %d\"}\n", i, i % 7 }' > pairs.jsonl
awk 'BEGIN { print "text,category"; for (i = 0; i < 60; i++) printf "the thing %d is here,%s\n", i, i % 3 == 0 ? "red" : i % 3 == 1 ? "green" : "blue" }' > few.csv
awk 'BEGIN { print "text,category"; for (i = 0; i < 88; i++) printf "word%d and word%d,label %d\n", i % 22, i % 22, i % 22 }' > many.csv
tune() { "$HEARTH" tune ./m.gguf "$@" < /dev/null; }

tune pairs.jsonl -o one --rank 4 --epochs 3 --batch 4 --threads 1 --dropout 0.1 --json > one.json 2> err
is "a tuning" "$?" 0
ok "and its words" python3 - <<'P'
import json
r = json.load(open("one.json"))
assert r["steps"] == 33 and r["held_loss"] > 0 and r["last_loss"] < r["first_loss"] and r["entry"] == 0 and r["joules"] > 0 and r["joules_modelled"] in (True, False), r
P
ok "two threads" tune pairs.jsonl -o two --rank 4 --epochs 3 --batch 4 --threads 2 --dropout 0.1
ok "give the same bytes" cmp one/adapter_model.safetensors two/adapter_model.safetensors
least=$(tune pairs.jsonl --dry --rank 4 --batch 4 --memory 1M 2>&1)
has "too little memory" "$least" "it takes"
ok "less memory" tune pairs.jsonl -o less --rank 4 --epochs 3 --batch 4 --threads 4 --dropout 0.1 --memory 3M
ok "gives the same bytes" cmp one/adapter_model.safetensors less/adapter_model.safetensors
"$HEARTH" tune ./m.gguf pairs.jsonl -o cut --rank 4 --epochs 3 --batch 4 --dropout 0.1 --save-every 3 < /dev/null > /dev/null 2>&1 & pid=$!
i=0; while [ ! -e cut.state ] && kill -0 $pid 2> /dev/null && [ $i -lt 400 ]; do sleep 0.01; i=$((i + 1)); done
kill -9 $pid 2> /dev/null; wait $pid 2> /dev/null
if [ -e cut ]; then rm -r cut; fi
ok "one that was killed" test -e cut.state
has "is not begun anew unasked" "$(tune pairs.jsonl -o cut --rank 4 --epochs 3 --batch 4 --dropout 0.1 2>&1)" "--resume goes on"
has "nor gone on with by other options" "$(tune pairs.jsonl -o cut --rank 5 --epochs 3 --batch 4 --dropout 0.1 --resume 2>&1)" "with --rank 4, and this is --rank 5"
ok "is gone on with" tune pairs.jsonl -o cut --rank 4 --epochs 3 --batch 4 --dropout 0.1 --save-every 3 --resume
ok "to the same bytes" cmp one/adapter_model.safetensors cut/adapter_model.safetensors
not_ok "and its state is gone" test -e cut.state
has "the page" "$(cat one/report.html)" "Tuning"
has "the picture" "$(cat one/loss.svg)" "<polyline"
has "the ledger" "$("$HEARTH" ledger show 0 2>&1)" "tuning"
has "run with it" "$("$HEARTH" run ./m.gguf --adapter one "what is 3" --max-tokens 4 --json 2>&1)" '"finish_reason"'
has "its receipt names it" "$("$HEARTH" ledger show 4 --json 2>&1)" '"one"'
has "which a replay asks for" "$("$HEARTH" replay 4 2>&1)" "--adapter says where it is"
ok "and replays" "$HEARTH" replay 4 --adapter one
has "another is refused" "$(tune pairs.jsonl -o other --rank 4 --steps 2 > /dev/null 2>&1; "$HEARTH" replay 4 --adapter other 2>&1)" "its SHA-256 is"
ok "merge" "$HEARTH" merge ./m.gguf one -o merged.gguf
is "says the same" "$("$HEARTH" run ./merged.gguf --temp 0 "what is 3" --max-tokens 6 --private 2> /dev/null)" \
    "$("$HEARTH" run ./m.gguf --adapter one --temp 0 "what is 3" --max-tokens 6 --private 2> /dev/null)"
ok "all weights" tune pairs.jsonl -o full.gguf --method full --steps 3 --batch 4
has "are a model" "$("$HEARTH" show ./full.gguf 2>&1)" "llama"
ok "few labels are words" tune few.csv -o few --rank 4 --steps 40 --batch 4 --rate 0.01 --held 0
"$HEARTH" merge ./m.gguf few -o few.gguf > out 2>&1
printf 'the thing 3 is here\nthe thing 4 is here\nthe thing 5 is here\n' > three.txt
is "and are in a merged file" "$("$HEARTH" classify ./few.gguf three.txt --private 2>&1 | cut -f1)" "$("$HEARTH" classify ./m.gguf --adapter few three.txt --private 2>&1 | cut -f1)"
has "which says so" "$("$HEARTH" show ./few.gguf; "$HEARTH" card ./few.gguf)" "labels         3: \`hearth classify\` names them"
has "and by name on its card" "$("$HEARTH" card ./few.gguf)" "| Labels that it names | 3: blue, green, red |"
has "onto which its adapter is not laid again" "$("$HEARTH" classify ./few.gguf --adapter few three.txt 2>&1)" "few: this adapter was merged into ./few.gguf, which has it already; leave it out"
"$HEARTH" merge ./m.gguf one -o first.gguf > out 2>&1; "$HEARTH" merge ./first.gguf few -o second.gguf > out 2>&1
has "nor the first of two" "$("$HEARTH" run ./second.gguf --adapter one hello 2>&1)" "one: this adapter was merged into"
has "such a model answers too" "$("$HEARTH" run ./few.gguf --raw --private --max-tokens 2 --temp 0 hello > out 2> err; echo $?)" 0
has "that are told apart" "$(echo 'the thing 3 is here' | "$HEARTH" classify ./m.gguf --adapter few 2>&1)" "0."
ok "with many labels two epochs unless it is told otherwise" python3 -c 'import json, sys
said = json.loads(sys.argv[1]); assert said["head"] and said["steps"] == 2 * -(-said["examples"] // 8), said' "$(tune many.csv --dry --json --rank 4 --held 0)"
ok "many labels make a head" tune many.csv -o many --rank 4 --epochs 12 --batch 8 --rate 0.01 --held 0
printf 'the thing 3 is here\nan odd word\n' | "$HEARTH" classify ./m.gguf --adapter many > labels 2> err
n=4; while "$HEARTH" ledger show $((n + 1)) > /dev/null 2>&1; do n=$((n + 1)); done
entry=$("$HEARTH" ledger show "$n" --json 2>&1)
ok "labels leave a receipt" python3 -c 'import json, sys
e = json.loads(sys.argv[1]); e = e.get("entry", e.get("receipt", e))
assert e["kind"] == "classification" and e["texts"] == 2 and e["adapters"][0]["name"] == "many" and len(e["commitments"]["prompt"]) == 64 and e["footprint"], e' "$entry"
lacks "without a word of them" "$entry" "odd word"
has "which are kept apart" "$(cat "$HEARTH_HOME"/transcripts/*/*.json 2>&1)" "an odd word"
rm -r "$HEARTH_HOME/transcripts"
echo 'a private word' | "$HEARTH" classify ./m.gguf --adapter many --private > labels 2> err
has "--private keeps none" "$(cat err; ls "$HEARTH_HOME/transcripts" 2>&1)" "No such file"
out=$("$HEARTH" classify ./m.gguf --adapter many --check many.csv --json)
ok "that names them" python3 -c 'import json, sys; assert json.loads(sys.argv[1])["accuracy"] > 0.8, sys.argv' "$out"
"$HEARTH" eval ./m.gguf many.csv --adapter many --json > eval.json 2> err
is "eval asks the head" "$?" 0
ok "which says the same, with its interval and macro F1" python3 -c 'import json, sys
task, said = json.load(open("eval.json"))["tasks"][0], json.loads(sys.argv[1]); acc, f1 = task["scores"][:2]
assert abs(acc["value"] - said["accuracy"]) < 1e-9 and acc["low"] < acc["value"] <= acc["high"] and f1["metric"] == "macro_f1" and f1["value"] > 0.7, task["scores"]' "$out"
has "and nothing else" "$("$HEARTH" eval ./m.gguf pairs.jsonl --adapter many 2>&1)" "pairs is generate_until; the adapter names classes"
sed 's/^text,/text,/; 2s/,.*/,elsewhere/' many.csv > unknown.csv
has "a label it does not know" "$("$HEARTH" eval ./m.gguf unknown.csv --adapter many 2>&1)" '"elsewhere" is none of the'
out=$("$HEARTH" choose many.csv --only --models ./m.gguf --adapter ./m.gguf=many --json 2> err)
is "choose tries a model with it" "$?" 0
ok "and finds it better" python3 -c 'import json, sys
said = json.loads(sys.argv[1]); of = {m["model"]: m for m in said["models"]}
assert said["recommended"] == "./m.gguf + many" and of["./m.gguf + many"]["bytes"] > of["./m.gguf"]["bytes"] and of["./m.gguf"]["score"] < 0.5, said' "$out"
has "an adapter of no model" "$("$HEARTH" choose many.csv --adapter many 2>&1)" 'should be MODEL=FOLDER'
out=$(echo "wait steps in" | python3 "$root/tests/tools/terminal.py" "$HEARTH" tune ./m.gguf many.csv -o shown --rank 4 --steps 40 --batch 8 --held 0 --no-ledger 2>&1)
has "its progress: the examples are read first" "$out" "reading the examples, "
ok "then steps with their joules, and what they are" python3 -c 'import re, sys
assert re.search(r"step \d+ of 40, mean loss [\d.]+, \d+ tokens/s, [\d.]+ .?(J|Wh)( \(modelled\))?, .* left", sys.argv[1]), sys.argv[1][-400:]' "$out"
has "it does not answer in words" "$("$HEARTH" run ./m.gguf --adapter many hello 2>&1)" "names classes"
printf 'text,label\na,x\nb,x\n' > same.csv
has "one class" "$(tune same.csv -o same 2>&1)" 'all 2 examples have the label "x"'
has "examples too long" "$(tune pairs.jsonl -o long --ctx 8 2>&1)" "have more than 8 tokens"
awk 'BEGIN { for (i = 0; i < 12; i++) printf "{\"prompt\": \"what is %d\", \"completion\": \" it is %s\"}\n", i, i % 4 ? "so" : "one and two and three and four and five and six and seven and eight and nine and ten" }' > long.jsonl
out=$(printf 'wait Leave them out?\ntype n\n' | python3 "$root/tests/tools/terminal.py" "$HEARTH" tune ./m.gguf long.jsonl -o asked --ctx 48 --steps 2 --no-ledger 2>&1)
has "are counted and asked about" "$out" "3 of 12 examples have more than 48 tokens"
is "No leaves everything as it is" "$(printf '%s' "$out" | tail -1 | tr -d '\r') $(ls -d asked* 2>&1 | grep -c '^asked')" "exit 1 0"
out=$(printf 'wait Leave them out?\ntype y\n' | python3 "$root/tests/tools/terminal.py" "$HEARTH" tune ./m.gguf long.jsonl -o asked --ctx 48 --steps 2 --no-ledger 2>&1)
has "Yes leaves them out" "$out" "3 are longer than the context"
printf 'text,label\na,x\nb,x\na,x\na,y\nc,y\nd,x\ne,y\nf,x\n' > twice.csv
ok "doubles and contradictions are counted" python3 -c 'import json, sys
said = json.loads(sys.argv[1]); assert (said["duplicates"], said["contradictions"], said["longer"]) == (1, 1, 0), said' "$(tune twice.csv --dry --json)"
out=$(python3 "$root/tests/tools/terminal.py" "$HEARTH" tune ./m.gguf twice.csv --dry < /dev/null 2>&1)
has "and told" "$out" "1 are there twice, word for word (example 3 is example 1)"
has "with which they are" "$out" "1 contradict another: the same text with another label (examples 1 and 4)"
: > empty.jsonl; awk 'BEGIN { for (i = 1; i <= 6000; i++) print i == 5000 ? "{\"text\": 1" : "{\"text\": \"a\"}" }' > five.jsonl; printf 'text,label\nx,y\n\351t\351,z\n' > mixed.csv
is "an empty file, a broken line 5,000, two encodings: each by its place" "$(for f in empty.jsonl five.jsonl mixed.csv; do tune $f -o bad 2>&1 | sed 's/:  *column.*//' | cut -c 1-60; done)" "hearth: empty.jsonl: no example in it; the file is empty
hearth: five.jsonl: line 5000
hearth: mixed.csv: line 3: byte 0xe9 is not UTF-8; save it a"
printf 'question,subject\nwhere is it,place\nwho is it,person\nwhere was it,place\n' > odd.csv
has "a column that is not read is named, with what would make it the label" "$(tune odd.csv --dry 2>&1)" "only the text is learnt; subject: not read; --columns text=question,label=subject makes a column the label"
lacks "and is read then" "$(tune odd.csv --dry --columns text=question,label=subject 2>&1)" "not read"
printf 'text,label\na,Red\nb,red \nc,blue\n' > alike.csv
has "a text longer than the context" "$(awk 'BEGIN { for (i = 0; i < 4000; i++) printf "thing %d ", i }' | "$HEARTH" classify ./m.gguf --adapter many --private 2>&1)" "1 of the texts were longer than the context"
has "labels that look the same" "$(tune alike.csv --dry 2>&1)" 'the labels "Red" and "red " differ by blanks or the size of letters only, and are two'
has "no labels were learnt" "$("$HEARTH" classify ./m.gguf --adapter one three.txt 2>&1)" "so it knows none; \`hearth tune --columns text=NAME,label=NAME\`"
is "empty lines stay empty" "$(printf 'the thing 3 is here\n\nthe thing 4 is here\n' | "$HEARTH" classify ./m.gguf --adapter few --private 2> err | awk '{ print (NF > 0) }' | tr '\n' ' ')" "1 0 1 "
is "in JSON too" "$(printf '\n' | "$HEARTH" classify ./m.gguf --adapter few --private --json 2> err | tr -d ' \n')" '{"text":"","label":null,"probability":null}'
has "a sentence is no file" "$("$HEARTH" classify ./m.gguf --adapter few "the thing 3" 2>&1)" 'echo "the thing 3" | hearth classify ./m.gguf'
sed 's/"r": *[0-9]*/"r": 99/' one/adapter_config.json > c.json; cp -r one wrong-r; cp c.json wrong-r/adapter_config.json
has "a rank that is not the tensors'" "$("$HEARTH" run ./m.gguf --adapter wrong-r hello 2>&1)" "has rank 4, adapter_config.json says 99"
has "a plain dry run is sentences" "$(tune pairs.jsonl --dry 2> /dev/null)" "48 examples (prompt and completion), 43 learnt from, 5 held out"
has "there must be something to go on from" "$(tune pairs.jsonl -o nost --steps 2 --resume 2>&1)" "nost.state is not there, so there is nothing to go on from"
has "a type that is none is told at once" "$(tune pairs.jsonl -o k.gguf --method full --type nope --steps 2 2>&1)" "nope"
has "and a folder that cannot be written" "$(tune pairs.jsonl -o k.gguf --method full --safetensors st --steps 100000 2>&1)" "known as a folder: gpt2"
not_ok "before anything was learnt" ls k.gguf k.gguf.state st
echo mine > own.state
has "a state that is none" "$(tune pairs.jsonl -o own --steps 2 2>&1)" "own.state: no state of a tuning, and this name is needed for one; move it away"
is "stays" "$(cat own.state)" mine
awk 'BEGIN { print "text,kind,other"; for (i = 0; i < 88; i++) printf "word%d and word%d,label %d,label %d\n", i % 22, i % 22, i % 22, (i * 7 + 3) % 22 }' > two.csv
tune two.csv --columns text=text,label=kind -o cols --epochs 40 --patience 0 --save-every 5 > /dev/null 2>&1 & pid=$!
i=0; while [ ! -e cols.state ] && kill -0 $pid 2> /dev/null && [ $i -lt 800 ]; do sleep 0.01; i=$((i + 1)); done
pkill -9 -P $pid; kill -9 $pid 2> /dev/null; wait $pid 2> /dev/null; rm -rf cols
has "another label's column is not gone on with" "$(tune two.csv --columns text=text,label=other -o cols --epochs 40 --patience 0 --save-every 5 --resume 2>&1)" \
    "with --columns text=text,label=kind, and this is --columns text=text,label=other"
ok "labels go into a GGUF adapter" tune few.csv -o few-adapter.gguf --rank 4 --steps 40 --batch 4 --rate 0.01 --held 0
is "and name as the folder does" "$("$HEARTH" classify ./m.gguf --adapter few-adapter.gguf three.txt --private 2>&1)" "$("$HEARTH" classify ./m.gguf --adapter few three.txt --private 2>&1)"
ok "a head too" tune many.csv -o many-adapter.gguf --rank 4 --epochs 12 --batch 8 --rate 0.01 --held 0
is "with the same probabilities" "$("$HEARTH" classify ./m.gguf --adapter many-adapter.gguf three.txt --private 2>&1)" "$("$HEARTH" classify ./m.gguf --adapter many three.txt --private 2>&1)"
tail -n +2 few.csv | cut -d, -f1 > few.txt
is "a table's texts are labelled, not its lines" "$("$HEARTH" classify ./m.gguf --adapter few few.csv --private 2>&1)" "$("$HEARTH" classify ./m.gguf --adapter few few.txt --private 2>&1)"
printf 'text\nthe thing 1 is here\n\nthe thing 2 is here\n""\nthe thing 3 is here\n' > holes.csv
is "a line for each of its rows" "$("$HEARTH" classify ./m.gguf --adapter few holes.csv --private 2> err | awk '{ print (NF > 0) }' | tr '\n' ' ')" "1 0 1 0 1 "
sed 's/red/wait/' few.csv > unlearnt.csv
has "eval with a label that was not taught" "$("$HEARTH" eval ./m.gguf unlearnt.csv --adapter few 2>&1)" 'the label "wait" is none of the 3 that were taught'
sort -t, -k2 few.csv | sed '/^text,/d; 1i text,category' > sorted.csv
has "a sorted file's beginning says little" "$("$HEARTH" eval ./m.gguf sorted.csv --limit 5 2>&1)" 'the first 5 examples all have the label "blue"'
has "the page names the adapter" "$("$HEARTH" eval ./m.gguf few.csv --adapter few -n 3 -o few.html > /dev/null 2>&1; cat few.html)" "./m.gguf + few"
has "and so does a comparison" "$("$HEARTH" compare ./m.gguf ./m.gguf few.csv --adapter-b few -n 5 2>&1)" "./m.gguf + few"
right() { printf '%s' "$1" | python3 -c 'import json, sys; d = json.load(sys.stdin); print("%.6f" % (d["accuracy"] if "accuracy" in d else d["tasks"][0]["scores"][0]["value"]))'; }
is "without a template eval asks as it was taught" "$(right "$("$HEARTH" eval ./m.gguf few.csv --adapter few --json 2> err)")" "$(right "$("$HEARTH" classify ./m.gguf --adapter few --check few.csv --json 2> err)")"
awk 'BEGIN { print "text,label"; for (i = 0; i < 60; i++) printf "%s thing %d,%s\n", i % 2 ? "rose" : "leaf", i, i % 2 ? "no" : "no opinion" }' > begins.csv
tune begins.csv -o begins --rank 4 --epochs 6 --batch 4 --rate 0.01 --held 0 > out 2>&1
is "also where one label begins another" "$(right "$("$HEARTH" eval ./m.gguf begins.csv --adapter begins --json 2> err)")" "$(right "$("$HEARTH" classify ./m.gguf --adapter begins --check begins.csv --json 2> err)")"
printf 'text,label\na,yes\nb,no\nc,yes\n' > others.csv
ok "other labels are choices as any" "$HEARTH" eval ./few.gguf others.csv
has "long texts lose what their label needs" "$(awk 'BEGIN { print "thing 1"; printf "thing "; for (i = 0; i < 4000; i++) printf "%d ", i; print ""; print "thing 2" }' | "$HEARTH" classify ./m.gguf --adapter few --private 2>&1 | wc -l | tr -d ' ')" 4
make_model plain.gguf seed=3 layers=2 width=64 heads=4 kv_heads=2 ffn=96 vocab=400 'chat_template={% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}'
said=$("$HEARTH" tune ./plain.gguf few.csv -o plainly --plain --rank 4 --epochs 8 --batch 4 --rate 0.01 --json 2> err)
is "--plain is asked plainly" "$(right "$("$HEARTH" eval ./plain.gguf few.csv --adapter plainly --raw --json 2> err)")" "$(right "$("$HEARTH" classify ./plain.gguf --adapter plainly --plain --check few.csv --json 2> err)")"
is "also of a merged model" "$(right "$("$HEARTH" eval ./few.gguf few.csv --json 2> err)")" "$(right "$("$HEARTH" classify ./few.gguf --check few.csv --json 2> err)")"
has "which knows its labels" "$("$HEARTH" eval ./few.gguf unlearnt.csv 2>&1)" 'the label "wait" is none of the 3 that were taught'
is "a JSON object a line" "$("$HEARTH" classify ./m.gguf --adapter few three.txt --private --json 2> err | wc -l | tr -d ' ')" 3
has "a byte that is not UTF-8 is told before any label" "$(printf 'Gr\303\274\303\237e\nM\374ller\n' | "$HEARTH" classify ./m.gguf --adapter few 2>&1)" "hearth: standard input: line 2: byte 0xfc is not UTF-8"
has "an adapter is no model" "$("$HEARTH" show ./few-adapter.gguf 2>&1)" "an adapter, which goes on a model: --adapter "
"$HEARTH" classify ./m.gguf --adapter few three.txt > out 2> err
n=0; while "$HEARTH" ledger show $((n + 1)) > /dev/null 2>&1; do n=$((n + 1)); done
has "labels that are kept can be read" "$("$HEARTH" transcripts show $n 2>&1)" "the thing 4 is here"
has "and the ledger says what made them" "$("$HEARTH" ledger show $n 2>&1)" "m.gguf"
awk 'BEGIN { print "text,label"; for (i = 0; i < 40; i++) { for (k = 0; k < 60; k++) printf "word%d ", k; print "," (i % 2 ? "a" : "b") } }' > wordy.csv
has "cut before all that is to be learnt" "$(tune wordy.csv -o wordy --ctx 64 --long cut --steps 2 2>&1)" "all 40 examples are cut before what is to be learnt of them"
printf 'id,Text,text,label\n1,a,b,x\n2,c,d,y\n' > cases.csv
has "a name in its own letters wins" "$("$HEARTH" data scan cases.csv --columns text=Text,label=label 2>&1)" "2 examples (text and label)"
"$HEARTH" merge ./m.gguf many -o headed.gguf > out 2>&1
has "nor merged into it" "$("$HEARTH" merge ./headed.gguf one -o worse.gguf 2>&1)" "names classes by a head, which one would ruin"
has "words are not taught to a model that names classes" "$("$HEARTH" tune ./headed.gguf pairs.jsonl -o W --steps 2 2>&1)" "names classes by a head that was merged into it"
b=$(printf 'caf\351'); cp pairs.jsonl "$b.jsonl"
ok "a name that is not UTF-8" tune "$b.jsonl" -o "$b" --rank 4 --steps 2 --held 0
has "is in the ledger all the same" "$(n=0; while "$HEARTH" ledger show $((n + 1)) > /dev/null 2>&1; do n=$((n + 1)); done; "$HEARTH" ledger show $n --json)" 'caf'
cp m.gguf v.gguf; want=$(sha256sum < m.gguf | cut -c1-64); make_model other-base.gguf seed=9 layers=2 width=64 heads=4 kv_heads=2 ffn=96 vocab=400
"$HEARTH" tune ./v.gguf pairs.jsonl -o moved --rank 4 --epochs 60 --held 0 --batch 4 > /dev/null 2>&1 & pid=$!
i=0; while [ ! -e moved.lock ] && [ $i -lt 400 ]; do sleep 0.01; i=$((i + 1)); done; sleep 0.2; mv other-base.gguf v.gguf; wait $pid
has "the ledger names the base that was learnt from" "$(n=0; while "$HEARTH" ledger show $((n + 1)) > /dev/null 2>&1; do n=$((n + 1)); done; "$HEARTH" ledger show $n --json)" "$want"
mkdir full-home; echo "no folder" > full-home/ledger
said=$(HEARTH_HOME=$PWD/full-home "$HEARTH" tune ./m.gguf pairs.jsonl -o lf --rank 4 --steps 4 --save-every 2 2>&1); code=$?
has "a result stands without its entry" "$code $said" "0 hearth: no entry in the ledger: "
not_ok "and leaves no state" test -e lf.state
printf '{"instruction": "say", "input": 7, "output": "x"}\n' > input.jsonl
has "an input that is no text" "$(tune input.jsonl -o bad --steps 1 2>&1)" '"input" is a number, should be a text'
cp -r one biased; sed 's/"bias": *"none"/"bias": "all"/' one/adapter_config.json > biased/adapter_config.json
has "an adapter with biases" "$("$HEARTH" run ./m.gguf --adapter biased hello 2>&1)" "bias is all, allowed: none"
has "rm takes names" "$("$HEARTH" rm one 2>&1)" "deleted like any other: rm -r one"
not_ok "and nothing was written" ls bad bad.state
nan="pairs.jsonl -o nan --alpha 1000000 --rate 1 --clip 0 --warmup 0.9 --epochs 30 --batch 4"
# shellcheck disable=SC2086
has "a loss that is no number names step and lines" "$(tune $nan 2>&1)" "examples of lines"
ok "and the last good state is kept" test -s nan.state
# A disk of our own with room for one state and not for two: in a namespace, where that is allowed; else a limit on files stands in for it.
if unshare -rm true 2> unshare.err; then small="unshare -rm" told="the disk is full (No space left on device); free some space and try again; the state after step 3 is kept"
else small='' told="File too large; no state was kept"; fi
cat > disk.sh <<'E'
mkdir disk; set -- pairs.jsonl -o disk/out --rank 4 --epochs 3 --batch 4 --dropout 0.1 --save-every 3
if [ -n "$small" ]; then mount -t tmpfs -o size=160k tmpfs disk || exit 9; "$HEARTH" tune ./m.gguf "$@" 2> full.err
else (trap '' XFSZ; ulimit -f 100; "$HEARTH" tune ./m.gguf "$@" 2> full.err); fi
echo $? > full.status; ls disk > full.left
if [ -n "$small" ]; then mount -o remount,size=8m disk; fi
"$HEARTH" tune ./m.gguf "$@" --resume 2> more.err && cp -r disk/out full
E
# shellcheck disable=SC2086
export HEARTH small; ok "a full disk, and then room" $small sh disk.sh
has "the words" "$(cat full.status full.err)" "hearth: disk/out.state: cannot write: $told"
is "nothing but the last good state is there" "$(cat full.status full.left)" "$(if [ -n "$small" ]; then printf '1\nout.state'; else echo 1; fi)"
ok "from which it ends with the same bytes" cmp one/adapter_model.safetensors full/adapter_model.safetensors
awk 'BEGIN { for (i = 0; i < 40; i++) printf "{\"prompt\": \"what is %d\", \"chosen\": \" it is %d\", \"rejected\": \" none of %d\"}\n", i, i % 7, i }' > pref.jsonl
tune pref.jsonl -o dpo --rate 0.002 --rank 4 --batch 4 --epochs 4 --json > dpo.json 2> err
is "preferences" "$?" 0
ok "begin at log 2 and are learnt" python3 -c 'import json; r = json.load(open("dpo.json")); assert abs(r["first_loss"] - 0.693147) < 1e-5 and r["held_right"] == 1, r'
tap_end
