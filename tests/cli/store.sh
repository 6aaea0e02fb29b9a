#!/bin/sh
# hearth import, list, rm, and MODEL as a name, a file or a folder: what a person sees of the store.
. "$(dirname "$0")/tap.sh"
tap_begin 59
tools=$(cd "$(dirname "$0")/../tools" && pwd)
[ -x "$HEARTH" ] || { echo "$HEARTH is not there" >&2; exit 1; }

HEARTH_HOME=$TAP_TMP/home; export HEARTH_HOME
hearth() { "$HEARTH" "$@" > "$TAP_TMP/out" 2> "$TAP_TMP/err" < /dev/null; status=$?; out=$(cat "$TAP_TMP/out"); err=$(cat "$TAP_TMP/err"); }
# json EXPRESSION: of the list that `hearth list --json` printed
json() { "$HEARTH" list --json "$@" < /dev/null | python3 -c 'import json, sys; l = json.load(sys.stdin); print(eval(sys.argv[1]))' "$expr"; }
python3 - "$TAP_TMP" <<'E2'
import struct, sys
def text(s): return struct.pack("<Q", len(s)) + s.encode()
for name in ("one", "two"):
    kv = [("general.architecture", "llama"), ("general.license", "apache-2.0"), ("general.name", name)]
    if name == "two": kv.append(("tokenizer.chat_template", "{{ messages[0].content }}"))
    with open(f"{sys.argv[1]}/{name}.gguf", "wb") as f:
        f.write(b"GGUF" + struct.pack("<IQQ", 3, 0, len(kv)) + b"".join(text(k) + struct.pack("<I", 8) + text(v) for k, v in kv))
E2
sum() { sha256sum "$1" | cut -d' ' -f1; }
before=$(sum "$TAP_TMP/one.gguf"; stat -c '%i %Y %h' "$TAP_TMP/one.gguf")

# ---- an empty store ----
hearth list; is "an empty store is no error" "$status $err" "0 "
has "only the heading" "$out" "NAME  SIZE"
is "looking makes no folder" "$(ls "$TAP_TMP")" "$(printf 'err\none.gguf\nout\ntwo.gguf')"
expr='l'; is "as JSON: an empty list" "$(json)" "[]"
hearth list --all; has "--all: the catalogue" "$out" "smollm2"
has "--all: sizes" "$out" "98.4 MB"
has "--all: the label" "$out" "third-party copy, checksum pinned"
hearth list --names; has "--names: the catalogue too" "$out" "gemma3-270m-base"
is "--names: one word a line" "$(grep -c ' ' "$TAP_TMP/out")" 0

# ---- import ----
hearth import "$TAP_TMP/one.gguf"
is "import" "$status $err" "0 "
has "import says what it did" "$out" "imported one: llama, 0 parameters, "
has "and where the file is" "$out" "used where it lies, $TAP_TMP/one.gguf"
is "the file is as it was" "$(sum "$TAP_TMP/one.gguf"; stat -c '%i %Y %h' "$TAP_TMP/one.gguf")" "$before"
is "nothing is copied" "$(ls "$HEARTH_HOME/models/blobs")" ""
cd "$TAP_TMP" || exit 1
hearth import --name Two:Test --copy two.gguf
has "import --copy" "$status $out" "a copy is kept at $HEARTH_HOME/models/blobs/sha256-$(sum two.gguf)"
is "the copy is the same" "$(sum "$HEARTH_HOME/models/blobs/sha256-$(sum two.gguf)")" "$(sum two.gguf)"
is "and no hard link" "$(stat -c %h two.gguf)" 1
hearth import one.gguf; is "again the same: fine" $status 0
hearth import two.gguf --name two:test; has "a name for which the store has the same bytes" "$status $err" "2 hearth: the store has two:test already"
hearth import two.gguf --name one
is "a name that is taken" $status 2
has "and by what" "$err" "the name one stands for $TAP_TMP/one.gguf already"
hearth import two.gguf --name ../two; is "a path is no name" $status 2
hearth import; is "no file: usage" $status 2
hearth import nothing.gguf; has "no such file" "$status $err" "1 hearth: nothing.gguf: cannot open"
hearth import /dev/zero; has "a device" "$status $err" "1 hearth: /dev/zero: not a regular file"
echo text > text.gguf; hearth import text.gguf; has "no GGUF" "$status $err" "1 hearth: "
has "it is named" "$err" "text.gguf"
head -c 40 one.gguf > cut.gguf; hearth import cut.gguf; has "half a GGUF" "$status $err" "1 hearth: "
rm text.gguf cut.gguf
hearth import .; is "a folder with two" $status 2
has "both are named" "$err" "one.gguf, two.gguf"
mkdir sub; cp two.gguf sub/three.gguf
hearth import sub; has "a folder with one" "$status $out" "0 imported three: "

