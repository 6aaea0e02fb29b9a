#!/bin/sh
# Bad input on the command line (rows 1, 6, 9, 10, 16 and 17 of the record of such systems): one sentence that names the file
# and what is wrong with it, the right status, nothing half-written, no crash.
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/../tools/model.sh"
tap_begin 42
: "${B:=$root/build}"
make_model=$B/tests/tools/make_model
"$make_model" "$TAP_TMP/good.gguf" seed=3 layers=1

# sentence NAME STATUS PART ARG...: that status, one line on standard error that begins "hearth: " and holds PART, and
# nothing on standard output
sentence() {
    name=$1 wanted=$2 part=$3; shift 3
    out=$(timeout 60 "$HEARTH" "$@" 2> "$TAP_TMP/err" < /dev/null); status=$?
    lines=$(grep -c '' "$TAP_TMP/err"); err=$(cat "$TAP_TMP/err")
    case "$status $lines [$out] $err" in
        "$wanted 1 [] hearth: "*"$part"*) tap_result 0 "$name" ;;
        *) tap_result 1 "$name"; tap_note "status $status, $lines lines on standard error: $err"; tap_note "wanted $wanted and: $part" ;;
    esac
}

# ---- what is no model ----
sentence "a device"                 1 "/dev/random"         show /dev/random
sentence "an endless device"        1 "/dev/zero"           run /dev/zero "x"
mkfifo "$TAP_TMP/pipe"
sentence "a pipe, without waiting"  1 "pipe"                show "$TAP_TMP/pipe"
mkdir "$TAP_TMP/empty"
sentence "an empty folder"          1 "$TAP_TMP/empty"      show "$TAP_TMP/empty"
sentence "a file that is not there" 1 "none.gguf"           show "$TAP_TMP/none.gguf"
sentence "a text"                   1 "GGUF"                show "$root/README.md"
printf 'GGUF' > "$TAP_TMP/magic.gguf"
sentence "the magic alone"          1 "magic.gguf"          show "$TAP_TMP/magic.gguf"
: > "$TAP_TMP/nothing.gguf"
sentence "an empty file"            1 "nothing.gguf"        show "$TAP_TMP/nothing.gguf"
sentence "a name that is a path out of the store" 1 ""      show "../../etc/passwd"
sentence "an empty name"            2 "empty"               show ""

# Cut at many places: never a crash, always a sentence with the file's name.
size=$(stat -c %s "$TAP_TMP/good.gguf")
for n in 5 8 12 20 23 24 100 1000 5000 9000 $((size / 2)) $((size - 1)); do
    head -c "$n" "$TAP_TMP/good.gguf" > "$TAP_TMP/cut.gguf"
    timeout 60 "$HEARTH" run "$TAP_TMP/cut.gguf" "x" --max-tokens 1 > "$TAP_TMP/out" 2> "$TAP_TMP/err" < /dev/null
    echo "$? $(grep -c '^hearth: .*cut.gguf' "$TAP_TMP/err")"
done | sort | uniq -c | tr -s ' ' > "$TAP_TMP/cuts"
is "a file cut at twelve places" "$(cat "$TAP_TMP/cuts")" " 12 1 1"

# ---- templates that a stranger wrote ----
template() { "$make_model" "$TAP_TMP/template.gguf" seed=3 layers=1 "chat_template=$1"; }
template '{% for i in range(10**9) %}x{% endfor %}'
sentence "a template that counts to a thousand million" 1 "" run "$TAP_TMP/template.gguf" "x"
template '{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}'
sentence "a macro that calls itself" 1 "" run "$TAP_TMP/template.gguf" "x"
template '{{ "".__class__.__mro__ }}'
out=$("$HEARTH" run "$TAP_TMP/template.gguf" "x" --max-tokens 1 2> "$TAP_TMP/err" < /dev/null)
lacks "a template sees nothing of the host" "$out$(cat "$TAP_TMP/err")" "object"
template '{{ raise_exception("no system text here, please") }}'
sentence "a template that refuses"  1 "no system text here, please" run "$TAP_TMP/template.gguf" "x"
template '{% if %}'
sentence "a template that is none"  1 "line 1"              run "$TAP_TMP/template.gguf" "x"

