#!/bin/sh
# `make dist`: the package, unpacked elsewhere, runs; the one executable answers in a root folder that holds nothing but
# itself and a model: no shared library, no /proc, no HOME, no network, no rights.
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
tap_begin 31
: "${B:=$root/build}" "${CC:=gcc}"
unset MAKEFLAGS MAKELEVEL            # of the make that runs the tests

ok "make dist" make -C "$root" --no-print-directory B="$B" CC="$CC" dist
version=$("$HEARTH" --version | sed -n '1s/^hearth //p')
arch=$(dpkg --print-architecture)
model=$TAP_TMP/model.gguf
ok "a small model" "$B/tests/tools/make_model" "$model" type=Q4_1 seed=5
answer() { "$@" run "$model_at" --raw "Why is the sky blue?" --max-tokens 12 --temp 0; }
model_at=$model wanted=$(answer "$HEARTH")
is "answers" "$?" 0

# ---- the package ----
deb=$B/dist/hearth_${version}_$arch.deb
ok "the package is there" test -s "$deb"
is "its name" "$(dpkg-deb -f "$deb" Package)" hearth
is "its version" "$(dpkg-deb -f "$deb" Version)" "$version"
is "its architecture" "$(dpkg-deb -f "$deb" Architecture)" "$arch"
depends=$(dpkg-deb -f "$deb" Depends)
has "it depends on libc6" "$depends" "libc6 (>="
has "and on the libraries of the core" "$depends" libpcre2-8-0
is "packages that exist, all of them" \
   "$(echo "$depends" | tr ',' '\n' | sed 's/(.*//; s/|.*//; s/ //g' | xargs dpkg-query -W -f '${db:Status-Status}\n' | sort -u)" installed
is "everything belongs to root" "$(dpkg-deb -c "$deb" | awk '$2 != "root/root"')" ""
ok "it unpacks" dpkg-deb -x "$deb" "$TAP_TMP/deb"
deb_hearth=$TAP_TMP/deb/usr/bin/hearth
is "its program is this version" "$("$deb_hearth" --version | head -n 1)" "hearth $version"
is "and answers as the built one does" "$(answer "$deb_hearth")" "$wanted"
ok "it brings the manual" gzip -t "$TAP_TMP/deb/usr/share/man/man1/hearth.1.gz"
ok "and the licence" test -s "$TAP_TMP/deb/usr/share/doc/hearth/copyright"

# ---- the archive ----
name=hearth-$version-$arch
ok "the archive is there" test -s "$B/dist/$name.tar.gz"
tar -C "$TAP_TMP" -xzf "$B/dist/$name.tar.gz"
is "what it holds" "$(cd "$TAP_TMP/$name" && ls | tr '\n' ' ')" "LICENSE LICENSES-OF-LIBRARIES README.md hearth "
has "the licence of the C library is among them" "$(cat "$TAP_TMP/$name/LICENSES-OF-LIBRARIES")" "======== libc6-dev ========"
has "the executable is whole" "$(ldd "$TAP_TMP/$name/hearth" 2>&1)" "statically linked"
has "it says what it lacks" "$("$TAP_TMP/$name/hearth" --version)" "built without libcurl"
is "it answers as the built one does" "$(answer "$TAP_TMP/$name/hearth")" "$wanted"

empty=$TAP_TMP/empty
mkdir "$empty"
cp "$TAP_TMP/$name/hearth" "$model" "$empty"
is "the folder holds the program and a model" "$(ls "$empty" | tr '\n' ' ')" "hearth model.gguf "
# A user of no rights without a network, its root in the folder; as root where user namespaces are switched off.
alone() { env -i HEARTH_HOME="${store:-}" "$(command -v unshare)" $how "$(command -v chroot)" "$empty" /hearth "$@"; }
how=-rn
unshare $how true 2> "$TAP_TMP/err" || how=-n
model_at=/model.gguf
is "in an empty root folder it answers the same" "$(answer alone 2> "$TAP_TMP/err")" "$wanted"
has "and says why it leaves no receipt there" "$(cat "$TAP_TMP/err")" "no receipt will be made of this answer: HOME is"
store=/store
is "with a folder to keep things in, too" "$(answer alone 2> "$TAP_TMP/err")" "$wanted"
has "and it says once what it keeps" "$(cat "$TAP_TMP/err")" "each answer leaves a receipt in /store/ledger"
is "afterwards it complains of nothing" "$(answer alone 2>&1)" "$wanted"
ok "the receipts are there, and whole" alone ledger verify
has "it knows its machine" "$(alone doctor 2>&1)" "instruction sets"
has "and says why it fetches nothing" "$(alone pull smollm2 2>&1)" "built without libcurl"
tap_end
