#!/bin/sh
# `hearth ledger`: what list finds, show says, verify checks; proofs that others check without the ledger; a witness that signs and refuses;
# words erased, the log whole; one sentence for each thing that is wrong.
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
tap_begin 156
: "${B:=$root/build}"
export HEARTH_HOME="$TAP_TMP/home" TZ=UTC
cd "$TAP_TMP" || exit 1

h() { out=$("$HEARTH" "$@" 2> err < /dev/null); status=$?; err=$(cat err); }
py() { printf '%s' "$out" | python3 -c 'import json, sys; d = json.load(sys.stdin); print('"$1"')'; }
one_sentence() { # NAME STATUS PART: the last call failed so, with one line that has these words
    has "$1" "$status $(wc -l < err | tr -d ' ') $err" "$2 1 hearth: "
    has "$1: says so" "$err" "$3"
}

# ---- before the first answer ----
h ledger list;                        is "no ledger yet: list" $status 1
h ledger verify;                      is "no ledger yet: verify" $status 1

# ---- a mistake in the call ----
h ledger;                             is "no word: usage" $status 2
h ledger lst;                         one_sentence "a near word" 2 "did you mean \`hearth ledger list\`"
h ledger nothing-like-it;             is "a far word: usage" $status 2
h ledger list 5;                      has "a word too many" "$status $err" "2 hearth: it is called: hearth ledger list"
h ledger show;                        is "a word too few" $status 2
h ledger list --yes;                  one_sentence "an option of another word" 2 "ledger list takes no --yes"
h ledger list --from yesterday;       one_sentence "no date" 2 "--from: \"yesterday\" is no date"
h ledger list --from 2026-02-30;      is "a day that is none" $status 2
h ledger list --from 2026-03-01 --to 2026-02-01; one_sentence "the end before the beginning" 2 "the end is not after the beginning"

# ---- list: 300 made-up receipts, one a minute from 2026-01-01 on ----
ok "receipts" "$B/tests/tools/make_receipts" 300
h ledger list;                        is "the newest twenty" "$status $(printf '%s\n' "$out" | wc -l)" "0 21"
is "newest first" "$(printf '%s\n' "$out" | sed -n 2p | awk '{ print $1, $2, $3, $4 }')" "299 2026-01-01 04:59 qwen3-0.6b"
h ledger list --json --limit 0
is "all as JSON" "$(py '(len(d), d[0]["number"], d[-1]["number"])')" "(300, 299, 0)"
is "its fields" "$(py '(lambda r: (r["model"], r["key"], r["task"], r["actor"], r["purpose"], r["tokens"], r["energy_uj"], r["replayable"], r["decision"]))(d[-36])')" \
   "('qwen3-0.6b', 'library', 'ask', 'pupil-12', 'homework', {'prompt': 45, 'answer': 36}, 100035, True, None)"
is "not replayable" "$(py 'sum(not r["replayable"] for r in d)')" 6
count() { h ledger list --json --limit 0 "$@"; py 'len(d)'; }
is "by model" "$(count --model smollm2)" 100
digest=$(h ledger list --json --model smollm2 --limit 1; py 'd[0]["sha256"][:12]')
is "by the model's digest" "$(count --model "$digest")" 100
is "by key" "$(count --key class-7b)" 99
is "by task" "$(count --task summarise)" 75
is "by person" "$(count --actor pupil-12)" 60
is "by purpose" "$(count --purpose homework)" 43
is "by time" "$(count --from 2026-01-01T01:00Z --to 2026-01-01T02:00Z)" 60
is "by day" "$(count --from 2026-01-01 --to 2026-01-01) $(count --from 2026-01-02) $(count --to 2025-12-31)" "300 0 0"
is "by all of them" "$(count --model smollm2 --key library --task classify --to 2026-01-01T03:00Z)" 5
is "by what nobody has" "$(count --key "' OR 1=1 --")" 0
h ledger list --key a --key b;        one_sentence "two keys" 2 "one key at a time"

# ---- the index is a cache ----
is "for its owner only" "$(stat -c %a "$HEARTH_HOME/ledger/index.sqlite")" 600
for damage in 'rm index.sqlite' ': > index.sqlite' 'echo rubbish > index.sqlite' 'head -c 20000 index.sqlite > x; mv x index.sqlite'; do
    (cd "$HEARTH_HOME/ledger" && eval "$damage")
    is "made anew after: $damage" "$(count --model smollm2)" 100
