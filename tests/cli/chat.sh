#!/bin/sh
# `hearth chat` on the real model: by a pipe, and in a terminal with a person at the keyboard.
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/../tools/model.sh"
tap_begin 49

# talk LINES ARG...: the lines come from a pipe
talk() {
    lines=$1; shift
    out=$(printf "$lines" | "$HEARTH" chat smollm2 --temp 0 "$@" 2> "$TAP_TMP/err"); status=$?; err=$(cat "$TAP_TMP/err")
}
talk 'Hi\n' --max-tokens 3 > "$TAP_TMP/log"      # the first one says what the default model is

# ---- turns ----
talk 'Name a fruit.\nName another.\n' --max-tokens 12 --verbose
is "the end of the input ends the chat" $status 0
kept=$(printf '%s\n' "$err" | sed -n 's/^\([0-9]*\) tokens kept, .*/\1/p' | tail -n 1)
new=$(printf '%s\n' "$err" | sed -n 's/^.* kept, \([0-9]*\) evaluated, .*/\1/p' | tail -n 1)
is "the second turn keeps the tokens of the first" "$([ "$kept" -gt 40 ] && echo kept)" kept
is "... and evaluates only what is new" "$([ "$new" -lt 25 ] && echo few)" few
second=$(printf '%s\n' "$out" | tail -n 1)

cat > "$TAP_TMP/turns.py" <<'E2'
import json, subprocess, sys          # the same conversation in one call of run, by hand in the template
program, first = sys.argv[1], sys.argv[2]
text = ("<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
        "<|im_start|>user\nName a fruit.<|im_end|>\n<|im_start|>assistant\n" + first +
        "<|im_end|>\n<|im_start|>user\nName another.<|im_end|>\n<|im_start|>assistant\n")
print(subprocess.run([program, "run", "smollm2", "--raw", "--temp", "0", "--max-tokens", "12", text], stdin=subprocess.DEVNULL,
                     stdout=subprocess.PIPE, text=True).stdout.split("\n")[-2])
E2
call run smollm2 "Name a fruit." --temp 0 --max-tokens 12
is "the second answer is that of the whole conversation at once" "$second" "$(python3 "$TAP_TMP/turns.py" "$HEARTH" "$out")"

talk 'Name a fruit.\n/clear\nName a fruit.\n' --max-tokens 12 --verbose
is "/clear: the same question, the same answer" "$(printf '%s\n' "$out" | grep -vx forgotten | sort -u | wc -l)" \
   "$(printf '%s\n' "$out" | grep -vx forgotten | awk 'END { print NR / 2 }')"
talk '/system Answer in French.\n/system\n/show\n'
has "/system shows the text" "$out" "Answer in French."
has "/show shows it too" "$out" "system             Answer in French."
has "/show: the context" "$out" "of 4096 tokens"

# ---- /set ----
talk '/set\n'
has "/set lists the parameters" "$out" "  temp               0"
talk '/set temp 0.5\n/set\n/set stop END\n/set\n/set stop\n'
has "/set changes one" "$out" "  temp               0.5"
has "/set stop adds one" "$out" "  stop               END"
talk '/set tmp 1\n'
has "/set of an unknown one: a near match" "$err" "/set has no tmp; did you mean temp?"
talk '/set temp hot\n/set temp\n/set ctx 5\n'
has "/set of a value that is none" "$err" '/set temp: "hot" is not a number from 0 to 100'
has "/set without a value" "$err" "/set temp needs a value"
has "/set of what cannot be changed here" "$err" "/set has no ctx"

# ---- mistakes ----
talk '/hlep\n'
has "an unknown command: a near match" "$err" "there is no /hlep; did you mean /help?"
talk '/quit\n/set\n'
lacks "/quit leaves too" "$out" "temp"
talk '/?\n'
has "/? lists the commands" "$out" "/save"
talk '//x is a path\n' --max-tokens 2 --verbose
has "// sends a line that begins with /" "$err" "2 answered"

# ---- long conversations ----
python3 -c 'print("word " * 300)' > "$TAP_TMP/long"
talk "$(cat "$TAP_TMP/long")\nHi\n" --ctx 200 --max-tokens 3
has "a turn longer than the context: both numbers" "$err" "tokens and the context holds 200"
is "... and the chat goes on" "$([ -n "$out" ] && echo answered)" answered
short=$(cut -c 1-400 "$TAP_TMP/long")
talk "$short\n$short\n$short\n" --ctx 300 --max-tokens 3
has "a conversation that has grown too long: refused, with advice" "$err" "/clear begins anew"
talk "$short\n$short\n$short\n" --ctx 300 --max-tokens 3 --truncate
has "--truncate: the oldest turns go, and it says so" "$err" "were cut"
is "... and every turn is answered" "$(printf '%s\n' "$out" | grep -c .)" 3

# ---- saved chats ----
talk 'Name a fruit.\n/save one\n' --max-tokens 6 --system "Be short."
has "/save says so" "$out" "saved: 1 turn"
is "a saved chat is its owner's alone" "$(stat -c %a "$HEARTH_HOME/chats/one.json" "$HEARTH_HOME/chats" | tr '\n' ' ')" "600 700 "
out=$(cat "$HEARTH_HOME/chats/one.json")
is "a saved chat is JSON" "$(json '(d["format"], d["system"], [m["role"] for m in d["messages"]])')" \
   "('hearth chat 1', 'Be short.', ['user', 'assistant'])"
