#!/bin/sh
# Models of several files: GGUF in pieces used in place, entries of the catalogue for folders and pieces, file by file and out of a zip that comes
# in parts; what is left when one of them is wrong.
. "$(dirname "$0")/tap.sh"
tap_begin 38
[ -x "$HEARTH" ] || { echo "$HEARTH is not there" >&2; exit 1; }
HEARTH_HOME=$TAP_TMP/home; export HEARTH_HOME; mkdir "$HEARTH_HOME"
hearth() { "$HEARTH" "$@" > "$TAP_TMP/out" 2> "$TAP_TMP/err" < /dev/null; status=$?; out=$(cat "$TAP_TMP/out"); err=$(cat "$TAP_TMP/err"); }
cd "$TAP_TMP" || exit 1
text() { "$HEARTH" run "$1" "some words" --max-tokens 8 --temp 0 2> "$TAP_TMP/err" < /dev/null; }
"$B/tests/tools/make_model" m.gguf layers=2 width=64 heads=4 kv_heads=2 vocab=400 seed=4 &&
    "$B/tests/tools/make_folder" m.gguf folder 2 && mkdir pieces && "$B/tests/tools/make_pieces" m.gguf pieces/x 3 || exit 1
wanted=$(text ./m.gguf)
sum_of() { (cd "$1" && shift && sha256sum "$@" | sha256sum | cut -d' ' -f1); }

# ---- in place ----
is "the first piece runs" "$(text pieces/x-00001-of-00003.gguf)" "$wanted"
is "so does their folder" "$(text ./pieces)" "$wanted"
hearth run pieces/x-00002-of-00003.gguf x; has "another piece does not" "$status $err" "it is file 2 of 3, allowed: the first of them"
hearth import pieces --name parts; has "import" "$status $out" "0 imported parts: llama, "
is "by its name" "$(text parts)" "$wanted"
has "its digest is that of sha256sum's list" "$("$HEARTH" list --json)" "$(sum_of pieces x-00001-of-00003.gguf x-00002-of-00003.gguf x-00003-of-00003.gguf)"
hearth quantize pieces/x-00001-of-00003.gguf F16 -o one.gguf
is "written as one file" "$status $("$HEARTH" show ./one.gguf --json 2> "$TAP_TMP/err" | grep -c split)" "0 0"
hearth quantize pieces/x-00001-of-00003.gguf F16 -o pieces/x-00002-of-00003.gguf --force
has "not over one of them" "$status $err" "is read by this command, or would be the next time, so it is no place for what it writes"
mv pieces/x-00003-of-00003.gguf away; hearth run parts x; has "one is missing" "$status $err" "x-00003-of-00003.gguf"; mv away pieces/x-00003-of-00003.gguf
hearth rm parts; is "rm leaves them" "$status $(find pieces -type f | wc -l)" "0 3"

