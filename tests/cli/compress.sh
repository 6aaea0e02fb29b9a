#!/bin/sh
# hearth compress: trimmed, quantised, pruned and healed, measured after each; a head for labels in the model's file through all of it.
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/../tools/maker.sh"
tap_begin 45
cd "$TAP_TMP" || exit 1
make_model m.gguf seed=3 layers=2 width=64 heads=4 kv_heads=2 ffn=96 vocab=400
awk 'BEGIN { print "text,category"; for (i = 0; i < 88; i++) printf "word%d and word%d,label %d\n", i % 22, i % 22, i % 22 }' > many.csv
cut -d, -f1 many.csv | tail -n +2 > words.txt
compress() { "$HEARTH" compress ./m.gguf "$@"; }

# ---- a head in the file ----
ok "labels are learnt" "$HEARTH" tune ./m.gguf many.csv -o head --rank 4 --epochs 12 --batch 8 --rate 0.01 --held 0
has "a model names none itself" "$("$HEARTH" classify ./m.gguf words.txt 2>&1)" "names no classes itself"
ok "the head is merged" "$HEARTH" merge ./m.gguf head -o merged.gguf
is "and names as the adapter did" "$("$HEARTH" classify ./merged.gguf words.txt | cut -f1)" "$("$HEARTH" classify ./m.gguf --adapter head words.txt | cut -f1)"
has "eval asks it" "$("$HEARTH" eval ./merged.gguf many.csv --no-receipt 2>&1)" "1.0000"
has "such a model does not answer" "$("$HEARTH" run ./merged.gguf hello 2>&1)" "names classes"
ok "trim" "$HEARTH" trim ./merged.gguf --text words.txt -o trimmed.gguf
is "keeps the head and every bit" "$("$HEARTH" classify ./trimmed.gguf words.txt)" "$("$HEARTH" classify ./merged.gguf words.txt)"
ok "quantize" "$HEARTH" quantize ./trimmed.gguf Q8_0 -o q8.gguf
is "keeps it too" "$("$HEARTH" classify ./q8.gguf words.txt | cut -f1)" "$("$HEARTH" classify ./merged.gguf words.txt | cut -f1)"
ok "prune" "$HEARTH" prune ./trimmed.gguf --width 30 --text words.txt -o narrow.gguf
has "too" "$("$HEARTH" classify ./narrow.gguf words.txt 2>&1)" "label"
ok "tuning goes on from the file's head" "$HEARTH" tune ./merged.gguf many.csv -o more --rank 4 --steps 1 --rate 1e-6 --held 0
is "with what it knew" "$("$HEARTH" classify ./merged.gguf --adapter more words.txt | cut -f1)" "$("$HEARTH" classify ./merged.gguf words.txt | cut -f1)"

make_model odd.gguf seed=3 layers=1 width=64 heads=4 kv_heads=2 ffn=96 vocab=400 'chat_template={% bogus %}'
has "a template that cannot be read is no reason not to trim" "$("$HEARTH" trim ./odd.gguf --text words.txt -o odd-trimmed.gguf 2>&1)" "its chat template could not be carried out"
ok "and the file is there" test -s odd-trimmed.gguf

