#!/bin/sh
# hearth create, cp, show: models derived from others, and how they answer.
. "$(dirname "$0")/tap.sh"
tap_begin 50
: "${B:=$(cd "$(dirname "$0")/../.." && pwd)/build}"
HEARTH_HOME=$TAP_TMP/home; export HEARTH_HOME
"$B/tests/tools/make_model" "$TAP_TMP/tiny.gguf" layers=1 width=64 heads=4 kv_heads=2 vocab=400 seed=3 \
    'chat_template={% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}' > /dev/null
"$HEARTH" import "$TAP_TMP/tiny.gguf" --name tiny > /dev/null 2>&1

cat > "$TAP_TMP/Modelfile" <<'END'
# a pirate
FROM tiny
system """You are a pirate.
Answer in rhymes."""
PARAMETER temperature 0
PARAMETER num_predict 5
PARAMETER stop "Arr"
MESSAGE user hi
MESSAGE assistant ho
LICENSE mine
END
ok "create" "$HEARTH" create pirate -f "$TAP_TMP/Modelfile"
has "it is listed" "$("$HEARTH" list)" pirate
is "show --system" "$("$HEARTH" show pirate:latest --system)" "You are a pirate.
Answer in rhymes."
is "show --parameters" "$("$HEARTH" show pirate --parameters)" 'num_predict                    5
stop                           "Arr"
temperature                    0'
is "show --license" "$("$HEARTH" show pirate --license)" mine
"$HEARTH" show pirate --modelfile > "$TAP_TMP/again"
ok "show --modelfile makes it again" "$HEARTH" create again -f "$TAP_TMP/again"
is "the same" "$("$HEARTH" show again --modelfile | sed 1d)" "$(sed 1d "$TAP_TMP/again")"
one=$("$HEARTH" run pirate "x" --json 2> /dev/null)
two=$("$HEARTH" run pirate "x" --json --seed 5 2> /dev/null)
has "its parameters hold: length" "$one" '"answer_tokens": 5'
is "its parameters hold: no chance" "$(echo "$one" | sed -n 's/.*"text": *//p')" "$(echo "$two" | sed -n 's/.*"text": *//p')"
has "the call's own win" "$("$HEARTH" run pirate "x" --json --max-tokens 3 2> /dev/null)" '"answer_tokens": 3'
plain=$("$HEARTH" run tiny "x" --json --temp 0 --max-tokens 5 2> /dev/null | sed -n 's/.*"prompt_tokens": *\([0-9]*\).*/\1/p')
full=$(echo "$one" | sed -n 's/.*"prompt_tokens": *\([0-9]*\).*/\1/p')
ok "system prompt and messages come first" test "$full" -gt "$((plain + 20))"
printf 'FROM pirate\nTEMPLATE "{{ .Prompt }}"\n' | "$HEARTH" create short -f - 2> /dev/null
is "a template in Go's notation" "$("$HEARTH" show short --template)" "{{ .Prompt }}"
less=$("$HEARTH" run short "x" --json 2> /dev/null | sed -n 's/.*"prompt_tokens": *\([0-9]*\).*/\1/p')
ok "and it is used" test "$less" -lt "$plain"
ok "cp" "$HEARTH" cp pirate parrot
is "cp: the same" "$("$HEARTH" show parrot --system)" "$("$HEARTH" show pirate --system)"
ok "rm of one" "$HEARTH" rm pirate
ok "the other stays" "$HEARTH" show parrot --system
not_ok "a name that is taken" "$HEARTH" cp parrot tiny
has "says so" "$("$HEARTH" cp parrot tiny 2>&1)" "stands for a model of its own already"
cd "$TAP_TMP" || exit 1
ok "Modelfile of this folder is the default" "$HEARTH" create pirate
printf 'FROM %s/tiny.gguf\nSYSTEM x\n' "$TAP_TMP" | "$HEARTH" create byfile -f - 2> /dev/null
is "FROM a file" "$("$HEARTH" show byfile --system)" x
refused() { printf "$2" > bad; out=$("$HEARTH" create bad -f bad 2>&1); has "$1" "$out" "$3"; }
refused "a parameter that is none" 'FROM tiny\nPARAMETER heat 1\n' 'bad: line 2: PARAMETER: there is no parameter "heat"'
refused "an adapter that is not there" 'FROM tiny\nADAPTER ./x\n' './x: cannot open the adapter'
refused "an adapter that is none" 'FROM tiny\nADAPTER tiny.gguf\n' 'tiny.gguf: general.type is'
awk 'BEGIN { for (i = 0; i < 16; i++) printf "{\"prompt\": \"what is %d\", \"completion\": \" it is %d\"}\n", i, i % 7 }' > pairs.jsonl
"$HEARTH" tune tiny pairs.jsonl -o lora --rank 4 --steps 8 --batch 4 --rate 0.05 > /dev/null 2>&1
printf 'FROM tiny\nADAPTER ./lora\nPARAMETER num_predict 6\n' > Adapted
ok "an adapter" "$HEARTH" create adapted -f Adapted
say() { "$HEARTH" run "$@" --temp 0 --max-tokens 6 --raw --private --json "what is 3" 2> /dev/null | sed -n 's/.*"text": *//p'; }
is "it answers with it" "$(say adapted)" "$(say tiny --adapter lora)"
not_ok "and not without" test "$(say adapted)" = "$(say tiny)"
mkdir elsewhere && cp Adapted elsewhere/Adapted && cp -r lora elsewhere/lora2 && sed -i 's/lora$/lora2/; s/^FROM tiny/FROM .\/..\/tiny.gguf/' elsewhere/Adapted
ok "paths are meant from the Modelfile's folder" "$HEARTH" create beside -f elsewhere/Adapted
is "which answers with it" "$(say beside)" "$(say adapted)"
"$HEARTH" rm beside > /dev/null 2>&1
rm -r lora
"$HEARTH" show adapted --modelfile > again2
ok "the store has it: made again without the folder" "$HEARTH" create adapted2 -f again2
with=$(say adapted)
"$HEARTH" rm adapted > /dev/null 2>&1
is "and the other one stays" "$(say adapted2)" "$with"
has "others than answers are about the model without it" "$(echo x | "$HEARTH" embed adapted2 - 2>&1)" "without the adapter"
has "nor are other measurements" "$("$HEARTH" perplexity adapted2 pairs.jsonl --ctx 32 2>&1)" "without the adapter"
for c in "quantize adapted2 q4_0" "trim adapted2 --text pairs.jsonl" "vocab extend adapted2 --text pairs.jsonl" "prune adapted2 --layers 1 --text pairs.jsonl" "imatrix adapted2 pairs.jsonl" \
    "compress adapted2 --task pairs.jsonl" "merge adapted2 again2" "tune adapted2 pairs.jsonl" "distill tiny adapted2 pairs.jsonl" "distill adapted2 tiny pairs.jsonl"; do
    has "what would leave it out is refused: ${c%% *}" "$("$HEARTH" $c -o left.gguf 2>&1)" "adapted2 answers with an adapter, which would be left out of this"
done
not_ok "and nothing was written" test -e left.gguf
said=$("$HEARTH" quantize adapted2 q4_0 -o left.gguf 2>&1)
"$HEARTH" ${said##*: hearth } > said 2>&1
is "what to do instead is said, and works" "$(say ./FILE.gguf | cut -c1-20)" "$(say adapted2 | cut -c1-20)"
has "explain says no" "$("$HEARTH" explain adapted2 "what is 3" 2>&1)" "has an adapter, whose answers cannot be explained yet"
refused "no FROM" 'SYSTEM x\n' 'bad: no FROM'
refused "a template that is not understood" 'FROM tiny\nTEMPLATE {{ .Foo }}\n' 'TEMPLATE: line 1: there is no field .Foo'
has "no such file" "$("$HEARTH" create bad -f none 2>&1)" "none: cannot read"
lacks "nothing was made" "$("$HEARTH" list)" bad
tap_end
