#!/bin/sh
# hearth distill: the same bytes on any number of threads and past an interruption, two vocabularies, heads, answers; hearth tune --loss orpo.
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/../tools/maker.sh"
tap_begin 32
cd "$TAP_TMP" || exit 1
make_model big.gguf seed=3 layers=3 width=64 heads=4 kv_heads=2 ffn=96 vocab=400
make_model small.gguf seed=5 layers=1 width=32 heads=2 kv_heads=1 ffn=48 vocab=400
make_model wide.gguf seed=9 layers=1 width=64 heads=4 kv_heads=2 ffn=96 vocab=400
make_model other.gguf seed=7 layers=1 width=32 heads=2 kv_heads=1 ffn=48 vocab=420 family=gemma3
awk 'BEGIN { for (i = 0; i < 48; i++) printf "{\"prompt\": \"what is %d\", \"completion\": \" it is %d\"}\n", i, i % 7 }' > pairs.jsonl
distill() { "$HEARTH" distill ./big.gguf "$@" < /dev/null; }
full="--method full --rate 0.01 --epochs 3 --batch 4"

# shellcheck disable=SC2086
distill ./small.gguf pairs.jsonl -o one.gguf $full --threads 1 --json > one.json 2> err
is "a student" "$?" 0
ok "comes nearer to its teacher" python3 -c 'import json; r = json.load(open("one.json")); assert r["last_loss"] < 0.5 * r["first_loss"] and r["held_loss"] > 0, r'
for n in 2 4; do
    # shellcheck disable=SC2086
    ok "$n threads" distill ./small.gguf pairs.jsonl -o $n.gguf $full --threads $n
    ok "give the same bytes" cmp one.gguf $n.gguf
done
# shellcheck disable=SC2086
"$HEARTH" distill ./big.gguf ./small.gguf pairs.jsonl -o cut.gguf $full --save-every 2 < /dev/null > /dev/null 2>&1 & pid=$!
i=0; while [ ! -e cut.gguf.state ] && kill -0 $pid 2> /dev/null && [ $i -lt 400 ]; do sleep 0.01; i=$((i + 1)); done
kill -9 $pid 2> /dev/null; wait $pid 2> /dev/null
rm -f cut.gguf
ok "one that was killed" test -e cut.gguf.state
# shellcheck disable=SC2086
has "is not gone on with otherwise" "$(distill ./small.gguf pairs.jsonl -o cut.gguf $full --reverse --resume 2>&1)" "with --reverse not given, and this is --reverse"
# shellcheck disable=SC2086
ok "is gone on with" distill ./small.gguf pairs.jsonl -o cut.gguf $full --resume
ok "to the same bytes" cmp one.gguf cut.gguf
has "the page names the teacher" "$(cat one.gguf.html)" "big.gguf"
has "the ledger too" "$("$HEARTH" ledger show 0 --json 2>&1)" '"teacher"'
awk 'BEGIN { for (i = 0; i < 60; i++) print "what is " i "? it is " i % 7 }' > corpus.txt
"$HEARTH" train corpus.txt -o own.gguf --size 100k --vocab 280 --ctx 32 --steps 1 --sample 0 --held 0 > /dev/null 2>&1
ok "a model made here, taught, and as a folder" distill ./own.gguf corpus.txt -o own-taught.gguf --method full --steps 1 --held 0 --safetensors folder
ok "says the same there" sh -c 'test "$("$1" run ./own-taught.gguf "what is" --raw --temp 0 --max-tokens 4 --private --arithmetic float)" = "$("$1" run ./folder "what is" --raw --temp 0 --max-tokens 4 --private --arithmetic float)"' - "$HEARTH"
has "which an adapter is already" "$(distill ./small.gguf pairs.jsonl -o beside --safetensors f 2>&1)" "a folder for PEFT already"
# shellcheck disable=SC2086
distill ./small.gguf pairs.jsonl -o back.gguf $full --reverse --temperature 2 --entropy 0.2 --json > back.json 2> err
is "in reverse, flattened, with a share of the tokens" "$?" 0
ok "learns as well" python3 -c 'import json; r = json.load(open("back.json")); assert r["last_loss"] < 0.6 * r["first_loss"], r'
not_ok "to something else" cmp -s one.gguf back.gguf
# shellcheck disable=SC2086
distill ./other.gguf pairs.jsonl -o other-taught.gguf $full --json > other.json 2> err
is "another vocabulary" "$?" 0
ok "is taught by aligned text" python3 -c 'import json; r = json.load(open("other.json")); assert r["last_loss"] < 0.5 * r["first_loss"], r'
ok "an adapter" distill ./small.gguf pairs.jsonl -o beside --rank 4 --epochs 1
ok "serves" "$HEARTH" run ./small.gguf --adapter beside "what is 3" --max-tokens 4 --private
awk 'BEGIN { print "text,category"; for (i = 0; i < 88; i++) printf "word%d and word%d,label %d\n", i % 22, i % 22, i % 22 }' > many.csv
"$HEARTH" tune ./big.gguf many.csv -o head --rank 4 --epochs 12 --batch 8 --rate 0.01 --held 0 > /dev/null 2>&1
ok "a head's teacher" distill ./wide.gguf many.csv -o taught --teacher-adapter head --rank 4 --epochs 12 --batch 8 --rate 0.01 --held 0
out=$("$HEARTH" classify ./wide.gguf --adapter taught --check many.csv --json)
ok "teaches a head" python3 -c 'import json, sys; assert json.loads(sys.argv[1])["accuracy"] > 0.8, sys.argv' "$out"
has "no head to teach one" "$(distill ./small.gguf many.csv -o none 2>&1)" "has no head for the labels"
has "answers that do not end are left out" "$(distill ./small.gguf pairs.jsonl -o seq --sequence --max-tokens 1 2>&1)" "came to an end"
"$HEARTH" tune ./big.gguf pairs.jsonl -o fluent --rank 8 --epochs 12 --batch 4 --rate 0.01 --held 0 > /dev/null 2>&1
ok "the teacher's answers" distill ./small.gguf pairs.jsonl -o seq --sequence --teacher-adapter fluent --max-tokens 12 --epochs 1
has "other options are not gone on with" "$(distill ./small.gguf pairs.jsonl -o seq2 --sequence --teacher-adapter fluent --max-tokens 12 --epochs 1 --steps 1 > /dev/null 2>&1; rm -r seq2; distill ./small.gguf pairs.jsonl -o seq2 --sequence --max-tokens 12 --resume 2>&1)" \
    "seq2.answers.jsonl: not the answers that ./big.gguf gives"
ok "the same are" distill ./small.gguf pairs.jsonl -o seq2 --sequence --teacher-adapter fluent --max-tokens 12 --epochs 1 --steps 1 --resume
has "are kept beside what was learnt" "$(cat seq.answers.jsonl)" '"completion":'
awk 'BEGIN { for (i = 0; i < 40; i++) printf "{\"prompt\": \"what is %d\", \"chosen\": \" it is %d\", \"rejected\": \" none of %d\"}\n", i, i % 7, i }' > pref.jsonl
has "preferences have no teacher" "$(distill ./small.gguf pref.jsonl -o pref 2>&1)" "need no teacher"
"$HEARTH" tune ./small.gguf pref.jsonl -o orpo.gguf --loss orpo --method full --beta 0.3 --rate 0.005 --batch 4 --epochs 6 --json > orpo.json 2> err
ok "ORPO tells the better answer, with all weights" python3 -c 'import json; r = json.load(open("orpo.json")); assert r["held_right"] == 1 and r["last_loss"] < r["first_loss"], r'
tap_end