# ---- one command ----
compress --adapter head --task many.csv --data many.csv --max 30% -o small.gguf --json > small.json 2> err
is "small enough" "$?" 0
ok "what it says" python3 - <<'P'
import json, os
r = json.load(open("small.json"))
s = r["steps"]
assert s[0]["step"] == "merged, F16" and s[1]["step"] == "trimmed, F16" and s[1]["share"] < 1, s
best = s[r["best"]]
assert r["small_enough"] and best["share"] <= 0.3 and best["kept"] >= 0.98 and best["holds"], r
assert best["bytes"] == os.path.getsize("small.gguf") and r["metric"] == "acc" and r["items"] == 88, r
assert all(x["bytes"] >= best["bytes"] for x in s if x["surely"]), s
assert not any(x["surely"] for x in s[1:]), "88 items tell no 2 per cent"
P
has "what came of it" "$("$HEARTH" classify ./small.gguf --check many.csv)" "100.00 %"
has "the page" "$(cat small.gguf.html)" "trimmed, F16"
is "nothing else is left" "$(echo small.gguf.*)" "small.gguf.html"
out=$(compress --adapter head --task many.csv --data many.csv --max 25% -o narrow2.gguf)
is "smaller than types go" "$?" 0
has "by pruning and healing" "$out" "narrower and healed"
has "which still names" "$("$HEARTH" classify ./narrow2.gguf --check many.csv)" "100.00 %"
ok "twice" compress --adapter head --task many.csv --data many.csv --max 25% -o again.gguf --threads 1
ok "gives the same bytes" cmp narrow2.gguf again.gguf
awk 'BEGIN { print "text,category"; for (i = 0; i < 440; i++) printf "word%d or also %d,label %d\n", i * 7 % 22, i, i * 7 % 22 }' > unlike.csv
out=$(compress --adapter head --task unlike.csv --data many.csv --keep 98% --max 60% -o sure.gguf --json)
is "texts that are named rightly by chance" "$?" 0
ok "a file that is smaller than it must be holds without doubt" python3 -c '
import json, sys
r = json.loads(sys.argv[1])
s, best = r["steps"], r["steps"][r["best"]]
assert all(x["low"] <= x["kept"] <= x["high"] and x["surely"] == (x["holds"] and x["low"] >= 0.98) for x in s[1:]), s
assert s[0]["low"] is None and best["surely"] and best["share"] < 0.6, r
assert any(x["holds"] and not x["surely"] and x["bytes"] < best["bytes"] for x in s), s' "$out"
has "the page says between what bounds" "$(cat sure.gguf.html)" "$(printf '%s' "$out" | python3 -c 'import json, sys; s = json.load(sys.stdin)["steps"][1]; print("%.1f to %.1f %%" % (100 * s["low"], 100 * s["high"]))')"
has "and what they cannot tell" "$(cat sure.gguf.html)" "too few items to tell"
out=$(compress --adapter head --task many.csv --data many.csv --max 5% -o missed.gguf)
is "too small a wish" "$?" 1
has "is said to be missed" "$out" "more than the 5.0 % that were wished for"
ok "and the smallest kept" test -s missed.gguf
out=$(compress --task words.txt --max 40% -o words.gguf 2>&1)
is "a model that answers, by bits a byte" "$?" 0
has "its score" "$out" "bits_per_byte"
for i in 1 2 3 4 5 6 7; do cat words.txt; done > book.txt
ok "a model of nothing but these words" "$HEARTH" train book.txt --size 60k --vocab 300 --ctx 32 --batch 4 --sample 0 --name it --steps 60 -o words2.gguf
out=$("$HEARTH" compress ./words2.gguf --task words.txt --keep 100% -o none.gguf)
is "that every type makes worse" "$?" 1
has "is left alone" "$out" "No smaller file holds 100.0 % of the bits_per_byte, so nothing is kept."
is "and nothing but the page is there" "$(echo none.gguf*)" "none.gguf.html"
rm none.gguf.html
"$HEARTH" compress ./m.gguf --adapter head --task many.csv --data many.csv --max 5% -o none.gguf > /dev/null 2>&1 &
while [ ! -e "$(echo none.gguf.work.*)/base.gguf" ] && kill -0 $!; do :; done
kill -TERM $!
wait $!
is "one that is told to end" "$?$(echo none.gguf*)" "130none.gguf*"
awk 'BEGIN { for (i = 0; i < 8; i++) printf "{\"prompt\": \"what is %d\", \"completion\": \"none\"}\n", i }' > pairs.jsonl
has "a score of nothing" "$(compress --task pairs.jsonl -o none.gguf 2>&1)" "a score of 0"
has "a share that is none" "$(compress --task words.txt --keep 130% -o none.gguf 2>&1)" "should be a share"
has "no task" "$(compress -o none.gguf 2>&1)" "--task TASK"
has "a task that is not there" "$(compress --task gone.csv -o none.gguf 2>&1)" "gone.csv"
is "nothing is left of what failed" "$(echo none.gguf*)" "none.gguf*"
tap_end