done

# ---- show ----
h ledger show 35
has "show: the model" "$status $out" "0 entry         35 of hearth.local/"
for part in "qwen3-0.6b (llama)" "45 asked, 36 answered" "repeatable    yes" "pupil-12" "library" "homework" "not kept on this computer"; do
    has "show: $part" "$out" "$part"
done
h ledger show 49;                     has "show: why it cannot be repeated" "$out" "no: --fast was given"
h ledger show 300;                    is "show: no such entry" $status 1
h ledger show 7 --json;               cp err err7; "$HEARTH" ledger show 7 --json > entry7
is "show --json is the entry itself" "$(python3 -c 'import json; t = open("entry7").read(); print(json.dumps(json.loads(t), sort_keys=True, separators=(",", ":")) == t)')" True
id=$(py 'd["id"]'); h ledger show "$id"; has "show by id" "$status $out" "0 entry         7 of"

# ---- decisions ----
h decide 7 edited --by teacher-3;     is "a decision" $status 0
h ledger decide 7 rejected --by teacher-4; is "another, by the other name of the command" $status 0
h ledger list --json --limit 0;       is "the newest counts" "$(py '[r for r in d if r["number"] == 7][0]["decision"]') $(py 'd[0]["of"]')" "rejected 7"
h ledger show 7;                      has "show has both: first" "$out" "edited by teacher-3"
has "show has both: second" "$out" "rejected by teacher-4"

# ---- verify ----
h ledger verify --json;               is "verify" "$status $(py '(d["verified"], d["size"], d["cosignatures"])')" "0 (True, 302, [])"
key=$(py 'd["key"]'); is "the key is the file's" "$key" "$(cat "$HEARTH_HOME/keys/ledger.vkey")"
h ledger verify;                      has "verify in words" "$out" "every byte is as it was signed: 302 entries of hearth.local/"
cp -r home good
printf X | dd of=home/ledger/tile/entries/000 bs=1 seek=5000 conv=notrunc 2> dd.log
h ledger verify;                      one_sentence "one byte changed" 1 "home/ledger/tile/"
rm -rf home; cp -r good home

# ---- proofs, checked where there is no ledger ----
away() { out=$(HEARTH_HOME=$TAP_TMP/nowhere "$HEARTH" "$@" 2> err < /dev/null); status=$?; err=$(cat err); }
h ledger prove 7 -o p7;               is "prove" $status 0
is "its form" "$(sed -n '1p;2p' p7 | tr '\n' ' ')" "c2sp.org/tlog-proof@v1 index 7 "
away ledger check p7 --key "$key" --entry entry7; has "check with the entry" "$status $out" "0 right: entry 7 is in the log"
away ledger check p7 --key "$key";    one_sentence "check without it" 2 "give it with --entry"
h ledger prove 7 --with-entry -o p7e
away ledger check p7e --key "$key" --json; is "check of a proof that has it" "$status $(py '(d["right"], d["proofs"][0]["number"], d["proofs"][0]["size"])')" "0 (True, 7, 302)"
away ledger check p7e;                one_sentence "no key" 1 "whose key is not among those that are trusted here"
h ledger check p7e;                   is "at home its own key is used" $status 0
sed 's/pupil/PUPIL/; s/"answer":8/"answer":9/' entry7 > forged7
away ledger check p7 --key "$key" --entry forged7; one_sentence "a forged receipt" 1 "are not entry 7 of hearth.local/"
sed '2s/7/8/' p7 > moved;             away ledger check moved --key "$key" --entry entry7; one_sentence "another number" 1 "are not entry 8"
other=$(HEARTH_HOME=$TAP_TMP/other "$B/tests/tools/make_receipts" 3 && cat "$TAP_TMP/other/keys/ledger.vkey")
HEARTH_HOME=$TAP_TMP/other "$HEARTH" ledger prove 1 --with-entry -o foreign
away ledger check foreign --key "$key"; one_sentence "a foreign checkpoint" 1 "whose key is not among those that are trusted here"
{ sed '/^$/q' p7e; sed '1,/^$/d' foreign; } > mixed; away ledger check mixed --key "$other"; one_sentence "its checkpoint under another's proof" 1 "about entry 7"
sed 's/^302$/303/' p7e > larger;      away ledger check larger --key "$key"; one_sentence "another size in the checkpoint" 1 "the signature in the name of hearth.local/"
away ledger check p7e --key "${key%?}";  one_sentence "half a key" 1 "--key"
away ledger check entry7 --key "$key"; one_sentence "no proof at all" 1 "this is no proof"
away ledger check nofile --key "$key"; one_sentence "no file" 1 "nofile"
cp "$HEARTH_HOME/keys/ledger.vkey" vkey; away ledger check p7e --key vkey; is "a key in a file" $status 0