# ---- what is written ----
echo precious > "$TAP_TMP/there.gguf"
sentence "quantize does not replace a file unasked" 1 "--force" quantize "$TAP_TMP/good.gguf" Q8_0 -o "$TAP_TMP/there.gguf"
is "... which is as it was" "$(cat "$TAP_TMP/there.gguf")" precious
ok "... but with --force" "$HEARTH" quantize "$TAP_TMP/good.gguf" Q8_0 -o "$TAP_TMP/there.gguf" --force
ok "... a model that can be shown" "$HEARTH" show "$TAP_TMP/there.gguf"
sentence "a folder that is not there" 1 "nowhere"           quantize "$TAP_TMP/good.gguf" Q8_0 -o "$TAP_TMP/nowhere/x.gguf"
sentence "no such type"             2 "did you mean Q8_0?"  quantize "$TAP_TMP/good.gguf" Q8_O -o "$TAP_TMP/x.gguf"
sentence "no place"                 2 "-o FILE"             quantize "$TAP_TMP/good.gguf" Q8_0
sentence "a damaged source"         1 "cut.gguf"            quantize "$TAP_TMP/cut.gguf" Q8_0 -o "$TAP_TMP/x.gguf"
is "nothing half-written is left" "$(ls "$TAP_TMP" | grep -c 'x.gguf\|tmp$')" 0

# ---- texts ----
sentence "perplexity of a text too short" 1 ""              perplexity smollm2 /dev/null
printf 'a few words' > "$TAP_TMP/short"
sentence "perplexity of a few words" 2 "tokens"             perplexity smollm2 "$TAP_TMP/short"
sentence "perplexity of a file that is not there" 1 "nofile" perplexity smollm2 "$TAP_TMP/nofile"
sentence "perplexity of a device"   1 "not a regular file"  perplexity smollm2 /dev/zero
sentence "perplexity with a window of none" 2 "--ctx"       perplexity smollm2 "$TAP_TMP/short" --ctx 0

# ---- numbers that are none or too large ----
call run smollm2 "x" --ctx 16777216 --kv f32 --max-tokens 1
is "--ctx beyond all memory: no crash"  "$([ $status -le 1 ] && echo whole)" whole
sentence "--ctx larger than allowed" 2 "from 1 to 16777216" run smollm2 "x" --ctx 99999999999999999999
sentence "--threads 0"              2 "from 1 to 1024"      run smollm2 "x" --threads 0
sentence "--temp inf"               2 "\"inf\""             run smollm2 "x" --temp inf
sentence "--seed -1"                2 "from 0"              run smollm2 "x" --seed -1

# ---- streams that the caller closed: what would be opened in their place must not be taken for them ----
out=$("$HEARTH" run "$TAP_TMP/good.gguf" "x" --max-tokens 1 --json 2> "$TAP_TMP/err" <&-)
has "standard input closed: nothing comes from it" "$? $out" '0 {'
"$HEARTH" show "$TAP_TMP/good.gguf" 2> "$TAP_TMP/err" < /dev/null >&-
is "standard output closed: that is said" "$? $(grep -c '^hearth: standard output could not be written' "$TAP_TMP/err")" "1 1"
"$HEARTH" quantize "$TAP_TMP/good.gguf" Q8_0 -o "$TAP_TMP/closed.gguf" <&- >&- 2>&-
ok "all three closed: the file written is whole" "$HEARTH" show "$TAP_TMP/closed.gguf"

# ---- a model that becomes shorter while it is in use ----
"$make_model" "$TAP_TMP/shrinks.gguf" seed=3 layers=1 'chat_template={{ messages[0].content }}'
: > "$TAP_TMP/err"
{
    for i in $(seq 300); do grep -q '^context:' "$TAP_TMP/err" && break; sleep 0.1; done
    truncate -s 1000 "$TAP_TMP/shrinks.gguf"
    echo hello
} | "$HEARTH" chat "$TAP_TMP/shrinks.gguf" --verbose --no-history > "$TAP_TMP/out" 2> "$TAP_TMP/err"
is "a model that becomes shorter while it is in use" "$? $(grep -c '^hearth: .*became shorter' "$TAP_TMP/err")" "1 1"

# ---- a file larger than the person may write ----
(ulimit -f 100; "$HEARTH" quantize "$TAP_TMP/good.gguf" Q8_0 -o "$TAP_TMP/limit.gguf" > "$TAP_TMP/out" 2> "$TAP_TMP/err" < /dev/null)
is "a file larger than ulimit -f allows: a sentence, and nothing is left" \
   "$? $(grep -c '^hearth: .*limit.gguf' "$TAP_TMP/err") $(ls "$TAP_TMP" | grep -c 'limit')" "1 1 0"

# ---- a name that would drive the terminal ----
terminal "pause 0.2" show "$(printf 'x\033]0;owned\007.gguf')"
lacks "an escape sequence in a name is not sent to the terminal" "$out" "$(printf '\033]0;')"

# ---- Ctrl-C ----
terminal 'wait window
keys \x03' perplexity smollm2 "$root/data/text/moby-dick-1-11.txt"
has "Ctrl-C ends a long measurement with 130" "$out" "exit 130"
tap_end
