#!/bin/sh
# hearth prune: fewer layers, narrower layers, what is said and what is refused.
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/../tools/maker.sh"
tap_begin 14
cd "$TAP_TMP" || exit 1
make_model m.gguf seed=3 layers=4 width=64 heads=4 kv_heads=2 ffn=128 vocab=400 type=Q4_0
echo "it was the best of times, it was the worst of times" > text.txt
prune() { "$HEARTH" prune ./m.gguf "$@"; }
out=$(prune --layers 2 --width 25 --text text.txt -o p.gguf)
is "a pruned model" "$?" 0
has "its layers" "$out" "layers                     4        2"
has "and neurons" "$out" "feed-forward neurons     128       96"
has "what was left out" "$out" "is left out: influence"
has "how it heals" "$out" "hearth distill ./m.gguf ./p.gguf DATA"
ok "it runs" "$HEARTH" run ./p.gguf "best of" --max-tokens 4 --private
ok "is quantised again" "$HEARTH" quantize ./p.gguf Q4_0 -o q.gguf
has "a place that is taken" "$(prune --layers 1 --text text.txt -o p.gguf 2>&1)" "is there already"
ok "in JSON" sh -c '"$1" prune ./m.gguf --width 50 --text text.txt -o w.gguf --json | python3 -c "import json, sys; r = json.load(sys.stdin); assert r[\"width_after\"] == 64 and len(r[\"influence\"]) == 4 and r[\"left_out\"] == [], r"' - "$HEARTH"
has "all layers" "$(prune --layers 4 --text text.txt -o all.gguf 2>&1)" "fewer than the 4"
has "nothing to leave out" "$(prune --text text.txt -o none.gguf 2>&1)" "--layers N, --width P or both"
has "no text" "$(prune --layers 1 -o none.gguf 2>&1)" "needs a text"
not_ok "nothing is written then" test -e none.gguf
printf ' \n\n' > blank.txt
has "a text of blanks" "$("$HEARTH" prune ./m.gguf --width 10 --text blank.txt -o blank.gguf 2>&1)" "the text has no words"
tap_end