# ---- growth ----
cp home/ledger/checkpoint older; "$B/tests/tools/make_receipts" 40 300
h ledger prove --from older -o grown; is "prove growth" $status 0
away ledger check grown --from older --key "$key"; has "check growth" "$status $out" "0 right: the log $(echo "$key" | sed 's/+.*//') only grew, from 302 entries to 342"
away ledger check grown --key "$key"; one_sentence "growth from what?" 2 "give that with --from"
away ledger check grown --from "$TAP_TMP/other/ledger/checkpoint" --key "$key"; one_sentence "from a foreign checkpoint" 1 "is not signed by"
h ledger prove --from "$TAP_TMP/other/ledger/checkpoint"; one_sentence "prove from a foreign checkpoint" 1 "is not signed by"
cp -r home ahead; cp home/ledger/checkpoint newer; rm -rf home; cp -r good home
h ledger prove --from newer;          one_sentence "from a checkpoint that is ahead: the log was cut back" 1 "entries were taken out"
rm -rf home; mv ahead home

# ---- export ----
h ledger export part --key library --from 2026-01-01T02:00Z; is "a part" $status 0
away ledger check part --key "$key";  has "it is right by itself" "$status $out" "0 right: all $(count --key library --from 2026-01-01T02:00Z) entries are in the log"
h ledger export all; away ledger check all --key "$key"; has "none left out" "$out" "all 342 entries are in the log, numbers 0 to 341, none left out"
sed '0,/^index 200$/s//index 201/' all > spoilt; away ledger check spoilt --key "$key"; one_sentence "one of many is spoilt" 1 "are not entry 201"
h ledger export copy/;                is "the whole" $status 0
away ledger verify --dir copy --key "$key"; has "the copy is right by itself" "$status $out" "0 every byte is as it was signed: 342 entries"
away ledger verify --dir copy --key "$other"; is "not with another key" $status 1
h ledger export copy/;                one_sentence "not into a folder that is in use" 2 "the folder is not empty"
h ledger export new/ --task ask;      one_sentence "a part is no log" 2 "a part goes into a file"
h ledger export none --task nothing;  one_sentence "nothing to export" 1 "no receipt is like that"
is "... so no file is left" "$(ls | grep -c '^none')" 0

# ---- witness ----
h ledger witness --listen 127.0.0.1:0 --state wit --trust "$other+"; is "a key that is none" $status 1
h ledger witness --listen nowhere --state wit2; one_sentence "no address" 2 "is no address to listen at"
h ledger witness --listen 127.0.0.1:0; one_sentence "no folder" 2 "needs --state"
"$HEARTH" ledger witness --listen 127.0.0.1:0 --state wit --name witness.test/w --trust "$key" > wit.out 2> wit.err &
pid=$!
trap 'kill $pid 2> /dev/null; rm -rf "$TAP_TMP"' EXIT
i=0; until grep -q "+" wit.out || [ $i = 600 ] || ! kill -0 $pid 2> kill.log; do sleep 0.1; i=$((i + 1)); done
url=http://127.0.0.1:$(sed -n 's/^listening at 127.0.0.1:\([0-9]*\),.*/\1/p' wit.out) wkey=$(tail -1 wit.out)
h ledger witness "$url";              one_sentence "its key must be known" 2 "its key must be said once"
h ledger witness "$url" --key "$wkey"; has "it signs" "$status $out" "0 witness.test/w signed at"
"$B/tests/tools/make_receipts" 5 400
h ledger witness "$url" --json;       is "and again, its key is known now" "$status $(py 'd["size"]')" "0 347"
h ledger verify;                      has "verify finds the cosignature" "$out" "cosigned by witness.test/w: 347 entries"
h ledger prove 7 --with-entry -o p7w; away ledger check p7w --key "$key" --key "$wkey"; has "a proof carries it" "$status $out" "cosigned by witness.test/w"
away ledger check p7e --key "$key" --key "$wkey"; one_sentence "an earlier proof does not" 1 "the witness witness.test/w has not signed"
h ledger prove 7 --newest; has "unless the newest is wanted" "$out" "index 7"
rm -rf copy2; h ledger export copy2/; away ledger verify --dir copy2; has "a copy brings the cosignatures" "$out" "cosigned by witness.test/w"
cp -r home evil
HEARTH_HOME=$TAP_TMP/evil "$B/tests/tools/make_receipts" 4 900; "$B/tests/tools/make_receipts" 4 500; h ledger witness "$url"; is "the log goes on" $status 0
evil() { out=$(HEARTH_HOME=$TAP_TMP/evil "$HEARTH" "$@" 2> err < /dev/null); status=$?; err=$(cat err); }
evil ledger witness "$url";           one_sentence "its fork is refused" 1 "refuses this ledger as a fork"
has "the witness says so too" "$(tail -1 wit.err)" "422  $(echo "$key" | sed 's/+.*//'): a fork"
rm -rf evil; cp -r good evil; evil ledger witness "$url" --key "$wkey"; one_sentence "one that was cut back too" 1 "it has signed 351 entries"
HEARTH_HOME=$TAP_TMP/other; h ledger witness "$url" --key "$wkey"; one_sentence "a log it does not watch" 1 "does not watch"; HEARTH_HOME=$TAP_TMP/home
kill -INT $pid; wait $pid; is "Ctrl-C ends it" $? 0
h ledger witness "$url";              one_sentence "nobody there" 1 "$url"