talk '/load one\n/show\nAnd another?\n/save two\n' --max-tokens 6
has "/load brings it back, with the system text" "$out" "system             Be short."
out=$(cat "$HEARTH_HOME/chats/two.json")
is "... and it goes on" "$(json 'len(d["messages"])')" 4
talk '/save empty\n/load empty\nHi\n' --max-tokens 2
has "an empty chat can be saved, brought back and gone on with" "$out" "loaded: 0 turns"
talk '/load\n'
is "/load lists them" "$(printf '%s\n' "$out" | tr '\n' ' ')" "empty one two "
talk '/load three\n/save ../../x\n/save .x\n/save\n/save a/b\n'
has "/load of none: a sentence" "$err" "there is no such chat"
is "a name is never a path" "$(printf '%s\n' "$err" | grep -c 'cannot be the name of a chat')" 3
echo precious > "$TAP_TMP/precious"
ln -s "$TAP_TMP/precious" "$HEARTH_HOME/chats/link.json"
talk '/save link\n/load link\n'
is "a symbolic link in the folder is not written through" "$(cat "$TAP_TMP/precious")" precious
is "... nor read through" "$(printf '%s\n' "$err" | grep -c 'link')" 2
mv "$HEARTH_HOME/chats" "$HEARTH_HOME/elsewhere"; ln -s elsewhere "$HEARTH_HOME/chats"
talk '/save x\n'
has "a folder that is a link is refused" "$err" "is not a folder but a link"
rm "$HEARTH_HOME/chats"; mv "$HEARTH_HOME/elsewhere" "$HEARTH_HOME/chats"
for bad in '{' '[]' '{"format":"hearth chat 2"}' '{"format":"hearth chat 1","model":"m","messages":[{"role":"assistant","content":"x"}]}' \
           '{"format":"hearth chat 1","model":"m","messages":[{"role":"user","content":7},{"role":"assistant","content":"x"}]}'; do
    printf '%s' "$bad" > "$HEARTH_HOME/chats/bad.json"
    talk '/load bad\n/show\n'
    printf '%s %s\n' "$status" "$err"
done > "$TAP_TMP/bad"
is "damaged chats: a sentence each, and the chat goes on" "$(grep -c '^0 hearth: chat bad: ' "$TAP_TMP/bad")" 5

# ---- a base model ----
: "${B:=$root/build}"
"$B/tests/tools/make_model" "$TAP_TMP/base.gguf" seed=3
call chat "$TAP_TMP/base.gguf"
has "a base model: what to take instead" "$status $err" "take an instruct model such as smollm2"

# ---- in a terminal ----
terminal 'wait >>> 
type Name a fruit.
wait tokens/s
wait >>> 
type /show
wait max-tokens
keys \x1b[A\x1b[A
pause 0.3
keys \r
wait tokens/s
wait >>> 
keys \x03
wait Ctrl-D leaves
wait >>> 
keys half a line\x03
wait Ctrl-D leaves
wait >>> 
raw
keys \x04' chat smollm2 --temp 0 --max-tokens 6 --verbose
has "keys: the history, Ctrl-C at the prompt, Ctrl-D" "$out" "exit 0"
is "... the line of two up was sent again" "$(printf '%s\n' "$out" | grep -c ' 6 answered')" 2
is "the history is its owner's alone" "$(stat -c %a "$HEARTH_HOME/chat_history")" 600
is "... and has what was typed" "$(grep -cx 'Name a fruit.' "$HEARTH_HOME/chat_history")" 2
terminal 'wait >>> 
type My secret is 4711.
wait tokens/s
wait >>> 
type /bye' chat smollm2 --private --max-tokens 2
has "--private: a chat all the same" "$out" "exit 0"
is "... of which no line is remembered" "$(grep -c 4711 "$HEARTH_HOME/chat_history")" 0

terminal 'wait >>> 
type x
wait ,,,,,,,,
keys \x03
wait (ended; receipt
wait >>> 
type Hello
wait tokens/s
wait >>> 
type /bye' chat smollm2 --max-tokens 300 --logit-bias 28=1000
has "Ctrl-C ends the answer, names its receipt and keeps the chat" "$out" "(ended; receipt "
has "... which goes on until /bye" "$out" "exit 0"

terminal 'wait >>> 
type """first
wait ... 
type second"""
wait tokens/s
wait >>> 
type /save lines
wait saved
type /bye' chat smollm2 --temp 0 --max-tokens 3
out=$(cat "$HEARTH_HOME/chats/lines.json")
is 'a text of several lines, between """ and """' "$(json 'repr(d["messages"][0]["content"])')" "'first\\nsecond'"

before=$(wc -l < "$HEARTH_HOME/chat_history")
terminal 'wait >>> 
type /show
wait seed
type /bye' chat smollm2 --no-history
is "--no-history writes none" "$(wc -l < "$HEARTH_HOME/chat_history")" "$before"
esc=$("$HEARTH" tokenize smollm2 "$(printf '\033')")
terminal 'wait >>> 
type x
wait tokens/s
type /bye' chat smollm2 --max-tokens 2 --logit-bias "$esc=1000"
has "a terminal is shown control characters, and not sent them" "$out" '\x1b\x1b'
tap_end
