#!/bin/sh
# hearth without any of the optional libraries: it says what it lacks, runs a model file as the whole one does, and refuses the
# rest by naming the library.
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
tap_begin 15
: "${B:=$root/build}"
bare=$B/hearth-bare
model=$TAP_TMP/model.gguf
ok "a small model" "$B/tests/tools/make_model" "$model" type=Q5_K seed=8

version=$("$bare" --version)
for library in libcurl libzip zlib libedit libcrypto sqlite3 libmicrohttpd; do
    has "--version: without $library" "$version" "built without $library"
done
is "it links none of them" "$(ldd "$bare" | grep -E 'libcurl|libzip|libz\.|libedit|libcrypto|libsqlite|libmicrohttpd')" ""
answer() { "$1" run "$model" --raw "Why is the sky blue?" --max-tokens 16 --temp 0.7 --seed 4; }
wanted=$(answer "$HEARTH")
is "it answers as the whole one does" "$? $(answer "$bare")" "0 $wanted"
says=$("$bare" pull smollm2 2>&1); status=$?
has "pull names the library" "$status $says" "built without libcurl"
is "and has failed" $status 1
says=$("$bare" import "$model" 2>&1); status=$?
has "import names the library" "$status $says" "1 hearth: this hearth was built without libcrypto"
says=$(printf 'hello\n/bye\n' | "$bare" chat "$model" --max-tokens 4 2>&1); status=$?
lacks "chat needs none" "$says" "built without"
has "and says why this model cannot" "$status $says" "template"
tap_end
