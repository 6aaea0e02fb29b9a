#!/bin/sh
# hearth imatrix, hearth quantize with --imatrix, --tensor, mixes, --cost, --compare: what they write and say.
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
: "${B:=$root/build}"
export HEARTH_HOME="$TAP_TMP/home"
tap_begin 31
m=$TAP_TMP/m.gguf
"$B/tests/tools/make_model" "$m" seed=3 layers=2 width=256 type=F16 vocab=600
awk 'BEGIN { for (i = 0; i < 400; i++) printf "word %d of the text, %d.\n", i, i * i % 97 }' > "$TAP_TMP/text"
q() { "$HEARTH" quantize "$@" 2> "$TAP_TMP/err" < /dev/null; }

ok "imatrix" "$HEARTH" imatrix "$m" "$TAP_TMP/text" -o "$TAP_TMP/a.gguf"
ok "with another number of threads" "$HEARTH" imatrix "$m" "$TAP_TMP/text" --threads 3 -o "$TAP_TMP/b.gguf"
ok "gives the same file" cmp "$TAP_TMP/a.gguf" "$TAP_TMP/b.gguf"
is "which is not replaced unasked" "$("$HEARTH" imatrix "$m" "$TAP_TMP/text" -o "$TAP_TMP/a.gguf" 2>&1)" \
    "hearth: $TAP_TMP/a.gguf is there already; --force replaces it"
has "it needs a place" "$("$HEARTH" imatrix "$m" "$TAP_TMP/text" 2>&1)" "-o FILE"
: > "$TAP_TMP/empty"
has "and a text" "$("$HEARTH" imatrix "$m" "$TAP_TMP/empty" -o "$TAP_TMP/c.gguf" 2>&1)" "empty: the text has"

has "where a file can be" "$("$HEARTH" imatrix "$m" "$TAP_TMP/text" -o "$TAP_TMP/nowhere/c.gguf" 2>&1)" "nowhere"
ok "a mix" q "$m" q4_k_m -o "$TAP_TMP/mix.gguf"
has "has larger types where it says so" "$("$HEARTH" show "$TAP_TMP/mix.gguf" --tensors)" "blk.1.attn_v.weight"
has "in the type that suffers least" "$("$HEARTH" show "$TAP_TMP/mix.gguf" --tensors | grep ffn_down)" "Q6_K"
ok "with an importance matrix" q "$m" Q4_K_M --imatrix "$TAP_TMP/a.gguf" -o "$TAP_TMP/im.gguf"
is "nothing more is said" "$(cat "$TAP_TMP/err")" ""
not_ok "the file is another" cmp "$TAP_TMP/mix.gguf" "$TAP_TMP/im.gguf"
ok "types by name" q "$m" Q4_0 --tensor 'blk.*.ffn_down=q8_0' --tensor 'blk.1.*=F16' -o "$TAP_TMP/t.gguf"
is "the first that fits decides" "$("$HEARTH" show "$TAP_TMP/t.gguf" --tensors | awk '/blk.*(ffn_down|attn_q)/ { printf "%s ", $2 }')" "Q4_0 Q8_0 F16 Q8_0 "
q "$m" Q4_0 --tensor 'blk.9.*=Q8_0' -o "$TAP_TMP/u.gguf"
has "a pattern without effect is refused" "$(cat "$TAP_TMP/err")" "\"blk.9.*=Q8_0\" fits the name of no matrix of"
not_ok "and nothing is written" test -e "$TAP_TMP/u.gguf"
q "$m" Q4_0 --imatrix "$TAP_TMP/text" -o "$TAP_TMP/u.gguf"
has "a text is no importance matrix" "$(cat "$TAP_TMP/err")" "this is no importance matrix"
"$B/tests/tools/make_model" "$TAP_TMP/narrow.gguf" layers=1 width=96 heads=3 kv_heads=3 ffn=256
ok "narrow rows" q "$TAP_TMP/narrow.gguf" q3_k_s -o "$TAP_TMP/n.gguf"
has "are said" "$(cat "$TAP_TMP/err")" "rows of 96 elements are no multiple of the 256 of a block of Q3_K: 7 matrices are Q4_0 instead"

out=$(q "$m" --compare q8_0,Q2_K,"$TAP_TMP/mix.gguf" --cost "$TAP_TMP/text" --ctx 64 --html "$TAP_TMP/page.html")
is "a table of what types cost" "$(echo "$out" | awk 'NF && $1 !~ /[0-9]$/ || /Q._/ { print $1 }' | head -4 | tr '\n' ' ')" "type source Q8_0 Q2_K "
has "with a page" "$(cat "$TAP_TMP/page.html")" "What quantising cost"
has "of a file too" "$out" "mix.gguf"
q "$m" Q5_K -o "$TAP_TMP/q5.gguf" --cost "$TAP_TMP/text" --ctx 64 --json > "$TAP_TMP/json"
ok "as JSON" python3 - "$TAP_TMP/json" "$TAP_TMP/q5.gguf" <<'P'
import json, os, sys
r = json.load(open(sys.argv[1]))
a, b = r["rows"]
assert a["type"] == "source" and a["divergence"] == 0 and a["same_top"] == 1 and b["type"] == sys.argv[2], r
assert b["bytes"] == os.path.getsize(sys.argv[2]) < a["bytes"] and 0 < b["divergence"] < b["divergence_99"] <= b["divergence_most"], r
assert r["ctx"] == 64 and r["tokens"] == r["windows"] * 31 and 0 < b["same_top"] <= 1, r
P
is "nothing is left over" "$(ls "$TAP_TMP/home/cache" 2> /dev/null)" ""
has "a type that is none" "$(q "$m" --compare q8_0,q4_m --cost "$TAP_TMP/text"; cat "$TAP_TMP/err")" "\"q4_m\" is not a tensor type"
has "a file that is not there" "$(q "$m" --compare q8_0,./none.gguf --cost "$TAP_TMP/text"; cat "$TAP_TMP/err")" "./none.gguf: No such file"
has "a comparison needs a text" "$(q "$m" --compare q8_0; cat "$TAP_TMP/err")" "--cost TEXT"
q "$m" Q8_0 -o "$TAP_TMP/u.gguf" --cost "$TAP_TMP/none"
has "the text is looked for first" "$(cat "$TAP_TMP/err"; ls "$TAP_TMP/u.gguf" 2>&1)" "none: No such file or directory
ls: "
has "and takes no type" "$(q "$m" Q8_0 --compare q8_0 --cost x; cat "$TAP_TMP/err")" "neither TYPE nor -o"
has "without it there must be one" "$(q "$m"; cat "$TAP_TMP/err")" "quantize needs a TYPE"
tap_end
