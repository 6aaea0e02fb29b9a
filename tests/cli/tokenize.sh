#!/bin/sh
# `hearth tokenize`: the ids of the reference, and texts that come back as they were.
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/../tools/model.sh"
tap_begin 34

golden() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["prompts"][int(sys.argv[2])][sys.argv[3]])' \
           "$root/tests/golden/smollm2.json" "$1" "$2"; }
for i in 0 1 2 3 4; do
    golden $i prompt | head -c -1 > "$TAP_TMP/prompt"
    out=$("$HEARTH" tokenize smollm2 --json < "$TAP_TMP/prompt")
    is "prompt $i: the ids of transformers" "$(json 'd["ids"]')" "$(golden $i ids)"
done
is "--json is one line with ids alone" "$("$HEARTH" tokenize smollm2 --json "Hello there")" '{"ids":[19556,665]}'
is "without it: ids with blanks" "$("$HEARTH" tokenize smollm2 "Hello there")" "19556 665"
is "an empty text has no ids" "$("$HEARTH" tokenize smollm2 --json "")" '{"ids":[]}'
is "standard input is taken as it is, its last newline too" "$(printf 'Hello there\n' | "$HEARTH" tokenize smollm2)" "19556 665 198"
is "special tokens are read" "$("$HEARTH" tokenize smollm2 "<|im_end|>")" 2
is "--plain: they are text" "$("$HEARTH" tokenize smollm2 --plain "<|im_end|>" | wc -w)" 7
is "--pieces: a table" "$("$HEARTH" tokenize smollm2 --pieces "Hello there")" '19556  "Hello"
  665  " there"'

# ---- and back ----
back() { # back NAME: the text of $TAP_TMP/text comes back
    "$HEARTH" tokenize smollm2 < "$TAP_TMP/text" | "$HEARTH" tokenize smollm2 --decode > "$TAP_TMP/back"
    echo >> "$TAP_TMP/text"
    ok "$1 comes back" cmp "$TAP_TMP/text" "$TAP_TMP/back"
}
cp "$root/data/text/moby-dick-1-11.txt" "$TAP_TMP/text"; back "a book"
printf 'Straße, été, Ελλάδα, 日本語, हिन्दी, العربية, ไทย, 👩‍🚀🏳️‍🌈 \t\r\n  end' > "$TAP_TMP/text"; back "many scripts"
printf '\000\001\200\237 broken \355\240\200' > "$TAP_TMP/text"; back "bytes that are no UTF-8"
head -c 1000000 /dev/zero | tr '\0' 'a' > "$TAP_TMP/text"; back "a million times one letter"
is "--decode takes JSON's brackets and commas" "$("$HEARTH" tokenize smollm2 --decode "[19556, 665]")" "Hello there"
out=$("$HEARTH" tokenize smollm2 --decode --json "19556 665")
is "--decode --json" "$(json 'd["text"]')" "Hello there"

# ---- the opening token, of a model that asks for one ----
: "${B:=$root/build}"
"$B/tests/tools/make_model" "$TAP_TMP/gemma.gguf" family=gemma3 vocab=400
first=$("$HEARTH" tokenize "$TAP_TMP/gemma.gguf" "ab" | cut -d ' ' -f 1)
is "a model that asks for an opening token gets it" "$first" 2
lacks "--no-bos leaves it out" " $("$HEARTH" tokenize "$TAP_TMP/gemma.gguf" --no-bos "ab") " " 2 "
is "--decode leaves it out too" "$("$HEARTH" tokenize "$TAP_TMP/gemma.gguf" "ab" | "$HEARTH" tokenize "$TAP_TMP/gemma.gguf" --decode)" ab

