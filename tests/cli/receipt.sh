#!/bin/sh
# Receipts from the command line: what is written, that it holds to its schema, that it can be replayed, decided about, sealed; and
# what happens when it cannot be written.
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/../tools/model.sh"
tap_begin 72
: "${B:=$root/build}"
unset HEARTH_PASSPHRASE
ask() { call run smollm2 "$@" --max-tokens 8 --seed 3; }

# ---- the first one ----
ask "My secret is blue." --json --actor m-17 --purpose homework --task essay-1 --stop zebra
has "the first answer says what is kept, where, and how to stop it" "$err" "is kept for 30 days in $HEARTH_HOME/transcripts, where only you can read it; --private"
is "--json has the receipt and its number" "$status $(json 'd["hearth_receipt"]["number"], d["hearth_receipt"]["receipt"]["kind"]')" "0 (0, 'answer')"
is "what was said is in it" "$(json '[d["hearth_receipt"]["receipt"][k] for k in ("actor", "purpose", "task")]')" "['m-17', 'homework', 'essay-1']"
is "the tokens are counted" "$(json 'd["hearth_receipt"]["receipt"]["tokens"] == {"prompt": d["prompt_tokens"], "answer": d["answer_tokens"]}')" True
is "the model is named by its digest" "$(json 'd["hearth_receipt"]["receipt"]["model"]["sha256"]')" "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
printf '%s' "$out" > "$TAP_TMP/answer.json"
ask "And now?" --parent 0
is "the second says nothing of it" "$status $err" "0 "
is "no word of it is in the ledger" "$(grep -rlE 'secret|zebra|blue|And now' "$HEARTH_HOME/ledger" "$HEARTH_HOME/keys" | wc -l)" 0
is "the transcript has them" "$(grep -rl 'My secret is blue' "$HEARTH_HOME/transcripts" | wc -l)" 1
is "transcripts are their owner's" "$(find "$HEARTH_HOME/transcripts" -perm /077 | wc -l)" 0

# ---- the form: by other people's programs ----
cat > "$TAP_TMP/check.py" <<'E2'
import hashlib, json, sys
import jsonschema
schema = json.load(open(sys.argv[1]))
validator = jsonschema.validators.validator_for(schema)
validator.check_schema(schema)
v = validator(schema)
data = open(sys.argv[2], "rb").read()
entries = []
while data:                                # tile/entries: 2 bytes of length, then the entry
    n = int.from_bytes(data[:2], "big")
    entries.append(data[2:2 + n])
    data = data[2 + n:]
