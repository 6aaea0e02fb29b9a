#!/bin/sh
# `hearth train`: a tokenizer and a model from nothing but text, the same on any number of threads and when it is broken off; its folder.
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/../tools/model.sh"
tap_begin 18
mkdir "$TAP_TMP/work" && cd "$TAP_TMP/work" || exit 1
HEARTH_HOME=$TAP_TMP/home
export HEARTH_HOME
head -c 24000 "$root/data/text/moby-dick-1-11.txt" > book.txt

train() { "$HEARTH" train book.txt --size 60k --vocab 300 --ctx 32 --batch 2 --sample 0 --name it --json "$@" 2> err; }
out=$(train --steps 6 --threads 1 -o a.gguf --safetensors a)
is "six steps" "$(json 'd["steps"]')" 6
is "about as large as was asked" "$(json '45000 < d["parameters"] < 80000')" True
is "it learns" "$(json 'd["last_loss"] < d["first_loss"]')" True
is "nothing is left beside it but page and picture" "$(ls)" "a
a.gguf
a.gguf.html
a.gguf.svg
book.txt
err"
train --steps 6 --threads 2 -o b.gguf > /dev/null
ok "two threads give the same file" cmp a.gguf b.gguf
is "it speaks" "$("$HEARTH" run ./a.gguf --raw --private --max-tokens 5 "The" > /dev/null 2>&1; echo $?)" 0
is "the folder is cut as the file" "$("$HEARTH" tokenize ./a --no-bos "Call me Ishmael." | wc -w)" "$("$HEARTH" tokenize ./a.gguf --no-bos "Call me Ishmael." | wc -w)"
nll() { out=$("$HEARTH" perplexity "$1" start.txt --ctx 64 --arithmetic float --json); json 'round(d["nll_mean"], 4)'; }
head -c 3000 book.txt > start.txt
is "and says the same" "$(nll ./a)" "$(nll ./a.gguf)"
out=$(train --steps 2 --family gemma3 -o g.gguf)
is "another family" "$(json 'd["steps"]')" 2
"$HEARTH" train book.txt --size 60k --vocab 300 --ctx 32 --batch 2 --steps 2 --sample 1 -o s.gguf > said 2> err
has "a sample of what it writes" "$(cat err)" "step 2, loss "

fails() { err=$("$@" 2>&1 > /dev/null); err="$? $err"; }
fails "$HEARTH" train book.txt -o a.gguf
is "a file that is there stays" "$err" "1 hearth: a.gguf is there already; name another place, or remove it first"
cp book.txt mine.texts.jsonl
fails "$HEARTH" train mine.texts.jsonl -o mine.gguf
has "a corpus with the name of a file that training makes" "$err" "mine.texts.jsonl is there already"
is "stays as it is" "$(cmp book.txt mine.texts.jsonl && echo same)" same
fails "$HEARTH" train nowhere.txt -o mine.gguf
is "and where the corpus is misspelt" "$(cmp book.txt mine.texts.jsonl && echo same)" same
fails "$HEARTH" train book.txt
is "no output" "$err" "2 hearth: train needs a place for the model: -o NAME.gguf"
fails "$HEARTH" train book.txt -o x.gguf --size lots
is "no size" "$err" '2 hearth: --size "lots" should be a number of parameters, as 3M or 120M'
fails "$HEARTH" train book.txt -o x.gguf --family rnn
has "no family" "$err" 'family "rnn", allowed: '
printf '' > empty.txt
fails "$HEARTH" train empty.txt -o x.gguf
has "no text" "$err" "empty.txt"
tap_end