# ---- entries of the catalogue ----
entry() { # NAME DIR SOURCE [ARCHIVE] FILE...
    name=$1 dir=$2; shift 2; source=$1 archive=$2; shift 2
    printf '[model %s]\nkind = base\nlicence = MIT\nterms = Do as you like.\nsource = %s\nlabel = here\n' "$name" "$source"
    [ -z "$archive" ] || printf 'archive = %s %s\n' "$(sha256sum < "$archive" | cut -d' ' -f1)" "$(wc -c < "$archive")"
    printf 'sha256 = %s\nsize = %s\nfiles =\n' "$(sum_of "$dir" "$@")" "$(cd "$dir" && cat "$@" | wc -c)"
    for file; do printf '    %s %s %s%s\n' "$(sha256sum < "$dir/$file" | cut -d' ' -f1)" "$(wc -c < "$dir/$file")" "$file" "${archive:+!in/side/$file}"; done
}
files="config.json model-00001-of-00002.safetensors model-00002-of-00002.safetensors model.safetensors.index.json tokenizer.json tokenizer_config.json"
mkdir -p in && cp -r folder in/side && python3 -c 'import sys, zipfile
z = zipfile.ZipFile("all.zip", "w", zipfile.ZIP_DEFLATED)
for f in sys.argv[1:]: z.write("in/side/" + f)
z.write("in/side/config.json", "in/side/pytorch_model.bin")' $files && split -b 40000 all.zip part. || exit 1
parts=$(for part in part.*; do printf '\n    file:%s/%s' "$TAP_TMP" "$part"; done)
cp -r folder bad; printf 'x' | dd of=bad/model-00002-of-00002.safetensors bs=1 seek=2000 conv=notrunc 2> dd.log
{ entry plain folder "file:$TAP_TMP/folder/" "" $files
  entry zipped folder "$parts" all.zip $files
  entry split pieces "file:$TAP_TMP/pieces/" "" x-00001-of-00003.gguf x-00002-of-00003.gguf x-00003-of-00003.gguf
  entry wrong folder "file:$TAP_TMP/bad/" "" $files
  entry second folder "file:$TAP_TMP/bad/" "" $files | sed "s|^label = here|label = here\nsource = file:$TAP_TMP/folder/\nlabel = there|"
  entry lost folder "file:$TAP_TMP/lost/" "" $files
  entry short folder "file:$TAP_TMP/folder/" "" config.json model-00001-of-00002.safetensors model.safetensors.index.json tokenizer.json
  entry lies folder "file:$TAP_TMP/folder/" "" $files | sed 's/^sha256 = ..../sha256 = 0000/'
} > "$HEARTH_HOME/catalogue.ini"
whole=$(sum_of folder $files)
stored() { (cd "$HEARTH_HOME/models" && find . -type f | LC_ALL=C sort | tr '\n' ' '); }
one() { for file in $files; do printf './blobs/sha256-%s/%s ' "$whole" "$file"; done; printf './names/%s.ini ' "$1"; }
for kind in plain zipped; do
    hearth pull $kind; has "$kind: it is fetched" "$status $err" "0 hearth: $kind comes under the licence MIT"
    is "$kind: these files and no others" "$(stored)" "$(one $kind)"
    is "$kind: it runs" "$(text $kind)" "$wanted"
    is "$kind: each has its digest" "$(sum_of "$HEARTH_HOME/models/blobs/sha256-$whole" $files)" "$whole"
    has "$kind: show" "$("$HEARTH" show $kind 2>&1)" "llama"
    hearth pull $kind; is "$kind: again, and nothing is asked" "$status $err" "0 "
    [ $kind = zipped ] || { hearth rm $kind; has "$kind: rm removes all" "$status $(stored)$out" "0 removed plain: "; is "$kind: no file is left" "$(stored)" ""; }
done
hearth pull plain; is "another name for the same files: nothing is fetched" "$status $(stored)" "0 $(one plain)./names/zipped.ini "
hearth rm plain; is "rm keeps what another name stands for" "$(stored)" "$(one zipped)"
hearth rm zipped
hearth pull split; is "pieces" "$status $(text split)" "0 $wanted"
hearth rm split; is "pieces: rm" "$status $(stored)" "0 "
hearth pull second; has "the second source when a file of the first is wrong" "$status $(cat "$HEARTH_HOME/models/names/second.ini")" "label = there"
hearth rm second
hearth pull wrong; has "a file is not what it should be" "$status $err" "model-00002-of-00002.safetensors: wrong checksum"; is "nothing is left" "$(stored)" ""
hearth pull lies; has "the list's digest" "$status $err" "hearth: lies: its sha256 is 0000"; is "nothing is left of it" "$(stored)" ""
hearth pull short; has "files that are no whole model" "$status $err" "model-00002-of-00002.safetensors"
cp -r folder lost; rm lost/tokenizer.json
hearth pull lost; has "a file is missing at the source" "$status $err" "tokenizer.json"
is "what has come is kept" "$(find "$HEARTH_HOME/models/partial" -name '*.safetensors' | wc -l)" 2
hearth rm lost; has "rm forgets what had come" "$status $out $(stored)" "0 removed the unfinished download of lost"
hearth pull lost; cp folder/tokenizer.json lost; rm lost/*.safetensors
hearth pull lost; is "and gone on with" "$status $(text lost)" "0 $wanted"
tap_end