for i, e in enumerate(entries):
    r = json.loads(e)
    for error in v.iter_errors(r):
        print(i, error.json_path, error.message[:200])
    if json.dumps(r, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() != e:
        print(i, "is not canonical")
for r in [json.loads(e) for e in entries if json.loads(e)["kind"] == "answer"][:1]:
    for path, value in ((("model", "sha256"), "x"), (("tokens", "prompt"), -1), (("kind",), 3), (("extra",), 1), (("sampling", "seed"), 7)):
        bad = json.loads(json.dumps(r))
        at = bad
        for p in path[:-1]:
            at = at[p]
        at[path[-1]] = value
        if v.is_valid(bad):
            print("the schema takes", path, value)
answer = json.load(open(sys.argv[3]))["hearth_receipt"]
if hashlib.sha256(b"\0" + entries[0]).hexdigest() != answer["leaf"] or json.loads(entries[0]) != answer["receipt"]:
    print("--json shows another receipt")
print(len(entries), "entries")
E2
check() { python3 "$TAP_TMP/check.py" "$root/docs/receipt.schema.json" "$(find "$HEARTH_HOME/ledger/tile/entries" -type f | sort | tail -n 1)" "$TAP_TMP/answer.json" 2>&1 | tail -n 5; }
call decide 0 accepted --by teacher-3
is "a person decides" "$status $out" "0 receipt 0: accepted by teacher-3, entry 2 of the ledger"
is "entries hold to the schema, are canonical, and are what --json shows" "$(check)" "3 entries"
call decide 2 accepted --by x
has "about an answer only" "$status $err" "2 hearth: receipt 2 is a decision"
call decide 0 perhaps --by x
has "with three words" "$status $err" "2 hearth: \"perhaps\" is no decision"
call decide 0 accepted
has "and a name" "$status $err" "2 hearth: decide needs --by"

# ---- replay ----
call replay 0
is "replay: equal" "$status $(echo "$out" | cut -c1-37)" "0 receipt 0: equal: 8 tokens of smollm2"
out=$(HEARTH_ISA=scalar "$HEARTH" replay 1 --threads 1 2>&1); status=$?
has "another instruction set, another number of threads: equal" "$status $out" "0 receipt 1: equal: 8 tokens"
has "and said so" "$out" "again with scalar and 1"
call replay "$TAP_TMP/answer.json"
has "by the file of an answer" "$status $out" "0 receipt 0: equal"
id=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["hearth_receipt"]["receipt"]["id"])' "$TAP_TMP/answer.json")
call replay "$(echo "$id" | cut -c1-10)"
has "by the beginning of its id" "$status $out" "0 receipt 0: equal"
call replay 0 --json
is "as JSON" "$status $(json 'd["equal"], d["tokens"], d["differs"]')" "0 (True, 8, None)"
transcript=$(find "$HEARTH_HOME/transcripts" -name "$id.json")
cp "$transcript" "$TAP_TMP/given.json"
call replay 0 --transcript "$TAP_TMP/given.json"
has "a transcript that was supplied" "$status $out" "0 receipt 0: equal"
sed 's/My secret is blue/My secret is red/' "$TAP_TMP/given.json" > "$TAP_TMP/false.json"
call replay 0 --transcript "$TAP_TMP/false.json"
has "a false one" "$status $err" "1 hearth: the prompt of the transcript is not what the receipt committed to"
call replay 1 --transcript "$TAP_TMP/given.json"
has "that of another answer" "$status $err" "1 hearth: the transcript is that of receipt $id"
"$B/tests/tools/make_model" "$TAP_TMP/base.gguf" seed=3
"$B/tests/tools/make_model" "$TAP_TMP/other.gguf" seed=4
call run "$TAP_TMP/base.gguf" "Once" --max-tokens 6 --temp 1 --seed 2; made=3
call replay $made
has "a model used by its path is found again" "$status $out" "0 receipt 3: equal: 6 tokens of base.gguf"
call replay $made --model "$TAP_TMP/other.gguf"
has "another model file: the token that differs" "$status $out" "1 receipt 3: NOT EQUAL: token 1 of 6 was "
has "and why" "$out" "the model's file is another: its SHA-256 is "
call replay 0 --model "$TAP_TMP/base.gguf"
is "a model that cannot even take the tokens: a sentence" "$status $(echo "$err" | wc -l)" "2 1"
mv "$TAP_TMP/base.gguf" "$TAP_TMP/away.gguf"
call replay $made
has "a model that is not here" "$status $err" "1 hearth: the model of this receipt, base.gguf"
call replay $made --model "$TAP_TMP/away.gguf"
has "... but there" "$status $out" "0 receipt 3: equal"
call replay --all
has "--all tells what could not be replayed" "$status $err" "1 hearth: receipt 3: the model of this receipt"
has "... and the sums" "$out" "3 of 3 answers with a transcript were drawn: 2 equal, 0 not equal, 1 could not be replayed"
mv "$TAP_TMP/away.gguf" "$TAP_TMP/base.gguf"
call replay --all --json
is "--all --json: one object each, then the sums" "$status $(printf '%s' "$out" | python3 -c 'import json, sys; print(len([d := json.JSONDecoder()] and [x for x in sys.stdin.read().split("\n}\n")]))')" "0 4"
call replay --all --sample 5%
has "--sample draws one at least" "$status $out" "0 1 of 3 answers with a transcript were drawn: 1 equal"
call replay --all --sample 0
has "--sample 0: usage" "$status $err" "2 hearth: --sample"
call replay
has "no receipt: usage" "$status $err" "2 hearth: replay needs a receipt"
call replay 2
has "a decision cannot be replayed" "$status $err" "1 hearth: receipt 2 is a decision"
call replay 77
has "no such receipt" "$status $err" "1 hearth: there is no receipt 77: the ledger's last is 3"
sed 's/homework/espionage/' "$TAP_TMP/answer.json" > "$TAP_TMP/forged.json"
call replay "$TAP_TMP/forged.json"
has "a forged receipt" "$status $err" "1 hearth: $TAP_TMP/forged.json: this receipt is not the one that the ledger holds under its id (number 0)"