# ---- forget ----
model=$TAP_TMP/model.gguf; "$B/tests/tools/make_model" "$model" seed=8 > /dev/null
for i in 1 2 3; do "$HEARTH" run "$model" --raw "secret $i" --max-tokens 4 > /dev/null 2>&1; done
words() { find home/transcripts -name '*.json' | wc -l; }
is "three transcripts" "$(words)" 3
h ledger forget 351;                  one_sentence "without a terminal it wants --yes" 2 "--yes erases without asking"
root_before=$(h ledger verify --json; py 'd["root"]')
h ledger forget 351 --yes;            has "one is erased" "$status $out" "0 erased the words of 1 answer"
has "and the log verifies" "$out" "verifies as before: 354 entries, root $root_before"
is "two are left" "$(words)" 2
h ledger forget 351 --yes;            has "it is gone" "$status $out" "0 no words were kept"
h ledger forget --before 2026-01-01 --yes; is "none is so old" "$status $(words)" "0 2"
h ledger forget --all --before 2026-01-01; is "one way at a time" $status 2
h ledger forget --before Monday --yes; one_sentence "no day" 2 "is no day"
printf 'wait [y/N]\ntype n\n' | python3 "$root/tests/tools/terminal.py" "$HEARTH" ledger forget --all > term.log
has "on a terminal it asks, and no means no" "$(words) $(cat term.log)" "2 "
h ledger forget --all --yes;          is "all" "$status $(words)" "0 0"
echo "a secret" > home/chat_history
h ledger forget --before 2026-01-01 --yes; has "lines typed in chats are named" "$status $(cat err)" "0 hearth: the lines typed in chats are remembered in"
h ledger forget --all --yes;          is "--all erases them too" "$status $(ls home | grep -c chat_history)" "0 0"

# ---- what a stranger wrote drives no terminal ----
esc=$(printf '\033'); cp "$model" "m$esc]0;P.gguf"
"$HEARTH" run "m$esc]0;P.gguf" --raw "x" --max-tokens 1 > /dev/null 2>&1
h ledger prove 354 --with-entry -o strange.txt; is "a proof with an odd name in it" $status 0
echo "wait tokens" | python3 "$root/tests/tools/terminal.py" "$HEARTH" ledger check strange.txt --key "$key" > term.log
is "its control character is shown, not sent" "$(grep -c 'x1b]0;P.gguf' term.log) $(grep -c "$esc]0;P" term.log)" "1 0"

# ---- the memory beside the key ----
mv home/keys/ledger.last last; h ledger verify; has "without it verify warns" "$status $(cat err)" "1 hearth: $HEARTH_HOME/keys/ledger.last is missing"
mv last home/keys/ledger.last; h ledger verify; is "with it all is well" $status 0
tap_end