# ---- list ----
hearth list
is "three names in order" "$(awk 'NR > 1 { print $1 }' "$TAP_TMP/out" | tr '\n' ' ')" "one three two:test "
has "kind from the template" "$(grep '^two:test' "$TAP_TMP/out")" instruct
has "kind without one" "$(grep '^one' "$TAP_TMP/out")" base
has "where it lies" "$(grep '^one' "$TAP_TMP/out")" "$TAP_TMP/one.gguf"
has "the day" "$(grep '^one' "$TAP_TMP/out")" "$(date -u +%Y-)"
expr='[m["name"] for m in l]'; is "JSON: names" "$(json)" "['one', 'three', 'two:test']"
expr='(l[0]["sha256"], l[0]["path"], l[0]["place"], l[0]["bytes"], l[0]["licence"], l[0]["source"])'
is "JSON: fields" "$(json)" "('$(sum one.gguf)', '$TAP_TMP/one.gguf', 'in place', $(stat -c %s one.gguf), 'apache-2.0', None)"
expr='sum(m["place"] == "catalogue" for m in l) >= 2'; is "JSON with --all" "$(json --all)" True

# ---- rm ----
hearth rm one; has "rm of an imported file" "$status $out" "0 removed one; its file stays where it is: $TAP_TMP/one.gguf"
is "it stays" "$(sum one.gguf)" "$(echo "$before" | head -1)"
hearth rm two:test; has "rm of a stored file" "$status $out" "0 removed two:test: "
is "it goes" "$(ls "$HEARTH_HOME/models/blobs")" ""
is "the original stays" "$(ls two.gguf)" two.gguf
hearth rm one; is "twice" $status 1
hearth rm thre; has "a near match" "$status $err" "1 hearth: no model is called \"thre\"; did you mean three?"
hearth rm "$TAP_TMP/one.gguf"; is "a path is refused" $status 2
hearth rm ../names/three; is "a path inside the store too" $status 2
hearth rm nothing three; is "one of two: status 1" $status 1
is "and the other went" "$(ls "$HEARTH_HOME/models/names")" ""
hearth rm; is "no name: usage" $status 2
cp one.gguf lost.gguf; hearth import lost.gguf; rm lost.gguf
hearth list; has "an imported file that is gone" "$(grep '^lost' "$TAP_TMP/out")" "lost.gguf (gone)"
hearth rm lost; has "rm of it" "$status $out" "0 removed lost; its file was gone already: "

# ---- a store that cannot be written to, and one that is none ----
hearth import one.gguf
HEARTH_HOME=$TAP_TMP/one.gguf hearth import one.gguf; is "HEARTH_HOME is a file" $status 1
has "it is named" "$err" "$TAP_TMP/one.gguf"
(unset HEARTH_HOME HOME XDG_DATA_HOME; "$HEARTH" list > out 2> err < /dev/null); is "nowhere to look" $? 1
has "what to do" "$(cat err)" "set HEARTH_HOME"
cd / && HEARTH_HOME=$TAP_TMP/home hearth list; has "from another folder" "$out" "$TAP_TMP/one.gguf"
# a terminal is never driven by a file's name
cp "$TAP_TMP/one.gguf" "$TAP_TMP/$(printf 'evil\033[2Jname').gguf"
hearth import "$TAP_TMP/$(printf 'evil\033[2Jname').gguf" --name evil
shown=$(printf '' | python3 "$tools/terminal.py" "$HEARTH" list)
case $shown in *"$(printf '\033[2J')"*) tap_result 1 "control characters in a path" ;; *evil*) tap_result 0 "control characters in a path" ;; *) tap_result 1 "control characters in a path"; tap_note "$shown" ;; esac
tap_end