# ---- receipt and transcript made up together, around tokens that are real ----
call ledger show $made --json; printf '%s' "$out" > "$TAP_TMP/real.json"
cat > "$TAP_TMP/forge.py" <<'E3'
import hashlib, json, sys
r, t = json.load(open(sys.argv[1])), json.load(open(sys.argv[2]))
r = r.get("receipt", r)
def commitment(part):
    text = json.dumps(t[part], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return hashlib.sha256(b"hearth/" + part.encode() + b"/v1\0" + bytes.fromhex(t["salts"][part]) + text).hexdigest()
assert all(commitment(p) == r["commitments"][p] for p in r["commitments"])
t["prompt"]["messages"][-1]["content"] = "Should the court convict?"
t["answer"]["text"] = "Yes. The accused is guilty."
r["finish"], r["sampling"]["temperature"], r["tokenizer_sha256"] = "stop", "0x0p+0", "0" * 64
r["commitments"] = {p: commitment(p) for p in r["commitments"]}
json.dump(r, open(sys.argv[3], "w"))
json.dump(t, open(sys.argv[4], "w"))
E3
id=$(python3 -c 'import json, sys; r = json.load(open(sys.argv[1])); print(r.get("receipt", r)["id"])' "$TAP_TMP/real.json")
python3 "$TAP_TMP/forge.py" "$TAP_TMP/real.json" "$(find "$HEARTH_HOME/transcripts" -name "$id.json")" "$TAP_TMP/made-up.json" "$TAP_TMP/made-up-transcript.json"
out=$(HEARTH_HOME=$TAP_TMP/elsewhere "$HEARTH" replay "$TAP_TMP/made-up.json" --transcript "$TAP_TMP/made-up-transcript.json" --model "$TAP_TMP/base.gguf" 2>&1); status=$?
has "a receipt made up around real tokens" "$status $out" "1 $(echo "$id" | cut -c1-12) (not of this computer's ledger): NOT EQUAL: its 6 tokens are, but the receipt says temperature 0, the transcript's options 1; "
has "... its text" "$out" "the transcript's text is not that of the tokens: from byte 1 on it is \"Yes. The accused is guilty.\""
has "... its question" "$out" "the words of message 1 (\"Should the court convict?\") do not stand in the tokens of the prompt"
has "... why it ended, and its tokenizer" "$(echo "$out" | grep -o 'finish stop, made again it is length')$(echo "$out" | grep -o 'tokenizer_sha256 0000')" "finish stop, made again it is lengthtokenizer_sha256 0000"

# ---- a chat: each turn a receipt over the whole session ----
printf 'Hello\nAnd now?\n/bye\n' | "$HEARTH" chat smollm2 --max-tokens 6 --seed 4 > "$TAP_TMP/chat" 2> "$TAP_TMP/err"
call replay 4
has "the first turn of a chat: equal" "$status $out" "0 receipt 4: equal: "
call replay 5
has "the second: equal" "$status $out" "0 receipt 5: equal: "
call replay 5 --json
is "its words are those of its tokens" "$status $(json 'd["equal"], d["words"], d["contradiction"]')" "0 (True, 'compared', '')"
call transcripts show 5
has "its transcript has the conversation" "$status $out" "0 user:
Hello

assistant:"
has "... to its end" "$out" "And now?"
call transcripts
is "the list names each by its receipt, the newest first" "$(echo "$out" | awk 'NR > 1 { print $1 }' | sort -rnc 2>&1 && echo "$out" | awk 'NR == 2 { print $1 }')" 5

# ---- what is kept ----
kept() { find "$HEARTH_HOME/transcripts" -name '*.json' | wc -l; }
before=$(kept)
ask "Private." --private
is "--private: no transcript" "$status $(kept)" "0 $before"
call replay 6
has "... and so no replay" "$status $err" "1 hearth: there is no transcript of receipt"
printf '[transcripts]\nkeep = no\n' > "$HEARTH_HOME/hearth.ini"
ask "Not kept."
is "keep = no: none" "$status $(kept)" "0 $before"
printf '[transcripts]\nkeep = forever\n' > "$HEARTH_HOME/hearth.ini"
ask "x"
has "a mistake in the ini: a sentence, and nothing is answered" "$status [$out] $err" "1 [] hearth: $HEARTH_HOME/hearth.ini: [transcripts] keep is \"forever\""
rm "$HEARTH_HOME/hearth.ini"
ask "x" --parent 999
has "a parent that does not exist" "$status [$out] $err" "[] hearth: parent receipt 999 does not exist: the ledger holds 8"
ask "x" --parent blue
has "a parent that is no number" "$status $err" "2 hearth: --parent"

# ---- sealed ----
call transcripts seal
has "seal needs a passphrase" "$status $err" "2 hearth: seal needs a passphrase"
out=$(HEARTH_PASSPHRASE="correct horse" "$HEARTH" transcripts seal 2>&1); status=$?
has "seal" "$status $out" "0 sealed: $before transcripts"
is "no word can be read" "$(grep -rl 'My secret' "$HEARTH_HOME/transcripts" | wc -l)" 0
ask "Sealed from the start."
is "answering asks for nothing" "$status $err" "0 "
call replay 8
has "reading does" "$status $err" "2 hearth: the transcripts in $HEARTH_HOME/transcripts are sealed: the passphrase is needed"
out=$(HEARTH_PASSPHRASE="wrong horse" "$HEARTH" replay 8 2>&1); status=$?
has "a wrong one" "$status $out" "1 hearth: that is not the passphrase"
out=$(HEARTH_PASSPHRASE="correct horse" "$HEARTH" replay 8 2>&1); status=$?
has "the right one" "$status $out" "0 receipt 8: equal"
HEARTH_PASSPHRASE="correct horse"; export HEARTH_PASSPHRASE

# ---- special tokens in a person's text are text ----
prompt_of() { call transcripts show "$1" --json; json 'd["prompt"]["tokens"]'; }
ask "a <|im_end|> b"
is "<|im_end|> in a text is no token" "$(prompt_of 9 | tr -cd '0-9,' | tr ',' '\n' | grep -cx 2)" 2
ask "a < b" > "$TAP_TMP/ok.log"
is "... the template's own are" "$(prompt_of 10 | tr -cd '0-9,' | tr ',' '\n' | grep -cx 2)" 2
out=$("$HEARTH" run smollm2 "Summarise:" --ctx 200 --max-tokens 4 --truncate --json < "$root/data/text/moby-dick-1-11.txt" 2> "$TAP_TMP/err")
is "what was cut is in the receipt" "$(json 'd["hearth_receipt"]["receipt"]["truncated"]["from"] > 20000 and d["hearth_receipt"]["receipt"]["truncated"]["to"] == d["prompt_tokens"]')" True
is "all of them hold to the schema" "$(check)" "12 entries"

terminal "wait receipt" run smollm2 "x" --max-tokens 3
has "a terminal is told the energy and the number below the answer" "$out" "; receipt 12"

# ---- when it cannot be written, the answer stands ----
(ulimit -f 1; "$HEARTH" run smollm2 "Full." --max-tokens 8 --seed 3 --json > "$TAP_TMP/out" 2> "$TAP_TMP/err" < /dev/null); status=$?
out=$(cat "$TAP_TMP/out")
is "no room on the disk: the answer" "$status $(json 'd["answer_tokens"], d["hearth_receipt"]')" "0 (8, None)"
is "... and one sentence" "$(grep -c "no receipt was made of this answer: " "$TAP_TMP/err") $(wc -l < "$TAP_TMP/err")" "1 1"
chmod 644 "$HEARTH_HOME/keys/ledger.key"
ask "Keys." --json
has "a key that others can read: one sentence" "$status $(json 'd["hearth_receipt"]') $err" "0 None hearth: no receipt was made of this answer: $HEARTH_HOME/keys/ledger.key"
chmod 600 "$HEARTH_HOME/keys/ledger.key"
is "nothing is left of those" "$(find "$HEARTH_HOME/transcripts" -name '*.json*' | wc -l)" $((before + 5))
ask "Again."
call replay 13
has "and the ledger goes on" "$status $out" "0 receipt 13: equal"
call run smollm2 "Hi." --raw --max-tokens 4 --system "Be short."
call replay 14
has "a prompt that is not the template's: so far its words were compared, and that is said" "$status $out" "; the words of 1 of 2 messages stand in the tokens of the prompt; the rest of the prompt was not compared"
tap_end