cat > "$TAP_TMP/vocabulary.py" <<'E2'
import struct, sys            # a GGUF with a SentencePiece vocabulary and no tensors
def text(s): return struct.pack("<Q", len(s.encode())) + s.encode()
def pair(key, kind, value): return text(key) + struct.pack("<I", kind) + value
def array(kind, items): return struct.pack("<IQ", kind, len(items)) + b"".join(items)
tokens = ["<unk>", "<s>", "</s>"] + ["<0x%02X>" % i for i in range(256)] + ["\u2581", "a", "b", "ab", "\u2581ab"]
kinds = [2, 3, 3] + [6] * 256 + [1] * 5
pairs = [pair("general.architecture", 8, text("llama")), pair("tokenizer.ggml.model", 8, text("llama")),
         pair("tokenizer.ggml.bos_token_id", 4, struct.pack("<I", 1)),
         pair("tokenizer.ggml.tokens", 9, array(8, [text(t) for t in tokens])),
         pair("tokenizer.ggml.scores", 9, array(6, [struct.pack("<f", -float(i)) for i in range(len(tokens))])),
         pair("tokenizer.ggml.token_type", 9, array(5, [struct.pack("<i", k) for k in kinds]))]
open(sys.argv[1], "wb").write(b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + b"".join(pairs))
E2
python3 "$TAP_TMP/vocabulary.py" "$TAP_TMP/vocabulary.gguf"
is "a vocabulary without tensors is enough" "$("$HEARTH" tokenize "$TAP_TMP/vocabulary.gguf" "ab")" "1 263"
call show "$TAP_TMP/vocabulary.gguf"
has "... and can be shown" "$status $out" "no tensors"
call run "$TAP_TMP/vocabulary.gguf" "ab"
has "... but not run" "$status $err" "1 hearth: "

# ---- a tokenizer's own file, and where its tokens stand in the text, in bytes ----
mkdir "$TAP_TMP/words"
cat > "$TAP_TMP/words/tokenizer.json" <<'E3'
{"added_tokens":[{"id":0,"content":"[CLS]","special":true},{"id":1,"content":"[SEP]","special":true},{"id":2,"content":"[UNK]","special":true}],
 "normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},
 "pre_tokenizer":{"type":"BertPreTokenizer"},
 "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"[CLS]"}},{"Sequence":{"id":"A"}},{"SpecialToken":{"id":"[SEP]"}}],
                   "special_tokens":{"[CLS]":{"ids":[0]},"[SEP]":{"ids":[1]}}},
 "decoder":{"type":"WordPiece","prefix":"##","cleanup":true},
 "model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,
          "vocab":{"[CLS]":0,"[SEP]":1,"[UNK]":2,"ete":3,"un":4,"##able":5,"!":6}}}
E3
json() { "$HEARTH" tokenize "$@" --json --offsets 2> "$TAP_TMP/err"; }
is "offsets, an accent that is stripped and a word in two" "$(json "$TAP_TMP/words" "Ã©tÃ© UNABLE!" | cat)" \
   "$(json "$TAP_TMP/words/tokenizer.json" "Ã©tÃ© UNABLE!")"
is "they are bytes of the text as it was given" "$(json "$TAP_TMP/words" "$(printf '\303\251t\303\251 UNABLE!')")" \
   '{"ids":[0,3,4,5,6,1],"offsets":[[0,0],[0,5],[6,8],[8,12],[12,13],[0,0]]}'
is "without what stands around the text" "$(json "$TAP_TMP/words" --no-bos "unable x")" '{"ids":[4,5,2],"offsets":[[0,2],[2,6],[7,8]]}'
is "a special token that stands in the text" "$(json "$TAP_TMP/words" --no-bos "un[SEP]un")" '{"ids":[4,1,4],"offsets":[[0,2],[2,7],[7,9]]}'
is "and back" "$("$HEARTH" tokenize "$TAP_TMP/words" --decode "4 5 6")" "unable!"
call tokenize "$TAP_TMP/words" --offsets "x"; has "offsets without --json" "$status $err" "2 hearth: --offsets goes with --json"
call tokenize smollm2 --json --offsets "x"; has "offsets of a GGUF file's vocabulary" "$status $err" "2 hearth: --offsets: known of a tokenizer.json"

# ---- what cannot be ----
call tokenize smollm2 --decode "1 two"
has "an id that is none" "$status $err" "2 hearth: --decode: \"two\" is not a token id"
call tokenize smollm2 --decode 49152
has "an id outside the vocabulary" "$status $err" "2 hearth: "
call tokenize smollm2 --decode "-1"
is "a negative id" "$status" 2
tap_end
