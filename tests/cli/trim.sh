#!/bin/sh
# `hearth trim` and `hearth vocab extend`: the real model says the same with the tokens of a book, and takes fewer for another language.
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/../tools/model.sh"
tap_begin 22

fails() { # fails COMMAND...: sets err, "CODE MESSAGE"
    err=$("$@" 2>&1 > /dev/null); err="$? $err"
}
say() { # say MODEL: what it writes, greedily
    "$HEARTH" run "$1" --raw --temp 0 --max-tokens 24 "The captain of the ship looked over the water and" 2> "$TAP_TMP/err"
}
trimmed=$TAP_TMP/trimmed.gguf
"$HEARTH" run smollm2 --raw --temp 0 --max-tokens 24 "The captain of the ship looked over the water and" > "$TAP_TMP/said" 2> "$TAP_TMP/err"
{ cat "$root/data/text/moby-dick-1-11.txt"; echo; echo "The captain of the ship looked over the water and"; cat "$TAP_TMP/said"; } > "$TAP_TMP/text"
out=$("$HEARTH" trim smollm2 --text "$TAP_TMP/text" -o "$trimmed" --json)
is "the vocabulary is less than a fifth" "$(json 'd["tokens_before"] > 5 * d["tokens_after"]')" True
is "the text takes as many tokens as before" "$(json 'd["text_tokens_before"] == d["text_tokens_after"]')" True
is "what went is rows of the vocabulary" "$(json 'd["tensors_before"] - d["tensors_after"] == d["vocabulary_before"] - d["vocabulary_after"] > 0')" True
is "the file is as large as is said" "$(json 'd["file_after"]')" "$(wc -c < "$trimmed" | tr -d ' ')"
is "the same words, greedily" "$(say "$trimmed")" "$(cat "$TAP_TMP/said")"
is "special tokens have other numbers and the same names" "$("$HEARTH" tokenize "$trimmed" "<|im_end|>" | "$HEARTH" tokenize "$trimmed" --decode)" "<|im_end|>"
is "the first words are cut as before" "$("$HEARTH" tokenize "$trimmed" "The captain of the ship" | wc -w)" "$("$HEARTH" tokenize smollm2 "The captain of the ship" | wc -w)"
printf 'zqxj \346\274\242' > "$TAP_TMP/odd"
is "what was not in the text comes back from bytes" "$("$HEARTH" tokenize "$trimmed" < "$TAP_TMP/odd" | "$HEARTH" tokenize "$trimmed" --decode)" "$(cat "$TAP_TMP/odd")"

# ---- the chat template's words stay, and examples are read in it ----
chat() { "$HEARTH" run "$1" --private --temp 0 --max-tokens 12 "Which card was lost?" 2> "$TAP_TMP/err"; }
chat smollm2 > "$TAP_TMP/answer"
{ echo "Which card was lost?"; cat "$TAP_TMP/answer"; } > "$TAP_TMP/short"
"$HEARTH" trim smollm2 --text "$TAP_TMP/short" -o "$TAP_TMP/short.gguf" > "$TAP_TMP/out" 2>&1
is "a chat has the same answer, though the text has no word of the template" "$(chat "$TAP_TMP/short.gguf")" "$(cat "$TAP_TMP/answer")"
printf 'question,answer\nWhich card was lost?,The blue one\n"Which, then?",None\n' > "$TAP_TMP/few.csv"
out=$("$HEARTH" trim smollm2 --text "$TAP_TMP/few.csv" --columns prompt=question,completion=answer -o "$TAP_TMP/few.gguf" --json)
is "examples take as many tokens" "$(json 'd["text_tokens_before"] == d["text_tokens_after"]')" True
is "and are cut in the template" "$("$HEARTH" tokenize "$TAP_TMP/few.gguf" "<|im_start|>assistant
The blue one" | wc -w)" "$("$HEARTH" tokenize smollm2 "<|im_start|>assistant
The blue one" | wc -w)"

cp "$TAP_TMP/few.csv" "$TAP_TMP/few.CSV"
fails "$HEARTH" trim smollm2 --text "$TAP_TMP/few.CSV" --columns text=nothere -o "$TAP_TMP/x"
has "an ending in capitals is the same" "$err" 'there is no column "nothere"'
fails "$HEARTH" trim smollm2 --text "$TAP_TMP/text" --columns text=a -o "$TAP_TMP/x"
has "a text has no columns" "$err" "is read as text"

# ---- refusals change nothing ----
fails "$HEARTH" trim smollm2 --text "$TAP_TMP/text" -o "$trimmed"
is "a file that is there stays" "$err" "1 hearth: $trimmed is there already; --force replaces it"
fails "$HEARTH" trim smollm2 --text "$TAP_TMP/text"
is "no output" "$err" "2 hearth: trim needs a place for the new file: -o FILE"
fails "$HEARTH" trim smollm2 -o "$TAP_TMP/x"
is "no text" "$err" "2 hearth: trim needs a text: --text FILE"
fails "$HEARTH" trim smollm2 --text "$TAP_TMP/text" --keep 10 -o "$TAP_TMP/x"
has "too few to keep" "$err" "10 tokens to keep, allowed: at least 317, which are the single bytes, the special tokens and those of the chat template"
not_ok "nothing was written" test -e "$TAP_TMP/x"

# ---- vocab extend ----
printf 'Bonke abantu bazalwa bekhululekile belingana ngesithunzi nangamalungelo. Bahlanganiswe wumcabango nangunembeza futhi kufanele baphathane ngomoya wobunye.\n%.0s' 1 2 3 > "$TAP_TMP/zu"
out=$("$HEARTH" vocab extend smollm2 --text "$TAP_TMP/zu" --add 40 -o "$TAP_TMP/zu.gguf" --json)
is "40 tokens more" "$(json 'd["tokens_after"] - d["tokens_before"]')" 40
is "fewer tokens for the text" "$(json 'd["text_tokens_after"] < 0.8 * d["text_tokens_before"]')" True
is "English is cut as before" "$("$HEARTH" tokenize "$TAP_TMP/zu.gguf" "Why is the sky blue?")" "$("$HEARTH" tokenize smollm2 "Why is the sky blue?")"
fails "$HEARTH" vocab shrink smollm2
is "another verb" "$err" "2 hearth: vocab: \"shrink\" is nothing that is done to a vocabulary; it is: extend"
tap_end
