#!/bin/sh
# No command writes over what it reads, over another of its own files, or unasked over anything; and two never make the same thing at once.
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/../tools/maker.sh"
mkdir "$TAP_TMP/work" && cd "$TAP_TMP/work" || exit 1
make_model m.gguf seed=3 layers=2 width=64 heads=4 kv_heads=2 ffn=96 vocab=400
awk 'BEGIN { print "text,category"; for (i = 0; i < 60; i++) printf "the thing %d is here,%s\n", i, i % 3 == 0 ? "red" : i % 3 == 1 ? "green" : "blue" }' > few.csv
awk 'BEGIN { for (i = 0; i < 48; i++) printf "{\"prompt\": \"what is %d\", \"completion\": \" it is %d\"}\n", i, i % 7 }' > pairs.jsonl
head -c 24000 "$root/data/text/moby-dick-1-11.txt" > book.txt
echo '{"schema": "no result"}' > then.json
echo 'mine' > mine.html
ln few.csv hard.csv; ln -s few.csv soft.csv; ln -s nowhere dangling; mkdir folder
"$HEARTH" tune ./m.gguf pairs.jsonl -o one --rank 4 --steps 2 --held 0 > /dev/null 2>&1
"$HEARTH" import m.gguf --name mm > /dev/null 2>&1
mkdir pieces; "$B/tests/tools/make_pieces" m.gguf pieces/x 3 > /dev/null
head -3 pairs.jsonl > items.jsonl
cat > task.yaml <<'END'
task: t
dataset_path: json
dataset_kwargs: {data_files: {test: items.jsonl}}
output_type: generate_until
test_split: test
doc_to_text: "{{prompt}}"
doc_to_target: "{{completion}}"
END
set -- "few.csv|data scan few.csv --clean few.csv --force" \
       "few.csv|data scan few.csv --clean out.jsonl --left hard.csv --force" \
       "few.csv|data scan soft.csv --clean few.csv --force" \
       "few.csv|data scan few.csv --card soft.csv --card x.md" \
       "mine.html|data scan few.csv --card mine.html" \
       "m.gguf|eval ./m.gguf few.csv -o m.gguf --force" \
       "few.csv|eval ./m.gguf few.csv -o few.csv --force" \
       "then.json|eval ./m.gguf few.csv --before then.json -o then.json --force" \
       "mine.html|eval ./m.gguf few.csv -o mine.html" \
       "few.csv|compare ./m.gguf ./m.gguf few.csv --ballot few.csv --force" \
       "few.csv|compress ./m.gguf --task few.csv -o c.gguf --html few.csv --force" \
       "mine.html|compress ./m.gguf --task few.csv -o c.gguf --html mine.html" \
       "few.csv|compress ./m.gguf --task few.csv -o few.csv --force" \
       "m.gguf|compress ./m.gguf --task few.csv -o m.gguf --force" \
       "book.txt|compress ./m.gguf --task few.csv --data book.txt -o book.txt --force" \
       "book.txt|trim ./m.gguf --text book.txt -o book.txt --force" \
       "book.txt|prune ./m.gguf --width 10 --text book.txt -o book.txt --force" \
       "one/adapter_model.safetensors|merge ./m.gguf one -o one/adapter_model.safetensors --force" \
       "m.gguf|quantize ./m.gguf q8_0 -o m.gguf --force" \
       "book.txt|imatrix ./m.gguf book.txt -o book.txt --force" \
       "mine.html|explain ./m.gguf hello --html mine.html" \
       "mine.html|card ./m.gguf -o mine.html" \
       "m.gguf|bom ./m.gguf --format spdx -o m.gguf --force" \
       "m.gguf|eval mm few.csv -n 3 -o m.gguf --force" \
       "m.gguf|eval ./m.gguf task.yaml --judge mm -o m.gguf --force" \
       "m.gguf|compare mm mm few.csv --ballot m.gguf --force" \
       "m.gguf|imatrix mm book.txt -o m.gguf --force" \
       "m.gguf|card mm -o m.gguf --force" \
       "m.gguf|data scan few.csv --model mm --clean m.gguf --force" \
       "m.gguf|quantize mm --compare q8_0 --cost book.txt --html m.gguf --force" \
       "items.jsonl|compare ./m.gguf ./m.gguf task.yaml --ballot items.jsonl --force" \
       "items.jsonl|eval ./m.gguf task.yaml -o items.jsonl --force" \
       "items.jsonl|compress ./m.gguf --task task.yaml -o items.jsonl --force" \
       "pieces/x-00002-of-00003.gguf|merge pieces/x-00001-of-00003.gguf one -o pieces/x-00002-of-00003.gguf --force" \
       "pieces/x-00003-of-00003.gguf|card pieces/x-00001-of-00003.gguf -o pieces/x-00003-of-00003.gguf --force" \
       "few.csv|tune ./m.gguf few.csv -o few.csv" \
       "few.csv|train few.csv -o few.csv"
