#!/bin/sh
# `hearth run` on the real model: the answer of the reference, seeds, limits, stops, what is refused, what a terminal sees.
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/../tools/model.sh"
tap_begin 61

golden() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["prompts"][int(sys.argv[2])][sys.argv[3]])' \
           "$root/tests/golden/smollm2.json" "$1" "$2"; }
long=$root/data/text/moby-dick-1-11.txt

# ---- the first run says what the default model is, once ----
call run smollm2 "Hi" --max-tokens 2
has "the first run says that this is a demonstration model" "$err" "demonstration model"
call run smollm2 "Hi" --max-tokens 2
is "the second run does not" "$err" ""

has "... nor does it come in another way" "$(ls "$HEARTH_HOME")" introduced

# ---- a model of the catalogue that is not here is fetched first ----
model=${HEARTH_TEST_MODEL:-$HEARTH_TEST_HOME/models/blobs/sha256-b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53}
away=$TAP_TMP/away; mkdir "$away"
entry() { printf '[model %s]\naliases = %s-too\narchitecture = llama\nparameters = 135M\nkind = %s\nlicence = Apache-2.0\naccept = %s\nsize = 98362432
sha256 = b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53\nsource = file:%s\n' "$1" "$1" "$2" "$3" "$model"; }
{ entry mini instruct no; entry asks instruct ask; entry minibase base no; } > "$away/catalogue.ini"
out=$(HEARTH_HOME=$away "$HEARTH" run asks "x" 2> "$TAP_TMP/err" < /dev/null); status=$?
has "terms that nobody accepted: refused" "$status $(cat "$TAP_TMP/err")" "accept"
out=$(HEARTH_HOME=$away "$HEARTH" chat minibase 2> "$TAP_TMP/err" < /dev/null); status=$?
has "a base model is not even fetched for a chat" "$status $(cat "$TAP_TMP/err")" "1 hearth: minibase is a base model"
is "... so nothing was" "$(ls "$away/models/blobs" 2> "$TAP_TMP/err" | wc -l)" 0
out=$(HEARTH_HOME=$away "$HEARTH" run mini-too "Hi" --max-tokens 2 2> "$TAP_TMP/err" < /dev/null); status=$?
is "run fetches a model of the catalogue and answers" "$status $(ls "$away/models/blobs" | wc -l)" "0 1"

# ---- right ----
exact="--temp 0 --arithmetic float --kv f32 --json --logprobs 0"
call run smollm2 "Why is the sky blue?" $exact --max-tokens 64
is "greedy, with the template: the tokens of transformers" "$(json '[t["id"] for t in d["tokens"]]')" "$(golden 0 greedy)"
is "the prompt's tokens are counted" "$(json 'd["prompt_tokens"]')" 36
call run smollm2 --raw "$(golden 1 prompt)" $exact --max-tokens 64
is "greedy, raw: the tokens of transformers" "$(json '[t["id"] for t in d["tokens"]]')" "$(golden 1 greedy)"
is "the tokens' texts are the text" "$(json '"".join(t["text"] for t in d["tokens"]) == d["text"]')" True
is "64 tokens were asked for, 64 came" "$(json '(d["answer_tokens"], d["finish_reason"])')" "(64, 'length')"

# ---- the same again ----
call run smollm2 "Name a fruit." --seed 7 --max-tokens 24; first=$out
call run smollm2 "Name a fruit." --seed 7 --max-tokens 24 --threads 1
is "the same seed, another number of threads: the same answer" "$out" "$first"
call run smollm2 "Name a fruit." --seed 7 --max-tokens 24 --json
is "as JSON: the same answer" "$(json 'd["text"]')" "$first"
is "the seed is told" "$(json 'd["seed"]')" 7
call run smollm2 "Name a fruit." --seed 8 --max-tokens 24 --temp 1
is "another seed: another answer" "$([ "$out" != "$first" ] && echo differs)" differs
call run smollm2 "Name a fruit." --max-tokens 12 --temp 1 --json
drawn=$(json 'd["seed"]') text=$(json 'd["text"]')
call run smollm2 "Name a fruit." --max-tokens 12 --temp 1 --json --seed "$drawn"
is "a seed that was drawn can be used again" "$(json 'd["text"]')" "$text"
call run smollm2 "Name a fruit." --max-tokens 1 --seed 5 --verbose
has "--verbose tells the seed" "$err" "seed 5"

call run smollm2 "Why is the sky blue?" --seed 1
shown=$(sed -n 's/<text [^>]*>\(.*\)<\/text>/\1/p' "$root/docs/run.svg" | sed 's/&#x27;/'"'"'/g; s/&quot;/"/g; 1d; /tokens\/s$/,$d' | tr '\n' ' ')
is "the picture in README.md shows what everybody gets" "$(printf '%s\n' "$out" | tr '\n' ' ')" "$shown"

# ---- what goes in ----
call run smollm2 "One:

two" --json --max-tokens 1 --temp 0; whole=$(json 'd["prompt_tokens"]')
out=$(printf 'two\n' | "$HEARTH" run smollm2 "One:" --json --max-tokens 1 --temp 0)
is "standard input goes behind the prompt, after an empty line" "$(json 'd["prompt_tokens"]')" "$whole"
out=$(printf 'One:\n\ntwo\n' | "$HEARTH" run smollm2 --json --max-tokens 1 --temp 0)
is "standard input alone is the prompt" "$(json 'd["prompt_tokens"]')" "$whole"
out=$(printf '\357\273\277two\n' | "$HEARTH" run smollm2 "One:" --json --max-tokens 1 --temp 0)
is "a byte order mark before it is left out" "$(json 'd["prompt_tokens"]')" "$whole"
out=$(printf '\377\300abc\000d' | "$HEARTH" run smollm2 "x" --json --max-tokens 4 2> "$TAP_TMP/err"); status=$?
has "bytes that are no text: a sentence" "$status [$out] $(cat "$TAP_TMP/err")" "1 [] hearth: standard input is no text: byte 6 is 0"
out=$(printf 'Gr\374\337e' | "$HEARTH" run smollm2 "x" --json --max-tokens 4 2> "$TAP_TMP/err"); status=$?
has "a text in Latin 1: an answer, and a warning" "$status $(cat "$TAP_TMP/err")" "0 hearth: standard input is not UTF-8 (byte 3 is 0xfc)"
call run smollm2 "$root/README.md" --json --max-tokens 1
has "the name of a file as the prompt: it is told how to give the file" "$status $err" "0 hearth: $root/README.md is a file"
call run "Why is the sky blue?"
has "a prompt without a model" "$status $err" "2 hearth: run needs a model before the prompt: hearth run smollm2 \"Why is the sky blue?\""
call run smollm2 --system "Answer in French." "Hello" --json --max-tokens 1; with=$(json 'd["prompt_tokens"]')
call run smollm2 "Hello" --json --max-tokens 1
is "--system is part of the prompt" "$([ "$with" != "$(json 'd["prompt_tokens"]')" ] && echo differs)" differs
call run smollm2
has "no prompt: usage" "$status $err" "2 hearth: run needs a prompt"

# ---- too long ----
out=$("$HEARTH" run smollm2 "Summarise:" --ctx 400 --max-tokens 4 < "$long" 2> "$TAP_TMP/err"); status=$?; err=$(cat "$TAP_TMP/err")
is "a prompt longer than the context: refused" "$status [$out]" "1 []"
has "... with the tokens of the prompt" "$err" "the prompt has 27"
has "... and of the context" "$err" "the context holds 400"
out=$("$HEARTH" run smollm2 "Summarise:" --ctx 400 --max-tokens 4 --truncate --json < "$long" 2> "$TAP_TMP/err"); status=$?
is "--truncate: an answer" "$status" 0
is "--truncate: the prompt fits, and fills what there is" "$(json '380 < d["prompt_tokens"] <= 396')" True
has "--truncate says what was cut" "$(cat "$TAP_TMP/err")" "bytes of the text were cut"
call run smollm2 --system "$(head -c 6000 "$long")" "Hi" --ctx 400 --truncate
has "--truncate cuts the text alone: a system text too long is refused" "$status $err" "1 hearth: the prompt has"

# ---- ends ----
call run smollm2 "Why is the sky blue?" --temp 0 --max-tokens 30 --json
before=$(json 'd["text"][:17]') middle=$(json 'd["text"][17:28]')
call run smollm2 "Why is the sky blue?" --temp 0 --max-tokens 30 --stop "never there" --stop "$middle" --json
is "--stop ends the answer" "$(json 'd["finish_reason"]')" stop
is "--stop: the text is what came before it, whatever the tokens" "$(json 'd["text"]')" "$before"
call run smollm2 "x" --stop ""
is "an empty --stop: usage" $status 2
call run smollm2 "Count from one to ten." --temp 0 --max-tokens 0 --json
is "--max-tokens 0: nothing" "$(json '(d["text"], d["answer_tokens"])')" "('', 0)"

# ---- the choice of tokens ----
call run smollm2 "Name a fruit." --temp 0 --max-tokens 1 --json --logprobs 5
best=$(json 'd["tokens"][0]["id"]')
is "--logprobs 5: five, the best first" "$(json '(len(d["tokens"][0]["top"]), d["tokens"][0]["top"][0]["id"])')" "(5, $best)"
is "--logprobs: they are logarithms of a distribution" \
   "$(json '0.3 < sum(math.exp(t["logprob"]) for t in d["tokens"][0]["top"]) <= 1 and d["tokens"][0]["logprob"] == d["tokens"][0]["top"][0]["logprob"]')" True
second=$(json 'd["tokens"][0]["top"][1]["id"]')
call run smollm2 "Name a fruit." --temp 0 --max-tokens 1 --json --logprobs 0 --logit-bias "$best=-100"
is "--logit-bias -100: the second is taken" "$(json 'd["tokens"][0]["id"]')" "$second"
call run smollm2 "Name a fruit." --max-tokens 5 --json --logprobs 0 --logit-bias 123=1000
is "--logit-bias 1000: nothing else comes" "$(json 'set(t["id"] for t in d["tokens"])')" "{123}"
call run smollm2 "Name a fruit." --max-tokens 8 --temp 5 --top-k 1 --min-p 0 --top-p 1 --frequency-penalty 0 --json
hot=$(json 'd["text"]')
call run smollm2 "Name a fruit." --max-tokens 8 --temp 0 --json
is "--top-k 1 is greedy, however hot" "$hot" "$(json 'd["text"]')"
call run smollm2 "Name a fruit." --logit-bias 49152=1
has "--logit-bias outside the vocabulary: usage" "$status $err" "2 hearth: --logit-bias: token id 49152 is outside the vocabulary from 0 to 49151"
call run smollm2 "Name a fruit." --logit-bias apple=1
has "--logit-bias without an id: usage" "$status $err" "2 hearth: --logit-bias: \"apple=1\""
call run smollm2 "Name a fruit." --logprobs 3
is "--logprobs without --json: usage" $status 2
call run smollm2 "Name a fruit." --kv q8_0 --max-tokens 4 --temp 0
is "--kv q8_0: an answer" "$status" 0

# ---- a terminal ----
esc=$("$HEARTH" tokenize smollm2 "$(printf '\033')")
out=$("$HEARTH" run smollm2 "x" --max-tokens 3 --logit-bias "$esc=1000" < /dev/null | od -An -tx1 | tr -d ' \n')
is "a pipe gets what the model wrote" "$out" 1b1b1b0a
terminal "wait tokens/s" run smollm2 "x" --max-tokens 3 --logit-bias "$esc=1000"
has "a terminal is shown control characters, and not sent them" "$out" '\x1b\x1b\x1b'
has "one line below the answer: time, tokens, tokens a second" "$out" "3 tokens,"
has "... and the exit status is 0" "$out" "exit 0"
call run smollm2 "x" --max-tokens 3
is "no line below the answer on a pipe" "$err" ""
terminal 'wait ,,,,,,,,
keys \x03' run smollm2 "x" --max-tokens 4000 --ctx 4096 --logit-bias 28=1000
has "Ctrl-C ends with 130" "$out" "exit 130"

# ---- what cannot be ----
call run nothing-of-that-name "x"
has "no such model: a sentence" "$status $err" "1 hearth: no model is called"
"$HEARTH" run smollm2 "x" --max-tokens 3 > /dev/full 2> "$TAP_TMP/err" < /dev/null; status=$?
has "a full disk behind standard output: a sentence" "$status $(cat "$TAP_TMP/err")" "1 hearth: standard output could not be written"
call run smollm2 "x" --ctx 1
has "a context too small for the prompt: refused" "$status $err" "1 hearth: the prompt has"

# ---- a base model, of random weights and without a template ----
: "${B:=$root/build}"
"$B/tests/tools/make_model" "$TAP_TMP/base.gguf" seed=3
call run "$TAP_TMP/base.gguf" "Once upon a time" --json --logprobs 0
is "a base model continues the text" "$status $(json 'd["finish_reason"] in ("stop", "length") and d["answer_tokens"] <= 256')" "0 True"
is "whatever it writes, JSON is UTF-8" "$(json 'len(d["text"].encode()) >= 0')" True
call run "$TAP_TMP/base.gguf" "Once" --system "x"
has "a base model takes no system text" "$status $err" "2 hearth: --system is for instruct models"
mkdir "$TAP_TMP/folder"; mv "$TAP_TMP/base.gguf" "$TAP_TMP/folder/x.gguf"
call run "$TAP_TMP/folder" "Once" --max-tokens 2
is "MODEL may be a folder" $status 0
tap_end
