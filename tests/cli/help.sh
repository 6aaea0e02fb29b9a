#!/bin/sh
# What the tables of the commands give: help, the version, manual pages, completion, near matches.
. "$(dirname "$0")/tap.sh"
tap_begin 37

commands="run chat pull list rm import show tokenize families doctor bench perplexity imatrix quantize"
# hearth ARG...: the program; its output in $out, its errors in $err, its status in $status
hearth() { out=$("$HEARTH" "$@" 2> "$TAP_TMP/err" < /dev/null); status=$?; err=$(cat "$TAP_TMP/err"); }

hearth --help
is "--help ends well" $status 0
missing=
for c in $commands; do case $out in *"
  $c "*) ;; *) missing="$missing $c" ;; esac; done
is "--help lists every command" "$missing" ""
hearth
is "no argument: usage" $status 2
is "no argument: nothing on standard output" "$out" ""
has "no argument: the commands on standard error" "$err" "hearth COMMAND"

bad= ; flat=
for c in $commands; do
    hearth "$c" --help
    [ "$status" = 0 ] || bad="$bad $c"
    case $out in "hearth $c"*"--help "*) ;; *) bad="$bad $c" ;; esac
    "$HEARTH" help "$c" > "$TAP_TMP/other"
    [ "$out" = "$(cat "$TAP_TMP/other")" ] || bad="$bad help-$c"
    "$HEARTH" "$c" --help | awk 'length > 100 { exit 1 }' || flat="$flat $c"
done
is "each command has its --help, and \`hearth help\` the same" "$bad" ""
is "help is wrapped" "$flat" ""

hearth --version
is "--version ends well" $status 0
has "--version: the version" "$out" "hearth 0."
has "--version: the commit" "$out" "commit: "
has "--version: the arithmetic" "$out" "arithmetic: version "
has "--version: the instruction set" "$out" "instruction set: "
has "--version: the features" "$out" "libcurl"
out=$(HEARTH_ISA=scalar "$HEARTH" --version)
has "--version: the instruction set that is chosen" "$out" "instruction set: scalar"

# A manual page has only requests of man(7), and begins with its title; man itself is not needed.
bad=
for c in "" $commands; do
    "$HEARTH" --man $c > "$TAP_TMP/page" || bad="$bad $c"
    head -n 1 "$TAP_TMP/page" | grep -q "^\.TH \"hearth${c:+-$c}\" 1 " || bad="$bad title-$c"
    grep "^[.']" "$TAP_TMP/page" | grep -Evq '^\.(TH|SH|SS|TP|PP)( |$)' && bad="$bad requests-$c"
    grep -q '^$' "$TAP_TMP/page" && bad="$bad empty-line-$c"
done
is "the manual pages are roff" "$bad" ""
hearth --man nothing
is "--man of no command: usage" $status 2

bad=
for c in $commands; do
    for o in $("$HEARTH" "$c" --help | sed -n 's/^  [- ][a-z ][, ] --\([a-z-]*\).*/\1/p'); do
        "$HEARTH" --man "$c" | sed 's/\\-/-/g' | grep -q -e "--$o" || bad="$bad man:$c:$o"
        for shell in bash zsh; do
            "$HEARTH" --completion $shell | grep -q -e "--$o" || bad="$bad $shell:$c:$o"
        done
        [ "$o" = help ] || "$HEARTH" --completion fish | grep "from $c'" | grep -q -e "-l $o " || bad="$bad fish:$c:$o"
    done
done
is "every option is in the manual page and the completions" "$bad" ""
hearth --completion tcsh
has "--completion of another shell: usage" "$status $err" "2 hearth: --completion: \"tcsh\""
hearth --completion
is "--completion alone: usage" $status 2

"$HEARTH" --completion bash > "$TAP_TMP/completion"
if command -v bash > "$TAP_TMP/which"; then
    cat > "$TAP_TMP/try" <<'E2'
compopt() { :; }
. "$1"; shift
PATH=$(dirname "$HEARTH"):$PATH
COMP_WORDS=(hearth "$@"); COMP_CWORD=$#; _hearth; echo "${COMPREPLY[*]}"
E2
    try() { HEARTH="$HEARTH" HEARTH_HOME="$TAP_TMP/home" bash "$TAP_TMP/try" "$TAP_TMP/completion" "$@"; }
    is "bash: a command" "$(try tok)" tokenize
    is "bash: an option" "$(try run --max)" --max-tokens
    is "bash: the words of an option" "$(try run m --kv q)" q8_0
    has "bash: the name of a model" " $(try run smol) " " smollm2 "
else
    for i in 1 2 3 4; do tap_result 1 "bash is not here: completion $i"; done
fi

# ---- mistakes: one sentence that names a near match, status 2, nothing on standard output ----
wrong() { # wrong NAME PART ARG...
    name=$1 part=$2; shift 2
    hearth "$@"
    lines=$(grep -c '' "$TAP_TMP/err")
    case "$status $lines [$out] $err" in
        "2 1 [] hearth: "*"$part"*) tap_result 0 "$name" ;;
        *) tap_result 1 "$name"; tap_note "status $status, $lines lines on standard error: $err" ;;
    esac
}
wrong "an unknown command"              "did you mean chat?"            chta
wrong "an abbreviated command"          "did you mean tokenize?"        tok
wrong "a command like none"             "hearth --help"                 xyzzy
wrong "an unknown option of hearth"     "did you mean --version?"       --versoin
wrong "an unknown option"               "did you mean --temp?"          run m p --tmep 1
wrong "an option written out"           "did you mean --temp?"          run m p --temperature 1
wrong "an unknown letter"               "goes after --"                 run m p -x
wrong "an option without its value"     "--seed N"                      run m p --seed
wrong "a flag with a value"             "takes no value"                run m p --json=yes
wrong "a number that is none"           "\"ten\""                       run m p --max-tokens ten
wrong "a number out of range"           "from 0 to 1"                   run m p --top-p 1.5
wrong "a number that is not finite"     "\"nan\""                       run m p --temp nan
wrong "a word that is not among those"  "f16, f32 or q8_0"              run m p --kv f8
wrong "too many arguments"              "\"c\" is one more"             run a b c
tap_end