# Same names, or what cannot be a place: "what is said|the command".
names="named twice|data scan few.csv --clean y.jsonl --left ./y.jsonl
named twice|compare ./m.gguf ./m.gguf few.csv -o y.html --blind folder/../y.html
named twice|compress ./m.gguf --task few.csv -o y --html ./y
a link to nothing|tune ./m.gguf pairs.jsonl -o dangling
no place for a file|tune ./m.gguf pairs.jsonl -o \"\"
its folder cannot be opened|tune ./m.gguf pairs.jsonl -o nowhere/out
is a folder; name a file|trim ./m.gguf --text book.txt -o folder --force
not a regular file|eval ./m.gguf few.csv -o /dev/null --force
name another place|tune ./m.gguf pairs.jsonl -o folder
standard output is no place|merge ./m.gguf one -o -
standard output is no place|data scan few.csv --clean -
leaves no room|tune ./m.gguf pairs.jsonl -o $(printf %0230d 1)
is no page|card ./m.gguf -o x.html
no copy is asked for|data scan few.csv --left y.jsonl"
tap_begin $((2 * $# + 14 + 31))

for row in "$@"; do
    file=${row%%|*} command=${row#*|}
    before=$(cksum < "$file")
    # shellcheck disable=SC2086
    said=$("$HEARTH" $command 2>&1 < /dev/null); code=$?
    case $code in [12]) code=refused ;; esac
    is "$command" "$code $(printf '%s' "$said" | grep -c .)" "refused 1"
    is "leaves $file" "$(cksum < "$file")" "$before"
done
echo "$names" > names
while IFS='|' read -r part command; do
    eval "said=\$(\"\$HEARTH\" $command 2>&1 < /dev/null)"
    has "$command" "$said" "$part"
done < names
is "nothing was made by any of them" "$(ls | tr '\n' ' ')" \
    "book.txt dangling few.csv folder hard.csv items.jsonl m.gguf mine.html names one pairs.jsonl pieces soft.csv task.yaml then.json "

# ---- pages beside, and files on the way ----
echo mine > o.gguf.html
has "a page beside the output" "$("$HEARTH" tune ./m.gguf pairs.jsonl -o o.gguf --method full --steps 1 2>&1)" "o.gguf.html is there already"
has "of train too" "$("$HEARTH" train book.txt -o o.gguf --size 60k --vocab 300 --steps 1 2>&1)" "o.gguf.html is there already"
is "stays" "$(cat o.gguf.html)" mine
echo mine > merged.gguf.halves
ok "a model is merged and quantised" "$HEARTH" merge ./m.gguf one -o merged.gguf --type q8_0
is "and what has a name like its work's stays" "$(cat merged.gguf.halves; ls -d merged.gguf.??????)" "mine
merged.gguf.halves"
"$B/tests/tools/make_folder" m.gguf hf 2 > /dev/null 2>&1
has "a GGUF file in a model's folder would be taken for the model" "$("$HEARTH" trim ./hf --text book.txt -o hf/x.gguf 2>&1)" "or would be the next time"
has "nor one that embedders have" "$("$HEARTH" eval ./hf few.csv -n 2 -o hf/modules.json 2>&1)" "or would be the next time"
ok "a card may lie there" "$HEARTH" card ./hf -o hf/README.md
ok "and a bill of materials" "$HEARTH" bom ./hf --format spdx -o hf/sbom.json
cp few.csv folder/x.txt; echo mine > folder/x.gguf
has "what would be read the next time" "$("$HEARTH" data scan folder --card folder/card.md 2>&1)" "is read by this command, or would be the next time"
ok "a report may lie there" "$HEARTH" data scan folder --card folder/card.html
ok "and be replaced" "$HEARTH" data scan folder --card folder/card.html --force
mkdir mm; echo mine > mm/r.html
ok "a folder with the name of a model of the store is not read" "$HEARTH" eval mm few.csv -n 3 -o mm/r.html --force
make_model big.gguf seed=3 layers=8 width=512 heads=8 kv_heads=4 ffn=1536 vocab=8000
("$HEARTH" quantize ./big.gguf Q4_K -o raced 2> raced.err; echo $? > raced.code) & sleep 0.1; echo mine > raced; wait
is "what appears while a model is written stays" "$(cat raced raced.code)" "mine
1"
has "a GGUF file in a folder that is read may be replaced" "$("$HEARTH" trim ./m.gguf --text book.txt -o folder/x.gguf --force 2>&1)" "tokens per word"
ok "a page is replaced when that is asked for" "$HEARTH" eval ./m.gguf few.csv -o mine.html --force --limit 3
has "by the page" "$(cat mine.html)" "<html"

# ---- two at once ----
"$HEARTH" tune ./m.gguf pairs.jsonl -o both --rank 4 --epochs 400 --batch 4 --save-every 0 --held 0 > both.out 2>&1 & pid=$!
i=0; while [ ! -e both.lock ] && [ $i -lt 400 ]; do sleep 0.01; i=$((i + 1)); done
has "another process" "$("$HEARTH" tune ./m.gguf pairs.jsonl -o both --rank 4 --steps 2 2>&1)" "another process is at work on both"
has "that trains" "$("$HEARTH" train book.txt -o both.gguf --size 60k --vocab 300 --ctx 32 --steps 1 --sample 0 2>&1)" "both.gguf: "
kill -INT $pid; wait $pid
is "what was interrupted says so with 130" "$?" 130
has "and what goes on" "$(cat both.out)" "; both.state is kept: the same command with --resume goes on"
rm both.out
is "and its state is kept, no lock" "$(ls -d both*)" "both.gguf
both.gguf.html
both.gguf.svg
both.state"
mkdir late
"$HEARTH" tune ./m.gguf pairs.jsonl -o late/out --rank 4 --epochs 60 --batch 4 --save-every 0 --held 0 > late.out 2>&1 & pid=$!
i=0; while [ ! -e late/out.lock ] && [ $i -lt 400 ]; do sleep 0.01; i=$((i + 1)); done
echo mine > late/out
wait $pid
has "what appears meanwhile is not lost" "$(cat late.out late/out)" "appeared while this was learnt; move it away; the state after step"

# ---- training goes on with the same only ----
train() { "$HEARTH" train book.txt --vocab 300 --ctx 32 --batch 2 --sample 0 --name it "$@" 2>&1 < /dev/null; }
train --size 60k --steps 40 -o whole.gguf > /dev/null
train --size 60k --steps 40 -o cut.gguf --save-every 5 > /dev/null & pid=$!
i=0; while [ ! -e cut.gguf.state ] && kill -0 $pid 2> /dev/null && [ $i -lt 800 ]; do sleep 0.01; i=$((i + 1)); done
pkill -9 -P $pid; kill -9 $pid 2> /dev/null; wait $pid 2> /dev/null; rm -f cut.gguf
train --size 60k --steps 4000 -o busy.gguf > /dev/null & pid=$!
i=0; while [ ! -e busy.gguf.lock ] && kill -0 $pid 2> /dev/null && [ $i -lt 800 ]; do sleep 0.01; i=$((i + 1)); done
has "a second training of the same" "$(train --size 60k --steps 4 -o busy.gguf)" "another process is at work on busy.gguf"
pkill -TERM -P $pid; kill $pid 2> /dev/null; wait $pid 2> /dev/null
has "another size" "$(train --size 90k --steps 40 -o cut.gguf --resume)" "with --size 60000, and this is --size 90000"
has "another family" "$(train --size 60k --family qwen3 --steps 40 -o cut.gguf --resume)" "with --family llama, and this is --family qwen3"
has "another number of steps" "$(train --size 60k --steps 50 -o cut.gguf --resume)" "with --steps 40, and this is --steps 50"
cp book.txt kept.txt; echo more >> book.txt
has "another corpus" "$(train --size 60k --steps 40 -o cut.gguf --resume)" "the state of a tuning with other examples"
mv kept.txt book.txt
has "the same goes on" "$(train --size 60k --steps 40 -o cut.gguf --resume)" "40 steps"
ok "to the same bytes" cmp whole.gguf cut.gguf
tap_end
